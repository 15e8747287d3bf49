//! Network interfaces and their addresses (chapter 03, section 1; chapter 02, section 3).

use super::*;
use ipnet::{IpNet, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use vpcd_wire::Mac;

/// CreateNetworkInterface.
#[derive(Clone, Debug, Default)]
pub struct CreateNetworkInterface {
    pub subnet: Id,
    /// Primary first; empty: the system chooses one (IP-02).
    pub private: Vec<Ipv4Addr>,
    /// Secondary addresses that the system chooses.
    pub secondary_count: u32,
    pub ipv6: Vec<Ipv6Addr>,
    /// IPv6 addresses that the system chooses; none given: the subnet's attribute decides.
    pub ipv6_count: Option<u32>,
    /// Empty: the VPC's default group.
    pub groups: Vec<Id>,
    pub description: String,
}

/// AssignPrivateIpAddresses.
#[derive(Clone, Debug, Default)]
pub struct AssignPrivate {
    pub interface: Id,
    pub addresses: Vec<Ipv4Addr>,
    /// Addresses that the system chooses.
    pub count: u32,
    /// IP-04.
    pub allow_reassignment: bool,
}

/// ConnectionTrackingSpecification of an interface, in seconds (SG-203).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackingTimeouts {
    pub tcp_established: u32,
    pub udp: u32,
    pub udp_stream: u32,
}

impl Default for TrackingTimeouts {
    fn default() -> Self {
        TrackingTimeouts { tcp_established: 432_000, udp: 30, udp_stream: 180 }
    }
}

/// Addresses chosen for a new interface.
pub(super) struct Chosen {
    pub vpc: Id,
    pub private: Vec<Ipv4Addr>,
    pub ipv6: Vec<Ipv6Addr>,
    pub groups: Vec<Id>,
}

impl Model {
    /// CreateNetworkInterface (ENI-01, IP-02, IP-13, IP-18).
    pub fn create_network_interface(&mut self, request: CreateNetworkInterface) -> Result<Id> {
        let chosen = self.choose(&request, &[])?;
        Ok(self.put_interface(&request, chosen))
    }

    /// DeleteNetworkInterface (ENI-02).
    pub fn delete_network_interface(&mut self, interface: &str) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        if eni.attachment.is_some() || eni.binding.is_some() {
            return refuse("InvalidParameterValue", format!("Network interface '{interface}' is currently in use."));
        }
        self.drop_interface(interface);
        Ok(())
    }

    /// AttachNetworkInterface; answers the attachment id (ENI-02, ENI-06, ENI-07).
    pub fn attach_network_interface(&mut self, interface: &str, instance: &str, device_index: u32) -> Result<Id> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        let i = self.find::<Instance>(instance)?;
        if i.state == InstanceState::Terminated {
            return refuse("IncorrectState", format!("The instance '{instance}' is not in a state to attach to."));
        }
        if eni.attachment.is_some() || eni.binding.is_some() {
            return refuse("InvalidNetworkInterface.InUse", format!("Interface: [{interface}] in use."));
        }
        if eni.vpc != i.vpc {
            return refuse(
                "InvalidParameterCombination",
                format!("The interface {interface} and the instance {instance} are in different VPCs."),
            );
        }
        if self.subnets.get(&eni.subnet).is_none_or(|s| s.zone != i.zone) {
            return refuse(
                "InvalidParameterCombination",
                format!(
                    "You may not attach a network interface to an instance if they are not in the same availability zone ({interface}, {instance})."
                ),
            );
        }
        if i.interfaces.contains_key(&device_index) {
            return refuse(
                "InvalidParameterValue",
                format!("Instance '{instance}' already has an interface attached at device index '{device_index}'."),
            );
        }
        if i.interfaces.len() >= super::instance_types::max_interfaces(&i.instance_type) {
            return refuse(
                "AttachmentLimitExceeded",
                format!("Interface count {} exceeds the limit for {}", i.interfaces.len() + 1, i.instance_type),
            );
        }
        super::instance::addresses_fit(&i.instance_type, eni.private.len(), eni.ipv6.len())?;
        Ok(self.plug(interface, instance, device_index, false))
    }

    /// DetachNetworkInterface by attachment id (ENI-05).
    pub fn detach_network_interface(&mut self, attachment: &str) -> Result<()> {
        let Some(eni) =
            self.interfaces.by(attachment).find(|e| e.attachment.as_ref().is_some_and(|a| a.id == attachment))
        else {
            return refuse("InvalidAttachmentID.NotFound", format!("The attachment '{attachment}' does not exist"));
        };
        if eni.attachment.as_ref().is_some_and(|a| a.device_index == 0) {
            return refuse("OperationNotPermitted", "The network interface at device index 0 cannot be detached.");
        }
        let id = eni.id.clone();
        self.unplug(&id);
        Ok(())
    }

    /// Whether frames can be delivered to an interface: its instance runs, or it is bound.
    pub fn plugged(&self, interface: &NetworkInterface) -> bool {
        interface.bound
            || interface
                .attachment
                .as_ref()
                .is_some_and(|a| self.instances.get(&a.instance).is_some_and(|i| i.state == InstanceState::Running))
    }

    /// ModifyNetworkInterfaceAttribute groupSet: replaces the set (SG-62, SG-63, SG-64).
    pub fn modify_groups(&mut self, interface: &str, groups: &[Id]) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        if groups.is_empty() {
            return refuse("InvalidParameterValue", "You must specify at least one security group.");
        }
        let groups = self.interface_groups(&eni.vpc, groups)?;
        self.interfaces.edit(interface, |e| e.groups = groups);
        Ok(())
    }

    /// ModifyNetworkInterfaceAttribute sourceDestCheck (ENI-08, NATI-01).
    pub fn modify_source_dest_check(&mut self, interface: &str, on: bool) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        self.interfaces.edit(interface, |e| e.source_dest_check = on);
        Ok(())
    }

    /// ModifyNetworkInterfaceAttribute description.
    pub fn modify_interface_description(&mut self, interface: &str, text: &str) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        self.interfaces.edit(interface, |e| e.description = text.into());
        Ok(())
    }

    /// ModifyNetworkInterfaceAttribute attachment: whether the interface goes with its instance.
    pub fn modify_delete_on_termination(&mut self, interface: &str, attachment: &str, on: bool) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        if eni.attachment.as_ref().is_none_or(|a| a.id != attachment) {
            return refuse("InvalidAttachmentID.NotFound", format!("The attachment '{attachment}' does not exist"));
        }
        self.interfaces.edit(interface, |e| {
            if let Some(a) = &mut e.attachment {
                a.delete_on_termination = on;
            }
        });
        Ok(())
    }

    /// ModifyNetworkInterfaceAttribute AssociatePublicIpAddress: the primary address of eth0 gets an auto-assigned public one, or loses it.
    pub fn modify_public_address(&mut self, interface: &str, on: bool) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        if eni.attachment.as_ref().is_none_or(|a| a.device_index != 0) {
            return refuse(
                "InvalidParameterCombination",
                format!("Interface '{interface}' is not the primary interface of an instance."),
            );
        }
        match on {
            true => self.assign_public(interface),
            false => self.drop_public(interface),
        }
        Ok(())
    }

    /// ModifyNetworkInterfaceAttribute ConnectionTrackingSpecification (SG-203).
    pub fn modify_tracking_timeouts(&mut self, interface: &str, timeouts: TrackingTimeouts) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        for (what, value, range) in [
            ("TcpEstablishedTimeout", timeouts.tcp_established, 60..=432_000),
            ("UdpTimeout", timeouts.udp, 30..=60),
            ("UdpStreamTimeout", timeouts.udp_stream, 60..=180),
        ] {
            if !range.contains(&value) {
                return refuse(
                    "InvalidParameterValue",
                    format!(
                        "Invalid value '{value}' for {what}. Must be between {} and {}.",
                        range.start(),
                        range.end()
                    ),
                );
            }
        }
        self.interfaces.edit(interface, |e| e.timeouts = timeouts);
        Ok(())
    }

    /// AssignPrivateIpAddresses (IP-04); answers the addresses.
    pub fn assign_private_ip_addresses(&mut self, request: AssignPrivate) -> Result<Vec<Ipv4Addr>> {
        let eni = self.find::<NetworkInterface>(&request.interface)?;
        self.not_managed(eni)?;
        let (vpc, subnet, have) = (eni.vpc.clone(), eni.subnet.clone(), eni.private.len());
        if request.addresses.is_empty() == (request.count == 0) {
            return refuse(
                "InvalidParameterCombination",
                "Give either private IP addresses or a count of secondary addresses.",
            );
        }
        if have + request.addresses.len() + request.count as usize > self.max_addresses(&request.interface) {
            return refuse("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed the limit.");
        }
        let mut new = Vec::new();
        let mut taken_from = Vec::new();
        for &a in &request.addresses {
            self.in_subnet4(&subnet, a)?;
            if let Some(owner) = self.in_use.owner(&vpc, IpAddr::V4(a)).filter(|o| **o != request.interface) {
                if !request.allow_reassignment {
                    return refuse("InvalidParameterValue", format!("{a} is already assigned to another interface"));
                }
                let o = self.find::<NetworkInterface>(owner)?;
                if o.primary() == a {
                    return refuse(
                        "InvalidParameterValue",
                        format!("{a} is the primary address of {owner} and cannot be reassigned"),
                    );
                }
                taken_from.push((owner.clone(), a));
            } else if eni.private.contains(&a) {
                continue;
            }
            if !new.contains(&a) {
                new.push(a);
            }
        }
        for _ in 0..request.count {
            new.push(self.free_private(&subnet, &new)?);
        }
        for (owner, a) in taken_from {
            self.release_private(&owner, a);
        }
        for &a in &new {
            self.take_address(&vpc, &subnet, IpAddr::V4(a), &request.interface);
        }
        self.interfaces.edit(&request.interface, |e| e.private.extend(&new));
        Ok(new)
    }

    /// UnassignPrivateIpAddresses (IP-03).
    pub fn unassign_private_ip_addresses(&mut self, interface: &str, addresses: &[Ipv4Addr]) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        for a in addresses {
            if *a == eni.primary() {
                return refuse(
                    "InvalidParameterValue",
                    format!("The primary private IP address {a} cannot be unassigned."),
                );
            }
            if !eni.private.contains(a) {
                return refuse(
                    "InvalidParameterValue",
                    format!("The address {a} is not assigned to interface {interface}."),
                );
            }
        }
        for a in addresses {
            self.release_private(interface, *a);
        }
        Ok(())
    }

    /// AssignIpv6Addresses: given ones, or a count (IP-13, IP-17, IP-18); answers the addresses.
    pub fn assign_ipv6_addresses(
        &mut self,
        interface: &str,
        addresses: &[Ipv6Addr],
        count: u32,
    ) -> Result<Vec<Ipv6Addr>> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        let (vpc, subnet) = (eni.vpc.clone(), eni.subnet.clone());
        let wanted: Vec<Ipv6Addr> = addresses.iter().copied().filter(|a| !eni.ipv6.contains(a)).collect();
        super::instance::addresses_fit(self.type_of(interface), 0, eni.ipv6.len().max(1))?;
        if eni.ipv6.len() + wanted.len() + count as usize > self.max_addresses(interface) {
            return refuse("PrivateIpAddressLimitExceeded", "Number of IPv6 addresses will exceed the limit.");
        }
        let new = self.choose6(&vpc, &subnet, &wanted, count, &[])?;
        for a in &new {
            self.take_address(&vpc, &subnet, IpAddr::V6(*a), interface);
        }
        self.interfaces.edit(interface, |e| e.ipv6.extend(&new));
        Ok(new)
    }

    /// UnassignIpv6Addresses (IP-16).
    pub fn unassign_ipv6_addresses(&mut self, interface: &str, addresses: &[Ipv6Addr]) -> Result<()> {
        let eni = self.find::<NetworkInterface>(interface)?;
        self.not_managed(eni)?;
        let (vpc, subnet) = (eni.vpc.clone(), eni.subnet.clone());
        if let Some(a) = addresses.iter().find(|a| !eni.ipv6.contains(a)) {
            return refuse(
                "InvalidParameterValue",
                format!("The address {a} is not assigned to interface {interface}."),
            );
        }
        for a in addresses {
            self.in_use.release(&vpc, &subnet, IpAddr::V6(*a));
        }
        self.interfaces.edit(interface, |e| e.ipv6.retain(|a| !addresses.contains(a)));
        Ok(())
    }

    /// Who owns a private or IPv6 address of a VPC.
    pub fn owner(&self, vpc: &str, address: IpAddr) -> Option<&Id> {
        self.in_use.owner(vpc, address)
    }

    /// All checks and choices of a new interface; `others` are addresses that interfaces made in the same call will have.
    pub(super) fn choose(&self, request: &CreateNetworkInterface, others: &[&Chosen]) -> Result<Chosen> {
        let s = self.find::<Subnet>(&request.subnet)?;
        let groups = self.interface_groups(&s.vpc, &request.groups)?;
        if self.interfaces.len() + others.len() >= self.scalars.limits.interfaces {
            return refuse(
                "NetworkInterfaceLimitExceeded",
                "The maximum number of network interfaces has been reached.",
            );
        }
        let mut avoid: Vec<Ipv4Addr> = others.iter().flat_map(|o| o.private.clone()).collect();
        let mut private = Vec::new();
        for &a in &request.private {
            self.in_subnet4(&request.subnet, a)?;
            if self.in_use.contains(&s.vpc, IpAddr::V4(a)) || avoid.contains(&a) {
                return refuse("InvalidIPAddress.InUse", format!("Address {a} is in use."));
            }
            avoid.push(a);
            private.push(a);
        }
        let missing = u32::from(private.is_empty()) + request.secondary_count;
        for _ in 0..missing {
            let a = self.free_private(&request.subnet, &avoid)?;
            avoid.push(a);
            private.push(a);
        }
        let count = request.ipv6_count.unwrap_or(u32::from(s.assign_ipv6 && request.ipv6.is_empty()));
        let avoid6: Vec<Ipv6Addr> = others.iter().flat_map(|o| o.ipv6.clone()).collect();
        let ipv6 = self.choose6(&s.vpc, &request.subnet, &request.ipv6, count, &avoid6)?;
        if private.len().max(ipv6.len()) > self.scalars.limits.addresses_per_interface {
            return refuse("PrivateIpAddressLimitExceeded", "Number of addresses will exceed the limit.");
        }
        Ok(Chosen { vpc: s.vpc.clone(), private, ipv6, groups })
    }

    /// Makes an interface of checked choices.
    pub(super) fn put_interface(&mut self, request: &CreateNetworkInterface, chosen: Chosen) -> Id {
        let id = self.new_id("eni");
        let mac = self.next_mac();
        for a in chosen.private.iter().map(|a| IpAddr::V4(*a)).chain(chosen.ipv6.iter().map(|a| IpAddr::V6(*a))) {
            self.take_address(&chosen.vpc, &request.subnet, a, &id);
        }
        self.interfaces.put(NetworkInterface {
            id: id.clone(),
            vpc: chosen.vpc,
            subnet: request.subnet.clone(),
            mac,
            description: request.description.clone(),
            private: chosen.private,
            ipv6: chosen.ipv6,
            groups: chosen.groups,
            source_dest_check: true,
            attachment: None,
            bound: false,
            binding: None,
            nat_gateway: None,
            public: None,
            timeouts: TrackingTimeouts::default(),
        });
        id
    }

    /// The interface of a NAT gateway: no groups, no check (NAT-05..07, NAT-72).
    pub(super) fn put_nat_interface(&mut self, vpc: &str, subnet: &str, nat: &str, private: Ipv4Addr) -> Id {
        let request = CreateNetworkInterface {
            subnet: subnet.into(),
            description: format!("Interface for NAT Gateway {nat}"),
            ..Default::default()
        };
        let id = self.put_interface(
            &request,
            Chosen { vpc: vpc.into(), private: vec![private], ipv6: Vec::new(), groups: Vec::new() },
        );
        self.interfaces.edit(&id, |e| {
            e.source_dest_check = false;
            e.nat_gateway = Some(nat.into());
        });
        id
    }

    /// Hangs an interface on an instance.
    pub(super) fn plug(
        &mut self,
        interface: &str,
        instance: &str,
        device_index: u32,
        delete_on_termination: bool,
    ) -> Id {
        let id = self.new_id("eni-attach");
        let at = self.now;
        self.interfaces.edit(interface, |e| {
            let (id, instance) = (id.clone(), instance.into());
            e.attachment = Some(Attachment { id, instance, device_index, delete_on_termination, at });
        });
        self.instances.edit(instance, |i| {
            i.interfaces.insert(device_index, interface.into());
        });
        id
    }

    /// Takes an interface off its instance.
    pub(super) fn unplug(&mut self, interface: &str) {
        let mut gone = None;
        self.interfaces.edit(interface, |e| gone = e.attachment.take());
        if let Some(a) = gone {
            self.instances.edit(&a.instance, |i| {
                i.interfaces.remove(&a.device_index);
            });
        }
    }

    /// Removes an interface with all its addresses; Elastic IPs stay allocated (EIP-08).
    pub(super) fn drop_interface(&mut self, interface: &str) {
        self.drop_public(interface);
        self.unplug(interface);
        let Some(eni) = self.interfaces.take(interface) else { return };
        for a in eni.private.iter().map(|a| IpAddr::V4(*a)).chain(eni.ipv6.iter().map(|a| IpAddr::V6(*a))) {
            self.in_use.release(&eni.vpc, &eni.subnet, a);
        }
        self.unmap(interface, |_| true);
    }

    /// The lowest free private address of a subnet that is in no reservation (SUB-07, SUB-22).
    pub(super) fn free_private(&self, subnet: &str, avoid: &[Ipv4Addr]) -> Result<Ipv4Addr> {
        let s = self.find::<Subnet>(subnet)?;
        let reserved: Vec<IpNet> = self.reservations_of(subnet).map(|r| r.cidr).collect();
        let (first, last) = (u32::from(s.cidr.network()) + 4, u32::from(s.cidr.broadcast()));
        for a in (self.in_use.low(subnet, first)..last).map(Ipv4Addr::from) {
            let here = IpAddr::V4(a);
            if !self.in_use.contains(&s.vpc, here) && !avoid.contains(&a) && !reserved.iter().any(|r| r.contains(&here))
            {
                return Ok(a);
            }
        }
        refuse(
            "InsufficientFreeAddressesInSubnet",
            format!("The specified subnet '{subnet}' does not have enough free addresses to satisfy the request."),
        )
    }

    /// Attributes of a gateway's own interface belong to the gateway (NAT-06).
    pub(super) fn not_managed(&self, eni: &NetworkInterface) -> Result<()> {
        if eni.nat_gateway.is_some() {
            return refuse(
                "OperationNotPermitted",
                format!("You are not allowed to manage the interface {}; it belongs to a NAT gateway.", eni.id),
            );
        }
        Ok(())
    }

    /// Type of the instance that an interface hangs on; empty if it hangs on none.
    fn type_of(&self, interface: &str) -> &str {
        let attachment = self.interfaces.get(interface).and_then(|e| e.attachment.as_ref());
        attachment.and_then(|a| self.instances.get(&a.instance)).map_or("", |i| &i.instance_type)
    }

    fn max_addresses(&self, interface: &str) -> usize {
        let by_type = super::instance_types::max_addresses(self.type_of(interface));
        by_type.min(self.scalars.limits.addresses_per_interface)
    }

    fn release_private(&mut self, interface: &str, address: Ipv4Addr) {
        let Some(eni) = self.interfaces.get(interface) else { return };
        self.in_use.release(&eni.vpc, &eni.subnet, IpAddr::V4(address));
        self.interfaces.edit(interface, |e| e.private.retain(|a| *a != address));
        self.unmap(interface, |a| a.private == address);
    }

    pub(super) fn in_subnet4(&self, subnet: &str, a: Ipv4Addr) -> Result<()> {
        let s = self.find::<Subnet>(subnet)?;
        if !s.cidr.contains(&a) {
            return refuse(
                "InvalidParameterValue",
                format!("Address {a} does not fall within the subnet's address range"),
            );
        }
        if u32::from(a) - u32::from(s.cidr.network()) < 4 || a == s.cidr.broadcast() {
            return refuse("InvalidParameterValue", format!("Address {a} is in subnet's reserved address range"));
        }
        Ok(())
    }

    fn choose6(
        &self,
        vpc: &str,
        subnet: &str,
        given: &[Ipv6Addr],
        count: u32,
        others: &[Ipv6Addr],
    ) -> Result<Vec<Ipv6Addr>> {
        if given.is_empty() && count == 0 {
            return Ok(Vec::new());
        }
        let s = self.find::<Subnet>(subnet)?;
        let Some(block) = s.ipv6.as_ref().map(|b| b.cidr) else {
            return refuse("InvalidParameterValue", format!("The subnet '{subnet}' has no IPv6 CIDR block"));
        };
        let taken = |a: &Ipv6Addr| self.in_use.contains(vpc, IpAddr::V6(*a)) || others.contains(a);
        let mut out: Vec<Ipv6Addr> = Vec::new();
        for a in given {
            if !block.contains(a) {
                return refuse(
                    "InvalidParameterValue",
                    format!("Address {a} does not fall within the subnet's address range"),
                );
            }
            if u128::from(*a) - u128::from(block.network()) < 4 || *a == block.broadcast() {
                return refuse("InvalidParameterValue", format!("Address {a} is in subnet's reserved address range"));
            }
            if taken(a) || out.contains(a) {
                return refuse("InvalidIPAddress.InUse", format!("Address {a} is in use."));
            }
            out.push(*a);
        }
        let reserved: Vec<Ipv6Net> = self.reservations_of(subnet).filter_map(|r| v6(r.cidr)).collect();
        let mut next = u128::from(block.network()) + 4;
        while (out.len() - given.len()) < count as usize {
            let here = Ipv6Addr::from(next);
            if here >= block.broadcast() {
                return refuse(
                    "InsufficientFreeAddressesInSubnet",
                    format!(
                        "The specified subnet '{subnet}' does not have enough free addresses to satisfy the request."
                    ),
                );
            }
            if let Some(r) = reserved.iter().find(|r| r.contains(&here)) {
                next = u128::from(r.broadcast());
            } else if !taken(&here) && !out.contains(&here) {
                out.push(here);
            }
            next += 1;
        }
        Ok(out)
    }

    pub(super) fn take_address(&mut self, vpc: &str, subnet: &str, address: IpAddr, interface: &str) {
        let first = self.subnets.get(subnet).map_or(0, |s| u32::from(s.cidr.network()) + 4);
        self.in_use.take(vpc, subnet, first, address, interface);
    }

    fn next_mac(&mut self) -> Mac {
        self.scalars.next_mac += 1;
        let [a, b, c, d] = self.scalars.next_mac.to_be_bytes();
        // 02:65 is ours; 02:76 is the fabric's.
        Mac([0x02, 0x65, a, b, c, d])
    }
}

fn v6(net: IpNet) -> Option<Ipv6Net> {
    match net {
        IpNet::V6(n) => Some(n),
        IpNet::V4(_) => None,
    }
}
