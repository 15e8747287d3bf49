//! User data: the script that an instance runs at its first start, and what it says.

use super::lab::within;
use super::{HostError, Result, sys};
use std::collections::VecDeque;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What GetConsoleOutput keeps: the most recent 64 KB.
const KEPT: usize = 64 * 1024;
/// Where the script's descriptor is, in the script's process.
const SCRIPT: i32 = 3;
/// All that a script knows of the environment: the server's own may hold secrets.
const ENVIRONMENT: [&str; 2] = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"];
/// For a script's last words, when its namespace goes.
const PATIENCE: Duration = Duration::from_secs(1);

/// What an instance has said, the last 64 KB of it; it can be read at any time, also when the instance is gone. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Console(Arc<Mutex<VecDeque<u8>>>);

impl Console {
    pub fn text(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    fn push(&self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(KEPT)..];
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = (kept.len() + bytes.len()).saturating_sub(KEPT);
        kept.drain(..surplus);
        kept.extend(bytes);
    }
}

/// User data of a namespace. Dropping it ends its script.
#[derive(Debug)]
pub(super) struct UserData {
    pub(super) console: Console,
    collector: Option<(PipeWriter, JoinHandle<()>)>,
}

impl UserData {
    /// Runs a script, which begins with `#!`, in a namespace: with the rights that we have, in a session of its own, in `/`, with no
    /// input. Anything else is left alone, and the console says so.
    pub(super) fn start(namespace: &str, data: &[u8]) -> Result<UserData> {
        let console = Console::default();
        if !data.starts_with(b"#!") {
            if !data.is_empty() {
                console.push(b"vpcd: the user data is not a script, it does not begin with #!: ignored\n");
            }
            return Ok(UserData { console, collector: None });
        }
        let failed = |source: io::Error| match source.kind() {
            ErrorKind::NotFound => HostError::NoIp,
            _ => HostError::Namespace { namespace: namespace.into(), what: "start its user data".into(), source },
        };
        let prepared = Prepared::new(namespace, data).map_err(failed)?;
        let mut collector = Collector {
            console: console.clone(),
            stop: Some(prepared.stop),
            output: Some(prepared.output),
            script: None,
        };
        // The thread comes first: once there is a script, there is somebody who reaps it.
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("user-data".into()).stack_size(128 * 1024);
        let thread = thread.spawn(move || {
            if let Ok(script) = told.recv() {
                collector.script = Some(script);
                collector.run();
            }
        });
        let user_data = UserData { console, collector: Some((prepared.stopper, thread.map_err(failed)?)) };
        let (input, script) = (prepared.input.as_fd(), prepared.script.as_fd());
        let files = [(prepared.nothing.as_fd(), 0), (input, 1), (input, 2), (script, SCRIPT)];
        // It is inside from its first moment: an end of the namespace that comes right now finds it there.
        let spawn = || sys::spawn(c"ip", &prepared.arguments, &prepared.environment, &files);
        let pid = within(namespace, spawn).and_then(|spawned| spawned.map_err(failed));
        // Without a script the thread ends here, before it is waited for.
        match pid {
            Ok(pid) => _ = tell.send(Script { pid, handle: sys::hold_process(pid).ok() }),
            Err(e) => {
                drop(tell);
                return Err(e);
            }
        }
        Ok(user_data)
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.collector.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

/// All that a script needs, before there is a process.
struct Prepared {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    script: File,
    nothing: File,
    /// Where it writes, and where that is read.
    input: PipeWriter,
    output: PipeReader,
    stopper: PipeWriter,
    stop: PipeReader,
}

impl Prepared {
    fn new(namespace: &str, data: &[u8]) -> io::Result<Prepared> {
        let text = |s: &str| CString::new(s).map_err(io::Error::from);
        let path = format!("/proc/self/fd/{SCRIPT}");
        let arguments = ["ip", "netns", "exec", namespace, &path].into_iter().map(text).collect::<io::Result<_>>()?;
        let environment = ENVIRONMENT.into_iter().map(text).collect::<io::Result<_>>()?;
        // A file in memory: a directory may be one where nothing can be executed, and nothing is left of it when we are killed.
        let mut script = sys::memory_file(c"user-data")?;
        script.write_all(data)?;
        let (output, input) = io::pipe()?;
        let (stop, stopper) = io::pipe()?;
        Ok(Prepared { arguments, environment, script, nothing: File::open("/dev/null")?, input, output, stopper, stop })
    }
}

/// The process that was started.
struct Script {
    pid: u32,
    /// Readable once it has ended; `None`: there was no descriptor left for it.
    handle: Option<OwnedFd>,
}

/// Reads what a script and its children say, and notices how it ends.
struct Collector {
    console: Console,
    /// Its other end goes when the namespace does.
    stop: Option<PipeReader>,
    /// Closed once nobody can write any more, which may be long after the script: a server that it left running still writes.
    output: Option<PipeReader>,
    /// Until it was reaped.
    script: Option<Script>,
}

impl Collector {
    fn run(mut self) {
        // As much as a pipe holds: one read empties it, so that what a script wrote is never told after its end.
        let mut buffer = vec![0; KEPT];
        let mut deadline: Option<Instant> = None;
        while self.output.is_some() || self.script.is_some() {
            let handle = self.script.as_ref().and_then(|s| s.handle.as_ref());
            let blind = handle.is_none();
            let files =
                [self.stop.as_ref().map(AsFd::as_fd), self.output.as_ref().map(AsFd::as_fd), handle.map(AsFd::as_fd)];
            let patience = match deadline {
                Some(deadline) => Some(deadline.saturating_duration_since(Instant::now())),
                None => (self.script.is_some() && blind).then_some(PATIENCE),
            };
            let Ok(ready) = sys::ready(&files, patience) else { break };
            if deadline.is_some_and(|d| Instant::now() >= d) {
                break;
            }
            if ready[0] {
                // What ran in the namespace has ended by now. A script that went elsewhere ends too, and what it left there is
                // not listened to for ever.
                self.stop = None;
                deadline = Some(Instant::now() + PATIENCE);
                if let Some(script) = &self.script {
                    let _ = sys::kill_group(script.pid);
                }
            }
            if ready[1] {
                self.read(&mut buffer);
            }
            // Only if it had ended when we looked: what it wrote after that look is not read yet.
            if ready[2] || blind {
                self.reap();
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) {
        let Some(output) = &mut self.output else { return };
        match output.read(buffer) {
            Ok(0) => self.output = None,
            Ok(count) => self.console.push(&buffer[..count]),
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(_) => self.output = None,
        }
    }

    fn reap(&mut self) {
        let ended = self.script.as_ref().map(|s| sys::reap(s.pid));
        match ended {
            Some(Ok(Some(status))) => {
                self.console.push(format!("vpcd: the user data script has ended: {status}\n").as_bytes());
                self.script = None;
            }
            // Somebody else reaped it: there is nothing left to wait for.
            Some(Err(_)) => self.script = None,
            Some(Ok(None)) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_64_kb_are_kept() {
        let console = Console::default();
        console.push(b"first ");
        console.push(&[b'x'; KEPT - 3]);
        let text = console.text();
        assert_eq!((text.len(), &text[..4]), (KEPT, b"st x".as_slice()));
        console.push(&[b'y'; 2 * KEPT]);
        assert_eq!(console.text(), [b'y'; KEPT]);
    }

    #[test]
    fn what_is_no_script_is_left_alone() {
        let said = |data: &[u8]| String::from_utf8(UserData::start("vpcd-none", data).unwrap().console.text()).unwrap();
        assert_eq!(said(b""), "");
        for data in [b"#cloud-config\n".as_slice(), b" #!/bin/sh\n", b"\xff\x00"] {
            assert!(said(data).ends_with("ignored\n"), "{data:?}");
        }
    }
}
