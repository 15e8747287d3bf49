//! The host room with the kernel underneath: namespaces that come, change and go while their owner runs. Runs only with `VPCD_LIVE=1`;
//! needs root or user namespaces, /dev/net/tun, iproute2 and util-linux.
//!
//! Each test runs again inside network and mount namespaces of its own, where its lab is the only one and nothing can be left behind.

mod isolation;
mod lab;
mod life;
mod scripts;
