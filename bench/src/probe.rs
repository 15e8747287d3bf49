//! How quiet the machine is. Memory-bound figures of shared hosts move by half within an hour, so each measurement carries the reading of
//! a thermometer taken before and after: dependent loads over 64 MB in 2 MB pages, eight chains at a time. 24 ns a load is a quiet host;
//! above 30 somebody else is using the memory, and the figure is to be taken again.

use crate::random::Random;
use std::hint::black_box;
use std::time::Instant;
use vpcd_raw::huge_pages;

const BYTES: usize = 64 << 20;
const CHAINS: usize = 8;
const STEPS: usize = 500_000;
const ROUNDS: usize = 5;

/// One cache line that names the next.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(u32);

/// The thermometer: one cycle through all of its memory.
pub struct Probe {
    lines: Vec<Line>,
    /// Where each chain begins: evenly spread over the cycle.
    begin: [u32; CHAINS],
}

impl Default for Probe {
    fn default() -> Self {
        Probe::new()
    }
}

impl Probe {
    /// Lays the cycle out.
    pub fn new() -> Probe {
        let count = BYTES / size_of::<Line>();
        let mut lines = Vec::with_capacity(count);
        huge_pages(lines.spare_capacity_mut());
        let mut order: Vec<u32> = (0..count as u32).collect();
        Random::new(64).shuffle(&mut order);
        lines.resize(count, Line(0));
        for (i, &line) in order.iter().enumerate() {
            lines[line as usize] = Line(order[(i + 1) % count]);
        }
        let begin = std::array::from_fn(|chain| order[chain * count / CHAINS]);
        Probe { lines, begin }
    }

    /// Nanoseconds per load, median of five.
    pub fn read(&self) -> f64 {
        let mut at = self.begin;
        let mut rounds = [0.0; ROUNDS];
        for round in &mut rounds {
            let start = Instant::now();
            for _ in 0..STEPS {
                for chain in &mut at {
                    *chain = self.lines[*chain as usize].0;
                }
            }
            *round = start.elapsed().as_nanos() as f64 / (STEPS * CHAINS) as f64;
        }
        black_box(at);
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    }
}
