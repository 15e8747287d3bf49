//! The built program: run as anybody would run it, and what it left behind read back.

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use vpcd_io::capture::Reader;

/// The keys of a line of `verdicts.jsonl`: all of them, always.
const KEYS: [&str; 8] = ["n", "port", "ts", "verdict", "stage", "at", "reason", "out"];

/// The program and what it is given each time.
#[derive(Clone, Debug)]
pub struct Product {
    pub vpcd: PathBuf,
    pub template: PathBuf,
    /// The port that the host takes the place of.
    pub port: String,
    /// Numbers of workers; the results must not depend on it.
    pub workers: Vec<u8>,
}

/// One line of `verdicts.jsonl`.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub port: String,
    pub ts: String,
    pub verdict: String,
    pub stage: Option<String>,
    pub at: Option<String>,
    pub reason: Option<String>,
    pub out: Vec<String>,
}

/// A frame that left by a port, and the input frame it is said to come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    pub port: String,
    pub bytes: Vec<u8>,
    /// Time of the input frame, as the comment says.
    pub because_at: String,
}

/// Everything a replay said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    pub lines: Vec<Line>,
    /// By number of the input frame.
    pub sent: BTreeMap<u64, Vec<Sent>>,
    pub summary: Value,
}

impl Product {
    fn run(&self, capture: &Path, host: IpAddr, workers: u8, dir: &Path) -> Result<Output, String> {
        let input = format!("{}={},host={host}", self.port, capture.display());
        let mut command = Command::new(&self.vpcd);
        command.arg("replay").arg(&self.template).args(["--in", &input, "--json", "--out"]).arg(dir);
        command.args(["--workers", &workers.to_string()]);
        command.output().map_err(|e| format!("cannot run {}: {e}", self.vpcd.display()))
    }

    /// Replays a capture with `host` in the port's place; results lie in `dir` for a while.
    pub fn replay(&self, capture: &Path, host: IpAddr, dir: &Path) -> Result<Said, String> {
        let mut first: Option<Said> = None;
        for workers in &self.workers {
            let output = self.run(capture, host, *workers, dir)?;
            if !output.status.success() {
                return Err(format!("replay: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()));
            }
            let said = read(dir, &output.stdout)?;
            match &first {
                Some(first) if *first != said => return Err(format!("with {workers} workers the results are others")),
                _ => first = Some(said),
            }
        }
        first.ok_or_else(|| "nothing was run".into())
    }

    /// A capture that cannot be replayed must be refused in a sentence, with exit status 1.
    pub fn refuses(&self, capture: &Path, dir: &Path) -> Result<(), String> {
        let output = self.run(capture, IpAddr::from([192, 0, 2, 1]), 1, dir)?;
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(1) if said.starts_with("error: ") => Ok(()),
            _ => Err(format!("not refused with a sentence and status 1: {}: {}", output.status, said.trim())),
        }
    }
}

fn read(dir: &Path, stdout: &[u8]) -> Result<Said, String> {
    let summary = serde_json::from_slice(stdout).map_err(|e| format!("summary: {e}"))?;
    let text = std::fs::read_to_string(dir.join("verdicts.jsonl")).map_err(|e| format!("verdicts.jsonl: {e}"))?;
    let mut said = Said { summary, ..Said::default() };
    for (n, text) in text.lines().enumerate() {
        said.lines.push(line(n, text).ok_or_else(|| format!("verdicts.jsonl, line {}: {text}", n + 1))?);
    }
    let files = std::fs::read_dir(dir).map_err(|e| format!("results: {e}"))?;
    let mut captures: Vec<PathBuf> = files.flatten().map(|f| f.path()).collect();
    captures.retain(|p| p.extension().is_some_and(|e| e == "pcapng"));
    captures.sort();
    for path in captures {
        let port = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for record in Reader::open(&path).map_err(|e| e.to_string())? {
            let record = record.map_err(|e| e.to_string())?;
            let comment = record.comment.unwrap_or_default();
            let Some((n, because_at)) = cause(&comment) else {
                return Err(format!("{port}.pcapng: a comment that names no frame: {comment}"));
            };
            said.sent.entry(n).or_default().push(Sent { port: port.clone(), bytes: record.data, because_at });
        }
    }
    Ok(said)
}

fn line(n: usize, text: &str) -> Option<Line> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    if object.len() != KEYS.len() || object["n"].as_u64()? != n as u64 {
        return None;
    }
    let text = |key: &str| object.get(key)?.as_str().map(str::to_owned);
    let maybe = |key: &str| match object.get(key)? {
        Value::Null => Some(None),
        Value::String(s) => Some(Some(s.clone())),
        _ => None,
    };
    let out = object.get("out")?.as_array()?.iter().map(|p| p.as_str().map(str::to_owned)).collect::<Option<_>>()?;
    Some(Line {
        port: text("port")?,
        ts: text("ts")?,
        verdict: text("verdict")?,
        stage: maybe("stage")?,
        at: maybe("at")?,
        reason: maybe("reason")?,
        out,
    })
}

/// "...; because of frame N at TIME".
fn cause(comment: &str) -> Option<(u64, String)> {
    let (n, at) = comment.rsplit_once("because of frame ")?.1.split_once(" at ")?;
    Some((n.parse().ok()?, at.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whole_or_not_at_all() {
        let good = r#"{"n":3,"port":"Host","ts":"1.000000000","verdict":"drop","stage":"parse","at":"Host","reason":"vlan","out":[]}"#;
        let read = line(3, good).unwrap();
        assert_eq!((read.verdict.as_str(), read.reason.as_deref()), ("drop", Some("vlan")));
        assert_eq!(line(2, good), None);
        assert_eq!(line(3, &good.replace(r#""at":"Host","#, "")), None);
        assert_eq!(cause("a > b; because of frame 7 at 1.5"), Some((7, "1.5".into())));
    }
}
