//! The agreement between publishers and workers under loom: the very file that the engine uses, with loom's atomics, in every order that
//! the memory model allows. A snapshot is a cell that workers read and that its publisher destroys once all are past it: what the agreement
//! forbids is an access to both at once, which loom reports.

mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
}
#[path = "../src/live/turn.rs"]
mod turn;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use turn::{Published, Turn};

struct World {
    published: Published,
    turn: Turn,
    snapshots: Vec<UnsafeCell<u64>>,
    ring: AtomicBool,
}

fn world(snapshots: u64) -> Arc<World> {
    Arc::new(World {
        published: Published::new(0),
        turn: Turn::new(),
        snapshots: (0..snapshots).map(UnsafeCell::new).collect(),
        ring: AtomicBool::new(false),
    })
}

/// A batch under the latest snapshot, as the engine does it.
fn batch(w: &World) {
    let number = w.published.latest();
    w.turn.see(number);
    w.snapshots[number as usize].with(|_| ());
}

fn publish(w: &World, number: u64) {
    w.published.announce(number);
    while !w.turn.is_past(number) {
        thread::yield_now();
    }
    w.snapshots[number as usize - 1].with_mut(|_| ());
}

/// Everything a worker does: works, sleeps, wakes, works, and sleeps for good.
fn work(w: &World) {
    batch(w);
    w.turn.lie_down();
    w.turn.get_up();
    batch(w);
    w.turn.lie_down();
}

/// The same without sleep in between.
fn work_on(w: &World) {
    batch(w);
    batch(w);
    w.turn.lie_down();
}

#[test]
fn nobody_works_under_a_snapshot_whose_publish_has_returned() {
    for work in [work, work_on] {
        loom::model(move || {
            let w = world(2);
            let worker = thread::spawn({
                let w = w.clone();
                move || work(&w)
            });
            publish(&w, 1);
            worker.join().unwrap();
        });
    }
}

#[test]
fn two_publishes_in_a_row_are_each_obeyed() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let w = world(3);
        let worker = thread::spawn({
            let w = w.clone();
            move || work(&w)
        });
        publish(&w, 1);
        publish(&w, 2);
        worker.join().unwrap();
    });
}

#[test]
fn what_is_handed_to_a_sleeper_is_seen_by_one_of_the_two() {
    loom::model(|| {
        let w = world(1);
        let worker = thread::spawn({
            let w = w.clone();
            move || {
                w.turn.lie_down();
                w.ring.load(Ordering::Relaxed)
            }
        });
        w.ring.store(true, Ordering::Relaxed);
        let woken = w.turn.must_be_woken();
        assert!(worker.join().unwrap() || woken, "it sleeps, and nobody woke it");
    });
}
