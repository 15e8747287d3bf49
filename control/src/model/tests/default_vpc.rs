//! The default VPC (chapter 02, section 5).

use super::*;

fn fresh() -> (Model, Id) {
    let mut m = Model::default();
    let v = m.create_default_vpc().unwrap();
    (m, v)
}

fn subnets_of(m: &Model, vpc: &str) -> Vec<(String, String, bool)> {
    let row = |s: &Subnet| (s.zone.clone(), s.cidr.to_string(), s.is_default && s.map_public_ip);
    m.subnets().by(vpc).map(row).collect()
}

// covers: DEF-01 DEF-02 DEF-12 DNS-05 IP-06
#[test]
fn def_02_what_it_is_made_of() {
    let (m, id) = fresh();
    let v = m.default_vpc().unwrap();
    assert_eq!((v.id.as_str(), v.primary(), v.tenancy.as_str()), (id.as_str(), n4("172.31.0.0/16"), "default"));
    assert!(v.dns_support && v.dns_hostnames && v.ipv6.is_none());
    assert!(m.dhcp_options_of(v).unwrap().is_default);
    let rows = [("us-east-1a", "172.31.0.0/20"), ("us-east-1b", "172.31.16.0/20"), ("us-east-1c", "172.31.32.0/20")];
    assert_eq!(subnets_of(&m, &id), rows.map(|(z, c)| (z.to_string(), c.to_string(), true)));
    assert!(m.subnets().iter().all(|s| m.available_addresses(&s.id) == Ok(4091) && !s.assign_ipv6));
    let gateway = m.gateway_of(&id).unwrap().id.clone();
    let main = &m.main_route_table(&id).unwrap().routes;
    let to_gateway = RouteTarget::InternetGateway(gateway);
    assert!(main.iter().any(|r| r.destination == net("0.0.0.0/0") && r.target == to_gateway));
    assert_eq!((m.route_tables().len(), m.network_acls().len(), m.security_groups().len()), (1, 1, 1));
}

// covers: DEF-10 QTA-43
#[test]
fn def_10_one_at_a_time_and_whole_or_not_at_all() {
    let (mut m, old) = fresh();
    assert_eq!(refused(&mut m, Model::create_default_vpc), "DefaultVpcAlreadyExists");
    let gateway = m.gateway_of(&old).unwrap().id.clone();
    m.detach_internet_gateway(&gateway, &old).unwrap();
    m.delete_internet_gateway(&gateway).unwrap();
    let subnets: Vec<Id> = m.subnets().iter().map(|s| s.id.clone()).collect();
    subnets.iter().for_each(|s| m.delete_subnet(s).unwrap());
    m.delete_vpc(&old).unwrap();
    assert!(m.default_vpc().is_none());
    // The gateway is what there is no room for; the VPC before it must not stay.
    m.limits_mut().internet_gateways = 0;
    assert_eq!(refused(&mut m, Model::create_default_vpc), "InternetGatewayLimitExceeded");
    m.limits_mut().internet_gateways = 1;
    assert_ne!(m.create_default_vpc().unwrap(), old);
}

// covers: DEF-11 DEF-12 DEF-13 A-02-7
#[test]
fn def_11_default_subnets() {
    let (mut m, v) = fresh();
    let in_zone = |m: &Model, zone: &str| m.default_subnet(Some(zone)).unwrap().id.clone();
    let code = refused(&mut m, |m| m.create_default_subnet("us-east-1a"));
    assert_eq!(code, "DefaultSubnetAlreadyExistsInAvailabilityZone");
    assert_eq!(refused(&mut m, |m| m.create_default_subnet("us-east-1z")), "InvalidParameterValue");
    m.associate_vpc_ipv6_block(&v).unwrap();
    let b = in_zone(&m, "us-east-1b");
    m.delete_subnet(&b).unwrap();
    let again = m.create_default_subnet("us-east-1b").unwrap();
    let made = m.subnets().get(&again).unwrap();
    assert_eq!(made.cidr, n4("172.31.16.0/20"), "the first that is free");
    assert!(made.is_default && made.map_public_ip && made.ipv6.is_none());
    // No room for a /20, until a block is added.
    m.delete_subnet(&again).unwrap();
    subnet(&mut m, &v, "172.31.16.0/24");
    subnet(&mut m, &v, "172.31.48.0/20");
    subnet(&mut m, &v, "172.31.64.0/18");
    subnet(&mut m, &v, "172.31.128.0/17");
    assert_eq!(refused(&mut m, |m| m.create_default_subnet("us-east-1b")), "InsufficientFreeAddressesInSubnet");
    m.associate_vpc_cidr_block(&v, n4("172.20.0.0/24")).unwrap();
    assert_eq!(refused(&mut m, |m| m.create_default_subnet("us-east-1b")), "InsufficientFreeAddressesInSubnet");
    m.associate_vpc_cidr_block(&v, n4("172.21.0.0/16")).unwrap();
    let s = m.create_default_subnet("us-east-1b").unwrap();
    assert_eq!(m.subnets().get(&s).unwrap().cidr, n4("172.21.0.0/20"));
    let mut bare = Model::default();
    assert_eq!(refused(&mut bare, |m| m.create_default_subnet("us-east-1a")), "DefaultVpcDoesNotExist");
}

// covers: DEF-04 DEF-07
#[test]
fn def_07_a_new_zone_reaches_an_untouched_default_vpc() {
    let zone = || Zone { name: "us-east-1d".into(), id: "use1-az4".into() };
    type Touch = fn(&mut Model, &str);
    let touches: [(&str, Touch); 6] = [
        ("", |_, _| ()),
        ("subnet", |m, v| drop(subnet(m, v, "172.31.48.0/20"))),
        ("table", |m, v| drop(m.create_route_table(v).unwrap())),
        ("block", |m, v| drop(m.associate_vpc_cidr_block(v, n4("172.20.0.0/16")).unwrap())),
        ("group", |m, v| drop(group(m, v, "g"))),
        ("subnet gone", |m, _| m.delete_subnet(&m.default_subnet(None).unwrap().id.clone()).unwrap()),
    ];
    for (what, touch) in touches {
        let (mut m, v) = fresh();
        touch(&mut m, &v);
        let before = m.subnets().len();
        m.add_zone(zone()).unwrap();
        assert_eq!(m.zone_id("us-east-1d"), "use1-az4");
        assert_eq!(m.subnets().len() - before, usize::from(what.is_empty()), "{what}");
        assert_eq!(refused(&mut m, |m| m.add_zone(zone())), "InvalidParameterValue");
    }
    let (mut m, v) = fresh();
    m.add_zone(zone()).unwrap();
    assert_eq!(subnets_of(&m, &v)[3], ("us-east-1d".to_string(), "172.31.48.0/20".to_string(), true));
}

// covers: DEF-06 DEF-08 DEF-09 SCN-07
#[test]
fn def_08_where_a_launch_goes() {
    let (mut m, v) = fresh();
    let run = |m: &mut Model, subnet: Option<&str>, zone: Option<&str>| {
        let (subnet, zone) = (subnet.map(Id::from), zone.map(Id::from));
        let i = m.run_instance(RunInstance { subnet, zone, ..Default::default() })?;
        Ok((m.instances().get(&i).unwrap().zone.clone(), eth0(m, &i).public.is_some()))
    };
    assert_eq!(run(&mut m, None, None), Ok(("us-east-1a".into(), true)));
    assert_eq!(run(&mut m, None, Some("us-east-1c")), Ok(("us-east-1c".into(), true)));
    assert_eq!(refused(&mut m, |m| run(m, None, Some("us-east-1z"))), "InvalidParameterValue");
    let plain = subnet(&mut m, &v, "172.31.48.0/20");
    assert_eq!(run(&mut m, Some(&plain), None), Ok(("us-east-1a".into(), false)));
    let b = m.default_subnet(Some("us-east-1b")).unwrap().id.clone();
    m.delete_subnet(&b).unwrap();
    assert_eq!(refused(&mut m, |m| run(m, None, Some("us-east-1b"))), "InvalidInput");
    let mut none = Model::default();
    assert_eq!(refused(&mut none, |m| run(m, None, None)), "VPCIdNotSpecified");
    let (mut empty, _) = fresh();
    let all: Vec<Id> = empty.subnets().iter().map(|s| s.id.clone()).collect();
    all.iter().for_each(|s| empty.delete_subnet(s).unwrap());
    assert_eq!(refused(&mut empty, |m| run(m, None, None)), "MissingInput");
}

// covers: DEF-14
#[test]
fn def_14_support_marks_a_subnet() {
    let (mut m, v) = fresh();
    let plain = subnet(&mut m, &v, "172.31.48.0/20");
    let code = refused(&mut m, |m| m.mark_default_subnet(&plain));
    assert_eq!(code, "DefaultSubnetAlreadyExistsInAvailabilityZone");
    let a = m.default_subnet(Some("us-east-1a")).unwrap().id.clone();
    m.delete_subnet(&a).unwrap();
    m.mark_default_subnet(&plain).unwrap();
    let marked = m.subnets().get(&plain).unwrap();
    assert!(marked.is_default && !marked.map_public_ip);
    let other = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &other, "10.0.0.0/24");
    assert_eq!(refused(&mut m, |m| m.mark_default_subnet(&s)), "InvalidParameterValue");
}
