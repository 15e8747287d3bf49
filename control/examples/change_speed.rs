//! What one change costs with many interfaces present, from the call to the moment the workers run under it.
//!
//! `change_speed [ROUNDS [INTERFACES...]]`; without arguments 200 rounds over 100, 1,000 and 10,000 interfaces. Each round makes every kind of change once, each
//! as a server would: on a copy of the model, compiled, published to a running engine, settled. Times are microseconds, median and 99th percentile.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use vpcd_control::compile::Compiler;
use vpcd_control::model::{
    AssociateAddress, AssociateWith, CreateNetworkInterface, CreateSecurityGroup, CreateSubnet, CreateVpc, Direction,
    Id, IpPermission, Limits, Model, NetworkAclEntrySpec, Result, RouteTarget, RulePeer, RunInstance,
};
use vpcd_dataplane::engine::Config;
use vpcd_io::live::Live;

/// Every step of a change, in the order of the columns.
const STEPS: [&str; 4] = ["operation", "compile", "publish", "all"];

/// What the changes are made to.
struct World {
    model: Model,
    subnet: Id,
    groups: Vec<Id>,
    acl: Id,
    tables: [Id; 2],
    association: Id,
    /// A free interface with groups to change, and one for an Elastic IP.
    interfaces: [Id; 2],
    allocation: Id,
    last: Id,
    count: usize,
}

type Change = fn(&mut World, &mut Model) -> Result<()>;

const CHANGES: [(&str, Change); 14] = [
    ("create interface", |w, m| {
        w.last =
            m.create_network_interface(CreateNetworkInterface { subnet: w.subnet.clone(), ..Default::default() })?;
        Ok(())
    }),
    ("delete interface", |w, m| m.delete_network_interface(&w.last)),
    ("run instance", |w, m| {
        w.last = m.run_instance(RunInstance { subnet: Some(w.subnet.clone()), ..Default::default() })?;
        Ok(())
    }),
    ("terminate instance", |w, m| m.terminate_instance(&w.last)),
    ("add group rule", |w, m| {
        let rule = IpPermission::ports(6, 9999, 9999, RulePeer::Group(w.groups[1].clone()));
        w.last = m.authorize_security_group(&w.groups[0], Direction::Ingress, &[rule])?.remove(0);
        Ok(())
    }),
    ("revoke group rule", |w, m| {
        m.revoke_security_group_rules(&w.groups[0], Direction::Ingress, std::slice::from_ref(&w.last)).map(drop)
    }),
    ("add ACL entry", |w, m| {
        m.create_network_acl_entry(NetworkAclEntrySpec {
            acl: w.acl.clone(),
            direction: Direction::Ingress,
            number: 50,
            protocol: Some(6),
            cidr: net("192.0.2.0/24"),
            allow: false,
            ports: Some((1, 1023)),
            icmp: None,
        })
    }),
    ("delete ACL entry", |w, m| m.delete_network_acl_entry(&w.acl, Direction::Ingress, 50)),
    ("create route", |w, m| {
        let target = RouteTarget::NetworkInterface(w.interfaces[0].clone());
        m.create_route(&w.tables[0], net("203.0.113.0/24"), target)
    }),
    ("delete route", |w, m| m.delete_route(&w.tables[0], net("203.0.113.0/24"))),
    ("associate address", |w, m| {
        let (allocation, interface) = (w.allocation.clone(), Some(w.interfaces[1].clone()));
        w.last = m.associate_address(AssociateAddress { allocation, interface, ..Default::default() })?;
        Ok(())
    }),
    ("disassociate address", |w, m| m.disassociate_address(&w.last)),
    ("groups of interface", |w, m| m.modify_groups(&w.interfaces[0], &[w.groups[w.count % 2].clone()])),
    ("move association", |w, m| {
        w.association = m.replace_route_table_association(&w.association, &w.tables[w.count % 2])?;
        Ok(())
    }),
];

fn net(text: &str) -> ipnet::IpNet {
    text.parse().unwrap_or_default()
}

/// Four VPCs, the first of which holds five eighths of the interfaces; every second interface hangs on an instance, every twentieth
/// has an Elastic IP.
fn world(interfaces: usize) -> Result<World> {
    let mut m = Model::default();
    *m.limits_mut() = Limits { elastic_ips: 100_000, ..Limits::raised() };
    let mut vpcs = Vec::new();
    let mut groups = Vec::new();
    for v in 0..4u8 {
        let vpc = m.create_vpc(CreateVpc::new(ipnet::Ipv4Net::new_assert([10, v, 0, 0].into(), 16)))?;
        let gateway = m.create_internet_gateway()?;
        m.attach_internet_gateway(&gateway, &vpc)?;
        let here = (0..10)
            .map(|g| {
                let name = format!("group-{g}");
                m.create_security_group(CreateSecurityGroup { vpc: vpc.clone(), name, description: "d".into() })
            })
            .collect::<Result<Vec<Id>>>()?;
        for (g, id) in here.iter().enumerate() {
            let mut rules: Vec<IpPermission> = (0..8u16)
                .map(|i| IpPermission::ports(6, 80 + i32::from(i), 90 + i32::from(i), RulePeer::Cidr(net("0.0.0.0/0"))))
                .collect();
            rules.push(IpPermission::ports(6, 5432, 5432, RulePeer::Group(here[(g + 1) % 10].clone())));
            m.authorize_security_group(id, Direction::Ingress, &rules)?;
        }
        vpcs.push((vpc, gateway));
        groups.push(here);
    }
    let tables = [0, 1].map(|_| m.create_route_table(&vpcs[0].0));
    let [a, b] = tables;
    let tables = [a?, b?];
    for table in &tables {
        m.create_route(table, net("0.0.0.0/0"), RouteTarget::InternetGateway(vpcs[0].1.clone()))?;
        for i in 0..40u8 {
            let to = ipnet::IpNet::new_assert([172, 16, i, 0].into(), 24);
            m.create_route(table, to, RouteTarget::InternetGateway(vpcs[0].1.clone()))?;
        }
    }
    let acl = m.create_network_acl(&vpcs[0].0)?;
    let mut subnets = Vec::new();
    for s in 0..(interfaces / 125).max(8) {
        let v = if s % 8 < 5 { 0 } else { s % 8 - 4 };
        let cidr4 = ipnet::Ipv4Net::new_assert([10, v as u8, (s / 8 * 8 + s % 8) as u8, 0].into(), 24);
        let id = m.create_subnet(CreateSubnet { vpc: vpcs[v].0.clone(), cidr4, cidr6: None, az: None })?;
        if v == 0 {
            let association = m.subnets().get(&id).map(|s| s.acl_association.clone()).unwrap_or_default();
            m.replace_network_acl_association(&association, &acl)?;
        }
        subnets.push((id, v));
    }
    let association = m.associate_route_table(&tables[0], AssociateWith::Subnet(subnets[0].0.clone()))?;
    let mut free = Vec::new();
    for i in 0..interfaces {
        let (subnet, v) = subnets[i % subnets.len()].clone();
        let own = vec![groups[v][i % 10].clone(), groups[v][(i / 10) % 10].clone()];
        let interface = if i % 2 == 0 {
            m.create_network_interface(CreateNetworkInterface { subnet, groups: own, ..Default::default() })?
        } else {
            let id = m.run_instance(RunInstance { subnet: Some(subnet), groups: own, ..Default::default() })?;
            m.instances().get(&id).and_then(|i| i.interfaces.get(&0).cloned()).unwrap_or_default()
        };
        if i % 20 == 7 {
            let public = std::net::Ipv4Addr::from(0xcb00_0000 + i as u32);
            let allocation = m.allocate_address(Some(public))?;
            m.associate_address(AssociateAddress {
                allocation,
                interface: Some(interface.clone()),
                ..Default::default()
            })?;
        }
        if v == 0 && i % 2 == 0 {
            free.push(interface);
        }
    }
    let allocation = m.allocate_address(None)?;
    let [.., a, b] = &free[..] else { unreachable!("a hundred interfaces at least") };
    let interfaces = [a.clone(), b.clone()];
    let (subnet, groups) = (subnets[0].0.clone(), groups.swap_remove(0));
    Ok(World {
        model: m,
        subnet,
        groups,
        acl,
        tables,
        association,
        interfaces,
        allocation,
        last: String::new(),
        count: 0,
    })
}

fn micros(times: &mut [Duration], part: f64) -> f64 {
    times.sort_unstable();
    times.get(((times.len() - 1) as f64 * part) as usize).map_or(0.0, |t| t.as_secs_f64() * 1e6)
}

fn run(rounds: usize, interfaces: usize) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut w = world(interfaces)?;
    let built = start.elapsed();
    let mut compiler = Compiler::new();
    let start = Instant::now();
    let first = compiler.compile(&w.model);
    let whole = start.elapsed();
    w.model.settle();
    println!("{interfaces} interfaces: built in {built:.1?}, first compilation {whole:.1?}");
    let config = Config { workers: 1, ..Config::default() };
    let live = Live::start(config, first.topology, Vec::new(), None)?;
    let mut times: BTreeMap<usize, [Vec<Duration>; STEPS.len()]> = BTreeMap::new();
    for _ in 0..rounds {
        w.count += 1;
        for (kind, (_, change)) in CHANGES.iter().enumerate() {
            let start = Instant::now();
            let mut next = w.model.clone();
            change(&mut w, &mut next)?;
            let changed = start.elapsed();
            let compiled = compiler.compile(&next);
            let compiled_at = start.elapsed();
            live.publish(compiled.topology);
            let published = start.elapsed();
            next.settle();
            w.model = next;
            let all = start.elapsed();
            let steps = [changed, compiled_at - changed, published - compiled_at, all];
            let kept = times.entry(kind).or_default();
            kept.iter_mut().zip(steps).for_each(|(k, t)| k.push(t));
        }
    }
    live.stop()?;
    print!("{:22}", "");
    STEPS.iter().for_each(|s| print!("{s:>20}"));
    println!();
    for (kind, steps) in &mut times {
        print!("{:22}", CHANGES[*kind].0);
        steps.iter_mut().for_each(|t| print!("{:>10.1}{:>10.1}", micros(t, 0.5), micros(t, 0.99)));
        println!();
    }
    Ok(())
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut numbers = std::env::args().skip(1).map(|a| a.parse::<usize>());
    let rounds = numbers.next().transpose()?.unwrap_or(200);
    let mut sizes = numbers.collect::<std::result::Result<Vec<usize>, _>>()?;
    if sizes.is_empty() {
        sizes = vec![100, 1_000, 10_000];
    }
    sizes.into_iter().try_for_each(|n| run(rounds, n.max(100)))
}
