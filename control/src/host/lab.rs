//! Making what a plan says, and taking it away again.

use super::claim::Claim;
use super::plan::{Plan, Space};
use super::{HostError, NETNS, Result, command, sys};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use vpcd_io::tap::{self, KernelCounters, Tap, TapQueue};

/// Settings of the kernel in each namespace, before its devices exist. None of them matters to what passes; they keep the kernel from
/// sending packets that nobody asked for, and from judging packets that the VPC has judged already.
const SETTINGS: [(&str, &str); 16] = [
    // Addresses are ours to give: none is probed for, none made up, no router listened to.
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/default/dad_transmits", "0"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    ("ipv6/conf/default/autoconf", "0"),
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv6/conf/default/use_tempaddr", "0"),
    // Link-local addresses follow from the MAC, where the fabric expects them.
    ("ipv6/conf/default/addr_gen_mode", "0"),
    // One report of multicast groups, at once, instead of several spread over seconds.
    ("ipv6/mld_qrv", "1"),
    ("ipv6/conf/default/mldv1_unsolicited_report_interval", "1"),
    ("ipv6/conf/default/mldv2_unsolicited_report_interval", "1"),
    // Instances with two interfaces and middleboxes see packets by the "wrong" interface.
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    // A machine may have it switched on, and new namespaces inherit it.
    ("ipv4/conf/all/forwarding", "0"),
    ("ipv4/conf/default/forwarding", "0"),
];

/// A device that stands ready, with the queues that the engine serves.
#[derive(Debug)]
pub struct Device {
    /// Display name of the port; `None`: the internet's.
    pub port: Option<String>,
    pub queues: Vec<TapQueue>,
}

/// Namespaces and devices of a stack. All is gone when this is.
#[derive(Debug)]
pub struct Lab {
    plan: Plan,
    devices: Vec<Device>,
    claim: Claim,
    ended: Vec<u32>,
}

impl Lab {
    /// Makes everything; each device gets that many queues. What killed processes left is removed first.
    pub fn build(plan: Plan, queues: usize) -> Result<Lab> {
        let (claim, ended) = Claim::new(&plan.names())?;
        // Whatever fails from here on, the claim takes away what was made.
        let mut lab = Lab { plan, devices: Vec::new(), claim, ended };
        let names: String = lab.plan.spaces.iter().map(|s| format!("netns add {}\n", s.name)).collect();
        command::ip(&[], &names, false)?;
        for space in &lab.plan.spaces {
            lab.devices.extend(within(&space.name, || make_devices(space, queues))??);
            command::ip(&["-n", &space.name], &space.script(), false)?;
        }
        Ok(lab)
    }

    /// Processes that were killed and whose leftovers were removed.
    pub fn ended(&self) -> &[u32] {
        &self.ended
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The devices, for the engine to serve. They exist as long as their queues are open.
    pub fn take_devices(&mut self) -> Vec<Device> {
        std::mem::take(&mut self.devices)
    }

    /// What the kernel counted for each device, by the name of its port: what it dropped there, the engine never saw.
    pub fn kernel_counters(&self) -> Result<Vec<(Option<String>, KernelCounters)>> {
        let mut all = Vec::new();
        for space in &self.plan.spaces {
            let read = || space.links.iter().map(|l| Ok((l.port.clone(), tap::kernel_counters(&l.device)?))).collect();
            let counted: std::result::Result<Vec<_>, tap::TapError> = within(&space.name, read)?;
            all.extend(counted.map_err(|source| HostError::Device { namespace: space.name.clone(), source })?);
        }
        Ok(all)
    }

    /// Takes everything away, and says so if it cannot.
    pub fn remove(self) -> Result<()> {
        drop(self.devices);
        self.claim.release()
    }
}

/// Runs something in a namespace, on a thread that is thrown away afterwards: a thread that has left its network does not come back.
fn within<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> Result<T> {
    let failed = |what: &str, source| HostError::Namespace { namespace: namespace.into(), what: what.into(), source };
    let file = File::open(Path::new(NETNS).join(namespace)).map_err(|e| failed("open it", e))?;
    let run = || {
        let inside = std::thread::Builder::new();
        std::thread::scope(|scope| {
            let thread = inside.spawn_scoped(scope, || sys::enter_network(&file).map(|()| work()))?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    };
    run().map_err(|e: io::Error| failed("enter it", e))
}

fn make_devices(space: &Space, queues: usize) -> Result<Vec<Device>> {
    for (name, value) in SETTINGS {
        match fs::write(Path::new("/proc/sys/net").join(name), value) {
            Ok(()) => {}
            // Older kernels have fewer settings, and some have no IPv6.
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            Err(source) => {
                return Err(HostError::Namespace {
                    namespace: space.name.clone(),
                    what: format!("set net/{name}"),
                    source,
                });
            }
        }
    }
    // Lets everybody ping. A user namespace does not map all groups: there only its root may, who is who asks.
    let _ = fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
    let mut devices = Vec::new();
    for link in &space.links {
        let failed = |source| HostError::Device { namespace: space.name.clone(), source };
        let queues = Tap::create(&link.device, queues).map_err(failed)?;
        tap::set_mac(&link.device, link.mac).map_err(failed)?;
        tap::set_mtu(&link.device, link.mtu).map_err(failed)?;
        devices.push(Device { port: link.port.clone(), queues });
    }
    Ok(devices)
}
