//! VPCs, their blocks and attributes.

use super::filter::{Values, each, one, shown};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{CreateVpc, Model, Result, Vpc, refuse};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateVpc", create_vpc),
    write("DeleteVpc", delete_vpc),
    read("DescribeVpcs", describe_vpcs),
    write("AssociateVpcCidrBlock", associate_vpc_cidr_block),
    write("DisassociateVpcCidrBlock", disassociate_vpc_cidr_block),
];

fn create_vpc(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let cidr = p.cidr4("CidrBlock")?.ok_or_else(|| p.missing("CidrBlock"))?;
    let id = m.create_vpc(CreateVpc {
        cidr,
        amazon_provided_ipv6: p.flag("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false),
        tenancy: p.text("InstanceTenancy").unwrap_or("default").into(),
    })?;
    tag_new(m, p, "vpc", &id)?;
    let v = m.find::<Vpc>(&id)?;
    x.within("vpc", |x| vpc_members(x, m, v));
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
    write: vpc_members,
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
        "ipv6-cidr-block-association.association-id" => each(v.ipv6.iter().map(|b| &b.id)),
        "ipv6-cidr-block-association.ipv6-cidr-block" => each(v.ipv6.iter().map(|b| b.cidr)),
        "ipv6-cidr-block-association.ipv6-pool" => each(v.ipv6.iter().map(|_| "Amazon")),
        "ipv6-cidr-block-association.state" => each(v.ipv6.iter().map(|_| "associated")),
        "is-default" | "isDefault" => shown(false),
        "owner-id" => one(m.account()),
        "state" => one("available"),
        "vpc-id" => one(v.id.as_str()),
        _ => Vec::new(),
    }
}

fn vpc_members(x: &mut Xml, m: &Model, v: &Vpc) {
    x.put("vpcId", &v.id);
    x.put("ownerId", m.account());
    x.put("state", "available");
    x.put("cidrBlock", v.primary());
    x.list("cidrBlockAssociationSet", &v.blocks, |x, b| {
        x.put("associationId", &b.id);
        x.put("cidrBlock", b.cidr);
        x.within("cidrBlockState", |x| x.put("state", "associated"));
    });
    x.list("ipv6CidrBlockAssociationSet", &v.ipv6, |x, b| ipv6_association(x, m, b, "associated"));
    x.put("instanceTenancy", &v.tenancy);
    x.put("isDefault", false);
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
