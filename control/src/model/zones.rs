//! Availability Zones: an id is a place, a name is what an account calls it (SHR-12).

use super::*;

/// An Availability Zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// What this account calls it, e.g. `us-east-1a`.
    pub name: String,
    /// What it is for everybody, e.g. `use1-az1`.
    pub id: String,
}

/// How a zone is; the worse of two things that are true at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZoneState {
    Available,
    /// It takes no new NAT gateways (NAT-15).
    Constrained,
    /// Its NAT gateways carry nothing (NAT-16).
    Impaired,
}

impl ZoneState {
    /// As DescribeAvailabilityZones calls it.
    pub fn name(self) -> &'static str {
        match self {
            ZoneState::Available => "available",
            ZoneState::Constrained => "constrained",
            ZoneState::Impaired => "impaired",
        }
    }
}

impl Model {
    /// The Availability Zones in the order of their names.
    pub fn availability_zones(&self) -> &[Zone] {
        &self.scalars.zones
    }

    /// Names of the Availability Zones.
    pub fn zones(&self) -> Vec<String> {
        self.scalars.zones.iter().map(|z| z.name.clone()).collect()
    }

    /// The id of the zone of this name; empty if there is none.
    pub fn zone_id(&self, name: &str) -> &str {
        self.scalars.zones.iter().find(|z| z.name == name).map_or("", |z| &z.id)
    }

    /// The name of the zone with this id.
    pub fn zone_by_id(&self, id: &str) -> Option<&str> {
        self.scalars.zones.iter().find(|z| z.id == id).map(|z| z.name.as_str())
    }

    /// Gives the (still empty) model these zones instead of the usual three.
    pub fn set_zones(&mut self, zones: Vec<Zone>) {
        self.scalars.zones = zones;
        self.scalars.zones.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// How the zone of this name is.
    pub fn zone_state(&self, name: &str) -> ZoneState {
        match (self.scalars.impaired_zones.contains(name), self.scalars.constrained_zones.contains(name)) {
            (true, _) => ZoneState::Impaired,
            (false, true) => ZoneState::Constrained,
            (false, false) => ZoneState::Available,
        }
    }

    /// What is to be said of the zone of this name, for people.
    pub fn zone_messages(&self, name: &str) -> Vec<String> {
        let impaired = self.scalars.impaired_zones.contains(name);
        let constrained = self.scalars.constrained_zones.contains(name);
        let messages = [
            impaired.then(|| format!("NAT gateways in {name} carry no traffic.")),
            constrained.then(|| format!("No NAT gateway can be created in {name}.")),
        ];
        messages.into_iter().flatten().collect()
    }

    /// Names of the zones that take no new NAT gateways.
    pub fn constrained_zones(&self) -> &BTreeSet<String> {
        &self.scalars.constrained_zones
    }

    /// Names of the zones that are out of service.
    pub fn impaired_zones(&self) -> &BTreeSet<String> {
        &self.scalars.impaired_zones
    }

    /// From now on CreateNatGateway is refused in a zone (NAT-15); gateways that are there stay.
    pub fn constrain_zone(&mut self, name: &str) -> Result<()> {
        self.own_zone(name)?;
        self.settings_touched |= self.scalars.constrained_zones.insert(name.into());
        Ok(())
    }

    /// An outage begins (`true`) or ends: an impaired zone's NAT gateways carry nothing, and the API says nothing of it but in
    /// DescribeAvailabilityZones (NAT-16). Saying it twice is as good as once.
    pub fn impair_zone(&mut self, name: &str, impaired: bool) -> Result<()> {
        self.own_zone(name)?;
        let zones = &mut self.scalars.impaired_zones;
        self.settings_touched |= if impaired { zones.insert(name.into()) } else { zones.remove(name) };
        Ok(())
    }

    fn own_zone(&self, name: &str) -> Result<()> {
        if self.scalars.zones.iter().any(|z| z.name == name) {
            return Ok(());
        }
        let (region, zones) = (self.region(), self.zones().join(", "));
        refuse("InvalidParameterValue", format!("There is no zone '{name}'; {region} has {zones}"))
    }

    /// The Region grows by a zone. A default VPC that is as it was made gets a default subnet there (DEF-07).
    pub fn add_zone(&mut self, zone: Zone) -> Result<()> {
        if self.scalars.zones.iter().any(|z| z.name == zone.name || z.id == zone.id) {
            return refuse("InvalidParameterValue", format!("There is a zone {} ({}) already.", zone.name, zone.id));
        }
        let grows = self.default_vpc().is_some_and(|v| self.as_made(v));
        self.whole(|m| {
            let name = zone.name.clone();
            let mut zones = m.scalars.zones.clone();
            zones.push(zone);
            m.set_zones(zones);
            m.settings_touched = true;
            if grows {
                m.create_default_subnet(&name)?;
            }
            Ok(())
        })
    }
}

/// The zones a Region has unless somebody says otherwise: three, `a` to `c`. Which name leads to which id is a matter of the account: a
/// rotation by its number, none for 123456789012.
pub(super) fn usual(region: &str, account: &str) -> Vec<Zone> {
    let turn = account.parse::<u64>().unwrap_or(0) % 3;
    let zone = |(i, letter)| Zone {
        name: format!("{region}{letter}"),
        id: format!("{}-az{}", short(region), (i + turn) % 3 + 1),
    };
    (0..).zip(["a", "b", "c"]).map(zone).collect()
}

/// `use1` for `us-east-1`: how zone ids begin.
fn short(region: &str) -> String {
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let middle = parts.map(|part| match part {
        "northeast" => "ne",
        "northwest" => "nw",
        "southeast" => "se",
        "southwest" => "sw",
        other => &other[..other.chars().next().map_or(0, char::len_utf8)],
    });
    std::iter::once(area).chain(middle).collect()
}
