//! What decided at a gate, in words.

use vpcd_control::compile::Names;
use vpcd_control::model::{Direction, GroupRule, Model, RulePeer, rule_text};
use vpcd_dataplane::pipeline::{At, Cause, Gate, Stage};
use vpcd_dataplane::topology::{EniIdx, RouteTableIdx, SubnetIdx, Target, Topology, VpcIdx};

/// What is known about the VPC, to explain with.
#[derive(Clone, Copy)]
pub(super) struct World<'a> {
    pub(super) model: &'a Model,
    pub(super) names: &'a Names,
    pub(super) topology: &'a Topology,
}

impl World<'_> {
    /// The rule, entry, route or translation; `None` where the gate asked only the packet itself.
    pub(super) fn rule(&self, gate: &Gate) -> Option<String> {
        Some(match gate.cause {
            Cause::Plain => return None,
            Cause::Tracked => "tracked flow".into(),
            Cause::Related => "ICMP error about a flow that is admitted".into(),
            Cause::Rule(id) => self.group_rule(id),
            Cause::NoRule => self.no_rule(gate),
            Cause::Entry(number) => self.entry(gate, number),
            Cause::Route(table, prefix, target) => {
                format!("{} {prefix} -> {}", self.names.route_table(table), self.target(gate.at, table, target))
            }
            Cause::NoRoute(table) => format!("{} has no route", self.names.route_table(table)),
            Cause::Translated(before, after) if before == after => return None,
            Cause::Translated(before, after) => format!("{before} -> {after}"),
            Cause::Known => "live flow".into(),
            Cause::New => "new flow".into(),
        })
    }

    /// The place that asked a route table: the subnet that uses it, or the gateway. `from` is where the packet was.
    pub(super) fn asker(&self, table: RouteTableIdx, from: Option<SubnetIdx>) -> At {
        let uses = |s: &SubnetIdx| self.topology.subnets.get(s.at()).is_some_and(|s| s.route_table == table);
        let gateway = self.topology.vpcs.iter().find(|(_, v)| v.igw_routes == Some(table));
        let any = || self.topology.subnets.iter().map(|(i, _)| SubnetIdx(i as u32)).find(uses);
        match (from.filter(uses), gateway) {
            (Some(subnet), _) => At::Subnet(subnet),
            (None, Some((vpc, _))) => At::InternetGateway(VpcIdx(vpc as u32)),
            (None, None) => any().map_or(At::Internet, At::Subnet),
        }
    }

    fn target(&self, at: At, table: RouteTableIdx, target: Target) -> String {
        let vpc = || match at {
            At::Subnet(s) => self.topology.subnets.get(s.at()).map(|s| s.vpc),
            At::InternetGateway(v) => Some(v),
            _ => self.topology.subnets.iter().find(|(_, s)| s.route_table == table).map(|(_, s)| s.vpc),
        };
        match target {
            Target::Local => "local".into(),
            Target::Blackhole => "blackhole".into(),
            Target::InternetGateway => vpc().map_or("internet gateway", |v| self.names.igw(v)).into(),
            Target::VpnGateway => vpc().map_or("virtual private gateway", |v| self.names.vgw(v)).into(),
            Target::EgressOnly => vpc().map_or("egress-only gateway", |v| self.names.eigw(v)).into(),
            Target::NatGateway(n) => self.names.nat(n).into(),
            Target::Eni(e) => self.names.eni(e).into(),
        }
    }

    /// A rule's group and text, and its own name if it has one.
    fn group_rule(&self, id: u32) -> String {
        let name = self.names.sg_rule(id);
        for group in self.model.security_groups().iter() {
            for direction in [Direction::Ingress, Direction::Egress] {
                if let Some(rule) = group.rules(direction).iter().find(|r| self.model.labelled(&r.id) == Some(name)) {
                    return format!("{} {} ({name})", self.model.label(&group.id), self.text(direction, rule));
                }
            }
        }
        name.into()
    }

    fn text(&self, direction: Direction, rule: &GroupRule) -> String {
        let way = if direction == Direction::Ingress { "in" } else { "out" };
        let peer = match &rule.peer {
            RulePeer::Cidr(net) => net.to_string(),
            RulePeer::Group(id) | RulePeer::PrefixList(id) => self.model.label(id).into(),
        };
        format!("{way} {} {peer}", rule_text(rule.protocol, rule.ports))
    }

    /// The groups that were asked in vain.
    fn no_rule(&self, gate: &Gate) -> String {
        let way = if gate.stage == Stage::SgOut { "out" } else { "in" };
        let groups = match gate.at {
            At::Eni(eni) => self.groups(eni),
            _ => Vec::new(),
        };
        match groups.len() {
            0 => format!("no {way} rule"),
            _ => format!("no {way} rule of {}", groups.join(", ")),
        }
    }

    fn groups(&self, eni: EniIdx) -> Vec<&str> {
        let mac = self.topology.enis.get(eni.at()).map(|e| e.mac);
        let interface = self.model.interfaces().iter().find(|i| Some(i.mac) == mac);
        interface.map(|i| i.groups.iter().map(|g| self.model.label(g)).collect()).unwrap_or_default()
    }

    /// A NACL's entry: its number, and what it says.
    fn entry(&self, gate: &Gate, number: u16) -> String {
        let At::Subnet(subnet) = gate.at else { return number.to_string() };
        let Some(subnet) = self.topology.subnets.get(subnet.at()) else { return number.to_string() };
        let name = self.names.nacl(subnet.nacl);
        let acl = self
            .topology
            .nacls
            .get(subnet.nacl.at())
            .map(|n| if gate.stage == Stage::NaclOut { &n.outbound } else { &n.inbound });
        match acl.and_then(|a| a.rules().iter().find(|r| r.number == number)) {
            None => format!("{name} * deny"),
            Some(rule) => {
                let ports = match (rule.matches.proto, rule.matches.ports) {
                    (_, (0, u16::MAX)) => (-1, -1),
                    (Some(1 | 58), (a, b)) if b - a == 255 => (i32::from(a >> 8), -1),
                    (Some(1 | 58), (a, _)) => (i32::from(a >> 8), i32::from(a & 255)),
                    (_, (a, b)) => (i32::from(a), i32::from(b)),
                };
                let verdict = if rule.allow { "allow" } else { "deny" };
                format!("{name} {number} {verdict} {} {}", rule_text(rule.matches.proto, ports), rule.net)
            }
        }
    }
}
