//! By which rights namespaces and devices are made.

use super::{HostError, Result, sys};
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};

/// Bits of the capabilities that namespaces and devices need.
const NET_ADMIN: u64 = 1 << 12;
const SYS_ADMIN: u64 = 1 << 21;

/// How we got our rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// They were there: the machine's own `/run/netns` is used.
    Root,
    /// By namespaces of our own: nothing of the machine is touched, and `/run` is an empty one that only we see.
    OwnNamespaces,
}

/// Makes sure that namespaces and devices can be made. To be called before the process has a second thread.
pub fn obtain() -> Result<Access> {
    tun()?;
    // Many devices are many descriptors; if the limit stays, opening one of them will say so.
    let _ = sys::raise_descriptor_limit();
    if capable(&fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        return Ok(Access::Root);
    }
    own_namespaces()?;
    Ok(Access::OwnNamespaces)
}

fn tun() -> Result<()> {
    match OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => Ok(()),
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Err(HostError::TunClosed(e)),
        // There is no such file, or no driver behind it.
        Err(_) => Err(HostError::NoTun),
    }
}

/// Whether `/proc/self/status` shows the capabilities we need.
fn capable(status: &str) -> bool {
    let line = status.lines().find_map(|l| l.strip_prefix("CapEff:"));
    let bits = line.and_then(|l| u64::from_str_radix(l.trim(), 16).ok()).unwrap_or(0);
    bits & (NET_ADMIN | SYS_ADMIN) == NET_ADMIN | SYS_ADMIN
}

/// Becomes root of a user namespace that has one user: us.
fn own_namespaces() -> Result<()> {
    let failed = |what| move |source: io::Error| HostError::NoRights { what, source };
    let (user, group) = sys::ids();
    sys::leave_for_own_namespaces().map_err(failed("the kernel refuses one"))?;
    fs::write("/proc/self/uid_map", format!("0 {user} 1")).map_err(failed("the kernel refuses to map our user"))?;
    // A process without rights outside may map its group only after giving up the choice of others.
    fs::write("/proc/self/setgroups", "deny").map_err(failed("the kernel refuses to map our group"))?;
    fs::write("/proc/self/gid_map", format!("0 {group} 1")).map_err(failed("the kernel refuses to map our group"))?;
    sys::mount_empty(c"/run").map_err(failed("the kernel refuses a mount in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_capabilities_are_needed() {
        assert!(capable("Name:\tvpcd\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n"));
        assert!(!capable("CapEff:\t0000000000001000\n"));
        assert!(!capable("CapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n"));
        assert!(!capable("nothing"));
    }
}
