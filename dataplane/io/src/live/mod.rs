//! The engine on real ports: one thread per worker, each with a queue of every port, waiting where there is nothing to do.
//!
//! A worker reads the queues that have something, runs the frames of the shards it owns, hands the others over through bounded
//! rings, and writes what comes out to its own queue of the port it leaves by. It looks for a new topology
//! before each batch and says so; a publish returns when every worker has, or sleeps (`turn` says why that is enough). Ports come and go
//! while it runs: between two rounds a worker looks whether it is asked for something. Frames on their way to a port that is gone are
//! dropped as `port-full`.

mod lanes;
mod queue;
mod runner;
mod turn;

/// The atomics that `turn` is built from: its test has others.
mod sync {
    pub(super) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
}

pub use queue::{LivePort, Queue};

use crate::capture::{PcapngWriter, SectionInfo};
use crate::poll::{Poller, Waker};
use crate::port::{Pool, StrictClock};
use crate::tap::ROOM;
use arc_swap::ArcSwap;
use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;
use lanes::Lane;
use runner::{Order, Runner};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use turn::{Published, Turn};
use vpcd_dataplane::engine::{BATCH, Config, Counters, Handed, Ration};
use vpcd_dataplane::nat::SHARDS;
use vpcd_dataplane::session::Usage;
use vpcd_dataplane::topology::{PortNo, Topology};

/// Frames waiting from one worker to another.
const RING: usize = 1024;
/// A publisher looks this often without a pause whether a worker is past, then between such pauses.
const LOOKS: u32 = 200;
const GLANCE: Duration = Duration::from_micros(10);
/// A worker that has not answered by then is stuck in a system call.
const ANSWER: Duration = Duration::from_secs(5);

/// Captures to write while running.
pub struct Recording {
    /// `DIR/NAME.pcapng` gets what each port received. A port that is plugged in again goes on in the same file.
    pub dir: PathBuf,
    /// For the section headers.
    pub comments: Vec<String>,
    /// Also `DIR/out/NAME.pcapng`: what was sent to each port, at the time of the frame that caused it.
    pub out: bool,
}

/// A port that can no longer be received from, or whose recording has ended. It stays plugged in, and the others run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub port: PortNo,
    /// What the system said.
    pub error: String,
}

type Capture = Arc<Mutex<PcapngWriter>>;

/// What workers and their owner share.
struct Shared {
    topology: ArcSwap<Topology>,
    published: Published,
    workers: Vec<CachePadded<Status>>,
    rings: Vec<Vec<ArrayQueue<Handed>>>,
    stop: AtomicBool,
    faults: Mutex<Vec<Fault>>,
}

/// One worker, as others see it.
struct Status {
    turn: Turn,
    waker: Waker,
    orders: Sender<Order>,
    pool: Pool,
}

/// A running engine.
pub struct Live {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<Counters>>>,
    plugged: Mutex<Plugged>,
    publishing: Mutex<()>,
}

/// The ports, as their owner sees them.
struct Plugged {
    /// By port: captures to flush when it goes.
    ports: HashMap<PortNo, Vec<Capture>>,
    recording: Option<Recording>,
    /// By name: what the port received, and what was sent to it.
    recordings: HashMap<String, (Capture, Option<Capture>)>,
    clock: StrictClock,
}

impl Live {
    /// Starts `config.workers` threads, 64 at most, and plugs the ports in.
    pub fn start(
        config: Config,
        topology: Topology,
        ports: Vec<LivePort>,
        recording: Option<Recording>,
    ) -> io::Result<Live> {
        let config = Config { workers: config.workers.clamp(1, SHARDS), ..config };
        let count = config.workers;
        let destinations = config.destinations();
        let (mut workers, mut parts) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let poller = Poller::new().map_err(io::Error::other)?;
            let pool = Pool::new(4 * BATCH, ROOM + 1);
            let (orders, inbox) = mpsc::channel();
            workers.push(CachePadded::new(Status {
                turn: Turn::new(),
                waker: poller.waker(),
                orders,
                pool: pool.clone(),
            }));
            parts.push((inbox, poller, pool));
        }
        let topology = Topology::default().succeed(topology);
        let shared = Arc::new(Shared {
            published: Published::new(topology.generation),
            topology: ArcSwap::from_pointee(topology),
            workers,
            rings: (0..count).map(|_| (0..count).map(|_| ArrayQueue::new(RING)).collect()).collect(),
            stop: AtomicBool::new(false),
            faults: Mutex::default(),
        });
        let plugged =
            Plugged { ports: HashMap::new(), recording, recordings: HashMap::new(), clock: StrictClock::default() };
        let (plugged, publishing) = (Mutex::new(plugged), Mutex::new(()));
        let mut live = Live { shared, threads: Vec::new(), plugged, publishing };
        for (number, (inbox, poller, pool)) in parts.into_iter().enumerate() {
            let runner = Runner::new(number, (&config, &destinations), Arc::clone(&live.shared), inbox, poller, pool);
            let name = format!("worker-{number}");
            live.threads.push(std::thread::Builder::new().name(name).spawn(move || runner.run())?);
        }
        for port in ports {
            live.plug(port)?;
        }
        Ok(live)
    }

    /// Connects a port; returns when every worker serves it. It must bring a queue for each worker, and its number must be free. After an error nothing
    /// of it is left.
    pub fn plug(&self, port: LivePort) -> io::Result<()> {
        let (number, name, has, count) = (port.port, &port.name, port.queues.len(), self.shared.workers.len());
        if has != count {
            return Err(io::Error::other(format!("port {name} has {has} queues for {count} workers")));
        }
        let mut plugged = lock(&self.plugged);
        if plugged.ports.contains_key(&number) {
            let error = format!("port {name} is number {number}, which is plugged in already");
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, error));
        }
        let (input, output) = plugged.captures(name)?.unzip();
        let output = output.flatten();
        let written: Vec<Capture> = port.queues.iter().filter_map(Queue::output).collect();
        let captures = written.into_iter().chain(input.clone()).chain(output.clone()).collect();
        let lanes = port.queues.into_iter().zip(&self.shared.workers).map(|(queue, worker)| Lane {
            number,
            stamped: input.is_some(),
            port: queue.open(number, &worker.pool, input.clone().map(|i| (i, &plugged.clock))),
            output: output.clone(),
            ration: Ration::default(),
            waits_for: 0,
        });
        let outcome = self.ask(lanes.map(|lane| move |answer| Order::Plug(lane, answer)));
        let outcome = outcome.into_iter().try_for_each(|answer| answer?);
        if outcome.is_err() {
            self.ask(std::iter::repeat_n(|answer| Order::Unplug(number, answer), count));
        } else {
            plugged.ports.insert(number, captures);
        }
        outcome
    }

    /// Takes a port away; when it returns, no worker has its queues any more, they are closed, and its captures are whole on the disk. Without error if there is no such port.
    pub fn unplug(&self, port: PortNo) -> io::Result<()> {
        let mut plugged = lock(&self.plugged);
        let Some(captures) = plugged.ports.remove(&port) else { return Ok(()) };
        let count = self.shared.workers.len();
        let lanes = self.ask(std::iter::repeat_n(|answer| Order::Unplug(port, answer), count));
        lock(&self.shared.faults).retain(|f| f.port != port);
        // The queues are closed here, not by the workers.
        let outcome = lanes.into_iter().try_for_each(|lane| lane.map(drop));
        captures.iter().map(flush).fold(outcome, Result::and)
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
        self.shared.published.announce(generation);
        for worker in &self.shared.workers {
            let mut looks = 0u32;
            while !worker.turn.is_past(generation) {
                // Most are past at once, or within a batch. One that takes longer may need the processor that we are on.
                looks += 1;
                if looks < LOOKS { std::hint::spin_loop() } else { std::thread::sleep(GLANCE) }
            }
        }
        // Destructors run here, not on a worker.
        drop(before);
    }

    /// Counters of all workers, as of now. Workers that have ended on an error do not answer.
    pub fn counters(&self) -> Counters {
        self.report().0
    }

    /// Counters of all workers and the fill of their flow tables, as of now.
    pub fn report(&self) -> (Counters, Usage) {
        let count = self.shared.workers.len();
        let (mut total, mut parts) = (Counters::default(), Vec::new());
        for (counters, usage) in self.ask(std::iter::repeat_n(Order::Report, count)).into_iter().flatten() {
            total.add(&counters);
            parts.push(usage);
        }
        (total, parts.into_iter().sum())
    }

    /// Ports in trouble. Unplugging one ends it.
    pub fn faults(&self) -> Vec<Fault> {
        lock(&self.shared.faults).clone()
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
        let plugged = lock(&self.plugged);
        let recordings = plugged.recordings.values().flat_map(|(input, output)| std::iter::once(input).chain(output));
        recordings.chain(plugged.ports.values().flatten()).try_for_each(flush)?;
        Ok(total)
    }

    fn join(&mut self) -> Vec<io::Result<Counters>> {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.workers.iter().for_each(|w| w.waker.wake());
        let threads = std::mem::take(&mut self.threads);
        let outcome = |t: JoinHandle<_>| t.join().unwrap_or_else(|_| Err(io::Error::other("a worker panicked")));
        threads.into_iter().map(outcome).collect()
    }

    /// Gives each worker an order and waits for what they answer.
    fn ask<T, O: FnOnce(Sender<T>) -> Order>(&self, orders: impl IntoIterator<Item = O>) -> Vec<io::Result<T>> {
        let send = |(worker, order): (&CachePadded<Status>, O)| {
            let (answer, answers) = mpsc::channel();
            // A worker that has ended drops the order, and with it the sender: that is an answer too.
            let _ = worker.orders.send(order(answer));
            worker.waker.wake();
            answers
        };
        let answers: Vec<_> = self.shared.workers.iter().zip(orders).map(send).collect();
        let deadline = Instant::now() + ANSWER;
        let wait = |(number, answer): (usize, mpsc::Receiver<T>)| {
            answer.recv_timeout(deadline.saturating_duration_since(Instant::now())).map_err(|e| match e {
                mpsc::RecvTimeoutError::Timeout => {
                    io::Error::new(io::ErrorKind::TimedOut, format!("worker {number} does not answer"))
                }
                mpsc::RecvTimeoutError::Disconnected => io::Error::other(format!("worker {number} has ended")),
            })
        };
        answers.into_iter().enumerate().map(wait).collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.join();
    }
}

impl Plugged {
    /// Where a port of this name is recorded.
    fn captures(&mut self, name: &str) -> io::Result<Option<(Capture, Option<Capture>)>> {
        let Some(recording) = &self.recording else { return Ok(None) };
        if let Some(known) = self.recordings.get(name) {
            return Ok(Some(known.clone()));
        }
        let input = create(recording, &recording.dir, name)?;
        let output = recording.out.then(|| create(recording, &recording.dir.join("out"), name)).transpose()?;
        Ok(Some(self.recordings.entry(name.into()).or_insert((input, output)).clone()))
    }
}

fn create(recording: &Recording, dir: &Path, name: &str) -> io::Result<Capture> {
    std::fs::create_dir_all(dir)?;
    let path = dir.join(format!("{name}.pcapng"));
    let writer = PcapngWriter::create(path, &SectionInfo::new(recording.comments.clone())).map_err(io::Error::other)?;
    Ok(Arc::new(Mutex::new(writer)))
}

fn flush(capture: &Capture) -> io::Result<()> {
    lock(capture).flush().map_err(io::Error::other)
}

/// A worker that panicked is reported where it is joined; what it held is still what it last was.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
}

#[cfg(test)]
mod tests;
