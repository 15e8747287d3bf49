//! What the model remembers: lists that are searched from the front.

use super::packet::{ACK, FIN, Fragment};
use super::packet::{ICMP, ICMP6, Packet, RST, SYN, TCP, Tuple, UDP};
use super::world::Timeouts;
use std::net::{IpAddr, Ipv4Addr};

const MS: u64 = 1_000_000;

/// Idleness in whole milliseconds.
pub fn idle_ms(now: u64, last: u64) -> u64 {
    now / MS - last / MS
}

/// Idleness of a conversation: a security-group track, or an egress-only flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// The side that sends the key's tuple started it.
    pub started_by_key: bool,
    pub reply: bool,
    pub stream: bool,
    pub fin: bool,
    pub rst: bool,
    pub last: u64,
}

impl Life {
    fn new(by_key: bool, flags: u8, now: u64) -> Life {
        let fresh = Life { started_by_key: by_key, reply: false, stream: false, fin: false, rst: false, last: now };
        let mut life = fresh;
        life.touch(by_key, flags, now);
        life
    }

    fn touch(&mut self, by_key: bool, flags: u8, now: u64) {
        if by_key != self.started_by_key {
            self.reply = true;
        } else if self.reply {
            self.stream = true;
        }
        self.fin |= flags & FIN != 0;
        self.rst |= flags & RST != 0;
        self.last = now;
    }

    /// Name of the timeout class and its limit in milliseconds.
    pub fn class(&self, proto: u8, t: Timeouts) -> (&'static str, u64) {
        let (name, seconds) = match proto {
            TCP if self.rst => ("tcp-rst", 10),
            TCP if self.fin => ("tcp-fin", 60),
            TCP if self.stream => ("tcp-established", t.tcp_established),
            TCP => ("tcp-opening", 60),
            UDP if self.stream => ("udp-stream", t.udp_stream),
            UDP => ("udp", t.udp),
            ICMP | ICMP6 => ("icmp", 30),
            _ => ("other", 600),
        };
        (name, seconds * 1000)
    }
}

/// A security-group track: the tuple is the one the ENI sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    pub eni: usize,
    pub tuple: Tuple,
    pub life: Life,
}

/// An egress-only flow: the tuple is the one the remote sends.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    pub vpc: usize,
    pub tuple: Tuple,
    pub life: Life,
}

/// A NAT binding.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub nat: usize,
    /// Who sends it: the client, or a middlebox on its behalf.
    pub eni: usize,
    /// As the client sends.
    pub client: Tuple,
    /// Port or identifier on the outside.
    pub external: u16,
    pub fin_client: bool,
    pub fin_remote: bool,
    pub rst: bool,
    /// Given up at this time: admits nothing, still holds its port.
    pub given_up: Option<u64>,
    /// The association of the remote address changed: admits nothing, holds its port as if it had been idle too long.
    pub ended: bool,
    pub last: u64,
}

impl Binding {
    /// Ended by TCP.
    pub fn closed(&self) -> bool {
        self.rst || (self.fin_client && self.fin_remote)
    }

    /// Name of the timeout class and its limit in milliseconds.
    pub fn class(&self) -> (&'static str, u64) {
        if self.closed() { ("nat-closed", 60_000) } else { ("nat-idle", 350_000) }
    }

    /// Whether it still translates.
    pub fn live(&self, now: u64) -> bool {
        self.given_up.is_none() && !self.ended && idle_ms(now, self.last) < self.class().1
    }

    /// Whether its external port is still taken.
    pub fn holds(&self, now: u64) -> bool {
        match self.given_up {
            Some(then) => idle_ms(now, then) < 60_000,
            None => idle_ms(now, self.last) < if self.closed() { 60_000 } else { 410_000 },
        }
    }

    /// What its port is unique for.
    pub fn remote(&self) -> (IpAddr, u16, u8) {
        (self.client.dst, self.client.dport, self.client.proto)
    }
}

/// What a walk asks to be remembered if the packet is forwarded.
#[derive(Clone, Debug, PartialEq)]
pub enum Touch {
    /// Passed by the ENI. `admitted`: by rules. `untracked`: these rules need no track.
    Track {
        eni: usize,
        tuple: Tuple,
        by_eni: bool,
        admitted: bool,
        untracked: bool,
    },
    Flow {
        vpc: usize,
        tuple: Tuple,
        by_remote: bool,
    },
    /// A binding that was there.
    Bound {
        nat: usize,
        eni: usize,
        client: Tuple,
        external: u16,
        from_client: bool,
    },
    /// A new one.
    Bind {
        nat: usize,
        eni: usize,
        client: Tuple,
        external: u16,
    },
    /// The sender's flow went on: bindings of it that were not used are given up.
    Sent {
        eni: usize,
        tuple: Tuple,
    },
}

/// A datagram in pieces.
#[derive(Clone, Debug)]
pub struct Datagram {
    pub key: (u32, IpAddr, IpAddr, u8, u32),
    pub since: u64,
    pub poisoned: bool,
    /// Protocol and ports told by the first fragment.
    pub ports: Option<(u8, u16, u16)>,
    pub seen: Vec<(usize, usize)>,
    pub held: Vec<(u64, Packet)>,
}

impl Datagram {
    pub fn key(port: u32, p: &Packet, f: &Fragment) -> (u32, IpAddr, IpAddr, u8, u32) {
        // An IPv6 fragment does not know its upper protocol.
        (port, p.src, p.dst, if p.v6 { 0 } else { f.proto }, f.id)
    }
}

/// Everything remembered.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub tracks: Vec<Track>,
    pub flows: Vec<Flow>,
    pub bindings: Vec<Binding>,
    pub datagrams: Vec<Datagram>,
    /// Errors of the fabric: port and time (ns).
    pub told: Vec<(u32, u64)>,
}

impl State {
    /// Whether some shard may have told a port so many errors that it keeps the next to itself: eight at once, sixteen a second.
    pub fn told_enough(&self, port: u32, now: u64) -> bool {
        const EVERY: u64 = 62_500_000;
        let times: Vec<u64> = self.told.iter().filter(|t| t.0 == port).map(|t| t.1).collect();
        let count = times.len() as u64;
        (0..).zip(&times).any(|(n, since)| (count - n) * EVERY > 7 * EVERY + (now - since))
    }

    /// The track of (ENI, tuple), dead or alive.
    pub fn track(&self, eni: usize, tuple: Tuple) -> Option<&Track> {
        self.tracks.iter().find(|t| t.eni == eni && t.tuple == tuple)
    }

    /// The flow of a tuple as the remote sends it, dead or alive.
    pub fn flow(&self, vpc: usize, tuple: Tuple) -> Option<&Flow> {
        self.flows.iter().find(|f| f.vpc == vpc && f.tuple == tuple)
    }

    /// The binding of a sender's tuple that still translates.
    pub fn binding(&self, nat: usize, eni: usize, client: Tuple, now: u64) -> Option<&Binding> {
        self.bindings.iter().find(|b| b.nat == nat && b.eni == eni && b.client == client && b.live(now))
    }

    /// The binding to which a packet towards the gateway belongs. `back` is its tuple.
    pub fn binding_back(&self, nat: usize, back: Tuple, now: u64) -> Option<&Binding> {
        let out = back.reverse();
        self.bindings.iter().find(|b| {
            let external = if matches!(out.proto, TCP | UDP | ICMP) { out.sport } else { return false };
            b.nat == nat && b.remote() == (out.dst, out.dport, out.proto) && b.external == external && b.live(now)
        })
    }

    /// External ports taken towards a remote.
    pub fn taken(&self, nat: usize, remote: (IpAddr, u16, u8), now: u64) -> Vec<u16> {
        let held = self.bindings.iter().filter(|b| b.nat == nat && b.remote() == remote && b.holds(now));
        held.map(|b| b.external).collect()
    }

    /// Flows that gateway `nat` carries to the destination of `client`: not closed, not given up, not idle for 350 s. ICMP counts by address alone.
    pub fn carried(&self, nat: usize, client: Tuple, now: u64) -> usize {
        let place = |t: &Tuple| (t.dst, t.proto, if t.proto == ICMP { 0 } else { t.dport });
        let carried = |b: &&Binding| {
            let over = b.closed() || b.given_up.is_some() || idle_ms(now, b.last) >= 350_000;
            b.nat == nat && place(&b.client) == place(&client) && !over
        };
        self.bindings.iter().filter(carried).count()
    }

    /// Carries out what the walk of a forwarded packet asked for.
    pub fn commit(
        &mut self,
        touches: &[Touch],
        through_nat: &[(usize, bool)],
        flags: u8,
        now: u64,
        limits: impl Fn(usize) -> Timeouts,
    ) {
        for touch in touches {
            match *touch {
                Touch::Track { eni, tuple, by_eni, admitted, untracked } => {
                    let old = self.tracks.iter().position(|t| t.eni == eni && t.tuple == tuple);
                    if !admitted {
                        if let Some(i) = old {
                            self.tracks[i].life.touch(by_eni, flags, now);
                        }
                    } else if !untracked || through_nat.contains(&(eni, by_eni)) {
                        // One packet may pass the same track twice (an ENI that talks to its own public address).
                        if let Some(i) = old {
                            let t = &self.tracks[i];
                            let live = idle_ms(now, t.life.last) < t.life.class(tuple.proto, limits(eni)).1;
                            if live && t.life.last == now && !(t.life.fin || t.life.rst) {
                                self.tracks[i].life.touch(by_eni, flags, now);
                                continue;
                            }
                            self.tracks.remove(i);
                        }
                        self.tracks.push(Track { eni, tuple, life: Life::new(by_eni, flags, now) });
                    } else if let Some(i) = old {
                        // An opening segment that needs no track ends the one it did not find alive.
                        self.tracks.remove(i);
                    }
                }
                Touch::Flow { vpc, tuple, by_remote } => {
                    let opening = tuple.proto == TCP && flags & (SYN | ACK) == SYN;
                    let old = self.flows.iter().position(|f| f.vpc == vpc && f.tuple == tuple);
                    match old {
                        Some(i) if flow_live(&self.flows[i], now, opening) => {
                            self.flows[i].life.touch(by_remote, flags, now);
                        }
                        _ => {
                            if let Some(i) = old {
                                self.flows.remove(i);
                            }
                            self.flows.push(Flow { vpc, tuple, life: Life::new(by_remote, flags, now) });
                        }
                    }
                }
                Touch::Bound { nat, eni, client, external, from_client } => {
                    let found = self.bindings.iter_mut().find(|b| {
                        b.nat == nat && b.eni == eni && b.client == client && b.external == external && b.live(now)
                    });
                    if let Some(b) = found {
                        b.touch(from_client, flags, now);
                    }
                }
                Touch::Bind { nat, eni, client, external } => {
                    let mut b = Binding {
                        nat,
                        eni,
                        client,
                        external,
                        fin_client: false,
                        fin_remote: false,
                        rst: false,
                        given_up: None,
                        ended: false,
                        last: now,
                    };
                    b.touch(true, flags, now);
                    self.bindings.push(b);
                }
                Touch::Sent { eni, tuple } => {
                    let used = touches.iter().find_map(|t| match *t {
                        Touch::Bound { nat, external, from_client: true, .. } | Touch::Bind { nat, external, .. } => {
                            Some((nat, external))
                        }
                        _ => None,
                    });
                    for b in &mut self.bindings {
                        if b.eni == eni && b.client == tuple && used != Some((b.nat, b.external)) && b.live(now) {
                            b.given_up = Some(now);
                        }
                    }
                }
            }
        }
    }

    /// Forgets what can no longer matter, so that lists stay short (a little later than needed, to notice who comes late).
    pub fn sweep(&mut self, now: u64) {
        self.bindings.retain(|b| idle_ms(now, b.last) < 500_000);
    }
}

/// Whether a flow admits packets; an opening segment does not find one that TCP is closing.
pub fn flow_live(f: &Flow, now: u64, opening: bool) -> bool {
    idle_ms(now, f.life.last) < f.life.class(f.tuple.proto, Timeouts::default()).1
        && !(opening && (f.life.fin || f.life.rst))
}

impl Binding {
    fn touch(&mut self, from_client: bool, flags: u8, now: u64) {
        if self.client.proto == TCP {
            self.rst |= flags & RST != 0;
            if flags & FIN != 0 {
                if from_client {
                    self.fin_client = true;
                } else {
                    self.fin_remote = true;
                }
            }
        }
        self.last = now;
    }
}

/// An IPv4 address out of one that is known to be one.
pub fn v4(addr: IpAddr) -> Ipv4Addr {
    match addr {
        IpAddr::V4(a) => a,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}
