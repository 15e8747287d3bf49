//! What each NAT gateway counts.
//!
//! A packet that goes by a remembered action is added to two numbers of its gateway; all else is counted where a packet walks, or a flow begins or ends.

/// The fourteen metrics of a NAT gateway in CloudWatch's meaning (NAT-60): totals since the gateway began, except
/// [`active_connection_count`](Self::active_connection_count), which is now. Bytes are IP total lengths (NAT-83), packets include fragments.
///
/// `out_to_destination` is `in_from_source` less what was dropped; `out_to_source` is `in_from_destination` less what was dropped and
/// less what nobody inside had asked for (NAT-61). A connection is a TCP connection, in the counts of idle ends and of failed allocations a flow of any protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NatGatewayCounters {
    /// TCP connections that have begun and neither ended nor been idle for 350 s.
    pub active_connection_count: u64,
    pub bytes_in_from_destination: u64,
    pub bytes_in_from_source: u64,
    pub bytes_out_to_destination: u64,
    pub bytes_out_to_source: u64,
    /// TCP connections begun: their SYN went on its way with a port of its own. A SYN sent again is the same attempt.
    pub connection_attempt_count: u64,
    /// Of these, those whose handshake's third segment came by, or data (NAT-76).
    pub connection_established_count: u64,
    /// Flows refused: 55,000 to their destination, or no free port (NAT-34).
    pub error_port_allocation: u64,
    /// Flows that ended because nothing came for 350 s (NAT-41).
    pub idle_timeout_count: u64,
    /// Packets that reached the gateway and did not go on, for whatever reason behind it (NAT-17), answered ones too; not what came unasked from the internet.
    pub packets_drop_count: u64,
    pub packets_in_from_destination: u64,
    pub packets_in_from_source: u64,
    pub packets_out_to_destination: u64,
    pub packets_out_to_source: u64,
}

impl NatGatewayCounters {
    /// The one that is now; all others are totals.
    pub const GAUGE: &str = "ActiveConnectionCount";
    /// How many there are.
    pub const COUNT: usize = 14;

    /// Names and values, in the order of CloudWatch's list.
    pub fn metrics(&self) -> [(&'static str, u64); Self::COUNT] {
        [
            (Self::GAUGE, self.active_connection_count),
            ("BytesInFromDestination", self.bytes_in_from_destination),
            ("BytesInFromSource", self.bytes_in_from_source),
            ("BytesOutToDestination", self.bytes_out_to_destination),
            ("BytesOutToSource", self.bytes_out_to_source),
            ("ConnectionAttemptCount", self.connection_attempt_count),
            ("ConnectionEstablishedCount", self.connection_established_count),
            ("ErrorPortAllocation", self.error_port_allocation),
            ("IdleTimeoutCount", self.idle_timeout_count),
            ("PacketsDropCount", self.packets_drop_count),
            ("PacketsInFromDestination", self.packets_in_from_destination),
            ("PacketsInFromSource", self.packets_in_from_source),
            ("PacketsOutToDestination", self.packets_out_to_destination),
            ("PacketsOutToSource", self.packets_out_to_source),
        ]
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Volume {
    packets: u64,
    bytes: u64,
}

impl Volume {
    #[inline]
    fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    fn sum(&mut self, other: Volume) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

/// One gateway at one worker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// What came in, from inside and from the internet.
    came: [Volume; 2],
    /// What of it did not leave.
    lost: [Volume; 2],
    pub(crate) active: u64,
    pub(crate) attempts: u64,
    pub(crate) established: u64,
    pub(crate) refused: u64,
    pub(crate) idle: u64,
    dropped: u64,
}

/// All gateways at one worker, by index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tallies(Vec<Tally>);

impl Tallies {
    /// A packet of `bytes` bytes came in and left by a remembered action.
    #[inline]
    pub(crate) fn passed(&mut self, nat: u32, from_remote: bool, bytes: usize) {
        if let Some(t) = self.0.get_mut(nat as usize) {
            t.came[usize::from(from_remote)].add(bytes);
        }
    }

    /// A packet reached a gateway on its walk.
    pub(crate) fn came(&mut self, nat: u32, from_remote: bool, bytes: usize) {
        self.of(nat).came[usize::from(from_remote)].add(bytes);
    }

    /// It did not get on from there; `drop`: the gateway dropped it.
    pub(crate) fn lost(&mut self, nat: u32, from_remote: bool, bytes: usize, drop: bool) {
        let t = self.of(nat);
        t.lost[usize::from(from_remote)].add(bytes);
        t.dropped += u64::from(drop);
    }

    /// One gateway's.
    pub(crate) fn of(&mut self, nat: u32) -> &mut Tally {
        let nat = nat as usize;
        if self.0.len() <= nat {
            self.0.resize(nat + 1, Tally::default());
        }
        &mut self.0[nat]
    }

    pub(crate) fn add(&mut self, other: &Tallies) {
        for (nat, o) in other.0.iter().enumerate() {
            let t = self.of(nat as u32);
            for side in 0..2 {
                t.came[side].sum(o.came[side]);
                t.lost[side].sum(o.lost[side]);
            }
            t.active += o.active;
            t.attempts += o.attempts;
            t.established += o.established;
            t.refused += o.refused;
            t.idle += o.idle;
            t.dropped += o.dropped;
        }
    }

    pub(crate) fn counters(&self, nat: u32) -> NatGatewayCounters {
        let t = self.0.get(nat as usize).copied().unwrap_or_default();
        let ([source, remote], [source_lost, remote_lost]) = (t.came, t.lost);
        NatGatewayCounters {
            active_connection_count: t.active,
            bytes_in_from_destination: remote.bytes,
            bytes_in_from_source: source.bytes,
            bytes_out_to_destination: source.bytes - source_lost.bytes,
            bytes_out_to_source: remote.bytes - remote_lost.bytes,
            connection_attempt_count: t.attempts,
            connection_established_count: t.established,
            error_port_allocation: t.refused,
            idle_timeout_count: t.idle,
            packets_drop_count: t.dropped,
            packets_in_from_destination: remote.packets,
            packets_in_from_source: source.packets,
            packets_out_to_destination: source.packets - source_lost.packets,
            packets_out_to_source: remote.packets - remote_lost.packets,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_does_not_go_out() {
        let mut tallies = Tallies::default();
        for (from_remote, bytes) in [(false, 100), (true, 1_000)] {
            (0..3).for_each(|_| tallies.came(1, from_remote, bytes));
            tallies.lost(1, from_remote, bytes, !from_remote);
            tallies.passed(1, from_remote, bytes);
        }
        let mut both = Tallies::default();
        (0..2).for_each(|_| both.add(&tallies));
        let c = both.counters(1);
        assert_eq!((c.packets_in_from_source, c.bytes_in_from_source), (8, 800));
        assert_eq!((c.packets_out_to_destination, c.bytes_out_to_destination), (6, 600));
        assert_eq!((c.packets_in_from_destination, c.bytes_in_from_destination), (8, 8_000));
        assert_eq!((c.packets_out_to_source, c.bytes_out_to_source), (6, 6_000));
        assert_eq!(c.packets_drop_count, 2);
        assert_eq!(both.counters(0), NatGatewayCounters::default());
        assert_eq!(both.counters(9), NatGatewayCounters::default());
    }

    /// CloudWatch's names in CloudWatch's order, each with its own count.
    #[test]
    fn metrics_have_the_names_of_cloudwatch() {
        let counters = NatGatewayCounters {
            active_connection_count: 1,
            bytes_in_from_destination: 2,
            bytes_in_from_source: 3,
            bytes_out_to_destination: 4,
            bytes_out_to_source: 5,
            connection_attempt_count: 6,
            connection_established_count: 7,
            error_port_allocation: 8,
            idle_timeout_count: 9,
            packets_drop_count: 10,
            packets_in_from_destination: 11,
            packets_in_from_source: 12,
            packets_out_to_destination: 13,
            packets_out_to_source: 14,
        };
        let metrics = counters.metrics();
        assert!(metrics.is_sorted_by_key(|(name, _)| *name) && metrics.iter().map(|m| m.1).eq(1..=14));
        assert_eq!(metrics[2], ("BytesInFromSource", 3));
        assert_eq!(metrics[13], ("PacketsOutToSource", 14));
    }
}
