//! One direction of a flow in one cache line: key, action, state.

use crate::topology::{EniIdx, PortNo, Timeouts};
use std::net::IpAddr;
use vpcd_wire::{FiveTuple, Rewrite4, tcp};

/// Bits of [`Slot::flags`].
pub mod flag {
    /// The entry is in use and in the index.
    pub const PRESENT: u8 = 1;
    /// IPv6: addresses lie in the side table, `src`/`dst` hold a fingerprint.
    pub const V6: u8 = 2;
    /// `rw`, `egress`, `path` and the bits below say what to do with the packet.
    pub const ACTION: u8 = 4;
    /// A NAT gateway is crossed: decrement TTL, and judge fragments and TTL.
    pub const NAT: u8 = 8;
    /// The packet leaves a VPC: at most 1500 bytes.
    pub const EDGE: u8 = 16;
    /// Both ENIs are neighbours: the frame keeps the sender's MAC.
    pub const NEIGHBOUR: u8 = 32;
    /// The action rests on the state of entry `peer`.
    pub const PEER: u8 = 64;
    /// `rw` is to be applied.
    pub const REWRITE: u8 = 128;
}

/// Bits of [`Slot::state`].
pub mod state {
    /// Mask of [`super::Kind`].
    pub const KIND: u8 = 3;
    /// The side that sends this tuple started the flow.
    pub const STARTED_HERE: u8 = 4;
    /// The other end than the starter has sent.
    pub const REPLY: u8 = 8;
    /// The starter has sent after `REPLY`.
    pub const STREAM: u8 = 16;
    /// FIN seen (binding: from the client).
    pub const FIN: u8 = 32;
    /// Binding: FIN seen from the remote.
    pub const FIN_REMOTE: u8 = 64;
    /// RST seen.
    pub const RST: u8 = 128;
    /// Binding: given up before its time (all three closing bits).
    pub const GIVEN_UP: u8 = FIN | FIN_REMOTE | RST;
}

/// What state an entry holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Only an action, if anything.
    None,
    /// Security-group state of the ENI that sends this tuple (SG-40, SG-41).
    Track,
    /// A NAT binding; the key is the remote's tuple towards the external port; see [`Slot::client`] and `extra`.
    Binding,
    /// An egress-only flow; the key is the remote's tuple (EIGW-06).
    Flow,
}

/// How long the state of an entry still means something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Life {
    /// It admits packets.
    Live,
    /// Binding only: it admits nothing, but its external port is not free yet (NAT-36).
    Held,
    /// Nothing is left of it.
    Dead,
}

/// NAT-41.
pub(crate) const NAT_IDLE_MS: u32 = 350_000;
/// NAT-36: a released port stays away from the same destination.
const NAT_HOLD_MS: u32 = 60_000;
/// A binding that TCP has closed.
const NAT_CLOSED_MS: u32 = 60_000;

/// One direction of a flow. 64 bytes, one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Slot {
    src: u32,
    dst: u32,
    sport: u16,
    dport: u16,
    ingress: PortNo,
    /// Action: the rewrite, under [`flag::REWRITE`]. Binding: `dst`, `dport` are the client's even without an action.
    pub rw: Rewrite4,
    /// Action: where the packet leaves.
    pub egress: PortNo,
    /// Action: what the walk asked, interned.
    pub path: u32,
    /// Action: generation up to which `path` is known unchanged. Binding: one in which it was alive, even without an action.
    pub generation: u32,
    /// When the state was last touched (ms).
    pub last: u32,
    /// Binding: its gateway. Track: the generation it was made in.
    pub extra: u32,
    /// Entry of the other state.
    pub peer: u32,
    proto: u8,
    /// [`flag`] bits.
    pub flags: u8,
    /// [`state`] bits.
    pub state: u8,
    /// Number of the idle limits of the ENI.
    pub profile: u8,
    /// Rises whenever the entry changes hands.
    pub epoch: u16,
    /// `epoch` of `peer` when it was noted.
    pub peer_epoch: u16,
}

impl Slot {
    pub(super) const FREE: Slot = Slot {
        src: 0,
        dst: 0,
        sport: 0,
        dport: 0,
        ingress: 0,
        rw: Rewrite4 { src: 0, dst: 0, sport: 0, dport: 0, d_addr: 0, d_l4: 0 },
        egress: 0,
        path: 0,
        generation: 0,
        last: 0,
        extra: 0,
        peer: 0,
        proto: 0,
        flags: 0,
        state: 0,
        profile: 0,
        epoch: 0,
        peer_epoch: 0,
    };

    /// A fresh entry under an IPv4 key, or under an IPv6 one with its fingerprint.
    pub(super) fn claim(&mut self, ingress: PortNo, t: &FiveTuple, fingerprint: u64) {
        let (src, dst, v6) = match (t.src, t.dst) {
            (IpAddr::V4(s), IpAddr::V4(d)) => (s.into(), d.into(), 0),
            _ => (fingerprint as u32, (fingerprint >> 32) as u32, flag::V6),
        };
        *self = Slot {
            src,
            dst,
            sport: t.sport,
            dport: t.dport,
            ingress,
            proto: t.proto,
            flags: flag::PRESENT | v6,
            epoch: self.epoch.wrapping_add(1),
            ..Slot::FREE
        };
    }

    pub(super) fn release(&mut self) {
        *self = Slot { epoch: self.epoch.wrapping_add(1), ..Slot::FREE };
    }

    /// Whether this is the entry of an IPv4 packet.
    #[inline]
    pub fn is_v4(&self, ingress: PortNo, src: u32, dst: u32, sport: u16, dport: u16, proto: u8) -> bool {
        self.src == src
            && self.dst == dst
            && (self.sport, self.dport) == (sport, dport)
            && self.ingress == ingress
            && self.proto == proto
            && self.flags & (flag::PRESENT | flag::V6) == flag::PRESENT
    }

    /// Whether this may be the entry of an IPv6 packet (addresses are compared by the caller).
    #[inline]
    pub(super) fn may_be_v6(&self, ingress: PortNo, fingerprint: u64, sport: u16, dport: u16, proto: u8) -> bool {
        (self.src, self.dst) == (fingerprint as u32, (fingerprint >> 32) as u32)
            && (self.sport, self.dport) == (sport, dport)
            && self.ingress == ingress
            && self.proto == proto
            && self.flags & (flag::PRESENT | flag::V6) == flag::PRESENT | flag::V6
    }

    pub(super) fn ports(&self) -> (u16, u16) {
        (self.sport, self.dport)
    }

    pub(super) fn addresses4(&self) -> (u32, u32) {
        (self.src, self.dst)
    }

    /// Port its packets come in by.
    pub fn ingress(&self) -> PortNo {
        self.ingress
    }

    /// The ENI whose track this is.
    pub fn owner(&self) -> Option<EniIdx> {
        EniIdx::of_port(self.ingress)
    }

    /// Binding: the client's address and port (ICMP: identifier), where an action towards it has them too.
    pub fn client(&self) -> (u32, u16) {
        (self.rw.dst, if self.proto == 1 { self.rw.sport } else { self.rw.dport })
    }

    /// Turns a fresh entry into the binding of a client.
    pub fn bind(&mut self, client: (u32, u16), nat: u32, generation: u32, now: u32) {
        self.begin(Kind::Binding, false, now);
        // Whoever rested on what was here before does not rest on this.
        self.epoch = self.epoch.wrapping_add(1);
        self.generation = generation;
        self.rw = Rewrite4 { dst: client.0, sport: client.1, dport: client.1, ..Rewrite4::default() };
        self.extra = nat;
    }

    /// Track: the generation it was made in.
    pub fn born(&self) -> u32 {
        self.extra
    }

    /// Protocol number.
    pub fn proto(&self) -> u8 {
        self.proto
    }

    /// [`flag`] bits set?
    #[inline]
    pub fn has(&self, bits: u8) -> bool {
        self.flags & bits == bits
    }

    /// What state it holds.
    #[inline]
    pub fn kind(&self) -> Kind {
        match self.state & state::KIND {
            0 => Kind::None,
            1 => Kind::Track,
            2 => Kind::Binding,
            _ => Kind::Flow,
        }
    }

    /// Turns it into fresh state of `kind`, last touched now.
    pub fn begin(&mut self, kind: Kind, started_here: bool, now: u32) {
        let kind = match kind {
            Kind::None => 0,
            Kind::Track => 1,
            Kind::Binding => 2,
            Kind::Flow => 3,
        };
        self.state = kind | if started_here { state::STARTED_HERE } else { 0 };
        self.last = now;
    }

    /// How alive its state is under the given limits.
    #[inline]
    pub fn life(&self, now: u32, limits: &Timeouts) -> Life {
        let idle = now.wrapping_sub(self.last);
        match self.kind() {
            Kind::None => Life::Dead,
            Kind::Track | Kind::Flow => {
                if idle < self.limit_ms(limits) {
                    Life::Live
                } else {
                    Life::Dead
                }
            }
            Kind::Binding => {
                let closing = self.state & state::GIVEN_UP;
                if closing == state::GIVEN_UP {
                    if idle < NAT_HOLD_MS { Life::Held } else { Life::Dead }
                } else if closing & state::RST != 0 || closing == state::FIN | state::FIN_REMOTE {
                    if idle < NAT_CLOSED_MS { Life::Live } else { Life::Dead }
                } else if idle < NAT_IDLE_MS {
                    Life::Live
                } else if idle < NAT_IDLE_MS + NAT_HOLD_MS {
                    Life::Held
                } else {
                    Life::Dead
                }
            }
        }
    }

    /// SG-203 for tracks and egress-only flows.
    #[inline]
    fn limit_ms(&self, limits: &Timeouts) -> u32 {
        let seconds = match self.proto {
            6 if self.state & state::RST != 0 => 10,
            6 if self.state & state::FIN != 0 => 60,
            6 if self.state & state::STREAM != 0 => limits.tcp_established,
            6 => 60,
            17 if self.state & state::STREAM != 0 => limits.udp_stream,
            17 => limits.udp,
            1 | 58 => 30,
            _ => 600,
        };
        seconds * 1000
    }

    /// TCP has begun to close it: a SYN finds no track, and from the client no binding if it is closed (SG-212, NAT-76).
    #[inline]
    pub fn closing(&self) -> bool {
        self.state & state::GIVEN_UP != 0
    }

    /// Binding: closed by TCP.
    pub fn closed(&self) -> bool {
        self.state & state::RST != 0 || self.state & (state::FIN | state::FIN_REMOTE) == state::FIN | state::FIN_REMOTE
    }

    /// A packet of the flow was forwarded. `from_key_side`: sent by the side whose tuple this is.
    #[inline]
    pub fn touch(&mut self, from_key_side: bool, tcp_flags: u8, now: u32) {
        let from_starter = from_key_side == (self.state & state::STARTED_HERE != 0);
        if !from_starter {
            self.state |= state::REPLY;
        } else if self.state & state::REPLY != 0 {
            self.state |= state::STREAM;
        }
        let closing = tcp_flags & (tcp::FIN | tcp::RST) != 0;
        // A closed binding gathers no more bits: all three together mean that it was given up.
        if self.proto == 6 && closing && !(self.kind() == Kind::Binding && self.closed()) {
            if tcp_flags & tcp::RST != 0 {
                self.state |= state::RST;
            } else {
                let remote = from_key_side && self.kind() == Kind::Binding;
                self.state |= if remote { state::FIN_REMOTE } else { state::FIN };
            }
        }
        self.last = now;
    }

    /// Ends a binding before its time; its port stays held.
    pub fn give_up(&mut self, now: u32) {
        self.state |= state::GIVEN_UP;
        self.last = now;
    }

    /// Forgets the action; state and what it rests on stay.
    pub fn forget_action(&mut self) {
        self.flags &= flag::PRESENT | flag::V6 | flag::PEER;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(proto: u8) -> Slot {
        let mut s = Slot::FREE;
        let t = FiveTuple { src: [10, 0, 0, 1].into(), dst: [1, 2, 3, 4].into(), sport: 1, dport: 2, proto };
        s.claim(1, &t, 0);
        s
    }

    #[test]
    fn an_entry_is_one_cache_line() {
        assert_eq!(size_of::<Slot>(), 64);
    }

    // covers: SG-203
    #[test]
    fn idle_limits_by_protocol_and_progress() {
        let limits = Timeouts::default();
        let dies_at = |s: &Slot, ms: u32| s.life(ms - 1, &limits) == Life::Live && s.life(ms, &limits) == Life::Dead;
        for (proto, seconds) in [(6, 60), (17, 30), (1, 30), (58, 30), (47, 600)] {
            let mut s = slot(proto);
            s.begin(Kind::Track, true, 0);
            s.touch(true, tcp::SYN, 0);
            assert!(dies_at(&s, seconds * 1000), "protocol {proto} fresh");
        }
        for (proto, seconds) in [(6, 432_000), (17, 180)] {
            let mut s = slot(proto);
            s.begin(Kind::Track, true, 0);
            s.touch(true, tcp::SYN, 0);
            s.touch(false, tcp::SYN | tcp::ACK, 0);
            assert!(!dies_at(&s, seconds * 1000), "one exchange is no stream");
            s.touch(true, tcp::ACK, 0);
            assert!(dies_at(&s, seconds * 1000), "protocol {proto} stream");
        }
        let mut s = slot(6);
        s.begin(Kind::Track, true, 0);
        s.touch(true, tcp::FIN, 0);
        assert!(dies_at(&s, 60_000));
        s.touch(false, tcp::RST, 0);
        assert!(dies_at(&s, 10_000));
        let mut s = slot(6);
        s.begin(Kind::Track, true, 0);
        s.touch(true, tcp::SYN, 0);
        s.touch(false, tcp::SYN | tcp::ACK, 0);
        s.touch(true, tcp::ACK, 0);
        assert!(!s.closing());
        s.touch(true, tcp::FIN | tcp::ACK, 0);
        assert!(s.closing());
        assert!(dies_at(&s, 60_000), "a stream that closes is none any more");
    }

    #[test]
    fn an_entry_tells_what_it_was_made_for() {
        let mut s = slot(1);
        assert_eq!(s.kind(), Kind::None);
        for kind in [Kind::Track, Kind::Binding, Kind::Flow, Kind::None] {
            s.begin(kind, true, 0);
            assert_eq!(s.kind(), kind);
        }
        // A client is known by port, with ICMP by identifier.
        for proto in [1, 6, 17] {
            let mut s = slot(proto);
            s.bind((0x0a00_0105, 4001), 3, 9, 0);
            assert_eq!((s.kind(), s.client(), s.extra, s.generation), (Kind::Binding, (0x0a00_0105, 4001), 3, 9));
        }
        s.extra = 12;
        assert_eq!(s.born(), 12);
    }

    #[test]
    fn an_answer_is_what_the_other_end_than_the_starter_sends() {
        for starter in [true, false] {
            let mut s = slot(17);
            s.begin(Kind::Track, starter, 0);
            s.touch(starter, 0, 0);
            s.touch(starter, 0, 0);
            assert_eq!(s.state & (state::REPLY | state::STREAM), 0);
            s.touch(!starter, 0, 0);
            assert_eq!(s.state & (state::REPLY | state::STREAM), state::REPLY);
            s.touch(starter, 0, 0);
            assert_eq!(s.state & (state::REPLY | state::STREAM), state::REPLY | state::STREAM);
        }
    }

    #[test]
    fn a_binding_is_closed_by_a_reset_or_by_both_ends_and_stays_so() {
        let limits = Timeouts::default();
        for (segments, closed) in [
            (&[(true, tcp::ACK)][..], false),
            (&[(true, tcp::FIN), (true, tcp::FIN)], false),
            (&[(false, tcp::FIN), (false, tcp::FIN)], false),
            (&[(true, tcp::FIN), (false, tcp::FIN)], true),
            (&[(true, tcp::RST)], true),
            (&[(false, tcp::RST)], true),
            // All three bits would mean that it was given up.
            (&[(true, tcp::FIN), (false, tcp::FIN), (true, tcp::RST)], true),
            (&[(true, tcp::RST), (true, tcp::FIN), (false, tcp::FIN)], true),
        ] {
            let mut s = slot(6);
            s.bind((1, 1), 0, 0, 0);
            segments.iter().for_each(|&(remote, flags)| s.touch(remote, flags, 0));
            assert_eq!((s.closed(), s.life(59_999, &limits)), (closed, Life::Live), "{segments:?}");
            assert_eq!(s.life(60_000, &limits) == Life::Dead, closed, "{segments:?}");
        }
    }

    #[test]
    fn a_forgotten_action_leaves_the_entry_and_its_peer() {
        let mut s = slot(6);
        s.flags = u8::MAX;
        s.forget_action();
        assert_eq!(s.flags, flag::PRESENT | flag::V6 | flag::PEER);
    }

    // covers: NAT-36 NAT-41
    #[test]
    fn a_binding_dies_at_350_s_and_frees_its_port_60_s_later() {
        let limits = Timeouts::default();
        let mut s = slot(6);
        s.begin(Kind::Binding, false, 0);
        assert_eq!(s.life(349_999, &limits), Life::Live);
        assert_eq!(s.life(350_000, &limits), Life::Held);
        assert_eq!(s.life(409_999, &limits), Life::Held);
        assert_eq!(s.life(410_000, &limits), Life::Dead);
        s.touch(true, tcp::FIN, 0);
        assert_eq!(s.life(100_000, &limits), Life::Live, "half closed is open");
        s.touch(false, tcp::FIN, 0);
        assert_eq!(s.life(59_999, &limits), Life::Live);
        assert_eq!(s.life(60_000, &limits), Life::Dead);
        s.give_up(0);
        assert_eq!(s.life(0, &limits), Life::Held);
        assert_eq!(s.life(60_000, &limits), Life::Dead);
    }
}
