//! Shallow reassembly, edge by edge: each fragment that does not leave ends by name, and none of its datagram gets past it.

mod common;
use common::*;
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::pipeline::{Reason, Stage};
use vpcd_dataplane::topology::INTERNET;
use vpcd_dataplane::wire::Frame;

const PUBLIC: &str = "198.51.100.1";
const NET: &str = "192.0.2.77";

/// Web server that takes UDP on port 80, both families.
fn open() -> Memory {
    let mut t = lab();
    let mut filter = t.filters.get(0).expect("the web server's").clone();
    let udp = |net| rule(Some(17), (80, 80), net);
    filter.ingress = vpcd_dataplane::tables::filter::SgSide::build(&[udp("0.0.0.0/0"), udp("::/0")]);
    t.filters.set(0, std::sync::Arc::new(filter));
    let mut m = Memory::new(Config::default());
    m.publish(t);
    m
}

/// How the frames end that end when this one comes, in order.
fn ends(m: &mut Memory, seconds: f64, mut frame: Frame) -> Vec<String> {
    frame.ts = (seconds * 1e9) as u64;
    m.run(vec![frame]).iter().map(told).collect()
}

fn four(id: u16, at: u16, len: usize, more: bool) -> Frame {
    piece(INTERNET, NET, PUBLIC, id, at, len, more)
}

fn six(id: u16, at: u16, len: usize, more: bool) -> Frame {
    piece6(INTERNET, "2001:db8:cafe::77", "2001:db8:1234:1a00::1a", id.into(), at, len, more)
}

/// Both families make the same pieces.
type Make = fn(u16, u16, usize, bool) -> Frame;
const BOTH: [Make; 2] = [four, six];

fn none(m: &Memory) {
    let counters = m.counters();
    let (came, went) = counters.conservation();
    assert_eq!((came, counters.held), (went, 0));
}

// covers: NACL-207 SG-212
#[test]
fn what_comes_before_its_first_waits_and_leaves_behind_it_in_order() {
    for make in BOTH {
        let mut m = open();
        assert_eq!(ends(&mut m, 1.0, make(1, 128, 40, false)), [""; 0]);
        assert_eq!(ends(&mut m, 1.1, make(1, 64, 64, true)), [""; 0]);
        assert_eq!(m.counters().held, 2);
        let mut first = make(1, 0, 64, true);
        first.ts = 1_200_000_000;
        let done = m.run(vec![first]);
        assert_eq!(done.iter().map(told).collect::<Vec<_>>(), ["forward"; 3]);
        let lengths: Vec<usize> = done.iter().map(|d| d.out[0].1.len()).collect();
        assert!(lengths[0] == lengths[2] && lengths[1] < lengths[0], "the first, then as they came: {lengths:?}");
        assert!(done.iter().all(|d| d.out[0].0 == WEB));
        assert_eq!(ends(&mut m, 1.3, make(1, 168, 8, false)), ["forward"], "its ports are known by now");
        none(&m);
    }
}

// covers: NACL-207
#[test]
fn an_overlap_poisons_its_datagram_and_no_other() {
    for make in BOTH {
        let mut m = open();
        assert_eq!(ends(&mut m, 1.0, make(1, 0, 64, true)), ["forward"]);
        let overlap = ["drop parse fragment-overlap"];
        assert_eq!(ends(&mut m, 1.0, make(1, 56, 64, true)), overlap, "teardrop");
        assert_eq!(ends(&mut m, 1.0, make(1, 120, 64, false)), overlap, "nothing more of it");
        assert_eq!(ends(&mut m, 1.0, make(2, 0, 64, true)), ["forward"]);
        assert_eq!(ends(&mut m, 1.0, make(2, 0, 64, true)), overlap, "a repetition is one");
        // Those that wait go with it.
        assert_eq!(ends(&mut m, 1.0, make(3, 64, 64, true)), [""; 0]);
        assert_eq!(ends(&mut m, 1.0, make(3, 128, 64, true)), [""; 0]);
        assert_eq!(ends(&mut m, 1.0, make(3, 72, 8, false)), [overlap[0]; 3]);
        assert_eq!(ends(&mut m, 1.0, make(3, 0, 64, true)), overlap);
        assert_eq!(ends(&mut m, 1.0, make(4, 0, 64, true)), ["forward"]);
        // After 30 s the number is free again.
        assert_eq!(ends(&mut m, 31.0, make(1, 0, 64, true)), ["forward"]);
        none(&m);
    }
}

#[test]
fn fragments_too_small_or_too_far_say_nothing_and_are_refused() {
    for make in BOTH {
        let mut m = open();
        // A first one without its whole UDP header.
        let mut tiny = make(1, 0, 64, true);
        let cut = tiny.len() - 64 + 4;
        let mut bytes = tiny.bytes()[..cut].to_vec();
        if bytes[12] == 8 {
            bytes[17] = 24;
            seal(&mut bytes);
        } else {
            bytes[19] = 12;
        }
        tiny = Frame::from_bytes(&bytes);
        assert_eq!(ends(&mut m, 1.0, tiny), ["drop parse fragment-tiny"]);
        assert_eq!(ends(&mut m, 1.0, make(2, 64, 63, true)), ["drop parse fragment-tiny"], "no multiple of eight");
        assert_eq!(ends(&mut m, 1.0, make(3, 65_528, 64, false)), ["drop parse fragment-overflow"], "ping of death");
        none(&m);
    }
    // TCP flags beyond the first fragment (RFC 1858).
    let mut m = open();
    let mut second = four(4, 8, 64, true);
    second.bytes_mut()[23] = 6;
    seal(second.bytes_mut());
    assert_eq!(ends(&mut m, 1.0, second), ["drop parse fragment-tiny"]);
}

// covers: NACL-207
#[test]
fn nobody_waits_longer_than_thirty_seconds() {
    for make in BOTH {
        let mut m = open();
        assert_eq!(ends(&mut m, 1.0, make(1, 64, 64, true)), [""; 0]);
        assert_eq!(ends(&mut m, 20.0, make(1, 128, 64, false)), [""; 0]);
        // The datagram is as old as its first-seen fragment: its first comes too late for those that waited.
        assert_eq!(
            ends(&mut m, 31.0, make(1, 0, 64, true)),
            ["drop parse fragment-timeout", "drop parse fragment-timeout", "forward"]
        );
        assert_eq!(m.counters().drops(INTERNET, Stage::Parse, Reason::FragmentTimeout), 2);
        // Just in time.
        assert_eq!(ends(&mut m, 40.0, make(2, 64, 64, false)), [""; 0]);
        assert_eq!(ends(&mut m, 69.998, make(2, 0, 64, true)), ["forward"; 2]);
        none(&m);
    }
}

#[test]
fn a_datagram_has_sixty_four_fragments_and_sixteen_that_wait() {
    for make in BOTH {
        let mut m = open();
        for n in 0..64 {
            assert_eq!(ends(&mut m, 1.0, make(1, n * 16, 16, true)), ["forward"]);
        }
        assert_eq!(ends(&mut m, 1.0, make(1, 64 * 16, 16, false)), ["drop parse fragment-table-full"]);
        for n in 1..=16 {
            assert_eq!(ends(&mut m, 1.0, make(2, n * 16, 16, true)), [""; 0]);
        }
        assert_eq!(ends(&mut m, 1.0, make(2, 17 * 16, 16, false)), ["drop parse fragment-table-full"]);
        assert_eq!(ends(&mut m, 1.0, make(2, 0, 16, true)), ["forward"; 17]);
        none(&m);
    }
}

// covers: NACL-207
#[test]
fn a_port_that_is_refused_is_refused_to_every_fragment_of_it() {
    for make in BOTH {
        let mut m = open();
        let other = |id, at, more| {
            let mut frame = make(id, at, 64, more);
            let l4 = frame.len() - 64;
            if at == 0 {
                frame.bytes_mut()[l4 + 3] = 81;
            }
            frame
        };
        assert_eq!(ends(&mut m, 1.0, other(1, 64, false)), [""; 0]);
        assert_eq!(ends(&mut m, 1.0, other(1, 0, true)), ["drop sg-in no-rule"; 2]);
        assert_eq!(ends(&mut m, 1.0, other(1, 128, false)), ["drop sg-in no-rule"]);
        none(&m);
    }
}
