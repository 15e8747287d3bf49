//! Prefix lists through the API.

use super::testing::{api, made, ok, refused, text, texts};

const CREATE: &str = "Action=CreateManagedPrefixList&PrefixListName=offices&AddressFamily=IPv4&MaxEntries=3&Entry.1.Cidr=192.0.2.0/24&Entry.1.Description=one&Entry.2.Cidr=198.51.100.0/24";

#[test]
fn lists_are_made_changed_and_brought_back() {
    let api = api();
    let body = ok(
        &api,
        &format!(
            "{CREATE}&TagSpecification.1.ResourceType=prefix-list&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v"
        ),
    );
    let id = text(&body, "prefixListId");
    let arn = format!("arn:aws:ec2:us-east-1:123456789012:prefix-list/{id}");
    for (name, value) in [
        ("addressFamily", "IPv4"),
        ("state", "create-complete"),
        ("prefixListArn", &arn),
        ("prefixListName", "offices"),
        ("maxEntries", "3"),
        ("version", "1"),
        ("ownerId", "123456789012"),
        ("key", "k"),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    let entries = |rest: &str| ok(&api, &format!("Action=GetManagedPrefixListEntries&PrefixListId={id}{rest}"));
    assert_eq!(text(&entries(""), "item"), "<cidr>192.0.2.0/24</cidr><description>one</description>");
    let modify = format!("Action=ModifyManagedPrefixList&PrefixListId={id}");
    let body =
        ok(&api, &format!("{modify}&CurrentVersion=1&AddEntry.1.Cidr=203.0.113.0/24&RemoveEntry.1.Cidr=192.0.2.0/24"));
    assert_eq!((text(&body, "state"), text(&body, "version")), ("modify-complete".into(), "2".into()));
    assert_eq!(texts(&entries(""), "cidr"), ["198.51.100.0/24", "203.0.113.0/24"]);
    assert_eq!(texts(&entries("&TargetVersion=1"), "cidr"), ["192.0.2.0/24", "198.51.100.0/24"]);
    let (code, message) = refused(&api, &format!("{modify}&CurrentVersion=1&AddEntry.1.Cidr=10.0.0.0/8"));
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")
    );
    assert_eq!(
        refused(&api, &format!("{modify}&CurrentVersion=2&AddEntry.1.Cidr=10.0.0.0")).0,
        "InvalidParameterValue"
    );
    let first = entries("&MaxResults=1");
    let second = entries(&format!("&MaxResults=1&NextToken={}", text(&first, "nextToken")));
    assert_eq!((text(&first, "cidr"), text(&second, "cidr")), ("198.51.100.0/24".into(), "203.0.113.0/24".into()));
    let restore =
        format!("Action=RestoreManagedPrefixListVersion&PrefixListId={id}&PreviousVersion=1&CurrentVersion=2");
    let body = ok(&api, &restore);
    assert_eq!((text(&body, "state"), text(&body, "version")), ("restore-complete".into(), "3".into()));
    assert_eq!(texts(&entries(""), "cidr"), ["192.0.2.0/24", "198.51.100.0/24"]);
    let body = ok(&api, &format!("Action=DeleteManagedPrefixList&PrefixListId={id}"));
    assert_eq!(text(&body, "state"), "delete-complete");
    let (code, message) = refused(&api, &format!("Action=DescribeManagedPrefixLists&PrefixListId.1={id}"));
    assert_eq!(
        (code.as_str(), message),
        ("InvalidPrefixListID.NotFound", format!("The prefix list ID &apos;{id}&apos; does not exist"))
    );
    assert_eq!(refused(&api, "Action=DescribePrefixLists&PrefixListId.1=x").0, "InvalidPrefixListID.Malformed");
}

#[test]
fn lists_of_aws_are_described_beside_ones_own() {
    let api = api();
    let own = made(&api, CREATE, "prefixListId");
    let names = ["com.amazonaws.us-east-1.s3", "com.amazonaws.us-east-1.dynamodb"];
    let body = ok(&api, "Action=DescribeManagedPrefixLists");
    assert_eq!(texts(&body, "prefixListName"), [names[0], names[1], "offices"]);
    assert_eq!(texts(&body, "ownerId"), ["AWS", "AWS", "123456789012"]);
    assert_eq!(texts(&body, "version"), ["1"]);
    let s3 = text(&body, "prefixListId");
    assert_eq!(text(&body, "prefixListArn"), format!("arn:aws:ec2:us-east-1:aws:prefix-list/{s3}"));
    let find = |name: &str, value: &str| {
        let call = format!("Action=DescribeManagedPrefixLists&Filter.1.Name={name}&Filter.1.Value.1={value}");
        texts(&ok(&api, &call), "prefixListId")
    };
    assert_eq!(find("owner-id", "123456789012"), [own.as_str()]);
    assert_eq!(find("owner-id", "AWS").len(), 2);
    assert_eq!(find("prefix-list-id", &s3), [s3.as_str()]);
    assert_eq!(find("prefix-list-name", "*.s3"), [s3.as_str()]);
    let page = ok(&api, "Action=DescribeManagedPrefixLists&MaxResults=2");
    let next = ok(&api, &format!("Action=DescribeManagedPrefixLists&NextToken={}", text(&page, "nextToken")));
    assert_eq!(texts(&next, "prefixListId"), [own.as_str()]);

    let body = ok(&api, "Action=DescribePrefixLists");
    assert_eq!(texts(&body, "prefixListName"), names);
    assert_eq!(texts(&text(&body, "cidrSet"), "item"), ["3.5.0.0/19", "52.216.0.0/15", "54.231.0.0/16"]);
    let entries = ok(&api, &format!("Action=GetManagedPrefixListEntries&PrefixListId={s3}"));
    assert_eq!(texts(&entries, "cidr").len(), 3);
    let modify = format!("Action=ModifyManagedPrefixList&PrefixListId={s3}&AddEntry.1.Cidr=10.0.0.0/8");
    assert_eq!(refused(&api, &modify).0, "OperationNotPermitted");
}

// covers: SG-214
#[test]
fn sg_214_groups_that_name_a_list_are_its_associations() {
    let api = api();
    let list = made(&api, CREATE, "prefixListId");
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
    let group = text(
        &ok(&api, &format!("Action=DescribeSecurityGroups&Filter.1.Name=vpc-id&Filter.1.Value.1={vpc}")),
        "groupId",
    );
    let associations = || {
        let body = ok(&api, &format!("Action=GetManagedPrefixListAssociations&PrefixListId={list}"));
        (texts(&body, "resourceId"), texts(&body, "resourceOwner"))
    };
    assert!(associations().0.is_empty());
    let rule =
        format!("GroupId={group}&IpPermissions.1.IpProtocol=-1&IpPermissions.1.PrefixListIds.1.PrefixListId={list}");
    ok(&api, &format!("Action=AuthorizeSecurityGroupEgress&{rule}"));
    assert_eq!(associations(), (vec![group.clone()], vec!["123456789012".to_string()]));
    let delete = format!("Action=DeleteManagedPrefixList&PrefixListId={list}");
    assert_eq!(refused(&api, &delete).0, "DependencyViolation");
    ok(&api, &format!("Action=RevokeSecurityGroupEgress&{rule}"));
    ok(&api, &delete);
}
