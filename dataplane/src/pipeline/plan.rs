//! What a walk comes to: where the packet goes, as what, which state that rests on, and which objects were asked.

use super::verdict::{At, Reason, Stage};
use crate::session::Key;
use crate::topology::{Dep, NatIdx, PortNo, Timeouts};
use vpcd_wire::{FiveTuple, Mac};

/// Objects asked, in order of asking, each once. A way over both ends of a NAT and a hairpin asks fewer than this many.
pub(super) const MAX_DEPS: usize = 32;

/// A list of [`Dep`]s without allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Deps {
    list: [Dep; MAX_DEPS],
    len: u8,
}

impl Deps {
    /// Notes one.
    pub fn note(&mut self, dep: Dep) {
        if !self.as_slice().contains(&dep) {
            assert!((self.len as usize) < MAX_DEPS, "a walk asks fewer objects than MAX_DEPS");
            self.list[self.len as usize] = dep;
            self.len += 1;
        }
    }
    /// What was noted.
    pub fn as_slice(&self) -> &[Dep] {
        &self.list[..self.len as usize]
    }
}

/// State a forwarded packet touches, or makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Touch {
    /// A security-group track.
    Track {
        key: Key,
        /// The packet was sent by the ENI whose track it is.
        from_owner: bool,
        /// The live track that admitted it; none: rules did.
        live: Option<u32>,
        /// Whether rules admitting it make a track (SG-202).
        make: bool,
        limits: Timeouts,
    },
    /// A NAT binding.
    Binding {
        /// The remote's tuple towards the external port.
        key: Key,
        from_remote: bool,
        live: Option<u32>,
        nat: NatIdx,
        client: (u32, u16),
    },
    /// An egress-only flow.
    Flow { key: Key, from_remote: bool, live: Option<u32> },
}

impl Touch {
    /// Whether the packet goes the way of the state's tuple, not against it.
    pub fn from_sender(&self) -> bool {
        match *self {
            Touch::Track { from_owner: along, .. }
            | Touch::Binding { from_remote: along, .. }
            | Touch::Flow { from_remote: along, .. } => along,
        }
    }
}

/// At most: sender's track, gateway, receiver's track.
const MAX_TOUCHES: usize = 4;

/// The outcome of a walk that forwards.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub egress: PortNo,
    /// The tuple the packet leaves with.
    pub tuple: FiveTuple,
    /// The quoted tuple an ICMP error leaves with.
    pub quote: Option<FiveTuple>,
    /// A NAT gateway was crossed: TTL less one.
    pub nat: bool,
    /// The packet left a VPC: pieces of at most 1500 bytes.
    pub edge: bool,
    /// Straight to a neighbour: the sender's MAC stays.
    pub neighbour: bool,
    pub deps: Deps,
    touches: [Option<Touch>; MAX_TOUCHES],
}

impl Plan {
    pub(super) fn new(tuple: FiveTuple, quote: Option<FiveTuple>) -> Plan {
        Plan {
            egress: 0,
            tuple,
            quote,
            nat: false,
            edge: false,
            neighbour: false,
            deps: Deps::default(),
            touches: [None; MAX_TOUCHES],
        }
    }

    pub(super) fn touch(&mut self, touch: Touch) {
        if let Some(free) = self.touches.iter_mut().find(|t| t.is_none()) {
            *free = Some(touch);
        }
    }

    /// State touched, in order of the way.
    pub fn touches(&self) -> impl Iterator<Item = &Touch> {
        self.touches.iter().flatten()
    }

    /// A NAT gateway tracks its clients' flows whatever the rules say (SG-202).
    pub(super) fn track_client(&mut self) {
        if let Some(Touch::Track { make, .. }) = self.touches.iter_mut().rev().flatten().next() {
            *make = true;
        }
    }
}

/// NAT gateways that a packet reached, in order, and whether from the internet. Around a hairpin there may be two.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visits([Option<(NatIdx, bool)>; 2]);

impl Visits {
    pub(super) fn note(&mut self, nat: NatIdx, from_remote: bool) {
        if let Some(free) = self.0.iter_mut().find(|v| v.is_none()) {
            *free = Some((nat, from_remote));
        }
    }

    /// (gateway, from the internet).
    pub fn iter(&self) -> impl Iterator<Item = (NatIdx, bool)> {
        self.0.iter().flatten().copied()
    }
}

/// A walk that does not forward.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    Drop(Stage, Reason, At),
    Punt,
    Answer(Answer),
}

/// Frames that the fabric itself sends back to the port a frame came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// ARP or neighbour discovery: this address is at this MAC.
    Neighbour { mac: Mac, router: bool },
    /// Router advertisement.
    Router,
    /// Fragmentation needed, packet too big (IGW-23).
    TooBig(Stage, At),
    /// From a NAT gateway's private address (NAT-29).
    TtlExceeded(NatIdx),
    /// A segment of no binding (NAT-42).
    Reset(NatIdx),
}

impl Answer {
    /// What it reports, if it is an error. Those are paced, other answers are not.
    pub fn error(&self) -> Option<(Stage, Reason, At)> {
        match *self {
            Answer::Neighbour { .. } | Answer::Router => None,
            Answer::TooBig(stage, at) => Some((stage, Reason::TooBig, at)),
            Answer::TtlExceeded(nat) => Some((Stage::Natgw, Reason::TtlExceeded, At::Nat(nat))),
            Answer::Reset(nat) => Some((Stage::Natgw, Reason::NoBinding, At::Nat(nat))),
        }
    }
}
