//! From the link types of the world to Ethernet, the one that the dataplane speaks.

use super::{LINK_ETHERNET, Record};
use vpcd_wire::Frame;

const BSD_NULL: u32 = 0;
const BSD_LOOPBACK: u32 = 108;
const LINUX_COOKED: u32 = 113;
const LINUX_COOKED_2: u32 = 276;
const RAW_IPV4: u32 = 228;
const RAW_IPV6: u32 = 229;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// No protocol that anybody forwards.
const ETHERTYPE_NONE: u16 = 0;

/// Addresses of the made-up Ethernet header: locally administered, the same in every run.
const MADE_UP_DESTINATION: [u8; 6] = [0x02, 0, 0, 0, 0, 0x02];
const MADE_UP_SOURCE: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// A record of a link type that cannot become an Ethernet frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("link type {0} ({name}) cannot be turned into Ethernet", name = link_type_name(*.0).unwrap_or("unknown"))]
pub struct UnsupportedLink(pub u32);

/// Puts a record into `frame` as an Ethernet frame: bytes, time, and [`Frame::CUT`] if the capture kept less than the whole. Whatever the frame held before is gone.
///
/// A record of another link type gets an Ethernet header with made-up addresses (the sender's is kept where the link type tells it) and the ethertype
/// that its link header or, in raw IP, its version nibble names; a nibble that is neither 4 nor 6 goes as IPv4, where parsing will name the contradiction. A record too
/// short for its own link header becomes an empty frame: it counts as truncated, like any runt.
pub fn to_ethernet(record: &Record, frame: &mut Frame) -> Result<(), UnsupportedLink> {
    let data = record.data.as_slice();
    let (source, ethertype, payload) = match record.linktype {
        LINK_ETHERNET => {
            put(frame, record, &[], data);
            return Ok(());
        }
        12 | 14 | 101 => match data.first().map(|b| b >> 4) {
            Some(6) => (None, ETHERTYPE_IPV6, Some(data)),
            Some(_) => (None, ETHERTYPE_IPV4, Some(data)),
            None => (None, ETHERTYPE_NONE, None),
        },
        RAW_IPV4 => (None, ETHERTYPE_IPV4, Some(data)),
        RAW_IPV6 => (None, ETHERTYPE_IPV6, Some(data)),
        LINUX_COOKED => match data.split_first_chunk::<16>() {
            Some((h, rest)) => {
                let hardware = u16::from_be_bytes([h[2], h[3]]);
                let length = u16::from_be_bytes([h[4], h[5]]);
                (sender(length, &h[6..14]), cooked_protocol(hardware, [h[14], h[15]]), Some(rest))
            }
            None => (None, ETHERTYPE_NONE, None),
        },
        LINUX_COOKED_2 => match data.split_first_chunk::<20>() {
            Some((h, rest)) => {
                let hardware = u16::from_be_bytes([h[8], h[9]]);
                (sender(u16::from(h[11]), &h[12..20]), cooked_protocol(hardware, [h[0], h[1]]), Some(rest))
            }
            None => (None, ETHERTYPE_NONE, None),
        },
        BSD_NULL | BSD_LOOPBACK => match data.split_first_chunk::<4>() {
            Some((family, rest)) => (None, family_protocol(*family), Some(rest)),
            None => (None, ETHERTYPE_NONE, None),
        },
        other => return Err(UnsupportedLink(other)),
    };
    let Some(payload) = payload else {
        put(frame, record, &[], &[]);
        return Ok(());
    };
    let mut header = [0; 14];
    header[..6].copy_from_slice(&MADE_UP_DESTINATION);
    header[6..12].copy_from_slice(&source.unwrap_or(MADE_UP_SOURCE));
    header[12..].copy_from_slice(&ethertype.to_be_bytes());
    put(frame, record, &header, payload);
    Ok(())
}

/// The name of a link type that captures are known to have.
pub fn link_type_name(linktype: u32) -> Option<&'static str> {
    Some(match linktype {
        BSD_NULL => "BSD loopback",
        LINK_ETHERNET => "Ethernet",
        6 => "Token Ring",
        8 => "SLIP",
        9 => "PPP",
        10 => "FDDI",
        12 | 14 | 101 => "raw IP",
        50 => "PPP in HDLC framing",
        51 => "PPPoE",
        100 => "LLC-encapsulated ATM",
        104 => "Cisco HDLC",
        105 => "802.11",
        107 => "frame relay",
        BSD_LOOPBACK => "OpenBSD loopback",
        LINUX_COOKED => "Linux cooked v1",
        117 => "OpenBSD pflog",
        119 => "802.11 with Prism header",
        122 => "IP over Fibre Channel",
        127 => "802.11 with radiotap header",
        147..=162 => "private use",
        187 => "Bluetooth HCI",
        189 | 220 => "Linux USB",
        195 | 215 | 230 => "802.15.4",
        201 => "Bluetooth HCI with direction",
        RAW_IPV4 => "raw IPv4",
        RAW_IPV6 => "raw IPv6",
        249 => "USBPcap",
        253 => "netlink",
        LINUX_COOKED_2 => "Linux cooked v2",
        _ => return None,
    })
}

fn put(frame: &mut Frame, record: &Record, header: &[u8], payload: &[u8]) {
    frame.copy_from(payload);
    // Out of the headroom: nothing moves.
    frame.prepend(header.len()).copy_from_slice(header);
    frame.ts = record.ts;
    if record.is_cut() {
        frame.flags |= Frame::CUT;
    }
}

/// The sender's address, if it is as long as Ethernet's.
fn sender(length: u16, field: &[u8]) -> Option<[u8; 6]> {
    if length == 6 { field.first_chunk().copied() } else { None }
}

/// In a cooked header the protocol is an ethertype, except on kinds of hardware that use the field for something else.
fn cooked_protocol(hardware: u16, protocol: [u8; 2]) -> u16 {
    const NETLINK: u16 = 824;
    const FRAME_RELAY: u16 = 770;
    match hardware {
        NETLINK | FRAME_RELAY | 801..=804 => ETHERTYPE_NONE,
        _ => u16::from_be_bytes(protocol),
    }
}

/// The address family of a BSD loopback header: a small number in the byte order of the machine that captured, and not the same number for IPv6 everywhere.
fn family_protocol(family: [u8; 4]) -> u16 {
    match u32::from_be_bytes(family).min(u32::from_le_bytes(family)) {
        2 => ETHERTYPE_IPV4,
        10 | 24 | 28 | 30 => ETHERTYPE_IPV6,
        _ => ETHERTYPE_NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: [u8; 4] = [0x45, 0, 0, 4];
    const V6: [u8; 4] = [0x60, 0, 0, 0];

    fn record(linktype: u32, parts: &[&[u8]]) -> Record {
        let data = parts.concat();
        Record { ts: 5, linktype, orig_len: data.len() as u32, data, comment: None }
    }

    fn convert(record: &Record) -> Frame {
        let mut frame = Frame::from_bytes(b"something that was there before");
        to_ethernet(record, &mut frame).unwrap();
        assert_eq!(frame.ts, 5);
        frame
    }

    fn ethertype(frame: &Frame) -> u16 {
        u16::from_be_bytes([frame.bytes()[12], frame.bytes()[13]])
    }

    #[test]
    fn ethernet_goes_through_as_it_is() {
        let frame = convert(&record(1, &[b"anything at all"]));
        assert_eq!(frame.bytes(), b"anything at all");
        assert_eq!(frame.flags & Frame::CUT, 0);
    }

    #[test]
    fn a_record_cut_short_is_marked() {
        let mut cut = record(1, &[b"anything at all"]);
        cut.orig_len += 1;
        assert_ne!(convert(&cut).flags & Frame::CUT, 0);
    }

    #[test]
    fn raw_ip_gets_the_ethertype_of_its_version() {
        for linktype in [12, 14, 101] {
            let frame = convert(&record(linktype, &[&V4]));
            assert_eq!((ethertype(&frame), &frame.bytes()[14..]), (0x0800, V4.as_slice()));
            assert_eq!(ethertype(&convert(&record(linktype, &[&V6]))), 0x86dd);
            assert_eq!(ethertype(&convert(&record(linktype, &[&[0xf0, 1]]))), 0x0800);
            assert_eq!(convert(&record(linktype, &[])).len(), 0);
        }
        assert_eq!(ethertype(&convert(&record(228, &[&V4]))), 0x0800);
        assert_eq!(ethertype(&convert(&record(229, &[&V6]))), 0x86dd);
    }

    #[test]
    fn cooked_headers_give_sender_and_protocol() {
        let v1 = [0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 0];
        let frame = convert(&record(113, &[&v1, &V4]));
        assert_eq!(
            (&frame.bytes()[6..12], ethertype(&frame), &frame.bytes()[14..]),
            ([1, 2, 3, 4, 5, 6].as_slice(), 0x0800, V4.as_slice())
        );
        assert_eq!(convert(&record(113, &[&v1[..15]])).len(), 0);
        let v2 = [0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 1, 2, 3, 4, 5, 6, 0, 0];
        let frame = convert(&record(276, &[&v2, &V6]));
        assert_eq!(
            (&frame.bytes()[6..12], ethertype(&frame), &frame.bytes()[14..]),
            ([1, 2, 3, 4, 5, 6].as_slice(), 0x86dd, V6.as_slice())
        );
        let mut loopback = v2;
        loopback[11] = 0;
        assert_eq!(convert(&record(276, &[&loopback, &V6])).bytes()[6..12], MADE_UP_SOURCE);
        let mut netlink = v1;
        netlink[2..4].copy_from_slice(&824u16.to_be_bytes());
        assert_eq!(ethertype(&convert(&record(113, &[&netlink, &V4]))), 0);
    }

    #[test]
    fn bsd_families_in_either_byte_order() {
        for (family, expected) in [
            ([2, 0, 0, 0], 0x0800),
            ([0, 0, 0, 2], 0x0800),
            ([30, 0, 0, 0], 0x86dd),
            ([0, 0, 0, 24], 0x86dd),
            ([28, 0, 0, 0], 0x86dd),
            ([7, 0, 0, 0], 0),
        ] {
            assert_eq!(ethertype(&convert(&record(0, &[&family, &V4]))), expected, "{family:?}");
            assert_eq!(ethertype(&convert(&record(108, &[&family, &V4]))), expected, "{family:?}");
        }
        assert_eq!(convert(&record(0, &[&[2, 0, 0]])).len(), 0);
    }

    #[test]
    fn other_link_types_are_named() {
        let mut frame = Frame::from_bytes(&[]);
        let error = to_ethernet(&record(105, &[&V4]), &mut frame).unwrap_err();
        assert_eq!(error, UnsupportedLink(105));
        assert_eq!(error.to_string(), "link type 105 (802.11) cannot be turned into Ethernet");
        // Longer than a frame on any wire: for the parser to refuse.
        to_ethernet(&record(1, &[&[0; 70_000]]), &mut frame).unwrap();
        assert_eq!(frame.len(), 70_000);
    }
}
