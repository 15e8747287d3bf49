//! Prefix lists: customers' own, and those that AWS has in each Region.

use super::filter::{Filters, Values, one};
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, arn, expect_prefix, partition, read, tag_new, tag_set, write};
use crate::model::{
    AddressFamily, CreatePrefixList, Id, Model, ModifyPrefixList, PrefixList, PrefixListEntry, PrefixListState, Result,
    SecurityGroup, parse, refuse,
};
use ipnet::IpNet;

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateManagedPrefixList", create_managed_prefix_list),
    write("ModifyManagedPrefixList", modify_managed_prefix_list),
    write("RestoreManagedPrefixListVersion", restore_managed_prefix_list_version),
    write("DeleteManagedPrefixList", delete_managed_prefix_list),
    read("DescribeManagedPrefixLists", describe_managed_prefix_lists),
    read("DescribePrefixLists", describe_prefix_lists),
    read("GetManagedPrefixListEntries", get_managed_prefix_list_entries),
    read("GetManagedPrefixListAssociations", get_managed_prefix_list_associations),
];

fn create_managed_prefix_list(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let family = p.word("AddressFamily", &["IPv4", "IPv6"])?.ok_or_else(|| p.missing("AddressFamily"))?;
    let request = CreatePrefixList {
        name: p.need("PrefixListName")?.into(),
        family: if family == "IPv6" { AddressFamily::V6 } else { AddressFamily::V4 },
        max_entries: p.parsed("MaxEntries")?.ok_or_else(|| p.missing("MaxEntries"))?,
        entries: entries(p, "Entry")?,
    };
    let id = m.create_prefix_list(request)?;
    tag_new(m, p, "prefix-list", &id)?;
    answer(m, x, &id)
}

fn modify_managed_prefix_list(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = list_id(p)?;
    p.ignore(&["IpamPrefixListResolverSyncEnabled"]);
    let request = ModifyPrefixList {
        current_version: p.parsed("CurrentVersion")?,
        name: p.text("PrefixListName").map(Into::into),
        max_entries: p.parsed("MaxEntries")?,
        add: entries(p, "AddEntry")?,
        remove: p.list("RemoveEntry").into_iter().map(block).collect::<Result<_>>()?,
    };
    m.modify_prefix_list(&id, request)?;
    answer(m, x, &id)
}

fn restore_managed_prefix_list_version(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = list_id(p)?;
    let version = |name| p.parsed(name)?.ok_or_else(|| p.missing(name));
    m.restore_prefix_list(&id, version("PreviousVersion")?, version("CurrentVersion")?)?;
    answer(m, x, &id)
}

fn delete_managed_prefix_list(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let list = m.delete_prefix_list(&list_id(p)?)?;
    x.within("prefixList", |x| list_members(x, m, &list, "delete-complete"));
    Ok(())
}

fn answer(m: &Model, x: &mut Xml, id: &str) -> Result<()> {
    let list = m.prefix_list(id)?;
    x.within("prefixList", |x| list_members(x, m, list, state(list)));
    Ok(())
}

fn list_id(p: &Params) -> Result<Id> {
    let id = p.need("PrefixListId")?;
    expect_list(id)?;
    Ok(id.into())
}

/// Refuses what cannot be the id of a prefix list.
pub(super) fn expect_list(id: &str) -> Result<()> {
    expect_prefix(id, "pl-", "InvalidPrefixListID.Malformed")
}

fn entries(p: &Params, name: &str) -> Result<Vec<PrefixListEntry>> {
    let entry = |e: &Params| {
        Ok(PrefixListEntry { cidr: block(e)?, description: e.text("Description").unwrap_or_default().into() })
    };
    p.list(name).into_iter().map(entry).collect()
}

fn block(entry: &Params) -> Result<IpNet> {
    let text = entry.need("Cidr")?;
    match parse::cidr(text) {
        Ok(net) => Ok(net),
        Err(_) => refuse("InvalidParameterValue", format!("The CIDR '{text}' is not valid.")),
    }
}

/// The lists that a Describe call is about, each with its place: those of AWS first.
fn wanted<'a>(m: &'a Model, p: &Params, filters: &Filters) -> Result<Vec<(u64, &'a PrefixList)>> {
    /// More than AWS has.
    const FIRST_OWN: u64 = 1 << 32;
    let ids = p.texts("PrefixListId");
    for id in &ids {
        expect_list(id)?;
        m.prefix_list(id)?;
    }
    let of_aws = m.aws_prefix_lists().iter().zip(0..).map(|(l, at)| (at, l));
    let own = m.prefix_lists().iter().filter_map(|l| Some((FIRST_OWN + m.prefix_lists().place(&l.id)?, l)));
    let values = |l: &'a PrefixList, name: &str| -> Values<'a> {
        match name {
            "prefix-list-id" => one(&l.id),
            "prefix-list-name" => one(&l.name),
            _ => one(list_owner(m, l)),
        }
    };
    let named = |l: &PrefixList| ids.is_empty() || ids.contains(&l.id.as_str());
    Ok(of_aws.chain(own).filter(|(_, l)| named(l) && filters.pass(m, &l.id, |name| values(l, name))).collect())
}

fn describe_managed_prefix_lists(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let filters = Filters::read(p, &["owner-id", "prefix-list-id", "prefix-list-name"])?;
    let lists = wanted(m, p, &filters)?;
    Page::cut(p, lists.into_iter())?.write(x, "prefixListSet", |x, l| list_members(x, m, l, state(l)));
    Ok(())
}

fn describe_prefix_lists(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let filters = Filters::read(p, &["prefix-list-id", "prefix-list-name"])?;
    // The older call knows the lists of services only.
    let lists = wanted(m, p, &filters)?.into_iter().filter(|(_, l)| l.of_aws());
    Page::cut(p, lists)?.write(x, "prefixListSet", |x, l| {
        x.texts("cidrSet", l.entries.iter().map(|e| e.cidr));
        x.put("prefixListId", &l.id);
        x.put("prefixListName", &l.name);
    });
    Ok(())
}

fn get_managed_prefix_list_entries(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let entries = m.prefix_list_entries(&list_id(p)?, p.parsed("TargetVersion")?)?;
    Page::cut(p, (0..).zip(entries))?.write(x, "entrySet", |x, e| {
        x.put("cidr", e.cidr);
        if !e.description.is_empty() {
            x.put("description", &e.description);
        }
    });
    Ok(())
}

fn get_managed_prefix_list_associations(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = list_id(p)?;
    m.prefix_list(&id)?;
    let place = |g: &SecurityGroup| m.security_groups().place(&g.id);
    let groups = m.groups_naming(&id).filter_map(|g| Some((place(g)?, g)));
    Page::cut(p, groups)?.write(x, "prefixListAssociationSet", |x, g| {
        x.put("resourceId", &g.id);
        x.put("resourceOwner", m.account());
    });
    Ok(())
}

fn list_owner<'a>(m: &'a Model, l: &PrefixList) -> &'a str {
    if l.of_aws() { "AWS" } else { m.account() }
}

fn state(l: &PrefixList) -> &'static str {
    match l.state {
        PrefixListState::Created => "create-complete",
        PrefixListState::Modified => "modify-complete",
        PrefixListState::Restored => "restore-complete",
    }
}

fn list_members(x: &mut Xml, m: &Model, l: &PrefixList, state: &str) {
    x.put("prefixListId", &l.id);
    x.put("addressFamily", l.family.name());
    x.put("state", state);
    if l.of_aws() {
        let (partition, region) = (partition(m.region()), m.region());
        x.put("prefixListArn", format!("arn:{partition}:ec2:{region}:aws:prefix-list/{}", l.id));
    } else {
        x.put("prefixListArn", arn(m, "prefix-list", &l.id));
        x.put("version", l.version);
    }
    x.put("prefixListName", &l.name);
    x.maybe("maxEntries", l.max_entries);
    tag_set(x, m, &l.id);
    x.put("ownerId", list_owner(m, l));
}
