//! The system calls that the standard library does not make for us, each as a safe function. Everything `unsafe` of this crate is here.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

/// Moves the calling thread, and only it, into a network namespace.
pub(super) fn enter_network(namespace: &File) -> io::Result<()> {
    // SAFETY: takes an open descriptor and a flag; the kernel checks that it is a network namespace. No memory is passed.
    check(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}

/// Moves the process into new user, network and mount namespaces. Fails when the process has a second thread.
pub(super) fn leave_for_own_namespaces() -> io::Result<()> {
    // SAFETY: takes flags only; memory is not touched, and descriptors stay as they are.
    check(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET | libc::CLONE_NEWNS) }).map(drop)
}

/// Puts an empty file system in memory over a directory, for this mount namespace alone.
pub(super) fn mount_empty(on: &CStr) -> io::Result<()> {
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    // SAFETY: all pointers are to C strings that outlive the calls; the null data pointers mean "no options".
    unsafe {
        check(libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), libc::MS_REC | libc::MS_PRIVATE, ptr::null()))?;
        check(libc::mount(c"tmpfs".as_ptr(), on.as_ptr(), c"tmpfs".as_ptr(), flags, c"mode=0755".as_ptr().cast()))?;
    }
    Ok(())
}

/// The user and group that the process acts as.
pub(super) fn ids() -> (u32, u32) {
    // SAFETY: neither call takes arguments or can fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// Allows as many open descriptors as the hard limit does: each queue of each device is one, and each connection.
pub(crate) fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls get a pointer to a live `rlimit`, the first to write, the second to read.
    unsafe {
        check(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit))?;
        limit.rlim_cur = limit.rlim_max;
        check(libc::setrlimit(libc::RLIMIT_NOFILE, &limit)).map(drop)
    }
}

/// A set of these signals.
fn set(signals: &[i32]) -> io::Result<libc::sigset_t> {
    let mut set = MaybeUninit::uninit();
    // SAFETY: `sigemptyset` initialises the whole set through a pointer to memory of its type, before anything reads it.
    unsafe {
        check(libc::sigemptyset(set.as_mut_ptr()))?;
        for signal in signals {
            check(libc::sigaddset(set.as_mut_ptr(), *signal))?;
        }
        Ok(set.assume_init())
    }
}

/// Keeps these signals from the calling thread and the threads it starts from now on; they wait to be fetched.
pub(super) fn block(signals: &[i32]) -> io::Result<()> {
    let set = set(signals)?;
    // SAFETY: the set is initialised; the old mask is not asked for. The call answers its error instead of setting errno.
    match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, ptr::null_mut()) } {
        0 => Ok(()),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

/// The next of these (blocked) signals; `None` after `patience`.
pub(super) fn next(signals: &[i32], patience: Duration) -> io::Result<Option<i32>> {
    let set = set(signals)?;
    let timeout = libc::timespec {
        tv_sec: patience.as_secs().min(1 << 30) as libc::time_t,
        tv_nsec: patience.subsec_nanos() as libc::c_long,
    };
    // SAFETY: set and timeout are initialised and outlive the call; the information about the signal is not asked for.
    match check(unsafe { libc::sigtimedwait(&set, ptr::null_mut(), &timeout) }) {
        Ok(signal) => Ok(Some(signal)),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => Ok(None),
        Err(e) => Err(e),
    }
}

/// A result of -1 is an error whose number the C library keeps.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
