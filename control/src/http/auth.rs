//! Who asks, and whether to believe it.
//!
//! A [`Claim`] is what a request says of its signature, read without judging, because the service and the Region
//! that it names are wanted even where nothing is verified. [`Claim::verify`] judges.

use super::answer::Refusal;
use super::credentials::Credentials;
use super::form::Members;
use super::sigv4::{self, ALGORITHM, Message, Scope};
use super::{sigv2, timestamp};
use hyper::StatusCode;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use std::borrow::Cow;
use std::net::IpAddr;

/// How far a client's clock may be off, and how long a signature without an end of its own lasts; in seconds.
const SKEW: i64 = 15 * 60;
/// The longest that a presigned request may be good for, in seconds.
const WEEK: i64 = 7 * 86_400;

/// What a request says of who signed it. Texts are as sent; what is not there is none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Claim<'a> {
    kind: Kind,
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
    time: Option<&'a str>,
    expires: Option<&'a str>,
    token: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unsigned,
    /// Version 4 in the `Authorization` header.
    Header,
    /// Version 4 in the query string.
    Presigned,
    /// Version 2 in the members.
    V2,
    /// An `Authorization` header of another kind.
    Foreign,
}

/// Why a request is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    Missing,
    /// Nothing that could be verified; says what is lacking.
    Incomplete(String),
    UnknownKey,
    /// Signed with another secret, or not this request.
    Mismatch,
    /// Signed for another day; says so.
    Scope(String),
    Expired(String),
    NotYet(String),
}

impl<'a> Claim<'a> {
    /// Reads what the header says, else the query string, else (version 2) the members of query string and body.
    pub(super) fn read(head: &'a Parts, query: &'a Members, members: &'a Members) -> Claim<'a> {
        let header = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok());
        if head.headers.contains_key(header::AUTHORIZATION) {
            let text = header("authorization").unwrap_or("");
            let Some(fields) = text.strip_prefix(ALGORITHM) else {
                return Claim { kind: Kind::Foreign, ..Claim::default() };
            };
            let field = |name: &str| {
                let fields = fields.split(',').filter_map(|f| f.trim().split_once('='));
                fields.filter(|(n, _)| *n == name).map(|(_, value)| value).next()
            };
            return Claim {
                kind: Kind::Header,
                credential: field("Credential"),
                signed_headers: field("SignedHeaders"),
                signature: field("Signature"),
                time: header("x-amz-date").or_else(|| header("date")),
                expires: None,
                token: header("x-amz-security-token"),
            };
        }
        let find = |members: &'a Members, name: &str| -> Option<&'a str> {
            members.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
        };
        if find(query, "X-Amz-Algorithm") == Some(ALGORITHM) {
            return Claim {
                kind: Kind::Presigned,
                credential: find(query, "X-Amz-Credential"),
                signed_headers: find(query, "X-Amz-SignedHeaders"),
                signature: find(query, "X-Amz-Signature"),
                time: find(query, "X-Amz-Date"),
                expires: find(query, "X-Amz-Expires"),
                token: find(query, "X-Amz-Security-Token"),
            };
        }
        match find(members, "AWSAccessKeyId") {
            Some(key) => Claim {
                kind: Kind::V2,
                credential: Some(key),
                signed_headers: None,
                signature: find(members, sigv2::SIGNATURE),
                time: find(members, "Timestamp"),
                expires: find(members, "Expires"),
                token: find(members, "SecurityToken"),
            },
            None => Claim::default(),
        }
    }

    /// Service, Region, access key: what is there of them.
    pub(super) fn names(&self) -> (Option<&'a str>, Option<&'a str>, Option<&'a str>) {
        match (self.kind, self.credential) {
            (Kind::V2, key) => (None, None, key),
            (_, Some(text)) => match Scope::parse(text) {
                Some(scope) => (Some(scope.service), Some(scope.region), Some(scope.access_key)),
                None => (None, None, None),
            },
            (_, None) => (None, None, None),
        }
    }

    pub(super) fn is_v2(&self) -> bool {
        self.kind == Kind::V2
    }

    /// Whether one of these keys signed this, and when that was permitted; `now` in seconds since 1970.
    pub(super) fn verify(
        &self,
        message: Message<'_>,
        members: &Members,
        credentials: &Credentials,
        now: i64,
    ) -> Result<(), Denial> {
        match self.kind {
            Kind::Unsigned => Err(Denial::Missing),
            Kind::Foreign => {
                Err(Denial::Incomplete(format!("Unsupported AWS 'algorithm': the header must start with {ALGORITHM}.")))
            }
            Kind::Header | Kind::Presigned => self.verify_v4(message, credentials, now),
            Kind::V2 => self.verify_v2(message, members, credentials, now),
        }
    }

    fn verify_v4(&self, message: Message<'_>, credentials: &Credentials, now: i64) -> Result<(), Denial> {
        let place = if self.kind == Kind::Header { "Authorization header" } else { "AWS query-string parameters" };
        let need = |field: Option<&'a str>, name: &str| {
            let absent = || Denial::Incomplete(format!("{place} requires '{name}'."));
            field.filter(|f| !f.is_empty()).ok_or_else(absent)
        };
        let credential = need(self.credential, "Credential")?;
        let signature = need(self.signature, "Signature")?;
        let signed_headers = need(self.signed_headers, "SignedHeaders")?;
        let time = need(self.time, "X-Amz-Date")?;
        let scope = Scope::parse(credential).ok_or_else(|| {
            let form = "keyid/date/region/service/aws4_request";
            Denial::Incomplete(format!("Credential must have exactly 5 slash-delimited elements, e.g. {form}."))
        })?;
        if !signed_headers.split(';').any(|h| h == "host") {
            let message = "'Host' must be a 'SignedHeader' in the AWS Authorization.";
            return Err(Denial::Incomplete(message.into()));
        }
        let signed_at = timestamp::parse(time)
            .or_else(|| httpdate::parse_http_date(time).ok().map(timestamp::since_1970))
            .ok_or_else(|| Denial::Incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{time}'.")))?;
        let lasts = match (self.kind, self.expires) {
            (Kind::Presigned, Some(text)) => text.parse().ok().filter(|s| (1..=WEEK).contains(s)).ok_or_else(|| {
                Denial::Incomplete(format!("X-Amz-Expires must be a number of seconds from 1 to {WEEK}."))
            })?,
            _ => SKEW,
        };
        let secret = credentials.get(scope.access_key).ok_or(Denial::UnknownKey)?;
        if !same(self.token, secret.token.as_deref()) {
            return Err(Denial::UnknownKey);
        }
        let time = timestamp::basic(signed_at);
        if !sigv4::verify(message, scope, &time, signed_headers, &secret.key, signature) {
            return Err(Denial::Mismatch);
        }
        // Only who has the key is told about clocks.
        if !time.starts_with(scope.date) || scope.date.len() != 8 {
            return Err(Denial::Scope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
                 '{}' != '{}', from '{time}'.",
                scope.date,
                &time[..8]
            )));
        }
        in_time(signed_at, lasts, now)
    }

    fn verify_v2(
        &self,
        message: Message<'_>,
        members: &Members,
        credentials: &Credentials,
        now: i64,
    ) -> Result<(), Denial> {
        let absent = |name: &str| Denial::Incomplete(format!("The request must contain the parameter {name}"));
        let signature = self.signature.ok_or_else(|| absent(sigv2::SIGNATURE))?;
        for (name, only) in [("SignatureVersion", "2"), ("SignatureMethod", "HmacSHA256")] {
            match members.iter().find(|(n, _)| n == name) {
                Some((_, value)) if value == only => {}
                Some(_) => return Err(Denial::Incomplete(format!("The value of {name} must be {only}."))),
                None => return Err(absent(name)),
            }
        }
        let text = self.time.or(self.expires).ok_or_else(|| absent("Timestamp"))?;
        // The one example that AWS published has no Z.
        let time = timestamp::parse(text)
            .or_else(|| timestamp::parse(&format!("{text}Z")))
            .ok_or_else(|| Denial::Incomplete(format!("'{text}' is not a time like 2015-08-30T12:36:00Z.")))?;
        let secret = credentials.get(self.credential.unwrap_or("")).ok_or(Denial::UnknownKey)?;
        if !same(self.token, secret.token.as_deref()) {
            return Err(Denial::UnknownKey);
        }
        if !sigv2::verify(message.head, members, &secret.key, signature) {
            return Err(Denial::Mismatch);
        }
        match self.time {
            Some(_) => in_time(time, SKEW, now),
            None if now > time => Err(Denial::Expired(format!("Signature expired: {text}."))),
            None => Ok(()),
        }
    }
}

/// Whether something signed at a time and good for `lasts` seconds is good now, if the client's clock may go ahead of ours.
fn in_time(signed_at: i64, lasts: i64, now: i64) -> Result<(), Denial> {
    let [signed, present] = [signed_at, now].map(timestamp::basic);
    if now - signed_at > lasts {
        let earliest = timestamp::basic(now - lasts);
        let lasts = if lasts == SKEW { "15 min.".into() } else { format!("{lasts} s.") };
        return Err(Denial::Expired(format!(
            "Signature expired: {signed} is now earlier than {earliest} ({present} - {lasts})"
        )));
    }
    if signed_at - now > SKEW {
        let latest = timestamp::basic(now + SKEW);
        return Err(Denial::NotYet(format!(
            "Signature not yet current: {signed} is still later than {latest} ({present} + 15 min.)"
        )));
    }
    Ok(())
}

/// Compares in a time that says nothing of where two secrets differ.
fn same(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
        }
        (None, None) => true,
        _ => false,
    }
}

impl Denial {
    /// As this service would say it: EC2 has words of its own, the others have STS's.
    pub(super) fn refusal(self, service: &str) -> Refusal {
        const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;
        let ec2 = service == "ec2";
        let (status, code, message): (_, _, Cow<'static, str>) = match self {
            Denial::Missing => {
                (FORBIDDEN, "MissingAuthenticationToken", "Request is missing Authentication Token".into())
            }
            Denial::Incomplete(message) => (StatusCode::BAD_REQUEST, "IncompleteSignature", message.into()),
            Denial::Expired(_) if ec2 => (StatusCode::BAD_REQUEST, "RequestExpired", "Request has expired.".into()),
            Denial::UnknownKey | Denial::Mismatch | Denial::Scope(_) | Denial::NotYet(_) if ec2 => {
                let message = "AWS was not able to validate the provided access credentials";
                (StatusCode::UNAUTHORIZED, "AuthFailure", message.into())
            }
            Denial::UnknownKey => {
                let message = "The security token included in the request is invalid.";
                (FORBIDDEN, "InvalidClientTokenId", message.into())
            }
            Denial::Mismatch => {
                let message = "The request signature we calculated does not match the signature you provided. Check your \
                               AWS Secret Access Key and signing method. Consult the service documentation for details.";
                (FORBIDDEN, "SignatureDoesNotMatch", message.into())
            }
            Denial::Scope(message) | Denial::Expired(message) | Denial::NotYet(message) => {
                (FORBIDDEN, "SignatureDoesNotMatch", message.into())
            }
        };
        Refusal::new(status, code, message)
    }
}

/// Whether a member is part of the signature, not of the request.
pub(super) fn is_of_signature(name: &str, v2: bool) -> bool {
    const V2: [&str; 7] =
        ["AWSAccessKeyId", "Signature", "SignatureMethod", "SignatureVersion", "Timestamp", "Expires", "SecurityToken"];
    name.starts_with("X-Amz-") || v2 && V2.contains(&name)
}

/// Refuses what a page in a browser made its reader send: any page of the Internet can send a form to loopback, and a call
/// can run programs as the user who runs the server.
pub(super) fn refuse_browsers(headers: &HeaderMap) -> Result<(), Refusal> {
    let cross = headers.get("sec-fetch-site").is_some_and(|site| site != "none");
    if cross || headers.contains_key(header::ORIGIN) {
        let message = "Requests that a web page makes are not accepted.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message));
    }
    Ok(())
}

/// Refuses a name in `Host` that somebody in the Internet may have pointed to loopback, whose pages a browser then takes for
/// ours (DNS rebinding). Only where no signature is verified.
pub(super) fn expect_local_name(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(host) = headers.get(header::HOST) else { return Ok(()) };
    let host = host.to_str().ok().and_then(|h| h.parse::<Authority>().ok());
    let local = host.as_ref().is_some_and(|authority| {
        let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        address || !name.contains('.') || name.ends_with(".localhost")
    });
    if local {
        return Ok(());
    }
    let message = "Without credentials this server answers to localhost, names without a dot and addresses only.";
    Err(Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", message))
}
