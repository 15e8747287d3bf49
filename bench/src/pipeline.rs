//! `vpcd bench pipeline`: how many ticks a packet costs, in memory, on one worker or several.
//!
//! Every flow sends one frame first, in an order of its own, which makes the sessions; then five runs send the same frames round and
//! round in a fixed random permutation of that order. A run that dropped a packet, walked the gates for one or met one of another worker is
//! refused: it would have measured something else.

use crate::alloc;
use crate::cases::{Case, NAT_PUBLIC, topology};
use crate::lane::{Egress, Lane, Window, ticks_per_ns};
use crate::probe::Probe;
use crate::random::Random;
use crate::traffic::{Flow, Store};
use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;
use std::sync::Barrier;
use vpcd_dataplane::engine::{BATCH, Config, Steering, Worker};
use vpcd_dataplane::session::{FlowHash, Usage};
use vpcd_dataplane::topology::{INTERNET, Topology};
use vpcd_wire::{Frame, Packet, Parsed, parse_frame};

const RUNS: usize = 5;
const SEED: u64 = 20_261_120;
/// Tables are never sized for fewer sessions than this.
const LEAST_SESSIONS: usize = 65_536;

/// In which order the flows send, against the order in which their sessions were made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Order {
    /// A fixed random permutation
    Random,
    /// The same order
    Creation,
}

/// Measures the pipeline in memory
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: vpcd bench pipeline --case full --flows 65536 --json\n\n\
    A figure whose probe_ns is above 30 was taken on a busy host: repeat it.")]
pub struct PipelineArgs {
    /// What stands between the ENIs and the internet; all four cases if left out
    #[arg(long, value_enum)]
    pub case: Option<Case>,
    /// Distinct flows, over all workers
    #[arg(long, default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=8_000_000))]
    pub flows: u32,
    /// Bytes of a frame on the wire, check sequence included
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(64..=1518))]
    pub size: u16,
    /// Workers, a thread each
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub workers: u16,
    /// Seconds of each of the five runs
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Order of the flows
    #[arg(long, value_enum, default_value = "random")]
    pub order: Order,
    /// Only first packets, each into fresh tables
    #[arg(long)]
    pub new_flows: bool,
    /// One JSON object per case
    #[arg(long)]
    pub json: bool,
}

/// One case, measured: medians of five runs, with the least and the greatest.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub case: Case,
    pub flows: u32,
    pub workers: u16,
    /// Million packets a second, generator included, over all workers.
    pub mpps: f64,
    pub mpps_min: f64,
    pub mpps_max: f64,
    /// Everything but the generator.
    pub ticks_per_packet: f64,
    pub ticks_per_packet_min: f64,
    pub ticks_per_packet_max: f64,
    pub generator_ticks_per_packet: f64,
    pub generator_ticks_per_packet_min: f64,
    pub generator_ticks_per_packet_max: f64,
    /// None where the binary does not count.
    pub allocations_per_packet: Option<f64>,
    pub sessions: usize,
    pub bytes_per_session: f64,
    /// The worse of the readings before and after.
    pub probe_ns: f64,
    /// With `--new-flows`: first packets a second, generator excluded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections_per_second: Option<f64>,
    /// Greatest share of a run that was spent waiting for the processor (and is not counted).
    #[serde(skip)]
    pub waited: f64,
}

impl Report {
    /// For people.
    pub fn print(&self) {
        println!("{:5} {} flows, {} workers, {} sessions", self.case.name(), self.flows, self.workers, self.sessions);
        let line = |what: &str, unit: &str, least: f64, median: f64, most: f64| {
            println!("  {what:<11} {median:>8.2}  (min {least:.2}, max {most:.2})  {unit}");
        };
        line("packets", "Mpps, generator included", self.mpps_min, self.mpps, self.mpps_max);
        let (least, most) = (self.ticks_per_packet_min, self.ticks_per_packet_max);
        line("pipeline", "ticks per packet", least, self.ticks_per_packet, most);
        let (least, most) = (self.generator_ticks_per_packet_min, self.generator_ticks_per_packet_max);
        line("generator", "ticks per packet", least, self.generator_ticks_per_packet, most);
        match self.allocations_per_packet {
            Some(n) => println!("  allocations {n:>8.4}  per packet"),
            None => println!("  allocations not counted by this binary"),
        }
        println!("  memory      {:>8.1}  bytes per session", self.bytes_per_session);
        if let Some(n) = self.connections_per_second {
            println!("  connections {:>8.3}  M per second, generator excluded", n / 1e6);
        }
        let judged = if self.probe_ns <= 30.0 { "quiet" } else { "busy host: repeat what leaves the cache" };
        println!("  probe       {:>8.1}  ns per load ({judged}); {:.1} % waited", self.probe_ns, self.waited * 100.0);
    }
}

/// Measures what `args` asks for and prints it.
pub fn run(args: &PipelineArgs) -> Result<()> {
    let cases = args.case.map_or(Case::ALL.to_vec(), |c| vec![c]);
    for case in cases {
        let report = pipeline(case, args)?;
        if args.json { println!("{}", serde_json::to_string(&report)?) } else { report.print() }
    }
    Ok(())
}

/// How the engine is set up for a number of flows.
pub fn config(flows: usize, workers: usize) -> Config {
    Config { seed: SEED, sessions: flows.max(LEAST_SESSIONS), workers, ..Config::default() }
}

/// The flows of each worker, and for each the place of its first packet in the order of creation.
fn flows_by_worker(topology: &Topology, flows: usize, workers: usize, size: usize) -> Vec<Vec<Flow>> {
    let steering = Steering::new(FlowHash::new(SEED));
    let mut shares = vec![Vec::new(); workers];
    let mut frame = Frame::with_capacity(size);
    for flow in Flow::distinct(flows, &mut Random::new(SEED)) {
        let mut store = Store::new([flow].into_iter(), size);
        store.generate(&mut frame, 0);
        if let Ok(Parsed::Ip(packet)) = parse_frame(&frame, 0) {
            let shard = steering.place(topology, flow.port(), &packet, frame.bytes()).shard;
            shares[usize::from(shard) % workers].push(flow);
        }
    }
    shares
}

/// Lanes with fresh tables: one per worker that has flows.
pub fn lanes(topology: &Topology, args: &PipelineArgs, ticks_per_ns: f64) -> Vec<Lane> {
    let workers = usize::from(args.workers);
    let config = config(args.flows as usize, workers);
    let shares = flows_by_worker(topology, args.flows as usize, workers, args.size.into());
    let shares = shares.into_iter().enumerate().filter(|(_, flows)| !flows.is_empty());
    let lane = |(number, flows): (usize, Vec<Flow>)| {
        let mut made: Vec<Flow> = flows.clone();
        if args.order == Order::Random {
            Random::new(SEED + 1).shuffle(&mut made);
        }
        // The store is sent in its own order; it is the sessions that are made in another one.
        let store = Store::new(flows.into_iter(), args.size.into());
        let mut lane = Lane::new(number, &config, topology, store, ticks_per_ns);
        if !args.new_flows {
            let first = Store::new(made.into_iter(), args.size.into());
            let store = lane.swap_store(first);
            lane.round(topology);
            lane.swap_store(store);
        }
        lane
    };
    shares.map(lane).collect()
}

/// Measures one case.
pub fn pipeline(case: Case, args: &PipelineArgs) -> Result<Report> {
    ensure!(args.seconds > 0.0 && args.seconds <= 3600.0, "--seconds must be positive and at most an hour");
    let topology = topology(case);
    let ticks_per_ns = ticks_per_ns();
    let probe = Probe::new();
    let before = probe.read();
    let mut windows: Vec<Vec<Window>> = Vec::new();
    let mut usage = Usage::default();
    if args.new_flows {
        for _ in 0..RUNS {
            let mut lanes = lanes(&topology, args, ticks_per_ns);
            windows.push(together(&mut lanes, |lane| lane.round(&topology)));
            usage = check(&lanes, args, None)?;
        }
    } else {
        let mut lanes = lanes(&topology, args, ticks_per_ns);
        check(&lanes, args, None).context("while the sessions were made")?;
        // A tenth of a run: caches and branch predictors settle.
        together(&mut lanes, |lane| lane.run(&topology, args.seconds / 10.0));
        let walks = walks(&lanes);
        for _ in 0..RUNS {
            windows.push(together(&mut lanes, |lane| lane.run(&topology, args.seconds)));
        }
        usage = check(&lanes, args, Some(walks))?;
    }
    let after = probe.read();
    let (bytes, admitted) = capacity(args.flows as usize)?;

    let over = |f: &dyn Fn(&[Window]) -> f64| {
        let mut values: Vec<f64> = windows.iter().map(|w| f(w)).collect();
        values.sort_by(f64::total_cmp);
        (values[RUNS / 2], values[0], values[RUNS - 1])
    };
    let mean = |w: &[Window], f: fn(&Window) -> f64| {
        let packets: u64 = w.iter().map(|w| w.packets).sum();
        w.iter().map(|w| f(w) * w.packets as f64).sum::<f64>() / packets.max(1) as f64
    };
    let (mpps, mpps_min, mpps_max) = over(&|w| w.iter().map(Window::mpps).sum());
    let (engine, engine_min, engine_max) = over(&|w| mean(w, Window::engine_ticks));
    let (generator, generator_min, generator_max) = over(&|w| mean(w, Window::generator_ticks));
    let all = || windows.iter().flatten();
    let packets: u64 = all().map(|w| w.packets).sum();
    let allocations: u64 = all().map(|w| w.allocations).sum();
    let workers = windows.first().map_or(1, Vec::len) as f64;
    Ok(Report {
        case,
        flows: args.flows,
        workers: args.workers,
        mpps,
        mpps_min,
        mpps_max,
        ticks_per_packet: engine,
        ticks_per_packet_min: engine_min,
        ticks_per_packet_max: engine_max,
        generator_ticks_per_packet: generator,
        generator_ticks_per_packet_min: generator_min,
        generator_ticks_per_packet_max: generator_max,
        allocations_per_packet: alloc::counted().then(|| allocations as f64 / packets.max(1) as f64),
        sessions: usage.sessions,
        bytes_per_session: bytes as f64 / admitted.max(1) as f64,
        probe_ns: before.max(after),
        connections_per_second: args.new_flows.then(|| workers * ticks_per_ns * 1e9 / engine),
        waited: all().map(|w| w.waited / w.seconds).fold(0.0, f64::max),
    })
}

/// Runs `f` on every lane at once, a thread each.
fn together(lanes: &mut [Lane], f: impl Fn(&mut Lane) -> Window + Sync) -> Vec<Window> {
    if let [lane] = lanes {
        return vec![f(lane)];
    }
    let start = Barrier::new(lanes.len());
    let (f, start) = (&f, &start);
    std::thread::scope(|scope| {
        let threads = lanes.iter_mut().map(|lane| {
            scope.spawn(move || {
                start.wait();
                f(lane)
            })
        });
        let threads: Vec<_> = threads.collect();
        let join = |t: std::thread::ScopedJoinHandle<'_, Window>| match t.join() {
            Ok(window) => window,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().map(join).collect()
    })
}

fn walks(lanes: &[Lane]) -> u64 {
    lanes.iter().map(|l| l.worker.counters().walks).sum()
}

/// Refuses a measurement of anything but what was asked for.
fn check(lanes: &[Lane], args: &PipelineArgs, walks_before: Option<u64>) -> Result<Usage> {
    let mut usage = Usage::default();
    for lane in lanes {
        let u = lane.worker.usage();
        usage.sessions += u.sessions;
        usage.capacity += u.capacity;
        usage.bytes += u.bytes;
        ensure!(lane.astray == 0, "{} frames came to a worker that does not own them", lane.astray);
        if let Some(reason) = lane.egress.reason {
            bail!("{} frames were not forwarded, the first for reason {}", lane.egress.lost, reason.name());
        }
    }
    ensure!(usage.sessions == args.flows as usize, "{} flows made {} sessions", args.flows, usage.sessions);
    if let Some(before) = walks_before {
        let again = walks(lanes) - before;
        ensure!(again == 0, "{again} packets of known flows walked the gates");
    }
    Ok(usage)
}

/// Bytes that a worker with tables for so many flows reserves, and the conversations they admit before they first refuse one. Flows
/// are answered at once: one-way ones would be given up for others, and the table would never refuse.
pub fn capacity(flows: usize) -> Result<(usize, usize)> {
    let topology = topology(Case::Full);
    let config = config(flows, 1);
    let heap = alloc::bytes();
    let mut worker = Worker::new(0, &config, &config.destinations());
    // Where it can be counted, everything a worker reserves before its first packet, not only what it owns up to.
    let heap = usize::try_from(alloc::bytes() - heap).unwrap_or(0);
    worker.prepare(&topology);
    let bytes = worker.usage().bytes.max(heap);
    let mut random = Random::new(SEED + 2);
    let mut egress = Egress::default();
    let mut frames: Vec<Frame> = (0..BATCH).map(|_| Frame::with_capacity(64)).collect();
    let mut bytes_of = [0; 60];
    for _ in 0..4 * config.sessions / BATCH {
        for frame in &mut frames {
            let flow = Flow::random(&mut random);
            flow.write(&mut bytes_of);
            frame.copy_from(&bytes_of);
            (frame.port, frame.ts) = (flow.port(), 1_000_000_000);
        }
        worker.process(&topology, &mut frames, &mut egress);
        std::mem::swap(&mut frames, &mut egress.frames);
        for (frame, port) in frames.iter_mut().zip(&egress.ports) {
            debug_assert_eq!(*port, INTERNET);
            answer(frame);
        }
        // Frames that were refused are at their old port and would only be dropped again.
        let refused = egress.lost;
        egress.ports.clear();
        if refused == 0 {
            worker.process(&topology, &mut frames, &mut egress);
            std::mem::swap(&mut frames, &mut egress.frames);
            egress.ports.clear();
        }
        if let Some(reason) = egress.reason {
            let name = reason.name();
            ensure!(reason == vpcd_dataplane::pipeline::Reason::SessionTableFull, "refused for {name}, not for room");
            return Ok((bytes, worker.usage().sessions));
        }
    }
    bail!("the tables took four times the sessions they are sized for without refusing one")
}

/// Turns a frame that left by the internet port into its answer.
fn answer(frame: &mut Frame) {
    let Ok(Parsed::Ip(Packet { src4, dst4, sport, dport, .. })) = parse_frame(frame, 0) else { return };
    if src4 != u32::from(NAT_PUBLIC) {
        return;
    }
    // Swapping words leaves both checksums as they are.
    let bytes = frame.bytes_mut();
    bytes[26..30].copy_from_slice(&dst4.to_be_bytes());
    bytes[30..34].copy_from_slice(&src4.to_be_bytes());
    bytes[34..36].copy_from_slice(&dport.to_be_bytes());
    bytes[36..38].copy_from_slice(&sport.to_be_bytes());
    frame.port = INTERNET;
}
