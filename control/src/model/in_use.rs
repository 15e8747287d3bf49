//! Which private and IPv6 addresses are taken.

use super::types::Id;
use rpds::{HashTrieMapSync, RedBlackTreeMapSync};
use std::net::{IpAddr, Ipv4Addr};

/// Addresses in use by VPC, with the state of each subnet's IPv4 block beside them.
#[derive(Clone, Debug, Default)]
pub(super) struct InUse {
    owners: HashTrieMapSync<Id, RedBlackTreeMapSync<IpAddr, Id>>,
    subnets: HashTrieMapSync<Id, Fill>,
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
