//! The machine underneath: network namespaces as instances, TAP devices as their interfaces, and cleaning up after them.
//!
//! A [`Space`] is what an instance needs: a namespace visible to `ip netns` (`vpcd-<LogicalId>` under `vpcd up`, `vpcd-<instance id>`
//! under `vpcd serve`), with a device [`Link`] per interface. The hosts of the internet share one ([`Space::internet`]). A [`Lab`]
//! makes spaces, changes and removes them while the engine runs, and hands over the queues that the engine serves; [`Plan::of`] says
//! which spaces a template needs. When the lab is dropped, everything is gone again. What a killed process left behind is recognised
//! by its state file ([`claim`]) and removed by the next one. [`access::obtain`] finds out by which rights all this may happen: as root,
//! or in a user namespace of our own. [`exec`] runs a command in a namespace from outside.
//!
//! Configuration goes through `ip`, as a person would do it by hand; only what `ip` cannot do (creating a device inside a namespace
//! with many queues of ours, entering a user namespace, waiting for signals) is a system call, in `sys`.

pub mod access;
pub mod claim;
mod command;
pub mod exec;
mod lab;
mod plan;
mod processes;
pub mod signals;
#[allow(unsafe_code)]
mod sys;
mod user_data;

pub use lab::{Device, Lab};
pub use plan::{INTERNET_NAMESPACE, Link, Plan, Routes, Space};
pub(crate) use sys::raise_descriptor_limit;
pub use user_data::Console;

use std::io;
use std::path::PathBuf;

/// Where `ip netns` looks for namespaces.
pub const NETNS: &str = "/run/netns";

/// Why the machine cannot carry a stack; each says what to do about it in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(
        "vpcd needs root or a user namespace of its own, and {what} ({source}): run it with sudo, or have root allow user namespaces (`sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000`, on Ubuntu also `kernel.apparmor_restrict_unprivileged_userns=0`)"
    )]
    NoRights { what: &'static str, source: io::Error },
    #[error(
        "/dev/net/tun is missing: load it with `modprobe tun`, or give it to the container with `--device /dev/net/tun`"
    )]
    NoTun,
    #[error("/dev/net/tun may not be opened ({0}): run vpcd with sudo, or have root do `chmod 666 /dev/net/tun`")]
    TunClosed(io::Error),
    #[error("`ip` is missing: install it with `apt-get install iproute2`")]
    NoIp,
    #[error("process {pid} runs vpcd here and has the namespace {namespace}: end it first (`kill {pid}`)")]
    Running { pid: u32, namespace: String },
    #[error("a namespace {0} exists that vpcd did not make: rename it, or remove it with `ip netns del {0}`")]
    Foreign(String),
    #[error("{0:?} cannot name a namespace: choose `vpcd-` and letters, digits, '-', '_' and '.'")]
    Name(String),
    #[error("this process has a namespace {0} already: remove it first")]
    Taken(String),
    #[error(
        "there is no namespace {0}: is the instance running, and does its server run here and as the same user? (`ip netns` lists those of root)"
    )]
    NoNamespace(String),
    #[error("{namespace} has no such device {device}: attach the interface first")]
    NoDevice { namespace: String, device: String },
    #[error("processes in a namespace do not end ({source}): end them with `kill -9 {pids}`")]
    Processes { pids: String, source: io::Error },
    #[error("`ip {arguments}` failed: {message}")]
    Ip { arguments: String, message: String },
    #[error("{namespace}: cannot {what}: {source}")]
    Namespace { namespace: String, what: String, source: io::Error },
    #[error("{namespace}: {source}")]
    Device { namespace: String, source: vpcd_io::tap::TapError },
    #[error("{}: {source}", path.display())]
    State { path: PathBuf, source: io::Error },
}

/// Result of this module.
pub type Result<T> = std::result::Result<T, HostError>;
