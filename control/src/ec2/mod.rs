//! The EC2 Query API: one call in, XML out.
//!
//! [`Api::call`] finds the operation in the tables of the families below, runs it on the picture in force (reads) or hands it to the
//! Region's writer (changes), and wraps what it wrote. An operation is a function of a model, the parameters and the XML to write; what is
//! legal is decided in [`crate::model`], never here. Dry runs, client tokens, unknown parameters and paging are dealt with once, here.

mod account;
mod acl;
mod address;
mod address_assignment;
mod cidr_reservation;
mod classic;
mod default_vpc;
mod dhcp;
mod dns;
mod filter;
mod gateway;
mod image;
mod instance;
mod instance_attribute;
mod instance_type;
mod interface;
mod key_pair;
mod known;
mod later;
mod nat;
mod page;
mod params;
mod prefix_list;
mod route_table;
mod security_group;
mod security_group_rule;
mod subnet;
mod tags;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests_account;
#[cfg(test)]
mod tests_acl;
#[cfg(test)]
mod tests_prefix_list;
#[cfg(test)]
mod tests_security_group;
#[cfg(test)]
mod tests_subnet;
#[cfg(test)]
mod tests_vpc;
mod vpc;
mod vpn_connection;
mod vpn_gateway;
mod xml;

pub use account::known_region;
pub use known::coverage;
pub use params::{Params, Tags};
pub use xml::{Xml, timestamp};

use crate::model::{ApiError, Model, Result};
use crate::region::{Region, now_ms};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// Version of the API that is spoken.
pub const VERSION: &str = "2016-11-15";

/// How an operation runs. It writes the members of its answer.
#[derive(Clone, Copy)]
enum Run {
    Read(fn(&Model, &Params, &mut Xml) -> Result<()>),
    Write(fn(&mut Model, &Params, &mut Xml) -> Result<()>),
    /// Asks the machine that instances run on.
    Ask(fn(&Model, &Params, &mut Xml, &dyn Machine) -> Result<()>),
}

/// What instances run on.
pub trait Machine: Send + Sync {
    /// What an instance has written to its console, the last of it; none if it was never started here.
    fn console(&self, instance: &str) -> Option<Vec<u8>>;
}

/// Instances are records only.
#[derive(Debug)]
struct NoMachine;

impl Machine for NoMachine {
    fn console(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
}

/// One operation of the API.
struct Operation {
    name: &'static str,
    run: Run,
}

/// An operation that changes nothing.
const fn read(name: &'static str, run: fn(&Model, &Params, &mut Xml) -> Result<()>) -> Operation {
    Operation { name, run: Run::Read(run) }
}

/// An operation that makes, changes or removes something.
const fn write(name: &'static str, run: fn(&mut Model, &Params, &mut Xml) -> Result<()>) -> Operation {
    Operation { name, run: Run::Write(run) }
}

/// An operation that asks the machine.
const fn ask(name: &'static str, run: fn(&Model, &Params, &mut Xml, &dyn Machine) -> Result<()>) -> Operation {
    Operation { name, run: Run::Ask(run) }
}

/// All families.
const FAMILIES: &[&[Operation]] = &[
    vpc::OPERATIONS,
    subnet::OPERATIONS,
    cidr_reservation::OPERATIONS,
    default_vpc::OPERATIONS,
    dhcp::OPERATIONS,
    route_table::OPERATIONS,
    gateway::OPERATIONS,
    nat::OPERATIONS,
    vpn_gateway::OPERATIONS,
    vpn_connection::OPERATIONS,
    address::OPERATIONS,
    security_group::OPERATIONS,
    security_group_rule::OPERATIONS,
    acl::OPERATIONS,
    prefix_list::OPERATIONS,
    interface::OPERATIONS,
    address_assignment::OPERATIONS,
    instance::OPERATIONS,
    instance_attribute::OPERATIONS,
    instance_type::OPERATIONS,
    image::OPERATIONS,
    key_pair::OPERATIONS,
    tags::OPERATIONS,
    account::OPERATIONS,
    classic::OPERATIONS,
    later::OPERATIONS,
];

fn operation(name: &str) -> Option<&'static Operation> {
    static BY_NAME: OnceLock<HashMap<&str, &Operation>> = OnceLock::new();
    BY_NAME.get_or_init(|| FAMILIES.iter().copied().flatten().map(|o| (o.name, o)).collect()).get(name).copied()
}

/// Names of the operations that are built, sorted.
pub fn built() -> Vec<&'static str> {
    let mut names: Vec<_> = FAMILIES.iter().copied().flatten().map(|o| o.name).collect();
    names.sort_unstable();
    names
}

/// The service in front of a Region.
pub struct Api {
    region: Region,
    machine: Arc<dyn Machine>,
}

/// A finished answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    pub body: String,
    /// Number of the publish that a change came with.
    pub serial: Option<u64>,
}

impl Api {
    pub fn new(region: Region) -> Api {
        Api { region, machine: Arc::new(NoMachine) }
    }

    /// With a machine that its instances run on.
    pub fn with_machine(self, machine: Arc<dyn Machine>) -> Api {
        Api { machine, ..self }
    }

    /// What it serves.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Answers one call, given its decoded form members.
    pub async fn call(&self, members: Vec<(String, String)>, request_id: &str) -> Answer {
        let params = Params::new(members);
        let action = params.text("Action").unwrap_or_default().to_string();
        let version = params.text("Version").unwrap_or(VERSION).to_string();
        match self.run(&action, params).await {
            Ok((text, serial)) => Answer {
                status: 200,
                body: format!(
                    "{DECLARATION}<{action}Response xmlns=\"http://ec2.amazonaws.com/doc/{}/\"><requestId>{request_id}</requestId>{text}</{action}Response>",
                    plain(&version)
                ),
                serial,
            },
            Err(e) => refusal(&e, request_id),
        }
    }

    async fn run(&self, action: &str, params: Params) -> Result<(String, Option<u64>)> {
        if action.is_empty() {
            return Err(ApiError::new("MissingAction", "The request must contain the parameter Action"));
        }
        let Some(operation) = operation(action) else {
            return Err(ApiError::new(
                "InvalidAction",
                format!("The action {action} is not valid for this web service."),
            ));
        };
        // What signatures and SDKs add to every call.
        params.ignore(&[
            "AWSAccessKeyId",
            "Signature",
            "SignatureMethod",
            "SignatureVersion",
            "Timestamp",
            "SecurityToken",
            "Expires",
        ]);
        let dry = params.flag("DryRun")?.unwrap_or(false);
        let mut x = Xml::default();
        let run = match operation.run {
            Run::Write(run) => run,
            Run::Read(_) | Run::Ask(_) => {
                // A copy, because time goes on also while nothing changes.
                let mut model = self.region.read().model.clone();
                model.set_now(now_ms());
                match operation.run {
                    Run::Ask(run) => run(&model, &params, &mut x, &*self.machine)?,
                    Run::Read(run) => run(&model, &params, &mut x)?,
                    Run::Write(_) => {}
                }
                params.all_known()?;
                return if dry { Err(would_do()) } else { Ok((x.into_text(), None)) };
            }
        };
        let name = operation.name;
        let change = Box::new(move |m: &mut Model| {
            let token = params.text("ClientToken").map(|t| (t.to_string(), digest(&params)));
            if let Some((token, request)) = &token
                && let Some(answer) = m.answered(name, token, *request)?
            {
                return Ok(answer.to_string());
            }
            run(m, &params, &mut x)?;
            params.all_known()?;
            let text = x.into_text();
            if let Some((token, request)) = &token {
                m.remember_token(name, token, *request, &text);
            }
            Ok(text)
        });
        if dry {
            self.region.rehearse(change)?;
            return Err(would_do());
        }
        let answer = self.region.change(change).await?;
        Ok((answer.text, Some(answer.serial)))
    }
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A refusal in EC2's form.
pub fn refusal(e: &ApiError, request_id: &str) -> Answer {
    Answer { status: status(e.code), body: error_body(e.code, &e.message, request_id), serial: None }
}

/// The body of a refusal.
pub fn error_body(code: &str, message: &str, request_id: &str) -> String {
    let mut x = Xml::default();
    x.within("Response", |x| {
        x.within("Errors", |x| {
            x.within("Error", |x| {
                x.put("Code", code);
                x.put("Message", message);
            });
        });
        x.put("RequestID", request_id);
    });
    format!("{DECLARATION}{}", x.into_text())
}

/// The same as other services of AWS's query protocol say it.
pub fn query_error(namespace: &str, code: &str, message: &str, request_id: &str) -> String {
    let mut x = Xml::default();
    x.within("Error", |x| {
        x.put("Type", "Sender");
        x.put("Code", code);
        x.put("Message", message);
    });
    x.put("RequestId", request_id);
    format!("<ErrorResponse xmlns=\"{namespace}\">{}</ErrorResponse>", x.into_text())
}

/// The HTTP status of an error code.
fn status(code: &str) -> u16 {
    match code {
        "DryRunOperation" => 412,
        "AuthFailure" => 401,
        "UnauthorizedOperation" => 403,
        "InternalError" => 500,
        "Unavailable" | "RequestLimitExceeded" => 503,
        _ => 400,
    }
}

fn would_do() -> ApiError {
    ApiError::new("DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
}

/// What makes two calls the same call.
fn digest(params: &Params) -> u64 {
    let mut h = DefaultHasher::new();
    let auth = |name: &str| name.starts_with("X-Amz-") || matches!(name, "Timestamp" | "Signature" | "ClientToken");
    params.canonical().into_iter().filter(|(name, _)| !auth(name)).for_each(|member| member.hash(&mut h));
    h.finish()
}

/// A version is a date; anything else is not repeated.
fn plain(version: &str) -> &str {
    let date = version.len() == 10 && version.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if date { version } else { VERSION }
}

/// Gives a resource just made the tags that the call brought for its kind.
fn tag_new(m: &mut Model, p: &Params, kind: &str, id: &str) -> Result<()> {
    m.create_tags(&[id.to_string()], &p.new_tags(kind)?)
}

/// `tagSet` of a resource.
fn tag_set(x: &mut Xml, m: &Model, id: &str) {
    x.list("tagSet", m.tags(id), |x, (key, value)| {
        x.put("key", key);
        x.put("value", value);
    });
}

/// The ARN of a resource of this account.
fn arn(m: &Model, kind: &str, id: &str) -> String {
    format!("arn:{}:ec2:{}:{}:{kind}/{id}", partition(m.region()), m.region(), m.account())
}

/// Regions whose names begin so are worlds of their own.
fn partition(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Refuses what cannot be an id of a kind.
fn expect_prefix(id: &str, prefix: &str, code: &'static str) -> Result<()> {
    if id.starts_with(prefix) {
        return Ok(());
    }
    Err(ApiError::new(code, format!("Invalid id: \"{id}\" (expecting \"{prefix}...\")")))
}
