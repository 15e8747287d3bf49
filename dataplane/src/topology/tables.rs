//! Tables of shared objects with the generation each last changed in, and the names under which a walk notes what it asked.

use std::sync::Arc;

/// Objects by index; an index may be empty (the object is gone or not there yet).
#[derive(Clone, Debug)]
pub struct Table<T> {
    slots: Vec<(u64, Option<Arc<T>>)>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { slots: Vec::new() }
    }
}

impl<T: PartialEq> Table<T> {
    /// The object at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&T> {
        self.slots.get(index).and_then(|(_, o)| o.as_deref())
    }

    /// The object at `index`, to share it with the next generation.
    pub fn share(&self, index: usize) -> Option<Arc<T>> {
        self.slots.get(index).and_then(|(_, o)| o.clone())
    }

    /// Puts an object at `index`; indices in between stay empty.
    pub fn set(&mut self, index: usize, object: Arc<T>) {
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || (0, None));
        }
        self.slots[index].1 = Some(object);
    }

    /// Number of indices, empty ones included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no index at all.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The objects that are there, with their index.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.slots.iter().enumerate().filter_map(|(i, (_, o))| o.as_deref().map(|o| (i, o)))
    }

    /// Generation in which `index` last changed; 0 if it never held anything.
    pub(super) fn age(&self, index: usize) -> u64 {
        self.slots.get(index).map_or(0, |s| s.0)
    }

    pub(super) fn inherit(&mut self, before: &Table<T>, generation: u64) {
        if self.slots.len() < before.slots.len() {
            self.slots.resize_with(before.slots.len(), || (0, None));
        }
        for (i, slot) in self.slots.iter_mut().enumerate() {
            let old = before.slots.get(i);
            let same = match (&slot.1, old.and_then(|o| o.1.as_ref())) {
                (None, None) => true,
                (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
                _ => false,
            };
            if same {
                if let Some(old) = old {
                    *slot = old.clone();
                }
            } else {
                slot.0 = generation;
            }
        }
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
