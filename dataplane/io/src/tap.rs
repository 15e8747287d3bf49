//! TAP devices: Ethernet interfaces of the kernel whose cable ends in this process.
//!
//! What the kernel sends out of the interface, we read, and what we write, the kernel receives. A device has one or more queues, so that several
//! workers can serve it without meeting; the kernel spreads flows over them. Each frame is preceded by a small virtio header
//! that can say "the checksum is not finished" or "this stands for many segments". The header is on from the first day, the offloads are not: until
//! somebody negotiates them, frames that we read are whole and no longer than the MTU, while frames that we write may leave their checksum unfinished.
//!
//! A device lives in the network namespace that the calling thread was in when it created it, and it is gone when its last queue is closed, unless
//! somebody else made it to stay ([`Tap::attach`]).

use crate::port::Device;
use crate::sys::{self, IfCall, IfReq};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use vpcd_wire::{ETH_LEN, Frame, Mac};

const DEVICE: &str = "/dev/net/tun";
/// `struct virtio_net_hdr` without the count of merged buffers, which TAP does not use.
pub(crate) const HEADER: usize = 10;
/// Room for a frame of the largest MTU that a VPC instance has (9001), its Ethernet header and a VLAN tag.
pub(crate) const ROOM: usize = 9_216;
/// How many queues the kernel gives one device.
const MOST_QUEUES: usize = 256;

const VIRTIO_NEEDS_CSUM: u8 = 1;
/// The bit that goes with a GSO type, for TCP with congestion notification.
const VIRTIO_GSO_ECN: u8 = 0x80;
const VIRTIO_GSO_TCPV4: u8 = 1;
const VIRTIO_GSO_TCPV6: u8 = 4;

/// Something went wrong with a device.
#[derive(Debug, thiserror::Error)]
pub enum TapError {
    #[error("{name:?} cannot name a network interface: one to fifteen letters, without '/', ':', '%' and spaces")]
    Name { name: String },
    #[error("{name}: {queues} queues, where a TAP device can have 1 to {MOST_QUEUES}")]
    Queues { name: String, queues: usize },
    #[error("cannot open {DEVICE} for {name}: {source}")]
    Device { name: String, source: io::Error },
    #[error("an interface {name} exists already")]
    Exists { name: String },
    #[error("{name}: cannot {what}: {source}")]
    Call { name: String, what: &'static str, source: io::Error },
}

/// Creates TAP devices.
#[derive(Debug)]
pub struct Tap;

impl Tap {
    /// Creates a device with that many queues in the network namespace of the calling thread. It must not exist: a device of the same name that
    /// somebody else serves is refused, not joined. It starts down.
    pub fn create(name: &str, queues: usize) -> Result<Vec<TapQueue>, TapError> {
        check_name(name)?;
        if !(1..=MOST_QUEUES).contains(&queues) {
            return Err(TapError::Queues { name: name.to_owned(), queues });
        }
        let attach = |queue| TapQueue::attach(name, if queue == 0 { Attach::Create } else { Attach::Another });
        (0..queues).map(attach).collect()
    }

    /// Serves a device that somebody else made, such as `ip tuntap add mode tap`, in the network namespace of the calling thread: that many handles for as many
    /// workers. Each is a queue of its own where the device was made for several (`multi_queue`). Otherwise there is one queue, which the first handle reads; the
    /// others only write, and never have anything to read. The device outlives the handles if it was made to. Its offloads are switched off.
    ///
    /// This is the end of the cable that a program has. A virtual machine that has it already is reached at the other end, the interface:
    /// [`crate::packet::PacketQueue`].
    pub fn attach(name: &str, handles: usize) -> Result<Vec<TapQueue>, TapError> {
        if !(1..=MOST_QUEUES).contains(&handles) {
            return Err(TapError::Queues { name: name.to_owned(), queues: handles });
        }
        // The kernel would create what is not there.
        let index = interface_index(name)?;
        let queues = match TapQueue::attach(name, Attach::Another) {
            Err(TapError::Call { source, .. }) if source.raw_os_error() == Some(libc::EINVAL) => {
                TapQueue::attach(name, Attach::Single)?.share(name, handles)?
            }
            first => {
                let mut queues = vec![first?];
                for _ in 1..handles {
                    queues.push(TapQueue::attach(name, Attach::Another)?);
                }
                queues
            }
        };
        match interface_index(name) {
            Ok(now) if now == index => Ok(queues),
            _ => Err(call(name, "attach to the TAP device")(ErrorKind::NotFound.into())),
        }
    }
}

/// What a queue is attached to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attach {
    /// A device that must not exist yet.
    Create,
    /// A device with several queues.
    Another,
    /// A device with one queue.
    Single,
}

/// One queue of a TAP device.
#[derive(Debug)]
pub struct TapQueue {
    file: File,
    room: usize,
    /// Not where another handle reads the same queue.
    reads: bool,
}

impl TapQueue {
    fn attach(name: &str, how: Attach) -> Result<TapQueue, TapError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(DEVICE)
            .map_err(|source| TapError::Device { name: name.to_owned(), source })?;
        let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR;
        let flags = match how {
            Attach::Create => flags | libc::IFF_MULTI_QUEUE | libc::IFF_TUN_EXCL,
            Attach::Another => flags | libc::IFF_MULTI_QUEUE,
            Attach::Single => flags,
        };
        let mut request = IfReq::new(name, &(flags as u16).to_ne_bytes());
        sys::interface(file.as_raw_fd(), IfCall::Attach, &mut request).map_err(|source| {
            match source.raw_os_error() {
                Some(libc::EBUSY) if how == Attach::Create => TapError::Exists { name: name.to_owned() },
                _ if how == Attach::Create => call(name, "create the TAP device")(source),
                _ => call(name, "attach to the TAP device")(source),
            }
        })?;
        sys::set_header_length(&file, HEADER as i32).map_err(call(name, "set the length of the virtio header"))?;
        sys::set_offloads(&file, 0).map_err(call(name, "switch the offloads off"))?;
        Ok(TapQueue { file, room: ROOM, reads: true })
    }

    /// This handle, and others that only write: each write is one frame, whoever else writes.
    fn share(self, name: &str, handles: usize) -> Result<Vec<TapQueue>, TapError> {
        let clone = |_| {
            let file = self.file.try_clone().map_err(call(name, "share the queue"))?;
            Ok(TapQueue { file, room: self.room, reads: false })
        };
        let others = (1..handles).map(clone).collect::<Result<Vec<_>, _>>()?;
        Ok(std::iter::once(self).chain(others).collect())
    }

    /// Makes room for frames of `bytes` (Ethernet header included) instead of 9,216. A longer frame arrives cut, marked [`Frame::CUT`].
    pub fn set_room(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Takes the next frame that the kernel sends: bytes, virtio fields, segments. What `frame` held is gone, its port, number and time stay. `Ok(false)`: there is none.
    pub fn read(&mut self, frame: &mut Frame) -> io::Result<bool> {
        if !self.reads {
            return Ok(false);
        }
        // One byte more than asked for: a frame that fills it was longer.
        open(frame, self.room + 1);
        let mut header = [0; HEADER];
        let count = loop {
            match (&self.file).read_vectored(&mut [IoSliceMut::new(&mut header), IoSliceMut::new(frame.bytes_mut())]) {
                Ok(count) => break count,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => {
                    frame.set_len(0);
                    return if e.kind() == ErrorKind::WouldBlock { Ok(false) } else { Err(e) };
                }
            }
        };
        let length = count.saturating_sub(HEADER);
        frame.set_len(length.min(self.room));
        if length > self.room {
            frame.flags |= Frame::CUT;
        }
        decode(&header, frame);
        Ok(true)
    }

    /// Gives a frame to the kernel, as if it had come in by the interface. `Ok(false)`: not now.
    pub fn write(&mut self, frame: &Frame) -> io::Result<bool> {
        let header = encode(frame);
        loop {
            match (&self.file).write_vectored(&[IoSlice::new(&header), IoSlice::new(frame.bytes())]) {
                Ok(_) => return Ok(true),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
    }
}

impl Device for TapQueue {
    fn read(&mut self, frame: &mut Frame) -> io::Result<bool> {
        TapQueue::read(self, frame)
    }

    fn write(&mut self, frame: &Frame) -> io::Result<bool> {
        TapQueue::write(self, frame)
    }

    fn fd(&self) -> Option<RawFd> {
        self.reads.then(|| self.as_raw_fd())
    }
}

impl AsRawFd for TapQueue {
    fn as_raw_fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }
}

/// Brings an interface of the calling thread's network namespace up.
pub fn set_link_up(name: &str) -> Result<(), TapError> {
    check_name(name)?;
    let failed = |source| TapError::Call { name: name.to_owned(), what: "bring the interface up", source };
    let socket = sys::control_socket().map_err(failed)?;
    let mut request = IfReq::new(name, &[]);
    sys::interface(socket.as_raw_fd(), IfCall::GetFlags, &mut request).map_err(failed)?;
    let flags = u16::from_ne_bytes([request.data()[0], request.data()[1]]) | libc::IFF_UP as u16;
    sys::interface(socket.as_raw_fd(), IfCall::SetFlags, &mut IfReq::new(name, &flags.to_ne_bytes())).map_err(failed)
}

/// Gives an interface its Ethernet address.
pub fn set_mac(name: &str, mac: Mac) -> Result<(), TapError> {
    // A socket address: its family, then the bytes.
    let [a, b] = libc::ARPHRD_ETHER.to_ne_bytes();
    let m = mac.0;
    set(name, "set the Ethernet address", IfCall::SetHardwareAddress, &[a, b, m[0], m[1], m[2], m[3], m[4], m[5]])
}

/// Gives an interface its MTU: the longest IP datagram, without Ethernet header.
pub fn set_mtu(name: &str, mtu: u16) -> Result<(), TapError> {
    set(name, "set the MTU", IfCall::SetMtu, &i32::from(mtu).to_ne_bytes())
}

/// What the kernel counts for an interface, in its own direction: what it sends is what we read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KernelCounters {
    pub received: u64,
    pub received_dropped: u64,
    pub sent: u64,
    /// Among these the frames that found our queue full.
    pub sent_dropped: u64,
}

/// The kernel's counters of an interface in the calling thread's network namespace: what was dropped before we could see it.
pub fn kernel_counters(name: &str) -> Result<KernelCounters, TapError> {
    let failed = |source| TapError::Call { name: name.to_owned(), what: "read the kernel's counters", source };
    let table = std::fs::read_to_string("/proc/thread-self/net/dev").map_err(failed)?;
    parse_counters(&table, name).ok_or_else(|| failed(io::Error::from(ErrorKind::NotFound)))
}

/// The error of a request about an interface.
pub(crate) fn call(name: &str, what: &'static str) -> impl FnOnce(io::Error) -> TapError {
    move |source| TapError::Call { name: name.to_owned(), what, source }
}

/// The number of an interface of the calling thread's network namespace.
pub(crate) fn interface_index(name: &str) -> Result<i32, TapError> {
    let data = get(name, "find the interface", IfCall::GetIndex)?;
    Ok(i32::from_ne_bytes([data[0], data[1], data[2], data[3]]))
}

/// Whether an interface of the calling thread's network namespace speaks Ethernet.
pub(crate) fn is_ethernet(name: &str) -> Result<bool, TapError> {
    let data = get(name, "read the Ethernet address", IfCall::GetHardwareAddress)?;
    Ok(u16::from_ne_bytes([data[0], data[1]]) == libc::ARPHRD_ETHER)
}

fn get(name: &str, what: &'static str, request: IfCall) -> Result<[u8; 24], TapError> {
    check_name(name)?;
    let socket = sys::control_socket().map_err(call(name, what))?;
    let mut answer = IfReq::new(name, &[]);
    sys::interface(socket.as_raw_fd(), request, &mut answer).map_err(call(name, what))?;
    Ok(*answer.data())
}

fn set(name: &str, what: &'static str, request: IfCall, data: &[u8]) -> Result<(), TapError> {
    check_name(name)?;
    let socket = sys::control_socket().map_err(call(name, what))?;
    sys::interface(socket.as_raw_fd(), request, &mut IfReq::new(name, data)).map_err(call(name, what))
}

/// The kernel's own rules, and '%', which it would take as a pattern.
fn check_name(name: &str) -> Result<(), TapError> {
    let fits = (1..libc::IFNAMSIZ).contains(&name.len()) && name != "." && name != "..";
    if fits && name.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b':' | b'%')) {
        Ok(())
    } else {
        Err(TapError::Name { name: name.to_owned() })
    }
}

/// Sixteen numbers behind the name: eight received, eight sent.
fn parse_counters(table: &str, name: &str) -> Option<KernelCounters> {
    let line = table.lines().filter_map(|line| line.trim_start().split_once(':')).find(|(n, _)| *n == name)?.1;
    let numbers: Vec<u64> = line.split_whitespace().map_while(|n| n.parse().ok()).collect();
    Some(KernelCounters {
        received: *numbers.get(1)?,
        received_dropped: *numbers.get(3)?,
        sent: *numbers.get(9)?,
        sent_dropped: *numbers.get(11)?,
    })
}

/// Makes a frame one of `length` bytes to be read into, virtio fields unset.
pub(crate) fn open(frame: &mut Frame, length: usize) {
    frame.copy_from(&[]);
    if frame.capacity() < length {
        let (port, seq, ts) = (frame.port, frame.seq, frame.ts);
        *frame = Frame::with_capacity(length);
        (frame.port, frame.seq, frame.ts) = (port, seq, ts);
    }
    frame.set_len(length);
}

/// The virtio header of a frame, in the machine's byte order as TAP has it unless told otherwise.
pub(crate) fn encode(frame: &Frame) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    if frame.flags & Frame::NEEDS_CSUM != 0 {
        header[0] = VIRTIO_NEEDS_CSUM;
        header[6..8].copy_from_slice(&frame.csum_start.to_ne_bytes());
        header[8..10].copy_from_slice(&frame.csum_offset.to_ne_bytes());
    }
    if frame.gso_size != 0 {
        header[1] = frame.gso_type;
        let headers = headers_length(frame).unwrap_or(frame.len());
        header[2..4].copy_from_slice(&u16::try_from(headers).unwrap_or(u16::MAX).to_ne_bytes());
        header[4..6].copy_from_slice(&frame.gso_size.to_ne_bytes());
    }
    header
}

/// Puts what a virtio header says into the frame that came with it.
pub(crate) fn decode(header: &[u8; HEADER], frame: &mut Frame) {
    let word = |i: usize| u16::from_ne_bytes([header[i], header[i + 1]]);
    if header[0] & VIRTIO_NEEDS_CSUM != 0 {
        frame.flags |= Frame::NEEDS_CSUM;
        frame.csum_start = word(6);
        frame.csum_offset = word(8);
    }
    frame.segments = 1;
    if header[1] != 0 && word(4) != 0 {
        frame.gso_type = header[1];
        frame.gso_size = word(4);
        let payload = frame.len().saturating_sub(headers_length(frame).unwrap_or(usize::from(word(2))));
        frame.segments = u16::try_from(payload.div_ceil(usize::from(frame.gso_size)).max(1)).unwrap_or(u16::MAX);
    }
}

/// The headers that every segment of a frame repeats. Segmentation goes with an unfinished checksum, whose start is the L4 header.
fn headers_length(frame: &Frame) -> Option<usize> {
    let start = usize::from(frame.csum_start);
    if frame.flags & Frame::NEEDS_CSUM == 0 || start < ETH_LEN {
        return None;
    }
    match frame.gso_type & !VIRTIO_GSO_ECN {
        VIRTIO_GSO_TCPV4 | VIRTIO_GSO_TCPV6 => Some(start + usize::from(frame.bytes().get(start + 12)? >> 4) * 4),
        _ => Some(start + 8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_the_kernel_sees_them() {
        for name in ["", "sixteen-letters-", "a/b", "tap%d", "a b", "a:b", ".", "..", "ä"] {
            assert!(matches!(Tap::create(name, 1), Err(TapError::Name { .. })), "{name}");
            assert!(matches!(set_mtu(name, 1500), Err(TapError::Name { .. })), "{name}");
        }
        check_name("vpcd-instance-1").unwrap();
        assert!(matches!(Tap::create("x", 0), Err(TapError::Queues { .. })));
        assert!(matches!(Tap::create("x", 257), Err(TapError::Queues { .. })));
    }

    #[test]
    fn an_interface_that_is_not_there_is_named() {
        let error = set_mtu("vpcd-none", 1500).unwrap_err();
        assert!(error.to_string().starts_with("vpcd-none: cannot set the MTU: "), "{error}");
        assert!(kernel_counters("vpcd-none").is_err());
    }

    #[test]
    fn headers_go_both_ways() {
        let mut frame = Frame::from_bytes(&[0; 3054]);
        assert_eq!(encode(&frame), [0; HEADER]);
        frame.bytes_mut()[34 + 12] = 0x50;
        (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM, 34, 16);
        (frame.gso_type, frame.gso_size) = (VIRTIO_GSO_TCPV4 | VIRTIO_GSO_ECN, 1000);
        let header = encode(&frame);
        assert_eq!(u16::from_ne_bytes([header[2], header[3]]), 54);
        let mut other = Frame::from_bytes(frame.bytes());
        decode(&header, &mut other);
        let fields = |f: &Frame| (f.flags, f.csum_start, f.csum_offset, f.gso_type, f.gso_size);
        assert_eq!((fields(&other), other.segments), (fields(&frame), 3));
        other.copy_from(&[0; 60]);
        decode(&[0; HEADER], &mut other);
        assert_eq!((fields(&other), other.segments), ((0, 0, 0, 0, 0), 1));
    }

    #[test]
    fn headers_that_lie_are_no_danger() {
        for csum_start in [0, 14, 65, u16::MAX] {
            for gso_type in 0..=255 {
                let mut header = [0xff; HEADER];
                header[1] = gso_type;
                header[6..8].copy_from_slice(&csum_start.to_ne_bytes());
                let mut frame = Frame::from_bytes(&[0xff; 66]);
                decode(&header, &mut frame);
                assert!(frame.segments >= 1);
                encode(&frame);
            }
        }
    }

    #[test]
    fn counters_are_found_by_whole_name() {
        let table = "Inter-|   Receive                                                |  Transmit\n face |bytes packets\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n  tap1:100 20 0 3 0 0 0 0 400 50 0 6 0 0 0 0\n tap: 1 2";
        assert_eq!(
            parse_counters(table, "tap1"),
            Some(KernelCounters { received: 20, received_dropped: 3, sent: 50, sent_dropped: 6 })
        );
        assert_eq!(parse_counters(table, "tap"), None);
        assert_eq!(parse_counters(table, "tap2"), None);
    }
}
