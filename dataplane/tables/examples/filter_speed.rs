//! Rough speed of the filters on one thread, best of several rounds:
//! `cargo run --release -p vpcd-tables --example filter_speed`.

#![forbid(unsafe_code)]

use ipnet::{IpNet, Ipv4Net};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;
use vpcd_tables::filter::{Acl, AclRule, Key, Match, Membership, Peer, SgRule, SgSide};

fn scattered(i: u32) -> u32 {
    i.wrapping_mul(2_654_435_761).rotate_left(13)
}

fn addr(i: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x0A00_0000 | scattered(i) >> 12))
}

fn net(i: u32) -> IpNet {
    IpNet::new_assert(addr(i), 20 + (i % 12) as u8)
}

fn matches(i: u32) -> Match {
    let port = (scattered(i) % 4_000) as u16;
    Match { proto: Some([6, 17][i as usize % 2]), ports: (port, port + (i % 7) as u16) }
}

/// Nanoseconds an answer, best of seven rounds over all keys.
fn time(keys: &[Key], ask: impl Fn(&Key) -> u32) -> f64 {
    (0..7)
        .map(|_| {
            let start = Instant::now();
            let sum = keys.iter().fold(0u32, |sum, key| sum.wrapping_add(ask(key)));
            black_box(sum);
            start.elapsed().as_secs_f64() * 1e9 / keys.len() as f64
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let keys: Vec<Key> = (0..1 << 18)
        .map(|i| Key { peer: addr(i / 3), proto: [6, 17][i as usize / 5 % 2], port: (scattered(i + 7) % 4_000) as u16 })
        .collect();
    let members = Membership::build((0..10_000).map(|i| (addr(i), vec![i % 50, 50 + i % 7])));
    for n in [5, 20, 100, 1_000, 4_000] {
        let everywhere = IpNet::V4(Ipv4Net::default());
        let rules: Vec<AclRule> = (1..=n)
            .map(|i| AclRule {
                number: i as u16,
                allow: i % 5 > 0,
                net: if i % 4 == 0 { everywhere } else { net(i) },
                matches: matches(i),
            })
            .collect();
        let start = Instant::now();
        let acl = Acl::build(&rules);
        let built = start.elapsed();
        let ns = time(&keys, |key| u32::from(acl.classify(key).rule));
        println!("network ACL, {n} rules: built in {built:?}, {ns:.0} ns a verdict");

        let rules: Vec<SgRule> = (0..n)
            .map(|i| SgRule {
                id: i,
                peer: match i % 4 {
                    0 => Peer::Group(i % 60),
                    _ => Peer::Net(net(i)),
                },
                matches: matches(i),
            })
            .collect();
        let start = Instant::now();
        let side = SgSide::build(&rules);
        let built = start.elapsed();
        let ns = time(&keys, |key| side.classify(key, &members).unwrap_or(0));
        println!("security groups, {n} rules: built in {built:?}, {ns:.0} ns a verdict");
    }
}
