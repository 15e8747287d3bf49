//! Captures made by hand, byte by byte, and captures that lie.

use std::io::Cursor;
use vpcd_io::capture::{CaptureError, Fault, MAX_PACKET, PcapngWriter, Reader, Record, SectionInfo, to_ethernet};
use vpcd_wire::Frame;

mod common;
use common::Shared;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Little,
    Big,
}

const ORDERS: [Order; 2] = [Order::Little, Order::Big];

/// Bytes in a chosen order.
struct Bytes(Order, Vec<u8>);

impl Bytes {
    fn new(order: Order) -> Self {
        Bytes(order, Vec::new())
    }
    fn u16(mut self, v: u16) -> Self {
        self.1.extend(if self.0 == Order::Little { v.to_le_bytes() } else { v.to_be_bytes() });
        self
    }
    fn u32(mut self, v: u32) -> Self {
        self.1.extend(if self.0 == Order::Little { v.to_le_bytes() } else { v.to_be_bytes() });
        self
    }
    fn u64(mut self, v: u64) -> Self {
        self.1.extend(if self.0 == Order::Little { v.to_le_bytes() } else { v.to_be_bytes() });
        self
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.1.extend(bytes);
        self
    }
    fn pad(mut self) -> Self {
        self.1.resize(self.1.len().next_multiple_of(4), 0);
        self
    }
    fn option(self, code: u16, value: &[u8]) -> Self {
        self.u16(code).u16(value.len() as u16).raw(value).pad()
    }
}

fn pcap(order: Order, magic: u32, linktype: u32, records: &[(u32, u32, &[u8], u32)]) -> Vec<u8> {
    let mut out = Bytes::new(order).u32(magic).u16(2).u16(4).u32(0).u32(0).u32(65_535).u32(linktype);
    for (seconds, fraction, data, original) in records {
        out = out.u32(*seconds).u32(*fraction).u32(data.len() as u32).u32(*original).raw(data);
    }
    out.1
}

fn block(order: Order, kind: u32, body: Bytes) -> Vec<u8> {
    assert_eq!(body.1.len() % 4, 0);
    let length = body.1.len() as u32 + 12;
    Bytes::new(order).u32(kind).u32(length).raw(&body.1).u32(length).1
}

fn section(order: Order, comments: &[&str]) -> Vec<u8> {
    let mut body = Bytes::new(order).u32(0x1a2b_3c4d).u16(1).u16(0).u64(u64::MAX);
    body = body.option(2, b"a machine");
    for comment in comments {
        body = body.option(1, comment.as_bytes());
    }
    block(order, 0x0a0d_0d0a, body.u32(0))
}

fn interface(order: Order, linktype: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Bytes::new(order).u16(linktype).u16(0).u32(snaplen);
    for (code, value) in options {
        body = body.option(*code, value);
    }
    block(order, 1, if options.is_empty() { body } else { body.u32(0) })
}

fn enhanced(order: Order, interface: u32, time: u64, data: &[u8], original: u32) -> Vec<u8> {
    let body =
        Bytes::new(order).u32(interface).u32((time >> 32) as u32).u32(time as u32).u32(data.len() as u32).u32(original);
    block(order, 6, body.raw(data).pad())
}

fn open(bytes: &[u8]) -> Result<Reader, CaptureError> {
    Reader::from_read("made by hand", Cursor::new(bytes.to_vec()))
}

fn read(bytes: &[u8]) -> Vec<Record> {
    open(bytes).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The records before the error, and the error.
fn fails(bytes: &[u8]) -> (usize, u64, Fault) {
    let error = match open(bytes) {
        Err(error) => (0, error),
        Ok(mut reader) => {
            let good = reader.by_ref().take_while(Result::is_ok).count();
            let mut again = open(bytes).unwrap();
            let error = again.by_ref().find_map(Result::err).expect("an error");
            assert!(again.next().is_none(), "nothing behind an error");
            (good, error)
        }
    };
    assert!(error.1.to_string().starts_with("made by hand: byte "), "{}", error.1);
    (error.0, error.1.offset().unwrap(), error.1.fault().unwrap().clone())
}

fn record(ts: u64, linktype: u32, data: &[u8], orig_len: u32) -> Record {
    Record { ts, linktype, data: data.to_vec(), orig_len, comment: None }
}

#[test]
fn pcap_in_both_byte_orders_and_resolutions() {
    for order in ORDERS {
        for (magic, unit) in [(0xa1b2_c3d4, 1000), (0xa1b2_3c4d, 1)] {
            let bytes =
                pcap(order, magic, 101, &[(1, 2, b"abc", 3), (u32::MAX, 999_999, b"", 0), (3, 4, b"defgh", 500)]);
            let expected = [
                record(1_000_000_000 + 2 * unit, 101, b"abc", 3),
                record(u64::from(u32::MAX) * 1_000_000_000 + 999_999 * unit, 101, b"", 0),
                record(3_000_000_000 + 4 * unit, 101, b"defgh", 500),
            ];
            assert_eq!(read(&bytes), expected, "{order:?} {magic:x}");
        }
    }
}

#[test]
fn old_pcap_versions_have_their_lengths_the_other_way_round() {
    let mut bytes = pcap(Order::Big, 0xa1b2_c3d4, 1, &[(1, 2, b"abc", 9)]);
    bytes[7] = 2;
    bytes.swap(35, 39);
    assert_eq!(read(&bytes), [record(1_000_002_000, 1, b"abc", 9)]);
    bytes[7] = 3;
    assert_eq!(read(&bytes), [record(1_000_002_000, 1, b"abc", 9)]);
    bytes.swap(35, 39);
    assert_eq!(read(&bytes), [record(1_000_002_000, 1, b"abc", 9)]);
    // The patched libpcap of the nineties: eight more bytes in each record header.
    let modified = Bytes::new(Order::Little)
        .u32(0xa1b2_cd34)
        .u16(2)
        .u16(4)
        .u32(0)
        .u32(0)
        .u32(96)
        .u32(1)
        .u32(1)
        .u32(2)
        .u32(3)
        .u32(9)
        .u64(77)
        .raw(b"abc")
        .1;
    assert_eq!(read(&modified), [record(1_000_002_000, 1, b"abc", 9)]);
}

#[test]
fn pcapng_with_several_sections_orders_interfaces_and_clocks() {
    for (first, second) in [(Order::Little, Order::Big), (Order::Big, Order::Little)] {
        let bytes = [
            section(first, &["seed=7\ntemplate=abc", "second"]),
            interface(first, 1, 0, &[]),
            interface(first, 101, 4, &[(2, b"eth0"), (9, &[9])]),
            block(first, 0xbad, Bytes::new(first).u64(1)),
            enhanced(first, 0, 1_500_000, b"abc", 3),
            enhanced(first, 1, 5, b"defg", 60),
            interface(first, 113, 0, &[(9, &[0x80 | 10]), (14, &Bytes::new(first).u64(2).1)]),
            enhanced(first, 2, 1536, b"", 0),
            section(second, &["another"]),
            interface(second, 276, 3, &[(9, &[0])]),
            enhanced(second, 0, 2, b"hijkl", 5),
            block(second, 3, Bytes::new(second).u32(9).raw(b"mno").pad()),
            block(
                second,
                2,
                Bytes::new(second)
                    .u16(0)
                    .u16(4)
                    .u64(0)
                    .u32(1)
                    .u32(1)
                    .raw(b"p")
                    .pad()
                    .option(1, b"first")
                    .option(1, b"later")
                    .u32(0),
            ),
        ]
        .concat();
        let mut last = record(0, 276, b"p", 1);
        last.comment = Some("first".into());
        let expected = [
            record(1_500_000_000, 1, b"abc", 3),
            record(5, 101, b"defg", 60),
            record(3_500_000_000, 113, b"", 0),
            record(2_000_000_000, 276, b"hijkl", 5),
            record(2_000_000_000, 276, b"mno", 9),
            last,
        ];
        assert_eq!(read(&bytes), expected);

        let mut reader = open(&bytes).unwrap();
        assert_eq!(reader.section_comments(), ["seed=7\ntemplate=abc", "second"]);
        assert_eq!(
            (reader.section_value("seed"), reader.section_value("template"), reader.section_value("abc")),
            (Some("7"), Some("abc"), None)
        );
        reader.by_ref().for_each(drop);
        assert_eq!(reader.section_comments(), ["another"]);
    }
}

#[test]
fn the_highest_word_of_a_time_comes_first_in_either_order() {
    for order in ORDERS {
        let time = 0x0000_0001_8000_0002;
        let bytes =
            [section(order, &[]), interface(order, 1, 0, &[(9, &[9])]), enhanced(order, 0, time, b"", 0)].concat();
        assert_eq!(read(&bytes)[0].ts, time);
    }
}

#[test]
fn every_truncation_is_told_with_its_place() {
    for order in ORDERS {
        let old = pcap(order, 0xa1b2_c3d4, 1, &[(1, 2, b"abc", 3), (3, 4, b"defg", 4)]);
        let parts = [
            section(order, &["x"]),
            interface(order, 1, 0, &[]),
            enhanced(order, 0, 1, b"abc", 3),
            enhanced(order, 0, 2, b"defg", 4),
        ];
        for (bytes, ends) in [
            (old, vec![24, 43, 63]),
            (
                parts.concat(),
                parts
                    .iter()
                    .scan(0, |at, p| {
                        *at += p.len();
                        Some(*at)
                    })
                    .collect(),
            ),
        ] {
            for length in 1..bytes.len() {
                if ends.contains(&length) {
                    read(&bytes[..length]);
                } else {
                    let (_, offset, fault) = fails(&bytes[..length]);
                    assert!(matches!(fault, Fault::Truncated(_)), "{length}: {fault}");
                    assert_eq!(offset, length as u64);
                }
            }
        }
    }
    assert_eq!(fails(b""), (0, 0, Fault::Empty));
}

#[test]
fn lengths_that_lie_are_refused_where_they_stand() {
    let order = Order::Little;
    let mut bytes = pcap(order, 0xa1b2_c3d4, 1, &[(1, 2, b"abc", 3), (3, 4, b"defg", 4)]);
    bytes[51..55].copy_from_slice(&(MAX_PACKET + 1).to_le_bytes());
    assert_eq!(fails(&bytes), (1, 51, Fault::PacketTooLong { length: MAX_PACKET + 1 }));

    let head = [section(order, &[]), interface(order, 1, 0, &[])].concat();
    let at = head.len();
    let packet = enhanced(order, 0, 1, b"abcde", 5);
    let broken = |place: usize, value: u32| {
        let mut packet = packet.clone();
        packet[place..place + 4].copy_from_slice(&value.to_le_bytes());
        fails(&[head.clone(), packet].concat())
    };
    let length = packet.len() as u32;
    for bad in [0, 4, 11, length + 1] {
        assert_eq!(broken(4, bad), (0, at as u64 + 4, Fault::BlockLength { length: bad, least: 12 }));
    }
    assert_eq!(broken(4, 12), (0, at as u64 + 8, Fault::Overrun { what: "a packet block", length: 4, room: 0 }));
    assert!(matches!(broken(4, length + 4).2, Fault::Truncated(_)));
    assert!(matches!(broken(4, 0xffff_fffc).2, Fault::Truncated(_) | Fault::Overrun { .. }));
    assert_eq!(broken(4, length - 4).2, Fault::Overrun { what: "a packet", length: 5, room: 4 });
    assert_eq!(broken(8, 1), (0, at as u64 + 8, Fault::Interface { interface: 1, described: 1 }));
    assert_eq!(broken(20, 9), (0, at as u64, Fault::Overrun { what: "a packet", length: 9, room: 8 }));
    assert_eq!(broken(20, u32::MAX), (0, at as u64, Fault::PacketTooLong { length: u32::MAX }));
    assert_eq!(
        broken(packet.len() - 4, 44),
        (0, (at + packet.len()) as u64 - 4, Fault::BlockTrailer { start: length, end: 44 })
    );
    // An option beyond its block.
    let option = block(order, 1, Bytes::new(order).u16(1).u16(0).u32(0).u16(9).u16(200));
    assert_eq!(fails(&[head.clone(), option].concat()).2, Fault::Overrun { what: "an option", length: 200, room: 0 });
    // An unknown block that would reach beyond the file.
    let unknown = Bytes::new(order).u32(0xbad).u32(1 << 30).1;
    assert!(matches!(fails(&[head, unknown].concat()).2, Fault::Truncated("a block")));
}

#[test]
fn what_is_no_capture_is_told_so() {
    assert_eq!(fails(b"hello"), (0, 0, Fault::Magic(0x6865_6c6c)));
    assert_eq!(fails(&[0x1f, 0x8b, 8, 0, 0]), (0, 0, Fault::Compressed("gzip")));
    let mut bytes = pcap(Order::Big, 0xa1b2_c3d4, 1, &[]);
    bytes[5] = 3;
    assert_eq!(fails(&bytes), (0, 4, Fault::Version { format: "pcap", major: 3, minor: 4 }));
    let mut bytes = section(Order::Big, &[]);
    bytes[13] = 2;
    assert_eq!(fails(&bytes), (0, 12, Fault::Version { format: "pcapng", major: 2, minor: 0 }));
    bytes[8] = 0;
    assert_eq!(fails(&bytes), (0, 8, Fault::ByteOrder(0x002b_3c4d)));
    let error = Reader::open("no/such/file.pcap").err().unwrap().to_string();
    assert!(error.starts_with("no/such/file.pcap: cannot open the capture: "), "{error}");
}

#[test]
fn comments_without_end_are_refused() {
    let order = Order::Little;
    let many = vec![""; 40_000];
    assert!(matches!(fails(&section(order, &many)).2, Fault::TooManyComments(_)));
}

fn written(packets: &[(u64, &[u8], u32, Option<&str>)]) -> Vec<u8> {
    let info = SectionInfo::new(vec!["seed=42".into(), "template=sha256:00\nport=web".into()]);
    let out = Shared::default();
    let mut writer = PcapngWriter::from_write("made by hand", out.clone(), &info).unwrap();
    for (ts, bytes, orig_len, comment) in packets {
        writer.write(*ts, bytes, *orig_len, *comment).unwrap();
    }
    writer.flush().unwrap();
    let bytes = out.bytes();
    assert_eq!(writer.offset(), bytes.len() as u64);
    bytes
}

#[test]
fn what_is_written_is_read_again_and_is_the_same_twice() {
    let long = vec![7; MAX_PACKET as usize];
    let packets: [(u64, &[u8], u32, Option<&str>); 5] = [
        (1_700_000_000_123_456_789, b"a", 1, None),
        (u64::MAX, b"ab", 0, Some("by nat, then igw")),
        (0, b"abc", 60, Some("")),
        (3, b"", 0, Some("ä")),
        (4, &long, 0, None),
    ];
    let bytes = written(&packets);
    assert_eq!(bytes, written(&packets));
    let mut reader = open(&bytes).unwrap();
    assert_eq!(
        (reader.section_value("seed"), reader.section_value("template"), reader.section_value("port")),
        (Some("42"), Some("sha256:00"), Some("web"))
    );
    let records: Vec<_> = reader.by_ref().collect::<Result<_, _>>().unwrap();
    for (record, (ts, bytes, orig_len, comment)) in records.iter().zip(packets) {
        assert_eq!((record.ts, record.data.as_slice(), record.linktype), (ts, bytes, 1));
        assert_eq!(record.orig_len, orig_len.max(bytes.len() as u32));
        assert_eq!(record.comment.as_deref(), comment.filter(|c| !c.is_empty()));
    }
    assert_eq!(records.len(), packets.len());
}

#[test]
fn the_writer_refuses_what_the_format_cannot_hold() {
    let info = SectionInfo::new(vec![]);
    let mut writer = PcapngWriter::from_write("made by hand", std::io::sink(), &info).unwrap();
    let long = "x".repeat(65_536);
    assert_eq!(
        writer.write(0, b"", 0, Some(&long)).unwrap_err().fault(),
        Some(&Fault::CommentTooLong { length: 65_536, most: 65_535 })
    );
    let long = vec![0; MAX_PACKET as usize + 1];
    assert_eq!(
        writer.write(0, &long, 0, None).unwrap_err().fault(),
        Some(&Fault::PacketTooLong { length: MAX_PACKET + 1 })
    );
    writer.write(0, b"good", 0, None).unwrap();
}

/// A second opinion on what we write, where Wireshark's command line is installed.
#[test]
fn tshark_agrees_with_the_writer() {
    let file = std::env::temp_dir().join(format!("vpcd-io-{}.pcapng", std::process::id()));
    let udp = [
        &[2; 12][..],
        &[8, 0],
        &[0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 9, 0, 9, 0, 8, 0, 0],
    ]
    .concat();
    std::fs::write(
        &file,
        written(&[
            (1_700_000_000_123_456_789, &udp, 0, Some("web -> igw")),
            (1_700_000_001_000_000_001, &udp[..20], 42, None),
        ]),
    )
    .unwrap();
    let fields = ["frame.time_epoch", "frame.len", "frame.cap_len", "frame.comment", "udp.dstport"];
    let mut command = std::process::Command::new("tshark");
    command.arg("-r").arg(&file).args(["-T", "fields", "-E", "separator=|"]);
    fields.iter().for_each(|field| {
        command.args(["-e", field]);
    });
    let output = command.output();
    std::fs::remove_file(&file).unwrap();
    let Ok(output) = output else {
        println!("left out: tshark is not installed");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        ["1700000000.123456789|42|42|web -> igw|9", "1700000001.000000001|42|20||"]
    );
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    /// Reads to the end and turns everything into frames: nothing may panic, and nothing may be larger than it can be.
    fn exhaust(bytes: &[u8]) {
        let Ok(mut reader) = open(bytes) else { return };
        let (mut record, mut frame) = (Record::default(), Frame::default());
        let mut total = 0;
        while let Ok(true) = reader.read_into(&mut record) {
            total += record.data.len();
            let _ = to_ethernet(&record, &mut frame);
        }
        assert!(total <= bytes.len() && reader.offset() <= bytes.len() as u64);
    }

    fn valid(order: Order) -> Vec<u8> {
        [
            section(order, &["seed=1"]),
            interface(order, 1, 0, &[(9, &[6]), (14, &[0; 8])]),
            enhanced(order, 0, 1, b"abcdef", 6),
            interface(order, 276, 9, &[]),
            block(order, 3, Bytes::new(order).u32(3).raw(b"mno").pad()),
            enhanced(order, 1, 1, &[0; 30], 60),
            section(order, &[]),
        ]
        .concat()
    }

    proptest! {
        #[test]
        fn bytes_behind_any_magic(magic in 0usize..6, bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let magic: &[u8] = [&[0xa1, 0xb2, 0xc3, 0xd4, 0, 2, 0, 4][..], &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0], &[0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 3, 0],
                &[10, 13, 13, 10], &[], &[10, 13, 13, 10, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 1, 0, 0, 0]][magic];
            exhaust(&[magic, &bytes].concat());
        }

        #[test]
        fn valid_captures_with_bytes_changed(big in any::<bool>(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in any::<prop::sample::Index>()) {
            let order = if big { Order::Big } else { Order::Little };
            for mut bytes in [valid(order), pcap(order, 0xa1b2_c3d4, 0, &[(1, 2, b"abc", 3), (3, 4, &[0; 40], 90)])] {
                for (place, value) in &changes {
                    let place = place.index(bytes.len());
                    bytes[place] = *value;
                }
                let length = cut.index(bytes.len());
                exhaust(&bytes);
                exhaust(&bytes[..length]);
            }
        }

        #[test]
        fn whatever_is_written_comes_back(packets in proptest::collection::vec((any::<u64>(), proptest::collection::vec(any::<u8>(), 0..100), any::<u32>(), proptest::option::of("[a-z ]{1,9}")), 0..20)) {
            let packets: Vec<(u64, &[u8], u32, Option<&str>)> = packets.iter().map(|(t, b, o, c)| (*t, b.as_slice(), *o, c.as_deref())).collect();
            let records = read(&written(&packets));
            prop_assert_eq!(records.len(), packets.len());
            for (record, (ts, bytes, orig_len, comment)) in records.iter().zip(&packets) {
                prop_assert_eq!((record.ts, record.data.as_slice(), record.orig_len, record.comment.as_deref()), (*ts, *bytes, (*orig_len).max(bytes.len() as u32), *comment));
            }
        }
    }
}
