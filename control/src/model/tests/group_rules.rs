use super::*;

fn tcp(port: i32, peer: &str) -> IpPermission {
    IpPermission::ports(6, port, port, RulePeer::Cidr(net(peer)))
}
fn rules(m: &Model, group: &str, way: Direction) -> Vec<GroupRule> {
    m.security_groups().get(group).unwrap().rules(way).to_vec()
}

// covers: SG-37 SG-36
#[test]
fn sg_37_descriptions_are_updated_and_nothing_else() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let g = group(&mut m, &v, "g");
    let long = IpPermission { description: "d".repeat(256), ..tcp(1, "10.0.0.0/8") };
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &[long])),
        "InvalidParameterValue"
    );
    let full = IpPermission { description: "d".repeat(255), ..tcp(1, "10.0.0.0/8") };
    let ids = m.authorize_security_group(&g, Direction::Ingress, &[full, tcp(2, "10.0.0.0/8")]).unwrap();
    let before = rules(&m, &g, Direction::Ingress);
    for (id, text, code) in [
        ("sgr-0", "x", "InvalidSecurityGroupRuleId.NotFound"),
        (&ids[0], &"x".repeat(256)[..], "InvalidParameterValue"),
        (&ids[0], "a|b", "InvalidParameterValue"),
    ] {
        let texts = [(ids[1].clone(), "y".to_string()), (id.to_string(), text.to_string())];
        assert_eq!(refused(&mut m, |m| m.describe_rules(&g, Direction::Ingress, &texts)), code);
    }
    assert_eq!(
        refused(&mut m, |m| m.describe_rules(&g, Direction::Egress, &[(ids[0].clone(), "x".into())])),
        "InvalidSecurityGroupRuleId.NotFound"
    );
    m.describe_rules(&g, Direction::Ingress, &[(ids[0].clone(), String::new()), (ids[1].clone(), "new".into())])
        .unwrap();
    let after = rules(&m, &g, Direction::Ingress);
    assert_eq!(after.iter().map(|r| r.description.as_str()).collect::<Vec<_>>(), ["", "new"]);
    let bare = |r: &GroupRule| GroupRule { description: String::new(), ..r.clone() };
    assert_eq!(after.iter().map(bare).collect::<Vec<_>>(), before.iter().map(bare).collect::<Vec<_>>());
}

// covers: SG-24
#[test]
fn sg_24_a_described_rule_is_not_a_modified_one() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let (g, changed) = (group(&mut m, &v, "g"), group(&mut m, &v, "changed"));
    let id = rules(&m, &g, Direction::Egress)[0].id.clone();
    m.describe_rules(&g, Direction::Egress, &[(id, "all".into())]).unwrap();
    let id = rules(&m, &changed, Direction::Egress)[0].id.clone();
    m.modify_security_group_rules(&changed, &[(id, IpPermission::all(RulePeer::Cidr(net("10.0.0.0/8"))))]).unwrap();
    m.associate_vpc_ipv6_block(&v).unwrap();
    assert_eq!(rules(&m, &g, Direction::Egress)[1].peer, RulePeer::Cidr(net("::/0")));
    assert_eq!(rules(&m, &changed, Direction::Egress).len(), 1);
}

// covers: SG-214
#[test]
fn sg_214_modified_rules_keep_their_ids() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let (g, other) = (group(&mut m, &v, "g"), group(&mut m, &v, "other"));
    let peers = [tcp(1, "10.0.0.0/8"), tcp(2, "10.0.0.0/8"), IpPermission::all(RulePeer::Group(other.clone()))];
    let ids = m.authorize_security_group(&g, Direction::Ingress, &peers).unwrap();
    for (id, permission, code) in [
        (&ids[0], tcp(2, "10.0.0.0/8"), "InvalidPermission.Duplicate"),
        (&ids[0], tcp(1, "::/0"), "InvalidParameterValue"),
        (&ids[0], IpPermission::ports(6, 1, 1, RulePeer::Group(other.clone())), "InvalidParameterValue"),
        (&ids[0], tcp(70000, "10.0.0.0/8"), "InvalidParameterValue"),
        (&ids[2], IpPermission::all(RulePeer::Group("sg-0".into())), "InvalidGroup.NotFound"),
        (&"sgr-0".to_string(), tcp(3, "10.0.0.0/8"), "InvalidSecurityGroupRuleId.NotFound"),
    ] {
        let changes = [(ids[1].clone(), tcp(2, "10.0.0.0/8")), (id.clone(), permission)];
        assert_eq!(refused(&mut m, |m| m.modify_security_group_rules(&g, &changes)), code, "{changes:?}");
    }
    // Two rules may change places in one call.
    let egress = rules(&m, &g, Direction::Egress)[0].id.clone();
    let changes = [
        (ids[0].clone(), tcp(2, "10.0.0.0/8")),
        (ids[1].clone(), tcp(1, "10.0.0.9/8")),
        (egress.clone(), tcp(443, "0.0.0.0/0")),
    ];
    m.modify_security_group_rules(&g, &changes).unwrap();
    let now = rules(&m, &g, Direction::Ingress);
    assert_eq!(now.iter().map(|r| r.id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!((now[0].ports, now[1].ports, &now[1].peer), ((2, 2), (1, 1), &RulePeer::Cidr(net("10.0.0.0/8"))));
    let out = &rules(&m, &g, Direction::Egress)[0];
    assert_eq!((&out.id, out.protocol, out.ports), (&egress, Some(6), (443, 443)));
}

// covers: SG-22
#[test]
fn sg_22_rules_of_the_default_group_are_like_others() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let g = m.vpcs().get(&v).unwrap().default_group.clone();
    for way in [Direction::Ingress, Direction::Egress] {
        let ids: Vec<Id> = rules(&m, &g, way).into_iter().map(|r| r.id).collect();
        m.revoke_security_group_rules(&g, way, &ids).unwrap();
        assert!(rules(&m, &g, way).is_empty());
        m.authorize_security_group(&g, way, &[tcp(22, "192.0.2.0/24")]).unwrap();
    }
}

// covers: SG-19 QTA-18
#[test]
fn sg_19_groups_per_region() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    assert_eq!(m.limits().security_groups, 2500);
    (1..2500).for_each(|i| _ = group(&mut m, &v, &format!("g{i}")));
    let request = CreateSecurityGroup { vpc: v, name: "one more".into(), description: "d".into() };
    let refusal = m.create_security_group(request).unwrap_err();
    assert_eq!(refusal.code, "SecurityGroupLimitExceeded");
    assert_eq!(m.security_groups().len(), 2500);
}

#[test]
fn tags_go_with_what_they_were_on() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let g = group(&mut m, &v, "g");
    let rule = m.authorize_security_group(&g, Direction::Ingress, &[tcp(1, "10.0.0.0/8")]).unwrap();
    let other = m.authorize_security_group(&g, Direction::Ingress, &[tcp(2, "10.0.0.0/8")]).unwrap();
    let acl = m.create_network_acl(&v).unwrap();
    let list = CreatePrefixList { name: "l".into(), family: AddressFamily::V4, max_entries: 1, entries: Vec::new() };
    let list = m.create_prefix_list(list).unwrap();
    let all = [rule[0].clone(), other[0].clone(), g.clone(), acl.clone(), list.clone()];
    m.create_tags(&all, &[("k".into(), "v".into())]).unwrap();
    m.revoke_security_group_rules(&g, Direction::Ingress, &rule).unwrap();
    assert_eq!(m.all_tags().len(), 4);
    m.delete_security_group(&g).unwrap();
    m.delete_network_acl(&acl).unwrap();
    m.delete_prefix_list(&list).unwrap();
    assert!(m.all_tags().is_empty());
}
