use crate::ec2::Api;
use crate::ec2::testing::{api, change, internet_gateway, made, ok, refused, subnet, text, texts};

/// An API with a VPC and its one subnet, 10.0.0.0/24.
fn world() -> (Api, String, String) {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let subnet = subnet(&api, &vpc, "10.0.0.0/24");
    (api, vpc, subnet)
}

fn describe(api: &Api, rest: &str) -> String {
    ok(api, &format!("Action=DescribeNatGateways&{rest}"))
}

// covers: NAT-18 NAT-70 NAT-71 NAT-A10
#[test]
fn nat_70_from_creation_to_deletion() {
    let (api, vpc, subnet) = world();
    internet_gateway(&api, &vpc);
    let allocated = ok(&api, "Action=AllocateAddress");
    let (allocation, public) = (text(&allocated, "allocationId"), text(&allocated, "publicIp"));
    let create = format!(
        "Action=CreateNatGateway&SubnetId={subnet}&AllocationId={allocation}&ClientToken=t&TagSpecification.1.ResourceType=natgateway&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v"
    );
    let created = ok(&api, &create);
    assert_eq!((text(&created, "state"), text(&created, "clientToken")), ("pending".into(), "t".into()));
    let id = text(&created, "natGatewayId");
    assert!(id.starts_with("nat-") && id.len() == 21, "{id}");
    assert_eq!(made(&api, &create, "natGatewayId"), id);
    let other = create.replace(&format!("SubnetId={subnet}"), "SubnetId=subnet-1");
    assert_eq!(refused(&api, &other).0, "IdempotentParameterMismatch");

    let body = describe(&api, &format!("NatGatewayId.1={id}"));
    let nat = |name: &str| text(&body, name);
    for (name, value) in [
        ("state", "available"),
        ("subnetId", &subnet),
        ("vpcId", &vpc),
        ("connectivityType", "public"),
        ("createTime", &text(&created, "createTime")),
        ("allocationId", &allocation),
        ("publicIp", &public),
        ("privateIp", "10.0.0.4"),
        ("isPrimary", "true"),
        ("status", "succeeded"),
        ("deleteTime", ""),
        ("failureCode", ""),
        ("key", "k"),
        ("value", "v"),
    ] {
        assert_eq!(nat(name), value, "{name}");
    }
    let address = ok(&api, "Action=DescribeAddresses");
    assert_eq!(text(&address, "associationId"), nat("associationId"));
    assert_eq!(text(&address, "networkInterfaceId"), nat("networkInterfaceId"));
    for (name, value) in [
        ("nat-gateway-id", id.as_str()),
        ("state", "available"),
        ("subnet-id", &subnet),
        ("vpc-id", &vpc),
        ("tag:k", "v"),
        ("tag-key", "k"),
    ] {
        let found = |value: &str| {
            texts(&describe(&api, &format!("Filter.1.Name={name}&Filter.1.Value.1={value}")), "natGatewayId")
        };
        assert_eq!(found(value), [id.as_str()], "{name}");
        assert!(found("x").is_empty(), "{name}");
    }

    let main = made(&api, "Action=DescribeRouteTables", "routeTableId");
    let route = format!("RouteTableId={main}&DestinationCidrBlock=0.0.0.0/0&NatGatewayId={id}");
    ok(&api, &format!("Action=CreateRoute&{route}"));
    assert_eq!(made(&api, &format!("Action=DeleteNatGateway&NatGatewayId={id}"), "natGatewayId"), id);
    let body = describe(&api, &format!("NatGatewayId.1={id}"));
    assert_eq!((text(&body, "state"), text(&body, "allocationId")), ("deleted".into(), allocation.clone()));
    assert!(!text(&body, "deleteTime").is_empty());
    let address = ok(&api, "Action=DescribeAddresses");
    assert_eq!((text(&address, "allocationId"), text(&address, "associationId")), (allocation, String::new()));
    let body = ok(&api, "Action=DescribeRouteTables");
    assert!(body.contains(&format!("<natGatewayId>{id}</natGatewayId><state>blackhole</state>")), "{body}");
    let again = ok(
        &api,
        &format!("Action=ReplaceRoute&{route}")
            .replace("NatGatewayId", "GatewayId")
            .replace(&id, &text(&ok(&api, "Action=DescribeInternetGateways"), "internetGatewayId")),
    );
    assert_eq!(text(&again, "return"), "true");
    assert!(!ok(&api, "Action=DescribeRouteTables").contains("blackhole"));
}

// covers: NAT-15
#[test]
fn nat_15_refused_at_once_and_whole() {
    let (api, vpc, subnet) = world();
    internet_gateway(&api, &vpc);
    let allocation = made(&api, "Action=AllocateAddress", "allocationId");
    change(&api, |m| m.constrain_zone("us-east-1a").map(|()| String::new()));
    let interfaces = || texts(&ok(&api, "Action=DescribeNetworkInterfaces"), "networkInterfaceId");
    let before = interfaces();
    let create = |subnet: &str| format!("Action=CreateNatGateway&SubnetId={subnet}&AllocationId={allocation}");
    let refusal = ("NotAvailableInZone".into(), "Nat Gateway is not available in this availability zone".into());
    assert_eq!(refused(&api, &create(&subnet)), refusal);
    assert_eq!(refused(&api, &create("subnet-1")).0, "InvalidSubnetID.NotFound");
    assert!(describe(&api, "").contains("<natGatewaySet></natGatewaySet>"), "{}", describe(&api, ""));
    assert_eq!(interfaces(), before);
    assert_eq!(text(&ok(&api, "Action=DescribeAddresses"), "associationId"), "");
    let there = format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.1.0/24&AvailabilityZone=us-east-1b");
    let there = made(&api, &there, "subnetId");
    let id = made(&api, &create(&there), "natGatewayId");
    let main = made(&api, "Action=DescribeRouteTables", "routeTableId");
    ok(&api, &format!("Action=CreateRoute&RouteTableId={main}&DestinationCidrBlock=0.0.0.0/0&NatGatewayId={id}"));
    assert_eq!(text(&describe(&api, &format!("NatGatewayId.1={id}")), "state"), "available");
}

// covers: NAT-50
#[test]
fn nat_50_creation_fails_after_the_answer() {
    let (api, vpc, subnet) = world();
    let create = format!("Action=CreateNatGateway&SubnetId={subnet}&AllocationId=eipalloc-1");
    let created = ok(&api, &create);
    assert_eq!((text(&created, "state"), text(&created, "failureCode")), ("pending".into(), String::new()));
    let body = describe(&api, "Filter.1.Name=state&Filter.1.Value.1=failed");
    assert_eq!(text(&body, "natGatewayId"), text(&created, "natGatewayId"));
    assert_eq!(text(&body, "failureCode"), "Gateway.NotAttached");
    assert_eq!(text(&body, "failureMessage"), format!("Network {vpc} has no Internet gateway attached"));
    assert_eq!(text(&body, "status"), "failed");
    internet_gateway(&api, &vpc);
    let id = made(&api, &create, "natGatewayId");
    let body = describe(&api, &format!("NatGatewayId.1={id}"));
    assert_eq!(text(&body, "failureCode"), "InvalidAllocationID.NotFound");
    let message = "Elastic IP address eipalloc-1 could not be associated with this NAT gateway";
    assert_eq!(text(&body, "failureMessage"), message);
    let unknown = refused(&api, "Action=DeleteNatGateway&NatGatewayId=nat-1");
    assert_eq!(unknown, ("NatGatewayNotFound".into(), "NAT gateway nat-1 was not found".into()));
}

#[test]
fn a_private_gateway_needs_neither_address_nor_internet() {
    let (api, _, subnet) = world();
    let create = format!("Action=CreateNatGateway&SubnetId={subnet}&ConnectivityType=private");
    let id = made(&api, &format!("{create}&PrivateIpAddress=10.0.0.9"), "natGatewayId");
    let body = describe(&api, &format!("NatGatewayId.1={id}"));
    let members = ["state", "connectivityType", "privateIp", "publicIp", "allocationId"].map(|name| text(&body, name));
    assert_eq!(members, ["available", "private", "10.0.0.9", "", ""]);
    for (rest, code) in [
        ("PrivateIpAddress=10.0.0.9", "InvalidIPAddress.InUse"),
        ("PrivateIpAddress=10.0.0.3", "InvalidParameterValue"),
        ("PrivateIpAddress=10.1.0.9", "InvalidParameterValue"),
        ("AllocationId=eipalloc-1", "InvalidParameterCombination"),
        ("SecondaryPrivateIpAddressCount=1", "UnsupportedOperation"),
        ("AvailabilityMode=regional", "UnsupportedOperation"),
    ] {
        assert_eq!(refused(&api, &format!("{create}&{rest}")).0, code, "{rest}");
    }
    let call = format!("Action=CreateNatGateway&SubnetId={subnet}&ConnectivityType=secret");
    assert_eq!(refused(&api, &call).0, "InvalidParameterValue");
}
