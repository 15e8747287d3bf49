//! Where frames come from and where they go: TAP devices of the kernel, interfaces of the host, capture files, queues in memory.
//!
//! The dataplane never asks what is behind a port. It takes frames from a [`port::Port`], and gives frames to one; this crate
//! holds the kinds of port there are, the reader and writer of capture files that replay and recording stand on, and the wrappers
//! that write down or spoil what passes through. Nothing here looks further into a frame than the link layer, and only
//! what is live ([`live`], [`player`]) reads a clock: otherwise times come from captures or from the caller.
//!
//! System calls that safe Rust has no word for live in `sys`, the one module where `unsafe` may stand.
#![deny(unsafe_code)]

pub mod capture;
pub mod live;
pub mod packet;
pub mod player;
pub mod poll;
pub mod port;
#[allow(unsafe_code)]
mod sys;
pub mod tap;
