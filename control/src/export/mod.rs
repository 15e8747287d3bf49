//! A Region as a CloudFormation template that makes an equal network again.
//!
//! [`export`] writes every resource that CloudFormation has a word for, with its addresses spelled out ([`resources`], [`hosts`]), under the
//! logical id it was made with, else one made of its Name tag, else of its type ([`names`]). What CloudFormation cannot say is told in
//! `Metadata.Vpcd.NotExported`. The result was read back once: what the rules would refuse to make again is taken out and told there, too.

mod hosts;
mod names;
mod resources;
#[cfg(test)]
mod tests;
mod vpn;
mod yaml;

use crate::model::{Model, QUOTAS};
use crate::template;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

/// A template, and what is not in it.
#[derive(Clone, Debug)]
pub struct Export {
    resources: Vec<Resource>,
    /// `Metadata.Vpcd` without the notes.
    settings: Map<String, Value>,
    notes: Vec<String>,
    /// Virtual private gateways that a network is attached to.
    connected: Vec<String>,
}

/// One resource of the template.
#[derive(Clone, Debug)]
struct Resource {
    logical: String,
    /// `AWS::EC2::...`.
    kind: String,
    depends_on: Vec<String>,
    properties: Map<String, Value>,
}

/// The template of a Region. `internet`: addresses of the hosts beyond its gateways; those of every template if they are the usual ones.
pub fn export(model: &Model, internet: &[IpAddr]) -> Export {
    let (resources, notes, connected) = resources::all(model);
    let mut out = Export { resources, settings: settings(model, internet), notes, connected };
    // Each round takes something out, or is the last one.
    while !out.resources.is_empty() {
        let Err(errors) = template::load(&out.json(), "export", &BTreeMap::new()) else { break };
        let mut refused: HashMap<String, String> = HashMap::new();
        for e in &errors {
            if let Some(resource) = &e.resource {
                refused.entry(resource.clone()).or_insert_with(|| format!("{}: {}", e.code, e.message));
            }
        }
        if refused.is_empty() {
            out.notes.extend(errors.iter().map(|e| format!("The template cannot be read back: {}", e.message)));
            break;
        }
        out.resources.retain(|r| match refused.get(&r.logical) {
            Some(why) => {
                out.notes.push(format!("{} {} could not be made again: {why}", r.kind, r.logical));
                false
            }
            None => true,
        });
    }
    out
}

impl Export {
    /// Whether there is nothing to make a template of: it needs a resource.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// What is not in it, for people.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// As YAML, with the short forms of functions.
    pub fn yaml(&self) -> String {
        yaml::text(&self.document())
    }

    /// As JSON.
    pub fn json(&self) -> String {
        format!("{:#}\n", self.document())
    }

    fn document(&self) -> Value {
        let mut settings = self.settings.clone();
        let there = |name: &&String| self.resources.iter().any(|r| r.logical == **name);
        // Who is in that network is not known.
        let remote: Map<String, Value> =
            self.connected.iter().filter(there).map(|name| (name.clone(), json!([]))).collect();
        if !remote.is_empty() {
            settings.insert("Remote".into(), remote.into());
        }
        if !self.notes.is_empty() {
            settings.insert("NotExported".into(), self.notes.clone().into());
        }
        json!({
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": "Exported by vpcd",
            "Metadata": {"Vpcd": settings},
            "Resources": self.resources(),
        })
    }

    fn resources(&self) -> Map<String, Value> {
        let one = |r: &Resource| {
            let mut map = Map::new();
            map.insert("Type".into(), r.kind.clone().into());
            match r.depends_on.as_slice() {
                [] => {}
                [one] => _ = map.insert("DependsOn".into(), one.clone().into()),
                several => _ = map.insert("DependsOn".into(), several.to_vec().into()),
            }
            if !r.properties.is_empty() {
                map.insert("Properties".into(), r.properties.clone().into());
            }
            (r.logical.clone(), Value::Object(map))
        };
        self.resources.iter().map(one).collect()
    }
}

fn settings(model: &Model, internet: &[IpAddr]) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("Region".into(), model.region().into());
    // A default VPC in the template is one more where there is a default VPC already.
    let room = |quota: &str| match quota {
        "Vpcs" => model.vpcs().len() + 1,
        "InternetGateways" => model.internet_gateways().len() + 1,
        _ => 0,
    };
    let changed = |q: &crate::model::Quota| {
        let value = q.value(model.limits());
        let needed = if resources::as_made(model) { value } else { value.max(room(q.name)) };
        (needed != q.default_value()).then(|| (q.name.to_string(), needed.into()))
    };
    let quotas: Map<String, Value> = QUOTAS.iter().filter_map(changed).collect();
    if !quotas.is_empty() {
        out.insert("Quotas".into(), quotas.into());
    }
    // A template has its Region's usual zones.
    let mut bare = Model::default();
    bare.set_region(model.region());
    let zones: Vec<String> = bare.zones().into_iter().filter(|z| model.constrained_zones().contains(z)).collect();
    if !zones.is_empty() {
        out.insert("ConstrainedZones".into(), zones.into());
    }
    let usual: Vec<IpAddr> = template::default_hosts().into_iter().flat_map(|h| h.addresses).collect();
    if !internet.is_empty() && internet != usual {
        let addresses: Vec<String> = internet.iter().map(ToString::to_string).collect();
        out.insert("Internet".into(), json!([{"Name": "INTERNET", "Addresses": addresses}]));
    }
    out
}
