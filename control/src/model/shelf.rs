//! Resources of one kind, found by id and listed in order of creation.

use super::types::Id;
use std::collections::{BTreeMap, HashMap};

/// Anything that has an id.
pub trait HasId {
    /// Its id.
    fn id(&self) -> &str;
}

/// Resources of one kind.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    items: BTreeMap<u64, T>,
    index: HashMap<Id, u64>,
    next: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf { items: BTreeMap::new(), index: HashMap::new(), next: 0 }
    }
}

impl<T: HasId> Shelf<T> {
    /// The resource with this id.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.items.get(self.index.get(id)?)
    }
    /// All, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.values()
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.items.values_mut()
    }
    pub(super) fn put(&mut self, item: T) {
        let at = self.next;
        self.next += 1;
        self.index.insert(item.id().into(), at);
        self.items.insert(at, item);
    }
    pub(super) fn take(&mut self, id: &str) -> Option<T> {
        self.items.remove(&self.index.remove(id)?)
    }
    /// Changes the resource with this id, if it is there.
    pub(super) fn edit(&mut self, id: &str, change: impl FnOnce(&mut T)) {
        if let Some(item) = self.index.get(id).and_then(|at| self.items.get_mut(at)) {
            change(item);
        }
    }
}
