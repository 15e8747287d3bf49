//! The few things the flow tables need that safe Rust has no word for: comparing a cache line at once, asking the processor to fetch a cache line ahead of its use, and
//! asking the kernel to back a table with huge pages. Both are hints: leaving them out changes no result.
#![deny(unsafe_code)]

mod simd;

pub use simd::{equal_words, equal_words_scalar};

/// Starts loading the cache line that holds `item`.
#[inline(always)]
pub fn prefetch<T>(item: &T) {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    // SAFETY: the pointer comes from a live reference; PREFETCHT0 reads nothing architecturally and cannot fault.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>((item as *const T).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = item;
}

/// Asks for transparent huge pages under `table`; call it before the memory is first touched.
pub fn huge_pages<T>(table: &[T]) {
    const HUGE: usize = 2 << 20;
    let start = table.as_ptr() as usize;
    let from = start.next_multiple_of(HUGE);
    let to = (start + std::mem::size_of_val(table)) / HUGE * HUGE;
    if to > from {
        #[allow(unsafe_code)]
        // SAFETY: the range lies inside a live allocation that we borrow; MADV_HUGEPAGE changes how it is backed, never its contents.
        unsafe {
            libc::madvise(from as *mut libc::c_void, to - from, libc::MADV_HUGEPAGE);
        }
    }
}

/// The time stamp counter, in ticks (0 where there is none).
#[inline(always)]
pub fn ticks() -> u64 {
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code)]
    // SAFETY: RDTSC has no preconditions in user space on Linux.
    unsafe {
        std::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    0
}
