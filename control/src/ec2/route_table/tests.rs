use crate::ec2::Api;
use crate::ec2::testing::{api, change, instance, internet_gateway, made, ok, refused, subnet, text, texts};

struct World {
    api: Api,
    vpc: String,
    /// 10.0.0.0/24.
    subnet: String,
    igw: String,
    main: String,
    custom: String,
}

fn world() -> World {
    let api = api();
    let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16&AmazonProvidedIpv6CidrBlock=true", "vpcId");
    let subnet = subnet(&api, &vpc, "10.0.0.0/24");
    let igw = internet_gateway(&api, &vpc);
    let main = made(&api, "Action=DescribeRouteTables", "routeTableId");
    let custom = made(&api, &format!("Action=CreateRouteTable&VpcId={vpc}"), "routeTableId");
    World { api, vpc, subnet, igw, main, custom }
}

impl World {
    fn route(&self, operation: &str, table: &str, rest: &str) -> String {
        format!("Action={operation}&RouteTableId={table}&{rest}")
    }
    /// The code that refuses this CreateRoute in the custom table.
    fn refused(&self, rest: &str) -> String {
        refused(&self.api, &self.route("CreateRoute", &self.custom, rest)).0
    }
    fn describe(&self, table: &str) -> String {
        ok(&self.api, &format!("Action=DescribeRouteTables&RouteTableId.1={table}"))
    }
    /// The route of a table to this destination.
    fn listed(&self, table: &str, destination: &str) -> String {
        let of = |item: &String| item.contains(&format!(">{destination}<"));
        items(&text(&self.describe(table), "routeSet")).into_iter().find(of).unwrap_or_default()
    }
    fn interface(&self) -> String {
        let subnet = self.subnet.clone();
        change(&self.api, move |m| {
            m.create_network_interface(crate::model::CreateNetworkInterface { subnet, ..Default::default() })
        })
    }
}

/// The elements of a list without lists inside.
fn items(list: &str) -> Vec<String> {
    texts(list, "item")
}

// covers: RT-03
#[test]
fn rt_03_one_destination_and_one_target() {
    let w = world();
    let to_igw = format!("GatewayId={}", w.igw);
    let two = format!("DestinationCidrBlock=0.0.0.0/0&{to_igw}&NatGatewayId=nat-1");
    assert_eq!(w.refused("DestinationCidrBlock=0.0.0.0/0"), "MissingParameter");
    assert_eq!(w.refused(&two), "InvalidParameterCombination");
    assert_eq!(w.refused(&to_igw), "MissingParameter");
    let both = format!("DestinationCidrBlock=0.0.0.0/0&DestinationIpv6CidrBlock=::/0&{to_igw}");
    assert_eq!(w.refused(&both), "InvalidParameterCombination");
    assert_eq!(w.refused(&format!("DestinationCidrBlock=::/0&{to_igw}")), "InvalidParameterValue");
    assert_eq!(w.refused(&format!("DestinationCidrBlock=0.0.0.0/0&LocalTarget=true&{to_igw}")), "UnknownParameter");
    let local = format!("DestinationCidrBlock=10.0.0.0/16&LocalTarget=true&{to_igw}");
    let replace = w.route("ReplaceRoute", &w.custom, &local);
    assert_eq!(refused(&w.api, &replace).0, "InvalidParameterCombination");
    assert_eq!(items(&text(&w.describe(&w.custom), "routeSet")).len(), 2);
}

#[test]
fn targets_that_nobody_has_are_unknown() {
    let w = world();
    for (target, code) in [
        ("GatewayId=vgw-1", "InvalidGatewayID.NotFound"),
        ("VpcPeeringConnectionId=pcx-1", "InvalidVpcPeeringConnectionID.NotFound"),
        ("TransitGatewayId=tgw-1", "InvalidTransitGatewayID.NotFound"),
        ("VpcEndpointId=vpce-1", "InvalidVpcEndpointId.NotFound"),
        ("InstanceId=i-1", "InvalidInstanceID.NotFound"),
        ("NetworkInterfaceId=eni-1", "InvalidNetworkInterfaceID.NotFound"),
    ] {
        assert_eq!(w.refused(&format!("DestinationCidrBlock=192.0.2.0/24&{target}")), code);
    }
    for operation in ["EnableVgwRoutePropagation", "DisableVgwRoutePropagation"] {
        let call = w.route(operation, &w.custom, "GatewayId=vgw-1");
        let message = "The gateway ID &apos;vgw-1&apos; does not exist".into();
        assert_eq!(refused(&w.api, &call), ("InvalidGatewayID.NotFound".into(), message));
        let call = w.route(operation, "rtb-1", "GatewayId=vgw-1");
        assert_eq!(refused(&w.api, &call).0, "InvalidRouteTableID.NotFound");
    }
}

// covers: RT-05 RT-20 RT-21 RT-27
#[test]
fn rt_27_tables_start_with_local_routes_only() {
    let w = world();
    for table in [&w.main, &w.custom] {
        let routes = items(&text(&w.describe(table), "routeSet"));
        let v6 = text(&routes[1], "destinationIpv6CidrBlock");
        let local = |member: &str, cidr: &str| {
            format!(
                "<{member}>{cidr}</{member}><gatewayId>local</gatewayId><state>active</state><origin>CreateRouteTable</origin>"
            )
        };
        assert_eq!(routes, [local("destinationCidrBlock", "10.0.0.0/16"), local("destinationIpv6CidrBlock", &v6)]);
    }
    let main = |operation: &str, rest: &str| w.route(operation, &w.main, rest);
    ok(&w.api, &main("CreateRoute", &format!("DestinationCidrBlock=0.0.0.0/0&GatewayId={}", w.igw)));
    let route = w.listed(&w.main, "0.0.0.0/0");
    assert_eq!((text(&route, "gatewayId"), text(&route, "origin")), (w.igw.clone(), "CreateRoute".into()));
    let eni = w.interface();
    ok(&w.api, &main("ReplaceRoute", &format!("DestinationCidrBlock=0.0.0.0/0&NetworkInterfaceId={eni}")));
    let route = w.listed(&w.main, "0.0.0.0/0");
    // Attached to nothing, so nothing can be delivered to it.
    assert_eq!((text(&route, "networkInterfaceId"), text(&route, "state")), (eni, "blackhole".into()));
    ok(&w.api, &main("DeleteRoute", "DestinationCidrBlock=0.0.0.0/0"));
    assert_eq!(w.listed(&w.main, "0.0.0.0/0"), "");
    let absent = main("ReplaceRoute", &format!("DestinationCidrBlock=0.0.0.0/0&GatewayId={}", w.igw));
    let message =
        "There is no route defined for &apos;0.0.0.0/0&apos; in the route table. Use CreateRoute instead.".into();
    assert_eq!(refused(&w.api, &absent), ("InvalidParameterValue".into(), message));
}

// covers: RT-32 S-03-8
#[test]
fn rt_32_associations_that_are_listed() {
    let w = world();
    let another = subnet(&w.api, &w.vpc, "10.0.1.0/24");
    let gateway_table = made(&w.api, &format!("Action=CreateRouteTable&VpcId={}", w.vpc), "routeTableId");
    let associate = |table: &str, with: &str| {
        let body = ok(&w.api, &format!("Action=AssociateRouteTable&RouteTableId={table}&{with}"));
        assert_eq!(text(&text(&body, "associationState"), "state"), "associated");
        text(&body, "associationId")
    };
    let subnets = associate(&w.custom, &format!("SubnetId={}", w.subnet));
    let edge = associate(&gateway_table, &format!("GatewayId={}", w.igw));
    let associations = |table: &str| text(&w.describe(table), "associationSet");
    let state = "<associationState><state>associated</state></associationState>";
    assert_eq!(
        associations(&w.custom),
        format!(
            "<item><routeTableAssociationId>{subnets}</routeTableAssociationId><routeTableId>{}</routeTableId><main>false</main><subnetId>{}</subnetId>{state}</item>",
            w.custom, w.subnet
        )
    );
    assert_eq!(text(&associations(&gateway_table), "gatewayId"), w.igw);
    let main = associations(&w.main);
    assert_eq!((texts(&main, "main"), texts(&main, "subnetId")), (vec!["true".to_string()], vec![]));
    assert!(!ok(&w.api, "Action=DescribeRouteTables").contains(&another), "implicit subnets are not listed");
    let marker = text(&main, "routeTableAssociationId");
    let found = |filter: &str, value: &str| {
        texts(
            &ok(&w.api, &format!("Action=DescribeRouteTables&Filter.1.Name={filter}&Filter.1.Value.1={value}")),
            "routeSet",
        )
        .len()
    };
    for (filter, value, tables) in [
        ("association.main", "true", 1),
        ("association.main", "false", 2),
        ("association.subnet-id", &w.subnet, 1),
        ("association.subnet-id", &another, 0),
        ("association.gateway-id", &w.igw, 1),
        ("association.route-table-association-id", &marker, 1),
        ("association.route-table-id", &w.custom, 1),
    ] {
        assert_eq!(found(filter, value), tables, "{filter} {value}");
    }
    // A new main table; the association changes its id.
    ok(&w.api, &format!("Action=DisassociateRouteTable&AssociationId={subnets}"));
    let replace = format!("Action=ReplaceRouteTableAssociation&AssociationId={marker}&RouteTableId={}", w.custom);
    let body = ok(&w.api, &replace);
    assert_eq!(text(&text(&body, "associationState"), "state"), "associated");
    assert_eq!(found("association.route-table-association-id", &text(&body, "newAssociationId")), 1);
    assert_eq!(texts(&associations(&w.custom), "main"), ["true"]);
    assert_eq!(associations(&w.main), "");
    ok(&w.api, &format!("Action=DisassociateRouteTable&AssociationId={edge}"));
    assert_eq!(associations(&gateway_table), "");
    let call = format!("Action=AssociateRouteTable&RouteTableId={}", w.custom);
    assert_eq!(refused(&w.api, &call).0, "MissingParameter");
    let call = format!("{call}&SubnetId={}&GatewayId={}", w.subnet, w.igw);
    assert_eq!(refused(&w.api, &call).0, "InvalidParameterCombination");
}

// covers: S-03-7
#[test]
fn s_03_7_ids_of_targets() {
    let w = world();
    let allocation = made(&w.api, "Action=AllocateAddress", "allocationId");
    let call = format!("Action=CreateNatGateway&SubnetId={}&AllocationId={allocation}", w.subnet);
    let nat = made(&w.api, &call, "natGatewayId");
    let create = |rest: &str| ok(&w.api, &w.route("CreateRoute", &w.custom, rest));
    create(&format!("DestinationCidrBlock=0.0.0.0/0&GatewayId={nat}"));
    let route = w.listed(&w.custom, "0.0.0.0/0");
    assert_eq!((text(&route, "natGatewayId"), text(&route, "gatewayId")), (nat, String::new()));
    let eni = w.interface();
    let misnamed = format!("DestinationCidrBlock=192.0.2.0/24&GatewayId={eni}");
    assert_eq!(w.refused(&misnamed), "InvalidGatewayID.NotFound");
    let i = instance(&w.api, &w.subnet);
    create(&format!("DestinationCidrBlock=192.0.2.0/24&InstanceId={i}"));
    let route = w.listed(&w.custom, "192.0.2.0/24");
    assert_eq!((text(&route, "instanceId"), text(&route, "instanceOwnerId")), (i, "123456789012".into()));
    assert!(text(&route, "networkInterfaceId").starts_with("eni-"));
    assert_eq!(text(&route, "state"), "active");
}

#[test]
fn every_filter_finds_by_what_it_names() {
    let w = world();
    let eigw =
        made(&w.api, &format!("Action=CreateEgressOnlyInternetGateway&VpcId={}", w.vpc), "egressOnlyInternetGatewayId");
    let allocation = made(&w.api, "Action=AllocateAddress", "allocationId");
    let call = format!("Action=CreateNatGateway&SubnetId={}&AllocationId={allocation}", w.subnet);
    let nat = made(&w.api, &call, "natGatewayId");
    let i = instance(&w.api, &w.subnet);
    for rest in [
        format!("DestinationCidrBlock=203.0.113.0/24&GatewayId={}", w.igw),
        format!("DestinationIpv6CidrBlock=::/0&EgressOnlyInternetGatewayId={eigw}"),
        format!("DestinationCidrBlock=0.0.0.0/0&NatGatewayId={nat}"),
        format!("DestinationCidrBlock=192.0.2.0/24&InstanceId={i}"),
    ] {
        ok(&w.api, &w.route("CreateRoute", &w.custom, &rest));
    }
    ok(&w.api, &format!("Action=DeleteNatGateway&NatGatewayId={nat}"));
    let found = |filter: &str, value: &str| {
        let call = format!("Action=DescribeRouteTables&Filter.1.Name={filter}&Filter.1.Value.1={value}");
        let body = ok(&w.api, &call);
        [&w.main, &w.custom].map(|t| body.contains(&format!("<routeTableId>{t}</routeTableId>")))
    };
    let (both, custom, none) = ([true, true], [false, true], [false, false]);
    for (filter, value, expected) in [
        ("owner-id", "123456789012", both),
        ("owner-id", "210987654321", none),
        ("route-table-id", &w.custom, custom),
        ("vpc-id", &w.vpc, both),
        ("route.destination-cidr-block", "10.0.0.0/16", both),
        ("route.destination-cidr-block", "203.0.113.0/24", custom),
        ("route.destination-cidr-block", "::/0", none),
        ("route.destination-ipv6-cidr-block", "::/0", custom),
        ("route.destination-prefix-list-id", "pl-1", none),
        ("route.egress-only-internet-gateway-id", &eigw, custom),
        ("route.gateway-id", "local", both),
        ("route.gateway-id", &w.igw, custom),
        ("route.instance-id", &i, custom),
        ("route.nat-gateway-id", &nat, custom),
        ("route.transit-gateway-id", "tgw-*", none),
        ("route.vpc-peering-connection-id", "pcx-*", none),
        ("route.origin", "CreateRouteTable", both),
        ("route.origin", "CreateRoute", custom),
        ("route.state", "active", both),
        ("route.state", "blackhole", custom),
    ] {
        assert_eq!(found(filter, value), expected, "{filter} {value}");
    }
    assert_eq!(
        refused(&w.api, "Action=DescribeRouteTables&Filter.1.Name=route.colour&Filter.1.Value.1=red").0,
        "InvalidParameterValue"
    );
}

// covers: A-03-9 RT-94 RT-97
#[test]
fn a_03_9_more_specific_than_local() {
    let w = world();
    let other = subnet(&w.api, &w.vpc, "10.0.1.0/24");
    let eni = w.interface();
    let allocation = made(&w.api, "Action=AllocateAddress", "allocationId");
    let call = format!("Action=CreateNatGateway&SubnetId={}&AllocationId={allocation}", w.subnet);
    let nat = made(&w.api, &call, "natGatewayId");
    let associated = |table: &str, with: &str| format!("Action=AssociateRouteTable&RouteTableId={table}&{with}");
    ok(&w.api, &associated(&w.custom, &format!("SubnetId={}", w.subnet)));
    let targets = [format!("GatewayId={}", w.igw), format!("NatGatewayId={nat}"), format!("NetworkInterfaceId={eni}")];
    for table in [&w.main, &w.custom] {
        for (destination, target) in [
            ("10.0.1.0/24", &targets[0]),
            ("10.0.1.0/24", &targets[1]),
            ("10.0.1.0/24", &targets[2]),
            ("10.0.0.0/16", &targets[2]),
        ] {
            let call = w.route("CreateRoute", table, &format!("DestinationCidrBlock={destination}&{target}"));
            assert_eq!(refused(&w.api, &call).0, "InvalidParameterValue", "{destination} {target}");
        }
        // Wider than local: taken.
        ok(&w.api, &w.route("CreateRoute", table, &format!("DestinationCidrBlock=0.0.0.0/0&{}", targets[2])));
    }
    let fresh = made(&w.api, &format!("Action=CreateRouteTable&VpcId={}", w.vpc), "routeTableId");
    ok(&w.api, &w.route("CreateRoute", &fresh, &format!("DestinationCidrBlock=10.0.1.0/24&{}", targets[2])));
    assert_eq!(refused(&w.api, &associated(&fresh, &format!("SubnetId={other}"))).0, "InvalidParameterValue");
    ok(&w.api, &associated(&fresh, &format!("GatewayId={}", w.igw)));
}

#[test]
fn a_table_that_is_gone_takes_its_tags_along() {
    let w = world();
    let call = format!(
        "Action=CreateRouteTable&VpcId={}&TagSpecification.1.ResourceType=route-table&TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v",
        w.vpc
    );
    let id = made(&w.api, &call, "routeTableId");
    let tagged = "Action=DescribeRouteTables&Filter.1.Name=tag:k&Filter.1.Value.1=v";
    assert_eq!(made(&w.api, tagged, "routeTableId"), id);
    ok(&w.api, &format!("Action=DeleteRouteTable&RouteTableId={id}"));
    assert_eq!(made(&w.api, tagged, "routeTableId"), "");
    assert!(w.api.region().read().model.all_tags().is_empty());
    let message = format!("The routeTable ID &apos;{id}&apos; does not exist");
    let call = format!("Action=DescribeRouteTables&RouteTableId.1={id}");
    assert_eq!(refused(&w.api, &call), ("InvalidRouteTableID.NotFound".into(), message));
}

// covers: RT-47
#[test]
fn rt_47_routes_to_prefix_lists_are_made_shown_replaced_and_deleted() {
    let w = world();
    let list = made(
        &w.api,
        "Action=CreateManagedPrefixList&PrefixListName=l&AddressFamily=IPv4&MaxEntries=2&Entry.1.Cidr=198.51.100.0/24",
        "prefixListId",
    );
    let to = format!("DestinationPrefixListId={list}");
    ok(&w.api, &w.route("CreateRoute", &w.custom, &format!("{to}&GatewayId={}", w.igw)));
    let shown = w.listed(&w.custom, &list);
    assert_eq!(text(&shown, "destinationPrefixListId"), list);
    assert_eq!((text(&shown, "gatewayId"), text(&shown, "state")), (w.igw.clone(), "active".into()));
    let filter =
        format!("Action=DescribeRouteTables&Filter.1.Name=route.destination-prefix-list-id&Filter.1.Value.1={list}");
    assert_eq!(texts(&ok(&w.api, &filter), "routeTableId")[0], w.custom);
    let eni = w.interface();
    ok(&w.api, &w.route("ReplaceRoute", &w.custom, &format!("{to}&NetworkInterfaceId={eni}")));
    assert_eq!(text(&w.listed(&w.custom, &list), "networkInterfaceId"), eni);
    assert_eq!(w.refused(&format!("DestinationPrefixListId=pl-0&GatewayId={}", w.igw)), "InvalidPrefixListID.NotFound");
    assert_eq!(w.refused(&format!("DestinationPrefixListId=x&GatewayId={}", w.igw)), "InvalidPrefixListID.Malformed");
    ok(&w.api, &w.route("DeleteRoute", &w.custom, &to));
    assert_eq!(w.listed(&w.custom, &list), "");
}
