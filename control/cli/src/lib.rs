//! The commands of `vpcd`, one module each, and what they share.
//!
//! Every other command begins with a template: [`stack`] reads and compiles it, [`ports`] says which ports it has. [`replay`] feeds
//! captures to the engine in memory, [`explain`] asks it about one packet, [`check`] shows what the template became,
//! [`up`] makes it real. [`serve`] begins with nothing, or with what it stored, and takes calls of the EC2 API. [`export`] writes what is
//! there as a template; [`status`], [`attach`] and [`zone`] ask a running one over its [`socket`]. [`report`] is how a command ends: what it prints,
//! and the exit status.
//!
//! It is a library so that tests elsewhere can read captures in the very order that `replay` does.
#![forbid(unsafe_code)]

pub mod attach;
pub mod check;
pub mod exec;
pub mod explain;
pub mod export;
pub mod names;
pub mod ports;
pub mod replay;
pub mod report;
pub mod serve;
pub mod socket;
pub mod stack;
pub mod status;
pub mod up;
pub mod zone;
