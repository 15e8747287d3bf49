//! The leases that the bindings of one shard hold, and when to look whether a binding has been idle too long.
//!
//! A binding's idleness is judged when somebody asks, but its place among the flows to its destination must be free for other shards at that
//! moment (NAT-44). So each binding has a date: the earliest time at which it can have been idle long enough. At that time it is
//! looked at, and if a packet has come meanwhile it gets a later date. No packet moves a date, and a binding is looked at once in 350 seconds.
//! A lease that ends early leaves its date behind, for the next lease of the same entry: there are never more dates than entries.

use super::Lease;
use hashbrown::HashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Leases by entry of the flow table.
#[derive(Default)]
pub struct Leases {
    /// An entry is in here as long as it has a date.
    held: HashMap<u32, Option<Lease>, foldhash::fast::RandomState>,
    /// (ms, entry), earliest first.
    dates: BinaryHeap<Reverse<(u64, u32)>>,
    /// TCP leases by gateway.
    tcp: Vec<u64>,
}

impl Leases {
    /// The binding at `entry` holds `lease`, and can have been idle for too long at `due` (ms). What the entry held before ends.
    pub fn grant(&mut self, entry: u32, lease: Lease, due: u64) {
        self.end(entry);
        if lease.destination().proto == 6 {
            let nat = lease.destination().nat as usize;
            if self.tcp.len() <= nat {
                self.tcp.resize(nat + 1, 0);
            }
            self.tcp[nat] += 1;
        }
        if self.held.insert(entry, Some(lease)).is_none() {
            self.dates.push(Reverse((due, entry)));
        }
    }

    /// The binding at `entry` needs its lease no more. Whether it had one.
    pub fn end(&mut self, entry: u32) -> bool {
        let lease = self.held.get_mut(&entry).and_then(Option::take);
        if let Some(lease) = &lease
            && lease.destination().proto == 6
        {
            self.tcp[lease.destination().nat as usize] -= 1;
        }
        lease.is_some()
    }

    /// The earliest date (ms).
    pub fn next(&self) -> Option<u64> {
        self.dates.peek().map(|d| d.0.0)
    }

    /// An entry that holds a lease and has a date up to `now` (ms); it loses the date, and must be given another ([`Leases::again`]) or
    /// [ended](Leases::end).
    pub fn due(&mut self, now: u64) -> Option<u32> {
        while let Some(&Reverse((due, entry))) = self.dates.peek() {
            if due > now {
                return None;
            }
            self.dates.pop();
            if self.held.get(&entry).is_some_and(Option::is_some) {
                return Some(entry);
            }
            self.held.remove(&entry);
        }
        None
    }

    /// Another date for an entry from [`Leases::due`].
    pub fn again(&mut self, entry: u32, due: u64) {
        self.dates.push(Reverse((due, entry)));
    }

    /// The lease of an entry from [`Leases::due`] ends, and it has no date any more.
    pub fn expire(&mut self, entry: u32) {
        self.end(entry);
        self.held.remove(&entry);
    }

    /// TCP leases of each gateway, by its index.
    pub fn tcp(&self) -> &[u64] {
        &self.tcp
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Destination, Destinations};
    use super::*;
    use vpcd_wire::FiveTuple;

    fn to(proto: u8) -> Destination {
        let back =
            FiveTuple { src: [192, 0, 2, 7].into(), dst: [198, 51, 100, 9].into(), sport: 443, dport: 2000, proto };
        Destination::of(3, &back)
    }

    // covers: NAT-44
    #[test]
    fn an_early_end_frees_the_place_and_leaves_one_date_for_the_entry() {
        let from = Destinations::new(1);
        let mut leases = Leases::default();
        let lease = || Destinations::lease(&from, to(6));
        for round in 0..100 {
            leases.grant(7, lease().expect("the place is free again"), 350_000 + round);
            assert!(lease().is_none());
            assert_eq!(leases.tcp(), [0, 0, 0, 1]);
            assert!(leases.end(7) && !leases.end(7));
            assert_eq!(leases.tcp(), [0, 0, 0, 0]);
        }
        assert_eq!((leases.dates.len(), leases.next()), (1, Some(350_000)));
        assert_eq!(leases.due(400_000), None);
        assert!(leases.held.is_empty() && leases.dates.is_empty());
    }

    #[test]
    fn a_binding_is_looked_at_on_its_date_and_not_before() {
        let from = Destinations::new(9);
        let mut leases = Leases::default();
        for (entry, due) in [(1, 300), (2, 100), (3, 200)] {
            leases.grant(entry, Destinations::lease(&from, to(17)).expect("room"), due);
        }
        assert_eq!(leases.due(99), None);
        assert_eq!(leases.due(250), Some(2));
        leases.again(2, 500);
        assert_eq!(leases.due(250), Some(3));
        leases.expire(3);
        assert_eq!((leases.due(250), leases.next(), from.flows(&to(17))), (None, Some(300), 2));
        assert!(leases.tcp().is_empty());
    }
}
