//! What is remembered about flows.
//!
//! One index per shard finds an *entry* by (port the packet came in by, tuple as that side sends it). An entry may hold
//! *state*, which the rules demand (a security-group track of the ENI that sends this tuple, a NAT binding or an egress-only
//! flow of the internet side), and an *action*, which is the remembered outcome of a walk and may be forgotten at any time. Entries live
//! in pairs, a *session*: the two directions of a flow share two neighbouring cache lines. Where a way is asymmetric an action
//! names the other entry that it rests on (`peer`), with the epoch under which it knew it.
//!
//! Nothing here ticks: an entry is dead when `now - last >= limit`, judged when somebody looks. Reclaiming is a clock hand over
//! the sessions that frees what is dead; it changes no verdict.

mod flows;
mod hash;
mod index;
mod slot;

pub use flows::{Flows, Full, NO_ENTRY, Usage};
pub use hash::{FlowHash, steering_ports};
pub(crate) use slot::NAT_IDLE_MS;
pub use slot::{Kind, Life, Slot, flag, state};

use crate::topology::PortNo;
use vpcd_wire::FiveTuple;

/// What an entry is found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Port the packets of this direction come in by.
    pub ingress: PortNo,
    /// Tuple as that side sends it.
    pub tuple: FiveTuple,
}

impl Key {
    /// Names a direction.
    pub fn new(ingress: PortNo, tuple: FiveTuple) -> Key {
        Key { ingress, tuple }
    }
}

/// Engine time in milliseconds, truncated to 32 bits where it is stored: idleness is judged modulo 49 days, and
/// [`Flows::reclaim`] sees every session far more often than that.
#[inline]
pub fn stamp(now_ns: u64) -> u32 {
    (now_ns / 1_000_000) as u32
}
