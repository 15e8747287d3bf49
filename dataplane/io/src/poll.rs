//! Waiting for whichever of many ports has something to read, or for somebody's call to look up.

use crate::sys;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// The token of our own wake-up event; callers cannot have it.
const WAKE: u64 = u64::MAX;
/// More are reported by the next call.
const EVENTS: usize = 128;

/// Something went wrong with waiting.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    #[error("cannot make a poller: {0}")]
    Create(io::Error),
    #[error("cannot watch descriptor {fd}: {source}")]
    Add { fd: RawFd, source: io::Error },
    #[error("cannot stop watching descriptor {fd}: {source}")]
    Remove { fd: RawFd, source: io::Error },
    #[error("waiting for ports failed: {0}")]
    Wait(io::Error),
}

/// Watches descriptors for something to read. Level-triggered: what is not read is reported again.
pub struct Poller {
    epoll: OwnedFd,
    wake: Arc<File>,
    events: Vec<libc::epoll_event>,
}

/// Wakes a [`Poller`] from any thread.
#[derive(Debug, Clone)]
pub struct Waker(Arc<File>);

impl Poller {
    pub fn new() -> Result<Poller, PollError> {
        let epoll = sys::epoll().map_err(PollError::Create)?;
        let wake = sys::event().map_err(PollError::Create)?;
        sys::epoll_add(&epoll, wake.as_raw_fd(), WAKE).map_err(PollError::Create)?;
        Ok(Poller { epoll, wake: Arc::new(wake), events: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS] })
    }

    /// Watches `fd`; [`Poller::wait`] reports it as `token`. A descriptor that is closed leaves by itself.
    pub fn add(&self, fd: RawFd, token: u32) -> Result<(), PollError> {
        sys::epoll_add(&self.epoll, fd, u64::from(token)).map_err(|source| PollError::Add { fd, source })
    }

    pub fn remove(&self, fd: RawFd) -> Result<(), PollError> {
        sys::epoll_remove(&self.epoll, fd).map_err(|source| PollError::Remove { fd, source })
    }

    /// Something that makes the current or the next [`Poller::wait`] return at once.
    pub fn waker(&self) -> Waker {
        Waker(Arc::clone(&self.wake))
    }

    /// Waits up to `timeout_ms` (`None`: for ever) and puts the tokens of what can be read, or has failed, into `ready`, which is emptied first.
    /// Returns whether a [`Waker`] was used since the last time. A signal ends the waiting early, with nothing ready.
    pub fn wait(&mut self, ready: &mut Vec<u32>, timeout_ms: Option<u32>) -> Result<bool, PollError> {
        ready.clear();
        let timeout = timeout_ms.map_or(-1, |ms| i32::try_from(ms).unwrap_or(i32::MAX));
        let count = match sys::epoll_wait(&self.epoll, &mut self.events, timeout) {
            Ok(count) => count,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => 0,
            Err(e) => return Err(PollError::Wait(e)),
        };
        let mut woken = false;
        for event in &self.events[..count] {
            let token = event.u64;
            if token == WAKE {
                woken = true;
                // Sets the counter back; if another poller of a clone was faster, there is nothing to set back.
                let _ = (&*self.wake).read(&mut [0; 8]);
            } else {
                ready.push(token as u32);
            }
        }
        Ok(woken)
    }
}

impl Waker {
    pub fn wake(&self) {
        // The only way to fail is a counter about to overflow, and then the poller is awake anyway.
        let _ = (&*self.0).write(&1u64.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::time::{Duration, Instant};

    #[test]
    fn reports_what_can_be_read_until_it_was_read() {
        let (a, b) = UnixDatagram::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        let mut ready = vec![99];
        poller.add(b.as_raw_fd(), 7).unwrap();
        assert!(!poller.wait(&mut ready, Some(0)).unwrap());
        assert_eq!(ready, []);
        a.send(b"x").unwrap();
        for _ in 0..2 {
            assert!(!poller.wait(&mut ready, Some(1000)).unwrap());
            assert_eq!(ready, [7]);
        }
        b.recv(&mut [0; 8]).unwrap();
        poller.wait(&mut ready, Some(0)).unwrap();
        assert_eq!(ready, []);
        a.send(b"x").unwrap();
        poller.remove(b.as_raw_fd()).unwrap();
        poller.wait(&mut ready, Some(0)).unwrap();
        assert_eq!(ready, []);
        let fd = b.as_raw_fd();
        assert!(
            poller.remove(fd).unwrap_err().to_string().starts_with(&format!("cannot stop watching descriptor {fd}: "))
        );
    }

    #[test]
    fn a_waker_ends_the_waiting_once() {
        let mut poller = Poller::new().unwrap();
        let waker = poller.waker();
        let start = Instant::now();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(30));
            waker.wake();
            waker.wake();
        });
        let mut ready = Vec::new();
        assert!(poller.wait(&mut ready, Some(20_000)).unwrap());
        assert!(start.elapsed() < Duration::from_secs(10));
        thread.join().unwrap();
        // The second call may have come after the first waiting.
        poller.wait(&mut ready, Some(0)).unwrap();
        assert!(!poller.wait(&mut ready, Some(0)).unwrap());
        assert_eq!(ready, []);
    }
}
