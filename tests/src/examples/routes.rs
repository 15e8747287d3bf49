//! Chapter 03: who chooses the table, local delivery, gateway route tables and what they do not steer, appliances.

use super::Line::{Change, Left, Send, Ttl};
use super::scene::{ALL, net};
use super::{Example, Scene, script};
use crate::model::world::Target::{Blackhole, Eni, Igw, Local, Nat};

const V6: &str = "2001:db8:1234:1a00::/56";

/// An appliance BOX in subnet A beside a, and b in subnet B, whose way out leads through BOX. Public are a and b.
fn appliance() -> Scene {
    Scene::vpc("10.0.0.0/16", Some(V6), true, false)
        .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("0.0.0.0/0", Igw), ("::/0", Igw)])
        .subnet("10.0.1.0/24", Some("2001:db8:1234:1a01::/64"), &[("0.0.0.0/0", Eni(0)), ("::/0", Eni(0))])
        .group(ALL)
        .eni("BOX", 0, &["10.0.0.4", "2001:db8:1234:1a00::4"], &[0])
        .unchecked()
        .eni("a", 0, &["10.0.0.10", "2001:db8:1234:1a00::10"], &[0])
        .eni("b", 1, &["10.0.1.10", "2001:db8:1234:1a01::10"], &[0])
        .public("10.0.0.10", "198.51.100.1")
        .public("10.0.1.10", "198.51.100.2")
}

/// The emitting ENI's subnet chooses the table, or the gateway by which a packet comes in; its addresses do not.
// covers: RT-02
pub fn rt_02() -> Example {
    Example {
        id: "RT-02",
        scene: appliance().gateway_table(&[("10.0.0.0/16", Local), ("10.0.1.0/24", Eni(0))]),
        lines: script(
            "b        | udp 10.0.1.10:9 > 203.0.113.5:53 | BOX
             BOX      | udp 10.0.1.10:9 > 203.0.113.5:53 | internet
             b        | udp [2001:db8:1234:1a01::10]:9 > [2001:db8:9::5]:53 | BOX
             BOX      | udp [2001:db8:1234:1a01::10]:9 > [2001:db8:9::5]:53 | internet
             internet | udp 203.0.113.5:53 > 198.51.100.2:9 | BOX
             a        | udp 10.0.0.10:9 > 10.0.1.10:53 | b",
        ),
    }
}

/// Local takes part by its length: wider routes do not touch what is inside, and there is no inside route but by a gateway's table.
// covers: RT-41
pub fn rt_41() -> Example {
    let mut scene = appliance();
    scene.world.tables[0].routes.push((net("10.0.0.0/8"), Blackhole));
    Example {
        id: "RT-41",
        scene,
        lines: script(
            "a | udp 10.0.0.10:9 > 10.0.1.10:53 | b
             a | udp 10.0.0.10:9 > 10.1.0.10:53 | route/blackhole
             a | udp 10.0.0.10:9 > 10.0.9.9:53 | route/no-owner
             a | udp 10.0.0.10:9 > 203.0.113.5:53 | internet
             a | udp [2001:db8:1234:1a00::10]:9 > [2001:db8:1234:1a01::10]:53 | b
             a | udp [2001:db8:1234:1a00::10]:9 > [2001:db8:1234:1b00::1]:53 | internet",
        ),
    }
}

/// Local delivers to whoever owns the address, and drops what nobody owns.
// covers: RT-70
pub fn rt_70() -> Example {
    let mut scene = appliance();
    scene.world.enis[2].addresses.push([10, 0, 1, 77].into());
    Example {
        id: "RT-70",
        scene,
        lines: script(
            "a | udp 10.0.0.10:9 > 10.0.1.10:53 | b
             a | udp 10.0.0.10:9 > 10.0.1.77:53 | b
             a | udp [2001:db8:1234:1a00::10]:9 > [2001:db8:1234:1a01::10]:53 | b
             a | udp 10.0.0.10:9 > 10.0.1.78:53 | route/no-owner
             a | udp [2001:db8:1234:1a00::10]:9 > [2001:db8:1234:1a01::11]:53 | route/no-owner
             a | udp 10.0.0.10:9 > 10.0.0.78:53 | route/no-owner",
        ),
    }
}

/// Only what enters by the gateway is steered by its table: not neighbours, not other subnets, not answers through a NAT gateway.
// covers: RT-56 S-03-12
pub fn rt_56() -> Example {
    Example {
        id: "RT-56",
        scene: appliance()
            .subnet("10.0.2.0/24", None, &[("0.0.0.0/0", Nat(0))])
            .eni("d", 2, &["10.0.2.10"], &[0])
            .nat("N", 0, "10.0.0.220", "198.51.100.9")
            .gateway_table(&[("10.0.0.0/16", Local), ("10.0.1.0/24", Eni(0)), ("10.0.2.0/24", Eni(0))]),
        lines: script(
            "internet | udp 203.0.113.5:53 > 198.51.100.2:9 | BOX
             a        | udp 10.0.0.10:9 > 10.0.1.10:53 | b
             a        | udp 10.0.0.10:9 > 10.0.2.10:53 | d
             d        | tcp 10.0.2.10:40000 > 203.0.113.5:443 syn | internet
             left     | tcp 198.51.100.9:* > 203.0.113.5:443
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack | d",
        ),
    }
}

/// A subnet's route beats the re-targeted block; what is in another block goes local.
// covers: RT-58
pub fn rt_58() -> Example {
    let mut scene = appliance()
        .subnet("10.2.0.0/24", None, &[("0.0.0.0/0", Igw)])
        .eni("c", 2, &["10.2.0.10"], &[0])
        .eni("BOX2", 0, &["10.0.0.5"], &[0])
        .unchecked()
        .public("10.2.0.10", "198.51.100.3")
        .gateway_table(&[("10.0.0.0/16", Eni(0)), ("10.0.1.0/24", Eni(4)), ("10.2.0.0/16", Local)]);
    scene.world.vpcs[0].blocks4.extend("10.2.0.0/16".parse::<ipnet::Ipv4Net>().ok());
    Example {
        id: "RT-58",
        scene,
        lines: script(
            "internet | udp 203.0.113.5:53 > 198.51.100.2:9 | BOX2
             internet | udp 203.0.113.5:53 > 198.51.100.1:9 | BOX
             internet | udp 203.0.113.5:53 > 198.51.100.3:9 | c",
        ),
    }
}

/// The re-targeted block covers a subnet that comes later.
// covers: RT-59
pub fn rt_59() -> Example {
    let mut scene = appliance()
        .subnet("10.0.5.0/24", Some("2001:db8:1234:1a05::/64"), &[("0.0.0.0/0", Igw)])
        .eni("late", 2, &["10.0.5.10", "2001:db8:1234:1a05::10"], &[0])
        .public("10.0.5.10", "198.51.100.5")
        .gateway_table(&[("10.0.0.0/16", Eni(0)), (V6, Eni(0))]);
    // Not there yet: without its address nothing finds it.
    scene.world.enis[3].addresses.clear();
    let mut lines = script("internet | udp 203.0.113.5:53 > 198.51.100.2:9 | BOX");
    lines.push(Change(|w| {
        w.enis[3].addresses = vec![[10, 0, 5, 10].into(), "2001:db8:1234:1a05::10".parse().expect("an address")];
    }));
    lines.extend(script(
        "internet | udp 203.0.113.5:53 > 198.51.100.5:9 | BOX
         internet | udp [2001:db8:9::5]:53 > [2001:db8:1234:1a05::10]:9 | BOX",
    ));
    Example { id: "RT-59", scene, lines }
}

/// Without a table, or by `local`, straight to the owner; to nobody, nowhere.
// covers: RT-60
pub fn rt_60() -> Example {
    let mut lines = script(
        "internet | udp 203.0.113.5:53 > 198.51.100.2:9 | b
         internet | udp [2001:db8:9::5]:53 > [2001:db8:1234:1a01::10]:9 | b
         internet | udp [2001:db8:9::5]:53 > [2001:db8:1234:1a01::11]:9 | igw/no-mapping",
    );
    lines.push(Change(|w| {
        w.tables.push(crate::model::world::RouteTable { routes: vec![(net("10.0.0.0/16"), Local), (net(V6), Local)] });
        w.vpcs[0].igw_table = Some(w.tables.len() - 1);
    }));
    lines.extend(script(
        "internet | udp 203.0.113.5:53 > 198.51.100.2:9 | b
         internet | udp [2001:db8:9::5]:53 > [2001:db8:1234:1a01::10]:9 | b
         internet | udp [2001:db8:9::5]:53 > [2001:db8:1234:1a01::11]:9 | igw/no-mapping",
    ));
    Example { id: "RT-60", scene: appliance(), lines }
}

/// An appliance in the subnet it serves: what it sends on comes back to itself, and is dropped.
// covers: RT-90
pub fn rt_90() -> Example {
    let mut scene = appliance();
    scene.world.tables[0].routes = scene.world.tables[1].routes.clone();
    Example {
        id: "RT-90",
        scene,
        lines: script(
            "a   | udp 10.0.0.10:9 > 203.0.113.5:53 | BOX
             BOX | udp 10.0.0.10:9 > 203.0.113.5:53 | route/hairpin
             BOX | udp [2001:db8:1234:1a00::10]:9 > [2001:db8:9::5]:53 | route/hairpin",
        ),
    }
}

/// No chain of appliances: what the first sends obeys its own subnet's table, and the gateway's is not asked again.
// covers: RT-92
pub fn rt_92() -> Example {
    Example {
        id: "RT-92",
        scene: appliance()
            .eni("BOX2", 0, &["10.0.0.5"], &[0])
            .unchecked()
            .gateway_table(&[("10.0.0.0/16", Eni(3)), ("10.0.1.0/24", Eni(0))]),
        lines: script(
            "internet | udp 203.0.113.5:53 > 198.51.100.2:9 | BOX
             BOX      | udp 203.0.113.5:53 > 10.0.1.10:9 | b
             internet | udp 203.0.113.5:53 > 198.51.100.1:9 | BOX2
             BOX2     | udp 203.0.113.5:53 > 10.0.0.10:9 | a",
        ),
    }
}

/// Neighbours reach each other by no table and no ACL, even where the frame is addressed to the router.
// covers: RT-93 S-03-1
pub fn rt_93() -> Example {
    const NEAR: &str = "udp 10.0.0.10:9 > 10.0.0.11:53";
    const NEAR6: &str = "udp [2001:db8:1234:1a00::10]:9 > [2001:db8:1234:1a00::11]:53";
    Example {
        id: "RT-93",
        scene: appliance().eni("n", 0, &["10.0.0.11", "2001:db8:1234:1a00::11"], &[0]),
        lines: vec![
            Send("a", NEAR, "n"),
            Change(|w| w.tables[0].routes.extend([(net("10.0.0.0/24"), Eni(0)), (net("10.0.0.11/32"), Blackhole)])),
            Send("a", NEAR, "n"),
            Change(|w| w.tables[0].routes.clear()),
            Send("a", NEAR, "n"),
            Send("a", NEAR6, "n"),
            Change(|w| w.nacls[0] = Default::default()),
            Send("a", NEAR, "n"),
            Send("a", NEAR6, "n"),
            Send("a", "udp 10.0.0.10:9 > 10.0.1.10:53", "nacl-out/nacl-default"),
        ],
    }
}

/// The router, and an ENI as target, leave the TTL alone and say nothing about what they drop.
// covers: S-03-2
pub fn s_03_2() -> Example {
    Example {
        id: "S-03-2",
        scene: appliance(),
        lines: vec![
            Send("a", "udp 10.0.0.10:9 > 10.0.1.10:53 ttl 1", "b"),
            Ttl(1),
            Send("b", "udp 10.0.1.10:9 > 203.0.113.5:53 ttl 1", "BOX"),
            Ttl(1),
            Send("b", "udp [2001:db8:1234:1a01::10]:9 > [2001:db8:9::5]:53 ttl 1", "BOX"),
            Send("a", "udp 10.0.0.10:9 > 10.0.1.99:53 ttl 1", "route/no-owner"),
            Change(|w| w.tables[0].routes.retain(|(p, _)| p.prefix_len() > 0)),
            Send("a", "udp 10.0.0.10:9 > 203.0.113.5:53 ttl 1", "route/no-route"),
            Change(|w| w.tables[0].routes.push((net("203.0.113.0/24"), Blackhole))),
            Send("a", "udp 10.0.0.10:9 > 203.0.113.5:53 ttl 1", "route/blackhole"),
            Change(|w| w.enis[0].check = true),
            Send("b", "udp 10.0.1.10:9 > 203.0.113.5:53 ttl 1", "src-dst/not-mine"),
        ],
    }
}

/// A connection is not pinned to a route: its next packet takes the new one, while what groups remember stays.
// covers: S-03-3
pub fn s_03_3() -> Example {
    const SEGMENT: &str = "tcp 10.0.1.10:40000 > 203.0.113.5:443 ack";
    const ANSWER: &str = "tcp 203.0.113.5:443 > 198.51.100.2:40000 ack";
    Example {
        id: "S-03-3",
        scene: appliance().group("out tcp 443 203.0.113.5/32"),
        lines: vec![
            Change(|w| w.enis[2].groups = vec![1]),
            Change(|w| w.tables[1].routes[2].1 = Igw),
            Send("b", "tcp 10.0.1.10:40000 > 203.0.113.5:443 syn", "internet"),
            Send("internet", "tcp 203.0.113.5:443 > 198.51.100.2:40000 syn-ack", "b"),
            Change(|w| w.groups[1].egress.clear()),
            Change(|w| w.tables[1].routes[2].1 = Eni(0)),
            Send("b", SEGMENT, "BOX"),
            Send("internet", ANSWER, "b"),
            Change(|w| w.tables[1].routes[2].1 = Blackhole),
            Send("b", SEGMENT, "route/blackhole"),
            Change(|w| w.tables[1].routes[2].1 = Igw),
            Send("b", SEGMENT, "internet"),
            Send("internet", ANSWER, "b"),
            Send("b", "tcp 10.0.1.10:40001 > 203.0.113.5:443 ack", "sg-out/no-rule"),
        ],
    }
}

/// By a public address of its own VPC a packet goes out to the gateway and comes in again, by the gateway's table.
// covers: S-03-11
pub fn s_03_11() -> Example {
    Example {
        id: "S-03-11",
        scene: appliance().gateway_table(&[("10.0.0.0/16", Local), ("10.0.1.0/24", Eni(0))]),
        lines: vec![
            Send("a", "udp 10.0.0.10:9 > 10.0.1.10:53", "b"),
            Send("a", "udp 10.0.0.10:9 > 198.51.100.2:53", "BOX"),
            Left("udp 198.51.100.1:9 > 10.0.1.10:53"),
            Change(|w| w.vpcs[0].igw_table = None),
            Send("a", "udp 10.0.0.10:9 > 198.51.100.2:53", "b"),
            Change(|w| w.tables[0].routes.retain(|(p, _)| p.prefix_len() > 0)),
            Send("a", "udp 10.0.0.10:9 > 198.51.100.2:53", "route/no-route"),
        ],
    }
}

/// A blackhole keeps its rank: no shorter route takes its place.
// covers: S-03-15
pub fn s_03_15() -> Example {
    let mut scene = appliance();
    scene.world.tables[0].routes.extend([(net("203.0.113.0/24"), Blackhole), (net("2001:db8:9::/48"), Blackhole)]);
    Example {
        id: "S-03-15",
        scene,
        lines: vec![
            Send("a", "udp 10.0.0.10:9 > 203.0.113.5:53", "route/blackhole"),
            Send("a", "udp 10.0.0.10:9 > 203.0.114.5:53", "internet"),
            Send("a", "udp [2001:db8:1234:1a00::10]:9 > [2001:db8:9::5]:53", "route/blackhole"),
            Send("a", "udp [2001:db8:1234:1a00::10]:9 > [2001:db8:a::5]:53", "internet"),
            Change(|w| w.tables[0].routes.retain(|r| r.1 != Blackhole)),
            Send("a", "udp 10.0.0.10:9 > 203.0.113.5:53", "internet"),
        ],
    }
}

/// One subnet's block is steered, its neighbour's is not.
// covers: A-03-10
pub fn a_03_10() -> Example {
    Example {
        id: "A-03-10",
        scene: Scene::vpc("172.31.0.0/16", None, true, false)
            .subnet("172.31.0.0/20", None, &[("0.0.0.0/0", Igw)])
            .subnet("172.31.16.0/20", None, &[("0.0.0.0/0", Igw)])
            .group(ALL)
            .eni("BOX", 1, &["172.31.16.4"], &[0])
            .unchecked()
            .eni("steered", 0, &["172.31.15.10"], &[0])
            .eni("direct", 1, &["172.31.16.10"], &[0])
            .public("172.31.15.10", "198.51.100.1")
            .public("172.31.16.10", "198.51.100.2")
            .gateway_table(&[("172.31.0.0/16", Local), ("172.31.0.0/20", Eni(0))]),
        lines: script(
            "internet | tcp 203.0.113.5:50000 > 198.51.100.1:443 syn | BOX
             left     | tcp 203.0.113.5:50000 > 172.31.15.10:443
             BOX      | tcp 203.0.113.5:50000 > 172.31.15.10:443 syn | steered
             internet | tcp 203.0.113.5:50000 > 198.51.100.2:443 syn | direct",
        ),
    }
}
