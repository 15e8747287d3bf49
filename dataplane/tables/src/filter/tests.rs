use super::*;
use ipnet::IpNet;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP: u8 = 1;
const GRE: u8 = 47;

fn covers(m: &Match, proto: u8, port: u16) -> bool {
    m.proto.is_none_or(|p| p == proto) && m.ports.0 <= port && port <= m.ports.1
}

fn key(peer: &str, proto: u8, port: u16) -> Key {
    let peer = peer.parse().unwrap();
    Key { peer, proto, port }
}

fn icmp(kind: u8, code: u8) -> u16 {
    u16::from(kind) * 256 + u16::from(code)
}

fn matches(proto: &str, ports: &str) -> Match {
    let proto = match proto {
        "all" => None,
        "tcp" => Some(TCP),
        "udp" => Some(UDP),
        "icmp" => Some(ICMP),
        other => panic!("protocol {other}"),
    };
    let ports = match ports.split_once('-') {
        Some((first, last)) => (first.parse().unwrap(), last.parse().unwrap()),
        None if ports == "all" => (0, u16::MAX),
        None => (ports.parse().unwrap(), ports.parse().unwrap()),
    };
    Match { proto, ports }
}

/// Lines of `in|out number allow|deny proto ports cidr`, as the specification writes fixtures.
fn acls(fixture: &str) -> (Acl, Acl) {
    let side = |wanted: &str| {
        let lines = fixture.lines().map(|l| l.split_whitespace().collect::<Vec<_>>());
        let rules = lines.filter(|w| w.first() == Some(&wanted)).map(|w| AclRule {
            number: w[1].parse().unwrap(),
            allow: w[2] == "allow",
            net: w[5].parse().unwrap(),
            matches: matches(w[3], w[4]),
        });
        Acl::build(&rules.collect::<Vec<_>>())
    };
    (side("in"), side("out"))
}

/// Number of the deciding rule; a rule that denies is negative, so that it cannot pass for one
/// that allows.
fn decided(acl: &Acl, key: Key) -> i32 {
    let verdict = acl.classify(&key);
    let number = i32::from(verdict.rule);
    if verdict.allow { number } else { -number }
}

const NACL_103: &str = "
    in  100 allow tcp 80          0.0.0.0/0
    in  110 allow tcp 443         0.0.0.0/0
    in  120 allow tcp 22          192.0.2.0/24
    in  130 allow tcp 3389        192.0.2.0/24
    in  140 allow tcp 32768-65535 0.0.0.0/0
    out 100 allow tcp 80          0.0.0.0/0
    out 110 allow tcp 443         0.0.0.0/0
    out 120 allow tcp 32768-65535 0.0.0.0/0";

const NACL_104: &str = "
    in  105 allow tcp 80          ::/0
    in  115 allow tcp 443         ::/0
    in  145 allow tcp 32768-65535 ::/0
    out 105 allow tcp 80          ::/0
    out 115 allow tcp 443         ::/0
    out 125 allow tcp 32768-65535 ::/0";

const INET: &str = "203.0.113.5";
const HOME: &str = "192.0.2.10";
const INET6: &str = "2001:db8:9::5";
const STAR: i32 = -32_767;
const STAR6: i32 = -32_768;

fn check_nacl_103(inbound: &Acl, outbound: &Acl) {
    let rows_in = [
        (key(INET, TCP, 443), 110),
        (key(INET, TCP, 80), 100),
        (key(INET, TCP, 139), STAR),
        (key(HOME, TCP, 22), 120),
        (key(HOME, TCP, 3389), 130),
        (key(INET, TCP, 22), STAR),
        (key(INET, TCP, 3389), STAR),
        (key(INET, TCP, 32_768), 140),
        (key(INET, TCP, 65_535), 140),
        (key(INET, TCP, 32_767), STAR),
        (key(INET, UDP, 40_000), STAR),
        (key(INET, ICMP, icmp(8, 0)), STAR),
    ];
    for (key, expected) in rows_in {
        assert_eq!(decided(inbound, key), expected, "in {key:?}");
    }
    let rows_out = [
        (key(INET, TCP, 80), 100),
        (key(INET, TCP, 443), 110),
        (key(INET, TCP, 8080), STAR),
        (key(INET, UDP, 53), STAR),
        (key(HOME, TCP, 51_000), 120),
        (key(INET, TCP, 50_000), 120),
        (key(INET, TCP, 1_025), STAR),
    ];
    for (key, expected) in rows_out {
        assert_eq!(decided(outbound, key), expected, "out {key:?}");
    }
}

// covers: NACL-103 NACL-21 NACL-24
#[test]
fn nacl_103_custom_ipv4() {
    let (inbound, outbound) = acls(NACL_103);
    check_nacl_103(&inbound, &outbound);
    let (_, repaired) = acls(&format!("{NACL_103}\nout 115 allow tcp 1025-5000 0.0.0.0/0"));
    assert_eq!(decided(&repaired, key(INET, TCP, 1_025)), 115);
}

// covers: NACL-104 NACL-26
#[test]
fn nacl_104_custom_dual_stack() {
    let (inbound, outbound) = acls(&format!("{NACL_103}{NACL_104}"));
    check_nacl_103(&inbound, &outbound);
    assert_eq!(decided(&inbound, key(INET6, TCP, 80)), 105);
    assert_eq!(decided(&inbound, key(INET6, TCP, 443)), 115);
    assert_eq!(decided(&inbound, key(INET6, TCP, 22)), STAR6);
    assert_eq!(decided(&outbound, key(INET6, TCP, 50_000)), 125);
    let renumbered = NACL_104.replace("  1", "  9").replace("out 1", "out 9");
    let (inbound, outbound) = acls(&format!("{NACL_103}{renumbered}"));
    check_nacl_103(&inbound, &outbound);
    assert_eq!(decided(&inbound, key(INET6, TCP, 80)), 905);
    assert_eq!(decided(&inbound, key(INET6, TCP, 22)), STAR6);
    assert_eq!(decided(&outbound, key(INET6, TCP, 50_000)), 925);
}

// covers: NACL-106 NACL-20
#[test]
fn nacl_106_order() {
    let (acl, _) = acls("in 90 deny tcp 3389 0.0.0.0/0\nin 100 allow tcp 1024-65535 0.0.0.0/0");
    assert_eq!(decided(&acl, key(INET, TCP, 3389)), -90);
    assert_eq!(decided(&acl, key(INET, TCP, 3390)), 100);
    let (acl, _) = acls("in 110 deny tcp 3389 0.0.0.0/0\nin 100 allow tcp 1024-65535 0.0.0.0/0");
    assert_eq!(decided(&acl, key(INET, TCP, 3389)), 100);
}

// covers: NACL-21
#[test]
fn nacl_21_default_denies() {
    for acl in [Acl::default(), Acl::build(&[])] {
        assert_eq!(decided(&acl, key(INET, TCP, 80)), STAR);
        assert_eq!(decided(&acl, key(INET6, TCP, 80)), STAR6);
        assert!(acl.rules().is_empty());
    }
    assert_eq!(Acl::default(), Acl::build(&[]));
}

// covers: NACL-26
#[test]
fn nacl_26_families_are_separate() {
    let (acl, _) = acls("in 100 allow all all 0.0.0.0/0");
    assert_eq!(decided(&acl, key(INET6, TCP, 80)), STAR6);
    // An IPv4 address written as IPv6 is an IPv6 packet all the same.
    assert_eq!(decided(&acl, key("::ffff:203.0.113.5", TCP, 80)), STAR6);
    let (acl, _) = acls("in 100 allow all all ::/0");
    assert_eq!(decided(&acl, key(INET, TCP, 80)), STAR);
}

// covers: NACL-25
#[test]
fn nacl_25_icmp_type_without_its_reply() {
    let (acl, _) = acls("in 100 allow icmp 2048-2303 0.0.0.0/0");
    assert_eq!(decided(&acl, key(INET, ICMP, icmp(8, 0))), 100);
    assert_eq!(decided(&acl, key(INET, ICMP, icmp(0, 0))), STAR);
}

// covers: NACL-35
#[test]
fn nacl_35_unmatched_protocols_fall_to_the_star() {
    let (acl, _) = acls("in 100 allow tcp all 0.0.0.0/0\nin 110 allow icmp 771 0.0.0.0/0");
    assert_eq!(decided(&acl, key(INET, GRE, 0)), STAR);
    assert_eq!(decided(&acl, key(INET, ICMP, icmp(3, 4))), STAR);
    assert_eq!(decided(&acl, key(INET, ICMP, icmp(3, 3))), 110);
}

#[test]
fn rules_come_back_in_ascending_order() {
    let (acl, _) = acls(&format!("{NACL_104}{NACL_103}"));
    let numbers: Vec<u16> = acl.rules().iter().map(|r| r.number).collect();
    assert_eq!(numbers, [100, 105, 110, 115, 120, 130, 140, 145]);
}

#[test]
fn filters_are_equal_as_their_rules_are() {
    let (acl, other) = acls(NACL_103);
    assert_eq!(acl, Acl::build(acl.rules()));
    assert_ne!(acl, other);
    let side = SgSide::build(&[rule(1, "sg:4", "tcp", "3306")]);
    assert_eq!(side, SgSide::build(side.rules()));
    assert_ne!(side, SgSide::build(&[rule(1, "sg:4", "tcp", "3307")]));
}

fn rule(id: u32, peer: &str, proto: &str, ports: &str) -> SgRule {
    let peer = match peer.strip_prefix("sg:") {
        Some(group) => Peer::Group(group.parse().unwrap()),
        None => Peer::Net(peer.parse().unwrap()),
    };
    let matches = matches(proto, ports);
    SgRule { id, peer, matches }
}

fn members(list: &[(&str, &[u32])]) -> Membership {
    Membership::build(list.iter().map(|(a, g)| (a.parse().unwrap(), g.to_vec())))
}

// covers: SG-42
#[test]
fn sg_42_any_rule_of_any_group_admits() {
    let none = Membership::default();
    let side = SgSide::build(&[
        rule(7, "0.0.0.0/0", "tcp", "80"),
        rule(8, "192.0.2.0/24", "tcp", "22"),
        rule(9, "192.0.2.0/24", "all", "all"),
    ]);
    assert_eq!(side.classify(&key(INET, TCP, 80), &none), Some(7));
    assert_eq!(side.classify(&key(HOME, TCP, 22), &none), Some(8));
    assert_eq!(side.classify(&key(HOME, GRE, 0), &none), Some(9));
    assert_eq!(side.classify(&key(INET, TCP, 22), &none), None);
    assert_eq!(SgSide::default().classify(&key(INET, TCP, 80), &none), None);
    assert_eq!(SgSide::default(), SgSide::build(&[]));
}

// covers: SG-35
#[test]
fn sg_35_families_are_separate() {
    let none = Membership::default();
    let v4 = SgSide::build(&[rule(1, "0.0.0.0/0", "tcp", "80")]);
    let v6 = SgSide::build(&[rule(2, "::/0", "tcp", "80")]);
    assert_eq!(v4.classify(&key(INET, TCP, 80), &none), Some(1));
    assert_eq!(v4.classify(&key(INET6, TCP, 80), &none), None);
    assert_eq!(v6.classify(&key(INET6, TCP, 80), &none), Some(2));
    assert_eq!(v6.classify(&key(INET, TCP, 80), &none), None);
}

// covers: SG-50
#[test]
fn sg_50_joining_and_leaving_changes_only_the_membership() {
    let db = SgSide::build(&[rule(1, "sg:4", "tcp", "3306")]);
    assert!(db.uses_groups() && !SgSide::build(&[rule(1, "10.0.0.0/8", "tcp", "3306")]).uses_groups());
    let ask = |members: &Membership, peer| db.classify(&key(peer, TCP, 3306), members);
    let without = members(&[("10.0.0.5", &[1, 9])]);
    let with = members(&[("10.0.0.5", &[9, 4, 1]), ("2001:db8::5", &[4])]);
    assert_eq!(ask(&without, "10.0.0.5"), None);
    assert_eq!(ask(&with, "10.0.0.5"), Some(1));
    assert_eq!(ask(&with, "2001:db8::5"), Some(1));
    assert_eq!(ask(&with, "10.0.0.6"), None);
    assert_eq!(db.classify(&key("10.0.0.5", TCP, 3307), &with), None);
    assert_eq!(with.groups("10.0.0.5".parse().unwrap()), [1, 4, 9]);
    assert!(with.groups("10.0.0.6".parse().unwrap()).is_empty());
}

// covers: SG-43
#[test]
fn sg_43_members_of_a_group_get_no_trust_from_it() {
    let side = SgSide::build(&[rule(1, "sg:2", "all", "all")]);
    let both_in_3 = members(&[("10.0.0.5", &[3]), ("10.0.0.6", &[3])]);
    let ping = key("10.0.0.6", ICMP, icmp(8, 0));
    assert_eq!(side.classify(&ping, &both_in_3), None);
}

#[test]
fn equal_members_make_equal_objects() {
    let a = members(&[("10.0.0.5", &[1, 2]), ("10.0.0.6", &[3]), ("::5", &[3])]);
    let b = members(&[("::5", &[3]), ("10.0.0.6", &[3]), ("10.0.0.5", &[2, 1, 2])]);
    assert_eq!(a, b);
    assert_ne!(a, members(&[("10.0.0.5", &[1, 2]), ("10.0.0.6", &[3])]));
}

#[test]
fn open_asks_only_rules_for_everywhere() {
    let side = SgSide::build(&[
        rule(1, "192.0.2.0/24", "tcp", "all"),
        rule(2, "0.0.0.0/0", "tcp", "80-81"),
        rule(3, "0.0.0.0/0", "udp", "0-65535"),
        rule(4, "::/0", "all", "all"),
        rule(5, "sg:1", "all", "all"),
        rule(6, "0.0.0.0/0", "tcp", "0-65534"),
    ]);
    assert!(side.open(&key(INET, TCP, 80)));
    assert!(!side.open(&key(INET, TCP, 65_535)));
    assert!(!side.open(&key(INET, GRE, 0)));
    assert!(side.open(&key(INET6, GRE, 0)));
    assert!(!side.open_all(TCP, false), "two rules do not add up to all ports");
    assert!(side.open_all(UDP, false));
    assert!(!side.open_all(GRE, false));
    assert!(side.open_all(TCP, true));
    assert!(side.open_all(GRE, true));
    assert!(!SgSide::default().open_all(TCP, false));
    assert!(!SgSide::default().open(&key(INET, TCP, 80)));
}

/// A protocol and ports from a small world, so that rules overlap and edges are hit.
fn any_match() -> impl Strategy<Value = Match> {
    let proto = prop::option::of(prop_oneof![Just(TCP), Just(UDP), Just(ICMP), any::<u8>()]);
    let ports = prop_oneof![
        2 => Just((0, u16::MAX)),
        4 => (any_port(), any_port()).prop_map(|(a, b)| (a.min(b), a.max(b))),
        1 => (any_port(), any_port()),
        2 => any_port().prop_map(|p| (p, p)),
    ];
    (proto, ports).prop_map(|(proto, ports)| Match { proto, ports })
}

fn any_port() -> impl Strategy<Value = u16> {
    prop_oneof![
        4 => 0u16..6,
        2 => 65_531u16..=65_535,
        2 => 1_022u16..1_026,
        1 => any::<u16>(),
    ]
}

fn any_addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        4 => (0u32..1024).prop_map(|low| IpAddr::V4(Ipv4Addr::from(0x0A00_0000 | low))),
        2 => (0u128..1024).prop_map(|low| IpAddr::V6(Ipv6Addr::from(0x2001 << 112 | low))),
        1 => any::<IpAddr>(),
    ]
}

fn any_net() -> impl Strategy<Value = IpNet> {
    (any_addr(), 0u8..=128, any::<bool>()).prop_map(|(addr, len, short)| {
        let bits = if addr.is_ipv4() { 32 } else { 128 };
        let len = if short { len % 3 * 8 } else { bits - len % 12 };
        IpNet::new(addr, len).unwrap()
    })
}

fn any_key() -> impl Strategy<Value = Key> {
    let proto = prop_oneof![Just(TCP), Just(UDP), Just(ICMP), any::<u8>()];
    (any_addr(), proto, any_port()).prop_map(|(peer, proto, port)| Key { peer, proto, port })
}

fn any_acl_rules(n: usize) -> impl Strategy<Value = Vec<AclRule>> {
    let rule = (any::<bool>(), any_net(), any_match());
    prop::collection::btree_map(1u16..32_767, rule, 0..n)
        .prop_map(|rules| {
            let rules = rules.into_iter();
            rules.map(|(number, (allow, net, matches))| AclRule { number, allow, net, matches })
        })
        .prop_map(Iterator::collect::<Vec<_>>)
        .prop_shuffle()
}

fn any_sg_rules(n: usize) -> impl Strategy<Value = Vec<SgRule>> {
    let peer = prop_oneof![
        2 => any_net().prop_map(Peer::Net),
        1 => (0u32..40).prop_map(Peer::Group),
    ];
    let rule = (any::<u32>(), peer, any_match());
    let rule = rule.prop_map(|(id, peer, matches)| SgRule { id, peer, matches });
    prop::collection::vec(rule, 0..n)
}

fn any_members() -> impl Strategy<Value = Vec<(IpAddr, Vec<u32>)>> {
    prop::collection::vec((any_addr(), prop::collection::vec(0u32..40, 0..24)), 0..300)
}

fn naive_acl(rules: &[AclRule], key: &Key) -> AclVerdict {
    let hits = rules.iter().filter(|r| r.net.contains(&key.peer));
    let hits = hits.filter(|r| covers(&r.matches, key.proto, key.port));
    match hits.min_by_key(|r| r.number) {
        Some(rule) => AclVerdict { allow: rule.allow, rule: rule.number },
        None => AclVerdict { allow: false, rule: if key.peer.is_ipv4() { 32_767 } else { 32_768 } },
    }
}

fn naive_side(rules: &[SgRule], key: &Key, members: &[(IpAddr, Vec<u32>)]) -> Option<u32> {
    let mine = members.iter().rfind(|m| m.0 == key.peer);
    let admits = |rule: &&SgRule| {
        covers(&rule.matches, key.proto, key.port)
            && match &rule.peer {
                Peer::Net(net) => net.contains(&key.peer),
                Peer::Group(group) => mine.is_some_and(|m| m.1.contains(group)),
            }
    };
    rules.iter().find(admits).map(|r| r.id)
}

fn wide(rules: &[SgRule], v6: bool) -> impl Iterator<Item = &Match> {
    rules.iter().filter_map(move |r| match &r.peer {
        Peer::Net(net) if net.prefix_len() == 0 && net.addr().is_ipv6() == v6 => Some(&r.matches),
        _ => None,
    })
}

/// Keys at the corners of the rules, where classes meet.
fn corners<'a>(rules: impl Iterator<Item = (Option<&'a IpNet>, &'a Match)>) -> Vec<Key> {
    let mut keys = Vec::new();
    for (net, m) in rules {
        let peer = net.map_or(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), |n| n.network());
        let last = net.map_or(peer, |n| n.broadcast());
        for port in [m.ports.0, m.ports.1, m.ports.0.wrapping_sub(1), m.ports.1.wrapping_add(1)] {
            for peer in [peer, last] {
                let proto = m.proto.unwrap_or(TCP);
                keys.push(Key { peer, proto, port });
            }
        }
    }
    keys
}

fn check_acl(rules: &[AclRule], mut keys: Vec<Key>) {
    keys.extend(corners(rules.iter().map(|r| (Some(&r.net), &r.matches))));
    let acl = Acl::build(rules);
    for key in keys {
        assert_eq!(acl.classify(&key), naive_acl(rules, &key), "{key:?}");
    }
}

fn check_side(rules: &[SgRule], members: &[(IpAddr, Vec<u32>)], mut keys: Vec<Key>) {
    keys.extend(corners(rules.iter().map(|r| match &r.peer {
        Peer::Net(net) => (Some(net), &r.matches),
        Peer::Group(_) => (None, &r.matches),
    })));
    let more: Vec<Key> = keys.iter().zip(members).map(|(key, member)| Key { peer: member.0, ..*key }).collect();
    keys.extend(more);
    let side = SgSide::build(rules);
    let map = Membership::build(members.iter().cloned());
    for key in keys {
        let expected = naive_side(rules, &key, members);
        assert_eq!(side.classify(&key, &map), expected, "{key:?}");
        let v6 = key.peer.is_ipv6();
        let open = wide(rules, v6).any(|m| covers(m, key.proto, key.port));
        assert_eq!(side.open(&key), open, "{key:?}");
        let all = |m: &Match| m.ports == (0, u16::MAX) && m.proto.is_none_or(|p| p == key.proto);
        assert_eq!(side.open_all(key.proto, v6), wide(rules, v6).any(all), "{key:?}");
    }
}

proptest! {
    // covers: NACL-20 NACL-21 NACL-26
    #[test]
    fn nacl_20_first_match_decides(
        rules in any_acl_rules(40),
        keys in prop::collection::vec(any_key(), 50),
    ) {
        check_acl(&rules, keys);
    }

    // covers: SG-42 SG-35 SG-50
    #[test]
    fn sg_42_as_a_plain_scan(
        rules in any_sg_rules(60),
        members in any_members(),
        keys in prop::collection::vec(any_key(), 50),
    ) {
        check_side(&rules, &members, keys);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    // covers: NACL-20
    #[test]
    fn nacl_20_thousands_of_rules(
        rules in any_acl_rules(3_000),
        keys in prop::collection::vec(any_key(), 200),
    ) {
        check_acl(&rules, keys);
    }

    // covers: SG-42 SG-50
    #[test]
    fn sg_42_a_thousand_rules(
        rules in any_sg_rules(1_000),
        members in any_members(),
        keys in prop::collection::vec(any_key(), 200),
    ) {
        check_side(&rules, &members, keys);
    }
}
