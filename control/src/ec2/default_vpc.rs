//! The default VPC and its subnets.

use super::params::Params;
use super::subnet::{new_subnet, zone};
use super::vpc::new_vpc;
use super::xml::Xml;
use super::{Operation, write};
use crate::model::{Model, Result, refuse};

pub(super) const OPERATIONS: &[Operation] =
    &[write("CreateDefaultVpc", create_default_vpc), write("CreateDefaultSubnet", create_default_subnet)];

fn create_default_vpc(m: &mut Model, _: &Params, x: &mut Xml) -> Result<()> {
    let id = m.create_default_vpc()?;
    new_vpc(m, &id, x)
}

fn create_default_subnet(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    if p.flag("Ipv6Native")? == Some(true) {
        return refuse("InvalidParameterValue", "Subnets without IPv4 are not supported: Ipv6Native cannot be true.");
    }
    let zone = zone(m, p)?.ok_or_else(|| p.missing("AvailabilityZone"))?;
    let id = m.create_default_subnet(&zone)?;
    new_subnet(m, &id, x)
}
