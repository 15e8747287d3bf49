//! Neighbour discovery messages (RFC 4861), as far as the fabric answers them.

use crate::bytes::{chunk, get_v6};
use crate::{Mac, Packet, ParseError, proto};
use std::net::Ipv6Addr;

/// A neighbour discovery message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nd {
    /// 133 router solicitation, 134 router advertisement, 135 neighbour solicitation, 136
    /// neighbour advertisement, 137 redirect.
    pub typ: u8,
    /// What a neighbour solicitation, neighbour advertisement or redirect is about.
    pub target: Option<Ipv6Addr>,
    /// The source link-layer address option.
    pub src_lladdr: Option<Mac>,
}

/// Reads the neighbour discovery message `p` in `bytes`. Everything refused is
/// [`ParseError::Neighbour`]: another protocol or type, a hop limit other than 255, a code other
/// than 0, a message or option too short (RFC 4861, 6.1 and 7.1), a fragment (RFC 6980).
pub fn parse_nd(bytes: &[u8], p: &Packet) -> Result<Nd, ParseError> {
    read(bytes, p).ok_or(ParseError::Neighbour)
}

fn read(bytes: &[u8], p: &Packet) -> Option<Nd> {
    if p.proto != proto::ICMP6 || !p.has(Packet::V6) || p.has(Packet::FRAGMENT) || p.ttl != 255 {
        return None;
    }
    let message = bytes.get(usize::from(p.l4)..p.end as usize)?;
    let [typ, code] = *chunk::<2>(message, 0)?;
    let (fixed, has_target) = match typ {
        133 => (8, false),
        134 => (16, false),
        135 | 136 => (24, true),
        137 => (40, true),
        _ => return None,
    };
    if code != 0 || message.len() < fixed {
        return None;
    }
    let mut nd = Nd { typ, target: None, src_lladdr: None };
    if has_target {
        nd.target = Some(get_v6(message, 8)?);
    }
    let mut options = message.get(fixed..)?;
    while !options.is_empty() {
        let [kind, words] = *chunk::<2>(options, 0)?;
        if words == 0 {
            return None;
        }
        let (option, rest) = options.split_at_checked(usize::from(words) * 8)?;
        if kind == 1 && words == 1 {
            nd.src_lladdr = chunk::<6>(option, 2).map(|mac| Mac(*mac));
        }
        options = rest;
    }
    Some(nd)
}
