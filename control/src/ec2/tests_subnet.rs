//! Subnets and their reservations over the API.

use super::testing::{api, made, ok, refused, text, texts};
use super::tests_vpc::{fresh, vpc};

// covers: SUB-05 SUB-06 S-02-5 SHR-13
#[test]
fn sub_05_zone_by_name_by_id_or_by_chance() {
    let api = api();
    let v = vpc(&api, "10.0.0.0/16");
    let create = |i: u8, rest: &str| format!("Action=CreateSubnet&VpcId={v}&CidrBlock=10.0.{i}.0/24{rest}");
    let zone = |body: &str| (text(body, "availabilityZone"), text(body, "availabilityZoneId"));
    let pair = |a: &str, b: &str| (a.to_string(), b.to_string());
    assert_eq!(zone(&ok(&api, &create(0, ""))), pair("us-east-1a", "use1-az1"));
    assert_eq!(zone(&ok(&api, &create(1, "&AvailabilityZone=us-east-1b"))), pair("us-east-1b", "use1-az2"));
    let tags =
        "&TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b";
    let body = ok(&api, &create(2, &format!("&AvailabilityZoneId=use1-az3{tags}")));
    assert_eq!(zone(&body), pair("us-east-1c", "use1-az3"));
    let id = text(&body, "subnetId");
    for (name, value) in [
        ("subnetArn", format!("arn:aws:ec2:us-east-1:123456789012:subnet/{id}").as_str()),
        ("ownerId", "123456789012"),
        ("vpcId", &v),
        ("state", "available"),
        ("availableIpAddressCount", "251"),
        ("defaultForAz", "false"),
        ("mapPublicIpOnLaunch", "false"),
        ("mapCustomerOwnedIpOnLaunch", "false"),
        ("assignIpv6AddressOnCreation", "false"),
        ("ipv6CidrBlockAssociationSet", ""),
        ("ipv6Native", "false"),
        ("enableDns64", "false"),
        ("hostnameType", "ip-name"),
        ("enableResourceNameDnsARecord", "false"),
        ("enableResourceNameDnsAAAARecord", "false"),
        ("tagSet", "<item><key>a</key><value>b</value></item>"),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    for rest in ["&AvailabilityZone=us-east-1z", "&AvailabilityZoneId=use1-az9", "&OutpostArn=arn:aws:outposts:x"] {
        assert_eq!(refused(&api, &create(3, rest)).0, "InvalidParameterValue", "{rest}");
    }
    let both = create(3, "&AvailabilityZone=us-east-1a&AvailabilityZoneId=use1-az1");
    assert_eq!(refused(&api, &both).0, "InvalidParameterCombination");
    assert_eq!(texts(&ok(&api, "Action=DescribeSubnets"), "subnetId").len(), 3);
}

// covers: VPC-10
#[test]
fn vpc_10_a_subnet_has_ipv4() {
    let api = api();
    let v = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true", "vpcId");
    let call = format!("Action=CreateSubnet&VpcId={v}&Ipv6CidrBlock=2001:db8:1234:1a00::/64");
    assert_eq!(refused(&api, &call).0, "MissingParameter");
    assert_eq!(refused(&api, &format!("{call}&Ipv6Native=true")).0, "InvalidParameterValue");
    let body = ok(&api, &format!("{call}&CidrBlock=10.0.0.0/24"));
    assert_eq!(text(&body, "ipv6CidrBlock"), "2001:db8:1234:1a00::/64");
}

// covers: S-02-13 IP-06 IP-14
#[test]
fn s_02_13_one_attribute_at_a_time() {
    let api = api();
    let v = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true", "vpcId");
    let s = made(&api, &format!("Action=CreateSubnet&VpcId={v}&CidrBlock=10.0.0.0/24"), "subnetId");
    let set = |rest: &str| format!("Action=ModifySubnetAttribute&SubnetId={s}&{rest}");
    let get = |name: &str| made(&api, &format!("Action=DescribeSubnets&SubnetId.1={s}"), name);
    assert_eq!(refused(&api, &set("AssignIpv6AddressOnCreation.Value=true")).0, "InvalidParameterValue");
    let cidr = "Ipv6CidrBlock=2001:db8:1234:1a01::/64";
    let body = ok(&api, &format!("Action=AssociateSubnetCidrBlock&SubnetId={s}&{cidr}"));
    assert_eq!((text(&body, "state"), text(&body, "subnetId")), ("associating".to_string(), s.clone()));
    let association = text(&body, "associationId");
    for (parameter, value, element) in [
        ("MapPublicIpOnLaunch.Value", "true", "mapPublicIpOnLaunch"),
        ("AssignIpv6AddressOnCreation.Value", "true", "assignIpv6AddressOnCreation"),
        ("EnableDns64.Value", "true", "enableDns64"),
        ("PrivateDnsHostnameTypeOnLaunch", "resource-name", "hostnameType"),
        ("EnableResourceNameDnsARecordOnLaunch.Value", "true", "enableResourceNameDnsARecord"),
        ("EnableResourceNameDnsAAAARecordOnLaunch.Value", "true", "enableResourceNameDnsAAAARecord"),
    ] {
        assert_ne!(get(element), value, "{parameter}");
        ok(&api, &set(&format!("{parameter}={value}")));
        assert_eq!(get(element), value, "{parameter}");
    }
    let (code, message) = refused(&api, &set("MapPublicIpOnLaunch.Value=false&EnableDns64.Value=false"));
    assert_eq!(code, "InvalidParameterCombination");
    assert_eq!(message, "Fields for multiple attribute types specified: MapPublicIpOnLaunch, EnableDns64");
    assert_eq!(refused(&api, &set("A=1")).0, "MissingParameter");
    for outposts in ["EnableLniAtDeviceIndex=1", "MapCustomerOwnedIpOnLaunch.Value=true&CustomerOwnedIpv4Pool=p"] {
        assert_eq!(refused(&api, &set(outposts)).0, "InvalidParameterValue", "{outposts}");
    }
    ok(&api, &set("MapCustomerOwnedIpOnLaunch.Value=false"));
    ok(&api, &set("DisableLniAtDeviceIndex.Value=true"));
    assert_eq!(refused(&api, &set("PrivateDnsHostnameTypeOnLaunch=name")).0, "InvalidParameterValue");
    let body = ok(&api, &format!("Action=DisassociateSubnetCidrBlock&AssociationId={association}"));
    assert_eq!(text(&body, "state"), "disassociating");
    assert_eq!([get("ipv6CidrBlockAssociationSet"), get("assignIpv6AddressOnCreation")], ["", "false"]);
}

#[test]
fn every_filter_of_subnets_finds_and_misses() {
    let api = fresh();
    let v = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true", "vpcId");
    let ipv6 = "Ipv6CidrBlock=2001:db8:1234:1a01::/64";
    let rest = "AvailabilityZone=us-east-1b&TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b";
    let body = ok(&api, &format!("Action=CreateSubnet&VpcId={v}&CidrBlock=10.0.0.0/24&{ipv6}&{rest}"));
    let (s, association) = (text(&body, "subnetId"), text(&body, "associationId"));
    for set in [
        "EnableDns64.Value=true",
        "PrivateDnsHostnameTypeOnLaunch=resource-name",
        "EnableResourceNameDnsARecordOnLaunch.Value=true",
        "EnableResourceNameDnsAAAARecordOnLaunch.Value=true",
    ] {
        ok(&api, &format!("Action=ModifySubnetAttribute&SubnetId={s}&{set}"));
    }
    let arn = format!("arn:aws:ec2:us-east-1:123456789012:subnet/{s}");
    // Filter, value that only this subnet has, value that none has.
    for (name, value, other) in [
        ("availability-zone", "us-east-1b", "us-east-1z"),
        ("availability-zone-id", "use1-az2", "use1-az9"),
        ("available-ip-address-count", "251", "252"),
        ("cidr-block", "10.0.0.0/24", "10.0.0.0/25"),
        ("cidr", "10.0.0.0/24", "10.0.0.0/25"),
        ("cidrBlock", "10.0.0.0/24", "10.0.0.0/25"),
        ("default-for-az", "false", "maybe"),
        ("defaultForAz", "false", "maybe"),
        ("enable-dns64", "true", "maybe"),
        ("ipv6-cidr-block-association.association-id", &association, "x"),
        ("ipv6-cidr-block-association.ipv6-cidr-block", "2001:db8:1234:1a01::/64", "::/0"),
        ("ipv6-cidr-block-association.state", "associated", "disassociated"),
        ("ipv6-native", "false", "true"),
        ("map-customer-owned-ip-on-launch", "false", "true"),
        ("map-public-ip-on-launch", "false", "maybe"),
        ("owner-id", "123456789012", "1"),
        ("private-dns-name-options-on-launch.enable-resource-name-dns-a-record", "true", "maybe"),
        ("private-dns-name-options-on-launch.enable-resource-name-dns-aaaa-record", "true", "maybe"),
        ("private-dns-name-options-on-launch.hostname-type", "resource-name", "name"),
        ("state", "available", "pending"),
        ("subnet-arn", &arn, "arn"),
        ("subnet-id", &s, "subnet-0"),
        ("tag:a", "b", "c"),
        ("tag-key", "a", "b"),
        ("vpc-id", &v, "vpc-0"),
    ] {
        // Some are true of the default subnets as well.
        let among = format!("Filter.2.Name=vpc-id&Filter.2.Value.1={v}");
        let call =
            |value: &str| format!("Action=DescribeSubnets&Filter.1.Name={name}&Filter.1.Value.1={value}&{among}");
        assert_eq!(texts(&ok(&api, &call(value)), "subnetId"), [s.as_str()], "{name}");
        assert!(texts(&ok(&api, &call(other)), "subnetId").is_empty(), "{name}");
    }
    for outposts in ["customer-owned-ipv4-pool", "enable-lni-at-device-index", "outpost-arn"] {
        let body = ok(&api, &format!("Action=DescribeSubnets&Filter.1.Name={outposts}&Filter.1.Value.1=*"));
        assert!(texts(&body, "subnetId").is_empty(), "{outposts}");
    }
    let (code, message) = refused(&api, "Action=DescribeSubnets&Filter.1.Name=colour&Filter.1.Value.1=red");
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("InvalidParameterValue", "The filter &apos;colour&apos; is invalid")
    );
}

// covers: QTA-48
#[test]
fn qta_48_pages_without_gap_or_repetition() {
    let api = fresh();
    let v = vpc(&api, "10.0.0.0/16");
    (0..17).for_each(|i| drop(ok(&api, &format!("Action=CreateSubnet&VpcId={v}&CidrBlock=10.0.{i}.0/24"))));
    let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let from = if token.is_empty() { String::new() } else { format!("&NextToken={token}") };
        let body = ok(&api, &format!("Action=DescribeSubnets&MaxResults=5{from}"));
        seen.extend(texts(&body, "subnetId"));
        pages += 1;
        token = text(&body, "nextToken");
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((pages, seen.len()), (4, 20));
    assert_eq!(seen, texts(&ok(&api, "Action=DescribeSubnets"), "subnetId"));
    assert_eq!(refused(&api, "Action=DescribeSubnets&NextToken=x").0, "InvalidNextToken");
}

#[test]
fn reservations_of_a_subnet() {
    let api = api();
    let v = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true", "vpcId");
    let ipv6 = "Ipv6CidrBlock=2001:db8:1234:1a01::/64";
    let s = made(&api, &format!("Action=CreateSubnet&VpcId={v}&CidrBlock=10.0.0.0/24&{ipv6}"), "subnetId");
    let create = |cidr: &str, kind: &str| {
        format!("Action=CreateSubnetCidrReservation&SubnetId={s}&Cidr={cidr}&ReservationType={kind}")
    };
    let tags = "TagSpecification.1.ResourceType=subnet-cidr-reservation&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b";
    let body = ok(&api, &format!("{}&Description=kept&{tags}", create("10.0.0.16/28", "prefix")));
    let id = text(&body, "subnetCidrReservationId");
    for (name, value) in [
        ("subnetId", s.as_str()),
        ("cidr", "10.0.0.16/28"),
        ("reservationType", "prefix"),
        ("ownerId", "123456789012"),
        ("description", "kept"),
        ("value", "b"),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    ok(&api, &create("10.0.0.32/28", "explicit"));
    ok(&api, &create("2001:db8:1234:1a01::/80", "explicit"));
    assert_eq!(refused(&api, &create("10.0.0.64/28", "both")).0, "InvalidParameterValue");
    let (_, message) = refused(&api, &create("10.0.1.0/28", "prefix"));
    assert_eq!(message, "Reservation CIDR should be within subnet CIDR block (10.0.0.0/24)");
    let (_, message) = refused(&api, &create("10.0.0.16/29", "prefix"));
    assert_eq!(message, "Reservation CIDR 10.0.0.16/29 has overlap with existing reserved CIDR block");
    let get = |rest: &str| ok(&api, &format!("Action=GetSubnetCidrReservations&SubnetId={s}{rest}"));
    let body = get("");
    let (v4, v6) = body.split_once("<subnetIpv6CidrReservationSet>").unwrap();
    assert_eq!(texts(v4, "cidr"), ["10.0.0.16/28", "10.0.0.32/28"]);
    assert_eq!(texts(v6, "cidr"), ["2001:db8:1234:1a01::/80"]);
    assert_eq!(texts(&get("&Filter.1.Name=reservationType&Filter.1.Value.1=prefix"), "cidr"), ["10.0.0.16/28"]);
    assert_eq!(texts(&get("&Filter.1.Name=tag:a&Filter.1.Value.1=b"), "cidr"), ["10.0.0.16/28"]);
    let first = get("&MaxResults=2");
    assert_eq!(texts(&first, "cidr").len(), 2);
    let rest = get(&format!("&MaxResults=2&NextToken={}", text(&first, "nextToken")));
    assert_eq!(texts(&rest, "cidr"), ["2001:db8:1234:1a01::/80"]);
    let tagged = |id: &str| {
        texts(&ok(&api, &format!("Action=DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={id}")), "key").len()
    };
    assert_eq!(tagged(&id), 1);
    let body = ok(&api, &format!("Action=DeleteSubnetCidrReservation&SubnetCidrReservationId={id}"));
    assert!(body.contains("<deletedSubnetCidrReservation>"), "{body}");
    assert_eq!(tagged(&id), 0);
    let (code, message) = refused(&api, &format!("Action=DeleteSubnetCidrReservation&SubnetCidrReservationId={id}"));
    assert_eq!(code, "InvalidSubnetCidrReservationID.NotFound");
    assert_eq!(message, format!("The subnet-cidr-reservation ID &apos;{id}&apos; does not exist"));
}
