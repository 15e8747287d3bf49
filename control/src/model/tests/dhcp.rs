//! DHCP options sets (chapter 08, section 1).

use super::*;

fn create(m: &mut Model, options: &[(&str, &[&str])]) -> Result<Id> {
    let text = |(name, values): &(&str, &[&str])| (name.to_string(), values.iter().map(|v| v.to_string()).collect());
    m.create_dhcp_options(&options.iter().map(text).collect::<Vec<_>>())
}

// covers: DHCP-01 DHCP-21 DHCP-23 DHCP-A3
#[test]
fn dhcp_01_options_and_their_values() {
    let five = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
    let good: [(&str, &[&str]); 12] = [
        ("domain-name-servers", &["10.2.5.1", "10.2.5.2"]),
        ("domain-name-servers", &["10.2.5.1,10.2.5.2, AmazonProvidedDNS"]),
        ("domain-name-servers", &five[..4]),
        ("domain-name", &["one.example two.example"]),
        ("ntp-servers", &["169.254.169.123"]),
        ("ntp-servers", &["fd00:ec2::123"]),
        ("netbios-name-servers", &["10.2.5.1"]),
        ("netbios-node-type", &["1"]),
        ("netbios-node-type", &["2"]),
        ("netbios-node-type", &["4"]),
        ("netbios-node-type", &["8"]),
        ("ipv6-address-preferred-lease-time", &["3600"]),
    ];
    for option in good {
        let mut m = Model::default();
        create(&mut m, &[option]).unwrap();
    }
    let bad: [(&str, &[&str]); 13] = [
        ("domain-name-servers", &five),
        ("domain-name-servers", &["10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,AmazonProvidedDNS"]),
        ("domain-name-servers", &["dns.example.com"]),
        ("domain-name-servers", &[]),
        ("domain-name", &["a", "b"]),
        ("domain-name", &[""]),
        ("ntp-servers", &five),
        ("ntp-servers", &["AmazonProvidedDNS"]),
        ("netbios-name-servers", &five),
        ("netbios-node-type", &["3"]),
        ("netbios-node-type", &["1", "2"]),
        ("ipv6-address-preferred-lease-time", &["soon"]),
        ("colour", &["red"]),
    ];
    for option in bad {
        let mut m = Model::default();
        assert_eq!(refused(&mut m, |m| create(m, &[option])), "InvalidParameterValue", "{option:?}");
    }
    let mut m = Model::default();
    assert_eq!(refused(&mut m, |m| create(m, &[])), "MissingParameter");
    let twice: [(&str, &[&str]); 2] = [("domain-name", &["a"]), ("domain-name", &["b"])];
    assert_eq!(refused(&mut m, |m| create(m, &twice)), "InvalidParameterValue");
    let split = create(&mut m, &[("ntp-servers", &["10.0.0.1, 10.0.0.2"])]).unwrap();
    assert_eq!(m.dhcp_options().get(&split).unwrap().options["ntp-servers"], ["10.0.0.1", "10.0.0.2"]);
}

// covers: DHCP-02 DHCP-22 VPC-06
#[test]
fn dhcp_02_every_vpc_begins_with_the_one_default_set() {
    let mut m = Model::default();
    let (a, b) = (vpc(&mut m, "10.0.0.0/16"), vpc(&mut m, "10.1.0.0/16"));
    let of = |m: &Model, v: &str| m.dhcp_options_of(m.vpcs().get(v).unwrap()).unwrap().clone();
    assert_eq!(of(&m, &a), of(&m, &b));
    assert_eq!(m.dhcp_options().len(), 1);
    let set = of(&m, &a);
    assert_eq!(set.options["domain-name-servers"], ["AmazonProvidedDNS"]);
    assert_eq!(set.options["domain-name"], ["ec2.internal"]);
    let mut tokyo = Model::default();
    tokyo.set_region("ap-northeast-1");
    let v = vpc(&mut tokyo, "10.0.0.0/16");
    assert_eq!(of(&tokyo, &v).options["domain-name"], ["ap-northeast-1.compute.internal"]);
}

// covers: DHCP-06 DHCP-08 DHCP-09 DHCP-10
#[test]
fn dhcp_06_one_set_or_none() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let of = |m: &Model| m.vpcs().get(&v).unwrap().dhcp_options.clone();
    let (a, b) = (
        create(&mut m, &[("domain-name", &["a.example"])]).unwrap(),
        create(&mut m, &[("domain-name", &["b.example"])]).unwrap(),
    );
    m.associate_dhcp_options(&a, &v).unwrap();
    m.associate_dhcp_options(&b, &v).unwrap();
    assert_eq!(of(&m), Some(b.clone()));
    assert_eq!(refused(&mut m, |m| m.associate_dhcp_options("dopt-0", &v)), "InvalidDhcpOptionID.NotFound");
    assert_eq!(refused(&mut m, |m| m.associate_dhcp_options("options", &v)), "InvalidDhcpOptionsId.Malformed");
    assert_eq!(refused(&mut m, |m| m.associate_dhcp_options(&a, "vpc-0")), "InvalidVpcID.NotFound");
    assert_eq!(refused(&mut m, |m| m.delete_dhcp_options(&b)), "DependencyViolation");
    m.delete_dhcp_options(&a).unwrap();
    m.delete_vpc(&v).unwrap();
    assert!(m.dhcp_options().get(&b).is_some(), "a set outlives its VPCs");
    let w = vpc(&mut m, "10.0.0.0/16");
    m.associate_dhcp_options("default", &w).unwrap();
    assert_eq!(m.dhcp_options_of(m.vpcs().get(&w).unwrap()), None);
    m.delete_dhcp_options(&b).unwrap();
    assert_eq!(refused(&mut m, |m| m.delete_dhcp_options(&b)), "InvalidDhcpOptionID.NotFound");
}

// covers: DHCP-05
#[test]
fn dhcp_05_any_number_of_sets() {
    let mut m = Model::default();
    (0..1000).for_each(|_| drop(create(&mut m, &[("domain-name", &["a.example"])]).unwrap()));
    assert_eq!(m.dhcp_options().len(), 1000);
}
