//! Counts what is asked of the heap. The dataplane promises zero allocations per packet; a promise is worth what its measurement
//! is, so the harness runs under an allocator that does nothing but count, per thread, and pass on to the system's. A binary opts in with
//! `#[global_allocator] static HEAP: Counting = Counting;`.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Const-initialised and without a destructor: reading it allocates nothing and works at any time in the life of a thread.
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<i64> = const { Cell::new(0) };
}

/// The system's allocator, counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counting;

fn count(bytes: i64) {
    if bytes > 0 {
        let _ = CALLS.try_with(|c| c.set(c.get() + 1));
    }
    let _ = BYTES.try_with(|b| b.set(b.get() + bytes));
}

// SAFETY: every call is passed on unchanged to `System`, which keeps the contract; counting touches only plain cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64);
        count(-(layout.size() as i64));
        // SAFETY: the caller's promises are those that `System` asks for; `block` came from it.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: the caller's promises are those that `System` asks for; `block` came from it.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Allocations this thread has made so far; 0 for ever where [`Counting`] is not the global allocator.
pub fn calls() -> u64 {
    CALLS.with(Cell::get)
}

/// Bytes this thread has allocated less those it has freed.
pub fn bytes() -> i64 {
    BYTES.with(Cell::get)
}

/// Whether [`Counting`] is the global allocator: without it a count of zero would say nothing.
pub fn counted() -> bool {
    let before = calls();
    drop(std::hint::black_box(Box::new(0u64)));
    calls() != before
}

/// Allocations per call of `f`, over a thousand calls after one that may set things up.
pub fn per_call<R>(mut f: impl FnMut() -> R) -> f64 {
    std::hint::black_box(f());
    let before = calls();
    for _ in 0..1000 {
        std::hint::black_box(f());
    }
    (calls() - before) as f64 / 1000.0
}

/// Prints [`per_call`] under the name of a bench, to stand beside its time.
pub fn print_per_call<R>(name: &str, f: impl FnMut() -> R) {
    println!("{name}: {:.3} allocations per call", per_call(f));
}
