//! Texts of requests to values: CIDR blocks, addresses, protocols. Refusals carry AWS's codes.

use super::{ApiError, Result};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{Ipv4Addr, Ipv6Addr};

/// An IPv4 block, canonicalised (S-02-3, RT-09).
pub fn cidr4(text: &str) -> Result<Ipv4Net> {
    text.parse::<Ipv4Net>().map(|n| n.trunc()).map_err(|_| bad_cidr(text))
}

/// An IPv6 block, canonicalised.
pub fn cidr6(text: &str) -> Result<Ipv6Net> {
    text.parse::<Ipv6Net>().map(|n| n.trunc()).map_err(|_| bad_cidr(text))
}

/// A block of either family, canonicalised.
pub fn cidr(text: &str) -> Result<IpNet> {
    text.parse::<IpNet>().map(|n| n.trunc()).map_err(|_| bad_cidr(text))
}

/// An IPv4 address.
pub fn address4(text: &str) -> Result<Ipv4Addr> {
    text.parse().map_err(|_| bad_address(text))
}

/// An IPv6 address.
pub fn address6(text: &str) -> Result<Ipv6Addr> {
    text.parse().map_err(|_| bad_address(text))
}

/// A protocol by name or number; `None` is all (SG-34).
pub fn protocol(text: &str) -> Result<Option<u8>> {
    match text.to_ascii_lowercase().as_str() {
        "-1" | "all" => Ok(None),
        "tcp" => Ok(Some(6)),
        "udp" => Ok(Some(17)),
        "icmp" => Ok(Some(1)),
        "icmpv6" => Ok(Some(58)),
        other => other
            .parse()
            .map(Some)
            .map_err(|_| ApiError::new("InvalidPermission.Malformed", format!("Unsupported IP protocol \"{text}\""))),
    }
}

/// A protocol as a network ACL entry names it: a number, or -1.
pub fn acl_protocol(text: &str) -> Result<Option<u8>> {
    protocol(text).map_err(|_| {
        ApiError::new("InvalidParameterValue", format!("Invalid value '{text}' for protocol. Unknown protocol."))
    })
}

/// How people write a protocol.
pub fn protocol_name(protocol: Option<u8>) -> String {
    match protocol {
        None => "all".into(),
        Some(6) => "tcp".into(),
        Some(17) => "udp".into(),
        Some(1) => "icmp".into(),
        Some(58) => "icmpv6".into(),
        Some(n) => n.to_string(),
    }
}

fn bad_cidr(text: &str) -> ApiError {
    ApiError::new(
        "InvalidParameterValue",
        format!("Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."),
    )
}

fn bad_address(text: &str) -> ApiError {
    ApiError::new("InvalidParameterValue", format!("Invalid IP address: '{text}'"))
}
