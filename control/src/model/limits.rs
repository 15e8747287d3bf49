//! Quotas, in one table (chapter 11 gives them; the operator may change them while the server runs).

use super::{Model, Result, refuse};
use serde::{Deserialize, Serialize};

/// How many of each thing there may be. Defaults are the guide's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// VPC-11.
    pub vpcs: usize,
    /// VPC-25: IPv4 blocks per VPC, the primary included.
    pub blocks_per_vpc: usize,
    /// SUB-21.
    pub subnets_per_vpc: usize,
    /// RT-11: per VPC, main included.
    pub route_tables_per_vpc: usize,
    /// RT-11: per table and family, local routes included.
    pub routes_per_table: usize,
    /// SG-19.
    pub security_groups: usize,
    /// SG-39: per group, direction and family.
    pub rules_per_group: usize,
    /// SG-60.
    pub groups_per_interface: usize,
    /// NACL-12.
    pub nacls_per_vpc: usize,
    /// NACL-30: per direction, the `*` entries included.
    pub entries_per_nacl: usize,
    /// ENI-06.
    pub interfaces: usize,
    /// EIP-09.
    pub elastic_ips: usize,
    /// IGW-03.
    pub internet_gateways: usize,
    /// EIGW-03.
    pub egress_only_gateways: usize,
    /// QTA-11.
    pub vpn_gateways: usize,
    /// QTA-07.
    pub customer_gateways: usize,
    /// QTA-31.
    pub vpn_connections: usize,
    /// QTA-32: per virtual private gateway.
    pub vpn_connections_per_gateway: usize,
    /// NAT-14: per Availability Zone.
    pub nat_gateways_per_zone: usize,
    /// NATI-15. The guide gives no figure: as many as there are interfaces.
    pub instances: usize,
    /// Customers' prefix lists per Region.
    pub prefix_lists: usize,
    /// Addresses of one family per interface (the largest instance type's figure, S-02-15).
    pub addresses_per_interface: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            vpcs: 5,
            blocks_per_vpc: 5,
            subnets_per_vpc: 200,
            route_tables_per_vpc: 200,
            routes_per_table: 50,
            security_groups: 2500,
            rules_per_group: 60,
            groups_per_interface: 5,
            nacls_per_vpc: 200,
            entries_per_nacl: 20,
            interfaces: 5000,
            elastic_ips: 5,
            internet_gateways: 5,
            egress_only_gateways: 5,
            vpn_gateways: 5,
            customer_gateways: 50,
            vpn_connections: 50,
            vpn_connections_per_gateway: 10,
            nat_gateways_per_zone: 5,
            instances: 5000,
            prefix_lists: 100,
            addresses_per_interface: 50,
        }
    }
}

impl Limits {
    /// The quota of this name, as a template's `Metadata.Vpcd.Quotas` spells it.
    pub fn by_name(&mut self, name: &str) -> Option<&mut usize> {
        QUOTAS.iter().find(|q| q.name == name).map(|q| (q.field)(self))
    }

    /// No quota that a test is likely to meet.
    pub fn raised() -> Limits {
        Limits {
            vpcs: 10_000,
            blocks_per_vpc: 50,
            subnets_per_vpc: 10_000,
            route_tables_per_vpc: 10_000,
            routes_per_table: 1000,
            security_groups: 100_000,
            rules_per_group: 1000,
            groups_per_interface: 15,
            nacls_per_vpc: 10_000,
            entries_per_nacl: 40,
            interfaces: 1_000_000,
            elastic_ips: 250,
            internet_gateways: 10_000,
            egress_only_gateways: 10_000,
            vpn_gateways: 10_000,
            customer_gateways: 10_000,
            vpn_connections: 10_000,
            vpn_connections_per_gateway: 10_000,
            nat_gateways_per_zone: 10_000,
            instances: 1_000_000,
            prefix_lists: 10_000,
            addresses_per_interface: 50,
        }
    }
}

/// One quota: what it is called, and how far it may be moved.
#[derive(Debug)]
pub struct Quota {
    /// Service and quota code as the Service Quotas API has them; empty where it has none.
    pub service: &'static str,
    pub code: &'static str,
    /// As a template's `Metadata.Vpcd.Quotas` and `vpcd` spell it.
    pub name: &'static str,
    pub title: &'static str,
    /// Whether a request can change it by itself (QTA-41).
    pub adjustable: bool,
    /// Beyond this nobody raises it.
    pub max: Option<usize>,
    field: fn(&mut Limits) -> &mut usize,
}

impl Quota {
    /// The value in `limits`.
    pub fn value(&self, limits: &Limits) -> usize {
        *(self.field)(&mut limits.clone())
    }
    /// The value where nobody changed it.
    pub fn default_value(&self) -> usize {
        self.value(&Limits::default())
    }
}

macro_rules! quotas {
    ($($service:literal $code:literal $name:literal $field:ident $title:literal $adjustable:literal $max:expr;)*) => {
        /// All quotas that are enforced.
        pub const QUOTAS: &[Quota] = &[$(Quota {
            service: $service,
            code: $code,
            name: $name,
            title: $title,
            adjustable: $adjustable,
            max: $max,
            field: |l| &mut l.$field,
        }),*];
    };
}

quotas! {
    "vpc" "L-F678F1CE" "Vpcs" vpcs "VPCs per Region" true None;
    "vpc" "L-407747CB" "SubnetsPerVpc" subnets_per_vpc "Subnets per VPC" true None;
    "vpc" "L-83CA0A9D" "BlocksPerVpc" blocks_per_vpc "IPv4 CIDR blocks per VPC" true Some(50);
    "ec2" "L-0263D0A3" "ElasticIps" elastic_ips "EC2-VPC Elastic IPs" true None;
    "vpc" "L-45FE3B85" "EgressOnlyGateways" egress_only_gateways "Egress-only internet gateways per Region" false None;
    "vpc" "L-A4707A72" "InternetGateways" internet_gateways "Internet gateways per Region" false None;
    "ec2" "L-7029FAB6" "VpnGateways" vpn_gateways "Virtual private gateways per Region" true None;
    "" "" "CustomerGateways" customer_gateways "Customer gateways per Region" true None;
    "ec2" "L-3E6EC3A3" "VpnConnections" vpn_connections "VPN connections per Region" true None;
    "" "" "VpnConnectionsPerGateway" vpn_connections_per_gateway "VPN connections per virtual private gateway" true None;
    "vpc" "L-FE5A380F" "NatGatewaysPerZone" nat_gateways_per_zone "NAT gateways per Availability Zone" true None;
    "vpc" "L-B4A6D682" "NaclsPerVpc" nacls_per_vpc "Network ACLs per VPC" true None;
    "vpc" "L-2AEEBF1A" "EntriesPerNacl" entries_per_nacl "Rules per network ACL" true Some(40);
    "vpc" "L-DF5E4CA3" "Interfaces" interfaces "Network interfaces per Region" true None;
    "vpc" "L-589F43AA" "RouteTablesPerVpc" route_tables_per_vpc "Route tables per VPC" true None;
    "vpc" "L-93826ACB" "RoutesPerTable" routes_per_table "Routes per route table" true Some(1000);
    "vpc" "L-E79EC296" "SecurityGroups" security_groups "VPC security groups per Region" true None;
    "vpc" "L-0EA8095F" "RulesPerGroup" rules_per_group "Inbound or outbound rules per security group" true Some(RULES_PER_INTERFACE);
    "vpc" "L-2AFB9258" "GroupsPerInterface" groups_per_interface "Security groups per network interface" true Some(15);
    "" "" "Instances" instances "Instances per Region" true None;
    "" "" "PrefixLists" prefix_lists "Prefix lists per Region" true None;
    "" "" "AddressesPerInterface" addresses_per_interface "Addresses of one family per network interface" false None;
}

/// Rules per group times groups per interface (QTA-17, QTA-19).
const RULES_PER_INTERFACE: usize = 1000;

impl Model {
    /// Changes a quota, named by its code or name, at once for everything in the Region (QTA-41, QTA-42, QTA-45). Quotas that hang together
    /// move together (QTA-46): gateways follow VPCs, and rules per group times groups per interface stays within 1,000.
    pub fn set_quota(&mut self, code_or_name: &str, value: usize) -> Result<()> {
        let named = |q: &&Quota| q.name == code_or_name || (!q.code.is_empty() && q.code == code_or_name);
        let Some(quota) = QUOTAS.iter().find(named) else {
            return refuse("NoSuchResourceException", format!("There is no quota '{code_or_name}'."));
        };
        if !quota.adjustable {
            return refuse(
                "IllegalArgumentException",
                format!("The quota '{}' cannot be changed by itself.", quota.title),
            );
        }
        if let Some(max) = quota.max.filter(|max| value > *max) {
            return refuse(
                "IllegalArgumentException",
                format!("The quota '{}' cannot be raised to {value}: its maximum is {max}.", quota.title),
            );
        }
        let limits = &mut self.scalars.limits;
        *(quota.field)(limits) = value;
        match quota.name {
            "Vpcs" => (limits.internet_gateways, limits.egress_only_gateways) = (value, value),
            "RulesPerGroup" => {
                limits.groups_per_interface = limits.groups_per_interface.min(RULES_PER_INTERFACE / value.max(1));
            }
            "GroupsPerInterface" => {
                limits.rules_per_group = limits.rules_per_group.min(RULES_PER_INTERFACE / value.max(1));
            }
            _ => {}
        }
        self.settings_touched = true;
        Ok(())
    }
}
