//! Cutting IPv4 datagrams for a smaller MTU (RFC 791, 3.2).

use crate::bytes::put16;
use crate::checksum::{checksum, complete_checksum};
use crate::{Frame, Packet};

/// Splits the IPv4 datagram `p` of `frame` (which may be a fragment itself) into frames of at most
/// `mtu` bytes of L3 each and hands them to `emit` in order. Payloads but the last are multiples
/// of 8 bytes; the first piece keeps all IP options, later ones those with the "copied" bit; the
/// Ethernet header is repeated, padding after the datagram is left behind. A partial L4 checksum
/// is completed first, for no piece could tell it later. "Don't fragment" is the caller's to
/// judge. Emits nothing for IPv6, or if `mtu` has no room for a header and 8 bytes.
///
/// Allocates a frame per piece.
pub fn fragment4(frame: &Frame, p: &Packet, mtu: usize, emit: &mut dyn FnMut(Frame)) {
    if frame.flags & Frame::NEEDS_CSUM != 0 {
        let mut whole = frame.clone();
        complete_checksum(&mut whole);
        return fragment4(&whole, p, mtu, emit);
    }
    if p.has(Packet::V6) {
        return;
    }
    let bytes = frame.bytes();
    let (l3, l4) = (usize::from(p.l3), usize::from(p.l4));
    let Some(mut payload) = bytes.get(l4..p.end as usize) else {
        return;
    };
    let Some(ethernet) = bytes.get(..l3) else {
        return;
    };
    let Some(header) = bytes.get(l3..l4).filter(|h| h.len() >= 20) else {
        return;
    };

    let mut later = [0; 60];
    let later = copied_options(header, &mut later);
    let mut header = header;
    let mut offset = p.frag_off;
    loop {
        let last = header.len() + payload.len() <= mtu;
        let take = if last { payload.len() } else { mtu.saturating_sub(header.len()) & !7 };
        if take == 0 && !last {
            return;
        }
        let Some((piece, rest)) = payload.split_at_checked(take) else {
            return;
        };
        emit(write_piece(frame, p, ethernet, header, piece, offset, !last));
        if last {
            return;
        }
        // A datagram parsed ends below 65,536 bytes, so the offset stays within its 13 bits.
        offset = offset.wrapping_add((take / 8) as u16);
        (payload, header) = (rest, later);
    }
}

fn write_piece(
    frame: &Frame,
    p: &Packet,
    ethernet: &[u8],
    header: &[u8],
    piece: &[u8],
    offset: u16,
    more: bool,
) -> Frame {
    let l3 = ethernet.len();
    let l4 = l3 + header.len();
    let mut out = Frame::with_capacity(l4 + piece.len());
    (out.port, out.seq, out.ts) = (frame.port, frame.seq, frame.ts);
    out.set_len(l4 + piece.len());
    let bytes = out.bytes_mut();
    bytes[..l3].copy_from_slice(ethernet);
    bytes[l3..l4].copy_from_slice(header);
    bytes[l4..].copy_from_slice(piece);
    bytes[l3] = 0x40 | (header.len() / 4) as u8;
    put16(bytes, l3 + 2, (header.len() + piece.len()) as u16);
    // The reserved and "don't fragment" bits are those of the original.
    let more = if more || p.has(Packet::MF) { 0x2000 } else { 0 };
    put16(bytes, l3 + 6, u16::from(bytes[l3 + 6] & 0xc0) << 8 | more | offset & 0x1fff);
    put16(bytes, l3 + 10, 0);
    let sum = checksum(&bytes[l3..l4]);
    put16(bytes, l3 + 10, sum);
    out
}

/// The header of later pieces: the fixed part, the options whose "copied" bit is set (RFC 791,
/// 3.1), zeros up to a multiple of 4. Options that make no sense end the list.
fn copied_options<'a>(header: &[u8], out: &'a mut [u8; 60]) -> &'a [u8] {
    let (fixed, mut options) = header.split_at(20);
    out[..20].copy_from_slice(fixed);
    let mut len = 20;
    loop {
        let size = match *options {
            [] | [0, ..] => break,
            [1, ..] => 1,
            [_, size, ..] if size >= 2 => usize::from(size),
            _ => break,
        };
        let Some((option, rest)) = options.split_at_checked(size) else {
            break;
        };
        // A header has at most 40 bytes of options; a subset of them fits as well.
        if option[0] & 0x80 != 0
            && let Some(to) = out.get_mut(len..len + size)
        {
            to.copy_from_slice(option);
            len += size;
        }
        options = rest;
    }
    &out[..len.next_multiple_of(4).min(60)]
}
