//! Making namespaces and devices, changing them, and taking them away again.

use super::claim::Claim;
use super::plan::{Link, Space};
use super::user_data::{Console, UserData};
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

/// Namespaces that come and go while the engine runs. All are gone when this is.
#[derive(Debug)]
pub struct Lab {
    // Goes before the hosts: it ends what their user data started.
    claim: Claim,
    hosts: Vec<Host>,
    queues: usize,
    ended: Vec<u32>,
}

/// A namespace that stands.
#[derive(Debug)]
struct Host {
    space: Space,
    user_data: Option<UserData>,
}

impl Lab {
    /// No namespace yet; each device will get that many queues. What killed processes left is removed first. A process has one lab.
    pub fn new(queues: usize) -> Result<Lab> {
        let (claim, ended) = Claim::new()?;
        Ok(Lab { claim, hosts: Vec::new(), queues, ended })
    }

    /// Makes namespaces and their devices, all or none, and answers the devices in the order of the spaces and their links. A device
    /// exists as long as its queues are open.
    pub fn add_all(&mut self, spaces: Vec<Space>) -> Result<Vec<Device>> {
        let names: Vec<String> = spaces.iter().map(|s| s.name.clone()).collect();
        self.ended.extend(self.claim.add(&names)?);
        match make(&spaces, self.queues) {
            Ok(devices) => {
                self.hosts.extend(spaces.into_iter().map(|space| Host { space, user_data: None }));
                Ok(devices)
            }
            Err(e) => {
                // What made it fail is what matters; what stays is still claimed and goes with the lab.
                let _ = self.claim.remove(&names);
                Err(e)
            }
        }
    }

    /// [`add_all`](Lab::add_all) for one.
    pub fn add(&mut self, space: Space) -> Result<Vec<Device>> {
        self.add_all(vec![space])
    }

    /// Takes a namespace away: ends what runs in it, then it and its devices go, whether their queues are closed or not.
    pub fn remove(&mut self, name: &str) -> Result<()> {
        let index = self.index(name)?;
        let removed = self.claim.remove(&[name.to_owned()]);
        // If it could not be removed, this can be tried again.
        if !self.claim.has(name) {
            self.hosts.remove(index);
        }
        removed
    }

    /// Gives a namespace another device.
    pub fn add_link(&mut self, name: &str, link: Link) -> Result<Device> {
        let queues = self.queues;
        let space = &mut self.host(name)?.space;
        if space.links.iter().any(|l| l.device == link.device) {
            let source = tap::TapError::Exists { name: link.device };
            return Err(HostError::Device { namespace: name.into(), source });
        }
        let device = within(name, || {
            let device = make_device(&link, queues).map_err(in_device(name))?;
            command::ip(Some(name), &link.script(), false)?;
            Ok(device)
        })??;
        space.links.push(link);
        Ok(device)
    }

    /// Takes a device out of a namespace. With its last queue it is gone by itself; a queue that is still open reads nothing from now on.
    pub fn remove_link(&mut self, name: &str, device: &str) -> Result<()> {
        let space = &mut self.host(name)?.space;
        let index = space.links.iter().position(|l| l.device == device);
        let index = index.ok_or_else(|| no_device(name, device))?;
        within(name, || match tap::kernel_counters(device) {
            Ok(_) => command::ip(Some(name), &format!("link del {device}\n"), false),
            Err(_) => Ok(()),
        })??;
        space.links.remove(index);
        Ok(())
    }

    /// Gives a device the addresses and routes of `link`, which is otherwise the one that it has. Connections over addresses that stay
    /// are not disturbed, unless the primary IPv4 address changes.
    pub fn reconfigure(&mut self, name: &str, link: Link) -> Result<()> {
        let space = &mut self.host(name)?.space;
        let old = space.links.iter_mut().find(|l| l.device == link.device && l.mac == link.mac);
        let old = old.ok_or_else(|| no_device(name, &link.device))?;
        within(name, || {
            let (going, coming) = old.change(&link);
            // Who is root in the instance may have taken some away already: what matters is that they are gone.
            let _ = command::ip(Some(name), &going, true);
            let done = command::ip(Some(name), &coming, false);
            if done.is_err() {
                // Back to what it was, as far as that goes: the caller's change has not happened.
                let (undo, redo) = link.change(old);
                let _ = command::ip(Some(name), &(undo + &redo), true);
            }
            done
        })??;
        *old = link;
        Ok(())
    }

    /// Starts user data, decoded, in a namespace whose ports forward: a script that begins with `#!`. Anything else is left alone, and
    /// the console says so. The script has our rights and its own network; it and what it left running end with the namespace.
    pub fn run_user_data(&mut self, name: &str, data: &[u8]) -> Result<Console> {
        let host = self.host(name)?;
        // One at a time: a script that still runs from before ends here.
        host.user_data = None;
        let user_data = UserData::start(name, data)?;
        let console = user_data.console.clone();
        host.user_data = Some(user_data);
        Ok(console)
    }

    /// What user data has said so far in a namespace, the last 64 KB of it.
    pub fn console(&self, name: &str) -> Vec<u8> {
        let host = self.hosts.iter().find(|h| h.space.name == name);
        host.and_then(|h| h.user_data.as_ref()).map(|u| u.console.text()).unwrap_or_default()
    }

    /// Processes that were killed and whose leftovers were removed.
    pub fn ended(&self) -> &[u32] {
        &self.ended
    }

    /// What stands, in the order in which it was added.
    pub fn spaces(&self) -> impl ExactSizeIterator<Item = &Space> {
        self.hosts.iter().map(|h| &h.space)
    }

    /// What the kernel counted for each device, by the name of its port: what it dropped there, the engine never saw.
    pub fn kernel_counters(&self) -> Result<Vec<(Option<String>, KernelCounters)>> {
        let mut all = Vec::new();
        for space in self.spaces() {
            let read = || space.links.iter().map(|l| Ok((l.port.clone(), tap::kernel_counters(&l.device)?))).collect();
            let counted: std::result::Result<Vec<_>, tap::TapError> = within(&space.name, read)?;
            all.extend(counted.map_err(in_device(&space.name))?);
        }
        Ok(all)
    }

    /// Takes everything away, and says so if it cannot.
    pub fn close(self) -> Result<()> {
        self.claim.release()
    }

    fn index(&self, name: &str) -> Result<usize> {
        let index = self.hosts.iter().position(|h| h.space.name == name);
        index.ok_or_else(|| HostError::NoNamespace(name.into()))
    }

    fn host(&mut self, name: &str) -> Result<&mut Host> {
        let index = self.index(name)?;
        Ok(&mut self.hosts[index])
    }
}

fn make(spaces: &[Space], queues: usize) -> Result<Vec<Device>> {
    let names: String = spaces.iter().map(|s| format!("netns add {}\n", s.name)).collect();
    command::ip(None, &names, false)?;
    let mut devices = Vec::new();
    for space in spaces {
        devices.extend(within(&space.name, || {
            let devices = make_devices(space, queues)?;
            command::ip(Some(&space.name), &space.script(), false)?;
            Ok(devices)
        })??);
    }
    Ok(devices)
}

fn in_device(namespace: &str) -> impl Fn(tap::TapError) -> HostError {
    move |source| HostError::Device { namespace: namespace.into(), source }
}

fn no_device(namespace: &str, device: &str) -> HostError {
    HostError::NoDevice { namespace: namespace.into(), device: device.into() }
}

/// Runs something in a namespace, and what it starts too, on a thread that is thrown away afterwards: a thread that has left its network
/// does not come back. (`ip -n` would copy all mounts of the machine to do so, of which every namespace is two.)
pub(super) fn within<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> Result<T> {
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
    space.links.iter().map(|link| make_device(link, queues).map_err(in_device(&space.name))).collect()
}

fn make_device(link: &Link, queues: usize) -> std::result::Result<Device, tap::TapError> {
    let queues = Tap::create(&link.device, queues)?;
    tap::set_mac(&link.device, link.mac)?;
    tap::set_mtu(&link.device, link.mtu)?;
    Ok(Device { port: link.port.clone(), queues })
}
