//! The newer format: a chain of blocks, each with its length at both ends.

use super::error::{CaptureError, Fault};
use super::source::{Order, Source};
use super::{MAX_PACKET, Record};

/// The type of a section header reads the same in both byte orders.
pub(super) const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

const OPTION_END: u16 = 0;
const OPTION_COMMENT: u16 = 1;
const OPTION_TSRESOL: u16 = 9;
const OPTION_TSOFFSET: u16 = 14;

/// More than any writer describes, few enough to keep.
const MAX_INTERFACES: usize = 65_536;
/// More than any section needs to say about itself.
const MAX_COMMENTS: usize = 1 << 20;

/// What the blocks so far have said.
#[derive(Default)]
pub(super) struct Pcapng {
    interfaces: Vec<Interface>,
    comments: Vec<String>,
    /// Simple packets have no time of their own: they are as late as the packet before them.
    latest: u64,
}

struct Interface {
    linktype: u32,
    snaplen: u32,
    resolution: Resolution,
    offset_seconds: i64,
}

/// One unit of an interface's clock, as a negative power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resolution {
    Decimal(u32),
    Binary(u32),
}

/// The part of a block that was not read yet.
struct Block {
    at: u64,
    length: u32,
    left: u32,
}

impl Pcapng {
    /// Reads the section header that the file starts with, behind its type.
    pub(super) fn open(source: &mut Source) -> Result<Pcapng, CaptureError> {
        let mut this = Pcapng::default();
        this.section(source, 0)?;
        Ok(this)
    }

    /// The comments of the section that is being read.
    pub(super) fn comments(&self) -> &[String] {
        &self.comments
    }

    /// Reads blocks up to and including the next packet; `Ok(false)` at the end of the file.
    pub(super) fn next(&mut self, source: &mut Source, record: &mut Record) -> Result<bool, CaptureError> {
        loop {
            let at = source.offset();
            let mut kind = [0; 4];
            if !source.fill_or_end(&mut kind, "a block header")? {
                return Ok(false);
            }
            let kind = source.order.u32(kind);
            if kind == SECTION {
                self.section(source, at)?;
                continue;
            }
            let length = source.u32("a block header")?;
            let mut block = Block::new(source, at, length, 12)?;
            let packet = match kind {
                INTERFACE => {
                    self.interface(source, &mut block)?;
                    false
                }
                ENHANCED_PACKET => {
                    self.enhanced(source, &mut block, record, true)?;
                    true
                }
                OLD_PACKET => {
                    self.enhanced(source, &mut block, record, false)?;
                    true
                }
                SIMPLE_PACKET => {
                    self.simple(source, &mut block, record)?;
                    true
                }
                _ => false,
            };
            block.finish(source)?;
            if packet {
                return Ok(true);
            }
        }
    }

    /// A section header starts everything anew: byte order, interfaces, comments.
    fn section(&mut self, source: &mut Source, at: u64) -> Result<(), CaptureError> {
        let length: [u8; 4] = source.array("a section header")?;
        let magic: [u8; 4] = source.array("a section header")?;
        source.order = [Order::Little, Order::Big]
            .into_iter()
            .find(|order| order.u32(magic) == BYTE_ORDER_MAGIC)
            .ok_or_else(|| source.fault_at(at + 8, Fault::ByteOrder(u32::from_be_bytes(magic))))?;
        let mut block = Block::new(source, at, source.order.u32(length), 28)?;
        block.left -= 4;
        let major = source.order.u16(block.array(source, "a section header")?);
        let minor = source.order.u16(block.array(source, "a section header")?);
        // 1.2 was written by some programs and differs in nothing.
        if major != 1 || !matches!(minor, 0 | 2) {
            return Err(source.fault_at(at + 12, Fault::Version { format: "pcapng", major, minor }));
        }
        // The length of the section: what it is good for, jumping over sections, we never do.
        block.array::<8>(source, "a section header")?;
        self.interfaces.clear();
        self.comments.clear();
        let mut room = MAX_COMMENTS;
        while let Some((code, value)) = block.option(source)? {
            if code == OPTION_COMMENT {
                // A comment of no bytes takes memory too.
                room = room
                    .checked_sub(value.len() + 32)
                    .ok_or_else(|| source.fault_at(at, Fault::TooManyComments(MAX_COMMENTS)))?;
                self.comments.push(String::from_utf8_lossy(&value).into_owned());
            }
        }
        block.finish(source)
    }

    fn interface(&mut self, source: &mut Source, block: &mut Block) -> Result<(), CaptureError> {
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(source.fault_at(block.at, Fault::TooManyInterfaces(MAX_INTERFACES)));
        }
        let linktype = source.order.u16(block.array(source, "an interface description")?);
        block.array::<2>(source, "an interface description")?;
        let snaplen = source.order.u32(block.array(source, "an interface description")?);
        let mut interface =
            Interface { linktype: u32::from(linktype), snaplen, resolution: Resolution::Decimal(6), offset_seconds: 0 };
        while let Some((code, value)) = block.option(source)? {
            match (code, value.as_slice()) {
                (OPTION_TSRESOL, &[n]) if n & 0x80 != 0 => {
                    interface.resolution = Resolution::Binary(u32::from(n & 0x7f))
                }
                (OPTION_TSRESOL, &[n]) => interface.resolution = Resolution::Decimal(u32::from(n)),
                (OPTION_TSOFFSET, bytes) => {
                    if let Ok(bytes) = <[u8; 8]>::try_from(bytes) {
                        interface.offset_seconds = source.order.u64(bytes) as i64;
                    }
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// A packet with interface and time: the enhanced block, and the one that it replaced, which had 16 bits of interface and 16 of drops.
    fn enhanced(
        &mut self,
        source: &mut Source,
        block: &mut Block,
        record: &mut Record,
        enhanced: bool,
    ) -> Result<(), CaptureError> {
        const WHAT: &str = "a packet block";
        let at = source.offset();
        let first: [u8; 4] = block.array(source, WHAT)?;
        let interface =
            if enhanced { source.order.u32(first) } else { u32::from(source.order.u16([first[0], first[1]])) };
        let high = source.order.u32(block.array(source, WHAT)?);
        let low = source.order.u32(block.array(source, WHAT)?);
        let captured = source.order.u32(block.array(source, WHAT)?);
        record.orig_len = source.order.u32(block.array(source, WHAT)?);
        let interface = self.described(source, at, interface)?;
        record.linktype = interface.linktype;
        record.ts = interface.nanoseconds(u64::from(high) << 32 | u64::from(low));
        self.latest = record.ts;
        block.packet(source, captured, record)?;
        record.comment = None;
        while let Some((code, value)) = block.option(source)? {
            if code == OPTION_COMMENT && record.comment.is_none() {
                record.comment = Some(String::from_utf8_lossy(&value).into_owned());
            }
        }
        Ok(())
    }

    /// A packet of the first interface and nothing more; its captured length is what the interface keeps of the original.
    fn simple(&mut self, source: &mut Source, block: &mut Block, record: &mut Record) -> Result<(), CaptureError> {
        let at = source.offset();
        record.orig_len = source.order.u32(block.array(source, "a packet block")?);
        let interface = self.described(source, at, 0)?;
        record.linktype = interface.linktype;
        record.ts = self.latest;
        record.comment = None;
        let captured = if interface.snaplen == 0 { record.orig_len } else { record.orig_len.min(interface.snaplen) };
        block.packet(source, captured, record)
    }

    fn described(&self, source: &Source, at: u64, interface: u32) -> Result<&Interface, CaptureError> {
        let described = self.interfaces.len();
        self.interfaces
            .get(interface as usize)
            .ok_or_else(|| source.fault_at(at, Fault::Interface { interface, described }))
    }
}

impl Interface {
    /// A reading of this interface's clock in nanoseconds since 1970; readings beyond what fits stay at the edge.
    fn nanoseconds(&self, reading: u64) -> u64 {
        let reading = u128::from(reading);
        let nanoseconds = match self.resolution {
            Resolution::Decimal(n @ 0..=9) => reading * 10u128.pow(9 - n),
            // Finer than 10^-28 s, 64 bits hold less than a nanosecond.
            Resolution::Decimal(n) => 10u128.checked_pow(n - 9).map_or(0, |unit| reading / unit),
            Resolution::Binary(n) => (reading * 1_000_000_000) >> n,
        };
        // Both terms are below 2^94: the sum cannot overflow.
        let shifted = nanoseconds as i128 + i128::from(self.offset_seconds) * 1_000_000_000;
        shifted.clamp(0, i128::from(u64::MAX)) as u64
    }
}

impl Block {
    /// A block of `length` bytes whose first eight are read; `least` is what its kind needs.
    fn new(source: &Source, at: u64, length: u32, least: u32) -> Result<Block, CaptureError> {
        if length < least || !length.is_multiple_of(4) {
            return Err(source.fault_at(at + 4, Fault::BlockLength { length, least }));
        }
        Ok(Block { at, length, left: length - 12 })
    }

    fn array<const N: usize>(&mut self, source: &mut Source, what: &'static str) -> Result<[u8; N], CaptureError> {
        self.take(source, what, N as u32)?;
        source.array(what)
    }

    /// Accounts for `length` bytes that the block must have.
    fn take(&mut self, source: &Source, what: &'static str, length: u32) -> Result<(), CaptureError> {
        if length > self.left {
            return Err(source.fault_at(source.offset(), Fault::Overrun { what, length, room: self.left }));
        }
        self.left -= length;
        Ok(())
    }

    /// Reads the bytes of a packet and the padding behind them.
    fn packet(&mut self, source: &mut Source, captured: u32, record: &mut Record) -> Result<(), CaptureError> {
        if captured > MAX_PACKET {
            return Err(source.fault_at(self.at, Fault::PacketTooLong { length: captured }));
        }
        // Blocks are multiples of four, so if the packet fits, its padding does.
        let padded = captured.next_multiple_of(4);
        if padded > self.left {
            return Err(
                source.fault_at(self.at, Fault::Overrun { what: "a packet", length: captured, room: self.left })
            );
        }
        self.left -= padded;
        record.data.resize(captured as usize, 0);
        source.fill(&mut record.data, "a packet")?;
        source.skip(padded - captured, "a packet")
    }

    /// Reads the next option; `None` when there are no more.
    fn option(&mut self, source: &mut Source) -> Result<Option<(u16, Vec<u8>)>, CaptureError> {
        const WHAT: &str = "an option";
        if self.left == 0 {
            return Ok(None);
        }
        let code = source.order.u16(self.array(source, WHAT)?);
        let length = source.order.u16(self.array(source, WHAT)?);
        if code == OPTION_END {
            return Ok(None);
        }
        let length = u32::from(length);
        let padded = length.next_multiple_of(4);
        self.take(source, WHAT, padded)?;
        // Only what somebody will look at is worth memory.
        if !matches!(code, OPTION_COMMENT | OPTION_TSRESOL | OPTION_TSOFFSET) {
            source.skip(padded, WHAT)?;
            return Ok(Some((code, Vec::new())));
        }
        let mut value = vec![0; length as usize];
        source.fill(&mut value, WHAT)?;
        source.skip(padded - length, WHAT)?;
        Ok(Some((code, value)))
    }

    /// Reads past what is left and compares the length at the end with that at the start.
    fn finish(&mut self, source: &mut Source) -> Result<(), CaptureError> {
        source.skip(self.left, "a block")?;
        self.left = 0;
        let at = source.offset();
        let end = source.u32("a block")?;
        if end != self.length {
            return Err(source.fault_at(at, Fault::BlockTrailer { start: self.length, end }));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_every_resolution_come_out_as_nanoseconds() {
        let at = |resolution, offset_seconds, reading| {
            Interface { linktype: 1, snaplen: 0, resolution, offset_seconds }.nanoseconds(reading)
        };
        assert_eq!(at(Resolution::Decimal(0), 0, 3), 3_000_000_000);
        assert_eq!(at(Resolution::Decimal(6), 0, 1_500_001), 1_500_001_000);
        assert_eq!(at(Resolution::Decimal(9), 0, 7), 7);
        assert_eq!(at(Resolution::Decimal(12), 0, 7_999), 7);
        assert_eq!(at(Resolution::Decimal(127), 0, u64::MAX), 0);
        assert_eq!(at(Resolution::Decimal(0), 0, u64::MAX), u64::MAX);
        assert_eq!(at(Resolution::Binary(0), 0, 2), 2_000_000_000);
        assert_eq!(at(Resolution::Binary(10), 0, 1_536), 1_500_000_000);
        assert_eq!(at(Resolution::Binary(127), 0, u64::MAX), 0);
        assert_eq!(at(Resolution::Decimal(9), 2, 7), 2_000_000_007);
        assert_eq!(at(Resolution::Decimal(9), i64::MIN, 7), 0);
        assert_eq!(at(Resolution::Decimal(0), i64::MAX, u64::MAX), u64::MAX);
    }
}
