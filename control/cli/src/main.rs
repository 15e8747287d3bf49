//! `vpcd`: an Amazon VPC that forwards packets. The commands live in the library; here they get their names.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use vpcd::{check, explain, replay, report, up};

/// An Amazon VPC that really forwards packets
#[derive(Parser)]
#[command(name = "vpcd", version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Explain(explain::Args),
    Replay(replay::Args),
    Up(up::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Up(args) => up::run(&args),
    };
    report::finish(outcome)
}
