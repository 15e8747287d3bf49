//! What a change of the model bears upon.

use crate::model::{
    AssociatedWith, HasId, Model, NatGateway, NetworkAcl, NetworkInterface, RouteTable, SecurityGroup, Shelf, Subnet,
    Vpc,
};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Resources of one kind to look at again, oldest first.
pub(super) struct Set<'a, T> {
    now: &'a Shelf<T>,
    ids: BTreeSet<(u64, &'a str)>,
}

impl<'a, T: HasId + Clone> Set<'a, T> {
    /// All that may differ.
    fn between(before: &'a Shelf<T>, now: &'a Shelf<T>) -> Set<'a, T> {
        let mut set = Set { now, ids: BTreeSet::new() };
        now.since(before).into_iter().for_each(|id| set.add(id));
        set
    }

    fn add(&mut self, id: &'a str) {
        self.ids.insert((self.now.place(id).unwrap_or(u64::MAX), id));
    }

    /// Each with what it is now; none if it is gone.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a T>)> {
        self.ids.iter().map(|&(_, id)| (id, self.now.get(id)))
    }

    /// Those that are there.
    pub(super) fn present(&self) -> impl Iterator<Item = &'a T> {
        self.iter().filter_map(|(_, it)| it)
    }
}

/// Whose compiled form may differ. Some of it will turn out to be what it was.
pub(super) struct Dirty<'a> {
    pub(super) vpcs: Set<'a, Vpc>,
    pub(super) subnets: Set<'a, Subnet>,
    pub(super) route_tables: Set<'a, RouteTable>,
    pub(super) nacls: Set<'a, NetworkAcl>,
    pub(super) groups: Set<'a, SecurityGroup>,
    pub(super) interfaces: Set<'a, NetworkInterface>,
    pub(super) nats: Set<'a, NatGateway>,
    /// Private and IPv6 addresses by VPC: owner, groups, public address.
    pub(super) addresses: BTreeSet<(&'a str, IpAddr)>,
}

/// A resource as it was and as it is.
fn versions<'a, T: HasId + Clone>(
    before: &'a Shelf<T>,
    now: &'a Shelf<T>,
    id: &'a str,
) -> impl Iterator<Item = &'a T> + 'a {
    before.get(id).into_iter().chain(now.get(id))
}

impl<'a> Dirty<'a> {
    /// All that rests on a resource in which the two models may differ.
    pub(super) fn between(before: &'a Model, now: &'a Model) -> Dirty<'a> {
        /// Calls `$each(id, version)` for each version of each resource of a shelf that may differ.
        macro_rules! each_version {
            ($shelf:ident, |$id:ident, $it:ident| $each:block) => {
                for $id in now.$shelf().since(before.$shelf()) {
                    for $it in versions(before.$shelf(), now.$shelf(), $id) $each
                }
            };
        }
        let mut d = Dirty {
            vpcs: Set::between(before.vpcs(), now.vpcs()),
            subnets: Set::between(before.subnets(), now.subnets()),
            route_tables: Set::between(before.route_tables(), now.route_tables()),
            nacls: Set::between(before.network_acls(), now.network_acls()),
            groups: Set::between(before.security_groups(), now.security_groups()),
            interfaces: Set::between(before.interfaces(), now.interfaces()),
            nats: Set::between(before.nat_gateways(), now.nat_gateways()),
            addresses: BTreeSet::new(),
        };
        for v in d.vpcs.iter().map(|(id, _)| id) {
            now.subnets().by(v).for_each(|s| d.subnets.add(&s.id));
        }
        each_version!(table_associations, |_id, a| {
            match &a.with {
                AssociatedWith::Main(v) => now.subnets().by(v).for_each(|s| d.subnets.add(&s.id)),
                AssociatedWith::Subnet(s) => d.subnets.add(s),
                AssociatedWith::Gateway(g) => {
                    now.internet_gateways().get(g).iter().filter_map(|g| g.vpc.as_ref()).for_each(|v| d.vpcs.add(v));
                }
            }
        });
        each_version!(internet_gateways, |id, g| {
            g.vpc.iter().for_each(|v| d.vpcs.add(v));
            now.route_tables().by(id).for_each(|t| d.route_tables.add(&t.id));
        });
        each_version!(egress_only_gateways, |id, g| {
            d.vpcs.add(&g.vpc);
            now.route_tables().by(id).for_each(|t| d.route_tables.add(&t.id));
        });
        each_version!(nat_gateways, |id, n| {
            n.interface.iter().for_each(|e| d.interfaces.add(e));
            now.route_tables().by(id).for_each(|t| d.route_tables.add(&t.id));
        });
        each_version!(instances, |_id, i| {
            i.interfaces.values().for_each(|e| d.interfaces.add(e));
        });
        each_version!(elastic_ips, |_id, a| {
            if let Some(a) = &a.association {
                let homes = versions(before.interfaces(), now.interfaces(), &a.interface);
                d.addresses.extend(homes.map(|e| (e.vpc.as_str(), IpAddr::V4(a.private))));
            }
        });
        for e in d.interfaces.iter().map(|(id, _)| id) {
            now.route_tables().by(e).for_each(|t| d.route_tables.add(&t.id));
            for e in versions(before.interfaces(), now.interfaces(), e) {
                let own = e.private.iter().map(|a| IpAddr::V4(*a)).chain(e.ipv6.iter().map(|a| IpAddr::V6(*a)));
                d.addresses.extend(own.map(|a| (e.vpc.as_str(), a)));
            }
        }
        d
    }
}
