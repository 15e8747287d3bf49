//! The form of IPv6 and of small tables: range starts in one sorted array. Up to two cache lines of
//! starts are all compared (the compiler makes vector compares of it); more are searched by halves,
//! with conditional moves instead of branches, so that lookups of a batch overlap. A range costs
//! one address and four bytes, whatever the lengths of its prefixes, so ten thousand tables stay
//! small.

use super::{NONE, addr::Addr, ranges::Ranges};
use std::hint::select_unpredictable;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Flat<A> {
    /// Starts of all ranges but the first, ascending, padded with the highest address.
    starts: Box<[A]>,
    /// `values[n]` answers an address that is not below `n` starts. The last value repeats for
    /// the padding, because the highest address itself counts it.
    values: Box<[u32]>,
}

/// Lookups in flight at once.
const LANES: usize = 8;

impl<A: Addr> Flat<A> {
    pub(super) fn build(ranges: &Ranges<A>) -> Flat<A> {
        let mut starts: Vec<A> = ranges.starts.iter().skip(1).copied().collect();
        let mut values = ranges.values.clone();
        if starts.len() <= A::SCAN {
            starts.resize(starts.len().next_multiple_of(8), A::MAX);
        }
        values.resize(starts.len() + 1, values.last().copied().unwrap_or(NONE));
        Flat { starts: starts.into(), values: values.into() }
    }

    #[inline]
    pub(super) fn lookup(&self, addr: A) -> u32 {
        let rank = if self.starts.len() <= A::SCAN { self.scan(addr) } else { self.search([addr])[0] };
        self.value(rank)
    }

    pub(super) fn lookup_batch(&self, addrs: &[A], out: &mut [u32]) {
        if self.starts.len() <= A::SCAN {
            for (addr, out) in addrs.iter().zip(out) {
                *out = self.value(self.scan(*addr));
            }
            return;
        }
        let n = addrs.len().min(out.len());
        let (addrs, addrs_rest) = addrs[..n].as_chunks::<LANES>();
        let (out, out_rest) = out[..n].as_chunks_mut::<LANES>();
        for (addrs, out) in addrs.iter().zip(out) {
            let ranks = self.search(*addrs);
            for (out, rank) in out.iter_mut().zip(ranks) {
                *out = self.value(rank);
            }
        }
        for (addr, out) in addrs_rest.iter().zip(out_rest) {
            *out = self.value(self.search([*addr])[0]);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.values)
    }

    #[inline(always)]
    fn value(&self, rank: usize) -> u32 {
        self.values.get(rank).copied().unwrap_or(NONE)
    }

    #[inline(always)]
    fn scan(&self, addr: A) -> usize {
        let (blocks, _) = self.starts.as_chunks::<8>();
        blocks.iter().map(|block| addr.count_up_to(block)).sum()
    }

    /// How many starts are not above each address. All lanes take the same number of steps.
    #[inline(always)]
    fn search<const N: usize>(&self, addrs: [A; N]) -> [usize; N] {
        let mut ranks = [0usize; N];
        let mut left = self.starts.len();
        while left > 0 {
            let half = left.div_ceil(2);
            for (rank, addr) in ranks.iter_mut().zip(&addrs) {
                let start = self.starts.get(*rank + half - 1);
                let below = start.copied().unwrap_or(A::MAX).not_above(*addr);
                *rank += select_unpredictable(below, half, 0);
            }
            left -= half;
        }
        ranks
    }
}
