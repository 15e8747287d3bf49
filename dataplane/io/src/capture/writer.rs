//! The captures that we write: pcapng, little-endian, one Ethernet interface, nanoseconds.

use super::error::{CaptureError, Fault};
use super::{LINK_ETHERNET, MAX_PACKET};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

const LONGEST_OPTION: usize = u16::MAX as usize;

/// What a capture says about itself. Hardware and operating system are never named: the same frames make the same file everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SectionInfo {
    /// The program that wrote it.
    pub application: String,
    /// Free text; by our convention lines of `key=value`.
    pub comments: Vec<String>,
}

impl SectionInfo {
    /// A section written by this program.
    pub fn new(comments: Vec<String>) -> Self {
        SectionInfo { application: "vpcd".to_owned(), comments }
    }
}

/// Writes a capture whose bytes depend on nothing but what is handed in.
pub struct PcapngWriter {
    file: String,
    output: BufWriter<Box<dyn Write + Send>>,
    offset: u64,
    /// The head of a block while it is put together.
    head: Vec<u8>,
}

impl PcapngWriter {
    /// Creates the file, replacing one of that name, and writes its header.
    pub fn create(path: impl AsRef<Path>, info: &SectionInfo) -> Result<PcapngWriter, CaptureError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let file = File::create(path).map_err(|source| CaptureError::Create { file: name.clone(), source })?;
        PcapngWriter::from_write(name, file, info)
    }

    /// Writes a capture to any output; `name` is what errors call it.
    pub fn from_write(
        name: impl Into<String>,
        output: impl Write + Send + 'static,
        info: &SectionInfo,
    ) -> Result<PcapngWriter, CaptureError> {
        let output = BufWriter::with_capacity(256 * 1024, Box::new(output) as Box<dyn Write + Send>);
        let mut writer = PcapngWriter { file: name.into(), output, offset: 0, head: Vec::with_capacity(256) };
        writer.section(info)?;
        writer.interface()?;
        Ok(writer)
    }

    /// Writes one packet. `orig_len` counts when it is more than `bytes`: the packet was longer than what is kept.
    pub fn write(&mut self, ts: u64, bytes: &[u8], orig_len: u32, comment: Option<&str>) -> Result<(), CaptureError> {
        let captured = match u32::try_from(bytes.len()) {
            Ok(captured) if captured <= MAX_PACKET => captured,
            other => {
                return Err(self.fault(Fault::PacketTooLong { length: other.unwrap_or(u32::MAX) }));
            }
        };
        let comment = comment.map(str::as_bytes).unwrap_or_default();
        let options = self.options_length([comment])?;
        let padding = padding(bytes.len());
        let length = 32 + captured + padding.len() as u32 + options;
        self.head.clear();
        for word in [6, length, 0, (ts >> 32) as u32, ts as u32, captured, orig_len.max(captured)] {
            self.head.extend_from_slice(&word.to_le_bytes());
        }
        self.put_head()?;
        self.put(bytes)?;
        self.head.extend_from_slice(padding);
        if !comment.is_empty() {
            self.option(1, comment);
            self.end_of_options();
        }
        self.head.extend_from_slice(&length.to_le_bytes());
        self.put_head()
    }

    /// Hands everything written so far to the system.
    pub fn flush(&mut self) -> Result<(), CaptureError> {
        self.output.flush().map_err(|source| CaptureError::Write {
            file: self.file.clone(),
            offset: self.offset,
            source,
        })
    }

    /// The bytes written so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn section(&mut self, info: &SectionInfo) -> Result<(), CaptureError> {
        let comments = info.comments.iter().map(String::as_bytes);
        let options = self.options_length(comments.chain([info.application.as_bytes()]))?;
        let length = 28 + options;
        for word in [0x0a0d_0d0a, length, 0x1a2b_3c4d, 1u32] {
            self.head.extend_from_slice(&word.to_le_bytes());
        }
        // The length of the section is left open.
        self.head.extend_from_slice(&u64::MAX.to_le_bytes());
        for comment in &info.comments {
            self.option(1, comment.as_bytes());
        }
        self.option(4, info.application.as_bytes());
        if options > 0 {
            self.end_of_options();
        }
        self.head.extend_from_slice(&length.to_le_bytes());
        self.put_head()
    }

    fn interface(&mut self) -> Result<(), CaptureError> {
        const LENGTH: u32 = 20 + 8 + 4;
        // No limit to what is kept of a packet.
        for word in [1, LENGTH, LINK_ETHERNET, 0] {
            self.head.extend_from_slice(&word.to_le_bytes());
        }
        self.option(9, &[9]);
        self.end_of_options();
        self.head.extend_from_slice(&LENGTH.to_le_bytes());
        self.put_head()
    }

    /// The room that options of these values need, with the mark of their end.
    fn options_length<'a>(&self, values: impl IntoIterator<Item = &'a [u8]>) -> Result<u32, CaptureError> {
        let mut total = 0;
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            if value.len() > LONGEST_OPTION {
                return Err(self.fault(Fault::CommentTooLong { length: value.len(), most: LONGEST_OPTION }));
            }
            total += 4 + value.len().next_multiple_of(4);
        }
        Ok(if total == 0 { 0 } else { total as u32 + 4 })
    }

    /// An empty value is no option.
    fn option(&mut self, code: u16, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        self.head.extend_from_slice(&code.to_le_bytes());
        self.head.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.head.extend_from_slice(value);
        self.head.extend_from_slice(padding(value.len()));
    }

    fn end_of_options(&mut self) {
        self.head.extend_from_slice(&[0; 4]);
    }

    fn put_head(&mut self) -> Result<(), CaptureError> {
        let head = std::mem::take(&mut self.head);
        let result = self.put(&head);
        self.head = head;
        self.head.clear();
        result
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), CaptureError> {
        self.output.write_all(bytes).map_err(|source| CaptureError::Write {
            file: self.file.clone(),
            offset: self.offset,
            source,
        })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn fault(&self, fault: Fault) -> CaptureError {
        CaptureError::Malformed { file: self.file.clone(), offset: self.offset, fault }
    }
}

/// The zeros that bring `length` bytes to a multiple of four.
fn padding(length: usize) -> &'static [u8] {
    &[0; 3][..length.next_multiple_of(4) - length]
}
