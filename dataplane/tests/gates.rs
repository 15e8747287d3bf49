//! The way through each gate, one rule at a time, on a small VPC.

mod common;
use common::*;
use std::sync::Arc;
use vpcd_dataplane::engine::Config;
use vpcd_dataplane::pipeline::Stage;
use vpcd_dataplane::topology::{EniIdx, INTERNET, Route, RouteTable, RouteTableIdx, Target, Vpc};

const NET: &str = "192.0.2.77";
const NET6: &str = "2001:db8:cafe::77";

// covers: NAT-21 NAT-24 IGW-06 SG-40
#[test]
fn private_host_out_through_nat_and_only_the_answer_back() {
    let mut m = engine(Config::default());
    let out = send(&mut m, 1.0, DB, tcp("10.0.1.5", 40000, NET, 443, "S"));
    let (port, t) = left(&out);
    assert_eq!(port, INTERNET);
    assert_eq!((t.src, t.dst, t.dport), (ip("198.51.100.9"), ip(NET), 443));
    assert!(t.sport >= 1024);
    let back = send(&mut m, 1.1, INTERNET, tcp(NET, 443, "198.51.100.9", t.sport, "SA"));
    let (port, r) = left(&back);
    assert_eq!((port, r.dst, r.dport, r.src), (DB, ip("10.0.1.5"), 40000, ip(NET)));
    // Established: hits the remembered action, same translation.
    let again = send(&mut m, 1.2, DB, tcp("10.0.1.5", 40000, NET, 443, "A"));
    assert_eq!(left(&again).1, t);
    let again = send(&mut m, 1.3, INTERNET, tcp(NET, 443, "198.51.100.9", t.sport, "A"));
    assert_eq!(left(&again).1, r);
    assert_eq!(m.counters().walks, 2);
    for (host, from, to) in [("192.0.2.78", 443, t.sport), (NET, 444, t.sport), (NET, 443, t.sport ^ 64)] {
        let other = send(&mut m, 1.4, INTERNET, tcp(host, from, "198.51.100.9", to, "A"));
        assert_eq!(told(&other), "drop natgw unsolicited");
    }
    let (inn, out) = m.counters().conservation();
    assert_eq!(inn, out);
}

// covers: IGW-07 SG-41
#[test]
fn web_server_in_through_its_elastic_ip() {
    let mut m = engine(Config::default());
    let (port, t) = left(&send(&mut m, 1.0, INTERNET, tcp(NET, 40000, "198.51.100.1", 80, "S")));
    assert_eq!((port, t.dst, t.src), (WEB, ip("10.0.0.5"), ip(NET)));
    let (port, t) = left(&send(&mut m, 1.1, WEB, tcp("10.0.0.5", 80, NET, 40000, "SA")));
    assert_eq!((port, t.src), (INTERNET, ip("198.51.100.1")));
    let refused = send(&mut m, 1.2, INTERNET, tcp(NET, 40000, "198.51.100.1", 22, "S"));
    assert_eq!(told(&refused), "drop sg-in no-rule");
    let direct = send(&mut m, 1.2, INTERNET, tcp(NET, 40000, "10.0.0.5", 80, "S"));
    assert_eq!(told(&direct), "drop igw no-mapping");
}

// covers: SG-01 SG-50
#[test]
fn group_references_decide_by_membership() {
    let mut m = engine(Config::default());
    assert_eq!(left(&send(&mut m, 1.0, WEB, tcp("10.0.0.5", 5000, "10.0.1.5", 3306, "S"))).0, DB);
    assert_eq!(left(&send(&mut m, 1.0, DB, tcp("10.0.1.5", 3306, "10.0.0.5", 5000, "SA"))).0, WEB);
    let other = send(&mut m, 1.0, OTHER, tcp("10.0.0.7", 5000, "10.0.1.5", 3306, "S"));
    assert_eq!(told(&other), "drop sg-in no-rule");
    let out = send(&mut m, 1.0, WEB, tcp("10.0.0.5", 5000, "10.0.1.5", 22, "S"));
    assert_eq!(told(&out), "drop sg-out no-rule");
}

// covers: EIGW-06 EIGW-07 EIGW-11 IGW-09
#[test]
fn egress_only_gateway_lets_answers_in_and_nothing_else() {
    let mut m = engine(Config::default());
    let db6 = "2001:db8:1234:1a01::5";
    let stray = send(&mut m, 1.0, INTERNET, tcp(NET6, 443, db6, 40000, "SA"));
    assert_eq!(told(&stray), "drop eigw no-flow");
    let (port, t) = left(&send(&mut m, 1.1, DB, tcp(db6, 40000, NET6, 443, "S")));
    assert_eq!((port, t.src, t.dst), (INTERNET, ip(db6), ip(NET6)));
    assert_eq!(left(&send(&mut m, 1.2, INTERNET, tcp(NET6, 443, db6, 40000, "SA"))).0, DB);
    assert_eq!(left(&send(&mut m, 1.3, INTERNET, tcp(NET6, 443, db6, 40000, "A"))).0, DB);
    assert_eq!(m.counters().walks, 3);
    let in_to_public = send(&mut m, 1.4, INTERNET, tcp(NET6, 40000, "2001:db8:1234:1a00::1a", 80, "S"));
    assert_eq!(left(&in_to_public).0, WEB);
}

// covers: NAT-41 NAT-42
#[test]
fn an_idle_binding_ends_and_the_client_is_told_by_a_reset() {
    let mut m = engine(Config::default());
    let at = |m: &mut _, s, f| send(m, s, DB, tcp("10.0.1.5", 40000, NET, 443, f));
    let (_, t) = left(&at(&mut m, 0.0, "S"));
    left(&send(&mut m, 1.0, INTERNET, tcp(NET, 443, "198.51.100.9", t.sport, "SA")));
    left(&at(&mut m, 2.0, "A"));
    left(&at(&mut m, 351.0, "A"));
    let late = at(&mut m, 701.0, "A");
    assert_eq!(told(&late), "reply natgw no-binding");
    assert_eq!(late.out[0].0, DB);
    let remote = send(&mut m, 702.0, INTERNET, tcp(NET, 443, "198.51.100.9", t.sport, "A"));
    assert_eq!(told(&remote), "drop natgw unsolicited");
    let (_, again) = left(&at(&mut m, 703.0, "S"));
    assert_ne!(again.sport, t.sport, "the old port is held for this destination");
}

// covers: ENI-08 SUB-11
#[test]
fn sources_and_destinations_nobody_may_use() {
    let mut m = engine(Config::default());
    let cases = [
        (WEB, tcp("10.0.0.6", 1, NET, 80, "S"), "drop src-dst not-mine"),
        (WEB, tcp("10.0.0.5", 1, "10.0.0.5", 80, "S"), "drop src-dst land"),
        (OTHER, udp("10.0.0.7", 1, "10.0.0.255", 80), "drop route no-multicast"),
        (OTHER, udp("10.0.0.7", 1, "224.0.0.1", 80), "drop route no-multicast"),
        (OTHER, udp("10.0.0.7", 1, "10.0.0.99", 80), "drop route no-owner"),
        (OTHER, udp("10.0.0.7", 1, "10.0.200.1", 80), "drop route no-owner"),
        (OTHER, udp("10.0.0.7", 1, NET, 80), "drop igw no-public-address"),
        (OTHER, udp("10.0.0.7", 1, "10.0.0.2", 53), "punt"),
        (OTHER, udp("10.0.0.7", 1, "169.254.169.254", 80), "punt"),
        (OTHER, udp("10.0.0.7", 1, "10.0.0.220", 80), "drop natgw unsolicited"),
        (DB, ping("10.0.1.5", NET, 1), "drop sg-out no-rule"),
        (INTERNET, udp(NET, 1, "198.51.100.9", 80), "drop natgw unsolicited"),
    ];
    for (port, frame, expected) in cases {
        assert_eq!(told(&send(&mut m, 1.0, port, frame)), expected);
    }
}

#[test]
fn workers_and_cache_change_no_byte() {
    let run = |workers, cache| {
        let mut m = engine(Config { workers, cache, seed: 7, ..Config::default() });
        let mut all = Vec::new();
        for round in 0..3 {
            let frames = (0..200u16).map(|n| {
                let mut f = tcp("10.0.1.5", 1000 + n, "192.0.2.80", 443, if round == 0 { "S" } else { "A" });
                (f.port, f.ts, f.seq) = (DB, round * 1_000_000_000 + u64::from(n), u64::from(n));
                f
            });
            for d in m.run(frames.collect()) {
                all.push((d.seq, d.verdict, d.out.iter().map(|(p, f)| (*p, f.bytes().to_vec())).collect::<Vec<_>>()));
            }
        }
        all
    };
    let one = run(1, true);
    assert!(one.iter().all(|d| d.2.len() == 1));
    assert_eq!(one, run(4, true));
    assert_eq!(one, run(3, false));
}

#[test]
fn a_full_table_refuses_and_evicts_alike_with_any_number_of_workers() {
    let run = |workers| {
        let mut m = engine(Config { workers, sessions: 1024, seed: 7, ..Config::default() });
        let mut all = Vec::new();
        for round in 0..40u64 {
            let frames = (0..512u64).map(|n| {
                let to = format!("20.{}.{}.1", round, n % 200);
                let mut f = tcp("10.0.1.5", 1024 + n as u16, &to, 443, "S");
                (f.port, f.ts, f.seq) = (DB, round * 7_000_000_000 + n, n);
                f
            });
            for d in m.run(frames.collect()) {
                all.push((d.seq, d.verdict, d.out.iter().map(|(p, f)| (*p, f.bytes().to_vec())).collect::<Vec<_>>()));
            }
        }
        assert!(m.usage().sessions > 1024, "the table was full");
        all
    };
    let one = run(1);
    assert!(one == run(4) && one == run(3));
}

// covers: IGW-23
#[test]
fn the_internet_carries_just_1500_bytes() {
    let mut m = engine(Config::default());
    let datagram = |payload: usize| udp_of("10.0.1.5", 40000, NET, 53, &vec![7; payload]);
    assert_eq!(left(&send(&mut m, 1.0, DB, datagram(1500 - 28))).0, INTERNET);
    assert_eq!(told(&send(&mut m, 1.0, DB, datagram(1501 - 28))), "reply igw too-big");
}

// covers: RT-51
#[test]
fn ipv6_steered_to_an_eni_that_checks_is_not_its_own() {
    let mut t = lab();
    let route = Route { prefix: net("2001:db8:1234:1a00::/64"), target: Target::Eni(EniIdx(3)) };
    t.route_tables.set(2, Arc::new(RouteTable::build(vec![route])));
    let vpc = t.vpcs.get(0).unwrap().clone();
    t.vpcs.set(0, Arc::new(Vpc { igw_routes: Some(RouteTableIdx(2)), ..vpc }));
    let mut m = engine(Config::default());
    let web = || tcp(NET6, 40000, "2001:db8:1234:1a00::1a", 80, "S");
    assert_eq!(left(&send(&mut m, 1.0, INTERNET, web())).0, WEB);
    m.publish(t);
    assert_eq!(told(&send(&mut m, 1.1, INTERNET, web())), "drop src-dst not-mine");
}

#[test]
fn who_asks_for_an_address_needs_none() {
    let mut m = engine(Config::default());
    let mut at = |port, frame| told(&send(&mut m, 1.0, port, frame));
    let everybody = "255.255.255.255";
    assert_eq!(at(WEB, udp("0.0.0.0", 68, everybody, 67)), "punt");
    assert_eq!(at(WEB, udp("10.0.0.5", 68, "10.0.0.1", 67)), "punt");
    assert_eq!(at(WEB, udp("::", 546, "ff02::1:2", 547)), "punt");
    assert_eq!(at(WEB, udp("fe80::9", 546, "ff02::1:2", 547)), "punt");
    for (from, frame) in [
        (WEB, udp("0.0.0.0", 67, everybody, 68)),
        (WEB, udp("0.0.0.0", 546, everybody, 547)),
        (WEB, udp("::", 68, "ff02::1:2", 67)),
        (WEB, tcp("0.0.0.0", 68, everybody, 67, "S")),
        (INTERNET, udp("0.0.0.0", 68, everybody, 67)),
    ] {
        assert_eq!(at(from, frame), "drop src-dst martian");
    }
}

// covers: EIGW-10
#[test]
fn nothing_comes_in_whose_answer_would_leave_by_a_gateway_that_is_gone() {
    let mut t = lab();
    let vpc = t.vpcs.get(0).unwrap().clone();
    t.vpcs.set(0, Arc::new(Vpc { igw: false, ..vpc }));
    let mut m = engine(Config::default());
    m.publish(t);
    let web = tcp(NET6, 40000, "2001:db8:1234:1a00::1a", 80, "S");
    assert_eq!(told(&send(&mut m, 1.0, INTERNET, web)), "drop igw no-return-route");
}

#[test]
fn an_explanation_tells_which_gates_passed() {
    let mut t = lab();
    let route = Route { prefix: net("192.0.2.0/24"), target: Target::Blackhole };
    let on = Route { prefix: net("0.0.0.0/0"), target: Target::InternetGateway };
    t.route_tables.set(0, Arc::new(RouteTable::build(vec![route, on])));
    let mut m = engine(Config::default());
    m.publish(t);
    for (to, passes) in [(NET, false), ("203.0.113.5", true)] {
        let mut frame = tcp("10.0.0.5", 5000, to, 443, "S");
        frame.port = WEB;
        let mut gates = Vec::new();
        assert_eq!(m.explain(&frame, &mut gates).is_ok(), passes);
        let route = gates.iter().find(|g| g.stage == Stage::Route);
        assert_eq!(route.map(|g| g.passed), Some(passes));
    }
}
