//! HTTP under the EC2 Query API: from a socket to a decoded, authenticated [`Request`], and back.
//!
//! [`Server`] accepts connections and bounds what each may cost ([`Options`]); one connection's time limits are in
//! [`connection`]. A request's way is [`answer`]: read the body, decode the form ([`form`]) or what stands for one ([`document`]), find out who signed ([`auth`],
//! [`sigv4`], [`sigv2`], keys from [`Credentials`]), call the [`Service`]. What an operation means is not known here, nor what
//! an answer looks like: refusals are written by the service too, as each AWS service has its own form of them.

mod answer;
mod auth;
mod connection;
mod credentials;
mod document;
mod form;
mod id;
mod server;
mod sigv2;
mod sigv4;
#[cfg(test)]
mod tests;
mod timestamp;

pub use credentials::{Credentials, CredentialsError};
pub use document::{DocumentError, Encoding, members as decode_document};
pub use form::{FormError, decode as decode_form};
pub use server::{Limits, Options, Server, admissible};
pub use timestamp::parse as parse_time;

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

/// One API request, authenticated and decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Form members as sent, in order, decoded; `Action` and `Version` included, those of the signature not. First those of
    /// the query string, then those of the body. Names are unique, neither empty nor with control characters;
    /// values are any text.
    pub members: Vec<(String, String)>,
    /// Service of the credential scope, e.g. `ec2`; that is the default where the signature names none.
    pub service: String,
    /// Region of the credential scope, e.g. `us-east-1`; [`Options::region`] where the signature names none.
    pub region: String,
    /// Access key that signed, if any; only said, not proven, if the server has no credentials.
    pub access_key: Option<String>,
    /// UUID that the answer and the log carry.
    pub request_id: String,
    /// How the answer is to be written.
    pub encoding: Encoding,
}

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
}

/// A request that gets no further than the front end, as far as it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    pub method: String,
    pub path: String,
    /// As in [`Request`], but never proven.
    pub service: String,
    pub region: String,
    pub access_key: Option<String>,
    pub action: Option<String>,
    pub request_id: String,
    pub encoding: Encoding,
}

/// One finished request, for the log. Texts that the client chose are cut to a length that suits a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub peer: SocketAddr,
    pub method: String,
    pub path: String,
    /// As in [`Request`]; not proven where the status is a refusal.
    pub service: String,
    pub region: String,
    pub access_key: Option<String>,
    pub action: Option<String>,
    pub request_id: String,
    pub status: u16,
    /// Bytes of the answer's body.
    pub bytes: usize,
    /// From the end of the head to the answer, the reading of the body included.
    pub duration: Duration,
}

/// What answers requests. Called on a thread of the runtime; a mutation may wait, a long computation must not.
///
/// A call runs to its end even if the client has gone.
pub trait Service: Send + Sync + 'static {
    /// Answers an API request.
    fn call(&self, request: Request) -> impl Future<Output = Response> + Send;
    /// An error in the service's own format (EC2: `<Response><Errors>...`, STS: `<ErrorResponse>...`), for refusals
    /// of the front end.
    fn refuse(&self, request: &RefusedRequest, status: u16, code: &str, message: &str) -> Response;
    /// Other paths, with their query: `/metrics`, `/healthz`, `/moto-api/reset` ...; none: not one of them. Nobody has been authenticated.
    fn other(&self, method: &str, path: &str, body: &[u8]) -> impl Future<Output = Option<Response>> + Send;
    /// Told once for each answer, before it is sent.
    fn log(&self, _access: &Access) {}
}

/// Without the values: there may be secrets in them.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("members", &self.members.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("service", &self.service)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("request_id", &self.request_id)
            .finish()
    }
}
