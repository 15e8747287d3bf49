//! One verdict of a security group of 1, 50 and 1,000 rules and of a network ACL of 20 and 200 entries; the key matches a random rule.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use vpcd_bench::alloc::{Counting, print_per_call};

#[global_allocator]
static HEAP: Counting = Counting;

use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;
use vpcd_bench::random::Random;
use vpcd_tables::filter::{Acl, AclRule, Key, Match, Membership, Peer, SgRule, SgSide};

fn rule(random: &mut Random) -> (IpNet, Match) {
    let net = Ipv4Net::new_assert((random.draw() as u32).into(), 12 + random.below(13) as u8).trunc();
    let port = random.below(60_000) as u16;
    (IpNet::V4(net), Match { proto: Some([6, 17][random.below(2)]), ports: (port, port + random.below(100) as u16) })
}

/// Keys that match a random one of the rules.
fn keys(rules: &[(IpNet, Match)], random: &mut Random) -> Vec<Key> {
    let key = |_| {
        let (net, m) = &rules[random.below(rules.len())];
        let IpAddr::V4(base) = net.network() else { unreachable!("only IPv4 is made here") };
        let host = random.draw() as u32 & (u32::MAX >> net.prefix_len());
        Key { peer: IpAddr::V4((u32::from(base) | host).into()), proto: m.proto.unwrap_or(6), port: m.ports.0 }
    };
    (0..4096).map(key).collect()
}

fn filter(c: &mut Criterion) {
    let mut random = Random::new(3);
    let members = Membership::build([]);
    for count in [1, 50, 1_000] {
        let rules: Vec<_> = (0..count).map(|_| rule(&mut random)).collect();
        let keys = keys(&rules, &mut random);
        let list: Vec<SgRule> = rules
            .into_iter()
            .zip(0..)
            .map(|((net, matches), id)| SgRule { id, peer: Peer::Net(net), matches })
            .collect();
        let side = SgSide::build(&list);
        let mut next = keys.iter().cycle();
        let mut ask = || next.next().and_then(|key| side.classify(black_box(key), &members));
        let name = format!("filter/group, {count} rules");
        c.bench_function(&name, |b| b.iter(&mut ask));
        print_per_call(&name, &mut ask);
    }
    for count in [20, 200] {
        let rules: Vec<_> = (0..count).map(|_| rule(&mut random)).collect();
        let keys = keys(&rules, &mut random);
        let list: Vec<AclRule> = rules
            .into_iter()
            .zip(1..)
            .map(|((net, matches), number)| AclRule { number, allow: number % 4 > 0, net, matches })
            .collect();
        let acl = Acl::build(&list);
        let mut next = keys.iter().cycle();
        let mut ask = || next.next().map(|key| acl.classify(black_box(key)));
        let name = format!("filter/network ACL, {count} entries");
        c.bench_function(&name, |b| b.iter(&mut ask));
        print_per_call(&name, &mut ask);
    }
}

criterion_group!(benches, filter);
criterion_main!(benches);
