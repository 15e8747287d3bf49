//! The immutable picture of every VPC that the control plane publishes and workers read.
//!
//! Everything is an index into a table: no ids as strings, no pointers between objects. Indices are stable over
//! generations (an ENI keeps its index for life, and a retired index is not given to another object while flows may
//! remember it). Every object carries the generation in which it last changed, so that a cached decision can ask
//! whether anything it rested on has moved ([`Topology::last_change`]).
//!
//! Ports are numbered by what stands behind them ([`Behind`]): port 0 is the internet, port `n + 1` is ENI `n` or link `n`; a number is
//! one or the other, never both.

mod tables;

pub use tables::{Dep, DepKind, Table};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpcd_tables::fib::{Fib4, Fib6, NONE};
use vpcd_tables::filter::{Acl, Membership, SgSide};
use vpcd_tables::share::{Map, Pages};
use vpcd_wire::Mac;

macro_rules! index {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub u32);
        impl $name {
            /// Position in its table.
            #[inline]
            pub fn at(self) -> usize { self.0 as usize }
        }
    )*};
}

index!(
    /// An elastic network interface.
    EniIdx,
    /// A subnet.
    SubnetIdx,
    /// A VPC; its gateways go by the same index.
    VpcIdx,
    /// A subnet or gateway route table.
    RouteTableIdx,
    /// A network ACL.
    NaclIdx,
    /// One distinct combination of security groups (shared by all ENIs that carry it).
    FilterIdx,
    /// A NAT gateway.
    NatIdx
);

/// Number of a port: 0 is the internet, `n + 1` is ENI or link `n`.
pub type PortNo = u32;
/// The internet's port.
pub const INTERNET: PortNo = 0;

impl EniIdx {
    /// The port of this ENI.
    #[inline]
    pub fn port(self) -> PortNo {
        self.0 + 1
    }
    /// The ENI behind a port, if that is one ([`Topology::behind`]); none for the internet.
    #[inline]
    pub fn of_port(port: PortNo) -> Option<EniIdx> {
        port.checked_sub(1).map(EniIdx)
    }
}

/// What stands behind a port, and so what a packet that enters there may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    Internet,
    Eni(EniIdx),
    /// The far side of the virtual private gateway of this VPC.
    VpnGateway(VpcIdx),
}

/// Everything the workers know, under one generation.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    /// Rises by one with every publish; 0 is the empty topology before the first.
    pub generation: u64,
    /// The internet side.
    pub internet: InternetPort,
    pub enis: Table<Eni>,
    pub links: Table<Link>,
    pub subnets: Table<Subnet>,
    pub vpcs: Table<Vpc>,
    /// By [`VpcIdx`]: who owns which private IPv4 or IPv6 address.
    pub addresses: Table<AddressMap>,
    /// By [`VpcIdx`]: which groups an address stands for in rules that name a group.
    pub members: Table<Membership>,
    /// By [`VpcIdx`]: private IPv4 -> public IPv4.
    pub publics: Table<PublicMap>,
    pub route_tables: Table<RouteTable>,
    pub nacls: Table<Nacl>,
    pub filters: Table<Filter>,
    pub nats: Table<NatGateway>,
    /// One object at index 0: public IPv4 -> owner, and the ranges they come from.
    pub edge: Table<Edge>,
    /// Generation in which each group of public addresses ([`edge_group`]) or the IPv6 blocks ([`EDGE_BLOCKS6`]) last changed.
    edge_ages: EdgeAges,
    ends: Ends,
    /// What the packet path asks for every frame: by port, and a filter over the public addresses.
    facts: Pages<PortFacts>,
    public_bits: Vec<u64>,
    /// How many public addresses share each bit.
    public_counts: Pages<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct PortFacts {
    mac: Mac,
    mtu: u16,
    vpc: Option<VpcIdx>,
}

const PUBLIC_BITS: usize = 1 << 14;

#[inline]
fn public_bit(address: u32) -> usize {
    (address.wrapping_mul(0x9e37_79b1) >> 18) as usize
}

/// Number under which the IPv6 blocks are watched.
pub const EDGE_BLOCKS6: u32 = 256;

/// Public addresses are watched in 256 groups: moving one makes only the flows towards its group walk again.
pub fn edge_group(address: Ipv4Addr) -> u32 {
    u32::from(address.octets()[3])
}

/// Generations that ended tracks.
#[derive(Clone, Debug, Default)]
struct Ends {
    /// The ENI was detached or deleted.
    enis: Map<EniIdx, u32>,
    /// The ENI lost the address.
    addresses: Map<(EniIdx, IpAddr), u32>,
    /// The public address was associated, moved or let go.
    publics: Map<Ipv4Addr, u32>,
    /// A NAT gateway with this private address came or went.
    gateways: Map<(VpcIdx, Ipv4Addr), u32>,
}

#[derive(Clone, Debug)]
struct EdgeAges([u64; 257]);

impl Default for EdgeAges {
    fn default() -> Self {
        EdgeAges([0; 257])
    }
}

/// The port towards the internet, shared by all VPCs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternetPort {
    /// Where frames to the internet are addressed.
    pub mac: Mac,
    /// L3 bytes accepted from it.
    pub mtu: u16,
}

impl Default for InternetPort {
    fn default() -> Self {
        InternetPort { mac: Mac([0x02, 0x76, 0x70, 0x63, 0x64, 0xff]), mtu: 1500 }
    }
}

/// An elastic network interface (ENI-01).
#[derive(Clone, Debug, PartialEq)]
pub struct Eni {
    pub vpc: VpcIdx,
    pub subnet: SubnetIdx,
    pub mac: Mac,
    /// Primary first.
    pub addresses4: Vec<Ipv4Addr>,
    pub addresses6: Vec<Ipv6Addr>,
    /// Source/destination check (ENI-08).
    pub check: bool,
    pub filter: FilterIdx,
    /// Idle limits of its tracks (SG-203).
    pub timeouts: Timeouts,
    /// Something is plugged in: frames can be delivered. False for a free ENI and for a NAT gateway's.
    pub attached: bool,
    /// This is the interface of a NAT gateway.
    pub nat: Option<NatIdx>,
    /// L3 bytes accepted from and delivered to it.
    pub mtu: u16,
}

impl Eni {
    /// All its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses4.iter().map(|&a| IpAddr::V4(a)).chain(self.addresses6.iter().map(|&a| IpAddr::V6(a)))
    }
    /// Whether `addr` is one of its addresses.
    pub fn owns(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(a) => self.addresses4.contains(&a),
            IpAddr::V6(a) => self.addresses6.contains(&a),
        }
    }
}

/// Idle limits in seconds that an ENI may set (SG-203).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Timeouts {
    pub tcp_established: u32,
    pub udp: u32,
    pub udp_stream: u32,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts { tcp_established: 432_000, udp: 30, udp_stream: 180 }
    }
}

/// The connection of a virtual private gateway: a port where the remote network is plugged in (RT-73).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub vpc: VpcIdx,
}

impl Link {
    /// Where frames to a remote network are addressed.
    pub const MAC: Mac = Mac([0x02, 0x76, 0x70, 0x63, 0x64, 0xfe]);
    /// L3 bytes accepted from it.
    pub const MTU: u16 = 1500;
}

/// A subnet: one route table, one NACL (RT-01, NACL-06).
#[derive(Clone, Debug, PartialEq)]
pub struct Subnet {
    pub vpc: VpcIdx,
    pub cidr4: Ipv4Net,
    pub cidr6: Option<Ipv6Net>,
    pub route_table: RouteTableIdx,
    pub nacl: NaclIdx,
}

impl Subnet {
    /// Whether `addr` lies in one of its blocks.
    pub fn contains(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(a) => self.cidr4.contains(&a),
            IpAddr::V6(a) => self.cidr6.is_some_and(|n| n.contains(&a)),
        }
    }
    /// The router: base + 1 (SUB-08).
    pub fn router4(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.cidr4.network()).wrapping_add(1))
    }
    /// The router's address in the IPv6 block: base + 1.
    pub fn router6(&self) -> Option<Ipv6Addr> {
        self.cidr6.map(|n| Ipv6Addr::from(u128::from(n.network()) + 1))
    }
    /// The first four addresses of a block (SUB-07, SUB-13), whichever block `addr` is in.
    pub fn reserves(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V4(a) => self.cidr4.contains(&a) && u32::from(a).wrapping_sub(u32::from(self.cidr4.network())) < 4,
            IpAddr::V6(a) => {
                self.cidr6.is_some_and(|n| n.contains(&a) && u128::from(a).wrapping_sub(u128::from(n.network())) < 4)
            }
        }
    }
}

/// A VPC and its edges.
#[derive(Clone, Debug, PartialEq)]
pub struct Vpc {
    /// Base + 2 of the primary block (SUB-09).
    pub resolver: Ipv4Addr,
    /// An internet gateway is attached.
    pub igw: bool,
    /// The gateway route table of its internet gateway, if associated (RT-50).
    pub igw_routes: Option<RouteTableIdx>,
    /// The port of its virtual private gateway's connection.
    pub vgw: Option<PortNo>,
    /// The gateway route table of its virtual private gateway, if associated.
    pub vgw_routes: Option<RouteTableIdx>,
    /// An egress-only internet gateway exists.
    pub eigw: bool,
}

/// Owner of each private and IPv6 address of one VPC.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddressMap {
    owners: Map<IpAddr, EniIdx>,
}

impl AddressMap {
    /// From (address, owner) pairs.
    pub fn build(pairs: impl IntoIterator<Item = (IpAddr, EniIdx)>) -> AddressMap {
        AddressMap { owners: pairs.into_iter().collect() }
    }
    /// From now on `owner` has `addr`; none: it is free.
    pub fn set(&mut self, addr: IpAddr, owner: Option<EniIdx>) {
        self.owners.set(addr, owner);
    }
    /// The ENI that owns `addr`.
    pub fn owner(&self, addr: IpAddr) -> Option<EniIdx> {
        self.owners.get(&addr).copied()
    }
}

/// Private -> public IPv4 of one VPC (IGW-06): Elastic IPs, auto-assigned addresses, NAT gateways' own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PublicMap {
    map: Map<Ipv4Addr, Ipv4Addr>,
}

impl PublicMap {
    /// From (private, public) pairs.
    pub fn build(pairs: impl IntoIterator<Item = (Ipv4Addr, Ipv4Addr)>) -> PublicMap {
        PublicMap { map: pairs.into_iter().collect() }
    }
    /// From now on `private` is mapped to `public`; none: it is not.
    pub fn set(&mut self, private: Ipv4Addr, public: Option<Ipv4Addr>) {
        self.map.set(private, public);
    }
    /// All (private, public) pairs.
    pub fn iter(&self) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
        self.map.iter().map(|(&private, &public)| (private, public))
    }
    /// The public address of a private one.
    pub fn public(&self, private: Ipv4Addr) -> Option<Ipv4Addr> {
        self.map.get(&private).copied()
    }
}

/// Who stands behind a public IPv4 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicOwner {
    pub vpc: VpcIdx,
    pub eni: EniIdx,
    pub private: Ipv4Addr,
    /// The NAT gateway whose address this is: ports, not addresses, tell its flows apart.
    pub nat: Option<NatIdx>,
}

/// What the internet side knows of all VPCs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edge {
    /// Mapped public addresses of VPCs with an attached internet gateway.
    pub owners: Map<Ipv4Addr, PublicOwner>,
    /// IPv6 blocks of VPCs.
    pub blocks6: Vec<(Ipv6Net, VpcIdx)>,
}

impl Edge {
    /// The VPC whose IPv6 block holds `addr`.
    pub fn vpc6(&self, addr: Ipv6Addr) -> Option<VpcIdx> {
        self.blocks6.iter().find(|(n, _)| n.contains(&addr)).map(|&(_, v)| v)
    }
}

/// A NAT gateway (NAT-05, NAT-09).
#[derive(Clone, Debug, PartialEq)]
pub struct NatGateway {
    pub eni: EniIdx,
    pub private: Ipv4Addr,
    pub public: Ipv4Addr,
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// The owner of the address in this VPC (RT-70).
    Local,
    /// The VPC's internet gateway (RT-71).
    InternetGateway,
    /// The VPC's egress-only internet gateway (RT-76).
    EgressOnly,
    NatGateway(NatIdx),
    /// The VPC's virtual private gateway (RT-73).
    VpnGateway,
    /// Delivered to this ENI unchanged (RT-79).
    Eni(EniIdx),
    /// The target is gone: matching packets are dropped (RT-48).
    Blackhole,
}

/// One winning route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub prefix: IpNet,
    pub target: Target,
}

/// A compiled route table: winners only (RT-40..49).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteTable {
    routes: Vec<Route>,
    fib4: Fib4,
    fib6: Fib6,
}

impl RouteTable {
    /// From winning routes, one per prefix, in any order.
    pub fn build(mut routes: Vec<Route>) -> RouteTable {
        routes.sort_by_key(|r| r.prefix);
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (i, r) in routes.iter().enumerate() {
            match r.prefix {
                IpNet::V4(n) => v4.push((n, i as u32)),
                IpNet::V6(n) => v6.push((n, i as u32)),
            }
        }
        RouteTable { fib4: Fib4::build(&v4), fib6: Fib6::build(&v6), routes }
    }
    /// Longest match (RT-40); families never mix (RT-04).
    pub fn lookup(&self, addr: IpAddr) -> Option<&Route> {
        let found = match addr {
            IpAddr::V4(a) => self.fib4.lookup(a.into()),
            IpAddr::V6(a) => self.fib6.lookup(a.into()),
        };
        if found == NONE { None } else { self.routes.get(found as usize) }
    }
    /// All routes, ordered by prefix.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }
}

/// A network ACL: two independent ordered lists (NACL-22).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nacl {
    pub inbound: Acl,
    pub outbound: Acl,
}

/// The union of the rules of one combination of security groups (SG-42).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub ingress: SgSide,
    pub egress: SgSide,
}

impl Topology {
    /// The generation after `self`: every object of `next` that equals ours keeps our `Arc` and its age, every other is stamped with
    /// the new generation.
    pub fn succeed(&self, mut next: Topology) -> Topology {
        let generation = self.generation + 1;
        next.generation = generation;
        let enis = next.enis.inherit(&self.enis, generation);
        let links = next.links.inherit(&self.links, generation);
        next.subnets.inherit(&self.subnets, generation);
        next.vpcs.inherit(&self.vpcs, generation);
        next.addresses.inherit(&self.addresses, generation);
        next.members.inherit(&self.members, generation);
        next.publics.inherit(&self.publics, generation);
        next.route_tables.inherit(&self.route_tables, generation);
        next.nacls.inherit(&self.nacls, generation);
        next.filters.inherit(&self.filters, generation);
        let nats = next.nats.inherit(&self.nats, generation);
        next.ends = self.ends.clone();
        next.public_bits = self.public_bits.clone();
        next.public_bits.resize(PUBLIC_BITS / 64, 0);
        next.public_counts = self.public_counts.clone();
        next.inherit_edge(self, generation);
        next.note_ends(self, &enis, generation);
        next.note_gateways(self, &enis, &nats, generation);
        next.facts = self.facts.clone();
        let internet = PortFacts { mac: next.internet.mac, mtu: next.internet.mtu, vpc: None };
        if next.facts.get(0) != Some(&internet) {
            next.facts.set(0, internet);
        }
        next.facts.grow(next.enis.len().max(next.links.len()) + 1);
        for at in enis.into_iter().chain(links) {
            let eni = next.enis.get(at).map(|e| PortFacts { mac: e.mac, mtu: e.mtu, vpc: Some(e.vpc) });
            let link = || next.links.get(at).map(|l| PortFacts { mac: Link::MAC, mtu: Link::MTU, vpc: Some(l.vpc) });
            next.facts.set(at + 1, eni.or_else(link).unwrap_or_default());
        }
        next
    }

    /// What stands behind a port; an ENI, though there may be none of that number (any more), where nothing else does.
    pub fn behind(&self, port: PortNo) -> Behind {
        match port.checked_sub(1) {
            None => Behind::Internet,
            Some(at) => match self.links.get(at as usize) {
                Some(link) => Behind::VpnGateway(link.vpc),
                None => Behind::Eni(EniIdx(at)),
            },
        }
    }

    /// MAC of the interface behind a port.
    #[inline]
    pub fn mac(&self, port: PortNo) -> Mac {
        self.facts.get(port as usize).map_or(Mac::default(), |f| f.mac)
    }

    /// L3 bytes that a port accepts.
    #[inline]
    pub fn mtu(&self, port: PortNo) -> usize {
        self.facts.get(port as usize).map_or(0, |f| f.mtu.into())
    }

    /// One more than the highest port number.
    pub fn port_count(&self) -> usize {
        self.facts.len()
    }

    /// Whether an IPv4 address may be public or a NAT gateway's: the cheap question before the exact ones.
    #[inline]
    pub fn may_be_special(&self, address: u32) -> bool {
        let bit = public_bit(address);
        self.public_bits.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 != 0)
    }

    /// The owner of a public IPv4 address.
    #[inline]
    pub fn public_owner(&self, address: u32) -> Option<&PublicOwner> {
        if self.may_be_special(address) { self.edge.get(0)?.owners.get(&Ipv4Addr::from(address)) } else { None }
    }

    /// Whether `address`, seen at `port`, is the private address of a NAT gateway there.
    pub fn is_nat_private(&self, port: PortNo, address: u32) -> bool {
        let Some(vpc) = self.facts.get(port as usize).and_then(|f| f.vpc) else { return false };
        let of_vpc = |n: &NatGateway| self.enis.get(n.eni.at()).is_some_and(|e| e.vpc == vpc);
        self.nats.iter().any(|(_, n)| u32::from(n.private) == address && of_vpc(n))
    }

    /// Keeps the age of what did not move at the internet's edge, and notes the associations that did.
    fn inherit_edge(&mut self, before: &Topology, generation: u64) {
        let nothing = Edge::default();
        let old = before.edge.get(0).unwrap_or(&nothing);
        let new = self.edge.share(0).unwrap_or_default();
        self.edge_ages = before.edge_ages.clone();
        for &address in new.owners.differences(&old.owners) {
            self.ends.publics.insert(address, generation as u32);
            self.edge_ages.0[edge_group(address) as usize] = generation;
            self.note_special(address, old.owners.get(&address).is_some(), new.owners.get(&address).is_some());
        }
        if old.blocks6 != new.blocks6 {
            self.edge_ages.0[EDGE_BLOCKS6 as usize] = generation;
        }
        self.edge.inherit(&before.edge, generation);
    }

    /// Counts an address that became public or a NAT gateway's, or is so no more.
    fn note_special(&mut self, address: Ipv4Addr, before: bool, now: bool) {
        let bit = public_bit(address.into());
        let count = self.public_counts.get(bit).copied().unwrap_or(0) + u32::from(now);
        let count = count.saturating_sub(before.into());
        self.public_counts.set(bit, count);
        if let Some(word) = self.public_bits.get_mut(bit / 64) {
            *word = *word & !(1 << (bit % 64)) | u64::from(count > 0) << (bit % 64);
        }
    }

    /// Notes what ends the tracks of ENIs: detachment, deletion, release of an address (SG-213).
    fn note_ends(&mut self, before: &Topology, changed: &[usize], generation: u64) {
        for (index, old) in changed.iter().filter_map(|&i| Some((i, before.enis.get(i)?))) {
            let eni = EniIdx(index as u32);
            match self.enis.get(index) {
                Some(new) if new.attached || !old.attached => {
                    for address in old.addresses().filter(|&a| !new.owns(a)) {
                        self.ends.addresses.insert((eni, address), generation as u32);
                    }
                }
                _ => self.ends.enis.insert(eni, generation as u32),
            }
        }
    }

    /// Notes NAT gateways that came or went: their addresses steer by port, others by hash.
    fn note_gateways(&mut self, before: &Topology, enis: &[usize], nats: &[usize], generation: u64) {
        for &nat in nats {
            if let Some(old) = before.nats.get(nat) {
                self.note_special(old.private, true, false);
            }
            if let Some(private) = self.nats.get(nat).map(|n| n.private) {
                self.note_special(private, false, true);
            }
        }
        let of_gateway =
            |&eni: &usize| [&self.enis, &before.enis].iter().any(|t| t.get(eni).is_some_and(|e| e.nat.is_some()));
        if nats.is_empty() && !enis.iter().any(of_gateway) {
            return;
        }
        let addresses = |t: &Topology| -> HashSet<(VpcIdx, Ipv4Addr)> {
            t.nats.iter().filter_map(|(_, n)| Some((t.enis.get(n.eni.at())?.vpc, n.private))).collect()
        };
        let (old, new) = (addresses(before), addresses(self));
        for key in old.symmetric_difference(&new) {
            self.ends.gateways.insert(*key, generation as u32);
            self.edge_ages.0[edge_group(key.1) as usize] = generation;
        }
    }

    /// The generation in which a public address was last associated, moved or let go: bindings towards it from before are dead.
    pub fn association_changed(&self, public: Ipv4Addr) -> u32 {
        self.ends.publics.get(&public).copied().unwrap_or(0)
    }

    /// The latest generation that ended tracks of `eni` for flows between its `local` address and `remote`: those made before it are dead.
    pub fn tracks_ended(&self, eni: EniIdx, local: IpAddr, remote: IpAddr) -> u32 {
        let ends = &self.ends;
        let of_eni = if ends.enis.is_empty() { 0 } else { ends.enis.get(&eni).copied().unwrap_or(0) };
        let of_address =
            if ends.addresses.is_empty() { 0 } else { ends.addresses.get(&(eni, local)).copied().unwrap_or(0) };
        let public = |address| match address {
            IpAddr::V4(a) => self.association_changed(a),
            IpAddr::V6(_) => 0,
        };
        let of_public = if ends.publics.is_empty() { 0 } else { public(local).max(public(remote)) };
        let gateway = |address| match (address, self.enis.get(eni.at())) {
            (IpAddr::V4(a), Some(e)) => ends.gateways.get(&(e.vpc, a)).copied().unwrap_or(0),
            _ => 0,
        };
        let of_gateway = if ends.gateways.is_empty() { 0 } else { gateway(local).max(gateway(remote)) };
        of_eni.max(of_address).max(of_public).max(of_gateway)
    }

    /// The generation in which any of `deps` last changed.
    pub fn last_change(&self, deps: &[Dep]) -> u64 {
        deps.iter().map(|d| self.age(*d)).max().unwrap_or(0)
    }

    fn age(&self, dep: Dep) -> u64 {
        let at = dep.index();
        match dep.kind() {
            DepKind::Eni => self.enis.age(at),
            DepKind::Subnet => self.subnets.age(at),
            DepKind::Vpc => self.vpcs.age(at),
            DepKind::Addresses => self.addresses.age(at),
            DepKind::Members => self.members.age(at),
            DepKind::Publics => self.publics.age(at),
            DepKind::RouteTable => self.route_tables.age(at),
            DepKind::Nacl => self.nacls.age(at),
            DepKind::Filter => self.filters.age(at),
            DepKind::Nat => self.nats.age(at),
            DepKind::Edge => self.edge_ages.0[at.min(EDGE_BLOCKS6 as usize)],
        }
    }
}
