//! Big-endian access that never panics: reads beyond the end give `None` (or zero where the
//! caller has checked already), writes beyond the end do nothing.

use std::net::Ipv6Addr;

#[inline]
pub(crate) fn chunk<const N: usize>(bytes: &[u8], at: usize) -> Option<&[u8; N]> {
    bytes.get(at..)?.first_chunk::<N>()
}

#[inline]
pub(crate) fn chunk_mut<const N: usize>(bytes: &mut [u8], at: usize) -> Option<&mut [u8; N]> {
    bytes.get_mut(at..)?.first_chunk_mut::<N>()
}

#[inline]
pub(crate) fn get16(bytes: &[u8], at: usize) -> Option<u16> {
    chunk::<2>(bytes, at).map(|b| u16::from_be_bytes(*b))
}

#[inline]
pub(crate) fn get32(bytes: &[u8], at: usize) -> Option<u32> {
    chunk::<4>(bytes, at).map(|b| u32::from_be_bytes(*b))
}

#[inline]
pub(crate) fn get_v6(bytes: &[u8], at: usize) -> Option<Ipv6Addr> {
    chunk::<16>(bytes, at).map(|b| Ipv6Addr::from(*b))
}

#[inline]
pub(crate) fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(to) = bytes.get_mut(at..).and_then(|b| b.get_mut(..value.len())) {
        to.copy_from_slice(value);
    }
}

#[inline]
pub(crate) fn put16(bytes: &mut [u8], at: usize, value: u16) {
    if let Some(to) = chunk_mut::<2>(bytes, at) {
        *to = value.to_be_bytes();
    }
}

#[inline]
pub(crate) fn put32(bytes: &mut [u8], at: usize, value: u32) {
    if let Some(to) = chunk_mut::<4>(bytes, at) {
        *to = value.to_be_bytes();
    }
}
