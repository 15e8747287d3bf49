//! A [`World`] as the dataplane's compiled picture. A second way, through `control::model` and its compiler, belongs beside
//! [`topology`]: same argument, same result.

use crate::model::world::{NaclEntry, Peer, SgRule, Target, Way, What, World};
use std::net::IpAddr;
use std::sync::Arc;
use vpcd_dataplane::tables::filter::{Acl, AclRule, Match, Membership, Peer as SgPeer, SgRule as Rule, SgSide};
use vpcd_dataplane::topology::{
    AddressMap, Edge, Eni, EniIdx, Filter, FilterIdx, Link, Nacl, NaclIdx, NatGateway, NatIdx, PublicMap, PublicOwner,
    Route, RouteTable, RouteTableIdx, Subnet, SubnetIdx, Target as To, Timeouts, Topology, Vpc, VpcIdx,
};
use vpcd_dataplane::wire::Mac;

/// Builds the tables directly.
pub fn topology(w: &World) -> Topology {
    let mut t = Topology::default();

    for (i, e) in w.enis.iter().enumerate() {
        let v4 = e.addresses.iter().filter_map(|a| if let IpAddr::V4(a) = a { Some(*a) } else { None });
        let v6 = e.addresses.iter().filter_map(|a| if let IpAddr::V6(a) = a { Some(*a) } else { None });
        let eni = Eni {
            vpc: VpcIdx(w.vpc_of(i) as u32),
            subnet: SubnetIdx(e.subnet as u32),
            mac: Mac(e.mac),
            addresses4: v4.collect(),
            addresses6: v6.collect(),
            check: e.check,
            filter: FilterIdx(i as u32),
            timeouts: Timeouts {
                tcp_established: e.timeouts.tcp_established as u32,
                udp: e.timeouts.udp as u32,
                udp_stream: e.timeouts.udp_stream as u32,
            },
            attached: e.attached,
            nat: e.nat.map(|n| NatIdx(n as u32)),
            mtu: crate::model::world::ENI_MTU as u16,
        };
        t.enis.set(i, Arc::new(eni));
        let filter = Filter { ingress: side(&w.rules(i, Way::In)), egress: side(&w.rules(i, Way::Out)) };
        t.filters.set(i, Arc::new(filter));
    }
    for (i, s) in w.subnets.iter().enumerate() {
        let subnet = Subnet {
            vpc: VpcIdx(s.vpc as u32),
            cidr4: s.net4,
            cidr6: s.net6,
            route_table: RouteTableIdx(s.table as u32),
            nacl: NaclIdx(s.nacl as u32),
        };
        t.subnets.set(i, Arc::new(subnet));
    }
    for (i, table) in w.tables.iter().enumerate() {
        let routes = table.routes.iter().map(|(prefix, target)| Route { prefix: *prefix, target: to(*target) });
        t.route_tables.set(i, Arc::new(RouteTable::build(routes.collect())));
    }
    for (i, n) in w.nacls.iter().enumerate() {
        t.nacls.set(i, Arc::new(Nacl { inbound: acl(&n.inbound), outbound: acl(&n.outbound) }));
    }
    for (i, n) in w.nats.iter().enumerate() {
        if let Some(n) = n.as_ref().filter(|n| !n.out) {
            let nat = NatGateway { eni: EniIdx(n.eni as u32), private: n.private, public: n.public };
            t.nats.set(i, Arc::new(nat));
        }
    }
    for (i, v) in w.vpcs.iter().enumerate() {
        let vpc = Vpc {
            resolver: v.resolver(),
            igw: v.igw,
            igw_routes: v.igw_table.map(|r| RouteTableIdx(r as u32)),
            eigw: v.eigw,
            vgw: v.vgw,
            vgw_routes: v.vgw_table.map(|r| RouteTableIdx(r as u32)),
        };
        t.vpcs.set(i, Arc::new(vpc));
        if let Some(port) = v.vgw {
            t.links.set(port as usize - 1, Arc::new(Link { vpc: VpcIdx(i as u32) }));
        }
        let here = |e: &usize| w.vpc_of(*e) == i;
        let owned = |e: usize| w.enis[e].addresses.iter().map(move |a| (*a, e));
        let owners: Vec<(IpAddr, usize)> = (0..w.enis.len()).filter(here).flat_map(owned).collect();
        t.addresses.set(i, Arc::new(AddressMap::build(owners.iter().map(|(a, e)| (*a, EniIdx(*e as u32))))));
        let members = owners.iter().map(|(a, e)| (*a, w.enis[*e].groups.iter().map(|g| *g as u32).collect()));
        t.members.set(i, Arc::new(Membership::build(members)));
        let publics = w.publics.iter().filter(|p| p.vpc == i).map(|p| (p.private, p.public));
        t.publics.set(i, Arc::new(PublicMap::build(publics)));
    }
    t.edge.set(0, Arc::new(edge(w)));
    t
}

fn edge(w: &World) -> Edge {
    let mut edge = Edge::default();
    for p in w.publics.iter().filter(|p| w.vpcs[p.vpc].igw) {
        let Some(e) = w.owner(p.vpc, p.private.into()) else { continue };
        let owner = PublicOwner {
            vpc: VpcIdx(p.vpc as u32),
            eni: EniIdx(e as u32),
            private: p.private,
            nat: w.enis[e].nat.map(|n| NatIdx(n as u32)),
        };
        edge.owners.insert(p.public, owner);
    }
    edge.blocks6 = w.vpcs.iter().enumerate().filter_map(|(i, v)| Some((v.block6?, VpcIdx(i as u32)))).collect();
    edge
}

fn to(target: Target) -> To {
    match target {
        Target::Local => To::Local,
        Target::Igw => To::InternetGateway,
        Target::Eigw => To::EgressOnly,
        Target::Vgw => To::VpnGateway,
        Target::Nat(n) => To::NatGateway(NatIdx(n as u32)),
        Target::Eni(e) => To::Eni(EniIdx(e as u32)),
        Target::Blackhole => To::Blackhole,
    }
}

fn matching(what: What) -> Match {
    match what {
        What::All => Match { proto: None, ports: (0, u16::MAX) },
        What::Proto(p) => Match { proto: Some(p), ports: (0, u16::MAX) },
        What::Ports(p, low, high) => Match { proto: Some(p), ports: (low, high) },
        What::Icmp(p, None, _) => Match { proto: Some(p), ports: (0, u16::MAX) },
        What::Icmp(p, Some(kind), code) => {
            let base = u16::from(kind) << 8;
            let ports = code.map_or((base, base | 0xff), |c| (base | u16::from(c), base | u16::from(c)));
            Match { proto: Some(p), ports }
        }
    }
}

fn acl(entries: &[NaclEntry]) -> Acl {
    let rules =
        entries.iter().map(|e| AclRule { number: e.number, allow: e.allow, net: e.net, matches: matching(e.what) });
    Acl::build(&rules.collect::<Vec<_>>())
}

fn side(rules: &[SgRule]) -> SgSide {
    let rules = rules.iter().enumerate().map(|(i, r)| Rule {
        id: i as u32,
        peer: match r.peer {
            Peer::Net(net) => SgPeer::Net(net),
            Peer::Group(g) => SgPeer::Group(g as u32),
        },
        matches: matching(r.what),
    });
    SgSide::build(&rules.collect::<Vec<_>>())
}
