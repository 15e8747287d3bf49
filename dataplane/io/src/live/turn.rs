//! How a publisher knows that nobody works under an older snapshot any more, although workers that sleep do not answer.
//!
//! The snapshot itself lies elsewhere; here are its number and what each worker says of itself. The publisher puts the new snapshot in
//! its place, [`Published::announce`]s it, and waits until every worker [`Turn::is_past`] it: has seen it, or sleeps. A worker that
//! wakes calls [`Turn::get_up`] and then compares [`Published::latest`] with what it holds, before it touches a frame.
//!
//! **Seen is enough.** A worker says so after it took the new snapshot and after its last batch under the old one, with release; numbers only rise for whoever
//! reads them again.
//!
//! **Asleep is enough, though the worker may be waking at this moment.** The publisher stores the number (1), fences (2), reads the flag up (3). The worker takes the
//! flag down (a), fences (b), reads the number (c). Sequentially consistent fences have one order. If (b) came before (2), then (a) is
//! visible to (3): the flag that was read up is not the one that (a) took down, but a later one, put up by release after the batch that
//! followed; that batch is over, and the same question goes to the next wake-up. If (2) came before (b), then (1) is visible to (c): the
//! worker takes the new snapshot before its batch. Without the two fences both sides may read the old value, on x86 too: a store waits in its
//! buffer while the load behind it goes ahead.
//!
//! The same pair of fences keeps work that is handed to a worker from being left lying: whoever hands over asks [`Turn::must_be_woken`] after, and the
//! worker looks at what was handed to it after [`Turn::lie_down`]; one of them sees the other.
//!
//! `tests/turn.rs` compiles this file against loom, which tries every order.

use super::sync::{AtomicBool, AtomicU64, Ordering, fence};

/// The number of the latest snapshot.
pub(super) struct Published(AtomicU64);

/// What a worker says of itself.
pub(super) struct Turn {
    /// Number of the snapshot it works under.
    seen: AtomicU64,
    asleep: AtomicBool,
}

impl Published {
    pub(super) fn new(number: u64) -> Published {
        Published(AtomicU64::new(number))
    }

    /// Publisher: the snapshot of this number is in its place.
    pub(super) fn announce(&self, number: u64) {
        self.0.store(number, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// Worker: at least this snapshot is in its place.
    pub(super) fn latest(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Turn {
    pub(super) fn new() -> Turn {
        Turn { seen: AtomicU64::new(0), asleep: AtomicBool::new(false) }
    }

    /// Worker: from here to [`Turn::get_up`] it handles nothing and holds no snapshot.
    pub(super) fn lie_down(&self) {
        self.asleep.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    pub(super) fn get_up(&self) {
        self.asleep.store(false, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Worker: it has let go of everything older than the snapshot of this number.
    pub(super) fn see(&self, number: u64) {
        self.seen.store(number, Ordering::Release);
    }

    /// Publisher: no batch is or will be handled under anything older than `number`.
    pub(super) fn is_past(&self, number: u64) -> bool {
        self.seen.load(Ordering::Acquire) >= number || self.asleep.load(Ordering::Acquire)
    }

    /// Another worker, after it handed something over. It may answer yes for one that is about to look anyway.
    pub(super) fn must_be_woken(&self) -> bool {
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::Relaxed)
    }
}
