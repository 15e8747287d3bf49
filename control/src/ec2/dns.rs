//! Names that Amazon gives to addresses (chapter 08: DNS names of instances).

use crate::model::Model;
use std::net::Ipv4Addr;

/// `ip-10-0-0-5.ec2.internal` (other Regions: `ip-10-0-0-5.REGION.compute.internal`), if the VPC resolves names.
pub(super) fn private_of(m: &Model, vpc: &str, address: Ipv4Addr) -> Option<String> {
    m.vpcs().get(vpc)?;
    Some(format!("ip-{}.{}", dashed(address), m.private_domain()))
}

/// `ec2-198-51-100-1.compute-1.amazonaws.com` (other Regions: `ec2-...REGION.compute.amazonaws.com`), if the VPC gives host names.
pub(super) fn public_of(m: &Model, vpc: &str, address: Ipv4Addr) -> Option<String> {
    m.vpcs().get(vpc).filter(|v| v.dns_hostnames && v.dns_support)?;
    let domain = match m.region() {
        "us-east-1" => "compute-1.amazonaws.com".to_string(),
        region => format!("{region}.compute.amazonaws.com"),
    };
    Some(format!("ec2-{}.{domain}", dashed(address)))
}

fn dashed(address: Ipv4Addr) -> String {
    address.octets().map(|o| o.to_string()).join("-")
}
