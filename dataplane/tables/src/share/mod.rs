//! Containers whose copies share what neither side changes. The control plane changes its copy of a picture while workers read an older one; a change
//! copies the part of a container that it touches, and two copies are compared by looking only at parts that they do not share.

#[cfg(test)]
mod tests;

use foldhash::quality::FixedState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::{BuildHasher, Hash};
use std::ops::Range;
use std::sync::Arc;

/// Entries of a page.
const PAGE: usize = 64;

/// Values by index, in pages. An index that was never set holds the default.
#[derive(Clone, Debug)]
pub struct Pages<T> {
    pages: Arc<[Arc<[T; PAGE]>]>,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Pages { pages: Arc::default(), len: 0 }
    }
}

impl<T: Clone + Default> Pages<T> {
    /// The value at `index`; none beyond the end.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.pages.get(index / PAGE).map(|page| &page[index % PAGE])
    }

    /// Puts a value; indices in between hold the default.
    pub fn set(&mut self, index: usize, value: T) {
        self.grow(index + 1);
        if let Some(page) = Arc::make_mut(&mut self.pages).get_mut(index / PAGE) {
            Arc::make_mut(page)[index % PAGE] = value;
        }
    }

    /// Makes it hold at least `len` values.
    pub fn grow(&mut self, len: usize) {
        self.len = self.len.max(len);
        let missing = len.div_ceil(PAGE).saturating_sub(self.pages.len());
        if missing > 0 {
            let empty = Arc::new(std::array::from_fn(|_| T::default()));
            self.pages = self.pages.iter().cloned().chain(std::iter::repeat_n(empty, missing)).collect();
        }
    }

    /// One more than the highest index that was set.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no index was ever set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All values by index.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter()).take(self.len)
    }

    /// Indices that may differ: those of pages that only one of the two has.
    pub fn unshared(&self, other: &Pages<T>) -> Vec<Range<usize>> {
        let all = 0..self.pages.len().max(other.pages.len());
        let shared = |page: usize| match (self.pages.get(page), other.pages.get(page)) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        if Arc::ptr_eq(&self.pages, &other.pages) {
            return Vec::new();
        }
        all.filter(|&page| !shared(page)).map(|page| page * PAGE..(page + 1) * PAGE).collect()
    }

    /// Takes over the page that holds `index` from `other`.
    pub fn take_page(&mut self, index: usize, other: &Pages<T>) {
        if let Some(page) = other.pages.get(index / PAGE)
            && let Some(own) = Arc::make_mut(&mut self.pages).get_mut(index / PAGE)
        {
            *own = Arc::clone(page);
        }
    }
}

/// A hash map in shards; their number grows with the square root of the number of entries, so that neither the list of shards nor a
/// shard is long.
#[derive(Clone, Debug)]
pub struct Map<K, V> {
    shards: Arc<[Shard<K, V>]>,
    len: usize,
}

type Shard<K, V> = Arc<HashTable<(K, V)>>;
/// The same stretch of two maps.
type Pair<'a, K, V> = (&'a [Shard<K, V>], &'a [Shard<K, V>]);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map { shards: Arc::default(), len: 0 }
    }
}

fn entries<K, V>(shards: &[Shard<K, V>]) -> impl Iterator<Item = &(K, V)> {
    shards.iter().flat_map(|shard| shard.iter())
}

fn hash<K: Hash>(key: &K) -> u64 {
    FixedState::default().hash_one(key)
}

/// The shard of a hash among `count`, a power of two. Its table uses the lowest and the highest bits.
fn shard(hash: u64, count: usize) -> usize {
    (hash >> 32) as usize & count.wrapping_sub(1)
}

impl<K: Hash + Eq + Clone, V: Clone + PartialEq> Map<K, V> {
    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &K) -> Option<&V> {
        if self.len == 0 {
            return None;
        }
        let hash = hash(key);
        self.shards.get(shard(hash, self.shards.len()))?.find(hash, |(k, _)| k == key).map(|(_, v)| v)
    }

    /// Puts a value. What is there already is not copied.
    pub fn insert(&mut self, key: K, value: V) {
        if self.get(&key) == Some(&value) {
            return;
        }
        if self.len >= self.shards.len() * (16 + self.shards.len() / 4) {
            self.split();
        }
        let hash_of = |e: &(K, V)| hash(&e.0);
        let hash = hash(&key);
        let at = shard(hash, self.shards.len());
        let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(at) else { return };
        match Arc::make_mut(shard).entry(hash, |(k, _)| *k == key, hash_of) {
            Entry::Occupied(mut there) => there.get_mut().1 = value,
            Entry::Vacant(free) => {
                free.insert((key, value));
                self.len += 1;
            }
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &K) {
        if self.get(key).is_none() {
            return;
        }
        let hash = hash(key);
        let at = shard(hash, self.shards.len());
        let Some(shard) = Arc::make_mut(&mut self.shards).get_mut(at) else { return };
        if let Ok(there) = Arc::make_mut(shard).find_entry(hash, |(k, _)| k == key) {
            there.remove();
            self.len -= 1;
        }
    }

    /// Puts a value, or takes the key out.
    pub fn set(&mut self, key: K, value: Option<V>) {
        match value {
            Some(value) => self.insert(key, value),
            None => self.remove(&key),
        }
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Keys and values in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        entries(&self.shards).map(|(k, v)| (k, v))
    }

    /// Keys whose values differ, those that only one of the two has included.
    pub fn differences<'a>(&'a self, other: &'a Map<K, V>) -> impl Iterator<Item = &'a K> {
        self.unshared(other).into_iter().flat_map(move |(ours, theirs)| {
            let changed = entries(ours).filter(|e| other.get(&e.0) != Some(&e.1));
            changed.chain(entries(theirs).filter(|e| self.get(&e.0).is_none())).map(|e| &e.0)
        })
    }

    /// Shards on either side that hold the same keys if anything does, without those that both have.
    fn unshared<'a>(&'a self, other: &'a Map<K, V>) -> Vec<Pair<'a, K, V>> {
        if Arc::ptr_eq(&self.shards, &other.shards) {
            return Vec::new();
        }
        if self.shards.len() != other.shards.len() {
            return vec![(&self.shards, &other.shards)];
        }
        self.shards.chunks(1).zip(other.shards.chunks(1)).filter(|(a, b)| !Arc::ptr_eq(&a[0], &b[0])).collect()
    }

    /// Twice as many shards.
    fn split(&mut self) {
        let count = (self.shards.len() * 2).max(1);
        let mut shards: Vec<HashTable<(K, V)>> = (0..count).map(|_| HashTable::new()).collect();
        for (key, value) in self.iter() {
            let hash_of = hash(key);
            if let Some(to) = shards.get_mut(shard(hash_of, count)) {
                to.insert_unique(hash_of, (key.clone(), value.clone()), |e| hash(&e.0));
            }
        }
        self.shards = shards.into_iter().map(Arc::new).collect();
    }
}

impl<K: Hash + Eq + Clone, V: Clone + PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.differences(other).next().is_none()
    }
}

impl<K: Hash + Eq + Clone, V: Clone + PartialEq> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut map = Map::default();
        pairs.into_iter().for_each(|(key, value)| map.insert(key, value));
        map
    }
}
