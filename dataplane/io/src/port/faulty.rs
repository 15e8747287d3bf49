//! A bad cable, for tests.

use super::{Pool, Port, Sent};
use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;
use vpcd_wire::Frame;

/// How often a received frame suffers, each in 10,000.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// It is lost.
    pub lose: u32,
    /// It comes twice.
    pub duplicate: u32,
    /// One of its bits is turned over.
    pub corrupt: u32,
    /// It comes after the next one.
    pub reorder: u32,
}

/// How often it happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounters {
    pub lost: u64,
    pub duplicated: u64,
    pub corrupted: u64,
    pub reordered: u64,
}

/// A port that spoils what it receives, the same way for the same seed and frames. What is sent goes through untouched.
///
/// Frames that wait here do not show at the descriptor.
pub struct Faulty<P> {
    port: P,
    faults: Faults,
    random: u64,
    pool: Pool,
    fresh: Vec<Frame>,
    ready: VecDeque<Frame>,
    late: Option<Frame>,
    counters: FaultCounters,
    failed: Option<io::Error>,
}

impl<P: Port> Faulty<P> {
    pub fn new(port: P, faults: Faults, seed: u64, pool: Pool) -> Self {
        Faulty {
            port,
            faults,
            random: seed,
            pool,
            fresh: Vec::new(),
            ready: VecDeque::new(),
            late: None,
            counters: FaultCounters::default(),
            failed: None,
        }
    }

    pub fn counters(&self) -> FaultCounters {
        self.counters
    }

    /// SplitMix64: small, and the same everywhere.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn strikes(&mut self, chance: u32) -> bool {
        // Drawn whatever the chance: changing one fault leaves the others where they were.
        self.random() % 10_000 < u64::from(chance)
    }

    fn suffer(&mut self, mut frame: Frame) {
        let [lose, duplicate, corrupt, reorder] =
            [self.faults.lose, self.faults.duplicate, self.faults.corrupt, self.faults.reorder]
                .map(|chance| self.strikes(chance));
        let place = self.random();
        if lose {
            self.counters.lost += 1;
            self.pool.give(frame);
            return;
        }
        if duplicate {
            self.counters.duplicated += 1;
            self.ready.push_back(self.copy(&frame));
        }
        if corrupt && !frame.is_empty() {
            self.counters.corrupted += 1;
            let bits = frame.len() as u64 * 8;
            let bit = place % bits;
            frame.bytes_mut()[(bit / 8) as usize] ^= 1 << (bit % 8);
        }
        if reorder && self.late.is_none() {
            self.counters.reordered += 1;
            self.late = Some(frame);
            return;
        }
        self.ready.push_back(frame);
        self.ready.extend(self.late.take());
    }

    fn copy(&self, frame: &Frame) -> Frame {
        let mut copy = self.pool.take();
        copy.copy_from(frame.bytes());
        (copy.port, copy.seq, copy.ts) = (frame.port, frame.seq, frame.ts);
        (copy.gso_size, copy.gso_type, copy.segments) = (frame.gso_size, frame.gso_type, frame.segments);
        (copy.flags, copy.csum_start, copy.csum_offset) = (frame.flags, frame.csum_start, frame.csum_offset);
        copy
    }
}

impl<P: Port> Port for Faulty<P> {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        // Only as many as can be handed on: what waits here must not grow.
        let wanted = max.saturating_sub(self.ready.len());
        let mut fresh = std::mem::take(&mut self.fresh);
        let received = if wanted > 0 { self.port.recv(&mut fresh, wanted) } else { Ok(0) };
        for frame in fresh.drain(..) {
            self.suffer(frame);
        }
        self.fresh = fresh;
        if matches!(received, Ok(0)) && wanted > 0 {
            // Nothing came that a late frame could come after.
            self.ready.extend(self.late.take());
        }
        let count = max.min(self.ready.len());
        frames.extend(self.ready.drain(..count));
        match received {
            Err(error) if count == 0 => return Err(error),
            Err(error) => self.failed = Some(error),
            Ok(_) => {}
        }
        Ok(count)
    }

    fn send(&mut self, frame: Frame) -> io::Result<Sent> {
        self.port.send(frame)
    }

    fn fd(&self) -> Option<RawFd> {
        self.port.fd()
    }

    fn unannounced(&self) -> bool {
        true
    }
}
