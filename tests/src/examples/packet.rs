//! Packets in words: `PROTO SRC[:PORT] > DST[:PORT] [FLAGS | TYPE/CODE] [id N] [ttl N] [len N] [df]`, IPv6 in brackets.
//!
//! `piece N of ID` is that fragment (1480 bytes each) of datagram ID; `icmp A > B 3/4 about PACKET` is an ICMP error that quotes another
//! packet. `arp A > B` asks for B's address, `nd TYPE SRC > DST TARGET` is neighbour discovery.

use crate::history::Rng;
use crate::history::frames::{self, Dress, packet};
use crate::model::packet::{ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, Tuple, UDP};
use crate::model::sum;
use std::net::{IpAddr, SocketAddr};

pub(super) fn end(text: &str) -> Option<(IpAddr, u16)> {
    if let Ok(s) = text.parse::<SocketAddr>() {
        return Some((s.ip(), s.port()));
    }
    Some((text.trim_matches(['[', ']']).parse().ok()?, 0))
}

/// MAC that an ARP or ND packet in words names as its sender's.
const ASKER: [u8; 6] = [2, 0x30, 0, 0, 0, 1];

fn resolution(text: &str) -> Option<Vec<u8>> {
    match *text.split_whitespace().collect::<Vec<_>>() {
        ["arp", from, ">", to] => {
            let octets = |a: &str| a.parse::<std::net::Ipv4Addr>().ok().map(|a| a.octets());
            Some(frames::arp(1, ASKER, octets(from)?, octets(to)?))
        }
        ["nd", kind, from, ">", to, target] => {
            let [from, to, target] = [from, to, target].map(|a| end(a).map(|e| e.0));
            Some(frames::nd(kind.parse().ok()?, from?, to?, target?, ASKER, 255, &mut Rng::new(7)))
        }
        _ => None,
    }
}

/// An ICMP error of this tuple that quotes `about` whole.
fn error(t: Tuple, d: &Dress, about: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut message = [&t.dport.to_be_bytes()[..], &[0, 0, 0, 0, 5, 0xdc], &about[14..]].concat();
    let length = (message.len() as u32).to_be_bytes();
    let pseudo = match (t.src, t.dst) {
        (IpAddr::V6(s), IpAddr::V6(d)) => [&s.octets()[..], &d.octets(), &length, &[0, 0, 0, t.proto]].concat(),
        _ => Vec::new(),
    };
    let checksum = sum::of(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    frames::ip(t, d, &message, rng)
}

/// The frame that the words mean.
pub fn parse(text: &str) -> Option<Vec<u8>> {
    if let Some(frame) = resolution(text) {
        return Some(frame);
    }
    let (text, about) = match text.split_once(" about ") {
        Some((text, about)) => (text, Some(parse(about)?)),
        None => (text, None),
    };
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
    let mut piece = None;
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
            "piece" => {
                let number: usize = words.next()?.parse().ok()?;
                (words.next()? == "of").then_some(())?;
                piece = Some((number, words.next()?.parse().ok()?));
            }
            kind => {
                let (kind, code) = kind.split_once('/')?;
                t.dport = kind.parse::<u16>().ok()? << 8 | code.parse::<u16>().ok()?;
            }
        }
    }
    if let Some((number, id)) = piece {
        return frames::fragments(t, &d, 1480, &mut Rng::new(id)).into_iter().nth(number);
    }
    Some(match about {
        Some(about) => error(t, &d, &about, &mut rng),
        None => packet(t, &d, &mut rng),
    })
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
