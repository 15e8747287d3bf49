//! Which shard a packet belongs to. Stateless: a keyed symmetric hash of the tuple after every 1:1 public address has been
//! replaced by its private one; a tuple with a NAT gateway's address belongs to the shard that handed out the port; an ICMP error
//! to the shard of the packet it quotes.

use crate::nat::{SHARDS, shard_of_port};
use crate::session::FlowHash;
use crate::topology::{PortNo, PublicOwner, Topology};
use std::net::IpAddr;
use vpcd_wire::{FiveTuple, Packet, quote};

/// Where a packet is handled, and the hash of its tuple as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub shard: u8,
    pub hash: u64,
}

/// The steering function of one engine.
#[derive(Clone, Copy, Debug)]
pub struct Steering {
    hash: FlowHash,
}

impl Steering {
    /// With the keys of the engine.
    pub fn new(hash: FlowHash) -> Steering {
        Steering { hash }
    }

    /// The shard of a packet (ports of later fragments filled in).
    #[inline]
    pub fn place(&self, topology: &Topology, ingress: PortNo, packet: &Packet, bytes: &[u8]) -> Place {
        if packet.has(Packet::ICMP_ERROR)
            && let Some(quoted) = quote(bytes, packet)
        {
            let hash = self.hash.tuple(&quoted.tuple);
            return Place { shard: self.shard(topology, ingress, &quoted.tuple), hash };
        }
        let (sport, dport) = crate::session::steering_ports(packet.proto, packet.sport, packet.dport);
        if packet.has(Packet::V6) {
            let (src, dst) = packet.v6_addrs(bytes);
            let hash = self.hash.v6(src, dst, sport, dport, packet.proto);
            return Place { shard: (hash as usize % SHARDS) as u8, hash };
        }
        let hash = self.hash.v4(packet.src4, packet.dst4, sport, dport, packet.proto);
        let shard = self.shard4(topology, ingress, (packet.src4, sport), (packet.dst4, dport), packet.proto, hash);
        Place { shard: shard as u8, hash }
    }

    /// The shard of a tuple.
    pub fn shard(&self, topology: &Topology, ingress: PortNo, t: &FiveTuple) -> u8 {
        let hash = self.hash.tuple(t);
        let (sport, dport) = crate::session::steering_ports(t.proto, t.sport, t.dport);
        match (t.src, t.dst) {
            (IpAddr::V4(s), IpAddr::V4(d)) => {
                self.shard4(topology, ingress, (s.into(), sport), (d.into(), dport), t.proto, hash) as u8
            }
            _ => (hash as usize % SHARDS) as u8,
        }
    }

    #[inline]
    fn shard4(
        &self,
        topology: &Topology,
        ingress: PortNo,
        from: (u32, u16),
        to: (u32, u16),
        proto: u8,
        hash: u64,
    ) -> usize {
        if topology.may_be_special(from.0) || topology.may_be_special(to.0) {
            return self.special(topology, ingress, from, to, proto);
        }
        hash as usize % SHARDS
    }

    /// A public address stands for its private one; a NAT gateway's address, public or private, for the port.
    fn special(&self, topology: &Topology, ingress: PortNo, from: (u32, u16), to: (u32, u16), proto: u8) -> usize {
        let (source, target) = (topology.public_owner(from.0), topology.public_owner(to.0));
        let is_nat = |owner: Option<&PublicOwner>, address| match owner {
            Some(owner) => owner.nat.is_some(),
            None => topology.is_nat_private(ingress, address),
        };
        if is_nat(target, to.0) {
            return shard_of_port(to.1);
        }
        if is_nat(source, from.0) {
            return shard_of_port(from.1);
        }
        let src = source.map_or(from.0, |o| o.private.into());
        let dst = target.map_or(to.0, |o| o.private.into());
        self.hash.v4(src, dst, from.1, to.1, proto) as usize % SHARDS
    }

    /// The shard where the fragments of a datagram meet.
    pub fn fragment_shard(&self, packet: &Packet, bytes: &[u8]) -> u8 {
        let proto = if packet.has(Packet::V6) { 0 } else { u64::from(packet.proto) };
        let id = u64::from(packet.frag_id) << 8 | proto;
        let hash = if packet.has(Packet::V6) {
            let (s, d) = packet.v6_addrs(bytes);
            self.hash.words(&[s as u64, (s >> 64) as u64, d as u64, (d >> 64) as u64, id])
        } else {
            self.hash.words(&[u64::from(packet.src4) << 32 | u64::from(packet.dst4), id])
        };
        (hash as usize % SHARDS) as u8
    }
}
