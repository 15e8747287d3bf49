//! The gates every packet meets: is its source its own, do the groups admit it, does the ACL of a subnet it crosses.

use super::{At, Cause, Observer, Pass, ROUTER_LINK_LOCAL, Reason, Stage, Stop, Touch, Walk, is_martian};
use crate::session::{Key, Kind, Life, Slot};
use crate::topology::{Behind, DepKind, Eni, EniIdx, Filter, SubnetIdx};
use std::net::{IpAddr, Ipv4Addr};
use vpcd_tables::filter;
use vpcd_wire::{FiveTuple, Packet, tcp};

const DNS: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 253);
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
const TIME: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 123);

impl<'a, O: Observer> Walk<'a, O> {
    /// Land and martian packets, which no host may send.
    pub(super) fn sane(&mut self, at: At) -> Pass {
        let FiveTuple { src, dst, .. } = self.original;
        if src == dst {
            return self.stop(Stage::SrcDst, Reason::Land, at);
        }
        if is_martian(src) && !(src.is_unspecified() && self.asks_for_an_address()) {
            return self.stop(Stage::SrcDst, Reason::Martian, at);
        }
        Ok(())
    }

    /// DHCP and duplicate address detection: the sender has no address yet.
    fn asks_for_an_address(&self) -> bool {
        self.is_dhcp() || self.is_neighbour_discovery()
    }

    fn is_dhcp(&self) -> bool {
        let t = &self.original;
        let ports = if t.src.is_ipv4() { (68, 67) } else { (546, 547) };
        t.proto == 17 && (t.sport, t.dport) == ports && matches!(self.topology.behind(self.ingress), Behind::Eni(_))
    }

    pub(super) fn is_neighbour_discovery(&self) -> bool {
        self.original.proto == 58
            && self.packet.has(Packet::V6)
            && !self.packet.has(Packet::LATER)
            && (133..=137).contains(&(self.original.dport >> 8))
    }

    pub(super) fn dhcp(&mut self) -> Pass {
        if self.is_dhcp() { Err(Stop::Punt) } else { Ok(()) }
    }

    /// ENI-08, first half.
    pub(super) fn source_check(&mut self, index: EniIdx, eni: &Eni) -> Pass {
        if eni.check && !eni.owns(self.original.src) {
            return self.stop(Stage::SrcDst, Reason::NotMine, At::Eni(index));
        }
        self.observer.gate(Stage::SrcDst, At::Eni(index), true, Cause::Plain);
        Ok(())
    }

    /// ENI-08, second half.
    pub(super) fn destination_check(&mut self, index: EniIdx, eni: &Eni) -> Pass {
        if eni.check && !eni.owns(self.plan.tuple.dst) {
            return self.stop(Stage::SrcDst, Reason::NotMine, At::Eni(index));
        }
        Ok(())
    }

    /// Services of the VPC are exempt from groups, ACLs and routes (SG-03, SG-04); reserved addresses have no owner (SUB-07).
    pub(super) fn services(&mut self, eni: &Eni) -> Pass {
        self.note(DepKind::Vpc, eni.vpc.0);
        let resolver = self.topology.vpcs.get(eni.vpc.at()).map(|v| v.resolver);
        let to = self.original.dst;
        let link_local = match to {
            IpAddr::V4(a) => {
                if [DNS, METADATA, TIME].contains(&a) || Some(a) == resolver {
                    return Err(Stop::Punt);
                }
                a.is_link_local()
            }
            IpAddr::V6(a) => a.is_unicast_link_local() || a == ROUTER_LINK_LOCAL,
        };
        if link_local || self.subnet(eni.subnet)?.reserves(to) {
            return self.stop(Stage::Route, Reason::NoOwner, At::Subnet(eni.subnet));
        }
        Ok(())
    }

    /// SG-01, sender's half.
    pub(super) fn sender_groups(&mut self, index: EniIdx, eni: &Eni) -> Pass {
        self.groups(index, eni, true)
    }

    /// SG-01, receiver's half, then out of the port.
    pub(super) fn deliver(&mut self, index: EniIdx, eni: &Eni) -> Pass {
        self.groups(index, eni, false)?;
        if !eni.attached {
            return self.stop(Stage::Route, Reason::NoOwner, At::Eni(index));
        }
        self.plan.egress = index.port();
        Ok(())
    }

    /// State first (SG-40, SG-41), then the rules of the union of the groups (SG-42).
    fn groups(&mut self, index: EniIdx, eni: &Eni, outbound: bool) -> Pass {
        let at = At::Eni(index);
        let stage = if outbound { Stage::SgOut } else { Stage::SgIn };
        let tuple = self.plan.tuple;
        let key = Key::new(index.port(), if outbound { tuple } else { tuple.reverse() });
        let limits = eni.timeouts;
        if let Some(quoted) = self.plan.quote {
            if self.related(index, eni, outbound, quoted) {
                self.observer.gate(stage, at, true, Cause::Related);
                return Ok(());
            }
        } else if let Some(live) = self.live_track(&key, eni) {
            let touch = Touch::Track { key, from_owner: outbound, live: Some(live), make: true, limits };
            self.plan.touch(touch);
            self.observer.gate(stage, at, true, Cause::Tracked);
            return Ok(());
        }
        let Some(rule) = self.admits(eni, outbound, &tuple) else {
            self.observer.gate(stage, at, false, Cause::NoRule);
            return Err(Stop::Drop(stage, Reason::NoRule, at));
        };
        self.observer.gate(stage, at, true, Cause::Rule(rule));
        if !self.packet.has(Packet::ICMP_ERROR) {
            let make = !self.is_untracked(eni, outbound, &tuple);
            self.plan.touch(Touch::Track { key, from_owner: outbound, live: None, make, limits });
        }
        Ok(())
    }

    /// SG-205: an error about a flow of this ENI needs no rule of its own.
    fn related(&mut self, index: EniIdx, eni: &Eni, outbound: bool, quoted: FiveTuple) -> bool {
        let own = if outbound { quoted.reverse() } else { quoted };
        self.live_track(&Key::new(index.port(), own), eni).is_some() || self.admits(eni, !outbound, &quoted).is_some()
    }

    fn filter(&mut self, eni: &Eni) -> Option<&'a Filter> {
        self.note(DepKind::Filter, eni.filter.0);
        self.topology.filters.get(eni.filter.at())
    }

    fn admits(&mut self, eni: &Eni, outbound: bool, tuple: &FiveTuple) -> Option<u32> {
        let filter = self.filter(eni)?;
        let side = if outbound { &filter.egress } else { &filter.ingress };
        if side.uses_groups() {
            self.note(DepKind::Members, eni.vpc.0);
        }
        let peer = if outbound { tuple.dst } else { tuple.src };
        let asked = filter::Key { peer, proto: tuple.proto, port: tuple.dport };
        match self.topology.members.get(eni.vpc.at()) {
            Some(members) => side.classify(&asked, members),
            None => side.classify(&asked, &filter::Membership::default()),
        }
    }

    /// SG-202: both directions are open to everybody, so there is nothing to remember.
    fn is_untracked(&mut self, eni: &Eni, outbound: bool, tuple: &FiveTuple) -> bool {
        if tuple.proto != 6 && tuple.proto != 17 {
            return false;
        }
        let Some(filter) = self.filter(eni) else {
            return false;
        };
        let (this, other) =
            if outbound { (&filter.egress, &filter.ingress) } else { (&filter.ingress, &filter.egress) };
        let peer = if outbound { tuple.dst } else { tuple.src };
        let (proto, v6) = (tuple.proto, peer.is_ipv6());
        let asked = |port| filter::Key { peer, proto, port };
        this.open(&asked(tuple.dport)) && other.open_all(proto, v6)
            || other.open(&asked(tuple.sport)) && this.open_all(proto, v6)
    }

    /// The track of an ENI, if it still admits this packet.
    pub(super) fn live_track(&mut self, key: &Key, eni: &Eni) -> Option<u32> {
        // Asked first: what would end a track concerns this way even before there is one.
        let ended = self.tracks_ended(key);
        let entry = self.flows.find(key)?;
        let slot = self.flows.slot(entry);
        let live = slot.kind() == Kind::Track
            && slot.life(self.now, &eni.timeouts) == Life::Live
            && !self.starts_over(slot)
            && slot.born() >= ended;
        live.then_some(entry)
    }

    /// A SYN on a closing connection begins a new one.
    pub(super) fn starts_over(&self, slot: &Slot) -> bool {
        self.is_first_syn() && slot.closing()
    }

    pub(super) fn is_first_syn(&self) -> bool {
        self.original.proto == 6 && self.packet.tcp_flags & (tcp::SYN | tcp::ACK) == tcp::SYN
    }

    /// Tracks of this flow made before this generation are dead.
    fn tracks_ended(&mut self, key: &Key) -> u32 {
        for address in [key.tuple.src, key.tuple.dst] {
            if let IpAddr::V4(address) = address {
                self.note_public(address);
            }
        }
        let Some(owner) = EniIdx::of_port(key.ingress) else { return 0 };
        self.topology.tracks_ended(owner, key.tuple.src, key.tuple.dst)
    }

    /// NACL-20: the lowest matching number decides, the same for each packet of either direction (NACL-27).
    pub(super) fn nacl(&mut self, index: SubnetIdx, outbound: bool) -> Pass {
        let subnet = self.subnet(index)?;
        self.note(DepKind::Nacl, subnet.nacl.0);
        let (stage, tuple) = (if outbound { Stage::NaclOut } else { Stage::NaclIn }, self.plan.tuple);
        let peer = if outbound { tuple.dst } else { tuple.src };
        let asked = filter::Key { peer, proto: tuple.proto, port: tuple.dport };
        let at = At::Subnet(index);
        let verdict = match self.topology.nacls.get(subnet.nacl.at()) {
            Some(nacl) => if outbound { &nacl.outbound } else { &nacl.inbound }.classify(&asked),
            None => filter::AclVerdict { allow: false, rule: 32767 },
        };
        self.observer.gate(stage, at, verdict.allow, Cause::Entry(verdict.rule));
        match verdict {
            filter::AclVerdict { allow: true, .. } => Ok(()),
            filter::AclVerdict { rule: 0..=32766, .. } => Err(Stop::Drop(stage, Reason::NaclRule, at)),
            _ => Err(Stop::Drop(stage, Reason::NaclDefault, at)),
        }
    }
}
