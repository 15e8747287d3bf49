//! Network ACLs through the API.

use super::testing::{api, made, ok, refused, text, texts};
use super::*;

fn world() -> (Api, String, String) {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let acl = made(&api, &format!("Action=CreateNetworkAcl&VpcId={vpc}"), "networkAclId");
    (api, vpc, acl)
}

/// Number, direction, action, protocol and block of each entry, in the order of the answer.
fn entries(api: &Api, acl: &str) -> Vec<String> {
    let body = ok(api, &format!("Action=DescribeNetworkAcls&NetworkAclId.1={acl}"));
    let set = text(&body, "entrySet");
    let one = |e: &str| {
        let way = if text(e, "egress") == "true" { "out" } else { "in" };
        let block = [text(e, "cidrBlock"), text(e, "ipv6CidrBlock")].concat();
        format!("{way} {} {} {} {block}", text(e, "ruleNumber"), text(e, "ruleAction"), text(e, "protocol"))
    };
    set.split("<item>").skip(1).map(one).collect()
}

fn create(acl: &str, number: u32, rest: &str) -> String {
    format!("Action=CreateNetworkAclEntry&NetworkAclId={acl}&RuleNumber={number}&RuleAction=allow&{rest}")
}

// covers: NACL-21 NACL-202
#[test]
fn nacl_202_entries_are_shown_whole() {
    let (api, vpc, acl) = world();
    assert_eq!(entries(&api, &acl), ["out 32767 deny -1 0.0.0.0/0", "in 32767 deny -1 0.0.0.0/0"]);
    ok(&api, &create(&acl, 10, "Egress=false&Protocol=tcp&PortRange.From=80&PortRange.To=81&CidrBlock=10.0.0.9/8"));
    ok(&api, &create(&acl, 20, "Egress=true&Protocol=1&Icmp.Type=8&Icmp.Code=-1&CidrBlock=0.0.0.0/0"));
    ok(&api, &create(&acl, 30, "Egress=true&Protocol=58&Icmp.Type=128&Icmp.Code=0&Ipv6CidrBlock=::/0"));
    assert_eq!(
        entries(&api, &acl),
        [
            "out 20 allow 1 0.0.0.0/0",
            "out 30 allow 58 ::/0",
            "out 32767 deny -1 0.0.0.0/0",
            "in 10 allow 6 10.0.0.0/8",
            "in 32767 deny -1 0.0.0.0/0"
        ]
    );
    let body = ok(&api, &format!("Action=DescribeNetworkAcls&NetworkAclId.1={acl}"));
    for part in [
        "<icmpTypeCode><code>-1</code><type>8</type></icmpTypeCode>",
        "<icmpTypeCode><code>0</code><type>128</type></icmpTypeCode>",
        "<portRange><from>80</from><to>81</to></portRange>",
        "<default>false</default>",
        "<ownerId>123456789012</ownerId>",
        "<associationSet></associationSet>",
    ] {
        assert!(body.contains(part), "{part} {body}");
    }
    ok(&api, &format!("Action=AssociateVpcCidrBlock&VpcId={vpc}&AmazonProvidedIpv6CidrBlock=true"));
    assert_eq!(entries(&api, &acl).iter().filter(|e| e.ends_with(" 32768 deny -1 ::/0")).count(), 2);
}

// covers: NACL-13
#[test]
fn nacl_13_lists_are_found_by_what_they_serve_and_hold() {
    let (api, vpc, acl) = world();
    let subnet = made(&api, &format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.1.0/24"), "subnetId");
    let other = made(&api, &format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.2.0/24"), "subnetId");
    let find = |name: &str, value: &str| {
        texts(
            &ok(&api, &format!("Action=DescribeNetworkAcls&Filter.1.Name={name}&Filter.1.Value.1={value}")),
            "entrySet",
        )
        .len()
    };
    let default =
        text(&ok(&api, "Action=DescribeNetworkAcls&Filter.1.Name=default&Filter.1.Value.1=true"), "networkAclId");
    let of = |subnet: &str| {
        let call = format!("Action=DescribeNetworkAcls&Filter.1.Name=association.subnet-id&Filter.1.Value.1={subnet}");
        let body = ok(&api, &call);
        let at = text(&body, "associationSet");
        let mine = at.split("<item>").find(|i| text(i, "subnetId") == subnet).unwrap().to_string();
        (text(&mine, "networkAclId"), text(&mine, "networkAclAssociationId"))
    };
    let (before, association) = of(&subnet);
    assert_eq!(before, default);
    let replace = |association: &str, acl: &str| {
        format!("Action=ReplaceNetworkAclAssociation&AssociationId={association}&NetworkAclId={acl}")
    };
    let new = text(&ok(&api, &replace(&association, &acl)), "newAssociationId");
    assert_eq!(of(&subnet), (acl.clone(), new.clone()));
    assert_eq!(of(&other).0, default);
    assert_eq!(refused(&api, &replace(&association, &acl)).0, "InvalidAssociationID.NotFound");
    ok(&api, &create(&acl, 10, "Egress=false&Protocol=17&PortRange.From=53&PortRange.To=54&CidrBlock=192.0.2.0/24"));
    ok(&api, &create(&acl, 11, "Egress=true&Protocol=1&Icmp.Type=8&Icmp.Code=3&CidrBlock=0.0.0.0/0"));
    ok(&api, &create(&acl, 12, "Egress=true&Protocol=-1&Ipv6CidrBlock=2001:db8::/32"));
    for (name, value, found) in [
        ("association.association-id", new.as_str(), 1),
        ("association.network-acl-id", &acl, 1),
        ("vpc-id", &vpc, 2),
        ("vpc-id", "vpc-0", 0),
        ("default", "false", 1),
        ("network-acl-id", &acl, 1),
        ("owner-id", "123456789012", 2),
        ("entry.cidr", "192.0.2.0/24", 1),
        ("entry.cidr", "0.0.0.0/0", 2),
        ("entry.ipv6-cidr", "2001:db8::/32", 1),
        ("entry.ipv6-cidr", "192.0.2.0/24", 0),
        ("entry.egress", "true", 2),
        ("entry.icmp.type", "8", 1),
        ("entry.icmp.code", "3", 1),
        ("entry.icmp.code", "8", 0),
        ("entry.port-range.from", "53", 1),
        ("entry.port-range.to", "54", 1),
        ("entry.port-range.to", "3", 0),
        ("entry.protocol", "udp", 1),
        ("entry.protocol", "17", 1),
        ("entry.protocol", "tcp", 0),
        ("entry.rule-action", "deny", 2),
        ("entry.rule-number", "12", 1),
        ("entry.rule-number", "32767", 2),
    ] {
        assert_eq!(find(name, value), found, "{name}={value}");
    }
    assert_eq!(refused(&api, &format!("Action=DeleteNetworkAcl&NetworkAclId={acl}")).0, "DependencyViolation");
    ok(&api, &replace(&new, &default));
    ok(&api, &format!("Action=DeleteNetworkAcl&NetworkAclId={acl}"));
}

// covers: NACL-31 NACL-206 GEP-20 NACL-205
#[test]
fn nacl_206_one_block_and_nothing_else() {
    let (api, _, acl) = world();
    let all = "Egress=false&Protocol=-1";
    for (rest, code) in [
        (format!("{all}&CidrBlock=10.0.0.0/8&Ipv6CidrBlock=::/0"), "InvalidParameterCombination"),
        (all.to_string(), "MissingParameter"),
        (format!("{all}&CidrBlock=10.0.0.0/33"), "InvalidParameterValue"),
        (format!("{all}&CidrBlock=10.0.0.0/8&PrefixListId=pl-1"), "UnknownParameter"),
        (format!("{all}&CidrBlock=10.0.0.0/8&GroupId=sg-1"), "UnknownParameter"),
        ("Protocol=-1&CidrBlock=10.0.0.0/8".into(), "MissingParameter"),
        ("Egress=false&CidrBlock=10.0.0.0/8".into(), "MissingParameter"),
        ("Egress=false&Protocol=tpc&CidrBlock=10.0.0.0/8".into(), "InvalidParameterValue"),
        ("Egress=false&Protocol=6&CidrBlock=10.0.0.0/8".into(), "MissingParameter"),
        ("Egress=false&Protocol=6&PortRange.From=1&CidrBlock=10.0.0.0/8".into(), "MissingParameter"),
    ] {
        assert_eq!(refused(&api, &create(&acl, 10, &rest)).0, code, "{rest}");
    }
    assert_eq!(
        refused(&api, &create("acl-0", 10, "Egress=false&Protocol=-1&CidrBlock=::/0")).0,
        "InvalidParameterValue"
    );
    let any = "Egress=false&Protocol=-1&CidrBlock=10.0.0.0/8";
    assert_eq!(refused(&api, &create("acl-0", 10, any)).0, "InvalidNetworkAclID.NotFound");
    assert_eq!(refused(&api, &create("sg-0", 10, any)).0, "InvalidNetworkAclId.Malformed");
    assert_eq!(refused(&api, &create(&acl, 32767, any)).0, "InvalidParameterValue");
    let deny = create(&acl, 10, any).replace("=allow", "=maybe");
    assert_eq!(refused(&api, &deny).0, "InvalidParameterValue");
    // The VPC has no IPv6: the entry is taken and matches nothing.
    ok(&api, &create(&acl, 10, &format!("{all}&Ipv6CidrBlock=2001:db8::5/32")));
    assert_eq!(entries(&api, &acl)[1], "in 10 allow -1 2001:db8::/32");
}

// covers: NACL-32 NACL-29
#[test]
fn nacl_32_an_entry_between_two_others_disturbs_neither() {
    let (api, _, acl) = world();
    let tcp =
        |port: u32| format!("Egress=false&Protocol=6&PortRange.From={port}&PortRange.To={port}&CidrBlock=10.0.0.0/8");
    ok(&api, &create(&acl, 100, &tcp(1)));
    ok(&api, &create(&acl, 110, &tcp(2)));
    let before = entries(&api, &acl);
    assert_eq!(refused(&api, &create(&acl, 110, &tcp(3))).0, "NetworkAclEntryAlreadyExists");
    ok(&api, &create(&acl, 105, &tcp(3)));
    let between = entries(&api, &acl);
    assert_eq!(
        (&between[1], &between[2], &between[3]),
        (&before[1], &"in 105 allow 6 10.0.0.0/8".to_string(), &before[2])
    );
    let replace = create(&acl, 105, "Egress=false&Protocol=17&PortRange.From=9&PortRange.To=9&CidrBlock=10.0.0.0/8")
        .replace("CreateNetworkAclEntry", "ReplaceNetworkAclEntry");
    ok(&api, &replace);
    assert_eq!(entries(&api, &acl)[2], "in 105 allow 17 10.0.0.0/8");
    let delete = format!("Action=DeleteNetworkAclEntry&NetworkAclId={acl}&RuleNumber=105&Egress=false");
    ok(&api, &delete);
    assert_eq!(entries(&api, &acl), before);
    assert_eq!(refused(&api, &delete).0, "InvalidNetworkAclEntry.NotFound");
    assert_eq!(refused(&api, &replace).0, "InvalidNetworkAclEntry.NotFound");
}

#[test]
fn the_answer_repeats_the_client_token() {
    let (api, vpc, _) = world();
    let call = format!(
        "Action=CreateNetworkAcl&VpcId={vpc}&ClientToken=t&TagSpecification.1.ResourceType=network-acl&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=x"
    );
    let body = ok(&api, &call);
    assert_eq!((text(&body, "clientToken"), text(&body, "key")), ("t".into(), "Name".into()));
    assert_eq!(ok(&api, &call), body);
}
