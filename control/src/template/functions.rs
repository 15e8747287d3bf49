//! Intrinsic functions as written: are they well formed, and what do they refer to?

use super::yaml::{Kind, Node};
use super::{Pos, Problem, schema};
use std::collections::{BTreeMap, BTreeSet};

/// Parameters that every template has.
pub(super) const PSEUDO: [&str; 8] = [
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// Function, and how many arguments it takes (0: not a list).
const FUNCTIONS: [(&str, &[usize]); 14] = [
    ("Ref", &[0]),
    ("Fn::GetAtt", &[0, 2]),
    ("Fn::Sub", &[0, 2]),
    ("Fn::Select", &[2]),
    ("Fn::GetAZs", &[0]),
    ("Fn::Cidr", &[2, 3]),
    ("Fn::Join", &[2]),
    ("Fn::Split", &[2]),
    ("Fn::FindInMap", &[3]),
    ("Fn::Base64", &[0]),
    ("Fn::If", &[3]),
    ("Fn::Equals", &[2]),
    ("Fn::Not", &[1]),
    ("Condition", &[0]),
];
/// Only where a truth is asked for.
const CONDITIONAL: [&str; 5] = ["Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or", "Condition"];

/// What names a template defines.
#[derive(Default)]
pub(super) struct Scope<'a> {
    pub(super) parameters: BTreeSet<&'a str>,
    pub(super) conditions: BTreeSet<&'a str>,
    /// Logical id -> type.
    pub(super) resources: BTreeMap<&'a str, &'a str>,
    pub(super) mappings: Option<&'a Node>,
}

/// What a walk over values finds.
#[derive(Default)]
pub(super) struct Found {
    /// Logical ids referred to, and where.
    pub(super) needs: BTreeMap<String, Pos>,
    pub(super) problems: Vec<Problem>,
}

impl Found {
    pub(super) fn problem(&mut self, pos: Pos, message: impl Into<String>) {
        self.problems.push(Problem::new(pos, "ValidationError", message));
    }
}

/// Whether a value is a function call.
pub(super) fn is_call(node: &Node) -> bool {
    node.single().is_some_and(|(k, _)| k.text == "Ref" || k.text == "Condition" || k.text.starts_with("Fn::"))
}

/// Checks all functions in a value and notes what they refer to; `truth`: conditions may stand here.
pub(super) fn walk(node: &Node, scope: &Scope<'_>, truth: bool, found: &mut Found) {
    match &node.kind {
        Kind::Null => found.problem(node.pos, "Template validation error: null values are not allowed in templates"),
        Kind::Scalar(_) => {}
        Kind::List(l) => l.iter().for_each(|n| walk(n, scope, truth, found)),
        Kind::Map(m) if !is_call(node) => m.iter().for_each(|(_, n)| walk(n, scope, truth, found)),
        Kind::Map(m) => {
            for (key, arg) in m {
                call(&key.text, key.pos, arg, scope, truth, found);
            }
        }
    }
}

/// The placeholders of an Fn::Sub text: literal pieces and names.
pub(super) enum Piece {
    Text(String),
    Name(String),
}

/// Splits `a ${b} ${!c}`; an error says what is wrong.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            out.push(Piece::Text(before.into()));
        }
        let Some(end) = after.find('}') else {
            return Err("Template error: one or more Fn::Sub intrinsic functions don't have a closing brace".into());
        };
        let name = after[2..end].trim();
        match name.strip_prefix('!') {
            Some(literal) => out.push(Piece::Text(format!("${{{literal}}}"))),
            None if name.is_empty() => return Err("Template error: Fn::Sub with an empty name".into()),
            None => out.push(Piece::Name(name.into())),
        }
        rest = &after[end + 1..];
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest.into()));
    }
    Ok(out)
}

/// Logical id and attribute of an Fn::GetAtt argument.
pub(super) fn get_att(arg: &Node) -> Option<(String, String)> {
    match &arg.kind {
        Kind::Scalar(s) => s.split_once('.').map(|(a, b)| (a.into(), b.into())),
        Kind::List(l) => match l.as_slice() {
            [a, b] => Some((a.text()?.into(), b.text()?.into())),
            _ => None,
        },
        _ => None,
    }
}

fn call(name: &str, pos: Pos, arg: &Node, scope: &Scope<'_>, truth: bool, found: &mut Found) {
    let several = matches!(name, "Fn::And" | "Fn::Or");
    let Some(counts) = FUNCTIONS.iter().find(|f| f.0 == name).map(|f| f.1).or(several.then_some(&[][..])) else {
        return found
            .problem(pos, format!("Template validation error: the function {name} is unknown or not supported"));
    };
    if CONDITIONAL.contains(&name) && !truth {
        return found.problem(pos, format!("Template validation error: {name} can stand only in conditions"));
    }
    let length = arg.list().map(<[Node]>::len);
    let fits = match length {
        Some(n) if several => (2..=10).contains(&n),
        Some(n) => counts.contains(&n),
        None => !several && counts.contains(&0),
    };
    if !fits {
        return found.problem(pos, format!("Template error: {name} has the wrong number or kind of arguments"));
    }
    match name {
        "Ref" => match arg.text() {
            Some(target) => refer(target, arg.pos, scope, found),
            None => found.problem(arg.pos, "Template error: Ref needs the name of a parameter or resource"),
        },
        "Condition" => condition(arg, scope, found),
        "Fn::GetAtt" => match get_att(arg) {
            Some((logical, attribute)) => attribute_of(&logical, &attribute, arg.pos, scope, found),
            None => found.problem(arg.pos, "Template error: every Fn::GetAtt needs a resource and an attribute"),
        },
        "Fn::Sub" => sub(arg, scope, found),
        "Fn::If" => {
            let Some([test, yes, no]) = arg.list() else { return };
            condition(test, scope, found);
            walk(yes, scope, truth, found);
            walk(no, scope, truth, found);
        }
        "Fn::FindInMap" => {
            if let Some(map) = arg.list().and_then(|l| l.first()).and_then(Node::text)
                && scope.mappings.and_then(|m| m.get(map)).is_none()
            {
                found.problem(
                    arg.pos,
                    format!("Template error: mapping named '{map}' is not present in the 'Mappings' section"),
                );
            }
            walk(arg, scope, false, found);
        }
        _ => walk(arg, scope, CONDITIONAL.contains(&name), found),
    }
}

fn sub(arg: &Node, scope: &Scope<'_>, found: &mut Found) {
    let (text, own) = match arg.list() {
        Some([text, map]) => (text, Some(map)),
        _ => (arg, None),
    };
    if let Some(map) = own {
        if map.map().is_none() {
            return found.problem(map.pos, "Template error: the second argument of Fn::Sub must be a map");
        }
        for (_, v) in map.map().unwrap_or_default() {
            walk(v, scope, false, found);
        }
    }
    let Some(template) = text.text() else {
        return found.problem(text.pos, "Template error: Fn::Sub needs a text");
    };
    match pieces(template) {
        Err(e) => found.problem(text.pos, e),
        Ok(pieces) => {
            for p in pieces {
                let Piece::Name(name) = p else { continue };
                if own.is_some_and(|m| m.get(&name).is_some()) {
                    continue;
                }
                match name.split_once('.') {
                    Some((logical, attribute)) => attribute_of(logical, attribute, text.pos, scope, found),
                    None => refer(&name, text.pos, scope, found),
                }
            }
        }
    }
}

fn refer(target: &str, pos: Pos, scope: &Scope<'_>, found: &mut Found) {
    if scope.parameters.contains(target) || PSEUDO.contains(&target) {
        return;
    }
    if scope.resources.contains_key(target) {
        found.needs.entry(target.into()).or_insert(pos);
    } else {
        found.problem(pos, format!("Template format error: Unresolved resource dependencies [{target}] in the Resources block of the template"));
    }
}

fn attribute_of(logical: &str, attribute: &str, pos: Pos, scope: &Scope<'_>, found: &mut Found) {
    let Some(kind) = scope.resources.get(logical) else {
        return found
            .problem(pos, format!("Template error: instance of Fn::GetAtt references undefined resource {logical}"));
    };
    found.needs.entry(logical.into()).or_insert(pos);
    if let Some(t) = schema::find(kind)
        && !t.attributes.contains(&attribute)
    {
        found.problem(
            pos,
            format!("Template error: resource {logical} ({kind}) does not support attribute {attribute} in Fn::GetAtt"),
        );
    }
}

fn condition(node: &Node, scope: &Scope<'_>, found: &mut Found) {
    match node.text() {
        Some(c) if scope.conditions.contains(c) => {}
        Some(c) => found.problem(node.pos, format!("Template format error: Unresolved condition dependency {c}")),
        None => found.problem(node.pos, "Template error: a condition is named by a text"),
    }
}
