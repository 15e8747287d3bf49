//! The packets of configuration 2 (public and private subnet with a NAT gateway), each asked of `explain` and sent through `replay`.

use crate::support::*;

/// A template of configuration 2, and where it lies.
struct World {
    dir: Dir,
    template: String,
}

const WEB: &str = "10.0.0.5";
const DB: &str = "10.0.1.5";
const NET: &str = "192.0.2.77";
const HOME: &str = "203.0.113.10";
const WEB6: &str = "2001:db8:1234:1a00::1a";
const DB6: &str = "2001:db8:1234:1a01::5";
const NET6: &str = "2001:db8:cafe::77";
const HOME6: &str = "2001:db8:beef::10";

impl World {
    fn new(name: &str) -> World {
        World { dir: Dir::new(name), template: NAT.into() }
    }

    fn bracketed(address: &str) -> String {
        if address.contains(':') { format!("[{address}]") } else { address.into() }
    }

    /// What `explain` and `replay` say of one TCP SYN: they must agree.
    #[track_caller]
    fn syn(&self, at: &str, src: &str, dst: &str, port: u16) -> String {
        let packet = format!("tcp {}:40000 > {}:{port}", World::bracketed(src), World::bracketed(dst));
        self.asked(at, &packet, tcp((src, 40_000), (dst, port), SYN, b""))
    }

    #[track_caller]
    fn asked(&self, at: &str, packet: &str, frame: Vec<u8>) -> String {
        let e = vpcd(&["explain", &self.template, "--at", at, packet, "--json"]).ok().json();
        let text = |key: &str| e[key].as_str().unwrap_or("-").to_owned();
        let explained = format!("{} {} {}", text("verdict"), text("stage"), text("at"));
        let file = self.dir.pcapng("one.pcapng", &[(T0, frame)]);
        let r = replay(&self.dir, &self.template, &["--in", &format!("{at}={file}")]);
        let v = &r.verdicts[0];
        for key in ["verdict", "stage", "at", "reason", "out"] {
            assert_eq!(v[key], e[key], "{packet}: replay and explain disagree about {key}");
        }
        explained
    }

    /// A whole conversation: SYN and its answer, then three exchanges of data; each arrives. How the SYN looked where it arrived.
    #[track_caller]
    fn pass(&self, from: &str, src: &str, to: &str, dst: &str, port: u16) -> (String, String) {
        let first = tcp((src, 40_000), (dst, port), SYN, b"");
        let file = self.dir.pcapng("first.pcapng", &[(T0, first.clone())]);
        let r = replay(&self.dir, &self.template, &["--in", &format!("{from}={file}")]);
        assert_eq!(r.lines(), [format!("{from} forward - - - [{to}]")]);
        let seen = tuple(&r.received(to)[0].data);
        let end = |text: &str| {
            let a: std::net::SocketAddr = text.parse().unwrap();
            (a.ip().to_string(), a.port())
        };
        let ((s, sp), (d, dp)) = (end(&seen.0), end(&seen.1));
        let (mut there, mut back) = (vec![(T0, first)], vec![(T0 + 1_000, tcp((&d, dp), (&s, sp), SYN | ACK, b""))]);
        for i in 1..=3 {
            there.push((T0 + i * 1_000_000, tcp((src, 40_000), (dst, port), ACK, b"question")));
            back.push((T0 + i * 1_000_000 + 1_000, tcp((&d, dp), (&s, sp), ACK, b"answer")));
        }
        let (a, b) = (self.dir.pcapng("there.pcapng", &there), self.dir.pcapng("back.pcapng", &back));
        let r = replay(&self.dir, &self.template, &["--in", &format!("{from}={a}"), "--in", &format!("{to}={b}")]);
        assert!(r.verdicts.iter().all(|v| v["verdict"] == "forward"), "{:?}", r.lines());
        for frame in r.received(to) {
            assert_eq!(tuple(&frame.data), seen);
        }
        let answers = r.received(from);
        assert_eq!(answers.len(), 4);
        for frame in &answers {
            let sent = tuple(&there[0].1);
            assert_eq!(tuple(&frame.data), (sent.1, sent.0), "answers come back mirrored");
        }
        let packet = format!("tcp {}:40000 > {}:{port}", World::bracketed(src), World::bracketed(dst));
        let e = vpcd(&["explain", &self.template, "--at", from, &packet, "--reply", "--json"]).ok().json();
        assert_eq!((&e["verdict"], &e["out"]), (&serde_json::json!("forward"), &serde_json::json!([from])));
        seen
    }
}

// covers: SCN-80
#[test]
fn the_web_server_is_open_to_all_for_the_web_and_to_home_for_administration() {
    let w = World::new("scn80");
    for port in [80, 443] {
        assert_eq!(w.pass("internet", NET, "Web", "198.51.100.1", port).1, format!("{WEB}:{port}"));
    }
    for port in [22, 3389] {
        w.pass("internet", HOME, "Web", "198.51.100.1", port);
    }
    for port in [22, 3389, 3306] {
        assert_eq!(w.syn("internet", NET, "198.51.100.1", port), "drop sg-in Web");
    }
}

// covers: SCN-82
#[test]
fn the_web_server_reaches_the_database_by_the_two_groups_rules() {
    let w = World::new("scn82");
    for port in [1433, 3306] {
        assert_eq!(w.pass("Web", WEB, "Db", DB, port), (format!("{WEB}:40000"), format!("{DB}:{port}")));
    }
}

// covers: SCN-83
#[test]
fn nothing_else_leaves_the_web_server_for_the_database() {
    let w = World::new("scn83");
    for port in [22, 5432] {
        assert_eq!(w.syn("Web", WEB, DB, port), "drop sg-out Web");
    }
    assert_eq!(w.asked("Web", "icmp 10.0.0.5 > 10.0.1.5 8/0", ping(WEB, DB, 1, true)), "drop sg-out Web");
}

// covers: SCN-84
#[test]
fn a_rule_for_the_internet_also_lets_out_towards_the_database_which_refuses() {
    assert_eq!(World::new("scn84").syn("Web", WEB, DB, 80), "drop sg-in Db");
}

// covers: SCN-85
#[test]
fn rules_for_the_internet_match_addresses_of_the_vpc() {
    let w = World::new("scn85");
    w.pass("Db", DB, "Web", WEB, 80);
    assert_eq!(w.syn("Db", DB, WEB, 3306), "drop sg-out Db");
}

// covers: SCN-87
#[test]
fn membership_decides_and_not_the_subnet() {
    assert_eq!(World::new("scn87").syn("Other", "10.0.0.7", DB, 3306), "drop sg-in Db");
}

// covers: SCN-95
#[test]
fn the_database_reaches_the_internet_through_the_nat_gateway() {
    let w = World::new("scn95");
    let (src, dst) = w.pass("Db", DB, "internet", NET, 443);
    let port: u16 = src.strip_prefix("198.51.100.9:").unwrap().parse().unwrap();
    assert!(port >= 1_024);
    assert_eq!(dst, "192.0.2.77:443");
}

// covers: SCN-96
#[test]
fn mail_and_ping_do_not_leave_the_database() {
    let w = World::new("scn96");
    assert_eq!(w.syn("Db", DB, NET, 25), "drop sg-out Db");
    assert_eq!(w.asked("Db", "icmp 10.0.1.5 > 192.0.2.77", ping(DB, NET, 1, true)), "drop sg-out Db");
}

// covers: SCN-97
#[test]
fn nothing_comes_in_through_the_nat_gateway() {
    let w = World::new("scn97");
    for port in [80, 443] {
        assert_eq!(w.syn("internet", NET, "198.51.100.9", port), "drop natgw Nat");
    }
    assert_eq!(
        w.asked("internet", "icmp 192.0.2.77 > 198.51.100.9", ping(NET, "198.51.100.9", 1, true)),
        "drop natgw Nat"
    );
    // Another host towards a port that is in use.
    let out = w.dir.pcapng("out.pcapng", &[(T0, tcp((DB, 40_000), (NET, 443), SYN, b""))]);
    let input = format!("Db={out}");
    let r = replay(&w.dir, &w.template, &["--in", &input]);
    let port: u16 = tuple(&r.received("internet")[0].data).0.rsplit(':').next().unwrap().parse().unwrap();
    let answer = |host: &str, sport| tcp((host, sport), ("198.51.100.9", port), SYN | ACK, b"");
    let back = w
        .dir
        .pcapng("back.pcapng", &[(T0 + 1, answer(HOME, 443)), (T0 + 2, answer(NET, 444)), (T0 + 3, answer(NET, 443))]);
    let r = replay(&w.dir, &w.template, &["--in", &input, "--in", &format!("internet={back}")]);
    let drop = "internet drop natgw Nat unsolicited []";
    assert_eq!(r.lines(), ["Db forward - - - [internet]", drop, drop, "internet forward - - - [Db]"]);
}

// covers: SCN-98
#[test]
fn private_addresses_cannot_be_reached_from_the_internet() {
    assert_eq!(World::new("scn98").syn("internet", NET, DB, 443), "drop igw internet");
}

// covers: SCN-104
#[test]
fn ipv6_has_rules_of_its_own() {
    let w = World::new("scn104");
    for port in [80, 443] {
        w.pass("internet", NET6, "Web", WEB6, port);
    }
    for port in [22, 3389] {
        w.pass("internet", HOME6, "Web", WEB6, port);
    }
    assert_eq!(w.syn("Web", WEB6, NET6, 25), "drop sg-out Web");
    assert_eq!(w.syn("Db", DB6, NET6, 22), "drop sg-out Db");
}

// covers: SCN-105
#[test]
fn the_database_reaches_out_over_ipv6_with_its_own_address() {
    let w = World::new("scn105");
    for port in [80, 443] {
        assert_eq!(w.pass("Db", DB6, "internet", NET6, port), (format!("[{DB6}]:40000"), format!("[{NET6}]:{port}")));
    }
}

// covers: SCN-106
#[test]
fn the_egress_only_gateway_lets_nothing_in_whatever_the_groups_say() {
    let mut w = World::new("scn106");
    assert_eq!(w.syn("internet", NET6, DB6, 443), "drop eigw Eigw");
    let text = std::fs::read_to_string(NAT).unwrap();
    let from_web = "        - {IpProtocol: tcp, FromPort: 1433, ToPort: 1433, SourceSecurityGroupId: !GetAtt WebServerSG.GroupId}\n";
    assert!(text.contains(from_web));
    let opened = text.replace(from_web, &format!("{from_web}        - {{IpProtocol: -1, CidrIpv6: \"::/0\"}}\n"));
    w.template = w.dir.write("opened.yaml", opened);
    assert_eq!(w.syn("internet", NET6, DB6, 443), "drop eigw Eigw");
}
