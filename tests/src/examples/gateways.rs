//! Chapters 03 and 07: routes, internet gateways, egress-only gateways, NAT gateways and NAT instances.

use super::Line::{Change, Left, Send, SendBy, Ttl, Wait};
use super::scene::{ALL, entries};
use super::{Example, Scene};
use crate::model::world::Target::{self, Blackhole, Eigw, Igw, Local, Nat};

/// Nothing may come in by itself, so that answers show tracks.
const OUT: &str = "out all all 0.0.0.0/0\nout all all ::/0";
const V6: &str = "2001:db8:1234:1a00::/56";

/// Public subnet with gateway N and host W, private subnet with host D behind it.
pub(super) fn behind_nat() -> Scene {
    Scene::vpc("10.0.0.0/16", None, true, false)
        .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
        .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Nat(0))])
        .group(ALL)
        .group(OUT)
        .eni("W", 0, &["10.0.0.5"], &[0])
        .eni("D", 1, &["10.0.1.5"], &[1])
        .nat("N", 0, "10.0.0.220", "198.51.100.9")
}

/// Families do not see each other's routes.
pub fn a_03_5() -> Example {
    Example {
        id: "A-03-5",
        scene: Scene::vpc("10.0.0.0/16", Some(V6), true, true)
            .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("0.0.0.0/0", Igw), ("::/0", Eigw)])
            .subnet("10.0.9.0/24", Some("2001:db8:1234:1aff::/64"), &[])
            .group(ALL)
            .eni("A", 0, &["10.0.0.10", "2001:db8:1234:1a00::10"], &[0])
            .eni("B", 1, &["10.0.9.9", "2001:db8:1234:1aff::10"], &[0])
            .public("10.0.0.10", "198.51.100.1"),
        lines: vec![
            Send("A", "udp 10.0.0.10:40000 > 10.0.9.9:53", "B"),
            Send("A", "udp [2001:db8:1234:1a00::10]:40000 > [2001:db8:1234:1aff::10]:53", "B"),
            Send("A", "udp 10.0.0.10:40000 > 8.8.8.8:53", "internet"),
            Left("udp 198.51.100.1:40000 > 8.8.8.8:53"),
            Send("A", "udp [2001:db8:1234:1a00::10]:40000 > [2600::1]:53", "internet"),
            Send("internet", "udp [2600::1]:53 > [2001:db8:1234:1a00::10]:40000", "A"),
            Send("internet", "udp [2600::2]:53 > [2001:db8:1234:1a00::10]:40000", "eigw/no-flow"),
            Change(|w| w.tables[0].routes.retain(|(p, _)| p.prefix_len() > 0 || p.addr().is_ipv4())),
            Send("A", "udp [2001:db8:1234:1a00::10]:40000 > [2600::1]:53", "route/no-route"),
            Send("A", "udp 10.0.0.10:40000 > 8.8.8.8:53", "internet"),
        ],
    }
}

/// The longest prefix wins, blackholes too.
pub fn a_03_14() -> Example {
    Example {
        id: "A-03-14",
        scene: behind_nat().public("10.0.1.5", "198.51.100.2"),
        lines: vec![
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:53", "internet"),
            Change(|w| w.tables[1].routes[1].1 = Blackhole),
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:53", "route/blackhole"),
            Change(|w| w.tables[1].routes.push(("203.0.113.0/24".parse().unwrap_or_default(), Igw))),
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:53", "internet"),
            Left("udp 198.51.100.2:40000 > 203.0.113.5:53"),
            Send("D", "udp 10.0.1.5:40000 > 192.0.2.1:53", "route/blackhole"),
            Change(|w| w.tables[1].routes[1].1 = Nat(0)),
            Send("D", "udp 10.0.1.5:40000 > 192.0.2.1:53", "internet"),
        ],
    }
}

/// A middlebox on the internet gateway, both ways.
pub fn a_03_4() -> Example {
    Example {
        id: "A-03-4",
        scene: Scene::vpc("10.0.0.0/16", Some(V6), true, false)
            .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("0.0.0.0/0", Igw), ("::/0", Igw)])
            .subnet(
                "10.0.1.0/24",
                Some("2001:db8:1234:1a01::/64"),
                &[("0.0.0.0/0", Target::Eni(0)), ("::/0", Target::Eni(0))],
            )
            .group(ALL)
            .eni("BOX", 0, &["10.0.0.4", "2001:db8:1234:1a00::4"], &[0])
            .unchecked()
            .eni("b", 1, &["10.0.1.10", "2001:db8:1234:1a01::10"], &[0])
            .public("10.0.1.10", "198.51.100.1")
            .gateway_table(&[
                ("10.0.0.0/16", Local),
                ("10.0.1.0/24", Target::Eni(0)),
                ("2001:db8:1234:1a01::/64", Target::Eni(0)),
            ]),
        lines: vec![
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:443 syn", "BOX"),
            Left("tcp 203.0.113.5:50000 > 10.0.1.10:443"),
            Send("BOX", "tcp 203.0.113.5:50000 > 10.0.1.10:443 syn", "b"),
            Send("b", "tcp 10.0.1.10:443 > 203.0.113.5:50000 syn-ack", "BOX"),
            Left("tcp 10.0.1.10:443 > 203.0.113.5:50000"),
            Send("BOX", "tcp 10.0.1.10:443 > 203.0.113.5:50000 syn-ack", "internet"),
            Left("tcp 198.51.100.1:443 > 203.0.113.5:50000"),
            Send("internet", "tcp [2001:db8:9::5]:50000 > [2001:db8:1234:1a01::10]:443 syn", "BOX"),
            Send("BOX", "tcp [2001:db8:9::5]:50000 > [2001:db8:1234:1a01::10]:443 syn", "b"),
            Change(|w| w.enis[0].check = true),
            Send("internet", "tcp 203.0.113.5:50001 > 198.51.100.1:443 syn", "src-dst/not-mine"),
            Send("BOX", "tcp 203.0.113.5:50000 > 10.0.1.10:443 ack", "src-dst/not-mine"),
        ],
    }
}

/// An Elastic IP, with and without the route back.
pub fn igw_a1() -> Example {
    Example {
        id: "IGW-A1",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .group(ALL)
            .eni("A", 0, &["10.0.0.6"], &[0])
            .eni("UNMAPPED", 0, &["10.0.0.7"], &[0])
            .public("10.0.0.6", "198.51.100.2"),
        lines: vec![
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.2:443 syn", "A"),
            Left("tcp 203.0.113.5:50000 > 10.0.0.6:443"),
            Ttl(64),
            Send("A", "tcp 10.0.0.6:443 > 203.0.113.5:50000 syn-ack", "internet"),
            Left("tcp 198.51.100.2:443 > 203.0.113.5:50000"),
            Ttl(64),
            Send("UNMAPPED", "tcp 10.0.0.7:443 > 203.0.113.5:50000 syn", "igw/no-public-address"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.3:443 syn", "igw/no-mapping"),
            Change(|w| w.tables[0].routes.retain(|(p, _)| p.prefix_len() > 0)),
            Send("internet", "tcp 203.0.113.5:50001 > 198.51.100.2:443 syn", "A"),
            Send("A", "tcp 10.0.0.6:443 > 203.0.113.5:50001 syn-ack", "route/no-route"),
        ],
    }
}

/// By its public address a neighbour is a stranger.
pub fn igw_24() -> Example {
    Example {
        id: "IGW-24",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .group("in tcp 443 #0\nout all all 0.0.0.0/0")
            .eni("A", 0, &["10.0.0.6"], &[0])
            .eni("B", 0, &["10.0.0.7"], &[0])
            .public("10.0.0.6", "198.51.100.6")
            .public("10.0.0.7", "198.51.100.7"),
        lines: vec![
            Send("A", "tcp 10.0.0.6:40000 > 10.0.0.7:443 syn", "B"),
            Send("A", "tcp 10.0.0.6:40000 > 198.51.100.7:443 syn", "sg-in/no-rule"),
            Change(|w| w.groups[0].ingress.extend([super::scene::rule("tcp", "443", "198.51.100.6/32")])),
            Send("A", "tcp 10.0.0.6:40000 > 198.51.100.7:443 syn", "B"),
            Left("tcp 198.51.100.6:40000 > 10.0.0.7:443"),
            Send("B", "tcp 10.0.0.7:443 > 198.51.100.6:40000 syn-ack", "A"),
            Left("tcp 198.51.100.7:443 > 10.0.0.6:40000"),
        ],
    }
}

/// Egress only, whatever the group says; by the internet gateway the same ping answers.
pub fn eigw_a2() -> Example {
    Example {
        id: "EIGW-A2",
        scene: Scene::vpc("10.0.0.0/16", Some(V6), true, true)
            .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("0.0.0.0/0", Igw), ("::/0", Igw)])
            .subnet("10.0.1.0/24", Some("2001:db8:1234:1a01::/64"), &[("::/0", Eigw)])
            .group("in tcp 22 2001:db8:1234:1a00::123/128\nin icmp6 all ::/0\nout all all ::/0")
            .group(ALL)
            .eni("public", 0, &["10.0.0.5", "2001:db8:1234:1a00::123"], &[1])
            .eni("private", 1, &["10.0.1.5", "2001:db8:1234:1a01::456"], &[0]),
        lines: vec![
            Send("private", "icmp6 [2001:db8:1234:1a01::456] > [2001:1900:3001:11::2c] 128/0 id 1", "internet"),
            Send("internet", "icmp6 [2001:1900:3001:11::2c] > [2001:db8:1234:1a01::456] 129/0 id 1", "private"),
            Send("public", "tcp [2001:db8:1234:1a00::123]:40000 > [2001:db8:1234:1a01::456]:22 syn", "private"),
            Send("private", "tcp [2001:db8:1234:1a01::456]:22 > [2001:db8:1234:1a00::123]:40000 syn-ack", "public"),
            Send("internet", "icmp6 [2001:db8:9::5] > [2001:db8:1234:1a01::456] 128/0 id 2", "eigw/no-flow"),
            Send("internet", "icmp6 [2001:db8:9::5] > [2001:db8:1234:1a00::123] 128/0 id 2", "public"),
            Send("private", "tcp [2001:db8:1234:1a01::456]:443 > [2001:db8:9::5]:40000 syn-ack", "eigw/answer-only"),
            Change(|w| {
                for (_, t) in &mut w.tables[1].routes {
                    if *t == Eigw {
                        *t = Igw;
                    }
                }
            }),
            Send("internet", "icmp6 [2001:db8:9::5] > [2001:db8:1234:1a01::456] 128/0 id 2", "private"),
            Send("private", "icmp6 [2001:db8:1234:1a01::456] > [2001:db8:9::5] 129/0 id 2", "internet"),
        ],
    }
}

/// The base path of a NAT gateway.
pub fn nat_a1() -> Example {
    Example {
        id: "NAT-A1",
        scene: behind_nat(),
        lines: vec![
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 syn", "internet"),
            Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
            Ttl(63),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack", "D"),
            Left("tcp 203.0.113.5:443 > 10.0.1.5:40000"),
            Ttl(63),
            Send("internet", "tcp 203.0.113.6:443 > 198.51.100.9:{nat} syn-ack", "natgw/unsolicited"),
            Send("internet", "tcp 203.0.113.5:444 > 198.51.100.9:{nat} syn-ack", "natgw/unsolicited"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:80 syn", "natgw/unsolicited"),
            Send("D", "tcp 10.0.1.5:40000 > 10.0.0.5:443 syn", "W"),
            Left("tcp 10.0.1.5:40000 > 10.0.0.5:443"),
            Send("D", "icmp 10.0.1.5 > 203.0.113.5 8/0 id 5", "internet"),
            Send("D", "esp 10.0.1.5 > 203.0.113.5", "natgw/protocol"),
        ],
    }
}

/// A deny at each of the six steps drops exactly there.
pub fn nat_22() -> Example {
    fn deny(w: &mut crate::model::World, subnet: usize, inbound: bool, text: &str) {
        for n in &mut w.nacls {
            n.inbound.retain(|e| e.number != 50);
            n.outbound.retain(|e| e.number != 50);
        }
        if inbound {
            w.nacls[subnet].inbound.extend(entries(text, "x"));
        } else {
            w.nacls[subnet].outbound.extend(entries(text, "x"));
        }
    }
    const OUT: &str = "tcp 10.0.1.5:40000 > 203.0.113.5:443 ack";
    const BACK: &str = "tcp 203.0.113.5:443 > 198.51.100.9:{nat} ack";
    Example {
        id: "NAT-22",
        scene: behind_nat(),
        lines: vec![
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 syn", "internet"),
            Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
            Send("internet", BACK, "D"),
            Change(|w| deny(w, 1, false, "x 50 deny tcp 443 203.0.113.5/32")),
            Send("D", OUT, "nacl-out/nacl-rule at Subnet(1)"),
            Change(|w| deny(w, 0, true, "x 50 deny tcp 443 10.0.1.5/32")),
            Send("D", OUT, "nacl-in/nacl-rule at Subnet(0)"),
            Change(|w| deny(w, 0, false, "x 50 deny tcp 443 203.0.113.5/32")),
            Send("D", OUT, "nacl-out/nacl-rule at Subnet(0)"),
            Change(|w| deny(w, 0, true, "x 50 deny tcp 1024-65535 203.0.113.5/32")),
            Send("internet", BACK, "nacl-in/nacl-rule at Subnet(0)"),
            Change(|w| deny(w, 0, false, "x 50 deny tcp 40000 10.0.1.5/32")),
            Send("internet", BACK, "nacl-out/nacl-rule at Subnet(0)"),
            Change(|w| deny(w, 1, true, "x 50 deny tcp 40000 203.0.113.5/32")),
            Send("internet", BACK, "nacl-in/nacl-rule at Subnet(1)"),
            Change(|w| deny(w, 1, true, "")),
            Send("D", OUT, "internet"),
            Send("internet", BACK, "D"),
        ],
    }
}

/// With the NACLs of the guide.
pub fn nat_a2() -> Example {
    let public = "in 100 allow tcp 80 0.0.0.0/0\nin 110 allow tcp 443 0.0.0.0/0\nin 120 allow tcp 22 192.0.2.0/24
in 130 allow tcp 3389 192.0.2.0/24\nin 140 allow tcp 1024-65535 0.0.0.0/0\nout 100 allow tcp 80 0.0.0.0/0
out 110 allow tcp 443 0.0.0.0/0\nout 120 allow tcp 1433 10.0.1.0/24\nout 140 allow tcp 32768-65535 0.0.0.0/0
out 150 allow tcp 22 10.0.1.0/24";
    let private =
        "in 100 allow tcp 1433 10.0.0.0/24\nin 120 allow tcp 22 10.0.0.0/24\nin 130 allow tcp 3389 10.0.0.0/24
in 140 allow tcp 1024-65535 0.0.0.0/0\nout 100 allow tcp 80 0.0.0.0/0\nout 110 allow tcp 443 0.0.0.0/0
out 120 allow tcp 32768-65535 10.0.0.0/24";
    let mut scene = behind_nat();
    for (n, text) in [public, private].into_iter().enumerate() {
        scene.world.nacls[n].inbound = entries(text, "in");
        scene.world.nacls[n].outbound = entries(text, "out");
    }
    let mut lines = vec![
        Send("D", "tcp 10.0.1.5:40001 > 203.0.113.5:443 syn", "internet"),
        Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
        Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack", "D"),
        Send("D", "tcp 10.0.1.5:20000 > 203.0.113.5:443 syn", "internet"),
        Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
        Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack", "nacl-out/nacl-default"),
        Send("D", "icmp 10.0.1.5 > 203.0.113.5 8/0 id 1", "nacl-out/nacl-default"),
        Send("D", "tcp 10.0.1.5:40001 > 203.0.113.5:25 syn", "nacl-out/nacl-default"),
        Change(|w| {
            w.nacls[0].inbound.retain(|e| e.number != 140);
            w.nacls[0].inbound.extend(entries("in 140 allow tcp 32768-65535 0.0.0.0/0", "in"));
        }),
    ];
    // Enough connections for ports on both sides.
    for syn in [
        "tcp 10.0.1.5:40002 > 203.0.113.5:443 syn",
        "tcp 10.0.1.5:40003 > 203.0.113.5:443 syn",
        "tcp 10.0.1.5:40004 > 203.0.113.5:443 syn",
        "tcp 10.0.1.5:40005 > 203.0.113.5:443 syn",
        "tcp 10.0.1.5:40006 > 203.0.113.5:443 syn",
        "tcp 10.0.1.5:40007 > 203.0.113.5:443 syn",
    ] {
        let answer = "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack";
        lines.extend([
            Send("D", syn, "internet"),
            Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
            SendBy("internet", answer, "nacl-in/nacl-default", "D"),
        ]);
    }
    Example { id: "NAT-A2", scene, lines }
}

/// A NAT gateway answers no ping.
pub fn nat_a6() -> Example {
    Example {
        id: "NAT-A6",
        scene: behind_nat(),
        lines: vec![
            Send("internet", "icmp 203.0.113.5 > 198.51.100.9 8/0 id 1", "natgw/unsolicited"),
            Send("D", "icmp 10.0.1.5 > 10.0.0.220 8/0 id 1", "natgw/unsolicited"),
            Send("W", "icmp 10.0.0.5 > 10.0.0.220 8/0 id 1", "natgw/unsolicited"),
        ],
    }
}

/// A NAT gateway is one visible hop, named by its private address; nothing else is.
pub fn nat_a7() -> Example {
    Example {
        id: "NAT-A7",
        scene: behind_nat().public("10.0.1.5", "198.51.100.2"),
        lines: vec![
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:33434 ttl 1", "reply natgw/ttl-exceeded"),
            Left("icmp 10.0.0.220 > 10.0.1.5 11/0 id 0"),
            Change(|w| w.tables[1].routes.push(("203.0.113.0/24".parse().unwrap_or_default(), Igw))),
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:33434 ttl 1", "internet"),
        ],
    }
}

/// 350 s of silence end a connection, with a reset for the client; less does not.
pub fn nat_a8() -> Example {
    Example {
        id: "NAT-A8",
        scene: behind_nat(),
        lines: vec![
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 syn", "internet"),
            Left("tcp 198.51.100.9:* > 203.0.113.5:443"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack", "D"),
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 ack", "internet"),
            Wait(300_000),
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 ack", "internet"),
            Wait(349_998),
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 ack", "internet"),
            Wait(349_999),
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 ack", "reply natgw/no-binding"),
            Left("tcp 203.0.113.5:443 > 10.0.1.5:40000"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.9:{nat} ack", "natgw/unsolicited"),
        ],
    }
}

/// The group of a NAT instance.
pub fn nati_a1() -> Example {
    Example {
        id: "NATI-A1",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Target::Eni(0))])
            .group("in tcp 80 10.0.1.0/24\nin tcp 443 10.0.1.0/24\nin tcp 22 192.0.2.0/24\nout tcp 80 0.0.0.0/0\nout tcp 443 0.0.0.0/0")
            .group(OUT)
            .eni("NATI", 0, &["10.0.0.4"], &[0])
            .unchecked()
            .eni("D", 1, &["10.0.1.5"], &[1])
            .public("10.0.0.4", "198.51.100.4"),
        lines: vec![
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:80 syn", "NATI"),
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:443 syn", "NATI"),
            Left("tcp 10.0.1.5:40000 > 203.0.113.5:443"),
            Send("NATI", "tcp 10.0.0.4:1025 > 203.0.113.5:443 syn", "internet"),
            Left("tcp 198.51.100.4:1025 > 203.0.113.5:443"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.4:1025 syn-ack", "NATI"),
            Send("NATI", "tcp 203.0.113.5:443 > 10.0.1.5:40000 syn-ack", "D"),
            Send("D", "tcp 10.0.1.5:40000 > 203.0.113.5:8080 syn", "sg-in/no-rule"),
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:53", "sg-in/no-rule"),
            Send("D", "icmp 10.0.1.5 > 203.0.113.5 8/0 id 1", "sg-in/no-rule"),
            Send("internet", "tcp 192.0.2.10:50000 > 198.51.100.4:22 syn", "NATI"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.4:22 syn", "sg-in/no-rule"),
            Send("NATI", "tcp 10.0.0.4:40000 > 10.0.1.5:22 syn", "sg-out/no-rule"),
            Change(|w| w.enis[0].check = true),
            Send("D", "tcp 10.0.1.5:40001 > 203.0.113.5:443 syn", "src-dst/not-mine"),
        ],
    }
}
