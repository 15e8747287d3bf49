//! Private and IPv6 addresses of interfaces.

use super::interface::not_prefixes;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, write};
use crate::model::{AssignPrivate, Model, Result};
use std::str::FromStr;

pub(super) const OPERATIONS: &[Operation] = &[
    write("AssignPrivateIpAddresses", assign_private_ip_addresses),
    write("UnassignPrivateIpAddresses", unassign_private_ip_addresses),
    write("AssignIpv6Addresses", assign_ipv6_addresses),
    write("UnassignIpv6Addresses", unassign_ipv6_addresses),
];

fn assign_private_ip_addresses(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    not_prefixes(p)?;
    let interface = p.need("NetworkInterfaceId")?;
    let assigned = m.assign_private_ip_addresses(AssignPrivate {
        interface: interface.into(),
        addresses: addresses(p, "PrivateIpAddress")?,
        count: p.parsed("SecondaryPrivateIpAddressCount")?.unwrap_or(0),
        allow_reassignment: p.flag("AllowReassignment")?.unwrap_or(false),
    })?;
    x.put("networkInterfaceId", interface);
    x.list("assignedPrivateIpAddressesSet", assigned, |x, a| x.put("privateIpAddress", a));
    x.done();
    Ok(())
}

fn unassign_private_ip_addresses(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    not_prefixes(p)?;
    let gone = addresses(p, "PrivateIpAddress")?;
    if gone.is_empty() {
        return Err(p.missing("PrivateIpAddress"));
    }
    m.unassign_private_ip_addresses(p.need("NetworkInterfaceId")?, &gone)?;
    x.done();
    Ok(())
}

fn assign_ipv6_addresses(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    not_prefixes(p)?;
    let (interface, wanted) = (p.need("NetworkInterfaceId")?, addresses(p, "Ipv6Addresses")?);
    let count = p.parsed("Ipv6AddressCount")?.unwrap_or(0);
    if wanted.is_empty() && count == 0 {
        return Err(p.missing("Ipv6AddressCount"));
    }
    let assigned = m.assign_ipv6_addresses(interface, &wanted, count)?;
    x.put("networkInterfaceId", interface);
    x.texts("assignedIpv6Addresses", assigned);
    Ok(())
}

fn unassign_ipv6_addresses(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    not_prefixes(p)?;
    let (interface, gone) = (p.need("NetworkInterfaceId")?, addresses(p, "Ipv6Addresses")?);
    if gone.is_empty() {
        return Err(p.missing("Ipv6Addresses"));
    }
    m.unassign_ipv6_addresses(interface, &gone)?;
    x.put("networkInterfaceId", interface);
    x.texts("unassignedIpv6Addresses", gone);
    Ok(())
}

/// A list of addresses.
fn addresses<A: FromStr>(p: &Params, name: &str) -> Result<Vec<A>> {
    p.texts(name).into_iter().map(|t| t.parse().map_err(|_| p.invalid(name, t))).collect()
}
