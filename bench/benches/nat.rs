//! Choosing an external port: from an empty slice, from one half full towards the same remote end, and from one that is full.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use vpcd_bench::alloc::{Counting, print_per_call};

#[global_allocator]
static HEAP: Counting = Counting;

use std::net::Ipv4Addr;
use vpcd_dataplane::nat::{Ports, SLICE};
use vpcd_dataplane::session::{FlowHash, Key};
use vpcd_wire::FiveTuple;

fn nat(c: &mut Criterion) {
    let ports = Ports::new(7, SLICE, FlowHash::new(1));
    let mut sport = 1024u16;
    let mut client = || {
        sport = sport.wrapping_add(1);
        let (src, dst) = (Ipv4Addr::new(10, 0, 1, 5), Ipv4Addr::new(20, 1, 2, 3));
        Key::new(1, FiveTuple { src: src.into(), dst: dst.into(), sport, dport: 443, proto: 6 })
    };
    // The slice of one shard holds every 64th port; a bit of the multiplied port is as good as a coin.
    let half = |port: u16| port.wrapping_mul(40_503) & 0x8000 != 0;
    let cases: [(&str, &dyn Fn(u16) -> bool); 3] = [("empty", &|_| false), ("half full", &half), ("full", &|_| true)];
    for (name, taken) in cases {
        let name = format!("nat/choose, slice {name}");
        let mut choose = || ports.choose(black_box(&client()), taken);
        c.bench_function(&name, |b| b.iter(&mut choose));
        print_per_call(&name, &mut choose);
    }
}

criterion_group!(benches, nat);
criterion_main!(benches);
