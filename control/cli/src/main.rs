//! `vpcd`: an Amazon VPC that forwards packets. The commands live in the library; here they get their names.
#![forbid(unsafe_code)]

use clap::{Parser, Subcommand};
use std::process::ExitCode;
use vpcd::{attach, check, exec, explain, export, replay, report, serve, status, up, zone};
use vpcd_bench::BenchCommand;
use vpcd_bench::alloc::Counting;

/// Counts for `bench`, which promises no allocation per packet; one counter per thread, so nothing else pays for it.
#[global_allocator]
static HEAP: Counting = Counting;

/// An Amazon VPC that really forwards packets
#[derive(Parser)]
#[command(name = "vpcd", version, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Attach(attach::AttachArgs),
    /// Measures what forwarding and looking up cost on this machine
    #[command(subcommand, after_help = "Example:\n  vpcd bench pipeline --case full --flows 65536")]
    Bench(BenchCommand),
    Check(check::Args),
    Detach(attach::DetachArgs),
    Exec(exec::Args),
    Explain(explain::Args),
    Export(export::Args),
    Replay(replay::Args),
    Serve(serve::Args),
    Status(status::Args),
    Up(up::Args),
    #[command(subcommand)]
    Zone(zone::Command),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Attach(args) => attach::attach(&args),
        Command::Bench(command) => command.run().map_err(Into::into),
        Command::Check(args) => check::run(&args),
        Command::Detach(args) => attach::detach(&args),
        Command::Exec(args) => exec::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Status(args) => status::run(&args),
        Command::Up(args) => up::run(&args),
        Command::Zone(command) => command.run(),
    };
    report::finish(outcome)
}
