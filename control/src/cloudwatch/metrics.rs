//! ListMetrics, GetMetricStatistics and GetMetricData.

use super::answer::{Fields, Value};
use super::history::Summary;
use super::{
    CloudWatch, NAMESPACE, dimensions, gateway_of, gateways, invalid, members, metric_names, place, texts, unit,
};
use crate::ec2::Params;
use crate::http::parse_time;
use crate::model::{ApiError, Model, Result, Statistic};
use std::collections::BTreeMap;

/// Metrics on one page of ListMetrics.
const PAGE: usize = 500;
/// Points that GetMetricStatistics answers at most.
const MAX_POINTS: u64 = 1440;
/// Points that GetMetricData answers at most.
const MAX_DATA: usize = 100_800;

const STATISTICS: [(&str, Statistic); 5] = [
    ("SampleCount", Statistic::SampleCount),
    ("Average", Statistic::Average),
    ("Sum", Statistic::Sum),
    ("Minimum", Statistic::Minimum),
    ("Maximum", Statistic::Maximum),
];

/// A statistic by its name.
pub(super) fn statistic(name: &str) -> Result<Statistic> {
    let found = STATISTICS.iter().find(|(n, _)| *n == name).map(|(_, s)| *s);
    found.ok_or_else(|| {
        invalid(format!("The statistic {name} is not one of SampleCount, Average, Sum, Minimum, Maximum."))
    })
}

pub(super) fn list(_: &CloudWatch, model: &Model, p: &Params, _: u64) -> Result<Fields> {
    p.ignore(&["RecentlyActive", "IncludeLinkedAccounts", "OwningAccount"]);
    let (namespace, name) = (p.text("Namespace"), p.text("MetricName"));
    let filters = members(p, "Dimensions");
    let passes = |gateway: &str| {
        let one = |f: &&Params| f.text("Name") == Some("NatGatewayId") && f.text("Value").is_none_or(|v| v == gateway);
        filters.iter().all(one)
    };
    let all = gateways(model).filter(|g| passes(g)).flat_map(|g| metric_names().map(|m| (g, m)));
    let mut rest = all.filter(|(_, m)| namespace.is_none_or(|n| n == NAMESPACE) && name.is_none_or(|n| n == *m));
    let from = offset(p)?;
    let page: Vec<Value> =
        rest.by_ref().skip(from).take(PAGE).map(|(gateway, metric)| Value::Structure(about(metric, gateway))).collect();
    let more = rest.next().is_some();
    let mut fields = vec![("Metrics", Value::List(page))];
    if more {
        fields.push(("NextToken", Value::Text((from + PAGE).to_string())));
    }
    Ok(fields)
}

/// Namespace, name and dimension of a metric.
fn about(metric: &str, gateway: &str) -> Fields {
    let dimension = Value::Structure(vec![("Name", "NatGatewayId".into()), ("Value", gateway.into())]);
    vec![("Namespace", NAMESPACE.into()), ("MetricName", metric.into()), ("Dimensions", Value::List(vec![dimension]))]
}

/// Where a page begins.
pub(super) fn offset(p: &Params) -> Result<usize> {
    let Some(token) = p.text("NextToken") else { return Ok(0) };
    token.parse().map_err(|_| ApiError::new("InvalidNextToken", format!("The token '{token}' is invalid.")))
}

pub(super) fn statistics(cw: &CloudWatch, _: &Model, p: &Params, now_ms: u64) -> Result<Fields> {
    let (namespace, name) = (p.need("Namespace")?, p.need("MetricName")?);
    let (start, end) = span(p)?;
    let period = period(p.need("Period")?)?;
    let wanted = texts(p, "Statistics");
    if !texts(p, "ExtendedStatistics").is_empty() {
        return Err(invalid("Percentiles are not supported; ask for Statistics."));
    }
    if wanted.is_empty() {
        return Err(ApiError::new("MissingParameter", "Must specify either Statistics or ExtendedStatistics."));
    }
    let wanted = wanted.iter().map(|n| Ok((n.clone(), statistic(n)?))).collect::<Result<Vec<_>>>()?;
    if (end - start).div_ceil(period) > MAX_POINTS {
        return Err(ApiError::new(
            "InvalidParameterCombination",
            format!(
                "You have requested up to {} datapoints, which exceeds the limit of {MAX_POINTS}. You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
                (end - start).div_ceil(period)
            ),
        ));
    }
    let found = found(cw, namespace, name, &dimensions(p), p.text("Unit"), (start, end, period), now_ms);
    let points = found.into_iter().map(|(at, summary)| {
        let mut fields = vec![("Timestamp", Value::Time(at * 1000))];
        for (name, which) in STATISTICS {
            if wanted.iter().any(|(n, _)| n == name) {
                fields.push((name, Value::Number(summary.statistic(which))));
            }
        }
        fields.push(("Unit", unit(name).into()));
        Value::Structure(fields)
    });
    Ok(vec![("Label", name.into()), ("Datapoints", Value::List(points.collect()))])
}

pub(super) fn data(cw: &CloudWatch, _: &Model, p: &Params, now_ms: u64) -> Result<Fields> {
    let (start, end) = span(p)?;
    let descending = match p.text("ScanBy") {
        None | Some("TimestampDescending") => true,
        Some("TimestampAscending") => false,
        Some(other) => {
            return Err(invalid(format!("ScanBy {other} is not TimestampDescending or TimestampAscending.")));
        }
    };
    let most = p.parsed("MaxDatapoints")?.unwrap_or(MAX_DATA).min(MAX_DATA);
    p.ignore(&["LabelOptions"]);
    offset(p)?;
    let queries = members(p, "MetricDataQueries");
    if queries.is_empty() {
        return Err(ApiError::new("MissingParameter", "The parameter MetricDataQueries is required."));
    }
    let (mut results, mut room) = (Vec::new(), most);
    for query in queries {
        let id = query.need("Id")?;
        query.ignore(&["AccountId"]);
        if query.has("Expression") {
            return Err(ApiError::new(
                "ValidationError",
                format!("Expressions are not supported: leave out {id}, or ask for a MetricStat."),
            ));
        }
        let missing = || ApiError::new("ValidationError", format!("The query {id} has no MetricStat."));
        let stat = query.structure("MetricStat").ok_or_else(missing)?;
        let metric = stat.structure("Metric").ok_or_else(missing)?;
        let (namespace, name) = (metric.need("Namespace")?, metric.need("MetricName")?);
        let which = statistic(stat.need("Stat")?)?;
        let period = period(stat.need("Period")?)?;
        let label = query.text("Label").unwrap_or(name);
        let returned = query.flag("ReturnData")?.unwrap_or(true);
        let found = found(cw, namespace, name, &dimensions(metric), stat.text("Unit"), (start, end, period), now_ms);
        if !returned {
            continue;
        }
        let mut points: Vec<(u64, f64)> = found.into_iter().map(|(at, s)| (at, s.statistic(which))).collect();
        if descending {
            points.reverse();
        }
        let complete = points.len() <= room;
        points.truncate(room);
        room -= points.len();
        results.push(Value::Structure(vec![
            ("Id", id.into()),
            ("Label", label.into()),
            ("Timestamps", Value::List(points.iter().map(|(at, _)| Value::Time(at * 1000)).collect())),
            ("Values", Value::List(points.iter().map(|(_, v)| Value::Number(*v)).collect())),
            ("StatusCode", if complete { "Complete" } else { "PartialData" }.into()),
        ]));
    }
    Ok(vec![("MetricDataResults", Value::List(results)), ("Messages", Value::List(Vec::new()))])
}

/// What was counted, by the second at which each period begins.
fn found(
    cw: &CloudWatch,
    namespace: &str,
    name: &str,
    dimensions: &[(String, String)],
    wanted: Option<&str>,
    (start, end, period): (u64, u64, u64),
    now_ms: u64,
) -> BTreeMap<u64, Summary> {
    let known = place(name).filter(|_| namespace == NAMESPACE && wanted.is_none_or(|u| u == unit(name)));
    let (Some(metric), Some(gateway)) = (known, gateway_of(dimensions)) else { return BTreeMap::new() };
    // Periods begin at whole ones, as far back as points of a minute are kept; a minute that has begun counts as far as it went.
    let start = start / period * period;
    cw.history().periods(gateway, metric, start, end.min(now_ms / 1000 + 60), period)
}

fn span(p: &Params) -> Result<(u64, u64)> {
    let (start, end) = (time(p, "StartTime")?, time(p, "EndTime")?);
    if start >= end {
        return Err(ApiError::new(
            "ValidationError",
            "The parameter StartTime must be less than the parameter EndTime.",
        ));
    }
    Ok((start, end))
}

/// A time as forms (ISO 8601) or documents (seconds) write it, in seconds of the Unix epoch.
fn time(p: &Params, name: &str) -> Result<u64> {
    let text = p.need(name)?;
    let seconds = text.parse::<f64>().ok().filter(|s| s.is_finite()).map(|s| s as i64).or_else(|| parse_time(text));
    let seconds = seconds.and_then(|s| u64::try_from(s).ok()).filter(|s| *s < 1 << 40);
    seconds.ok_or_else(|| invalid(format!("Value ({text}) for parameter {name} is not a time.")))
}

fn period(text: &str) -> Result<u64> {
    match text.parse::<u64>() {
        Ok(seconds) if seconds > 0 && seconds.is_multiple_of(60) && seconds <= 86_400 * 365 => Ok(seconds),
        _ => Err(invalid(format!("Value ({text}) for parameter Period is not a multiple of 60."))),
    }
}
