//! Random operations on a model, many of them refused.

use super::*;
use crate::model::{
    AssignPrivate, CreateCustomerGateway, CreateNatGateway, HasId, Id, Record, Shelf, SubnetAttribute, TrackingTimeouts,
};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A source of chance (splitmix64).
pub(crate) struct Rng(pub u64);

impl Rng {
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    fn one<T: HasId + Clone>(&mut self, of: &Shelf<T>) -> Option<T> {
        of.iter().nth(self.below(of.len())).cloned()
    }
    fn id<T: HasId + Clone>(&mut self, of: &Shelf<T>) -> Option<Id> {
        self.one(of).map(|t| t.id().into())
    }
    fn way(&mut self) -> Direction {
        [Direction::Ingress, Direction::Egress][self.below(2)]
    }
}

type Operation = fn(&mut Model, &mut Rng) -> Option<()>;

fn private(m: &Model, rng: &mut Rng, subnet: &str) -> Option<Ipv4Addr> {
    let net = m.subnets().get(subnet)?.cidr;
    Some(Ipv4Addr::from(u32::from(net.network()) + 4 + rng.below(9) as u32))
}

fn groups(m: &Model, rng: &mut Rng, vpc: &str) -> Vec<Id> {
    m.security_groups().by(vpc).filter(|_| rng.chance(50)).map(|g| g.id.clone()).collect()
}

fn rule(m: &Model, rng: &mut Rng) -> Option<IpPermission> {
    let peer = match rng.below(5) {
        0 => RulePeer::Group(rng.id(m.security_groups())?),
        1 => RulePeer::Cidr(net("::/0")),
        2 => RulePeer::PrefixList(rng.id(m.prefix_lists())?),
        _ => RulePeer::Cidr(net(["0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24"][rng.below(3)])),
    };
    let port = 80 + rng.below(4) as i32;
    Some(match rng.below(4) {
        0 => IpPermission::all(peer),
        1 => IpPermission::ports(1, 8, -1, peer),
        _ => IpPermission::ports(6, port, port + 1, peer),
    })
}

fn target(m: &Model, rng: &mut Rng) -> Option<RouteTarget> {
    Some(match rng.below(7) {
        0 => RouteTarget::Local,
        1 => RouteTarget::InternetGateway(rng.id(m.internet_gateways())?),
        2 => RouteTarget::EgressOnlyGateway(rng.id(m.egress_only_gateways())?),
        3 => RouteTarget::NatGateway(rng.id(m.nat_gateways())?),
        4 => RouteTarget::NetworkInterface(rng.id(m.interfaces())?),
        5 => RouteTarget::VpnGateway(rng.id(m.vpn_gateways())?),
        _ => RouteTarget::Instance(rng.id(m.instances())?),
    })
}

/// A route to a prefix list that is there: its table and list.
fn list_route(m: &Model, r: &mut Rng) -> Option<(Id, Id)> {
    let all: Vec<(Id, Id)> =
        m.route_tables().iter().flat_map(|t| t.lists.iter().map(|l| (t.id.clone(), l.list.clone()))).collect();
    all.get(r.below(all.len().max(1))).cloned()
}

fn destination(m: &Model, rng: &mut Rng) -> ipnet::IpNet {
    let inside = rng.one(m.subnets()).map(|s| ipnet::IpNet::V4(s.cidr)).filter(|_| rng.chance(20));
    inside.unwrap_or_else(|| net(["0.0.0.0/0", "::/0", "192.0.2.0/24", "10.0.0.0/16", "10.1.0.0/16"][rng.below(5)]))
}

/// What a gateway may know: what a table that takes it over has already, parts of that and of lists, and parts of VPCs.
fn known_prefix(m: &Model, rng: &mut Rng, gateway: &str) -> Option<ipnet::Ipv4Net> {
    let there: Vec<_> = m.route_tables().by(gateway).flat_map(|t| &t.routes).map(|r| r.destination).collect();
    match there.get(rng.below(2 * there.len())) {
        Some(ipnet::IpNet::V4(n)) => Some(*n),
        _ => ["192.0.2.128/25", "10.0.5.0/24", "10.0.0.0/8", "198.51.100.7/32"][rng.below(4)].parse().ok(),
    }
}

fn entry(m: &Model, rng: &mut Rng) -> Option<NetworkAclEntrySpec> {
    Some(NetworkAclEntrySpec {
        acl: rng.id(m.network_acls())?,
        direction: rng.way(),
        number: 99 + rng.below(6) as i32,
        protocol: [None, Some(6), Some(1), Some(58)][rng.below(4)],
        cidr: net(["0.0.0.0/0", "::/0", "192.0.2.0/24"][rng.below(3)]),
        allow: rng.chance(50),
        ports: Some((80, 80 + rng.below(3) as i32)),
        icmp: Some((8, -1)),
    })
}

/// All operations that a compiled picture may depend on, by name.
pub(crate) const OPERATIONS: &[(&str, Operation)] = &[
    ("CreateVpc", |m, r| {
        if m.vpcs().len() > 2 {
            return None;
        }
        let cidr = ["10.0.0.0/16", "10.1.0.0/16"][r.below(2)].parse().ok()?;
        m.create_vpc(CreateVpc { amazon_provided_ipv6: r.chance(50), ..CreateVpc::new(cidr) }).ok().map(drop)
    }),
    ("DeleteVpc", |m, r| m.delete_vpc(&r.id(m.vpcs())?).ok()),
    ("AssociateVpcCidrBlock", |m, r| {
        let vpc = r.id(m.vpcs())?;
        m.associate_vpc_cidr_block(&vpc, ["10.2.0.0/16", "10.3.0.0/16"][r.below(2)].parse().ok()?).ok().map(drop)
    }),
    ("AssociateVpcCidrBlock, IPv6", |m, r| m.associate_vpc_ipv6_block(&r.id(m.vpcs())?).ok().map(drop)),
    ("DisassociateVpcCidrBlock", |m, r| {
        let v = r.one(m.vpcs())?;
        let ids = v.blocks.iter().map(|b| b.id.clone()).chain(v.ipv6.map(|b| b.id)).collect::<Vec<_>>();
        m.disassociate_vpc_cidr_block(&ids[r.below(ids.len())]).ok()
    }),
    ("CreateSubnet", |m, r| {
        let v = r.one(m.vpcs())?;
        let block = v.blocks[r.below(v.blocks.len())].cidr;
        let at = r.below(4);
        let cidr4 = block.subnets(24).ok()?.nth(at)?;
        let cidr6 = v.ipv6.filter(|_| r.chance(60)).and_then(|b| b.cidr.subnets(64).ok()?.nth(at));
        let az = Some(m.zones().swap_remove(r.below(2)));
        m.create_subnet(CreateSubnet { vpc: v.id, cidr4, cidr6, az }).ok().map(drop)
    }),
    ("DeleteSubnet", |m, r| m.delete_subnet(&r.id(m.subnets())?).ok()),
    ("AssociateSubnetCidrBlock", |m, r| {
        let s = r.one(m.subnets())?;
        let cidr6 = m.vpcs().get(&s.vpc)?.ipv6.as_ref()?.cidr.subnets(64).ok()?.nth(r.below(6))?;
        m.associate_subnet_cidr_block(&s.id, cidr6).ok().map(drop)
    }),
    ("DisassociateSubnetCidrBlock", |m, r| {
        let block = r.one(m.subnets())?.ipv6?;
        m.disassociate_subnet_cidr_block(&block.id).ok()
    }),
    ("CreateInternetGateway", |m, _| m.create_internet_gateway().ok().map(drop)),
    ("AttachInternetGateway", |m, r| {
        let (g, v) = (r.id(m.internet_gateways())?, r.id(m.vpcs())?);
        m.attach_internet_gateway(&g, &v).ok()
    }),
    ("DetachInternetGateway", |m, r| {
        let g = r.one(m.internet_gateways())?;
        m.detach_internet_gateway(&g.id, &g.vpc?).ok()
    }),
    ("DeleteInternetGateway", |m, r| m.delete_internet_gateway(&r.id(m.internet_gateways())?).ok()),
    ("CreateEgressOnlyInternetGateway", |m, r| m.create_egress_only_internet_gateway(&r.id(m.vpcs())?).ok().map(drop)),
    ("DeleteEgressOnlyInternetGateway", |m, r| {
        m.delete_egress_only_internet_gateway(&r.id(m.egress_only_gateways())?).ok()
    }),
    ("CreateVpnGateway", |m, r| m.create_vpn_gateway(Some(64_512 + r.below(4) as u32)).ok().map(drop)),
    ("AttachVpnGateway", |m, r| {
        let (g, v) = (r.id(m.vpn_gateways())?, r.id(m.vpcs())?);
        m.attach_vpn_gateway(&g, &v).ok()
    }),
    ("DetachVpnGateway", |m, r| {
        let g = r.one(m.vpn_gateways())?;
        m.detach_vpn_gateway(&g.id, &g.vpc?).ok()
    }),
    ("DeleteVpnGateway", |m, r| m.delete_vpn_gateway(&r.id(m.vpn_gateways())?).ok()),
    ("EnableVgwRoutePropagation", |m, r| {
        let (t, g) = (r.id(m.route_tables())?, r.id(m.vpn_gateways())?);
        m.propagate_routes(&t, &g, r.chance(80)).ok()
    }),
    ("CreateCustomerGateway", |m, r| {
        let address = Ipv4Addr::new(203, 0, 113, r.below(3) as u8);
        let request = CreateCustomerGateway { asn: None, asn_extended: None, address, device_name: None };
        m.create_customer_gateway(request).ok().map(drop)
    }),
    ("DeleteCustomerGateway", |m, r| m.delete_customer_gateway(&r.id(m.customer_gateways())?).ok()),
    ("CreateVpnConnection", |m, r| {
        let (theirs, ours) = (r.id(m.customer_gateways())?, r.id(m.vpn_gateways())?);
        m.create_vpn_connection(&theirs, &ours, r.chance(80)).ok().map(drop)
    }),
    ("DeleteVpnConnection", |m, r| m.delete_vpn_connection(&r.id(m.vpn_connections())?).ok()),
    ("CreateVpnConnectionRoute", |m, r| {
        let c = r.one(m.vpn_connections())?;
        m.create_vpn_connection_route(&c.id, known_prefix(m, r, &c.vpn_gateway)?).ok()
    }),
    ("DeleteVpnConnectionRoute", |m, r| {
        let c = r.one(m.vpn_connections())?;
        m.delete_vpn_connection_route(&c.id, *c.routes.get(r.below(c.routes.len()))?).ok()
    }),
    ("CreateNatGateway", |m, r| {
        let (s, a) = (r.id(m.subnets())?, r.id(m.elastic_ips())?);
        m.create_nat_gateway(CreateNatGateway::public(&s, &a)).ok().map(drop)
    }),
    ("DeleteNatGateway", |m, r| m.delete_nat_gateway(&r.id(m.nat_gateways())?).ok()),
    ("impair a zone", |m, r| {
        let zone = m.zones().swap_remove(r.below(2));
        m.impair_zone(&zone, true).ok()
    }),
    ("restore a zone", |m, r| {
        let zone = m.impaired_zones().iter().nth(r.below(2))?.clone();
        m.impair_zone(&zone, false).ok()
    }),
    ("AllocateAddress", |m, _| m.allocate_address(None).ok().map(drop)),
    ("ReleaseAddress", |m, r| m.release_address(&r.id(m.elastic_ips())?).ok()),
    ("AssociateAddress", |m, r| {
        let (allocation, e) = (r.id(m.elastic_ips())?, r.one(m.interfaces())?);
        let private = Some(e.private[r.below(e.private.len())]);
        let request = AssociateAddress { allocation, interface: Some(e.id), private, ..Default::default() };
        m.associate_address(request).ok().map(drop)
    }),
    ("DisassociateAddress", |m, r| m.disassociate_address(&r.one(m.elastic_ips())?.association?.id).ok()),
    ("CreateRouteTable", |m, r| m.create_route_table(&r.id(m.vpcs())?).ok().map(drop)),
    ("DeleteRouteTable", |m, r| m.delete_route_table(&r.id(m.route_tables())?).ok()),
    ("CreateRoute", |m, r| {
        let (table, to, target) = (r.id(m.route_tables())?, destination(m, r), target(m, r)?);
        m.create_route(&table, to, target).ok()
    }),
    ("CreateRoute to a list", |m, r| {
        let (table, list, target) = (r.id(m.route_tables())?, r.id(m.prefix_lists())?, target(m, r)?);
        m.create_list_route(&table, &list, target).ok()
    }),
    ("ReplaceRoute to a list", |m, r| {
        let (table, list) = list_route(m, r)?;
        let target = target(m, r)?;
        m.replace_list_route(&table, &list, target).ok()
    }),
    ("DeleteRoute to a list", |m, r| {
        let (table, list) = list_route(m, r)?;
        m.delete_list_route(&table, &list).ok()
    }),
    ("ReplaceRoute", |m, r| {
        let t = r.one(m.route_tables())?;
        m.replace_route(&t.id, t.routes[r.below(t.routes.len())].destination, target(m, r)?).ok()
    }),
    ("DeleteRoute", |m, r| {
        let t = r.one(m.route_tables())?;
        m.delete_route(&t.id, t.routes[r.below(t.routes.len())].destination).ok()
    }),
    ("AssociateRouteTable", |m, r| {
        let table = r.id(m.route_tables())?;
        let with = match r.chance(60) {
            true => AssociateWith::Subnet(r.id(m.subnets())?),
            false if r.chance(30) => AssociateWith::Gateway(r.id(m.vpn_gateways())?),
            false => AssociateWith::Gateway(r.id(m.internet_gateways())?),
        };
        m.associate_route_table(&table, with).ok().map(drop)
    }),
    ("ReplaceRouteTableAssociation", |m, r| {
        let (a, table) = (r.id(m.table_associations())?, r.id(m.route_tables())?);
        m.replace_route_table_association(&a, &table).ok().map(drop)
    }),
    ("DisassociateRouteTable", |m, r| m.disassociate_route_table(&r.id(m.table_associations())?).ok()),
    ("CreateSecurityGroup", |m, r| {
        let name = format!("g{}", r.below(6));
        m.create_security_group(CreateSecurityGroup { vpc: r.id(m.vpcs())?, name, description: "d".into() })
            .ok()
            .map(drop)
    }),
    ("DeleteSecurityGroup", |m, r| m.delete_security_group(&r.id(m.security_groups())?).ok()),
    ("AuthorizeSecurityGroup", |m, r| {
        let (g, way, rule) = (r.id(m.security_groups())?, r.way(), rule(m, r)?);
        m.authorize_security_group(&g, way, &[rule]).ok().map(drop)
    }),
    ("RevokeSecurityGroup", |m, r| {
        let (g, way) = (r.one(m.security_groups())?, r.way());
        let rule = g.rules(way).get(r.below(g.rules(way).len()))?;
        m.revoke_security_group_rules(&g.id, way, std::slice::from_ref(&rule.id)).ok().map(drop)
    }),
    ("ModifySecurityGroupRules", |m, r| {
        let (g, way, new) = (r.one(m.security_groups())?, r.way(), rule(m, r)?);
        let old = g.rules(way).get(r.below(g.rules(way).len()))?;
        m.modify_security_group_rules(&g.id, &[(old.id.clone(), new)]).ok()
    }),
    ("CreateManagedPrefixList", |m, r| {
        let family = if r.chance(80) { AddressFamily::V4 } else { AddressFamily::V6 };
        let request = CreatePrefixList { name: "list".into(), family, max_entries: 3, entries: Vec::new() };
        m.create_prefix_list(request).ok().map(drop)
    }),
    ("ModifyManagedPrefixList", |m, r| {
        let list = r.one(m.prefix_lists())?;
        let cidr = net(["10.0.0.0/8", "192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"][r.below(4)]);
        let there = list.entries.iter().any(|e| e.cidr == cidr);
        let add = Some(PrefixListEntry { cidr, description: String::new() }).filter(|_| !there);
        let remove = there.then_some(cidr);
        let change = ModifyPrefixList {
            add: add.into_iter().collect(),
            remove: remove.into_iter().collect(),
            ..Default::default()
        };
        m.modify_prefix_list(&list.id, change).ok()
    }),
    ("RestoreManagedPrefixListVersion", |m, r| {
        let list = r.one(m.prefix_lists())?;
        m.restore_prefix_list(&list.id, r.below(list.version as usize) as u64, list.version).ok()
    }),
    ("DeleteManagedPrefixList", |m, r| m.delete_prefix_list(&r.id(m.prefix_lists())?).ok().map(drop)),
    ("CreateNetworkAcl", |m, r| m.create_network_acl(&r.id(m.vpcs())?).ok().map(drop)),
    ("DeleteNetworkAcl", |m, r| m.delete_network_acl(&r.id(m.network_acls())?).ok()),
    ("CreateNetworkAclEntry", |m, r| m.create_network_acl_entry(entry(m, r)?).ok()),
    ("ReplaceNetworkAclEntry", |m, r| m.replace_network_acl_entry(entry(m, r)?).ok()),
    ("DeleteNetworkAclEntry", |m, r| {
        let spec = entry(m, r)?;
        m.delete_network_acl_entry(&spec.acl, spec.direction, spec.number).ok()
    }),
    ("ReplaceNetworkAclAssociation", |m, r| {
        let (s, acl) = (r.one(m.subnets())?, r.id(m.network_acls())?);
        m.replace_network_acl_association(&s.acl_association, &acl).ok().map(drop)
    }),
    ("CreateNetworkInterface", |m, r| {
        let s = r.one(m.subnets()).filter(|_| m.interfaces().len() < 24)?;
        let groups = groups(m, r, &s.vpc);
        let ipv6_count = s.ipv6.is_some().then(|| r.below(2) as u32);
        let secondary_count = r.below(3) as u32;
        let request =
            CreateNetworkInterface { subnet: s.id, groups, ipv6_count, secondary_count, ..Default::default() };
        m.create_network_interface(request).ok().map(drop)
    }),
    ("DeleteNetworkInterface", |m, r| m.delete_network_interface(&r.id(m.interfaces())?).ok()),
    ("AttachNetworkInterface", |m, r| {
        let (e, i) = (r.id(m.interfaces())?, r.id(m.instances())?);
        m.attach_network_interface(&e, &i, 1 + r.below(2) as u32).ok().map(drop)
    }),
    ("DetachNetworkInterface", |m, r| {
        let i = r.one(m.instances()).filter(|i| i.interfaces.len() > 1)?;
        let eni = m.interfaces().get(i.interfaces.values().last()?)?;
        m.detach_network_interface(&eni.attachment.clone()?.id).ok()
    }),
    ("bind", |m, r| m.bind_port(&r.id(m.interfaces())?, r.chance(50)).ok()),
    ("connect", |m, r| m.bind_port(&r.id(m.vpn_gateways())?, r.chance(70)).ok()),
    ("ModifyNetworkInterfaceAttribute, groups", |m, r| {
        let e = r.one(m.interfaces())?;
        let groups = groups(m, r, &e.vpc);
        m.modify_groups(&e.id, &groups).ok()
    }),
    ("ModifyNetworkInterfaceAttribute, check", |m, r| {
        m.modify_source_dest_check(&r.id(m.interfaces())?, r.chance(50)).ok()
    }),
    ("ModifyNetworkInterfaceAttribute, timeouts", |m, r| {
        let timeouts = TrackingTimeouts { udp: 30 + r.below(20) as u32, ..Default::default() };
        m.modify_tracking_timeouts(&r.id(m.interfaces())?, timeouts).ok()
    }),
    ("AssignPrivateIpAddresses", |m, r| {
        let e = r.one(m.interfaces())?;
        let addresses = vec![private(m, r, &e.subnet)?];
        let request = AssignPrivate { interface: e.id, addresses, count: 0, allow_reassignment: true };
        m.assign_private_ip_addresses(request).ok().map(drop)
    }),
    ("UnassignPrivateIpAddresses", |m, r| {
        let e = r.one(m.interfaces())?;
        m.unassign_private_ip_addresses(&e.id, &[*e.private.last()?]).ok()
    }),
    ("AssignIpv6Addresses", |m, r| {
        let e = r.one(m.interfaces())?;
        let block = m.subnets().get(&e.subnet)?.ipv6.as_ref()?.cidr;
        let address = Ipv6Addr::from(u128::from(block.network()) + 4 + r.below(6) as u128);
        m.assign_ipv6_addresses(&e.id, &[address], 0).ok().map(drop)
    }),
    ("UnassignIpv6Addresses", |m, r| {
        let e = r.one(m.interfaces())?;
        m.unassign_ipv6_addresses(&e.id, &[*e.ipv6.last()?]).ok()
    }),
    ("RunInstances", |m, r| {
        let s = r.one(m.subnets()).filter(|_| m.interfaces().len() < 24)?;
        if r.chance(50) {
            m.modify_subnet_attribute(&s.id, SubnetAttribute::MapPublicIp(r.chance(70))).ok()?;
        }
        let request = RunInstance { groups: groups(m, r, &s.vpc), subnet: Some(s.id), ..Default::default() };
        m.run_instance(request).ok().map(drop)
    }),
    ("StopInstances", |m, r| m.stop_instance(&r.id(m.instances())?).ok()),
    ("StartInstances", |m, r| m.start_instance(&r.id(m.instances())?).ok()),
    ("TerminateInstances", |m, r| m.terminate_instance(&r.id(m.instances())?).ok()),
];

/// A model that was stored and read again.
pub(crate) fn restored(m: &Model) -> Model {
    let records: Vec<Record> = m.records();
    Model::restore(records.iter().filter_map(|r| Some((r.kind, r.value.as_deref()?)))).unwrap()
}
