//! What is exported and read again is the same network, and is exported the same way.

use super::*;
use crate::compile::tests::operations::{OPERATIONS, Rng};
use crate::model::*;
use std::collections::BTreeSet;
use std::fmt::Write;

fn load(text: &str) -> Model {
    match template::load(text, "t", &BTreeMap::new()) {
        Ok(stack) => stack.model,
        Err(errors) => panic!("{errors:#?}\n{text}"),
    }
}

/// What packets and callers see of a model, without ids, MAC addresses and what was chosen by itself: one line for each thing, named by
/// place (the number of a VPC, a block, an address). Routing and ACLs are told as subnets obey them, since a template has no word for what
/// makes a table the main one. Instances count as running.
fn view(m: &Model) -> BTreeSet<String> {
    let vpc = |id: &str| m.vpcs().iter().position(|v| v.id == id).unwrap();
    let list = |id: &str| m.prefix_list(id).map(|l| format!("{} {:?} {:?}", l.name, l.max_entries, l.entries)).unwrap();
    let group = |id: &str| m.security_groups().get(id).map(|g| format!("{} {}", vpc(&g.vpc), g.name)).unwrap();
    let eni = |id: &str| m.interfaces().get(id).map(|e| format!("{} {}", vpc(&e.vpc), e.primary()));
    let routes = |t: &RouteTable| -> Vec<String> {
        let target = |r: &Route| match &r.target {
            RouteTarget::InternetGateway(g) => {
                m.internet_gateways().get(g).filter(|g| g.vpc.as_ref() == Some(&t.vpc)).map(|_| "igw".into())
            }
            RouteTarget::VpnGateway(g) => {
                m.vpn_gateways().get(g).filter(|g| g.vpc.as_ref() == Some(&t.vpc)).map(|_| "vgw".into())
            }
            RouteTarget::EgressOnlyGateway(g) => m.egress_only_gateways().get(g).map(|_| "eigw".into()),
            RouteTarget::NatGateway(n) => {
                m.nat_gateways().get(n).filter(|n| n.available()).map(|n| format!("nat {:?}", n.private))
            }
            RouteTarget::NetworkInterface(e) => eni(e).map(|e| format!("eni {e}")),
            // Where a local route was led elsewhere, the notes say it.
            _ => Some("local".into()),
        };
        let one = |r: &Route| target(r).map(|to| format!("{} {}", r.destination, if r.local { "local" } else { &to }));
        let mut all: Vec<String> = m.routes_in_force(t).iter().filter_map(one).collect();
        all.sort();
        all
    };
    let mut out = BTreeSet::new();
    for v in m.vpcs().iter() {
        let blocks: BTreeSet<_> = v.all_blocks().collect();
        let options = m.dhcp_options_of(v).map(|o| &o.options);
        out.insert(format!(
            "vpc {} {blocks:?} {:?} igw {} eigw {} dns {} {} dhcp {options:?}",
            vpc(&v.id),
            v.primary(),
            m.gateway_of(&v.id).is_some(),
            m.egress_only_of(&v.id).is_some(),
            v.dns_support,
            v.dns_hostnames,
        ));
        if let Some(g) = m.vpn_gateway_of(&v.id) {
            let table = g.table_association.as_ref().and_then(|a| m.table_associations().get(a));
            let table = table.map(|a| routes(m.route_tables().get(&a.table).unwrap()));
            out.insert(format!("vgw of {} {} {table:?}", vpc(&v.id), g.asn));
        }
        if let Some(a) = m.gateway_of(&v.id).and_then(|g| m.table_associations().get(g.table_association.as_ref()?)) {
            out.insert(format!("gateway table {} {:?}", vpc(&v.id), routes(m.route_tables().get(&a.table).unwrap())));
        }
    }
    for s in m.subnets().iter() {
        let acl = m.network_acls().get(&s.acl).unwrap();
        out.insert(format!(
            "subnet {} {} {:?} {} {} {} {:?} in {:?} out {:?} routes {:?} propagating {:?}",
            vpc(&s.vpc),
            s.cidr,
            s.ipv6.as_ref().map(|b| b.cidr),
            s.zone,
            s.map_public_ip,
            s.assign_ipv6,
            s.dns,
            acl.ingress,
            acl.egress,
            routes(m.effective_route_table(s).unwrap()),
            m.propagated_routes(m.effective_route_table(s).unwrap()).iter().map(|r| r.destination).collect::<Vec<_>>(),
        ));
    }
    let customer = |g: &CustomerGateway| format!("{} {} {:?}", g.address, g.asn, g.device_name);
    out.extend(m.customer_gateways().iter().filter(|g| g.deleted.is_none()).map(|g| format!("cgw {}", customer(g))));
    for c in m.vpn_connections().iter().filter(|c| c.deleted.is_none()) {
        let theirs = customer(m.customer_gateways().get(&c.customer_gateway).unwrap());
        let ours = m.vpn_gateways().get(&c.vpn_gateway).unwrap();
        let at = ours.vpc.as_ref().map(|v| vpc(v));
        out.insert(format!("vpn {theirs} to {} {at:?} {} {:?}", ours.asn, c.static_routes_only, c.routes));
    }
    for g in m.security_groups().iter() {
        for (way, rules) in [("in", &g.ingress), ("out", &g.egress)] {
            for r in rules {
                let peer = match &r.peer {
                    RulePeer::Cidr(n) => n.to_string(),
                    RulePeer::Group(id) => group(id),
                    RulePeer::PrefixList(id) => list(id),
                };
                out.insert(format!(
                    "rule {} {way} {:?} {:?} {peer} {}",
                    group(&g.id),
                    r.protocol,
                    r.ports,
                    r.description
                ));
            }
        }
        out.insert(format!("group {} {}", group(&g.id), g.description));
    }
    for e in m.interfaces().iter() {
        let mut line = format!("eni {}", eni(&e.id).unwrap());
        let _ = write!(line, " {:?} {:?} {} {:?}", e.private, e.ipv6, e.source_dest_check, e.timeouts);
        let groups: BTreeSet<_> = e.groups.iter().map(|g| group(g)).collect();
        let elastic: Vec<_> = e.private.iter().map(|a| m.elastic_of(&e.id, *a).map(|a| a.public)).collect();
        let _ = write!(line, " {groups:?} {elastic:?} nat {}", e.nat_gateway.is_some());
        if let Some(a) = &e.attachment {
            let i = m.instances().get(&a.instance).unwrap();
            let stopped = i.state == InstanceState::Stopped;
            let public = if stopped {
                i.wants_public && i.interfaces.len() == 1 && elastic[0].is_none()
            } else {
                e.public.is_some()
            };
            let _ = write!(
                line,
                " at {} of {:?} {} {} public {public}",
                a.device_index,
                eni(&i.interfaces[&0]),
                a.delete_on_termination,
                i.instance_type,
            );
        }
        out.insert(line);
    }
    for n in m.nat_gateways().iter().filter(|n| n.available()) {
        out.insert(format!(
            "nat {} {:?} {:?} {}",
            vpc(&n.vpc),
            n.private,
            n.public,
            m.subnets().get(&n.subnet).unwrap().cidr
        ));
    }
    out.extend(m.elastic_ips().iter().map(|a| format!("elastic {}", a.public)));
    out.extend(m.prefix_lists().iter().map(|l| list(&l.id)));
    out
}

/// Exports, reads, exports again; the notes of the first time.
fn round_trip(m: &Model) -> Vec<String> {
    let first = export(m, &[]);
    if first.is_empty() {
        return first.notes;
    }
    let again = load(&first.json());
    assert_eq!(load(&first.yaml()).records(), again.records(), "{}", first.yaml());
    // What the rules refuse to make again is missing, and said to be.
    if !first.notes.iter().any(|n| n.contains("could not be made again") || n.contains("connection tracking")) {
        let (before, after) = (view(m), view(&again));
        let lost: Vec<_> = before.difference(&after).collect();
        let new: Vec<_> = after.difference(&before).collect();
        assert!(lost.is_empty() && new.is_empty(), "lost {lost:#?}\nnew {new:#?}\n{}", first.yaml());
    }
    let second = export(&again, &[]);
    assert_eq!(second.resources(), first.resources(), "{}\n---\n{}", first.yaml(), second.yaml());
    first.notes
}

#[test]
fn any_history_comes_back_as_it_was() {
    let (mut told, mut whole) = (BTreeSet::new(), 0);
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let mut m = Model::new(seed);
        *m.limits_mut() = Limits { elastic_ips: 8, ..Limits::default() };
        for _ in 0..150 {
            let mut next = m.clone();
            let (_, operation) = OPERATIONS[rng.below(OPERATIONS.len())];
            if operation(&mut next, &mut rng).is_some() {
                m = next;
            }
        }
        let notes = round_trip(&m);
        let refused: Vec<_> = notes.into_iter().filter(|n| n.contains("could not be made again")).collect();
        whole += usize::from(refused.is_empty());
        told.extend(refused);
    }
    assert!(whole >= 140, "{whole} {told:#?}");
}

/// Kinds of resources in an export.
fn kinds(e: &Export) -> BTreeSet<&str> {
    e.resources.iter().map(|r| r.kind.strip_prefix("AWS::EC2::").unwrap_or(&r.kind)).collect()
}

#[test]
fn histories_export_all_that_the_generator_makes() {
    let mut seen = BTreeSet::new();
    for seed in 0..150 {
        let mut rng = Rng(seed);
        let mut m = Model::new(seed);
        for _ in 0..400 {
            let mut next = m.clone();
            if OPERATIONS[rng.below(OPERATIONS.len())].1(&mut next, &mut rng).is_some() {
                m = next;
            }
        }
        seen.extend(kinds(&export(&m, &[])).into_iter().map(String::from));
    }
    let expected = [
        "Custom::VpcRestrictDefaultSG",
        "CustomerGateway",
        "EIP",
        "EIPAssociation",
        "EgressOnlyInternetGateway",
        "GatewayRouteTableAssociation",
        "Instance",
        "InternetGateway",
        "NatGateway",
        "NetworkAcl",
        "NetworkAclEntry",
        "NetworkInterface",
        "NetworkInterfaceAttachment",
        "PrefixList",
        "Route",
        "RouteTable",
        "SecurityGroup",
        "SecurityGroupEgress",
        "SecurityGroupIngress",
        "Subnet",
        "SubnetNetworkAclAssociation",
        "SubnetRouteTableAssociation",
        "VPC",
        "VPCCidrBlock",
        "VPCGatewayAttachment",
        "VPNConnection",
        "VPNConnectionRoute",
        "VPNGateway",
        "VPNGatewayRoutePropagation",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn a_second_interface_beside_a_public_address() {
    let mut m = Model::new(1);
    let v = m.create_vpc(CreateVpc::new("10.0.0.0/16".parse().unwrap())).unwrap();
    let cidr4 = "10.0.0.0/24".parse().unwrap();
    let s = m.create_subnet(CreateSubnet { vpc: v.clone(), cidr4, cidr6: None, az: None }).unwrap();
    m.modify_subnet_attribute(&s, SubnetAttribute::MapPublicIp(true)).unwrap();
    let g = m.create_internet_gateway().unwrap();
    m.attach_internet_gateway(&g, &v).unwrap();
    let i = m.run_instance(RunInstance { subnet: Some(s.clone()), ..Default::default() }).unwrap();
    let t = m.create_route_table(&v).unwrap();
    m.create_route(&t, "192.0.2.0/24".parse().unwrap(), RouteTarget::Instance(i.clone())).unwrap();
    let e = m.create_network_interface(CreateNetworkInterface { subnet: s, ..Default::default() }).unwrap();
    m.attach_network_interface(&e, &i, 1).unwrap();
    assert!(kinds(&export(&m, &[])).contains("NetworkInterfaceAttachment"));
    let notes = round_trip(&m);
    assert!(notes.iter().all(|n| n.contains("assigned by itself")), "{notes:#?}");
}

#[test]
fn a_template_comes_back_under_its_own_names() {
    let text = include_str!("../../../docs/examples/nat.yaml");
    let stack = template::load(text, "nat.yaml", &BTreeMap::new()).unwrap();
    assert_eq!(round_trip(&stack.model), [] as [&str; 0]);
    let e = export(&stack.model, &[]);
    let exported: BTreeSet<&str> = e.resources.iter().map(|r| r.logical.as_str()).collect();
    let written: BTreeSet<&str> = stack.logical.iter().map(|r| r.logical.as_str()).collect();
    // Rules that name groups, and an address on an instance, stand on their own in an export.
    let more: Vec<_> = exported.difference(&written).copied().collect();
    assert_eq!(more, ["DBServerSGIn", "DBServerSGIn2", "WebAddressAssociation"]);
    assert!(written.is_subset(&exported), "{:?}", written.difference(&exported).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_said_is_told() {
    let mut m = Model::new(1);
    m.create_default_vpc().unwrap();
    assert!(export(&m, &[]).is_empty(), "the default VPC is there by itself");
    let subnet = m.subnets().iter().next().unwrap().id.clone();
    let run =
        |m: &mut Model| m.run_instance(RunInstance { subnet: Some(subnet.clone()), ..Default::default() }).unwrap();
    let (gone, stopped, running) = (run(&mut m), run(&mut m), run(&mut m));
    m.terminate_instance(&gone).unwrap();
    m.stop_instance(&stopped).unwrap();
    m.create_cidr_reservation(CreateCidrReservation {
        subnet: subnet.clone(),
        cidr: "172.31.0.128/28".parse().unwrap(),
        kind: Reserved::Explicit,
        description: String::new(),
    })
    .unwrap();
    let main = m.route_tables().iter().next().unwrap().id.clone();
    let failed = m.create_nat_gateway(CreateNatGateway::public(&subnet, "eipalloc-0")).unwrap();
    let notes = round_trip(&m);
    let told = |id: &str, what: &str| {
        assert!(notes.iter().any(|n| n.starts_with(id) && n.contains(what)), "{id} {what}: {notes:#?}");
    };
    told(&gone, "terminated");
    told(&stopped, "stopped");
    told(&failed, "failed");
    told(&main, "main route table");
    told("scr-", "172.31.0.128/28");
    told(&m.default_vpc().unwrap().id, "ordinary");
    told(&m.instances().get(&running).unwrap().interfaces[&0], "assigned by itself");
    // One more VPC fits beside the default one of a new account.
    let mut full = m.clone();
    for i in 0..4 {
        full.create_vpc(CreateVpc::new(format!("10.{i}.0.0/16").parse().unwrap())).unwrap();
    }
    let mut fresh = Model::new(2);
    fresh.create_default_vpc().unwrap();
    let stack = template::load_into(fresh, &export(&full, &[]).yaml(), "t", &BTreeMap::new()).unwrap();
    assert_eq!(stack.model.vpcs().len(), 6);
}

#[test]
fn names_come_from_labels_then_tags_then_types() {
    let mut m = Model::new(1);
    let vpcs: Vec<Id> =
        (0..5).map(|i| m.create_vpc(CreateVpc::new(format!("10.{i}.0.0/16").parse().unwrap())).unwrap()).collect();
    let name = |m: &mut Model, id: &Id, n: &str| {
        m.create_tags(std::slice::from_ref(id), &[("Name".into(), n.into())]).unwrap()
    };
    name(&mut m, &vpcs[0], "my net-1");
    name(&mut m, &vpcs[1], "mynet1");
    name(&mut m, &vpcs[2], "--");
    m.set_label(&vpcs[3], "VPC1");
    let e = export(&m, &[]);
    let names: Vec<&str> = e.resources.iter().map(|r| r.logical.as_str()).collect();
    assert_eq!(names, ["mynet1", "mynet12", "VPC2", "VPC1", "VPC3"]);
    round_trip(&m);
}

#[test]
fn the_internet_and_quotas_are_settings() {
    let mut m = Model::new(1);
    m.create_vpc(CreateVpc::new("10.0.0.0/16".parse().unwrap())).unwrap();
    m.set_quota("Vpcs", 9).unwrap();
    m.constrain_zone("us-east-1b").unwrap();
    let e = export(&m, &["192.0.2.1".parse().unwrap()]);
    let stack = template::load(&e.yaml(), "t", &BTreeMap::new()).unwrap();
    assert_eq!(stack.internet[0].addresses, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    assert_eq!((stack.model.limits().vpcs, stack.model.limits().internet_gateways), (9, 9));
    assert_eq!(stack.model.constrained_zones(), m.constrained_zones());
    // A template cannot say which zones there are.
    let zones = ["x", "us-east-1c"].map(|name| Zone { name: name.into(), id: name.into() });
    m.set_zones(zones.into());
    m.constrain_zone("x").unwrap();
    m.constrain_zone("us-east-1c").unwrap();
    let stack = template::load(&export(&m, &[]).yaml(), "t", &BTreeMap::new()).unwrap();
    assert!(!stack.model.constrained_zones().contains("x"));
    assert!(stack.model.constrained_zones().contains("us-east-1c"));
}
