//! Resources of one kind, found by id and listed in order of creation.

use super::types::Id;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync, RedBlackTreeSetSync};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

/// Anything that has an id.
pub trait HasId {
    /// Its id.
    fn id(&self) -> &str;
    /// What else it is looked up by: mostly ids of what it belongs to or names.
    fn keys(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
}

/// Resources of one kind. A clone costs nothing and shares what neither side changes, so that a change can be tried on a copy and
/// a reader keeps the picture it began with.
#[derive(Clone, Debug)]
pub struct Shelf<T> {
    items: RedBlackTreeMapSync<u64, T>,
    index: HashTrieMapSync<Id, u64>,
    /// Places by key.
    keyed: HashTrieMapSync<String, RedBlackTreeSetSync<u64>>,
    next: u64,
    /// Ids that were put, changed or taken since the last [`Shelf::settle`], in order.
    touched: Vec<Id>,
    /// Names the present content: shelves with one stamp hold the same.
    stamp: u64,
    /// The stamp when `touched` was empty.
    base: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf {
            items: RedBlackTreeMapSync::default(),
            index: HashTrieMapSync::default(),
            keyed: HashTrieMapSync::default(),
            next: 0,
            touched: Vec::new(),
            stamp: 0,
            base: 0,
        }
    }
}

/// A stamp that no shelf of this process has had.
fn fresh_stamp() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
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
    /// Those that have `key` among their [`HasId::keys`], oldest first. An id from outside may be of another kind than the caller thinks.
    pub fn by(&self, key: &str) -> impl Iterator<Item = &T> {
        self.keyed.get(key).into_iter().flat_map(|places| places.iter()).filter_map(|at| self.items.get(at))
    }
    /// How many have `key` among their keys.
    pub fn count(&self, key: &str) -> usize {
        self.keyed.get(key).map_or(0, |places| places.size())
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
    /// Ids of all that may differ between `before` and now, gone ones included, each once.
    pub fn since<'a>(&'a self, before: &'a Shelf<T>) -> Vec<&'a str> {
        let (ours, theirs) = (self.touched.iter().map(Id::as_str), before.touched.iter().map(Id::as_str));
        let mut ids: Vec<&str> = if self.stamp == before.stamp {
            Vec::new()
        } else if self.base == before.stamp {
            ours.collect()
        } else if self.base == before.base {
            ours.chain(theirs).collect()
        } else {
            self.iter().chain(before.iter()).map(T::id).collect()
        };
        ids.sort_unstable();
        ids.dedup();
        ids
    }
    /// The resource with this id and its place in the order of creation.
    pub(crate) fn placed(&self, id: &str) -> Option<(u64, &T)> {
        let at = *self.index.get(id)?;
        Some((at, self.items.get(&at)?))
    }
    /// Place in the order of creation; never given twice.
    pub fn place(&self, id: &str) -> Option<u64> {
        self.index.get(id).copied()
    }

    pub(super) fn put(&mut self, item: T) {
        self.touched.push(item.id().into());
        self.stamp = fresh_stamp();
        self.insert(self.next, item);
    }
    /// Puts a resource back to the place it had; it counts as settled.
    pub(super) fn put_at(&mut self, at: u64, item: T) {
        self.insert(at, item);
        self.stamp = fresh_stamp();
        self.base = self.stamp;
    }
    pub(super) fn take(&mut self, id: &str) -> Option<T> {
        let at = *self.index.get(id)?;
        let item = self.items.get(&at)?.clone();
        self.touched.push(id.into());
        self.stamp = fresh_stamp();
        self.forget(at, item.keys());
        self.index.remove_mut(id);
        self.items.remove_mut(&at);
        Some(item)
    }
    /// Changes the resource with this id, if it is there.
    pub(super) fn edit(&mut self, id: &str, change: impl FnOnce(&mut T)) {
        let Some(&at) = self.index.get(id) else { return };
        let Some(before) = self.items.get(&at).cloned() else { return };
        let mut item = before.clone();
        change(&mut item);
        self.touched.push(id.into());
        self.stamp = fresh_stamp();
        let (old, new) = (before.keys(), item.keys());
        if old != new {
            self.forget(at, old);
            self.note(at, new);
        }
        self.items.insert_mut(at, item);
    }
    /// Changes those resources under `key` that `which` picks.
    pub(super) fn edit_by(&mut self, key: &str, which: impl Fn(&T) -> bool, change: impl Fn(&mut T)) {
        let picked: Vec<Id> = self.by(key).filter(|t| which(t)).map(|t| t.id().to_string()).collect();
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
        self.base = self.stamp;
    }

    fn insert(&mut self, at: u64, item: T) {
        self.next = self.next.max(at + 1);
        self.index.insert_mut(item.id().into(), at);
        self.note(at, item.keys());
        self.items.insert_mut(at, item);
    }
    fn note(&mut self, at: u64, keys: Vec<Cow<'_, str>>) {
        for key in keys {
            match self.keyed.get_mut(&*key) {
                Some(places) => places.insert_mut(at),
                None => {
                    let mut places = RedBlackTreeSetSync::default();
                    places.insert_mut(at);
                    self.keyed.insert_mut(key.into_owned(), places);
                }
            }
        }
    }
    fn forget(&mut self, at: u64, keys: Vec<Cow<'_, str>>) {
        for key in keys {
            let Some(places) = self.keyed.get_mut(&*key) else { continue };
            places.remove_mut(&at);
            if places.is_empty() {
                self.keyed.remove_mut(&*key);
            }
        }
    }
}
