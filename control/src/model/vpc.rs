//! VPCs and their blocks (chapter 02, section 1).

use super::cidr::{self, overlap};
use super::*;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::Ipv6Addr;

/// CreateVpc.
#[derive(Clone, Debug)]
pub struct CreateVpc {
    pub cidr: Ipv4Net,
    pub amazon_provided_ipv6: bool,
    /// `default` or `dedicated` (VPC-09).
    pub tenancy: String,
}

impl CreateVpc {
    /// A VPC of this primary block, IPv4 only.
    pub fn new(cidr: Ipv4Net) -> CreateVpc {
        CreateVpc { cidr, amazon_provided_ipv6: false, tenancy: "default".into() }
    }
}

/// What ModifyVpcAttribute sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VpcAttribute {
    DnsSupport(bool),
    DnsHostnames(bool),
    UsageMetrics(bool),
}

impl Model {
    /// CreateVpc with all that comes along: main table, default ACL, default group (VPC-01..06, VPC-41).
    pub fn create_vpc(&mut self, request: CreateVpc) -> Result<Id> {
        let cidr = request.cidr.trunc();
        cidr::vpc_block(cidr)?;
        if !["default", "dedicated"].contains(&request.tenancy.as_str()) {
            return refuse("InvalidParameterValue", format!("Invalid value '{}' for instanceTenancy", request.tenancy));
        }
        if self.vpcs.len() >= self.scalars.limits.vpcs {
            return refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached.");
        }
        if self.security_groups.len() >= self.scalars.limits.security_groups {
            return refuse("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.");
        }
        if request.amazon_provided_ipv6 {
            self.ipv6_pool_left()?;
        }
        let dhcp_options = Some(self.default_dhcp_options());
        let id = self.new_id("vpc");
        let block = Block { id: self.new_id("vpc-cidr-assoc"), cidr };
        let ipv6 = request.amazon_provided_ipv6.then(|| self.next_ipv6_block());
        let table = RouteTable {
            id: self.new_id("rtb"),
            vpc: id.clone(),
            routes: local_routes([IpNet::V4(cidr)].into_iter().chain(ipv6.iter().map(|b| IpNet::V6(b.cidr)))),
            lists: Vec::new(),
            propagating: Vec::new(),
        };
        let main = TableAssociation {
            id: self.new_id("rtbassoc"),
            table: table.id.clone(),
            with: AssociatedWith::Main(id.clone()),
        };
        let acl = self.default_acl(&id, ipv6.is_some());
        let group = self.default_group(&id, ipv6.is_some());
        self.vpcs.put(Vpc {
            id: id.clone(),
            blocks: vec![block],
            ipv6,
            tenancy: request.tenancy,
            main_association: main.id.clone(),
            default_acl: acl.id.clone(),
            default_group: group.id.clone(),
            dns_support: true,
            dns_hostnames: false,
            usage_metrics: false,
            is_default: false,
            dhcp_options,
        });
        self.route_tables.put(table);
        self.table_associations.put(main);
        self.network_acls.put(acl);
        self.security_groups.put(group);
        Ok(id)
    }

    /// ModifyVpcAttribute. DNS host names need DNS support at the time they are turned on (chapter 08, section 2.2).
    pub fn modify_vpc_attribute(&mut self, vpc: &str, attribute: VpcAttribute) -> Result<()> {
        let v = self.find::<Vpc>(vpc)?;
        if attribute == VpcAttribute::DnsHostnames(true) && !v.dns_support {
            return refuse(
                "InvalidParameterValue",
                format!("DNS hostnames cannot be enabled for {vpc} while its DNS support is disabled."),
            );
        }
        self.vpcs.edit(vpc, |v| match attribute {
            VpcAttribute::DnsSupport(on) => v.dns_support = on,
            VpcAttribute::DnsHostnames(on) => v.dns_hostnames = on,
            VpcAttribute::UsageMetrics(on) => v.usage_metrics = on,
        });
        Ok(())
    }

    /// ModifyVpcTenancy: only back to `default` (VPC-09).
    pub fn modify_vpc_tenancy(&mut self, vpc: &str, tenancy: &str) -> Result<()> {
        self.find::<Vpc>(vpc)?;
        if tenancy != "default" {
            return refuse("UnsupportedTenancy", format!("The tenancy value {tenancy} is not supported."));
        }
        self.vpcs.edit(vpc, |v| v.tenancy = tenancy.into());
        Ok(())
    }

    /// AssociateVpcCidrBlock with an IPv4 block (VPC-20..26); answers the association id.
    pub fn associate_vpc_cidr_block(&mut self, vpc: &str, cidr: Ipv4Net) -> Result<Id> {
        let new = cidr.trunc();
        let v = self.find::<Vpc>(vpc)?;
        cidr::vpc_block(new)?;
        cidr::secondary(v.primary(), new)?;
        if let Some(b) = v.blocks.iter().find(|b| overlap(b.cidr.into(), new.into())) {
            return refuse("InvalidVpc.Range", format!("The CIDR '{new}' overlaps the block '{}' of the VPC.", b.cidr));
        }
        let tables = || self.route_tables.by(vpc);
        if let Some(r) = tables().flat_map(|t| &t.routes).find(|r| !r.local && IpNet::V4(new).contains(&r.destination))
        {
            return refuse(
                "InvalidVpc.Range",
                format!("The CIDR '{new}' contains the destination '{}' of a route.", r.destination),
            );
        }
        if v.blocks.len() >= self.scalars.limits.blocks_per_vpc {
            let max = self.scalars.limits.blocks_per_vpc;
            return refuse(
                "CidrLimitExceeded",
                format!("This network '{vpc}' has met its maximum number of allowed CIDRs: {max}"),
            );
        }
        tables().try_for_each(|t| self.routes_fit(t, AddressFamily::V4, 1))?;
        let id = self.new_id("vpc-cidr-assoc");
        self.vpcs.edit(vpc, |v| v.blocks.push(Block { id: id.clone(), cidr: new }));
        self.add_local_route(vpc, new.into());
        Ok(id)
    }

    /// AssociateVpcCidrBlock with AmazonProvidedIpv6CidrBlock (VPC-40..46).
    pub fn associate_vpc_ipv6_block(&mut self, vpc: &str) -> Result<Id> {
        self.associate_ipv6(vpc, None)
    }

    /// The same with this very /56, which nobody has: what a template may ask for, so that a network can be made again as it was.
    pub fn associate_vpc_ipv6_block_at(&mut self, vpc: &str, block: Ipv6Net) -> Result<Id> {
        let block = block.trunc();
        if block.prefix_len() != 56 {
            return refuse("InvalidVpc.Range", format!("The CIDR '{block}' is invalid."));
        }
        if self.ipv6_taken(block) {
            return refuse("InvalidVpc.Range", format!("The CIDR '{block}' is in use."));
        }
        self.associate_ipv6(vpc, Some(block))
    }

    fn associate_ipv6(&mut self, vpc: &str, named: Option<Ipv6Net>) -> Result<Id> {
        let v = self.find::<Vpc>(vpc)?;
        if v.ipv6.is_some() {
            return refuse(
                "CidrLimitExceeded",
                format!("This network '{vpc}' has met its maximum number of allowed IPv6 CIDRs: 1"),
            );
        }
        let (acl, group_of) = (v.default_acl.clone(), v.id.clone());
        self.route_tables.by(vpc).try_for_each(|t| self.routes_fit(t, AddressFamily::V6, 1))?;
        self.ipv6_pool_left()?;
        let block = match named {
            Some(cidr) => Block { id: self.new_id("vpc-cidr-assoc"), cidr },
            None => self.next_ipv6_block(),
        };
        let id = block.id.clone();
        self.add_local_route(vpc, block.cidr.into());
        self.vpcs.edit(vpc, |v| v.ipv6 = Some(block));
        self.open_groups_for_ipv6(&group_of);
        self.open_acl_for_ipv6(&acl);
        Ok(id)
    }

    /// DisassociateVpcCidrBlock, either family (VPC-33..35, VPC-47, VPC-48).
    pub fn disassociate_vpc_cidr_block(&mut self, association: &str) -> Result<()> {
        let Some(v) = self.vpcs.iter().find(|v| {
            v.blocks.iter().any(|b| b.id == association) || v.ipv6.as_ref().is_some_and(|b| b.id == association)
        }) else {
            return refuse(
                "InvalidVpcCidrBlockAssociationID.NotFound",
                format!("The vpc CIDR block association ID '{association}' does not exist"),
            );
        };
        let vpc = v.id.clone();
        let mut subnets = self.subnets.by(&vpc);
        let gone = if let Some(b) = v.ipv6.as_ref().filter(|b| b.id == association) {
            if subnets.any(|s| s.ipv6.is_some()) {
                return refuse(
                    "InvalidCidrBlock.InUse",
                    format!("The vpc {vpc} currently has a subnet within CIDR block {}", b.cidr),
                );
            }
            IpNet::V6(b.cidr)
        } else {
            if v.blocks.first().is_some_and(|b| b.id == association) {
                return refuse(
                    "OperationNotPermitted",
                    format!(
                        "The vpc CIDR block with association ID {association} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
                    ),
                );
            }
            let Some(b) = v.blocks.iter().find(|b| b.id == association) else {
                return refuse(
                    "InvalidVpcCidrBlockAssociationID.NotFound",
                    format!("The vpc CIDR block association ID '{association}' does not exist"),
                );
            };
            if subnets.any(|s| b.cidr.contains(&s.cidr)) {
                return refuse(
                    "InvalidCidrBlock.InUse",
                    format!("The vpc {vpc} currently has a subnet within CIDR block {}", b.cidr),
                );
            }
            IpNet::V4(b.cidr)
        };
        self.vpcs.edit(&vpc, |v| {
            v.blocks.retain(|b| b.id != association);
            v.ipv6.take_if(|b| b.id == association);
        });
        self.route_tables.edit_by(&vpc, |_| true, |t| t.routes.retain(|r| !(r.local && r.destination == gone)));
        Ok(())
    }

    /// DeleteVpc (VPC-13).
    pub fn delete_vpc(&mut self, vpc: &str) -> Result<()> {
        let v = self.find::<Vpc>(vpc)?.clone();
        let main = self.table_associations.get(&v.main_association).map(|a| a.table.clone()).unwrap_or_default();
        let busy = self.subnets.by(vpc).next().is_some()
            || self.interfaces.by(vpc).next().is_some()
            || self.gateway_of(vpc).is_some()
            || self.egress_only_of(vpc).is_some()
            || self.vpn_gateway_of(vpc).is_some()
            || self.route_tables.by(vpc).any(|t| t.id != main)
            || self.security_groups.by(vpc).any(|g| g.id != v.default_group)
            || self.network_acls.by(vpc).any(|a| !a.is_default);
        if busy {
            return refuse("DependencyViolation", format!("The vpc '{vpc}' has dependencies and cannot be deleted."));
        }
        self.table_associations.take(&v.main_association);
        self.route_tables.take(&main);
        self.drop_group(&v.default_group);
        self.drop_acl(&v.default_acl);
        self.vpcs.take(vpc);
        self.forget(&main);
        self.forget(vpc);
        Ok(())
    }

    fn add_local_route(&mut self, vpc: &str, destination: IpNet) {
        let route = Route { destination, target: RouteTarget::Local, local: true };
        self.route_tables.edit_by(vpc, |_| true, |t| t.routes.push(route.clone()));
    }

    fn ipv6_pool_left(&self) -> Result<()> {
        if self.scalars.next_ipv6 >= 1 << 24 {
            return refuse("InsufficientAddressCapacity", "The IPv6 pool is exhausted");
        }
        Ok(())
    }

    /// The next /56 of the pool that nobody named before; released ones are not promised again (VPC-49).
    fn next_ipv6_block(&mut self) -> Block<Ipv6Net> {
        let first = u128::from(self.scalars.pools.ipv6.network());
        loop {
            let base = Ipv6Addr::from(first.wrapping_add(u128::from(self.scalars.next_ipv6) << 72));
            self.scalars.next_ipv6 += 1;
            let cidr = Ipv6Net::new_assert(base, 56);
            if !self.ipv6_taken(cidr) {
                return Block { id: self.new_id("vpc-cidr-assoc"), cidr };
            }
        }
    }

    fn ipv6_taken(&self, block: Ipv6Net) -> bool {
        self.vpcs.iter().filter_map(|v| v.ipv6.as_ref()).any(|b| overlap(b.cidr.into(), block.into()))
    }
}

/// Local routes of these blocks (RT-05).
pub(super) fn local_routes(blocks: impl Iterator<Item = IpNet>) -> Vec<Route> {
    blocks.map(|destination| Route { destination, target: RouteTarget::Local, local: true }).collect()
}
