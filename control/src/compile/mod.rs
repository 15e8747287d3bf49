//! A [`Model`] becomes the [`Topology`] that workers read.
//!
//! The [`Compiler`] lives as long as the dataplane: it remembers which index each resource got, so that an index is never
//! given to another object while flows may remember it, and it hands out the same `Arc` for an object that did not
//! change. [`Names`] leads back from indices to what people call things.

mod build;
mod names;
#[cfg(test)]
mod tests;

pub use names::Names;

use crate::model::Model;
use std::collections::HashMap;
use std::hash::Hash;
use vpcd_dataplane::topology::{EniIdx, NaclIdx, NatIdx, RouteTableIdx, SubnetIdx, Topology, VpcIdx};

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
    enis: Indices<String>,
    subnets: Indices<String>,
    vpcs: Indices<String>,
    route_tables: Indices<String>,
    nacls: Indices<String>,
    nats: Indices<String>,
    /// By VPC and the sorted groups.
    filters: Indices<(u32, Vec<u32>)>,
    /// Group numbers within a VPC.
    groups: HashMap<String, Indices<String>>,
    /// Security-group rules, by rule id.
    rules: Indices<String>,
    cache: build::Cache,
}

impl Compiler {
    /// A compiler that has given out no index yet.
    pub fn new() -> Compiler {
        Compiler::default()
    }

    /// The index an interface got, if it was ever compiled.
    pub fn eni(&self, id: &str) -> Option<EniIdx> {
        self.enis.get(&id.to_string()).map(EniIdx)
    }
    /// The index a VPC got.
    pub fn vpc(&self, id: &str) -> Option<VpcIdx> {
        self.vpcs.get(&id.to_string()).map(VpcIdx)
    }
    /// The index a subnet got.
    pub fn subnet(&self, id: &str) -> Option<SubnetIdx> {
        self.subnets.get(&id.to_string()).map(SubnetIdx)
    }
    /// The index a NAT gateway got.
    pub fn nat(&self, id: &str) -> Option<NatIdx> {
        self.nats.get(&id.to_string()).map(NatIdx)
    }
    /// The index a route table got.
    pub fn route_table(&self, id: &str) -> Option<RouteTableIdx> {
        self.route_tables.get(&id.to_string()).map(RouteTableIdx)
    }
    /// The index a network ACL got.
    pub fn nacl(&self, id: &str) -> Option<NaclIdx> {
        self.nacls.get(&id.to_string()).map(NaclIdx)
    }

    /// The picture of this model.
    pub fn compile(&mut self, model: &Model) -> Compiled {
        build::compile(self, model)
    }
}

/// Numbers for keys, in order of first sight, never reused.
#[derive(Clone, Debug)]
struct Indices<K> {
    known: HashMap<K, u32>,
}

impl<K> Default for Indices<K> {
    fn default() -> Self {
        Indices { known: HashMap::new() }
    }
}

impl<K: Hash + Eq + Clone> Indices<K> {
    fn of(&mut self, key: &K) -> u32 {
        if let Some(&at) = self.known.get(key) {
            return at;
        }
        let at = self.known.len() as u32;
        self.known.insert(key.clone(), at);
        at
    }
    fn get(&self, key: &K) -> Option<u32> {
        self.known.get(key).copied()
    }
}
