//! Compiling what changed gives what compiling everything gives, whatever the changes and however the writer goes about them.

use super::operations::{OPERATIONS, Rng, restored};
use super::whole::whole;
use super::*;
use crate::model::{HasId, Limits, Shelf};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use vpcd_dataplane::topology::{Dep, DepKind, EDGE_BLOCKS6, Link, Table, edge_group};

/// Calls `$each!(table, kind)` for every table of a topology.
macro_rules! every_table {
    ($each:ident) => {
        $each!(enis, Eni);
        $each!(subnets, Subnet);
        $each!(vpcs, Vpc);
        $each!(addresses, Addresses);
        $each!(members, Members);
        $each!(publics, Publics);
        $each!(route_tables, RouteTable);
        $each!(nacls, Nacl);
        $each!(filters, Filter);
        $each!(nats, Nat);
    };
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, made: &Table<T>, expected: &Table<T>) {
    for i in 0..made.len().max(expected.len()) {
        assert_eq!(made.get(i), expected.get(i), "{what} {i}");
    }
}

/// Equal objects are the same object.
fn shared<T: PartialEq>(what: &str, before: &Table<T>, now: &Table<T>) {
    for i in 0..before.len().min(now.len()) {
        if let (Some(a), Some(b)) = (before.share(i), now.share(i)) {
            assert_eq!(*a == *b, Arc::ptr_eq(&a, &b), "{what} {i}");
        }
    }
}

/// What the workers run under: one line of generations from the compiler's pictures, one from pictures made of nothing.
#[derive(Default)]
struct Lines {
    compiled: Topology,
    whole: Topology,
    /// Addresses that anybody ever had.
    seen: BTreeSet<IpAddr>,
}

impl Lines {
    fn publish(&mut self, made: Topology, expected: &Topology) {
        macro_rules! each {
            ($table:ident, $kind:ident) => {
                same(stringify!($table), &made.$table, &expected.$table);
            };
        }
        every_table!(each);
        same("edge", &made.edge, &expected.edge);
        same("links", &made.links, &expected.links);
        let (a, b) = (self.compiled.succeed(made), self.whole.succeed(expected.clone()));
        let fresh = Topology::default().succeed(expected.clone());
        assert_eq!(a.generation, b.generation);
        macro_rules! each {
            ($table:ident, $kind:ident) => {
                same(stringify!($table), &a.$table, &expected.$table);
                shared(stringify!($table), &self.compiled.$table, &a.$table);
                for i in 0..a.$table.len() as u32 + 1 {
                    let dep = [Dep::new(DepKind::$kind, i)];
                    let (changed, before) = (a.last_change(&dep), self.compiled.last_change(&dep));
                    let equal = self.compiled.$table.get(i as usize) == a.$table.get(i as usize);
                    let what = stringify!($table);
                    assert_eq!(changed, if equal { before } else { a.generation }, "age of {what} {i}");
                    assert_eq!(changed, b.last_change(&dep), "age of {what} {i}");
                }
            };
        }
        every_table!(each);
        for group in 0..=EDGE_BLOCKS6 {
            let dep = [Dep::new(DepKind::Edge, group)];
            assert_eq!(a.last_change(&dep), b.last_change(&dep), "edge group {group}");
        }
        self.seen.extend(a.enis.iter().flat_map(|(_, e)| e.addresses()));
        self.seen.extend(a.edge.get(0).iter().flat_map(|e| e.owners.iter()).map(|(p, _)| IpAddr::V4(*p)));
        assert_eq!(a.port_count(), b.port_count());
        for port in 0..a.port_count() as u32 {
            assert_eq!((a.mac(port), a.mtu(port)), (b.mac(port), b.mtu(port)), "port {port}");
            if let Some(eni) = EniIdx::of_port(port) {
                let eni_facts = a.enis.get(eni.at()).map(|e| (e.mac, usize::from(e.mtu)));
                let facts = eni_facts.or(a.links.get(eni.at()).map(|_| (Link::MAC, usize::from(Link::MTU))));
                assert_eq!((a.mac(port), a.mtu(port)), facts.unwrap_or_default(), "port {port}");
                for &local in &self.seen {
                    let ended = |t: &Topology| t.tracks_ended(eni, local, ip("192.0.2.1"));
                    assert_eq!(ended(&a), ended(&b), "tracks of {eni:?} at {local}");
                    if let IpAddr::V4(v4) = local {
                        assert_eq!(a.is_nat_private(port, v4.into()), b.is_nat_private(port, v4.into()));
                    }
                }
            }
        }
        for address in self.seen.iter().filter_map(|a| if let IpAddr::V4(a) = a { Some(*a) } else { None }) {
            assert_eq!(a.association_changed(address), b.association_changed(address), "{address}");
            assert_eq!(a.public_owner(address.into()), expected.edge.get(0).unwrap().owners.get(&address));
            assert_eq!(a.may_be_special(address.into()), fresh.may_be_special(address.into()), "{address}");
            let owner = |t: &Topology| t.edge.get(0).and_then(|e| e.owners.get(&address)).copied();
            if owner(&a) != owner(&self.compiled) {
                assert_eq!(a.association_changed(address), a.generation as u32);
                assert_eq!(a.last_change(&[Dep::new(DepKind::Edge, edge_group(address))]), a.generation);
            }
        }
        for (_, nat) in a.nats.iter() {
            assert!(a.may_be_special(nat.private.into()) && a.is_nat_private(nat.eni.port(), nat.private.into()));
        }
        (self.compiled, self.whole) = (a, b);
    }
}

fn check_names(m: &Model, c: &Compiler, names: &Names) {
    macro_rules! each {
        ($shelf:ident, $index:ident, $name:ident, $numbers:ident, $Idx:ident) => {
            for (at, id) in c.numbers.$numbers.keys().iter().enumerate() {
                let id = id.as_deref().unwrap();
                let expected = m.$shelf().get(id).map_or("-", |_| id);
                assert_eq!(names.$name(vpcd_dataplane::topology::$Idx(at as u32)), expected);
                assert_eq!(c.$index(id).unwrap().at(), at);
            }
        };
    }
    each!(subnets, subnet, subnet, subnets, SubnetIdx);
    each!(vpcs, vpc, vpc, vpcs, VpcIdx);
    each!(route_tables, route_table, route_table, route_tables, RouteTableIdx);
    each!(network_acls, nacl, nacl, nacls, NaclIdx);
    for (at, id) in c.numbers.enis.keys().iter().enumerate() {
        let id = id.as_deref().unwrap();
        let eni = m.interfaces().get(id).map(|e| e.nat_gateway.as_deref().unwrap_or(&e.id));
        let expected = eni.or(m.vpn_gateways().get(id).map(|g| g.id.as_str())).unwrap_or("-");
        assert_eq!(names.eni(EniIdx(at as u32)), expected);
    }
}

/// What a shelf finds by key is what a search finds.
fn check_keys<T: HasId + Clone>(shelf: &Shelf<T>, seen: &mut HashSet<String>) {
    let mut by_key: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for item in shelf.iter() {
        let keys: BTreeSet<_> = item.keys().into_iter().collect();
        keys.into_iter().for_each(|key| by_key.entry(key.into_owned()).or_default().push(item.id()));
    }
    seen.extend(by_key.keys().cloned());
    for key in seen.iter() {
        let found: Vec<&str> = shelf.by(key).map(T::id).collect();
        assert_eq!(found, by_key.remove(key).unwrap_or_default(), "{key}");
    }
}

fn check_shelves(m: &Model, seen: &mut HashSet<String>) {
    check_keys(m.subnets(), seen);
    check_keys(m.route_tables(), seen);
    check_keys(m.table_associations(), seen);
    check_keys(m.internet_gateways(), seen);
    check_keys(m.egress_only_gateways(), seen);
    check_keys(m.elastic_ips(), seen);
    check_keys(m.security_groups(), seen);
    check_keys(m.network_acls(), seen);
    check_keys(m.interfaces(), seen);
}

/// Plays a history; counts the operations that were accepted.
fn play(seed: u64, steps: usize, accepted: &mut BTreeMap<&'static str, usize>) {
    let mut rng = Rng(seed);
    let mut m = Model::new(seed);
    *m.limits_mut() = Limits { elastic_ips: 8, ..Limits::default() };
    let mut c = Compiler::new();
    let mut lines = Lines::default();
    let mut keys = HashSet::new();
    for _ in 0..steps {
        let mut next = m.clone();
        let most = if rng.chance(20) { 12 } else { 2 };
        for _ in 0..1 + rng.below(most) {
            // Operations are drawn until one is accepted.
            for _ in 0..20 {
                let (name, operation) = OPERATIONS[rng.below(OPERATIONS.len())];
                if operation(&mut next, &mut rng).is_some() {
                    *accepted.entry(name).or_default() += 1;
                    break;
                }
            }
        }
        match rng.below(12) {
            // The change was compiled and then given up.
            0 => {
                let made = c.compile(&next).topology;
                let expected = whole(&c.numbers, &next);
                lines.publish(made, &expected);
                continue;
            }
            // Nobody compiled it.
            1 => {
                next.settle();
                m = next;
                continue;
            }
            // The server was started again under the same compiler.
            2 => m = restored(&next),
            _ => m = next,
        }
        let Compiled { topology, names } = c.compile(&m);
        lines.publish(topology, &whole(&c.numbers, &m));
        check_names(&m, &c, &names);
        check_shelves(&m, &mut keys);
        if rng.chance(80) {
            m.settle();
        }
    }
    // A compiler that has only the indices makes the same of it.
    let mut again = Compiler { numbers: c.numbers.clone(), ..Compiler::default() };
    let made = again.compile(&m).topology;
    // With its own indices: the last change may be one that nobody compiled.
    lines.publish(made, &whole(&again.numbers, &m));
}

#[test]
fn what_changed_is_all_that_had_to_be_compiled() {
    let mut accepted = BTreeMap::new();
    for seed in 0..120 {
        play(seed, 120, &mut accepted);
    }
    let missing: Vec<&str> = OPERATIONS.iter().map(|o| o.0).filter(|o| accepted.get(o).copied() < Some(5)).collect();
    assert!(missing.is_empty(), "never or hardly ever accepted: {missing:?}");
}

#[test]
fn a_stamp_names_one_content() {
    let mut m = world().m;
    let mut c = Compiler::new();
    let first = c.compile(&m).topology;
    m.settle();
    // Two changes of one settled model, neither made from the other.
    let (mut left, mut right) = (m.clone(), m.clone());
    let eni = m.interfaces().iter().next().unwrap().id.clone();
    left.modify_source_dest_check(&eni, false).unwrap();
    right
        .assign_private_ip_addresses(crate::model::AssignPrivate {
            interface: eni.clone(),
            count: 1,
            ..Default::default()
        })
        .unwrap();
    let check = |t: &Topology| (t.enis.get(0).unwrap().check, t.enis.get(0).unwrap().addresses4.len());
    assert_eq!(check(&first), (true, 1));
    assert_eq!(check(&c.compile(&left).topology), (false, 1));
    assert_eq!(check(&c.compile(&right).topology), (true, 2));
    assert_eq!(check(&c.compile(&m).topology), (true, 1));
    left.settle();
    right.settle();
    assert_eq!(check(&c.compile(&left).topology), (false, 1));
    assert_eq!(check(&c.compile(&right).topology), (true, 2));
    let public = |t: &Topology| t.publics.get(0).unwrap().public(Ipv4Addr::new(10, 0, 0, 4)).is_some();
    assert!(public(&c.compile(&right).topology));
}
