//! Site-to-Site VPN connections and the devices at their far ends, as records, and the routes that tables take over from them (RT-85;
//! chapter 09). No IPsec is spoken yet: a connection is `available` at once, packets pass where users attach the network (`binding`), and a
//! connection without static routing has nobody to learn prefixes from.

use super::*;
use ipnet::{IpNet, Ipv4Net};
use std::collections::BTreeSet;

/// The one that a customer gateway has if nobody says otherwise (AWS).
const USUAL_ASN: u32 = 65_000;
/// Propagated routes of one table (QTA-15).
const PROPAGATED_PER_TABLE: usize = 100;
/// Static routes of one connection (QTA-35).
const ROUTES_PER_CONNECTION: usize = 100;

/// The device at the far end of VPN connections (VPN-02).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerGateway {
    pub id: Id,
    /// Its autonomous system number.
    pub asn: u32,
    /// Where it is reached.
    pub address: Ipv4Addr,
    pub device_name: Option<String>,
    /// In milliseconds of the Unix epoch.
    pub deleted: Option<u64>,
}

/// A Site-to-Site VPN connection (VPN-01): a record, since no IPsec is spoken yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnConnection {
    pub id: Id,
    pub customer_gateway: Id,
    pub vpn_gateway: Id,
    /// Prefixes are its `routes`; else BGP would tell them, which has no peer here (VPN-08).
    pub static_routes_only: bool,
    /// Static routes in the order in which they were added, each once.
    pub routes: Vec<Ipv4Net>,
    /// In milliseconds of the Unix epoch, as the next.
    pub created: u64,
    pub deleted: Option<u64>,
}

/// CreateCustomerGateway.
#[derive(Clone, Debug)]
pub struct CreateCustomerGateway {
    /// `BgpAsn`, up to 2,147,483,647, or `BgpAsnExtended`, beyond it.
    pub asn: Option<u32>,
    pub asn_extended: Option<u32>,
    pub address: Ipv4Addr,
    pub device_name: Option<String>,
}

impl Model {
    /// CreateCustomerGateway; the same once more answers the one that is there (VPN-02; AWS).
    pub fn create_customer_gateway(&mut self, request: CreateCustomerGateway) -> Result<Id> {
        let CreateCustomerGateway { asn, asn_extended, address, device_name } = request;
        let small = |asn: u32| i32::try_from(asn).is_ok();
        let asn = match (asn, asn_extended) {
            (Some(_), Some(_)) => {
                return refuse(
                    "InvalidParameterCombination",
                    "Only one of BgpAsn and BgpAsnExtended can be specified.",
                );
            }
            (Some(n), None) if n == 0 || !small(n) => return bad_asn("bgpAsn", n),
            (None, Some(n)) if small(n) => return bad_asn("bgpAsnExtended", n),
            (plain, extended) => plain.or(extended).unwrap_or(USUAL_ASN),
        };
        if address.is_unspecified() || address.is_loopback() || address.is_multicast() || address.is_broadcast() {
            return refuse(
                "InvalidParameterValue",
                format!("Value ({address}) for parameter ipAddress is invalid. It is not the address of a device."),
            );
        }
        let same = |g: &&CustomerGateway| (g.asn, g.address, &g.device_name) == (asn, address, &device_name);
        let live = || self.customer_gateways.iter().filter(|g| g.deleted.is_none());
        if let Some(known) = live().find(same) {
            return Ok(known.id.clone());
        }
        if live().count() >= self.scalars.limits.customer_gateways {
            return refuse("CustomerGatewayLimitExceeded", "The maximum number of customer gateways has been reached.");
        }
        let id = self.new_id("cgw");
        self.customer_gateways.put(CustomerGateway { id: id.clone(), asn, address, device_name, deleted: None });
        Ok(id)
    }

    /// DeleteCustomerGateway, once no connection leads to it; it stays visible for a while.
    pub fn delete_customer_gateway(&mut self, gateway: &str) -> Result<()> {
        self.live_customer_gateway(gateway)?;
        if self.connections_of(gateway).next().is_some() {
            return refuse("IncorrectState", format!("The customer gateway '{gateway}' is in use."));
        }
        let now = self.now;
        self.customer_gateways.edit(gateway, |g| g.deleted = Some(now));
        self.has_ended(gateway);
        Ok(())
    }

    /// CreateVpnConnection; the same once more answers the one that is there (VPN-03, VPN-05, VPN-08).
    pub fn create_vpn_connection(
        &mut self,
        customer_gateway: &str,
        vpn_gateway: &str,
        static_routes_only: bool,
    ) -> Result<Id> {
        let theirs = self.live_customer_gateway(customer_gateway)?;
        let ours = self.find::<VpnGateway>(vpn_gateway)?;
        if theirs.asn == ours.asn {
            return refuse(
                "AsnConflict",
                "The Autonomous System Numbers (ASNs) of the specified customer gateway and the specified virtual private gateway are the same.",
            );
        }
        if let Some(known) = self.connections_of(vpn_gateway).find(|c| c.customer_gateway == customer_gateway) {
            if known.static_routes_only == static_routes_only {
                return Ok(known.id.clone());
            }
            return refuse(
                "InvalidOption.Conflict",
                format!("{} joins these gateways already, with other options.", known.id),
            );
        }
        let (all, limits) = (self.vpn_connections.iter().filter(|c| c.deleted.is_none()).count(), &self.scalars.limits);
        if all >= limits.vpn_connections
            || self.connections_of(vpn_gateway).count() >= limits.vpn_connections_per_gateway
        {
            return refuse("VpnConnectionLimitExceeded", "The maximum number of VPN connections has been reached.");
        }
        let id = self.new_id("vpn");
        self.vpn_connections.put(VpnConnection {
            id: id.clone(),
            customer_gateway: customer_gateway.into(),
            vpn_gateway: vpn_gateway.into(),
            static_routes_only,
            routes: Vec::new(),
            created: self.now,
            deleted: None,
        });
        Ok(id)
    }

    /// DeleteVpnConnection: its routes go with it; it stays visible for a while.
    pub fn delete_vpn_connection(&mut self, connection: &str) -> Result<()> {
        self.live_vpn_connection(connection)?;
        let now = self.now;
        self.vpn_connections.edit(connection, |c| {
            c.routes.clear();
            c.deleted = Some(now);
        });
        self.has_ended(connection);
        Ok(())
    }

    /// CreateVpnConnectionRoute (VPN-08, QTA-35); the same once more is no mistake.
    pub fn create_vpn_connection_route(&mut self, connection: &str, destination: Ipv4Net) -> Result<()> {
        let destination = destination.trunc();
        let known = &self.static_connection(connection)?.routes;
        if known.contains(&destination) {
            return Ok(());
        }
        if known.len() >= ROUTES_PER_CONNECTION {
            return refuse(
                "RouteLimitExceeded",
                format!("The maximum number of routes has been reached for the VPN connection: {connection}."),
            );
        }
        self.vpn_connections.edit(connection, |c| c.routes.push(destination));
        Ok(())
    }

    /// DeleteVpnConnectionRoute.
    pub fn delete_vpn_connection_route(&mut self, connection: &str, destination: Ipv4Net) -> Result<()> {
        let destination = destination.trunc();
        if !self.static_connection(connection)?.routes.contains(&destination) {
            return refuse(
                "InvalidRoute.NotFound",
                format!("no route with destination-cidr-block {destination} in VPN connection {connection}"),
            );
        }
        self.vpn_connections.edit(connection, |c| c.routes.retain(|r| *r != destination));
        Ok(())
    }

    /// The connections of a customer or virtual private gateway, oldest first, without deleted ones.
    pub fn connections_of(&self, gateway: &str) -> impl Iterator<Item = &VpnConnection> {
        self.vpn_connections.by(gateway).filter(|c| c.deleted.is_none())
    }

    /// The routes that a table takes over from the attached gateways among [`RouteTable::propagating`] (RT-85): each prefix once, whatever
    /// the number of connections that have it (S-03-4), the first 100 in the order of connections and of their routes (QTA-15). They follow
    /// from the connections and are stored nowhere.
    pub fn propagated_routes(&self, t: &RouteTable) -> Vec<Route> {
        let attached = |g: &&Id| self.vpn_gateways.get(g).is_some_and(|g| g.vpc.as_ref() == Some(&t.vpc));
        let mut known = BTreeSet::new();
        t.propagating
            .iter()
            .filter(attached)
            .flat_map(|g| self.connections_of(g).flat_map(|c| &c.routes).map(move |net| (g, IpNet::V4(*net))))
            .filter(|(_, destination)| known.insert(*destination))
            .take(PROPAGATED_PER_TABLE)
            .map(|(g, destination)| Route { destination, target: RouteTarget::VpnGateway(g.clone()), local: false })
            .collect()
    }

    /// Refuses to change what a table took over (RT-12, RT-86): asked when the table has no route of its own to `destination`.
    pub(super) fn not_propagated(&self, t: &RouteTable, destination: IpNet) -> Result<()> {
        match self.propagated_routes(t).into_iter().find(|r| r.destination == destination) {
            Some(Route { target: RouteTarget::VpnGateway(g), .. }) => refuse(
                "InvalidParameterValue",
                format!("The route {destination} in route table {} is propagated by {g} and cannot be changed.", t.id),
            ),
            _ => Ok(()),
        }
    }

    fn live_customer_gateway(&self, id: &str) -> Result<&CustomerGateway> {
        let there = self.customer_gateways.get(id).filter(|g| g.deleted.is_none());
        there.ok_or_else(|| CustomerGateway::not_found(id))
    }

    fn live_vpn_connection(&self, id: &str) -> Result<&VpnConnection> {
        let there = self.vpn_connections.get(id).filter(|c| c.deleted.is_none());
        there.ok_or_else(|| VpnConnection::not_found(id))
    }

    /// A connection that static routes can be given to.
    fn static_connection(&self, id: &str) -> Result<&VpnConnection> {
        let c = self.live_vpn_connection(id)?;
        if !c.static_routes_only {
            return refuse(
                "InvalidVpnConnection.InvalidType",
                format!("The VPN connection '{id}' does not use static routing."),
            );
        }
        Ok(c)
    }
}

fn bad_asn<T>(parameter: &str, asn: u32) -> Result<T> {
    refuse("InvalidParameterValue", format!("Value ({asn}) for parameter {parameter} is invalid."))
}
