//! Runs histories on systems and compares. [`play`] makes a history against the dataplane with one worker, with the model
//! looking on; then the same steps run with four workers and without remembered actions and must give the same bytes. A
//! failure is cut down to few steps ([`shrink`]) and told with its seed. [`Coverage`] counts what all histories together have reached.

mod check;
mod coverage;
mod shrink;
mod system;

pub use check::{Check, Disagreement};
pub use coverage::Coverage;
pub use shrink::{replay, shrink};
pub use system::{Alone, Done, Engine, System};

use crate::history::{Player, Rng, Step, random_world};
use crate::model::Model;
use std::fmt;

/// Frames of a history, at least.
pub const FRAMES: usize = 100;

/// How the systems of a history are made.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub seed: u64,
    /// Ports of a NAT gateway per shard and remote: few in some histories, so that they run out.
    pub ports_per_slice: u16,
    /// Flows of a NAT gateway per destination: few in some histories.
    pub flows_per_destination: u32,
}

impl Setup {
    /// From a seed.
    pub fn new(seed: u64) -> Setup {
        let usual = Setup { seed, ports_per_slice: 1008, flows_per_destination: 55_000 };
        match seed % 8 {
            3 | 7 => Setup { ports_per_slice: 1, ..usual },
            5 => Setup { flows_per_destination: 2, ..usual },
            _ => usual,
        }
    }

    /// Whether all workers together may run out of something that they count together.
    pub fn is_tight(&self) -> bool {
        self.flows_per_destination < 1000
    }

    /// The dataplane.
    pub fn engine(&self, workers: usize, cache: bool) -> Engine {
        Engine::new(self, workers, cache)
    }

    /// The model for it.
    pub fn model(&self) -> Model {
        Model::new(self.ports_per_slice.into(), self.flows_per_destination as usize)
    }
}

/// A history that did not go as it should.
pub struct Failure {
    pub setup: Setup,
    pub steps: Vec<Step>,
    pub what: Disagreement,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "seed {} ({} external ports per slice, {} flows per destination), {} steps:",
            self.setup.seed,
            self.setup.ports_per_slice,
            self.setup.flows_per_destination,
            self.steps.len()
        )?;
        for step in &self.steps {
            match step {
                Step::Publish(w) => writeln!(f, "publish {w:?}")?,
                Step::Frames(frames) => {
                    for i in frames {
                        let line = crate::model::show::frame(&i.bytes);
                        writeln!(f, "frame {} port {} at {} ns: {line}", i.seq, i.port, i.ts)?;
                    }
                }
            }
        }
        write!(f, "{}", self.what)
    }
}

/// Makes a history against `system`: `steps` fills with what is played; the ends of all frames.
pub fn play(
    setup: Setup,
    system: &mut dyn System,
    steps: &mut Vec<Step>,
    coverage: &mut Coverage,
) -> Result<Vec<Done>, Box<Disagreement>> {
    let mut rng = Rng::new(setup.seed);
    let world = random_world(&mut rng);
    let mut player = Player::new(rng);
    let mut check = Check::new(setup.model());
    let mut all = Vec::new();
    let mut frames = 0;
    let mut step = Step::Publish(Box::new(world));
    while frames < FRAMES {
        steps.push(step.clone());
        match &step {
            Step::Publish(w) => {
                system.publish(w);
                check.model.set_world((**w).clone());
            }
            Step::Frames(inputs) => {
                frames += inputs.len();
                let done = system.run(inputs);
                all.extend(done.iter().cloned());
                for d in &done {
                    player.saw(&d.outcome.out);
                }
                check.frames(inputs, done)?;
            }
        }
        let names;
        (step, names) = player.step(&check.model);
        coverage.name(&names);
    }
    let done = system.finish();
    all.extend(done.iter().cloned());
    check.finish(done)?;
    coverage.count(&check.model.notes);
    Ok(all)
}

/// Runs `f`; a panic of the dataplane is a disagreement like any other.
pub(crate) fn guarded<T>(f: impl FnOnce() -> Result<T, Box<Disagreement>>) -> Result<T, Box<Disagreement>> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or(panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default();
        Err(Box::new(Disagreement { seq: 0, frame: None, expected: None, actual: None, why: format!("panic: {text}") }))
    })
}

/// One whole comparison: model, one worker, four workers, no cache.
pub fn compare(setup: Setup, coverage: &mut Coverage) -> Result<(), Box<Failure>> {
    let mut steps = Vec::new();
    let played = guarded(|| play(setup, &mut setup.engine(1, true), &mut steps, coverage));
    let mut done = match played {
        Ok(done) => done,
        Err(what) => return Err(Box::new(Failure { setup, steps, what: *what })),
    };
    done.sort_by_key(|d| d.seq);
    for (name, workers, cache) in [("four workers", 4, true), ("no cache", 1, false)] {
        let mut other = run(&steps, &mut setup.engine(workers, cache));
        other.sort_by_key(|d| d.seq);
        if other == done {
            continue;
        }
        let differs = done.iter().zip(&other).find(|(a, b)| a != b);
        let seq = differs.map_or(0, |(a, _)| a.seq);
        let frame = steps.iter().find_map(|s| match s {
            Step::Frames(f) => f.iter().find(|f| f.seq == seq).cloned(),
            Step::Publish(_) => None,
        });
        let what = Disagreement {
            seq,
            frame,
            expected: differs.map(|(a, _)| a.outcome.clone()),
            actual: differs.map(|(_, b)| b.outcome.clone()),
            why: format!("{name}: not what one worker with a cache gives"),
        };
        return Err(Box::new(Failure { setup, steps, what }));
    }
    Ok(())
}

/// Runs known steps.
pub fn run(steps: &[Step], system: &mut dyn System) -> Vec<Done> {
    let mut done = Vec::new();
    for step in steps {
        match step {
            Step::Publish(w) => system.publish(w),
            Step::Frames(frames) => done.extend(system.run(frames)),
        }
    }
    done.extend(system.finish());
    done
}
