//! The compilation itself: every object that may differ is made again from the model, and kept if it comes out equal.

use super::Compiler;
use super::dirty::Dirty;
use super::numbers::Numbers;
use crate::model::{self, Direction, GroupRule, Model, NetworkInterface, RouteTarget, RulePeer};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use vpcd_dataplane::topology::{
    Edge, Eni, EniIdx, Filter, FilterIdx, Link, Nacl, NaclIdx, NatGateway, NatIdx, PublicOwner, Route, RouteTable,
    RouteTableIdx, Subnet, SubnetIdx, Target, Timeouts, Vpc, VpcIdx,
};
use vpcd_tables::filter::{Acl, AclRule, Match, Peer, SgRule, SgSide};

/// L3 bytes that an ENI takes (S-02-10).
const MTU: u16 = 9001;

impl Compiler {
    /// Makes again what is dirty.
    pub(super) fn rebuild(&mut self, m: &Model, dirty: &Dirty<'_>) {
        self.numbers.assign(dirty);
        let mut filters = self.interfaces(m, dirty);
        filters.extend(dirty.groups.iter().flat_map(|(id, _)| self.numbers.filters_with(id)));
        self.filters(m, filters);
        let (numbers, t) = (&self.numbers, &mut self.topology);
        for (id, n) in dirty.nats.iter() {
            let Some(at) = numbers.nats.get(id) else { continue };
            t.nats.renew(at as usize, n.and_then(|n| nat_gateway(numbers, m, n)));
        }
        for (id, s) in dirty.subnets.iter() {
            let Some(at) = numbers.subnets.get(id) else { continue };
            t.subnets.renew(at as usize, s.and_then(|s| subnet(numbers, m, s)));
        }
        for (id, table) in dirty.route_tables.iter() {
            let Some(at) = numbers.route_tables.get(id).map(|at| at as usize) else { continue };
            let routes = table.map(|t| routes(numbers, m, t));
            // Comparing rules is much cheaper than making tables of them; so below.
            if t.route_tables.get(at).map(RouteTable::routes) != routes.as_deref() {
                t.route_tables.renew(at, routes.map(RouteTable::build));
            }
        }
        for (id, acl) in dirty.nacls.iter() {
            let Some(at) = numbers.nacls.get(id).map(|at| at as usize) else { continue };
            let lists = acl.map(|a| [Direction::Ingress, Direction::Egress].map(|way| entries(a, way)));
            let known = t.nacls.get(at).map(|n| [n.inbound.rules(), n.outbound.rules()]);
            if known != lists.as_ref().map(|l| [&l[0][..], &l[1][..]]) {
                t.nacls.renew(at, lists.map(|[i, o]| Nacl { inbound: Acl::build(&i), outbound: Acl::build(&o) }));
            }
        }
        for (id, g) in dirty.vpn_gateways.iter() {
            let Some(at) = numbers.enis.get(id) else { continue };
            let vpc = g.filter(|g| g.bound).and_then(|g| numbers.vpcs.get(g.vpc.as_deref()?));
            t.links.renew(at as usize, vpc.map(|v| Link { vpc: VpcIdx(v) }));
        }
        self.vpcs(m, dirty);
    }

    /// Answers the filters that came into use, went out of use or changed users.
    fn interfaces(&mut self, m: &Model, dirty: &Dirty<'_>) -> BTreeSet<u32> {
        let mut filters = BTreeSet::new();
        for (id, e) in dirty.interfaces.iter() {
            let Some(at) = self.numbers.enis.get(id).map(|at| at as usize) else { continue };
            let new = e.and_then(|e| eni(&mut self.numbers, m, e));
            let filter = |e: &Eni| e.filter.0;
            let (left, joined) = (self.topology.enis.get(at).map(filter), new.as_ref().map(filter));
            if left != joined {
                joined.into_iter().for_each(|f| *self.users.entry(f).or_default() += 1);
                left.into_iter().for_each(|f| *self.users.entry(f).or_default() -= 1);
                filters.extend(left.into_iter().chain(joined));
            }
            self.topology.enis.renew(at, new);
        }
        filters
    }

    /// The union of the rules of each combination's groups (SG-42), if some interface has it.
    fn filters(&mut self, m: &Model, filters: BTreeSet<u32>) {
        for filter in filters {
            let used = self.users.get(&filter).is_some_and(|&users| users > 0);
            let sides = used.then(|| rules(&self.numbers, m, filter));
            let at = filter as usize;
            let known = self.topology.filters.get(at).map(|f| [f.ingress.rules(), f.egress.rules()]);
            if known != sides.as_ref().map(|s| [&s[0][..], &s[1][..]]) {
                let build = |[i, o]: [Vec<SgRule>; 2]| Filter { ingress: SgSide::build(&i), egress: SgSide::build(&o) };
                self.topology.filters.renew(at, sides.map(build));
            }
        }
    }

    /// VPCs, their maps of addresses, and the edge towards the internet.
    fn vpcs(&mut self, m: &Model, dirty: &Dirty<'_>) {
        let (numbers, t) = (&self.numbers, &mut self.topology);
        let mut edge = t.edge.get(0).cloned().unwrap_or_default();
        let mut addresses = dirty.addresses.clone();
        for (id, v) in dirty.vpcs.iter() {
            let Some(at) = numbers.vpcs.get(id) else { continue };
            let new = v.map(|v| vpc(numbers, m, v));
            let here = addresses.entry(id).or_default();
            let igw = |v: Option<&Vpc>| v.is_some_and(|v| v.igw);
            if igw(t.vpcs.get(at as usize)) != igw(new.as_ref()) {
                // All its public addresses came to the internet, or left it.
                let mapped = t.publics.get(at as usize).into_iter().flat_map(|p| p.iter());
                here.extend(mapped.map(|(private, _)| IpAddr::V4(private)));
            }
            t.vpcs.renew(at as usize, new);
            edge.blocks6.retain(|(_, v)| v.0 != at);
            edge.blocks6.extend(v.and_then(|v| Some((v.ipv6.as_ref()?.cidr, VpcIdx(at)))));
        }
        // A stable order of IPv6 blocks, whatever the order of association.
        edge.blocks6.sort_by_key(|(n, v)| (IpNet::V6(*n), v.0));
        let mut come = Vec::new();
        for (id, addresses) in addresses {
            let Some(at) = self.numbers.vpcs.get(id) else { continue };
            come.extend(self.addresses(m, id, VpcIdx(at), addresses, &mut edge));
        }
        come.into_iter().for_each(|(public, owner)| edge.owners.insert(public, owner));
        self.topology.edge.renew(0, Some(edge));
    }

    /// Looks again at some addresses of a VPC. Public ones that are no more what they were leave the edge; answers those that are to be there.
    fn addresses(
        &mut self,
        m: &Model,
        id: &str,
        vpc: VpcIdx,
        addresses: BTreeSet<IpAddr>,
        edge: &mut Edge,
    ) -> Vec<(Ipv4Addr, PublicOwner)> {
        let (numbers, t) = (&self.numbers, &mut self.topology);
        let mut owners = t.addresses.get(vpc.at()).cloned().unwrap_or_default();
        let mut members = t.members.get(vpc.at()).cloned().unwrap_or_default();
        let mut publics = t.publics.get(vpc.at()).cloned().unwrap_or_default();
        let igw = t.vpcs.get(vpc.at()).is_some_and(|v| v.igw);
        let mut come = Vec::new();
        for address in addresses {
            let owner = m.owner(id, address).and_then(|e| m.interfaces().get(e));
            let at = owner.and_then(|e| numbers.enis.get(e.id.as_str())).map(EniIdx);
            let eni = at.and_then(|at| t.enis.get(at.at()));
            owners.set(address, at);
            members.set(address, &eni.map(|e| numbers.groups_of(e.filter.0)).unwrap_or_default());
            let IpAddr::V4(private) = address else { continue };
            let public = owner.and_then(|e| m.public_at(e, private));
            let mapped = public.zip(at).filter(|_| igw).map(|(public, eni_at)| {
                (public, PublicOwner { vpc, eni: eni_at, private, nat: eni.and_then(|e| e.nat) })
            });
            let old = publics.public(private);
            if let Some(old) = old.filter(|old| edge.owners.get(old).is_some_and(|o| o.vpc == vpc))
                && mapped.is_none_or(|(public, _)| public != old)
            {
                edge.owners.remove(&old);
            }
            come.extend(mapped);
            publics.set(private, public);
        }
        let there = m.vpcs().get(id).is_some();
        t.addresses.renew(vpc.at(), Some(owners).filter(|_| there));
        t.members.renew(vpc.at(), Some(members).filter(|_| there));
        t.publics.renew(vpc.at(), Some(publics).filter(|_| there));
        come
    }
}

fn eni(numbers: &mut Numbers, m: &Model, e: &NetworkInterface) -> Option<Eni> {
    let (vpc, subnet) = (numbers.vpcs.get(e.vpc.as_str())?, numbers.subnets.get(e.subnet.as_str())?);
    let nat = e.nat_gateway.as_ref().and_then(|n| numbers.nats.get(n.as_str())).map(NatIdx);
    Some(Eni {
        vpc: VpcIdx(vpc),
        subnet: SubnetIdx(subnet),
        mac: e.mac,
        addresses4: e.private.clone(),
        addresses6: e.ipv6.clone(),
        check: e.source_dest_check,
        filter: FilterIdx(numbers.filter(&e.groups)),
        timeouts: Timeouts {
            tcp_established: e.timeouts.tcp_established,
            udp: e.timeouts.udp,
            udp_stream: e.timeouts.udp_stream,
        },
        attached: nat.is_none() && m.plugged(e),
        nat,
        mtu: MTU,
    })
}

/// None where it carries nothing: a route to it is a hole then, though it stays active for the API (NAT-16).
fn nat_gateway(numbers: &Numbers, m: &Model, n: &model::NatGateway) -> Option<NatGateway> {
    let eni = n.interface.as_ref().filter(|_| m.carries(n)).and_then(|e| numbers.enis.get(e.as_str()))?;
    Some(NatGateway { eni: EniIdx(eni), private: n.private?, public: n.public? })
}

fn subnet(numbers: &Numbers, m: &Model, s: &model::Subnet) -> Option<Subnet> {
    let table = m.effective_route_table(s)?;
    Some(Subnet {
        vpc: VpcIdx(numbers.vpcs.get(s.vpc.as_str())?),
        cidr4: s.cidr,
        cidr6: s.ipv6.as_ref().map(|b| b.cidr),
        route_table: RouteTableIdx(numbers.route_tables.get(table.id.as_str())?),
        nacl: NaclIdx(numbers.nacls.get(s.acl.as_str())?),
    })
}

fn vpc(numbers: &Numbers, m: &Model, v: &model::Vpc) -> Vpc {
    let (igw, vgw) = (m.gateway_of(&v.id), m.vpn_gateway_of(&v.id));
    let gateway_table = |association: &Option<model::Id>| {
        let association = m.table_associations().get(association.as_ref()?)?;
        numbers.route_tables.get(association.table.as_str()).map(RouteTableIdx)
    };
    let connected = vgw.filter(|g| g.bound).and_then(|g| numbers.enis.get(g.id.as_str()));
    Vpc {
        resolver: Ipv4Addr::from(u32::from(v.primary().network()) + 2),
        igw: igw.is_some(),
        igw_routes: igw.and_then(|g| gateway_table(&g.table_association)),
        vgw: connected.map(|at| EniIdx(at).port()),
        vgw_routes: vgw.and_then(|g| gateway_table(&g.table_association)),
        eigw: m.egress_only_of(&v.id).is_some(),
    }
}

/// The rules of a filter's groups, inbound and outbound.
fn rules(numbers: &Numbers, m: &Model, filter: u32) -> [Vec<SgRule>; 2] {
    let groups = numbers.groups_of(filter);
    let ids = groups.iter().filter_map(|&g| numbers.groups.keys().get(g as usize)?.as_deref());
    let groups: Vec<&model::SecurityGroup> = ids.filter_map(|g| m.security_groups().get(g)).collect();
    [Direction::Ingress, Direction::Egress]
        .map(|direction| groups.iter().flat_map(|g| g.rules(direction)).flat_map(|r| sg_rules(numbers, m, r)).collect())
}

/// What the dataplane knows a rule as: one for each block of a prefix list, one otherwise.
fn sg_rules(numbers: &Numbers, m: &Model, r: &GroupRule) -> Vec<SgRule> {
    let Some(id) = numbers.rules.get(r.id.as_str()) else { return Vec::new() };
    let peers: Vec<Peer> = match &r.peer {
        RulePeer::Cidr(n) => vec![Peer::Net(*n)],
        // A group that is gone matches nothing (SG-54).
        RulePeer::Group(g) => numbers.groups.get(g.as_str()).map(Peer::Group).into_iter().collect(),
        RulePeer::PrefixList(l) => m.prefix_list_nets(l).map(Peer::Net).collect(),
    };
    peers.into_iter().map(|peer| SgRule { id, peer, matches: matches(r.protocol, r.ports) }).collect()
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

/// A table's routes by prefix.
fn routes(numbers: &Numbers, m: &Model, t: &model::RouteTable) -> Vec<Route> {
    let route = |r: &model::Route| Route { prefix: r.destination, target: target(numbers, m, &t.vpc, &r.target) };
    let mut routes: Vec<Route> = m.routes_in_force(t).iter().map(route).collect();
    routes.sort_by_key(|r| r.prefix);
    routes
}

fn entries(a: &model::NetworkAcl, direction: Direction) -> Vec<AclRule> {
    a.entries(direction)
        .iter()
        // Protocol 58 of an IPv4 block matches no packet (NACL-201).
        .filter(|(_, e)| e.protocol != Some(58) || e.cidr.addr().is_ipv6())
        .map(|(&number, e)| AclRule { number, allow: e.allow, net: e.cidr, matches: matches(e.protocol, e.ports) })
        .collect()
}

/// What a route leads to now; a hole if the target is gone or unusable (RT-48).
fn target(numbers: &Numbers, m: &Model, vpc: &str, target: &RouteTarget) -> Target {
    if !m.route_active(vpc, target) {
        return Target::Blackhole;
    }
    let found = match target {
        RouteTarget::Local => Some(Target::Local),
        RouteTarget::InternetGateway(_) => Some(Target::InternetGateway),
        RouteTarget::EgressOnlyGateway(_) => Some(Target::EgressOnly),
        RouteTarget::VpnGateway(_) => Some(Target::VpnGateway),
        RouteTarget::NatGateway(n) => numbers.nats.get(n.as_str()).map(|n| Target::NatGateway(NatIdx(n))),
        RouteTarget::NetworkInterface(e) => numbers.enis.get(e.as_str()).map(|e| Target::Eni(EniIdx(e))),
        RouteTarget::Instance(_) => None,
    };
    found.unwrap_or(Target::Blackhole)
}
