//! The figures at the end of a replay, and the law they must obey: every frame that came in is accounted for.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use vpcd_dataplane::engine::{Counters, Done};
use vpcd_dataplane::pipeline::{Kind, Reason, Stage, Verdict};

/// Counts of one replay.
#[derive(Clone, Debug, Default)]
pub(super) struct Summary {
    /// Frames of all captures.
    pub(super) frames: u64,
    /// With `host=`: neither from nor to the host, not judged.
    pub(super) not_mine: u64,
    /// Frames in the captures that were written.
    pub(super) sent: u64,
    kinds: BTreeMap<Kind, u64>,
    reasons: BTreeMap<(Kind, Stage, Reason), u64>,
}

impl Summary {
    /// Counts one verdict.
    pub(super) fn count(&mut self, done: &Done) {
        let Verdict { kind, stage, reason, .. } = done.verdict;
        *self.kinds.entry(kind).or_default() += 1;
        if let (Some(stage), Some(reason)) = (stage, reason) {
            *self.reasons.entry((kind, stage, reason)).or_default() += 1;
        }
    }

    fn kind(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// What is wrong with the figures; nothing, always.
    pub(super) fn check(&self, counters: &Counters, written: u64, open: u64) -> Result<(), String> {
        let judged: u64 = self.kinds.values().sum();
        let (came, went) = counters.conservation();
        let dropped: u64 = counters.all_drops().map(|(_, _, _, n)| n).sum();
        let laws = [
            ("frames read, and verdicts plus frames of others", self.frames, judged + self.not_mine),
            ("frames without a verdict, and none", open, 0),
            ("what came into the engine, and what left it", came, went),
            ("frames held at the end, and none", counters.held, 0),
            ("drop verdicts, and drops that were counted", self.kind(Kind::Drop), dropped),
            (
                "answered frames, and those that were counted",
                self.kind(Kind::Reply) + self.kind(Kind::Punt),
                counters.consumed,
            ),
            ("frames sent, and frames written", self.sent, written),
        ];
        match laws.iter().find(|(_, a, b)| a != b) {
            Some((what, a, b)) => Err(format!("the figures do not agree: {what}: {a} and {b}")),
            None => Ok(()),
        }
    }

    /// For programs.
    pub(super) fn json(&self, seed: u64) -> Value {
        let reasons: Vec<Value> = self
            .reasons
            .iter()
            .map(|((k, s, r), n)| json!({ "verdict": k.name(), "stage": s.name(), "reason": r.name(), "count": n }))
            .collect();
        let mut all = json!({ "frames": self.frames, "not_mine": self.not_mine, "sent": self.sent, "seed": seed, "reasons": reasons });
        for kind in Kind::ALL {
            all[kind.name()] = self.kind(*kind).into();
        }
        all
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let judged = (self.frames - self.not_mine).max(1);
        let _ = writeln!(out, "{:>10} frames", self.frames);
        if self.not_mine > 0 {
            let _ = writeln!(out, "{:>10} not-mine (neither from nor to the host)", self.not_mine);
        }
        for kind in Kind::ALL {
            let n = self.kind(*kind);
            let _ = writeln!(out, "{n:>10} {} ({:.1} %)", kind.name(), n as f64 * 100.0 / judged as f64);
            for ((_, stage, reason), n) in self.reasons.iter().filter(|((k, _, _), _)| k == kind) {
                let _ = writeln!(out, "{n:>14} {} / {}", stage.name(), reason.name());
            }
        }
        let _ = writeln!(out, "{:>10} frames left by all ports; every frame is accounted for", self.sent);
        out
    }
}
