//! What a worker counts. Nothing disappears: received + originated + extra pieces = sent + consumed + dropped + held.

use crate::nat::{NatGatewayCounters, Tallies};
use crate::pipeline::{At, Kind, Reason, Stage, Verdict};
use crate::topology::{NatIdx, PortNo};

const REASONS: usize = Reason::ALL.len();

/// Frames and bytes at one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortCounters {
    pub received: u64,
    pub received_bytes: u64,
    pub sent: u64,
    pub sent_bytes: u64,
    /// Packets of new flows dropped because the port held its share of the sessions (SG-206).
    pub allowance_exceeded: u64,
}

/// Counters of one worker; a total over workers is their sum.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    ports: Vec<PortCounters>,
    /// By port: stage x reason and frames, in order. A port drops for a handful of reasons: a short list is small enough to be copied for a reader.
    drops: Vec<Vec<(u16, u64)>>,
    nats: Tallies,
    /// Built by the fabric itself.
    pub originated: u64,
    /// Pieces beyond the first of a fragmented frame.
    pub extra: u64,
    /// Answered or given to a service.
    pub consumed: u64,
    /// Fragments waiting for their first.
    pub held: u64,
    pub dropped: u64,
    /// Packets that walked the gates; the others hit a remembered action.
    pub walks: u64,
    /// Among the walks those of a flow (one of its two directions) that had a remembered action, but on whose way something changed since.
    pub rewalks: u64,
}

impl Counters {
    /// Makes room for ports numbered below `ports`, so that counting never allocates for them.
    pub fn reserve(&mut self, ports: usize) {
        if self.ports.len() < ports {
            self.ports.resize(ports, PortCounters::default());
            self.drops.resize(ports, Vec::new());
        }
    }

    #[inline]
    pub fn receive(&mut self, port: PortNo, bytes: usize) {
        if port as usize >= self.ports.len() {
            // A port that no topology knows yet: its frames are dropped, but not lost.
            self.reserve(port as usize + 1);
        }
        if let Some(p) = self.ports.get_mut(port as usize) {
            p.received += 1;
            p.received_bytes += bytes as u64;
        }
    }

    #[inline]
    pub fn sent(&mut self, port: PortNo, bytes: usize) {
        if let Some(p) = self.ports.get_mut(port as usize) {
            p.sent += 1;
            p.sent_bytes += bytes as u64;
        }
    }

    /// A frame counted as sent was not taken by its port.
    pub(super) fn take_back(&mut self, port: PortNo, bytes: usize) {
        if let Some(p) = self.ports.get_mut(port as usize) {
            p.sent -= 1;
            p.sent_bytes -= bytes as u64;
        }
    }

    /// Counts how a frame of `port` ended that was not forwarded.
    pub fn ended(&mut self, port: PortNo, verdict: &Verdict) {
        match verdict.kind {
            Kind::Forward => {}
            Kind::Reply | Kind::Punt => self.consumed += 1,
            Kind::Drop => {
                self.dropped += 1;
                if verdict.reason == Some(Reason::SessionTableFull) {
                    self.exceeded(verdict.at);
                }
                if let (Some(stage), Some(reason)) = (verdict.stage, verdict.reason) {
                    // Handed over, from a port that no topology knows yet.
                    self.reserve(port as usize + 1);
                    count(&mut self.drops[port as usize], cell(stage, reason), 1);
                }
            }
        }
    }

    /// Whose share is used up need not be the port that the frame came in by.
    #[cold]
    fn exceeded(&mut self, at: Option<At>) {
        let port = if let Some(At::Eni(eni)) = at { eni.port() } else { crate::topology::INTERNET };
        self.reserve(port as usize + 1);
        self.ports[port as usize].allowance_exceeded += 1;
    }

    /// Counters of a port.
    pub fn port(&self, port: PortNo) -> PortCounters {
        self.ports.get(port as usize).copied().unwrap_or_default()
    }

    /// All ports that a topology or a frame has named so far, in order.
    pub fn ports(&self) -> impl Iterator<Item = (PortNo, &PortCounters)> {
        self.ports.iter().enumerate().map(|(port, counters)| (port as PortNo, counters))
    }

    /// Frames of `port` dropped at a stage for a reason.
    pub fn drops(&self, port: PortNo, stage: Stage, reason: Reason) -> u64 {
        let cell = cell(stage, reason);
        let drops = self.drops.get(port as usize).map_or(&[][..], Vec::as_slice);
        drops.binary_search_by_key(&cell, |d| d.0).map_or(0, |at| drops[at].1)
    }

    /// All drops that are not zero: port, stage, reason, count.
    pub fn all_drops(&self) -> impl Iterator<Item = (PortNo, Stage, Reason, u64)> {
        self.drops.iter().enumerate().flat_map(|(port, drops)| {
            drops.iter().map(move |&(cell, frames)| {
                let (stage, reason) = (usize::from(cell) / REASONS, usize::from(cell) % REASONS);
                (port as PortNo, Stage::ALL[stage], Reason::ALL[reason], frames)
            })
        })
    }

    /// What a NAT gateway counted. All zero for one that nothing has reached.
    pub fn nat(&self, gateway: NatIdx) -> NatGatewayCounters {
        self.nats.counters(gateway.0)
    }

    pub(super) fn add_nats(&mut self, tallies: &Tallies) {
        self.nats.add(tallies);
    }

    /// Adds another worker's.
    pub fn add(&mut self, other: &Counters) {
        self.nats.add(&other.nats);
        self.reserve(other.ports.len());
        for (a, b) in self.ports.iter_mut().zip(&other.ports) {
            a.received += b.received;
            a.received_bytes += b.received_bytes;
            a.sent += b.sent;
            a.sent_bytes += b.sent_bytes;
            a.allowance_exceeded += b.allowance_exceeded;
        }
        for (a, b) in self.drops.iter_mut().zip(&other.drops) {
            b.iter().for_each(|&(cell, frames)| count(a, cell, frames));
        }
        self.originated += other.originated;
        self.extra += other.extra;
        self.consumed += other.consumed;
        self.held += other.held;
        self.dropped += other.dropped;
        self.walks += other.walks;
        self.rewalks += other.rewalks;
    }

    /// (received + originated + extra, sent + consumed + dropped + held): equal, always.
    pub fn conservation(&self) -> (u64, u64) {
        let (received, sent) = self.ports.iter().fold((0, 0), |(r, s), p| (r + p.received, s + p.sent));
        (received + self.originated + self.extra, sent + self.consumed + self.dropped + self.held)
    }
}

fn cell(stage: Stage, reason: Reason) -> u16 {
    (stage as usize * REASONS + reason as usize) as u16
}

fn count(drops: &mut Vec<(u16, u64)>, cell: u16, frames: u64) {
    match drops.binary_search_by_key(&cell, |d| d.0) {
        Ok(at) => drops[at].1 += frames,
        Err(at) => drops.insert(at, (cell, frames)),
    }
}
