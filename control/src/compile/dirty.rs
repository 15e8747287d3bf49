//! What a change of the model bears upon.

use crate::model::{
    AssociatedWith, HasId, Model, NatGateway, NetworkAcl, NetworkInterface, RouteTable, SecurityGroup, Shelf, Subnet,
    Vpc, VpnGateway,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Resources of one kind to look at again, oldest first, those that are gone at the end.
pub(super) struct Set<'a, T> {
    now: &'a Shelf<T>,
    items: BTreeMap<(u64, &'a str), Option<&'a T>>,
}

impl<'a, T: HasId + Clone> Set<'a, T> {
    /// All that may differ.
    fn between(before: &'a Shelf<T>, now: &'a Shelf<T>) -> Set<'a, T> {
        let mut set = Set { now, items: BTreeMap::new() };
        now.since(before).into_iter().for_each(|id| set.add(id));
        set
    }

    fn add(&mut self, id: &'a str) {
        match self.now.placed(id) {
            Some((place, it)) => self.items.insert((place, id), Some(it)),
            None => self.items.insert((u64::MAX, id), None),
        };
    }

    /// Each with what it is now; none if it is gone.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a T>)> {
        self.items.iter().map(|(&(_, id), &it)| (id, it))
    }

    /// Those that are there.
    pub(super) fn present(&self) -> impl Iterator<Item = &'a T> {
        self.items.values().filter_map(|it| *it)
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
    pub(super) vpn_gateways: Set<'a, VpnGateway>,
    /// Private and IPv6 addresses by VPC: owner, groups, public address.
    pub(super) addresses: BTreeMap<&'a str, BTreeSet<IpAddr>>,
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
            vpn_gateways: Set::between(before.vpn_gateways(), now.vpn_gateways()),
            addresses: BTreeMap::new(),
        };
        each_version!(table_associations, |_id, a| {
            // A subnet or gateway names its association, and is touched with it.
            if let AssociatedWith::Main(v) = &a.with {
                now.subnets().by(v).for_each(|s| d.subnets.add(&s.id));
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
        each_version!(vpn_gateways, |id, g| {
            g.vpc.iter().for_each(|v| d.vpcs.add(v));
            now.route_tables().by(id).for_each(|t| d.route_tables.add(&t.id));
        });
        each_version!(vpn_connections, |_id, c| {
            now.route_tables().by(&c.vpn_gateway).for_each(|t| d.route_tables.add(&t.id));
        });
        // A NAT gateway's interface comes and goes with it, and is touched itself.
        each_version!(nat_gateways, |id, _n| {
            now.route_tables().by(id).for_each(|t| d.route_tables.add(&t.id));
        });
        let turned: BTreeSet<&String> = before.impaired_zones().symmetric_difference(now.impaired_zones()).collect();
        if !turned.is_empty() {
            let there = |n: &&NatGateway| now.subnets().get(&n.subnet).is_some_and(|s| turned.contains(&s.zone));
            now.nat_gateways().iter().filter(there).for_each(|n| d.nats.add(&n.id));
        }
        each_version!(instances, |_id, i| {
            i.interfaces.values().for_each(|e| d.interfaces.add(e));
        });
        each_version!(elastic_ips, |_id, a| {
            if let Some(a) = &a.association {
                for e in versions(before.interfaces(), now.interfaces(), &a.interface) {
                    d.addresses.entry(&e.vpc).or_default().insert(IpAddr::V4(a.private));
                }
            }
        });
        for (id, e) in d.interfaces.iter() {
            now.route_tables().by(id).for_each(|t| d.route_tables.add(&t.id));
            for e in before.interfaces().get(id).into_iter().chain(e) {
                let own = e.private.iter().map(|a| IpAddr::V4(*a)).chain(e.ipv6.iter().map(|a| IpAddr::V6(*a)));
                d.addresses.entry(&e.vpc).or_default().extend(own);
            }
        }
        d
    }
}
