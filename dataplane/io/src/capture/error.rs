//! What can be wrong with a capture, and where.

use std::io;

/// Something wrong with a capture file, named by file and byte.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    #[error("{file}: cannot open the capture: {source}")]
    Open { file: String, source: io::Error },
    #[error("{file}: cannot create the capture: {source}")]
    Create { file: String, source: io::Error },
    #[error("{file}: byte {offset}: cannot read the capture: {source}")]
    Read { file: String, offset: u64, source: io::Error },
    #[error("{file}: byte {offset}: cannot write the capture: {source}")]
    Write { file: String, offset: u64, source: io::Error },
    #[error("{file}: byte {offset}: {fault}")]
    Malformed { file: String, offset: u64, fault: Fault },
}

impl CaptureError {
    /// What is malformed, if the contents and not the system are to blame.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            CaptureError::Malformed { fault, .. } => Some(fault),
            _ => None,
        }
    }

    /// The byte of the file that the error is about.
    pub fn offset(&self) -> Option<u64> {
        match self {
            CaptureError::Read { offset, .. }
            | CaptureError::Write { offset, .. }
            | CaptureError::Malformed { offset, .. } => Some(*offset),
            CaptureError::Open { .. } | CaptureError::Create { .. } => None,
        }
    }
}

/// The ways in which the bytes of a capture can contradict its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the file is empty, not a capture")]
    Empty,
    #[error("not a pcap or pcapng capture (it starts with {0:#010x})")]
    Magic(u32),
    #[error("the capture is compressed ({0}): decompress it first")]
    Compressed(&'static str),
    #[error("{format} version {major}.{minor} is not known")]
    Version { format: &'static str, major: u16, minor: u16 },
    #[error("the file ends within {0}")]
    Truncated(&'static str),
    #[error("a packet of {length} bytes, more than the {} that a capture may hold", super::MAX_PACKET)]
    PacketTooLong { length: u32 },
    #[error("a block length of {length}, not a multiple of four and at least {least}")]
    BlockLength { length: u32, least: u32 },
    #[error("a block that says {start} bytes at its start and {end} at its end")]
    BlockTrailer { start: u32, end: u32 },
    #[error("{what} of {length} bytes where its block has room for {room}")]
    Overrun { what: &'static str, length: u32, room: u32 },
    #[error("a section whose byte-order magic is {0:#010x}")]
    ByteOrder(u32),
    #[error("a packet of interface {interface}, where the section has described {described}")]
    Interface { interface: u32, described: usize },
    #[error("more than {0} interfaces in one section")]
    TooManyInterfaces(usize),
    #[error("a comment of {length} bytes, more than the {most} that one can have")]
    CommentTooLong { length: usize, most: usize },
    #[error("more than {0} bytes of comments in one section")]
    TooManyComments(usize),
}
