//! Virtual private gateways: attachment, and tables that take over their routes (chapter 09, VPN-04, VPN-05; RT-85). The routes are those
//! of their connections, next door; packets go to the network that users plug in (`binding`), and nowhere without one.

use super::*;

/// Autonomous system numbers for private use, of 16 and of 32 bits (VPN-05).
const PRIVATE_ASNS: [std::ops::RangeInclusive<u32>; 2] = [64_512..=65_534, 4_200_000_000..=4_294_967_294];
/// The one that a gateway has if nobody says otherwise.
const USUAL_ASN: u32 = 64_512;

impl Model {
    /// CreateVpnGateway.
    pub fn create_vpn_gateway(&mut self, asn: Option<u32>) -> Result<Id> {
        let asn = asn.unwrap_or(USUAL_ASN);
        if !PRIVATE_ASNS.iter().any(|range| range.contains(&asn)) {
            return refuse("InvalidParameterValue", format!("The ASN {asn} is not one for private use."));
        }
        if self.vpn_gateways.len() >= self.scalars.limits.vpn_gateways {
            return refuse(
                "VpnGatewayLimitExceeded",
                "The maximum number of virtual private gateways has been reached.",
            );
        }
        let id = self.new_id("vgw");
        self.vpn_gateways.put(VpnGateway {
            id: id.clone(),
            vpc: None,
            asn,
            table_association: None,
            bound: false,
            binding: None,
        });
        Ok(id)
    }

    /// AttachVpnGateway; the same once more is no mistake.
    pub fn attach_vpn_gateway(&mut self, gateway: &str, vpc: &str) -> Result<()> {
        let g = self.find::<VpnGateway>(gateway)?;
        self.find::<Vpc>(vpc)?;
        match &g.vpc {
            Some(other) if other == vpc => return Ok(()),
            Some(other) => {
                return refuse(
                    "VpnGatewayAttachmentLimitExceeded",
                    format!("The vpnGateway '{gateway}' is already attached to {other}."),
                );
            }
            None => {}
        }
        if let Some(other) = self.vpn_gateway_of(vpc) {
            return refuse(
                "InvalidVpcState",
                format!("The vpc '{vpc}' already has a virtual private gateway attached ({}).", other.id),
            );
        }
        self.vpn_gateways.edit(gateway, |g| g.vpc = Some(vpc.into()));
        Ok(())
    }

    /// DetachVpnGateway: its routes stay as holes, and no table takes its routes over any more.
    pub fn detach_vpn_gateway(&mut self, gateway: &str, vpc: &str) -> Result<()> {
        let g = self.find::<VpnGateway>(gateway)?;
        self.find::<Vpc>(vpc)?;
        if g.vpc.as_deref() != Some(vpc) {
            return refuse(
                "InvalidVpnGatewayAttachment.NotFound",
                format!("The attachment with vpn gateway ID '{gateway}' and vpc ID '{vpc}' does not exist"),
            );
        }
        if g.table_association.is_some() {
            return refuse("DependencyViolation", format!("The gateway {gateway} is associated with a route table."));
        }
        self.vpn_gateways.edit(gateway, |g| g.vpc = None);
        let propagates = |t: &RouteTable| t.propagating.iter().any(|g| g == gateway);
        self.route_tables.edit_by(gateway, propagates, |t| t.propagating.retain(|g| g != gateway));
        Ok(())
    }

    /// DeleteVpnGateway, once it is neither attached nor connected.
    pub fn delete_vpn_gateway(&mut self, gateway: &str) -> Result<()> {
        if let Some(vpc) = &self.find::<VpnGateway>(gateway)?.vpc {
            return refuse("IncorrectState", format!("The vpnGateway '{gateway}' is attached to {vpc}."));
        }
        if self.connections_of(gateway).next().is_some() {
            return refuse("IncorrectState", format!("The vpnGateway '{gateway}' is in use."));
        }
        self.vpn_gateways.take(gateway);
        self.forget(gateway);
        Ok(())
    }

    /// The virtual private gateway attached to a VPC.
    pub fn vpn_gateway_of(&self, vpc: &str) -> Option<&VpnGateway> {
        self.vpn_gateways.by(vpc).next()
    }

    /// EnableVgwRoutePropagation and DisableVgwRoutePropagation (RT-55, RT-85); what is so already is no mistake.
    pub fn propagate_routes(&mut self, table: &str, gateway: &str, on: bool) -> Result<()> {
        let t = self.find::<RouteTable>(table)?;
        let Some(g) = self.vpn_gateways.get(gateway) else {
            return Err(super::routing::no_gateway(gateway));
        };
        let known = t.propagating.iter().any(|g| g == gateway);
        if on && g.vpc.is_none() {
            return refuse("Gateway.NotAttached", format!("The gateway {gateway} is not attached to a network"));
        }
        if on && g.vpc.as_ref() != Some(&t.vpc) {
            return refuse(
                "InvalidParameterValue",
                format!("route table {table} and network gateway {gateway} belong to different networks"),
            );
        }
        if on && self.serves_gateway(table) {
            return refuse(
                "InvalidParameterValue",
                format!("The route table {table} is associated with a gateway; it takes no propagated routes."),
            );
        }
        match (known, on) {
            (false, true) => self.route_tables.edit(table, |t| t.propagating.push(gateway.into())),
            (true, false) => self.route_tables.edit(table, |t| t.propagating.retain(|g| g != gateway)),
            _ => {}
        }
        Ok(())
    }
}
