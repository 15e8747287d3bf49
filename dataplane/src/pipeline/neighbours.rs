//! ARP and neighbour discovery, answered where they arrive: nothing is flooded, and an ENI learns of the router and of the
//! neighbours that exist (SUB-08, SUB-11).

use super::plan::Answer;
use super::{At, Observer, Pass, ROUTER_LINK_LOCAL, Reason, Stage, Stop, Walk};
use crate::topology::{Behind, Eni, EniIdx, PortNo, Topology};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpcd_wire::{Arp, FABRIC_MAC, Mac, parse_nd};

const REQUEST: u16 = 1;

/// What becomes of an ARP packet: an answer, or a drop.
pub fn arp(topology: &Topology, ingress: PortNo, arp: &Arp) -> Stop {
    let at = At::of_port(ingress);
    let Behind::Eni(index) = topology.behind(ingress) else {
        return if arp.op == REQUEST && arp.spa != arp.tpa { router() } else { ignored(at) };
    };
    let Some(eni) = topology.enis.get(index.at()) else {
        return ignored(at);
    };
    if arp.op != REQUEST || arp.spa == arp.tpa || eni.addresses4.contains(&arp.tpa) {
        return ignored(at);
    }
    let nobody = Stop::Drop(Stage::Route, Reason::NoOwner, At::Subnet(eni.subnet));
    let Some(subnet) = topology.subnets.get(eni.subnet.at()) else {
        return nobody;
    };
    let resolver = Ipv4Addr::from(u32::from(subnet.router4()).wrapping_add(1));
    if arp.tpa == subnet.router4() || arp.tpa == resolver {
        return router();
    }
    match neighbour(topology, eni, IpAddr::V4(arp.tpa)) {
        Some(mac) => Stop::Answer(Answer::Neighbour { mac, router: false }),
        None => nobody,
    }
}

fn router() -> Stop {
    Stop::Answer(Answer::Neighbour { mac: FABRIC_MAC, router: true })
}

fn ignored(at: At) -> Stop {
    Stop::Drop(Stage::Parse, Reason::Neighbour, at)
}

/// The MAC of the ENI of the same subnet that owns `address`.
fn neighbour(topology: &Topology, eni: &Eni, address: IpAddr) -> Option<Mac> {
    let owner = topology.addresses.get(eni.vpc.at())?.owner(address)?;
    let owner = topology.enis.get(owner.at())?;
    (owner.subnet == eni.subnet).then_some(owner.mac)
}

impl<O: Observer> Walk<'_, O> {
    /// Neighbour discovery never goes further than this.
    pub(super) fn neighbour_discovery(&mut self, index: EniIdx, eni: &Eni) -> Pass {
        if !self.is_neighbour_discovery() {
            return Ok(());
        }
        let ignored = Err(ignored(At::Eni(index)));
        let Ok(nd) = parse_nd(self.bytes, self.packet) else {
            return ignored;
        };
        let subnet = self.subnet(eni.subnet)?;
        match (nd.typ, nd.target) {
            (133, _) if subnet.cidr6.is_some() => Err(Stop::Answer(Answer::Router)),
            (135, Some(target)) if eni.addresses6.contains(&target) || target == link_local(eni.mac) => ignored,
            (135, Some(target)) if target == ROUTER_LINK_LOCAL || Some(target) == subnet.router6() => Err(router()),
            (135, Some(target)) => match self.neighbour6(eni, target) {
                Some(mac) => Err(Stop::Answer(Answer::Neighbour { mac, router: false })),
                None => Err(Stop::Drop(Stage::Route, Reason::NoOwner, At::Subnet(eni.subnet))),
            },
            _ => ignored,
        }
    }

    /// The port towards another network is a point-to-point edge: every address behind it is ours to answer for.
    pub(super) fn neighbour_discovery_at_the_edge(&mut self) -> Pass {
        if !self.is_neighbour_discovery() {
            return Ok(());
        }
        match parse_nd(self.bytes, self.packet) {
            Ok(nd) if nd.typ == 135 && !self.original.src.is_unspecified() => Err(router()),
            _ => Err(ignored(At::of_port(self.ingress))),
        }
    }

    fn neighbour6(&self, eni: &Eni, target: Ipv6Addr) -> Option<Mac> {
        if !target.is_unicast_link_local() {
            return neighbour(self.topology, eni, IpAddr::V6(target));
        }
        let others = self.topology.enis.iter().map(|(_, e)| e);
        others.filter(|e| e.subnet == eni.subnet).map(|e| e.mac).find(|&mac| link_local(mac) == target)
    }
}

/// The link-local address a host derives from its MAC (RFC 4291, appendix A).
fn link_local(mac: Mac) -> Ipv6Addr {
    let m = mac.0;
    let mut b = [0; 16];
    b[..2].copy_from_slice(&[0xfe, 0x80]);
    b[8..].copy_from_slice(&[m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]]);
    b.into()
}
