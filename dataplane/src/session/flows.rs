//! The sessions of one shard: a fixed pool of entry pairs, the index over them, and the clock hand that reclaims.

use super::index::{Index, MAX_ENTRIES};
use super::slot::{Kind, Life, NAT_IDLE_MS, Slot, flag};
use super::{FlowHash, Key};
use crate::nat::{Lease, Leases};
use crate::shares::Shares;
use crate::topology::{PortNo, Timeouts};
use std::net::IpAddr;
use vpcd_raw::{huge_pages, prefetch};
use vpcd_wire::FiveTuple;

/// Sessions the clock hand looks at when an allocation finds no free one.
const HUNT: usize = 64;
/// An action without state is forgotten after this long unused (ms).
const ACTION_IDLE_MS: u32 = 60_000;

/// The number of no entry.
pub const NO_ENTRY: u32 = u32::MAX;

/// No room for the state that a packet needs: this port has its share (SG-206), or the pool is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full(pub PortNo);

/// How full a shard is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Sessions in use.
    pub sessions: usize,
    /// Sessions there is room for.
    pub capacity: usize,
    /// Bytes reserved by the index, the entries and the IPv6 addresses.
    pub bytes: usize,
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Usage>>(parts: I) -> Usage {
        parts.fold(Usage::default(), |a, b| Usage {
            sessions: a.sessions + b.sessions,
            capacity: a.capacity + b.capacity,
            bytes: a.bytes + b.bytes,
        })
    }
}

/// The flow table of one shard.
pub struct Flows {
    /// Grows within its reserved capacity: memory is touched only when it is needed.
    pairs: Vec<[Slot; 2]>,
    /// IPv6 addresses of the entries that need them, by entry.
    v6: Vec<[u128; 2]>,
    index: Index,
    hash: FlowHash,
    free: Vec<u32>,
    /// A session is held by the port of its first entry.
    shares: Shares,
    hand: u32,
    /// Idle limits that ENIs asked for; number 0 is the default.
    profiles: Vec<Timeouts>,
    /// Of bindings that are neither closed nor given up nor idle too long.
    leases: Leases,
}

impl Flows {
    /// Room for `sessions` (at least 16) of one port alone, and an eighth more that only others get.
    pub fn new(sessions: usize, hash: FlowHash) -> Flows {
        let sessions = Shares::pool_for(sessions.max(16)).min(MAX_ENTRIES / 2);
        let mut pairs = Vec::with_capacity(sessions);
        huge_pages(pairs.spare_capacity_mut());
        Flows {
            pairs,
            v6: vec![[0; 2]; sessions * 2],
            index: Index::with_room_for(sessions * 2),
            hash,
            free: Vec::with_capacity(sessions),
            shares: Shares::of(sessions as u32),
            hand: 0,
            profiles: vec![Timeouts::default()],
            leases: Leases::default(),
        }
    }

    /// Fill and size.
    pub fn usage(&self) -> Usage {
        Usage {
            sessions: self.shares.used(),
            capacity: self.shares.capacity(),
            bytes: self.index.bytes()
                + self.pairs.capacity() * size_of::<[Slot; 2]>()
                + self.v6.len() * size_of::<[u128; 2]>()
                + self.free.capacity() * size_of::<u32>(),
        }
    }

    /// Starts loading the index line of an IPv4 or IPv6 tuple; returns the hash to look up with.
    #[inline]
    pub fn prefetch(&self, tuple_hash: u64, ingress: PortNo) -> u64 {
        let hash = self.hash.at(tuple_hash, ingress);
        self.index.prefetch(hash);
        hash
    }

    /// Starts loading the entry that `hash` most likely names, and its twin; returns that entry, or [`NO_ENTRY`].
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) -> u32 {
        let Some(entry) = self.index.guess(hash) else { return NO_ENTRY };
        if let Some(pair) = self.pairs.get(entry as usize / 2) {
            prefetch(&pair[0]);
            prefetch(&pair[1]);
        }
        entry
    }

    /// The entry of an IPv4 packet.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "the fields of a key, unpacked on the hot path")]
    pub fn find4(
        &self,
        hash: u64,
        ingress: PortNo,
        src: u32,
        dst: u32,
        sport: u16,
        dport: u16,
        proto: u8,
    ) -> Option<u32> {
        self.index.find(hash, |e| self.slot(e).is_v4(ingress, src, dst, sport, dport, proto))
    }

    /// The entry of a key.
    pub fn find(&self, key: &Key) -> Option<u32> {
        let hash = self.hash.at(self.hash.tuple(&key.tuple), key.ingress);
        self.find_hashed(hash, key)
    }

    /// The entry of a key whose hash (from [`Flows::prefetch`]) is known.
    pub fn find_hashed(&self, hash: u64, key: &Key) -> Option<u32> {
        let t = &key.tuple;
        match (t.src, t.dst) {
            (IpAddr::V4(s), IpAddr::V4(d)) => {
                self.find4(hash, key.ingress, s.into(), d.into(), t.sport, t.dport, t.proto)
            }
            (IpAddr::V6(s), IpAddr::V6(d)) => {
                let addresses = [u128::from(s), u128::from(d)];
                self.index.find(hash, |e| {
                    self.slot(e).may_be_v6(key.ingress, hash, t.sport, t.dport, t.proto)
                        && self.v6.get(e as usize) == Some(&addresses)
                })
            }
            _ => None,
        }
    }

    /// An entry by number (a free one if the number is out of range).
    #[inline]
    pub fn slot(&self, entry: u32) -> &Slot {
        static NOBODY: Slot = Slot::FREE;
        self.pairs.get(entry as usize / 2).map_or(&NOBODY, |p| &p[entry as usize & 1])
    }

    /// An entry by number.
    #[inline]
    pub fn slot_mut(&mut self, entry: u32) -> Option<&mut Slot> {
        self.pairs.get_mut(entry as usize / 2).map(|p| &mut p[entry as usize & 1])
    }

    /// The entry an action rests on, if it is still the one that was noted.
    #[inline]
    pub fn peer(&self, slot: &Slot) -> Option<u32> {
        (slot.has(flag::PEER) && self.slot(slot.peer).epoch == slot.peer_epoch).then_some(slot.peer)
    }

    /// The binding, alive or not, that the flow of this entry goes by.
    pub fn binding_of(&self, entry: u32) -> Option<u32> {
        self.peer(self.slot(entry)).filter(|&p| self.slot(p).kind() == Kind::Binding)
    }

    /// The tuple an entry is found by.
    pub fn tuple(&self, entry: u32) -> FiveTuple {
        let slot = self.slot(entry);
        let (sport, dport) = slot.ports();
        let (src, dst) = if slot.has(flag::V6) {
            let [s, d] = self.v6[entry as usize];
            (IpAddr::V6(s.into()), IpAddr::V6(d.into()))
        } else {
            let (s, d) = slot.addresses4();
            (IpAddr::V4(s.into()), IpAddr::V4(d.into()))
        };
        FiveTuple { src, dst, sport, dport, proto: slot.proto() }
    }

    /// Idle limits of an entry.
    #[inline]
    pub fn limits(&self, slot: &Slot) -> &Timeouts {
        &self.profiles[slot.profile as usize % self.profiles.len()]
    }

    /// The number of a set of idle limits.
    pub fn profile(&mut self, limits: &Timeouts) -> u8 {
        if let Some(at) = self.profiles.iter().position(|p| p == limits) {
            return at as u8;
        }
        if self.profiles.len() > u8::MAX as usize {
            return 0;
        }
        self.profiles.push(*limits);
        (self.profiles.len() - 1) as u8
    }

    /// The entry of `key`, made if need be; a new one goes beside `twin` if there is room there.
    pub fn make(&mut self, key: &Key, twin: Option<u32>, now: u32) -> Result<u32, Full> {
        let hash = self.hash.at(self.hash.tuple(&key.tuple), key.ingress);
        if let Some(entry) = self.find_hashed(hash, key) {
            return Ok(entry);
        }
        let entry = match twin.map(|t| t ^ 1) {
            Some(beside) if !self.slot(beside).has(flag::PRESENT) => beside,
            _ => self.allocate(key.ingress, now, twin)? * 2,
        };
        let placed = self.index.insert(hash, entry);
        debug_assert!(placed, "the index has a half more places than the pool has entries");
        if let (IpAddr::V6(s), IpAddr::V6(d)) = (key.tuple.src, key.tuple.dst) {
            self.v6[entry as usize] = [s.into(), d.into()];
        }
        if let Some(slot) = self.slot_mut(entry) {
            slot.claim(key.ingress, &key.tuple, hash);
            slot.last = now;
        }
        Ok(entry)
    }

    fn allocate(&mut self, owner: PortNo, now: u32, keep: Option<u32>) -> Result<u32, Full> {
        if !self.shares.admit(owner) {
            self.hunt(owner, now, keep)?;
        }
        let pair = self.free.pop().unwrap_or_else(|| {
            self.pairs.push([Slot::FREE; 2]);
            self.pairs.len() as u32 - 1
        });
        self.shares.take(owner);
        Ok(pair)
    }

    /// Frees at least one session for `owner`: a dead one, else of those that it holds itself or that a port holds which has more,
    /// one that holds only actions, else the first half-open or one-way flow met. Sessions that both ends have spoken in are never
    /// taken (admission, B3 of the field's complaints).
    fn hunt(&mut self, owner: PortNo, now: u32, keep: Option<u32>) -> Result<(), Full> {
        let keep = keep.map(|k| k / 2);
        let own = self.shares.held(owner);
        let mut victim: Option<(u8, u32)> = None;
        for _ in 0..HUNT.min(self.pairs.len()) {
            let pair = self.advance();
            if Some(pair) == keep {
                continue;
            }
            if self.is_dead(pair, now) {
                self.drop_pair(pair);
                return Ok(());
            }
            let rank = self.pairs[pair as usize].iter().map(worth).max().unwrap_or(0);
            let theirs = self.pairs[pair as usize][0].ingress();
            let may = theirs == owner || self.shares.held(theirs) > own;
            if rank < 2 && may && victim.is_none_or(|(r, _)| rank < r) {
                victim = Some((rank, pair));
            }
        }
        let (_, pair) = victim.ok_or(Full(owner))?;
        self.drop_pair(pair);
        Ok(())
    }

    /// Moves the clock hand over `sessions` sessions and frees those that are dead. Returns how many it freed.
    pub fn reclaim(&mut self, now: u32, sessions: usize) -> usize {
        let mut freed = 0;
        for _ in 0..sessions.min(self.pairs.len()) {
            let pair = self.advance();
            if self.is_dead(pair, now) {
                self.drop_pair(pair);
                freed += 1;
            }
        }
        freed
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        for pair in 0..self.pairs.len() as u32 {
            if self.pairs[pair as usize].iter().any(|s| s.has(flag::PRESENT)) {
                self.drop_pair(pair);
            }
        }
    }

    /// Sessions ever used: one round of the clock hand.
    pub fn round(&self) -> usize {
        self.pairs.len()
    }

    fn advance(&mut self) -> u32 {
        let pair = self.hand;
        self.hand = if self.hand as usize + 1 >= self.pairs.len() { 0 } else { self.hand + 1 };
        pair
    }

    fn is_dead(&self, pair: u32, now: u32) -> bool {
        let [a, b] = &self.pairs[pair as usize];
        let present = (a.flags | b.flags) & flag::PRESENT != 0;
        present && [a, b].into_iter().all(|s| self.entry_dead(s, now))
    }

    fn entry_dead(&self, slot: &Slot, now: u32) -> bool {
        if !slot.has(flag::PRESENT) {
            return true;
        }
        if slot.life(now, self.limits(slot)) != Life::Dead {
            return false;
        }
        if slot.kind() == Kind::None && now.wrapping_sub(slot.last) < ACTION_IDLE_MS {
            return false;
        }
        // The client's entry is how a live binding is found again.
        match self.peer(slot) {
            Some(p) if self.slot(p).kind() == Kind::Binding => {
                self.slot(p).life(now, self.limits(self.slot(p))) == Life::Dead
            }
            _ => true,
        }
    }

    fn drop_pair(&mut self, pair: u32) {
        let owner = self.pairs[pair as usize][0].ingress();
        for side in 0..2 {
            let entry = pair * 2 + side;
            if self.slot(entry).has(flag::PRESENT) {
                self.end_lease(entry);
                let hash = self.hash.at(self.hash.tuple(&self.tuple(entry)), self.slot(entry).ingress());
                self.index.remove(hash, entry);
                if let Some(slot) = self.slot_mut(entry) {
                    slot.release();
                }
            }
        }
        self.give_back(pair, owner);
    }

    /// The binding at `entry`, begun or touched at `now_ns`, holds this lease.
    pub fn grant_lease(&mut self, entry: u32, lease: Lease, now_ns: u64) {
        self.leases.grant(entry, lease, now_ns / 1_000_000 + u64::from(NAT_IDLE_MS));
    }

    /// The binding at `entry` counts no more among the flows to its destination.
    pub fn end_lease(&mut self, entry: u32) {
        if self.slot(entry).kind() == Kind::Binding {
            self.leases.end(entry);
        }
    }

    /// When [`Flows::expire_leases`] has something to look at (ns).
    pub fn next_lease(&self) -> Option<u64> {
        self.leases.next().map(|ms| ms * 1_000_000)
    }

    /// Ends the leases of bindings that have been idle too long; `idle` hears of each binding.
    pub fn expire_leases(&mut self, now_ns: u64, mut idle: impl FnMut(&Slot)) {
        let now = now_ns / 1_000_000;
        while let Some(entry) = self.leases.due(now) {
            let silent = (now as u32).wrapping_sub(self.slot(entry).last);
            if silent < NAT_IDLE_MS {
                self.leases.again(entry, now + u64::from(NAT_IDLE_MS - silent));
            } else {
                self.leases.expire(entry);
                idle(self.slot(entry));
            }
        }
    }

    /// TCP connections of each NAT gateway, by its index.
    pub fn connections(&self) -> &[u64] {
        self.leases.tcp()
    }

    fn give_back(&mut self, pair: u32, owner: PortNo) {
        self.free.push(pair);
        self.shares.give(owner, 1);
    }

    /// Every entry in use, for inspection and tests.
    pub fn entries(&self) -> impl Iterator<Item = (u32, &Slot)> {
        let slots = self.pairs.iter().flatten().enumerate();
        slots.map(|(e, s)| (e as u32, s)).filter(|(_, s)| s.has(flag::PRESENT))
    }
}

/// 0: only an action. 1: one side has spoken. 2: a conversation.
fn worth(slot: &Slot) -> u8 {
    match slot.kind() {
        Kind::None => 0,
        _ if slot.state & super::state::REPLY == 0 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests;
