//! Captures of every kind, broken ones, and what the command line gets wrong.

use crate::support::*;

const DB: &str = "10.0.1.5";
const NET: &str = "192.0.2.77";

fn syn(port: u16) -> Vec<u8> {
    tcp((DB, port), (NET, 443), SYN, b"")
}

#[test]
fn link_types_and_formats_all_give_the_same_packets() {
    let dir = Dir::new("links");
    let frame = syn(40_000);
    let ip = &frame[14..];
    let cooked = |head: &[u8]| [head, ip].concat();
    let v1 = [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0];
    let v2 = [8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 9, 0, 0];
    let expected = {
        let r = replay(&dir, NAT, &["--in", &format!("Db={}", dir.pcapng("in.pcapng", &[(T0, frame.clone())]))]);
        r.received("internet")
    };
    assert_eq!(expected.len(), 1);
    for (name, big, link, bytes) in [
        ("ethernet little", false, 1, frame.clone()),
        ("ethernet big", true, 1, frame.clone()),
        ("raw IP", false, 101, ip.to_vec()),
        ("raw IPv4", true, 228, ip.to_vec()),
        ("cooked", false, 113, cooked(&v1)),
        ("cooked 2", true, 276, cooked(&v2)),
    ] {
        let r = replay(&dir, NAT, &["--in", &format!("Db={}", dir.pcap("in.pcap", big, link, &[(T0, bytes)]))]);
        let got = r.received("internet");
        assert_eq!(got.len(), 1, "{name}");
        assert_eq!((&got[0].data, got[0].ts, got[0].linktype), (&expected[0].data, T0, 1), "{name}");
    }
    let wifi = dir.pcap("wifi.pcap", false, 105, &[(T0, vec![0; 40])]);
    let ran = vpcd(&["replay", NAT, "--in", &format!("Db={wifi}"), "--out", &dir.text("none")]).failed(1);
    assert!(ran.stderr.contains("wifi.pcap: frame 0: link type 105 (802.11)"), "{}", ran.stderr);
    assert!(!dir.path("none").exists(), "nothing is written before the inputs are known to be good");
}

#[test]
fn a_frame_cut_by_its_capture_is_truncated() {
    let dir = Dir::new("cut");
    let mut bytes = std::fs::read(dir.pcap("in.pcap", false, 1, &[(T0, syn(40_000)), (T0 + 1, syn(40_001))])).unwrap();
    // The first record says that it was one byte longer on the wire.
    let length = u32::from_le_bytes(bytes[36..40].try_into().unwrap());
    bytes[36..40].copy_from_slice(&(length + 1).to_le_bytes());
    let r = replay(&dir, NAT, &["--in", &format!("Db={}", dir.write("cut.pcap", bytes))]);
    assert_eq!(r.lines(), ["Db drop parse Db truncated []", "Db forward - - - [internet]"]);
}

#[test]
fn a_capture_that_ends_in_the_middle_is_used_as_far_as_it_goes() {
    let dir = Dir::new("tail");
    let bytes = std::fs::read(dir.pcap("in.pcap", false, 1, &[(T0, syn(40_000)), (T0 + 1, syn(40_001))])).unwrap();
    let r = replay(&dir, NAT, &["--in", &format!("Db={}", dir.write("tail.pcap", &bytes[..bytes.len() - 5]))]);
    assert_eq!(r.lines(), ["Db forward - - - [internet]"]);
    assert!(
        r.ran.stderr.contains("the file ends within a packet: only the frames before it (1) are replayed"),
        "{}",
        r.ran.stderr
    );
}

#[test]
fn what_is_no_capture_is_refused() {
    let dir = Dir::new("bad");
    for (name, bytes, says) in [
        ("empty.pcap", &b""[..], "empty"),
        ("text.pcap", b"this is no capture", "not a pcap or pcapng capture"),
        ("zip.pcap", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "gzip"),
    ] {
        let file = dir.write(name, bytes);
        let ran = vpcd(&["replay", NAT, "--in", &format!("Db={file}"), "--out", &dir.text("none")]).failed(1);
        assert!(ran.stderr.contains(says) && ran.stderr.contains(name), "{}", ran.stderr);
    }
    let ran = vpcd(&["replay", NAT, "--in", "Db=nowhere.pcap", "--out", &dir.text("none")]).failed(1);
    assert!(ran.stderr.contains("nowhere.pcap"), "{}", ran.stderr);
}

#[test]
fn ties_go_by_the_order_of_inputs_then_of_the_file() {
    let dir = Dir::new("ties");
    let (a, b) = (
        dir.pcapng("a.pcapng", &[(T0 + 5, syn(1)), (T0, syn(2)), (T0, syn(3))]),
        dir.pcapng("b.pcapng", &[(T0, syn(4)), (T0 + 5, syn(5))]),
    );
    let order = |first: &str, second: &str| {
        let r = replay(&dir, NAT, &["--in", &format!("Db={first}"), "--in", &format!("Db={second}")]);
        let (ports, frames) = (r.verdicts.len(), r.received("internet"));
        assert_eq!((ports, frames.len()), (5, 5));
        frames.into_iter().map(|f| u16::from_be_bytes([f.data[34], f.data[35]])).collect::<Vec<_>>()
    };
    let one = order(&a, &b);
    let other = order(&b, &a);
    // External ports in order of the frames 2 3 4 1 5, and 4 2 3 5 1.
    let pick = |ports: &[u16], of: [usize; 5]| of.map(|i| ports[i]).to_vec();
    assert_eq!(pick(&one, [2, 0, 1, 4, 3]), other);
}

#[test]
fn without_inputs_the_ports_are_listed() {
    let ran = vpcd(&["replay", NAT]).failed(2);
    assert!(ran.stderr.contains("ports are: Web, Db, Other, "), "{}", ran.stderr);
    let ran = vpcd(&["replay", NAT, "--in", "Nobody=x.pcap", "--out", "x"]).failed(1);
    assert!(ran.stderr.contains("no port Nobody; ports are: Web, Db, Other, "), "{}", ran.stderr);
    for bad in ["Db", "Db=", "Db=x,host=ten", "internet=x,host=10.0.0.1"] {
        vpcd(&["replay", NAT, "--in", bad, "--out", "x"]).failed(2);
    }
    vpcd(&["replay", NAT, "--in", "Db=x.pcap"]).failed(2);
    vpcd(&["replay", NAT, "--in", "Db=x.pcap", "--out", "x", "--workers", "0"]).failed(2);
}

/// A subnet with an instance whose eth0 is an interface of its own, and a free interface.
const INTERFACES: &str = r#"
Resources:
  Vpc: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: "AWS::EC2::Subnet", Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24}}
  Sg:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: all, VpcId: !Ref Vpc, SecurityGroupIngress: [{IpProtocol: -1, CidrIp: 0.0.0.0/0}]}
  Eth0: {Type: "AWS::EC2::NetworkInterface", Properties: {SubnetId: !Ref Subnet, PrivateIpAddress: 10.0.0.10, GroupSet: [!GetAtt Sg.GroupId]}}
  Free: {Type: "AWS::EC2::NetworkInterface", Properties: {SubnetId: !Ref Subnet, PrivateIpAddress: 10.0.0.20, GroupSet: [!GetAtt Sg.GroupId]}}
  Host:
    Type: AWS::EC2::Instance
    Properties: {NetworkInterfaces: [{NetworkInterfaceId: !Ref Eth0, DeviceIndex: "0"}]}
"#;

#[test]
fn an_interface_and_its_instance_name_one_port_and_a_free_one_is_a_port_when_named() {
    let dir = Dir::new("interfaces");
    let template = dir.write("t.yaml", INTERFACES);
    let to_free = udp(("10.0.0.10", 1), ("10.0.0.20", 2), b"");
    let file = dir.pcapng("a.pcapng", &[(T0, to_free.clone())]);
    for name in ["Host", "Eth0"] {
        let r = replay(&dir, &template, &["--in", &format!("{name}={file}")]);
        assert_eq!(r.lines(), [format!("{name} drop route Free no-owner []")]);
    }
    let back = dir.pcapng("b.pcapng", &[(T0 + 1, udp(("10.0.0.20", 2), ("10.0.0.10", 1), b""))]);
    let r = replay(&dir, &template, &["--in", &format!("Host={file}"), "--in", &format!("Free={back}")]);
    assert_eq!(r.lines(), ["Host forward - - - [Free]", "Free forward - - - [Eth0]"]);
    let ports = String::from_utf8(r.files["ports.json"].clone()).unwrap();
    assert!(ports.contains("\"Free\"") && !vpcd(&["check", &template, "--json"]).ok().stdout.contains("\"Free\""));
    assert!(
        vpcd(&["replay", &template])
            .failed(2)
            .stderr
            .contains("Eth0 (or Host), internet; free ones that become a port when named: Free")
    );
}
