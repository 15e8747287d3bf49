//! The frame: one Ethernet frame in a buffer that is used again and again.

use crate::{HEADROOM, TAILROOM};

/// An Ethernet frame with room before and after it, and what the port told about it.
///
/// The virtio fields (`gso_*`, `csum_*`, [`Frame::NEEDS_CSUM`]) have the meaning of
/// `struct virtio_net_hdr` (virtio 1.2, 5.1.6); offsets count from the first byte of the frame.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    buf: Box<[u8]>,
    start: u32,
    len: u32,
    /// Index of the port the frame came in by.
    pub port: u32,
    /// Number of the frame in the order of arrival.
    pub seq: u64,
    /// Time of arrival, nanoseconds.
    pub ts: u64,
    /// Payload bytes of each packet this frame stands for; 0: it is one packet.
    pub gso_size: u16,
    /// `VIRTIO_NET_HDR_GSO_*` of a frame with `gso_size`.
    pub gso_type: u8,
    /// [`Frame::NEEDS_CSUM`], [`Frame::CUT`].
    pub flags: u8,
    /// Where the checksummed part begins, bytes from the start of the frame.
    pub csum_start: u16,
    /// Where the checksum lies, bytes from `csum_start`.
    pub csum_offset: u16,
    /// Packets on the wire this frame stands for; 0 where nobody counted (one).
    pub segments: u16,
}

// One cache line: queues of frames move descriptors, not bytes.
const _: () = assert!(size_of::<Frame>() <= 64);

impl Frame {
    /// The L4 checksum field holds the folded pseudo-header sum only; see
    /// [`crate::complete_checksum`].
    pub const NEEDS_CSUM: u8 = 1;
    /// The capture holds less than was on the wire.
    pub const CUT: u8 = 2;

    /// An empty frame whose buffer takes `payload` bytes without growing.
    pub fn with_capacity(payload: usize) -> Frame {
        let mut frame = Frame::default();
        frame.make_room(payload);
        frame
    }

    /// A frame holding a copy of `bytes`.
    pub fn from_bytes(bytes: &[u8]) -> Frame {
        let mut frame = Frame::default();
        frame.copy_from(bytes);
        frame
    }

    /// The frame, from the destination address on.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let start = self.start as usize;
        self.buf.get(start..start + self.len as usize).unwrap_or(&[])
    }

    /// The frame, to be changed in place.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let start = self.start as usize;
        self.buf.get_mut(start..start + self.len as usize).unwrap_or(&mut [])
    }

    /// Length in bytes, Ethernet header included.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is no byte in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes the frame can grow to by [`Frame::set_len`].
    #[inline]
    pub fn capacity(&self) -> usize {
        self.buf.len() - self.start as usize
    }

    /// Takes over `bytes`, forgets the virtio fields and flags. The buffer is used again and only
    /// grows. `port`, `seq` and `ts` stay.
    pub fn copy_from(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.len = bytes.len() as u32;
        self.bytes_mut().copy_from_slice(bytes);
    }

    /// Sets the length, at most to [`Frame::capacity`]. Bytes that come into view hold whatever
    /// the buffer held.
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(self.capacity()) as u32;
    }

    /// Puts `n` bytes in front and returns them (their content is old buffer content). Takes from
    /// the headroom; only a frame without enough of it is moved to a bigger buffer.
    pub fn prepend(&mut self, n: usize) -> &mut [u8] {
        if n > self.start as usize {
            let mut bigger = vec![0; HEADROOM + n + self.len() + TAILROOM].into_boxed_slice();
            let start = HEADROOM + n;
            bigger[start..start + self.len()].copy_from_slice(self.bytes());
            self.buf = bigger;
            self.start = start as u32;
        }
        self.start -= n as u32;
        self.len += n as u32;
        if self.flags & Self::NEEDS_CSUM != 0 {
            self.csum_start = self.csum_start.saturating_add(n as u16);
        }
        let start = self.start as usize;
        self.buf.get_mut(start..start + n).unwrap_or(&mut [])
    }

    /// Takes `n` bytes off the front (all, if there are fewer).
    #[inline]
    pub fn trim_front(&mut self, n: usize) {
        let n = n.min(self.len());
        self.start += n as u32;
        self.len -= n as u32;
        if self.flags & Self::NEEDS_CSUM != 0 {
            self.csum_start = self.csum_start.saturating_sub(n as u16);
        }
    }

    /// Makes this a frame of `len` zero bytes, as [`Frame::copy_from`] would.
    pub(crate) fn reset(&mut self, len: usize) -> &mut [u8] {
        self.make_room(len);
        self.len = len as u32;
        let bytes = self.bytes_mut();
        bytes.fill(0);
        bytes
    }

    /// An empty frame with room for `len` bytes and fresh virtio fields.
    fn make_room(&mut self, len: usize) {
        let need = HEADROOM + len + TAILROOM;
        if self.buf.len() < need {
            self.buf = vec![0; need].into_boxed_slice();
        }
        self.start = HEADROOM as u32;
        self.len = 0;
        self.gso_size = 0;
        self.gso_type = 0;
        self.flags = 0;
        self.csum_start = 0;
        self.csum_offset = 0;
        self.segments = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_reuses_the_buffer_and_forgets_the_virtio_fields() {
        let mut frame = Frame::with_capacity(100);
        assert!(frame.is_empty());
        frame.copy_from(&[1; 100]);
        let at = frame.bytes().as_ptr();
        (frame.flags, frame.gso_size, frame.csum_start, frame.seq) = (Frame::NEEDS_CSUM, 9, 9, 7);
        frame.copy_from(&[2; 60]);
        assert_eq!((frame.bytes(), frame.bytes().as_ptr()), (&[2; 60][..], at));
        assert_eq!((frame.flags, frame.gso_size, frame.csum_start, frame.seq), (0, 0, 0, 7));
        frame.copy_from(&[3; 5000]);
        assert_eq!(frame.bytes(), [3; 5000]);
    }

    #[test]
    fn bytes_can_be_put_in_front_beyond_the_headroom_and_taken_off_again() {
        let mut frame = Frame::from_bytes(&[5; 10]);
        (frame.flags, frame.csum_start) = (Frame::NEEDS_CSUM, 4);
        for n in [10, HEADROOM - 10, 1, 500] {
            frame.prepend(n).fill(6);
        }
        assert_eq!(frame.len(), 10 + HEADROOM + 501);
        assert_eq!(frame.csum_start as usize, 4 + HEADROOM + 501);
        frame.trim_front(HEADROOM + 501);
        assert_eq!((frame.bytes(), frame.csum_start), (&[5; 10][..], 4));
        frame.trim_front(11);
        assert!(frame.is_empty());
        Frame::default().prepend(3).fill(1);
    }

    #[test]
    fn length_stays_within_capacity() {
        let mut frame = Frame::default();
        frame.set_len(10);
        assert_eq!(frame.len(), 0);
        frame = Frame::with_capacity(10);
        frame.set_len(1 << 40);
        assert_eq!(frame.len(), 10 + TAILROOM);
    }
}
