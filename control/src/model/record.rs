//! A model as records, for a store: what changed, everything, and back again.

use super::shelf::{HasId, Shelf};
use super::*;
use serde::de::DeserializeOwned;

/// One record of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Kind of resource, e.g. `subnet`; a name of the stored format, which outlives the names in this program.
    pub kind: &'static str,
    pub id: Id,
    /// JSON; none: it is gone.
    pub value: Option<Vec<u8>>,
}

/// A resource and its place in the order of creation.
#[derive(Serialize, Deserialize)]
struct Placed<T> {
    at: u64,
    it: T,
}

/// Kind of the one record that holds what a Region remembers besides its resources.
const REGION: &str = "region";

/// Calls `$each!(field, kind)` for every shelf.
macro_rules! every_shelf {
    ($each:ident) => {
        $each!(labels, "label");
        $each!(tags, "tags");
        $each!(tokens, "token");
        $each!(vpcs, "vpc");
        $each!(subnets, "subnet");
        $each!(route_tables, "route-table");
        $each!(table_associations, "table-association");
        $each!(internet_gateways, "internet-gateway");
        $each!(egress_only_gateways, "egress-only-gateway");
        $each!(vpn_gateways, "vpn-gateway");
        $each!(customer_gateways, "customer-gateway");
        $each!(vpn_connections, "vpn-connection");
        $each!(nat_gateways, "nat-gateway");
        $each!(elastic_ips, "elastic-ip");
        $each!(security_groups, "security-group");
        $each!(network_acls, "network-acl");
        $each!(interfaces, "interface");
        $each!(instances, "instance");
        $each!(key_pairs, "key-pair");
        $each!(dhcp_options, "dhcp-options");
        $each!(cidr_reservations, "cidr-reservation");
        $each!(prefix_lists, "prefix-list");
        $each!(prefix_list_versions, "prefix-list-version");
        $each!(alarms, "alarm");
    };
}

impl Model {
    /// What differs from the last [`Model::settle`], each record once.
    pub fn changes(&self) -> Vec<Record> {
        let mut out = vec![self.scalars()];
        macro_rules! each {
            ($field:ident, $kind:literal) => {
                let mut ids: Vec<&Id> = self.$field.touched().iter().collect();
                ids.sort_unstable();
                ids.dedup();
                out.extend(ids.into_iter().map(|id| record(&self.$field, $kind, id)));
            };
        }
        every_shelf!(each);
        out
    }

    /// Everything.
    pub fn records(&self) -> Vec<Record> {
        let mut out = vec![self.scalars()];
        macro_rules! each {
            ($field:ident, $kind:literal) => {
                out.extend(self.$field.iter().map(|item| record(&self.$field, $kind, item.id())));
            };
        }
        every_shelf!(each);
        out
    }

    /// Whether anything was touched since the last [`Model::settle`].
    pub fn unsettled(&self) -> bool {
        let mut any = self.settings_touched;
        macro_rules! each {
            ($field:ident, $kind:literal) => {
                any |= !self.$field.touched().is_empty();
            };
        }
        every_shelf!(each);
        any
    }

    /// What changed has been taken note of.
    pub fn settle(&mut self) {
        macro_rules! each {
            ($field:ident, $kind:literal) => {
                self.$field.settle();
            };
        }
        every_shelf!(each);
        self.settings_touched = false;
    }

    /// Everything goes, and what `fresh` holds comes: as many changes as there are resources.
    pub fn start_afresh(&mut self, fresh: Model) {
        macro_rules! each {
            ($field:ident, $kind:literal) => {
                self.$field.replace(fresh.$field);
            };
        }
        every_shelf!(each);
        self.scalars = fresh.scalars;
        self.settings_touched = true;
        self.in_use = fresh.in_use;
        self.public_in_use = fresh.public_in_use;
    }

    /// A model of stored records; the error names the record that cannot be read.
    pub fn restore<'a>(records: impl Iterator<Item = (&'a str, &'a [u8])>) -> Result<Model, String> {
        let mut model = Model::default();
        for (kind, value) in records {
            model.put_back(kind, value).map_err(|e| format!("a record of kind '{kind}' cannot be read: {e}"))?;
        }
        for s in model.subnets.iter() {
            model.in_use.take_block(&s.vpc, s.cidr, &s.id);
        }
        let taken: Vec<(Id, Id, Id, IpAddr)> = model
            .interfaces
            .iter()
            .flat_map(|e| {
                let all = e.private.iter().map(|a| IpAddr::V4(*a)).chain(e.ipv6.iter().map(|a| IpAddr::V6(*a)));
                all.map(|a| (e.vpc.clone(), e.subnet.clone(), e.id.clone(), a))
            })
            .collect();
        for (vpc, subnet, interface, address) in taken {
            model.take_address(&vpc, &subnet, address, &interface);
        }
        model.aws_prefix_lists = prefix_list::of_aws(model.region());
        model.public_in_use = model.interfaces.iter().filter_map(|e| e.public).collect();
        let ids = model.nat_gateways.iter().map(|n| &n.id).chain(model.instances.iter().map(|i| &i.id));
        let vpn = model.customer_gateways.iter().map(|g| &g.id).chain(model.vpn_connections.iter().map(|c| &c.id));
        model.leaving = ids.chain(vpn).filter_map(|id| Some((model.leaves(id)?, id.clone()))).collect();
        Ok(model)
    }

    fn put_back(&mut self, kind: &str, value: &[u8]) -> Result<(), String> {
        if kind == REGION {
            self.scalars = serde_json::from_slice(value).map_err(|e| e.to_string())?;
            return Ok(());
        }
        macro_rules! each {
            ($field:ident, $kind:literal) => {
                if kind == $kind {
                    return place(&mut self.$field, value);
                }
            };
        }
        every_shelf!(each);
        Err("this version does not know it".into())
    }

    fn scalars(&self) -> Record {
        Record { kind: REGION, id: String::new(), value: serde_json::to_vec(&self.scalars).ok() }
    }
}

fn record<T: HasId + Clone + Serialize>(shelf: &Shelf<T>, kind: &'static str, id: &str) -> Record {
    let placed = shelf.place(id).zip(shelf.get(id)).map(|(at, it)| Placed { at, it });
    Record { kind, id: id.into(), value: placed.and_then(|p| serde_json::to_vec(&p).ok()) }
}

fn place<T: HasId + Clone + DeserializeOwned>(shelf: &mut Shelf<T>, value: &[u8]) -> Result<(), String> {
    let placed: Placed<T> = serde_json::from_slice(value).map_err(|e| e.to_string())?;
    shelf.put_at(placed.at, placed.it);
    Ok(())
}
