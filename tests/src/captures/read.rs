//! From a capture file to Ethernet frames in order of time. The file formats are read with the product's reader (a wrong
//! reading shows at once as nonsense in every frame); what the link types mean is read here, from their registry.

use std::path::Path;
use vpcd_io::capture::{CaptureError, Fault, Reader, Record};

/// Addresses of an Ethernet header that stands in for another link header. Nothing depends on them.
const NOBODY: [u8; 12] = [0; 12];

/// One frame of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Nanoseconds.
    pub ts: u64,
    /// With an Ethernet header.
    pub bytes: Vec<u8>,
    /// The capture kept less than there was.
    pub cut: bool,
}

/// Why a capture has no frames to offer.
#[derive(Debug)]
pub enum Unusable {
    /// No capture, or a broken one: the product must refuse it too.
    Unreadable(String),
    /// Neither Ethernet nor something that holds IP: likewise.
    Link(u32),
}

/// All frames of a capture, earliest first, those of one time in the order of the file. Of a file that ends within a record, what came before.
pub fn frames(path: &Path) -> Result<Vec<Frame>, Unusable> {
    let unreadable = |e: CaptureError| Unusable::Unreadable(e.to_string());
    let mut frames = Vec::new();
    for record in Reader::open(path).map_err(unreadable)? {
        match record {
            Ok(record) => {
                let cut = (record.data.len() as u64) < u64::from(record.orig_len);
                frames.push(Frame { ts: record.ts, bytes: ethernet(&record)?, cut });
            }
            Err(e) if matches!(e.fault(), Some(Fault::Truncated(_))) => break,
            Err(e) => return Err(unreadable(e)),
        }
    }
    frames.sort_by_key(|f| f.ts);
    Ok(frames)
}

/// A record with an Ethernet header; one too short for its own link header is an empty frame.
fn ethernet(record: &Record) -> Result<Vec<u8>, Unusable> {
    let data = &record.data;
    let be = |at: usize| u16::from_be_bytes([data[at], data[at + 1]]);
    let (header, ethertype) = match record.linktype {
        1 => return Ok(data.clone()),
        // BSD loopback: an address family in the byte order of whoever captured; IPv6 has a number per system.
        0 | 108 if data.len() >= 4 => match data[..4] {
            [2, 0, 0, 0] | [0, 0, 0, 2] => (4, 0x0800),
            [10 | 24 | 28 | 30, 0, 0, 0] | [0, 0, 0, 10 | 24 | 28 | 30] => (4, 0x86dd),
            _ => (4, 0),
        },
        // Raw IP: the version is all there is.
        12 | 14 | 101 if !data.is_empty() => (0, if data[0] >> 4 == 6 { 0x86dd } else { 0x0800 }),
        228 => (0, 0x0800),
        229 => (0, 0x86dd),
        // Linux cooked: the protocol is an Ethernet type, but not for netlink, frame relay and 802.11.
        113 if data.len() >= 16 => (16, if cooked_ip(be(2)) { be(14) } else { 0 }),
        276 if data.len() >= 20 => (20, if cooked_ip(be(8)) { be(0) } else { 0 }),
        0 | 12 | 14 | 101 | 108 | 113 | 276 => return Ok(Vec::new()),
        other => return Err(Unusable::Link(other)),
    };
    Ok([&NOBODY[..], &u16::to_be_bytes(ethertype), &data[header..]].concat())
}

fn cooked_ip(hardware: u16) -> bool {
    !matches!(hardware, 770 | 801..=804 | 824)
}

/// Ethernet type and start of what it names, behind at most two 802.1Q tags; and whether there was a tag.
pub(super) fn network_layer(bytes: &[u8]) -> Option<(u16, usize, bool)> {
    let mut at = 12;
    loop {
        let ethertype = u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
        if !matches!(ethertype, 0x8100 | 0x88a8) || at == 20 {
            return Some((ethertype, at + 2, at > 12));
        }
        at += 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_headers_become_ethernet() {
        let convert = |linktype, data: &[u8]| {
            let record = Record { ts: 0, linktype, data: data.to_vec(), orig_len: data.len() as u32, comment: None };
            ethernet(&record).map(|f| f.get(12..).map_or(f.clone(), <[u8]>::to_vec))
        };
        assert_eq!(convert(12, &[0x45, 7]).unwrap(), [8, 0, 0x45, 7]);
        assert_eq!(convert(101, &[0x60, 7]).unwrap(), [0x86, 0xdd, 0x60, 7]);
        assert_eq!(convert(0, &[30, 0, 0, 0, 0x60]).unwrap(), [0x86, 0xdd, 0x60]);
        assert_eq!(convert(113, &[0, 0, 0, 1, 0, 6, 1, 2, 3, 4, 5, 6, 0, 0, 8, 6, 9]).unwrap(), [8, 6, 9]);
        assert!(convert(113, &[0; 15]).unwrap().is_empty());
        assert!(matches!(convert(105, &[0; 15]), Err(Unusable::Link(105))));
    }

    #[test]
    fn two_tags_are_looked_through() {
        let mut frame = vec![0; 12];
        frame.extend([0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0]);
        assert_eq!(network_layer(&frame), Some((0x0800, 22, true)));
        assert_eq!(network_layer(&frame[..21]), None);
    }
}
