//! How many flows go to each destination through a NAT gateway, over all shards: at most 55,000 at a time (NAT-34), and as many again to
//! any other destination (NAT-35).
//!
//! A flow holds a [`Lease`] from its first packet to its end. A lease cannot be copied, and giving it back is dropping it, so that
//! the count of a destination is the number of its leases by construction. The counts are touched only where a flow begins or ends. One lock in
//! [`STRIPES`] guards a destination's count from look to change: nothing comes between, so the limit is never passed, and a refusal means that
//! just then there were as many leases as may be. `tests/leases.rs` compiles this file against loom, which tries every order.

use super::sync::{Arc, Mutex, MutexGuard};
use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::PoisonError;
use vpcd_wire::FiveTuple;

/// Flows to one destination at a time, per address of a NAT gateway (NAT-34).
pub const FLOWS_PER_DESTINATION: u32 = 55_000;
/// Locks, so that workers that begin flows to different destinations seldom meet.
const STRIPES: usize = 64;

/// What the limit is for: a remote end, as one gateway's address sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Index of the gateway.
    pub nat: u32,
    public: IpAddr,
    remote: IpAddr,
    port: u16,
    pub proto: u8,
}

impl Destination {
    /// Where a flow through gateway `nat` goes whose answers carry the tuple `back`. ICMP has no ports: its flows to an address count together (NAT-74).
    pub fn of(nat: u32, back: &FiveTuple) -> Destination {
        let port = if back.proto == 1 { 0 } else { back.sport };
        Destination { nat, public: back.dst, remote: back.src, port, proto: back.proto }
    }
}

type Counts = HashMap<Destination, u32, RandomState>;

/// The counts of one engine.
pub struct Destinations {
    limit: u32,
    stripes: Vec<Mutex<Counts>>,
    spread: FixedState,
}

/// One flow's place among those to its destination. Dropping it gives the place back.
#[must_use]
pub struct Lease {
    from: Arc<Destinations>,
    to: Destination,
}

impl Destinations {
    /// At most `limit` flows to each destination at a time.
    pub fn new(limit: u32) -> Arc<Destinations> {
        let stripes = (0..STRIPES).map(|_| Mutex::new(Counts::default())).collect();
        Arc::new(Destinations { limit, stripes, spread: FixedState::default() })
    }

    /// A place, or none: there are as many flows as may be.
    pub fn lease(from: &Arc<Destinations>, to: Destination) -> Option<Lease> {
        let mut counts = from.counts(&to);
        if counts.get(&to).copied().unwrap_or(0) >= from.limit {
            return None;
        }
        *counts.entry(to).or_insert(0) += 1;
        drop(counts);
        Some(Lease { from: Arc::clone(from), to })
    }

    /// Flows to a destination now.
    pub fn flows(&self, to: &Destination) -> u32 {
        self.counts(to).get(to).copied().unwrap_or(0)
    }

    /// Whether another flow would get a place now.
    pub fn has_room(&self, to: &Destination) -> bool {
        self.flows(to) < self.limit
    }

    fn counts(&self, to: &Destination) -> MutexGuard<'_, Counts> {
        // Counts are whole between any two of their changes.
        self.stripes[self.stripe(to)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stripe(&self, to: &Destination) -> usize {
        self.spread.hash_one(to) as usize % STRIPES
    }
}

impl Lease {
    /// What it is for.
    pub fn destination(&self) -> &Destination {
        &self.to
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut counts = self.from.counts(&self.to);
        if let Some(count) = counts.get_mut(&self.to) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.to);
            }
        }
    }
}
