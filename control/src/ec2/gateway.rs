//! Internet gateways and egress-only internet gateways.

use super::filter::{Values, each, one};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{EgressOnlyGateway, InternetGateway, Model, Result};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateInternetGateway", create_internet_gateway),
    write("AttachInternetGateway", attach_internet_gateway),
    read("DescribeInternetGateways", describe_internet_gateways),
    write("DetachInternetGateway", detach_internet_gateway),
    write("DeleteInternetGateway", delete_internet_gateway),
    write("CreateEgressOnlyInternetGateway", create_egress_only_internet_gateway),
    read("DescribeEgressOnlyInternetGateways", describe_egress_only_internet_gateways),
    write("DeleteEgressOnlyInternetGateway", delete_egress_only_internet_gateway),
];

fn create_internet_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = m.create_internet_gateway()?;
    tag_new(m, p, "internet-gateway", &id)?;
    let g = m.find::<InternetGateway>(&id)?;
    x.within("internetGateway", |x| gateway_members(x, m, g));
    Ok(())
}

fn attach_internet_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.attach_internet_gateway(p.need("InternetGatewayId")?, p.need("VpcId")?)?;
    x.done();
    Ok(())
}

fn detach_internet_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.detach_internet_gateway(p.need("InternetGatewayId")?, p.need("VpcId")?)?;
    x.done();
    Ok(())
}

fn delete_internet_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_internet_gateway(p.need("InternetGatewayId")?)?;
    x.done();
    Ok(())
}

const INTERNET: Describe<InternetGateway> = Describe {
    ids: "InternetGatewayId",
    filters: &["attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id"],
    values: gateway_values,
    set: "internetGatewaySet",
    write: gateway_members,
};

fn describe_internet_gateways(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    INTERNET.run(m, p, x)
}

fn gateway_values<'a>(m: &'a Model, g: &'a InternetGateway, name: &str) -> Values<'a> {
    match name {
        "attachment.state" => each(g.vpc.iter().map(|_| ATTACHED)),
        "attachment.vpc-id" => each(&g.vpc),
        "internet-gateway-id" => one(g.id.as_str()),
        "owner-id" => one(m.account()),
        _ => Vec::new(),
    }
}

/// How AWS calls the state of an attached internet gateway, against its own model (IGW-19).
const ATTACHED: &str = "available";

fn gateway_members(x: &mut Xml, m: &Model, g: &InternetGateway) {
    x.put("internetGatewayId", &g.id);
    x.put("ownerId", m.account());
    x.list("attachmentSet", &g.vpc, |x, vpc| attachment(x, vpc, ATTACHED));
    tag_set(x, m, &g.id);
}

fn attachment(x: &mut Xml, vpc: &str, state: &str) {
    x.put("vpcId", vpc);
    x.put("state", state);
}

fn create_egress_only_internet_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = m.create_egress_only_internet_gateway(p.need("VpcId")?)?;
    tag_new(m, p, "egress-only-internet-gateway", &id)?;
    let g = m.find::<EgressOnlyGateway>(&id)?;
    x.maybe("clientToken", p.text("ClientToken"));
    x.within("egressOnlyInternetGateway", |x| egress_only_members(x, m, g));
    Ok(())
}

fn delete_egress_only_internet_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_egress_only_internet_gateway(p.need("EgressOnlyInternetGatewayId")?)?;
    x.put("returnCode", true);
    Ok(())
}

const EGRESS_ONLY: Describe<EgressOnlyGateway> = Describe {
    ids: "EgressOnlyInternetGatewayId",
    // By tags alone.
    filters: &[],
    values: |_, _, _| Vec::new(),
    set: "egressOnlyInternetGatewaySet",
    write: egress_only_members,
};

fn describe_egress_only_internet_gateways(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    EGRESS_ONLY.run(m, p, x)
}

fn egress_only_members(x: &mut Xml, m: &Model, g: &EgressOnlyGateway) {
    x.put("egressOnlyInternetGatewayId", &g.id);
    x.list("attachmentSet", [&g.vpc], |x, vpc| attachment(x, vpc, "attached"));
    tag_set(x, m, &g.id);
}

#[cfg(test)]
mod tests;
