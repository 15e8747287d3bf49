//! `application/x-www-form-urlencoded`, strictly: what cannot be read is refused, not guessed at.

use std::collections::HashSet;

/// Names and values, decoded.
pub(super) type Members = [(String, String)];

/// Most members that one request may have, those of the query string and of the body together.
pub(super) const MAX_MEMBERS: usize = 10_000;

/// What is wrong with a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error("a percent sign is not followed by two hexadecimal digits, in the parameter {0}")]
    Escape(String),
    #[error("the parameter {0} is not UTF-8")]
    Utf8(String),
    #[error("a value has no parameter name")]
    Nameless,
    #[error("a parameter name contains a control character: {0}")]
    Name(String),
    #[error("the parameter {0} is given more than once")]
    Duplicate(String),
    #[error("there are more than {MAX_MEMBERS} parameters")]
    TooMany,
}

/// The members of a query string or a body, in order: names and values with `+` and escapes resolved. `&&` is no member,
/// `a` is `a=`.
pub fn decode(text: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let mut members = Vec::new();
    for member in text.split(|&b| b == b'&').filter(|m| !m.is_empty()) {
        if members.len() == MAX_MEMBERS {
            return Err(FormError::TooMany);
        }
        let (name, value) = match member.iter().position(|&b| b == b'=') {
            Some(at) => (&member[..at], &member[at + 1..]),
            None => (member, &member[member.len()..]),
        };
        let read = |part| {
            let bytes = unescape(part).ok_or_else(|| FormError::Escape(shown(name)))?;
            String::from_utf8(bytes).map_err(|_| FormError::Utf8(shown(name)))
        };
        let (name, value) = (read(name)?, read(value)?);
        if name.is_empty() {
            return Err(FormError::Nameless);
        }
        if name.contains(char::is_control) {
            return Err(FormError::Name(shown(name.as_bytes())));
        }
        members.push((name, value));
    }
    Ok(members)
}

/// The members of both places, in order; a name that comes twice could mean one thing here and another elsewhere.
pub(super) fn join(query: &Members, body: Vec<(String, String)>) -> Result<Vec<(String, String)>, FormError> {
    if query.len() + body.len() > MAX_MEMBERS {
        return Err(FormError::TooMany);
    }
    let mut members = query.to_vec();
    members.extend(body);
    let mut seen = HashSet::with_capacity(members.len());
    match members.iter().find(|(name, _)| !seen.insert(name)) {
        Some((name, _)) => Err(FormError::Duplicate(shown(name.as_bytes()))),
        None => Ok(members),
    }
}

/// Appends `text` with every byte escaped that RFC 3986 section 2.3 does not call unreserved, as signatures want it.
pub(super) fn push_escaped(out: &mut String, text: &[u8], keep: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &b in text {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) || keep.contains(&b) {
            out.push(b.into());
        } else {
            out.extend(['%', DIGITS[usize::from(b >> 4)].into(), DIGITS[usize::from(b & 15)].into()]);
        }
    }
}

fn unescape(part: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(part.len());
    let mut rest = part.iter();
    while let Some(&b) = rest.next() {
        out.push(match b {
            b'+' => b' ',
            b'%' => hex(*rest.next()?)? << 4 | hex(*rest.next()?)?,
            b => b,
        });
    }
    Some(out)
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|d| d as u8)
}

/// A name for a message: printable and short, whatever it was.
fn shown(name: &[u8]) -> String {
    const MOST: usize = 100;
    let text = name[..name.len().min(MOST)].escape_ascii().to_string();
    if name.len() > MOST { format!("{text}...") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn owned(members: &[(&str, &str)]) -> Vec<(String, String)> {
        members.iter().map(|&(n, v)| (n.into(), v.into())).collect()
    }

    #[test]
    fn forms_are_decoded() {
        for (text, members) in [
            ("", owned(&[])),
            ("&&", owned(&[])),
            ("Action=DescribeVpcs&Version=2016-11-15", owned(&[("Action", "DescribeVpcs"), ("Version", "2016-11-15")])),
            ("a", owned(&[("a", "")])),
            ("a=", owned(&[("a", "")])),
            ("a=b=c", owned(&[("a", "b=c")])),
            ("a+b=c+d", owned(&[("a b", "c d")])),
            ("a%2bb=%2B%26%3D%25", owned(&[("a+b", "+&=%")])),
            ("n=%C3%BC%e2%82%ac", owned(&[("n", "ü€")])),
            ("n=ü", owned(&[("n", "ü")])),
            ("b=1&a=2", owned(&[("b", "1"), ("a", "2")])),
            ("x=%00%0A", owned(&[("x", "\0\n")])),
        ] {
            assert_eq!(decode(text.as_bytes()), Ok(members), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_name() {
        for (text, error) in [
            (&b"a=%"[..], FormError::Escape("a".into())),
            (b"a=%4", FormError::Escape("a".into())),
            (b"Filter.1.Name=%zz", FormError::Escape("Filter.1.Name".into())),
            (b"a=%+1", FormError::Escape("a".into())),
            (b"%=1", FormError::Escape("%".into())),
            (b"a=\xff", FormError::Utf8("a".into())),
            (b"a=%ff", FormError::Utf8("a".into())),
            (b"a%ff=1", FormError::Utf8("a%ff".into())),
            (b"a=%ed%a0%80", FormError::Utf8("a".into())),
            (b"=1", FormError::Nameless),
            (b"=", FormError::Nameless),
            (b"a%0a=1", FormError::Name("a\\n".into())),
        ] {
            assert_eq!(decode(text), Err(error), "{}", text.escape_ascii());
        }
        let long = vec![b'n'; 1000];
        let Err(FormError::Escape(name)) = decode(&[&long[..], b"=%"].concat()) else { panic!() };
        assert_eq!(name.len(), 103);
    }

    #[test]
    fn names_are_unique_over_both_places() {
        let one = |n: &str| owned(&[(n, "1")]);
        assert_eq!(join(&one("a"), one("b")), Ok(owned(&[("a", "1"), ("b", "1")])));
        assert_eq!(join(&one("a"), one("a")), Err(FormError::Duplicate("a".into())));
        assert_eq!(join(&[], [one("a"), one("a")].concat()), Err(FormError::Duplicate("a".into())));
        assert!(join(&one("a"), one("A")).is_ok(), "names have case");
    }

    #[test]
    fn members_are_counted() {
        let text = |n: usize| (0..n).map(|i| format!("{i}=&")).collect::<String>();
        assert_eq!(decode(text(MAX_MEMBERS).as_bytes()).map(|m| m.len()), Ok(MAX_MEMBERS));
        assert_eq!(decode(text(MAX_MEMBERS + 1).as_bytes()), Err(FormError::TooMany));
        let full = decode(text(MAX_MEMBERS).as_bytes()).unwrap();
        assert_eq!(join(&full, owned(&[("a", "")])), Err(FormError::TooMany));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b'%'), Just(b'&'), Just(b'='), Just(b'+'), Just(b'f')], 0..200)) {
            if let Ok(members) = decode(&text) {
                prop_assert!(members.iter().all(|(n, _)| !n.is_empty()));
                let _ = join(&members.clone(), members);
            }
        }

        #[test]
        fn what_was_escaped_comes_back(members in proptest::collection::vec(("[^\\p{Cc}]{1,20}", any::<String>()), 0..20)) {
            let mut text = String::new();
            for (name, value) in &members {
                push_escaped(&mut text, name.as_bytes(), b"");
                text.push('=');
                push_escaped(&mut text, value.as_bytes(), b"");
                text.push('&');
            }
            prop_assert!(text.is_ascii());
            prop_assert_eq!(decode(text.as_bytes()), Ok(members));
        }
    }
}
