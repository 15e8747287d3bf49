//! One reader over both formats.

use super::Record;
use super::error::{CaptureError, Fault};
use super::pcap::{self, Pcap};
use super::pcapng::{self, Pcapng};
use super::source::Source;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Reads a capture from its beginning to its end, one record at a time.
///
/// As an iterator it gives each record its own memory; [`Reader::read_into`] uses the caller's again and again. After an error there is nothing more to read.
pub struct Reader {
    source: Source,
    format: Format,
    ended: bool,
}

enum Format {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Reader {
    /// Opens a capture file and reads its header.
    pub fn open(path: impl AsRef<Path>) -> Result<Reader, CaptureError> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| CaptureError::Open { file: name.clone(), source })?;
        Reader::from_read(name, file)
    }

    /// Reads a capture from any input; `name` is what errors call it.
    pub fn from_read(name: impl Into<String>, input: impl Read + Send + 'static) -> Result<Reader, CaptureError> {
        let mut source = Source::new(name.into(), Box::new(input));
        let mut magic = [0; 4];
        if !source.fill_or_end(&mut magic, "the file header")? {
            return Err(source.fault_at(0, Fault::Empty));
        }
        let format = if u32::from_be_bytes(magic) == pcapng::SECTION {
            Format::Pcapng(Pcapng::open(&mut source)?)
        } else if let Some(order) = pcap::recognise(magic) {
            source.order = order;
            Format::Pcap(Pcap::open(&mut source, magic)?)
        } else {
            let fault = match magic {
                [0x1f, 0x8b, ..] => Fault::Compressed("gzip"),
                [0x28, 0xb5, 0x2f, 0xfd] => Fault::Compressed("zstd"),
                [0xfd, b'7', b'z', b'X'] => Fault::Compressed("xz"),
                _ => Fault::Magic(u32::from_be_bytes(magic)),
            };
            return Err(source.fault_at(0, fault));
        };
        Ok(Reader { source, format, ended: false })
    }

    /// Reads the next record into `record`, whose memory is used again; `Ok(false)` at the end of the capture.
    pub fn read_into(&mut self, record: &mut Record) -> Result<bool, CaptureError> {
        if self.ended {
            return Ok(false);
        }
        let result = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(&mut self.source, record),
            Format::Pcapng(pcapng) => pcapng.next(&mut self.source, record),
        };
        self.ended = !matches!(result, Ok(true));
        result
    }

    /// The comments of the section that is being read, the first one's as soon as the capture is open; none in pcap.
    pub fn section_comments(&self) -> &[String] {
        match &self.format {
            Format::Pcap(_) => &[],
            Format::Pcapng(pcapng) => pcapng.comments(),
        }
    }

    /// The value of the first `key=value` line in the section's comments.
    pub fn section_value(&self, key: &str) -> Option<&str> {
        let lines = self.section_comments().iter().flat_map(|comment| comment.lines());
        lines.filter_map(|line| line.split_once('=')).find(|(k, _)| k.trim() == key).map(|(_, value)| value.trim())
    }

    /// How many bytes of the capture were taken so far.
    pub fn offset(&self) -> u64 {
        self.source.offset()
    }
}

impl Iterator for Reader {
    type Item = Result<Record, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = Record::default();
        match self.read_into(&mut record) {
            Ok(true) => Some(Ok(record)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}
