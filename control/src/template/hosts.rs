//! Instances, interfaces and Elastic IPs through the operations of the model.

use super::Problem;
use super::eval::Fail;
use super::make::Make;
use super::props::{Props, at};
use super::schema::Type;
use crate::model::{
    AssociateAddress, CreateNetworkInterface, Id, InterfaceSpec, LaunchDetails, Model, RunInstance, TrackingTimeouts,
};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Makes one of these; answers what it is known by and what Ref gives.
pub(super) fn make(m: &mut Model, t: &'static Type, logical: &str, p: &Props) -> Make<(Id, Id)> {
    let simple = |id: Id| (id.clone(), id);
    Ok(match t.name.strip_prefix("AWS::EC2::").unwrap_or_default() {
        "EIPAssociation" => simple(association(m, p)?),
        "NetworkInterface" => simple(interface(m, p)?),
        "NetworkInterfaceAttachment" => {
            let (interface, instance) = (p.need("NetworkInterfaceId")?, p.need("InstanceId")?);
            let index = p.count("DeviceIndex")?.unwrap_or_default();
            let id = m.attach_network_interface(&interface, &instance, index).map_err(at(p.pos))?;
            if let Some(on) = p.bool("DeleteOnTermination")? {
                m.modify_delete_on_termination(&interface, &id, on).map_err(at(p.pos("DeleteOnTermination")))?;
            }
            simple(id)
        }
        "Instance" => simple(instance(m, logical, p)?),
        other => {
            return Err(Fail::Loud(Problem::new(
                p.pos,
                "UnsupportedOperation",
                format!("Resource type {other} is not supported"),
            )));
        }
    })
}

/// An Elastic IP was allocated before all else, in template order; this is its association, if it names an instance.
pub(super) fn elastic_ip(m: &mut Model, allocation: &str, p: &Props) -> Make<()> {
    if p.text("Domain")?.is_some_and(|d| d != "vpc") {
        return Err(Fail::Loud(Problem::new(p.pos("Domain"), "InvalidParameterValue", "Domain must be vpc")));
    }
    if let Some(instance) = p.text("InstanceId")? {
        let request =
            AssociateAddress { allocation: allocation.into(), instance: Some(instance), ..Default::default() };
        m.associate_address(request).map_err(at(p.pos("InstanceId")))?;
    }
    Ok(())
}

fn association(m: &mut Model, p: &Props) -> Make<Id> {
    let allocation = match p.one_of(&["AllocationId", "EIP"])? {
        "AllocationId" => p.need("AllocationId")?,
        _ => {
            let public = p.address4("EIP")?.unwrap_or(Ipv4Addr::UNSPECIFIED);
            match m.elastic_ips().iter().find(|a| a.public == public) {
                Some(a) => a.id.clone(),
                None => {
                    return Err(Fail::Loud(Problem::new(
                        p.pos("EIP"),
                        "InvalidAddress.NotFound",
                        format!("Address {public} not found."),
                    )));
                }
            }
        }
    };
    let request = AssociateAddress {
        allocation,
        instance: p.text("InstanceId")?,
        interface: p.text("NetworkInterfaceId")?,
        private: p.address4("PrivateIpAddress")?,
        allow_reassociation: None,
    };
    m.associate_address(request).map_err(at(p.pos))
}

fn interface(m: &mut Model, p: &Props) -> Make<Id> {
    if p.text("InterfaceType")?.is_some_and(|t| t != "interface") {
        return Err(Fail::Loud(Problem::new(
            p.pos("InterfaceType"),
            "UnsupportedOperation",
            "Only InterfaceType interface is supported",
        )));
    }
    let request = CreateNetworkInterface {
        subnet: p.need("SubnetId")?,
        private: private(p)?,
        secondary_count: p.count("SecondaryPrivateIpAddressCount")?.unwrap_or_default(),
        ipv6: ipv6(p)?,
        ipv6_count: p.count("Ipv6AddressCount")?,
        groups: p.texts("GroupSet")?,
        description: p.text("Description")?.unwrap_or_default(),
    };
    let check = p.bool("SourceDestCheck")?;
    let tracking = p.object("ConnectionTrackingSpecification")?;
    let id = m.create_network_interface(request).map_err(at(blame(p)))?;
    if let Some(on) = check {
        m.modify_source_dest_check(&id, on).map_err(at(p.pos("SourceDestCheck")))?;
    }
    if let Some(t) = tracking {
        let default = TrackingTimeouts::default();
        let timeouts = TrackingTimeouts {
            tcp_established: t.count("TcpEstablishedTimeout")?.unwrap_or(default.tcp_established),
            udp: t.count("UdpTimeout")?.unwrap_or(default.udp),
            udp_stream: t.count("UdpStreamTimeout")?.unwrap_or(default.udp_stream),
        };
        m.modify_tracking_timeouts(&id, timeouts).map_err(at(p.pos("ConnectionTrackingSpecification")))?;
    }
    Ok(id)
}

fn instance(m: &mut Model, logical: &str, p: &Props) -> Make<Id> {
    let mut interfaces = Vec::new();
    for o in p.objects("NetworkInterfaces")? {
        interfaces.push(InterfaceSpec {
            device_index: o.count("DeviceIndex")?.unwrap_or_default(),
            interface: o.text("NetworkInterfaceId")?,
            subnet: o.text("SubnetId")?,
            groups: o.texts("GroupSet")?,
            private: private(&o)?,
            secondary_count: o.count("SecondaryPrivateIpAddressCount")?.unwrap_or_default(),
            ipv6: ipv6(&o)?,
            ipv6_count: o.count("Ipv6AddressCount")?,
            associate_public: o.bool("AssociatePublicIpAddress")?,
            description: o.text("Description")?.unwrap_or_default(),
            delete_on_termination: o.bool("DeleteOnTermination")?,
        });
    }
    let request = RunInstance {
        subnet: p.text("SubnetId")?,
        groups: p.texts("SecurityGroupIds")?,
        private: p.address4("PrivateIpAddress")?,
        ipv6: ipv6(p)?,
        ipv6_count: p.count("Ipv6AddressCount")?,
        interfaces,
        instance_type: p.text("InstanceType")?.unwrap_or_default(),
        zone: p.text("AvailabilityZone")?,
        details: LaunchDetails {
            image: p.text("ImageId")?.unwrap_or_default(),
            key_name: p.text("KeyName")?,
            // Kept as the API has it, whichever way the template says it.
            user_data: p.text("UserData")?.map(|data| match BASE64_STANDARD.decode(data.trim()) {
                Ok(_) => data,
                Err(_) => BASE64_STANDARD.encode(data),
            }),
            protected: p.bool("DisableApiTermination")?.unwrap_or(false),
            shutdown: p.text("InstanceInitiatedShutdownBehavior")?,
            monitoring: p.bool("Monitoring")?.unwrap_or(false),
            ebs_optimized: p.bool("EbsOptimized")?.unwrap_or(false),
            ..LaunchDetails::default()
        },
    };
    let check = p.bool("SourceDestCheck")?;
    let id = m.run_instance(request).map_err(at(blame(p)))?;
    if let Some(on) = check {
        // On AWS the instance attribute; with several interfaces the template must say it per interface.
        m.modify_instance_source_dest_check(&id, on).map_err(at(p.pos("SourceDestCheck")))?;
    }
    let made: Vec<(u32, Id)> =
        m.instances().get(&id).map(|i| i.interfaces.clone().into_iter().collect()).unwrap_or_default();
    for (index, interface) in made {
        if m.labelled(&interface).is_none() {
            let name = if index == 0 { logical.to_string() } else { format!("{logical}.eth{index}") };
            m.set_label(&interface, &name);
        }
    }
    Ok(id)
}

/// The property that a refused interface most likely is about.
fn blame(p: &Props) -> super::Pos {
    ["PrivateIpAddress", "PrivateIpAddresses", "Ipv6Addresses", "NetworkInterfaces", "SubnetId"]
        .iter()
        .find(|n| p.has(n))
        .map_or(p.pos, |n| p.pos(n))
}

/// The primary address first, from either way of writing it.
fn private(p: &Props) -> Make<Vec<Ipv4Addr>> {
    let mut out: Vec<Ipv4Addr> = p.address4("PrivateIpAddress")?.into_iter().collect();
    let mut primary = !out.is_empty();
    for o in p.objects("PrivateIpAddresses")? {
        let Some(a) = o.address4("PrivateIpAddress")? else { continue };
        if !o.bool("Primary")?.unwrap_or(false) {
            if !out.contains(&a) {
                out.push(a);
            }
            continue;
        }
        if primary && out.first() != Some(&a) {
            return Err(Fail::Loud(Problem::new(
                o.pos,
                "InvalidParameterCombination",
                "Only one primary private IP address can be specified.",
            )));
        }
        if !primary {
            out.insert(0, a);
        }
        primary = true;
    }
    if !out.is_empty() && !primary {
        return Err(Fail::Loud(Problem::new(
            p.pos("PrivateIpAddresses"),
            "InvalidParameterCombination",
            "One of the private IP addresses must be the primary one.",
        )));
    }
    Ok(out)
}

fn ipv6(p: &Props) -> Make<Vec<Ipv6Addr>> {
    p.objects("Ipv6Addresses")?.iter().filter_map(|o| o.address6("Ipv6Address").transpose()).collect()
}
