use crate::ec2::Api;
use crate::ec2::testing::{api, internet_gateway, made, ok, refused, subnet, text, texts};

const TAGGED: &str = "TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";

// covers: IGW-01 IGW-19
#[test]
fn igw_19_attachments_and_filters() {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let create = format!("Action=CreateInternetGateway&TagSpecification.1.ResourceType=internet-gateway&{TAGGED}");
    let loose = ok(&api, &create);
    assert_eq!((text(&loose, "attachmentSet"), text(&loose, "ownerId")), (String::new(), "123456789012".into()));
    let loose = text(&loose, "internetGatewayId");
    let attached = internet_gateway(&api, &vpc);
    let describe = |rest: &str| ok(&api, &format!("Action=DescribeInternetGateways&{rest}"));
    let body = describe(&format!("InternetGatewayId.1={attached}"));
    assert_eq!(text(&body, "attachmentSet"), format!("<item><vpcId>{vpc}</vpcId><state>available</state></item>"));
    let both = vec![loose.clone(), attached.clone()];
    for (name, value, expected) in [
        ("attachment.state", "available", vec![attached.clone()]),
        ("attachment.vpc-id", &vpc, vec![attached.clone()]),
        ("internet-gateway-id", &loose, vec![loose.clone()]),
        ("owner-id", "123456789012", both),
        ("tag:k", "v", vec![loose.clone()]),
        ("tag-key", "k", vec![loose.clone()]),
    ] {
        let found = describe(&format!("Filter.1.Name={name}&Filter.1.Value.1={value}"));
        assert_eq!(texts(&found, "internetGatewayId"), expected, "{name}");
    }
    ok(&api, &format!("Action=DetachInternetGateway&InternetGatewayId={attached}&VpcId={vpc}"));
    assert_eq!(text(&describe(&format!("InternetGatewayId.1={attached}")), "attachmentSet"), "");
    ok(&api, &format!("Action=DeleteInternetGateway&InternetGatewayId={loose}"));
    assert!(api.region().read().model.all_tags().is_empty());
    let message = format!("The internetGateway ID &apos;{loose}&apos; does not exist");
    let gone = refused(&api, &format!("Action=DescribeInternetGateways&InternetGatewayId.1={loose}"));
    assert_eq!(gone, ("InvalidInternetGatewayID.NotFound".into(), message));
}

// covers: EIGW-01
#[test]
fn eigw_01_born_attached() {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let create = format!(
        "Action=CreateEgressOnlyInternetGateway&VpcId={vpc}&ClientToken=t&TagSpecification.1.ResourceType=egress-only-internet-gateway&{TAGGED}"
    );
    let body = ok(&api, &create);
    assert_eq!(text(&body, "clientToken"), "t");
    assert_eq!(text(&body, "attachmentSet"), format!("<item><vpcId>{vpc}</vpcId><state>attached</state></item>"));
    let id = text(&body, "egressOnlyInternetGatewayId");
    let describe = "Action=DescribeEgressOnlyInternetGateways&Filter.1.Name=tag:k&Filter.1.Value.1=v";
    assert_eq!(made(&api, describe, "egressOnlyInternetGatewayId"), id);
    let delete = format!("Action=DeleteEgressOnlyInternetGateway&EgressOnlyInternetGatewayId={id}");
    assert_eq!(made(&api, &delete, "returnCode"), "true");
    assert_eq!(made(&api, describe, "egressOnlyInternetGatewayId"), "");
    assert_eq!(refused(&api, &delete).0, "InvalidEgressOnlyInternetGatewayId.NotFound");
}

// covers: SG-57
#[test]
fn sg_57_gateways_take_no_groups() {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let subnet = subnet(&api, &vpc, "10.0.0.0/24");
    internet_gateway(&api, &vpc);
    let group = made(&api, "Action=DescribeSecurityGroups", "groupId");
    let allocation = made(&api, "Action=AllocateAddress", "allocationId");
    let nat = format!("Action=CreateNatGateway&SubnetId={subnet}&AllocationId={allocation}");
    for call in [&nat, &format!("Action=CreateEgressOnlyInternetGateway&VpcId={vpc}")] {
        assert_eq!(refused(&api, &format!("{call}&SecurityGroupId.1={group}")).0, "UnknownParameter", "{call}");
    }
    // Nor can the interface of a NAT gateway be given some afterwards.
    ok(&api, &nat);
    let body = ok(&api, "Action=DescribeNetworkInterfaces");
    assert_eq!((text(&body, "interfaceType"), text(&body, "groupSet")), ("nat_gateway".into(), String::new()));
    let eni = text(&body, "networkInterfaceId");
    let modify = format!("Action=ModifyNetworkInterfaceAttribute&NetworkInterfaceId={eni}&SecurityGroupId.1={group}");
    assert_eq!(refused(&api, &modify).0, "OperationNotPermitted");
    assert_eq!(text(&ok(&api, "Action=DescribeNetworkInterfaces"), "groupSet"), "");
}

/// Attached gateway, routes that lead to it, and what subnets give by themselves: the rows of the guide's table.
fn components(api: &Api, vpc: &str) -> [Vec<String>; 5] {
    let of = |call: &str, filter: &str, name: &str| {
        let value = format!("Filter.1.Name={filter}&Filter.1.Value.1={vpc}");
        texts(&ok(api, &format!("Action={call}&{value}")), name)
    };
    let attached = of("DescribeInternetGateways", "attachment.vpc-id", "internetGatewayId");
    let tables = of("DescribeRouteTables", "vpc-id", "routeSet").concat();
    let routes = |member: &str| {
        let to = |item: &&str| attached.iter().any(|g| item.contains(&format!("<gatewayId>{g}<")));
        tables.split("<item>").filter(to).flat_map(|item| texts(item, member)).collect()
    };
    let subnets = |member: &str| of("DescribeSubnets", "vpc-id", member);
    [
        routes("destinationCidrBlock"),
        routes("destinationIpv6CidrBlock"),
        subnets("mapPublicIpOnLaunch"),
        subnets("assignIpv6AddressOnCreation"),
        attached,
    ]
}

// covers: IGW-A2
#[test]
fn igw_a2_components_of_each_kind_of_vpc() {
    let api = api();
    let default = made(&api, "Action=CreateDefaultVpc", "vpcId");
    let [v4, v6, public, ipv6, gateways] = components(&api, &default);
    assert_eq!((v4, v6, gateways.len()), (vec!["0.0.0.0/0".into()], vec![], 1));
    assert_eq!((public, ipv6), (vec!["true".to_string(); 3], vec!["false".to_string(); 3]));
    let main = format!("Action=DescribeRouteTables&Filter.1.Name=vpc-id&Filter.1.Value.1={default}");
    assert!(texts(&ok(&api, &main), "gatewayId").contains(&gateways[0]), "in the main table");

    let made_by_api = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    subnet(&api, &made_by_api, "10.0.0.0/24");
    let no = || vec!["false".to_string()];
    assert_eq!(components(&api, &made_by_api), [vec![], vec![], no(), no(), vec![]]);

    // The wizard's options 1 and 2: the same calls, then a gateway and a custom table; ::/0 only with IPv6.
    for with_ipv6 in [false, true] {
        let vpc = made(
            &api,
            &format!("Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock={with_ipv6}"),
            "vpcId",
        );
        let subnet = subnet(&api, &vpc, "10.0.0.0/24");
        let gateway = internet_gateway(&api, &vpc);
        let table = made(&api, &format!("Action=CreateRouteTable&VpcId={vpc}"), "routeTableId");
        ok(&api, &format!("Action=AssociateRouteTable&RouteTableId={table}&SubnetId={subnet}"));
        let route = format!("Action=CreateRoute&RouteTableId={table}&GatewayId={gateway}");
        ok(&api, &format!("{route}&DestinationCidrBlock=0.0.0.0/0"));
        let mut v6 = Vec::new();
        if with_ipv6 {
            ok(&api, &format!("{route}&DestinationIpv6CidrBlock=::/0"));
            v6.push("::/0".to_string());
        }
        assert_eq!(components(&api, &vpc), [vec!["0.0.0.0/0".into()], v6, no(), no(), vec![gateway]]);
    }
}
