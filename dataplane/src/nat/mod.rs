//! Which external port a new flow through a NAT gateway gets.
//!
//! Ports belong to shards: a port is handed out by shard `port mod 64` and by no other, so an answer finds the shard of its
//! flow without a table, and no two workers can lease the same port. There is no free list: a port is free
//! for a remote end if no entry under (remote end -> gateway address, port) is alive or held, which the flow table
//! itself knows. How many flows a destination may have in all is counted apart from that, over all shards ([`Destinations`]).
//!
//! 64,512 ports are there for 55,000 flows: those that rest after their flow's end come out of the other 9,512 (NAT-36, NAT-44). A shard has
//! 1,008 of them. Flows fall on shards by a keyed hash: of 55,000 to one destination a shard gets 859 on average with a standard deviation of 29, so that
//! some shard runs out before the total is reached once in about 90,000 times that a destination is filled (5.1 deviations, 64 shards).

mod counters;
mod destinations;
mod leases;

/// What `destinations` is built from: its test has others.
mod sync {
    pub(super) use std::sync::{Arc, Mutex, MutexGuard};
}

pub use counters::NatGatewayCounters;
pub(crate) use counters::Tallies;
pub use destinations::{Destination, Destinations, FLOWS_PER_DESTINATION, Lease};
pub use leases::Leases;

use crate::session::{FlowHash, Key};

/// Shards of one engine; the steering of answers depends on it.
pub const SHARDS: usize = 64;
/// First port (NAT-33).
const FIRST: u16 = 1024;
/// Ports of one shard: 64 slices of this many are exactly 1024..=65535.
pub const SLICE: u16 = ((65536 - FIRST as u32) / SHARDS as u32) as u16;

/// The slice of ports that one shard hands out, of every gateway and for every remote end.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    shard: u16,
    usable: u16,
    hash: FlowHash,
}

impl Ports {
    /// The slice of `shard`; at most `usable` flows per remote end (up to [`SLICE`]).
    pub fn new(shard: usize, usable: u16, hash: FlowHash) -> Ports {
        Ports { shard: (shard % SHARDS) as u16, usable: usable.clamp(1, SLICE), hash }
    }

    /// A port that is not `taken`, starting at a place that only this client's tuple and the seed decide; none: exhausted (NAT-34, NAT-79).
    pub fn choose(&self, client: &Key, taken: impl Fn(u16) -> bool) -> Option<u16> {
        let start = self.hash.at(self.hash.tuple(&client.tuple), client.ingress) >> 32;
        let start = (start % u64::from(SLICE)) as u16;
        let ports = (0..SLICE).map(|step| self.port((start + step) % SLICE));
        if self.usable == SLICE {
            return ports.into_iter().find(|&p| !taken(p));
        }
        let in_use = ports.clone().filter(|&p| taken(p)).count();
        if in_use >= self.usable as usize { None } else { ports.into_iter().find(|&p| !taken(p)) }
    }

    fn port(&self, nth: u16) -> u16 {
        FIRST + nth * SHARDS as u16 + self.shard
    }
}

/// The shard that handed out `port`.
#[inline]
pub fn shard_of_port(port: u16) -> usize {
    port as usize % SHARDS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use vpcd_wire::FiveTuple;

    fn client(port: u16) -> Key {
        let tuple =
            FiveTuple { src: [10, 0, 1, 5].into(), dst: [192, 0, 2, 77].into(), sport: port, dport: 443, proto: 6 };
        Key::new(1, tuple)
    }

    // covers: NAT-33
    #[test]
    fn the_slices_of_all_shards_are_exactly_1024_to_65535() {
        let hash = FlowHash::new(1);
        let mut all = HashSet::new();
        for shard in 0..SHARDS {
            let ports = Ports::new(shard, SLICE, hash);
            for nth in 0..SLICE {
                assert_eq!(shard_of_port(ports.port(nth)), shard);
                assert!(all.insert(ports.port(nth)));
            }
        }
        assert_eq!(all.len(), 64_512);
        assert_eq!((all.iter().min(), all.iter().max()), (Some(&1024), Some(&65535)));
    }

    // covers: NAT-79
    #[test]
    fn every_port_of_a_slice_is_handed_out_once_and_then_none() {
        for usable in [1, 5, SLICE] {
            let ports = Ports::new(9, usable, FlowHash::new(1));
            let mut taken = HashSet::new();
            for n in 0..usable {
                let port = ports.choose(&client(n), |p| taken.contains(&p)).expect("a port is left");
                assert!(taken.insert(port));
            }
            assert_eq!(ports.choose(&client(9), |p| taken.contains(&p)), None);
        }
    }

    #[test]
    fn the_choice_is_the_flows_own_as_long_as_it_is_free() {
        let ports = Ports::new(9, SLICE, FlowHash::new(1));
        let first = ports.choose(&client(1), |_| false);
        assert_eq!(ports.choose(&client(1), |_| false), first);
        assert_ne!(ports.choose(&client(1), |p| Some(p) == first), first);
    }

    /// Destinations that differ in any one thing seldom wait for one another.
    #[test]
    fn locks_are_shared_by_few_destinations() {
        let counts = Destinations::new(1);
        let back = |n: u8, field: usize| {
            let mut t = client(443).tuple;
            match field {
                0 => t.src = [192, 0, 2, n].into(),
                1 => t.dst = [198, 51, 100, n].into(),
                2 => t.sport = n.into(),
                _ => {}
            }
            Destination::of(if field == 3 { n.into() } else { 0 }, &t)
        };
        for field in 0..4 {
            let stripes: HashSet<_> = (0..=255).map(|n| counts.stripe(&back(n, field))).collect();
            // Of 64, 256 draws leave about one out.
            assert!(stripes.len() > 55, "{} of field {field}", stripes.len());
        }
    }

    // covers: NAT-79
    #[test]
    fn clients_begin_all_over_the_slice() {
        let ports = Ports::new(9, SLICE, FlowHash::new(1));
        let first: HashSet<_> = (0..SLICE).filter_map(|n| ports.choose(&client(n), |_| false)).collect();
        // Of as many draws as there are ports, about 63 in 100 are different.
        assert!(first.len() > usize::from(SLICE) / 2, "{}", first.len());
    }
}
