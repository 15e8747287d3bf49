//! Building frames: good ones for a tuple, and then all the ways in which frames are odd or broken.

use super::rng::Rng;
use crate::model::packet::{ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, Tuple, UDP, be16};
use crate::model::rewrite::read;
use crate::model::sum;
use crate::model::world::FABRIC_MAC;
use std::net::IpAddr;

/// How a packet is dressed.
#[derive(Clone, Debug)]
pub struct Dress {
    pub flags: u8,
    pub ttl: u8,
    pub df: bool,
    pub payload: usize,
    pub id: u16,
    /// IPv4 options or IPv6 extension headers.
    pub extra: bool,
    pub zero_checksum: bool,
    pub wrong_checksum: bool,
}

impl Dress {
    /// Nothing odd.
    pub fn plain(rng: &mut Rng) -> Dress {
        Dress {
            flags: SYN,
            ttl: 64,
            df: rng.chance(50),
            payload: rng.below(40),
            id: rng.bits() as u16,
            extra: false,
            zero_checksum: false,
            wrong_checksum: false,
        }
    }

    /// Now and then something odd; its name.
    pub fn random(rng: &mut Rng) -> (Dress, Option<&'static str>) {
        let mut d = Dress::plain(rng);
        let name = match rng.weighted(&[70, 4, 4, 4, 3, 3, 3]) {
            1 => {
                d.ttl = rng.one([0, 1, 1, 2]);
                "low ttl"
            }
            2 => {
                (d.payload, d.df) = (rng.range(1440, 3200), true);
                "big, do not fragment"
            }
            3 => {
                (d.payload, d.df) = (rng.range(1440, 4500), false);
                "big"
            }
            4 => {
                d.extra = true;
                "options or extension headers"
            }
            5 => {
                d.zero_checksum = true;
                "zero udp checksum"
            }
            6 => {
                d.wrong_checksum = true;
                "wrong l4 checksum"
            }
            _ => return (d, None),
        };
        (d, Some(name))
    }
}

/// Flags of an ordinary TCP segment, by name.
pub fn tcp_flags(rng: &mut Rng) -> u8 {
    rng.one([SYN, SYN, SYN, SYN | ACK, ACK, ACK | 8, FIN | ACK, FIN | ACK, RST, RST | ACK])
}

fn random_bytes(rng: &mut Rng, n: usize) -> Vec<u8> {
    (0..n).map(|_| rng.bits() as u8).collect()
}

/// The L4 part of a packet with this tuple, checksum complete.
fn l4(t: Tuple, d: &Dress, rng: &mut Rng) -> Vec<u8> {
    let payload = random_bytes(rng, d.payload);
    let mut out = Vec::new();
    let at = match t.proto {
        TCP => {
            out.extend(t.sport.to_be_bytes());
            out.extend(t.dport.to_be_bytes());
            out.extend(random_bytes(rng, 8));
            let options: &[u8] = if d.flags & SYN != 0 { &[2, 4, 5, 180] } else { &[] };
            out.extend([(5 + options.len() as u8 / 4) << 4, d.flags, 0x20, 0, 0, 0, 0, 0]);
            out.extend(options);
            16
        }
        UDP => {
            out.extend(t.sport.to_be_bytes());
            out.extend(t.dport.to_be_bytes());
            out.extend(((8 + payload.len()) as u16).to_be_bytes());
            out.extend([0, 0]);
            6
        }
        ICMP | ICMP6 => {
            out.extend(t.dport.to_be_bytes());
            out.extend([0, 0]);
            out.extend(t.sport.to_be_bytes());
            out.extend(random_bytes(rng, 2));
            2
        }
        _ => {
            out.extend(random_bytes(rng, 8));
            out.extend(payload);
            return out;
        }
    };
    out.extend(payload);
    let pseudo = match (t.src, t.dst) {
        _ if t.proto == ICMP => Vec::new(),
        (IpAddr::V4(s), IpAddr::V4(d)) => {
            [&s.octets()[..], &d.octets(), &[0, t.proto], &(out.len() as u16).to_be_bytes()].concat()
        }
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            [&s.octets()[..], &d.octets(), &(out.len() as u32).to_be_bytes(), &[0, 0, 0, t.proto]].concat()
        }
        _ => Vec::new(),
    };
    let mut ck = sum::of(&[&pseudo, &out]);
    if t.proto == UDP && ck == 0 {
        ck = 0xffff;
    }
    if d.wrong_checksum {
        ck = if (1..0xfff0).contains(&(ck ^ 0x1111)) { ck ^ 0x1111 } else { 0x1234 };
    }
    if d.zero_checksum && t.proto == UDP {
        ck = 0;
    }
    out[at..at + 2].copy_from_slice(&ck.to_be_bytes());
    out
}

/// An Ethernet frame with these addresses and this content.
pub fn ip(t: Tuple, d: &Dress, content: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut f = FABRIC_MAC.to_vec();
    f.extend([0x02, 0x99, 0, 0, 0, 1]);
    match (t.src, t.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            f.extend([8, 0]);
            let options: Vec<u8> = match d.extra {
                true => rng
                    .one([
                        &[1u8, 1, 1, 1][..],
                        &[0x94, 4, 0, 0],
                        &[7, 7, 4, 0, 0, 0, 0, 0],
                        &[0x94, 4, 0, 0, 1, 1, 1, 0],
                    ])
                    .to_vec(),
                false => Vec::new(),
            };
            let header = 20 + options.len();
            let mut h = vec![0x40 | (header / 4) as u8, rng.one([0, 0, 0xb8])];
            h.extend(((header + content.len()) as u16).to_be_bytes());
            h.extend(d.id.to_be_bytes());
            h.extend([if d.df { 0x40 } else { 0 }, 0, d.ttl, t.proto, 0, 0]);
            h.extend(src.octets());
            h.extend(dst.octets());
            h.extend(options);
            seal4(&mut h);
            f.extend(h);
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            f.extend([0x86, 0xdd]);
            let (first, chain) = if d.extra { extensions(t.proto, rng) } else { (t.proto, Vec::new()) };
            f.extend([0x60, 0, rng.bits() as u8, 0]);
            f.extend(((chain.len() + content.len()) as u16).to_be_bytes());
            f.extend([first, d.ttl]);
            f.extend(src.octets());
            f.extend(dst.octets());
            f.extend(chain);
        }
        _ => {}
    }
    f.extend_from_slice(content);
    f
}

/// Computes the header checksum of an IPv4 header.
pub fn seal4(h: &mut [u8]) {
    h[10..12].fill(0);
    let ck = sum::of(&[h]);
    h[10..12].copy_from_slice(&ck.to_be_bytes());
}

/// A legal chain of extension headers before `proto`: the first's number and the bytes.
fn extensions(proto: u8, rng: &mut Rng) -> (u8, Vec<u8>) {
    let mut kinds = Vec::new();
    if rng.chance(40) {
        kinds.push(0);
    }
    for _ in 0..rng.range(1, 3) {
        kinds.push(rng.one([60, 60, 43, 44]));
    }
    // One fragment header at most.
    let mut seen = false;
    kinds.retain(|k| *k != 44 || !std::mem::replace(&mut seen, true));
    chain(&kinds, proto, rng)
}

/// These extension headers before `proto`.
fn chain(kinds: &[u8], proto: u8, rng: &mut Rng) -> (u8, Vec<u8>) {
    let mut out = Vec::new();
    for (i, kind) in kinds.iter().enumerate() {
        let next = *kinds.get(i + 1).unwrap_or(&proto);
        match kind {
            // An atomic fragment.
            44 => {
                out.extend([next, 0, 0, 0]);
                out.extend(random_bytes(rng, 4));
            }
            43 => out.extend([next, 0, 2, 0, 0, 0, 0, 0]),
            _ => out.extend([next, 0, 1, 4, 0, 0, 0, 0]),
        }
    }
    (*kinds.first().unwrap_or(&proto), out)
}

/// A packet with this tuple.
pub fn packet(t: Tuple, d: &Dress, rng: &mut Rng) -> Vec<u8> {
    let content = l4(t, d, rng);
    ip(t, d, &content, rng)
}

/// Pieces of a packet with this tuple, in order. `len`: payload bytes of each but the last.
pub fn fragments(t: Tuple, d: &Dress, len: usize, rng: &mut Rng) -> Vec<Vec<u8>> {
    let content = l4(t, d, rng);
    let id = rng.bits() as u32;
    let count = content.len().div_ceil(len);
    (0..count)
        .map(|i| piece(t, d, id, i * len, i + 1 < count, &content[i * len..content.len().min((i + 1) * len)], rng))
        .collect()
}

/// One piece.
pub fn piece(t: Tuple, d: &Dress, id: u32, offset: usize, more: bool, content: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut plain = d.clone();
    plain.extra = false;
    if t.src.is_ipv4() {
        let mut f = ip(t, &plain, content, rng);
        let word = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
        f[18..20].copy_from_slice(&(id as u16).to_be_bytes());
        f[20..22].copy_from_slice(&word.to_be_bytes());
        seal4(&mut f[14..34]);
        f
    } else {
        let word = (offset as u16 & 0xfff8) | u16::from(more);
        let mut header = vec![t.proto, 0];
        header.extend(word.to_be_bytes());
        header.extend(id.to_be_bytes());
        header.extend_from_slice(content);
        let outer = Tuple { proto: 44, ..t };
        ip(outer, &plain, &header, rng)
    }
}

/// An ICMP error quoting `about` (a frame as the receiver saw it), from `from` to the packet's source.
pub fn error(from: IpAddr, about: &[u8], rng: &mut Rng) -> Option<(Vec<u8>, Tuple)> {
    let p = read(about)?;
    let quoted = &about[14..p.end];
    let keep = match rng.weighted(&[50, 25, 15, 10]) {
        0 => quoted.len(),
        1 => p.l4 - 14 + 8,
        2 => p.l4 - 14 + rng.range(8, 40),
        _ => rng.below(p.l4 - 14 + 8),
    };
    let (proto, dport) = if p.v6 {
        (ICMP6, rng.one([0x0100, 0x0104, 0x0200, 0x0300, 0x0400]))
    } else {
        (ICMP, rng.one([0x0301, 0x0303, 0x0304, 0x0b00, 0x0c00]))
    };
    let t = Tuple { src: from, dst: p.src, proto, sport: 0, dport };
    let mut message = dport.to_be_bytes().to_vec();
    message.extend([0, 0, 0, 0, 5, 0xdc]);
    message.extend(&quoted[..keep.min(quoted.len()).min(1200)]);
    let big = rng.chance(6);
    if big {
        message.resize(1600, 0);
    }
    let pseudo = match (t.src, t.dst) {
        (IpAddr::V6(s), IpAddr::V6(d)) => {
            [&s.octets()[..], &d.octets(), &(message.len() as u32).to_be_bytes(), &[0, 0, 0, proto]].concat()
        }
        _ => Vec::new(),
    };
    let ck = sum::of(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&ck.to_be_bytes());
    let mut d = Dress { ttl: rng.one([64, 64, 64, 1]), ..Dress::plain(rng) };
    d.df |= big;
    Some((ip(t, &d, &message, rng), t))
}

/// An ARP frame.
pub fn arp(op: u16, mac: [u8; 6], asker: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let mut f = vec![0xff; 6];
    f.extend(mac);
    f.extend([8, 6, 0, 1, 8, 0, 6, 4]);
    f.extend(op.to_be_bytes());
    f.extend(mac);
    f.extend(asker);
    f.extend([0; 6]);
    f.extend(target);
    f
}

/// A neighbour discovery frame: `kind` 133 to 137.
pub fn nd(kind: u8, src: IpAddr, dst: IpAddr, target: IpAddr, mac: [u8; 6], hops: u8, rng: &mut Rng) -> Vec<u8> {
    let IpAddr::V6(target) = target else { return Vec::new() };
    let mut message = vec![kind, 0, 0, 0, 0, 0, 0, 0];
    match kind {
        133 => {}
        134 => message.extend([0; 8]),
        137 => {
            message.extend(target.octets());
            message.extend(target.octets());
        }
        _ => message.extend(target.octets()),
    }
    if !src.is_unspecified() {
        message.extend([1, 1]);
        message.extend(mac);
    }
    let t = Tuple { src, dst, proto: ICMP6, sport: 0, dport: u16::from(kind) << 8 };
    let d = Dress { ttl: hops, ..Dress::plain(rng) };
    if let (IpAddr::V6(s), IpAddr::V6(d)) = (src, dst) {
        let pseudo = [&s.octets()[..], &d.octets(), &(message.len() as u32).to_be_bytes(), &[0, 0, 0, ICMP6]].concat();
        let ck = sum::of(&[&pseudo, &message]);
        message[2..4].copy_from_slice(&ck.to_be_bytes());
    }
    ip(t, &d, &message, rng)
}

/// Ways to break a good frame.
pub const BROKEN: [&str; 12] = [
    "cut short",
    "vlan",
    "ethertype",
    "oversized",
    "version",
    "header length",
    "header checksum",
    "extension headers",
    "l4 header",
    "total length",
    "random byte",
    "tiny fragment",
];

/// Breaks a good frame of tuple `t`; `None` where that way does not apply.
pub fn broken(way: usize, t: Tuple, mtu: usize, rng: &mut Rng) -> Option<Vec<u8>> {
    let d = Dress::plain(rng);
    let mut f = packet(t, &d, rng);
    let v4 = t.src.is_ipv4();
    match way {
        0 => f.truncate(rng.below(f.len() - d.payload)),
        1 => {
            let tag = [rng.one([0x81, 0x88]), 0, 0, 5];
            let tag = if tag[0] == 0x88 { [0x88, 0xa8, 0, 5] } else { tag };
            f.splice(12..12, tag);
        }
        2 => f[12..14].copy_from_slice(&rng.one([[0x88, 0xcc], [0x08, 0x01], [0x00, 0x26], [0x88, 0x47]])),
        3 => {
            let d = Dress { payload: mtu + rng.below(40), ..d };
            return Some(packet(t, &d, rng));
        }
        4 => {
            f[14] = (f[14] & 15) | rng.one([0x00, 0x50, if v4 { 0x60 } else { 0x40 }]);
            if v4 {
                seal4(&mut f[14..34]);
            }
        }
        5 if v4 => {
            f[14] = 0x40 | rng.one([0, 4, 15, 6]);
            seal4(&mut f[14..34]);
        }
        6 if v4 => f[24] ^= 0x40,
        7 if !v4 => {
            let kinds: Vec<u8> = match rng.below(3) {
                0 => vec![60, 0],
                1 => vec![60; rng.range(8, 10)],
                _ => vec![60, 43],
            };
            let content = f[54..].to_vec();
            let (first, mut chain) = chain(&kinds, t.proto, rng);
            if kinds.len() == 2 && kinds[1] == 43 {
                let cut_or_type_0 = rng.chance(50);
                chain[10] = 0;
                if cut_or_type_0 {
                    chain[9] = 200;
                }
            }
            let outer = Tuple { proto: first, ..t };
            chain.extend(content);
            return Some(ip(outer, &d, &chain, rng));
        }
        8 if matches!(t.proto, TCP | UDP | ICMP | ICMP6) => {
            let mut content = l4(t, &d, rng);
            match (t.proto, rng.below(2)) {
                (TCP, 0) => content[12] = rng.one([0x40, 0x00, 0xf0]),
                (UDP, 0) => content[4..6].copy_from_slice(&rng.one([[0, 7], [0xff, 0], [0, 0]])),
                _ => content.truncate(rng.below(8)),
            }
            return Some(ip(t, &d, &content, rng));
        }
        9 if v4 => {
            let total = be16(&f, 16);
            let new = rng.one([19, 0, total + 1, total + 900]);
            f[16..18].copy_from_slice(&new.to_be_bytes());
            seal4(&mut f[14..34]);
        }
        9 => {
            let len = be16(&f, 18);
            f[18..20].copy_from_slice(&(len + rng.range(1, 900) as u16).to_be_bytes());
        }
        10 => {
            let at = rng.range(12, f.len().min(60) - 1);
            // A changed IPv4 header would only ever meet its checksum, and an L4 checksum of all ones has two readings.
            f[at] = rng.bits() as u8;
            if v4 && at >= 16 && f[14] == 0x45 && f.len() >= 34 && at < 34 {
                seal4(&mut f[14..34]);
            }
        }
        11 => {
            let (offset, more, len) = rng.one([
                (0, true, 0),
                (0, true, 7),
                (8, false, 16),
                (16, true, 12),
                (65528, false, 40),
                (0, true, 16),
            ]);
            let t = if offset == 0 && len == 16 { Tuple { proto: TCP, ..t } } else { t };
            let content = random_bytes(rng, len);
            return Some(piece(t, &d, rng.bits() as u32, offset, more, &content, rng));
        }
        _ => return None,
    }
    Some(f)
}
