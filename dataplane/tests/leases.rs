//! Leases under loom: the very file that the engine uses, with loom's locks, in every order.

mod sync {
    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
}
#[path = "../src/nat/destinations.rs"]
#[allow(dead_code, unreachable_pub)]
mod destinations;

use destinations::{Destination, Destinations, Lease};
use loom::thread;
use vpcd_wire::FiveTuple;

fn to(port: u16) -> Destination {
    let back =
        FiveTuple { src: [192, 0, 2, 7].into(), dst: [198, 51, 100, 9].into(), sport: port, dport: 2000, proto: 6 };
    Destination::of(0, &back)
}

// covers: NAT-84
#[test]
fn workers_together_never_pass_the_limit_and_reach_it() {
    loom::model(|| {
        let from = Destinations::new(2);
        // Two workers take what they can get and keep it; nothing is given back, so that two places must have been given in all.
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let from = sync::Arc::clone(&from);
                thread::spawn(move || [(); 2].map(|()| Destinations::lease(&from, to(443))))
            })
            .collect();
        let own = Destinations::lease(&from, to(443));
        let theirs: Vec<Option<Lease>> = workers.into_iter().flat_map(|w| w.join().unwrap()).collect();
        assert_eq!(theirs.iter().flatten().count() + usize::from(own.is_some()), 2);
        assert_eq!(from.flows(&to(443)), 2);
        drop((own, theirs));
        assert_eq!(from.flows(&to(443)), 0);
    });
}

// covers: NAT-35 NAT-44
#[test]
fn what_one_worker_gives_back_another_gets_and_other_destinations_do_not_care() {
    loom::model(|| {
        let from = Destinations::new(1);
        let first = Destinations::lease(&from, to(443)).expect("the only place");
        let other = {
            let from = sync::Arc::clone(&from);
            thread::spawn(move || {
                assert!(Destinations::lease(&from, to(80)).is_some(), "another destination is as good as empty");
                Destinations::lease(&from, to(443))
            })
        };
        drop(first);
        let got = other.join().unwrap();
        assert_eq!(from.flows(&to(443)), u32::from(got.is_some()));
        let again = Destinations::lease(&from, to(443));
        assert_ne!(again.is_some(), got.is_some());
        assert_eq!(from.flows(&to(443)), 1);
    });
}
