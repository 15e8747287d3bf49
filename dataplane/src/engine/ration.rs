//! How many frames of a port are taken at once. A first packet walks the gates and costs as much as many that follow a remembered way:
//! a port that sends only first packets must not keep the others waiting.

use super::BATCH;

/// What a walk costs, in packets that do not walk.
const WALK: u64 = 48;

/// What one port may hand in next time, by what it handed in last.
#[derive(Clone, Copy, Debug)]
pub struct Ration(usize);

impl Default for Ration {
    fn default() -> Ration {
        Ration(BATCH)
    }
}

impl Ration {
    /// Frames to take now.
    pub fn frames(self) -> usize {
        self.0
    }

    /// Of `frames` that were taken, `walks` walked: next time as many are taken as cost what a full batch costs that does not walk.
    pub fn spent(&mut self, frames: usize, walks: u64) {
        let frames = frames.max(1) as u64;
        let walks = walks.min(frames);
        self.0 = (BATCH as u64 * frames / (frames + (WALK - 1) * walks)) as usize;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_begins_flows_is_taken_in_small_portions() {
        let mut ration = Ration::default();
        assert_eq!(ration.frames(), BATCH);
        ration.spent(BATCH, BATCH as u64);
        assert_eq!(ration.frames(), BATCH / WALK as usize);
        ration.spent(16, 8);
        assert!((BATCH / WALK as usize..BATCH / 16).contains(&ration.frames()));
        ration.spent(30, 0);
        assert_eq!(ration.frames(), BATCH);
        // Frames that others handed over may walk too.
        ration.spent(0, 5);
        assert_eq!(ration.frames(), BATCH / WALK as usize);
    }
}
