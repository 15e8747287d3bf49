//! The whole pipeline, a batch of 256 packets at a time, generator included: packets that hit a remembered action, and packets that
//! walk every gate because nothing is remembered. `vpcd bench pipeline` measures the same with more care.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use vpcd_bench::alloc::{Counting, print_per_call};

#[global_allocator]
static HEAP: Counting = Counting;

use vpcd_bench::cases::{Case, topology};
use vpcd_bench::lane::{Lane, ticks_per_ns};
use vpcd_bench::pipeline::config;
use vpcd_bench::random::Random;
use vpcd_bench::traffic::{Flow, Store};
use vpcd_dataplane::engine::{BATCH, Config};

const FLOWS: usize = 1024;

fn pipeline(c: &mut Criterion) {
    for case in Case::ALL {
        let topology = topology(case);
        for (kind, cache) in [("hit", true), ("walk", false)] {
            let flows = Flow::distinct(FLOWS, &mut Random::new(5));
            let config = Config { cache, ..config(FLOWS, 1) };
            let store = Store::new(flows.into_iter(), 64);
            let mut lane = Lane::new(0, &config, &topology, store, ticks_per_ns());
            lane.round(&topology);
            let mut batch = || black_box(lane.batch(&topology));
            let name = format!("pipeline/{} {kind}, {BATCH} packets", case.name());
            c.bench_function(&name, |b| b.iter(&mut batch));
            print_per_call(&name, &mut batch);
            assert_eq!(lane.egress.lost, 0, "every packet is forwarded");
        }
    }
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
