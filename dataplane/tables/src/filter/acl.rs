//! Network ACLs: numbered entries, allow or deny, first match decides.

use super::classifier::{Classifier, first_common};
use super::{Key, Match};
use ipnet::IpNet;
use std::net::IpAddr;

/// One numbered entry of a network ACL (NACL-23).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AclRule {
    /// 1 to 32766, unique within a direction across both families (NACL-20, NACL-26, NACL-28).
    pub number: u16,
    /// Whether a matching packet passes.
    pub allow: bool,
    /// Covers [`Key::peer`]; never one of the other family.
    pub net: IpNet,
    /// Protocol and ports.
    pub matches: Match,
}

/// One direction of one network ACL. Without rules it denies everything (NACL-05).
#[derive(Clone, Debug, Default)]
pub struct Acl {
    rules: Box<[AclRule]>,
    classifier: Classifier,
}

/// What a network ACL says of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AclVerdict {
    /// Whether the packet passes.
    pub allow: bool,
    /// Number of the deciding rule; 32767 for the IPv4 `*`, 32768 for the IPv6 one (NACL-21).
    pub rule: u16,
}

impl Acl {
    /// Builds from rules in any order; the lowest number that matches decides (NACL-20). Should
    /// two rules have one number, the one given first goes first.
    pub fn build(rules: &[AclRule]) -> Acl {
        let mut rules = rules.to_vec();
        rules.sort_by_key(|rule| rule.number);
        let conditions: Vec<_> = rules.iter().map(|r| (Some(r.net), &r.matches)).collect();
        let (classifier, _) = Classifier::build(&conditions, &[]);
        Acl { rules: rules.into(), classifier }
    }

    /// The verdict on one packet, judged alone (NACL-27).
    #[inline]
    pub fn classify(&self, key: &Key) -> AclVerdict {
        let peers = self.classifier.by_peer(key.peer);
        let ports = self.classifier.by_port(key.proto, key.port);
        match first_common(peers, ports).and_then(|i| self.rules.get(i)) {
            Some(rule) => AclVerdict { allow: rule.allow, rule: rule.number },
            None => AclVerdict {
                allow: false,
                rule: match key.peer {
                    IpAddr::V4(_) => 32_767,
                    IpAddr::V6(_) => 32_768,
                },
            },
        }
    }

    /// The rules, ascending by number.
    pub fn rules(&self) -> &[AclRule] {
        &self.rules
    }
}

/// Equal rules give equal verdicts; the rest is made from them.
impl PartialEq for Acl {
    fn eq(&self, other: &Acl) -> bool {
        self.rules == other.rules
    }
}
