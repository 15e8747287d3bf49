//! Security groups: allow rules of all groups of a combination, and who is a member of what.

use super::classifier::{Classifier, first_common};
use super::{Key, Match};
use crate::share::Map;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The far end that a security-group rule admits (SG-33).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Addresses of one family; never one of the other (SG-35).
    Net(IpNet),
    /// Group number within the VPC: the addresses, of both families, that carry it (SG-50).
    Group(u32),
}

/// One allow rule (SG-30).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SgRule {
    /// Opaque, for explanations.
    pub id: u32,
    /// Which far end.
    pub peer: Peer,
    /// Protocol and ports.
    pub matches: Match,
}

/// Which groups the ENI behind an address carries (SG-50). One per VPC, so that an ENI which joins
/// or leaves a group changes this object and no [`SgSide`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Membership {
    members: Map<IpAddr, Arc<[u32]>>,
}

impl Membership {
    /// Builds from (address, groups in any order); should an address come twice, the last wins.
    pub fn build(members: impl IntoIterator<Item = (IpAddr, Vec<u32>)>) -> Membership {
        let mut built = Membership::default();
        // Each combination once.
        let mut sets: BTreeMap<Vec<u32>, Arc<[u32]>> = BTreeMap::new();
        for (addr, mut groups) in members {
            groups.sort_unstable();
            groups.dedup();
            built.set(addr, sets.entry(groups).or_insert_with_key(|g| g[..].into()));
        }
        built
    }

    /// From now on `addr` stands for these groups, ascending; none: it is nobody's.
    pub fn set(&mut self, addr: IpAddr, groups: &Arc<[u32]>) {
        self.members.set(addr, Some(groups).filter(|g| !g.is_empty()).cloned());
    }

    /// The groups of `addr`, ascending; none for an address that no ENI has.
    #[inline]
    pub fn groups(&self, addr: IpAddr) -> &[u32] {
        self.members.get(&addr).map_or(&[], |groups| groups)
    }
}

/// One direction of one combination of security groups: the union of their rules (SG-42). Without
/// rules it admits nothing.
#[derive(Clone, Debug, Default)]
pub struct SgSide {
    rules: Box<[SgRule]>,
    classifier: Classifier,
    /// Groups that some rule names, ascending, and the place of the vector of those rules.
    groups: Box<[(u32, u32)]>,
    /// Places of the rules for 0.0.0.0/0 and for ::/0, and of those among them for all ports.
    wide: [u32; 2],
    wide_all_ports: [u32; 2],
}

impl SgSide {
    /// Builds from the rules of all groups of the combination; their order matters only for which
    /// of several matching rules is named.
    pub fn build(rules: &[SgRule]) -> SgSide {
        let net = |rule: &SgRule| match &rule.peer {
            Peer::Net(net) => Some(*net),
            Peer::Group(_) => None,
        };
        let conditions: Vec<_> = rules.iter().map(|r| (net(r), &r.matches)).collect();
        let wide = |v6: bool, all_ports: bool| -> Vec<usize> {
            let is_wide = |net: IpNet| net.prefix_len() == 0 && net.addr().is_ipv6() == v6;
            let all = |m: &Match| !all_ports || m.ports == (0, u16::MAX);
            let chosen = conditions.iter().enumerate();
            chosen.filter(|(_, (net, matches))| net.is_some_and(is_wide) && all(matches)).map(|(i, _)| i).collect()
        };
        let mut extra = vec![wide(false, false), wide(true, false), wide(false, true), wide(true, true)];
        let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (i, rule) in rules.iter().enumerate() {
            if let Peer::Group(group) = rule.peer {
                groups.entry(group).or_default().push(i);
            }
        }
        extra.extend(groups.values().cloned());
        let (classifier, places) = Classifier::build(&conditions, &extra);
        let group_places = places.iter().skip(4);
        SgSide {
            rules: rules.into(),
            classifier,
            groups: groups.into_keys().zip(group_places.copied()).collect(),
            wide: [places[0], places[1]],
            wide_all_ports: [places[2], places[3]],
        }
    }

    /// The id of the first rule, in the order given, that admits the packet (SG-42); `None` drops
    /// it. `members` is that of the VPC whose group numbers the rules use.
    #[inline]
    pub fn classify(&self, key: &Key, members: &Membership) -> Option<u32> {
        let peers = self.classifier.by_peer(key.peer);
        let ports = self.classifier.by_port(key.proto, key.port);
        let mut first = first_common(peers, ports);
        if !self.groups.is_empty() {
            // An ENI carries at most 16 groups (SG-60), so this loop is short.
            for group in members.groups(key.peer) {
                if let Some(found) = self.first_by_group(*group, ports) {
                    first = Some(first.map_or(found, |first| first.min(found)));
                }
            }
        }
        first.and_then(|i| self.rules.get(i)).map(|rule| rule.id)
    }

    /// Whether some rule for 0.0.0.0/0 (::/0 for an IPv6 peer) admits the protocol and port:
    /// `open` of the untracked flows, docs/semantics.md section 8.
    #[inline]
    pub fn open(&self, key: &Key) -> bool {
        let wide = self.wide[usize::from(key.peer.is_ipv6())];
        let ports = self.classifier.by_port(key.proto, key.port);
        first_common(self.classifier.vector(wide), ports).is_some()
    }

    /// Whether some rule for 0.0.0.0/0 (::/0 if `v6`) admits the protocol with all ports 0-65535:
    /// `open-all` of the untracked flows, docs/semantics.md section 8.
    #[inline]
    pub fn open_all(&self, proto: u8, v6: bool) -> bool {
        let wide = self.wide_all_ports[usize::from(v6)];
        // A rule for all ports is among those for any one port.
        let ports = self.classifier.by_port(proto, 0);
        first_common(self.classifier.vector(wide), ports).is_some()
    }

    /// Whether a change of membership can change an answer.
    pub fn uses_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The rules, in the order given.
    pub fn rules(&self) -> &[SgRule] {
        &self.rules
    }

    /// The first rule in `ports` that names `group`.
    #[inline]
    fn first_by_group(&self, group: u32, ports: &[u64]) -> Option<usize> {
        let at = self.groups.binary_search_by_key(&group, |g| g.0).ok()?;
        let (_, place) = self.groups.get(at)?;
        first_common(self.classifier.vector(*place), ports)
    }
}

/// Equal rules give equal answers; the rest is made from them.
impl PartialEq for SgSide {
    fn eq(&self, other: &SgSide) -> bool {
        self.rules == other.rules
    }
}
