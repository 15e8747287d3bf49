//! Network interfaces and their addresses.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
