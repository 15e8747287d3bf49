//! All captures together.

use super::judge::{Judged, Report};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Disagreements that are printed; there may be as many as frames.
const TOLD: usize = 20;

/// How often each end occurred: `forward`, or verdict, stage and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// One more.
    pub fn add(&mut self, key: &str) {
        *self.0.entry(key.into()).or_default() += 1;
    }

    /// All of one verdict.
    pub fn starting(&self, verdict: &str) -> u64 {
        self.0.iter().filter(|(k, _)| k.split(' ').next() == Some(verdict)).map(|(_, n)| n).sum()
    }

    /// All.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The different pairs of stage and reason.
    pub fn pairs(&self) -> BTreeSet<&str> {
        self.0.keys().filter_map(|k| k.split_once(' ')).map(|(_, pair)| pair).collect()
    }

    fn merge(&mut self, other: &Counts) {
        for (key, n) in &other.0 {
            *self.0.entry(key.clone()).or_default() += n;
        }
    }

    fn of(&self, key: &str) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }
}

/// Sums over all captures.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub judged: u64,
    pub unreadable: u64,
    pub other_link: u64,
    pub no_host: u64,
    pub all: Report,
}

impl Tally {
    /// Adds one capture.
    pub fn add(&mut self, name: &str, judged: &Judged) {
        let all = &mut self.all;
        match judged {
            Judged::NoHost => self.no_host += 1,
            Judged::Refused { link, wrong } => {
                *(if *link { &mut self.other_link } else { &mut self.unreadable }) += 1;
                if let Some(wrong) = wrong {
                    all.disagreements += 1;
                    all.told.push(format!("{name}: {wrong}"));
                }
            }
            Judged::Done(report) => {
                self.judged += 1;
                all.frames += report.frames;
                all.not_mine += report.not_mine;
                all.unaccounted += report.unaccounted;
                all.disagreements += report.disagreements;
                all.product.merge(&report.product);
                all.model.merge(&report.model);
                all.told.extend(report.told.iter().map(|text| format!("{name}: {text}")));
            }
        }
        all.told.truncate(TOLD);
    }

    /// Frames from or to the hosts.
    pub fn mine(&self) -> u64 {
        self.all.frames - self.all.not_mine
    }

    /// Percent of the hosts' frames that the product forwarded.
    pub fn forwarded(&self) -> f64 {
        self.all.product.of("forward") as f64 * 100.0 / self.mine().max(1) as f64
    }

    /// For people.
    pub fn text(&self) -> String {
        let all = &self.all;
        let mut t = String::new();
        let left_out = [
            (self.no_host, "without a host that sends IP (or with too few frames of one)"),
            (self.other_link, "of link types that hold no Ethernet or IP (refused, as they must be)"),
            (self.unreadable, "that cannot be read (refused, as they must be)"),
        ];
        let _ = writeln!(t, "{:>10} captures replayed and judged", self.judged);
        for (n, what) in left_out.into_iter().filter(|(n, _)| *n > 0) {
            let _ = writeln!(t, "{n:>10} captures left out: {what}");
        }
        let _ = writeln!(t, "{:>10} frames, {} of them not-mine", all.frames, all.not_mine);
        let _ = writeln!(t, "{:>10} frames of the hosts, {:.1} % forwarded", self.mine(), self.forwarded());
        let _ = writeln!(t, "{:>10} {:>10}  verdict stage/reason", "product", "model");
        let keys: BTreeSet<&String> = all.product.0.keys().chain(all.model.0.keys()).collect();
        let mut keys: Vec<&String> = keys.into_iter().collect();
        keys.sort_by_key(|k| std::cmp::Reverse(all.product.of(k).max(all.model.of(k))));
        for key in keys {
            let (product, model) = (all.product.of(key), all.model.of(key));
            let _ =
                writeln!(t, "{product:>10} {model:>10}  {key}{}", if product == model { "" } else { "   <-- differ" });
        }
        let _ = writeln!(
            t,
            "{:>10} pairs of stage and reason; {} frames unaccounted for; {} disagreements",
            all.product.pairs().len(),
            all.unaccounted,
            all.disagreements
        );
        for text in &all.told {
            let _ = writeln!(t, "\n{text}");
        }
        t
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let all = &self.all;
        json!({
            "captures": { "judged": self.judged, "no_host": self.no_host, "other_link": self.other_link, "unreadable": self.unreadable },
            "frames": all.frames,
            "not_mine": all.not_mine,
            "forwarded_percent": self.forwarded(),
            "product": all.product.0,
            "model": all.model.0,
            "pairs": all.product.pairs(),
            "unaccounted": all.unaccounted,
            "disagreements": all.disagreements,
            "told": all.told,
        })
    }
}
