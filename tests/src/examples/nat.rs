//! Chapter 07: what a NAT gateway carries and how (3.3 and 3.7), what the 1:1 translation takes, and Elastic IPs that move.

use super::Line::{self, Change, Send};
use super::gateways::behind_nat;
use super::scene::ALL;
use super::{Example, Scene, script};
use crate::model::World;
use crate::model::world::Target::{Eni, Igw, Nat};

const OUT: &str = "out all all 0.0.0.0/0";

/// `behind_nat` with a client whose group admits everything, so that only the NAT gateway's memory decides.
fn open() -> Scene {
    let mut scene = behind_nat();
    scene.world.enis[1].groups = vec![0];
    scene
}

/// A change of the configuration, and what follows it.
type Then = (fn(&mut World), &'static str);

/// Parts of a script with changes of the configuration between them.
fn parts(first: &'static str, then: &[Then]) -> Vec<Line> {
    let mut lines = script(first);
    for (change, text) in then {
        lines.push(Change(*change));
        lines.extend(script(text));
    }
    lines
}

/// The default route of a table leads there.
fn default_route(w: &mut World, table: usize, target: crate::model::world::Target) {
    w.tables[table].routes.retain(|(p, _)| p.prefix_len() > 0);
    w.tables[table].routes.push(("0.0.0.0/0".parse().unwrap_or_default(), target));
}

/// IPsec itself does not pass, its key exchange and ESP in UDP do.
// covers: NAT-38
pub fn nat_38() -> Example {
    Example {
        id: "NAT-38",
        scene: behind_nat(),
        lines: script(
            "D        | udp 10.0.1.5:500 > 203.0.113.5:500 | internet
             left     | udp 198.51.100.9:* > 203.0.113.5:500
             internet | udp 203.0.113.5:500 > 198.51.100.9:{nat} | D
             left     | udp 203.0.113.5:500 > 10.0.1.5:500
             D        | udp 10.0.1.5:4500 > 203.0.113.5:4500 | internet
             left     | udp 198.51.100.9:* > 203.0.113.5:4500
             internet | udp 203.0.113.5:4500 > 198.51.100.9:{nat} | D
             left     | udp 203.0.113.5:4500 > 10.0.1.5:4500
             D        | esp 10.0.1.5 > 203.0.113.5 | natgw/protocol
             internet | esp 203.0.113.5 > 198.51.100.9 | natgw/unsolicited",
        ),
    }
}

/// UDP fragments pass both ways, TCP's and ICMP's do not, first or not.
// covers: NAT-39
pub fn nat_39() -> Example {
    Example {
        id: "NAT-39",
        scene: behind_nat(),
        lines: script(
            "D        | udp 10.0.1.5:40000 > 203.0.113.5:53 len 4000 piece 0 of 1 | internet
             left     | udp 198.51.100.9:* > 203.0.113.5:53
             D        | udp 10.0.1.5:40000 > 203.0.113.5:53 len 4000 piece 1 of 1 | internet
             D        | udp 10.0.1.5:40000 > 203.0.113.5:53 len 4000 piece 2 of 1 | internet
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} len 4000 piece 0 of 2 | D
             left     | udp 203.0.113.5:53 > 10.0.1.5:40000
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} len 4000 piece 1 of 2 | D
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} len 4000 piece 2 of 2 | D
             D        | icmp 10.0.1.5 > 203.0.113.5 8/0 id 5 len 10000 piece 0 of 3 | natgw/fragment
             D        | icmp 10.0.1.5 > 203.0.113.5 8/0 id 5 len 10000 piece 1 of 3 | natgw/fragment
             D        | icmp 10.0.1.5 > 203.0.113.5 8/0 id 5 | internet
             left     | icmp 198.51.100.9 > 203.0.113.5 8/0 id *
             internet | icmp 203.0.113.5 > 198.51.100.9 0/0 id {nat} len 10000 piece 0 of 4 | natgw/fragment
             internet | icmp 203.0.113.5 > 198.51.100.9 0/0 id {nat} len 10000 piece 1 of 4 | natgw/fragment
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 syn | internet
             left     | tcp 198.51.100.9:* > 203.0.113.5:443
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack len 4000 piece 0 of 5 | natgw/fragment
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack len 4000 piece 1 of 5 | natgw/fragment
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} ack len 4000 piece 0 of 6 | natgw/fragment
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} ack len 4000 piece 1 of 6 | natgw/fragment
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} ack | D",
        ),
    }
}

/// What comes before its first fragment waits for it, both ways; the pieces leave as pieces.
// covers: NAT-78
pub fn nat_78() -> Example {
    Example {
        id: "NAT-78",
        scene: behind_nat(),
        lines: script(
            "D        | udp 10.0.1.5:40000 > 203.0.113.5:53 len 4000 piece 2 of 1 | held
             D        | udp 10.0.1.5:40000 > 203.0.113.5:53 len 4000 piece 1 of 1 | held
             D        | udp 10.0.1.5:40000 > 203.0.113.5:53 len 4000 piece 0 of 1 | internet
             D        | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet
             left     | udp 198.51.100.9:* > 203.0.113.5:53
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} len 4000 piece 1 of 2 | held
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} len 4000 piece 0 of 2 | D
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} len 4000 piece 2 of 2 | D
             internet | udp 203.0.113.6:53 > 198.51.100.9:{nat} len 4000 piece 0 of 3 | natgw/unsolicited
             internet | udp 203.0.113.6:53 > 198.51.100.9:{nat} len 4000 piece 1 of 3 | natgw/unsolicited
             D        | udp 10.0.1.5:40001 > 203.0.113.5:53 len 4000 piece 1 of 4 | held
             wait     | 29998
             D        | udp 10.0.1.5:40001 > 203.0.113.5:53 len 4000 piece 0 of 4 | internet
             D        | udp 10.0.1.5:40002 > 203.0.113.5:53 len 4000 piece 1 of 5 | held
             wait     | 30000
             D        | udp 10.0.1.5:40002 > 203.0.113.5:53 len 4000 piece 0 of 5 | internet
             D        | udp 10.0.1.5:40002 > 203.0.113.5:53 len 4000 piece 2 of 5 | internet",
        ),
    }
}

/// A ping is known by its identifier, which another takes the place of outside.
// covers: NAT-40
pub fn nat_40() -> Example {
    Example {
        id: "NAT-40",
        scene: behind_nat(),
        lines: script(
            "D        | icmp 10.0.1.5 > 203.0.113.5 8/0 id 5 | internet
             left     | icmp 198.51.100.9 > 203.0.113.5 8/0 id *
             internet | icmp 203.0.113.5 > 198.51.100.9 0/0 id {nat} | D
             left     | icmp 203.0.113.5 > 10.0.1.5 0/0 id 5
             internet | icmp 203.0.113.5 > 198.51.100.9 0/0 id 5 | natgw/unsolicited
             internet | icmp 203.0.113.6 > 198.51.100.9 0/0 id {nat} | natgw/unsolicited",
        ),
    }
}

/// ICMP queries, and errors of any router about a mapping that lives; nothing else of ICMP.
// covers: NAT-74
pub fn nat_74() -> Example {
    Example {
        id: "NAT-74",
        scene: behind_nat(),
        lines: script(
            "D        | icmp 10.0.1.5 > 203.0.113.5 13/0 id 7 | internet
             left     | icmp 198.51.100.9 > 203.0.113.5 13/0 id *
             internet | icmp 203.0.113.5 > 198.51.100.9 0/0 id {nat} | natgw/unsolicited
             internet | icmp 203.0.113.5 > 198.51.100.9 14/0 id {nat} | D
             left     | icmp 203.0.113.5 > 10.0.1.5 14/0 id 7
             D        | icmp 10.0.1.5 > 203.0.113.5 8/0 id 9 | internet
             left     | icmp 198.51.100.9 > 203.0.113.5 8/0 id *
             internet | icmp 192.0.2.1 > 198.51.100.9 11/0 about icmp 198.51.100.9 > 203.0.113.5 8/0 id {nat} | D
             left     | icmp 192.0.2.1 > 10.0.1.5 11/0 id 0
             D        | udp 10.0.1.5:40000 > 203.0.113.5:33434 | internet
             left     | udp 198.51.100.9:* > 203.0.113.5:33434
             internet | icmp 192.0.2.1 > 198.51.100.9 11/0 about udp 198.51.100.9:{nat} > 203.0.113.5:33434 | D
             internet | icmp 192.0.2.2 > 198.51.100.9 12/0 about udp 198.51.100.9:{nat} > 203.0.113.5:33434 | D
             internet | icmp 203.0.113.5 > 198.51.100.9 3/3 about udp 198.51.100.9:{nat} > 203.0.113.5:33434 | D
             left     | icmp 203.0.113.5 > 10.0.1.5 3/3 id 0
             internet | icmp 203.0.113.5 > 198.51.100.9 3/3 about udp 198.51.100.9:{nat} > 203.0.113.6:33434 | natgw/unsolicited
             internet | icmp 203.0.113.5 > 198.51.100.9 3/3 about udp 198.51.100.9:{nat} > 203.0.113.5:33435 | natgw/unsolicited
             internet | icmp 203.0.113.5 > 198.51.100.9 5/1 about udp 198.51.100.9:{nat} > 203.0.113.5:33434 | natgw/unsolicited
             internet | icmp 203.0.113.5 > 198.51.100.9 8/0 id 1 | natgw/unsolicited
             D        | icmp 10.0.1.5 > 203.0.113.5 0/0 id 5 | natgw/icmp-type
             D        | icmp 10.0.1.5 > 203.0.113.5 5/1 | natgw/icmp-type
             D        | icmp 10.0.1.5 > 203.0.113.5 3/3 about udp 203.0.113.5:33434 > 10.0.1.5:40000 | internet
             left     | icmp 198.51.100.9 > 203.0.113.5 3/3 id 0
             D        | icmp 10.0.1.5 > 203.0.113.5 3/3 about udp 203.0.113.5:33434 > 10.0.1.5:40001 | natgw/no-binding",
        ),
    }
}

/// From SYN to both FINs or a RST; what belongs to no connection is reset inside and not answered outside.
// covers: NAT-76
pub fn nat_76() -> Example {
    Example {
        id: "NAT-76",
        scene: open(),
        lines: script(
            "D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack | reply natgw/no-binding
             left     | tcp 203.0.113.5:443 > 10.0.1.5:40000
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 fin | reply natgw/no-binding
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 rst | natgw/no-binding
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 syn | internet
             left     | tcp 198.51.100.9:* > 203.0.113.5:443
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack | D
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack | internet
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 fin | internet
             wait     | 349000
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} ack | D
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} fin | D
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack | internet
             wait     | 60000
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack | reply natgw/no-binding
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} ack | natgw/unsolicited
             D        | tcp 10.0.1.5:40001 > 203.0.113.5:443 syn | internet
             left     | tcp 198.51.100.9:* > 203.0.113.5:443
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} rst | D
             wait     | 60000
             D        | tcp 10.0.1.5:40001 > 203.0.113.5:443 ack | reply natgw/no-binding
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack | natgw/unsolicited
             internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn | natgw/unsolicited",
        ),
    }
}

/// Datagrams and pings: 350 s of silence, and then nothing is said.
// covers: NAT-77
pub fn nat_77() -> Example {
    Example {
        id: "NAT-77",
        scene: open(),
        lines: script(
            "D        | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet
             left     | udp 198.51.100.9:* > 203.0.113.5:53
             wait     | 349998
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} | D
             wait     | 349999
             internet | udp 203.0.113.5:53 > 198.51.100.9:{nat} | natgw/unsolicited
             D        | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet
             D        | icmp 10.0.1.5 > 203.0.113.5 8/0 id 5 | internet
             left     | icmp 198.51.100.9 > 203.0.113.5 8/0 id *
             wait     | 349998
             internet | icmp 203.0.113.5 > 198.51.100.9 0/0 id {nat} | D
             wait     | 349999
             internet | icmp 203.0.113.5 > 198.51.100.9 0/0 id {nat} | natgw/unsolicited
             D        | icmp 10.0.1.5 > 203.0.113.5 8/0 id 5 | internet",
        ),
    }
}

/// Where the gateway's own subnet does not send to the internet gateway, its private address is what is seen.
// covers: NAT-80
pub fn nat_80() -> Example {
    Example {
        id: "NAT-80",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw), ("192.0.2.0/24", Eni(1))])
            .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Nat(0))])
            .subnet("10.0.2.0/24", None, &[])
            .group(ALL)
            .eni("D", 1, &["10.0.1.5"], &[0])
            .eni("BOX", 2, &["10.0.2.4"], &[0])
            .unchecked()
            .nat("N", 0, "10.0.0.220", "198.51.100.9"),
        lines: script(
            "D    | udp 10.0.1.5:40000 > 192.0.2.5:53 | BOX
             left | udp 10.0.0.220:* > 192.0.2.5:53
             ttl  | 63
             BOX  | udp 192.0.2.5:53 > 10.0.0.220:{nat} | D
             left | udp 192.0.2.5:53 > 10.0.1.5:40000
             BOX  | udp 192.0.2.5:54 > 10.0.0.220:{nat} | natgw/unsolicited
             D    | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet
             left | udp 198.51.100.9:* > 203.0.113.5:53",
        ),
    }
}

/// A gateway whose own subnet sends back into it drops.
// covers: NAT-81
pub fn nat_81() -> Example {
    Example {
        id: "NAT-81",
        scene: behind_nat(),
        lines: parts(
            "D | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet",
            &[
                (
                    |w| default_route(w, 0, Nat(0)),
                    "D | udp 10.0.1.5:40000 > 203.0.113.5:53 | natgw/loop
                     D | udp 10.0.1.5:40001 > 203.0.113.5:53 | natgw/loop",
                ),
                (|w| default_route(w, 0, Igw), "D | udp 10.0.1.5:40000 > 203.0.113.5:53 | internet"),
            ],
        ),
    }
}

/// From a NAT instance to a NAT gateway, and without its address: what ran breaks with a reset, what begins works.
// covers: NAT-32
pub fn nat_32() -> Example {
    Example {
        id: "NAT-32",
        scene: Scene::vpc("10.0.0.0/16", None, true, false)
            .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
            .subnet("10.0.1.0/24", None, &[("0.0.0.0/0", Eni(0))])
            .group(ALL)
            .group(OUT)
            .eni("NATI", 0, &["10.0.0.4"], &[0])
            .unchecked()
            .eni("D", 1, &["10.0.1.5"], &[1])
            .nat("N", 0, "10.0.0.220", "198.51.100.9")
            .public("10.0.0.4", "198.51.100.4"),
        lines: parts(
            "D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 syn | NATI
             NATI     | tcp 10.0.0.4:1025 > 203.0.113.5:443 syn | internet
             internet | tcp 203.0.113.5:443 > 198.51.100.4:1025 syn-ack | NATI
             NATI     | tcp 203.0.113.5:443 > 10.0.1.5:40000 syn-ack | D
             D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack | NATI",
            &[
                (
                    |w| default_route(w, 1, Nat(0)),
                    "D        | tcp 10.0.1.5:40000 > 203.0.113.5:443 ack | reply natgw/no-binding
                     left     | tcp 203.0.113.5:443 > 10.0.1.5:40000
                     D        | tcp 10.0.1.5:40001 > 203.0.113.5:443 syn | internet
                     left     | tcp 198.51.100.9:* > 203.0.113.5:443
                     internet | tcp 203.0.113.5:443 > 198.51.100.9:{nat} syn-ack | D",
                ),
                (
                    // The address comes free for a gateway: the instance's own connections die as well.
                    |w| w.publics.retain(|p| p.private.to_string() == "10.0.0.220"),
                    "NATI     | tcp 10.0.0.4:1025 > 203.0.113.5:443 ack | igw/no-public-address
                     internet | tcp 203.0.113.5:443 > 198.51.100.4:1025 ack | igw/no-mapping
                     D        | tcp 10.0.1.5:40001 > 203.0.113.5:443 ack | internet",
                ),
            ],
        ),
    }
}

/// Every protocol and every fragment, for only addresses change.
// covers: IGW-21
pub fn igw_21() -> Example {
    Example {
        id: "IGW-21",
        scene: one_to_one(ALL),
        lines: script(
            "A        | gre 10.0.0.5 > 203.0.113.5 | internet
             A        | esp 10.0.0.5 > 203.0.113.5 | internet
             internet | gre 203.0.113.5 > 198.51.100.1 | A
             internet | esp 203.0.113.5 > 198.51.100.1 | A
             A        | gre 10.0.0.5 > 203.0.113.5 len 4000 piece 1 of 1 | held
             A        | gre 10.0.0.5 > 203.0.113.5 len 4000 piece 0 of 1 | internet
             A        | gre 10.0.0.5 > 203.0.113.5 len 4000 piece 2 of 1 | internet
             A        | tcp 10.0.0.5:40000 > 203.0.113.5:80 len 4000 piece 0 of 2 | internet
             A        | tcp 10.0.0.5:40000 > 203.0.113.5:80 len 4000 piece 1 of 2 | internet
             A        | icmp 10.0.0.5 > 203.0.113.5 8/0 id 1 len 10000 piece 0 of 3 | internet
             A        | icmp 10.0.0.5 > 203.0.113.5 8/0 id 1 len 10000 piece 5 of 3 | internet
             internet | esp 203.0.113.5 > 198.51.100.1 len 4000 piece 0 of 4 | A
             internet | esp 203.0.113.5 > 198.51.100.1 len 4000 piece 1 of 4 | A
             internet | tcp 203.0.113.5:80 > 198.51.100.1:40000 ack len 4000 piece 0 of 5 | A
             internet | tcp 203.0.113.5:80 > 198.51.100.1:40000 ack len 4000 piece 1 of 5 | A",
        ),
    }
}

/// A with 198.51.100.1 and B with none, in a public subnet under one group.
fn one_to_one(group: &str) -> Scene {
    Scene::vpc("10.0.0.0/16", None, true, false)
        .subnet("10.0.0.0/24", None, &[("0.0.0.0/0", Igw)])
        .group(group)
        .eni("A", 0, &["10.0.0.5"], &[0])
        .eni("B", 0, &["10.0.0.6"], &[0])
        .public("10.0.0.5", "198.51.100.1")
}

/// What one interface's groups remember of an address is not carried to the next; packets in flight to an address given up drop.
// covers: EIP-23
pub fn eip_23() -> Example {
    Example {
        id: "EIP-23",
        scene: one_to_one(OUT),
        lines: parts(
            "A        | udp 10.0.0.5:40000 > 203.0.113.5:53 | internet
             left     | udp 198.51.100.1:40000 > 203.0.113.5:53
             internet | udp 203.0.113.5:53 > 198.51.100.1:40000 | A",
            &[
                (
                    |w| w.publics[0].private = [10, 0, 0, 6].into(),
                    "internet | udp 203.0.113.5:53 > 198.51.100.1:40000 | sg-in/no-rule at Eni(1)
                     A        | udp 10.0.0.5:40000 > 203.0.113.5:53 | igw/no-public-address
                     B        | udp 10.0.0.6:40000 > 203.0.113.5:53 | internet
                     left     | udp 198.51.100.1:40000 > 203.0.113.5:53
                     internet | udp 203.0.113.5:53 > 198.51.100.1:40000 | B",
                ),
                (
                    |w| w.publics[0].public = [198, 51, 100, 2].into(),
                    "internet | udp 203.0.113.5:53 > 198.51.100.1:40000 | igw/no-mapping
                     B        | udp 10.0.0.6:40000 > 203.0.113.5:53 | internet
                     left     | udp 198.51.100.2:40000 > 203.0.113.5:53",
                ),
            ],
        ),
    }
}

/// Failover: the first packet after the change arrives at the spare.
// covers: EIP-A2
pub fn eip_a2() -> Example {
    Example {
        id: "EIP-A2",
        scene: one_to_one(ALL),
        lines: vec![
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:80 syn", "A"),
            Send("A", "tcp 10.0.0.5:80 > 203.0.113.5:50000 syn-ack", "internet"),
            Change(|w| w.publics[0].private = [10, 0, 0, 6].into()),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:80 ack", "B"),
            Send("internet", "tcp 203.0.113.5:50001 > 198.51.100.1:80 syn", "B"),
            Send("B", "tcp 10.0.0.6:80 > 203.0.113.5:50001 syn-ack", "internet"),
            Send("A", "tcp 10.0.0.5:80 > 203.0.113.5:50000 ack", "igw/no-public-address"),
        ],
    }
}
