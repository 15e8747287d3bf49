//! Networks, routes and filters. Hosts are next door.

use super::Resource;
use super::names::{Names, legal};
use crate::model::*;
use crate::template::DHCP_OPTIONS;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Everything, in an order in which it can be made, notes of what is left out, and the gateways that a network is attached to.
pub(super) fn all(model: &Model) -> (Vec<Resource>, Vec<String>, Vec<String>) {
    let mut w = Writer {
        m: model,
        names: Names::new(model),
        out: Vec::new(),
        notes: Vec::new(),
        connected: Vec::new(),
        told: HashSet::new(),
        omitted: model.default_vpc().filter(|_| as_made(model)).map(|v| v.id.clone()),
    };
    // Interfaces are labelled after their instances, whose names these are first of all.
    for i in model.instances().iter() {
        if i.state != InstanceState::Terminated && w.wanted(&i.vpc) {
            w.names.thing(&i.id, "Instance");
        }
    }
    w.beside_vpcs();
    w.vpcs();
    w.gateways();
    w.addresses();
    w.groups();
    w.acls();
    w.subnets();
    w.route_tables();
    w.interfaces();
    w.instances();
    w.nat_gateways();
    w.associations();
    w.routes();
    w.attachments();
    w.gateway_tables();
    w.propagations();
    w.other_tags();
    (w.out, w.notes, w.connected)
}

/// Whether the default VPC, if there is one, is as the Region's account got it.
pub(super) fn as_made(m: &Model) -> bool {
    let Some(v) = m.default_vpc() else { return true };
    let user_tags = |id: &str| m.tags(id).any(|(k, _)| !k.starts_with("aws:"));
    let untagged = !user_tags(&v.id)
        && !m.subnets().by(&v.id).any(|s| user_tags(&s.id))
        && !m.route_tables().by(&v.id).any(|t| user_tags(&t.id))
        && !m.gateway_of(&v.id).is_some_and(|g| user_tags(&g.id));
    let default_set = v.dhcp_options.as_deref().and_then(|s| m.dhcp_options().get(s)).is_some_and(|s| s.is_default);
    m.as_made(v)
        && untagged
        && default_set
        && (v.dns_support, v.dns_hostnames, v.tenancy.as_str()) == (true, true, "default")
        && m.interfaces().by(&v.id).next().is_none()
        && m.egress_only_of(&v.id).is_none()
        && m.vpn_gateway_of(&v.id).is_none()
        && m.security_groups().get(&v.default_group).is_some_and(|g| default_group_as_made(g, v))
        && m.network_acls().get(&v.default_acl).is_some_and(|a| acl_as_made(a, v))
        && m.subnets().by(&v.id).all(|s| s.map_public_ip && s.dns == SubnetDns::default())
        && m.main_route_table(&v.id).is_some_and(|t| {
            t.routes.iter().filter(|r| !r.local).all(|r| {
                r.destination == IpNet::V4(Ipv4Net::default()) && matches!(r.target, RouteTarget::InternetGateway(_))
            })
        })
}

pub(super) struct Writer<'a> {
    pub(super) m: &'a Model,
    pub(super) names: Names<'a>,
    pub(super) out: Vec<Resource>,
    pub(super) notes: Vec<String>,
    /// Logical ids of virtual private gateways that a network is attached to.
    pub(super) connected: Vec<String>,
    /// Whose tags are exported, or whose absence was told.
    pub(super) told: HashSet<Id>,
    /// The default VPC that every Region has by itself.
    pub(super) omitted: Option<Id>,
}

/// `{a: b, ...}` as properties.
macro_rules! properties {
    ($($name:tt: $value:expr),* $(,)?) => {
        serde_json::Map::from_iter([$(($name.to_string(), serde_json::Value::from($value))),*])
    };
}
pub(super) use properties;

impl Writer<'_> {
    pub(super) fn wanted(&self, vpc: &str) -> bool {
        self.omitted.as_deref() != Some(vpc)
    }

    pub(super) fn refer(&self, id: &str) -> Option<Value> {
        self.names.get(id).map(|name| json!({"Ref": name}))
    }

    pub(super) fn attribute(&self, id: &str, attribute: &str) -> Option<Value> {
        self.names.get(id).map(|name| json!({"Fn::GetAtt": [name, attribute]}))
    }

    pub(super) fn note(&mut self, id: &str, text: impl std::fmt::Display) {
        self.told.insert(id.into());
        self.notes.push(format!("{id}: {text}"));
    }

    pub(super) fn put(&mut self, logical: String, kind: &str, depends_on: Vec<String>, properties: Map<String, Value>) {
        self.out.push(Resource { logical, kind: format!("AWS::EC2::{kind}"), depends_on, properties });
    }

    /// A resource with tags of its own.
    pub(super) fn put_thing(
        &mut self,
        id: &str,
        kind: &str,
        depends_on: Vec<String>,
        mut properties: Map<String, Value>,
    ) -> String {
        let name = self.names.thing(id, kind);
        let tags: Vec<Value> = self.user_tags(id).map(|(k, v)| json!({"Key": k, "Value": v})).collect();
        if !tags.is_empty() {
            properties.insert("Tags".into(), tags.into());
        }
        self.told.insert(id.into());
        self.put(name.clone(), kind, depends_on, properties);
        name
    }

    fn user_tags(&self, id: &str) -> impl Iterator<Item = (&str, &str)> {
        self.m.tags(id).filter(|(k, _)| !k.starts_with("aws:"))
    }

    fn beside_vpcs(&mut self) {
        for k in self.m.key_pairs().iter() {
            let p = properties! {"KeyName": k.name.clone(), "PublicKeyMaterial": k.public.clone()};
            self.put_thing(&k.id, "KeyPair", Vec::new(), p);
        }
        for l in self.m.prefix_lists().iter() {
            let entry = |e: &PrefixListEntry| match e.description.as_str() {
                "" => json!({"Cidr": e.cidr.to_string()}),
                text => json!({"Cidr": e.cidr.to_string(), "Description": text}),
            };
            let p = properties! {
                "PrefixListName": l.name.clone(),
                "AddressFamily": l.family.name(),
                "MaxEntries": l.max_entries.unwrap_or_default(),
                "Entries": l.entries.iter().map(entry).collect::<Vec<_>>(),
            };
            self.put_thing(&l.id, "PrefixList", Vec::new(), p);
        }
        for set in self.m.dhcp_options().iter().filter(|s| !s.is_default) {
            let mut p = Map::new();
            for (property, option) in DHCP_OPTIONS {
                let Some(values) = set.options.get(*option) else { continue };
                let value = match property.ends_with("Servers") {
                    true => values.clone().into(),
                    false => Value::from(values.join(",")),
                };
                p.insert((*property).into(), value);
            }
            self.put_thing(&set.id, "DHCPOptions", Vec::new(), p);
        }
    }

    fn vpcs(&mut self) {
        for v in self.m.vpcs().iter() {
            if !self.wanted(&v.id) {
                self.note(&v.id, "the default VPC is as every account has it");
                continue;
            }
            let mut p = properties! {"CidrBlock": v.primary().to_string()};
            if v.dns_hostnames {
                p.insert("EnableDnsHostnames".into(), true.into());
            }
            if !v.dns_support {
                p.insert("EnableDnsSupport".into(), false.into());
            }
            if v.tenancy != "default" {
                p.insert("InstanceTenancy".into(), v.tenancy.clone().into());
            }
            let name = self.put_thing(&v.id, "VPC", Vec::new(), p);
            if v.is_default {
                self.note(&v.id, format_args!("the default VPC has become an ordinary one, {name}"));
            }
            if v.usage_metrics {
                self.note(&v.id, "enableNetworkAddressUsageMetrics is on");
            }
            for b in v.blocks.iter().skip(1) {
                let p = properties! {"VpcId": json!({"Ref": name}), "CidrBlock": b.cidr.to_string()};
                let part = self.names.part(&b.id, &format!("{name}Cidr"));
                self.put(part, "VPCCidrBlock", Vec::new(), p);
            }
            if let Some(b) = &v.ipv6 {
                let p = properties! {
                    "VpcId": json!({"Ref": name}), "Ipv6CidrBlock": b.cidr.to_string(), "Ipv6Pool": "Amazon",
                };
                let part = self.names.part(&b.id, &format!("{name}Ipv6"));
                self.put(part, "VPCCidrBlock", Vec::new(), p);
            }
            let set = v.dhcp_options.as_deref().and_then(|s| self.m.dhcp_options().get(s));
            let set = match (&v.dhcp_options, set) {
                (Some(_), Some(s)) if s.is_default => continue,
                (Some(id), _) => self.refer(id).map(|r| (id.as_str(), r)),
                (None, _) => Some(("default", "default".into())),
            };
            if let Some((set, reference)) = set {
                let part = self.names.part(&format!("{set}|{}", v.id), &format!("{name}DhcpOptions"));
                let p = properties! {"VpcId": json!({"Ref": name}), "DhcpOptionsId": reference};
                self.put(part, "VPCDHCPOptionsAssociation", Vec::new(), p);
            }
        }
    }

    fn gateways(&mut self) {
        for g in self.m.internet_gateways().iter() {
            if g.vpc.as_deref().is_some_and(|v| !self.wanted(v)) {
                self.told.insert(g.id.clone());
                continue;
            }
            let name = self.put_thing(&g.id, "InternetGateway", Vec::new(), Map::new());
            let Some((vpc, reference)) = g.vpc.as_deref().and_then(|v| Some((v, self.refer(v)?))) else { continue };
            let part = self.names.part(&format!("IGW|{vpc}"), &format!("{name}Attachment"));
            let p = properties! {"VpcId": reference, "InternetGatewayId": json!({"Ref": name})};
            self.put(part, "VPCGatewayAttachment", Vec::new(), p);
        }
        for g in self.m.egress_only_gateways().iter().filter(|g| self.m.vpcs().get(&g.vpc).is_some()) {
            let Some(vpc) = self.refer(&g.vpc) else { continue };
            self.put_thing(&g.id, "EgressOnlyInternetGateway", Vec::new(), properties! {"VpcId": vpc});
        }
        self.vpn_gateways();
        self.vpn_connections();
    }

    /// What must be attached before addresses and routes lead through a VPC's internet gateway.
    pub(super) fn attachment(&self, vpc: &str) -> Vec<String> {
        self.attachment_of("IGW", vpc)
    }

    /// The same of its internet gateway (`IGW`) or its virtual private gateway (`VGW`).
    pub(super) fn attachment_of(&self, kind: &str, vpc: &str) -> Vec<String> {
        self.names.get(&format!("{kind}|{vpc}")).cloned().into_iter().collect()
    }

    fn addresses(&mut self) {
        for a in self.m.elastic_ips().iter() {
            let p = properties! {"Domain": "vpc", "Address": a.public.to_string()};
            self.put_thing(&a.id, "EIP", Vec::new(), p);
            if let Some(name) = &a.reverse_name {
                self.note(&a.id, format_args!("its PTR record, {name}"));
            }
        }
    }

    /// A group as a value: Ref of a group answers its id, the default one is an attribute of its VPC.
    pub(super) fn group(&self, id: &str) -> Option<Value> {
        let g = self.m.security_groups().get(id)?;
        let is_default = self.m.vpcs().get(&g.vpc).is_some_and(|v| v.default_group == g.id);
        if is_default { self.attribute(&g.vpc, "DefaultSecurityGroup") } else { self.attribute(id, "GroupId") }
    }

    fn groups(&mut self) {
        let groups: Vec<&SecurityGroup> = self.m.security_groups().iter().filter(|g| self.wanted(&g.vpc)).collect();
        let (mut alone, mut closed): (Vec<(&SecurityGroup, Direction, &GroupRule)>, Vec<&str>) = Default::default();
        for g in groups {
            let Some((v, vpc)) = self.m.vpcs().get(&g.vpc).zip(self.refer(&g.vpc)) else { continue };
            let is_default = v.default_group == g.id;
            if is_default && default_group_as_made(g, v) {
                continue;
            }
            // A template can empty a group, and then add to it.
            let close = is_default || g.egress.is_empty();
            if close {
                closed.push(&g.id);
            }
            let untouched = !close && !g.egress_modified && egress_as_made(g, v);
            let mut p = properties! {
                "GroupName": g.name.clone(), "GroupDescription": g.description.clone(), "VpcId": vpc,
            };
            for direction in [Direction::Ingress, Direction::Egress] {
                if direction == Direction::Egress && untouched {
                    continue;
                }
                let mut inline: Vec<Value> = Vec::new();
                for r in g.rules(direction) {
                    // Groups may name each other, so such rules stand on their own, as do those that were made so.
                    let own = matches!(r.peer, RulePeer::Group(_)) || self.m.labelled(&r.id).is_some();
                    match self.rule(direction, r).filter(|_| !own && !close) {
                        Some(rule) => inline.push(rule.into()),
                        None => alone.push((g, direction, r)),
                    }
                }
                if !inline.is_empty() {
                    let name = match direction {
                        Direction::Ingress => "SecurityGroupIngress",
                        Direction::Egress => "SecurityGroupEgress",
                    };
                    p.insert(name.into(), inline.into());
                }
            }
            if !is_default {
                self.put_thing(&g.id, "SecurityGroup", Vec::new(), p);
            }
        }
        for id in closed {
            let Some(group) = self.group(id) else { continue };
            let name = self.names.part(&format!("{id}|closed"), &format!("{}Closed", self.stem(&group)));
            self.out.push(Resource {
                logical: name,
                kind: "Custom::VpcRestrictDefaultSG".into(),
                depends_on: Vec::new(),
                properties: properties! {"DefaultSecurityGroupId": group},
            });
        }
        for (g, direction, r) in alone {
            let (Some(group), Some(mut p)) = (self.group(&g.id), self.rule(direction, r)) else { continue };
            let (way, kind) = match direction {
                Direction::Ingress => ("In", "SecurityGroupIngress"),
                Direction::Egress => ("Out", "SecurityGroupEgress"),
            };
            let name = self.names.part(&r.id, &format!("{}{way}", self.stem(&group)));
            p.insert("GroupId".into(), group);
            let after = self.names.get(&format!("{}|closed", g.id)).cloned().into_iter().collect();
            self.put(name, kind, after, p);
        }
    }

    /// What the parts of a thing are named after.
    fn stem(&self, reference: &Value) -> String {
        let name = reference.get("Fn::GetAtt").and_then(|l| l.get(0)).and_then(Value::as_str).unwrap_or_default();
        let own = reference.get("Fn::GetAtt").and_then(|l| l.get(1)).and_then(Value::as_str) != Some("GroupId");
        if own { format!("{name}DefaultGroup") } else { name.into() }
    }

    fn rule(&self, direction: Direction, r: &GroupRule) -> Option<Map<String, Value>> {
        let protocol = if r.protocol.is_none() { "-1".into() } else { parse::protocol_name(r.protocol) };
        let mut p = properties! {"IpProtocol": protocol};
        if matches!(r.protocol, Some(1 | 6 | 17 | 58)) {
            p.insert("FromPort".into(), r.ports.0.into());
            p.insert("ToPort".into(), r.ports.1.into());
        }
        let far = if direction == Direction::Ingress { "Source" } else { "Destination" };
        let (name, value) = match &r.peer {
            RulePeer::Cidr(n @ IpNet::V4(_)) => ("CidrIp".into(), n.to_string().into()),
            RulePeer::Cidr(n @ IpNet::V6(_)) => ("CidrIpv6".into(), n.to_string().into()),
            RulePeer::Group(id) => (format!("{far}SecurityGroupId"), self.group(id)?),
            // Lists of AWS's have the same id wherever their Region is.
            RulePeer::PrefixList(id) => {
                (format!("{far}PrefixListId"), self.refer(id).unwrap_or_else(|| id.clone().into()))
            }
        };
        p.insert(name, value);
        if !r.description.is_empty() {
            p.insert("Description".into(), r.description.clone().into());
        }
        Some(p)
    }

    fn acls(&mut self) {
        for a in self.m.network_acls().iter() {
            if !self.wanted(&a.vpc) {
                continue;
            }
            let Some((v, vpc)) = self.m.vpcs().get(&a.vpc).zip(self.refer(&a.vpc)) else { continue };
            if a.is_default && acl_as_made(a, v) && self.user_tags(&a.id).next().is_none() {
                continue;
            }
            let name = self.put_thing(&a.id, "NetworkAcl", Vec::new(), properties! {"VpcId": vpc});
            if a.is_default {
                let text = format!(
                    "the default network ACL has become an ordinary one, {name}, of its subnets; subnets to come will not have it"
                );
                self.note(&a.id, text);
            }
            for (way, direction) in [("ingress", Direction::Ingress), ("egress", Direction::Egress)] {
                for (number, e) in a.entries(direction) {
                    let mut p = properties! {
                        "NetworkAclId": json!({"Ref": name}),
                        "Egress": direction == Direction::Egress,
                        "RuleNumber": *number,
                        "Protocol": e.protocol.map_or(-1, i32::from),
                        "RuleAction": if e.allow { "allow" } else { "deny" },
                    };
                    let block = if e.cidr.addr().is_ipv6() { "Ipv6CidrBlock" } else { "CidrBlock" };
                    p.insert(block.into(), e.cidr.to_string().into());
                    match e.protocol {
                        Some(6 | 17) => {
                            _ = p.insert("PortRange".into(), json!({"From": e.ports.0, "To": e.ports.1}));
                        }
                        Some(1 | 58) => _ = p.insert("Icmp".into(), json!({"Type": e.ports.0, "Code": e.ports.1})),
                        _ => {}
                    }
                    let short = if direction == Direction::Egress { "Out" } else { "In" };
                    let part = self.names.part(&format!("{}|{way}|{number}", a.id), &format!("{name}{short}{number}"));
                    self.put(part, "NetworkAclEntry", Vec::new(), p);
                }
            }
        }
    }

    fn subnets(&mut self) {
        let zones = self.m.zones();
        for s in self.m.subnets().iter() {
            if !self.wanted(&s.vpc) {
                continue;
            }
            let Some((v, vpc)) = self.m.vpcs().get(&s.vpc).zip(self.refer(&s.vpc)) else { continue };
            let zone = match zones.iter().position(|z| *z == s.zone) {
                Some(at) => json!({"Fn::Select": [at, {"Fn::GetAZs": ""}]}),
                None => s.zone.clone().into(),
            };
            let mut p = properties! {"VpcId": vpc, "CidrBlock": s.cidr.to_string(), "AvailabilityZone": zone};
            let mut blocks: Vec<&Id> =
                v.blocks.iter().skip(1).filter(|b| b.cidr.contains(&s.cidr)).map(|b| &b.id).collect();
            if let Some(b) = &s.ipv6 {
                p.insert("Ipv6CidrBlock".into(), b.cidr.to_string().into());
                blocks.extend(v.ipv6.iter().map(|b| &b.id));
            }
            let after = blocks.into_iter().filter_map(|b| self.names.get(b).cloned()).collect();
            for (name, on) in [
                ("MapPublicIpOnLaunch", s.map_public_ip),
                ("AssignIpv6AddressOnCreation", s.assign_ipv6),
                ("EnableDns64", s.dns.dns64),
            ] {
                if on {
                    p.insert(name.into(), true.into());
                }
            }
            if (SubnetDns { dns64: false, ..s.dns }) != SubnetDns::default() {
                let options = json!({
                    "HostnameType": if s.dns.resource_names { "resource-name" } else { "ip-name" },
                    "EnableResourceNameDnsARecord": s.dns.a_records,
                    "EnableResourceNameDnsAAAARecord": s.dns.aaaa_records,
                });
                p.insert("PrivateDnsNameOptionsOnLaunch".into(), options);
            }
            let name = self.put_thing(&s.id, "Subnet", after, p);
            if let Some(acl) = self.refer(&s.acl) {
                let part = self.names.part(&s.acl_association, &format!("{name}Acl"));
                let p = properties! {"SubnetId": json!({"Ref": name}), "NetworkAclId": acl};
                self.put(part, "SubnetNetworkAclAssociation", Vec::new(), p);
            }
            for r in self.m.reservations_of(&s.id) {
                self.note(&r.id, format_args!("the reservation of {} in subnet {name}", r.cidr));
            }
        }
    }

    fn route_tables(&mut self) {
        for t in self.m.route_tables().iter() {
            if !self.wanted(&t.vpc) {
                continue;
            }
            let Some(vpc) = self.refer(&t.vpc) else { continue };
            let main = self.m.main_route_table(&t.vpc).is_some_and(|m| m.id == t.id);
            let bare = t.lists.is_empty()
                && t.propagating.is_empty()
                && t.routes.iter().all(|r| r.local && r.target == RouteTarget::Local);
            if main && bare && self.user_tags(&t.id).next().is_none() {
                continue;
            }
            let name = self.put_thing(&t.id, "RouteTable", Vec::new(), properties! {"VpcId": vpc});
            if main {
                let text = format!(
                    "the main route table has become an ordinary one, {name}, of its subnets; subnets to come will not have it"
                );
                self.note(&t.id, text);
            }
        }
        for s in self.m.subnets().iter() {
            let Some(t) = self.m.effective_route_table(s) else { continue };
            let (Some(subnet), Some(table)) = (self.refer(&s.id), self.refer(&t.id)) else { continue };
            let main = || format!("{}|main", s.id);
            let id = s.table_association.clone().unwrap_or_else(main);
            let name = self.names.get(&s.id).cloned().unwrap_or_default();
            let part = self.names.part(&id, &format!("{name}Routes"));
            let p = properties! {"SubnetId": subnet, "RouteTableId": table};
            self.put(part, "SubnetRouteTableAssociation", Vec::new(), p);
        }
    }

    fn routes(&mut self) {
        for t in self.m.route_tables().iter() {
            let Some(name) = self.names.get(&t.id).cloned() else { continue };
            for r in t.routes.iter().filter(|r| !(r.local && r.target == RouteTarget::Local)) {
                let destination = r.destination.to_string();
                if r.local {
                    self.note(&format!("{}|{destination}", t.id), "a local route that leads elsewhere");
                    continue;
                }
                let v6 = r.destination.addr().is_ipv6();
                let property = if v6 { "DestinationIpv6CidrBlock" } else { "DestinationCidrBlock" };
                let to = if r.destination.prefix_len() == 0 { "Default".into() } else { legal(&destination) };
                let to = format!("{name}To{to}{}", if v6 { "6" } else { "" });
                self.route(t, &destination, &r.target, (property, destination.clone().into()), &to);
            }
            for r in &t.lists {
                let list = self.refer(&r.list).unwrap_or_else(|| r.list.clone().into());
                let to = self.names.get(&r.list).cloned().unwrap_or_else(|| legal(&r.list));
                self.route(t, &r.list, &r.target, ("DestinationPrefixListId", list), &format!("{name}To{to}"));
            }
        }
    }

    /// One route, to a block or a prefix list; `name`: what it would like to be called.
    fn route(
        &mut self,
        t: &RouteTable,
        destination: &str,
        target: &RouteTarget,
        (property, value): (&str, Value),
        name: &str,
    ) {
        let id = format!("{}|{destination}", t.id);
        let table = self.names.get(&t.id).cloned().unwrap_or_default();
        let Some((to, target_value)) = self.target(&t.vpc, target) else {
            return self.note(&id, format_args!("the route of {table} to {destination} is a hole: its target is gone"));
        };
        let after = match target {
            RouteTarget::InternetGateway(_) => self.attachment(&t.vpc),
            RouteTarget::VpnGateway(_) => self.attachment_of("VGW", &t.vpc),
            _ => Vec::new(),
        };
        let mut p = properties! {"RouteTableId": json!({"Ref": table}), to: target_value};
        p.insert(property.into(), value);
        let part = self.names.part(&id, name);
        self.put(part, "Route", after, p);
    }

    fn target(&self, vpc: &str, target: &RouteTarget) -> Option<(&'static str, Value)> {
        match target {
            RouteTarget::InternetGateway(g) | RouteTarget::VpnGateway(g) => {
                Some(("GatewayId", self.refer(g).filter(|_| self.m.route_active(vpc, target))?))
            }
            RouteTarget::EgressOnlyGateway(g) => Some(("EgressOnlyInternetGatewayId", self.refer(g)?)),
            RouteTarget::NatGateway(n) => Some(("NatGatewayId", self.refer(n)?)),
            RouteTarget::NetworkInterface(e) => self.interface(e),
            RouteTarget::Local | RouteTarget::Instance(_) => None,
        }
    }

    fn gateway_tables(&mut self) {
        let internet = self.m.internet_gateways().iter().map(|g| ("IGW", &g.id, &g.vpc, &g.table_association));
        let private = self.m.vpn_gateways().iter().map(|g| ("VGW", &g.id, &g.vpc, &g.table_association));
        for (kind, id, vpc, association) in internet.chain(private) {
            let Some(a) = association.as_deref().and_then(|a| self.m.table_associations().get(a)) else { continue };
            let (Some(gateway), Some(table)) = (self.refer(id), self.refer(&a.table)) else { continue };
            let name = self.names.get(id).cloned().unwrap_or_default();
            let part = self.names.part(&a.id, &format!("{name}Routes"));
            let after = vpc.as_deref().map(|v| self.attachment_of(kind, v)).unwrap_or_default();
            let p = properties! {"GatewayId": gateway, "RouteTableId": table};
            self.put(part, "GatewayRouteTableAssociation", after, p);
        }
    }

    /// Tags of what a template cannot tag.
    fn other_tags(&mut self) {
        for t in self.m.all_tags().iter() {
            let tags: Vec<String> = self.user_tags(&t.id).map(|(k, v)| format!("{k}={v}")).collect();
            if !tags.is_empty() && !self.told.contains(&t.id) {
                self.note(&t.id, format_args!("its tags, {}", tags.join(", ")));
            }
        }
    }
}

fn egress_as_made(g: &SecurityGroup, v: &Vpc) -> bool {
    let all = |r: &GroupRule| r.protocol.is_none() && r.description.is_empty();
    let to = |net: IpNet| g.egress.iter().any(|r| all(r) && r.peer == RulePeer::Cidr(net));
    let v6 = v.ipv6.is_some();
    g.egress.len() == 1 + usize::from(v6)
        && to(IpNet::V4(Ipv4Net::default()))
        && (!v6 || to(IpNet::V6(Ipv6Net::default())))
}

fn default_group_as_made(g: &SecurityGroup, v: &Vpc) -> bool {
    let own = |r: &GroupRule| r.protocol.is_none() && r.peer == RulePeer::Group(g.id.clone());
    !g.egress_modified && egress_as_made(g, v) && matches!(g.ingress.as_slice(), [r] if own(r))
}

fn acl_as_made(a: &NetworkAcl, v: &Vpc) -> bool {
    let open = |net: IpNet| AclEntry { protocol: None, ports: (-1, -1), cidr: net, allow: true };
    let mut expected = AclEntries::from([(100, open(IpNet::V4(Ipv4Net::default())))]);
    if v.ipv6.is_some() {
        expected.insert(101, open(IpNet::V6(Ipv6Net::default())));
    }
    a.ingress == expected && a.egress == expected
}
