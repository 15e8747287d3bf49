use crate::ec2::testing::{api, internet_gateway, made, ok, refused, text, texts};

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
