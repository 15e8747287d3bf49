//! Who looks over a walk's shoulder. The walk is generic over it, so that a worker pays nothing and `explain` sees every gate,
//! from one and the same code.

use super::verdict::{At, Stage};
use crate::topology::{RouteTableIdx, Target};
use ipnet::IpNet;
use vpcd_wire::FiveTuple;

/// What decided at a gate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The gate asked nothing more than the packet itself.
    Plain,
    /// A live track: the packet belongs to a flow that was admitted before.
    Tracked,
    /// An ICMP error about a flow that is tracked or would be admitted.
    Related,
    /// A security-group rule, by its number in the topology.
    Rule(u32),
    /// No rule.
    NoRule,
    /// A NACL entry by number; 32767 and 32768 are the `*` entries.
    Entry(u16),
    /// A route of this table.
    Route(RouteTableIdx, IpNet, Target),
    /// No route of this table.
    NoRoute(RouteTableIdx),
    /// The tuple before and after a translation.
    Translated(FiveTuple, FiveTuple),
    /// A live flow or binding of a gateway.
    Known,
    /// A flow or binding made for this packet.
    New,
}

/// Sees each gate in order.
pub trait Observer {
    /// A gate at `at` let the packet on (`passed`) or stopped it, because of `cause`.
    fn gate(&mut self, stage: Stage, at: At, passed: bool, cause: Cause);
}

/// Looks away.
impl Observer for () {
    #[inline]
    fn gate(&mut self, _: Stage, _: At, _: bool, _: Cause) {}
}

/// One line of an explanation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gate {
    pub stage: Stage,
    pub at: At,
    pub passed: bool,
    pub cause: Cause,
}

/// Keeps the whole way.
impl Observer for Vec<Gate> {
    fn gate(&mut self, stage: Stage, at: At, passed: bool, cause: Cause) {
        self.push(Gate { stage, at, passed, cause });
    }
}
