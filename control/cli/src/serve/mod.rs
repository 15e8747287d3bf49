//! `vpcd serve`: the EC2 API in front of VPCs that forward packets.
//!
//! [`config`] says where and who, [`service`] answers calls for each Region, [`plane`] makes packets obey them. A call's way:
//! `vpcd_control::http` reads and authenticates it, [`service`] picks the Region, `vpcd_control::ec2` runs it; a change goes through the
//! Region's writer to the store and to [`plane`], and is answered when all workers run under it.

mod bindings;
mod config;
mod control;
mod hosts;
mod log;
mod metrics;
mod notify;
mod plane;
mod service;

use crate::report::{Failure, Outcome, print, warn};
use crate::stack::{TemplateArgs, pair};
use anyhow::Context;
use config::Config;
use log::Level;
use notify::Notifier;
use serde_json::json;
use service::Front;
use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use vpcd_control::host::signals::{self, Wish};
use vpcd_control::host::{access, claim};
use vpcd_control::http::{Credentials, Options, Server, admissible};
use vpcd_control::model::Model;
use vpcd_control::template::default_hosts;

/// How often it looks whether something went wrong by itself.
const GLANCE: Duration = Duration::from_secs(1);
/// How often it looks whether the first hosts stand.
const STEP: Duration = Duration::from_millis(10);

/// Serve the EC2 API; what it builds forwards real packets
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  vpcd serve --ephemeral &\n  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_DEFAULT_REGION=us-east-1\n  aws ec2 create-vpc --cidr-block 10.0.0.0/16"
)]
pub struct Args {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:4566")]
    listen: SocketAddr,
    /// Where what was acknowledged survives
    #[arg(long, value_name = "DIR", required_unless_present = "ephemeral")]
    state: Option<PathBuf>,
    /// Keep nothing; also lets test suites start afresh with POST /moto-api/reset
    #[arg(long, conflicts_with = "state")]
    ephemeral: bool,
    /// What instances are: network namespaces on this machine, or records only
    #[arg(long, value_enum, default_value_t = Kind::Netns)]
    hosts: Kind,
    /// Threads that forward packets
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Threads that read and answer calls
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    api_threads: u16,
    /// Account, Region, zones, pools, quotas (docs/serve.md)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keys that callers sign with, as in ~/.aws/credentials; without it any caller is believed, on loopback only
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Begin with the resources of this CloudFormation template, YAML or JSON; the state must be new
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Value of a parameter of --template, instead of its default
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair, requires = "template")]
    parameters: Vec<(String, String)>,
    /// Where `vpcd status`, `attach`, `detach` and `export` ask [default: /run/vpcd.sock as root, else $XDG_RUNTIME_DIR/vpcd.sock]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Have no control socket
    #[arg(long, conflicts_with = "socket")]
    no_socket: bool,
    /// What is logged: errors, also warnings, also each call
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::Info)]
    log_level: Level,
    /// Print one JSON object instead of the ready line
    #[arg(long)]
    json: bool,
}

/// What instances are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    Netns,
    None,
}

/// What the home Region of a template begins with: the default VPC, as every Region, and the template's resources. Its Region and its hosts
/// of the internet go before the configuration's.
fn begin(config: &mut Config, file: &Path, parameters: &[(String, String)]) -> Outcome<Model> {
    let template = TemplateArgs { template: file.into(), parameters: parameters.to_vec() };
    if let Some(region) = template.region()? {
        config.region = region;
        // Zones are of a Region.
        config.check().map_err(|e| Failure::user(e.text))?;
    }
    let stack = template.load_into(config.fresh(&config.region))?;
    // The usual ones are what a template has that names none.
    if stack.internet != default_hosts() {
        config.internet = stack.internet.into_iter().flat_map(|h| h.addresses).collect();
    }
    Ok(stack.model)
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    let mut config = Config::load(args.config.as_deref())?;
    let first = match &args.template {
        Some(file) => Some(begin(&mut config, file, &args.parameters)?),
        None => None,
    };
    log::limit(args.log_level);
    let credentials = match &args.credentials {
        Some(file) => {
            let (keys, warning) = Credentials::read(file).map_err(Failure::user)?;
            warning.iter().for_each(warn);
            Some(keys)
        }
        None => None,
    };
    admissible(args.listen, credentials.as_ref()).map_err(Failure::user)?;
    let anybody = credentials.is_none();
    // Before the process may move into a network of its own.
    let listener = TcpListener::bind(args.listen)
        .map_err(|e| Failure::user(format_args!("cannot listen on {}: {e}", args.listen)))?;
    let control = if args.no_socket { None } else { control::choose(args.socket.as_deref())? };
    let notifier = Notifier::new();
    if args.hosts == Kind::Netns {
        access::obtain().map_err(Failure::user)?;
    }
    // Before the first thread, so that all of them leave the signals to us.
    signals::hold().context("cannot hold signals")?;
    claim::release_on_panic();
    let front = Arc::new(Front::open(&config, args, first)?);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.api_threads.into())
        .thread_name("api")
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let options = Options { region: config.region.clone(), credentials, ..Options::default() };
    let server = {
        let _inside = runtime.enter();
        Server::of(listener, options).context("cannot listen")?
    };
    let address = server.address().context("cannot tell the address")?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = runtime.spawn(server.serve(Arc::clone(&front), async {
        // An error is an end as well: the other side is gone.
        let _ = stopped.await;
    }));

    if let Some(control) = control {
        let front = Arc::clone(&front);
        runtime.spawn(async move {
            if let Err(e) = control.serve(front).await {
                log::line(Level::Error, "the control socket failed", &json!({"error": e.to_string()}));
            }
        });
    }

    let began = hosts_stand(&front)?;
    if began {
        runtime.block_on(front.settle_first());
        announce(args, &config, address)?;
        if anybody {
            log::line(Level::Warning, "no credentials are configured: any signature is accepted", &json!({}));
        }
        notifier.ready();
        attend(&front)?;
    }
    notifier.stopping();
    let _ = stop.send(());
    let unfinished = runtime.block_on(serving).context("the API failed")?;
    if unfinished > 0 {
        log::line(Level::Warning, "calls were cut off at the end", &json!({"count": unfinished}));
    }
    drop(runtime);
    // Nobody else has it: what ran on the runtime has ended with it.
    Arc::into_inner(front).map_or(Ok(()), Front::close)
}

/// Waits until the hosts that the Region begins with stand; `false` if it is over before.
fn hosts_stand(front: &Front) -> Outcome<bool> {
    while !front.hosts_stand() {
        let ends = signals::next(STEP).context("cannot wait for signals")? == Some(Wish::End);
        if ends || front.live.failed() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The line that says where calls are taken.
fn announce(args: &Args, config: &Config, address: SocketAddr) -> Outcome {
    print(&if args.json {
        format!("{}\n", json!({"ready": true, "endpoint": format!("http://{address}"), "region": config.region}))
    } else {
        format!("ready: http://{address}, Region {}, account {}; Ctrl-C ends\n", config.region, config.account)
    })
}

/// Waits until somebody says that it is over, or a worker has failed; says which ports are in trouble, each once.
fn attend(front: &Front) -> Outcome {
    let mut told = HashSet::new();
    loop {
        match signals::next(GLANCE).context("cannot wait for signals")? {
            Some(Wish::End) => return Ok(()),
            Some(Wish::Report) | None => {}
        }
        // The error comes out where the engine is stopped.
        if front.live.failed() {
            return Ok(());
        }
        front.watch();
        let faults = front.live.faults();
        for fault in &faults {
            if told.insert(fault.port) {
                let (names, error) = (front.metrics.names(), &fault.error);
                let fields = json!({"port": names.port_id(fault.port), "error": error});
                log::line(Level::Error, "a port receives nothing any more", &fields);
            }
        }
        told.retain(|port| faults.iter().any(|f| f.port == *port));
    }
}
