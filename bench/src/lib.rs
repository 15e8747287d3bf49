//! What `vpcd bench` runs, and what the criterion benches are built from. [`pipeline`] sends frames through the whole dataplane
//! in memory and says what one costs; [`lookup`] does the same for the route tables alone. Everything they need is made here from
//! fixed seeds: the VPC ([`cases`]), the frames ([`traffic`]), BGP-like tables ([`lookup`]), and the two
//! instruments without which a figure means little, a counter of allocations ([`alloc`]) and a thermometer of the machine ([`probe`]).
//!
//! A command line mounts [`BenchCommand`] and calls [`BenchCommand::run`].
#![deny(unsafe_code)]

pub mod alloc;
pub mod cases;
pub mod dir24;
pub mod lane;
pub mod lookup;
pub mod pipeline;
pub mod probe;
pub mod random;
pub mod traffic;

pub use lookup::LookupArgs;
pub use pipeline::{PipelineArgs, Report};

/// Measures this machine
#[derive(Clone, Debug, clap::Subcommand)]
pub enum BenchCommand {
    Pipeline(PipelineArgs),
    Lookup(LookupArgs),
}

impl BenchCommand {
    /// Measures and prints.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            BenchCommand::Pipeline(args) => pipeline::run(args),
            BenchCommand::Lookup(args) => lookup::run(args),
        }
    }
}
