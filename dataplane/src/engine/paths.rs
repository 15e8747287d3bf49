//! Ways, interned: the list of objects that a walk asked, with the generation in which any of them last changed. After a
//! publish each way is checked once, whatever the number of flows that go it.

use crate::pipeline::Deps;
use crate::topology::Topology;
use hashbrown::HashMap;

/// Ways remembered before all of them are forgotten.
const LIMIT: usize = 1 << 20;

struct Way {
    deps: Deps,
    /// Generation this was computed under.
    checked: u64,
    changed: u64,
}

#[derive(Default)]
pub(super) struct Paths {
    numbers: HashMap<Deps, u32, foldhash::quality::RandomState>,
    ways: Vec<Way>,
    /// Numbers below this are forgotten.
    base: u32,
}

impl Paths {
    /// The number of a way that was just walked under `topology`.
    pub(super) fn intern(&mut self, deps: &Deps, topology: &Topology) -> u32 {
        if let Some(&number) = self.numbers.get(deps) {
            return number;
        }
        if self.ways.len() >= LIMIT {
            self.base += self.ways.len() as u32;
            self.ways.clear();
            self.numbers.clear();
        }
        let number = self.base + self.ways.len() as u32;
        let changed = topology.last_change(deps.as_slice());
        self.ways.push(Way { deps: *deps, checked: topology.generation, changed });
        self.numbers.insert(*deps, number);
        number
    }

    /// Whether a decision of generation `since` that rests on this way still holds.
    pub(super) fn holds(&mut self, number: u32, since: u32, topology: &Topology) -> bool {
        let Some(way) = number.checked_sub(self.base).and_then(|n| self.ways.get_mut(n as usize)) else {
            return false;
        };
        if way.checked != topology.generation {
            way.changed = topology.last_change(way.deps.as_slice());
            way.checked = topology.generation;
        }
        way.changed <= u64::from(since)
    }

    /// The objects asked on a way.
    pub(super) fn deps(&self, number: u32) -> Option<&Deps> {
        Some(&self.ways.get(number.checked_sub(self.base)? as usize)?.deps)
    }
}
