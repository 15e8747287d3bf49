//! The flow table of one shard: finding a flow among 1,000 and among 100,000, and making one in a table that reclaims as it goes.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use vpcd_bench::alloc::{Counting, print_per_call};

#[global_allocator]
static HEAP: Counting = Counting;

use vpcd_bench::cases::instance;
use vpcd_bench::random::Random;
use vpcd_bench::traffic::Flow;
use vpcd_dataplane::session::{FlowHash, Flows, Key};
use vpcd_wire::FiveTuple;

fn key(flow: &Flow) -> Key {
    let tuple = FiveTuple {
        src: instance(flow.eni).into(),
        dst: std::net::Ipv4Addr::from(flow.dst).into(),
        sport: flow.sport,
        dport: flow.dport,
        proto: 17,
    };
    Key::new(flow.port(), tuple)
}

fn session(c: &mut Criterion) {
    let mut random = Random::new(4);
    for count in [1_000, 100_000] {
        let keys: Vec<Key> = Flow::distinct(count, &mut random).iter().map(key).collect();
        let mut flows = Flows::new(count, FlowHash::new(1));
        let made = keys.iter().filter(|key| flows.make(key, None, 0).is_ok()).count();
        assert_eq!(made, count, "there is room for all");
        let mut order: Vec<usize> = (0..count).collect();
        random.shuffle(&mut order);
        let mut next = order.iter().cycle();
        let mut find = || next.next().and_then(|&n| flows.find(black_box(&keys[n])));
        let name = format!("session/find among {count}");
        c.bench_function(&name, |b| b.iter(&mut find));
        print_per_call(&name, &mut find);
        let absent = Key::new(5000, keys[0].tuple);
        c.bench_function(&format!("session/miss among {count}"), |b| b.iter(|| flows.find(black_box(&absent))));
    }
    let mut flows = Flows::new(1 << 16, FlowHash::new(1));
    let mut now = 0;
    let mut make = || {
        now += 1;
        let made = flows.make(&key(&Flow::random(&mut random)), None, now);
        flows.reclaim(now, 2);
        made
    };
    c.bench_function("session/make and reclaim", |b| b.iter(&mut make));
    print_per_call("session/make and reclaim", &mut make);
}

criterion_group!(benches, session);
criterion_main!(benches);
