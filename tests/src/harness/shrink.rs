//! Making a failing history short enough to read.

use super::{Check, Disagreement, Failure, Setup, System, guarded};
use crate::history::Step;

/// Runs known steps on one worker beside the model; the first disagreement.
pub fn replay(setup: Setup, steps: &[Step]) -> Result<(), Box<Disagreement>> {
    guarded(|| replay_here(setup, steps))
}

fn replay_here(setup: Setup, steps: &[Step]) -> Result<(), Box<Disagreement>> {
    let mut system = setup.engine(1, true);
    let mut check = Check::new(setup.model());
    for step in steps {
        match step {
            Step::Publish(w) => {
                system.publish(w);
                check.model.set_world((**w).clone());
            }
            Step::Frames(frames) => check.frames(frames, system.run(frames))?,
        }
    }
    check.finish(system.finish())
}

/// Drops what the disagreement does not need. A failure between two ways of running the dataplane stays as it is.
pub fn shrink(failure: Failure) -> Failure {
    let setup = failure.setup;
    // One frame per step, so that each can go alone.
    let mut steps = Vec::new();
    for step in &failure.steps {
        match step {
            Step::Publish(_) => steps.push(step.clone()),
            Step::Frames(frames) => steps.extend(frames.iter().map(|f| Step::Frames(vec![f.clone()]))),
        }
    }
    let Err(mut what) = replay(setup, &steps) else { return failure };
    // Frames after the disagreement played no part; then whatever can go, from the end.
    let mut at = steps.len();
    while at > 1 {
        at -= 1;
        let mut fewer = steps.clone();
        fewer.remove(at);
        if let Err(w) = replay(setup, &fewer)
            && w.why == what.why
        {
            (steps, what) = (fewer, w);
        }
    }
    Failure { setup, steps, what: *what }
}
