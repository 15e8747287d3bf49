//! Each resource type through the operations of the model: networks, routes, gateways, filters. Hosts are next door.

use super::eval::{Env, Fail, Made};
use super::props::{Props, at};
use super::schema::Type;
use super::{Problem, hosts};
use crate::model::{
    AddressFamily, AssociateWith, CreateCustomerGateway, CreateNatGateway, CreatePrefixList, CreateSecurityGroup,
    CreateSubnet, CreateVpc, Direction, Id, IpPermission, Model, ModifyPrefixList, NatState, NetworkAclEntrySpec,
    PrefixListEntry, RouteTarget, RulePeer, SubnetAttribute, VpcAttribute, parse,
};
use ipnet::IpNet;
use std::net::Ipv4Addr;

/// Properties of DHCP options and what the API calls them.
pub(crate) const DHCP_OPTIONS: &[(&str, &str)] = &[
    ("DomainName", "domain-name"),
    ("DomainNameServers", "domain-name-servers"),
    ("NtpServers", "ntp-servers"),
    ("NetbiosNameServers", "netbios-name-servers"),
    ("NetbiosNodeType", "netbios-node-type"),
    ("Ipv6AddressPreferredLeaseTime", "ipv6-address-preferred-lease-time"),
];

/// How many entries of a prefix list one call of the API may bring.
const ENTRIES_PER_REQUEST: usize = 100;

pub(super) type Make<T> = Result<T, Fail>;

/// Makes one resource; answers what it is known by and what Ref gives.
pub(super) fn make(env: &mut Env<'_>, t: &'static Type, logical: &str, p: &Props) -> Make<Made> {
    let m = &mut env.model;
    let simple = |id: Id| (id.clone(), id);
    let (id, reference) = match t.name.strip_prefix("AWS::EC2::").unwrap_or_default() {
        "VPC" => simple(vpc(m, p)?),
        "DHCPOptions" => simple(dhcp_options(m, p)?),
        "VPCDHCPOptionsAssociation" => {
            let (set, vpc) = (p.need("DhcpOptionsId")?, p.need("VpcId")?);
            m.associate_dhcp_options(&set, &vpc).map_err(at(p.pos("DhcpOptionsId")))?;
            simple(format!("{set}|{vpc}"))
        }
        "PrefixList" => simple(prefix_list(m, p)?),
        "KeyPair" => {
            let name = p.need("KeyName")?;
            let id = m.import_key_pair(&name, &p.need("PublicKeyMaterial")?).map_err(at(p.pos("PublicKeyMaterial")))?;
            (id, name)
        }
        "VPCCidrBlock" => simple(vpc_block(m, p)?),
        "Subnet" => simple(subnet(m, p)?),
        "SubnetCidrBlock" => {
            let cidr = p.cidr6("Ipv6CidrBlock")?.unwrap_or_default();
            simple(m.associate_subnet_cidr_block(&p.need("SubnetId")?, cidr).map_err(at(p.pos("Ipv6CidrBlock")))?)
        }
        "RouteTable" => simple(m.create_route_table(&p.need("VpcId")?).map_err(at(p.pos("VpcId")))?),
        "Route" => simple(route(m, p)?),
        "SubnetRouteTableAssociation" => {
            let with = AssociateWith::Subnet(p.need("SubnetId")?);
            simple(m.associate_route_table(&p.need("RouteTableId")?, with).map_err(at(p.pos))?)
        }
        "GatewayRouteTableAssociation" => {
            let with = AssociateWith::Gateway(p.need("GatewayId")?);
            simple(m.associate_route_table(&p.need("RouteTableId")?, with).map_err(at(p.pos))?)
        }
        "InternetGateway" => simple(m.create_internet_gateway().map_err(at(p.pos))?),
        "VPCGatewayAttachment" => {
            let kind = p.one_of(&["InternetGatewayId", "VpnGatewayId"])?;
            let (gateway, vpc) = (p.need(kind)?, p.need("VpcId")?);
            let (attached, what) = match kind {
                "InternetGatewayId" => (m.attach_internet_gateway(&gateway, &vpc), "IGW"),
                _ => (m.attach_vpn_gateway(&gateway, &vpc), "VGW"),
            };
            attached.map_err(at(p.pos(kind)))?;
            simple(format!("{what}|{vpc}"))
        }
        "VPNGateway" => simple(vpn_gateway(m, p)?),
        "CustomerGateway" => simple(customer_gateway(m, p)?),
        "VPNConnection" => {
            need_vpn_type(p)?;
            let (theirs, ours) = (p.need("CustomerGatewayId")?, p.need("VpnGatewayId")?);
            let static_routes_only = p.bool("StaticRoutesOnly")?.unwrap_or(false);
            simple(m.create_vpn_connection(&theirs, &ours, static_routes_only).map_err(at(p.pos))?)
        }
        "VPNConnectionRoute" => {
            let (connection, net) = (p.need("VpnConnectionId")?, p.cidr4("DestinationCidrBlock")?.unwrap_or_default());
            m.create_vpn_connection_route(&connection, net).map_err(at(p.pos("VpnConnectionId")))?;
            simple(format!("{connection}|{net}"))
        }
        "VPNGatewayRoutePropagation" => {
            let gateway = p.need("VpnGatewayId")?;
            for table in p.texts("RouteTableIds")? {
                m.propagate_routes(&table, &gateway, true).map_err(at(p.pos("RouteTableIds")))?;
            }
            simple(format!("{gateway}|propagation"))
        }
        "EgressOnlyInternetGateway" => {
            simple(m.create_egress_only_internet_gateway(&p.need("VpcId")?).map_err(at(p.pos("VpcId")))?)
        }
        "NatGateway" => simple(nat(m, logical, p)?),
        "SecurityGroup" => simple(group(m, logical, p)?),
        "SecurityGroupIngress" => simple(rule(m, p, Direction::Ingress)?),
        "SecurityGroupEgress" => simple(rule(m, p, Direction::Egress)?),
        "NetworkAcl" => simple(m.create_network_acl(&p.need("VpcId")?).map_err(at(p.pos("VpcId")))?),
        "NetworkAclEntry" => simple(entry(m, p)?),
        "SubnetNetworkAclAssociation" => simple(acl_association(m, p)?),
        _ => hosts::make(m, t, logical, p)?,
    };
    Ok(Made { kind: t.name, id, reference })
}

/// cdk's `Custom::VpcRestrictDefaultSG`: the default group loses its rules, as cdk's own function does it.
pub(super) fn restrict_default_group(m: &mut Model, p: &Props) -> Make<()> {
    let group = p.need("DefaultSecurityGroupId")?;
    for direction in [Direction::Ingress, Direction::Egress] {
        let ids: Vec<Id> = m
            .security_groups()
            .get(&group)
            .map(|g| g.rules(direction).iter().map(|r| r.id.clone()).collect())
            .unwrap_or_default();
        m.revoke_security_group_rules(&group, direction, &ids).map_err(at(p.pos))?;
    }
    Ok(())
}

fn vpc(m: &mut Model, p: &Props) -> Make<Id> {
    let request = CreateVpc {
        cidr: p.cidr4("CidrBlock")?.unwrap_or_default(),
        amazon_provided_ipv6: false,
        tenancy: p.text("InstanceTenancy")?.unwrap_or_else(|| "default".into()),
    };
    let (support, names) = (p.bool("EnableDnsSupport")?, p.bool("EnableDnsHostnames")?);
    let id = m.create_vpc(request).map_err(at(p.pos("CidrBlock")))?;
    // Names first: they need support, which a new VPC has.
    for attribute in
        [names.map(VpcAttribute::DnsHostnames), support.map(VpcAttribute::DnsSupport)].into_iter().flatten()
    {
        m.modify_vpc_attribute(&id, attribute).map_err(at(p.pos))?;
    }
    Ok(id)
}

/// The tags that a resource is given.
pub(super) fn tags(p: &Props) -> Make<Vec<(String, String)>> {
    p.objects("Tags")?.iter().map(|t| Ok((t.need("Key")?, t.text("Value")?.unwrap_or_default()))).collect()
}

fn dhcp_options(m: &mut Model, p: &Props) -> Make<Id> {
    let mut options = Vec::new();
    for (property, option) in DHCP_OPTIONS {
        let values =
            if property.ends_with("Servers") { p.texts(property)? } else { p.text(property)?.into_iter().collect() };
        if p.has(property) {
            options.push(((*option).to_string(), values));
        }
    }
    m.create_dhcp_options(&options).map_err(at(p.pos))
}

fn prefix_list(m: &mut Model, p: &Props) -> Make<Id> {
    let family = match p.need("AddressFamily")?.as_str() {
        "IPv4" => AddressFamily::V4,
        "IPv6" => AddressFamily::V6,
        other => {
            let message = format!("AddressFamily must be IPv4 or IPv6, not {other}");
            return Err(Fail::Loud(Problem::new(p.pos("AddressFamily"), "InvalidParameterValue", message)));
        }
    };
    let mut entries = Vec::new();
    for o in p.objects("Entries")? {
        let text = o.need("Cidr")?;
        let read =
            if text.contains(':') { parse::cidr6(&text).map(IpNet::V6) } else { parse::cidr4(&text).map(IpNet::V4) };
        let description = o.text("Description")?.unwrap_or_default();
        entries.push(PrefixListEntry { cidr: read.map_err(at(o.pos("Cidr")))?, description });
    }
    let max_entries = p.int("MaxEntries")?.map_or(entries.len() as i64, i64::from);
    let mut chunks = entries.chunks(ENTRIES_PER_REQUEST).map(<[_]>::to_vec);
    let first = chunks.next().unwrap_or_default();
    let request = CreatePrefixList { name: p.need("PrefixListName")?, family, max_entries, entries: first };
    let id = m.create_prefix_list(request).map_err(at(p.pos("Entries")))?;
    for add in chunks {
        let more = ModifyPrefixList { add, ..ModifyPrefixList::default() };
        m.modify_prefix_list(&id, more).map_err(at(p.pos("Entries")))?;
    }
    Ok(id)
}

fn vpc_block(m: &mut Model, p: &Props) -> Make<Id> {
    let vpc = p.need("VpcId")?;
    let wanted6 = p.bool("AmazonProvidedIpv6CidrBlock")?.unwrap_or(false);
    if let Some(block) = p.cidr6("Ipv6CidrBlock")? {
        p.one_of(&["Ipv6CidrBlock", "CidrBlock", "AmazonProvidedIpv6CidrBlock"])?;
        if p.text("Ipv6Pool")?.is_some_and(|pool| pool != "Amazon") {
            return refused(p, "UnsupportedOperation", "Ipv6CidrBlock can be of Ipv6Pool Amazon only");
        }
        return m.associate_vpc_ipv6_block_at(&vpc, block).map_err(at(p.pos("Ipv6CidrBlock")));
    }
    match (p.cidr4("CidrBlock")?, wanted6) {
        (Some(cidr), false) => m.associate_vpc_cidr_block(&vpc, cidr).map_err(at(p.pos("CidrBlock"))),
        (None, true) => m.associate_vpc_ipv6_block(&vpc).map_err(at(p.pos("AmazonProvidedIpv6CidrBlock"))),
        (Some(_), true) => {
            refused(p, "InvalidParameterCombination", "CidrBlock and AmazonProvidedIpv6CidrBlock exclude each other")
        }
        (None, false) => refused(p, "MissingParameter", "CidrBlock or AmazonProvidedIpv6CidrBlock must be given"),
    }
}

fn refused<T>(p: &Props, code: &'static str, message: &str) -> Make<T> {
    Err(Fail::Loud(Problem::new(p.pos, code, message)))
}

fn subnet(m: &mut Model, p: &Props) -> Make<Id> {
    let request = CreateSubnet {
        vpc: p.need("VpcId")?,
        cidr4: p.cidr4("CidrBlock")?.unwrap_or_default(),
        cidr6: p.cidr6("Ipv6CidrBlock")?,
        az: p.text("AvailabilityZone")?,
    };
    let (public, ipv6) = (p.bool("MapPublicIpOnLaunch")?, p.bool("AssignIpv6AddressOnCreation")?);
    let id = m.create_subnet(request).map_err(at(p.pos("CidrBlock")))?;
    let public = SubnetAttribute::MapPublicIp(public.unwrap_or(false));
    m.modify_subnet_attribute(&id, public).map_err(at(p.pos))?;
    let ipv6 = SubnetAttribute::AssignIpv6(ipv6.unwrap_or(false));
    m.modify_subnet_attribute(&id, ipv6).map_err(at(p.pos("AssignIpv6AddressOnCreation")))?;
    let names = p.object("PrivateDnsNameOptionsOnLaunch")?;
    let of_names = |name: &str| names.as_ref().map_or(Ok(None), |o| o.bool(name));
    let resource_names = match names.as_ref().map_or(Ok(None), |o| o.text("HostnameType"))?.as_deref() {
        None => None,
        Some("ip-name") => Some(false),
        Some("resource-name") => Some(true),
        Some(_) => return refused(p, "InvalidParameterValue", "HostnameType must be ip-name or resource-name"),
    };
    let settings = [
        p.bool("EnableDns64")?.map(SubnetAttribute::Dns64),
        resource_names.map(SubnetAttribute::ResourceNames),
        of_names("EnableResourceNameDnsARecord")?.map(SubnetAttribute::ARecords),
        of_names("EnableResourceNameDnsAAAARecord")?.map(SubnetAttribute::AaaaRecords),
    ];
    for setting in settings.into_iter().flatten() {
        m.modify_subnet_attribute(&id, setting).map_err(at(p.pos))?;
    }
    Ok(id)
}

fn route(m: &mut Model, p: &Props) -> Make<Id> {
    let table = p.need("RouteTableId")?;
    let destination = p.one_of(&["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"])?;
    let kind =
        p.one_of(&["GatewayId", "NatGatewayId", "NetworkInterfaceId", "InstanceId", "EgressOnlyInternetGatewayId"])?;
    let id = p.need(kind)?;
    let target = match kind {
        "NatGatewayId" => RouteTarget::NatGateway(id),
        "NetworkInterfaceId" => RouteTarget::NetworkInterface(id),
        "InstanceId" => RouteTarget::Instance(id),
        "EgressOnlyInternetGatewayId" => RouteTarget::EgressOnlyGateway(id),
        _ => RouteTarget::gateway(id),
    };
    let net = match destination {
        "DestinationCidrBlock" => p.cidr4("DestinationCidrBlock")?.map(IpNet::V4),
        "DestinationIpv6CidrBlock" => p.cidr6("DestinationIpv6CidrBlock")?.map(IpNet::V6),
        _ => {
            let list = p.need(destination)?;
            m.create_list_route(&table, &list, target).map_err(at(p.pos(kind)))?;
            return Ok(format!("{table}|{list}"));
        }
    }
    .unwrap_or_default();
    m.create_route(&table, net, target).map_err(at(p.pos(kind)))?;
    Ok(format!("{table}|{net}"))
}

fn vpn_gateway(m: &mut Model, p: &Props) -> Make<Id> {
    need_vpn_type(p)?;
    let asn = number(p, "AmazonSideAsn")?;
    m.create_vpn_gateway(asn).map_err(at(p.pos("AmazonSideAsn")))
}

fn customer_gateway(m: &mut Model, p: &Props) -> Make<Id> {
    need_vpn_type(p)?;
    let request = CreateCustomerGateway {
        asn: number(p, "BgpAsn")?,
        asn_extended: number(p, "BgpAsnExtended")?,
        address: p.address4("IpAddress")?.unwrap_or(Ipv4Addr::UNSPECIFIED),
        device_name: p.text("DeviceName")?,
    };
    m.create_customer_gateway(request).map_err(at(p.pos))
}

fn need_vpn_type(p: &Props) -> Make<()> {
    if p.need("Type")? == "ipsec.1" {
        return Ok(());
    }
    refused(p, "InvalidParameterValue", "Type must be ipsec.1")
}

/// A number of up to 32 bits without a sign.
fn number(p: &Props, name: &str) -> Make<Option<u32>> {
    match p.text(name)?.map(|text| text.parse()) {
        None => Ok(None),
        Some(Ok(n)) => Ok(Some(n)),
        Some(Err(_)) => refused(p, "InvalidParameterValue", &format!("{name} must be a number")),
    }
}

fn nat(m: &mut Model, logical: &str, p: &Props) -> Make<Id> {
    let is_private = match p.text("ConnectivityType")?.as_deref() {
        None | Some("public") => false,
        Some("private") => true,
        Some(_) => return refused(p, "InvalidParameterValue", "ConnectivityType must be public or private"),
    };
    let request = CreateNatGateway {
        subnet: p.need("SubnetId")?,
        allocation: p.text("AllocationId")?,
        is_private,
        private: p.address4("PrivateIpAddress")?,
    };
    let id = m.create_nat_gateway(request).map_err(at(p.pos))?;
    let nat = m.nat_gateways().get(&id);
    if let Some(NatState::Failed { code, message }) = nat.map(|n| n.state.clone()) {
        return Err(Fail::Loud(Problem::new(p.pos, code, message)));
    }
    if let Some(interface) = nat.and_then(|n| n.interface.clone()) {
        m.set_label(&interface, logical);
    }
    Ok(id)
}

fn group(m: &mut Model, logical: &str, p: &Props) -> Make<Id> {
    let Some(vpc) = p.text("VpcId")?.or_else(|| m.default_vpc().map(|v| v.id.clone())) else {
        return refused(p, "VPCIdNotSpecified", "No default VPC for this user: name a VPC");
    };
    let request = CreateSecurityGroup {
        vpc,
        name: p.text("GroupName")?.unwrap_or_else(|| logical.into()),
        description: p.need("GroupDescription")?,
    };
    let inbound: Vec<(Props, IpPermission)> = permissions(p, "SecurityGroupIngress", Direction::Ingress)?;
    let outbound = permissions(p, "SecurityGroupEgress", Direction::Egress)?;
    let id = m.create_security_group(request).map_err(at(p.pos))?;
    if !outbound.is_empty() {
        drop_default_egress(m, &id);
    }
    for (direction, rules) in [(Direction::Ingress, inbound), (Direction::Egress, outbound)] {
        for (place, rule) in rules {
            m.authorize_security_group(&id, direction, &[rule]).map_err(at(place.pos))?;
        }
    }
    Ok(id)
}

fn permissions(p: &Props, name: &str, direction: Direction) -> Make<Vec<(Props, IpPermission)>> {
    p.objects(name)?.into_iter().map(|o| permission(&o, direction).map(|rule| (o, rule))).collect()
}

fn permission(p: &Props, direction: Direction) -> Make<IpPermission> {
    let (other, list) = match direction {
        Direction::Ingress => ("SourceSecurityGroupId", "SourcePrefixListId"),
        Direction::Egress => ("DestinationSecurityGroupId", "DestinationPrefixListId"),
    };
    let peer = match p.one_of(&["CidrIp", "CidrIpv6", other, list])? {
        "CidrIp" => RulePeer::Cidr(p.cidr4("CidrIp")?.map(IpNet::V4).unwrap_or_default()),
        "CidrIpv6" => RulePeer::Cidr(p.cidr6("CidrIpv6")?.map(IpNet::V6).unwrap_or_default()),
        name if name == list => RulePeer::PrefixList(p.need(list)?),
        _ => RulePeer::Group(p.need(other)?),
    };
    Ok(IpPermission {
        protocol: parse::protocol(&p.need("IpProtocol")?).map_err(at(p.pos("IpProtocol")))?,
        from: p.int("FromPort")?,
        to: p.int("ToPort")?,
        peer,
        description: p.text("Description")?.unwrap_or_default(),
    })
}

/// The default outbound rule goes only when the template gives one itself, inline or as a resource.
fn drop_default_egress(m: &mut Model, group: &str) {
    let Some(g) = m.security_groups().get(group).filter(|g| !g.egress_modified) else { return };
    let ids: Vec<Id> = g.egress.iter().map(|r| r.id.clone()).collect();
    // They were read a moment ago, so revoking them cannot be refused.
    let _ = m.revoke_security_group_rules(group, Direction::Egress, &ids);
}

fn rule(m: &mut Model, p: &Props, direction: Direction) -> Make<Id> {
    let group = p.need("GroupId")?;
    let rule = permission(p, direction)?;
    if direction == Direction::Egress {
        drop_default_egress(m, &group);
    }
    let ids = m.authorize_security_group(&group, direction, &[rule]).map_err(at(p.pos))?;
    Ok(ids.into_iter().next().unwrap_or_default())
}

fn entry(m: &mut Model, p: &Props) -> Make<Id> {
    let cidr = match p.one_of(&["CidrBlock", "Ipv6CidrBlock"])? {
        "CidrBlock" => p.cidr4("CidrBlock")?.map(IpNet::V4),
        _ => p.cidr6("Ipv6CidrBlock")?.map(IpNet::V6),
    }
    .unwrap_or_default();
    let allow = match p.need("RuleAction")?.as_str() {
        "allow" => true,
        "deny" => false,
        other => {
            return Err(Fail::Loud(Problem::new(
                p.pos("RuleAction"),
                "InvalidParameterValue",
                format!("RuleAction must be allow or deny, not {other}"),
            )));
        }
    };
    let pair = |name: &str, first: &str, second: &str| -> Make<Option<(i32, i32)>> {
        let Some(o) = p.object(name)? else { return Ok(None) };
        Ok(o.int(first)?.zip(o.int(second)?))
    };
    let spec = NetworkAclEntrySpec {
        acl: p.need("NetworkAclId")?,
        direction: if p.bool("Egress")?.unwrap_or(false) { Direction::Egress } else { Direction::Ingress },
        number: p.int("RuleNumber")?.unwrap_or_default(),
        protocol: parse::acl_protocol(&p.need("Protocol")?).map_err(at(p.pos("Protocol")))?,
        cidr,
        allow,
        ports: pair("PortRange", "From", "To")?,
        icmp: pair("Icmp", "Type", "Code")?,
    };
    let id = format!(
        "{}|{}|{}",
        spec.acl,
        if spec.direction == Direction::Egress { "egress" } else { "ingress" },
        spec.number
    );
    m.create_network_acl_entry(spec).map_err(at(p.pos("RuleNumber")))?;
    Ok(id)
}

fn acl_association(m: &mut Model, p: &Props) -> Make<Id> {
    let subnet = p.need("SubnetId")?;
    let Some(association) = m.subnets().get(&subnet).map(|s| s.acl_association.clone()) else {
        return Err(Fail::Loud(Problem::new(
            p.pos("SubnetId"),
            "InvalidSubnetID.NotFound",
            format!("The subnet ID '{subnet}' does not exist"),
        )));
    };
    m.replace_network_acl_association(&association, &p.need("NetworkAclId")?).map_err(at(p.pos("NetworkAclId")))
}
