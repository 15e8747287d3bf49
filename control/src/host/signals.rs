//! Signals, fetched at leisure instead of interrupting: what ends `vpcd up` and what asks it for its counters.

use super::sys;
use std::io;
use std::time::Duration;

const FETCHED: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1];

/// What somebody wants of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Ctrl-C, `kill`, or the terminal is gone.
    End,
    /// `kill -USR1`.
    Report,
}

/// From now on signals wait for [`next`]. To be called before the process has a second thread: threads inherit it.
pub fn hold() -> io::Result<()> {
    sys::block(&FETCHED)
}

/// The next signal; `None` after `patience`.
pub fn next(patience: Duration) -> io::Result<Option<Wish>> {
    let wish = |signal| if signal == libc::SIGUSR1 { Wish::Report } else { Wish::End };
    Ok(sys::next(&FETCHED, patience)?.map(wish))
}
