//! Quotas (chapter 11, sections 1 to 3).

use super::*;

/// Sets a quota by its code.
fn set(m: &mut Model, code: &str, value: usize) {
    m.set_quota(code, value).unwrap();
}

// covers: QTA-41 QTA-03 QTA-13 QTA-14 QTA-19
#[test]
fn qta_41_up_to_the_maximum_and_not_beyond() {
    let mut m = Model::default();
    for (code, max) in [("L-83CA0A9D", 50), ("L-2AEEBF1A", 40), ("L-93826ACB", 1000), ("L-2AFB9258", 15)] {
        set(&mut m, code, max);
        assert_eq!(refused(&mut m, |m| m.set_quota(code, max + 1)), "IllegalArgumentException", "{code}");
    }
    // Gateways follow the VPCs and nothing else.
    for fixed in ["InternetGateways", "L-45FE3B85", "AddressesPerInterface"] {
        assert_eq!(refused(&mut m, |m| m.set_quota(fixed, 100)), "IllegalArgumentException", "{fixed}");
    }
    for unknown in ["L-0", "", "Dogs"] {
        assert_eq!(refused(&mut m, |m| m.set_quota(unknown, 1)), "NoSuchResourceException", "{unknown}");
    }
    let codes: Vec<_> = QUOTAS.iter().map(|q| q.code).filter(|code| !code.is_empty()).collect();
    let by_code: std::collections::BTreeSet<_> = codes.iter().collect();
    assert_eq!(by_code.len(), codes.len(), "codes are unique");
    assert!(QUOTAS.iter().all(|q| q.max.is_none_or(|max| q.default_value() <= max)));
}

// covers: QTA-46 QTA-01 QTA-08 QTA-09 QTA-EX-1 QTA-EX-2
#[test]
fn qta_ex_2_gateways_follow_vpcs() {
    let mut m = Model::default();
    for (limit, before) in [(5, 0), (8, 5)] {
        set(&mut m, "L-F678F1CE", limit);
        for _ in before..limit {
            let v = vpc(&mut m, "10.0.0.0/16");
            m.create_internet_gateway().unwrap();
            m.create_egress_only_internet_gateway(&v).unwrap();
        }
        let v = m.vpcs().iter().next().unwrap().id.clone();
        let v6 = |m: &mut Model| m.create_egress_only_internet_gateway(&v);
        assert_eq!(refused(&mut m, |m| m.create_vpc(CreateVpc::new(n4("10.0.0.0/16")))), "VpcLimitExceeded");
        assert_eq!(refused(&mut m, Model::create_internet_gateway), "InternetGatewayLimitExceeded");
        // The VPC has one: that is said first.
        assert_eq!(refused(&mut m, v6), "Resource.AlreadyAssociated");
        assert_eq!(m.egress_only_gateways().len(), limit);
        assert_eq!(m.limits().egress_only_gateways, limit);
    }
}

// covers: QTA-46 QTA-17 QTA-19 QTA-EX-3 QTA-EX-4 QTA-EX-5 QTA-EX-6
#[test]
fn qta_ex_3_rules_times_groups() {
    let mut m = Model::default();
    let both = |m: &Model| (m.limits().rules_per_group, m.limits().groups_per_interface);
    set(&mut m, "RulesPerGroup", 100);
    assert_eq!(both(&m), (100, 5), "there was room");
    set(&mut m, "GroupsPerInterface", 15);
    assert_eq!(both(&m), (66, 15));
    set(&mut m, "RulesPerGroup", 100);
    assert_eq!(both(&m), (100, 10));
    set(&mut m, "RulesPerGroup", 200);
    assert_eq!(both(&m), (200, 5));
    set(&mut m, "GroupsPerInterface", 10);
    assert_eq!(both(&m), (100, 10));
    set(&mut m, "RulesPerGroup", 1000);
    assert_eq!(both(&m), (1000, 1));
    assert_eq!(refused(&mut m, |m| m.set_quota("RulesPerGroup", 1001)), "IllegalArgumentException");
    assert_eq!(refused(&mut m, |m| m.set_quota("GroupsPerInterface", 16)), "IllegalArgumentException");
    set(&mut m, "RulesPerGroup", 0);
    assert_eq!(both(&m), (0, 1));
}

// covers: QTA-42 QTA-45 QTA-02
#[test]
fn qta_45_lowering_deletes_nothing_and_raising_binds_all() {
    let mut m = Model::default();
    let (a, b) = (vpc(&mut m, "10.0.0.0/16"), vpc(&mut m, "10.0.0.0/16"));
    for v in [&a, &b] {
        subnet(&mut m, v, "10.0.0.0/24");
        subnet(&mut m, v, "10.0.1.0/24");
    }
    set(&mut m, "SubnetsPerVpc", 1);
    assert_eq!(m.subnets().len(), 4);
    for v in [&a, &b] {
        assert_eq!(refused(&mut m, |m| m.create_subnet(subnet_request(v, "10.0.2.0/24"))), "SubnetLimitExceeded");
    }
    set(&mut m, "SubnetsPerVpc", 3);
    for v in [&a, &b] {
        subnet(&mut m, v, "10.0.2.0/24");
        assert_eq!(refused(&mut m, |m| m.create_subnet(subnet_request(v, "10.0.3.0/24"))), "SubnetLimitExceeded");
    }
}

// covers: QTA-02
#[test]
fn qta_02_two_hundred_subnets() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    for i in 0..200 {
        subnet(&mut m, &v, &format!("10.0.{}.{}/28", i / 16, i % 16 * 16));
    }
    assert_eq!(refused(&mut m, |m| m.create_subnet(subnet_request(&v, "10.0.200.0/28"))), "SubnetLimitExceeded");
}

// covers: QTA-18
#[test]
fn qta_18_a_vpc_brings_its_group() {
    let mut m = Model::default();
    set(&mut m, "L-E79EC296", 1);
    vpc(&mut m, "10.0.0.0/16");
    assert_eq!(refused(&mut m, |m| m.create_vpc(CreateVpc::new(n4("10.0.0.0/16")))), "SecurityGroupLimitExceeded");
}

// covers: QTA-40
#[test]
fn qta_40_regions_count_apart() {
    let mut models = [Model::new(1), Model::new(2)];
    models[1].set_region("us-east-2");
    for m in &mut models {
        (0..5).for_each(|_| drop(vpc(m, "10.0.0.0/16")));
        assert_eq!(refused(m, |m| m.create_vpc(CreateVpc::new(n4("10.0.0.0/16")))), "VpcLimitExceeded");
    }
}

// covers: QTA-41
#[test]
fn quotas_and_zones_are_kept() {
    let mut m = Model::default();
    m.settle();
    set(&mut m, "Vpcs", 9);
    assert!(m.unsettled());
    m.settle();
    m.add_zone(Zone { name: "us-east-1d".into(), id: "use1-az4".into() }).unwrap();
    assert!(m.unsettled());
    let records = m.records();
    let stored = records.iter().map(|r| (r.kind, r.value.as_deref().unwrap()));
    let back = Model::restore(stored).unwrap();
    assert_eq!((back.limits().vpcs, back.zones().len()), (9, 4));
}
