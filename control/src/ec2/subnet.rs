//! Subnets, their IPv6 blocks and attributes.

use super::filter::{Values, each, one, shown, some};
use super::page::Describe;
use super::params::Params;
use super::vpc::{only_one, unknown_ipam_pool};
use super::xml::Xml;
use super::{Operation, arn, read, tag_new, tag_set, write};
use crate::model::{Block, CreateSubnet, Model, Result, Subnet, SubnetAttribute, refuse};
use ipnet::Ipv6Net;

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateSubnet", create_subnet),
    write("DeleteSubnet", delete_subnet),
    read("DescribeSubnets", describe_subnets),
    write("ModifySubnetAttribute", modify_subnet_attribute),
    write("AssociateSubnetCidrBlock", associate_subnet_cidr_block),
    write("DisassociateSubnetCidrBlock", disassociate_subnet_cidr_block),
];

fn create_subnet(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let vpc = p.need("VpcId")?.to_string();
    unknown_ipam_pool(p)?;
    if let Some(outpost) = p.text("OutpostArn") {
        return Err(p.invalid("OutpostArn", outpost));
    }
    if p.flag("Ipv6Native")? == Some(true) {
        return refuse("InvalidParameterValue", "Subnets without IPv4 are not supported: Ipv6Native cannot be true.");
    }
    let cidr4 = p.cidr4("CidrBlock")?.ok_or_else(|| p.missing("CidrBlock"))?;
    let (cidr6, az) = (p.cidr6("Ipv6CidrBlock")?, zone(m, p)?);
    let id = m.create_subnet(CreateSubnet { vpc, cidr4, cidr6, az })?;
    tag_new(m, p, "subnet", &id)?;
    new_subnet(m, &id, x)
}

/// The answer of calls that make a subnet.
pub(super) fn new_subnet(m: &Model, id: &str, x: &mut Xml) -> Result<()> {
    let s = m.find::<Subnet>(id)?;
    x.within("subnet", |x| subnet_members(x, m, s));
    Ok(())
}

/// The zone that a call names, by name or by id (SUB-05).
pub(super) fn zone(m: &Model, p: &Params) -> Result<Option<String>> {
    match (p.text("AvailabilityZone"), p.text("AvailabilityZoneId")) {
        (Some(_), Some(_)) => refuse(
            "InvalidParameterCombination",
            "Only one of AvailabilityZone and AvailabilityZoneId can be specified.",
        ),
        (None, Some(id)) => match m.zone_by_id(id) {
            Some(name) => Ok(Some(name.into())),
            None => Err(p.invalid("AvailabilityZoneId", id)),
        },
        (name, None) => Ok(name.map(String::from)),
    }
}

fn delete_subnet(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_subnet(p.need("SubnetId")?)?;
    x.done();
    Ok(())
}

const DESCRIBE: Describe<Subnet> = Describe {
    ids: "SubnetId",
    filters: &[
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "availabilityZoneId",
        "available-ip-address-count",
        "cidr",
        "cidr-block",
        "cidrBlock",
        "customer-owned-ipv4-pool",
        "default-for-az",
        "defaultForAz",
        "enable-dns64",
        "enable-lni-at-device-index",
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.state",
        "ipv6-native",
        "map-customer-owned-ip-on-launch",
        "map-public-ip-on-launch",
        "outpost-arn",
        "owner-id",
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record",
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record",
        "private-dns-name-options-on-launch.hostname-type",
        "state",
        "subnet-arn",
        "subnet-id",
        "vpc-id",
    ],
    values,
    set: "subnetSet",
    write: subnet_members,
};

fn describe_subnets(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    DESCRIBE.run(m, p, x)
}

fn values<'a>(m: &'a Model, s: &'a Subnet, name: &str) -> Values<'a> {
    match name {
        "availability-zone" | "availabilityZone" => one(s.zone.as_str()),
        "availability-zone-id" | "availabilityZoneId" => one(m.zone_id(&s.zone)),
        "available-ip-address-count" => shown(m.available_addresses(&s.id).unwrap_or(0)),
        "cidr" | "cidr-block" | "cidrBlock" => shown(s.cidr),
        "default-for-az" | "defaultForAz" => shown(s.is_default),
        "enable-dns64" => shown(s.dns.dns64),
        "ipv6-cidr-block-association.association-id" => some(s.ipv6.as_ref().map(|b| b.id.as_str())),
        "ipv6-cidr-block-association.ipv6-cidr-block" => each(s.ipv6.iter().map(|b| b.cidr)),
        "ipv6-cidr-block-association.state" => each(s.ipv6.iter().map(|_| "associated")),
        "ipv6-native" | "map-customer-owned-ip-on-launch" => shown(false),
        "map-public-ip-on-launch" => shown(s.map_public_ip),
        "owner-id" => one(m.account()),
        "private-dns-name-options-on-launch.enable-resource-name-dns-a-record" => shown(s.dns.a_records),
        "private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record" => shown(s.dns.aaaa_records),
        "private-dns-name-options-on-launch.hostname-type" => one(hostname_type(s)),
        "state" => one("available"),
        "subnet-arn" => one(arn(m, "subnet", &s.id)),
        "subnet-id" => one(s.id.as_str()),
        "vpc-id" => one(s.vpc.as_str()),
        _ => Vec::new(),
    }
}

fn hostname_type(s: &Subnet) -> &'static str {
    if s.dns.resource_names { RESOURCE_NAME } else { IP_NAME }
}

const RESOURCE_NAME: &str = "resource-name";
const IP_NAME: &str = "ip-name";

fn subnet_members(x: &mut Xml, m: &Model, s: &Subnet) {
    x.put("subnetId", &s.id);
    x.put("subnetArn", arn(m, "subnet", &s.id));
    x.put("state", "available");
    x.put("ownerId", m.account());
    x.put("vpcId", &s.vpc);
    x.put("cidrBlock", s.cidr);
    x.list("ipv6CidrBlockAssociationSet", &s.ipv6, |x, b| ipv6_association(x, b, "associated"));
    x.put("availableIpAddressCount", m.available_addresses(&s.id).unwrap_or(0));
    x.put("availabilityZone", &s.zone);
    x.put("availabilityZoneId", m.zone_id(&s.zone));
    x.put("defaultForAz", s.is_default);
    x.put("mapPublicIpOnLaunch", s.map_public_ip);
    x.put("mapCustomerOwnedIpOnLaunch", false);
    x.put("assignIpv6AddressOnCreation", s.assign_ipv6);
    x.put("ipv6Native", false);
    x.put("enableDns64", s.dns.dns64);
    x.within("privateDnsNameOptionsOnLaunch", |x| {
        x.put("hostnameType", hostname_type(s));
        x.put("enableResourceNameDnsARecord", s.dns.a_records);
        x.put("enableResourceNameDnsAAAARecord", s.dns.aaaa_records);
    });
    x.within("blockPublicAccessStates", |x| x.put("internetGatewayBlockMode", "off"));
    tag_set(x, m, &s.id);
}

fn ipv6_association(x: &mut Xml, b: &Block<Ipv6Net>, state: &str) {
    x.put("associationId", &b.id);
    x.put("ipv6CidrBlock", b.cidr);
    x.within("ipv6CidrBlockState", |x| x.put("state", state));
}

fn modify_subnet_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    use SubnetAttribute::{ARecords, AaaaRecords, AssignIpv6, Dns64, MapPublicIp, ResourceNames};
    let id = p.need("SubnetId")?;
    m.find::<Subnet>(id)?;
    on_outposts_only(p, id)?;
    let names = p.word("PrivateDnsHostnameTypeOnLaunch", &[IP_NAME, RESOURCE_NAME])?;
    let given = [
        ("MapPublicIpOnLaunch", p.attribute("MapPublicIpOnLaunch")?.map(MapPublicIp)),
        ("AssignIpv6AddressOnCreation", p.attribute("AssignIpv6AddressOnCreation")?.map(AssignIpv6)),
        ("EnableDns64", p.attribute("EnableDns64")?.map(Dns64)),
        ("PrivateDnsHostnameTypeOnLaunch", names.map(|n| ResourceNames(n == RESOURCE_NAME))),
        ("EnableResourceNameDnsARecordOnLaunch", p.attribute("EnableResourceNameDnsARecordOnLaunch")?.map(ARecords)),
        (
            "EnableResourceNameDnsAAAARecordOnLaunch",
            p.attribute("EnableResourceNameDnsAAAARecordOnLaunch")?.map(AaaaRecords),
        ),
    ];
    let off = p.has("MapCustomerOwnedIpOnLaunch") || p.attribute("DisableLniAtDeviceIndex")?.is_some();
    if !(off && given.iter().all(|(_, value)| value.is_none())) {
        m.modify_subnet_attribute(id, only_one(given)?)?;
    }
    x.done();
    Ok(())
}

/// Addresses of the customer's own and local network interfaces belong to Outposts: turning them off is all that can be asked for here.
fn on_outposts_only(p: &Params, subnet: &str) -> Result<()> {
    let wanted = [
        ("CustomerOwnedIpv4Pool", p.text("CustomerOwnedIpv4Pool").is_some()),
        ("EnableLniAtDeviceIndex", p.text("EnableLniAtDeviceIndex").is_some()),
        ("MapCustomerOwnedIpOnLaunch", p.attribute("MapCustomerOwnedIpOnLaunch")? == Some(true)),
    ];
    match wanted.iter().find(|(_, on)| *on) {
        Some((name, _)) => {
            refuse("InvalidParameterValue", format!("{name} cannot be set: the subnet {subnet} is not on an Outpost."))
        }
        None => Ok(()),
    }
}

fn associate_subnet_cidr_block(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("SubnetId")?;
    unknown_ipam_pool(p)?;
    let cidr = p.cidr6("Ipv6CidrBlock")?.ok_or_else(|| p.missing("Ipv6CidrBlock"))?;
    m.associate_subnet_cidr_block(id, cidr)?;
    x.put("subnetId", id);
    if let Some(b) = &m.find::<Subnet>(id)?.ipv6 {
        x.within("ipv6CidrBlockAssociation", |x| ipv6_association(x, b, "associating"));
    }
    Ok(())
}

fn disassociate_subnet_cidr_block(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let association = p.need("AssociationId")?;
    let of = m.subnets().iter().find_map(|s| {
        let block = s.ipv6.as_ref().filter(|b| b.id == association)?;
        Some((s.id.clone(), block.clone()))
    });
    m.disassociate_subnet_cidr_block(association)?;
    if let Some((subnet, block)) = of {
        x.put("subnetId", subnet);
        x.within("ipv6CidrBlockAssociation", |x| ipv6_association(x, &block, "disassociating"));
    }
    Ok(())
}
