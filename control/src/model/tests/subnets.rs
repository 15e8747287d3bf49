//! CIDR reservations and attributes of subnets.

use super::*;

fn reserve(m: &mut Model, subnet: &str, cidr: &str, kind: Reserved) -> Result<Id> {
    m.create_cidr_reservation(CreateCidrReservation {
        subnet: subnet.into(),
        cidr: net(cidr),
        kind,
        description: String::new(),
    })
}

#[test]
fn reserved_addresses_are_given_only_to_those_who_name_them() {
    let mut m = Model::default();
    let v = vpc6(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    m.associate_subnet_cidr_block(&s, n6("2001:db8:1234:1a00::/64")).unwrap();
    reserve(&mut m, &s, "10.0.0.0/28", Reserved::Explicit).unwrap();
    reserve(&mut m, &s, "2001:db8:1234:1a00::/80", Reserved::Explicit).unwrap();
    let request = CreateNetworkInterface { ipv6_count: Some(2), ..eni_request(&s) };
    let e = m.create_network_interface(request).unwrap();
    let made = m.interfaces().get(&e).unwrap();
    assert_eq!(made.primary(), ip("10.0.0.16"));
    let first: std::net::Ipv6Addr = "2001:db8:1234:1a00:1::".parse().unwrap();
    assert_eq!(made.ipv6, [first, std::net::Ipv6Addr::from(u128::from(first) + 1)]);
    let named = CreateNetworkInterface { private: vec![ip("10.0.0.4")], ..eni_request(&s) };
    m.create_network_interface(named).unwrap();
    // The whole subnet reserved: nothing is left to choose, though nearly all of it is free.
    reserve(&mut m, &s, "10.0.0.128/25", Reserved::Explicit).unwrap();
    reserve(&mut m, &s, "10.0.0.64/26", Reserved::Explicit).unwrap();
    reserve(&mut m, &s, "10.0.0.32/27", Reserved::Explicit).unwrap();
    let last = reserve(&mut m, &s, "10.0.0.16/28", Reserved::Explicit).unwrap();
    assert_eq!(refused(&mut m, |m| m.create_network_interface(eni_request(&s))), "InsufficientFreeAddressesInSubnet");
    m.delete_cidr_reservation(&last).unwrap();
    eni(&mut m, &s);
}

#[test]
fn an_ipv6_block_that_is_all_reserved_has_no_address_left() {
    let mut m = Model::default();
    let v = vpc6(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let block = m.associate_subnet_cidr_block(&s, n6("2001:db8:1234:1a00::/64")).unwrap();
    let r = reserve(&mut m, &s, "2001:db8:1234:1a00::/64", Reserved::Prefix).unwrap();
    let request = CreateNetworkInterface { ipv6_count: Some(1), ..eni_request(&s) };
    assert_eq!(refused(&mut m, |m| m.create_network_interface(request)), "InsufficientFreeAddressesInSubnet");
    // The reservation goes with its block, and with its subnet.
    m.disassociate_subnet_cidr_block(&block).unwrap();
    assert!(m.cidr_reservations().get(&r).is_none());
    reserve(&mut m, &s, "10.0.0.64/26", Reserved::Prefix).unwrap();
    m.delete_subnet(&s).unwrap();
    assert!(m.cidr_reservations().is_empty());
}

// covers: SUB-07
#[test]
fn reservations_for_prefixes_count_as_taken() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let free = |m: &Model| m.available_addresses(&s).unwrap();
    reserve(&mut m, &s, "10.0.0.16/28", Reserved::Explicit).unwrap();
    assert_eq!(free(&m), 251);
    let named = CreateNetworkInterface { private: vec![ip("10.0.0.65")], ..eni_request(&s) };
    m.create_network_interface(named).unwrap();
    assert_eq!(free(&m), 250);
    let r = reserve(&mut m, &s, "10.0.0.64/28", Reserved::Prefix).unwrap();
    assert_eq!(free(&m), 235, "the sixteen of the prefix, one of which was in use before");
    m.delete_cidr_reservation(&r).unwrap();
    // The first four of a subnet and its last are nobody's anyway.
    reserve(&mut m, &s, "10.0.0.0/28", Reserved::Prefix).unwrap();
    reserve(&mut m, &s, "10.0.0.240/28", Reserved::Prefix).unwrap();
    assert_eq!(free(&m), 250 - 12 - 15);
}

#[test]
fn a_reservation_lies_in_its_subnet_and_beside_the_others() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let other = subnet(&mut m, &v, "10.0.1.0/24");
    reserve(&mut m, &s, "10.0.0.16/28", Reserved::Prefix).unwrap();
    for cidr in ["10.0.1.0/28", "10.0.0.0/23", "2001:db8:1234:1a00::/80", "10.0.0.24/29", "10.0.0.0/24"] {
        assert_eq!(refused(&mut m, |m| reserve(m, &s, cidr, Reserved::Prefix)), "InvalidParameterValue", "{cidr}");
    }
    reserve(&mut m, &other, "10.0.1.16/28", Reserved::Prefix).unwrap();
    assert_eq!(m.reservations_of(&s).count(), 1);
    let unknown = refused(&mut m, |m| m.delete_cidr_reservation("scr-0"));
    assert_eq!(unknown, "InvalidSubnetCidrReservationID.NotFound");
}

// covers: SHR-12 SUB-05
#[test]
fn zones_have_one_id_and_a_name_for_each_account() {
    let mut m = Model::default();
    let ids = |m: &Model| m.availability_zones().iter().map(|z| z.id.clone()).collect::<Vec<_>>();
    assert_eq!(m.zones(), ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert_eq!(ids(&m), ["use1-az1", "use1-az2", "use1-az3"]);
    m.set_account("123456789013");
    assert_eq!(m.zones(), ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert_eq!(ids(&m), ["use1-az2", "use1-az3", "use1-az1"]);
    assert_eq!(m.zone_by_id("use1-az1"), Some("us-east-1c"));
    for (region, id) in [
        ("ap-northeast-1", "apne1-az1"),
        ("us-gov-west-1", "usgw1-az1"),
        ("ap-southeast-2", "apse2-az1"),
        ("eu-central-1", "euc1-az1"),
        ("lab", "lab-az1"),
    ] {
        let mut m = Model::default();
        m.set_region(region);
        assert_eq!(m.zone_id(&format!("{region}a")), id);
    }
}

proptest::proptest! {
    /// Subnets come and go at random; a new one is refused exactly when it shares an address with one that is there (SUB-04).
    #[test]
    fn a_subnet_is_refused_exactly_when_it_overlaps_another(
        steps in proptest::collection::vec((0u32..0x10000, 17u8..=28, proptest::bool::weighted(0.3)), 1..60)
    ) {
        let mut m = Model::default();
        let vpc = m.create_vpc(CreateVpc::new("10.0.0.0/16".parse().unwrap())).unwrap();
        m.limits_mut().subnets_per_vpc = 1000;
        let mut there: Vec<(ipnet::Ipv4Net, Id)> = Vec::new();
        for (address, length, goes) in steps {
            if goes && !there.is_empty() {
                let (_, id) = there.swap_remove(address as usize % there.len());
                m.delete_subnet(&id).unwrap();
                continue;
            }
            let net = ipnet::Ipv4Net::new(std::net::Ipv4Addr::from(0x0a00_0000 | address), length).unwrap().trunc();
            let free = there.iter().all(|(n, _)| !n.contains(&net) && !net.contains(n));
            let made = m.create_subnet(CreateSubnet { vpc: vpc.clone(), cidr4: net, cidr6: None, az: None });
            proptest::prop_assert_eq!(made.is_ok(), free, "{} beside {:?}", net, there);
            there.extend(made.ok().map(|id| (net, id)));
        }
    }
}
