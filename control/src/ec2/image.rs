//! Machine images: a small catalogue, the same in every Region and account. What runs in an instance does not depend on them.

use super::filter::{Filters, Values, one, shown, some};
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read};
use crate::model::{ApiError, InstanceType, Model, Result, refuse};

pub(super) const OPERATIONS: &[Operation] = &[read("DescribeImages", describe_images)];

/// One image. All are public, of hardware virtualisation, with a volume as root.
struct Image {
    id: &'static str,
    name: &'static str,
    description: &'static str,
    /// Account, and the name that some accounts have.
    owner: (&'static str, Option<&'static str>),
    architecture: &'static str,
    created: &'static str,
    root: &'static str,
    /// Size in GB and type of the root volume.
    volume: (u32, &'static str),
}

const AMAZON: (&str, Option<&str>) = ("137112412989", Some("amazon"));
const CANONICAL: (&str, Option<&str>) = ("099720109477", None);
const DEBIAN: (&str, Option<&str>) = ("136693071363", None);
const FEDORA: (&str, Option<&str>) = ("125523088429", None);

const IMAGES: &[Image] = &[
    Image {
        // What the guide's walkthroughs launch: this one, ...
        id: "ami-a4827dc9",
        name: "amzn-ami-hvm-2016.03.2.x86_64-gp2",
        description: "Amazon Linux AMI 2016.03.2 x86_64 HVM GP2",
        owner: AMAZON,
        architecture: "x86_64",
        created: "2016-06-03T23:22:12.000Z",
        root: "/dev/xvda",
        volume: (8, "gp2"),
    },
    Image {
        // ... and this one, as the bastion of the IPv6 walkthrough.
        id: "ami-0de53d8956e8dcf80",
        name: "amzn2-ami-hvm-2.0.20190313-x86_64-gp2",
        description: "Amazon Linux 2 AMI 2.0.20190313 x86_64 HVM gp2",
        owner: AMAZON,
        architecture: "x86_64",
        created: "2019-03-15T03:52:59.000Z",
        root: "/dev/xvda",
        volume: (8, "gp2"),
    },
    Image {
        // The NAT instances of the guide (NATI-14).
        id: "ami-293a183f",
        name: "amzn-ami-vpc-nat-hvm-2017.03.1.20170623-x86_64-ebs",
        description: "Amazon Linux AMI 2017.03.1.20170623 x86_64 VPC NAT HVM EBS",
        owner: AMAZON,
        architecture: "x86_64",
        created: "2017-06-23T23:52:59.000Z",
        root: "/dev/xvda",
        volume: (8, "standard"),
    },
    Image {
        id: "ami-0a8b4cd432b1c3063",
        name: "amzn2-ami-kernel-5.10-hvm-2.0.20220606.1-x86_64-gp2",
        description: "Amazon Linux 2 Kernel 5.10 AMI 2.0.20220606.1 x86_64 HVM gp2",
        owner: AMAZON,
        architecture: "x86_64",
        created: "2022-06-09T23:45:08.000Z",
        root: "/dev/xvda",
        volume: (8, "gp2"),
    },
    Image {
        id: "ami-0c101f26f147fa7fd",
        name: "al2023-ami-2023.4.20240319.1-kernel-6.1-x86_64",
        description: "Amazon Linux 2023 AMI 2023.4.20240319.1 x86_64 HVM kernel-6.1",
        owner: AMAZON,
        architecture: "x86_64",
        created: "2024-03-22T01:09:54.000Z",
        root: "/dev/xvda",
        volume: (8, "gp3"),
    },
    Image {
        id: "ami-0bbebc09f0a12d4d9",
        name: "al2023-ami-2023.4.20240319.1-kernel-6.1-arm64",
        description: "Amazon Linux 2023 AMI 2023.4.20240319.1 arm64 HVM kernel-6.1",
        owner: AMAZON,
        architecture: "arm64",
        created: "2024-03-22T01:09:52.000Z",
        root: "/dev/xvda",
        volume: (8, "gp3"),
    },
    Image {
        id: "ami-0c7217cdde317cfec",
        name: "ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-amd64-server-20231207",
        description: "Canonical, Ubuntu, 22.04 LTS, amd64 jammy image build on 2023-12-07",
        owner: CANONICAL,
        architecture: "x86_64",
        created: "2023-12-07T08:49:45.000Z",
        root: "/dev/sda1",
        volume: (8, "gp2"),
    },
    Image {
        id: "ami-04b70fa74e45c3917",
        name: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20240423",
        description: "Canonical, Ubuntu, 24.04 LTS, amd64 noble image build on 2024-04-23",
        owner: CANONICAL,
        architecture: "x86_64",
        created: "2024-04-23T12:32:54.000Z",
        root: "/dev/sda1",
        volume: (8, "gp3"),
    },
    Image {
        id: "ami-064519b8c76274859",
        name: "debian-12-amd64-20240201-1644",
        description: "Debian 12 (20240201-1644)",
        owner: DEBIAN,
        architecture: "x86_64",
        created: "2024-02-01T17:06:05.000Z",
        root: "/dev/xvda",
        volume: (8, "gp3"),
    },
    Image {
        id: "ami-0b2a8e2a1d7c0f404",
        name: "Fedora-Cloud-Base-AmazonEC2.x86_64-40-1.14",
        description: "Created from Fedora-Cloud-Base-AmazonEC2.x86_64-40-1.14",
        owner: FEDORA,
        architecture: "x86_64",
        created: "2024-04-18T21:13:02.000Z",
        root: "/dev/sda1",
        volume: (10, "gp3"),
    },
    Image {
        id: "ami-0c3b9f3b2e8d1f414",
        name: "Fedora-Cloud-Base-AmazonEC2.x86_64-41-1.4",
        description: "Created from Fedora-Cloud-Base-AmazonEC2.x86_64-41-1.4",
        owner: FEDORA,
        architecture: "x86_64",
        created: "2024-10-24T15:20:44.000Z",
        root: "/dev/sda1",
        volume: (10, "gp3"),
    },
    Image {
        id: "ami-0d4c0a4c3f9e2f421",
        name: "Fedora-Cloud-Base-AmazonEC2.x86_64-42-1.1",
        description: "Created from Fedora-Cloud-Base-AmazonEC2.x86_64-42-1.1",
        owner: FEDORA,
        architecture: "x86_64",
        created: "2025-04-09T17:58:10.000Z",
        root: "/dev/sda1",
        volume: (10, "gp3"),
    },
];

impl Image {
    /// The image of this id, if it is in the catalogue.
    fn named(id: &str) -> Option<&'static Image> {
        IMAGES.iter().find(|i| i.id == id)
    }
    /// Where it is stored.
    fn location(&self) -> String {
        format!("{}/{}", self.owner.1.unwrap_or(self.owner.0), self.name)
    }
    /// The snapshot that its root volume is made of.
    fn snapshot(&self) -> String {
        format!("snap-{}", self.id.trim_start_matches("ami-"))
    }
}

/// Architecture of what an image runs on; of images that are not in the catalogue, that of the type.
pub(super) fn architecture(image: &str, instance_type: &str) -> &'static str {
    let of_type = || InstanceType::named(instance_type).and_then(|t| t.family().architectures.last()).copied();
    Image::named(image).map(|i| i.architecture).or_else(of_type).unwrap_or("x86_64")
}

/// Name of the root device.
pub(super) fn root_of(image: &str) -> &'static str {
    Image::named(image).map_or("/dev/xvda", |i| i.root)
}

/// Refuses what is not the id of an image of the catalogue: `InvalidAMIID.Malformed`, `InvalidAMIID.NotFound`.
pub(super) fn expect(id: &str) -> Result<()> {
    well_formed(id)?;
    Image::named(id).map(|_| ()).ok_or_else(|| not_found(&[id]))
}

/// Refuses what does not look like an image's id.
fn well_formed(id: &str) -> Result<()> {
    let digits = id.strip_prefix("ami-").unwrap_or_default();
    if !(8..=17).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return refuse("InvalidAMIID.Malformed", format!("Invalid id: \"{id}\" (expecting \"ami-...\")"));
    }
    Ok(())
}

const FILTERS: &[&str] = &[
    "architecture",
    "block-device-mapping.delete-on-termination",
    "block-device-mapping.device-name",
    "block-device-mapping.encrypted",
    "block-device-mapping.snapshot-id",
    "block-device-mapping.volume-size",
    "block-device-mapping.volume-type",
    "creation-date",
    "description",
    "ena-support",
    "free-tier-eligible",
    "hypervisor",
    "image-allowed",
    "image-id",
    "image-type",
    "is-public",
    "kernel-id",
    "manifest-location",
    "name",
    "owner-alias",
    "owner-id",
    "platform",
    "product-code",
    "product-code.type",
    "ramdisk-id",
    "root-device-name",
    "root-device-type",
    "source-image-id",
    "source-image-region",
    "source-instance-id",
    "sriov-net-support",
    "state",
    "state-reason-code",
    "state-reason-message",
    "virtualization-type",
];

fn values<'a>(i: &Image, name: &str) -> Values<'a> {
    match name {
        "architecture" => one(i.architecture),
        "block-device-mapping.delete-on-termination" | "ena-support" | "image-allowed" | "is-public" => one("true"),
        "block-device-mapping.device-name" | "root-device-name" => one(i.root),
        "block-device-mapping.encrypted" => one("false"),
        "block-device-mapping.snapshot-id" => one(i.snapshot()),
        "block-device-mapping.volume-size" => shown(i.volume.0),
        "block-device-mapping.volume-type" => one(i.volume.1),
        "creation-date" => one(i.created),
        "description" => one(i.description),
        "free-tier-eligible" => shown(i.owner == AMAZON),
        "hypervisor" => one("xen"),
        "image-id" => one(i.id),
        "image-type" => one("machine"),
        "manifest-location" => one(i.location()),
        "name" => one(i.name),
        "owner-alias" => some(i.owner.1),
        "owner-id" => one(i.owner.0),
        "root-device-type" => one("ebs"),
        "sriov-net-support" => one("simple"),
        "state" => one("available"),
        "virtualization-type" => one("hvm"),
        _ => Vec::new(),
    }
}

fn describe_images(m: &Model, p: &Params, x: &mut Xml) -> Result<()> {
    p.ignore(&["IncludeDeprecated", "IncludeDisabled"]);
    let ids = p.texts("ImageId");
    for id in &ids {
        well_formed(id)?;
    }
    let unknown: Vec<&str> = ids.iter().filter(|id| Image::named(id).is_none()).copied().collect();
    if !unknown.is_empty() {
        return Err(not_found(&unknown));
    }
    let (owners, users) = (p.texts("Owner"), p.texts("ExecutableBy"));
    // Nobody was given an image by name: they are everybody's.
    let executable = users.is_empty() || users.contains(&"all");
    let owned = |i: &Image| {
        owners.is_empty()
            || owners
                .iter()
                .any(|o| *o == i.owner.0 || Some(*o) == i.owner.1 || (*o == "self" && m.account() == i.owner.0))
    };
    let filters = Filters::read(p, FILTERS)?;
    let kept = (0..).zip(IMAGES).filter(|(_, i)| {
        executable && owned(i) && (ids.is_empty() || ids.contains(&i.id)) && filters.pass_alone(|name| values(i, name))
    });
    Page::cut(p, kept)?.write(x, "imagesSet", write_image);
    Ok(())
}

fn not_found(ids: &[&str]) -> ApiError {
    let (s, verb) = if ids.len() == 1 { ("", "does") } else { ("s", "do") };
    ApiError::new("InvalidAMIID.NotFound", format!("The image id{s} '[{}]' {verb} not exist", ids.join(", ")))
}

fn write_image(x: &mut Xml, i: &Image) {
    x.put("imageId", i.id);
    x.put("imageLocation", i.location());
    x.put("imageState", "available");
    x.put("imageOwnerId", i.owner.0);
    x.put("creationDate", i.created);
    x.put("isPublic", true);
    x.within("productCodes", |_| {});
    x.put("architecture", i.architecture);
    x.put("imageType", "machine");
    x.put("sriovNetSupport", "simple");
    x.maybe("imageOwnerAlias", i.owner.1);
    x.put("name", i.name);
    x.put("description", i.description);
    x.put("rootDeviceType", "ebs");
    x.put("rootDeviceName", i.root);
    x.list("blockDeviceMapping", [i.volume], |x, (size, kind)| {
        x.put("deviceName", i.root);
        x.within("ebs", |x| {
            x.put("snapshotId", i.snapshot());
            x.put("volumeSize", size);
            x.put("deleteOnTermination", true);
            x.put("volumeType", kind);
            x.put("encrypted", false);
        });
    });
    x.put("virtualizationType", "hvm");
    x.within("tagSet", |_| {});
    x.put("hypervisor", "xen");
    x.put("enaSupport", true);
    x.put("platformDetails", "Linux/UNIX");
    x.put("usageOperation", "RunInstances");
    x.put("imageAllowed", true);
    x.put("freeTierEligible", i.owner == AMAZON);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{api, change, made, ok, refused, subnet, text, texts};
    use super::*;

    fn ids(call: &str) -> Vec<String> {
        texts(&ok(&api(), &format!("Action=DescribeImages{call}")), "imageId")
    }

    #[test]
    fn images_by_id_owner_and_filter() {
        for guide in ["ami-a4827dc9", "ami-0de53d8956e8dcf80"] {
            assert_eq!(ids(&format!("&ImageId.1={guide}")), [guide]);
        }
        assert_eq!(ids("&Owner.1=amazon").len(), 6);
        assert_eq!(ids("&Owner.1=099720109477").len(), 2);
        assert!(ids("&Owner.1=self").is_empty());
        assert_eq!(ids("&ExecutableBy.1=all").len(), IMAGES.len());
        assert!(ids("&ExecutableBy.1=self").is_empty());
        // What Ansible's own test suites look for.
        let fedora = "&Filter.1.Name=name&Filter.1.Value.1=Fedora-Cloud-Base-*.x86_64-4*&Filter.2.Name=owner-id&Filter.2.Value.1=125523088429";
        assert!(ids(fedora).len() > 1);
        let body = ok(&api(), "Action=DescribeImages&MaxResults=3");
        assert_eq!(texts(&body, "imageId").len(), 3);
        let rest = ids(&format!("&MaxResults=100&NextToken={}", text(&body, "nextToken")));
        assert_eq!(rest.len(), IMAGES.len() - 3);
    }

    /// A launch of this image into this subnet.
    fn launch(image: &str, subnet: &str, rest: &str) -> String {
        format!("Action=RunInstances&ImageId={image}&MinCount=1&MaxCount=1&SubnetId={subnet}&{rest}")
    }

    // covers: NATI-14 NATI-11 NATI-15
    #[test]
    fn nati_14_the_image_of_nat_instances_is_found_and_launched() {
        let api = api();
        let filters =
            "&Filter.1.Name=owner-alias&Filter.1.Value.1=amazon&Filter.2.Name=name&Filter.2.Value.1=amzn-ami-vpc-nat*";
        let found = ids(filters);
        assert_eq!(found.len(), 1);
        let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
        let subnet = subnet(&api, &vpc, "10.0.0.0/24");
        // NATI-11: its private address is its owner's choice.
        let answer = ok(&api, &launch(&found[0], &subnet, "PrivateIpAddress=10.0.0.10&InstanceType=t2.small"));
        assert_eq!(
            (text(&answer, "imageId"), text(&answer, "privateIpAddress")),
            (found[0].clone(), "10.0.0.10".into())
        );
        // NATI-15: it is an instance among instances.
        change(&api, |m| m.set_quota("Instances", 1).map(|()| String::new()));
        assert_eq!(refused(&api, &launch(&found[0], &subnet, "")).0, "InstanceLimitExceeded");
        ok(&api, &format!("Action=TerminateInstances&InstanceId.1={}", text(&answer, "instanceId")));
        ok(&api, &launch(&found[0], &subnet, ""));
    }

    #[test]
    fn other_images_are_unknown() {
        let api = api();
        let vpc = made(&api, "Action=CreateVpc&CidrBlock=10.0.0.0/16", "vpcId");
        let subnet = subnet(&api, &vpc, "10.0.0.0/24");
        let (code, message) = refused(&api, &launch("ami-12345678", &subnet, ""));
        assert_eq!(code, "InvalidAMIID.NotFound");
        assert_eq!(message, "The image id &apos;[ami-12345678]&apos; does not exist");
        assert_eq!(refused(&api, &launch("image", &subnet, "")).0, "InvalidAMIID.Malformed");
        let (_, message) = refused(&api, "Action=DescribeImages&ImageId.1=ami-12345678&ImageId.2=ami-12345679");
        assert_eq!(message, "The image ids &apos;[ami-12345678, ami-12345679]&apos; do not exist");
        let (code, message) = refused(&api, "Action=DescribeImages&ImageId.1=ami-12345678");
        assert_eq!(code, "InvalidAMIID.NotFound");
        assert_eq!(message, "The image id &apos;[ami-12345678]&apos; does not exist");
        assert_eq!(refused(&api, "Action=DescribeImages&ImageId.1=image").0, "InvalidAMIID.Malformed");
    }

    #[test]
    fn every_filter_finds_what_an_image_has_under_it() {
        for i in IMAGES {
            well_formed(i.id).unwrap();
            for name in FILTERS {
                for value in values(i, name) {
                    let found = ids(&format!("&Filter.1.Name={name}&Filter.1.Value.1={value}"));
                    assert!(found.iter().any(|id| id == i.id), "{name}={value}");
                }
            }
        }
    }
}
