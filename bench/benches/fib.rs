//! Longest-prefix lookups against the fastest published trie and the flat table that needs 64 MB: 10, 1,000 and 1,000,000 routes. A time is
//! that of 256 lookups of addresses spread over the prefixes of the table.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use vpcd_bench::alloc::{Counting, print_per_call};

#[global_allocator]
static HEAP: Counting = Counting;

use prefix_trie::PrefixMap;
use vpcd_bench::dir24::Dir24;
use vpcd_bench::lookup::bgp4;
use vpcd_bench::random::Random;
use vpcd_tables::fib::Fib4;

const BATCH: usize = 256;

fn fib(c: &mut Criterion) {
    for count in [10, 1_000, 1_000_000] {
        let routes = bgp4(count);
        let mut random = Random::new(2);
        let addresses: Vec<u32> = (0..1 << 20)
            .map(|_| {
                let net = routes[random.below(routes.len())].0;
                u32::from(net.network()) | random.draw() as u32 & u32::from(net.hostmask())
            })
            .collect();
        let mut batches = addresses.chunks_exact(BATCH).cycle();
        let mut next = || batches.next().unwrap_or(&[]);
        let mut out = [0; BATCH];

        let table = Fib4::build(&routes);
        c.bench_function(&format!("fib/vpcd batch, {count} routes"), |b| {
            b.iter(|| table.lookup_batch(next(), &mut out))
        });
        print_per_call("fib/vpcd batch", || table.lookup_batch(next(), &mut out));
        c.bench_function(&format!("fib/vpcd single, {count} routes"), |b| {
            b.iter(|| next().iter().fold(0u32, |sum, a| sum.wrapping_add(table.lookup(*a))))
        });

        let flat = Dir24::build(&routes);
        c.bench_function(&format!("fib/dir-24-8, {count} routes"), |b| {
            b.iter(|| next().iter().fold(0u32, |sum, a| sum.wrapping_add(flat.lookup(*a))))
        });

        let trie: PrefixMap<(u32, u8), u32> =
            routes.iter().map(|(net, value)| ((u32::from(net.network()), net.prefix_len()), *value)).collect();
        let lookup = |a: u32| trie.get_lpm(&(a, 32)).map_or(0, |(_, value)| *value);
        c.bench_function(&format!("fib/prefix-trie, {count} routes"), |b| {
            b.iter(|| next().iter().fold(0u32, |sum, a| sum.wrapping_add(lookup(*a))))
        });
        black_box(&out);
        println!("fib/bytes: {} here, {} dir-24-8, {count} routes", table.bytes(), flat.bytes());
    }
}

criterion_group!(benches, fib);
criterion_main!(benches);
