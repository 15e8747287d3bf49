//! Signature Version 2, in the members of a request: old, but what Libcloud sends unless told otherwise.

use super::form::{Members, push_escaped};
use super::sigv4::mac;
use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::Mac;
use hyper::header;
use hyper::http::request::Parts;

pub(super) const SIGNATURE: &str = "Signature";

/// Whether `signature` (Base64) is that of a request with these members, those of the signature included.
pub(super) fn verify(head: &Parts, members: &Members, secret: &str, signature: &str) -> bool {
    let Ok(signature) = BASE64_STANDARD.decode(signature) else { return false };
    // In constant time.
    mac(secret.as_bytes(), string_to_sign(head, members).as_bytes()).verify_slice(&signature).is_ok()
}

fn string_to_sign(head: &Parts, members: &Members) -> String {
    let host = head.headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or("").to_ascii_lowercase();
    let mut text = format!("{}\n{host}\n{}\n", head.method, head.uri.path());
    let mut members: Vec<_> = members.iter().filter(|(name, _)| name != SIGNATURE).collect();
    members.sort();
    for (i, (name, value)) in members.into_iter().enumerate() {
        if i > 0 {
            text.push('&');
        }
        push_escaped(&mut text, name.as_bytes(), b"");
        text.push('=');
        push_escaped(&mut text, value.as_bytes(), b"");
    }
    text
}
