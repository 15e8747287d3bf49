//! Where public addresses come from.

use ipnet::{Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Addresses that a Region gives out. The defaults are those of documentation (RFC 5737, RFC 3849) and one that the guide shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pools {
    /// Elastic IPs: all but the first and the last address, in order.
    pub elastic: Ipv4Net,
    /// First of the 65,536 addresses that are assigned to instances by themselves.
    pub public: Ipv4Addr,
    /// The /56 of the first VPC; the next ones follow it.
    pub ipv6: Ipv6Net,
}

impl Default for Pools {
    fn default() -> Pools {
        Pools {
            elastic: Ipv4Net::new_assert(Ipv4Addr::new(198, 51, 100, 0), 24),
            public: Ipv4Addr::new(52, 87, 168, 235),
            ipv6: Ipv6Net::new_assert(Ipv6Addr::new(0x2001, 0xdb8, 0x1234, 0x1a00, 0, 0, 0, 0), 56),
        }
    }
}

impl Pools {
    /// First Elastic IP and how many there are.
    pub(super) fn elastic(&self) -> (u32, u32) {
        let size = 1u64 << (32 - u32::from(self.elastic.prefix_len()));
        (u32::from(self.elastic.network()).saturating_add(1), u32::try_from(size.saturating_sub(2)).unwrap_or(u32::MAX))
    }

    /// First auto-assigned address and how many there are.
    pub(super) fn public(&self) -> (u32, u32) {
        let first = u32::from(self.public);
        (first, 65_536.min(u32::MAX - first))
    }
}
