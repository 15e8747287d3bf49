//! Route tables, routes and associations.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
