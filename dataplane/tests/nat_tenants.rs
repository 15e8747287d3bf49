//! NAT gateways of tenants who know nothing of each other, and the same choices whatever the number of workers.

mod common;
use common::*;
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use vpcd_dataplane::engine::{Config, Done, Memory};
use vpcd_dataplane::tables::filter::{Membership, SgSide};
use vpcd_dataplane::topology::*;
use vpcd_dataplane::wire::Frame;

const REMOTE: &str = "192.0.2.77";
const CLIENT: &str = "10.0.1.5";
/// The client of the second tenant.
const TWIN: PortNo = 6;
const PUBLIC: [&str; 2] = ["198.51.100.9", "198.51.100.10"];

fn v4(s: &str) -> Ipv4Addr {
    s.parse().expect("an IPv4 address")
}

/// The lab and, in a VPC of another tenant, its private half once more: the same addresses, another Elastic IP.
fn two_tenants() -> Topology {
    let mut t = lab();
    let all = SgSide::build(&[rule(None, (0, 65535), "0.0.0.0/0")]);
    t.filters.set(1, Arc::new(Filter { ingress: SgSide::build(&[]), egress: all }));
    let vpc = VpcIdx(1);
    for (at, like) in [(2, 0), (3, 1)] {
        let subnet = t.subnets.get(like).expect("a subnet").clone();
        let route_table = RouteTableIdx(at as u32);
        t.subnets.set(at, Arc::new(Subnet { vpc, cidr6: None, route_table, ..subnet }));
    }
    let table = |default| {
        let routes = [("10.0.0.0/16", Target::Local), ("0.0.0.0/0", default)];
        Arc::new(RouteTable::build(routes.map(|(p, target)| Route { prefix: net(p), target }).to_vec()))
    };
    t.route_tables.set(2, table(Target::InternetGateway));
    t.route_tables.set(3, table(Target::NatGateway(NatIdx(1))));
    let gateway = Eni { vpc, subnet: SubnetIdx(2), nat: Some(NatIdx(1)), ..t.enis.get(2).expect("an ENI").clone() };
    let client = Eni { vpc, subnet: SubnetIdx(3), addresses6: vec![], ..t.enis.get(1).expect("an ENI").clone() };
    t.enis.set(4, Arc::new(gateway));
    t.enis.set(5, Arc::new(client));
    let owners = vec![(ip("10.0.0.220"), EniIdx(4)), (ip(CLIENT), EniIdx(5))];
    t.addresses.set(1, Arc::new(AddressMap::build(owners)));
    t.members.set(1, Arc::new(Membership::build([(ip(CLIENT), vec![1])])));
    t.vpcs.set(1, Arc::new(Vpc { eigw: false, ..t.vpcs.get(0).expect("a VPC").clone() }));
    let (private, public) = (v4("10.0.0.220"), v4(PUBLIC[1]));
    t.nats.set(1, Arc::new(NatGateway { eni: EniIdx(4), private, public }));
    t.publics.set(1, Arc::new(PublicMap::build([(private, public)])));
    let mut edge = t.edge.get(0).expect("an edge").clone();
    edge.owners.insert(public, PublicOwner { vpc, eni: EniIdx(4), private, nat: Some(NatIdx(1)) });
    t.edge.set(0, Arc::new(edge));
    t
}

/// Connections to port 443 of the remote from client ports `from..to`, one engine call.
fn connect(m: &mut Memory, seconds: f64, port: PortNo, from: u16, to: u16) -> Vec<Done> {
    let frame = |client| {
        let mut frame: Frame = tcp(CLIENT, client, REMOTE, 443, "S");
        (frame.port, frame.ts) = (port, (seconds * 1e9) as u64);
        frame
    };
    m.run((from..to).map(frame).collect())
}

// covers: NAT-35 NAT-84
#[test]
fn tenants_with_equal_private_addresses_never_share_a_lease() {
    let limit = 100;
    for workers in [1, 4] {
        let mut m = Memory::new(Config { flows_per_destination: limit, workers, ..Config::default() });
        m.publish(two_tenants());
        // The same tuples at the same time, to the same destination: each tenant gets all of its own, and no more.
        let mut external = Vec::new();
        for (port, public) in [(DB, PUBLIC[0]), (TWIN, PUBLIC[1])] {
            let tuples: Vec<_> = connect(&mut m, 0.0, port, 2000, 2100).iter().map(|d| left(d).1).collect();
            assert!(tuples.iter().all(|t| t.src == ip(public)));
            // A call of its own: within one, workers run side by side, and which of them comes too late is open.
            assert_eq!(told(&connect(&mut m, 0.0, port, 2100, 2101)[0]), "drop natgw port-allocation");
            external.push(tuples.iter().map(|t| t.sport).collect::<Vec<u16>>());
        }
        // Each answer reaches the tenant whose address it was sent to, on the port of the very flow.
        for (tenant, port) in [DB, TWIN].into_iter().enumerate() {
            for (&e, client) in external[tenant].iter().zip(2000..) {
                let (to, t) = left(&send(&mut m, 1.0, INTERNET, tcp(REMOTE, 443, PUBLIC[tenant], e, "SA")));
                assert_eq!((to, t.dst, t.dport), (port, ip(CLIENT), client));
            }
        }
        // What one tenant closes, the other does not get.
        for &e in &external[0][..10] {
            left(&send(&mut m, 2.0, INTERNET, tcp(REMOTE, 443, PUBLIC[0], e, "RA")));
        }
        assert_eq!(told(&connect(&mut m, 2.0, TWIN, 3000, 3001)[0]), "drop natgw port-allocation");
        let passed = connect(&mut m, 2.0, DB, 3000, 3011).iter().filter(|d| told(d) == "forward").count();
        assert_eq!(passed, 10);
        let active = [0, 1].map(|nat| m.counters().nat(NatIdx(nat)).active_connection_count);
        assert_eq!(active, [100, 100]);
    }
}

// covers: NAT-34 NAT-84
#[test]
fn one_worker_and_four_fill_a_destination_with_the_same_55_000_ports() {
    let ports = |workers| {
        let mut m = Memory::new(Config { sessions: 1 << 17, workers, seed: 3, ..Config::default() });
        m.publish(two_tenants());
        let done = connect(&mut m, 0.0, DB, 1024, 56_024);
        let ports: Vec<u16> = done.iter().map(|d| left(d).1.sport).collect();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), 55_000, "{workers} workers");
        assert_eq!(told(&connect(&mut m, 1.0, DB, 60_000, 60_001)[0]), "drop natgw port-allocation");
        ports
    };
    assert!(ports(1) == ports(4));
}
