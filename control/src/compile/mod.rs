//! A [`Model`] becomes the [`Topology`] that workers read.
//!
//! The [`Compiler`] lives as long as the dataplane: it remembers which index each resource got, so that an index is never
//! given to another object while flows may remember it, and which picture it made last: of the next model only what rests on a resource that was touched
//! is made again, and an object that comes out equal stays the same `Arc`. [`Names`] leads back from indices to what people call things.

mod build;
mod dirty;
mod names;
mod numbers;
#[cfg(test)]
pub(crate) mod tests;

pub use names::Names;

use crate::model::Model;
use dirty::Dirty;
use numbers::Numbers;
use std::collections::HashMap;
use vpcd_dataplane::topology::{EniIdx, NaclIdx, NatIdx, PortNo, RouteTableIdx, SubnetIdx, Topology, VpcIdx};

/// What the dataplane is told, and how people call it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// Generation 0; the caller publishes `before.succeed(topology)`.
    pub topology: Topology,
    pub names: Names,
}

/// Stable indices over the life of a dataplane.
#[derive(Clone, Debug, Default)]
pub struct Compiler {
    numbers: Numbers,
    /// What was compiled last.
    model: Model,
    /// The picture of `model`.
    topology: Topology,
    /// How many interfaces have each filter.
    users: HashMap<u32, usize>,
}

impl Compiler {
    /// A compiler that has given out no index yet.
    pub fn new() -> Compiler {
        Compiler::default()
    }

    /// The index an interface got, if it was ever compiled.
    pub fn eni(&self, id: &str) -> Option<EniIdx> {
        self.numbers.enis.get(id).map(EniIdx)
    }
    /// The port of an interface or a virtual private gateway.
    pub fn port(&self, id: &str) -> Option<PortNo> {
        self.eni(id).map(EniIdx::port)
    }
    /// The index a VPC got.
    pub fn vpc(&self, id: &str) -> Option<VpcIdx> {
        self.numbers.vpcs.get(id).map(VpcIdx)
    }
    /// The index a subnet got.
    pub fn subnet(&self, id: &str) -> Option<SubnetIdx> {
        self.numbers.subnets.get(id).map(SubnetIdx)
    }
    /// The index a NAT gateway got.
    pub fn nat(&self, id: &str) -> Option<NatIdx> {
        self.numbers.nats.get(id).map(NatIdx)
    }
    /// The index a route table got.
    pub fn route_table(&self, id: &str) -> Option<RouteTableIdx> {
        self.numbers.route_tables.get(id).map(RouteTableIdx)
    }
    /// The index a network ACL got.
    pub fn nacl(&self, id: &str) -> Option<NaclIdx> {
        self.numbers.nacls.get(id).map(NaclIdx)
    }

    /// The picture of this model. What it costs grows with what differs from the model that was compiled last, if the one was made from the other
    /// with at most one [`Model::settle`] in between; else with the size of both.
    pub fn compile(&mut self, model: &Model) -> Compiled {
        let before = std::mem::replace(&mut self.model, model.clone());
        let dirty = Dirty::between(&before, model);
        self.rebuild(model, &dirty);
        Compiled { topology: self.topology.clone(), names: Names::new(model.clone(), &self.numbers) }
    }
}
