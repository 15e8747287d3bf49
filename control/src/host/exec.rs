//! Running a command in a namespace, from another process than the one that made it: `vpcd exec`.
//!
//! What root made is in `/run/netns`. What somebody else made is in a `/run` that only their server sees: that server is found by its
//! state file, through `/proc`, and the command begins in its user and mount namespaces. There, as everywhere, `ip netns exec` does the
//! rest: it also shows the command a `/sys` of its network, and the files of `/etc/netns`.

use super::{HostError, NETNS, Result, claim, sys};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a command in a namespace with our own input and output, and answers its exit code as a shell would: 128 and the signal's number
/// if a signal ended it. Where there is no such command, `ip` says so on standard error, and the code is not 0.
pub fn run(namespace: &str, argv: &[String]) -> Result<i32> {
    let status = command(namespace, argv)?.status().map_err(|e| refused(namespace, e))?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)))
}

/// Becomes that command, so that signals, terminal and exit code are its own. Comes back only with what prevented it.
pub fn replace(namespace: &str, argv: &[String]) -> HostError {
    match command(namespace, argv) {
        Ok(mut command) => refused(namespace, command.exec()),
        Err(e) => e,
    }
}

fn refused(namespace: &str, source: std::io::Error) -> HostError {
    match source.kind() {
        ErrorKind::NotFound => HostError::NoIp,
        _ => HostError::Namespace { namespace: namespace.into(), what: "run a command in it".into(), source },
    }
}

fn command(namespace: &str, argv: &[String]) -> Result<Command> {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).args(argv);
    let nowhere = || HostError::NoNamespace(namespace.into());
    if !claim::is_name(namespace) {
        return Err(nowhere());
    }
    if !Path::new(NETNS).join(namespace).exists() {
        let server = server(namespace).ok_or_else(nowhere)?;
        let open = |kind: &str| File::open(server.join("ns").join(kind)).map_err(|e| refused(namespace, e));
        let user = if same(&server, "user") { None } else { Some(open("user")?) };
        let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
        // A path from the kernel has no zero byte.
        let here = CString::new(here.as_os_str().as_bytes()).unwrap_or_default();
        sys::begin_inside(&mut command, user, open("mnt")?, here);
    }
    Ok(command)
}

/// The directory in `/proc` of the living process that has this namespace. Only our own user's processes are asked: in somebody else's
/// mount namespace a command is whatever they put there.
fn server(namespace: &str) -> Option<PathBuf> {
    let me = fs::metadata("/proc/self").ok()?.uid();
    let numbers = fs::read_dir("/proc").ok()?.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    let mut mine = numbers.map(|pid| (pid, PathBuf::from(format!("/proc/{pid}"))));
    let found = mine.find(|(pid, dir)| {
        fs::metadata(dir).is_ok_and(|m| m.uid() == me) && claim::claims(&dir.join("root"), *pid, namespace)
    })?;
    Some(found.1)
}

fn same(server: &Path, kind: &str) -> bool {
    let identity = |dir: &Path| fs::metadata(dir.join("ns").join(kind)).ok().map(|m| (m.dev(), m.ino()));
    identity(server) == identity(Path::new("/proc/self"))
}
