//! Route tables, routes and associations.

use super::filter::{Values, each, one};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{ApiError, AssociateWith, AssociatedWith, Model, Result, Route, RouteTable, RouteTarget, refuse};
use ipnet::IpNet;
use std::borrow::Cow;

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateRouteTable", create_route_table),
    write("DeleteRouteTable", delete_route_table),
    read("DescribeRouteTables", describe_route_tables),
    write("AssociateRouteTable", associate_route_table),
    write("DisassociateRouteTable", disassociate_route_table),
    write("ReplaceRouteTableAssociation", replace_route_table_association),
    write("CreateRoute", create_route),
    write("ReplaceRoute", replace_route),
    write("DeleteRoute", delete_route),
];

fn create_route_table(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = m.create_route_table(p.need("VpcId")?)?;
    tag_new(m, p, "route-table", &id)?;
    let t = m.find::<RouteTable>(&id)?;
    x.within("routeTable", |x| table_members(x, m, t));
    x.maybe("clientToken", p.text("ClientToken"));
    Ok(())
}

fn delete_route_table(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_route_table(p.need("RouteTableId")?)?;
    x.done();
    Ok(())
}

const DESCRIBE: Describe<RouteTable> = Describe {
    ids: "RouteTableId",
    filters: &[
        "association.gateway-id",
        "association.main",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "route.destination-ipv6-cidr-block",
        "route.destination-prefix-list-id",
        "route.egress-only-internet-gateway-id",
        "route.gateway-id",
        "route.instance-id",
        "route.nat-gateway-id",
        "route.origin",
        "route.state",
        "route.transit-gateway-id",
        "route.vpc-peering-connection-id",
        "vpc-id",
    ],
    values: table_values,
    set: "routeTableSet",
    write: table_members,
};

fn describe_route_tables(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    DESCRIBE.run(m, p, x)
}

fn table_values<'a>(m: &'a Model, t: &'a RouteTable, name: &str) -> Values<'a> {
    let associations = || m.associations_of(&t.id);
    match name {
        "association.gateway-id" => each(associations().filter_map(|a| match &a.with {
            AssociatedWith::Gateway(g) => Some(g),
            _ => None,
        })),
        "association.main" => each(associations().map(|a| matches!(a.with, AssociatedWith::Main(_)))),
        "association.route-table-association-id" => each(associations().map(|a| &a.id)),
        "association.route-table-id" => each(associations().map(|a| &a.table)),
        "association.subnet-id" => each(associations().filter_map(|a| match &a.with {
            AssociatedWith::Subnet(s) => Some(s),
            _ => None,
        })),
        "owner-id" => one(m.account()),
        "route-table-id" => one(t.id.as_str()),
        "vpc-id" => one(t.vpc.as_str()),
        _ => match name.strip_prefix("route.") {
            Some("destination-prefix-list-id") => each(t.lists.iter().map(|r| &r.list)),
            Some(name) => {
                let own = t.routes.iter().flat_map(|r| route_values(m, t, r, origin(r), name));
                let lists = t.lists.iter().flat_map(|r| target_values(m, t, &r.target, CREATED, name));
                // These live no longer than this call.
                let owned = |v: Cow<'_, str>| Cow::Owned(v.into_owned());
                let propagated = m.propagated_routes(t).into_iter().flat_map(|r| {
                    route_values(m, t, &r, PROPAGATED, name).into_iter().map(owned).collect::<Values<'a>>()
                });
                own.chain(lists).chain(propagated).collect()
            }
            None => Vec::new(),
        },
    }
}

fn route_values<'a>(m: &'a Model, t: &'a RouteTable, r: &'a Route, origin: &'static str, name: &str) -> Values<'a> {
    match (name, r.destination) {
        ("destination-cidr-block", IpNet::V4(n)) => each([n]),
        ("destination-ipv6-cidr-block", IpNet::V6(n)) => each([n]),
        _ => target_values(m, t, &r.target, origin, name),
    }
}

fn target_values<'a>(
    m: &'a Model,
    t: &'a RouteTable,
    to: &'a RouteTarget,
    origin: &'static str,
    name: &str,
) -> Values<'a> {
    match (name, to) {
        ("egress-only-internet-gateway-id", RouteTarget::EgressOnlyGateway(g)) => one(g.as_str()),
        ("gateway-id", RouteTarget::Local) => one("local"),
        ("gateway-id", RouteTarget::InternetGateway(g) | RouteTarget::VpnGateway(g)) => one(g.as_str()),
        ("instance-id", RouteTarget::NetworkInterface(e)) => each(instance_of(m, e)),
        ("nat-gateway-id", RouteTarget::NatGateway(n)) => one(n.as_str()),
        ("origin", _) => one(origin),
        ("state", _) => one(state(m, t, to)),
        _ => Vec::new(),
    }
}

fn table_members(x: &mut Xml, m: &Model, t: &RouteTable) {
    x.put("routeTableId", &t.id);
    x.put("vpcId", &t.vpc);
    x.put("ownerId", m.account());
    x.within("routeSet", |x| {
        t.routes.iter().for_each(|r| x.within("item", |x| route_members(x, m, t, r, origin(r))));
        t.lists.iter().for_each(|r| {
            x.within("item", |x| {
                x.put("destinationPrefixListId", &r.list);
                target_members(x, m, t, &r.target);
                x.put("origin", CREATED);
            });
        });
        let propagated = m.propagated_routes(t);
        propagated.iter().for_each(|r| x.within("item", |x| route_members(x, m, t, r, PROPAGATED)));
    });
    x.list("associationSet", m.associations_of(&t.id), |x, a| {
        x.put("routeTableAssociationId", &a.id);
        x.put("routeTableId", &t.id);
        x.put("main", matches!(a.with, AssociatedWith::Main(_)));
        match &a.with {
            AssociatedWith::Main(_) => {}
            AssociatedWith::Subnet(s) => x.put("subnetId", s),
            AssociatedWith::Gateway(g) => x.put("gatewayId", g),
        }
        association_state(x);
    });
    x.list("propagatingVgwSet", &t.propagating, |x, g| x.put("gatewayId", g));
    tag_set(x, m, &t.id);
}

fn route_members(x: &mut Xml, m: &Model, t: &RouteTable, r: &Route, origin: &str) {
    match r.destination {
        IpNet::V4(n) => x.put("destinationCidrBlock", n),
        IpNet::V6(n) => x.put("destinationIpv6CidrBlock", n),
    }
    target_members(x, m, t, &r.target);
    x.put("origin", origin);
}

fn target_members(x: &mut Xml, m: &Model, t: &RouteTable, target: &RouteTarget) {
    match target {
        RouteTarget::Local => x.put("gatewayId", "local"),
        RouteTarget::InternetGateway(g) | RouteTarget::VpnGateway(g) => x.put("gatewayId", g),
        RouteTarget::EgressOnlyGateway(g) => x.put("egressOnlyInternetGatewayId", g),
        RouteTarget::NatGateway(n) => x.put("natGatewayId", n),
        RouteTarget::NetworkInterface(e) => {
            if let Some(i) = instance_of(m, e) {
                x.put("instanceId", i);
                x.put("instanceOwnerId", m.account());
            }
            x.put("networkInterfaceId", e);
        }
        RouteTarget::Instance(i) => x.put("instanceId", i),
    }
    x.put("state", state(m, t, target));
}

/// S-03-7: what the interface hangs on now.
fn instance_of<'a>(m: &'a Model, interface: &str) -> Option<&'a str> {
    Some(m.interfaces().get(interface)?.attachment.as_ref()?.instance.as_str())
}

/// Where routes come from, besides those that were made with their table.
const CREATED: &str = "CreateRoute";
const PROPAGATED: &str = "EnableVgwRoutePropagation";

fn origin(r: &Route) -> &'static str {
    if r.local { "CreateRouteTable" } else { CREATED }
}

fn state(m: &Model, t: &RouteTable, target: &RouteTarget) -> &'static str {
    if m.route_active(&t.vpc, target) { "active" } else { "blackhole" }
}

/// S-03-8; never seen on the way.
fn association_state(x: &mut Xml) {
    x.within("associationState", |x| x.put("state", "associated"));
}

fn associate_route_table(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let table = p.need("RouteTableId")?;
    let with = match (p.text("SubnetId"), p.text("GatewayId")) {
        (Some(s), None) => AssociateWith::Subnet(s.into()),
        (None, Some(g)) => AssociateWith::Gateway(g.into()),
        (None, None) => {
            return refuse("MissingParameter", "The request must contain the parameter SubnetId or GatewayId");
        }
        (Some(_), Some(_)) => {
            return refuse("InvalidParameterCombination", "Only one of SubnetId and GatewayId can be specified.");
        }
    };
    x.put("associationId", m.associate_route_table(table, with)?);
    association_state(x);
    Ok(())
}

fn disassociate_route_table(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.disassociate_route_table(p.need("AssociationId")?)?;
    x.done();
    Ok(())
}

fn replace_route_table_association(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    x.put("newAssociationId", m.replace_route_table_association(p.need("AssociationId")?, p.need("RouteTableId")?)?);
    association_state(x);
    Ok(())
}

fn create_route(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let table = p.need("RouteTableId")?;
    let (destination, target) = (destination(p)?, target(p, false)?);
    match destination {
        Destination::Net(net) => m.create_route(table, net, target)?,
        Destination::List(list) => m.create_list_route(table, list, target)?,
    }
    x.done();
    Ok(())
}

fn replace_route(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let table = p.need("RouteTableId")?;
    let (destination, target) = (destination(p)?, target(p, p.flag("LocalTarget")?.unwrap_or(false))?);
    match destination {
        Destination::Net(net) => m.replace_route(table, net, target)?,
        Destination::List(list) => m.replace_list_route(table, list, target)?,
    }
    x.done();
    Ok(())
}

fn delete_route(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let table = p.need("RouteTableId")?;
    match destination(p)? {
        Destination::Net(net) => m.delete_route(table, net)?,
        Destination::List(list) => m.delete_list_route(table, list)?,
    }
    x.done();
    Ok(())
}

/// Where a route leads from.
enum Destination<'a> {
    Net(IpNet),
    /// A prefix list.
    List(&'a str),
}

/// Exactly one destination (RT-03).
fn destination(p: &Params) -> Result<Destination<'_>> {
    let (v4, v6) = (p.cidr4("DestinationCidrBlock")?, p.cidr6("DestinationIpv6CidrBlock")?);
    match (v4, v6, p.text("DestinationPrefixListId")) {
        (Some(n), None, None) => Ok(Destination::Net(n.into())),
        (None, Some(n), None) => Ok(Destination::Net(n.into())),
        (None, None, Some(list)) => {
            super::prefix_list::expect_list(list)?;
            Ok(Destination::List(list))
        }
        (None, None, None) => refuse(
            "MissingParameter",
            "The request must contain the parameter DestinationCidrBlock or DestinationIpv6CidrBlock",
        ),
        _ => refuse(
            "InvalidParameterCombination",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId",
        ),
    }
}

/// What parameters name a target, and the target.
type Targets = [(&'static str, fn(&str) -> Result<RouteTarget>)];
const TARGETS: &Targets = &[
    ("GatewayId", |id| {
        // S-03-7: a NAT gateway's id is taken here, too.
        Ok(if id.starts_with("nat-") { RouteTarget::NatGateway(id.into()) } else { RouteTarget::gateway(id.into()) })
    }),
    ("NatGatewayId", |id| Ok(RouteTarget::NatGateway(id.into()))),
    ("NetworkInterfaceId", |id| Ok(RouteTarget::NetworkInterface(id.into()))),
    ("InstanceId", |id| Ok(RouteTarget::Instance(id.into()))),
    ("EgressOnlyInternetGatewayId", |id| Ok(RouteTarget::EgressOnlyGateway(id.into()))),
    // There are none of these yet, so whatever the id is, it is unknown.
    ("VpcPeeringConnectionId", |id| {
        Err(unknown("InvalidVpcPeeringConnectionID.NotFound", "vpcPeeringConnection ID", id))
    }),
    ("TransitGatewayId", |id| Err(unknown("InvalidTransitGatewayID.NotFound", "transitGateway ID", id))),
    ("VpcEndpointId", |id| Err(unknown("InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", id))),
    ("LocalGatewayId", |id| Err(unknown("InvalidLocalGatewayID.NotFound", "localGateway ID", id))),
    ("CarrierGatewayId", |id| Err(unknown("InvalidCarrierGatewayID.NotFound", "carrierGateway ID", id))),
    ("CoreNetworkArn", |id| Err(unknown("InvalidCoreNetworkArn.NotFound", "core network ARN", id))),
    ("OdbNetworkArn", |id| Err(unknown("InvalidOdbNetworkArn.NotFound", "ODB network ARN", id))),
];

fn unknown(code: &'static str, what: &str, id: &str) -> ApiError {
    ApiError::new(code, format!("The {what} '{id}' does not exist"))
}

/// Exactly one target (RT-03).
fn target(p: &Params, local: bool) -> Result<RouteTarget> {
    let mut given: Vec<Result<RouteTarget>> = local.then_some(Ok(RouteTarget::Local)).into_iter().collect();
    given.extend(TARGETS.iter().filter_map(|(name, of)| p.text(name).map(of)));
    let names = || TARGETS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    match given.len() {
        1 => given.remove(0),
        0 => refuse("MissingParameter", format!("The request must contain exactly one of {}", names())),
        _ => refuse("InvalidParameterCombination", format!("The request must contain exactly one of {}", names())),
    }
}

#[cfg(test)]
mod tests;
