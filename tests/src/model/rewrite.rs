//! Changing packets (addresses, ports, TTL, the quotes of ICMP errors) and cutting them.

use super::packet::{ACK, Content, FIN, ICMP, ICMP6, Packet, Quote, RST, SYN, TCP, UDP, addr4, be16, be32, parse};
use super::sum;
use super::world::{EDGE_MTU, FABRIC_MAC};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who listens when an asker has no address yet (RFC 4861, 7.2.4).
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

/// Which end of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Src,
    Dst,
}

impl End {
    fn addr(self, ip: usize) -> usize {
        match self {
            End::Src => ip + 12,
            End::Dst => ip + 16,
        }
    }
    fn port(self, l4: usize) -> usize {
        match self {
            End::Src => l4,
            End::Dst => l4 + 2,
        }
    }
}

/// Offset of the checksum in an L4 header, if `have` bytes of it reach that far.
fn checksum_at(proto: u8, have: usize) -> Option<usize> {
    let at = match proto {
        TCP => 16,
        UDP => 6,
        ICMP => 2,
        _ => return None,
    };
    (have >= at + 2).then_some(at)
}

/// Adjusts the L4 checksum at `at` for replaced bytes; UDP knows "no checksum".
fn fix(frame: &mut [u8], proto: u8, at: usize, old: &[u8], new: &[u8]) {
    let before = be16(frame, at);
    if proto == UDP && before == 0 {
        return;
    }
    let mut after = sum::adjust(before, old, new);
    if proto == UDP && after == 0 {
        after = 0xffff;
    }
    frame[at..at + 2].copy_from_slice(&after.to_be_bytes());
}

/// Replaces bytes of the IPv4 header at `ip` and adjusts its checksum.
fn put_header(frame: &mut [u8], ip: usize, at: usize, new: &[u8]) {
    let old = frame[at..at + new.len()].to_vec();
    frame[at..at + new.len()].copy_from_slice(new);
    let ck = sum::adjust(be16(frame, ip + 10), &old, new);
    frame[ip + 10..ip + 12].copy_from_slice(&ck.to_be_bytes());
}

impl Packet {
    /// Replaces an IPv4 address.
    pub fn set_addr(&mut self, end: End, addr: Ipv4Addr) {
        let at = end.addr(14);
        let old = self.frame[at..at + 4].to_vec();
        put_header(&mut self.frame, 14, at, &addr.octets());
        if !self.is_later_fragment()
            && self.proto != ICMP
            && let Some(ck) = checksum_at(self.proto, self.end - self.l4)
        {
            fix(&mut self.frame, self.proto, self.l4 + ck, &old, &addr.octets());
        }
        match end {
            End::Src => self.src = addr.into(),
            End::Dst => self.dst = addr.into(),
        }
    }

    /// Replaces a TCP or UDP port, or the identifier of an ICMP query.
    pub fn set_port(&mut self, end: End, port: u16) {
        let at = if self.proto == ICMP { self.l4 + 4 } else { end.port(self.l4) };
        if !self.is_later_fragment() {
            let old = self.frame[at..at + 2].to_vec();
            self.frame[at..at + 2].copy_from_slice(&port.to_be_bytes());
            if let Some(ck) = checksum_at(self.proto, self.end - self.l4) {
                fix(&mut self.frame, self.proto, self.l4 + ck, &old, &port.to_be_bytes());
            }
        }
        if self.proto == ICMP || end == End::Src {
            self.sport = port;
        } else {
            self.dport = port;
        }
    }

    /// One hop further.
    pub fn decrement_ttl(&mut self) {
        self.ttl -= 1;
        let new = [self.ttl, self.proto];
        put_header(&mut self.frame, 14, 22, &new);
    }

    /// Replaces an address of the quoted IPv4 packet.
    pub fn set_quoted_addr(&mut self, quote: &Quote, end: End, addr: Ipv4Addr) {
        let before = self.frame[self.l4..self.end].to_vec();
        let at = end.addr(quote.ip);
        let old = self.frame[at..at + 4].to_vec();
        put_header(&mut self.frame, quote.ip, at, &addr.octets());
        if quote.tuple.proto != ICMP
            && let Some(ck) = checksum_at(quote.tuple.proto, self.quote_end(quote) - quote.l4)
        {
            fix(&mut self.frame, quote.tuple.proto, quote.l4 + ck, &old, &addr.octets());
        }
        self.fix_message(&before);
    }

    /// Replaces a port (identifier) of the quoted packet.
    pub fn set_quoted_port(&mut self, quote: &Quote, end: End, port: u16) {
        let before = self.frame[self.l4..self.end].to_vec();
        let proto = quote.tuple.proto;
        let at = if proto == ICMP { quote.l4 + 4 } else { end.port(quote.l4) };
        let old = self.frame[at..at + 2].to_vec();
        self.frame[at..at + 2].copy_from_slice(&port.to_be_bytes());
        if let Some(ck) = checksum_at(proto, self.quote_end(quote) - quote.l4) {
            fix(&mut self.frame, proto, quote.l4 + ck, &old, &port.to_be_bytes());
        }
        self.fix_message(&before);
    }

    /// The quoted datagram ends with the error, or sooner.
    fn quote_end(&self, quote: &Quote) -> usize {
        self.end.min(quote.ip + usize::from(be16(&self.frame, quote.ip + 2)))
    }

    /// Adjusts the checksum of an ICMP message whose content was `before`.
    fn fix_message(&mut self, before: &[u8]) {
        let ck = self.l4 + 2;
        let after = self.frame[self.l4..self.end].to_vec();
        fix(&mut self.frame, ICMP, ck, before, &after);
    }
}

/// Cuts an IPv4 packet for the internet edge (RFC 791, 3.2): the first piece keeps all options, the others the copied ones.
pub fn cut(packet: &Packet) -> Vec<Vec<u8>> {
    let f = &packet.frame;
    let header = &f[14..packet.l4];
    let payload = &f[packet.l4..packet.end];
    let word = be16(header, 6);
    let mut pieces = Vec::new();
    let mut at = 0;
    while at < payload.len() {
        let mut ip = if at == 0 { header.to_vec() } else { later_header(header) };
        let room = (EDGE_MTU - ip.len()) / 8 * 8;
        let left = payload.len() - at;
        let (len, last) = if left <= EDGE_MTU - ip.len() { (left, true) } else { (room, false) };
        let more = if last { word & 0x2000 } else { 0x2000 };
        let new = (word & 0xc000) | more | ((word & 0x1fff) + (at / 8) as u16);
        let total = (ip.len() + len) as u16;
        ip[2..4].copy_from_slice(&total.to_be_bytes());
        ip[6..8].copy_from_slice(&new.to_be_bytes());
        ip[10..12].fill(0);
        let ck = sum::of(&[&ip]);
        ip[10..12].copy_from_slice(&ck.to_be_bytes());
        pieces.push([&f[..14], &ip[..], &payload[at..at + len]].concat());
        at += len;
    }
    pieces
}

fn later_header(header: &[u8]) -> Vec<u8> {
    let mut out = header[..20].to_vec();
    let mut at = 20;
    while at < header.len() {
        match header[at] {
            0 => break,
            1 => at += 1,
            kind => {
                let len = usize::from(*header.get(at + 1).unwrap_or(&0));
                if len < 2 || at + len > header.len() {
                    break;
                }
                if kind & 0x80 != 0 {
                    out.extend_from_slice(&header[at..at + len]);
                }
                at += len;
            }
        }
    }
    while !out.len().is_multiple_of(4) {
        out.push(0);
    }
    out[0] = 0x40 | (out.len() / 4) as u8;
    out
}

/// Puts MAC addresses into a frame.
pub fn set_macs(frame: &mut [u8], dst: [u8; 6], src: [u8; 6]) {
    frame[..6].copy_from_slice(&dst);
    frame[6..12].copy_from_slice(&src);
}

fn ethernet(to: [u8; 6], kind: u16, l3: &[u8]) -> Vec<u8> {
    [&to[..], &FABRIC_MAC, &kind.to_be_bytes(), l3].concat()
}

/// An IPv4 frame of the fabric; its identification is the product's choice, 0 here.
pub fn ipv4(to: [u8; 6], src: Ipv4Addr, dst: Ipv4Addr, proto: u8, l4: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend(((20 + l4.len()) as u16).to_be_bytes());
    ip.extend([0, 0, 0, 0, 64, proto, 0, 0]);
    ip.extend(src.octets());
    ip.extend(dst.octets());
    let ck = sum::of(&[&ip]);
    ip[10..12].copy_from_slice(&ck.to_be_bytes());
    ip.extend_from_slice(l4);
    ethernet(to, 0x0800, &ip)
}

/// An ICMPv6 frame of the fabric.
pub fn icmp6(to: [u8; 6], src: Ipv6Addr, dst: Ipv6Addr, hops: u8, message: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x60, 0, 0, 0];
    ip.extend((message.len() as u16).to_be_bytes());
    ip.extend([ICMP6, hops]);
    ip.extend(src.octets());
    ip.extend(dst.octets());
    let mut message = message.to_vec();
    let pseudo = [&src.octets()[..], &dst.octets(), &(message.len() as u32).to_be_bytes(), &[0, 0, 0, ICMP6]].concat();
    let ck = sum::of(&[&pseudo, &message]);
    message[2..4].copy_from_slice(&ck.to_be_bytes());
    ip.extend(message);
    ethernet(to, 0x86dd, &ip)
}

/// ICMP error about a packet as its sender sent it: quotes what fits 576 bytes (RFC 1812).
pub fn error4(to: [u8; 6], src: Ipv4Addr, kind: u8, code: u8, rest: u32, about: &Packet) -> Vec<u8> {
    let quoted = &about.frame[14..about.end];
    let mut message = vec![kind, code, 0, 0];
    message.extend(rest.to_be_bytes());
    message.extend(&quoted[..quoted.len().min(576 - 28)]);
    let ck = sum::of(&[&message]);
    message[2..4].copy_from_slice(&ck.to_be_bytes());
    ipv4(to, src, addr4(&about.frame, 26), ICMP, &message)
}

/// ICMPv6 "packet too big": quotes what fits 1280 bytes (RFC 4443).
pub fn too_big6(to: [u8; 6], src: Ipv6Addr, mtu: u32, about: &Packet) -> Vec<u8> {
    let quoted = &about.frame[14..about.end];
    let mut message = vec![2, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(&quoted[..quoted.len().min(1280 - 48)]);
    let IpAddr::V6(dst) = about.src else { return Vec::new() };
    icmp6(to, src, dst, 64, &message)
}

/// TCP reset in answer to a segment (RFC 793): with ACK, seq is its acknowledgement; without, seq 0 and all it occupied is acknowledged.
pub fn reset4(to: [u8; 6], about: &Packet) -> Vec<u8> {
    let f = &about.frame;
    let l4 = about.l4;
    let (seq, ack, flags) = if about.flags & ACK != 0 {
        (be32(f, l4 + 8), 0, RST)
    } else {
        let data = about.end - l4 - usize::from(f[l4 + 12] >> 4) * 4;
        let controls = u32::from(about.flags & SYN != 0) + u32::from(about.flags & FIN != 0);
        (0, be32(f, l4 + 4).wrapping_add(data as u32).wrapping_add(controls), RST | ACK)
    };
    let mut tcp = Vec::new();
    tcp.extend(about.dport.to_be_bytes());
    tcp.extend(about.sport.to_be_bytes());
    tcp.extend(u32::to_be_bytes(seq));
    tcp.extend(u32::to_be_bytes(ack));
    tcp.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    let (src, dst) = (addr4(f, 30), addr4(f, 26));
    let pseudo = [&src.octets()[..], &dst.octets(), &[0, TCP, 0, 20]].concat();
    let ck = sum::of(&[&pseudo, &tcp]);
    tcp[16..18].copy_from_slice(&ck.to_be_bytes());
    ipv4(to, src, dst, TCP, &tcp)
}

/// ARP reply: what was asked for is at `mac`; to the asker as its request names it.
pub fn arp_reply(mac: [u8; 6], request: &[u8]) -> Vec<u8> {
    let mut arp = vec![0, 1, 8, 0, 6, 4, 0, 2];
    arp.extend(mac);
    arp.extend(&request[38..42]);
    arp.extend(&request[22..32]);
    ethernet([22, 23, 24, 25, 26, 27].map(|at| request[at]), 0x0806, &arp)
}

/// Neighbour advertisement: `target` is at `mac`. An asker without address is told on ff02::1.
pub fn advertisement(to: [u8; 6], mac: [u8; 6], target: Ipv6Addr, asker: Ipv6Addr, router: bool) -> Vec<u8> {
    let solicited = !asker.is_unspecified();
    let (to, dst) = if solicited { (to, asker) } else { (ALL_NODES_MAC, ALL_NODES) };
    let flags = 0x20 | if solicited { 0x40 } else { 0 } | if router { 0x80 } else { 0 };
    let mut message = vec![136, 0, 0, 0, flags, 0, 0, 0];
    message.extend(target.octets());
    message.extend([2, 1]);
    message.extend(mac);
    icmp6(to, target, dst, 255, &message)
}

/// Router advertisement of the fabric: M flag, 1,800 s, no prefixes.
pub fn router_advertisement(to: [u8; 6], asker: Ipv6Addr) -> Vec<u8> {
    let (to, dst) = if asker.is_unspecified() { (ALL_NODES_MAC, ALL_NODES) } else { (to, asker) };
    let mut message = vec![134, 0, 0, 0, 64, 0x80];
    message.extend(1800u16.to_be_bytes());
    message.extend([0; 8]);
    message.extend([1, 1]);
    message.extend(FABRIC_MAC);
    icmp6(to, Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), dst, 255, &message)
}

/// Reads a frame that is known to hold a good IP packet (for looking at outputs).
pub fn read(frame: &[u8]) -> Option<Packet> {
    match parse(frame, usize::MAX) {
        Ok(Content::Ip(p)) => Some(*p),
        _ => None,
    }
}
