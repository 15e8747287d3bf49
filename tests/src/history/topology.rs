//! Random configurations: small, legal, and open enough that most packets get somewhere.

use super::rng::Rng;
use crate::model::packet::{ICMP, ICMP6, TCP, UDP};
use crate::model::world::{
    Eni, Group, Nacl, NaclEntry, Nat, Peer, Public, RouteTable, SgRule, Subnet, Target, Timeouts, Vpc, What, World,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Hosts of the internet, IPv4.
pub(super) const REMOTES4: [Ipv4Addr; 4] = [
    Ipv4Addr::new(203, 0, 113, 5),
    Ipv4Addr::new(203, 0, 113, 77),
    Ipv4Addr::new(192, 0, 2, 10),
    Ipv4Addr::new(198, 18, 0, 1),
];
/// Hosts of the internet, IPv6.
pub(super) const REMOTES6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 5),
    Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 0x77),
    Ipv6Addr::new(0x2600, 0, 0, 0, 0, 0, 0, 1),
];
/// Ports that rules name.
pub(super) const SERVICES: [u16; 6] = [22, 53, 80, 443, 1433, 3389];
/// Ports that clients use.
pub(super) const EPHEMERAL: [u16; 6] = [1023, 1024, 32767, 32768, 40000, 65535];

pub(super) fn all4() -> IpNet {
    IpNet::V4(Ipv4Net::default())
}

pub(super) fn all6() -> IpNet {
    IpNet::V6(Ipv6Net::default())
}

fn net4(a: [u8; 4], len: u8) -> Ipv4Net {
    Ipv4Net::new(a.into(), len).unwrap_or_default()
}

fn net6(a: Ipv6Addr, len: u8) -> Ipv6Net {
    Ipv6Net::new(a, len).unwrap_or_default()
}

/// A whole configuration.
pub fn random(rng: &mut Rng) -> World {
    let mut w = World::default();
    let vpcs = rng.range(1, 3);
    for v in 0..vpcs {
        vpc(&mut w, v, rng);
    }
    for v in 0..vpcs {
        nats(&mut w, v, rng);
        publics(&mut w, v, rng);
        for table in tables_of(&w, v) {
            w.tables[table] = routes(&w, v, rng);
            let mut users = w.subnets.iter().enumerate().filter(|(_, s)| s.table == table).map(|(i, _)| i);
            let only = (users.next(), users.next());
            if let (Some(s), None) = only
                && w.nats.iter().flatten().any(|n| w.enis[n.eni].subnet == s)
                && rng.chance(85)
            {
                for (_, target) in &mut w.tables[table].routes {
                    if matches!(target, Target::Nat(_)) {
                        *target = Target::Igw;
                    }
                }
            }
        }
        if w.vpcs[v].igw && rng.chance(25) {
            w.vpcs[v].igw_table = Some(gateway_table(&mut w, v, rng));
        }
        if w.vpcs[v].vgw.is_some() && rng.chance(25) {
            w.vpcs[v].vgw_table = Some(gateway_table(&mut w, v, rng));
        }
    }
    w
}

/// The port of a VPC's virtual private gateway, out of the way of the ENIs'.
pub(super) fn vgw_port(vpc: usize) -> u32 {
    201 + vpc as u32
}

fn tables_of(w: &World, vpc: usize) -> Vec<usize> {
    let mut tables: Vec<usize> = w.subnets.iter().filter(|s| s.vpc == vpc).map(|s| s.table).collect();
    tables.sort_unstable();
    tables.dedup();
    tables
}

fn vpc(w: &mut World, v: usize, rng: &mut Rng) {
    let second = if rng.chance(40) { 0 } else { v as u8 };
    let mut blocks4 = vec![net4([10, second, 0, 0], 16)];
    if rng.chance(20) {
        blocks4.push(net4([10, 100 + second, 0, 0], 16));
    }
    let block6 =
        rng.chance(85).then(|| net6(Ipv6Addr::new(0x2001, 0xdb8, 0x1234, 0x1a00 + 0x100 * v as u16, 0, 0, 0, 0), 56));
    let eigw = block6.is_some() && rng.chance(60);
    let vgw = rng.chance(50).then(|| vgw_port(v));
    w.vpcs.push(Vpc {
        blocks4: blocks4.clone(),
        block6,
        igw: rng.chance(90),
        igw_table: None,
        vgw,
        vgw_table: None,
        eigw,
    });
    let first_table = w.tables.len();
    let first_nacl = w.nacls.len();
    let first_group = w.groups.len();
    for _ in 0..rng.range(1, 3) {
        w.tables.push(RouteTable::default());
        w.nacls.push(nacl(rng));
    }
    for _ in 0..rng.range(2, 4) {
        w.groups.push(Group { vpc: v, ..Group::default() });
    }
    let groups: Vec<usize> = (first_group..w.groups.len()).collect();
    for &g in &groups {
        w.groups[g] = group(v, &groups, rng);
    }
    for s in 0..rng.range(1, 4) {
        let block = if s == 3 { blocks4[blocks4.len() - 1] } else { blocks4[0] };
        let [a, b, ..] = block.network().octets();
        let net4 = net4([a, b, s as u8, 0], rng.one([24, 24, 28]));
        let net6 = block6.filter(|_| rng.chance(85)).map(|n| {
            let mut seg = n.network().segments();
            seg[3] += s as u16;
            net6(seg.into(), 64)
        });
        let table = rng.range(first_table, w.tables.len() - 1);
        let nacl = rng.range(first_nacl, w.nacls.len() - 1);
        w.subnets.push(Subnet { vpc: v, net4, net6, table, nacl });
        for _ in 0..rng.range(1, 3) {
            eni(w, w.subnets.len() - 1, &groups, rng);
        }
    }
}

fn eni(w: &mut World, subnet: usize, groups: &[usize], rng: &mut Rng) {
    let mut addresses = vec![IpAddr::V4(free4(w, subnet))];
    let number = w.enis.len();
    w.enis.push(Eni {
        subnet,
        mac: [0x02, 0x10, 0, 0, 0, number as u8 + 1],
        addresses: addresses.clone(),
        groups: Vec::new(),
        check: !rng.chance(30),
        attached: !rng.chance(6),
        timeouts: Timeouts::default(),
        nat: None,
    });
    if rng.chance(8) {
        w.enis[number].timeouts = Timeouts { tcp_established: 600, udp: 60, udp_stream: 120 };
    }
    if rng.chance(30) {
        addresses.push(IpAddr::V4(free4(w, subnet)));
    }
    if let Some(net) = w.subnets[subnet].net6 {
        let least = if rng.chance(90) { 1 } else { 0 };
        for k in 0..rng.range(least, 2) {
            let a = u128::from(net.network()) + 0x100 + (number as u128) * 16 + k as u128;
            addresses.push(IpAddr::V6(a.into()));
        }
    }
    let mut own: Vec<usize> = groups.iter().copied().filter(|_| rng.chance(50)).collect();
    if own.is_empty() {
        own.extend(rng.pick(groups));
    }
    w.enis[number].addresses = addresses;
    w.enis[number].groups = own;
}

/// The lowest address of a subnet that nobody has.
pub(super) fn free4(w: &World, subnet: usize) -> Ipv4Addr {
    let s = &w.subnets[subnet];
    (4..14).map(|n| s.base4(n)).find(|a| w.owner(s.vpc, IpAddr::V4(*a)).is_none()).unwrap_or(s.base4(14))
}

/// A public address that is not in use.
pub(super) fn free_public(w: &World) -> Ipv4Addr {
    let taken = |a: &Ipv4Addr| w.publics.iter().any(|p| p.public == *a);
    (1..=250).map(|n| Ipv4Addr::new(198, 51, 100, n)).find(|a| !taken(a)).unwrap_or(Ipv4Addr::new(198, 51, 100, 251))
}

/// Puts a NAT gateway into a subnet; its number.
pub(super) fn add_nat(w: &mut World, subnet: usize) -> usize {
    let (private, public) = (free4(w, subnet), free_public(w));
    let n = w.nats.len();
    let vpc = w.subnets[subnet].vpc;
    w.enis.push(Eni {
        subnet,
        mac: [0x02, 0x20, 0, 0, 0, n as u8 + 1],
        addresses: vec![IpAddr::V4(private)],
        groups: Vec::new(),
        check: false,
        attached: false,
        timeouts: Timeouts::default(),
        nat: Some(n),
    });
    w.nats.push(Some(Nat { eni: w.enis.len() - 1, private, public, out: false }));
    w.publics.push(Public { vpc, private, public });
    n
}

fn subnets_of(w: &World, vpc: usize) -> Vec<usize> {
    (0..w.subnets.len()).filter(|&s| w.subnets[s].vpc == vpc).collect()
}

fn nats(w: &mut World, v: usize, rng: &mut Rng) {
    if w.vpcs[v].igw && rng.chance(75) {
        for _ in 0..rng.range(1, 2) {
            if let Some(&s) = rng.pick(&subnets_of(w, v)) {
                add_nat(w, s);
                // A gateway behind a gateway goes nowhere: mostly its subnet has a table of its own.
                if rng.chance(85) {
                    w.subnets[s].table = w.tables.len();
                    w.tables.push(RouteTable::default());
                }
            }
        }
    }
}

fn publics(w: &mut World, v: usize, rng: &mut Rng) {
    if !w.vpcs[v].igw {
        return;
    }
    for e in 0..w.enis.len() {
        if w.vpc_of(e) != v || w.enis[e].nat.is_some() {
            continue;
        }
        for a in w.enis[e].addresses.clone() {
            if let IpAddr::V4(private) = a
                && rng.chance(55)
            {
                let public = free_public(w);
                w.publics.push(Public { vpc: v, private, public });
            }
        }
    }
}

/// Interfaces of a VPC that forward what is not theirs.
fn middleboxes(w: &World, v: usize) -> Vec<usize> {
    (0..w.enis.len()).filter(|&e| w.vpc_of(e) == v && w.enis[e].nat.is_none() && !w.enis[e].check).collect()
}

fn gateways4(w: &World, v: usize, rng: &mut Rng) -> Option<Target> {
    let nats: Vec<usize> =
        (0..w.nats.len()).filter(|&n| w.nats[n].as_ref().is_some_and(|nat| w.vpc_of(nat.eni) == v)).collect();
    match rng.weighted(&[38, 34, 14, 4, 8, 2]) {
        0 if w.vpcs[v].igw => Some(Target::Igw),
        1 => rng.pick(&nats).map(|&n| Target::Nat(n)),
        2 => rng.pick(&middleboxes(w, v)).map(|&e| Target::Eni(e)),
        3 => Some(Target::Blackhole),
        4 => Some(Target::Vgw),
        _ => None,
    }
}

fn gateways6(w: &World, v: usize, rng: &mut Rng) -> Option<Target> {
    match rng.weighted(&[40, 40, 12, 4, 2, 2]) {
        0 if w.vpcs[v].igw => Some(Target::Igw),
        1 if w.vpcs[v].eigw => Some(Target::Eigw),
        2 => rng.pick(&middleboxes(w, v)).map(|&e| Target::Eni(e)),
        3 => Some(Target::Blackhole),
        4 => Some(Target::Vgw),
        _ => None,
    }
}

/// A target for a route of this VPC towards `prefix`.
pub(super) fn target(w: &World, v: usize, prefix: IpNet, rng: &mut Rng) -> Option<Target> {
    match prefix {
        IpNet::V4(_) => gateways4(w, v, rng),
        IpNet::V6(_) => gateways6(w, v, rng),
    }
}

/// Prefixes outside the VPC that routes name.
pub(super) fn prefix(rng: &mut Rng) -> IpNet {
    let text = rng.one([
        "203.0.113.0/24",
        "203.0.113.5/32",
        "192.0.2.0/24",
        "198.51.100.0/24",
        "10.0.0.0/8",
        "2001:db8:9::/48",
        "2600::/16",
    ]);
    text.parse().unwrap_or_else(|_| all4())
}

fn routes(w: &World, v: usize, rng: &mut Rng) -> RouteTable {
    let vpc = &w.vpcs[v];
    let mut routes: Vec<(IpNet, Target)> = vpc.blocks4.iter().map(|b| (IpNet::V4(*b), Target::Local)).collect();
    routes.extend(vpc.block6.map(|b| (IpNet::V6(b), Target::Local)));
    let mut prefixes = vec![all4(), all6()];
    for _ in 0..rng.below(3) {
        prefixes.push(prefix(rng));
    }
    for p in prefixes {
        if let Some(t) = target(w, v, p, rng)
            && !routes.iter().any(|(q, _)| *q == p)
        {
            routes.push((p, t));
        }
    }
    RouteTable { routes }
}

fn gateway_table(w: &mut World, v: usize, rng: &mut Rng) -> usize {
    let boxes = middleboxes(w, v);
    let mut routes: Vec<(IpNet, Target)> = w.vpcs[v].blocks4.iter().map(|b| (IpNet::V4(*b), Target::Local)).collect();
    routes.extend(w.vpcs[v].block6.map(|b| (IpNet::V6(b), Target::Local)));
    for s in subnets_of(w, v) {
        let blocks = [Some(IpNet::V4(w.subnets[s].net4)), w.subnets[s].net6.map(IpNet::V6)];
        for b in blocks.into_iter().flatten() {
            if rng.chance(50)
                && let Some(&e) = rng.pick(&boxes)
            {
                routes.push((b, Target::Eni(e)));
            }
        }
    }
    w.tables.push(RouteTable { routes });
    w.tables.len() - 1
}

/// The protocol part of a random rule.
pub(super) fn what(rng: &mut Rng, v6: bool) -> What {
    match rng.weighted(&[20, 25, 15, 10, 15, 10, 5]) {
        0 => What::All,
        1 => {
            let port = rng.one(SERVICES);
            What::Ports(rng.one([TCP, TCP, UDP]), port, port)
        }
        2 => What::Ports(rng.one([TCP, UDP]), rng.one([1024, 32768]), 65535),
        3 => What::Ports(rng.one([TCP, UDP]), 0, 65535),
        // A rule for every type is one for every code.
        4 => {
            let (proto, kind, code) = match v6 {
                true => (ICMP6, rng.one([None, Some(128), Some(129), Some(2)]), rng.one([None, Some(0)])),
                false => {
                    (ICMP, rng.one([None, Some(8), Some(0), Some(3), Some(13)]), rng.one([None, Some(0), Some(4)]))
                }
            };
            What::Icmp(proto, kind, kind.and(code))
        }
        5 => What::Proto(rng.one([47, 50, TCP, UDP])),
        _ => What::All,
    }
}

fn peer_net(rng: &mut Rng) -> IpNet {
    let text = rng.one([
        "0.0.0.0/0",
        "0.0.0.0/0",
        "0.0.0.0/0",
        "::/0",
        "::/0",
        "10.0.0.0/8",
        "10.0.1.0/24",
        "203.0.113.0/24",
        "203.0.113.5/32",
        "2001:db8:9::/48",
        "2001:db8:1234:1a00::/56",
        "198.51.100.0/24",
        "10.0.0.4/32",
    ]);
    text.parse().unwrap_or_else(|_| all4())
}

/// One entry.
pub(super) fn nacl_entry(rng: &mut Rng, number: u16) -> NaclEntry {
    let net = peer_net(rng);
    NaclEntry { number, allow: rng.chance(60), net, what: what(rng, net.addr().is_ipv6()) }
}

fn nacl_side(rng: &mut Rng) -> Vec<NaclEntry> {
    let mut entries = Vec::new();
    if rng.chance(45) {
        for i in 0..rng.range(1, 5) {
            let number = (20 * i + rng.range(1, 19)) as u16;
            entries.push(nacl_entry(rng, number));
        }
    }
    if rng.chance(92) {
        entries.push(NaclEntry { number: 200, allow: true, net: all4(), what: What::All });
    }
    if rng.chance(92) {
        entries.push(NaclEntry { number: 201, allow: true, net: all6(), what: What::All });
    }
    // The order of a list means nothing, the numbers do.
    if rng.chance(50) {
        entries.reverse();
    }
    entries
}

/// A network ACL.
pub(super) fn nacl(rng: &mut Rng) -> Nacl {
    Nacl { inbound: nacl_side(rng), outbound: nacl_side(rng) }
}

/// One rule of a group.
pub(super) fn sg_rule(rng: &mut Rng, groups: &[usize]) -> SgRule {
    if rng.chance(25)
        && let Some(&g) = rng.pick(groups)
    {
        let v6 = rng.chance(50);
        return SgRule { peer: Peer::Group(g), what: what(rng, v6) };
    }
    let net = peer_net(rng);
    SgRule { peer: Peer::Net(net), what: what(rng, net.addr().is_ipv6()) }
}

fn group(vpc: usize, groups: &[usize], rng: &mut Rng) -> Group {
    let mut g = Group { vpc, ..Group::default() };
    for _ in 0..rng.range(1, 5) {
        g.ingress.push(sg_rule(rng, groups));
    }
    if rng.chance(65) {
        g.egress.push(SgRule { peer: Peer::Net(all4()), what: What::All });
        g.egress.push(SgRule { peer: Peer::Net(all6()), what: What::All });
    } else {
        for _ in 0..rng.range(1, 5) {
            g.egress.push(sg_rule(rng, groups));
        }
    }
    g
}
