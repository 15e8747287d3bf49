//! The resources of a template as the model's lists, straight from what the control plane keeps. The compiler has its own
//! reading of the same resources; neither knows the other.

use crate::model::At;
use crate::model::world::{
    Eni, Group, Nacl, NaclEntry, Nat, Peer, Public, RouteTable, SgRule, Subnet, Target, Timeouts, Vpc, What, World,
};
use ipnet::IpNet;
use std::net::IpAddr;
use vpcd_control::model::{
    AssociatedWith, Direction, GroupRule, HasId, InstanceState, Model, NatState, NetworkInterface, RouteTarget,
    RulePeer, Shelf,
};
use vpcd_control::template::Stack;

/// A world, and what people call its parts.
#[derive(Clone, Debug)]
pub struct Named {
    pub world: World,
    enis: Vec<String>,
    subnets: Vec<String>,
    nats: Vec<String>,
    /// Of each VPC: its own name, its internet gateway's, its egress-only gateway's.
    vpcs: Vec<[Option<String>; 4]>,
}

impl Named {
    /// Name of a port of the model.
    pub fn port(&self, port: u32) -> &str {
        match port {
            0 => "internet",
            n => &self.enis[n as usize - 1],
        }
    }

    /// Name of who decided.
    pub fn at(&self, at: At) -> &str {
        let gateway =
            |vpc: usize, order: [usize; 3]| order.iter().find_map(|i| self.vpcs[vpc][*i].as_deref()).unwrap_or("?");
        match at {
            At::Eni(e) => &self.enis[e],
            At::Subnet(s) => &self.subnets[s],
            // Who comes to a VPC without an internet gateway comes by its egress-only one.
            At::Igw(v) => gateway(v, [1, 2, 0]),
            At::Eigw(v) => gateway(v, [2, 0, 0]),
            At::Vgw(v) => gateway(v, [3, 0, 0]),
            At::Nat(n) => &self.nats[n],
            At::Internet => "internet",
        }
    }
}

/// Reads the resources of a stack. Lists of the world are in the order of the shelves.
pub fn of(stack: &Stack) -> Named {
    let m = &stack.model;
    let name = |id: &str| stack.logical.iter().find(|r| r.id == id).map_or(id, |r| &r.logical).to_string();
    let port = |e: &NetworkInterface| {
        let named = stack.ports.iter().find(|p| p.id == e.id).map(|p| p.name().to_string());
        named.unwrap_or_else(|| name(e.nat_gateway.as_deref().unwrap_or(&e.id)))
    };
    let world = World {
        vpcs: m.vpcs().iter().map(|v| vpc(m, v)).collect(),
        subnets: m.subnets().iter().map(|s| subnet(m, s)).collect(),
        tables: m.route_tables().iter().map(|t| table(m, t)).collect(),
        nacls: m.network_acls().iter().map(nacl).collect(),
        groups: m.security_groups().iter().map(|g| group(m, g)).collect(),
        enis: m.interfaces().iter().map(|e| eni(m, e)).collect(),
        nats: m.nat_gateways().iter().map(|n| nat(m, n)).collect(),
        publics: publics(m),
    };
    let igw = |vpc: &str| m.internet_gateways().iter().find(|g| g.vpc.as_deref() == Some(vpc)).map(|g| name(&g.id));
    let eigw = |vpc: &str| m.egress_only_gateways().iter().find(|g| g.vpc == vpc).map(|g| name(&g.id));
    let vgw = |vpc: &str| m.vpn_gateways().iter().find(|g| g.vpc.as_deref() == Some(vpc)).map(|g| name(&g.id));
    Named {
        world,
        enis: m.interfaces().iter().map(port).collect(),
        subnets: m.subnets().iter().map(|s| name(&s.id)).collect(),
        nats: m.nat_gateways().iter().map(|n| name(&n.id)).collect(),
        vpcs: m.vpcs().iter().map(|v| [Some(name(&v.id)), igw(&v.id), eigw(&v.id), vgw(&v.id)]).collect(),
    }
}

/// Place on a shelf.
fn at<T: HasId + Clone>(shelf: &Shelf<T>, id: &str) -> Option<usize> {
    shelf.iter().position(|x| x.id() == id)
}

/// Place on a shelf of something that is there.
fn there<T: HasId + Clone>(shelf: &Shelf<T>, id: &str) -> usize {
    at(shelf, id).expect("the control plane refers only to what is there")
}

fn vpc(m: &Model, v: &vpcd_control::model::Vpc) -> Vpc {
    let gateway = m.internet_gateways().iter().find(|g| g.vpc.as_ref() == Some(&v.id));
    let edge_table = gateway.and_then(|g| {
        m.table_associations().iter().find(|a| a.with == AssociatedWith::Gateway(g.id.clone())).map(|a| &a.table)
    });
    Vpc {
        blocks4: v.blocks.iter().map(|b| b.cidr).collect(),
        block6: v.ipv6.as_ref().map(|b| b.cidr),
        igw: gateway.is_some(),
        igw_table: edge_table.map(|t| there(m.route_tables(), t)),
        vgw: None,
        vgw_table: None,
        eigw: m.egress_only_gateways().iter().any(|g| g.vpc == v.id),
    }
}

fn subnet(m: &Model, s: &vpcd_control::model::Subnet) -> Subnet {
    let with = |w: AssociatedWith| m.table_associations().iter().find(|a| a.with == w);
    let association = with(AssociatedWith::Subnet(s.id.clone())).or_else(|| with(AssociatedWith::Main(s.vpc.clone())));
    let table = &association.expect("every VPC has a main route table (RT-01)").table;
    Subnet {
        vpc: there(m.vpcs(), &s.vpc),
        net4: s.cidr,
        net6: s.ipv6.as_ref().map(|b| b.cidr),
        table: there(m.route_tables(), table),
        nacl: there(m.network_acls(), &s.acl),
    }
}

fn table(m: &Model, t: &vpcd_control::model::RouteTable) -> RouteTable {
    let mut routes: Vec<(IpNet, Target)> =
        t.routes.iter().map(|r| (r.destination, target(m, &t.vpc, &r.target))).collect();
    // What it takes over (RT-85), unless a static route has the prefix (RT-43) or a block of the VPC holds it (RT-45).
    for c in m.vpn_connections().iter().filter(|c| t.propagating.contains(&c.vpn_gateway)) {
        for prefix in c.routes.iter().map(|net| IpNet::V4(*net)) {
            let local = t.routes.iter().any(|r| r.target == RouteTarget::Local && r.destination.contains(&prefix));
            if !local && routes.iter().all(|(known, _)| *known != prefix) {
                routes.push((prefix, target(m, &t.vpc, &RouteTarget::VpnGateway(c.vpn_gateway.clone()))));
            }
        }
    }
    RouteTable { routes }
}

/// A target that is gone or cannot carry is a hole (RT-48).
fn target(m: &Model, vpc: &str, target: &RouteTarget) -> Target {
    match target {
        RouteTarget::Local => Target::Local,
        RouteTarget::InternetGateway(id) => match m.internet_gateways().get(id) {
            Some(g) if g.vpc.as_deref() == Some(vpc) => Target::Igw,
            _ => Target::Blackhole,
        },
        RouteTarget::EgressOnlyGateway(id) => match m.egress_only_gateways().get(id) {
            Some(g) if g.vpc == vpc => Target::Eigw,
            _ => Target::Blackhole,
        },
        RouteTarget::VpnGateway(id) => match m.vpn_gateways().get(id) {
            Some(g) if g.vpc.as_deref() == Some(vpc) => Target::Vgw,
            _ => Target::Blackhole,
        },
        RouteTarget::NatGateway(id) => match m.nat_gateways().get(id) {
            Some(n) if n.state == NatState::Available => Target::Nat(there(m.nat_gateways(), id)),
            _ => Target::Blackhole,
        },
        RouteTarget::NetworkInterface(id) => match m.interfaces().get(id) {
            Some(e) if has_port(m, e) => Target::Eni(there(m.interfaces(), id)),
            _ => Target::Blackhole,
        },
        RouteTarget::Instance(_) => Target::Blackhole,
    }
}

fn has_port(m: &Model, e: &NetworkInterface) -> bool {
    let instance = e.attachment.as_ref().and_then(|a| m.instances().get(&a.instance));
    e.bound || instance.is_some_and(|i| i.state == InstanceState::Running)
}

/// -1 stands for all.
fn what(protocol: Option<u8>, (low, high): (i32, i32)) -> What {
    let one = |n: i32| u8::try_from(n).ok();
    match protocol {
        None => What::All,
        Some(p @ (6 | 17)) => What::Ports(p, low as u16, high as u16),
        Some(p @ (1 | 58)) => What::Icmp(p, one(low), one(high)),
        Some(p) => What::Proto(p),
    }
}

fn nacl(a: &vpcd_control::model::NetworkAcl) -> Nacl {
    let list = |direction| {
        let entries = a.entries(direction).iter().map(|(number, e)| NaclEntry {
            number: *number,
            allow: e.allow,
            net: e.cidr,
            what: what(e.protocol, e.ports),
        });
        // ICMPv6 with an IPv4 block matches nothing (NACL-201).
        entries
            .filter(|e| !(matches!(e.what, What::Icmp(58, ..) | What::Proto(58)) && e.net.addr().is_ipv4()))
            .collect()
    };
    Nacl { inbound: list(Direction::Ingress), outbound: list(Direction::Egress) }
}

fn group(m: &Model, g: &vpcd_control::model::SecurityGroup) -> Group {
    let rule = |r: &GroupRule| {
        let peers: Vec<Peer> = match &r.peer {
            RulePeer::Cidr(net) => vec![Peer::Net(*net)],
            // A group that is gone matches nothing (SG-54).
            RulePeer::Group(id) => at(m.security_groups(), id).map(Peer::Group).into_iter().collect(),
            RulePeer::PrefixList(id) => m.prefix_list_nets(id).map(Peer::Net).collect(),
        };
        let (protocol, ports) = (r.protocol, r.ports);
        peers.into_iter().map(move |peer| SgRule { peer, what: what(protocol, ports) })
    };
    Group {
        vpc: there(m.vpcs(), &g.vpc),
        ingress: g.ingress.iter().flat_map(rule).collect(),
        egress: g.egress.iter().flat_map(rule).collect(),
    }
}

fn eni(m: &Model, e: &NetworkInterface) -> Eni {
    Eni {
        subnet: there(m.subnets(), &e.subnet),
        mac: e.mac.0,
        addresses: e.private.iter().map(|a| IpAddr::V4(*a)).chain(e.ipv6.iter().map(|a| IpAddr::V6(*a))).collect(),
        groups: e.groups.iter().filter_map(|g| at(m.security_groups(), g)).collect(),
        check: e.source_dest_check,
        attached: e.nat_gateway.is_none() && has_port(m, e),
        timeouts: Timeouts {
            tcp_established: e.timeouts.tcp_established.into(),
            udp: e.timeouts.udp.into(),
            udp_stream: e.timeouts.udp_stream.into(),
        },
        nat: e.nat_gateway.as_ref().and_then(|n| at(m.nat_gateways(), n)),
    }
}

fn nat(m: &Model, n: &vpcd_control::model::NatGateway) -> Option<Nat> {
    let eni = at(m.interfaces(), n.interface.as_ref()?)?;
    (n.state == NatState::Available).then_some(Nat { eni, private: n.private?, public: n.public?, out: !m.carries(n) })
}

fn publics(m: &Model) -> Vec<Public> {
    let of = |interface: &str| m.interfaces().get(interface).map(|e| there(m.vpcs(), &e.vpc));
    let elastic = m.elastic_ips().iter().filter_map(|a| {
        let to = a.association.as_ref()?;
        Some(Public { vpc: of(&to.interface)?, private: to.private, public: a.public })
    });
    let auto = m
        .interfaces()
        .iter()
        .filter_map(|e| Some(Public { vpc: there(m.vpcs(), &e.vpc), private: *e.private.first()?, public: e.public? }));
    elastic.chain(auto).collect()
}
