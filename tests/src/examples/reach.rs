//! Chapters 03 and 07: whom the internet reaches is decided by the route table in force, for each family, and by the filters.

use super::Line::{Change, Send};
use super::scene::{ALL, entries, rule};
use super::{Example, Scene, script};
use crate::model::world::Subnet;
use crate::model::world::Target::{Eigw, Igw, Nat, Vgw};

const V6: &str = "2001:db8:1234:1a00::/56";

/// Public is what a table with a route to the gateway serves; associations flip it, and no interface is touched.
// covers: IGW-11
pub fn igw_11() -> Example {
    let mut lines = script(
        "internet | tcp 203.0.113.5:50000 > 198.51.100.1:443 syn | A
         A        | tcp 10.0.0.10:443 > 203.0.113.5:50000 syn-ack | internet
         B        | tcp 10.0.1.10:40000 > 203.0.113.5:80 syn | route/no-route",
    );
    lines.push(Change(|w| (w.subnets[0].table, w.subnets[1].table) = (1, 0)));
    lines.extend(script(
        "internet | tcp 203.0.113.5:50001 > 198.51.100.1:443 syn | A
         A        | tcp 10.0.0.10:443 > 203.0.113.5:50001 syn-ack | route/no-route
         A        | tcp 10.0.0.10:443 > 203.0.113.5:50000 ack | route/no-route
         B        | tcp 10.0.1.10:40000 > 203.0.113.5:80 syn | internet",
    ));
    lines.push(Change(|w| w.subnets[0].table = 0));
    lines.push(Send("A", "tcp 10.0.0.10:443 > 203.0.113.5:50001 syn-ack", "internet"));
    Example {
        id: "IGW-11",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .subnet("10.0.1.0/24", None, &[])
            .group(ALL)
            .eni("A", 0, &["10.0.0.10"], &[0])
            .eni("B", 1, &["10.0.1.10"], &[0])
            .public("10.0.0.10", "198.51.100.1")
            .public("10.0.1.10", "198.51.100.2"),
        lines,
    }
}

/// A default route of one family gives nothing to the other.
// covers: IGW-13
pub fn igw_13() -> Example {
    let mut lines = script(
        "A | udp 10.0.0.10:9 > 203.0.113.5:53 | internet
         A | udp [2001:db8:1234:1a00::10]:9 > [2001:db8:9::5]:53 | route/no-route",
    );
    lines.push(Change(|w| {
        let default = &mut w.tables[0].routes[2].0;
        *default = "::/0".parse().unwrap_or_default();
    }));
    lines.extend(script(
        "A | udp 10.0.0.10:9 > 203.0.113.5:53 | route/no-route
         A | udp [2001:db8:1234:1a00::10]:9 > [2001:db8:9::5]:53 | internet",
    ));
    Example {
        id: "IGW-13",
        scene: Scene::vpc("10.0.0.0/16", Some(V6), true, false)
            .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("0.0.0.0/0", Igw)])
            .group(ALL)
            .eni("A", 0, &["10.0.0.10", "2001:db8:1234:1a00::10"], &[0])
            .public("10.0.0.10", "198.51.100.1"),
        lines,
    }
}

/// A NAT gateway in a subnet without a route to the internet gateway translates and has nowhere to send.
// covers: NAT-17
pub fn nat_17() -> Example {
    Example {
        id: "NAT-17",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[])
            .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Nat(0))])
            .group(ALL)
            .eni("D", 1, &["10.0.1.5"], &[0])
            .nat("N", 0, "10.0.0.220", "198.51.100.9"),
        lines: vec![
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:53", "route/no-route"),
            Change(|w| w.tables[0].routes.push(("0.0.0.0/0".parse().unwrap_or_default(), Igw))),
            Send("D", "udp 10.0.1.5:40000 > 203.0.113.5:53", "internet"),
        ],
    }
}

/// A gateway whose zone is impaired carries nothing, whoever's route leads to it; one in a sound zone does. Restored, it knows what it knew.
// covers: NAT-16
pub fn nat_16() -> Example {
    let mut lines = script(
        "B        | udp 10.0.2.5:40000 > 203.0.113.5:53 | internet
         left     | udp 198.51.100.10:* > 203.0.113.5:53
         A        | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet
         left     | udp 198.51.100.9:* > 203.0.113.5:53",
    );
    lines.push(Change(|w| w.nats[0].iter_mut().for_each(|n| n.out = true)));
    lines.extend(script(
        "internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} | natgw/unsolicited
         A        | udp 10.0.1.5:40000 > 203.0.113.5:53 | route/blackhole
         A        | udp 10.0.1.5:40001 > 203.0.113.5:53 | route/blackhole
         B        | udp 10.0.2.5:40000 > 203.0.113.5:53 | internet
         B        | udp 10.0.2.5:40001 > 203.0.113.5:53 | internet",
    ));
    lines.push(Change(|w| w.nats[0].iter_mut().for_each(|n| n.out = false)));
    lines.extend(script(
        "internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} | A
         A        | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet
         left     | udp 198.51.100.9:{nat} > 203.0.113.5:53",
    ));
    Example {
        id: "NAT-16",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Nat(0))])
            .subnet("10.0.2.0/24", None, &[("0.0.0.0/0", Nat(1))])
            .group(ALL)
            .eni("A", 1, &["10.0.1.5"], &[0])
            .eni("B", 2, &["10.0.2.5"], &[0])
            .nat("N", 0, "10.0.0.220", "198.51.100.9")
            .nat("M", 0, "10.0.0.221", "198.51.100.10"),
        lines,
    }
}

/// The egress-only gateway has no filter of its own; the sender's group and its subnet's ACL act both ways.
// covers: EIGW-08
pub fn eigw_08() -> Example {
    const PING: &str = "icmp6 [2001:db8:1234:1a00::10] > [2001:db8:9::5] 128/0 id 1";
    const PONG: &str = "icmp6 [2001:db8:9::5] > [2001:db8:1234:1a00::10] 129/0 id 1";
    const OPEN: &str = "out 100 allow all all ::/0 in 100 allow all all ::/0";
    const NO_PING: &str = "out 90 deny icmp6 128/0 ::/0";
    const NO_PONG: &str = "in 90 deny icmp6 129/0 ::/0";
    Example {
        id: "EIGW-08",
        scene: Scene::vpc("10.0.0.0/16", Some(V6), false, true)
            .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("::/0", Eigw)])
            .nacl(OPEN)
            .group("out all all ::/0")
            .eni("A", 0, &["10.0.0.10", "2001:db8:1234:1a00::10"], &[0]),
        lines: vec![
            Send("A", PING, "internet"),
            Send("internet", PONG, "A"),
            Change(|w| w.nacls[0].outbound.extend(entries(NO_PING, "out"))),
            Send("A", PING, "nacl-out/nacl-rule"),
            Send("internet", PONG, "A"),
            Change(|w| {
                w.nacls[0].outbound = entries(OPEN, "out");
                w.nacls[0].inbound.extend(entries(NO_PONG, "in"));
            }),
            Send("A", PING, "internet"),
            Send("internet", PONG, "nacl-in/nacl-rule"),
            Change(|w| {
                w.nacls[0].inbound = entries(OPEN, "in");
                w.groups[0].egress = vec![rule("tcp", "443", "::/0")];
            }),
            Send("A", "udp [2001:db8:1234:1a00::10]:9 > [2001:db8:9::5]:53", "sg-out/no-rule"),
            Send("A", "tcp [2001:db8:1234:1a00::10]:9 > [2001:db8:9::5]:443 syn", "internet"),
        ],
    }
}

/// A subnet without a table of its own, also one that comes later, follows the main table; here the way of the VPN, then the internet's.
// covers: A-03-2
pub fn a_03_2() -> Example {
    let scene = Scene::vpc("10.0.0.0/16", None, true, false)
        .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Vgw)])
        .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Igw)])
        .group(ALL)
        .eni("VPN", 0, &["10.0.0.10"], &[0])
        .eni("PUBLIC", 1, &["10.0.1.10"], &[0])
        // Comes with its subnet.
        .eni("NEW", 0, &["10.0.2.10"], &[0])
        .public("10.0.0.10", "198.51.100.1")
        .public("10.0.1.10", "198.51.100.2")
        .public("10.0.2.10", "198.51.100.3")
        .remote();
    let mut lines = script(
        "PUBLIC | udp 10.0.1.10:9 > 203.0.113.5:53 | internet
         VPN    | udp 10.0.0.10:9 > 203.0.113.5:53 | remote
         VPN    | udp 10.0.0.10:9 > 10.0.1.10:53 | PUBLIC",
    );
    lines.push(Change(|w| {
        let main = w.subnets[0].table;
        let net4 = "10.0.2.0/24".parse().expect("a block");
        w.subnets.push(Subnet { net4, table: main, ..w.subnets[0].clone() });
        w.enis[2].subnet = 2;
    }));
    lines.push(Send("NEW", "udp 10.0.2.10:9 > 203.0.113.5:53", "remote"));
    lines.push(Change(|w| {
        w.tables[0].routes[1].1 = Igw;
        w.tables[1].routes[1].1 = Vgw;
    }));
    lines.extend(script(
        "PUBLIC | udp 10.0.1.10:9 > 203.0.113.5:53 | remote
         VPN    | udp 10.0.0.10:9 > 203.0.113.5:53 | internet
         NEW    | udp 10.0.2.10:9 > 203.0.113.5:53 | internet",
    ));
    Example { id: "A-03-2", scene, lines }
}
