//! Subnets, their IPv6 blocks, attributes and CIDR reservations.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
