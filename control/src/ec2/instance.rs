//! Instances, as far as networking needs them: launch, life, description.

use super::filter::{Filters, Values, each, one, shown, some};
use super::instance_attribute::{metadata_options, write_metadata_options};
use super::interface::{before_ipv6, ipv6_addresses, not_prefixes, private_addresses, write_groups};
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Machine, Operation, ask, dns, image, interface, read, tag_set, timestamp, write};
use crate::model::{
    ApiError, Id, Instance, InstanceState, InstanceType, InterfaceSpec, LaunchDetails, MetadataOptions, Model,
    NetworkInterface, Result, RunInstance, refuse,
};
use base64::Engine;
use std::collections::BTreeMap;

pub(super) const OPERATIONS: &[Operation] = &[
    write("RunInstances", run_instances),
    read("DescribeInstances", describe_instances),
    write("StartInstances", |m, p, x| change_state(m, p, x, Model::start_instance, "running")),
    write("StopInstances", stop_instances),
    write("TerminateInstances", |m, p, x| change_state(m, p, x, Model::terminate_instance, "terminated")),
    write("RebootInstances", reboot_instances),
    read("DescribeInstanceStatus", describe_instance_status),
    ask("GetConsoleOutput", get_console_output),
];

fn run_instances(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&[
        "BlockDeviceMapping",
        "KernelId",
        "RamdiskId",
        "CreditSpecification",
        "CpuOptions",
        "CapacityReservationSpecification",
        "HibernationOptions",
        "EnclaveOptions",
        "PrivateDnsNameOptions",
        "MaintenanceOptions",
        "EnablePrimaryIpv6",
        "NetworkPerformanceOptions",
        "Operator",
        "AdditionalInfo",
        "IamInstanceProfile",
        "InstanceMarketOptions",
        "LicenseSpecification",
    ]);
    if p.has("LaunchTemplate") {
        return refuse("UnsupportedOperation", "Launch templates are not supported; give the parameters in the call.");
    }
    let image = p.need("ImageId")?;
    image::expect(image)?;
    let kind = p.text("InstanceType").unwrap_or("m1.small");
    if kind.split_once('.').is_none_or(|(a, b)| a.is_empty() || b.is_empty()) {
        return refuse("InvalidParameterValue", format!("Invalid value '{kind}' for InstanceType."));
    }
    let count = |name: &str| -> Result<u32> { p.parsed(name)?.ok_or_else(|| p.missing(name)) };
    let (min, max) = (count("MinCount")?, count("MaxCount")?);
    let placement = p.structure("Placement");
    if let Some(placement) = placement {
        placement.ignore(&[
            "Tenancy",
            "GroupName",
            "HostId",
            "Affinity",
            "PartitionNumber",
            "AvailabilityZoneId",
            "GroupId",
        ]);
    }
    let mut interfaces: Vec<InterfaceSpec> =
        p.list("NetworkInterface").into_iter().map(interface_spec).collect::<Result<_>>()?;
    let mut ipv6_count = p.parsed("Ipv6AddressCount")?;
    match interfaces.as_mut_slice() {
        [] => ipv6_count = ipv6_count.or(before_ipv6(p)),
        made => made
            .iter_mut()
            .filter(|s| s.interface.is_none())
            .for_each(|s| s.ipv6_count = s.ipv6_count.or(before_ipv6(p))),
    }
    let mut groups = p.ids("SecurityGroupId");
    let by_name = groups_by_name(m, p)?;
    if !by_name.is_empty() && p.has("SubnetId") {
        return refuse(
            "InvalidParameterCombination",
            "The parameter groupName cannot be used with the parameter subnet",
        );
    }
    groups.extend(by_name);
    let request = RunInstance {
        subnet: p.text("SubnetId").map(Into::into),
        groups,
        private: p.address4("PrivateIpAddress")?,
        ipv6: p
            .list("Ipv6Address")
            .into_iter()
            .map(|a| a.address6("Ipv6Address")?.ok_or_else(|| a.missing("Ipv6Address")))
            .collect::<Result<_>>()?,
        ipv6_count,
        interfaces,
        instance_type: kind.into(),
        zone: placement.and_then(|p| p.text("AvailabilityZone")).map(Into::into),
        details: LaunchDetails {
            image: image.into(),
            key_name: p.text("KeyName").map(Into::into),
            user_data: p.text("UserData").map(Into::into),
            client_token: p.text("ClientToken").map(Into::into),
            protected: p.flag("DisableApiTermination")?.unwrap_or(false),
            unstoppable: p.flag("DisableApiStop")?.unwrap_or(false),
            shutdown: p.word("InstanceInitiatedShutdownBehavior", &["stop", "terminate"])?.map(Into::into),
            monitoring: p.structure("Monitoring").map(|m| m.flag("Enabled")).transpose()?.flatten().unwrap_or(false),
            ebs_optimized: p.flag("EbsOptimized")?.unwrap_or(false),
            metadata: match p.structure("MetadataOptions") {
                Some(options) => metadata_options(options, &MetadataOptions::default())?,
                None => MetadataOptions::default(),
            },
            ..LaunchDetails::default()
        },
    };
    let ids = m.run_instances(&request, min, max)?;
    for (kind, tags) in p.tag_specifications(&["instance", "network-interface", "volume", "spot-instances-request"])? {
        let on: Vec<Id> = match kind.as_str() {
            "instance" => ids.clone(),
            "network-interface" => {
                ids.iter().filter_map(|i| m.instances().get(i)).flat_map(|i| i.interfaces.values().cloned()).collect()
            }
            _ => continue,
        };
        m.create_tags(&on, &tags)?;
    }
    let made: Vec<&Instance> = ids.iter().filter_map(|i| m.instances().get(i)).collect();
    write_reservation(x, m, &made, Some("pending"));
    Ok(())
}

fn get_console_output(m: &Model, p: &Params, x: &mut Xml, machine: &dyn Machine) -> Result<()> {
    p.flag("Latest")?;
    let i = m.find::<Instance>(p.need("InstanceId")?)?;
    x.put("instanceId", &i.id);
    x.time("timestamp", m.now().max(i.launched));
    let text = machine.console(&i.id).unwrap_or_default();
    x.put("output", base64::prelude::BASE64_STANDARD.encode(text));
    Ok(())
}

/// `SecurityGroup.N`: names of groups of the default VPC.
fn groups_by_name(m: &Model, p: &Params) -> Result<Vec<Id>> {
    let find = |name: &str| {
        let found =
            m.security_groups().iter().find(|g| g.name == name && m.vpcs().get(&g.vpc).is_some_and(|v| v.is_default));
        found.map(|g| g.id.clone()).ok_or_else(|| {
            ApiError::new("InvalidGroup.NotFound", format!("The security group '{name}' does not exist in default VPC"))
        })
    };
    p.texts("SecurityGroup").into_iter().map(find).collect()
}

fn interface_spec(p: &Params) -> Result<InterfaceSpec> {
    p.ignore(&[
        "NetworkCardIndex",
        "PrimaryIpv6",
        "EnaSrdSpecification",
        "EnaQueueCount",
        "AssociateCarrierIpAddress",
        "InterfaceType",
    ]);
    not_prefixes(p)?;
    Ok(InterfaceSpec {
        device_index: p.parsed("DeviceIndex")?.ok_or_else(|| p.missing("DeviceIndex"))?,
        interface: p.text("NetworkInterfaceId").map(Into::into),
        subnet: p.text("SubnetId").map(Into::into),
        groups: p.ids("SecurityGroupId"),
        private: private_addresses(p)?,
        secondary_count: p.parsed("SecondaryPrivateIpAddressCount")?.unwrap_or(0),
        ipv6: ipv6_addresses(p)?,
        ipv6_count: p.parsed("Ipv6AddressCount")?,
        associate_public: p.flag("AssociatePublicIpAddress")?,
        description: p.text("Description").unwrap_or_default().into(),
        delete_on_termination: p.flag("DeleteOnTermination")?,
    })
}

type Step = fn(&mut Model, &str) -> Result<()>;

fn stop_instances(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["Force", "Hibernate", "SkipOsShutdown"]);
    change_state(m, p, x, Model::stop_instance, "stopped")
}

/// Takes instances to another state and tells both. Clients that wait see the new state at once; the answer names the way there, as AWS does.
fn change_state(m: &mut Model, p: &Params, x: &mut Xml, step: Step, to: &str) -> Result<()> {
    p.ignore(&["AdditionalInfo", "Force", "SkipOsShutdown"]);
    let ids = named(m, p)?;
    let before: Vec<&'static str> =
        ids.iter().map(|id| m.instances().get(id).map_or("terminated", |i| state(i).1)).collect();
    for id in &ids {
        step(m, id)?;
    }
    x.list("instancesSet", ids.iter().zip(before), |x, (id, before)| {
        let on_the_way = match to {
            _ if before == to => before,
            "running" => "pending",
            "stopped" => "stopping",
            _ => "shutting-down",
        };
        x.put("instanceId", id);
        x.within("currentState", |x| write_state(x, on_the_way));
        x.within("previousState", |x| write_state(x, before));
    });
    Ok(())
}

fn reboot_instances(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    for id in named(m, p)? {
        if m.find::<Instance>(&id)?.state != InstanceState::Running {
            return refuse(
                "IncorrectInstanceState",
                format!("The instance '{id}' is not in a state from which it can be rebooted."),
            );
        }
    }
    x.done();
    Ok(())
}

/// Instances that a call names; each must exist.
pub(super) fn named(m: &Model, p: &Params) -> Result<Vec<Id>> {
    let ids = p.ids("InstanceId");
    if ids.is_empty() {
        return Err(p.missing("InstanceId"));
    }
    let missing: Vec<&str> = ids.iter().filter(|id| m.instances().get(id).is_none()).map(String::as_str).collect();
    match missing.as_slice() {
        [] => Ok(ids),
        [one] => refuse("InvalidInstanceID.NotFound", format!("The instance ID '{one}' does not exist")),
        several => {
            refuse("InvalidInstanceID.NotFound", format!("The instance IDs '{}' do not exist", several.join(", ")))
        }
    }
}

/// Code and name.
fn state(i: &Instance) -> (u8, &'static str) {
    match i.state {
        InstanceState::Running => (16, "running"),
        InstanceState::Stopped => (80, "stopped"),
        InstanceState::Terminated => (48, "terminated"),
    }
}

fn write_state(x: &mut Xml, name: &str) {
    let code = match name {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    };
    x.put("code", code);
    x.put("name", name);
}

fn describe_instances(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["IncludeManagedResources"]);
    let ids = p.ids("InstanceId");
    if !ids.is_empty() {
        if p.has("MaxResults") {
            return refuse(
                "InvalidParameterCombination",
                "The parameter instancesSet cannot be used with the parameter maxResults",
            );
        }
        named(m, p)?;
    }
    let filters = Filters::read(p, FILTERS)?;
    let kept = m.instances().iter().filter(|i| ids.is_empty() || ids.contains(&i.id));
    let kept = kept.filter(|i| filters.pass(m, &i.id, |name| values(m, i, name)));
    let page = Page::cut(p, kept.filter_map(|i| Some((m.instances().place(&i.id)?, i))))?;
    // In order of the first instance on this page.
    let mut order: Vec<&str> = Vec::new();
    let mut by_reservation: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
    for i in page.items() {
        let reservation = i.details.reservation.as_str();
        by_reservation.entry(reservation).or_insert_with(|| {
            order.push(reservation);
            Vec::new()
        });
        by_reservation.entry(reservation).or_default().push(i);
    }
    x.list("reservationSet", order, |x, r| write_reservation(x, m, &by_reservation[r], None));
    page.write_next(x);
    Ok(())
}

/// Instances of one launch. `shown`: a state that the answer tells in place of the one they are in.
fn write_reservation(x: &mut Xml, m: &Model, instances: &[&Instance], shown: Option<&str>) {
    x.maybe("reservationId", instances.first().map(|i| &i.details.reservation));
    x.put("ownerId", m.account());
    x.list("groupSet", [(); 0], |_, ()| {});
    x.list("instancesSet", instances, |x, i| write_instance(x, m, i, shown));
}

pub(super) fn eth0<'a>(m: &'a Model, i: &Instance) -> Option<&'a NetworkInterface> {
    m.interfaces().get(i.interfaces.get(&0)?)
}

fn write_instance(x: &mut Xml, m: &Model, i: &Instance, shown: Option<&str>) {
    let (d, eth0) = (&i.details, eth0(m, i));
    x.put("instanceId", &i.id);
    x.put("imageId", if d.image.is_empty() { "ami-00000000" } else { &d.image });
    x.within("instanceState", |x| write_state(x, shown.unwrap_or(state(i).1)));
    let public = eth0.and_then(|e| m.public_of(e));
    x.put("privateDnsName", eth0.and_then(|e| dns::private_of(m, &e.vpc, e.primary())).unwrap_or_default());
    x.put("dnsName", public.and_then(|a| dns::public_of(m, &i.vpc, a)).unwrap_or_default());
    match &i.ended {
        Some((at, _, _)) => x.put("reason", format_args!("User initiated ({})", timestamp(*at))),
        None => x.put("reason", ""),
    }
    x.maybe("keyName", d.key_name.as_ref());
    x.put("amiLaunchIndex", d.index);
    x.within("productCodes", |_| {});
    x.put("instanceType", if i.instance_type.is_empty() { "m1.small" } else { &i.instance_type });
    x.time("launchTime", i.launched);
    x.within("placement", |x| {
        x.put("availabilityZone", &i.zone);
        x.put("groupName", "");
        x.put("tenancy", m.vpcs().get(&i.vpc).map_or("default", |v| &v.tenancy));
    });
    x.within("monitoring", |x| x.put("state", if d.monitoring { "enabled" } else { "disabled" }));
    if let Some(e) = eth0 {
        x.put("subnetId", &i.subnet);
        x.put("vpcId", &i.vpc);
        x.put("privateIpAddress", e.primary());
        x.maybe("ipAddress", public);
        x.maybe("ipv6Address", e.ipv6.first());
        x.put("sourceDestCheck", e.source_dest_check);
    }
    write_groups(x, m, eth0.map_or(&[], |e| &e.groups));
    if let Some((_, code, message)) = &i.ended {
        x.within("stateReason", |x| {
            x.put("code", code);
            x.put("message", message);
        });
    }
    x.put("architecture", image::architecture(&d.image, &i.instance_type));
    x.put("rootDeviceType", "ebs");
    x.put("rootDeviceName", image::root_of(&d.image));
    x.within("blockDeviceMapping", |_| {});
    x.put("virtualizationType", "hvm");
    x.put("clientToken", d.client_token.as_deref().unwrap_or_default());
    x.put("hypervisor", "xen");
    x.put("ebsOptimized", d.ebs_optimized);
    x.put("enaSupport", true);
    let interfaces = i.interfaces.values().filter_map(|e| m.interfaces().get(e));
    x.list("networkInterfaceSet", interfaces, |x, e| interface::write_interface(x, m, e));
    x.within("metadataOptions", |x| write_metadata_options(x, i));
    if let Some(kind) = InstanceType::named(&i.instance_type) {
        x.within("cpuOptions", |x| {
            x.put("coreCount", kind.cores());
            x.put("threadsPerCore", kind.threads_per_core());
        });
    }
    let dns = m.subnets().get(&i.subnet).map(|s| s.dns).unwrap_or_default();
    x.within("privateDnsNameOptions", |x| {
        x.put("hostnameType", if dns.resource_names { "resource-name" } else { "ip-name" });
        x.put("enableResourceNameDnsARecord", dns.a_records);
        x.put("enableResourceNameDnsAAAARecord", dns.aaaa_records);
    });
    x.within("capacityReservationSpecification", |x| x.put("capacityReservationPreference", "open"));
    x.within("hibernationOptions", |x| x.put("configured", false));
    x.within("enclaveOptions", |x| x.put("enabled", false));
    x.within("maintenanceOptions", |x| x.put("autoRecovery", "default"));
    x.put("platformDetails", "Linux/UNIX");
    x.put("usageOperation", "RunInstances");
    tag_set(x, m, &i.id);
}

const FILTERS: &[&str] = &[
    "architecture",
    "association.public-ip",
    "availability-zone",
    "client-token",
    "dns-name",
    "group-id",
    "group-name",
    "hypervisor",
    "image-id",
    "instance-id",
    "instance-lifecycle",
    "instance-state-code",
    "instance-state-name",
    "instance-type",
    "instance.group-id",
    "instance.group-name",
    "ip-address",
    "ipv6-address",
    "key-name",
    "launch-index",
    "launch-time",
    "monitoring-state",
    "network-interface.addresses.association.public-ip",
    "network-interface.addresses.primary",
    "network-interface.addresses.private-ip-address",
    "network-interface.association.public-ip",
    "network-interface.attachment.attachment-id",
    "network-interface.attachment.device-index",
    "network-interface.availability-zone",
    "network-interface.description",
    "network-interface.group-id",
    "network-interface.group-name",
    "network-interface.ipv6-addresses.ipv6-address",
    "network-interface.mac-address",
    "network-interface.network-interface-id",
    "network-interface.owner-id",
    "network-interface.private-dns-name",
    "network-interface.source-dest-check",
    "network-interface.status",
    "network-interface.subnet-id",
    "network-interface.vpc-id",
    "owner-id",
    "placement-group-name",
    "platform",
    "private-dns-name",
    "private-ip-address",
    "reason",
    "requester-id",
    "reservation-id",
    "root-device-name",
    "root-device-type",
    "source-dest-check",
    "state-reason-code",
    "state-reason-message",
    "subnet-id",
    "tenancy",
    "virtualization-type",
    "vpc-id",
];

fn values<'a>(m: &'a Model, i: &'a Instance, name: &str) -> Values<'a> {
    let d = &i.details;
    let eth0 = eth0(m, i);
    // Filters of interfaces are those of DescribeNetworkInterfaces.
    if let Some(of_interface) = name.strip_prefix("network-interface.") {
        let all = i.interfaces.values().filter_map(|e| m.interfaces().get(e));
        return all.flat_map(|e| interface::values(m, e, of_interface)).collect();
    }
    match name {
        "architecture" => one(image::architecture(&d.image, &i.instance_type)),
        "association.public-ip" | "ip-address" => each(eth0.and_then(|e| m.public_of(e))),
        "availability-zone" => one(i.zone.as_str()),
        "client-token" => some(d.client_token.as_deref()),
        "dns-name" => each(eth0.and_then(|e| m.public_of(e)).and_then(|a| dns::public_of(m, &i.vpc, a))),
        "group-id" | "instance.group-id" => each(eth0.into_iter().flat_map(|e| &e.groups)),
        "group-name" | "instance.group-name" => {
            let groups = eth0.into_iter().flat_map(|e| &e.groups);
            each(groups.filter_map(|g| m.security_groups().get(g)).map(|g| &g.name))
        }
        "hypervisor" => one("xen"),
        "image-id" => one(d.image.as_str()),
        "instance-id" => one(i.id.as_str()),
        "instance-state-code" => shown(state(i).0),
        "instance-state-name" => one(state(i).1),
        "instance-type" => one(i.instance_type.as_str()),
        "ipv6-address" => each(eth0.into_iter().flat_map(|e| &e.ipv6)),
        "key-name" => some(d.key_name.as_deref()),
        "launch-index" => shown(d.index),
        "launch-time" => shown(timestamp(i.launched)),
        "monitoring-state" => one(if d.monitoring { "enabled" } else { "disabled" }),
        "owner-id" | "requester-id" => one(m.account()),
        "private-dns-name" => each(eth0.and_then(|e| dns::private_of(m, &e.vpc, e.primary()))),
        "private-ip-address" => each(eth0.map(NetworkInterface::primary)),
        "reason" | "state-reason-message" => some(i.ended.as_ref().map(|e| e.2.as_str())),
        "reservation-id" => one(d.reservation.as_str()),
        "root-device-name" => one(image::root_of(&d.image)),
        "root-device-type" => one("ebs"),
        "source-dest-check" => each(eth0.map(|e| e.source_dest_check)),
        "state-reason-code" => some(i.ended.as_ref().map(|e| e.1.as_str())),
        "subnet-id" => some(eth0.map(|_| i.subnet.as_str())),
        "tenancy" => some(m.vpcs().get(&i.vpc).map(|v| v.tenancy.as_str())),
        "virtualization-type" => one("hvm"),
        "vpc-id" => some(eth0.map(|_| i.vpc.as_str())),
        _ => Vec::new(),
    }
}

const STATUS_FILTERS: &[&str] = &[
    "availability-zone",
    "event.code",
    "event.description",
    "event.not-after",
    "event.not-before",
    "instance-state-code",
    "instance-state-name",
    "instance-status.reachability",
    "instance-status.status",
    "system-status.reachability",
    "system-status.status",
    "attached-ebs-status.status",
];

fn describe_instance_status(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let ids = p.ids("InstanceId");
    if !ids.is_empty() {
        named(m, p)?;
    }
    let all = p.flag("IncludeAllInstances")?.unwrap_or(false);
    let filters = Filters::read(p, STATUS_FILTERS)?;
    let kept = m.instances().iter().filter(|i| ids.is_empty() || ids.contains(&i.id));
    let kept = kept.filter(|i| all || i.state == InstanceState::Running);
    let kept = kept.filter(|i| {
        filters.pass(m, &i.id, |name| match name {
            "instance-status.status" | "system-status.status" | "attached-ebs-status.status" => one(health(i).0),
            "instance-status.reachability" | "system-status.reachability" => one(health(i).1),
            other => values(m, i, other),
        })
    });
    let page = Page::cut(p, kept.filter_map(|i| Some((m.instances().place(&i.id)?, i))))?;
    page.write(x, "instanceStatusSet", |x, i| {
        x.put("instanceId", &i.id);
        x.put("availabilityZone", &i.zone);
        x.within("instanceState", |x| write_state(x, state(i).1));
        for name in ["systemStatus", "instanceStatus"] {
            x.within(name, |x| {
                let (status, reachability) = health(i);
                x.put("status", status);
                x.list("details", Some(reachability), |x, r| {
                    x.put("name", "reachability");
                    x.put("status", r);
                });
            });
        }
    });
    Ok(())
}

fn health(i: &Instance) -> (&'static str, &'static str) {
    match i.state {
        InstanceState::Running => ("ok", "passed"),
        _ => ("not-applicable", "not-applicable"),
    }
}
