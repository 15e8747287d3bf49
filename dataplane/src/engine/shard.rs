//! One shard: the flows it owns, and what is done with a packet of them. A hit applies what an earlier walk found; anything
//! else walks, commits what the walk found, and remembers it.

use super::pace::Pace;
use super::paths::Paths;
use super::{Config, Sink};
use crate::nat::{Destination, Destinations, Lease, Ports, Tallies};
use crate::pipeline::{
    Answer, At, EDGE_MTU, Observer, Plan, ROUTER_LINK_LOCAL, Reason, Stage, Stop, Touch, Verdict, Visits, Walk,
};
use crate::session::{FlowHash, Flows, Full, Key, Kind, Life, Slot, flag, stamp, state};
use crate::topology::{Behind, EniIdx, NatIdx, Topology};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use vpcd_wire::{
    Arp, FABRIC_MAC, Frame, Mac, Packet, Rewrite4, build_arp_reply, build_icmp4_error, build_icmp6_too_big, build_na,
    build_ra, build_tcp_rst4, fragment4, parse_nd, quote, rewrite_error4, set_macs, tcp,
};

/// One session looked at per eight jobs: looking costs memory bandwidth, and a full table reclaims on demand.
const JOBS_PER_ROUND: u32 = 64;
const SESSIONS_PER_ROUND: usize = 8;
/// Longest gap after which every session is looked at.
const SWEEP_GAP_NS: u64 = (1 << 30) * 1_000_000;
/// A gap that no state survives.
const FORGET_GAP_NS: u64 = (1 << 31) * 1_000_000;

/// What a packet is handled with besides the shard itself.
pub(super) struct Context<'a> {
    pub(super) topology: &'a Topology,
    pub(super) paths: &'a mut Paths,
    pub(super) cache: bool,
    /// Remembered actions that a change has overtaken.
    pub(super) overtaken: &'a mut u64,
    pub(super) nats: &'a mut Tallies,
    /// A frame to build answers in.
    pub(super) scratch: &'a mut Frame,
}

/// The flows of one shard.
pub(super) struct Shard {
    pub(super) flows: Flows,
    ports: Ports,
    destinations: Arc<Destinations>,
    pace: Pace,
    /// Latest time seen (ns).
    clock: u64,
    /// Time of the last look at every session (ns).
    swept: u64,
    jobs: u32,
}

impl Shard {
    pub(super) fn new(number: usize, config: &Config, hash: FlowHash, destinations: &Arc<Destinations>) -> Shard {
        let mean = config.sessions.div_ceil(crate::nat::SHARDS);
        // Six standard deviations of a binomial: no shard refuses while others have room.
        let room = mean + 6 * mean.isqrt() + 16;
        Shard {
            flows: Flows::new(room, hash),
            ports: Ports::new(number, config.ports_per_slice, hash),
            destinations: Arc::clone(destinations),
            pace: Pace::default(),
            clock: 0,
            swept: 0,
            jobs: 0,
        }
    }

    /// The time of a job of this shard. Time never runs backwards for a flow, whichever worker received its frame. Dead sessions are reclaimed at
    /// the pace of the shard's own jobs, so that what is left when the table is full does not depend on the number of workers.
    #[inline]
    pub(super) fn clock(&mut self, now_ns: u64) -> u64 {
        self.clock = self.clock.max(now_ns);
        self.jobs = self.jobs.wrapping_add(1);
        if self.jobs.is_multiple_of(JOBS_PER_ROUND) {
            self.flows.reclaim(stamp(self.clock), SESSIONS_PER_ROUND);
        }
        if self.clock - self.swept >= SWEEP_GAP_NS {
            self.sweep();
        }
        self.clock
    }

    /// Looks at every session: their stamps are 32 bits wide.
    #[cold]
    fn sweep(&mut self) {
        if self.clock - self.swept >= FORGET_GAP_NS {
            self.flows.clear();
        } else {
            let round = self.flows.round();
            self.flows.reclaim(stamp(self.clock), round);
        }
        self.swept = self.clock;
    }

    /// Reclaims while nothing arrives.
    pub(super) fn rest(&mut self, now_ns: u64, sessions: usize) {
        self.clock = self.clock.max(now_ns);
        self.flows.reclaim(stamp(self.clock), sessions);
    }

    /// Ends leases that are due; the time of the next one (ns). `idle` hears of each binding that has been idle for too long.
    pub(super) fn expire_leases(&mut self, now_ns: u64, mut idle: impl FnMut(&Slot)) -> Option<u64> {
        let clock = &mut self.clock;
        // What is over now is over for every later packet.
        self.flows.expire_leases(now_ns, |binding| {
            *clock = now_ns.max(*clock);
            idle(binding);
        });
        self.flows.next_lease()
    }

    /// The remembered action, applied: the port the frame leaves by. None: the packet must walk.
    #[inline]
    pub(super) fn hit(
        &mut self,
        cx: &mut Context<'_>,
        frame: &mut Frame,
        packet: &Packet,
        (hash, guess): (u64, u32),
        now: u32,
    ) -> Option<(u32, u32)> {
        let p = packet;
        let entry = if packet.has(Packet::V6) {
            self.flows.find_hashed(hash, &Key::new(frame.port, packet.tuple(frame.bytes())))?
        } else if self.flows.slot(guess).is_v4(frame.port, p.src4, p.dst4, p.sport, p.dport, p.proto) {
            guess
        } else {
            self.flows.find4(hash, frame.port, p.src4, p.dst4, p.sport, p.dport, p.proto)?
        };
        let slot = *self.flows.slot(entry);
        if !slot.has(flag::ACTION) || packet.has(Packet::ICMP_ERROR) {
            return None;
        }
        if slot.has(flag::NAT) && (packet.ttl <= 1 || packet.has(Packet::FRAGMENT) && packet.proto != 17) {
            return None;
        }
        if slot.has(flag::EDGE) && packet.l3_len() > EDGE_MTU {
            return None;
        }
        let generation = cx.topology.generation as u32;
        if slot.generation != generation && !cx.paths.holds(slot.path, slot.generation, cx.topology) {
            self.overtaken(cx, entry);
            return None;
        }
        let first_syn = packet.proto == 6 && packet.tcp_flags & (tcp::SYN | tcp::ACK) == tcp::SYN;
        if slot.kind() != Kind::None
            && (slot.life(now, self.flows.limits(&slot)) != Life::Live || first_syn && slot.closing())
        {
            return None;
        }
        let peer = if slot.has(flag::PEER) {
            let peer = self.flows.peer(&slot)?;
            let state = self.flows.slot(peer);
            if state.life(now, self.flows.limits(state)) != Life::Live || first_syn && state.closing() {
                return None;
            }
            Some((peer, state.state))
        } else {
            None
        };
        let own = self.flows.slot_mut(entry)?;
        own.generation = generation;
        if slot.kind() == Kind::None {
            own.last = now;
        } else {
            own.touch(true, packet.tcp_flags, now);
        }
        if let Some((peer, _)) = peer {
            self.flows.slot_mut(peer)?.touch(false, packet.tcp_flags, now);
        }
        if slot.has(flag::NAT) {
            // What comes from the internet has its binding's own tuple; what goes there rests on it.
            let from_remote = slot.kind() == Kind::Binding;
            if let Some((binding, before)) = if from_remote { Some((entry, slot.state)) } else { peer } {
                let after = self.flows.slot(binding);
                cx.nats.passed(after.extra, from_remote, packet.l3_len());
                if after.state != before {
                    self.progressed(cx.nats, binding, before, packet.tcp_flags);
                }
            }
        }
        if slot.has(flag::REWRITE) {
            slot.rw.apply(frame, packet, slot.has(flag::NAT));
        }
        let source = if slot.has(flag::NEIGHBOUR) { cx.topology.mac(frame.port) } else { FABRIC_MAC };
        set_macs(frame.bytes_mut(), cx.topology.mac(slot.egress), source);
        Some((slot.egress, slot.path))
    }

    /// A packet brought a binding from state `before` on: TCP may be established now, or closed (NAT-76).
    #[cold]
    fn progressed(&mut self, nats: &mut Tallies, binding: u32, before: u8, tcp_flags: u8) {
        let Some(slot) = self.flows.slot_mut(binding).filter(|s| s.proto() == 6) else {
            return;
        };
        if slot.state & !before & state::STREAM != 0 {
            if tcp_flags & (tcp::SYN | tcp::RST) != 0 {
                // A SYN sent again, or a refusal, is no third segment: that may still come.
                slot.state &= !state::STREAM;
            } else {
                nats.of(slot.extra).established += 1;
            }
        }
        if slot.closed() {
            self.flows.end_lease(binding);
        }
    }

    /// What changed stays changed: the action never holds again. Forgetting it now counts each flow once, even if what walks is dropped.
    #[cold]
    fn overtaken(&mut self, cx: &mut Context<'_>, entry: u32) {
        *cx.overtaken += 1;
        if let Some(slot) = self.flows.slot_mut(entry) {
            slot.forget_action();
        }
    }

    /// Walks, commits, sends.
    pub(super) fn walk<S: Sink>(
        &mut self,
        cx: &mut Context<'_>,
        mut frame: Frame,
        packet: &Packet,
        now_ns: u64,
        sink: &mut S,
    ) {
        let now = stamp(now_ns);
        let (outcome, visits) = self.ask(cx.topology, &frame, packet, now, &mut ());
        let bytes = packet.l3_len();
        match outcome {
            Ok(plan) => {
                let key = Key::new(frame.port, packet.tuple(frame.bytes()));
                match self.commit(cx, &plan, &key, packet, now) {
                    Ok(()) => {
                        count_visits(cx.nats, &visits, bytes, None);
                        self.send(cx, frame, packet, &plan, sink);
                    }
                    Err(Refused::Ports(nat)) => {
                        count_visits(cx.nats, &visits, bytes, Some(Reason::PortAllocation));
                        let verdict = Verdict::drop(Stage::Natgw, Reason::PortAllocation, Some(At::Nat(nat)));
                        sink.done(frame, verdict, None);
                    }
                    Err(Refused::Full(port)) => {
                        count_visits(cx.nats, &visits, bytes, Some(Reason::SessionTableFull));
                        let at = At::of_port(port);
                        let verdict = Verdict::drop(Stage::Engine, Reason::SessionTableFull, Some(at));
                        sink.done(frame, verdict, None);
                    }
                }
            }
            Err(Stop::Drop(stage, reason, at)) => {
                count_visits(cx.nats, &visits, bytes, Some(reason));
                sink.done(frame, Verdict::drop(stage, reason, Some(at)), None);
            }
            Err(Stop::Punt) => sink.done(frame, Verdict::PUNT, None),
            Err(Stop::Answer(answer)) => {
                let error = answer.error();
                count_visits(cx.nats, &visits, bytes, error.map(|e| e.1));
                if let Some((stage, reason, at)) = error
                    && !self.pace.admits(frame.port, now_ns)
                {
                    return sink.done(frame, Verdict::drop(stage, reason, Some(at)), None);
                }
                let verdict = self.answer(cx, &mut frame, packet, answer);
                sink.originate(frame.port, cx.scratch, &frame);
                sink.done(frame, verdict, None);
            }
        }
    }

    /// The walk alone, seen by `observer`: what `explain` does.
    pub(super) fn ask<O: Observer>(
        &self,
        topology: &Topology,
        frame: &Frame,
        packet: &Packet,
        now: u32,
        observer: &mut O,
    ) -> (Result<Plan, Stop>, Visits) {
        Walk::new(
            topology,
            &self.flows,
            (&self.ports, &self.destinations),
            packet,
            frame.bytes(),
            now,
            frame.port,
            observer,
        )
        .run()
    }

    /// Makes and touches the state of a packet that is going to be forwarded, and remembers the way.
    fn commit(
        &mut self,
        cx: &mut Context<'_>,
        plan: &Plan,
        key: &Key,
        packet: &Packet,
        now: u32,
    ) -> Result<(), Refused> {
        let mut lease = self.lease(plan)?;
        let mut own = self.flows.find(key);
        // Who sends pays, even for state that is another's (an egress-only flow, the receiver's track): a session is on the account of the
        // port of its first entry. What comes from another network is on that of the ENI it is for, lest one flood there shut out all.
        let begins = plan.touches().find_map(state_key).is_some_and(|k| k != key && self.flows.find(k).is_none());
        if own.is_none() && begins && matches!(cx.topology.behind(key.ingress), Behind::Eni(_)) {
            own = Some(self.flows.make(key, None, now)?);
        }
        for touch in plan.touches() {
            if let Some(key) = state_key(touch) {
                let entry = self.flows.make(key, own, now)?;
                own = own.or(Some(entry));
            }
        }
        // Making one may have evicted another.
        if let Some(lost) = plan.touches().filter_map(state_key).find(|k| self.flows.find(k).is_none()) {
            return Err(Refused::Full(lost.ingress));
        }
        let own = self.flows.find(key);
        let mut peer = None;
        let (mut others, mut own_touched, mut along) = (0, false, false);
        for touch in plan.touches() {
            let Some(entry) = self.apply(cx, touch, packet, now, &mut lease) else {
                continue;
            };
            if Some(entry) == own {
                own_touched = true;
            } else {
                let binding = self.flows.slot(entry).kind() == Kind::Binding;
                others += 1;
                along |= touch.from_sender();
                peer = if binding || peer.is_none() { Some(entry) } else { peer };
            }
        }
        if packet.has(Packet::ICMP_ERROR) {
            return Ok(());
        }
        if let Some(own) = own {
            if let Some(left) = self.flows.binding_of(own).filter(|&b| Some(b) != peer) {
                self.give_up(cx.topology, left, now);
            }
            self.rest_on(own, peer);
        }
        // A hit touches the state of its own entry: where this way does not, it cannot be remembered there. And it touches that of its
        // peer as one that comes against the peer's tuple; around a hairpin a packet may go along with it.
        let in_the_way = own.is_some_and(|own| !own_touched && !self.let_go(own, now));
        if cx.cache && others <= 1 && !along && !in_the_way {
            let own = match own {
                Some(own) => own,
                None => match self.flows.make(key, peer, now) {
                    Ok(own) => own,
                    Err(Full(_)) => return Ok(()),
                },
            };
            self.rest_on(own, peer.filter(|&p| self.flows.slot(p).kind() != Kind::None));
            self.remember(cx, own, plan, key, now);
        } else if let Some(own) = own.and_then(|o| self.flows.slot_mut(o)) {
            own.forget_action();
        }
        Ok(())
    }

    /// The place of a new flow through a NAT gateway among those to its destination, if the plan makes one.
    fn lease(&self, plan: &Plan) -> Result<Option<Lease>, Refused> {
        let new = plan.touches().find_map(|touch| match touch {
            Touch::Binding { key, live: None, nat, .. } => Some((*nat, Destination::of(nat.0, &key.tuple))),
            _ => None,
        });
        let Some((nat, to)) = new else { return Ok(None) };
        // Another worker may have taken the last place since the walk looked.
        Destinations::lease(&self.destinations, to).map(Some).ok_or(Refused::Ports(nat))
    }

    /// Frees an entry of state that is dead; false if it is not.
    fn let_go(&mut self, entry: u32, now: u32) -> bool {
        let slot = self.flows.slot(entry);
        let free = slot.kind() == Kind::None || slot.life(now, self.flows.limits(slot)) == Life::Dead;
        if free && let Some(slot) = self.flows.slot_mut(entry) {
            slot.begin(Kind::None, false, now);
        }
        free
    }

    fn give_up(&mut self, topology: &Topology, binding: u32, now: u32) {
        let client = Ipv4Addr::from(self.flows.slot(binding).client().0);
        let remote = match self.flows.tuple(binding).src {
            IpAddr::V4(remote) => remote,
            IpAddr::V6(_) => return,
        };
        let made = self.flows.slot(binding).generation;
        let ended = [client, remote].into_iter().any(|a| topology.association_changed(a) > made);
        let slot = self.flows.slot(binding);
        if !ended
            && slot.life(now, self.flows.limits(slot)) == Life::Live
            && let Some(slot) = self.flows.slot_mut(binding)
        {
            slot.give_up(now);
        }
        if !ended {
            self.flows.end_lease(binding);
        }
    }

    fn rest_on(&mut self, own: u32, peer: Option<u32>) {
        let noted = peer.map(|p| (p, self.flows.slot(p).epoch));
        if let Some(slot) = self.flows.slot_mut(own) {
            slot.flags &= !flag::PEER;
            if let Some((peer, epoch)) = noted {
                slot.flags |= flag::PEER;
                (slot.peer, slot.peer_epoch) = (peer, epoch);
            }
        }
    }

    /// Applies one touch; the entry that now holds live state.
    fn apply(
        &mut self,
        cx: &mut Context<'_>,
        touch: &Touch,
        packet: &Packet,
        now: u32,
        lease: &mut Option<Lease>,
    ) -> Option<u32> {
        let flags = packet.tcp_flags;
        let generation = cx.topology.generation as u32;
        match *touch {
            Touch::Track { key, from_owner, live, make, limits } => {
                let entry = self.flows.find(&key)?;
                let profile = self.flows.profile(&limits);
                let slot = self.flows.slot_mut(entry)?;
                if live.is_none() && !make {
                    if slot.kind() == Kind::Track {
                        slot.begin(Kind::None, false, now);
                    }
                    return None;
                }
                if live.is_none() {
                    slot.begin(Kind::Track, from_owner, now);
                    slot.extra = generation;
                }
                slot.profile = profile;
                slot.touch(from_owner, flags, now);
                Some(entry)
            }
            Touch::Binding { key, from_remote, live, nat, client } => {
                let entry = self.flows.find(&key)?;
                let slot = self.flows.slot_mut(entry)?;
                if live.is_none() {
                    slot.forget_action();
                    slot.bind(client, nat.0, generation, now);
                }
                let before = slot.state;
                slot.touch(from_remote, flags, now);
                if live.is_none()
                    && let Some(lease) = lease.take()
                {
                    cx.nats.of(nat.0).attempts += u64::from(packet.proto == 6);
                    self.flows.grant_lease(entry, lease, self.clock);
                }
                self.progressed(cx.nats, entry, before, flags);
                Some(entry)
            }
            Touch::Flow { key, from_remote, live } => {
                let entry = self.flows.find(&key)?;
                let slot = self.flows.slot_mut(entry)?;
                if live.is_none() {
                    // Remembered when there was no flow here to pass by: its way need not.
                    slot.forget_action();
                    slot.begin(Kind::Flow, false, now);
                }
                slot.touch(from_remote, flags, now);
                Some(entry)
            }
        }
    }

    fn remember(&mut self, cx: &mut Context<'_>, own: u32, plan: &Plan, key: &Key, now: u32) {
        let path = cx.paths.intern(&plan.deps, cx.topology);
        let rewrite = rewrite_of(&key.tuple, &plan.tuple);
        let generation = cx.topology.generation as u32;
        let Some(slot) = self.flows.slot_mut(own) else {
            return;
        };
        let mut flags = slot.flags & (flag::PRESENT | flag::V6 | flag::PEER) | flag::ACTION;
        if let Some(rw) = rewrite {
            let client = slot.client();
            slot.rw = rw;
            flags |= flag::REWRITE;
            debug_assert!(slot.kind() != Kind::Binding || slot.client() == client, "a binding leads to its client");
        }
        flags |= if plan.nat { flag::NAT } else { 0 };
        flags |= if plan.edge { flag::EDGE } else { 0 };
        flags |= if plan.neighbour { flag::NEIGHBOUR } else { 0 };
        slot.flags = flags;
        slot.egress = plan.egress;
        slot.path = path;
        slot.generation = generation;
        if slot.kind() == Kind::None {
            slot.last = now;
        }
    }

    /// Rewrites and hands over; larger than the edge carries: in pieces.
    fn send<S: Sink>(&self, cx: &mut Context<'_>, mut frame: Frame, packet: &Packet, plan: &Plan, sink: &mut S) {
        let before = packet.tuple(frame.bytes());
        if let (Some(q), Some(after)) = (quote(frame.bytes(), packet), plan.quote) {
            if let (Some(outer), Some(inner)) = (ends4(&plan.tuple), ends4(&after)) {
                let quoted = (inner.0, inner.1, after.sport, after.dport);
                if plan.tuple != before || after != q.tuple || plan.nat {
                    rewrite_error4(&mut frame, packet, &q, outer, quoted, plan.nat);
                }
            }
        } else if let Some(rw) = rewrite_of(&before, &plan.tuple) {
            rw.apply(&mut frame, packet, plan.nat);
        }
        let source = if plan.neighbour { cx.topology.mac(frame.port) } else { FABRIC_MAC };
        set_macs(frame.bytes_mut(), cx.topology.mac(plan.egress), source);
        if plan.edge && packet.l3_len() > EDGE_MTU {
            fragment4(&frame, packet, EDGE_MTU, &mut |mut piece| {
                (piece.port, piece.seq, piece.ts) = (frame.port, frame.seq, frame.ts);
                sink.send(plan.egress, piece);
            });
            sink.done(frame, Verdict::FORWARD, Some(&plan.deps));
        } else {
            sink.forward(plan.egress, frame, Some(&plan.deps));
        }
    }

    /// Builds what the fabric itself says, in `cx.scratch`.
    fn answer(&self, cx: &mut Context<'_>, frame: &mut Frame, packet: &Packet, answer: Answer) -> Verdict {
        let out = &mut *cx.scratch;
        let to = cx.topology.mac(frame.port);
        let to = if to == Mac::default() { source_mac(frame) } else { to };
        let bytes = frame.bytes();
        match answer {
            Answer::Neighbour { mac, router } => {
                if let Ok(nd) = parse_nd(bytes, packet)
                    && let (Some(target), IpAddr::V6(from)) = (nd.target, packet.src(bytes))
                {
                    let known = !from.is_unspecified();
                    let dst = if known { from } else { Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1) };
                    build_na(
                        out,
                        if known { to } else { Mac([0x33, 0x33, 0, 0, 0, 1]) },
                        mac,
                        target,
                        dst,
                        router,
                        known,
                    );
                }
                Verdict::REPLY
            }
            Answer::Router => {
                let dst = match packet.src(bytes) {
                    IpAddr::V6(a) if !a.is_unspecified() => a,
                    _ => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
                };
                let multicast = dst.is_multicast();
                build_ra(
                    out,
                    if multicast { Mac([0x33, 0x33, 0, 0, 0, 1]) } else { to },
                    FABRIC_MAC,
                    ROUTER_LINK_LOCAL,
                    dst,
                );
                Verdict::REPLY
            }
            Answer::TooBig(stage, at) => {
                let subnet = EniIdx::of_port(frame.port)
                    .and_then(|e| cx.topology.enis.get(e.at()))
                    .and_then(|e| cx.topology.subnets.get(e.subnet.at()));
                if let Some(subnet) = subnet {
                    if packet.has(Packet::V6) {
                        let router = subnet.router6().unwrap_or(ROUTER_LINK_LOCAL);
                        build_icmp6_too_big(out, to, router, EDGE_MTU as u32, bytes, packet);
                    } else {
                        build_icmp4_error(out, to, subnet.router4(), 3, 4, EDGE_MTU as u16, bytes, packet);
                    }
                }
                Verdict::error(stage, Reason::TooBig, at)
            }
            Answer::TtlExceeded(nat) => {
                if let Some(gateway) = cx.topology.nats.get(nat.at()) {
                    build_icmp4_error(out, to, gateway.private, 11, 0, 0, bytes, packet);
                }
                Verdict::error(Stage::Natgw, Reason::TtlExceeded, At::Nat(nat))
            }
            Answer::Reset(nat) => {
                build_tcp_rst4(out, to, bytes, packet);
                Verdict::error(Stage::Natgw, Reason::NoBinding, At::Nat(nat))
            }
        }
    }
}

/// Why a packet that may be forwarded is not.
enum Refused {
    /// The port holds its share of the sessions.
    Full(u32),
    /// The gateway has as many flows to its destination as may be (NAT-34).
    Ports(NatIdx),
}

impl From<Full> for Refused {
    fn from(Full(port): Full) -> Refused {
        Refused::Full(port)
    }
}

/// Counts a packet at the NAT gateways that it reached; `end`: why it was not forwarded. What got as far as the second has left the first.
fn count_visits(nats: &mut Tallies, visits: &Visits, bytes: usize, end: Option<Reason>) {
    let mut visits = visits.iter().peekable();
    while let Some((nat, from_remote)) = visits.next() {
        nats.came(nat.0, from_remote, bytes);
        if let Some(reason) = end.filter(|_| visits.peek().is_none()) {
            nats.lost(nat.0, from_remote, bytes, !(from_remote && reason == Reason::Unsolicited));
            nats.of(nat.0).refused += u64::from(reason == Reason::PortAllocation);
        }
    }
}

/// What becomes of an ARP packet; the answer, if any, is in `out`.
pub(super) fn arp(topology: &Topology, frame: &Frame, arp: &Arp, out: &mut Frame) -> Verdict {
    match crate::pipeline::arp(topology, frame.port, arp) {
        Stop::Answer(Answer::Neighbour { mac, .. }) => {
            build_arp_reply(out, arp.sha, mac, arp.tpa, arp.sha, arp.spa);
            Verdict::REPLY
        }
        Stop::Drop(stage, reason, at) => Verdict::drop(stage, reason, Some(at)),
        _ => Verdict::drop(Stage::Parse, Reason::Neighbour, None),
    }
}

/// The key of the state a touch needs; none where rules alone let the packet pass.
fn state_key(touch: &Touch) -> Option<&Key> {
    match touch {
        Touch::Track { live: None, make: false, .. } => None,
        Touch::Track { key, .. } | Touch::Binding { key, .. } | Touch::Flow { key, .. } => Some(key),
    }
}

fn ends4(t: &vpcd_wire::FiveTuple) -> Option<(u32, u32)> {
    match (t.src, t.dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => Some((s.into(), d.into())),
        _ => None,
    }
}

fn rewrite_of(before: &vpcd_wire::FiveTuple, after: &vpcd_wire::FiveTuple) -> Option<Rewrite4> {
    if before == after {
        return None;
    }
    let (old, new) = (ends4(before)?, ends4(after)?);
    let old = (old.0, old.1, before.sport, before.dport);
    Some(Rewrite4::new(before.proto, old, (new.0, new.1, after.sport, after.dport)))
}

fn source_mac(frame: &Frame) -> Mac {
    let mut mac = [0; 6];
    if let Some(bytes) = frame.bytes().get(6..12) {
        mac.copy_from_slice(bytes);
    }
    Mac(mac)
}
