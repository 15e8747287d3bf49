//! Packets in words: `PROTO SRC[:PORT] > DST[:PORT] [FLAGS | TYPE/CODE] [id N] [ttl N] [len N] [df]`, IPv6 in brackets.

use crate::history::Rng;
use crate::history::frames::{Dress, packet};
use crate::model::packet::{ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, Tuple, UDP};
use std::net::{IpAddr, SocketAddr};

fn end(text: &str) -> Option<(IpAddr, u16)> {
    if let Ok(s) = text.parse::<SocketAddr>() {
        return Some((s.ip(), s.port()));
    }
    Some((text.trim_matches(['[', ']']).parse().ok()?, 0))
}

/// The frame that the words mean.
pub fn parse(text: &str) -> Option<Vec<u8>> {
    let mut words = text.split_whitespace();
    let proto = match words.next()? {
        "tcp" => TCP,
        "udp" => UDP,
        "icmp" => ICMP,
        "icmp6" => ICMP6,
        "gre" => 47,
        "esp" => 50,
        _ => return None,
    };
    let (src, sport) = end(words.next()?)?;
    (words.next()? == ">").then_some(())?;
    let (dst, dport) = end(words.next()?)?;
    let mut rng = Rng::new(7);
    let mut t = Tuple { src, dst, proto, sport, dport };
    let mut d = Dress { df: false, payload: 12, flags: SYN, ..Dress::plain(&mut rng) };
    while let Some(word) = words.next() {
        match word {
            "syn" => d.flags = SYN,
            "syn-ack" => d.flags = SYN | ACK,
            "ack" => d.flags = ACK,
            "fin" => d.flags = FIN | ACK,
            "rst" => d.flags = RST,
            "df" => d.df = true,
            "id" => t.sport = words.next()?.parse().ok()?,
            "ttl" => d.ttl = words.next()?.parse().ok()?,
            "len" => d.payload = words.next()?.parse().ok()?,
            kind => {
                let (kind, code) = kind.split_once('/')?;
                t.dport = kind.parse::<u16>().ok()? << 8 | code.parse::<u16>().ok()?;
            }
        }
    }
    Some(packet(t, &d, &mut rng))
}

/// A tuple in words: protocol number, ends with ports (ICMP: identifier first).
pub(super) fn words(t: Tuple) -> String {
    let name = match t.proto {
        TCP => "tcp",
        UDP => "udp",
        ICMP => return format!("icmp {} > {} {}/{} id {}", t.src, t.dst, t.dport >> 8, t.dport & 255, t.sport),
        ICMP6 => return format!("icmp6 [{}] > [{}] {}/{} id {}", t.src, t.dst, t.dport >> 8, t.dport & 255, t.sport),
        _ => "other",
    };
    format!("{name} {} > {}", SocketAddr::new(t.src, t.sport), SocketAddr::new(t.dst, t.dport))
}
