//! DHCP options sets (chapter 08, section 1).

use super::*;
use std::net::Ipv4Addr;

/// A bundle of DHCP options; it never changes (DHCP-04).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DhcpOptions {
    pub id: Id,
    /// Values by the option's name as the API calls it. Lists of servers have one value for each server.
    pub options: BTreeMap<String, Vec<String>>,
    /// The set that new VPCs begin with (DHCP-22).
    pub is_default: bool,
}

impl Model {
    /// CreateDhcpOptions (DHCP-01, DHCP-21, DHCP-23): options by name, each with its values.
    pub fn create_dhcp_options(&mut self, options: &[(String, Vec<String>)]) -> Result<Id> {
        if options.is_empty() {
            return refuse("MissingParameter", "The request must contain the parameter dhcpConfiguration");
        }
        let mut checked = BTreeMap::new();
        for (name, values) in options {
            if checked.insert(name.clone(), self::values(name, values)?).is_some() {
                return refuse("InvalidParameterValue", format!("The DHCP option {name} is given twice."));
            }
        }
        Ok(self.put_dhcp_options(checked, false))
    }

    /// DeleteDhcpOptions (DHCP-09).
    pub fn delete_dhcp_options(&mut self, set: &str) -> Result<()> {
        self.find_dhcp_options(set)?;
        if self.vpcs.iter().any(|v| v.dhcp_options.as_deref() == Some(set)) {
            return refuse(
                "DependencyViolation",
                format!("The dhcpOptions '{set}' has dependencies and cannot be deleted."),
            );
        }
        self.dhcp_options.take(set);
        self.forget(set);
        Ok(())
    }

    /// AssociateDhcpOptions: this set instead of what the VPC had; `default` is no set at all (DHCP-06, DHCP-08).
    pub fn associate_dhcp_options(&mut self, set: &str, vpc: &str) -> Result<()> {
        let chosen = if set == "default" { None } else { Some(self.find_dhcp_options(set)?.id.clone()) };
        self.find::<Vpc>(vpc)?;
        self.vpcs.edit(vpc, |v| v.dhcp_options = chosen);
        Ok(())
    }

    /// The set whose options the interfaces of a VPC are handed.
    pub fn dhcp_options_of(&self, vpc: &Vpc) -> Option<&DhcpOptions> {
        self.dhcp_options.get(vpc.dhcp_options.as_deref()?)
    }

    /// The domain of the Amazon names of this Region's instances (DHCP-02, DNS-08).
    pub fn private_domain(&self) -> String {
        match self.region() {
            "us-east-1" => "ec2.internal".into(),
            region => format!("{region}.compute.internal"),
        }
    }

    /// The account's default set, made when the first VPC is (DHCP-02, DHCP-22).
    pub(super) fn default_dhcp_options(&mut self) -> Id {
        if let Some(set) = self.dhcp_options.iter().find(|s| s.is_default) {
            return set.id.clone();
        }
        let options = [("domain-name", self.private_domain()), ("domain-name-servers", PROVIDED.into())];
        self.put_dhcp_options(options.into_iter().map(|(k, v)| (k.into(), vec![v])).collect(), true)
    }

    fn put_dhcp_options(&mut self, options: BTreeMap<String, Vec<String>>, is_default: bool) -> Id {
        let id = self.new_id("dopt");
        self.dhcp_options.put(DhcpOptions { id: id.clone(), options, is_default });
        id
    }

    fn find_dhcp_options(&self, set: &str) -> Result<&DhcpOptions> {
        if !set.starts_with("dopt-") {
            return refuse("InvalidDhcpOptionsId.Malformed", format!("Invalid id: \"{set}\" (expecting \"dopt-...\")"));
        }
        self.find(set)
    }
}

/// The resolver of the VPC, whose address depends on who asks (DHCP-03).
const PROVIDED: &str = "AmazonProvidedDNS";

/// Servers that one option may list.
const MAX_SERVERS: usize = 4;

/// The values of an option as they are kept, or why they cannot be (section 1.1).
fn values(name: &str, given: &[String]) -> Result<Vec<String>> {
    let bad = |why: &str| {
        refuse("InvalidParameterValue", format!("Value ({}) for parameter {name} is invalid. {why}", given.join(",")))
    };
    let one = || match given {
        [value] if !value.is_empty() => Some(value.clone()),
        _ => None,
    };
    let servers = |fits: fn(&str) -> bool| {
        let list: Vec<String> = given.iter().flat_map(|v| v.split(',')).map(|v| v.trim().to_string()).collect();
        match list.len() {
            1..=MAX_SERVERS if list.iter().all(|s| fits(s)) => Ok(list),
            1..=MAX_SERVERS => bad("It is not an IP address."),
            _ => bad("Between one and four addresses may be given."),
        }
    };
    let address = |text: &str| text.parse::<IpAddr>().is_ok();
    match name {
        "domain-name-servers" => servers(|s| s == PROVIDED || s.parse::<IpAddr>().is_ok()),
        "ntp-servers" => servers(address),
        "netbios-name-servers" => servers(|s| s.parse::<Ipv4Addr>().is_ok()),
        "domain-name" => one().map_or_else(|| bad("It has one value."), |v| Ok(vec![v])),
        "netbios-node-type" => match one().filter(|v| matches!(v.as_str(), "1" | "2" | "4" | "8")) {
            Some(v) => Ok(vec![v]),
            None => bad("It is 1, 2, 4 or 8."),
        },
        "ipv6-address-preferred-lease-time" => match one().filter(|v| v.parse::<u32>().is_ok()) {
            Some(v) => Ok(vec![v]),
            None => bad("It is a number of seconds."),
        },
        _ => refuse(
            "InvalidParameterValue",
            format!("Value ({name}) for parameter dhcpConfiguration is invalid. There is no such DHCP option."),
        ),
    }
}
