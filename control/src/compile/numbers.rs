//! Which index each resource got. Indices are given in order of creation and never to another.

use super::dirty::Dirty;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use vpcd_tables::share::Pages;

/// Numbers for keys, in order of first sight, never reused.
#[derive(Clone, Debug)]
pub(super) struct Indices<K> {
    known: HashMap<K, u32>,
    keys: Pages<Option<K>>,
}

impl<K> Default for Indices<K> {
    fn default() -> Self {
        Indices { known: HashMap::new(), keys: Pages::default() }
    }
}

impl<K: Hash + Eq + Clone> Indices<K> {
    /// The number of a key, a new one if it has none.
    pub(super) fn of<Q>(&mut self, key: &Q) -> u32
    where
        K: Borrow<Q> + for<'a> From<&'a Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(at) = self.get(key) {
            return at;
        }
        let at = self.known.len() as u32;
        let key = K::from(key);
        self.keys.set(at as usize, Some(key.clone()));
        self.known.insert(key, at);
        at
    }

    /// The number of a key, if it has one.
    pub(super) fn get<Q>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.known.get(key).copied()
    }

    /// The keys by number; a copy costs nothing.
    pub(super) fn keys(&self) -> &Pages<Option<K>> {
        &self.keys
    }
}

/// Indices of resources by id, and of what is made of several.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// Interfaces, and virtual private gateways: whatever has a port.
    pub(super) enis: Indices<Arc<str>>,
    pub(super) subnets: Indices<Arc<str>>,
    pub(super) vpcs: Indices<Arc<str>>,
    pub(super) route_tables: Indices<Arc<str>>,
    pub(super) nacls: Indices<Arc<str>>,
    pub(super) nats: Indices<Arc<str>>,
    pub(super) groups: Indices<Arc<str>>,
    /// Security-group rules.
    pub(super) rules: Indices<Arc<str>>,
    /// By the groups' numbers, ascending.
    pub(super) filters: Indices<Arc<[u32]>>,
    /// Filters that hold a group.
    with_group: HashMap<u32, Vec<u32>>,
}

impl Numbers {
    /// Gives numbers to all that is new, oldest first.
    pub(super) fn assign(&mut self, dirty: &Dirty<'_>) {
        dirty.vpcs.present().for_each(|v| _ = self.vpcs.of(v.id.as_str()));
        dirty.route_tables.present().for_each(|t| _ = self.route_tables.of(t.id.as_str()));
        dirty.nacls.present().for_each(|a| _ = self.nacls.of(a.id.as_str()));
        dirty.subnets.present().for_each(|s| _ = self.subnets.of(s.id.as_str()));
        dirty.interfaces.present().for_each(|e| _ = self.enis.of(e.id.as_str()));
        dirty.vpn_gateways.present().for_each(|g| _ = self.enis.of(g.id.as_str()));
        for n in dirty.nats.present().filter(|n| n.interface.is_some()) {
            self.nats.of(n.id.as_str());
        }
        for g in dirty.groups.present() {
            self.groups.of(g.id.as_str());
            g.ingress.iter().chain(&g.egress).for_each(|r| _ = self.rules.of(r.id.as_str()));
        }
    }

    /// The filter of these groups (SG-42).
    pub(super) fn filter(&mut self, groups: &[String]) -> u32 {
        let mut set: Vec<u32> = groups.iter().map(|g| self.groups.of(g.as_str())).collect();
        set.sort_unstable();
        if let Some(at) = self.filters.get(&set[..]) {
            return at;
        }
        let at = self.filters.of(&set[..]);
        set.into_iter().for_each(|g| self.with_group.entry(g).or_default().push(at));
        at
    }

    /// The numbers of a filter's groups.
    pub(super) fn groups_of(&self, filter: u32) -> Arc<[u32]> {
        self.filters.keys().get(filter as usize).cloned().flatten().unwrap_or_default()
    }

    /// The filters that hold a group.
    pub(super) fn filters_with(&self, group: &str) -> &[u32] {
        self.groups.get(group).and_then(|g| self.with_group.get(&g)).map_or(&[], |f| f)
    }
}
