//! The configuration file of `vpcd serve`.

use crate::report::{Failure, Outcome};
use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::path::Path;
use toml::Spanned;
use vpcd_control::model::{ApiError, Model, Pools, Zone};
use vpcd_control::region::now_ms;
use vpcd_wire::Mac;

/// What the file may say; everything has a default.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Config {
    /// Twelve digits.
    pub(super) account: String,
    /// The Region whose packets are forwarded, and that unsigned calls mean.
    pub(super) region: String,
    /// Its zones; the usual three if none are given.
    zones: Option<Vec<ZoneEntry>>,
    /// Names of those that take no new NAT gateways (NAT-15).
    constrained_zones: Vec<Spanned<String>>,
    /// Where its public addresses come from.
    pub(super) pools: Pools,
    /// Addresses of the hosts that stand for the internet.
    pub(super) internet: Vec<IpAddr>,
    /// An interface of this machine in place of these hosts.
    pub(super) uplink: Option<Uplink>,
    /// Quotas by name, as in a template's `Metadata.Vpcd.Quotas`.
    pub(super) quotas: BTreeMap<String, usize>,
}

/// A zone, as in `[[zones]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneEntry {
    name: String,
    id: String,
}

/// What cannot be done with a configuration.
pub(super) struct Wrong {
    /// Where it is said, as an offset into the file, if that is known.
    at: Option<usize>,
    pub(super) text: String,
}

impl From<String> for Wrong {
    fn from(text: String) -> Wrong {
        Wrong { at: None, text }
    }
}

/// Where the internet is reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Uplink {
    pub(super) interface: String,
    /// MAC of the router behind it, which all frames are addressed to; that of the lab's internet if there is none.
    #[serde(default)]
    pub(super) router_mac: Option<String>,
}

impl Uplink {
    /// The router's MAC, if one is given.
    pub(super) fn router(&self) -> Result<Option<Mac>, String> {
        let parse = |text: &String| text.parse().map_err(|_| format!("uplink: '{text}' is not a MAC address"));
        self.router_mac.as_ref().map(parse).transpose()
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            account: "123456789012".into(),
            region: "us-east-1".into(),
            zones: None,
            constrained_zones: Vec::new(),
            pools: Pools::default(),
            internet: vpcd_control::template::default_hosts().into_iter().flat_map(|h| h.addresses).collect(),
            uplink: None,
            quotas: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Reads a file; without one, the defaults. Errors name file, line and column.
    pub(super) fn load(file: Option<&Path>) -> Outcome<Config> {
        let Some(file) = file else { return Ok(Config::default()) };
        let name = file.display();
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read the configuration {name}"))?;
        let at = |offset: usize, what: &str| {
            let before = &text[..offset.min(text.len())];
            let line = before.matches('\n').count() + 1;
            let column = before.len() - before.rfind('\n').map_or(0, |n| n + 1) + 1;
            Failure::user(format_args!("{name}:{line}:{column}: {what}"))
        };
        let config: Config = toml::from_str(&text).map_err(|e| at(e.span().map_or(0, |s| s.start), e.message()))?;
        if config.account.len() != 12 || !config.account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Failure::user(format_args!(
                "{name}: account '{}' is not an account number: twelve digits are",
                config.account
            )));
        }
        config
            .uplink
            .as_ref()
            .map_or(Ok(None), Uplink::router)
            .map_err(|e| Failure::user(format_args!("{name}: {e}")))?;
        config.check().map_err(|e| match e.at {
            Some(offset) => at(offset, &e.text),
            None => Failure::user(format_args!("{name}: {}", e.text)),
        })?;
        Ok(config)
    }

    /// Finds what is wrong now rather than with the first call.
    pub(super) fn check(&self) -> Result<(), Wrong> {
        self.furnish(&mut Model::default(), &self.region)
    }

    /// A Region as an account finds it.
    pub(super) fn fresh(&self, name: &str) -> Model {
        // Ids of different Regions differ; those of one server and the next as well.
        let mut model = Model::new(RandomState::new().hash_one(name));
        model.set_now(now_ms());
        // What is wrong with the configuration was said at the start.
        let _ = self.furnish(&mut model, name);
        // Refused where a quota says that there shall be no VPC or no gateway.
        let _ = model.create_default_vpc();
        model
    }

    /// Gives a new Region its place, its zones, its pools and its quotas.
    fn furnish(&self, model: &mut Model, region: &str) -> Result<(), Wrong> {
        model.set_account(&self.account);
        model.set_region(region);
        model.set_pools(self.pools.clone());
        if let Some(zones) = self.zones.as_ref().filter(|_| region == self.region) {
            if zones.is_empty() || zones.iter().any(|z| z.name.is_empty() || z.id.is_empty()) {
                return Err("zones: a Region has at least one, each with a name and an id".to_string().into());
            }
            model.set_zones(zones.iter().map(|z| Zone { name: z.name.clone(), id: z.id.clone() }).collect());
        }
        for zone in self.constrained_zones.iter().filter(|_| region == self.region) {
            let wrong =
                |e: ApiError| Wrong { at: Some(zone.span().start), text: format!("constrained_zones: {}", e.message) };
            model.constrain_zone(zone.get_ref()).map_err(wrong)?;
        }
        for (quota, value) in &self.quotas {
            model.set_quota(quota, *value).map_err(|e| e.message)?;
        }
        Ok(())
    }
}
