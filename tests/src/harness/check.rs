//! The model beside a system: each frame's end must be the one the model expects.

use super::system::Done;
use crate::history::Input;
use crate::model::{Kind, Model, Outcome, adopt_identification, show};
use std::collections::BTreeMap;
use std::fmt;

/// Two opinions about one frame.
#[derive(Clone, Debug)]
pub struct Disagreement {
    pub seq: u64,
    pub frame: Option<Input>,
    pub expected: Option<Outcome>,
    pub actual: Option<Outcome>,
    pub why: String,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "frame {}: {}", self.seq, self.why)?;
        if let Some(input) = &self.frame {
            writeln!(f, "  in port {} at {} ns: {}", input.port, input.ts, show::frame(&input.bytes))?;
        }
        for (name, outcome) in [("expected", &self.expected), ("actual", &self.actual)] {
            match outcome {
                Some(o) => writeln!(f, "  {name}: {o}")?,
                None => writeln!(f, "  {name}: nothing")?,
            }
        }
        Ok(())
    }
}

/// The model and what is still open between it and a system.
pub struct Check {
    pub model: Model,
    actual: BTreeMap<u64, Outcome>,
    expected: BTreeMap<u64, Outcome>,
    inputs: BTreeMap<u64, Input>,
}

impl Check {
    /// Nothing is open yet.
    pub fn new(model: Model) -> Check {
        Check { model, actual: BTreeMap::new(), expected: BTreeMap::new(), inputs: BTreeMap::new() }
    }

    /// Runs the model over frames that a system has run, and compares what both have ended.
    pub fn frames(&mut self, frames: &[Input], done: Vec<Done>) -> Result<(), Box<Disagreement>> {
        self.took(done)?;
        for f in frames {
            self.inputs.insert(f.seq, f.clone());
            let actual = &self.actual;
            let ended = self.model.frame(f.seq, f.ts, f.port, &f.bytes, &|seq| actual.get(&seq).cloned());
            self.expected.extend(ended);
            if let Some((seq, why)) = self.model.illegal.first().cloned() {
                return Err(self.disagree(seq, why));
            }
            self.settle()?;
        }
        // What a system has ended must have ended in the model, and the other way round.
        if let Some((&seq, _)) = self.actual.iter().next() {
            return Err(self.disagree(seq, "ended, but the model still holds it".into()));
        }
        // A datagram that waits in vain is noticed by the next look at its place, whenever that is.
        let due = self.expected.iter().find(|(_, e)| e.reason != Some("fragment-timeout"));
        if let Some((&seq, _)) = due {
            return Err(self.disagree(seq, "still held, but ended in the model".into()));
        }
        Ok(())
    }

    /// The end of input.
    pub fn finish(&mut self, done: Vec<Done>) -> Result<(), Box<Disagreement>> {
        self.took(done)?;
        self.expected.extend(self.model.finish());
        self.settle()?;
        if let Some((&seq, _)) = self.actual.iter().next().or(self.expected.iter().next()) {
            return Err(self.disagree(seq, "ended on one side only".into()));
        }
        if let Some((&seq, _)) = self.inputs.iter().next() {
            return Err(self.disagree(seq, "never ended".into()));
        }
        Ok(())
    }

    fn took(&mut self, done: Vec<Done>) -> Result<(), Box<Disagreement>> {
        for d in done {
            if self.actual.insert(d.seq, d.outcome).is_some() {
                return Err(self.disagree(d.seq, "ended twice".into()));
            }
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Box<Disagreement>> {
        let both: Vec<u64> = self.expected.keys().copied().filter(|s| self.actual.contains_key(s)).collect();
        for seq in both {
            let (Some(mut e), Some(a)) = (self.expected.remove(&seq), self.actual.remove(&seq)) else { continue };
            if e.kind == Kind::Reply {
                for ((_, ours), (_, theirs)) in e.out.iter_mut().zip(&a.out) {
                    adopt_identification(ours, theirs);
                }
            }
            if e != a {
                let why = difference(&e, &a);
                self.expected.insert(seq, e);
                self.actual.insert(seq, a);
                return Err(self.disagree(seq, why));
            }
            self.inputs.remove(&seq);
        }
        Ok(())
    }

    fn disagree(&self, seq: u64, why: String) -> Box<Disagreement> {
        Box::new(Disagreement {
            seq,
            frame: self.inputs.get(&seq).cloned(),
            expected: self.expected.get(&seq).cloned(),
            actual: self.actual.get(&seq).cloned(),
            why,
        })
    }
}

/// What kind of difference, in a few words (also to sort failures by).
fn difference(e: &Outcome, a: &Outcome) -> String {
    let name = |o: &Outcome| format!("{} {}/{}", o.kind.name(), o.stage.unwrap_or("-"), o.reason.unwrap_or("-"));
    if (e.kind, e.stage, e.reason) != (a.kind, a.stage, a.reason) {
        return format!("expected {}, got {}", name(e), name(a));
    }
    if e.at != a.at {
        return format!("{} at {:?}, got {:?}", name(e), e.at, a.at);
    }
    let ports = |o: &Outcome| o.out.iter().map(|(p, _)| *p).collect::<Vec<_>>();
    if ports(e) != ports(a) {
        return format!("{} to ports {:?}, got {:?}", name(e), ports(e), ports(a));
    }
    let first = e.out.iter().zip(&a.out).find_map(|((_, x), (_, y))| {
        let at = x.iter().zip(y).position(|(x, y)| x != y);
        at.or((x.len() != y.len()).then_some(x.len().min(y.len())))
    });
    format!("{}: bytes differ from offset {}", name(e), first.unwrap_or(0))
}
