//! Regions, Availability Zones, and what an account may do.

use super::filter::{Filters, Values, one};
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read};
use crate::model::{Model, Result, Zone, refuse};

pub(super) const OPERATIONS: &[Operation] = &[
    read("DescribeRegions", describe_regions),
    read("DescribeAvailabilityZones", describe_availability_zones),
    read("DescribeAccountAttributes", describe_account_attributes),
    read("DescribeVpcBlockPublicAccessOptions", describe_vpc_block_public_access_options),
];

/// Regions that every account may use.
const OPEN: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];

/// Regions that an account has to ask for.
const OPT_IN: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// Whether AWS has a Region of this name that needs no opting in.
pub fn known_region(name: &str) -> bool {
    OPEN.contains(&name)
}

const NEEDS_NO_OPT_IN: &str = "opt-in-not-required";

fn describe_regions(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let filters = Filters::read(p, &["endpoint", "opt-in-status", "region-name"])?;
    let all = p.flag("AllRegions")?.unwrap_or(false);
    let here = m.region();
    let mut regions: Vec<(&str, &str)> = OPEN.iter().map(|r| (*r, NEEDS_NO_OPT_IN)).collect();
    regions.extend(OPT_IN.iter().map(|r| (*r, if *r == here { "opted-in" } else { "not-opted-in" })));
    if !regions.iter().any(|(name, _)| *name == here) {
        regions.push((here, NEEDS_NO_OPT_IN));
    }
    regions.sort_unstable();
    let named = p.texts("RegionName");
    if let Some(unknown) = named.iter().find(|n| !regions.iter().any(|(name, _)| name == *n)) {
        return refuse("InvalidParameterValue", format!("Invalid region provided: {unknown}"));
    }
    regions.retain(|(name, status)| {
        let asked = if named.is_empty() { all || *status != "not-opted-in" } else { named.contains(name) };
        let values = |filter: &str| match filter {
            "endpoint" => one(endpoint(name)),
            "opt-in-status" => one(*status),
            "region-name" => one(*name),
            _ => Vec::new(),
        };
        asked && filters.pass_alone(values)
    });
    x.list("regionInfo", regions, |x, (name, status)| {
        x.put("regionName", name);
        x.put("regionEndpoint", endpoint(name));
        x.put("optInStatus", status);
    });
    Ok(())
}

fn endpoint(region: &str) -> String {
    format!("ec2.{region}.amazonaws.com")
}

fn describe_availability_zones(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let filters = Filters::read(
        p,
        &[
            "group-long-name",
            "group-name",
            "message",
            "opt-in-status",
            "parent-zone-id",
            "parent-zone-name",
            "region-name",
            "state",
            "zone-id",
            "zone-name",
            "zone-type",
        ],
    )?;
    // All zones are of the Region proper: nothing is left out for want of an opt-in.
    p.ignore(&["AllAvailabilityZones"]);
    let zones = m.availability_zones();
    let (names, ids) = (p.texts("ZoneName"), p.texts("ZoneId"));
    let unknown = |kind: &str, given: &str| {
        refuse("InvalidParameterValue", format!("Invalid availability zone{kind}: [{given}]"))
    };
    if let Some(name) = names.iter().find(|n| !zones.iter().any(|z| z.name == **n)) {
        return unknown("", name);
    }
    if let Some(id) = ids.iter().find(|i| !zones.iter().any(|z| z.id == **i)) {
        return unknown("-id", id);
    }
    let asked = |z: &&Zone| {
        (names.is_empty() && ids.is_empty()) || names.contains(&z.name.as_str()) || ids.contains(&z.id.as_str())
    };
    let kept = zones.iter().filter(asked).filter(|z| filters.pass_alone(|name| zone_values(m, z, name)));
    x.list("availabilityZoneInfo", kept, |x, z| {
        x.put("zoneName", &z.name);
        x.put("zoneId", &z.id);
        x.put("zoneState", m.zone_state(&z.name).name());
        x.put("zoneType", "availability-zone");
        x.put("regionName", m.region());
        x.put("groupName", group(m));
        x.put("networkBorderGroup", m.region());
        x.put("optInStatus", NEEDS_NO_OPT_IN);
        x.list("messageSet", m.zone_messages(&z.name), |x, text| x.put("message", text));
    });
    Ok(())
}

/// The zone group of a Region's own zones.
fn group(m: &Model) -> String {
    format!("{}-zg-1", m.region())
}

fn zone_values<'a>(m: &'a Model, z: &'a Zone, name: &str) -> Values<'a> {
    match name {
        "group-name" => one(group(m)),
        "message" => m.zone_messages(&z.name).into_iter().map(Into::into).collect(),
        "opt-in-status" => one(NEEDS_NO_OPT_IN),
        "region-name" => one(m.region()),
        "state" => one(m.zone_state(&z.name).name()),
        "zone-id" => one(z.id.as_str()),
        "zone-name" => one(z.name.as_str()),
        "zone-type" => one("availability-zone"),
        _ => Vec::new(),
    }
}

/// Answered from the quotas in force (chapter 11, section 1; DEF-15).
fn describe_account_attributes(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let limits = m.limits();
    let elastic = limits.elastic_ips.to_string();
    let attributes = [
        ("supported-platforms", "VPC".to_string()),
        ("vpc-max-security-groups-per-interface", limits.groups_per_interface.to_string()),
        ("max-elastic-ips", elastic.clone()),
        ("max-instances", limits.instances.to_string()),
        ("vpc-max-elastic-ips", elastic),
        ("default-vpc", m.default_vpc().map_or_else(|| "none".into(), |v| v.id.clone())),
    ];
    let named = p.texts("AttributeName");
    if let Some(unknown) = named.iter().find(|n| !attributes.iter().any(|(name, _)| name == *n)) {
        return Err(p.invalid("AttributeName", unknown));
    }
    let kept = attributes.iter().filter(|(name, _)| named.is_empty() || named.contains(name));
    x.list("accountAttributeSet", kept, |x, (name, value)| {
        x.put("attributeName", name);
        x.list("attributeValueSet", [value], |x, v| x.put("attributeValue", v));
    });
    Ok(())
}

/// Block public access is off, and cannot be turned on.
fn describe_vpc_block_public_access_options(m: &Model, _: &Params, x: &mut Xml) -> Result<()> {
    x.within("vpcBlockPublicAccessOptions", |x| {
        x.put("awsAccountId", m.account());
        x.put("awsRegion", m.region());
        x.put("state", "default-state");
        x.put("internetGatewayBlockMode", "off");
        x.put("managedBy", "account");
        x.put("exclusionsAllowed", "allowed");
    });
    Ok(())
}
