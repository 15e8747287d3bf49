use super::*;

fn failure<'m>(m: &'m Model, nat: &str) -> &'m str {
    match &m.nat_gateways().get(nat).unwrap().state {
        NatState::Failed { code, .. } => code,
        other => panic!("{other:?}"),
    }
}
fn to_instance(allocation: &str, instance: &str) -> AssociateAddress {
    AssociateAddress { allocation: allocation.into(), instance: Some(instance.into()), ..Default::default() }
}

// covers: IGW-01 IGW-02 IGW-03 IGW-15 IGW-16
#[test]
fn igw_02_one_gateway_one_vpc() {
    let mut m = Model::default();
    let (a, b) = (vpc(&mut m, "10.0.0.0/16"), vpc(&mut m, "10.0.0.0/16"));
    let g = m.create_internet_gateway().unwrap();
    assert!(m.internet_gateways().get(&g).unwrap().vpc.is_none());
    assert_eq!(refused(&mut m, |m| m.attach_internet_gateway("igw-0", &a)), "InvalidInternetGatewayID.NotFound");
    assert_eq!(refused(&mut m, |m| m.attach_internet_gateway(&g, "vpc-0")), "InvalidVpcID.NotFound");
    assert_eq!(refused(&mut m, |m| m.detach_internet_gateway(&g, &a)), "Gateway.NotAttached");
    m.attach_internet_gateway(&g, &a).unwrap();
    assert_eq!(refused(&mut m, |m| m.attach_internet_gateway(&g, &b)), "Resource.AlreadyAssociated");
    let second = m.create_internet_gateway().unwrap();
    assert_eq!(refused(&mut m, |m| m.attach_internet_gateway(&second, &a)), "InvalidParameterValue");
    assert_eq!(refused(&mut m, |m| m.delete_internet_gateway(&g)), "DependencyViolation");
    m.detach_internet_gateway(&g, &a).unwrap();
    m.delete_internet_gateway(&g).unwrap();
    m.limits_mut().internet_gateways = 1;
    assert_eq!(refused(&mut m, Model::create_internet_gateway), "InternetGatewayLimitExceeded");
}

// covers: IGW-14
#[test]
fn igw_14_detach_waits_for_public_addresses() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let g = igw(&mut m, &v);
    let n = nat(&mut m, &s);
    assert_eq!(refused(&mut m, |m| m.detach_internet_gateway(&g, &v)), "DependencyViolation");
    m.delete_nat_gateway(&n).unwrap();
    let spec = InterfaceSpec { subnet: Some(s), associate_public: Some(true), ..Default::default() };
    let i = m.run_instance(RunInstance { interfaces: vec![spec], ..Default::default() }).unwrap();
    assert_eq!(refused(&mut m, |m| m.detach_internet_gateway(&g, &v)), "DependencyViolation");
    m.terminate_instance(&i).unwrap();
    m.detach_internet_gateway(&g, &v).unwrap();
}

// covers: EIGW-01 EIGW-02 EIGW-03 EIGW-09
#[test]
fn eigw_02_one_per_vpc() {
    let mut m = Model::default();
    let v = vpc6(&mut m, "10.0.0.0/16");
    assert_eq!(refused(&mut m, |m| m.create_egress_only_internet_gateway("vpc-0")), "InvalidVpcID.NotFound");
    let g = m.create_egress_only_internet_gateway(&v).unwrap();
    assert_eq!(refused(&mut m, |m| m.create_egress_only_internet_gateway(&v)), "Resource.AlreadyAssociated");
    let main = m.main_route_table(&v).unwrap().id.clone();
    m.create_route(&main, net("::/0"), RouteTarget::EgressOnlyGateway(g.clone())).unwrap();
    m.delete_egress_only_internet_gateway(&g).unwrap();
    assert!(!m.route_active(&v, &RouteTarget::EgressOnlyGateway(g.clone())));
    assert_eq!(
        refused(&mut m, |m| m.delete_egress_only_internet_gateway(&g)),
        "InvalidEgressOnlyInternetGatewayId.NotFound"
    );
    m.limits_mut().egress_only_gateways = 0;
    assert_eq!(
        refused(&mut m, |m| m.create_egress_only_internet_gateway(&v)),
        "EgressOnlyInternetGatewayLimitExceeded"
    );
}

// covers: NAT-01 NAT-02 NAT-04 NAT-50
#[test]
fn nat_50_failures_show_in_the_state() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/28");
    let a = m.allocate_address(None).unwrap();
    assert_eq!(
        refused(&mut m, |m| m.create_nat_gateway(CreateNatGateway { subnet: s.clone(), ..Default::default() })),
        "MissingParameter"
    );
    assert_eq!(
        refused(&mut m, |m| m.create_nat_gateway(CreateNatGateway::public("subnet-0", &a))),
        "InvalidSubnetID.NotFound"
    );
    let n = m.create_nat_gateway(CreateNatGateway::public(&s, &a)).unwrap();
    assert_eq!(failure(&m, &n), "Gateway.NotAttached");
    igw(&mut m, &v);
    let n = m.create_nat_gateway(CreateNatGateway::public(&s, "eipalloc-0")).unwrap();
    assert_eq!(failure(&m, &n), "InvalidAllocationID.NotFound");
    let n = m.create_nat_gateway(CreateNatGateway::public(&s, &a)).unwrap();
    assert!(m.nat_gateways().get(&n).unwrap().available());
    let n = m.create_nat_gateway(CreateNatGateway::public(&s, &a)).unwrap();
    assert_eq!(failure(&m, &n), "Resource.AlreadyAssociated");
    while m.available_addresses(&s).unwrap() > 0 {
        eni(&mut m, &s);
    }
    let b = m.allocate_address(None).unwrap();
    let n = m.create_nat_gateway(CreateNatGateway::public(&s, &b)).unwrap();
    assert_eq!(failure(&m, &n), "InsufficientFreeAddressesInSubnet");
    assert!(m.elastic_ips().get(&b).unwrap().association.is_none());
}

// covers: NAT-03 NAT-05 NAT-06 NAT-07 NAT-72
#[test]
fn nat_06_its_interface_and_address_are_its_own() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    igw(&mut m, &v);
    let free = m.available_addresses(&s).unwrap();
    let n = nat(&mut m, &s);
    assert_eq!(m.available_addresses(&s).unwrap(), free - 1);
    let gateway = m.nat_gateways().get(&n).unwrap().clone();
    let allocation = gateway.allocation.clone().unwrap();
    let e = m.interfaces().get(gateway.interface.as_ref().unwrap()).unwrap().clone();
    assert_eq!((e.primary(), gateway.private, e.source_dest_check), (ip("10.0.0.4"), Some(ip("10.0.0.4")), false));
    assert!(e.groups.is_empty() && e.attachment.is_none());
    let i = launch(&mut m, &s);
    assert_eq!(refused(&mut m, |m| m.delete_network_interface(&e.id)), "OperationNotPermitted");
    assert_eq!(refused(&mut m, |m| m.modify_source_dest_check(&e.id, true)), "OperationNotPermitted");
    assert_eq!(refused(&mut m, |m| m.attach_network_interface(&e.id, &i, 1)), "OperationNotPermitted");
    let association = m.elastic_ips().get(&allocation).unwrap().association.clone().unwrap().id;
    assert_eq!(refused(&mut m, |m| m.disassociate_address(&association)), "AuthFailure");
    assert_eq!(refused(&mut m, |m| m.release_address(&allocation)), "AuthFailure");
    assert_eq!(refused(&mut m, |m| m.associate_address(to_instance(&allocation, &i))), "AuthFailure");
}

// covers: NAT-08 NAT-11 NAT-12 NAT-13 NAT-14 QTA-10
#[test]
fn nat_12_deletion_keeps_the_allocation() {
    let mut m = Model::default();
    m.limits_mut().elastic_ips = 10;
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let other =
        m.create_subnet(CreateSubnet { az: Some("us-east-1b".into()), ..subnet_request(&v, "10.0.1.0/24") }).unwrap();
    igw(&mut m, &v);
    let all: Vec<Id> = (0..5).map(|_| nat(&mut m, &s)).collect();
    let sixth = m.allocate_address(None).unwrap();
    assert_eq!(
        refused(&mut m, |m| m.create_nat_gateway(CreateNatGateway::public(&s, &sixth))),
        "NatGatewayLimitExceeded"
    );
    assert!(m.create_nat_gateway(CreateNatGateway::public(&other, &sixth)).is_ok());
    let allocation = m.nat_gateways().get(&all[0]).unwrap().allocation.clone().unwrap();
    m.delete_nat_gateway(&all[0]).unwrap();
    assert_eq!(m.nat_gateways().get(&all[0]).unwrap().state, NatState::Deleted);
    assert!(m.elastic_ips().get(&allocation).unwrap().association.is_none());
    assert!(m.create_nat_gateway(CreateNatGateway::public(&s, &allocation)).is_ok());
    assert_eq!(refused(&mut m, |m| m.delete_nat_gateway("nat-0")), "NatGatewayNotFound");
}

// covers: NAT-15
#[test]
fn nat_15_a_constrained_zone_takes_no_gateway() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let other =
        m.create_subnet(CreateSubnet { az: Some("us-east-1b".into()), ..subnet_request(&v, "10.0.1.0/24") }).unwrap();
    igw(&mut m, &v);
    let before = nat(&mut m, &s);
    let zone = m.subnets().get(&s).unwrap().zone.clone();
    m.constrain_zone(&zone).unwrap();
    assert_eq!(refused(&mut m, |m| m.constrain_zone("us-east-1z")), "InvalidParameterValue");
    let a = m.allocate_address(None).unwrap();
    let request = CreateNatGateway::public(&s, &a);
    assert_eq!(refused(&mut m, |m| m.create_nat_gateway(request)), "NotAvailableInZone");
    let private = CreateNatGateway { subnet: s.clone(), is_private: true, ..Default::default() };
    assert_eq!(refused(&mut m, |m| m.create_nat_gateway(private)), "NotAvailableInZone");
    assert_eq!(m.nat_gateways().len(), 1);
    assert!(m.nat_gateways().get(&before).unwrap().available());
    assert!(m.elastic_ips().get(&a).unwrap().association.is_none());
    // The cure: a gateway in another zone, which subnets of this one may lead to.
    let n = m.create_nat_gateway(CreateNatGateway::public(&other, &a)).unwrap();
    let table = m.create_route_table(&v).unwrap();
    m.associate_route_table(&table, AssociateWith::Subnet(s)).unwrap();
    m.create_route(&table, "0.0.0.0/0".parse().unwrap(), RouteTarget::NatGateway(n)).unwrap();
}

#[test]
fn an_outage_is_kept_and_ends() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    igw(&mut m, &v);
    let n = nat(&mut m, &s);
    let zone = m.subnets().get(&s).unwrap().zone.clone();
    m.settle();
    m.impair_zone(&zone, false).unwrap();
    assert!(!m.unsettled(), "it was not impaired");
    m.impair_zone(&zone, true).unwrap();
    assert!(m.unsettled());
    m.constrain_zone(&zone).unwrap();
    let records = m.records();
    let mut back = Model::restore(records.iter().map(|r| (r.kind, r.value.as_deref().unwrap()))).unwrap();
    for m in [&mut m, &mut back] {
        let gateway = m.nat_gateways().get(&n).unwrap();
        assert!(gateway.available() && !m.carries(gateway));
        assert_eq!((m.zone_state(&zone), m.zone_messages(&zone).len()), (ZoneState::Impaired, 2));
        assert_eq!(m.zone_state("us-east-1b"), ZoneState::Available);
        m.impair_zone(&zone, false).unwrap();
        assert!(m.carries(m.nat_gateways().get(&n).unwrap()));
        assert_eq!(m.zone_state(&zone), ZoneState::Constrained);
        assert_eq!(refused(m, |m| m.impair_zone("us-east-1z", true)), "InvalidParameterValue");
    }
}

// covers: NAT-10 NAT-11 NAT-14
#[test]
fn nat_10_the_ended_are_seen_for_an_hour() {
    const MINUTE: u64 = 60_000;
    let mut m = Model::default();
    m.set_now(MINUTE);
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let a = m.allocate_address(None).unwrap();
    let failed = m.create_nat_gateway(CreateNatGateway::public(&s, &a)).unwrap();
    let deleted_late = m.create_nat_gateway(CreateNatGateway::public(&s, &a)).unwrap();
    igw(&mut m, &v);
    let n = nat(&mut m, &s);
    m.create_tags(&[n.clone(), failed.clone()], &[("k".into(), "v".into())]).unwrap();
    assert_eq!(m.elastic_ips().get(&a).unwrap().association, None);
    m.limits_mut().nat_gateways_per_zone = 1;
    let request = CreateNatGateway::public(&s, &a);
    assert_eq!(refused(&mut m, |m| m.create_nat_gateway(request)), "NatGatewayLimitExceeded");
    m.set_now(31 * MINUTE);
    m.delete_nat_gateway(&n).unwrap();
    m.delete_nat_gateway(&deleted_late).unwrap();
    let ended = m.nat_gateways().get(&n).unwrap();
    assert_eq!((ended.created, ended.deleted), (MINUTE, Some(31 * MINUTE)));
    let seen = |m: &Model| [&failed, &deleted_late, &n].map(|id| m.find::<NatGateway>(id).is_ok());
    m.set_now(60 * MINUTE);
    assert_eq!(seen(&m), [true, true, true]);
    m.set_now(62 * MINUTE);
    assert_eq!(seen(&m), [false, true, true]);
    // The clock of a model that was stored goes on where it stood.
    let records = m.records();
    let stored = records.iter().filter_map(|r| Some((r.kind, r.value.as_deref()?)));
    let mut back = Model::restore(stored).unwrap();
    for m in [&mut m, &mut back] {
        m.set_now(90 * MINUTE);
        assert_eq!(seen(m), [false, true, true]);
        assert_eq!(m.all_tags().len(), 1);
        m.set_now(92 * MINUTE);
        assert_eq!(seen(m), [false, false, false]);
        assert!(m.all_tags().is_empty());
    }
}

#[test]
fn private_gateways_have_no_public_address() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let request = CreateNatGateway { subnet: s.clone(), is_private: true, ..Default::default() };
    let n = m.create_nat_gateway(request.clone()).unwrap();
    let other = m.create_nat_gateway(request).unwrap();
    let gateway = |m: &Model, id: &str| m.nat_gateways().get(id).unwrap().clone();
    assert_eq!((gateway(&m, &n).private, gateway(&m, &n).public), (Some(ip("10.0.0.4")), None));
    assert_eq!(gateway(&m, &other).private, Some(ip("10.0.0.5")));
    m.delete_nat_gateway(&n).unwrap();
    let fixed = CreateNatGateway { subnet: s, is_private: true, private: Some(ip("10.0.0.5")), ..Default::default() };
    assert_eq!(refused(&mut m, |m| m.create_nat_gateway(fixed.clone())), "InvalidIPAddress.InUse");
    let free = CreateNatGateway { private: Some(ip("10.0.0.4")), ..fixed };
    m.create_nat_gateway(free).unwrap();
}

// covers: EIP-01 EIP-09 QTA-06 EIP-11 EIP-12 EIP-A1
#[test]
fn eip_01_allocation() {
    let mut m = Model::default();
    let a = m.allocate_address(None).unwrap();
    let b = m.allocate_address(Some(ip("198.51.100.9"))).unwrap();
    let c = m.allocate_address(None).unwrap();
    let public = |m: &Model, id: &str| m.elastic_ips().get(id).unwrap().public;
    assert_eq!([&a, &b, &c].map(|i| public(&m, i)), [ip("198.51.100.1"), ip("198.51.100.9"), ip("198.51.100.2")]);
    assert_eq!(refused(&mut m, |m| m.allocate_address(Some(ip("198.51.100.9")))), "InvalidAddress.NotFound");
    assert_eq!(refused(&mut m, |m| m.allocate_address(Some(ip("10.0.0.9")))), "InvalidAddress.NotFound");
    m.release_address(&a).unwrap();
    let fresh = m.allocate_address(None).unwrap();
    assert_eq!(public(&m, &fresh), ip("198.51.100.3"));
    let again = m.allocate_address(Some(ip("198.51.100.1"))).unwrap();
    assert_ne!(again, a);
    m.allocate_address(None).unwrap();
    assert_eq!(refused(&mut m, |m| m.allocate_address(None)), "AddressLimitExceeded");
    assert_eq!(refused(&mut m, |m| m.release_address(&a)), "InvalidAllocationID.NotFound");
}

// covers: EIP-02 EIP-04 EIP-17 EIP-18 EIP-19 EIP-20 EIP-21
#[test]
fn eip_04_association() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    let (x, y) = (launch(&mut m, &s), launch(&mut m, &s));
    let (a, b) = (m.allocate_address(None).unwrap(), m.allocate_address(None).unwrap());
    assert_eq!(refused(&mut m, |m| m.associate_address(to_instance(&a, &x))), "Gateway.NotAttached");
    igw(&mut m, &v);
    let both = AssociateAddress { interface: Some(eth0(&m, &x).id), ..to_instance(&a, &x) };
    assert_eq!(refused(&mut m, |m| m.associate_address(both)), "InvalidParameterCombination");
    let neither = AssociateAddress { instance: None, ..to_instance(&a, &x) };
    assert_eq!(refused(&mut m, |m| m.associate_address(neither)), "MissingParameter");
    let wrong = AssociateAddress { private: Some(ip("10.0.0.99")), ..to_instance(&a, &x) };
    assert_eq!(refused(&mut m, |m| m.associate_address(wrong)), "InvalidParameterValue");
    let first = m.associate_address(to_instance(&a, &x)).unwrap();
    assert_eq!(m.associate_address(to_instance(&a, &x)).unwrap(), first);
    let strict = AssociateAddress { allow_reassociation: Some(false), ..to_instance(&a, &y) };
    assert_eq!(refused(&mut m, |m| m.associate_address(strict)), "Resource.AlreadyAssociated");
    m.associate_address(to_instance(&a, &y)).unwrap();
    assert!(m.elastic_of(&eth0(&m, &x).id, eth0(&m, &x).primary()).is_none());
    m.associate_address(to_instance(&b, &y)).unwrap();
    assert!(m.elastic_ips().get(&a).unwrap().association.is_none());
    let e = eth0(&m, &y).id;
    let second = m
        .assign_private_ip_addresses(AssignPrivate { interface: e.clone(), count: 1, ..Default::default() })
        .unwrap()[0];
    m.associate_address(AssociateAddress { private: Some(second), ..to_instance(&a, &y) }).unwrap();
    assert_eq!(m.elastic_of(&e, second).unwrap().id, a);
    assert_eq!(refused(&mut m, |m| m.release_address(&a)), "InvalidIPAddress.InUse");
    let extra = eni(&mut m, &s);
    m.attach_network_interface(&extra, &y, 1).unwrap();
    assert_eq!(refused(&mut m, |m| m.associate_address(to_instance(&b, &y))), "InvalidInstanceID");
    assert_eq!(refused(&mut m, |m| m.disassociate_address("eipassoc-0")), "InvalidAssociationID.NotFound");
}

// covers: EIP-22
#[test]
fn eip_22_release_in_the_default_vpc() {
    let mut m = Model::default();
    let v = m.create_default_vpc().unwrap();
    let s = m.subnets().by(&v).next().unwrap().id.clone();
    let i = launch(&mut m, &s);
    let before = eth0(&m, &i).public;
    let a = m.allocate_address(None).unwrap();
    m.associate_address(to_instance(&a, &i)).unwrap();
    m.release_address(&a).unwrap();
    assert!(m.elastic_ips().is_empty());
    let after = eth0(&m, &i).public;
    assert!(before.is_some() && after.is_some() && after != before);
    // A NAT gateway keeps its own there, too.
    let n = nat(&mut m, &s);
    let allocation = m.nat_gateways().get(&n).unwrap().allocation.clone().unwrap();
    assert_eq!(refused(&mut m, |m| m.release_address(&allocation)), "AuthFailure");
}

// covers: EIP-07
#[test]
fn eip_07_an_address_changes_its_vpc() {
    let mut m = Model::default();
    let interfaces = ["10.0.0.0/16", "10.1.0.0/16"].map(|cidr| {
        let v = vpc(&mut m, cidr);
        igw(&mut m, &v);
        let s = subnet(&mut m, &v, &cidr.replace("/16", "/24"));
        let i = launch(&mut m, &s);
        eth0(&m, &i)
    });
    let a = m.allocate_address(None).unwrap();
    let public = m.elastic_ips().get(&a).unwrap().public;
    let mut compiler = crate::compile::Compiler::default();
    for eni in &interfaces {
        let request = AssociateAddress { allocation: a.clone(), interface: Some(eni.id.clone()), ..Default::default() };
        m.associate_address(request).unwrap();
        let topology = compiler.compile(&m).topology;
        let owners = &topology.edge.get(0).unwrap().owners;
        let owner = owners.get(&public).unwrap();
        assert_eq!((owner.eni.0, owner.private), (compiler.eni(&eni.id).unwrap().0, eni.primary()));
    }
}

// covers: EIP-03 EIP-08 ENI-03
#[test]
fn eip_03_the_address_moves_with_the_interface() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    igw(&mut m, &v);
    let (x, y) = (launch(&mut m, &s), launch(&mut m, &s));
    let e = eni(&mut m, &s);
    let attached = m.attach_network_interface(&e, &x, 1).unwrap();
    let a = m.allocate_address(None).unwrap();
    m.associate_address(AssociateAddress { allocation: a.clone(), interface: Some(e.clone()), ..Default::default() })
        .unwrap();
    let before = m.interfaces().get(&e).unwrap().clone();
    m.detach_network_interface(&attached).unwrap();
    m.attach_network_interface(&e, &y, 1).unwrap();
    let after = m.interfaces().get(&e).unwrap().clone();
    assert_eq!(NetworkInterface { attachment: None, ..before }, NetworkInterface { attachment: None, ..after });
    assert_eq!(m.elastic_ips().get(&a).unwrap().association.as_ref().unwrap().interface, e);
    m.terminate_instance(&y).unwrap();
    m.delete_network_interface(&e).unwrap();
    assert!(m.elastic_ips().get(&a).unwrap().association.is_none());
}

// covers: EIP-05 EIP-06 IP-09 IP-10
#[test]
fn eip_05_auto_assigned_addresses_give_way() {
    let mut m = Model::default();
    let v = vpc(&mut m, "10.0.0.0/16");
    let s = subnet(&mut m, &v, "10.0.0.0/24");
    igw(&mut m, &v);
    m.modify_subnet_attribute(&s, SubnetAttribute::MapPublicIp(true)).unwrap();
    let i = launch(&mut m, &s);
    assert_eq!(eth0(&m, &i).public, Some(ip("52.87.168.235")));
    let a = m.allocate_address(None).unwrap();
    let association = m.associate_address(to_instance(&a, &i)).unwrap();
    assert_eq!((eth0(&m, &i).public, m.public_of(&eth0(&m, &i))), (None, Some(ip("198.51.100.1"))));
    m.disassociate_address(&association).unwrap();
    assert_eq!(eth0(&m, &i).public, Some(ip("52.87.168.236")));
    m.stop_instance(&i).unwrap();
    assert_eq!(eth0(&m, &i).public, None);
    m.start_instance(&i).unwrap();
    assert_eq!(eth0(&m, &i).public, Some(ip("52.87.168.237")));
    let association = m.associate_address(to_instance(&a, &i)).unwrap();
    let extra = eni(&mut m, &s);
    m.attach_network_interface(&extra, &i, 1).unwrap();
    m.disassociate_address(&association).unwrap();
    assert_eq!(eth0(&m, &i).public, None);
}
