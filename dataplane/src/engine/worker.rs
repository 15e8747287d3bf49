//! A worker: the shards it owns and the batch it is working on. A batch is parsed and steered, then its index lines are fetched, then
//! its entries, then each frame is handled in order: three short loops that overlap the cache misses of up to 256 packets.

use super::fragments::{Fate, Fragments};
use super::paths::Paths;
use super::shard::{Context, Shard, arp};
use super::steer::{Place, Steering};
use super::{BATCH, Config, Counters, Sink};
use crate::nat::{Destinations, SHARDS, Tallies};
use crate::pipeline::{At, Deps, Gate, Plan, Reason, Stage, Stop, Verdict};
use crate::session::{FlowHash, NAT_IDLE_MS, NO_ENTRY, Usage, stamp};
use crate::topology::{EniIdx, PortNo, Topology};
use std::sync::Arc;
use vpcd_wire::{FABRIC_MAC, Frame, Mac, Packet, Parsed, parse_frame};

/// Frames whose entries are fetched together: enough to overlap their misses, few enough that what was fetched is still in L1.
const GROUP: usize = 32;
/// No lease that begins now is due earlier (NAT-41).
const NAT_IDLE_NS: u64 = NAT_IDLE_MS as u64 * 1_000_000;

/// A parsed frame that knows its shard.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub packet: Packet,
    pub place: Place,
    /// When it is judged (ns): its arrival, or that of the first fragment it waited for.
    pub now: u64,
}

/// A frame on its way to the worker that owns its shard.
#[derive(Debug)]
pub struct Handed {
    pub frame: Frame,
    pub shard: u8,
    /// None: a fragment whose datagram is looked after there.
    pub job: Option<Job>,
}

/// Parsing, fragments and steering: everything before the shard is known.
pub(super) struct Intake {
    steering: Steering,
    fragments: Vec<Fragments>,
    strict_l2: bool,
    scratch: Frame,
    late: Vec<Frame>,
}

impl Intake {
    pub(super) fn new(config: &Config, hash: FlowHash) -> Intake {
        Intake {
            steering: Steering::new(hash),
            fragments: (0..SHARDS).map(|_| Fragments::default()).collect(),
            strict_l2: config.strict_l2,
            scratch: Frame::with_capacity(2048),
            late: Vec::new(),
        }
    }

    /// The common case: a whole IP packet, left in place.
    #[inline]
    fn plain(&self, topology: &Topology, frame: &Frame) -> Option<Job> {
        match parse_frame(frame, topology.mtu(frame.port)) {
            Ok(Parsed::Ip(packet)) if !packet.has(Packet::FRAGMENT) && !self.strict_l2 => {
                let place = self.steering.place(topology, frame.port, &packet, frame.bytes());
                Some(Job { packet, place, now: frame.ts })
            }
            _ => None,
        }
    }

    /// Every case: what can go on goes to `next` in order, what ends here to `sink`. A fragment whose datagram is not `mine` goes on without a job.
    pub(super) fn take<S: Sink>(
        &mut self,
        topology: &Topology,
        mut frame: Frame,
        sink: &mut S,
        mine: impl Fn(u8) -> bool,
        next: &mut impl FnMut(Handed),
    ) {
        let now = frame.ts;
        if self.strict_l2 && wrong_mac(topology, &frame) {
            let verdict = parse_drop(Reason::WrongMac, &frame);
            return sink.done(frame, verdict, None);
        }
        let packet = match parse_frame(&frame, topology.mtu(frame.port)) {
            Ok(Parsed::Ip(packet)) => packet,
            Ok(Parsed::Arp(request)) => {
                let verdict = arp(topology, &frame, &request, &mut self.scratch);
                if verdict == Verdict::REPLY {
                    sink.originate(frame.port, &self.scratch, &frame);
                }
                return sink.done(frame, verdict, None);
            }
            Err(error) => {
                let verdict = parse_drop(error.into(), &frame);
                return sink.done(frame, verdict, None);
            }
        };
        if !packet.has(Packet::FRAGMENT) {
            let place = self.steering.place(topology, frame.port, &packet, frame.bytes());
            return next(Handed { frame, shard: place.shard, job: Some(Job { packet, place, now }) });
        }
        let shard = self.steering.fragment_shard(&packet, frame.bytes());
        if !mine(shard) {
            return next(Handed { frame, shard, job: None });
        }
        let shard = usize::from(shard);
        let fragments = &mut self.fragments[shard % SHARDS];
        fragments.expire(now / 1_000_000, &mut self.late);
        for late in self.late.drain(..) {
            let verdict = parse_drop(Reason::FragmentTimeout, &late);
            sink.done(late, verdict, None);
        }
        match fragments.offer(now / 1_000_000, &mut frame, &packet) {
            Fate::Held => {}
            Fate::Drop(reason, frame, held) => {
                for frame in std::iter::once(frame).chain(held) {
                    let verdict = parse_drop(reason, &frame);
                    sink.done(frame, verdict, None);
                }
            }
            Fate::Go(packet, held) => {
                for (frame, packet) in std::iter::once((frame, packet)).chain(held) {
                    let place = self.steering.place(topology, frame.port, &packet, frame.bytes());
                    next(Handed { frame, shard: place.shard, job: Some(Job { packet, place, now }) });
                }
            }
        }
    }

    /// Gives up on fragments whose first has not come in time (`u64::MAX`: on all).
    pub(super) fn expire<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        let now = if now_ns == u64::MAX { u64::MAX } else { now_ns / 1_000_000 };
        for fragments in &mut self.fragments {
            fragments.expire(now, &mut self.late);
        }
        for late in self.late.drain(..) {
            let verdict = parse_drop(Reason::FragmentTimeout, &late);
            sink.done(late, verdict, None);
        }
    }

    /// The shard of a frame, whatever it holds.
    pub(super) fn shard(&self, topology: &Topology, frame: &Frame) -> u8 {
        match parse_frame(frame, topology.mtu(frame.port)) {
            Ok(Parsed::Ip(packet)) => self.steering.place(topology, frame.port, &packet, frame.bytes()).shard,
            _ => 0,
        }
    }

    /// Fragments waiting for their first.
    pub(super) fn held_frames(&self) -> u64 {
        self.fragments.iter().map(|f| f.held() as u64).sum()
    }
}

fn parse_drop(reason: Reason, frame: &Frame) -> Verdict {
    let at = At::of_port(frame.port);
    Verdict::drop(Stage::Parse, reason, Some(at))
}

fn wrong_mac(topology: &Topology, frame: &Frame) -> bool {
    let (Some(index), Some(header)) = (EniIdx::of_port(frame.port), frame.bytes().get(..12)) else {
        return false;
    };
    let mac =
        |at: usize| Mac([header[at], header[at + 1], header[at + 2], header[at + 3], header[at + 4], header[at + 5]]);
    let (to, from) = (mac(0), mac(6));
    let Some(eni) = topology.enis.get(index.at()) else {
        return false;
    };
    let known = to == FABRIC_MAC
        || to.is_multicast()
        || topology.enis.iter().any(|(_, e)| e.subnet == eni.subnet && e.mac == to);
    from != eni.mac || !known
}

/// The shards of one worker.
pub struct Worker {
    shards: Vec<Option<Shard>>,
    intake: Intake,
    paths: Paths,
    counters: Counters,
    cache: bool,
    scratch: Frame,
    jobs: Vec<Job>,
    /// Per frame of the batch: hash of its key, and the entry it most likely has.
    hashes: Vec<(u64, u32)>,
    rest: Vec<Handed>,
    /// What NAT gateways counted here.
    nats: Tallies,
    /// When leases are to be looked at next (ns).
    leases_due: u64,
    /// Next shard whose sessions are looked at for reclaiming.
    hand: usize,
}

impl Worker {
    /// Worker `number` of `config.workers`: it owns every shard whose number leaves that remainder.
    /// `destinations` is shared by all of them.
    pub fn new(number: usize, config: &Config, destinations: &Arc<Destinations>) -> Worker {
        let hash = FlowHash::new(config.seed);
        let workers = config.workers.clamp(1, SHARDS);
        let shard = |s: usize| (s % workers == number).then(|| Shard::new(s, config, hash, destinations));
        Worker {
            shards: (0..SHARDS).map(shard).collect(),
            intake: Intake::new(config, hash),
            paths: Paths::default(),
            counters: Counters::default(),
            cache: config.cache,
            scratch: Frame::with_capacity(2048),
            jobs: Vec::with_capacity(BATCH),
            hashes: Vec::with_capacity(BATCH),
            rest: Vec::with_capacity(BATCH),
            nats: Tallies::default(),
            leases_due: 0,
            hand: number,
        }
    }

    /// Makes room in the counters for the ports of a topology.
    pub fn prepare(&mut self, topology: &Topology) {
        self.counters.reserve(topology.port_count());
    }

    fn owns(&self, shard: u8) -> bool {
        matches!(self.shards.get(usize::from(shard)), Some(Some(_)))
    }

    /// Runs the frames of one worker that owns all shards. Each carries its port and the time (ns); `frames` is left empty.
    pub fn process<S: Sink>(&mut self, topology: &Topology, frames: &mut Vec<Frame>, sink: &mut S) {
        self.receive(topology, frames, sink, &mut |_| ());
    }

    /// Runs frames that came in here. What belongs to another worker goes to `hand`.
    pub fn receive<S: Sink>(
        &mut self,
        topology: &Topology,
        frames: &mut Vec<Frame>,
        sink: &mut S,
        hand: &mut impl FnMut(Handed),
    ) {
        self.prepare(topology);
        for batch in frames.chunks_mut(BATCH) {
            self.jobs.clear();
            for frame in batch.iter_mut() {
                self.counters.receive(frame.port, frame.len());
                // What is not plain takes its turn at the end of the batch, and all after it, to keep the order.
                match self.intake.plain(topology, frame) {
                    Some(job) if self.rest.is_empty() => {
                        if self.owns(job.place.shard) {
                            self.jobs.push(job);
                        } else {
                            let frame = std::mem::take(frame);
                            hand(Handed { frame, shard: job.place.shard, job: Some(job) });
                            self.jobs.push(NOTHING);
                        }
                    }
                    _ => {
                        self.sort_out(topology, std::mem::take(frame), sink, hand);
                        if self.rest.is_empty() {
                            // It ended here; a job that does nothing keeps its place.
                            self.jobs.push(NOTHING);
                        }
                    }
                }
            }
            let jobs = std::mem::take(&mut self.jobs);
            self.run(topology, batch, &jobs, sink);
            self.jobs = jobs;
            self.run_sorted(topology, sink);
        }
        frames.clear();
    }

    /// Runs what other workers handed over.
    pub fn accept<S: Sink>(
        &mut self,
        topology: &Topology,
        handed: &mut Vec<Handed>,
        sink: &mut S,
        hand: &mut impl FnMut(Handed),
    ) {
        self.prepare(topology);
        for handed in handed.drain(..) {
            match handed.job {
                Some(_) => self.rest.push(handed),
                None => self.sort_out(topology, handed.frame, sink, hand),
            }
        }
        self.run_sorted(topology, sink);
    }

    fn sort_out<S: Sink>(&mut self, topology: &Topology, frame: Frame, sink: &mut S, hand: &mut impl FnMut(Handed)) {
        let mut sink = Tally { counters: &mut self.counters, sink };
        let (rest, shards) = (&mut self.rest, &self.shards);
        let mine = |shard: u8| matches!(shards.get(usize::from(shard)), Some(Some(_)));
        self.intake.take(topology, frame, &mut sink, mine, &mut |handed| {
            if mine(handed.shard) { rest.push(handed) } else { hand(handed) }
        });
    }

    fn run_sorted<S: Sink>(&mut self, topology: &Topology, sink: &mut S) {
        if self.rest.is_empty() {
            return;
        }
        let mut rest = std::mem::take(&mut self.rest);
        let (mut frames, jobs): (Vec<Frame>, Vec<Job>) =
            rest.drain(..).map(|h| (h.frame, h.job.unwrap_or(NOTHING))).unzip();
        self.run(topology, &mut frames, &jobs, sink);
        self.rest = rest;
    }

    /// Gives up on fragments whose first did not come in time.
    pub fn expire<S: Sink>(&mut self, now_ns: u64, sink: &mut S) {
        self.intake.expire(now_ns, &mut Tally { counters: &mut self.counters, sink });
    }

    /// A frame that could not be handed over after all.
    pub fn hand_off_failed<S: Sink>(&mut self, handed: Handed, sink: &mut S) {
        self.failed(handed.frame, Reason::HandOffFull, sink);
    }

    /// A frame of `bytes` bytes that was sent, but that its port did not take.
    pub fn unsent<S: Sink>(&mut self, egress: PortNo, bytes: usize, frame: Frame, sink: &mut S) {
        self.counters.take_back(egress, bytes);
        self.failed(frame, Reason::PortFull, sink);
    }

    fn failed<S: Sink>(&mut self, frame: Frame, reason: Reason, sink: &mut S) {
        let at = At::of_port(frame.port);
        let verdict = Verdict::drop(Stage::Engine, reason, Some(at));
        Tally { counters: &mut self.counters, sink }.done(frame, verdict, None);
    }

    /// Runs jobs of this worker's shards in order; `frames[i]` is the frame of `jobs[i]` (there may be more frames than jobs).
    pub(super) fn run<S: Sink>(&mut self, topology: &Topology, frames: &mut [Frame], jobs: &[Job], sink: &mut S) {
        let mut overtaken = 0;
        for (frames, jobs) in frames.chunks_mut(GROUP).zip(jobs.chunks(GROUP)) {
            self.hashes.clear();
            for (frame, job) in frames.iter().zip(jobs) {
                let shard = self.shards.get(usize::from(job.place.shard)).and_then(Option::as_ref);
                let hash = shard.map_or(0, |s| s.flows.prefetch(job.place.hash, frame.port));
                self.hashes.push((hash, NO_ENTRY));
            }
            for ((hash, guess), job) in self.hashes.iter_mut().zip(jobs) {
                if let Some(shard) = self.shards.get(usize::from(job.place.shard)).and_then(Option::as_ref) {
                    *guess = shard.flows.prefetch_entry(*hash);
                }
            }
            for ((frame, job), &hash) in frames.iter_mut().zip(jobs).zip(&self.hashes) {
                if job.now >= self.leases_due {
                    self.leases_due = expire_leases(&mut self.shards, &mut self.nats, job.now);
                }
                let Some(shard) = self.shards.get_mut(usize::from(job.place.shard)).and_then(Option::as_mut) else {
                    continue;
                };
                let mut cx = Context {
                    topology,
                    paths: &mut self.paths,
                    cache: self.cache,
                    overtaken: &mut overtaken,
                    nats: &mut self.nats,
                    scratch: &mut self.scratch,
                };
                let now = shard.clock(job.now);
                match shard.hit(&mut cx, frame, &job.packet, hash, stamp(now)) {
                    Some((egress, path)) => {
                        self.counters.sent(egress, frame.len());
                        let deps = if S::WAY { self.paths.deps(path) } else { None };
                        sink.forward(egress, std::mem::take(frame), deps);
                    }
                    None => {
                        self.counters.walks += 1;
                        let mut sink = Tally { counters: &mut self.counters, sink };
                        shard.walk(&mut cx, std::mem::take(frame), &job.packet, now, &mut sink);
                    }
                }
            }
        }
        self.counters.rewalks += overtaken;
    }

    /// What would become of a frame of one of its shards, gate by gate; nothing changes.
    pub fn explain(&self, topology: &Topology, frame: &Frame, gates: &mut Vec<Gate>) -> Result<Plan, Stop> {
        let at = At::of_port(frame.port);
        let refused = |reason| Err(Stop::Drop(Stage::Parse, reason, at));
        match parse_frame(frame, topology.mtu(frame.port)) {
            Ok(Parsed::Ip(packet)) => {
                let place = self.intake.steering.place(topology, frame.port, &packet, frame.bytes());
                match self.shards.get(usize::from(place.shard)).and_then(Option::as_ref) {
                    Some(shard) => shard.ask(topology, frame, &packet, stamp(frame.ts), gates).0,
                    // A shard of another worker: its flows are not known here.
                    None => Err(Stop::Drop(Stage::Engine, Reason::HandOffFull, at)),
                }
            }
            Ok(Parsed::Arp(request)) => Err(crate::pipeline::arp(topology, frame.port, &request)),
            Err(error) => refused(error.into()),
        }
    }

    /// Ends what NAT gateways keep of flows that have been idle for too long.
    pub fn expire_leases(&mut self, now_ns: u64) {
        if now_ns >= self.leases_due {
            self.leases_due = expire_leases(&mut self.shards, &mut self.nats, now_ns);
        }
    }

    /// Nothing arrives: frees up to `sessions` dead sessions of one of its shards.
    pub fn rest(&mut self, now_ns: u64, sessions: usize) {
        self.expire_leases(now_ns);
        for _ in 0..SHARDS {
            self.hand = (self.hand + 1) % SHARDS;
            if let Some(shard) = &mut self.shards[self.hand] {
                shard.rest(now_ns, sessions);
                return;
            }
        }
    }

    /// Packets that walked the gates so far.
    pub fn walks(&self) -> u64 {
        self.counters.walks
    }

    /// Counters so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        counters.held = self.intake.held_frames();
        let mut nats = self.nats.clone();
        for shard in self.shards.iter().flatten() {
            shard.flows.connections().iter().zip(0..).for_each(|(n, nat)| nats.of(nat).active += n);
        }
        counters.add_nats(&nats);
        counters
    }

    pub(super) fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Fill of the flow tables.
    pub fn usage(&self) -> Usage {
        self.shards.iter().flatten().map(|s| s.flows.usage()).sum()
    }
}

/// Ends the leases that are due; when to look next (ns).
#[cold]
fn expire_leases(shards: &mut [Option<Shard>], nats: &mut Tallies, now_ns: u64) -> u64 {
    let shards = shards.iter_mut().flatten();
    let next = shards.filter_map(|s| s.expire_leases(now_ns, |b| nats.of(b.extra).idle += 1)).min();
    // A lease that begins after this is not due earlier than that.
    next.unwrap_or(u64::MAX).min(now_ns.saturating_add(NAT_IDLE_NS))
}

const NOTHING: Job = Job {
    packet: Packet {
        src4: 0,
        dst4: 0,
        sport: 0,
        dport: 0,
        l3: 0,
        l4: 0,
        end: 0,
        frag_id: 0,
        frag_off: 0,
        flags: 0,
        proto: 0,
        ttl: 0,
        tcp_flags: 0,
    },
    place: Place { shard: u8::MAX, hash: 0 },
    now: 0,
};

/// Counts what passes to another sink.
pub(super) struct Tally<'a, S> {
    pub(super) counters: &'a mut Counters,
    pub(super) sink: &'a mut S,
}

impl<S: Sink> Sink for Tally<'_, S> {
    const WAY: bool = S::WAY;
    fn forward(&mut self, port: PortNo, frame: Frame, deps: Option<&Deps>) {
        self.counters.sent(port, frame.len());
        self.sink.forward(port, frame, deps);
    }
    fn send(&mut self, port: PortNo, piece: Frame) {
        self.counters.sent(port, piece.len());
        self.counters.extra += 1;
        self.sink.send(port, piece);
    }
    fn originate(&mut self, port: PortNo, answer: &Frame, cause: &Frame) {
        self.counters.originated += 1;
        self.counters.sent(port, answer.len());
        self.sink.originate(port, answer, cause);
    }
    fn done(&mut self, frame: Frame, verdict: Verdict, deps: Option<&Deps>) {
        if verdict.kind == crate::pipeline::Kind::Forward {
            self.counters.extra -= 1;
        }
        self.counters.ended(frame.port, &verdict);
        self.sink.done(frame, verdict, deps);
    }
}
