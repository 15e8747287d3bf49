//! Splitting IPv4 datagrams.

use crate::support::*;
use proptest::prelude::*;
use vpcd_wire::*;

fn split(frame: &[u8], mtu: usize) -> Vec<Frame> {
    let mut out = Vec::new();
    fragment4(&Frame::from_bytes(frame), &packet(frame), mtu, &mut |piece| out.push(piece));
    out
}

/// Payload put together from pieces, and where it starts and whether more follows.
fn reassemble(pieces: &[Frame]) -> (Vec<u8>, u16, bool) {
    let mut payload = Vec::new();
    let first = packet(pieces[0].bytes()).frag_off;
    let mut more = true;
    for piece in pieces {
        assert!(more, "a piece after the last");
        let p = packet(piece.bytes());
        assert_eq!(usize::from(p.frag_off - first) * 8, payload.len());
        payload.extend(&piece.bytes()[usize::from(p.l4)..p.end as usize]);
        assert_eq!(p.end as usize, piece.len());
        more = p.has(Packet::MF);
    }
    (payload, first, more)
}

#[test]
fn options_without_the_copied_bit_are_in_the_first_piece_only() {
    // No operation, record route (not copied, 7 bytes), loose source route (copied, 7), router alert (copied, 4), end.
    let options = [1, 7, 7, 4, 0, 0, 0, 0, 0x83, 7, 4, 9, 9, 9, 9, 0x94, 4, 0, 0, 0];
    let pieces = split(&ip4(17, 0, &options, &udp(1, 2, &[7; 200])), 100);
    assert_eq!(pieces[0].bytes()[34..54], options);
    for piece in &pieces[1..] {
        assert_eq!(piece.bytes()[14], 0x48);
        assert_eq!(piece.bytes()[34..46], [0x83, 7, 4, 9, 9, 9, 9, 0x94, 4, 0, 0, 0]);
    }
    assert!(pieces.len() > 2);
}

#[test]
fn a_partial_checksum_is_completed_before_the_cut() {
    let whole = fill_l4(ip4(17, 0, &[], &udp(1, 2, &[7; 200])));
    let mut frame = Frame::from_bytes(&whole);
    let mut pseudo = !internet_checksum(&[&whole[26..34], &[0, 17, 0, 208]]);
    frame.bytes_mut()[40..42].copy_from_slice(&pseudo.to_be_bytes());
    pseudo = 0;
    (frame.flags, frame.csum_start, frame.csum_offset, frame.seq) = (Frame::NEEDS_CSUM, 34, 6 + pseudo, 9);
    let mut pieces = Vec::new();
    fragment4(&frame, &packet(&whole), 100, &mut |piece| pieces.push(piece));
    assert_eq!(reassemble(&pieces).0, whole[34..]);
    assert!(pieces.iter().all(|p| p.flags == 0 && p.seq == 9));
}

#[test]
fn nothing_comes_out_where_no_piece_would_fit() {
    let frame = ip4(17, 0, &[], &udp(1, 2, &[7; 200]));
    assert!(split(&frame, 27).is_empty());
    assert!(split(&frame, 0).is_empty());
    assert_eq!(split(&frame, 28).len(), 26);
    assert_eq!(split(&frame, 228).len(), 1);
    assert!(split(&ip6(17, &udp(1, 2, &[7; 200])), 100).is_empty());
}

proptest! {
    #[test]
    fn pieces_put_together_are_the_datagram(
        payload in prop::collection::vec(any::<u8>(), 0..3000),
        options in prop::collection::vec(any::<u8>(), 0..40),
        mtu in 68usize..1600,
        start in 0u16..2000,
        more: bool,
        padding in 0usize..20,
    ) {
        let options = &options[..options.len() & !3];
        let payload = if more { &payload[..payload.len() & !7] } else { &payload[..] };
        prop_assume!(!more || !payload.is_empty());
        // Protocol 47 has no header of its own to be judged.
        let mut frame = ip4(47, start | if more { 0x2000 } else { 0 }, options, payload);
        frame.extend(vec![0xee; padding]);
        let pieces = split(&frame, mtu);
        prop_assert!(!pieces.is_empty());
        let (got, at, goes_on) = reassemble(&pieces);
        prop_assert_eq!(got, payload);
        prop_assert_eq!((at, goes_on), (start, more));
        let last = pieces.len() - 1;
        for (n, piece) in pieces.iter().enumerate() {
            prop_assert!(piece.len() - 14 <= mtu);
            prop_assert!(header_sums_up(piece.bytes()));
            prop_assert_eq!(&piece.bytes()[..14], &frame[..14]);
            prop_assert_eq!(&piece.bytes()[18..20], &frame[18..20]);
            prop_assert_eq!(&piece.bytes()[22..24], &frame[22..24]);
            // No smaller than need be: another 8 bytes would not have fitted.
            prop_assert!(n == last || piece.len() - 14 + 8 > mtu);
        }
    }
}
