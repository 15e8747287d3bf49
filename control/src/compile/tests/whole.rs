//! The picture of a model as a definition: everything from nothing, in the most direct way, with indices that were given before.

use super::*;
use crate::compile::numbers::Numbers;
use crate::model::{self, AssociatedWith, GroupRule, NetworkInterface};
use ipnet::IpNet;
use std::net::Ipv4Addr;
use std::sync::Arc;
use vpcd_dataplane::topology::*;
use vpcd_tables::filter::{Acl, AclRule, Match, Membership, Peer, SgRule, SgSide};

pub(super) fn whole(n: &Numbers, m: &Model) -> Topology {
    let mut t = Topology::default();
    for s in m.subnets().iter() {
        let table = m.effective_route_table(s).unwrap();
        let subnet = Subnet {
            vpc: vpc_of(n, &s.vpc),
            cidr4: s.cidr,
            cidr6: s.ipv6.as_ref().map(|b| b.cidr),
            route_table: RouteTableIdx(n.route_tables.get(&*table.id).unwrap()),
            nacl: NaclIdx(n.nacls.get(&*s.acl).unwrap()),
        };
        t.subnets.set(n.subnets.get(&*s.id).unwrap() as usize, Arc::new(subnet));
    }
    for e in m.interfaces().iter() {
        let filter = n.filters.get(&*numbers_of(n, e)).unwrap();
        let nat = nat_of(n, e);
        let eni = Eni {
            vpc: vpc_of(n, &e.vpc),
            subnet: SubnetIdx(n.subnets.get(&*e.subnet).unwrap()),
            mac: e.mac,
            addresses4: e.private.clone(),
            addresses6: e.ipv6.clone(),
            check: e.source_dest_check,
            filter: FilterIdx(filter),
            timeouts: Timeouts {
                tcp_established: e.timeouts.tcp_established,
                udp: e.timeouts.udp,
                udp_stream: e.timeouts.udp_stream,
            },
            attached: nat.is_none() && m.plugged(e),
            nat,
            mtu: 9001,
        };
        t.enis.set(eni_of(n, &e.id).at(), Arc::new(eni));
        let mut groups: Vec<&model::SecurityGroup> =
            e.groups.iter().map(|g| m.security_groups().get(g).unwrap()).collect();
        groups.sort_by_key(|g| m.security_groups().place(&g.id));
        let side = |way| {
            SgSide::build(
                &groups.iter().flat_map(|g| g.rules(way)).flat_map(|r| sg_rules(n, m, r)).collect::<Vec<SgRule>>(),
            )
        };
        let filter_object = Filter { ingress: side(Direction::Ingress), egress: side(Direction::Egress) };
        t.filters.set(filter as usize, Arc::new(filter_object));
    }
    for nat in m.nat_gateways().iter().filter(|n| n.available()) {
        if m.impaired_zones().contains(&m.subnets().get(&nat.subnet).unwrap().zone) {
            continue;
        }
        let object = NatGateway {
            eni: eni_of(n, nat.interface.as_ref().unwrap()),
            private: nat.private.unwrap(),
            public: nat.public.unwrap(),
        };
        t.nats.set(n.nats.get(&*nat.id).unwrap() as usize, Arc::new(object));
    }
    for table in m.route_tables().iter() {
        let mut routes: Vec<Route> = table
            .routes
            .iter()
            .map(|r| Route { prefix: r.destination, target: target(n, m, &table.vpc, &r.target) })
            .collect();
        // RT-47: lists by id, each entry that nothing has and that no local route has around it.
        let mut lists: Vec<_> = table.lists.iter().collect();
        lists.sort_by(|a, b| a.list.cmp(&b.list));
        for list in lists {
            for entry in &m.prefix_list(&list.list).unwrap().entries {
                let prefix = entry.cidr.trunc();
                let inside = table.routes.iter().any(|r| r.local && r.destination.contains(&prefix));
                if !inside && !routes.iter().any(|r| r.prefix == prefix) {
                    routes.push(Route { prefix, target: target(n, m, &table.vpc, &list.target) });
                }
            }
        }
        // RT-43, RT-45: what the attached gateway's connections know, unless there is a route or the VPC's own way in for it.
        for c in m.vpn_connections().iter().filter(|c| table.propagating.contains(&c.vpn_gateway)) {
            for prefix in c.routes.iter().map(|net| IpNet::V4(*net)) {
                let stays = |r: &model::Route| r.local && r.target == RouteTarget::Local;
                let inside = table.routes.iter().any(|r| stays(r) && r.destination.contains(&prefix));
                if !inside && !routes.iter().any(|r| r.prefix == prefix) {
                    let to = RouteTarget::VpnGateway(c.vpn_gateway.clone());
                    routes.push(Route { prefix, target: target(n, m, &table.vpc, &to) });
                }
            }
        }
        t.route_tables.set(n.route_tables.get(&*table.id).unwrap() as usize, Arc::new(RouteTable::build(routes)));
    }
    for a in m.network_acls().iter() {
        let list = |direction| {
            let entries = a.entries(direction).iter();
            let real = entries.filter(|(_, e)| e.protocol != Some(58) || e.cidr.addr().is_ipv6());
            let rule = |(&number, e): (&u16, &model::AclEntry)| AclRule {
                number,
                allow: e.allow,
                net: e.cidr,
                matches: matches(e.protocol, e.ports),
            };
            Acl::build(&real.map(rule).collect::<Vec<_>>())
        };
        let acl = Nacl { inbound: list(Direction::Ingress), outbound: list(Direction::Egress) };
        t.nacls.set(n.nacls.get(&*a.id).unwrap() as usize, Arc::new(acl));
    }
    let mut edge = Edge::default();
    for v in m.vpcs().iter() {
        let at = vpc_of(n, &v.id);
        let gateway = m.internet_gateways().iter().find(|g| g.vpc.as_ref() == Some(&v.id));
        let private = m.vpn_gateways().iter().find(|g| g.vpc.as_ref() == Some(&v.id));
        let table_of = |gateway: &str| {
            let mut all = m.table_associations().iter();
            let own = all.find(|a| matches!(&a.with, AssociatedWith::Gateway(of) if of == gateway))?;
            Some(RouteTableIdx(n.route_tables.get(&*own.table).unwrap()))
        };
        let object = Vpc {
            resolver: Ipv4Addr::from(u32::from(v.blocks[0].cidr.network()) + 2),
            igw: gateway.is_some(),
            igw_routes: gateway.and_then(|g| table_of(&g.id)),
            vgw: private.filter(|g| g.bound).map(|g| eni_of(n, &g.id).port()),
            vgw_routes: private.and_then(|g| table_of(&g.id)),
            eigw: m.egress_only_gateways().iter().any(|g| g.vpc == v.id),
        };
        t.vpcs.set(at.at(), Arc::new(object));
        if let Some(g) = private.filter(|g| g.bound) {
            t.links.set(eni_of(n, &g.id).at(), Arc::new(Link { vpc: at }));
        }
        let (mut owners, mut members, mut publics) = (Vec::new(), Vec::new(), Vec::new());
        for e in m.interfaces().iter().filter(|e| e.vpc == v.id) {
            let eni = eni_of(n, &e.id);
            let own = e.private.iter().map(|a| IpAddr::V4(*a)).chain(e.ipv6.iter().map(|a| IpAddr::V6(*a)));
            for a in own {
                owners.push((a, eni));
                members.push((a, numbers_of(n, e)));
            }
            let elastic = m.elastic_ips().iter().filter_map(|a| Some((a.association.as_ref()?, a.public)));
            let elastic = elastic.filter(|(a, _)| a.interface == e.id).map(|(a, public)| (a.private, public));
            for (private, public) in elastic.chain(e.public.map(|p| (e.private[0], p))) {
                assert!(e.private.contains(&private) && !publics.contains(&(private, public)));
                publics.push((private, public));
                if gateway.is_some() {
                    edge.owners.insert(public, PublicOwner { vpc: at, eni, private, nat: nat_of(n, e) });
                }
            }
        }
        t.addresses.set(at.at(), Arc::new(AddressMap::build(owners)));
        t.members.set(at.at(), Arc::new(Membership::build(members)));
        t.publics.set(at.at(), Arc::new(PublicMap::build(publics)));
        edge.blocks6.extend(v.ipv6.as_ref().map(|b| (b.cidr, at)));
    }
    edge.blocks6.sort();
    t.edge.set(0, Arc::new(edge));
    t
}

fn vpc_of(n: &Numbers, id: &str) -> VpcIdx {
    VpcIdx(n.vpcs.get(id).unwrap())
}

fn eni_of(n: &Numbers, id: &str) -> EniIdx {
    EniIdx(n.enis.get(id).unwrap())
}

fn nat_of(n: &Numbers, e: &NetworkInterface) -> Option<NatIdx> {
    e.nat_gateway.as_ref().map(|nat| NatIdx(n.nats.get(&**nat).unwrap()))
}

/// Numbers of an interface's groups, ascending.
fn numbers_of(n: &Numbers, e: &NetworkInterface) -> Vec<u32> {
    let mut numbers: Vec<u32> = e.groups.iter().map(|g| n.groups.get(&**g).unwrap()).collect();
    numbers.sort();
    numbers
}

fn sg_rules(n: &Numbers, m: &Model, r: &GroupRule) -> Vec<SgRule> {
    let peers = match &r.peer {
        RulePeer::Cidr(net) => vec![Peer::Net(*net)],
        RulePeer::Group(g) => vec![Peer::Group(n.groups.get(&**g).unwrap())],
        RulePeer::PrefixList(l) => m.prefix_list(l).unwrap().entries.iter().map(|e| Peer::Net(e.cidr)).collect(),
    };
    let id = n.rules.get(&*r.id).unwrap();
    peers.into_iter().map(|peer| SgRule { id, peer, matches: matches(r.protocol, r.ports) }).collect()
}

fn matches(proto: Option<u8>, (a, b): (i32, i32)) -> Match {
    let ports = match (proto, a, b) {
        (Some(6 | 17), ..) => (a, b),
        (Some(1 | 58), -1, _) | (None | Some(_), -1, _) => (0, 65535),
        (_, _, -1) => (a * 256, a * 256 + 255),
        _ => (a * 256 + b, a * 256 + b),
    };
    Match { proto, ports: (ports.0 as u16, ports.1 as u16) }
}

fn target(n: &Numbers, m: &Model, vpc: &str, target: &RouteTarget) -> Target {
    let attached = |g: &String| m.internet_gateways().get(g).is_some_and(|g| g.vpc.as_deref() == Some(vpc));
    match target {
        RouteTarget::Local => Target::Local,
        RouteTarget::InternetGateway(g) if attached(g) => Target::InternetGateway,
        RouteTarget::EgressOnlyGateway(g) if m.egress_only_gateways().get(g).is_some() => Target::EgressOnly,
        RouteTarget::VpnGateway(g) if m.vpn_gateways().get(g).is_some_and(|g| g.vpc.as_deref() == Some(vpc)) => {
            Target::VpnGateway
        }
        RouteTarget::NatGateway(g) if m.nat_gateways().get(g).is_some_and(|g| g.available()) => {
            Target::NatGateway(NatIdx(n.nats.get(&**g).unwrap()))
        }
        RouteTarget::NetworkInterface(e) if m.interfaces().get(e).is_some_and(|e| m.plugged(e)) => {
            Target::Eni(eni_of(n, e))
        }
        _ => Target::Blackhole,
    }
}
