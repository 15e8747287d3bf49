//! The VPC that `vpcd bench pipeline` measures: 2,032 ENIs in eight subnets, a ninth subnet with a NAT gateway, an internet gateway. The
//! four cases differ in what stands between an ENI and the internet. Rules are shaped so that no packet gets by cheaply: the one that
//! admits it may be any of 50, and none names 0.0.0.0/0 where flows shall be tracked.
//!
//! | case | groups | ACLs | way out |
//! |---|---|---|---|
//! | `route` | open both ways: flows are untracked | AWS's default | 1,000 routes to an appliance ENI, no translation |
//! | `sg` | 50 rules each way | AWS's default | internet gateway, 1:1 address |
//! | `nat` | open egress | AWS's default | NAT gateway with port allocation |
//! | `full` | 50 rules each way | 20 rules each way on both subnets | NAT gateway with port allocation |

use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use vpcd_dataplane::topology::{
    AddressMap, Edge, Eni, EniIdx, Filter, FilterIdx, Nacl, NaclIdx, NatGateway, NatIdx, PublicMap, PublicOwner, Route,
    RouteTable, RouteTableIdx, Subnet, SubnetIdx, Target, Timeouts, Topology, Vpc, VpcIdx,
};
use vpcd_tables::filter::{Acl, AclRule, Match, Membership, Peer, SgRule, SgSide};
use vpcd_wire::Mac;

/// Subnets with instances: 10.0.0.0/24 to 10.0.7.0/24.
pub const SUBNETS: u32 = 8;
/// ENIs of one subnet: .1 to .254.
pub const PER_SUBNET: u32 = 254;
/// Destination ports of the generated packets.
pub const PORTS: [u16; 6] = [53, 80, 123, 443, 4789, 8080];
/// First of the 2^25 destinations of the generated packets: 20.0.0.0/7.
pub const REMOTES: u32 = 0x1400_0000;
/// The NAT gateway's public address.
pub const NAT_PUBLIC: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

const NAT_PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 8, 10);
const APPLIANCE: Ipv4Addr = Ipv4Addr::new(10, 0, 8, 20);
/// ENI numbers after those of the instances.
const NAT_ENI: u32 = SUBNETS * PER_SUBNET;
const APPLIANCE_ENI: u32 = NAT_ENI + 1;
const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// What stands between an ENI and the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Case {
    /// Open groups, untracked flows, 1,000 routes, no translation
    Route,
    /// Security groups with 50 rules each way, internet gateway 1:1
    Sg,
    /// Open groups, NAT gateway with port allocation
    Nat,
    /// Groups of 50 rules, ACLs of 20 rules, routes, NAT gateway
    Full,
}

impl Case {
    /// All of them, simplest first.
    pub const ALL: [Case; 4] = [Case::Route, Case::Sg, Case::Nat, Case::Full];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Case::Route => "route",
            Case::Sg => "sg",
            Case::Nat => "nat",
            Case::Full => "full",
        }
    }
}

/// The address of instance ENI `n` (port `n + 1`).
pub fn instance(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 | (n / PER_SUBNET) << 8 | (1 + n % PER_SUBNET))
}

/// Its MAC.
pub fn instance_mac(n: u32) -> Mac {
    let [a, b] = ((n + 1) as u16).to_be_bytes();
    Mac([0x02, 0, 0, 1, a, b])
}

fn net(base: impl Into<Ipv4Addr>, len: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(base.into(), len).trunc())
}

/// One of the eight /10 that 20.0.0.0/7 consists of.
fn remote_net(n: u32) -> IpNet {
    net(Ipv4Addr::from(REMOTES + n * (1 << 22)), 10)
}

fn matches(proto: u8, ports: (u16, u16)) -> Match {
    Match { proto: Some(proto), ports }
}

/// 50 rules: for each /10 of the remotes one per port, and two that never match.
fn fifty() -> Vec<SgRule> {
    let mut rules = Vec::with_capacity(50);
    let mut add = |peer, matches| {
        let id = rules.len() as u32;
        rules.push(SgRule { id, peer: Peer::Net(peer), matches });
    };
    for n in 0..8 {
        for port in PORTS {
            add(remote_net(n), matches(17, (port, port)));
        }
    }
    add(net([10, 0, 0, 0], 8), matches(6, (0, u16::MAX)));
    add(net([10, 0, 0, 0], 8), matches(1, (0, u16::MAX)));
    rules
}

fn open() -> Vec<SgRule> {
    vec![SgRule { id: 0, peer: Peer::Net(net(ANY, 0)), matches: Match { proto: None, ports: (0, u16::MAX) } }]
}

/// AWS's default ACL: all traffic.
fn default_nacl() -> Nacl {
    let all =
        [AclRule { number: 100, allow: true, net: net(ANY, 0), matches: Match { proto: None, ports: (0, u16::MAX) } }];
    Nacl { inbound: Acl::build(&all), outbound: Acl::build(&all) }
}

/// 20 entries each way: six refusals of what nobody here sends come first, then those that pass, of which the packet's may be any.
fn twenty() -> Nacl {
    let refused = [(17, 137, 139), (6, 23, 23), (6, 445, 445), (17, 69, 69), (17, 161, 162), (6, 3389, 3389)];
    let list = |passing: Vec<(IpNet, Match)>| {
        let refused = refused.map(|(proto, first, last)| (false, net(ANY, 0), matches(proto, (first, last))));
        let passing = passing.into_iter().map(|(net, m)| (true, net, m));
        let rules: Vec<AclRule> = refused
            .into_iter()
            .chain(passing)
            .zip(1u16..)
            .map(|((allow, net, matches), n)| AclRule { number: n * 100, allow, net, matches })
            .collect();
        assert_eq!(rules.len(), 20);
        Acl::build(&rules)
    };
    let inside = (0..SUBNETS / 2).map(|n| (net([10, 0, 2 * n as u8, 0], 23), matches(17, (1, u16::MAX))));
    let remotes = (0..8).map(|n| (remote_net(n), matches(17, (1, u16::MAX))));
    let tcp = || [(net([10, 0, 0, 0], 16), matches(6, (443, 443))), (net(ANY, 0), matches(6, (1024, u16::MAX)))];
    let both = || remotes.clone().chain(inside.clone()).chain(tcp()).collect::<Vec<_>>();
    Nacl { inbound: list(both()), outbound: list(both()) }
}

/// The route tables: of the eight subnets, and of the ninth.
fn routes(case: Case) -> (RouteTable, RouteTable) {
    let local = Route { prefix: net([10, 0, 0, 0], 16), target: Target::Local };
    let default = |target| Route { prefix: net(ANY, 0), target };
    let private = match case {
        Case::Sg => vec![local.clone(), default(Target::InternetGateway)],
        Case::Nat | Case::Full => vec![local.clone(), default(Target::NatGateway(NatIdx(0)))],
        Case::Route => {
            let appliance = Target::Eni(EniIdx(APPLIANCE_ENI));
            // 998 of the 1,024 /17 of the remotes; the default route takes the rest.
            let many =
                (0..998).map(|n| Route { prefix: net(Ipv4Addr::from(REMOTES + n * (1 << 15)), 17), target: appliance });
            [local.clone(), default(appliance)].into_iter().chain(many).collect()
        }
    };
    (RouteTable::build(private), RouteTable::build(vec![local, default(Target::InternetGateway)]))
}

/// The published topology of a case.
pub fn topology(case: Case) -> Topology {
    let mut t = Topology::default();
    let vpc = VpcIdx(0);
    let eni = |subnet, mac, address, filter| Eni {
        vpc,
        subnet: SubnetIdx(subnet),
        mac,
        addresses4: vec![address],
        addresses6: vec![],
        check: true,
        filter: FilterIdx(filter),
        timeouts: Timeouts::default(),
        attached: true,
        nat: None,
        mtu: 9001,
    };
    let mut enis: Vec<Eni> =
        (0..SUBNETS * PER_SUBNET).map(|n| eni(n / PER_SUBNET, instance_mac(n), instance(n), 0)).collect();
    let nat_mac = Mac([0x02, 0, 0, 2, 0, 1]);
    enis.push(Eni { attached: false, nat: Some(NatIdx(0)), check: false, ..eni(SUBNETS, nat_mac, NAT_PRIVATE, 1) });
    enis.push(Eni { check: false, ..eni(SUBNETS, Mac([0x02, 0, 0, 2, 0, 2]), APPLIANCE, 0) });
    let owners = enis.iter().enumerate().map(|(i, e)| (IpAddr::V4(e.addresses4[0]), EniIdx(i as u32)));
    t.addresses.set(0, Arc::new(AddressMap::build(owners.collect::<Vec<_>>())));
    let members = (0..SUBNETS * PER_SUBNET).map(|n| (IpAddr::V4(instance(n)), vec![0]));
    t.members.set(0, Arc::new(Membership::build(members)));

    let mut edge = Edge::default();
    let mut publics = vec![(NAT_PRIVATE, NAT_PUBLIC)];
    let owner = |eni, private, nat| PublicOwner { vpc, eni: EniIdx(eni), private, nat };
    edge.owners.insert(NAT_PUBLIC, owner(NAT_ENI, NAT_PRIVATE, Some(NatIdx(0))));
    if case == Case::Sg {
        for n in 0..SUBNETS * PER_SUBNET {
            let public = Ipv4Addr::from(u32::from(instance(n)) - 0x0a00_0000 + 0xc612_0000);
            publics.push((instance(n), public));
            edge.owners.insert(public, owner(n, instance(n), None));
        }
    }
    t.publics.set(0, Arc::new(PublicMap::build(publics)));
    t.edge.set(0, Arc::new(edge));
    let gateway = NatGateway { eni: EniIdx(NAT_ENI), private: NAT_PRIVATE, public: NAT_PUBLIC };
    t.nats.set(0, Arc::new(gateway));

    for (i, e) in enis.into_iter().enumerate() {
        t.enis.set(i, Arc::new(e));
    }
    for n in 0..=SUBNETS {
        let last = u32::from(n == SUBNETS);
        let subnet = Subnet {
            vpc,
            cidr4: Ipv4Net::new_assert([10, 0, n as u8, 0].into(), 24),
            cidr6: None,
            route_table: RouteTableIdx(last),
            nacl: NaclIdx(last),
        };
        t.subnets.set(n as usize, Arc::new(subnet));
    }
    t.vpcs.set(
        0,
        Arc::new(Vpc {
            resolver: [10, 0, 0, 2].into(),
            igw: true,
            igw_routes: None,
            vgw: None,
            vgw_routes: None,
            eigw: false,
        }),
    );
    let (private, public) = routes(case);
    t.route_tables.set(0, Arc::new(private));
    t.route_tables.set(1, Arc::new(public));
    for n in 0..2 {
        t.nacls.set(n, Arc::new(if case == Case::Full { twenty() } else { default_nacl() }));
    }
    let rules = if matches!(case, Case::Sg | Case::Full) { fifty() } else { open() };
    let inbound = if case == Case::Nat { SgSide::build(&[]) } else { SgSide::build(&rules) };
    t.filters.set(0, Arc::new(Filter { ingress: inbound, egress: SgSide::build(&rules) }));
    t.filters.set(1, Arc::new(Filter::default()));
    Topology::default().succeed(t)
}
