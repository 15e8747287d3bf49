//! Instances, as far as packets care: what holds interfaces (chapter 02, IP-06..10; chapter 03, ENI-05..07).

use super::instance_types::{max_addresses, max_interfaces, takes_ipv6};
use super::interface::Chosen;
use super::*;
use std::net::Ipv6Addr;

/// RunInstances with a count of one. Give either `subnet` and its companions, or `interfaces`.
#[derive(Clone, Debug, Default)]
pub struct RunInstance {
    pub subnet: Option<Id>,
    pub groups: Vec<Id>,
    pub private: Option<Ipv4Addr>,
    pub ipv6: Vec<Ipv6Addr>,
    pub ipv6_count: Option<u32>,
    pub interfaces: Vec<InterfaceSpec>,
    pub instance_type: String,
    /// Availability Zone, if named: must be the subnet's.
    pub zone: Option<String>,
    pub details: LaunchDetails,
}

/// One interface of a launch: an existing one, or how to make one.
#[derive(Clone, Debug, Default)]
pub struct InterfaceSpec {
    pub device_index: u32,
    /// An existing, free interface.
    pub interface: Option<Id>,
    pub subnet: Option<Id>,
    pub groups: Vec<Id>,
    /// Primary first.
    pub private: Vec<Ipv4Addr>,
    pub secondary_count: u32,
    pub ipv6: Vec<Ipv6Addr>,
    pub ipv6_count: Option<u32>,
    /// AssociatePublicIpAddress; none: the subnet's attribute decides (IP-07).
    pub associate_public: Option<bool>,
    pub description: String,
    pub delete_on_termination: Option<bool>,
}

enum Plan {
    Existing(Id),
    New(Box<CreateNetworkInterface>, Chosen),
}

impl Model {
    /// RunInstances (IP-06..08, ENI-05..07, NATI-15, SG-26).
    pub fn run_instance(&mut self, request: RunInstance) -> Result<Id> {
        self.room_for_instance()?;
        if let Some(key) = &request.details.key_name {
            self.key_pair_named(key)?;
        }
        let specs = launch_specs(&request)?;
        let several = specs.len() > 1;
        let mut seen = Vec::new();
        let mut plans: Vec<(&InterfaceSpec, Plan, Id)> = Vec::new();
        let mut want_public = false;
        for spec in &specs {
            if seen.contains(&spec.device_index) {
                return refuse(
                    "InvalidParameterCombination",
                    format!("Two network interfaces have device index {}", spec.device_index),
                );
            }
            seen.push(spec.device_index);
            if spec.associate_public == Some(true) && (several || spec.interface.is_some() || spec.device_index != 0) {
                return refuse(
                    "InvalidParameterCombination",
                    "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.",
                );
            }
            if let Some(existing) = &spec.interface {
                let eni = self.find::<NetworkInterface>(existing)?;
                self.not_managed(eni)?;
                if eni.attachment.is_some()
                    || eni.binding.is_some()
                    || plans.iter().any(|p| matches!(&p.1, Plan::Existing(e) if e == existing))
                {
                    return refuse("InvalidNetworkInterface.InUse", format!("Interface: [{existing}] in use."));
                }
                if spec.subnet.is_some()
                    || !spec.groups.is_empty()
                    || !spec.private.is_empty()
                    || !spec.ipv6.is_empty()
                    || spec.ipv6_count.is_some()
                    || spec.secondary_count > 0
                {
                    return refuse(
                        "InvalidParameterCombination",
                        format!(
                            "A network interface ID ({existing}) may not be combined with a subnet, groups or addresses."
                        ),
                    );
                }
                addresses_fit(&request.instance_type, eni.private.len(), eni.ipv6.len())?;
                plans.push((spec, Plan::Existing(existing.clone()), eni.subnet.clone()));
                continue;
            }
            let subnet = match &spec.subnet {
                Some(subnet) => subnet.clone(),
                None => self.default_subnet(request.zone.as_deref())?.id.clone(),
            };
            let create = CreateNetworkInterface {
                subnet: subnet.clone(),
                private: spec.private.clone(),
                secondary_count: spec.secondary_count,
                ipv6: spec.ipv6.clone(),
                ipv6_count: spec.ipv6_count,
                groups: spec.groups.clone(),
                description: spec.description.clone(),
            };
            let others: Vec<&Chosen> =
                plans.iter().filter_map(|p| if let Plan::New(_, c) = &p.1 { Some(c) } else { None }).collect();
            let chosen = self.choose(&create, &others)?;
            addresses_fit(&request.instance_type, chosen.private.len(), chosen.ipv6.len())?;
            if spec.device_index == 0 && !several {
                want_public = spec.associate_public.unwrap_or(self.find::<Subnet>(&subnet)?.map_public_ip);
            }
            plans.push((spec, Plan::New(Box::new(create), chosen), subnet));
        }
        plans.sort_by_key(|p| p.0.device_index);
        let (vpc, zone, subnet) = self.one_place(&plans, request.zone.as_deref())?;
        if plans.len() > max_interfaces(&request.instance_type) {
            return refuse(
                "AttachmentLimitExceeded",
                format!("Interface count {} exceeds the limit for {}", plans.len(), request.instance_type),
            );
        }
        let plans: Vec<(InterfaceSpec, Plan)> = plans.into_iter().map(|(s, p, _)| (s.clone(), p)).collect();
        let id = self.new_id("i");
        let reservation = match request.details.reservation.as_str() {
            "" => self.new_id("r"),
            given => given.into(),
        };
        self.instances.put(Instance {
            id: id.clone(),
            vpc,
            subnet,
            zone,
            instance_type: request.instance_type.clone(),
            state: InstanceState::Running,
            interfaces: BTreeMap::new(),
            wants_public: want_public,
            details: LaunchDetails { reservation, ..request.details.clone() },
            launched: self.now,
            ended: None,
        });
        for (spec, plan) in plans {
            let (interface, deletes) = match plan {
                Plan::Existing(e) => (e, false),
                Plan::New(create, chosen) => (self.put_interface(&create, chosen), true),
            };
            self.plug(&interface, &id, spec.device_index, spec.delete_on_termination.unwrap_or(deletes));
            if spec.device_index == 0 && want_public {
                self.assign_public(&interface);
            }
        }
        Ok(id)
    }

    /// RunInstances: as many as there is room for, between `min` and `max`; all or none of them (IP-02, QTA-43).
    pub fn run_instances(&mut self, request: &RunInstance, min: u32, max: u32) -> Result<Vec<Id>> {
        if min == 0 || max < min {
            return refuse(
                "InvalidParameterValue",
                format!("Value ({min}) for parameter minCount is invalid: at least 1, and at most maxCount ({max})."),
            );
        }
        if max > 1 && (request.private.is_some() || request.interfaces.iter().any(|s| !s.private.is_empty())) {
            return refuse(
                "InvalidParameterCombination",
                "A private IP address may be specified for the launch of one instance only.",
            );
        }
        let reservation = self.new_id("r");
        let mut ids: Vec<Id> = Vec::new();
        for index in 0..max {
            let details = LaunchDetails { reservation: reservation.clone(), index, ..request.details.clone() };
            match self.run_instance(RunInstance { details, ..request.clone() }) {
                Ok(id) => ids.push(id),
                Err(_) if index >= min => break,
                Err(e) => return Err(e),
            }
        }
        Ok(ids)
    }

    /// Refuses one more instance than the quota allows; terminated ones do not count (NATI-15).
    fn room_for_instance(&self) -> Result<()> {
        let max = self.scalars.limits.instances;
        let living = || self.instances.iter().filter(|i| i.state != InstanceState::Terminated).count();
        if self.instances.len() < max || living() < max {
            return Ok(());
        }
        refuse(
            "InstanceLimitExceeded",
            format!(
                "You have requested more instances ({}) than your current instance limit of {max} allows.",
                max + 1
            ),
        )
    }

    /// StopInstances: the auto-assigned public address goes (IP-10, S-02-12); private ones stay (IP-03).
    pub fn stop_instance(&mut self, instance: &str) -> Result<()> {
        let i = self.living(instance, "stopped")?;
        if i.state == InstanceState::Stopped {
            return Ok(());
        }
        if i.details.unstoppable {
            return refuse(
                "OperationNotPermitted",
                format!(
                    "The instance '{instance}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again."
                ),
            );
        }
        let interfaces: Vec<Id> = i.interfaces.values().cloned().collect();
        for e in interfaces {
            self.drop_public(&e);
        }
        let ended = Some((self.now, "Client.UserInitiatedShutdown".into(), "Client.UserInitiatedShutdown".into()));
        self.instances.edit(instance, |i| (i.state, i.ended) = (InstanceState::Stopped, ended));
        Ok(())
    }

    /// StartInstances: a new auto-assigned public address, if the launch asked for one.
    pub fn start_instance(&mut self, instance: &str) -> Result<()> {
        let i = self.living(instance, "started")?;
        if i.state == InstanceState::Running {
            return Ok(());
        }
        let eth0 = i.interfaces.get(&0).cloned().filter(|_| i.wants_public && i.interfaces.len() == 1);
        let now = self.now;
        self.instances.edit(instance, |i| (i.state, i.launched, i.ended) = (InstanceState::Running, now, None));
        if let Some(eth0) = eth0 {
            self.assign_public(&eth0);
        }
        Ok(())
    }

    /// TerminateInstances: interfaces made with it go, others are free again. It stays visible for an hour.
    pub fn terminate_instance(&mut self, instance: &str) -> Result<()> {
        let i = self.find::<Instance>(instance)?;
        if i.details.protected {
            return refuse(
                "OperationNotPermitted",
                format!(
                    "The instance '{instance}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."
                ),
            );
        }
        self.end_instance(
            instance,
            "Client.UserInitiatedShutdown",
            "Client.UserInitiatedShutdown: User initiated shutdown",
        );
        Ok(())
    }

    /// An instance is no more, for this reason.
    pub fn end_instance(&mut self, instance: &str, code: &str, message: &str) {
        let Some(i) = self.instances.get(instance).filter(|i| i.state != InstanceState::Terminated) else { return };
        let interfaces: Vec<Id> = i.interfaces.values().cloned().collect();
        for e in interfaces {
            let goes =
                self.interfaces.get(&e).and_then(|e| e.attachment.as_ref()).is_some_and(|a| a.delete_on_termination);
            if goes {
                self.drop_interface(&e);
            } else {
                self.drop_public(&e);
                self.unplug(&e);
            }
        }
        let ended = Some((self.now, code.into(), message.into()));
        self.instances.edit(instance, |i| (i.state, i.ended) = (InstanceState::Terminated, ended));
        self.has_ended(instance);
    }

    /// ModifyInstanceAttribute of what no packet depends on.
    pub fn modify_launch_details(&mut self, instance: &str, change: impl FnOnce(&mut LaunchDetails)) -> Result<()> {
        self.living(instance, "modified")?;
        self.instances.edit(instance, |i| change(&mut i.details));
        Ok(())
    }

    /// ModifyInstanceAttribute instanceType: while it is stopped, and if its interfaces fit.
    pub fn modify_instance_type(&mut self, instance: &str, kind: &str) -> Result<()> {
        self.stopped(instance)?;
        let i = self.find::<Instance>(instance)?;
        if i.interfaces.len() > max_interfaces(kind) {
            return refuse(
                "AttachmentLimitExceeded",
                format!("Interface count {} exceeds the limit for {kind}", i.interfaces.len()),
            );
        }
        for e in i.interfaces.values().filter_map(|e| self.interfaces.get(e)) {
            addresses_fit(kind, e.private.len(), e.ipv6.len())?;
        }
        self.instances.edit(instance, |i| i.instance_type = kind.into());
        Ok(())
    }

    /// Refuses unless an instance is stopped, as changes of some attributes ask (IP-22).
    pub fn stopped(&self, instance: &str) -> Result<()> {
        if self.find::<Instance>(instance)?.state != InstanceState::Stopped {
            return refuse(
                "IncorrectInstanceState",
                format!("The instance '{instance}' is not in the 'stopped' state."),
            );
        }
        Ok(())
    }

    /// An instance that is not terminated.
    fn living(&self, instance: &str, what: &str) -> Result<&Instance> {
        let i = self.find::<Instance>(instance)?;
        if i.state == InstanceState::Terminated {
            return refuse(
                "IncorrectInstanceState",
                format!("The instance '{instance}' is not in a state from which it can be {what}."),
            );
        }
        Ok(i)
    }

    /// ModifyInstanceAttribute sourceDestCheck: single-interface instances only (NATI-02).
    pub fn modify_instance_source_dest_check(&mut self, instance: &str, on: bool) -> Result<()> {
        let i = self.living(instance, "modified")?;
        if i.interfaces.len() != 1 {
            return Err(several_interfaces(instance));
        }
        let eth0 = i.interfaces.values().next().cloned().unwrap_or_default();
        self.modify_source_dest_check(&eth0, on)
    }

    /// ModifyInstanceAttribute groups: eth0's set (SG-61).
    pub fn modify_instance_groups(&mut self, instance: &str, groups: &[Id]) -> Result<()> {
        let i = self.living(instance, "modified")?;
        let eth0 = i.interfaces.get(&0).cloned().unwrap_or_default();
        self.modify_groups(&eth0, groups)
    }

    /// All interfaces of one launch lie in one VPC and zone (ENI-07).
    fn one_place(&self, plans: &[(&InterfaceSpec, Plan, Id)], zone: Option<&str>) -> Result<(Id, String, Id)> {
        let Some((first, _, subnet)) = plans.first() else {
            return refuse("MissingParameter", "An instance needs a network interface.");
        };
        if first.device_index != 0 {
            return refuse("InvalidParameterCombination", "A launch needs a network interface with device index 0.");
        }
        let s = self.find::<Subnet>(subnet)?;
        for (_, _, other) in plans {
            let o = self.find::<Subnet>(other)?;
            if o.vpc != s.vpc || o.zone != s.zone {
                return refuse(
                    "InvalidParameterCombination",
                    format!("The subnets {subnet} and {other} are not in one VPC and Availability Zone."),
                );
            }
        }
        if zone.is_some_and(|z| z != s.zone) {
            return refuse(
                "InvalidParameterValue",
                format!(
                    "The Availability Zone '{}' does not match the subnet's ({}).",
                    zone.unwrap_or_default(),
                    s.zone
                ),
            );
        }
        Ok((s.vpc.clone(), s.zone.clone(), subnet.clone()))
    }
}

/// The refusal of what means the only interface of an instance that has several.
pub(crate) fn several_interfaces(instance: &str) -> ApiError {
    ApiError::new(
        "InvalidInstanceID",
        format!(
            "There are multiple interfaces attached to instance '{instance}'. Please specify an interface ID for the operation instead."
        ),
    )
}

/// Whether an interface with this many addresses may hang on an instance of a type (IP-18, IP-21).
pub(super) fn addresses_fit(kind: &str, private: usize, ipv6: usize) -> Result<()> {
    if ipv6 > 0 && !takes_ipv6(kind) {
        return refuse(
            "InvalidParameterCombination",
            format!("The instance type '{kind}' does not support IPv6 addresses."),
        );
    }
    if private.max(ipv6) > max_addresses(kind) {
        return refuse(
            "PrivateIpAddressLimitExceeded",
            format!("Number of addresses will exceed the limit of {kind}."),
        );
    }
    Ok(())
}

fn launch_specs(request: &RunInstance) -> Result<Vec<InterfaceSpec>> {
    let plain = request.subnet.is_some()
        || !request.groups.is_empty()
        || request.private.is_some()
        || !request.ipv6.is_empty()
        || request.ipv6_count.is_some();
    if request.interfaces.is_empty() {
        return Ok(vec![InterfaceSpec {
            subnet: request.subnet.clone(),
            groups: request.groups.clone(),
            private: request.private.into_iter().collect(),
            ipv6: request.ipv6.clone(),
            ipv6_count: request.ipv6_count,
            ..Default::default()
        }]);
    }
    if plain {
        return refuse(
            "InvalidParameterCombination",
            "Network interfaces and an instance-level subnet, groups or addresses may not be specified on the same request",
        );
    }
    Ok(request.interfaces.clone())
}
