//! Network interfaces: life, attachment, attributes.

use super::filter::{Values, each, one, shown, some};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, dns, read, tag_new, tag_set, write};
use crate::model::{
    Attachment, CreateNetworkInterface, ElasticIp, Id, Model, NetworkInterface, Result, TrackingTimeouts, refuse,
};
use std::net::Ipv4Addr;

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateNetworkInterface", create_network_interface),
    write("DeleteNetworkInterface", delete_network_interface),
    read("DescribeNetworkInterfaces", describe_network_interfaces),
    write("AttachNetworkInterface", attach_network_interface),
    write("DetachNetworkInterface", detach_network_interface),
    read("DescribeNetworkInterfaceAttribute", describe_network_interface_attribute),
    write("ModifyNetworkInterfaceAttribute", modify_network_interface_attribute),
    write("ResetNetworkInterfaceAttribute", reset_network_interface_attribute),
];

fn create_network_interface(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["EnablePrimaryIpv6", "Operator"]);
    not_prefixes(p)?;
    match p.text("InterfaceType") {
        None | Some("interface") => {}
        Some(other) => {
            return refuse("InvalidParameterValue", format!("Value ({other}) for parameter InterfaceType is invalid."));
        }
    }
    let request = CreateNetworkInterface {
        subnet: p.need("SubnetId")?.into(),
        private: private_addresses(p)?,
        secondary_count: p.parsed("SecondaryPrivateIpAddressCount")?.unwrap_or(0),
        ipv6: ipv6_addresses(p)?,
        ipv6_count: p.parsed("Ipv6AddressCount")?.or(before_ipv6(p)),
        groups: p.ids("SecurityGroupId"),
        description: p.text("Description").unwrap_or_default().into(),
    };
    let id = m.create_network_interface(request)?;
    tag_new(m, p, "network-interface", &id)?;
    if let Some(timeouts) = tracking(p, TrackingTimeouts::default())? {
        m.modify_tracking_timeouts(&id, timeouts)?;
    }
    let eni = m.find::<NetworkInterface>(&id)?;
    x.within("networkInterface", |x| write_interface(x, m, eni));
    Ok(())
}

fn delete_network_interface(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_network_interface(p.need("NetworkInterfaceId")?)?;
    x.done();
    Ok(())
}

fn attach_network_interface(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["EnaSrdSpecification", "EnaQueueCount"]);
    if p.parsed::<u32>("NetworkCardIndex")?.is_some_and(|n| n != 0) {
        return refuse("InvalidParameterValue", "The instance type has one network card; its index is 0.");
    }
    let index = p.parsed("DeviceIndex")?.ok_or_else(|| p.missing("DeviceIndex"))?;
    let id = m.attach_network_interface(p.need("NetworkInterfaceId")?, p.need("InstanceId")?, index)?;
    x.put("attachmentId", id);
    x.put("networkCardIndex", 0);
    Ok(())
}

fn detach_network_interface(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    // Here every detachment is one that the instance does not have to agree to.
    p.flag("Force")?;
    m.detach_network_interface(p.need("AttachmentId")?)?;
    x.done();
    Ok(())
}

const DESCRIBE: Describe<NetworkInterface> = Describe {
    ids: "NetworkInterfaceId",
    filters: &[
        "addresses.association.owner-id",
        "addresses.association.public-ip",
        "addresses.primary",
        "addresses.private-ip-address",
        "association.allocation-id",
        "association.association-id",
        "association.ip-owner-id",
        "association.public-dns-name",
        "association.public-ip",
        "attachment.attach-time",
        "attachment.attachment-id",
        "attachment.delete-on-termination",
        "attachment.device-index",
        "attachment.instance-id",
        "attachment.instance-owner-id",
        "attachment.status",
        "availability-zone",
        "availability-zone-id",
        "description",
        "group-id",
        "group-name",
        "interface-type",
        "ipv6-addresses.ipv6-address",
        "mac-address",
        "network-interface-id",
        "operator.managed",
        "operator.principal",
        "owner-id",
        "private-dns-name",
        "private-ip-address",
        "requester-id",
        "requester-managed",
        "source-dest-check",
        "status",
        "subnet-id",
        "vpc-id",
    ],
    values,
    set: "networkInterfaceSet",
    write: write_interface,
};

fn describe_network_interfaces(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["IncludeManagedResources"]);
    DESCRIBE.run(m, p, x)
}

pub(super) fn values<'a>(m: &'a Model, e: &'a NetworkInterface, name: &str) -> Values<'a> {
    let primary = || Public::of(m, e, e.primary());
    let all = || e.private.iter().filter_map(|a| Public::of(m, e, *a));
    let attachment = e.attachment.as_ref();
    match name {
        "addresses.association.owner-id" => each(all().map(|_| m.account())),
        "addresses.association.public-ip" => each(all().map(|a| a.address)),
        "addresses.primary" => each((0..e.private.len()).map(|i| i == 0)),
        "addresses.private-ip-address" => each(&e.private),
        "association.allocation-id" => some(primary().and_then(|a| a.elastic).map(|e| e.id.as_str())),
        "association.association-id" => some(primary().and_then(|a| a.association())),
        "association.ip-owner-id" => some(primary().map(|a| a.owner(m))),
        "association.public-dns-name" => each(primary().and_then(|a| dns::public_of(m, &e.vpc, a.address))),
        "association.public-ip" => each(primary().map(|a| a.address)),
        "attachment.attach-time" => each(attachment.map(|a| super::timestamp(a.at))),
        "attachment.attachment-id" => some(attachment.map(|a| a.id.as_str())),
        "attachment.delete-on-termination" => each(attachment.map(|a| a.delete_on_termination)),
        "attachment.device-index" => each(attachment.map(|a| a.device_index)),
        "attachment.instance-id" => some(attachment.map(|a| a.instance.as_str())),
        "attachment.instance-owner-id" => some(attachment.map(|_| m.account())),
        "attachment.status" => some(attachment.map(|_| "attached")),
        "availability-zone" => some(m.subnets().get(&e.subnet).map(|s| s.zone.as_str())),
        "availability-zone-id" => some(m.subnets().get(&e.subnet).map(|s| m.zone_id(&s.zone))),
        "description" => one(e.description.as_str()),
        "group-id" => each(&e.groups),
        "group-name" => each(e.groups.iter().filter_map(|g| m.security_groups().get(g)).map(|g| &g.name)),
        "interface-type" => one(kind(e)),
        "ipv6-addresses.ipv6-address" => each(&e.ipv6),
        "mac-address" => shown(e.mac),
        "network-interface-id" => one(e.id.as_str()),
        "operator.managed" => one("false"),
        "owner-id" => one(m.account()),
        "private-dns-name" => some(dns::private_of(m, &e.vpc, e.primary())),
        "private-ip-address" => shown(e.primary()),
        "requester-id" => some(e.nat_gateway.as_ref().map(|_| m.account())),
        "requester-managed" => shown(e.nat_gateway.is_some()),
        "source-dest-check" => shown(e.source_dest_check),
        "status" => one(status(e)),
        "subnet-id" => one(e.subnet.as_str()),
        "vpc-id" => one(e.vpc.as_str()),
        _ => Vec::new(),
    }
}

fn status(e: &NetworkInterface) -> &'static str {
    if e.attachment.is_some() || e.nat_gateway.is_some() { "in-use" } else { "available" }
}

fn kind(e: &NetworkInterface) -> &'static str {
    if e.nat_gateway.is_some() { "nat_gateway" } else { "interface" }
}

/// The public address of one private address of an interface.
struct Public<'a> {
    address: Ipv4Addr,
    /// None: auto-assigned.
    elastic: Option<&'a ElasticIp>,
}

impl<'a> Public<'a> {
    fn of(m: &'a Model, e: &NetworkInterface, private: Ipv4Addr) -> Option<Public<'a>> {
        match m.elastic_of(&e.id, private) {
            Some(elastic) => Some(Public { address: elastic.public, elastic: Some(elastic) }),
            None => {
                let address = e.public.filter(|_| private == e.primary())?;
                Some(Public { address, elastic: None })
            }
        }
    }
    fn association(&self) -> Option<&'a str> {
        self.elastic?.association.as_ref().map(|a| a.id.as_str())
    }
    /// The account, or `amazon` for addresses that are only lent.
    fn owner(&self, m: &'a Model) -> &'a str {
        if self.elastic.is_some() { m.account() } else { "amazon" }
    }
    fn write(&self, x: &mut Xml, m: &Model, e: &NetworkInterface) {
        x.within("association", |x| {
            x.maybe("allocationId", self.elastic.map(|a| &a.id));
            x.maybe("associationId", self.association());
            x.put("ipOwnerId", self.owner(m));
            x.put("publicDnsName", dns::public_of(m, &e.vpc, self.address).unwrap_or_default());
            x.put("publicIp", self.address);
        });
    }
}

pub(super) fn write_interface(x: &mut Xml, m: &Model, e: &NetworkInterface) {
    let zone = m.subnets().get(&e.subnet).map(|s| s.zone.as_str());
    x.put("networkInterfaceId", &e.id);
    x.put("subnetId", &e.subnet);
    x.put("vpcId", &e.vpc);
    x.maybe("availabilityZone", zone);
    x.maybe("availabilityZoneId", zone.map(|z| m.zone_id(z)));
    x.put("description", &e.description);
    x.put("ownerId", m.account());
    if e.nat_gateway.is_some() {
        x.put("requesterId", m.account());
    }
    x.put("requesterManaged", e.nat_gateway.is_some());
    x.within("operator", |x| x.put("managed", false));
    x.put("status", status(e));
    x.put("macAddress", e.mac);
    x.put("privateIpAddress", e.primary());
    x.maybe("privateDnsName", dns::private_of(m, &e.vpc, e.primary()));
    x.put("sourceDestCheck", e.source_dest_check);
    write_groups(x, m, &e.groups);
    if let Some(a) = &e.attachment {
        x.within("attachment", |x| write_attachment(x, m, a));
    }
    if let Some(public) = Public::of(m, e, e.primary()) {
        public.write(x, m, e);
    }
    x.list("privateIpAddressesSet", e.private.iter().enumerate(), |x, (i, a)| {
        x.put("privateIpAddress", a);
        x.maybe("privateDnsName", dns::private_of(m, &e.vpc, *a));
        x.put("primary", i == 0);
        if let Some(public) = Public::of(m, e, *a) {
            public.write(x, m, e);
        }
    });
    x.list("ipv6AddressesSet", &e.ipv6, |x, a| {
        x.put("ipv6Address", a);
        x.put("isPrimaryIpv6", false);
    });
    x.maybe("ipv6Address", e.ipv6.first());
    x.put("interfaceType", kind(e));
    if e.timeouts != TrackingTimeouts::default() {
        x.within("connectionTrackingConfiguration", |x| {
            x.put("tcpEstablishedTimeout", e.timeouts.tcp_established);
            x.put("udpTimeout", e.timeouts.udp);
            x.put("udpStreamTimeout", e.timeouts.udp_stream);
        });
    }
    tag_set(x, m, &e.id);
}

/// `groupSet`: ids and names.
pub(super) fn write_groups(x: &mut Xml, m: &Model, groups: &[Id]) {
    x.list("groupSet", groups, |x, g| {
        x.put("groupId", g);
        x.maybe("groupName", m.security_groups().get(g).map(|g| &g.name));
    });
}

fn write_attachment(x: &mut Xml, m: &Model, a: &Attachment) {
    x.put("attachmentId", &a.id);
    x.put("instanceId", &a.instance);
    x.put("instanceOwnerId", m.account());
    x.put("deviceIndex", a.device_index);
    x.put("networkCardIndex", 0);
    x.put("status", "attached");
    x.time("attachTime", a.at);
    x.put("deleteOnTermination", a.delete_on_termination);
}

fn describe_network_interface_attribute(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let e = m.find::<NetworkInterface>(p.need("NetworkInterfaceId")?)?;
    const NAMES: &[&str] = &["description", "groupSet", "sourceDestCheck", "attachment", "associatePublicIpAddress"];
    let attribute = p.word("Attribute", NAMES)?.ok_or_else(|| p.missing("Attribute"))?;
    x.put("networkInterfaceId", &e.id);
    match attribute {
        "description" => x.within("description", |x| x.put("value", &e.description)),
        "groupSet" => write_groups(x, m, &e.groups),
        "sourceDestCheck" => x.within("sourceDestCheck", |x| x.put("value", e.source_dest_check)),
        "associatePublicIpAddress" => x.put("associatePublicIpAddress", e.public.is_some()),
        _ => {
            if let Some(a) = &e.attachment {
                x.within("attachment", |x| write_attachment(x, m, a));
            }
        }
    }
    Ok(())
}

fn modify_network_interface_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["EnaSrdSpecification", "EnablePrimaryIpv6"]);
    let id = p.need("NetworkInterfaceId")?;
    let timeouts = m.find::<NetworkInterface>(id)?.timeouts;
    let mut attributes = 0;
    if let Some(text) = p.structure("Description").and_then(|d| d.given("Value")) {
        m.modify_interface_description(id, text)?;
        attributes += 1;
    }
    if let Some(on) = p.attribute("SourceDestCheck")? {
        m.modify_source_dest_check(id, on)?;
        attributes += 1;
    }
    let groups = p.ids("SecurityGroupId");
    if !groups.is_empty() {
        m.modify_groups(id, &groups)?;
        attributes += 1;
    }
    if let Some(attachment) = p.structure("Attachment") {
        attachment.ignore(&["DefaultEnaQueueCount", "EnaQueueCount"]);
        if let Some(on) = attachment.flag("DeleteOnTermination")? {
            m.modify_delete_on_termination(id, attachment.need("AttachmentId")?, on)?;
        } else {
            attachment.text("AttachmentId");
        }
        attributes += 1;
    }
    if let Some(timeouts) = tracking(p, timeouts)? {
        m.modify_tracking_timeouts(id, timeouts)?;
        attributes += 1;
    }
    if let Some(on) = p.flag("AssociatePublicIpAddress")? {
        m.modify_public_address(id, on)?;
        attributes += 1;
    }
    match attributes {
        1 => {}
        0 => return refuse("MissingParameter", "The request must name one attribute to modify."),
        _ => {
            return refuse(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified. Only one attribute may be modified at a time.",
            );
        }
    }
    x.done();
    Ok(())
}

fn reset_network_interface_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let attribute = p.text("SourceDestCheck");
    if attribute.is_none() {
        return Err(p.missing("SourceDestCheck"));
    }
    m.modify_source_dest_check(p.need("NetworkInterfaceId")?, true)?;
    x.done();
    Ok(())
}

/// Timeouts that a call names, the others as they are; none if it names none.
fn tracking(p: &Params, now: TrackingTimeouts) -> Result<Option<TrackingTimeouts>> {
    let Some(t) = p.structure("ConnectionTrackingSpecification") else { return Ok(None) };
    Ok(Some(TrackingTimeouts {
        tcp_established: t.parsed("TcpEstablishedTimeout")?.unwrap_or(now.tcp_established),
        udp: t.parsed("UdpTimeout")?.unwrap_or(now.udp),
        udp_stream: t.parsed("UdpStreamTimeout")?.unwrap_or(now.udp_stream),
    }))
}

/// Private addresses of a new interface, the primary one first: `PrivateIpAddress`, or a list with one marked.
pub(super) fn private_addresses(p: &Params) -> Result<Vec<Ipv4Addr>> {
    let mut all: Vec<(bool, Ipv4Addr)> = Vec::new();
    for a in p.list("PrivateIpAddresses") {
        let address = a.address4("PrivateIpAddress")?.ok_or_else(|| a.missing("PrivateIpAddress"))?;
        all.push((a.flag("Primary")?.unwrap_or(false), address));
    }
    if all.iter().filter(|(primary, _)| *primary).count() > 1 {
        return refuse("InvalidParameterCombination", "Only one private IP address can be designated as primary.");
    }
    if let Some(primary) = p.address4("PrivateIpAddress")? {
        if all.iter().any(|(marked, a)| *marked && *a != primary) {
            return refuse("InvalidParameterCombination", "Only one primary private IP address can be specified.");
        }
        all.retain(|(_, a)| *a != primary);
        all.insert(0, (true, primary));
    }
    all.sort_by_key(|(primary, _)| !primary);
    Ok(all.into_iter().map(|(_, a)| a).collect())
}

/// IPv6 addresses of a new interface.
pub(super) fn ipv6_addresses(p: &Params) -> Result<Vec<std::net::Ipv6Addr>> {
    let one = |a: &&Params| {
        a.ignore(&["IsPrimaryIpv6"]);
        a.address6("Ipv6Address")?.ok_or_else(|| a.missing("Ipv6Address"))
    };
    p.list("Ipv6Addresses").iter().map(one).collect()
}

/// No addresses that nobody asked for, if a call is in a version of the API that knows of none assigned by themselves (IP-15).
pub(super) fn before_ipv6(p: &Params) -> Option<u32> {
    p.text("Version").filter(|version| *version < super::VERSION).map(|_| 0)
}

/// Delegated prefixes are not built.
pub(super) fn not_prefixes(p: &Params) -> Result<()> {
    for name in ["Ipv4Prefix", "Ipv4PrefixCount", "Ipv6Prefix", "Ipv6PrefixCount"] {
        if p.has(name) {
            return refuse("UnsupportedOperation", format!("Prefix delegation ({name}) is not supported."));
        }
    }
    Ok(())
}
