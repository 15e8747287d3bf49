//! One walk over a frame. The checks and their order are those of `docs/semantics.md`, section 2.

use crate::bytes::{chunk, get16, get32};
use crate::{Arp, ETH_LEN, Frame, Mac, Packet, ParseError, Parsed, is_icmp_error, is_icmp_query, proto};
use std::net::Ipv4Addr;

/// Ethernet and the fixed IPv4 header: what the common case reads at once.
const FIXED4: usize = ETH_LEN + 20;
/// Ethernet and the IPv6 header.
const FIXED6: usize = ETH_LEN + 40;
/// Ethernet and ARP for IPv4 (RFC 826).
const ARP_LEN: usize = ETH_LEN + 28;
/// Extension headers a packet may have.
const MAX_EXT: usize = 8;

/// Parses an Ethernet frame. `mtu`: L3 bytes the port lets in (frame less 14), 0 for no limit.
#[inline]
pub fn parse(bytes: &[u8], mtu: usize) -> Result<Parsed, ParseError> {
    match bytes.first_chunk::<FIXED4>() {
        Some(head) if head[12] == 0x08 && head[13] == 0x00 => parse4(bytes, head, mtu),
        _ => parse_other(bytes, mtu),
    }
}

/// Parses what a port delivered: a cut capture is refused, and a frame that stands for several
/// packets is judged by the size of these (headers and `gso_size`).
#[inline]
pub fn parse_frame(frame: &Frame, mtu: usize) -> Result<Parsed, ParseError> {
    if frame.flags & Frame::CUT != 0 {
        return Err(ParseError::Truncated);
    }
    if frame.gso_size == 0 {
        return parse(frame.bytes(), mtu);
    }
    parse_gso(frame, mtu)
}

#[inline(never)]
fn parse_gso(frame: &Frame, mtu: usize) -> Result<Parsed, ParseError> {
    let parsed = parse(frame.bytes(), 0)?;
    if let Parsed::Ip(p) = &parsed {
        let l4_header = match p.proto {
            proto::TCP if !p.has(Packet::LATER) => {
                frame.bytes().get(usize::from(p.l4) + 12).map_or(20, |b| usize::from(b >> 4) * 4)
            }
            proto::UDP => 8,
            _ => 0,
        };
        let packet = usize::from(p.l4 - p.l3) + l4_header + usize::from(frame.gso_size);
        if mtu != 0 && packet > mtu {
            return Err(ParseError::Oversize);
        }
    }
    Ok(parsed)
}

#[inline]
fn oversize(bytes: &[u8], mtu: usize) -> bool {
    mtu != 0 && bytes.len().saturating_sub(ETH_LEN) > mtu
}

#[inline(always)]
fn parse4(bytes: &[u8], head: &[u8; FIXED4], mtu: usize) -> Result<Parsed, ParseError> {
    let be16 = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let be32 = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);

    let total = usize::from(be16(16));
    let end = ETH_LEN + total;
    let Some(datagram) = bytes.get(..end) else {
        return Err(ParseError::Truncated);
    };
    if oversize(bytes, mtu) {
        return Err(ParseError::Oversize);
    }
    let header = usize::from(head[14] & 15) * 4;
    // 0x45 is nearly every packet: one comparison, and the checksum has a fixed length.
    let sum = if head[14] == 0x45 {
        if total < 20 {
            return Err(ParseError::HeaderLength);
        }
        (be32(14) as u64) + (be32(18) as u64) + (be32(22) as u64) + (be32(26) as u64) + (be32(30) as u64)
    } else {
        if head[14] >> 4 != 4 {
            return Err(ParseError::IpVersion);
        }
        if header < 20 || header > total {
            return Err(ParseError::HeaderLength);
        }
        u64::from(crate::checksum::sum(datagram.get(ETH_LEN..ETH_LEN + header).unwrap_or(&[])))
    };
    // 32-bit words fold to the same 16-bit sum as 16-bit ones.
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    if (sum & 0xffff) + (sum >> 16) != 0xffff {
        return Err(ParseError::HeaderChecksum);
    }

    let (protocol, frag) = (head[23], be16(20));
    let body = datagram.get(ETH_LEN + header..).unwrap_or(&[]);
    let (l4, fragment) = if frag & 0x3fff == 0 {
        (ports(body, protocol, false, false).ok_or(ParseError::L4Header)?, 0)
    } else {
        let (offset, more) = (frag & 0x1fff, frag & 0x2000 != 0);
        (fragment(body, protocol, false, offset, more)?, fragment_flags(offset, more))
    };
    // Put together in one go: field by field, each copy of it would wait for the narrow stores.
    Ok(Parsed::Ip(Packet {
        src4: be32(26),
        dst4: be32(30),
        sport: l4.sport,
        dport: l4.dport,
        l3: ETH_LEN as u16,
        l4: (ETH_LEN + header) as u16,
        end: end as u32,
        frag_id: u32::from(be16(18)),
        frag_off: frag & 0x1fff,
        flags: l4.flags | fragment | if frag & 0x4000 != 0 { Packet::DF } else { 0 },
        proto: protocol,
        ttl: head[22],
        tcp_flags: l4.tcp_flags,
    }))
}

#[inline]
fn fragment_flags(offset: u16, more: bool) -> u8 {
    Packet::FRAGMENT | if more { Packet::MF } else { 0 } | if offset != 0 { Packet::LATER } else { 0 }
}

/// What the L4 header adds to a [`Packet`]; zeros for a later fragment.
#[derive(Clone, Copy, Default)]
struct L4 {
    sport: u16,
    dport: u16,
    tcp_flags: u8,
    /// [`Packet::ICMP_ERROR`] or nothing.
    flags: u8,
}

/// Reads the L4 header at the start of `body`, which ends where the datagram does. `None` if it is
/// short or contradicts itself. `first`: this is a first fragment, and the rest is elsewhere.
#[inline]
fn ports(body: &[u8], protocol: u8, v6: bool, first: bool) -> Option<L4> {
    let mut l4 = L4::default();
    match protocol {
        proto::TCP => {
            let h = body.first_chunk::<20>()?;
            let header = usize::from(h[12] >> 4) * 4;
            // Options of a first fragment may lie in the next one.
            if header < 20 || header > body.len() && !first {
                return None;
            }
            l4.sport = u16::from_be_bytes([h[0], h[1]]);
            l4.dport = u16::from_be_bytes([h[2], h[3]]);
            l4.tcp_flags = h[13];
        }
        proto::UDP => {
            let h = body.first_chunk::<8>()?;
            let len = usize::from(u16::from_be_bytes([h[4], h[5]]));
            if len < 8 || len > body.len() && !first {
                return None;
            }
            l4.sport = u16::from_be_bytes([h[0], h[1]]);
            l4.dport = u16::from_be_bytes([h[2], h[3]]);
        }
        proto::ICMP | proto::ICMP6 if (protocol == proto::ICMP6) == v6 => {
            let h = body.first_chunk::<8>()?;
            if is_icmp_query(v6, h[0]) {
                l4.sport = u16::from_be_bytes([h[4], h[5]]);
            } else if is_icmp_error(v6, h[0]) {
                l4.flags = Packet::ICMP_ERROR;
            }
            l4.dport = u16::from_be_bytes([h[0], h[1]]);
        }
        _ => {}
    }
    Some(l4)
}

/// Judges a fragment; a first one is read like a whole packet. `offset` in units of 8 bytes.
#[cold]
#[inline(never)]
fn fragment(body: &[u8], protocol: u8, v6: bool, offset: u16, more: bool) -> Result<L4, ParseError> {
    let l4 = if offset == 0 {
        let least = match (protocol, v6) {
            (proto::TCP, _) => 20,
            (proto::UDP, _) | (proto::ICMP, false) | (proto::ICMP6, true) => 8,
            _ => 0,
        };
        if body.len() < least {
            return Err(ParseError::FragmentTiny);
        }
        ports(body, protocol, v6, true).ok_or(ParseError::L4Header)?
    } else if protocol == proto::TCP && offset == 1 {
        // It would overwrite the flags of a TCP header judged before (RFC 1858).
        return Err(ParseError::FragmentTiny);
    } else {
        L4::default()
    };
    if more && (body.is_empty() || !body.len().is_multiple_of(8)) {
        return Err(ParseError::FragmentTiny);
    }
    if usize::from(offset) * 8 + body.len() > 65_535 {
        return Err(ParseError::FragmentOverflow);
    }
    Ok(l4)
}

/// Everything that is not IPv4 with a whole fixed header.
#[inline(never)]
fn parse_other(bytes: &[u8], mtu: usize) -> Result<Parsed, ParseError> {
    match get16(bytes, 12) {
        Some(0x86dd) => parse6(bytes, mtu),
        Some(0x0806) => parse_arp(bytes, mtu),
        Some(0x0800) | None => Err(ParseError::Truncated),
        Some(0x8100 | 0x88a8) => Err(ParseError::Vlan),
        Some(_) => Err(ParseError::Ethertype),
    }
}

fn parse_arp(bytes: &[u8], mtu: usize) -> Result<Parsed, ParseError> {
    let Some(head) = bytes.first_chunk::<ARP_LEN>() else {
        return Err(ParseError::Truncated);
    };
    if oversize(bytes, mtu) {
        return Err(ParseError::Oversize);
    }
    let [.., h0, h1, p0, p1, hlen, plen, o0, o1, a, b, c, d, e, f, s0, s1, s2, s3, u, v, w, x, y, z, t0, t1, t2, t3] =
        *head;
    // Ethernet (1), IPv4, and their address lengths.
    if [h0, h1, p0, p1, hlen, plen] != [0, 1, 8, 0, 6, 4] {
        return Err(ParseError::Neighbour);
    }
    Ok(Parsed::Arp(Arp {
        op: u16::from_be_bytes([o0, o1]),
        sha: Mac([a, b, c, d, e, f]),
        spa: Ipv4Addr::new(s0, s1, s2, s3),
        tha: Mac([u, v, w, x, y, z]),
        tpa: Ipv4Addr::new(t0, t1, t2, t3),
    }))
}

fn parse6(bytes: &[u8], mtu: usize) -> Result<Parsed, ParseError> {
    let Some(head) = bytes.first_chunk::<FIXED6>() else {
        return Err(ParseError::Truncated);
    };
    let end = FIXED6 + usize::from(u16::from_be_bytes([head[18], head[19]]));
    let Some(datagram) = bytes.get(..end) else {
        return Err(ParseError::Truncated);
    };
    if oversize(bytes, mtu) {
        return Err(ParseError::Oversize);
    }
    if head[14] >> 4 != 6 {
        return Err(ParseError::IpVersion);
    }
    let chain = chain6(datagram, FIXED6, head[20]).ok_or(ParseError::ExtHeaders)?;
    let body = datagram.get(chain.l4..).unwrap_or(&[]);
    let (l4, fragment) = if chain.fragment {
        let (offset, more) = (chain.frag_off, chain.more);
        (fragment(body, chain.proto, true, offset, more)?, fragment_flags(offset, more))
    } else {
        (ports(body, chain.proto, true, false).ok_or(ParseError::L4Header)?, 0)
    };
    Ok(Parsed::Ip(Packet {
        src4: 0,
        dst4: 0,
        sport: l4.sport,
        dport: l4.dport,
        l3: ETH_LEN as u16,
        // A chain has at most 8 headers of at most 2,048 bytes.
        l4: chain.l4 as u16,
        end: end as u32,
        frag_id: chain.frag_id,
        frag_off: chain.frag_off,
        flags: Packet::V6 | l4.flags | fragment,
        proto: chain.proto,
        ttl: head[21],
        tcp_flags: l4.tcp_flags,
    }))
}

/// Where a chain of IPv6 extension headers leads (RFC 8200, section 4).
#[derive(Default)]
pub(crate) struct Chain {
    /// Protocol after the chain.
    pub(crate) proto: u8,
    /// Where that begins.
    pub(crate) l4: usize,
    /// A real fragment: not the only one of its datagram (RFC 6946).
    pub(crate) fragment: bool,
    pub(crate) more: bool,
    pub(crate) frag_off: u16,
    pub(crate) frag_id: u32,
}

/// Walks the extension headers from `at`, the first of which is named `next`. `None`: refused.
pub(crate) fn chain6(bytes: &[u8], at: usize, next: u8) -> Option<Chain> {
    let mut chain = Chain { proto: next, l4: at, ..Chain::default() };
    let mut fragment_seen = false;
    for n in 0.. {
        if !matches!(chain.proto, 0 | 43 | 44 | 51 | 60) {
            break;
        }
        if n == MAX_EXT {
            return None;
        }
        let head = chunk::<4>(bytes, chain.l4)?;
        let len = match chain.proto {
            44 => 8,
            // The authentication header counts in words, less 2 (RFC 4302, 2.2).
            51 => (usize::from(head[1]) + 2) * 4,
            _ => (usize::from(head[1]) + 1) * 8,
        };
        if chain.l4 + len > bytes.len() {
            return None;
        }
        match chain.proto {
            0 if n != 0 => return None,
            // Routing type 0 is deprecated for amplification (RFC 5095).
            43 if head[2] == 0 => return None,
            44 => {
                // A fragment inside a fragment could hide the ports from whoever reads the outer.
                if fragment_seen {
                    return None;
                }
                fragment_seen = true;
                let field = get16(bytes, chain.l4 + 2)?;
                (chain.frag_off, chain.more) = (field >> 3, field & 1 != 0);
                chain.frag_id = get32(bytes, chain.l4 + 4)?;
                chain.fragment = field & 0xfff9 != 0;
            }
            _ => {}
        }
        chain.proto = head[0];
        chain.l4 += len;
        // What follows in a later fragment is payload, whatever its header names.
        if chain.frag_off != 0 {
            break;
        }
    }
    Some(chain)
}
