//! Rules of security groups: authorizing and revoking them, and what else is done to them one by one.

use super::filter::{Filters, one};
use super::page::Page;
use super::params::Params;
use super::security_group::{expect_group, has_ports, named_group, protocol_name};
use super::xml::Xml;
use super::{Operation, arn, expect_prefix, read, tag_set, write};
use crate::model::{
    ApiError, Direction, GroupRule, Id, IpPermission, Model, Result, RulePeer, SecurityGroup, parse, refuse,
};
use ipnet::IpNet;

pub(super) const OPERATIONS: &[Operation] = &[
    write("AuthorizeSecurityGroupIngress", |m, p, x| authorize(m, p, x, Direction::Ingress)),
    write("AuthorizeSecurityGroupEgress", |m, p, x| authorize(m, p, x, Direction::Egress)),
    write("RevokeSecurityGroupIngress", |m, p, x| revoke(m, p, x, Direction::Ingress)),
    write("RevokeSecurityGroupEgress", |m, p, x| revoke(m, p, x, Direction::Egress)),
    write("UpdateSecurityGroupRuleDescriptionsIngress", |m, p, x| update_descriptions(m, p, x, Direction::Ingress)),
    write("UpdateSecurityGroupRuleDescriptionsEgress", |m, p, x| update_descriptions(m, p, x, Direction::Egress)),
    write("ModifySecurityGroupRules", modify_security_group_rules),
    read("DescribeSecurityGroupRules", describe_security_group_rules),
];

fn authorize(m: &mut Model, p: &Params, x: &mut Xml, way: Direction) -> Result<()> {
    let group = named_group(m, p)?;
    let permissions = permissions(m, p, &group)?;
    if permissions.is_empty() {
        return Err(p.missing("IpPermissions"));
    }
    let ids = m.authorize_security_group(&group, way, &permissions)?;
    m.create_tags(&ids, &p.new_tags("security-group-rule")?)?;
    x.done();
    let g = m.find::<SecurityGroup>(&group)?;
    let new = g.rules(way).iter().filter(|r| ids.contains(&r.id));
    x.list("securityGroupRuleSet", new, |x, r| rule_members(x, m, g, way, r));
    Ok(())
}

fn revoke(m: &mut Model, p: &Params, x: &mut Xml, way: Direction) -> Result<()> {
    let group = named_group(m, p)?;
    let (ids, permissions) = (rule_ids(p)?, permissions(m, p, &group)?);
    if ids.is_empty() && permissions.is_empty() {
        return Err(ApiError::new(
            "MissingParameter",
            "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.",
        ));
    }
    let (gone, unknown) = m.revoke_security_group(&group, way, &ids, &permissions)?;
    x.done();
    x.list("unknownIpPermissionSet", &unknown, |x, r| permission(x, m, &[r]));
    x.list("revokedSecurityGroupRuleSet", &gone, |x, r| {
        x.put("securityGroupRuleId", &r.id);
        x.put("groupId", &group);
        x.put("isEgress", way == Direction::Egress);
        rule_text(x, r);
        if let RulePeer::Group(id) = &r.peer {
            x.put("referencedGroupId", id);
        }
    });
    Ok(())
}

fn update_descriptions(m: &mut Model, p: &Params, x: &mut Xml, way: Direction) -> Result<()> {
    let group = named_group(m, p)?;
    let mut texts: Vec<(Id, String)> = Vec::new();
    for permission in permissions(m, p, &group)? {
        texts.push((m.rule_like(&group, way, &permission)?.id.clone(), permission.description));
    }
    for d in p.list("SecurityGroupRuleDescription") {
        let id = d.need("SecurityGroupRuleId")?;
        expect_rule(id)?;
        texts.push((id.into(), d.text("Description").unwrap_or_default().into()));
    }
    if texts.is_empty() {
        return Err(p.missing("IpPermissions"));
    }
    m.describe_rules(&group, way, &texts)?;
    x.done();
    Ok(())
}

/// Each named rule becomes what is given. Protocol, ports and peer stay where nothing is given for them; a description does not.
fn modify_security_group_rules(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let group = p.need("GroupId")?;
    expect_group(group)?;
    m.find::<SecurityGroup>(group)?;
    let mut changes = Vec::new();
    for change in p.list("SecurityGroupRule") {
        let id = change.need("SecurityGroupRuleId")?;
        expect_rule(id)?;
        let new = change.structure("SecurityGroupRule").ok_or_else(|| change.missing("SecurityGroupRule"))?;
        let (_, _, old) = m.rule(id)?;
        let protocol = new.text("IpProtocol").map(parse::protocol).transpose()?;
        let (from, to) = (new.parsed("FromPort")?, new.parsed("ToPort")?);
        let mut peers =
            cidr(new, "CidrIpv4", false)?.into_iter().chain(cidr(new, "CidrIpv6", true)?).collect::<Vec<_>>();
        peers.extend(new.text("ReferencedGroupId").map(|id| RulePeer::Group(id.into())));
        peers.extend(new.text("PrefixListId").map(|id| RulePeer::PrefixList(id.into())));
        if peers.len() > 1 {
            return refuse(
                "InvalidParameterCombination",
                "Only one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId can be specified.",
            );
        }
        let permission = IpPermission {
            protocol: protocol.unwrap_or(old.protocol),
            from: from.or(Some(old.ports.0)),
            to: to.or(Some(old.ports.1)),
            peer: peers.pop().unwrap_or_else(|| old.peer.clone()),
            description: new.text("Description").unwrap_or_default().into(),
        };
        changes.push((id.to_string(), permission));
    }
    if changes.is_empty() {
        return Err(p.missing("SecurityGroupRule"));
    }
    m.modify_security_group_rules(group, &changes)?;
    x.done();
    Ok(())
}

fn describe_security_group_rules(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let filters = Filters::read(p, &["group-id", "security-group-rule-id"])?;
    let ids = rule_ids(p)?;
    let mut rules: Vec<(&SecurityGroup, Direction, &GroupRule)> = if ids.is_empty() {
        let ways = [Direction::Ingress, Direction::Egress];
        let of =
            |g| ways.into_iter().flat_map(move |way| SecurityGroup::rules(g, way).iter().map(move |r| (g, way, r)));
        m.security_groups().iter().flat_map(of).collect()
    } else {
        ids.iter().map(|id| m.rule(id)).collect::<Result<_>>()?
    };
    rules.retain(|(g, _, r)| filters.pass(m, &r.id, |name| one(if name == "group-id" { &g.id } else { &r.id })));
    // Rules have no place in an order that lasts, but their ids do.
    let place = |id: &str| u64::from_str_radix(id.trim_start_matches("sgr-"), 16).unwrap_or(u64::MAX);
    rules.sort_by_key(|(_, _, r)| place(&r.id));
    rules.dedup_by_key(|(_, _, r)| &r.id);
    let page = Page::cut(p, rules.into_iter().map(|rule| (place(&rule.2.id), rule)))?;
    page.write(x, "securityGroupRuleSet", |x, (g, way, r)| rule_members(x, m, g, way, r));
    Ok(())
}

fn rule_ids(p: &Params) -> Result<Vec<Id>> {
    let ids = p.ids("SecurityGroupRuleId");
    ids.iter().try_for_each(|id| expect_rule(id))?;
    Ok(ids)
}

fn expect_rule(id: &str) -> Result<()> {
    expect_prefix(id, "sgr-", "InvalidSecurityGroupRuleId.Malformed")
}

/// All that a call asks for, one peer each: `IpPermissions.N`, and the older form with the parts of one permission in the call itself.
fn permissions(m: &Model, p: &Params, group: &str) -> Result<Vec<IpPermission>> {
    let mut out = Vec::new();
    for permission in p.list("IpPermissions") {
        let base = base(permission)?;
        let peers = peers(m, permission, group)?;
        if peers.is_empty() {
            return refuse(
                "InvalidPermission.Malformed",
                "A permission must contain one of IpRanges, Ipv6Ranges, Groups and PrefixListIds.",
            );
        }
        out.extend(peers.into_iter().map(|(peer, description)| IpPermission { peer, description, ..base.clone() }));
    }
    if let Some(peer) = cidr(p, "CidrIp", false)? {
        out.push(IpPermission { peer, ..base(p)? });
    }
    if let Some(name) = p.text("SourceSecurityGroupName") {
        own_account(m, p.text("SourceSecurityGroupOwnerId"))?;
        let peer = RulePeer::Group(neighbour(m, group, name)?);
        if p.has("IpProtocol") {
            out.push(IpPermission { peer, ..base(p)? });
        } else {
            // Without a protocol it stands for all of these.
            out.extend(
                [(6, 0, 65535), (17, 0, 65535), (1, -1, -1)]
                    .map(|(protocol, from, to)| IpPermission::ports(protocol, from, to, peer.clone())),
            );
        }
    }
    Ok(out)
}

/// Protocol and ports.
fn base(p: &Params) -> Result<IpPermission> {
    let Some(protocol) = p.text("IpProtocol") else {
        return refuse(
            "InvalidParameterValue",
            "Invalid value 'null' for protocol. VPC security group rules must specify protocols explicitly.",
        );
    };
    Ok(IpPermission {
        protocol: parse::protocol(protocol)?,
        from: p.parsed("FromPort")?,
        to: p.parsed("ToPort")?,
        peer: RulePeer::Cidr(IpNet::default()),
        description: String::new(),
    })
}

/// The peers of a permission, with the description that each has.
fn peers(m: &Model, p: &Params, group: &str) -> Result<Vec<(RulePeer, String)>> {
    let text = |p: &Params| p.text("Description").unwrap_or_default().to_string();
    let mut out = Vec::new();
    for (list, member, v6) in [("IpRanges", "CidrIp", false), ("Ipv6Ranges", "CidrIpv6", true)] {
        for range in p.list(list) {
            let peer = cidr(range, member, v6)?.ok_or_else(|| range.missing(member))?;
            out.push((peer, text(range)));
        }
    }
    for pair in p.list("Groups") {
        own_account(m, pair.text("UserId"))?;
        // Where the group is follows from the group.
        pair.ignore(&["VpcId", "VpcPeeringConnectionId", "PeeringStatus"]);
        let id = match (pair.text("GroupId"), pair.text("GroupName")) {
            (Some(id), _) => {
                expect_group(id)?;
                id.into()
            }
            (None, Some(name)) => neighbour(m, group, name)?,
            (None, None) => return Err(pair.missing("GroupId")),
        };
        out.push((RulePeer::Group(id), text(pair)));
    }
    for list in p.list("PrefixListIds") {
        let id = list.need("PrefixListId")?;
        super::prefix_list::expect_list(id)?;
        out.push((RulePeer::PrefixList(id.into()), text(list)));
    }
    Ok(out)
}

/// A block of one family.
fn cidr(p: &Params, name: &str, v6: bool) -> Result<Option<RulePeer>> {
    let Some(text) = p.text(name) else { return Ok(None) };
    match parse::cidr(text) {
        Ok(net) if net.addr().is_ipv6() == v6 => Ok(Some(RulePeer::Cidr(net))),
        _ => refuse("InvalidParameterValue", format!("CIDR block {text} is malformed")),
    }
}

/// The group of this name beside `group`.
fn neighbour(m: &Model, group: &str, name: &str) -> Result<Id> {
    let vpc = &m.find::<SecurityGroup>(group)?.vpc;
    let found = m.security_groups().by(vpc).find(|g| g.vpc == *vpc && g.name == name);
    found.map(|g| g.id.clone()).ok_or_else(|| {
        ApiError::new("InvalidGroup.NotFound", format!("The security group '{name}' does not exist in VPC '{vpc}'"))
    })
}

/// There are no groups of other accounts.
fn own_account(m: &Model, account: Option<&str>) -> Result<()> {
    match account {
        Some(other) if other != m.account() => {
            refuse("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
        }
        _ => Ok(()),
    }
}

/// One element of `securityGroupRuleSet`.
fn rule_members(x: &mut Xml, m: &Model, g: &SecurityGroup, way: Direction, r: &GroupRule) {
    x.put("securityGroupRuleId", &r.id);
    x.put("groupId", &g.id);
    x.put("groupOwnerId", m.account());
    x.put("isEgress", way == Direction::Egress);
    rule_text(x, r);
    if let RulePeer::Group(id) = &r.peer {
        x.within("referencedGroupInfo", |x| {
            x.put("groupId", id);
            x.put("userId", m.account());
        });
    }
    tag_set(x, m, &r.id);
    x.put("securityGroupRuleArn", arn(m, "security-group-rule", &r.id));
}

/// What all forms of a rule have, but for a group that it names. Ports that mean nothing are -1 here.
fn rule_text(x: &mut Xml, r: &GroupRule) {
    x.put("ipProtocol", protocol_name(r.protocol));
    x.put("fromPort", r.ports.0);
    x.put("toPort", r.ports.1);
    match &r.peer {
        RulePeer::Cidr(IpNet::V4(net)) => x.put("cidrIpv4", net),
        RulePeer::Cidr(IpNet::V6(net)) => x.put("cidrIpv6", net),
        RulePeer::PrefixList(id) => x.put("prefixListId", id),
        RulePeer::Group(_) => {}
    }
    if !r.description.is_empty() {
        x.put("description", &r.description);
    }
}

/// Rules as DescribeSecurityGroups shows them: the peers of one protocol and port range together.
pub(super) fn permission_set(x: &mut Xml, m: &Model, name: &str, rules: &[GroupRule]) {
    let mut sets: Vec<Vec<&GroupRule>> = Vec::new();
    for r in rules {
        let key = (r.protocol, r.ports);
        match sets.iter_mut().find(|s| s.first().is_some_and(|f| (f.protocol, f.ports) == key)) {
            Some(set) => set.push(r),
            None => sets.push(vec![r]),
        }
    }
    x.list(name, sets, |x, set| permission(x, m, &set));
}

fn permission(x: &mut Xml, m: &Model, rules: &[&GroupRule]) {
    if let Some(first) = rules.first() {
        x.put("ipProtocol", protocol_name(first.protocol));
        if has_ports(first.protocol) {
            x.put("fromPort", first.ports.0);
            x.put("toPort", first.ports.1);
        }
    }
    let mut list = |name: &str, element: &str, peer: fn(&RulePeer) -> Option<String>| {
        x.list(name, rules.iter().filter_map(|r| Some((peer(&r.peer)?, r))), |x, (peer, r)| {
            if element == "groupId" {
                x.put("userId", m.account());
            }
            x.put(element, peer);
            if !r.description.is_empty() {
                x.put("description", &r.description);
            }
        });
    };
    list("groups", "groupId", |peer| if let RulePeer::Group(id) = peer { Some(id.clone()) } else { None });
    list(
        "ipRanges",
        "cidrIp",
        |peer| if let RulePeer::Cidr(IpNet::V4(net)) = peer { Some(net.to_string()) } else { None },
    );
    list("ipv6Ranges", "cidrIpv6", |peer| {
        if let RulePeer::Cidr(IpNet::V6(net)) = peer { Some(net.to_string()) } else { None }
    });
    list(
        "prefixListIds",
        "prefixListId",
        |peer| if let RulePeer::PrefixList(id) = peer { Some(id.clone()) } else { None },
    );
}
