//! The control socket: what `vpcd status`, `attach`, `detach`, `export` and `zone` ask ([`crate::socket`] says how).

use super::log::{self, Level};
use super::metrics;
use super::service::Front;
use crate::export::Format;
use crate::report::{Failure, Outcome};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use vpcd_control::model::{Binding, Model, NatGateway, NetworkInterface, Zone};
use vpcd_dataplane::topology::{INTERNET, Link};

/// Bytes of a request.
const LONGEST: u64 = 64 * 1024;
/// Connections at a time; others wait.
const CONNECTIONS: usize = 16;
/// A connection on which nothing is asked for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

/// A socket that listens. It is removed with this.
pub(super) struct Control {
    listener: UnixListener,
    path: PathBuf,
    /// Says that the path is ours, as long as it is open.
    _lock: File,
}

impl Drop for Control {
    fn drop(&mut self) {
        // Without root, the place may be out of sight by now; the next server replaces it.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Control {
    /// Listens at a path, for our user only; `None` if another server does. What a killed one left there is replaced.
    pub(super) fn open(path: &Path) -> io::Result<Option<Control>> {
        let beside = |suffix: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let lock = File::options().create(true).truncate(false).write(true).open(beside(".lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        if path.symlink_metadata().is_ok_and(|m| !m.file_type().is_socket()) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something else"));
        }
        // In a directory that is closed to others until the socket is: nobody connects in between.
        let closet = beside(".new");
        let _ = std::fs::remove_dir_all(&closet);
        DirBuilder::new().mode(0o700).create(&closet)?;
        let make = || -> io::Result<UnixListener> {
            let inside = closet.join("socket");
            let listener = UnixListener::bind(&inside)?;
            std::fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
            std::fs::rename(&inside, path)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let listener = make();
        let _ = std::fs::remove_dir_all(&closet);
        Ok(Some(Control { listener: listener?, path: path.into(), _lock: lock }))
    }

    /// Answers until it is dropped. Within a runtime.
    pub(super) async fn serve(self, front: Arc<Front>) -> io::Result<()> {
        let listener = tokio::net::UnixListener::from_std(self.listener.try_clone()?)?;
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(e) => {
                    // Descriptors may be short for a while.
                    log::line(Level::Warning, "cannot accept at the control socket", &json!({"error": e.to_string()}));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let front = Arc::clone(&front);
            tokio::spawn(async move {
                // Who has gone needs no answer.
                let _ = converse(stream, &front).await;
                drop(place);
            });
        }
    }
}

async fn converse(stream: UnixStream, front: &Front) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(LONGEST);
        let read = bounded.read_until(b'\n', &mut line);
        if tokio::time::timeout(IDLE, read).await?? == 0 {
            return Ok(());
        }
        let whole = line.ends_with(b"\n");
        let answer = match serde_json::from_slice(&line) {
            Ok(request) if whole => front.command(request).await,
            Ok(_) => Err("the request has no end of line, or is too long".into()),
            Err(e) => Err(format!("not a request: {e}")),
        };
        let answer = answer.unwrap_or_else(|error| json!({ "error": error }));
        writer.write_all(format!("{answer}\n").as_bytes()).await?;
        if !whole {
            return Ok(());
        }
    }
}

/// What may be asked.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Command {
    Status,
    /// `port`: the id of a free interface or of a virtual private gateway.
    Attach {
        port: String,
        to: Binding,
    },
    Detach {
        port: String,
    },
    Export {
        region: Option<String>,
        format: Format,
    },
    Zones,
    Impair {
        zone: String,
    },
    Restore {
        zone: String,
    },
}

impl Front {
    async fn command(&self, command: Command) -> Result<Value, String> {
        match command {
            // Waits until each worker has finished its round.
            Command::Status => tokio::task::block_in_place(|| self.status()),
            Command::Export { region, format } => {
                let template = self.export(region.as_deref(), format).await?;
                Ok(json!({ "template": template }))
            }
            Command::Attach { port, to } => self.attach(port, to).await,
            Command::Detach { port } => {
                let answer = json!({ "port": port });
                let change = move |m: &mut Model| m.unbind_port(&port).map(|()| String::new());
                let home = self.home().map_err(|e| e.message)?;
                home.api.region().change(Box::new(change)).await.map_err(|e| e.message)?;
                Ok(answer)
            }
            Command::Zones => {
                let picture = self.home().map_err(|e| e.message)?.api.region().read();
                let zones = picture.model.availability_zones().iter().map(|z| zone_line(&picture.model, z));
                Ok(json!({ "zones": zones.collect::<Vec<_>>() }))
            }
            Command::Impair { zone } => self.impair(zone, true).await,
            Command::Restore { zone } => self.impair(zone, false).await,
        }
    }

    async fn impair(&self, zone: String, impaired: bool) -> Result<Value, String> {
        let home = self.home().map_err(|e| e.message)?;
        let name = zone.clone();
        let change = move |m: &mut Model| m.impair_zone(&name, impaired).map(|()| String::new());
        home.api.region().change(Box::new(change)).await.map_err(|e| e.message)?;
        let picture = home.api.region().read();
        let zone = picture.model.availability_zones().iter().find(|z| z.name == zone);
        Ok(zone.map_or(Value::Null, |z| zone_line(&picture.model, z)))
    }

    async fn attach(&self, port: String, to: Binding) -> Result<Value, String> {
        let uplink = self.config.uplink.as_ref().map(|u| u.interface.as_str());
        if let Some(device) = to.device().filter(|d| Some(*d) == uplink) {
            return Err(format!("'{device}' is the uplink"));
        }
        let home = self.home().map_err(|e| e.message)?;
        let id = port.clone();
        let change = move |m: &mut Model| m.bind_port_to(&id, to).map(|()| String::new());
        home.api.region().change(Box::new(change)).await.map_err(|e| e.message)?;
        if let Some(problem) = self.bindings.problem(&port) {
            let id = port.clone();
            let undo = move |m: &mut Model| m.unbind_port(&id).map(|()| String::new());
            home.api.region().change(Box::new(undo)).await.map_err(|e| format!("{problem}; and {}", e.message))?;
            return Err(problem);
        }
        let picture = home.api.region().read();
        let eni = picture.model.interfaces().get(&port);
        let mac = eni.map_or(Link::MAC, |e| e.mac).to_string();
        Ok(json!({"port": port, "mac": mac, "addresses": eni.map(addresses).unwrap_or_default()}))
    }

    fn status(&self) -> Result<Value, String> {
        let (counters, usage) = self.live.report();
        let (names, topology) = (self.metrics.names(), self.live.topology());
        let picture = self.home().map_err(|e| e.message)?.api.region().read();
        let model = &picture.model;
        let faults: HashMap<_, _> = self.live.faults().into_iter().map(|f| (f.port, f.error)).collect();
        let mut dropped: HashMap<u32, u64> = HashMap::new();
        let mut drops = Vec::new();
        for (port, stage, reason, n) in counters.all_drops() {
            *dropped.entry(port).or_default() += n;
            drops.push(
                json!({"port": names.port_id(port), "stage": stage.name(), "reason": reason.name(), "frames": n}),
            );
        }
        let mut ports = Vec::new();
        for port in metrics::ports(&topology, &counters) {
            let id = names.port_id(port);
            let eni = model.interfaces().get(id);
            let counts = counters.port(port);
            // A port where nothing can be has no line.
            let used = counts != Default::default() || eni.map_or(model.binding(id).is_some(), |e| model.plugged(e));
            if port != INTERNET && !used {
                continue;
            }
            let problem = faults.get(&port).cloned().or_else(|| self.bindings.problem(id));
            ports.push(json!({
                "port": id, "at": if port == INTERNET { self.uplink() } else { place(model, id) },
                "addresses": eni.map(addresses).unwrap_or_default(),
                "received": counts.received, "received_bytes": counts.received_bytes,
                "sent": counts.sent, "sent_bytes": counts.sent_bytes,
                "dropped": dropped.get(&port).copied().unwrap_or(0),
                "conntrack_allowance_exceeded": counts.allowance_exceeded, "problem": problem,
            }));
        }
        Ok(json!({
            "region": self.config.region, "account": self.config.account,
            "uptime_seconds": self.metrics.started.elapsed().as_secs_f64(),
            "generation": topology.generation, "serial": picture.serial,
            "workers": self.metrics.workers, "workers_up": !self.live.failed(),
            "sessions": { "used": usage.sessions, "capacity": usage.capacity, "bytes": usage.bytes },
            "walks": counters.walks, "rewalks": counters.rewalks, "ports": ports, "drops": drops,
            "impaired_zones": model.impaired_zones(),
        }))
    }

    fn uplink(&self) -> Option<String> {
        match &self.config.uplink {
            Some(uplink) => Some(format!("interface {}", uplink.interface)),
            None => self.hosts.as_ref().map(|_| crate::ports::INTERNET_NAMESPACE.into()),
        }
    }
}

/// A zone, how it is, and its NAT gateways.
fn zone_line(m: &Model, z: &Zone) -> Value {
    let here = |n: &&NatGateway| n.available() && m.subnets().get(&n.subnet).is_some_and(|s| s.zone == z.name);
    let gateways: Vec<&str> = m.nat_gateways().iter().filter(here).map(|n| n.id.as_str()).collect();
    json!({"zone": z.name, "id": z.id, "state": m.zone_state(&z.name).name(), "nat_gateways": gateways})
}

/// What is behind a port: its instance's namespace, or what was attached.
fn place(model: &Model, port: &str) -> Option<String> {
    match model.binding(port) {
        Some(Binding::Tap(name)) => Some(format!("tap {name}")),
        Some(Binding::Interface(name)) => Some(format!("interface {name}")),
        Some(Binding::Capture { input, .. }) => Some(format!("capture {}", input.display())),
        None => {
            let attachment = model.interfaces().get(port)?.attachment.as_ref();
            attachment.map(|a| super::hosts::namespace(&a.instance))
        }
    }
}

fn addresses(eni: &NetworkInterface) -> Vec<String> {
    eni.private.iter().map(ToString::to_string).chain(eni.ipv6.iter().map(ToString::to_string)).collect()
}

/// The socket that the command line asks for, or the usual one if there is a place for it.
pub(super) fn choose(named: Option<&Path>) -> Outcome<Option<Control>> {
    let Some(path) = named.map(PathBuf::from).or_else(crate::socket::default_path) else {
        log::line(Level::Warning, "no control socket: there is no XDG_RUNTIME_DIR", &json!({}));
        return Ok(None);
    };
    let shown = path.display();
    match Control::open(&path) {
        Ok(Some(control)) => Ok(Some(control)),
        Ok(None) => {
            let fields = json!({"path": shown.to_string()});
            log::line(Level::Warning, "no control socket: another server listens there", &fields);
            Ok(None)
        }
        Err(e) if named.is_some() => Err(Failure::user(format_args!("cannot listen at {shown}: {e}"))),
        Err(e) => {
            log::line(Level::Warning, "no control socket", &json!({"path": shown.to_string(), "error": e.to_string()}));
            Ok(None)
        }
    }
}
