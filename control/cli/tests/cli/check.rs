//! `vpcd check`, and what all commands do alike.

use crate::support::*;
use std::process::{Command, Stdio};

#[test]
fn a_good_template_lists_its_ports() {
    let ran = vpcd(&["check", NAT]).ok();
    assert!(
        ran.stdout.contains("Web") && ran.stdout.contains("198.51.100.1") && ran.stdout.contains("no errors"),
        "{}",
        ran.stdout
    );
    let all = vpcd(&["check", NAT, "--json"]).ok().json();
    let web = all["ports"].as_array().unwrap().iter().find(|p| p["logical_id"] == "Web").unwrap();
    assert_eq!(web["private"][0], "10.0.0.5");
    assert_eq!(web["public"][0], "198.51.100.1");
    assert_eq!(web["ipv6"][0], "2001:db8:1234:1a00::1a");
    assert_eq!(web["namespace"], "vpcd-Web");
    assert!(web["eni"].as_str().unwrap().starts_with("eni-") && web["mac"].as_str().unwrap().len() == 17);
    let names: Vec<&str> = all["ports"].as_array().unwrap().iter().map(|p| p["logical_id"].as_str().unwrap()).collect();
    assert!(names.starts_with(&["Web", "Db", "Other"]) && names.ends_with(&["internet"]), "{names:?}");
    assert_eq!(all["internet"][1]["name"], "NET");
    assert_eq!(all["outputs"]["NatSource"], "198.51.100.9");
}

const WRONG: &str = "Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/8}
  Queue:
    Type: AWS::SQS::Queue
  Net:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.1.0.0/16}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Net, CidrBlock: 10.2.0.0/24}
";

#[test]
fn all_errors_at_once_with_their_places() {
    let dir = Dir::new("wrong");
    let file = dir.write("wrong.yaml", WRONG);
    let ran = vpcd(&["check", &file]).failed(1);
    assert!(ran.stdout.is_empty());
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines.iter().any(|l| l.contains("wrong.yaml:4:") && l.contains("Vpc: InvalidVpc.Range")), "{}", ran.stderr);
    assert!(
        lines.iter().any(|l| l.contains("wrong.yaml:6:") && l.contains("Queue: UnsupportedOperation")),
        "{}",
        ran.stderr
    );
    assert!(
        lines.iter().any(|l| l.contains("wrong.yaml:12:") && l.contains("Subnet: InvalidSubnet.Range")),
        "{}",
        ran.stderr
    );
    let errors = vpcd(&["check", &file, "--json"]).failed(1).json();
    let queue = errors["errors"].as_array().unwrap().iter().find(|e| e["resource"] == "Queue").unwrap();
    assert_eq!((queue["line"].as_u64(), queue["code"].as_str()), (Some(6), Some("UnsupportedOperation")));
    // Nothing of a wrong template is started by the others either.
    for args in [
        vec!["replay", &file, "--in", "Vpc=x", "--out", "none"],
        vec!["explain", &file, "--at", "x", "tcp 10.0.0.1 > 10.0.0.2:1"],
    ] {
        assert!(vpcd(&args).failed(1).stderr.contains("InvalidVpc.Range"));
    }
    assert!(vpcd(&["check", "nowhere.yaml"]).failed(1).stderr.contains("nowhere.yaml"));
}

#[test]
fn parameters_replace_defaults() {
    let ran = vpcd(&[
        "explain",
        NAT,
        "--parameter",
        "HomeRange=192.0.2.0/24",
        "--at",
        "internet",
        "tcp 192.0.2.77 > 198.51.100.1:22",
        "--json",
    ])
    .ok();
    assert_eq!(ran.json()["verdict"], "forward");
    vpcd(&["check", NAT, "--parameter", "HomeRange"]).failed(2);
    vpcd(&["check", NAT, "--parameter", "HomeRange=everywhere"]).failed(1);
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in ["check", "explain", "replay"] {
        let ran = vpcd(&[command, "--help"]).ok();
        assert!(
            ran.stdout.contains("Example:") && ran.stdout.contains(&format!("vpcd {command} docs/examples/nat.yaml")),
            "{}",
            ran.stdout
        );
    }
    vpcd(&["frobnicate"]).failed(2);
    vpcd::<&str>(&[]).failed(2);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vpcd"))
        .args(["check", NAT, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let out = child.wait_with_output().unwrap();
    assert_eq!((out.status.code(), String::from_utf8(out.stderr).unwrap()), (Some(0), String::new()));
}
