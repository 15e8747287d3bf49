//! What each resource holds. Fields are for reading; only operations of [`Model`](super::Model) change them.

pub use super::shelf::HasId;
use super::{
    AclEntries, Binding, CidrReservation, CustomerGateway, DhcpOptions, KeyPair, PrefixList, PrefixListVersion,
    VpnConnection,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use vpcd_wire::Mac;

/// A resource id: a prefix and 17 hexadecimal digits.
pub type Id = String;

/// A block associated with a VPC or a subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block<N> {
    /// Association id.
    pub id: Id,
    pub cidr: N,
}

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    pub id: Id,
    /// The primary block first (VPC-01, VPC-36).
    pub blocks: Vec<Block<Ipv4Net>>,
    /// VPC-40.
    pub ipv6: Option<Block<Ipv6Net>>,
    pub tenancy: String,
    pub main_association: Id,
    pub default_acl: Id,
    pub default_group: Id,
    pub dns_support: bool,
    pub dns_hostnames: bool,
    /// enableNetworkAddressUsageMetrics: kept and shown.
    #[serde(default)]
    pub usage_metrics: bool,
    /// The Region's default VPC (DEF-01).
    #[serde(default)]
    pub is_default: bool,
    /// Its DHCP options set; none: no options are handed out (DHCP-06, DHCP-08).
    #[serde(default)]
    pub dhcp_options: Option<Id>,
}

impl Vpc {
    /// The permanent primary block.
    pub fn primary(&self) -> Ipv4Net {
        self.blocks.first().map(|b| b.cidr).unwrap_or_default()
    }
    /// All blocks of both families.
    pub fn all_blocks(&self) -> impl Iterator<Item = IpNet> {
        self.blocks.iter().map(|b| IpNet::V4(b.cidr)).chain(self.ipv6.iter().map(|b| IpNet::V6(b.cidr)))
    }
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub id: Id,
    pub vpc: Id,
    pub cidr: Ipv4Net,
    pub ipv6: Option<Block<Ipv6Net>>,
    pub zone: String,
    /// IP-06.
    pub map_public_ip: bool,
    /// IP-14.
    pub assign_ipv6: bool,
    /// The default subnet of its zone (DEF-12).
    #[serde(default)]
    pub is_default: bool,
    #[serde(default)]
    pub dns: SubnetDns,
    /// Explicit route-table association; none: the main table (RT-01).
    pub table_association: Option<Id>,
    pub acl_association: Id,
    pub acl: Id,
}

/// What a subnet's attributes say about names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetDns {
    /// The resolver makes up IPv6 addresses for names that have only IPv4 ones.
    pub dns64: bool,
    /// Host names of instances carry the instance id (`resource-name`), not the address (`ip-name`).
    pub resource_names: bool,
    /// A records for those names.
    pub a_records: bool,
    /// AAAA records for those names.
    pub aaaa_records: bool,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RouteTarget {
    Local,
    InternetGateway(Id),
    EgressOnlyGateway(Id),
    NatGateway(Id),
    /// A virtual private gateway (RT-73).
    VpnGateway(Id),
    NetworkInterface(Id),
    /// Only in requests: stored as the instance's single interface (RT-79).
    Instance(Id),
}

impl RouteTarget {
    /// A virtual private or an internet gateway, as its id says.
    pub fn gateway(id: Id) -> RouteTarget {
        if id.starts_with("vgw-") { RouteTarget::VpnGateway(id) } else { RouteTarget::InternetGateway(id) }
    }

    /// The id of what it names.
    pub fn id(&self) -> Option<&Id> {
        match self {
            RouteTarget::Local => None,
            RouteTarget::InternetGateway(id)
            | RouteTarget::EgressOnlyGateway(id)
            | RouteTarget::NatGateway(id)
            | RouteTarget::VpnGateway(id)
            | RouteTarget::NetworkInterface(id)
            | RouteTarget::Instance(id) => Some(id),
        }
    }
}

/// One route of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub destination: IpNet,
    pub target: RouteTarget,
    /// A block's local route: made with the table, its target replaceable in a gateway table (RT-57).
    pub local: bool,
}

/// A subnet or gateway route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    pub id: Id,
    pub vpc: Id,
    pub routes: Vec<Route>,
    /// Routes to prefix lists, each list once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListRoute>,
    /// Virtual private gateways whose routes it takes over, in the order in which that was switched on (RT-85).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub propagating: Vec<Id>,
}

/// A route for every entry of a prefix list (RT-47).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRoute {
    pub list: Id,
    pub target: RouteTarget,
}

/// What a route table is associated with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AssociatedWith {
    /// The main table of this VPC.
    Main(Id),
    Subnet(Id),
    /// An internet or a virtual private gateway (RT-50).
    Gateway(Id),
}

/// One association of a route table (RT-32).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableAssociation {
    pub id: Id,
    pub table: Id,
    pub with: AssociatedWith,
}

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InternetGateway {
    pub id: Id,
    pub vpc: Option<Id>,
    /// Association with a gateway route table.
    pub table_association: Option<Id>,
}

/// A virtual private gateway (VPN-04, VPN-05).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VpnGateway {
    pub id: Id,
    /// What it is attached to.
    pub vpc: Option<Id>,
    /// Its private autonomous system number.
    pub asn: u32,
    /// Association with a gateway route table.
    pub table_association: Option<Id>,
    /// The remote network is plugged in (a replay that names the gateway, a [`Binding`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bound: bool,
    /// What that is, where it is to be plugged in again after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
}

/// An egress-only internet gateway (EIGW-01).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressOnlyGateway {
    pub id: Id,
    pub vpc: Id,
}

/// NAT-08; transitions are immediate, so nothing is ever seen pending or deleting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NatState {
    Available,
    /// NAT-50: code and message.
    Failed {
        code: String,
        message: String,
    },
    Deleted,
}

/// A NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatGateway {
    pub id: Id,
    pub vpc: Id,
    pub subnet: Id,
    /// Of its Elastic IP; none: a private gateway (NAT-85).
    pub allocation: Option<Id>,
    pub state: NatState,
    /// Its interface, while available.
    pub interface: Option<Id>,
    pub private: Option<Ipv4Addr>,
    pub public: Option<Ipv4Addr>,
    /// In milliseconds of the Unix epoch, as the next.
    pub created: u64,
    pub deleted: Option<u64>,
}

impl NatGateway {
    /// Whether it carries traffic (NAT-09).
    pub fn available(&self) -> bool {
        self.state == NatState::Available
    }
    /// When it failed or was deleted.
    pub fn ended(&self) -> Option<u64> {
        match self.state {
            NatState::Available => None,
            // What fails does so at birth.
            NatState::Failed { .. } => Some(self.created),
            NatState::Deleted => self.deleted,
        }
    }
}

/// An Elastic IP address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElasticIp {
    /// Allocation id.
    pub id: Id,
    pub public: Ipv4Addr,
    pub association: Option<AddressAssociation>,
    /// Name that its PTR record answers, with a dot at the end.
    #[serde(default)]
    pub reverse_name: Option<String>,
}

/// What an Elastic IP is mapped to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressAssociation {
    pub id: Id,
    pub interface: Id,
    pub private: Ipv4Addr,
}

/// Which way a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    Ingress,
    Egress,
}

/// The far side of a security-group rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RulePeer {
    Cidr(IpNet),
    Group(Id),
    PrefixList(Id),
}

/// One security-group rule, normalised (SG-211).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRule {
    pub id: Id,
    /// `None` is every protocol.
    pub protocol: Option<u8>,
    /// First and last port; type and code for ICMP; -1 and -1 where ports mean nothing.
    pub ports: (i32, i32),
    pub peer: RulePeer,
    pub description: String,
}

impl GroupRule {
    /// Its id, and the group or prefix list it names if it names one.
    fn ids(&self) -> impl Iterator<Item = &Id> {
        let peer = match &self.peer {
            RulePeer::Group(id) | RulePeer::PrefixList(id) => Some(id),
            RulePeer::Cidr(_) => None,
        };
        std::iter::once(&self.id).chain(peer)
    }
    /// Whether both let the same packets through, as far as one can tell without looking into groups and prefix lists.
    pub fn same(&self, other: &GroupRule) -> bool {
        (self.protocol, self.ports, &self.peer) == (other.protocol, other.ports, &other.peer)
    }
}

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub id: Id,
    pub vpc: Id,
    pub name: String,
    pub description: String,
    pub ingress: Vec<GroupRule>,
    pub egress: Vec<GroupRule>,
    /// Outbound rules were touched: IPv6 rules come no more by themselves (SG-24).
    pub egress_modified: bool,
}

impl SecurityGroup {
    /// The rules of one direction.
    pub fn rules(&self, direction: Direction) -> &[GroupRule] {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// One numbered entry of a network ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    pub protocol: Option<u8>,
    /// Destination ports; type and code for ICMP; -1 and -1 where they mean nothing.
    pub ports: (i32, i32),
    pub cidr: IpNet,
    pub allow: bool,
}

/// A network ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkAcl {
    pub id: Id,
    pub vpc: Id,
    pub is_default: bool,
    pub ingress: AclEntries,
    pub egress: AclEntries,
    /// Inbound, outbound: touched by the user (NACL-04).
    pub modified: [bool; 2],
}

impl NetworkAcl {
    /// The entries of one direction.
    pub fn entries(&self, direction: Direction) -> &AclEntries {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// A network interface (ENI-01).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInterface {
    pub id: Id,
    pub vpc: Id,
    pub subnet: Id,
    #[serde(with = "mac_text")]
    pub mac: Mac,
    pub description: String,
    /// Primary first.
    pub private: Vec<Ipv4Addr>,
    pub ipv6: Vec<Ipv6Addr>,
    pub groups: Vec<Id>,
    pub source_dest_check: bool,
    pub attachment: Option<Attachment>,
    /// Something outside the model is plugged in (a replay that names a free interface, a [`Binding`]).
    pub bound: bool,
    /// What that is, where it is to be plugged in again after a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The NAT gateway that owns it (NAT-06).
    pub nat_gateway: Option<Id>,
    /// Auto-assigned public IPv4 of its primary address (IP-09).
    pub public: Option<Ipv4Addr>,
    pub timeouts: super::TrackingTimeouts,
}

impl NetworkInterface {
    /// The primary private address (IP-03).
    pub fn primary(&self) -> Ipv4Addr {
        self.private.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }
}

/// How an interface hangs on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub id: Id,
    pub instance: Id,
    pub device_index: u32,
    pub delete_on_termination: bool,
    /// When, in milliseconds of the Unix epoch.
    #[serde(default)]
    pub at: u64,
}

/// Life of an instance, as far as packets care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceState {
    Running,
    Stopped,
    /// Without interfaces; visible for an hour.
    Terminated,
}

/// What an instance was launched with that no packet depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaunchDetails {
    /// Common to the instances of one call.
    pub reservation: Id,
    /// Place within that call.
    pub index: u32,
    pub image: Id,
    pub key_name: Option<String>,
    /// As sent: base64.
    pub user_data: Option<String>,
    pub client_token: Option<String>,
    /// `disableApiTermination`.
    pub protected: bool,
    /// `disableApiStop`.
    pub unstoppable: bool,
    /// `instanceInitiatedShutdownBehavior`; none: `stop`.
    pub shutdown: Option<String>,
    pub monitoring: bool,
    pub ebs_optimized: bool,
    pub metadata: MetadataOptions,
}

impl LaunchDetails {
    /// The user data, decoded. Who calls without a client library may have sent it as it is.
    pub fn script(&self) -> Option<Vec<u8>> {
        let data = self.user_data.as_ref()?;
        Some(BASE64_STANDARD.decode(data.trim()).unwrap_or_else(|_| data.clone().into_bytes()))
    }
}

/// How the metadata service of an instance may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetadataOptions {
    /// `optional` or `required`: whether a request must carry a session token.
    pub tokens: String,
    /// Hop limit of answers to requests for tokens, 1 to 64.
    pub hop_limit: u8,
    /// `enabled` or `disabled`, as the next two.
    pub endpoint: String,
    pub ipv6: String,
    /// Whether it tells tags.
    pub tags: String,
}

impl Default for MetadataOptions {
    fn default() -> Self {
        MetadataOptions {
            tokens: "optional".into(),
            hop_limit: 1,
            endpoint: "enabled".into(),
            ipv6: "disabled".into(),
            tags: "disabled".into(),
        }
    }
}

/// An instance: what holds interfaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub id: Id,
    pub vpc: Id,
    /// Subnet of eth0.
    pub subnet: Id,
    pub zone: String,
    pub instance_type: String,
    pub state: InstanceState,
    /// Interfaces by device index; 0 is eth0.
    pub interfaces: BTreeMap<u32, Id>,
    /// eth0 gets an auto-assigned public IPv4 at each start (IP-06, IP-07).
    pub wants_public: bool,
    #[serde(default)]
    pub details: LaunchDetails,
    /// Last start, in milliseconds of the Unix epoch.
    #[serde(default)]
    pub launched: u64,
    /// When and why it is not running any more: milliseconds, code, message.
    #[serde(default)]
    pub ended: Option<(u64, String, String)>,
}

/// The name that people know a resource by (a template's logical id).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Of the resource.
    pub id: Id,
    pub label: String,
}

/// The tags of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagSet {
    /// Of the resource.
    pub id: Id,
    pub tags: BTreeMap<String, String>,
}

/// A call that carried a client token, and what it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientToken {
    /// Operation and token.
    pub id: Id,
    /// Digest of the request's parameters.
    pub request: u64,
    /// The answer's body.
    pub answer: String,
    /// When, in milliseconds of the Unix epoch.
    pub at: u64,
}

/// `has_id!(Kind: |it| keys)`: resources with an `id`, and what else a [`Shelf`](super::Shelf) finds them by.
macro_rules! has_id {
    ($($kind:ident $(: |$it:ident| $keys:expr)?;)*) => {$(
        impl HasId for $kind {
            fn id(&self) -> &str {
                &self.id
            }
            $(fn keys(&self) -> Vec<Cow<'_, str>> {
                let $it = self;
                $keys.collect()
            })?
        }
    )*};
}

fn keys<'a>(ids: impl IntoIterator<Item = &'a Id>) -> impl Iterator<Item = Cow<'a, str>> {
    ids.into_iter().map(|id| Cow::Borrowed(id.as_str()))
}

has_id! {
    Vpc;
    Subnet: |s| keys([&s.vpc, &s.acl, &s.acl_association]);
    RouteTable: |t| keys([&t.vpc])
        .chain(keys(t.routes.iter().map(|r| &r.target).chain(t.lists.iter().map(|r| &r.target)).filter_map(|t| t.id())))
        .chain(keys(t.lists.iter().map(|r| &r.list)))
        .chain(keys(&t.propagating));
    TableAssociation: |a| keys([&a.table]);
    InternetGateway: |g| keys(&g.vpc);
    EgressOnlyGateway: |g| keys([&g.vpc]);
    VpnGateway: |g| keys(&g.vpc);
    CustomerGateway;
    VpnConnection: |c| keys([&c.customer_gateway, &c.vpn_gateway]);
    NatGateway;
    ElasticIp: |a| keys(a.association.iter().flat_map(|x| [&x.id, &x.interface]))
        .chain([Cow::Owned(a.public.to_string())]);
    SecurityGroup: |g| keys([&g.vpc]).chain(keys(g.ingress.iter().chain(&g.egress).flat_map(GroupRule::ids)));
    NetworkAcl: |a| keys([&a.vpc]);
    NetworkInterface: |e| keys([&e.vpc, &e.subnet]).chain(keys(&e.groups)).chain(keys(e.attachment.iter().map(|a| &a.id)));
    Instance;
    KeyPair: |k| keys([&k.name]);
    DhcpOptions;
    CidrReservation: |r| keys([&r.subnet]);
    PrefixList;
    PrefixListVersion;
    Label;
    TagSet;
    ClientToken;
}

/// A MAC address as text.
mod mac_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use vpcd_wire::Mac;

    pub(super) fn serialize<S: Serializer>(mac: &Mac, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(mac)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Mac, D::Error> {
        let text = String::deserialize(d)?;
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for b in &mut bytes {
            let part = parts.next().and_then(|p| u8::from_str_radix(p, 16).ok());
            *b = part.ok_or_else(|| D::Error::custom(format!("not a MAC address: {text}")))?;
        }
        if parts.next().is_some() {
            return Err(D::Error::custom(format!("not a MAC address: {text}")));
        }
        Ok(Mac(bytes))
    }
}
