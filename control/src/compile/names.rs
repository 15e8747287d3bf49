//! From indices back to what people call things.

use vpcd_dataplane::topology::{EniIdx, INTERNET, NaclIdx, NatIdx, PortNo, RouteTableIdx, SubnetIdx, VpcIdx};

/// Display names by index: the template's logical id if there is one, else the resource id; `-` for what is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub(super) enis: Slots,
    pub(super) subnets: Slots,
    pub(super) vpcs: Slots,
    pub(super) igws: Slots,
    pub(super) eigws: Slots,
    pub(super) nats: Slots,
    pub(super) route_tables: Slots,
    pub(super) nacls: Slots,
    pub(super) rules: Slots,
}

impl Names {
    /// An interface (its instance's name if it is eth0, its gateway's if a NAT gateway owns it).
    pub fn eni(&self, at: EniIdx) -> &str {
        self.enis.get(at.0)
    }
    /// A port: `internet`, or its interface.
    pub fn port(&self, port: PortNo) -> &str {
        match EniIdx::of_port(port) {
            Some(eni) if port != INTERNET => self.eni(eni),
            _ => "internet",
        }
    }
    pub fn subnet(&self, at: SubnetIdx) -> &str {
        self.subnets.get(at.0)
    }
    pub fn vpc(&self, at: VpcIdx) -> &str {
        self.vpcs.get(at.0)
    }
    /// The internet gateway attached to a VPC.
    pub fn igw(&self, at: VpcIdx) -> &str {
        self.igws.get(at.0)
    }
    /// The egress-only internet gateway of a VPC.
    pub fn eigw(&self, at: VpcIdx) -> &str {
        self.eigws.get(at.0)
    }
    pub fn nat(&self, at: NatIdx) -> &str {
        self.nats.get(at.0)
    }
    pub fn route_table(&self, at: RouteTableIdx) -> &str {
        self.route_tables.get(at.0)
    }
    pub fn nacl(&self, at: NaclIdx) -> &str {
        self.nacls.get(at.0)
    }
    /// A security-group rule by the id in [`SgRule`](vpcd_tables::filter::SgRule): its logical id, else its group and text.
    pub fn sg_rule(&self, id: u32) -> &str {
        self.rules.get(id)
    }
}

/// Names of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Slots(Vec<Option<String>>);

impl Slots {
    pub(super) fn set(&mut self, at: u32, name: impl Into<String>) {
        let at = at as usize;
        if self.0.len() <= at {
            self.0.resize(at + 1, None);
        }
        self.0[at] = Some(name.into());
    }
    fn get(&self, at: u32) -> &str {
        self.0.get(at as usize).and_then(Option::as_deref).unwrap_or("-")
    }
}
