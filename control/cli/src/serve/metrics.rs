//! What `GET /metrics` says: the dataplane's counters and what the API and the store took, in Prometheus' text format 0.0.4.
//!
//! Names are listed in docs/serve.md. Sets of labels are bounded: ports are those that exist or have counted something, actions those of the API.

use arc_swap::ArcSwap;
use std::collections::{BTreeMap, HashMap};
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use vpcd_control::compile::Names;
use vpcd_control::ec2;
use vpcd_control::model::Record;
use vpcd_control::store::{Store, StoreError};
use vpcd_dataplane::engine::{Counters, PortCounters};
use vpcd_dataplane::nat::NatGatewayCounters;
use vpcd_dataplane::topology::{PortNo, Topology};
use vpcd_io::live::Live;

/// Of the answer.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper ends of the buckets of all histograms, in seconds.
const BUCKETS: [f64; 12] = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];
/// Stands for actions that are not the API's, and for requests of other paths.
const OTHER: &str = "other";

/// What is counted beside the dataplane.
pub(super) struct Metrics {
    pub(super) started: Instant,
    pub(super) workers: usize,
    /// Of the home Region as it was published last.
    names: ArcSwap<Names>,
    serial: AtomicU64,
    /// By action; complete from the beginning.
    calls: HashMap<&'static str, Calls>,
    commits: Histogram,
    publishes: Histogram,
}

/// Calls of one action.
#[derive(Default)]
struct Calls {
    by_status: Mutex<BTreeMap<u16, u64>>,
    duration: Histogram,
}

/// A counter of each port: name, help, and where it stands.
type Series = (&'static str, &'static str, fn(&PortCounters) -> u64);

impl Metrics {
    pub(super) fn new(workers: usize) -> Metrics {
        let actions = ec2::built().into_iter().chain(["GetCallerIdentity", OTHER]);
        Metrics {
            started: Instant::now(),
            workers,
            names: ArcSwap::default(),
            serial: AtomicU64::new(0),
            calls: actions.map(|a| (a, Calls::default())).collect(),
            commits: Histogram::default(),
            publishes: Histogram::default(),
        }
    }

    /// The home Region was published.
    pub(super) fn published(&self, names: Names, serial: u64, took: Duration) {
        self.names.store(Arc::new(names));
        self.serial.store(serial, Relaxed);
        self.publishes.observe(took);
    }

    /// A request was answered.
    pub(super) fn called(&self, action: Option<&str>, status: u16, took: Duration) {
        let Some(calls) = action.and_then(|a| self.calls.get(a)).or_else(|| self.calls.get(OTHER)) else { return };
        *calls.by_status.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
        calls.duration.observe(took);
    }

    /// What ports are called.
    pub(super) fn names(&self) -> Arc<Names> {
        self.names.load_full()
    }

    /// Number of the home Region's last publish.
    pub(super) fn serial(&self) -> u64 {
        self.serial.load(Relaxed)
    }

    /// What each NAT gateway has counted. Waits until each worker has finished its round.
    pub(super) fn nat_gateways(&self, live: &Live) -> Vec<(String, NatGatewayCounters)> {
        let names = self.names();
        if names.nat_gateways().next().is_none() {
            return Vec::new();
        }
        let (counters, _) = live.report();
        nats(&names, &counters).map(|(id, c)| (id.into(), c)).collect()
    }

    /// All of it. Waits until each worker has finished its round.
    pub(super) fn exposition(&self, live: &Live) -> String {
        let (counters, usage) = live.report();
        let (names, topology) = (self.names(), live.topology());
        let mut out = Exposition::default();
        let ports: Vec<(&str, PortCounters)> =
            ports(&topology, &counters).map(|p| (names.port_id(p), counters.port(p))).collect();
        let by_port: [Series; 5] = [
            ("vpcd_port_received_frames_total", "Frames that came in by a port.", |c| c.received),
            ("vpcd_port_received_bytes_total", "Bytes of these frames.", |c| c.received_bytes),
            ("vpcd_port_sent_frames_total", "Frames that went out by a port.", |c| c.sent),
            ("vpcd_port_sent_bytes_total", "Bytes of these frames.", |c| c.sent_bytes),
            (
                "vpcd_port_conntrack_allowance_exceeded_total",
                "Packets of new flows dropped because the port held its share of the sessions.",
                |c| c.allowance_exceeded,
            ),
        ];
        for (name, help, value) in by_port {
            out.family(name, "counter", help);
            ports.iter().for_each(|(id, c)| out.sample(name, &[("port", id)], value(c)));
        }
        let drops = "vpcd_port_dropped_frames_total";
        out.family(
            drops,
            "counter",
            "Frames that came in by a port and were dropped, by stage and reason (docs/reasons.md).",
        );
        for (port, stage, reason, n) in counters.all_drops() {
            out.sample(drops, &[("port", names.port_id(port)), ("stage", stage.name()), ("reason", reason.name())], n);
        }
        let nats: Vec<(&str, NatGatewayCounters)> = nats(&names, &counters).collect();
        for (n, (metric, _)) in NatGatewayCounters::default().metrics().into_iter().enumerate() {
            let name = format!("vpcd_nat_gateway_{metric}");
            let kind = if metric == NatGatewayCounters::GAUGE { "gauge" } else { "counter" };
            out.family(&name, kind, "CloudWatch's metric of that name, since the gateway began.");
            nats.iter().for_each(|(id, c)| out.sample(&name, &[("NatGatewayId", id)], c.metrics()[n].1));
        }
        out.counter("vpcd_originated_frames_total", "Frames that the fabric built itself.", counters.originated);
        out.counter(
            "vpcd_consumed_frames_total",
            "Frames that were answered or given to a service.",
            counters.consumed,
        );
        out.counter(
            "vpcd_extra_frames_total",
            "Pieces beyond the first of frames that were fragmented.",
            counters.extra,
        );
        out.counter("vpcd_dropped_frames_total", "Frames that were dropped, at all ports.", counters.dropped);
        out.gauge("vpcd_held_frames", "Fragments that wait for their first.", counters.held);
        out.counter("vpcd_walks_total", "Packets that walked the gates.", counters.walks);
        out.counter("vpcd_rewalks_total", "Walks of flows whose way a publish had touched.", counters.rewalks);
        out.gauge("vpcd_sessions", "Sessions in use.", usage.sessions);
        out.gauge("vpcd_sessions_capacity", "Sessions there is room for.", usage.capacity);
        out.gauge("vpcd_sessions_bytes", "Bytes reserved by the flow tables.", usage.bytes);
        out.gauge("vpcd_workers", "Threads that forward packets.", self.workers);
        out.gauge("vpcd_workers_up", "1 while all of them run.", u8::from(!live.failed()));
        out.gauge("vpcd_port_faults", "Ports that can no longer be received from.", live.faults().len());
        out.gauge("vpcd_generation", "Generation of the topology in force.", topology.generation);
        out.gauge("vpcd_region_serial", "Number of the home Region's last publish.", self.serial());
        out.gauge("vpcd_uptime_seconds", "Seconds since the start.", self.started.elapsed().as_secs_f64());

        // In order, so that two readings can be compared.
        let mut calls: Vec<(&str, &Calls)> = self.calls.iter().map(|(a, c)| (*a, c)).collect();
        calls.sort_unstable_by_key(|(action, _)| *action);
        calls.retain(|(_, c)| c.duration.count() > 0);
        let (total, duration) = ("vpcd_api_calls_total", "vpcd_api_call_duration_seconds");
        out.family(
            total,
            "counter",
            "Answers by action and HTTP status; action 'other' for all that is not an action of the API.",
        );
        for (action, calls) in &calls {
            for (status, n) in calls.by_status.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                out.sample(total, &[("action", action), ("status", &status.to_string())], n);
            }
        }
        out.family(duration, "histogram", "From the end of a request's head to its answer.");
        calls.iter().for_each(|(action, calls)| out.histogram(duration, &[("action", action)], &calls.duration));
        for (name, help, histogram) in [
            ("vpcd_store_commit_duration_seconds", "What it took to make a batch of changes durable.", &self.commits),
            (
                "vpcd_publish_duration_seconds",
                "What it took to compile a change and to have all workers obey it.",
                &self.publishes,
            ),
        ] {
            out.family(name, "histogram", help);
            out.histogram(name, &[], histogram);
        }
        out.0
    }
}

/// Ids of NAT gateways, and what each has counted.
fn nats<'a>(names: &'a Names, counters: &'a Counters) -> impl Iterator<Item = (&'a str, NatGatewayCounters)> {
    names.nat_gateways().map(|(at, id)| (id, counters.nat(at)))
}

/// The uplink, ports of today's interfaces and gateways, and those that have counted something.
pub(super) fn ports(topology: &Topology, counters: &Counters) -> impl Iterator<Item = PortNo> {
    // A worker that sleeps has not heard of the latest ones yet.
    let count = topology.port_count().max(counters.ports().count());
    (0..count as PortNo).filter(|&port| topology.mtu(port) > 0 || counters.port(port) != PortCounters::default())
}

/// Durations by bucket.
#[derive(Default)]
struct Histogram {
    /// The last one is for what is beyond all ends.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    sum_ns: AtomicU64,
}

impl Histogram {
    fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bucket = BUCKETS.partition_point(|end| *end < seconds);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_ns.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    fn count(&self) -> u64 {
        self.buckets.iter().map(|b| b.load(Relaxed)).sum()
    }
}

/// The text, as it is written.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Values of labels are ids and names of ours: nothing in them needs an escape.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (n, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{text}\"", if n == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        // Loaded once each, so that the buckets and the count agree.
        let mut total = 0;
        for (n, bucket) in histogram.buckets.iter().enumerate() {
            total += bucket.load(Relaxed);
            let end = BUCKETS.get(n).map_or_else(|| "+Inf".into(), f64::to_string);
            self.sample(&format!("{name}_bucket"), &[labels, &[("le", &end)]].concat(), total);
        }
        self.sample(&format!("{name}_sum"), labels, histogram.sum_ns.load(Relaxed) as f64 / 1e9);
        self.sample(&format!("{name}_count"), labels, total);
    }
}

/// A store whose commits are timed.
pub(super) struct Timed<S> {
    store: S,
    metrics: Arc<Metrics>,
}

impl<S: Store> Timed<S> {
    pub(super) fn new(store: S, metrics: Arc<Metrics>) -> Timed<S> {
        Timed { store, metrics }
    }
}

impl<S: Store> Store for Timed<S> {
    fn load(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.store.load()
    }

    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let started = Instant::now();
        let outcome = self.store.commit(records);
        self.metrics.commits.observe(started.elapsed());
        outcome
    }
}
