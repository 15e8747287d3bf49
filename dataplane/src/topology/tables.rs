//! Tables of shared objects with the generation each last changed in, and the names under which a walk notes what it asked.

use std::sync::Arc;
use vpcd_tables::share::Pages;

/// Objects by index; an index may be empty (the object is gone or not there yet).
#[derive(Clone, Debug)]
pub struct Table<T> {
    objects: Pages<Option<Arc<T>>>,
    ages: Pages<u64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { objects: Pages::default(), ages: Pages::default() }
    }
}

fn at<T>(objects: &Pages<Option<Arc<T>>>, index: usize) -> Option<&Arc<T>> {
    objects.get(index).and_then(Option::as_ref)
}

impl<T: PartialEq> Table<T> {
    /// The object at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.objects.get(index)?.as_deref()
    }

    /// The object at `index`, to share it with the next generation.
    pub fn share(&self, index: usize) -> Option<Arc<T>> {
        at(&self.objects, index).cloned()
    }

    /// Puts an object at `index`; indices in between stay empty.
    pub fn set(&mut self, index: usize, object: Arc<T>) {
        self.objects.set(index, Some(object));
    }

    /// Puts what is to be at `index` from now on, and keeps what is there if it is equal.
    pub fn renew(&mut self, index: usize, object: Option<T>) {
        if self.get(index) != object.as_ref() {
            self.objects.set(index, object.map(Arc::new));
        }
    }

    /// Number of indices, empty ones included.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is no index at all.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// The objects that are there, with their index.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.objects.iter().enumerate().filter_map(|(i, o)| o.as_deref().map(|o| (i, o)))
    }

    /// Generation in which `index` last changed; 0 if it never held anything.
    pub(super) fn age(&self, index: usize) -> u64 {
        self.ages.get(index).copied().unwrap_or(0)
    }

    /// Becomes the successor of `before`: what is equal keeps its object and its age. Answers the indices that changed.
    pub(super) fn inherit(&mut self, before: &Table<T>, generation: u64) -> Vec<usize> {
        self.ages = before.ages.clone();
        self.objects.grow(before.objects.len());
        let mut changed = Vec::new();
        for page in self.objects.unshared(&before.objects) {
            let known = changed.len();
            let first = page.start;
            for index in page {
                match (at(&self.objects, index), at(&before.objects, index)) {
                    (None, None) => {}
                    (Some(new), Some(old)) if Arc::ptr_eq(new, old) => {}
                    (Some(new), Some(old)) if new == old => self.objects.set(index, Some(Arc::clone(old))),
                    _ => changed.push(index),
                }
            }
            if changed.len() == known {
                // The next comparison need not look here.
                self.objects.take_page(first, &before.objects);
            }
        }
        changed.iter().for_each(|&index| self.ages.set(index, generation));
        changed
    }
}

/// Kinds of objects a walk may ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum DepKind {
    Eni = 1,
    Subnet,
    Vpc,
    Addresses,
    Members,
    Publics,
    RouteTable,
    Nacl,
    Filter,
    Nat,
    Edge,
}

const KINDS: [DepKind; 11] = [
    DepKind::Eni,
    DepKind::Subnet,
    DepKind::Vpc,
    DepKind::Addresses,
    DepKind::Members,
    DepKind::Publics,
    DepKind::RouteTable,
    DepKind::Nacl,
    DepKind::Filter,
    DepKind::Nat,
    DepKind::Edge,
];

/// One object that a decision rests on: kind in the top 4 bits, index below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Dep(u32);

impl Dep {
    /// Names an object.
    pub fn new(kind: DepKind, index: u32) -> Dep {
        debug_assert!(index < 1 << 28);
        Dep((kind as u32) << 28 | index & 0x0fff_ffff)
    }
    /// Its kind.
    pub fn kind(self) -> DepKind {
        KINDS[((self.0 >> 28) as usize).clamp(1, KINDS.len()) - 1]
    }
    /// Its index in the table of its kind.
    pub fn index(self) -> usize {
        (self.0 & 0x0fff_ffff) as usize
    }
}
