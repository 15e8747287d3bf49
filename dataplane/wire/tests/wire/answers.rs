//! The fabric's own frames, read back by our parser and by etherparse.

use crate::support::*;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use std::net::{Ipv4Addr, Ipv6Addr};
use vpcd_wire::*;

const ASKER: Mac = Mac([2, 0, 0, 0, 0, 9]);
const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const HOST: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 5);

/// A frame with other content before, as a reused buffer has it.
fn used() -> Frame {
    let mut frame = Frame::from_bytes(&[0xee; 2000]);
    (frame.flags, frame.gso_size) = (Frame::NEEDS_CSUM, 99);
    frame
}

fn macs_are_right(frame: &Frame) {
    assert_eq!((&frame.bytes()[..6], &frame.bytes()[6..12]), (&ASKER.0[..], &FABRIC_MAC.0[..]));
    assert_eq!((frame.flags, frame.gso_size), (0, 0));
}

fn icmp6_is_right(frame: &Frame) {
    macs_are_right(frame);
    let sliced = SlicedPacket::from_ethernet(frame.bytes()).unwrap();
    let (Some(NetSlice::Ipv6(ip)), Some(TransportSlice::Icmpv6(icmp))) = (sliced.net, sliced.transport) else {
        panic!()
    };
    assert!(icmp.is_checksum_valid(ip.header().source(), ip.header().destination()));
}

#[test]
fn arp_reply() {
    let mut out = used();
    let (answer, ask) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 4));
    build_arp_reply(&mut out, ASKER, Mac([7; 6]), answer, ASKER, ask);
    macs_are_right(&out);
    let expected = Arp { op: 2, sha: Mac([7; 6]), spa: answer, tha: ASKER, tpa: ask };
    assert_eq!(parse(out.bytes(), 28), Ok(Parsed::Arp(expected)));
}

#[test]
fn neighbour_advertisement() {
    let mut out = used();
    for (router, solicited, flags) in [(true, true, 0xe0), (false, false, 0x20)] {
        build_na(&mut out, ASKER, Mac([7; 6]), ROUTER, HOST, router, solicited);
        icmp6_is_right(&out);
        let p = packet(out.bytes());
        let nd = parse_nd(out.bytes(), &p).unwrap();
        assert_eq!((nd.typ, nd.target, out.bytes()[58]), (136, Some(ROUTER), flags));
        assert_eq!((p.src(out.bytes()), p.dst(out.bytes())), (ROUTER.into(), HOST.into()));
        assert_eq!(out.bytes()[78..], [2, 1, 7, 7, 7, 7, 7, 7]);
    }
}

#[test]
fn router_advertisement() {
    let mut out = used();
    build_ra(&mut out, ASKER, Mac([7; 6]), ROUTER, HOST);
    icmp6_is_right(&out);
    let nd = parse_nd(out.bytes(), &packet(out.bytes())).unwrap();
    assert_eq!((nd.typ, nd.src_lladdr), (134, Some(Mac([7; 6]))));
    // Hop limit 64, M, 1,800 s, no reachable or retransmission time.
    assert_eq!(out.bytes()[58..70], [64, 0x80, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn icmp_errors_quote_up_to_576_bytes() {
    let mut out = used();
    for (payload, l3) in [(0, 56), (520, 576), (521, 576), (8000, 576)] {
        let mut orig = ip4(17, 0, &[], &udp(1, 2, &vec![5; payload]));
        let end = orig.len();
        orig.extend([0xee; 30]);
        let p = packet(&orig);
        build_icmp4_error(&mut out, ASKER, Ipv4Addr::new(10, 0, 0, 1), 3, 4, 1500, &orig, &p);
        macs_are_right(&out);
        assert_eq!(out.len(), 14 + l3);
        let e = packet(out.bytes());
        assert_eq!((e.src4, e.dst4, e.ttl, e.flags, e.frag_id), (0x0a00_0001, SRC, 64, Packet::ICMP_ERROR, 0));
        assert_eq!((e.dport, &out.bytes()[38..42]), (0x304, &[0, 0, 5, 220][..]));
        assert_eq!(internet_checksum(&[&out.bytes()[34..]]), 0);
        assert_eq!(out.bytes()[42..], orig[14..end.min(14 + 548)]);
        assert_eq!(quote(out.bytes(), &e).unwrap().tuple, p.tuple(&orig));
    }
}

#[test]
fn packet_too_big_quotes_up_to_1280_bytes() {
    let mut out = used();
    for (payload, l3) in [(0, 96), (1184, 1280), (1185, 1280), (8000, 1280)] {
        let orig = ip6(17, &udp(1, 2, &vec![5; payload]));
        let p = packet(&orig);
        build_icmp6_too_big(&mut out, ASKER, ROUTER, 1500, &orig, &p);
        icmp6_is_right(&out);
        let e = packet(out.bytes());
        assert_eq!((out.len(), e.ttl, e.dport), (14 + l3, 64, 0x200));
        assert_eq!(e.dst(out.bytes()), p.src(&orig));
        assert_eq!(out.bytes()[58..62], [0, 0, 5, 220]);
        assert_eq!(quote(out.bytes(), &e).unwrap().tuple, p.tuple(&orig));
    }
}

#[test]
fn tcp_resets_follow_the_acknowledgement_or_cover_the_segment() {
    let mut out = used();
    let cases = [
        (ACK, &b"abc"[..], 0x2000, 0, RST),
        (SYN | ACK, b"", 0x2000, 0, RST),
        (SYN, b"", 0, 0x1001, RST | ACK),
        (FIN, b"abc", 0, 0x1004, RST | ACK),
        (0, b"abc", 0, 0x1003, RST | ACK),
        (SYN | FIN, b"abc", 0, 0x1005, RST | ACK),
    ];
    for (flags, data, seq, ack, answer) in cases {
        let mut orig = ip4(6, 0, &[], &tcp(40_000, 443, flags, data));
        orig.extend([0; 10]);
        build_tcp_rst4(&mut out, ASKER, &orig, &packet(&orig));
        macs_are_right(&out);
        let p = packet(out.bytes());
        assert_eq!(p.tuple(out.bytes()), packet(&orig).tuple(&orig).reverse());
        assert_eq!((p.tcp_flags, p.ttl, p.l3_len()), (answer, 64, 40));
        let word = |at: usize| u32::from_be_bytes(out.bytes()[at..at + 4].try_into().unwrap());
        assert_eq!((word(38), word(42)), (seq, ack));
        assert_eq!(out.bytes()[50..52], l4_checksum(out.bytes()).to_be_bytes());
    }
}
