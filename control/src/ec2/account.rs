//! Regions, zones, account attributes.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
