//! Through a NAT gateway: out with an external port of its own, back only by a live binding (NAT-20..44).

use super::edge::with_source;
use super::plan::Answer;
use super::{At, Cause, Hop, Observer, Pass, Reason, Stage, Stop, Touch, Walk};
use crate::nat::Destination;
use crate::session::{Key, Kind, Life};
use crate::topology::{Eni, INTERNET, NatIdx, Timeouts};
use std::net::{IpAddr, Ipv4Addr};
use vpcd_wire::{FiveTuple, Packet, tcp};

impl<O: Observer> Walk<'_, O> {
    /// From an ENI of its VPC towards its own subnet's route table (NAT-21, NAT-22).
    pub(super) fn nat_out(&mut self, hop: Hop, index: NatIdx) -> Pass {
        let at = At::Nat(index);
        if hop.sender.is_none() {
            return self.stop(Stage::Natgw, Reason::Loop, at);
        }
        let Some(gateway) = self.nat(index) else {
            return self.stop(Stage::Route, Reason::Blackhole, At::Subnet(hop.subnet));
        };
        let eni = self.eni(gateway.eni, at)?;
        if eni.subnet != hop.subnet {
            self.nacl(eni.subnet, false)?;
        }
        self.visits.note(index, false);
        self.nat_carries(at)?;
        if self.packet.ttl <= 1 {
            if self.may_be_told() {
                self.observer.gate(Stage::Natgw, at, false, Cause::Plain);
                return Err(Stop::Answer(Answer::TtlExceeded(index)));
            }
            return self.stop(Stage::Natgw, Reason::TtlExceeded, at);
        }
        let before = self.plan.tuple;
        if let Some(quoted) = self.plan.quote {
            let client = Key::new(self.ingress, quoted.reverse());
            let Some(entry) = self.binding_of(&client, index) else {
                return self.stop(Stage::Natgw, Reason::NoBinding, at);
            };
            let external = external_port(&self.flows.tuple(entry));
            self.plan.tuple.src = IpAddr::V4(gateway.private);
            self.plan.quote = Some(facing(quoted, gateway.private, external));
            self.observer.gate(Stage::Natgw, at, true, Cause::Translated(before, self.plan.tuple));
        } else {
            self.plan.track_client();
            let external = self.bind(index, gateway.public)?;
            self.plan.tuple = with_source(before, gateway.private, external);
            self.observer.gate(Stage::Natgw, at, true, Cause::Translated(before, self.plan.tuple));
        }
        self.plan.nat = true;
        self.leave(Hop { vpc: hop.vpc, subnet: eni.subnet, sender: None })
    }

    /// NAT-37, NAT-39, NAT-74.
    fn nat_carries(&mut self, at: At) -> Pass {
        let proto = self.original.proto;
        if self.packet.has(Packet::V6) || ![1, 6, 17].contains(&proto) {
            return self.stop(Stage::Natgw, Reason::Protocol, at);
        }
        if self.packet.has(Packet::FRAGMENT) && proto != 17 {
            return self.stop(Stage::Natgw, Reason::Fragment, at);
        }
        let request = matches!(self.original.dport >> 8, 8 | 13 | 15 | 17);
        if proto == 1 && !request && self.plan.quote.is_none() {
            return self.stop(Stage::Natgw, Reason::IcmpType, at);
        }
        Ok(())
    }

    /// The flow's external port: that of its live binding, or a newly chosen one.
    fn bind(&mut self, index: NatIdx, public: Ipv4Addr) -> Result<u16, Stop> {
        let at = At::Nat(index);
        let before = self.original;
        let client_key = Key::new(self.ingress, before);
        let client = (v4(before.src).into(), before.sport);
        let known = self.binding_of(&client_key, index);
        let key_of = |external| Key::new(INTERNET, with_source(before, public, external).reverse());
        if let Some(entry) = known.filter(|&e| !(self.is_first_syn() && self.flows.slot(e).closed())) {
            let external = external_port(&self.flows.tuple(entry));
            let touch = Touch::Binding { key: key_of(external), from_remote: false, live: known, nat: index, client };
            self.plan.touch(touch);
            return Ok(external);
        }
        // Its datagram's first piece went another way: whoever gets this one could not tell where it belongs.
        if self.packet.has(Packet::LATER) {
            return self.stop(Stage::Natgw, Reason::NoBinding, at);
        }
        if before.proto == 6 {
            let flags = self.packet.tcp_flags;
            if flags & tcp::RST != 0 {
                return self.stop(Stage::Natgw, Reason::NoBinding, at);
            }
            if flags & tcp::SYN == 0 {
                self.observer.gate(Stage::Natgw, at, false, Cause::Plain);
                return Err(Stop::Answer(Answer::Reset(index)));
            }
        }
        let taken = |external| {
            // Bindings of a gateway that had this address before died with it (NAT-73).
            let slot = self.flows.find(&key_of(external)).map(|e| self.flows.slot(e));
            slot.is_some_and(|s| s.extra == index.0 && s.life(self.now, &Timeouts::default()) != Life::Dead)
        };
        // The limit is asked first: a flood of flows that get none costs no search.
        let to = Destination::of(index.0, &key_of(0).tuple);
        let external = if self.destinations.has_room(&to) { self.ports.choose(&client_key, taken) } else { None };
        let Some(external) = external else {
            return self.stop(Stage::Natgw, Reason::PortAllocation, at);
        };
        self.plan.touch(Touch::Binding { key: key_of(external), from_remote: false, live: None, nat: index, client });
        Ok(external)
    }

    /// The live binding of what this ENI sends under this tuple.
    fn binding_of(&mut self, client: &Key, index: NatIdx) -> Option<u32> {
        let entry = self.flows.binding_of(self.flows.find(client)?)?;
        self.is_live_binding(entry, index, client.tuple.dst).then_some(entry)
    }

    /// Alive, of this gateway, and made after the last change of what stands behind either end's address.
    fn is_live_binding(&mut self, entry: u32, index: NatIdx, remote: IpAddr) -> bool {
        let slot = self.flows.slot(entry);
        let ends = [Ipv4Addr::from(slot.client().0), v4(remote)];
        ends.iter().for_each(|&a| self.note_public(a));
        slot.kind() == Kind::Binding
            && slot.extra == index.0
            && slot.life(self.now, &Timeouts::default()) == Life::Live
            && ends.iter().all(|&a| self.topology.association_changed(a) <= slot.generation)
    }

    /// At the gateway's private address, by way of its public one (NAT-24, NAT-75) or from elsewhere (NAT-80): only what answers a
    /// binding comes back, nobody talks to the gateway itself (NAT-28).
    pub(super) fn nat_return(&mut self, index: NatIdx, eni: &Eni) -> Pass {
        let at = At::Nat(index);
        let Some(gateway) = self.nat(index) else {
            // Out of service: nothing reaches it, so it counts nothing (NAT-16).
            return self.stop(Stage::Natgw, Reason::Unsolicited, at);
        };
        self.visits.note(index, true);
        let answered = match self.plan.quote {
            Some(quoted) => with_source(quoted, gateway.public, quoted.sport).reverse(),
            None => FiveTuple { dst: gateway.public.into(), ..self.plan.tuple },
        };
        let key = Key::new(INTERNET, answered);
        let remote = answered.src;
        let binding = self.flows.find(&key).filter(|&e| self.is_live_binding(e, index, remote));
        let Some(entry) = binding else {
            return self.stop(Stage::Natgw, Reason::Unsolicited, at);
        };
        if self.packet.has(Packet::FRAGMENT) && self.original.proto != 17 {
            return self.stop(Stage::Natgw, Reason::Fragment, at);
        }
        if self.packet.ttl <= 1 {
            return self.stop(Stage::Natgw, Reason::TtlExceeded, at);
        }
        let client = self.flows.slot(entry).client();
        let address = Ipv4Addr::from(client.0);
        let before = self.plan.tuple;
        match self.plan.quote {
            Some(quoted) => {
                self.plan.tuple.dst = IpAddr::V4(address);
                self.plan.quote = Some(with_source(quoted, address, client.1));
            }
            None => {
                self.plan.tuple = facing(before, address, client.1);
                let touch = Touch::Binding { key, from_remote: true, live: Some(entry), nat: index, client };
                self.plan.touch(touch);
            }
        }
        self.plan.nat = true;
        self.observer.gate(Stage::Natgw, at, true, Cause::Translated(before, self.plan.tuple));
        let Some(owner) = self.owner_in(eni.vpc, IpAddr::V4(address)) else {
            return self.stop(Stage::Route, Reason::NoOwner, At::Subnet(eni.subnet));
        };
        let receiver = self.eni(owner, at)?;
        if receiver.subnet != eni.subnet {
            self.nacl(eni.subnet, true)?;
            self.nacl(receiver.subnet, false)?;
        }
        self.deliver(owner, receiver)?;
        if self.plan.quote.is_none() {
            self.plan.track_client();
        }
        Ok(())
    }
}

/// `tuple` towards another destination; for ICMP the identifier stands in the source port.
fn facing(mut tuple: FiveTuple, dst: Ipv4Addr, port: u16) -> FiveTuple {
    tuple.dst = IpAddr::V4(dst);
    if tuple.proto == 1 {
        tuple.sport = port;
    } else {
        tuple.dport = port;
    }
    tuple
}

/// The external port in the remote's tuple towards it.
fn external_port(remote: &FiveTuple) -> u16 {
    if remote.proto == 1 { remote.sport } else { remote.dport }
}

/// A NAT gateway sees IPv4 alone.
fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(a) => a,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}
