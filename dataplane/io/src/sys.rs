//! The system calls that the standard library does not make for us, each as a safe function. Everything `unsafe` of this crate is here.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// `struct ifreq` of Linux: a name, then a union of which we use the first bytes.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct IfReq {
    name: [u8; libc::IFNAMSIZ],
    data: [u8; 24],
}

// The kernel copies this many bytes, whatever we think.
const _: () = assert!(size_of::<IfReq>() == size_of::<libc::ifreq>());

impl IfReq {
    /// A request about the interface of this name; the caller has checked that it fits with a zero behind it.
    pub(crate) fn new(name: &str, data: &[u8]) -> IfReq {
        let mut request = IfReq { name: [0; libc::IFNAMSIZ], data: [0; 24] };
        let length = name.len().min(libc::IFNAMSIZ - 1);
        request.name[..length].copy_from_slice(&name.as_bytes()[..length]);
        let length = data.len().min(request.data.len());
        request.data[..length].copy_from_slice(&data[..length]);
        request
    }

    /// The first bytes of the union, as a call left them.
    pub(crate) fn data(&self) -> &[u8; 24] {
        &self.data
    }
}

/// The requests that take a `struct ifreq`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum IfCall {
    /// On a file of /dev/net/tun: attach it to an interface.
    Attach,
    GetFlags,
    SetFlags,
    SetHardwareAddress,
    SetMtu,
    GetIndex,
    GetHardwareAddress,
}

/// Makes a request that takes a `struct ifreq`.
pub(crate) fn interface(fd: RawFd, call: IfCall, request: &mut IfReq) -> io::Result<()> {
    let code = match call {
        IfCall::Attach => libc::TUNSETIFF as libc::c_ulong,
        IfCall::GetFlags => libc::SIOCGIFFLAGS as libc::c_ulong,
        IfCall::SetFlags => libc::SIOCSIFFLAGS as libc::c_ulong,
        IfCall::SetHardwareAddress => libc::SIOCSIFHWADDR as libc::c_ulong,
        IfCall::SetMtu => libc::SIOCSIFMTU as libc::c_ulong,
        IfCall::GetIndex => libc::SIOCGIFINDEX as libc::c_ulong,
        IfCall::GetHardwareAddress => libc::SIOCGIFHWADDR as libc::c_ulong,
    };
    // SAFETY: each of these requests reads and writes one struct ifreq and keeps no pointer; ours is as large as the kernel's (asserted above) and lives through
    // the call. On a descriptor that is something else, the kernel answers with an error.
    check(unsafe { libc::ioctl(fd, code as _, std::ptr::from_mut(request)) }).map(drop)
}

/// Tells a TAP queue how long the virtio header in front of each frame is.
pub(crate) fn set_header_length(tap: &File, length: i32) -> io::Result<()> {
    // SAFETY: TUNSETVNETHDRSZ reads one int through the pointer, which points to one that lives through the call.
    check(unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETVNETHDRSZ as _, std::ptr::from_ref(&length)) }).map(drop)
}

/// Tells a TAP queue which offloads its reader understands.
pub(crate) fn set_offloads(tap: &File, offloads: libc::c_uint) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes a number, no pointer.
    check(unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETOFFLOAD as _, libc::c_ulong::from(offloads)) }).map(drop)
}

/// A socket of the calling thread's network namespace, for requests about its interfaces.
pub(crate) fn control_socket() -> io::Result<OwnedFd> {
    // SAFETY: socket() takes numbers, no pointers.
    owned(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })
}

/// A packet socket, nonblocking, that is bound to no interface and receives nothing yet.
pub(crate) fn packet_socket() -> io::Result<File> {
    let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: socket() takes numbers, no pointers.
    owned(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }).map(File::from)
}

/// Lets a packet socket receive everything that passes the interface of this index.
pub(crate) fn bind_packet_socket(socket: &File, index: i32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: bind() reads `length` bytes through the pointer, which is the size of the address that it points to.
    check(unsafe { libc::bind(socket.as_raw_fd(), std::ptr::from_ref(&address).cast(), length) }).map(drop)
}

/// The options of a packet socket that we set.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PacketOption {
    /// A virtio header goes before each frame, both ways.
    VirtioHeader,
    /// Not the frames that others send out of the interface.
    IgnoreOutgoing,
    /// Receive what the kernel took out of the frame: its VLAN tag.
    Auxiliary,
    /// Also frames to other addresses than the interface's.
    Promiscuous { index: i32 },
    /// Bytes that may wait for us.
    Buffer(i32),
}

/// Sets an option of a packet socket.
pub(crate) fn set_packet_option(socket: &File, option: PacketOption) -> io::Result<()> {
    /// `PACKET_VNET_HDR` of linux/if_packet.h.
    const VNET_HDR: libc::c_int = 15;
    match option {
        PacketOption::VirtioHeader => set_option(socket, libc::SOL_PACKET, VNET_HDR, &1i32),
        PacketOption::IgnoreOutgoing => set_option(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1i32),
        PacketOption::Auxiliary => set_option(socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &1i32),
        PacketOption::Promiscuous { index } => {
            let request = libc::packet_mreq {
                mr_ifindex: index,
                mr_type: libc::PACKET_MR_PROMISC as u16,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
        }
        PacketOption::Buffer(bytes) => set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &bytes),
    }
}

/// `value` is an integer or a structure of integers.
fn set_option<T: Copy>(socket: &File, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let length = size_of::<T>() as libc::socklen_t;
    // SAFETY: setsockopt() reads `length` bytes through the pointer, which is the size of the value that it points to.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), length) })
        .map(drop)
}

/// What a packet socket told about a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PacketInfo {
    /// Bytes that there were, also those that found no room; the virtio header counts.
    pub(crate) length: usize,
    /// The machine itself sent it.
    pub(crate) outgoing: bool,
    /// The VLAN tag that the kernel took out: TPID and TCI.
    pub(crate) vlan: Option<(u16, u16)>,
}

/// Takes the next frame from a packet socket; what does not fit into `parts` is lost.
pub(crate) fn receive_packet(socket: &File, parts: &mut [IoSliceMut<'_>]) -> io::Result<PacketInfo> {
    // Aligned as control messages must be; one of tpacket_auxdata needs 40 bytes.
    let mut control = [0u64; 8];
    // SAFETY: both are structures of integers and pointers, for which zeros are a value.
    let (mut from, mut message): (libc::sockaddr_ll, libc::msghdr) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    message.msg_name = std::ptr::from_mut(&mut from).cast();
    message.msg_namelen = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // The layout of IoSliceMut is that of iovec: it promises so.
    message.msg_iov = parts.as_mut_ptr().cast();
    message.msg_iovlen = parts.len() as _;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: every pointer in the message is to memory that is ours, as long as the length beside it says, and outlives the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_TRUNC) };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    let mut info = PacketInfo { length, outgoing: from.sll_pkttype == libc::PACKET_OUTGOING, vlan: None };
    // SAFETY: the message is as recvmsg() left it; the macro looks no further than its control part, which `control` still holds.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(&message) };
    while !next.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR return null or a header that lies wholly within the control part.
        let head = unsafe { next.read_unaligned() };
        let wanted = (libc::SOL_PACKET, libc::PACKET_AUXDATA);
        // SAFETY: CMSG_LEN computes, no more.
        let whole = unsafe { libc::CMSG_LEN(size_of::<libc::tpacket_auxdata>() as u32) } as usize;
        if (head.cmsg_level, head.cmsg_type) == wanted && head.cmsg_len as usize >= whole {
            // SAFETY: by its length the message holds one tpacket_auxdata behind its header, and integers can have any value.
            let told = unsafe { libc::CMSG_DATA(next).cast::<libc::tpacket_auxdata>().read_unaligned() };
            if told.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                let known = told.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
                info.vlan = Some((if known { told.tp_vlan_tpid } else { libc::ETH_P_8021Q as u16 }, told.tp_vlan_tci));
            }
        }
        // SAFETY: `next` is a header of this message.
        next = unsafe { libc::CMSG_NXTHDR(&message, next) };
    }
    Ok(info)
}

/// A timer that a poller can wait for, nonblocking. It is not running.
pub(crate) fn timer() -> io::Result<File> {
    // SAFETY: timerfd_create() takes numbers, no pointers.
    owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) })
        .map(File::from)
}

/// Lets a timer become readable once, after this time; it is not before. `None` stops it.
pub(crate) fn set_timer(timer: &File, after: Option<Duration>) -> io::Result<()> {
    let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let value = after.map_or(zero, |after| libc::timespec {
        tv_sec: libc::time_t::try_from(after.as_secs()).unwrap_or(libc::time_t::MAX),
        // Zero would stop it.
        tv_nsec: if after.is_zero() { 1 } else { after.subsec_nanos() as _ },
    });
    let spec = libc::itimerspec { it_interval: zero, it_value: value };
    // SAFETY: the kernel reads one itimerspec through the pointer, which points to one that lives through the call; the old value may be null.
    check(unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &spec, std::ptr::null_mut()) }).map(drop)
}

pub(crate) fn epoll() -> io::Result<OwnedFd> {
    // SAFETY: epoll_create1() takes a number, no pointer.
    owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
}

/// A counter that a poller can wait for, nonblocking.
pub(crate) fn event() -> io::Result<File> {
    // SAFETY: eventfd() takes numbers, no pointers.
    owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).map(File::from)
}

/// Watches `fd` for something to read; the poller reports it as `token`.
pub(crate) fn epoll_add(epoll: &OwnedFd, fd: RawFd, token: u64) -> io::Result<()> {
    let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
    // SAFETY: the kernel reads one epoll_event through the pointer, which points to one that lives through the call. A wrong fd is an error, nothing more.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, &mut event) }).map(drop)
}

pub(crate) fn epoll_remove(epoll: &OwnedFd, fd: RawFd) -> io::Result<()> {
    // SAFETY: EPOLL_CTL_DEL ignores the event; a null pointer is allowed since Linux 2.6.9.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_DEL, fd, std::ptr::null_mut()) }).map(drop)
}

/// Waits for events; negative `timeout_ms` waits for ever. Returns how many entries at the start of `events` were filled.
pub(crate) fn epoll_wait(epoll: &OwnedFd, events: &mut [libc::epoll_event], timeout_ms: i32) -> io::Result<usize> {
    let room = i32::try_from(events.len()).unwrap_or(i32::MAX);
    // SAFETY: the kernel writes at most `room` entries from the pointer on, and the slice has that many.
    check(unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), room, timeout_ms) }).map(|n| n as usize)
}

/// A result of -1 is an error whose number the C library keeps.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(fd: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(fd)?;
    // SAFETY: the descriptor was just made by the kernel for us, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
