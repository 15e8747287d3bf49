//! Virtual private gateways of a template: the gateway, what it is attached to, its connections, and the tables that take over their routes.

use super::names::legal;
use super::resources::{Writer, properties};
use serde_json::json;

impl Writer<'_> {
    pub(super) fn vpn_gateways(&mut self) {
        for g in self.m.vpn_gateways().iter() {
            let p = properties! {"Type": "ipsec.1", "AmazonSideAsn": g.asn};
            let name = self.put_thing(&g.id, "VPNGateway", Vec::new(), p);
            if g.bound {
                self.connected.push(name.clone());
            }
            let Some((vpc, reference)) = g.vpc.as_deref().and_then(|v| Some((v, self.refer(v)?))) else { continue };
            let part = self.names.part(&format!("VGW|{vpc}"), &format!("{name}Attachment"));
            let p = properties! {"VpcId": reference, "VpnGatewayId": json!({"Ref": name})};
            self.put(part, "VPCGatewayAttachment", Vec::new(), p);
        }
    }

    /// After the gateways. What is deleted is as good as gone.
    pub(super) fn vpn_connections(&mut self) {
        for g in self.m.customer_gateways().iter() {
            if g.deleted.is_some() {
                self.told.insert(g.id.clone());
                continue;
            }
            let asn = if i32::try_from(g.asn).is_ok() { "BgpAsn" } else { "BgpAsnExtended" };
            let mut p = properties! {"Type": "ipsec.1", "IpAddress": g.address.to_string(), asn: g.asn};
            if let Some(name) = &g.device_name {
                p.insert("DeviceName".into(), name.clone().into());
            }
            self.put_thing(&g.id, "CustomerGateway", Vec::new(), p);
        }
        for c in self.m.vpn_connections().iter() {
            if c.deleted.is_some() {
                self.told.insert(c.id.clone());
                continue;
            }
            let Some((theirs, ours)) = self.refer(&c.customer_gateway).zip(self.refer(&c.vpn_gateway)) else {
                continue;
            };
            let p = properties! {
                "Type": "ipsec.1",
                "CustomerGatewayId": theirs,
                "VpnGatewayId": ours,
                "StaticRoutesOnly": c.static_routes_only,
            };
            let name = self.put_thing(&c.id, "VPNConnection", Vec::new(), p);
            for net in &c.routes {
                let part = self.names.part(&format!("{}|{net}", c.id), &format!("{name}To{}", legal(&net.to_string())));
                let p = properties! {"DestinationCidrBlock": net.to_string(), "VpnConnectionId": json!({"Ref": name})};
                self.put(part, "VPNConnectionRoute", Vec::new(), p);
            }
        }
    }

    /// After the tables.
    pub(super) fn propagations(&mut self) {
        for g in self.m.vpn_gateways().iter() {
            let (Some(vpc), Some(name)) = (&g.vpc, self.names.get(&g.id).cloned()) else { continue };
            let tables = self.m.route_tables().by(&g.id).filter(|t| t.propagating.contains(&g.id));
            let tables: Vec<_> = tables.filter_map(|t| self.refer(&t.id)).collect();
            if tables.is_empty() {
                continue;
            }
            let part = self.names.part(&format!("{}|propagation", g.id), &format!("{name}Propagation"));
            let p = properties! {"RouteTableIds": tables, "VpnGatewayId": json!({"Ref": name})};
            let after = self.attachment_of("VGW", vpc);
            self.put(part, "VPNGatewayRoutePropagation", after, p);
        }
    }
}
