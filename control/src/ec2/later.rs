//! Families that are still to come: their Describe calls answer with empty sets.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
