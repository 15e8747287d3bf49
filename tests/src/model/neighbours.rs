//! ARP and neighbour discovery: what the fabric answers by itself (section 2).

use super::at_port;
use super::outcome::{At, Kind, Outcome};
use super::packet::{ICMP6, Packet, addr4, addr6, be16};
use super::rewrite::{advertisement, arp_reply, router_advertisement};
use super::world::{FABRIC_MAC, INTERNET_MAC, REMOTE_MAC, Side, World};
use std::net::{IpAddr, Ipv6Addr};

/// The router's link-local address.
pub(super) const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

/// The link-local address a host makes of its MAC (RFC 4291, appendix A).
pub fn eui64(mac: [u8; 6]) -> Ipv6Addr {
    let mut a = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]];
    a[2..8].fill(0);
    Ipv6Addr::from(a)
}

fn reply(port: u32, frame: Vec<u8>) -> Outcome {
    Outcome::good(Kind::Reply, vec![(port, frame)])
}

/// An ARP frame with a whole header.
pub(super) fn arp(world: &World, port: u32, frame: &[u8]) -> Outcome {
    let at = at_port(port);
    let ignored = Outcome::drop("parse", "neighbour", at);
    let good = be16(frame, 14) == 1 && be16(frame, 16) == 0x0800 && frame[18] == 6 && frame[19] == 4;
    let (asker, target) = (addr4(frame, 28), addr4(frame, 38));
    if !good || be16(frame, 20) != 1 || asker == target {
        return ignored;
    }
    let Side::Eni(s) = world.side(port) else { return reply(port, arp_reply(FABRIC_MAC, frame)) };
    let eni = &world.enis[s];
    let subnet = &world.subnets[eni.subnet];
    if eni.addresses.contains(&IpAddr::V4(target)) {
        return ignored;
    }
    if target == subnet.base4(1) || target == subnet.base4(2) {
        return reply(port, arp_reply(FABRIC_MAC, frame));
    }
    match world.owner(subnet.vpc, target.into()).filter(|&o| world.enis[o].subnet == eni.subnet) {
        Some(o) => reply(port, arp_reply(world.enis[o].mac, frame)),
        None => Outcome::drop("route", "no-owner", At::Subnet(eni.subnet)),
    }
}

/// Whether a packet belongs to neighbour discovery.
pub(super) fn is_nd(p: &Packet) -> bool {
    p.v6 && p.proto == ICMP6 && !p.is_later_fragment() && p.icmp_type().is_some_and(|t| (133..=137).contains(&t))
}

/// A packet of neighbour discovery.
pub(super) fn nd(world: &World, port: u32, p: &Packet) -> Outcome {
    let at = at_port(port);
    let ignored = Outcome::drop("parse", "neighbour", at);
    let message = &p.frame[p.l4..p.end];
    let fixed = match message[0] {
        133 => 8,
        135 => 24,
        _ => return ignored,
    };
    if p.ttl != 255 || message[1] != 0 || message.len() < fixed || !options_fit(&message[fixed..]) {
        return ignored;
    }
    if p.fragment.is_some() {
        return ignored;
    }
    let IpAddr::V6(asker) = p.src else { return ignored };
    let Side::Eni(s) = world.side(port) else {
        let mac = if port == 0 { INTERNET_MAC } else { REMOTE_MAC };
        return match message[0] {
            // Nobody out there owns an address of ours: a probe (RFC 4862) asks nothing of the fabric.
            135 if asker.is_unspecified() => ignored,
            135 => reply(port, advertisement(mac, FABRIC_MAC, addr6(message, 8), asker, true)),
            _ => ignored,
        };
    };
    let eni = &world.enis[s];
    let subnet = &world.subnets[eni.subnet];
    if message[0] == 133 {
        if subnet.net6.is_none() {
            return ignored;
        }
        return reply(port, router_advertisement(eni.mac, asker));
    }
    let target = addr6(message, 8);
    if eni.addresses.contains(&target.into()) || target == eui64(eni.mac) || target.is_multicast() {
        return ignored;
    }
    if target == ROUTER || subnet.base6(1) == Some(target) {
        return reply(port, advertisement(eni.mac, FABRIC_MAC, target, asker, true));
    }
    let other = world.enis.iter().enumerate().find(|&(i, e)| {
        i != s && e.subnet == eni.subnet && (e.addresses.contains(&target.into()) || eui64(e.mac) == target)
    });
    match other {
        Some((_, e)) => reply(port, advertisement(eni.mac, e.mac, target, asker, false)),
        None => Outcome::drop("route", "no-owner", At::Subnet(eni.subnet)),
    }
}

/// Options have a length, and it fits (RFC 4861, 7.1.1).
fn options_fit(mut options: &[u8]) -> bool {
    while !options.is_empty() {
        let len = usize::from(*options.get(1).unwrap_or(&0)) * 8;
        if len == 0 || len > options.len() {
            return false;
        }
        options = &options[len..];
    }
    true
}
