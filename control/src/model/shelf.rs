//! Resources of one kind, found by id and listed in order of creation.

use super::types::Id;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};

/// Anything that has an id.
pub trait HasId {
    /// Its id.
    fn id(&self) -> &str;
}

/// Resources of one kind. A clone costs nothing and shares what neither side changes, so that a change can be tried on a copy and
/// a reader keeps the picture it began with.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    items: RedBlackTreeMapSync<u64, T>,
    index: HashTrieMapSync<Id, u64>,
    next: u64,
    /// Ids that were put, changed or taken since the last [`Shelf::settle`], in order.
    touched: Vec<Id>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf { items: RedBlackTreeMapSync::default(), index: HashTrieMapSync::default(), next: 0, touched: Vec::new() }
    }
}

impl<T: HasId + Clone> Shelf<T> {
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
        self.items.size()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// Ids of resources made, changed or deleted since the last publish, once for each time.
    pub fn touched(&self) -> &[Id] {
        &self.touched
    }
    /// Place in the order of creation; never given twice.
    pub fn place(&self, id: &str) -> Option<u64> {
        self.index.get(id).copied()
    }

    pub(super) fn put(&mut self, item: T) {
        let at = self.next;
        self.touched.push(item.id().into());
        self.put_at(at, item);
    }
    /// Puts a resource back to the place it had.
    pub(super) fn put_at(&mut self, at: u64, item: T) {
        self.next = self.next.max(at + 1);
        self.index.insert_mut(item.id().into(), at);
        self.items.insert_mut(at, item);
    }
    pub(super) fn take(&mut self, id: &str) -> Option<T> {
        let at = *self.index.get(id)?;
        let item = self.items.get(&at)?.clone();
        self.touched.push(id.into());
        self.index.remove_mut(id);
        self.items.remove_mut(&at);
        Some(item)
    }
    /// Changes the resource with this id, if it is there.
    pub(super) fn edit(&mut self, id: &str, change: impl FnOnce(&mut T)) {
        if let Some(item) = self.index.get(id).and_then(|at| self.items.get_mut(at)) {
            self.touched.push(id.into());
            change(item);
        }
    }
    /// Changes all resources that `which` picks.
    pub(super) fn edit_where(&mut self, which: impl Fn(&T) -> bool, change: impl Fn(&mut T)) {
        let picked: Vec<Id> = self.iter().filter(|t| which(t)).map(|t| t.id().to_string()).collect();
        picked.iter().for_each(|id| self.edit(id, &change));
    }
    /// All go, and those of another shelf come; both count as touched.
    pub(super) fn replace(&mut self, other: Shelf<T>) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.extend(self.iter().chain(other.iter()).map(|t| t.id().to_string()));
        *self = Shelf { touched, ..other };
    }
    /// What was touched has been taken note of.
    pub(super) fn settle(&mut self) {
        self.touched.clear();
    }
}
