//! Security groups and their rules through the API.

use super::testing::{api, made, ok, refused, text, texts};
use super::*;

/// A VPC and a group `web` in it.
fn world() -> (Api, String, String) {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let group =
        made(&api, &format!("Action=CreateSecurityGroup&GroupName=web&GroupDescription=d&VpcId={vpc}"), "groupId");
    (api, vpc, group)
}

// covers: SG-10
#[test]
fn sg_10_groups_are_made_described_and_deleted() {
    let (api, vpc, group) = world();
    let arn = format!("arn:aws:ec2:us-east-1:123456789012:security-group/{group}");
    let body = ok(&api, &format!("Action=DescribeSecurityGroups&GroupId.1={group}"));
    for (name, value) in [
        ("ownerId", "123456789012"),
        ("groupName", "web"),
        ("groupDescription", "d"),
        ("ipPermissions", ""),
        ("vpcId", &vpc),
        ("securityGroupArn", &arn),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    let egress = "<item><ipProtocol>-1</ipProtocol><groups></groups><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges><ipv6Ranges></ipv6Ranges><prefixListIds></prefixListIds></item>";
    assert!(body.contains(&format!("<ipPermissionsEgress>{egress}</ipPermissionsEgress>")), "{body}");
    for (call, code, message) in [
        ("Action=CreateSecurityGroup&GroupName=x", "VPCIdNotSpecified", "No default VPC for this user"),
        (
            &format!("Action=CreateSecurityGroup&GroupName=x&VpcId={vpc}"),
            "MissingParameter",
            "The request must contain the parameter GroupDescription",
        ),
        (
            &format!("Action=CreateSecurityGroup&GroupName=web&GroupDescription=d&VpcId={vpc}"),
            "InvalidGroup.Duplicate",
            &format!("The security group &apos;web&apos; already exists for VPC &apos;{vpc}&apos;"),
        ),
        (
            "Action=DescribeSecurityGroups&GroupId.1=sg-0",
            "InvalidGroup.NotFound",
            "The security group &apos;sg-0&apos; does not exist",
        ),
        (
            "Action=DescribeSecurityGroups&GroupId.1=web",
            "InvalidGroupId.Malformed",
            "Invalid id: &quot;web&quot; (expecting &quot;sg-...&quot;)",
        ),
        (
            "Action=DeleteSecurityGroup",
            "MissingParameter",
            "The request must contain the parameter groupName or groupId",
        ),
    ] {
        assert_eq!(refused(&api, call), (code.into(), message.into()), "{call}");
    }
    let gone = ok(&api, &format!("Action=DeleteSecurityGroup&GroupId={group}"));
    assert_eq!((text(&gone, "return"), text(&gone, "groupId")), ("true".into(), group));
}

#[test]
fn names_find_groups_of_the_default_vpc() {
    let api = api();
    let vpc = made(&api, "Action=CreateDefaultVpc", "vpcId");
    let group = made(&api, "Action=CreateSecurityGroup&GroupName=web&GroupDescription=d", "groupId");
    assert_eq!(text(&ok(&api, "Action=DescribeSecurityGroups&GroupName.1=web"), "vpcId"), vpc);
    ok(
        &api,
        "Action=AuthorizeSecurityGroupIngress&GroupName=web&IpProtocol=tcp&FromPort=22&ToPort=22&CidrIp=192.0.2.0/24",
    );
    ok(&api, "Action=AuthorizeSecurityGroupIngress&GroupName=web&SourceSecurityGroupName=default");
    let body = ok(&api, &format!("Action=DescribeSecurityGroupRules&Filter.1.Name=group-id&Filter.1.Value.1={group}"));
    let mut protocols = texts(&body, "ipProtocol");
    protocols.sort();
    assert_eq!(protocols, ["-1", "icmp", "tcp", "tcp", "udp"]);
    let (code, message) = refused(&api, "Action=DeleteSecurityGroup&GroupName=nobody");
    assert_eq!(code, "InvalidGroup.NotFound");
    assert_eq!(
        message,
        format!("The security group &apos;nobody&apos; does not exist in default VPC &apos;{vpc}&apos;")
    );
    ok(&api, "Action=DeleteSecurityGroup&GroupName=web");
}

// covers: SG-33 SG-35 SG-211 SG-214
#[test]
fn sg_33_peers_of_every_kind() {
    let (api, _, group) = world();
    let list = made(
        &api,
        "Action=CreateManagedPrefixList&PrefixListName=l&MaxEntries=5&AddressFamily=IPv4&Entry.1.Cidr=192.0.2.0/24",
        "prefixListId",
    );
    let call = format!(
        "Action=AuthorizeSecurityGroupIngress&GroupId={group}\
         &IpPermissions.1.IpProtocol=6&IpPermissions.1.FromPort=443&IpPermissions.1.ToPort=443\
         &IpPermissions.1.IpRanges.1.CidrIp=100.68.0.18/18&IpPermissions.1.IpRanges.1.Description=office\
         &IpPermissions.1.IpRanges.2.CidrIp=203.0.113.7/32\
         &IpPermissions.1.Ipv6Ranges.1.CidrIpv6=2001:db8::1/128\
         &IpPermissions.1.Groups.1.GroupName=web&IpPermissions.1.Groups.1.UserId=123456789012\
         &IpPermissions.1.PrefixListIds.1.PrefixListId={list}&IpPermissions.1.PrefixListIds.1.Description=list\
         &IpPermissions.2.IpProtocol=58&IpPermissions.2.FromPort=-1&IpPermissions.2.ToPort=-1\
         &IpPermissions.2.Ipv6Ranges.1.CidrIpv6=::/0\
         &IpPermissions.3.IpProtocol=50&IpPermissions.3.FromPort=7&IpPermissions.3.ToPort=8\
         &IpPermissions.3.IpRanges.1.CidrIp=0.0.0.0/0\
         &TagSpecification.1.ResourceType=security-group-rule&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v"
    );
    let body = ok(&api, &call);
    assert_eq!(text(&body, "return"), "true");
    let ids = texts(&body, "securityGroupRuleId");
    assert_eq!(ids.len(), 7);
    assert!(ids.iter().all(|id| id.starts_with("sgr-")));
    let first = format!(
        "<securityGroupRuleId>{0}</securityGroupRuleId><groupId>{group}</groupId><groupOwnerId>123456789012</groupOwnerId><isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort><cidrIpv4>100.68.0.0/18</cidrIpv4><description>office</description><tagSet><item><key>k</key><value>v</value></item></tagSet><securityGroupRuleArn>arn:aws:ec2:us-east-1:123456789012:security-group-rule/{0}</securityGroupRuleArn>",
        ids[0]
    );
    assert!(body.contains(&first), "{body}");
    let pair =
        format!("<referencedGroupInfo><groupId>{group}</groupId><userId>123456789012</userId></referencedGroupInfo>");
    assert!(body.contains(&pair), "{body}");
    assert!(body.contains(&format!("<prefixListId>{list}</prefixListId><description>list</description>")), "{body}");
    // One permission for each protocol and port range, whoever its peers are.
    let body = ok(&api, &format!("Action=DescribeSecurityGroups&GroupId.1={group}"));
    let expected = format!(
        "<ipPermissions><item><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>443</toPort>\
         <groups><item><userId>123456789012</userId><groupId>{group}</groupId></item></groups>\
         <ipRanges><item><cidrIp>100.68.0.0/18</cidrIp><description>office</description></item><item><cidrIp>203.0.113.7/32</cidrIp></item></ipRanges>\
         <ipv6Ranges><item><cidrIpv6>2001:db8::1/128</cidrIpv6></item></ipv6Ranges>\
         <prefixListIds><item><prefixListId>{list}</prefixListId><description>list</description></item></prefixListIds></item>\
         <item><ipProtocol>icmpv6</ipProtocol><fromPort>-1</fromPort><toPort>-1</toPort><groups></groups><ipRanges></ipRanges><ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges><prefixListIds></prefixListIds></item>\
         <item><ipProtocol>50</ipProtocol><groups></groups><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges><ipv6Ranges></ipv6Ranges><prefixListIds></prefixListIds></item></ipPermissions>"
    );
    assert!(body.contains(&expected), "{body}\n{expected}");
    // All filters by rule, each on the side that its name says.
    for (name, value, egress) in [
        ("cidr", "100.68.0.0/18", "0.0.0.0/0"),
        ("ipv6-cidr", "2001:db8::1/128", ""),
        ("from-port", "443", ""),
        ("to-port", "443", ""),
        ("group-id", &group, ""),
        ("group-name", "web", ""),
        ("user-id", "123456789012", ""),
        ("prefix-list-id", &list, ""),
        ("protocol", "tcp", "-1"),
        ("protocol", "58", "-1"),
    ] {
        let found = |name: &str, value: &str| {
            let call = format!(
                "Action=DescribeSecurityGroups&Filter.1.Name={name}&Filter.1.Value.1={value}&Filter.2.Name=group-name&Filter.2.Value.1=web"
            );
            texts(&ok(&api, &call), "groupName") == ["web"]
        };
        assert!(found(&format!("ip-permission.{name}"), value), "{name}");
        assert!(!found(&format!("egress.ip-permission.{name}"), value), "{name}");
        if !egress.is_empty() {
            assert!(found(&format!("egress.ip-permission.{name}"), egress), "{name}");
        }
    }
}

// covers: SG-30 SG-32 SG-33 SG-34
#[test]
fn sg_30_what_a_permission_cannot_be() {
    let (api, _, group) = world();
    let base = format!("Action=AuthorizeSecurityGroupIngress&GroupId={group}");
    let one = "&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80";
    let range = "&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8";
    for (rest, code, message) in [
        (String::new(), "MissingParameter", "The request must contain the parameter IpPermissions"),
        (
            one.into(),
            "InvalidPermission.Malformed",
            "A permission must contain one of IpRanges, Ipv6Ranges, Groups and PrefixListIds.",
        ),
        (
            format!("{one}&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/33"),
            "InvalidParameterValue",
            "CIDR block 10.0.0.0/33 is malformed",
        ),
        (
            format!("{one}&IpPermissions.1.IpRanges.1.CidrIp=2001:db8::/32"),
            "InvalidParameterValue",
            "CIDR block 2001:db8::/32 is malformed",
        ),
        (
            range.into(),
            "InvalidParameterValue",
            "Invalid value &apos;null&apos; for protocol. VPC security group rules must specify protocols explicitly.",
        ),
        (
            format!("&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=0&IpPermissions.1.ToPort=65536{range}"),
            "InvalidParameterValue",
            "TCP/UDP port (65536) out of range",
        ),
        (
            format!("&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=2&IpPermissions.1.ToPort=1{range}"),
            "InvalidParameterValue",
            "Invalid TCP/UDP port range (2:1)",
        ),
        (
            format!("&IpPermissions.1.IpProtocol=tpc{range}"),
            "InvalidPermission.Malformed",
            "Unsupported IP protocol &quot;tpc&quot;",
        ),
        (
            format!("{one}{range}&IpPermissions.1.RuleAction=deny"),
            "UnknownParameter",
            "The parameter IpPermissions.1.RuleAction is not recognized",
        ),
        (
            format!("{one}&IpPermissions.1.Groups.1.GroupId={group}&IpPermissions.1.Groups.1.UserId=210987654321"),
            "InvalidGroup.NotFound",
            "You have specified two resources that belong to different networks.",
        ),
        (
            format!("{one}&IpPermissions.1.PrefixListIds.1.PrefixListId=pl-0"),
            "InvalidPrefixListID.NotFound",
            "The prefix list ID &apos;pl-0&apos; does not exist",
        ),
    ] {
        assert_eq!(refused(&api, &format!("{base}{rest}")), (code.into(), message.into()), "{rest}");
    }
    ok(&api, &format!("{base}{one}{range}"));
    let (code, message) = refused(&api, &format!("{base}{one}{range}"));
    assert_eq!(code, "InvalidPermission.Duplicate");
    assert_eq!(
        message,
        "the specified rule &quot;peer: 10.0.0.0/8, TCP, from port: 80, to port: 80, ALLOW&quot; already exists"
    );
}

// covers: SG-209
#[test]
fn sg_209_revocation_by_rule_and_by_id() {
    let (api, _, group) = world();
    let ports = |n: u32| {
        format!(
            "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort={n}&IpPermissions.1.ToPort={n}&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8"
        )
    };
    let authorize = |n| ok(&api, &format!("Action=AuthorizeSecurityGroupIngress&GroupId={group}&{}", ports(n)));
    let (_, second) = (authorize(1), text(&authorize(2), "securityGroupRuleId"));
    let revoke = format!("Action=RevokeSecurityGroupIngress&GroupId={group}");
    for (rest, code, message) in [
        (
            format!("{}&SecurityGroupRuleId.1=sgr-0", ports(1)),
            "InvalidSecurityGroupRuleId.NotFound",
            "The security group rule ID &apos;sgr-0&apos; does not exist",
        ),
        (
            "SecurityGroupRuleId.1=x".into(),
            "InvalidSecurityGroupRuleId.Malformed",
            "Invalid id: &quot;x&quot; (expecting &quot;sgr-...&quot;)",
        ),
        (
            String::new(),
            "MissingParameter",
            "Either &apos;ipPermissions&apos; or &apos;securityGroupRuleIds&apos; should be provided.",
        ),
    ] {
        assert_eq!(refused(&api, &format!("{revoke}&{rest}")), (code.into(), message.into()), "{rest}");
    }
    let (code, _) = refused(&api, &format!("{}&SecurityGroupRuleId.1={second}", revoke.replace("Ingress", "Egress")));
    assert_eq!(code, "InvalidSecurityGroupRuleId.NotFound");
    // What is not there is told apart from what went.
    let absent = ports(3).replace("IpPermissions.1", "IpPermissions.2");
    let body = ok(&api, &format!("{revoke}&{}&{absent}", ports(1)));
    assert_eq!(text(&body, "return"), "true");
    let unknown = text(&body, "unknownIpPermissionSet");
    assert!(unknown.contains("<fromPort>3</fromPort>") && unknown.contains("<cidrIp>10.0.0.0/8</cidrIp>"), "{body}");
    let revoked = text(&body, "revokedSecurityGroupRuleSet");
    assert!(revoked.contains("<fromPort>1</fromPort>") && !revoked.contains("<fromPort>3</fromPort>"), "{body}");
    let body = ok(&api, &format!("{revoke}&SecurityGroupRuleId.1={second}"));
    assert_eq!((text(&body, "securityGroupRuleId"), text(&body, "isEgress")), (second, "false".into()));
    assert_eq!(text(&ok(&api, &format!("Action=DescribeSecurityGroups&GroupId.1={group}")), "ipPermissions"), "");
}

// covers: SG-209
#[test]
fn sg_209_in_a_default_vpc_an_absent_rule_is_refused() {
    let api = api();
    ok(&api, "Action=CreateDefaultVpc");
    let group = text(&ok(&api, "Action=DescribeSecurityGroups"), "groupId");
    let rule = |n: u32| {
        format!(
            "GroupId={group}&IpPermissions.{n}.IpProtocol=tcp&IpPermissions.{n}.FromPort={n}&IpPermissions.{n}.ToPort={n}&IpPermissions.{n}.IpRanges.1.CidrIp=10.0.0.0/8"
        )
    };
    ok(&api, &format!("Action=AuthorizeSecurityGroupIngress&{}", rule(1)));
    let both = format!("Action=RevokeSecurityGroupIngress&{}&{}", rule(1), rule(2).split_once('&').unwrap().1);
    let refusal =
        ("InvalidPermission.NotFound".into(), "The specified rule does not exist in this security group.".into());
    assert_eq!(refused(&api, &both), refusal);
    assert!(ok(&api, "Action=DescribeSecurityGroups").contains("<fromPort>1</fromPort>"), "the other one stays");
}

// covers: SG-37 SG-214
#[test]
fn sg_37_rules_are_described_and_modified() {
    let (api, vpc, group) = world();
    let permission = "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=1&IpPermissions.1.ToPort=1&IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8";
    let id = text(
        &ok(&api, &format!("Action=AuthorizeSecurityGroupIngress&GroupId={group}&{permission}")),
        "securityGroupRuleId",
    );
    let rule = || ok(&api, &format!("Action=DescribeSecurityGroupRules&SecurityGroupRuleId.1={id}"));
    let update = format!("Action=UpdateSecurityGroupRuleDescriptionsIngress&GroupId={group}");
    ok(&api, &format!("{update}&{permission}&IpPermissions.1.IpRanges.1.Description=one"));
    assert_eq!(text(&rule(), "description"), "one");
    ok(
        &api,
        &format!(
            "{update}&SecurityGroupRuleDescription.1.SecurityGroupRuleId={id}&SecurityGroupRuleDescription.1.Description=two"
        ),
    );
    assert_eq!(text(&rule(), "description"), "two");
    ok(&api, &format!("{update}&{permission}"));
    assert!(!rule().contains("<description>"));
    assert_eq!(
        refused(&api, &format!("{update}&{}", permission.replace("Port=1", "Port=2"))).0,
        "InvalidPermission.NotFound"
    );

    let modify = format!(
        "Action=ModifySecurityGroupRules&GroupId={group}&SecurityGroupRule.1.SecurityGroupRuleId={id}&SecurityGroupRule.1.SecurityGroupRule"
    );
    ok(
        &api,
        &format!(
            "{modify}.IpProtocol=udp&{0}.FromPort=53&{0}.ToPort=54&{0}.CidrIpv4=192.0.2.0/24&{0}.Description=dns",
            "SecurityGroupRule.1.SecurityGroupRule"
        ),
    );
    let body = rule();
    let shown = ["ipProtocol", "fromPort", "toPort", "cidrIpv4", "description"].map(|name| text(&body, name));
    assert_eq!(shown, ["udp", "53", "54", "192.0.2.0/24", "dns"]);
    ok(&api, &format!("{modify}.ToPort=60"));
    let body = rule();
    let shown = ["ipProtocol", "fromPort", "toPort", "cidrIpv4", "description"].map(|name| text(&body, name));
    assert_eq!(shown, ["udp", "53", "60", "192.0.2.0/24", ""]);
    assert_eq!(refused(&api, &format!("{modify}.CidrIpv6=::/0")).0, "InvalidParameterValue");
    let both = format!("{modify}.CidrIpv4=10.0.0.0/8&SecurityGroupRule.1.SecurityGroupRule.CidrIpv6=::/0");
    assert_eq!(refused(&api, &both).0, "InvalidParameterCombination");
    assert_eq!(refused(&api, &format!("Action=ModifySecurityGroupRules&GroupId={group}")).0, "MissingParameter");

    // Pages follow one another and hold each rule once.
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let body = ok(&api, &format!("Action=DescribeSecurityGroupRules&MaxResults=1&NextToken={token}"));
        all.extend(texts(&body, "securityGroupRuleId"));
        token = text(&body, "nextToken");
        if token.is_empty() {
            break;
        }
    }
    let mut once = texts(&ok(&api, "Action=DescribeSecurityGroupRules"), "securityGroupRuleId");
    assert_eq!((all.len(), &all), (4, &once));
    once.dedup();
    assert_eq!(once.len(), 4);
    assert_eq!(
        texts(&ok(&api, &format!("Action=GetSecurityGroupsForVpc&VpcId={vpc}")), "groupName"),
        ["default", "web"]
    );
}

#[test]
fn what_only_peers_would_cause_is_empty() {
    let (api, vpc, group) = world();
    let body = ok(&api, &format!("Action=DescribeSecurityGroupReferences&GroupId.1={group}"));
    assert!(body.contains("<securityGroupReferenceSet></securityGroupReferenceSet>"), "{body}");
    assert_eq!(refused(&api, "Action=DescribeSecurityGroupReferences&GroupId.1=sg-0").0, "InvalidGroup.NotFound");
    assert_eq!(refused(&api, "Action=DescribeSecurityGroupReferences").0, "MissingParameter");
    let body = ok(&api, &format!("Action=DescribeStaleSecurityGroups&VpcId={vpc}&MaxResults=5"));
    assert!(body.contains("<staleSecurityGroupSet></staleSecurityGroupSet>"), "{body}");
    assert_eq!(refused(&api, "Action=DescribeStaleSecurityGroups&VpcId=vpc-0").0, "InvalidVpcID.NotFound");
    let body = ok(&api, "Action=DescribeSecurityGroupVpcAssociations&Filter.1.Name=state&Filter.1.Value.1=associated");
    assert!(body.contains("<securityGroupVpcAssociationSet></securityGroupVpcAssociationSet>"), "{body}");
}

// covers: SG-18
#[test]
fn sg_18_there_are_no_groups_outside_vpcs() {
    let (api, vpc, group) = world();
    let platforms = "Action=DescribeAccountAttributes&AttributeName.1=supported-platforms";
    assert_eq!(texts(&ok(&api, platforms), "attributeValue"), ["VPC"]);
    // A group of EC2-Classic is made without a VPC, and named without one.
    let classic = "Action=CreateSecurityGroup&GroupName=classic&GroupDescription=d";
    assert_eq!(refused(&api, classic).0, "VPCIdNotSpecified");
    let authorize = format!(
        "Action=AuthorizeSecurityGroupIngress&GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.Groups.1"
    );
    for owner in ["", "&IpPermissions.1.Groups.1.UserId=111111111111"] {
        let call = format!("{authorize}.GroupName=classic{owner}");
        assert_eq!(refused(&api, &call).0, "InvalidGroup.NotFound", "{call}");
    }
    let subnet = super::testing::subnet(&api, &vpc, "10.0.7.0/24");
    let launch = "Action=RunInstances&ImageId=ami-a4827dc9&MinCount=1&MaxCount=1";
    assert_eq!(refused(&api, &format!("{launch}&SecurityGroup.1=classic")).0, "InvalidGroup.NotFound");
    // Names are of groups of the default VPC; whoever names a subnet names groups by their ids.
    ok(&api, "Action=CreateDefaultVpc");
    let call = format!("{launch}&SecurityGroup.1=default&SubnetId={subnet}");
    assert_eq!(refused(&api, &call).0, "InvalidParameterCombination");
    ok(&api, &format!("{launch}&SecurityGroup.1=default"));
    let body = ok(&api, &format!("Action=DescribeSecurityGroups&GroupId.1={group}"));
    assert_eq!(text(&body, "ipPermissions"), "");
}
