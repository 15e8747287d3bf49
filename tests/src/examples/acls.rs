//! Chapter 04: the recommended network ACLs of the guide with their traps, and ACLs in motion.

use super::Line::{Change, Left, Send, SendBy};
use super::scene::{ALL, entries};
use super::{Example, Scene, script};
use crate::model::World;
use crate::model::world::Nacl;
use crate::model::world::Target::{self, Eigw, Igw, Nat};

const V6: &str = "2001:db8:1234::/56";

/// Public subnet with W, private subnet with D; `nacls` of the two.
fn two(private: &[(&str, Target)], nacls: [&str; 2]) -> Scene {
    Scene::vpc("10.0.0.0/16", Some(V6), true, true)
        .subnet("10.0.0.0/24", Some("2001:db8:1234::/64"), &[("0.0.0.0/0", Igw), ("::/0", Igw)])
        .nacl(nacls[0])
        .subnet("10.0.1.0/24", Some("2001:db8:1234:1::/64"), private)
        .nacl(nacls[1])
        .group(ALL)
        .eni("W", 0, &["10.0.0.10", "2001:db8:1234::10"], &[0])
        .eni("D", 1, &["10.0.1.20", "2001:db8:1234:1::20"], &[0])
        .public("10.0.0.10", "198.51.100.1")
}

const SINGLE: &str = "
in  100 allow tcp 80 0.0.0.0/0              out 100 allow tcp 80  0.0.0.0/0
in  110 allow tcp 443 0.0.0.0/0             out 110 allow tcp 443 0.0.0.0/0
in  120 allow tcp 22 192.0.2.0/24           out 120 allow tcp 32768-65535 0.0.0.0/0
in  130 allow tcp 3389 192.0.2.0/24
in  140 allow tcp 32768-65535 0.0.0.0/0
in  150 allow tcp 80 ::/0                   out 130 allow tcp 80  ::/0
in  160 allow tcp 443 ::/0                  out 140 allow tcp 443 ::/0
in  170 allow tcp 22 2001:db8:ff::/64       out 150 allow tcp 32768-65535 ::/0
in  180 allow tcp 3389 2001:db8:ff::/64
in  190 allow tcp 32768-65535 ::/0";

/// One public subnet; with the two `*` entries the table stays within the quota of 20.
// covers: NACL-111
pub fn nacl_111() -> Example {
    assert_eq!((entries(SINGLE, "in").len(), entries(SINGLE, "out").len()), (10, 6));
    let lines = script(
        "internet | tcp 203.0.113.5:50000 > 198.51.100.1:80 syn | W
         W        | tcp 10.0.0.10:80 > 203.0.113.5:50000 syn-ack | internet
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:443 syn | W
         internet | tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:80 syn | W
         W        | tcp [2001:db8:1234::10]:80 > [2001:db8:9::5]:50000 syn-ack | internet
         internet | tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:443 syn | W
         internet | tcp 192.0.2.10:50000 > 198.51.100.1:22 syn | W
         W        | tcp 10.0.0.10:22 > 192.0.2.10:50000 syn-ack | internet
         internet | tcp 192.0.2.10:50000 > 198.51.100.1:3389 syn | W
         internet | tcp [2001:db8:ff::a]:50000 > [2001:db8:1234::10]:22 syn | W
         internet | tcp [2001:db8:ff::a]:50000 > [2001:db8:1234::10]:3389 syn | W
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:80 syn | internet
         internet | tcp 203.0.113.5:80 > 198.51.100.1:40000 syn-ack | W
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:443 syn | internet
         internet | tcp [2001:db8:9::5]:443 > [2001:db8:1234::10]:40000 syn-ack | W
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:22 syn | nacl-in/nacl-default
         internet | tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:22 syn | nacl-in/nacl-default
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:25 syn | nacl-out/nacl-default
         internet | icmp 203.0.113.5 > 198.51.100.1 8/0 id 1 | nacl-in/nacl-default
         internet | udp 203.0.113.5:53 > 198.51.100.1:40000 | nacl-in/nacl-default
         W        | udp 10.0.0.10:40000 > 203.0.113.5:53 | nacl-out/nacl-default
         internet | tcp 203.0.113.5:20000 > 198.51.100.1:80 syn | W
         W        | tcp 10.0.0.10:80 > 203.0.113.5:20000 syn-ack | nacl-out/nacl-default",
    );
    Example { id: "NACL-111", scene: two(&[], [SINGLE, ""]), lines }
}

const PUBLIC: &str = "
in  100 allow tcp 80 0.0.0.0/0              out 100 allow tcp 80  0.0.0.0/0
in  110 allow tcp 443 0.0.0.0/0             out 110 allow tcp 443 0.0.0.0/0
in  120 allow tcp 22 192.0.2.0/24           out 120 allow tcp 1433 10.0.1.0/24
in  130 allow tcp 3389 192.0.2.0/24         out 140 allow tcp 32768-65535 0.0.0.0/0
in  140 allow tcp 1024-65535 0.0.0.0/0      out 150 allow tcp 22 10.0.1.0/24";

const PRIVATE: &str = "
in  100 allow tcp 1433 10.0.0.0/24          out 100 allow tcp 80  0.0.0.0/0
in  120 allow tcp 22   10.0.0.0/24          out 110 allow tcp 443 0.0.0.0/0
in  130 allow tcp 3389 10.0.0.0/24          out 120 allow tcp 32768-65535 10.0.0.0/24
in  140 allow tcp 1024-65535 0.0.0.0/0";

/// Public subnet beside a NAT gateway: each entry lets through what it is for, and its neighbours do not.
// covers: NACL-112
pub fn nacl_112() -> Example {
    assert_eq!((entries(PUBLIC, "in").len(), entries(PUBLIC, "out").len()), (5, 5));
    let lines = script(
        "internet | tcp 203.0.113.5:50000 > 198.51.100.1:80 syn | W
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:443 syn | W
         W        | tcp 10.0.0.10:443 > 203.0.113.5:50000 syn-ack | internet
         W        | tcp 10.0.0.10:443 > 203.0.113.5:32767 syn-ack | nacl-out/nacl-default
         internet | tcp 192.0.2.10:50000 > 198.51.100.1:22 syn | W
         internet | tcp 192.0.2.10:50000 > 198.51.100.1:3389 syn | W
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:22 syn | nacl-in/nacl-default
         internet | tcp 203.0.113.5:443 > 198.51.100.1:1024 syn-ack | W
         internet | tcp 203.0.113.5:443 > 198.51.100.1:65535 syn-ack | W
         internet | tcp 203.0.113.5:443 > 198.51.100.1:1023 syn-ack | nacl-in/nacl-default
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:3389 syn | W
         internet | udp 203.0.113.5:53 > 198.51.100.1:40000 | nacl-in/nacl-default
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:80 syn | internet
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:443 syn | internet
         W        | tcp 10.0.0.10:40000 > 10.0.1.20:1433 syn | D
         W        | tcp 10.0.0.10:40000 > 10.0.1.20:22 syn | D
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:1433 syn | nacl-out/nacl-default
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:22 syn | nacl-out/nacl-default",
    );
    Example { id: "NACL-112", scene: two(&[], [PUBLIC, "in 1 allow all all 0.0.0.0/0"]), lines }
}

/// The nine conversations of the public and the private subnet beside a NAT gateway.
// covers: NACL-113 NACL-33
pub fn nacl_113() -> Example {
    let scene = two(&[("0.0.0.0/0", Nat(0))], [PUBLIC, PRIVATE])
        .nat("N", 0, "10.0.0.220", "198.51.100.9")
        .public("10.0.1.20", "198.51.100.2")
        .group("in tcp 1433 10.0.0.0/24\nin tcp 22 10.0.0.0/24\nin tcp 3389 10.0.0.0/24\nout all all 0.0.0.0/0");
    let mut lines = vec![Change(|w| w.enis[1].groups = vec![1])];
    lines.extend(script(
        "W        | tcp 10.0.0.10:40000 > 10.0.1.20:1433 syn | D
         D        | tcp 10.0.1.20:1433 > 10.0.0.10:40000 syn-ack | W
         W        | tcp 10.0.0.10:40000 > 10.0.1.20:3306 syn | nacl-out/nacl-default at Subnet(0)
         W        | tcp 10.0.0.10:40000 > 10.0.1.20:22 syn | D
         D        | tcp 10.0.1.20:22 > 10.0.0.10:40000 syn-ack | W
         W        | tcp 10.0.0.10:40000 > 10.0.1.20:3389 syn | nacl-out/nacl-default at Subnet(0)",
    ));
    lines.push(Change(|w| w.nacls[0].outbound.extend(entries("out 160 allow tcp 3389 10.0.1.0/24", "out"))));
    lines.extend(script(
        "W        | tcp 10.0.0.10:40000 > 10.0.1.20:3389 syn | D
         D        | tcp 10.0.1.20:3389 > 10.0.0.10:40000 syn-ack | W
         D        | tcp 10.0.1.20:40000 > 203.0.113.5:443 syn | internet
         left     | tcp 198.51.100.9:* > 203.0.113.5:443
         internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack | D
         left     | tcp 203.0.113.5:443 > 10.0.1.20:40000
         D        | tcp 10.0.1.20:20000 > 203.0.113.5:443 syn | internet
         left     | tcp 198.51.100.9:* > 203.0.113.5:443
         internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack | nacl-out/nacl-default at Subnet(0)
         internet | tcp 203.0.113.5:50000 > 198.51.100.2:1433 syn | sg-in/no-rule
         internet | tcp 203.0.113.5:50000 > 198.51.100.2:443 syn | nacl-in/nacl-default at Subnet(1)
         D        | tcp 10.0.1.20:40000 > 203.0.113.5:25 syn | nacl-out/nacl-default at Subnet(1)",
    ));
    lines.push(Change(|w| {
        w.nacls[0].inbound.retain(|e| e.number != 140);
        w.nacls[0].inbound.extend(entries("in 140 allow tcp 32768-65535 0.0.0.0/0", "in"));
    }));
    lines.extend(from_the_gateway("nacl-in/nacl-default at Subnet(0)"));
    Example { id: "NACL-113", scene, lines }
}

/// Twelve connections of D through the gateway, whose answers end in `below` where the gateway's port is below 32768.
fn from_the_gateway(below: &'static str) -> Vec<super::Line> {
    const SYNS: [&str; 12] = [
        "tcp 10.0.1.20:41000 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41001 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41002 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41003 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41004 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41005 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41006 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41007 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41008 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41009 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41010 > 203.0.113.5:443 syn",
        "tcp 10.0.1.20:41011 > 203.0.113.5:443 syn",
    ];
    let answer = "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack";
    let one = |syn| {
        [
            Send("D", syn, "internet"),
            Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
            SendBy("internet", answer, below, "D"),
        ]
    };
    SYNS.into_iter().flat_map(one).collect()
}

const PUBLIC6: &str = "
in  150 allow tcp 80 ::/0                   out 160 allow tcp 80  ::/0
in  160 allow tcp 443 ::/0                  out 170 allow tcp 443 ::/0
in  170 allow tcp 22 2001:db8:ff::/64       out 180 allow tcp 1433 2001:db8:1234:1::/64
in  180 allow tcp 3389 2001:db8:ff::/64     out 200 allow tcp 32768-65535 ::/0
in  190 allow tcp 1024-65535 ::/0           out 210 allow tcp 22 2001:db8:1234:1::/64";

const PRIVATE6: &str = "
in  150 allow tcp 1433 2001:db8:1234::/64   out 130 allow tcp 80  ::/0
in  170 allow tcp 22   2001:db8:1234::/64   out 140 allow tcp 443 ::/0
in  180 allow tcp 3389 2001:db8:1234::/64   out 150 allow tcp 32768-65535 2001:db8:1234::/64
in  190 allow tcp 1024-65535 ::/0";

/// The IPv6 entries of the public subnet.
// covers: NACL-114
pub fn nacl_114() -> Example {
    let lines = script(
        "internet | tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:80 syn | W
         W        | tcp [2001:db8:1234::10]:80 > [2001:db8:9::5]:50000 syn-ack | internet
         W        | tcp [2001:db8:1234::10]:80 > [2001:db8:9::5]:32767 syn-ack | nacl-out/nacl-default
         internet | tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:443 syn | W
         internet | tcp [2001:db8:ff::a]:50000 > [2001:db8:1234::10]:22 syn | W
         internet | tcp [2001:db8:ff::a]:50000 > [2001:db8:1234::10]:3389 syn | W
         internet | tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:22 syn | nacl-in/nacl-default
         internet | tcp [2001:db8:9::5]:443 > [2001:db8:1234::10]:1024 ack | W
         internet | tcp [2001:db8:9::5]:443 > [2001:db8:1234::10]:1023 ack | nacl-in/nacl-default
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:80 syn | nacl-in/nacl-default
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:80 syn | internet
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:443 syn | internet
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:1433 syn | nacl-out/nacl-default
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:1234:1::20]:1433 syn | D
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:1234:1::20]:22 syn | D
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:1234:1::20]:3389 syn | nacl-out/nacl-default",
    );
    Example { id: "NACL-114", scene: two(&[], [PUBLIC6, "in 1 allow all all ::/0"]), lines }
}

/// The IPv6 entries of the private subnet, whose answers come by the egress-only gateway.
// covers: NACL-115
pub fn nacl_115() -> Example {
    let mut lines = script(
        "W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:1234:1::20]:1433 syn | D
         D        | tcp [2001:db8:1234:1::20]:1433 > [2001:db8:1234::10]:40000 syn-ack | W
         D        | tcp [2001:db8:1234:1::20]:40000 > [2001:db8:9::5]:443 syn | internet
         internet | tcp [2001:db8:9::5]:443 > [2001:db8:1234:1::20]:40000 syn-ack | D
         D        | tcp [2001:db8:1234:1::20]:40000 > [2001:db8:9::5]:25 syn | nacl-out/nacl-default
         internet | tcp [2001:db8:9::5]:40000 > [2001:db8:1234:1::20]:443 syn | nacl-in/nacl-default",
    );
    lines.push(Change(|w| w.nacls[1].inbound.extend(entries("in 10 allow tcp 443 ::/0", "in"))));
    lines.push(Send("internet", "tcp [2001:db8:9::5]:40000 > [2001:db8:1234:1::20]:443 syn", "eigw/no-flow"));
    Example { id: "NACL-115", scene: two(&[("::/0", Eigw)], [PUBLIC6, PRIVATE6]), lines }
}

/// Only `*` for IPv6: nothing crosses the border of the subnet, inside it all lives.
// covers: NACL-120
pub fn nacl_120() -> Example {
    let four = "in 100 allow all all 0.0.0.0/0 out 100 allow all all 0.0.0.0/0";
    let open = "in 1 allow all all ::/0 out 1 allow all all ::/0";
    Example {
        id: "NACL-120",
        scene: two(&[("::/0", Eigw)], [open, four]).eni("E", 1, &["10.0.1.21", "2001:db8:1234:1::21"], &[0]),
        lines: script(
            "D        | tcp [2001:db8:1234:1::20]:40000 > [2001:db8:1234:1::21]:22 syn | E
             D        | tcp [2001:db8:1234:1::20]:40000 > [2001:db8:1234::10]:22 syn | nacl-out/nacl-default at Subnet(1)
             D        | udp [2001:db8:1234:1::20]:40000 > [2001:db8:9::5]:53 | nacl-out/nacl-default at Subnet(1)
             W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:1234:1::20]:22 syn | nacl-in/nacl-default at Subnet(1)
             internet | icmp6 [2001:db8:9::5] > [2001:db8:1234:1::20] 128/0 id 1 | nacl-in/nacl-default at Subnet(1)
             D        | tcp 10.0.1.20:40000 > 10.0.1.21:22 syn | E",
        ),
    }
}

const BESIDE_VPN: &str = "
in  100 allow tcp 80 0.0.0.0/0              out 100 allow tcp 80  0.0.0.0/0
in  110 allow tcp 443 0.0.0.0/0             out 110 allow tcp 443 0.0.0.0/0
in  120 allow tcp 22 192.0.2.0/24           out 120 allow tcp 1433 10.0.1.0/24
in  130 allow tcp 3389 192.0.2.0/24         out 140 allow tcp 32768-65535 0.0.0.0/0
in  140 allow tcp 32768-65535 0.0.0.0/0";

const VPN_ONLY: &str = "
in  100 allow tcp 1433 10.0.0.0/24          out 100 allow all all 172.16.0.0/12
in  120 allow tcp 22 172.16.0.0/12          out 110 allow tcp 32768-65535 10.0.0.0/24
in  130 allow tcp 3389 172.16.0.0/12        out 120 allow tcp 32768-65535 172.16.0.0/12
in  140 allow tcp 32768-65535 172.16.0.0/12";

/// W and D as ever; the corporate network 172.16.0.0/12 is behind HQ, a router in a third subnet, as it would be behind a VPN: what comes from there enters D's
/// subnet.
fn with_headquarters(nacls: [&str; 2]) -> Scene {
    let scene = two(&[("172.16.0.0/12", Target::Eni(2))], nacls).subnet("10.0.2.0/24", None, &[]);
    scene.eni("HQ", 2, &["10.0.2.4"], &[0]).unchecked()
}

/// Public subnet beside a VPN: answers come to 32768 and above, nothing else is for hosts inside.
// covers: NACL-116
pub fn nacl_116() -> Example {
    let lines = script(
        "internet | tcp 203.0.113.5:50000 > 198.51.100.1:80 syn | W
         W        | tcp 10.0.0.10:80 > 203.0.113.5:50000 syn-ack | internet
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:443 syn | W
         internet | tcp 192.0.2.10:50000 > 198.51.100.1:22 syn | W
         internet | tcp 192.0.2.10:50000 > 198.51.100.1:3389 syn | W
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:22 syn | nacl-in/nacl-default
         internet | tcp 203.0.113.5:443 > 198.51.100.1:32768 syn-ack | W
         internet | tcp 203.0.113.5:443 > 198.51.100.1:32767 syn-ack | nacl-in/nacl-default
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:3389 syn | nacl-in/nacl-default
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:443 syn | internet
         W        | tcp 10.0.0.10:40000 > 203.0.113.5:25 syn | nacl-out/nacl-default
         W        | tcp 10.0.0.10:40000 > 10.0.1.20:1433 syn | D
         D        | tcp 10.0.1.20:1433 > 10.0.0.10:40000 syn-ack | W
         W        | tcp 10.0.0.10:40000 > 10.0.1.20:22 syn | nacl-out/nacl-default at Subnet(0)",
    );
    Example { id: "NACL-116", scene: with_headquarters([BESIDE_VPN, VPN_ONLY]), lines }
}

/// VPN-only subnet: the database for the web, everything outward to headquarters, of which only TCP finds its way back.
// covers: NACL-117
pub fn nacl_117() -> Example {
    let mut lines = script(
        "HQ | tcp 172.16.0.9:50000 > 10.0.1.20:22 syn | D
         D  | tcp 10.0.1.20:22 > 172.16.0.9:50000 syn-ack | HQ
         HQ | tcp 172.16.0.9:50000 > 10.0.1.20:3389 syn | D
         HQ | tcp 172.16.0.9:50000 > 10.0.1.20:443 syn | nacl-in/nacl-default
         W  | tcp 10.0.0.10:40000 > 10.0.1.20:1433 syn | D
         D  | tcp 10.0.1.20:1433 > 10.0.0.10:40000 syn-ack | W
         D  | tcp 10.0.1.20:40000 > 172.16.0.9:443 syn | HQ
         HQ | tcp 172.16.0.9:443 > 10.0.1.20:40000 syn-ack | D
         D  | udp 10.0.1.20:40000 > 172.16.0.9:53 | HQ
         HQ | udp 172.16.0.9:53 > 10.0.1.20:40000 | nacl-in/nacl-default
         D  | icmp 10.0.1.20 > 172.16.0.9 8/0 id 1 | HQ
         HQ | icmp 172.16.0.9 > 10.0.1.20 0/0 id 1 | nacl-in/nacl-default
         D  | tcp 10.0.1.20:40000 > 203.0.113.5:443 syn | nacl-out/nacl-default",
    );
    lines.push(Change(|w| w.nacls[0].outbound.extend(entries("out 150 allow tcp 22 10.0.1.0/24", "out"))));
    lines.push(Send("W", "tcp 10.0.0.10:40000 > 10.0.1.20:22 syn", "nacl-in/nacl-default at Subnet(1)"));
    lines.push(Change(|w| {
        w.nacls[1].outbound.retain(|e| e.number != 100);
        w.nacls[1].outbound.extend(entries("out 100 allow tcp 443 172.16.0.0/12", "out"));
    }));
    lines.push(Send("D", "tcp 10.0.1.20:22 > 172.16.0.9:50000 ack", "HQ"));
    lines.push(Change(|w| w.nacls[1].outbound.retain(|e| e.number != 120)));
    lines.push(Send("D", "tcp 10.0.1.20:22 > 172.16.0.9:50000 ack", "nacl-out/nacl-default at Subnet(1)"));
    lines.push(Send("D", "tcp 10.0.1.20:40000 > 172.16.0.9:443 ack", "HQ"));
    Example { id: "NACL-117", scene: with_headquarters([BESIDE_VPN, VPN_ONLY]), lines }
}

/// The IPv6 entries beside a VPN, which carries no IPv6: the database answers, and begins nothing but to high ports next door.
// covers: NACL-118
pub fn nacl_118() -> Example {
    let public = "
in  150 allow tcp 80 ::/0                   out 150 allow tcp 80  ::/0
in  160 allow tcp 443 ::/0                  out 160 allow tcp 443 ::/0
in  170 allow tcp 22 2001:db8:ff::/64       out 170 allow tcp 1433 2001:db8:1234:1::/64
in  180 allow tcp 3389 2001:db8:ff::/64     out 190 allow tcp 32768-65535 ::/0
in  190 allow tcp 1024-65535 ::/0";
    let private = "in 150 allow tcp 1433 2001:db8:1234::/64 out 130 allow tcp 32768-65535 2001:db8:1234::/64";
    let lines = script(
        "W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:1234:1::20]:1433 syn | D
         D        | tcp [2001:db8:1234:1::20]:1433 > [2001:db8:1234::10]:40000 syn-ack | W
         D        | tcp [2001:db8:1234:1::20]:40000 > [2001:db8:1234::10]:32768 syn | W
         D        | tcp [2001:db8:1234:1::20]:40000 > [2001:db8:1234::10]:80 syn | nacl-out/nacl-default
         D        | tcp [2001:db8:1234:1::20]:40000 > [2001:db8:9::5]:443 syn | nacl-out/nacl-default
         D        | icmp6 [2001:db8:1234:1::20] > [2001:db8:1234::10] 128/0 id 1 | nacl-out/nacl-default
         W        | tcp [2001:db8:1234::10]:40000 > [2001:db8:1234:1::20]:22 syn | nacl-out/nacl-default
         internet | tcp [2001:db8:ff::a]:50000 > [2001:db8:1234::10]:22 syn | W
         internet | tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:80 syn | W
         W        | tcp [2001:db8:1234::10]:80 > [2001:db8:9::5]:50000 syn-ack | internet",
    );
    Example { id: "NACL-118", scene: two(&[("::/0", Igw)], [public, private]), lines }
}

/// A private subnet with nothing but a VPN: headquarters and nobody else.
// covers: NACL-119
pub fn nacl_119() -> Example {
    let private = "
in  100 allow tcp 22 172.16.0.0/12          out 100 allow all all 172.16.0.0/12
in  110 allow tcp 3389 172.16.0.0/12        out 120 allow tcp 32768-65535 172.16.0.0/12
in  120 allow tcp 32768-65535 172.16.0.0/12";
    let lines = script(
        "HQ | tcp 172.16.0.9:50000 > 10.0.1.20:22 syn | D
         D  | tcp 10.0.1.20:22 > 172.16.0.9:50000 syn-ack | HQ
         HQ | tcp 172.16.0.9:50000 > 10.0.1.20:3389 syn | D
         HQ | tcp 172.16.0.9:50000 > 10.0.1.20:443 syn | nacl-in/nacl-default
         D  | tcp 10.0.1.20:40000 > 172.16.0.9:443 syn | HQ
         HQ | tcp 172.16.0.9:443 > 10.0.1.20:40000 syn-ack | D
         W  | tcp 10.0.0.10:40000 > 10.0.1.20:22 syn | nacl-in/nacl-default
         D  | tcp 10.0.1.20:40000 > 10.0.0.10:443 syn | nacl-out/nacl-default
         D  | tcp 10.0.1.20:40000 > 203.0.113.5:443 syn | nacl-out/nacl-default
         HQ | tcp 203.0.113.5:50000 > 10.0.1.20:22 syn | nacl-in/nacl-default",
    );
    let open = "in 1 allow all all 0.0.0.0/0 out 1 allow all all 0.0.0.0/0";
    Example { id: "NACL-119", scene: with_headquarters([open, private]), lines }
}

/// A server whose ACL lets answers go to these client ports alone: the ends of the range get theirs, their neighbours outside do not.
fn client_ports(id: &'static str, nacl: &str, lines: &'static str) -> Example {
    let nacl = format!("in 100 allow tcp 80 0.0.0.0/0 out 100 allow tcp {nacl} 0.0.0.0/0");
    let mut all = script("internet | tcp 203.0.113.5:40000 > 198.51.100.1:80 syn | W");
    all.extend(script(lines));
    Example { id, scene: two(&[], [&nacl, ""]), lines: all }
}

/// Linux.
// covers: NACL-40
pub fn nacl_40() -> Example {
    client_ports(
        "NACL-40",
        "32768-61000",
        "W | tcp 10.0.0.10:80 > 203.0.113.5:32768 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:61000 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:32767 syn-ack | nacl-out/nacl-default
         W | tcp 10.0.0.10:80 > 203.0.113.5:61001 syn-ack | nacl-out/nacl-default",
    )
}

/// Load balancers and functions.
// covers: NACL-41 NACL-45
pub fn nacl_41() -> Example {
    client_ports(
        "NACL-41",
        "1024-65535",
        "W | tcp 10.0.0.10:80 > 203.0.113.5:1024 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:65535 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:1023 syn-ack | nacl-out/nacl-default",
    )
}

/// Windows up to Server 2003.
// covers: NACL-42
pub fn nacl_42() -> Example {
    client_ports(
        "NACL-42",
        "1025-5000",
        "W | tcp 10.0.0.10:80 > 203.0.113.5:1025 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:5000 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:1024 syn-ack | nacl-out/nacl-default
         W | tcp 10.0.0.10:80 > 203.0.113.5:5001 syn-ack | nacl-out/nacl-default",
    )
}

/// Windows since Server 2008.
// covers: NACL-43
pub fn nacl_43() -> Example {
    client_ports(
        "NACL-43",
        "49152-65535",
        "W | tcp 10.0.0.10:80 > 203.0.113.5:49152 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:65535 syn-ack | internet
         W | tcp 10.0.0.10:80 > 203.0.113.5:49151 syn-ack | nacl-out/nacl-default",
    )
}

/// What a NAT gateway sends from is inside 1024-65535: an ACL that lets nothing else in loses no answer.
// covers: NACL-44
pub fn nacl_44() -> Example {
    let public = "in 100 allow tcp 443 10.0.1.0/24 out 100 allow tcp 443 0.0.0.0/0
        in 110 allow tcp 1024-65535 203.0.113.0/24 out 110 allow tcp 32768-65535 10.0.1.0/24";
    let open = "in 1 allow all all 0.0.0.0/0 out 1 allow all all 0.0.0.0/0";
    let scene = two(&[("0.0.0.0/0", Nat(0))], [public, open]).nat("N", 0, "10.0.0.220", "198.51.100.9");
    Example { id: "NACL-44", scene, lines: from_the_gateway("D") }
}

/// Server out and client in must allow the client's range; denies of single ports inside it go first.
// covers: NACL-46
pub fn nacl_46() -> Example {
    let server = "in 100 allow tcp 80 10.0.1.0/24 out 100 allow tcp 1024-65535 10.0.1.0/24";
    let client =
        "in 90 deny tcp 3389 0.0.0.0/0 in 100 allow tcp 1024-65535 10.0.0.0/24 out 100 allow tcp 80 10.0.0.0/24";
    let mut lines = script(
        "D | tcp 10.0.1.20:40000 > 10.0.0.10:80 syn | W
         W | tcp 10.0.0.10:80 > 10.0.1.20:40000 syn-ack | D
         D | tcp 10.0.1.20:1024 > 10.0.0.10:80 syn | W
         W | tcp 10.0.0.10:80 > 10.0.1.20:1024 syn-ack | D
         D | tcp 10.0.1.20:3389 > 10.0.0.10:80 syn | W
         W | tcp 10.0.0.10:80 > 10.0.1.20:3389 syn-ack | nacl-in/nacl-rule at Subnet(1)",
    );
    lines.push(Change(|w| w.nacls[1].inbound[0].number = 110));
    lines.push(Send("W", "tcp 10.0.0.10:80 > 10.0.1.20:3389 syn-ack", "D"));
    lines.push(Change(|w| w.nacls[0].outbound = entries("out 100 allow tcp 32768-65535 10.0.1.0/24", "out")));
    lines.push(Send("W", "tcp 10.0.0.10:80 > 10.0.1.20:1024 syn-ack", "nacl-out/nacl-default at Subnet(0)"));
    lines.push(Change(|w| w.nacls[1].inbound = entries("in 100 allow tcp 49152-65535 10.0.0.0/24", "in")));
    lines.push(Send("W", "tcp 10.0.0.10:80 > 10.0.1.20:40000 syn-ack", "nacl-in/nacl-default at Subnet(1)"));
    Example { id: "NACL-46", scene: two(&[], [server, client]), lines }
}

const OPEN: &str = "in 100 allow all all 0.0.0.0/0 out 100 allow all all 0.0.0.0/0
    in 101 allow all all ::/0 out 101 allow all all ::/0";

/// Another ACL, or another entry, cuts a running flow at its next packet, and gives it back.
// covers: NACL-09
pub fn nacl_09() -> Example {
    const SEGMENT: &str = "tcp 10.0.0.10:40000 > 203.0.113.5:443 ack";
    const ANSWER: &str = "tcp 203.0.113.5:443 > 198.51.100.1:40000 ack";
    Example {
        id: "NACL-09",
        scene: two(&[], [OPEN, ""]),
        lines: vec![
            Change(|w| w.groups[0].ingress.clear()),
            Send("W", "tcp 10.0.0.10:40000 > 203.0.113.5:443 syn", "internet"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.1:40000 syn-ack", "W"),
            Send("W", SEGMENT, "internet"),
            Send("internet", ANSWER, "W"),
            Change(|w| w.subnets[0].nacl = 1),
            Send("W", SEGMENT, "nacl-out/nacl-default"),
            Send("internet", ANSWER, "nacl-in/nacl-default"),
            Change(|w| w.subnets[0].nacl = 0),
            Send("W", SEGMENT, "internet"),
            Send("internet", ANSWER, "W"),
            Change(|w| w.nacls[0].inbound.extend(entries("in 50 deny tcp 40000 203.0.113.5/32", "in"))),
            Send("W", SEGMENT, "internet"),
            Send("internet", ANSWER, "nacl-in/nacl-rule"),
            Change(|w| w.nacls[0].inbound.retain(|e| e.number != 50)),
            Send("internet", ANSWER, "W"),
        ],
    }
}

/// Filters leave the TTL alone, and what they drop is answered by nobody.
// covers: NACL-204
pub fn nacl_204() -> Example {
    let mut lines = script(
        "W        | udp 10.0.0.10:40000 > 10.0.1.20:33434 ttl 1 | D
         ttl      | 1
         W        | udp 10.0.0.10:40000 > 203.0.113.5:33434 ttl 1 | internet
         ttl      | 1
         internet | udp 203.0.113.5:53 > 198.51.100.1:40000 ttl 1 | W
         ttl      | 1",
    );
    lines.push(Change(|w| w.nacls[0] = Nacl::default()));
    lines.extend(script(
        "W        | udp 10.0.0.10:40000 > 10.0.1.20:33434 ttl 1 | nacl-out/nacl-default
         internet | tcp 203.0.113.5:53 > 198.51.100.1:80 syn ttl 1 | nacl-in/nacl-default",
    ));
    lines.push(Change(|w| (w.groups[0].ingress, w.groups[0].egress) = (vec![], vec![])));
    lines.extend(script(
        "W        | tcp 10.0.0.10:40000 > 10.0.1.20:80 syn ttl 1 | sg-out/no-rule
         internet | tcp 203.0.113.5:53 > 198.51.100.1:80 syn ttl 1 | nacl-in/nacl-default",
    ));
    Example { id: "NACL-204", scene: two(&[], [OPEN, OPEN]), lines }
}

/// Later fragments follow their first, before it or after it. What the fabric says of itself needs no entry, what hosts say does.
// covers: NACL-207
pub fn nacl_207() -> Example {
    let public = "in 100 allow udp 53 0.0.0.0/0 out 100 allow udp 53 0.0.0.0/0";
    let mut lines = script(
        "internet | udp 203.0.113.5:9 > 198.51.100.1:53 len 3000 piece 0 of 1 | W
         internet | udp 203.0.113.5:9 > 198.51.100.1:53 len 3000 piece 1 of 1 | W
         internet | udp 203.0.113.5:9 > 198.51.100.1:53 len 3000 piece 1 of 2 | held
         internet | udp 203.0.113.5:9 > 198.51.100.1:53 len 3000 piece 0 of 2 | W
         internet | udp 203.0.113.5:9 > 198.51.100.1:53 len 3000 piece 2 of 2 | W
         internet | udp 203.0.113.5:9 > 198.51.100.1:54 len 3000 piece 0 of 3 | nacl-in/nacl-default
         internet | udp 203.0.113.5:9 > 198.51.100.1:54 len 3000 piece 1 of 3 | nacl-in/nacl-default
         internet | udp 203.0.113.5:9 > 198.51.100.1:54 len 3000 piece 2 of 4 | held
         internet | udp 203.0.113.5:9 > 198.51.100.1:54 len 3000 piece 0 of 4 | nacl-in/nacl-default
         internet | udp 203.0.113.5:9 > 198.51.100.1:53 len 3000 piece 1 of 5 | held
         wait     | 30000
         internet | udp 203.0.113.5:9 > 198.51.100.1:53 len 3000 piece 0 of 5 | W
         W        | udp 10.0.0.10:9 > 203.0.113.5:53 len 3000 df | reply igw/too-big
         left     | icmp 10.0.0.1 > 10.0.0.10 3/4 id 0
         D        | udp 10.0.1.20:9 > 203.0.113.5:53 ttl 1 | reply natgw/ttl-exceeded
         left     | icmp 10.0.0.220 > 10.0.1.20 11/0 id 0
         internet | icmp 203.0.113.1 > 198.51.100.1 11/0 about udp 198.51.100.1:9 > 203.0.113.5:53 | nacl-in/nacl-default",
    );
    lines.push(Change(|w| w.nacls[0].inbound.extend(entries("in 110 allow icmp 11/0 0.0.0.0/0", "in"))));
    lines.push(Send("internet", "icmp 203.0.113.1 > 198.51.100.1 11/0 about udp 198.51.100.1:9 > 203.0.113.5:53", "W"));
    let private = "out 100 allow udp 53 0.0.0.0/0";
    let scene = two(&[("0.0.0.0/0", Nat(0))], [public, private]).nat("N", 0, "10.0.0.220", "198.51.100.9");
    Example { id: "NACL-207", scene, lines }
}

/// A flow between subnets is asked twice, out of the one and into the other, even where both share one ACL.
// covers: NACL-208
pub fn nacl_208() -> Example {
    fn with(w: &mut World, text: &str) {
        w.nacls[0] = Nacl { inbound: entries(text, "in"), outbound: entries(text, "out") };
    }
    const SYN: &str = "tcp 10.0.0.10:40000 > 10.0.1.20:80 syn";
    Example {
        id: "NACL-208",
        scene: two(&[], ["", ""]),
        lines: vec![
            Change(|w| w.subnets[1].nacl = 0),
            Send("W", SYN, "nacl-out/nacl-default at Subnet(0)"),
            Change(|w| with(w, "out 100 allow tcp 80 10.0.1.0/24")),
            Send("W", SYN, "nacl-in/nacl-default at Subnet(1)"),
            Change(|w| with(w, "in 100 allow tcp 80 10.0.0.0/24")),
            Send("W", SYN, "nacl-out/nacl-default at Subnet(0)"),
            Change(|w| with(w, "out 100 allow tcp 80 10.0.1.0/24 in 100 allow tcp 80 10.0.0.0/24")),
            Send("W", SYN, "D"),
            Send("D", "tcp 10.0.1.20:80 > 10.0.0.10:40000 syn-ack", "nacl-out/nacl-default at Subnet(1)"),
        ],
    }
}

/// What keeps a subnet alive is no matter of filters: with nothing allowed at all, the services and the router are reached as ever.
// covers: SG-03 NACL-209
pub fn nothing_allowed() -> Example {
    let mut lines = vec![Change(|w| (w.groups[0].ingress, w.groups[0].egress) = (vec![], vec![]))];
    lines.extend(script(
        "W | udp 10.0.0.10:40000 > 203.0.113.5:53 | sg-out/no-rule
         W | udp 0.0.0.0:68 > 255.255.255.255:67 | punt
         W | udp 10.0.0.10:68 > 10.0.0.1:67 | punt
         W | udp 10.0.0.10:40000 > 10.0.0.2:53 | punt
         W | tcp 10.0.0.10:40000 > 10.0.0.2:53 syn | punt
         D | udp 10.0.1.20:40000 > 10.0.0.2:53 | punt
         W | udp 10.0.0.10:40000 > 169.254.169.253:53 | punt
         W | tcp 10.0.0.10:40000 > 169.254.169.254:80 syn | punt
         W | udp 10.0.0.10:123 > 169.254.169.123:123 | punt
         W | icmp 10.0.0.10 > 10.0.0.1 8/0 id 1 | route/no-owner
         W | icmp 10.0.0.10 > 10.0.0.3 8/0 id 1 | route/no-owner
         W | icmp 10.0.0.10 > 10.0.0.0 8/0 id 1 | route/no-owner
         W | tcp 10.0.0.10:40000 > 169.254.1.1:80 syn | route/no-owner
         W | arp 10.0.0.10 > 10.0.0.1 | reply
         W | arp 10.0.0.10 > 10.0.0.2 | reply
         W | nd 135 2001:db8:1234::10 > ff02::1:ff00:1 fe80::1 | reply
         W | nd 135 2001:db8:1234::10 > ff02::1:ff00:1 2001:db8:1234::1 | reply
         W | nd 133 fe80::9 > ff02::2 :: | reply
         W | udp [fe80::9]:546 > [ff02::1:2]:547 | punt
         W | icmp6 [2001:db8:1234::10] > [fe80::1] 128/0 id 1 | route/no-owner",
    ));
    Example { id: "SG-03", scene: two(&[], ["", ""]), lines }
}
