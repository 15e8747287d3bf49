//! What NAT gateways have counted, minute by minute.
//!
//! CloudWatch keeps points of a minute for 15 days, of five minutes for 63, of an hour for 455; so does this. A minute's point takes
//! 350 bytes, a gateway's whole history at most 16 MB. It lives as long as the process.

use crate::model::{Id, Statistic};
use std::collections::{BTreeMap, VecDeque};
use vpcd_dataplane::nat::NatGatewayCounters;

/// Minutes in a point, and after how many minutes points of that span are too old and are put together to the next.
const TIERS: [(u64, u64); 3] = [(1, 15 * 1440), (5, 63 * 1440), (60, 455 * 1440)];

/// One metric's values in some span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    /// Minutes that have a value.
    samples: u64,
    sum: u64,
    min: u64,
    max: u64,
}

impl Summary {
    fn of(value: u64) -> Summary {
        Summary { samples: 1, sum: value, min: value, max: value }
    }

    fn and(self, other: Summary) -> Summary {
        Summary {
            samples: self.samples + other.samples,
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    pub(super) fn statistic(&self, which: Statistic) -> f64 {
        match which {
            Statistic::SampleCount => self.samples as f64,
            Statistic::Sum => self.sum as f64,
            Statistic::Average => self.sum as f64 / self.samples as f64,
            Statistic::Minimum => self.min as f64,
            Statistic::Maximum => self.max as f64,
        }
    }
}

/// Values of all metrics in a span that begins with this minute of the Unix epoch.
#[derive(Clone, Debug)]
struct Point {
    minute: u64,
    values: [Summary; NatGatewayCounters::COUNT],
}

/// One gateway.
#[derive(Debug, Default)]
struct Series {
    /// What it had counted when it was last looked at.
    last: NatGatewayCounters,
    tiers: [VecDeque<Point>; TIERS.len()],
}

/// All gateways.
#[derive(Debug, Default)]
pub(super) struct History {
    gateways: BTreeMap<Id, Series>,
}

impl History {
    /// Takes down what a gateway has counted up to now; the difference belongs to the minute of `now_ms`. A gauge is the most that was seen in
    /// a minute. Each look makes the minute's point more complete.
    pub(super) fn observe(&mut self, now_ms: u64, gateway: &str, counted: &NatGatewayCounters) {
        let minute = now_ms / 60_000;
        let series = match self.gateways.get_mut(gateway) {
            Some(series) => series,
            None => self.gateways.entry(gateway.into()).or_default(),
        };
        let here = &mut series.tiers[0];
        if here.back().is_none_or(|p| p.minute < minute) {
            here.push_back(Point { minute, values: [Summary::of(0); NatGatewayCounters::COUNT] });
        }
        if let Some(point) = here.back_mut() {
            let both = counted.metrics().into_iter().zip(series.last.metrics());
            for (value, ((metric, total), (_, last))) in point.values.iter_mut().zip(both) {
                let now = if metric == NatGatewayCounters::GAUGE {
                    value.sum.max(total)
                } else {
                    // Counters that begin anew have counted what they say.
                    value.sum + total.checked_sub(last).unwrap_or(total)
                };
                *value = Summary::of(now);
            }
        }
        series.last = *counted;
        series.age(minute);
    }

    /// A metric's values in each period of `period` seconds from `start` (seconds of the Unix epoch, where the first begins) that begins before `end`
    /// and has any; a point belongs to the period in which it begins.
    pub(super) fn periods(
        &self,
        gateway: &str,
        metric: usize,
        start: u64,
        end: u64,
        period: u64,
    ) -> BTreeMap<u64, Summary> {
        let mut out = BTreeMap::new();
        let Some(series) = self.gateways.get(gateway) else { return out };
        for point in series.tiers.iter().rev().flatten() {
            let at = point.minute * 60;
            if at < start || at >= end {
                continue;
            }
            let begins = start + (at - start) / period * period;
            let value = point.values[metric];
            out.entry(begins).and_modify(|s: &mut Summary| *s = s.and(value)).or_insert(value);
        }
        out
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.gateways.clear();
    }
}

impl Series {
    /// Puts points that are too old for their tier together to points of the next, and forgets those of the last.
    fn age(&mut self, minute: u64) {
        for tier in 0..TIERS.len() {
            let (_, keep) = TIERS[tier];
            while self.tiers[tier].front().is_some_and(|p| p.minute + keep < minute) {
                let Some(point) = self.tiers[tier].pop_front() else { break };
                let Some(next) = self.tiers.get_mut(tier + 1) else { continue };
                let (span, _) = TIERS[tier + 1];
                let begins = point.minute / span * span;
                match next.back_mut().filter(|p| p.minute == begins) {
                    Some(wide) => wide.values.iter_mut().zip(point.values).for_each(|(w, v)| *w = w.and(v)),
                    None => next.push_back(Point { minute: begins, ..point }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 1;

    fn totals(active_connection_count: u64, bytes_in_from_destination: u64) -> NatGatewayCounters {
        NatGatewayCounters { active_connection_count, bytes_in_from_destination, ..Default::default() }
    }

    fn shown(h: &History, metric: usize, start: u64, end: u64, period: u64, which: Statistic) -> Vec<(u64, f64)> {
        h.periods("nat-1", metric, start, end, period).into_iter().map(|(t, s)| (t, s.statistic(which))).collect()
    }

    // covers: NAT-60
    #[test]
    fn one_point_a_minute_with_every_statistic() {
        let mut h = History::default();
        for (second, active, bytes) in
            [(0, 1, 10), (20, 7, 30), (59, 2, 100), (60, 2, 100), (61, 3, 150), (180, 0, 200)]
        {
            h.observe(second * 1000, "nat-1", &totals(active, bytes));
        }
        assert_eq!(shown(&h, BYTES, 0, 600, 60, Statistic::Sum), [(0, 100.0), (60, 50.0), (180, 50.0)]);
        assert_eq!(shown(&h, 0, 0, 600, 60, Statistic::Maximum), [(0, 7.0), (60, 3.0), (180, 0.0)]);
        let all = |which| shown(&h, BYTES, 0, 600, 300, which);
        assert_eq!(all(Statistic::SampleCount), [(0, 3.0)]);
        assert_eq!(all(Statistic::Sum), [(0, 200.0)]);
        assert_eq!(all(Statistic::Average), [(0, 200.0 / 3.0)]);
        assert_eq!(all(Statistic::Minimum), [(0, 50.0)]);
        assert_eq!(all(Statistic::Maximum), [(0, 100.0)]);
        assert_eq!(shown(&h, BYTES, 60, 180, 60, Statistic::Sum), [(60, 50.0)], "the end is not part of it");
        assert!(h.periods("nat-2", 0, 0, 600, 60).is_empty());
    }

    // covers: NAT-60
    #[test]
    fn points_are_kept_for_fifteen_months_and_grow_coarser() {
        let mut h = History::default();
        let minutes = 460 * 1440;
        for minute in 0..minutes {
            h.observe(minute * 60_000, "nat-1", &totals(0, minute + 1));
        }
        let series = &h.gateways["nat-1"];
        let sizes = series.tiers.each_ref().map(VecDeque::len);
        assert_eq!(sizes, [15 * 1440 + 1, (63 - 15) * 1440 / 5, (455 - 63) * 24].map(|n| n as usize));
        let everything = shown(&h, BYTES, 0, minutes * 60, minutes * 60, Statistic::Sum)[0].1;
        let oldest = series.tiers[2].front().map_or(0, |p| p.minute);
        assert_eq!(everything, (minutes - oldest) as f64, "nothing is lost on the way");
        let hours = shown(&h, BYTES, (minutes - 100 * 1440) * 60, (minutes - 99 * 1440) * 60, 3600, Statistic::Sum);
        assert_eq!(hours.len(), 24);
        assert!(hours.iter().all(|(_, sum)| *sum == 60.0));
    }

    #[test]
    fn counters_that_begin_anew_lose_nothing() {
        let mut h = History::default();
        for (second, bytes) in [(0, 100), (60, 20), (61, 30)] {
            h.observe(second * 1000, "nat-1", &totals(0, bytes));
        }
        assert_eq!(shown(&h, BYTES, 0, 600, 60, Statistic::Sum), [(0, 100.0), (60, 30.0)]);
    }
}
