//! Prefix lists, Amazon's and customers'.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
