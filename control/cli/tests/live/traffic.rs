//! What passes and what is refused, with the kernel's own stacks as hosts. A refusal costs one packet, and exactly one counter rises by one.

use crate::lab::{Dir, Up, example, isolated};
use std::collections::BTreeMap;

const NET: &str = "192.0.2.77";
const NET6: &str = "2001:db8:cafe::77";
const HOME: &str = "203.0.113.10";
const HOME6: &str = "2001:db8:beef::10";
const DB6: &str = "2001:db8:1234:1a01::5";
const WEB6: &str = "2001:db8:1234:1a00::1a";

/// Configuration 2 with servers on every port that the scenarios name.
struct Lab {
    up: Up,
    dir: Dir,
}

impl Lab {
    fn new(name: &str) -> Lab {
        let dir = Dir::new(name);
        let mut up = Up::start(&[&example("nat"), "--counters", &dir.text("counters")]);
        let log = dir.text("log");
        up.serve("internet", &log, &["who=22,25,80,443"]);
        up.serve("Web", &log, &["who=22,80,443,3306,3389"]);
        up.serve("Db", &log, &["who=22,80,1433,3306,5432"]);
        Lab { up, dir }
    }

    fn drops(&self) -> BTreeMap<String, u64> {
        self.up.drops(&self.dir.text("counters"))
    }

    /// Every connection succeeds, seen by the server as coming from `seen`, and nothing is dropped.
    #[track_caller]
    fn pass(&self, host: &str, from: &str, seen: &str, targets: &[&str]) {
        let before = self.drops();
        for target in targets {
            let (address, port) =
                self.up.seen(host, from, target).unwrap_or_else(|| panic!("{from} > {target}: no answer"));
            assert_eq!(address, seen, "{from} > {target}");
            assert!(port >= 1024, "{from} > {target}: port {port}");
        }
        assert_eq!(self.drops(), before, "nothing is dropped on the way");
    }

    /// No connection succeeds, no server notices, and each costs one packet at `gate` (port, stage, reason).
    #[track_caller]
    fn refuse(&self, host: &str, from: &str, gate: &str, targets: &[&str]) {
        for target in targets {
            self.refused(gate, &format!("{from} > {target}"), || {
                assert_eq!(self.up.seen(host, from, target), None, "{from} > {target}")
            });
        }
    }

    #[track_caller]
    fn refused(&self, gate: &str, what: &str, attempt: impl FnOnce()) {
        let log = || std::fs::read_to_string(self.dir.text("log")).unwrap();
        let (mut expected, connections) = (self.drops(), log());
        attempt();
        *expected.entry(gate.into()).or_default() += 1;
        assert_eq!(self.drops(), expected, "{what}");
        assert_eq!(log(), connections, "{what}: a server was reached");
    }

    fn no_ping(&self, host: &str, from: &str, gate: &str, target: &str) {
        self.refused(gate, target, || assert!(!self.up.run(host, &format!("ping -n -c 1 -W 1 -I {from} {target}")).0));
    }
}

// covers: SCN-80 SCN-104
#[test]
fn the_web_server_serves_whom_it_should() {
    isolated("traffic::the_web_server_serves_whom_it_should", || {
        let lab = Lab::new("web");
        let web = |ports: &[u16]| ports.iter().map(|p| format!("198.51.100.1:{p}")).collect::<Vec<_>>();
        let web6 = |ports: &[u16]| ports.iter().map(|p| format!("[{WEB6}]:{p}")).collect::<Vec<_>>();
        fn all(list: &[String]) -> Vec<&str> {
            list.iter().map(String::as_str).collect()
        }
        lab.pass("internet", NET, NET, &all(&web(&[80, 443])));
        lab.pass("internet", HOME, HOME, &all(&web(&[22, 3389])));
        lab.refuse("internet", NET, "internet sg-in no-rule", &all(&web(&[22, 3389, 3306])));
        lab.pass("internet", NET6, NET6, &all(&web6(&[80, 443])));
        lab.pass("internet", HOME6, HOME6, &all(&web6(&[22, 3389])));
        lab.refuse("Web", WEB6, "Web sg-out no-rule", &[&format!("[{NET6}]:25")]);
        lab.refuse("Db", DB6, "Db sg-out no-rule", &[&format!("[{NET6}]:22")]);
    });
}

// covers: SCN-82 SCN-83 SCN-84 SCN-85 SCN-87 SCN-107
#[test]
fn only_the_web_server_reaches_the_database() {
    isolated("traffic::only_the_web_server_reaches_the_database", || {
        let lab = Lab::new("db");
        lab.pass("Web", "10.0.0.5", "10.0.0.5", &["10.0.1.5:1433", "10.0.1.5:3306"]);
        lab.refuse("Web", "10.0.0.5", "Web sg-out no-rule", &["10.0.1.5:22", "10.0.1.5:5432"]);
        lab.no_ping("Web", "10.0.0.5", "Web sg-out no-rule", "10.0.1.5");
        lab.refuse("Web", "10.0.0.5", "Web sg-in no-rule", &["10.0.1.5:80"]);
        lab.pass("Db", "10.0.1.5", "10.0.1.5", &["10.0.0.5:80"]);
        lab.refuse("Db", "10.0.1.5", "Db sg-out no-rule", &["10.0.0.5:3306"]);
        lab.refuse("Other", "10.0.0.7", "Other sg-in no-rule", &["10.0.1.5:3306"]);
        lab.pass("Web", WEB6, WEB6, &[&format!("[{DB6}]:3306")]);
    });
}

// covers: SCN-95 SCN-96 SCN-98 SCN-105
#[test]
fn the_private_subnet_reaches_out_and_is_not_reached() {
    isolated("traffic::the_private_subnet_reaches_out_and_is_not_reached", || {
        let lab = Lab::new("out");
        lab.pass("Db", "10.0.1.5", "198.51.100.9", &["192.0.2.77:443", "192.0.2.77:80"]);
        lab.refuse("Db", "10.0.1.5", "Db sg-out no-rule", &["192.0.2.77:25"]);
        lab.no_ping("Db", "10.0.1.5", "Db sg-out no-rule", NET);
        lab.refuse("internet", NET, "internet natgw unsolicited", &["198.51.100.9:80", "198.51.100.9:443"]);
        lab.no_ping("internet", NET, "internet natgw unsolicited", "198.51.100.9");
        lab.refuse("internet", NET, "internet igw no-mapping", &["10.0.1.5:3306"]);
        lab.pass("Db", DB6, DB6, &[&format!("[{NET6}]:80"), &format!("[{NET6}]:443")]);
        lab.refuse("internet", NET6, "internet eigw no-flow", &[&format!("[{DB6}]:3306")]);
        let (good, said) = lab.up.run("App", "ping -n -c 2 -i 0.2 -W 1 192.0.2.77");
        assert!(good && said.contains("2 received"), "{said}");
    });
}

/// Two hosts that may do everything, with public addresses and IPv6.
const OPEN: &str = r#"
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Six: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref Vpc, AmazonProvidedIpv6CidrBlock: true}}
  Igw: {Type: AWS::EC2::InternetGateway}
  Attached: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Igw}}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Out: {Type: AWS::EC2::Route, DependsOn: Attached, Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw}}
  Out6: {Type: AWS::EC2::Route, DependsOn: Attached, Properties: {RouteTableId: !Ref Table, DestinationIpv6CidrBlock: "::/0", GatewayId: !Ref Igw}}
  Subnet:
    Type: AWS::EC2::Subnet
    DependsOn: Six
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, Ipv6CidrBlock: "2001:db8:1234:1a00::/64"}
  Use: {Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {SubnetId: !Ref Subnet, RouteTableId: !Ref Table}}
  All:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: everything
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: "-1", CidrIp: 0.0.0.0/0}, {IpProtocol: "-1", CidrIpv6: "::/0"}]
      SecurityGroupEgress: [{IpProtocol: "-1", CidrIp: 0.0.0.0/0}, {IpProtocol: "-1", CidrIpv6: "::/0"}]
  A: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Subnet, PrivateIpAddress: 10.0.0.10, Ipv6Addresses: [{Ipv6Address: "2001:db8:1234:1a00::10"}], SecurityGroupIds: [!Ref All]}}
  B: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref Subnet, PrivateIpAddress: 10.0.0.11, Ipv6Addresses: [{Ipv6Address: "2001:db8:1234:1a00::11"}], SecurityGroupIds: [!Ref All]}}
  Public: {Type: AWS::EC2::EIP, DependsOn: Attached, Properties: {Domain: vpc, InstanceId: !Ref A, Address: 198.51.100.10}}
"#;

fn open(dir: &Dir) -> Up {
    std::fs::write(dir.text("open.yaml"), OPEN).unwrap();
    Up::start(&[&dir.text("open.yaml"), "--counters", &dir.text("counters")])
}

// covers: IGW-23
#[test]
fn the_way_to_the_internet_is_narrower_than_the_vpc() {
    isolated("traffic::the_way_to_the_internet_is_narrower_than_the_vpc", || {
        let dir = Dir::new("mtu");
        let up = open(&dir);
        let ping = |options: &str| up.run("A", &format!("ping -n -c 1 -W 1 {options}"));
        let good = |options: &str| {
            let (good, said) = ping(options);
            assert!(good, "{options}: {said}");
        };
        // 20 and 40 bytes of IP and 8 of ICMP around the payload.
        good("-M do -s 8973 10.0.0.11");
        good("-M do -s 8953 2001:db8:1234:1a00::11");
        let (_, said) = ping("-M do -s 1473 192.0.2.77");
        assert!(said.contains("From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1500)"), "{said}");
        let (_, said) = ping("-M do -s 1453 2001:db8:cafe::77");
        assert!(said.contains("Packet too big: mtu=1500") || said.contains("message too long, mtu: 1500"), "{said}");
        good("-M do -s 1472 192.0.2.77");
        good("-M do -s 1452 2001:db8:cafe::77");
        // A new address of the internet, so that the sender does not know the MTU yet: the gateway makes the pieces.
        good("-M dont -s 5000 203.0.113.10");
        // And answers of 5,028 bytes, which Linux sends without DF.
        let (fine, said) = up.run("internet", "ping -n -c 1 -W 1 -s 5000 -I 192.0.2.77 198.51.100.10");
        assert!(fine, "{said}");
    });
}

// covers: IGW-22
#[test]
fn errors_find_the_socket_that_they_are_about() {
    isolated("traffic::errors_find_the_socket_that_they_are_about", || {
        let dir = Dir::new("errors");
        let up = open(&dir);
        // Nobody listens: "port unreachable" comes back quoting addresses that the asking side knows.
        for (host, server) in [("A", NET), ("internet", "198.51.100.10"), ("A", NET6)] {
            let (_, said) = up.run(host, &format!("dig +tries=1 +time=2 -p 9999 @{server} example.org"));
            assert!(said.contains("connection refused"), "{host} > {server}: {said}");
        }
    });
}

// covers: RT-73 EIP-10 SCN-140
#[test]
fn the_company_behind_a_virtual_private_gateway() {
    isolated("traffic::the_company_behind_a_virtual_private_gateway", || {
        let dir = Dir::new("vpn");
        let mut up = Up::start(&[&example("vpn"), "--counters", &dir.text("counters")]);
        let log = dir.text("log");
        up.serve("Vgw", &log, &["who=443"]);
        up.serve("Web", &log, &["who=80"]);
        up.serve("Db", &log, &["who=22,3306"]);
        let lab = Lab { up, dir };
        lab.pass("Vgw", "172.16.1.1", "172.16.1.1", &["10.0.1.5:22", "10.0.0.5:80"]);
        lab.pass("Db", "10.0.1.5", "10.0.1.5", &["172.16.1.1:443", "172.16.200.9:443"]);
        lab.pass("internet", NET, NET, &["198.51.100.1:80"]);
        lab.refuse("Vgw", "172.16.1.1", "Vgw sg-in no-rule", &["10.0.1.5:3306"]);
        lab.refuse("Vgw", "172.16.1.1", "Vgw vgw no-owner", &["198.51.100.1:80", "192.0.2.77:443"]);
        lab.refuse("internet", NET, "internet igw no-mapping", &["10.0.1.5:22"]);
        assert!(lab.up.run("Vgw", "ping -n -c 2 -i 0.2 -W 2 -I 172.16.1.1 10.0.1.5").0);
    });
}
