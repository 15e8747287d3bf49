//! The packet an ICMP error complains about.

use crate::bytes::{chunk, get_v6, get16};
use crate::parse::chain6;
use crate::{FiveTuple, Packet, is_icmp_error, is_icmp_query, proto};
use std::net::{IpAddr, Ipv4Addr};

/// Where the quote of an ICMP error lies, and the flow it names as written there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    /// Tuple of the quoted packet.
    pub tuple: FiveTuple,
    /// Where the quoted IP header begins, bytes from the start of the frame.
    pub l3: u16,
    /// Where the quoted L4 header begins; at least 8 bytes of it are there.
    pub l4: u16,
    /// Where the quote ends: with the error, or with the quoted datagram if that is sooner.
    pub end: u32,
}

/// Reads the quote of an ICMP error (RFC 792; RFC 4443, section 3). `None` if `p` is no error, if
/// it quotes less than the IP header and 8 bytes behind it, a later fragment, or another error.
/// Checksums and lengths in the quote are not judged: routers on the way have changed what they cover, and some stacks
/// write lengths in their own byte order.
pub fn quote(bytes: &[u8], p: &Packet) -> Option<Quote> {
    if !p.has(Packet::ICMP_ERROR) {
        return None;
    }
    let l3 = usize::from(p.l4) + 8;
    let bytes = bytes.get(..p.end as usize)?;
    let (src, dst, l4, protocol);
    let v6 = p.has(Packet::V6);
    if v6 {
        let head = chunk::<40>(bytes, l3)?;
        if head[0] >> 4 != 6 {
            return None;
        }
        let chain = chain6(bytes, l3 + 40, head[6])?;
        if chain.frag_off != 0 {
            return None;
        }
        (l4, protocol) = (chain.l4, chain.proto);
        src = IpAddr::V6(get_v6(bytes, l3 + 8)?);
        dst = IpAddr::V6(get_v6(bytes, l3 + 24)?);
    } else {
        let head = chunk::<20>(bytes, l3)?;
        let header = usize::from(head[0] & 15) * 4;
        if head[0] >> 4 != 4 || header < 20 || (head[6] & 0x1f, head[7]) != (0, 0) {
            return None;
        }
        (l4, protocol) = (l3 + header, head[9]);
        src = IpAddr::V4(Ipv4Addr::new(head[12], head[13], head[14], head[15]));
        dst = IpAddr::V4(Ipv4Addr::new(head[16], head[17], head[18], head[19]));
    }
    let h = chunk::<8>(bytes, l4)?;
    let (sport, dport) = match protocol {
        proto::TCP | proto::UDP => (u16::from_be_bytes([h[0], h[1]]), u16::from_be_bytes([h[2], h[3]])),
        proto::ICMP | proto::ICMP6 if (protocol == proto::ICMP6) == v6 => {
            if is_icmp_error(v6, h[0]) {
                return None;
            }
            let id = if is_icmp_query(v6, h[0]) { get16(h, 4)? } else { 0 };
            (id, u16::from_be_bytes([h[0], h[1]]))
        }
        _ => (0, 0),
    };
    Some(Quote {
        tuple: FiveTuple { src, dst, sport, dport, proto: protocol },
        l3: u16::try_from(l3).ok()?,
        l4: u16::try_from(l4).ok()?,
        end: p.end,
    })
}
