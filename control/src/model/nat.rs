//! NAT gateways (chapter 07, section 3).

use super::*;

/// CreateNatGateway.
#[derive(Clone, Debug, Default)]
pub struct CreateNatGateway {
    pub subnet: Id,
    /// Its Elastic IP; a private gateway has none.
    pub allocation: Option<Id>,
    /// `ConnectivityType=private` (NAT-85).
    pub is_private: bool,
    /// Its private address; none: the system chooses.
    pub private: Option<Ipv4Addr>,
}

impl CreateNatGateway {
    /// A public gateway.
    pub fn public(subnet: &str, allocation: &str) -> CreateNatGateway {
        CreateNatGateway { subnet: subnet.into(), allocation: Some(allocation.into()), ..CreateNatGateway::default() }
    }
}

impl Model {
    /// CreateNatGateway: what AWS finds out only later makes a gateway in state failed (NAT-01..05, NAT-14, NAT-15, NAT-50).
    pub fn create_nat_gateway(&mut self, request: CreateNatGateway) -> Result<Id> {
        let s = self.find::<Subnet>(&request.subnet)?;
        match (&request.allocation, request.is_private) {
            (None, false) => {
                return refuse("MissingParameter", "The request must contain the parameter AllocationId");
            }
            (Some(_), true) => {
                return refuse(
                    "InvalidParameterCombination",
                    "AllocationId cannot be specified for a NAT gateway with private connectivity.",
                );
            }
            _ => {}
        }
        let (vpc, zone) = (s.vpc.clone(), s.zone.clone());
        if let Some(a) = request.private {
            self.in_subnet4(&request.subnet, a)?;
            if self.in_use.contains(&vpc, IpAddr::V4(a)) {
                return refuse("InvalidIPAddress.InUse", format!("Address {a} is in use."));
            }
        }
        if self.scalars.constrained_zones.contains(&zone) {
            return refuse("NotAvailableInZone", "Nat Gateway is not available in this availability zone");
        }
        let in_zone = |n: &&NatGateway| n.available() && self.subnets.get(&n.subnet).is_some_and(|s| s.zone == zone);
        let max = self.scalars.limits.nat_gateways_per_zone;
        if self.nat_gateways.iter().filter(in_zone).count() >= max {
            return refuse(
                "NatGatewayLimitExceeded",
                format!("Performing this operation would exceed the limit of {max} NAT gateways"),
            );
        }
        let addresses = self.nat_addresses(&vpc, &request);
        let id = self.new_id("nat");
        let mut nat = NatGateway {
            id: id.clone(),
            vpc: vpc.clone(),
            subnet: request.subnet.clone(),
            allocation: request.allocation,
            state: NatState::Available,
            interface: None,
            private: None,
            public: None,
            created: self.now,
            deleted: None,
        };
        match addresses {
            Err(e) => nat.state = NatState::Failed { code: e.code.into(), message: e.message },
            Ok((public, private)) => {
                let interface = self.put_nat_interface(&vpc, &request.subnet, &id, private);
                if let Some(allocation) = &nat.allocation {
                    let association = self.new_id("eipassoc");
                    self.elastic_ips.edit(allocation, |a| {
                        a.association =
                            Some(AddressAssociation { id: association, interface: interface.clone(), private });
                    });
                }
                (nat.interface, nat.private, nat.public) = (Some(interface), Some(private), public);
            }
        }
        self.nat_gateways.put(nat);
        self.has_ended(&id);
        Ok(id)
    }

    /// Whether packets pass through a gateway: it is available, and its zone is not impaired (NAT-16).
    pub fn carries(&self, nat: &NatGateway) -> bool {
        let zone = self.subnets.get(&nat.subnet).map(|s| s.zone.as_str());
        nat.available() && zone.is_some_and(|z| !self.scalars.impaired_zones.contains(z))
    }

    /// DeleteNatGateway: its address is disassociated, not released; its routes stay as holes (NAT-11..13).
    pub fn delete_nat_gateway(&mut self, nat: &str) -> Result<()> {
        let n = self.find::<NatGateway>(nat)?;
        if n.state == NatState::Deleted {
            return Ok(());
        }
        if let Some(interface) = n.interface.clone() {
            self.drop_interface(&interface);
        }
        let now = self.now;
        self.nat_gateways.edit(nat, |n| {
            n.state = NatState::Deleted;
            n.interface = None;
            n.deleted = Some(now);
        });
        self.has_ended(nat);
        Ok(())
    }

    /// The public and the private address that the gateway will have, or why it fails (NAT-50).
    fn nat_addresses(&self, vpc: &str, request: &CreateNatGateway) -> Result<(Option<Ipv4Addr>, Ipv4Addr)> {
        let public = match &request.allocation {
            Some(allocation) => Some(self.nat_public(vpc, allocation)?),
            None => None,
        };
        match request.private.map_or_else(|| self.free_private(&request.subnet, &[]), Ok) {
            Ok(private) => Ok((public, private)),
            Err(_) => refuse(
                "InsufficientFreeAddressesInSubnet",
                "Subnet has insufficient free addresses to create this NAT gateway",
            ),
        }
    }

    fn nat_public(&self, vpc: &str, allocation: &str) -> Result<Ipv4Addr> {
        if self.gateway_of(vpc).is_none() {
            return refuse("Gateway.NotAttached", format!("Network {vpc} has no Internet gateway attached"));
        }
        let Some(address) = self.elastic_ips.get(allocation) else {
            return refuse(
                "InvalidAllocationID.NotFound",
                format!("Elastic IP address {allocation} could not be associated with this NAT gateway"),
            );
        };
        if address.association.is_some() {
            return refuse(
                "Resource.AlreadyAssociated",
                format!("Elastic IP address {allocation} is already associated"),
            );
        }
        Ok(address.public)
    }
}
