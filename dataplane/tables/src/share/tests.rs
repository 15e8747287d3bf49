use super::*;
use proptest::prelude::*;
use std::collections::HashMap;

/// A change, or a snapshot to be kept and compared with.
#[derive(Clone, Debug)]
enum Step {
    Put(u16, u8),
    Take(u16),
    Keep,
}

fn steps(keys: u16) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..keys, any::<u8>()).prop_map(|(k, v)| Step::Put(k, v)),
        3 => (0..keys).prop_map(Step::Take),
        1 => Just(Step::Keep),
    ];
    prop::collection::vec(step, 0..800)
}

fn contents(map: &Map<u16, u8>) -> HashMap<u16, u8> {
    map.iter().map(|(k, v)| (*k, *v)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_map_is_a_hash_map_and_copies_stay_what_they_were(steps in steps(700)) {
        let (mut map, mut oracle) = (Map::default(), HashMap::new());
        let mut kept: Vec<(Map<u16, u8>, HashMap<u16, u8>)> = vec![(map.clone(), oracle.clone())];
        for step in steps {
            match step {
                Step::Put(k, v) => {
                    map.set(k, Some(v));
                    oracle.insert(k, v);
                }
                Step::Take(k) => {
                    map.set(k, None);
                    oracle.remove(&k);
                }
                Step::Keep => kept.push((map.clone(), oracle.clone())),
            }
            prop_assert_eq!((map.len(), map.is_empty()), (oracle.len(), oracle.is_empty()));
        }
        prop_assert_eq!(&contents(&map), &oracle);
        (0..700).for_each(|k| assert_eq!(map.get(&k), oracle.get(&k)));
        for (copy, was) in &kept {
            prop_assert_eq!(&contents(copy), was);
            prop_assert_eq!(*copy == map, *was == oracle);
            for (a, b, of_a, of_b) in [(copy, &map, was, &oracle), (&map, copy, &oracle, was)] {
                let mut found: Vec<u16> = a.differences(b).copied().collect();
                found.sort_unstable();
                let expected: Vec<u16> = (0..700).filter(|k| of_a.get(k) != of_b.get(k)).collect();
                prop_assert_eq!(found, expected);
            }
        }
        // The same content reached in another way, with another number of shards.
        prop_assert!(oracle.iter().map(|(k, v)| (*k, *v)).collect::<Map<u16, u8>>() == map);
    }

    #[test]
    fn pages_are_a_vector_and_copies_stay_what_they_were(steps in steps(400)) {
        let (mut pages, mut oracle) = (Pages::default(), Vec::new());
        let mut kept: Vec<(Pages<u8>, Vec<u8>)> = vec![(pages.clone(), oracle.clone())];
        for step in steps {
            match step {
                Step::Put(k, v) => {
                    let at = usize::from(k);
                    pages.set(at, v);
                    oracle.resize(oracle.len().max(at + 1), 0);
                    oracle[at] = v;
                }
                Step::Take(k) => {
                    pages.grow(k.into());
                    oracle.resize(oracle.len().max(k.into()), 0);
                }
                Step::Keep => kept.push((pages.clone(), oracle.clone())),
            }
        }
        prop_assert_eq!((pages.len(), pages.is_empty()), (oracle.len(), oracle.is_empty()));
        prop_assert!(pages.iter().eq(&oracle));
        for (copy, was) in &kept {
            prop_assert!(copy.iter().eq(was));
            let unshared: Vec<usize> = pages.unshared(copy).into_iter().flatten().collect();
            let value = |of: &[u8], at: usize| of.get(at).copied().unwrap_or(0);
            for at in (0..oracle.len()).filter(|at| value(was, *at) != value(&oracle, *at)) {
                prop_assert!(unshared.contains(&at), "{at}");
            }
            let mut taken = pages.clone();
            unshared.iter().for_each(|&at| taken.take_page(at, copy));
            (0..was.len()).for_each(|at| assert_eq!(taken.get(at), was.get(at)));
        }
    }
}

#[test]
fn one_change_copies_little() {
    let mut map: Map<u32, u32> = (0..100_000).map(|k| (k, k)).collect();
    let before = map.clone();
    map.insert(7, 7);
    assert!(map.unshared(&before).is_empty());
    map.insert(7, 8);
    assert_eq!(map.unshared(&before).len(), 1);
    assert!(map.shards.len() <= 1024 && map.shards.iter().all(|s| s.len() < 1024));
    let mut pages = Pages::default();
    (0..100_000).for_each(|i| pages.set(i, i));
    let before = pages.clone();
    pages.set(70, 0);
    assert_eq!(pages.unshared(&before), vec![64..128]);
}
