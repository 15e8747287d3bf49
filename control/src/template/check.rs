//! The shape of resources against the tables of [`schema`](super::schema), before anything is made.

use super::functions::{Found, Scope, is_call, walk};
use super::schema::{self, Kind as Shape, Prop, Type, Use};
use super::yaml::{Key, Kind, Node};
use super::{Pos, Problem};
use crate::model::parse;
use std::collections::BTreeSet;

/// One resource of the template, checked.
pub(super) struct Resource<'a> {
    pub(super) logical: &'a str,
    pub(super) pos: Pos,
    pub(super) role: Role,
    pub(super) properties: Option<&'a Node>,
    pub(super) condition: Option<&'a str>,
    /// Resources that must be there first.
    pub(super) needs: BTreeSet<String>,
    /// Something is wrong with it already.
    pub(super) broken: bool,
}

/// What a resource is to us.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Typed(&'static Type),
    /// cdk's custom resource that empties a VPC's default group.
    RestrictDefaultGroup,
    /// Accepted without effect.
    Nothing,
}

/// Prefix of the logical ids of cdk's helpers of `Custom::VpcRestrictDefaultSG`.
const CDK_HELPER: &str = "CustomVpcRestrictDefaultSGCustomResourceProvider";

/// Keys of a resource beside its properties.
const RESOURCE_KEYS: [&str; 8] = [
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "CreationPolicy",
];

/// Checks one resource; problems and warnings are appended with its name.
pub(super) fn resource<'a>(
    key: &'a Key,
    node: &'a Node,
    scope: &Scope<'a>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) -> Resource<'a> {
    let mut found = Found::default();
    let mut out = Resource {
        logical: &key.text,
        pos: key.pos,
        role: Role::Nothing,
        properties: node.get("Properties"),
        condition: None,
        needs: BTreeSet::new(),
        broken: true,
    };
    if key.text.is_empty() || !key.text.chars().all(|c| c.is_ascii_alphanumeric()) {
        found.problem(key.pos, format!("Template format error: Resource name {} is non alphanumeric.", key.text));
    }
    let mut warn = Vec::new();
    match node.map() {
        None => found.problem(node.pos, "Template format error: a resource must be an object"),
        Some(map) => {
            for (k, _) in map.iter().filter(|(k, _)| !RESOURCE_KEYS.contains(&k.text.as_str())) {
                found.problem(k.pos, format!("Invalid template resource property '{}'", k.text));
            }
            role(&mut out, node, scope, &mut found, &mut warn);
        }
    }
    out.broken = !found.problems.is_empty();
    out.needs.extend(found.needs.into_keys());
    problems.extend(found.problems.into_iter().map(|p| p.of(&key.text)));
    warnings.extend(warn.into_iter().map(|p| p.of(&key.text)));
    out
}

fn role<'a>(out: &mut Resource<'a>, node: &'a Node, scope: &Scope<'a>, found: &mut Found, warn: &mut Vec<Problem>) {
    let Some(kind) = node.get("Type").and_then(Node::text) else {
        return found.problem(out.pos, "Template format error: every resource needs a Type");
    };
    let type_pos = node.get("Type").map_or(out.pos, |n| n.pos);
    if let Some(c) = node.get("Condition") {
        match c.text() {
            Some(name) if scope.conditions.contains(name) => out.condition = Some(name),
            _ => found.problem(
                c.pos,
                "Template format error: Unresolved condition dependency in the Resources block of the template",
            ),
        }
    }
    depends_on(node, scope, found);
    if let Some(p) = node.get("CreationPolicy") {
        warn.push(Problem::new(p.pos, "Ignored", "CreationPolicy has no effect here"));
    }
    out.role = match kind {
        "AWS::CDK::Metadata" => return,
        "Custom::VpcRestrictDefaultSG" => Role::RestrictDefaultGroup,
        "AWS::IAM::Role" | "AWS::Lambda::Function" if out.logical.starts_with(CDK_HELPER) => {
            warn.push(Problem::new(
                type_pos,
                "Ignored",
                format!("{kind} is a helper of cdk and is not made; its work is done here"),
            ));
            out.needs.clear();
            found.needs.clear();
            return;
        }
        _ => match schema::find(kind) {
            Some(t) => Role::Typed(t),
            None => {
                let known = kind.starts_with("AWS::") || kind.starts_with("Custom::");
                let code = if known { "UnsupportedOperation" } else { "ValidationError" };
                found.problems.push(Problem::new(type_pos, code, format!("Resource type {kind} is not supported")));
                return;
            }
        },
    };
    match (out.role, out.properties) {
        (Role::Typed(t), Some(p)) if is_call(p) => {
            found.problem(p.pos, format!("Properties of {} must be an object", t.name));
        }
        (Role::Typed(t), Some(p)) => object(p, t.properties, "", scope, found, warn),
        (Role::Typed(t), None) => {
            for Prop(name, _, _) in t.properties.iter().filter(|p| p.2 == Use::Required) {
                found.problem(out.pos, format!("Property {name} cannot be empty."));
            }
        }
        (_, Some(p)) => walk(p, scope, false, found),
        _ => {}
    }
}

fn depends_on(node: &Node, scope: &Scope<'_>, found: &mut Found) {
    let Some(d) = node.get("DependsOn") else { return };
    let names: Vec<&Node> = match &d.kind {
        Kind::List(l) => l.iter().collect(),
        _ => vec![d],
    };
    for n in names {
        match n.text() {
            Some(name) if scope.resources.contains_key(name) => {
                found.needs.entry(name.into()).or_insert(n.pos);
            }
            Some(name) => found.problem(n.pos, format!("Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template")),
            None => found.problem(n.pos, "Template format error: DependsOn needs the names of resources"),
        }
    }
}

fn object(
    node: &Node,
    table: &'static [Prop],
    path: &str,
    scope: &Scope<'_>,
    found: &mut Found,
    warn: &mut Vec<Problem>,
) {
    let Some(map) = node.map() else {
        let what = if path.is_empty() { "Properties" } else { path };
        return found.problem(node.pos, format!("Value of property {what} must be an object"));
    };
    for (key, value) in map {
        let name = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
        match table.iter().find(|p| p.0 == key.text) {
            None => found.problem(key.pos, format!("Encountered unsupported property {name}")),
            Some(Prop(_, _, Use::Unsupported)) => {
                found.problems.push(Problem::new(
                    key.pos,
                    "UnsupportedOperation",
                    format!("Property {name} is not supported"),
                ));
            }
            Some(Prop(_, kind, used)) => {
                if *used == Use::Ignored {
                    warn.push(Problem::new(key.pos, "Ignored", format!("Property {name} has no effect here")));
                }
                shape(value, kind, &name, scope, found, warn);
            }
        }
    }
    for Prop(name, _, _) in table.iter().filter(|p| p.2 == Use::Required && !map.iter().any(|(k, _)| k.text == p.0)) {
        let name = if path.is_empty() { (*name).to_string() } else { format!("{path}.{name}") };
        found.problem(node.pos, format!("Property {name} cannot be empty."));
    }
}

fn shape(node: &Node, kind: &Shape, name: &str, scope: &Scope<'_>, found: &mut Found, warn: &mut Vec<Problem>) {
    if is_call(node) {
        return walk(node, scope, false, found);
    }
    let scalar = |found: &mut Found, what: &str, good: &dyn Fn(&str) -> bool| match node.text() {
        Some(t) if good(t) => {}
        _ => found.problem(node.pos, format!("Value of property {name} must be {what}")),
    };
    match kind {
        Shape::Any => walk(node, scope, false, found),
        Shape::Text => scalar(found, "a text", &|_| true),
        Shape::Bool => {
            scalar(found, "true or false", &|t| t.eq_ignore_ascii_case("true") || t.eq_ignore_ascii_case("false"))
        }
        Shape::Int => scalar(found, "a whole number", &|t| t.trim().parse::<i32>().is_ok()),
        Shape::Cidr4 | Shape::Cidr6 | Shape::Address4 | Shape::Address6 => {
            let Some(t) = node.text() else {
                return found.problem(node.pos, format!("Value of property {name} must be a text"));
            };
            let read = match kind {
                Shape::Cidr4 => parse::cidr4(t).map(|_| ()),
                Shape::Cidr6 => parse::cidr6(t).map(|_| ()),
                Shape::Address4 => parse::address4(t).map(|_| ()),
                _ => parse::address6(t).map(|_| ()),
            };
            if let Err(e) = read {
                found.problems.push(Problem::new(node.pos, e.code, e.message));
            }
        }
        Shape::List(item) => match node.list() {
            Some(l) => l.iter().for_each(|n| shape(n, item, name, scope, found, warn)),
            None => found.problem(node.pos, format!("Value of property {name} must be a list")),
        },
        Shape::Object(table) => object(node, table, name, scope, found, warn),
    }
}
