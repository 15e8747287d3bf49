//! Security groups and their rules (chapter 04, section 2).

use super::group_rules::not_among;
use super::*;
use ipnet::IpNet;

/// CreateSecurityGroup.
#[derive(Clone, Debug)]
pub struct CreateSecurityGroup {
    pub vpc: Id,
    pub name: String,
    pub description: String,
}

/// One permission of AuthorizeSecurityGroup*, one peer each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpPermission {
    /// `None` is -1 (SG-34).
    pub protocol: Option<u8>,
    /// First port; type for ICMP.
    pub from: Option<i32>,
    /// Last port; code for ICMP.
    pub to: Option<i32>,
    pub peer: RulePeer,
    pub description: String,
}

impl IpPermission {
    /// Every protocol and port.
    pub fn all(peer: RulePeer) -> IpPermission {
        IpPermission { protocol: None, from: None, to: None, peer, description: String::new() }
    }
    /// A protocol with a port range (or ICMP type and code).
    pub fn ports(protocol: u8, from: i32, to: i32, peer: RulePeer) -> IpPermission {
        IpPermission { protocol: Some(protocol), from: Some(from), to: Some(to), peer, description: String::new() }
    }
}

impl Model {
    /// CreateSecurityGroup (SG-10..15, SG-19).
    pub fn create_security_group(&mut self, request: CreateSecurityGroup) -> Result<Id> {
        let v6 = self.find::<Vpc>(&request.vpc)?.ipv6.is_some();
        if request.description.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter GroupDescription");
        }
        if request.name.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter GroupName");
        }
        legal_text("security group name", &request.name)?;
        legal_text("security group description", &request.description)?;
        if request.name.starts_with("sg-") {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "Value ({}) for parameter GroupName is invalid. Group names may not be in the format sg-*.",
                    request.name
                ),
            );
        }
        if request.name == "default" {
            return refuse("InvalidGroup.Reserved", "Cannot use reserved security group name: default");
        }
        if self.security_groups.by(&request.vpc).any(|g| g.name == request.name) {
            return refuse(
                "InvalidGroup.Duplicate",
                format!("The security group '{}' already exists for VPC '{}'", request.name, request.vpc),
            );
        }
        if self.security_groups.len() >= self.scalars.limits.security_groups {
            return refuse("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.");
        }
        let id = self.new_id("sg");
        let egress = self.allow_all(v6);
        self.security_groups.put(SecurityGroup {
            id: id.clone(),
            vpc: request.vpc,
            name: request.name,
            description: request.description,
            ingress: Vec::new(),
            egress,
            egress_modified: false,
        });
        Ok(id)
    }

    /// DeleteSecurityGroup (SG-17, SG-23, SG-210).
    pub fn delete_security_group(&mut self, group: &str) -> Result<()> {
        let g = self.find::<SecurityGroup>(group)?;
        if g.name == "default" {
            return refuse(
                "CannotDelete",
                format!("the specified group: \"{group}\" name: \"default\" cannot be deleted by a user"),
            );
        }
        let named = self.security_groups.by(group).any(|o| o.id != group);
        if named || self.interfaces.by(group).next().is_some() {
            return refuse("DependencyViolation", format!("resource {group} has a dependent object"));
        }
        self.drop_group(group);
        Ok(())
    }

    /// AuthorizeSecurityGroupIngress and -Egress, all or nothing; answers the rule ids (SG-32..39, SG-209).
    pub fn authorize_security_group(
        &mut self,
        group: &str,
        direction: Direction,
        permissions: &[IpPermission],
    ) -> Result<Vec<Id>> {
        let g = self.find::<SecurityGroup>(group)?;
        let mut rules = g.rules(direction).to_vec();
        let before = rules.len();
        for p in permissions {
            let rule = self.legal_rule(g, p)?;
            not_among(&rules, &rule)?;
            rules.push(rule);
        }
        self.rules_fit(&rules, &rules[before..])?;
        let mut ids = Vec::new();
        for r in &mut rules[before..] {
            r.id = self.new_id("sgr");
            ids.push(r.id.clone());
        }
        self.set_rules(group, direction, rules);
        Ok(ids)
    }

    /// A security-group rule by its id: its group, direction and itself.
    pub fn rule(&self, id: &str) -> Result<(&SecurityGroup, Direction, &GroupRule)> {
        let ways = [Direction::Ingress, Direction::Egress];
        let all =
            self.security_groups.by(id).flat_map(|g| ways.map(|way| g.rules(way).iter().map(move |r| (g, way, r))));
        all.flatten().find(|(_, _, r)| r.id == id).ok_or_else(|| {
            ApiError::new(
                "InvalidSecurityGroupRuleId.NotFound",
                format!("The security group rule ID '{id}' does not exist"),
            )
        })
    }

    /// The default group of a new VPC (SG-20, SG-21).
    pub(super) fn default_group(&mut self, vpc: &str, v6: bool) -> SecurityGroup {
        let id = self.new_id("sg");
        let own = GroupRule {
            id: self.new_id("sgr"),
            protocol: None,
            ports: (-1, -1),
            peer: RulePeer::Group(id.clone()),
            description: String::new(),
        };
        SecurityGroup {
            egress: self.allow_all(v6),
            id,
            vpc: vpc.into(),
            name: "default".into(),
            description: "default VPC security group".into(),
            ingress: vec![own],
            egress_modified: false,
        }
    }

    /// An IPv6 block came: groups whose outbound rules nobody touched get `::/0` (SG-24, VPC-45).
    pub(super) fn open_groups_for_ipv6(&mut self, vpc: &str) {
        let groups: Vec<Id> =
            self.security_groups.by(vpc).filter(|g| !g.egress_modified).map(|g| g.id.clone()).collect();
        for group in groups {
            let rule = self.allow_all(true).pop();
            self.security_groups.edit(&group, |g| {
                if !g.egress.iter().any(|r| rule.as_ref().is_some_and(|n| n.peer == r.peer)) {
                    g.egress.extend(rule);
                }
            });
        }
    }

    /// Groups of an interface: of its VPC, not too many, the default one if none (SG-26, SG-60, SG-64).
    pub(super) fn interface_groups(&self, vpc: &str, groups: &[Id]) -> Result<Vec<Id>> {
        let mut all: Vec<Id> = Vec::new();
        for g in groups {
            if self.find::<SecurityGroup>(g)?.vpc != vpc {
                return refuse(
                    "InvalidGroup.NotFound",
                    format!("You have specified two resources that belong to different networks. ({g}, {vpc})"),
                );
            }
            if !all.contains(g) {
                all.push(g.clone());
            }
        }
        if all.is_empty() {
            all.push(self.find::<Vpc>(vpc)?.default_group.clone());
        }
        if all.len() > self.scalars.limits.groups_per_interface {
            return refuse(
                "SecurityGroupsPerInterfaceLimitExceeded",
                "The maximum number of security groups per interface has been reached.",
            );
        }
        Ok(all)
    }

    fn allow_all(&mut self, v6: bool) -> Vec<GroupRule> {
        let mut nets = vec![IpNet::V4(ipnet::Ipv4Net::default())];
        if v6 {
            nets.push(IpNet::V6(ipnet::Ipv6Net::default()));
        }
        nets.into_iter()
            .map(|n| GroupRule {
                id: self.new_id("sgr"),
                protocol: None,
                ports: (-1, -1),
                peer: RulePeer::Cidr(n),
                description: String::new(),
            })
            .collect()
    }
}

/// How people write the protocol and port part of a rule.
pub fn rule_text(protocol: Option<u8>, ports: (i32, i32)) -> String {
    let name = parse::protocol_name(protocol);
    match (protocol, ports) {
        (Some(6 | 17), (0, 65535)) | (_, (-1, -1)) => name,
        (Some(1 | 58), (t, -1)) => format!("{name} {t}"),
        (Some(1 | 58), (t, c)) => format!("{name} {t}/{c}"),
        (_, (a, b)) if a == b => format!("{name} {a}"),
        (_, (a, b)) => format!("{name} {a}-{b}"),
    }
}

/// Ports in their stored form (SG-32, SG-34, SG-211).
pub(super) fn normal_ports(p: &IpPermission) -> Result<(i32, i32)> {
    match p.protocol {
        Some(6 | 17) => {
            let (Some(from), Some(to)) = (p.from, p.to) else {
                return refuse(
                    "InvalidParameterValue",
                    "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
                );
            };
            if !(0..=65535).contains(&from) || !(0..=65535).contains(&to) {
                return refuse(
                    "InvalidParameterValue",
                    format!("TCP/UDP port ({}) out of range", if (0..=65535).contains(&from) { to } else { from }),
                );
            }
            if from > to {
                return refuse("InvalidParameterValue", format!("Invalid TCP/UDP port range ({from}:{to})"));
            }
            Ok((from, to))
        }
        Some(1 | 58) => {
            let (kind, code) = (p.from.unwrap_or(-1), p.to.unwrap_or(-1));
            icmp(kind, code)
        }
        _ => Ok((-1, -1)),
    }
}

/// ICMP type and code, -1 for all; all types have all codes.
pub(super) fn icmp(kind: i32, code: i32) -> Result<(i32, i32)> {
    if !(-1..=255).contains(&kind) || !(-1..=255).contains(&code) || (kind == -1 && code != -1) {
        return refuse("InvalidParameterValue", format!("ICMP code ({code}) or type ({kind}) out of range"));
    }
    Ok((kind, code))
}

/// Alphabet and length of names and descriptions (SG-10, SG-11, SG-36).
pub(super) fn legal_text(what: &str, value: &str) -> Result<()> {
    if !value.is_ascii() {
        return refuse(
            "InvalidParameterValue",
            format!("Value ({value}) for parameter {what} is invalid. Character sets beyond ASCII are not supported."),
        );
    }
    if value.len() > 255
        || value.bytes().any(|b| !(b.is_ascii_alphanumeric() || b" ._-:/()#@[]+=&;!$*,{}".contains(&b)))
    {
        return refuse(
            "InvalidParameterValue",
            format!(
                "Invalid {what}. Valid values are strings less than 256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
            ),
        );
    }
    Ok(())
}
