//! Metric alarms: what PutMetricAlarm keeps. Their states follow from metrics and are not kept (chapter 07, section 3.5).

use super::*;

/// A metric alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricAlarm {
    pub name: Id,
    pub description: String,
    pub actions_enabled: bool,
    /// ARNs by the state that they are for.
    pub ok_actions: Vec<String>,
    pub alarm_actions: Vec<String>,
    pub insufficient_data_actions: Vec<String>,
    pub namespace: String,
    pub metric: String,
    pub dimensions: Vec<(String, String)>,
    pub statistic: Statistic,
    pub unit: Option<String>,
    /// Seconds.
    pub period: u32,
    /// How many periods are looked at, the last ones.
    pub evaluation_periods: u32,
    /// How many of them must breach.
    pub datapoints_to_alarm: u32,
    pub comparison: Comparison,
    pub threshold: f64,
    pub missing: MissingData,
    /// In milliseconds of the Unix epoch.
    pub updated: u64,
}

/// A statistic over the values of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
}

/// When a value breaches a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    GreaterThanOrEqualToThreshold,
    GreaterThanThreshold,
    LessThanThreshold,
    LessThanOrEqualToThreshold,
}

/// What a period without data counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MissingData {
    Missing,
    Ignore,
    Breaching,
    NotBreaching,
}

impl HasId for MetricAlarm {
    fn id(&self) -> &str {
        &self.name
    }
}

impl Comparison {
    /// Whether a value breaches.
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Comparison::GreaterThanOrEqualToThreshold => value >= threshold,
            Comparison::GreaterThanThreshold => value > threshold,
            Comparison::LessThanThreshold => value < threshold,
            Comparison::LessThanOrEqualToThreshold => value <= threshold,
        }
    }
}

impl Model {
    /// PutMetricAlarm: makes an alarm, or replaces the one of that name.
    pub fn put_metric_alarm(&mut self, alarm: MetricAlarm) -> Result<()> {
        let bad = |what: &str| refuse("ValidationError", what.to_string());
        let a = MetricAlarm { updated: self.now, ..alarm };
        if a.name.is_empty() || a.name.chars().count() > 255 {
            return bad("An alarm's name has 1 to 255 characters.");
        }
        if a.dimensions.len() > 30 {
            return bad("An alarm has at most 30 dimensions.");
        }
        if !matches!(a.period, 10 | 30) && (a.period == 0 || !a.period.is_multiple_of(60)) {
            return bad("Period must be 10, 30 or a multiple of 60.");
        }
        let span = u64::from(a.period) * u64::from(a.evaluation_periods);
        if a.evaluation_periods == 0 || span > if a.period < 3600 { 86_400 } else { 7 * 86_400 } {
            return bad(
                "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or 7 days with periods of an hour or more.",
            );
        }
        if a.datapoints_to_alarm == 0 || a.datapoints_to_alarm > a.evaluation_periods {
            return bad("DatapointsToAlarm must be between 1 and EvaluationPeriods.");
        }
        if !a.threshold.is_finite() {
            return bad("Threshold must be a finite number.");
        }
        if [&a.ok_actions, &a.alarm_actions, &a.insufficient_data_actions].iter().any(|l| l.len() > 5) {
            return bad("An alarm has at most 5 actions for each state.");
        }
        match self.alarms.get(&a.name) {
            Some(_) => self.alarms.edit(&a.name.clone(), |old| *old = a),
            None => self.alarms.put(a),
        }
        Ok(())
    }

    /// DeleteAlarms: all of them, or none if one is not there.
    pub fn delete_alarms(&mut self, names: &[String]) -> Result<()> {
        names.iter().try_for_each(|n| self.find::<MetricAlarm>(n).map(drop))?;
        names.iter().for_each(|n| drop(self.alarms.take(n)));
        Ok(())
    }
}
