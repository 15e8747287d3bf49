//! Security groups. Their rules are in [`super::security_group_rule`].

use super::filter::{Filters, Values, each, one, shown};
use super::page::{Describe, Page};
use super::params::Params;
use super::security_group_rule::permission_set;
use super::xml::Xml;
use super::{Operation, arn, expect_prefix, read, tag_new, tag_set, write};
use crate::model::{ApiError, CreateSecurityGroup, Direction, Id, Model, Result, RulePeer, SecurityGroup, Vpc, parse};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateSecurityGroup", create_security_group),
    write("DeleteSecurityGroup", delete_security_group),
    read("DescribeSecurityGroups", describe_security_groups),
    read("DescribeSecurityGroupReferences", describe_security_group_references),
    read("DescribeStaleSecurityGroups", describe_stale_security_groups),
    read("DescribeSecurityGroupVpcAssociations", describe_security_group_vpc_associations),
    read("GetSecurityGroupsForVpc", get_security_groups_for_vpc),
];

fn create_security_group(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let vpc = match p.text("VpcId") {
        Some(vpc) => vpc.to_string(),
        None => default_vpc(m)?.to_string(),
    };
    let request =
        CreateSecurityGroup { vpc, name: p.need("GroupName")?.into(), description: p.need("GroupDescription")?.into() };
    let id = m.create_security_group(request)?;
    tag_new(m, p, "security-group", &id)?;
    x.done();
    x.put("groupId", &id);
    tag_set(x, m, &id);
    x.put("securityGroupArn", arn(m, "security-group", &id));
    Ok(())
}

fn delete_security_group(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = named_group(m, p)?;
    m.delete_security_group(&id)?;
    x.done();
    x.put("groupId", id);
    Ok(())
}

/// The group that `GroupId` or, in the default VPC, `GroupName` names.
pub(super) fn named_group(m: &Model, p: &Params) -> Result<Id> {
    match (p.text("GroupId"), p.text("GroupName")) {
        (Some(id), _) => {
            expect_group(id)?;
            Ok(m.find::<SecurityGroup>(id)?.id.clone())
        }
        (None, Some(name)) => Ok(by_name(m, name)?.id.clone()),
        (None, None) => {
            Err(ApiError::new("MissingParameter", "The request must contain the parameter groupName or groupId"))
        }
    }
}

/// Refuses what cannot be the id of a group.
pub(super) fn expect_group(id: &str) -> Result<()> {
    expect_prefix(id, "sg-", "InvalidGroupId.Malformed")
}

/// Names find groups in the default VPC only.
fn by_name<'a>(m: &'a Model, name: &str) -> Result<&'a SecurityGroup> {
    let vpc = default_vpc(m)?;
    m.security_groups().by(vpc).find(|g| g.vpc == vpc && g.name == name).ok_or_else(|| {
        ApiError::new(
            "InvalidGroup.NotFound",
            format!("The security group '{name}' does not exist in default VPC '{vpc}'"),
        )
    })
}

fn default_vpc(m: &Model) -> Result<&str> {
    let vpc = m.default_vpc().ok_or_else(|| ApiError::new("VPCIdNotSpecified", "No default VPC for this user"))?;
    Ok(&vpc.id)
}

const DESCRIBE: Describe<SecurityGroup> = Describe {
    ids: "GroupId",
    filters: &[
        "description",
        "egress.ip-permission.cidr",
        "egress.ip-permission.from-port",
        "egress.ip-permission.group-id",
        "egress.ip-permission.group-name",
        "egress.ip-permission.ipv6-cidr",
        "egress.ip-permission.prefix-list-id",
        "egress.ip-permission.protocol",
        "egress.ip-permission.to-port",
        "egress.ip-permission.user-id",
        "group-id",
        "group-name",
        "ip-permission.cidr",
        "ip-permission.from-port",
        "ip-permission.group-id",
        "ip-permission.group-name",
        "ip-permission.ipv6-cidr",
        "ip-permission.prefix-list-id",
        "ip-permission.protocol",
        "ip-permission.to-port",
        "ip-permission.user-id",
        "owner-id",
        "vpc-id",
    ],
    values: group_values,
    set: "securityGroupInfo",
    write: group_members,
};

fn describe_security_groups(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.texts("GroupId").into_iter().try_for_each(expect_group)?;
    let named = p.texts("GroupName").into_iter().map(|n| by_name(m, n)).collect::<Result<Vec<_>>>()?;
    DESCRIBE.run_among(m, p, x, |g| named.is_empty() || named.iter().any(|n| n.id == g.id))
}

fn group_values<'a>(m: &'a Model, g: &'a SecurityGroup, name: &str) -> Values<'a> {
    match name {
        "description" => one(&g.description),
        "group-id" => one(&g.id),
        "group-name" => one(&g.name),
        "owner-id" => one(m.account()),
        "vpc-id" => one(&g.vpc),
        _ => match name.strip_prefix("egress.ip-permission.") {
            Some(what) => rule_values(m, g, Direction::Egress, what),
            None => rule_values(m, g, Direction::Ingress, name.trim_start_matches("ip-permission.")),
        },
    }
}

/// What the rules of one side have; each condition may be met by another rule.
fn rule_values<'a>(m: &'a Model, g: &'a SecurityGroup, way: Direction, what: &str) -> Values<'a> {
    let rules = g.rules(way).iter();
    let peers = rules.clone().map(|r| &r.peer);
    let groups = peers.clone().filter_map(|peer| match peer {
        RulePeer::Group(id) => Some(id),
        _ => None,
    });
    let nets = |v6: bool| {
        peers.clone().filter_map(move |peer| match peer {
            RulePeer::Cidr(net) if net.addr().is_ipv6() == v6 => Some(net),
            _ => None,
        })
    };
    let ports = rules.clone().filter(|r| has_ports(r.protocol)).map(|r| r.ports);
    match what {
        "cidr" => each(nets(false)),
        "ipv6-cidr" => each(nets(true)),
        "from-port" => each(ports.map(|(from, _)| from)),
        "to-port" => each(ports.map(|(_, to)| to)),
        "group-id" => each(groups),
        "group-name" => each(groups.filter_map(|id| m.security_groups().get(id)).map(|g| &g.name)),
        "user-id" => groups.map(|_| m.account().into()).collect(),
        "prefix-list-id" => each(peers.filter_map(|peer| match peer {
            RulePeer::PrefixList(id) => Some(id),
            _ => None,
        })),
        // By name or by number.
        "protocol" => rules.flat_map(|r| [shown(protocol_name(r.protocol)), each(r.protocol)]).flatten().collect(),
        _ => Vec::new(),
    }
}

/// A protocol as rules show it: `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1`.
pub(super) fn protocol_name(protocol: Option<u8>) -> String {
    protocol.map_or("-1".into(), |_| parse::protocol_name(protocol))
}

/// Whether a rule of this protocol has ports, or a type and a code.
pub(super) fn has_ports(protocol: Option<u8>) -> bool {
    matches!(protocol, Some(1 | 6 | 17 | 58))
}

fn group_members(x: &mut Xml, m: &Model, g: &SecurityGroup) {
    x.put("ownerId", m.account());
    x.put("groupName", &g.name);
    x.put("groupDescription", &g.description);
    permission_set(x, m, "ipPermissions", &g.ingress);
    x.put("groupId", &g.id);
    permission_set(x, m, "ipPermissionsEgress", &g.egress);
    tag_set(x, m, &g.id);
    x.put("vpcId", &g.vpc);
    x.put("securityGroupArn", arn(m, "security-group", &g.id));
}

/// Only groups of peer VPCs could name a group from afar.
fn describe_security_group_references(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let groups = p.texts("GroupId");
    if groups.is_empty() {
        return Err(p.missing("GroupId"));
    }
    for id in groups {
        expect_group(id)?;
        m.find::<SecurityGroup>(id)?;
    }
    x.texts("securityGroupReferenceSet", [""; 0]);
    Ok(())
}

/// Only rules that name groups of peer VPCs could go stale.
fn describe_stale_security_groups(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.find::<Vpc>(p.need("VpcId")?)?;
    Page::<&str>::cut(p, [].into_iter())?.write(x, "staleSecurityGroupSet", |_, _| ());
    Ok(())
}

/// Groups belong to the one VPC that they were made in.
fn describe_security_group_vpc_associations(_: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    Filters::read(p, &["group-id", "group-owner-id", "state", "vpc-id", "vpc-owner-id"])?;
    Page::<&str>::cut(p, [].into_iter())?.write(x, "securityGroupVpcAssociationSet", |_, _| ());
    Ok(())
}

const FOR_VPC: Describe<SecurityGroup> = Describe {
    // The call takes none.
    ids: "",
    filters: &["description", "group-id", "group-name", "owner-id", "primary-vpc-id"],
    values: |m, g, name| if name == "primary-vpc-id" { one(&g.vpc) } else { group_values(m, g, name) },
    set: "securityGroupForVpcSet",
    write: |x, m, g| {
        x.put("description", &g.description);
        x.put("groupName", &g.name);
        x.put("ownerId", m.account());
        x.put("groupId", &g.id);
        tag_set(x, m, &g.id);
        x.put("primaryVpcId", &g.vpc);
    },
};

fn get_security_groups_for_vpc(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let vpc = p.need("VpcId")?;
    m.find::<Vpc>(vpc)?;
    FOR_VPC.run_among(m, p, x, |g| g.vpc == vpc)
}
