//! Elastic IP addresses and auto-assigned public addresses (chapter 07, section 6; IP-09, IP-10).

use super::*;

/// AssociateAddress.
#[derive(Clone, Debug, Default)]
pub struct AssociateAddress {
    pub allocation: Id,
    /// Either an instance ...
    pub instance: Option<Id>,
    /// ... or an interface (EIP-04).
    pub interface: Option<Id>,
    /// Which private address; none: the primary.
    pub private: Option<Ipv4Addr>,
    /// `Some(false)`: refuse if the address is in use (EIP-17).
    pub allow_reassociation: Option<bool>,
}

impl Model {
    /// AllocateAddress: the next of the pool, or the one asked for (EIP-01, EIP-09, EIP-12).
    pub fn allocate_address(&mut self, address: Option<Ipv4Addr>) -> Result<Id> {
        if self.elastic_ips.len() >= self.scalars.limits.elastic_ips {
            return refuse("AddressLimitExceeded", "The maximum number of addresses has been reached.");
        }
        let taken = |a: Ipv4Addr| self.public_taken(a);
        let public = match address {
            Some(a) => {
                if taken(a)
                    || a.is_private()
                    || a.is_loopback()
                    || a.is_link_local()
                    || a.is_multicast()
                    || a.octets()[0] == 0
                    || a.octets()[0] >= 240
                {
                    return refuse("InvalidAddress.NotFound", format!("Address {a} not found or not available."));
                }
                a
            }
            None => {
                // Freshest first: a released address comes back only when the pool has gone round.
                let (first, size) = self.scalars.pools.elastic();
                let from = self.scalars.next_elastic;
                match (0..size).map(|i| (from + i) % size).find(|i| !taken(Ipv4Addr::from(first + i))) {
                    Some(i) => {
                        self.scalars.next_elastic = i + 1;
                        Ipv4Addr::from(first + i)
                    }
                    None => return refuse("InsufficientAddressCapacity", "The address pool is exhausted."),
                }
            }
        };
        let id = self.new_id("eipalloc");
        self.elastic_ips.put(ElasticIp { id: id.clone(), public, association: None, reverse_name: None });
        Ok(id)
    }

    /// ReleaseAddress; in the default VPC it is disassociated first (EIP-11, EIP-22, NAT-03).
    pub fn release_address(&mut self, allocation: &str) -> Result<()> {
        let address = self.find::<ElasticIp>(allocation)?;
        self.not_nat(address)?;
        if let Some(association) = address.association.clone() {
            let eni = self.interfaces.get(&association.interface);
            if eni.and_then(|e| self.vpcs.get(&e.vpc)).is_none_or(|v| !v.is_default) {
                return refuse("InvalidIPAddress.InUse", format!("Address {} is in use.", address.public));
            }
            self.disassociate_address(&association.id)?;
        }
        self.elastic_ips.take(allocation);
        self.forget(allocation);
        Ok(())
    }

    /// The Elastic IP with this public address; refused as DescribeAddresses does.
    pub fn elastic_at(&self, public: Ipv4Addr) -> Result<&ElasticIp> {
        let found = self.elastic_ips.by(&public.to_string()).find(|a| a.public == public);
        found.ok_or_else(|| ApiError::new("InvalidAddress.NotFound", format!("Address '{public}' not found.")))
    }

    /// ModifyAddressAttribute and ResetAddressAttribute: the name that the address's PTR record answers. That the name leads back to
    /// the address, which AWS wants to see first, is not checked: there is no DNS to ask.
    pub fn set_reverse_name(&mut self, allocation: &str, name: Option<&str>) -> Result<()> {
        self.find::<ElasticIp>(allocation)?;
        let name = name.map(|n| format!("{}.", n.trim_end_matches('.')));
        self.elastic_ips.edit(allocation, |a| a.reverse_name = name);
        Ok(())
    }

    /// AssociateAddress; moves and displaces as AWS does (EIP-02..07, EIP-17..21).
    pub fn associate_address(&mut self, request: AssociateAddress) -> Result<Id> {
        let address = self.find::<ElasticIp>(&request.allocation)?;
        let interface = match (&request.instance, &request.interface) {
            (Some(_), Some(_)) => {
                return refuse(
                    "InvalidParameterCombination",
                    "You may specify an instance or a network interface, not both.",
                );
            }
            (None, None) => {
                return refuse("MissingParameter", "Either 'InstanceId' or 'NetworkInterfaceId' must be provided.");
            }
            (None, Some(e)) => e.clone(),
            (Some(i), None) => {
                let instance = self.find::<Instance>(i)?;
                if instance.interfaces.len() > 1 {
                    return refuse(
                        "InvalidInstanceID",
                        format!(
                            "There are multiple interfaces attached to instance '{i}'. Please specify an interface ID for the operation instead."
                        ),
                    );
                }
                instance.interfaces.values().next().cloned().unwrap_or_default()
            }
        };
        self.not_nat(address)?;
        let eni = self.find::<NetworkInterface>(&interface)?;
        self.not_managed(eni)?;
        let private = request.private.unwrap_or(eni.primary());
        if !eni.private.contains(&private) {
            return refuse(
                "InvalidParameterValue",
                format!("The private IP address {private} is not assigned to interface {interface}."),
            );
        }
        if self.gateway_of(&eni.vpc).is_none() {
            return refuse(
                "Gateway.NotAttached",
                format!("Network {} is not attached to any internet gateway", eni.vpc),
            );
        }
        if let Some(old) = &address.association {
            if old.interface == interface && old.private == private {
                return Ok(old.id.clone());
            }
            if request.allow_reassociation == Some(false) {
                return refuse(
                    "Resource.AlreadyAssociated",
                    format!("resource {} is already associated with associate-id {}", request.allocation, old.id),
                );
            }
        }
        let before = address.association.clone();
        self.unmap(&interface, |a| a.private == private);
        if private == self.interfaces.get(&interface).map_or(private, NetworkInterface::primary) {
            self.drop_public(&interface);
        }
        let id = self.new_id("eipassoc");
        self.elastic_ips.edit(&request.allocation, |a| {
            a.association = Some(AddressAssociation { id: id.clone(), interface, private });
        });
        if let Some(before) = before {
            self.renew_public(&before);
        }
        Ok(id)
    }

    /// DisassociateAddress (EIP-06, EIP-19, NAT-03).
    pub fn disassociate_address(&mut self, association: &str) -> Result<()> {
        let Some(address) =
            self.elastic_ips.by(association).find(|a| a.association.as_ref().is_some_and(|x| x.id == association))
        else {
            return refuse(
                "InvalidAssociationID.NotFound",
                format!("The association ID '{association}' does not exist"),
            );
        };
        self.not_nat(address)?;
        let allocation = address.id.clone();
        let before = address.association.clone();
        self.elastic_ips.edit(&allocation, |a| a.association = None);
        if let Some(before) = before {
            self.renew_public(&before);
        }
        Ok(())
    }

    /// The Elastic IP mapped to this address of this interface.
    pub fn elastic_of(&self, interface: &str, private: Ipv4Addr) -> Option<&ElasticIp> {
        self.elastic_ips
            .by(interface)
            .find(|a| a.association.as_ref().is_some_and(|x| x.interface == interface && x.private == private))
    }

    /// The public IPv4 of an interface's primary address, Elastic or auto-assigned.
    pub fn public_of(&self, interface: &NetworkInterface) -> Option<Ipv4Addr> {
        self.public_at(interface, interface.primary())
    }

    /// The public IPv4 that a private address of an interface is mapped to.
    pub fn public_at(&self, interface: &NetworkInterface, private: Ipv4Addr) -> Option<Ipv4Addr> {
        let auto = interface.public.filter(|_| private == interface.primary());
        self.elastic_of(&interface.id, private).map(|a| a.public).or(auto)
    }

    /// Takes those Elastic IPs off an interface whose association `which` picks.
    pub(super) fn unmap(&mut self, interface: &str, which: impl Fn(&AddressAssociation) -> bool) {
        self.elastic_ips.edit_by(interface, |a| a.association.as_ref().is_some_and(&which), |a| a.association = None);
    }

    fn public_taken(&self, a: Ipv4Addr) -> bool {
        self.elastic_ips.by(&a.to_string()).next().is_some() || self.public_in_use.contains(&a)
    }

    /// Gives eth0 an auto-assigned address if none is mapped yet.
    pub(super) fn assign_public(&mut self, interface: &str) {
        let Some(eni) = self.interfaces.get(interface) else { return };
        if self.public_of(eni).is_some() {
            return;
        }
        let (first, size) = self.scalars.pools.public();
        let taken = |a: Ipv4Addr| self.public_taken(a);
        let from = self.scalars.next_public;
        // The address after the last one given, so that stop and start change it (IP-10).
        let Some(i) = (0..size).map(|i| (from + i) % size).find(|i| !taken(Ipv4Addr::from(first + i))) else { return };
        self.scalars.next_public = i + 1;
        let public = Ipv4Addr::from(first + i);
        self.public_in_use.insert_mut(public);
        self.interfaces.edit(interface, |e| e.public = Some(public));
    }

    /// Takes the auto-assigned address away (EIP-05, S-02-12).
    pub(super) fn drop_public(&mut self, interface: &str) {
        let mut gone = None;
        self.interfaces.edit(interface, |e| gone = e.public.take());
        if let Some(gone) = gone {
            self.public_in_use.remove_mut(&gone);
        }
    }

    /// After an Elastic IP left eth0's primary address: a new auto-assigned one, unless a second interface is attached (EIP-06).
    fn renew_public(&mut self, before: &AddressAssociation) {
        let Some(eni) = self.interfaces.get(&before.interface) else { return };
        let Some(attachment) =
            eni.attachment.as_ref().filter(|a| a.device_index == 0 && before.private == eni.primary())
        else {
            return;
        };
        let alone = self
            .instances
            .get(&attachment.instance)
            .is_some_and(|i| i.interfaces.len() == 1 && i.state == InstanceState::Running);
        if alone {
            self.assign_public(&before.interface);
        }
    }

    fn not_nat(&self, address: &ElasticIp) -> Result<()> {
        let nat = address
            .association
            .as_ref()
            .and_then(|a| self.interfaces.get(&a.interface))
            .is_some_and(|e| e.nat_gateway.is_some());
        if nat {
            return refuse("AuthFailure", "You do not have permission to access the specified resource.");
        }
        Ok(())
    }
}
