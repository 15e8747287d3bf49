//! Changes of a configuration between frames, each of them legal.

use super::rng::Rng;
use super::topology::{add_nat, free_public, nacl_entry, prefix, sg_rule, target, vgw_port};
use crate::model::world::{Public, Target, World};
use std::net::{IpAddr, Ipv4Addr};

/// Names of all changes.
pub const KINDS: [&str; 16] = [
    "rule added",
    "rule removed",
    "groups of an ENI",
    "nacl entry",
    "nacl of a subnet",
    "route added",
    "route removed",
    "route replaced",
    "table of a subnet",
    "elastic ip moved",
    "nat gateway removed",
    "nat gateway added",
    "nat gateway out of service, or back",
    "address moved",
    "attachment",
    "connection of a vgw",
];

/// A changed world and the name of the change; `None` if that change is not possible here.
pub(super) fn change(world: &World, rng: &mut Rng) -> Option<(World, &'static str)> {
    let mut w = world.clone();
    let kind = rng.below(KINDS.len());
    let subnet = rng.below(w.subnets.len());
    let vpc = w.subnets[subnet].vpc;
    let groups: Vec<usize> = (0..w.groups.len()).filter(|&g| w.groups[g].vpc == vpc).collect();
    let hosts: Vec<usize> = (0..w.enis.len()).filter(|&e| w.vpc_of(e) == vpc && w.enis[e].nat.is_none()).collect();
    let table = w.subnets[subnet].table;
    let done = match kind {
        0 | 1 => {
            let rule = sg_rule(rng, &groups);
            let &g = rng.pick(&groups)?;
            let side = if rng.chance(50) { &mut w.groups[g].ingress } else { &mut w.groups[g].egress };
            if kind == 0 {
                side.push(rule);
                true
            } else {
                let at = rng.below(side.len());
                let any = !side.is_empty();
                if any {
                    side.remove(at);
                }
                any
            }
        }
        2 => {
            let &e = rng.pick(&hosts)?;
            let mut own: Vec<usize> = groups.iter().copied().filter(|_| rng.chance(50)).collect();
            if own.is_empty() {
                own.extend(rng.pick(&groups));
            }
            w.enis[e].groups = own;
            true
        }
        3 => {
            let nacl = &mut w.nacls[world.subnets[subnet].nacl];
            let side = if rng.chance(50) { &mut nacl.inbound } else { &mut nacl.outbound };
            let number = rng.range(1, 150) as u16;
            if rng.chance(50) && !side.is_empty() {
                let at = rng.below(side.len());
                side.remove(at);
            } else {
                side.retain(|e| e.number != number);
                side.push(nacl_entry(rng, number));
            }
            true
        }
        4 => {
            let options: Vec<usize> = w.subnets.iter().filter(|s| s.vpc == vpc).map(|s| s.nacl).collect();
            w.subnets[subnet].nacl = *rng.pick(&options)?;
            true
        }
        5 => {
            let p = prefix(rng);
            let t = target(&w, vpc, p, rng)?;
            let new = !w.tables[table].routes.iter().any(|(q, _)| *q == p);
            if new {
                w.tables[table].routes.push((p, t));
            }
            new
        }
        6 | 7 => {
            let own: Vec<usize> =
                (0..w.tables[table].routes.len()).filter(|&r| w.tables[table].routes[r].1 != Target::Local).collect();
            let &r = rng.pick(&own)?;
            if kind == 6 {
                w.tables[table].routes.remove(r);
            } else {
                w.tables[table].routes[r].1 = target(&w, vpc, w.tables[table].routes[r].0, rng)?;
            }
            true
        }
        8 => {
            let options: Vec<usize> = w.subnets.iter().filter(|s| s.vpc == vpc).map(|s| s.table).collect();
            w.subnets[subnet].table = *rng.pick(&options)?;
            true
        }
        9 => move_public(&mut w, rng)?,
        10 => remove_nat(&mut w, rng)?,
        11 => {
            let live = w.nats.iter().flatten().filter(|n| w.vpc_of(n.eni) == vpc).count();
            if !w.vpcs[vpc].igw || live >= 3 {
                return None;
            }
            let n = add_nat(&mut w, subnet);
            for s in 0..w.subnets.len() {
                if w.subnets[s].vpc == vpc {
                    for (p, t) in &mut w.tables[world.subnets[s].table].routes {
                        if *t == Target::Blackhole && p.addr().is_ipv4() {
                            *t = Target::Nat(n);
                        }
                    }
                }
            }
            true
        }
        12 => {
            let live: Vec<usize> = (0..w.nats.len()).filter(|&n| w.nats[n].is_some()).collect();
            let nat = w.nats[*rng.pick(&live)?].as_mut()?;
            nat.out = !nat.out;
            true
        }
        13 => {
            let &from = rng.pick(&hosts)?;
            let beside: Vec<usize> =
                hosts.iter().copied().filter(|&e| e != from && w.enis[e].subnet == w.enis[from].subnet).collect();
            let &to = rng.pick(&beside)?;
            // The first address is an ENI's own for life.
            if w.enis[from].addresses.len() < 2 {
                return None;
            }
            let at = rng.range(1, w.enis[from].addresses.len() - 1);
            let address = w.enis[from].addresses.remove(at);
            w.enis[to].addresses.push(address);
            if rng.chance(50) {
                w.publics.retain(|p| p.vpc != vpc || IpAddr::V4(p.private) != address);
            }
            true
        }
        14 => {
            let &e = rng.pick(&hosts)?;
            w.enis[e].attached = !w.enis[e].attached;
            true
        }
        _ => {
            let vgw = &mut w.vpcs[vpc].vgw;
            *vgw = if vgw.is_some() { None } else { Some(vgw_port(vpc)) };
            true
        }
    };
    (done && w != *world).then_some((w, KINDS[kind]))
}

/// Gives a public address that somebody is talking to to somebody else.
pub(super) fn reassociate(world: &World, public: Ipv4Addr, rng: &mut Rng) -> Option<World> {
    let mut w = world.clone();
    let at = w.publics.iter().position(|p| p.public == public)?;
    if w.nats.iter().flatten().any(|n| n.public == public) {
        return None;
    }
    let (vpc, old) = (w.publics[at].vpc, w.publics[at].private);
    let homes: Vec<Ipv4Addr> = (0..w.enis.len())
        .filter(|&e| w.vpc_of(e) == vpc && w.enis[e].nat.is_none())
        .flat_map(|e| w.enis[e].addresses.clone())
        .filter_map(|a| if let IpAddr::V4(a) = a { Some(a) } else { None })
        .filter(|a| *a != old && w.public_of(vpc, *a).is_none())
        .collect();
    w.publics[at].private = *rng.pick(&homes)?;
    Some(w)
}

fn move_public(w: &mut World, rng: &mut Rng) -> Option<bool> {
    let nats: Vec<_> = w.nats.iter().flatten().map(|n| n.public).collect();
    let free: Vec<usize> = (0..w.publics.len()).filter(|&p| !nats.contains(&w.publics[p].public)).collect();
    if rng.chance(20) {
        // Released, not moved.
        let &p = rng.pick(&free)?;
        w.publics.remove(p);
        return Some(true);
    }
    let mut homes = Vec::new();
    for e in 0..w.enis.len() {
        let vpc = w.vpc_of(e);
        if !w.vpcs[vpc].igw || w.enis[e].nat.is_some() {
            continue;
        }
        for a in &w.enis[e].addresses {
            if let IpAddr::V4(a) = a {
                homes.push((vpc, *a));
            }
        }
    }
    let &(vpc, private) = rng.pick(&homes)?;
    let public = match rng.pick(&free) {
        Some(&p) => w.publics.remove(p).public,
        None => free_public(w),
    };
    // A second address for a private one displaces the first (EIP-18).
    w.publics.retain(|p| (p.vpc, p.private) != (vpc, private));
    w.publics.push(Public { vpc, private, public });
    Some(true)
}

fn remove_nat(w: &mut World, rng: &mut Rng) -> Option<bool> {
    let live: Vec<usize> = (0..w.nats.len()).filter(|&n| w.nats[n].is_some()).collect();
    let &n = rng.pick(&live)?;
    let nat = w.nats[n].take()?;
    w.publics.retain(|p| p.public != nat.public);
    let eni = &mut w.enis[nat.eni];
    eni.addresses.clear();
    eni.nat = None;
    for table in &mut w.tables {
        for (_, t) in &mut table.routes {
            if *t == Target::Nat(n) {
                *t = Target::Blackhole;
            }
        }
    }
    Some(true)
}
