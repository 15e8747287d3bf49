//! The dataplane as a Region sees it: what is published is what packets obey when the call returns, and instances are hosts on this machine.

use super::bindings::Bindings;
use super::hosts::{Order, Wanted};
use super::metrics::Metrics;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Instant;
use vpcd_control::compile::Compiler;
use vpcd_control::host::{Link, Space};
use vpcd_control::model::{Id, Instance, InstanceState, Model};
use vpcd_control::region::Publish;
use vpcd_dataplane::topology::PortNo;
use vpcd_io::live::Live;
use vpcd_wire::Mac;

/// A running engine, and the compiler that knows its indices.
pub(super) struct Plane {
    live: Arc<Live>,
    compiler: Compiler,
    /// What was published last.
    before: Model,
    /// Who makes hosts of instances; none: they are records only.
    hosts: Option<Sender<Order>>,
    bindings: Arc<Bindings>,
    /// Of the router behind the uplink, if it has one of its own.
    router: Option<Mac>,
    /// Told how long a publish took, and what ports are called since.
    metrics: Arc<Metrics>,
}

impl Plane {
    pub(super) fn new(
        live: Arc<Live>,
        hosts: Option<Sender<Order>>,
        bindings: Arc<Bindings>,
        router: Option<Mac>,
        metrics: Arc<Metrics>,
    ) -> Plane {
        Plane { live, compiler: Compiler::new(), before: Model::default(), hosts, bindings, router, metrics }
    }

    /// What instances that may have changed should be.
    fn order(&self, model: &Model, serial: u64) -> Order {
        let mut ids: Vec<&str> = model.instances().since(self.before.instances());
        // An interface's addresses are its instance's.
        for e in model.interfaces().since(self.before.interfaces()) {
            let attached = model.interfaces().get(e).and_then(|e| e.attachment.as_ref());
            ids.extend(attached.map(|a| a.instance.as_str()));
        }
        ids.sort_unstable_by_key(|id| (model.instances().place(id), *id));
        ids.dedup();
        let wanted = |id: &str| model.instances().get(id).and_then(|i| self.wanted(model, i));
        Order { serial, instances: ids.into_iter().map(|id| (Id::from(id), wanted(id))).collect() }
    }

    fn wanted(&self, model: &Model, i: &Instance) -> Option<Wanted> {
        if i.state != InstanceState::Running {
            return None;
        }
        let mut ports: Vec<PortNo> = Vec::new();
        let mut links = Vec::new();
        for (index, id) in &i.interfaces {
            // Something else is plugged in there.
            let Some(eni) = model.interfaces().get(id).filter(|e| !e.bound) else { continue };
            let Some(port) = self.compiler.port(id) else { continue };
            ports.push(port);
            links.push(Link::of(model, eni, *index, id));
        }
        let space = Space { name: super::hosts::namespace(&i.id), links };
        Some(Wanted { label: model.label(&i.id).into(), space, ports, user_data: i.details.script() })
    }
}

impl Publish for Plane {
    fn publish(&mut self, model: &Model, serial: u64) {
        let started = Instant::now();
        let mut compiled = self.compiler.compile(model);
        compiled.topology.internet.mac = self.router.unwrap_or(compiled.topology.internet.mac);
        self.live.publish(compiled.topology);
        self.metrics.published(compiled.names, serial, started.elapsed());
        let interfaces = model.interfaces().since(self.before.interfaces());
        let gateways = model.vpn_gateways().since(self.before.vpn_gateways());
        // The first publish is what an earlier process left.
        let begins = serial == 1;
        self.bindings.follow(model, interfaces.into_iter().chain(gateways), |id| self.compiler.port(id), begins);
        if let Some(hosts) = &self.hosts {
            // It only fails when the server ends.
            let _ = hosts.send(self.order(model, serial));
        }
        self.before = model.clone();
        self.before.settle();
    }
}
