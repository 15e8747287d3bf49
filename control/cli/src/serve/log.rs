//! Structured log: one JSON object per line on stderr.

use serde_json::{Map, Value};
use std::io::Write;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use vpcd_control::ec2::timestamp;
use vpcd_control::region::now_ms;

/// What a line is worth; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Level {
    /// Something is not as it should be.
    Error,
    /// Somebody may want to know.
    Warning,
    /// Each call.
    Info,
}

static MOST: AtomicU8 = AtomicU8::new(Level::Info as u8);

/// From now on only lines of this level and those before it are written.
pub(super) fn limit(level: Level) {
    MOST.store(level as u8, Relaxed);
}

/// Whether lines of a level are written.
pub(super) fn writes(level: Level) -> bool {
    level as u8 <= MOST.load(Relaxed)
}

/// Writes one line: time, level, message, and the fields of an object.
pub(super) fn line(level: Level, message: &str, fields: &Value) {
    if !writes(level) {
        return;
    }
    let name = match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "info",
    };
    let mut object = Map::new();
    object.insert("time".into(), timestamp(now_ms()).into());
    object.insert("level".into(), name.into());
    object.insert("message".into(), message.into());
    if let Value::Object(more) = fields {
        object.extend(more.clone());
    }
    // Formatted first: stderr is not buffered, and a call's line would be a hundred writes.
    let line = format!("{}\n", Value::Object(object));
    // A log that cannot be written must not stop the service.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
