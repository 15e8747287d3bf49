//! The older format: a header of 24 bytes, then records.

use super::error::{CaptureError, Fault};
use super::source::{Order, Source};
use super::{MAX_PACKET, Record};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Written by an early patched libpcap: records with eight more bytes of header.
const MODIFIED: u32 = 0xa1b2_cd34;

/// What the header says about all the records.
pub(super) struct Pcap {
    linktype: u32,
    nanoseconds_per_fraction: u64,
    extra_header: u32,
    lengths: Lengths,
}

/// The order of the two lengths of a record changed with the format's age.
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    /// Version 2.3 was written both ways: the smaller is the captured one.
    Either,
}

/// The byte order of a capture that starts so, if it is one of this format.
pub(super) fn recognise(magic: [u8; 4]) -> Option<Order> {
    [Order::Little, Order::Big]
        .into_iter()
        .find(|order| matches!(order.u32(magic), MICROSECONDS | NANOSECONDS | MODIFIED))
}

impl Pcap {
    /// Reads the header behind the magic.
    pub(super) fn open(source: &mut Source, magic: [u8; 4]) -> Result<Pcap, CaptureError> {
        let magic = source.order.u32(magic);
        let header: [u8; 20] = source.array("the file header")?;
        let order = source.order;
        let major = order.u16([header[0], header[1]]);
        let minor = order.u16([header[2], header[3]]);
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, _) => Lengths::OriginalFirst,
            (2, 3) => Lengths::Either,
            (2, 4) => Lengths::CapturedFirst,
            _ => {
                return Err(source.fault_at(4, Fault::Version { format: "pcap", major, minor }));
            }
        };
        // The upper half of the word tells the length of the frame check sequence.
        let linktype = order.u32([header[16], header[17], header[18], header[19]]) & 0xffff;
        Ok(Pcap {
            linktype,
            nanoseconds_per_fraction: if magic == NANOSECONDS { 1 } else { 1000 },
            extra_header: if magic == MODIFIED { 8 } else { 0 },
            lengths,
        })
    }

    /// Reads the next record into `record`; `Ok(false)` at the end of the file.
    pub(super) fn next(&mut self, source: &mut Source, record: &mut Record) -> Result<bool, CaptureError> {
        let at = source.offset();
        let mut header = [0; 16];
        if !source.fill_or_end(&mut header, "a record header")? {
            return Ok(false);
        }
        source.skip(self.extra_header, "a record header")?;
        let word = |i: usize| source.order.u32([header[i], header[i + 1], header[i + 2], header[i + 3]]);
        let (seconds, fraction) = (word(0), word(4));
        let (mut captured, mut original) = (word(8), word(12));
        let swapped = match self.lengths {
            Lengths::CapturedFirst => false,
            Lengths::OriginalFirst => true,
            Lengths::Either => captured > original,
        };
        if swapped {
            std::mem::swap(&mut captured, &mut original);
        }
        if captured > MAX_PACKET {
            return Err(source.fault_at(at + 8, Fault::PacketTooLong { length: captured }));
        }
        record.ts = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * self.nanoseconds_per_fraction;
        record.linktype = self.linktype;
        record.orig_len = original;
        record.comment = None;
        record.data.resize(captured as usize, 0);
        source.fill(&mut record.data, "a packet")?;
        Ok(true)
    }
}
