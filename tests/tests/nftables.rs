//! The gates against the kernel's: random network ACLs and security groups as nftables rules, the same packets through both, and the same pass.
//! Runs only with `VPCD_LIVE=1`; needs root or user namespaces, /dev/net/tun, iproute2 and nft. `VPCD_NFT_SETS` is the number of rule sets.
//!
//! X stands behind device `x`, everybody else behind device `p`, and the kernel forwards between them: ACLs as ordered chains without state,
//! groups as sets of accepts behind `ct state established,related`. Each rule set has a conntrack zone of its own. Left out is what differs by
//! design: segments that Linux finds invalid and vpcd does not look at (docs/semantics.md, section 8), fragments (Linux puts
//! them together), and rules that change while flows live.
#![cfg(feature = "captures")]

#[path = "../../control/tests/host_live/isolation.rs"]
#[allow(dead_code)]
mod isolation;

use isolation::{isolated, sh};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vpcd_dataplane::wire::{Frame, Mac};
use vpcd_io::tap::{self, Tap, TapQueue};
use vpcd_tests::examples::{Scene, packet};
use vpcd_tests::harness::{Setup, System};
use vpcd_tests::history::{Input, Rng, frames};
use vpcd_tests::model::Kind;
use vpcd_tests::model::world::Target;

const X: [&str; 2] = ["10.0.0.10", "2001:db8:1234:1a00::10"];
/// Members of groups 3 and 4.
const MEMBERS: [[&str; 2]; 2] = [["10.0.1.5", "2001:db8:1234:1a01::5"], ["10.0.1.6", "2001:db8:1234:1a01::6"]];
/// Behind P, a router whose check is off.
const REMOTES: [[&str; 2]; 4] = [
    ["10.0.1.20", "2001:db8:1234:1a01::20"],
    ["203.0.113.5", "2001:db8:9::5"],
    ["203.0.113.200", "2001:db8:9:1::5"],
    ["192.0.2.10", "2600::10"],
];
/// Passes any rule set: what is behind it in the queue has passed before.
const SENTINEL: &str = "udp 198.18.0.1:7 > 10.0.0.10:7";
const SENTINEL_ID: u16 = 0xffff;
const PACKETS: usize = 48;

/// An ACL entry or a rule, without number and action: protocol, ports, CIDR or group.
fn rule(rng: &mut Rng, groups: bool) -> [String; 3] {
    let six = rng.chance(40);
    let peer = match groups && rng.chance(25) {
        true => rng.one(["#3", "#4"]),
        false if six => {
            rng.one(["::/0", "::/0", "2001:db8:9::/64", "2001:db8:9::/48", "2001:db8:1234:1a01::/64", "2600::10/128"])
        }
        false => rng.one([
            "0.0.0.0/0",
            "0.0.0.0/0",
            "10.0.1.0/24",
            "10.0.1.0/28",
            "203.0.113.0/24",
            "203.0.113.128/25",
            "192.0.2.10/32",
        ]),
    };
    let (proto, ports) = match rng.weighted(&[15, 45, 15, 15, 20]) {
        0 => ("all", "all"),
        1 => (rng.one(["tcp", "tcp", "udp"]), rng.one(["22", "80", "53", "443", "1-79", "80-443", "1024-65535"])),
        2 => (rng.one(["tcp", "udp"]), rng.one(["0-65535", "all", "32768-65535"])),
        3 => (if six { "icmp6" } else { "icmp" }, "all"),
        _ if six => ("icmp6", rng.one(["128/0", "129/any", "1/4", "2/any"])),
        _ => ("icmp", rng.one(["8/0", "0/any", "3/4", "3/any", "13/any"])),
    };
    [proto, ports, peer].map(String::from)
}

/// The same for nft; a group stands for its members' addresses, family by family.
fn nft([proto, ports, peer]: &[String; 3], side: &str, verdict: &str) -> String {
    let l4 = match (proto.as_str(), ports.split_once('/')) {
        ("all", _) => String::new(),
        (icmp @ ("icmp" | "icmp6"), Some((kind, code))) => {
            let icmp = icmp.replace('6', "v6");
            let code = if code == "any" { String::new() } else { format!("{icmp} code {code}") };
            format!("{icmp} type {kind} {code}")
        }
        ("icmp6", None) => "meta l4proto ipv6-icmp".into(),
        (proto, _) if ports == "all" => format!("meta l4proto {proto}"),
        (proto, _) => format!("{proto} dport {ports}"),
    };
    let line = |family: String| format!("{family} {l4} {verdict}\n");
    match peer.as_str() {
        "0.0.0.0/0" => line("meta nfproto ipv4".into()),
        "::/0" => line("meta nfproto ipv6".into()),
        group if group.starts_with('#') => {
            let [four, six] = MEMBERS[usize::from(group == "#4")];
            line(format!("ip {side} {four}")) + &line(format!("ip6 {side} {six}"))
        }
        net if net.contains(':') => line(format!("ip6 {side} {net}")),
        net => line(format!("ip {side} {net}")),
    }
}

/// A rule set for both: X under two random groups in a subnet with a random ACL.
struct Gates {
    scene: Scene,
    nft: String,
}

impl Gates {
    fn random(rng: &mut Rng, zone: u64) -> Gates {
        let (mut acl, mut chains) = (String::new(), String::new());
        for (way, side) in [("in", "saddr"), ("out", "daddr")] {
            let mut entries: Vec<(usize, &str, [String; 3])> = (0..rng.range(0, 6))
                .map(|n| (10 * n + rng.range(1, 9), if rng.chance(65) { "allow" } else { "deny" }, rule(rng, false)))
                .collect();
            for (number, all) in [(200, "0.0.0.0/0"), (201, "::/0")] {
                if rng.chance(85) {
                    entries.push((number, "allow", ["all", "all", all].map(String::from)));
                }
            }
            let _ = writeln!(chains, "chain acl_{way} {{");
            for (number, action, words) in &entries {
                let _ = writeln!(acl, "{way} {number} {action} {}", words.join(" "));
                chains += &nft(words, side, if *action == "allow" { "accept" } else { "drop" });
            }
            chains += "drop\n}\n";
        }
        let mut groups = [String::new(), String::new()];
        for (way, side) in [("in", "saddr"), ("out", "daddr")] {
            let _ = writeln!(chains, "chain group_{way} {{");
            for group in &mut groups {
                for _ in 0..rng.range(0, 5) {
                    let words = rule(rng, true);
                    let _ = writeln!(group, "{way} {}", words.join(" "));
                    chains += &nft(&words, side, "accept");
                }
            }
            chains += "drop\n}\n";
        }
        let nft = format!(
            "flush ruleset\ntable inet gates {{\n{chains}
            chain zone {{\ntype filter hook prerouting priority raw\nct zone set {zone}\n}}
            chain acl {{\ntype filter hook forward priority -10\npolicy drop\nip saddr 198.18.0.1 accept
            iifname x jump acl_out\noifname x jump acl_in\n}}
            chain group {{\ntype filter hook forward priority 0\npolicy drop\nip saddr 198.18.0.1 accept
            ct state established,related accept\niifname x jump group_out\noifname x jump group_in\n}}\n}}\n"
        );
        let all = "in all all 0.0.0.0/0\nin all all ::/0\nout all all 0.0.0.0/0\nout all all ::/0";
        let way_out = [("0.0.0.0/0", Target::Eni(1)), ("::/0", Target::Eni(1))];
        let scene = Scene::vpc("10.0.0.0/16", Some("2001:db8:1234:1a00::/56"), false, false)
            .subnet("10.0.0.0/24", Some("2001:db8:1234:1a00::/64"), &way_out)
            .nacl(&acl)
            .subnet("10.0.1.0/24", Some("2001:db8:1234:1a01::/64"), &[])
            .group(&groups[0])
            .group(&groups[1])
            .group(all)
            .group("")
            .group("")
            .eni("X", 0, &X, &[0, 1])
            .eni("P", 1, &REMOTES[0], &[2])
            .unchecked()
            .eni("M", 1, &MEMBERS[0], &[2, 3])
            .eni("N", 1, &MEMBERS[1], &[2, 4]);
        Gates { scene, nft }
    }
}

/// A conversation of X: packets in words, from X or from the other end.
struct Flow {
    proto: &'static str,
    ends: [String; 2],
    /// Where the other end is plugged in.
    port: u32,
    id: usize,
    /// Whether a packet of each end has passed.
    passed: [bool; 2],
    started_by: usize,
}

impl Flow {
    fn random(rng: &mut Rng) -> Flow {
        let six = usize::from(rng.chance(40));
        let proto = rng.one(["tcp", "tcp", "tcp", "udp", "udp", "icmp", "icmp", "esp"]);
        let other = rng.below(MEMBERS.len() + REMOTES.len());
        let port = [3, 4, 2, 2, 2, 2][other];
        let other = [&MEMBERS[..], &REMOTES].concat()[other][six];
        let started_by = usize::from(rng.chance(60));
        let ports = match proto {
            "tcp" | "udp" => {
                let service = rng.one([22, 53, 80, 443, 8080]);
                let client = rng.one([1024, 32768, 50000]) + rng.below(1000);
                Some(if started_by == 0 { [client, service] } else { [service, client] })
            }
            _ => None,
        };
        let end = |address: &str, n: usize| match ports {
            Some(ports) if six == 1 => format!("[{address}]:{}", ports[n]),
            Some(ports) => format!("{address}:{}", ports[n]),
            None if six == 1 => format!("[{address}]"),
            None => address.to_string(),
        };
        let proto = if proto == "icmp" && six == 1 { "icmp6" } else { proto };
        let ends = [end(X[six], 0), end(other, 1)];
        Flow { proto, ends, port, id: rng.below(60_000), passed: [false; 2], started_by }
    }

    /// What an end says next, if it may say anything that Linux finds valid.
    fn words(&self, from: usize, rng: &mut Rng) -> Option<String> {
        let starts = from == self.started_by;
        let heard = self.passed[1 - from];
        let tail = match self.proto {
            "tcp" if starts && !self.passed[from] => rng.one(["syn", "syn", "ack"]).into(),
            "tcp" if starts => "ack".into(),
            "tcp" if heard && !self.passed[from] => "syn-ack".into(),
            "tcp" if heard => rng.one(["ack", "ack", "fin"]).into(),
            "icmp" if starts => format!("8/0 id {}", self.id),
            "icmp" if heard => format!("0/0 id {}", self.id),
            "icmp6" if starts => format!("128/0 id {}", self.id),
            "icmp6" if heard => format!("129/0 id {}", self.id),
            "udp" | "esp" => String::new(),
            _ => return None,
        };
        Some(format!("{} {} > {} {tail}", self.proto, self.ends[from], self.ends[1 - from]))
    }

    /// An error about what the other end has sent, from this end's address or from a router on its side.
    fn error(&self, from: usize, rng: &mut Rng) -> Option<String> {
        let other = 1 - from;
        if !self.passed[other] || self.proto.starts_with("icmp") {
            return None;
        }
        let bare = |end: &str| match end.strip_prefix('[') {
            Some(rest) => format!("[{}]", rest.split(']').next().unwrap_or_default()),
            None => end.split(':').next().unwrap_or_default().to_string(),
        };
        let (proto, kind) = match self.ends[0].starts_with('[') {
            true => ("icmp6", rng.one(["1/4", "2/0", "3/0"])),
            false => ("icmp", rng.one(["3/3", "3/4", "11/0"])),
        };
        let about = format!("{} {} > {}", self.proto, self.ends[other], self.ends[from]);
        Some(format!("{proto} {} > {} {kind} about {about}", bare(&self.ends[from]), bare(&self.ends[other])))
    }
}

/// The frame of a packet in words, marked so that it is known again behind the kernel.
fn marked(words: &str, id: u16) -> Vec<u8> {
    let mut frame = packet(words).unwrap_or_else(|| panic!("cannot read {words:?}"));
    if frame[12] == 8 {
        frame[18..20].copy_from_slice(&id.to_be_bytes());
        frames::seal4(&mut frame[14..34]);
    } else {
        frame[15] &= 0xf0;
        frame[16..18].copy_from_slice(&id.to_be_bytes());
    }
    frame
}

fn mark(frame: &[u8]) -> u16 {
    let at = if frame[12] == 8 { 18 } else { 16 };
    u16::from_be_bytes([frame[at], frame[at + 1]])
}

/// The kernel between two devices.
struct Kernel {
    /// X's, and everybody else's.
    devices: [TapQueue; 2],
}

impl Kernel {
    fn new() -> Kernel {
        let devices = ["x", "p"].map(|name| {
            let queue = Tap::create(name, 1).unwrap().pop().unwrap();
            tap::set_mac(name, Mac([2, 0, 0, 0, 1, name.as_bytes()[0]])).unwrap();
            tap::set_mtu(name, 9001).unwrap();
            queue
        });
        sh("cd /proc/sys/net
            for kind in default all x p; do
                echo 0 > ipv4/conf/$kind/rp_filter; echo 0 > ipv6/conf/$kind/accept_dad; echo 0 > ipv6/conf/$kind/router_solicitations
            done
            echo 1 > ipv4/ip_forward; echo 1 > ipv6/conf/all/forwarding
            ip link set x up; ip link set p up
            ip addr add 10.0.0.1/24 dev x; ip addr add 10.0.1.1/24 dev p
            ip addr add 2001:db8:1234:1a00::1/64 dev x nodad; ip addr add 2001:db8:1234:1a01::1/64 dev p nodad
            ip route add default via 10.0.1.20 dev p; ip route add default via 2001:db8:1234:1a01::20 dev p
            for a in 10.0.0.10 2001:db8:1234:1a00::10; do ip neigh add $a lladdr 02:30:00:00:00:01 dev x nud permanent; done
            for a in 10.0.1.5 10.0.1.6 10.0.1.20 2001:db8:1234:1a01::5 2001:db8:1234:1a01::6 2001:db8:1234:1a01::20; do
                ip neigh add $a lladdr 02:30:00:00:00:02 dev p nud permanent
            done");
        Kernel { devices }
    }

    /// Replaces all rules.
    fn rules(&self, text: &str) {
        let mut nft =
            Command::new("nft").args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft (nftables) is needed");
        nft.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success(), "{text}");
        // Exists from the first rule that asks for state on: windows are not looked at.
        sh("echo 1 > /proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal");
    }

    /// Sends frames in order, each from X (0) or from the others (1); the marks of those that came out at the other side.
    fn pass(&mut self, sent: &[(usize, Vec<u8>)]) -> BTreeSet<u16> {
        let mut out = BTreeSet::new();
        let last = (1, marked(SENTINEL, SENTINEL_ID));
        for (from, bytes) in sent.iter().chain([&last]) {
            let mut frame = Frame::from_bytes(bytes);
            frame.bytes_mut()[..6].copy_from_slice(&[2, 0, 0, 0, 1, b"xp"[*from]]);
            assert!(self.devices[*from].write(&frame).unwrap());
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while !out.contains(&SENTINEL_ID) {
            assert!(Instant::now() < deadline, "the kernel lost the last frame");
            let mut frame = Frame::with_capacity(2048);
            for device in &mut self.devices {
                while device.read(&mut frame).unwrap() {
                    // The kernel has things of its own to say to multicast groups; their marks are none of ours, or 0.
                    if frame.bytes()[0] & 1 == 0 {
                        out.insert(mark(frame.bytes()));
                    }
                }
            }
        }
        out.remove(&SENTINEL_ID);
        out
    }
}

/// One rule set, and packets for it: what vpcd forwards, the kernel forwards.
fn compare(kernel: &mut Kernel, seed: u64, count: &mut [usize; 4]) {
    let mut rng = Rng::new(seed);
    let gates = Gates::random(&mut rng, 1 + seed % 60_000);
    let mut vpcd = Setup { seed, ports_per_slice: 1008, flows_per_destination: 55_000 }.engine(1, true);
    vpcd.publish(&gates.scene.world);
    let mut flows: Vec<Flow> = Vec::new();
    let (mut sent, mut words, mut passed) = (Vec::new(), Vec::new(), BTreeSet::new());
    while sent.len() < PACKETS {
        if flows.is_empty() || rng.chance(35) {
            flows.push(Flow::random(&mut rng));
        }
        let flow = rng.below(flows.len());
        let flow = &mut flows[flow];
        let from = rng.below(2);
        let error = rng.chance(15);
        let text = if error { flow.error(from, &mut rng) } else { flow.words(from, &mut rng) };
        let Some(text) = text else { continue };
        let id = sent.len() as u16 + 1;
        let bytes = marked(&text, id);
        let port = if from == 0 { 1 } else { flow.port };
        let done = vpcd.run(&[Input { seq: id.into(), ts: 1_000_000_000 + u64::from(id), port, bytes: bytes.clone() }]);
        let outcome = &done[0].outcome;
        let forwarded = outcome.kind == Kind::Forward;
        if forwarded {
            passed.insert(id);
            flow.passed[from] |= !error;
        }
        count[usize::from(forwarded) + 2 * usize::from(error)] += 1;
        words.push(format!("{id:2} {text}: {outcome}"));
        sent.push((from, bytes));
    }
    kernel.rules(&gates.nft);
    let theirs = kernel.pass(&sent);
    let differ: Vec<_> = passed.symmetric_difference(&theirs).collect();
    assert!(differ.is_empty(), "seed {seed}: packets {differ:?}\n{}\n{}", words.join("\n"), gates.nft);
}

// covers: NACL-20 NACL-21 NACL-24 NACL-27 SG-40 SG-41 SG-42 SG-205
#[test]
fn the_gates_agree_with_nftables() {
    isolated("the_gates_agree_with_nftables", || {
        let sets = std::env::var("VPCD_NFT_SETS").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
        let mut kernel = Kernel::new();
        let mut count = [0; 4];
        for seed in 0..sets {
            compare(&mut kernel, seed, &mut count);
        }
        let [no, yes, errors_no, errors_yes] = count;
        println!(
            "{sets} rule sets: {yes} packets passed both, {no} neither; of ICMP errors {errors_yes} and {errors_no}"
        );
        assert!(yes * 10 > no && no * 10 > yes, "both verdicts are common: {count:?}");
        assert!(errors_yes > 0 && errors_no > 0);
    });
}
