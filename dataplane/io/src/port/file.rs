//! Captures as a port: one file to receive from, one to send into.

use super::{Pool, Port, Sent};
use crate::capture::{CaptureError, PcapngWriter, Reader, Record, to_ethernet};
use std::io;
use std::os::fd::RawFd;
use vpcd_wire::Frame;

/// Receives the frames of a capture, with the capture's times, and writes what is sent into another, with the times that the frames carry.
pub struct CapturePort {
    input: Option<Reader>,
    output: Option<PcapngWriter>,
    port: u32,
    pool: Pool,
    record: Record,
    unfinished: Frame,
    failed: Option<io::Error>,
}

impl CapturePort {
    /// A port without input receives nothing; without output it swallows what is sent.
    pub fn new(input: Option<Reader>, output: Option<PcapngWriter>, port: u32, pool: Pool) -> CapturePort {
        CapturePort { input, output, port, pool, record: Record::default(), unfinished: Frame::default(), failed: None }
    }

    /// Hands everything written so far to the system.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        self.output.as_mut().map_or(Ok(()), PcapngWriter::flush)
    }

    /// The next record as a frame. A record that cannot become one is an error; the call after it goes on with the record behind.
    fn next(&mut self, frame: &mut Frame) -> io::Result<bool> {
        let Some(input) = &mut self.input else {
            return Ok(false);
        };
        if !input.read_into(&mut self.record).map_err(io::Error::other)? {
            return Ok(false);
        }
        to_ethernet(&self.record, frame).map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error))?;
        frame.port = self.port;
        Ok(true)
    }
}

impl Port for CapturePort {
    fn recv(&mut self, frames: &mut Vec<Frame>, max: usize) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        for count in 0..max {
            let mut frame = self.pool.take();
            match self.next(&mut frame) {
                Ok(true) => frames.push(frame),
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
        let result = match &mut self.output {
            Some(output) => write_finished(output, &frame, &mut self.unfinished, None),
            None => Ok(()),
        };
        self.pool.give(frame);
        result.map(|()| Sent::Done).map_err(io::Error::other)
    }

    fn fd(&self) -> Option<RawFd> {
        None
    }
}

/// Writes a frame with its checksum finished, which the frame itself need not have: `scratch` is where the finishing happens.
pub(crate) fn write_finished(
    output: &mut PcapngWriter,
    frame: &Frame,
    scratch: &mut Frame,
    comment: Option<&str>,
) -> Result<(), CaptureError> {
    let mut frame = frame;
    if frame.flags & Frame::NEEDS_CSUM != 0 {
        scratch.copy_from(frame.bytes());
        (scratch.flags, scratch.csum_start, scratch.csum_offset) = (frame.flags, frame.csum_start, frame.csum_offset);
        vpcd_wire::complete_checksum(scratch);
        scratch.ts = frame.ts;
        frame = scratch;
    }
    // How much longer a cut frame was is no longer known; that it was is.
    let cut = u32::from(frame.flags & Frame::CUT != 0);
    output.write(frame.ts, frame.bytes(), frame.len() as u32 + cut, comment)
}
