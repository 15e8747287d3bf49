//! What the service manager is told (`sd_notify(3)`), if there is one that asks.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// A way to the manager.
pub(super) struct Notifier(Option<UnixDatagram>);

impl Notifier {
    /// Connects to the socket that `NOTIFY_SOCKET` names: a path, or with `@` an abstract name. To be called before the process may lose
    /// sight of it.
    pub(super) fn new() -> Notifier {
        let connect = |name: OsString| -> io::Result<UnixDatagram> {
            let address = match name.as_bytes().strip_prefix(b"@") {
                Some(name) => SocketAddr::from_abstract_name(name)?,
                None => SocketAddr::from_pathname(name)?,
            };
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&address)?;
            Ok(socket)
        };
        // A manager that has gone need not be told.
        Notifier(std::env::var_os("NOTIFY_SOCKET").and_then(|name| connect(name).ok()))
    }

    /// Calls are taken from now on.
    pub(super) fn ready(&self) {
        self.say("READY=1\n");
    }

    /// No more calls are taken.
    pub(super) fn stopping(&self) {
        self.say("STOPPING=1\n");
    }

    fn say(&self, state: &str) {
        if let Some(socket) = &self.0 {
            // As above.
            let _ = socket.send(state.as_bytes());
        }
    }
}
