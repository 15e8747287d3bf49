//! Whole templates: the examples, cdk's output, and broken ones.

use super::*;
use crate::model::{Direction, RulePeer};

fn read(text: &str) -> Result<Stack, Vec<TemplateError>> {
    load(text, "t.yaml", &BTreeMap::new())
}

/// Line, resource and code of each error.
fn errors(text: &str) -> Vec<(usize, String, &'static str)> {
    let all = read(text).unwrap_err().into_iter();
    all.map(|e| (e.line, e.resource.unwrap_or_default(), &*e.code.into_owned().leak())).collect()
}

const BASE: &str = "
Resources:
  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  S: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref V, CidrBlock: 10.0.0.0/24}}
";

fn with(more: &str) -> String {
    format!("{BASE}{more}")
}

#[test]
fn nat_example_is_configuration_two() {
    let stack = read(include_str!("../../../docs/examples/nat.yaml")).unwrap();
    let ports: Vec<(&str, String, Option<String>, String)> = stack
        .ports
        .iter()
        .map(|p| {
            (
                p.name(),
                p.private[0].to_string(),
                p.primary_public().map(|a| a.to_string()),
                p.ipv6.iter().map(|a| a.to_string()).collect(),
            )
        })
        .collect();
    assert_eq!(
        ports,
        [
            ("Web", "10.0.0.5".into(), Some("198.51.100.1".into()), "2001:db8:1234:1a00::1a".into()),
            ("Db", "10.0.1.5".into(), None, "2001:db8:1234:1a01::5".into()),
            ("Other", "10.0.0.7".into(), None, String::new()),
            ("App", "10.0.1.6".into(), None, "2001:db8:1234:1a01::6".into()),
        ]
    );
    assert_eq!(stack.ports[0].namespace.as_deref(), Some("vpcd-Web"));
    assert_eq!(stack.warnings, []);
    assert_eq!(
        stack.outputs,
        [("WebUrl".into(), "http://198.51.100.1/".into()), ("NatSource".into(), "198.51.100.9".into())]
    );
    assert_eq!(
        stack.internet.iter().map(|h| (h.name.as_str(), h.addresses[0].to_string())).collect::<Vec<_>>(),
        [("HOME", "203.0.113.10".into()), ("NET", "192.0.2.77".into())]
    );
    let web = stack.resource("WebServerSG").unwrap();
    let egress = &stack.model.security_groups().get(&web.id).unwrap().egress;
    assert!(egress.iter().all(|r| r.protocol == Some(6)), "the default outbound rule is gone");
    let other = stack.resource("OtherSG").unwrap();
    assert_eq!(stack.model.security_groups().get(&other.id).unwrap().egress.len(), 2);
}

#[test]
fn open_and_strict_examples_load() {
    for text in [include_str!("../../../docs/examples/open.yaml"), include_str!("../../../docs/examples/strict.yaml")] {
        let stack = read(text).unwrap();
        let host = stack.port("Host").unwrap();
        assert_eq!(host.primary_public().map(|a| a.to_string()).as_deref(), Some("198.51.100.1"));
        assert_eq!((host.ipv6.len(), stack.warnings.len()), (1, 0));
    }
}

#[test]
fn cdk_vpc_loads_and_its_helpers_are_named() {
    let stack = read(include_str!("fixtures/cdk-vpc.json")).unwrap();
    assert_eq!((stack.model.subnets().len(), stack.model.nat_gateways().len()), (4, 2));
    assert_eq!(stack.warnings.iter().map(|w| w.code.as_ref()).collect::<Vec<_>>(), ["Ignored", "Ignored"]);
    let v = stack.model.vpcs().iter().next().unwrap();
    let default = stack.model.security_groups().get(&v.default_group).unwrap();
    assert!(default.ingress.is_empty() && default.egress.is_empty(), "what cdk's own function would have done");
    let dual = read(include_str!("fixtures/cdk-dual-stack.json")).unwrap();
    assert!(dual.model.subnets().iter().all(|s| s.ipv6.is_some() && s.assign_ipv6));
    assert!(dual.warnings.is_empty());
}

#[test]
fn all_errors_at_once_with_their_lines() {
    let text = "\
Resources:
  V:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: 10.0.0.0/8
  Odd:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: nonsense
      Colour: blue
      EnableDnsSupport: maybe
  W:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  S1:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref W, CidrBlock: 10.0.0.0/24}
  S2:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref W, CidrBlock: 10.0.0.128/25}
  S3:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref V, CidrBlock: 10.0.0.128/25}
  Missing:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Nowhere}
  Db:
    Type: AWS::RDS::DBInstance
  Peer:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !GetAtt W.Nothing, VpcPeeringConnectionId: pcx-1}
  Fun:
    Type: AWS::EC2::InternetGateway
    DependsOn: [Absent]
    Properties: {Tags: !Sub '${Gone}'}
Outputs:
  O: {Value: !Ref Lost}
Extra: 1
";
    let got = errors(text);
    let expected = [
        (5, "V", "InvalidVpc.Range"),
        (9, "Odd", "InvalidParameterValue"),
        (10, "Odd", "ValidationError"),
        (11, "Odd", "ValidationError"),
        (20, "S2", "InvalidSubnet.Conflict"),
        (26, "Missing", "ValidationError"),
        (26, "Missing", "ValidationError"),
        (28, "Db", "UnsupportedOperation"),
        (31, "Peer", "ValidationError"),
        (31, "Peer", "UnsupportedOperation"),
        (34, "Fun", "ValidationError"),
        (35, "Fun", "ValidationError"),
        (37, "", "ValidationError"),
        (38, "", "ValidationError"),
    ];
    assert_eq!(
        got,
        expected.map(|(l, r, c)| (l, r.to_string(), c)),
        "S3 only rests on V, so it says nothing of its own"
    );
}

#[test]
fn broken_texts_are_errors_with_places() {
    for (text, line) in [
        ("", 1),
        ("Resources: {\n", 2),
        ("Resources:\n  A: 1\n  A: 2\n", 3),
        ("Resources:\n  V: !Frobnicate x\n", 2),
        ("a: 1\n---\nb: 2\n", 2),
        ("Resources:\n\t- x", 2),
        ("[1, 2]", 1),
        ("Resources: {}", 1),
        ("Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: ~}}", 2),
    ] {
        let got = read(text).unwrap_err();
        assert_eq!(got[0].line, line, "{text}: {got:?}");
    }
    // Aliases that would grow without bound, and nesting without end.
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        bomb += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "));
    }
    assert!(read(&bomb).is_err());
    assert!(read(&"[".repeat(100_000)).is_err());
}

#[test]
fn circles_are_named() {
    let text = "Resources:\n  A: {Type: AWS::EC2::InternetGateway, DependsOn: B}\n  B: {Type: AWS::EC2::InternetGateway, DependsOn: A}\n";
    assert_eq!(errors(text), [(2, "A".into(), "ValidationError")]);
}

#[test]
fn functions_long_and_short() {
    let text = with(
        "
  T:
    Type: AWS::EC2::RouteTable
    Properties: {VpcId: {Ref: V}}
Parameters:
  Size: {Type: Number, Default: 8}
  Zones: {Type: CommaDelimitedList, Default: 'x, y'}
Mappings:
  M: {us-east-1: {Name: here}}
Conditions:
  Big: !Not [!Equals [!Ref Size, 4]]
  Both: !And [!Condition Big, !Equals [!Ref 'AWS::Region', us-east-1]]
Outputs:
  A: {Value: {'Fn::Join': ['-', [{'Fn::Select': ['1', {Ref: Zones}]}, !Ref Size, {'Fn::Sub': '${AWS::Region}/${!x}/${V.CidrBlock}'}]]}}
  B: {Value: !Join [',', !Cidr [!GetAtt V.CidrBlock, 3, !Ref Size]]}
  C: {Value: !Select [2, !GetAZs '']}
  D: {Value: !FindInMap [M, !Ref 'AWS::Region', Name]}
  E: {Value: !If [Both, !Sub ['${a}${Size}', {a: yes}], no]}
  F: {Value: !Base64 'ab'}
  G: {Value: !Select [1, !Split ['/', 'a/b/c']]}
  H: {Value: never, Condition: Small}
",
    );
    let mut bad = errors(&text);
    assert_eq!(bad.pop().unwrap().2, "ValidationError", "Small is no condition");
    let stack = read(&text.replace("  H: {Value: never, Condition: Small}\n", "")).unwrap();
    let values: Vec<&str> = stack.outputs.iter().map(|(_, v)| v.as_str()).collect();
    assert_eq!(
        values,
        [
            "y-8-us-east-1/${x}/10.0.0.0/16",
            "10.0.0.0/24,10.0.1.0/24,10.0.2.0/24",
            "us-east-1c",
            "here",
            "yes8",
            "YWI=",
            "b"
        ]
    );
    let given = BTreeMap::from([("Size".to_string(), "4".to_string())]);
    let stack = load(&text.replace("  H: {Value: never, Condition: Small}\n", ""), "t", &given).unwrap();
    assert_eq!(stack.outputs[4].1, "no");
    let unknown = BTreeMap::from([("Nope".to_string(), "4".to_string())]);
    assert!(load(BASE, "t", &unknown).is_err());
}

// covers: SG-15
#[test]
fn default_egress_rule_goes_only_for_a_given_one() {
    let text = with(
        "
  Kept: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref V, GroupDescription: d, SecurityGroupEgress: []}}
  Inline: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref V, GroupDescription: d, SecurityGroupEgress: [{IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8}]}}
  Apart: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref V, GroupDescription: d}}
  Rule: {Type: AWS::EC2::SecurityGroupEgress, Properties: {GroupId: !Ref Apart, IpProtocol: -1, DestinationSecurityGroupId: !Ref Kept}}
  Same: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref V, GroupDescription: d, SecurityGroupEgress: [{IpProtocol: -1, CidrIp: 0.0.0.0/0}]}}
",
    );
    let stack = read(&text).unwrap();
    let egress = |name: &str| {
        let id = &stack.resource(name).unwrap().id;
        stack.model.security_groups().get(id).unwrap().rules(Direction::Egress).to_vec()
    };
    let all = RulePeer::Cidr("0.0.0.0/0".parse().unwrap());
    assert_eq!((egress("Kept").len(), &egress("Kept")[0].peer), (1, &all));
    assert_eq!((egress("Inline").len(), egress("Inline")[0].protocol), (1, Some(6)));
    assert_eq!(
        (egress("Apart").len(), &egress("Apart")[0].peer),
        (1, &RulePeer::Group(stack.resource("Kept").unwrap().id.clone()))
    );
    assert_eq!(egress("Same").len(), 1);
}

#[test]
fn instances_interfaces_and_their_names() {
    let text = with(
        "
  E: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref S, PrivateIpAddress: 10.0.0.20, SourceDestCheck: false, ConnectionTrackingSpecification: {UdpTimeout: 45}}}
  Two: {Type: AWS::EC2::Instance, Properties: {IamInstanceProfile: x, NetworkInterfaces: [{DeviceIndex: '0', NetworkInterfaceId: !Ref E}, {DeviceIndex: 1, SubnetId: !Ref S}]}}
  Auto: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S}}
  Fixed: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S, PrivateIpAddress: 10.0.0.4}}
  Free: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref S, PrivateIpAddresses: [{PrivateIpAddress: 10.0.0.31, Primary: false}, {PrivateIpAddress: 10.0.0.30, Primary: true}]}}
  Late: {Type: AWS::EC2::NetworkInterface, Properties: {SubnetId: !Ref S}}
  Hang: {Type: AWS::EC2::NetworkInterfaceAttachment, Properties: {InstanceId: !Ref Auto, NetworkInterfaceId: !Ref Late, DeviceIndex: 1}}
",
    );
    let stack = read(&text).unwrap();
    let ports: Vec<(String, Option<&str>, bool, String)> = stack
        .ports
        .iter()
        .map(|p| (p.names.join("="), p.namespace.as_deref(), p.attached, p.private[0].to_string()))
        .collect();
    assert_eq!(
        ports,
        [
            ("E=Two".into(), Some("vpcd-Two"), true, "10.0.0.20".into()),
            ("Two.eth1".into(), Some("vpcd-Two"), true, "10.0.0.5".into()),
            ("Auto".into(), Some("vpcd-Auto"), true, "10.0.0.6".into()),
            ("Late=Auto.eth1".into(), Some("vpcd-Auto"), true, "10.0.0.7".into()),
            ("Fixed".into(), Some("vpcd-Fixed"), true, "10.0.0.4".into()),
            ("Free".into(), None, false, "10.0.0.30".into()),
        ]
    );
    assert_eq!(stack.port("Two").unwrap(), stack.port("E").unwrap());
    let e = stack.model.interfaces().get(&stack.port("E").unwrap().id).unwrap();
    assert_eq!((e.source_dest_check, e.timeouts.udp), (false, 45));
    assert_eq!(stack.warnings.iter().map(|w| (w.line, w.resource.as_deref())).collect::<Vec<_>>(), [(7, Some("Two"))]);
}

#[test]
fn elastic_ips_named_ones_first_then_in_template_order() {
    let text = "
Resources:
  A: {Type: AWS::EC2::EIP}
  B: {Type: AWS::EC2::EIP, Properties: {Address: 198.51.100.1}}
  C: {Type: AWS::EC2::EIP, Properties: {Domain: vpc}}
Outputs:
  O: {Value: !Sub '${A} ${B} ${C}'}
";
    assert_eq!(read(text).unwrap().outputs[0].1, "198.51.100.2 198.51.100.1 198.51.100.3");
}

#[test]
fn failed_nat_gateways_are_errors() {
    let text = with(
        "
  A: {Type: AWS::EC2::EIP}
  N: {Type: AWS::EC2::NatGateway, Properties: {SubnetId: !Ref S, AllocationId: !GetAtt A.AllocationId}}
",
    );
    assert_eq!(errors(&text), [(7, "N".into(), "Gateway.NotAttached")]);
}

#[test]
fn metadata_gives_hosts_and_quotas() {
    let text = with(
        "
Metadata:
  Other: {x: 1}
  Vpcd:
    Internet:
      - {Name: ONE, Addresses: [192.0.2.1, '2001:db8::1']}
    Quotas: {Vpcs: 0}
",
    );
    assert_eq!(errors(&text), [(3, "V".into(), "VpcLimitExceeded")]);
    let stack = read(&text.replace("Vpcs: 0", "Vpcs: 9")).unwrap();
    assert_eq!((stack.internet.len(), stack.internet[0].addresses.len()), (1, 2));
    assert!(read(&text.replace("192.0.2.1", "192.0.2.1000")).is_err());
}

// covers: NAT-15
#[test]
fn nat_15_metadata_constrains_zones() {
    let text = "
Metadata:
  Vpcd:
    ConstrainedZones: [us-east-1b]
Resources:
  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  S:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref V, CidrBlock: 10.0.0.0/24, AvailabilityZone: us-east-1b}
  N:
    Type: AWS::EC2::NatGateway
    Properties: {SubnetId: !Ref S, ConnectivityType: private}
";
    assert_eq!(errors(text), [(10, "N".into(), "NotAvailableInZone")]);
    assert!(read(&text.replace("[us-east-1b]", "[us-east-1a]")).is_ok());
    for wrong in ["[us-east-1z]", "us-east-1b"] {
        assert_eq!(errors(&text.replace("[us-east-1b]", wrong))[0].0, 4, "{wrong}");
    }
}

#[test]
fn json_reads_like_yaml() {
    let text = r#"{
  "Resources": {
    "V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
    "S": {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "V"}, "CidrBlock": "10.1.0.0/24"}}
  }
}"#;
    assert_eq!(errors(text), [(4, "S".into(), "InvalidSubnet.Range")]);
    assert_eq!(read(&text.replace("10.1.", "10.0.")).unwrap().logical.len(), 2);
}

#[test]
fn tags_and_logical_ids_are_in_the_model() {
    let stack = read(&with(
        "  G: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: d, VpcId: !Ref V, Tags: [{Key: Name, Value: !Sub \"g-${AWS::Region}\"}]}}\n",
    ))
    .unwrap();
    let tags = |logical: &str| -> Vec<(String, String)> {
        stack.model.tags(&stack.resource(logical).unwrap().id).map(|(k, v)| (k.into(), v.into())).collect()
    };
    let own = |logical: &str| ("aws:cloudformation:logical-id".to_string(), logical.to_string());
    assert_eq!(tags("G"), [("Name".to_string(), "g-us-east-1".to_string()), own("G")]);
    assert_eq!(tags("V"), [own("V")]);
    let reserved = with("  G: {Type: AWS::EC2::InternetGateway, Properties: {Tags: [{Key: \"aws:x\", Value: y}]}}\n");
    assert_eq!(errors(&reserved), [(5, "G".into(), "InvalidParameterValue")]);
}

#[test]
fn user_data_is_kept_as_the_api_has_it() {
    let stack = read(&with(
        "  A: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S, UserData: !Base64 \"#!/bin/sh\"}}
  B: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S, UserData: \"#!/bin/sh\"}}
  C: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S, UserData: IyEvYmluL3No}}
  D: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S}}\n",
    ))
    .unwrap();
    let details = |logical: &str| &stack.model.instances().get(&stack.resource(logical).unwrap().id).unwrap().details;
    for logical in ["A", "B", "C"] {
        assert_eq!(details(logical).user_data.as_deref(), Some("IyEvYmluL3No"), "{logical}");
        assert_eq!(details(logical).script().as_deref(), Some(&b"#!/bin/sh"[..]), "{logical}");
    }
    assert_eq!(details("D").script(), None);
}

#[test]
fn dhcp_options_prefix_lists_and_key_pairs_are_made() {
    let stack = read(&with(
        "  D: {Type: AWS::EC2::DHCPOptions, Properties: {DomainName: example.com, NtpServers: [10.0.0.5]}}
  DA: {Type: AWS::EC2::VPCDHCPOptionsAssociation, Properties: {VpcId: !Ref V, DhcpOptionsId: !Ref D}}
  P: {Type: AWS::EC2::PrefixList, Properties: {PrefixListName: p, AddressFamily: IPv4, MaxEntries: 3, Entries: [{Cidr: 192.0.2.0/24, Description: net}]}}
  G:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: d
      VpcId: !Ref V
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 1, ToPort: 2, SourcePrefixListId: !Ref P}]
      SecurityGroupEgress: [{IpProtocol: \"-1\", DestinationPrefixListId: !GetAtt P.PrefixListId}]
  K: {Type: AWS::EC2::KeyPair, Properties: {KeyName: k, PublicKeyMaterial: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC3+v5028JfEW0pZykhFXQEtdOs6v64m177UFaR6B+Vv}}
  I: {Type: AWS::EC2::Instance, Properties: {SubnetId: !Ref S, KeyName: !Ref K}}\n",
    ))
    .unwrap();
    let m = &stack.model;
    let id = |logical: &str| stack.resource(logical).unwrap().id.clone();
    assert_eq!(m.vpcs().get(&id("V")).unwrap().dhcp_options, Some(id("D")));
    let set = m.dhcp_options().get(&id("D")).unwrap();
    assert_eq!(set.options["domain-name"], ["example.com"]);
    assert_eq!(set.options["ntp-servers"], ["10.0.0.5"]);
    let list = m.prefix_lists().get(&id("P")).unwrap();
    assert_eq!((list.max_entries, list.entries.len(), list.entries[0].description.as_str()), (Some(3), 1, "net"));
    let group = m.security_groups().get(&id("G")).unwrap();
    for rule in [&group.ingress[..], &group.egress[..]] {
        assert_eq!(rule.iter().map(|r| &r.peer).collect::<Vec<_>>(), [&RulePeer::PrefixList(id("P"))]);
    }
    assert_eq!(m.instances().get(&id("I")).unwrap().details.key_name.as_deref(), Some("k"));
}

#[test]
fn a_template_comes_beside_what_a_region_has() {
    let mut region = Model::new(7);
    region.create_default_vpc().unwrap();
    let text = with("  G: {Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: d}}\n");
    assert_eq!(errors(&text), [(5, "G".into(), "VPCIdNotSpecified")]);
    let stack = load_into(region.clone(), &text, "t.yaml", &BTreeMap::new()).unwrap();
    assert_eq!(stack.model.vpcs().len(), 2);
    let group = stack.model.security_groups().get(&stack.resource("G").unwrap().id).unwrap();
    assert_eq!(Some(&group.vpc), stack.model.default_vpc().map(|v| &v.id));
    let elsewhere = format!("Metadata: {{Vpcd: {{Region: eu-west-1}}}}{BASE}");
    assert_eq!(super::region(&elsewhere, &BTreeMap::new()).as_deref(), Some("eu-west-1"));
    assert_eq!(read(&elsewhere).unwrap().model.region(), "eu-west-1");
    let refused = load_into(region, &elsewhere, "t.yaml", &BTreeMap::new()).unwrap_err();
    assert_eq!(refused[0].message, "The template is for another Region; this is us-east-1");
}

#[test]
fn an_ipv6_block_can_be_named() {
    let text = "
Resources:
  A: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  A6: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref A, Ipv6CidrBlock: \"2001:db8:1234:1b00::/56\", Ipv6Pool: Amazon}}
  B: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  B6: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref B, AmazonProvidedIpv6CidrBlock: true}}
  C: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  C6: {Type: AWS::EC2::VPCCidrBlock, Properties: {VpcId: !Ref C, AmazonProvidedIpv6CidrBlock: true}}
";
    let stack = read(text).unwrap();
    let blocks: Vec<String> = stack.model.vpcs().iter().map(|v| v.ipv6.as_ref().unwrap().cidr.to_string()).collect();
    assert_eq!(blocks, ["2001:db8:1234:1b00::/56", "2001:db8:1234:1a00::/56", "2001:db8:1234:1c00::/56"]);
    let twice = text.replace("AmazonProvidedIpv6CidrBlock: true", "Ipv6CidrBlock: \"2001:db8:1234:1b00::/56\"");
    assert_eq!(errors(&twice).len(), 2);
    let pool = text.replace("Ipv6Pool: Amazon", "Ipv6Pool: ipv6pool-ec2-0");
    assert_eq!(errors(&pool), [(4, "A6".into(), "UnsupportedOperation")]);
}

/// The words of the guide's VPN-only subnet: a gateway, what it is attached to, a route, and tables that take over its routes.
#[test]
fn virtual_private_gateways() {
    let stack = read(
        "Resources:
  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  T: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref V}}
  G: {Type: AWS::EC2::VPNGateway, Properties: {Type: ipsec.1, AmazonSideAsn: 65001}}
  A: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref V, VpnGatewayId: !Ref G}}
  R:
    Type: AWS::EC2::Route
    DependsOn: A
    Properties: {RouteTableId: !Ref T, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !GetAtt G.VPNGatewayId}
  P:
    Type: AWS::EC2::VPNGatewayRoutePropagation
    DependsOn: A
    Properties: {RouteTableIds: [!Ref T], VpnGatewayId: !Ref G}
  E: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref V}}
  Edge: {Type: AWS::EC2::GatewayRouteTableAssociation, DependsOn: A, Properties: {RouteTableId: !Ref E, GatewayId: !Ref G}}
",
    )
    .unwrap();
    let m = &stack.model;
    let g = m.vpn_gateways().iter().next().unwrap();
    assert_eq!((g.asn, g.vpc.is_some(), g.table_association.is_some()), (65_001, true, true));
    let t = m.route_tables().by(&g.id).next().unwrap();
    assert_eq!(t.propagating, std::slice::from_ref(&g.id));
    assert!(t.routes.iter().any(|r| r.target == crate::model::RouteTarget::VpnGateway(g.id.clone())));
}

/// A connection with a static route, and a table that takes it over.
#[test]
fn vpn_connections() {
    let text = "Resources:
  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  T: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref V}}
  G: {Type: AWS::EC2::VPNGateway, Properties: {Type: ipsec.1}}
  A: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref V, VpnGatewayId: !Ref G}}
  D: {Type: AWS::EC2::CustomerGateway, Properties: {Type: ipsec.1, IpAddress: 203.0.113.1, BgpAsn: 65001}}
  C:
    Type: AWS::EC2::VPNConnection
    Properties: {Type: ipsec.1, CustomerGatewayId: !GetAtt D.CustomerGatewayId, VpnGatewayId: !Ref G, StaticRoutesOnly: true}
  R:
    Type: AWS::EC2::VPNConnectionRoute
    Properties: {VpnConnectionId: !GetAtt C.VpnConnectionId, DestinationCidrBlock: 172.16.0.0/12}
  P:
    Type: AWS::EC2::VPNGatewayRoutePropagation
    DependsOn: A
    Properties: {RouteTableIds: [!Ref T], VpnGatewayId: !Ref G}
";
    let stack = read(text).unwrap();
    let m = &stack.model;
    let t = m.route_tables().by(&m.vpn_gateways().iter().next().unwrap().id).next().unwrap();
    let routes: Vec<String> = m.propagated_routes(t).iter().map(|r| r.destination.to_string()).collect();
    assert_eq!(routes, ["172.16.0.0/12"]);
    assert_eq!(m.customer_gateways().iter().next().unwrap().asn, 65_001);
    let dynamic = text.replace("StaticRoutesOnly: true", "StaticRoutesOnly: false");
    assert_eq!(errors(&dynamic), [(12, "R".into(), "InvalidVpnConnection.InvalidType")]);
    let conflict = text.replace("BgpAsn: 65001", "BgpAsn: 64512");
    assert_eq!(errors(&conflict)[0].2, "AsnConflict");
    let named = text.replace("BgpAsn: 65001", "BgpAsn: all");
    assert_eq!(errors(&named)[0].2, "InvalidParameterValue");
}

/// What is behind a virtual private gateway is said in the metadata; only then is the gateway a port by itself.
#[test]
fn networks_behind_virtual_private_gateways() {
    let text = "
Metadata: {Vpcd: {Remote: {G: [172.16.1.1, 172.16.1.2]}}}
Resources:
  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  G: {Type: AWS::EC2::VPNGateway, Properties: {Type: ipsec.1}}
  A: {Type: AWS::EC2::VPCGatewayAttachment, Properties: {VpcId: !Ref V, VpnGatewayId: !Ref G}}
";
    let bound = |stack: &Stack| stack.model.vpn_gateways().iter().all(|g| g.bound);
    let stack = read(text).unwrap();
    let port = stack.port("G").unwrap();
    assert_eq!((port.attached, port.namespace.as_deref(), bound(&stack)), (true, Some("vpcd-G"), true));
    assert_eq!(port.private.iter().map(ToString::to_string).collect::<Vec<_>>(), ["172.16.1.1", "172.16.1.2"]);
    let open = read(&text.replace("[172.16.1.1, 172.16.1.2]", "[]")).unwrap();
    assert!(open.port("G").unwrap().attached && bound(&open), "connected, to who knows whom");
    let free = read(&text.replace("Metadata: {Vpcd: {Remote: {G: [172.16.1.1, 172.16.1.2]}}}", "")).unwrap();
    assert!(!free.port("G").unwrap().attached && !bound(&free));
    for wrong in ["{G: [2001:db8::1]}", "{G: 172.16.1.1}", "{V: [172.16.1.1]}", "{H: []}", "[172.16.1.1]"] {
        let text = text.replace("{G: [172.16.1.1, 172.16.1.2]}", wrong);
        assert_eq!(errors(&text), [(2, String::new(), "ValidationError")], "{wrong}");
    }
    let onto = load_into(Model::default(), text, "t.yaml", &Default::default()).unwrap();
    assert!(!bound(&onto) && onto.warnings.iter().any(|w| w.code == "Ignored" && w.message.contains("vpcd attach")));
}
