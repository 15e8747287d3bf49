//! The engine on real ports: one thread per worker, each with a queue of every port, waiting where there is nothing to do.
//!
//! A worker reads the queues that have something, runs the frames of the shards it owns, hands the others over through bounded
//! rings, and writes what comes out to its own queue of the port it leaves by. It looks at the published topology
//! once per batch and says so; a publish returns when every worker has, or sleeps (it looks again before its next batch).

use crate::capture::{PcapngWriter, SectionInfo};
use crate::poll::{Poller, Waker};
use crate::port::{Pool, Port, Recorder, Sent, StrictClock, TapPort};
use crate::tap::TapQueue;
use arc_swap::ArcSwap;
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use vpcd_dataplane::engine::{BATCH, Config, Counters, Handed, Sink, Worker};
use vpcd_dataplane::pipeline::{Deps, Verdict};
use vpcd_dataplane::topology::{PortNo, Topology};
use vpcd_wire::Frame;

/// Frames waiting from one worker to another.
const RING: usize = 1024;
/// Room for a jumbo frame.
const FRAME_ROOM: usize = 9216;
/// A sleeping worker looks at its dead flows this often.
const NAP_MS: u32 = 1000;
/// Rounds without work before a worker sleeps.
const PATIENCE: u32 = 8;

/// A device to run: one queue per worker.
pub struct LivePort {
    pub port: PortNo,
    /// Names its recordings.
    pub name: String,
    pub queues: Vec<TapQueue>,
}

/// Captures to write while running.
pub struct Recording {
    /// `DIR/NAME.pcapng` gets what each port received.
    pub dir: PathBuf,
    /// For the section headers.
    pub comments: Vec<String>,
    /// Also `DIR/out/NAME.pcapng`: what was sent to each port, at the time of the frame that caused it.
    pub out: bool,
}

type Capture = Arc<Mutex<PcapngWriter>>;

/// What workers and their owner share.
struct Shared {
    topology: ArcSwap<Topology>,
    workers: Vec<CachePadded<Status>>,
    rings: Vec<Vec<ArrayQueue<Handed>>>,
    stop: AtomicBool,
}

struct Status {
    /// Generation the worker runs under.
    seen: AtomicU64,
    asleep: AtomicBool,
    /// Rises with each call for counters; `counters` is as of `told`.
    asked: AtomicU64,
    told: AtomicU64,
    counters: Mutex<Counters>,
    waker: Waker,
}

/// A running engine.
pub struct Live {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<Counters>>>,
    captures: Vec<Capture>,
    publishing: Mutex<()>,
}

impl Live {
    /// Starts `config.workers` threads. Every port must bring that many queues.
    pub fn start(
        config: Config,
        topology: Topology,
        ports: Vec<LivePort>,
        recording: Option<Recording>,
    ) -> io::Result<Live> {
        let count = config.workers.max(1);
        if let Some(port) = ports.iter().find(|p| p.queues.len() != count) {
            let (name, has) = (&port.name, port.queues.len());
            return Err(io::Error::other(format!("port {name} has {has} queues for {count} workers")));
        }
        let mut captures = Vec::new();
        let clock = StrictClock::default();
        let mut lanes: Vec<Lanes> = (0..count).map(|_| Lanes::new()).collect();
        for port in ports {
            let (input, output) = match &recording {
                Some(r) => (
                    Some(open(r, &r.dir, &port.name)?),
                    r.out.then(|| open(r, &r.dir.join("out"), &port.name)).transpose()?,
                ),
                None => (None, None),
            };
            captures.extend(input.iter().chain(&output).cloned());
            for (queue, lanes) in port.queues.into_iter().zip(&mut lanes) {
                lanes.add(port.port, queue, input.clone(), output.clone(), &clock);
            }
        }
        let pollers: Vec<Poller> =
            (0..count).map(|_| Poller::new().map_err(io::Error::other)).collect::<Result<_, _>>()?;
        let shared = Arc::new(Shared {
            topology: ArcSwap::from_pointee(Topology::default().succeed(topology)),
            workers: pollers.iter().map(|p| CachePadded::new(Status::new(p.waker()))).collect(),
            rings: (0..count).map(|_| (0..count).map(|_| ArrayQueue::new(RING)).collect()).collect(),
            stop: AtomicBool::new(false),
        });
        let mut live = Live { shared, threads: Vec::new(), captures, publishing: Mutex::new(()) };
        for (number, (lanes, poller)) in lanes.into_iter().zip(pollers).enumerate() {
            for (token, lane) in lanes.list.iter().enumerate() {
                if let Some(fd) = lane.port.fd() {
                    poller.add(fd, token as u32).map_err(io::Error::other)?;
                }
            }
            let runner = Runner::new(number, &config, Arc::clone(&live.shared), lanes, poller);
            let name = format!("worker-{number}");
            live.threads.push(std::thread::Builder::new().name(name).spawn(move || runner.run())?);
        }
        Ok(live)
    }

    /// What the workers run under.
    pub fn topology(&self) -> Arc<Topology> {
        self.shared.topology.load_full()
    }

    /// Every packet that comes in after this obeys `next`.
    pub fn publish(&self, next: Topology) {
        let _turn = lock(&self.publishing);
        let next = Arc::new(self.shared.topology.load().succeed(next));
        let generation = next.generation;
        let before = self.shared.topology.swap(next);
        for worker in &self.shared.workers {
            while worker.seen.load(Ordering::SeqCst) < generation
                && !worker.asleep.load(Ordering::SeqCst)
                && !self.shared.stop.load(Ordering::Relaxed)
            {
                std::thread::yield_now();
            }
        }
        // Destructors run here, not on a worker.
        drop(before);
    }

    /// Counters of all workers, as of now.
    pub fn counters(&self) -> Counters {
        let asked: Vec<u64> = self.shared.workers.iter().map(|w| w.asked.fetch_add(1, Ordering::SeqCst) + 1).collect();
        self.shared.workers.iter().for_each(|w| w.waker.wake());
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut total = Counters::default();
        for (worker, asked) in self.shared.workers.iter().zip(asked) {
            while worker.told.load(Ordering::SeqCst) < asked && Instant::now() < deadline {
                std::thread::sleep(Duration::from_micros(100));
            }
            total.add(&lock(&worker.counters));
        }
        total
    }

    /// Whether a worker has ended on its own, which it does only on an error.
    pub fn failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends the workers and the recordings. The counters are final.
    pub fn stop(mut self) -> io::Result<Counters> {
        let mut total = Counters::default();
        for outcome in self.join() {
            total.add(&outcome?);
        }
        for capture in &self.captures {
            lock(capture).flush().map_err(io::Error::other)?;
        }
        Ok(total)
    }

    fn join(&mut self) -> Vec<io::Result<Counters>> {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.workers.iter().for_each(|w| w.waker.wake());
        let threads = std::mem::take(&mut self.threads);
        let outcome = |t: JoinHandle<_>| t.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
        threads.into_iter().map(outcome).collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.join();
    }
}

impl Status {
    fn new(waker: Waker) -> Status {
        Status {
            seen: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            told: AtomicU64::new(0),
            counters: Mutex::new(Counters::default()),
            waker,
        }
    }
}

/// A worker that panicked is reported where it is joined; what it held is still what it last was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(recording: &Recording, dir: &std::path::Path, name: &str) -> io::Result<Capture> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join(format!("{name}.pcapng"));
    let writer = PcapngWriter::create(path, &SectionInfo::new(recording.comments.clone())).map_err(io::Error::other)?;
    Ok(Arc::new(Mutex::new(writer)))
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

/// One worker's queue of a port.
struct Lane {
    port: Box<dyn Port + Send>,
    /// Its frames come with a time of their own.
    stamped: bool,
    output: Option<Capture>,
}

/// A worker's queues, in the order they are polled by, and where each port's is.
struct Lanes {
    list: Vec<Lane>,
    by_port: Vec<Option<usize>>,
    pool: Pool,
    scratch: Frame,
}

impl Lanes {
    fn new() -> Lanes {
        let pool = Pool::new(4 * BATCH, FRAME_ROOM);
        Lanes { list: Vec::new(), by_port: Vec::new(), pool, scratch: Frame::default() }
    }

    fn add(
        &mut self,
        number: PortNo,
        mut queue: TapQueue,
        input: Option<Capture>,
        output: Option<Capture>,
        clock: &StrictClock,
    ) {
        queue.set_room(FRAME_ROOM);
        let port = TapPort::new(queue, number, self.pool.clone());
        let stamped = input.is_some();
        let port: Box<dyn Port + Send> = match input {
            Some(capture) => Box::new(Recorder::new(port, capture, clock.clone(), now_ns)),
            None => Box::new(port),
        };
        if self.by_port.len() <= number as usize {
            self.by_port.resize(number as usize + 1, None);
        }
        self.by_port[number as usize] = Some(self.list.len());
        self.list.push(Lane { port, stamped, output });
    }

    /// The frame comes back if its port does not take it.
    fn send(&mut self, egress: PortNo, frame: Frame) -> io::Result<Option<Frame>> {
        let lane = self.by_port.get(egress as usize).copied().flatten().and_then(|l| self.list.get_mut(l));
        let Some(lane) = lane else { return Ok(Some(frame)) };
        if let Some(output) = &lane.output {
            crate::port::write_finished(&mut lock(output), &frame, &mut self.scratch, None)
                .map_err(io::Error::other)?;
        }
        match lane.port.send(frame) {
            Ok(Sent::Full(frame)) => Ok(Some(frame)),
            Ok(Sent::Done) => Ok(None),
            // The device is down: as good as full.
            Err(_) => Ok(Some(Frame::default())),
        }
    }
}

struct Runner {
    number: usize,
    worker: Worker,
    shared: Arc<Shared>,
    lanes: Lanes,
    poller: Poller,
    out: Egress,
    foreign: Vec<Handed>,
    clock: u64,
}

impl Runner {
    fn new(number: usize, config: &Config, shared: Arc<Shared>, lanes: Lanes, poller: Poller) -> Runner {
        let out = Egress { frames: Vec::with_capacity(2 * BATCH), pool: lanes.pool.clone() };
        let foreign = Vec::with_capacity(BATCH);
        Runner { number, worker: Worker::new(number, config), shared, lanes, poller, out, foreign, clock: 0 }
    }

    fn run(mut self) -> io::Result<Counters> {
        let shared = Arc::clone(&self.shared);
        let status = &shared.workers[self.number];
        let mut ready = Vec::new();
        let mut frames = Vec::with_capacity(BATCH);
        let mut handed = Vec::with_capacity(RING);
        let mut idle = 0;
        while !shared.stop.load(Ordering::Relaxed) {
            let napped = idle > PATIENCE;
            self.wait(status, napped, &mut ready)?;
            let topology = shared.topology.load_full();
            status.seen.store(topology.generation, Ordering::SeqCst);
            let mut worked = false;
            for &token in &ready {
                worked |= self.receive(&topology, token as usize, &mut frames)?;
            }
            for from in &shared.rings {
                handed.extend(std::iter::from_fn(|| from[self.number].pop()).take(RING));
            }
            if !handed.is_empty() {
                worked = true;
                let foreign = &mut self.foreign;
                self.worker.accept(&topology, &mut handed, &mut self.out, &mut |h| foreign.push(h));
                self.send_off()?;
            }
            status.tell(&self.worker);
            if napped && !worked {
                self.worker.rest(now_ns(), RING);
                self.worker.expire(now_ns(), &mut self.out);
            }
            idle = if worked { 0 } else { idle + 1 };
        }
        Ok(self.worker.counters())
    }

    /// Looks for readable queues; `nap`: sleeps until there is one, or somebody calls.
    fn wait(&mut self, status: &Status, nap: bool, ready: &mut Vec<u32>) -> io::Result<()> {
        let mut timeout = 0;
        if nap {
            status.asleep.store(true, Ordering::SeqCst);
            // What was handed over before the flag was up woke nobody.
            let waiting = self.shared.rings.iter().any(|from| !from[self.number].is_empty());
            timeout = if waiting { 0 } else { NAP_MS };
        }
        let outcome = self.poller.wait(ready, Some(timeout));
        status.asleep.store(false, Ordering::SeqCst);
        outcome.map(|_| ()).map_err(io::Error::other)
    }

    fn receive(&mut self, topology: &Topology, lane: usize, frames: &mut Vec<Frame>) -> io::Result<bool> {
        let Some(lane) = self.lanes.list.get_mut(lane) else { return Ok(false) };
        if lane.port.recv(frames, BATCH)? == 0 {
            return Ok(false);
        }
        if !lane.stamped {
            self.clock = self.clock.max(now_ns());
            frames.iter_mut().for_each(|f| f.ts = self.clock);
        }
        let foreign = &mut self.foreign;
        self.worker.receive(topology, frames, &mut self.out, &mut |h| foreign.push(h));
        self.send_off()?;
        Ok(true)
    }

    /// Sends what came out, and hands over what is not ours.
    fn send_off(&mut self) -> io::Result<()> {
        let count = self.shared.rings.len();
        for handed in self.foreign.drain(..) {
            let to = usize::from(handed.shard) % count;
            match self.shared.rings[self.number][to].push(handed) {
                Ok(()) if self.shared.workers[to].asleep.load(Ordering::SeqCst) => self.shared.workers[to].waker.wake(),
                Ok(()) => {}
                Err(handed) => self.worker.hand_off_failed(handed, &mut self.out),
            }
        }
        let mut frames = std::mem::take(&mut self.out.frames);
        for (egress, frame) in frames.drain(..) {
            let (length, port) = (frame.len(), frame.port);
            if let Some(mut back) = self.lanes.send(egress, frame)? {
                back.port = port;
                self.worker.unsent(egress, length, back, &mut self.out);
            }
        }
        self.out.frames = frames;
        Ok(())
    }
}

impl Status {
    /// Answers a call for counters.
    fn tell(&self, worker: &Worker) {
        let asked = self.asked.load(Ordering::SeqCst);
        if self.told.load(Ordering::SeqCst) < asked {
            *lock(&self.counters) = worker.counters();
            self.told.store(asked, Ordering::SeqCst);
        }
    }
}

/// Frames on their way out, and those that ended on their way home.
struct Egress {
    frames: Vec<(PortNo, Frame)>,
    pool: Pool,
}

impl Sink for Egress {
    const WAY: bool = false;
    fn forward(&mut self, port: PortNo, frame: Frame, _: Option<&Deps>) {
        self.frames.push((port, frame));
    }
    fn send(&mut self, port: PortNo, piece: Frame) {
        self.frames.push((port, piece));
    }
    fn originate(&mut self, port: PortNo, answer: &Frame, cause: &Frame) {
        let mut frame = self.pool.take();
        frame.copy_from(answer.bytes());
        (frame.port, frame.ts) = (cause.port, cause.ts);
        self.frames.push((port, frame));
    }
    fn done(&mut self, frame: Frame, _: Verdict, _: Option<&Deps>) {
        self.pool.give(frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_returns_when_every_worker_has_seen_it_or_sleeps() {
        let live =
            Live::start(Config { workers: 3, ..Config::default() }, Topology::default(), Vec::new(), None).unwrap();
        for generation in 2..50 {
            live.publish(Topology::default());
            assert_eq!(live.topology().generation, generation);
            for worker in &live.shared.workers {
                assert!(worker.seen.load(Ordering::SeqCst) == generation || worker.asleep.load(Ordering::SeqCst));
            }
        }
        assert_eq!(live.counters().conservation(), (0, 0));
        assert!(!live.failed());
        assert_eq!(live.stop().unwrap().conservation(), (0, 0));
    }

    #[test]
    fn a_port_brings_a_queue_for_every_worker() {
        let port = LivePort { port: 1, name: "Web".into(), queues: Vec::new() };
        let refused = Live::start(Config { workers: 2, ..Config::default() }, Topology::default(), vec![port], None);
        assert_eq!(refused.err().unwrap().to_string(), "port Web has 0 queues for 2 workers");
    }
}
