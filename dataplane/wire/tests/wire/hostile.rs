//! No bytes make anything panic.

use crate::support::*;
use proptest::prelude::*;
use std::net::{Ipv4Addr, Ipv6Addr};
use vpcd_wire::*;

/// Feeds a frame to everything that takes one, with the given packet description.
fn everything(bytes: &[u8], p: &Packet, q: Option<Quote>, numbers: (u32, u32, u16, u16), mtu: usize) {
    let mut out = Frame::default();
    let (v4, v6) = (Ipv4Addr::from(numbers.0), Ipv6Addr::LOCALHOST);
    let _ = (p.tuple(bytes).reverse().to_string(), p.l3_len(), p.v6_addrs(bytes));
    let _ = parse_nd(bytes, p);
    build_icmp4_error(&mut out, FABRIC_MAC, v4, 3, 4, numbers.2, bytes, p);
    assert!(out.len() <= 14 + 576);
    build_icmp6_too_big(&mut out, FABRIC_MAC, v6, numbers.1, bytes, p);
    assert!(out.len() <= 14 + 1280);
    build_tcp_rst4(&mut out, FABRIC_MAC, bytes, p);
    let frame = Frame::from_bytes(bytes);
    fragment4(&frame, p, mtu, &mut |piece| assert!(piece.len() <= 14 + mtu || piece.len() <= frame.len()));
    for (flags, csum_start) in [(0, 0), (Frame::NEEDS_CSUM, p.l4), (Frame::NEEDS_CSUM, numbers.2)] {
        let mut frame = Frame::from_bytes(bytes);
        (frame.flags, frame.csum_start, frame.csum_offset) = (flags, csum_start, numbers.3);
        Rewrite4::new(p.proto, (p.src4, p.dst4, p.sport, p.dport), numbers).apply(&mut frame, p, true);
        if let Some(q) = q.or_else(|| quote(bytes, p)) {
            rewrite_error4(&mut frame, p, &q, (numbers.0, numbers.1), numbers, true);
        }
        complete_checksum(&mut frame);
        assert_eq!(frame.len(), bytes.len());
    }
}

/// Something that parses, most of the time, or nearly does.
fn near_misses() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..120);
    let next = prop::sample::select(vec![0u8, 1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 135]);
    let typ = prop::sample::select(vec![0u8, 1, 2, 3, 8, 11, 12, 128, 133, 135, 137]);
    let options = prop::collection::vec(any::<u8>(), 0..41);
    let frag = prop_oneof![Just(0u16), Just(0x2000), any::<u16>()];
    let kinds = (0..6, next, typ, frag, options, body);
    (
        kinds,
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        any::<prop::sample::Index>(),
        any::<bool>(),
    )
        .prop_map(|((kind, next, typ, frag, options, body), flips, cut, do_cut)| {
            let options = &options[..options.len() & !3];
            let inner4 = ip4(next, frag, options, &body);
            let mut frame = match kind {
                0 | 1 => inner4,
                2 => ip4(1, 0, options, &icmp(typ, 0, 0, &inner4[14..])),
                3 => ip6(next, &body),
                4 => ip6(58, &icmp(typ, 0, 0, &ip6(next, &body)[14..])),
                _ => ip6(58, &icmp(typ, 0, 0, &body)),
            };
            for (at, value) in flips {
                let at = at.index(frame.len());
                frame[at] = value;
            }
            if do_cut {
                frame.truncate(cut.index(frame.len() + 1));
            } else if frame[12..14] == [8, 0] {
                fix_header(&mut frame);
            }
            frame
        })
}

fn any_packet() -> impl Strategy<Value = Packet> {
    (any::<(u32, u32, u16, u16, u16, u16, u32)>(), any::<(u32, u16, u8, u8, u8, u8)>(), any::<bool>()).prop_map(
        |(a, b, near)| Packet {
            src4: a.0,
            dst4: a.1,
            sport: a.2,
            dport: a.3,
            l3: if near { a.4 % 100 } else { a.4 },
            l4: if near { a.5 % 100 } else { a.5 },
            end: if near { a.6 % 150 } else { a.6 },
            frag_id: b.0,
            frag_off: b.1,
            flags: b.2,
            proto: [1, 6, 17, 58, b.3][usize::from(b.3 % 5)],
            ttl: b.4,
            tcp_flags: b.5,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), mtu: usize) {
        let _ = parse(&bytes, mtu);
    }

    #[test]
    fn frames_that_nearly_parse(bytes in near_misses(), numbers: (u32, u32, u16, u16), mtu in 0usize..200) {
        if let Ok(Parsed::Ip(p)) = parse(&bytes, 0) {
            prop_assert!(p.l3 <= p.l4 && u32::from(p.l4) <= p.end && p.end as usize <= bytes.len());
            if let Some(q) = quote(&bytes, &p) {
                prop_assert!(p.l4 + 8 == q.l3 && q.l3 < q.l4 && u32::from(q.l4) + 8 <= q.end && q.end <= p.end);
            }
            everything(&bytes, &p, None, numbers, mtu);
        }
    }

    #[test]
    fn descriptions_that_do_not_belong_to_the_frame(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        p in any_packet(),
        (l3, l4, end) in any::<(u16, u16, u32)>(),
        numbers in any::<(u32, u32, u16, u16)>(),
        mtu in 0usize..200,
    ) {
        let tuple = p.tuple(&bytes);
        everything(&bytes, &p, Some(Quote { tuple, l3: l3 % 250, l4: l4 % 250, end: end % 250 }), numbers, mtu);
        everything(&bytes, &p, None, numbers, mtu);
    }

    #[test]
    fn gso_frames(bytes in near_misses(), gso_size: u16, mtu: usize) {
        let mut frame = Frame::from_bytes(&bytes);
        frame.gso_size = gso_size;
        let _ = parse_frame(&frame, mtu);
    }
}
