use super::*;

fn device(address: [u8; 4]) -> CreateCustomerGateway {
    CreateCustomerGateway { asn: None, asn_extended: None, address: address.into(), device_name: None }
}

/// A table that takes over what a gateway's connections know: table, gateway.
fn propagating(m: &mut Model) -> (Id, Id) {
    let v = vpc(m, "10.0.0.0/16");
    let g = m.create_vpn_gateway(None).unwrap();
    m.attach_vpn_gateway(&g, &v).unwrap();
    let table = m.main_route_table(&v).unwrap().id.clone();
    m.propagate_routes(&table, &g, true).unwrap();
    (table, g)
}
fn connect(m: &mut Model, gateway: &str, n: u8) -> Id {
    let theirs = m.create_customer_gateway(device([203, 0, 113, n])).unwrap();
    m.create_vpn_connection(&theirs, gateway, true).unwrap()
}

// covers: QTA-07 QTA-31 QTA-32
#[test]
fn qta_31_gateways_and_connections_are_counted() {
    let mut m = Model::default();
    for n in 0..50 {
        m.create_customer_gateway(device([203, 0, 113, n])).unwrap();
    }
    let more = |m: &mut Model| m.create_customer_gateway(device([203, 0, 113, 50]));
    assert_eq!(refused(&mut m, more), "CustomerGatewayLimitExceeded");
    let devices: Vec<Id> = m.customer_gateways().iter().map(|g| g.id.clone()).collect();
    m.limits_mut().vpn_gateways = 6;
    let gateways: Vec<Id> = (0..6).map(|_| m.create_vpn_gateway(None).unwrap()).collect();
    let limit = "VpnConnectionLimitExceeded";
    for d in &devices[..10] {
        m.create_vpn_connection(d, &gateways[0], true).unwrap();
    }
    assert_eq!(refused(&mut m, |m| m.create_vpn_connection(&devices[10], &gateways[0], true)), limit);
    for g in &gateways[1..5] {
        for d in &devices[..10] {
            m.create_vpn_connection(d, g, true).unwrap();
        }
    }
    assert_eq!(refused(&mut m, |m| m.create_vpn_connection(&devices[0], &gateways[5], true)), limit);
    // What is deleted makes room.
    let old = m.connections_of(&gateways[0]).next().unwrap().id.clone();
    m.delete_vpn_connection(&old).unwrap();
    m.create_vpn_connection(&devices[0], &gateways[5], true).unwrap();
    m.delete_customer_gateway(&devices[49]).unwrap();
    more(&mut m).unwrap();
    m.set_quota("CustomerGateways", 51).unwrap();
    m.create_customer_gateway(device([203, 0, 113, 51])).unwrap();
}

// covers: QTA-15 QTA-35
#[test]
fn qta_15_a_hundred_routes_are_taken_over_and_the_next_is_not() {
    let mut m = Model::default();
    let (table, g) = propagating(&mut m);
    let (first, second) = (connect(&mut m, &g, 1), connect(&mut m, &g, 2));
    for n in 0..100 {
        m.create_vpn_connection_route(&first, n4(&format!("172.16.{n}.0/24"))).unwrap();
    }
    let next = n4("172.17.0.0/24");
    assert_eq!(refused(&mut m, |m| m.create_vpn_connection_route(&first, next)), "RouteLimitExceeded");
    m.create_vpn_connection_route(&first, n4("172.16.7.0/24")).unwrap();
    m.create_vpn_connection_route(&second, next).unwrap();
    let propagated = |m: &Model| m.propagated_routes(m.route_tables().get(&table).unwrap());
    let in_force = |m: &Model| m.routes_in_force(m.route_tables().get(&table).unwrap()).len();
    assert_eq!((propagated(&m).len(), in_force(&m)), (100, 101));
    assert!(propagated(&m).iter().all(|r| r.destination != IpNet::V4(next)));
    // They are none of the table's fifty.
    let gateway = RouteTarget::VpnGateway(g.clone());
    for n in 0..49 {
        m.create_route(&table, net(&format!("192.168.{n}.0/24")), gateway.clone()).unwrap();
    }
    assert_eq!(refused(&mut m, |m| m.create_route(&table, net("0.0.0.0/0"), gateway)), "RouteLimitExceeded");
    assert_eq!(in_force(&m), 150);
    // The remedy: one default route.
    m.delete_vpn_connection(&first).unwrap();
    m.create_vpn_connection_route(&second, n4("0.0.0.0/0")).unwrap();
    let all: Vec<String> = propagated(&m).iter().map(|r| r.destination.to_string()).collect();
    assert_eq!(all, ["172.17.0.0/24", "0.0.0.0/0"]);
}

#[test]
fn what_is_deleted_is_visible_for_an_hour() {
    let mut m = Model::default();
    m.set_now(1_000);
    let (table, g) = propagating(&mut m);
    let c = connect(&mut m, &g, 1);
    m.create_vpn_connection_route(&c, n4("172.16.0.0/16")).unwrap();
    let theirs = m.customer_gateways().iter().next().unwrap().id.clone();
    m.create_tags(std::slice::from_ref(&c), &[("k".into(), "v".into())]).unwrap();
    assert_eq!(refused(&mut m, |m| m.delete_customer_gateway(&theirs)), "IncorrectState");
    m.delete_vpn_connection(&c).unwrap();
    m.delete_customer_gateway(&theirs).unwrap();
    assert!(m.propagated_routes(m.route_tables().get(&table).unwrap()).is_empty());
    for (code, change) in [
        ("InvalidVpnConnectionID.NotFound", Model::delete_vpn_connection as fn(&mut Model, &str) -> Result<()>),
        ("InvalidVpnConnectionID.NotFound", |m, id| m.create_vpn_connection_route(id, n4("172.16.0.0/16"))),
    ] {
        assert_eq!(refused(&mut m, |m| change(m, &c)), code);
    }
    assert_eq!(refused(&mut m, |m| m.delete_customer_gateway(&theirs)), "InvalidCustomerGatewayID.NotFound");
    assert_eq!(refused(&mut m, |m| m.create_vpn_connection(&theirs, &g, true)), "InvalidCustomerGatewayID.NotFound");
    // Also after a restart.
    let records = m.records();
    let mut m = Model::restore(records.iter().map(|r| (r.kind, r.value.as_deref().unwrap()))).unwrap();
    m.set_now(1_000 + 3_599_999);
    assert_eq!((m.vpn_connections().len(), m.customer_gateways().len(), m.all_tags().len()), (1, 1, 1));
    m.set_now(1_000 + 3_600_000);
    assert_eq!((m.vpn_connections().len(), m.customer_gateways().len(), m.all_tags().len()), (0, 0, 0));
}

/// A block whose local route was led elsewhere keeps no propagated route out (RT-45); such a table serves no subnet.
#[test]
fn only_a_local_route_that_leads_in_keeps_others_out() {
    let mut m = Model::default();
    let (_, g) = propagating(&mut m);
    let v = m.vpcs().iter().next().unwrap().id.clone();
    let s = subnet(&mut m, &v, "10.0.1.0/24");
    let e = RouteTarget::NetworkInterface(eni(&mut m, &s));
    let table = m.create_route_table(&v).unwrap();
    let internet = igw(&mut m, &v);
    let a = m.associate_route_table(&table, AssociateWith::Gateway(internet)).unwrap();
    m.replace_route(&table, net("10.0.0.0/16"), e).unwrap();
    m.disassociate_route_table(&a).unwrap();
    m.propagate_routes(&table, &g, true).unwrap();
    let c = connect(&mut m, &g, 1);
    for known in ["10.0.5.0/24", "10.0.0.0/16"] {
        m.create_vpn_connection_route(&c, n4(known)).unwrap();
    }
    let in_force = |m: &Model| -> Vec<String> {
        let routes = m.routes_in_force(m.route_tables().get(&table).unwrap());
        routes.iter().map(|r| r.destination.to_string()).collect()
    };
    assert_eq!(in_force(&m), ["10.0.0.0/16", "10.0.5.0/24"]);
    m.replace_route(&table, net("10.0.0.0/16"), RouteTarget::Local).unwrap();
    assert_eq!(in_force(&m), ["10.0.0.0/16"]);
}
