//! Rewriting: incremental checksums against summing everything again.

use crate::support::*;
use proptest::prelude::*;
use vpcd_wire::*;

type Four = (u32, u32, u16, u16);

fn rewrite(bytes: &[u8], new: Four, ttl: bool) -> Vec<u8> {
    let p = packet(bytes);
    let mut frame = Frame::from_bytes(bytes);
    Rewrite4::new(p.proto, (p.src4, p.dst4, p.sport, p.dport), new).apply(&mut frame, &p, ttl);
    frame.bytes().to_vec()
}

fn l4_field(frame: &[u8]) -> u16 {
    let at = 34 + checksum_at(frame[23]);
    u16::from_be_bytes([frame[at], frame[at + 1]])
}

/// How far off a checksum is, in one's complement arithmetic: 0 means right.
fn wrongness(field: u16, right: u16) -> u32 {
    (u32::from(field) + 0xffff - u32::from(right)) % 0xffff
}

fn any_l4() -> impl Strategy<Value = (u8, Vec<u8>)> {
    let payload = prop::collection::vec(any::<u8>(), 0..60);
    (0..3, any::<u16>(), any::<u16>(), payload).prop_map(|(kind, a, b, data)| match kind {
        0 => (6, tcp(a, b, b as u8, &data)),
        1 => (17, udp(a, b, &data)),
        _ => (1, icmp([0, 8, 13, 17][usize::from(b & 3)], 0, u32::from(a) << 16 | 1, &data)),
    })
}

proptest! {
    #[test]
    fn right_checksums_stay_right((proto, l4) in any_l4(), new: (u32, u32, u16, u16), ttl: bool) {
        let before = fill_l4(ip4(proto, 0, &[], &l4));
        let after = rewrite(&before, new, ttl);
        let p = packet(&after); // judges the header checksum
        prop_assert_eq!((p.src4, p.dst4, p.sport, p.ttl), (new.0, new.1, new.2, 64 - u8::from(ttl)));
        prop_assert_eq!(p.dport, if proto == 1 { packet(&before).dport } else { new.3 });
        let right = l4_checksum(&after);
        let right = if proto == 17 && right == 0 { 0xffff } else { right };
        prop_assert_eq!(l4_field(&after), right);
        // Nothing but what was to be changed.
        let mut again = rewrite(&after, { let o = packet(&before); (o.src4, o.dst4, o.sport, o.dport) }, false);
        again[22] = before[22];
        fix_header(&mut again);
        prop_assert_eq!(again, before);
    }

    #[test]
    fn wrong_checksums_stay_as_wrong((proto, l4) in any_l4(), error in 1u16.., new: (u32, u32, u16, u16)) {
        let mut before = fill_l4(ip4(proto, 0, &[], &l4));
        let at = 34 + checksum_at(proto);
        let field = l4_field(&before) ^ error;
        prop_assume!(proto != 17 || field != 0);
        before[at..at + 2].copy_from_slice(&field.to_be_bytes());
        let off = wrongness(field, l4_checksum(&before));
        let after = rewrite(&before, new, true);
        prop_assert_eq!(wrongness(l4_field(&after), l4_checksum(&after)), off);
    }

    #[test]
    fn a_partial_checksum_completed_after_the_rewrite_is_right(which: bool, data in prop::collection::vec(any::<u8>(), 0..60), new: (u32, u32, u16, u16)) {
        let (proto, l4) = if which { (6, tcp(1, 2, ACK, &data)) } else { (17, udp(1, 2, &data)) };
        let bytes = ip4(proto, 0, &[], &l4);
        let p = packet(&bytes);
        let mut frame = Frame::from_bytes(&bytes);
        let at = checksum_at(proto);
        let pseudo = !internet_checksum(&[&bytes[26..34], &[0, proto], &(l4.len() as u16).to_be_bytes()]);
        frame.bytes_mut()[34 + at..36 + at].copy_from_slice(&pseudo.to_be_bytes());
        (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM, 34, at as u16);
        Rewrite4::new(proto, (p.src4, p.dst4, p.sport, p.dport), new).apply(&mut frame, &p, true);
        prop_assert_eq!(frame.flags, Frame::NEEDS_CSUM);
        complete_checksum(&mut frame);
        let right = l4_checksum(frame.bytes());
        prop_assert_eq!(l4_field(frame.bytes()), if proto == 17 && right == 0 { 0xffff } else { right });
    }

    #[test]
    fn errors_are_rewritten_with_all_their_checksums((proto, l4) in any_l4(), cut in 8usize..80, outer: (u32, u32), inner: (u32, u32, u16, u16), wrong: u16, ttl: bool) {
        let quoted = fill_l4(ip4(proto, 0, &[1, 1, 1, 0], &[])[..14].to_vec().into_iter().chain(ip4(proto, 0, &[], &l4)[14..].to_vec()).collect());
        let quote_len = (20 + cut).min(quoted.len() - 14);
        let mut before = fill_l4(ip4(1, 0, &[], &icmp(3, 4, 1500, &quoted[14..14 + quote_len])));
        let field = l4_field(&before) ^ wrong;
        before[36..38].copy_from_slice(&field.to_be_bytes());
        let off = wrongness(field, l4_checksum(&before));
        let p = packet(&before);
        let q = quote(&before, &p).unwrap();
        let mut frame = Frame::from_bytes(&before);
        rewrite_error4(&mut frame, &p, &q, outer, inner, ttl);
        let after = frame.bytes();
        let now = packet(after);
        prop_assert_eq!((now.src4, now.dst4, now.ttl), (outer.0, outer.1, 64 - u8::from(ttl)));
        prop_assert_eq!(wrongness(l4_field(after), l4_checksum(after)), off);
        let t = quote(after, &now).unwrap().tuple;
        prop_assert_eq!((t.src, t.dst), (std::net::Ipv4Addr::from(inner.0).into(), std::net::Ipv4Addr::from(inner.1).into()));
        prop_assert_eq!((t.sport, t.dport), (inner.2, if proto == 1 { q.tuple.dport } else { inner.3 }));
        // The quoted packet, made whole again with what the quote left out, is right in itself.
        let whole = [&after[..14], &after[42..], &quoted[14 + quote_len..]].concat();
        prop_assert!(header_sums_up(&whole));
        if quote_len >= 20 + checksum_at(proto) + 2 {
            prop_assert_eq!(wrongness(l4_field(&whole), l4_checksum(&whole)), 0);
        }
        prop_assert_eq!(after.len(), before.len());
    }
}

#[test]
fn a_udp_checksum_of_zero_stays_zero_outside_and_in_a_quote() {
    let bytes = ip4(17, 0, &[], &udp(1, 2, b"abc"));
    let after = rewrite(&bytes, (7, 8, 9, 10), false);
    assert_eq!(l4_field(&after), 0);
    let error = fill_l4(ip4(1, 0, &[], &icmp(11, 0, 0, &bytes[14..])));
    let p = packet(&error);
    let mut frame = Frame::from_bytes(&error);
    rewrite_error4(&mut frame, &p, &quote(&error, &p).unwrap(), (1, 2), (7, 8, 9, 10), false);
    assert_eq!(frame.bytes()[68..70], [0, 0]);
    assert_eq!(l4_field(frame.bytes()), l4_checksum(frame.bytes()));
}

#[test]
fn later_fragments_other_protocols_and_other_icmp_have_addresses_rewritten_only() {
    for frame in [
        ip4(17, 100, &[], &[9; 40]),
        ip4(6, 100, &[], &[9; 40]),
        ip4(47, 0, &[], &[9; 40]),
        ip4(1, 0, &[], &icmp(5, 1, 0x0909_0909, &[9; 40])),
    ] {
        let after = rewrite(&frame, (7, 8, 9, 10), false);
        assert_eq!(after[34..], frame[34..]);
        assert_eq!((packet(&after).src4, packet(&after).dst4), (7, 8));
    }
}

#[test]
fn time_to_live_stops_at_zero_and_the_header_stays_right() {
    let mut frame = ip4(17, 0, &[], &udp(1, 2, b""));
    for (from, to) in [(255, 254), (1, 0), (0, 0)] {
        frame[22] = from;
        fix_header(&mut frame);
        assert_eq!(packet(&rewrite(&frame, (SRC, DST, 1, 2), true)).ttl, to);
    }
}

#[test]
fn the_checksum_of_a_packet_inside_is_not_mistaken_for_the_outer_one() {
    let bytes = fill_l4(ip4(17, 0, &[], &udp(1, 4789, &[9; 60])));
    let p = packet(&bytes);
    let mut frame = Frame::from_bytes(&bytes);
    (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM, 70, 16);
    Rewrite4::new(17, (p.src4, p.dst4, 1, 4789), (7, 8, 9, 4789)).apply(&mut frame, &p, false);
    assert_eq!(l4_field(frame.bytes()), l4_checksum(frame.bytes()));
}
