//! `vpcd export`: what is there, as a CloudFormation template.

use crate::report::{Failure, Outcome, print, warn};
use anyhow::{Context, anyhow, bail};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vpcd_control::export::{Export, export};
use vpcd_control::model::Model;
use vpcd_control::store::{Redb, Store};

/// How long a server may think.
const PATIENCE: Duration = Duration::from_secs(60);
/// Where `vpcd serve` listens if nobody says otherwise.
const USUAL: &str = "http://127.0.0.1:4566";

/// Write what is there as a CloudFormation template that makes an equal network again
///
/// It comes from a running server, or from the state of one that does not run. `vpcd check`, `up` and `serve --template` read it. What
/// CloudFormation cannot say is listed in its `Metadata.Vpcd.NotExported`.
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  vpcd export -o network.yaml && vpcd check network.yaml\n  vpcd export --state /var/lib/vpcd --format json"
)]
pub struct Args {
    /// Server to ask, on this machine
    #[arg(long, value_name = "URL", default_value = USUAL)]
    endpoint: String,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
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

    pub(crate) fn by_name(name: &str) -> Option<Format> {
        match name {
            "yaml" => Some(Format::Yaml),
            "json" => Some(Format::Json),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        if self == Format::Yaml { "yaml" } else { "json" }
    }
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    let text = match &args.state {
        Some(dir) => of_state(dir, args.region.as_deref().unwrap_or("us-east-1"), args.format)?,
        None => of_server(&args.endpoint, args.region.as_deref(), args.format)?,
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

fn of_server(endpoint: &str, region: Option<&str>, format: Format) -> Outcome<String> {
    let mut path = format!("/vpcd/export?format={}", format.name());
    if let Some(region) = region {
        if !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(Failure::user(format_args!("'{region}' is no name of a Region")));
        }
        path += &format!("&region={region}");
    }
    Ok(get(endpoint, &path).with_context(|| format!("cannot ask {endpoint}"))?)
}

/// The body of a plain HTTP GET (RFC 9112), if the answer is 200.
fn get(endpoint: &str, path: &str) -> anyhow::Result<String> {
    let host = endpoint.strip_prefix("http://").ok_or_else(|| anyhow!("an endpoint begins with http://"))?;
    let host = host.trim_end_matches('/');
    let mut stream = match host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
        true => TcpStream::connect(host)?,
        false => TcpStream::connect((host, 80))?,
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    // Version 1.0: the answer ends with the connection and is not cut into chunks.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| anyhow!("it does not speak HTTP"))?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.into()),
        Some("404") if !body.starts_with("vpcd: ") => bail!("it is no vpcd, or does not listen on a loopback address"),
        _ => bail!("{}", body.trim_start_matches("vpcd: ").trim_end()),
    }
}
