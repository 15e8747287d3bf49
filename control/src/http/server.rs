//! Accepting connections, no more than agreed, until told to stop.

use super::{Credentials, Service, answer, connection, id::Ids};
use crate::host::raise_descriptor_limit;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// What a server allows.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to believe. None: anybody, which is [`admissible`] on loopback only.
    pub credentials: Option<Credentials>,
    /// Region of requests whose signature names none.
    pub region: String,
    /// Connections at once. When a further one comes, those that idle are closed; it waits until a place is free.
    pub max_connections: usize,
    /// Bytes of a body.
    pub max_body: usize,
    /// Bytes of a request line and its headers; at least 8 KiB.
    pub max_head: usize,
    pub limits: Limits,
}

/// How long each part of a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte of a head (at first: from the connection's start) to its last.
    pub head: Duration,
    /// From the end of a head to the end of its body.
    pub body: Duration,
    /// From an answer to its last byte being with the kernel.
    pub answer: Duration,
    /// Between requests. Longer than the 15 s that waiters of clients sleep between two questions.
    pub idle: Duration,
    /// From the wish to stop to the end of everything under way.
    pub grace: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            credentials: None,
            region: "us-east-1".into(),
            max_connections: 1024,
            max_body: 1 << 20,
            max_head: 64 << 10,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: Duration::from_secs(15),
            body: Duration::from_secs(15),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(75),
            grace: Duration::from_secs(10),
        }
    }
}

/// A bound address, its options, and nobody served yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    options: Options,
}

/// What all connections share.
pub(super) struct Front<S> {
    pub(super) service: Arc<S>,
    pub(super) options: Options,
    pub(super) ids: Ids,
    /// Bodies above [`SMALL_BODY`] that may be in memory at once: every connection with a large one would be a gigabyte.
    pub(super) large_bodies: Semaphore,
}

/// Bytes of a body that need no place among the large ones.
pub(super) const SMALL_BODY: u64 = 64 << 10;
const LARGE_BODIES: usize = 64;

/// What connections should do besides their work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Open,
    /// Somebody waits for a place: those that idle close.
    Crowded,
    /// Finish what is under way and close.
    Closing,
}

impl Server {
    /// Binds an address; port 0 lets the system choose. Refused as [`admissible`] says. The process may have as many
    /// descriptors as the system lets it from then on: each connection is one.
    pub async fn bind(addr: SocketAddr, options: Options) -> io::Result<Server> {
        // Without them newcomers wait for those that go.
        let _ = raise_descriptor_limit();
        admissible(addr, options.credentials.as_ref())
            .map_err(|why| io::Error::new(io::ErrorKind::PermissionDenied, why))?;
        Ok(Server { listener: TcpListener::bind(addr).await?, options })
    }

    /// Takes a socket that listens already, bound before the process moved into a network of its own. Within a runtime.
    pub fn of(listener: std::net::TcpListener, options: Options) -> io::Result<Server> {
        admissible(listener.local_addr()?, options.credentials.as_ref())
            .map_err(|why| io::Error::new(io::ErrorKind::PermissionDenied, why))?;
        listener.set_nonblocking(true)?;
        Ok(Server { listener: TcpListener::from_std(listener)?, options })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown` is ready, then stops accepting, lets requests under way finish within [`Limits::grace`],
    /// and closes. Answers how many connections or calls were still under way after that.
    pub async fn serve<S: Service>(self, service: Arc<S>, shutdown: impl Future<Output = ()>) -> usize {
        let Server { listener, options } = self;
        let most = options.max_connections.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let slots = Arc::new(Semaphore::new(most));
        let (mood, _) = watch::channel(Mood::Open);
        let (limits, max_head) = (options.limits, options.max_head.max(8 << 10));
        let large_bodies = Semaphore::new(LARGE_BODIES);
        let front = Arc::new(Front { service, options, ids: Ids::new(), large_bodies });
        let mut shutdown = pin!(shutdown);
        loop {
            let place = async {
                let stream = accept(&listener).await;
                let slot = match slots.clone().try_acquire_owned() {
                    Ok(slot) => slot,
                    Err(_) => {
                        mood.send_replace(Mood::Crowded);
                        let slot = slots.clone().acquire_owned().await;
                        mood.send_replace(Mood::Open);
                        slot.ok()?
                    }
                };
                Some((stream, slot))
            };
            let ((stream, peer), slot) = tokio::select! {
                place = place => match place {
                    Some(place) => place,
                    None => break,
                },
                () = &mut shutdown => break,
            };
            let (front, slot, mood) = (front.clone(), Arc::new(slot), mood.subscribe());
            tokio::spawn(async move {
                // A call keeps the place of its connection, even if that is gone.
                let answer = |request| answer::answer(front.clone(), slot.clone(), peer, request);
                connection::run(stream, limits, max_head, mood, answer).await;
            });
        }
        drop(listener);
        mood.send_replace(Mood::Closing);
        match tokio::time::timeout(limits.grace, slots.acquire_many(most as u32)).await {
            Ok(_) => 0,
            // With `mood` the connections end that are left.
            Err(_) => most - slots.available_permits(),
        }
    }
}

/// The next connection. What goes wrong with one of them, or for want of descriptors, must not end the server.
async fn accept(listener: &TcpListener) -> (tokio::net::TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Whether an address may be served. Without credentials any caller is believed, so only callers on this machine may come.
/// The refusal says what to do.
pub fn admissible(addr: SocketAddr, credentials: Option<&Credentials>) -> Result<(), String> {
    if credentials.is_some() || addr.ip().to_canonical().is_loopback() {
        return Ok(());
    }
    let ip = addr.ip();
    Err(format!(
        "{ip} can be reached from other machines, and without credentials whoever reaches it may do everything: \
         give a file of credentials, or listen on 127.0.0.1 or [::1]"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::credentials::tests::credentials;

    #[test]
    fn without_credentials_only_loopback_is_served() {
        let keys = credentials("[a]\naws_access_key_id = A\naws_secret_access_key = s\n");
        for (addr, local) in [
            ("127.0.0.1:1", true),
            ("127.9.9.9:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("0.0.0.0:1", false),
            ("[::]:1", false),
            ("10.0.0.1:1", false),
            ("[::ffff:10.0.0.1]:1", false),
            ("[fe80::1]:1", false),
        ] {
            let addr = addr.parse().unwrap();
            let answer = admissible(addr, None);
            assert_eq!(answer.is_ok(), local, "{addr}");
            assert!(answer.err().is_none_or(|e| e.contains("give a file of credentials")));
            assert_eq!(admissible(addr, Some(&keys)), Ok(()), "{addr}");
        }
    }

    #[tokio::test]
    async fn a_server_does_not_bind_what_is_not_admissible() {
        let refused = Server::bind("0.0.0.0:0".parse().unwrap(), Options::default()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
    }
}
