//! Which shard a packet belongs to. Stateless: a keyed symmetric hash of the tuple after every 1:1 public address has been
//! replaced by its private one; a tuple with a NAT gateway's address belongs to the shard that handed out the port; an ICMP error
//! to the shard of the packet it quotes.

use crate::nat::{SHARDS, shard_of_port};
use crate::session::FlowHash;
use crate::topology::Topology;
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
    pub fn place(&self, topology: &Topology, packet: &Packet, bytes: &[u8]) -> Place {
        if packet.has(Packet::ICMP_ERROR)
            && let Some(quoted) = quote(bytes, packet)
        {
            let hash = self.hash.tuple(&quoted.tuple);
            return Place { shard: self.shard(topology, &quoted.tuple), hash };
        }
        let (sport, dport) = crate::session::steering_ports(packet.proto, packet.sport, packet.dport);
        if packet.has(Packet::V6) {
            let (src, dst) = packet.v6_addrs(bytes);
            let hash = self.hash.v6(src, dst, sport, dport, packet.proto);
            return Place { shard: (hash as usize % SHARDS) as u8, hash };
        }
        let hash = self.hash.v4(packet.src4, packet.dst4, sport, dport, packet.proto);
        let shard = self.shard4(topology, packet.src4, packet.dst4, sport, dport, packet.proto, hash);
        Place { shard: shard as u8, hash }
    }

    /// The shard of a tuple.
    pub fn shard(&self, topology: &Topology, t: &FiveTuple) -> u8 {
        let hash = self.hash.tuple(t);
        let (sport, dport) = crate::session::steering_ports(t.proto, t.sport, t.dport);
        match (t.src, t.dst) {
            (IpAddr::V4(s), IpAddr::V4(d)) => {
                self.shard4(topology, s.into(), d.into(), sport, dport, t.proto, hash) as u8
            }
            _ => (hash as usize % SHARDS) as u8,
        }
    }

    #[inline]
    #[expect(clippy::too_many_arguments, reason = "an unpacked tuple and its hash, on the hot path")]
    fn shard4(&self, topology: &Topology, src: u32, dst: u32, sport: u16, dport: u16, proto: u8, hash: u64) -> usize {
        let (to, from) = (topology.public_owner(dst), topology.public_owner(src));
        if to.is_none() && from.is_none() {
            return hash as usize % SHARDS;
        }
        if to.is_some_and(|o| o.nat.is_some()) {
            return shard_of_port(dport);
        }
        if from.is_some_and(|o| o.nat.is_some()) {
            return shard_of_port(sport);
        }
        let src = from.map_or(src, |o| o.private.into());
        let dst = to.map_or(dst, |o| o.private.into());
        self.hash.v4(src, dst, sport, dport, proto) as usize % SHARDS
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
