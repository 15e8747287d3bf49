//! Network ACLs (chapter 04, section 3).

use super::*;
use ipnet::IpNet;

/// CreateNetworkAclEntry, ReplaceNetworkAclEntry.
#[derive(Clone, Debug)]
pub struct NetworkAclEntrySpec {
    pub acl: Id,
    pub direction: Direction,
    pub number: i32,
    /// `None` is -1.
    pub protocol: Option<u8>,
    pub cidr: IpNet,
    pub allow: bool,
    /// First and last destination port (TCP, UDP).
    pub ports: Option<(i32, i32)>,
    /// Type and code (ICMP).
    pub icmp: Option<(i32, i32)>,
}

impl Model {
    /// CreateNetworkAcl: denies everything until entries are added (NACL-05, NACL-12).
    pub fn create_network_acl(&mut self, vpc: &str) -> Result<Id> {
        self.find::<Vpc>(vpc)?;
        if self.network_acls.count(vpc) >= self.scalars.limits.nacls_per_vpc {
            return refuse(
                "NetworkAclLimitExceeded",
                format!("The maximum number of network ACLs for {vpc} has been reached."),
            );
        }
        let id = self.new_id("acl");
        self.network_acls.put(NetworkAcl {
            id: id.clone(),
            vpc: vpc.into(),
            is_default: false,
            ingress: AclEntries::new(),
            egress: AclEntries::new(),
            modified: [false; 2],
        });
        Ok(id)
    }

    /// DeleteNetworkAcl (NACL-10, NACL-11).
    pub fn delete_network_acl(&mut self, acl: &str) -> Result<()> {
        if self.find::<NetworkAcl>(acl)?.is_default {
            return refuse("InvalidParameterValue", format!("cannot delete default network ACL {acl}"));
        }
        if self.subnets.by(acl).next().is_some() {
            return refuse(
                "DependencyViolation",
                format!("The networkAcl '{acl}' has dependencies and cannot be deleted."),
            );
        }
        self.drop_acl(acl);
        Ok(())
    }

    /// CreateNetworkAclEntry: never overwrites (NACL-20..30).
    pub fn create_network_acl_entry(&mut self, spec: NetworkAclEntrySpec) -> Result<()> {
        let (number, entry) = self.checked_entry(&spec)?;
        let a = self.find::<NetworkAcl>(&spec.acl)?;
        if a.entries(spec.direction).contains_key(&number) {
            return refuse(
                "NetworkAclEntryAlreadyExists",
                format!("The network acl entry identified by {number} already exists."),
            );
        }
        let stars = 1 + usize::from(self.find::<Vpc>(&a.vpc)?.ipv6.is_some());
        if a.entries(spec.direction).len() + stars >= self.scalars.limits.entries_per_nacl {
            return refuse(
                "NetworkAclEntryLimitExceeded",
                format!("The maximum number of network acl entries has been reached for {}.", spec.acl),
            );
        }
        self.put_entry(&spec, number, entry);
        Ok(())
    }

    /// ReplaceNetworkAclEntry (NACL-29).
    pub fn replace_network_acl_entry(&mut self, spec: NetworkAclEntrySpec) -> Result<()> {
        let (number, entry) = self.checked_entry(&spec)?;
        self.entry_exists(&spec.acl, spec.direction, i32::from(number))?;
        self.put_entry(&spec, number, entry);
        Ok(())
    }

    /// DeleteNetworkAclEntry (NACL-21, NACL-29).
    pub fn delete_network_acl_entry(&mut self, acl: &str, direction: Direction, number: i32) -> Result<()> {
        let number = self.entry_exists(acl, direction, number)?;
        self.network_acls.edit(acl, |a| {
            a.modified[direction as usize] = true;
            entries(a, direction).remove(&number);
        });
        Ok(())
    }

    /// ReplaceNetworkAclAssociation: a new association id (NACL-07, NACL-08).
    pub fn replace_network_acl_association(&mut self, association: &str, acl: &str) -> Result<Id> {
        let Some(s) = self.subnets.by(association).find(|s| s.acl_association == association) else {
            return refuse(
                "InvalidAssociationID.NotFound",
                format!("The association ID '{association}' does not exist"),
            );
        };
        if self.find::<NetworkAcl>(acl)?.vpc != s.vpc {
            return refuse(
                "InvalidParameterValue",
                format!("network ACL {acl} and subnet {} belong to different networks", s.id),
            );
        }
        let subnet = s.id.clone();
        let id = self.new_id("aclassoc");
        self.subnets.edit(&subnet, |s| {
            s.acl = acl.into();
            s.acl_association = id.clone();
        });
        Ok(id)
    }

    /// The default ACL of a new VPC (NACL-01..03).
    pub(super) fn default_acl(&mut self, vpc: &str, v6: bool) -> NetworkAcl {
        let mut entries = AclEntries::from([(100, allow_all(false))]);
        if v6 {
            entries.insert(101, allow_all(true));
        }
        NetworkAcl {
            id: self.new_id("acl"),
            vpc: vpc.into(),
            is_default: true,
            ingress: entries.clone(),
            egress: entries,
            modified: [false; 2],
        }
    }

    /// An IPv6 block came: rule 101 in each untouched direction (NACL-04, VPC-46).
    pub(super) fn open_acl_for_ipv6(&mut self, acl: &str) {
        self.network_acls.edit(acl, |a| {
            for direction in [Direction::Ingress, Direction::Egress] {
                if !a.modified[direction as usize] {
                    entries(a, direction).insert(101, allow_all(true));
                }
            }
        });
    }

    /// Takes a network ACL away with all that hangs on it.
    pub(super) fn drop_acl(&mut self, acl: &str) {
        self.network_acls.take(acl);
        self.forget(acl);
    }

    fn put_entry(&mut self, spec: &NetworkAclEntrySpec, number: u16, entry: AclEntry) {
        self.network_acls.edit(&spec.acl, |a| {
            a.modified[spec.direction as usize] = true;
            entries(a, spec.direction).insert(number, entry);
        });
    }

    fn entry_exists(&self, acl: &str, direction: Direction, number: i32) -> Result<u16> {
        let a = self.find::<NetworkAcl>(acl)?;
        match u16::try_from(number).ok().filter(|n| a.entries(direction).contains_key(n)) {
            Some(n) => Ok(n),
            None => {
                let way = if direction == Direction::Ingress { "ingress" } else { "egress" };
                refuse(
                    "InvalidNetworkAclEntry.NotFound",
                    format!("The network acl entry does not exist: no {way} entry with number {number} in {acl}"),
                )
            }
        }
    }

    fn checked_entry(&self, spec: &NetworkAclEntrySpec) -> Result<(u16, AclEntry)> {
        self.find::<NetworkAcl>(&spec.acl)?;
        let Some(number) = u16::try_from(spec.number).ok().filter(|n| (1..=32766).contains(n)) else {
            return refuse(
                "InvalidParameterValue",
                format!("Invalid value '{}' for ruleNumber. Must be between 1 and 32766.", spec.number),
            );
        };
        let cidr = spec.cidr.trunc();
        let v6 = cidr.addr().is_ipv6();
        let ports = match spec.protocol {
            Some(6 | 17) => match spec.ports {
                None => {
                    return refuse(
                        "MissingParameter",
                        "The request must contain the parameter portRange for TCP and UDP",
                    );
                }
                Some((a, b)) if a < 0 || b > 65535 || a > b => {
                    return refuse("InvalidParameterValue", format!("Invalid value '{a}-{b}' for portRange."));
                }
                Some(p) => p,
            },
            Some(1) | Some(58) if spec.protocol == Some(1) || v6 => match spec.icmp {
                None => {
                    return refuse("MissingParameter", "The request must contain the parameter icmpTypeCode for ICMP");
                }
                Some((kind, code)) => filters::icmp(kind, code)?,
            },
            _ => (-1, -1),
        };
        Ok((number, AclEntry { protocol: spec.protocol, ports, cidr, allow: spec.allow }))
    }
}

fn entries(acl: &mut NetworkAcl, direction: Direction) -> &mut AclEntries {
    match direction {
        Direction::Ingress => &mut acl.ingress,
        Direction::Egress => &mut acl.egress,
    }
}

fn allow_all(v6: bool) -> AclEntry {
    let cidr = if v6 { IpNet::V6(ipnet::Ipv6Net::default()) } else { IpNet::V4(ipnet::Ipv4Net::default()) };
    AclEntry { protocol: None, ports: (-1, -1), cidr, allow: true }
}
