//! DHCP option sets.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
