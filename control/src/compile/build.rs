//! The compilation itself: one pass per kind of object, indices first.

use super::names::Names;
use super::{Compiled, Compiler};
use crate::model::{self, AssociatedWith, Direction, GroupRule, Model, RouteTarget, RulePeer};
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use vpcd_dataplane::topology::{
    AddressMap, Edge, Eni, EniIdx, Filter, FilterIdx, Nacl, NaclIdx, NatGateway, NatIdx, PublicMap, PublicOwner, Route,
    RouteTable, RouteTableIdx, Subnet, SubnetIdx, Target, Timeouts, Topology, Vpc, VpcIdx,
};
use vpcd_tables::filter::{Acl, AclRule, Match, Membership, Peer, SgRule, SgSide};

/// L3 bytes that an ENI takes (S-02-10).
const MTU: u16 = 9001;

/// An address and the groups it stands for.
type Member = (IpAddr, Vec<u32>);

/// Compiled objects of the last call by what they were made of, so that unchanged ones are not built again.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    route_tables: HashMap<u32, (Vec<Route>, Arc<RouteTable>)>,
    nacls: HashMap<u32, ([Vec<AclRule>; 2], Arc<Nacl>)>,
    filters: HashMap<u32, ([Vec<SgRule>; 2], Arc<Filter>)>,
    members: HashMap<u32, (Vec<Member>, Arc<Membership>)>,
}

/// The object at `at`, built only if what it is made of changed.
fn cached<K: PartialEq, T>(
    cache: &mut HashMap<u32, (K, Arc<T>)>,
    at: u32,
    key: K,
    build: impl FnOnce(&K) -> T,
) -> Arc<T> {
    if let Some((k, object)) = cache.get(&at)
        && *k == key
    {
        return object.clone();
    }
    let object = Arc::new(build(&key));
    cache.insert(at, (key, object.clone()));
    object
}

pub(super) fn compile(c: &mut Compiler, m: &Model) -> Compiled {
    let mut out = Out { topology: Topology::default(), names: Names::default() };
    // Indices in order of creation, before anything refers to them.
    for v in m.vpcs().iter() {
        let at = c.vpcs.of(&v.id);
        out.names.vpcs.set(at, m.label(&v.id));
        let groups = c.groups.entry(v.id.clone()).or_default();
        for g in m.security_groups().iter().filter(|g| g.vpc == v.id) {
            groups.of(&g.id);
        }
    }
    for t in m.route_tables().iter() {
        let at = c.route_tables.of(&t.id);
        out.names.route_tables.set(at, m.label(&t.id));
    }
    for a in m.network_acls().iter() {
        let at = c.nacls.of(&a.id);
        out.names.nacls.set(at, m.label(&a.id));
    }
    for e in m.interfaces().iter() {
        let at = c.enis.of(&e.id);
        let name = e.nat_gateway.as_ref().filter(|_| m.labelled(&e.id).is_none()).unwrap_or(&e.id);
        out.names.enis.set(at, m.label(name));
    }
    for n in m.nat_gateways().iter().filter(|n| n.interface.is_some()) {
        let at = c.nats.of(&n.id);
        out.names.nats.set(at, m.label(&n.id));
    }
    rules(c, m, &mut out);
    subnets(c, m, &mut out);
    interfaces(c, m, &mut out);
    tables(c, m, &mut out);
    vpcs(c, m, &mut out);
    Compiled { topology: out.topology, names: out.names }
}

struct Out {
    topology: Topology,
    names: Names,
}

/// Ids and names of security-group rules.
fn rules(c: &mut Compiler, m: &Model, out: &mut Out) {
    for g in m.security_groups().iter() {
        for (way, rules) in [("in", &g.ingress), ("out", &g.egress)] {
            for r in rules {
                let peer = match &r.peer {
                    RulePeer::Cidr(n) => n.to_string(),
                    RulePeer::Group(g) => m.label(g).to_string(),
                };
                let name = match m.labelled(&r.id) {
                    Some(l) => l.to_string(),
                    None => format!("{} {way} {} {peer}", m.label(&g.id), model::rule_text(r.protocol, r.ports)),
                };
                out.names.rules.set(c.rules.of(&r.id), name);
            }
        }
    }
}

fn subnets(c: &mut Compiler, m: &Model, out: &mut Out) {
    for s in m.subnets().iter() {
        let at = c.subnets.of(&s.id);
        out.names.subnets.set(at, m.label(&s.id));
        let (Some(vpc), Some(table), Some(acl)) = (c.vpcs.get(&s.vpc), m.effective_route_table(s), c.nacls.get(&s.acl))
        else {
            continue;
        };
        let Some(table) = c.route_tables.get(&table.id) else { continue };
        out.topology.subnets.set(
            at as usize,
            Arc::new(Subnet {
                vpc: VpcIdx(vpc),
                cidr4: s.cidr,
                cidr6: s.ipv6.as_ref().map(|b| b.cidr),
                route_table: RouteTableIdx(table),
                nacl: NaclIdx(acl),
            }),
        );
    }
}

fn interfaces(c: &mut Compiler, m: &Model, out: &mut Out) {
    for e in m.interfaces().iter() {
        let (Some(at), Some(vpc), Some(subnet)) = (c.enis.get(&e.id), c.vpcs.get(&e.vpc), c.subnets.get(&e.subnet))
        else {
            continue;
        };
        let nat = e.nat_gateway.as_ref().and_then(|n| c.nats.get(n)).map(NatIdx);
        let filter = filter_of(c, m, vpc, &e.vpc, &e.groups, out);
        out.topology.enis.set(
            at as usize,
            Arc::new(Eni {
                vpc: VpcIdx(vpc),
                subnet: SubnetIdx(subnet),
                mac: e.mac,
                addresses4: e.private.clone(),
                addresses6: e.ipv6.clone(),
                check: e.source_dest_check,
                filter,
                timeouts: Timeouts {
                    tcp_established: e.timeouts.tcp_established,
                    udp: e.timeouts.udp,
                    udp_stream: e.timeouts.udp_stream,
                },
                attached: nat.is_none() && m.plugged(e),
                nat,
                mtu: MTU,
            }),
        );
    }
    for n in m.nat_gateways().iter().filter(|n| n.available()) {
        let (Some(at), Some(eni), Some(private), Some(public)) =
            (c.nats.get(&n.id), n.interface.as_ref().and_then(|e| c.enis.get(e)), n.private, n.public)
        else {
            continue;
        };
        out.topology.nats.set(at as usize, Arc::new(NatGateway { eni: EniIdx(eni), private, public }));
    }
}

/// The union of these groups' rules (SG-42), one object per distinct set.
fn filter_of(c: &mut Compiler, m: &Model, vpc: u32, vpc_id: &str, groups: &[String], out: &mut Out) -> FilterIdx {
    let numbers = c.groups.entry(vpc_id.into()).or_default();
    let mut set: Vec<u32> = groups.iter().map(|g| numbers.of(g)).collect();
    set.sort_unstable();
    let at = c.filters.of(&(vpc, set));
    if out.topology.filters.get(at as usize).is_none() {
        let mut sides = [Vec::new(), Vec::new()];
        let mut sorted: Vec<&String> = groups.iter().collect();
        sorted.sort_unstable_by_key(|g| numbers.get(g));
        for g in sorted.iter().filter_map(|g| m.security_groups().get(g)) {
            for (side, direction) in sides.iter_mut().zip([Direction::Ingress, Direction::Egress]) {
                side.extend(g.rules(direction).iter().filter_map(|r| sg_rule(c.rules.get(&r.id)?, numbers, r)));
            }
        }
        let object = cached(&mut c.cache.filters, at, sides, |[ingress, egress]| Filter {
            ingress: SgSide::build(ingress),
            egress: SgSide::build(egress),
        });
        out.topology.filters.set(at as usize, object);
    }
    FilterIdx(at)
}

fn sg_rule(id: u32, numbers: &super::Indices<String>, r: &GroupRule) -> Option<SgRule> {
    let peer = match &r.peer {
        RulePeer::Cidr(n) => Peer::Net(*n),
        // A group that is gone matches nothing (SG-54).
        RulePeer::Group(g) => Peer::Group(numbers.get(g)?),
    };
    Some(SgRule { id, peer, matches: matches(r.protocol, r.ports) })
}

/// Ports, or ICMP types and codes, as one range (SG-34, NACL-25).
fn matches(proto: Option<u8>, (a, b): (i32, i32)) -> Match {
    let ports = match proto {
        Some(6 | 17) => (a as u16, b as u16),
        Some(1 | 58) if a >= 0 && b >= 0 => ((a * 256 + b) as u16, (a * 256 + b) as u16),
        Some(1 | 58) if a >= 0 => ((a * 256) as u16, (a * 256 + 255) as u16),
        _ => (0, u16::MAX),
    };
    Match { proto, ports }
}

fn tables(c: &mut Compiler, m: &Model, out: &mut Out) {
    for t in m.route_tables().iter() {
        let Some(at) = c.route_tables.get(&t.id) else { continue };
        let mut routes: Vec<Route> =
            t.routes.iter().map(|r| Route { prefix: r.destination, target: target(c, m, &t.vpc, &r.target) }).collect();
        routes.sort_by_key(|r| r.prefix);
        let object = cached(&mut c.cache.route_tables, at, routes, |r| RouteTable::build(r.clone()));
        out.topology.route_tables.set(at as usize, object);
    }
    for a in m.network_acls().iter() {
        let Some(at) = c.nacls.get(&a.id) else { continue };
        let list = |direction| {
            a.entries(direction)
                .iter()
                // Protocol 58 of an IPv4 block matches no packet (NACL-201).
                .filter(|(_, e)| e.protocol != Some(58) || e.cidr.addr().is_ipv6())
                .map(|(&number, e)| AclRule {
                    number,
                    allow: e.allow,
                    net: e.cidr,
                    matches: matches(e.protocol, e.ports),
                })
                .collect::<Vec<_>>()
        };
        let lists = [list(Direction::Ingress), list(Direction::Egress)];
        let object =
            cached(&mut c.cache.nacls, at, lists, |[i, o]| Nacl { inbound: Acl::build(i), outbound: Acl::build(o) });
        out.topology.nacls.set(at as usize, object);
    }
}

/// What a route leads to now; a hole if the target is gone or unusable (RT-48).
fn target(c: &Compiler, m: &Model, vpc: &str, target: &RouteTarget) -> Target {
    if !m.route_active(vpc, target) {
        return Target::Blackhole;
    }
    let found = match target {
        RouteTarget::Local => Some(Target::Local),
        RouteTarget::InternetGateway(_) => Some(Target::InternetGateway),
        RouteTarget::EgressOnlyGateway(_) => Some(Target::EgressOnly),
        RouteTarget::NatGateway(n) => c.nats.get(n).map(|n| Target::NatGateway(NatIdx(n))),
        RouteTarget::NetworkInterface(e) => c.enis.get(e).map(|e| Target::Eni(EniIdx(e))),
        RouteTarget::Instance(_) => None,
    };
    found.unwrap_or(Target::Blackhole)
}

#[derive(Default)]
struct PerVpc {
    addresses: Vec<(IpAddr, EniIdx)>,
    members: Vec<Member>,
    publics: Vec<(Ipv4Addr, Ipv4Addr)>,
}

fn vpcs(c: &mut Compiler, m: &Model, out: &mut Out) {
    let mut per: HashMap<&str, PerVpc> = HashMap::new();
    let mut edge = Edge::default();
    let with_gateway: HashMap<&str, &model::InternetGateway> =
        m.internet_gateways().iter().filter_map(|g| Some((g.vpc.as_deref()?, g))).collect();
    for e in m.interfaces().iter() {
        let Some(at) = c.enis.get(&e.id).map(EniIdx) else { continue };
        let numbers = c.groups.entry(e.vpc.clone()).or_default();
        let mut groups: Vec<u32> = e.groups.iter().map(|g| numbers.of(g)).collect();
        groups.sort_unstable();
        let here = per.entry(&e.vpc).or_default();
        for a in e.private.iter().map(|a| IpAddr::V4(*a)).chain(e.ipv6.iter().map(|a| IpAddr::V6(*a))) {
            here.addresses.push((a, at));
            if !groups.is_empty() {
                here.members.push((a, groups.clone()));
            }
        }
    }
    let elastic = m
        .elastic_ips()
        .iter()
        .filter_map(|a| a.association.as_ref().map(|x| (x.interface.as_str(), x.private, a.public)));
    let auto = m.interfaces().iter().filter_map(|e| Some((e.id.as_str(), e.primary(), e.public?)));
    for (interface, private, public) in elastic.chain(auto) {
        let Some(e) = m.interfaces().get(interface) else { continue };
        let (Some(eni), Some(vpc)) = (c.enis.get(&e.id), c.vpcs.get(&e.vpc)) else { continue };
        per.entry(&e.vpc).or_default().publics.push((private, public));
        if with_gateway.contains_key(e.vpc.as_str()) {
            let nat = e.nat_gateway.as_ref().and_then(|n| c.nats.get(n)).map(NatIdx);
            edge.owners.insert(public, PublicOwner { vpc: VpcIdx(vpc), eni: EniIdx(eni), private, nat });
        }
    }
    for v in m.vpcs().iter() {
        let Some(at) = c.vpcs.get(&v.id) else { continue };
        let gateway = with_gateway.get(v.id.as_str());
        let eigw = m.egress_only_of(&v.id);
        if let Some(g) = gateway {
            out.names.igws.set(at, m.label(&g.id));
        }
        if let Some(g) = eigw {
            out.names.eigws.set(at, m.label(&g.id));
        }
        let gateway_table = gateway
            .and_then(|g| m.table_associations().get(g.table_association.as_ref()?))
            .filter(|a| matches!(a.with, AssociatedWith::Gateway(_)))
            .and_then(|a| c.route_tables.get(&a.table));
        if let Some(b) = &v.ipv6 {
            edge.blocks6.push((b.cidr, VpcIdx(at)));
        }
        let t = &mut out.topology;
        let resolver = Ipv4Addr::from(u32::from(v.primary().network()) + 2);
        let at = at as usize;
        t.vpcs.set(
            at,
            Arc::new(Vpc {
                resolver,
                igw: gateway.is_some(),
                igw_routes: gateway_table.map(RouteTableIdx),
                eigw: eigw.is_some(),
            }),
        );
        let here = per.remove(v.id.as_str()).unwrap_or_default();
        t.addresses.set(at, Arc::new(AddressMap::build(here.addresses)));
        let members = cached(&mut c.cache.members, at as u32, here.members, |m| Membership::build(m.iter().cloned()));
        t.members.set(at, members);
        t.publics.set(at, Arc::new(PublicMap::build(here.publics)));
    }
    // A stable order of IPv6 blocks, whatever the order of association.
    edge.blocks6.sort_by_key(|(n, v)| (IpNet::V6(*n), v.0));
    out.topology.edge.set(0, Arc::new(edge));
}
