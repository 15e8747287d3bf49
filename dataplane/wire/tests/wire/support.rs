//! Packets written byte by byte, and a checksum that shares no code with the crate's.

use vpcd_wire::{Packet, ParseError, Parsed, parse};

pub(crate) const SRC: u32 = 0x0a00_0105;
pub(crate) const DST: u32 = 0x0a00_0206;

/// RFC 1071 as its section 4.1 spells it.
pub(crate) fn internet_checksum(parts: &[&[u8]]) -> u16 {
    let all: Vec<u8> = parts.concat();
    let mut sum = 0u64;
    for pair in all.chunks(2) {
        sum += u64::from(pair[0]) * 256 + u64::from(*pair.get(1).unwrap_or(&0));
    }
    while sum > 0xffff {
        sum = sum % 0x1_0000 + sum / 0x1_0000;
    }
    !(sum as u16)
}

/// Whether the IPv4 header of the frame sums up.
pub(crate) fn header_sums_up(frame: &[u8]) -> bool {
    let header = usize::from(frame[14] & 15) * 4;
    internet_checksum(&[&frame[14..14 + header]]) == 0
}

/// What the L4 checksum of an unfragmented IPv4 packet should be (its field taken as 0).
pub(crate) fn l4_checksum(frame: &[u8]) -> u16 {
    let (header, total) = (usize::from(frame[14] & 15) * 4, usize::from(u16::from_be_bytes([frame[16], frame[17]])));
    let mut l4 = frame[14 + header..14 + total].to_vec();
    let proto = frame[23];
    let at = checksum_at(proto);
    l4[at..at + 2].fill(0);
    let len = (l4.len() as u32).to_be_bytes();
    if proto == 1 { internet_checksum(&[&l4]) } else { internet_checksum(&[&frame[26..34], &[0, proto], &len, &l4]) }
}

pub(crate) fn checksum_at(proto: u8) -> usize {
    match proto {
        1 => 2,
        6 => 16,
        _ => 6,
    }
}

/// Fills in the L4 checksum of an unfragmented IPv4 packet without options.
pub(crate) fn fill_l4(mut frame: Vec<u8>) -> Vec<u8> {
    let at = 34 + checksum_at(frame[23]);
    let sum = l4_checksum(&frame);
    let sum = if frame[23] == 17 && sum == 0 { 0xffff } else { sum };
    frame[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    frame
}

/// Ethernet and IPv4 around `l4`; `frag`: the flags and offset field.
pub(crate) fn ip4(proto: u8, frag: u16, options: &[u8], l4: &[u8]) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    let header = 20 + options.len();
    out.push(0x40 | (header / 4) as u8);
    out.push(0);
    out.extend(((header + l4.len()) as u16).to_be_bytes());
    out.extend([0x12, 0x34]);
    out.extend(frag.to_be_bytes());
    out.extend([64, proto, 0, 0]);
    out.extend(SRC.to_be_bytes());
    out.extend(DST.to_be_bytes());
    out.extend(options);
    fix_header(&mut out);
    out.extend(l4);
    out
}

/// Makes the IPv4 header checksum right again.
pub(crate) fn fix_header(frame: &mut [u8]) {
    frame[24..26].fill(0);
    let header = (usize::from(frame[14] & 15) * 4).min(frame.len() - 14);
    let sum = internet_checksum(&[&frame[14..14 + header]]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

pub(crate) fn ip6(next: u8, rest: &[u8]) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x86, 0xdd, 0x60, 0, 0, 0];
    out.extend((rest.len() as u16).to_be_bytes());
    out.extend([next, 255]);
    out.extend([0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
    out.extend([0x20, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 6]);
    out.extend(rest);
    out
}

pub(crate) fn tcp(sport: u16, dport: u16, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    out.extend([0, 0, 0x10, 0, 0, 0, 0x20, 0, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    out.extend(payload);
    out
}

pub(crate) fn udp(sport: u16, dport: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = [sport.to_be_bytes(), dport.to_be_bytes()].concat();
    out.extend(((8 + payload.len()) as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    out
}

pub(crate) fn icmp(typ: u8, code: u8, rest: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![typ, code, 0, 0];
    out.extend(rest.to_be_bytes());
    out.extend(payload);
    out
}

#[track_caller]
pub(crate) fn packet(frame: &[u8]) -> Packet {
    match parse(frame, 0) {
        Ok(Parsed::Ip(p)) => p,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn refused(frame: &[u8]) -> ParseError {
    match parse(frame, 0) {
        Err(e) => e,
        other => panic!("{other:?}"),
    }
}
