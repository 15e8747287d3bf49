//! Where a VPC meets the internet: the 1:1 translation of the internet gateway, the state of the egress-only gateway, and
//! frames that come in.

use super::plan::Answer;
use super::{At, Cause, EDGE_MTU, Observer, Pass, Reason, Stage, Stop, Touch, Walk, is_multicast};
use crate::session::{Key, Kind, Life};
use crate::topology::{DepKind, EniIdx, INTERNET, PortNo, PublicOwner, RouteTableIdx, Target, Timeouts, VpcIdx};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpcd_wire::{FiveTuple, Packet, tcp};

impl<O: Observer> Walk<'_, O> {
    /// IGW-06 (IPv4: the source becomes public), IGW-09 (IPv6: nothing changes).
    pub(super) fn internet_gateway_out(&mut self, vpc: VpcIdx) -> Pass {
        let at = At::InternetGateway(vpc);
        let before = self.plan.tuple;
        match before.src {
            IpAddr::V4(private) => {
                self.note(DepKind::Publics, vpc.0);
                let publics = self.topology.publics.get(vpc.at());
                let Some(public) = publics.and_then(|p| p.public(private)) else {
                    return self.stop(Stage::Igw, Reason::NoPublicAddress, at);
                };
                self.plan.tuple.src = IpAddr::V4(public);
                if let Some(quote) = &mut self.plan.quote
                    && let IpAddr::V4(to) = quote.dst
                    && let Some(public) = publics.and_then(|p| p.public(to))
                {
                    quote.dst = IpAddr::V4(public);
                }
                self.observer.gate(Stage::Igw, at, true, Cause::Translated(before, self.plan.tuple));
            }
            IpAddr::V6(_) => {
                if self.owner_in(vpc, before.src).is_none() {
                    return self.stop(Stage::Igw, Reason::NoPublicAddress, at);
                }
                self.observer.gate(Stage::Igw, at, true, Cause::Plain);
            }
        }
        self.leave_vpc(Stage::Igw, at)
    }

    /// EIGW-06, EIGW-11: outward only, with state.
    pub(super) fn egress_only_out(&mut self, vpc: VpcIdx) -> Pass {
        let at = At::EgressOnly(vpc);
        if self.owner_in(vpc, self.plan.tuple.src).is_none() {
            return self.stop(Stage::Eigw, Reason::NoPublicAddress, at);
        }
        if let Some(quoted) = self.plan.quote {
            if self.live_flow(&Key::new(INTERNET, quoted)).is_none() {
                return self.stop(Stage::Eigw, Reason::NoFlow, at);
            }
        } else {
            let key = Key::new(INTERNET, self.plan.tuple.reverse());
            let live = self.live_flow(&key);
            if live.is_none() && self.only_answers() {
                return self.stop(Stage::Eigw, Reason::AnswerOnly, at);
            }
            self.observer.gate(Stage::Eigw, at, true, if live.is_some() { Cause::Known } else { Cause::New });
            self.plan.touch(Touch::Flow { key, from_remote: false, live });
        }
        self.leave_vpc(Stage::Eigw, at)
    }

    fn only_answers(&self) -> bool {
        match self.original.proto {
            6 => self.packet.tcp_flags & (tcp::SYN | tcp::ACK) != tcp::SYN,
            58 => self.original.dport >> 8 != 128,
            _ => false,
        }
    }

    fn live_flow(&mut self, key: &Key) -> Option<u32> {
        let entry = self.flows.find(key)?;
        let slot = self.flows.slot(entry);
        let live = slot.kind() == Kind::Flow
            && slot.life(self.now, &Timeouts::default()) == Life::Live
            && !self.starts_over(slot);
        live.then_some(entry)
    }

    /// IGW-23: the internet carries 1500 bytes. What then is addressed to a VPC here comes in again (IGW-24).
    fn leave_vpc(&mut self, stage: Stage, at: At) -> Pass {
        self.leave_by(stage, at, INTERNET)?;
        match self.plan.tuple.dst {
            IpAddr::V4(to) => match self.public_owner(to) {
                Some(owner) => self.enter4(owner),
                None => Ok(()),
            },
            IpAddr::V6(to) => match self.block_owner(to) {
                Some(vpc) => self.enter6(vpc),
                None => Ok(()),
            },
        }
    }

    /// Out of a port that carries 1500 bytes: in pieces if need be and the sender allows it.
    pub(super) fn leave_by(&mut self, stage: Stage, at: At, egress: PortNo) -> Pass {
        let too_big = self.packet.l3_len() > EDGE_MTU;
        if too_big && (self.packet.has(Packet::V6) || self.packet.has(Packet::DF)) {
            if self.may_be_told() {
                self.observer.gate(stage, at, false, Cause::Plain);
                return Err(Stop::Answer(Answer::TooBig(stage, at)));
            }
            return self.stop(stage, Reason::TooBig, at);
        }
        self.plan.edge = true;
        self.plan.neighbour = false;
        self.plan.egress = egress;
        Ok(())
    }

    /// A frame of the internet port.
    pub(super) fn enter_from_internet(&mut self) -> Pass {
        self.neighbour_discovery_at_the_edge()?;
        self.sane(At::Internet)?;
        let to = self.original.dst;
        if is_multicast(to) {
            return self.stop(Stage::Route, Reason::NoMulticast, At::Internet);
        }
        match to {
            IpAddr::V4(a) => match self.public_owner(a) {
                Some(owner) => self.enter4(owner),
                None => self.stop(Stage::Igw, Reason::NoMapping, At::Internet),
            },
            IpAddr::V6(a) => match self.block_owner(a) {
                Some(vpc) => self.enter6(vpc),
                None => self.stop(Stage::Igw, Reason::NoMapping, At::Internet),
            },
        }
    }

    /// IGW-07: the destination becomes private before anything in the VPC sees it.
    fn enter4(&mut self, owner: PublicOwner) -> Pass {
        let before = self.plan.tuple;
        self.plan.tuple.dst = IpAddr::V4(owner.private);
        if let Some(IpAddr::V4(from)) = self.plan.quote.map(|q| q.src)
            && let Some(quoted) = self.public_owner(from).filter(|o| o.vpc == owner.vpc)
            && let Some(quote) = &mut self.plan.quote
        {
            quote.src = IpAddr::V4(quoted.private);
        }
        let at = At::InternetGateway(owner.vpc);
        self.observer.gate(Stage::Igw, at, true, Cause::Translated(before, self.plan.tuple));
        let through = self.steered_from_internet(owner.vpc);
        self.arrive(owner.eni, through, at)
    }

    /// Into the VPC: to the owner of the address, or `through` whom a gateway route table names.
    pub(super) fn arrive(&mut self, owner: EniIdx, through: Option<EniIdx>, at: At) -> Pass {
        let through = through.unwrap_or(owner);
        let receiver = self.eni(through, at)?;
        self.nacl(receiver.subnet, false)?;
        if through != owner {
            self.destination_check(through, receiver)?;
        } else if let Some(nat) = receiver.nat {
            return self.nat_return(nat, receiver);
        }
        self.deliver(through, receiver)
    }

    /// IGW-09, and EIGW-10 where an egress-only gateway exists.
    fn enter6(&mut self, vpc: VpcIdx) -> Pass {
        self.note(DepKind::Vpc, vpc.0);
        let (igw, eigw) = self.topology.vpcs.get(vpc.at()).map_or((false, false), |v| (v.igw, v.eigw));
        let to = self.plan.tuple.dst;
        let owner = self.owner_in(vpc, to).filter(|_| igw || eigw);
        let Some(owner) = owner else {
            return self.stop(Stage::Igw, Reason::NoMapping, At::Internet);
        };
        let through = self.steered_from_internet(vpc).unwrap_or(owner);
        let receiver = self.eni(through, At::Internet)?;
        self.nacl(receiver.subnet, false)?;
        if eigw {
            self.way_back(vpc, owner, igw)?;
        }
        if through != owner {
            self.destination_check(through, receiver)?;
        }
        self.deliver(through, receiver)
    }

    /// EIGW-10: by which gateway would an answer leave?
    fn way_back(&mut self, vpc: VpcIdx, owner: EniIdx, igw: bool) -> Pass {
        let eni = self.eni(owner, At::Internet)?;
        let subnet = self.subnet(eni.subnet)?;
        match self.route(subnet.route_table, self.plan.tuple.src, At::Subnet(eni.subnet)) {
            Some(Target::InternetGateway) if igw => Ok(()),
            Some(Target::EgressOnly) => {
                let related = self.plan.quote.map(|q| q.reverse());
                let key = Key::new(INTERNET, related.unwrap_or(self.plan.tuple));
                let Some(live) = self.live_flow(&key) else {
                    return self.stop(Stage::Eigw, Reason::NoFlow, At::EgressOnly(vpc));
                };
                self.observer.gate(Stage::Eigw, At::EgressOnly(vpc), true, Cause::Known);
                if related.is_none() {
                    self.plan.touch(Touch::Flow { key, from_remote: true, live: Some(live) });
                }
                Ok(())
            }
            _ => self.stop(Stage::Igw, Reason::NoReturnRoute, At::InternetGateway(vpc)),
        }
    }

    /// A gateway route table may send what enters through another ENI (RT-51, RT-61).
    pub(super) fn steered(&mut self, table: RouteTableIdx, at: At) -> Option<EniIdx> {
        match self.route(table, self.plan.tuple.dst, at) {
            Some(Target::Eni(through)) => Some(through),
            _ => None,
        }
    }

    fn steered_from_internet(&mut self, vpc: VpcIdx) -> Option<EniIdx> {
        self.note(DepKind::Vpc, vpc.0);
        let table = self.topology.vpcs.get(vpc.at())?.igw_routes?;
        self.steered(table, At::InternetGateway(vpc))
    }

    fn public_owner(&mut self, address: Ipv4Addr) -> Option<PublicOwner> {
        self.note_public(address);
        self.topology.public_owner(address.into()).copied()
    }

    fn block_owner(&mut self, address: Ipv6Addr) -> Option<VpcIdx> {
        self.note(DepKind::Edge, crate::topology::EDGE_BLOCKS6);
        self.topology.edge.get(0).and_then(|e| e.vpc6(address))
    }

    /// Public addresses are watched in groups, so that moving one disturbs few flows of others.
    pub(super) fn note_public(&mut self, address: Ipv4Addr) {
        self.note(DepKind::Edge, crate::topology::edge_group(address));
    }
}

/// `tuple` with another source.
pub(super) fn with_source(mut tuple: FiveTuple, src: Ipv4Addr, sport: u16) -> FiveTuple {
    tuple.src = IpAddr::V4(src);
    tuple.sport = sport;
    tuple
}
