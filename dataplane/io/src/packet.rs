//! Interfaces of the host: whatever they receive we read, and what we write they send. For an uplink, or for a machine whose cable ends in an interface
//! here: a virtual machine's TAP, a container's veth.
//!
//! The host itself still hears the interface too: give it no address there. As with TAP, a virtio header goes before each frame both ways, so
//! checksums that a neighbour on the same machine left unfinished, and frames that stand for many segments, keep their meaning.

use crate::port::Device;
use crate::sys::{self, PacketOption};
use crate::tap::{HEADER, ROOM, TapError, call, decode, encode, interface_index, is_ethernet, open};
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Write};
use std::os::fd::{AsRawFd, RawFd};
use vpcd_wire::Frame;

/// The longest that stands for many segments.
const LONGEST: usize = 65_536 + 64;
/// Bytes that may wait for us in the kernel.
const BUFFER: i32 = 4 << 20;
/// Of the Ethernet header what stands before a VLAN tag.
const ADDRESSES: usize = 12;

/// A raw socket on an interface (`packet(7)`). It sees all that the interface receives, whoever it is addressed to, and nothing that goes out.
#[derive(Debug)]
pub struct PacketQueue {
    socket: File,
    /// Where the rest of a frame goes for which the frame has no room yet. Only one handle reads, and has it.
    rest: Option<Box<[u8]>>,
}

impl PacketQueue {
    /// Opens an Ethernet interface of the calling thread's network namespace: that many handles for as many workers. The first one reads; the others only
    /// write, and never have anything to read. Needs `CAP_NET_RAW` there.
    pub fn open(name: &str, handles: usize) -> Result<Vec<PacketQueue>, TapError> {
        let index = interface_index(name)?;
        if !is_ethernet(name)? {
            return Err(call(name, "use an interface that is not Ethernet")(ErrorKind::Unsupported.into()));
        }
        let socket = sys::packet_socket().map_err(call(name, "open a packet socket"))?;
        let set = |option, what| sys::set_packet_option(&socket, option).map_err(call(name, what));
        set(PacketOption::VirtioHeader, "switch the virtio header on")?;
        set(PacketOption::Auxiliary, "ask for VLAN tags")?;
        // Without it the kernel shows us what goes out, and we look away ourselves.
        let _ = set(PacketOption::IgnoreOutgoing, "");
        // A user namespace may not go beyond the limit: the buffer is a wish.
        let _ = set(PacketOption::Buffer(BUFFER), "");
        set(PacketOption::Promiscuous { index }, "receive what is for other addresses")?;
        sys::bind_packet_socket(&socket, index).map_err(call(name, "receive from the interface"))?;
        let clone = |_| {
            let socket = socket.try_clone().map_err(call(name, "share the socket"))?;
            Ok(PacketQueue { socket, rest: None })
        };
        let others = (1..handles).map(clone).collect::<Result<Vec<_>, _>>()?;
        let rest = Some(vec![0; LONGEST - ROOM].into());
        Ok(std::iter::once(PacketQueue { socket, rest }).chain(others).collect())
    }
}

impl Device for PacketQueue {
    fn read(&mut self, frame: &mut Frame) -> io::Result<bool> {
        let Some(rest) = &mut self.rest else { return Ok(false) };
        loop {
            open(frame, ROOM);
            let mut header = [0; HEADER];
            let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(frame.bytes_mut()), IoSliceMut::new(rest)];
            let info = match sys::receive_packet(&self.socket, &mut parts) {
                Ok(info) => info,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => {
                    frame.set_len(0);
                    // The interface went down; when it comes up again, so do its frames.
                    let nothing = e.kind() == ErrorKind::WouldBlock || e.raw_os_error() == Some(libc::ENETDOWN);
                    return if nothing { Ok(false) } else { Err(e) };
                }
            };
            if info.outgoing {
                continue;
            }
            let length = info.length.saturating_sub(HEADER);
            if length > ROOM {
                let more = &rest[..(length - ROOM).min(rest.len())];
                let whole = [frame.bytes(), more].concat();
                frame.copy_from(&whole);
                if length > whole.len() {
                    frame.flags |= Frame::CUT;
                }
            } else {
                frame.set_len(length);
            }
            decode(&header, frame);
            if let Some((tpid, tci)) = info.vlan {
                put_back(frame, tpid, tci);
            }
            return Ok(true);
        }
    }

    fn write(&mut self, frame: &Frame) -> io::Result<bool> {
        let header = encode(frame);
        loop {
            match (&self.socket).write_vectored(&[IoSlice::new(&header), IoSlice::new(frame.bytes())]) {
                Ok(_) => return Ok(true),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock || e.raw_os_error() == Some(libc::ENOBUFS) => {
                    return Ok(false);
                }
                Err(e) => return Err(e),
            }
        }
    }

    fn fd(&self) -> Option<RawFd> {
        self.rest.is_some().then(|| self.socket.as_raw_fd())
    }
}

/// The frame as it was on the wire, with the tag that the kernel had taken out.
fn put_back(frame: &mut Frame, tpid: u16, tci: u16) {
    if frame.len() < ADDRESSES {
        return;
    }
    frame.prepend(4);
    let bytes = frame.bytes_mut();
    bytes.copy_within(4..4 + ADDRESSES, 0);
    bytes[ADDRESSES..ADDRESSES + 2].copy_from_slice(&tpid.to_be_bytes());
    bytes[ADDRESSES + 2..ADDRESSES + 4].copy_from_slice(&tci.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_goes_back_where_it_was() {
        let mut frame = Frame::from_bytes(&(0..60).collect::<Vec<u8>>());
        put_back(&mut frame, 0x8100, 0x2005);
        assert_eq!(frame.len(), 64);
        assert_eq!(frame.bytes()[..18], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x81, 0, 0x20, 5, 12, 13]);
        let mut short = Frame::from_bytes(&[1; 11]);
        put_back(&mut short, 0x8100, 5);
        assert_eq!(short.bytes(), [1; 11]);
    }

    #[test]
    fn what_is_no_ethernet_interface_is_refused() {
        let error = PacketQueue::open("lo", 1).unwrap_err();
        assert!(error.to_string().starts_with("lo: cannot use an interface that is not Ethernet: "), "{error}");
        assert!(PacketQueue::open("vpcd-none", 1).unwrap_err().to_string().starts_with("vpcd-none: cannot find"));
        assert!(matches!(PacketQueue::open("a/b", 1), Err(TapError::Name { .. })));
    }
}
