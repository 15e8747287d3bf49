//! Elastic IP addresses.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
