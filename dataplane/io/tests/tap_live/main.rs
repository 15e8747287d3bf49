//! Real devices in a network namespace of their own. Needs root or user namespaces, /dev/net/tun and iproute2, so it runs only when
//! `VPCD_LIVE=1` asks for it.

mod device;
mod engine;
#[path = "../../../tests/common/mod.rs"]
mod lab;

use std::os::unix::fs::MetadataExt;
use std::process::Command;

/// Set in the child that lives in the new namespace; its value is the name of the test.
const INSIDE: &str = "VPCD_LIVE_INSIDE";

/// Runs a test again in a fresh network namespace, which goes when it ends. `name` is the path of the test.
fn isolated(name: &str, body: impl FnOnce()) {
    if std::env::var_os("VPCD_LIVE").is_none_or(|v| v != "1") {
        println!("left out: set VPCD_LIVE=1 to run it");
        return;
    }
    if std::env::var_os(INSIDE).is_some_and(|v| v == name) {
        body();
        return;
    }
    // Root needs no user namespace, and some kernels give none.
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let status = Command::new("unshare")
        .args(if root { &["--net"][..] } else { &["--user", "--map-root-user", "--net"] })
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, name)
        .status()
        .expect("unshare (util-linux) is needed");
    assert!(status.success(), "{name} failed in its namespace");
}

/// What `ip` says; it must succeed.
fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().expect("ip (iproute2) is needed");
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
