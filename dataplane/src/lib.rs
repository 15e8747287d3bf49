//! Frames in, frames out: the dataplane of `vpcd`. It knows a VPC only as compiled tables
//! ([`topology::Topology`]) that somebody else built and published; it knows no HTTP, no AWS ids and no clock of its own.
//!
//! A newcomer reads [`topology`] (what is known), [`pipeline`] (the way of a packet, gate by gate),
//! [`session`] (what is remembered about flows) and [`engine`] (who runs it on which core), in that order.
#![forbid(unsafe_code)]

pub mod engine;
pub mod nat;
pub mod pipeline;
pub mod session;
mod shares;
pub mod topology;

pub use vpcd_tables as tables;
pub use vpcd_wire as wire;
