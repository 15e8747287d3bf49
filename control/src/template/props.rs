//! Evaluated properties, read by type.

use super::eval::{Data, Fail, Value, as_text};
use super::{Pos, Problem};
use crate::model::{ApiError, parse};
use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The properties of a resource, or of a map inside one.
#[derive(Debug)]
pub(super) struct Props {
    pub(super) pos: Pos,
    items: Vec<(String, Pos, Value)>,
}

type Read<T> = Result<T, Fail>;

/// A refusal of the model, at a place.
pub(super) fn at(pos: Pos) -> impl Fn(ApiError) -> Fail {
    move |e| Fail::Loud(Problem::new(pos, e.code, e.message))
}

fn wrong<T>(pos: Pos, name: &str, needed: &str) -> Read<T> {
    Err(Fail::Loud(Problem::new(pos, "ValidationError", format!("Value of property {name} must be {needed}"))))
}

impl Props {
    /// From an evaluated map (nothing at all counts as empty).
    pub(super) fn of(pos: Pos, value: Option<Value>) -> Read<Props> {
        match value {
            None => Ok(Props { pos, items: Vec::new() }),
            Some(Value { data: Data::Map(items), .. }) => Ok(Props { pos, items }),
            Some(Value { data: Data::NoValue, .. }) => Ok(Props { pos, items: Vec::new() }),
            Some(v) => wrong(v.pos, "Properties", "an object"),
        }
    }

    /// Where a property stands, else the resource.
    pub(super) fn pos(&self, name: &str) -> Pos {
        self.items.iter().find(|(n, _, _)| n == name).map_or(self.pos, |(_, p, _)| *p)
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.items.iter().find(|(n, _, _)| n == name).map(|(_, _, v)| v)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(super) fn text(&self, name: &str) -> Read<Option<String>> {
        match self.value(name) {
            None => Ok(None),
            Some(v) => as_text(v).map(Some).or_else(|_| wrong(v.pos, name, "a text")),
        }
    }

    /// A text that must be there; shape was checked, so only a function can have taken it away.
    pub(super) fn need(&self, name: &str) -> Read<String> {
        match self.text(name)? {
            Some(t) => Ok(t),
            None => {
                Err(Fail::Loud(Problem::new(self.pos, "ValidationError", format!("Property {name} cannot be empty."))))
            }
        }
    }

    /// A text read further by one of the model's readers.
    fn read<T>(&self, name: &str, f: impl Fn(&str) -> Result<T, ApiError>) -> Read<Option<T>> {
        match self.text(name)? {
            None => Ok(None),
            Some(t) => f(&t).map(Some).map_err(at(self.pos(name))),
        }
    }

    pub(super) fn cidr4(&self, name: &str) -> Read<Option<Ipv4Net>> {
        self.read(name, parse::cidr4)
    }
    pub(super) fn cidr6(&self, name: &str) -> Read<Option<Ipv6Net>> {
        self.read(name, parse::cidr6)
    }
    pub(super) fn address4(&self, name: &str) -> Read<Option<Ipv4Addr>> {
        self.read(name, parse::address4)
    }
    pub(super) fn address6(&self, name: &str) -> Read<Option<Ipv6Addr>> {
        self.read(name, parse::address6)
    }

    pub(super) fn int(&self, name: &str) -> Read<Option<i32>> {
        match self.text(name)? {
            None => Ok(None),
            Some(t) => t.trim().parse().map(Some).or_else(|_| wrong(self.pos(name), name, "a whole number")),
        }
    }

    pub(super) fn count(&self, name: &str) -> Read<Option<u32>> {
        match self.int(name)? {
            None => Ok(None),
            Some(n) => u32::try_from(n).map(Some).or_else(|_| wrong(self.pos(name), name, "a number from 0")),
        }
    }

    pub(super) fn bool(&self, name: &str) -> Read<Option<bool>> {
        match self.text(name)?.as_deref().map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => wrong(self.pos(name), name, "true or false"),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Read<Vec<String>> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value { data: Data::List(l), .. }) => l.iter().map(as_text).collect(),
            Some(v) => wrong(v.pos, name, "a list"),
        }
    }

    pub(super) fn object(&self, name: &str) -> Read<Option<Props>> {
        match self.value(name) {
            None => Ok(None),
            Some(v) => Props::of(v.pos, Some(v.clone())).map(Some),
        }
    }

    pub(super) fn objects(&self, name: &str) -> Read<Vec<Props>> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value { data: Data::List(l), .. }) => l.iter().map(|v| Props::of(v.pos, Some(v.clone()))).collect(),
            Some(v) => wrong(v.pos, name, "a list"),
        }
    }

    /// Exactly one of these properties must be given; answers which.
    pub(super) fn one_of<'a>(&self, names: &[&'a str]) -> Read<&'a str> {
        let mut given = names.iter().filter(|n| self.has(n));
        match (given.next(), given.next()) {
            (Some(n), None) => Ok(n),
            (None, _) => Err(Fail::Loud(Problem::new(
                self.pos,
                "MissingParameter",
                format!("One of {} must be given", names.join(", ")),
            ))),
            (Some(_), Some(second)) => Err(Fail::Loud(Problem::new(
                self.pos(second),
                "InvalidParameterCombination",
                format!("Only one of {} may be given", names.join(", ")),
            ))),
        }
    }
}
