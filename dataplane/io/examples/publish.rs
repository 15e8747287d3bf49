//! How long a publish takes, with workers that sleep and with workers that never do: `cargo run --release -p vpcd-io --example publish`.
//!
//! A busy worker gets batches of 256 UDP frames to an address that nobody has: each of them walks and is dropped. What is timed is `Live::publish`
//! of a topology in which one interface differs: finding out what changed, and waiting for the workers.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vpcd_dataplane::engine::Config;
use vpcd_dataplane::topology::{Eni, FilterIdx, SubnetIdx, Timeouts, Topology, VpcIdx};
use vpcd_io::live::{Live, LivePort};
use vpcd_io::port::{Port, Sent};
use vpcd_wire::{Frame, Mac};

const ROUNDS: u32 = 1000;

/// Always has frames.
struct Flood;

impl Port for Flood {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        let mut bytes = [0; 60];
        bytes[12..24].copy_from_slice(&[8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17]);
        bytes[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 9, 9, 9]);
        let sum: u32 = bytes[14..34].chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        bytes[24..26].copy_from_slice(&sum.to_be_bytes());
        bytes[39] = 26;
        frames.extend((0..max).map(|_| {
            let mut frame = Frame::from_bytes(&bytes);
            frame.port = 1;
            frame
        }));
        Ok(max)
    }
    fn send(&mut self, _: Frame) -> io::Result<Sent> {
        Ok(Sent::Done)
    }
    fn fd(&self) -> Option<RawFd> {
        None
    }
    fn unannounced(&self) -> bool {
        true
    }
}

fn eni(n: u32, mtu: u16) -> Eni {
    Eni {
        vpc: VpcIdx(0),
        subnet: SubnetIdx(0),
        mac: Mac([2, 0, (n >> 24) as u8, (n >> 16) as u8, (n >> 8) as u8, n as u8]),
        addresses4: vec![(0x0a00_0001 + n).into()],
        addresses6: Vec::new(),
        check: true,
        filter: FilterIdx(0),
        timeouts: Timeouts::default(),
        attached: true,
        nat: None,
        mtu,
    }
}

fn main() -> io::Result<()> {
    println!("{:>8} {:>7} {:>9}  {:>10} {:>10} {:>10}", "ENIS", "WORKERS", "", "MEDIAN", "P99", "MOST");
    for enis in [4u32, 1000, 10_000] {
        let mut topology = Topology::default();
        (0..enis).for_each(|n| topology.enis.set(n as usize, Arc::new(eni(n, 9001))));
        for workers in [1, 2] {
            for busy in [false, true] {
                let config = Config { workers, ..Config::default() };
                let live = Live::start(config, topology.clone(), Vec::new(), None)?;
                if busy {
                    let queues = (0..workers).map(|_| Box::new(Flood) as Box<dyn Port + Send>).collect();
                    live.plug(LivePort::new(1, "flood", queues))?;
                }
                std::thread::sleep(Duration::from_millis(20));
                let mut took: Vec<Duration> = (0..ROUNDS)
                    .map(|n| {
                        let mut next = (*live.topology()).clone();
                        next.enis.set(1, Arc::new(eni(1, 1500 + n as u16)));
                        let begun = Instant::now();
                        live.publish(next);
                        begun.elapsed()
                    })
                    .collect();
                took.sort();
                let what = if busy { "busy" } else { "asleep" };
                let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
                let [median, p99, most] = [0.5, 0.99, 1.0].map(|share| format!("{:.1?}", at(share)));
                println!("{enis:>8} {workers:>7} {what:>9}  {median:>10} {p99:>10} {most:>10}");
                live.stop()?;
            }
        }
    }
    Ok(())
}
