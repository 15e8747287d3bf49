//! `vpcd exec`: a command inside an instance.

use crate::report::{Failure, Outcome};
use vpcd_control::host::exec;

/// Run a command in an instance of `vpcd serve` or `vpcd up`
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  vpcd exec i-0a1b2c3d4e5f60718 -- ping -c 3 10.0.1.5\n  vpcd exec internet -- curl http://198.51.100.1/"
)]
pub struct Args {
    /// Id of the instance (its logical id under `up`), or `internet`
    instance: String,
    /// The command and its arguments
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

/// Runs it: becomes the command, so that its exit status is ours.
pub fn run(args: &Args) -> Outcome {
    Err(Failure::user(exec::replace(&format!("vpcd-{}", args.instance), &args.command)))
}
