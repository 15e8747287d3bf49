//! Internet gateways and egress-only internet gateways.

use super::Operation;

pub(super) const OPERATIONS: &[Operation] = &[];
