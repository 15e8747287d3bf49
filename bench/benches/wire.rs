//! The three things done to every packet's bytes: parsing, rewriting, and (only where the fabric builds a frame) summing.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use vpcd_bench::alloc::{Counting, print_per_call};

#[global_allocator]
static HEAP: Counting = Counting;

use vpcd_bench::random::Random;
use vpcd_bench::traffic::Flow;
use vpcd_wire::{Frame, Packet, Parsed, Rewrite4, checksum, parse_frame};

fn packet(frame: &Frame) -> Packet {
    match parse_frame(frame, 1500) {
        Ok(Parsed::Ip(packet)) => packet,
        _ => Packet::default(),
    }
}

fn wire(c: &mut Criterion) {
    let mut bytes = [0; 60];
    Flow::random(&mut Random::new(1)).write(&mut bytes);
    let mut frame = Frame::from_bytes(&bytes);
    let parsed = packet(&frame);
    c.bench_function("wire/parse udp4", |b| b.iter(|| packet(black_box(&frame))));
    print_per_call("wire/parse udp4", || packet(&frame));
    let p = &parsed;
    let there = Rewrite4::new(17, (p.src4, p.dst4, p.sport, p.dport), (0xc633_6401, p.dst4, 4096, p.dport));
    c.bench_function("wire/rewrite udp4", |b| b.iter(|| there.apply(black_box(&mut frame), p, true)));
    print_per_call("wire/rewrite udp4", || there.apply(&mut frame, p, true));
    let long = [7u8; 1480];
    c.bench_function("wire/checksum 20", |b| b.iter(|| checksum::checksum(black_box(&bytes[14..34]))));
    c.bench_function("wire/checksum 1480", |b| b.iter(|| checksum::checksum(black_box(&long))));
}

criterion_group!(benches, wire);
criterion_main!(benches);
