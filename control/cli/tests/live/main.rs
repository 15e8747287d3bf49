//! `vpcd up` with the kernel at the other end: real namespaces, real clients. Runs only with `VPCD_LIVE=1`; needs root or user
//! namespaces, /dev/net/tun, iproute2, ping, curl, dig and python3.
//!
//! Each test runs again inside network and mount namespaces of its own, where its `vpcd` is the only one and nothing can be left behind.

#[path = "../../../tests/host_live/isolation.rs"]
mod isolation;
mod lab;
mod life;
mod rights;
mod traffic;
