//! Who runs the pipeline on which packets: shards that own flows, workers that own shards, and what carries frames between them.
//!
//! There are always 64 shards, whatever the number of workers, so one worker or eight make the same choices. A frame's shard follows from its
//! tuple ([`steer`]): both directions of a flow, and the answers through a NAT gateway, come to the same one. [`Worker`] runs batches of
//! frames through the shards it owns; [`Memory`] is the whole engine without ports or threads of its own, fed with frames
//! that carry their time: what tests, replay and benches use.

mod counters;
mod fragments;
mod memory;
mod pace;
mod paths;
mod ration;
mod shard;
mod steer;
mod worker;

pub use counters::{Counters, PortCounters};
pub use fragments::{Fate, Fragments};
pub use memory::{Done, Memory};
pub use ration::Ration;
pub use steer::{Place, Steering};
pub use worker::{Handed, Job, Worker};

use crate::nat::{Destinations, FLOWS_PER_DESTINATION, SLICE};
use crate::pipeline::{Deps, Verdict};
use crate::topology::PortNo;
use std::sync::Arc;
use vpcd_wire::Frame;

/// Largest batch a worker handles at once.
pub const BATCH: usize = 256;

/// How an engine is set up; fixed for its life.
#[derive(Clone, Debug)]
pub struct Config {
    /// Seed of hashes and NAT ports: the same seed and input give the same output.
    pub seed: u64,
    /// Sessions to have room for, over all shards.
    pub sessions: usize,
    /// Workers; 64 at most are of use.
    pub workers: usize,
    /// Remember the outcome of walks. Off: every packet walks (for tests).
    pub cache: bool,
    /// Frames from an ENI must carry its MAC and be addressed to the fabric, a neighbour or a group.
    pub strict_l2: bool,
    /// External ports of a NAT gateway that each shard may use per remote end.
    pub ports_per_slice: u16,
    /// Flows of a NAT gateway per remote end, in all shards together (NAT-34).
    pub flows_per_destination: u32,
}

impl Config {
    /// What the workers of one engine count together.
    pub fn destinations(&self) -> Arc<Destinations> {
        Destinations::new(self.flows_per_destination)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0,
            sessions: 65_536,
            workers: 1,
            cache: true,
            strict_l2: false,
            ports_per_slice: SLICE,
            flows_per_destination: FLOWS_PER_DESTINATION,
        }
    }
}

/// Where frames and verdicts go. `deps` are the objects asked on the way, where the frame was forwarded.
pub trait Sink {
    /// Whether `deps` is looked at for frames that hit a remembered action.
    const WAY: bool;
    /// A frame leaves by `port`; this is its verdict too.
    fn forward(&mut self, port: PortNo, frame: Frame, deps: Option<&Deps>);
    /// A piece of a frame leaves by `port`; [`Sink::done`] for the whole follows.
    fn send(&mut self, port: PortNo, piece: Frame);
    /// The fabric answers `cause` with `answer`, back to `port`.
    fn originate(&mut self, port: PortNo, answer: &Frame, cause: &Frame);
    /// The verdict on a frame that does not leave itself.
    fn done(&mut self, frame: Frame, verdict: Verdict, deps: Option<&Deps>);
}
