//! What parsing leaves behind: offsets, the fields every stage asks for, and the reasons a frame
//! is refused for.

use crate::bytes::{chunk, get_v6};
use crate::{FiveTuple, Mac};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// TCP flag bits (RFC 9293, 3.1), as in [`Packet::tcp_flags`].
pub mod tcp {
    /// No more data from the sender.
    pub const FIN: u8 = 1;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 2;
    /// Reset the connection.
    pub const RST: u8 = 4;
    /// Push.
    pub const PSH: u8 = 8;
    /// The acknowledgement field counts.
    pub const ACK: u8 = 16;
}

/// A parsed IP packet: offsets into the frame (bytes from its start) and decoded fields. It
/// borrows nothing; methods that need bytes take those of the frame it was parsed from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Packet {
    /// IPv4 source, host order; 0 for IPv6.
    pub src4: u32,
    /// IPv4 destination, host order; 0 for IPv6.
    pub dst4: u32,
    /// Source port, or identifier of an ICMP query; 0 for later fragments.
    pub sport: u16,
    /// Destination port, or ICMP type * 256 + code; 0 for later fragments.
    pub dport: u16,
    /// Where the IP header begins.
    pub l3: u16,
    /// Where the L4 header (or the payload of a later fragment) begins.
    pub l4: u16,
    /// Just past the IP datagram; Ethernet padding begins here.
    pub end: u32,
    /// Fragment identification (16 bits in IPv4); 0 for IPv6 without a fragment header.
    pub frag_id: u32,
    /// Fragment offset in units of 8 bytes.
    pub frag_off: u16,
    /// [`Packet::V6`] and the other bits.
    pub flags: u8,
    /// Protocol of the L4 header, past any IPv6 extension headers (59: none). Of a later IPv6
    /// fragment: what its fragment header names.
    pub proto: u8,
    /// Time to live, or hop limit.
    pub ttl: u8,
    /// TCP flags ([`tcp`]); 0 for other protocols and later fragments.
    pub tcp_flags: u8,
}

const _: () = assert!(size_of::<Packet>() <= 48);

impl Packet {
    /// IPv6.
    pub const V6: u8 = 1;
    /// Part of a datagram: more fragments follow, or the offset is not 0.
    pub const FRAGMENT: u8 = 2;
    /// A fragment with an offset: no L4 header in it.
    pub const LATER: u8 = 4;
    /// IPv4 "don't fragment".
    pub const DF: u8 = 8;
    /// An ICMP error ([`crate::is_icmp_error`]), and not a later fragment.
    pub const ICMP_ERROR: u8 = 16;
    /// More fragments follow.
    pub const MF: u8 = 32;

    /// Whether any of the given flag bits is set.
    #[inline]
    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Source address.
    #[inline]
    pub fn src(&self, bytes: &[u8]) -> IpAddr {
        self.addr(bytes, self.src4, 8)
    }

    /// Destination address.
    #[inline]
    pub fn dst(&self, bytes: &[u8]) -> IpAddr {
        self.addr(bytes, self.dst4, 24)
    }

    #[inline]
    fn addr(&self, bytes: &[u8], v4: u32, v6_at: usize) -> IpAddr {
        if self.has(Self::V6) {
            // Only bytes of another frame could be too short.
            IpAddr::V6(get_v6(bytes, self.l3 as usize + v6_at).unwrap_or(Ipv6Addr::UNSPECIFIED))
        } else {
            IpAddr::V4(Ipv4Addr::from(v4))
        }
    }

    /// The tuple of the packet (`docs/semantics.md`, section 3).
    #[inline]
    pub fn tuple(&self, bytes: &[u8]) -> FiveTuple {
        FiveTuple {
            src: self.src(bytes),
            dst: self.dst(bytes),
            sport: self.sport,
            dport: self.dport,
            proto: self.proto,
        }
    }

    /// Length of the IP datagram in bytes, header included.
    #[inline]
    pub fn l3_len(&self) -> usize {
        (self.end as usize).saturating_sub(self.l3 as usize)
    }

    /// IPv6 source and destination as numbers; zeros for IPv4.
    #[inline]
    pub fn v6_addrs(&self, bytes: &[u8]) -> (u128, u128) {
        if !self.has(Self::V6) {
            return (0, 0);
        }
        let at = self.l3 as usize;
        let addr = |at| chunk::<16>(bytes, at).map_or(0, |b| u128::from_be_bytes(*b));
        (addr(at + 8), addr(at + 24))
    }
}

/// An ARP message for IPv4 over Ethernet (RFC 826).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// 1 request, 2 reply.
    pub op: u16,
    /// Sender's hardware address.
    pub sha: Mac,
    /// Sender's protocol address.
    pub spa: Ipv4Addr,
    /// Target's hardware address (meaningless in a request).
    pub tha: Mac,
    /// Target's protocol address.
    pub tpa: Ipv4Addr,
}

/// What a frame held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// An IPv4 or IPv6 packet.
    Ip(Packet),
    /// An ARP message.
    Arp(Arp),
}

/// Why a frame is refused at stage `parse` (`docs/semantics.md`, section 2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ParseError {
    /// The frame ends before what its headers promise.
    Truncated,
    /// VLAN tagged.
    Vlan,
    /// Neither ARP nor IP.
    Ethertype,
    /// More L3 bytes than the MTU of the port.
    Oversize,
    /// The version nibble contradicts the ethertype.
    IpVersion,
    /// IPv4 header and total length do not fit each other.
    HeaderLength,
    /// IPv4 header checksum.
    HeaderChecksum,
    /// IPv6 extension headers: order, number, length, routing type 0.
    ExtHeaders,
    /// TCP, UDP or ICMP header.
    L4Header,
    /// A fragment too small to be judged, or not a multiple of 8 bytes.
    FragmentTiny,
    /// A fragment that ends beyond 65,535 bytes.
    FragmentOverflow,
    /// Malformed ARP or neighbour discovery.
    Neighbour,
}

impl ParseError {
    /// The name of the reason in verdicts and counters.
    pub fn reason(self) -> &'static str {
        match self {
            ParseError::Truncated => "truncated",
            ParseError::Vlan => "vlan",
            ParseError::Ethertype => "ethertype",
            ParseError::Oversize => "oversize",
            ParseError::IpVersion => "ip-version",
            ParseError::HeaderLength => "header-length",
            ParseError::HeaderChecksum => "header-checksum",
            ParseError::ExtHeaders => "ext-headers",
            ParseError::L4Header => "l4-header",
            ParseError::FragmentTiny => "fragment-tiny",
            ParseError::FragmentOverflow => "fragment-overflow",
            ParseError::Neighbour => "neighbour",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for ParseError {}
