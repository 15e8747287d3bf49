mod incremental;
pub(crate) mod operations;
mod propagation;
mod whole;

use super::*;
use crate::model::{
    AddressFamily, AssociateAddress, AssociateWith, CreateNatGateway, CreateNetworkInterface, CreatePrefixList,
    CreateSecurityGroup, CreateSubnet, CreateVpc, Direction, IpPermission, ModifyPrefixList, NetworkAclEntrySpec,
    PrefixListEntry, RouteTarget, RulePeer, RunInstance,
};
use crate::template;
use std::collections::BTreeMap;
use std::net::IpAddr;
use vpcd_dataplane::topology::{EniIdx, Target};
use vpcd_tables::filter::Key;

fn net(t: &str) -> ipnet::IpNet {
    t.parse().unwrap()
}
fn ip(t: &str) -> IpAddr {
    t.parse().unwrap()
}
fn key(peer: &str, proto: u8, port: u16) -> Key {
    Key { peer: ip(peer), proto, port }
}

struct World {
    m: Model,
    c: Compiler,
    v: String,
    s: String,
    g: String,
    i: String,
}

/// A VPC with a gateway, one subnet, one instance with an Elastic IP.
fn world() -> World {
    let mut m = Model::default();
    let v = m
        .create_vpc(CreateVpc { amazon_provided_ipv6: true, ..CreateVpc::new("10.0.0.0/16".parse().unwrap()) })
        .unwrap();
    let cidr6 = Some("2001:db8:1234:1a00::/64".parse().unwrap());
    let s = m
        .create_subnet(CreateSubnet { vpc: v.clone(), cidr4: "10.0.0.0/24".parse().unwrap(), cidr6, az: None })
        .unwrap();
    let g = m.create_internet_gateway().unwrap();
    m.attach_internet_gateway(&g, &v).unwrap();
    let i = m.run_instance(RunInstance { subnet: Some(s.clone()), ..Default::default() }).unwrap();
    let allocation = m.allocate_address(None).unwrap();
    m.associate_address(AssociateAddress { allocation, instance: Some(i.clone()), ..Default::default() }).unwrap();
    World { m, c: Compiler::new(), v, s, g, i }
}

impl World {
    fn compile(&mut self) -> Topology {
        self.c.compile(&self.m).topology
    }
    fn eni(&self) -> EniIdx {
        self.c.eni(&self.m.instances().get(&self.i).unwrap().interfaces[&0]).unwrap()
    }
    fn route(&self, t: &Topology, to: &str) -> Option<Target> {
        let s = t.subnets.get(self.c.subnet(&self.s).unwrap().at()).unwrap();
        t.route_tables.get(s.route_table.at()).unwrap().lookup(ip(to)).map(|r| r.target)
    }
    fn main(&self) -> String {
        self.m.main_route_table(&self.v).unwrap().id.clone()
    }
}

// covers: SUB-09
#[test]
fn sub_09_resolver_of_the_primary_block() {
    let mut w = world();
    w.m.associate_vpc_cidr_block(&w.v, "10.2.0.0/16".parse().unwrap()).unwrap();
    let t = w.compile();
    assert_eq!(t.vpcs.get(0).unwrap().resolver, "10.0.0.2".parse::<std::net::Ipv4Addr>().unwrap());
}

// covers: RT-46 RT-48 IGW-20
#[test]
fn rt_48_holes_where_targets_were() {
    let mut w = world();
    let (main, v, s) = (w.main(), w.v.clone(), w.s.clone());
    let allocation = w.m.allocate_address(None).unwrap();
    let nat = w.m.create_nat_gateway(CreateNatGateway::public(&s, &allocation)).unwrap();
    let eigw = w.m.create_egress_only_internet_gateway(&v).unwrap();
    let free = w.m.create_network_interface(CreateNetworkInterface { subnet: s, ..Default::default() }).unwrap();
    for (to, target) in [
        ("0.0.0.0/0", RouteTarget::NatGateway(nat.clone())),
        ("203.0.113.0/24", RouteTarget::InternetGateway(w.g.clone())),
        ("192.0.2.0/24", RouteTarget::NetworkInterface(free.clone())),
        ("::/0", RouteTarget::EgressOnlyGateway(eigw.clone())),
    ] {
        w.m.create_route(&main, net(to), target).unwrap();
    }
    let t = w.compile();
    let expected = [
        ("10.0.9.9", Target::Local),
        ("203.0.113.5", Target::InternetGateway),
        ("192.0.2.7", Target::Blackhole),
        ("8.8.8.8", Target::NatGateway(w.c.nat(&nat).unwrap())),
        ("2001:db8::1", Target::EgressOnly),
        ("2001:db8:1234:1a99::1", Target::Local),
    ];
    for (to, target) in expected {
        assert_eq!(w.route(&t, to), Some(target), "{to}");
    }
    w.m.delete_nat_gateway(&nat).unwrap();
    w.m.delete_egress_only_internet_gateway(&eigw).unwrap();
    let i = w.i.clone();
    let attached = w.m.attach_network_interface(&free, &i, 1).unwrap();
    let t = w.compile();
    assert_eq!(w.route(&t, "8.8.8.8"), Some(Target::Blackhole));
    assert_eq!(w.route(&t, "2001:db8::1"), Some(Target::Blackhole));
    assert_eq!(w.route(&t, "192.0.2.7"), Some(Target::Eni(w.c.eni(&free).unwrap())));
    w.m.stop_instance(&i).unwrap();
    let t = w.compile();
    assert_eq!(w.route(&t, "192.0.2.7"), Some(Target::Blackhole));
    w.m.detach_network_interface(&attached).unwrap();
    w.m.delete_network_interface(&free).unwrap();
    w.m.delete_route(&main, net("192.0.2.0/24")).unwrap();
    let t = w.compile();
    assert_eq!(w.route(&t, "192.0.2.7"), Some(Target::Blackhole), "0.0.0.0/0 shows, still a hole");
}

#[test]
fn an_impaired_zone_has_no_gateways() {
    let mut w = world();
    let (main, v, s) = (w.main(), w.v.clone(), w.s.clone());
    let az = Some("us-east-1b".into());
    let cidr4 = "10.0.1.0/24".parse().unwrap();
    let there = w.m.create_subnet(CreateSubnet { vpc: v, cidr4, cidr6: None, az }).unwrap();
    let nats = [s, there].map(|s| {
        let allocation = w.m.allocate_address(None).unwrap();
        w.m.create_nat_gateway(CreateNatGateway::public(&s, &allocation)).unwrap()
    });
    w.m.create_route(&main, net("0.0.0.0/0"), RouteTarget::NatGateway(nats[0].clone())).unwrap();
    let sound = w.compile();
    let at = nats.each_ref().map(|n| w.c.nat(n).unwrap());
    let running = |t: &Topology| at.map(|at| t.nats.get(at.at()).is_some());
    assert_eq!(running(&sound), [true, true]);
    w.m.impair_zone("us-east-1a", true).unwrap();
    let t = w.compile();
    assert_eq!(running(&t), [false, true]);
    // For the API nothing has changed, and nobody's public address moves: what the gateways remember is as old as before.
    assert!(
        w.m.routes_in_force(w.m.route_tables().get(&main).unwrap()).iter().all(|r| w.m.route_active(&w.v, &r.target))
    );
    assert_eq!(t.edge.get(0), sound.edge.get(0));
    w.m.impair_zone("us-east-1b", true).unwrap();
    assert_eq!(running(&w.compile()), [false, false]);
    w.m.impair_zone("us-east-1a", false).unwrap();
    let t = w.compile();
    assert_eq!(running(&t), [true, false]);
    assert_eq!(t.nats.get(at[0].at()), sound.nats.get(at[0].at()));
}

// covers: SG-207 SG-50
#[test]
fn sg_207_members_by_every_private_address() {
    let mut w = world();
    let eni = w.m.instances().get(&w.i).unwrap().interfaces[&0].clone();
    w.m.assign_ipv6_addresses(&eni, &[], 1).unwrap();
    w.m.assign_private_ip_addresses(crate::model::AssignPrivate {
        interface: eni.clone(),
        count: 1,
        ..Default::default()
    })
    .unwrap();
    let (v, g) = (w.v.clone(), CreateSecurityGroup { vpc: w.v.clone(), name: "db".into(), description: "d".into() });
    let db = w.m.create_security_group(g).unwrap();
    let default = w.m.vpcs().get(&v).unwrap().default_group.clone();
    let rule = IpPermission::ports(6, 3306, 3306, RulePeer::Group(default.clone()));
    w.m.authorize_security_group(&db, Direction::Ingress, &[rule]).unwrap();
    let s = w.s.clone();
    let server = w
        .m
        .create_network_interface(CreateNetworkInterface { subnet: s, groups: vec![db.clone()], ..Default::default() })
        .unwrap();
    let t = w.compile();
    let filter = t.filters.get(t.enis.get(w.c.eni(&server).unwrap().at()).unwrap().filter.at()).unwrap();
    let members = t.members.get(0).unwrap();
    for from in ["10.0.0.4", "10.0.0.5", "2001:db8:1234:1a00::4"] {
        assert!(filter.ingress.classify(&key(from, 6, 3306), members).is_some(), "{from}");
    }
    for from in ["198.51.100.1", "10.0.0.6", "10.0.0.99"] {
        assert!(filter.ingress.classify(&key(from, 6, 3306), members).is_none(), "{from}");
    }
    assert!(filter.ingress.classify(&key("10.0.0.4", 6, 3307), members).is_none());
    w.m.modify_groups(&eni, &[db]).unwrap();
    let t = w.compile();
    let members = t.members.get(0).unwrap();
    let filter = t.filters.get(t.enis.get(w.c.eni(&server).unwrap().at()).unwrap().filter.at()).unwrap();
    assert!(filter.ingress.classify(&key("10.0.0.4", 6, 3306), members).is_none());
}

// covers: SG-42 SG-34
#[test]
fn sg_42_union_of_groups_and_icmp_ranges() {
    let mut w = world();
    let mut ids = Vec::new();
    for (name, rule) in [
        ("a", IpPermission::ports(6, 80, 81, RulePeer::Cidr(net("0.0.0.0/0")))),
        ("b", IpPermission::ports(1, 8, 0, RulePeer::Cidr(net("0.0.0.0/0")))),
        ("c", IpPermission::ports(1, 3, -1, RulePeer::Cidr(net("0.0.0.0/0")))),
    ] {
        let g = CreateSecurityGroup { vpc: w.v.clone(), name: name.into(), description: "d".into() };
        let id = w.m.create_security_group(g).unwrap();
        w.m.set_label(&id, name);
        w.m.authorize_security_group(&id, Direction::Ingress, &[rule]).unwrap();
        ids.push(id);
    }
    let (i, eni) = (w.i.clone(), w.m.instances().get(&w.i).unwrap().interfaces[&0].clone());
    w.m.modify_instance_groups(&i, &ids).unwrap();
    let Compiled { topology: t, names } = w.c.compile(&w.m);
    let filter = t.filters.get(t.enis.get(w.c.eni(&eni).unwrap().at()).unwrap().filter.at()).unwrap();
    let hit = |proto, port| {
        filter.ingress.classify(&key("192.0.2.7", proto, port), t.members.get(0).unwrap()).map(|r| names.sg_rule(r))
    };
    assert_eq!(hit(6, 81), Some("a in tcp 80-81 0.0.0.0/0"));
    assert_eq!(hit(1, 8 * 256), Some("b in icmp 8/0 0.0.0.0/0"));
    assert_eq!(hit(1, 3 * 256 + 4), Some("c in icmp 3 0.0.0.0/0"));
    assert_eq!((hit(1, 8 * 256 + 1), hit(1, 4 * 256), hit(6, 82), hit(17, 80)), (None, None, None, None));
}

// covers: NACL-201
#[test]
fn nacl_201_lists_as_the_workers_see_them() {
    let mut w = world();
    let v = w.v.clone();
    let acl = w.m.create_network_acl(&v).unwrap();
    let spec = |number, protocol, cidr: &str| NetworkAclEntrySpec {
        acl: acl.clone(),
        direction: Direction::Ingress,
        number,
        protocol,
        cidr: net(cidr),
        allow: true,
        ports: Some((1, 2)),
        icmp: Some((128, 0)),
    };
    w.m.create_network_acl_entry(spec(10, Some(58), "0.0.0.0/0")).unwrap();
    w.m.create_network_acl_entry(spec(20, Some(58), "::/0")).unwrap();
    w.m.create_network_acl_entry(spec(30, Some(47), "0.0.0.0/0")).unwrap();
    let t = w.compile();
    let list = &t.nacls.get(w.c.nacl(&acl).unwrap().at()).unwrap().inbound;
    assert_eq!(list.classify(&key("192.0.2.7", 58, 0)).rule, 32767);
    assert_eq!(list.classify(&key("2001:db8::1", 58, 128 * 256)).rule, 20);
    assert_eq!(list.classify(&key("2001:db8::1", 58, 129 * 256)).rule, 32768);
    assert_eq!(list.classify(&key("192.0.2.7", 47, 0)).rule, 30);
}

// covers: RT-50 RT-57
#[test]
fn rt_57_gateway_table_reaches_the_edge() {
    let mut w = world();
    let (v, s, g) = (w.v.clone(), w.s.clone(), w.g.clone());
    let table = w.m.create_route_table(&v).unwrap();
    w.m.associate_route_table(&table, AssociateWith::Gateway(g)).unwrap();
    let i = w.m.run_instance(RunInstance { subnet: Some(s), ..Default::default() }).unwrap();
    w.m.replace_route(&table, net("10.0.0.0/16"), RouteTarget::Instance(i.clone())).unwrap();
    let t = w.compile();
    let at = t.vpcs.get(0).unwrap().igw_routes.unwrap();
    let middlebox = w.c.eni(&w.m.instances().get(&i).unwrap().interfaces[&0]).unwrap();
    assert_eq!(t.route_tables.get(at.at()).unwrap().lookup(ip("10.0.3.3")).unwrap().target, Target::Eni(middlebox));
}

// covers: NAT-05 NAT-09 IGW-10
#[test]
fn nat_gateways_and_public_addresses() {
    let mut w = world();
    let (v, s, g, i) = (w.v.clone(), w.s.clone(), w.g.clone(), w.i.clone());
    let allocation = w.m.allocate_address(Some("198.51.100.9".parse().unwrap())).unwrap();
    let nat = w.m.create_nat_gateway(CreateNatGateway::public(&s, &allocation)).unwrap();
    let t = w.compile();
    let at = w.c.nat(&nat).unwrap();
    let gateway = t.nats.get(at.at()).unwrap();
    let eni = t.enis.get(gateway.eni.at()).unwrap();
    assert_eq!((eni.nat, eni.attached, eni.check), (Some(at), false, false));
    assert!(t.filters.get(eni.filter.at()).unwrap().egress.rules().is_empty());
    assert_eq!(t.publics.get(0).unwrap().public(gateway.private), Some(gateway.public));
    let owners = &t.edge.get(0).unwrap().owners;
    let web = *owners.get(&std::net::Ipv4Addr::new(198, 51, 100, 1)).unwrap();
    assert_eq!((owners.get(&gateway.public).unwrap().nat, web.nat, owners.len()), (Some(at), None, 2));
    assert_eq!(web.eni, w.eni());
    w.m.delete_nat_gateway(&nat).unwrap();
    w.m.terminate_instance(&i).unwrap();
    w.m.detach_internet_gateway(&g, &v).unwrap();
    let t = w.compile();
    assert!(t.nats.get(at.at()).is_none() && t.edge.get(0).unwrap().owners.is_empty() && !t.vpcs.get(0).unwrap().igw);
}

#[test]
fn indices_are_for_life_and_unchanged_objects_are_shared() {
    let mut w = world();
    let first = Topology::default().succeed(w.compile());
    let (s, eni) = (w.s.clone(), w.eni());
    let gone =
        w.m.create_network_interface(CreateNetworkInterface { subnet: s.clone(), ..Default::default() }).unwrap();
    let second = first.succeed(w.compile());
    let old = w.c.eni(&gone).unwrap();
    w.m.delete_network_interface(&gone).unwrap();
    let third = second.succeed(w.compile());
    assert!(second.enis.get(old.at()).is_some() && third.enis.get(old.at()).is_none());
    let new = w.m.create_network_interface(CreateNetworkInterface { subnet: s, ..Default::default() }).unwrap();
    let fourth = third.succeed(w.compile());
    assert_ne!(w.c.eni(&new).unwrap(), old);
    assert_eq!(w.eni(), eni);
    assert!(std::sync::Arc::ptr_eq(&first.filters.share(0).unwrap(), &fourth.filters.share(0).unwrap()));
    assert!(std::sync::Arc::ptr_eq(&first.enis.share(eni.at()).unwrap(), &fourth.enis.share(eni.at()).unwrap()));
    assert!(std::sync::Arc::ptr_eq(&first.route_tables.share(0).unwrap(), &fourth.route_tables.share(0).unwrap()));
    assert!(!std::sync::Arc::ptr_eq(&first.addresses.share(0).unwrap(), &second.addresses.share(0).unwrap()));
}

#[test]
fn names_are_logical_ids() {
    let stack =
        template::load(include_str!("../../../../docs/examples/nat.yaml"), "nat.yaml", &BTreeMap::new()).unwrap();
    let mut c = Compiler::new();
    let Compiled { topology: t, names } = c.compile(&stack.model);
    let by_name: Vec<&str> = t.enis.iter().map(|(i, _)| names.eni(EniIdx(i as u32))).collect();
    assert_eq!(by_name, ["Web", "Db", "Other", "App", "Nat"]);
    let web = c.eni(&stack.port("Web").unwrap().id).unwrap();
    assert_eq!((names.port(0), names.port(web.port())), ("internet", "Web"));
    let v = c.vpc(&stack.resource("Vpc").unwrap().id).unwrap();
    assert_eq!((names.vpc(v), names.igw(v), names.eigw(v)), ("Vpc", "Igw", "Eigw"));
    assert_eq!(names.nat(c.nat(&stack.resource("Nat").unwrap().id).unwrap()), "Nat");
    assert_eq!(names.subnet(c.subnet(&stack.resource("PrivateSubnet").unwrap().id).unwrap()), "PrivateSubnet");
    assert_eq!(names.nacl(c.nacl(&stack.resource("PrivateAcl").unwrap().id).unwrap()), "PrivateAcl");
    assert_eq!(names.route_table(c.route_table(&stack.resource("PrivateTable").unwrap().id).unwrap()), "PrivateTable");
    let db = t.enis.get(c.eni(&stack.port("Db").unwrap().id).unwrap().at()).unwrap();
    let hit = t
        .filters
        .get(db.filter.at())
        .unwrap()
        .ingress
        .classify(&key("10.0.0.5", 6, 3306), t.members.get(0).unwrap())
        .unwrap();
    assert_eq!(names.sg_rule(hit), "DBServerSG in tcp 3306-3307 WebServerSG");
}

// covers: SG-33
#[test]
fn sg_33_a_prefix_list_acts_with_what_it_holds_now() {
    let mut w = world();
    let entry = |cidr| PrefixListEntry { cidr: net(cidr), description: String::new() };
    let list = CreatePrefixList {
        name: "offices".into(),
        family: AddressFamily::V4,
        max_entries: 5,
        entries: vec![entry("192.0.2.0/24"), entry("198.51.100.7/32")],
    };
    let list = w.m.create_prefix_list(list).unwrap();
    w.m.set_label(&list, "offices");
    let g = CreateSecurityGroup { vpc: w.v.clone(), name: "g".into(), description: "d".into() };
    let g = w.m.create_security_group(g).unwrap();
    w.m.set_label(&g, "g");
    let rule = IpPermission::ports(6, 443, 443, RulePeer::PrefixList(list.clone()));
    for way in [Direction::Ingress, Direction::Egress] {
        w.m.authorize_security_group(&g, way, std::slice::from_ref(&rule)).unwrap();
    }
    let own = w.m.security_groups().get(&g).unwrap().egress[0].id.clone();
    w.m.revoke_security_group_rules(&g, Direction::Egress, &[own]).unwrap();
    let (i, eni) = (w.i.clone(), w.m.instances().get(&w.i).unwrap().interfaces[&0].clone());
    w.m.modify_instance_groups(&i, &[g]).unwrap();
    let hits = |w: &mut World, peer: &str| {
        let Compiled { topology: t, names } = w.c.compile(&w.m);
        let filter = t.filters.get(t.enis.get(w.c.eni(&eni).unwrap().at()).unwrap().filter.at()).unwrap();
        [&filter.ingress, &filter.egress].map(|side| {
            side.classify(&key(peer, 6, 443), t.members.get(0).unwrap()).map(|r| names.sg_rule(r).to_string())
        })
    };
    let by_list = ["g in tcp 443 offices", "g out tcp 443 offices"].map(|name| Some(name.to_string()));
    assert_eq!(hits(&mut w, "192.0.2.9"), by_list);
    assert_eq!(hits(&mut w, "198.51.100.7"), by_list);
    assert_eq!(hits(&mut w, "198.51.100.8"), [None, None]);
    let change = ModifyPrefixList {
        add: vec![entry("198.51.100.8/32")],
        remove: vec![net("192.0.2.0/24")],
        ..Default::default()
    };
    w.m.modify_prefix_list(&list, change).unwrap();
    assert_eq!(hits(&mut w, "192.0.2.9"), [None, None]);
    assert_eq!(hits(&mut w, "198.51.100.8"), by_list);
    w.m.restore_prefix_list(&list, 1, 2).unwrap();
    assert_eq!(hits(&mut w, "192.0.2.9"), by_list);
}
