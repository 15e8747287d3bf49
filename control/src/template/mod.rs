//! CloudFormation templates: text in, a [`Model`] and the ports of its instances out.
//!
//! [`load`] reads YAML or JSON ([`yaml`] keeps the lines), checks shape and references of everything ([`check`] against
//! the tables of [`schema`]), then makes the resources in order of their dependencies through the operations of
//! [`Model`] ([`make`]), evaluating functions on the way ([`eval`]). Whatever is wrong is reported at once, each with
//! its place; what has no effect on packets is named in the warnings.

mod check;
mod eval;
mod functions;
mod hosts;
mod make;
mod ports;
mod props;
mod schema;
mod sections;
#[cfg(test)]
mod tests;
mod yaml;

pub(crate) use make::DHCP_OPTIONS;
pub use ports::{InternetHost, PortInfo, default_hosts};

use crate::model::Model;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a template became.
#[derive(Clone, Debug)]
pub struct Stack {
    pub model: Model,
    /// Resources in template order.
    pub logical: Vec<LogicalResource>,
    /// Interfaces of instances and of NetworkInterface resources, in template order.
    pub ports: Vec<PortInfo>,
    /// Hosts of the internet.
    pub internet: Vec<InternetHost>,
    /// Name and value, in template order.
    pub outputs: Vec<(String, String)>,
    /// What was accepted without effect, with its place.
    pub warnings: Vec<TemplateError>,
}

impl Stack {
    /// The resource with this logical id.
    pub fn resource(&self, logical: &str) -> Option<&LogicalResource> {
        self.logical.iter().find(|r| r.logical == logical)
    }
    /// The port that an instance or an interface resource names.
    pub fn port(&self, name: &str) -> Option<&PortInfo> {
        self.ports.iter().find(|p| p.names.iter().any(|n| n == name))
    }
}

/// A logical id and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalResource {
    pub logical: String,
    /// `AWS::EC2::...`.
    pub kind: String,
    /// The physical id: what the model calls it (an Elastic IP by its allocation id).
    pub id: String,
}

/// One thing that is wrong with a template, or a warning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {}{code}: {message}", .resource.as_ref().map(|r| format!("{r}: ")).unwrap_or_default())]
pub struct TemplateError {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    pub resource: Option<String>,
    /// `ValidationError`, or the AWS code of the refused operation; `Ignored` in warnings.
    pub code: Cow<'static, str>,
    pub message: String,
}

/// Reads a template; `params` override the defaults of its parameters.
pub fn load(text: &str, file_name: &str, params: &BTreeMap<String, String>) -> Result<Stack, Vec<TemplateError>> {
    read(text, file_name, params, None)
}

/// Reads a template into a Region that is furnished already: its resources come beside those that are there.
pub fn load_into(
    model: Model,
    text: &str,
    file_name: &str,
    params: &BTreeMap<String, String>,
) -> Result<Stack, Vec<TemplateError>> {
    read(text, file_name, params, Some(model))
}

/// The Region that a template is for, if it or its parameters name one.
pub fn region(text: &str, params: &BTreeMap<String, String>) -> Option<String> {
    let said = || {
        let root = yaml::parse(text).ok()?;
        Some(root.get("Metadata")?.get("Vpcd")?.get("Region")?.text()?.to_owned())
    };
    params.get("AWS::Region").cloned().or_else(said)
}

fn read(
    text: &str,
    file_name: &str,
    params: &BTreeMap<String, String>,
    base: Option<Model>,
) -> Result<Stack, Vec<TemplateError>> {
    let place = |problems: Vec<Problem>| -> Vec<TemplateError> {
        let mut all: Vec<TemplateError> = problems
            .into_iter()
            .map(|p| TemplateError {
                file: file_name.into(),
                line: p.pos.line,
                column: p.pos.column,
                resource: p.resource,
                code: p.code,
                message: p.message,
            })
            .collect();
        all.sort_by_key(|e| (e.line, e.column));
        all.dedup();
        all
    };
    let root = yaml::parse(text).map_err(&place)?;
    let (mut stack, warnings) = sections::build(&root, params, base).map_err(&place)?;
    stack.warnings = place(warnings);
    Ok(stack)
}

/// A place in the text, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Pos {
    line: usize,
    column: usize,
}

/// Something wrong at a place.
#[derive(Clone, Debug)]
struct Problem {
    pos: Pos,
    resource: Option<String>,
    code: Cow<'static, str>,
    message: String,
    /// Reading on would make no sense.
    fatal: bool,
}

impl Problem {
    fn new(pos: Pos, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Problem {
        Problem { pos, resource: None, code: code.into(), message: message.into(), fatal: false }
    }
    fn of(mut self, resource: &str) -> Problem {
        self.resource = Some(resource.into());
        self
    }
}
