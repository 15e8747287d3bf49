//! Tags, Regions, zones and account attributes over the API.

use super::testing::{api, change, ok, refused, text, texts};
use super::tests_vpc::{fresh, vpc};
use super::*;

#[test]
fn tags_come_and_go_in_bulk() {
    let api = api();
    let (a, b) = (vpc(&api, "10.0.0.0/16"), vpc(&api, "10.1.0.0/16"));
    let on = format!("ResourceId.1={a}&ResourceId.2={b}");
    ok(&api, &format!("Action=CreateTags&{on}&Tag.1.Key=Name&Tag.1.Value=x&Tag.2.Key=Empty&Tag.2.Value="));
    let body = ok(&api, "Action=DescribeTags");
    assert_eq!(texts(&body, "key"), ["Empty", "Name", "Empty", "Name"]);
    assert_eq!(texts(&body, "resourceType"), ["vpc"; 4]);
    // Another value than the one given is kept; no value stands for any.
    ok(&api, &format!("Action=DeleteTags&{on}&Tag.1.Key=Name&Tag.1.Value=y"));
    ok(&api, &format!("Action=DeleteTags&ResourceId.1={a}&Tag.1.Key=Name"));
    assert_eq!(texts(&ok(&api, "Action=DescribeTags"), "key"), ["Empty", "Empty", "Name"]);
    ok(&api, &format!("Action=DeleteTags&ResourceId.1={b}"));
    assert_eq!(texts(&ok(&api, "Action=DescribeTags"), "resourceId"), [a.as_str()]);
    ok(&api, &format!("Action=DeleteVpc&VpcId={a}"));
    assert!(texts(&ok(&api, "Action=DescribeTags"), "key").is_empty(), "tags go with their resource");
    for (call, code) in [
        (format!("CreateTags&ResourceId.1={b}"), "MissingParameter"),
        ("CreateTags&Tag.1.Key=a&Tag.1.Value=b".to_string(), "MissingParameter"),
        ("DeleteTags".to_string(), "MissingParameter"),
        ("CreateTags&ResourceId.1=x&Tag.1.Key=a&Tag.1.Value=b".to_string(), "InvalidID"),
        (format!("CreateTags&ResourceId.1={b}&ResourceId.2={a}&Tag.1.Key=a&Tag.1.Value=b"), "InvalidVpcID.NotFound"),
        (format!("CreateTags&ResourceId.1={b}&Tag.1.Key=aws:a&Tag.1.Value=b"), "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&api, &format!("Action={call}")).0, code, "{call}");
    }
    let many: String = (0..51).map(|i| format!("&Tag.{i}.Key=k{i}&Tag.{i}.Value=v")).collect();
    assert_eq!(refused(&api, &format!("Action=CreateTags&ResourceId.1={b}{many}")).0, "TagLimitExceeded");
    assert!(texts(&ok(&api, "Action=DescribeTags"), "key").is_empty(), "nothing was half applied");
}

#[test]
fn tags_are_found_by_each_filter_and_page_by_page() {
    let api = api();
    let (a, b) = (vpc(&api, "10.0.0.0/16"), vpc(&api, "10.1.0.0/16"));
    let g = text(
        &ok(&api, "Action=CreateDhcpOptions&DhcpConfiguration.1.Key=domain-name&DhcpConfiguration.1.Value.1=a"),
        "dhcpOptionsId",
    );
    for (id, key, value) in [(&a, "Name", "one"), (&a, "Stage", "test"), (&b, "Name", "two"), (&g, "Name", "three")] {
        ok(&api, &format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key={key}&Tag.1.Value={value}"));
    }
    for (name, value, found) in [
        ("key", "Name", vec!["one", "two", "three"]),
        ("value", "t*", vec!["test", "two", "three"]),
        ("resource-id", a.as_str(), vec!["one", "test"]),
        ("resource-type", "dhcp-options", vec!["three"]),
        ("tag:Name", "two", vec!["two"]),
        ("tag-key", "Stage", vec!["test"]),
        ("tag-value", "one", vec!["one"]),
        ("value", "four", vec![]),
    ] {
        let body = ok(&api, &format!("Action=DescribeTags&Filter.1.Name={name}&Filter.1.Value.1={value}"));
        assert_eq!(texts(&body, "value"), found, "{name}");
    }
    assert_eq!(refused(&api, "Action=DescribeTags&Filter.1.Name=colour&Filter.1.Value.1=x").0, "InvalidParameterValue");
    let first = ok(&api, "Action=DescribeTags&MaxResults=3");
    let second = ok(&api, &format!("Action=DescribeTags&MaxResults=3&NextToken={}", text(&first, "nextToken")));
    assert_eq!([texts(&first, "value"), texts(&second, "value")].concat(), ["one", "test", "two", "three"]);
    assert_eq!(text(&second, "nextToken"), "");
}

#[test]
fn regions() {
    let api = api();
    let names = |rest: &str| texts(&ok(&api, &format!("Action=DescribeRegions{rest}")), "regionName");
    assert_eq!(names("").len(), 17);
    assert!(names("&AllRegions=true").len() > 30);
    assert_eq!(names("&RegionName.1=us-west-2&RegionName.2=eu-west-1"), ["eu-west-1", "us-west-2"]);
    assert_eq!(names("&RegionName.1=me-south-1"), ["me-south-1"], "named, it is shown though nobody opted in");
    assert_eq!(names("&Filter.1.Name=endpoint&Filter.1.Value.1=ec2.us-*").len(), 4);
    assert_eq!(names("&Filter.1.Name=opt-in-status&Filter.1.Value.1=not-opted-in").len(), 0);
    assert_eq!(refused(&api, "Action=DescribeRegions&RegionName.1=mars-1").0, "InvalidParameterValue");
    let body = ok(&api, "Action=DescribeRegions&RegionName.1=us-east-1");
    assert_eq!(text(&body, "regionEndpoint"), "ec2.us-east-1.amazonaws.com");
    let mut m = Model::default();
    m.set_region("lab-1");
    let api = Api::new(Region::open(m, None, None).unwrap());
    assert_eq!(texts(&ok(&api, "Action=DescribeRegions"), "regionName").len(), 18, "a Region of one's own");
}

// covers: SHR-12
#[test]
fn zones() {
    let api = api();
    let call = |rest: &str| ok(&api, &format!("Action=DescribeAvailabilityZones{rest}"));
    let body = call("");
    assert_eq!(texts(&body, "zoneName"), ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert_eq!(texts(&body, "zoneId"), ["use1-az1", "use1-az2", "use1-az3"]);
    for (name, value) in [
        ("zoneState", "available"),
        ("zoneType", "availability-zone"),
        ("regionName", "us-east-1"),
        ("networkBorderGroup", "us-east-1"),
        ("optInStatus", "opt-in-not-required"),
        ("messageSet", ""),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    for one in [
        "&ZoneName.1=us-east-1b",
        "&ZoneId.1=use1-az2",
        "&Filter.1.Name=zone-name&Filter.1.Value.1=*b",
        "&Filter.1.Name=zone-id&Filter.1.Value.1=use1-az2",
    ] {
        assert_eq!(texts(&call(one), "zoneName"), ["us-east-1b"], "{one}");
    }
    for (name, all, none) in [
        ("group-name", "us-east-1*", "x"),
        ("opt-in-status", "opt-in-not-required", "opted-in"),
        ("region-name", "us-east-1", "us-west-1"),
        ("state", "available", "unavailable"),
        ("zone-type", "availability-zone", "local-zone"),
    ] {
        let count =
            |value: &str| texts(&call(&format!("&Filter.1.Name={name}&Filter.1.Value.1={value}")), "zoneName").len();
        assert_eq!((count(all), count(none)), (3, 0), "{name}");
    }
    for wrong in ["ZoneName.1=us-east-1z", "ZoneId.1=use1-az9"] {
        let (code, message) = refused(&api, &format!("Action=DescribeAvailabilityZones&{wrong}"));
        assert_eq!(code, "InvalidParameterValue");
        assert!(message.contains(wrong.split_once('=').unwrap().1), "{message}");
    }
    let mut m = Model::default();
    m.set_account("123456789013");
    let other = Api::new(Region::open(m, None, None).unwrap());
    let theirs = ok(&other, "Action=DescribeAvailabilityZones");
    assert_eq!(texts(&theirs, "zoneName"), texts(&body, "zoneName"));
    assert_ne!(texts(&theirs, "zoneId"), texts(&body, "zoneId"));
}

#[test]
fn zones_in_trouble_say_so() {
    let api = api();
    change(&api, |m| {
        m.impair_zone("us-east-1a", true)?;
        m.constrain_zone("us-east-1a")?;
        m.constrain_zone("us-east-1c").map(|()| String::new())
    });
    let call = |rest: &str| ok(&api, &format!("Action=DescribeAvailabilityZones{rest}"));
    assert_eq!(texts(&call(""), "zoneState"), ["impaired", "available", "constrained"]);
    let named =
        |name: &str, value: &str| texts(&call(&format!("&Filter.1.Name={name}&Filter.1.Value.1={value}")), "zoneName");
    assert_eq!(named("state", "impaired"), ["us-east-1a"]);
    assert_eq!(named("state", "constrained"), ["us-east-1c"]);
    assert_eq!(named("message", "No NAT gateway can be created*"), ["us-east-1a", "us-east-1c"]);
    let messages = ["NAT gateways in us-east-1a carry no traffic.", "No NAT gateway can be created in us-east-1a."];
    let body = call("&ZoneName.1=us-east-1a");
    let items = messages.map(|text| format!("<item><message>{text}</message></item>"));
    assert!(body.contains(&format!("<messageSet>{}</messageSet>", items.concat())), "{body}");
    change(&api, |m| m.impair_zone("us-east-1a", false).map(|()| String::new()));
    assert_eq!(texts(&call(""), "zoneState"), ["constrained", "available", "constrained"]);
}

// covers: DEF-15
#[test]
fn account_attributes() {
    let api = fresh();
    let body = ok(&api, "Action=DescribeAccountAttributes");
    let names = [
        "supported-platforms",
        "vpc-max-security-groups-per-interface",
        "max-elastic-ips",
        "max-instances",
        "vpc-max-elastic-ips",
        "default-vpc",
    ];
    assert_eq!(texts(&body, "attributeName"), names);
    let body = ok(&api, "Action=DescribeAccountAttributes&AttributeName.1=supported-platforms");
    assert_eq!(texts(&body, "attributeValue"), ["VPC"]);
    assert_eq!(refused(&api, "Action=DescribeAccountAttributes&AttributeName.1=x").0, "InvalidParameterValue");
}

#[test]
fn block_public_access_is_off() {
    let body = ok(&api(), "Action=DescribeVpcBlockPublicAccessOptions");
    assert_eq!(texts(&body, "internetGatewayBlockMode"), ["off"]);
    assert_eq!(text(&body, "awsAccountId"), "123456789012");
}
