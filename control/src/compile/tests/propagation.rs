//! Which route decides, seen as the first packet and the later ones of a flow see it (chapter 03, section 4). Peering connections, transit
//! gateways and gateway endpoints do not exist, so that no static route leads to one.

use super::*;
use crate::model::{CreateCustomerGateway, Route};
use ipnet::IpNet;
use std::net::Ipv4Addr;
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::pipeline::Cause;
use vpcd_dataplane::topology::INTERNET;
use vpcd_wire::checksum::checksum;
use vpcd_wire::{FABRIC_MAC, Frame};

/// One instance with a public address, whose subnet's table takes over what a gateway's connection knows.
struct Lab {
    w: World,
    engine: Memory,
    table: String,
    vgw: String,
    vpn: String,
    time: u64,
}

fn lab() -> Lab {
    let mut w = world();
    let table = w.m.create_route_table(&w.v).unwrap();
    w.m.associate_route_table(&table, AssociateWith::Subnet(w.s.clone())).unwrap();
    let vgw = w.m.create_vpn_gateway(None).unwrap();
    w.m.attach_vpn_gateway(&vgw, &w.v).unwrap();
    w.m.propagate_routes(&table, &vgw, true).unwrap();
    let vpn = connection(&mut w.m, &vgw, 1);
    Lab { w, engine: Memory::new(Config::default()), table, vgw, vpn, time: 0 }
}

/// A connection to the device number `n`.
fn connection(m: &mut Model, vgw: &str, n: u8) -> String {
    let address = Ipv4Addr::new(203, 0, 113, n);
    let device = CreateCustomerGateway { asn: None, asn_extended: None, address, device_name: None };
    let device = m.create_customer_gateway(device).unwrap();
    m.create_vpn_connection(&device, vgw, true).unwrap()
}

impl Lab {
    fn knows(&mut self, prefix: &str) {
        self.w.m.create_vpn_connection_route(&self.vpn, prefix.parse().unwrap()).unwrap();
    }
    fn route(&mut self, prefix: &str, target: RouteTarget) {
        self.w.m.create_route(&self.table, net(prefix), target).unwrap();
    }
    fn igw(&self) -> RouteTarget {
        RouteTarget::InternetGateway(self.w.g.clone())
    }
    /// Static routes without local ones, and propagated ones.
    fn listed(&self) -> [Vec<String>; 2] {
        let t = self.w.m.route_tables().get(&self.table).unwrap();
        let names = |routes: &[Route]| routes.iter().filter(|r| !r.local).map(|r| r.destination.to_string()).collect();
        [names(&t.routes), names(&self.w.m.propagated_routes(t))]
    }

    /// The route that decides about a UDP packet from the instance, after the changes so far; and the packet is sent, so that its flow is a
    /// known one when the same address is asked again.
    fn winner(&mut self, to: &str) -> (IpNet, Target) {
        let topology = self.w.compile();
        let eni = self.w.eni();
        let interface = topology.enis.get(eni.at()).unwrap().clone();
        self.engine.publish(topology);
        let IpAddr::V4(to) = ip(to) else { panic!("{to} is no IPv4 address") };
        let mut head = [0; 20];
        (head[0], head[3], head[8], head[9]) = (0x45, 28, 64, 17);
        head[12..16].copy_from_slice(&interface.addresses4[0].octets());
        head[16..20].copy_from_slice(&to.octets());
        let sum = checksum(&head);
        head[10..12].copy_from_slice(&sum.to_be_bytes());
        let udp = [0x9c, 0x40, 0, 53, 0, 8, 0, 0];
        let bytes = [&FABRIC_MAC.0[..], &interface.mac.0, &[8, 0], &head, &udp].concat();
        let mut frame = Frame::from_bytes(&bytes);
        self.time += 1_000_000;
        (frame.port, frame.ts) = (eni.port(), self.time);
        let mut gates = Vec::new();
        let _ = self.engine.explain(&frame, &mut gates);
        let route = gates.iter().find_map(|g| match g.cause {
            Cause::Route(_, prefix, target) => Some((prefix, target)),
            _ => None,
        });
        let (prefix, target) = route.unwrap_or_else(|| panic!("no route decided: {gates:?}"));
        let done = self.engine.run(vec![frame]);
        let left: Vec<_> = done.iter().flat_map(|d| &d.out).map(|(port, _)| *port).collect();
        match target {
            Target::InternetGateway => assert_eq!(left, [INTERNET]),
            Target::Eni(e) => assert_eq!(left, [e.port()]),
            _ => assert!(!left.contains(&INTERNET), "{target:?}"),
        }
        (prefix, target)
    }
}

// RT-43, A-03-6: for the targets that exist (see above); A-03-6 without its first table, which is a peering connection's.
// covers: RT-43 RT-46 A-03-6 S-03-14
#[test]
fn rt_43_a_static_route_hides_a_propagated_one() {
    let mut l = lab();
    l.knows("172.31.0.0/24");
    l.route("0.0.0.0/0", l.igw());
    let far = CreateSubnet { vpc: l.w.v.clone(), cidr4: "10.0.9.0/24".parse().unwrap(), cidr6: None, az: None };
    let far = l.w.m.create_subnet(far).unwrap();
    let allocation = l.w.m.allocate_address(None).unwrap();
    let nat = l.w.m.create_nat_gateway(CreateNatGateway::public(&far, &allocation)).unwrap();
    let appliance = |l: &mut Lab| {
        let i = l.w.m.run_instance(RunInstance { subnet: Some(far.clone()), ..Default::default() }).unwrap();
        let e = l.w.m.instances().get(&i).unwrap().interfaces[&0].clone();
        l.w.m.modify_source_dest_check(&e, false).unwrap();
        let admit = IpPermission::all(RulePeer::Cidr(net("0.0.0.0/0")));
        let group = l.w.m.interfaces().get(&e).unwrap().groups[0].clone();
        // The second time it is there.
        let _ = l.w.m.authorize_security_group(&group, Direction::Ingress, &[admit]);
        (i, e)
    };
    let ((_, eni), (instance, its)) = (appliance(&mut l), appliance(&mut l));
    l.w.compile();
    let (at_eni, at_its) = (l.w.c.eni(&eni).unwrap(), l.w.c.eni(&its).unwrap());
    let at_nat = l.w.c.nat(&nat).unwrap();
    let twice = net("172.31.0.0/24");
    for (target, compiled) in [
        (l.igw(), Target::InternetGateway),
        (RouteTarget::NatGateway(nat), Target::NatGateway(at_nat)),
        (RouteTarget::NetworkInterface(eni), Target::Eni(at_eni)),
        (RouteTarget::Instance(instance), Target::Eni(at_its)),
        (RouteTarget::VpnGateway(l.vgw.clone()), Target::VpnGateway),
    ] {
        assert_eq!(l.winner("172.31.0.5"), (twice, Target::VpnGateway), "before {target:?}");
        l.route("172.31.0.0/24", target.clone());
        for to in ["172.31.0.5", "172.31.0.200"] {
            assert_eq!(l.winner(to), (twice, compiled), "{target:?}");
        }
        assert_eq!(l.winner("172.31.1.5"), (net("0.0.0.0/0"), Target::InternetGateway));
        assert_eq!(l.listed(), [vec!["0.0.0.0/0", "172.31.0.0/24"], vec!["172.31.0.0/24"]], "both stay listed");
        l.w.m.delete_route(&l.table, twice).unwrap();
        assert_eq!(l.winner("172.31.0.5"), (twice, Target::VpnGateway), "after {target:?}");
    }
    assert_eq!(l.winner("10.0.9.200"), (net("10.0.0.0/16"), Target::Local));
    // RouteAlreadyExists concerns static routes only.
    l.route("172.31.0.0/24", l.igw());
    let other = RouteTarget::VpnGateway(l.vgw.clone());
    assert_eq!(l.w.m.create_route(&l.table, twice, other).unwrap_err().code, "RouteAlreadyExists");
}

// covers: RT-44
#[test]
fn rt_44_length_decides_before_origin() {
    let mut l = lab();
    l.knows("172.31.0.0/25");
    l.route("172.31.0.0/24", l.igw());
    assert_eq!(l.winner("172.31.0.5"), (net("172.31.0.0/25"), Target::VpnGateway));
    assert_eq!(l.winner("172.31.0.200"), (net("172.31.0.0/24"), Target::InternetGateway));
    // And the other way round.
    l.knows("198.51.0.0/16");
    l.route("198.51.100.0/24", l.igw());
    assert_eq!(l.winner("198.51.100.5"), (net("198.51.100.0/24"), Target::InternetGateway));
    assert_eq!(l.winner("198.51.101.5"), (net("198.51.0.0/16"), Target::VpnGateway));
}

// covers: RT-45
#[test]
fn rt_45_what_lies_in_the_vpc_stays_local() {
    let mut l = lab();
    let known = ["10.0.5.0/24", "10.0.0.0/16", "10.0.5.9/32", "10.0.0.0/8"];
    known.iter().for_each(|n| l.knows(n));
    let local = |block: &str| (net(block), Target::Local);
    assert_eq!(l.winner("10.0.5.9"), local("10.0.0.0/16"));
    assert_eq!(l.winner("10.0.9.9"), local("10.0.0.0/16"));
    assert_eq!(l.winner("10.1.0.9"), (net("10.0.0.0/8"), Target::VpnGateway));
    assert_eq!(l.listed()[1], known, "listed all the same");
    l.knows("10.1.0.0/24");
    assert_eq!(l.winner("10.1.0.9"), (net("10.1.0.0/24"), Target::VpnGateway));
    // One more block takes its place from the next packet on.
    l.w.m.associate_vpc_cidr_block(&l.w.v, "10.1.0.0/16".parse().unwrap()).unwrap();
    assert_eq!(l.winner("10.1.0.9"), local("10.1.0.0/16"));
}

/// RT-46 as a flow meets it: each change counts for its next packet.
// covers: RT-46 S-03-4
#[test]
fn rt_46_winners_come_and_go() {
    let mut l = lab();
    let (via_vgw, via_igw) = ((net("172.31.0.0/24"), Target::VpnGateway), (net("0.0.0.0/0"), Target::InternetGateway));
    l.route("0.0.0.0/0", l.igw());
    assert_eq!(l.winner("172.31.0.5"), via_igw);
    l.knows("172.31.0.0/24");
    assert_eq!(l.winner("172.31.0.5"), via_vgw);
    // A second connection with the prefix makes no second route, and keeps the one there is.
    let second = connection(&mut l.w.m, &l.vgw, 2);
    l.w.m.create_vpn_connection_route(&second, "172.31.0.0/24".parse().unwrap()).unwrap();
    assert_eq!(l.listed()[1], ["172.31.0.0/24"]);
    l.w.m.delete_vpn_connection(&l.vpn).unwrap();
    assert_eq!(l.winner("172.31.0.5"), via_vgw);
    l.w.m.delete_vpn_connection_route(&second, "172.31.0.0/24".parse().unwrap()).unwrap();
    assert_eq!(l.winner("172.31.0.5"), via_igw);
    l.w.m.create_vpn_connection_route(&second, "172.31.0.0/24".parse().unwrap()).unwrap();
    assert_eq!(l.winner("172.31.0.5"), via_vgw);
    l.w.m.detach_vpn_gateway(&l.vgw, &l.w.v).unwrap();
    assert_eq!(l.winner("172.31.0.5"), via_igw, "no hole stays behind");
    l.w.m.attach_vpn_gateway(&l.vgw, &l.w.v).unwrap();
    assert_eq!(l.winner("172.31.0.5"), via_igw, "it was switched off with the detachment");
    l.w.m.propagate_routes(&l.table, &l.vgw, true).unwrap();
    assert_eq!(l.winner("172.31.0.5"), via_vgw);
}

// covers: RT-99
#[test]
fn rt_99_switching_changes_no_winner_but_by_priority() {
    let mut l = lab();
    l.w.m.propagate_routes(&l.table, &l.vgw, false).unwrap();
    let list = CreatePrefixList {
        name: "l".into(),
        family: AddressFamily::V4,
        max_entries: 1,
        entries: vec![PrefixListEntry { cidr: net("198.18.0.0/24"), description: String::new() }],
    };
    let list = l.w.m.create_prefix_list(list).unwrap();
    l.w.m.create_list_route(&l.table, &list, l.igw()).unwrap();
    l.route("0.0.0.0/0", l.igw());
    l.route("172.31.0.0/24", l.igw());
    for known in ["0.0.0.0/0", "172.31.0.0/24", "172.31.0.0/25", "172.16.0.0/12", "198.18.0.0/24", "10.0.5.0/24"] {
        l.knows(known);
    }
    let probes = ["172.31.0.5", "172.31.0.200", "172.20.0.1", "198.18.0.9", "10.0.5.9", "192.0.2.1"];
    let all = |l: &mut Lab| probes.map(|to| l.winner(to));
    let off = all(&mut l);
    assert!(off.iter().all(|(_, target)| *target != Target::VpnGateway));
    l.w.m.propagate_routes(&l.table, &l.vgw, true).unwrap();
    let on = all(&mut l);
    // Longer than what was there: these two change, and equal, shorter or local ones do not.
    let mut expected = off;
    expected[0] = (net("172.31.0.0/25"), Target::VpnGateway);
    expected[2] = (net("172.16.0.0/12"), Target::VpnGateway);
    assert_eq!(on, expected);
    l.w.m.propagate_routes(&l.table, &l.vgw, false).unwrap();
    assert_eq!(all(&mut l), off);
}

// covers: S-03-15
#[test]
fn s_03_15_a_hole_hides_a_propagated_route() {
    let mut l = lab();
    l.knows("0.0.0.0/0");
    let s = l.w.s.clone();
    let e = l.w.m.create_network_interface(CreateNetworkInterface { subnet: s, ..Default::default() }).unwrap();
    l.route("0.0.0.0/0", RouteTarget::NetworkInterface(e));
    assert_eq!(l.winner("192.0.2.1"), (net("0.0.0.0/0"), Target::Blackhole));
    l.w.m.delete_route(&l.table, net("0.0.0.0/0")).unwrap();
    assert_eq!(l.winner("192.0.2.1"), (net("0.0.0.0/0"), Target::VpnGateway));
}
