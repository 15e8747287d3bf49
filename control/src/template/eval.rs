//! Functions to values, once what they refer to is made.

use super::functions::{Piece, get_att, is_call, pieces};
use super::yaml::{Kind, Node};
use super::{Pos, Problem};
use crate::model::{Model, NetworkInterface};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use ipnet::IpNet;
use std::collections::HashMap;

/// An evaluated value with its place.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) pos: Pos,
    pub(super) data: Data,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    /// `AWS::NoValue`: as if it had not been written.
    NoValue,
    Text(String),
    List(Vec<Value>),
    Map(Vec<(String, Pos, Value)>),
}

/// Why there is no value.
#[derive(Debug)]
pub(super) enum Fail {
    /// It rests on a resource that failed: said there already.
    Quiet,
    Loud(Problem),
}

/// A resource that was made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) kind: &'static str,
    /// What the model knows it by.
    pub(super) id: String,
    /// What Ref answers.
    pub(super) reference: String,
}

/// How far a resource has come.
#[derive(Clone, Debug)]
pub(super) enum State {
    Failed,
    /// Its condition is false, or it stands for nothing here.
    Absent,
    Made(Made),
}

/// What functions can ask.
pub(super) struct Env<'a> {
    pub(super) model: Model,
    pub(super) parameters: HashMap<String, Data>,
    pub(super) mappings: Option<&'a Node>,
    pub(super) conditions: HashMap<String, bool>,
    pub(super) states: HashMap<String, State>,
}

type Eval<T> = Result<T, Fail>;

fn loud<T>(pos: Pos, message: impl Into<String>) -> Eval<T> {
    Err(Fail::Loud(Problem::new(pos, "ValidationError", message)))
}

impl Env<'_> {
    /// The value of a node.
    pub(super) fn eval(&self, node: &Node) -> Eval<Value> {
        let data = match &node.kind {
            Kind::Null => Data::NoValue,
            Kind::Scalar(s) => Data::Text(s.clone()),
            Kind::List(l) => {
                let mut out = Vec::new();
                for n in l {
                    let v = self.eval(n)?;
                    if !matches!(v.data, Data::NoValue) {
                        out.push(v);
                    }
                }
                Data::List(out)
            }
            Kind::Map(_) if is_call(node) => match node.single() {
                Some((key, arg)) => self.call(&key.text, node.pos, arg)?,
                None => Data::NoValue,
            },
            Kind::Map(m) => {
                let mut out = Vec::new();
                for (k, n) in m {
                    let v = self.eval(n)?;
                    if !matches!(v.data, Data::NoValue) {
                        out.push((k.text.clone(), k.pos, v));
                    }
                }
                Data::Map(out)
            }
        };
        Ok(Value { pos: node.pos, data })
    }

    /// Whether a condition holds.
    pub(super) fn truth(&self, node: &Node) -> Eval<bool> {
        let Some((key, arg)) = node.single() else {
            return loud(node.pos, "Template format error: a condition must be a function");
        };
        let list = arg.list().unwrap_or_default();
        Ok(match key.text.as_str() {
            "Condition" => self.condition(arg)?,
            "Fn::Equals" => match list {
                [a, b] => self.text(a)? == self.text(b)?,
                _ => return loud(node.pos, "Template error: Fn::Equals needs two values"),
            },
            "Fn::Not" => match list {
                [a] => !self.truth(a)?,
                _ => return loud(node.pos, "Template error: Fn::Not needs one condition"),
            },
            "Fn::And" => list.iter().map(|n| self.truth(n)).collect::<Eval<Vec<bool>>>()?.into_iter().all(|t| t),
            "Fn::Or" => list.iter().map(|n| self.truth(n)).collect::<Eval<Vec<bool>>>()?.into_iter().any(|t| t),
            other => return loud(node.pos, format!("Template validation error: {other} is not a condition")),
        })
    }

    /// A node that must be a text.
    pub(super) fn text(&self, node: &Node) -> Eval<String> {
        let v = self.eval(node)?;
        as_text(&v)
    }

    fn condition(&self, node: &Node) -> Eval<bool> {
        match node.text().and_then(|n| self.conditions.get(n)) {
            Some(t) => Ok(*t),
            None => Err(Fail::Quiet),
        }
    }

    fn list(&self, node: &Node) -> Eval<Vec<Value>> {
        match self.eval(node)?.data {
            Data::List(l) => Ok(l),
            _ => loud(node.pos, "Template error: a list is needed here"),
        }
    }

    fn call(&self, name: &str, pos: Pos, arg: &Node) -> Eval<Data> {
        let args = arg.list().unwrap_or_default();
        match (name, args) {
            ("Ref", _) => self.refer(arg.text().unwrap_or_default()),
            ("Fn::GetAtt", _) => match get_att(arg) {
                Some((logical, attribute)) => self.attribute(&logical, &attribute, pos),
                None => loud(pos, "Template error: Fn::GetAtt needs a resource and an attribute"),
            },
            ("Fn::Sub", [text, map]) => self.sub(text, Some(map)),
            ("Fn::Sub", _) => self.sub(arg, None),
            ("Fn::If", [test, yes, no]) => {
                let taken = if self.condition(test)? { yes } else { no };
                Ok(self.eval(taken)?.data)
            }
            ("Fn::Select", [index, list]) => {
                let (at, list) = (self.text(index)?, self.list(list)?);
                match at.parse::<usize>().ok().and_then(|i| list.into_iter().nth(i)) {
                    Some(v) => Ok(v.data),
                    None => {
                        loud(pos, format!("Template error: Fn::Select cannot select nonexistent value at index {at}"))
                    }
                }
            }
            ("Fn::GetAZs", _) => {
                let region = self.text(arg)?;
                if !region.is_empty() && region != self.model.region() {
                    return loud(
                        pos,
                        format!("Template error: Fn::GetAZs of Region '{region}'; this is {}", self.model.region()),
                    );
                }
                Ok(texts(pos, self.model.zones()))
            }
            ("Fn::Cidr", [block, count, rest @ ..]) => self.cidr(pos, block, count, rest.first()),
            ("Fn::Join", [delimiter, list]) => {
                let delimiter = self.text(delimiter)?;
                let items: Vec<String> = self.list(list)?.iter().map(as_text).collect::<Eval<_>>()?;
                Ok(Data::Text(items.join(&delimiter)))
            }
            ("Fn::Split", [delimiter, text]) => {
                let (delimiter, text) = (self.text(delimiter)?, self.text(text)?);
                if delimiter.is_empty() {
                    return loud(pos, "Template error: Fn::Split needs a delimiter");
                }
                Ok(texts(pos, text.split(&delimiter)))
            }
            ("Fn::FindInMap", [map, first, second]) => {
                let path = [self.text(map)?, self.text(first)?, self.text(second)?];
                match path.iter().try_fold(self.mappings, |at, key| at.map(|n| n.get(key)).ok_or(())).ok().flatten() {
                    Some(n) => Ok(self.eval(n)?.data),
                    None => loud(pos, format!("Template error: Unable to get mapping for {}", path.join("::"))),
                }
            }
            ("Fn::Base64", _) => Ok(Data::Text(BASE64_STANDARD.encode(self.text(arg)?))),
            _ => loud(pos, format!("Template validation error: the function {name} is unknown or not supported")),
        }
    }

    fn refer(&self, name: &str) -> Eval<Data> {
        if let Some(v) = self.parameters.get(name) {
            return Ok(v.clone());
        }
        match self.states.get(name) {
            Some(State::Made(m)) => Ok(Data::Text(m.reference.clone())),
            Some(State::Absent) => Ok(Data::Text(name.into())),
            _ => Err(Fail::Quiet),
        }
    }

    fn sub(&self, text: &Node, map: Option<&Node>) -> Eval<Data> {
        let template = text.text().unwrap_or_default();
        let mut out = String::new();
        for piece in pieces(template).or_else(|e| loud(text.pos, e))? {
            let name = match piece {
                Piece::Text(t) => {
                    out.push_str(&t);
                    continue;
                }
                Piece::Name(n) => n,
            };
            let data = match (map.and_then(|m| m.get(&name)), name.split_once('.')) {
                (Some(own), _) => self.eval(own)?.data,
                (None, Some((logical, attribute))) => self.attribute(logical, attribute, text.pos)?,
                (None, None) => self.refer(&name)?,
            };
            out.push_str(&as_text(&Value { pos: text.pos, data })?);
        }
        Ok(Data::Text(out))
    }

    fn cidr(&self, pos: Pos, block: &Node, count: &Node, bits: Option<&Node>) -> Eval<Data> {
        let text = self.text(block)?;
        let Ok(net) = text.parse::<IpNet>().map(|n| n.trunc()) else {
            return loud(pos, format!("Template error: Fn::Cidr of '{text}', which is no CIDR block"));
        };
        let number = |n: &Node| -> Eval<u32> {
            let t = self.text(n)?;
            t.parse().or_else(|_| loud(n.pos, format!("Template error: Fn::Cidr needs a number, not '{t}'")))
        };
        let count = number(count)?;
        let width = u32::from(net.max_prefix_len());
        let host_bits = match bits {
            Some(b) => number(b)?,
            None if width == 32 => {
                32 - u32::from(net.prefix_len())
                    - count.max(1).next_power_of_two().trailing_zeros().min(32 - u32::from(net.prefix_len()))
            }
            None => return loud(pos, "Template error: Fn::Cidr of an IPv6 block needs the number of host bits"),
        };
        let room = width.checked_sub(u32::from(net.prefix_len()) + host_bits);
        if !(1..=256).contains(&count) || host_bits == 0 || room.is_none_or(|r| r < 32 && u64::from(count) > 1u64 << r)
        {
            return loud(
                pos,
                format!("Template error: Fn::Cidr cannot make {count} blocks of {host_bits} host bits from {net}"),
            );
        }
        let length = (width - host_bits) as u8;
        Ok(texts(pos, net.subnets(length).into_iter().flatten().take(count as usize).map(|n| n.to_string())))
    }

    /// What Fn::GetAtt answers.
    fn attribute(&self, logical: &str, name: &str, pos: Pos) -> Eval<Data> {
        let made = match self.states.get(logical) {
            Some(State::Made(m)) => m,
            Some(State::Absent) => return Ok(Data::Text(format!("arn:aws:vpcd:::{logical}/{name}"))),
            _ => return Err(Fail::Quiet),
        };
        let (m, id) = (&self.model, made.id.as_str());
        let one = |t: String| Some(Data::Text(t));
        let kind = made.kind.strip_prefix("AWS::EC2::").unwrap_or(made.kind);
        let found = match (kind, name) {
            ("VPC", "CidrBlock") => m.vpcs().get(id).and_then(|v| one(v.primary().to_string())),
            ("VPC", "CidrBlockAssociations") => {
                m.vpcs().get(id).map(|v| texts(pos, v.blocks.iter().map(|b| b.id.clone())))
            }
            ("VPC", "DefaultNetworkAcl") => m.vpcs().get(id).and_then(|v| one(v.default_acl.clone())),
            ("VPC", "DefaultSecurityGroup") => m.vpcs().get(id).and_then(|v| one(v.default_group.clone())),
            ("VPC", "Ipv6CidrBlocks") => {
                m.vpcs().get(id).map(|v| texts(pos, v.ipv6.iter().map(|b| b.cidr.to_string())))
            }
            ("Subnet", "AvailabilityZone") => m.subnets().get(id).and_then(|s| one(s.zone.clone())),
            ("Subnet", "CidrBlock") => m.subnets().get(id).and_then(|s| one(s.cidr.to_string())),
            ("Subnet", "VpcId") => m.subnets().get(id).and_then(|s| one(s.vpc.clone())),
            ("Subnet", "NetworkAclAssociationId") => m.subnets().get(id).and_then(|s| one(s.acl_association.clone())),
            ("Subnet", "Ipv6CidrBlocks") => {
                m.subnets().get(id).map(|s| texts(pos, s.ipv6.iter().map(|b| b.cidr.to_string())))
            }
            ("VPCCidrBlock", "IpSource") => one("amazon".into()),
            ("VPCCidrBlock", "Ipv6AddressAttribute") => one("public".into()),
            ("VPCGatewayAttachment", "AttachmentType") => id.split('|').next().and_then(|kind| one(kind.into())),
            ("PrefixList", "Arn") => one(format!("arn:aws:ec2:{}:{}:prefix-list/{id}", m.region(), m.account())),
            ("PrefixList", "OwnerId") => one(m.account().into()),
            ("PrefixList", "Version") => m.prefix_lists().get(id).and_then(|l| one(l.version.to_string())),
            ("KeyPair", "KeyFingerprint") => m.key_pairs().get(id).and_then(|k| one(k.fingerprint.clone())),
            ("EIP", "PublicIp") => m.elastic_ips().get(id).and_then(|a| one(a.public.to_string())),
            ("NatGateway", "EniId") => m.nat_gateways().get(id).and_then(|n| one(n.interface.clone()?)),
            ("SecurityGroup", "VpcId") => m.security_groups().get(id).and_then(|g| one(g.vpc.clone())),
            ("NetworkInterface", "VpcId") => m.interfaces().get(id).and_then(|e| one(e.vpc.clone())),
            ("NetworkInterface", "PrimaryPrivateIpAddress") => {
                m.interfaces().get(id).and_then(|e| one(e.primary().to_string()))
            }
            ("NetworkInterface", "SecondaryPrivateIpAddresses") => {
                m.interfaces().get(id).map(|e| texts(pos, e.private.iter().skip(1).map(|a| a.to_string())))
            }
            ("NetworkInterface", "PrimaryIpv6Address") => {
                m.interfaces().get(id).and_then(|e| one(e.ipv6.first()?.to_string()))
            }
            ("Instance", "AvailabilityZone") => m.instances().get(id).and_then(|i| one(i.zone.clone())),
            ("Instance", "VpcId") => m.instances().get(id).and_then(|i| one(i.vpc.clone())),
            ("Instance", "PrivateIp") => self.eth0(id).and_then(|e| one(e.primary().to_string())),
            ("Instance", "PublicIp") => {
                self.eth0(id).and_then(|e| one(m.public_of(e).map(|a| a.to_string()).unwrap_or_default()))
            }
            ("Instance", "PrivateDnsName") => self
                .eth0(id)
                .and_then(|e| one(format!("ip-{}.ec2.internal", e.primary().to_string().replace('.', "-")))),
            ("Instance", "PublicDnsName") => self.eth0(id).and_then(|e| {
                one(m
                    .public_of(e)
                    .map(|a| format!("ec2-{}.compute-1.amazonaws.com", a.to_string().replace('.', "-")))
                    .unwrap_or_default())
            }),
            _ => one(made.id.clone()),
        };
        match found {
            Some(d) => Ok(d),
            None => loud(pos, format!("Template error: resource {logical} has no value for attribute {name}")),
        }
    }

    fn eth0(&self, instance: &str) -> Option<&NetworkInterface> {
        self.model.interfaces().get(self.model.instances().get(instance)?.interfaces.get(&0)?)
    }
}

/// A value that must be a text.
pub(super) fn as_text(v: &Value) -> Eval<String> {
    match &v.data {
        Data::Text(t) => Ok(t.clone()),
        Data::NoValue => Ok(String::new()),
        _ => loud(v.pos, "Template error: a text is needed here, not a list or a map"),
    }
}

/// A list of texts.
pub(super) fn texts<S: Into<String>>(pos: Pos, items: impl IntoIterator<Item = S>) -> Data {
    Data::List(items.into_iter().map(|t| Value { pos, data: Data::Text(t.into()) }).collect())
}
