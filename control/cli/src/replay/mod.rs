//! `vpcd replay`: captures in, captures and verdicts out, with the captures' own clock.
//!
//! [`input`] merges the captures into one stream in order of time, [`host`] puts a foreign host into the place of a port, the engine in
//! memory judges the frames in chunks, [`output`] writes what left and what became of each frame, [`summary`] adds it up. The same
//! input gives the same bytes whatever the number of workers; nothing that is written depends on more input following.

pub mod host;
pub mod input;
mod output;
mod summary;

use crate::ports;
use crate::report::{Failure, Outcome, print, warn};
use crate::stack::TemplateArgs;
use anyhow::Context;
use host::Side;
use input::{Frames, Spec};
use output::{Captures, End, Lines, Out};
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use summary::Summary;
use vpcd_control::compile::Names;
use vpcd_control::template::Stack;
use vpcd_dataplane::engine::{Config, Done, Memory};
use vpcd_dataplane::topology::{INTERNET, PortNo};
use vpcd_wire::Frame;

/// Frames judged at a time.
const CHUNK: usize = 4096;
/// Sessions there is room for. Fixed: with more for longer inputs, their beginning could come out differently.
pub(crate) const SESSIONS: usize = 1 << 18;

/// Replays captures through the VPC of a template.
///
/// Frames of all captures are sorted by time (ties: in the order of --in, then of the file) and processed with the captures' own
/// clock. DIR gets PORT.pcapng for each port that received frames, verdicts.jsonl with one object per input frame, and ports.json. With
/// host=ADDR a capture made elsewhere is put into the VPC: what ADDR sent enters at PORT, what was for ADDR enters at the internet,
/// addressed to PORT's public address; the rest is counted as not-mine (in verdicts.jsonl: drop at stage engine).
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Example:\n  \
    vpcd replay docs/examples/nat.yaml --in Db=db.pcapng --in internet=net.pcap --out result\n  \
    vpcd replay docs/examples/nat.yaml --in Web=foreign.pcap,host=192.168.1.20 --out result --json")]
pub struct Args {
    #[command(flatten)]
    template: TemplateArgs,
    /// A capture, and the port whose received frames it holds: the logical id of an Instance or NetworkInterface, or internet
    #[arg(long = "in", value_name = "PORT=FILE[,host=ADDR]")]
    inputs: Vec<Spec>,
    /// Directory for the results
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Workers; the results are the same with any number
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    workers: u8,
    /// Seed of choices such as NAT ports [default: the one in a recording, else 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Hold wrong Ethernet addresses against a frame
    #[arg(long)]
    strict_l2: bool,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    let mut loaded = args.template.load()?;
    if args.inputs.is_empty() {
        return Err(Failure::Usage(format!(
            "replay needs at least one --in PORT=FILE; ports are: {}",
            ports::list(&loaded.stack)
        )));
    }
    let Some(dir) = args.out.as_deref() else {
        return Err(Failure::Usage("replay needs --out DIR for its results".into()));
    };
    for spec in &args.inputs {
        ports::bind(&mut loaded, &spec.port)?;
    }
    let stack = &loaded.stack;
    let (mut frames, survey) = Frames::open(&args.inputs, stack)?;
    survey.warnings.iter().for_each(warn);
    if survey.template.as_ref().is_some_and(|t| *t != loaded.digest) {
        warn("the recording was made with another template: verdicts may differ");
    }
    for spec in args.inputs.iter().filter(|s| s.host.is_some()) {
        unreachable_port(spec, stack)?;
    }
    prepare(dir, stack, &args.inputs)?;

    let compiled = loaded.compile();
    let seed = args.seed.or(survey.seed).unwrap_or(0);
    let config = Config {
        seed,
        sessions: SESSIONS,
        workers: args.workers.into(),
        strict_l2: args.strict_l2,
        ..Config::default()
    };
    let mut engine = Memory::new(config);
    engine.publish(compiled.topology);
    let mut names_given = Vec::new();
    let mut entries = Vec::new();
    for spec in &args.inputs {
        entries.push(ports::number(engine.topology(), &compiled.names, ports::find(stack, &spec.port)?)?);
        names_given.push(json_text(&spec.port));
    }
    names_given.push(json_text(ports::INTERNET_NAME));

    let comment = format!("seed={seed}\ntemplate={}", loaded.digest);
    let mut job = Job {
        lines: Lines::create(&dir.join("verdicts.jsonl"))?,
        captures: Captures::new(dir, comment),
        summary: Summary::default(),
        spare: Vec::new(),
        ports: names_given,
        names: compiled.names,
    };
    let mut progress = Progress::new(survey.frames);
    loop {
        let (chunk, more) = job.read(&mut frames, &entries)?;
        let done = engine.run(chunk);
        job.take(done, &engine)?;
        progress.at(job.summary.frames);
        if !more {
            break;
        }
    }
    let done = engine.finish();
    job.take(done, &engine)?;
    progress.end();
    let Job { lines, mut captures, summary, ports, names, .. } = job;
    let open = lines.finish(&ports, &names)?;
    captures.finish()?;
    write(&dir.join("ports.json"), &ports::json_text(stack))?;
    print(&if args.json { format!("{}\n", summary.json(seed)) } else { summary.text() })?;
    summary.check(&engine.counters(), captures.written, open).map_err(Failure::user)
}

/// Everything between reading and writing.
struct Job {
    lines: Lines,
    captures: Captures,
    summary: Summary,
    /// Frames whose buffers are used again.
    spare: Vec<Frame>,
    /// Names of the ports as given, in JSON: of each `--in`, then the internet's.
    ports: Vec<String>,
    names: Names,
}

impl Job {
    /// The next frames for the engine; false if there are no more behind them.
    fn read(&mut self, frames: &mut Frames, entries: &[PortNo]) -> Outcome<(Vec<Frame>, bool)> {
        let mut chunk = Vec::with_capacity(CHUNK);
        while chunk.len() < CHUNK {
            let mut frame = self.spare.pop().unwrap_or_default();
            let Some(origin) = frames.next_into(&mut frame)? else { return Ok((chunk, false)) };
            let n = self.summary.frames;
            self.summary.frames += 1;
            let from_internet = origin.side == Some(Side::Internet);
            let name = if from_internet { self.ports.len() - 1 } else { origin.input };
            self.lines.begin(name as u32, frame.ts);
            if origin.side == Some(Side::NotMine) {
                self.summary.not_mine += 1;
                self.end(n, End::NotMine)?;
                self.spare.push(frame);
                // A long stretch of these must not pile up.
                if n.is_multiple_of(CHUNK as u64) {
                    self.lines.write(&self.ports, &self.names)?;
                }
                continue;
            }
            frame.seq = n;
            frame.port = if from_internet { INTERNET } else { entries.get(origin.input).copied().unwrap_or(INTERNET) };
            chunk.push(frame);
        }
        Ok((chunk, true))
    }

    /// Writes down what became of frames.
    fn take(&mut self, done: Vec<Done>, engine: &Memory) -> Outcome {
        for d in done {
            self.captures.write(&d, &self.names, engine.topology())?;
            self.summary.count(&d);
            self.summary.sent += d.out.len() as u64;
            self.end(d.seq, End::Judged(d.verdict, Out::of(&d)))?;
            if self.spare.len() < CHUNK {
                self.spare.extend(d.out.into_iter().map(|(_, frame)| frame));
            }
        }
        self.lines.write(&self.ports, &self.names)
    }

    fn end(&mut self, n: u64, end: End) -> Outcome {
        match self.lines.end(n, end) {
            true => Ok(()),
            false => Err(Failure::user(format_args!("frame {n} got a second verdict"))),
        }
    }
}

/// Tells that frames to the host will find nobody.
fn unreachable_port(spec: &Spec, stack: &Stack) -> Outcome {
    if let Some(port) = ports::find(stack, &spec.port)?
        && spec.host.is_some_and(|h| h.is_ipv4())
        && port.primary_public().is_none()
    {
        warn(format_args!(
            "{} has no public address: frames to host={} enter the internet as they are",
            spec.port,
            spec.host.map(|h| h.to_string()).unwrap_or_default()
        ));
    }
    Ok(())
}

/// The directory, without what an earlier replay left there.
fn prepare(dir: &Path, stack: &Stack, inputs: &[Spec]) -> Outcome {
    std::fs::create_dir_all(dir).with_context(|| format!("cannot create the directory {}", dir.display()))?;
    let read: HashMap<PathBuf, &Spec> = inputs.iter().filter_map(|s| Some((s.file.canonicalize().ok()?, s))).collect();
    let captures = stack.ports.iter().flat_map(|p| &p.names).map(String::as_str).chain([ports::INTERNET_NAME]);
    for path in captures.map(|name| Captures::path(dir, name)) {
        let Ok(real) = path.canonicalize() else { continue };
        if read.contains_key(&real) {
            return Err(Failure::user(format_args!("{} is an input: choose another --out", path.display())));
        }
        std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Outcome {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(())
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A line on stderr that says how far it is; only for people, and only when it takes a while.
struct Progress {
    total: u64,
    shown: bool,
    next: Option<Instant>,
}

impl Progress {
    const PAUSE: Duration = Duration::from_millis(500);

    fn new(total: u64) -> Progress {
        let next = std::io::stderr().is_terminal().then(|| Instant::now() + Progress::PAUSE);
        Progress { total, shown: false, next }
    }

    fn at(&mut self, frames: u64) {
        let now = Instant::now();
        if self.next.is_some_and(|next| now >= next) {
            let percent = frames * 100 / self.total.max(1);
            let _ = write!(std::io::stderr(), "\r{frames} of {} frames ({percent} %)", self.total);
            self.next = Some(now + Progress::PAUSE);
            self.shown = true;
        }
    }

    fn end(&self) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
    }
}
