//! The two address widths behind one trait, so that each form is written once.

use std::fmt::Debug;

/// An address in host byte order.
pub(super) trait Addr: Copy + Ord + Debug {
    const BITS: u32;
    const ZERO: Self;
    /// Pads search arrays; see [`super::flat`].
    const MAX: Self;

    /// The top `n` bits, `0 < n <= 18`.
    fn top(self, n: u32) -> usize;
    /// The six bits that follow the first `depth < BITS`; past the end they read as zero.
    fn chunk(self, depth: u32) -> u32;
    /// Whether all bits after the first `depth` are zero.
    fn aligned(self, depth: u32) -> bool;
    /// The last address of the prefix of length `len` that starts here.
    fn last(self, len: u32) -> Self;
    /// The address after this one, unless this is the last.
    fn next(self) -> Option<Self>;
    /// How many of `starts` (ascending) are not above `self`, by looking at all of them.
    fn count_up_to(self, starts: &[Self]) -> usize;
    /// Up to how many starts that beats a search.
    const SCAN: usize;
    /// Bits of the trie's root for this many ranges; `None` if they stay flat.
    fn root_bits(ranges: usize) -> Option<u32>;
}

macro_rules! addr {
    ($int:ty, $scan:expr, $root_bits:expr) => {
        impl Addr for $int {
            const BITS: u32 = <$int>::BITS;
            const ZERO: Self = 0;
            const MAX: Self = <$int>::MAX;
            const SCAN: usize = $scan;

            #[inline(always)]
            fn top(self, n: u32) -> usize {
                (self >> (Self::BITS - n)) as usize
            }

            #[inline(always)]
            fn chunk(self, depth: u32) -> u32 {
                ((self << depth) >> (Self::BITS - 6)) as u32
            }

            fn aligned(self, depth: u32) -> bool {
                self.checked_shl(depth).unwrap_or(0) == 0
            }

            fn last(self, len: u32) -> Self {
                self | <$int>::MAX.checked_shr(len).unwrap_or(0)
            }

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            #[inline(always)]
            fn count_up_to(self, starts: &[Self]) -> usize {
                let mut count = 0u32;
                for start in starts {
                    count += u32::from(*start <= self);
                }
                count as usize
            }

            fn root_bits(ranges: usize) -> Option<u32> {
                let root_bits: fn(usize) -> Option<u32> = $root_bits;
                root_bits(ranges)
            }
        }
    };
}

addr!(u32, 32, |ranges| match ranges {
    0..1_024 => None,
    1_024..32_768 => Some(16),
    _ => Some(18),
});
addr!(u128, 8, |ranges| match ranges {
    0..1_024 => None,
    _ => Some(16),
});
