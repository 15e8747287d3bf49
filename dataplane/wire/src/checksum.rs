//! The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
//!
//! Sums are kept as `u32` of 16-bit big-endian words and folded once at the end; a *delta* is the
//! folded one's complement sum of `~old + new` over the words that change, to be given to
//! [`update`]. By equation 3 of RFC 1624 a checksum that was wrong stays wrong by the same amount.

use crate::Frame;
use crate::bytes::{get16, put16};
use std::net::Ipv6Addr;

/// One's complement sum of the bytes as big-endian words, not folded; an odd last byte counts as
/// the high half of a word (RFC 1071, section 1). Up to 128 KiB before it could overflow.
#[inline]
pub fn sum(bytes: &[u8]) -> u32 {
    let mut words = bytes.chunks_exact(2);
    let mut total = 0u32;
    for word in &mut words {
        if let [high, low] = word {
            total = total.wrapping_add(u32::from(u16::from_be_bytes([*high, *low])));
        }
    }
    match words.remainder() {
        [last] => total.wrapping_add(u32::from(*last) << 8),
        _ => total,
    }
}

/// Folds a sum to 16 bits (the one's complement sum). Never 0 unless the sum is.
#[inline]
pub const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// Checksum of the bytes: complement of the folded sum.
#[inline]
pub fn checksum(bytes: &[u8]) -> u16 {
    !fold(sum(bytes))
}

/// Sum of an IPv4 pseudo header (RFC 9293, 3.1), not folded. `len`: L4 bytes.
#[inline]
pub fn pseudo4(src: u32, dst: u32, proto: u8, len: u32) -> u32 {
    words(src) + words(dst) + u32::from(proto) + words(len)
}

/// Sum of an IPv6 pseudo header (RFC 8200, 8.1), not folded. `len`: upper-layer bytes.
pub fn pseudo6(src: Ipv6Addr, dst: Ipv6Addr, proto: u8, len: u32) -> u32 {
    sum(&src.octets()) + sum(&dst.octets()) + u32::from(proto) + words(len)
}

/// The two words of a 32-bit field, added.
#[inline]
pub(crate) const fn words(value: u32) -> u32 {
    (value >> 16) + (value & 0xffff)
}

/// Unfolded delta of a 16-bit field that changes.
#[inline]
pub const fn delta16(old: u16, new: u16) -> u32 {
    !old as u32 + new as u32
}

/// Unfolded delta of a 32-bit field that changes.
#[inline]
pub const fn delta32(old: u32, new: u32) -> u32 {
    words(!old) + words(new)
}

/// The checksum after a change (RFC 1624, equation 3).
#[inline]
pub const fn update(checksum: u16, delta: u16) -> u16 {
    !fold(!checksum as u32 + delta as u32)
}

/// [`update`] for UDP: 0 says "no checksum" and stays; a computed 0 is sent as 0xffff (RFC 768).
#[inline]
pub const fn update_udp(checksum: u16, delta: u16) -> u16 {
    if checksum == 0 {
        return 0;
    }
    match update(checksum, delta) {
        0 => 0xffff,
        other => other,
    }
}

/// Fills in the L4 checksum of a frame with [`Frame::NEEDS_CSUM`] (virtio 1.2, 5.1.6.2: the sum
/// runs from `csum_start` to the end of the frame and takes in the pseudo-header sum that is in
/// the field) and clears the flag. Offsets beyond the frame: only the flag is cleared.
pub fn complete_checksum(frame: &mut Frame) {
    if frame.flags & Frame::NEEDS_CSUM == 0 {
        return;
    }
    frame.flags &= !Frame::NEEDS_CSUM;
    let (start, offset) = (usize::from(frame.csum_start), usize::from(frame.csum_offset));
    let bytes = frame.bytes_mut();
    let Some(part) = bytes.get_mut(start..) else {
        return;
    };
    if get16(part, offset).is_none() {
        return;
    }
    let mut value = checksum(part);
    // A UDP header has its checksum at 6; there 0 would say "none".
    if value == 0 && offset == 6 {
        value = 0xffff;
    }
    put16(part, offset, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn example_of_rfc_1071_and_odd_lengths() {
        assert_eq!(fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
        assert_eq!(sum(&[0x12]), 0x1200);
        assert_eq!(checksum(&[]), 0xffff);
        assert_eq!(fold(u32::MAX), 0xffff);
    }

    #[test]
    fn a_udp_checksum_of_zero_stays_and_a_computed_zero_becomes_all_ones() {
        assert_eq!(update_udp(0, 0x1234), 0);
        let delta = fold(delta16(0, 0xffff - 0x1234));
        assert_eq!(update(!0x1234, delta), 0);
        assert_eq!(update_udp(!0x1234, delta), 0xffff);
    }

    proptest! {
        #[test]
        fn an_update_equals_summing_again(mut data in prop::collection::vec(any::<u8>(), 4..64), at in any::<prop::sample::Index>(), new: u16) {
            data[0] = 1; // all zeros have a sum of their own: minus zero is never met in headers
            let even = data.len() / 2 - 1;
            let at = 2 + 2 * at.index(even);
            let before = checksum(&data);
            let old = u16::from_be_bytes([data[at], data[at + 1]]);
            data[at..at + 2].copy_from_slice(&new.to_be_bytes());
            prop_assert_eq!(update(before, fold(delta16(old, new))), checksum(&data));
        }
    }

    #[test]
    fn a_partial_checksum_is_completed_and_bad_offsets_only_lose_the_flag() {
        let mut frame = Frame::from_bytes(&[0; 40]);
        frame.bytes_mut()[20..28].copy_from_slice(&[0, 1, 0, 2, 0, 8, 0x12, 0x34]);
        (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM | Frame::CUT, 20, 6);
        complete_checksum(&mut frame);
        assert_eq!(frame.flags, Frame::CUT);
        assert_eq!(frame.bytes()[26..28], (!0x123fu16).to_be_bytes());
        for (start, offset) in [(20, 19), (40, 0), (41, 0), (u16::MAX, u16::MAX)] {
            let before = frame.bytes().to_vec();
            (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM, start, offset);
            complete_checksum(&mut frame);
            assert_eq!((frame.flags, frame.bytes()), (0, &before[..]));
        }
    }
}
