//! What is sent next. Most frames belong to conversations that exist: the player remembers what it sent and what came out of
//! which port, answers it, repeats it, complains about it, and looks into the model for state that is about to end.

use super::change::{change, reassociate};
use super::frames::{BROKEN, Dress, arp, broken, error, fragments, nd, packet, piece, tcp_flags};
use super::rng::Rng;
use super::topology::{EPHEMERAL, REMOTES4, REMOTES6, SERVICES};
use super::{Input, Step};
use crate::model::packet::{ACK, FIN, ICMP, ICMP6, RST, SYN, TCP, Tuple, UDP};
use crate::model::rewrite::{End, read};
use crate::model::world::{EDGE_MTU, ENI_MTU, Side, Target, World};
use crate::model::{Model, eui64};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MS: u64 = 1_000_000;
/// Limits over which the clock jumps, in seconds.
const LIMITS: [u64; 8] = [10, 30, 60, 180, 350, 410, 600, 432_000];
/// How much of the past is remembered.
const MEMORY: usize = 40;

/// Plays one history.
pub struct Player {
    pub rng: Rng,
    now: u64,
    seq: u64,
    /// What was sent: port and tuple.
    sent: Vec<(u32, Tuple)>,
    /// What came out: port and frame.
    seen: Vec<(u32, Vec<u8>)>,
    /// Pieces of datagrams still to be sent.
    later: Vec<(u32, Vec<u8>)>,
    /// An address that has changed hands is talked to next.
    hot: Option<IpAddr>,
    /// What goes before anything else.
    urgent: Option<(u32, Vec<u8>)>,
}

impl Player {
    /// From a seed.
    pub fn new(rng: Rng) -> Player {
        Player {
            rng,
            now: 1_000_000 * MS,
            seq: 0,
            sent: Vec::new(),
            seen: Vec::new(),
            later: Vec::new(),
            hot: None,
            urgent: None,
        }
    }

    /// Frames that came out.
    pub fn saw(&mut self, out: &[(u32, Vec<u8>)]) {
        self.seen.extend(out.iter().cloned());
        let over = self.seen.len().saturating_sub(MEMORY);
        self.seen.drain(..over);
    }

    /// The next step, and names of what it is for the coverage table.
    pub fn step(&mut self, model: &Model) -> (Step, Vec<&'static str>) {
        if self.rng.chance(12)
            && let Some(step) = self.pull_away(model)
        {
            return (step, vec!["elastic ip moved", "tracked elastic ip moved"]);
        }
        if self.rng.chance(5)
            && let Some((w, name)) = change(&model.world, &mut self.rng)
        {
            let moved = w.publics.iter().find(|p| !model.world.publics.contains(p));
            self.hot = moved.map(|p| IpAddr::V4(p.public)).or(self.hot);
            // A network that is not connected any more sends nothing.
            self.later.retain(|(port, _)| *port <= w.enis.len() as u32 || w.vpcs.iter().any(|v| v.vgw == Some(*port)));
            return (Step::Publish(Box::new(w)), vec![name]);
        }
        let count = if self.rng.chance(60) { 1 } else { self.rng.range(2, 6) };
        let mut names = Vec::new();
        let mut frames = Vec::new();
        for _ in 0..count {
            self.tick(&mut names);
            for (port, bytes) in self.frame(model, &mut names) {
                frames.push(Input { seq: self.seq, ts: self.now, port, bytes });
                self.seq += 1;
            }
        }
        (Step::Frames(frames), names)
    }

    /// Re-associates a public address that a track talks to; that flow goes on at once, from the ENI that has the track.
    fn pull_away(&mut self, model: &Model) -> Option<Step> {
        let w = &model.world;
        let towards: Vec<(u32, Tuple, Ipv4Addr)> = model
            .state
            .tracks
            .iter()
            .filter_map(|t| match t.tuple.dst {
                IpAddr::V4(a) if w.behind(a).is_some() => Some((t.eni as u32 + 1, t.tuple, a)),
                _ => None,
            })
            .collect();
        let &(port, tuple, public) = self.rng.pick(&towards)?;
        let next = reassociate(w, public, &mut self.rng)?;
        if self.can_send(&next, port) {
            let frame = self.dress(tuple, ACK, &mut Vec::new());
            self.urgent = Some((port, frame));
        }
        Some(Step::Publish(Box::new(next)))
    }

    fn tick(&mut self, names: &mut Vec<&'static str>) {
        self.now += match self.rng.weighted(&[78, 17, 3, 2]) {
            0 => self.rng.below(3 * MS as usize) as u64,
            1 => self.rng.below(2_000) as u64 * MS,
            2 => {
                names.push("clock jump");
                let limit = LIMITS[self.rng.below(LIMITS.len() - 1)];
                limit * 1000 * MS + self.rng.one([0, MS]) - self.rng.one([0, 0, MS])
            }
            _ if self.rng.chance(15) => 432_000_000 * MS,
            _ => 0,
        };
    }

    fn frame(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Vec<(u32, Vec<u8>)> {
        if let Some(first) = self.urgent.take() {
            return vec![first];
        }
        if !self.later.is_empty() && self.rng.chance(60) {
            let at = if self.rng.chance(75) { 0 } else { self.rng.below(self.later.len()) };
            return vec![self.later.remove(at)];
        }
        let made = match self.rng.weighted(&[22, 36, 12, 12, 5, 4, 3, 4, 6, 1]) {
            0 => self.fresh(model, names),
            1 => self.answer(model, names),
            2 => self.again(model, names),
            3 => self.probe(model, names),
            4 => self.complaint(model, names),
            5 => self.broken(model, names),
            6 => self.pieces(model, names),
            7 => self.neighbours(model, names),
            8 => self.forward_on(model, names),
            _ => self.burst(model, names),
        };
        match made {
            Some(frames) => frames,
            None => self.fresh(model, names).unwrap_or_default(),
        }
    }

    fn hosts(&self, w: &World) -> Vec<usize> {
        (0..w.enis.len()).filter(|&e| w.enis[e].attached && !w.enis[e].addresses.is_empty()).collect()
    }

    fn remote(&mut self, v6: bool) -> IpAddr {
        if v6 { self.rng.one(REMOTES6).into() } else { self.rng.one(REMOTES4).into() }
    }

    /// Some address of some ENI, mostly of this VPC.
    fn inside(&mut self, w: &World, vpc: Option<usize>, v6: bool) -> Option<IpAddr> {
        let all: Vec<IpAddr> = (0..w.enis.len())
            .filter(|&e| vpc.is_none_or(|v| v == w.vpc_of(e)))
            .flat_map(|e| w.enis[e].addresses.clone())
            .filter(|a| a.is_ipv6() == v6)
            .collect();
        self.rng.pick(&all).copied()
    }

    fn public(&mut self, w: &World, v6: bool) -> Option<IpAddr> {
        if v6 {
            return self.inside(w, None, true);
        }
        let nat = self.rng.chance(20);
        let some: Vec<IpAddr> = w
            .publics
            .iter()
            .filter(|p| w.nats.iter().flatten().any(|n| n.public == p.public) == nat)
            .map(|p| IpAddr::V4(p.public))
            .collect();
        self.rng.pick(&some).copied()
    }

    /// A packet of the network behind a virtual private gateway: mostly for its VPC, else for what it must not reach.
    fn remote_network(&mut self, w: &World, v6: bool, names: &mut Vec<&'static str>) -> Option<(u32, IpAddr, IpAddr)> {
        let connected: Vec<usize> = (0..w.vpcs.len()).filter(|&v| w.vpcs[v].vgw.is_some()).collect();
        let &vpc = self.rng.pick(&connected)?;
        let src = if self.rng.chance(94) { self.remote(v6) } else { self.odd_source(v6, names) };
        let dst = match self.rng.weighted(&[80, 8, 6, 6]) {
            0 => self.inside(w, Some(vpc), v6)?,
            1 => self.public(w, v6)?,
            2 => self.remote(v6),
            _ => self.odd_destination(w, None, v6, names),
        };
        names.push("from a vgw");
        Some((w.vpcs[vpc].vgw?, src, dst))
    }

    /// A conversation that nobody has had yet, perhaps.
    fn tuple(&mut self, w: &World, names: &mut Vec<&'static str>) -> Option<(u32, Tuple)> {
        let v6 = self.rng.chance(40);
        let (port, src, dst);
        if self.rng.chance(8) {
            let v6 = v6 && self.rng.chance(20);
            let (from, to);
            (port, from, to) = self.remote_network(w, v6, names)?;
            let (proto, sport, dport) = self.ports(v6, names);
            return Some((port, Tuple { src: from, dst: to, proto, sport, dport }));
        } else if self.rng.chance(22) {
            port = 0;
            src = if self.rng.chance(94) { self.remote(v6) } else { self.odd_source(v6, names) };
            dst = match self.rng.weighted(&[90, 4, 6]) {
                0 => self.hot.take().filter(|a| a.is_ipv6() == v6).or_else(|| self.public(w, v6))?,
                1 => self.remote(v6),
                _ => self.odd_destination(w, None, v6, names),
            };
        } else {
            let &e = self.rng.pick(&self.hosts(w))?;
            let own: Vec<IpAddr> = w.enis[e].addresses.iter().copied().filter(|a| a.is_ipv6() == v6).collect();
            port = e as u32 + 1;
            let vpc = w.vpc_of(e);
            src = match self.rng.weighted(&[92, 4, 4]) {
                0 => *self.rng.pick(&own)?,
                1 => {
                    names.push("spoofed");
                    self.inside(w, Some(vpc), v6)?
                }
                _ => self.odd_source(v6, names),
            };
            let meant = match self.rng.weighted(&[38, 38, 12, 10, 2]) {
                0 => self.inside(w, Some(vpc), v6)?,
                1 => self.remote(v6),
                2 => self.public(w, v6)?,
                3 => self.odd_destination(w, Some(e), v6, names),
                _ => src,
            };
            let own = w.enis[e].addresses.contains(&meant);
            dst = if own && self.rng.chance(75) { self.inside(w, Some(vpc), v6)? } else { meant };
            if src == dst {
                names.push("land");
            }
        }
        let (proto, sport, dport) = self.ports(v6, names);
        Some((port, Tuple { src, dst, proto, sport, dport }))
    }

    fn ports(&mut self, v6: bool, names: &mut Vec<&'static str>) -> (u8, u16, u16) {
        let (client, service) = (self.rng.one(EPHEMERAL), self.rng.one(SERVICES));
        let id = self.rng.range(1, 4) as u16;
        match self.rng.weighted(&[40, 30, 22, 8]) {
            0 => (TCP, client, service),
            1 => (UDP, client, service),
            2 if v6 => {
                names.push("icmpv6 query");
                (ICMP6, id, self.rng.one([128, 128, 128, 129]) << 8)
            }
            2 => {
                let kind = self.rng.one([8, 8, 8, 8, 0, 13, 14, 15, 17, 5]);
                names.push(if kind == 13 { "icmp timestamp" } else { "icmp query" });
                (ICMP, if kind == 5 { 0 } else { id }, kind << 8)
            }
            _ => {
                names.push("other protocol");
                (self.rng.one([47, 47, 50]), 0, 0)
            }
        }
    }

    fn odd_source(&mut self, v6: bool, names: &mut Vec<&'static str>) -> IpAddr {
        names.push("martian source");
        let text = if v6 {
            self.rng.one(["::1", "ff02::5", "::", "fe80::99"])
        } else {
            self.rng.one(["127.0.0.1", "224.0.0.5", "255.255.255.255", "0.0.0.0", "10.0.0.1"])
        };
        text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn odd_destination(&mut self, w: &World, eni: Option<usize>, v6: bool, names: &mut Vec<&'static str>) -> IpAddr {
        names.push("odd destination");
        if let Some(e) = eni
            && self.rng.chance(60)
        {
            let s = &w.subnets[w.enis[e].subnet];
            let n = self.rng.one([0, 1, 2, 3, 200, 9]);
            if let Some(a) = s.base6(n.into()).filter(|_| v6) {
                return a.into();
            }
            if !v6 {
                let last = u32::from(s.net4.broadcast());
                let a = if n == 200 { Ipv4Addr::from(last) } else { s.base4(n) };
                return if n == 9 { w.vpcs[s.vpc].resolver().into() } else { a.into() };
            }
        }
        let text = if v6 {
            self.rng.one(["ff02::1", "fe80::5", "2001:db8:1234:1a00::ffff", "2001:db8:1234:1aff::1", "3fff::1"])
        } else {
            self.rng.one([
                "224.0.0.1",
                "255.255.255.255",
                "169.254.169.254",
                "169.254.169.253",
                "169.254.169.123",
                "169.254.1.1",
                "10.0.200.7",
                "10.9.9.9",
                "198.51.100.200",
                "8.8.8.8",
            ])
        };
        text.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn dress(&mut self, t: Tuple, flags: u8, names: &mut Vec<&'static str>) -> Vec<u8> {
        let (mut d, odd) = Dress::random(&mut self.rng);
        names.extend(odd);
        d.flags = flags;
        if t.proto == TCP {
            let segment = if flags & RST != 0 {
                "tcp rst"
            } else if flags & FIN != 0 {
                "tcp fin"
            } else if flags & (SYN | ACK) == SYN {
                "tcp syn"
            } else if flags & SYN != 0 {
                "tcp syn-ack"
            } else {
                "tcp data"
            };
            names.push(segment);
        }
        let mut f = packet(t, &d, &mut self.rng);
        if self.rng.chance(4) {
            names.push("padding");
            f.resize(f.len() + self.rng.range(1, 20), 0);
        }
        f
    }

    fn send(&mut self, port: u32, t: Tuple, flags: u8, names: &mut Vec<&'static str>) -> Vec<(u32, Vec<u8>)> {
        self.sent.push((port, t));
        let over = self.sent.len().saturating_sub(MEMORY);
        self.sent.drain(..over);
        vec![(port, self.dress(t, flags, names))]
    }

    fn fresh(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let (port, t) = self.tuple(&model.world, names)?;
        let flags = if self.rng.chance(80) { SYN } else { tcp_flags(&mut self.rng) };
        Some(self.send(port, t, flags, names))
    }

    /// A host answers what it received.
    fn answer(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let recent = self.seen.len().min(8);
        let at = if self.rng.chance(80) {
            self.seen.len() - recent + self.rng.below(recent)
        } else {
            self.rng.below(self.seen.len())
        };
        let (port, frame) = self.seen.get(at)?.clone();
        let p = read(&frame)?;
        if p.is_later_fragment() || !self.can_send(&model.world, port) || p.is_icmp_error() {
            return None;
        }
        names.push("answer");
        let flags = match p.flags & (SYN | ACK | FIN | RST) {
            SYN => self.rng.one([SYN | ACK, SYN | ACK, SYN | ACK, RST | ACK]),
            f if f & SYN != 0 => ACK,
            _ => self.rng.one([ACK, ACK | 8, FIN | ACK, FIN | ACK, RST]),
        };
        let mut port = port;
        if port > 0 && self.rng.chance(4) {
            // Asymmetric: the answer takes another interface.
            names.push("asymmetric");
            let hosts = self.hosts(&model.world);
            port = *self.rng.pick(&hosts)? as u32 + 1;
        }
        Some(self.send(port, p.tuple().reverse(), flags, names))
    }

    fn can_send(&self, w: &World, port: u32) -> bool {
        match w.side(port) {
            Side::Internet | Side::Vgw(_) => true,
            Side::Eni(e) => w.enis.get(e).is_some_and(|e| e.attached),
        }
    }

    /// More of something sent before.
    fn again(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let (port, mut t) = *self.rng.pick(&self.sent)?;
        if !self.can_send(&model.world, port) {
            return None;
        }
        if self.rng.chance(10) {
            t.sport = self.rng.one(EPHEMERAL);
        }
        names.push("repeated tuple");
        let flags = tcp_flags(&mut self.rng);
        Some(self.send(port, t, flags, names))
    }

    /// A packet of a remembered flow at the very end of its life.
    fn probe(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let s = &model.state;
        let w = &model.world;
        let (tuple, port, last, limit);
        match self.rng.below(3) {
            0 => {
                let t = self.rng.pick(&s.tracks)?;
                limit = t.life.class(t.tuple.proto, w.enis[t.eni].timeouts).1;
                (tuple, port, last) = (t.tuple, t.eni as u32 + 1, t.life.last);
            }
            1 => {
                let f = self.rng.pick(&s.flows)?;
                limit = f.life.class(f.tuple.proto, Default::default()).1;
                (tuple, port, last) = (f.tuple, 0, f.life.last);
            }
            _ => {
                let b = self.rng.pick(&s.bindings)?;
                limit = if self.rng.chance(15) { 410_000 } else { b.class().1 };
                if self.rng.chance(50) {
                    tuple = b.client;
                    port = w.owner(w.nats[b.nat].as_ref().map(|n| w.vpc_of(n.eni))?, b.client.src)? as u32 + 1;
                } else {
                    let nat = w.nats[b.nat].as_ref()?;
                    let mut t = b.client;
                    // To its private address it comes from elsewhere (NAT-80): another network, or whoever forwards.
                    let private = self.rng.chance(30);
                    (t.src, t.sport) = (IpAddr::V4(if private { nat.private } else { nat.public }), b.external);
                    tuple = t.reverse();
                    port = match w.vpcs[w.vpc_of(nat.eni)].vgw {
                        _ if !private => 0,
                        Some(vgw) if self.rng.chance(70) => vgw,
                        _ => {
                            let hosts = self.hosts(w);
                            *self.rng.pick(&hosts)? as u32 + 1
                        }
                    };
                    if private {
                        names.push("answer to a NAT gateway's private address");
                    }
                }
                last = b.last;
            }
        }
        let at = ((last / MS + limit) as i64 + self.rng.one([-1, -1, 0, 0, 1])) as u64 * MS
            + self.rng.below(MS as usize) as u64;
        // Long jumps end everything else, so they are rarer.
        let wait = at.checked_sub(self.now)?;
        let far = wait > 1_000_000 * MS;
        if !self.can_send(w, port) || (far && !self.rng.chance(35)) {
            return None;
        }
        if !self.rng.chance(35) {
            self.now = at;
            names.push("at a timeout");
        }
        let flags = self.rng.one([ACK, ACK, SYN, SYN, FIN | ACK]);
        Some(self.send(port, tuple, flags, names))
    }

    /// An ICMP error about something received, by the receiver or by somebody on the way.
    fn complaint(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let (port, frame) = self.rng.pick(&self.seen)?.clone();
        let p = read(&frame)?;
        if !self.can_send(&model.world, port) {
            return None;
        }
        let from = match model.world.side(port) {
            Side::Internet | Side::Vgw(_) if self.rng.chance(50) => self.remote(p.v6),
            _ => p.dst,
        };
        let mut about = frame;
        if self.rng.chance(10) && !p.v6 {
            // About a packet that never was.
            let mut q = read(&about)?;
            q.set_port(End::Src, 7777);
            about = q.frame;
        }
        names.push("icmp error");
        let (f, _) = error(from, &about, &mut self.rng)?;
        Some(vec![(port, f)])
    }

    fn broken(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let (port, t) = self.tuple(&model.world, &mut Vec::new())?;
        let way = self.rng.below(BROKEN.len());
        let mtu = if let Side::Eni(_) = model.world.side(port) { ENI_MTU } else { EDGE_MTU };
        let f = broken(way, t, mtu, &mut self.rng)?;
        names.push(BROKEN[way]);
        Some(vec![(port, f)])
    }

    /// A datagram in pieces: in order, out of order, with an overlap, without its first, too many.
    fn pieces(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let (port, mut t) = match self.rng.below(3) {
            0 => *self.rng.pick(&self.sent)?,
            1 => {
                let (port, f) = self.rng.pick(&self.seen)?.clone();
                (port, read(&f).filter(|p| !p.is_later_fragment() && !p.is_icmp_error())?.tuple().reverse())
            }
            _ => self.tuple(&model.world, &mut Vec::new())?,
        };
        if !self.can_send(&model.world, port) || matches!(t.dport >> 8, 133..=137 if t.proto == ICMP6) {
            return None;
        }
        if !matches!(t.proto, TCP | UDP | ICMP | ICMP6) || self.rng.chance(40) {
            (t.proto, t.sport, t.dport) = (UDP, 40000, 53);
        }
        let d = Dress { df: false, payload: self.rng.range(60, 400), ..Dress::plain(&mut self.rng) };
        let mut all = fragments(t, &d, self.rng.one([24, 48, 64]), &mut self.rng);
        match self.rng.below(6) {
            0 => names.push("fragments in order"),
            1 => {
                names.push("fragments out of order");
                all.reverse();
            }
            2 => {
                names.push("fragments overlapping");
                let again = self.rng.pick(&all)?.clone();
                all.push(again);
                let at = self.rng.below(all.len());
                let last = all.len() - 1;
                all.swap(at, last);
            }
            3 => {
                names.push("fragments without the first");
                all.remove(0);
            }
            4 => {
                names.push("too many fragments");
                let id = self.rng.bits() as u32;
                let first = self.rng.chance(50);
                let count = if first { 70 } else { 19 };
                let from = if first { 0 } else { 3 };
                all = (from..from + count).map(|i| piece(t, &d, id, i * 24, true, &[7; 24], &mut self.rng)).collect();
                return Some(all.into_iter().map(|f| (port, f)).collect());
            }
            _ => {
                names.push("fragments, the first late");
                let first = all.remove(0);
                let at = self.rng.below(all.len() + 1);
                all.insert(at, first);
            }
        }
        self.later.extend(all.into_iter().map(|f| (port, f)));
        Some(vec![self.later.remove(0)])
    }

    /// One host, one remote end, many ports: external ports of a NAT gateway run out.
    fn burst(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let w = &model.world;
        let dst: IpAddr = self.rng.one(REMOTES4).into();
        let behind = |e: &usize| matches!(w.route(w.subnets[w.enis[*e].subnet].table, dst), Some((_, Target::Nat(_))));
        let hosts: Vec<usize> = self.hosts(w).into_iter().filter(behind).collect();
        let &e = self.rng.pick(&hosts)?;
        let src = w.enis[e].addresses.iter().copied().find(IpAddr::is_ipv4)?;
        let proto = self.rng.one([TCP, UDP, ICMP]);
        let dport = if proto == ICMP { 8 << 8 } else { self.rng.one(SERVICES) };
        let from = self.rng.range(2000, 60000) as u16;
        names.push("burst");
        let mut all = Vec::new();
        for n in 0..self.rng.range(4, 30) as u16 {
            let t = Tuple { src, dst, proto, sport: from + n, dport };
            all.extend(self.send(e as u32 + 1, t, SYN, names));
        }
        Some(all)
    }

    /// A middlebox sends on what it received.
    fn forward_on(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let w = &model.world;
        let foreign: Vec<(u32, Vec<u8>)> = self
            .seen
            .iter()
            .filter(|(port, f)| match w.side(*port) {
                Side::Eni(e) => read(f).is_some_and(|p| w.enis.get(e).is_some_and(|e| !e.addresses.contains(&p.dst))),
                Side::Internet | Side::Vgw(_) => false,
            })
            .cloned()
            .collect();
        let (port, mut frame) = self.rng.pick(&foreign)?.clone();
        if !self.can_send(w, port) {
            return None;
        }
        names.push("middlebox forwards");
        let mut p = read(&frame)?;
        if !p.v6 && p.ttl > 1 {
            p.decrement_ttl();
            frame = p.frame;
        }
        Some(vec![(port, frame)])
    }

    fn neighbours(&mut self, model: &Model, names: &mut Vec<&'static str>) -> Option<Vec<(u32, Vec<u8>)>> {
        let w = &model.world;
        if self.rng.chance(12) {
            names.push("neighbours of the internet");
            let f = match self.rng.below(4) {
                0 => arp(
                    self.rng.one([1, 1, 2]),
                    [2, 9, 9, 9, 9, 9],
                    [203, 0, 113, 5],
                    self.rng.one([[198, 51, 100, 1], [203, 0, 113, 5]]),
                ),
                n => {
                    let target = self.rng.one(REMOTES6);
                    let kind = [135, 135, 136, 133][n];
                    let src = REMOTES6[1].into();
                    nd(
                        kind,
                        src,
                        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1).into(),
                        target.into(),
                        [2, 9, 9, 9, 9, 9],
                        255,
                        &mut self.rng,
                    )
                }
            };
            let edges: Vec<u32> = w.vpcs.iter().filter_map(|v| v.vgw).chain([0]).collect();
            return Some(vec![(*self.rng.pick(&edges)?, f)]);
        }
        let &e = self.rng.pick(&self.hosts(w))?;
        let eni = &w.enis[e];
        let subnet = &w.subnets[eni.subnet];
        let port = e as u32 + 1;
        let v6 = self.rng.chance(50);
        let own = eni.addresses.iter().copied().find(|a| a.is_ipv6() == v6);
        if !v6 {
            names.push("arp");
            let IpAddr::V4(own) = own? else { return None };
            let target = match self.rng.below(8) {
                0 => subnet.base4(1),
                1 => subnet.base4(2),
                2 => own,
                3 => subnet.base4(99),
                4 => subnet.base4(3),
                _ => match self.inside(w, Some(subnet.vpc), false)? {
                    IpAddr::V4(a) => a,
                    IpAddr::V6(_) => return None,
                },
            };
            let asker = if self.rng.chance(10) { Ipv4Addr::UNSPECIFIED } else { own };
            let op = if self.rng.chance(88) { 1 } else { 2 };
            let mut f = arp(op, eni.mac, asker.octets(), target.octets());
            if self.rng.chance(6) {
                f[self.rng.one([15, 16, 18, 19])] ^= 1;
            }
            return Some(vec![(port, f)]);
        }
        names.push("neighbour discovery");
        let own = own.unwrap_or(IpAddr::V6(eui64(eni.mac)));
        let beside: Vec<usize> = (0..w.enis.len()).filter(|&o| w.enis[o].subnet == eni.subnet).collect();
        let other = w.enis[*self.rng.pick(&beside)?].clone();
        let target: IpAddr = match self.rng.below(8) {
            0 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1).into(),
            1 => subnet.base6(1).map_or(own, IpAddr::V6),
            2 => own,
            3 => Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0x77).into(),
            4 => eui64(other.mac).into(),
            _ => other.addresses.iter().copied().find(IpAddr::is_ipv6).unwrap_or(own),
        };
        let kind = self.rng.one([135, 135, 135, 135, 133, 134, 136, 137]);
        let src = if self.rng.chance(12) { Ipv6Addr::UNSPECIFIED.into() } else { own };
        let hops = if self.rng.chance(92) { 255 } else { 64 };
        let dst = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1).into();
        let mut f = nd(kind, src, dst, target, eni.mac, hops, &mut self.rng);
        if self.rng.chance(6) && f.len() > 80 {
            let at = self.rng.one([55, f.len() - 7]);
            f[at] = self.rng.one([0, 9]);
        }
        Some(vec![(port, f)])
    }
}
