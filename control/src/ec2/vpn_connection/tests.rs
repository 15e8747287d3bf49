use crate::ec2::Api;
use crate::ec2::testing::{api, internet_gateway, made, ok, refused, text, texts};

fn vpc(api: &Api) -> String {
    made(api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId")
}

fn gateway(api: &Api, more: &str) -> String {
    made(api, &format!("Action=CreateVpnGateway&Type=ipsec.1{more}"), "vpnGatewayId")
}

/// An attached gateway.
fn attached(api: &Api, vpc: &str) -> String {
    let g = gateway(api, "");
    ok(api, &format!("Action=AttachVpnGateway&VpnGatewayId={g}&VpcId={vpc}"));
    g
}

fn customer(api: &Api, address: &str) -> String {
    made(api, &format!("Action=CreateCustomerGateway&Type=ipsec.1&IpAddress={address}"), "customerGatewayId")
}

const STATIC: &str = "&Options.StaticRoutesOnly=true";

fn create(theirs: &str, ours: &str, options: &str) -> String {
    format!("Action=CreateVpnConnection&Type=ipsec.1&CustomerGatewayId={theirs}&VpnGatewayId={ours}{options}")
}

fn connection(api: &Api, theirs: &str, ours: &str) -> String {
    made(api, &create(theirs, ours, STATIC), "vpnConnectionId")
}

fn route(what: &str, connection: &str, to: &str) -> String {
    format!("Action={what}VpnConnectionRoute&VpnConnectionId={connection}&DestinationCidrBlock={to}")
}

fn tag(kind: &str) -> String {
    let tag = "TagSpecification.1.Tag.1.Key=k&TagSpecification.1.Tag.1.Value=v";
    format!("&TagSpecification.1.ResourceType={kind}&{tag}")
}

// covers: VPN-02
#[test]
fn vpn_02_customer_gateways_are_made_described_and_deleted() {
    let api = api();
    let create = |rest: &str| format!("Action=CreateCustomerGateway&Type=ipsec.1{rest}");
    let body = ok(&api, &create(&format!("&IpAddress=203.0.113.1&DeviceName=left{}", tag("customer-gateway"))));
    for (name, value) in [
        ("state", "available"),
        ("type", "ipsec.1"),
        ("ipAddress", "203.0.113.1"),
        ("bgpAsn", "65000"),
        ("deviceName", "left"),
        ("value", "v"),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    let id = text(&body, "customerGatewayId");
    assert!(id.starts_with("cgw-"));
    let again = made(&api, &create("&IpAddress=203.0.113.1&DeviceName=left&BgpAsn=65000"), "customerGatewayId");
    assert_eq!(again, id, "the same once more");
    let right = made(&api, &create("&PublicIp=203.0.113.1&DeviceName=right"), "customerGatewayId");
    assert_ne!(right, id);
    let long = ok(&api, &create("&IpAddress=203.0.113.2&BgpAsnExtended=4200000001"));
    assert_eq!((text(&long, "bgpAsn"), text(&long, "bgpAsnExtended")), (String::new(), "4200000001".into()));
    for (rest, code) in [
        ("", "MissingParameter"),
        ("&IpAddress=203.0.113", "InvalidParameterValue"),
        ("&IpAddress=2001:db8::1", "InvalidParameterValue"),
        ("&IpAddress=0.0.0.0", "InvalidParameterValue"),
        ("&IpAddress=224.0.0.1", "InvalidParameterValue"),
        ("&IpAddress=203.0.113.9&BgpAsn=0", "InvalidParameterValue"),
        ("&IpAddress=203.0.113.9&BgpAsn=2147483648", "InvalidParameterValue"),
        ("&IpAddress=203.0.113.9&BgpAsnExtended=2147483647", "InvalidParameterValue"),
        ("&IpAddress=203.0.113.9&BgpAsn=1&BgpAsnExtended=2147483648", "InvalidParameterCombination"),
        ("&CertificateArn=arn:aws:acm::1:certificate/1", "UnsupportedOperation"),
        ("&IpAddress=203.0.113.9&DryRun=true", "DryRunOperation"),
    ] {
        assert_eq!(refused(&api, &create(rest)).0, code, "{rest}");
    }
    let other = "Action=CreateCustomerGateway&Type=ipsec.2&IpAddress=203.0.113.9";
    assert_eq!(refused(&api, other).0, "InvalidParameterValue");

    let delete = format!("Action=DeleteCustomerGateway&CustomerGatewayId={right}");
    ok(&api, &delete);
    assert_eq!(refused(&api, &delete).0, "InvalidCustomerGatewayID.NotFound");
    let describe = |rest: &str| ok(&api, &format!("Action=DescribeCustomerGateways&{rest}"));
    for (name, value, found) in [
        ("bgp-asn", "65000", 2),
        ("bgp-asn", "4200000001", 1),
        ("customer-gateway-id", &id, 1),
        ("ip-address", "203.0.113.1", 2),
        ("state", "available", 2),
        ("state", "deleted", 1),
        ("type", "ipsec.1", 3),
        ("tag:k", "v", 1),
    ] {
        let body = describe(&format!("Filter.1.Name={name}&Filter.1.Value.1={value}"));
        assert_eq!(texts(&body, "customerGatewayId").len(), found, "{name}");
    }
    assert_eq!(text(&describe(&format!("CustomerGatewayId.1={right}")), "state"), "deleted");
    let unknown = "Action=DescribeCustomerGateways&CustomerGatewayId.1=cgw-1";
    assert_eq!(refused(&api, unknown).0, "InvalidCustomerGatewayID.NotFound");
}

// covers: VPN-03 VPN-05 VPN-15
#[test]
fn vpn_03_connections_are_made_described_and_deleted() {
    let api = api();
    let (theirs, ours) = (customer(&api, "203.0.113.1"), gateway(&api, ""));
    let body = ok(&api, &create(&theirs, &ours, &format!("{STATIC}{}", tag("vpn-connection"))));
    for (name, value) in [
        ("state", "available"),
        ("type", "ipsec.1"),
        ("category", "VPN"),
        ("customerGatewayId", &theirs),
        ("vpnGatewayId", &ours),
        ("staticRoutesOnly", "true"),
        ("routes", ""),
        ("value", "v"),
    ] {
        assert_eq!(text(&body, name), value, "{name}");
    }
    assert_eq!(texts(&body, "status"), ["DOWN", "DOWN"]);
    let id = text(&body, "vpnConnectionId");
    let told = text(&body, "customerGatewayConfiguration");
    assert!(told.starts_with(&format!("&lt;vpn_connection id=&quot;{id}&quot;&gt;")), "{told}");
    assert_eq!(told.matches("&lt;ip_address&gt;203.0.113.1&lt;/ip_address&gt;").count(), 2, "{told}");

    // One device may be joined to several gateways, to each of them once.
    assert_eq!(connection(&api, &theirs, &ours), id);
    assert_eq!(refused(&api, &create(&theirs, &ours, "")).0, "InvalidOption.Conflict");
    let second = gateway(&api, "&AmazonSideAsn=65001");
    let dynamic = made(&api, &create(&theirs, &second, ""), "vpnConnectionId");
    let same = gateway(&api, "&AmazonSideAsn=65000");
    for (call, code) in [
        (create(&theirs, &same, STATIC), "AsnConflict"),
        (create("cgw-1", &ours, STATIC), "InvalidCustomerGatewayID.NotFound"),
        (create(&theirs, "vgw-1", STATIC), "InvalidVpnGatewayID.NotFound"),
        (create(&theirs, &ours, "&TransitGatewayId=tgw-1"), "InvalidTransitGatewayID.NotFound"),
        (create(&theirs, &same, "&Options.TunnelOptions.1.PreSharedKey=a"), "UnsupportedOperation"),
        (create(&theirs, &same, "&Options.EnableAcceleration=true"), "UnsupportedOperation"),
        (create(&theirs, &same, "&Options.TunnelInsideIpVersion=ipv6"), "InvalidParameterValue"),
        (create(&theirs, &same, "&Options.LocalIpv4NetworkCidr=10.0.0.0/8"), "InvalidParameterValue"),
        (create(&theirs, &second, "&Options.Colour=red"), "UnknownParameter"),
        ("Action=CreateVpnConnection&Type=ipsec.1&CustomerGatewayId=cgw-1".into(), "MissingParameter"),
        (format!("Action=DeleteCustomerGateway&CustomerGatewayId={theirs}"), "IncorrectState"),
        (format!("Action=DeleteVpnGateway&VpnGatewayId={ours}"), "IncorrectState"),
    ] {
        assert_eq!(refused(&api, &call).0, code, "{call}");
    }
    ok(&api, &route("Create", &id, "172.16.0.0/12"));
    let describe = |rest: &str| ok(&api, &format!("Action=DescribeVpnConnections&{rest}"));
    for (name, value, found) in [
        ("bgp-asn", "65000", 2),
        ("customer-gateway-configuration", "*203.0.113.1*", 2),
        ("customer-gateway-id", &theirs, 2),
        ("option.static-routes-only", "true", 1),
        ("option.static-routes-only", "false", 1),
        ("route.destination-cidr-block", "172.16.0.0/12", 1),
        ("state", "available", 2),
        ("transit-gateway-id", "tgw-1", 0),
        ("type", "ipsec.1", 2),
        ("vpn-connection-id", &dynamic, 1),
        ("vpn-gateway-id", &ours, 1),
        ("tag:k", "v", 1),
    ] {
        let body = describe(&format!("Filter.1.Name={name}&Filter.1.Value.1={value}"));
        assert_eq!(texts(&body, "vpnConnectionId").len(), found, "{name}");
    }
    let shown = describe(&format!("VpnConnectionId.1={id}"));
    let item = "<item><destinationCidrBlock>172.16.0.0/12</destinationCidrBlock><source>Static</source><state>available</state></item>";
    assert_eq!(text(&shown, "routes"), item);

    let delete = format!("Action=DeleteVpnConnection&VpnConnectionId={id}");
    assert_eq!(refused(&api, &format!("{delete}&DryRun=true")).0, "DryRunOperation");
    ok(&api, &delete);
    assert_eq!(refused(&api, &delete).0, "InvalidVpnConnectionID.NotFound");
    let gone = describe(&format!("VpnConnectionId.1={id}"));
    assert_eq!((text(&gone, "state"), text(&gone, "routes")), ("deleted".into(), String::new()));
    assert!(!gone.contains("customerGatewayConfiguration"));
    let unknown = "Action=DescribeVpnConnections&VpnConnectionId.1=vpn-1";
    assert_eq!(refused(&api, unknown).0, "InvalidVpnConnectionID.NotFound");
    ok(&api, &format!("Action=DeleteVpnGateway&VpnGatewayId={ours}"));
}

// Dynamic routing learns nothing here, for want of a BGP peer.
// covers: VPN-08
#[test]
fn vpn_08_static_routes_are_those_of_the_connection() {
    let api = api();
    let (theirs, ours) = (customer(&api, "203.0.113.1"), gateway(&api, ""));
    let id = connection(&api, &theirs, &ours);
    let other = customer(&api, "203.0.113.2");
    let dynamic = made(&api, &create(&other, &ours, "&Options.StaticRoutesOnly=false"), "vpnConnectionId");
    (0..2).for_each(|_| drop(ok(&api, &route("Create", &id, "172.16.0.0/12"))));
    ok(&api, &route("Create", &id, "192.168.7.9/24"));
    let routes = || {
        let body = ok(&api, &format!("Action=DescribeVpnConnections&VpnConnectionId.1={id}"));
        texts(&body, "destinationCidrBlock")
    };
    assert_eq!(routes(), ["172.16.0.0/12", "192.168.7.0/24"]);
    for (call, code) in [
        (route("Create", &dynamic, "172.16.0.0/12"), "InvalidVpnConnection.InvalidType"),
        (route("Delete", &dynamic, "172.16.0.0/12"), "InvalidVpnConnection.InvalidType"),
        (route("Create", "vpn-1", "172.16.0.0/12"), "InvalidVpnConnectionID.NotFound"),
        (route("Create", &id, "2001:db8::/32"), "InvalidParameterValue"),
        (route("Create", &id, "172.16.0.0/33"), "InvalidParameterValue"),
        (route("Create", &id, ""), "MissingParameter"),
        (route("Delete", &id, "172.17.0.0/16"), "InvalidRoute.NotFound"),
    ] {
        assert_eq!(refused(&api, &call).0, code, "{call}");
    }
    ok(&api, &route("Delete", &id, "172.16.0.0/12"));
    assert_eq!(routes(), ["192.168.7.0/24"]);
}

/// A table that takes over what a connection knows.
struct World {
    api: Api,
    vpc: String,
    table: String,
    gateway: String,
    connection: String,
}

fn world() -> World {
    let api = api();
    let vpc = vpc(&api);
    let gateway = attached(&api, &vpc);
    let table = made(&api, &format!("Action=CreateRouteTable&VpcId={vpc}"), "routeTableId");
    let connection = connection(&api, &customer(&api, "203.0.113.1"), &gateway);
    let w = World { api, vpc, table, gateway, connection };
    w.switch("Enable");
    w
}

impl World {
    fn switch(&self, what: &str) {
        let (table, gateway) = (&self.table, &self.gateway);
        ok(&self.api, &format!("Action={what}VgwRoutePropagation&RouteTableId={table}&GatewayId={gateway}"));
    }
    fn on_route(&self, what: &str, to: &str, rest: &str) -> String {
        format!("Action={what}Route&RouteTableId={}&DestinationCidrBlock={to}{rest}", self.table)
    }
    /// The table's routes but for the local one: destination, gateway, origin.
    fn routes(&self) -> Vec<[String; 3]> {
        let body = ok(&self.api, &format!("Action=DescribeRouteTables&RouteTableId.1={}", self.table));
        let item = |item: String| {
            assert_eq!(text(&item, "state"), "active");
            ["destinationCidrBlock", "gatewayId", "origin"].map(|name| text(&item, name))
        };
        texts(&text(&body, "routeSet"), "item").into_iter().skip(1).map(item).collect()
    }
    fn propagated(&self, to: &str) -> [String; 3] {
        [to.into(), self.gateway.clone(), "EnableVgwRoutePropagation".into()]
    }
    /// The tables that a filter lets through.
    fn found(&self, name: &str, value: &str) -> Vec<String> {
        let call = format!("Action=DescribeRouteTables&Filter.1.Name={name}&Filter.1.Value.1={value}");
        texts(&ok(&self.api, &call), "routeTableId")
    }
}

// BGP and Direct Connect, which the rule names too, do not exist.
// covers: RT-85
#[test]
fn rt_85_a_table_lists_what_the_gateway_knows_while_that_is_on() {
    let w = world();
    assert!(w.routes().is_empty());
    ok(&w.api, &route("Create", &w.connection, "172.16.0.0/12"));
    ok(&w.api, &route("Create", &w.connection, "192.168.0.0/24"));
    let both = [w.propagated("172.16.0.0/12"), w.propagated("192.168.0.0/24")];
    assert_eq!(w.routes(), both);
    for (name, value) in [
        ("route.destination-cidr-block", "192.168.0.0/24"),
        ("route.gateway-id", &w.gateway),
        ("route.origin", "EnableVgwRoutePropagation"),
    ] {
        assert_eq!(w.found(name, value), std::slice::from_ref(&w.table), "{name}");
    }
    assert!(w.found("route.destination-cidr-block", "192.168.0.0/25").is_empty());
    assert!(w.found("route.state", "blackhole").is_empty());
    // Each table is switched by itself.
    let other = made(&w.api, &format!("Action=CreateRouteTable&VpcId={}", w.vpc), "routeTableId");
    assert!(!ok(&w.api, &format!("Action=DescribeRouteTables&RouteTableId.1={other}")).contains(&w.gateway));
    w.switch("Disable");
    assert!(w.routes().is_empty());
    w.switch("Enable");
    assert_eq!(w.routes(), both);
    ok(&w.api, &route("Delete", &w.connection, "172.16.0.0/12"));
    assert_eq!(w.routes(), both[1..]);
    ok(&w.api, &format!("Action=DeleteVpnConnection&VpnConnectionId={}", w.connection));
    assert!(w.routes().is_empty());
    let next = connection(&w.api, &customer(&w.api, "203.0.113.2"), &w.gateway);
    ok(&w.api, &route("Create", &next, "192.168.0.0/24"));
    assert_eq!(w.routes(), both[1..]);
    ok(&w.api, &format!("Action=DetachVpnGateway&VpnGatewayId={}&VpcId={}", w.gateway, w.vpc));
    assert!(w.routes().is_empty(), "they vanish, and leave no hole");
}

// Of the routes that nobody may change, those of gateway endpoints do not exist.
// covers: RT-12 RT-86 S-03-14
#[test]
fn rt_12_what_is_propagated_cannot_be_changed_but_hidden() {
    let w = world();
    let (to, igw) = ("172.16.0.0/12", internet_gateway(&w.api, &w.vpc));
    let to_igw = format!("&GatewayId={igw}");
    ok(&w.api, &route("Create", &w.connection, to));
    let message =
        format!("The route {to} in route table {} is propagated by {} and cannot be changed.", w.table, w.gateway);
    for call in [w.on_route("Delete", to, ""), w.on_route("Replace", to, &to_igw)] {
        assert_eq!(refused(&w.api, &call), ("InvalidParameterValue".into(), message.clone()), "{call}");
    }
    assert_eq!(refused(&w.api, &w.on_route("Delete", "10.0.0.0/16", "")).0, "InvalidParameterValue", "local");
    assert_eq!(refused(&w.api, &w.on_route("Delete", "172.16.0.0/16", "")).0, "InvalidRoute.NotFound");

    // One of the user's own may have the same destination, and is what is meant from then on.
    ok(&w.api, &w.on_route("Create", to, &to_igw));
    let own = |gateway: &str| [to.to_string(), gateway.into(), "CreateRoute".into()];
    assert_eq!(w.routes(), [own(&igw), w.propagated(to)]);
    let to_vgw = format!("&GatewayId={}", w.gateway);
    assert_eq!(refused(&w.api, &w.on_route("Create", to, &to_vgw)).0, "RouteAlreadyExists");
    ok(&w.api, &w.on_route("Replace", to, &to_vgw));
    assert_eq!(w.routes(), [own(&w.gateway), w.propagated(to)]);
    ok(&w.api, &w.on_route("Delete", to, ""));
    assert_eq!(w.routes(), [w.propagated(to)]);
    assert_eq!(refused(&w.api, &w.on_route("Delete", to, "")).0, "InvalidParameterValue");
}
