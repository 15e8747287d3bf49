//! The control socket of `vpcd serve`: where it is, and how other commands ask it.
//!
//! Each side writes one JSON object per line. A request has a `command` (`status`, `attach`, `detach`, `export`, `zones`, `impair`, `restore`) and its
//! members; an answer has `error` with a text, or what was asked for.

use crate::report::{Failure, Outcome};
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// An answer takes a round of the workers, or a change to the store; this is long for both.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the socket is.
#[derive(clap::Args, Clone, Debug)]
pub struct SocketArgs {
    /// Control socket of the server [default: /run/vpcd.sock as root, else $XDG_RUNTIME_DIR/vpcd.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// Where servers of this user listen if they are not told; none: such a user has no place for it.
pub fn default_path() -> Option<PathBuf> {
    // Whose our files in /proc are is who we are.
    match std::fs::metadata("/proc/self").map(|m| m.uid()) {
        Ok(0) => Some("/run/vpcd.sock".into()),
        _ => Some(PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR")?).join("vpcd.sock")),
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

impl SocketArgs {
    /// Connects to the server.
    pub fn connect(&self) -> Outcome<Client> {
        let Some(path) = self.socket.clone().or_else(default_path) else {
            return Err(Failure::user("there is no XDG_RUNTIME_DIR to look for a server in: name its --socket"));
        };
        let stream = UnixStream::connect(&path).and_then(|s| s.set_read_timeout(Some(PATIENCE)).map(|()| s));
        match stream {
            Ok(stream) => Ok(Client { stream: BufReader::new(stream), path }),
            Err(e) => {
                let path = path.display();
                Err(Failure::user(format_args!("no server answers at {path}: {e}; is `vpcd serve` running?")))
            }
        }
    }
}

impl Client {
    /// Asks and waits for the answer; one that is an error is a failure with its text.
    pub fn ask(&mut self, request: &Value) -> Outcome<Value> {
        let answer = exchange(&mut self.stream, request);
        let answer = answer.map_err(|e| Failure::user(format_args!("{}: {e}", self.path.display())))?;
        match answer.get("error").and_then(Value::as_str) {
            Some(error) => Err(Failure::user(error)),
            None => Ok(answer),
        }
    }
}

fn exchange(stream: &mut BufReader<UnixStream>, request: &Value) -> std::io::Result<Value> {
    stream.get_mut().write_all(format!("{request}\n").as_bytes())?;
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(std::io::Error::other("the server has ended"));
    }
    Ok(serde_json::from_str(&line)?)
}
