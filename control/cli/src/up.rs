//! `vpcd up`: the stack as network namespaces on this machine, with real frames between them.

mod counters;

use crate::ports;
use crate::report::{Failure, Outcome, print, warn};
use crate::stack::TemplateArgs;
use anyhow::Context;
use counters::Report;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::time::Duration;
use vpcd_control::host::access::{self, Access};
use vpcd_control::host::signals::{self, Wish};
use vpcd_control::host::{HostError, Lab, Plan, claim};
use vpcd_control::template::{PortInfo, Stack};
use vpcd_dataplane::engine::Config;
use vpcd_io::live::{Live, LivePort, Recording};

/// How often we look whether the workers are still there.
const GLANCE: Duration = Duration::from_millis(500);

/// Makes the stack real: a network namespace with a TAP device for each instance, and one for the internet.
///
/// Prints one line that begins with `ready` once all ports forward, and runs until Ctrl-C; then it prints what it counted, ends what
/// still runs in its namespaces and removes everything it made. Without root it works inside a user namespace of its own, and the
/// ready line says how to enter it. Namespaces are `vpcd-<LogicalId>` and `vpcd-internet`; the latter has the hosts of the template's
/// `Metadata.Vpcd.Internet`. `kill -USR1` makes it write its counters to the file given with --counters.
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Example:\n  vpcd up docs/examples/nat.yaml --record captures\n  ip netns exec vpcd-Db curl http://192.0.2.77/        # in another terminal"
)]
pub struct Args {
    #[command(flatten)]
    template: TemplateArgs,
    /// Threads that forward. With one, a replay of the recording makes every choice again; with more, flows that begin at the same moment may get each other's NAT ports
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Write what each port received to DIR/PORT.pcapng, and what was sent to it to DIR/out/PORT.pcapng
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Print the object of `check --json` when ready, in one line, and the counters as one at the end
    #[arg(long)]
    json: bool,
    /// Seed of NAT ports and hashes, instead of a random one
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where SIGUSR1 writes the counters, as JSON
    #[arg(long, value_name = "FILE")]
    counters: Option<PathBuf>,
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    // All that can be wrong is found before anything is started.
    let loaded = args.template.load()?;
    let compiled = loaded.compile();
    let access = access::obtain().map_err(host)?;
    if access == Access::OwnNamespaces {
        let hidden = |path: &&PathBuf| std::path::absolute(path).is_ok_and(|p| p.starts_with("/run"));
        if let Some(path) = args.record.iter().chain(&args.counters).find(hidden) {
            let path = path.display();
            return Err(Failure::user(format_args!(
                "{path} would be lost: without root, /run is private to this process; choose a place elsewhere"
            )));
        }
    }
    // Before the first thread, so that all of them leave the signals to us.
    signals::hold().context("cannot hold signals")?;
    claim::release_on_panic();

    let workers = usize::from(args.workers);
    let mut lab = Lab::new(workers).map_err(host)?;
    let devices = lab.add_all(Plan::of(&loaded.stack).spaces).map_err(host)?;
    for pid in lab.ended() {
        warn(format_args!("removed what process {pid} left behind when it was killed"));
    }
    let mut live_ports = Vec::new();
    let mut names = Vec::new();
    for device in devices {
        let port = device.port.as_deref().and_then(|name| loaded.stack.port(name));
        let number = ports::number(&compiled.topology, &compiled.names, port)?;
        let name = port.map_or(ports::INTERNET_NAME, |p| p.name()).to_owned();
        names.push((number, name.clone()));
        live_ports.push(LivePort::new(number, name, device.queues));
    }
    let seed = args.seed.unwrap_or_else(|| RandomState::new().hash_one(std::process::id()));
    let comments = vec![format!("seed={seed}"), format!("template={}", loaded.digest)];
    let recording = args.record.clone().map(|dir| Recording { dir, comments, out: true });
    // As many sessions as a replay has: what it repeats must not fail for want of room.
    let config = Config { seed, workers, sessions: crate::replay::SESSIONS, ..Config::default() };
    let live = Live::start(config, compiled.topology, live_ports, recording).context("cannot start the engine")?;
    // Its first packets find everything forwarding.
    for (namespace, script) in user_data(&loaded.stack) {
        lab.run_user_data(&namespace, &script).map_err(host)?;
    }

    if args.json {
        print(&format!("{}\n", ports::json(&loaded.stack)))?;
    } else {
        print(&ready(&lab, access, seed))?;
    }
    let ended = attend(args, &live, &lab, &names, seed);
    // What the kernel dropped is asked while the devices are there: they go with the engine.
    let kernel = lab.kernel_counters();
    let total = live.stop().context("the engine failed");
    let removed = lab.close().map_err(host);
    let report = Report::new(&total?, &kernel.map_err(host)?, &names, seed);
    print(&if args.json { format!("{}\n", report.json()) } else { report.text() })?;
    ended.and(removed)?;
    report.check()
}

/// The user data of instances, by namespace, in template order.
fn user_data(stack: &Stack) -> Vec<(String, Vec<u8>)> {
    let eth0 = stack.ports.iter().filter(|p| p.device_index == Some(0));
    let of = |p: &PortInfo| {
        let on = &stack.model.interfaces().get(&p.id)?.attachment.as_ref()?.instance;
        Some((p.namespace.clone()?, stack.model.instances().get(on)?.details.script()?))
    };
    eth0.filter_map(of).collect()
}

/// Does what signals ask until one says it is over.
fn attend(args: &Args, live: &Live, lab: &Lab, names: &[(u32, String)], seed: u64) -> Outcome {
    loop {
        match signals::next(GLANCE).context("cannot wait for signals")? {
            Some(Wish::End) => return Ok(()),
            Some(Wish::Report) => match &args.counters {
                Some(file) => {
                    let report = Report::new(&live.counters(), &lab.kernel_counters().map_err(host)?, names, seed);
                    if let Err(e) = replace(file, &format!("{}\n", report.json())) {
                        warn(format_args!("{}: {e}", file.display()));
                    }
                }
                None => warn("SIGUSR1 without --counters FILE does nothing"),
            },
            // The error comes out where the engine is stopped.
            None if live.failed() => return Ok(()),
            None => {
                if let Some(fault) = live.faults().first() {
                    let name = names.iter().find(|(port, _)| *port == fault.port).map_or("?", |(_, name)| name);
                    return Err(Failure::user(format_args!("port {name}: {}", fault.error)));
                }
            }
        }
    }
}

fn ready(lab: &Lab, access: Access, seed: u64) -> String {
    let instances = lab.spaces().len().saturating_sub(1);
    let links: usize = lab.spaces().map(|s| s.links.len()).sum();
    let example = lab.spaces().next().map_or("", |s| &s.name);
    let enter = match access {
        Access::Root => String::new(),
        Access::OwnNamespaces => format!("nsenter -t {} -U -n -m --preserve-credentials ", std::process::id()),
    };
    let s = |n: usize| if n == 1 { "" } else { "s" };
    format!(
        "ready: {instances} instance{}, {links} port{}, seed {seed}; try `{enter}ip netns exec {example} ping ...`; Ctrl-C ends\n",
        s(instances),
        s(links)
    )
}

/// Readers see the old text or the new one, never half of it.
fn replace(file: &Path, text: &str) -> std::io::Result<()> {
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".new");
    std::fs::write(&unfinished, text)?;
    std::fs::rename(&unfinished, file)
}

/// Its text names the cause already.
fn host(error: HostError) -> Failure {
    Failure::user(error)
}
