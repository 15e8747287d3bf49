//! Instances, as far as networking needs them.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
