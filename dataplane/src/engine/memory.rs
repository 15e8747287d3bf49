//! The engine in memory: frames that carry their time go in, verdicts and frames come out, the same bytes every time and
//! with any number of workers. Parsing, fragments and steering happen in order here; then each worker runs its share.

use super::worker::{Handed, Intake, Job, Tally, Worker};
use super::{Config, Counters, Sink};
use crate::nat::SHARDS;
use crate::pipeline::{Deps, Gate, Plan, Stop, Verdict};
use crate::session::{FlowHash, Usage};
use crate::topology::{PortNo, Topology};
use std::sync::Arc;
use vpcd_wire::Frame;

/// What became of one frame.
#[derive(Clone, Debug)]
pub struct Done {
    /// The frame's own number.
    pub seq: u64,
    /// Where it came in.
    pub port: PortNo,
    /// When it came in (ns); never before an earlier frame.
    pub ts: u64,
    /// When it was judged (ns): later than `ts` for a fragment that was held.
    pub now: u64,
    /// Place in the order of judging.
    pub order: u64,
    pub verdict: Verdict,
    /// Frames that left because of it: itself, its pieces, or the fabric's answer.
    pub out: Vec<(PortNo, Frame)>,
    /// What was asked on its way, if it was forwarded.
    pub way: Option<Deps>,
}

/// The whole engine, without ports of its own.
pub struct Memory {
    topology: Arc<Topology>,
    intake: Intake,
    workers: Vec<Worker>,
    counters: Counters,
    clock: u64,
    order: u64,
}

impl Memory {
    /// An engine that knows nothing yet.
    pub fn new(config: Config) -> Memory {
        let hash = FlowHash::new(config.seed);
        let workers = config.workers.clamp(1, SHARDS);
        let config = Config { workers, ..config };
        let destinations = config.destinations();
        Memory {
            topology: Arc::new(Topology::default()),
            intake: Intake::new(&config, hash),
            workers: (0..workers).map(|n| Worker::new(n, &config, &destinations)).collect(),
            counters: Counters::default(),
            clock: 0,
            order: 0,
        }
    }

    /// Everything after this obeys `next`; what did not change keeps its age.
    pub fn publish(&mut self, next: Topology) {
        let next = self.topology.succeed(next);
        self.counters.reserve(next.port_count());
        for worker in &mut self.workers {
            worker.counters_mut().reserve(next.port_count());
        }
        self.topology = Arc::new(next);
    }

    /// What is known at the moment.
    pub fn topology(&self) -> &Arc<Topology> {
        &self.topology
    }

    /// Judges frames in order. A held fragment appears in the result of a later call.
    pub fn run(&mut self, frames: Vec<Frame>) -> Vec<Done> {
        if let Some(first) = frames.first() {
            // What has ended by now has ended for all of them, whoever gets the next frame.
            let now = self.clock.max(first.ts);
            self.workers.iter_mut().for_each(|w| w.expire_leases(now));
        }
        let count = self.workers.len();
        let mut shares: Vec<Share> = (0..count).map(|_| Share::default()).collect();
        let mut done = Vec::with_capacity(frames.len());
        let mut early = Collect { done: &mut done, orders: Orders::Next(&mut self.order), pending: Vec::new() };
        for mut frame in frames {
            self.clock = self.clock.max(frame.ts);
            frame.ts = self.clock;
            self.counters.receive(frame.port, frame.len());
            let mut sink = Tally { counters: &mut self.counters, sink: &mut early };
            let mut next = Vec::new();
            self.intake.take(&self.topology, frame, &mut sink, |_| true, &mut |handed| next.push(handed));
            for Handed { frame, job, .. } in next {
                let Some(job) = job else { continue };
                let share = &mut shares[usize::from(job.place.shard) % count];
                share.frames.push(frame);
                share.jobs.push(job);
                share.orders.push(early.next());
            }
        }
        let topology = &self.topology;
        let busy = shares.iter().filter(|s| !s.jobs.is_empty()).count();
        let work: Vec<_> = self.workers.iter_mut().zip(shares).filter(|(_, s)| !s.jobs.is_empty()).collect();
        if busy <= 1 {
            done.extend(work.into_iter().flat_map(|(worker, share)| share.run(worker, topology)));
        } else {
            std::thread::scope(|scope| {
                let threads: Vec<_> =
                    work.into_iter().map(|(worker, share)| scope.spawn(|| share.run(worker, topology))).collect();
                for thread in threads {
                    match thread.join() {
                        Ok(part) => done.extend(part),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
            });
        }
        done.sort_by_key(|d| d.order);
        done
    }

    /// The end of the input: fragments still held are dropped.
    pub fn finish(&mut self) -> Vec<Done> {
        let mut done = Vec::new();
        let mut early = Collect { done: &mut done, orders: Orders::Next(&mut self.order), pending: Vec::new() };
        self.intake.expire(u64::MAX, &mut Tally { counters: &mut self.counters, sink: &mut early });
        done
    }

    /// What would become of a frame now, gate by gate; nothing changes.
    pub fn explain(&self, frame: &Frame, gates: &mut Vec<Gate>) -> Result<Plan, Stop> {
        let count = self.workers.len();
        let shard = self.intake.shard(&self.topology, frame);
        self.workers[usize::from(shard) % count].explain(&self.topology, frame, gates)
    }

    /// Counters of all workers.
    pub fn counters(&self) -> Counters {
        let mut total = self.counters.clone();
        self.workers.iter().for_each(|w| total.add(&w.counters()));
        total.held += self.intake.held_frames();
        total
    }

    /// Fill of the flow tables.
    pub fn usage(&self) -> Usage {
        self.workers.iter().map(Worker::usage).sum()
    }
}

/// One worker's part of a call.
#[derive(Default)]
struct Share {
    frames: Vec<Frame>,
    jobs: Vec<Job>,
    orders: Vec<u64>,
}

impl Share {
    fn run(mut self, worker: &mut Worker, topology: &Topology) -> Vec<Done> {
        let mut done = Vec::with_capacity(self.jobs.len());
        let given = self.orders.iter().zip(&self.jobs).map(|(&order, job)| (order, job.now)).collect::<Vec<_>>();
        let mut given = given.into_iter();
        let mut sink = Collect { done: &mut done, orders: Orders::Given(&mut given), pending: Vec::new() };
        worker.run(topology, &mut self.frames, &self.jobs, &mut sink);
        done
    }
}

enum Orders<'a> {
    Next(&'a mut u64),
    Given(&'a mut dyn Iterator<Item = (u64, u64)>),
}

/// Gathers what becomes of each frame.
struct Collect<'a> {
    done: &'a mut Vec<Done>,
    orders: Orders<'a>,
    pending: Vec<(PortNo, Frame)>,
}

impl Collect<'_> {
    fn next(&mut self) -> u64 {
        match &mut self.orders {
            Orders::Next(n) => {
                **n += 1;
                **n
            }
            Orders::Given(_) => 0,
        }
    }

    fn finish(&mut self, (seq, port, ts): (u64, PortNo, u64), verdict: Verdict, deps: Option<&Deps>) {
        let (order, now) = match &mut self.orders {
            Orders::Next(n) => {
                **n += 1;
                (**n, ts)
            }
            Orders::Given(given) => given.next().unwrap_or((0, ts)),
        };
        let out = std::mem::take(&mut self.pending);
        self.done.push(Done { seq, port, ts, now, order, verdict, out, way: deps.copied() });
    }
}

impl Sink for Collect<'_> {
    const WAY: bool = true;
    fn forward(&mut self, port: PortNo, frame: Frame, deps: Option<&Deps>) {
        let head = (frame.seq, frame.port, frame.ts);
        self.pending.push((port, frame));
        self.finish(head, Verdict::FORWARD, deps);
    }
    fn send(&mut self, port: PortNo, piece: Frame) {
        self.pending.push((port, piece));
    }
    fn originate(&mut self, port: PortNo, answer: &Frame, _cause: &Frame) {
        self.pending.push((port, answer.clone()));
    }
    fn done(&mut self, frame: Frame, verdict: Verdict, deps: Option<&Deps>) {
        self.finish((frame.seq, frame.port, frame.ts), verdict, deps);
    }
}
