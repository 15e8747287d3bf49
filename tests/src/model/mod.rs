//! The reference model: a second reading of `docs/semantics.md`, as plain as it can be written. It keeps lists and scans
//! them, parses and rewrites with its own code, and shares nothing with the dataplane. Where the product may choose (the
//! external port of a NAT gateway, the identification of frames the fabric builds), the model looks at what the product
//! did, checks that it was allowed to, and goes on with it.
//!
//! Start with [`world`] (a configuration), then `walk` (the gates). Readings of sentences that can be read in more than
//! one way are collected here:
//!
//! - Truncation is judged by the length field of the family that the Ethernet type names, before anything else. An IPv4
//!   header longer than its own datagram is `header-length`, not `truncated`.
//! - The first fragment's data offset below 5, or UDP length below 8, is `l4-header`; what they say beyond is not judged.
//! - A packet that comes in again at the edge is not asked once more whether it is land or martian: an ENI may talk to
//!   its own public address.
//! - A later fragment carries no TCP flags.
//! - A frame that a route hands to an ENI carries the fabric's MAC, even within one subnet (chapter 07, NAT instances).
//! - ARP is answered to the asker's own hardware address, other answers of the fabric go to the MAC of the port.
//! - A gateway route table applies to IPv6 as to IPv4 (RT-61, RT-96), before NACL inbound, which is that of the chosen ENI.
//! - A quoted address is translated if it has a mapping in the VPC, whether or not it equals the outer one.
//! - The quoted L4 checksum is adjusted if it is inside the quote.
//! - What a NAT gateway sends to its own subnet crosses no boundary and asks no NACL (NACL-02).
//! - No error is sent about a later fragment by a NAT gateway either.
//! - "Packet too big" comes from fe80::1 where the sender's subnet has no IPv6 block.
//! - A receiver without a port is noticed after its security groups.
//! - Detaching an ENI ends its tracks; an address that leaves it takes its tracks along (SG-213).
//! - A fragment for which there is no room is not remembered.
//! - Which errors the fabric keeps to itself depends on how it spreads flows over shards: the model checks that they are at least as many
//!   as a single shard would let pass before.

mod neighbours;
mod outcome;
pub mod packet;
pub mod rewrite;
pub mod show;
pub mod state;
pub(crate) mod sum;
mod walk;
pub mod world;

pub use neighbours::eui64;
pub use outcome::{At, Kind, Outcome};
pub use walk::Choice;
use world::Side;
pub use world::World;

use packet::{Content, Packet, be16, parse};
use state::{Datagram, State, idle_ms};
use std::collections::BTreeMap;
use std::net::IpAddr;
use walk::Walk;

/// Fragments of one datagram that may wait for its first.
const HELD: usize = 16;
/// Fragments of one datagram that are remembered.
const REMEMBERED: usize = 64;
/// How long a datagram is remembered (ms).
const DATAGRAM_MS: u64 = 30_000;

/// The model and its memory.
pub struct Model {
    pub world: World,
    pub state: State,
    /// Latest time seen, nanoseconds.
    pub now: u64,
    /// Bindings towards one remote that a gateway must be able to hold before it may refuse one.
    pub slice: usize,
    /// Flows that a gateway carries to one destination at a time (NAT-34).
    pub limit: usize,
    /// How often each thing worth covering happened.
    pub notes: BTreeMap<String, u64>,
    /// Choices of the product that were not legal, by frame.
    pub illegal: Vec<(u64, String)>,
}

/// Where a frame with this number ended in the product, if that is known yet.
pub type Actuals<'a> = &'a dyn Fn(u64) -> Option<Outcome>;

impl Model {
    /// An empty world at time 0.
    pub fn new(slice: usize, limit: usize) -> Model {
        Model {
            world: World::default(),
            state: State::default(),
            now: 0,
            slice,
            limit,
            notes: BTreeMap::new(),
            illegal: Vec::new(),
        }
    }

    /// A new configuration, effective for the next frame.
    pub fn set_world(&mut self, next: World) {
        let old = std::mem::replace(&mut self.world, next);
        let new = &self.world;
        let association = |w: &World, public| {
            let (vpc, private) = w.behind(public)?;
            Some((vpc, private, w.owner(vpc, IpAddr::V4(private))))
        };
        let changed = |remote: IpAddr| match remote {
            IpAddr::V4(a) => association(&old, a) != association(new, a),
            IpAddr::V6(_) => false,
        };
        let gone = |eni: usize, local: IpAddr| {
            let (Some(before), Some(after)) = (old.enis.get(eni), new.enis.get(eni)) else { return true };
            (before.attached && !after.attached)
                || (before.addresses.contains(&local) && !after.addresses.contains(&local))
        };
        let vpc = |w: &World, eni: usize| w.enis.get(eni).map(|_| w.vpc_of(eni));
        let gateway = |w: &World, of: usize, a: IpAddr| {
            w.nats.iter().flatten().any(|n| !n.out && IpAddr::V4(n.private) == a && vpc(w, n.eni) == Some(of))
        };
        let turned = |eni: usize, a: IpAddr| {
            vpc(new, eni).or(vpc(&old, eni)).is_some_and(|v| gateway(&old, v, a) != gateway(new, v, a))
        };
        self.state.tracks.retain(|t| {
            let (local, remote) = (t.tuple.src, t.tuple.dst);
            !changed(local)
                && !changed(remote)
                && !gone(t.eni, local)
                && !turned(t.eni, local)
                && !turned(t.eni, remote)
        });
        for binding in self.state.bindings.iter_mut().filter(|b| changed(b.client.src) || changed(b.client.dst)) {
            binding.ended = true;
        }
        self.state.bindings.retain(|b| new.nats.get(b.nat).is_some_and(Option::is_some));
        self.state.flows.retain(|f| new.vpcs.get(f.vpc).is_some_and(|v| v.eigw));
    }

    /// One frame. More than one outcome if it releases others, none if it is held.
    pub fn frame(&mut self, seq: u64, now: u64, port: u32, bytes: &[u8], actuals: Actuals<'_>) -> Vec<(u64, Outcome)> {
        self.now = self.now.max(now);
        let mut done = self.expire(|since, now| idle_ms(now, since) >= DATAGRAM_MS);
        self.state.sweep(self.now);
        let at = at_port(port);
        let side = self.world.side(port);
        let mtu = if let Side::Eni(_) = side { world::ENI_MTU } else { world::EDGE_MTU };
        match parse(bytes, mtu) {
            Err(reason) => done.push((seq, Outcome::drop("parse", reason, at))),
            Ok(Content::Arp) => done.push((seq, neighbours::arp(&self.world, port, bytes))),
            Ok(Content::Ip(packet)) => match packet.fragment {
                None => {
                    let outcome = self.judge(seq, port, *packet, actuals);
                    done.push((seq, outcome));
                }
                Some(_) => self.fragment(seq, port, *packet, actuals, &mut done),
            },
        }
        for (_, outcome) in &done {
            self.note(outcome);
        }
        done
    }

    /// The end of input: what is still held.
    pub fn finish(&mut self) -> Vec<(u64, Outcome)> {
        let done = self.expire(|_, _| true);
        for (_, outcome) in &done {
            self.note(outcome);
        }
        done
    }

    fn note(&mut self, outcome: &Outcome) {
        let key = match (outcome.stage, outcome.reason) {
            (Some(s), Some(r)) => format!("{} {s}/{r}", outcome.kind.name()),
            _ => outcome.kind.name().to_string(),
        };
        *self.notes.entry(key).or_default() += 1;
    }

    fn expire(&mut self, over: impl Fn(u64, u64) -> bool) -> Vec<(u64, Outcome)> {
        let now = self.now;
        let mut done = Vec::new();
        self.state.datagrams.retain(|d| {
            if !over(d.since, now) {
                return true;
            }
            let at = at_port(d.key.0);
            done.extend(d.held.iter().map(|(seq, _)| (*seq, Outcome::drop("parse", "fragment-timeout", at))));
            false
        });
        done
    }

    fn fragment(&mut self, seq: u64, port: u32, packet: Packet, actuals: Actuals<'_>, done: &mut Vec<(u64, Outcome)>) {
        let Some(f) = packet.fragment else { return };
        let at = at_port(port);
        let key = Datagram::key(port, &packet, &f);
        let index = match self.state.datagrams.iter().position(|d| d.key == key) {
            Some(i) => i,
            None => {
                self.state.datagrams.push(Datagram {
                    key,
                    since: self.now,
                    poisoned: false,
                    ports: None,
                    seen: Vec::new(),
                    held: Vec::new(),
                });
                self.state.datagrams.len() - 1
            }
        };
        let d = &mut self.state.datagrams[index];
        let (start, end) = (f.offset, f.offset + f.len);
        if d.poisoned || d.seen.iter().any(|&(s, e)| start < e && s < end) {
            d.poisoned = true;
            done.extend(d.held.drain(..).map(|(s, _)| (s, Outcome::drop("parse", "fragment-overlap", at))));
            done.push((seq, Outcome::drop("parse", "fragment-overlap", at)));
            return;
        }
        let waits = f.offset > 0 && d.ports.is_none();
        if d.seen.len() >= REMEMBERED || (waits && d.held.len() >= HELD) {
            done.push((seq, Outcome::drop("parse", "fragment-table-full", at)));
            return;
        }
        d.seen.push((start, end));
        if waits {
            d.held.push((seq, packet));
            return;
        }
        let ports = *d.ports.get_or_insert((packet.proto, packet.sport, packet.dport));
        let held = std::mem::take(&mut d.held);
        for (seq, mut packet) in std::iter::once((seq, packet)).chain(held) {
            (packet.proto, packet.sport, packet.dport) = ports;
            let outcome = self.judge(seq, port, packet, actuals);
            done.push((seq, outcome));
        }
    }

    /// A packet whose ports are known.
    fn judge(&mut self, seq: u64, port: u32, packet: Packet, actuals: Actuals<'_>) -> Outcome {
        let side = self.world.side(port);
        let actual = actuals(seq);
        let mut walk = Walk {
            world: &self.world,
            state: &self.state,
            now: self.now,
            choice: choice(actual.as_ref()),
            slice: self.slice,
            limit: self.limit,
            original: packet.clone(),
            packet,
            sender: if let Side::Eni(e) = side { Some(e) } else { None },
            touches: Vec::new(),
            through_nat: Vec::new(),
            neighbour: false,
            pieces: false,
            illegal: None,
            notes: Vec::new(),
        };
        let nd = neighbours::is_nd(&walk.packet);
        let end = match side {
            _ if nd => Ok(neighbours::nd(&self.world, port, &walk.packet)),
            Side::Eni(s) => walk.leave_eni(s),
            Side::Vgw(vpc) => walk.enter_by_vgw(vpc),
            Side::Internet => walk.sane(At::Internet).and_then(|()| walk.enter_vpc()),
        };
        let (touches, through, notes) = (walk.touches, walk.through_nat, walk.notes);
        let flags = walk.original.flags;
        self.illegal.extend(walk.illegal.map(|text| (seq, text)));
        for note in notes {
            *self.notes.entry(note).or_default() += 1;
        }
        let outcome = end.unwrap_or_else(|stopped| *stopped);
        let outcome = self.paced(seq, outcome, actual.as_ref());
        if outcome.kind == Kind::Forward {
            let world = &self.world;
            self.state.commit(&touches, &through, flags, self.now, |e| world.enis[e].timeouts);
        }
        outcome
    }
}

impl Model {
    /// An error that the fabric may keep to itself, if it has told this ENI many lately.
    fn paced(&mut self, seq: u64, outcome: Outcome, actual: Option<&Outcome>) -> Outcome {
        let (Kind::Reply, Some(stage), Some(reason), Some(at)) =
            (outcome.kind, outcome.stage, outcome.reason, outcome.at)
        else {
            return outcome;
        };
        let port = outcome.out.first().map_or(0, |(port, _)| *port);
        let kept = actual.is_some_and(|a| (a.kind, a.stage, a.reason) == (Kind::Drop, Some(stage), Some(reason)));
        if !kept {
            self.state.told.push((port, self.now));
            return outcome;
        }
        if !self.state.told_enough(port, self.now) {
            self.illegal.push((seq, format!("{stage}/{reason} kept from port {port}, which was told little")));
        }
        Outcome::drop(stage, reason, at)
    }
}

/// A port, where nothing but its number matters: the number of an ENI, or one beyond.
fn at_port(port: u32) -> At {
    port.checked_sub(1).map_or(At::Internet, |n| At::Eni(n as usize))
}

/// What the product chose for a frame, as far as its outputs show.
fn choice(actual: Option<&Outcome>) -> Choice {
    match actual {
        None => Choice::Own,
        Some(o) if o.reason == Some("port-allocation") => Choice::Refused,
        Some(o) => match o.out.first().filter(|_| o.kind == Kind::Forward).and_then(|(_, f)| rewrite::read(f)) {
            Some(p) if !p.is_later_fragment() => Choice::Port(p.sport),
            _ => Choice::Unseen,
        },
    }
}

/// Copies the identification that the product chose for an IPv4 frame of its own into ours.
pub fn adopt_identification(expected: &mut [u8], actual: &[u8]) {
    if expected.len() < 34 || actual.len() < 34 || be16(expected, 12) != 0x0800 || be16(actual, 12) != 0x0800 {
        return;
    }
    expected[18..20].copy_from_slice(&actual[18..20]);
    expected[24..26].fill(0);
    let header = 14 + usize::from(expected[14] & 15) * 4;
    let ck = sum::of(&[&expected[14..header]]);
    expected[24..26].copy_from_slice(&ck.to_be_bytes());
}
