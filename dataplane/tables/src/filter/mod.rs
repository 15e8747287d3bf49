//! Packet filters: one direction of a network ACL ([`Acl`]: ordered, the first match decides) and
//! one direction of a combination of security groups ([`SgSide`]: any matching rule admits, with
//! the members of groups as peers through [`Membership`]). Both ask the same [`Key`] and work the
//! same way inside (`classifier`): the address selects one vector with a bit per rule, protocol
//! and port select another, and the first bit that is set in both is the rule that decides.
//! Neither holds state: who started a flow is the pipeline's business.

mod acl;
mod classifier;
mod groups;
#[cfg(test)]
mod tests;

pub use acl::{Acl, AclRule, AclVerdict};
pub use groups::{Membership, Peer, SgRule, SgSide};

use std::net::IpAddr;

/// What a rule is asked about a packet (SG-32, NACL-23).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// The far address: source for inbound packets, destination for outbound ones.
    pub peer: IpAddr,
    /// IP protocol number; for IPv6 that of the upper layer.
    pub proto: u8,
    /// Destination port in both directions (NACL-24); type * 256 + code for ICMP and ICMPv6; 0 for
    /// other protocols.
    pub port: u16,
}

/// Protocol and port part of a rule (SG-34, NACL-23).
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Match {
    /// IP protocol number; `None` is every protocol.
    pub proto: Option<u8>,
    /// First and last [`Key::port`] that match, both inclusive. A rule for every port, every ICMP
    /// type or a protocol without ports has (0, 65535).
    pub ports: (u16, u16),
}
