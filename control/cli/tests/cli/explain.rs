//! What an explanation says. The verdicts themselves are those of the scenarios next door.

use crate::support::*;
use serde_json::Value;

#[track_caller]
fn explain(at: &str, packet: &str, more: &[&str]) -> Value {
    let args: Vec<&str> = ["explain", NAT, "--at", at, packet, "--json"].iter().chain(more).copied().collect();
    vpcd(&args).ok().json()
}

fn gates(explained: &Value) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
    explained["gates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| format!("{} {} {} {}", text(&g["gate"]), text(&g["at"]), text(&g["verdict"]), text(&g["rule"])))
        .collect()
}

#[test]
fn out_through_the_nat_gateway_every_gate_says_what_decided() {
    let e = explain("Db", "tcp 10.0.1.5:40000 > 192.0.2.77:443 syn", &[]);
    assert_eq!(
        (e["verdict"].as_str(), e["stage"].is_null(), e["at"].is_null(), e["reason"].is_null()),
        (Some("forward"), true, true, true)
    );
    assert_eq!(e["out"], serde_json::json!(["internet"]));
    let gates = gates(&e);
    let acl = gates[4].split(' ').nth(3).unwrap().to_owned();
    let port: u16 = gates[5].rsplit_once(" -> tcp 10.0.0.4:").unwrap().1.split(' ').next().unwrap().parse().unwrap();
    assert!(port >= 1_024);
    assert_eq!(
        gates,
        [
            "src-dst Db pass -".to_owned(),
            "sg-out Db pass DBServerSG out tcp 443 0.0.0.0/0".into(),
            "nacl-out PrivateSubnet pass PrivateAcl 110 allow tcp 80-443 0.0.0.0/0".into(),
            "route PrivateSubnet pass PrivateTable 0.0.0.0/0 -> Nat".into(),
            format!("nacl-in PublicSubnet pass {acl} 100 allow all 0.0.0.0/0"),
            format!("natgw Nat pass tcp 10.0.1.5:40000 > 192.0.2.77:443 -> tcp 10.0.0.4:{port} > 192.0.2.77:443"),
            format!("nacl-out PublicSubnet pass {acl} 100 allow all 0.0.0.0/0"),
            "route PublicSubnet pass PublicTable 0.0.0.0/0 -> Igw".into(),
            format!("igw Igw pass tcp 10.0.0.4:{port} > 192.0.2.77:443 -> tcp 198.51.100.9:{port} > 192.0.2.77:443"),
        ]
    );
    let keys: Vec<&String> = e.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["verdict", "stage", "at", "reason", "out", "gates"]);
}

#[test]
fn the_answer_is_explained_as_part_of_its_flow() {
    let e = explain("Db", "tcp 10.0.1.5:40000 > 192.0.2.77:443", &["--reply"]);
    assert_eq!((e["verdict"].as_str(), &e["out"]), (Some("forward"), &serde_json::json!(["Db"])));
    let gates = gates(&e);
    assert_eq!(gates.last().map(String::as_str), Some("sg-in Db pass tracked flow"));
    assert!(gates[0].starts_with("igw Igw pass tcp 192.0.2.77:443 > 198.51.100.9:"), "{gates:?}");
    assert!(gates.iter().any(|g| g.starts_with("nacl-in PrivateSubnet pass PrivateAcl 100 ")));

    let ping = explain("internet", "icmp 203.0.113.10 > 198.51.100.1 8/0", &["--reply"]);
    assert_eq!((ping["verdict"].as_str(), &ping["out"]), (Some("forward"), &serde_json::json!(["internet"])));

    let refused = vpcd(&["explain", NAT, "--at", "Db", "tcp 10.0.1.5 > 192.0.2.77:25", "--reply"]).failed(1);
    assert!(refused.stderr.contains("drop at sg-out of Db: no-rule"), "{}", refused.stderr);
}

#[test]
fn a_refusal_names_its_gate_and_rule() {
    for (at, packet, last, verdict) in [
        (
            "Web",
            "tcp 10.0.0.5 > 10.0.1.5:3307",
            "nacl-in PrivateSubnet drop PrivateAcl 90 deny tcp 3307 10.0.0.0/24",
            "drop nacl-in PrivateSubnet nacl-rule",
        ),
        ("Web", "tcp 10.0.0.5 > 10.0.1.5:80", "sg-in Db drop no in rule of DBServerSG", "drop sg-in Db no-rule"),
        ("Web", "udp 10.0.0.99:1 > 10.0.1.5:80", "src-dst Web drop not-mine", "drop src-dst Web not-mine"),
        ("Web", "tcp 10.0.0.5 > 10.0.200.1:80", "route PublicSubnet drop no-owner", "drop route PublicSubnet no-owner"),
        ("Other", "tcp 10.0.0.7 > 192.0.2.77:80", "igw Igw drop no-public-address", "drop igw Igw no-public-address"),
        (
            "Other",
            "gre 10.0.0.7 > 224.0.0.9",
            "route PublicSubnet drop no-multicast",
            "drop route PublicSubnet no-multicast",
        ),
        ("Db", "tcp 10.0.1.5 > 192.0.2.77:443 ack", "natgw Nat reply no-binding", "reply natgw Nat no-binding"),
        (
            "internet",
            "tcp 192.0.2.77 > 198.51.100.200:80",
            "igw internet drop no-mapping",
            "drop igw internet no-mapping",
        ),
        (
            "internet",
            "tcp [2001:db8:cafe::77] > [2001:db8:1234:1a01::5]:9",
            "nacl-in PrivateSubnet drop PrivateAcl * deny",
            "drop nacl-in PrivateSubnet nacl-default",
        ),
    ] {
        let e = explain(at, packet, &[]);
        assert_eq!(gates(&e).last().map(String::as_str), Some(last), "{packet}");
        let text = |key: &str| e[key].as_str().unwrap_or("-").to_owned();
        assert_eq!(
            format!("{} {} {} {}", text("verdict"), text("stage"), text("at"), text("reason")),
            verdict,
            "{packet}"
        );
        let passed = gates(&e).len() - 1;
        assert!(gates(&e)[..passed].iter().all(|g| g.contains(" pass ")), "{packet}");
    }
}

#[test]
fn services_are_told_apart_from_drops() {
    let e = explain("Db", "udp 10.0.1.5:5000 > 169.254.169.253:53", &[]);
    assert_eq!((e["verdict"].as_str(), &e["out"]), (Some("punt"), &serde_json::json!([])));
}

#[test]
fn for_people_it_is_a_list_that_ends_with_what_happens_next() {
    let ran = vpcd(&["explain", NAT, "--at", "internet", "tcp 192.0.2.77:9 > 198.51.100.1:443"]).ok();
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "tcp 192.0.2.77:9 > 198.51.100.1:443 syn, entering at internet");
    assert_eq!(lines.last(), Some(&"forward: leaves by Web as tcp 192.0.2.77:9 > 10.0.0.5:443"));
}

#[test]
fn what_makes_no_sense_is_refused() {
    vpcd(&["explain", NAT, "--at", "Db", "tcp 10.0.1.5"]).failed(2);
    vpcd(&["explain", NAT, "tcp 10.0.1.5 > 10.0.0.5:80"]).failed(2);
    let ran = vpcd(&["explain", NAT, "--at", "Nobody", "tcp 10.0.1.5 > 10.0.0.5:80"]).failed(1);
    assert!(ran.stderr.contains("ports are: Web, Db, Other, "), "{}", ran.stderr);
}

/// A virtual private gateway is a port like another, where packets enter and leave.
// covers: RT-73 EIP-10
#[test]
fn a_virtual_private_gateway_is_a_port() {
    let ask = |at: &str, packet: &str| {
        let said = vpcd(&["explain", VPN, "--at", at, packet, "--json"]).ok().json();
        let text = |key: &str| said[key].as_str().unwrap_or("-").to_owned();
        (text("verdict"), text("stage"), text("reason"), text("at"), said["out"].clone())
    };
    let refused = |stage: &str, reason: &str, at: &str| {
        ("drop".to_owned(), stage.to_owned(), reason.to_owned(), at.to_owned(), serde_json::json!([]))
    };
    let passed = |port: &str| {
        let none = || "-".to_owned();
        ("forward".to_owned(), none(), none(), none(), serde_json::json!([port]))
    };
    assert_eq!(ask("Vgw", "tcp 172.16.1.1:40000 > 10.0.1.5:22"), passed("Db"));
    assert_eq!(ask("Vgw", "tcp 172.16.1.1:40000 > 198.51.100.1:80"), refused("vgw", "no-owner", "Vgw"));
    assert_eq!(ask("Vgw", "tcp 172.16.1.1:40000 > 10.0.1.5:80"), refused("sg-in", "no-rule", "Db"));
    assert_eq!(ask("Db", "tcp 10.0.1.5:40000 > 192.0.2.77:443"), passed("Vgw"));
    assert_eq!(ask("Web", "tcp 10.0.0.5:40000 > 192.0.2.77:443"), passed("internet"));
    assert_eq!(ask("Web", "tcp 10.0.0.5:40000 > 172.31.255.254:443"), passed("Vgw"));
    let ports = vpcd(&["check", VPN, "--json"]).ok().json();
    let gateway = ports["ports"].as_array().unwrap().iter().find(|p| p["logical_id"] == "Vgw").unwrap();
    assert_eq!((&gateway["namespace"], &gateway["mac"]), (&"vpcd-Vgw".into(), &"02:76:70:63:64:fe".into()));
    assert_eq!(gateway["private"], serde_json::json!(["172.16.1.1", "172.16.200.9"]));
}
