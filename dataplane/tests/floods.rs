//! One ENI sends as much of a kind as it can. What is beyond its share is dropped by name, memory is bounded, and the flows of others lose nothing.

mod common;
use common::*;
use std::time::{Duration, Instant};
use vpcd_dataplane::engine::{BATCH, Config, Memory, Ration, Sink, Worker};
use vpcd_dataplane::pipeline::{Deps, Kind, Reason, Stage, Verdict};
use vpcd_dataplane::tables::filter::SgSide;
use vpcd_dataplane::topology::{Filter, INTERNET, PortNo, Topology};
use vpcd_dataplane::wire::Frame;

const NET: &str = "192.0.2.77";
const PUBLIC: &str = "198.51.100.1";

/// So few that a flood fills them.
fn small() -> Config {
    Config { sessions: 64 * 32, ..Config::default() }
}

/// Conversations between the web server and the internet that were there before.
struct Victims(u16);

impl Victims {
    fn begin(m: &mut Memory, count: u16) -> Victims {
        for n in 0..count {
            left(&send(m, 1.0, INTERNET, tcp(NET, 30_000 + n, PUBLIC, 80, "S")));
        }
        let all = Victims(count);
        all.talk(m, 1.1);
        all
    }

    /// Every one of them says something each way, and none of it is lost.
    fn talk(&self, m: &mut Memory, at: f64) {
        for n in 0..self.0 {
            let out = left(&send(m, at, WEB, tcp("10.0.0.5", 80, NET, 30_000 + n, "A")));
            assert_eq!(out.0, INTERNET);
            assert_eq!(left(&send(m, at, INTERNET, tcp(NET, 30_000 + n, PUBLIC, 80, "A"))).0, WEB);
        }
    }

    /// Others begin new ones, too.
    fn newcomer(&self, m: &mut Memory, at: f64, n: u16) {
        assert_eq!(left(&send(m, at, INTERNET, tcp(NET, 50_000 + n, PUBLIC, 80, "S"))).0, WEB);
        left(&send(m, at, WEB, tcp("10.0.0.5", 80, NET, 50_000 + n, "SA")));
    }
}

fn conserved(m: &Memory) {
    let (came, went) = m.counters().conservation();
    assert_eq!(came, went);
}

fn remote(n: u32) -> String {
    format!("20.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255)
}

// covers: SG-206
#[test]
fn conversations_beyond_the_share_are_refused_and_counted() {
    let mut m = engine(small());
    let victims = Victims::begin(&mut m, 50);
    let (mut passed, mut refused) = (0u64, 0);
    for n in 0..10_000u32 {
        let at = 2.0 + f64::from(n) / 10_000.0;
        let out = send(&mut m, at, DB, tcp("10.0.1.5", 40_000, &remote(n), 443, "S"));
        match told(&out).as_str() {
            "forward" => {
                // The far side plays along: a conversation is never evicted.
                let (_, t) = left(&out);
                assert_eq!(
                    left(&send(&mut m, at, INTERNET, tcp(&remote(n), 443, "198.51.100.9", t.sport, "SA"))).0,
                    DB
                );
                passed += 1;
            }
            "drop engine session-table-full" => {
                assert_eq!(out.verdict.at.map(|a| format!("{a:?}")), Some("Eni(EniIdx(1))".into()));
                refused += 1;
            }
            other => panic!("{other}"),
        }
        if n % 1000 == 999 {
            victims.talk(&mut m, at);
            victims.newcomer(&mut m, at, n as u16 / 1000);
        }
    }
    assert_eq!(passed + refused, 10_000);
    let counters = m.counters();
    assert_eq!(counters.drops(DB, Stage::Engine, Reason::SessionTableFull), refused);
    let exceeded: Vec<u64> = [DB, WEB, INTERNET].iter().map(|&p| counters.port(p).allowance_exceeded).collect();
    assert_eq!(exceeded, [refused, 0, 0]);
    let usage = m.usage();
    assert!(passed as usize <= usage.capacity * 8 / 9 && usage.sessions < usage.capacity, "{passed} of {usage:?}");
    assert!(refused > 2_000);
    conserved(&m);
    // What ends makes room again.
    left(&send(&mut m, 100_000.0, DB, tcp("10.0.1.5", 40_001, NET, 443, "S")));
}

// covers: SG-206
#[test]
fn a_victims_own_conversations_outlive_a_flood_from_the_internet() {
    let mut m = engine(small());
    let victims = Victims::begin(&mut m, 50);
    for n in 0..20_000u32 {
        let at = 2.0 + f64::from(n) / 20_000.0;
        let syn = tcp(&remote(n), 40_000, PUBLIC, 80, "S");
        assert_eq!(told(&send(&mut m, at, INTERNET, syn)), "forward", "half-open ones make room for each other");
        if n % 2000 == 1999 {
            victims.talk(&mut m, at);
            left(&send(&mut m, at, DB, tcp("10.0.1.5", 1000 + n as u16 / 2000, NET, 443, "S")));
        }
    }
    conserved(&m);
}

#[test]
fn one_way_datagrams_take_nothing_from_others() {
    let mut m = engine(small());
    let victims = Victims::begin(&mut m, 50);
    for n in 0..20_000u32 {
        let at = 2.0 + f64::from(n) / 20_000.0;
        assert_eq!(told(&send(&mut m, at, DB, udp("10.0.1.5", 40_000, &remote(n), 53))), "forward");
        if n % 2000 == 1999 {
            victims.talk(&mut m, at);
            victims.newcomer(&mut m, at, n as u16 / 2000);
        }
    }
    assert!(m.usage().sessions < m.usage().capacity);
    conserved(&m);
}

#[test]
fn held_fragments_are_bounded_and_others_find_a_place() {
    let mut m = engine(Config::default());
    let (sent, shards) = (60_000u32, 64u64);
    for n in 0..sent {
        // Never a first one: all want to be held.
        let mut frame =
            piece(OTHER, "10.0.0.7", &format!("10.0.1.{}", n / 6000 + 10), (n % 6000) as u16, 800, 64, true);
        frame.ts = 1_000_000_000 + u64::from(n);
        let done = m.run(vec![frame]);
        assert!(done.iter().all(|d| told(d) == "drop parse fragment-table-full"));
    }
    let counters = m.counters();
    let full = counters.drops(OTHER, Stage::Parse, Reason::FragmentTableFull);
    assert_eq!(full + counters.held, u64::from(sent));
    // 8/9 of 128 per shard.
    assert_eq!(counters.held, shards * 114);
    // Another one's datagram waits for its first as ever.
    for id in 0..200 {
        let mut late = piece(WEB, "10.0.0.5", NET, id, 64, 64, false);
        late.ts = 2_500_000_000;
        assert_eq!(m.run(vec![late]).len(), 0, "held");
        let mut first = piece(WEB, "10.0.0.5", NET, id, 0, 64, true);
        first.ts = 2_500_000_000;
        let done = m.run(vec![first]);
        assert_eq!(done.iter().map(told).collect::<Vec<_>>(), ["drop sg-out no-rule"; 2], "judged, both");
    }
    conserved(&m);
    // Nothing is held for ever: it ends by name.
    assert_eq!(m.finish().len() as u64, shards * 114);
    let late = m.counters().drops(OTHER, Stage::Parse, Reason::FragmentTimeout);
    assert_eq!((late, m.counters().held), (shards * 114, 0));
    conserved(&m);
}

/// `seconds` at which the n-th of a thousand a second comes.
fn each_ms(n: u32) -> f64 {
    2.0 + f64::from(n) / 1000.0
}

// covers: NAT-29
#[test]
fn errors_of_the_fabric_are_paced() {
    let dying = |sport, n: u32| {
        let mut frame = udp("10.0.1.5", sport, &remote(n), 53);
        frame.bytes_mut()[22] = 1;
        seal(frame.bytes_mut());
        frame
    };
    // One flow: one shard. Eight at once, then sixteen a second.
    let mut m = engine(Config::default());
    let replies = (0..2001).filter(|&n| told(&send(&mut m, each_ms(n), DB, dying(9, 0))) == "reply natgw ttl-exceeded");
    assert_eq!(replies.count(), 8 + 32);
    assert_eq!(m.counters().drops(DB, Stage::Natgw, Reason::TtlExceeded), 2001 - 40);
    assert_eq!(m.counters().originated, 40);
    // Any number of flows: 64 times that.
    let mut m = engine(Config::default());
    let frames = (0..20_000).map(|n| dying(1000 + (n % 50_000) as u16, n));
    let replies = frames.filter(|f| told(&send(&mut m, 2.0, DB, f.clone())) == "reply natgw ttl-exceeded").count();
    assert_eq!(replies, 64 * 8);
    // Another ENI is told as ever, and neighbours are always answered.
    let big = udp_of("10.0.1.5", 40_000, NET, 53, &[7; 1600]);
    let _ = send(&mut m, 2.0, DB, big);
    let mut stray = tcp("10.0.1.5", 40_001, NET, 443, "A");
    stray.seq = 1;
    assert_eq!(told(&send(&mut m, 2.0, DB, stray)), "drop natgw no-binding", "a reset is one of them");
    assert_eq!(told(&send(&mut m, 3.0, DB, tcp("10.0.1.5", 40_001, NET, 443, "A"))), "reply natgw no-binding");
    conserved(&m);
}

#[test]
fn forged_errors_are_refused_and_make_no_state() {
    let mut m = engine(small());
    let victims = Victims::begin(&mut m, 20);
    let before = m.usage();
    for n in 0..5000u32 {
        // An error from the database about a flow that is not its own.
        let quoted = tcp(&remote(n), 443, "10.0.1.5", 40_000, "A");
        let mut error = udp_of("10.0.1.5", 1, &remote(n), 2, quoted.bytes().get(14..).expect("a packet"));
        let bytes = error.bytes_mut();
        (bytes[23], bytes[34], bytes[35]) = (1, 3, 1);
        bytes[36..42].fill(0);
        seal(bytes);
        assert_eq!(told(&send(&mut m, each_ms(n), DB, error)), "drop sg-out no-rule");
    }
    victims.talk(&mut m, 8.0);
    assert_eq!(m.usage().sessions, before.sessions);
    conserved(&m);
}

/// Sends a flow's first packet and, if it passed, the answer: a conversation that nothing evicts. Whether it passed.
fn converse(m: &mut Memory, at: f64, from: PortNo, first: Frame, to: PortNo, answer: Frame) -> bool {
    let out = send(m, at, from, first);
    if told(&out) == "drop engine session-table-full" {
        return false;
    }
    assert_eq!(left(&out).0, to);
    assert_eq!(left(&send(m, at, to, answer)).0, from);
    true
}

fn exceeded(m: &Memory) -> [u64; 4] {
    [INTERNET, WEB, DB, OTHER].map(|p| m.counters().port(p).allowance_exceeded)
}

// covers: SG-206
#[test]
fn who_sends_pays_tracked_or_not() {
    let mut m = Memory::new(small());
    let mut t = lab();
    // The sender's own flows are untracked: only the web server's group remembers them.
    let open = || SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0"), rule(None, (0, 65535), "::/0")]);
    t.filters.set(2, std::sync::Arc::new(Filter { ingress: open(), egress: open() }));
    m.publish(t);
    let victims = Victims::begin(&mut m, 50);
    let mut refused = 0;
    for n in 0..10_000u16 {
        let (at, sport) = (2.0 + f64::from(n) / 10_000.0, 10_000 + n);
        let first = tcp("10.0.0.7", sport, "10.0.0.5", 80, "S");
        let answer = tcp("10.0.0.5", 80, "10.0.0.7", sport, "SA");
        refused += u64::from(!converse(&mut m, at, OTHER, first, WEB, answer));
        if n % 1000 == 999 {
            victims.talk(&mut m, at);
            victims.newcomer(&mut m, at, n / 1000);
            left(&send(&mut m, at, WEB, tcp("10.0.0.5", 40_000 + n, NET, 443, "S")));
        }
    }
    assert!(refused > 2_000);
    assert_eq!(exceeded(&m), [0, 0, 0, refused]);
    conserved(&m);
}

// covers: SG-206
#[test]
fn egress_only_flows_are_their_senders() {
    let mut m = Memory::new(small());
    let mut t = lab();
    let open = || SgSide::build(&[rule(None, (0, 65535), "::/0")]);
    t.filters.set(1, std::sync::Arc::new(Filter { ingress: open(), egress: open() }));
    m.publish(t);
    let mut refused = 0;
    for n in 0..10_000u16 {
        let (at, sport) = (2.0 + f64::from(n) / 10_000.0, 10_000 + n);
        let first = tcp("2001:db8:1234:1a01::5", sport, "2001:db8:cafe::77", 443, "S");
        let answer = tcp("2001:db8:cafe::77", 443, "2001:db8:1234:1a01::5", sport, "SA");
        refused += u64::from(!converse(&mut m, at, DB, first, INTERNET, answer));
    }
    assert!(refused > 2_000);
    assert_eq!(exceeded(&m), [0, 0, refused, 0]);
    conserved(&m);
}

/// The same flood with one worker and with four: the same bytes at the same ends, and the same that remain.
#[test]
fn shares_do_not_depend_on_workers() {
    let run = |workers| {
        let mut m = engine(Config { workers, ..small() });
        let mut ends = Vec::new();
        for n in 0..10_000u32 {
            let at = 2.0 + f64::from(n) / 10_000.0;
            let out = send(&mut m, at, DB, tcp("10.0.1.5", 40_000, &remote(n), 443, "S"));
            ends.push((told(&out), out.out.first().map(|(port, f)| (*port, f.bytes().to_vec()))));
            if let Some((_, t)) = (told(&out) == "forward").then(|| left(&out)) {
                let answer = tcp(&remote(n), 443, "198.51.100.9", t.sport, "SA");
                ends.push((told(&send(&mut m, at, INTERNET, answer)), None));
            }
        }
        (ends, m.usage(), exceeded(&m))
    };
    let one = run(1);
    assert!(one.2[2] > 1_000);
    assert!(one == run(4));
}

// covers: ENI-08
#[test]
fn what_is_refused_at_the_door_takes_no_place() {
    let mut m = engine(small());
    let victims = Victims::begin(&mut m, 50);
    let before = m.usage().sessions;
    let arp = |n: u32| {
        let mut bytes = [&[255u8; 6][..], &[2, 0, 0, 0, 0, 4], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]].concat();
        bytes.extend([2, 0, 0, 0, 0, 4, 10, 0, 0, 7, 0, 0, 0, 0, 0, 0, 10, 0, 0]);
        bytes.push((n % 100) as u8 + 100);
        Frame::from_bytes(&bytes)
    };
    for n in 0..10_000u32 {
        let at = 2.0 + f64::from(n) / 10_000.0;
        let spoofed = tcp(&remote(n), 40_000, "10.0.0.5", 80, "S");
        assert_eq!(told(&send(&mut m, at, OTHER, spoofed)), "drop src-dst not-mine");
        assert_eq!(told(&send(&mut m, at, OTHER, arp(n))), "drop route no-owner");
        if n % 1000 == 999 {
            victims.talk(&mut m, at);
            victims.newcomer(&mut m, at, n as u16 / 1000);
        }
    }
    let counters = m.counters();
    assert_eq!(counters.drops(OTHER, Stage::SrcDst, Reason::NotMine), 10_000);
    assert_eq!(counters.drops(OTHER, Stage::Route, Reason::NoOwner), 10_000);
    assert_eq!((counters.originated, m.usage().sessions), (0, before + 10), "the newcomers");
    conserved(&m);
}

#[test]
fn first_fragments_alone_fill_no_more_than_a_share() {
    let mut m = engine(small());
    let victims = Victims::begin(&mut m, 50);
    for n in 0..100_000u32 {
        let mut frame = piece(OTHER, "10.0.0.7", &remote(n / 50_000), (n % 50_000) as u16, 0, 64, true);
        frame.ts = 2_000_000_000 + u64::from(n);
        let end = told(&m.run(vec![frame])[0]);
        assert!(
            ["forward", "drop igw no-public-address", "drop parse fragment-table-full"].contains(&end.as_str()),
            "{end}"
        );
    }
    let full = m.counters().drops(OTHER, Stage::Parse, Reason::FragmentTableFull);
    // 8/9 of 1,024 datagrams per shard.
    assert_eq!(full, 100_000 - 64 * 911);
    victims.talk(&mut m, 3.0);
    let first = piece(WEB, "10.0.0.5", NET, 7, 0, 64, true);
    assert_eq!(told(&send(&mut m, 3.0, WEB, first)), "drop sg-out no-rule", "judged, not refused for want of room");
    conserved(&m);
}

/// What a flood took comes back by itself: every session, and all the memory is what it was.
#[test]
fn after_a_flood_all_is_as_before() {
    let mut m = engine(small());
    let start = m.usage();
    for n in 0..20_000u32 {
        send(&mut m, 2.0 + f64::from(n) / 10_000.0, DB, tcp("10.0.1.5", 40_000, &remote(n), 443, "S"));
    }
    let full = m.usage();
    assert!(full.sessions * 10 > full.capacity * 8 && full.sessions < full.capacity, "{full:?}");
    assert_eq!(full.bytes, start.bytes, "reserved at the start, no more");
    // NAT bindings hold their ports 410 s at most. Frames that take no place move the clock and the hand.
    for n in 0..200_000u32 {
        send(
            &mut m,
            600.0 + f64::from(n) / 10_000.0,
            OTHER,
            tcp("10.0.0.7", 9, "10.0.0.5", 1000 + n as u16 % 9000, "S"),
        );
    }
    let after = m.usage();
    assert_eq!((after.sessions, after.bytes), (start.sessions, start.bytes));
    conserved(&m);
}

/// Counts what leaves, and when the last frame of the victim did.
#[derive(Default)]
struct Watch {
    victim: Option<Instant>,
    lost: u64,
}

impl Sink for Watch {
    const WAY: bool = false;
    fn forward(&mut self, _: PortNo, frame: Frame, _: Option<&Deps>) {
        if frame.port == WEB {
            self.victim = Some(Instant::now());
        }
    }
    fn send(&mut self, _: PortNo, _: Frame) {}
    fn originate(&mut self, _: PortNo, _: &Frame, _: &Frame) {}
    fn done(&mut self, frame: Frame, verdict: Verdict, _: Option<&Deps>) {
        self.lost += u64::from(frame.port == WEB && verdict.kind == Kind::Drop);
    }
}

/// Delay (99th percentile) of one frame of the web server per round, behind what another port hands in first; the frames that the other handed in.
fn delay(sessions: usize, mut other: impl FnMut(usize, &mut Vec<Frame>)) -> (Duration, usize) {
    let topology = Topology::default().succeed(lab());
    let config = Config { sessions, ..Config::default() };
    let mut worker = Worker::new(0, &config, &config.destinations());
    let mut watch = Watch::default();
    let one = |worker: &mut Worker, watch: &mut Watch, port, mut frame: Frame| {
        (frame.port, frame.ts) = (port, 2_000_000_000);
        worker.process(&topology, &mut vec![frame], watch);
    };
    one(&mut worker, &mut watch, INTERNET, tcp(NET, 30_000, PUBLIC, 80, "S"));
    one(&mut worker, &mut watch, WEB, tcp("10.0.0.5", 80, NET, 30_000, "SA"));
    let (mut delays, mut total, mut ration) = (Vec::new(), 0, Ration::default());
    let mut frames = Vec::new();
    for _ in 0..4000 {
        other(ration.frames(), &mut frames);
        total += frames.len();
        frames.iter_mut().for_each(|f| (f.port, f.ts) = (DB, 2_000_000_000));
        let mine = tcp("10.0.0.5", 80, NET, 30_000, "A");
        let (began, walks, taken) = (Instant::now(), worker.walks(), frames.len());
        worker.process(&topology, &mut frames, &mut watch);
        ration.spent(taken, worker.walks() - walks);
        one(&mut worker, &mut watch, WEB, mine);
        delays.push(watch.victim.expect("it left").duration_since(began));
    }
    assert_eq!(watch.lost, 0, "the victim loses nothing");
    delays.sort();
    (delays[delays.len() * 99 / 100], total)
}

/// A delay, reported, beside a port that sends as many frames of `one` as it may.
fn beside(what: &str, sessions: usize, mut one: impl FnMut(u32) -> Frame) -> usize {
    let mut n = 0u32;
    let (p99, total) = delay(sessions, |room, frames| {
        frames.extend((0..room).map(|_| {
            n += 1;
            one(n)
        }));
    });
    println!("p99 delay of the victim beside {what}: {p99:?}");
    total
}

/// Beside a port that is busy with one flow, and beside floods of first packets. Reported, never judged by the clock:
/// `cargo test --release -p vpcd-dataplane --test floods -- --nocapture delay`.
#[test]
fn delay_beside_a_flood() {
    let (room, full) = (65_536, 64 * 16);
    let rationed = ..=BATCH + 3999 * (BATCH / 48);
    let busy = beside("one established flow", room, |_| tcp("10.0.1.5", 40_000, NET, 443, "S"));
    assert!(busy > 3999 * BATCH, "who begins no flows is not rationed");
    let syn = |n| tcp("10.0.1.5", 40_000, &remote(n), 443, "S");
    assert!(rationed.contains(&beside("ever new flows", room, syn)));
    assert!(rationed.contains(&beside("ever new flows, the table full", full, syn)));
    let refused = |n| tcp("10.0.1.5", 40_000, &remote(n), 25, "S");
    assert!(rationed.contains(&beside("refused flows", room, refused)));
}
