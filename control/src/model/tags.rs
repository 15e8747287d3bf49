//! Tags of resources, and client tokens.

use super::*;

/// Tags that one resource may have.
const MAX_TAGS: usize = 50;

impl Model {
    /// The tags of a resource, by key.
    pub fn tags(&self, id: &str) -> impl Iterator<Item = (&str, &str)> {
        self.tags.get(id).into_iter().flat_map(|t| &t.tags).map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The names that people know resources by.
    pub fn all_labels(&self) -> &Shelf<Label> {
        &self.labels
    }

    /// All tags, for DescribeTags.
    pub fn all_tags(&self) -> &Shelf<TagSet> {
        &self.tags
    }

    /// CreateTags: sets them on every resource, or on none.
    pub fn create_tags(&mut self, resources: &[Id], tags: &[(String, String)]) -> Result<()> {
        for id in resources {
            self.kind_of(id)?;
        }
        for (key, value) in tags {
            if key.is_empty() {
                return refuse("InvalidParameterValue", "Tag key cannot be empty.");
            }
            if key.starts_with("aws:") {
                return refuse("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use");
            }
            if key.chars().count() > 128 {
                return refuse("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters");
            }
            if value.chars().count() > 256 {
                return refuse("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters");
            }
        }
        for id in resources {
            let mut all = self.tags.get(id).map(|t| t.tags.clone()).unwrap_or_default();
            all.extend(tags.iter().cloned());
            if all.len() > MAX_TAGS {
                return refuse("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
            }
        }
        if tags.is_empty() {
            return Ok(());
        }
        for id in resources {
            if self.tags.get(id).is_none() {
                self.tags.put(TagSet { id: id.clone(), tags: BTreeMap::new() });
            }
            self.tags.edit(id, |t| t.tags.extend(tags.iter().cloned()));
        }
        Ok(())
    }

    /// Notes which resource of a template this is, as CloudFormation does; what takes no tags is passed over.
    pub(crate) fn tag_logical_id(&mut self, id: &str, logical: &str) {
        if self.kind_of(id).is_err() {
            return;
        }
        if self.tags.get(id).is_none() {
            self.tags.put(TagSet { id: id.into(), tags: BTreeMap::new() });
        }
        self.tags.edit(id, |t| _ = t.tags.insert("aws:cloudformation:logical-id".into(), logical.into()));
    }

    /// DeleteTags: by key, and by value where one is given; no keys: all. What is not there is not missed.
    pub fn delete_tags(&mut self, resources: &[Id], tags: &[(String, Option<String>)]) -> Result<()> {
        for id in resources {
            self.kind_of(id)?;
        }
        let goes = |k: &String, v: &String| {
            tags.is_empty() || tags.iter().any(|(key, value)| key == k && value.as_ref().is_none_or(|x| x == v))
        };
        for id in resources {
            self.tags.edit(id, |t| t.tags.retain(|k, v| !goes(k, v)));
            if self.tags.get(id).is_some_and(|t| t.tags.is_empty()) {
                self.tags.take(id);
            }
        }
        Ok(())
    }

    /// What people attached to a resource that is gone.
    pub(super) fn forget(&mut self, id: &str) {
        self.tags.take(id);
        self.labels.take(id);
    }

    /// The answer that a call with this token got, if it was the same call (its parameters digest to `request`).
    pub fn answered(&self, operation: &str, token: &str, request: u64) -> Result<Option<&str>> {
        let Some(known) = self.tokens.get(&format!("{operation} {token}")) else { return Ok(None) };
        if known.request != request {
            return refuse(
                "IdempotentParameterMismatch",
                "The request uses the same client token as a previous, but non-identical request.",
            );
        }
        Ok(Some(&known.answer))
    }

    /// Remembers what a call with a token was answered; the oldest go when there are too many.
    pub fn remember_token(&mut self, operation: &str, token: &str, request: u64, answer: &str) {
        const KEPT: usize = 10_000;
        let oldest = self.tokens.iter().next().map(|t| t.id.clone());
        if let Some(id) = oldest.filter(|_| self.tokens.len() >= KEPT) {
            self.tokens.take(&id);
        }
        let id = format!("{operation} {token}");
        self.tokens.put(ClientToken { id, request, answer: answer.into(), at: self.now });
    }
}
