//! VPCs, the default VPC and DHCP options sets over the API.

use super::testing::{api, made, ok, refused, text, texts};
use super::*;

/// An API over a Region as an account finds it.
pub(super) fn fresh() -> Api {
    let mut m = Model::default();
    m.create_default_vpc().unwrap();
    Api::new(Region::open(m, None, None).unwrap())
}

pub(super) fn vpc(api: &Api, cidr: &str) -> String {
    made(api, &format!("Action=CreateVpc&CidrBlock={cidr}"), "vpcId")
}

// covers: VPC-01 VPC-10 S-02-3 S-02-4
#[test]
fn vpc_01_one_ipv4_block() {
    let api = api();
    let body = ok(&api, "Action=CreateVpc&CidrBlock=10.0.0.7/16");
    assert_eq!((text(&body, "state").as_str(), text(&body, "cidrBlock").as_str()), ("pending", "10.0.0.0/16"));
    let body = ok(&api, "Action=DescribeVpcs");
    assert_eq!(text(&body, "state"), "available");
    assert!(body.contains("<cidrBlockAssociationSet><item><associationId>vpc-cidr-assoc-"), "{body}");
    for (call, code) in [
        ("", "MissingParameter"),
        ("&CidrBlock=ten", "InvalidParameterValue"),
        ("&CidrBlock=2001:db8::/56", "InvalidParameterValue"),
        ("&CidrBlock=0.1.0.0/16", "InvalidVpc.Range"),
    ] {
        assert_eq!(refused(&api, &format!("Action=CreateVpc{call}")).0, code, "{call}");
    }
}

// covers: VPC-12 S-02-1 S-02-2
#[test]
fn vpc_12_ranges_that_nobody_may_have() {
    let api = api();
    for cidr in ["0.0.0.0/16", "127.0.0.0/16", "169.254.0.0/16", "224.0.0.0/16", "239.255.0.0/16", "240.0.0.0/16"] {
        assert_eq!(refused(&api, &format!("Action=CreateVpc&CidrBlock={cidr}")).0, "InvalidVpc.Range", "{cidr}");
    }
    let v = vpc(&api, "198.19.0.0/17");
    let (code, message) = refused(&api, &format!("Action=AssociateVpcCidrBlock&VpcId={v}&CidrBlock=198.19.128.0/17"));
    assert_eq!(code, "InvalidVpc.Range");
    assert!(message.starts_with("The CIDR &apos;198.19.128.0/17&apos; is restricted."), "{message}");
}

// covers: VPC-40 VPC-42 VPC-43
#[test]
fn vpc_42_pools_and_border_groups() {
    let api = api();
    for (call, code) in [
        ("&Ipv6Pool=ipv6pool-ec2-1&Ipv6CidrBlock=2001:db8::/56", "InvalidIpv6PoolId.NotFound"),
        ("&Ipv6CidrBlock=2001:db8::/56", "MissingParameter"),
        ("&Ipv6NetmaskLength=48", "MissingParameter"),
        ("&Ipv4IpamPoolId=ipam-pool-1&Ipv4NetmaskLength=20", "InvalidIpamPoolId.NotFound"),
        ("&AmazonProvidedIpv6CidrBlock=true&Ipv6CidrBlockNetworkBorderGroup=mars", "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&api, &format!("Action=CreateVpc&CidrBlock=10.0.0.0/16{call}")).0, code, "{call}");
    }
    let call = "&AmazonProvidedIpv6CidrBlock=true&Ipv6CidrBlockNetworkBorderGroup=us-east-1";
    let body = ok(&api, &format!("Action=CreateVpc&CidrBlock=10.0.0.0/16{call}"));
    assert_eq!(text(&body, "networkBorderGroup"), "us-east-1");
    let v = text(&body, "vpcId");
    let (code, _) = refused(&api, &format!("Action=AssociateVpcCidrBlock&VpcId={v}&Ipv6Pool=p"));
    assert_eq!(code, "InvalidIpv6PoolId.NotFound");
}

// covers: VPC-24 VPC-32 VPC-36 A-02-9 VPC-08
#[test]
fn a_02_9_all_blocks_are_listed() {
    let api = api();
    let v = vpc(&api, "10.0.0.0/16");
    ok(&api, &format!("Action=CreateTags&ResourceId.1={v}&Tag.1.Key=Name&Tag.1.Value=MyVPC"));
    let body = ok(&api, &format!("Action=AssociateVpcCidrBlock&VpcId={v}&CidrBlock=10.2.0.0/16"));
    assert_eq!(text(&body, "state"), "associating");
    let association = text(&body, "associationId");
    let body = ok(&api, &format!("Action=DescribeVpcs&VpcId.1={v}"));
    assert_eq!(texts(&body, "cidrBlock"), ["10.0.0.0/16", "10.0.0.0/16", "10.2.0.0/16"], "the primary on top");
    assert_eq!(texts(&body, "state"), ["available", "associated", "associated"]);
    assert_eq!((text(&body, "key"), text(&body, "value")), ("Name".to_string(), "MyVPC".to_string()));
    // Growing a block is adding one that overlaps.
    let (code, _) = refused(&api, &format!("Action=AssociateVpcCidrBlock&VpcId={v}&CidrBlock=10.2.0.0/17"));
    assert_eq!(code, "InvalidVpc.Range");
    let body = ok(&api, &format!("Action=DisassociateVpcCidrBlock&AssociationId={association}"));
    assert_eq!(text(&body, "state"), "disassociating");
    for filter in ["cidr-block-association.cidr-block=10.2.0.0/16", "tag:Name=Other"] {
        let (name, value) = filter.split_once('=').unwrap();
        let body = ok(&api, &format!("Action=DescribeVpcs&Filter.1.Name={name}&Filter.1.Value.1={value}"));
        assert_eq!(text(&body, "vpcId"), "", "{filter}");
    }
    let (code, _) = refused(&api, &format!("Action=CreateSubnet&VpcId={v}&CidrBlock=10.2.0.0/24"));
    assert_eq!(code, "InvalidSubnet.Range");
}

// covers: DNS-04 DNS-05
#[test]
fn attributes_are_set_one_at_a_time() {
    let api = api();
    let v = vpc(&api, "10.0.0.0/16");
    let get = |name: &str| {
        let body = ok(&api, &format!("Action=DescribeVpcAttribute&VpcId={v}&Attribute={name}"));
        assert!(body.contains(&format!("<vpcId>{v}</vpcId><{name}><value>")), "{body}");
        text(&body, "value")
    };
    let set = |rest: &str| format!("Action=ModifyVpcAttribute&VpcId={v}&{rest}");
    assert_eq!(get("enableDnsSupport"), "true");
    assert_eq!(get("enableDnsHostnames"), "false");
    assert_eq!(get("enableNetworkAddressUsageMetrics"), "false");
    let (code, message) = refused(&api, &set("EnableDnsSupport.Value=true&EnableDnsHostnames.Value=true"));
    assert_eq!(code, "InvalidParameterCombination");
    assert_eq!(message, "Fields for multiple attribute types specified: EnableDnsSupport, EnableDnsHostnames");
    ok(&api, &set("EnableNetworkAddressUsageMetrics.Value=true"));
    ok(&api, &set("EnableDnsSupport.Value=false"));
    assert_eq!(refused(&api, &set("EnableDnsHostnames.Value=true")).0, "InvalidParameterValue");
    ok(&api, &set("EnableDnsSupport.Value=true"));
    ok(&api, &set("EnableDnsHostnames.Value=true"));
    ok(&api, &set("EnableDnsSupport.Value=false"));
    assert_eq!([get("enableDnsSupport"), get("enableDnsHostnames")], ["false", "true"]);
    assert_eq!(get("enableNetworkAddressUsageMetrics"), "true");
    assert_eq!(refused(&api, &set("A=b")).0, "MissingParameter");
    assert_eq!(
        refused(&api, "Action=ModifyVpcAttribute&VpcId=vpc-0&EnableDnsSupport.Value=true").0,
        "InvalidVpcID.NotFound"
    );
    let (code, message) = refused(&api, &format!("Action=DescribeVpcAttribute&VpcId={v}&Attribute=colour"));
    assert_eq!(code, "InvalidParameterValue");
    assert!(message.starts_with("Value (colour) for parameter Attribute is invalid."), "{message}");
}

// covers: VPC-09
#[test]
fn tenancy_goes_back_to_default() {
    let api = api();
    let v = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&InstanceTenancy=dedicated", "vpcId");
    let set = |tenancy: &str| format!("Action=ModifyVpcTenancy&VpcId={v}&InstanceTenancy={tenancy}");
    assert_eq!(refused(&api, &set("dedicated")).0, "UnsupportedTenancy");
    assert_eq!(made(&api, &set("default"), "return"), "true");
    assert_eq!(made(&api, "Action=DescribeVpcs", "instanceTenancy"), "default");
}

// covers: DEF-02 DEF-10 DEF-15 DEF-16 A-02-7 SCN-07
#[test]
fn a_02_7_default_vpc_and_subnets() {
    let api = api();
    let account = |api: &Api| ok(api, "Action=DescribeAccountAttributes&AttributeName.1=default-vpc");
    assert_eq!(text(&account(&api), "attributeValue"), "none");
    let body = ok(&api, "Action=CreateDefaultVpc");
    let v = text(&body, "vpcId");
    for (name, value) in [
        ("cidrBlock", "172.31.0.0/16"),
        ("instanceTenancy", "default"),
        ("state", "pending"),
        ("isDefault", "true"),
        ("ipv6CidrBlockAssociationSet", ""),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    assert!(text(&body, "dhcpOptionsId").starts_with("dopt-"));
    assert_eq!(text(&account(&api), "attributeValue"), v);
    assert_eq!(refused(&api, "Action=CreateDefaultVpc").0, "DefaultVpcAlreadyExists");
    vpc(&api, "10.0.0.0/16");
    let body = ok(&api, "Action=DescribeVpcs&Filter.1.Name=isDefault&Filter.1.Value.1=true");
    assert_eq!(texts(&body, "vpcId"), [v]);
    let zone = "Filter.1.Name=availability-zone&Filter.1.Value.1=us-east-1c";
    let c = made(&api, &format!("Action=DescribeSubnets&{zone}"), "subnetId");
    ok(&api, &format!("Action=DeleteSubnet&SubnetId={c}"));
    let body = ok(&api, "Action=CreateDefaultSubnet&AvailabilityZone=us-east-1c");
    for (name, value) in [
        ("cidrBlock", "172.31.32.0/20"),
        ("availableIpAddressCount", "4091"),
        ("defaultForAz", "true"),
        ("mapPublicIpOnLaunch", "true"),
        ("assignIpv6AddressOnCreation", "false"),
        ("state", "available"),
        ("availabilityZoneId", "use1-az3"),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    let (code, message) = refused(&api, "Action=CreateDefaultSubnet&AvailabilityZoneId=use1-az3");
    assert_eq!(code, "DefaultSubnetAlreadyExistsInAvailabilityZone");
    assert_eq!(
        message,
        format!("&apos;{}&apos; is already the default subnet in us-east-1c.", text(&body, "subnetId"))
    );
    assert_eq!(refused(&api, "Action=CreateDefaultSubnet").0, "MissingParameter");
    let body = ok(&api, "Action=DescribeSubnets&Filter.1.Name=default-for-az&Filter.1.Value.1=true");
    assert_eq!(texts(&body, "cidrBlock"), ["172.31.0.0/20", "172.31.16.0/20", "172.31.32.0/20"]);
}

// covers: QTA-49 QTA-01
#[test]
fn qta_49_parallel_calls_never_exceed_a_quota() {
    let api = fresh();
    let one = || super::testing::send(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16").0;
    let made: usize = std::thread::scope(|s| {
        let calls: Vec<_> = (0..20).map(|_| s.spawn(one)).collect();
        calls.into_iter().map(|c| usize::from(c.join().unwrap() == 200)).sum()
    });
    assert_eq!(made, 4);
    assert_eq!(api.region().read().model.vpcs().len(), 5);
}

// covers: QTA-41 QTA-06
#[test]
fn a_quota_that_is_raised_holds_at_once() {
    let api = fresh();
    let attribute = |name: &str| {
        let body = ok(&api, &format!("Action=DescribeAccountAttributes&AttributeName.1={name}"));
        text(&body, "attributeValue")
    };
    assert_eq!([attribute("vpc-max-elastic-ips"), attribute("max-elastic-ips")], ["5", "5"]);
    let raise = api.region().change(Box::new(|m| {
        m.set_quota("L-0263D0A3", 7)?;
        m.set_quota("L-2AFB9258", 12)?;
        m.set_quota("L-F678F1CE", 6).map(|()| String::new())
    }));
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(raise).unwrap();
    assert_eq!([attribute("vpc-max-elastic-ips"), attribute("max-elastic-ips")], ["7", "7"]);
    assert_eq!(attribute("vpc-max-security-groups-per-interface"), "12");
    (0..5).for_each(|_| drop(vpc(&api, "10.0.0.0/16")));
    assert_eq!(refused(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16").0, "VpcLimitExceeded");
}

// covers: DHCP-02 DHCP-04 DHCP-06 DHCP-08 DHCP-A3
#[test]
fn dhcp_options_sets() {
    let api = fresh();
    let body = ok(
        &api,
        "Action=CreateDhcpOptions&DhcpConfiguration.1.Key=domain-name-servers&DhcpConfiguration.1.Value.1=10.2.5.1\
         &DhcpConfiguration.1.Value.2=10.2.5.2&DhcpConfiguration.2.Key=domain-name&DhcpConfiguration.2.Value.1=example.com\
         &TagSpecification.1.ResourceType=dhcp-options&TagSpecification.1.Tag.1.Key=a&TagSpecification.1.Tag.1.Value=b",
    );
    let set = text(&body, "dhcpOptionsId");
    let options = "<dhcpConfigurationSet><item><key>domain-name</key><valueSet><item><value>example.com</value></item></valueSet></item>\
         <item><key>domain-name-servers</key><valueSet><item><value>10.2.5.1</value></item><item><value>10.2.5.2</value></item></valueSet></item></dhcpConfigurationSet>";
    assert!(body.contains(options), "{body}");
    let find = |filter: &str| texts(&ok(&api, &format!("Action=DescribeDhcpOptions{filter}")), "dhcpOptionsId");
    assert_eq!(find("").len(), 2);
    for filter in [
        "&Filter.1.Name=value&Filter.1.Value.1=10.2.5.2".to_string(),
        "&Filter.1.Name=tag:a&Filter.1.Value.1=b".to_string(),
        format!("&Filter.1.Name=dhcp-options-id&Filter.1.Value.1={set}"),
        format!("&DhcpOptionsId.1={set}"),
    ] {
        assert_eq!(find(&filter), [set.as_str()], "{filter}");
    }
    assert_eq!(find("&Filter.1.Name=key&Filter.1.Value.1=domain-name").len(), 2);
    assert_eq!(find("&Filter.1.Name=owner-id&Filter.1.Value.1=1").len(), 0);
    assert_eq!(refused(&api, "Action=DescribeDhcpOptions&DhcpOptionsId.1=dopt-0").0, "InvalidDhcpOptionID.NotFound");
    let v = vpc(&api, "10.0.0.0/16");
    let of = || made(&api, &format!("Action=DescribeVpcs&VpcId.1={v}"), "dhcpOptionsId");
    ok(&api, &format!("Action=AssociateDhcpOptions&DhcpOptionsId={set}&VpcId={v}"));
    assert_eq!(of(), set);
    assert_eq!(refused(&api, &format!("Action=DeleteDhcpOptions&DhcpOptionsId={set}")).0, "DependencyViolation");
    ok(&api, &format!("Action=AssociateDhcpOptions&DhcpOptionsId=default&VpcId={v}"));
    assert_eq!(of(), "default");
    let filter = "Filter.1.Name=dhcp-options-id&Filter.1.Value.1=default";
    assert_eq!(made(&api, &format!("Action=DescribeVpcs&{filter}"), "vpcId"), v);
    ok(&api, &format!("Action=DeleteDhcpOptions&DhcpOptionsId={set}"));
    assert_eq!(refused(&api, "Action=ModifyDhcpOptions").0, "InvalidAction");
    let five = (1..6).map(|i| format!("&DhcpConfiguration.1.Value.{i}=10.0.0.{i}")).collect::<String>();
    let (code, message) =
        refused(&api, &format!("Action=CreateDhcpOptions&DhcpConfiguration.1.Key=domain-name-servers{five}"));
    assert_eq!(code, "InvalidParameterValue");
    assert!(
        message.starts_with(
            "Value (10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5) for parameter domain-name-servers is invalid."
        ),
        "{message}"
    );
    assert_eq!(refused(&api, "Action=CreateDhcpOptions").0, "MissingParameter");
}

#[test]
fn classic_link_is_off_everywhere() {
    let api = fresh();
    let v = vpc(&api, "10.0.0.0/16");
    let body = ok(&api, &format!("Action=DescribeVpcClassicLink&VpcId.1={v}"));
    assert!(body.contains(&format!("<vpcId>{v}</vpcId><classicLinkEnabled>false</classicLinkEnabled>")), "{body}");
    let body = ok(&api, "Action=DescribeVpcClassicLink&Filter.1.Name=is-classic-link-enabled&Filter.1.Value.1=true");
    assert!(body.contains("<vpcSet></vpcSet>"), "{body}");
    let body = ok(&api, "Action=DescribeVpcClassicLinkDnsSupport");
    assert_eq!(texts(&body, "classicLinkDnsSupported"), ["false", "false"]);
}
