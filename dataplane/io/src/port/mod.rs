//! The one shape that all sources and sinks of frames have, and the frames' way home.
//!
//! A [`Port`] hands out the frames that arrived and takes frames to send. The kinds are [`DevicePort`] (a [`Device`]: of the kernel, or a
//! capture that is played in), [`MemoryPort`] (two queues) and [`CapturePort`] (files). [`Recorder`] writes down what another port receives; [`Faulty`] loses, doubles, damages and reorders it, the same way each
//! time. Frames come from a [`Pool`] and go back to it once they are sent, so a process that forwards steadily allocates nothing; who consumes or
//! drops a frame gives it back himself.

mod device;
mod faulty;
mod file;
mod memory;
mod recorder;

pub(crate) use file::write_finished;

pub use device::{Device, DevicePort, TapPort};
pub use faulty::{FaultCounters, Faults, Faulty};
pub use file::CapturePort;
pub use memory::MemoryPort;
pub use recorder::{Recorder, StrictClock};

use crossbeam::queue::ArrayQueue;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use vpcd_wire::Frame;

/// A place where frames arrive and leave.
pub trait Port {
    /// Appends up to `max` frames that have arrived to `frames` and returns how many; 0: nothing there now. An error concerns the port, not frames: those received
    /// before it were returned by then.
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize>;

    /// Sends a frame. After an error the frame is gone, and the caller counts it as dropped.
    fn send(&mut self, frame: Frame) -> io::Result<Sent>;

    /// What a [`crate::poll::Poller`] can wait for; `None` where there is nothing to wait for.
    fn fd(&self) -> Option<RawFd>;

    /// Whether frames may arrive that `fd` does not show: then somebody must look from time to time.
    fn unannounced(&self) -> bool {
        false
    }
}

impl<P: Port + ?Sized> Port for Box<P> {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        (**self).recv(frames, max)
    }

    fn send(&mut self, frame: Frame) -> io::Result<Sent> {
        (**self).send(frame)
    }

    fn fd(&self) -> Option<RawFd> {
        (**self).fd()
    }

    fn unannounced(&self) -> bool {
        (**self).unannounced()
    }
}

/// What became of a frame that was to be sent.
#[derive(Debug)]
pub enum Sent {
    /// It left.
    Done,
    /// There is no room now: here it is again.
    Full(Frame),
}

impl Sent {
    pub fn is_done(&self) -> bool {
        matches!(self, Sent::Done)
    }
}

/// A stock of frames for reuse, shared by all who hold a clone.
///
/// It never refuses: an empty stock makes new frames, a full one lets them go. What bounds the number of frames are the queues that they wait in.
#[derive(Debug, Clone)]
pub struct Pool {
    stock: Arc<ArrayQueue<Frame>>,
    frame_room: usize,
}

impl Pool {
    /// A pool that keeps up to `frames` frames and makes new ones with room for `frame_room` bytes.
    pub fn new(frames: usize, frame_room: usize) -> Pool {
        Pool { stock: Arc::new(ArrayQueue::new(frames.max(1))), frame_room }
    }

    /// A frame, its former contents still in it: whoever takes it fills it.
    pub fn take(&self) -> Frame {
        self.stock.pop().unwrap_or_else(|| Frame::with_capacity(self.frame_room))
    }

    /// Puts a frame back.
    pub fn give(&self, frame: Frame) {
        // A full stock has enough: the frame is freed.
        let _ = self.stock.push(frame);
    }

    /// How many frames lie ready.
    pub fn stocked(&self) -> usize {
        self.stock.len()
    }
}
