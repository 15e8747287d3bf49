//! Signature Version 4: what is signed and with which key, as "Create a signed AWS API request" (IAM User Guide) says it.

use super::form::{Members, hex, push_escaped};
use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use sha2::{Digest, Sha256};

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Stands for the body's hash where the body was not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Of a presigned query, what is not signed because it is the signature.
const SIGNATURE: &str = "X-Amz-Signature";

/// A credential scope with the key in front: `AKIDEXAMPLE/20150830/us-east-1/ec2/aws4_request`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    pub(super) access_key: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

impl<'a> Scope<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Scope<'a>> {
        let mut parts = text.split('/');
        let mut next = || parts.next().filter(|p| !p.is_empty());
        let scope = Scope { access_key: next()?, date: next()?, region: next()?, service: next()? };
        (next()? == "aws4_request" && parts.next().is_none()).then_some(scope)
    }
}

/// A request as far as signatures cover it.
#[derive(Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) head: &'a Parts,
    /// The query string, decoded.
    pub(super) query: &'a Members,
    pub(super) body: &'a [u8],
}

/// Whether `signature` (hexadecimal) is that of the message, signed at `time` (`20150830T123600Z`) with this secret.
pub(super) fn verify(
    message: Message<'_>,
    scope: Scope<'_>,
    time: &str,
    signed_headers: &str,
    secret: &str,
    signature: &str,
) -> bool {
    let signature = unhex(signature);
    // In constant time.
    let verified = |mac: Hmac<Sha256>| signature.is_some_and(|s| mac.verify_slice(&s).is_ok());
    sign(message, scope, time, signed_headers, secret).is_some_and(verified)
}

/// What the signature should be; none: a header that is said to be signed is not there.
fn sign(
    message: Message<'_>,
    scope: Scope<'_>,
    time: &str,
    signed_headers: &str,
    secret: &str,
) -> Option<Hmac<Sha256>> {
    let Scope { date, region, service, .. } = scope;
    let hash = to_hex(&Sha256::digest(canonical_request(message, signed_headers)?));
    let text = format!("{ALGORITHM}\n{time}\n{date}/{region}/{service}/aws4_request\n{hash}");
    Some(mac(&signing_key(secret, scope), text.as_bytes()))
}

/// None as in [`sign`].
fn canonical_request(message: Message<'_>, signed_headers: &str) -> Option<Vec<u8>> {
    let Message { head, query, body } = message;
    let mut text = format!("{}\n", head.method);
    // Escaped once more: what the client signed was its escaped path, escaped.
    push_escaped(&mut text, normal_path(head.uri.path()).as_bytes(), b"/");
    text.push('\n');
    let escaped = |part: &String| {
        let mut out = String::new();
        push_escaped(&mut out, part.as_bytes(), b"");
        out
    };
    let members = query.iter().filter(|(name, _)| name != SIGNATURE);
    let mut members: Vec<_> = members.map(|(name, value)| (escaped(name), escaped(value))).collect();
    members.sort();
    for (i, (name, value)) in members.iter().enumerate() {
        let and = if i > 0 { "&" } else { "" };
        text += &format!("{and}{name}={value}");
    }
    text.push('\n');
    let mut out = text.into_bytes();
    for name in signed_headers.split(';') {
        let mut values = head.headers.get_all(name).iter().peekable();
        values.peek()?;
        out.extend([name.as_bytes(), b":"].concat());
        for (i, value) in values.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            let words = value.as_bytes().split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
            out.extend(words.collect::<Vec<_>>().join(&b' '));
        }
        out.push(b'\n');
    }
    out.extend([b"\n", signed_headers.as_bytes(), b"\n"].concat());
    if head.headers.get("x-amz-content-sha256").is_some_and(|h| h == UNSIGNED) {
        out.extend(UNSIGNED.as_bytes());
    } else {
        out.extend(to_hex(&Sha256::digest(body)).as_bytes());
    }
    Some(out)
}

/// Without empty segments, `.` and `..`.
fn normal_path(path: &str) -> String {
    let mut segments = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => _ = segments.pop(),
            segment => segments.push(segment),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

fn signing_key(secret: &str, scope: Scope<'_>) -> [u8; 32] {
    let step = |key: &[u8], text: &str| <[u8; 32]>::from(mac(key, text.as_bytes()).finalize().into_bytes());
    let date = step(format!("AWS4{secret}").as_bytes(), scope.date);
    let region = step(&date, scope.region);
    let service = step(&region, scope.service);
    step(&service, "aws4_request")
}

/// HMAC-SHA256 over a text.
pub(super) fn mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(text)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|d| char::from_digit(d.into(), 16)).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|&[high, low]| Some(hex(high)? << 4 | hex(low)?)).collect();
    if rest.is_empty() { bytes } else { None }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// As a client would write it.
    pub(in crate::http) fn signature(
        message: Message<'_>,
        scope: Scope<'_>,
        time: &str,
        signed_headers: &str,
        secret: &str,
    ) -> String {
        to_hex(&sign(message, scope, time, signed_headers, secret).unwrap().finalize().into_bytes())
    }

    #[test]
    fn the_documented_signing_key() {
        // "Deriving a signing key" of the AWS General Reference.
        let scope = Scope::parse("AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request").unwrap();
        let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", scope);
        assert_eq!(to_hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn paths_are_normalised() {
        for (path, normal) in [
            ("", "/"),
            ("/", "/"),
            ("//", "/"),
            ("/./", "/"),
            ("/a/..", "/"),
            ("/../../a", "/a"),
            ("//a//b//", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/b/..", "/a"),
            ("/%2e%2e/", "/%2e%2e/"),
        ] {
            assert_eq!(normal_path(path), normal, "{path}");
        }
    }

    #[test]
    fn scopes_have_five_parts() {
        let scope = Scope { access_key: "A", date: "20150830", region: "us-east-1", service: "ec2" };
        assert_eq!(Scope::parse("A/20150830/us-east-1/ec2/aws4_request"), Some(scope));
        for text in [
            "",
            "A",
            "A/20150830/us-east-1/ec2",
            "A/20150830/us-east-1/ec2/aws4",
            "A/20150830/us-east-1/ec2/aws4_request/",
            "/20150830/us-east-1/ec2/aws4_request",
            "A/20150830//ec2/aws4_request",
            "A/B/20150830/us-east-1/ec2/aws4_request",
        ] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hexadecimal_has_pairs() {
        assert_eq!(unhex("00fFa9"), Some(vec![0, 0xff, 0xa9]));
        assert_eq!(unhex("000"), None);
        assert_eq!(unhex("0g"), None);
        assert_eq!(unhex("\u{fc}\u{fc}"), None);
    }
}
