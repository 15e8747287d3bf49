//! Everything in the dataplane that knows how bytes lie in a packet. A [`Frame`] is an Ethernet
//! frame in a reusable buffer; [`parse_frame`] walks it once and leaves a small [`Packet`] of
//! offsets and fields that the later stages ask for instead of touching bytes again. On the way
//! out, [`Rewrite4`] and [`rewrite_error4`] change addresses and ports with incremental checksums
//! (a wrong checksum stays exactly as wrong), [`fragment4`] cuts datagrams for a smaller MTU, and
//! the `build_*` functions write the answers the fabric itself gives (ARP, neighbour discovery,
//! ICMP errors, TCP resets). The crate holds no state and no policy: which packet is refused,
//! rewritten or answered is decided by the pipeline. No input makes it panic, and parsing and
//! rewriting never allocate. The reasons for refusing a packet are those of `docs/semantics.md`,
//! section 2.

#![forbid(unsafe_code)]

mod build;
mod bytes;
pub mod checksum;
mod fragment;
mod frame;
mod mac;
mod nd;
mod packet;
mod parse;
mod quote;
mod rewrite;
mod tuple;

pub use build::{build_arp_reply, build_icmp4_error, build_icmp6_too_big, build_na, build_ra, build_tcp_rst4};
pub use checksum::complete_checksum;
pub use fragment::fragment4;
pub use frame::Frame;
pub use mac::{FABRIC_MAC, Mac, set_macs};
pub use nd::{Nd, parse_nd};
pub use packet::{Arp, Packet, ParseError, Parsed, tcp};
pub use parse::{parse, parse_frame};
pub use quote::{Quote, quote};
pub use rewrite::{Rewrite4, rewrite_error4};
pub use tcp::{ACK, FIN, PSH, RST, SYN};
pub use tuple::{FiveTuple, eui64_link_local, is_icmp_error, is_icmp_query, is_multicast, reverse_ports};

/// Bytes kept free before a frame, for headers put in front of it (virtio header, tunnels).
pub const HEADROOM: usize = 128;
/// Bytes kept free after a frame, for trailers and padding.
pub const TAILROOM: usize = 64;
/// Length of an Ethernet II header in bytes: two addresses and the ethertype.
pub const ETH_LEN: usize = 14;

/// IANA protocol numbers the dataplane distinguishes.
pub mod proto {
    /// ICMP for IPv4 (RFC 792).
    pub const ICMP: u8 = 1;
    /// TCP (RFC 9293).
    pub const TCP: u8 = 6;
    /// UDP (RFC 768).
    pub const UDP: u8 = 17;
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMP6: u8 = 58;
}
