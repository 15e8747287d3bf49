//! A bounded pool that no port can have for itself.
//!
//! A port may take another place while it holds fewer than [`SHARE`] times as many as are free (the dynamic threshold of shared-memory
//! switches, Choudhury and Hahne, IEEE/ACM ToN 6(2), 1998). One port alone comes to 8/9 of the pool, two come to 8/17 each; whoever comes
//! later always finds a place, and nobody's share needs to be configured.

use crate::topology::PortNo;
use hashbrown::HashMap;

const SHARE: u32 = 8;

/// Who holds how many places. Only counts: the places themselves are the pool's business.
pub(crate) struct Shares {
    capacity: u32,
    used: u32,
    held: HashMap<PortNo, u32, foldhash::fast::RandomState>,
}

impl Shares {
    /// A pool of so many places, all free.
    pub(crate) fn of(capacity: u32) -> Shares {
        Shares { capacity, used: 0, held: HashMap::default() }
    }

    /// The size of a pool in which one port alone can hold `places`.
    pub(crate) fn pool_for(places: usize) -> usize {
        places + places.div_ceil(SHARE as usize)
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    pub(crate) fn used(&self) -> usize {
        self.used as usize
    }

    /// Places that a port holds.
    pub(crate) fn held(&self, port: PortNo) -> u32 {
        self.held.get(&port).copied().unwrap_or(0)
    }

    /// Whether a port may take one more.
    pub(crate) fn admit(&self, port: PortNo) -> bool {
        self.held(port) < SHARE.saturating_mul(self.capacity - self.used)
    }

    /// One place is taken.
    pub(crate) fn take(&mut self, port: PortNo) {
        self.used += 1;
        *self.held.entry(port).or_insert(0) += 1;
    }

    /// `places` that a port held are free again.
    pub(crate) fn give(&mut self, port: PortNo, places: usize) {
        let places = places as u32;
        self.used -= places;
        if let Some(held) = self.held.get_mut(&port) {
            *held -= places;
            if *held == 0 {
                self.held.remove(&port);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes as long as it may.
    fn fill(s: &mut Shares, port: PortNo) -> u32 {
        while s.admit(port) {
            s.take(port);
        }
        s.held(port)
    }

    #[test]
    fn whoever_comes_later_finds_a_place() {
        let mut s = Shares::of(Shares::pool_for(800) as u32);
        assert_eq!(s.capacity(), 900);
        assert_eq!(fill(&mut s, 1), 800);
        let second = fill(&mut s, 2);
        assert!((80..100).contains(&second), "eight ninths of what was left: {second}");
        assert!(s.admit(3));
        // Who took much gives way as soon as what it holds is given back.
        s.give(1, 700);
        assert!(!s.admit(1) || s.held(1) < 8 * 712);
        assert!(fill(&mut s, 2) > 300);
        s.give(2, s.held(2) as usize);
        s.give(1, s.held(1) as usize);
        assert_eq!((s.used(), s.held.len()), (0, 0));
    }

    #[test]
    fn an_empty_pool_admits_nobody() {
        let mut s = Shares::of(1);
        s.take(1);
        assert!(!s.admit(2));
    }
}
