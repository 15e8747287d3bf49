use super::*;

struct World {
    m: Model,
    v: Id,
    s1: Id,
    s2: Id,
    igw: Id,
    custom: Id,
}

fn world() -> World {
    let mut m = Model::default();
    let v = vpc6(&mut m, "10.0.0.0/16");
    let s1 = subnet(&mut m, &v, "10.0.0.0/24");
    let s2 = subnet(&mut m, &v, "10.0.1.0/24");
    let igw = igw(&mut m, &v);
    let custom = m.create_route_table(&v).unwrap();
    World { m, v, s1, s2, igw, custom }
}

impl World {
    fn gateway(&self) -> RouteTarget {
        RouteTarget::InternetGateway(self.igw.clone())
    }
    fn main(&self) -> Id {
        self.m.main_route_table(&self.v).unwrap().id.clone()
    }
    fn main_association(&self) -> Id {
        self.m.vpcs().get(&self.v).unwrap().main_association.clone()
    }
}

// covers: RT-06
#[test]
fn rt_06_local_routes_stay() {
    let mut w = world();
    let main = w.main();
    let e = eni(&mut w.m, &w.s1);
    assert_eq!(refused(&mut w.m, |m| m.delete_route(&main, net("10.0.0.0/16"))), "InvalidParameterValue");
    assert_eq!(
        refused(&mut w.m, |m| m.replace_route(&main, net("10.0.0.0/16"), RouteTarget::NetworkInterface(e))),
        "InvalidParameterValue"
    );
}

// covers: RT-07
#[test]
fn rt_07_nothing_more_specific_than_local() {
    let mut w = world();
    let (main, custom, target) = (w.main(), w.custom.clone(), w.gateway());
    for cidr in ["10.0.0.0/16", "10.0.1.0/24", "2001:db8:1234:1a00::/64"] {
        for table in [&main, &custom] {
            assert_eq!(
                refused(&mut w.m, |m| m.create_route(table, net(cidr), target.clone())),
                "InvalidParameterValue",
                "{cidr}"
            );
        }
    }
    let e = RouteTarget::NetworkInterface(eni(&mut w.m, &w.s1));
    assert_eq!(refused(&mut w.m, |m| m.create_route(&main, net("10.0.1.0/24"), e.clone())), "InvalidParameterValue");
    w.m.associate_route_table(&custom, AssociateWith::Subnet(w.s1.clone())).unwrap();
    assert_eq!(refused(&mut w.m, |m| m.create_route(&custom, net("10.0.1.0/24"), e)), "InvalidParameterValue");
}

// covers: RT-09 RT-10 A-03-13
#[test]
fn rt_09_destinations_are_canonical() {
    let mut w = world();
    let (table, target) = (w.custom.clone(), w.gateway());
    w.m.create_route(&table, net("100.68.0.18/18"), target.clone()).unwrap();
    assert!(w.m.route_tables().get(&table).unwrap().routes.iter().any(|r| r.destination == net("100.68.0.0/18")));
    w.m.create_route(&table, net("100.68.9.9/18"), target.clone()).unwrap();
    assert_eq!(w.m.route_tables().get(&table).unwrap().routes.iter().filter(|r| !r.local).count(), 1);
    let other = RouteTarget::NetworkInterface(eni(&mut w.m, &w.s1));
    assert_eq!(refused(&mut w.m, |m| m.create_route(&table, net("100.68.9.9/18"), other)), "RouteAlreadyExists");
    w.m.create_route(&table, net("192.0.2.7/32"), target).unwrap();
    w.m.delete_route(&table, net("100.68.63.1/18")).unwrap();
    assert_eq!(refused(&mut w.m, |m| m.delete_route(&table, net("100.68.0.0/18"))), "InvalidRoute.NotFound");
    for bad in ["10.0.0.0", "2001:db8::/32", "10.0.0.0/33", "x"] {
        assert_eq!(parse::cidr4(bad).unwrap_err().code, "InvalidParameterValue");
    }
}

// covers: RT-11
#[test]
fn rt_11_quota_per_family() {
    let mut w = world();
    let (table, target) = (w.custom.clone(), w.gateway());
    for i in 0..49 {
        w.m.create_route(&table, net(&format!("203.0.{i}.0/24")), target.clone()).unwrap();
    }
    assert_eq!(refused(&mut w.m, |m| m.create_route(&table, net("0.0.0.0/0"), target.clone())), "RouteLimitExceeded");
    w.m.create_route(&table, net("::/0"), target).unwrap();
    w.m.limits_mut().route_tables_per_vpc = 2;
    let v = w.v.clone();
    assert_eq!(refused(&mut w.m, |m| m.create_route_table(&v)), "RouteTableLimitExceeded");
}

// covers: RT-01 RT-30 RT-31
#[test]
fn rt_30_associations_move_and_end() {
    let mut w = world();
    let (custom, s1) = (w.custom.clone(), w.s1.clone());
    let a = w.m.associate_route_table(&custom, AssociateWith::Subnet(s1.clone())).unwrap();
    assert_eq!(
        refused(&mut w.m, |m| m.associate_route_table(&custom, AssociateWith::Subnet(s1.clone()))),
        "Resource.AlreadyAssociated"
    );
    let other = w.m.create_route_table(&w.v).unwrap();
    let b = w.m.replace_route_table_association(&a, &other).unwrap();
    assert_ne!(a, b);
    let table = |w: &World| w.m.effective_route_table(w.m.subnets().get(&w.s1).unwrap()).unwrap().id.clone();
    assert_eq!(table(&w), other);
    assert_eq!(refused(&mut w.m, |m| m.disassociate_route_table(&a)), "InvalidAssociationID.NotFound");
    w.m.disassociate_route_table(&b).unwrap();
    assert_eq!(table(&w), w.main());
    let main = w.main_association();
    assert_eq!(refused(&mut w.m, |m| m.disassociate_route_table(&main)), "InvalidParameterValue");
}

// covers: RT-22 RT-23 RT-25 RT-26 RT-28
#[test]
fn rt_23_another_table_becomes_main() {
    let mut w = world();
    let (main, custom) = (w.main(), w.custom.clone());
    assert_eq!(refused(&mut w.m, |m| m.delete_route_table(&main)), "DependencyViolation");
    w.m.associate_route_table(&main, AssociateWith::Subnet(w.s1.clone())).unwrap();
    let foreign = vpc(&mut w.m, "10.0.0.0/16");
    let theirs = w.m.create_route_table(&foreign).unwrap();
    let association = w.main_association();
    assert_eq!(
        refused(&mut w.m, |m| m.replace_route_table_association(&association, &theirs)),
        "InvalidParameterValue"
    );
    w.m.replace_route_table_association(&association, &custom).unwrap();
    let table = |w: &World, s: &str| w.m.effective_route_table(w.m.subnets().get(s).unwrap()).unwrap().id.clone();
    assert_eq!((table(&w, &w.s1), table(&w, &w.s2), w.main()), (main.clone(), custom.clone(), custom));
    assert_eq!(refused(&mut w.m, |m| m.delete_route_table(&main)), "DependencyViolation");
    let explicit = w.m.subnets().get(&w.s1).unwrap().table_association.clone().unwrap();
    w.m.disassociate_route_table(&explicit).unwrap();
    w.m.delete_route_table(&main).unwrap();
}

// covers: RT-29
#[test]
fn rt_29_gateway_style_tables_serve_no_subnet() {
    let mut w = world();
    let e = RouteTarget::NetworkInterface(eni(&mut w.m, &w.s1));
    let (custom, s2) = (w.custom.clone(), w.s2.clone());
    w.m.create_route(&custom, net("10.0.1.0/24"), e.clone()).unwrap();
    assert_eq!(
        refused(&mut w.m, |m| m.associate_route_table(&custom, AssociateWith::Subnet(s2.clone()))),
        "InvalidParameterValue"
    );
    w.m.delete_route(&custom, net("10.0.1.0/24")).unwrap();
    w.m.replace_route(&custom, net("10.0.0.0/16"), e).unwrap();
    assert_eq!(
        refused(&mut w.m, |m| m.associate_route_table(&custom, AssociateWith::Subnet(s2.clone()))),
        "InvalidParameterValue"
    );
    w.m.replace_route(&custom, net("10.0.0.0/16"), RouteTarget::Local).unwrap();
    w.m.associate_route_table(&custom, AssociateWith::Subnet(s2)).unwrap();
}

// covers: RT-24 RT-50 RT-62
#[test]
fn rt_50_what_can_be_edge_associated() {
    let mut w = world();
    let (custom, main, g) = (w.custom.clone(), w.main(), AssociateWith::Gateway(w.igw.clone()));
    let eigw = w.m.create_egress_only_internet_gateway(&w.v).unwrap();
    assert_eq!(
        refused(&mut w.m, |m| m.associate_route_table(&custom, AssociateWith::Gateway(eigw))),
        "InvalidParameterValue"
    );
    assert_eq!(
        refused(&mut w.m, |m| m.associate_route_table(&custom, AssociateWith::Gateway("igw-0".into()))),
        "InvalidGatewayID.NotFound"
    );
    assert_eq!(refused(&mut w.m, |m| m.associate_route_table(&main, g.clone())), "InvalidParameterValue");
    let foreign = vpc(&mut w.m, "10.0.0.0/16");
    let theirs = w.m.create_route_table(&foreign).unwrap();
    assert_eq!(refused(&mut w.m, |m| m.associate_route_table(&theirs, g.clone())), "InvalidParameterValue");
    let a = w.m.associate_route_table(&custom, g.clone()).unwrap();
    assert_eq!(refused(&mut w.m, |m| m.associate_route_table(&custom, g.clone())), "Resource.AlreadyAssociated");
    let association = w.main_association();
    assert_eq!(
        refused(&mut w.m, |m| m.replace_route_table_association(&association, &custom)),
        "InvalidParameterValue"
    );
    w.m.disassociate_route_table(&a).unwrap();
    w.m.associate_route_table(&custom, g).unwrap();
}

// covers: RT-51 RT-52 RT-53 RT-55 RT-57
#[test]
fn rt_52_routes_of_a_gateway_table() {
    let mut w = world();
    let (custom, gateway) = (w.custom.clone(), w.gateway());
    w.m.associate_route_table(&custom, AssociateWith::Gateway(w.igw.clone())).unwrap();
    let e = RouteTarget::NetworkInterface(eni(&mut w.m, &w.s1));
    for (cidr, target) in [
        ("0.0.0.0/0", &gateway),
        ("10.0.1.0/24", &gateway),
        ("10.0.1.0/25", &e),
        ("10.0.0.0/23", &e),
        ("0.0.0.0/0", &e),
        ("10.0.0.0/15", &e),
        ("192.0.2.0/24", &e),
    ] {
        assert_eq!(
            refused(&mut w.m, |m| m.create_route(&custom, net(cidr), target.clone())),
            "InvalidParameterValue",
            "{cidr}"
        );
    }
    w.m.create_route(&custom, net("10.0.1.0/24"), e.clone()).unwrap();
    assert_eq!(
        refused(&mut w.m, |m| m.replace_route(&custom, net("10.0.1.0/24"), RouteTarget::Local)),
        "InvalidParameterValue"
    );
    assert_eq!(refused(&mut w.m, |m| m.replace_route(&custom, net("10.0.0.0/16"), gateway)), "InvalidParameterValue");
    w.m.replace_route(&custom, net("10.0.0.0/16"), e).unwrap();
    w.m.replace_route(&custom, net("10.0.0.0/16"), RouteTarget::Local).unwrap();
    let i = launch(&mut w.m, &w.s1);
    w.m.replace_route(&custom, net("10.0.0.0/16"), RouteTarget::Instance(i)).unwrap();
}

// covers: RT-54
#[test]
fn rt_54_association_with_a_gateway_is_refused() {
    let mut w = world();
    let (custom, target) = (w.custom.clone(), w.gateway());
    let with = AssociateWith::Gateway(w.igw.clone());
    w.m.create_route(&custom, net("203.0.113.0/24"), target).unwrap();
    assert_eq!(refused(&mut w.m, |m| m.associate_route_table(&custom, with.clone())), "InvalidParameterValue");
    w.m.delete_route(&custom, net("203.0.113.0/24")).unwrap();
    let e = RouteTarget::NetworkInterface(eni(&mut w.m, &w.s1));
    w.m.create_route(&custom, net("203.0.113.0/24"), e).unwrap();
    assert_eq!(refused(&mut w.m, |m| m.associate_route_table(&custom, with.clone())), "InvalidParameterValue");
    w.m.delete_route(&custom, net("203.0.113.0/24")).unwrap();
    w.m.associate_route_table(&custom, with).unwrap();
}

// covers: RT-71 IGW-12
#[test]
fn rt_71_gateway_of_this_vpc() {
    let mut w = world();
    let custom = w.custom.clone();
    let loose = RouteTarget::InternetGateway(w.m.create_internet_gateway().unwrap());
    assert_eq!(refused(&mut w.m, |m| m.create_route(&custom, net("0.0.0.0/0"), loose)), "InvalidParameterValue");
    let unknown = RouteTarget::InternetGateway("igw-0".into());
    assert_eq!(refused(&mut w.m, |m| m.create_route(&custom, net("0.0.0.0/0"), unknown)), "InvalidGatewayID.NotFound");
    let target = w.gateway();
    w.m.create_route(&custom, net("203.0.113.0/24"), target).unwrap();
}

// covers: RT-72 RT-76 NAT-19 EIGW-04 EIGW-05 IP-32
#[test]
fn rt_72_families_of_nat_and_egress_only_gateways() {
    let mut w = world();
    let custom = w.custom.clone();
    let n = RouteTarget::NatGateway(nat(&mut w.m, &w.s1));
    let e = RouteTarget::EgressOnlyGateway(w.m.create_egress_only_internet_gateway(&w.v).unwrap());
    assert_eq!(refused(&mut w.m, |m| m.create_route(&custom, net("::/0"), n.clone())), "InvalidParameterValue");
    assert_eq!(refused(&mut w.m, |m| m.create_route(&custom, net("0.0.0.0/0"), e.clone())), "InvalidParameterValue");
    assert_eq!(
        refused(&mut w.m, |m| m.create_route(&custom, net("0.0.0.0/0"), RouteTarget::NatGateway("nat-0".into()))),
        "InvalidNatGatewayID.NotFound"
    );
    assert_eq!(
        refused(&mut w.m, |m| m.create_route(&custom, net("::/0"), RouteTarget::EgressOnlyGateway("eigw-0".into()))),
        "InvalidGatewayID.NotFound"
    );
    w.m.create_route(&custom, net("0.0.0.0/0"), n).unwrap();
    w.m.create_route(&custom, net("2001:db8:beef::/48"), e).unwrap();
}

// covers: RT-79 NATI-03
#[test]
fn rt_79_instances_and_interfaces_as_targets() {
    let mut w = world();
    let custom = w.custom.clone();
    let i = launch(&mut w.m, &w.s1);
    w.m.create_route(&custom, net("0.0.0.0/0"), RouteTarget::Instance(i.clone())).unwrap();
    let stored = w.m.route_tables().get(&custom).unwrap().routes.last().unwrap().target.clone();
    assert_eq!(stored, RouteTarget::NetworkInterface(eth0(&w.m, &i).id));
    let second = eni(&mut w.m, &w.s1);
    w.m.attach_network_interface(&second, &i, 1).unwrap();
    assert_eq!(
        refused(&mut w.m, |m| m.create_route(&custom, net("192.0.2.0/24"), RouteTarget::Instance(i))),
        "InvalidInstanceID"
    );
    let foreign = vpc(&mut w.m, "10.0.0.0/16");
    let s = subnet(&mut w.m, &foreign, "10.0.0.0/24");
    let theirs = RouteTarget::NetworkInterface(eni(&mut w.m, &s));
    assert_eq!(refused(&mut w.m, |m| m.create_route(&custom, net("192.0.2.0/24"), theirs)), "InvalidParameterValue");
}

// covers: RT-48
#[test]
fn rt_48_routes_outlive_their_targets() {
    let mut w = world();
    let custom = w.custom.clone();
    let n = nat(&mut w.m, &w.s1);
    w.m.create_route(&custom, net("0.0.0.0/0"), RouteTarget::NatGateway(n.clone())).unwrap();
    w.m.delete_nat_gateway(&n).unwrap();
    let route = |w: &World| w.m.route_tables().get(&w.custom).unwrap().routes.last().unwrap().clone();
    assert_eq!(route(&w).destination, net("0.0.0.0/0"));
    assert!(!w.m.route_active(&w.v, &route(&w).target));
    let target = w.gateway();
    w.m.replace_route(&custom, net("0.0.0.0/0"), target).unwrap();
    assert!(w.m.route_active(&w.v, &route(&w).target));
}

// covers: S-03-10
#[test]
fn s_03_10_interfaces_of_any_zone() {
    let mut w = world();
    let custom = w.custom.clone();
    let request = CreateSubnet { az: Some("us-east-1b".into()), ..subnet_request(&w.v, "10.0.2.0/24") };
    let elsewhere = w.m.create_subnet(request).unwrap();
    w.m.associate_route_table(&custom, AssociateWith::Subnet(w.s1.clone())).unwrap();
    let e = RouteTarget::NetworkInterface(eni(&mut w.m, &elsewhere));
    w.m.create_route(&custom, net("192.0.2.0/24"), e).unwrap();
    let n = RouteTarget::NatGateway(nat(&mut w.m, &elsewhere));
    w.m.create_route(&custom, net("0.0.0.0/0"), n).unwrap();
}

// covers: S-03-13
#[test]
fn s_03_13_routes_of_a_gateway_table_outlive_their_subnet() {
    let mut w = world();
    let custom = w.custom.clone();
    w.m.associate_route_table(&custom, AssociateWith::Gateway(w.igw.clone())).unwrap();
    let e = RouteTarget::NetworkInterface(eni(&mut w.m, &w.s1));
    w.m.create_route(&custom, net("10.0.1.0/24"), e.clone()).unwrap();
    w.m.delete_subnet(&w.s2).unwrap();
    let route = |w: &World| w.m.route_tables().get(&w.custom).unwrap().routes.last().unwrap().clone();
    assert_eq!((route(&w).destination, route(&w).target), (net("10.0.1.0/24"), e.clone()));
    // Without the subnet the route could not be made, nor changed.
    assert_eq!(refused(&mut w.m, |m| m.replace_route(&custom, net("10.0.1.0/24"), e.clone())), "InvalidParameterValue");
    subnet(&mut w.m, &w.v, "10.0.1.0/24");
    w.m.replace_route(&custom, net("10.0.1.0/24"), e).unwrap();
}
