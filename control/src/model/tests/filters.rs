use super::*;

fn cidr(t: &str) -> RulePeer {
    RulePeer::Cidr(net(t))
}
fn create(vpc: &str, name: &str, description: &str) -> CreateSecurityGroup {
    CreateSecurityGroup { vpc: vpc.into(), name: name.into(), description: description.into() }
}

// covers: SG-10 SG-11 SG-12 SG-13
#[test]
fn sg_10_names() {
    let mut m = Model::default();
    let (a, b) = (vpc(&mut m, "10.0.0.0/16"), vpc(&mut m, "10.0.0.0/16"));
    for (name, description, code) in [
        ("x", "", "MissingParameter"),
        ("sg-x", "d", "InvalidParameterValue"),
        ("a|b", "d", "InvalidParameterValue"),
        ("x", "ä", "InvalidParameterValue"),
        (&"x".repeat(256), "d", "InvalidParameterValue"),
        ("default", "d", "InvalidGroup.Reserved"),
    ] {
        assert_eq!(refused(&mut m, |m| m.create_security_group(create(&a, name, description))), code, "{name}");
    }
    assert_eq!(refused(&mut m, |m| m.create_security_group(create("vpc-0", "x", "d"))), "InvalidVpcID.NotFound");
    m.create_security_group(create(&a, "My web {1}, #2 (x)", &"d".repeat(255))).unwrap();
    group(&mut m, &a, "same");
    assert_eq!(refused(&mut m, |m| m.create_security_group(create(&a, "same", "d"))), "InvalidGroup.Duplicate");
    group(&mut m, &b, "same");
}

// covers: SG-14 SG-15
#[test]
fn sg_15_rules_of_a_new_group() {
    let mut m = Model::default();
    let (plain, dual) = (vpc(&mut m, "10.0.0.0/16"), vpc6(&mut m, "10.0.0.0/16"));
    for (v, peers) in [(plain, vec![cidr("0.0.0.0/0")]), (dual, vec![cidr("0.0.0.0/0"), cidr("::/0")])] {
        let g = group(&mut m, &v, "g");
        let g = m.security_groups().get(&g).unwrap();
        assert!(g.ingress.is_empty());
        assert!(g.egress.iter().all(|r| r.protocol.is_none()));
        assert_eq!(g.egress.iter().map(|r| r.peer.clone()).collect::<Vec<_>>(), peers);
    }
}

// covers: SG-17 SG-23 SG-210
#[test]
fn sg_17_deletion() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let (g, named) = (group(&mut m, &v, "g"), group(&mut m, &v, "named"));
    let e = m.create_network_interface(CreateNetworkInterface { groups: vec![g.clone()], ..eni_request(&s) }).unwrap();
    assert_eq!(refused(&mut m, |m| m.delete_security_group(&g)), "DependencyViolation");
    m.delete_network_interface(&e).unwrap();
    let rule = IpPermission::all(RulePeer::Group(named.clone()));
    m.authorize_security_group(&g, Direction::Ingress, &[rule]).unwrap();
    assert_eq!(refused(&mut m, |m| m.delete_security_group(&named)), "DependencyViolation");
    m.delete_security_group(&g).unwrap();
    m.delete_security_group(&named).unwrap();
    assert_eq!(refused(&mut m, |m| m.delete_security_group(&g)), "InvalidGroup.NotFound");
    let default = m.vpcs().get(&v).unwrap().default_group.clone();
    let e = m.delete_security_group(&default).unwrap_err();
    assert_eq!(e.code, "CannotDelete");
    assert_eq!(e.message, format!("the specified group: \"{default}\" name: \"default\" cannot be deleted by a user"));
}

// covers: SG-21
#[test]
fn sg_21_default_group_admits_itself() {
    let mut m = Model::default();
    let v = vpc6(&mut m, "10.0.0.0/16");
    let g = m.security_groups().get(&m.vpcs().get(&v).unwrap().default_group).unwrap();
    assert_eq!((g.ingress.len(), g.ingress[0].protocol, &g.ingress[0].peer), (1, None, &RulePeer::Group(g.id.clone())));
    assert_eq!(g.egress.iter().map(|r| r.peer.clone()).collect::<Vec<_>>(), [cidr("0.0.0.0/0"), cidr("::/0")]);
}

// covers: SG-32 SG-34 SG-211
#[test]
fn sg_32_ports_types_and_protocols() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let g = group(&mut m, &v, "g");
    let rule = |p: u8, a: i32, b: i32| IpPermission::ports(p, a, b, cidr("10.0.0.0/8"));
    for bad in [rule(6, 80, 79), rule(6, -1, 80), rule(17, 0, 65536), rule(1, 256, 0), rule(1, 8, 256), rule(58, -1, 3)]
    {
        assert_eq!(
            refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &[bad])),
            "InvalidParameterValue"
        );
    }
    let open = IpPermission { from: None, ..rule(6, 0, 80) };
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &[open])),
        "InvalidParameterValue"
    );
    let good = [rule(6, 0, 65535), rule(1, 8, 0), rule(1, 3, -1), rule(1, 252, 86), rule(58, -1, -1), rule(47, 5, 6)];
    m.authorize_security_group(&g, Direction::Ingress, &good).unwrap();
    let stored: Vec<(i32, i32)> = m.security_groups().get(&g).unwrap().ingress.iter().map(|r| r.ports).collect();
    assert_eq!(stored, [(0, 65535), (8, 0), (3, -1), (252, 86), (-1, -1), (-1, -1)]);
    for (text, protocol) in
        [("tcp", Some(6)), ("6", Some(6)), ("-1", None), ("58", Some(58)), ("icmpv6", Some(58)), ("47", Some(47))]
    {
        assert_eq!(parse::protocol(text).unwrap(), protocol);
    }
    for text in ["tpc", "256", "-2"] {
        assert_eq!(parse::protocol(text).unwrap_err().code, "InvalidPermission.Malformed");
    }
}

// covers: SG-209 SG-31
#[test]
fn sg_209_duplicates_and_absent_rules() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let g = group(&mut m, &v, "g");
    let a = IpPermission::ports(6, 80, 80, cidr("10.0.0.9/8"));
    let same = IpPermission::ports(6, 80, 80, cidr("10.0.0.0/8"));
    let other = IpPermission::ports(6, 81, 81, cidr("10.0.0.0/8"));
    m.authorize_security_group(&g, Direction::Ingress, &[a]).unwrap();
    let batch = [other.clone(), same.clone()];
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &batch)),
        "InvalidPermission.Duplicate"
    );
    m.authorize_security_group(&g, Direction::Egress, std::slice::from_ref(&same)).unwrap();
    let id = m.rule_like(&g, Direction::Ingress, &same).unwrap().id.clone();
    assert_eq!(m.rule_like(&g, Direction::Ingress, &other).unwrap_err().code, "InvalidPermission.NotFound");
    let ids = [id, "sgr-0".into()];
    assert_eq!(
        refused(&mut m, |m| m.revoke_security_group_rules(&g, Direction::Ingress, &ids)),
        "InvalidSecurityGroupRuleId.NotFound"
    );
    let gone = m.revoke_security_group_rules(&g, Direction::Ingress, &ids[..1]).unwrap();
    assert_eq!((gone.len(), &gone[0].peer), (1, &same.peer));
    assert!(m.security_groups().get(&g).unwrap().ingress.is_empty());
    assert_eq!(m.security_groups().get(&g).unwrap().egress.len(), 2);
}

// covers: SG-39
#[test]
fn sg_39_quota_per_family_and_direction() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let g = group(&mut m, &v, "g");
    let rule = |i: i32, peer: RulePeer| IpPermission::ports(6, i, i, peer);
    let v4: Vec<IpPermission> = (0..59).map(|i| rule(i, cidr("10.0.0.0/8"))).collect();
    m.authorize_security_group(&g, Direction::Ingress, &v4).unwrap();
    // A group reference counts in both families.
    m.authorize_security_group(&g, Direction::Ingress, &[rule(99, RulePeer::Group(g.clone()))]).unwrap();
    let more = rule(60, cidr("10.0.0.0/8"));
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, std::slice::from_ref(&more))),
        "RulesPerSecurityGroupLimitExceeded"
    );
    let v6: Vec<IpPermission> = (0..59).map(|i| rule(i, cidr("2001:db8::/32"))).collect();
    m.authorize_security_group(&g, Direction::Ingress, &v6).unwrap();
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &[rule(60, cidr("::/0"))])),
        "RulesPerSecurityGroupLimitExceeded"
    );
    m.authorize_security_group(&g, Direction::Egress, &[more]).unwrap();
}

// covers: SG-52 SG-53
#[test]
fn sg_53_groups_of_other_vpcs() {
    let mut m = Model::default();
    let (a, b) = (vpc(&mut m, "10.0.0.0/16"), vpc(&mut m, "10.1.0.0/16"));
    let (g, theirs) = (group(&mut m, &a, "g"), group(&mut m, &b, "g"));
    for peer in [theirs, "sg-0".into()] {
        let rule = IpPermission::all(RulePeer::Group(peer));
        assert_eq!(
            refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &[rule])),
            "InvalidGroup.NotFound"
        );
    }
    let own = IpPermission::all(RulePeer::Group(g.clone()));
    m.authorize_security_group(&g, Direction::Ingress, &[own]).unwrap();
}

// covers: SG-26 SG-60 SG-62 SG-63 SG-64
#[test]
fn sg_60_groups_of_an_interface() {
    let mut m = Model::default();
    let (v, foreign) = (vpc(&mut m, "10.0.0.0/16"), vpc(&mut m, "10.0.0.0/16"));
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let e = eni(&mut m, &s);
    let default = m.vpcs().get(&v).unwrap().default_group.clone();
    assert_eq!(m.interfaces().get(&e).unwrap().groups, [default]);
    let six: Vec<Id> = (0..6).map(|i| group(&mut m, &v, &format!("g{i}"))).collect();
    assert_eq!(refused(&mut m, |m| m.modify_groups(&e, &six)), "SecurityGroupsPerInterfaceLimitExceeded");
    m.modify_groups(&e, &six[..5]).unwrap();
    m.modify_groups(&e, &six[5..]).unwrap();
    assert_eq!(m.interfaces().get(&e).unwrap().groups, six[5..]);
    let theirs = group(&mut m, &foreign, "x");
    assert_eq!(refused(&mut m, |m| m.modify_groups(&e, &[theirs])), "InvalidGroup.NotFound");
    assert_eq!(refused(&mut m, |m| m.modify_groups(&e, &[])), "InvalidParameterValue");
}

fn spec(acl: &str, number: i32, cidr: &str) -> NetworkAclEntrySpec {
    NetworkAclEntrySpec {
        acl: acl.into(),
        direction: Direction::Ingress,
        number,
        protocol: None,
        cidr: net(cidr),
        allow: true,
        ports: None,
        icmp: None,
    }
}

// covers: NACL-02 NACL-03 NACL-05
#[test]
fn nacl_02_what_lists_start_with() {
    let mut m = Model::default();
    let (plain, dual) = (vpc(&mut m, "10.0.0.0/16"), vpc6(&mut m, "10.0.0.0/16"));
    for (v, numbers) in [(&plain, vec![100]), (&dual, vec![100, 101])] {
        let a = m.network_acls().get(&m.vpcs().get(v).unwrap().default_acl).unwrap();
        for direction in [Direction::Ingress, Direction::Egress] {
            assert_eq!(a.entries(direction).keys().copied().collect::<Vec<_>>(), numbers);
            assert!(a.entries(direction).values().all(|e| e.allow && e.protocol.is_none() && e.cidr.prefix_len() == 0));
        }
    }
    let custom = m.create_network_acl(&dual).unwrap();
    let a = m.network_acls().get(&custom).unwrap();
    assert!(a.ingress.is_empty() && a.egress.is_empty() && !a.is_default);
}

// covers: NACL-07 NACL-08 NACL-10 NACL-11 NACL-12 NACL-205
#[test]
fn nacl_07_association_and_deletion() {
    let mut m = Model::default();
    let (v, foreign) = (vpc(&mut m, "10.0.0.0/16"), vpc(&mut m, "10.0.0.0/16"));
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let a = m.create_network_acl(&v).unwrap();
    let theirs = m.create_network_acl(&foreign).unwrap();
    let default = m.vpcs().get(&v).unwrap().default_acl.clone();
    let first = m.subnets().get(&s).unwrap().acl_association.clone();
    assert_eq!(refused(&mut m, |m| m.replace_network_acl_association(&first, &theirs)), "InvalidParameterValue");
    assert_eq!(refused(&mut m, |m| m.replace_network_acl_association(&first, "acl-0")), "InvalidNetworkAclID.NotFound");
    let second = m.replace_network_acl_association(&first, &a).unwrap();
    assert_eq!(refused(&mut m, |m| m.replace_network_acl_association(&first, &a)), "InvalidAssociationID.NotFound");
    assert_eq!(m.subnets().get(&s).unwrap().acl, a);
    assert_eq!(refused(&mut m, |m| m.delete_network_acl(&a)), "DependencyViolation");
    m.replace_network_acl_association(&second, &default).unwrap();
    m.delete_network_acl(&a).unwrap();
    assert_eq!(refused(&mut m, |m| m.delete_network_acl(&default)), "InvalidParameterValue");
    m.limits_mut().nacls_per_vpc = 1;
    assert_eq!(refused(&mut m, |m| m.create_network_acl(&v)), "NetworkAclLimitExceeded");
}

// covers: NACL-20 NACL-21 NACL-22 NACL-26 NACL-28 NACL-29
#[test]
fn nacl_28_numbers() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let a = m.create_network_acl(&v).unwrap();
    for number in [0, -1, 32767, 32768, 65536 + 100] {
        assert_eq!(
            refused(&mut m, |m| m.create_network_acl_entry(spec(&a, number, "0.0.0.0/0"))),
            "InvalidParameterValue"
        );
    }
    m.create_network_acl_entry(spec(&a, 100, "10.0.0.7/8")).unwrap();
    assert_eq!(m.network_acls().get(&a).unwrap().ingress[&100].cidr, net("10.0.0.0/8"));
    assert_eq!(refused(&mut m, |m| m.create_network_acl_entry(spec(&a, 100, "::/0"))), "NetworkAclEntryAlreadyExists");
    m.create_network_acl_entry(NetworkAclEntrySpec { direction: Direction::Egress, ..spec(&a, 100, "::/0") }).unwrap();
    m.replace_network_acl_entry(NetworkAclEntrySpec { allow: false, ..spec(&a, 100, "10.0.0.0/8") }).unwrap();
    assert!(!m.network_acls().get(&a).unwrap().ingress[&100].allow);
    assert_eq!(
        refused(&mut m, |m| m.replace_network_acl_entry(spec(&a, 120, "10.0.0.0/8"))),
        "InvalidNetworkAclEntry.NotFound"
    );
    for number in [120, 32767] {
        assert_eq!(
            refused(&mut m, |m| m.delete_network_acl_entry(&a, Direction::Ingress, number)),
            "InvalidNetworkAclEntry.NotFound"
        );
    }
    m.delete_network_acl_entry(&a, Direction::Ingress, 100).unwrap();
}

// covers: NACL-23 NACL-25 NACL-201
#[test]
fn nacl_23_ports_and_types() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let a = m.create_network_acl(&v).unwrap();
    let with = |protocol: u8, cidr: &str| NetworkAclEntrySpec { protocol: Some(protocol), ..spec(&a, 100, cidr) };
    assert_eq!(refused(&mut m, |m| m.create_network_acl_entry(with(6, "0.0.0.0/0"))), "MissingParameter");
    assert_eq!(refused(&mut m, |m| m.create_network_acl_entry(with(1, "0.0.0.0/0"))), "MissingParameter");
    assert_eq!(refused(&mut m, |m| m.create_network_acl_entry(with(58, "::/0"))), "MissingParameter");
    let bad = NetworkAclEntrySpec { ports: Some((80, 70000)), ..with(17, "0.0.0.0/0") };
    assert_eq!(refused(&mut m, |m| m.create_network_acl_entry(bad)), "InvalidParameterValue");
    m.create_network_acl_entry(NetworkAclEntrySpec { icmp: Some((3, 4)), ..with(1, "0.0.0.0/0") }).unwrap();
    m.create_network_acl_entry(NetworkAclEntrySpec { number: 101, ports: Some((1, 2)), ..with(47, "0.0.0.0/0") })
        .unwrap();
    m.create_network_acl_entry(NetworkAclEntrySpec { number: 102, ..with(58, "0.0.0.0/0") }).unwrap();
    let stored: Vec<(i32, i32)> = m.network_acls().get(&a).unwrap().ingress.values().map(|e| e.ports).collect();
    assert_eq!(stored, [(3, 4), (-1, -1), (-1, -1)]);
}

// covers: NACL-30
#[test]
fn nacl_30_the_star_counts() {
    let mut m = Model::default();
    for (v, own) in [(vpc(&mut m, "10.0.0.0/16"), 19), (vpc6(&mut m, "10.0.0.0/16"), 18)] {
        let a = m.create_network_acl(&v).unwrap();
        for i in 1..=own {
            m.create_network_acl_entry(spec(&a, i, "10.0.0.0/8")).unwrap();
        }
        assert_eq!(
            refused(&mut m, |m| m.create_network_acl_entry(spec(&a, 99, "10.0.0.0/8"))),
            "NetworkAclEntryLimitExceeded"
        );
        m.replace_network_acl_entry(spec(&a, 1, "0.0.0.0/0")).unwrap();
    }
}
