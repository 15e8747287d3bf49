use super::*;

// covers: VPC-02
#[test]
fn vpc_02_size_of_the_primary_block() {
    let mut m = Model::default();
    for (cidr, fits) in [("10.0.0.0/15", false), ("10.0.0.0/16", true), ("10.0.0.0/28", true), ("10.0.0.0/29", false)] {
        if fits {
            vpc(&mut m, cidr);
        } else {
            assert_eq!(refused(&mut m, |m| m.create_vpc(CreateVpc::new(n4(cidr)))), "InvalidVpc.Range");
        }
    }
    assert_eq!(refused(&mut m, |m| m.create_vpc(CreateVpc::new(n4("224.0.0.0/16")))), "InvalidVpc.Range");
}

// covers: VPC-03 VPC-05
#[test]
fn vpc_03_any_range_and_identical_blocks() {
    let mut m = Model::default();
    for cidr in ["203.0.112.0/24", "10.0.0.0/16", "10.0.0.0/16"] {
        vpc(&mut m, cidr);
    }
    assert_eq!(m.vpcs().len(), 3);
}

// covers: VPC-06 RT-20 SG-20 NACL-01 IGW-17
#[test]
fn vpc_06_what_comes_with_a_vpc() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    assert_eq!((m.route_tables().len(), m.network_acls().len(), m.security_groups().len()), (1, 1, 1));
    assert_eq!(
        m.main_route_table(&v).unwrap().routes,
        [Route { destination: net("10.0.0.0/16"), target: RouteTarget::Local, local: true }]
    );
    let made = m.vpcs().get(&v).unwrap();
    assert!(m.network_acls().get(&made.default_acl).unwrap().is_default);
    assert_eq!(m.security_groups().get(&made.default_group).unwrap().name, "default");
    assert!(m.gateway_of(&v).is_none());
}

// covers: VPC-11
#[test]
fn vpc_11_quota() {
    let mut m = Model::default();
    (0..5).for_each(|_| drop(vpc(&mut m, "10.0.0.0/16")));
    assert_eq!(refused(&mut m, |m| m.create_vpc(CreateVpc::new(n4("10.0.0.0/16")))), "VpcLimitExceeded");
    m.limits_mut().vpcs = 6;
    vpc(&mut m, "10.0.0.0/16");
}

// covers: VPC-09
#[test]
fn vpc_09_tenancy() {
    let mut m = Model::default();
    let odd = CreateVpc { tenancy: "odd".into(), ..CreateVpc::new(n4("10.0.0.0/16")) };
    assert_eq!(refused(&mut m, |m| m.create_vpc(odd)), "InvalidParameterValue");
    let v = m.create_vpc(CreateVpc { tenancy: "dedicated".into(), ..CreateVpc::new(n4("10.0.0.0/16")) }).unwrap();
    assert_eq!(m.vpcs().get(&v).unwrap().tenancy, "dedicated");
}

// covers: VPC-13 IGW-A3
#[test]
fn vpc_13_deletion_needs_everything_gone() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let delete = |m: &mut Model| m.delete_vpc(&v);
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    assert_eq!(refused(&mut m, delete), "DependencyViolation");
    m.delete_subnet(&s).unwrap();
    let g = group(&mut m, &v, "g");
    assert_eq!(refused(&mut m, delete), "DependencyViolation");
    m.delete_security_group(&g).unwrap();
    let t = m.create_route_table(&v).unwrap();
    assert_eq!(refused(&mut m, delete), "DependencyViolation");
    m.delete_route_table(&t).unwrap();
    let a = m.create_network_acl(&v).unwrap();
    assert_eq!(refused(&mut m, delete), "DependencyViolation");
    m.delete_network_acl(&a).unwrap();
    let g = igw(&mut m, &v);
    assert_eq!(refused(&mut m, delete), "DependencyViolation");
    m.detach_internet_gateway(&g, &v).unwrap();
    let e = m.create_egress_only_internet_gateway(&v).unwrap();
    assert_eq!(refused(&mut m, delete), "DependencyViolation");
    m.delete_egress_only_internet_gateway(&e).unwrap();
    m.delete_vpc(&v).unwrap();
    assert_eq!(
        (m.vpcs().len(), m.route_tables().len(), m.network_acls().len(), m.security_groups().len()),
        (0, 0, 0, 0)
    );
    assert_eq!(refused(&mut m, delete), "InvalidVpcID.NotFound");
}

// covers: VPC-20 VPC-22 VPC-33 VPC-34 VPC-35 VPC-36 RT-05
#[test]
fn vpc_20_secondary_blocks_come_and_go() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let custom = m.create_route_table(&v).unwrap();
    let block = m.associate_vpc_cidr_block(&v, n4("10.2.0.0/16")).unwrap();
    for t in m.route_tables().iter() {
        assert!(t.routes.iter().any(|r| r.destination == net("10.2.0.0/16") && r.local));
    }
    let later = m.create_route_table(&v).unwrap();
    assert_eq!(m.route_tables().get(&later).unwrap().routes.len(), 2);
    assert_eq!(m.vpcs().get(&v).unwrap().primary(), n4("10.0.0.0/16"));
    assert_eq!(refused(&mut m, |m| m.associate_vpc_cidr_block(&v, n4("10.2.128.0/17"))), "InvalidVpc.Range");
    let s = subnet(&mut m, &v, "10.2.0.0/24");
    assert_eq!(refused(&mut m, |m| m.disassociate_vpc_cidr_block(&block)), "InvalidCidrBlock.InUse");
    m.delete_subnet(&s).unwrap();
    m.disassociate_vpc_cidr_block(&block).unwrap();
    assert_eq!(m.route_tables().get(&custom).unwrap().routes.len(), 1);
    let primary = m.vpcs().get(&v).unwrap().blocks[0].id.clone();
    assert_eq!(refused(&mut m, |m| m.disassociate_vpc_cidr_block(&primary)), "OperationNotPermitted");
    assert_eq!(
        refused(&mut m, |m| m.disassociate_vpc_cidr_block("vpc-cidr-assoc-0")),
        "InvalidVpcCidrBlockAssociationID.NotFound"
    );
}

// covers: VPC-21 VPC-23
#[test]
fn vpc_23_restriction_matrix() {
    // The vectors of section 1.3; `!` marks the refused ones.
    let vectors = "10.0.0.0/16+10.2.0.0/16 !10.1.0.0/16+10.0.4.0/24 !10.0.0.0/24+10.0.1.0/24 10.0.0.0/16+10.1.0.0/16 \
        10.2.0.0/16+10.0.0.0/16 !10.5.0.0/16+172.16.0.0/16 !10.5.0.0/16+192.168.0.0/24 !10.5.0.0/16+198.19.1.0/24 \
        10.5.0.0/16+100.64.0.0/16 10.5.0.0/16+203.0.112.0/24 172.16.0.0/16+172.20.0.0/16 !172.16.0.0/16+172.31.4.0/24 \
        !172.16.0.0/16+10.0.0.0/16 !172.16.0.0/16+198.19.0.0/24 192.168.0.0/17+192.168.128.0/17 !192.168.0.0/24+172.16.0.0/24 \
        !198.19.0.0/16+10.0.0.0/16 198.19.0.0/16+100.64.0.0/16 100.64.0.0/16+100.65.0.0/16 !100.64.0.0/16+10.0.0.0/16 \
        !203.0.112.0/24+198.19.0.0/24 203.0.112.0/24+100.64.0.0/16 !10.5.0.0/16+10.6.0.0/15 !10.5.0.0/16+10.6.0.0/29";
    for vector in vectors.split_whitespace() {
        let mut m = Model::default();
        let (primary, second) = vector.trim_start_matches('!').split_once('+').unwrap();
        let v = vpc(&mut m, primary);
        if vector.starts_with('!') {
            assert_eq!(refused(&mut m, |m| m.associate_vpc_cidr_block(&v, n4(second))), "InvalidVpc.Range", "{vector}");
        } else {
            m.associate_vpc_cidr_block(&v, n4(second)).expect(vector);
        }
    }
}

// covers: VPC-25
#[test]
fn vpc_25_quota_of_blocks() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    for i in 2..6 {
        m.associate_vpc_cidr_block(&v, n4(&format!("10.{i}.0.0/16"))).unwrap();
    }
    assert_eq!(refused(&mut m, |m| m.associate_vpc_cidr_block(&v, n4("10.6.0.0/16"))), "CidrLimitExceeded");
    m.limits_mut().blocks_per_vpc = 50;
    m.limits_mut().routes_per_table = 5;
    assert_eq!(refused(&mut m, |m| m.associate_vpc_cidr_block(&v, n4("10.6.0.0/16"))), "RouteLimitExceeded");
}

// covers: VPC-26 RT-08
#[test]
fn vpc_26_block_and_route() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.2.0.0/16");
    let g = igw(&mut m, &v);
    let t = m.create_route_table(&v).unwrap();
    m.create_route(&t, net("10.0.0.0/24"), RouteTarget::InternetGateway(g.clone())).unwrap();
    for cidr in ["10.0.0.0/16", "10.0.0.0/23", "10.0.0.0/24"] {
        assert_eq!(refused(&mut m, |m| m.associate_vpc_cidr_block(&v, n4(cidr))), "InvalidVpc.Range", "{cidr}");
    }
    m.associate_vpc_cidr_block(&v, n4("10.0.0.0/25")).unwrap();
    m.associate_vpc_cidr_block(&v, n4("10.0.1.0/24")).unwrap();
    m.create_route(&t, net("10.0.0.0/8"), RouteTarget::InternetGateway(g)).unwrap();
}

// covers: VPC-40 VPC-41 VPC-44 VPC-49
#[test]
fn vpc_40_one_ipv6_block_of_the_pool() {
    let mut m = Model::default();
    let a = vpc6(&mut m, "10.0.0.0/16");
    assert_eq!(m.vpcs().get(&a).unwrap().ipv6.as_ref().unwrap().cidr, n6("2001:db8:1234:1a00::/56"));
    assert_eq!(refused(&mut m, |m| m.associate_vpc_ipv6_block(&a)), "CidrLimitExceeded");
    let b = vpc(&mut m, "10.0.0.0/16");
    let block = m.associate_vpc_ipv6_block(&b).unwrap();
    assert_eq!(m.vpcs().get(&b).unwrap().ipv6.as_ref().unwrap().cidr, n6("2001:db8:1234:1b00::/56"));
    assert!(
        m.main_route_table(&b)
            .unwrap()
            .routes
            .iter()
            .any(|r| r.destination == net("2001:db8:1234:1b00::/56") && r.local)
    );
    m.disassociate_vpc_cidr_block(&block).unwrap();
    m.associate_vpc_ipv6_block(&b).unwrap();
    assert_eq!(m.vpcs().get(&b).unwrap().ipv6.as_ref().unwrap().cidr, n6("2001:db8:1234:1c00::/56"));
}

// covers: VPC-45 SG-24
#[test]
fn vpc_45_untouched_groups_open_for_ipv6() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let (kept, edited) = (group(&mut m, &v, "kept"), group(&mut m, &v, "edited"));
    let all = IpPermission::all(RulePeer::Cidr(net("0.0.0.0/0")));
    let rule = m.rule_like(&edited, Direction::Egress, &all).unwrap().id.clone();
    m.revoke_security_group_rules(&edited, Direction::Egress, &[rule]).unwrap();
    m.authorize_security_group(&edited, Direction::Egress, &[all]).unwrap();
    m.associate_vpc_ipv6_block(&v).unwrap();
    let v6 = |m: &Model, g: &str| {
        m.security_groups().get(g).unwrap().egress.iter().any(|r| r.peer == RulePeer::Cidr(net("::/0")))
    };
    let default = m.vpcs().get(&v).unwrap().default_group.clone();
    assert!(v6(&m, &kept) && v6(&m, &default) && !v6(&m, &edited));
}

// covers: VPC-46 NACL-04
#[test]
fn vpc_46_untouched_default_acl_opens_for_ipv6() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let acl = m.vpcs().get(&v).unwrap().default_acl.clone();
    let custom = m.create_network_acl(&v).unwrap();
    m.delete_network_acl_entry(&acl, Direction::Ingress, 100).unwrap();
    m.associate_vpc_ipv6_block(&v).unwrap();
    let a = m.network_acls().get(&acl).unwrap();
    assert!(!a.ingress.contains_key(&101) && a.egress[&101].allow && a.egress[&101].cidr == net("::/0"));
    assert!(m.network_acls().get(&custom).unwrap().egress.is_empty());
}

// covers: VPC-47 VPC-48 SG-25 SUB-14
#[test]
fn vpc_47_ipv6_leaves_only_when_unused() {
    let mut m = Model::default();
    let v = vpc6(&mut m, "10.0.0.0/16");
    let g = igw(&mut m, &v);
    let main = m.main_route_table(&v).unwrap().id.clone();
    m.create_route(&main, net("::/0"), RouteTarget::InternetGateway(g)).unwrap();
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let on_subnet = m.associate_subnet_cidr_block(&s, n6("2001:db8:1234:1a00::/64")).unwrap();
    let e = m.create_network_interface(CreateNetworkInterface { ipv6_count: Some(1), ..eni_request(&s) }).unwrap();
    let on_vpc = m.vpcs().get(&v).unwrap().ipv6.as_ref().unwrap().id.clone();
    assert_eq!(refused(&mut m, |m| m.disassociate_vpc_cidr_block(&on_vpc)), "InvalidCidrBlock.InUse");
    assert_eq!(refused(&mut m, |m| m.disassociate_subnet_cidr_block(&on_subnet)), "InvalidCidrBlock.InUse");
    let held = m.interfaces().get(&e).unwrap().ipv6.clone();
    m.unassign_ipv6_addresses(&e, &held).unwrap();
    m.disassociate_subnet_cidr_block(&on_subnet).unwrap();
    m.disassociate_vpc_cidr_block(&on_vpc).unwrap();
    let routes = &m.main_route_table(&v).unwrap().routes;
    assert!(
        routes.iter().any(|r| r.destination == net("::/0"))
            && !routes.iter().any(|r| r.local && r.destination.addr().is_ipv6())
    );
    let default = &m.vpcs().get(&v).unwrap().default_group;
    assert!(m.security_groups().get(default).unwrap().egress.iter().any(|r| r.peer == RulePeer::Cidr(net("::/0"))));
    assert_eq!(
        refused(&mut m, |m| m.disassociate_subnet_cidr_block(&on_subnet)),
        "InvalidSubnetCidrBlockAssociationID.NotFound"
    );
}

// covers: SUB-01 SUB-02 SUB-03 SUB-04
#[test]
fn sub_01_where_a_subnet_fits() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/24");
    subnet(&mut m, &v, "10.0.0.0/25");
    subnet(&mut m, &v, "10.0.0.128/26");
    for (cidr, code) in [
        ("10.0.0.64/26", "InvalidSubnet.Conflict"),
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.192/29", "InvalidSubnet.Range"),
        ("10.0.0.0/23", "InvalidSubnet.Range"),
    ] {
        assert_eq!(refused(&mut m, |m| m.create_subnet(subnet_request(&v, cidr))), code, "{cidr}");
    }
    let whole = vpc(&mut m, "10.0.0.0/24");
    subnet(&mut m, &whole, "10.0.0.0/24");
    assert_eq!(refused(&mut m, |m| m.create_subnet(subnet_request(&whole, "10.0.0.0/28"))), "InvalidSubnet.Conflict");
    let wide = vpc(&mut m, "10.2.0.0/16");
    m.associate_vpc_cidr_block(&wide, n4("10.3.0.0/16")).unwrap();
    assert_eq!(refused(&mut m, |m| m.create_subnet(subnet_request(&wide, "10.2.0.0/15"))), "InvalidSubnet.Range");
}

// covers: SUB-05
#[test]
fn sub_05_zone() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let odd = CreateSubnet { az: Some("us-east-1z".into()), ..subnet_request(&v, "10.0.0.0/24") };
    assert_eq!(refused(&mut m, |m| m.create_subnet(odd)), "InvalidParameterValue");
    let s =
        m.create_subnet(CreateSubnet { az: Some("us-east-1b".into()), ..subnet_request(&v, "10.0.0.0/24") }).unwrap();
    assert_eq!(m.subnets().get(&s).unwrap().zone, "us-east-1b");
}

// covers: SUB-07 SUB-10 SUB-13 SUB-22
#[test]
fn sub_07_reserved_addresses() {
    let mut m = Model::default();
    let v = vpc6(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/28");
    m.associate_subnet_cidr_block(&s, n6("2001:db8:1234:1a00::/64")).unwrap();
    for last in [0, 1, 2, 3, 15] {
        let request = CreateNetworkInterface { private: vec![Ipv4Addr::new(10, 0, 0, last)], ..eni_request(&s) };
        assert_eq!(refused(&mut m, |m| m.create_network_interface(request)), "InvalidParameterValue");
    }
    for a in ["::", "::1", "::2", "::3", ":ffff:ffff:ffff:ffff"] {
        let request =
            CreateNetworkInterface { ipv6: vec![format!("2001:db8:1234:1a00{a}").parse().unwrap()], ..eni_request(&s) };
        assert_eq!(refused(&mut m, |m| m.create_network_interface(request)), "InvalidParameterValue");
    }
    assert_eq!(m.available_addresses(&s).unwrap(), 11);
    let got: Vec<Ipv4Addr> = (0..11)
        .map(|_| eni(&mut m, &s))
        .collect::<Vec<_>>()
        .iter()
        .map(|e| m.interfaces().get(e).unwrap().primary())
        .collect();
    assert_eq!((got[0], got[10]), (ip("10.0.0.4"), ip("10.0.0.14")));
    assert_eq!(m.available_addresses(&s).unwrap(), 0);
    assert_eq!(refused(&mut m, |m| m.create_network_interface(eni_request(&s))), "InsufficientFreeAddressesInSubnet");
}

// covers: SUB-12
#[test]
fn sub_12_ipv6_block_of_a_subnet() {
    let mut m = Model::default();
    let plain = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &plain, "10.0.0.0/24");
    assert_eq!(
        refused(&mut m, |m| m.associate_subnet_cidr_block(&s, n6("2001:db8:1234:1a00::/64"))),
        "InvalidParameterValue"
    );
    let v = vpc6(&mut m, "10.0.0.0/16");
    let a = subnet(&mut m, &v, "10.0.0.0/24");
    let b = subnet(&mut m, &v, "10.0.1.0/24");
    for bad in ["2001:db8:1234:1a00::/63", "2001:db8:1234:1b00::/64", "2001:db8:1234:1a00::/80"] {
        assert_eq!(refused(&mut m, |m| m.associate_subnet_cidr_block(&a, n6(bad))), "InvalidSubnet.Range");
    }
    m.associate_subnet_cidr_block(&a, n6("2001:db8:1234:1a00::/64")).unwrap();
    assert_eq!(
        refused(&mut m, |m| m.associate_subnet_cidr_block(&a, n6("2001:db8:1234:1a01::/64"))),
        "InvalidSubnet.Conflict"
    );
    assert_eq!(
        refused(&mut m, |m| m.associate_subnet_cidr_block(&b, n6("2001:db8:1234:1a00::/64"))),
        "InvalidSubnet.Conflict"
    );
    m.associate_subnet_cidr_block(&b, n6("2001:db8:1234:1aff::/64")).unwrap();
}

// covers: SUB-15 NACL-06 RT-33
#[test]
fn sub_15_main_table_and_default_acl_at_once() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let made = m.subnets().get(&s).unwrap();
    assert_eq!(made.acl, m.vpcs().get(&v).unwrap().default_acl);
    assert_eq!(m.effective_route_table(made).unwrap().id, m.main_route_table(&v).unwrap().id);
}

// covers: SUB-20 SUB-21
#[test]
fn sub_20_deletion_and_quota() {
    let mut m = Model::default();
    m.limits_mut().subnets_per_vpc = 1;
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    assert_eq!(refused(&mut m, |m| m.create_subnet(subnet_request(&v, "10.0.1.0/24"))), "SubnetLimitExceeded");
    let e = eni(&mut m, &s);
    assert_eq!(refused(&mut m, |m| m.delete_subnet(&s)), "DependencyViolation");
    m.delete_network_interface(&e).unwrap();
    m.delete_subnet(&s).unwrap();
    subnet(&mut m, &v, "10.0.0.0/24");
}
