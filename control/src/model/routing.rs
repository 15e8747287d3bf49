//! Route tables, routes, associations (chapter 03, sections 2, 3, 5 and 6).

use super::*;
use ipnet::IpNet;

/// What AssociateRouteTable is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssociateWith {
    Subnet(Id),
    /// `--gateway-id`.
    Gateway(Id),
}

impl Model {
    /// CreateRouteTable (RT-27).
    pub fn create_route_table(&mut self, vpc: &str) -> Result<Id> {
        let blocks: Vec<IpNet> = self.find::<Vpc>(vpc)?.all_blocks().collect();
        if self.route_tables.count(vpc) >= self.scalars.limits.route_tables_per_vpc {
            return refuse(
                "RouteTableLimitExceeded",
                format!("The maximum number of route tables for {vpc} has been reached."),
            );
        }
        let id = self.new_id("rtb");
        self.route_tables.put(RouteTable {
            id: id.clone(),
            vpc: vpc.into(),
            routes: super::vpc::local_routes(blocks.into_iter()),
            lists: Vec::new(),
            propagating: Vec::new(),
        });
        Ok(id)
    }

    /// DeleteRouteTable (RT-22, RT-28).
    pub fn delete_route_table(&mut self, table: &str) -> Result<()> {
        self.find::<RouteTable>(table)?;
        if self.associations_of(table).next().is_some() {
            return refuse(
                "DependencyViolation",
                format!("The routeTable '{table}' has dependencies and cannot be deleted."),
            );
        }
        self.route_tables.take(table);
        self.forget(table);
        Ok(())
    }

    /// CreateRoute; the same route once more is no mistake (RT-03, RT-07..11, RT-51..53, RT-71, RT-72, RT-76, RT-79).
    pub fn create_route(&mut self, table: &str, destination: IpNet, target: RouteTarget) -> Result<()> {
        let destination = destination.trunc();
        let target = self.route_target(table, destination, target)?;
        let t = self.find::<RouteTable>(table)?;
        if target == RouteTarget::Local {
            return refuse("InvalidParameterValue", "A local route cannot be created; it comes with its block.");
        }
        self.route_legal(t, destination, &target)?;
        if let Some(known) = t.routes.iter().find(|r| r.destination == destination) {
            if known.target == target {
                return Ok(());
            }
            return refuse("RouteAlreadyExists", format!("The route identified by {destination} already exists."));
        }
        self.routes_fit(t, AddressFamily::of(&destination), 1)?;
        self.route_tables.edit(table, |t| t.routes.push(Route { destination, target, local: false }));
        Ok(())
    }

    /// ReplaceRoute; `Local` restores a re-targeted local route (RT-06, RT-12, RT-57).
    pub fn replace_route(&mut self, table: &str, destination: IpNet, target: RouteTarget) -> Result<()> {
        let destination = destination.trunc();
        let target = self.route_target(table, destination, target)?;
        let t = self.find::<RouteTable>(table)?;
        let Some(route) = t.routes.iter().find(|r| r.destination == destination) else {
            self.not_propagated(t, destination)?;
            return refuse(
                "InvalidParameterValue",
                format!("There is no route defined for '{destination}' in the route table. Use CreateRoute instead."),
            );
        };
        if route.local {
            if !matches!(target, RouteTarget::Local | RouteTarget::NetworkInterface(_)) {
                return refuse(
                    "InvalidParameterValue",
                    "A local route can target only local, an interface or an instance.",
                );
            }
            if self.serves_subnets(table) {
                return refuse(
                    "InvalidParameterValue",
                    format!(
                        "The local route {destination} of route table {table} cannot be replaced: the table is not a gateway route table."
                    ),
                );
            }
        } else {
            if target == RouteTarget::Local {
                return refuse("InvalidParameterValue", format!("The route {destination} is not a local route."));
            }
            self.route_legal(t, destination, &target)?;
        }
        self.route_tables.edit(table, |t| {
            for r in t.routes.iter_mut().filter(|r| r.destination == destination) {
                r.target = target.clone();
            }
        });
        Ok(())
    }

    /// DeleteRoute (RT-06, RT-12).
    pub fn delete_route(&mut self, table: &str, destination: IpNet) -> Result<()> {
        let destination = destination.trunc();
        let t = self.find::<RouteTable>(table)?;
        match t.routes.iter().find(|r| r.destination == destination) {
            None => {
                self.not_propagated(t, destination)?;
                refuse(
                    "InvalidRoute.NotFound",
                    format!("no route with destination-cidr-block {destination} in route table {table}"),
                )
            }
            Some(r) if r.local => refuse(
                "InvalidParameterValue",
                format!("cannot remove local route {destination} in route table {table}"),
            ),
            Some(_) => {
                self.route_tables.edit(table, |t| t.routes.retain(|r| r.destination != destination));
                Ok(())
            }
        }
    }

    /// AssociateRouteTable with a subnet or a gateway (RT-01, RT-29, RT-50, RT-54, RT-62).
    pub fn associate_route_table(&mut self, table: &str, with: AssociateWith) -> Result<Id> {
        let t = self.find::<RouteTable>(table)?;
        let with = match with {
            AssociateWith::Subnet(subnet) => {
                let s = self.find::<Subnet>(&subnet)?;
                self.fits_subnet(t, &s.vpc, &subnet)?;
                if s.table_association.is_some() {
                    return refuse(
                        "Resource.AlreadyAssociated",
                        format!(
                            "the specified association for route table {table} conflicts with an existing association"
                        ),
                    );
                }
                AssociatedWith::Subnet(subnet)
            }
            AssociateWith::Gateway(gateway) => {
                if !gateway.starts_with("igw-") && !gateway.starts_with("vgw-") {
                    return refuse(
                        "InvalidParameterValue",
                        format!("invalid value for parameter gateway-id: {gateway}"),
                    );
                }
                if self.fits_gateway(t, &gateway)?.is_some() {
                    return refuse(
                        "Resource.AlreadyAssociated",
                        format!("the gateway {gateway} is already associated with a route table"),
                    );
                }
                AssociatedWith::Gateway(gateway)
            }
        };
        Ok(self.put_association(table, with))
    }

    /// ReplaceRouteTableAssociation: a subnet's, a gateway's or the main one; a new id (RT-23..25, RT-30).
    pub fn replace_route_table_association(&mut self, association: &str, table: &str) -> Result<Id> {
        let a = self.find::<TableAssociation>(association)?.clone();
        let t = self.find::<RouteTable>(table)?;
        match &a.with {
            AssociatedWith::Subnet(subnet) => {
                let vpc = &self.find::<Subnet>(subnet)?.vpc;
                self.fits_subnet(t, vpc, subnet)?;
            }
            AssociatedWith::Main(vpc) => {
                self.fits_subnet(t, vpc, vpc)?;
                if self.serves_gateway(table) {
                    return refuse(
                        "InvalidParameterValue",
                        format!(
                            "The route table {table} is associated with a gateway and cannot be the main route table."
                        ),
                    );
                }
            }
            AssociatedWith::Gateway(gateway) => {
                self.fits_gateway(t, gateway)?;
            }
        }
        self.table_associations.take(association);
        Ok(self.put_association(table, a.with))
    }

    /// DisassociateRouteTable (RT-31, RT-62).
    pub fn disassociate_route_table(&mut self, association: &str) -> Result<()> {
        match &self.find::<TableAssociation>(association)?.with {
            AssociatedWith::Main(_) => {
                return refuse(
                    "InvalidParameterValue",
                    format!("cannot disassociate the main route table association {association}"),
                );
            }
            AssociatedWith::Subnet(s) => {
                let s = s.clone();
                self.subnets.edit(&s, |s| s.table_association = None);
            }
            AssociatedWith::Gateway(g) => {
                let g = g.clone();
                self.gateway_obeys(&g, None);
            }
        }
        self.table_associations.take(association);
        Ok(())
    }

    /// The table whose routes a subnet obeys: its own, else the main one (RT-33).
    pub fn effective_route_table(&self, subnet: &Subnet) -> Option<&RouteTable> {
        let association = match &subnet.table_association {
            Some(a) => a,
            None => &self.vpcs.get(&subnet.vpc)?.main_association,
        };
        self.route_tables.get(&self.table_associations.get(association)?.table)
    }

    /// The main table of a VPC.
    pub fn main_route_table(&self, vpc: &str) -> Option<&RouteTable> {
        let association = &self.vpcs.get(vpc)?.main_association;
        self.route_tables.get(&self.table_associations.get(association)?.table)
    }

    /// Associations of a table, the main marker included (RT-32).
    pub fn associations_of<'a>(&'a self, table: &'a str) -> impl Iterator<Item = &'a TableAssociation> {
        self.table_associations.by(table)
    }

    /// Whether packets may follow a route now, or fall into a hole (RT-48).
    pub fn route_active(&self, vpc: &str, target: &RouteTarget) -> bool {
        match target {
            RouteTarget::Local => true,
            RouteTarget::InternetGateway(g) => {
                self.internet_gateways.get(g).is_some_and(|g| g.vpc.as_deref() == Some(vpc))
            }
            RouteTarget::EgressOnlyGateway(g) => self.egress_only_gateways.get(g).is_some_and(|g| g.vpc == vpc),
            RouteTarget::VpnGateway(g) => self.vpn_gateways.get(g).is_some_and(|g| g.vpc.as_deref() == Some(vpc)),
            RouteTarget::NatGateway(n) => self.nat_gateways.get(n).is_some_and(NatGateway::available),
            RouteTarget::NetworkInterface(e) => self.interfaces.get(e).is_some_and(|e| self.plugged(e)),
            RouteTarget::Instance(_) => false,
        }
    }

    fn put_association(&mut self, table: &str, with: AssociatedWith) -> Id {
        let id = self.new_id("rtbassoc");
        match &with {
            AssociatedWith::Main(vpc) => self.vpcs.edit(vpc, |v| v.main_association = id.clone()),
            AssociatedWith::Subnet(s) => self.subnets.edit(s, |s| s.table_association = Some(id.clone())),
            AssociatedWith::Gateway(g) => self.gateway_obeys(g, Some(id.clone())),
        }
        self.table_associations.put(TableAssociation { id: id.clone(), table: table.into(), with });
        id
    }

    /// Notes at an internet or virtual private gateway which association of a route table it has.
    fn gateway_obeys(&mut self, gateway: &str, association: Option<Id>) {
        if self.vpn_gateways.get(gateway).is_some() {
            return self.vpn_gateways.edit(gateway, |g| g.table_association = association);
        }
        self.internet_gateways.edit(gateway, |g| g.table_association = association);
    }

    fn serves_subnets(&self, table: &str) -> bool {
        self.associations_of(table).any(|a| !matches!(a.with, AssociatedWith::Gateway(_)))
    }

    pub(super) fn serves_gateway(&self, table: &str) -> bool {
        self.associations_of(table).any(|a| matches!(a.with, AssociatedWith::Gateway(_)))
    }

    /// The target exists, belongs to the table's VPC and carries the family; instances become their interface.
    pub(super) fn route_target(&self, table: &str, destination: IpNet, target: RouteTarget) -> Result<RouteTarget> {
        let vpc = &self.find::<RouteTable>(table)?.vpc;
        let v6 = destination.addr().is_ipv6();
        let foreign = |what: &str, id: &str| {
            ApiError::new(
                "InvalidParameterValue",
                format!("route table {table} and {what} {id} belong to different networks"),
            )
        };
        // `at`: where a gateway is attached; none: there is no such gateway.
        let attached = |g: &str, at: Option<&Option<Id>>| match at {
            None => Err(no_gateway(g)),
            Some(at) if at.as_ref() != Some(vpc) => Err(foreign("network gateway", g)),
            Some(_) => Ok(()),
        };
        match target {
            RouteTarget::Local => {}
            RouteTarget::InternetGateway(ref g) => attached(g, self.internet_gateways.get(g).map(|g| &g.vpc))?,
            RouteTarget::VpnGateway(ref g) => {
                attached(g, self.vpn_gateways.get(g).map(|g| &g.vpc))?;
                if v6 {
                    return refuse(
                        "InvalidParameterValue",
                        format!(
                            "The virtual private gateway {g} carries IPv4 only; {destination} is an IPv6 destination."
                        ),
                    );
                }
            }
            RouteTarget::EgressOnlyGateway(ref g) => {
                let Some(gateway) = self.egress_only_gateways.get(g) else { return Err(no_gateway(g)) };
                if !v6 {
                    return refuse(
                        "InvalidParameterValue",
                        format!(
                            "The egress-only internet gateway {g} carries IPv6 only; {destination} is an IPv4 destination."
                        ),
                    );
                }
                if gateway.vpc != *vpc {
                    return Err(foreign("network gateway", g));
                }
            }
            RouteTarget::NatGateway(ref n) => {
                let Some(nat) = self.nat_gateways.get(n).filter(|n| n.available()) else {
                    return refuse("InvalidNatGatewayID.NotFound", format!("The NAT gateway ID '{n}' does not exist"));
                };
                if v6 {
                    return refuse(
                        "InvalidParameterValue",
                        format!("The NAT gateway {n} carries IPv4 only; {destination} is an IPv6 destination."),
                    );
                }
                if nat.vpc != *vpc {
                    return Err(foreign("NAT gateway", n));
                }
            }
            RouteTarget::NetworkInterface(ref e) => {
                let eni = self.find::<NetworkInterface>(e)?;
                if eni.vpc != *vpc {
                    return Err(foreign("interface", e));
                }
                if eni.nat_gateway.is_some() {
                    return refuse(
                        "InvalidParameterValue",
                        format!("The interface {e} belongs to a NAT gateway; name the gateway as target."),
                    );
                }
            }
            RouteTarget::Instance(ref i) => {
                let instance = self.find::<Instance>(i)?;
                if instance.interfaces.len() != 1 {
                    return refuse(
                        "InvalidInstanceID",
                        format!(
                            "There are multiple interfaces attached to instance '{i}'. Please specify an interface ID for the operation instead."
                        ),
                    );
                }
                if instance.vpc != *vpc {
                    return Err(foreign("instance", i));
                }
                let eni = instance.interfaces.values().next().cloned().unwrap_or_default();
                return Ok(RouteTarget::NetworkInterface(eni));
            }
        }
        Ok(target)
    }

    /// Rules about a user's route that depend on the table it is in.
    fn route_legal(&self, t: &RouteTable, destination: IpNet, target: &RouteTarget) -> Result<()> {
        let Some(vpc) = self.vpcs.get(&t.vpc) else {
            return refuse("InvalidVpcID.NotFound", format!("The vpc ID '{}' does not exist", t.vpc));
        };
        let interface = matches!(target, RouteTarget::NetworkInterface(_));
        let inside = vpc.all_blocks().any(|b| b.contains(&destination));
        if self.serves_gateway(&t.id) {
            if !interface {
                return refuse(
                    "InvalidParameterValue",
                    format!(
                        "The route table {} is associated with a gateway: a route can target only an interface or local.",
                        t.id
                    ),
                );
            }
            if !inside {
                return refuse(
                    "InvalidParameterValue",
                    format!(
                        "The destination {destination} is outside the blocks of the VPC; the route table {} is associated with a gateway.",
                        t.id
                    ),
                );
            }
        }
        if !inside {
            return Ok(());
        }
        if !interface {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
                ),
            );
        }
        if self.serves_subnets(&t.id) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR blocks, and the route table {} serves subnets.",
                    t.id
                ),
            );
        }
        let whole_subnet = self.subnets.by(&t.vpc).any(|s| {
            IpNet::V4(s.cidr) == destination || s.ipv6.as_ref().is_some_and(|b| IpNet::V6(b.cidr) == destination)
        });
        if !whole_subnet && !vpc.all_blocks().any(|b| b == destination) {
            return refuse(
                "InvalidParameterValue",
                format!("Route destination doesn't match any subnet CIDR blocks. ({destination})"),
            );
        }
        Ok(())
    }

    /// A table for subnets: same VPC, no gateway-style routes (RT-23, RT-29).
    fn fits_subnet(&self, t: &RouteTable, vpc: &str, what: &str) -> Result<()> {
        if t.vpc != vpc {
            return refuse(
                "InvalidParameterValue",
                format!("route table {} and {what} belong to different networks", t.id),
            );
        }
        if t.routes.iter().any(|r| r.local && r.target != RouteTarget::Local) {
            return refuse(
                "InvalidParameterValue",
                format!("The route table {} has a local route whose target was replaced.", t.id),
            );
        }
        let blocks: Vec<IpNet> = self.vpcs.get(vpc).map(|v| v.all_blocks().collect()).unwrap_or_default();
        if let Some(r) = t.routes.iter().find(|r| !r.local && blocks.iter().any(|b| b.contains(&r.destination))) {
            return refuse(
                "InvalidParameterValue",
                format!("The route table {} has a route ({}) more specific than a local route.", t.id, r.destination),
            );
        }
        Ok(())
    }

    /// A table for an internet or virtual private gateway (RT-24, RT-50, RT-54); answers the association that the gateway has.
    fn fits_gateway(&self, t: &RouteTable, gateway: &str) -> Result<Option<&Id>> {
        let internet = self.internet_gateways.get(gateway).map(|g| (&g.vpc, &g.table_association));
        let private = || self.vpn_gateways.get(gateway).map(|g| (&g.vpc, &g.table_association));
        let Some((vpc, association)) = internet.or_else(private) else {
            return Err(no_gateway(gateway));
        };
        if vpc.as_ref() != Some(&t.vpc) {
            return refuse(
                "InvalidParameterValue",
                format!("route table {} and network gateway {gateway} belong to different networks", t.id),
            );
        }
        if let Some(g) = t.propagating.first() {
            return refuse("InvalidParameterValue", format!("The route table {} takes over the routes of {g}.", t.id));
        }
        if self.associations_of(&t.id).any(|a| matches!(a.with, AssociatedWith::Main(_))) {
            return refuse(
                "InvalidParameterValue",
                format!("The main route table {} cannot be associated with a gateway.", t.id),
            );
        }
        if let Some(r) = t.lists.first() {
            return refuse(
                "InvalidParameterValue",
                format!("The route table {} has a route to a prefix list ({}).", t.id, r.list),
            );
        }
        let blocks: Vec<IpNet> = self.vpcs.get(&t.vpc).map(|v| v.all_blocks().collect()).unwrap_or_default();
        for r in &t.routes {
            if !matches!(r.target, RouteTarget::Local | RouteTarget::NetworkInterface(_)) {
                return refuse(
                    "InvalidParameterValue",
                    format!(
                        "The route table {} has a route ({}) with a target other than an interface or local.",
                        t.id, r.destination
                    ),
                );
            }
            if !blocks.iter().any(|b| b.contains(&r.destination)) {
                return refuse(
                    "InvalidParameterValue",
                    format!("The route table {} has a route ({}) outside the blocks of the VPC.", t.id, r.destination),
                );
            }
        }
        Ok(association.as_ref())
    }
}

/// What a gateway is called that is not there, of whatever kind.
pub(super) fn no_gateway(id: &str) -> ApiError {
    ApiError::new("InvalidGatewayID.NotFound", format!("The gateway ID '{id}' does not exist"))
}
