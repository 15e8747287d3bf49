//! Instances as hosts: a thread that makes namespaces and ports of what the Region says should run, in the order in which it says so.
//!
//! [`Order`]s come from the writer after each publish. A call that launches, stops or rearranges instances is answered when its order has
//! been carried out ([`Hosts::done`]); other calls do not wait. What could not be made is told to who asks ([`Hosts::take_failures`]).

use super::log::{self, Level};
use crate::report::{Failure, Outcome};
use dashmap::DashMap;
use serde_json::json;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;
use vpcd_control::ec2::Machine;
use vpcd_control::host::{Console, Device, INTERNET_NAMESPACE, Lab, Link, Space};
use vpcd_control::model::Id;
use vpcd_dataplane::topology::{INTERNET, PortNo};
use vpcd_io::live::{Live, LivePort};

/// What should be after a publish.
pub(super) struct Order {
    /// Of the publish.
    pub(super) serial: u64,
    /// Instances that may have changed; none: it should not be there.
    pub(super) instances: Vec<(Id, Option<Wanted>)>,
}

/// A host as it should be.
#[derive(Clone)]
pub(super) struct Wanted {
    /// What people call it: its logical id in a template, else its id.
    pub(super) label: String,
    pub(super) space: Space,
    /// Port of each link.
    pub(super) ports: Vec<PortNo>,
    /// Decoded.
    pub(super) user_data: Option<Vec<u8>>,
}

/// The namespace of an instance.
pub(super) fn namespace(instance: &str) -> String {
    format!("vpcd-{instance}")
}

/// The thread, and what it tells.
pub(super) struct Hosts {
    done: watch::Receiver<u64>,
    consoles: Arc<DashMap<Id, Console>>,
    failures: Arc<Mutex<Vec<(Id, String)>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Hosts {
    /// Starts with a namespace for the internet, if that has hosts here. The thread ends, and all hosts with it, when the sender of orders is dropped.
    pub(super) fn start(
        live: Arc<Live>,
        queues: usize,
        internet: Option<&[IpAddr]>,
    ) -> Outcome<(Hosts, Sender<Order>)> {
        let mut lab = Lab::new(queues).map_err(Failure::user)?;
        for pid in lab.ended() {
            log::line(Level::Warning, "removed what a killed process left behind", &json!({ "pid": pid }));
        }
        let internet = internet.map(|hosts| Space::internet(INTERNET_NAMESPACE, hosts.iter().copied()));
        for device in lab.add_all(internet.into_iter().collect()).map_err(Failure::user)? {
            let port = LivePort::new(INTERNET, crate::ports::INTERNET_NAME, device.queues);
            live.plug(port).map_err(Failure::user)?;
        }
        let (orders, queue) = channel();
        let (progress, done) = watch::channel(0);
        let (consoles, failures) = (Arc::<DashMap<Id, Console>>::default(), Arc::<Mutex<Vec<_>>>::default());
        let keeper = Keeper {
            lab,
            live,
            hosts: HashMap::new(),
            consoles: Arc::clone(&consoles),
            failures: Arc::clone(&failures),
            progress,
        };
        let thread = std::thread::Builder::new().name("hosts".into()).spawn(move || keeper.run(&queue));
        let thread = Mutex::new(Some(thread.map_err(Failure::user)?));
        Ok((Hosts { done, consoles, failures, thread }, orders))
    }

    /// Waits until the order of this publish has been carried out.
    pub(super) async fn done(&self, serial: u64) {
        // An error: the thread has ended, and nothing is waited for any more.
        let _ = self.done.clone().wait_for(|done| *done >= serial).await;
    }

    /// Whether what the Region began with has been carried out. Also when nothing will be any more.
    pub(super) fn stand(&self) -> bool {
        *self.done.borrow() > 0 || self.done.has_changed().is_err()
    }

    /// Instances that could not be made, and why; each is told once.
    pub(super) fn take_failures(&self) -> Vec<(Id, String)> {
        std::mem::take(&mut *self.failures.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for the thread, whose sender must be gone.
    pub(super) fn join(&self) {
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // A panic has been reported by itself.
            let _ = thread.join();
        }
    }
}

impl Machine for Hosts {
    fn console(&self, instance: &str) -> Option<Vec<u8>> {
        Some(self.consoles.get(instance)?.text())
    }
}

/// What the thread has.
struct Keeper {
    lab: Lab,
    live: Arc<Live>,
    /// What stands.
    hosts: HashMap<Id, Wanted>,
    consoles: Arc<DashMap<Id, Console>>,
    failures: Arc<Mutex<Vec<(Id, String)>>>,
    progress: watch::Sender<u64>,
}

impl Keeper {
    fn run(mut self, queue: &Receiver<Order>) {
        while let Ok(order) = queue.recv() {
            let mut new = Vec::new();
            for (id, wanted) in order.instances {
                match (self.hosts.get(&id).cloned(), wanted) {
                    (None, None) => {}
                    // After what gives way to them.
                    (None, Some(wanted)) => new.push((id, wanted)),
                    (Some(old), None) => {
                        let done = self.end(&id, &old);
                        self.note(id, &old.label, done);
                    }
                    (Some(old), Some(wanted)) => {
                        let label = wanted.label.clone();
                        let done = self.change(&id, old, wanted);
                        self.note(id, &label, done);
                    }
                }
            }
            self.launch(new);
            self.progress.send_replace(order.serial);
        }
        let ports: Vec<PortNo> = self.hosts.values().flat_map(|h| h.ports.clone()).chain([INTERNET]).collect();
        for port in ports {
            let _ = self.live.unplug(port);
        }
        if let Err(e) = self.lab.close() {
            log::line(Level::Error, "hosts were left behind", &json!({"error": e.to_string()}));
        }
    }

    /// Says at once what went wrong, and keeps it for who asked.
    fn note(&self, id: Id, label: &str, done: Result<(), String>) {
        let Err(message) = done else { return };
        let fields = json!({"instance": id, "name": label, "error": message});
        log::line(Level::Error, "an instance is not what it should be", &fields);
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push((id, message));
    }

    /// Makes hosts together, which is faster than one by one; if that fails, one by one, which tells who is at fault.
    fn launch(&mut self, new: Vec<(Id, Wanted)>) {
        if new.is_empty() {
            return;
        }
        let made = self.lab.add_all(new.iter().map(|(_, w)| w.space.clone()).collect());
        let alone = new.len() == 1;
        let mut devices = match made {
            Ok(devices) => devices.into_iter(),
            Err(e) if alone => return new.into_iter().for_each(|(id, w)| self.note(id, &w.label, Err(text(&e)))),
            Err(_) => return new.into_iter().for_each(|one| self.launch(vec![one])),
        };
        for (id, wanted) in new {
            let own = devices.by_ref().take(wanted.ports.len()).collect();
            let label = wanted.label.clone();
            let done = self.connect(&id, wanted, own);
            self.note(id, &label, done);
        }
    }

    /// Plugs in a host that stands, and starts its user data.
    fn connect(&mut self, id: &Id, new: Wanted, devices: Vec<Device>) -> Result<(), String> {
        let name = new.space.name.clone();
        self.hosts.insert(id.clone(), new.clone());
        for (device, port) in devices.into_iter().zip(&new.ports) {
            self.plug(*port, device)?;
        }
        let Some(script) = &new.user_data else { return Ok(()) };
        let console = self.lab.run_user_data(&name, script).map_err(text)?;
        self.consoles.insert(id.clone(), console);
        Ok(())
    }

    fn end(&mut self, id: &Id, old: &Wanted) -> Result<(), String> {
        for port in &old.ports {
            self.live.unplug(*port).map_err(text)?;
        }
        self.lab.remove(&old.space.name).map_err(text)?;
        self.hosts.remove(id);
        Ok(())
    }

    fn change(&mut self, id: &Id, old: Wanted, new: Wanted) -> Result<(), String> {
        let name = &new.space.name;
        let (before, after) = (links(&old), links(&new));
        for (device, (link, port)) in &before {
            // Another interface at the same place is another device.
            if after.get(device).is_none_or(|(l, p)| l.mac != link.mac || p != port) {
                self.live.unplug(*port).map_err(text)?;
                self.lab.remove_link(name, device).map_err(text)?;
            }
        }
        for (device, (link, port)) in &after {
            match before.get(device).filter(|(l, p)| l.mac == link.mac && p == port) {
                Some((old, _)) if old == link => {}
                Some(_) => self.lab.reconfigure(name, (*link).clone()).map_err(text)?,
                None => {
                    let device = self.lab.add_link(name, (*link).clone()).map_err(text)?;
                    self.plug(*port, device)?;
                }
            }
        }
        drop((before, after));
        self.hosts.insert(id.clone(), new);
        Ok(())
    }

    fn plug(&self, port: PortNo, device: Device) -> Result<(), String> {
        let name = device.port.unwrap_or_default();
        self.live.plug(LivePort::new(port, name, device.queues)).map_err(text)
    }
}

/// Links by device name, with their ports.
fn links(host: &Wanted) -> HashMap<&str, (&Link, PortNo)> {
    host.space.links.iter().zip(&host.ports).map(|(l, p)| (l.device.as_str(), (l, *p))).collect()
}

fn text(e: impl ToString) -> String {
    e.to_string()
}
