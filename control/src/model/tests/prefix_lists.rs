use super::*;

fn entry(cidr: &str) -> PrefixListEntry {
    PrefixListEntry { cidr: net(cidr), description: String::new() }
}
fn request(max_entries: i64, entries: &[&str]) -> CreatePrefixList {
    CreatePrefixList {
        name: "offices".into(),
        family: AddressFamily::V4,
        max_entries,
        entries: entries.iter().map(|c| entry(c)).collect(),
    }
}
fn blocks(m: &Model, list: &str, version: Option<u64>) -> Vec<String> {
    m.prefix_list_entries(list, version).unwrap().iter().map(|e| e.cidr.to_string()).collect()
}

#[test]
fn lists_are_made_within_their_limits() {
    let mut m = Model::default();
    for (change, code) in [
        (CreatePrefixList { name: "com.amazonaws.mine".into(), ..request(1, &[]) }, "InvalidParameterValue"),
        (CreatePrefixList { name: String::new(), ..request(1, &[]) }, "InvalidParameterValue"),
        (CreatePrefixList { name: "x".repeat(256), ..request(1, &[]) }, "InvalidParameterValue"),
        (request(0, &[]), "InvalidParameterValue"),
        (request(-1, &[]), "InvalidParameterValue"),
        (request(1001, &[]), "InvalidParameterValue"),
        (request(2, &["2001:db8::/32"]), "InvalidParameterValue"),
        (CreatePrefixList { family: AddressFamily::V6, ..request(2, &["10.0.0.0/8"]) }, "InvalidParameterValue"),
        (request(2, &["10.0.0.0/8", "10.9.0.0/8"]), "InvalidPrefixListModification"),
        (request(1, &["10.0.0.0/8", "11.0.0.0/8"]), "PrefixListMaxEntriesExceeded"),
        (
            CreatePrefixList {
                entries: (0..101).map(|i| entry(&format!("10.{i}.0.0/16"))).collect(),
                ..request(200, &[])
            },
            "InvalidParameterValue",
        ),
    ] {
        assert_eq!(refused(&mut m, |m| m.create_prefix_list(change.clone())), code, "{change:?}");
    }
    let id = m.create_prefix_list(request(2, &["10.1.2.3/8"])).unwrap();
    assert_eq!(blocks(&m, &id, None), ["10.0.0.0/8"]);
    m.limits_mut().prefix_lists = 1;
    assert_eq!(refused(&mut m, |m| m.create_prefix_list(request(1, &[]))), "PrefixListLimitExceeded");
}

#[test]
fn versions_follow_one_another_and_come_back() {
    let mut m = Model::default();
    let id = m.create_prefix_list(request(2, &["10.0.0.0/8"])).unwrap();
    let change = |add: &[&str], remove: &[&str]| ModifyPrefixList {
        current_version: Some(1),
        add: add.iter().map(|c| entry(c)).collect(),
        remove: remove.iter().map(|c| net(c)).collect(),
        ..Default::default()
    };
    for (change, code) in [
        (ModifyPrefixList { current_version: Some(2), ..change(&["11.0.0.0/8"], &[]) }, "PrefixListVersionMismatch"),
        (change(&["11.0.0.0/8", "12.0.0.0/8"], &[]), "PrefixListMaxEntriesExceeded"),
        (change(&["10.0.0.0/8"], &[]), "InvalidPrefixListModification"),
        (change(&[], &["11.0.0.0/8"]), "InvalidPrefixListModification"),
        (ModifyPrefixList { max_entries: Some(9), ..change(&["11.0.0.0/8"], &[]) }, "InvalidParameterCombination"),
        (ModifyPrefixList { name: Some("com.amazonaws".into()), ..change(&[], &[]) }, "InvalidParameterValue"),
        (ModifyPrefixList { max_entries: Some(0), ..change(&[], &[]) }, "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&mut m, |m| m.modify_prefix_list(&id, change.clone())), code, "{change:?}");
    }
    assert_eq!(refused(&mut m, |m| m.modify_prefix_list("pl-0", change(&[], &[]))), "InvalidPrefixListID.NotFound");
    // A name and a size make no version.
    let other = ModifyPrefixList { name: Some("x".into()), max_entries: Some(3), ..change(&[], &[]) };
    m.modify_prefix_list(&id, other).unwrap();
    let list = m.prefix_list(&id).unwrap();
    assert_eq!((list.name.as_str(), list.max_entries, list.version), ("x", Some(3), 1));
    m.modify_prefix_list(&id, change(&["11.0.0.0/8", "12.0.0.0/8"], &["10.0.0.0/8"])).unwrap();
    assert_eq!(blocks(&m, &id, None), ["11.0.0.0/8", "12.0.0.0/8"]);
    assert_eq!(blocks(&m, &id, Some(1)), ["10.0.0.0/8"]);
    assert_eq!(m.prefix_list_entries(&id, Some(3)).unwrap_err().code, "InvalidParameterValue");
    assert_eq!(refused(&mut m, |m| m.restore_prefix_list(&id, 1, 1)), "PrefixListVersionMismatch");
    assert_eq!(refused(&mut m, |m| m.restore_prefix_list(&id, 2, 2)), "InvalidParameterValue");
    m.restore_prefix_list(&id, 1, 2).unwrap();
    assert_eq!((blocks(&m, &id, None), m.prefix_list(&id).unwrap().version), (vec!["10.0.0.0/8".into()], 3));
    assert_eq!(blocks(&m, &id, Some(2)), ["11.0.0.0/8", "12.0.0.0/8"]);
    let smaller = ModifyPrefixList { max_entries: Some(1), ..Default::default() };
    m.modify_prefix_list(&id, smaller).unwrap();
    assert_eq!(refused(&mut m, |m| m.restore_prefix_list(&id, 2, 3)), "PrefixListMaxEntriesExceeded");
    m.delete_prefix_list(&id).unwrap();
    assert!(m.prefix_list(&id).is_err() && m.prefix_list_versions().is_empty());
}

#[test]
fn the_thousandth_version_drives_out_the_first() {
    let mut m = Model::default();
    let id = m.create_prefix_list(request(1, &[])).unwrap();
    for i in 0..1000 {
        let (add, remove) =
            if i % 2 == 0 { (vec![entry("10.0.0.0/8")], vec![]) } else { (vec![], vec![net("10.0.0.0/8")]) };
        m.modify_prefix_list(&id, ModifyPrefixList { add, remove, ..Default::default() }).unwrap();
    }
    assert_eq!((m.prefix_list(&id).unwrap().version, m.prefix_list_versions().len()), (1001, 999));
    assert!(m.prefix_list_entries(&id, Some(1)).is_err());
    assert_eq!(blocks(&m, &id, Some(2)), ["10.0.0.0/8"]);
}

#[test]
fn lists_of_aws_belong_to_the_region_and_stay_as_they_are() {
    let mut m = Model::default();
    let ids: Vec<Id> = m.aws_prefix_lists().iter().map(|l| l.id.clone()).collect();
    assert_eq!(m.aws_prefix_lists()[0].name, "com.amazonaws.us-east-1.s3");
    for id in &ids {
        assert_eq!(refused(&mut m, |m| m.delete_prefix_list(id)), "OperationNotPermitted");
        assert_eq!(refused(&mut m, |m| m.modify_prefix_list(id, ModifyPrefixList::default())), "OperationNotPermitted");
    }
    m.set_region("eu-west-1");
    assert_eq!(m.aws_prefix_lists()[1].name, "com.amazonaws.eu-west-1.dynamodb");
    assert!(m.aws_prefix_lists().iter().all(|l| !ids.contains(&l.id)));
    let records = m.records();
    let stored = records.iter().filter_map(|r| Some((r.kind, r.value.as_deref()?)));
    assert_eq!(Model::restore(stored).unwrap().aws_prefix_lists(), m.aws_prefix_lists());
}

// covers: SG-39 SG-214
#[test]
fn sg_214_a_list_counts_with_what_it_may_hold() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let g = group(&mut m, &v, "g");
    let rule = |port: i32, peer: RulePeer| IpPermission::ports(6, port, port, peer);
    let list = m.create_prefix_list(request(50, &["192.0.2.0/24"])).unwrap();
    let by_list = |port| rule(port, RulePeer::PrefixList(list.clone()));
    m.authorize_security_group(&g, Direction::Ingress, &[by_list(1)]).unwrap();
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &[by_list(2)])),
        "RulesPerSecurityGroupLimitExceeded"
    );
    // Of IPv4 it is: nothing is counted for IPv6.
    let v6: Vec<_> = (0..60).map(|i| rule(i, RulePeer::Cidr(net("::/0")))).collect();
    m.authorize_security_group(&g, Direction::Ingress, &v6).unwrap();
    // A list of AWS's counts once, in both families.
    let s3 = RulePeer::PrefixList(m.aws_prefix_lists()[0].id.clone());
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Ingress, &[rule(1, s3.clone())])),
        "RulesPerSecurityGroupLimitExceeded"
    );
    let v4: Vec<_> = (0..9).map(|i| rule(i, RulePeer::Cidr(net("0.0.0.0/0")))).collect();
    m.authorize_security_group(&g, Direction::Ingress, &v4).unwrap();
    // What is named cannot outgrow those who name it.
    let bigger = |max| ModifyPrefixList { max_entries: Some(max), ..Default::default() };
    assert_eq!(refused(&mut m, |m| m.modify_prefix_list(&list, bigger(52))), "RulesPerSecurityGroupLimitExceeded");
    m.modify_prefix_list(&list, bigger(51)).unwrap();
    assert_eq!(m.groups_naming(&list).map(|g| &g.id).collect::<Vec<_>>(), [&g]);
    assert_eq!(refused(&mut m, |m| m.delete_prefix_list(&list)), "DependencyViolation");
    let ids = [m.rule_like(&g, Direction::Ingress, &by_list(1)).unwrap().id.clone()];
    m.revoke_security_group_rules(&g, Direction::Ingress, &ids).unwrap();
    m.authorize_security_group(&g, Direction::Ingress, &[rule(1, s3)]).unwrap_err();
    m.delete_prefix_list(&list).unwrap();
    assert_eq!(
        refused(&mut m, |m| m.authorize_security_group(&g, Direction::Egress, &[by_list(1)])),
        "InvalidPrefixListID.NotFound"
    );
}

/// A table with 0.0.0.0/0 to the internet gateway, a custom list, and an interface to lead to.
fn with_table(entries: &[&str]) -> (Model, Id, Id, RouteTarget, RouteTarget) {
    let mut m = Model::default();
    let vpc = m.create_vpc(CreateVpc::new("10.0.0.0/16".parse().unwrap())).unwrap();
    let cidr4 = "10.0.0.0/24".parse().unwrap();
    let subnet = m.create_subnet(CreateSubnet { vpc: vpc.clone(), cidr4, cidr6: None, az: None }).unwrap();
    let gateway = m.create_internet_gateway().unwrap();
    m.attach_internet_gateway(&gateway, &vpc).unwrap();
    let eni = m.create_network_interface(CreateNetworkInterface { subnet, ..Default::default() }).unwrap();
    let table = m.create_route_table(&vpc).unwrap();
    let (igw, eni) = (RouteTarget::InternetGateway(gateway), RouteTarget::NetworkInterface(eni));
    m.create_route(&table, net("0.0.0.0/0"), igw.clone()).unwrap();
    let list = m.create_prefix_list(request(10, entries)).unwrap();
    (m, table, list, igw, eni)
}

/// Where packets to an address go: the longest prefix in force.
fn way(m: &Model, table: &str, to: &str) -> RouteTarget {
    let routes = m.routes_in_force(m.route_tables().get(table).unwrap());
    let to: std::net::IpAddr = to.parse().unwrap();
    let best = routes.into_iter().filter(|r| r.destination.contains(&to)).max_by_key(|r| r.destination.prefix_len());
    best.unwrap().target
}

// covers: RT-47
#[test]
fn a_route_to_a_list_is_one_for_each_of_its_entries() {
    let (mut m, table, list, igw, eni) = with_table(&["54.123.160.0/19", "10.0.0.0/25"]);
    m.create_list_route(&table, &list, eni.clone()).unwrap();
    for (to, want) in [("54.123.170.1", &eni), ("54.123.192.1", &igw), ("10.0.0.7", &RouteTarget::Local)] {
        assert_eq!(way(&m, &table, to), *want, "{to}");
    }
    // Longer and equal routes of the user's own win.
    m.create_route(&table, net("54.123.165.0/24"), igw.clone()).unwrap();
    assert_eq!((way(&m, &table, "54.123.165.9"), way(&m, &table, "54.123.166.9")), (igw.clone(), eni.clone()));
    m.create_route(&table, net("54.123.160.0/19"), igw.clone()).unwrap();
    assert_eq!(way(&m, &table, "54.123.166.9"), igw);
    m.delete_route(&table, net("54.123.160.0/19")).unwrap();
    assert_eq!(way(&m, &table, "54.123.166.9"), eni);
    // The list changes, and the table with it.
    let change =
        ModifyPrefixList { current_version: Some(1), add: vec![entry("203.0.113.0/24")], ..Default::default() };
    m.modify_prefix_list(&list, change).unwrap();
    assert_eq!(way(&m, &table, "203.0.113.9"), eni);
    assert!(m.route_tables().touched().contains(&table));
    assert_eq!(refused(&mut m, |m| m.delete_prefix_list(&list).map(drop)), "DependencyViolation");
    m.delete_list_route(&table, &list).unwrap();
    assert_eq!(way(&m, &table, "203.0.113.9"), igw);
    m.delete_prefix_list(&list).unwrap();
}

// covers: S-03-6
#[test]
fn routes_to_lists_count_with_their_greatest_size() {
    let (mut m, table, list, _, eni) = with_table(&["198.51.100.0/24"]);
    m.limits_mut().routes_per_table = 11;
    // Local, default and ten.
    assert_eq!(refused(&mut m, |m| m.create_list_route(&table, &list, eni.clone())), "RouteLimitExceeded");
    m.limits_mut().routes_per_table = 12;
    m.create_list_route(&table, &list, eni.clone()).unwrap();
    m.create_list_route(&table, &list, eni.clone()).unwrap();
    assert_eq!(refused(&mut m, |m| m.create_route(&table, net("192.0.2.0/24"), eni.clone())), "RouteLimitExceeded");
    let larger = ModifyPrefixList { max_entries: Some(11), ..Default::default() };
    assert_eq!(refused(&mut m, |m| m.modify_prefix_list(&list, larger.clone())), "RouteLimitExceeded");
    let other = m.create_prefix_list(request(1, &[])).unwrap();
    let gateway = RouteTarget::InternetGateway(m.internet_gateways().iter().next().unwrap().id.clone());
    for (code, change) in [
        ("RouteAlreadyExists", (&list, gateway)),
        ("InvalidPrefixListID.NotFound", (&"pl-0".to_string(), eni.clone())),
        ("InvalidParameterValue", (&list, RouteTarget::Local)),
    ] {
        assert_eq!(refused(&mut m, |m| m.create_list_route(&table, change.0, change.1.clone())), code);
    }
    assert_eq!(refused(&mut m, |m| m.replace_list_route(&table, &other, eni.clone())), "InvalidParameterValue");
    assert_eq!(refused(&mut m, |m| m.delete_list_route(&table, &other)), "InvalidRoute.NotFound");
}

// covers: S-03-5
#[test]
fn of_two_lists_with_one_entry_the_lowest_id_has_it() {
    let (mut m, table, list, igw, eni) = with_table(&["198.51.100.0/24"]);
    let other = m.create_prefix_list(request(1, &["198.51.100.0/24"])).unwrap();
    let (low, high) = if list < other { (&list, &other) } else { (&other, &list) };
    m.create_list_route(&table, high, igw).unwrap();
    m.create_list_route(&table, low, eni.clone()).unwrap();
    assert_eq!(way(&m, &table, "198.51.100.1"), eni);
}
