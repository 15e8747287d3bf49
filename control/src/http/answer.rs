//! The way of one request: body, form, who signed, the call.

use super::auth::{self, Claim};
use super::document::{self, DocumentError, Encoding};
use super::form::{self, Members};
use super::server::{Front, SMALL_BODY};
use super::sigv4::Message;
use super::{Access, RefusedRequest, Request, Response, Service, timestamp};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use std::borrow::Cow;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

/// Of a body that is too large, this many times what is allowed is still read: closing on a client that writes would
/// destroy the answer on its way.
const DRAINED: usize = 8;

/// A refusal of the front end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { status, code, message: message.into() }
    }
}

impl From<form::FormError> for Refusal {
    fn from(e: form::FormError) -> Refusal {
        let message = format!("The query string contains a syntax error: {e}");
        Refusal::new(StatusCode::BAD_REQUEST, "MalformedQueryString", message)
    }
}

impl From<DocumentError> for Refusal {
    fn from(e: DocumentError) -> Refusal {
        let message = format!("The request cannot be read: {e}");
        Refusal::new(StatusCode::BAD_REQUEST, "SerializationException", message)
    }
}

/// Answers a request. From the moment its body is there it is worked on in a task of its own, that a client cannot end by going.
pub(super) async fn answer<S: Service>(
    front: Arc<Front<S>>,
    slot: Arc<OwnedSemaphorePermit>,
    peer: SocketAddr,
    request: hyper::Request<Incoming>,
) -> hyper::Response<Full<Bytes>> {
    let started = Instant::now();
    let (head, body) = request.into_parts();
    let body = front.receive(&head, body).await;
    let work = tokio::spawn(async move {
        let query = form::decode(head.uri.query().unwrap_or("").as_bytes());
        let mut about = front.begin(&head, query.as_deref().unwrap_or_default());
        let outcome = match body {
            Ok(body) => front.respond(&head, query, &body, &mut about).await,
            Err(refusal) => Err(refusal),
        };
        let (response, close) = match outcome {
            Ok(response) => (response, false),
            Err(r) => {
                let response = front.service.refuse(&about, r.status.as_u16(), r.code, &r.message);
                // What was not read of a body cannot be told from a next request.
                (response, matches!(r.status, StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT))
            }
        };
        let access = access(about, peer, &response, started);
        front.service.log(&access);
        drop(slot);
        pack(response, &access.request_id, close)
    });
    match work.await {
        Ok(answer) => answer,
        Err(e) => match e.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

impl<S: Service> Front<S> {
    fn begin(&self, head: &Parts, query: &Members) -> RefusedRequest {
        let mut about = RefusedRequest {
            method: head.method.to_string(),
            path: head.uri.path().to_string(),
            service: "ec2".into(),
            region: self.options.region.clone(),
            access_key: None,
            action: None,
            request_id: self.ids.next(),
            encoding: document::asked(&head.headers, head.uri.path()).map_or_else(Encoding::default, |(e, _)| e),
        };
        about.note(&Claim::read(head, query, query));
        about
    }

    /// The body, within its bounds of size and time.
    async fn receive(&self, head: &Parts, mut body: Incoming) -> Result<Vec<u8>, Refusal> {
        auth::refuse_browsers(&head.headers)?;
        if self.options.credentials.is_none() {
            auth::expect_local_name(&head.headers)?;
        }
        let max = self.options.max_body;
        let size = body.size_hint();
        let too_large = || {
            let message = format!("The request is larger than {max} bytes.");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
        };
        // Such a client sends the body only when asked to.
        if size.lower() > max as u64 && head.headers.contains_key(header::EXPECT) {
            return Err(too_large());
        }
        let read = async {
            let large = size.upper().is_none_or(|most| most > SMALL_BODY);
            let _place = if large { self.large_bodies.acquire().await.ok() } else { None };
            let (mut bytes, mut total) = (Vec::new(), 0);
            while let Some(frame) = body.frame().await {
                let broken = |_| {
                    let message = "The body of the request ended early or is not well-formed.";
                    Refusal::new(StatusCode::BAD_REQUEST, "MalformedHttpRequest", message)
                };
                let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
                total += data.len();
                match total {
                    n if n <= max => bytes.extend_from_slice(&data),
                    n if n > max.saturating_mul(DRAINED) => break,
                    _ => bytes.clear(),
                }
            }
            if total > max { Err(too_large()) } else { Ok(bytes) }
        };
        timeout(self.options.limits.body, read).await.unwrap_or_else(|_| {
            let message = "The body of the request did not arrive in time.";
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "RequestTimeout", message))
        })
    }

    async fn respond(
        &self,
        head: &Parts,
        query: Result<Vec<(String, String)>, form::FormError>,
        body: &[u8],
        about: &mut RefusedRequest,
    ) -> Result<Response, Refusal> {
        let path = head.uri.path();
        let target = head.uri.path_and_query().map_or(path, |p| p.as_str());
        let asked = document::asked(&head.headers, path);
        if path != "/"
            && asked.is_none()
            && let Some(response) = self.service.other(head.method.as_str(), target, body).await
        {
            return Ok(response);
        }
        let not_found = || {
            let message = format!("There is nothing at {}; the API is at /.", brief(path));
            Refusal::new(StatusCode::NOT_FOUND, "NotFound", message)
        };
        if head.method != Method::GET && head.method != Method::POST {
            if path != "/" {
                return Err(not_found());
            }
            let message = format!("The method {} is not supported; use GET or POST.", brief(head.method.as_str()));
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message));
        }
        let query = query?;
        let sent = match asked {
            None => {
                if !body.is_empty() {
                    expect_form(&head.headers)?;
                }
                form::decode(body)?
            }
            Some((encoding, operation)) => {
                let mut sent = vec![("Action".to_string(), operation.to_string())];
                sent.extend(document::members(encoding, body)?);
                sent
            }
        };
        let mut members = form::join(&query, sent)?;
        about.action = members.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone());
        if path != "/" && about.action.is_none() {
            return Err(not_found());
        }
        let claim = Claim::read(head, &query, &members);
        about.note(&claim);
        if let Some(credentials) = &self.options.credentials {
            let message = Message { head, query: &query, body };
            let verified = claim.verify(message, &members, credentials, timestamp::now());
            verified.map_err(|denial| denial.refusal(&about.service))?;
        }
        let v2 = claim.is_v2();
        members.retain(|(name, _)| !auth::is_of_signature(name, v2));
        let request = Request {
            members,
            service: about.service.clone(),
            region: about.region.clone(),
            access_key: about.access_key.clone(),
            request_id: about.request_id.clone(),
            encoding: about.encoding,
        };
        Ok(self.service.call(request).await)
    }
}

fn pack(response: Response, request_id: &str, close: bool) -> hyper::Response<Full<Bytes>> {
    let mut packed = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *packed.status_mut() = StatusCode::from_u16(response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = packed.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    if response.content_type == "application/cbor" {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if response.status == 405 {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET, POST"));
    }
    if close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    packed
}

impl RefusedRequest {
    fn note(&mut self, claim: &Claim<'_>) {
        let (service, region, access_key) = claim.names();
        for (field, name) in [(&mut self.service, service), (&mut self.region, region)] {
            if let Some(name) = name {
                *field = name.into();
            }
        }
        self.access_key = access_key.map(Into::into);
    }
}

/// Only forms are understood, and only as they are.
fn expect_form(headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported = |what: &str, value: &HeaderValue| {
        let shown = value.as_bytes().escape_ascii().to_string();
        let message = format!("The {what} {} is not supported; send application/x-www-form-urlencoded.", brief(&shown));
        Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "MalformedHttpRequest", message))
    };
    if let Some(value) = headers.get(header::CONTENT_ENCODING)
        && value != "identity"
    {
        return unsupported("content encoding", value);
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or("").to_ascii_lowercase();
    let mut parts = text.split(';').map(str::trim);
    let form = parts.next() == Some("application/x-www-form-urlencoded");
    let utf8 =
        parts.all(|p| p.strip_prefix("charset=").is_none_or(|c| matches!(c.trim_matches('"'), "utf-8" | "utf8")));
    if form && utf8 { Ok(()) } else { unsupported("content type", value) }
}

fn access(about: RefusedRequest, peer: SocketAddr, response: &Response, started: Instant) -> Access {
    let cut = |text: String| match brief(&text) {
        same if same.len() == text.len() => text,
        short => short.into(),
    };
    Access {
        peer,
        method: cut(about.method),
        path: cut(about.path),
        service: cut(about.service),
        region: cut(about.region),
        access_key: about.access_key.map(cut),
        action: about.action.map(cut),
        request_id: about.request_id,
        status: response.status,
        bytes: response.body.len(),
        duration: started.elapsed(),
    }
}

/// The beginning of a text that a client chose.
fn brief(text: &str) -> &str {
    &text[..text.floor_char_boundary(128)]
}
