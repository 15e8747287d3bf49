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
            RouteTarget::EgressOnlyGateway(g) => m.egress_only_gateways().get(g).map(|_| "eigw".into()),
            RouteTarget::NatGateway(n) => {
                m.nat_gateways().get(n).filter(|n| n.available()).map(|n| format!("nat {:?}", n.private))
            }
            RouteTarget::NetworkInterface(e) => eni(e).map(|e| format!("eni {e}")),
            // Where a local route was led elsewhere, the notes say it.
            _ => Some("local".into()),
        };
        let one = |r: &Route| target(r).map(|to| format!("{} {}", r.destination, if r.local { "local" } else { &to }));
        let mut all: Vec<String> = t.routes.iter().filter_map(one).collect();
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
        if let Some(a) = m.gateway_of(&v.id).and_then(|g| m.table_associations().get(g.table_association.as_ref()?)) {
            out.insert(format!("gateway table {} {:?}", vpc(&v.id), routes(m.route_tables().get(&a.table).unwrap())));
        }
    }
    for s in m.subnets().iter() {
        let acl = m.network_acls().get(&s.acl).unwrap();
        out.insert(format!(
            "subnet {} {} {:?} {} {} {} {:?} in {:?} out {:?} routes {:?}",
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
        ));
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
