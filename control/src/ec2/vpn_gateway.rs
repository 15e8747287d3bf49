//! Virtual private gateways.

use super::filter::{Values, each, one, shown};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{Model, Result, VpnGateway};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateVpnGateway", create_vpn_gateway),
    write("AttachVpnGateway", attach_vpn_gateway),
    read("DescribeVpnGateways", describe_vpn_gateways),
    write("DetachVpnGateway", detach_vpn_gateway),
    write("DeleteVpnGateway", delete_vpn_gateway),
    write("EnableVgwRoutePropagation", |m, p, x| propagate(m, p, x, true)),
    write("DisableVgwRoutePropagation", |m, p, x| propagate(m, p, x, false)),
];

/// The only kind there is.
pub(super) const TYPE: &str = "ipsec.1";
/// States of a gateway and of its attachment; others are passed through at once.
pub(super) const AVAILABLE: &str = "available";
const ATTACHED: &str = "attached";

fn create_vpn_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    // AWS answers without it, too.
    p.ignore(&["AvailabilityZone"]);
    need_type(p)?;
    let id = m.create_vpn_gateway(p.parsed("AmazonSideAsn")?)?;
    tag_new(m, p, "vpn-gateway", &id)?;
    let g = m.find::<VpnGateway>(&id)?;
    x.within("vpnGateway", |x| members(x, m, g));
    Ok(())
}

/// Refuses any other kind, and none.
pub(super) fn need_type(p: &Params) -> Result<()> {
    p.word("Type", &[TYPE])?.map(drop).ok_or_else(|| p.missing("Type"))
}

fn attach_vpn_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let vpc = p.need("VpcId")?;
    m.attach_vpn_gateway(p.need("VpnGatewayId")?, vpc)?;
    x.within("attachment", |x| attachment(x, vpc));
    Ok(())
}

fn detach_vpn_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.detach_vpn_gateway(p.need("VpnGatewayId")?, p.need("VpcId")?)?;
    x.done();
    Ok(())
}

fn delete_vpn_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_vpn_gateway(p.need("VpnGatewayId")?)?;
    x.done();
    Ok(())
}

fn propagate(m: &mut Model, p: &Params, x: &mut Xml, on: bool) -> Result<()> {
    m.propagate_routes(p.need("RouteTableId")?, p.need("GatewayId")?, on)?;
    x.done();
    Ok(())
}

const DESCRIBE: Describe<VpnGateway> = Describe {
    ids: "VpnGatewayId",
    filters: &[
        "amazon-side-asn",
        "attachment.state",
        "attachment.vpc-id",
        "availability-zone",
        "state",
        "type",
        "vpn-gateway-id",
    ],
    values,
    set: "vpnGatewaySet",
    write: members,
};

fn describe_vpn_gateways(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    DESCRIBE.run(m, p, x)
}

fn values<'a>(_: &'a Model, g: &'a VpnGateway, name: &str) -> Values<'a> {
    match name {
        "amazon-side-asn" => shown(g.asn),
        "attachment.state" => each(g.vpc.iter().map(|_| ATTACHED)),
        "attachment.vpc-id" => each(&g.vpc),
        "state" => one(AVAILABLE),
        "type" => one(TYPE),
        "vpn-gateway-id" => one(g.id.as_str()),
        _ => Vec::new(),
    }
}

fn members(x: &mut Xml, m: &Model, g: &VpnGateway) {
    x.put("vpnGatewayId", &g.id);
    x.put("state", AVAILABLE);
    x.put("type", TYPE);
    x.list("attachments", &g.vpc, |x, vpc| attachment(x, vpc));
    x.put("amazonSideAsn", g.asn);
    tag_set(x, m, &g.id);
}

fn attachment(x: &mut Xml, vpc: &str) {
    x.put("vpcId", vpc);
    x.put("state", ATTACHED);
}

#[cfg(test)]
mod tests;
