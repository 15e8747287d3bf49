//! Subnets and their CIDR reservations (chapter 02, section 2).

use super::cidr::overlap;
use super::*;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// CreateSubnet.
#[derive(Clone, Debug)]
pub struct CreateSubnet {
    pub vpc: Id,
    pub cidr4: Ipv4Net,
    pub cidr6: Option<Ipv6Net>,
    /// Availability Zone; none: the first (SUB-05).
    pub az: Option<String>,
}

/// What ModifySubnetAttribute sets, one at a time (S-02-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubnetAttribute {
    /// MapPublicIpOnLaunch.
    MapPublicIp(bool),
    /// AssignIpv6AddressOnCreation.
    AssignIpv6(bool),
    /// EnableDns64.
    Dns64(bool),
    /// PrivateDnsHostnameTypeOnLaunch is `resource-name`.
    ResourceNames(bool),
    /// EnableResourceNameDnsARecordOnLaunch.
    ARecords(bool),
    /// EnableResourceNameDnsAAAARecordOnLaunch.
    AaaaRecords(bool),
}

/// What a piece of a subnet is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reserved {
    /// Prefixes delegated to interfaces.
    Prefix,
    /// Addresses that are asked for by hand.
    Explicit,
}

/// A piece of a subnet that addresses are not taken from unless somebody names them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CidrReservation {
    pub id: Id,
    pub subnet: Id,
    pub cidr: IpNet,
    pub kind: Reserved,
    pub description: String,
}

/// CreateSubnetCidrReservation.
#[derive(Clone, Debug)]
pub struct CreateCidrReservation {
    pub subnet: Id,
    pub cidr: IpNet,
    pub kind: Reserved,
    pub description: String,
}

impl Model {
    /// CreateSubnet (SUB-01..06, SUB-12, SUB-15, SUB-21).
    pub fn create_subnet(&mut self, request: CreateSubnet) -> Result<Id> {
        let cidr = request.cidr4.trunc();
        let v = self.find::<Vpc>(&request.vpc)?;
        let first = || self.availability_zones().first().map(|z| z.name.clone()).unwrap_or_default();
        let zone = request.az.unwrap_or_else(first);
        self.known_zone(&zone)?;
        if !(16..=28).contains(&cidr.prefix_len()) || !v.blocks.iter().any(|b| b.cidr.contains(&cidr)) {
            return refuse("InvalidSubnet.Range", format!("The CIDR '{cidr}' is invalid."));
        }
        if let Some(other) = self.in_use.subnet_in(&request.vpc, cidr) {
            return refuse(
                "InvalidSubnet.Conflict",
                format!("The CIDR '{cidr}' conflicts with another subnet ({})", self.label(other)),
            );
        }
        let cidr6 = request.cidr6.map(|n| self.subnet_ipv6(&request.vpc, n)).transpose()?;
        if self.subnets.count(&request.vpc) >= self.scalars.limits.subnets_per_vpc {
            return refuse(
                "SubnetLimitExceeded",
                format!("The maximum number of subnets for {} has been reached.", request.vpc),
            );
        }
        let acl = v.default_acl.clone();
        let id = self.new_id("subnet");
        let ipv6 = cidr6.map(|cidr| Block { id: self.new_id("subnet-cidr-assoc"), cidr });
        let acl_association = self.new_id("aclassoc");
        self.in_use.take_block(&request.vpc, cidr, &id);
        self.subnets.put(Subnet {
            id: id.clone(),
            vpc: request.vpc,
            cidr,
            ipv6,
            zone,
            map_public_ip: false,
            assign_ipv6: false,
            is_default: false,
            dns: SubnetDns::default(),
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
        if self.interfaces.by(&subnet).any(|e| !e.ipv6.is_empty()) {
            return refuse(
                "InvalidCidrBlock.InUse",
                format!("The subnet '{subnet}' has interfaces with IPv6 addresses"),
            );
        }
        let in_block = |r: &&CidrReservation| matches!(r.cidr, IpNet::V6(_));
        let reserved: Vec<Id> = self.reservations_of(&subnet).filter(in_block).map(|r| r.id.clone()).collect();
        for r in reserved {
            self.cidr_reservations.take(&r);
            self.forget(&r);
        }
        self.subnets.edit(&subnet, |s| {
            s.ipv6 = None;
            s.assign_ipv6 = false;
        });
        Ok(())
    }

    /// ModifySubnetAttribute (IP-06, IP-14).
    pub fn modify_subnet_attribute(&mut self, subnet: &str, attribute: SubnetAttribute) -> Result<()> {
        let s = self.find::<Subnet>(subnet)?;
        if attribute == SubnetAttribute::AssignIpv6(true) && s.ipv6.is_none() {
            return refuse(
                "InvalidParameterValue",
                format!("Invalid value 'true' for assignIpv6AddressOnCreation: subnet {subnet} has no IPv6 CIDR block"),
            );
        }
        self.subnets.edit(subnet, |s| match attribute {
            SubnetAttribute::MapPublicIp(on) => s.map_public_ip = on,
            SubnetAttribute::AssignIpv6(on) => s.assign_ipv6 = on,
            SubnetAttribute::Dns64(on) => s.dns.dns64 = on,
            SubnetAttribute::ResourceNames(on) => s.dns.resource_names = on,
            SubnetAttribute::ARecords(on) => s.dns.a_records = on,
            SubnetAttribute::AaaaRecords(on) => s.dns.aaaa_records = on,
        });
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
        let (vpc, cidr) = (s.vpc.clone(), s.cidr);
        if let Some(association) = s.table_association.clone() {
            self.table_associations.take(&association);
        }
        self.in_use.release_block(&vpc, cidr);
        let reserved: Vec<Id> = self.reservations_of(subnet).map(|r| r.id.clone()).collect();
        for r in reserved {
            self.cidr_reservations.take(&r);
            self.forget(&r);
        }
        self.subnets.take(subnet);
        self.forget(subnet);
        Ok(())
    }

    /// Addresses of the subnet that are free to assign (SUB-07); what is reserved for prefixes is not.
    pub fn available_addresses(&self, subnet: &str) -> Result<u64> {
        let s = self.find::<Subnet>(subnet)?;
        let size = 1u64 << (32 - u32::from(s.cidr.prefix_len()));
        let (first, last) = assignable(s.cidr);
        let kept: u64 = self
            .reservations_of(subnet)
            .filter(|r| r.kind == Reserved::Prefix)
            .filter_map(|r| match r.cidr {
                IpNet::V4(n) => {
                    let (from, to) = (u32::from(n.network()).max(first), u32::from(n.broadcast()).min(last));
                    let used = self.in_use.between(&s.vpc, from.into(), to.into());
                    Some((u64::from(to) + 1).saturating_sub(from.into()).saturating_sub(used as u64))
                }
                IpNet::V6(_) => None,
            })
            .sum();
        Ok((size - 5 - u64::from(self.in_use.used(subnet))).saturating_sub(kept))
    }

    /// CreateSubnetCidrReservation: addresses of the piece are not assigned by themselves any more; those in use stay.
    pub fn create_cidr_reservation(&mut self, request: CreateCidrReservation) -> Result<Id> {
        let s = self.find::<Subnet>(&request.subnet)?;
        let cidr = request.cidr.trunc();
        let of: Option<IpNet> = match cidr {
            IpNet::V4(_) => Some(s.cidr.into()),
            IpNet::V6(_) => s.ipv6.as_ref().map(|b| b.cidr.into()),
        };
        if !of.is_some_and(|block| block.contains(&cidr)) {
            return refuse(
                "InvalidParameterValue",
                format!("Reservation CIDR should be within subnet CIDR block ({})", of.unwrap_or(s.cidr.into())),
            );
        }
        if self.reservations_of(&request.subnet).any(|r| overlap(r.cidr, cidr)) {
            return refuse(
                "InvalidParameterValue",
                format!("Reservation CIDR {cidr} has overlap with existing reserved CIDR block"),
            );
        }
        let id = self.new_id("scr");
        let CreateCidrReservation { subnet, kind, description, .. } = request;
        self.cidr_reservations.put(CidrReservation { id: id.clone(), subnet, cidr, kind, description });
        Ok(id)
    }

    /// DeleteSubnetCidrReservation.
    pub fn delete_cidr_reservation(&mut self, reservation: &str) -> Result<()> {
        self.find::<CidrReservation>(reservation)?;
        self.cidr_reservations.take(reservation);
        self.forget(reservation);
        Ok(())
    }

    /// The reservations of a subnet, oldest first.
    pub fn reservations_of(&self, subnet: &str) -> impl Iterator<Item = &CidrReservation> {
        self.cidr_reservations.by(subnet)
    }

    /// Refuses the name of a zone that the Region does not have (SUB-05).
    pub(super) fn known_zone(&self, zone: &str) -> Result<()> {
        if self.availability_zones().iter().any(|z| z.name == zone) {
            return Ok(());
        }
        refuse(
            "InvalidParameterValue",
            format!(
                "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                self.zones().join(", ")
            ),
        )
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
}

/// First and last IPv4 address of a subnet that an interface may have (SUB-07).
fn assignable(cidr: Ipv4Net) -> (u32, u32) {
    (u32::from(cidr.network()) + 4, u32::from(cidr.broadcast()) - 1)
}
