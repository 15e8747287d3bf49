//! Checksums, by the book: numbers modulo 65535.

/// The Internet checksum over the concatenation of `parts` (each of even length but the last); 0 if a checksum inside is right.
pub(crate) fn of(parts: &[&[u8]]) -> u16 {
    let mut total: u64 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            total += u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
        }
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

/// What a checksum becomes when `old` bytes (of even length) are replaced by `new` ones, whether it was right or wrong before
/// (RFC 1624). Nothing replaced leaves it alone.
pub(crate) fn adjust(checksum: u16, old: &[u8], new: &[u8]) -> u16 {
    if old == new {
        return checksum;
    }
    let words = |b: &[u8]| b.chunks(2).map(|p| u64::from(p[0]) << 8 | u64::from(*p.get(1).unwrap_or(&0))).sum::<u64>();
    let sum = (u64::from(!checksum) + words(new) + 65535 * (old.len() as u64 + 1) - words(old)) % 65535;
    // 0 and 65535 are the same number; a sum over data that is not all zero is written 65535.
    let sum = if sum == 0 { 65535 } else { sum };
    !(sum as u16)
}
