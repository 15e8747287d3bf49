//! Address and port translation of IPv4 packets, with checksums updated by difference.

use crate::bytes::{chunk_mut, get16, get32, put16, put32};
use crate::checksum::{delta16, delta32, fold, update, update_udp};
use crate::{Frame, Packet, Quote, is_icmp_query, proto};

/// Change of the header sum when the time to live goes down by one: `~0x0100`.
const TTL_DELTA: u32 = 0xfeff;
/// Where the checksum lies in the L4 header.
const TCP_CSUM: usize = 16;
const UDP_CSUM: usize = 6;
const ICMP_CSUM: usize = 2;
/// Where the identifier of an ICMP query lies.
const ICMP_ID: usize = 4;

/// One IPv4 rewrite: the addresses and ports a packet leaves with, and what that changes in its
/// checksums (RFC 1624). Made once per flow, applied to each of its packets. Addresses and ports
/// are in host order. ICMP: `sport` is the identifier; `dport` (type and code) is never written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite4 {
    /// New source address.
    pub src: u32,
    /// New destination address.
    pub dst: u32,
    /// New source port or ICMP identifier.
    pub sport: u16,
    /// New destination port.
    pub dport: u16,
    /// Delta of the addresses: for the IP header, and for a partial L4 checksum.
    pub d_addr: u16,
    /// Delta of a whole L4 checksum: addresses and ports; for ICMP the identifier only.
    pub d_l4: u16,
}

impl Rewrite4 {
    /// From old to new (source, destination, source port, destination port).
    pub fn new(proto: u8, old: (u32, u32, u16, u16), new: (u32, u32, u16, u16)) -> Rewrite4 {
        let addresses = delta32(old.0, new.0) + delta32(old.1, new.1);
        let d_l4 = match proto {
            proto::TCP | proto::UDP => addresses + delta16(old.2, new.2) + delta16(old.3, new.3),
            proto::ICMP => delta16(old.2, new.2),
            _ => 0,
        };
        Rewrite4 { src: new.0, dst: new.1, sport: new.2, dport: new.3, d_addr: fold(addresses), d_l4: fold(d_l4) }
    }

    /// Rewrites the packet `p` of the frame; `ttl`: takes one off its time to live as well (never
    /// below 0). Later fragments have addresses only; an ICMP query gets the identifier, other
    /// ICMP nothing beyond the addresses. A UDP checksum of 0 stays 0 (RFC 768). A partial
    /// checksum ([`Frame::NEEDS_CSUM`]) covers the addresses only.
    #[inline]
    pub fn apply(&self, frame: &mut Frame, p: &Packet, ttl: bool) {
        let partial = is_partial(frame, p);
        let bytes = frame.bytes_mut();
        self.apply_header(bytes, usize::from(p.l3), ttl);
        if p.has(Packet::LATER) {
            return;
        }
        let l4 = usize::from(p.l4);
        match p.proto {
            proto::TCP => {
                let Some(h) = chunk_mut::<20>(bytes, l4) else {
                    return;
                };
                h[0..2].copy_from_slice(&self.sport.to_be_bytes());
                h[2..4].copy_from_slice(&self.dport.to_be_bytes());
                let old = u16::from_be_bytes([h[TCP_CSUM], h[TCP_CSUM + 1]]);
                let new = if partial { self.update_partial(old) } else { update(old, self.d_l4) };
                h[TCP_CSUM..TCP_CSUM + 2].copy_from_slice(&new.to_be_bytes());
            }
            proto::UDP => {
                let Some(h) = chunk_mut::<8>(bytes, l4) else {
                    return;
                };
                h[0..2].copy_from_slice(&self.sport.to_be_bytes());
                h[2..4].copy_from_slice(&self.dport.to_be_bytes());
                let old = u16::from_be_bytes([h[UDP_CSUM], h[UDP_CSUM + 1]]);
                let new = if partial { self.update_partial(old) } else { update_udp(old, self.d_l4) };
                h[UDP_CSUM..UDP_CSUM + 2].copy_from_slice(&new.to_be_bytes());
            }
            proto::ICMP if is_icmp_query(false, (p.dport >> 8) as u8) => {
                let Some(h) = chunk_mut::<8>(bytes, l4) else {
                    return;
                };
                h[ICMP_ID..ICMP_ID + 2].copy_from_slice(&self.sport.to_be_bytes());
                // ICMP has no pseudo header, so a partial checksum covers nothing yet.
                if !partial {
                    let old = u16::from_be_bytes([h[ICMP_CSUM], h[ICMP_CSUM + 1]]);
                    h[ICMP_CSUM..ICMP_CSUM + 2].copy_from_slice(&update(old, self.d_l4).to_be_bytes());
                }
            }
            _ => {}
        }
    }

    /// The IP header part of [`Rewrite4::apply`].
    #[inline]
    fn apply_header(&self, bytes: &mut [u8], l3: usize, ttl: bool) {
        let Some(ip) = chunk_mut::<20>(bytes, l3) else {
            return;
        };
        let mut delta = u32::from(self.d_addr);
        if ttl && ip[8] != 0 {
            ip[8] -= 1;
            delta += TTL_DELTA;
        }
        let sum = update(u16::from_be_bytes([ip[10], ip[11]]), fold(delta));
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        ip[12..16].copy_from_slice(&self.src.to_be_bytes());
        ip[16..20].copy_from_slice(&self.dst.to_be_bytes());
    }

    /// A partial checksum is the folded pseudo-header sum itself, not its complement.
    #[inline]
    fn update_partial(&self, sum: u16) -> u16 {
        fold(u32::from(sum) + u32::from(self.d_addr))
    }
}

/// Whether the L4 checksum of `p` itself is partial (and not that of a packet inside it).
#[inline]
fn is_partial(frame: &Frame, p: &Packet) -> bool {
    frame.flags & Frame::NEEDS_CSUM != 0 && frame.csum_start == p.l4
}

/// Rewrites an ICMP error: `outer` are the new addresses of the error itself (source,
/// destination), `quoted` the new addresses and ports of the packet it quotes (source port:
/// identifier, if that is an ICMP query). The quoted header checksum, the quoted L4 checksum (if
/// the quote reaches so far; a UDP 0 stays), the ICMP checksum and the outer header checksum are
/// updated by difference. `ttl`: takes one off the time to live of the error.
pub fn rewrite_error4(
    frame: &mut Frame,
    p: &Packet,
    q: &Quote,
    outer: (u32, u32),
    quoted: (u32, u32, u16, u16),
    ttl: bool,
) {
    let partial = is_partial(frame, p);
    let all = frame.bytes_mut();
    let (l3, l4) = (usize::from(p.l3), usize::from(p.l4));
    let old = (get32(all, l3 + 12).unwrap_or(0), get32(all, l3 + 16).unwrap_or(0));
    Rewrite4::new(0, (old.0, old.1, 0, 0), (outer.0, outer.1, 0, 0)).apply_header(all, l3, ttl);

    // Nothing beyond the quote is touched, even where the frame goes on (padding, extensions).
    let Some(bytes) = all.get_mut(..q.end as usize) else {
        return;
    };
    let (ql3, ql4) = (usize::from(q.l3), usize::from(q.l4));
    // Every changed word lies at an even distance from the ICMP header: 8 + a multiple of 4.
    let mut icmp = 0u32;

    let addresses = set32(bytes, ql3 + 12, quoted.0) + set32(bytes, ql3 + 16, quoted.1);
    icmp += addresses;
    if let Some(sum) = get16(bytes, ql3 + 10) {
        icmp += set16(bytes, ql3 + 10, update(sum, fold(addresses)));
    }
    match q.tuple.proto {
        proto::TCP | proto::UDP => {
            let ports = set16(bytes, ql4, quoted.2) + set16(bytes, ql4 + 2, quoted.3);
            icmp += ports;
            let l4_delta = fold(addresses + ports);
            if q.tuple.proto == proto::UDP {
                if let Some(sum) = get16(bytes, ql4 + UDP_CSUM) {
                    icmp += set16(bytes, ql4 + UDP_CSUM, update_udp(sum, l4_delta));
                }
            } else if let Some(sum) = get16(bytes, ql4 + TCP_CSUM) {
                icmp += set16(bytes, ql4 + TCP_CSUM, update(sum, l4_delta));
            }
        }
        proto::ICMP if is_icmp_query(false, (q.tuple.dport >> 8) as u8) => {
            let id = set16(bytes, ql4 + ICMP_ID, quoted.2);
            icmp += id;
            if let Some(sum) = get16(bytes, ql4 + ICMP_CSUM) {
                icmp += set16(bytes, ql4 + ICMP_CSUM, update(sum, fold(id)));
            }
        }
        _ => {}
    }
    if !partial && let Some(sum) = get16(bytes, l4 + ICMP_CSUM) {
        put16(bytes, l4 + ICMP_CSUM, update(sum, fold(icmp)));
    }
}

/// Writes a word and tells the delta; beyond the end nothing happens and nothing changes.
fn set16(bytes: &mut [u8], at: usize, new: u16) -> u32 {
    let Some(old) = get16(bytes, at) else {
        return 0;
    };
    put16(bytes, at, new);
    delta16(old, new)
}

/// [`set16`] for two words.
fn set32(bytes: &mut [u8], at: usize, new: u32) -> u32 {
    let Some(old) = get32(bytes, at) else {
        return 0;
    };
    put32(bytes, at, new);
    delta32(old, new)
}
