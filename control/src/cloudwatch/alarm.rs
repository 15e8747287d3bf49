//! Alarms: PutMetricAlarm and the rest, and how a state follows from the last periods.

use super::answer::{self, Fields, Value};
use super::history::History;
use super::metrics::{offset, statistic};
use super::{CloudWatch, NAMESPACE, dimensions, gateway_of, invalid, place, texts};
use crate::ec2::Params;
use crate::model::{ApiError, Comparison, Id, MetricAlarm, MissingData, Model, Result};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// What an alarm says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Ok,
    Alarm,
    InsufficientData,
}

impl State {
    /// As the API writes it.
    pub fn name(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Alarm => "ALARM",
            State::InsufficientData => "INSUFFICIENT_DATA",
        }
    }
}

/// An alarm whose state became another: what would be notified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    pub alarm: Id,
    pub from: State,
    pub to: State,
    pub reason: String,
    /// ARNs that are to be told; none if the alarm's actions are off.
    pub actions: Vec<String>,
}

#[derive(Clone, Debug)]
struct Said {
    state: State,
    reason: String,
    since: u64,
}

/// States by name. An alarm that is not here has not been judged yet.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    said: BTreeMap<Id, Said>,
}

impl Said {
    /// Before it is judged for the first time.
    fn unchecked(alarm: &MetricAlarm) -> Said {
        let reason = "Unchecked: Initial alarm creation".into();
        Said { state: State::InsufficientData, reason, since: alarm.updated }
    }
}

impl Alarms {
    pub(super) fn judge(&mut self, history: &History, model: &Model, now_ms: u64) -> Vec<Transition> {
        self.said.retain(|name, _| model.alarms().get(name).is_some());
        let mut out = Vec::new();
        for alarm in model.alarms().iter() {
            let said = self.said.entry(alarm.name.clone()).or_insert_with(|| Said::unchecked(alarm));
            let Some((state, reason)) = verdict(history, alarm, now_ms) else { continue };
            if state == said.state {
                continue;
            }
            let actions = match state {
                State::Ok => &alarm.ok_actions,
                State::Alarm => &alarm.alarm_actions,
                State::InsufficientData => &alarm.insufficient_data_actions,
            };
            let actions = if alarm.actions_enabled { actions.clone() } else { Vec::new() };
            out.push(Transition {
                alarm: alarm.name.clone(),
                from: said.state,
                to: state,
                reason: reason.clone(),
                actions,
            });
            *said = Said { state, reason, since: now_ms };
        }
        out
    }

    fn state(&self, alarm: &MetricAlarm) -> Said {
        self.said.get(&alarm.name).cloned().unwrap_or_else(|| Said::unchecked(alarm))
    }
}

/// The state that the last periods give, the last one ending with the last minute that is over; none: as it was.
fn verdict(history: &History, a: &MetricAlarm, now_ms: u64) -> Option<(State, String)> {
    let period = u64::from(a.period).max(60);
    let end = now_ms / 60_000 * 60;
    let start = end.checked_sub(period * u64::from(a.evaluation_periods))?;
    let known = place(&a.metric).filter(|_| a.namespace == NAMESPACE).zip(gateway_of(&a.dimensions));
    let found = known.map(|(metric, gateway)| history.periods(gateway, metric, start, end, period)).unwrap_or_default();
    let values: Vec<f64> = found.values().map(|s| s.statistic(a.statistic)).collect();
    let breaching = values.iter().filter(|v| a.comparison.breaches(**v, a.threshold)).count();
    let absent = a.evaluation_periods as usize - values.len();
    let needed = a.datapoints_to_alarm as usize;
    let said = |count: usize, is: &str| {
        let shown = values.iter().map(f64::to_string).collect::<Vec<_>>().join(", ");
        format!(
            "Threshold Crossed: {count} out of the last {} datapoints [{shown}] {is} ({}).",
            a.evaluation_periods, a.threshold
        )
    };
    let counted = match a.missing {
        MissingData::Breaching => breaching + absent,
        _ => breaching,
    };
    if counted >= needed {
        return Some((State::Alarm, said(counted, &format!("was {}", words(a.comparison)))));
    }
    match a.missing {
        MissingData::Missing if values.is_empty() => {
            Some((State::InsufficientData, "Insufficient Data: no datapoints were received.".into()))
        }
        MissingData::Ignore if values.is_empty() => None,
        _ => Some((State::Ok, said(counted, &format!("was {}, which is not enough", words(a.comparison))))),
    }
}

fn words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::GreaterThanOrEqualToThreshold => "greater than or equal to the threshold",
        Comparison::GreaterThanThreshold => "greater than the threshold",
        Comparison::LessThanThreshold => "less than the threshold",
        Comparison::LessThanOrEqualToThreshold => "less than or equal to the threshold",
    }
}

const COMPARISONS: [(&str, Comparison); 4] = [
    ("GreaterThanOrEqualToThreshold", Comparison::GreaterThanOrEqualToThreshold),
    ("GreaterThanThreshold", Comparison::GreaterThanThreshold),
    ("LessThanThreshold", Comparison::LessThanThreshold),
    ("LessThanOrEqualToThreshold", Comparison::LessThanOrEqualToThreshold),
];

const MISSING: [(&str, MissingData); 4] = [
    ("missing", MissingData::Missing),
    ("ignore", MissingData::Ignore),
    ("breaching", MissingData::Breaching),
    ("notBreaching", MissingData::NotBreaching),
];

/// One of a list of words.
fn word<T: Copy>(p: &Params, name: &str, words: &[(&str, T)]) -> Result<Option<T>> {
    let Some(text) = p.text(name) else { return Ok(None) };
    match words.iter().find(|(w, _)| *w == text) {
        Some((_, value)) => Ok(Some(*value)),
        None => {
            let right: Vec<&str> = words.iter().map(|(w, _)| *w).collect();
            Err(invalid(format!("Value ({text}) for parameter {name} is invalid. Valid values: {}.", right.join(", "))))
        }
    }
}

pub(super) fn put(m: &mut Model, p: &Params) -> Result<()> {
    if p.has("Metrics") || p.has("ThresholdMetricId") || p.has("ExtendedStatistic") {
        return Err(ApiError::new("ValidationError", "Only alarms on one metric with a Statistic are supported."));
    }
    p.ignore(&["Tags", "EvaluateLowSampleCountPercentile"]);
    let name = p.need("AlarmName")?.to_string();
    let evaluation_periods = p.parsed("EvaluationPeriods")?.ok_or_else(|| p.missing("EvaluationPeriods"))?;
    m.put_metric_alarm(MetricAlarm {
        name,
        description: p.text("AlarmDescription").unwrap_or_default().into(),
        actions_enabled: p.flag("ActionsEnabled")?.unwrap_or(true),
        ok_actions: texts(p, "OKActions"),
        alarm_actions: texts(p, "AlarmActions"),
        insufficient_data_actions: texts(p, "InsufficientDataActions"),
        namespace: p.need("Namespace")?.into(),
        metric: p.need("MetricName")?.into(),
        dimensions: dimensions(p),
        statistic: statistic(p.need("Statistic")?)?,
        unit: p.text("Unit").map(Into::into),
        period: p.parsed("Period")?.ok_or_else(|| p.missing("Period"))?,
        evaluation_periods,
        datapoints_to_alarm: p.parsed("DatapointsToAlarm")?.unwrap_or(evaluation_periods),
        comparison: word(p, "ComparisonOperator", &COMPARISONS)?.ok_or_else(|| p.missing("ComparisonOperator"))?,
        threshold: p.parsed("Threshold")?.ok_or_else(|| p.missing("Threshold"))?,
        missing: word(p, "TreatMissingData", &MISSING)?.unwrap_or(MissingData::Missing),
        updated: 0,
    })
}

pub(super) fn delete(m: &mut Model, p: &Params) -> Result<()> {
    m.delete_alarms(&texts(p, "AlarmNames"))
}

pub(super) fn describe(cw: &CloudWatch, model: &Model, p: &Params, _: u64) -> Result<Fields> {
    p.ignore(&["ChildrenOfAlarmName", "ParentsOfAlarmName"]);
    let (names, prefix) = (texts(p, "AlarmNames"), p.text("AlarmNamePrefix"));
    let (state, action) = (p.text("StateValue"), p.text("ActionPrefix"));
    let kinds = texts(p, "AlarmTypes");
    let metric_alarms = kinds.is_empty() || kinds.iter().any(|k| k == "MetricAlarm");
    let most = match p.parsed::<usize>("MaxRecords")? {
        Some(n) if (1..=100).contains(&n) => n,
        Some(n) => return Err(invalid(format!("Value ({n}) for parameter MaxRecords is not between 1 and 100."))),
        None => 50,
    };
    let from = offset(p)?;
    let alarms = cw.alarms.lock().unwrap_or_else(PoisonError::into_inner);
    let passes = |a: &&MetricAlarm| {
        metric_alarms
            && (names.is_empty() || names.contains(&a.name))
            && prefix.is_none_or(|p| a.name.starts_with(p))
            && state.is_none_or(|s| alarms.state(a).state.name() == s)
            && action.is_none_or(|p| a.alarm_actions.iter().any(|arn| arn.starts_with(p)))
    };
    let mut rest = model.alarms().iter().filter(passes).skip(from);
    let page: Vec<Value> = rest.by_ref().take(most).map(|a| shown(model, a, &alarms.state(a))).collect();
    let mut fields = vec![("MetricAlarms", Value::List(page)), ("CompositeAlarms", Value::List(Vec::new()))];
    if rest.next().is_some() {
        fields.push(("NextToken", Value::Text((from + most).to_string())));
    }
    Ok(fields)
}

pub(super) fn describe_for_metric(cw: &CloudWatch, model: &Model, p: &Params, _: u64) -> Result<Fields> {
    let (namespace, metric, dimensions) = (p.need("Namespace")?, p.need("MetricName")?, dimensions(p));
    let statistic = p.text("Statistic").map(statistic).transpose()?;
    let period: Option<u32> = p.parsed("Period")?;
    let alarms = cw.alarms.lock().unwrap_or_else(PoisonError::into_inner);
    let passes = |a: &&MetricAlarm| {
        a.namespace == namespace
            && a.metric == metric
            && a.dimensions == dimensions
            && statistic.is_none_or(|s| s == a.statistic)
            && period.is_none_or(|p| p == a.period)
    };
    let found = model.alarms().iter().filter(passes).map(|a| shown(model, a, &alarms.state(a)));
    Ok(vec![("MetricAlarms", Value::List(found.collect()))])
}

fn shown(model: &Model, a: &MetricAlarm, said: &Said) -> Value {
    let (region, account) = (model.region(), model.account());
    let pair =
        |(n, v): &(String, String)| Value::Structure(vec![("Name", n.as_str().into()), ("Value", v.as_str().into())]);
    let mut fields = vec![
        ("AlarmName", a.name.as_str().into()),
        ("AlarmArn", Value::Text(format!("arn:aws:cloudwatch:{region}:{account}:alarm:{}", a.name))),
        ("AlarmDescription", a.description.as_str().into()),
        ("AlarmConfigurationUpdatedTimestamp", Value::Time(a.updated)),
        ("ActionsEnabled", Value::Flag(a.actions_enabled)),
        ("OKActions", answer::texts(&a.ok_actions)),
        ("AlarmActions", answer::texts(&a.alarm_actions)),
        ("InsufficientDataActions", answer::texts(&a.insufficient_data_actions)),
        ("StateValue", said.state.name().into()),
        ("StateReason", said.reason.as_str().into()),
        ("StateUpdatedTimestamp", Value::Time(said.since)),
        ("StateTransitionedTimestamp", Value::Time(said.since)),
        ("MetricName", a.metric.as_str().into()),
        ("Namespace", a.namespace.as_str().into()),
        ("Statistic", Value::Text(format!("{:?}", a.statistic))),
        ("Dimensions", Value::List(a.dimensions.iter().map(pair).collect())),
        ("Period", Value::Whole(a.period.into())),
        ("EvaluationPeriods", Value::Whole(a.evaluation_periods.into())),
        ("DatapointsToAlarm", Value::Whole(a.datapoints_to_alarm.into())),
        ("Threshold", Value::Number(a.threshold)),
        ("ComparisonOperator", Value::Text(format!("{:?}", a.comparison))),
    ];
    if let Some(unit) = &a.unit {
        fields.push(("Unit", unit.as_str().into()));
    }
    if let Some((word, _)) = MISSING.iter().find(|(_, m)| *m == a.missing) {
        fields.push(("TreatMissingData", (*word).into()));
    }
    Value::Structure(fields)
}
