//! A stream of bytes that knows its name, how far it was read, and which byte order counts now.

use super::error::{CaptureError, Fault};
use std::io::{BufReader, ErrorKind, Read};

/// Which end of a number comes first in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    pub(super) fn u16(self, b: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(b),
            Order::Big => u16::from_be_bytes(b),
        }
    }

    pub(super) fn u32(self, b: [u8; 4]) -> u32 {
        match self {
            Order::Little => u32::from_le_bytes(b),
            Order::Big => u32::from_be_bytes(b),
        }
    }

    pub(super) fn u64(self, b: [u8; 8]) -> u64 {
        match self {
            Order::Little => u64::from_le_bytes(b),
            Order::Big => u64::from_be_bytes(b),
        }
    }
}

pub(super) struct Source {
    file: String,
    input: BufReader<Box<dyn Read + Send>>,
    offset: u64,
    pub(super) order: Order,
}

impl Source {
    pub(super) fn new(file: String, input: Box<dyn Read + Send>) -> Self {
        Source { file, input: BufReader::with_capacity(64 * 1024, input), offset: 0, order: Order::Little }
    }

    /// The number of bytes taken so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// An error about the byte at `offset`.
    pub(super) fn fault_at(&self, offset: u64, fault: Fault) -> CaptureError {
        CaptureError::Malformed { file: self.file.clone(), offset, fault }
    }

    /// Fills `buffer`; `Ok(false)` if the input ended before its first byte. An end further in is an error.
    pub(super) fn fill_or_end(&mut self, buffer: &mut [u8], within: &'static str) -> Result<bool, CaptureError> {
        let mut done = 0;
        while done < buffer.len() {
            match self.input.read(&mut buffer[done..]) {
                Ok(0) if done == 0 => return Ok(false),
                Ok(0) => return Err(self.fault_at(self.offset, Fault::Truncated(within))),
                Ok(n) => {
                    done += n;
                    self.offset += n as u64;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(CaptureError::Read { file: self.file.clone(), offset: self.offset, source });
                }
            }
        }
        Ok(true)
    }

    /// Fills `buffer`.
    pub(super) fn fill(&mut self, buffer: &mut [u8], within: &'static str) -> Result<(), CaptureError> {
        if buffer.is_empty() || self.fill_or_end(buffer, within)? {
            Ok(())
        } else {
            Err(self.fault_at(self.offset, Fault::Truncated(within)))
        }
    }

    pub(super) fn array<const N: usize>(&mut self, within: &'static str) -> Result<[u8; N], CaptureError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes, within)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, within: &'static str) -> Result<u32, CaptureError> {
        Ok(self.order.u32(self.array(within)?))
    }

    /// Reads past `count` bytes without keeping them.
    pub(super) fn skip(&mut self, count: u32, within: &'static str) -> Result<(), CaptureError> {
        let mut bin = [0; 4096];
        let mut left = count as usize;
        while left > 0 {
            let step = left.min(bin.len());
            self.fill(&mut bin[..step], within)?;
            left -= step;
        }
        Ok(())
    }
}
