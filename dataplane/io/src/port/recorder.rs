//! Writing down what a port receives, so that it can be replayed.

use super::file::write_finished;
use super::{Port, Sent};
use crate::capture::PcapngWriter;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vpcd_wire::Frame;

/// A clock that never shows the same time twice, shared by all recorders of a run: sorting their captures by time gives back the order of arrival.
#[derive(Debug, Clone, Default)]
pub struct StrictClock(Arc<AtomicU64>);

impl StrictClock {
    /// `now` in nanoseconds, or the nanosecond after the latest time given out if that is later.
    pub fn stamp(&self, now: u64) -> u64 {
        let later = |latest: u64| now.max(latest.saturating_add(1));
        // The closure always answers, so either way we hold the former value.
        let (Ok(latest) | Err(latest)) =
            self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |latest| Some(later(latest)));
        later(latest)
    }
}

/// A port whose received frames are also written into a capture, each stamped with a time of its own.
///
/// The frames that go on carry the stamp that the capture has, so both say the same. Several recorders may share a capture: the queues of one device.
/// Unfinished checksums are finished in the capture, where nobody would do it later; the frame itself goes on as it came.
pub struct Recorder<P, N> {
    port: P,
    output: Arc<Mutex<PcapngWriter>>,
    clock: StrictClock,
    now: N,
    scratch: Frame,
    /// What went wrong with the capture, told after the frames that it concerned.
    failed: Option<io::Error>,
}

impl<P: Port, N: FnMut() -> u64> Recorder<P, N> {
    /// `now` tells the time in nanoseconds, asked once per batch.
    pub fn new(port: P, output: Arc<Mutex<PcapngWriter>>, clock: StrictClock, now: N) -> Self {
        Recorder { port, output, clock, now, scratch: Frame::default(), failed: None }
    }

    /// The port behind.
    pub fn into_inner(self) -> P {
        self.port
    }
}

impl<P: Port, N: FnMut() -> u64> Port for Recorder<P, N> {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let first = frames.len();
        let count = self.port.recv(frames, max)?;
        if count == 0 {
            return Ok(0);
        }
        let now = (self.now)();
        // Stamped under the lock: within one capture times only grow. A writer that panicked elsewhere is still a writer.
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        for frame in &mut frames[first..] {
            frame.ts = self.clock.stamp(now);
            if self.failed.is_none() {
                self.failed = write_finished(&mut output, frame, &mut self.scratch, None).err().map(io::Error::other);
            }
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
        self.port.unannounced()
    }
}
