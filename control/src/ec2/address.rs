//! Elastic IP addresses.

use super::filter::{Values, each, one, shown};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{AddressAssociation, ApiError, AssociateAddress, ElasticIp, Id, Model, Result, refuse};
use std::net::Ipv4Addr;

pub(super) const OPERATIONS: &[Operation] = &[
    write("AllocateAddress", allocate_address),
    write("AssociateAddress", associate_address),
    write("DisassociateAddress", disassociate_address),
    write("ReleaseAddress", release_address),
    read("DescribeAddresses", describe_addresses),
    read("DescribeAddressesAttribute", describe_addresses_attribute),
    write("ModifyAddressAttribute", modify_address_attribute),
    write("ResetAddressAttribute", reset_address_attribute),
];

/// The one pool that there is.
const POOL: &str = "amazon";

fn allocate_address(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    // What was allocated for EC2-Classic is allocated for VPCs since EC2-Classic is gone.
    p.word("Domain", &["vpc", "standard"])?;
    if let Some(pool) = p.text("PublicIpv4Pool").filter(|pool| *pool != POOL) {
        return refuse("InvalidPublicIpv4PoolID.NotFound", format!("The pool ID '{pool}' does not exist."));
    }
    if let Some(group) = p.text("NetworkBorderGroup").filter(|g| *g != m.region()) {
        return Err(p.invalid("NetworkBorderGroup", group));
    }
    let id = m.allocate_address(p.address4("Address")?)?;
    tag_new(m, p, "elastic-ip", &id)?;
    let a = m.find::<ElasticIp>(&id)?;
    x.put("publicIp", a.public);
    x.put("allocationId", &a.id);
    origin(x, m);
    Ok(())
}

/// Where every address comes from and what it is for.
fn origin(x: &mut Xml, m: &Model) {
    x.put("publicIpv4Pool", POOL);
    x.put("networkBorderGroup", m.region());
    x.put("domain", "vpc");
}

fn associate_address(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let association = m.associate_address(AssociateAddress {
        allocation: named(m, p, "AllocationId", |m, a| Ok(m.elastic_at(a)?.id.clone()))?,
        instance: p.text("InstanceId").map(String::from),
        interface: p.text("NetworkInterfaceId").map(String::from),
        private: p.address4("PrivateIpAddress")?,
        allow_reassociation: p.flag("AllowReassociation")?,
    })?;
    x.done();
    x.put("associationId", association);
    Ok(())
}

fn disassociate_address(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let association = named(m, p, "AssociationId", |m, public| match &m.elastic_at(public)?.association {
        Some(association) => Ok(association.id.clone()),
        None => refuse("InvalidAssociationID.NotFound", format!("Address '{public}' is not associated.")),
    })?;
    m.disassociate_address(&association)?;
    x.done();
    Ok(())
}

fn release_address(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let allocation = named(m, p, "AllocationId", |m, a| Ok(m.elastic_at(a)?.id.clone()))?;
    let public = m.find::<ElasticIp>(&allocation)?.public;
    if p.text("NetworkBorderGroup").is_some_and(|g| g != m.region()) {
        return refuse("InvalidAddress.NotFound", format!("Address '{public}' not found."));
    }
    m.release_address(&allocation)?;
    x.done();
    Ok(())
}

/// The id that the call gives, or that of the address it gives as `PublicIp`, as calls of old do.
fn named(m: &Model, p: &Params, id: &str, of: fn(&Model, Ipv4Addr) -> Result<Id>) -> Result<Id> {
    match (p.text(id), p.address4("PublicIp")?) {
        (Some(id), None) => Ok(id.into()),
        (None, Some(public)) => of(m, public),
        (None, None) => Err(ApiError::new("MissingParameter", format!("Either PublicIp or {id} must be specified"))),
        (Some(_), Some(_)) => refuse(
            "InvalidParameterCombination",
            format!("You may specify PublicIp or {id}, but not both in the same call"),
        ),
    }
}

const DESCRIBE: Describe<ElasticIp> = Describe {
    ids: "AllocationId",
    filters: &[
        "allocation-id",
        "association-id",
        "domain",
        "instance-id",
        "network-border-group",
        "network-interface-id",
        "network-interface-owner-id",
        "private-ip-address",
        "public-ip",
    ],
    values: address_values,
    set: "addressesSet",
    write: address_members,
};

fn describe_addresses(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let wanted = p.texts("PublicIp");
    let public = |text: &&str| match text.parse() {
        Ok(public) => Ok(m.elastic_at(public)?.public),
        Err(_) => Err(p.invalid("PublicIp", text)),
    };
    let public = wanted.iter().map(public).collect::<Result<Vec<_>>>()?;
    DESCRIBE.run_among(m, p, x, |a| public.is_empty() || public.contains(&a.public))
}

fn address_values<'a>(m: &'a Model, a: &'a ElasticIp, name: &str) -> Values<'a> {
    let to = a.association.iter();
    match name {
        "allocation-id" => one(a.id.as_str()),
        "association-id" => each(to.map(|t| &t.id)),
        "domain" => one("vpc"),
        "instance-id" => each(to.filter_map(|t| instance_of(m, t))),
        "network-border-group" => one(m.region()),
        "network-interface-id" => each(to.map(|t| &t.interface)),
        "network-interface-owner-id" => each(to.map(|_| m.account())),
        "private-ip-address" => each(to.map(|t| t.private)),
        "public-ip" => shown(a.public),
        _ => Vec::new(),
    }
}

fn address_members(x: &mut Xml, m: &Model, a: &ElasticIp) {
    x.put("publicIp", a.public);
    x.put("allocationId", &a.id);
    origin(x, m);
    if let Some(to) = &a.association {
        x.put("associationId", &to.id);
        x.maybe("instanceId", instance_of(m, to));
        x.put("networkInterfaceId", &to.interface);
        x.put("networkInterfaceOwnerId", m.account());
        x.put("privateIpAddress", to.private);
        x.maybe("subnetId", m.interfaces().get(&to.interface).map(|e| &e.subnet));
    }
    tag_set(x, m, &a.id);
}

fn instance_of<'a>(m: &'a Model, to: &AddressAssociation) -> Option<&'a str> {
    Some(m.interfaces().get(&to.interface)?.attachment.as_ref()?.instance.as_str())
}

/// The one attribute that there is.
const DOMAIN_NAME: &[&str] = &["domain-name"];

fn describe_addresses_attribute(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.word("Attribute", DOMAIN_NAME)?;
    let of_all = Describe { set: "addressSet", filters: &[], write: attribute_members, ..DESCRIBE };
    of_all.run(m, p, x)
}

fn modify_address_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    set_name(m, p, Some(p.need("DomainName")?), x)
}

fn reset_address_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.need("Attribute")?;
    p.word("Attribute", DOMAIN_NAME)?;
    set_name(m, p, None, x)
}

fn set_name(m: &mut Model, p: &Params, name: Option<&str>, x: &mut Xml) -> Result<()> {
    let id = p.need("AllocationId")?;
    m.set_reverse_name(id, name)?;
    let a = m.find::<ElasticIp>(id)?;
    x.within("address", |x| attribute_members(x, m, a));
    Ok(())
}

fn attribute_members(x: &mut Xml, _: &Model, a: &ElasticIp) {
    x.put("publicIp", a.public);
    x.put("allocationId", &a.id);
    x.maybe("ptrRecord", a.reverse_name.as_ref());
}

#[cfg(test)]
mod tests;
