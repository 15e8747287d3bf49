//! Calls for each Region, and the few things beside them: who am I, what gateways count, health, metrics, starting afresh.

use super::bindings::Bindings;
use super::config::{Config, Uplink};
use super::hosts::{Hosts, Order};
use super::log::{self, Level};
use super::metrics::{self, Metrics, Timed};
use super::plane::Plane;
use super::{Args, Kind};
use crate::export::Format;
use crate::report::{Failure, Outcome};
use anyhow::Context;
use dashmap::DashMap;
use serde_json::json;
use std::hash::{BuildHasher, RandomState};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use vpcd_control::cloudwatch::{self, CloudWatch};
use vpcd_control::ec2::{self, Api};
use vpcd_control::export::export;
use vpcd_control::http::{Access, RefusedRequest, Request, Response, Service};
use vpcd_control::model::{ApiError, Model};
use vpcd_control::region::{Region, now_ms};
use vpcd_control::store::{Redb, Store};
use vpcd_dataplane::engine;
use vpcd_dataplane::topology::Topology;
use vpcd_io::live::Live;

/// Calls that are answered when this machine's hosts are as they say.
const HOST_OPERATIONS: &[&str] = &[
    "AssignIpv6Addresses",
    "AssignPrivateIpAddresses",
    "AttachNetworkInterface",
    "DetachNetworkInterface",
    "RunInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
    "UnassignIpv6Addresses",
    "UnassignPrivateIpAddresses",
];

/// CloudWatch, as signatures name it.
const MONITORING: &str = "monitoring";

const XML: &str = "text/xml;charset=UTF-8";

/// What answers.
pub(super) struct Front {
    pub(super) config: Config,
    store: Option<Redb>,
    pub(super) live: Arc<Live>,
    /// What instances of the home Region are; none: records.
    pub(super) hosts: Option<Arc<Hosts>>,
    /// What users plugged into its free interfaces.
    pub(super) bindings: Arc<Bindings>,
    /// Orders for hosts, until the home Region takes them.
    orders: Mutex<Option<Sender<Order>>>,
    /// What the home Region begins with, until it does.
    first: Mutex<Option<Model>>,
    /// By name; each comes into being when it is first named.
    regions: DashMap<String, Arc<Served>>,
    pub(super) metrics: Arc<Metrics>,
}

/// A Region in service.
pub(super) struct Served {
    pub(super) api: Api,
    watch: CloudWatch,
}

impl Front {
    /// Opens the store and the home Region, whose packets are forwarded. `first`: what the Region begins with if nothing is stored.
    pub(super) fn open(config: &Config, args: &Args, first: Option<Model>) -> Outcome<Front> {
        let store = match &args.state {
            Some(dir) => Some(Redb::open(dir, &config.region).map_err(Failure::user)?),
            None => None,
        };
        if let (Some(store), Some(dir), true) = (&store, &args.state, first.is_some())
            && !store.load().map_err(Failure::user)?.is_empty()
        {
            let dir = dir.display();
            return Err(Failure::user(format_args!(
                "{dir} holds a state already, and --template is for a new one: leave the option out, or give another directory"
            )));
        }
        let seed = RandomState::new().hash_one(std::process::id());
        let engine = engine::Config { seed, workers: args.workers.into(), ..engine::Config::default() };
        let live = Live::start(engine, Topology::default(), Vec::new(), None).context("cannot start the engine")?;
        let live = Arc::new(live);
        let bindings = Arc::new(Bindings::new(Arc::clone(&live), args.workers.into()));
        let internet = match &config.uplink {
            Some(uplink) => {
                bindings.uplink(&uplink.interface).map_err(Failure::user)?;
                None
            }
            None => Some(config.internet.as_slice()),
        };
        let (hosts, orders) = match args.hosts {
            Kind::Netns => {
                let (hosts, orders) = Hosts::start(Arc::clone(&live), args.workers.into(), internet)?;
                (Some(Arc::new(hosts)), Some(orders))
            }
            Kind::None => (None, None),
        };
        let regions = DashMap::new();
        let metrics = Arc::new(Metrics::new(args.workers.into()));
        let (config, orders, first) = (config.clone(), Mutex::new(orders), Mutex::new(first));
        let front = Front { config, store, live, hosts, bindings, orders, first, regions, metrics };
        front.home().map_err(|e| Failure::user(e.message))?;
        Ok(front)
    }

    /// Ends what forwards packets; everything that was acknowledged is stored already. An error is one that ended a worker before.
    pub(super) fn close(self) -> Outcome {
        // The writer of the home Region has the other end of the orders: without it the hosts end.
        drop(self.regions);
        if let Some(hosts) = &self.hosts {
            hosts.join();
        }
        drop((self.hosts, self.bindings));
        // Whoever else has it still uses it.
        let Some(live) = Arc::into_inner(self.live) else { return Ok(()) };
        live.stop().context("the engine failed")?;
        Ok(())
    }

    /// The Region whose packets are forwarded.
    pub(super) fn home(&self) -> Result<Arc<Served>, ApiError> {
        self.region(&self.config.region)
    }

    /// Waits for the hosts that a call asks for. Those that could not be made are ended as AWS ends them.
    async fn settle_hosts(&self, api: &Api, serial: u64) {
        let Some(hosts) = &self.hosts else { return };
        hosts.done(serial).await;
        for (id, message) in hosts.take_failures() {
            let end = move |m: &mut Model| {
                m.end_instance(&id, "Server.InternalError", &format!("Server.InternalError: {message}"));
                Ok(String::new())
            };
            // If even that cannot be stored, the log has said why.
            let _ = api.region().change(Box::new(end)).await;
        }
    }

    /// The Region of this name, made on first sight.
    fn region(&self, name: &str) -> Result<Arc<Served>, ApiError> {
        if let Some(served) = self.regions.get(name) {
            return Ok(Arc::clone(&served));
        }
        if !ec2::known_region(name) && name != self.config.region {
            return Err(ApiError::new("InvalidParameterValue", format!("There is no Region '{name}'")));
        }
        // While this entry is held, nobody else makes the same Region.
        let entry = self.regions.entry(name.into()).or_try_insert_with(|| {
            let failed = |e: &dyn std::fmt::Display| ApiError::new("InternalError", e.to_string());
            let store = self.store.as_ref().map(|s| s.region(name));
            let saved = store.as_ref().map_or(Ok(Vec::new()), Store::load).map_err(|e| failed(&e))?;
            let home = name == self.config.region;
            let first = || self.first.lock().unwrap_or_else(PoisonError::into_inner).take().filter(|_| home);
            let model = match saved.is_empty() {
                true => first().unwrap_or_else(|| self.config.fresh(name)),
                false => {
                    Model::restore(saved.iter().map(|(k, v)| (k.as_str(), v.as_slice()))).map_err(|e| failed(&e))?
                }
            };
            let plane = home.then(|| -> Box<dyn vpcd_control::region::Publish> {
                let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner).take();
                // What it says was checked when it was read.
                let router = self.config.uplink.as_ref().and_then(|u| Uplink::router(u).ok().flatten());
                let (bindings, metrics) = (Arc::clone(&self.bindings), Arc::clone(&self.metrics));
                Box::new(Plane::new(Arc::clone(&self.live), orders, bindings, router, metrics))
            });
            let mut store = store.map(|s| -> Box<dyn Store> { Box::new(Timed::new(s, Arc::clone(&self.metrics))) });
            if let Some(s) = store.as_mut().filter(|_| saved.is_empty()) {
                s.commit(&model.records()).map_err(|e| failed(&e))?;
            }
            let region = Region::open(model, store, plane).map_err(|e| failed(&e))?;
            let machine = self.hosts.clone().filter(|_| home);
            let api = Api::new(region);
            let api = match machine {
                Some(machine) => api.with_machine(machine),
                None => api,
            };
            Ok::<_, ApiError>(Arc::new(Served { api, watch: CloudWatch::default() }))
        })?;
        Ok(Arc::clone(&entry))
    }

    /// Whether the hosts of what the home Region began with stand, user data started.
    pub(super) fn hosts_stand(&self) -> bool {
        self.hosts.as_ref().is_none_or(|h| h.stand())
    }

    /// Ends the instances among them that could not be made.
    pub(super) async fn settle_first(&self) {
        if let Ok(home) = self.home() {
            self.settle_hosts(&home.api, 0).await;
        }
    }

    /// Takes down what NAT gateways have counted, and says which alarms speak up. Waits until each worker has finished its round.
    pub(super) fn watch(&self) {
        let Ok(home) = self.home() else { return };
        self.observe(&home);
        for told in home.watch.judge(&home.api.region().read().model, now_ms()) {
            let fields = json!({
                "alarm": told.alarm, "from": told.from.name(), "to": told.to.name(), "reason": told.reason,
                "actions": told.actions,
            });
            log::line(Level::Warning, "an alarm has another state", &fields);
        }
    }

    fn observe(&self, home: &Served) {
        let counted = self.metrics.nat_gateways(&self.live);
        home.watch.observe(now_ms(), counted.iter().map(|(id, totals)| (id.as_str(), *totals)));
    }

    fn ready(&self) -> Response {
        if self.live.failed() {
            return text(503, "a worker has failed\n");
        }
        if !self.hosts_stand() {
            return text(503, "the hosts are being made\n");
        }
        match self.regions.contains_key(&self.config.region) {
            true => text(200, "ready\n"),
            false => text(503, "the Region is not in service\n"),
        }
    }

    fn exposition(&self) -> Response {
        // Waits until each worker has finished its round.
        let body = tokio::task::block_in_place(|| self.metrics.exposition(&self.live));
        Response { status: 200, content_type: metrics::CONTENT_TYPE, body: body.into_bytes() }
    }

    /// A Region as a template; the home Region if none is named.
    pub(super) async fn export(&self, region: Option<&str>, format: Format) -> Result<String, String> {
        let region = region.unwrap_or(&self.config.region);
        let picture = self.region(region).map_err(|e| e.message)?.api.region().read();
        let internet = if region == self.config.region { self.config.internet.clone() } else { Vec::new() };
        // It is read back once, which takes its time where there is much.
        let work = tokio::task::spawn_blocking(move || format.write(&export(&picture.model, &internet)));
        work.await.map_err(|e| e.to_string())?
    }

    async fn reset(&self) -> Response {
        let all: Vec<(String, Arc<Served>)> =
            self.regions.iter().map(|e| (e.key().clone(), Arc::clone(e.value()))).collect();
        for (name, Served { api, watch }) in all.iter().map(|(name, served)| (name, &**served)) {
            let fresh = self.config.fresh(name);
            let outcome = api.region().change(Box::new(move |m| {
                m.start_afresh(fresh);
                Ok(String::new())
            }));
            if let Err(e) = outcome.await {
                return text(500, &format!("{e}\n"));
            }
            watch.clear();
        }
        Response { status: 200, content_type: "application/json", body: b"{\"status\": \"ok\"}".to_vec() }
    }

    fn identity(&self, request: &Request) -> Response {
        let account = &self.config.account;
        let mut x = ec2::Xml::default();
        x.within("GetCallerIdentityResult", |x| {
            x.put("Arn", format_args!("arn:aws:iam::{account}:root"));
            x.put("UserId", account);
            x.put("Account", account);
        });
        x.within("ResponseMetadata", |x| x.put("RequestId", &request.request_id));
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">{}</GetCallerIdentityResponse>",
            x.into_text()
        );
        Response { status: 200, content_type: XML, body: body.into_bytes() }
    }
}

impl Service for Front {
    async fn call(&self, request: Request) -> Response {
        let action = request.members.iter().find(|(k, _)| k == "Action").map(|(_, v)| v.clone()).unwrap_or_default();
        let action = action.as_str();
        if request.service == "sts" || action == "GetCallerIdentity" {
            return match action {
                "GetCallerIdentity" => self.identity(&request),
                _ => sts_refusal(
                    400,
                    "InvalidAction",
                    &format!("Could not find operation {action}"),
                    &request.request_id,
                ),
            };
        }
        let answer = match self.region(&request.region) {
            Ok(served) if request.service == MONITORING => {
                if request.region == self.config.region {
                    tokio::task::block_in_place(|| self.observe(&served));
                }
                return served.watch.call(served.api.region(), request).await;
            }
            Ok(served) => {
                let waits = HOST_OPERATIONS.contains(&action);
                let answer = served.api.call(request.members, &request.request_id).await;
                if let Some(serial) = answer.serial.filter(|_| waits) {
                    self.settle_hosts(&served.api, serial).await;
                }
                answer
            }
            Err(e) if request.service == MONITORING => {
                return cloudwatch::refusal(request.encoding, 400, e.code, &e.message, &request.request_id);
            }
            Err(e) => ec2::refusal(&e, &request.request_id),
        };
        Response { status: answer.status, content_type: XML, body: answer.body.into_bytes() }
    }

    fn refuse(&self, request: &RefusedRequest, status: u16, code: &str, message: &str) -> Response {
        if request.service == "sts" {
            return sts_refusal(status, code, message, &request.request_id);
        }
        if request.service == MONITORING {
            return cloudwatch::refusal(request.encoding, status, code, message, &request.request_id);
        }
        Response { status, content_type: XML, body: ec2::error_body(code, message, &request.request_id).into_bytes() }
    }

    async fn other(&self, method: &str, target: &str, _body: &[u8]) -> Option<Response> {
        let path = target.split('?').next().unwrap_or(target);
        match (method, path) {
            // Nobody has been authenticated.
            ("GET", "/healthz") => Some(text(200, "ok\n")),
            ("GET", "/readyz") => Some(self.ready()),
            ("GET", "/metrics") => Some(self.exposition()),
            ("POST", "/moto-api/reset") if self.store.is_none() => Some(self.reset().await),
            _ => None,
        }
    }

    fn log(&self, access: &Access) {
        self.metrics.called(access.action.as_deref(), access.status, access.duration);
        if !log::writes(Level::Info) {
            return;
        }
        let fields = json!({
            "request_id": access.request_id, "action": access.action, "status": access.status, "region": access.region,
            "access_key": access.access_key, "peer": access.peer.to_string(), "bytes": access.bytes,
            "ms": access.duration.as_secs_f64() * 1e3,
        });
        log::line(Level::Info, "call", &fields);
    }
}

fn text(status: u16, body: &str) -> Response {
    Response { status, content_type: "text/plain; charset=utf-8", body: body.as_bytes().to_vec() }
}

fn sts_refusal(status: u16, code: &str, message: &str, request_id: &str) -> Response {
    let body = ec2::query_error("https://sts.amazonaws.com/doc/2011-06-15/", code, message, request_id);
    Response { status, content_type: XML, body: body.into_bytes() }
}
