//! What a stack needs of the machine, as data: namespaces, devices, and the lines that `ip` gets.

use crate::template::Stack;
use ipnet::IpNet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use vpcd_wire::Mac;

/// The namespace of the internet's hosts.
pub const INTERNET_NAMESPACE: &str = "vpcd-internet";

/// What a VPC instance has.
const INSTANCE_MTU: u16 = 9001;
const INTERNET_MTU: u16 = 1500;
/// Frames that may wait for the engine in a device: a burst of a guest's TCP without segmentation offload is longer than the usual 1,000.
const QUEUE: u32 = 4096;
/// Where IPv6 guests find the router of their subnet.
const ROUTER6: &str = "fe80::1";

/// All namespaces of a stack: instances in template order, then the internet.
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
            let index = port.device_index.unwrap_or(0);
            let subnet = stack.model.interfaces().get(&port.eni).and_then(|e| stack.model.subnets().get(&e.subnet));
            let length4 = subnet.map_or(32, |s| s.cidr.prefix_len());
            let length6 = subnet.and_then(|s| s.ipv6.as_ref()).map_or(128, |b| b.cidr.prefix_len());
            let v4 = port.private.iter().map(|a| net(IpAddr::V4(*a), length4));
            let v6 = port.ipv6.iter().map(|a| net(IpAddr::V6(*a), length6));
            let router = subnet.map(|s| Ipv4Addr::from(u32::from(s.cidr.network()).saturating_add(1)));
            let link = Link {
                port: Some(port.name().to_owned()),
                device: format!("eth{index}"),
                mac: port.mac,
                mtu: INSTANCE_MTU,
                addresses: v4.chain(v6).collect(),
                routes: match index {
                    0 => Routes::Router { v4: router, v6: !port.ipv6.is_empty() },
                    _ => Routes::None,
                },
            };
            match spaces.iter_mut().find(|s| s.name == *name) {
                Some(space) => space.links.push(link),
                None => spaces.push(Space { name: name.clone(), links: vec![link] }),
            }
        }
        let hosts = stack.internet.iter().flat_map(|h| &h.addresses);
        let link = Link {
            port: None,
            device: "eth0".into(),
            mac: vpcd_dataplane::topology::InternetPort::default().mac,
            mtu: INTERNET_MTU,
            addresses: hosts.map(|a| IpNet::from(*a)).collect(),
            routes: Routes::OnLink,
        };
        spaces.push(Space { name: INTERNET_NAMESPACE.into(), links: vec![link] });
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
    /// What `ip -n NAME -batch -` gets once the devices are there.
    pub(super) fn script(&self) -> String {
        let mut out = String::from("link set lo up\n");
        for link in &self.links {
            let device = &link.device;
            let _ = writeln!(out, "link set {device} txqueuelen {QUEUE} up");
            for address in &link.addresses {
                // Duplicates cannot be: the control plane gave the addresses out.
                let option = if address.addr().is_ipv6() { " nodad" } else { "" };
                let _ = writeln!(out, "addr add {address} dev {device}{option}");
            }
            let (four, six) = match link.routes {
                Routes::None => (None, None),
                Routes::Router { v4, v6 } => (v4.map(|a| format!("via {a} ")), v6.then(|| format!("via {ROUTER6} "))),
                Routes::OnLink => (Some(String::new()), Some(String::new())),
            };
            let has = |six| link.addresses.iter().any(|a| a.addr().is_ipv6() == six);
            if let Some(via) = four.filter(|_| has(false)) {
                let _ = writeln!(out, "route add default {via}dev {device}");
            }
            if let Some(via) = six.filter(|_| has(true)) {
                let _ = writeln!(out, "route add ::/0 {via}dev {device}");
            }
        }
        out
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
            "link set lo up\nlink set eth0 txqueuelen 4096 up\n\
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
            "link set lo up\nlink set eth0 txqueuelen 4096 up\n\
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
            "link set lo up\nlink set eth0 txqueuelen 4096 up\naddr add 10.0.0.8/24 dev eth0\nroute add default via 10.0.0.1 dev eth0\n\
             link set eth1 txqueuelen 4096 up\naddr add 10.0.5.9/22 dev eth1\n"
        );
        assert_eq!(plan.spaces[0].links[1].port.as_deref(), Some("Second"));
    }
}
