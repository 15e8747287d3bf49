//! Random histories: a configuration, frames that hosts of it would (and would not) send, clocks that jump, and changes of
//! the configuration in between. A history is played against a system, because hosts answer what they receive; what was
//! played is a plain list of steps that can be run again. Read [`Player`] for what is sent, `topology` for what is configured.

mod change;
pub mod frames;
mod rng;
mod topology;
mod traffic;

pub use change::KINDS as CHANGES;
pub use frames::BROKEN;
pub use rng::Rng;
pub use topology::random as random_world;
pub use traffic::Player;

use crate::model::World;

/// One frame as a port delivers it.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    pub seq: u64,
    /// Nanoseconds.
    pub ts: u64,
    /// 0: internet; n + 1: ENI n; others: virtual private gateways.
    pub port: u32,
    pub bytes: Vec<u8>,
}

/// One step of a history.
#[derive(Clone, Debug)]
pub enum Step {
    Publish(Box<World>),
    Frames(Vec<Input>),
}

/// Kinds of frames a set of histories must hold, besides [`BROKEN`].
pub const FRAMES: [&str; 40] = [
    "burst",
    "tracked elastic ip moved",
    "low ttl",
    "big, do not fragment",
    "big",
    "options or extension headers",
    "zero udp checksum",
    "wrong l4 checksum",
    "tcp syn",
    "tcp syn-ack",
    "tcp data",
    "tcp fin",
    "tcp rst",
    "icmp query",
    "icmp timestamp",
    "icmpv6 query",
    "icmp error",
    "other protocol",
    "padding",
    "answer",
    "asymmetric",
    "repeated tuple",
    "at a timeout",
    "clock jump",
    "middlebox forwards",
    "spoofed",
    "land",
    "martian source",
    "odd destination",
    "fragments in order",
    "fragments out of order",
    "fragments overlapping",
    "fragments without the first",
    "fragments, the first late",
    "too many fragments",
    "arp",
    "neighbour discovery",
    "neighbours of the internet",
    "from a vgw",
    "answer to a NAT gateway's private address",
];
