//! The parameters of one call: `Filter.1.Value.2=x` as a tree, read by type.
//!
//! Reading marks a parameter as known; what nobody asked for by the end of a call is refused ([`Params::all_known`]), so that a
//! misspelt parameter is never ignored silently. What AWS knows and this product does not act on is named by [`Params::ignore`].

use crate::model::{ApiError, Result, parse};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Keys and values, as sent.
pub type Tags = Vec<(String, String)>;

/// Parameters of a call, or of one structure in it.
#[derive(Debug, Default)]
pub struct Params {
    /// How this structure is called in the request, with a dot at the end; empty for the call itself.
    path: String,
    value: Option<String>,
    used: Cell<bool>,
    fields: BTreeMap<Key, Params>,
}

/// A member of a structure, or a place in a list. Lists may begin anywhere and have gaps: places are sorted, not counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Place(u32),
    Name(String),
}

impl Params {
    /// The tree of decoded form members. The last of equal names counts.
    pub fn new<K: AsRef<str>, V: Into<String>>(members: impl IntoIterator<Item = (K, V)>) -> Params {
        let mut root = Params::default();
        for (name, value) in members {
            let mut at = &mut root;
            for part in name.as_ref().split('.') {
                let key = match part.parse() {
                    Ok(place) => Key::Place(place),
                    Err(_) => Key::Name(part.into()),
                };
                let path = format!("{}{part}.", at.path);
                at = at.fields.entry(key).or_insert_with(|| Params { path, ..Params::default() });
            }
            at.value = Some(value.into());
        }
        root
    }

    /// A parameter as sent; none if it was not, or is empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        let field = self.field(name)?;
        field.used.set(true);
        field.value.as_deref().filter(|v| !v.is_empty())
    }

    /// A parameter as sent, empty text included.
    pub fn given(&self, name: &str) -> Option<&str> {
        let field = self.field(name)?;
        field.used.set(true);
        field.value.as_deref()
    }

    /// A parameter that must be there.
    pub fn need(&self, name: &str) -> Result<&str> {
        self.text(name).ok_or_else(|| self.missing(name))
    }

    /// A parameter of a type with a text form.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        self.text(name).map(|v| v.parse().map_err(|_| self.invalid(name, v))).transpose()
    }

    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>> {
        let Some(v) = self.text(name) else { return Ok(None) };
        match v.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(self.invalid(name, v)),
        }
    }

    /// An attribute as ModifyXAttribute calls spell it: `Name.Value=true`, or `Name=true`.
    pub fn attribute(&self, name: &str) -> Result<Option<bool>> {
        match self.structure(name) {
            Some(inner) if inner.field("Value").is_some() => inner.flag("Value"),
            _ => self.flag(name),
        }
    }

    pub fn cidr4(&self, name: &str) -> Result<Option<Ipv4Net>> {
        self.text(name).map(|v| parse::cidr4(v).map_err(|_| self.bad_cidr(name, v))).transpose()
    }
    pub fn cidr6(&self, name: &str) -> Result<Option<Ipv6Net>> {
        self.text(name).map(|v| parse::cidr6(v).map_err(|_| self.bad_cidr(name, v))).transpose()
    }
    pub fn cidr(&self, name: &str) -> Result<Option<IpNet>> {
        self.text(name).map(|v| parse::cidr(v).map_err(|_| self.bad_cidr(name, v))).transpose()
    }
    pub fn address4(&self, name: &str) -> Result<Option<Ipv4Addr>> {
        self.text(name).map(|v| v.parse().map_err(|_| self.invalid(name, v))).transpose()
    }
    pub fn address6(&self, name: &str) -> Result<Option<Ipv6Addr>> {
        self.text(name).map(|v| v.parse().map_err(|_| self.invalid(name, v))).transpose()
    }

    /// One of these words.
    pub fn word<'a>(&self, name: &str, words: &[&'a str]) -> Result<Option<&'a str>> {
        let Some(v) = self.text(name) else { return Ok(None) };
        match words.iter().find(|w| **w == v) {
            Some(w) => Ok(Some(w)),
            None => Err(ApiError::new(
                "InvalidParameterValue",
                format!(
                    "Value ({v}) for parameter {}{name} is invalid. Valid values: {}.",
                    self.path,
                    words.join(", ")
                ),
            )),
        }
    }

    /// The elements of a list of texts, in the order of their places.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let Some(list) = self.field(name) else { return Vec::new() };
        // Some clients send a list of one without a place.
        let single = list.value.as_deref().filter(|_| list.fields.is_empty());
        list.used.set(true);
        let places = list.fields.iter().filter(|(k, _)| matches!(k, Key::Place(_)));
        let listed = places.filter_map(|(_, item)| {
            item.used.set(true);
            item.value.as_deref()
        });
        single.into_iter().chain(listed).collect()
    }

    /// A list of texts, owned.
    pub fn ids(&self, name: &str) -> Vec<String> {
        self.texts(name).into_iter().map(String::from).collect()
    }

    /// The elements of a list of structures, in the order of their places.
    pub fn list(&self, name: &str) -> Vec<&Params> {
        let Some(list) = self.field(name) else { return Vec::new() };
        list.fields.iter().filter(|(k, _)| matches!(k, Key::Place(_))).map(|(_, item)| item).collect()
    }

    /// A structure.
    pub fn structure(&self, name: &str) -> Option<&Params> {
        self.field(name).filter(|f| !f.fields.is_empty())
    }

    /// Whether a parameter, list or structure of this name was sent.
    pub fn has(&self, name: &str) -> bool {
        self.field(name).is_some()
    }

    /// Parameters that AWS knows, with everything below them, and that change nothing here.
    pub fn ignore(&self, names: &[&str]) {
        names.iter().filter_map(|name| self.field(name)).for_each(Params::use_all);
    }

    /// Tags for a new resource of this kind (`TagSpecification.N`).
    pub fn new_tags(&self, kind: &str) -> Result<Tags> {
        Ok(self.tag_specifications(&[kind])?.into_iter().flat_map(|(_, tags)| tags).collect())
    }

    /// Tags for new resources by their kind, which must be one of `kinds`.
    pub fn tag_specifications(&self, kinds: &[&str]) -> Result<Vec<(String, Tags)>> {
        let mut out = Vec::new();
        for spec in self.list("TagSpecification").into_iter().chain(self.list("TagSpecifications")) {
            let kind = spec.need("ResourceType")?;
            if !kinds.contains(&kind) {
                return Err(ApiError::new(
                    "InvalidParameterValue",
                    format!("'{kind}' is not a valid taggable resource type for this operation."),
                ));
            }
            out.push((kind.to_string(), spec.tags("Tag")));
        }
        Ok(out)
    }

    /// A list of keys and values.
    pub fn tags(&self, name: &str) -> Tags {
        let pair = |t: &&Params| (t.given("Key").unwrap_or("").into(), t.given("Value").unwrap_or("").into());
        self.list(name).iter().map(pair).collect()
    }

    /// Refuses what nobody asked for.
    pub fn all_known(&self) -> Result<()> {
        match self.unknown() {
            Some(name) => Err(ApiError::new("UnknownParameter", format!("The parameter {name} is not recognized"))),
            None => Ok(()),
        }
    }

    /// All names and values, sorted: equal for equal calls.
    pub fn canonical(&self) -> Vec<(String, &str)> {
        let here = self.value.as_deref().map(|v| (self.path.trim_end_matches('.').to_string(), v));
        here.into_iter().chain(self.fields.values().flat_map(Params::canonical)).collect()
    }

    /// The refusal of a parameter that is not there.
    pub fn missing(&self, name: &str) -> ApiError {
        ApiError::new("MissingParameter", format!("The request must contain the parameter {}{name}", self.path))
    }

    /// The refusal of a value.
    pub fn invalid(&self, name: &str, value: &str) -> ApiError {
        ApiError::new("InvalidParameterValue", format!("Value ({value}) for parameter {}{name} is invalid.", self.path))
    }

    fn bad_cidr(&self, name: &str, value: &str) -> ApiError {
        let mut small = name.chars();
        let first = small.next().map(|c| c.to_ascii_lowercase());
        let name: String = first.into_iter().chain(small).collect();
        ApiError::new(
            "InvalidParameterValue",
            format!("Value ({value}) for parameter {name} is invalid. This is not a valid CIDR block."),
        )
    }

    fn field(&self, name: &str) -> Option<&Params> {
        self.fields.get(&Key::Name(name.into()))
    }

    fn use_all(&self) {
        self.used.set(true);
        self.fields.values().for_each(Params::use_all);
    }

    fn unknown(&self) -> Option<&str> {
        if self.value.is_some() && !self.used.get() {
            return Some(self.path.trim_end_matches('.'));
        }
        self.fields.values().find_map(Params::unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        Params::new(text.split('&').filter_map(|m| m.split_once('=')))
    }

    #[test]
    fn lists_may_begin_at_zero_and_have_gaps() {
        let p = params("VpcId.0=a&VpcId.7=c&VpcId.2=b&Filter.1.Name=x&Filter.1.Value.1=1&Filter.1.Value.2=2");
        assert_eq!(p.texts("VpcId"), ["a", "b", "c"]);
        let filters = p.list("Filter");
        assert_eq!((filters[0].text("Name"), filters[0].texts("Value")), (Some("x"), vec!["1", "2"]));
        assert!(p.all_known().is_ok());
    }

    #[test]
    fn what_nobody_asked_for_is_named_in_full() {
        let p = params("Filter.1.Nome=x&VpcId=v");
        assert_eq!(p.text("VpcId"), Some("v"));
        let refused = p.all_known().unwrap_err();
        assert_eq!(refused.code, "UnknownParameter");
        assert_eq!(refused.message, "The parameter Filter.1.Nome is not recognized");
        p.ignore(&["Filter"]);
        assert!(p.all_known().is_ok());
    }

    #[test]
    fn values_are_refused_by_the_name_of_their_parameter() {
        let p = params("A=maybe&B=x&C=10.0.0.0%2F33&S.1.D=y");
        assert_eq!(p.flag("A").unwrap_err().message, "Value (maybe) for parameter A is invalid.");
        assert_eq!(p.parsed::<u32>("B").unwrap_err().code, "InvalidParameterValue");
        assert_eq!(p.list("S")[0].parsed::<u8>("D").unwrap_err().message, "Value (y) for parameter S.1.D is invalid.");
        assert_eq!(p.need("E").unwrap_err().message, "The request must contain the parameter E");
        assert_eq!(p.flag("E"), Ok(None));
    }
}
