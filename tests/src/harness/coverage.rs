//! What histories have reached, against closed lists of what they must reach.

use crate::history::{BROKEN, CHANGES, FRAMES};
use std::collections::BTreeMap;
use std::fmt;

/// All ends that `docs/semantics.md` knows.
const ENDS: [&str; 54] = [
    "forward",
    "reply",
    "punt",
    "drop parse/truncated",
    "drop parse/vlan",
    "drop parse/ethertype",
    "drop parse/oversize",
    "drop parse/ip-version",
    "drop parse/header-length",
    "drop parse/header-checksum",
    "drop parse/ext-headers",
    "drop parse/l4-header",
    "drop parse/fragment-tiny",
    "drop parse/fragment-overflow",
    "drop parse/fragment-overlap",
    "drop parse/fragment-timeout",
    "drop parse/fragment-table-full",
    "drop parse/neighbour",
    "drop src-dst/land",
    "drop src-dst/martian",
    "drop src-dst/not-mine",
    "drop sg-out/no-rule",
    "drop nacl-out/nacl-rule",
    "drop nacl-out/nacl-default",
    "drop route/no-owner",
    "drop route/no-multicast",
    "drop route/hairpin",
    "drop route/no-route",
    "drop route/blackhole",
    "drop igw/no-public-address",
    "drop igw/no-mapping",
    "drop igw/no-return-route",
    "reply igw/too-big",
    "drop igw/too-big",
    "drop eigw/answer-only",
    "drop eigw/no-flow",
    "reply eigw/too-big",
    "drop natgw/unsolicited",
    "drop natgw/protocol",
    "drop natgw/fragment",
    "drop natgw/icmp-type",
    "reply natgw/ttl-exceeded",
    "drop natgw/ttl-exceeded",
    "reply natgw/no-binding",
    "drop natgw/no-binding",
    "drop natgw/port-allocation",
    "drop natgw/loop",
    "drop vgw/no-tunnel",
    "drop vgw/no-owner",
    "drop vgw/protocol",
    "drop vgw/too-big",
    "reply vgw/too-big",
    "drop nacl-in/nacl-rule",
    "drop nacl-in/nacl-default",
];
const MORE_ENDS: [&str; 1] = ["drop sg-in/no-rule"];

/// Where routes lead.
const ROUTES: [&str; 13] = [
    "route local",
    "route igw",
    "route eigw",
    "route nat",
    "route vgw",
    "route eni",
    "route blackhole",
    "route none",
    "route gateway",
    "route gateway of vgw",
    "from vgw",
    "answer at a NAT gateway's private address",
    "edge hairpin",
];

/// Timeout classes; each must have been met just before and at or after its end.
const TIMEOUTS: [&str; 11] = [
    "tcp-opening",
    "tcp-established",
    "tcp-fin",
    "tcp-rst",
    "udp",
    "udp-stream",
    "icmp",
    "other",
    "eigw",
    "nat-idle",
    "nat-closed",
];

/// Counts by name.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    counts: BTreeMap<String, u64>,
}

impl Coverage {
    /// One more of each.
    pub fn name(&mut self, names: &[&str]) {
        for name in names {
            *self.counts.entry(format!("frame {name}")).or_default() += 1;
        }
    }

    /// What a model has counted.
    pub fn count(&mut self, notes: &BTreeMap<String, u64>) {
        for (name, n) in notes {
            *self.counts.entry(name.clone()).or_default() += n;
        }
    }

    /// Both together.
    pub fn add(&mut self, other: &Coverage) {
        self.count(&other.counts);
    }

    fn wanted() -> Vec<String> {
        let mut all: Vec<String> = ENDS.iter().chain(&MORE_ENDS).chain(&ROUTES).map(ToString::to_string).collect();
        all.extend(TIMEOUTS.iter().flat_map(|t| [format!("timeout {t} survived"), format!("timeout {t} expired")]));
        all.extend(FRAMES.iter().chain(&BROKEN).chain(&CHANGES).map(|f| format!("frame {f}")));
        all
    }

    /// What should have been reached and was not.
    pub fn missing(&self) -> Vec<String> {
        Coverage::wanted().into_iter().filter(|name| !self.counts.contains_key(name)).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdicts = ["forward", "reply", "punt", "drop"];
        let of_frames = |name: &&String| verdicts.iter().any(|v| name.split(' ').next() == Some(v));
        let judged: u64 = self.counts.iter().filter(|(name, _)| of_frames(name)).map(|(_, n)| n).sum();
        writeln!(f, "{judged:>9}  frames judged, each under its own configuration and history")?;
        let wanted = Coverage::wanted();
        for name in &wanted {
            writeln!(f, "{:>9}  {name}", self.counts.get(name).unwrap_or(&0))?;
        }
        for (name, n) in self.counts.iter().filter(|(name, _)| !wanted.contains(name)) {
            writeln!(f, "{n:>9}  {name} (not asked for)")?;
        }
        Ok(())
    }
}
