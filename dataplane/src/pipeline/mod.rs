//! The way of a packet, written once.
//!
//! A [`Walk`] takes one parsed packet through the gates of `docs/semantics.md` in order, reading the topology and the flow
//! table and changing neither. It ends in a [`Plan`] (where the packet leaves, as what, and which state that touches) or in a [`Stop`]
//! (drop, punt, answer). Committing the plan is the engine's business: only forwarded packets touch state. The same code
//! runs in workers and under `explain`; an [`Observer`] sees each gate.
//!
//! | file | gates |
//! |---|---|
//! | here | from an ENI; where to |
//! | `gates` | source check, security groups, network ACLs, delivery |
//! | `edge` | internet gateway, egress-only gateway, frames from the internet |
//! | `nat_gateway` | out and back through a NAT gateway |
//! | `vpn_gateway` | out and in by the connection of a virtual private gateway |
//! | `neighbours` | ARP, neighbour discovery |

mod edge;
mod gates;
mod nat_gateway;
mod neighbours;
mod observer;
mod plan;
mod verdict;
mod vpn_gateway;

pub use neighbours::arp;
pub use observer::{Cause, Gate, Observer};
pub use plan::{Answer, Deps, Plan, Stop, Touch, Visits};
pub use verdict::{At, Kind, Reason, Stage, Verdict};

use crate::nat::{Destinations, Ports};
use crate::session::Flows;
use crate::topology::{Behind, Dep, DepKind, Eni, EniIdx, NatIdx, PortNo, Subnet, SubnetIdx, Target, Topology, VpcIdx};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpcd_wire::{FiveTuple, Packet, quote};

/// L3 bytes that may leave a VPC (IGW-23).
pub const EDGE_MTU: usize = 1500;

/// The gate lets the packet on, or stops it.
type Pass = Result<(), Stop>;

/// One packet on its way. `O` sees each gate.
pub struct Walk<'a, O: Observer> {
    topology: &'a Topology,
    flows: &'a Flows,
    ports: &'a Ports,
    destinations: &'a Destinations,
    packet: &'a Packet,
    bytes: &'a [u8],
    /// Milliseconds.
    now: u32,
    ingress: PortNo,
    /// As the packet came in.
    original: FiveTuple,
    /// As it is at this point of the way, and where it goes.
    plan: Plan,
    visits: Visits,
    observer: &'a mut O,
}

/// From where a packet is routed: an ENI, or a NAT gateway (then there is no sender).
#[derive(Clone, Copy)]
struct Hop {
    vpc: VpcIdx,
    subnet: SubnetIdx,
    sender: Option<EniIdx>,
}

impl<'a, O: Observer> Walk<'a, O> {
    /// A packet about to start. `packet` is what [`vpcd_wire::parse`] found in `bytes`, ports of later fragments filled in.
    #[expect(clippy::too_many_arguments, reason = "everything a walk may look at, named once")]
    pub fn new(
        topology: &'a Topology,
        flows: &'a Flows,
        (ports, destinations): (&'a Ports, &'a Destinations),
        packet: &'a Packet,
        bytes: &'a [u8],
        now: u32,
        ingress: PortNo,
        observer: &'a mut O,
    ) -> Self {
        let original = packet.tuple(bytes);
        let quote = if packet.has(Packet::ICMP_ERROR) { quote(bytes, packet).map(|q| q.tuple) } else { None };
        let plan = Plan::new(original, quote);
        Walk {
            topology,
            flows,
            ports,
            destinations,
            packet,
            bytes,
            now,
            ingress,
            original,
            plan,
            visits: Visits::default(),
            observer,
        }
    }

    /// Walks all gates. Which NAT gateways were reached is told however it ends.
    pub fn run(mut self) -> (Result<Plan, Stop>, Visits) {
        let pass = match self.topology.behind(self.ingress) {
            Behind::Internet => self.enter_from_internet(),
            Behind::VpnGateway(vpc) => self.enter_from_vpn(vpc),
            Behind::Eni(sender) => self.enter_from_eni(sender),
        };
        (pass.map(|()| self.plan), self.visits)
    }

    fn enter_from_eni(&mut self, sender: EniIdx) -> Pass {
        let eni = self.eni(sender, At::Internet)?;
        let at = At::Eni(sender);
        self.neighbour_discovery(sender, eni)?;
        self.sane(at)?;
        self.dhcp()?;
        self.source_check(sender, eni)?;
        self.services(eni)?;
        self.sender_groups(sender, eni)?;
        self.where_to(sender, eni)
    }

    /// Same subnet: straight to the neighbour, no route table, no NACL (RT-93, SG-02). Else the subnet's route table.
    fn where_to(&mut self, sender: EniIdx, eni: &Eni) -> Pass {
        let hop = Hop { vpc: eni.vpc, subnet: eni.subnet, sender: Some(sender) };
        let subnet = self.subnet(eni.subnet)?;
        let to = self.plan.tuple.dst;
        if is_multicast(to) || to == IpAddr::V4(subnet.cidr4.broadcast()) {
            return self.stop(Stage::Route, Reason::NoMulticast, At::Subnet(eni.subnet));
        }
        if eni.owns(to) {
            return self.stop(Stage::Route, Reason::Hairpin, At::Eni(sender));
        }
        if !subnet.contains(to) {
            return self.leave(hop);
        }
        let owner = self.owner(hop)?;
        let receiver = self.eni(owner, At::Subnet(hop.subnet))?;
        if let Some(nat) = receiver.nat {
            return self.nat_return(nat, receiver);
        }
        self.plan.neighbour = true;
        self.deliver(owner, receiver)
    }

    /// NACL outbound, then the route table, then the target. The NACL speaks before a routing failure does, and is not asked where
    /// the next hop is in the same subnet (SG-02, NAT-22).
    fn leave(&mut self, hop: Hop) -> Pass {
        let subnet = self.subnet(hop.subnet)?;
        let at = At::Subnet(hop.subnet);
        let target = self.route(subnet.route_table, self.plan.tuple.dst, at);
        if target.is_none_or(|t| self.crosses(hop, t)) {
            self.nacl(hop.subnet, true)?;
        }
        match target {
            None => self.stop(Stage::Route, Reason::NoRoute, at),
            Some(Target::Blackhole) => self.stop(Stage::Route, Reason::Blackhole, at),
            Some(Target::Local) => self.deliver_local(hop),
            Some(Target::Eni(through)) => self.deliver_through(hop, through),
            Some(Target::NatGateway(nat)) => self.nat_out(hop, nat),
            Some(Target::VpnGateway) => self.vpn_gateway_out(hop.vpc),
            Some(Target::InternetGateway) => self.internet_gateway_out(hop.vpc),
            Some(Target::EgressOnly) => self.egress_only_out(hop.vpc),
        }
    }

    /// Whether the next hop is in another subnet. A local destination is: one in the sender's own was delivered without a route, and no
    /// local one reaches a NAT gateway.
    fn crosses(&mut self, hop: Hop, target: Target) -> bool {
        let next = match target {
            Target::Eni(through) => Some(through),
            Target::NatGateway(nat) => self.nat(nat).map(|n| n.eni),
            _ => None,
        };
        next.and_then(|n| self.topology.enis.get(n.at())).is_none_or(|n| n.subnet != hop.subnet)
    }

    /// The ENI of the VPC that owns the destination (RT-70).
    fn deliver_local(&mut self, hop: Hop) -> Pass {
        let owner = self.owner(hop)?;
        let receiver = self.eni(owner, At::Subnet(hop.subnet))?;
        if receiver.subnet != hop.subnet {
            self.nacl(receiver.subnet, false)?;
        }
        if let Some(nat) = receiver.nat {
            return self.nat_return(nat, receiver);
        }
        self.deliver(owner, receiver)
    }

    /// An ENI as target: delivered unchanged, if its check allows (RT-79, RT-91).
    fn deliver_through(&mut self, hop: Hop, through: EniIdx) -> Pass {
        if hop.sender == Some(through) {
            return self.stop(Stage::Route, Reason::Hairpin, At::Eni(through));
        }
        let receiver = self.eni(through, At::Subnet(hop.subnet))?;
        if receiver.subnet != hop.subnet {
            self.nacl(receiver.subnet, false)?;
        }
        self.destination_check(through, receiver)?;
        self.deliver(through, receiver)
    }

    // Asking the topology: every question is noted, so that a change of the answer is known to concern this way.

    fn note(&mut self, kind: DepKind, index: u32) {
        self.plan.deps.note(Dep::new(kind, index));
    }

    fn eni(&mut self, index: EniIdx, asker: At) -> Result<&'a Eni, Stop> {
        self.note(DepKind::Eni, index.0);
        match self.topology.enis.get(index.at()) {
            Some(eni) => Ok(eni),
            None => Err(Stop::Drop(Stage::Route, Reason::NoOwner, asker)),
        }
    }

    fn subnet(&mut self, index: SubnetIdx) -> Result<&'a Subnet, Stop> {
        self.note(DepKind::Subnet, index.0);
        let nowhere = Stop::Drop(Stage::Route, Reason::NoRoute, At::Subnet(index));
        self.topology.subnets.get(index.at()).ok_or(nowhere)
    }

    fn nat(&mut self, index: NatIdx) -> Option<&'a crate::topology::NatGateway> {
        self.note(DepKind::Nat, index.0);
        self.topology.nats.get(index.at())
    }

    fn owner(&mut self, hop: Hop) -> Result<EniIdx, Stop> {
        let to = self.plan.tuple.dst;
        self.owner_in(hop.vpc, to).ok_or(Stop::Drop(Stage::Route, Reason::NoOwner, At::Subnet(hop.subnet)))
    }

    fn owner_in(&mut self, vpc: VpcIdx, address: IpAddr) -> Option<EniIdx> {
        self.note(DepKind::Addresses, vpc.0);
        self.topology.addresses.get(vpc.at()).and_then(|map| map.owner(address))
    }

    fn route(&mut self, table: crate::topology::RouteTableIdx, to: IpAddr, at: At) -> Option<Target> {
        self.note(DepKind::RouteTable, table.0);
        let route = self.topology.route_tables.get(table.at()).and_then(|t| t.lookup(to));
        match route {
            Some(r) => {
                let passed = r.target != Target::Blackhole;
                self.observer.gate(Stage::Route, at, passed, Cause::Route(table, r.prefix, r.target));
            }
            None => self.observer.gate(Stage::Route, at, false, Cause::NoRoute(table)),
        }
        route.map(|r| r.target)
    }

    fn stop<T>(&mut self, stage: Stage, reason: Reason, at: At) -> Result<T, Stop> {
        self.observer.gate(stage, at, false, Cause::Plain);
        Err(Stop::Drop(stage, reason, at))
    }

    /// Errors are not reported about errors, nor about what cannot name a flow (RFC 1122 3.2.2, RFC 4443 2.4).
    fn may_be_told(&self) -> bool {
        !self.packet.has(Packet::ICMP_ERROR) && !self.packet.has(Packet::LATER)
    }
}

/// Multicast, or the limited broadcast.
fn is_multicast(address: IpAddr) -> bool {
    address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// Sources no packet may have on a wire.
fn is_martian(address: IpAddr) -> bool {
    is_multicast(address) || address.is_loopback() || address.is_unspecified()
}

/// The router's link-local address on every subnet.
pub const ROUTER_LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
