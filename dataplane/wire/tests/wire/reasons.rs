//! Each reason of `docs/semantics.md`, section 2, and what is accepted next to it.

use crate::support::*;
use vpcd_wire::*;

#[test]
fn tcp_over_ipv4_is_read_whole_and_padding_is_left_out() {
    let mut frame = ip4(6, 0x4000, &[], &tcp(40_000, 443, SYN | ACK, b"hello"));
    let end = frame.len();
    frame.extend([0xee; 9]);
    let p = packet(&frame);
    assert_eq!((p.src4, p.dst4, p.sport, p.dport), (SRC, DST, 40_000, 443));
    assert_eq!((p.l3, p.l4, p.end as usize, p.l3_len()), (14, 34, end, 45));
    assert_eq!((p.proto, p.ttl, p.tcp_flags, p.flags, p.frag_id), (6, 64, SYN | ACK, Packet::DF, 0x1234));
    assert_eq!(p.tuple(&frame).to_string(), "tcp 10.0.1.5:40000 > 10.0.2.6:443");
    assert_eq!(p.v6_addrs(&frame), (0, 0));
}

#[test]
fn options_of_ipv4_move_the_l4_header() {
    let frame = ip4(17, 0, &[1; 8], &udp(53, 54, b"x"));
    let p = packet(&frame);
    assert_eq!((p.l4, p.sport, p.dport), (42, 53, 54));
}

#[test]
fn icmp_queries_have_an_identifier_errors_a_flag_and_others_neither() {
    let p = packet(&ip4(1, 0, &[], &icmp(8, 0, 0x0007_0001, b"")));
    assert_eq!((p.sport, p.dport, p.has(Packet::ICMP_ERROR)), (7, 0x800, false));
    let p = packet(&ip4(1, 0, &[], &icmp(3, 4, 0x0007_0001, b"")));
    assert_eq!((p.sport, p.dport, p.has(Packet::ICMP_ERROR)), (0, 0x304, true));
    let p = packet(&ip4(1, 0, &[], &icmp(5, 1, 0x0007_0001, b"")));
    assert_eq!((p.sport, p.dport, p.has(Packet::ICMP_ERROR)), (0, 0x501, false));
    let p = packet(&ip6(58, &icmp(129, 0, 0x0007_0001, b"")));
    assert_eq!((p.sport, p.dport, p.flags), (7, 0x8100, Packet::V6));
    let p = packet(&ip6(58, &icmp(2, 0, 1280, b"")));
    assert_eq!((p.sport, p.dport, p.has(Packet::ICMP_ERROR)), (0, 0x200, true));
    // The other family's ICMP is a protocol like any other, even with nothing in it.
    assert_eq!(packet(&ip6(1, &[])).dport, 0);
    assert_eq!(packet(&ip4(58, 0, &[], &[])).dport, 0);
}

#[test]
fn short_frames_are_truncated_at_every_length() {
    for frame in [
        ip4(6, 0, &[], &tcp(1, 2, ACK, b"abc")),
        ip6(17, &udp(1, 2, b"abc")),
        [&[0xff; 6][..], &[2; 6], &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1], &[0; 20]].concat(),
    ] {
        assert!(parse(&frame, 0).is_ok());
        for len in 0..frame.len() {
            assert_eq!(refused(&frame[..len]), ParseError::Truncated, "{len}");
        }
    }
    let mut frame = Frame::from_bytes(&ip4(6, 0, &[], &tcp(1, 2, ACK, b"abc")));
    assert!(parse_frame(&frame, 1500).is_ok());
    frame.flags = Frame::CUT;
    assert_eq!(parse_frame(&frame, 1500), Err(ParseError::Truncated));
}

#[test]
fn vlan_tags_and_other_ethertypes() {
    let mut frame = ip4(6, 0, &[], &tcp(1, 2, ACK, b""));
    for (ethertype, error) in [
        (0x8100u16, ParseError::Vlan),
        (0x88a8, ParseError::Vlan),
        (0x88cc, ParseError::Ethertype),
        (64, ParseError::Ethertype),
    ] {
        frame[12..14].copy_from_slice(&ethertype.to_be_bytes());
        assert_eq!(refused(&frame), error);
        assert_eq!(refused(&frame[..14]), error);
    }
}

#[test]
fn oversize_counts_everything_after_the_ethernet_header() {
    for frame in [ip4(17, 0, &[], &udp(1, 2, &[0; 72])), ip6(17, &udp(1, 2, &[0; 52]))] {
        assert!(parse(&frame, 100).is_ok());
        assert_eq!(parse(&frame, 99), Err(ParseError::Oversize));
        let padded = [&frame[..], &[0]].concat();
        assert_eq!(parse(&padded, 100), Err(ParseError::Oversize));
    }
}

#[test]
fn a_frame_that_stands_for_several_packets_is_judged_by_the_size_of_one() {
    let mut frame = Frame::from_bytes(&ip4(6, 0, &[], &tcp(1, 2, ACK, &[0; 5000])));
    assert_eq!(parse_frame(&frame, 1500), Err(ParseError::Oversize));
    frame.gso_size = 1460;
    assert!(parse_frame(&frame, 1500).is_ok());
    frame.gso_size = 1461;
    assert_eq!(parse_frame(&frame, 1500), Err(ParseError::Oversize));
    assert!(parse_frame(&frame, 0).is_ok());
}

#[test]
fn version_nibble_and_header_lengths() {
    let change = |at: usize, value: u8| {
        let mut frame = ip4(6, 0, &[], &tcp(1, 2, ACK, b"abc"));
        frame[at] = value;
        fix_header(&mut frame);
        refused(&frame)
    };
    assert_eq!(change(14, 0x65), ParseError::IpVersion);
    assert_eq!(change(14, 0x44), ParseError::HeaderLength);
    assert_eq!(change(14, 0x4f), ParseError::HeaderLength);
    assert_eq!(change(17, 19), ParseError::HeaderLength);
    assert_eq!(change(17, 0), ParseError::HeaderLength);
    let mut frame = ip6(59, &[]);
    assert!(parse(&frame, 0).is_ok());
    frame[14] = 0x45;
    assert_eq!(refused(&frame), ParseError::IpVersion);
}

#[test]
fn every_single_bit_error_in_the_ipv4_header_is_noticed() {
    for options in [&[][..], &[1, 1, 1, 0]] {
        let frame = ip4(6, 0, options, &tcp(1, 2, ACK, b"abc"));
        for bit in 8 * 14..8 * (34 + options.len()) {
            let mut wrong = frame.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&wrong, 0).is_err(), "bit {bit}");
        }
        let mut wrong = frame.clone();
        wrong[24] ^= 1;
        assert_eq!(refused(&wrong), ParseError::HeaderChecksum);
    }
}

#[test]
fn l4_headers_that_do_not_fit_or_contradict_themselves() {
    let whole = tcp(1, 2, ACK, b"");
    for len in 0..20 {
        assert_eq!(refused(&ip4(6, 0, &[], &whole[..len])), ParseError::L4Header);
        assert_eq!(refused(&ip6(6, &whole[..len])), ParseError::L4Header);
    }
    for (offset, fine) in [(4, false), (5, true), (6, false), (15, false)] {
        let mut segment = whole.clone();
        segment[12] = offset << 4;
        assert_eq!(parse(&ip4(6, 0, &[], &segment), 0).is_ok(), fine, "{offset}");
    }
    for (len, fine) in [(0, false), (7, false), (8, true), (12, true), (13, false)] {
        let mut datagram = udp(1, 2, b"1234");
        datagram[5] = len;
        assert_eq!(parse(&ip4(17, 0, &[], &datagram), 0).is_ok(), fine, "{len}");
        assert_eq!(parse(&ip6(17, &datagram), 0).is_ok(), fine, "{len}");
    }
    assert_eq!(refused(&ip4(1, 0, &[], &icmp(8, 0, 0, b"")[..7])), ParseError::L4Header);
    assert_eq!(refused(&ip6(58, &icmp(128, 0, 0, b"")[..7])), ParseError::L4Header);
}

#[test]
fn fragments_first_middle_and_last() {
    let p = packet(&ip4(17, 0x2000, &[], &udp(53, 54, &[0; 8])));
    assert_eq!((p.flags, p.sport, p.dport), (Packet::FRAGMENT | Packet::MF, 53, 54));
    // The datagram goes on elsewhere: its UDP length is more than what is here.
    let mut longer = udp(53, 54, &[0; 8]);
    longer[4] = 0x20;
    assert_eq!(packet(&ip4(17, 0x2000, &[], &longer)).dport, 54);
    let p = packet(&ip4(17, 0x2000 | 185, &[], &[0; 16]));
    assert_eq!((p.flags, p.frag_off), (Packet::FRAGMENT | Packet::MF | Packet::LATER, 185));
    assert_eq!((p.sport, p.dport, p.tcp_flags), (0, 0, 0));
    let p = packet(&ip4(6, 185, &[], &[0xff; 3]));
    assert_eq!((p.flags, p.sport, p.tcp_flags), (Packet::FRAGMENT | Packet::LATER, 0, 0));
    // An ICMP type in the middle of a datagram is no ICMP type.
    assert!(!packet(&ip4(1, 185, &[], &[3; 16])).has(Packet::ICMP_ERROR));
    assert!(packet(&ip4(1, 0x2000, &[], &icmp(3, 1, 0, &[0; 16]))).has(Packet::ICMP_ERROR));
}

#[test]
fn fragments_too_small_to_be_judged() {
    assert_eq!(refused(&ip4(6, 0x2000, &[], &tcp(1, 2, SYN, b"")[..16])), ParseError::FragmentTiny);
    assert_eq!(refused(&ip4(17, 0x2000, &[], &[])), ParseError::FragmentTiny);
    assert_eq!(refused(&ip4(1, 0x2000, &[], &[8; 7])), ParseError::FragmentTiny);
    assert_eq!(refused(&ip4(47, 0x2000, &[], &[])), ParseError::FragmentTiny);
    assert_eq!(refused(&ip4(6, 1, &[], &[0; 8])), ParseError::FragmentTiny);
    assert!(parse(&ip4(17, 1, &[], &[0; 8]), 0).is_ok());
    assert!(parse(&ip4(6, 2, &[], &[0; 8]), 0).is_ok());
    assert_eq!(refused(&ip4(17, 0x2001, &[], &[0; 12])), ParseError::FragmentTiny);
    assert_eq!(refused(&ip4(17, 0x2001, &[], &[])), ParseError::FragmentTiny);
    assert!(parse(&ip4(17, 1, &[], &[0; 12]), 0).is_ok());
    let mut segment = tcp(1, 2, SYN, &[0; 4]);
    segment[12] = 0x40;
    assert_eq!(refused(&ip4(6, 0x2000, &[], &segment)), ParseError::L4Header);
    segment[12] = 0xf0;
    assert_eq!(packet(&ip4(6, 0x2000, &[], &segment)).tcp_flags, SYN);
}

#[test]
fn fragments_that_end_beyond_the_largest_datagram() {
    assert!(parse(&ip4(17, 8191, &[], &[0; 7]), 0).is_ok());
    assert_eq!(refused(&ip4(17, 8191, &[], &[0; 8])), ParseError::FragmentOverflow);
    assert_eq!(
        refused(&ip6(44, &[&[17, 0, 0xff, 0xf8, 0, 0, 0, 1][..], &[0; 8]].concat())),
        ParseError::FragmentOverflow
    );
}

#[test]
fn ipv6_extension_headers_are_walked_to_the_ports() {
    let segment = tcp(1, 2, SYN, b"x");
    let chain = [
        &[43, 0, 0, 0, 0, 0, 0, 0][..],
        &[60, 0, 4, 0, 0, 0, 0, 0],
        &[51, 0, 0, 0, 0, 0, 0, 0],
        &[6, 4, 0, 0],
        &[0; 20],
        &segment,
    ]
    .concat();
    let frame = ip6(0, &chain);
    let p = packet(&frame);
    assert_eq!((p.proto, p.l4, p.sport, p.dport), (6, 54 + 48, 1, 2));
    assert_eq!(p.tuple(&frame).to_string(), "tcp [2001::5]:1 > [2001::6]:2");
    assert_eq!(p.v6_addrs(&frame), (0x2001 << 112 | 5, 0x2001 << 112 | 6));
    let p = packet(&ip6(60, &[59, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!((p.proto, p.l4, p.end), (59, 62, 62));
    assert_eq!(packet(&ip6(50, &[0; 20])).l4, 54);
}

#[test]
fn ipv6_extension_headers_that_are_refused() {
    let options = |next: u8| [next, 0, 0, 0, 0, 0, 0, 0];
    // Hop-by-hop anywhere but first.
    assert_eq!(refused(&ip6(60, &[options(0), options(59)].concat())), ParseError::ExtHeaders);
    // Eight headers are allowed, nine are not.
    let chain = |n: usize| [vec![options(60); n - 1].concat(), options(59).to_vec()].concat();
    assert_eq!(packet(&ip6(60, &chain(8))).proto, 59);
    assert_eq!(refused(&ip6(60, &chain(9))), ParseError::ExtHeaders);
    // Beyond the payload.
    assert_eq!(refused(&ip6(60, &[59, 1, 0, 0, 0, 0, 0, 0])), ParseError::ExtHeaders);
    assert_eq!(refused(&ip6(0, &[])), ParseError::ExtHeaders);
    assert_eq!(refused(&ip6(44, &[6, 0, 0])), ParseError::ExtHeaders);
    // Routing type 0, and a fragment in a fragment.
    assert_eq!(refused(&ip6(43, &options(59))), ParseError::ExtHeaders);
    assert_eq!(refused(&ip6(44, &[options(44), options(59)].concat())), ParseError::ExtHeaders);
}

#[test]
fn ipv6_fragments_and_the_atomic_one_that_is_none() {
    let header = |field: u16| [&[17, 0][..], &field.to_be_bytes(), &[0, 1, 2, 3]].concat();
    let frame = |field, rest: &[u8]| ip6(44, &[&header(field)[..], rest].concat());
    let p = packet(&frame(0, &udp(5, 6, b"")));
    assert_eq!((p.flags, p.sport, p.l4, p.proto), (Packet::V6, 5, 62, 17));
    let p = packet(&frame(1, &udp(5, 6, b"")));
    assert_eq!((p.flags, p.frag_id, p.dport), (Packet::V6 | Packet::FRAGMENT | Packet::MF, 0x10203, 6));
    let p = packet(&frame(16 << 3, &[0xff; 5]));
    assert_eq!((p.flags, p.frag_off, p.sport), (Packet::V6 | Packet::FRAGMENT | Packet::LATER, 16, 0));
    assert_eq!(refused(&frame(1, &udp(5, 6, &[0; 4]))), ParseError::FragmentTiny);
    assert_eq!(refused(&frame(1, &[0; 4])), ParseError::FragmentTiny);
    assert_eq!(refused(&frame(0, &[0; 4])), ParseError::L4Header);
}

#[test]
fn arp_is_read_and_other_kinds_of_it_refused() {
    let frame = [
        &[0xff; 6][..],
        &[2; 6],
        &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1],
        &[2; 6],
        &[10, 0, 0, 4],
        &[0; 6],
        &[10, 0, 0, 1],
        &[0; 18],
    ]
    .concat();
    let Ok(Parsed::Arp(arp)) = parse(&frame, 1500) else { panic!() };
    assert_eq!((arp.op, arp.sha, arp.tha), (1, Mac([2; 6]), Mac::default()));
    assert_eq!((arp.spa.octets(), arp.tpa.octets()), ([10, 0, 0, 4], [10, 0, 0, 1]));
    assert_eq!(parse(&frame, 45), Err(ParseError::Oversize));
    for at in 14..20 {
        let mut wrong = frame.clone();
        wrong[at] ^= 2;
        assert_eq!(refused(&wrong), ParseError::Neighbour);
    }
}

#[test]
fn neighbour_discovery_is_read_and_malformed_messages_refused() {
    let target = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let ns = |options: &[u8]| icmp(135, 0, 0, &[&target[..], options].concat());
    let read = |message: &[u8]| {
        let frame = ip6(58, message);
        parse_nd(&frame, &packet(&frame))
    };
    let nd = read(&ns(&[14, 1, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7])).unwrap();
    assert_eq!((nd.typ, nd.target, nd.src_lladdr), (135, Some(target.into()), Some(Mac([2, 3, 4, 5, 6, 7]))));
    assert_eq!(read(&ns(&[])).unwrap().src_lladdr, None);
    assert_eq!(read(&icmp(133, 0, 0, &[])).unwrap().target, None);
    let neighbour = Err(ParseError::Neighbour);
    assert_eq!(read(&ns(&[1, 0, 0, 0, 0, 0, 0, 0])), neighbour);
    assert_eq!(read(&ns(&[1, 2, 0, 0, 0, 0, 0, 0])), neighbour);
    assert_eq!(read(&ns(&[1])), neighbour);
    assert_eq!(read(&icmp(135, 1, 0, &target)), neighbour);
    assert_eq!(read(&icmp(135, 0, 0, &target[..15])), neighbour);
    assert_eq!(read(&icmp(137, 0, 0, &target)), neighbour);
    assert_eq!(read(&icmp(128, 0, 0, &target)), neighbour);
    let mut routed = ip6(58, &ns(&[]));
    routed[21] = 254;
    assert_eq!(parse_nd(&routed, &packet(&routed)), neighbour);
}

#[test]
fn reasons_have_the_names_of_the_verdicts() {
    assert_eq!(ParseError::Truncated.reason(), "truncated");
    assert_eq!(ParseError::L4Header.to_string(), "l4-header");
    assert_eq!(ParseError::FragmentOverflow.reason(), "fragment-overflow");
}
