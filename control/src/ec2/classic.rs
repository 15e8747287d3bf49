//! What is left of EC2-Classic: every VPC says that nothing of it is on.

use super::filter::{Values, shown};
use super::page::Describe;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_set};
use crate::model::{Model, Result, Vpc};

pub(super) const OPERATIONS: &[Operation] = &[
    read("DescribeVpcClassicLink", describe_vpc_classic_link),
    read("DescribeVpcClassicLinkDnsSupport", describe_vpc_classic_link_dns_support),
];

const LINK: Describe<Vpc> = Describe {
    ids: "VpcId",
    filters: &["is-classic-link-enabled"],
    values: |_, _, _| -> Values<'_> { shown(false) },
    set: "vpcSet",
    write: |x, m, v| {
        x.put("vpcId", &v.id);
        x.put("classicLinkEnabled", false);
        tag_set(x, m, &v.id);
    },
};

fn describe_vpc_classic_link(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    LINK.run(m, p, x)
}

const DNS: Describe<Vpc> = Describe {
    ids: "VpcIds",
    filters: &[],
    values: |_, _, _| Vec::new(),
    set: "vpcs",
    write: |x, _, v| {
        x.put("vpcId", &v.id);
        x.put("classicLinkDnsSupported", false);
    },
};

fn describe_vpc_classic_link_dns_support(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    DNS.run(m, p, x)
}
