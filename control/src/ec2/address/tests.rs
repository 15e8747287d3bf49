use crate::ec2::Api;
use crate::ec2::testing::{api, instance, internet_gateway, made, ok, refused, subnet, text, texts};

/// An API and an instance that can have a public address.
fn world() -> (Api, String) {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let subnet = subnet(&api, &vpc, "10.0.0.0/24");
    internet_gateway(&api, &vpc);
    let instance = instance(&api, &subnet);
    (api, instance)
}

// covers: EIP-13 EIP-14 EIP-16
#[test]
fn eip_14_where_addresses_come_from() {
    let api = api();
    let tag =
        "TagSpecification.1.ResourceType=elastic-ip&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
    let body = ok(
        &api,
        &format!("Action=AllocateAddress&Domain=vpc&PublicIpv4Pool=amazon&NetworkBorderGroup=us-east-1&{tag}"),
    );
    for (name, value) in [
        ("publicIp", "198.51.100.1"),
        ("domain", "vpc"),
        ("publicIpv4Pool", "amazon"),
        ("networkBorderGroup", "us-east-1"),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    let allocation = text(&body, "allocationId");
    let by_tag = "Action=DescribeAddresses&Filter.1.Name=tag:k&Filter.1.Value.1=v";
    assert_eq!(made(&api, by_tag, "allocationId"), allocation);
    for (rest, code) in [
        ("PublicIpv4Pool=ipv4pool-ec2-1", "InvalidPublicIpv4PoolID.NotFound"),
        ("NetworkBorderGroup=us-west-2", "InvalidParameterValue"),
        ("Address=2001:db8::1", "InvalidParameterValue"),
        ("Address=198.51.100.1", "InvalidAddress.NotFound"),
        ("Domain=classic", "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&api, &format!("Action=AllocateAddress&{rest}")).0, code, "{rest}");
    }
    let release = format!("Action=ReleaseAddress&AllocationId={allocation}");
    assert_eq!(refused(&api, &format!("{release}&NetworkBorderGroup=us-west-2")).0, "InvalidAddress.NotFound");
    ok(&api, &format!("{release}&NetworkBorderGroup=us-east-1"));
    let recovered = ok(&api, "Action=AllocateAddress&Address=198.51.100.1");
    assert_eq!(text(&recovered, "publicIp"), "198.51.100.1");
    assert_ne!(text(&recovered, "allocationId"), allocation);
    assert_eq!(made(&api, by_tag, "allocationId"), "", "tags do not come back");
}

// covers: EIP-24
#[test]
fn eip_24_every_filter_finds_by_what_it_names() {
    let (api, instance) = world();
    let tag =
        "TagSpecification.1.ResourceType=elastic-ip&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
    let allocation = made(&api, &format!("Action=AllocateAddress&{tag}"), "allocationId");
    let free = made(&api, "Action=AllocateAddress", "allocationId");
    let associate = format!("Action=AssociateAddress&AllocationId={allocation}&InstanceId={instance}");
    let association = made(&api, &associate, "associationId");
    let body = ok(&api, &format!("Action=DescribeAddresses&AllocationId.1={allocation}"));
    let interface = text(&body, "networkInterfaceId");
    assert_eq!((text(&body, "instanceId"), text(&body, "privateIpAddress")), (instance.clone(), "10.0.0.4".into()));
    assert!(text(&body, "subnetId").starts_with("subnet-"));
    let both = vec![allocation.clone(), free.clone()];
    let mapped = vec![allocation.clone()];
    for (name, value, expected) in [
        ("allocation-id", free.as_str(), vec![free.clone()]),
        ("association-id", &association, mapped.clone()),
        ("domain", "vpc", both.clone()),
        ("domain", "standard", vec![]),
        ("instance-id", &instance, mapped.clone()),
        ("network-border-group", "us-east-1", both),
        ("network-interface-id", &interface, mapped.clone()),
        ("network-interface-owner-id", "123456789012", mapped.clone()),
        ("private-ip-address", "10.0.0.4", mapped.clone()),
        ("public-ip", "198.51.100.1", mapped.clone()),
        ("tag:k", "v", mapped.clone()),
        ("tag-key", "k", mapped.clone()),
    ] {
        let found = ok(&api, &format!("Action=DescribeAddresses&Filter.1.Name={name}&Filter.1.Value.1={value}"));
        assert_eq!(texts(&found, "allocationId"), expected, "{name} {value}");
    }
    let by_address = |list: &str| texts(&ok(&api, &format!("Action=DescribeAddresses&{list}")), "allocationId");
    assert_eq!(by_address("PublicIp.1=198.51.100.1"), mapped);
    assert!(by_address(&format!("PublicIp.1=198.51.100.1&AllocationId.1={free}")).is_empty());
    let unknown = refused(&api, "Action=DescribeAddresses&PublicIp.1=198.51.100.77");
    assert_eq!(unknown, ("InvalidAddress.NotFound".into(), "Address &apos;198.51.100.77&apos; not found.".into()));
}

#[test]
fn addresses_may_be_named_by_themselves() {
    let (api, instance) = world();
    ok(&api, "Action=AllocateAddress&Domain=standard");
    let public = "PublicIp=198.51.100.1";
    assert_eq!(refused(&api, &format!("Action=DisassociateAddress&{public}")).0, "InvalidAssociationID.NotFound");
    let associate = format!("Action=AssociateAddress&{public}&InstanceId={instance}");
    let association = made(&api, &associate, "associationId");
    assert!(association.starts_with("eipassoc-"), "{association}");
    assert_eq!(refused(&api, &format!("{associate}&AllocationId=eipalloc-1")).0, "InvalidParameterCombination");
    assert_eq!(refused(&api, &format!("Action=AssociateAddress&InstanceId={instance}")).0, "MissingParameter");
    assert_eq!(refused(&api, &format!("Action=ReleaseAddress&{public}")).0, "InvalidIPAddress.InUse");
    ok(&api, &format!("Action=DisassociateAddress&{public}"));
    ok(&api, &format!("Action=ReleaseAddress&{public}"));
    assert_eq!(refused(&api, &format!("Action=ReleaseAddress&{public}")).0, "InvalidAddress.NotFound");
}

#[test]
fn an_address_answers_with_a_name() {
    let api = api();
    let allocation = made(&api, "Action=AllocateAddress", "allocationId");
    let other = made(&api, "Action=AllocateAddress", "allocationId");
    let modify = format!("Action=ModifyAddressAttribute&AllocationId={allocation}&DomainName=mail.example.com");
    assert_eq!(made(&api, &modify, "ptrRecord"), "mail.example.com.");
    let describe = "Action=DescribeAddressesAttribute&Attribute=domain-name";
    let body = ok(&api, describe);
    assert_eq!(texts(&body, "allocationId"), [allocation.clone(), other.clone()]);
    assert_eq!(texts(&body, "ptrRecord"), ["mail.example.com."]);
    assert_eq!(made(&api, &format!("{describe}&AllocationId.1={other}"), "ptrRecord"), "");
    let reset = format!("Action=ResetAddressAttribute&AllocationId={allocation}");
    assert_eq!(refused(&api, &reset).0, "MissingParameter");
    assert_eq!(made(&api, &format!("{reset}&Attribute=domain-name"), "ptrRecord"), "");
    assert!(texts(&ok(&api, describe), "ptrRecord").is_empty());
    assert_eq!(refused(&api, "Action=DescribeAddressesAttribute&Attribute=colour").0, "InvalidParameterValue");
}

// covers: EIP-15
#[test]
fn eip_15_the_public_name_follows_the_address() {
    let (api, instance) = world();
    let vpc = made(&api, "Action=DescribeInstances", "vpcId");
    let name = || made(&api, "Action=DescribeInstances", "dnsName");
    let associate = |public: &str| {
        made(&api, &format!("Action=AssociateAddress&PublicIp={public}&InstanceId={instance}"), "associationId")
    };
    (0..2).for_each(|_| drop(ok(&api, "Action=AllocateAddress")));
    associate("198.51.100.1");
    assert_eq!(name(), "", "DNS host names are off");
    ok(&api, &format!("Action=ModifyVpcAttribute&VpcId={vpc}&EnableDnsHostnames.Value=true"));
    assert_eq!(name(), "ec2-198-51-100-1.compute-1.amazonaws.com");
    let association = associate("198.51.100.2");
    assert_eq!(name(), "ec2-198-51-100-2.compute-1.amazonaws.com");
    let body = ok(&api, "Action=DescribeNetworkInterfaces");
    assert_eq!(text(&body, "publicDnsName"), "ec2-198-51-100-2.compute-1.amazonaws.com");
    ok(&api, &format!("Action=DisassociateAddress&AssociationId={association}"));
    // What the instance has instead is not the Elastic IP.
    let own = made(&api, "Action=DescribeInstances", "ipAddress").replace('.', "-");
    assert_eq!(name(), format!("ec2-{own}.compute-1.amazonaws.com"));
    assert_ne!(own, "198-51-100-2");
}
