//! VPCs, their blocks, and subnets (chapter 02, sections 1 and 2).

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

/// CreateSubnet.
#[derive(Clone, Debug)]
pub struct CreateSubnet {
    pub vpc: Id,
    pub cidr4: Ipv4Net,
    pub cidr6: Option<Ipv6Net>,
    /// Availability Zone; none: the first (SUB-05).
    pub az: Option<String>,
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
        if request.amazon_provided_ipv6 {
            self.ipv6_pool_left()?;
        }
        let id = self.new_id("vpc");
        let block = Block { id: self.new_id("vpc-cidr-assoc"), cidr };
        let ipv6 = request.amazon_provided_ipv6.then(|| self.next_ipv6_block());
        let table = RouteTable {
            id: self.new_id("rtb"),
            vpc: id.clone(),
            routes: local_routes([IpNet::V4(cidr)].into_iter().chain(ipv6.iter().map(|b| IpNet::V6(b.cidr)))),
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
        });
        self.route_tables.put(table);
        self.table_associations.put(main);
        self.network_acls.put(acl);
        self.security_groups.put(group);
        Ok(id)
    }

    /// ModifyVpcAttribute: DNS support and DNS hostnames.
    pub fn modify_vpc_dns(&mut self, vpc: &str, support: Option<bool>, hostnames: Option<bool>) -> Result<()> {
        self.find::<Vpc>(vpc)?;
        self.vpcs.edit(vpc, |v| {
            v.dns_support = support.unwrap_or(v.dns_support);
            v.dns_hostnames = hostnames.unwrap_or(v.dns_hostnames);
        });
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
        if tables().any(|t| routing::count(t, false) >= self.scalars.limits.routes_per_table) {
            return refuse(
                "RouteLimitExceeded",
                "The local route of the block would exceed the quota of a route table.",
            );
        }
        let id = self.new_id("vpc-cidr-assoc");
        self.vpcs.edit(vpc, |v| v.blocks.push(Block { id: id.clone(), cidr: new }));
        self.add_local_route(vpc, new.into());
        Ok(id)
    }

    /// AssociateVpcCidrBlock with AmazonProvidedIpv6CidrBlock (VPC-40..46).
    pub fn associate_vpc_ipv6_block(&mut self, vpc: &str) -> Result<Id> {
        let v = self.find::<Vpc>(vpc)?;
        if v.ipv6.is_some() {
            return refuse(
                "CidrLimitExceeded",
                format!("This network '{vpc}' has met its maximum number of allowed IPv6 CIDRs: 1"),
            );
        }
        let (acl, group_of) = (v.default_acl.clone(), v.id.clone());
        if self.route_tables.by(vpc).any(|t| routing::count(t, true) >= self.scalars.limits.routes_per_table) {
            return refuse(
                "RouteLimitExceeded",
                "The local route of the block would exceed the quota of a route table.",
            );
        }
        self.ipv6_pool_left()?;
        let block = self.next_ipv6_block();
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
            || self.route_tables.by(vpc).any(|t| t.id != main)
            || self.security_groups.by(vpc).any(|g| g.id != v.default_group)
            || self.network_acls.by(vpc).any(|a| !a.is_default);
        if busy {
            return refuse("DependencyViolation", format!("The vpc '{vpc}' has dependencies and cannot be deleted."));
        }
        self.table_associations.take(&v.main_association);
        self.route_tables.take(&main);
        self.security_groups.take(&v.default_group);
        self.network_acls.take(&v.default_acl);
        self.vpcs.take(vpc);
        Ok(())
    }

    /// CreateSubnet (SUB-01..06, SUB-12, SUB-15, SUB-21).
    pub fn create_subnet(&mut self, request: CreateSubnet) -> Result<Id> {
        let cidr = request.cidr4.trunc();
        let v = self.find::<Vpc>(&request.vpc)?;
        let zones = self.zones();
        let zone = request.az.unwrap_or_else(|| zones.first().cloned().unwrap_or_default());
        if !zones.contains(&zone) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                    zones.join(", ")
                ),
            );
        }
        if !(16..=28).contains(&cidr.prefix_len()) || !v.blocks.iter().any(|b| b.cidr.contains(&cidr)) {
            return refuse("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid."));
        }
        if let Some(s) = self.subnets.by(&request.vpc).find(|s| overlap(s.cidr.into(), cidr.into())) {
            return refuse(
                "InvalidSubnet.Conflict",
                format!("The CIDR '{cidr}' conflicts with another subnet ({})", self.label(&s.id)),
            );
        }
        let cidr6 = request.cidr6.map(|n| self.subnet_ipv6(&request.vpc, n)).transpose()?;
        if self.subnets.by(&request.vpc).count() >= self.scalars.limits.subnets_per_vpc {
            return refuse(
                "SubnetLimitExceeded",
                format!("The maximum number of subnets for {} has been reached.", request.vpc),
            );
        }
        let acl = v.default_acl.clone();
        let id = self.new_id("subnet");
        let ipv6 = cidr6.map(|cidr| Block { id: self.new_id("subnet-cidr-assoc"), cidr });
        let acl_association = self.new_id("aclassoc");
        self.subnets.put(Subnet {
            id: id.clone(),
            vpc: request.vpc,
            cidr,
            ipv6,
            zone,
            map_public_ip: false,
            assign_ipv6: false,
            table_association: None,
            acl_association,
            acl,
        });
        Ok(id)
    }

    /// AssociateSubnetCidrBlock (SUB-12).
    pub fn associate_subnet_cidr_block(&mut self, subnet: &str, cidr6: Ipv6Net) -> Result<Id> {
        let s = self.find::<Subnet>(subnet)?;
        let vpc = s.vpc.clone();
        if s.ipv6.is_some() {
            return refuse("InvalidSubnet.Conflict", format!("The subnet '{subnet}' already has an IPv6 CIDR block"));
        }
        let cidr = self.subnet_ipv6(&vpc, cidr6)?;
        let id = self.new_id("subnet-cidr-assoc");
        self.subnets.edit(subnet, |s| s.ipv6 = Some(Block { id: id.clone(), cidr }));
        Ok(id)
    }

    /// DisassociateSubnetCidrBlock (SUB-14).
    pub fn disassociate_subnet_cidr_block(&mut self, association: &str) -> Result<()> {
        let Some(s) = self.subnets.iter().find(|s| s.ipv6.as_ref().is_some_and(|b| b.id == association)) else {
            return refuse(
                "InvalidSubnetCidrBlockAssociationID.NotFound",
                format!("The subnet CIDR block association ID '{association}' does not exist"),
            );
        };
        let subnet = s.id.clone();
        if self.interfaces.iter().any(|e| e.subnet == subnet && !e.ipv6.is_empty()) {
            return refuse(
                "InvalidCidrBlock.InUse",
                format!("The subnet '{subnet}' has interfaces with IPv6 addresses"),
            );
        }
        self.subnets.edit(&subnet, |s| {
            s.ipv6 = None;
            s.assign_ipv6 = false;
        });
        Ok(())
    }

    /// ModifySubnetAttribute MapPublicIpOnLaunch (IP-06).
    pub fn set_map_public_ip(&mut self, subnet: &str, on: bool) -> Result<()> {
        self.find::<Subnet>(subnet)?;
        self.subnets.edit(subnet, |s| s.map_public_ip = on);
        Ok(())
    }

    /// ModifySubnetAttribute AssignIpv6AddressOnCreation (IP-14).
    pub fn set_assign_ipv6(&mut self, subnet: &str, on: bool) -> Result<()> {
        if on && self.find::<Subnet>(subnet)?.ipv6.is_none() {
            return refuse(
                "InvalidParameterValue",
                format!("Invalid value 'true' for assignIpv6AddressOnCreation: subnet {subnet} has no IPv6 CIDR block"),
            );
        }
        self.find::<Subnet>(subnet)?;
        self.subnets.edit(subnet, |s| s.assign_ipv6 = on);
        Ok(())
    }

    /// DeleteSubnet (SUB-20).
    pub fn delete_subnet(&mut self, subnet: &str) -> Result<()> {
        let s = self.find::<Subnet>(subnet)?;
        if self.interfaces.by(subnet).next().is_some() {
            return refuse(
                "DependencyViolation",
                format!("The subnet '{subnet}' has dependencies and cannot be deleted."),
            );
        }
        if let Some(association) = s.table_association.clone() {
            self.table_associations.take(&association);
        }
        self.subnets.take(subnet);
        Ok(())
    }

    /// Addresses of the subnet that are free to assign (SUB-07).
    pub fn available_addresses(&self, subnet: &str) -> Result<u64> {
        let s = self.find::<Subnet>(subnet)?;
        let size = 1u64 << (32 - u32::from(s.cidr.prefix_len()));
        Ok(size - 5 - u64::from(self.in_use.used(subnet)))
    }

    fn subnet_ipv6(&self, vpc: &str, net: Ipv6Net) -> Result<Ipv6Net> {
        let net = net.trunc();
        let Some(block) = &self.find::<Vpc>(vpc)?.ipv6 else {
            return refuse("InvalidParameterValue", format!("The vpc '{vpc}' has no IPv6 CIDR block"));
        };
        if net.prefix_len() != 64 || !block.cidr.contains(&net) {
            return refuse("InvalidSubnet.Range", format!("The CIDR '{net}' is invalid."));
        }
        if self.subnets.by(vpc).any(|s| s.ipv6.as_ref().is_some_and(|b| b.cidr == net)) {
            return refuse("InvalidSubnet.Conflict", format!("The CIDR '{net}' conflicts with another subnet"));
        }
        Ok(net)
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

    /// The next /56 of 2001:db8:1234:1a00::/56 onwards; released ones are not promised again (VPC-49).
    fn next_ipv6_block(&mut self) -> Block<Ipv6Net> {
        let first = u128::from(Ipv6Addr::new(0x2001, 0xdb8, 0x1234, 0x1a00, 0, 0, 0, 0));
        let base = Ipv6Addr::from(first + (u128::from(self.scalars.next_ipv6) << 72));
        self.scalars.next_ipv6 += 1;
        Block { id: self.new_id("vpc-cidr-assoc"), cidr: Ipv6Net::new_assert(base, 56) }
    }
}

/// Local routes of these blocks (RT-05).
pub(super) fn local_routes(blocks: impl Iterator<Item = IpNet>) -> Vec<Route> {
    blocks.map(|destination| Route { destination, target: RouteTarget::Local, local: true }).collect()
}
