//! Hash -> entry: buckets of one cache line, fifteen places each. A place is 32 bits: ten bits of hash above the number of the
//! entry, so that a look-up reads one line and nearly never follows a wrong entry. A full bucket passes on to the next
//! one and counts what it passed on, so that a miss ends where it may.

use vpcd_raw::{equal_words, huge_pages, prefetch};

const PLACES: usize = 15; // Also the mask of a word in a bucket.
const ENTRY_BITS: u32 = 22;
const ENTRY_MASK: u32 = (1 << ENTRY_BITS) - 1;

/// Entries per shard that a place can name.
pub(super) const MAX_ENTRIES: usize = ENTRY_MASK as usize;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    /// Places, and last the number of entries that hash here or before and had to go further.
    words: [u32; PLACES + 1],
}

impl Bucket {
    fn places(&self) -> &[u32] {
        &self.words[..PLACES]
    }

    #[inline]
    fn passed(&mut self) -> &mut u32 {
        &mut self.words[PLACES]
    }
}

/// The index of one shard.
pub(super) struct Index {
    buckets: Vec<Bucket>,
    mask: usize,
}

impl Index {
    /// Room for `entries` at a load of about two thirds.
    pub(super) fn with_room_for(entries: usize) -> Index {
        let buckets = (entries * 3 / 2).div_ceil(PLACES).next_power_of_two().max(4);
        let mut table = Vec::with_capacity(buckets);
        huge_pages(table.spare_capacity_mut());
        table.resize(buckets, Bucket { words: [0; PLACES + 1] });
        Index { buckets: table, mask: buckets - 1 }
    }

    pub(super) fn bytes(&self) -> usize {
        self.buckets.len() * size_of::<Bucket>()
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
        (hash >> 6) as usize & self.mask
    }

    #[inline]
    fn tag(hash: u64) -> u32 {
        ((hash >> 54) as u32).max(1) << ENTRY_BITS
    }

    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        prefetch(&self.buckets[self.home(hash)]);
    }

    /// The first entry whose tag fits in the home bucket: a guess worth prefetching.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        let hits = matching(&self.buckets[self.home(hash)], Self::tag(hash));
        if hits == 0 {
            return None;
        }
        let place = self.buckets[self.home(hash)].words[hits.trailing_zeros() as usize & PLACES];
        Some((place & ENTRY_MASK) - 1)
    }

    /// The entry under `hash` that `is` recognises.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = Self::tag(hash);
        let mut at = self.home(hash);
        for _ in 0..=self.mask {
            let bucket = &self.buckets[at];
            let mut hits = matching(bucket, tag);
            while hits != 0 {
                let place = bucket.words[hits.trailing_zeros() as usize & PLACES];
                let entry = (place & ENTRY_MASK) - 1;
                if is(entry) {
                    return Some(entry);
                }
                hits &= hits - 1;
            }
            if bucket.words[PLACES] == 0 {
                return None;
            }
            at = (at + 1) & self.mask;
        }
        None
    }

    /// Adds an entry that is not there yet; false if there is no place at all.
    pub(super) fn insert(&mut self, hash: u64, entry: u32) -> bool {
        let word = Self::tag(hash) | (entry + 1);
        let home = self.home(hash);
        let mut at = home;
        for distance in 0..=self.mask {
            if let Some(free) = self.buckets[at].places().iter().position(|&p| p == 0) {
                self.buckets[at].words[free] = word;
                for step in 0..distance {
                    *self.buckets[(home + step) & self.mask].passed() += 1;
                }
                return true;
            }
            at = (at + 1) & self.mask;
        }
        false
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, hash: u64, entry: u32) {
        let word = Self::tag(hash) | (entry + 1);
        let home = self.home(hash);
        for distance in 0..=self.mask {
            let at = (home + distance) & self.mask;
            if let Some(place) = self.buckets[at].places().iter().position(|&p| p == word) {
                self.buckets[at].words[place] = 0;
                for step in 0..distance {
                    *self.buckets[(home + step) & self.mask].passed() -= 1;
                }
                return;
            }
            if self.buckets[at].words[PLACES] == 0 {
                return;
            }
        }
    }
}

/// One bit per place whose tag fits. Tags are never 0, so free places never fit.
#[inline]
fn matching(bucket: &Bucket, tag: u32) -> u32 {
    equal_words(&bucket.words, tag, !ENTRY_MASK) & ((1 << PLACES) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_until_removed_even_when_buckets_overflow() {
        let mut index = Index::with_room_for(40);
        // All in one bucket, several tags: forces passing on and wrapping around.
        let hash = |n: u64| 3 << 6 | (n % 5) << 54;
        for n in 0..50u32 {
            assert!(index.insert(hash(n.into()), n));
        }
        for n in 0..50u32 {
            assert_eq!(index.find(hash(n.into()), |e| e == n), Some(n));
        }
        for n in (0..50u32).step_by(2) {
            index.remove(hash(n.into()), n);
        }
        for n in 0..50u32 {
            assert_eq!(index.find(hash(n.into()), |e| e == n), (n % 2 == 1).then_some(n));
        }
        for n in (1..50u32).step_by(2) {
            index.remove(hash(n.into()), n);
        }
        assert!(index.buckets.iter().all(|b| b.words == [0; PLACES + 1]));
    }

    #[test]
    fn hashes_spread_over_all_buckets() {
        let index = Index::with_room_for(1000);
        assert_eq!(index.buckets.len(), 128);
        for n in 0..256u64 {
            assert_eq!(index.home(n << 6), n as usize % 128);
        }
    }

    #[test]
    fn a_full_index_refuses() {
        let mut index = Index::with_room_for(4);
        let room = index.buckets.len() * PLACES;
        for n in 0..room as u32 {
            assert!(index.insert(u64::from(n) << 6, n));
        }
        assert!(!index.insert(0, 9999));
        assert_eq!(index.find(1 << 6 | 77 << 54, |_| true), None);
    }
}
