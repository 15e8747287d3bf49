//! `vpcd bench lookup` without the command line around it.

use clap::Parser;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: vpcd_bench::LookupArgs,
}

fn main() -> anyhow::Result<()> {
    vpcd_bench::lookup::run(&Cli::parse().args)
}
