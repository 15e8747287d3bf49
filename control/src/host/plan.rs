//! What a stack needs of the machine, as data: namespaces, devices, and the lines that `ip` gets.

use crate::model::{Model, NetworkInterface};
use crate::template::Stack;
use ipnet::IpNet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use vpcd_wire::Mac;

/// The namespace of the internet's hosts.
pub const INTERNET_NAMESPACE: &str = "vpcd-internet";

/// What a VPC instance has.
const INSTANCE_MTU: u16 = 9001;
const EDGE_MTU: u16 = 1500;
/// Frames that may wait for the engine in a device: a burst of a guest's TCP without segmentation offload is longer than the usual 1,000.
const QUEUE: u32 = 4096;
/// Where IPv6 guests find the router of their subnet.
const ROUTER6: &str = "fe80::1";

/// All namespaces of a stack: instances and remote networks in template order, then the internet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub spaces: Vec<Space>,
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    pub name: String,
    pub links: Vec<Link>,
}

/// A device in a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Display name of the port; `None`: the internet's.
    pub port: Option<String>,
    /// `eth0`, `eth1`...
    pub device: String,
    pub mac: Mac,
    pub mtu: u16,
    /// With the length of the prefix that is reachable without a router.
    pub addresses: Vec<IpNet>,
    pub routes: Routes,
}

/// Where packets go that are for nobody on the device's own prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routes {
    /// Nowhere: a further interface.
    None,
    /// To the routers of the subnet.
    Router { v4: Option<Ipv4Addr>, v6: bool },
    /// Straight out: whoever it is for is taken to be on the wire.
    OnLink,
}

impl Plan {
    /// The namespaces of a stack.
    pub fn of(stack: &Stack) -> Plan {
        let mut spaces: Vec<Space> = Vec::new();
        for port in &stack.ports {
            let Some(name) = port.namespace.as_ref().filter(|_| port.attached) else { continue };
            let link = match stack.model.interfaces().get(&port.id) {
                Some(eni) => Link::of(&stack.model, eni, port.device_index.unwrap_or(0), port.name()),
                None => Link::edge(Some(port.name()), port.mac, port.private.iter().map(|a| IpAddr::V4(*a))),
            };
            match spaces.iter_mut().find(|s| s.name == *name) {
                Some(space) => space.links.push(link),
                None => spaces.push(Space { name: name.clone(), links: vec![link] }),
            }
        }
        let hosts = stack.internet.iter().flat_map(|h| &h.addresses);
        spaces.push(Space::internet(INTERNET_NAMESPACE, hosts.copied()));
        Plan { spaces }
    }

    /// The names of all namespaces.
    pub fn names(&self) -> Vec<String> {
        self.spaces.iter().map(|s| s.name.clone()).collect()
    }
}

fn net(address: IpAddr, length: u8) -> IpNet {
    // A prefix length of the other family cannot come here; the address alone would still be right.
    IpNet::new(address, length).unwrap_or_else(|_| IpNet::from(address))
}

impl Space {
    /// The internet: hosts that have these addresses, and take whoever else there is to be on their wire.
    pub fn internet(name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Space {
        let mac = vpcd_dataplane::topology::InternetPort::default().mac;
        Space { name: name.into(), links: vec![Link::edge(None, mac, addresses)] }
    }

    /// What `ip -n NAME -batch -` gets once the devices are there.
    pub(super) fn script(&self) -> String {
        self.links.iter().fold(String::from("link set lo up\n"), |out, link| out + &link.script())
    }
}

impl Link {
    /// An interface of an instance as `eth<index>`, configured as the instance's system would: all addresses with the length of the
    /// subnet's prefix, primary first, and default routes on `eth0` alone.
    pub fn of(model: &Model, eni: &NetworkInterface, index: u32, port: &str) -> Link {
        let subnet = model.subnets().get(&eni.subnet);
        let length4 = subnet.map_or(32, |s| s.cidr.prefix_len());
        let length6 = subnet.and_then(|s| s.ipv6.as_ref()).map_or(128, |b| b.cidr.prefix_len());
        let v4 = eni.private.iter().map(|a| net(IpAddr::V4(*a), length4));
        let v6 = eni.ipv6.iter().map(|a| net(IpAddr::V6(*a), length6));
        let router = subnet.map(|s| Ipv4Addr::from(u32::from(s.cidr.network()).saturating_add(1)));
        Link {
            port: Some(port.to_owned()),
            device: format!("eth{index}"),
            mac: eni.mac,
            mtu: INSTANCE_MTU,
            addresses: v4.chain(v6).collect(),
            routes: match index {
                0 => Routes::Router { v4: router, v6: !eni.ipv6.is_empty() },
                _ => Routes::None,
            },
        }
    }

    /// Hosts on the far side of an edge: they have these addresses, and take whoever else there is to be on their wire.
    fn edge(port: Option<&str>, mac: Mac, addresses: impl IntoIterator<Item = IpAddr>) -> Link {
        Link {
            port: port.map(str::to_owned),
            device: "eth0".into(),
            mac,
            mtu: EDGE_MTU,
            addresses: addresses.into_iter().map(IpNet::from).collect(),
            routes: Routes::OnLink,
        }
    }

    /// What `ip` gets for this device once it is there.
    pub(super) fn script(&self) -> String {
        let device = &self.device;
        // In this order: a queue of another length in a device that is up makes the kernel wait for all its processors.
        let mut out = format!("link set {device} txqueuelen {QUEUE}\nlink set {device} up\n");
        for address in &self.addresses {
            let _ = writeln!(out, "addr add {}", self.address(address));
        }
        for route in self.default_routes() {
            let _ = writeln!(out, "route add {route}");
        }
        out
    }

    /// What `ip` gets to make this configuration into another one of the same device: first what takes away, then what gives.
    pub(super) fn change(&self, to: &Link) -> (String, String) {
        let (mut going, mut coming) = (String::new(), String::new());
        let primary = |link: &Link| link.addresses.iter().find(|a| a.addr().is_ipv4()).copied();
        // The kernel's order of IPv4 addresses is that of their coming, and the first is the one that connections begin from.
        let anew = primary(self) != primary(to);
        let stays = |a: &IpNet| !(anew && a.addr().is_ipv4()) && self.addresses.contains(a) && to.addresses.contains(a);
        let routes = to.default_routes();
        for route in self.default_routes().iter().filter(|r| !routes.contains(r)) {
            let _ = writeln!(going, "route del {route}");
        }
        for address in self.addresses.iter().filter(|a| !stays(a)) {
            let _ = writeln!(going, "addr del {address} dev {}", self.device);
        }
        for address in to.addresses.iter().filter(|a| !stays(a)) {
            let _ = writeln!(coming, "addr replace {}", to.address(address));
        }
        // The last address of a family took its routes along.
        for route in routes {
            let _ = writeln!(coming, "route replace {route}");
        }
        (going, coming)
    }

    fn address(&self, address: &IpNet) -> String {
        // Duplicates cannot be: the control plane gave the addresses out.
        let option = if address.addr().is_ipv6() { " nodad" } else { "" };
        format!("{address} dev {}{option}", self.device)
    }

    fn default_routes(&self) -> Vec<String> {
        let device = &self.device;
        let (four, six) = match self.routes {
            Routes::None => (None, None),
            Routes::Router { v4, v6 } => (v4.map(|a| format!("via {a} ")), v6.then(|| format!("via {ROUTER6} "))),
            Routes::OnLink => (Some(String::new()), Some(String::new())),
        };
        let has = |six| self.addresses.iter().any(|a| a.addr().is_ipv6() == six);
        let four = four.filter(|_| has(false)).map(|via| format!("default {via}dev {device}"));
        let six = six.filter(|_| has(true)).map(|via| format!("::/0 {via}dev {device}"));
        four.into_iter().chain(six).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template;

    fn plan(text: &str) -> Plan {
        Plan::of(&template::load(text, "t.yaml", &Default::default()).unwrap())
    }

    #[test]
    fn an_instance_looks_like_one_of_amazon() {
        let plan = plan(include_str!("../../../docs/examples/nat.yaml"));
        let db = plan.spaces.iter().find(|s| s.name == "vpcd-Db").unwrap();
        assert_eq!(
            db.script(),
            "link set lo up\nlink set eth0 txqueuelen 4096\nlink set eth0 up\n\
             addr add 10.0.1.5/24 dev eth0\naddr add 2001:db8:1234:1a01::5/64 dev eth0 nodad\n\
             route add default via 10.0.1.1 dev eth0\nroute add ::/0 via fe80::1 dev eth0\n"
        );
        assert_eq!((db.links[0].mtu, db.links[0].port.as_deref()), (9001, Some("Db")));
        let other = plan.spaces.iter().find(|s| s.name == "vpcd-Other").unwrap();
        assert!(!other.script().contains("::/0"), "no IPv6 address, no IPv6 route");
    }

    #[test]
    fn hosts_of_the_internet_share_a_namespace() {
        let plan = plan(include_str!("../../../docs/examples/nat.yaml"));
        let internet = plan.spaces.last().unwrap();
        assert_eq!((internet.name.as_str(), internet.links[0].mtu), ("vpcd-internet", 1500));
        assert_eq!(
            internet.script(),
            "link set lo up\nlink set eth0 txqueuelen 4096\nlink set eth0 up\n\
             addr add 203.0.113.10/32 dev eth0\naddr add 2001:db8:beef::10/128 dev eth0 nodad\n\
             addr add 192.0.2.77/32 dev eth0\naddr add 2001:db8:cafe::77/128 dev eth0 nodad\n\
             route add default dev eth0\nroute add ::/0 dev eth0\n"
        );
    }

    #[test]
    fn further_interfaces_have_no_default_route() {
        let plan = plan(
            r#"
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1a}}
  B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.4.0/22, AvailabilityZone: us-east-1a}}
  Second: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref B, PrivateIpAddress: 10.0.5.9}}
  Free: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref B}}
  Host: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref A, PrivateIpAddress: 10.0.0.8}}
  Attach: {Type: AWS::EC2::NetworkInterfaceAttachment, Properties: {InstanceId: !Ref Host, NetworkInterfaceId: !Ref Second, DeviceIndex: "1"}}
"#,
        );
        assert_eq!(plan.names(), ["vpcd-Host", "vpcd-internet"], "an interface on nothing has no namespace");
        assert_eq!(
            plan.spaces[0].script(),
            "link set lo up\nlink set eth0 txqueuelen 4096\nlink set eth0 up\naddr add 10.0.0.8/24 dev eth0\nroute add default via 10.0.0.1 dev eth0\n\
             link set eth1 txqueuelen 4096\nlink set eth1 up\naddr add 10.0.5.9/22 dev eth1\n"
        );
        assert_eq!(plan.spaces[0].links[1].port.as_deref(), Some("Second"));
    }

    fn link(addresses: &[&str]) -> Link {
        let addresses: Vec<IpNet> = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let v6 = addresses.iter().any(|a| a.addr().is_ipv6());
        Link {
            port: None,
            device: "eth0".into(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            mtu: INSTANCE_MTU,
            addresses,
            routes: Routes::Router { v4: Some(Ipv4Addr::new(10, 0, 0, 1)), v6 },
        }
    }

    fn change(from: &[&str], to: &[&str]) -> (String, String) {
        link(from).change(&link(to))
    }

    const FOUR: &str = "route replace default via 10.0.0.1 dev eth0\n";
    const SIX: &str = "route replace ::/0 via fe80::1 dev eth0\n";

    #[test]
    fn addresses_that_stay_are_not_touched() {
        assert_eq!(
            change(&["10.0.0.8/24", "10.0.0.9/24"], &["10.0.0.8/24", "10.0.0.10/24"]),
            ("addr del 10.0.0.9/24 dev eth0\n".into(), format!("addr replace 10.0.0.10/24 dev eth0\n{FOUR}"))
        );
        assert_eq!(change(&["10.0.0.8/24"], &["10.0.0.8/24"]), (String::new(), FOUR.into()));
    }

    #[test]
    fn the_ipv6_route_comes_with_the_first_address_and_goes_with_the_last() {
        let (none, one) = (["10.0.0.8/24"], ["10.0.0.8/24", "2001:db8::5/64"]);
        assert_eq!(
            change(&none, &one),
            (String::new(), format!("addr replace 2001:db8::5/64 dev eth0 nodad\n{FOUR}{SIX}"))
        );
        assert_eq!(
            change(&one, &none),
            ("route del ::/0 via fe80::1 dev eth0\naddr del 2001:db8::5/64 dev eth0\n".into(), FOUR.into())
        );
    }

    #[test]
    fn a_new_primary_address_comes_before_the_others() {
        assert_eq!(
            change(&["10.0.0.8/24", "10.0.0.9/24"], &["10.0.0.9/24", "10.0.0.8/24"]),
            (
                "addr del 10.0.0.8/24 dev eth0\naddr del 10.0.0.9/24 dev eth0\n".into(),
                format!("addr replace 10.0.0.9/24 dev eth0\naddr replace 10.0.0.8/24 dev eth0\n{FOUR}")
            )
        );
    }
}
