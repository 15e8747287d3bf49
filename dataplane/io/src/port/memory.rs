//! Ports without a kernel: what one end sends, the other receives.

use super::{Port, Sent};
use crossbeam::queue::ArrayQueue;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use vpcd_wire::Frame;

/// One end of a cable in memory. Frames are handed over, not copied. A clone is the same end: whoever looks first gets a frame.
#[derive(Clone, Debug)]
pub struct MemoryPort {
    incoming: Arc<ArrayQueue<Frame>>,
    outgoing: Arc<ArrayQueue<Frame>>,
    port: u32,
}

impl MemoryPort {
    /// Two ends; each direction holds up to `frames` frames. What an end receives carries that end's number as its port.
    pub fn pair(frames: usize, ports: (u32, u32)) -> (MemoryPort, MemoryPort) {
        let (a, b) = (Arc::new(ArrayQueue::new(frames.max(1))), Arc::new(ArrayQueue::new(frames.max(1))));
        (
            MemoryPort { incoming: Arc::clone(&a), outgoing: Arc::clone(&b), port: ports.0 },
            MemoryPort { incoming: b, outgoing: a, port: ports.1 },
        )
    }
}

impl Port for MemoryPort {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        for count in 0..max {
            let Some(mut frame) = self.incoming.pop() else {
                return Ok(count);
            };
            frame.port = self.port;
            frames.push(frame);
        }
        Ok(max)
    }

    fn send(&mut self, frame: Frame) -> io::Result<Sent> {
        Ok(match self.outgoing.push(frame) {
            Ok(()) => Sent::Done,
            Err(frame) => Sent::Full(frame),
        })
    }

    fn fd(&self) -> Option<RawFd> {
        None
    }

    fn unannounced(&self) -> bool {
        true
    }
}
