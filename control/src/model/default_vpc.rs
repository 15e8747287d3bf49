//! The default VPC and its subnets (chapter 02, section 5).

use super::*;
use ipnet::{IpNet, Ipv4Net};

/// Length of a default subnet's block (DEF-02, DEF-11).
const SUBNET_BITS: u8 = 20;

impl Model {
    /// The Region's default VPC.
    pub fn default_vpc(&self) -> Option<&Vpc> {
        self.vpcs.iter().find(|v| v.is_default)
    }

    /// CreateDefaultVpc: 172.31.0.0/16 with a gateway, a default route to it and a subnet in each zone (DEF-02, DEF-10).
    pub fn create_default_vpc(&mut self) -> Result<Id> {
        if self.default_vpc().is_some() {
            return refuse("DefaultVpcAlreadyExists", "A Default VPC already exists for this account in this region.");
        }
        self.whole(|m| {
            let block = Ipv4Net::new_assert([172, 31, 0, 0].into(), 16);
            let vpc = m.create_vpc(CreateVpc::new(block))?;
            m.vpcs.edit(&vpc, |v| {
                v.is_default = true;
                // DNS-05.
                v.dns_hostnames = true;
            });
            let gateway = m.create_internet_gateway()?;
            m.attach_internet_gateway(&gateway, &vpc)?;
            let main = m.main_route_table(&vpc).map(|t| t.id.clone()).unwrap_or_default();
            m.create_route(&main, IpNet::V4(Ipv4Net::default()), RouteTarget::InternetGateway(gateway))?;
            for zone in m.zones() {
                m.create_default_subnet(&zone)?;
            }
            Ok(vpc)
        })
    }

    /// CreateDefaultSubnet: the first free /20 of the default VPC's blocks (DEF-11..13).
    pub fn create_default_subnet(&mut self, zone: &str) -> Result<Id> {
        let Some(v) = self.default_vpc() else {
            return refuse("DefaultVpcDoesNotExist", "No default VPC exists for this account in this region.");
        };
        let vpc = v.id.clone();
        self.known_zone(zone)?;
        if let Some(s) = self.default_subnet_in(zone) {
            return refuse(
                "DefaultSubnetAlreadyExistsInAvailabilityZone",
                format!("'{}' is already the default subnet in {zone}.", s.id),
            );
        }
        let pieces = v.blocks.iter().filter_map(|b| b.cidr.subnets(SUBNET_BITS).ok()).flatten();
        let Some(cidr4) = pieces.into_iter().find(|n| self.in_use.subnet_in(&vpc, *n).is_none()) else {
            return refuse(
                "InsufficientFreeAddressesInSubnet",
                format!("The default VPC '{vpc}' has no room for another /{SUBNET_BITS}. Add a CIDR block to it."),
            );
        };
        let id = self.create_subnet(CreateSubnet { vpc, cidr4, cidr6: None, az: Some(zone.into()) })?;
        self.subnets.edit(&id, |s| {
            s.is_default = true;
            s.map_public_ip = true;
        });
        Ok(id)
    }

    /// Makes a subnet of the default VPC its zone's default subnet, as AWS's support does on request; its attributes stay (DEF-14).
    pub fn mark_default_subnet(&mut self, subnet: &str) -> Result<()> {
        let s = self.find::<Subnet>(subnet)?;
        if self.default_vpc().is_none_or(|v| v.id != s.vpc) {
            return refuse("InvalidParameterValue", format!("The subnet {subnet} is not in the default VPC."));
        }
        if let Some(other) = self.default_subnet_in(&s.zone) {
            return refuse(
                "DefaultSubnetAlreadyExistsInAvailabilityZone",
                format!("'{}' is already the default subnet in {}.", other.id, s.zone),
            );
        }
        self.subnets.edit(subnet, |s| s.is_default = true);
        Ok(())
    }

    /// Where a launch goes that names no subnet, and perhaps a zone (DEF-08).
    pub fn default_subnet(&self, zone: Option<&str>) -> Result<&Subnet> {
        let Some(vpc) = self.default_vpc() else {
            return refuse(
                "VPCIdNotSpecified",
                "No default VPC for this user. GroupName is only supported for EC2-Classic and default VPC.",
            );
        };
        match zone {
            Some(zone) => {
                self.known_zone(zone)?;
                self.default_subnet_in(zone).ok_or_else(|| {
                    ApiError::new("InvalidInput", format!("No default subnet for availability zone: '{zone}'."))
                })
            }
            None => self.subnets.iter().find(|s| s.is_default).ok_or_else(|| {
                ApiError::new(
                    "MissingInput",
                    format!("No subnets found for the default VPC '{}'. Please specify a subnet.", vpc.id),
                )
            }),
        }
    }

    fn default_subnet_in(&self, zone: &str) -> Option<&Subnet> {
        self.subnets.iter().find(|s| s.is_default && s.zone == zone)
    }

    /// Whether nobody has added to the default VPC or taken from it (DEF-07).
    pub(crate) fn as_made(&self, vpc: &Vpc) -> bool {
        let subnets: Vec<&Subnet> = self.subnets.by(&vpc.id).collect();
        let all_default = subnets.iter().all(|s| s.is_default && s.table_association.is_none() && s.ipv6.is_none());
        let main_only = self.route_tables.by(&vpc.id).count() == 1
            && self.main_route_table(&vpc.id).is_some_and(|t| t.routes.len() == 2);
        let default_only = self.network_acls.by(&vpc.id).all(|a| a.is_default)
            && self.security_groups.by(&vpc.id).all(|g| g.id == vpc.default_group);
        let one_block = vpc.blocks.len() == 1 && vpc.ipv6.is_none();
        all_default
            && subnets.len() == self.scalars.zones.len()
            && main_only
            && default_only
            && one_block
            && self.gateway_of(&vpc.id).is_some()
    }
}
