//! Packet filters: network ACLs ([`Acl`]: ordered, first match decides) and security groups
//! ([`SgSide`]: any allowing rule admits, with group members as peers through [`Membership`]).

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What a rule is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// The far address: source for inbound packets, destination for outbound ones.
    pub peer: IpAddr,
    /// IP protocol number.
    pub proto: u8,
    /// Destination port; type * 256 + code for ICMP and ICMPv6; 0 for other protocols.
    pub port: u16,
}

/// Protocol and port part of a rule.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Match {
    /// IP protocol number; `None` is every protocol.
    pub proto: Option<u8>,
    /// First and last [`Key::port`] admitted, both inclusive.
    pub ports: (u16, u16),
}

impl Match {
    fn covers(&self, proto: u8, port: u16) -> bool {
        self.proto.is_none_or(|p| p == proto) && self.ports.0 <= port && port <= self.ports.1
    }
}

/// One numbered entry of a network ACL (NACL-23).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AclRule {
    pub number: u16,
    pub allow: bool,
    pub net: IpNet,
    pub matches: Match,
}

/// One direction of one network ACL.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Acl {
    rules: Vec<AclRule>,
}

/// What a network ACL says of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AclVerdict {
    pub allow: bool,
    /// Number of the deciding rule; 32767 for the IPv4 `*`, 32768 for the IPv6 one (NACL-21).
    pub rule: u16,
}

impl Acl {
    /// Builds from rules in any order; the lowest number that matches decides (NACL-20).
    pub fn build(rules: &[AclRule]) -> Acl {
        let mut rules = rules.to_vec();
        rules.sort_by_key(|r| r.number);
        Acl { rules }
    }
    pub fn classify(&self, key: &Key) -> AclVerdict {
        let star = if key.peer.is_ipv6() { 32768 } else { 32767 };
        self.rules
            .iter()
            .find(|r| r.net.contains(&key.peer) && r.matches.covers(key.proto, key.port))
            .map_or(
                AclVerdict {
                    allow: false,
                    rule: star,
                },
                |r| AclVerdict {
                    allow: r.allow,
                    rule: r.number,
                },
            )
    }
    /// The rules, ascending by number.
    pub fn rules(&self) -> &[AclRule] {
        &self.rules
    }
}

/// The far side of a security-group rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peer {
    Net(IpNet),
    /// Group number within the VPC.
    Group(u32),
}

/// One security-group rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SgRule {
    /// Opaque, for explanations.
    pub id: u32,
    pub peer: Peer,
    pub matches: Match,
}

/// Which groups the ENI behind an address carries (SG-50).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Membership {
    map: BTreeMap<IpAddr, Vec<u32>>,
}

impl Membership {
    pub fn build(members: impl IntoIterator<Item = (IpAddr, Vec<u32>)>) -> Membership {
        Membership {
            map: members.into_iter().collect(),
        }
    }
    pub fn groups(&self, addr: IpAddr) -> &[u32] {
        self.map.get(&addr).map_or(&[], |v| v)
    }
}

/// One direction of a combination of security groups.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SgSide {
    rules: Vec<SgRule>,
}

impl SgSide {
    pub fn build(rules: &[SgRule]) -> SgSide {
        SgSide {
            rules: rules.to_vec(),
        }
    }
    pub fn classify(&self, key: &Key, members: &Membership) -> Option<u32> {
        let groups = members.groups(key.peer);
        self.rules
            .iter()
            .find(|r| {
                r.matches.covers(key.proto, key.port)
                    && match &r.peer {
                        Peer::Net(n) => n.contains(&key.peer),
                        Peer::Group(g) => groups.contains(g),
                    }
            })
            .map(|r| r.id)
    }
    pub fn open(&self, key: &Key) -> bool {
        self.any_wide(key.peer.is_ipv6(), |m| m.covers(key.proto, key.port))
    }
    pub fn open_all(&self, proto: u8, v6: bool) -> bool {
        self.any_wide(v6, |m| m.ports == (0, u16::MAX) && m.covers(proto, 0))
    }
    pub fn uses_groups(&self) -> bool {
        self.rules.iter().any(|r| matches!(r.peer, Peer::Group(_)))
    }
    pub fn rules(&self) -> &[SgRule] {
        &self.rules
    }
    fn any_wide(&self, v6: bool, f: impl Fn(&Match) -> bool) -> bool {
        self.rules.iter().any(|r| match &r.peer {
            Peer::Net(n) => n.prefix_len() == 0 && n.addr().is_ipv6() == v6 && f(&r.matches),
            Peer::Group(_) => false,
        })
    }
}
