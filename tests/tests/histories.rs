//! Random histories on the dataplane and on the model.

use std::collections::BTreeMap;
use vpcd_tests::harness::{Alone, Coverage, Setup, compare, play, shrink};

/// Fewer histories do not reach everything: their coverage says nothing.
const WHOLE: u64 = 2000;
/// Failures after which a thread stops; more would be more of the same.
const ENOUGH: usize = 4;

fn count() -> u64 {
    std::env::var("VPCD_HISTORIES").ok().and_then(|n| n.parse().ok()).unwrap_or(WHOLE)
}

fn first() -> u64 {
    std::env::var("VPCD_FIRST").ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// What should have been reached and was not.
fn missing(coverage: &Coverage) -> Vec<String> {
    if count() < WHOLE { Vec::new() } else { coverage.missing() }
}

/// Runs seeds on two threads; all coverage together, and the first failures by seed.
fn all(one: impl Fn(u64, &mut Coverage) -> Result<(), String> + Sync) -> (Coverage, BTreeMap<u64, String>) {
    let (first, count) = (first(), count());
    let half = |odd: u64| {
        let (mut coverage, mut failures) = (Coverage::default(), BTreeMap::new());
        for seed in (first..first + count).filter(|s| s % 2 == odd) {
            if let Err(text) = one(seed, &mut coverage) {
                failures.insert(seed, text);
                if failures.len() >= ENOUGH {
                    break;
                }
            }
        }
        (coverage, failures)
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let (mut coverage, mut failures) = half(0);
        if let Ok((more, also)) = other.join() {
            coverage.add(&more);
            failures.extend(also);
        } else {
            failures.insert(u64::MAX, "a thread panicked".into());
        }
        (coverage, failures)
    })
}

/// The generator alone: everything that must be reached is reached.
#[test]
fn the_model_alone_reaches_everything() {
    let (coverage, failures) = all(|seed, coverage| {
        let setup = Setup::new(seed);
        let mut alone = Alone(setup.model());
        play(setup, &mut alone, &mut Vec::new(), coverage).map(|_| ()).map_err(|f| f.to_string())
    });
    println!("{coverage}");
    assert!(failures.is_empty(), "{:?}", failures.values().next());
    let missing: Vec<String> = missing(&coverage).into_iter().filter(|m| !m.contains("port-allocation")).collect();
    assert!(missing.is_empty(), "not reached: {missing:?}");
}

#[test]
fn histories_agree_with_the_model() {
    let (coverage, failures) = all(|seed, coverage| {
        compare(Setup::new(seed), coverage).map_err(|f| {
            let short = shrink(*f);
            format!("{}\u{0}{short}", short.what.why)
        })
    });
    println!("{coverage}");
    if !failures.is_empty() {
        let mut kinds: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (seed, text) in &failures {
            kinds.entry(text.split('\u{0}').next().unwrap_or_default().to_string()).or_default().push(*seed);
        }
        let mut shown = String::new();
        for (why, seeds) in &kinds {
            let text = seeds.iter().filter_map(|s| failures[s].split('\u{0}').nth(1)).min_by_key(|t| t.len());
            shown.push_str(&format!(
                "== {} histories, e.g. {:?}: {why}\n{}\n",
                seeds.len(),
                &seeds[..seeds.len().min(5)],
                text.unwrap_or_default()
            ));
        }
        panic!("{} histories disagree\n{shown}", failures.len());
    }
    let missing = missing(&coverage);
    assert!(missing.is_empty(), "not reached: {missing:?}");
}
