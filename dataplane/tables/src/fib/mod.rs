//! Longest-prefix match (RT-40): an address goes in, the value of the most specific covering
//! prefix comes out. [`Fib4`] and [`Fib6`] are built from a list of prefixes and never changed;
//! a route change builds a new one. Nested prefixes are first flattened into disjoint ranges of
//! addresses (`ranges`), so the two forms below are canonical: they depend on the answers only,
//! not on how the routes were written. IPv6 and small IPv4 tables stay a sorted array of ranges that
//! is searched without branches (`flat`); from about 1,000 IPv4 routes on the ranges become a trie
//! of 64-way nodes behind a direct root (`trie`). Both forms take either family; `addr` decides.

mod addr;
mod flat;
mod ranges;
#[cfg(test)]
mod tests;
mod trie;

use addr::Addr;
use flat::Flat;
use ipnet::{Ipv4Net, Ipv6Net};
use ranges::Ranges;
use trie::Trie;

/// What a lookup answers when no prefix covers the address. Values of routes are below it.
pub const NONE: u32 = u32::MAX;

/// IPv4 longest-prefix table (RT-40): `u32` address in host order -> value of the route.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fib4 {
    table: Table<u32>,
}

impl Fib4 {
    /// Builds the table. Order does not matter, except that the last of two routes with the same
    /// prefix wins; host bits of a prefix are ignored.
    pub fn build(routes: &[(Ipv4Net, u32)]) -> Fib4 {
        let routes = routes.iter().map(|(net, value)| (u32::from(net.network()), net.prefix_len(), *value));
        Fib4 { table: Table::build(routes.collect()) }
    }

    /// Value of the longest prefix that covers `addr`, or [`NONE`].
    #[inline]
    pub fn lookup(&self, addr: u32) -> u32 {
        self.table.lookup(addr)
    }

    /// [`Fib4::lookup`] of each address, several in flight at once; stops at the end of the
    /// shorter slice.
    pub fn lookup_batch(&self, addrs: &[u32], out: &mut [u32]) {
        self.table.lookup_batch(addrs, out);
    }

    /// Memory held, in bytes, this object included.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.table.heap_bytes()
    }

    /// Number of distinct prefixes it was built from.
    pub fn len(&self) -> usize {
        self.table.len as usize
    }

    /// Whether it was built from no prefix at all.
    pub fn is_empty(&self) -> bool {
        self.table.len == 0
    }
}

/// IPv6 longest-prefix table (RT-40): `u128` address in host order -> value of the route.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Fib6 {
    table: Table<u128>,
}

impl Fib6 {
    /// Builds the table. Order does not matter, except that the last of two routes with the same
    /// prefix wins; host bits of a prefix are ignored.
    pub fn build(routes: &[(Ipv6Net, u32)]) -> Fib6 {
        let routes = routes.iter().map(|(net, value)| (u128::from(net.network()), net.prefix_len(), *value));
        Fib6 { table: Table::build(routes.collect()) }
    }

    /// Value of the longest prefix that covers `addr`, or [`NONE`].
    #[inline]
    pub fn lookup(&self, addr: u128) -> u32 {
        self.table.lookup(addr)
    }

    /// [`Fib6::lookup`] of each address, several in flight at once; stops at the end of the
    /// shorter slice.
    pub fn lookup_batch(&self, addrs: &[u128], out: &mut [u32]) {
        self.table.lookup_batch(addrs, out);
    }

    /// Memory held, in bytes, this object included.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.table.heap_bytes()
    }

    /// Number of distinct prefixes it was built from.
    pub fn len(&self) -> usize {
        self.table.len as usize
    }

    /// Whether it was built from no prefix at all.
    pub fn is_empty(&self) -> bool {
        self.table.len == 0
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Table<A> {
    len: u32,
    form: Form<A>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Form<A> {
    Flat(Flat<A>),
    Trie(Box<Trie>),
}

impl<A: Addr> Default for Table<A> {
    fn default() -> Self {
        Table::build(Vec::new())
    }
}

impl<A: Addr> Table<A> {
    /// `routes` are (network address, prefix length, value).
    fn build(routes: Vec<(A, u8, u32)>) -> Table<A> {
        let ranges = Ranges::of(routes);
        let form = match A::root_bits(ranges.starts.len()) {
            None => Form::Flat(Flat::build(&ranges)),
            Some(bits) => Form::Trie(Box::new(Trie::build(&ranges, bits))),
        };
        Table { len: ranges.prefixes, form }
    }

    #[inline]
    fn lookup(&self, addr: A) -> u32 {
        match &self.form {
            Form::Flat(flat) => flat.lookup(addr),
            Form::Trie(trie) => trie.lookup(addr),
        }
    }

    fn lookup_batch(&self, addrs: &[A], out: &mut [u32]) {
        match &self.form {
            Form::Flat(flat) => flat.lookup_batch(addrs, out),
            Form::Trie(trie) => trie.lookup_batch(addrs, out),
        }
    }

    fn heap_bytes(&self) -> usize {
        match &self.form {
            Form::Flat(flat) => flat.heap_bytes(),
            Form::Trie(trie) => size_of::<Trie>() + trie.heap_bytes(),
        }
    }
}
