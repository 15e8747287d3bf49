//! Shallow reassembly: later fragments learn the ports of their first one; none is put together (NACL-207, NAT-78).
//!
//! The table answers what to do with a fragment before anything else is asked about it. It is bounded in datagrams, fragments
//! and frames, shares its places between the ports, fails closed, and forgets a datagram 30 seconds after its first-seen fragment.

use crate::pipeline::Reason;
use crate::shares::Shares;
use crate::topology::PortNo;
use hashbrown::HashMap;
use std::collections::VecDeque;
use vpcd_wire::{Frame, Packet};

/// Datagrams remembered per table.
const DATAGRAMS: u32 = 1024;
/// Fragments remembered per datagram.
const PIECES: usize = 64;
/// Frames held per datagram until its first fragment comes.
const HELD: usize = 16;
/// Frames held per table: what they take of memory is bounded by this times the largest frame.
const HELD_IN_ALL: u32 = 128;
const LIFETIME_MS: u64 = 30_000;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Datagram {
    ingress: PortNo,
    addresses: [u128; 2],
    id: u32,
    proto: u8,
}

struct Entry {
    /// First seen (ms).
    since: u64,
    /// Protocol and ports, once the first fragment has told them.
    ports: Option<(u8, u16, u16)>,
    poisoned: bool,
    /// (offset, end) in bytes.
    pieces: Vec<(u32, u32)>,
    held: Vec<(Frame, Packet)>,
}

/// What to do with a fragment.
pub enum Fate {
    /// Go on with the ports filled in; the frames held so far follow it.
    Go(Packet, Vec<(Frame, Packet)>),
    /// Kept here.
    Held,
    /// Dropped, and with it the frames held so far.
    Drop(Reason, Frame, Vec<Frame>),
}

/// The fragments of one shard.
pub struct Fragments {
    table: HashMap<Datagram, Entry, foldhash::quality::RandomState>,
    /// In order of `since`.
    order: VecDeque<(u64, Datagram)>,
    datagrams: Shares,
    held: Shares,
}

impl Default for Fragments {
    fn default() -> Fragments {
        Fragments {
            table: HashMap::default(),
            order: VecDeque::new(),
            datagrams: Shares::of(DATAGRAMS),
            held: Shares::of(HELD_IN_ALL),
        }
    }
}

impl Fragments {
    /// Frames held at the moment.
    pub fn held(&self) -> usize {
        self.held.used()
    }

    /// Decides about one fragment. `now` in milliseconds. The frame comes back in every case but `Held` ([`Fate::Go`] leaves it in `frame`).
    pub fn offer(&mut self, now: u64, frame: &mut Frame, packet: &Packet) -> Fate {
        let key = Datagram {
            ingress: frame.port,
            addresses: if packet.has(Packet::V6) {
                let (s, d) = packet.v6_addrs(frame.bytes());
                [s, d]
            } else {
                [packet.src4.into(), packet.dst4.into()]
            },
            id: packet.frag_id,
            proto: if packet.has(Packet::V6) { 0 } else { packet.proto },
        };
        if !self.table.contains_key(&key) {
            if !self.datagrams.admit(key.ingress) {
                return Fate::Drop(Reason::FragmentTableFull, std::mem::take(frame), Vec::new());
            }
            self.datagrams.take(key.ingress);
            self.order.push_back((now, key));
            let entry = Entry { since: now, ports: None, poisoned: false, pieces: Vec::new(), held: Vec::new() };
            self.table.insert(key, entry);
        }
        let Some(entry) = self.table.get_mut(&key) else {
            return Fate::Held;
        };
        let from = u32::from(packet.frag_off) * 8;
        let piece = (from, from + (packet.end.saturating_sub(u32::from(packet.l4))));
        let overlaps = entry.pieces.iter().any(|&(a, b)| piece.0 < b && a < piece.1);
        if entry.poisoned || overlaps {
            entry.poisoned = true;
            let held = std::mem::take(&mut entry.held);
            self.held.give(key.ingress, held.len());
            return Fate::Drop(Reason::FragmentOverlap, std::mem::take(frame), held.into_iter().map(|h| h.0).collect());
        }
        if entry.pieces.len() >= PIECES {
            return Fate::Drop(Reason::FragmentTableFull, std::mem::take(frame), Vec::new());
        }
        if !packet.has(Packet::LATER) {
            entry.pieces.push(piece);
            let ports = (packet.proto, packet.sport, packet.dport);
            entry.ports = Some(ports);
            let held = std::mem::take(&mut entry.held);
            self.held.give(key.ingress, held.len());
            return Fate::Go(*packet, held.into_iter().map(|(f, p)| (f, with_ports(p, ports))).collect());
        }
        if let Some(ports) = entry.ports {
            entry.pieces.push(piece);
            return Fate::Go(with_ports(*packet, ports), Vec::new());
        }
        if entry.held.len() >= HELD || !self.held.admit(key.ingress) {
            return Fate::Drop(Reason::FragmentTableFull, std::mem::take(frame), Vec::new());
        }
        entry.pieces.push(piece);
        entry.held.push((std::mem::take(frame), *packet));
        self.held.take(key.ingress);
        Fate::Held
    }

    /// Forgets what is older than 30 s and returns the frames whose first fragment never came. `u64::MAX` forgets all.
    pub fn expire(&mut self, now: u64, late: &mut Vec<Frame>) {
        while let Some(&(since, key)) = self.order.front() {
            if now.saturating_sub(since) < LIFETIME_MS {
                break;
            }
            self.order.pop_front();
            if let Some(entry) = self.table.remove(&key) {
                debug_assert_eq!(entry.since, since);
                self.datagrams.give(key.ingress, 1);
                self.held.give(key.ingress, entry.held.len());
                late.extend(entry.held.into_iter().map(|h| h.0));
            }
        }
    }
}

fn with_ports(mut packet: Packet, (proto, sport, dport): (u8, u16, u16)) -> Packet {
    (packet.proto, packet.sport, packet.dport) = (proto, sport, dport);
    packet
}
