//! NAT gateways.

use super::filter::{Values, one};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{CreateNatGateway, Model, NatGateway, NatState, Result, refuse};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateNatGateway", create_nat_gateway),
    read("DescribeNatGateways", describe_nat_gateways),
    write("DeleteNatGateway", delete_nat_gateway),
];

fn create_nat_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let several = ["SecondaryAllocationId", "SecondaryPrivateIpAddress", "SecondaryPrivateIpAddressCount"];
    if several.iter().any(|name| p.has(name)) {
        return refuse("UnsupportedOperation", "NAT gateways with several addresses are not supported.");
    }
    if p.word("AvailabilityMode", &["zonal", "regional"])? == Some("regional") {
        return refuse("UnsupportedOperation", "Regional NAT gateways are not supported.");
    }
    let id = m.create_nat_gateway(CreateNatGateway {
        subnet: p.need("SubnetId")?.into(),
        allocation: p.text("AllocationId").map(String::from),
        is_private: p.word("ConnectivityType", &["private", "public"])? == Some("private"),
        private: p.address4("PrivateIpAddress")?,
    })?;
    tag_new(m, p, "natgateway", &id)?;
    let n = m.find::<NatGateway>(&id)?;
    x.maybe("clientToken", p.text("ClientToken"));
    x.within("natGateway", |x| fresh_members(x, m, n));
    Ok(())
}

fn delete_nat_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("NatGatewayId")?;
    m.delete_nat_gateway(id)?;
    x.put("natGatewayId", id);
    Ok(())
}

const DESCRIBE: Describe<NatGateway> = Describe {
    ids: "NatGatewayId",
    filters: &["nat-gateway-id", "state", "subnet-id", "vpc-id"],
    values: nat_values,
    set: "natGatewaySet",
    write: nat_members,
};

fn describe_nat_gateways(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    DESCRIBE.run(m, p, x)
}

fn nat_values<'a>(_: &'a Model, n: &'a NatGateway, name: &str) -> Values<'a> {
    match name {
        "nat-gateway-id" => one(n.id.as_str()),
        "state" => one(state(n)),
        "subnet-id" => one(n.subnet.as_str()),
        "vpc-id" => one(n.vpc.as_str()),
        _ => Vec::new(),
    }
}

fn state(n: &NatGateway) -> &'static str {
    match n.state {
        NatState::Available => "available",
        NatState::Failed { .. } => "failed",
        NatState::Deleted => "deleted",
    }
}

/// As CreateNatGateway answers: whether it will fail is not known yet (NAT-50).
fn fresh_members(x: &mut Xml, m: &Model, n: &NatGateway) {
    x.put("state", "pending");
    x.list("natGatewayAddressSet", [n], |x, n| {
        x.maybe("allocationId", n.allocation.as_ref());
        x.put("isPrimary", true);
        x.put("status", if n.allocation.is_some() { "associating" } else { "assigning" });
    });
    lasting_members(x, m, n);
}

fn nat_members(x: &mut Xml, m: &Model, n: &NatGateway) {
    x.put("state", state(n));
    if let NatState::Failed { code, message } = &n.state {
        x.put("failureCode", code);
        x.put("failureMessage", message);
    }
    if let Some(at) = n.deleted {
        x.time("deleteTime", at);
    }
    x.list("natGatewayAddressSet", [n], |x, n| {
        x.maybe("allocationId", n.allocation.as_ref());
        let elastic = n.interface.as_ref().zip(n.private).and_then(|(e, a)| m.elastic_of(e, a));
        x.maybe("associationId", elastic.and_then(|e| Some(&e.association.as_ref()?.id)));
        x.maybe("networkInterfaceId", n.interface.as_ref());
        x.maybe("privateIp", n.private);
        x.maybe("publicIp", n.public);
        x.put("isPrimary", true);
        match &n.state {
            NatState::Failed { message, .. } => {
                x.put("status", "failed");
                x.put("failureMessage", message);
            }
            NatState::Available | NatState::Deleted => x.put("status", "succeeded"),
        }
    });
    lasting_members(x, m, n);
}

/// What does not depend on the state.
fn lasting_members(x: &mut Xml, m: &Model, n: &NatGateway) {
    x.put("natGatewayId", &n.id);
    x.put("subnetId", &n.subnet);
    x.put("vpcId", &n.vpc);
    x.put("connectivityType", if n.allocation.is_some() { "public" } else { "private" });
    x.put("availabilityMode", "zonal");
    x.time("createTime", n.created);
    tag_set(x, m, &n.id);
}

#[cfg(test)]
mod tests;
