//! The leases of a shard against the plainest thing that can be meant by them: a map from entry to destination.

use proptest::prelude::*;
use std::collections::BTreeMap;
use vpcd_dataplane::nat::{Destination, Destinations, Leases};
use vpcd_dataplane::wire::FiveTuple;

const LIMIT: u32 = 4;

/// One of three destinations, TCP and UDP.
fn to(n: u8) -> Destination {
    let (sport, proto) = [(443, 6), (80, 6), (443, 17)][usize::from(n)];
    let back = FiveTuple { src: [192, 0, 2, 7].into(), dst: [198, 51, 100, 9].into(), sport, dport: 2000, proto };
    Destination::of(0, &back)
}

#[derive(Clone, Debug)]
enum Step {
    /// A flow begins at an entry, whatever the entry held.
    Begin(u32, u8),
    /// It is closed.
    End(u32),
    /// Time goes on; whoever is due is looked at, and found idle if the number says so.
    Pass(u64, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..12u32, 0..3u8).prop_map(|(entry, to)| Step::Begin(entry, to)),
        (0..12u32).prop_map(Step::End),
        (0..200u64, any::<u8>()).prop_map(|(ms, idle)| Step::Pass(ms, idle)),
    ]
}

proptest! {
    // covers: NAT-34 NAT-44
    #[test]
    fn leases_are_what_a_map_says(steps in prop::collection::vec(step(), 1..300)) {
        let from = Destinations::new(LIMIT);
        let mut leases = Leases::default();
        let mut held: BTreeMap<u32, u8> = BTreeMap::new();
        let mut now = 0;
        let count = |held: &BTreeMap<u32, u8>, n| held.values().filter(|&&t| t == n).count() as u32;
        for step in steps {
            match step {
                Step::Begin(entry, n) => {
                    // The place is asked for before the entry's former one is given back.
                    let lease = Destinations::lease(&from, to(n));
                    prop_assert_eq!(lease.is_some(), count(&held, n) < LIMIT);
                    if let Some(lease) = lease {
                        leases.grant(entry, lease, now + 350);
                        held.insert(entry, n);
                    }
                }
                Step::End(entry) => prop_assert_eq!(leases.end(entry), held.remove(&entry).is_some()),
                Step::Pass(ms, mut idle) => {
                    now += ms;
                    while let Some(entry) = leases.due(now) {
                        prop_assert!(held.contains_key(&entry), "only holders are looked at");
                        if idle & 1 == 0 {
                            leases.expire(entry);
                            held.remove(&entry);
                        } else {
                            leases.again(entry, now + 350);
                        }
                        idle = idle.rotate_right(1);
                    }
                    prop_assert!(leases.next().is_none_or(|date| date > now));
                }
            }
            for n in 0..3 {
                prop_assert_eq!(from.flows(&to(n)), count(&held, n));
                prop_assert_eq!(from.has_room(&to(n)), count(&held, n) < LIMIT);
            }
            let tcp: u64 = leases.tcp().iter().sum();
            prop_assert_eq!(tcp, u64::from(count(&held, 0) + count(&held, 1)));
            // Nobody who holds one is forgotten: there is a date for it.
            prop_assert!(held.is_empty() || leases.next().is_some());
        }
        drop(leases);
        prop_assert_eq!([0, 1, 2].map(|n| from.flows(&to(n))), [0; 3], "all went back");
    }
}
