//! Longest-prefix match (RT-40): an address goes in, the value of the most specific covering
//! prefix comes out. [`Fib4`] and [`Fib6`] are built from a list of prefixes and never changed;
//! a route change builds a new one.

use ipnet::{Ipv4Net, Ipv6Net};

/// What a lookup answers when no prefix covers the address. Values of routes are below it.
pub const NONE: u32 = u32::MAX;

macro_rules! naive {
    ($name:ident, $net:ty, $addr:ty, $ip:ty) => {
        /// Longest-prefix table (RT-40).
        #[derive(Clone, PartialEq, Eq, Debug, Default)]
        pub struct $name {
            routes: Vec<($net, u32)>,
        }

        impl $name {
            /// Builds the table; the last of two routes with the same prefix wins.
            pub fn build(routes: &[($net, u32)]) -> Self {
                let mut all: Vec<($net, u32)> = Vec::new();
                for &(net, v) in routes {
                    let net = net.trunc();
                    all.retain(|r| r.0 != net);
                    all.push((net, v));
                }
                all.sort_by_key(|r| std::cmp::Reverse(r.0.prefix_len()));
                Self { routes: all }
            }
            /// Value of the longest prefix that covers `addr`, or [`NONE`].
            #[inline]
            pub fn lookup(&self, addr: $addr) -> u32 {
                let ip = <$ip>::from(addr);
                self.routes.iter().find(|r| r.0.contains(&ip)).map_or(NONE, |r| r.1)
            }
            /// [`Self::lookup`] of each address; stops at the shorter of the two slices.
            pub fn lookup_batch(&self, addrs: &[$addr], out: &mut [u32]) {
                for (a, o) in addrs.iter().zip(out) {
                    *o = self.lookup(*a);
                }
            }
            /// Memory held, in bytes, `size_of::<Self>()` included.
            pub fn bytes(&self) -> usize {
                size_of::<Self>() + self.routes.capacity() * size_of::<($net, u32)>()
            }
            /// Number of distinct prefixes.
            pub fn len(&self) -> usize {
                self.routes.len()
            }
            /// Whether the table has no prefix at all.
            pub fn is_empty(&self) -> bool {
                self.routes.is_empty()
            }
        }
    };
}
naive!(Fib4, Ipv4Net, u32, std::net::Ipv4Addr);
naive!(Fib6, Ipv6Net, u128, std::net::Ipv6Addr);
