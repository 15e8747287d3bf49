//! Instance types and where they are to be had.

use super::filter::{Filters, Values, each, one, shown};
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read};
use crate::model::{INSTANCE_TYPES, InstanceType, Model, Result, TrackingTimeouts, refuse};

pub(super) const OPERATIONS: &[Operation] = &[
    read("DescribeInstanceTypes", describe_instance_types),
    read("DescribeInstanceTypeOfferings", describe_instance_type_offerings),
];

const FILTERS: &[&str] = &[
    "auto-recovery-supported",
    "bare-metal",
    "burstable-performance-supported",
    "current-generation",
    "dedicated-hosts-supported",
    "ebs-info.attachment-limit-type",
    "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.baseline-iops",
    "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
    "ebs-info.ebs-optimized-info.maximum-iops",
    "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
    "ebs-info.ebs-optimized-support",
    "ebs-info.encryption-support",
    "ebs-info.maximum-ebs-attachments",
    "ebs-info.nvme-support",
    "free-tier-eligible",
    "hibernation-supported",
    "hypervisor",
    "instance-storage-info.disk.count",
    "instance-storage-info.disk.size-in-gb",
    "instance-storage-info.disk.type",
    "instance-storage-info.encryption-support",
    "instance-storage-info.nvme-support",
    "instance-storage-info.total-size-in-gb",
    "instance-storage-supported",
    "instance-type",
    "memory-info.size-in-mib",
    "network-info.bandwidth-weightings",
    "network-info.efa-info.maximum-efa-interfaces",
    "network-info.efa-supported",
    "network-info.ena-support",
    "network-info.encryption-in-transit-supported",
    "network-info.flexible-ena-queues-support",
    "network-info.ipv4-addresses-per-interface",
    "network-info.ipv6-addresses-per-interface",
    "network-info.ipv6-supported",
    "network-info.maximum-network-cards",
    "network-info.maximum-network-interfaces",
    "network-info.network-performance",
    "nitro-enclaves-support",
    "nitro-tpm-info.supported-versions",
    "nitro-tpm-support",
    "processor-info.supported-architecture",
    "processor-info.supported-features",
    "processor-info.sustained-clock-speed-in-ghz",
    "reboot-migration-support",
    "supported-boot-mode",
    "supported-root-device-type",
    "supported-usage-class",
    "supported-virtualization-type",
    "vcpu-info.default-cores",
    "vcpu-info.default-threads-per-core",
    "vcpu-info.default-vcpus",
    "vcpu-info.valid-cores",
    "vcpu-info.valid-threads-per-core",
];

fn describe_instance_types(_: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["IncludeUnsupportedInRegion"]);
    let named = p.texts("InstanceType");
    if !named.is_empty() && p.has("MaxResults") {
        return refuse(
            "InvalidParameterCombination",
            "The parameter instanceTypes cannot be used with the parameter maxResults",
        );
    }
    let unknown: Vec<&str> = named.iter().filter(|n| InstanceType::named(n).is_none()).copied().collect();
    if !unknown.is_empty() {
        return refuse(
            "InvalidInstanceType",
            format!("The following supplied instance types do not exist: [{}]", unknown.join(", ")),
        );
    }
    let filters = Filters::read(p, FILTERS)?;
    let kept = (0..)
        .zip(INSTANCE_TYPES)
        .filter(|(_, t)| (named.is_empty() || named.contains(&t.name)) && filters.pass_alone(|name| values(t, name)));
    Page::cut(p, kept)?.write(x, "instanceTypeSet", write_type);
    Ok(())
}

fn nitro(t: &InstanceType) -> bool {
    t.family().hypervisor == "nitro"
}

fn ena(t: &InstanceType) -> &'static str {
    match (nitro(t), t.network.contains("Gigabit")) {
        (true, _) => "required",
        (false, true) => "supported",
        (false, false) => "unsupported",
    }
}

fn ipv6_addresses(t: &InstanceType) -> usize {
    if t.family().ipv6 { t.addresses } else { 0 }
}

fn free(t: &InstanceType) -> bool {
    matches!(t.name, "t2.micro" | "t3.micro")
}

/// How many threads a core may be told to run.
fn valid_threads(t: &InstanceType) -> impl Iterator<Item = u32> {
    1..=t.threads_per_core()
}

fn ebs_optimized(t: &InstanceType) -> &'static str {
    match (nitro(t), t.family().current && !t.name.starts_with("t2.")) {
        (true, _) | (_, true) => "default",
        _ => "unsupported",
    }
}

fn values<'a>(t: &InstanceType, name: &str) -> Values<'a> {
    let family = t.family();
    let supported = |yes: bool| one(if yes { "supported" } else { "unsupported" });
    match name {
        "auto-recovery-supported" => shown(t.disks.0 == 0),
        "bare-metal" | "hibernation-supported" | "network-info.efa-supported" => one("false"),
        "burstable-performance-supported" => shown(t.burstable()),
        "current-generation" => shown(family.current),
        "dedicated-hosts-supported" => shown(!t.burstable()),
        "ebs-info.ebs-optimized-support" => one(ebs_optimized(t)),
        "ebs-info.encryption-support" => one("supported"),
        "ebs-info.nvme-support" => one(if nitro(t) { "required" } else { "unsupported" }),
        "free-tier-eligible" => shown(free(t)),
        "hypervisor" => one(family.hypervisor),
        "instance-storage-info.disk.count" => each((t.disks.0 > 0).then_some(t.disks.0)),
        "instance-storage-info.disk.size-in-gb" => each((t.disks.0 > 0).then_some(t.disks.1)),
        "instance-storage-info.disk.type" => each((t.disks.0 > 0).then(|| disk_kind(t))),
        "instance-storage-info.total-size-in-gb" => each((t.disks.0 > 0).then_some(t.disks.0 * t.disks.1)),
        "instance-storage-supported" => shown(t.disks.0 > 0),
        "instance-type" => one(t.name),
        "memory-info.size-in-mib" => shown(t.memory),
        "network-info.ena-support" => one(ena(t)),
        "network-info.encryption-in-transit-supported" => one("false"),
        "network-info.flexible-ena-queues-support" => one("unsupported"),
        "network-info.ipv4-addresses-per-interface" => shown(t.addresses),
        "network-info.ipv6-addresses-per-interface" => shown(ipv6_addresses(t)),
        "network-info.ipv6-supported" => shown(family.ipv6),
        "network-info.maximum-network-cards" => one("1"),
        "network-info.maximum-network-interfaces" => shown(t.interfaces),
        "network-info.network-performance" => one(t.network),
        "nitro-enclaves-support" | "nitro-tpm-support" | "reboot-migration-support" => supported(false),
        "processor-info.supported-architecture" => each(family.architectures),
        "supported-boot-mode" => each(boot_modes(t)),
        "supported-root-device-type" => one("ebs"),
        "supported-usage-class" => each(["on-demand", "spot"]),
        "supported-virtualization-type" => one("hvm"),
        "vcpu-info.default-cores" | "vcpu-info.valid-cores" => shown(t.cores()),
        "vcpu-info.default-threads-per-core" => shown(t.threads_per_core()),
        "vcpu-info.default-vcpus" => shown(t.vcpus),
        "vcpu-info.valid-threads-per-core" => each(valid_threads(t)),
        _ => Vec::new(),
    }
}

fn disk_kind(t: &InstanceType) -> &'static str {
    if t.name.starts_with("m1.") { "hdd" } else { "ssd" }
}

fn boot_modes(t: &InstanceType) -> &'static [&'static str] {
    match (t.family().architectures, nitro(t)) {
        (["arm64"], _) => &["uefi"],
        (_, true) => &["legacy-bios", "uefi"],
        _ => &["legacy-bios"],
    }
}

fn write_type(x: &mut Xml, t: &InstanceType) {
    let family = t.family();
    x.put("instanceType", t.name);
    x.put("currentGeneration", family.current);
    x.put("freeTierEligible", free(t));
    x.texts("supportedUsageClasses", ["on-demand", "spot"]);
    x.texts("supportedRootDeviceTypes", ["ebs"]);
    x.texts("supportedVirtualizationTypes", ["hvm"]);
    x.put("bareMetal", false);
    x.put("hypervisor", family.hypervisor);
    x.within("processorInfo", |x| x.texts("supportedArchitectures", family.architectures));
    x.within("vCpuInfo", |x| {
        x.put("defaultVCpus", t.vcpus);
        x.put("defaultCores", t.cores());
        x.put("defaultThreadsPerCore", t.threads_per_core());
        x.texts("validCores", [t.cores()]);
        x.texts("validThreadsPerCore", valid_threads(t));
    });
    x.within("memoryInfo", |x| x.put("sizeInMiB", t.memory));
    x.put("instanceStorageSupported", t.disks.0 > 0);
    if t.disks.0 > 0 {
        x.within("instanceStorageInfo", |x| {
            x.put("totalSizeInGB", t.disks.0 * t.disks.1);
            x.list("disks", [t.disks], |x, (count, size)| {
                x.put("sizeInGB", size);
                x.put("count", count);
                x.put("type", disk_kind(t));
            });
        });
    }
    x.within("ebsInfo", |x| {
        x.put("ebsOptimizedSupport", ebs_optimized(t));
        x.put("encryptionSupport", "supported");
        x.put("nvmeSupport", if nitro(t) { "required" } else { "unsupported" });
    });
    x.within("networkInfo", |x| write_network(x, t));
    x.within("placementGroupInfo", |x| x.texts("supportedStrategies", ["partition", "spread"]));
    x.put("hibernationSupported", false);
    x.put("burstablePerformanceSupported", t.burstable());
    x.put("dedicatedHostsSupported", !t.burstable());
    x.put("autoRecoverySupported", t.disks.0 == 0);
    x.texts("supportedBootModes", boot_modes(t));
    x.put("nitroEnclavesSupport", "unsupported");
    x.put("nitroTpmSupport", "unsupported");
}

fn write_network(x: &mut Xml, t: &InstanceType) {
    x.put("networkPerformance", t.network);
    x.put("maximumNetworkInterfaces", t.interfaces);
    x.put("maximumNetworkCards", 1);
    x.put("defaultNetworkCardIndex", 0);
    x.list("networkCards", [t], |x, t| {
        x.put("networkCardIndex", 0);
        x.put("networkPerformance", t.network);
        x.put("maximumNetworkInterfaces", t.interfaces);
    });
    x.put("ipv4AddressesPerInterface", t.addresses);
    x.put("ipv6AddressesPerInterface", ipv6_addresses(t));
    x.put("ipv6Supported", t.family().ipv6);
    x.put("enaSupport", ena(t));
    x.put("efaSupported", false);
    x.put("encryptionInTransitSupported", false);
    x.put("enaSrdSupported", false);
    let timeouts = TrackingTimeouts::default();
    x.within("connectionTrackingConfiguration", |x| {
        x.put("defaultTcpEstablishedTimeout", timeouts.tcp_established);
        x.put("defaultUdpTimeout", timeouts.udp);
        x.put("defaultUdpStreamTimeout", timeouts.udp_stream);
    });
}

/// Every type is to be had everywhere.
fn describe_instance_type_offerings(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    const KINDS: &[&str] = &["region", "availability-zone", "availability-zone-id", "outpost"];
    let kind = p.word("LocationType", KINDS)?.unwrap_or("region");
    let zones = m.availability_zones().iter();
    let locations: Vec<&str> = match kind {
        "region" => vec![m.region()],
        "availability-zone" => zones.map(|z| z.name.as_str()).collect(),
        "availability-zone-id" => zones.map(|z| z.id.as_str()).collect(),
        _ => Vec::new(),
    };
    let filters = Filters::read(p, &["instance-type", "location"])?;
    let all = locations.iter().flat_map(|location| INSTANCE_TYPES.iter().map(move |t| (t.name, *location)));
    let kept = (0..).zip(all).filter(|(_, (name, location))| {
        filters.pass_alone(|filter| match filter {
            "instance-type" => one(*name),
            "location" => one(*location),
            _ => Vec::new(),
        })
    });
    Page::cut(p, kept)?.write(x, "instanceTypeOfferingSet", |x, (name, location)| {
        x.put("instanceType", name);
        x.put("locationType", kind);
        x.put("location", location);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{api, ok, refused, text, texts};
    use super::*;

    #[test]
    fn types_by_name_filter_and_page() {
        let api = api();
        let body = ok(&api, "Action=DescribeInstanceTypes&InstanceType.1=t2.medium");
        assert_eq!(texts(&body, "maximumNetworkInterfaces"), ["3", "3"]);
        assert_eq!(
            (text(&body, "ipv6AddressesPerInterface").as_str(), text(&body, "sizeInMiB").as_str()),
            ("6", "4096")
        );
        assert_eq!(text(&body, "defaultVCpus"), "2");
        let (code, message) = refused(&api, "Action=DescribeInstanceTypes&InstanceType.1=t2.huge");
        assert_eq!(code, "InvalidInstanceType");
        assert_eq!(message, "The following supplied instance types do not exist: [t2.huge]");
        let named = |filter: &str| texts(&ok(&api, &format!("Action=DescribeInstanceTypes&{filter}")), "instanceType");
        assert_eq!(
            named(
                "Filter.1.Name=processor-info.supported-architecture&Filter.1.Value.1=arm64&Filter.2.Name=instance-type&Filter.2.Value.1=t4g.*"
            ),
            ["t4g.micro", "t4g.small", "t4g.medium"]
        );
        assert_eq!(
            named(
                "Filter.1.Name=network-info.ipv6-supported&Filter.1.Value.1=false&Filter.2.Name=instance-type&Filter.2.Value.1=m*"
            ),
            ["m1.small", "m1.medium", "m1.large", "m3.medium", "m3.large"]
        );
        let first = ok(&api, "Action=DescribeInstanceTypes&MaxResults=5");
        let second = named(&format!("MaxResults=100&NextToken={}", text(&first, "nextToken")));
        assert_eq!(texts(&first, "instanceType").len() + second.len(), INSTANCE_TYPES.len());
    }

    #[test]
    fn every_filter_says_what_the_answer_says() {
        let api = api();
        for name in FILTERS {
            let narrowed = ok(&api, &format!("Action=DescribeInstanceTypes&Filter.1.Name={name}&Filter.1.Value.1=*"));
            let known: usize = INSTANCE_TYPES.iter().filter(|t| !values(t, name).is_empty()).count();
            assert_eq!(texts(&narrowed, "instanceType").len(), known, "{name}");
        }
        for t in INSTANCE_TYPES {
            let mut x = Xml::default();
            write_type(&mut x, t);
            let body = x.into_text();
            for (filter, element) in [
                ("hypervisor", "hypervisor"),
                ("current-generation", "currentGeneration"),
                ("memory-info.size-in-mib", "sizeInMiB"),
                ("network-info.maximum-network-interfaces", "maximumNetworkInterfaces"),
                ("network-info.ena-support", "enaSupport"),
                ("vcpu-info.default-vcpus", "defaultVCpus"),
                ("vcpu-info.default-threads-per-core", "defaultThreadsPerCore"),
                ("instance-storage-supported", "instanceStorageSupported"),
                ("free-tier-eligible", "freeTierEligible"),
            ] {
                assert_eq!(values(t, filter), [text(&body, element)], "{} {filter}", t.name);
            }
        }
    }

    #[test]
    fn offerings_by_place() {
        let api = api();
        let body =
            ok(&api, "Action=DescribeInstanceTypeOfferings&Filter.1.Name=instance-type&Filter.1.Value.1=t2.micro");
        assert_eq!(texts(&body, "location"), ["us-east-1"]);
        let call = "Action=DescribeInstanceTypeOfferings&LocationType=availability-zone&Filter.1.Name=location&Filter.1.Value.1=us-east-1a";
        assert_eq!(texts(&ok(&api, call), "instanceType").len(), INSTANCE_TYPES.len());
        assert!(texts(&ok(&api, "Action=DescribeInstanceTypeOfferings&LocationType=outpost"), "item").is_empty());
        assert_eq!(refused(&api, "Action=DescribeInstanceTypeOfferings&LocationType=moon").0, "InvalidParameterValue");
    }
}
