//! Instance types: how many interfaces and addresses each may have (ENI-06, IP-18), whether it takes IPv6 (IP-21), and what is told of it.

/// One instance type, as AWS publishes it.
#[derive(Clone, Copy, Debug)]
pub struct InstanceType {
    pub name: &'static str,
    pub vcpus: u32,
    /// In MiB.
    pub memory: u32,
    pub interfaces: usize,
    /// Addresses of one family that each interface may have.
    pub addresses: usize,
    /// How fast its network is said to be.
    pub network: &'static str,
    /// Number and size in GB of the disks that come with it.
    pub disks: (u32, u32),
}

/// What types of one family, such as `t2`, have in common.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    pub name: &'static str,
    /// The first one is usual.
    pub architectures: &'static [&'static str],
    /// `xen` or `nitro`.
    pub hypervisor: &'static str,
    pub threads_per_core: u32,
    pub current: bool,
    pub ipv6: bool,
}

const X86: &[&str] = &["x86_64"];
const OLD_X86: &[&str] = &["i386", "x86_64"];
const ARM: &[&str] = &["arm64"];

const fn xen(name: &'static str, current: bool, ipv6: bool) -> Family {
    Family { name, architectures: X86, hypervisor: "xen", threads_per_core: 2, current, ipv6 }
}

/// Of before hyper-threading.
const fn first(name: &'static str) -> Family {
    Family { architectures: OLD_X86, threads_per_core: 1, ..xen(name, false, false) }
}

const fn nitro(name: &'static str) -> Family {
    Family { name, architectures: X86, hypervisor: "nitro", threads_per_core: 2, current: true, ipv6: true }
}

const fn graviton(name: &'static str) -> Family {
    Family { architectures: ARM, threads_per_core: 1, ..nitro(name) }
}

const FAMILIES: &[Family] = &[
    first("t1"),
    first("m1"),
    xen("m3", false, false),
    xen("c3", false, true),
    xen("r3", false, true),
    xen("i2", false, true),
    Family { architectures: OLD_X86, threads_per_core: 1, ..xen("t2", true, true) },
    xen("m4", true, true),
    xen("c4", true, true),
    xen("r4", true, true),
    xen("i3", true, true),
    xen("x1", true, true),
    xen("p3", true, true),
    nitro("t3"),
    nitro("t3a"),
    nitro("m5"),
    nitro("c5"),
    nitro("c5n"),
    nitro("r5"),
    nitro("g4dn"),
    nitro("m6i"),
    nitro("c6i"),
    nitro("m7i"),
    graviton("t4g"),
    graviton("m6g"),
    graviton("c6g"),
    graviton("r6g"),
    graviton("m7g"),
    graviton("c7g"),
];

const LOW: &str = "Low to Moderate";
const MODERATE: &str = "Moderate";
const HIGH: &str = "High";
const UP_TO_5: &str = "Up to 5 Gigabit";
const UP_TO_10: &str = "Up to 10 Gigabit";
const UP_TO_12: &str = "Up to 12.5 Gigabit";
const TEN: &str = "10 Gigabit";
const TWENTY_FIVE: &str = "25 Gigabit";
const HUNDRED: &str = "100 Gigabit";

macro_rules! types {
    ($($name:literal $vcpus:literal $memory:literal $interfaces:literal $addresses:literal $network:ident $($count:literal x $size:literal)?;)*) => {
        /// All types that there are, by family.
        pub const INSTANCE_TYPES: &[InstanceType] = &[$(InstanceType {
            name: $name,
            vcpus: $vcpus,
            memory: $memory,
            interfaces: $interfaces,
            addresses: $addresses,
            network: $network,
            disks: types!(@disks $($count $size)?),
        }),*];
    };
    (@disks) => { (0, 0) };
    (@disks $count:literal $size:literal) => { ($count, $size) };
}

types! {
    "t1.micro" 1 627 2 2 LOW;
    "m1.small" 1 1740 2 4 LOW 1 x 160;
    "m1.medium" 1 3788 2 6 MODERATE 1 x 410;
    "m1.large" 2 7680 3 10 MODERATE 2 x 420;
    "m3.medium" 1 3840 2 6 MODERATE 1 x 4;
    "m3.large" 2 7680 3 10 MODERATE 1 x 32;
    "c3.large" 2 3840 3 10 MODERATE 2 x 16;
    "r3.large" 2 15616 3 10 MODERATE 1 x 32;
    "i2.xlarge" 4 31232 4 15 MODERATE 1 x 800;
    "t2.nano" 1 512 2 2 LOW;
    "t2.micro" 1 1024 2 2 LOW;
    "t2.small" 1 2048 3 4 LOW;
    "t2.medium" 2 4096 3 6 LOW;
    "t2.large" 2 8192 3 12 LOW;
    "t2.xlarge" 4 16384 3 15 MODERATE;
    "t2.2xlarge" 8 32768 3 15 MODERATE;
    "m4.large" 2 8192 2 10 MODERATE;
    "m4.xlarge" 4 16384 4 15 HIGH;
    "c4.large" 2 3840 3 10 MODERATE;
    "r4.large" 2 15616 3 10 UP_TO_10;
    "i3.large" 2 15616 3 10 UP_TO_10 1 x 475;
    "x1.16xlarge" 64 999424 8 30 HIGH 1 x 1920;
    "p3.2xlarge" 8 62464 4 15 UP_TO_10;
    "t3.nano" 2 512 2 2 UP_TO_5;
    "t3.micro" 2 1024 2 2 UP_TO_5;
    "t3.small" 2 2048 3 4 UP_TO_5;
    "t3.medium" 2 4096 3 6 UP_TO_5;
    "t3.large" 2 8192 3 12 UP_TO_5;
    "t3.xlarge" 4 16384 4 15 UP_TO_5;
    "t3.2xlarge" 8 32768 4 15 UP_TO_5;
    "t3a.micro" 2 1024 2 2 UP_TO_5;
    "t3a.medium" 2 4096 3 6 UP_TO_5;
    "m5.large" 2 8192 3 10 UP_TO_10;
    "m5.xlarge" 4 16384 4 15 UP_TO_10;
    "m5.2xlarge" 8 32768 4 15 UP_TO_10;
    "m5.4xlarge" 16 65536 8 30 UP_TO_10;
    "m5.24xlarge" 96 393216 15 50 TWENTY_FIVE;
    "c5.large" 2 4096 3 10 UP_TO_10;
    "c5.xlarge" 4 8192 4 15 UP_TO_10;
    "c5.4xlarge" 16 32768 8 30 UP_TO_10;
    "c5.9xlarge" 36 73728 8 30 TEN;
    "c5.18xlarge" 72 147456 15 50 TWENTY_FIVE;
    "c5n.18xlarge" 72 196608 15 50 HUNDRED;
    "r5.large" 2 16384 3 10 UP_TO_10;
    "g4dn.xlarge" 4 16384 3 10 TWENTY_FIVE 1 x 125;
    "m6i.large" 2 8192 3 10 UP_TO_12;
    "c6i.large" 2 4096 3 10 UP_TO_12;
    "m7i.large" 2 8192 3 10 UP_TO_12;
    "t4g.micro" 2 1024 2 2 UP_TO_5;
    "t4g.small" 2 2048 3 4 UP_TO_5;
    "t4g.medium" 2 4096 3 6 UP_TO_5;
    "m6g.large" 2 8192 3 10 UP_TO_10;
    "c6g.medium" 1 2048 2 4 UP_TO_10;
    "r6g.large" 2 16384 3 10 UP_TO_10;
    "m7g.medium" 1 4096 2 4 UP_TO_12;
    "c7g.large" 2 4096 3 10 UP_TO_12;
}

impl InstanceType {
    /// The type of this name.
    pub fn named(name: &str) -> Option<&'static InstanceType> {
        INSTANCE_TYPES.iter().find(|t| t.name == name)
    }
    /// Its family.
    pub fn family(&self) -> &'static Family {
        let name = self.name.split_once('.').map_or("", |(family, _)| family);
        FAMILIES.iter().find(|f| f.name == name).unwrap_or(&FAMILIES[0])
    }
    /// Threads that each core runs unless told otherwise.
    pub fn threads_per_core(&self) -> u32 {
        self.family().threads_per_core.min(self.vcpus)
    }
    /// Its cores.
    pub fn cores(&self) -> u32 {
        self.vcpus / self.threads_per_core()
    }
    /// Whether it saves up processor time while it idles.
    pub fn burstable(&self) -> bool {
        self.name.starts_with('t')
    }
}

/// How many interfaces an instance of this type may have (ENI-06). A type that is not in the table is as large as any.
pub(super) fn max_interfaces(name: &str) -> usize {
    InstanceType::named(name).map_or(15, |t| t.interfaces)
}

/// How many addresses of one family an interface of this type may have (IP-18).
pub(super) fn max_addresses(name: &str) -> usize {
    InstanceType::named(name).map_or(50, |t| t.addresses)
}

/// Whether its interfaces may have IPv6 addresses (IP-21).
pub(super) fn takes_ipv6(name: &str) -> bool {
    InstanceType::named(name).is_none_or(|t| t.family().ipv6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_there_once_and_has_its_family() {
        for (i, t) in INSTANCE_TYPES.iter().enumerate() {
            let family = t.name.split_once('.').unwrap().0;
            assert_eq!(t.family().name, family, "{}", t.name);
            assert!(!INSTANCE_TYPES[..i].iter().any(|o| o.name == t.name), "{} stands twice", t.name);
        }
        assert!(InstanceType::named("x9.huge").is_none());
    }
}
