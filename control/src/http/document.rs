//! Documents in place of forms: some AWS services speak JSON (`awsJson1_0`) and CBOR (Smithy RPC v2) besides forms, and current
//! clients choose one of those. A document is read to the members that a form would have said the same with: structures by dots, lists by
//! `.member.N`, numbers, flags and times as text. So there is one kind of request behind the front end.

use super::form::{FormError, MAX_MEMBERS};
use ciborium::Value as Cbor;
use hyper::header::HeaderMap;
use serde_json::Value as Json;

/// How a request is written, and how its answer is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A form; the answer is XML.
    #[default]
    Form,
    /// `application/x-amz-json-1.0`, the operation named by `X-Amz-Target`.
    Json,
    /// Smithy RPC v2: `application/cbor`, the operation named by the path.
    Cbor,
}

/// What a document is that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    #[error("the body is not well-formed {0}")]
    Malformed(&'static str),
    #[error("the body is not a structure with named members")]
    NotAStructure,
    #[error("the member {0} is of a type that no operation takes")]
    Type(String),
    #[error(transparent)]
    Form(#[from] FormError),
}

/// The encoding of a request that is no form, and the operation it names.
pub(super) fn asked<'a>(headers: &'a HeaderMap, path: &'a str) -> Option<(Encoding, &'a str)> {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(target) = header("x-amz-target") {
        return Some((Encoding::Json, target.rsplit('.').next().unwrap_or(target)));
    }
    if header("smithy-protocol") == Some("rpc-v2-cbor") {
        let (_, operation) = path.strip_prefix("/service/")?.split_once("/operation/")?;
        return Some((Encoding::Cbor, operation));
    }
    None
}

/// The members of a document; an empty body is one without members.
pub fn members(encoding: Encoding, body: &[u8]) -> Result<Vec<(String, String)>, DocumentError> {
    let mut out = Members(Vec::new());
    if body.is_empty() {
        return Ok(out.0);
    }
    match encoding {
        Encoding::Form => return Ok(super::form::decode(body)?),
        Encoding::Json => {
            let document = serde_json::from_slice(body).map_err(|_| DocumentError::Malformed("JSON"))?;
            let Json::Object(fields) = document else { return Err(DocumentError::NotAStructure) };
            fields.iter().try_for_each(|(name, value)| out.json(name, value))?;
        }
        Encoding::Cbor => {
            let document = ciborium::from_reader(body).map_err(|_| DocumentError::Malformed("CBOR"))?;
            let Cbor::Map(fields) = document else { return Err(DocumentError::NotAStructure) };
            fields.iter().try_for_each(|(name, value)| out.cbor(key(name)?, value))?;
        }
    }
    Ok(out.0)
}

struct Members(Vec<(String, String)>);

impl Members {
    fn put(&mut self, name: &str, value: impl ToString) -> Result<(), DocumentError> {
        if self.0.len() == MAX_MEMBERS {
            return Err(FormError::TooMany.into());
        }
        if name.is_empty() || name.contains(char::is_control) {
            return Err(FormError::Name(name.escape_debug().to_string()).into());
        }
        self.0.push((name.into(), value.to_string()));
        Ok(())
    }

    fn json(&mut self, name: &str, value: &Json) -> Result<(), DocumentError> {
        match value {
            Json::Null => Ok(()),
            Json::Bool(flag) => self.put(name, flag),
            Json::Number(number) => self.put(name, number),
            Json::String(text) => self.put(name, text),
            Json::Array(items) => places(name, items).try_for_each(|(name, item)| self.json(&name, item)),
            Json::Object(fields) => fields.iter().try_for_each(|(k, v)| self.json(&format!("{name}.{k}"), v)),
        }
    }

    fn cbor(&mut self, name: &str, value: &Cbor) -> Result<(), DocumentError> {
        match value {
            Cbor::Null => Ok(()),
            Cbor::Bool(flag) => self.put(name, flag),
            Cbor::Integer(number) => self.put(name, i128::from(*number)),
            Cbor::Float(number) => self.put(name, number),
            Cbor::Text(text) => self.put(name, text),
            // Tag 1 is a time: seconds since 1970.
            Cbor::Tag(1, seconds) if seconds.is_integer() || seconds.is_float() => self.cbor(name, seconds),
            Cbor::Array(items) => places(name, items).try_for_each(|(name, item)| self.cbor(&name, item)),
            Cbor::Map(fields) => fields.iter().try_for_each(|(k, v)| self.cbor(&format!("{name}.{}", key(k)?), v)),
            _ => Err(DocumentError::Type(name.into())),
        }
    }
}

fn key(name: &Cbor) -> Result<&str, DocumentError> {
    name.as_text().ok_or(DocumentError::NotAStructure)
}

fn places<'a, T>(name: &'a str, items: &'a [T]) -> impl Iterator<Item = (String, &'a T)> {
    items.iter().enumerate().map(move |(n, item)| (format!("{name}.member.{}", n + 1), item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(encoding: Encoding, body: &[u8]) -> Result<Vec<String>, String> {
        let read = members(encoding, body).map_err(|e| e.to_string())?;
        Ok(read.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
    }

    /// A CBOR document with the same content as a JSON one; numbers under `Time` become times.
    fn cbor(json: &Json) -> Cbor {
        match json {
            Json::Null => Cbor::Null,
            Json::Bool(b) => Cbor::Bool(*b),
            Json::Number(n) => n.as_i64().map_or_else(|| Cbor::Float(n.as_f64().unwrap()), |i| Cbor::Integer(i.into())),
            Json::String(s) => Cbor::Text(s.clone()),
            Json::Array(a) => Cbor::Array(a.iter().map(cbor).collect()),
            Json::Object(o) => Cbor::Map(
                o.iter()
                    .map(|(k, v)| match k.as_str() {
                        "Time" => (Cbor::Text(k.clone()), Cbor::Tag(1, Box::new(cbor(v)))),
                        _ => (Cbor::Text(k.clone()), cbor(v)),
                    })
                    .collect(),
            ),
        }
    }

    fn bytes(value: &Cbor) -> Vec<u8> {
        let mut out = Vec::new();
        ciborium::into_writer(value, &mut out).unwrap();
        out
    }

    #[test]
    fn documents_say_what_a_form_would() {
        let text = r#"{"Name":"a b","Time":1700000000.5,"Period":60,"On":true,"None":null,
            "Dimensions":[{"Name":"x","Value":"y"},{"Name":"z","Value":""}],"Stat":{"Metric":{"Name":"m"}}}"#;
        let want = [
            "Name=a b",
            "Time=1700000000.5",
            "Period=60",
            "On=true",
            "Dimensions.member.1.Name=x",
            "Dimensions.member.1.Value=y",
            "Dimensions.member.2.Name=z",
            "Dimensions.member.2.Value=",
            "Stat.Metric.Name=m",
        ];
        assert_eq!(told(Encoding::Json, text.as_bytes()).unwrap(), want);
        let document = cbor(&serde_json::from_str(text).unwrap());
        assert_eq!(told(Encoding::Cbor, &bytes(&document)).unwrap(), want);
        assert_eq!(told(Encoding::Cbor, b"").unwrap(), [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let refused = |encoding, body: &[u8]| told(encoding, body).unwrap_err();
        assert_eq!(refused(Encoding::Json, b"{"), "the body is not well-formed JSON");
        assert_eq!(refused(Encoding::Cbor, &[0xff]), "the body is not well-formed CBOR");
        assert_eq!(refused(Encoding::Json, b"[]"), "the body is not a structure with named members");
        let blob = Cbor::Map(vec![(Cbor::Text("A".into()), Cbor::Bytes(vec![1]))]);
        assert_eq!(refused(Encoding::Cbor, &bytes(&blob)), "the member A is of a type that no operation takes");
        let numbered = Cbor::Map(vec![(Cbor::Integer(1.into()), Cbor::Null)]);
        assert_eq!(refused(Encoding::Cbor, &bytes(&numbered)), "the body is not a structure with named members");
        assert_eq!(refused(Encoding::Json, b"{\"a\\n\":1}"), "a parameter name contains a control character: a\\n");
        let many = format!("{{\"A\":[{}0]}}", "0,".repeat(MAX_MEMBERS));
        assert_eq!(refused(Encoding::Json, many.as_bytes()), "there are more than 10000 parameters");
        let deep = format!("{{\"A\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(refused(Encoding::Json, deep.as_bytes()), "the body is not well-formed JSON");
        let deep = [b"\xa1aA".to_vec(), vec![0x81; 100_000], vec![0]].concat();
        assert_eq!(refused(Encoding::Cbor, &deep), "the body is not well-formed CBOR");
    }

    proptest! {
        #[test]
        fn nothing_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (members(Encoding::Json, &body), members(Encoding::Cbor, &body));
        }
    }
}
