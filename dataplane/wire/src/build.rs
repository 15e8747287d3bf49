//! Frames the fabric sends by itself. Each function makes `out` that frame and nothing else; the
//! buffer is used again and grows only if it is too small. The Ethernet source is always
//! [`FABRIC_MAC`], checksums are complete, and nothing is padded to the Ethernet minimum.

use crate::bytes::{chunk, get32, put, put16, put32};
use crate::checksum::{checksum, fold, pseudo4, pseudo6, sum};
use crate::{ETH_LEN, FABRIC_MAC, Frame, Mac, Packet, proto, set_macs, tcp};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Where the header after Ethernet and IP begins.
const L4_OF_4: usize = ETH_LEN + 20;
const L4_OF_6: usize = ETH_LEN + 40;
/// The IPv4 datagram every host must take (RFC 1812, 4.3.2.3: the bound of an error's length).
const ERROR_MAX_4: usize = 576;
/// The IPv6 minimum MTU (RFC 4443, 2.4 c).
const ERROR_MAX_6: usize = 1280;
/// Fields of [`build_na`] (RFC 4861, 4.4).
const NA_ROUTER: u8 = 0x80;
const NA_SOLICITED: u8 = 0x40;
const NA_OVERRIDE: u8 = 0x20;
/// "Managed address configuration": addresses come by DHCPv6 (RFC 4861, 4.2).
const RA_MANAGED: u8 = 0x80;
/// How long hosts may use the router, seconds.
const RA_LIFETIME: u16 = 1800;
const TTL: u8 = 64;
/// Neighbour discovery must not have crossed a router (RFC 4861, 7.1).
const ND_HOPS: u8 = 255;

fn ethernet(out: &mut Frame, dst: Mac, ethertype: u16, l3_len: usize) -> &mut [u8] {
    let bytes = out.reset(ETH_LEN + l3_len);
    set_macs(bytes, dst, FABRIC_MAC);
    put16(bytes, 12, ethertype);
    bytes
}

/// Ethernet and IPv4 header (RFC 791, 3.1) before `l4_len` zero bytes.
fn ipv4(out: &mut Frame, eth: Mac, src: u32, dst: u32, proto: u8, l4_len: usize) -> &mut [u8] {
    let bytes = ethernet(out, eth, 0x0800, 20 + l4_len);
    bytes[ETH_LEN] = 0x45;
    put16(bytes, ETH_LEN + 2, (20 + l4_len) as u16);
    bytes[ETH_LEN + 8] = TTL;
    bytes[ETH_LEN + 9] = proto;
    put32(bytes, ETH_LEN + 12, src);
    put32(bytes, ETH_LEN + 16, dst);
    let sum = checksum(&bytes[ETH_LEN..L4_OF_4]);
    put16(bytes, ETH_LEN + 10, sum);
    bytes
}

/// Ethernet and IPv6 header (RFC 8200, 3) before `len` zero bytes of ICMPv6.
fn icmp6(out: &mut Frame, eth: Mac, src: Ipv6Addr, dst: Ipv6Addr, hops: u8, len: usize) -> &mut [u8] {
    let bytes = ethernet(out, eth, 0x86dd, 40 + len);
    bytes[ETH_LEN] = 0x60;
    put16(bytes, ETH_LEN + 4, len as u16);
    bytes[ETH_LEN + 6] = proto::ICMP6;
    bytes[ETH_LEN + 7] = hops;
    put(bytes, ETH_LEN + 8, &src.octets());
    put(bytes, ETH_LEN + 24, &dst.octets());
    bytes
}

/// Fills in the checksum of a finished ICMPv6 message (RFC 4443, 2.3).
fn finish_icmp6(bytes: &mut [u8], src: Ipv6Addr, dst: Ipv6Addr) {
    let message = &bytes[L4_OF_6..];
    let sum = pseudo6(src, dst, proto::ICMP6, message.len() as u32) + sum(message);
    put16(bytes, L4_OF_6 + 2, !fold(sum));
}

/// Answers an ARP request (RFC 826): `answer_ip` is at `answer_mac`, says the reply to `ask_ip` at
/// `ask_mac`.
pub fn build_arp_reply(
    out: &mut Frame,
    eth_dst: Mac,
    answer_mac: Mac,
    answer_ip: Ipv4Addr,
    ask_mac: Mac,
    ask_ip: Ipv4Addr,
) {
    let bytes = ethernet(out, eth_dst, 0x0806, 28);
    // Ethernet, IPv4, their address lengths, reply.
    put(bytes, ETH_LEN, &[0, 1, 8, 0, 6, 4, 0, 2]);
    put(bytes, ETH_LEN + 8, &answer_mac.0);
    put(bytes, ETH_LEN + 14, &answer_ip.octets());
    put(bytes, ETH_LEN + 18, &ask_mac.0);
    put(bytes, ETH_LEN + 24, &ask_ip.octets());
}

/// Neighbour advertisement (RFC 4861, 4.4) from `target` with the override flag: `target` is at
/// `src_mac` (target link-layer address option). `dst` is the asker, or ff02::1 (and `solicited`
/// false) if the solicitation came from `::`.
pub fn build_na(
    out: &mut Frame,
    eth_dst: Mac,
    src_mac: Mac,
    target: Ipv6Addr,
    dst: Ipv6Addr,
    router: bool,
    solicited: bool,
) {
    let bytes = icmp6(out, eth_dst, target, dst, ND_HOPS, 32);
    bytes[L4_OF_6] = 136;
    bytes[L4_OF_6 + 4] = NA_OVERRIDE | if router { NA_ROUTER } else { 0 } | if solicited { NA_SOLICITED } else { 0 };
    put(bytes, L4_OF_6 + 8, &target.octets());
    put(bytes, L4_OF_6 + 24, &[2, 1]);
    put(bytes, L4_OF_6 + 26, &src_mac.0);
    finish_icmp6(bytes, target, dst);
}

/// Router advertisement (RFC 4861, 4.2) of `src` (fe80::1) at `src_mac`: hop limit 64, addresses by
/// DHCPv6, lifetime 1,800 s, no prefixes.
pub fn build_ra(out: &mut Frame, eth_dst: Mac, src_mac: Mac, src: Ipv6Addr, dst: Ipv6Addr) {
    let bytes = icmp6(out, eth_dst, src, dst, ND_HOPS, 24);
    put(bytes, L4_OF_6, &[134, 0, 0, 0, TTL, RA_MANAGED]);
    put16(bytes, L4_OF_6 + 6, RA_LIFETIME);
    put(bytes, L4_OF_6 + 16, &[1, 1]);
    put(bytes, L4_OF_6 + 18, &src_mac.0);
    finish_icmp6(bytes, src, dst);
}

/// The datagram `p` found in `orig`, at most `max` bytes of it.
fn datagram<'a>(orig: &'a [u8], p: &Packet, max: usize) -> &'a [u8] {
    let whole = orig.get(usize::from(p.l3)..(p.end as usize).min(orig.len())).unwrap_or(&[]);
    whole.get(..max).unwrap_or(whole)
}

/// ICMP error about `p` in `orig` (RFC 792), to its source. `mtu` is the next-hop MTU in bytes of
/// type 3 code 4 (RFC 1191), 0 for others. Quotes as much as fits 576 bytes of L3 (RFC 1812,
/// 4.3.2.3).
#[expect(clippy::too_many_arguments, reason = "each is a field of the message")]
pub fn build_icmp4_error(
    out: &mut Frame,
    eth_dst: Mac,
    src_ip: Ipv4Addr,
    typ: u8,
    code: u8,
    mtu: u16,
    orig: &[u8],
    p: &Packet,
) {
    let quote = datagram(orig, p, ERROR_MAX_4 - 28);
    let bytes = ipv4(out, eth_dst, u32::from(src_ip), p.src4, proto::ICMP, 8 + quote.len());
    put(bytes, L4_OF_4, &[typ, code]);
    put16(bytes, L4_OF_4 + 6, mtu);
    put(bytes, L4_OF_4 + 8, quote);
    let sum = checksum(&bytes[L4_OF_4..]);
    put16(bytes, L4_OF_4 + 2, sum);
}

/// ICMPv6 "packet too big" about `p` in `orig` (RFC 4443, 3.2), to its source. `mtu` in bytes.
/// Quotes as much as fits 1,280 bytes of L3.
pub fn build_icmp6_too_big(out: &mut Frame, eth_dst: Mac, src: Ipv6Addr, mtu: u32, orig: &[u8], p: &Packet) {
    let quote = datagram(orig, p, ERROR_MAX_6 - 48);
    let dst = Ipv6Addr::from(p.v6_addrs(orig).0);
    let bytes = icmp6(out, eth_dst, src, dst, TTL, 8 + quote.len());
    bytes[L4_OF_6] = 2;
    put32(bytes, L4_OF_6 + 4, mtu);
    put(bytes, L4_OF_6 + 8, quote);
    finish_icmp6(bytes, src, dst);
}

/// TCP reset in answer to the IPv4 segment `p` in `orig` (RFC 9293, 3.10.7.1): with an
/// acknowledgement in it, the reset has that as its sequence number; without, sequence number 0
/// and it acknowledges all the segment occupied.
pub fn build_tcp_rst4(out: &mut Frame, eth_dst: Mac, orig: &[u8], p: &Packet) {
    let l4 = usize::from(p.l4);
    let (seq, ack, flags) = if p.tcp_flags & tcp::ACK != 0 {
        (get32(orig, l4 + 8).unwrap_or(0), 0, tcp::RST)
    } else {
        let header = chunk::<13>(orig, l4).map_or(20, |h| usize::from(h[12] >> 4) * 4);
        let data = (p.end as usize).saturating_sub(l4 + header) as u32;
        let controls = [tcp::SYN, tcp::FIN].into_iter().filter(|f| p.tcp_flags & f != 0).count() as u32;
        let seq = get32(orig, l4 + 4).unwrap_or(0);
        (0, seq.wrapping_add(data).wrapping_add(controls), tcp::RST | tcp::ACK)
    };
    let bytes = ipv4(out, eth_dst, p.dst4, p.src4, proto::TCP, 20);
    put16(bytes, L4_OF_4, p.dport);
    put16(bytes, L4_OF_4 + 2, p.sport);
    put32(bytes, L4_OF_4 + 4, seq);
    put32(bytes, L4_OF_4 + 8, ack);
    put(bytes, L4_OF_4 + 12, &[5 << 4, flags]);
    let sum = pseudo4(p.dst4, p.src4, proto::TCP, 20) + sum(&bytes[L4_OF_4..]);
    put16(bytes, L4_OF_4 + 16, !fold(sum));
}
