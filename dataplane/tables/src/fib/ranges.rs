//! Nested prefixes flattened into disjoint, adjacent ranges that cover every address.

use super::{NONE, addr::Addr};

/// Range `i` begins at `starts[i]`, ends before `starts[i + 1]`, and answers `values[i]`.
/// `starts[0]` is address zero; neighbours differ in value.
pub(super) struct Ranges<A> {
    pub(super) starts: Vec<A>,
    pub(super) values: Vec<u32>,
    /// Distinct prefixes given.
    pub(super) prefixes: u32,
}

impl<A: Addr> Ranges<A> {
    /// `routes` are (network address, prefix length, value), the last of equal prefixes wins.
    pub(super) fn of(mut routes: Vec<(A, u8, u32)>) -> Ranges<A> {
        // A prefix comes right before the prefixes inside it. Stable, so the last of equals is
        // still the last.
        routes.sort_by_key(|r| (r.0, r.1));
        let mut ranges = Ranges {
            starts: Vec::with_capacity(2 * routes.len() + 1),
            values: Vec::with_capacity(2 * routes.len() + 1),
            prefixes: 0,
        };
        ranges.begin(A::ZERO, NONE);
        // The prefixes around the current address, outermost first: (last address, value).
        let mut around: Vec<(A, u32)> = Vec::new();
        let mut routes = routes.into_iter().peekable();
        while let Some((start, len, value)) = routes.next() {
            if routes.peek().is_some_and(|r| r.0 == start && r.1 == len) {
                continue;
            }
            ranges.prefixes = ranges.prefixes.saturating_add(1);
            ranges.leave(&mut around, |last| last < start);
            ranges.begin(start, value);
            around.push((start.last(u32::from(len)), value));
        }
        ranges.leave(&mut around, |_| true);
        ranges
    }

    /// Ends the prefixes whose last address satisfies `ended`, innermost first.
    fn leave(&mut self, around: &mut Vec<(A, u32)>, ended: impl Fn(A) -> bool) {
        while let Some((last, _)) = around.pop_if(|p| ended(p.0)) {
            if let Some(after) = last.next() {
                self.begin(after, around.last().map_or(NONE, |p| p.1));
            }
        }
    }

    /// From `start` on the answer is `value`; `start` never goes backwards.
    fn begin(&mut self, start: A, value: u32) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.values.pop();
        }
        if self.values.last() != Some(&value) {
            self.starts.push(start);
            self.values.push(value);
        }
    }
}
