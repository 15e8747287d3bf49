//! Namespaces of its own for each live test, where nothing else is and nothing can be left behind. Shared with the tests of the command.

use std::process::Command;

/// Set in the child that lives in the namespaces; its value is the name of the test.
const INSIDE: &str = "VPCD_LIVE_INSIDE";

/// Runs a test's body in namespaces of its own. `name` is the path of the test.
pub(crate) fn isolated(name: &str, body: impl FnOnce()) {
    if std::env::var_os("VPCD_LIVE").is_none_or(|v| v != "1") {
        println!("left out: set VPCD_LIVE=1 to run it");
        return;
    }
    if std::env::var_os(INSIDE).is_some_and(|v| v == name) {
        body();
        return;
    }
    let own: &[&str] =
        if is_root() { &["--net", "--mount"] } else { &["--net", "--mount", "--user", "--map-root-user"] };
    let status = Command::new("unshare")
        .args(own)
        .args(["sh", "-c", "mount -t tmpfs -o mode=0755 tmpfs /run && ip link set lo up && exec \"$@\"", "live"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, name)
        .status()
        .expect("unshare (util-linux) is needed");
    assert!(status.success(), "{name} failed in its namespaces");
}

/// Root of the machine, not of a user namespace.
pub(crate) fn is_root() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    sh("id -u").trim() == "0" && map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// What a shell command says; it must succeed.
pub(crate) fn sh(command: &str) -> String {
    let out = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// Names of the namespaces that `ip` sees.
pub(crate) fn namespaces() -> Vec<String> {
    let mut names: Vec<String> =
        sh("ip netns").lines().map(|l| l.split_whitespace().next().unwrap().to_owned()).collect();
    names.sort();
    names
}

/// Neither a namespace nor a state file nor a device.
#[track_caller]
pub(crate) fn nothing_is_left() {
    assert_eq!(namespaces(), [""; 0]);
    assert!(!std::path::Path::new("/run/vpcd").exists(), "{}", sh("ls /run/vpcd"));
    assert_eq!(sh("ip -br link | wc -l").trim(), "1", "only lo was ever here");
}
