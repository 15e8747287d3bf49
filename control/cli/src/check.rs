//! `vpcd check`: is the template legal, and what would its ports be?

use crate::ports;
use crate::report::{Failure, Outcome, print};
use crate::stack::TemplateArgs;
use serde_json::{Value, json};
use std::fmt::Write;
use vpcd_control::template::Stack;

/// Checks a template and lists its ports.
///
/// All errors are reported at once, each with file, line, resource and AWS's error code, and the exit status is 1. Warnings (what
/// is accepted without effect) go to stderr.
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  vpcd check docs/examples/nat.yaml\n  vpcd check docs/examples/nat.yaml --json | jq -r '.ports[].logical_id'"
)]
pub struct Args {
    #[command(flatten)]
    template: TemplateArgs,
    /// Print one JSON object: per port logical id, ENI, MAC, private, public and IPv6 addresses, namespace
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    let loaded = match args.template.load() {
        Ok(loaded) => loaded,
        Err(Failure::Template(errors)) if args.json => {
            let list: Vec<Value> = errors
                .iter()
                .map(|e| json!({ "file": e.file, "line": e.line, "column": e.column, "resource": e.resource, "code": e.code, "message": e.message }))
                .collect();
            print(&format!("{:#}\n", json!({ "errors": list })))?;
            return Err(Failure::Template(errors));
        }
        Err(other) => return Err(other),
    };
    print(&if args.json { ports::json_text(&loaded.stack) } else { table(&loaded.stack) })
}

fn table(stack: &Stack) -> String {
    let mut rows = vec![["PORT", "ID", "MAC", "PRIVATE", "PUBLIC", "IPV6"].map(String::from)];
    fn join<T: ToString>(list: impl Iterator<Item = T>) -> String {
        let text = list.map(|a| a.to_string()).collect::<Vec<_>>().join(",");
        if text.is_empty() { "-".into() } else { text }
    }
    for p in stack.ports.iter().filter(|p| p.attached) {
        let (private, public, ipv6) =
            (join(p.private.iter()), join(p.public.iter().map(|(_, a)| a)), join(p.ipv6.iter()));
        rows.push([p.names.join(" = "), p.id.clone(), p.mac.to_string(), private, public, ipv6]);
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let mut out = String::new();
    for row in &rows {
        let line: String = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}  ")).collect();
        let _ = writeln!(out, "{}", line.trim_end());
    }
    for host in &stack.internet {
        let _ = writeln!(out, "internet: {} {}", host.name, join(host.addresses.iter()));
    }
    for (name, value) in &stack.outputs {
        let _ = writeln!(out, "output: {name} = {value}");
    }
    let _ = writeln!(out, "{} resources, no errors", stack.logical.len());
    out
}
