//! Any sequence of frames at any ports and times through the whole engine, remembered actions on and off: no panic, the same verdicts, and not
//! one frame unaccounted for. Each frame of the input is: port (1 byte), seconds to wait (1 byte), length (2 bytes), bytes.
#![no_main]

#[path = "../../../dataplane/tests/common/mod.rs"]
mod common;

use libfuzzer_sys::fuzz_target;
use vpcd_dataplane::engine::{Config, Done, Memory};
use vpcd_dataplane::wire::Frame;

fn frames(mut input: &[u8]) -> Vec<Frame> {
    let (mut frames, mut now) = (Vec::new(), 0u64);
    while let [port, wait, high, low, rest @ ..] = input {
        let length = (usize::from(*high) << 8 | usize::from(*low)) % 2048;
        let (bytes, rest) = rest.split_at(length.min(rest.len()));
        let mut frame = Frame::from_bytes(bytes);
        now += u64::from(*wait) * 3_000_000_000;
        (frame.port, frame.ts, frame.seq) = (u32::from(*port % 6), now, frames.len() as u64);
        frames.push(frame);
        input = rest;
    }
    frames
}

fn run(frames: &[Frame], cache: bool) -> Vec<Done> {
    let mut engine: Memory = common::engine(Config { sessions: 1024, cache, ..Config::default() });
    let mut done = Vec::new();
    for frame in frames {
        done.extend(engine.run(vec![frame.clone()]));
    }
    done.extend(engine.finish());
    assert_eq!(done.len(), frames.len(), "a verdict for every frame");
    let (came, went) = engine.counters().conservation();
    assert_eq!(came, went, "conservation");
    done
}

fuzz_target!(|input: &[u8]| {
    let frames = frames(input);
    let (remembered, walked) = (run(&frames, true), run(&frames, false));
    for (a, b) in remembered.iter().zip(&walked) {
        assert_eq!((a.seq, a.verdict), (b.seq, b.verdict));
        assert!(a.out.iter().map(|(p, f)| (p, f.bytes())).eq(b.out.iter().map(|(p, f)| (p, f.bytes()))));
    }
});
