//! Request ids: UUIDs of version 4 (RFC 9562 section 5.4).

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A keyed hash of a counter: the keys come from the system once, an id costs no system call.
pub(super) struct Ids {
    keys: [RandomState; 2],
    next: AtomicU64,
}

impl Ids {
    pub(super) fn new() -> Ids {
        Ids { keys: [RandomState::new(), RandomState::new()], next: AtomicU64::new(0) }
    }

    pub(super) fn next(&self) -> String {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let [a, b] = self.keys.each_ref().map(|k| k.hash_one(n));
        let version = a & 0xffff_ffff_ffff_0fff | 0x4000;
        let variant = b >> 2 | 1 << 63;
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            version >> 32,
            version >> 16 & 0xffff,
            version & 0xffff,
            variant >> 48,
            variant & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_uuids_of_version_4_and_differ() {
        let ids = Ids::new();
        let made: HashSet<String> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 10_000);
        for id in made {
            assert_eq!(id.len(), 36, "{id}");
            for (i, c) in id.char_indices() {
                match i {
                    8 | 13 | 18 | 23 => assert_eq!(c, '-', "{id}"),
                    14 => assert_eq!(c, '4', "{id}"),
                    19 => assert!("89ab".contains(c), "{id}"),
                    _ => assert!(c.is_ascii_digit() || ('a'..='f').contains(&c), "{id}"),
                }
            }
        }
        assert_ne!(Ids::new().next(), Ids::new().next(), "two processes, two series");
    }
}
