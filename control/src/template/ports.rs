//! What the outside sees of a stack: ports, the hosts of the internet, and those behind virtual private gateways.

use super::yaml::{Kind, Node};
use super::{LogicalResource, Pos, Problem};
use crate::model::{Model, NetworkInterface};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpcd_dataplane::topology::Link;
use vpcd_wire::Mac;

/// An interface, or a virtual private gateway, that frames can enter and leave by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortInfo {
    /// Logical ids that name it; the first is the display name. Further interfaces of an instance are `Name.eth1`.
    pub names: Vec<String>,
    /// The interface's id, or the gateway's.
    pub id: String,
    /// Logical id of the instance it hangs on.
    pub instance: Option<String>,
    pub device_index: Option<u32>,
    pub mac: Mac,
    /// Logical id (or id) of its subnet; a gateway is in none.
    pub subnet: Option<String>,
    /// Primary first; of a gateway: the hosts behind it.
    pub private: Vec<Ipv4Addr>,
    /// Private and public address of each mapping.
    pub public: Vec<(Ipv4Addr, Ipv4Addr)>,
    pub ipv6: Vec<Ipv6Addr>,
    /// `vpcd-<LogicalId>` of the instance or the gateway.
    pub namespace: Option<String>,
    /// Hangs on an instance, or has hosts behind it; a free interface or gateway is a port only when somebody names it.
    pub attached: bool,
}

impl PortInfo {
    /// What people call it.
    pub fn name(&self) -> &str {
        self.names.first().map_or(&self.id, |n| n)
    }
    /// The public IPv4 of its primary address.
    pub fn primary_public(&self) -> Option<Ipv4Addr> {
        let primary = self.private.first()?;
        self.public.iter().find(|(p, _)| p == primary).map(|(_, a)| *a)
    }
}

/// A host on the internet side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternetHost {
    pub name: String,
    pub addresses: Vec<IpAddr>,
}

/// Ports of instances, of interface resources on none and of virtual private gateways, in template order.
pub(super) fn ports(m: &Model, logical: &[LogicalResource], remote: &[Remote]) -> Vec<PortInfo> {
    let mut out: Vec<PortInfo> = Vec::new();
    for r in logical {
        match r.kind.as_str() {
            "AWS::EC2::Instance" => {
                let Some(i) = m.instances().get(&r.id) else { continue };
                for (index, id) in &i.interfaces {
                    if let Some(eni) = m.interfaces().get(id).filter(|e| !out.iter().any(|p| p.id == e.id)) {
                        out.push(port(m, eni, logical, Some((&r.logical, *index))));
                    }
                }
            }
            "AWS::EC2::NetworkInterface" => {
                let Some(eni) = m.interfaces().get(&r.id).filter(|e| e.attachment.is_none()) else { continue };
                out.push(port(m, eni, logical, None));
            }
            "AWS::EC2::VPNGateway" => {
                let hosts = remote.iter().find(|n| n.gateway == r.logical).map(|n| n.hosts.clone());
                out.push(PortInfo {
                    names: vec![r.logical.clone()],
                    id: r.id.clone(),
                    instance: None,
                    device_index: None,
                    mac: Link::MAC,
                    subnet: None,
                    attached: hosts.is_some(),
                    namespace: hosts.is_some().then(|| format!("vpcd-{}", r.logical)),
                    private: hosts.unwrap_or_default(),
                    public: Vec::new(),
                    ipv6: Vec::new(),
                });
            }
            _ => {}
        }
    }
    out
}

/// Hosts that `Metadata.Vpcd` gives, and quotas and constrained zones, which go to the model; HOME and NET of the test world if it gives none.
pub(super) fn internet(metadata: Option<&Node>, model: &mut Model, problems: &mut Vec<Problem>) -> Vec<InternetHost> {
    let vpcd = metadata.and_then(|m| m.get("Vpcd"));
    let mut bad = |node: &Node, text: &str| problems.push(Problem::new(node.pos, "ValidationError", text));
    for (k, n) in vpcd.and_then(Node::map).unwrap_or_default() {
        match k.text.as_str() {
            "Internet" | "Remote" => {}
            "Region" if n.text().is_some_and(|r| !r.is_empty()) => {}
            "Region" => bad(n, "Metadata.Vpcd.Region is the name of a Region"),
            // What an export could not say.
            "NotExported" => {}
            "Quotas" => {
                for (quota, value) in n.map().unwrap_or_default() {
                    match (model.limits_mut().by_name(&quota.text), value.text().and_then(|t| t.parse().ok())) {
                        (Some(limit), Some(v)) => *limit = v,
                        _ => bad(
                            value,
                            &format!("Metadata.Vpcd.Quotas: {} is no quota, or its value no number", quota.text),
                        ),
                    }
                }
            }
            "ConstrainedZones" => {
                if n.list().is_none() {
                    bad(n, "Metadata.Vpcd.ConstrainedZones is a list of zones");
                }
                for zone in n.list().unwrap_or_default() {
                    if let Err(e) = model.constrain_zone(zone.text().unwrap_or_default()) {
                        bad(zone, &format!("Metadata.Vpcd.ConstrainedZones: {}", e.message));
                    }
                }
            }
            other => {
                let known = "Region, Internet, Remote, Quotas and ConstrainedZones";
                bad(n, &format!("Metadata.Vpcd has no {other}; it knows {known}"));
            }
        }
    }
    let mut out: Vec<InternetHost> = Vec::new();
    match vpcd.and_then(|v| v.get("Internet")) {
        None => return default_hosts(),
        Some(node) => match &node.kind {
            Kind::List(l) => {
                for n in l {
                    match (n.get("Name").and_then(Node::text), n.get("Addresses")) {
                        (Some(name), Some(list)) => host(name, list, &mut out, &mut bad),
                        _ => bad(n, "An internet host needs a Name and Addresses"),
                    }
                }
            }
            Kind::Map(m) => {
                for (k, list) in m {
                    host(&k.text, list, &mut out, &mut bad);
                }
            }
            _ => bad(node, "Metadata.Vpcd.Internet is a list of hosts with Name and Addresses"),
        },
    }
    out
}

/// The network behind a virtual private gateway.
pub(super) struct Remote {
    /// Logical id.
    pub(super) gateway: String,
    pub(super) hosts: Vec<Ipv4Addr>,
    pub(super) pos: Pos,
}

/// `Metadata.Vpcd.Remote`: addresses by the logical id of the gateway that they are behind.
pub(super) fn remote(
    metadata: Option<&Node>,
    is_gateway: impl Fn(&str) -> bool,
    problems: &mut Vec<Problem>,
) -> Vec<Remote> {
    let mut bad = |node: &Node, text: String| problems.push(Problem::new(node.pos, "ValidationError", text));
    let Some(node) = metadata.and_then(|m| m.get("Vpcd")).and_then(|v| v.get("Remote")) else { return Vec::new() };
    let Some(map) = node.map() else {
        bad(node, "Metadata.Vpcd.Remote is an object: lists of addresses by the logical id of a VPNGateway".into());
        return Vec::new();
    };
    let mut out = Vec::new();
    for (k, list) in map {
        if !is_gateway(&k.text) {
            bad(list, format!("Metadata.Vpcd.Remote: {} is no AWS::EC2::VPNGateway of this template", k.text));
        }
        let addresses = list.list().unwrap_or_default();
        let hosts: Vec<Ipv4Addr> = addresses.iter().filter_map(|n| n.text()?.parse().ok()).collect();
        if list.list().is_none() || hosts.len() < addresses.len() {
            bad(list, format!("Metadata.Vpcd.Remote: {} needs a list of IPv4 addresses", k.text));
        }
        out.push(Remote { gateway: k.text.clone(), hosts, pos: k.pos });
    }
    out
}

fn host(name: &str, list: &Node, out: &mut Vec<InternetHost>, bad: &mut impl FnMut(&Node, &str)) {
    let mut addresses = Vec::new();
    for n in list.list().unwrap_or_default() {
        match n.text().and_then(|t| t.parse::<IpAddr>().ok()) {
            Some(a) if out.iter().any(|h| h.addresses.contains(&a)) || addresses.contains(&a) => {
                bad(n, "Two internet hosts have one address")
            }
            Some(a) => addresses.push(a),
            None => bad(n, "This is not an IP address"),
        }
    }
    if addresses.is_empty() {
        bad(list, "An internet host needs a list of addresses");
    }
    if name.is_empty() || out.iter().any(|h| h.name == name) {
        bad(list, "Internet hosts need names of their own");
    }
    out.push(InternetHost { name: name.into(), addresses });
}

/// The internet as it is where nothing else is said: two hosts, with an IPv4 and an IPv6 address each.
pub fn default_hosts() -> Vec<InternetHost> {
    let v6 = |a, b| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, a, 0, 0, 0, 0, b));
    vec![
        InternetHost {
            name: "HOME".into(),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)), v6(0xbeef, 0x10)],
        },
        InternetHost {
            name: "NET".into(),
            addresses: vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77)), v6(0xcafe, 0x77)],
        },
    ]
}

fn port(m: &Model, eni: &NetworkInterface, logical: &[LogicalResource], on: Option<(&str, u32)>) -> PortInfo {
    let mut names: Vec<String> = Vec::new();
    if let Some(r) = logical.iter().find(|r| r.id == eni.id) {
        names.push(r.logical.clone());
    }
    if let Some((instance, index)) = on {
        names.push(if index == 0 { instance.to_string() } else { format!("{instance}.eth{index}") });
    }
    let elastic = eni.private.iter().filter_map(|p| Some((*p, m.elastic_of(&eni.id, *p)?.public)));
    let auto = eni.public.map(|a| (eni.primary(), a));
    PortInfo {
        names,
        id: eni.id.clone(),
        instance: on.map(|(i, _)| i.to_string()),
        device_index: on.map(|(_, index)| index),
        mac: eni.mac,
        subnet: Some(m.label(&eni.subnet).to_string()),
        private: eni.private.clone(),
        public: elastic.chain(auto).collect(),
        ipv6: eni.ipv6.clone(),
        namespace: on.map(|(i, _)| format!("vpcd-{i}")),
        attached: on.is_some(),
    }
}
