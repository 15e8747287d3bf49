//! The system calls that the standard library does not make for us, each as a safe function. Everything `unsafe` of this crate is here.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
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

/// Lets a command begin in another process's user namespace (none: in ours) and mount namespace, in a directory of that name if there is one.
pub(super) fn begin_inside(command: &mut Command, user: Option<File>, mounts: File, directory: CString) {
    let enter = move || {
        if let Some(user) = &user {
            // SAFETY: takes an open descriptor and a flag; no memory is passed.
            check(unsafe { libc::setns(user.as_raw_fd(), libc::CLONE_NEWUSER) })?;
        }
        // SAFETY: as above.
        check(unsafe { libc::setns(mounts.as_raw_fd(), libc::CLONE_NEWNS) })?;
        // SAFETY: the string outlives the call. Where it leads nowhere, we stay in the root that the call before led to.
        unsafe { libc::chdir(directory.as_ptr()) };
        Ok(())
    };
    // SAFETY: what runs between fork and exec makes system calls only: it allocates nothing and takes no lock.
    unsafe { command.pre_exec(enter) };
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

/// A process by a descriptor, which stays with it when its number goes to another. Readable once the process has ended.
pub(super) fn hold_process(pid: u32) -> io::Result<OwnedFd> {
    let pid = libc::pid_t::try_from(pid).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: takes numbers only.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let descriptor = check(result as libc::c_int)?;
    // SAFETY: the kernel just made this descriptor, close-on-exec, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Sends a signal to a process that [`hold_process`] holds.
pub(super) fn signal_process(process: &OwnedFd, signal: i32) -> io::Result<()> {
    let information: *const libc::siginfo_t = ptr::null();
    // SAFETY: an open descriptor and a number; without information the kernel fills in what `kill` would.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, information, 0) };
    check(result as libc::c_int).map(drop)
}

/// Kills the process group of a child that leads one and was not reaped, so that its number is still its own.
pub(super) fn kill_group(leader: u32) -> io::Result<()> {
    let group = libc::pid_t::try_from(leader).ok().filter(|g| *g > 1);
    let group = group.ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: takes numbers only.
    check(unsafe { libc::kill(-group, libc::SIGKILL) }).map(drop)
}

/// How a child ended, which is forgotten by that; `None`: it has not.
pub(super) fn reap(child: u32) -> io::Result<Option<ExitStatus>> {
    let pid = libc::pid_t::try_from(child).map_err(|_| io::Error::from_raw_os_error(libc::ECHILD))?;
    let mut status = 0;
    // SAFETY: the pointer is to a live integer, which the call writes.
    match check(unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) })? {
        0 => Ok(None),
        _ => Ok(Some(ExitStatus::from_raw(status))),
    }
}

/// Waits until one of these has something, or its other end is gone, for `patience` (none: for ever). Answers which; a `None` never has.
pub(super) fn ready(files: &[Option<BorrowedFd<'_>>], patience: Option<Duration>) -> io::Result<Vec<bool>> {
    let asked = files.iter().map(|f| f.map_or(-1, |f| f.as_raw_fd()));
    let mut asked: Vec<_> = asked.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    // Rounded up, or the last millisecond would be spent turning.
    let timeout = patience.map_or(-1, |p| p.as_micros().div_ceil(1000).try_into().unwrap_or(libc::c_int::MAX));
    loop {
        // SAFETY: the pointer and the length are those of a live vector; the kernel writes `revents` only.
        match check(unsafe { libc::poll(asked.as_mut_ptr(), asked.len() as libc::nfds_t, timeout) }) {
            Ok(_) => return Ok(asked.iter().map(|p| p.revents != 0).collect()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// A file that lives in memory and can be executed; it is gone with its last descriptor.
pub(super) fn memory_file(name: &CStr) -> io::Result<File> {
    // SAFETY: the name outlives the call.
    let make = |flags| check(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | flags) });
    // Kernels before 6.3 do not know that files could be otherwise.
    let descriptor = make(libc::MFD_EXEC).or_else(|e| match e.raw_os_error() {
        Some(libc::EINVAL) => make(0),
        _ => Err(e),
    })?;
    // SAFETY: the kernel just made this descriptor, and nobody else knows it.
    Ok(unsafe { File::from_raw_fd(descriptor) })
}

/// Starts a program, looked for along `PATH`, in a session of its own, in `/`, with no signal held back, with this environment and with
/// these descriptors under these numbers alone. Unlike a fork this costs the same however much memory the process has. The caller reaps it.
pub(super) fn spawn(
    program: &CStr,
    arguments: &[CString],
    environment: &[CString],
    files: &[(BorrowedFd<'_>, RawFd)],
) -> io::Result<u32> {
    // These calls answer their error instead of setting errno.
    let good = |result| if result == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(result)) };
    let list = |strings: &[CString]| {
        strings.iter().map(|s| s.as_ptr().cast_mut()).chain([ptr::null_mut()]).collect::<Vec<*mut libc::c_char>>()
    };
    let (arguments, environment) = (list(arguments), list(environment));
    let flags = libc::POSIX_SPAWN_SETSID as i32 | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
    let (none, restored) = (set(&[])?, set(&[libc::SIGPIPE])?);
    let mut attributes = MaybeUninit::uninit();
    let mut actions = MaybeUninit::uninit();
    let mut pid = 0;
    // SAFETY: both objects are initialised before anything else uses them, and destroyed once, whatever fails in between. The
    // strings behind both lists outlive the call, and each list ends with a null pointer. The kernel checks the descriptors.
    unsafe {
        good(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
        let attributes = attributes.as_mut_ptr();
        if let Err(e) = good(libc::posix_spawn_file_actions_init(actions.as_mut_ptr())) {
            libc::posix_spawnattr_destroy(attributes);
            return Err(e);
        }
        let actions = actions.as_mut_ptr();
        let mut start = || {
            good(libc::posix_spawnattr_setflags(attributes, flags as libc::c_short))?;
            good(libc::posix_spawnattr_setsigmask(attributes, &none))?;
            good(libc::posix_spawnattr_setsigdefault(attributes, &restored))?;
            good(libc::posix_spawn_file_actions_addchdir_np(actions, c"/".as_ptr()))?;
            for (file, number) in files {
                good(libc::posix_spawn_file_actions_adddup2(actions, file.as_raw_fd(), *number))?;
            }
            let (arguments, environment) = (arguments.as_ptr(), environment.as_ptr());
            good(libc::posix_spawnp(&mut pid, program.as_ptr(), actions, attributes, arguments, environment))
        };
        let started = start();
        libc::posix_spawn_file_actions_destroy(actions);
        libc::posix_spawnattr_destroy(attributes);
        started?;
    }
    Ok(pid as u32)
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
