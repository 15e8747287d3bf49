//! How many frames of a port are taken at once. A first packet walks the gates and costs as much as many that follow a remembered way:
//! a port that sends only first packets must not keep the others waiting.

use super::BATCH;

/// What a walk costs, in packets that do not walk.
const WALK: u64 = 48;
/// What a port may cost in a round: a full batch that does not walk.
const ROUND: u64 = BATCH as u64;
/// Frames that a port gets in any case: no more than a round's worth if all of them walk.
const LEAST: u64 = ROUND / WALK;

/// What one port may hand in next time, by what it handed in before.
#[derive(Clone, Copy, Debug)]
pub struct Ration {
    frames: usize,
    /// What it has cost beyond its rounds: who waits for a full portion and then fills it with first packets pays for that later.
    debt: u64,
}

impl Default for Ration {
    fn default() -> Ration {
        Ration { frames: BATCH, debt: 0 }
    }
}

impl Ration {
    /// Frames to take now.
    pub fn frames(self) -> usize {
        self.frames
    }

    /// Of `frames` that were taken, `walks` walked: next time as many are taken as, costing alike, come to what is left of a round.
    pub fn spent(&mut self, frames: usize, walks: u64) {
        let frames = frames.max(1) as u64;
        let cost = frames + (WALK - 1) * walks.min(frames);
        self.debt = (self.debt + cost).saturating_sub(ROUND);
        let left = ROUND.saturating_sub(self.debt);
        self.frames = (left * frames / cost).max(LEAST) as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: usize = LEAST as usize;

    #[test]
    fn who_only_begins_flows_is_taken_in_small_portions() {
        let mut ration = Ration::default();
        assert_eq!(ration.frames(), BATCH);
        for _ in 0..100 {
            ration.spent(ration.frames(), ration.frames() as u64);
            assert_eq!(ration.frames(), FEW);
        }
        // Frames that others handed over may walk too.
        ration.spent(0, 5);
        assert_eq!(ration.frames(), FEW);
    }

    #[test]
    fn some_first_packets_cost_in_proportion() {
        let mut ration = Ration::default();
        ration.spent(10, 5);
        assert!((FEW + 1..BATCH / 16).contains(&ration.frames()), "{ration:?}");
        ration.spent(30, 0);
        assert_eq!(ration.frames(), BATCH);
    }

    /// Whatever a port alternates, over many rounds it gets little more than one round's worth each.
    #[test]
    fn a_full_portion_of_first_packets_is_paid_for() {
        let mut ration = Ration::default();
        let (mut cost, rounds) = (0, 4_000);
        for _ in 0..rounds {
            let frames = ration.frames() as u64;
            // First packets whenever there is a full portion of them, others to get there again.
            let walks = if frames == ROUND { frames } else { 0 };
            cost += frames + (WALK - 1) * walks;
            ration.spent(frames as usize, walks);
        }
        assert!(cost < rounds * ROUND * 5 / 4, "{cost} in {rounds} rounds");
    }
}
