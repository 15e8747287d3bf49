//! The default VPC and its subnets.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
