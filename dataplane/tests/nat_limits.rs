//! How many flows a NAT gateway carries, and what it counts: section 3.3 and 3.5 of chapter 07 in the engine's own terms.

mod common;
use common::*;
use std::collections::HashSet;
use std::sync::Arc;
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::nat::NatGatewayCounters;
use vpcd_dataplane::pipeline::{Reason, Stage};
use vpcd_dataplane::tables::filter::SgSide;
use vpcd_dataplane::topology::*;
use vpcd_dataplane::wire::{Frame, Parsed, parse};

const A: &str = "192.0.2.77";
const B: &str = "192.0.2.78";
const PUBLIC: &str = "198.51.100.9";
const CLIENT: &str = "10.0.1.5";

/// The lab with a client that may send whatever it likes.
fn open(config: Config) -> Memory {
    let mut m = Memory::new(config);
    let mut t = lab();
    let all = SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
    t.filters.set(1, Arc::new(Filter { ingress: SgSide::build(&[]), egress: all }));
    m.publish(t);
    m
}

fn many() -> Config {
    Config { sessions: 1 << 18, workers: 4, seed: 3, ..Config::default() }
}

fn few(limit: u32) -> Config {
    Config { flows_per_destination: limit, workers: 4, ..Config::default() }
}

/// Runs frames of one port at `seconds`; the external port of each that left, none for those that found no port.
fn run(m: &mut Memory, seconds: f64, port: PortNo, frames: impl Iterator<Item = Frame>) -> Vec<Option<u16>> {
    let frames = frames.map(|mut f| {
        (f.port, f.ts) = (port, (seconds * 1e9) as u64);
        f
    });
    let outcome = |d: vpcd_dataplane::engine::Done| match told(&d).as_str() {
        "forward" => {
            let bytes = d.out[0].1.bytes();
            let Ok(Parsed::Ip(p)) = parse(bytes, 0) else { panic!("not IP") };
            Some(p.tuple(bytes).sport)
        }
        "drop natgw port-allocation" => {
            assert!(d.out.is_empty(), "nobody is told");
            None
        }
        other => panic!("{other}"),
    };
    m.run(frames.collect()).into_iter().map(outcome).collect()
}

/// `count` connections from client ports from `first` on.
fn connect(m: &mut Memory, seconds: f64, (to, port): (&str, u16), first: u16, count: u16) -> Vec<Option<u16>> {
    run(m, seconds, DB, (first..first + count).map(|p| tcp(CLIENT, p, to, port, "S")))
}

/// The remote end refuses or ends these.
fn reset(m: &mut Memory, seconds: f64, (from, port): (&str, u16), external: &[Option<u16>]) {
    let frames = external.iter().flatten().map(|&e| tcp(from, port, PUBLIC, e, "RA"));
    run(m, seconds, INTERNET, frames);
}

fn gateway(m: &Memory) -> NatGatewayCounters {
    m.counters().nat(NatIdx(0))
}

fn got(ports: &[Option<u16>]) -> usize {
    ports.iter().flatten().count()
}

// covers: NAT-33 NAT-34 NAT-35 NAT-79 NAT-84
#[test]
fn exactly_55_000_to_each_destination_at_the_same_time() {
    let mut m = open(many());
    for (n, to) in [(A, 443), (A, 80), (B, 443)].into_iter().enumerate() {
        let ports = connect(&mut m, n as f64, to, 1024, 55_000);
        assert_eq!(got(&ports), 55_000, "{to:?}");
        let different: HashSet<u16> = ports.iter().flatten().copied().collect();
        assert_eq!(different.len(), 55_000, "no port twice towards {to:?}");
        assert!(different.iter().all(|&p| p >= 1024));
        assert_eq!(connect(&mut m, n as f64, to, 60_000, 3), [None; 3], "the next ones");
        // Those that are there are not disturbed.
        let first = ports[0].expect("a port");
        let (port, t) = left(&send(&mut m, n as f64, INTERNET, tcp(to.0, to.1, PUBLIC, first, "SA")));
        assert_eq!((port, t.dport), (DB, 1024));
        left(&send(&mut m, n as f64, DB, tcp(CLIENT, 1024, to.0, to.1, "A")));
    }
    // Another protocol to the same address and port.
    let datagrams = run(&mut m, 3.0, DB, (1024..56_024).map(|p| udp(CLIENT, p, A, 443)));
    assert_eq!(got(&datagrams), 55_000);
    assert_eq!(run(&mut m, 3.0, DB, [udp(CLIENT, 60_000, A, 443)].into_iter()), [None]);
    let c = gateway(&m);
    assert_eq!((c.error_port_allocation, c.active_connection_count), (10, 165_000));
    assert_eq!((c.connection_attempt_count, c.connection_established_count), (165_000, 3));
    assert_eq!(c.packets_drop_count, 10);
    assert_eq!(m.counters().drops(DB, Stage::Natgw, Reason::PortAllocation), 10);
}

/// A second gateway beside the first, for clients of a subnet of their own: 10.0.0.221 with 198.51.100.10, client 10.0.2.5 on port 6.
fn two_gateways() -> Topology {
    let mut t = lab();
    let all = SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
    t.filters.set(1, Arc::new(Filter { ingress: SgSide::build(&[]), egress: all }));
    let v4 = |s: &str| s.parse::<std::net::Ipv4Addr>().expect("an address");
    let nat = Eni {
        addresses4: vec![v4("10.0.0.221")],
        nat: Some(NatIdx(1)),
        ..t.enis.get(2).expect("the first gateway's").clone()
    };
    let client = Eni {
        subnet: SubnetIdx(2),
        addresses4: vec![v4("10.0.2.5")],
        addresses6: vec![],
        ..t.enis.get(1).expect("the first client").clone()
    };
    t.enis.set(4, Arc::new(nat));
    t.enis.set(5, Arc::new(client));
    let owners: Vec<_> =
        t.enis.iter().flat_map(|(i, e)| e.addresses4.iter().map(move |&a| (a.into(), EniIdx(i as u32)))).collect();
    t.addresses.set(0, Arc::new(AddressMap::build(owners)));
    let subnet = Subnet {
        cidr4: "10.0.2.0/24".parse().expect("a prefix"),
        cidr6: None,
        route_table: RouteTableIdx(2),
        ..t.subnets.get(1).expect("the first client's").clone()
    };
    t.subnets.set(2, Arc::new(subnet));
    let routes = [("10.0.0.0/16", Target::Local), ("0.0.0.0/0", Target::NatGateway(NatIdx(1)))];
    let routes = routes.map(|(p, target)| Route { prefix: net(p), target });
    t.route_tables.set(2, Arc::new(RouteTable::build(routes.to_vec())));
    t.nats.set(1, Arc::new(NatGateway { eni: EniIdx(4), private: v4("10.0.0.221"), public: v4("198.51.100.10") }));
    let publics = [("10.0.0.5", "198.51.100.1"), ("10.0.0.220", PUBLIC), ("10.0.0.221", "198.51.100.10")];
    t.publics.set(0, Arc::new(PublicMap::build(publics.map(|(a, b)| (v4(a), v4(b))))));
    let mut edge = t.edge.get(0).expect("an edge").clone();
    let owner = PublicOwner { vpc: VpcIdx(0), eni: EniIdx(4), private: v4("10.0.0.221"), nat: Some(NatIdx(1)) };
    edge.owners.insert(v4("198.51.100.10"), owner);
    t.edge.set(0, Arc::new(edge));
    t
}

/// What passes is not limited by itself: two gateways carry more than 45 Gbit/s each at the same time. (The rule's optional limit does not
/// exist.)
// covers: NAT-45
#[test]
fn no_gateway_has_a_bandwidth() {
    const FRAME: usize = 1514;
    const MILLISECONDS: u64 = 4;
    // 50 Gbit/s by each.
    let per_millisecond = 50_000_000_000 / 8 / FRAME / 1000;
    let mut m = Memory::new(many());
    m.publish(two_gateways());
    let frame = |port, src: &str, ts| {
        let mut f = udp_of(src, 5000, A, 443, &[0; FRAME - 42]);
        (f.port, f.ts) = (port, ts);
        f
    };
    for ms in 0..MILLISECONDS {
        let both = [(DB, CLIENT), (6, "10.0.2.5")];
        let frames = (0..per_millisecond).flat_map(|_| both.map(|(port, src)| frame(port, src, ms * 1_000_000)));
        assert!(m.run(frames.collect()).iter().all(|d| told(d) == "forward"), "all in millisecond {ms}");
    }
    let sent = MILLISECONDS * per_millisecond as u64;
    for nat in [0, 1] {
        let c = m.counters().nat(NatIdx(nat));
        assert_eq!((c.packets_in_from_source, c.packets_out_to_destination, c.packets_drop_count), (sent, sent, 0));
    }
}

// covers: NAT-31
#[test]
fn two_gateways_in_one_subnet_carry_110_000_flows_to_one_destination() {
    let mut m = Memory::new(many());
    m.publish(two_gateways());
    assert_eq!(got(&connect(&mut m, 0.0, (A, 443), 1024, 55_000)), 55_000);
    let second = |p| tcp("10.0.2.5", p, A, 443, "S");
    let ports = run(&mut m, 1.0, 6, (1024..56_024).map(second));
    assert_eq!(got(&ports), 55_000);
    assert_eq!(connect(&mut m, 2.0, (A, 443), 60_000, 1), [None]);
    assert_eq!(run(&mut m, 2.0, 6, [second(60_000)].into_iter()), [None]);
    for nat in [0, 1] {
        let c = m.counters().nat(NatIdx(nat));
        assert_eq!((c.active_connection_count, c.error_port_allocation), (55_000, 1));
    }
}

// covers: NAT-44 NAT-36
#[test]
fn closing_frees_places_at_once_and_ports_after_a_minute() {
    let mut m = open(many());
    let ports = connect(&mut m, 0.0, (A, 443), 1024, 55_000);
    assert_eq!(connect(&mut m, 1.0, (A, 443), 60_000, 1), [None]);
    reset(&mut m, 1.0, (A, 443), &ports[..10_000]);
    assert_eq!(gateway(&m).active_connection_count, 45_000);
    let new = connect(&mut m, 1.0, (A, 443), 57_000, 2_000);
    assert_eq!(got(&new), 2_000, "places are free again");
    let resting: HashSet<u16> = ports[..10_000].iter().flatten().copied().collect();
    assert!(new.iter().flatten().all(|p| !resting.contains(p)), "ports rest");
    assert_eq!(gateway(&m).active_connection_count, 47_000);
    // Both ends' FIN, one after the other, end a connection too; a half-closed one still counts.
    let external = new[0].expect("a port");
    left(&send(&mut m, 2.0, DB, tcp(CLIENT, 57_000, A, 443, "FA")));
    assert_eq!(gateway(&m).active_connection_count, 47_000);
    left(&send(&mut m, 2.0, INTERNET, tcp(A, 443, PUBLIC, external, "FA")));
    assert_eq!(gateway(&m).active_connection_count, 46_999);
    // After the rest the same ports are given again.
    let later = connect(&mut m, 62.0, (A, 443), 1024, 8_000);
    assert_eq!(got(&later), 8_000);
    assert!(later.iter().flatten().any(|p| resting.contains(p)));
}

// covers: NAT-44 NAT-34
#[test]
fn a_place_is_free_at_the_moment_its_flow_ends_and_no_sooner() {
    let mut m = open(few(100));
    let ports = connect(&mut m, 0.0, (A, 443), 2000, 100);
    assert_eq!((got(&ports), connect(&mut m, 0.0, (A, 443), 3000, 1)), (100, vec![None]));
    for n in 0..100 {
        reset(&mut m, 1.0, (A, 443), &ports[n..=n]);
        let more = connect(&mut m, 1.0, (A, 443), 3000 + 2 * n as u16, 2);
        assert_eq!(got(&more), 1, "one went, one comes");
    }
    // ICMP has no ports: what goes to one address counts together, whatever the type (NAT-74).
    let ping = |id| ping(CLIENT, A, id);
    assert_eq!(got(&run(&mut m, 2.0, DB, (0..101).map(ping))), 100);
    // Silence ends them at 350 s, to the millisecond and in all shards, although most of those see no packet.
    assert_eq!(connect(&mut m, 350.999, (A, 443), 9000, 1), [None]);
    let late = connect(&mut m, 351.0, (A, 443), 9000, 101);
    assert_eq!(got(&late), 100);
    let c = gateway(&m);
    assert_eq!((c.idle_timeout_count, c.active_connection_count), (100, 100));
    // The pings were a second later.
    assert_eq!(got(&run(&mut m, 352.0, DB, (200..301).map(ping))), 100);
    assert_eq!(gateway(&m).idle_timeout_count, 200);
}

// covers: NAT-36
#[test]
fn about_900_new_connections_a_second_to_one_destination() {
    /// The first second in which one of `rate` connections a second is refused, each ended as soon as it began.
    fn first_error(rate: u16, seconds: u16, destinations: &[(&str, u16)]) -> Option<u16> {
        let mut m = open(many());
        let mut port = 0u16;
        (0..seconds).find(|&second| {
            let each = rate / destinations.len() as u16;
            destinations.iter().any(|&to| {
                let first = 1024 + port;
                port = (port + each) % 60_000;
                let ports = connect(&mut m, f64::from(second), to, first, each);
                reset(&mut m, f64::from(second), to, &ports);
                got(&ports) < usize::from(each)
            })
        })
    }
    let early = first_error(2_000, 60, &[(A, 443)]).expect("errors");
    assert!((25..=32).contains(&early), "after about 27 s: {early}");
    assert_eq!(first_error(800, 600, &[(A, 443)]), None);
    assert_eq!(first_error(2_000, 130, &[(A, 443), (A, 80), (B, 443), (B, 80)]), None);
}

// covers: NAT-A8 NAT-41 NAT-43
#[test]
fn an_idle_connection_is_counted_and_one_kept_alive_is_not() {
    let mut m = open(Config::default());
    let ports = connect(&mut m, 0.0, (A, 443), 4000, 2);
    for external in &ports {
        left(&send(&mut m, 0.1, INTERNET, tcp(A, 443, PUBLIC, external.expect("a port"), "SA")));
    }
    for client in [4000, 4001] {
        left(&send(&mut m, 0.2, DB, tcp(CLIENT, client, A, 443, "A")));
    }
    left(&send(&mut m, 300.2, DB, tcp(CLIENT, 4001, A, 443, "A")));
    let c = gateway(&m);
    assert_eq!((c.connection_attempt_count, c.connection_established_count, c.idle_timeout_count), (2, 2, 0));
    let late = send(&mut m, 351.2, DB, tcp(CLIENT, 4000, A, 443, "A"));
    assert_eq!(told(&late), "reply natgw no-binding");
    left(&send(&mut m, 600.2, DB, tcp(CLIENT, 4001, A, 443, "A")));
    let c = gateway(&m);
    assert_eq!((c.idle_timeout_count, c.active_connection_count, c.packets_drop_count), (1, 1, 1));
    // Kept alive twice, its end comes 350 s after the last.
    for (at, active) in [(950.1, 1), (950.3, 0)] {
        assert_eq!(told(&send(&mut m, at, INTERNET, udp(A, 9, PUBLIC, 9))), "drop natgw unsolicited");
        let c = gateway(&m);
        assert_eq!((c.active_connection_count, c.idle_timeout_count), (active, 2 - active), "at {at}");
    }
}

// covers: NAT-61 NAT-62 NAT-83
#[test]
fn what_goes_in_comes_out_less_what_is_dropped() {
    let mut m = open(Config::default());
    let mut external = 0;
    let payload = vec![7; 900];
    for n in 0..10u32 {
        let (_, t) = left(&send(&mut m, f64::from(n), DB, udp_of(CLIENT, 5000, A, 53, &payload)));
        external = t.sport;
        left(&send(&mut m, f64::from(n), INTERNET, udp(A, 53, PUBLIC, external)));
    }
    let c = gateway(&m);
    assert_eq!((c.packets_in_from_source, c.packets_out_to_destination), (10, 10));
    assert_eq!((c.packets_in_from_destination, c.packets_out_to_source), (10, 10));
    // IP total lengths: 20 + 8 + payload.
    assert_eq!((c.bytes_in_from_source, c.bytes_out_to_destination), (9_280, 9_280));
    assert_eq!((c.bytes_in_from_destination, c.bytes_out_to_source), (330, 330));
    assert_eq!((c.packets_drop_count, c.connection_attempt_count), (0, 0));
    // Unasked, from outside: it came, nothing went on, and the gateway dropped nothing of its own (NAT-24).
    let stray = send(&mut m, 10.0, INTERNET, udp(B, 53, PUBLIC, external));
    assert_eq!(told(&stray), "drop natgw unsolicited");
    let c = gateway(&m);
    assert_eq!((c.packets_in_from_destination, c.packets_out_to_source, c.packets_drop_count), (11, 10, 0));
    // Dropped: a protocol that it does not carry.
    let mut esp = udp(CLIENT, 5000, A, 53);
    esp.bytes_mut()[23] = 50;
    seal(esp.bytes_mut());
    assert_eq!(told(&send(&mut m, 11.0, DB, esp)), "drop natgw protocol");
    let c = gateway(&m);
    assert_eq!((c.packets_in_from_source, c.packets_out_to_destination, c.packets_drop_count), (11, 10, 1));
    assert_eq!(c.bytes_in_from_source - c.bytes_out_to_destination, 33);
    // Connections to nowhere: each is an attempt, sent again or not, and none is established.
    let ports = connect(&mut m, 12.0, (B, 443), 6000, 20);
    assert_eq!(connect(&mut m, 13.0, (B, 443), 6000, 20), ports);
    let c = gateway(&m);
    assert_eq!((c.connection_attempt_count, c.connection_established_count), (20, 0));
    // Refused by the other end, or answered but the client only repeats itself: not established either.
    reset(&mut m, 14.0, (B, 443), &ports[..1]);
    left(&send(&mut m, 14.0, INTERNET, tcp(B, 443, PUBLIC, ports[1].expect("a port"), "SA")));
    left(&send(&mut m, 14.1, DB, tcp(CLIENT, 6001, B, 443, "S")));
    assert_eq!(gateway(&m).connection_established_count, 0);
    left(&send(&mut m, 14.2, DB, tcp(CLIENT, 6001, B, 443, "A")));
    left(&send(&mut m, 14.3, DB, tcp(CLIENT, 6001, B, 443, "A")));
    assert_eq!(gateway(&m).connection_established_count, 1);
}

// covers: NAT-20
#[test]
fn what_a_narrower_route_takes_away_is_not_counted() {
    let mut m = open(Config::default());
    let mut t = m.topology().as_ref().clone();
    let routes = [
        ("10.0.0.0/16", Target::Local),
        ("0.0.0.0/0", Target::NatGateway(NatIdx(0))),
        ("192.0.2.64/26", Target::Eni(EniIdx(3))),
        ("203.0.113.0/24", Target::InternetGateway),
    ];
    let routes = routes.map(|(p, target)| Route { prefix: net(p), target });
    t.route_tables.set(1, Arc::new(RouteTable::build(routes.to_vec())));
    let appliance = Eni { check: false, filter: FilterIdx(4), ..t.enis.get(3).expect("an ENI").clone() };
    let all = || SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
    t.filters.set(4, Arc::new(Filter { ingress: all(), egress: all() }));
    t.enis.set(3, Arc::new(appliance));
    m.publish(t);
    let appliance = send(&mut m, 0.0, DB, udp(CLIENT, 5000, A, 53));
    assert_eq!(left(&appliance), (OTHER, appliance_tuple()));
    assert_eq!(told(&send(&mut m, 0.0, DB, udp(CLIENT, 5000, "203.0.113.5", 53))), "drop igw no-public-address");
    assert_eq!(gateway(&m), NatGatewayCounters::default());
    let rest = send(&mut m, 0.0, DB, udp(CLIENT, 5000, "192.0.2.5", 53));
    assert_eq!(left(&rest).1.src, ip(PUBLIC));
    assert_eq!(gateway(&m).packets_out_to_destination, 1);
}

fn appliance_tuple() -> vpcd_dataplane::wire::FiveTuple {
    vpcd_dataplane::wire::FiveTuple { src: ip(CLIENT), dst: ip(A), sport: 5000, dport: 53, proto: 17 }
}
