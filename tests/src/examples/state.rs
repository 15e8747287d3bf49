//! Chapter 04: groups at the edge, what a track outlives and what ends it, errors, fragments, the middle of a stream.

use super::Line::{Change, Send, Wait};
use super::scene::{ALL, entries, rule};
use super::{Example, Scene, script};
use crate::model::world::Target::Igw;

const OPEN: &str = "in 100 allow all all 0.0.0.0/0 out 100 allow all all 0.0.0.0/0
    in 101 allow all all ::/0 out 101 allow all all ::/0";

/// X under `group` and Y, Z under an open one, all public in one subnet.
fn scene(group: &str) -> Scene {
    Scene::vpc("10.0.0.0/16", Some("2001:db8:1234::/56"), true, false)
        .subnet("10.0.0.0/24", Some("2001:db8:1234::/64"), &[("0.0.0.0/0", Igw), ("::/0", Igw)])
        .nacl(OPEN)
        .group(group)
        .group(ALL)
        .eni("X", 0, &["10.0.0.10", "2001:db8:1234::10"], &[0])
        .eni("Y", 0, &["10.0.0.11", "2001:db8:1234::11"], &[1])
        .public("10.0.0.10", "198.51.100.1")
        .public("10.0.0.11", "198.51.100.2")
}

/// From a gateway: first the ACL, then the groups; either may refuse.
// covers: SG-06
pub fn sg_06() -> Example {
    const SYN: &str = "tcp 203.0.113.5:50000 > 198.51.100.1:80 syn";
    const SYN6: &str = "tcp [2001:db8:9::5]:50000 > [2001:db8:1234::10]:80 syn";
    Example {
        id: "SG-06",
        scene: scene("in tcp 80 0.0.0.0/0\nin tcp 80 ::/0"),
        lines: vec![
            Send("internet", SYN, "X"),
            Send("internet", SYN6, "X"),
            Change(|w| w.nacls[0].inbound.extend(entries("in 50 deny tcp 80 0.0.0.0/0 in 51 deny tcp 80 ::/0", "in"))),
            Send("internet", SYN, "nacl-in/nacl-rule"),
            Send("internet", SYN6, "nacl-in/nacl-rule"),
            Change(|w| w.groups[0].ingress.clear()),
            Send("internet", SYN, "nacl-in/nacl-rule"),
            Change(|w| w.nacls[0].inbound.retain(|e| e.number >= 100)),
            Send("internet", "tcp 203.0.113.5:50001 > 198.51.100.1:80 syn", "sg-in/no-rule"),
            Send("internet", "tcp [2001:db8:9::5]:50001 > [2001:db8:1234::10]:80 syn", "sg-in/no-rule"),
        ],
    }
}

/// With no egress rule at all nothing starts here, but what was asked is answered.
// covers: SG-16
pub fn sg_16() -> Example {
    let mut lines = script("X | icmp 10.0.0.10 > 203.0.113.5 8/0 id 1 | internet");
    lines.push(Change(|w| w.groups[0].egress.clear()));
    lines.extend(script(
        "X        | icmp 10.0.0.10 > 203.0.113.5 8/0 id 2 | sg-out/no-rule
         X        | tcp 10.0.0.10:40000 > 10.0.0.11:80 syn | sg-out/no-rule
         X        | tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:443 syn | sg-out/no-rule
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:22 syn | X
         X        | tcp 10.0.0.10:22 > 203.0.113.5:50000 syn-ack | internet",
    ));
    Example { id: "SG-16", scene: scene("in tcp 22 0.0.0.0/0\nout all all 0.0.0.0/0"), lines }
}

/// A rule that comes or goes binds the next packet of every member.
// covers: SG-38
pub fn sg_38() -> Example {
    const TO_X: &str = "tcp 203.0.113.5:50000 > 198.51.100.1:80 syn";
    const TO_Y: &str = "tcp 203.0.113.5:50000 > 198.51.100.2:80 syn";
    Example {
        id: "SG-38",
        scene: scene("out all all 0.0.0.0/0"),
        lines: vec![
            Change(|w| w.enis[1].groups = vec![0]),
            Send("internet", TO_X, "sg-in/no-rule"),
            Send("internet", TO_Y, "sg-in/no-rule"),
            Change(|w| w.groups[0].ingress.push(rule("tcp", "80", "0.0.0.0/0"))),
            Send("internet", TO_X, "X"),
            Send("internet", TO_Y, "Y"),
            Change(|w| w.groups[0].ingress.clear()),
            Send("internet", TO_X, "sg-in/no-rule"),
            Send("internet", TO_Y, "sg-in/no-rule"),
        ],
    }
}

/// To name a group is to name its members, not its rules.
// covers: SG-51
pub fn sg_51() -> Example {
    Example {
        id: "SG-51",
        scene: scene("in tcp 80 #2").group("in tcp 22 0.0.0.0/0\nout all all 0.0.0.0/0"),
        lines: vec![
            Change(|w| w.enis[1].groups = vec![2]),
            Send("Y", "tcp 10.0.0.11:40000 > 10.0.0.10:80 syn", "X"),
            Send("Y", "tcp 10.0.0.11:40000 > 10.0.0.10:22 syn", "sg-in/no-rule"),
            Send("internet", "tcp 203.0.113.5:50000 > 198.51.100.1:22 syn", "sg-in/no-rule"),
            Send("X", "tcp 10.0.0.10:40000 > 203.0.113.5:80 syn", "sg-out/no-rule"),
        ],
    }
}

/// Neighbours may be under different groups.
// covers: SG-65
pub fn sg_65() -> Example {
    Example {
        id: "SG-65",
        scene: scene("in tcp 80 0.0.0.0/0"),
        lines: script(
            "internet | tcp 203.0.113.5:50000 > 198.51.100.1:22 syn | sg-in/no-rule
             internet | tcp 203.0.113.5:50000 > 198.51.100.2:22 syn | Y
             Y        | udp 10.0.0.11:9 > 10.0.0.10:9 | sg-in/no-rule
             Y        | tcp 10.0.0.11:9 > 10.0.0.10:80 syn | X",
        ),
    }
}

/// An error about a flow of the ENI needs no rule of its own in the groups, tracked or not; in the ACL it does. Other errors are packets as
/// any.
// covers: SG-205
pub fn sg_205() -> Example {
    let mut lines = script(
        "X        | udp 10.0.0.10:40000 > 203.0.113.5:53 | internet
         internet | icmp 203.0.113.1 > 198.51.100.1 3/4 about udp 198.51.100.1:40000 > 203.0.113.5:53 | X
         left     | icmp 203.0.113.1 > 10.0.0.10 3/4 id 0
         internet | icmp 203.0.113.1 > 198.51.100.1 11/0 about udp 198.51.100.1:40000 > 203.0.113.5:53 | X
         internet | icmp 203.0.113.1 > 198.51.100.1 12/0 about udp 198.51.100.1:40000 > 203.0.113.5:53 | X
         internet | icmp 203.0.113.1 > 198.51.100.1 3/4 about udp 198.51.100.1:40000 > 203.0.113.5:54 | sg-in/no-rule
         internet | icmp 203.0.113.1 > 198.51.100.1 5/0 about udp 198.51.100.1:40000 > 203.0.113.5:53 | sg-in/no-rule
         X        | tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:443 syn | internet
         internet | icmp6 [2001:db8:9::1] > [2001:db8:1234::10] 2/0 about tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:443 ack | X
         internet | icmp6 [2001:db8:9::1] > [2001:db8:1234::10] 1/4 about tcp [2001:db8:1234::10]:40000 > [2001:db8:9::6]:443 ack | sg-in/no-rule
         wait     | 60000
         internet | icmp6 [2001:db8:9::1] > [2001:db8:1234::10] 1/4 about tcp [2001:db8:1234::10]:40000 > [2001:db8:9::5]:25 ack | sg-in/no-rule",
    );
    // Now the rules would admit what is quoted, though nothing tracks it.
    lines.push(Change(|w| w.groups[0].egress.push(rule("udp", "54", "203.0.113.0/24"))));
    lines.extend(script(
        "internet | icmp 203.0.113.1 > 198.51.100.1 3/4 about udp 198.51.100.1:40000 > 203.0.113.5:54 | X
         X        | udp 10.0.0.10:40000 > 203.0.113.5:53 | internet",
    ));
    lines.push(Change(|w| w.nacls[0].inbound = entries("in 100 allow udp 1024-65535 0.0.0.0/0", "in")));
    let error = "icmp 203.0.113.1 > 198.51.100.1 3/4 about udp 198.51.100.1:40000 > 203.0.113.5:53";
    lines.push(Send("internet", error, "nacl-in/nacl-default"));
    lines.push(Change(|w| w.nacls[0].inbound.extend(entries("in 110 allow icmp 3/4 0.0.0.0/0", "in"))));
    lines.push(Send("internet", error, "X"));
    let unreachable = "icmp 203.0.113.1 > 198.51.100.1 3/1 about udp 198.51.100.1:40000 > 203.0.113.5:53";
    lines.push(Send("internet", unreachable, "nacl-in/nacl-default"));
    Example { id: "SG-205", scene: scene("out udp 53 203.0.113.0/24\nout tcp 443 2001:db8:9::5/128"), lines }
}

/// The middle of a stream that a rule admits is taken up and tracked, whatever its numbers; fragments follow their first.
// covers: SG-212
pub fn sg_212() -> Example {
    let mut lines = script(
        "internet | tcp 203.0.113.5:50000 > 198.51.100.1:22 ack | X
         X        | tcp 10.0.0.10:22 > 203.0.113.5:50000 ack | internet
         internet | tcp 203.0.113.5:50001 > 198.51.100.1:22 rst | X
         internet | tcp 203.0.113.5:50002 > 198.51.100.1:22 fin | X
         X        | tcp 10.0.0.10:22 > 203.0.113.5:50002 ack | internet
         X        | tcp 10.0.0.10:22 > 203.0.113.5:50003 ack | sg-out/no-rule
         internet | tcp 203.0.113.5:50004 > 198.51.100.1:23 ack | sg-in/no-rule
         internet | udp 203.0.113.5:9 > 198.51.100.1:69 len 3000 piece 0 of 1 | X
         internet | udp 203.0.113.5:9 > 198.51.100.1:69 len 3000 piece 1 of 1 | X
         internet | udp 203.0.113.5:9 > 198.51.100.1:70 len 3000 piece 1 of 2 | held
         internet | udp 203.0.113.5:9 > 198.51.100.1:70 len 3000 piece 0 of 2 | sg-in/no-rule
         internet | udp 203.0.113.5:9 > 198.51.100.1:70 len 3000 piece 2 of 2 | sg-in/no-rule
         X        | arp 10.0.0.10 > 10.0.0.11 | reply
         X        | nd 135 2001:db8:1234::10 > ff02::1:ff00:11 2001:db8:1234::11 | reply
         internet | tcp 203.0.113.5:50000 > 198.51.100.1:22 ack | X",
    );
    // Taken up, it lives as long as any stream.
    lines.push(Change(|w| w.groups[0].ingress.clear()));
    lines.push(Wait(400_000_000));
    lines.push(Send("X", "tcp 10.0.0.10:22 > 203.0.113.5:50000 ack", "internet"));
    Example { id: "SG-212", scene: scene("in tcp 22 203.0.113.0/24\nin udp 69 203.0.113.0/24"), lines }
}

/// Each end has its own track; an ENI that is unplugged, or loses the address, loses its own alone.
// covers: SG-213
pub fn sg_213() -> Example {
    const OUT: &str = "udp 10.0.0.10:40000 > 10.0.0.11:53";
    const BACK: &str = "udp 10.0.0.11:53 > 10.0.0.10:40000";
    Example {
        id: "SG-213",
        scene: scene("out udp 53 10.0.0.11/32"),
        lines: vec![
            Change(|w| (w.groups[1].ingress, w.groups[1].egress) = (vec![rule("udp", "53", "10.0.0.10/32")], vec![])),
            Send("X", OUT, "Y"),
            Send("Y", BACK, "X"),
            // X forgets, Y does not: Y's answer still leaves it.
            Change(|w| w.enis[0].attached = false),
            Change(|w| w.enis[0].attached = true),
            Send("Y", BACK, "sg-in/no-rule"),
            Send("X", OUT, "Y"),
            Send("Y", BACK, "X"),
            // Y forgets, X does not: X's question is a new one for Y.
            Change(|w| w.groups[1].ingress.clear()),
            Send("X", OUT, "Y"),
            Change(|w| w.enis[1].attached = false),
            Change(|w| w.enis[1].attached = true),
            Send("X", OUT, "sg-in/no-rule"),
            Send("Y", BACK, "sg-out/no-rule"),
            // A secondary address goes and comes back; the primary's tracks stay.
            Change(|w| {
                w.groups[1].ingress = vec![rule("udp", "53", "10.0.0.0/24")];
                w.groups[0].egress = vec![rule("udp", "53", "10.0.0.11/32")];
                w.enis[0].addresses.push([10, 0, 0, 12].into());
            }),
            Send("X", OUT, "Y"),
            Send("X", "udp 10.0.0.12:40000 > 10.0.0.11:53", "Y"),
            Send("Y", "udp 10.0.0.11:53 > 10.0.0.12:40000", "X"),
            Change(|w| w.enis[0].addresses.truncate(2)),
            Change(|w| w.enis[0].addresses.push([10, 0, 0, 12].into())),
            Send("Y", "udp 10.0.0.11:53 > 10.0.0.12:40000", "sg-in/no-rule"),
            Send("Y", BACK, "X"),
        ],
    }
}
