//! The running engine with cables in memory: ports that come and go, and publishes, while traffic flows.

mod common;
#[path = "../../tests/common/mod.rs"]
mod lab;

use common::Shared;
use lab::*;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Cursor};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use vpcd_dataplane::engine::{Config, Counters};
use vpcd_dataplane::pipeline::{Reason, Stage};
use vpcd_dataplane::tables::filter::{Acl, AclRule, Match, SgSide};
use vpcd_dataplane::topology::{Filter, INTERNET, Nacl, PortNo, Route, RouteTable, Target, Topology};
use vpcd_dataplane::wire::{Frame, Parsed, parse};
use vpcd_io::capture::{PcapngWriter, Reader, SectionInfo};
use vpcd_io::live::{Fault, Live, LivePort, Queue, Recording};
use vpcd_io::player::Player;
use vpcd_io::port::{MemoryPort, Port, Sent};

const WORKERS: usize = 2;
const NET: &str = "192.0.2.77";
/// Connections from OTHER to WEB, next door, and from DB through the NAT gateway.
const NEAR: u16 = 50;
const FAR: u16 = 50;
/// Frames under way at once: fewer than any ring between two workers holds.
const WINDOW: u64 = 512;
/// Nothing takes that long.
const LONG: Duration = Duration::from_secs(10);

fn start(ports: Vec<LivePort>, recording: Option<Recording>) -> Live {
    Live::start(Config { workers: WORKERS, ..Config::default() }, lab(), ports, recording).unwrap()
}

/// A port that all workers share, and the other end of its cable.
fn cable(port: PortNo) -> (LivePort, MemoryPort) {
    let (near, far) = MemoryPort::pair(1024, (0, port));
    let queues = (0..WORKERS).map(|_| Queue::Other(Box::new(far.clone()))).collect();
    (LivePort { port, name: format!("port-{port}"), queues }, near)
}

/// The far ends of some ports' cables.
struct Ends(BTreeMap<PortNo, MemoryPort>);

impl Ends {
    fn start(ports: &[PortNo]) -> (Live, Ends) {
        let (ports, ends): (Vec<_>, Vec<_>) =
            ports.iter().map(|&p| (cable(p), p)).map(|((l, m), p)| (l, (p, m))).unzip();
        (start(ports, None), Ends(ends.into_iter().collect()))
    }

    fn send(&mut self, port: PortNo, frame: Frame) {
        assert!(self.0.get_mut(&port).unwrap().send(frame).unwrap().is_done());
    }

    /// Sends all and waits for as many to come out, wherever.
    fn round(&mut self, frames: &[(PortNo, Frame)]) -> Vec<(PortNo, Frame)> {
        for (port, frame) in frames {
            self.send(*port, frame.clone());
        }
        let (mut came, deadline) = (Vec::new(), Instant::now() + LONG);
        while came.len() < frames.len() {
            assert!(Instant::now() < deadline, "{} of {} came", came.len(), frames.len());
            let mut fresh = Vec::new();
            for (port, end) in &mut self.0 {
                end.recv(&mut fresh, 1024).unwrap();
                came.extend(fresh.drain(..).map(|f| (*port, f)));
            }
            if came.len() < frames.len() {
                std::thread::yield_now();
            }
        }
        came
    }

    /// Sends these frames again and again, as fast as they come out, until `body` has returned; every one comes out. How many there were.
    fn under_load(&mut self, frames: &[(PortNo, Frame)], body: impl FnOnce(&mut Delivered<'_>)) -> u64 {
        let (over, delivered) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            let traffic = scope.spawn(|| {
                let (mut sent, mut came, mut since) = (0, 0, Instant::now());
                let (mut next, mut fresh) = (frames.iter().cycle(), Vec::new());
                while came < sent || !over.load(Ordering::Relaxed) {
                    assert!(since.elapsed() < LONG, "{came} of {sent} came");
                    while sent - came < WINDOW && !over.load(Ordering::Relaxed) {
                        let (port, frame) = next.next().unwrap();
                        self.send(*port, frame.clone());
                        sent += 1;
                    }
                    self.0.values_mut().for_each(|end| assert!(end.recv(&mut fresh, 1024).is_ok()));
                    if fresh.is_empty() {
                        std::thread::yield_now();
                        continue;
                    }
                    came += fresh.drain(..).count() as u64;
                    delivered.store(came, Ordering::Relaxed);
                    since = Instant::now();
                }
                sent
            });
            // The load ends with the body, however that ends.
            let end = OnDrop(&over);
            body(&mut Delivered { counter: &delivered, traffic: &traffic });
            drop(end);
            traffic.join().unwrap()
        })
    }

    /// Opens connections; a packet of each in both directions.
    fn establish(&mut self, near: u16, far: u16) -> Vec<(PortNo, Frame)> {
        let mut frames = Vec::new();
        for flags in ["S", "A"] {
            let there = (0..near).map(|n| (OTHER, tcp("10.0.0.7", 1024 + n, "10.0.0.5", 80, flags)));
            let there =
                there.chain((0..far).map(|n| (DB, tcp("10.0.1.5", 1024 + n, NET, 443, flags)))).collect::<Vec<_>>();
            let came = self.round(&there);
            let answer = |(port, frame): &(PortNo, Frame)| {
                let Ok(Parsed::Ip(p)) = parse(frame.bytes(), 0) else { panic!("not IP") };
                let t = p.tuple(frame.bytes());
                let flags = if flags == "S" { "SA" } else { "A" };
                (*port, tcp(&t.dst.to_string(), t.dport, &t.src.to_string(), t.sport, flags))
            };
            let back: Vec<_> = came.iter().map(answer).collect();
            self.round(&back);
            frames = there.into_iter().chain(back).collect();
        }
        frames
    }
}

/// How far a load has come.
struct Delivered<'a> {
    counter: &'a AtomicU64,
    traffic: &'a std::thread::ScopedJoinHandle<'a, u64>,
}

impl Delivered<'_> {
    /// Waits until that many more frames have come out.
    fn wait(&mut self, frames: u64) {
        let from = self.counter.load(Ordering::Relaxed);
        while self.counter.load(Ordering::Relaxed) < from + frames {
            assert!(!self.traffic.is_finished(), "the load has ended");
            std::thread::yield_now();
        }
    }
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until the counters say so.
fn until(live: &Live, what: impl Fn(&Counters) -> bool) -> Counters {
    let deadline = Instant::now() + LONG;
    loop {
        let counters = live.counters();
        if what(&counters) {
            return counters;
        }
        assert!(Instant::now() < deadline, "{counters:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn holds(counters: &Counters) {
    let (came, went) = counters.conservation();
    assert_eq!(came, went, "{counters:?}");
}

/// The lab, changed in the `n`th way; all of them leave the traffic allowed.
fn changed(n: usize) -> Topology {
    let mut t = lab();
    match n % 4 {
        0 => {}
        1 => {
            let filter = t.filters.get(0).unwrap();
            let rules = [(80, "0.0.0.0/0"), (443, "0.0.0.0/0"), (8080, "198.18.0.0/15")];
            let ingress = SgSide::build(&rules.map(|(port, peer)| rule(Some(6), (port, port), peer)));
            let filter = Filter { ingress, egress: filter.egress.clone() };
            t.filters.set(0, Arc::new(filter));
        }
        2 => {
            let mut routes = t.route_tables.get(1).unwrap().routes().to_vec();
            routes.push(Route { prefix: net("198.18.0.0/15"), target: Target::Blackhole });
            t.route_tables.set(1, Arc::new(RouteTable::build(routes)));
        }
        _ => {
            let rules = [(7, "0.0.0.0/0"), (8, "::/0")].map(|(number, n)| AclRule {
                number,
                allow: true,
                net: net(n),
                matches: Match { proto: None, ports: (0, 65535) },
            });
            t.nacls.set(0, Arc::new(Nacl { inbound: Acl::build(&rules), outbound: Acl::build(&rules) }));
        }
    }
    t
}

#[test]
fn a_thousand_publishes_under_load_lose_no_frame_and_end_no_session() {
    let (live, mut ends) = Ends::start(&[INTERNET, WEB, DB, OTHER]);
    let frames = ends.establish(NEAR, FAR);
    let directions = frames.len() as u64;
    assert_eq!((live.counters().walks, live.counters().rewalks), (directions, 0));
    let mut took = Vec::new();
    let sent = ends.under_load(&frames, |delivered| {
        for n in 1..=1000 {
            let next = changed(n);
            let begun = Instant::now();
            live.publish(next);
            took.push(begun.elapsed());
            // A frame of every flow passes under each topology. The answers are allowed by what their connections left behind alone (SG-40).
            delivered.wait(directions);
        }
    });
    took.sort();
    println!("{sent} frames; a publish took {:?}, p99 {:?}, at most {:?}", took[500], took[990], took[999]);
    let counters = live.stop().unwrap();
    assert_eq!(counters.dropped, 0, "{:?}", counters.all_drops().collect::<Vec<_>>());
    let passed = counters.ports().fold((0, 0), |(r, s), (_, p)| (r + p.received, s + p.sent));
    assert_eq!(passed, (sent + 2 * directions, sent + 2 * directions));
    assert!(counters.rewalks >= 1000, "{}", counters.rewalks);
    assert_eq!(counters.walks - counters.rewalks, directions, "no flow began anew");
    holds(&counters);
}

#[test]
fn fifty_times_a_port_goes_and_comes_back_under_load() {
    let (live, mut ends) = Ends::start(&[INTERNET, WEB, DB, OTHER]);
    let frames = ends.establish(NEAR, 0);
    let mut uplink = ends.0.remove(&INTERNET).unwrap();
    let mut web = ends.0[&WEB].clone();
    ends.under_load(&frames, |delivered| {
        for n in 0..50 {
            live.unplug(DB).unwrap();
            // Known to the topology, but nobody is there: refused with a name, not lost.
            assert!(web.send(tcp("10.0.0.5", 5000 + n, "10.0.1.5", 3306, "S")).unwrap().is_done());
            let lost = |c: &Counters| c.drops(WEB, Stage::Engine, Reason::PortFull);
            until(&live, |c| lost(c) == u64::from(n) + 1);
            let (port, mut db) = cable(DB);
            live.plug(port).unwrap();
            assert!(db.send(tcp("10.0.1.5", 1024 + n, NET, 443, "S")).unwrap().is_done());
            let (mut came, deadline) = (Vec::new(), Instant::now() + LONG);
            while uplink.recv(&mut came, 9).unwrap() == 0 {
                assert!(Instant::now() < deadline, "what it sends does not arrive");
                std::thread::yield_now();
            }
            assert_eq!(came.len(), 1);
            delivered.wait(1);
        }
    });
    assert_eq!((live.faults(), live.failed()), (vec![], false));
    let counters = live.stop().unwrap();
    assert_eq!(counters.all_drops().collect::<Vec<_>>(), [(WEB, Stage::Engine, Reason::PortFull, 50)]);
    assert_eq!((counters.port(DB).received, counters.port(INTERNET).sent), (50, 50));
    holds(&counters);
}

/// A port that shows when it goes, and that may be out of order.
struct Odd {
    _alive: Arc<()>,
    /// What a poller shall watch.
    fd: Option<File>,
    broken: bool,
}

impl Port for Odd {
    fn recv(&mut self, _: &mut Vec<Frame>, _: usize) -> io::Result<usize> {
        if std::mem::take(&mut self.broken) { Err(io::Error::other("the cable is cut")) } else { Ok(0) }
    }
    fn send(&mut self, _: Frame) -> io::Result<Sent> {
        Ok(Sent::Done)
    }
    fn fd(&self) -> Option<RawFd> {
        self.fd.as_ref().map(|f| f.as_raw_fd())
    }
    fn unannounced(&self) -> bool {
        self.fd.is_none()
    }
}

/// Connections within the VPC, whose frames go from worker to worker, beside a machine that only begins flows, which do so too.
#[test]
fn a_flood_of_first_packets_takes_no_others_place_between_workers() {
    let (live, mut ends) = Ends::start(&[INTERNET, WEB, DB, OTHER]);
    let frames = ends.establish(NEAR, 0);
    let (mut flood, mut sink) = (ends.0.remove(&DB).unwrap(), ends.0.remove(&INTERNET).unwrap());
    let (over, began) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut came = Vec::new();
            let mut flows = (0..u32::MAX).map(|n| {
                let to = format!("192.0.2.{}", n % 250);
                tcp("10.0.1.5", 1024 + (n / 250 % 60_000) as u16, &to, 443, "S")
            });
            while !over.load(Ordering::Relaxed) {
                for frame in flows.by_ref().take(256) {
                    // What does not fit into the cable is nobody's loss but the machine's.
                    began.fetch_add(u64::from(flood.send(frame).unwrap().is_done()), Ordering::Relaxed);
                }
                sink.recv(&mut came, 4096).unwrap();
                came.clear();
            }
        });
        let end = OnDrop(&over);
        let sent = ends.under_load(&frames, |_| std::thread::sleep(Duration::from_secs(1)));
        drop(end);
        assert!(sent > 1_000, "the connections spoke: {sent}");
    });
    // The last of the flood is still on its way.
    let counters = until(&live, |c| c.conservation().0 == c.conservation().1);
    let lost = |port| counters.drops(port, Stage::Engine, Reason::HandOffFull);
    assert!(began.into_inner() > 10_000, "a flood");
    assert_eq!([lost(WEB), lost(OTHER), lost(DB)], [0; 3]);
}

fn odd(alive: &Arc<()>, unpollable: bool, broken: bool) -> LivePort {
    let queue = |worker| {
        // epoll refuses files on a disk; the second worker finds that out.
        let fd = (unpollable && worker == 1).then(|| File::open(std::env::current_exe().unwrap()).unwrap());
        Box::new(Odd { _alive: Arc::clone(alive), fd, broken }) as Box<dyn Port + Send>
    };
    LivePort::new(WEB, "Odd", (0..WORKERS).map(queue).collect())
}

#[test]
fn queues_are_closed_when_unplug_returns() {
    let live = start(Vec::new(), None);
    let alive = Arc::new(());
    for _ in 0..20 {
        live.plug(odd(&alive, false, false)).unwrap();
        assert_eq!(Arc::strong_count(&alive), 1 + WORKERS);
        let again = live.plug(odd(&alive, false, false)).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(again.to_string(), "port Odd is number 1, which is plugged in already");
        assert_eq!(Arc::strong_count(&alive), 1 + WORKERS, "the first is untouched");
        live.unplug(WEB).unwrap();
        assert_eq!(Arc::strong_count(&alive), 1);
    }
    live.unplug(WEB).unwrap();
    live.unplug(77).unwrap();
}

#[test]
fn a_port_that_one_worker_cannot_serve_is_not_half_plugged_in() {
    let live = start(Vec::new(), None);
    let alive = Arc::new(());
    let refused = live.plug(odd(&alive, true, false)).unwrap_err();
    assert!(refused.to_string().starts_with("cannot watch descriptor "), "{refused}");
    assert_eq!(Arc::strong_count(&alive), 1);
    live.plug(odd(&alive, false, false)).unwrap();
}

#[test]
fn a_port_that_fails_is_named_and_the_others_run_on() {
    let (live, mut ends) = Ends::start(&[INTERNET, DB]);
    let alive = Arc::new(());
    live.plug(odd(&alive, false, true)).unwrap();
    let deadline = Instant::now() + LONG;
    while live.faults().is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    assert_eq!(live.faults(), [Fault { port: WEB, error: "the cable is cut".into() }]);
    assert_eq!(ends.establish(0, 3).len(), 6);
    assert!(!live.failed());
    live.unplug(WEB).unwrap();
    assert_eq!((live.faults(), Arc::strong_count(&alive)), (vec![], 1));
    live.plug(odd(&alive, false, false)).unwrap();
    assert_eq!(live.faults(), []);
    holds(&live.stop().unwrap());
}

#[test]
fn a_port_that_came_later_has_counters() {
    let (live, _ends) = Ends::start(&[INTERNET]);
    let (port, mut end) = cable(900);
    live.plug(port).unwrap();
    // No topology knows it yet, and its shard may be any worker's.
    for n in 0..64 {
        assert!(end.send(tcp("10.0.0.9", 1024 + n, NET, 80, "S")).unwrap().is_done());
    }
    let counters = until(&live, |c| c.dropped == 64);
    let (last, seen) = counters.ports().last().unwrap();
    assert_eq!((last, seen.received, seen.sent), (900, 64, 0));
    assert!(seen.received_bytes >= 64 * 58);
    let drops: Vec<_> = counters.all_drops().collect();
    assert!(drops.iter().all(|d| d.0 == 900) && drops.iter().map(|d| d.3).sum::<u64>() == 64, "{drops:?}");
    holds(&counters);
    let (_, usage) = live.report();
    assert!(usage.sessions == 0 && usage.capacity > 0);
}

/// A capture stands for OTHER and talks to WEB, for whom another one listens.
#[test]
fn captures_play_the_part_of_machines() {
    let input = Shared::default();
    let mut writer = PcapngWriter::from_write("in", input.clone(), &SectionInfo::default()).unwrap();
    for n in 0..5 {
        let frame = tcp("10.0.0.7", 1024 + n, "10.0.0.5", 80, "S");
        writer.write(1_000_000 * u64::from(n), frame.bytes(), 0, None).unwrap();
    }
    writer.flush().unwrap();
    let output = Shared::default();
    let reader = Reader::from_read("in", Cursor::new(input.bytes())).unwrap();
    let writer = PcapngWriter::from_write("out", output.clone(), &SectionInfo::default()).unwrap();
    let live = start(Vec::new(), None);
    live.plug(LivePort::new(WEB, "Web", Player::open(None, Some(writer), WORKERS).unwrap())).unwrap();
    live.plug(LivePort::new(OTHER, "Other", Player::open(Some(reader), None, WORKERS).unwrap())).unwrap();
    until(&live, |c| c.port(WEB).sent == 5);
    live.unplug(WEB).unwrap();
    let ports: Vec<u16> = Reader::from_read("out", Cursor::new(output.bytes()))
        .unwrap()
        .map(|record| {
            let data = record.unwrap().data;
            u16::from_be_bytes([data[34], data[35]])
        })
        .collect();
    assert_eq!(ports.len(), 5);
    assert!((1024..1029).all(|p| ports.contains(&p)), "{ports:?}");
    holds(&live.stop().unwrap());
}

#[test]
fn a_recording_goes_on_when_its_port_comes_back() {
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{}", std::process::id()));
    let recording = Recording { dir: dir.clone(), comments: vec!["seed=1".into()], out: true };
    let live = start(Vec::new(), Some(recording));
    let frames = |name: &str| Reader::open(dir.join(name)).unwrap().map(Result::unwrap).count();
    for n in 1..=3 {
        let (web, _web) = cable(WEB);
        let (other, mut end) = cable(OTHER);
        live.plug(web).unwrap();
        live.plug(other).unwrap();
        assert!(end.send(tcp("10.0.0.7", 1024 + n, "10.0.0.5", 80, "S")).unwrap().is_done());
        until(&live, |c| c.port(WEB).sent == u64::from(n));
        live.unplug(OTHER).unwrap();
        live.unplug(WEB).unwrap();
        let n = usize::from(n);
        assert_eq!([frames("port-4.pcapng"), frames("out/port-1.pcapng"), frames("port-1.pcapng")], [n, n, 0]);
    }
    live.stop().unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}
