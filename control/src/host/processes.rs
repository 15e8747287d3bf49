//! Ending what runs in a namespace: an instance that stops takes its processes along, whoever started them.

use super::{HostError, NETNS, Result, sys};
use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between asking and forcing.
const GRACE: Duration = Duration::from_millis(500);
/// For the kernel to end what was forced.
const PATIENCE: Duration = Duration::from_secs(2);

/// A process, held so that its number cannot become another's between looking and acting.
struct Process {
    pid: u32,
    handle: OwnedFd,
}

/// What the kernel knows a namespace by.
type Identity = (u64, u64);

/// Ends all processes whose network is one of these namespaces: asked first, forced half a second later. Threads of our own that are
/// in one for a moment do not count, and neither does the namespace that we are in.
pub(super) fn end(namespaces: &[&str]) -> Result<()> {
    let mut nets: HashSet<Identity> = namespaces.iter().filter_map(|n| identity(&Path::new(NETNS).join(n))).collect();
    if let Some(own) = identity(Path::new("/proc/self/ns/net")) {
        nets.remove(&own);
    }
    let mut look = Look { nets, dark: HashSet::new() };
    let mut found = look.around()?;
    if found.is_empty() {
        return Ok(());
    }
    signal(&found, libc::SIGTERM);
    wait(&found, GRACE);
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Also what was forked since we looked.
        found = look.around()?;
        if found.is_empty() {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            let pids: Vec<String> = found.iter().map(|p| p.pid.to_string()).collect();
            return Err(HostError::Processes { pids: pids.join(" "), source: io::ErrorKind::TimedOut.into() });
        }
        signal(&found, libc::SIGKILL);
        wait(&found, left);
    }
}

fn identity(path: &Path) -> Option<Identity> {
    fs::metadata(path).ok().map(|m| (m.dev(), m.ino()))
}

/// Who is in the namespaces.
struct Look {
    nets: HashSet<Identity>,
    /// Processes that did not show their network: zombies, other people's, and those that ended between being listed and being asked.
    dark: HashSet<u32>,
}

impl Look {
    /// Those inside. None is said only when it is sure: a process that ended before it could be asked may have been inside, and
    /// have left a child that was not listed yet.
    fn around(&mut self) -> Result<Vec<Process>> {
        if self.nets.is_empty() {
            return Ok(Vec::new());
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (found, sure) = self.once()?;
            if sure || !found.is_empty() || Instant::now() > deadline {
                return Ok(found);
            }
        }
    }

    fn once(&mut self) -> Result<(Vec<Process>, bool)> {
        let network = |pid: u32| identity(Path::new(&format!("/proc/{pid}/ns/net")));
        let entries = fs::read_dir("/proc").map_err(|source| HostError::State { path: "/proc".into(), source })?;
        let numbers: Vec<u32> = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
        let (mut found, mut sure) = (Vec::new(), true);
        for pid in numbers.into_iter().filter(|pid| *pid != std::process::id()) {
            match network(pid) {
                None => sure &= !self.dark.insert(pid),
                Some(net) if self.nets.contains(&net) => match sys::hold_process(pid) {
                    Ok(handle) if network(pid) == Some(net) => found.push(Process { pid, handle }),
                    // It ended, and its number may be another's by now.
                    Ok(_) => sure = false,
                    Err(e) if e.raw_os_error() == Some(libc::ESRCH) => sure = false,
                    Err(source) => return Err(HostError::Processes { pids: pid.to_string(), source }),
                },
                Some(_) => {}
            }
        }
        Ok((found, sure))
    }
}

fn signal(processes: &[Process], signal: i32) {
    for process in processes {
        // It may have ended; if it stays for another reason, the next look finds it.
        let _ = sys::signal_process(&process.handle, signal);
    }
}

/// Until all have ended or patience has.
fn wait(processes: &[Process], patience: Duration) {
    let deadline = Instant::now() + patience;
    let mut waiting: Vec<BorrowedFd<'_>> = processes.iter().map(|p| p.handle.as_fd()).collect();
    while !waiting.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let handles: Vec<Option<BorrowedFd<'_>>> = waiting.iter().copied().map(Some).collect();
        match sys::ready(&handles, Some(left)) {
            Ok(ended) if ended.contains(&true) => {
                let mut ended = ended.into_iter();
                waiting.retain(|_| !ended.next().unwrap_or(false));
            }
            _ => return,
        }
    }
}
