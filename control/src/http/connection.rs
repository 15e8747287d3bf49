//! One connection and how long it may take for each thing.
//!
//! hyper bounds the reading of a head only, and counts the wait for it. Here a connection is in one [`Phase`] at a
//! time, moved along by the bytes that pass through [`Watched`] and by the calls; each phase has its limit.

use super::server::{Limits, Mood};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What a connection does, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is under way.
    Idle(Instant),
    /// A head is arriving.
    Head(Instant),
    /// A request is being answered; the body's time is limited by who reads it.
    Call,
    /// An answer is being sent.
    Answer(Instant),
}

impl Phase {
    fn due(self) -> Option<Instant> {
        match self {
            Phase::Idle(due) | Phase::Head(due) | Phase::Answer(due) => Some(due),
            Phase::Call => None,
        }
    }
}

#[derive(Clone)]
struct Watch {
    phase: Arc<Mutex<Phase>>,
    limits: Limits,
}

impl Watch {
    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn get(&self) -> Phase {
        *self.lock()
    }
    fn received(&self) {
        let mut phase = self.lock();
        if let Phase::Idle(_) = *phase {
            *phase = Phase::Head(after(self.limits.head));
        }
    }
    fn called(&self) {
        *self.lock() = Phase::Call;
    }
    fn answered(&self) {
        *self.lock() = Phase::Answer(after(self.limits.answer));
    }
    fn flushed(&self) {
        let mut phase = self.lock();
        if let Phase::Answer(_) = *phase {
            *phase = Phase::Idle(after(self.limits.idle));
        }
    }
}

fn after(limit: Duration) -> Instant {
    Instant::now() + limit
}

/// Serves one connection to its end: until the client closes it or breaks the protocol, a time limit passes, or the mood
/// says so or is nobody's any more.
pub(super) async fn run<A, F>(
    stream: TcpStream,
    limits: Limits,
    max_head: usize,
    mut mood: watch::Receiver<Mood>,
    answer: A,
) where
    A: Fn(hyper::Request<Incoming>) -> F,
    F: Future<Output = hyper::Response<Full<Bytes>>>,
{
    // Answers are written whole; waiting for more to send would only delay them.
    let _ = stream.set_nodelay(true);
    // One that says nothing at first does not idle: it would be the cheapest attack.
    let watch = Watch { phase: Arc::new(Mutex::new(Phase::Head(after(limits.head)))), limits };
    let service = service_fn(|request| {
        watch.called();
        let (answer, watch) = (answer(request), watch.clone());
        async move {
            let answer = answer.await;
            watch.answered();
            Ok::<_, Infallible>(answer)
        }
    });
    let io = TokioIo::new(Watched { stream, watch: watch.clone() });
    let mut http = http1::Builder::new();
    http.max_buf_size(max_head).header_read_timeout(None);
    let mut connection = pin!(http.serve_connection(io, service));
    loop {
        let phase = watch.get();
        match *mood.borrow_and_update() {
            Mood::Open => {}
            Mood::Crowded if !matches!(phase, Phase::Idle(_)) => {}
            Mood::Crowded | Mood::Closing => connection.as_mut().graceful_shutdown(),
        }
        // The phase changes only while the connection is polled: whoever polls sees it.
        let progress = poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if watch.get() != phase => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        });
        let limit = async {
            match phase.due() {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            ended = progress => if ended { return },
            () = limit => return,
            told = mood.changed() => if told.is_err() { return },
        }
    }
}

/// A stream that tells the watch what passes.
struct Watched {
    stream: TcpStream,
    watch: Watch,
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.watch.received();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.watch.flushed();
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
