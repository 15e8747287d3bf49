//! A configuration in the plainest words: lists, no indexes over them.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// MAC of the fabric: router, gateways, whatever is no ENI.
pub const FABRIC_MAC: [u8; 6] = [0x02, 0x76, 0x70, 0x63, 0x64, 0x01];
/// MAC of the far side of the internet port.
pub const INTERNET_MAC: [u8; 6] = [0x02, 0x76, 0x70, 0x63, 0x64, 0xff];
/// MAC of the far side of a virtual private gateway's port.
pub const REMOTE_MAC: [u8; 6] = [0x02, 0x76, 0x70, 0x63, 0x64, 0xfe];
/// L3 bytes accepted from an ENI.
pub const ENI_MTU: usize = 9001;
/// L3 bytes that fit through the internet edge, and through a virtual private gateway.
pub const EDGE_MTU: usize = 1500;

/// Everything configured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    pub vpcs: Vec<Vpc>,
    pub subnets: Vec<Subnet>,
    pub tables: Vec<RouteTable>,
    pub nacls: Vec<Nacl>,
    pub groups: Vec<Group>,
    pub enis: Vec<Eni>,
    /// `None`: deleted; its number is not used again.
    pub nats: Vec<Option<Nat>>,
    /// Private to public, NAT gateways' own included.
    pub publics: Vec<Public>,
}

/// A VPC with its gateways.
#[derive(Clone, Debug, PartialEq)]
pub struct Vpc {
    /// Primary block first.
    pub blocks4: Vec<Ipv4Net>,
    pub block6: Option<Ipv6Net>,
    pub igw: bool,
    /// Gateway route table of the internet gateway.
    pub igw_table: Option<usize>,
    /// The port where a network is connected to the virtual private gateway.
    pub vgw: Option<u32>,
    /// Gateway route table of the virtual private gateway.
    pub vgw_table: Option<usize>,
    pub eigw: bool,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq)]
pub struct Subnet {
    pub vpc: usize,
    pub net4: Ipv4Net,
    pub net6: Option<Ipv6Net>,
    pub table: usize,
    pub nacl: usize,
}

/// Routes, one per prefix, in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteTable {
    pub routes: Vec<(IpNet, Target)>,
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Local,
    Igw,
    Eigw,
    /// The virtual private gateway of the VPC.
    Vgw,
    Nat(usize),
    Eni(usize),
    Blackhole,
}

impl Target {
    /// For tables.
    pub fn name(self) -> &'static str {
        match self {
            Target::Local => "local",
            Target::Igw => "igw",
            Target::Eigw => "eigw",
            Target::Vgw => "vgw",
            Target::Nat(_) => "nat",
            Target::Eni(_) => "eni",
            Target::Blackhole => "blackhole",
        }
    }
}

/// A network ACL; the `*` entries are implied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nacl {
    pub inbound: Vec<NaclEntry>,
    pub outbound: Vec<NaclEntry>,
}

/// One numbered entry.
#[derive(Clone, Debug, PartialEq)]
pub struct NaclEntry {
    pub number: u16,
    pub allow: bool,
    pub net: IpNet,
    pub what: What,
}

/// Protocol part of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    All,
    /// A protocol without regard to ports.
    Proto(u8),
    /// TCP or UDP and a range of destination ports.
    Ports(u8, u16, u16),
    /// ICMP (1) or ICMPv6 (58): type and code, `None` is any.
    Icmp(u8, Option<u8>, Option<u8>),
}

impl What {
    /// Whether a packet of `proto` with this destination port (or type and code) is meant.
    pub fn covers(self, proto: u8, dport: u16) -> bool {
        match self {
            What::All => true,
            What::Proto(p) => p == proto,
            What::Ports(p, low, high) => p == proto && low <= dport && dport <= high,
            What::Icmp(p, kind, code) => {
                p == proto
                    && kind.is_none_or(|k| u16::from(k) == dport >> 8)
                    && code.is_none_or(|c| u16::from(c) == dport & 0xff)
            }
        }
    }

    /// Whether every port of TCP or UDP is meant.
    pub fn covers_all_ports(self, proto: u8) -> bool {
        match self {
            What::All => true,
            What::Proto(p) => p == proto,
            What::Ports(p, low, high) => p == proto && low == 0 && high == u16::MAX,
            What::Icmp(..) => false,
        }
    }
}

/// A security group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    pub vpc: usize,
    pub ingress: Vec<SgRule>,
    pub egress: Vec<SgRule>,
}

/// One allowing rule.
#[derive(Clone, Debug, PartialEq)]
pub struct SgRule {
    pub peer: Peer,
    pub what: What,
}

/// Far side of a rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Peer {
    Net(IpNet),
    /// Index into [`World::groups`].
    Group(usize),
}

/// A network interface.
#[derive(Clone, Debug, PartialEq)]
pub struct Eni {
    pub subnet: usize,
    pub mac: [u8; 6],
    pub addresses: Vec<IpAddr>,
    pub groups: Vec<usize>,
    pub check: bool,
    pub attached: bool,
    pub timeouts: Timeouts,
    /// The interface of this NAT gateway.
    pub nat: Option<usize>,
}

/// Idle limits an ENI may set, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub tcp_established: u64,
    pub udp: u64,
    pub udp_stream: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { tcp_established: 432_000, udp: 30, udp_stream: 180 }
    }
}

/// A NAT gateway; its private and public address stand in [`World::publics`] too.
#[derive(Clone, Debug, PartialEq)]
pub struct Nat {
    pub eni: usize,
    pub private: Ipv4Addr,
    pub public: Ipv4Addr,
    /// Its zone is impaired: it carries nothing (NAT-16).
    pub out: bool,
}

/// One public mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Public {
    pub vpc: usize,
    pub private: Ipv4Addr,
    pub public: Ipv4Addr,
}

/// Which way, seen from the ENI or subnet whose rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

/// What is at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Internet,
    Eni(usize),
    /// The network behind the virtual private gateway of a VPC.
    Vgw(usize),
}

impl World {
    /// Where frames of a port come from and go to.
    pub fn side(&self, port: u32) -> Side {
        match self.vpcs.iter().position(|v| v.vgw == Some(port)) {
            Some(vpc) => Side::Vgw(vpc),
            None => port.checked_sub(1).map_or(Side::Internet, |n| Side::Eni(n as usize)),
        }
    }

    /// VPC of an ENI.
    pub fn vpc_of(&self, eni: usize) -> usize {
        self.subnets[self.enis[eni].subnet].vpc
    }

    /// The ENI that owns an address of a VPC.
    pub fn owner(&self, vpc: usize, addr: IpAddr) -> Option<usize> {
        (0..self.enis.len()).find(|&e| self.vpc_of(e) == vpc && self.enis[e].addresses.contains(&addr))
    }

    /// The public address of a private one.
    pub fn public_of(&self, vpc: usize, private: Ipv4Addr) -> Option<Ipv4Addr> {
        self.publics.iter().find(|p| p.vpc == vpc && p.private == private).map(|p| p.public)
    }

    /// Who stands behind a public address: VPC (with its gateway attached) and private address.
    pub fn behind(&self, public: Ipv4Addr) -> Option<(usize, Ipv4Addr)> {
        let found = self.publics.iter().find(|p| p.public == public)?;
        self.vpcs[found.vpc].igw.then_some((found.vpc, found.private))
    }

    /// The VPC in whose IPv6 block an address lies.
    pub fn vpc6(&self, addr: Ipv6Addr) -> Option<usize> {
        self.vpcs.iter().position(|v| v.block6.is_some_and(|b| b.contains(&addr)))
    }

    /// Longest prefix (RT-40): look at every route, keep the longest that holds the address.
    pub fn route(&self, table: usize, addr: IpAddr) -> Option<(IpNet, Target)> {
        let mut best: Option<(IpNet, Target)> = None;
        for &(net, target) in &self.tables[table].routes {
            if net.contains(&addr) && best.is_none_or(|(b, _)| b.prefix_len() < net.prefix_len()) {
                best = Some((net, target));
            }
        }
        best
    }

    /// First match in ascending order decides (NACL-20); `None` is the `*` entry. (number, allowed)
    pub fn nacl(&self, subnet: usize, way: Way, peer: IpAddr, proto: u8, dport: u16) -> Option<(u16, bool)> {
        let nacl = &self.nacls[self.subnets[subnet].nacl];
        let mut entries = match way {
            Way::In => nacl.inbound.clone(),
            Way::Out => nacl.outbound.clone(),
        };
        entries.sort_by_key(|e| e.number);
        let hit = entries.iter().find(|e| e.net.contains(&peer) && e.what.covers(proto, dport));
        hit.map(|e| (e.number, e.allow))
    }

    /// All rules of one side of all groups of an ENI (SG-42).
    pub fn rules(&self, eni: usize, way: Way) -> Vec<SgRule> {
        let mut all = Vec::new();
        for &g in &self.enis[eni].groups {
            all.extend(match way {
                Way::In => self.groups[g].ingress.iter().cloned(),
                Way::Out => self.groups[g].egress.iter().cloned(),
            });
        }
        all
    }

    /// Whether any rule of that side admits the packet.
    pub fn admits(&self, eni: usize, way: Way, peer: IpAddr, proto: u8, dport: u16) -> bool {
        let vpc = self.vpc_of(eni);
        self.rules(eni, way).iter().any(|r| {
            let who = match r.peer {
                Peer::Net(net) => net.contains(&peer),
                Peer::Group(g) => self.owner(vpc, peer).is_some_and(|o| self.enis[o].groups.contains(&g)),
            };
            who && r.what.covers(proto, dport)
        })
    }

    /// `open(side, port)` of the semantics.
    pub fn open(&self, eni: usize, way: Way, v6: bool, proto: u8, port: u16) -> bool {
        self.rules(eni, way).iter().any(|r| is_everyone(r.peer, v6) && r.what.covers(proto, port))
    }

    /// `open-all(side)` of the semantics.
    pub fn open_all(&self, eni: usize, way: Way, v6: bool, proto: u8) -> bool {
        self.rules(eni, way).iter().any(|r| is_everyone(r.peer, v6) && r.what.covers_all_ports(proto))
    }
}

fn is_everyone(peer: Peer, v6: bool) -> bool {
    match peer {
        Peer::Net(net) => net.prefix_len() == 0 && net.addr().is_ipv6() == v6,
        Peer::Group(_) => false,
    }
}

impl Vpc {
    /// Base + 2 of the primary block.
    pub fn resolver(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.blocks4[0].network()) + 2)
    }
}

impl Subnet {
    /// Whether an address lies in one of its blocks.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(a) => self.net4.contains(&a),
            IpAddr::V6(a) => self.net6.is_some_and(|n| n.contains(&a)),
        }
    }

    /// Base + n of its IPv4 block.
    pub fn base4(&self, n: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.net4.network()) + n)
    }

    /// Base + n of its IPv6 block.
    pub fn base6(&self, n: u128) -> Option<Ipv6Addr> {
        self.net6.map(|b| Ipv6Addr::from(u128::from(b.network()) + n))
    }

    /// One of the first four addresses of a block.
    pub fn reserved(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(a) => (0..4).any(|n| self.base4(n) == a),
            IpAddr::V6(a) => (0..4).any(|n| self.base6(n) == Some(a)),
        }
    }
}
