//! One test per rule that the model enforces; every refusal is also checked to change nothing.

mod default_vpc;
mod dhcp;
mod filters;
mod gateways;
mod group_rules;
mod interfaces;
mod prefix_lists;
mod quotas;
mod routing;
mod subnets;
mod vpc;
mod vpn;

use super::*;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

fn n4(t: &str) -> Ipv4Net {
    t.parse().unwrap()
}
fn n6(t: &str) -> Ipv6Net {
    t.parse().unwrap()
}
fn net(t: &str) -> IpNet {
    t.parse().unwrap()
}
fn ip(t: &str) -> Ipv4Addr {
    t.parse().unwrap()
}

/// The code of a refusal, after seeing that the model is what it was.
fn refused<T: std::fmt::Debug>(m: &mut Model, change: impl FnOnce(&mut Model) -> Result<T>) -> &'static str {
    let before = format!("{m:?}");
    let code = change(m).unwrap_err().code;
    assert_eq!(before, format!("{m:?}"), "a refused change changed something");
    code
}

fn vpc(m: &mut Model, cidr: &str) -> Id {
    m.create_vpc(CreateVpc::new(n4(cidr))).unwrap()
}
fn vpc6(m: &mut Model, cidr: &str) -> Id {
    m.create_vpc(CreateVpc { amazon_provided_ipv6: true, ..CreateVpc::new(n4(cidr)) }).unwrap()
}
fn subnet_request(vpc: &str, cidr: &str) -> CreateSubnet {
    CreateSubnet { vpc: vpc.into(), cidr4: n4(cidr), cidr6: None, az: None }
}
fn subnet(m: &mut Model, vpc: &str, cidr: &str) -> Id {
    m.create_subnet(subnet_request(vpc, cidr)).unwrap()
}
fn eni_request(subnet: &str) -> CreateNetworkInterface {
    CreateNetworkInterface { subnet: subnet.into(), ..Default::default() }
}
fn eni(m: &mut Model, subnet: &str) -> Id {
    m.create_network_interface(eni_request(subnet)).unwrap()
}
fn launch(m: &mut Model, subnet: &str) -> Id {
    m.run_instance(RunInstance { subnet: Some(subnet.into()), ..Default::default() }).unwrap()
}
fn eth0(m: &Model, instance: &str) -> NetworkInterface {
    let id = m.instances().get(instance).unwrap().interfaces[&0].clone();
    m.interfaces().get(&id).unwrap().clone()
}
fn igw(m: &mut Model, vpc: &str) -> Id {
    let g = m.create_internet_gateway().unwrap();
    m.attach_internet_gateway(&g, vpc).unwrap();
    g
}
fn nat(m: &mut Model, subnet: &str) -> Id {
    let a = m.allocate_address(None).unwrap();
    let n = m.create_nat_gateway(CreateNatGateway::public(subnet, &a)).unwrap();
    assert!(m.nat_gateways().get(&n).unwrap().available());
    n
}
fn group(m: &mut Model, vpc: &str, name: &str) -> Id {
    m.create_security_group(CreateSecurityGroup { vpc: vpc.into(), name: name.into(), description: "d".into() })
        .unwrap()
}
