//! Interfaces, instances, NAT gateways and the Elastic IPs on them.

use super::resources::{Writer, properties};
use crate::model::*;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

impl<'a> Writer<'a> {
    fn eth0(&self, i: &Instance) -> Option<&'a NetworkInterface> {
        self.m.interfaces().get(i.interfaces.get(&0)?)
    }

    /// Whether a launch must ask for a public address.
    fn asks_for_public(&self, i: &Instance, eth0: &NetworkInterface) -> bool {
        let elastic = self.m.elastic_of(&eth0.id, eth0.primary()).is_some();
        match i.state {
            InstanceState::Running if i.interfaces.len() > 1 => eth0.public.is_some(),
            InstanceState::Running => eth0.public.is_some() || i.wants_public && elastic,
            _ => i.wants_public && i.interfaces.len() == 1,
        }
    }

    /// Whether an interface is made by its instance's launch: only so it can get a public address by itself, and only otherwise it can
    /// have a name, tags and time limits.
    fn inline(&self, e: &NetworkInterface) -> bool {
        let Some(i) = e.attachment.as_ref().and_then(|a| self.m.instances().get(&a.instance)) else { return false };
        if i.interfaces.get(&0) != Some(&e.id) {
            return false;
        }
        let own_label = self.m.labelled(&e.id).is_some_and(|l| self.m.labelled(&i.id) != Some(l));
        let plain = i.interfaces.len() == 1
            && !own_label
            && e.timeouts == TrackingTimeouts::default()
            && !self.m.tags(&e.id).any(|(k, _)| !k.starts_with("aws:"));
        plain || self.asks_for_public(i, e)
    }

    /// How a route or an address names an interface.
    pub(super) fn interface(&self, id: &str) -> Option<(&'static str, Value)> {
        let e = self.m.interfaces().get(id)?;
        match (self.inline(e), &e.attachment) {
            (true, Some(a)) => Some(("InstanceId", self.refer(&a.instance)?)),
            _ => Some(("NetworkInterfaceId", self.refer(id)?)),
        }
    }

    /// What a launch and a NetworkInterface resource say in the same words.
    fn addresses_and_groups(&self, e: &NetworkInterface) -> Option<Map<String, Value>> {
        let mut p = properties! {"SubnetId": self.refer(&e.subnet)?};
        match e.private.as_slice() {
            [one] => _ = p.insert("PrivateIpAddress".into(), one.to_string().into()),
            several => {
                let one = |(i, a): (usize, &std::net::Ipv4Addr)| json!({"PrivateIpAddress": a.to_string(), "Primary": i == 0});
                let list: Vec<Value> = several.iter().enumerate().map(one).collect();
                p.insert("PrivateIpAddresses".into(), list.into());
            }
        }
        if !e.ipv6.is_empty() {
            let list: Vec<Value> = e.ipv6.iter().map(|a| json!({"Ipv6Address": a.to_string()})).collect();
            p.insert("Ipv6Addresses".into(), list.into());
        } else if self.m.subnets().get(&e.subnet).is_some_and(|s| s.assign_ipv6) {
            p.insert("Ipv6AddressCount".into(), 0.into());
        }
        let groups: Vec<Value> = e.groups.iter().filter_map(|g| self.group(g)).collect();
        p.insert("GroupSet".into(), groups.into());
        if !e.description.is_empty() {
            p.insert("Description".into(), e.description.clone().into());
        }
        Some(p)
    }

    pub(super) fn interfaces(&mut self) {
        for e in self.m.interfaces().iter() {
            if e.nat_gateway.is_some() || !self.wanted(&e.vpc) {
                continue;
            }
            if e.bound {
                self.note(&e.id, "something outside is attached to it");
            }
            if self.inline(e) {
                continue;
            }
            let Some(mut p) = self.addresses_and_groups(e) else { continue };
            if !e.source_dest_check {
                p.insert("SourceDestCheck".into(), false.into());
            }
            if e.timeouts != TrackingTimeouts::default() {
                let timeouts = json!({
                    "TcpEstablishedTimeout": e.timeouts.tcp_established,
                    "UdpTimeout": e.timeouts.udp,
                    "UdpStreamTimeout": e.timeouts.udp_stream,
                });
                p.insert("ConnectionTrackingSpecification".into(), timeouts);
            }
            self.put_thing(&e.id, "NetworkInterface", Vec::new(), p);
        }
    }

    pub(super) fn instances(&mut self) {
        for i in self.m.instances().iter() {
            if i.state == InstanceState::Terminated {
                self.note(&i.id, "the instance is terminated");
                continue;
            }
            let Some(eth0) = self.eth0(i).filter(|_| self.wanted(&i.vpc)) else { continue };
            let mut p = self.details(i);
            let mut interfaces = Vec::new();
            if self.inline(eth0) {
                let Some(mut own) = self.addresses_and_groups(eth0) else { continue };
                own.insert("DeviceIndex".into(), 0.into());
                let public = self.asks_for_public(i, eth0);
                if public || self.m.subnets().get(&eth0.subnet).is_some_and(|s| s.map_public_ip) {
                    own.insert("AssociatePublicIpAddress".into(), public.into());
                }
                if eth0.attachment.as_ref().is_some_and(|a| !a.delete_on_termination) {
                    own.insert("DeleteOnTermination".into(), false.into());
                }
                interfaces.push(Value::Object(own));
                if !eth0.source_dest_check {
                    p.insert("SourceDestCheck".into(), false.into());
                }
                if let Some(public) = eth0.public {
                    self.note(
                        &eth0.id,
                        format_args!("its public address {public} was assigned by itself, and another one will be"),
                    );
                }
                if eth0.timeouts != TrackingTimeouts::default() {
                    self.note(&eth0.id, "its connection tracking timeouts");
                }
            } else {
                for (index, e) in &i.interfaces {
                    let Some(reference) = self.refer(e) else { continue };
                    let mut one = properties! {"DeviceIndex": *index, "NetworkInterfaceId": reference};
                    let attachment = self.m.interfaces().get(e).and_then(|e| e.attachment.as_ref());
                    if attachment.is_some_and(|a| a.delete_on_termination) {
                        one.insert("DeleteOnTermination".into(), true.into());
                    }
                    interfaces.push(Value::Object(one));
                }
            }
            if i.wants_public && !self.asks_for_public(i, eth0) {
                self.note(&i.id, "it was launched to get a public address when it starts");
            }
            p.insert("NetworkInterfaces".into(), interfaces.into());
            if i.state == InstanceState::Stopped {
                self.note(&i.id, "it is stopped; the one that is made will run");
            }
            self.put_thing(&i.id, "Instance", Vec::new(), p);
        }
    }

    fn details(&mut self, i: &Instance) -> Map<String, Value> {
        let d = &i.details;
        let mut p = Map::new();
        for (name, text) in [("ImageId", &d.image), ("InstanceType", &i.instance_type)] {
            if !text.is_empty() {
                p.insert(name.into(), text.clone().into());
            }
        }
        if let Some(key) = &d.key_name {
            match self.m.key_pair_named(key).ok().and_then(|k| self.refer(&k.id)) {
                Some(reference) => _ = p.insert("KeyName".into(), reference),
                None => self.note(&i.id, format_args!("its key pair {key} is gone")),
            }
        }
        if let Some(data) = &d.user_data {
            // Readable if it says the same.
            let text = BASE64_STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let value = match text.filter(|t| BASE64_STANDARD.encode(t) == *data) {
                Some(text) => json!({"Fn::Base64": text}),
                None => data.clone().into(),
            };
            p.insert("UserData".into(), value);
        }
        for (name, on) in
            [("DisableApiTermination", d.protected), ("Monitoring", d.monitoring), ("EbsOptimized", d.ebs_optimized)]
        {
            if on {
                p.insert(name.into(), true.into());
            }
        }
        if let Some(shutdown) = &d.shutdown {
            p.insert("InstanceInitiatedShutdownBehavior".into(), shutdown.clone().into());
        }
        if d.unstoppable {
            self.note(&i.id, "it may not be stopped (disableApiStop)");
        }
        if d.metadata != MetadataOptions::default() {
            self.note(&i.id, "its metadata options");
        }
        p
    }

    pub(super) fn nat_gateways(&mut self) {
        for n in self.m.nat_gateways().iter() {
            if !n.available() {
                let what = if n.state == NatState::Deleted { "deleted" } else { "failed" };
                self.note(&n.id, format_args!("the NAT gateway is {what}"));
                continue;
            }
            let Some(subnet) = self.refer(&n.subnet) else { continue };
            let mut p = properties! {"SubnetId": subnet};
            let mut after = Vec::new();
            match n.allocation.as_deref().and_then(|a| self.attribute(a, "AllocationId")) {
                Some(allocation) => {
                    p.insert("AllocationId".into(), allocation);
                    after = self.attachment(&n.vpc);
                }
                None => _ = p.insert("ConnectivityType".into(), "private".into()),
            }
            if let Some(private) = n.private {
                p.insert("PrivateIpAddress".into(), private.to_string().into());
            }
            self.put_thing(&n.id, "NatGateway", after, p);
        }
    }

    /// Elastic IPs on instances and interfaces.
    pub(super) fn associations(&mut self) {
        for a in self.m.elastic_ips().iter() {
            let Some(x) = &a.association else { continue };
            let Some(e) = self.m.interfaces().get(&x.interface).filter(|e| e.nat_gateway.is_none()) else { continue };
            let (Some(allocation), Some((property, target))) =
                (self.attribute(&a.id, "AllocationId"), self.interface(&e.id))
            else {
                continue;
            };
            let mut p = properties! {"AllocationId": allocation, property: target};
            if x.private != e.primary() {
                p.insert("PrivateIpAddress".into(), x.private.to_string().into());
            }
            let name = self.names.get(&a.id).cloned().unwrap_or_default();
            let part = self.names.part(&x.id, &format!("{name}Association"));
            let after = self.attachment(&e.vpc);
            self.put(part, "EIPAssociation", after, p);
        }
    }

    /// Further interfaces of instances whose first one is made by the launch.
    pub(super) fn attachments(&mut self) {
        for i in self.m.instances().iter().filter(|i| i.interfaces.len() > 1) {
            let Some(eth0) = self.eth0(i).filter(|e| self.inline(e)) else { continue };
            let (Some(instance), Some(name)) = (self.refer(&i.id), self.names.get(&i.id).cloned()) else { continue };
            // Whoever names the instance means its only interface.
            let names_it = |p: &Map<String, Value>| p.get("InstanceId") == Some(&instance);
            let after: Vec<String> = self
                .out
                .iter()
                .filter(|r| ["AWS::EC2::Route", "AWS::EC2::EIPAssociation"].contains(&r.kind.as_str()))
                .filter(|r| names_it(&r.properties))
                .map(|r| r.logical.clone())
                .collect();
            for (index, id) in i.interfaces.iter().filter(|(_, id)| **id != eth0.id) {
                let (Some(interface), Some(a)) =
                    (self.refer(id), self.m.interfaces().get(id).and_then(|e| e.attachment.as_ref()))
                else {
                    continue;
                };
                let mut p = properties! {
                    "NetworkInterfaceId": interface, "InstanceId": instance.clone(), "DeviceIndex": *index,
                };
                if a.delete_on_termination {
                    p.insert("DeleteOnTermination".into(), true.into());
                }
                let part = self.names.part(&a.id, &format!("{name}Attachment{index}"));
                self.put(part, "NetworkInterfaceAttachment", after.clone(), p);
            }
        }
    }
}
