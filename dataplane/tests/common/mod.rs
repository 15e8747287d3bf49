//! A small VPC, built by hand: public subnet 10.0.0.0/24 (web 10.0.0.5 with Elastic IP 198.51.100.1, NAT gateway 10.0.0.220 with 198.51.100.9),
//! private subnet 10.0.1.0/24 (db 10.0.1.5, default route through the NAT gateway), IPv6 2001:db8:1234:1a00::/56 with an egress-only gateway for the private side.
#![allow(dead_code, unreachable_pub)]

use ipnet::{IpNet, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use vpcd_dataplane::engine::{Config, Done, Memory};
use vpcd_dataplane::tables::filter::{Acl, AclRule, Match, Membership, Peer, SgRule, SgSide};
use vpcd_dataplane::topology::*;
use vpcd_dataplane::wire::{Frame, Mac};

pub const WEB: PortNo = 1;
pub const DB: PortNo = 2;
pub const OTHER: PortNo = 4;
const ANY4: &str = "0.0.0.0/0";
const ANY6: &str = "::/0";

pub fn ip(s: &str) -> IpAddr {
    s.parse().expect("an address")
}

pub fn net(s: &str) -> IpNet {
    s.parse().expect("a prefix")
}

fn v4(s: &str) -> Ipv4Addr {
    s.parse().expect("an IPv4 address")
}

pub fn rule(proto: Option<u8>, ports: (u16, u16), peer: &str) -> SgRule {
    SgRule { id: u32::from(ports.0), peer: Peer::Net(net(peer)), matches: Match { proto, ports } }
}

pub fn group_rule(proto: u8, ports: (u16, u16), group: u32) -> SgRule {
    SgRule { id: u32::from(ports.0), peer: Peer::Group(group), matches: Match { proto: Some(proto), ports } }
}

pub fn allow_all() -> Nacl {
    let rules: Vec<AclRule> = [(100, ANY4), (101, ANY6)]
        .into_iter()
        .map(|(number, n)| AclRule {
            number,
            allow: true,
            net: net(n),
            matches: Match { proto: None, ports: (0, 65535) },
        })
        .collect();
    Nacl { inbound: Acl::build(&rules), outbound: Acl::build(&rules) }
}

/// The topology, with parts to change before publishing.
pub fn lab() -> Topology {
    let mut t = Topology::default();
    let eni = |subnet, mac, a4: &str, a6: &str, filter| Eni {
        vpc: VpcIdx(0),
        subnet: SubnetIdx(subnet),
        mac: Mac([2, 0, 0, 0, 0, mac]),
        addresses4: vec![v4(a4)],
        addresses6: if a6.is_empty() { vec![] } else { vec![a6.parse().expect("an IPv6 address")] },
        check: true,
        filter: FilterIdx(filter),
        timeouts: Timeouts::default(),
        attached: true,
        nat: None,
        mtu: 9001,
    };
    let enis = [
        eni(0, 1, "10.0.0.5", "2001:db8:1234:1a00::1a", 0),
        eni(1, 2, "10.0.1.5", "2001:db8:1234:1a01::5", 1),
        Eni { attached: false, nat: Some(NatIdx(0)), check: false, ..eni(0, 3, "10.0.0.220", "", 3) },
        eni(0, 4, "10.0.0.7", "", 2),
    ];
    let mut owners = Vec::new();
    for (i, e) in enis.iter().enumerate() {
        let all = e.addresses4.iter().map(|&a| IpAddr::V4(a)).chain(e.addresses6.iter().map(|&a| IpAddr::V6(a)));
        owners.extend(all.map(|a| (a, EniIdx(i as u32))));
        t.enis.set(i, Arc::new(e.clone()));
    }
    t.addresses.set(0, Arc::new(AddressMap::build(owners)));
    let members = [("10.0.0.5", 0), ("2001:db8:1234:1a00::1a", 0), ("10.0.1.5", 1), ("2001:db8:1234:1a01::5", 1)];
    t.members.set(0, Arc::new(Membership::build(members.map(|(a, g)| (ip(a), vec![g])))));
    let subnet = |cidr4: &str, cidr6: &str, route_table| Subnet {
        vpc: VpcIdx(0),
        cidr4: cidr4.parse().expect("a prefix"),
        cidr6: Some(cidr6.parse::<Ipv6Net>().expect("a prefix")),
        route_table: RouteTableIdx(route_table),
        nacl: NaclIdx(0),
    };
    t.subnets.set(0, Arc::new(subnet("10.0.0.0/24", "2001:db8:1234:1a00::/64", 0)));
    t.subnets.set(1, Arc::new(subnet("10.0.1.0/24", "2001:db8:1234:1a01::/64", 1)));
    t.vpcs.set(
        0,
        Arc::new(Vpc {
            resolver: v4("10.0.0.2"),
            igw: true,
            igw_routes: None,
            vgw: None,
            vgw_routes: None,
            eigw: true,
        }),
    );
    let locals = [("10.0.0.0/16", Target::Local), ("2001:db8:1234:1a00::/56", Target::Local)];
    let table = |more: &[(&str, Target)]| {
        let routes = locals.iter().chain(more).map(|&(p, target)| Route { prefix: net(p), target });
        Arc::new(RouteTable::build(routes.collect()))
    };
    t.route_tables.set(0, table(&[(ANY4, Target::InternetGateway), (ANY6, Target::InternetGateway)]));
    t.route_tables.set(1, table(&[(ANY4, Target::NatGateway(NatIdx(0))), (ANY6, Target::EgressOnly)]));
    t.nacls.set(0, Arc::new(allow_all()));
    let side = SgSide::build;
    let web_in = [rule(Some(6), (80, 80), ANY4), rule(Some(6), (443, 443), ANY4), rule(Some(6), (80, 80), ANY6)];
    let web_out = [group_rule(6, (3306, 3306), 1), rule(Some(6), (80, 80), ANY4), rule(Some(6), (443, 443), ANY4)];
    let db_in = [group_rule(6, (3306, 3306), 0)];
    let db_out = [
        rule(Some(6), (80, 80), ANY4),
        rule(Some(6), (443, 443), ANY4),
        rule(Some(6), (443, 443), ANY6),
        rule(Some(17), (53, 53), ANY4),
    ];
    t.filters.set(0, Arc::new(Filter { ingress: side(&web_in), egress: side(&web_out) }));
    t.filters.set(1, Arc::new(Filter { ingress: side(&db_in), egress: side(&db_out) }));
    t.filters.set(2, Arc::new(Filter { ingress: side(&[]), egress: side(&[rule(None, (0, 65535), ANY4)]) }));
    t.filters.set(3, Arc::new(Filter::default()));
    let gateway = NatGateway { eni: EniIdx(2), private: v4("10.0.0.220"), public: v4("198.51.100.9") };
    t.nats.set(0, Arc::new(gateway));
    let publics = [("10.0.0.5", "198.51.100.1"), ("10.0.0.220", "198.51.100.9")].map(|(a, b)| (v4(a), v4(b)));
    t.publics.set(0, Arc::new(PublicMap::build(publics)));
    let owner = |eni, private: &str, nat| PublicOwner { vpc: VpcIdx(0), eni: EniIdx(eni), private: v4(private), nat };
    let mut edge = Edge::default();
    edge.owners.insert(v4("198.51.100.1"), owner(0, "10.0.0.5", None));
    edge.owners.insert(v4("198.51.100.9"), owner(2, "10.0.0.220", Some(NatIdx(0))));
    edge.blocks6 = vec![("2001:db8:1234:1a00::/56".parse().expect("a prefix"), VpcIdx(0))];
    t.edge.set(0, Arc::new(edge));
    t
}

/// The engine under the lab topology.
pub fn engine(config: Config) -> Memory {
    let mut m = Memory::new(config);
    m.publish(lab());
    m
}

/// TCP flags by letter.
pub fn flags(text: &str) -> u8 {
    text.chars()
        .map(|c| match c {
            'F' => 1,
            'S' => 2,
            'R' => 4,
            'A' => 16,
            _ => panic!("no flag {c}"),
        })
        .sum()
}

/// An Ethernet frame with one TCP segment.
pub fn tcp(from: &str, sport: u16, to: &str, dport: u16, text: &str) -> Frame {
    let f = flags(text);
    packet(from, to, |b| {
        let mut t = b.tcp(sport, dport, 1000, 4096);
        if f & 1 != 0 {
            t = t.fin()
        }
        if f & 2 != 0 {
            t = t.syn()
        }
        if f & 4 != 0 {
            t = t.rst()
        }
        if f & 16 != 0 {
            t = t.ack(77)
        }
        let mut out = Vec::new();
        t.write(&mut out, b"data").expect("a frame");
        out
    })
}

/// An Ethernet frame with one UDP datagram.
pub fn udp(from: &str, sport: u16, to: &str, dport: u16) -> Frame {
    udp_of(from, sport, to, dport, b"hello")
}

/// The same with a payload of its own.
pub fn udp_of(from: &str, sport: u16, to: &str, dport: u16, payload: &[u8]) -> Frame {
    packet(from, to, |b| {
        let mut out = Vec::new();
        b.udp(sport, dport).write(&mut out, payload).expect("a frame");
        out
    })
}

/// An ICMP or ICMPv6 echo request.
pub fn ping(from: &str, to: &str, id: u16) -> Frame {
    let v6 = ip(from).is_ipv6();
    packet(from, to, |b| {
        let mut out = Vec::new();
        if v6 {
            b.icmpv6_echo_request(id, 1).write(&mut out, b"ping").expect("a frame");
        } else {
            b.icmpv4_echo_request(id, 1).write(&mut out, b"ping").expect("a frame");
        }
        out
    })
}

fn packet(
    from: &str,
    to: &str,
    build: impl FnOnce(etherparse::PacketBuilderStep<etherparse::IpHeaders>) -> Vec<u8>,
) -> Frame {
    let ethernet = etherparse::PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], vpcd_dataplane::wire::FABRIC_MAC.0);
    let step = match (ip(from), ip(to)) {
        (IpAddr::V4(s), IpAddr::V4(d)) => ethernet.ipv4(s.octets(), d.octets(), 64),
        (IpAddr::V6(s), IpAddr::V6(d)) => ethernet.ipv6(s.octets(), d.octets(), 64),
        _ => panic!("families differ"),
    };
    Frame::from_bytes(&build(step))
}

/// Bytes `at..at + len` of what UDP datagram `id` (port 9 to port 80) carries above IPv4.
pub fn piece(port: PortNo, from: &str, to: &str, id: u16, at: u16, len: usize, more: bool) -> Frame {
    let mut frame = udp_of(from, 9, to, 80, &vec![7; len - 8]);
    let bytes = frame.bytes_mut();
    bytes[18..20].copy_from_slice(&id.to_be_bytes());
    bytes[20..22].copy_from_slice(&((at / 8) | (u16::from(more) << 13)).to_be_bytes());
    seal(bytes);
    frame.port = port;
    frame
}

/// The same of an IPv6 datagram.
pub fn piece6(port: PortNo, from: &str, to: &str, id: u32, at: u16, len: usize, more: bool) -> Frame {
    let whole = udp_of(from, 9, to, 80, &vec![7; len - 8]);
    let bytes = whole.bytes();
    let header = [&[17, 0], &(at | u16::from(more)).to_be_bytes()[..], &id.to_be_bytes()].concat();
    let mut all = [&bytes[..54], &header, &bytes[54..]].concat();
    all[18..20].copy_from_slice(&(len as u16 + 8).to_be_bytes());
    all[20] = 44;
    let mut frame = Frame::from_bytes(&all);
    frame.port = port;
    frame
}

/// Completes the header of an IPv4 packet again.
pub fn seal(bytes: &mut [u8]) {
    bytes[24..26].fill(0);
    let header = &bytes[14..14 + usize::from(bytes[14] & 15) * 4];
    let sum: u32 = header.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    bytes[24..26].copy_from_slice(&(!(folded as u16)).to_be_bytes());
}

/// The Internet checksum of some bytes (RFC 1071).
pub fn sum(bytes: &[u8]) -> u16 {
    let word = |w: &[u8]| u32::from(w[0]) << 8 | u32::from(w.get(1).copied().unwrap_or(0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// An ICMP error about a packet (Ethernet frame) from a router; the last two bytes of its second word are `info`.
pub fn icmp_error(from: &str, to: &str, (kind, code, info): (u8, u8, u16), about: &Frame) -> Frame {
    let quote = &about.bytes()[14..about.len().min(14 + 20 + 28)];
    let mut message = [&[kind, code, 0, 0, 0, 0], &info.to_be_bytes()[..], quote].concat();
    let checksum = sum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&checksum);
    of_protocol(1, from, to, &message)
}

/// An IPv4 packet of any protocol.
pub fn of_protocol(proto: u8, from: &str, to: &str, payload: &[u8]) -> Frame {
    let whole = udp_of(from, 0, to, 0, &[&[0; 8], payload].concat());
    let mut bytes = [&whole.bytes()[..34], payload].concat();
    let length = (payload.len() as u16 + 20).to_be_bytes();
    bytes[16..18].copy_from_slice(&length);
    bytes[23] = proto;
    seal(&mut bytes);
    Frame::from_bytes(&bytes)
}

/// Whether the checksum of an unfragmented IPv4 packet's TCP, UDP or ICMP is right.
pub fn l4_holds(frame: &Frame) -> bool {
    let ip = &frame.bytes()[14..];
    let end = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let l4 = &ip[20..end];
    let pseudo = [&ip[12..20], &[0, ip[9]], &(l4.len() as u16).to_be_bytes()[..]].concat();
    let pseudo = if ip[9] == 1 { Vec::new() } else { pseudo };
    sum(&[&pseudo[..], l4].concat()) == 0
}

/// Runs one frame at `seconds`.
pub fn send(engine: &mut Memory, seconds: f64, port: PortNo, mut frame: Frame) -> Done {
    frame.port = port;
    frame.ts = (seconds * 1e9) as u64;
    engine.run(vec![frame]).pop().expect("a verdict")
}

/// "forward", or "drop sg-in no-rule".
pub fn told(done: &Done) -> String {
    let v = &done.verdict;
    let mut text = v.kind.name().to_string();
    if let (Some(stage), Some(reason)) = (v.stage, v.reason) {
        text += &format!(" {} {}", stage.name(), reason.name());
    }
    text
}

/// The tuple of the only frame that left, and the port it left by.
pub fn left(done: &Done) -> (PortNo, vpcd_dataplane::wire::FiveTuple) {
    assert_eq!(told(done), "forward");
    let [(port, frame)] = &done.out[..] else { panic!("{} frames left", done.out.len()) };
    let Ok(vpcd_dataplane::wire::Parsed::Ip(p)) = vpcd_dataplane::wire::parse(frame.bytes(), 0) else {
        panic!("not IP")
    };
    (*port, p.tuple(frame.bytes()))
}
