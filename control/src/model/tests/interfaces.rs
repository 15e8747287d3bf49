use super::*;

fn place(m: &mut Model) -> (Id, Id) {
    let v = vpc6(m, "10.0.0.0/16");
    let s = m
        .create_subnet(CreateSubnet { cidr6: Some(n6("2001:db8:1234:1a00::/64")), ..subnet_request(&v, "10.0.0.0/24") })
        .unwrap();
    (v, s)
}

// covers: ENI-02 ENI-05
#[test]
fn eni_02_life_of_an_interface() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    let (x, y) = (launch(&mut m, &s), launch(&mut m, &s));
    let e = eni(&mut m, &s);
    let a = m.attach_network_interface(&e, &x, 1).unwrap();
    assert_eq!(refused(&mut m, |m| m.attach_network_interface(&e, &y, 1)), "InvalidNetworkInterface.InUse");
    assert_eq!(refused(&mut m, |m| m.delete_network_interface(&e)), "InvalidParameterValue");
    let other = eni(&mut m, &s);
    assert_eq!(refused(&mut m, |m| m.attach_network_interface(&other, &x, 1)), "InvalidParameterValue");
    m.detach_network_interface(&a).unwrap();
    assert_eq!(refused(&mut m, |m| m.detach_network_interface(&a)), "InvalidAttachmentID.NotFound");
    let primary = eth0(&m, &x).attachment.unwrap().id;
    assert_eq!(refused(&mut m, |m| m.detach_network_interface(&primary)), "OperationNotPermitted");
    m.delete_network_interface(&e).unwrap();
}

// covers: ENI-06
#[test]
fn eni_06_interfaces_by_instance_type() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    let i = m
        .run_instance(RunInstance { subnet: Some(s.clone()), instance_type: "t2.medium".into(), ..Default::default() })
        .unwrap();
    for index in 1..3 {
        let e = eni(&mut m, &s);
        m.attach_network_interface(&e, &i, index).unwrap();
    }
    let e = eni(&mut m, &s);
    assert_eq!(refused(&mut m, |m| m.attach_network_interface(&e, &i, 3)), "AttachmentLimitExceeded");
    m.limits_mut().interfaces = m.interfaces().len();
    assert_eq!(refused(&mut m, |m| m.create_network_interface(eni_request(&s))), "NetworkInterfaceLimitExceeded");
}

// covers: ENI-07
#[test]
fn eni_07_one_vpc_and_zone() {
    let mut m = Model::default();
    let (v, s) = place(&mut m);
    let far =
        m.create_subnet(CreateSubnet { az: Some("us-east-1b".into()), ..subnet_request(&v, "10.0.1.0/24") }).unwrap();
    let foreign = vpc(&mut m, "10.0.0.0/16");
    let theirs = subnet(&mut m, &foreign, "10.0.0.0/24");
    let i = launch(&mut m, &s);
    for other in [far, theirs] {
        let e = eni(&mut m, &other);
        assert_eq!(refused(&mut m, |m| m.attach_network_interface(&e, &i, 1)), "InvalidParameterCombination");
        let specs = [s.clone(), other].into_iter().enumerate().map(|(n, s)| InterfaceSpec {
            device_index: n as u32,
            subnet: Some(s),
            ..Default::default()
        });
        let request = RunInstance { interfaces: specs.collect(), ..Default::default() };
        assert_eq!(refused(&mut m, |m| m.run_instance(request)), "InvalidParameterCombination");
    }
}

// covers: ENI-01
#[test]
fn eni_01_what_an_interface_carries() {
    let mut m = Model::default();
    let (v, s) = place(&mut m);
    let (a, b) = (eni(&mut m, &s), eni(&mut m, &s));
    let (a, b) = (m.interfaces().get(&a).unwrap(), m.interfaces().get(&b).unwrap());
    assert!(a.source_dest_check && a.groups == [m.vpcs().get(&v).unwrap().default_group.clone()]);
    assert_ne!(a.mac, b.mac);
    assert_eq!(a.mac.0[0] & 3, 2, "locally administered, unicast");
    assert_eq!((a.private.len(), a.public, a.ipv6.len()), (1, None, 0));
}

// covers: IP-02 IP-03
#[test]
fn ip_02_primary_addresses() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    let ask = |a: &str| CreateNetworkInterface { private: vec![ip(a)], ..eni_request(&s) };
    let e = m.create_network_interface(ask("10.0.0.4")).unwrap();
    assert_eq!(refused(&mut m, |m| m.create_network_interface(ask("10.0.0.4"))), "InvalidIPAddress.InUse");
    assert_eq!(refused(&mut m, |m| m.create_network_interface(ask("10.0.1.4"))), "InvalidParameterValue");
    let second = eni(&mut m, &s);
    assert_eq!(m.interfaces().get(&second).unwrap().primary(), ip("10.0.0.5"));
    assert_eq!(refused(&mut m, |m| m.unassign_private_ip_addresses(&e, &[ip("10.0.0.4")])), "InvalidParameterValue");
    m.delete_network_interface(&e).unwrap();
    m.create_network_interface(ask("10.0.0.4")).unwrap();
}

// covers: IP-04
#[test]
fn ip_04_secondary_addresses_move() {
    let mut m = Model::default();
    let (v, s) = place(&mut m);
    let (a, b) = (eni(&mut m, &s), eni(&mut m, &s));
    let ask = |e: &str, on: bool| AssignPrivate {
        interface: e.into(),
        addresses: vec![ip("10.0.0.50")],
        count: 0,
        allow_reassignment: on,
    };
    m.assign_private_ip_addresses(ask(&a, false)).unwrap();
    assert_eq!(refused(&mut m, |m| m.assign_private_ip_addresses(ask(&b, false))), "InvalidParameterValue");
    m.assign_private_ip_addresses(ask(&b, true)).unwrap();
    assert_eq!(m.owner(&v, IpAddr::V4(ip("10.0.0.50"))), Some(&b));
    assert_eq!(m.interfaces().get(&a).unwrap().private, [ip("10.0.0.4")]);
    let primary = AssignPrivate { addresses: vec![ip("10.0.0.4")], ..ask(&b, true) };
    assert_eq!(refused(&mut m, |m| m.assign_private_ip_addresses(primary)), "InvalidParameterValue");
    let many = AssignPrivate { addresses: vec![], count: 50, ..ask(&b, false) };
    assert_eq!(refused(&mut m, |m| m.assign_private_ip_addresses(many)), "PrivateIpAddressLimitExceeded");
}

// covers: IP-06 IP-07 IP-08 IGW-18
#[test]
fn ip_07_attribute_and_launch_choice() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    assert!(!m.subnets().get(&s).unwrap().map_public_ip);
    for (attribute, choice, expected) in
        [(false, None, false), (false, Some(true), true), (true, None, true), (true, Some(false), false)]
    {
        m.modify_subnet_attribute(&s, SubnetAttribute::MapPublicIp(attribute)).unwrap();
        let spec = InterfaceSpec { subnet: Some(s.clone()), associate_public: choice, ..Default::default() };
        let i = m.run_instance(RunInstance { interfaces: vec![spec], ..Default::default() }).unwrap();
        assert_eq!(eth0(&m, &i).public.is_some(), expected, "{attribute} {choice:?}");
    }
    m.modify_subnet_attribute(&s, SubnetAttribute::MapPublicIp(true)).unwrap();
    let free = eni(&mut m, &s);
    assert!(m.interfaces().get(&free).unwrap().public.is_none());
    let two = |choice| {
        (0..2)
            .map(|n| InterfaceSpec {
                device_index: n,
                subnet: Some(s.clone()),
                associate_public: choice,
                ..Default::default()
            })
            .collect::<Vec<_>>()
    };
    let request = RunInstance { interfaces: two(Some(true)), ..Default::default() };
    assert_eq!(refused(&mut m, |m| m.run_instance(request)), "InvalidParameterCombination");
    let i = m.run_instance(RunInstance { interfaces: two(None), ..Default::default() }).unwrap();
    assert!(eth0(&m, &i).public.is_none());
    let existing = InterfaceSpec { interface: Some(free), associate_public: Some(true), ..Default::default() };
    let request = RunInstance { interfaces: vec![existing], ..Default::default() };
    assert_eq!(refused(&mut m, |m| m.run_instance(request)), "InvalidParameterCombination");
}

// covers: IP-13 IP-14 IP-17 IP-18
#[test]
fn ip_13_paths_to_an_ipv6_address() {
    let mut m = Model::default();
    let (v, s) = place(&mut m);
    let plain = subnet(&mut m, &v, "10.0.1.0/24");
    let on_plain = eni(&mut m, &plain);
    assert_eq!(refused(&mut m, |m| m.assign_ipv6_addresses(&on_plain, &[], 1)), "InvalidParameterValue");
    assert_eq!(
        refused(&mut m, |m| m.modify_subnet_attribute(&plain, SubnetAttribute::AssignIpv6(true))),
        "InvalidParameterValue"
    );
    assert!(!m.subnets().get(&s).unwrap().assign_ipv6);
    let six = |t: &str| format!("2001:db8:1234:1a00{t}").parse().unwrap();
    let a = eni(&mut m, &s);
    assert_eq!(m.assign_ipv6_addresses(&a, &[], 2).unwrap(), [six("::4"), six("::5")]);
    m.modify_subnet_attribute(&s, SubnetAttribute::AssignIpv6(true)).unwrap();
    let b = eni(&mut m, &s);
    assert_eq!(m.interfaces().get(&b).unwrap().ipv6, [six("::6")]);
    assert_eq!(refused(&mut m, |m| m.assign_ipv6_addresses(&b, &[six("::4")], 0)), "InvalidIPAddress.InUse");
    m.unassign_ipv6_addresses(&a, &[six("::4")]).unwrap();
    m.assign_ipv6_addresses(&b, &[six("::4")], 0).unwrap();
    let outside = ["2001:db8:1234:1a01::9".parse().unwrap()];
    assert_eq!(refused(&mut m, |m| m.assign_ipv6_addresses(&b, &outside, 0)), "InvalidParameterValue");
}

// covers: NATI-02 SG-61
#[test]
fn nati_02_instance_attributes_mean_eth0() {
    let mut m = Model::default();
    let (v, s) = place(&mut m);
    let i = launch(&mut m, &s);
    m.modify_instance_source_dest_check(&i, false).unwrap();
    assert!(!eth0(&m, &i).source_dest_check);
    let extra = eni(&mut m, &s);
    m.attach_network_interface(&extra, &i, 1).unwrap();
    assert_eq!(refused(&mut m, |m| m.modify_instance_source_dest_check(&i, true)), "InvalidInstanceID");
    let g = group(&mut m, &v, "g");
    m.modify_instance_groups(&i, std::slice::from_ref(&g)).unwrap();
    assert_eq!(eth0(&m, &i).groups, std::slice::from_ref(&g));
    assert_ne!(m.interfaces().get(&extra).unwrap().groups, [g]);
}

// covers: SG-203
#[test]
fn sg_203_ranges_of_the_knobs() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    let e = eni(&mut m, &s);
    let t = |tcp_established, udp, udp_stream| TrackingTimeouts { tcp_established, udp, udp_stream };
    assert_eq!(m.interfaces().get(&e).unwrap().timeouts, t(432_000, 30, 180));
    for bad in [t(59, 30, 60), t(432_001, 30, 60), t(60, 29, 60), t(60, 61, 60), t(60, 30, 59), t(60, 30, 181)] {
        assert_eq!(refused(&mut m, |m| m.modify_tracking_timeouts(&e, bad)), "InvalidParameterValue");
    }
    m.modify_tracking_timeouts(&e, t(60, 60, 60)).unwrap();
}

// covers: IP-16
#[test]
fn ip_16_an_ipv6_address_of_eth0_lasts_as_long_as_its_instance() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    let mine = "2001:db8:1234:1a00::77".parse().unwrap();
    let request = RunInstance { subnet: Some(s.clone()), ipv6: vec![mine], ..Default::default() };
    let i = m.run_instance(request.clone()).unwrap();
    assert_eq!(eth0(&m, &i).ipv6, [mine]);
    m.stop_instance(&i).unwrap();
    assert_eq!(refused(&mut m, |m| m.run_instance(request.clone())), "InvalidIPAddress.InUse");
    m.start_instance(&i).unwrap();
    assert_eq!(eth0(&m, &i).ipv6, [mine]);
    let e = eth0(&m, &i).id;
    m.unassign_ipv6_addresses(&e, &[mine]).unwrap();
    assert!(eth0(&m, &i).ipv6.is_empty());
    m.assign_ipv6_addresses(&e, &[mine], 0).unwrap();
    m.terminate_instance(&i).unwrap();
    m.run_instance(request).unwrap();
}

// covers: IP-18 IP-21
#[test]
fn ip_21_ipv6_by_instance_type() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    let ask = |kind: &str, count| RunInstance {
        subnet: Some(s.clone()),
        instance_type: kind.into(),
        ipv6_count: Some(count),
        ..Default::default()
    };
    for kind in ["m3.large", "m1.small", "t1.micro"] {
        assert_eq!(refused(&mut m, |m| m.run_instance(ask(kind, 1))), "InvalidParameterCombination", "{kind}");
    }
    for kind in ["c3.large", "r3.large", "i2.xlarge", "m4.large", "t2.medium"] {
        m.run_instance(ask(kind, 1)).unwrap();
    }
    assert_eq!(refused(&mut m, |m| m.run_instance(ask("t2.micro", 3))), "PrivateIpAddressLimitExceeded");
    // No other way leads there.
    let old = m.run_instance(ask("m3.large", 0)).unwrap();
    let e = eth0(&m, &old).id;
    assert_eq!(refused(&mut m, |m| m.assign_ipv6_addresses(&e, &[], 1)), "InvalidParameterCombination");
    let with = m.create_network_interface(CreateNetworkInterface { ipv6_count: Some(1), ..eni_request(&s) }).unwrap();
    assert_eq!(refused(&mut m, |m| m.attach_network_interface(&with, &old, 1)), "InvalidParameterCombination");
    let existing = InterfaceSpec { interface: Some(with), ..Default::default() };
    let request = RunInstance { interfaces: vec![existing], instance_type: "m3.large".into(), ..Default::default() };
    assert_eq!(refused(&mut m, |m| m.run_instance(request)), "InvalidParameterCombination");
    let new = m.run_instance(ask("m4.large", 1)).unwrap();
    m.stop_instance(&new).unwrap();
    assert_eq!(refused(&mut m, |m| m.modify_instance_type(&new, "m3.large")), "InvalidParameterCombination");
}

// covers: IP-22
#[test]
fn ip_22_another_type_only_while_stopped() {
    let mut m = Model::default();
    let (_, s) = place(&mut m);
    let i = launch(&mut m, &s);
    assert_eq!(refused(&mut m, |m| m.modify_instance_type(&i, "t2.small")), "IncorrectInstanceState");
    for index in 1..3 {
        let e = eni(&mut m, &s);
        m.attach_network_interface(&e, &i, index).unwrap();
    }
    let eth0 = eth0(&m, &i).id;
    m.assign_private_ip_addresses(AssignPrivate { interface: eth0, count: 4, ..Default::default() }).unwrap();
    m.stop_instance(&i).unwrap();
    // Three interfaces, one of them with five addresses.
    assert_eq!(refused(&mut m, |m| m.modify_instance_type(&i, "t2.micro")), "AttachmentLimitExceeded");
    assert_eq!(refused(&mut m, |m| m.modify_instance_type(&i, "t2.small")), "PrivateIpAddressLimitExceeded");
    m.modify_instance_type(&i, "t2.medium").unwrap();
    assert_eq!(m.instances().get(&i).unwrap().instance_type, "t2.medium");
}

#[test]
fn what_ended_leaves_also_after_a_restart() {
    let mut m = Model::default();
    m.set_now(1_000);
    let (_, s) = place(&mut m);
    let i = launch(&mut m, &s);
    m.terminate_instance(&i).unwrap();
    let records = m.records();
    let pairs = records.iter().filter_map(|r| Some((r.kind, r.value.as_deref()?)));
    let mut again = Model::restore(pairs).unwrap();
    again.set_now(3_600_999);
    assert!(again.instances().get(&i).is_some());
    again.set_now(3_601_000);
    assert!(again.instances().get(&i).is_none());
}
