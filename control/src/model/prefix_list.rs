//! Prefix lists: named sets of blocks that security-group rules refer to (SG-33, SG-214, GEP-02).
//!
//! AWS's own lists belong to the Region and are not stored. A customer's list has versions: each change of its entries makes
//! the next one, which acts everywhere at once, and earlier ones can be brought back.

use super::*;
use ipnet::IpNet;

/// Entries that a list may be made for.
const MAX_ENTRIES: usize = 1000;
/// Entries that one request may add, and remove.
const PER_REQUEST: usize = 100;
/// Versions that a list keeps, the present one included.
const MAX_VERSIONS: usize = 1000;

/// What blocks a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AddressFamily {
    V4,
    V6,
}

impl AddressFamily {
    /// The family of a block.
    pub fn of(net: &IpNet) -> AddressFamily {
        if net.addr().is_ipv6() { AddressFamily::V6 } else { AddressFamily::V4 }
    }

    /// As the API calls it.
    pub fn name(self) -> &'static str {
        match self {
            AddressFamily::V4 => "IPv4",
            AddressFamily::V6 => "IPv6",
        }
    }
}

/// One block of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListEntry {
    pub cidr: IpNet,
    pub description: String,
}

/// What was done to a list last. All of it is done at once, so nothing is ever seen in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrefixListState {
    Created,
    Modified,
    Restored,
}

/// A prefix list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixList {
    pub id: Id,
    pub name: String,
    pub family: AddressFamily,
    /// How many entries rules and quotas allow for; none for a list of AWS's.
    pub max_entries: Option<usize>,
    /// Number of the present version, from 1; lists of AWS's have none to show.
    pub version: u64,
    pub state: PrefixListState,
    /// The entries of the present version.
    pub entries: Vec<PrefixListEntry>,
}

impl PrefixList {
    /// Whether AWS owns it.
    pub fn of_aws(&self) -> bool {
        self.max_entries.is_none()
    }

    /// How many rules of a family a rule counts for that names this list (SG-39, SG-214).
    pub fn weight(&self, family: AddressFamily) -> usize {
        match self.max_entries {
            Some(max) if family == self.family => max,
            Some(_) => 0,
            None => 1,
        }
    }
}

/// The entries of a version of a list that is no more the present one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixListVersion {
    /// List and number.
    pub id: Id,
    pub entries: Vec<PrefixListEntry>,
}

/// CreateManagedPrefixList.
#[derive(Clone, Debug)]
pub struct CreatePrefixList {
    pub name: String,
    pub family: AddressFamily,
    pub max_entries: i64,
    pub entries: Vec<PrefixListEntry>,
}

/// ModifyManagedPrefixList.
#[derive(Clone, Debug, Default)]
pub struct ModifyPrefixList {
    /// Refused if it is not the present one.
    pub current_version: Option<u64>,
    pub name: Option<String>,
    pub max_entries: Option<i64>,
    pub add: Vec<PrefixListEntry>,
    pub remove: Vec<IpNet>,
}

impl Model {
    /// A prefix list, a customer's or AWS's.
    pub fn prefix_list(&self, id: &str) -> Result<&PrefixList> {
        match self.aws_prefix_lists.iter().find(|l| l.id == id) {
            Some(list) => Ok(list),
            None => self.find(id),
        }
    }

    /// The prefix lists of AWS's in this Region.
    pub fn aws_prefix_lists(&self) -> &[PrefixList] {
        &self.aws_prefix_lists
    }

    /// The blocks that a list stands for now; none if it is gone.
    pub fn prefix_list_nets(&self, id: &str) -> impl Iterator<Item = IpNet> {
        self.prefix_list(id).into_iter().flat_map(|l| &l.entries).map(|e| e.cidr)
    }

    /// The entries of a version of a list; none: the present one.
    pub fn prefix_list_entries(&self, id: &str, version: Option<u64>) -> Result<&[PrefixListEntry]> {
        let list = self.prefix_list(id)?;
        match version.filter(|v| *v != list.version) {
            None => Ok(&list.entries),
            Some(version) => Ok(&self.find::<PrefixListVersion>(&version_id(id, version))?.entries),
        }
    }

    /// The security groups that name a list.
    pub fn groups_naming<'a>(&'a self, list: &'a str) -> impl Iterator<Item = &'a SecurityGroup> {
        let names = move |r: &GroupRule| matches!(&r.peer, RulePeer::PrefixList(l) if l == list);
        self.security_groups.by(list).filter(move |g| g.ingress.iter().chain(&g.egress).any(names))
    }

    /// CreateManagedPrefixList.
    pub fn create_prefix_list(&mut self, request: CreatePrefixList) -> Result<Id> {
        legal_name(&request.name)?;
        let max_entries = legal_size(request.max_entries)?;
        let mut list = PrefixList {
            id: String::new(),
            name: request.name,
            family: request.family,
            max_entries: Some(max_entries),
            version: 1,
            state: PrefixListState::Created,
            entries: Vec::new(),
        };
        if request.entries.len() > PER_REQUEST {
            return refuse(
                "InvalidParameterValue",
                format!("The number of entries per request cannot exceed the limit ({PER_REQUEST})."),
            );
        }
        add(&mut list, request.entries)?;
        if self.prefix_lists.len() >= self.scalars.limits.prefix_lists {
            return refuse("PrefixListLimitExceeded", "The maximum number of prefix lists has been reached.");
        }
        list.id = self.new_id("pl");
        let id = list.id.clone();
        self.prefix_lists.put(list);
        Ok(id)
    }

    /// ModifyManagedPrefixList: entries, or the size, and the name.
    pub fn modify_prefix_list(&mut self, id: &str, request: ModifyPrefixList) -> Result<()> {
        let mut list = self.own_list(id, request.current_version)?;
        if request.add.len() > PER_REQUEST || request.remove.len() > PER_REQUEST {
            return refuse(
                "InvalidParameterValue",
                format!("The request cannot contain more than {PER_REQUEST} entry additions or removals."),
            );
        }
        let entries = !(request.add.is_empty() && request.remove.is_empty());
        if entries && request.max_entries.is_some() {
            return refuse(
                "InvalidParameterCombination",
                "You cannot modify the entries and the maximum entries for the prefix list in the same request.",
            );
        }
        if let Some(name) = request.name {
            legal_name(&name)?;
            list.name = name;
        }
        if let Some(max) = request.max_entries {
            list.max_entries = Some(legal_size(max)?);
            fits(&list)?;
        }
        for gone in request.remove {
            let Some(at) = list.entries.iter().position(|e| e.cidr == gone.trunc()) else {
                return refuse("InvalidPrefixListModification", format!("The entry '{gone}' does not exist."));
            };
            list.entries.remove(at);
        }
        add(&mut list, request.add)?;
        list.state = PrefixListState::Modified;
        self.put_list(list, entries)
    }

    /// RestoreManagedPrefixListVersion: the entries of an earlier version become the next one.
    pub fn restore_prefix_list(&mut self, id: &str, previous: u64, current: u64) -> Result<()> {
        let mut list = self.own_list(id, Some(current))?;
        if previous >= list.version {
            return refuse(
                "InvalidParameterValue",
                format!("The specified value for version is not valid. The value must be less than ({current})."),
            );
        }
        list.entries = self.prefix_list_entries(id, Some(previous))?.to_vec();
        fits(&list)?;
        list.state = PrefixListState::Restored;
        self.put_list(list, true)
    }

    /// DeleteManagedPrefixList, once nothing names it; answers what it was.
    pub fn delete_prefix_list(&mut self, id: &str) -> Result<PrefixList> {
        let list = self.own_list(id, None)?;
        if self.groups_naming(id).next().is_some() || self.tables_naming(id).next().is_some() {
            return refuse("DependencyViolation", format!("resource {id} has a dependent object"));
        }
        for version in 1..list.version {
            self.prefix_list_versions.take(&version_id(id, version));
        }
        self.prefix_lists.take(id);
        self.forget(id);
        Ok(list)
    }

    /// A list that the customer may change, if it has the version that he thinks it has.
    fn own_list(&self, id: &str, version: Option<u64>) -> Result<PrefixList> {
        let list = self.prefix_list(id)?;
        if list.of_aws() {
            return refuse("OperationNotPermitted", format!("The prefix list '{id}' is managed by AWS."));
        }
        if version.is_some_and(|v| v != list.version) {
            return refuse("PrefixListVersionMismatch", "The prefix list has the incorrect version number.");
        }
        Ok(list.clone())
    }

    /// Puts a changed list in force, unless it is too big for a group that names it; `next`: as its next version.
    fn put_list(&mut self, mut list: PrefixList, next: bool) -> Result<()> {
        let (id, family) = (list.id.clone(), list.family);
        let mut trial = self.clone();
        if next {
            if let Some(old) = self.prefix_lists.get(&id) {
                let old = PrefixListVersion { id: version_id(&id, old.version), entries: old.entries.clone() };
                trial.prefix_list_versions.put(old);
            }
            list.version += 1;
            if let Some(oldest) = list.version.checked_sub(MAX_VERSIONS as u64) {
                trial.prefix_list_versions.take(&version_id(&id, oldest));
            }
        }
        trial.prefix_lists.edit(&id, |l| *l = list);
        let groups: Vec<Id> = self.groups_naming(&id).map(|g| g.id.clone()).collect();
        for group in &groups {
            if let Some(g) = trial.security_groups.get(group) {
                trial.rules_fit(&g.ingress, &g.ingress)?;
                trial.rules_fit(&g.egress, &g.egress)?;
            }
        }
        let tables: Vec<Id> = self.tables_naming(&id).map(|t| t.id.clone()).collect();
        for t in tables.iter().filter_map(|t| trial.route_tables.get(t)) {
            trial.routes_fit(t, family, 0)?;
        }
        // They mean something else now: whoever watches them is to look again.
        tables.iter().for_each(|t| trial.route_tables.edit(t, |_| ()));
        groups.iter().for_each(|g| trial.security_groups.edit(g, |_| ()));
        *self = trial;
        Ok(())
    }
}

/// The lists of AWS's in a Region: the public addresses of the services that gateway endpoints lead to.
pub(super) fn of_aws(region: &str) -> Arc<[PrefixList]> {
    const SERVICES: [(&str, &[&str]); 2] = [
        ("s3", &["3.5.0.0/19", "52.216.0.0/15", "54.231.0.0/16"]),
        ("dynamodb", &["3.218.180.0/23", "3.218.182.0/24", "52.94.0.0/22", "52.119.224.0/20"]),
    ];
    let list = |(service, nets): (&str, &[&str])| {
        let name = format!("com.amazonaws.{region}.{service}");
        // FNV-1a: the same id in every process, another one in another Region.
        let hash = name.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
        let entry = |net: &&str| Some(PrefixListEntry { cidr: net.parse().ok()?, description: String::new() });
        PrefixList {
            id: format!("pl-{hash:08x}"),
            name,
            family: AddressFamily::V4,
            max_entries: None,
            version: 0,
            state: PrefixListState::Created,
            entries: nets.iter().filter_map(entry).collect(),
        }
    };
    SERVICES.into_iter().map(list).collect()
}

fn version_id(list: &str, version: u64) -> Id {
    format!("{list} {version}")
}

fn legal_name(name: &str) -> Result<()> {
    if name.is_empty() || name.chars().count() > 255 {
        return refuse(
            "InvalidParameterValue",
            "Value for parameter prefixListName is invalid. The length must be between 1 and 255 characters.",
        );
    }
    if name.starts_with("com.amazonaws") {
        return refuse(
            "InvalidParameterValue",
            format!(
                "Value ({name}) for parameter prefixListName is invalid. The name cannot start with 'com.amazonaws'."
            ),
        );
    }
    Ok(())
}

fn legal_size(max: i64) -> Result<usize> {
    match usize::try_from(max) {
        Ok(n) if (1..=MAX_ENTRIES).contains(&n) => Ok(n),
        _ => refuse(
            "InvalidParameterValue",
            format!("Value ({max}) for parameter maxEntries is invalid. It must be between 1 and {MAX_ENTRIES}."),
        ),
    }
}

fn fits(list: &PrefixList) -> Result<()> {
    if list.max_entries.is_some_and(|max| list.entries.len() > max) {
        return refuse(
            "PrefixListMaxEntriesExceeded",
            "You have reached the maximum number of entries for the prefix list.",
        );
    }
    Ok(())
}

fn add(list: &mut PrefixList, new: Vec<PrefixListEntry>) -> Result<()> {
    for e in new {
        let cidr = e.cidr.trunc();
        if AddressFamily::of(&cidr) != list.family {
            return refuse(
                "InvalidParameterValue",
                format!("The CIDR '{cidr}' is not valid for the address family {}.", list.family.name()),
            );
        }
        if e.description.chars().count() > 255 {
            return refuse("InvalidParameterValue", "The description of an entry cannot exceed 255 characters.");
        }
        if list.entries.iter().any(|x| x.cidr == cidr) {
            return refuse("InvalidPrefixListModification", format!("The entry '{cidr}' already exists."));
        }
        list.entries.push(PrefixListEntry { cidr, ..e });
    }
    fits(list)
}
