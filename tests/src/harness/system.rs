//! What a history can be run on.

use crate::history::Input;
use crate::model::{At, Kind, Model, Outcome, World};
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::pipeline;
use vpcd_dataplane::wire::Frame;

/// The end of a frame's way, by the frame's number.
#[derive(Clone, Debug, PartialEq)]
pub struct Done {
    pub seq: u64,
    pub outcome: Outcome,
}

/// Something that forwards packets.
pub trait System {
    /// Everything after this obeys `next`.
    fn publish(&mut self, next: &World);
    /// Judges frames in order; a held fragment's end may come in a later call.
    fn run(&mut self, frames: &[Input]) -> Vec<Done>;
    /// The end of input.
    fn finish(&mut self) -> Vec<Done>;
}

/// The dataplane, in memory.
pub struct Engine {
    memory: Memory,
    /// Frame by frame: which of two workers takes the last place to a destination is decided by who comes first.
    in_turn: bool,
}

impl Engine {
    /// With the given workers, with or without remembered actions.
    pub fn new(setup: &super::Setup, workers: usize, cache: bool) -> Engine {
        let super::Setup { seed, ports_per_slice, flows_per_destination } = *setup;
        let config = Config {
            seed,
            sessions: 1 << 16,
            workers,
            cache,
            strict_l2: false,
            ports_per_slice,
            flows_per_destination,
        };
        Engine { memory: Memory::new(config), in_turn: workers > 1 && setup.is_tight() }
    }
}

impl System for Engine {
    fn publish(&mut self, next: &World) {
        self.memory.publish(crate::build::topology(next));
    }

    fn run(&mut self, frames: &[Input]) -> Vec<Done> {
        let frames = frames.iter().map(|f| {
            let mut frame = Frame::from_bytes(&f.bytes);
            (frame.port, frame.seq, frame.ts) = (f.port, f.seq, f.ts);
            frame
        });
        let done_of = |memory: &mut Memory, frames| memory.run(frames).into_iter().map(done).collect::<Vec<_>>();
        if self.in_turn {
            return frames.flat_map(|f| done_of(&mut self.memory, vec![f])).collect();
        }
        done_of(&mut self.memory, frames.collect())
    }

    fn finish(&mut self) -> Vec<Done> {
        self.memory.finish().into_iter().map(done).collect()
    }
}

fn done(d: vpcd_dataplane::engine::Done) -> Done {
    let v = d.verdict;
    let kind = match v.kind {
        pipeline::Kind::Forward => Kind::Forward,
        pipeline::Kind::Reply => Kind::Reply,
        pipeline::Kind::Punt => Kind::Punt,
        pipeline::Kind::Drop => Kind::Drop,
    };
    let at = v.at.map(|at| match at {
        pipeline::At::Eni(i) => At::Eni(i.at()),
        pipeline::At::Subnet(i) => At::Subnet(i.at()),
        pipeline::At::InternetGateway(i) => At::Igw(i.at()),
        pipeline::At::EgressOnly(i) => At::Eigw(i.at()),
        pipeline::At::VpnGateway(i) => At::Vgw(i.at()),
        pipeline::At::Nat(i) => At::Nat(i.at()),
        pipeline::At::Internet => At::Internet,
    });
    let out = d.out.into_iter().map(|(port, frame)| (port, frame.bytes().to_vec())).collect();
    let outcome = Outcome { kind, stage: v.stage.map(|s| s.name()), reason: v.reason.map(|r| r.name()), at, out };
    Done { seq: d.seq, outcome }
}

/// The model as a system: it takes external ports as it likes. For trying out histories, and to show what it does alone.
pub struct Alone(pub Model);

impl System for Alone {
    fn publish(&mut self, next: &World) {
        self.0.set_world(next.clone());
    }

    fn run(&mut self, frames: &[Input]) -> Vec<Done> {
        let mut done = Vec::new();
        for f in frames {
            let ended = self.0.frame(f.seq, f.ts, f.port, &f.bytes, &|_| None);
            done.extend(ended.into_iter().map(|(seq, outcome)| Done { seq, outcome }));
        }
        done
    }

    fn finish(&mut self) -> Vec<Done> {
        self.0.finish().into_iter().map(|(seq, outcome)| Done { seq, outcome }).collect()
    }
}
