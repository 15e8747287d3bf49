//! Attributes of instances.

use super::filter::Filters;
use super::instance::{eth0, named};
use super::interface::write_groups;
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, image, read, write};
use crate::model::{
    ApiError, Id, Instance, InstanceState, InstanceType, LaunchDetails, MetadataOptions, Model, Result, refuse,
    several_interfaces,
};

pub(super) const OPERATIONS: &[Operation] = &[
    read("DescribeInstanceAttribute", describe_instance_attribute),
    write("ModifyInstanceAttribute", modify_instance_attribute),
    write("ResetInstanceAttribute", reset_instance_attribute),
    write("ModifyInstanceMetadataOptions", modify_instance_metadata_options),
    read("DescribeInstanceCreditSpecifications", describe_instance_credit_specifications),
];

/// Names of attributes and the parameters of ModifyInstanceAttribute that set them.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("instanceType", "InstanceType"),
    ("kernel", "Kernel"),
    ("ramdisk", "Ramdisk"),
    ("userData", "UserData"),
    ("disableApiTermination", "DisableApiTermination"),
    ("disableApiStop", "DisableApiStop"),
    ("instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior"),
    ("sourceDestCheck", "SourceDestCheck"),
    ("ebsOptimized", "EbsOptimized"),
    ("sriovNetSupport", "SriovNetSupport"),
    ("enaSupport", "EnaSupport"),
    ("rootDeviceName", ""),
    ("blockDeviceMapping", "BlockDeviceMapping"),
    ("productCodes", ""),
    ("groupSet", "GroupId"),
    ("enclaveOptions", ""),
];

/// The attribute that a call names.
fn attribute(p: &Params) -> Result<Option<&'static str>> {
    let names: Vec<&str> = ATTRIBUTES.iter().map(|(name, _)| *name).collect();
    let name = p.word("Attribute", &names)?;
    Ok(ATTRIBUTES.iter().map(|(known, _)| *known).find(|known| Some(*known) == name))
}

fn describe_instance_attribute(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let i = m.find::<Instance>(p.need("InstanceId")?)?;
    let attribute = attribute(p)?.ok_or_else(|| p.missing("Attribute"))?;
    if attribute == "sourceDestCheck" && i.interfaces.len() > 1 {
        return Err(several_interfaces(&i.id));
    }
    let (d, eth0) = (&i.details, eth0(m, i));
    x.put("instanceId", &i.id);
    match attribute {
        "productCodes" | "blockDeviceMapping" => x.within(attribute, |_| {}),
        "groupSet" => write_groups(x, m, eth0.map_or(&[], |e| &e.groups)),
        "enclaveOptions" => x.within(attribute, |x| x.put("enabled", false)),
        _ => x.within(attribute, |x| match attribute {
            "instanceType" => x.put("value", &i.instance_type),
            "userData" => x.maybe("value", d.user_data.as_ref()),
            "disableApiTermination" => x.put("value", d.protected),
            "disableApiStop" => x.put("value", d.unstoppable),
            "instanceInitiatedShutdownBehavior" => x.put("value", d.shutdown.as_deref().unwrap_or("stop")),
            "sourceDestCheck" => x.maybe("value", eth0.map(|e| e.source_dest_check)),
            "ebsOptimized" => x.put("value", d.ebs_optimized),
            "sriovNetSupport" => x.put("value", "simple"),
            "enaSupport" => x.put("value", true),
            "rootDeviceName" => x.put("value", image::root_of(&d.image)),
            // A kernel and a RAM disk of its own it has not.
            _ => {}
        }),
    }
    Ok(())
}

/// One attribute: by the parameter of its name, or as `Attribute` and `Value`.
fn modify_instance_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("InstanceId")?;
    m.find::<Instance>(id)?;
    let mut given: Vec<(&str, Option<&str>)> = Vec::new();
    if let Some(name) = attribute(p)? {
        given.push((name, p.given("Value")));
    }
    for (name, parameter) in ATTRIBUTES.iter().filter(|(_, parameter)| p.has(parameter)) {
        let value = p.structure(parameter).and_then(|s| s.given("Value")).or_else(|| p.given(parameter));
        given.push((name, value));
    }
    let (name, value) = match given.as_slice() {
        [one] => *one,
        [] => return refuse("InvalidParameterCombination", "No attributes specified."),
        _ => {
            return refuse(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified. Only one attribute may be modified at a time.",
            );
        }
    };
    match name {
        "groupSet" => {
            let mut groups: Vec<Id> = p.ids("GroupId");
            groups.extend(p.text("Value").map(Into::into));
            m.modify_instance_groups(id, &groups)?;
        }
        "blockDeviceMapping" => {
            let device = p.list("BlockDeviceMapping").into_iter().find_map(|b| b.text("DeviceName"));
            let device = device.ok_or_else(|| p.missing("BlockDeviceMapping"))?;
            return refuse("InvalidInstanceAttributeValue", format!("No device is currently mapped at {device}"));
        }
        _ => set(m, id, name, value.ok_or_else(|| p.missing("Value"))?)?,
    }
    x.done();
    Ok(())
}

fn set(m: &mut Model, id: &str, name: &str, value: &str) -> Result<()> {
    let bad = || {
        let message = format!("Value ({value}) for parameter {name} is invalid.");
        ApiError::new("InvalidParameterValue", message)
    };
    let flag = || match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(bad()),
    };
    match name {
        "instanceType" if value.split_once('.').is_none_or(|(a, b)| a.is_empty() || b.is_empty()) => {
            refuse("InvalidInstanceAttributeValue", format!("Invalid value '{value}' for InstanceType."))
        }
        "instanceType" => m.modify_instance_type(id, value),
        "sourceDestCheck" => m.modify_instance_source_dest_check(id, flag()?),
        "disableApiTermination" => change(m, id, flag()?, |d, on| d.protected = on),
        "disableApiStop" => change(m, id, flag()?, |d, on| d.unstoppable = on),
        "instanceInitiatedShutdownBehavior" if !["stop", "terminate"].contains(&value) => Err(bad()),
        "instanceInitiatedShutdownBehavior" => change(m, id, value, |d, v| d.shutdown = Some(v.into())),
        "userData" => {
            m.stopped(id)?;
            change(m, id, value, |d, v| d.user_data = Some(v.to_string()).filter(|v| !v.is_empty()))
        }
        "ebsOptimized" => {
            let on = flag()?;
            m.stopped(id)?;
            change(m, id, on, |d, on| d.ebs_optimized = on)
        }
        // Both are always there.
        "sriovNetSupport" if value == "simple" => m.stopped(id),
        "enaSupport" if flag()? => m.stopped(id),
        "sriovNetSupport" | "enaSupport" => Err(bad()),
        other => refuse("UnsupportedOperation", format!("The attribute {other} cannot be modified.")),
    }
}

fn change<T>(m: &mut Model, id: &str, value: T, to: impl FnOnce(&mut LaunchDetails, T)) -> Result<()> {
    m.modify_launch_details(id, |d| to(d, value))
}

fn reset_instance_attribute(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("InstanceId")?;
    match attribute(p)?.ok_or_else(|| p.missing("Attribute"))? {
        "sourceDestCheck" => m.modify_instance_source_dest_check(id, true)?,
        // What was never set is as it was.
        "kernel" | "ramdisk" => m.stopped(id)?,
        other => return Err(p.invalid("Attribute", other)),
    }
    x.done();
    Ok(())
}

fn modify_instance_metadata_options(m: &mut Model, p: &Params, x: &mut Xml) -> Result<()> {
    let id = p.need("InstanceId")?;
    let options = metadata_options(p, &m.find::<Instance>(id)?.details.metadata)?;
    change(m, id, options, |d, options| d.metadata = options)?;
    x.put("instanceId", id);
    let i = m.find::<Instance>(id)?;
    x.within("instanceMetadataOptions", |x| write_metadata_options(x, i));
    Ok(())
}

/// What a call says of `MetadataOptions`; the others are as they are now.
pub(super) fn metadata_options(p: &Params, now: &MetadataOptions) -> Result<MetadataOptions> {
    const SWITCH: &[&str] = &["enabled", "disabled"];
    let word = |name: &str, words: &[&'static str], now: &str| -> Result<String> {
        Ok(p.word(name, words)?.unwrap_or(now).to_string())
    };
    let hop_limit = p.parsed("HttpPutResponseHopLimit")?.unwrap_or(now.hop_limit);
    if !(1..=64).contains(&hop_limit) {
        return refuse(
            "InvalidParameterValue",
            format!("Value ({hop_limit}) for parameter HttpPutResponseHopLimit is invalid: 1 to 64."),
        );
    }
    Ok(MetadataOptions {
        tokens: word("HttpTokens", &["optional", "required"], &now.tokens)?,
        hop_limit,
        endpoint: word("HttpEndpoint", SWITCH, &now.endpoint)?,
        ipv6: word("HttpProtocolIpv6", SWITCH, &now.ipv6)?,
        tags: word("InstanceMetadataTags", SWITCH, &now.tags)?,
    })
}

/// Members of an instance's metadata options.
pub(super) fn write_metadata_options(x: &mut Xml, i: &Instance) {
    let o = &i.details.metadata;
    x.put("state", "applied");
    x.put("httpTokens", &o.tokens);
    x.put("httpPutResponseHopLimit", o.hop_limit);
    x.put("httpEndpoint", &o.endpoint);
    x.put("httpProtocolIpv6", &o.ipv6);
    x.put("instanceMetadataTags", &o.tags);
}

/// `unlimited` is what newer burstable types begin with, `standard` what t2 does. Without ids, only unlimited ones are told.
fn describe_instance_credit_specifications(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    let ids = p.ids("InstanceId");
    if !ids.is_empty() {
        named(m, p)?;
    }
    let credits = |i: &Instance| match InstanceType::named(&i.instance_type).is_some_and(InstanceType::burstable) {
        true if i.instance_type.starts_with("t2.") => Some("standard"),
        true => Some("unlimited"),
        false => None,
    };
    if let Some(other) = ids.iter().filter_map(|id| m.instances().get(id)).find(|i| credits(i).is_none()) {
        return refuse(
            "InvalidParameterValue",
            format!("The instance '{}' is not a burstable performance instance.", other.id),
        );
    }
    let filters = Filters::read(p, &["instance-id"])?;
    let living = m.instances().iter().filter(|i| i.state != InstanceState::Terminated);
    let kept = living.filter_map(|i| Some((i, credits(i)?))).filter(|(i, credits)| match ids.is_empty() {
        true => *credits == "unlimited",
        false => ids.contains(&i.id),
    });
    let kept = kept.filter(|(i, _)| filters.pass_alone(|_| vec![i.id.as_str().into()]));
    let page = Page::cut(p, kept.filter_map(|(i, credits)| Some((m.instances().place(&i.id)?, (i, credits)))))?;
    page.write(x, "instanceCreditSpecificationSet", |x, (i, credits)| {
        x.put("instanceId", &i.id);
        x.put("cpuCredits", credits);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::super::testing::{api, made, ok, refused, text, texts};

    /// An API and an instance in it that is stopped.
    fn stopped() -> (Api, String) {
        let api = api();
        let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
        let subnet = made(&api, &format!("Action=CreateSubnet&VpcId={vpc}&CidrBlock=10.0.0.0/24"), "subnetId");
        let run = format!(
            "Action=RunInstances&ImageId=ami-a4827dc9&InstanceType=t2.micro&MinCount=1&MaxCount=1&SubnetId={subnet}"
        );
        let i = made(&api, &run, "instanceId");
        ok(&api, &format!("Action=StopInstances&InstanceId.1={i}"));
        (api, i)
    }

    fn value(api: &Api, i: &str, attribute: &str) -> String {
        let body = ok(api, &format!("Action=DescribeInstanceAttribute&InstanceId={i}&Attribute={attribute}"));
        assert!(body.contains(&format!("<{attribute}>")), "{body}");
        text(&body, "value")
    }

    #[test]
    fn attributes_both_ways() {
        let (api, i) = stopped();
        for (parameter, attribute, first, set) in [
            ("InstanceType", "instanceType", "t2.micro", "m5.large"),
            ("UserData", "userData", "", "IyEvYmluL3No"),
            ("DisableApiTermination", "disableApiTermination", "false", "true"),
            ("DisableApiStop", "disableApiStop", "false", "true"),
            ("InstanceInitiatedShutdownBehavior", "instanceInitiatedShutdownBehavior", "stop", "terminate"),
            ("SourceDestCheck", "sourceDestCheck", "true", "false"),
            ("EbsOptimized", "ebsOptimized", "false", "true"),
        ] {
            let modify = format!("Action=ModifyInstanceAttribute&InstanceId={i}");
            assert_eq!(value(&api, &i, attribute), first, "{attribute}");
            ok(&api, &format!("{modify}&{parameter}.Value={set}"));
            assert_eq!(value(&api, &i, attribute), set, "{attribute}");
            ok(&api, &format!("{modify}&Attribute={attribute}&Value={first}"));
            assert_eq!(value(&api, &i, attribute), first, "{attribute}");
        }
        for (attribute, fixed) in
            [("enaSupport", "true"), ("sriovNetSupport", "simple"), ("rootDeviceName", "/dev/xvda")]
        {
            assert_eq!(value(&api, &i, attribute), fixed);
        }
        for attribute in ["kernel", "ramdisk", "productCodes", "blockDeviceMapping", "enclaveOptions"] {
            assert_eq!(value(&api, &i, attribute), "");
        }
    }

    // covers: IP-22
    #[test]
    fn ip_22_some_attributes_need_it_stopped() {
        let (api, i) = stopped();
        ok(&api, &format!("Action=StartInstances&InstanceId.1={i}"));
        for change in
            ["InstanceType.Value=m5.large", "UserData.Value=AA==", "EbsOptimized.Value=true", "EnaSupport.Value=true"]
        {
            let (code, message) = refused(&api, &format!("Action=ModifyInstanceAttribute&InstanceId={i}&{change}"));
            assert_eq!(code, "IncorrectInstanceState", "{change}");
            assert_eq!(message, format!("The instance &apos;{i}&apos; is not in the &apos;stopped&apos; state."));
        }
        assert_eq!(value(&api, &i, "instanceType"), "t2.micro");
    }

    #[test]
    fn one_attribute_at_a_time_and_a_good_one() {
        let (api, i) = stopped();
        for (change, code) in [
            ("", "InvalidParameterCombination"),
            ("&SourceDestCheck.Value=true&DisableApiStop.Value=true", "InvalidParameterCombination"),
            ("&SourceDestCheck.Value=maybe", "InvalidParameterValue"),
            ("&InstanceType.Value=large", "InvalidInstanceAttributeValue"),
            ("&InstanceInitiatedShutdownBehavior.Value=explode", "InvalidParameterValue"),
            ("&Kernel.Value=aki-1", "UnsupportedOperation"),
            ("&Attribute=colour&Value=red", "InvalidParameterValue"),
            ("&Attribute=instanceType", "MissingParameter"),
            ("&GroupId.1=sg-1", "InvalidGroup.NotFound"),
            (
                "&BlockDeviceMapping.1.DeviceName=/dev/sdb&BlockDeviceMapping.1.Ebs.DeleteOnTermination=true",
                "InvalidInstanceAttributeValue",
            ),
        ] {
            assert_eq!(
                refused(&api, &format!("Action=ModifyInstanceAttribute&InstanceId={i}{change}")).0,
                code,
                "{change}"
            );
        }
        ok(&api, &format!("Action=TerminateInstances&InstanceId.1={i}"));
        for change in ["SourceDestCheck.Value=true", "DisableApiStop.Value=true"] {
            let call = format!("Action=ModifyInstanceAttribute&InstanceId={i}&{change}");
            assert_eq!(refused(&api, &call).0, "IncorrectInstanceState");
        }
    }

    // covers: SG-61
    #[test]
    fn groups_of_eth0() {
        let (api, i) = stopped();
        let vpc = text(&ok(&api, &format!("Action=DescribeInstances&InstanceId.1={i}")), "vpcId");
        let group =
            made(&api, &format!("Action=CreateSecurityGroup&GroupName=g&GroupDescription=g&VpcId={vpc}"), "groupId");
        ok(&api, &format!("Action=ModifyInstanceAttribute&InstanceId={i}&GroupId.1={group}"));
        let body = ok(&api, &format!("Action=DescribeInstanceAttribute&InstanceId={i}&Attribute=groupSet"));
        assert_eq!(texts(&body, "groupId"), [group]);
    }

    #[test]
    fn reset_turns_the_check_on() {
        let (api, i) = stopped();
        ok(&api, &format!("Action=ModifyInstanceAttribute&InstanceId={i}&SourceDestCheck.Value=false"));
        ok(&api, &format!("Action=ResetInstanceAttribute&InstanceId={i}&Attribute=sourceDestCheck"));
        assert_eq!(value(&api, &i, "sourceDestCheck"), "true");
        let call = format!("Action=ResetInstanceAttribute&InstanceId={i}&Attribute=userData");
        assert_eq!(refused(&api, &call).0, "InvalidParameterValue");
    }

    #[test]
    fn metadata_options_are_kept() {
        let (api, i) = stopped();
        let body = ok(
            &api,
            &format!(
                "Action=ModifyInstanceMetadataOptions&InstanceId={i}&HttpTokens=required&HttpPutResponseHopLimit=2"
            ),
        );
        assert_eq!((text(&body, "httpTokens").as_str(), text(&body, "httpEndpoint").as_str()), ("required", "enabled"));
        let body = ok(&api, &format!("Action=DescribeInstances&InstanceId.1={i}"));
        assert_eq!(
            (text(&body, "httpTokens").as_str(), text(&body, "httpPutResponseHopLimit").as_str()),
            ("required", "2")
        );
        let call = format!("Action=ModifyInstanceMetadataOptions&InstanceId={i}&HttpPutResponseHopLimit=65");
        assert_eq!(refused(&api, &call).0, "InvalidParameterValue");
    }

    #[test]
    fn credits_of_burstable_instances() {
        let (api, i) = stopped();
        let body = ok(&api, &format!("Action=DescribeInstanceCreditSpecifications&InstanceId.1={i}"));
        assert_eq!(texts(&body, "cpuCredits"), ["standard"]);
        assert!(texts(&ok(&api, "Action=DescribeInstanceCreditSpecifications"), "item").is_empty());
        ok(&api, &format!("Action=ModifyInstanceAttribute&InstanceId={i}&InstanceType.Value=t3.micro"));
        assert_eq!(texts(&ok(&api, "Action=DescribeInstanceCreditSpecifications"), "cpuCredits"), ["unlimited"]);
        ok(&api, &format!("Action=ModifyInstanceAttribute&InstanceId={i}&InstanceType.Value=m5.large"));
        let call = format!("Action=DescribeInstanceCreditSpecifications&InstanceId.1={i}");
        assert_eq!(refused(&api, &call).0, "InvalidParameterValue");
    }
}
