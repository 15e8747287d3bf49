//! Tags of all resources.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
