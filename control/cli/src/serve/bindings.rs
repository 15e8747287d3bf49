//! What users plugged into free interfaces and virtual private gateways: TAP devices, interfaces of the host, captures.
//!
//! The model says what should be plugged in; [`Bindings::follow`] makes it so after each publish, on the writer's thread. What
//! could not be opened stays in the model, and says so where ports are shown: after a restart a device may be missing for a while.

use super::log::{self, Level};
use serde_json::json;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vpcd_control::model::{Binding, Id, Model};
use vpcd_dataplane::topology::PortNo;
use vpcd_io::capture::{PcapngWriter, Reader, SectionInfo};
use vpcd_io::live::{Live, LivePort};
use vpcd_io::packet::PacketQueue;
use vpcd_io::player::Player;
use vpcd_io::tap::Tap;

/// What is plugged in by users, and what should be.
pub(super) struct Bindings {
    live: Arc<Live>,
    /// Handles that each port needs.
    workers: usize,
    bound: Mutex<HashMap<Id, Bound>>,
}

struct Bound {
    binding: Binding,
    port: PortNo,
    /// Why nothing is plugged in.
    problem: Option<String>,
}

impl Bindings {
    pub(super) fn new(live: Arc<Live>, workers: usize) -> Bindings {
        Bindings { live, workers, bound: Mutex::default() }
    }

    /// Plugs in and out what these ports say. `begins`: what is bound was bound by an earlier process.
    pub(super) fn follow<'a>(
        &self,
        model: &Model,
        touched: impl IntoIterator<Item = &'a str>,
        port_of: impl Fn(&str) -> Option<PortNo>,
        begins: bool,
    ) {
        let mut bound = self.bound();
        for id in touched {
            let wanted = model.binding(id);
            if let Some(old) = bound.get(id).filter(|b| Some(&b.binding) != wanted) {
                if old.problem.is_none()
                    && let Err(e) = self.live.unplug(old.port)
                {
                    log::line(Level::Error, "cannot unplug", &json!({"port": id, "error": e.to_string()}));
                }
                bound.remove(id);
            }
            let (Some(binding), Some(port)) = (wanted.filter(|_| !bound.contains_key(id)), port_of(id)) else {
                continue;
            };
            let outcome = match binding {
                Binding::Capture { .. } if begins => {
                    Err("a capture is not played again after a restart: detach it, and attach it anew".into())
                }
                _ => self.plug(id, port, binding),
            };
            if let Err(error) = &outcome {
                log::line(Level::Error, "cannot attach", &json!({"port": id, "to": binding, "error": error}));
            }
            bound.insert(id.into(), Bound { binding: binding.clone(), port, problem: outcome.err() });
        }
    }

    /// Why what is bound to a port is not plugged in.
    pub(super) fn problem(&self, id: &str) -> Option<String> {
        self.bound().get(id).and_then(|b| b.problem.clone())
    }

    /// Plugs an interface of the host in as the internet.
    pub(super) fn uplink(&self, interface: &str) -> io::Result<()> {
        let queues = PacketQueue::open(interface, self.workers).map_err(io::Error::other)?;
        self.live.plug(LivePort::new(vpcd_dataplane::topology::INTERNET, crate::ports::INTERNET_NAME, queues))
    }

    fn plug(&self, id: &str, port: PortNo, binding: &Binding) -> Result<(), String> {
        let port = match binding {
            Binding::Tap(name) => LivePort::new(port, id, Tap::attach(name, self.workers).map_err(text)?),
            Binding::Interface(name) => LivePort::new(port, id, PacketQueue::open(name, self.workers).map_err(text)?),
            Binding::Capture { input, output } => LivePort::new(port, id, self.player(input, output.as_deref())?),
        };
        self.live.plug(port).map_err(text)
    }

    fn player(&self, input: &Path, output: Option<&Path>) -> Result<Vec<Player>, String> {
        let input = Reader::open(input).map_err(text)?;
        let output = output.map(|o| PcapngWriter::create(o, &SectionInfo::default())).transpose().map_err(text)?;
        Player::open(Some(input), output, self.workers).map_err(text)
    }

    fn bound(&self) -> MutexGuard<'_, HashMap<Id, Bound>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(e: impl ToString) -> String {
    e.to_string()
}
