//! Images, instance types and key pairs.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
