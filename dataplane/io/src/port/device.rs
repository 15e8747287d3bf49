//! A device of the kernel, or something that behaves like one, as a port.

use super::{Pool, Port, Sent};
use crate::tap::TapQueue;
use std::io;
use std::os::fd::RawFd;
use vpcd_wire::Frame;

/// Frames are read from it and written to it one at a time, and nothing waits.
pub trait Device {
    /// Takes the next frame: bytes and virtio fields. What `frame` held is gone, its port, number and time stay. `Ok(false)`: there is none now.
    fn read(&mut self, frame: &mut Frame) -> io::Result<bool>;

    /// Gives a frame away. `Ok(false)`: not now.
    fn write(&mut self, frame: &Frame) -> io::Result<bool>;

    /// What becomes readable when there is a frame; `None` if there never is.
    fn fd(&self) -> Option<RawFd>;
}

/// A device with the number that its frames carry as their port. Their time is the receiver's to set.
pub struct DevicePort<D> {
    device: D,
    port: u32,
    pool: Pool,
    /// The error behind frames that were already taken: told by the next call.
    failed: Option<io::Error>,
}

/// One queue of a TAP device as a port.
pub type TapPort = DevicePort<TapQueue>;

impl<D: Device> DevicePort<D> {
    pub fn new(device: D, port: u32, pool: Pool) -> DevicePort<D> {
        DevicePort { device, port, pool, failed: None }
    }
}

impl<D: Device> Port for DevicePort<D> {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        for count in 0..max {
            let mut frame = self.pool.take();
            match self.device.read(&mut frame) {
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
        match self.device.write(&frame) {
            Ok(false) => Ok(Sent::Full(frame)),
            done => {
                self.pool.give(frame);
                done.map(|_| Sent::Done)
            }
        }
    }

    fn fd(&self) -> Option<RawFd> {
        self.device.fd()
    }
}
