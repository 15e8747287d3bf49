//! VPCs, their blocks and attributes.

use super::filter::{Values, each, one, shown};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{CreateVpc, Model, Result, Vpc, VpcAttribute, refuse};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateVpc", create_vpc),
    write("DeleteVpc", delete_vpc),
    read("DescribeVpcs", describe_vpcs),
    write("AssociateVpcCidrBlock", associate_vpc_cidr_block),
    write("DisassociateVpcCidrBlock", disassociate_vpc_cidr_block),
    write("ModifyVpcAttribute", modify_vpc_attribute),
    read("DescribeVpcAttribute", describe_vpc_attribute),
    write("ModifyVpcTenancy", modify_vpc_tenancy),
];

fn create_vpc(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    pools_and_places(m, p)?;
    p.ignore(&["VpcEncryptionControl"]);
    let cidr = p.cidr4("CidrBlock")?.ok_or_else(|| p.missing("CidrBlock"))?;
    let id = m.create_vpc(CreateVpc {
        cidr,
        amazon_provided_ipv6: p.flag("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false),
        tenancy: p.text("InstanceTenancy").unwrap_or("default").into(),
    })?;
    tag_new(m, p, "vpc", &id)?;
    new_vpc(m, &id, x)
}

/// The answer of calls that make a VPC: it is seen pending once, here.
pub(super) fn new_vpc(m: &Model, id: &str, x: &mut Xml) -> Result<()> {
    let v = m.find::<Vpc>(id)?;
    x.within("vpc", |x| vpc_members(x, m, v, "pending"));
    Ok(())
}

/// Nobody has brought addresses along, so every pool is unknown (VPC-42); there is one network border group (VPC-43).
fn pools_and_places(m: &Model, p: &Params) -> Result<()> {
    if let Some(pool) = p.text("Ipv6Pool") {
        return refuse("InvalidIpv6PoolId.NotFound", format!("The pool ID '{pool}' does not exist."));
    }
    if p.text("Ipv6CidrBlock").is_some() {
        return Err(p.missing("Ipv6Pool"));
    }
    unknown_ipam_pool(p)?;
    match p.text("Ipv6CidrBlockNetworkBorderGroup") {
        Some(group) if group != m.region() => Err(p.invalid("Ipv6CidrBlockNetworkBorderGroup", group)),
        _ => Ok(()),
    }
}

/// There is no address manager, so none of its pools, and only its pools have lengths to choose from.
pub(super) fn unknown_ipam_pool(p: &Params) -> Result<()> {
    for (pool, length) in [("Ipv4IpamPoolId", "Ipv4NetmaskLength"), ("Ipv6IpamPoolId", "Ipv6NetmaskLength")] {
        if let Some(id) = p.text(pool) {
            return refuse("InvalidIpamPoolId.NotFound", format!("The ipam-pool ID '{id}' does not exist."));
        }
        if p.text(length).is_some() {
            return Err(p.missing(pool));
        }
    }
    Ok(())
}

fn delete_vpc(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_vpc(p.need("VpcId")?)?;
    x.done();
    Ok(())
}

const DESCRIBE: Describe<Vpc> = Describe {
    ids: "VpcId",
    filters: &[
        "cidr",
        "cidr-block",
        "cidrBlock",
        "cidr-block-association.association-id",
        "cidr-block-association.cidr-block",
        "cidr-block-association.state",
        "dhcp-options-id",
        "dhcpOptionsId",
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.ipv6-pool",
        "ipv6-cidr-block-association.state",
        "is-default",
        "isDefault",
        "owner-id",
        "state",
        "vpc-id",
    ],
    values: vpc_values,
    set: "vpcSet",
    write: |x, m, v| vpc_members(x, m, v, "available"),
};

fn describe_vpcs(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    DESCRIBE.run(m, p, x)
}

fn vpc_values<'a>(m: &'a Model, v: &'a Vpc, name: &str) -> Values<'a> {
    match name {
        "cidr" | "cidr-block" | "cidrBlock" => shown(v.primary()),
        "cidr-block-association.association-id" => each(v.blocks.iter().map(|b| &b.id)),
        "cidr-block-association.cidr-block" => each(v.blocks.iter().map(|b| b.cidr)),
        "cidr-block-association.state" => one("associated"),
        "dhcp-options-id" | "dhcpOptionsId" => one(dhcp_options_id(v)),
        "ipv6-cidr-block-association.association-id" => each(v.ipv6.iter().map(|b| &b.id)),
        "ipv6-cidr-block-association.ipv6-cidr-block" => each(v.ipv6.iter().map(|b| b.cidr)),
        "ipv6-cidr-block-association.ipv6-pool" => each(v.ipv6.iter().map(|_| "Amazon")),
        "ipv6-cidr-block-association.state" => each(v.ipv6.iter().map(|_| "associated")),
        "is-default" | "isDefault" => shown(v.is_default),
        "owner-id" => one(m.account()),
        "state" => one("available"),
        "vpc-id" => one(v.id.as_str()),
        _ => Vec::new(),
    }
}

/// `default` says that there is none (DHCP-08).
fn dhcp_options_id(v: &Vpc) -> &str {
    v.dhcp_options.as_deref().unwrap_or("default")
}

fn vpc_members(x: &mut Xml, m: &Model, v: &Vpc, state: &str) {
    x.put("vpcId", &v.id);
    x.put("ownerId", m.account());
    x.put("state", state);
    x.put("cidrBlock", v.primary());
    x.put("dhcpOptionsId", dhcp_options_id(v));
    x.list("cidrBlockAssociationSet", &v.blocks, |x, b| {
        x.put("associationId", &b.id);
        x.put("cidrBlock", b.cidr);
        x.within("cidrBlockState", |x| x.put("state", "associated"));
    });
    x.list("ipv6CidrBlockAssociationSet", &v.ipv6, |x, b| ipv6_association(x, m, b, "associated"));
    x.put("instanceTenancy", &v.tenancy);
    x.put("isDefault", v.is_default);
    x.within("blockPublicAccessStates", |x| x.put("internetGatewayBlockMode", "off"));
    tag_set(x, m, &v.id);
}

fn ipv6_association(x: &mut Xml, m: &Model, b: &crate::model::Block<ipnet::Ipv6Net>, state: &str) {
    x.put("associationId", &b.id);
    x.put("ipv6CidrBlock", b.cidr);
    x.within("ipv6CidrBlockState", |x| x.put("state", state));
    x.put("networkBorderGroup", m.region());
    x.put("ipv6Pool", "Amazon");
}

fn associate_vpc_cidr_block(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("VpcId")?;
    pools_and_places(m, p)?;
    let ipv6 = p.flag("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false);
    match (p.cidr4("CidrBlock")?, ipv6) {
        (Some(cidr), false) => {
            let association = m.associate_vpc_cidr_block(id, cidr)?;
            x.put("vpcId", id);
            x.within("cidrBlockAssociation", |x| {
                x.put("associationId", &association);
                x.put("cidrBlock", cidr);
                x.within("cidrBlockState", |x| x.put("state", "associating"));
            });
        }
        (None, true) => {
            m.associate_vpc_ipv6_block(id)?;
            x.put("vpcId", id);
            if let Some(b) = &m.find::<Vpc>(id)?.ipv6 {
                x.within("ipv6CidrBlockAssociation", |x| ipv6_association(x, m, b, "associating"));
            }
        }
        (Some(_), true) => {
            return refuse(
                "InvalidParameterCombination",
                "Only one of CidrBlock and AmazonProvidedIpv6CidrBlock can be specified.",
            );
        }
        (None, false) => return Err(p.missing("CidrBlock")),
    }
    Ok(())
}

fn disassociate_vpc_cidr_block(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let association = p.need("AssociationId")?;
    let of = m.vpcs().iter().find_map(|v| {
        let block4 = v.blocks.iter().find(|b| b.id == association).map(|b| b.cidr.to_string());
        let block6 = v.ipv6.as_ref().filter(|b| b.id == association).map(|b| b.cidr.to_string());
        Some((v.id.clone(), block4, block6)).filter(|(_, a, b)| a.is_some() || b.is_some())
    });
    m.disassociate_vpc_cidr_block(association)?;
    let Some((vpc, block4, block6)) = of else { return Ok(()) };
    x.put("vpcId", vpc);
    if let Some(cidr) = block4 {
        x.within("cidrBlockAssociation", |x| {
            x.put("associationId", association);
            x.put("cidrBlock", cidr);
            x.within("cidrBlockState", |x| x.put("state", "disassociating"));
        });
    }
    if let Some(cidr) = block6 {
        x.within("ipv6CidrBlockAssociation", |x| {
            x.put("associationId", association);
            x.put("ipv6CidrBlock", cidr);
            x.within("ipv6CidrBlockState", |x| x.put("state", "disassociating"));
        });
    }
    Ok(())
}

fn modify_vpc_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("VpcId")?;
    let given = [
        ("EnableDnsSupport", p.attribute("EnableDnsSupport")?.map(VpcAttribute::DnsSupport)),
        ("EnableDnsHostnames", p.attribute("EnableDnsHostnames")?.map(VpcAttribute::DnsHostnames)),
        (
            "EnableNetworkAddressUsageMetrics",
            p.attribute("EnableNetworkAddressUsageMetrics")?.map(VpcAttribute::UsageMetrics),
        ),
    ];
    m.modify_vpc_attribute(id, only_one(given)?)?;
    x.done();
    Ok(())
}

/// Calls that modify attributes set one at a time.
pub(super) fn only_one<T, const N: usize>(given: [(&str, Option<T>); N]) -> Result<T> {
    let mut set: Vec<(&str, T)> = given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    match (set.pop(), set.is_empty()) {
        (Some((_, value)), true) => Ok(value),
        (Some((last, _)), false) => {
            let names: Vec<&str> = set.iter().map(|(name, _)| *name).chain([last]).collect();
            refuse(
                "InvalidParameterCombination",
                format!("Fields for multiple attribute types specified: {}", names.join(", ")),
            )
        }
        (None, _) => refuse("MissingParameter", "No attributes specified."),
    }
}

fn describe_vpc_attribute(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    const NAMES: [&str; 3] = ["enableDnsSupport", "enableDnsHostnames", "enableNetworkAddressUsageMetrics"];
    let id = p.need("VpcId")?;
    let name = p.word("Attribute", &NAMES)?.ok_or_else(|| p.missing("Attribute"))?;
    let v = m.find::<Vpc>(id)?;
    let value = match name {
        "enableDnsSupport" => v.dns_support,
        "enableDnsHostnames" => v.dns_hostnames,
        _ => v.usage_metrics,
    };
    x.put("vpcId", id);
    x.within(name, |x| x.put("value", value));
    Ok(())
}

fn modify_vpc_tenancy(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.modify_vpc_tenancy(p.need("VpcId")?, p.need("InstanceTenancy")?)?;
    x.done();
    Ok(())
}
