//! How often the fabric says something about a packet. Errors and resets are for the one who sent the packet, but a host that sends nothing
//! else must not make the fabric work for it without end (RFC 4443 2.4 f, RFC 1812 4.3.2.8).

use crate::topology::PortNo;
use hashbrown::HashMap;

/// One message every so often, to each port from each shard: 16 a second, 1,024 over all shards.
const EVERY_NS: u64 = 1_000_000_000 / 16;
/// Messages that may be sent at once after a pause.
const BURST: u64 = 8;
/// Ports remembered before those are forgotten that have been silent long enough.
const PORTS: usize = 1024;

/// The messages of one shard: which port has had how many lately does not depend on the number of workers.
#[derive(Default)]
pub(super) struct Pace {
    /// When the messages sent so far would have been due, one at a time (ns).
    due: HashMap<PortNo, u64, foldhash::fast::RandomState>,
}

impl Pace {
    /// Whether one more may be sent to `port` now (ns); if so, it is counted.
    pub(super) fn admits(&mut self, port: PortNo, now: u64) -> bool {
        if self.due.len() >= PORTS && !self.due.contains_key(&port) {
            self.due.retain(|_, due| *due > now);
        }
        let due = self.due.entry(port).or_insert(now);
        if *due > now + (BURST - 1) * EVERY_NS {
            return false;
        }
        *due = (*due).max(now) + EVERY_NS;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_of_eight_then_sixteen_a_second_for_each_port() {
        let mut pace = Pace::default();
        let sent = |pace: &mut Pace, port, from: u64, count: u64| {
            (0..count).filter(|n| pace.admits(port, from + n * SECOND / 1000)).count()
        };
        assert_eq!(sent(&mut pace, 1, 5 * SECOND, 5), 5);
        assert_eq!(sent(&mut pace, 1, 5 * SECOND + 5_000_000, 50), 3);
        assert_eq!(sent(&mut pace, 2, 5 * SECOND, 20), 8, "others have their own");
        assert_eq!(sent(&mut pace, 1, 6 * SECOND, 10_001), 8 + 16 * 10);
        assert_eq!(sent(&mut pace, 1, 60 * SECOND, 20), 8, "no more than a burst is saved up");
    }

    #[test]
    fn silent_ports_are_forgotten() {
        let mut pace = Pace::default();
        for port in 0..100_000u32 {
            assert!(pace.admits(port, u64::from(port) * SECOND / 100));
        }
        assert!(pace.due.len() <= PORTS);
    }
}
