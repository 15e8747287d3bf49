//! Quotas, in one table (chapter 11 gives them; the operator may raise them).

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
    /// NAT-14: per Availability Zone.
    pub nat_gateways_per_zone: usize,
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
            nat_gateways_per_zone: 5,
            addresses_per_interface: 50,
        }
    }
}

impl Limits {
    /// The quota of this name, as a template's `Metadata.Vpcd.Quotas` spells it.
    pub fn by_name(&mut self, name: &str) -> Option<&mut usize> {
        Some(match name {
            "Vpcs" => &mut self.vpcs,
            "BlocksPerVpc" => &mut self.blocks_per_vpc,
            "SubnetsPerVpc" => &mut self.subnets_per_vpc,
            "RouteTablesPerVpc" => &mut self.route_tables_per_vpc,
            "RoutesPerTable" => &mut self.routes_per_table,
            "SecurityGroups" => &mut self.security_groups,
            "RulesPerGroup" => &mut self.rules_per_group,
            "GroupsPerInterface" => &mut self.groups_per_interface,
            "NaclsPerVpc" => &mut self.nacls_per_vpc,
            "EntriesPerNacl" => &mut self.entries_per_nacl,
            "Interfaces" => &mut self.interfaces,
            "ElasticIps" => &mut self.elastic_ips,
            "InternetGateways" => &mut self.internet_gateways,
            "EgressOnlyGateways" => &mut self.egress_only_gateways,
            "NatGatewaysPerZone" => &mut self.nat_gateways_per_zone,
            "AddressesPerInterface" => &mut self.addresses_per_interface,
            _ => return None,
        })
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
            nat_gateways_per_zone: 10_000,
            addresses_per_interface: 50,
        }
    }
}
