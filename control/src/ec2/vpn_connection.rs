//! Customer gateways and Site-to-Site VPN connections, without IPsec: both tunnels of a connection are up while a network is attached to its
//! gateway, and what AWS would choose for them (outside addresses, inside blocks, keys) is not chosen.

use super::filter::{Values, each, one, shown, some};
use super::page::Describe;
use super::params::Params;
use super::vpn_gateway::{AVAILABLE, TYPE, need_type};
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{CreateCustomerGateway, CustomerGateway, Model, Result, VpnConnection, refuse};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateCustomerGateway", create_customer_gateway),
    read("DescribeCustomerGateways", |m, p, x| CUSTOMER_GATEWAYS.run(m, p, x)),
    write("DeleteCustomerGateway", delete_customer_gateway),
    write("CreateVpnConnection", create_vpn_connection),
    read("DescribeVpnConnections", |m, p, x| CONNECTIONS.run(m, p, x)),
    write("DeleteVpnConnection", delete_vpn_connection),
    write("CreateVpnConnectionRoute", |m, p, x| route(m, p, x, true)),
    write("DeleteVpnConnectionRoute", |m, p, x| route(m, p, x, false)),
];

/// The blocks that may talk through a connection: all, on both sides.
const ANY: &str = "0.0.0.0/0";

fn create_customer_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    need_type(p)?;
    if p.has("CertificateArn") {
        return refuse("UnsupportedOperation", "Certificates of customer gateways are not supported.");
    }
    // `PublicIp`: as clients said it before `IpAddress`.
    let Some(address) = p.address4("IpAddress")?.or(p.address4("PublicIp")?) else {
        return Err(p.missing("IpAddress"));
    };
    let id = m.create_customer_gateway(CreateCustomerGateway {
        asn: p.parsed("BgpAsn")?,
        asn_extended: p.parsed("BgpAsnExtended")?,
        address,
        device_name: p.text("DeviceName").map(String::from),
    })?;
    tag_new(m, p, "customer-gateway", &id)?;
    let g = m.find::<CustomerGateway>(&id)?;
    x.within("customerGateway", |x| customer_gateway_members(x, m, g));
    Ok(())
}

fn delete_customer_gateway(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_customer_gateway(p.need("CustomerGatewayId")?)?;
    x.done();
    Ok(())
}

const CUSTOMER_GATEWAYS: Describe<CustomerGateway> = Describe {
    ids: "CustomerGatewayId",
    filters: &["bgp-asn", "customer-gateway-id", "ip-address", "state", "type"],
    values: customer_gateway_values,
    set: "customerGatewaySet",
    write: customer_gateway_members,
};

fn customer_gateway_values<'a>(_: &'a Model, g: &'a CustomerGateway, name: &str) -> Values<'a> {
    match name {
        "bgp-asn" => shown(g.asn),
        "customer-gateway-id" => one(g.id.as_str()),
        "ip-address" => shown(g.address),
        "state" => one(state(g.deleted)),
        "type" => one(TYPE),
        _ => Vec::new(),
    }
}

fn customer_gateway_members(x: &mut Xml, m: &Model, g: &CustomerGateway) {
    x.put("customerGatewayId", &g.id);
    x.put("state", state(g.deleted));
    x.put("type", TYPE);
    x.put("ipAddress", g.address);
    x.put(if i32::try_from(g.asn).is_ok() { "bgpAsn" } else { "bgpAsnExtended" }, g.asn);
    x.maybe("deviceName", g.device_name.as_ref());
    tag_set(x, m, &g.id);
}

/// Others are passed through at once.
fn state(deleted: Option<u64>) -> &'static str {
    if deleted.is_some() { "deleted" } else { AVAILABLE }
}

fn create_vpn_connection(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    need_type(p)?;
    if let Some(id) = p.text("TransitGatewayId") {
        // There are none yet, so whatever the id is, it is unknown.
        return refuse("InvalidTransitGatewayID.NotFound", format!("The transitGateway ID '{id}' does not exist"));
    }
    let static_routes_only = match p.structure("Options") {
        Some(options) => static_routes_only(options)?,
        None => false,
    };
    let id = m.create_vpn_connection(p.need("CustomerGatewayId")?, p.need("VpnGatewayId")?, static_routes_only)?;
    tag_new(m, p, "vpn-connection", &id)?;
    let c = m.find::<VpnConnection>(&id)?;
    x.within("vpnConnection", |x| connection_members(x, m, c));
    Ok(())
}

/// Reads the options: that one is acted on. What the customer's device would have to be told is refused, and what two devices negotiate
/// between them is of no consequence.
fn static_routes_only(options: &Params) -> Result<bool> {
    for tunnel in options.list("TunnelOptions") {
        if tunnel.has("TunnelInsideCidr") || tunnel.has("PreSharedKey") {
            return refuse("UnsupportedOperation", "Addresses and keys of tunnels cannot be chosen.");
        }
    }
    if options.flag("EnableAcceleration")? == Some(true) {
        return refuse("UnsupportedOperation", "Accelerated VPN connections are not supported.");
    }
    options.word("TunnelInsideIpVersion", &["ipv4"])?;
    options.word("OutsideIpAddressType", &["PublicIpv4"])?;
    options.word("LocalIpv4NetworkCidr", &[ANY])?;
    options.word("RemoteIpv4NetworkCidr", &[ANY])?;
    options.ignore(&["TunnelOptions", "TunnelBandwidth"]);
    Ok(options.flag("StaticRoutesOnly")?.unwrap_or(false))
}

fn delete_vpn_connection(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_vpn_connection(p.need("VpnConnectionId")?)?;
    x.done();
    Ok(())
}

fn route(m: &mut Model, p: &Params, x: &mut Xml, there: bool) -> Result<()> {
    const DESTINATION: &str = "DestinationCidrBlock";
    let connection = p.need("VpnConnectionId")?;
    let destination = p.cidr4(DESTINATION)?.ok_or_else(|| p.missing(DESTINATION))?;
    match there {
        true => m.create_vpn_connection_route(connection, destination)?,
        false => m.delete_vpn_connection_route(connection, destination)?,
    }
    x.done();
    Ok(())
}

const CONNECTIONS: Describe<VpnConnection> = Describe {
    ids: "VpnConnectionId",
    filters: &[
        "bgp-asn",
        "customer-gateway-configuration",
        "customer-gateway-id",
        "option.static-routes-only",
        "route.destination-cidr-block",
        "state",
        "transit-gateway-id",
        "type",
        "vpn-connection-id",
        "vpn-gateway-id",
    ],
    values: connection_values,
    set: "vpnConnectionSet",
    write: connection_members,
};

fn connection_values<'a>(m: &'a Model, c: &'a VpnConnection, name: &str) -> Values<'a> {
    match name {
        "bgp-asn" => each(m.customer_gateways().get(&c.customer_gateway).map(|g| g.asn)),
        "customer-gateway-configuration" => some(configuration(m, c)),
        "customer-gateway-id" => one(c.customer_gateway.as_str()),
        "option.static-routes-only" => shown(c.static_routes_only),
        "route.destination-cidr-block" => each(&c.routes),
        "state" => one(state(c.deleted)),
        "type" => one(TYPE),
        "vpn-connection-id" => one(c.id.as_str()),
        "vpn-gateway-id" => one(c.vpn_gateway.as_str()),
        _ => Vec::new(),
    }
}

fn connection_members(x: &mut Xml, m: &Model, c: &VpnConnection) {
    x.put("vpnConnectionId", &c.id);
    x.put("state", state(c.deleted));
    x.maybe("customerGatewayConfiguration", configuration(m, c));
    x.put("type", TYPE);
    x.put("category", "VPN");
    x.put("customerGatewayId", &c.customer_gateway);
    x.put("vpnGatewayId", &c.vpn_gateway);
    x.put("gatewayAssociationState", "associated");
    x.within("options", |x| {
        x.put("enableAcceleration", false);
        x.put("staticRoutesOnly", c.static_routes_only);
        x.put("localIpv4NetworkCidr", ANY);
        x.put("remoteIpv4NetworkCidr", ANY);
        x.put("outsideIpAddressType", "PublicIpv4");
        x.put("tunnelInsideIpVersion", "ipv4");
    });
    x.list("routes", &c.routes, |x, net| {
        x.put("destinationCidrBlock", net);
        x.put("source", "Static");
        x.put("state", AVAILABLE);
    });
    let up = m.vpn_gateways().get(&c.vpn_gateway).is_some_and(|g| g.bound);
    x.list("vgwTelemetry", [(); 2], |x, ()| {
        x.put("status", if up { "UP" } else { "DOWN" });
        x.put("acceptedRouteCount", 0);
        x.time("lastStatusChange", c.created);
    });
    tag_set(x, m, &c.id);
}

/// What the customer's device is to be told, as far as there is anything to tell; nothing of a deleted connection.
fn configuration(m: &Model, c: &VpnConnection) -> Option<String> {
    let g = m.customer_gateways().get(&c.customer_gateway).filter(|_| c.deleted.is_none())?;
    let mut x = Xml::default();
    x.put("customer_gateway_id", &c.customer_gateway);
    x.put("vpn_gateway_id", &c.vpn_gateway);
    x.put("vpn_connection_type", TYPE);
    for _ in 0..2 {
        x.within("ipsec_tunnel", |x| {
            x.within("customer_gateway", |x| {
                x.within("tunnel_outside_address", |x| x.put("ip_address", g.address));
                x.within("bgp", |x| x.put("asn", g.asn));
            });
        });
    }
    Some(format!("<vpn_connection id=\"{}\">{}</vpn_connection>", c.id, x.into_text()))
}

#[cfg(test)]
mod tests;
