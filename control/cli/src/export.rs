//! `vpcd export`: what is there, as a CloudFormation template.

use crate::report::{Failure, Outcome, print, warn};
use crate::socket::SocketArgs;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};
use vpcd_control::export::{Export, export};
use vpcd_control::model::Model;
use vpcd_control::store::{Redb, Store};

/// Write what is there as a CloudFormation template that makes an equal network again
///
/// It comes from a running server, or from the state of one that does not run. `vpcd check`, `up` and `serve --template` read it. What
/// CloudFormation cannot say is listed in its `Metadata.Vpcd.NotExported`.
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  vpcd export -o network.yaml && vpcd check network.yaml\n  vpcd export --state /var/lib/vpcd --format json"
)]
pub struct Args {
    #[command(flatten)]
    socket: SocketArgs,
    /// State to read instead, of a server that does not run
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Region; the server's own, or us-east-1 of a state
    #[arg(long)]
    region: Option<String>,
    #[arg(long, value_enum, default_value_t = Format::Yaml)]
    format: Format,
    /// Where to write it, instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How a template is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Yaml,
    Json,
}

impl Format {
    /// The text of a template; refused if it would have no resource.
    pub(crate) fn write(self, export: &Export) -> Result<String, String> {
        if export.is_empty() {
            let mut text = "there is nothing to export: a template needs a resource".to_string();
            export.notes().iter().for_each(|n| text += &format!("\nnote: {n}"));
            return Err(text);
        }
        Ok(match self {
            Format::Yaml => export.yaml(),
            Format::Json => export.json(),
        })
    }
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    let text = match &args.state {
        Some(dir) => of_state(dir, args.region.as_deref().unwrap_or("us-east-1"), args.format)?,
        None => of_server(&args.socket, args.region.as_deref(), args.format)?,
    };
    match &args.output {
        Some(file) => Ok(std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?),
        None => print(&text),
    }
}

fn of_state(dir: &Path, region: &str, format: Format) -> Outcome<String> {
    let shown = dir.display();
    // Opening would make one.
    if !dir.join("state.redb").exists() {
        return Err(Failure::user(format_args!("{shown}: there is no state")));
    }
    let records = Redb::open(dir, region).map_err(Failure::user)?.load().map_err(Failure::user)?;
    if records.is_empty() {
        return Err(Failure::user(format_args!("{shown}: nothing is known of the Region {region}")));
    }
    let model = Model::restore(records.iter().map(|(k, v)| (k.as_str(), v.as_slice()))).map_err(Failure::user)?;
    let export = export(&model, &[]);
    export.notes().iter().for_each(warn);
    format.write(&export).map_err(Failure::user)
}

fn of_server(socket: &SocketArgs, region: Option<&str>, format: Format) -> Outcome<String> {
    let answer = socket.connect()?.ask(&json!({ "command": "export", "region": region, "format": format }))?;
    Ok(answer["template"].as_str().unwrap_or_default().into())
}
