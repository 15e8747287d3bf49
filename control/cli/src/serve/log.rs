//! Structured log: one JSON object per line on stderr.

use serde_json::{Map, Value};
use std::io::Write;
use vpcd_control::ec2::timestamp;
use vpcd_control::region::now_ms;

/// Writes one line: time, level, message, and the fields of an object.
pub(super) fn line(level: &str, message: &str, fields: &Value) {
    let mut object = Map::new();
    object.insert("time".into(), timestamp(now_ms()).into());
    object.insert("level".into(), level.into());
    object.insert("message".into(), message.into());
    if let Value::Object(more) = fields {
        object.extend(more.clone());
    }
    // A log that cannot be written must not stop the service.
    let _ = writeln!(std::io::stderr().lock(), "{}", Value::Object(object));
}
