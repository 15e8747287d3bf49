//! `vpcd bench pipeline` without the command line around it, for measuring while the rest does not build.

use clap::Parser;
use vpcd_bench::alloc::Counting;

#[global_allocator]
static HEAP: Counting = Counting;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: vpcd_bench::PipelineArgs,
}

fn main() -> anyhow::Result<()> {
    vpcd_bench::pipeline::run(&Cli::parse().args)
}
