//! What is done to rules of security groups that are there (chapter 04, sections 2.3 and 2.9), and what a rule may be.

use super::filters::{legal_text, normal_ports};
use super::*;
use std::mem::discriminant;

const NO_SUCH_RULE: &str = "InvalidPermission.NotFound";

impl IpPermission {
    /// The rule that it is, normalised (SG-211), without an id.
    pub(crate) fn rule(&self) -> Result<GroupRule> {
        Ok(GroupRule {
            id: Id::new(),
            protocol: self.protocol,
            ports: normal_ports(self)?,
            peer: match &self.peer {
                RulePeer::Cidr(n) => RulePeer::Cidr(n.trunc()),
                other => other.clone(),
            },
            description: self.description.clone(),
        })
    }
}

impl Model {
    /// The rule that says what a permission says, whatever its description (SG-209).
    pub fn rule_like(&self, group: &str, direction: Direction, permission: &IpPermission) -> Result<&GroupRule> {
        let g = self.find::<SecurityGroup>(group)?;
        let wanted = permission.rule()?;
        g.rules(direction)
            .iter()
            .find(|r| r.same(&wanted))
            .ok_or_else(|| ApiError::new(NO_SUCH_RULE, "The specified rule does not exist in this security group."))
    }

    /// RevokeSecurityGroupIngress and -Egress: rules by id and by what they say, all or nothing. Answers what the rules were, and the
    /// permissions that no rule says: a default VPC refuses those (SG-209).
    pub fn revoke_security_group(
        &mut self,
        group: &str,
        direction: Direction,
        ids: &[Id],
        permissions: &[IpPermission],
    ) -> Result<(Vec<GroupRule>, Vec<GroupRule>)> {
        let strict = self.find::<Vpc>(&self.find::<SecurityGroup>(group)?.vpc)?.is_default;
        let (mut ids, mut unknown) = (ids.to_vec(), Vec::new());
        for permission in permissions {
            match self.rule_like(group, direction, permission) {
                Ok(rule) => ids.push(rule.id.clone()),
                Err(e) if e.code == NO_SUCH_RULE && !strict => unknown.push(permission.rule()?),
                Err(e) => return Err(e),
            }
        }
        ids.sort_unstable();
        ids.dedup();
        Ok((self.revoke_security_group_rules(group, direction, &ids)?, unknown))
    }

    /// The same by ids alone (SG-55).
    pub fn revoke_security_group_rules(
        &mut self,
        group: &str,
        direction: Direction,
        ids: &[Id],
    ) -> Result<Vec<GroupRule>> {
        let g = self.find::<SecurityGroup>(group)?;
        let mut rules = g.rules(direction).to_vec();
        let mut gone = Vec::new();
        for id in ids {
            let at = rules.iter().position(|r| r.id == *id).ok_or_else(|| no_rule(id))?;
            gone.push(rules.remove(at));
        }
        self.set_rules(group, direction, rules);
        gone.iter().for_each(|r| self.forget(&r.id));
        Ok(gone)
    }

    /// ModifySecurityGroupRules: rules keep their ids and the kind of their peer (SG-214).
    pub fn modify_security_group_rules(&mut self, group: &str, changes: &[(Id, IpPermission)]) -> Result<()> {
        let g = self.find::<SecurityGroup>(group)?;
        let mut sides = [Direction::Ingress, Direction::Egress].map(|way| (way, g.rules(way).to_vec(), Vec::new()));
        for (id, permission) in changes {
            let place = |(_, rules, _): &(_, Vec<GroupRule>, _)| rules.iter().position(|r| r.id == *id);
            let side = sides.iter_mut().find_map(|side| place(side).map(|at| (at, side)));
            let (at, (_, rules, new)) = side.ok_or_else(|| no_rule(id))?;
            let rule = GroupRule { id: id.clone(), ..self.legal_rule(g, permission)? };
            if !same_kind(&rules[at].peer, &rule.peer) {
                return refuse(
                    "InvalidParameterValue",
                    format!(
                        "The type of the source or destination of the security group rule '{id}' cannot be changed."
                    ),
                );
            }
            rules[at] = rule.clone();
            new.push(rule);
        }
        for (way, rules, new) in sides.into_iter().filter(|(.., new)| !new.is_empty()) {
            for rule in &new {
                not_among(rules.iter().filter(|r| r.id != rule.id), rule)?;
            }
            self.rules_fit(&rules, &new)?;
            self.set_rules(group, way, rules);
        }
        Ok(())
    }

    /// UpdateSecurityGroupRuleDescriptions*: texts by rule id; an empty one takes the description away (SG-37).
    pub fn describe_rules(&mut self, group: &str, direction: Direction, texts: &[(Id, String)]) -> Result<()> {
        let g = self.find::<SecurityGroup>(group)?;
        for (id, text) in texts {
            legal_text("rule description", text)?;
            if !g.rules(direction).iter().any(|r| r.id == *id) {
                return Err(no_rule(id));
            }
        }
        self.security_groups.edit(group, |g| {
            let rules = if direction == Direction::Ingress { &mut g.ingress } else { &mut g.egress };
            for r in rules {
                if let Some((_, text)) = texts.iter().rfind(|(id, _)| *id == r.id) {
                    r.description.clone_from(text);
                }
            }
        });
        Ok(())
    }

    /// A rule of this permission for a group, without an id yet (SG-32..36, SG-53).
    pub(super) fn legal_rule(&self, group: &SecurityGroup, permission: &IpPermission) -> Result<GroupRule> {
        let rule = permission.rule()?;
        legal_text("rule description", &rule.description)?;
        match &rule.peer {
            RulePeer::Cidr(_) => {}
            RulePeer::Group(g) => {
                if self.find::<SecurityGroup>(g)?.vpc != group.vpc {
                    return refuse(
                        "InvalidGroup.NotFound",
                        "You have specified two resources that belong to different networks.",
                    );
                }
            }
            RulePeer::PrefixList(l) => _ = self.prefix_list(l)?,
        }
        Ok(rule)
    }

    /// Whether one side of a group may have these rules, `new` among them (SG-39, SG-214).
    pub(super) fn rules_fit(&self, rules: &[GroupRule], new: &[GroupRule]) -> Result<()> {
        for family in [AddressFamily::V4, AddressFamily::V6] {
            let weight = |r: &GroupRule| match &r.peer {
                RulePeer::Cidr(n) => usize::from(AddressFamily::of(n) == family),
                RulePeer::Group(_) => 1,
                RulePeer::PrefixList(l) => self.prefix_list(l).map_or(0, |l| l.weight(family)),
            };
            if rules.iter().map(weight).sum::<usize>() > self.scalars.limits.rules_per_group
                && new.iter().any(|r| weight(r) > 0)
            {
                return refuse(
                    "RulesPerSecurityGroupLimitExceeded",
                    "The maximum number of rules per security group has been reached.",
                );
            }
        }
        Ok(())
    }

    pub(super) fn set_rules(&mut self, group: &str, direction: Direction, rules: Vec<GroupRule>) {
        self.security_groups.edit(group, |g| match direction {
            Direction::Ingress => g.ingress = rules,
            Direction::Egress => {
                g.egress = rules;
                g.egress_modified = true;
            }
        });
    }

    /// Takes a group away with all that hangs on it and its rules.
    pub(super) fn drop_group(&mut self, group: &str) {
        let Some(g) = self.security_groups.take(group) else { return };
        g.ingress.iter().chain(&g.egress).for_each(|r| self.forget(&r.id));
        self.forget(group);
    }
}

/// Refuses a rule that is there (SG-209).
pub(super) fn not_among<'a>(rules: impl IntoIterator<Item = &'a GroupRule>, new: &GroupRule) -> Result<()> {
    if !rules.into_iter().any(|r| r.same(new)) {
        return Ok(());
    }
    let peer = match &new.peer {
        RulePeer::Cidr(n) => n.to_string(),
        RulePeer::Group(id) | RulePeer::PrefixList(id) => id.clone(),
    };
    let protocol = parse::protocol_name(new.protocol).to_uppercase();
    let what = match (new.protocol, new.ports) {
        (Some(6 | 17), (from, to)) => format!("{protocol}, from port: {from}, to port: {to}"),
        (Some(1 | 58), (kind, code)) => format!("{protocol}, type: {kind}, code: {code}"),
        _ => protocol,
    };
    refuse("InvalidPermission.Duplicate", format!("the specified rule \"peer: {peer}, {what}, ALLOW\" already exists"))
}

fn same_kind(a: &RulePeer, b: &RulePeer) -> bool {
    match (a, b) {
        (RulePeer::Cidr(a), RulePeer::Cidr(b)) => AddressFamily::of(a) == AddressFamily::of(b),
        _ => discriminant(a) == discriminant(b),
    }
}

fn no_rule(id: &str) -> ApiError {
    ApiError::new("InvalidSecurityGroupRuleId.NotFound", format!("The security group rule ID '{id}' does not exist"))
}
