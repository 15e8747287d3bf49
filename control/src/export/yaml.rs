//! JSON values as YAML in block style, functions in their short forms.

use serde_json::{Map, Value};
use std::fmt::Write;

/// The text of a document.
pub(super) fn text(document: &Value) -> String {
    let mut out = String::new();
    if let Value::Object(map) = document {
        for (i, (key, value)) in map.iter().enumerate() {
            if i > 0 && key == "Resources" {
                out.push('\n');
            }
            entry(&mut out, key, value, 0);
        }
    }
    out
}

fn entry(out: &mut String, key: &str, value: &Value, depth: usize) {
    let _ = write!(out, "{:depth$}{}:", "", scalar(key), depth = depth * 2);
    below(out, value, depth);
}

/// What comes after a key or a dash.
fn below(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Object(map) if !map.is_empty() && short(map).is_none() => {
            out.push('\n');
            map.iter().for_each(|(k, v)| entry(out, k, v, depth + 1));
        }
        Value::Array(list) if list.iter().any(|v| matches!(v, Value::Object(m) if short(m).is_none())) => {
            out.push('\n');
            for item in list {
                let _ = writeln!(out, "{:depth$}- {}", "", flow(item), depth = (depth + 1) * 2);
            }
        }
        other => {
            let _ = writeln!(out, " {}", flow(other));
        }
    }
}

/// On one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => match short(map) {
            Some(text) => text,
            None => {
                let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{}: {}", scalar(k), flow(v))).collect();
                format!("{{{}}}", pairs.join(", "))
            }
        },
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::String(text) => scalar(text),
        other => other.to_string(),
    }
}

/// `!Ref x` and its kind.
fn short(map: &Map<String, Value>) -> Option<String> {
    let (name, argument) = map.iter().next().filter(|_| map.len() == 1)?;
    Some(match (name.as_str(), argument) {
        ("Ref", Value::String(id)) => format!("!Ref {}", scalar(id)),
        ("Fn::GetAtt", Value::Array(list)) => match list.as_slice() {
            [Value::String(id), Value::String(attribute)] => format!("!GetAtt {id}.{attribute}"),
            _ => return None,
        },
        ("Fn::Select", Value::Array(_)) => format!("!Select {}", flow(argument)),
        ("Fn::GetAZs", Value::String(_)) => format!("!GetAZs {}", flow(argument)),
        ("Fn::Base64", Value::String(_)) => format!("!Base64 {}", flow(argument)),
        _ => return None,
    })
}

/// Plain if every reader of YAML takes it for this text and nothing else; else in quotes, which JSON and YAML have in common.
fn scalar(text: &str) -> String {
    const WORDS: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:".contains(&b))
        && !text.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && text.parse::<f64>().is_err();
    if plain { text.into() } else { Value::from(text).to_string() }
}
