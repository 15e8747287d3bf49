//! Which private and IPv6 addresses are taken, and which IPv4 blocks.

use super::types::Id;
use ipnet::Ipv4Net;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use std::net::{IpAddr, Ipv4Addr};

/// Addresses in use by VPC, with the state of each subnet's IPv4 block beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct InUse {
    owners: HashTrieMapSync<Id, RedBlackTreeMapSync<IpAddr, Id>>,
    subnets: HashTrieMapSync<Id, Fill>,
    /// Subnets of each VPC by their first address. Their blocks share none, so that the last one that begins before a block's end is the
    /// only one to ask whether it reaches into the block.
    blocks: HashTrieMapSync<Id, RedBlackTreeMapSync<Ipv4Addr, (Ipv4Net, Id)>>,
}

/// How full a subnet's IPv4 block is.
#[derive(Clone, Copy, Debug, Default)]
struct Fill {
    used: u32,
    /// From the first assignable address up to this one, all are in use.
    low: u32,
}

impl InUse {
    /// The interface that has an address of a VPC.
    pub(super) fn owner(&self, vpc: &str, address: IpAddr) -> Option<&Id> {
        self.owners.get(vpc)?.get(&address)
    }

    pub(super) fn contains(&self, vpc: &str, address: IpAddr) -> bool {
        self.owner(vpc, address).is_some()
    }

    /// IPv4 addresses in use in a subnet.
    pub(super) fn used(&self, subnet: &str) -> u32 {
        self.subnets.get(subnet).map_or(0, |f| f.used)
    }

    /// How many addresses of a VPC from `first` to `last` are in use.
    pub(super) fn between(&self, vpc: &str, first: Ipv4Addr, last: Ipv4Addr) -> usize {
        let Some(here) = self.owners.get(vpc).filter(|_| first <= last) else { return 0 };
        here.range(IpAddr::V4(first)..=IpAddr::V4(last)).count()
    }

    /// The subnet of a VPC that shares an address with a block.
    pub(super) fn subnet_in(&self, vpc: &str, block: Ipv4Net) -> Option<&Id> {
        let (_, (last, id)) = self.blocks.get(vpc)?.range(..=block.broadcast()).next_back()?;
        (last.broadcast() >= block.network()).then_some(id)
    }

    /// A VPC has one more subnet.
    pub(super) fn take_block(&mut self, vpc: &str, block: Ipv4Net, subnet: &str) {
        let mut here = self.blocks.get(vpc).cloned().unwrap_or_default();
        here.insert_mut(block.network(), (block, subnet.into()));
        self.blocks.insert_mut(vpc.into(), here);
    }

    /// A subnet is gone.
    pub(super) fn release_block(&mut self, vpc: &str, block: Ipv4Net) {
        let Some(here) = self.blocks.get_mut(vpc) else { return };
        here.remove_mut(&block.network());
        if here.is_empty() {
            self.blocks.remove_mut(vpc);
        }
    }

    /// Where to look for a free address, given the first one that may be assigned.
    pub(super) fn low(&self, subnet: &str, first: u32) -> u32 {
        self.subnets.get(subnet).map_or(first, |f| f.low.max(first))
    }

    /// `address` of `subnet` belongs to `interface` from now on. `first`: the subnet's first assignable IPv4 address.
    pub(super) fn take(&mut self, vpc: &str, subnet: &str, first: u32, address: IpAddr, interface: &str) {
        let mut here = self.owners.get(vpc).cloned().unwrap_or_default();
        let before = here.get(&address).is_some();
        here.insert_mut(address, interface.into());
        if let IpAddr::V4(a) = address
            && !before
        {
            let mut fill = self.subnets.get(subnet).copied().unwrap_or_default();
            fill.used += 1;
            fill.low = fill.low.max(first);
            if u32::from(a) == fill.low {
                while here.get(&IpAddr::V4(Ipv4Addr::from(fill.low))).is_some() {
                    fill.low += 1;
                }
            }
            self.subnets.insert_mut(subnet.into(), fill);
        }
        self.owners.insert_mut(vpc.into(), here);
    }

    /// Nobody has it any more.
    pub(super) fn release(&mut self, vpc: &str, subnet: &str, address: IpAddr) {
        let Some(here) = self.owners.get_mut(vpc) else { return };
        if !here.remove_mut(&address) {
            return;
        }
        if let (IpAddr::V4(a), Some(fill)) = (address, self.subnets.get_mut(subnet)) {
            fill.used -= 1;
            fill.low = fill.low.min(a.into());
        }
    }
}
