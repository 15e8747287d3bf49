//! The system calls that the standard library does not make for us, each as a safe function. Everything `unsafe` of this crate is here.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

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
}

/// Makes a request that takes a `struct ifreq`.
pub(crate) fn interface(fd: RawFd, call: IfCall, request: &mut IfReq) -> io::Result<()> {
    let code = match call {
        IfCall::Attach => libc::TUNSETIFF as libc::c_ulong,
        IfCall::GetFlags => libc::SIOCGIFFLAGS as libc::c_ulong,
        IfCall::SetFlags => libc::SIOCSIFFLAGS as libc::c_ulong,
        IfCall::SetHardwareAddress => libc::SIOCSIFHWADDR as libc::c_ulong,
        IfCall::SetMtu => libc::SIOCSIFMTU as libc::c_ulong,
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
