use crate::ec2::Api;
use crate::ec2::testing::{api, made, ok, refused, subnet, text, texts};

fn vpc(api: &Api, cidr: &str) -> String {
    made(api, &format!("Action=CreateVpc&CidrBlock={cidr}"), "vpcId")
}

fn gateway(api: &Api) -> String {
    made(api, "Action=CreateVpnGateway&Type=ipsec.1", "vpnGatewayId")
}

// covers: VPN-04 VPN-05
#[test]
fn vpn_04_made_attached_described_detached_deleted() {
    let api = api();
    let (a, b) = (vpc(&api, "10.0.0.0/16"), vpc(&api, "10.1.0.0/16"));
    let tag =
        "TagSpecification.1.ResourceType=vpn-gateway&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
    let body = ok(&api, &format!("Action=CreateVpnGateway&Type=ipsec.1&AmazonSideAsn=65001&{tag}"));
    for (name, value) in
        [("state", "available"), ("type", "ipsec.1"), ("attachments", ""), ("amazonSideAsn", "65001"), ("value", "v")]
    {
        assert_eq!(text(&body, name), value, "{name}");
    }
    let g = text(&body, "vpnGatewayId");
    let usual = gateway(&api);
    for (rest, code) in [
        ("", "MissingParameter"),
        ("&Type=ipsec.2", "InvalidParameterValue"),
        ("&Type=ipsec.1&AmazonSideAsn=64511", "InvalidParameterValue"),
        ("&Type=ipsec.1&AmazonSideAsn=65535", "InvalidParameterValue"),
        ("&Type=ipsec.1&AmazonSideAsn=4294967295", "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&api, &format!("Action=CreateVpnGateway{rest}")).0, code, "{rest}");
    }
    ok(&api, "Action=CreateVpnGateway&Type=ipsec.1&AmazonSideAsn=4294967294");

    let attach = |g: &str, v: &str| format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={v}");
    let attached = ok(&api, &attach(&g, &a));
    assert_eq!(text(&attached, "attachment"), format!("<vpcId>{a}</vpcId><state>attached</state>"));
    for (call, code) in [
        (attach(&g, &b), "VpnGatewayAttachmentLimitExceeded"),
        (attach(&usual, &a), "InvalidVpcState"),
        (attach("vgw-1", &a), "InvalidVpnGatewayID.NotFound"),
        (attach(&usual, "vpc-1"), "InvalidVpcID.NotFound"),
        (format!("Action=DeleteVpnGateway&VpnGatewayId={g}"), "IncorrectState"),
        (format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={b}"), "InvalidVpnGatewayAttachment.NotFound"),
    ] {
        assert_eq!(refused(&api, &call).0, code, "{call}");
    }
    let describe = |rest: &str| ok(&api, &format!("Action=DescribeVpnGateways&{rest}"));
    for (name, value, found) in [
        ("amazon-side-asn", "65001", 1),
        ("amazon-side-asn", "64512", 1),
        ("attachment.state", "attached", 1),
        ("attachment.vpc-id", &a, 1),
        ("availability-zone", "us-east-1a", 0),
        ("state", "available", 3),
        ("type", "ipsec.1", 3),
        ("vpn-gateway-id", &g, 1),
        ("tag:k", "v", 1),
    ] {
        let body = describe(&format!("Filter.1.Name={name}&Filter.1.Value.1={value}"));
        assert_eq!(texts(&body, "vpnGatewayId").len(), found, "{name}");
    }
    let one = describe(&format!("VpnGatewayId.1={g}"));
    assert_eq!(text(&one, "attachments"), format!("<item><vpcId>{a}</vpcId><state>attached</state></item>"));
    assert_eq!(refused(&api, "Action=DescribeVpnGateways&VpnGatewayId.1=vgw-1").0, "InvalidVpnGatewayID.NotFound");

    ok(&api, &format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={a}"));
    assert_eq!(text(&describe(&format!("VpnGatewayId.1={g}")), "attachments"), "");
    ok(&api, &attach(&g, &b));
    ok(&api, &format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={b}"));
    ok(&api, &format!("Action=DeleteVpnGateway&VpnGatewayId={g}"));
    assert_eq!(refused(&api, &attach(&g, &a)).0, "InvalidVpnGatewayID.NotFound");
}

// covers: RT-73
#[test]
fn rt_73_a_route_leads_to_an_attached_gateway() {
    let api = api();
    let v = vpc(&api, "10.0.0.0/16");
    ok(&api, &format!("Action=AssociateVpcCidrBlock&VpcId={v}&AmazonProvidedIpv6CidrBlock=true"));
    let table = made(&api, "Action=DescribeRouteTables", "routeTableId");
    let g = gateway(&api);
    let route = |to: &str, g: &str| format!("Action=CreateRoute&RouteTableId={table}&GatewayId={g}&{to}");
    let v4 = "DestinationCidrBlock=172.16.0.0/12";
    let (code, message) = refused(&api, &route(v4, &g));
    assert_eq!(code, "InvalidParameterValue");
    assert_eq!(message, format!("route table {table} and network gateway {g} belong to different networks"));
    assert_eq!(refused(&api, &route(v4, "vgw-1")).0, "InvalidGatewayID.NotFound");
    ok(&api, &format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={v}"));
    assert_eq!(refused(&api, &route("DestinationIpv6CidrBlock=::/0", &g)).0, "InvalidParameterValue");
    ok(&api, &route(v4, &g));
    let state = || {
        let body = ok(&api, &format!("Action=DescribeRouteTables&Filter.1.Name=route.gateway-id&Filter.1.Value.1={g}"));
        body.split(&format!("<gatewayId>{g}</gatewayId>")).nth(1).map(|rest| text(rest, "state"))
    };
    assert_eq!(state().as_deref(), Some("active"));
    ok(&api, &format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={v}"));
    assert_eq!(state().as_deref(), Some("blackhole"));
    ok(&api, &format!("Action=DeleteVpnGateway&VpnGatewayId={g}"));
    assert_eq!(state().as_deref(), Some("blackhole"));
}

#[test]
fn tables_take_over_the_routes_of_attached_gateways() {
    let api = api();
    let (v, other) = (vpc(&api, "10.0.0.0/16"), vpc(&api, "10.1.0.0/16"));
    let table = made(&api, &format!("Action=CreateRouteTable&VpcId={v}"), "routeTableId");
    let g = gateway(&api);
    let call = |what: &str, g: &str| format!("Action={what}VgwRoutePropagation&RouteTableId={table}&GatewayId={g}");
    let propagating = || {
        let body = ok(&api, &format!("Action=DescribeRouteTables&RouteTableId.1={table}"));
        texts(&text(&body, "propagatingVgwSet"), "gatewayId")
    };
    assert_eq!(refused(&api, &call("Enable", &g)).0, "Gateway.NotAttached");
    assert_eq!(refused(&api, &call("Enable", "vgw-1")).0, "InvalidGatewayID.NotFound");
    ok(&api, &format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={other}"));
    assert_eq!(refused(&api, &call("Enable", &g)).0, "InvalidParameterValue");
    ok(&api, &format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={other}"));
    ok(&api, &format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={v}"));
    (0..2).for_each(|_| drop(ok(&api, &call("Enable", &g))));
    assert_eq!(propagating(), std::slice::from_ref(&g));
    (0..2).for_each(|_| drop(ok(&api, &call("Disable", &g))));
    assert!(propagating().is_empty());
    ok(&api, &call("Enable", &g));
    ok(&api, &format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={v}"));
    assert!(propagating().is_empty());
}

// covers: RT-50 RT-54 RT-55
#[test]
fn rt_50_a_gateway_route_table_of_a_virtual_private_gateway() {
    let api = api();
    let v = vpc(&api, "10.0.0.0/16");
    subnet(&api, &v, "10.0.1.0/24");
    let table = made(&api, &format!("Action=CreateRouteTable&VpcId={v}"), "routeTableId");
    let g = gateway(&api);
    let associate = format!("Action=AssociateRouteTable&RouteTableId={table}&GatewayId={g}");
    assert_eq!(refused(&api, &associate).0, "InvalidParameterValue", "not attached");
    ok(&api, &format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={v}"));
    let switch = |what: &str| format!("Action={what}VgwRoutePropagation&RouteTableId={table}&GatewayId={g}");
    ok(&api, &switch("Enable"));
    assert_eq!(refused(&api, &associate).0, "InvalidParameterValue", "takes over routes");
    ok(&api, &switch("Disable"));
    let association = made(&api, &associate, "associationId");
    assert_eq!(refused(&api, &associate).0, "Resource.AlreadyAssociated");
    assert_eq!(refused(&api, &switch("Enable")).0, "InvalidParameterValue");
    let route = format!("Action=CreateRoute&RouteTableId={table}&DestinationCidrBlock=172.16.0.0/12&GatewayId={g}");
    assert_eq!(refused(&api, &route).0, "InvalidParameterValue");
    let found = |name: &str| format!("Action=DescribeRouteTables&Filter.1.Name={name}&Filter.1.Value.1={g}");
    assert_eq!(made(&api, &found("association.gateway-id"), "routeTableId"), table);
    let detach = format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={v}");
    assert_eq!(refused(&api, &detach).0, "DependencyViolation");
    assert_eq!(refused(&api, &format!("Action=DeleteRouteTable&RouteTableId={table}")).0, "DependencyViolation");
    let other = made(&api, &format!("Action=CreateRouteTable&VpcId={v}"), "routeTableId");
    let replace = format!("Action=ReplaceRouteTableAssociation&RouteTableId={other}&AssociationId={association}");
    let association = made(&api, &replace, "newAssociationId");
    assert_eq!(made(&api, &found("association.gateway-id"), "routeTableId"), other);
    ok(&api, &format!("Action=DisassociateRouteTable&AssociationId={association}"));
    ok(&api, &detach);
}

// covers: VPN-21
#[test]
fn vpn_21_a_vpc_waits_for_its_gateway_which_outlives_it() {
    let api = api();
    let v = vpc(&api, "10.0.0.0/16");
    let g = gateway(&api);
    ok(&api, &format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={v}"));
    assert_eq!(refused(&api, &format!("Action=DeleteVpc&VpcId={v}")).0, "DependencyViolation");
    ok(&api, &format!("Action=DetachVpnGateway&VpnGatewayId={g}&VpcId={v}"));
    ok(&api, &format!("Action=DeleteVpc&VpcId={v}"));
    let next = vpc(&api, "10.0.0.0/16");
    ok(&api, &format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={next}"));
}
