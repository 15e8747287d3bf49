//! Reading a frame, in the order of the table in `docs/semantics.md` section 2.

use super::sum;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMP6: u8 = 58;

pub const FIN: u8 = 1;
pub const SYN: u8 = 2;
pub const RST: u8 = 4;
pub const ACK: u8 = 16;

/// (source, destination, protocol, sport, dport) as section 3 defines the ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub proto: u8,
    pub sport: u16,
    pub dport: u16,
}

impl Tuple {
    /// The tuple of an answer.
    pub fn reverse(self) -> Tuple {
        let (sport, dport) = match self.proto {
            TCP | UDP => (self.dport, self.sport),
            ICMP | ICMP6 => match counterpart(self.proto, (self.dport >> 8) as u8) {
                Some(kind) => (self.sport, u16::from(kind) << 8 | self.dport & 0xff),
                None => (self.sport, self.dport),
            },
            _ => (self.sport, self.dport),
        };
        Tuple { src: self.dst, dst: self.src, proto: self.proto, sport, dport }
    }
}

/// The query type that answers or asks `kind`; `None`: no query.
pub fn counterpart(proto: u8, kind: u8) -> Option<u8> {
    match (proto, kind) {
        (ICMP, 8) => Some(0),
        (ICMP, 0) => Some(8),
        (ICMP, 13) => Some(14),
        (ICMP, 14) => Some(13),
        (ICMP, 15) => Some(16),
        (ICMP, 16) => Some(15),
        (ICMP, 17) => Some(18),
        (ICMP, 18) => Some(17),
        (ICMP6, 128) => Some(129),
        (ICMP6, 129) => Some(128),
        _ => None,
    }
}

/// Types that a host sends of its own accord.
pub fn is_request(proto: u8, kind: u8) -> bool {
    matches!((proto, kind), (ICMP, 8 | 13 | 15 | 17) | (ICMP6, 128))
}

/// Error types.
pub fn is_error(proto: u8, kind: u8) -> bool {
    matches!((proto, kind), (ICMP, 3 | 11 | 12) | (ICMP6, 1..=4))
}

/// What a fragment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    pub id: u32,
    /// In bytes.
    pub offset: usize,
    pub len: usize,
    pub more: bool,
    /// Protocol by which its datagram is known.
    pub proto: u8,
}

/// A packet quoted by an ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Where its IP header starts, in the frame.
    pub ip: usize,
    /// Where its L4 header starts, in the frame.
    pub l4: usize,
    pub tuple: Tuple,
}

/// An IP packet in its frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    pub frame: Vec<u8>,
    pub v6: bool,
    pub src: IpAddr,
    pub dst: IpAddr,
    pub proto: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    pub df: bool,
    /// Where L4 starts in the frame (in a later fragment: its payload).
    pub l4: usize,
    /// Where the datagram ends in the frame; what follows is padding.
    pub end: usize,
    /// `None` for whole packets and atomic fragments.
    pub fragment: Option<Fragment>,
    pub sport: u16,
    pub dport: u16,
    /// TCP flags; 0 for everything else and for later fragments.
    pub flags: u8,
}

/// What a frame holds.
pub enum Content {
    Arp,
    Ip(Box<Packet>),
}

pub fn be16(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}

pub fn be32(b: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

pub fn addr4(b: &[u8], at: usize) -> Ipv4Addr {
    Ipv4Addr::from(be32(b, at))
}

pub fn addr6(b: &[u8], at: usize) -> Ipv6Addr {
    let mut a = [0; 16];
    a.copy_from_slice(&b[at..at + 16]);
    Ipv6Addr::from(a)
}

/// Reads a frame that came in by a port with this MTU; an error is the reason of stage `parse`.
pub fn parse(frame: &[u8], mtu: usize) -> Result<Content, &'static str> {
    if frame.len() < 14 {
        return Err("truncated");
    }
    match be16(frame, 12) {
        0x8100 | 0x88a8 => Err("vlan"),
        0x0806 => {
            if frame.len() < 14 + 28 {
                return Err("truncated");
            }
            oversize(frame, mtu)?;
            Ok(Content::Arp)
        }
        0x0800 => parse4(frame, mtu).map(|p| Content::Ip(Box::new(p))),
        0x86dd => parse6(frame, mtu).map(|p| Content::Ip(Box::new(p))),
        _ => Err("ethertype"),
    }
}

fn oversize(frame: &[u8], mtu: usize) -> Result<(), &'static str> {
    if frame.len() - 14 > mtu { Err("oversize") } else { Ok(()) }
}

fn parse4(frame: &[u8], mtu: usize) -> Result<Packet, &'static str> {
    let ip = &frame[14..];
    if ip.len() < 20 {
        return Err("truncated");
    }
    let header = usize::from(ip[0] & 15) * 4;
    let total = usize::from(be16(ip, 2));
    if total > ip.len() {
        return Err("truncated");
    }
    oversize(frame, mtu)?;
    if ip[0] >> 4 != 4 {
        return Err("ip-version");
    }
    if header < 20 || header > total {
        return Err("header-length");
    }
    if sum::of(&[&ip[..header]]) != 0 {
        return Err("header-checksum");
    }
    let word = be16(ip, 6);
    let (offset, more) = (usize::from(word & 0x1fff) * 8, word & 0x2000 != 0);
    let fragment = (offset > 0 || more).then(|| Fragment {
        id: u32::from(be16(ip, 4)),
        offset,
        len: total - header,
        more,
        proto: ip[9],
    });
    let packet = Packet {
        v6: false,
        src: addr4(ip, 12).into(),
        dst: addr4(ip, 16).into(),
        proto: ip[9],
        ttl: ip[8],
        df: word & 0x4000 != 0,
        l4: 14 + header,
        end: 14 + total,
        fragment,
        sport: 0,
        dport: 0,
        flags: 0,
        frame: frame.to_vec(),
    };
    packet.with_l4()
}

fn parse6(frame: &[u8], mtu: usize) -> Result<Packet, &'static str> {
    let ip = &frame[14..];
    if ip.len() < 40 {
        return Err("truncated");
    }
    let end = 40 + usize::from(be16(ip, 4));
    if end > ip.len() {
        return Err("truncated");
    }
    oversize(frame, mtu)?;
    if ip[0] >> 4 != 6 {
        return Err("ip-version");
    }
    let chain = chain6(&ip[..end], 40).ok_or("ext-headers")?;
    let packet = Packet {
        v6: true,
        src: addr6(ip, 8).into(),
        dst: addr6(ip, 24).into(),
        proto: chain.proto,
        ttl: ip[7],
        df: true,
        l4: 14 + chain.l4,
        end: 14 + end,
        fragment: chain.fragment,
        sport: 0,
        dport: 0,
        flags: 0,
        frame: frame.to_vec(),
    };
    packet.with_l4()
}

struct Chain {
    proto: u8,
    l4: usize,
    fragment: Option<Fragment>,
}

/// Walks the extension headers of `ip`, which starts with the fixed header. ESP and "no next header" are protocols like any other.
fn chain6(ip: &[u8], fixed: usize) -> Option<Chain> {
    let (mut next, mut at, mut count) = (ip[6], fixed, 0);
    let mut fragment = None;
    loop {
        if !matches!(next, 0 | 43 | 44 | 51 | 60) {
            return Some(Chain { proto: next, l4: at, fragment });
        }
        if (next == 0 && count > 0) || at + 8 > ip.len() {
            return None;
        }
        count += 1;
        if count > 8 || (next == 43 && ip[at + 2] == 0) {
            return None;
        }
        let len = match next {
            44 => 8,
            51 => (usize::from(ip[at + 1]) + 2) * 4,
            _ => (usize::from(ip[at + 1]) + 1) * 8,
        };
        if at + len > ip.len() {
            return None;
        }
        if next == 44 {
            let word = be16(ip, at + 2);
            let (offset, more) = (usize::from(word & 0xfff8), word & 1 != 0);
            if offset > 0 || more {
                fragment = Some(Fragment { id: be32(ip, at + 4), offset, len: ip.len() - at - 8, more, proto: ip[at] });
            }
            if offset > 0 {
                // What follows is the middle of something: no header to be read there.
                return Some(Chain { proto: ip[at], l4: at + 8, fragment });
            }
        }
        next = ip[at];
        at += len;
    }
}

impl Packet {
    fn with_l4(mut self) -> Result<Packet, &'static str> {
        let l4 = &self.frame[self.l4..self.end];
        let icmp = if self.v6 { ICMP6 } else { ICMP };
        let fixed = match self.proto {
            TCP => 20,
            UDP => 8,
            p if p == icmp => 8,
            _ => 0,
        };
        match self.fragment {
            None => {
                if l4.len() < fixed {
                    return Err("l4-header");
                }
                let offset = if self.proto == TCP { usize::from(l4[12] >> 4) * 4 } else { 20 };
                if self.proto == TCP && (offset < 20 || offset > l4.len()) {
                    return Err("l4-header");
                }
                let len = if self.proto == UDP { usize::from(be16(l4, 4)) } else { 8 };
                if self.proto == UDP && (len < 8 || len > l4.len()) {
                    return Err("l4-header");
                }
            }
            Some(f) => {
                if f.offset == 0 && l4.len() < fixed {
                    return Err("fragment-tiny");
                }
                if f.offset == 0 && self.proto == TCP && l4[12] >> 4 < 5 {
                    return Err("l4-header");
                }
                if f.offset == 0 && self.proto == UDP && be16(l4, 4) < 8 {
                    return Err("l4-header");
                }
                if f.offset == 8 && f.proto == TCP {
                    return Err("fragment-tiny");
                }
                if f.more && (f.len == 0 || !f.len.is_multiple_of(8)) {
                    return Err("fragment-tiny");
                }
                if f.offset + f.len > 65535 {
                    return Err("fragment-overflow");
                }
            }
        }
        if !self.is_later_fragment() {
            (self.sport, self.dport) = ports(self.proto, self.v6, l4);
            if self.proto == TCP {
                self.flags = l4[13];
            }
        }
        Ok(self)
    }

    /// A fragment that is not the first.
    pub fn is_later_fragment(&self) -> bool {
        self.fragment.is_some_and(|f| f.offset > 0)
    }

    /// Whether it is ICMP or ICMPv6 of its family.
    pub fn is_icmp(&self) -> bool {
        self.proto == if self.v6 { ICMP6 } else { ICMP }
    }

    /// Its type, if it is ICMP.
    pub fn icmp_type(&self) -> Option<u8> {
        self.is_icmp().then_some((self.dport >> 8) as u8)
    }

    /// An ICMP error, readable quote or not.
    pub fn is_icmp_error(&self) -> bool {
        self.icmp_type().is_some_and(|t| is_error(self.proto, t))
    }

    /// As section 3 says.
    pub fn tuple(&self) -> Tuple {
        Tuple { src: self.src, dst: self.dst, proto: self.proto, sport: self.sport, dport: self.dport }
    }

    /// A TCP packet that opens a connection.
    pub fn is_opening(&self) -> bool {
        self.proto == TCP && self.flags & (SYN | ACK) == SYN
    }

    /// L3 length.
    pub fn len3(&self) -> usize {
        self.end - 14
    }

    /// The packet quoted by an ICMP error, if it makes this a *related packet*.
    pub fn quote(&self) -> Option<Quote> {
        if !self.is_icmp_error() || self.is_later_fragment() {
            return None;
        }
        let ip = self.l4 + 8;
        let inner = &self.frame[ip..self.end];
        let (src, dst, proto, header): (IpAddr, IpAddr, u8, usize) = if self.v6 {
            if inner.len() < 40 || inner[0] >> 4 != 6 {
                return None;
            }
            let chain = chain6(inner, 40)?;
            if chain.fragment.is_some_and(|f| f.offset > 0) {
                return None;
            }
            (addr6(inner, 8).into(), addr6(inner, 24).into(), chain.proto, chain.l4)
        } else {
            if inner.len() < 20 || inner[0] >> 4 != 4 || inner[0] & 15 < 5 {
                return None;
            }
            if be16(inner, 6) & 0x1fff != 0 {
                return None;
            }
            (addr4(inner, 12).into(), addr4(inner, 16).into(), inner[9], usize::from(inner[0] & 15) * 4)
        };
        if inner.len() < header + 8 {
            return None;
        }
        let (sport, dport) = ports(proto, self.v6, &inner[header..]);
        if proto == self.proto && is_error(proto, (dport >> 8) as u8) {
            return None;
        }
        Some(Quote { ip, l4: ip + header, tuple: Tuple { src, dst, proto, sport, dport } })
    }
}

/// Ports of a tuple from an L4 header of which at least 8 bytes are there (or none are needed).
fn ports(proto: u8, v6: bool, l4: &[u8]) -> (u16, u16) {
    match proto {
        TCP | UDP => (be16(l4, 0), be16(l4, 2)),
        ICMP if !v6 => icmp_ports(proto, l4),
        ICMP6 if v6 => icmp_ports(proto, l4),
        _ => (0, 0),
    }
}

fn icmp_ports(proto: u8, l4: &[u8]) -> (u16, u16) {
    let id = if counterpart(proto, l4[0]).is_some() { be16(l4, 4) } else { 0 };
    (id, be16(l4, 0))
}
