//! Resources and the rules about them: the only place that says what is legal.
//!
//! A [`Model`] is one Region of one account. Every operation of the EC2 API that this crate knows is a method that takes
//! a request in AWS's terms and either applies it whole or answers an [`ApiError`] with AWS's code and changes nothing
//! (validate, then apply). Templates and the API call the same methods. Reading goes through the shelves
//! ([`Model::vpcs`], [`Model::subnets`], ...), which list resources in order of creation. Free choices (ids, addresses,
//! MACs) are deterministic, and a later request never changes what an earlier one got.

mod address;
mod alarm;
mod binding;
mod cidr;
mod default_vpc;
mod dhcp;
mod ended;
mod filters;
mod gateway;
mod group_rules;
mod in_use;
mod instance;
mod instance_types;
mod interface;
mod key_pair;
mod limits;
mod list_routes;
mod nacl;
mod nat;
pub mod parse;
mod pools;
mod prefix_list;
mod record;
mod routing;
mod shelf;
mod subnet;
mod tags;
#[cfg(test)]
mod tests;
mod types;
mod vpc;
mod vpn_connection;
mod vpn_gateway;
mod zones;

pub use address::AssociateAddress;
pub use alarm::{Comparison, MetricAlarm, MissingData, Statistic};
pub use binding::Binding;
pub use dhcp::DhcpOptions;
pub use filters::{CreateSecurityGroup, IpPermission, rule_text};
pub(crate) use instance::several_interfaces;
pub use instance::{InterfaceSpec, RunInstance};
pub use instance_types::{Family, INSTANCE_TYPES, InstanceType};
pub use interface::{AssignPrivate, CreateNetworkInterface, TrackingTimeouts};
pub use key_pair::KeyPair;
pub use limits::{Limits, QUOTAS, Quota};
pub use nacl::NetworkAclEntrySpec;
pub use nat::CreateNatGateway;
pub use pools::Pools;
pub use prefix_list::{
    AddressFamily, CreatePrefixList, ModifyPrefixList, PrefixList, PrefixListEntry, PrefixListState, PrefixListVersion,
};
pub use record::Record;
pub use routing::AssociateWith;
pub use shelf::Shelf;
pub use subnet::{CidrReservation, CreateCidrReservation, CreateSubnet, Reserved, SubnetAttribute};
pub use types::*;
pub use vpc::{CreateVpc, VpcAttribute};
pub use vpn_connection::{CreateCustomerGateway, CustomerGateway, VpnConnection};
pub use zones::{Zone, ZoneState};

use in_use::InUse;
use rpds::RedBlackTreeSetSync;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// A refusal: AWS's code and a message for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    pub code: &'static str,
    pub message: String,
}

impl ApiError {
    /// A refusal with this code.
    pub fn new(code: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into() }
    }
}

/// What an operation answers.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

pub(crate) fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T> {
    Err(ApiError::new(code, message))
}

/// All resources of one Region of one account.
#[derive(Clone, Debug)]
pub struct Model {
    scalars: Scalars,
    /// Milliseconds of the Unix epoch, as told.
    now: u64,
    labels: Shelf<Label>,
    tags: Shelf<TagSet>,
    tokens: Shelf<ClientToken>,
    vpcs: Shelf<Vpc>,
    subnets: Shelf<Subnet>,
    route_tables: Shelf<RouteTable>,
    table_associations: Shelf<TableAssociation>,
    internet_gateways: Shelf<InternetGateway>,
    egress_only_gateways: Shelf<EgressOnlyGateway>,
    vpn_gateways: Shelf<VpnGateway>,
    customer_gateways: Shelf<CustomerGateway>,
    vpn_connections: Shelf<VpnConnection>,
    nat_gateways: Shelf<NatGateway>,
    elastic_ips: Shelf<ElasticIp>,
    security_groups: Shelf<SecurityGroup>,
    network_acls: Shelf<NetworkAcl>,
    interfaces: Shelf<NetworkInterface>,
    instances: Shelf<Instance>,
    key_pairs: Shelf<KeyPair>,
    dhcp_options: Shelf<DhcpOptions>,
    cidr_reservations: Shelf<CidrReservation>,
    /// Whether quotas or zones changed since the last settling; shelves know for themselves.
    settings_touched: bool,
    prefix_lists: Shelf<PrefixList>,
    prefix_list_versions: Shelf<PrefixListVersion>,
    alarms: Shelf<MetricAlarm>,
    /// AWS's own prefix lists; they follow from the Region.
    aws_prefix_lists: Arc<[PrefixList]>,
    /// Private and IPv6 addresses; follows from the interfaces.
    in_use: InUse,
    /// Auto-assigned public addresses; follows from the interfaces.
    public_in_use: RedBlackTreeSetSync<Ipv4Addr>,
    /// What ended and when it goes for good; follows from the resources.
    leaving: RedBlackTreeSetSync<(u64, Id)>,
}

/// What a Region remembers besides its resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Scalars {
    region: String,
    /// The account that owns everything here.
    account: String,
    #[serde(default)]
    zones: Vec<Zone>,
    /// Names.
    #[serde(default)]
    constrained_zones: BTreeSet<String>,
    #[serde(default)]
    impaired_zones: BTreeSet<String>,
    limits: Limits,
    #[serde(default)]
    pools: Pools,
    ids: Ids,
    /// Elastic IPs ever handed out of the pool in order; explicit requests do not move it.
    next_elastic: u32,
    /// Auto-assigned addresses in use or handed out last.
    next_public: u32,
    /// Next /56 of the provider's IPv6 pool.
    next_ipv6: u32,
    next_mac: u32,
}

macro_rules! shelves {
    ($($(#[$doc:meta])* $name:ident: $t:ty, $code:literal, $what:literal;)*) => {$(
        impl Model {
            $(#[$doc])*
            pub fn $name(&self) -> &Shelf<$t> { &self.$name }
        }
        impl Lookup for $t {
            const NOT_FOUND: &'static str = $code;
            const WHAT: &'static str = $what;
            fn shelf(model: &Model) -> &Shelf<$t> { &model.$name }
        }
    )*};
}

/// How a kind of resource is found and what is said when it is not there.
pub trait Lookup: HasId + Clone + Sized + 'static {
    const NOT_FOUND: &'static str;
    /// What the refusal calls it; a whole message if there is a `{}` for the id in it.
    const WHAT: &'static str;
    fn shelf(model: &Model) -> &Shelf<Self>;
    /// The refusal that AWS gives.
    fn not_found(id: &str) -> ApiError {
        let message = match Self::WHAT.split_once("{}") {
            Some((before, after)) => format!("{before}{id}{after}"),
            None => format!("The {} '{id}' does not exist", Self::WHAT),
        };
        ApiError::new(Self::NOT_FOUND, message)
    }
}

shelves! {
    /// VPCs.
    vpcs: Vpc, "InvalidVpcID.NotFound", "vpc ID";
    /// Subnets.
    subnets: Subnet, "InvalidSubnetID.NotFound", "subnet ID";
    /// Subnet and gateway route tables.
    route_tables: RouteTable, "InvalidRouteTableID.NotFound", "routeTable ID";
    /// Main, explicit and gateway associations of route tables.
    table_associations: TableAssociation, "InvalidAssociationID.NotFound", "association ID";
    /// Internet gateways.
    internet_gateways: InternetGateway, "InvalidInternetGatewayID.NotFound", "internetGateway ID";
    /// Egress-only internet gateways.
    egress_only_gateways: EgressOnlyGateway, "InvalidEgressOnlyInternetGatewayId.NotFound", "egress only internet gateway ID";
    /// Virtual private gateways.
    vpn_gateways: VpnGateway, "InvalidVpnGatewayID.NotFound", "vpnGateway ID";
    /// Devices at the far ends of VPN connections, deleted ones included.
    customer_gateways: CustomerGateway, "InvalidCustomerGatewayID.NotFound", "customerGateway ID";
    /// Site-to-Site VPN connections, deleted ones included.
    vpn_connections: VpnConnection, "InvalidVpnConnectionID.NotFound", "vpnConnection ID";
    /// NAT gateways, failed and deleted ones included.
    nat_gateways: NatGateway, "NatGatewayNotFound", "NAT gateway {} was not found";
    /// Elastic IP allocations.
    elastic_ips: ElasticIp, "InvalidAllocationID.NotFound", "allocation ID";
    /// Security groups.
    security_groups: SecurityGroup, "InvalidGroup.NotFound", "security group";
    /// Network ACLs.
    network_acls: NetworkAcl, "InvalidNetworkAclID.NotFound", "networkAcl ID";
    /// Network interfaces.
    interfaces: NetworkInterface, "InvalidNetworkInterfaceID.NotFound", "networkInterface ID";
    /// Instances.
    instances: Instance, "InvalidInstanceID.NotFound", "instance ID";
    /// Key pairs.
    key_pairs: KeyPair, "InvalidKeyPair.NotFound", "key pair";
    /// DHCP options sets.
    dhcp_options: DhcpOptions, "InvalidDhcpOptionID.NotFound", "dhcpOption ID";
    /// Reservations of pieces of subnets.
    cidr_reservations: CidrReservation, "InvalidSubnetCidrReservationID.NotFound", "subnet-cidr-reservation ID";
    /// Customers' prefix lists; [`Model::prefix_list`] finds AWS's, too.
    prefix_lists: PrefixList, "InvalidPrefixListID.NotFound", "prefix list ID";
    /// What customers' prefix lists were before.
    prefix_list_versions: PrefixListVersion, "InvalidParameterValue", "prefix list version";
    /// Alarms on metrics.
    alarms: MetricAlarm, "ResourceNotFound", "alarm";
}

impl Default for Model {
    fn default() -> Self {
        Model::new(0)
    }
}

impl Model {
    /// An empty Region; ids follow from the seed.
    pub fn new(seed: u64) -> Model {
        Model {
            scalars: Scalars {
                region: "us-east-1".into(),
                account: "123456789012".into(),
                zones: zones::usual("us-east-1", "123456789012"),
                constrained_zones: BTreeSet::new(),
                impaired_zones: BTreeSet::new(),
                limits: Limits::default(),
                pools: Pools::default(),
                ids: Ids { seed, next: 0 },
                next_elastic: 0,
                next_public: 0,
                next_ipv6: 0,
                next_mac: 0,
            },
            now: 0,
            labels: Shelf::default(),
            tags: Shelf::default(),
            tokens: Shelf::default(),
            vpcs: Shelf::default(),
            subnets: Shelf::default(),
            route_tables: Shelf::default(),
            table_associations: Shelf::default(),
            internet_gateways: Shelf::default(),
            egress_only_gateways: Shelf::default(),
            vpn_gateways: Shelf::default(),
            customer_gateways: Shelf::default(),
            vpn_connections: Shelf::default(),
            nat_gateways: Shelf::default(),
            elastic_ips: Shelf::default(),
            security_groups: Shelf::default(),
            network_acls: Shelf::default(),
            interfaces: Shelf::default(),
            instances: Shelf::default(),
            key_pairs: Shelf::default(),
            dhcp_options: Shelf::default(),
            cidr_reservations: Shelf::default(),
            settings_touched: false,
            prefix_lists: Shelf::default(),
            prefix_list_versions: Shelf::default(),
            alarms: Shelf::default(),
            aws_prefix_lists: prefix_list::of_aws("us-east-1"),
            in_use: InUse::default(),
            public_in_use: RedBlackTreeSetSync::default(),
            leaving: RedBlackTreeSetSync::default(),
        }
    }

    /// The quotas in force.
    pub fn limits(&self) -> &Limits {
        &self.scalars.limits
    }
    /// The quotas, to raise them as a support request would.
    pub fn limits_mut(&mut self) -> &mut Limits {
        &mut self.scalars.limits
    }
    /// Name of the Region.
    pub fn region(&self) -> &str {
        &self.scalars.region
    }
    /// Number of the account, 12 digits.
    pub fn account(&self) -> &str {
        &self.scalars.account
    }
    /// Puts the (still empty) model into another account, which may name the zones otherwise (SHR-12).
    pub fn set_account(&mut self, account: &str) {
        self.scalars.account = account.into();
        self.scalars.zones = zones::usual(&self.scalars.region, account);
    }
    /// Where its public addresses come from.
    pub fn pools(&self) -> &Pools {
        &self.scalars.pools
    }
    /// Gives the (still empty) model other pools.
    pub fn set_pools(&mut self, pools: Pools) {
        self.scalars.pools = pools;
    }
    /// Milliseconds of the Unix epoch that operations stamp what they make with.
    pub fn now(&self) -> u64 {
        self.now
    }
    /// Puts the (still empty) model into another Region, with that Region's usual zones.
    pub fn set_region(&mut self, region: &str) {
        self.scalars.region = region.into();
        self.scalars.zones = zones::usual(region, &self.scalars.account);
        self.aws_prefix_lists = prefix_list::of_aws(region);
    }
    /// Gives a resource the name that people know it by (a template's logical id).
    pub fn set_label(&mut self, id: &str, label: &str) {
        self.labels.put(Label { id: id.into(), label: label.into() });
    }
    /// The name people know a resource by, else its id.
    pub fn label<'a>(&'a self, id: &'a str) -> &'a str {
        self.labelled(id).unwrap_or(id)
    }
    /// Whether a label was given.
    pub fn labelled(&self, id: &str) -> Option<&str> {
        self.labels.get(id).map(|l| l.label.as_str())
    }

    /// The resource of this kind and id, or the refusal that AWS gives.
    pub fn find<T: Lookup>(&self, id: &str) -> Result<&T> {
        T::shelf(self).get(id).ok_or_else(|| T::not_found(id))
    }

    /// What kind of resource an id names, as tags call it; refused if there is none of that id.
    pub fn kind_of(&self, id: &str) -> Result<&'static str> {
        fn known<T: Lookup>(model: &Model, id: &str) -> Result<()> {
            model.find::<T>(id).map(|_| ())
        }
        let prefix = id.split_once('-').map_or("", |(p, _)| p);
        let (kind, found) = match prefix {
            "vpc" => ("vpc", known::<Vpc>(self, id)),
            "subnet" => ("subnet", known::<Subnet>(self, id)),
            "rtb" => ("route-table", known::<RouteTable>(self, id)),
            "igw" => ("internet-gateway", known::<InternetGateway>(self, id)),
            "eigw" => ("egress-only-internet-gateway", known::<EgressOnlyGateway>(self, id)),
            "vgw" => ("vpn-gateway", known::<VpnGateway>(self, id)),
            "cgw" => ("customer-gateway", known::<CustomerGateway>(self, id)),
            "vpn" => ("vpn-connection", known::<VpnConnection>(self, id)),
            "nat" => ("natgateway", known::<NatGateway>(self, id)),
            "eipalloc" => ("elastic-ip", known::<ElasticIp>(self, id)),
            "sg" => ("security-group", known::<SecurityGroup>(self, id)),
            "sgr" => ("security-group-rule", self.rule(id).map(|_| ())),
            "acl" => ("network-acl", known::<NetworkAcl>(self, id)),
            "eni" => ("network-interface", known::<NetworkInterface>(self, id)),
            "i" => ("instance", known::<Instance>(self, id)),
            "key" => ("key-pair", known::<KeyPair>(self, id)),
            "dopt" => ("dhcp-options", known::<DhcpOptions>(self, id)),
            "scr" => ("subnet-cidr-reservation", known::<CidrReservation>(self, id)),
            "pl" => ("prefix-list", self.prefix_list(id).map(|_| ())),
            _ => return refuse("InvalidID", format!("The ID '{id}' is not valid")),
        };
        found.map(|()| kind)
    }

    /// Runs a change of several steps: all of them happen or none.
    fn whole<T>(&mut self, change: impl FnOnce(&mut Model) -> Result<T>) -> Result<T> {
        let mut trial = self.clone();
        let made = change(&mut trial)?;
        *self = trial;
        Ok(made)
    }

    fn new_id(&mut self, prefix: &str) -> Id {
        self.scalars.ids.make(prefix)
    }
}

/// Makes resource ids; a random source can take its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Ids {
    seed: u64,
    next: u64,
}

impl Ids {
    fn make(&mut self, prefix: &str) -> Id {
        self.next += 1;
        // A bijection (splitmix64's finish), so that no two counters of one seed give one id.
        let mut z = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(self.next);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        format!("{prefix}-0{z:016x}")
    }
}

/// Entries of one direction by rule number.
pub type AclEntries = BTreeMap<u16, AclEntry>;
