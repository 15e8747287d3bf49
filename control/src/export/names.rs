//! Logical ids: the label that a resource was made with, else its Name tag, else its type and a number. All are different.

use crate::model::{Id, Model};
use std::collections::{HashMap, HashSet};

/// A logical id has at most 255 characters; numbers and suffixes need room.
const LONGEST: usize = 200;

pub(super) struct Names<'a> {
    model: &'a Model,
    given: HashMap<Id, String>,
    used: HashSet<String>,
    /// Labels: nothing else is called so.
    reserved: HashSet<&'a str>,
    /// Numbers that were given out, by what comes before them.
    numbers: HashMap<String, usize>,
}

impl<'a> Names<'a> {
    pub(super) fn new(model: &'a Model) -> Names<'a> {
        let reserved = model.all_labels().iter().map(|l| l.label.as_str()).collect();
        Names { model, given: HashMap::new(), used: HashSet::new(), reserved, numbers: HashMap::new() }
    }

    /// What a resource was called.
    pub(super) fn get(&self, id: &str) -> Option<&String> {
        self.given.get(id)
    }

    /// Names a resource that may have a Name tag.
    pub(super) fn thing(&mut self, id: &str, kind: &str) -> String {
        let tag = self.model.tags(id).find(|(k, _)| *k == "Name").map(|(_, v)| legal(v)).filter(|n| !n.is_empty());
        match tag {
            Some(tag) => self.give(id, &tag, false),
            None => self.give(id, kind, true),
        }
    }

    /// Names a resource that is part of another one, such as an association.
    pub(super) fn part(&mut self, id: &str, stem: &str) -> String {
        self.give(id, stem, false)
    }

    fn give(&mut self, id: &str, stem: &str, numbered: bool) -> String {
        if let Some(name) = self.given.get(id) {
            return name.clone();
        }
        let label = self.model.labelled(id).filter(|l| !l.is_empty() && *l == legal(l) && !self.used.contains(*l));
        let name = match label {
            Some(label) => label.to_string(),
            None => self.fresh(stem, numbered),
        };
        self.used.insert(name.clone());
        self.given.insert(id.into(), name.clone());
        name
    }

    fn fresh(&mut self, stem: &str, numbered: bool) -> String {
        let free = |name: &str| !self.used.contains(name) && !self.reserved.contains(name);
        if !numbered && free(stem) {
            return stem.into();
        }
        let last = self.numbers.entry(stem.into()).or_insert(usize::from(!numbered));
        loop {
            *last += 1;
            let name = format!("{stem}{last}");
            if !self.used.contains(&name) && !self.reserved.contains(name.as_str()) {
                return name;
            }
        }
    }
}

/// What a logical id can keep of a text.
pub(super) fn legal(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(LONGEST).collect()
}
