//! The mechanism of both filters: bit vectors (Lakshman and Stiliadis, SIGCOMM 1998). Bit `i` of a
//! vector stands for rule `i`. The addresses fall into classes that no rule tells apart, one
//! vector each, found by longest prefix; the ports of a protocol likewise, found by search. Equal
//! vectors are stored once. A look-up is two searches and an AND that stops at the first hit, so
//! it grows with the rules by a word in 64.

use super::Match;
use crate::fib::{Fib4, Fib6};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

#[derive(Clone, Debug, Default)]
pub(super) struct Classifier {
    vectors: Vectors,
    /// Values are places in `vectors`.
    v4: Fib4,
    v6: Fib6,
    /// Protocols that some rule names, ascending.
    protos: Box<[u8]>,
    /// One for each of `protos`, and at the end one for all other protocols.
    ports: Box<[Ports]>,
}

/// Classes of the ports of one protocol: class `i` ends before `starts[i]`.
#[derive(Clone, Debug, Default)]
struct Ports {
    starts: Box<[u16]>,
    /// Places in [`Vectors`].
    classes: Box<[u32]>,
}

/// Vectors of equal length; a place is an index in units of that length.
#[derive(Clone, Debug, Default)]
struct Vectors {
    words: usize,
    bits: Box<[u64]>,
}

impl Classifier {
    /// `rules` in order of precedence; without a net, a rule is matched by other means than its
    /// peer's address. Second: the places of the vectors `extra`, lists of rule indices.
    pub(super) fn build(rules: &[(Option<IpNet>, &Match)], extra: &[Vec<usize>]) -> (Classifier, Vec<u32>) {
        let mut interner = Interner::new(rules.len());
        let mut v4: BTreeMap<Ipv4Net, Vec<usize>> = BTreeMap::new();
        let mut v6: BTreeMap<Ipv6Net, Vec<usize>> = BTreeMap::new();
        for (i, (net, _)) in rules.iter().enumerate() {
            match net {
                Some(IpNet::V4(net)) => v4.entry(net.trunc()).or_default().push(i),
                Some(IpNet::V6(net)) => v6.entry(net.trunc()).or_default().push(i),
                None => {}
            }
        }
        let v4 = interner.nested(v4, |outer, inner| outer.contains(inner));
        let v6 = interner.nested(v6, |outer, inner| outer.contains(inner));
        let named: BTreeSet<u8> = rules.iter().filter_map(|r| r.1.proto).collect();
        let ports =
            named.iter().map(|proto| Some(*proto)).chain([None]).map(|proto| interner.ports(rules, proto)).collect();
        let extra = extra.iter().map(|rules| interner.list(rules)).collect();
        let classifier = Classifier {
            vectors: interner.finish(),
            v4: Fib4::build(&v4),
            v6: Fib6::build(&v6),
            protos: named.into_iter().collect(),
            ports,
        };
        (classifier, extra)
    }

    /// The rules whose net covers `peer`. Rules of one family never match the other.
    #[inline]
    pub(super) fn by_peer(&self, peer: IpAddr) -> &[u64] {
        self.vector(match peer {
            IpAddr::V4(peer) => self.v4.lookup(u32::from(peer)),
            IpAddr::V6(peer) => self.v6.lookup(u128::from(peer)),
        })
    }

    /// The rules whose [`Match`] covers `proto` and `port`.
    #[inline]
    pub(super) fn by_port(&self, proto: u8, port: u16) -> &[u64] {
        let at = self.protos.binary_search(&proto);
        let Some(ports) = self.ports.get(at.unwrap_or(self.protos.len())) else {
            return &[];
        };
        let class = ports.starts.partition_point(|start| *start <= port);
        ports.classes.get(class).map_or(&[], |c| self.vector(*c))
    }

    /// A vector by its place; empty if there is none.
    #[inline]
    pub(super) fn vector(&self, place: u32) -> &[u64] {
        let from = place as usize * self.vectors.words;
        let vector = self.vectors.bits.get(from..from + self.vectors.words);
        vector.unwrap_or(&[])
    }
}

/// The first rule in both vectors.
#[inline]
pub(super) fn first_common(a: &[u64], b: &[u64]) -> Option<usize> {
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        let both = a & b;
        if both != 0 {
            return Some(i * 64 + both.trailing_zeros() as usize);
        }
    }
    None
}

/// Gives equal vectors one place.
struct Interner {
    words: usize,
    places: HashMap<Vec<u64>, u32>,
    bits: Vec<u64>,
}

impl Interner {
    fn new(rules: usize) -> Interner {
        Interner { words: rules.div_ceil(64), places: HashMap::new(), bits: Vec::new() }
    }

    fn place(&mut self, vector: &[u64]) -> u32 {
        if let Some(place) = self.places.get(vector) {
            return *place;
        }
        let place = self.places.len() as u32;
        self.places.insert(vector.to_vec(), place);
        self.bits.extend_from_slice(vector);
        place
    }

    fn list(&mut self, rules: &[usize]) -> u32 {
        let mut vector = vec![0; self.words];
        for rule in rules {
            toggle(&mut vector, *rule);
        }
        self.place(&vector)
    }

    /// The vector of each net: its own rules and those of the nets around it.
    fn nested<N: Copy + Ord>(
        &mut self,
        nets: BTreeMap<N, Vec<usize>>,
        contains: impl Fn(&N, &N) -> bool,
    ) -> Vec<(N, u32)> {
        let mut around: Vec<(N, Vec<u64>)> = Vec::new();
        let mut routes = Vec::with_capacity(nets.len());
        // Ascending order puts a net right before the nets inside it.
        for (net, rules) in nets {
            while around.pop_if(|outer| !contains(&outer.0, &net)).is_some() {}
            let mut vector = around.last().map_or_else(|| vec![0; self.words], |outer| outer.1.clone());
            for rule in rules {
                toggle(&mut vector, rule);
            }
            routes.push((net, self.place(&vector)));
            around.push((net, vector));
        }
        routes
    }

    /// Port classes of one protocol, or of all that no rule names.
    fn ports(&mut self, rules: &[(Option<IpNet>, &Match)], proto: Option<u8>) -> Ports {
        let mut changes: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        changes.insert(0, Vec::new());
        for (i, (_, matches)) in rules.iter().enumerate() {
            let (first, last) = matches.ports;
            if first <= last && (matches.proto.is_none() || matches.proto == proto) {
                changes.entry(first).or_default().push(i);
                if let Some(after) = last.checked_add(1) {
                    changes.entry(after).or_default().push(i);
                }
            }
        }
        let mut vector = vec![0; self.words];
        let mut starts = Vec::new();
        let mut classes: Vec<u32> = Vec::new();
        for (start, rules) in changes {
            for rule in rules {
                toggle(&mut vector, rule);
            }
            let class = self.place(&vector);
            if classes.last() != Some(&class) {
                if start > 0 {
                    starts.push(start);
                }
                classes.push(class);
            }
        }
        Ports { starts: starts.into(), classes: classes.into() }
    }

    fn finish(self) -> Vectors {
        Vectors { words: self.words, bits: self.bits.into() }
    }
}

/// Flips the bit of `rule`: sets it where the rule begins to match, clears it where it ends.
fn toggle(vector: &mut [u64], rule: usize) {
    if let Some(word) = vector.get_mut(rule / 64) {
        *word ^= 1 << (rule % 64);
    }
}
