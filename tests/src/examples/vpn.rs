//! Chapters 03 and 07: what leaves and enters by the connection of a virtual private gateway.

use super::Line::*;
use super::scene::{ALL, net};
use super::{Example, Scene, script};
use crate::model::world::Target::*;
use ipnet::IpNet;

/// A host with a public address, one behind a NAT gateway, a middlebox; the remote network is 172.16.0.0/12.
fn hybrid() -> Scene {
    const VPN: (&str, crate::model::world::Target) = ("172.16.0.0/12", Vgw);
    Scene::vpc("10.0.0.0/16", Some("2001:db8:1234:1a00::/56"), true, false)
        .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &[("0.0.0.0/0", Igw), ("::/0", Igw), VPN])
        .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Nat(0)), VPN])
        .group(ALL)
        .eni("WEB", 0, &["10.0.0.5", "2001:db8:1234:1a00::5"], &[0])
        .eni("DB", 1, &["10.0.1.5"], &[0])
        .eni("BOX", 1, &["10.0.1.9"], &[0])
        .unchecked()
        .public("10.0.0.5", "198.51.100.1")
        .nat("N", 0, "10.0.0.220", "198.51.100.9")
        .remote()
}

/// Untranslated, IPv4 alone, no more than 1500 bytes, and nowhere without a connection.
// covers: RT-73 SUB-19
pub fn rt_73() -> Example {
    let v6: IpNet = net("2001:db8:7::/48");
    let mut scene = hybrid();
    scene.world.tables[0].routes.push((v6, Vgw));
    let mut lines = script(
        "WEB    | tcp 10.0.0.5:40000 > 172.16.1.1:80 syn | remote
         left   | tcp 10.0.0.5:40000 > 172.16.1.1:80
         ttl    | 64
         remote | tcp 172.16.1.1:80 > 10.0.0.5:40000 syn-ack | WEB
         left   | tcp 172.16.1.1:80 > 10.0.0.5:40000
         WEB    | tcp 10.0.0.5:40000 > 172.32.1.1:80 syn | internet
         remote | udp 172.16.1.1:53 > 10.0.1.77:53 | vgw/no-owner
         WEB    | udp 10.0.0.5:9 > 172.16.1.1:53 df len 1473 | reply vgw/too-big
         WEB    | udp 10.0.0.5:9 > 172.16.1.1:53 df len 1472 | remote
         WEB    | udp [2001:db8:1234:1a00::5]:9 > [2001:db8:7::1]:53 | vgw/protocol
         remote | udp [2001:db8:7::1]:53 > [2001:db8:1234:1a00::5]:9 | vgw/protocol",
    );
    lines.push(Change(|w| w.vpcs[0].vgw = None));
    lines.push(Send("WEB", "tcp 10.0.0.5:40000 > 172.16.1.1:80 ack", "vgw/no-tunnel"));
    Example { id: "RT-73", scene, lines }
}

/// What comes by the gateway reaches private addresses; an Elastic IP it can have through the internet only.
// covers: EIP-10
pub fn eip_10() -> Example {
    Example {
        id: "EIP-10",
        scene: hybrid(),
        lines: script(
            "remote   | tcp 172.16.1.1:40000 > 198.51.100.1:443 syn | vgw/no-owner
             remote   | tcp 172.16.1.1:40000 > 10.0.0.5:443 syn | WEB
             WEB      | tcp 10.0.0.5:443 > 172.16.1.1:40000 syn-ack | remote
             left     | tcp 10.0.0.5:443 > 172.16.1.1:40000
             internet | tcp 203.0.113.5:40000 > 198.51.100.1:443 syn | WEB",
        ),
    }
}

/// Nobody goes through a NAT gateway who came by the gateway, neither by its address nor by a route to it.
// covers: NAT-27
pub fn nat_27() -> Example {
    Example {
        id: "NAT-27",
        scene: hybrid(),
        lines: script(
            "remote   | udp 172.16.1.1:9 > 8.8.8.8:53 | vgw/no-owner
             remote   | udp 172.16.1.1:9 > 10.0.0.220:53 | natgw/unsolicited
             remote   | udp 172.16.1.1:9 > 198.51.100.9:53 | vgw/no-owner
             DB       | udp 10.0.1.5:9 > 203.0.113.5:53 | internet
             left     | udp 198.51.100.9:* > 203.0.113.5:53
             remote   | udp 172.16.1.1:53 > 10.0.0.220:{nat} | natgw/unsolicited
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} | DB",
        ),
    }
}

/// What a NAT gateway sends on by its own table comes back to its private address, and only the answers do.
// covers: NAT-80
pub fn nat_80_back() -> Example {
    let mut scene = hybrid();
    scene.world.tables[1].routes.retain(|r| r.1 != Vgw);
    Example {
        id: "NAT-80, answers",
        scene,
        lines: script(
            "DB     | udp 10.0.1.5:9 > 172.16.1.1:53 | remote
             left   | udp 10.0.0.220:* > 172.16.1.1:53
             remote | udp 172.16.1.1:53 > 10.0.0.220:{nat} | DB
             left   | udp 172.16.1.1:53 > 10.0.1.5:9
             ttl    | 63
             remote | udp 172.16.1.1:54 > 10.0.0.220:{nat} | natgw/unsolicited
             remote | udp 172.16.1.2:53 > 10.0.0.220:{nat} | natgw/unsolicited
             WEB    | udp 10.0.0.5:53 > 10.0.0.220:{nat} | natgw/unsolicited",
        ),
    }
}

/// The gateway route table of a virtual private gateway steers what enters by it, looked up as it came, and nothing else.
// covers: RT-56 RT-61 RT-62
pub fn steered_from_the_remote_network() -> Example {
    let scene = hybrid().vgw_table(&[("10.0.0.0/16", Local), ("10.0.0.0/24", Eni(2))]);
    let mut lines = script(
        "remote   | tcp 172.16.1.1:40000 > 10.0.0.5:443 syn | BOX
         left     | tcp 172.16.1.1:40000 > 10.0.0.5:443
         BOX      | tcp 172.16.1.1:40000 > 10.0.0.5:443 syn | WEB
         remote   | tcp 172.16.1.1:40000 > 10.0.1.5:443 syn | DB
         internet | tcp 203.0.113.5:40000 > 198.51.100.1:443 syn | WEB
         DB       | tcp 10.0.1.5:40000 > 10.0.0.5:443 syn | WEB",
    );
    lines.push(Change(|w| w.enis[2].check = true));
    lines.push(Send("remote", "tcp 172.16.1.1:40001 > 10.0.0.5:443 syn", "src-dst/not-mine"));
    lines.push(Change(|w| w.vpcs[0].vgw_table = None));
    lines.push(Send("remote", "tcp 172.16.1.1:40001 > 10.0.0.5:443 syn", "WEB"));
    Example { id: "RT-61, virtual private gateway", scene, lines }
}
