//! Frames in one readable line.

use super::packet::{Content, ICMP, ICMP6, TCP, UDP, addr4, be16, parse};
use std::fmt::Write;

/// A frame, decoded as far as it goes.
pub fn frame(bytes: &[u8]) -> String {
    let mut out = format!("{} B ", bytes.len());
    match parse(bytes, usize::MAX) {
        Err(reason) => {
            let _ = write!(out, "unreadable ({reason}) {}", hex(bytes));
        }
        Ok(Content::Arp) => {
            let (op, from, to) = (be16(bytes, 20), addr4(bytes, 28), addr4(bytes, 38));
            let _ = write!(out, "arp op {op} {from} asks {to}");
        }
        Ok(Content::Ip(p)) => {
            let name = match p.proto {
                TCP => "tcp".into(),
                UDP => "udp".into(),
                ICMP => "icmp".into(),
                ICMP6 => "icmp6".into(),
                n => format!("proto {n}"),
            };
            let _ = write!(out, "{name} {}:{} > {}:{} ttl {}", p.src, p.sport, p.dst, p.dport, p.ttl);
            if p.is_icmp() {
                let _ = write!(out, " type {}/{}", p.dport >> 8, p.dport & 255);
            }
            if p.proto == TCP && !p.is_later_fragment() {
                let letters = ["F", "S", "R", "P", "A"];
                let flags: String = (0..5).filter(|b| p.flags & (1 << b) != 0).map(|b| letters[b]).collect();
                let _ = write!(out, " [{flags}]");
            }
            if p.df && !p.v6 {
                out.push_str(" DF");
            }
            if let Some(f) = p.fragment {
                let _ =
                    write!(out, " frag id {:x} at {} len {}{}", f.id, f.offset, f.len, if f.more { "+" } else { "" });
            }
            if let Some(q) = p.quote() {
                let t = q.tuple;
                let _ = write!(out, " quoting proto {} {}:{} > {}:{}", t.proto, t.src, t.sport, t.dst, t.dport);
            }
            if bytes.len() <= 128 {
                let _ = write!(out, "\n        {}", hex(bytes));
            }
        }
    }
    out
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}
