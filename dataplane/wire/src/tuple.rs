//! Five-tuples: the names of flows (`docs/semantics.md`, section 3).

use crate::{Mac, proto};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Source, destination, protocol and ports of a packet. ICMP: `sport` is the identifier of a
/// query (0 otherwise), `dport` is type * 256 + code. Other protocols and later fragments: 0, 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct FiveTuple {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source port, or the identifier of an ICMP query.
    pub sport: u16,
    /// Destination port, or ICMP type * 256 + code.
    pub dport: u16,
    /// IANA protocol number.
    pub proto: u8,
}

impl FiveTuple {
    /// The tuple of an answer to this packet.
    #[inline]
    pub fn reverse(&self) -> FiveTuple {
        let (sport, dport) = reverse_ports(self.proto, self.src.is_ipv6(), self.sport, self.dport);
        FiveTuple { src: self.dst, dst: self.src, sport, dport, proto: self.proto }
    }
}

/// Ports of an answer: swapped for TCP and UDP; the counterpart type for an ICMP query; unchanged
/// for everything else.
#[inline]
pub fn reverse_ports(proto: u8, v6: bool, sport: u16, dport: u16) -> (u16, u16) {
    match (proto, v6) {
        (proto::TCP | proto::UDP, _) => (dport, sport),
        (proto::ICMP, false) => {
            let counterpart = match dport >> 8 {
                0 => 8,
                8 => 0,
                13 => 14,
                14 => 13,
                15 => 16,
                16 => 15,
                17 => 18,
                18 => 17,
                other => other,
            };
            (sport, counterpart << 8 | dport & 0xff)
        }
        (proto::ICMP6, true) => {
            let counterpart = match dport >> 8 {
                128 => 129,
                129 => 128,
                other => other,
            };
            (sport, counterpart << 8 | dport & 0xff)
        }
        _ => (sport, dport),
    }
}

/// Whether messages of this ICMP type carry an identifier: echo, timestamp, information and
/// address mask requests and replies (RFC 792, RFC 950), ICMPv6 echo (RFC 4443).
#[inline]
pub fn is_icmp_query(v6: bool, icmp_type: u8) -> bool {
    if v6 { matches!(icmp_type, 128 | 129) } else { matches!(icmp_type, 0 | 8 | 13..=18) }
}

/// Whether messages of this ICMP type quote the packet they complain about: unreachable, time
/// exceeded, parameter problem; ICMPv6 also packet too big.
#[inline]
pub fn is_icmp_error(v6: bool, icmp_type: u8) -> bool {
    if v6 { matches!(icmp_type, 1..=4) } else { matches!(icmp_type, 3 | 11 | 12) }
}

/// Whether the address is a group (224.0.0.0/4, ff00::/8).
#[inline]
pub fn is_multicast(addr: IpAddr) -> bool {
    addr.is_multicast()
}

/// The link-local address a host derives from its Ethernet address (RFC 4291, appendix A).
pub fn eui64_link_local(mac: Mac) -> Ipv6Addr {
    let [a, b, c, d, e, f] = mac.0;
    let mut out = [0; 16];
    out[..2].copy_from_slice(&[0xfe, 0x80]);
    out[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Addr::from(out)
}

impl fmt::Display for FiveTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (src, dst, v6) = (self.src, self.dst, self.src.is_ipv6());
        match (self.proto, v6) {
            (proto::TCP | proto::UDP, _) => {
                let name = if self.proto == proto::TCP { "tcp" } else { "udp" };
                let src = std::net::SocketAddr::new(src, self.sport);
                write!(f, "{name} {src} > {}", std::net::SocketAddr::new(dst, self.dport))
            }
            (proto::ICMP, false) | (proto::ICMP6, true) => {
                let name = if v6 { "icmp6" } else { "icmp" };
                let [typ, code] = self.dport.to_be_bytes();
                write!(f, "{name} {src} > {dst} {typ}/{code}")?;
                if is_icmp_query(v6, typ) { write!(f, " id {}", self.sport) } else { Ok(()) }
            }
            (proto, _) => write!(f, "proto-{proto} {src} > {dst}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(src: &str, dst: &str, proto: u8, sport: u16, dport: u16) -> FiveTuple {
        FiveTuple { src: src.parse().unwrap(), dst: dst.parse().unwrap(), sport, dport, proto }
    }

    #[test]
    fn text_forms() {
        let show = |t: FiveTuple| t.to_string();
        assert_eq!(show(tuple("10.0.0.5", "1.2.3.4", 6, 40000, 443)), "tcp 10.0.0.5:40000 > 1.2.3.4:443");
        assert_eq!(show(tuple("fe80::1", "::2", 17, 1, 2)), "udp [fe80::1]:1 > [::2]:2");
        assert_eq!(show(tuple("10.0.0.1", "10.0.0.2", 1, 7, 8 << 8)), "icmp 10.0.0.1 > 10.0.0.2 8/0 id 7");
        assert_eq!(show(tuple("10.0.0.1", "10.0.0.2", 1, 0, 3 << 8 | 4)), "icmp 10.0.0.1 > 10.0.0.2 3/4");
        assert_eq!(show(tuple("::1", "::2", 58, 7, 128 << 8)), "icmp6 ::1 > ::2 128/0 id 7");
        assert_eq!(show(tuple("10.0.0.1", "10.0.0.2", 47, 0, 0)), "proto-47 10.0.0.1 > 10.0.0.2");
    }

    #[test]
    fn reversing_twice_gives_the_tuple_back_for_every_protocol_and_type() {
        for proto in [1, 6, 17, 47, 58] {
            for dport in (0..=u16::MAX).step_by(0x81) {
                for (a, b) in [("10.0.0.1", "10.0.0.2"), ("::1", "::2")] {
                    let t = tuple(a, b, proto, 77, dport);
                    assert_eq!(t.reverse().reverse(), t);
                    assert_eq!(t.reverse().src, t.dst);
                }
            }
        }
    }

    #[test]
    fn icmp_queries_reverse_to_their_counterpart_and_others_stay() {
        assert_eq!(reverse_ports(1, false, 5, 8 << 8), (5, 0));
        assert_eq!(reverse_ports(1, false, 5, 17 << 8 | 3), (5, 18 << 8 | 3));
        assert_eq!(reverse_ports(1, false, 0, 3 << 8 | 1), (0, 3 << 8 | 1));
        assert_eq!(reverse_ports(58, true, 5, 128 << 8), (5, 129 << 8));
        // The other family's ICMP is just a protocol without ports.
        assert_eq!(reverse_ports(1, true, 0, 0), (0, 0));
        assert_eq!(reverse_ports(6, true, 1, 2), (2, 1));
    }

    #[test]
    fn link_local_address_of_a_mac() {
        assert_eq!(eui64_link_local(Mac([0x02, 0x11, 0x22, 0x33, 0x44, 0x55])).to_string(), "fe80::11:22ff:fe33:4455");
    }
}
