//! YAML and JSON text to a tree that knows its lines; short function forms (`!Ref x`) become long ones.

use super::{Pos, Problem};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::HashMap;

/// One value of the text.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) pos: Pos,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) pos: Pos,
}

impl Node {
    pub(super) fn map(&self) -> Option<&[(Key, Node)]> {
        match &self.kind {
            Kind::Map(m) => Some(m),
            _ => None,
        }
    }
    pub(super) fn list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(l) => Some(l),
            _ => None,
        }
    }
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(s) => Some(s),
            _ => None,
        }
    }
    /// The value under a key.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.iter().find(|(k, _)| k.text == key).map(|(_, v)| v)
    }
    /// The single entry of a one-key map: how every function is written.
    pub(super) fn single(&self) -> Option<(&Key, &Node)> {
        match self.map()? {
            [(k, v)] => Some((k, v)),
            _ => None,
        }
    }
}

/// Deepest nesting and largest tree (aliases expanded) that a template may have.
const MAX_DEPTH: usize = 100;
const MAX_NODES: usize = 500_000;

/// Names of the short function forms and what they stand for.
const SHORT: [(&str, &str); 16] = [
    ("Ref", "Ref"),
    ("Condition", "Condition"),
    ("GetAtt", "Fn::GetAtt"),
    ("Sub", "Fn::Sub"),
    ("Select", "Fn::Select"),
    ("GetAZs", "Fn::GetAZs"),
    ("Cidr", "Fn::Cidr"),
    ("Join", "Fn::Join"),
    ("Split", "Fn::Split"),
    ("FindInMap", "Fn::FindInMap"),
    ("Base64", "Fn::Base64"),
    ("If", "Fn::If"),
    ("Equals", "Fn::Equals"),
    ("And", "Fn::And"),
    ("Or", "Fn::Or"),
    ("Not", "Fn::Not"),
];

/// Reads the one document of a text.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Problem>> {
    let mut reader = Reader { stack: Vec::new(), root: None, anchors: HashMap::new(), nodes: 0, problems: Vec::new() };
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => reader.event(event, pos(&span.start)),
            Err(e) => {
                reader.problem(pos(e.marker()), "ValidationError", format!("Template format error: {}", e.info()));
                break;
            }
        }
        if !reader.problems.is_empty() && reader.problems.iter().any(|p| p.fatal) {
            break;
        }
    }
    if reader.problems.is_empty() && reader.root.is_none() {
        reader.problem(
            Pos { line: 1, column: 1 },
            "ValidationError",
            "Template format error: the template is empty".into(),
        );
    }
    match reader.root {
        Some(root) if reader.problems.is_empty() => Ok(root),
        _ => Err(reader.problems),
    }
}

fn pos(m: &Marker) -> Pos {
    Pos { line: m.line(), column: m.col() + 1 }
}

enum Open {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

struct Frame {
    open: Open,
    pos: Pos,
    tag: Option<String>,
    anchor: usize,
}

struct Reader {
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    problems: Vec<Problem>,
}

impl Reader {
    fn problem(&mut self, pos: Pos, code: &'static str, message: String) {
        self.problems.push(Problem { pos, resource: None, code: code.into(), message, fatal: false });
    }

    fn fatal(&mut self, pos: Pos, message: &str) {
        self.problems.push(Problem {
            pos,
            resource: None,
            code: "ValidationError".into(),
            message: message.into(),
            fatal: true,
        });
    }

    fn event(&mut self, event: Event<'_>, pos: Pos) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = matches!(style, ScalarStyle::Plain);
                let kind = match text.as_ref() {
                    "" | "~" | "null" if plain => Kind::Null,
                    _ => Kind::Scalar(text.into_owned()),
                };
                let tag = self.tag(tag, pos);
                self.value(Node { pos, kind }, tag, anchor);
            }
            Event::SequenceStart(anchor, tag) => self.open(Open::List(Vec::new()), pos, tag, anchor),
            Event::MappingStart(anchor, tag) => self.open(Open::Map(Vec::new(), None), pos, tag, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.stack.pop() else { return };
                let kind = match frame.open {
                    Open::List(l) => Kind::List(l),
                    Open::Map(m, _) => Kind::Map(m),
                };
                self.value(Node { pos: frame.pos, kind }, frame.tag, frame.anchor);
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((node, size)) => {
                    self.nodes += size;
                    self.value(node, None, 0);
                }
                None => self.fatal(pos, "Template format error: an alias without its anchor"),
            },
            Event::DocumentStart(_) if self.root.is_some() => {
                self.fatal(pos, "Template format error: more than one YAML document");
            }
            _ => {}
        }
    }

    fn open(&mut self, open: Open, pos: Pos, tag: Option<Cow<'_, Tag>>, anchor: usize) {
        let tag = self.tag(tag, pos);
        self.stack.push(Frame { open, pos, tag, anchor });
        if self.stack.len() > MAX_DEPTH {
            self.fatal(pos, "Template format error: nested too deeply");
        }
    }

    fn tag(&mut self, tag: Option<Cow<'_, Tag>>, pos: Pos) -> Option<String> {
        let tag = tag?;
        if tag.is_yaml_core_schema() {
            return None;
        }
        match SHORT.iter().find(|(short, _)| tag.handle == "!" && *short == tag.suffix) {
            Some((_, long)) => Some((*long).to_string()),
            None => {
                self.problem(
                    pos,
                    "ValidationError",
                    format!(
                        "Template validation error: the function {}{} is unknown or not supported",
                        tag.handle, tag.suffix
                    ),
                );
                None
            }
        }
    }

    /// A finished value goes to what is open above it.
    fn value(&mut self, mut node: Node, tag: Option<String>, anchor: usize) {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return self.fatal(node.pos, "Template format error: too large");
        }
        if let Some(function) = tag {
            let pos = node.pos;
            node = Node { pos, kind: Kind::Map(vec![(Key { text: function, pos }, node)]) };
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size(&node)));
        }
        let mut twice = None;
        match self.stack.last_mut().map(|f| &mut f.open) {
            None => self.root = Some(node),
            Some(Open::List(l)) => l.push(node),
            Some(Open::Map(m, waiting)) => match waiting.take() {
                Some(key) => {
                    if m.iter().any(|(k, _)| k.text == key.text) {
                        twice = Some((key.pos, key.text.clone()));
                    }
                    m.push((key, node));
                }
                None => match node.kind {
                    Kind::Scalar(text) => *waiting = Some(Key { text, pos: node.pos }),
                    Kind::Null => *waiting = Some(Key { text: String::new(), pos: node.pos }),
                    _ => {
                        *waiting = Some(Key { text: String::new(), pos: node.pos });
                        self.fatal(node.pos, "Template format error: a key must be a text");
                    }
                },
            },
        }
        if let Some((pos, key)) = twice {
            self.problem(pos, "ValidationError", format!("Template format error: the key '{key}' appears twice"));
        }
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::List(l) => l.iter().map(size).sum(),
        Kind::Map(m) => m.iter().map(|(_, v)| 1 + size(v)).sum(),
        _ => 0,
    }
}
