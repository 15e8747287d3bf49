//! Building a configuration by name.

use crate::model::packet::{ICMP, ICMP6, TCP, UDP};
use crate::model::world::{
    Eni, Group, Nacl, NaclEntry, Nat, Peer, Public, RouteTable, SgRule, Subnet, Target, Timeouts, Vpc, What, World,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// A world, and names for its interfaces.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    pub world: World,
    pub names: Vec<&'static str>,
}

/// A group that lets everything pass.
pub const ALL: &str = "in all all 0.0.0.0/0\nin all all ::/0\nout all all 0.0.0.0/0\nout all all ::/0";

pub(super) fn net(text: &str) -> IpNet {
    text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).unwrap_or_default()
}

/// Words of a rule: `all`, `tcp 80`, `tcp 1024-65535`, `icmp all`, `icmp 8/0`; the protocol part.
pub(super) fn what(proto: &str, ports: &str) -> What {
    let number = match proto {
        "tcp" => TCP,
        "udp" => UDP,
        "icmp" => ICMP,
        "icmp6" => ICMP6,
        _ => return What::All,
    };
    if let Some((kind, code)) = ports.split_once('/') {
        return What::Icmp(number, kind.parse().ok(), code.parse().ok());
    }
    match ports.split_once('-') {
        _ if ports == "all" => What::Proto(number),
        Some((low, high)) => What::Ports(number, low.parse().unwrap_or(0), high.parse().unwrap_or(0)),
        None => What::Ports(number, ports.parse().unwrap_or(0), ports.parse().unwrap_or(0)),
    }
}

impl Scene {
    /// One VPC with an internet gateway if `igw`, and an egress-only gateway if `eigw`.
    pub fn vpc(block4: &str, block6: Option<&str>, igw: bool, eigw: bool) -> Scene {
        let mut s = Scene::default();
        let IpNet::V4(block4) = net(block4) else { return s };
        let block6 = block6.and_then(|b| if let IpNet::V6(b) = net(b) { Some(b) } else { None });
        s.world.vpcs.push(Vpc {
            blocks4: vec![block4],
            block6,
            igw,
            igw_table: None,
            vgw: None,
            vgw_table: None,
            eigw,
        });
        s
    }

    /// A subnet with these routes (local ones come by themselves); its NACL lets everything pass.
    pub fn subnet(mut self, net4: &str, net6: Option<&str>, routes: &[(&str, Target)]) -> Scene {
        let w = &mut self.world;
        let IpNet::V4(net4) = net(net4) else { return self };
        let net6 = net6.and_then(|b| if let IpNet::V6(b) = net(b) { Some(b) } else { None });
        let mut table: Vec<(IpNet, Target)> =
            w.vpcs[0].blocks4.iter().map(|b| (IpNet::V4(*b), Target::Local)).collect();
        table.extend(w.vpcs[0].block6.map(|b| (IpNet::V6(b), Target::Local)));
        table.extend(routes.iter().map(|(p, t)| (net(p), *t)));
        w.tables.push(RouteTable { routes: table });
        let open =
            |way: &str| entries(&format!("{way} 100 allow all all 0.0.0.0/0\n{way} 101 allow all all ::/0"), way);
        w.nacls.push(Nacl { inbound: open("in"), outbound: open("out") });
        let (table, nacl) = (w.tables.len() - 1, w.nacls.len() - 1);
        w.subnets.push(Subnet { vpc: 0, net4, net6, table, nacl });
        self
    }

    /// The NACL of the last subnet, in the words of the rules: `in 100 allow tcp 80 0.0.0.0/0` per line.
    pub fn nacl(mut self, text: &str) -> Scene {
        if let Some(n) = self.world.nacls.last_mut() {
            *n = Nacl { inbound: entries(text, "in"), outbound: entries(text, "out") };
        }
        self
    }

    /// A security group: `in tcp 80 0.0.0.0/0` per line; a peer `#1` is group 1.
    pub fn group(mut self, text: &str) -> Scene {
        let mut g = Group { vpc: 0, ..Group::default() };
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [way, proto, ports, peer] = words[..] {
                if way == "in" { &mut g.ingress } else { &mut g.egress }.push(rule(proto, ports, peer));
            }
        }
        self.world.groups.push(g);
        self
    }

    /// An interface in a subnet.
    pub fn eni(mut self, name: &'static str, subnet: usize, addresses: &[&str], groups: &[usize]) -> Scene {
        self.world.enis.push(Eni {
            subnet,
            mac: [2, 0x30, 0, 0, 0, self.names.len() as u8 + 1],
            addresses: addresses.iter().filter_map(|a| a.parse().ok()).collect(),
            groups: groups.to_vec(),
            check: true,
            attached: true,
            timeouts: Timeouts::default(),
            nat: None,
        });
        self.names.push(name);
        self
    }

    /// The last interface forwards what is not its own.
    pub fn unchecked(mut self) -> Scene {
        if let Some(e) = self.world.enis.last_mut() {
            e.check = false;
        }
        self
    }

    /// A public address for a private one.
    pub fn public(mut self, private: &str, public: &str) -> Scene {
        if let (Ok(private), Ok(public)) = (private.parse(), public.parse()) {
            self.world.publics.push(Public { vpc: 0, private, public });
        }
        self
    }

    /// A NAT gateway in a subnet.
    pub fn nat(self, name: &'static str, subnet: usize, private: &str, public: &str) -> Scene {
        let mut s = self.eni(name, subnet, &[private], &[]).unchecked().public(private, public);
        let (eni, n) = (s.world.enis.len() - 1, s.world.nats.len());
        if let (Ok(private), Ok(public)) = (private.parse(), public.parse()) {
            s.world.enis[eni].attached = false;
            s.world.enis[eni].nat = Some(n);
            s.world.nats.push(Some(Nat { eni, private, public, out: false }));
        }
        s
    }

    /// A gateway route table of the internet gateway.
    pub fn gateway_table(mut self, routes: &[(&str, Target)]) -> Scene {
        self.world.tables.push(RouteTable { routes: routes.iter().map(|(p, t)| (net(p), *t)).collect() });
        self.world.vpcs[0].igw_table = Some(self.world.tables.len() - 1);
        self
    }

    /// A network behind the virtual private gateway, at the port `remote`; after all interfaces.
    pub fn remote(mut self) -> Scene {
        self.names.push("remote");
        self.world.vpcs[0].vgw = Some(self.names.len() as u32);
        self
    }

    /// A gateway route table of the virtual private gateway.
    pub fn vgw_table(mut self, routes: &[(&str, Target)]) -> Scene {
        self.world.tables.push(RouteTable { routes: routes.iter().map(|(p, t)| (net(p), *t)).collect() });
        self.world.vpcs[0].vgw_table = Some(self.world.tables.len() - 1);
        self
    }
}

/// One rule of a security group.
pub(super) fn rule(proto: &str, ports: &str, peer: &str) -> SgRule {
    let peer = match peer.strip_prefix('#') {
        Some(n) => Peer::Group(n.parse().unwrap_or(0)),
        None => Peer::Net(net(peer)),
    };
    SgRule { peer, what: what(proto, ports) }
}

/// The entries of one direction; they may stand side by side, as the tables of the rules are printed.
pub(super) fn entries(text: &str, way: &str) -> Vec<NaclEntry> {
    let mut all = Vec::new();
    for words in text.split_whitespace().collect::<Vec<_>>().chunks(6) {
        if let [w, number, action, proto, ports, cidr] = *words
            && w == way
        {
            let number = number.parse().unwrap_or(0);
            all.push(NaclEntry { number, allow: action == "allow", net: net(cidr), what: what(proto, ports) });
        }
    }
    all
}
