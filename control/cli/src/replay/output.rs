//! What a replay leaves in its directory: a capture per port that received frames, and a verdict per input frame.

use crate::names::place;
use crate::report::{Failure, Outcome};
use anyhow::Context;
use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use vpcd_control::compile::Names;
use vpcd_dataplane::engine::Done;
use vpcd_dataplane::pipeline::{Deps, Kind, Verdict};
use vpcd_dataplane::topology::{DepKind, EniIdx, NatIdx, PortNo, SubnetIdx, Topology};
use vpcd_io::capture::{PcapngWriter, SectionInfo};

/// The captures of the ports, each made when the port receives its first frame.
pub(super) struct Captures {
    dir: PathBuf,
    comment: String,
    open: HashMap<PortNo, PcapngWriter>,
    /// Ways as text: many frames go the same one.
    ways: HashMap<(PortNo, PortNo, Option<Deps>), String>,
    text: String,
    /// Frames written.
    pub(super) written: u64,
}

impl Captures {
    /// Into `dir`; `comment` is what the header of each says.
    pub(super) fn new(dir: &Path, comment: String) -> Captures {
        Captures {
            dir: dir.into(),
            comment,
            open: HashMap::new(),
            ways: HashMap::new(),
            text: String::new(),
            written: 0,
        }
    }

    /// The file of a port.
    pub(super) fn path(dir: &Path, port: &str) -> PathBuf {
        dir.join(format!("{port}.pcapng"))
    }

    /// Writes what left because of one frame.
    pub(super) fn write(&mut self, done: &Done, names: &Names, topology: &Topology) -> Outcome {
        for (port, frame) in &done.out {
            let key = (done.port, *port, done.way);
            let way = self.ways.entry(key).or_insert_with(|| way(done, *port, names, topology));
            self.text.clear();
            let (s, ns) = (done.ts / 1_000_000_000, done.ts % 1_000_000_000);
            // Writing into a String cannot fail.
            let _ = write!(self.text, "{way}; because of frame {} at {s}.{ns:09}", done.seq);
            let writer = match self.open.entry(*port) {
                std::collections::hash_map::Entry::Occupied(e) => e.into_mut(),
                std::collections::hash_map::Entry::Vacant(e) => {
                    let path = Captures::path(&self.dir, names.port(*port));
                    let info = SectionInfo::new(vec![format!("{}\nport={}", self.comment, names.port(*port))]);
                    e.insert(PcapngWriter::from_write(path.display().to_string(), Append::create(path)?, &info)?)
                }
            };
            writer.write(done.now, frame.bytes(), 0, Some(&self.text))?;
            self.written += 1;
        }
        Ok(())
    }

    /// Everything to the files.
    pub(super) fn finish(&mut self) -> Outcome {
        for writer in self.open.values_mut() {
            writer.flush()?;
        }
        Ok(())
    }
}

/// Ports, subnets and NAT gateways passed, in order. What else was asked on the way (rules, tables) may differ between the first
/// packet of a flow and the later ones, and is left out.
fn way(done: &Done, egress: PortNo, names: &Names, topology: &Topology) -> String {
    let (from, to) = (names.port(done.port), names.port(egress));
    let Some(deps) = &done.way else {
        return format!("{from}, answered by the fabric");
    };
    let mut stops = vec![from];
    for dep in deps.as_slice() {
        let index = dep.index() as u32;
        let name = match dep.kind() {
            DepKind::Eni if [done.port, egress].contains(&EniIdx(index).port()) => continue,
            // A NAT gateway's interface is the gateway.
            DepKind::Eni => match topology.enis.get(dep.index()).and_then(|e| e.nat) {
                Some(nat) => names.nat(nat),
                None => names.eni(EniIdx(index)),
            },
            DepKind::Subnet => names.subnet(SubnetIdx(index)),
            DepKind::Nat => names.nat(NatIdx(index)),
            _ => continue,
        };
        if !stops.contains(&name) {
            stops.push(name);
        }
    }
    stops.push(to);
    stops.join(" > ")
}

/// A file that is open only while it is written to: there may be more ports than a process may have open files.
struct Append(PathBuf);

impl Append {
    fn create(path: PathBuf) -> Outcome<Append> {
        File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Append(path))
    }
}

impl Write for Append {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        OpenOptions::new().append(true).open(&self.0)?.write_all(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines of `verdicts.jsonl`, which come out in order of the frames though the verdict of a held fragment comes late.
pub(super) struct Lines {
    file: BufWriter<File>,
    name: String,
    /// Number of the first frame whose line is not written.
    first: u64,
    waiting: VecDeque<Line>,
    text: String,
}

struct Line {
    /// The port as given, in JSON.
    port: u32,
    ts: u64,
    end: Option<End>,
}

/// How a frame ended.
pub(super) enum End {
    /// The engine's verdict, and the ports that something left by.
    Judged(Verdict, Out),
    /// With `host=`: neither from nor to the host.
    NotMine,
}

/// Ports, each once, nearly always one at most.
pub(super) enum Out {
    Few(Option<PortNo>),
    Many(Vec<PortNo>),
}

impl Out {
    /// The ports that frames left by.
    pub(super) fn of(done: &Done) -> Out {
        let first = done.out.first().map(|(p, _)| *p);
        if done.out.iter().all(|(p, _)| Some(*p) == first) {
            return Out::Few(first);
        }
        let mut ports = Vec::new();
        for (p, _) in &done.out {
            if !ports.contains(p) {
                ports.push(*p);
            }
        }
        Out::Many(ports)
    }

    fn as_slice(&self) -> &[PortNo] {
        match self {
            Out::Few(p) => p.as_slice(),
            Out::Many(p) => p,
        }
    }
}

impl Lines {
    /// Creates the file.
    pub(super) fn create(path: &Path) -> Outcome<Lines> {
        let name = path.display().to_string();
        let file = File::create(path).with_context(|| format!("cannot create {name}"))?;
        Ok(Lines {
            file: BufWriter::with_capacity(1 << 18, file),
            name,
            first: 0,
            waiting: VecDeque::new(),
            text: String::new(),
        })
    }

    /// The next frame came in; `port` is the number of its name in what [`Lines::write`] is given.
    pub(super) fn begin(&mut self, port: u32, ts: u64) {
        self.waiting.push_back(Line { port, ts, end: None });
    }

    /// How frame `n` ended. False: it is not waiting, which never happens.
    #[must_use]
    pub(super) fn end(&mut self, n: u64, end: End) -> bool {
        let line = n.checked_sub(self.first).and_then(|i| self.waiting.get_mut(i as usize));
        match line {
            Some(line) if line.end.is_none() => {
                line.end = Some(end);
                true
            }
            _ => false,
        }
    }

    /// Writes every line whose turn it is.
    pub(super) fn write(&mut self, ports: &[String], names: &Names) -> Outcome {
        self.text.clear();
        while let Some(Line { port, ts, end: Some(end) }) = self.waiting.front() {
            let port = ports.get(*port as usize).map_or("null", String::as_str);
            let (s, ns) = (ts / 1_000_000_000, ts % 1_000_000_000);
            let _ = write!(self.text, "{{\"n\":{},\"port\":{port},\"ts\":\"{s}.{ns:09}\",", self.first);
            match end {
                End::NotMine => {
                    self.text.push_str(
                        "\"verdict\":\"drop\",\"stage\":\"engine\",\"at\":null,\"reason\":\"not-mine\",\"out\":[]}\n",
                    );
                }
                End::Judged(verdict, out) => judged(&mut self.text, verdict, out.as_slice(), names),
            }
            self.waiting.pop_front();
            self.first += 1;
        }
        let failed = |e| anyhow::Error::from(e).context(format!("cannot write {}", self.name));
        self.file.write_all(self.text.as_bytes()).map_err(failed)?;
        Ok(())
    }

    /// Writes the rest; how many frames never ended, which is none.
    pub(super) fn finish(mut self, ports: &[String], names: &Names) -> Outcome<u64> {
        self.write(ports, names)?;
        self.file.flush().map_err(|e| Failure::user(format_args!("cannot write {}: {e}", self.name)))?;
        Ok(self.waiting.len() as u64)
    }
}

fn judged(text: &mut String, verdict: &Verdict, out: &[PortNo], names: &Names) {
    let quoted = |name: Option<&str>| name.map_or("null".into(), |n| serde_json::Value::from(n).to_string());
    if verdict.kind == Kind::Forward {
        text.push_str("\"verdict\":\"forward\",\"stage\":null,\"at\":null,\"reason\":null,\"out\":[");
    } else {
        let _ = write!(
            text,
            "\"verdict\":\"{}\",\"stage\":{},\"at\":{},\"reason\":{},\"out\":[",
            verdict.kind.name(),
            quoted(verdict.stage.map(|s| s.name())),
            quoted(verdict.at.map(|at| place(names, at))),
            quoted(verdict.reason.map(|r| r.name())),
        );
    }
    for (i, port) in out.iter().enumerate() {
        text.push_str(if i > 0 { "," } else { "" });
        text.push_str(&quoted(Some(names.port(*port))));
    }
    text.push_str("]}\n");
}
