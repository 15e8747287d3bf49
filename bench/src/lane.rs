//! One worker under measurement: its frames, its engine, its egress vector, and the clock between them.
//!
//! A lane works in batches of 256. The generator copies a batch into engine buffers; then the engine parses, hashes, steers, looks up, rewrites
//! and hands over to the egress vector. The time stamp counter is read between the two, once per batch and phase, so that each has its
//! own account and reading the counter costs a tenth of a tick per packet. Buffers go round: what left is what comes in next.

use crate::alloc;
use crate::traffic::Store;
use std::time::Instant;
use vpcd_dataplane::engine::{BATCH, Config, Sink, Worker};
use vpcd_dataplane::pipeline::{Deps, Reason, Verdict};
use vpcd_dataplane::topology::{PortNo, Topology};
use vpcd_raw::ticks;
use vpcd_wire::Frame;

/// Bytes an engine buffer holds, as a port's would.
const BUFFER: usize = 2048;

/// What the engine hands frames to.
#[derive(Default)]
pub struct Egress {
    /// Frames that left, in order, and those that did not.
    pub frames: Vec<Frame>,
    /// Where each frame left that did.
    pub ports: Vec<PortNo>,
    /// Frames that did not leave.
    pub lost: u64,
    /// The first reason why.
    pub reason: Option<Reason>,
}

impl Sink for Egress {
    const WAY: bool = false;
    #[inline]
    fn forward(&mut self, port: PortNo, frame: Frame, _: Option<&Deps>) {
        self.ports.push(port);
        self.frames.push(frame);
    }
    fn send(&mut self, _: PortNo, _: Frame) {}
    fn originate(&mut self, _: PortNo, _: &Frame, _: &Frame) {}
    fn done(&mut self, frame: Frame, verdict: Verdict, _: Option<&Deps>) {
        self.lost += 1;
        self.reason = self.reason.or(verdict.reason);
        self.frames.push(frame);
    }
}

/// What a stretch of time was spent on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    pub packets: u64,
    /// Ticks of everything but the generator.
    pub engine: u64,
    /// Ticks of the generator.
    pub generator: u64,
    /// From the first to the last tick.
    pub ticks: u64,
    pub seconds: f64,
    pub allocations: u64,
    /// Seconds during which the kernel let somebody else have the processor.
    pub waited: f64,
}

impl Window {
    /// Share of the time that was spent on the processor: what waits for it is no cost of a packet.
    fn share(&self) -> f64 {
        (1.0 - self.waited / self.seconds.max(1e-9)).clamp(0.05, 1.0)
    }

    /// Ticks per packet, generator excluded.
    pub fn engine_ticks(&self) -> f64 {
        self.engine as f64 * self.share() / self.packets.max(1) as f64
    }

    /// Ticks per packet of the generator.
    pub fn generator_ticks(&self) -> f64 {
        self.generator as f64 * self.share() / self.packets.max(1) as f64
    }

    /// Million packets per second, generator included.
    pub fn mpps(&self) -> f64 {
        self.packets as f64 / (self.seconds * self.share()).max(1e-9) / 1e6
    }
}

/// A worker and everything that belongs to it alone.
pub struct Lane {
    pub worker: Worker,
    pub egress: Egress,
    store: Store,
    frames: Vec<Frame>,
    /// Engine time at the start of the next window (ns): it runs on as the clock on the wall does.
    clock: u64,
    ticks_per_ns: f64,
    /// Frames that belonged to another worker after all.
    pub astray: u64,
}

impl Lane {
    /// Worker `number` of `config.workers`, over its frames.
    pub fn new(number: usize, config: &Config, topology: &Topology, store: Store, ticks_per_ns: f64) -> Lane {
        let mut worker = Worker::new(number, config, &config.destinations());
        worker.prepare(topology);
        let egress = Egress {
            frames: (0..BATCH).map(|_| Frame::with_capacity(BUFFER)).collect(),
            ports: Vec::with_capacity(BATCH),
            ..Egress::default()
        };
        Lane { worker, egress, store, frames: Vec::with_capacity(BATCH), clock: 1_000_000_000, ticks_per_ns, astray: 0 }
    }

    /// Takes other frames to send; returns those it had.
    pub fn swap_store(&mut self, store: Store) -> Store {
        std::mem::replace(&mut self.store, store)
    }

    /// Sends one batch, for those who bring a clock of their own; engine time stands still.
    pub fn batch(&mut self, topology: &Topology) -> usize {
        self.generate(BATCH, self.clock);
        self.process(topology);
        self.egress.ports.len()
    }

    /// Sends every flow's frame once.
    pub fn round(&mut self, topology: &Topology) -> Window {
        let frames = self.store.len();
        self.go(topology, |_, packets| packets >= frames as u64, frames)
    }

    /// Sends frames round and round for `seconds`.
    pub fn run(&mut self, topology: &Topology, seconds: f64) -> Window {
        let budget = (seconds * 1e9 * self.ticks_per_ns) as u64;
        self.go(topology, |ticks, _| ticks >= budget, usize::MAX)
    }

    /// Sends frames until `enough` of (ticks, packets), `limit` at most.
    fn go(&mut self, topology: &Topology, enough: impl Fn(u64, u64) -> bool, limit: usize) -> Window {
        let mut w = Window::default();
        let (waited, began) = (waited(), Instant::now());
        let allocations = alloc::calls();
        let start = ticks();
        let mut at = start;
        while !enough(at - start, w.packets) {
            let now = self.clock + ((at - start) as f64 / self.ticks_per_ns) as u64;
            let batch = BATCH.min(limit - (w.packets as usize).min(limit));
            self.generate(batch, now);
            let filled = ticks();
            self.process(topology);
            let done = ticks();
            w.generator += filled - at;
            w.engine += done - filled;
            w.packets += batch as u64;
            at = done;
        }
        w.ticks = at - start;
        w.allocations = alloc::calls() - allocations;
        w.seconds = began.elapsed().as_secs_f64();
        w.waited = self::waited() - waited;
        self.clock += (w.seconds * 1e9) as u64;
        w
    }

    /// The generator: takes back the buffers that left and copies the next frames into them.
    #[inline(never)]
    fn generate(&mut self, batch: usize, now: u64) {
        self.egress.ports.clear();
        if batch == self.egress.frames.len() {
            std::mem::swap(&mut self.frames, &mut self.egress.frames);
        } else {
            let from = self.egress.frames.len().saturating_sub(batch);
            self.frames.extend(self.egress.frames.drain(from..));
        }
        for frame in &mut self.frames {
            self.store.generate(frame, now);
        }
    }

    /// Everything that is measured. Never inlined, so that a profiler can start and stop here.
    #[inline(never)]
    fn process(&mut self, topology: &Topology) {
        let astray = &mut self.astray;
        self.worker.receive(topology, &mut self.frames, &mut self.egress, &mut |_| *astray += 1);
    }
}

/// Seconds this thread has waited for a processor; 0 where the kernel does not tell.
fn waited() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let field = text.split_whitespace().nth(1).and_then(|f| f.parse::<f64>().ok());
    field.unwrap_or(0.0) / 1e9
}

/// Ticks of the time stamp counter per nanosecond.
pub fn ticks_per_ns() -> f64 {
    let (start, from) = (Instant::now(), ticks());
    while start.elapsed().as_millis() < 50 {
        std::hint::spin_loop();
    }
    ((ticks() - from) as f64 / start.elapsed().as_nanos() as f64).max(1e-3)
}
