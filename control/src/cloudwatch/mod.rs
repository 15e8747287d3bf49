//! The part of CloudWatch that the VPC's own metrics need: `AWS/NATGateway` and alarms on it (chapter 07, section 3.5).
//!
//! Whoever serves packets tells what each NAT gateway has counted ([`CloudWatch::observe`]) now and then and before each question;
//! [`history`] makes a point a minute of it. Alarms are records of the [`Model`]; their states follow from the history
//! ([`CloudWatch::judge`]). Requests come as members whatever encoding the client chose, and are answered in the same ([`answer`]).

mod alarm;
mod answer;
mod history;
mod metrics;
#[cfg(test)]
mod tests;

pub use alarm::{State, Transition};
pub use answer::refusal;

use crate::ec2::Params;
use crate::http::{Request, Response};
use crate::model::{ApiError, Id, Model, Result};
use crate::region::{Region, now_ms};
use alarm::Alarms;
use answer::Fields;
use history::History;
use std::sync::{Mutex, MutexGuard, PoisonError};
use vpcd_dataplane::nat::NatGatewayCounters;

/// Namespace of the metrics.
pub const NAMESPACE: &str = "AWS/NATGateway";

/// The service.
#[derive(Debug, Default)]
pub struct CloudWatch {
    history: Mutex<History>,
    alarms: Mutex<Alarms>,
}

/// How an operation runs.
enum Run {
    Read(fn(&CloudWatch, &Model, &Params, u64) -> Result<Fields>),
    Write(fn(&mut Model, &Params) -> Result<()>),
}

const OPERATIONS: [(&str, Run); 7] = [
    ("DeleteAlarms", Run::Write(alarm::delete)),
    ("DescribeAlarms", Run::Read(alarm::describe)),
    ("DescribeAlarmsForMetric", Run::Read(alarm::describe_for_metric)),
    ("GetMetricData", Run::Read(metrics::data)),
    ("GetMetricStatistics", Run::Read(metrics::statistics)),
    ("ListMetrics", Run::Read(metrics::list)),
    ("PutMetricAlarm", Run::Write(alarm::put)),
];

impl CloudWatch {
    /// Takes down what NAT gateways have counted up to now.
    pub fn observe<'a>(&self, now_ms: u64, gateways: impl IntoIterator<Item = (&'a str, NatGatewayCounters)>) {
        let mut history = self.history();
        gateways.into_iter().for_each(|(gateway, counted)| history.observe(now_ms, gateway, &counted));
    }

    /// Judges every alarm of a Region by the minutes that are over; those whose state is another now.
    pub fn judge(&self, model: &Model, now_ms: u64) -> Vec<Transition> {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.judge(&self.history(), model, now_ms)
    }

    /// Forgets all values and states.
    pub fn clear(&self) {
        self.history().clear();
        *self.alarms.lock().unwrap_or_else(PoisonError::into_inner) = Alarms::default();
    }

    /// Answers a request about a Region.
    pub async fn call(&self, region: &Region, request: Request) -> Response {
        let (encoding, id) = (request.encoding, request.request_id);
        let params = Params::new(request.members);
        let action = params.text("Action").unwrap_or_default().to_string();
        match self.run(region, &action, params).await {
            Ok(fields) => answer::answer(encoding, &action, &id, fields),
            Err(e) => refusal(encoding, if e.code == "ResourceNotFound" { 404 } else { 400 }, e.code, &e.message, &id),
        }
    }

    async fn run(&self, region: &Region, action: &str, params: Params) -> Result<Fields> {
        let Some((_, run)) = OPERATIONS.iter().find(|(name, _)| *name == action) else {
            return Err(ApiError::new("InvalidAction", format!("Could not find operation {action}")));
        };
        params.ignore(&["Version"]);
        match *run {
            Run::Read(run) => {
                let picture = region.read();
                let fields = run(self, &picture.model, &params, now_ms())?;
                params.all_known()?;
                Ok(fields)
            }
            Run::Write(run) => {
                let change = move |m: &mut Model| {
                    run(m, &params)?;
                    params.all_known()?;
                    Ok(String::new())
                };
                region.change(Box::new(change)).await?;
                Ok(Fields::new())
            }
        }
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The gateways of a Region that have metrics, idle ones included.
fn gateways(model: &Model) -> impl Iterator<Item = &Id> {
    model.nat_gateways().iter().map(|n| &n.id)
}

/// The metrics of a NAT gateway (NAT-60), in the order of [`NatGatewayCounters::metrics`].
fn metric_names() -> [&'static str; NatGatewayCounters::COUNT] {
    NatGatewayCounters::default().metrics().map(|(name, _)| name)
}

/// The place of a metric among them.
fn place(name: &str) -> Option<usize> {
    metric_names().iter().position(|known| *known == name)
}

/// What a metric is counted in.
fn unit(metric: &str) -> &'static str {
    if metric.starts_with("Bytes") { "Bytes" } else { "Count" }
}

/// The elements of a list.
fn members<'a>(p: &'a Params, name: &str) -> Vec<&'a Params> {
    p.structure(name).map_or_else(Vec::new, |l| l.list("member"))
}

/// The elements of a list of texts.
fn texts(p: &Params, name: &str) -> Vec<String> {
    p.structure(name).map_or_else(Vec::new, |l| l.ids("member"))
}

/// Names and values of dimensions.
fn dimensions(p: &Params) -> Vec<(String, String)> {
    let pair = |d: &Params| (d.text("Name").unwrap_or("").to_string(), d.given("Value").unwrap_or("").to_string());
    members(p, "Dimensions").into_iter().map(pair).collect()
}

/// The one gateway that dimensions name.
fn gateway_of(dimensions: &[(String, String)]) -> Option<&str> {
    match dimensions {
        [(name, id)] if name == "NatGatewayId" => Some(id),
        _ => None,
    }
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}
