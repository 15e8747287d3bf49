//! Kernels over cache lines. Each has a safe twin that does the same one element at a time; tests compare the two.

/// One bit per word of a cache line that equals `want` under `mask`.
#[inline(always)]
pub fn equal_words(line: &[u32; 16], want: u32, mask: u32) -> u32 {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    // SAFETY: SSE2 is part of every x86-64 processor.
    unsafe {
        equal_words_sse2(line, want, mask)
    }
    #[cfg(not(target_arch = "x86_64"))]
    equal_words_scalar(line, want, mask)
}

/// The safe twin of [`equal_words`].
pub fn equal_words_scalar(line: &[u32; 16], want: u32, mask: u32) -> u32 {
    line.iter().enumerate().fold(0, |bits, (i, &word)| bits | u32::from((word ^ want) & mask == 0) << i)
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
#[target_feature(enable = "sse2")]
fn equal_words_sse2(line: &[u32; 16], want: u32, mask: u32) -> u32 {
    use std::arch::x86_64::*;
    let (want, mask, zero) = (_mm_set1_epi32(want as i32), _mm_set1_epi32(mask as i32), _mm_setzero_si128());
    let four = |i: usize| {
        // SAFETY: `i` is 0, 4, 8 or 12: the four words lie inside the line.
        let words = unsafe { _mm_loadu_si128(line.as_ptr().add(i).cast()) };
        _mm_cmpeq_epi32(_mm_and_si128(_mm_xor_si128(words, want), mask), zero)
    };
    let low = _mm_packs_epi32(four(0), four(4));
    let high = _mm_packs_epi32(four(8), four(12));
    _mm_movemask_epi8(_mm_packs_epi16(low, high)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree() {
        let mut x = 1u32;
        let mut next = || {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            x >> 7
        };
        for _ in 0..10_000 {
            let line: [u32; 16] = std::array::from_fn(|_| next() & 0x30_0007);
            for want in [0, 0x10_0000, 0x30_0000, 5] {
                for mask in [0xffff_0000, !0, 7] {
                    assert_eq!(equal_words(&line, want, mask), equal_words_scalar(&line, want, mask));
                }
            }
        }
    }
}
