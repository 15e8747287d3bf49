//! Virtual private gateways of a template: the gateway, what it is attached to, and the tables that take over its routes.

use super::resources::{Writer, properties};
use serde_json::json;

impl Writer<'_> {
    pub(super) fn vpn_gateways(&mut self) {
        for g in self.m.vpn_gateways().iter() {
            let p = properties! {"Type": "ipsec.1", "AmazonSideAsn": g.asn};
            let name = self.put_thing(&g.id, "VPNGateway", Vec::new(), p);
            let Some((vpc, reference)) = g.vpc.as_deref().and_then(|v| Some((v, self.refer(v)?))) else { continue };
            let part = self.names.part(&format!("VGW|{vpc}"), &format!("{name}Attachment"));
            let p = properties! {"VpcId": reference, "VpnGatewayId": json!({"Ref": name})};
            self.put(part, "VPCGatewayAttachment", Vec::new(), p);
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
