//! Chapter 04: network ACLs and security groups.

use super::Line::{Change, Send, Wait};
use super::scene::{ALL, entries, rule};
use super::{Example, Scene};
use crate::model::world::Target::Igw;

const PUBLIC: &[(&str, crate::model::world::Target)] = &[("0.0.0.0/0", Igw), ("::/0", Igw)];
const V6: &str = "2001:db8:1234:1a00::/56";
const V6_SUBNET: &str = "2001:db8:1234:1a00::/64";

/// X (10.0.0.10, public 198.51.100.1) in a subnet with this NACL, no security group in the way.
fn one_host(nacl: &str) -> Scene {
    Scene::vpc("10.0.0.0/16", Some(V6), true, false)
        .subnet("10.0.0.0/24", Some(V6_SUBNET), PUBLIC)
        .nacl(nacl)
        .group(ALL)
        .eni("X", 0, &["10.0.0.10", "2001:db8:1234:1a00::10"], &[0])
        .public("10.0.0.10", "198.51.100.1")
}

/// The default NACL, IPv4.
pub fn nacl_101() -> Example {
    Example {
        id: "NACL-101",
        scene: one_host("in 100 allow all all 0.0.0.0/0\nout 100 allow all all 0.0.0.0/0"),
        lines: vec![
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:443 syn", "X"),
            Send("X", "tcp 10.0.0.10:443 > 203.0.113.5:50000 syn-ack", "internet"),
            Change(|w| w.nacls[0].inbound.clear()),
            Send("internet", "tcp 203.0.113.5:50001 > 198.51.100.1:443 syn", "nacl-in/nacl-default"),
            Send("X", "udp 10.0.0.10:40000 > 203.0.113.5:53", "internet"),
            Send("internet", "udp 203.0.113.5:53 > 198.51.100.1:40000", "nacl-in/nacl-default"),
        ],
    }
}

/// The default NACL, both families.
pub fn nacl_102() -> Example {
    Example {
        id: "NACL-102",
        scene: one_host(
            "in 100 allow all all 0.0.0.0/0\nin 101 allow all all ::/0\nout 100 allow all all 0.0.0.0/0\nout 101 allow all all ::/0",
        ),
        lines: vec![
            Send("internet", "tcp [2001:db8:9::5]:50000 > [2001:db8:1234:1a00::10]:443 syn", "X"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:443 syn", "X"),
            Change(|w| {
                w.nacls[0].inbound.retain(|e| e.number != 101);
                w.nacls[0].outbound.retain(|e| e.number != 101);
            }),
            Send("internet", "tcp [2001:db8:9::5]:50000 > [2001:db8:1234:1a00::10]:443 ack", "nacl-in/nacl-default"),
            Send("X", "tcp [2001:db8:1234:1a00::10]:443 > [2001:db8:9::5]:50000 ack", "nacl-out/nacl-default"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:443 ack", "X"),
        ],
    }
}

const NACL_103: &str = "in 100 allow tcp 80 0.0.0.0/0
in 110 allow tcp 443 0.0.0.0/0
in 120 allow tcp 22 192.0.2.0/24
in 130 allow tcp 3389 192.0.2.0/24
in 140 allow tcp 32768-65535 0.0.0.0/0
out 100 allow tcp 80 0.0.0.0/0
out 110 allow tcp 443 0.0.0.0/0
out 120 allow tcp 32768-65535 0.0.0.0/0";

/// A custom NACL, IPv4.
pub fn nacl_103() -> Example {
    Example {
        id: "NACL-103",
        scene: one_host(NACL_103),
        lines: vec![
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:443 syn", "X"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:80 syn", "X"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:139 syn", "nacl-in/nacl-default"),
            Send("internet", "tcp 192.0.2.10:51000 > 198.51.100.1:22 syn", "X"),
            Send("internet", "tcp 192.0.2.10:51000 > 198.51.100.1:3389 syn", "X"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:22 syn", "nacl-in/nacl-default"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:3389 syn", "nacl-in/nacl-default"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.1:32768 ack", "X"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.1:65535 ack", "X"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.1:32767 ack", "nacl-in/nacl-default"),
            Send("internet", "udp 203.0.113.5:53 > 198.51.100.1:40000", "nacl-in/nacl-default"),
            Send("internet", "icmp 203.0.113.5 > 198.51.100.1 8/0 id 1", "nacl-in/nacl-default"),
            Send("X", "tcp 10.0.0.10:40000 > 203.0.113.5:80 syn", "internet"),
            Send("X", "tcp 10.0.0.10:40000 > 203.0.113.5:443 syn", "internet"),
            Send("X", "tcp 10.0.0.10:40000 > 203.0.113.5:8080 syn", "nacl-out/nacl-default"),
            Send("X", "udp 10.0.0.10:40000 > 203.0.113.5:53", "nacl-out/nacl-default"),
            Send("X", "tcp 10.0.0.10:22 > 192.0.2.10:51000 syn-ack", "internet"),
            Send("X", "tcp 10.0.0.10:80 > 203.0.113.5:50000 syn-ack", "internet"),
            Send("X", "tcp 10.0.0.10:80 > 203.0.113.5:1025 syn-ack", "nacl-out/nacl-default"),
            Change(|w| w.nacls[0].outbound.extend(entries("out 115 allow tcp 1025-5000 0.0.0.0/0", "out"))),
            Send("X", "tcp 10.0.0.10:80 > 203.0.113.5:1025 syn-ack", "internet"),
        ],
    }
}

/// A custom NACL, both families.
pub fn nacl_104() -> Example {
    const MORE: &str = "
in 105 allow tcp 80 ::/0
in 115 allow tcp 443 ::/0
in 145 allow tcp 32768-65535 ::/0
out 105 allow tcp 80 ::/0
out 115 allow tcp 443 ::/0
out 125 allow tcp 32768-65535 ::/0";
    let mut lines = vec![
        Send("internet", "tcp [2001:db8:9::5]:50000 > [2001:db8:1234:1a00::10]:80 syn", "X"),
        Send("internet", "tcp [2001:db8:9::5]:50000 > [2001:db8:1234:1a00::10]:443 syn", "X"),
        Send("internet", "tcp [2001:db8:9::5]:50000 > [2001:db8:1234:1a00::10]:22 syn", "nacl-in/nacl-default"),
        Send("X", "tcp [2001:db8:1234:1a00::10]:80 > [2001:db8:9::5]:50000 syn-ack", "internet"),
    ];
    lines.extend(nacl_103().lines);
    Example { id: "NACL-104", scene: one_host(&format!("{NACL_103}{MORE}")), lines }
}

/// Access inside a subnet: neighbours do not meet the NACL, others do, and groups always act.
pub fn nacl_105() -> Example {
    Example {
        id: "NACL-105",
        scene: Scene::vpc("172.31.0.0/16", None, true, false)
            .subnet("172.31.0.0/24", None, PUBLIC)
            .nacl("in 100 allow tcp 22 172.31.1.2/32\nout 100 allow tcp 1024-65535 172.31.1.2/32")
            .subnet("172.31.1.0/24", None, PUBLIC)
            .group("in all all #0\nin tcp 22 172.31.1.2/32\nout all all #0")
            .group(ALL)
            .eni("A", 0, &["172.31.0.10"], &[0])
            .eni("B", 0, &["172.31.0.11"], &[0])
            .eni("ADMIN", 1, &["172.31.1.12"], &[1])
            .eni("OTHER", 1, &["172.31.1.13"], &[1])
            .public("172.31.0.10", "198.51.100.1"),
        lines: vec![
            // The guide's 172.31.1.2 is reserved in a /24: the administrator's address is added for it.
            Change(|w| {
                let admin = "172.31.1.12/32";
                w.groups[0].ingress[1] = rule("tcp", "22", admin);
                w.nacls[0].inbound = entries(&format!("in 100 allow tcp 22 {admin}"), "in");
                w.nacls[0].outbound = entries(&format!("out 100 allow tcp 1024-65535 {admin}"), "out");
            }),
            Send("ADMIN", "tcp 172.31.1.12:50000 > 172.31.0.10:22 syn", "A"),
            Send("A", "tcp 172.31.0.10:22 > 172.31.1.12:50000 syn-ack", "ADMIN"),
            Send("A", "udp 172.31.0.10:4000 > 172.31.0.11:9", "B"),
            Send("A", "gre 172.31.0.10 > 172.31.0.11", "B"),
            Send("OTHER", "tcp 172.31.1.13:50000 > 172.31.0.10:22 syn", "nacl-in/nacl-default"),
            Send("ADMIN", "tcp 172.31.1.12:50000 > 172.31.0.10:80 syn", "nacl-in/nacl-default"),
            Send("A", "tcp 172.31.0.10:50000 > 203.0.113.5:443 syn", "sg-out/no-rule"),
            Change(|w| {
                w.groups[0].ingress.push(rule("tcp", "22", "0.0.0.0/0"));
                w.groups[0].egress.push(rule("all", "all", "0.0.0.0/0"));
            }),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:22 syn", "nacl-in/nacl-default"),
            Send("A", "tcp 172.31.0.10:50000 > 203.0.113.5:443 syn", "nacl-out/nacl-default"),
            Send("B", "tcp 172.31.0.11:50000 > 172.31.0.10:22 syn", "A"),
            Send("ADMIN", "tcp 172.31.1.12:50001 > 172.31.0.10:22 syn", "A"),
        ],
    }
}

/// The order of numbers decides.
pub fn nacl_106() -> Example {
    Example {
        id: "NACL-106",
        scene: one_host("in 100 allow tcp 1024-65535 0.0.0.0/0\nin 90 deny tcp 3389 0.0.0.0/0"),
        lines: vec![
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:3389 syn", "nacl-in/nacl-rule"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:3390 syn", "X"),
            Change(|w| w.nacls[0].inbound[1].number = 110),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:3389 syn", "X"),
        ],
    }
}

/// The default group.
pub fn sg_101() -> Example {
    let default = "in all all #0\nout all all 0.0.0.0/0\nout all all ::/0";
    Example {
        id: "SG-101",
        scene: Scene::vpc("10.0.0.0/16", Some(V6), true, false)
            .subnet("10.0.0.0/24", Some(V6_SUBNET), PUBLIC)
            .group(default)
            .group("out all all 0.0.0.0/0\nout all all ::/0")
            .eni("A", 0, &["10.0.0.10", "2001:db8:1234:1a00::10"], &[0])
            .eni("B", 0, &["10.0.0.11", "2001:db8:1234:1a00::11"], &[0])
            .eni("C", 0, &["10.0.0.12", "2001:db8:1234:1a00::12"], &[1])
            .public("10.0.0.10", "198.51.100.1"),
        lines: vec![
            Send("A", "tcp 10.0.0.10:40000 > 10.0.0.11:22 syn", "B"),
            Send("A", "icmp6 [2001:db8:1234:1a00::10] > [2001:db8:1234:1a00::11] 128/0 id 3", "B"),
            Send("A", "gre 10.0.0.10 > 10.0.0.11", "B"),
            Send("C", "tcp 10.0.0.12:40000 > 10.0.0.10:22 syn", "sg-in/no-rule"),
            Send("A", "tcp 10.0.0.10:40000 > 203.0.113.5:443 syn", "internet"),
            Send("A", "tcp [2001:db8:1234:1a00::10]:40000 > [2001:db8:9::5]:443 syn", "internet"),
        ],
    }
}

/// Web servers and databases.
pub fn sg_102() -> Example {
    Example {
        id: "SG-102",
        scene: Scene::vpc("10.0.0.0/16", Some(V6), true, false)
            .subnet("10.0.0.0/24", Some(V6_SUBNET), PUBLIC)
            .group(
                "in tcp 80 0.0.0.0/0\nin tcp 80 ::/0\nin tcp 443 0.0.0.0/0\nin tcp 443 ::/0\nin tcp 22 192.0.2.0/24
in tcp 3389 192.0.2.0/24\nout tcp 1433 #1\nout tcp 3306 #2",
            )
            .group("in tcp 1433 #0\nout all all 0.0.0.0/0")
            .group("in tcp 3306 #0\nout all all 0.0.0.0/0")
            .eni("web", 0, &["10.0.0.10", "2001:db8:1234:1a00::10"], &[0])
            .eni("mssql", 0, &["10.0.0.11"], &[1])
            .eni("mysql", 0, &["10.0.0.12"], &[2])
            .public("10.0.0.10", "198.51.100.1"),
        lines: vec![
            Send("internet", "tcp 203.0.113.5:40000 > 198.51.100.1:80 syn", "web"),
            Send("internet", "tcp 203.0.113.5:40000 > 198.51.100.1:443 syn", "web"),
            Send("web", "tcp 10.0.0.10:80 > 203.0.113.5:40000 syn-ack", "internet"),
            Send("internet", "tcp [2001:db8:9::5]:40000 > [2001:db8:1234:1a00::10]:443 syn", "web"),
            Send("web", "tcp [2001:db8:1234:1a00::10]:443 > [2001:db8:9::5]:40000 syn-ack", "internet"),
            Send("internet", "tcp 192.0.2.10:40000 > 198.51.100.1:22 syn", "web"),
            Send("internet", "tcp 192.0.2.10:40000 > 198.51.100.1:3389 syn", "web"),
            Send("internet", "tcp 203.0.113.5:40000 > 198.51.100.1:22 syn", "sg-in/no-rule"),
            Send("internet", "tcp 203.0.113.5:40000 > 198.51.100.1:3389 syn", "sg-in/no-rule"),
            Send("internet", "tcp [2001:db8:9::5]:40000 > [2001:db8:1234:1a00::10]:22 syn", "sg-in/no-rule"),
            Send("web", "tcp 10.0.0.10:40000 > 10.0.0.11:1433 syn", "mssql"),
            Send("web", "tcp 10.0.0.10:40000 > 10.0.0.12:3306 syn", "mysql"),
            Send("web", "tcp 10.0.0.10:40000 > 10.0.0.11:3306 syn", "sg-out/no-rule"),
            Send("web", "tcp 10.0.0.10:40000 > 10.0.0.12:1433 syn", "sg-out/no-rule"),
            Send("web", "tcp 10.0.0.10:40000 > 203.0.113.5:443 syn", "sg-out/no-rule"),
            Send("internet", "udp 203.0.113.5:40000 > 198.51.100.1:80", "sg-in/no-rule"),
            Send("mssql", "tcp 10.0.0.11:40000 > 10.0.0.10:5000 syn", "sg-in/no-rule"),
        ],
    }
}

/// A ping is answered without an egress rule; without the ingress rule a new one is not.
pub fn sg_103() -> Example {
    Example {
        id: "SG-103",
        scene: Scene::vpc("172.31.0.0/16", None, true, false)
            .subnet("172.31.16.0/24", None, PUBLIC)
            .group("in icmp all 203.0.113.12/32")
            .eni("X", 0, &["172.31.16.139"], &[0])
            .public("172.31.16.139", "198.51.100.1"),
        lines: vec![
            Send("internet", "icmp 203.0.113.12 > 198.51.100.1 8/0 id 1", "X"),
            Send("X", "icmp 172.31.16.139 > 203.0.113.12 0/0 id 1", "internet"),
            Change(|w| w.groups[0].ingress.clear()),
            Send("internet", "icmp 203.0.113.12 > 198.51.100.1 8/0 id 2", "sg-in/no-rule"),
        ],
    }
}

/// Membership is dynamic.
pub fn sg_105() -> Example {
    Example {
        id: "SG-105",
        scene: Scene::vpc("10.0.0.0/16", None, false, false)
            .subnet("10.0.0.0/24", None, &[])
            .group("in tcp 3306 #1")
            .group("out all all 0.0.0.0/0")
            .group("out all all 0.0.0.0/0")
            .eni("db", 0, &["10.0.0.10"], &[0])
            .eni("X", 0, &["10.0.0.11"], &[1, 2])
            .eni("Y", 0, &["10.0.0.12"], &[2]),
        lines: vec![
            Send("X", "tcp 10.0.0.11:40000 > 10.0.0.10:3306 syn", "db"),
            Change(|w| w.enis[1].groups = vec![2]),
            Send("X", "tcp 10.0.0.11:40001 > 10.0.0.10:3306 syn", "sg-in/no-rule"),
            Change(|w| {
                w.enis[1].addresses.clear();
                w.enis[2].addresses.push([10, 0, 0, 11].into());
            }),
            Send("Y", "tcp 10.0.0.11:40002 > 10.0.0.10:3306 syn", "sg-in/no-rule"),
        ],
    }
}

/// Tracked flows survive the removal of their rule; NACL changes cut them.
pub fn sg_201() -> Example {
    Example {
        id: "SG-201",
        scene: one_host("in 100 allow all all 0.0.0.0/0\nout 100 allow all all 0.0.0.0/0")
            .group("in tcp 22 192.0.2.0/24"),
        lines: vec![
            Change(|w| w.enis[0].groups = vec![1]),
            Send("internet", "tcp 192.0.2.10:50000 > 198.51.100.1:22 syn", "X"),
            Send("X", "tcp 10.0.0.10:22 > 192.0.2.10:50000 syn-ack", "internet"),
            Send("internet", "tcp 192.0.2.10:50000 > 198.51.100.1:22 ack", "X"),
            Change(|w| w.groups[1].ingress.clear()),
            Wait(3_600_000),
            Send("internet", "tcp 192.0.2.10:50000 > 198.51.100.1:22 ack", "X"),
            Send("internet", "tcp 192.0.2.10:50001 > 198.51.100.1:22 syn", "sg-in/no-rule"),
            Change(|w| w.nacls[0].inbound.clear()),
            Send("internet", "tcp 192.0.2.10:50000 > 198.51.100.1:22 ack", "nacl-in/nacl-default"),
        ],
    }
}

/// Untracked flows live by their rules alone.
pub fn sg_202() -> Example {
    Example {
        id: "SG-202",
        scene: one_host("in 100 allow all all 0.0.0.0/0\nout 100 allow all all 0.0.0.0/0")
            .group("in tcp 22 203.0.113.1/32\nin tcp 80 0.0.0.0/0\nin icmp all 0.0.0.0/0\nout all all 0.0.0.0/0"),
        lines: vec![
            Change(|w| w.enis[0].groups = vec![1]),
            Send("internet", "tcp 203.0.113.1:50000 > 198.51.100.1:22 syn", "X"),
            Send("internet", "tcp 203.0.113.1:50000 > 198.51.100.1:80 syn", "X"),
            Send("internet", "icmp 203.0.113.1 > 198.51.100.1 8/0 id 9", "X"),
            Change(|w| w.groups[1].egress.clear()),
            Send("X", "tcp 10.0.0.10:22 > 203.0.113.1:50000 syn-ack", "internet"),
            Send("X", "icmp 10.0.0.10 > 203.0.113.1 0/0 id 9", "internet"),
            Send("X", "tcp 10.0.0.10:80 > 203.0.113.1:50000 syn-ack", "sg-out/no-rule"),
            Send("internet", "tcp 203.0.113.1:50001 > 198.51.100.1:80 syn", "X"),
            Send("X", "tcp 10.0.0.10:80 > 203.0.113.1:50001 syn-ack", "internet"),
        ],
    }
}

/// Idle limits: one exchange is no stream.
pub fn sg_203() -> Example {
    Example {
        id: "SG-203",
        scene: one_host("in 100 allow all all 0.0.0.0/0\nout 100 allow all all 0.0.0.0/0")
            .group("out all all 203.0.113.0/24"),
        lines: vec![
            Change(|w| w.enis[0].groups = vec![1]),
            Send("X", "udp 10.0.0.10:40000 > 203.0.113.5:53", "internet"),
            Wait(29_998),
            Send("internet", "udp 203.0.113.5:53 > 198.51.100.1:40000", "X"),
            Wait(29_999),
            Send("internet", "udp 203.0.113.5:53 > 198.51.100.1:40000", "sg-in/no-rule"),
            Send("X", "udp 10.0.0.10:40001 > 203.0.113.5:53", "internet"),
            Send("internet", "udp 203.0.113.5:53 > 198.51.100.1:40001", "X"),
            Send("X", "udp 10.0.0.10:40001 > 203.0.113.5:53", "internet"),
            Wait(179_998),
            Send("internet", "udp 203.0.113.5:53 > 198.51.100.1:40001", "X"),
            Wait(179_999),
            Send("internet", "udp 203.0.113.5:53 > 198.51.100.1:40001", "sg-in/no-rule"),
            Send("X", "icmp 10.0.0.10 > 203.0.113.5 8/0 id 7", "internet"),
            Wait(29_999),
            Send("internet", "icmp 203.0.113.5 > 198.51.100.1 0/0 id 7", "sg-in/no-rule"),
            Send("X", "gre 10.0.0.10 > 203.0.113.5", "internet"),
            Wait(599_998),
            Send("internet", "gre 203.0.113.5 > 198.51.100.1", "X"),
            Wait(599_999),
            Send("internet", "gre 203.0.113.5 > 198.51.100.1", "sg-in/no-rule"),
        ],
    }
}
