//! Which host of a capture takes the port's place, and how its address becomes the port's.

use super::read::{Frame, network_layer};
use crate::model::sum::adjust;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ARP: u16 = 0x0806;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// Where a frame enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Port,
    Internet,
    NotMine,
}

/// The most frequent IPv4 source that a host can have, else the most frequent IPv6 one (of several the lowest), and how many
/// frames are from it or to it.
pub fn busiest(frames: &[Frame]) -> Option<(IpAddr, usize)> {
    let mut seen: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for f in frames {
        // Tagged frames go nowhere: a host that sends only such has nothing to show.
        if let Some((ethertype, at, false)) = network_layer(&f.bytes)
            && ethertype != ARP
            && let Some((source, _)) = addresses(&f.bytes, ethertype, at)
            && f.bytes[at] >> 4 == if source.is_ipv4() { 4 } else { 6 }
            && is_host(source)
        {
            *seen.entry(source).or_default() += 1;
        }
    }
    let best =
        |v4: bool| seen.iter().filter(|(a, _)| a.is_ipv4() == v4).max_by_key(|(a, n)| (**n, std::cmp::Reverse(**a)));
    let host = *best(true).or_else(|| best(false))?.0;
    let touches = |f: &&Frame| side(&f.bytes, host) != Side::NotMine;
    Some((host, frames.iter().filter(touches).count()))
}

fn is_host(a: IpAddr) -> bool {
    match a {
        IpAddr::V4(a) => !(a.octets()[0] == 0 || a.is_loopback() || a.octets()[0] >= 224),
        IpAddr::V6(a) => !(a.is_unspecified() || a.is_loopback() || a.is_multicast()),
    }
}

/// Source and destination as they stand in the header, whatever else is wrong with it.
fn addresses(bytes: &[u8], ethertype: u16, at: usize) -> Option<(IpAddr, IpAddr)> {
    let v4 = |at: usize| Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes.get(at..at + 4)?).ok()?)));
    let v6 = |at: usize| Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(at..at + 16)?).ok()?)));
    match ethertype {
        IPV4 => Some((v4(at + 12)?, v4(at + 16)?)),
        IPV6 => Some((v6(at + 8)?, v6(at + 24)?)),
        // Only between Ethernet and IPv4 addresses do the fields lie where we look.
        ARP if bytes.get(at..at + 6)? == [0, 1, 8, 0, 6, 4] => Some((v4(at + 14)?, v4(at + 24)?)),
        _ => None,
    }
}

/// Where a frame belongs, seen from the host.
pub fn side(bytes: &[u8], host: IpAddr) -> Side {
    let found = network_layer(bytes).and_then(|(ethertype, at, _)| addresses(bytes, ethertype, at));
    match found {
        Some((from, _)) if from == host => Side::Port,
        Some((_, to)) if to == host => Side::Internet,
        _ => Side::NotMine,
    }
}

/// Puts `new` where `host` stands: in the headers, in a quoted header, and in every checksum over them.
pub fn exchange(bytes: &mut [u8], host: IpAddr, new: IpAddr) {
    let Some((ethertype, at, _)) = network_layer(bytes) else { return };
    let swap = Swap { old: octets(host), new: octets(new) };
    let end = bytes.len();
    match ethertype {
        ARP => [at + 14, at + 24].into_iter().for_each(|at| swap.field(bytes, at)),
        IPV4 => swap.packet4(bytes, at, end, true),
        IPV6 => swap.packet6(bytes, at, end, true),
        _ => {}
    }
}

fn octets(a: IpAddr) -> Vec<u8> {
    match a {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

struct Swap {
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Swap {
    fn field(&self, bytes: &mut [u8], at: usize) {
        if bytes[at..at + self.old.len()] == self.old {
            bytes[at..at + self.old.len()].copy_from_slice(&self.new);
        }
    }

    /// The IPv4 packet at `ip`, of which bytes up to `end` are there.
    fn packet4(&self, bytes: &mut [u8], ip: usize, end: usize, outer: bool) {
        if ip + 20 > end {
            return;
        }
        let before = bytes[ip..ip + 20].to_vec();
        self.field(bytes, ip + 12);
        self.field(bytes, ip + 16);
        let after = bytes[ip..ip + 20].to_vec();
        fix(bytes, ip + 10, end, &before, &after);
        let header = usize::from(before[0] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([before[2], before[3]]));
        let later = u16::from_be_bytes([before[6], before[7]]) & 0x1fff != 0;
        if header < 20 || later {
            return;
        }
        let (l4, end) = (ip + header, end.min(ip + total));
        match before[9] {
            6 => fix(bytes, l4 + 16, end, &before[12..], &after[12..]),
            17 => fix_udp(bytes, l4 + 6, end, &before[12..], &after[12..]),
            // Errors, source quench and redirects quote; a quote within a quote stays as it is.
            1 if outer && l4 + 8 <= end && matches!(bytes[l4], 3 | 4 | 5 | 11 | 12) => {
                let message = bytes[l4..end].to_vec();
                self.packet4(bytes, l4 + 8, end, false);
                let changed = bytes[l4..end].to_vec();
                fix(bytes, l4 + 2, end, &message, &changed);
            }
            _ => {}
        }
    }

    /// The IPv6 packet at `ip`.
    fn packet6(&self, bytes: &mut [u8], ip: usize, end: usize, outer: bool) {
        if ip + 40 > end {
            return;
        }
        let before = bytes[ip + 8..ip + 40].to_vec();
        self.field(bytes, ip + 8);
        self.field(bytes, ip + 24);
        let after = bytes[ip + 8..ip + 40].to_vec();
        let end = end.min(ip + 40 + usize::from(u16::from_be_bytes([bytes[ip + 4], bytes[ip + 5]])));
        let (mut next, mut at) = (bytes[ip + 6], ip + 40);
        for _ in 0..8 {
            if at + 8 > end {
                break;
            }
            let (following, length) = (bytes[at], usize::from(bytes[at + 1]));
            at += match next {
                0 | 43 | 60 => (length + 1) * 8,
                51 => (length + 2) * 4,
                44 if u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]) >= 8 => return,
                44 => 8,
                _ => break,
            };
            next = following;
        }
        match next {
            6 => fix(bytes, at + 16, end, &before, &after),
            17 => fix_udp(bytes, at + 6, end, &before, &after),
            58 if at + 4 <= end => {
                let message = [&before, &bytes[at..end]].concat();
                if outer && at + 8 <= end && matches!(bytes[at], 1..=4) {
                    self.packet6(bytes, at + 8, end, false);
                }
                let changed = [&after, &bytes[at..end]].concat();
                fix(bytes, at + 2, end, &message, &changed);
            }
            _ => {}
        }
    }
}

/// Adjusts the checksum at `at`, if it is there, for `old` that became `new`.
fn fix(bytes: &mut [u8], at: usize, end: usize, old: &[u8], new: &[u8]) {
    if at + 2 <= end {
        let checksum = adjust(u16::from_be_bytes([bytes[at], bytes[at + 1]]), old, new);
        bytes[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    }
}

/// As [`fix`], for UDP: zero is no checksum, and no checksum is ever written as zero.
fn fix_udp(bytes: &mut [u8], at: usize, end: usize, old: &[u8], new: &[u8]) {
    if at + 2 <= end && bytes[at..at + 2] != [0, 0] {
        fix(bytes, at, end, old, new);
        if bytes[at..at + 2] == [0, 0] {
            bytes[at..at + 2].fill(0xff);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sum;

    const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 20);
    const NEW: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 10);
    const FAR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

    /// An IPv4 packet with right checksums.
    fn packet(src: Ipv4Addr, dst: Ipv4Addr, proto: u8, payload: &[u8]) -> Vec<u8> {
        let mut p = vec![0x45, 0, 0, (20 + payload.len()) as u8, 0, 1, 0, 0, 64, proto, 0, 0];
        p.extend(src.octets());
        p.extend(dst.octets());
        let ck = sum::of(&[&p]);
        p[10..12].copy_from_slice(&ck.to_be_bytes());
        p.extend(payload);
        p
    }

    /// A UDP datagram with a right checksum.
    fn udp(src: Ipv4Addr, dst: Ipv4Addr) -> Vec<u8> {
        let mut d = vec![0x30, 0x39, 0, 53, 0, 12, 0, 0, 1, 2, 3, 4];
        let ck = sum::of(&[&src.octets(), &dst.octets(), &[0, 17, 0, 12], &d]);
        d[6..8].copy_from_slice(&ck.to_be_bytes());
        packet(src, dst, 17, &d)
    }

    fn framed(packet: &[u8]) -> Vec<u8> {
        [&[0; 12][..], &[8, 0], packet].concat()
    }

    /// An ICMP error about `quoted`.
    fn error(src: Ipv4Addr, dst: Ipv4Addr, quoted: &[u8]) -> Vec<u8> {
        let mut m = vec![3, 1, 0, 0, 0, 0, 0, 0];
        m.extend(quoted);
        let ck = sum::of(&[&m]);
        m[2..4].copy_from_slice(&ck.to_be_bytes());
        packet(src, dst, 1, &m)
    }

    #[test]
    fn right_checksums_stay_right() {
        let mut frame = framed(&udp(HOST, FAR));
        exchange(&mut frame, HOST.into(), NEW.into());
        assert_eq!(frame, framed(&udp(NEW, FAR)));
        let mut frame = framed(&error(FAR, HOST, &udp(HOST, FAR)));
        exchange(&mut frame, HOST.into(), NEW.into());
        assert_eq!(frame, framed(&error(FAR, NEW, &udp(NEW, FAR))));
    }

    #[test]
    fn sides_and_the_busiest_host() {
        let frame = |src, dst| Frame { ts: 0, bytes: framed(&udp(src, dst)), cut: false };
        let other = Ipv4Addr::new(192, 168, 1, 9);
        let frames = [
            frame(HOST, FAR),
            frame(FAR, HOST),
            frame(HOST, FAR),
            frame(other, FAR),
            frame(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST),
        ];
        assert_eq!(busiest(&frames), Some((HOST.into(), 3)));
        let sides: Vec<Side> = frames.iter().map(|f| side(&f.bytes, HOST.into())).collect();
        assert_eq!(sides, [Side::Port, Side::Internet, Side::Port, Side::NotMine, Side::NotMine]);
        assert_eq!(busiest(&frames[4..]), None);
        // Of two that send alike, the lower.
        assert_eq!(busiest(&frames[2..4]).map(|(h, _)| h), Some(other.into()));
    }
}
