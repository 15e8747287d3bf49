//! From indices back to what people call things.

use super::numbers::Numbers;
use crate::model::{self, Direction, HasId, Model, RulePeer, Shelf};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use vpcd_dataplane::topology::{EniIdx, INTERNET, NaclIdx, NatIdx, PortNo, RouteTableIdx, SubnetIdx, VpcIdx};
use vpcd_tables::share::Pages;

/// Ids by index.
type Ids = Pages<Option<Arc<str>>>;

/// Display names by index: the template's logical id if there is one, else the resource id; `-` for what is not there. They are looked up in
/// the model that was compiled when somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Names {
    model: Model,
    enis: Ids,
    subnets: Ids,
    vpcs: Ids,
    nats: Ids,
    route_tables: Ids,
    nacls: Ids,
    rules: Ids,
    /// Texts of all security-group rules by id, made with the first that is asked for.
    texts: OnceLock<HashMap<model::Id, String>>,
}

fn id(ids: &Ids, at: u32) -> &str {
    ids.get(at as usize).and_then(Option::as_deref).unwrap_or("-")
}

impl Names {
    pub(super) fn new(model: Model, numbers: &Numbers) -> Names {
        Names {
            model,
            enis: numbers.enis.keys().clone(),
            subnets: numbers.subnets.keys().clone(),
            vpcs: numbers.vpcs.keys().clone(),
            nats: numbers.nats.keys().clone(),
            route_tables: numbers.route_tables.keys().clone(),
            nacls: numbers.nacls.keys().clone(),
            rules: numbers.rules.keys().clone(),
            texts: OnceLock::new(),
        }
    }

    fn of<'a, T: HasId + Clone>(&'a self, shelf: &Shelf<T>, ids: &'a Ids, at: u32) -> &'a str {
        match id(ids, at) {
            id if shelf.get(id).is_some() => self.model.label(id),
            _ => "-",
        }
    }

    /// An interface (its instance's name if it is eth0, its gateway's if a NAT gateway owns it), or a virtual private gateway.
    pub fn eni(&self, at: EniIdx) -> &str {
        let Some(eni) = self.model.interfaces().get(id(&self.enis, at.0)) else {
            return self.of(self.model.vpn_gateways(), &self.enis, at.0);
        };
        let own = self.model.labelled(&eni.id);
        own.unwrap_or_else(|| self.model.label(eni.nat_gateway.as_ref().unwrap_or(&eni.id)))
    }
    /// A port: `internet`, or its interface or virtual private gateway.
    pub fn port(&self, port: PortNo) -> &str {
        match EniIdx::of_port(port) {
            Some(eni) if port != INTERNET => self.eni(eni),
            _ => "internet",
        }
    }
    /// A port's resource id: that of its interface or virtual private gateway, also of one that is gone; `internet` for the uplink.
    pub fn port_id(&self, port: PortNo) -> &str {
        match EniIdx::of_port(port) {
            Some(eni) if port != INTERNET => id(&self.enis, eni.0),
            _ => "internet",
        }
    }
    pub fn subnet(&self, at: SubnetIdx) -> &str {
        self.of(self.model.subnets(), &self.subnets, at.0)
    }
    pub fn vpc(&self, at: VpcIdx) -> &str {
        self.of(self.model.vpcs(), &self.vpcs, at.0)
    }
    /// The internet gateway attached to a VPC.
    pub fn igw(&self, at: VpcIdx) -> &str {
        self.model.gateway_of(id(&self.vpcs, at.0)).map_or("-", |g| self.model.label(&g.id))
    }
    /// The egress-only internet gateway of a VPC.
    pub fn eigw(&self, at: VpcIdx) -> &str {
        self.model.egress_only_of(id(&self.vpcs, at.0)).map_or("-", |g| self.model.label(&g.id))
    }
    /// The virtual private gateway attached to a VPC.
    pub fn vgw(&self, at: VpcIdx) -> &str {
        self.model.vpn_gateway_of(id(&self.vpcs, at.0)).map_or("-", |g| self.model.label(&g.id))
    }
    /// Public NAT gateways that are available, be their zone impaired, each with its resource id.
    pub fn nat_gateways(&self) -> impl Iterator<Item = (NatIdx, &str)> {
        let there = |id: &&str| self.model.nat_gateways().get(id).is_some_and(|n| n.available() && n.public.is_some());
        (0..self.nats.len() as u32).map(|at| (NatIdx(at), id(&self.nats, at))).filter(move |(_, id)| there(id))
    }
    pub fn nat(&self, at: NatIdx) -> &str {
        self.of(self.model.nat_gateways(), &self.nats, at.0)
    }
    pub fn route_table(&self, at: RouteTableIdx) -> &str {
        self.of(self.model.route_tables(), &self.route_tables, at.0)
    }
    pub fn nacl(&self, at: NaclIdx) -> &str {
        self.of(self.model.network_acls(), &self.nacls, at.0)
    }
    /// A security-group rule by the id in [`SgRule`](vpcd_tables::filter::SgRule): its logical id, else its group and text.
    pub fn sg_rule(&self, rule: u32) -> &str {
        self.texts.get_or_init(|| rule_texts(&self.model)).get(id(&self.rules, rule)).map_or("-", String::as_str)
    }
}

fn rule_texts(m: &Model) -> HashMap<model::Id, String> {
    let mut texts = HashMap::new();
    for g in m.security_groups().iter() {
        for (way, direction) in [("in", Direction::Ingress), ("out", Direction::Egress)] {
            for r in g.rules(direction) {
                let peer = match &r.peer {
                    RulePeer::Cidr(n) => n.to_string(),
                    RulePeer::Group(id) | RulePeer::PrefixList(id) => m.label(id).to_string(),
                };
                let text = match m.labelled(&r.id) {
                    Some(label) => label.to_string(),
                    None => format!("{} {way} {} {peer}", m.label(&g.id), model::rule_text(r.protocol, r.ports)),
                };
                texts.insert(r.id.clone(), text);
            }
        }
    }
    texts
}
