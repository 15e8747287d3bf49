//! What a running engine counted, as a table, as JSON, and whether it adds up.

use crate::report::{Failure, Outcome};
use serde_json::{Value, json};
use std::fmt::Write;
use vpcd_dataplane::engine::{Counters, PortCounters};
use vpcd_dataplane::topology::PortNo;
use vpcd_io::tap::KernelCounters;

/// Counters with the names of their ports.
#[derive(Debug)]
pub(super) struct Report {
    seed: u64,
    ports: Vec<(String, PortCounters, u64)>,
    /// Port, stage, reason, frames.
    drops: Vec<(String, &'static str, &'static str, u64)>,
    total: Counters,
}

impl Report {
    /// Puts names to numbers. The kernel's counters go by display name, `None` being the internet.
    pub(super) fn new(
        total: &Counters,
        kernel: &[(Option<String>, KernelCounters)],
        names: &[(PortNo, String)],
        seed: u64,
    ) -> Report {
        let lost = |name: &str| {
            let own = kernel.iter().filter(|(k, _)| k.as_deref().unwrap_or(crate::ports::INTERNET_NAME) == name);
            own.map(|(_, c)| c.sent_dropped + c.received_dropped).sum()
        };
        let name = |port: PortNo| {
            names.iter().find(|(p, _)| *p == port).map_or_else(|| format!("#{port}"), |(_, n)| n.clone())
        };
        Report {
            seed,
            ports: names.iter().map(|(p, n)| (n.clone(), total.port(*p), lost(n))).collect(),
            drops: total.all_drops().map(|(p, stage, reason, n)| (name(p), stage.name(), reason.name(), n)).collect(),
            total: total.clone(),
        }
    }

    pub(super) fn json(&self) -> Value {
        let ports: Vec<Value> = self
            .ports
            .iter()
            .map(|(name, c, lost)| {
                json!({
                    "port": name, "received": c.received, "received_bytes": c.received_bytes,
                    "sent": c.sent, "sent_bytes": c.sent_bytes, "kernel_dropped": lost,
                })
            })
            .collect();
        let drops: Vec<Value> = self
            .drops
            .iter()
            .map(|(port, stage, reason, n)| json!({ "port": port, "stage": stage, "reason": reason, "frames": n }))
            .collect();
        let (came, went) = self.total.conservation();
        let c = &self.total;
        json!({
            "seed": self.seed, "ports": ports, "drops": drops, "originated": c.originated, "extra": c.extra,
            "consumed": c.consumed, "dropped": c.dropped, "held": c.held, "walks": c.walks,
            "rewalks": c.rewalks,
            "conservation": { "came": came, "went": went, "holds": came == went },
        })
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let width = self.ports.iter().map(|(n, ..)| n.len()).max().unwrap_or(0).max(8);
        let _ = writeln!(
            out,
            "{:width$} {:>12} {:>15} {:>12} {:>15}",
            "PORT", "FRAMES IN", "BYTES IN", "FRAMES OUT", "BYTES OUT"
        );
        for (name, c, lost) in &self.ports {
            let lost = if *lost > 0 { format!("  (the kernel dropped {lost} more)") } else { String::new() };
            let _ = writeln!(
                out,
                "{name:width$} {:>12} {:>15} {:>12} {:>15}{lost}",
                c.received, c.received_bytes, c.sent, c.sent_bytes
            );
        }
        for (port, stage, reason, n) in &self.drops {
            let _ = writeln!(out, "dropped: {n} from {port} at {stage}: {reason}");
        }
        let (came, went) = self.total.conservation();
        let c = &self.total;
        let received: u64 = self.ports.iter().map(|(_, c, _)| c.received).sum();
        let sent: u64 = self.ports.iter().map(|(_, c, _)| c.sent).sum();
        let _ = writeln!(
            out,
            "received {received} + originated {} + extra pieces {} {} sent {sent} + consumed {} + dropped {} + held {}",
            c.originated,
            c.extra,
            if came == went { "=" } else { "is not" },
            c.consumed,
            c.dropped,
            c.held
        );
        out
    }

    /// Nothing disappears.
    pub(super) fn check(&self) -> Outcome {
        match self.total.conservation() {
            (came, went) if came == went => Ok(()),
            (came, went) => Err(Failure::user(format_args!(
                "{came} frames came or were made, but {went} are accounted for: please report this"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpcd_dataplane::pipeline::{Reason, Stage, Verdict};

    fn report(lose: bool) -> Report {
        let mut c = Counters::default();
        c.reserve(3);
        c.receive(1, 60);
        c.receive(1, 60);
        c.sent(0, 60);
        if !lose {
            c.ended(1, &Verdict::drop(Stage::SgOut, Reason::NoRule, None));
        }
        let kernel = [
            (Some("Db".into()), KernelCounters { sent_dropped: 7, ..Default::default() }),
            (None, KernelCounters::default()),
        ];
        Report::new(&c, &kernel, &[(1, "Db".into()), (0, "internet".into())], 5)
    }

    #[test]
    fn drops_are_named() {
        let report = report(false);
        assert!(report.check().is_ok());
        let json = report.json();
        assert_eq!(json["drops"], json!([{ "port": "Db", "stage": "sg-out", "reason": "no-rule", "frames": 1 }]));
        assert_eq!(json["ports"][0]["kernel_dropped"], 7);
        assert_eq!(json["conservation"], json!({ "came": 2, "went": 2, "holds": true }));
        let text = report.text();
        assert!(text.contains("dropped: 1 from Db at sg-out: no-rule\n"), "{text}");
        assert!(text.contains("received 2 + originated 0 + extra pieces 0 = sent 1 +"), "{text}");
        assert!(text.contains("the kernel dropped 7 more"), "{text}");
    }

    #[test]
    fn what_disappears_is_an_error() {
        let report = report(true);
        assert!(report.text().contains("is not sent"));
        assert!(report.check().is_err());
    }
}
