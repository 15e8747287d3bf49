//! Answers of CloudWatch, in the encoding that the request came in.

use crate::ec2::{Xml, query_error, timestamp};
use crate::http::{Encoding, Response};
use ciborium::Value as Cbor;
use serde_json::{Value as Json, json};

/// Members of a structure, in order.
pub(super) type Fields = Vec<(&'static str, Value)>;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    Whole(i64),
    Number(f64),
    /// In milliseconds of the Unix epoch.
    Time(u64),
    List(Vec<Value>),
    Structure(Fields),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.into())
    }
}

/// A list of texts.
pub(super) fn texts(items: &[String]) -> Value {
    Value::List(items.iter().map(|t| t.as_str().into()).collect())
}

const NAMESPACE: &str = "http://monitoring.amazonaws.com/doc/2010-08-01/";

/// What an operation answers.
pub(super) fn answer(encoding: Encoding, action: &str, request_id: &str, fields: Fields) -> Response {
    match encoding {
        Encoding::Form => {
            let mut x = Xml::default();
            // Operations without members have no result element either.
            if !fields.is_empty() {
                x.within(&format!("{action}Result"), |x| fields.iter().for_each(|(name, value)| value.xml(x, name)));
            }
            x.within("ResponseMetadata", |x| x.put("RequestId", request_id));
            let body = format!("<{action}Response xmlns=\"{NAMESPACE}\">{}</{action}Response>", x.into_text());
            Response { status: 200, content_type: "text/xml", body: body.into_bytes() }
        }
        _ => document(encoding, 200, Value::Structure(fields)),
    }
}

/// A refusal, as clients of this encoding expect it.
pub fn refusal(encoding: Encoding, status: u16, code: &str, message: &str, request_id: &str) -> Response {
    if encoding == Encoding::Form {
        let body = query_error(NAMESPACE, code, message, request_id).into_bytes();
        return Response { status, content_type: "text/xml", body };
    }
    let fields = vec![("__type", code.into()), ("message", message.into())];
    document(encoding, status, Value::Structure(fields))
}

fn document(encoding: Encoding, status: u16, value: Value) -> Response {
    if encoding == Encoding::Json {
        let body = value.json().to_string().into_bytes();
        return Response { status, content_type: "application/x-amz-json-1.0", body };
    }
    let mut body = Vec::new();
    // Writing to memory does not fail.
    let _ = ciborium::into_writer(&value.cbor(), &mut body);
    Response { status, content_type: "application/cbor", body }
}

impl Value {
    fn xml(&self, x: &mut Xml, name: &str) {
        match self {
            Value::Text(text) => x.put(name, text),
            Value::Flag(flag) => x.put(name, flag),
            Value::Whole(number) => x.put(name, number),
            Value::Number(number) => x.put(name, number),
            Value::Time(ms) => x.put(name, timestamp(*ms)),
            Value::List(items) => x.within(name, |x| items.iter().for_each(|item| item.xml(x, "member"))),
            Value::Structure(fields) => x.within(name, |x| fields.iter().for_each(|(n, v)| v.xml(x, n))),
        }
    }

    fn json(&self) -> Json {
        match self {
            Value::Text(text) => json!(text),
            Value::Flag(flag) => json!(flag),
            Value::Whole(number) => json!(number),
            Value::Number(number) => json!(number),
            Value::Time(ms) => json!(*ms as f64 / 1e3),
            Value::List(items) => items.iter().map(Value::json).collect(),
            Value::Structure(fields) => fields.iter().map(|(n, v)| (n.to_string(), v.json())).collect(),
        }
    }

    fn cbor(&self) -> Cbor {
        match self {
            Value::Text(text) => Cbor::Text(text.clone()),
            Value::Flag(flag) => Cbor::Bool(*flag),
            Value::Whole(number) => Cbor::Integer((*number).into()),
            Value::Number(number) => Cbor::Float(*number),
            Value::Time(ms) => Cbor::Tag(1, Box::new(Cbor::Float(*ms as f64 / 1e3))),
            Value::List(items) => Cbor::Array(items.iter().map(Value::cbor).collect()),
            Value::Structure(fields) => {
                Cbor::Map(fields.iter().map(|(n, v)| (Cbor::Text(n.to_string()), v.cbor())).collect())
            }
        }
    }
}
