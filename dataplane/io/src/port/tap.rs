//! A TAP queue as a port.

use super::{Pool, Port, Sent};
use crate::tap::TapQueue;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use vpcd_wire::Frame;

/// One queue of a TAP device, with the number that its frames carry as their port. Their time is the receiver's to set.
pub struct TapPort {
    queue: TapQueue,
    port: u32,
    pool: Pool,
    /// The error behind frames that were already taken: told by the next call.
    failed: Option<io::Error>,
}

impl TapPort {
    pub fn new(queue: TapQueue, port: u32, pool: Pool) -> TapPort {
        TapPort { queue, port, pool, failed: None }
    }
}

impl Port for TapPort {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        for count in 0..max {
            let mut frame = self.pool.take();
            match self.queue.read(&mut frame) {
                Ok(true) => {
                    frame.port = self.port;
                    frames.push(frame);
                }
                Ok(false) => {
                    self.pool.give(frame);
                    return Ok(count);
                }
                Err(error) => {
                    self.pool.give(frame);
                    if count == 0 {
                        return Err(error);
                    }
                    self.failed = Some(error);
                    return Ok(count);
                }
            }
        }
        Ok(max)
    }

    fn send(&mut self, frame: Frame) -> io::Result<Sent> {
        match self.queue.write(&frame) {
            Ok(false) => Ok(Sent::Full(frame)),
            done => {
                self.pool.give(frame);
                done.map(|_| Sent::Done)
            }
        }
    }

    fn fd(&self) -> Option<RawFd> {
        Some(self.queue.as_raw_fd())
    }
}
