//! The yardstick of route lookups: DIR-24-8, the flat table that hardware routers and DPDK use. One load answers all prefixes up
//! to /24, a second one the longer ones, and 64 MB or more are paid for it whatever the number of routes. It is nothing a VPC with ten
//! thousand route tables could use; it shows how fast a lookup can get when memory is free.

use ipnet::Ipv4Net;
use vpcd_raw::huge_pages;
use vpcd_tables::fib::NONE;

/// Set in an entry of the first table: the rest is the number of a block of 256 in the second.
const LONGER: u32 = 1 << 31;

/// A flat IPv4 table; values are below 2^31 - 1.
pub struct Dir24 {
    first: Vec<u32>,
    second: Vec<u32>,
}

impl Dir24 {
    /// Builds the table; of equal prefixes the last one wins.
    pub fn build(routes: &[(Ipv4Net, u32)]) -> Dir24 {
        let mut first = Vec::with_capacity(1 << 24);
        huge_pages(first.spare_capacity_mut());
        first.resize(1 << 24, NONE & !LONGER);
        let mut second: Vec<u32> = Vec::new();
        let mut routes = routes.to_vec();
        routes.sort_by_key(|(net, _)| net.prefix_len());
        for (net, value) in routes {
            let (from, to) = (u32::from(net.network()), u32::from(net.broadcast()));
            if net.prefix_len() <= 24 {
                // Shorter prefixes come first, so there is no block yet.
                first[(from >> 8) as usize..=(to >> 8) as usize].fill(value);
                continue;
            }
            let entry = &mut first[(from >> 8) as usize];
            if *entry & LONGER == 0 {
                let block = (second.len() / 256) as u32;
                second.resize(second.len() + 256, *entry);
                *entry = block | LONGER;
            }
            let block = (*entry & !LONGER) as usize * 256;
            second[block + (from & 255) as usize..=block + (to & 255) as usize].fill(value);
        }
        Dir24 { first, second }
    }

    /// Value of the longest prefix that covers `address`, or [`NONE`].
    #[inline]
    pub fn lookup(&self, address: u32) -> u32 {
        let entry = self.first[(address >> 8) as usize];
        let value = if entry & LONGER == 0 {
            entry
        } else {
            self.second[(entry & !LONGER) as usize * 256 + (address & 255) as usize]
        };
        if value == NONE & !LONGER { NONE } else { value }
    }

    /// Memory held, in bytes.
    pub fn bytes(&self) -> usize {
        (self.first.len() + self.second.len()) * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lookup::bgp4;
    use crate::random::Random;
    use vpcd_tables::fib::Fib4;

    #[test]
    fn answers_what_the_trie_answers() {
        let mut routes = bgp4(20_000);
        routes.push(("1.2.3.4/32".parse().unwrap_or_default(), 9));
        routes.push(("1.2.3.0/28".parse().unwrap_or_default(), 8));
        let (flat, trie) = (Dir24::build(&routes), Fib4::build(&routes));
        let mut random = Random::new(1);
        let any = (0..100_000).map(|_| random.draw() as u32);
        for address in any.chain(0x0102_0300..0x0102_0400) {
            assert_eq!(flat.lookup(address), trie.lookup(address), "{address:x}");
        }
    }
}
