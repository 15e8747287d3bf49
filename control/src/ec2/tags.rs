//! Tags of all resources.

use super::filter::{Filters, Values, one};
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, write};
use crate::model::{Id, Model, Result};

pub(super) const OPERATIONS: &[Operation] =
    &[write("CreateTags", create_tags), write("DeleteTags", delete_tags), read("DescribeTags", describe_tags)];

fn resources(p: &Params) -> Result<Vec<Id>> {
    match p.ids("ResourceId") {
        ids if ids.is_empty() => Err(p.missing("resourceIdSet")),
        ids => Ok(ids),
    }
}

fn create_tags(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let (resources, tags) = (resources(p)?, p.tags("Tag"));
    if tags.is_empty() {
        return Err(p.missing("tagSet"));
    }
    m.create_tags(&resources, &tags)?;
    x.done();
    Ok(())
}

fn delete_tags(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let tag = |t: &&Params| (t.given("Key").unwrap_or("").to_string(), t.given("Value").map(String::from));
    let tags: Vec<_> = p.list("Tag").iter().map(tag).collect();
    m.delete_tags(&resources(p)?, &tags)?;
    x.done();
    Ok(())
}

/// One tag of one resource.
struct Tag<'a> {
    resource: &'a str,
    kind: &'static str,
    key: &'a str,
    value: &'a str,
}

fn describe_tags(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let filters = Filters::read(p, &["key", "resource-id", "resource-type", "value"])?;
    // A page ends at a tag's place: its resource's, then its own among the fifty that a resource may have.
    let tags = m.all_tags().iter().flat_map(|set| {
        let at = m.all_tags().place(&set.id).unwrap_or(0) << 6;
        let kind = m.kind_of(&set.id).ok();
        (at..)
            .zip(&set.tags)
            .filter_map(move |(place, (key, value))| Some((place, Tag { resource: &set.id, kind: kind?, key, value })))
    });
    let kept = tags.filter(|(_, t)| filters.pass_alone(|name| values(t, name)));
    Page::cut(p, kept)?.write(x, "tagSet", |x, t| {
        x.put("resourceId", t.resource);
        x.put("resourceType", t.kind);
        x.put("key", t.key);
        x.put("value", t.value);
    });
    Ok(())
}

fn values<'a>(t: &Tag<'a>, name: &str) -> Values<'a> {
    match name {
        "key" | "tag-key" => one(t.key),
        "value" | "tag-value" => one(t.value),
        "resource-id" => one(t.resource),
        "resource-type" => one(t.kind),
        _ if name.strip_prefix("tag:") == Some(t.key) => one(t.value),
        _ => Vec::new(),
    }
}
