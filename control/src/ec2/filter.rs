//! `Filter.N.Name`, `Filter.N.Value.M` of Describe calls.

use super::params::Params;
use crate::model::{Model, Result, refuse};
use std::borrow::Cow;

/// What a resource has under the name of a filter: any of these may match.
pub(super) type Values<'a> = Vec<Cow<'a, str>>;

/// The filters of one call: all must hold, each by any of its values.
#[derive(Debug)]
pub(super) struct Filters {
    list: Vec<(String, Vec<String>)>,
}

impl Filters {
    /// Reads them; a name that is not in `known` is refused. `tag:KEY`, `tag-key` and `tag-value` always are known.
    pub(super) fn read(p: &Params, known: &[&str]) -> Result<Filters> {
        let mut list = Vec::new();
        for f in p.list("Filter") {
            let name = f.need("Name")?;
            if !known.contains(&name) && !name.starts_with("tag:") && name != "tag-key" && name != "tag-value" {
                return refuse("InvalidParameterValue", format!("The filter '{name}' is invalid"));
            }
            let values = f.ids("Value");
            if values.is_empty() {
                return refuse("InvalidParameterValue", format!("The filter '{name}' needs at least one value"));
            }
            list.push((name.to_string(), values));
        }
        Ok(Filters { list })
    }

    /// Whether something without tags of its own passes: `values` answers for names of tags too.
    pub(super) fn pass_alone<'a>(&self, values: impl Fn(&str) -> Values<'a>) -> bool {
        self.list.iter().all(|(name, wanted)| values(name).iter().any(|v| wanted.iter().any(|w| matches(w, v))))
    }

    /// Whether the resource `id` passes: `values(name)` is what it has under a name of `known`.
    pub(super) fn pass<'a>(&self, m: &'a Model, id: &'a str, values: impl Fn(&str) -> Values<'a>) -> bool {
        self.list.iter().all(|(name, wanted)| {
            let has: Values<'a> = match name.strip_prefix("tag:") {
                Some(key) => m.tags(id).filter(|(k, _)| *k == key).map(|(_, v)| v.into()).collect(),
                None if name == "tag-key" => m.tags(id).map(|(k, _)| k.into()).collect(),
                None if name == "tag-value" => m.tags(id).map(|(_, v)| v.into()).collect(),
                None => values(name),
            };
            has.iter().any(|v| wanted.iter().any(|w| matches(w, v)))
        })
    }
}

/// One value.
pub(super) fn one<'a>(value: impl Into<Cow<'a, str>>) -> Values<'a> {
    vec![value.into()]
}

/// The value if there is one.
pub(super) fn some<'a>(value: Option<impl Into<Cow<'a, str>>>) -> Values<'a> {
    value.into_iter().map(Into::into).collect()
}

/// Something with a text form.
pub(super) fn shown<'a>(value: impl ToString) -> Values<'a> {
    vec![value.to_string().into()]
}

/// All of these.
pub(super) fn each<'a, T: ToString>(values: impl IntoIterator<Item = T>) -> Values<'a> {
    values.into_iter().map(|v| v.to_string().into()).collect()
}

/// Whether a value fits a filter's pattern: `*` is any text, `?` any character, `\` takes their meaning away.
pub(super) fn matches(pattern: &str, value: &str) -> bool {
    let (p, v): (Vec<char>, Vec<char>) = (pattern.chars().collect(), value.chars().collect());
    let (mut i, mut j) = (0, 0);
    // Where to go back to: after the last `*`, with one more character eaten by it.
    let mut star: Option<(usize, usize)> = None;
    while j < v.len() {
        let literal = match p.get(i) {
            Some('*') => {
                star = Some((i + 1, j));
                i += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('\\') if p.get(i + 1) == Some(&v[j]) => Some(2),
            Some(c) if *c == v[j] => Some(1),
            _ => None,
        };
        match (literal, &mut star) {
            (Some(n), _) => (i, j) = (i + n, j + 1),
            (None, Some((after, eaten))) => {
                *eaten += 1;
                (i, j) = (*after, *eaten);
            }
            (None, None) => return false,
        }
    }
    p[i..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, value) in [
            ("abc", "abc"),
            ("a*", "abc"),
            ("*c", "abc"),
            ("*", ""),
            ("a?c", "abc"),
            ("a*b*c", "a1b2b3c"),
            (r"\*", "*"),
        ] {
            assert!(matches(pattern, value), "{pattern} {value}");
        }
        for (pattern, value) in [("abc", "ab"), ("a?", "abc"), (r"\*", "x"), ("", "x"), ("a*d", "abc"), ("ABC", "abc")]
        {
            assert!(!matches(pattern, value), "{pattern} {value}");
        }
    }
}
