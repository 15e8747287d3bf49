//! What a publish costs the flows that are under way: those whose way was touched walk again, once; the others do not notice.

mod common;
use common::*;
use std::sync::Arc;
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::pipeline::{Reason, Stage};
use vpcd_dataplane::tables::filter::SgSide;
use vpcd_dataplane::topology::{Eni, Filter, FilterIdx, INTERNET, Topology};

const NET: &str = "192.0.2.77";
/// Connections from OTHER to WEB, next door.
const NEAR: u16 = 300;
/// Connections from DB through the NAT gateway.
const FAR: u16 = 170;

/// A packet of every connection, in both directions; how many of them were forwarded.
fn round(m: &mut Memory, seconds: f64, first: bool) -> usize {
    let (to, back) = if first { ("S", "SA") } else { ("A", "A") };
    let mut forwarded = 0;
    let mut go = |m: &mut Memory, port, frame| {
        let done = send(m, seconds, port, frame);
        forwarded += usize::from(told(&done) == "forward");
        done
    };
    for n in 0..NEAR {
        go(m, OTHER, tcp("10.0.0.7", 1024 + n, "10.0.0.5", 80, to));
        go(m, WEB, tcp("10.0.0.5", 80, "10.0.0.7", 1024 + n, back));
    }
    for n in 0..FAR {
        let out = go(m, DB, tcp("10.0.1.5", 1024 + n, NET, 443, to));
        if told(&out) == "forward" {
            let port = left(&out).1.sport;
            go(m, INTERNET, tcp(NET, 443, "198.51.100.9", port, back));
        }
    }
    forwarded
}

/// The lab with other rules in a group's outbound side.
fn with_outbound(filter: FilterIdx, rules: &[vpcd_dataplane::tables::filter::SgRule]) -> Topology {
    let mut t = lab();
    let ingress = t.filters.get(filter.at()).expect("a filter").ingress.clone();
    t.filters.set(filter.at(), Arc::new(Filter { ingress, egress: SgSide::build(rules) }));
    t
}

#[test]
fn the_rewalk_counter_equals_the_flows_whose_way_was_touched() {
    for workers in [1, 3] {
        let all = 2 * usize::from(NEAR + FAR);
        let mut m = engine(Config { workers, ..Config::default() });
        assert_eq!(round(&mut m, 1.0, true), all);
        assert_eq!(round(&mut m, 1.1, false), all);
        let walks = m.counters().walks;
        assert_eq!((walks, m.counters().rewalks), (all as u64, 0), "each direction walked once");

        // The same again is no change.
        m.publish(lab());
        assert_eq!(round(&mut m, 1.2, false), all);
        assert_eq!((m.counters().walks, m.counters().rewalks), (walks, 0));

        // One more rule for DB's groups: what DB sends is asked again, once. The answers rest on the track (SG-40), not on rules.
        let rules = ["0.0.0.0/0", "198.18.0.0/15"].map(|peer| rule(Some(6), (443, 443), peer));
        let mut next = with_outbound(FilterIdx(1), &rules);
        m.publish(next.clone());
        let mut touched = u64::from(FAR);
        for seconds in [1.3, 1.4] {
            assert_eq!(round(&mut m, seconds, false), all);
            assert_eq!((m.counters().walks, m.counters().rewalks), (walks + touched, touched));
        }

        // DB's own interface: both directions lead by it.
        let eni = next.enis.get(1).expect("DB").clone();
        next.enis.set(1, Arc::new(Eni { mtu: 1500, ..eni }));
        m.publish(next);
        touched += 2 * u64::from(FAR);
        for seconds in [1.5, 1.6] {
            assert_eq!(round(&mut m, seconds, false), all);
            assert_eq!((m.counters().walks, m.counters().rewalks), (walks + touched, touched));
        }
        assert_eq!(m.counters().conservation().0, m.counters().conservation().1);
    }
}

/// A tracked connection outlives its rule (SG-40), one that nothing tracks does not: it counts once, however often it is refused.
#[test]
fn a_flow_that_is_refused_after_a_change_counts_once() {
    let mut m = engine(Config::default());
    let open = [rule(None, (0, 65535), "0.0.0.0/0")];
    let mut t = with_outbound(FilterIdx(2), &open);
    t.filters.set(0, Arc::new(Filter { ingress: SgSide::build(&open), egress: SgSide::build(&open) }));
    t.filters.set(2, Arc::new(Filter { ingress: SgSide::build(&open), egress: SgSide::build(&open) }));
    m.publish(t.clone());
    let ask = |m: &mut Memory| told(&send(m, 1.0, OTHER, udp("10.0.0.7", 1024, "10.0.0.5", 9)));
    assert_eq!([ask(&mut m), ask(&mut m)], ["forward", "forward"]);
    t.filters.set(2, Arc::new(Filter { ingress: SgSide::build(&open), egress: SgSide::build(&[]) }));
    m.publish(t);
    let mut refused = 0;
    for _ in 0..3 {
        refused += u64::from(ask(&mut m) == "drop sg-out no-rule");
    }
    let counters = m.counters();
    assert_eq!((refused, counters.rewalks), (3, 1));
    assert_eq!(counters.drops(OTHER, Stage::SgOut, Reason::NoRule), 3);
    assert_eq!(counters.all_drops().collect::<Vec<_>>(), [(OTHER, Stage::SgOut, Reason::NoRule, 3)]);
    assert_eq!(counters.ports().map(|(port, c)| (port, c.received, c.sent)).nth(4), Some((OTHER, 5, 0)));
}
