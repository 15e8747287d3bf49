use super::*;
use prefix_trie::PrefixMap;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

type Routes4 = Vec<(Ipv4Net, u32)>;
type Routes6 = Vec<(Ipv6Net, u32)>;

fn scan4(routes: &Routes4, addr: u32) -> u32 {
    let mut best: Option<(Ipv4Net, u32)> = None;
    for (net, value) in routes {
        let longer = best.is_none_or(|b| net.prefix_len() >= b.0.prefix_len());
        if net.contains(&Ipv4Addr::from(addr)) && longer {
            best = Some((*net, *value));
        }
    }
    best.map_or(NONE, |b| b.1)
}

fn scan6(routes: &Routes6, addr: u128) -> u32 {
    let mut best: Option<(Ipv6Net, u32)> = None;
    for (net, value) in routes {
        let longer = best.is_none_or(|b| net.prefix_len() >= b.0.prefix_len());
        if net.contains(&Ipv6Addr::from(addr)) && longer {
            best = Some((*net, *value));
        }
    }
    best.map_or(NONE, |b| b.1)
}

/// Every place where an answer may change, and its neighbours.
fn edges4(routes: &Routes4) -> Vec<u32> {
    let mut edges = vec![0, u32::MAX];
    for (net, _) in routes {
        let (first, last) = (u32::from(net.network()), u32::from(net.broadcast()));
        edges.extend([first, last, first.wrapping_sub(1), last.wrapping_add(1)]);
    }
    edges
}

fn edges6(routes: &Routes6) -> Vec<u128> {
    let mut edges = vec![0, u128::MAX];
    for (net, _) in routes {
        let (first, last) = (u128::from(net.network()), u128::from(net.broadcast()));
        edges.extend([first, last, first.wrapping_sub(1), last.wrapping_add(1)]);
    }
    edges
}

/// All forms that a table may take, whatever its size would choose.
fn forms<A: Addr>(routes: &[(A, u8, u32)]) -> Vec<Table<A>> {
    let ranges = Ranges::of(routes.to_vec());
    let table = |form| Table { len: ranges.prefixes, form };
    vec![
        table(Form::Flat(Flat::build(&ranges))),
        table(Form::Trie(Box::new(Trie::build(&ranges, 1)))),
        table(Form::Trie(Box::new(Trie::build(&ranges, 12)))),
        table(Form::Trie(Box::new(Trie::build(&ranges, 16)))),
        table(Form::Trie(Box::new(Trie::build(&ranges, 18)))),
    ]
}

fn check_forms<A: Addr>(routes: &[(A, u8, u32)], addrs: &[A], expected: &[u32]) {
    for table in forms(routes) {
        let mut out = vec![1_234_567; addrs.len()];
        table.lookup_batch(addrs, &mut out);
        assert_eq!(out, expected);
        for (addr, expected) in addrs.iter().zip(expected) {
            assert_eq!(table.lookup(*addr), *expected, "{addr:?}");
        }
    }
}

fn check4(routes: &Routes4, addrs: &[u32]) {
    let expected: Vec<u32> = addrs.iter().map(|a| scan4(routes, *a)).collect();
    let fib = Fib4::build(routes);
    let mut out = vec![0; addrs.len()];
    fib.lookup_batch(addrs, &mut out);
    assert_eq!(out, expected);
    for (addr, expected) in addrs.iter().zip(&expected) {
        assert_eq!(fib.lookup(*addr), *expected, "{}", Ipv4Addr::from(*addr));
    }
    let raw: Vec<_> = routes.iter().map(|r| (u32::from(r.0.network()), r.0.prefix_len(), r.1)).collect();
    check_forms(&raw, addrs, &expected);
}

fn check6(routes: &Routes6, addrs: &[u128]) {
    let expected: Vec<u32> = addrs.iter().map(|a| scan6(routes, *a)).collect();
    let fib = Fib6::build(routes);
    let mut out = vec![0; addrs.len()];
    fib.lookup_batch(addrs, &mut out);
    assert_eq!(out, expected);
    for (addr, expected) in addrs.iter().zip(&expected) {
        assert_eq!(fib.lookup(*addr), *expected, "{}", Ipv6Addr::from(*addr));
    }
    let raw: Vec<_> = routes.iter().map(|r| (u128::from(r.0.network()), r.0.prefix_len(), r.1)).collect();
    check_forms(&raw, addrs, &expected);
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0u32..4, 1 => 250u32..260, 1 => 65_530u32..65_540, 1 => 0..NONE]
}

/// Mostly prefixes that nest: few distinct high bytes, all lengths.
fn net4() -> impl Strategy<Value = Ipv4Net> {
    let addr = prop_oneof![
        3 => (0u32..3, any::<u32>()).prop_map(|(top, low)| (10 + top) << 24 | low & 0x0003_0303),
        1 => any::<u32>(),
        1 => (0u32..8).prop_map(|low| u32::MAX - low),
    ];
    (addr, 0u8..=32).prop_map(|(addr, len)| Ipv4Net::new_assert(Ipv4Addr::from(addr), len))
}

fn net6() -> impl Strategy<Value = Ipv6Net> {
    let low = 0x0000_0003_0000_0300_0000_0001_0000_0003u128;
    let addr = prop_oneof![
        3 => any::<u128>().prop_map(move |any| 0x2001 << 112 | any & low),
        1 => any::<u128>(),
        1 => (0u128..8).prop_map(|low| u128::MAX - low),
    ];
    (addr, 0u8..=128).prop_map(|(addr, len)| Ipv6Net::new_assert(Ipv6Addr::from(addr), len))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    // covers: RT-40
    #[test]
    fn rt_40_longest_prefix_wins_v4(
        routes in prop::collection::vec((net4(), value()), 0..60),
        mut addrs in prop::collection::vec(any::<u32>(), 0..50),
    ) {
        addrs.extend(edges4(&routes));
        check4(&routes, &addrs);
    }

    // covers: RT-40
    #[test]
    fn rt_40_longest_prefix_wins_v6(
        routes in prop::collection::vec((net6(), value()), 0..60),
        mut addrs in prop::collection::vec(any::<u128>(), 0..50),
    ) {
        addrs.extend(edges6(&routes));
        check6(&routes, &addrs);
    }

    // covers: RT-40
    #[test]
    fn rt_40_independent_of_insertion_order(
        routes in prop::collection::btree_map(net4().prop_map(|n| n.trunc()), value(), 0..60),
        seed in any::<u64>(),
    ) {
        let sorted: Routes4 = routes.into_iter().collect();
        let mut mixed = sorted.clone();
        let mut state = seed | 1;
        for i in (1..mixed.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            mixed.swap(i, (state >> 33) as usize % (i + 1));
        }
        prop_assert_eq!(Fib4::build(&sorted), Fib4::build(&mixed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    // covers: RT-40
    #[test]
    fn rt_40_large_v4_agrees_with_prefix_trie(
        routes in prop::collection::vec((net4(), value()), 2_000..5_000),
        mut addrs in prop::collection::vec(any::<u32>(), 100),
    ) {
        let mut oracle = PrefixMap::new();
        for (net, value) in &routes {
            oracle.insert(net.trunc(), *value);
        }
        addrs.extend(edges4(&routes));
        let fib = Fib4::build(&routes);
        prop_assert_eq!(fib.len(), oracle.len());
        let mut out = vec![0; addrs.len()];
        fib.lookup_batch(&addrs, &mut out);
        for (addr, out) in addrs.iter().zip(out) {
            let net = Ipv4Net::from(Ipv4Addr::from(*addr));
            let expected = oracle.get_lpm(&net).map_or(NONE, |m| *m.1);
            prop_assert_eq!(fib.lookup(*addr), expected);
            prop_assert_eq!(out, expected);
        }
    }

    // covers: RT-40
    #[test]
    fn rt_40_large_v6_agrees_with_prefix_trie(
        routes in prop::collection::vec((net6(), value()), 2_000..5_000),
        mut addrs in prop::collection::vec(any::<u128>(), 100),
    ) {
        let mut oracle = PrefixMap::new();
        for (net, value) in &routes {
            oracle.insert(net.trunc(), *value);
        }
        addrs.extend(edges6(&routes));
        let fib = Fib6::build(&routes);
        prop_assert_eq!(fib.len(), oracle.len());
        let mut out = vec![0; addrs.len()];
        fib.lookup_batch(&addrs, &mut out);
        for (addr, out) in addrs.iter().zip(out) {
            let net = Ipv6Net::from(Ipv6Addr::from(*addr));
            let expected = oracle.get_lpm(&net).map_or(NONE, |m| *m.1);
            prop_assert_eq!(fib.lookup(*addr), expected);
            prop_assert_eq!(out, expected);
        }
    }
}

fn routes4(list: &[(&str, u32)]) -> Routes4 {
    list.iter().map(|(n, v)| (n.parse().unwrap(), *v)).collect()
}

// covers: RT-40
#[test]
fn rt_40_nest_of_the_specification() {
    let routes =
        routes4(&[("10.25.1.0/24", 3), ("0.0.0.0/0", 0), ("10.25.1.7/32", 4), ("10.0.0.0/8", 1), ("10.25.0.0/16", 2)]);
    check4(&routes, &edges4(&routes));
    let fib = Fib4::build(&routes);
    let at = |a: &str| fib.lookup(u32::from(a.parse::<Ipv4Addr>().unwrap()));
    assert_eq!(at("10.25.1.7"), 4);
    assert_eq!(at("10.25.1.8"), 3);
    assert_eq!(at("10.25.2.1"), 2);
    assert_eq!(at("10.26.0.1"), 1);
    assert_eq!(at("192.0.2.1"), 0);
}

// covers: RT-40
#[test]
fn rt_40_on_both_sides_of_the_thresholds_of_form() {
    // Neighbouring /24s of different value under a default: one range each, and one after them.
    let table = |n: u32| -> Routes4 {
        let nets = (0..n).map(|i| Ipv4Net::new_assert(Ipv4Addr::from(i << 8), 24));
        let routes = nets.zip((0..200).cycle());
        routes.chain(routes4(&[("0.0.0.0/0", 200)])).collect()
    };
    let root_bits = |fib: &Fib4| match &fib.table.form {
        Form::Flat(_) => 0,
        Form::Trie(trie) => trie.root_bits(),
    };
    for (n, expected) in [(2_046, 0), (2_047, 16), (131_070, 16), (131_071, 18)] {
        let fib = Fib4::build(&table(n));
        assert_eq!(root_bits(&fib), expected, "{n} routes");
        let addrs: Vec<u32> = (0..n + 300).map(|i| i << 8 | i & 255).collect();
        let mut out = vec![0; addrs.len()];
        fib.lookup_batch(&addrs, &mut out);
        for (i, out) in (0..).zip(out) {
            assert_eq!(out, if i < n { i % 200 } else { 200 });
            assert_eq!(fib.lookup(addrs[i as usize]), out);
        }
    }
}

#[test]
fn empty_tables_answer_none() {
    assert_eq!(Fib4::default(), Fib4::build(&[]));
    assert_eq!(Fib6::default(), Fib6::build(&[]));
    assert!(Fib4::default().is_empty() && Fib6::default().is_empty());
    assert!(!Fib4::build(&[(Ipv4Net::default(), 1)]).is_empty());
    assert!(!Fib6::build(&[(Ipv6Net::default(), 1)]).is_empty());
    assert_eq!(Fib4::default().lookup(7), NONE);
    assert_eq!(Fib6::default().lookup(7), NONE);
    check4(&Vec::new(), &[0, 1, u32::MAX]);
    check6(&Vec::new(), &[0, 1, u128::MAX]);
}

#[test]
fn last_of_equal_prefixes_wins_and_counts_once() {
    let fib = Fib4::build(&routes4(&[("10.0.0.0/8", 1), ("10.9.9.9/8", 2)]));
    assert_eq!(fib.lookup(0x0A01_0203), 2);
    assert_eq!(fib.len(), 1);
}

#[test]
fn a_batch_stops_at_the_shorter_slice() {
    let fib = Fib4::build(&routes4(&[("0.0.0.0/0", 5)]));
    let mut out = [9; 3];
    fib.lookup_batch(&[1], &mut out);
    assert_eq!(out, [5, 9, 9]);
    fib.lookup_batch(&[1, 2, 3, 4, 5], &mut out);
    assert_eq!(out, [5, 5, 5]);
}

#[test]
fn fifty_routes_of_any_length_stay_under_8_kb() {
    let scattered = |i: u32| i.wrapping_mul(2_654_435_761);
    let routes: Routes4 = (0..50).map(|i| (Ipv4Net::from(Ipv4Addr::from(scattered(i))), i)).collect();
    assert!(Fib4::build(&routes).bytes() < 8_192);
    let routes: Routes6 = (0..50)
        .map(|i| (u128::from(scattered(i)) << 96 | u128::from(i), i))
        .map(|(a, i)| (Ipv6Net::from(Ipv6Addr::from(a)), i))
        .collect();
    assert!(Fib6::build(&routes).bytes() < 8_192);
}

#[test]
fn bytes_are_those_of_the_arrays() {
    // Two boundaries, padded to eight, and nine values.
    let fib = Fib4::build(&routes4(&[("10.0.0.0/8", 1)]));
    assert_eq!(fib.bytes(), size_of::<Fib4>() + 8 * 4 + 9 * 4);
    let fib = Fib6::build(&[("2001:db8::/32".parse().unwrap(), 1)]);
    assert_eq!(fib.bytes(), size_of::<Fib6>() + 8 * 16 + 9 * 4);
}

/// A quarter of all addresses answers `value`: a root of two slots, one tip below the first, three answers.
fn quarter(value: u32) -> Table<u32> {
    let ranges = Ranges::of(vec![(0u32, 2, value)]);
    Table { len: 1, form: Form::Trie(Box::new(Trie::build(&ranges, 1))) }
}

#[test]
fn a_trie_holds_each_answer_once_in_the_narrowest_width() {
    // Links, and nodes and tips with the unreachable first of each.
    let links_nodes_tips = size_of::<Trie>() + 2 * 4 + 24 + 2 * 12;
    for (value, width) in [(0, 1), (254, 1), (255, 2), (65_534, 2), (65_535, 4), (NONE - 1, 4)] {
        let table = quarter(value);
        assert_eq!(table.heap_bytes(), links_nodes_tips + 3 * width, "{value}");
        assert_eq!([0, (1 << 30) - 1, 1 << 30, u32::MAX].map(|a| table.lookup(a)), [value, value, NONE, NONE]);
    }
}

#[test]
fn a_slot_is_a_tip_however_long_its_first_range_is() {
    // What lies between the two routes begins deep in the first half and ends at a boundary of the second.
    let ranges = Ranges::of(vec![(4u32, 30, 1), (3 << 30, 2, 2)]);
    let trie = Trie::build(&ranges, 1);
    // Four nodes and a tip lead to the /30, one tip to the /2; each holds one answer per run.
    assert_eq!(trie.heap_bytes(), 2 * 4 + (1 + 4) * 24 + (1 + 2) * 12 + (4 + 3 + 2));
}

#[test]
fn neighbouring_children_have_no_answer_between_them() {
    let ranges = Ranges::of(vec![(0u32, 8, 1), (3 << 24, 8, 2)]);
    let trie = Trie::build(&ranges, 1);
    // A node with tips in its first two slots; two answers in each of these, and that of all other slots of node and root.
    assert_eq!(trie.heap_bytes(), 2 * 4 + (1 + 1) * 24 + (1 + 2) * 12 + (2 * 2 + 1 + 1));
}
