//! The way of one packet through the gates: sections 4 to 7 of `docs/semantics.md`, sentence by sentence.

use super::neighbours::ROUTER;
use super::outcome::{At, Kind, Outcome};
use super::packet::{ICMP, Packet, TCP, Tuple, UDP, is_request};
use super::rewrite::{End, cut, error4, reset4, set_macs, too_big6};
use super::state::{State, Touch, flow_live, idle_ms, v4};
use super::world::{EDGE_MTU, FABRIC_MAC, INTERNET_MAC, REMOTE_MAC, Target, Way, World};
use std::net::{IpAddr, Ipv4Addr};

/// Either the next gate, or the end.
pub(super) type Go<T = ()> = Result<T, Box<Outcome>>;

/// What the product did where it may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nobody chose yet: the model takes any free port (for runs without a product).
    Own,
    /// A frame came out; its source port (identifier).
    Port(u16),
    /// It found no port.
    Refused,
    /// The packet went no further, so no choice can be seen and none matters.
    Unseen,
}

/// One packet on its way.
pub(super) struct Walk<'a> {
    pub world: &'a World,
    pub state: &'a State,
    pub now: u64,
    pub choice: Choice,
    /// Ports a gateway has for one remote before it may refuse.
    pub slice: usize,
    /// Flows that a gateway carries to one destination.
    pub limit: usize,
    pub packet: Packet,
    /// As it came in.
    pub original: Packet,
    /// The ENI that sent it; `None`: another network.
    pub sender: Option<usize>,
    pub touches: Vec<Touch>,
    /// ENIs whose flow goes through a NAT gateway.
    pub through_nat: Vec<(usize, bool)>,
    /// Both ends in one subnet and no gateway between.
    pub neighbour: bool,
    /// Cut at the edge.
    pub pieces: bool,
    /// The product's choice was not a legal one.
    pub illegal: Option<String>,
    /// For the coverage table.
    pub notes: Vec<String>,
}

fn stop<T>(stage: &'static str, reason: &'static str, at: At) -> Go<T> {
    Err(Box::new(Outcome::drop(stage, reason, at)))
}

fn is_broadcast(addr: IpAddr) -> bool {
    addr == IpAddr::V4(Ipv4Addr::BROADCAST)
}

impl Walk<'_> {
    fn tuple(&self) -> Tuple {
        self.packet.tuple()
    }

    fn is_dhcp(&self) -> bool {
        let t = self.tuple();
        t.proto == UDP && if self.packet.v6 { (t.sport, t.dport) == (546, 547) } else { (t.sport, t.dport) == (68, 67) }
    }

    /// 4.1, also for the internet.
    pub(super) fn sane(&self, at: At) -> Go {
        let p = &self.packet;
        if p.src == p.dst {
            return stop("src-dst", "land", at);
        }
        let unspecified = p.src.is_unspecified() && !(self.sender.is_some() && self.is_dhcp());
        if p.src.is_multicast() || is_broadcast(p.src) || p.src.is_loopback() || unspecified {
            return stop("src-dst", "martian", at);
        }
        Ok(())
    }

    /// Section 4, after the neighbours.
    pub(super) fn leave_eni(&mut self, sender: usize) -> Go<Outcome> {
        let here = At::Eni(sender);
        self.sane(here)?;
        if self.packet.quote().is_none() {
            self.touches.push(Touch::Sent { eni: sender, tuple: self.tuple() });
        }
        let eni = &self.world.enis[sender];
        let subnet = &self.world.subnets[eni.subnet];
        let vpc = &self.world.vpcs[subnet.vpc];
        let dst = self.packet.dst;
        if self.is_dhcp() {
            return Ok(Outcome::good(Kind::Punt, vec![]));
        }
        if eni.check && !eni.addresses.contains(&self.packet.src) {
            return stop("src-dst", "not-mine", here);
        }
        let no_owner = stop("route", "no-owner", At::Subnet(eni.subnet));
        match dst {
            IpAddr::V4(a) => {
                let services = [253, 254, 123].map(|last| Ipv4Addr::new(169, 254, 169, last));
                if services.contains(&a) || a == vpc.resolver() {
                    return Ok(Outcome::good(Kind::Punt, vec![]));
                }
                if a.is_link_local() || subnet.reserved(dst) {
                    return no_owner;
                }
            }
            IpAddr::V6(a) => {
                if a.is_unicast_link_local() || subnet.reserved(dst) {
                    return no_owner;
                }
            }
        }
        self.sg_out(sender)?;
        let last = Ipv4Addr::from(u32::from(subnet.net4.network()) | !u32::from(subnet.net4.netmask()));
        if dst.is_multicast() || is_broadcast(dst) || dst == IpAddr::V4(last) {
            return stop("route", "no-multicast", At::Subnet(eni.subnet));
        }
        if eni.addresses.contains(&dst) {
            return stop("route", "hairpin", here);
        }
        if subnet.contains(dst) {
            let Some(owner) = self.world.owner(subnet.vpc, dst) else { return no_owner };
            if let Some(nat) = self.world.enis[owner].nat {
                return self.nat_in(nat);
            }
            self.neighbour = self.world.enis[owner].subnet == eni.subnet;
            return self.deliver(owner);
        }
        self.by_route(eni.subnet, Some(sender), false)
    }

    /// 4.7: the route table of `subnet`, for a packet of `sender`, or of a NAT gateway in it (`translated`).
    fn by_route(&mut self, subnet: usize, sender: Option<usize>, translated: bool) -> Go<Outcome> {
        let here = &self.world.subnets[subnet];
        let dst = self.packet.dst;
        let route = self.world.route(here.table, dst);
        let beside = match route {
            Some((_, Target::Eni(e))) => self.world.enis[e].subnet == subnet,
            Some((_, Target::Nat(n))) => self.nat_subnet(n) == Some(subnet),
            // Only a gateway asks the table about its own subnet: the owner is a neighbour, no boundary is crossed (NACL-02).
            Some((_, Target::Local)) => here.contains(dst) && self.world.owner(here.vpc, dst).is_some(),
            _ => false,
        };
        if !beside {
            self.nacl(subnet, Way::Out)?;
        }
        if let Some((_, target)) = route {
            self.notes.push(format!("route {}", target.name()));
        } else {
            self.notes.push("route none".into());
        }
        match route.map(|r| r.1) {
            None => stop("route", "no-route", At::Subnet(subnet)),
            Some(Target::Blackhole) => stop("route", "blackhole", At::Subnet(subnet)),
            Some(Target::Local) => {
                let Some(owner) = self.world.owner(here.vpc, dst) else {
                    return stop("route", "no-owner", At::Subnet(subnet));
                };
                let there = self.world.enis[owner].subnet;
                if there != subnet {
                    self.nacl(there, Way::In)?;
                }
                if let Some(nat) = self.world.enis[owner].nat {
                    return self.nat_in(nat);
                }
                self.deliver(owner)
            }
            Some(Target::Eni(e)) => {
                if sender == Some(e) {
                    return stop("route", "hairpin", At::Eni(e));
                }
                self.via_middlebox(e, subnet)
            }
            Some(Target::Nat(n)) => {
                if translated {
                    return stop("natgw", "loop", At::Nat(n));
                }
                self.nat_out(n, subnet, sender)
            }
            Some(Target::Igw) => self.igw_out(here.vpc),
            Some(Target::Eigw) => self.eigw_out(here.vpc),
            Some(Target::Vgw) => self.vgw_out(here.vpc),
        }
    }

    fn via_middlebox(&mut self, e: usize, from: usize) -> Go<Outcome> {
        let eni = &self.world.enis[e];
        if eni.subnet != from {
            self.nacl(eni.subnet, Way::In)?;
        }
        self.deliver_routed(e)
    }

    /// Delivery to an ENI that a route named, not its address.
    fn deliver_routed(&mut self, e: usize) -> Go<Outcome> {
        let eni = &self.world.enis[e];
        if eni.check && !eni.addresses.contains(&self.packet.dst) {
            return stop("src-dst", "not-mine", At::Eni(e));
        }
        self.deliver(e)
    }

    fn nat_subnet(&self, nat: usize) -> Option<usize> {
        self.world.nats[nat].as_ref().filter(|n| !n.out).map(|n| self.world.enis[n.eni].subnet)
    }

    fn nacl(&self, subnet: usize, way: Way) -> Go {
        let t = self.tuple();
        let (stage, peer) = match way {
            Way::In => ("nacl-in", t.src),
            Way::Out => ("nacl-out", t.dst),
        };
        match self.world.nacl(subnet, way, peer, t.proto, t.dport) {
            Some((_, true)) => Ok(()),
            Some((_, false)) => stop(stage, "nacl-rule", At::Subnet(subnet)),
            None => stop(stage, "nacl-default", At::Subnet(subnet)),
        }
    }

    /// Whether (ENI, tuple as it sends) has a live track; notes how near its end it was.
    fn tracked(&mut self, eni: usize, tuple: Tuple) -> bool {
        let Some(track) = self.state.track(eni, tuple) else { return false };
        let (class, limit) = track.life.class(tuple.proto, self.world.enis[eni].timeouts);
        let idle = idle_ms(self.now, track.life.last);
        let live = idle < limit;
        self.note_timeout(class, idle, limit);
        live && !(self.packet.is_opening() && (track.life.fin || track.life.rst))
    }

    fn note_timeout(&mut self, class: &str, idle: u64, limit: u64) {
        if idle >= limit {
            self.notes.push(format!("timeout {class} expired"));
        } else if idle + 1000 >= limit {
            self.notes.push(format!("timeout {class} survived"));
        }
    }

    fn sg_out(&mut self, eni: usize) -> Go {
        let t = self.tuple();
        if let Some(q) = self.packet.quote() {
            let q = q.tuple;
            if self.tracked(eni, q.reverse()) || self.world.admits(eni, Way::In, q.src, q.proto, q.dport) {
                return Ok(());
            }
            return self.rules(eni, Way::Out, t, t);
        }
        if self.tracked(eni, t) {
            self.touches.push(Touch::Track { eni, tuple: t, by_eni: true, admitted: false, untracked: false });
            return Ok(());
        }
        self.rules(eni, Way::Out, t, t)
    }

    fn sg_in(&mut self, eni: usize) -> Go {
        let t = self.tuple();
        let key = t.reverse();
        if let Some(q) = self.packet.quote() {
            let q = q.tuple;
            if self.tracked(eni, q) || self.world.admits(eni, Way::Out, q.dst, q.proto, q.dport) {
                return Ok(());
            }
            return self.rules(eni, Way::In, t, key);
        }
        if self.tracked(eni, key) {
            self.touches.push(Touch::Track { eni, tuple: key, by_eni: false, admitted: false, untracked: false });
            return Ok(());
        }
        self.rules(eni, Way::In, t, key)
    }

    /// Asks the rules; what they admit is tracked under `key`, unless it needs none.
    fn rules(&mut self, eni: usize, way: Way, t: Tuple, key: Tuple) -> Go {
        let (peer, stage, other) = match way {
            Way::In => (t.src, "sg-in", Way::Out),
            Way::Out => (t.dst, "sg-out", Way::In),
        };
        if !self.world.admits(eni, way, peer, t.proto, t.dport) {
            return stop(stage, "no-rule", At::Eni(eni));
        }
        let w = self.world;
        let v6 = self.packet.v6;
        let untracked = matches!(t.proto, TCP | UDP)
            && ((w.open(eni, way, v6, t.proto, t.dport) && w.open_all(eni, other, v6, t.proto))
                || (w.open(eni, other, v6, t.proto, t.sport) && w.open_all(eni, way, v6, t.proto)));
        if !self.packet.is_icmp_error() {
            let by_eni = way == Way::Out;
            self.touches.push(Touch::Track { eni, tuple: key, by_eni, admitted: true, untracked });
        }
        Ok(())
    }

    /// Section 7.
    fn deliver(&mut self, e: usize) -> Go<Outcome> {
        self.sg_in(e)?;
        let eni = &self.world.enis[e];
        if !eni.attached {
            return stop("route", "no-owner", At::Eni(e));
        }
        let src = match self.sender {
            Some(s) if self.neighbour => self.world.enis[s].mac,
            _ => FABRIC_MAC,
        };
        Ok(self.emit(e as u32 + 1, eni.mac, src))
    }

    fn emit(&self, port: u32, dst: [u8; 6], src: [u8; 6]) -> Outcome {
        let mut frames = if self.pieces { cut(&self.packet) } else { vec![self.packet.frame.clone()] };
        for f in &mut frames {
            set_macs(f, dst, src);
        }
        Outcome::good(Kind::Forward, frames.into_iter().map(|f| (port, f)).collect())
    }

    /// Section 5, out, IPv4 and IPv6.
    fn igw_out(&mut self, vpc: usize) -> Go<Outcome> {
        self.neighbour = false;
        let at = At::Igw(vpc);
        match self.packet.src {
            IpAddr::V4(src) => {
                let Some(public) = self.world.public_of(vpc, src) else {
                    return stop("igw", "no-public-address", at);
                };
                // Filters and the product's sizes see the packet before it is found too big: the order does not show.
                self.packet.set_addr(End::Src, public);
                if let Some(q) = self.packet.quote()
                    && let Some(quoted) = self.world.public_of(vpc, v4(q.tuple.dst))
                {
                    self.packet.set_quoted_addr(&q, End::Dst, quoted);
                }
            }
            IpAddr::V6(_) => {
                if self.world.owner(vpc, self.packet.src).is_none() {
                    return stop("igw", "no-public-address", at);
                }
            }
        }
        self.edge("igw", at)
    }

    fn eigw_out(&mut self, vpc: usize) -> Go<Outcome> {
        self.neighbour = false;
        let at = At::Eigw(vpc);
        if self.world.owner(vpc, self.packet.src).is_none() {
            return stop("eigw", "no-public-address", at);
        }
        if let Some(q) = self.packet.quote() {
            if !self.flow_known(vpc, q.tuple) {
                return stop("eigw", "no-flow", at);
            }
        } else {
            let key = self.tuple().reverse();
            if !self.flow_known(vpc, key) {
                let answer = match self.packet.proto {
                    TCP => !self.packet.is_opening(),
                    _ => self.packet.icmp_type().is_some_and(|t| !is_request(self.packet.proto, t)),
                };
                if answer {
                    return stop("eigw", "answer-only", at);
                }
            }
            self.touches.push(Touch::Flow { vpc, tuple: key, by_remote: false });
        }
        self.edge("eigw", at)
    }

    fn flow_known(&mut self, vpc: usize, key: Tuple) -> bool {
        let Some(flow) = self.state.flow(vpc, key) else { return false };
        let live = flow_live(flow, self.now, self.packet.is_opening());
        let (_, limit) = flow.life.class(key.proto, Default::default());
        let idle = idle_ms(self.now, flow.life.last);
        self.note_timeout("eigw", idle, limit);
        live
    }

    /// The MTU of the edge, then out or in again.
    fn edge(&mut self, stage: &'static str, at: At) -> Go<Outcome> {
        self.fits_outside(stage, at)?;
        let here = match self.packet.dst {
            IpAddr::V4(a) => self.world.behind(a).is_some(),
            IpAddr::V6(a) => self.world.vpc6(a).is_some(),
        };
        if here {
            self.notes.push("edge hairpin".into());
            return self.enter_vpc();
        }
        Ok(self.emit(0, INTERNET_MAC, FABRIC_MAC))
    }

    fn fits_outside(&mut self, stage: &'static str, at: At) -> Go {
        if self.packet.len3() > EDGE_MTU {
            if self.packet.v6 || self.packet.df {
                let quiet = self.original.is_later_fragment() || self.original.is_icmp_error();
                let Some(sender) = self.sender.filter(|_| !quiet) else {
                    return stop(stage, "too-big", at);
                };
                let eni = &self.world.enis[sender];
                let subnet = &self.world.subnets[eni.subnet];
                let frame = if self.packet.v6 {
                    let router = subnet.base6(1).unwrap_or(ROUTER);
                    too_big6(eni.mac, router, EDGE_MTU as u32, &self.original)
                } else {
                    error4(eni.mac, subnet.base4(1), 3, 4, EDGE_MTU as u32, &self.original)
                };
                return Err(Box::new(Outcome::error(stage, "too-big", at, sender as u32 + 1, frame)));
            }
            self.pieces = true;
        }
        Ok(())
    }

    /// RT-73, RT-96: IPv4 as it is, to the network behind the virtual private gateway if one is connected (VPN-20).
    fn vgw_out(&mut self, vpc: usize) -> Go<Outcome> {
        self.neighbour = false;
        let at = At::Vgw(vpc);
        if self.packet.v6 {
            return stop("vgw", "protocol", at);
        }
        let Some(port) = self.world.vpcs[vpc].vgw else { return stop("vgw", "no-tunnel", at) };
        self.fits_outside("vgw", at)?;
        Ok(self.emit(port, REMOTE_MAC, FABRIC_MAC))
    }

    /// From that network: to ENIs of the VPC and nobody else (EIP-10, NAT-27); its gateway route table may name another ENI.
    pub(super) fn enter_by_vgw(&mut self, vpc: usize) -> Go<Outcome> {
        let at = At::Vgw(vpc);
        self.sane(at)?;
        if self.packet.v6 {
            return stop("vgw", "protocol", at);
        }
        let dst = self.packet.dst;
        if dst.is_multicast() || is_broadcast(dst) {
            return stop("route", "no-multicast", at);
        }
        let Some(owner) = self.world.owner(vpc, dst) else { return stop("vgw", "no-owner", at) };
        self.notes.push("from vgw".into());
        let steered = self.world.vpcs[vpc].vgw_table.and_then(|table| self.world.route(table, dst));
        let (e, routed) = match steered {
            Some((_, Target::Eni(e))) => (e, e != owner),
            _ => (owner, false),
        };
        if routed {
            self.notes.push("route gateway of vgw".into());
        }
        self.nacl(self.world.enis[e].subnet, Way::In)?;
        match self.world.enis[e].nat {
            Some(nat) => self.nat_in(nat),
            None if routed => self.deliver_routed(e),
            None => self.deliver(e),
        }
    }

    /// Section 5, in.
    pub(super) fn enter_vpc(&mut self) -> Go<Outcome> {
        let dst = self.packet.dst;
        if dst.is_multicast() || is_broadcast(dst) {
            return stop("route", "no-multicast", At::Internet);
        }
        match dst {
            IpAddr::V4(a) => self.in4(a),
            IpAddr::V6(_) => self.in6(),
        }
    }

    fn in4(&mut self, public: Ipv4Addr) -> Go<Outcome> {
        let Some((vpc, private)) = self.world.behind(public) else {
            return stop("igw", "no-mapping", At::Internet);
        };
        self.packet.set_addr(End::Dst, private);
        if let Some(q) = self.packet.quote()
            && let Some((v, quoted)) = self.world.behind(v4(q.tuple.src))
            && v == vpc
        {
            self.packet.set_quoted_addr(&q, End::Src, quoted);
        }
        let (e, routed) = self.entry(vpc)?;
        self.nacl(self.world.enis[e].subnet, Way::In)?;
        match self.world.enis[e].nat {
            Some(nat) => self.nat_in(nat),
            None if routed => self.deliver_routed(e),
            None => self.deliver(e),
        }
    }

    /// The ENI that gets what enters a VPC: the owner of the address, or one that the gateway route table names.
    fn entry(&mut self, vpc: usize) -> Go<(usize, bool)> {
        let dst = self.packet.dst;
        if let Some(table) = self.world.vpcs[vpc].igw_table.filter(|_| self.world.vpcs[vpc].igw) {
            match self.world.route(table, dst).map(|r| r.1) {
                Some(Target::Eni(e)) => {
                    self.notes.push("route gateway".into());
                    return Ok((e, true));
                }
                Some(Target::Blackhole) => return stop("route", "blackhole", At::Igw(vpc)),
                _ => {}
            }
        }
        match self.world.owner(vpc, dst) {
            Some(e) => Ok((e, false)),
            None => stop("igw", "no-mapping", At::Internet),
        }
    }

    fn in6(&mut self) -> Go<Outcome> {
        let IpAddr::V6(dst) = self.packet.dst else { return stop("igw", "no-mapping", At::Internet) };
        let Some(vpc) = self.world.vpc6(dst) else { return stop("igw", "no-mapping", At::Internet) };
        let gates = &self.world.vpcs[vpc];
        let Some(owner) = self.world.owner(vpc, self.packet.dst).filter(|_| gates.igw || gates.eigw) else {
            return stop("igw", "no-mapping", At::Internet);
        };
        // The gateway route table holds for IPv6 alike (RT-61, RT-96).
        let (e, routed) = self.entry(vpc)?;
        self.nacl(self.world.enis[e].subnet, Way::In)?;
        if gates.eigw {
            let table = self.world.subnets[self.world.enis[owner].subnet].table;
            match self.world.route(table, self.packet.src).map(|r| r.1) {
                Some(Target::Igw) => {}
                Some(Target::Eigw) => {
                    let t = self.tuple();
                    let quote = self.packet.quote();
                    let key = quote.map_or(t, |q| q.tuple.reverse());
                    if !self.flow_known(vpc, key) {
                        return stop("eigw", "no-flow", At::Eigw(vpc));
                    }
                    if quote.is_none() {
                        self.touches.push(Touch::Flow { vpc, tuple: t, by_remote: true });
                    }
                }
                _ => return stop("igw", "no-return-route", At::Igw(vpc)),
            }
        }
        if routed { self.deliver_routed(e) } else { self.deliver(e) }
    }
}

// Section 6.
impl Walk<'_> {
    fn nat_out(&mut self, n: usize, from: usize, sender: Option<usize>) -> Go<Outcome> {
        self.neighbour = false;
        let at = At::Nat(n);
        let Some(nat) = self.world.nats[n].clone().filter(|nat| !nat.out) else {
            return stop("route", "blackhole", At::Subnet(from));
        };
        let subnet = self.world.enis[nat.eni].subnet;
        self.through_nat.extend(sender.map(|s| (s, true)));
        if subnet != from {
            self.nacl(subnet, Way::In)?;
        }
        let proto = self.packet.proto;
        if !matches!(proto, TCP | UDP | ICMP) {
            return stop("natgw", "protocol", at);
        }
        if self.packet.fragment.is_some() && proto != UDP {
            return stop("natgw", "fragment", at);
        }
        let quote = self.packet.quote();
        if let Some(kind) = self.packet.icmp_type()
            && !is_request(ICMP, kind)
            && quote.is_none()
        {
            return stop("natgw", "icmp-type", at);
        }
        if self.packet.ttl <= 1 {
            let quiet = self.packet.is_icmp_error() || self.packet.is_later_fragment();
            let Some(s) = sender.filter(|_| !quiet) else { return stop("natgw", "ttl-exceeded", at) };
            let frame = error4(self.world.enis[s].mac, nat.private, 11, 0, 0, &self.original);
            return Err(Box::new(Outcome::error("natgw", "ttl-exceeded", at, s as u32 + 1, frame)));
        }
        if let Some(q) = quote {
            let client = q.tuple.reverse();
            self.note_binding(n, client);
            let Some(b) = sender.and_then(|s| self.state.binding(n, s, client, self.now)) else {
                return stop("natgw", "no-binding", at);
            };
            let external = b.external;
            self.packet.set_addr(End::Src, nat.private);
            self.packet.set_quoted_addr(&q, End::Dst, nat.private);
            self.packet.set_quoted_port(&q, End::Dst, external);
        } else {
            let external = self.external(n, sender)?;
            self.packet.set_addr(End::Src, nat.private);
            self.packet.set_port(End::Src, external);
        }
        self.packet.decrement_ttl();
        self.by_route(subnet, None, true)
    }

    fn note_binding(&mut self, n: usize, client: Tuple) {
        let found = self.state.bindings.iter().find(|b| b.nat == n && b.client == client && b.given_up.is_none());
        let Some(b) = found else { return };
        let ((class, limit), idle) = (b.class(), idle_ms(self.now, b.last));
        self.note_timeout(class, idle, limit);
    }

    /// The external port of the client's tuple: of its binding, or a new one.
    fn external(&mut self, n: usize, sender: Option<usize>) -> Go<u16> {
        let at = At::Nat(n);
        let client = self.tuple();
        self.note_binding(n, client);
        let Some(eni) = sender else { return stop("natgw", "loop", at) };
        if let Some(b) = self.state.binding(n, eni, client, self.now)
            && !(b.closed() && self.packet.is_opening())
        {
            let external = b.external;
            self.touches.push(Touch::Bound { nat: n, eni, client, external, from_client: true });
            return Ok(external);
        }
        if self.original.is_later_fragment() {
            return stop("natgw", "no-binding", at);
        }
        const SYN: u8 = 2;
        const RST: u8 = 4;
        if client.proto == TCP && (self.packet.flags & SYN == 0 || self.packet.flags & RST != 0) {
            if self.packet.flags & RST != 0 {
                return stop("natgw", "no-binding", at);
            }
            let frame = reset4(self.world.enis[eni].mac, &self.original);
            return Err(Box::new(Outcome::error("natgw", "no-binding", at, eni as u32 + 1, frame)));
        }
        let remote = (client.dst, client.dport, client.proto);
        let taken = self.state.taken(n, remote, self.now);
        let full = self.state.carried(n, client, self.now) >= self.limit;
        let external = match self.choice {
            Choice::Refused => {
                if taken.len() < self.slice && !full {
                    self.illegal =
                        Some(format!("port refused with {} of {} taken towards {remote:?}", taken.len(), self.slice));
                }
                return stop("natgw", "port-allocation", at);
            }
            Choice::Port(port) => {
                if port < 1024 || taken.contains(&port) {
                    self.illegal = Some(format!("port {port} chosen, taken towards {remote:?}: {taken:?}"));
                } else if full {
                    self.illegal = Some(format!("port {port} chosen beyond {} flows to {remote:?}", self.limit));
                }
                port
            }
            Choice::Unseen => 0,
            Choice::Own if full => return stop("natgw", "port-allocation", at),
            Choice::Own => {
                let mut port = 40_000;
                while taken.contains(&port) {
                    port += 1;
                }
                port
            }
        };
        self.touches.push(Touch::Bind { nat: n, eni, client, external });
        Ok(external)
    }

    /// Return: the packet is addressed to the gateway's private address by now, or was from the start (NAT-80).
    fn nat_in(&mut self, n: usize) -> Go<Outcome> {
        let at = At::Nat(n);
        let Some(nat) = self.world.nats[n].clone() else { return stop("igw", "no-mapping", At::Internet) };
        if nat.out {
            return stop("natgw", "unsolicited", at);
        }
        let subnet = self.world.enis[nat.eni].subnet;
        let quote = self.packet.quote();
        let back = quote.map_or(self.tuple(), |q| q.tuple.reverse());
        let stale = self.state.bindings.iter().find(|b| {
            b.nat == n
                && b.remote() == (back.src, back.reverse().dport, back.proto)
                && b.external == back.reverse().sport
        });
        if let Some(b) = stale {
            let ((class, limit), idle) = (b.class(), idle_ms(self.now, b.last));
            self.note_timeout(class, idle, limit);
        }
        let Some(b) = self.state.binding_back(n, back, self.now) else {
            return stop("natgw", "unsolicited", at);
        };
        let (eni, client, external) = (b.eni, b.client, b.external);
        if self.original.dst == IpAddr::V4(nat.private) {
            self.notes.push("answer at a NAT gateway's private address".into());
        }
        if self.packet.fragment.is_some() && self.packet.proto != UDP {
            return stop("natgw", "fragment", at);
        }
        if self.packet.ttl <= 1 {
            return stop("natgw", "ttl-exceeded", at);
        }
        self.packet.set_addr(End::Dst, v4(client.src));
        if let Some(q) = quote {
            self.packet.set_quoted_addr(&q, End::Src, v4(client.src));
            self.packet.set_quoted_port(&q, End::Src, client.sport);
        } else {
            self.packet.set_port(End::Dst, client.sport);
            self.touches.push(Touch::Bound { nat: n, eni, client, external, from_client: false });
        }
        self.packet.decrement_ttl();
        let vpc = self.world.subnets[subnet].vpc;
        let Some(owner) = self.world.owner(vpc, client.src) else {
            return stop("route", "no-owner", At::Subnet(subnet));
        };
        let there = self.world.enis[owner].subnet;
        if there != subnet {
            self.nacl(subnet, Way::Out)?;
            self.nacl(there, Way::In)?;
        }
        self.through_nat.push((owner, false));
        self.deliver(owner)
    }
}
