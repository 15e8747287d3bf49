//! Rough speed and size of the route tables on one thread, best of several rounds.
//!
//! `cargo run --release -p vpcd-tables --example lookup_speed [DIR]`, where DIR may hold
//! `table.bin`, `q_rand.bin` and `q_hit.bin`: little-endian `u32`, a table as triples (address,
//! length, value), queries as addresses. Without DIR only synthetic small tables are timed.

#![forbid(unsafe_code)]

use ipnet::{Ipv4Net, Ipv6Net};
use std::hint::black_box;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Instant;
use vpcd_tables::fib::{Fib4, Fib6};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, n: u64) -> u64 {
        ((self.next() >> 32) * n) >> 32
    }
}

/// Millions of lookups a second, best of seven rounds of at least four million lookups.
fn rate<A>(addrs: &[A], mut round: impl FnMut(&[A])) -> f64 {
    let repeat = (4_000_000 / addrs.len()).max(1);
    (0..7)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..repeat {
                round(black_box(addrs));
            }
            (repeat * addrs.len()) as f64 / start.elapsed().as_secs_f64() / 1e6
        })
        .fold(0.0, f64::max)
}

fn show4(name: &str, routes: &[(Ipv4Net, u32)], queries: &[(&str, Vec<u32>)]) {
    let start = Instant::now();
    let fib = Fib4::build(routes);
    let built = start.elapsed();
    println!(
        "v4 {name}: {} routes, built in {built:?}, {} bytes, {:.1} a prefix",
        fib.len(),
        fib.bytes(),
        fib.bytes() as f64 / fib.len() as f64
    );
    for (kind, addrs) in queries {
        let mut out = [0; 256];
        let single = rate(addrs, |addrs| {
            let mut sum = 0u32;
            for addr in addrs {
                sum = sum.wrapping_add(fib.lookup(*addr));
            }
            black_box(sum);
        });
        let batch = rate(addrs, |addrs| {
            for addrs in addrs.chunks(256) {
                fib.lookup_batch(addrs, &mut out);
                black_box(&out);
            }
        });
        println!("    {kind}: {single:.0} M/s single, {batch:.0} M/s batch");
    }
}

fn show6(name: &str, routes: &[(Ipv6Net, u32)], kind: &str, addrs: &[u128]) {
    let start = Instant::now();
    let fib = Fib6::build(routes);
    let built = start.elapsed();
    println!(
        "v6 {name}: {} routes, built in {built:?}, {} bytes, {:.1} a prefix",
        fib.len(),
        fib.bytes(),
        fib.bytes() as f64 / fib.len() as f64
    );
    let mut out = [0; 256];
    let single = rate(addrs, |addrs| {
        let mut sum = 0u32;
        for addr in addrs {
            sum = sum.wrapping_add(fib.lookup(*addr));
        }
        black_box(sum);
    });
    let batch = rate(addrs, |addrs| {
        for addrs in addrs.chunks(256) {
            fib.lookup_batch(addrs, &mut out);
            black_box(&out);
        }
    });
    println!("    {kind}: {single:.0} M/s single, {batch:.0} M/s batch");
}

fn words(path: &str) -> Option<Vec<u32>> {
    let bytes = std::fs::read(path).ok()?;
    let (words, _) = bytes.as_chunks::<4>();
    Some(words.iter().map(|w| u32::from_le_bytes(*w)).collect())
}

fn net4(addr: u32, len: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::from(addr), len).trunc()
}

fn net6(addr: u128, len: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::from(addr), len).trunc()
}

/// Addresses of which `hit` in 100 fall into a random one of `routes`.
fn queries4(routes: &[(Ipv4Net, u32)], hit: u64, random: &mut Random) -> Vec<u32> {
    (0..1 << 20)
        .map(|_| {
            let any = random.next() as u32;
            if random.below(100) >= hit {
                return any;
            }
            let (net, _) = routes[random.below(routes.len() as u64) as usize];
            u32::from(net.network()) | any & u32::from(net.hostmask())
        })
        .collect()
}

fn main() {
    let mut random = Random(20_261_120);
    let tiny: Vec<_> = [
        ("10.0.0.0/16", 1),
        ("0.0.0.0/0", 2),
        ("10.1.0.0/16", 3),
        ("10.2.0.0/16", 4),
        ("192.168.0.0/16", 5),
        ("172.16.0.0/12", 6),
        ("10.0.5.0/24", 7),
        ("52.216.0.0/15", 8),
        ("3.5.0.0/19", 8),
        ("100.64.0.0/10", 9),
    ]
    .iter()
    .map(|(net, value)| (net.parse().unwrap_or_default(), *value))
    .collect();
    let hits = queries4(&tiny, 100, &mut random);
    show4("tiny", &tiny, &[("in table", hits)]);

    for n in [50, 150, 300, 1_000, 10_000, 100_000] {
        let mut routes: Vec<_> = (0..n)
            .map(|i| {
                let len = [16, 20, 24, 24, 24, 28][random.below(6) as usize];
                (net4(0x0A00_0000 | random.below(1 << 24) as u32, len), i % 200)
            })
            .collect();
        routes.push((net4(0, 0), 0));
        let hits = queries4(&routes, 90, &mut random);
        show4("in 10/8", &routes, &[("in table", hits)]);
    }

    if let Some(dir) = std::env::args().nth(1) {
        let table = words(&format!("{dir}/table.bin")).unwrap_or_default();
        let (triples, _) = table.as_chunks::<3>();
        let routes: Vec<_> = triples.iter().map(|t| (net4(t[0], t[1] as u8), t[2])).collect();
        let queries: Vec<_> = [("uniform", "q_rand.bin"), ("in table", "q_hit.bin")]
            .into_iter()
            .filter_map(|(kind, file)| Some((kind, words(&format!("{dir}/{file}"))?)))
            .collect();
        show4("BGP-like", &routes, &queries);
    }

    for n in [10, 50, 300, 1_000, 10_000, 200_000] {
        let routes: Vec<_> = (0..n)
            .map(|i| {
                let len = [32, 40, 48, 48, 56, 64][random.below(6) as usize];
                let addr = 0x2000 << 112 | u128::from(random.next()) << 61;
                (net6(addr, len), i % 200)
            })
            .collect();
        let addrs: Vec<u128> = (0..1 << 20)
            .map(|_| {
                let (net, _) = routes[random.below(u64::from(n)) as usize];
                u128::from(net.network()) | u128::from(random.next())
            })
            .collect();
        show6("in 2000::/3", &routes, "in table", &addrs);
    }
}
