//! A packet in words: `PROTO SRC[:PORT] > DST[:PORT] [FLAGS|TYPE/CODE]`, and the frame it stands for.

use std::fmt::{self, Display};
use std::net::IpAddr;
use vpcd_wire::checksum::{checksum, fold, pseudo4, pseudo6, sum};
use vpcd_wire::{Frame, Mac, is_icmp_query, proto, set_macs, tcp};

/// Protocols that have a name here; any other goes by its number.
const PROTOCOLS: [(&str, u8); 11] = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("icmpv6", 58),
    ("icmp6", 58),
    ("igmp", 2),
    ("ipip", 4),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("sctp", 132),
];
const FLAGS: [(&str, u8); 7] = [
    ("fin", tcp::FIN),
    ("syn", tcp::SYN),
    ("rst", tcp::RST),
    ("psh", tcp::PSH),
    ("ack", tcp::ACK),
    ("urg", 32),
    ("none", 0),
];
/// Source port where none is given: any that a host might choose.
const EPHEMERAL: u16 = 40_000;
const TTL: u8 = 64;

/// A packet without payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sketch {
    pub(super) proto: u8,
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    /// Source port, or identifier of an ICMP query.
    pub(super) sport: u16,
    /// Destination port, or ICMP type * 256 + code.
    pub(super) dport: u16,
    /// TCP flags.
    pub(super) flags: u8,
}

/// Reads the words.
pub(super) fn parse(text: &str) -> Result<Sketch, String> {
    let spaced = text.replace('>', " > ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (name, src, dst, rest) = match words.as_slice() {
        [name, src, ">", dst, rest @ ..] => (*name, *src, *dst, rest),
        _ => return Err(format!("{text:?} is not of the form PROTO SRC[:PORT] > DST[:PORT] [FLAGS|TYPE/CODE]")),
    };
    let lower = name.to_ascii_lowercase();
    let proto = match PROTOCOLS.iter().find(|(n, _)| *n == lower) {
        Some((_, number)) => *number,
        None => lower.parse().map_err(|_| {
            format!("{name} is no protocol: tcp, udp, icmp, icmpv6, gre, esp or a number from 0 to 255")
        })?,
    };
    let ((src, sport), (dst, dport)) = (end(src)?, end(dst)?);
    if src.is_ipv4() != dst.is_ipv4() {
        return Err(format!("{src} and {dst} are not of one address family"));
    }
    let mut sketch = Sketch { proto, src, dst, sport: sport.unwrap_or(0), dport: 0, flags: 0 };
    let option = match rest {
        [] => None,
        [one] => Some(*one),
        _ => return Err(format!("{} is one word too many", rest[1])),
    };
    match proto {
        proto::TCP | proto::UDP => {
            sketch.sport = sport.unwrap_or(EPHEMERAL);
            sketch.dport = dport.ok_or_else(|| format!("{lower} needs a destination port"))?;
            sketch.flags = match option {
                None if proto == proto::TCP => tcp::SYN,
                None => 0,
                Some(flags) if proto == proto::TCP => tcp_flags(flags)?,
                Some(other) => return Err(format!("{other}: udp has no flags")),
            };
        }
        proto::ICMP | proto::ICMP6 => {
            let v6 = proto == proto::ICMP6;
            if v6 != src.is_ipv6() {
                return Err(format!("{lower} goes with {} addresses", if v6 { "IPv6" } else { "IPv4" }));
            }
            if dport.is_some() {
                return Err(format!("{lower} has no destination port"));
            }
            sketch.dport = match option {
                None => u16::from(if v6 { 128u8 } else { 8 }) << 8,
                Some(kind) => type_and_code(kind)?,
            };
            sketch.sport = if is_icmp_query(v6, (sketch.dport >> 8) as u8) { sport.unwrap_or(1) } else { 0 };
        }
        _ if sport.is_some() || dport.is_some() => return Err(format!("protocol {proto} has no ports")),
        _ if option.is_some() => return Err(format!("protocol {proto} has neither flags nor types")),
        _ => {}
    }
    Ok(sketch)
}

/// `ADDR`, `ADDR:PORT`, `[V6]`, `[V6]:PORT`.
fn end(text: &str) -> Result<(IpAddr, Option<u16>), String> {
    let wrong = || format!("{text} is no address (IPv6 in brackets: [2001:db8::1]:443)");
    if let Ok(address) = text.parse() {
        return Ok((address, None));
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or_else(wrong)?;
            let address = address.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (IpAddr::V6(address), port)
        }
        None => {
            let colon = text.rfind(':').ok_or_else(wrong)?;
            (IpAddr::V4(text[..colon].parse().map_err(|_| wrong())?), &text[colon..])
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((address, None)),
        Some(port) => Ok((address, Some(port.parse().map_err(|_| format!("{port} is no port"))?))),
        None => Err(wrong()),
    }
}

fn tcp_flags(text: &str) -> Result<u8, String> {
    let mut flags = 0;
    for word in text.split([',', '+', '|']) {
        let known = FLAGS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
        flags |= known
            .ok_or_else(|| format!("{word} is no TCP flag: syn, ack, fin, rst, psh, urg or none, joined by commas"))?
            .1;
    }
    Ok(flags)
}

fn type_and_code(text: &str) -> Result<u16, String> {
    let (typ, code) = text.split_once('/').unwrap_or((text, "0"));
    match (typ.parse::<u8>(), code.parse::<u8>()) {
        (Ok(typ), Ok(code)) => Ok(u16::from_be_bytes([typ, code])),
        _ => Err(format!("{text} is no ICMP type and code, such as 8/0")),
    }
}

impl Sketch {
    /// The answer that the far end would give: a SYN is acknowledged, a query gets its counterpart.
    pub(super) fn answer(&self) -> Sketch {
        let tuple = vpcd_wire::FiveTuple {
            src: self.src,
            dst: self.dst,
            sport: self.sport,
            dport: self.dport,
            proto: self.proto,
        }
        .reverse();
        let flags = match self.flags {
            0 => 0,
            f if f & tcp::SYN != 0 => tcp::SYN | tcp::ACK,
            _ => tcp::ACK,
        };
        Sketch { proto: tuple.proto, src: tuple.src, dst: tuple.dst, sport: tuple.sport, dport: tuple.dport, flags }
    }

    /// What a frame that left is in words. `None`: it is no IP packet.
    pub(super) fn of(frame: &Frame) -> Option<Sketch> {
        match vpcd_wire::parse_frame(frame, 0).ok()? {
            vpcd_wire::Parsed::Ip(p) => {
                let t = p.tuple(frame.bytes());
                Some(Sketch {
                    proto: t.proto,
                    src: t.src,
                    dst: t.dst,
                    sport: t.sport,
                    dport: t.dport,
                    flags: p.tcp_flags,
                })
            }
            vpcd_wire::Parsed::Arp(_) => None,
        }
    }

    /// The packet as a frame, with right checksums.
    pub(super) fn frame(&self, from: Mac, to: Mac) -> Frame {
        let mut l4 = self.upper_layer();
        let length = l4.len() as u32;
        let mut packet = Vec::with_capacity(80);
        let pseudo = match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut head = [0; 20];
                (head[0], head[8], head[9]) = (0x45, TTL, self.proto);
                head[2..4].copy_from_slice(&(20 + l4.len() as u16).to_be_bytes());
                head[12..16].copy_from_slice(&src.octets());
                head[16..20].copy_from_slice(&dst.octets());
                let header = checksum(&head);
                head[10..12].copy_from_slice(&header.to_be_bytes());
                packet.extend_from_slice(&[8, 0]);
                packet.extend_from_slice(&head);
                pseudo4(src.into(), dst.into(), self.proto, length)
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                packet.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0]);
                packet.extend_from_slice(&(l4.len() as u16).to_be_bytes());
                packet.extend_from_slice(&[self.proto, TTL]);
                packet.extend_from_slice(&src.octets());
                packet.extend_from_slice(&dst.octets());
                pseudo6(src, dst, self.proto, length)
            }
            // `parse` takes one family only.
            _ => 0,
        };
        let (at, pseudo) = match self.proto {
            proto::TCP => (16, pseudo),
            proto::UDP => (6, pseudo),
            proto::ICMP6 => (2, pseudo),
            proto::ICMP => (2, 0),
            _ => (l4.len(), 0),
        };
        let value = match !fold(sum(&l4) + pseudo) {
            0 if self.proto == proto::UDP => 0xffff,
            value => value,
        };
        if let Some(field) = l4.get_mut(at..at + 2) {
            field.copy_from_slice(&value.to_be_bytes());
        }
        let mut bytes = vec![0; 12];
        bytes.append(&mut packet);
        bytes.append(&mut l4);
        set_macs(&mut bytes, to, from);
        Frame::from_bytes(&bytes)
    }

    /// Header with a checksum of zero.
    fn upper_layer(&self) -> Vec<u8> {
        let mut head = Vec::with_capacity(20);
        match self.proto {
            proto::TCP => {
                head.extend_from_slice(&self.sport.to_be_bytes());
                head.extend_from_slice(&self.dport.to_be_bytes());
                // Sequence and acknowledgement numbers of one; 20 bytes of header; a window.
                head.extend_from_slice(&[
                    0,
                    0,
                    0,
                    1,
                    0,
                    0,
                    0,
                    u8::from(self.flags & tcp::ACK != 0),
                    0x50,
                    self.flags,
                    0xff,
                    0xff,
                    0,
                    0,
                    0,
                    0,
                ]);
            }
            proto::UDP => {
                head.extend_from_slice(&self.sport.to_be_bytes());
                head.extend_from_slice(&self.dport.to_be_bytes());
                head.extend_from_slice(&[0, 8, 0, 0]);
            }
            proto::ICMP | proto::ICMP6 => {
                head.extend_from_slice(&self.dport.to_be_bytes());
                head.extend_from_slice(&[0, 0]);
                head.extend_from_slice(&self.sport.to_be_bytes());
                head.extend_from_slice(&[0, 1]);
            }
            // Something that looks like no header in particular.
            _ => head.extend_from_slice(&[0; 8]),
        }
        head
    }
}

impl Display for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = vpcd_wire::FiveTuple {
            src: self.src,
            dst: self.dst,
            sport: self.sport,
            dport: self.dport,
            proto: self.proto,
        };
        write!(f, "{t}")?;
        if self.proto != proto::TCP {
            return Ok(());
        }
        let set: Vec<&str> = FLAGS.iter().filter(|(_, bit)| self.flags & bit != 0).map(|(name, _)| *name).collect();
        write!(f, " {}", if set.is_empty() { "none".into() } else { set.join(",") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let shown = |text: &str| parse(text).map(|s| s.to_string()).unwrap();
        assert_eq!(shown("tcp 10.0.1.5:40000 > 192.0.2.77:443 syn"), "tcp 10.0.1.5:40000 > 192.0.2.77:443 syn");
        assert_eq!(shown("TCP 10.0.1.5>192.0.2.77:443"), "tcp 10.0.1.5:40000 > 192.0.2.77:443 syn");
        assert_eq!(shown("tcp 10.0.1.5:1 > 192.0.2.77:2 SYN,ack"), "tcp 10.0.1.5:1 > 192.0.2.77:2 syn,ack");
        assert_eq!(shown("tcp 10.0.1.5:1 > 192.0.2.77:2 none"), "tcp 10.0.1.5:1 > 192.0.2.77:2 none");
        assert_eq!(shown("udp [2001:db8::1]:53 > [2001:db8::2]:53"), "udp [2001:db8::1]:53 > [2001:db8::2]:53");
        assert_eq!(shown("icmp 10.0.0.1 > 10.0.0.2"), "icmp 10.0.0.1 > 10.0.0.2 8/0 id 1");
        assert_eq!(shown("icmp 10.0.0.1:7 > 10.0.0.2 0"), "icmp 10.0.0.1 > 10.0.0.2 0/0 id 7");
        assert_eq!(shown("icmp 10.0.0.1 > 10.0.0.2 3/4"), "icmp 10.0.0.1 > 10.0.0.2 3/4");
        assert_eq!(shown("icmpv6 [fe80::1] > 2001:db8::2 129/0"), "icmp6 fe80::1 > 2001:db8::2 129/0 id 1");
        assert_eq!(shown("esp 10.0.0.1 > 10.0.0.2"), "proto-50 10.0.0.1 > 10.0.0.2");
        assert_eq!(shown("89 10.0.0.1 > 10.0.0.2"), "proto-89 10.0.0.1 > 10.0.0.2");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "",
            "tcp 10.0.0.1 10.0.0.2",
            "tcp 10.0.0.1 > 10.0.0.2",
            "tcp 10.0.0.1 > 10.0.0.2:80 sny",
            "tcp 10.0.0.1 > 10.0.0.2:80 syn ack",
            "tcp 10.0.0.1 > 10.0.0.2:80000",
            "tcp 10.0.0.1 > [2001:db8::1]:80",
            "tcp 10.0.0.1 > [2001:db8::1:80",
            "tcp 10.0.0.1 > [10.0.0.2]:80",
            "udp 10.0.0.1 > 10.0.0.2:53 syn",
            "icmp 10.0.0.1 > 10.0.0.2:8",
            "icmp 10.0.0.1 > 10.0.0.2 8/300",
            "icmp [::1] > [::2]",
            "gre 10.0.0.1:1 > 10.0.0.2",
            "gre 10.0.0.1 > 10.0.0.2 x",
            "300 10.0.0.1 > 10.0.0.2",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_frame_says_what_the_words_say_and_its_checksums_are_right() {
        for text in [
            "tcp 10.0.1.5:40000 > 192.0.2.77:443 syn",
            "udp 10.0.1.5:40000 > 192.0.2.77:443",
            "icmp 10.0.1.5 > 192.0.2.77",
            "gre 10.0.1.5 > 192.0.2.77",
            "tcp [2001:db8::1]:1 > [2001:db8::2]:2 ack",
            "udp [2001:db8::1]:1 > [2001:db8::2]:2",
            "icmpv6 [2001:db8::1] > [2001:db8::2]",
        ] {
            let sketch = parse(text).unwrap();
            let frame = sketch.frame(Mac([2; 6]), Mac([4; 6]));
            assert_eq!(Sketch::of(&frame), Some(sketch), "{text}");
            let vpcd_wire::Parsed::Ip(p) = vpcd_wire::parse(frame.bytes(), 1500).unwrap() else { panic!("{text}") };
            let l4 = &frame.bytes()[p.l4 as usize..p.end as usize];
            let pseudo = match (sketch.src, sketch.dst) {
                (IpAddr::V4(s), IpAddr::V4(d)) if p.proto != 1 => pseudo4(s.into(), d.into(), p.proto, l4.len() as u32),
                (IpAddr::V6(s), IpAddr::V6(d)) => pseudo6(s, d, p.proto, l4.len() as u32),
                _ => 0,
            };
            assert!(p.proto == 47 || fold(sum(l4) + pseudo) == 0xffff, "{text}");
        }
    }

    #[test]
    fn answers() {
        let answer = |text: &str| parse(text).unwrap().answer().to_string();
        assert_eq!(answer("tcp 10.0.0.1:1 > 10.0.0.2:2"), "tcp 10.0.0.2:2 > 10.0.0.1:1 syn,ack");
        assert_eq!(answer("tcp 10.0.0.1:1 > 10.0.0.2:2 ack"), "tcp 10.0.0.2:2 > 10.0.0.1:1 ack");
        assert_eq!(answer("icmp 10.0.0.1:9 > 10.0.0.2"), "icmp 10.0.0.2 > 10.0.0.1 0/0 id 9");
    }
}
