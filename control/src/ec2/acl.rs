//! Network ACLs.

use super::filter::{Values, each, one, shown};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, expect_prefix, read, tag_new, tag_set, write};
use crate::model::{AclEntry, Direction, Id, Model, NetworkAcl, NetworkAclEntrySpec, Result, Subnet, parse, refuse};
use ipnet::IpNet;

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateNetworkAcl", create_network_acl),
    write("DeleteNetworkAcl", delete_network_acl),
    read("DescribeNetworkAcls", describe_network_acls),
    write("CreateNetworkAclEntry", create_network_acl_entry),
    write("ReplaceNetworkAclEntry", replace_network_acl_entry),
    write("DeleteNetworkAclEntry", delete_network_acl_entry),
    write("ReplaceNetworkAclAssociation", replace_network_acl_association),
];

fn create_network_acl(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = m.create_network_acl(p.need("VpcId")?)?;
    tag_new(m, p, "network-acl", &id)?;
    let acl = m.find::<NetworkAcl>(&id)?;
    x.within("networkAcl", |x| acl_members(x, m, acl));
    x.maybe("clientToken", p.text("ClientToken"));
    Ok(())
}

fn delete_network_acl(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_network_acl(&acl_id(p)?)?;
    x.done();
    Ok(())
}

fn create_network_acl_entry(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.create_network_acl_entry(entry(p)?)?;
    x.done();
    Ok(())
}

fn replace_network_acl_entry(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.replace_network_acl_entry(entry(p)?)?;
    x.done();
    Ok(())
}

fn delete_network_acl_entry(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_network_acl_entry(&acl_id(p)?, direction(p)?, number(p)?)?;
    x.done();
    Ok(())
}

fn replace_network_acl_association(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let new = m.replace_network_acl_association(p.need("AssociationId")?, &acl_id(p)?)?;
    x.put("newAssociationId", new);
    Ok(())
}

fn acl_id(p: &Params) -> Result<Id> {
    let id = p.need("NetworkAclId")?;
    expect_acl(id)?;
    Ok(id.into())
}

fn expect_acl(id: &str) -> Result<()> {
    expect_prefix(id, "acl-", "InvalidNetworkAclId.Malformed")
}

fn direction(p: &Params) -> Result<Direction> {
    match p.flag("Egress")? {
        Some(true) => Ok(Direction::Egress),
        Some(false) => Ok(Direction::Ingress),
        None => Err(p.missing("Egress")),
    }
}

fn number(p: &Params) -> Result<i32> {
    p.parsed("RuleNumber")?.ok_or_else(|| p.missing("RuleNumber"))
}

fn entry(p: &Params) -> Result<NetworkAclEntrySpec> {
    let cidr = match (p.cidr4("CidrBlock")?, p.cidr6("Ipv6CidrBlock")?) {
        (Some(net), None) => IpNet::V4(net),
        (None, Some(net)) => IpNet::V6(net),
        (Some(_), Some(_)) => {
            return refuse("InvalidParameterCombination", "Only one of CidrBlock and Ipv6CidrBlock can be specified.");
        }
        (None, None) => return Err(p.missing("CidrBlock")),
    };
    let pair = |name: &str, first: &str, second: &str| match p.structure(name) {
        Some(s) => Ok(s.parsed::<i32>(first)?.zip(s.parsed(second)?)),
        None => Ok(None),
    };
    Ok(NetworkAclEntrySpec {
        acl: acl_id(p)?,
        direction: direction(p)?,
        number: number(p)?,
        protocol: parse::acl_protocol(p.need("Protocol")?)?,
        cidr,
        allow: p.word("RuleAction", &["allow", "deny"])?.ok_or_else(|| p.missing("RuleAction"))? == "allow",
        ports: pair("PortRange", "From", "To")?,
        icmp: pair("Icmp", "Type", "Code")?,
    })
}

const DESCRIBE: Describe<NetworkAcl> = Describe {
    ids: "NetworkAclId",
    filters: &[
        "association.association-id",
        "association.network-acl-id",
        "association.subnet-id",
        "default",
        "entry.cidr",
        "entry.egress",
        "entry.icmp.code",
        "entry.icmp.type",
        "entry.ipv6-cidr",
        "entry.port-range.from",
        "entry.port-range.to",
        "entry.protocol",
        "entry.rule-action",
        "entry.rule-number",
        "network-acl-id",
        "owner-id",
        "vpc-id",
    ],
    values: acl_values,
    set: "networkAclSet",
    write: acl_members,
};

fn describe_network_acls(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.texts("NetworkAclId").into_iter().try_for_each(expect_acl)?;
    DESCRIBE.run(m, p, x)
}

fn acl_values<'a>(m: &'a Model, a: &'a NetworkAcl, name: &str) -> Values<'a> {
    match name {
        "association.association-id" => each(subnets(m, a).map(|s| &s.acl_association)),
        "association.network-acl-id" => each(subnets(m, a).map(|s| &s.acl)),
        "association.subnet-id" => each(subnets(m, a).map(|s| &s.id)),
        "default" => shown(a.is_default),
        "network-acl-id" => one(&a.id),
        "owner-id" => one(m.account()),
        "vpc-id" => one(&a.vpc),
        // Each condition may be met by another entry.
        _ => shown_entries(m, a).iter().flat_map(|e| entry_values(e, name)).collect(),
    }
}

fn entry_values(e: &Shown, name: &str) -> Values<'static> {
    let net = |v6: bool| each(Some(e.entry.cidr).filter(|net| net.addr().is_ipv6() == v6));
    let ports = each::<i32>;
    match name {
        "entry.cidr" => net(false),
        "entry.ipv6-cidr" => net(true),
        "entry.egress" => shown(e.egress),
        "entry.icmp.type" => ports(Some(e.entry.ports.0).filter(|_| e.icmp())),
        "entry.icmp.code" => ports(Some(e.entry.ports.1).filter(|_| e.icmp())),
        "entry.port-range.from" => ports(Some(e.entry.ports.0).filter(|_| e.ports())),
        "entry.port-range.to" => ports(Some(e.entry.ports.1).filter(|_| e.ports())),
        // By number or by name.
        "entry.protocol" => [e.protocol(), parse::protocol_name(e.entry.protocol)].map(Into::into).into(),
        "entry.rule-action" => one(e.action()),
        "entry.rule-number" => shown(e.number),
        _ => Values::new(),
    }
}

/// An entry as Describe shows it.
struct Shown {
    egress: bool,
    number: u16,
    entry: AclEntry,
}

impl Shown {
    fn icmp(&self) -> bool {
        match self.entry.protocol {
            Some(58) => self.entry.cidr.addr().is_ipv6(),
            protocol => protocol == Some(1),
        }
    }
    fn ports(&self) -> bool {
        matches!(self.entry.protocol, Some(6 | 17))
    }
    /// A number, always (NACL-202).
    fn protocol(&self) -> String {
        self.entry.protocol.map_or("-1".into(), |n| n.to_string())
    }
    fn action(&self) -> &'static str {
        if self.entry.allow { "allow" } else { "deny" }
    }
}

/// All entries, with the ones at the end of each list that deny what is left (NACL-21, NACL-202).
fn shown_entries(m: &Model, a: &NetworkAcl) -> Vec<Shown> {
    let dual = m.vpcs().get(&a.vpc).is_some_and(|v| v.ipv6.is_some());
    let stars = [Some((32767, IpNet::V4(Default::default()))), dual.then(|| (32768, IpNet::V6(Default::default())))];
    let mut all = Vec::new();
    for way in [Direction::Egress, Direction::Ingress] {
        let shown = |number, entry| Shown { egress: way == Direction::Egress, number, entry };
        all.extend(a.entries(way).iter().map(|(number, entry)| shown(*number, entry.clone())));
        let deny = |cidr| AclEntry { protocol: None, ports: (-1, -1), cidr, allow: false };
        all.extend(stars.into_iter().flatten().map(|(number, cidr)| shown(number, deny(cidr))));
    }
    all
}

/// Those that a network ACL serves.
fn subnets<'a>(m: &'a Model, a: &'a NetworkAcl) -> impl Iterator<Item = &'a Subnet> {
    m.subnets().by(&a.id).filter(|s| s.acl == a.id)
}

fn acl_members(x: &mut Xml, m: &Model, a: &NetworkAcl) {
    x.put("networkAclId", &a.id);
    x.put("vpcId", &a.vpc);
    x.put("default", a.is_default);
    x.list("entrySet", shown_entries(m, a), |x, e| {
        x.put("ruleNumber", e.number);
        x.put("protocol", e.protocol());
        x.put("ruleAction", e.action());
        x.put("egress", e.egress);
        x.put(if e.entry.cidr.addr().is_ipv6() { "ipv6CidrBlock" } else { "cidrBlock" }, e.entry.cidr);
        let (first, second) = e.entry.ports;
        if e.icmp() {
            x.within("icmpTypeCode", |x| {
                x.put("code", second);
                x.put("type", first);
            });
        }
        if e.ports() {
            x.within("portRange", |x| {
                x.put("from", first);
                x.put("to", second);
            });
        }
    });
    x.list("associationSet", subnets(m, a), |x, s| {
        x.put("networkAclAssociationId", &s.acl_association);
        x.put("networkAclId", &a.id);
        x.put("subnetId", &s.id);
    });
    tag_set(x, m, &a.id);
    x.put("ownerId", m.account());
}
