//! `vpcd bench lookup`: how many longest-prefix lookups a second the route tables answer, through the batch interface that measures what
//! they can do. The table is a file, or a synthetic one shaped like the Internet's: lengths in the shares of the global table,
//! prefixes clustered as allocations are. Queries are uniform over the space in use, spread evenly over the prefixes of the table
//! (which is mostly the long ones, so each lookup goes deep and misses the cache), or a Zipf mix of 65,536 addresses (what
//! traffic looks like).

use crate::random::Random;
use anyhow::{Context as _, Result, ensure};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use vpcd_tables::fib::{Fib4, Fib6};

/// Queries of each kind: more than caches hold answers for.
const QUERIES: usize = 1 << 21;
const ZIPF: usize = 65_536;
const RUNS: usize = 5;
/// Addresses of one call.
const BATCH: usize = 256;
const NEXT_HOPS: usize = 255;

/// Measures the route tables alone
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example: vpcd bench lookup --routes 1000000 --json\n\n\
    FILE has a line PREFIX or PREFIX NEXTHOP per route, of either family; # begins a comment.")]
pub struct LookupArgs {
    /// A file of routes, or how many to make up in each family
    #[arg(long, value_name = "FILE|N", default_value = "1000000")]
    pub routes: String,
    /// One JSON object per family and kind of queries
    #[arg(long)]
    pub json: bool,
}

/// One family and kind of queries, measured.
#[derive(Clone, Debug, Serialize)]
pub struct LookupReport {
    pub routes: usize,
    pub family: &'static str,
    pub queries: &'static str,
    pub mlookups_per_second: f64,
    pub bytes_per_prefix: f64,
    pub build_seconds: f64,
}

/// A table as lists of routes of either family.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    pub v4: Vec<(Ipv4Net, u32)>,
    pub v6: Vec<(Ipv6Net, u32)>,
}

/// Measures what `args` asks for and prints it.
pub fn run(args: &LookupArgs) -> Result<()> {
    let routes = match args.routes.parse() {
        Ok(count) => Routes { v4: bgp4(count), v6: bgp6(count) },
        Err(_) => read(Path::new(&args.routes))?,
    };
    for report in lookup(&routes)? {
        if args.json {
            println!("{}", serde_json::to_string(&report)?);
        } else {
            println!(
                "{} {} routes, {:8} {:8.1} M lookups/s, {:.1} bytes per prefix, built in {:.3} s",
                report.family,
                report.routes,
                report.queries,
                report.mlookups_per_second,
                report.bytes_per_prefix,
                report.build_seconds
            );
        }
    }
    Ok(())
}

/// Routes from a file.
fn read(path: &Path) -> Result<Routes> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read routes from {}", path.display()))?;
    let mut routes = Routes::default();
    let mut hops: HashMap<&str, u32> = HashMap::new();
    for (line, text) in text.lines().enumerate() {
        let mut words = text.split('#').next().unwrap_or("").split_whitespace();
        let Some(prefix) = words.next() else { continue };
        let prefix: IpNet =
            prefix.parse().with_context(|| format!("{}:{}: {prefix} is not a prefix", path.display(), line + 1))?;
        let known = hops.len() as u32;
        let hop = *hops.entry(words.next().unwrap_or("")).or_insert(known);
        match prefix {
            IpNet::V4(net) => routes.v4.push((net.trunc(), hop)),
            IpNet::V6(net) => routes.v6.push((net.trunc(), hop)),
        }
    }
    ensure!(!routes.v4.is_empty() || !routes.v6.is_empty(), "{} holds no route", path.display());
    Ok(routes)
}

/// Measures both families of a table, where there is one.
pub fn lookup(routes: &Routes) -> Result<Vec<LookupReport>> {
    let mut reports = Vec::new();
    let mut random = Random::new(20_261_120);
    if !routes.v4.is_empty() {
        let start = Instant::now();
        let fib = Fib4::build(&routes.v4);
        let built = start.elapsed().as_secs_f64();
        let inside = |r: &mut Random| {
            let net = routes.v4[r.below(routes.v4.len())].0;
            u32::from(net.network()) | r.draw() as u32 & u32::from(net.hostmask())
        };
        for (queries, addresses) in queries(&mut random, |r| r.draw() as u32, inside) {
            reports.push(LookupReport {
                routes: fib.len(),
                family: "ipv4",
                queries,
                mlookups_per_second: rate(&addresses, |a, out| fib.lookup_batch(a, out)),
                bytes_per_prefix: fib.bytes() as f64 / fib.len() as f64,
                build_seconds: built,
            });
        }
    }
    if !routes.v6.is_empty() {
        let start = Instant::now();
        let fib = Fib6::build(&routes.v6);
        let built = start.elapsed().as_secs_f64();
        let any = |r: &mut Random| u128::from(r.draw()) << 64 | u128::from(r.draw());
        // Of all addresses only 2000::/3 is in use.
        let uniform = |r: &mut Random| any(r) >> 3 | 1 << 125;
        let inside = |r: &mut Random| {
            let net = routes.v6[r.below(routes.v6.len())].0;
            u128::from(net.network()) | any(r) & u128::from(net.hostmask())
        };
        for (queries, addresses) in queries(&mut random, uniform, inside) {
            reports.push(LookupReport {
                routes: fib.len(),
                family: "ipv6",
                queries,
                mlookups_per_second: rate(&addresses, |a, out| fib.lookup_batch(a, out)),
                bytes_per_prefix: fib.bytes() as f64 / fib.len() as f64,
                build_seconds: built,
            });
        }
    }
    Ok(reports)
}

/// The three kinds of queries.
pub fn queries<A: Copy>(
    random: &mut Random,
    uniform: impl Fn(&mut Random) -> A,
    inside: impl Fn(&mut Random) -> A,
) -> [(&'static str, Vec<A>); 3] {
    let all = |random: &mut Random, f: &dyn Fn(&mut Random) -> A| (0..QUERIES).map(|_| f(random)).collect::<Vec<A>>();
    let popular: Vec<A> = (0..ZIPF).map(|_| inside(random)).collect();
    // Exponent 1: the share of rank n is proportional to 1 / n, so the rank is exponential in a uniform number.
    let zipf = |r: &mut Random| popular[((ZIPF as f64).powf(r.unit()) as usize).clamp(1, ZIPF) - 1];
    [("uniform", all(random, &uniform)), ("in-table", all(random, &inside)), ("zipf", all(random, &zipf))]
}

/// Millions of lookups a second, median of five runs over all queries.
fn rate<A>(addresses: &[A], batch: impl Fn(&[A], &mut [u32])) -> f64 {
    let mut out = [0; BATCH];
    let mut once = || {
        let start = Instant::now();
        for addresses in addresses.chunks(BATCH) {
            batch(black_box(addresses), &mut out);
            black_box(&out);
        }
        addresses.len() as f64 / start.elapsed().as_secs_f64() / 1e6
    };
    once();
    let mut rates: Vec<f64> = (0..RUNS).map(|_| once()).collect();
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

/// Prefix lengths of the global IPv4 table, per mille.
const LENGTHS4: [(u8, usize); 13] = [
    (24, 618),
    (22, 110),
    (23, 105),
    (21, 54),
    (20, 46),
    (19, 26),
    (16, 14),
    (18, 14),
    (17, 8),
    (15, 2),
    (14, 1),
    (13, 1),
    (12, 1),
];

/// Prefix lengths of the global IPv6 table, per mille.
const LENGTHS6: [(u8, usize); 12] = [
    (48, 455),
    (32, 115),
    (44, 100),
    (40, 95),
    (46, 55),
    (36, 50),
    (47, 40),
    (45, 25),
    (42, 25),
    (29, 20),
    (33, 15),
    (30, 5),
];

fn length(random: &mut Random, shares: &[(u8, usize)]) -> u8 {
    let mut at = random.below(shares.iter().map(|s| s.1).sum());
    for &(len, share) in shares {
        if at < share {
            return len;
        }
        at -= share;
    }
    shares[0].0
}

/// `count` distinct IPv4 routes shaped like the global table.
pub fn bgp4(count: usize) -> Vec<(Ipv4Net, u32)> {
    let mut random = Random::new(4);
    let mut seen = HashSet::with_capacity(count);
    let mut routes = Vec::with_capacity(count);
    while routes.len() < count {
        let len = length(&mut random, &LENGTHS4);
        // 1.0.0.0 to 223.255.255.255.
        let address = 0x0100_0000 + random.below(0xdf00_0000) as u32;
        let net = Ipv4Net::new_assert(address.into(), len).trunc();
        if seen.insert(net) {
            routes.push((net, random.below(NEXT_HOPS) as u32));
        }
    }
    routes
}

/// `count` distinct IPv6 routes shaped like the global table: most lie inside allocations of a /32.
pub fn bgp6(count: usize) -> Vec<(Ipv6Net, u32)> {
    let mut random = Random::new(6);
    let registries: [u128; 5] = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00];
    let allocations: Vec<u128> = (0..(count / 6).max(1))
        .map(|_| registries[random.below(5)] << 112 | u128::from(random.draw() & 0x0fff_ffff) << 96)
        .collect();
    let mut seen = HashSet::with_capacity(count);
    let mut routes = Vec::with_capacity(count);
    while routes.len() < count {
        let len = length(&mut random, &LENGTHS6);
        let mut address = allocations[random.below(allocations.len())];
        // Networks of one holder are numbered from below.
        address |= (u128::from(random.draw()) >> (32 + random.below(32))) << 64 & ((1 << 96) - 1);
        let net = Ipv6Net::new_assert(address.into(), len).trunc();
        // Short prefixes run out before their share does.
        let net = if seen.contains(&net) {
            Ipv6Net::new_assert((address | u128::from(random.draw() & 0xffff_ffff) << 64).into(), 48).trunc()
        } else {
            net
        };
        if seen.insert(net) {
            routes.push((net, random.below(NEXT_HOPS) as u32));
        }
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_the_size_asked_for_and_repeat() {
        for count in [1, 10, 5000] {
            assert_eq!((bgp4(count).len(), bgp6(count).len()), (count, count));
            assert_eq!(bgp4(count), bgp4(count));
        }
    }

    #[test]
    fn files_may_mix_families_comments_and_next_hops() -> Result<()> {
        let path = std::env::temp_dir().join(format!("vpcd-bench-routes-{}", std::process::id()));
        std::fs::write(&path, "# all\n10.0.0.0/8 a\n10.1.0.0/16 b # inside\n\n2001:db8::/32\n10.2.0.0/16 a\n")?;
        let routes = read(&path)?;
        std::fs::write(&path, "10.0.0.0/8\nnonsense\n")?;
        let wrong = read(&path);
        std::fs::remove_file(&path)?;
        assert_eq!(routes.v4.iter().map(|r| r.1).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!(routes.v6.len(), 1);
        assert!(wrong.is_err_and(|e| e.to_string().contains(":2:")));
        Ok(())
    }
}
