//! Security groups and their rules.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
