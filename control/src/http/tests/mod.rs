//! The server over loopback sockets.

mod bounds;
mod protocol;
mod signatures;
mod signed;

use super::*;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// Answers with what it was asked, one member a line; `Action=Wait` waits until it is let go.
#[derive(Default)]
struct Echo {
    log: Mutex<Vec<Access>>,
    waiting: Notify,
    go: Notify,
}

impl Service for Echo {
    async fn call(&self, request: Request) -> Response {
        if request.members.iter().any(|(name, value)| name == "Action" && value == "Wait") {
            self.waiting.notify_one();
            self.go.notified().await;
        }
        let mut body =
            format!("{} {} {}\n", request.service, request.region, request.access_key.as_deref().unwrap_or("nobody"));
        for (name, value) in &request.members {
            body += &format!("{name}={value}\n");
        }
        Response { status: 200, content_type: "text/xml;charset=UTF-8", body: body.into() }
    }
    fn refuse(&self, request: &RefusedRequest, status: u16, code: &str, message: &str) -> Response {
        let id = &request.request_id;
        let body = format!("<{}><Code>{code}</Code><Message>{message}</Message>{id}", request.service);
        Response { status, content_type: "text/xml;charset=UTF-8", body: body.into() }
    }
    async fn other(&self, method: &str, path: &str, body: &[u8]) -> Option<Response> {
        let body = format!("{method} {path} {}", body.len()).into();
        (path.split('?').next() == Some("/healthz")).then_some(Response {
            status: 200,
            content_type: "text/plain",
            body,
        })
    }
    fn log(&self, access: &Access) {
        self.log.lock().unwrap().push(access.clone());
    }
}

/// A server that runs.
struct Running {
    address: SocketAddr,
    service: Arc<Echo>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<usize>,
}

impl Running {
    async fn start(options: Options) -> Running {
        let server = Server::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let (address, service) = (server.address().unwrap(), Arc::new(Echo::default()));
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server.serve(service.clone(), async { _ = stopped.await }));
        Running { address, service, stop, served }
    }
    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }
    /// One request on a connection of its own.
    async fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await
    }
}

/// A connection to it.
struct Client(TcpStream);

/// What came back.
#[derive(Debug)]
struct Answer {
    status: u16,
    /// Status line and headers.
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|l| l.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    }
}

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }
    /// Reads one answer.
    async fn answer(&mut self) -> Answer {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap_or_else(|e| panic!("{e} after {}", head.escape_ascii())));
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").map_or(0, |l| l.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }
    /// Whether for this time it is neither answered nor closed.
    async fn silent_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.0.read(&mut [0; 1])).await.is_err()
    }
    /// Whether it is closed within this time, without another byte.
    async fn closed_within(&mut self, time: Duration) -> bool {
        let read = tokio::time::timeout(time, self.0.read(&mut [0; 1])).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }
}

fn post(form: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}
