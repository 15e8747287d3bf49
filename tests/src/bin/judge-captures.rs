//! Captures through the VPC of a template, judged by `vpcd replay` and by the reference model; see `vpcd_tests::captures`.
#![forbid(unsafe_code)]

use clap::Parser;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;
use vpcd_tests::captures::judge::{Bench, Judged};
use vpcd_tests::captures::product::Product;
use vpcd_tests::captures::tally::Tally;
use vpcd_tests::captures::world;

/// Replays captures with host= through a template and compares every frame with the reference model.
///
/// In each capture the busiest host takes the place of the port. Exit status: 0 if both agree about every frame and the shares asked
/// for are reached, 1 if not, 2 if the command line makes no sense.
#[derive(Parser, Debug)]
struct Args {
    /// The built program
    #[arg(long, value_name = "FILE")]
    vpcd: PathBuf,
    /// Template to replay through
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// Port whose place the hosts take
    #[arg(long, default_value = "Host")]
    port: String,
    /// Numbers of workers to replay with, each
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1")]
    workers: Vec<u8>,
    /// Least frames from or to a host
    #[arg(long, value_name = "N", default_value_t = 1)]
    handful: usize,
    /// Stop after N captures that could be judged
    #[arg(long, value_name = "N")]
    most: Option<u64>,
    /// Fail if fewer captures could be judged
    #[arg(long, value_name = "N", default_value_t = 1)]
    least: u64,
    /// Fail if a smaller part of the hosts' frames is forwarded
    #[arg(long, value_name = "PERCENT")]
    forwarded: Option<f64>,
    /// Fail if fewer pairs of stage and reason occur
    #[arg(long, value_name = "N")]
    pairs: Option<usize>,
    /// Print the sums as one JSON object
    #[arg(long)]
    json: bool,
    /// Captures, and directories to look for them (*.pcap, *.pcapng, *.cap)
    #[arg(required = true)]
    captures: Vec<PathBuf>,
}

thread_local! {
    /// What this thread is at, for the last words of a panic.
    static AT: RefCell<String> = const { RefCell::new(String::new()) };
}

fn main() -> ExitCode {
    let args = Args::parse();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        AT.with_borrow(|at| eprintln!("\nthe model or the driver gave up over {at}"));
        hook(info);
    }));
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("judge-captures: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool, String> {
    let said = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    let text = std::fs::read_to_string(&args.template).map_err(|e| said(&args.template, e))?;
    let stack = vpcd_control::template::load(&text, &args.template.display().to_string(), &BTreeMap::new())
        .map_err(|errors| errors.iter().map(|e| format!("{e}\n")).collect::<String>())?;
    let named = world::of(&stack);
    let port = (1..=named.world.enis.len() as u32).find(|p| named.port(*p) == args.port);
    let port = port.ok_or_else(|| format!("{} has no port {}", args.template.display(), args.port))?;
    let product = Product {
        vpcd: args.vpcd.clone(),
        template: args.template.clone(),
        port: args.port.clone(),
        workers: args.workers.clone(),
    };
    let bench = Bench { product: &product, named: &named, port, handful: args.handful };
    let mut captures = Vec::new();
    for path in &args.captures {
        find(path, &mut captures).map_err(|e| said(path, e))?;
    }
    let work = std::env::temp_dir().join(format!("judge-captures.{}", std::process::id()));
    std::fs::create_dir_all(&work).map_err(|e| said(&work, e))?;
    let tally = judge_all(&bench, &captures, &work, args.most.unwrap_or(u64::MAX));
    // What cannot be removed lies in the place for such things.
    let _ = std::fs::remove_dir_all(&work);

    if args.json {
        println!("{}", tally.json());
    } else {
        print!("{}", tally.text());
    }
    let pairs = tally.all.product.pairs().len();
    let failures = [
        (tally.all.disagreements > 0).then(|| format!("{} disagreements", tally.all.disagreements)),
        (tally.all.unaccounted > 0).then(|| format!("{} frames unaccounted for", tally.all.unaccounted)),
        (tally.judged < args.least).then(|| format!("only {} captures, {} wanted", tally.judged, args.least)),
        args.forwarded
            .filter(|least| tally.forwarded() < *least)
            .map(|least| format!("{:.1} % forwarded, {least} % wanted", tally.forwarded())),
        args.pairs
            .filter(|least| pairs < *least)
            .map(|least| format!("{pairs} pairs of stage and reason, {least} wanted")),
    ];
    for failure in failures.iter().flatten() {
        eprintln!("judge-captures: {}: {failure}", args.template.display());
    }
    Ok(failures.iter().all(Option::is_none))
}

/// Captures below a path, by name.
fn find(path: &Path, captures: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        // Named by the user, or found by its name.
        captures.push(path.into());
        return Ok(());
    }
    let mut below: Vec<PathBuf> = std::fs::read_dir(path)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    below.sort();
    for path in below {
        let known = path.extension().is_some_and(|e| ["pcap", "pcapng", "cap"].iter().any(|k| e == *k));
        if path.is_dir() || known {
            find(&path, captures)?;
        }
    }
    Ok(())
}

/// What is still to do, and what was done.
struct Progress {
    next: usize,
    /// Judged, but for captures before it that are not: sums are in the order of the names.
    waiting: BTreeMap<usize, Judged>,
    added: usize,
    tally: Tally,
    shown: Option<Instant>,
}

fn judge_all(bench: &Bench<'_>, captures: &[PathBuf], work: &Path, most: u64) -> Tally {
    let shown = std::io::stderr().is_terminal().then(Instant::now);
    let progress = Progress { next: 0, waiting: BTreeMap::new(), added: 0, tally: Tally::default(), shown };
    let progress = Mutex::new(progress);
    let lock = || progress.lock().expect("nobody panics and lives");
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let at = {
                        let mut p = lock();
                        if p.next >= captures.len() || p.tally.judged >= most {
                            return;
                        }
                        p.next += 1;
                        p.next - 1
                    };
                    AT.set(captures[at].display().to_string());
                    let dir = work.join(at.to_string());
                    let judged = bench.judge(&captures[at], &dir);
                    let _ = std::fs::remove_dir_all(&dir);
                    lock().done(at, judged, captures, most);
                }
            });
        }
    });
    let progress = progress.into_inner().expect("nobody panics and lives");
    if progress.shown.is_some() {
        eprint!("\r\x1b[K");
    }
    progress.tally
}

impl Progress {
    fn done(&mut self, at: usize, judged: Judged, captures: &[PathBuf], most: u64) {
        self.waiting.insert(at, judged);
        while let Some(judged) = self.waiting.remove(&self.added)
            && self.tally.judged < most
        {
            let name = captures[self.added].file_name().unwrap_or_default().to_string_lossy();
            self.tally.add(&name, &judged);
            self.added += 1;
            if self.shown.is_some() {
                let t = &self.tally;
                eprint!("\r\x1b[K{} of {} captures, {} frames: {name}", self.added, captures.len(), t.all.frames);
                let _ = std::io::stderr().flush();
            }
        }
    }
}
