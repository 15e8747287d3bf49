//! Lookup structures of the dataplane: which route an address takes ([`fib`]) and whether a rule
//! list lets a packet through ([`filter`]). Tables and lists are built whole, maps of addresses are changed by copies that
//! share what stays ([`share`]); what a worker sees is immutable. Lookups never allocate,
//! lock or panic. Nothing here knows packets, VPCs or ids: the pipeline brings an address or a
//! key and gets back a number that it wrote there itself.

#![forbid(unsafe_code)]

pub mod fib;
pub mod filter;
pub mod share;
