//! Ethernet addresses.

use std::fmt;
use std::str::FromStr;

/// Source address of every frame the fabric sends on its own behalf, and the address of every
/// subnet router (locally administered, "vpcd" in the middle).
pub const FABRIC_MAC: Mac = Mac([0x02, 0x76, 0x70, 0x63, 0x64, 0x01]);

/// An Ethernet address, in wire order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// All ones: every station.
    pub const BROADCAST: Mac = Mac([0xff; 6]);

    /// Whether the group bit is set (IEEE 802.3 3.2.3); broadcast included.
    #[inline]
    pub fn is_multicast(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// The text was not six two-digit hexadecimal bytes between colons.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MacError;

impl fmt::Display for MacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an Ethernet address (aa:bb:cc:dd:ee:ff)")
    }
}

impl std::error::Error for MacError {}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(s: &str) -> Result<Mac, MacError> {
        let mut out = [0; 6];
        let mut parts = s.split(':');
        for byte in &mut out {
            let part = parts.next().ok_or(MacError)?;
            // from_str_radix alone would take "+1" and "1".
            if part.len() != 2 || !part.bytes().all(|c| c.is_ascii_hexdigit()) {
                return Err(MacError);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| MacError)?;
        }
        if parts.next().is_some() { Err(MacError) } else { Ok(Mac(out)) }
    }
}

/// Writes the two addresses of an Ethernet header; a frame shorter than that is left alone.
#[inline]
pub fn set_macs(bytes: &mut [u8], dst: Mac, src: Mac) {
    if let Some(head) = bytes.first_chunk_mut::<12>() {
        head[..6].copy_from_slice(&dst.0);
        head[6..].copy_from_slice(&src.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_goes_both_ways_and_refuses_near_misses() {
        assert_eq!(FABRIC_MAC.to_string(), "02:76:70:63:64:01");
        assert_eq!("02:76:70:63:64:01".parse(), Ok(FABRIC_MAC));
        assert_eq!("FF:ff:FF:ff:FF:ff".parse(), Ok(Mac::BROADCAST));
        for bad in
            ["", "02:76:70:63:64", "02:76:70:63:64:01:02", "2:76:70:63:64:01", "+2:76:70:63:64:01", "02-76-70-63-64-01"]
        {
            assert_eq!(bad.parse::<Mac>(), Err(MacError), "{bad}");
        }
    }

    #[test]
    fn addresses_are_written_destination_first_and_short_frames_are_left_alone() {
        let mut frame = [9; 14];
        set_macs(&mut frame, Mac([1; 6]), Mac([2; 6]));
        assert_eq!(frame, [1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 9, 9]);
        let mut short = [9; 11];
        set_macs(&mut short, Mac([1; 6]), Mac([2; 6]));
        assert_eq!(short, [9; 11]);
    }
}
