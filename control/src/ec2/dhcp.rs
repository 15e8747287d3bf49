//! DHCP options sets.

use super::filter::{Values, each, one};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{DhcpOptions, Model, Result};

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateDhcpOptions", create_dhcp_options),
    write("DeleteDhcpOptions", delete_dhcp_options),
    write("AssociateDhcpOptions", associate_dhcp_options),
    read("DescribeDhcpOptions", describe_dhcp_options),
];

fn create_dhcp_options(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let option = |o: &&Params| Ok((o.need("Key")?.to_string(), o.ids("Value")));
    let options = p.list("DhcpConfiguration").iter().map(option).collect::<Result<Vec<_>>>()?;
    let id = m.create_dhcp_options(&options)?;
    tag_new(m, p, "dhcp-options", &id)?;
    let set = m.find::<DhcpOptions>(&id)?;
    x.within("dhcpOptions", |x| members(x, m, set));
    Ok(())
}

fn delete_dhcp_options(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.delete_dhcp_options(p.need("DhcpOptionsId")?)?;
    x.done();
    Ok(())
}

fn associate_dhcp_options(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    m.associate_dhcp_options(p.need("DhcpOptionsId")?, p.need("VpcId")?)?;
    x.done();
    Ok(())
}

const DESCRIBE: Describe<DhcpOptions> = Describe {
    ids: "DhcpOptionsId",
    filters: &["dhcp-options-id", "key", "value", "owner-id"],
    values,
    set: "dhcpOptionsSet",
    write: members,
};

fn describe_dhcp_options(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    DESCRIBE.run(m, p, x)
}

fn values<'a>(m: &'a Model, set: &'a DhcpOptions, name: &str) -> Values<'a> {
    match name {
        "dhcp-options-id" => one(set.id.as_str()),
        "key" => each(set.options.keys()),
        "value" => each(set.options.values().flatten()),
        _ => one(m.account()),
    }
}

fn members(x: &mut Xml, m: &Model, set: &DhcpOptions) {
    x.put("dhcpOptionsId", &set.id);
    x.put("ownerId", m.account());
    x.list("dhcpConfigurationSet", &set.options, |x, (name, values)| {
        x.put("key", name);
        x.list("valueSet", values, |x, value| x.put("value", value));
    });
    tag_set(x, m, &set.id);
}
