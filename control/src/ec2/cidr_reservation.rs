//! Reservations of pieces of subnets.

use super::filter::{Filters, Values, one};
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read, tag_new, tag_set, write};
use crate::model::{CidrReservation, CreateCidrReservation, Model, Reserved, Result, Subnet};
use ipnet::IpNet;

pub(super) const OPERATIONS: &[Operation] = &[
    write("CreateSubnetCidrReservation", create_subnet_cidr_reservation),
    write("DeleteSubnetCidrReservation", delete_subnet_cidr_reservation),
    read("GetSubnetCidrReservations", get_subnet_cidr_reservations),
];

fn create_subnet_cidr_reservation(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let subnet = p.need("SubnetId")?.to_string();
    let cidr = p.cidr("Cidr")?.ok_or_else(|| p.missing("Cidr"))?;
    let kind = match p.need("ReservationType")? {
        "prefix" => Reserved::Prefix,
        "explicit" => Reserved::Explicit,
        other => return Err(p.invalid("ReservationType", other)),
    };
    let description = p.text("Description").unwrap_or_default().to_string();
    let id = m.create_cidr_reservation(CreateCidrReservation { subnet, cidr, kind, description })?;
    tag_new(m, p, "subnet-cidr-reservation", &id)?;
    let r = m.find::<CidrReservation>(&id)?;
    x.within("subnetCidrReservation", |x| members(x, m, r));
    Ok(())
}

fn delete_subnet_cidr_reservation(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("SubnetCidrReservationId")?;
    let r = m.find::<CidrReservation>(id)?.clone();
    m.delete_cidr_reservation(id)?;
    x.within("deletedSubnetCidrReservation", |x| members(x, m, &r));
    Ok(())
}

fn get_subnet_cidr_reservations(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let subnet = p.need("SubnetId")?;
    m.find::<Subnet>(subnet)?;
    let filters = Filters::read(p, &["reservationType", "subnet-id"])?;
    let kept = m.reservations_of(subnet).filter(|r| filters.pass(m, &r.id, |name| values(r, name)));
    let shelf = m.cidr_reservations();
    let page = Page::cut(p, kept.filter_map(|r| Some((shelf.place(&r.id)?, r))))?;
    let is4 = |r: &&&CidrReservation| matches!(r.cidr, IpNet::V4(_));
    x.list("subnetIpv4CidrReservationSet", page.items().iter().filter(is4), |x, r| members(x, m, r));
    x.list("subnetIpv6CidrReservationSet", page.items().iter().filter(|r| !is4(r)), |x, r| members(x, m, r));
    page.write_next(x);
    Ok(())
}

fn values<'a>(r: &'a CidrReservation, name: &str) -> Values<'a> {
    match name {
        "reservationType" => one(kind(r)),
        _ => one(r.subnet.as_str()),
    }
}

fn kind(r: &CidrReservation) -> &'static str {
    match r.kind {
        Reserved::Prefix => "prefix",
        Reserved::Explicit => "explicit",
    }
}

fn members(x: &mut Xml, m: &Model, r: &CidrReservation) {
    x.put("subnetCidrReservationId", &r.id);
    x.put("subnetId", &r.subnet);
    x.put("cidr", r.cidr);
    x.put("reservationType", kind(r));
    x.put("ownerId", m.account());
    x.put("description", &r.description);
    tag_set(x, m, &r.id);
}
