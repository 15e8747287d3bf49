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
    /// Whether `self <= other`, computed without branches.
    fn not_above(self, other: Self) -> bool;
    /// How many of `starts` (ascending) are not above `self`, by looking at all of them.
    fn count_up_to(self, starts: &[Self]) -> usize;
    /// Up to how many starts that beats a search.
    const SCAN: usize;
    /// Bits of the trie's root for this many ranges, by measurement (`examples/lookup_speed.rs`);
    /// `None` if they stay flat.
    fn root_bits(ranges: usize) -> Option<u32>;
}

macro_rules! addr {
    ($int:ty, $scan:expr, $not_above:expr, $root_bits:expr) => {
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
            fn not_above(self, other: Self) -> bool {
                let not_above: fn($int, $int) -> bool = $not_above;
                not_above(self, other)
            }

            #[inline(always)]
            fn count_up_to(self, starts: &[Self]) -> usize {
                let mut count = 0u32;
                for start in starts {
                    count += u32::from(start.not_above(self));
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

addr!(u32, 32, |a, b| a <= b, |ranges| match ranges {
    // About 1,000 routes. A trie answers one of them as fast as a batch does the flat form, but
    // takes 250 KB and more for what is 16 KB here.
    0..2_048 => None,
    2_048..131_072 => Some(16),
    // 18 + 6 bits reach the /24s, which are most of the Internet's routes.
    _ => Some(18),
});
addr!(
    u128,
    8,
    // A plain comparison of this width compiles to a jump that random addresses mispredict.
    |a, b| {
        let (a_high, b_high) = ((a >> 64) as u64, (b >> 64) as u64);
        (a_high < b_high) | ((a_high == b_high) & (a as u64 <= b as u64))
    },
    // Long prefixes make chains of nodes with one child: measured from 50 to 200,000 routes, the
    // flat form is 1.5 to 3 times as fast in batches and takes 40 bytes a route, not 100 to 400.
    |_| None
);
