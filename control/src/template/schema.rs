//! Resource types and their properties, as tables.

use Kind::{Address4, Address6, Any, Bool, Cidr4, Cidr6, Int, List, Object, Text};
use Use::{Ignored, Inert, Optional, Required, Unsupported};

/// One resource type.
pub(super) struct Type {
    pub(super) name: &'static str,
    /// Among resources that are ready, lower ranks are made first: blocks before subnets, attachments before routes.
    pub(super) rank: u8,
    /// What Fn::GetAtt may ask.
    pub(super) attributes: &'static [&'static str],
    pub(super) properties: &'static [Prop],
}

/// One property: name, shape, and what becomes of it.
pub(super) struct Prop(pub(super) &'static str, pub(super) Kind, pub(super) Use);

/// Shape of a literal value.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    Bool,
    Int,
    Cidr4,
    Cidr6,
    Address4,
    Address6,
    List(&'static Kind),
    Object(&'static [Prop]),
    Any,
}

/// What becomes of a property.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Required,
    Optional,
    /// Describes the resource; nothing to do.
    Inert,
    /// Would do something on AWS that does not happen here: a warning with its line.
    Ignored,
    /// Changes what packets do, and we cannot: an error with its line.
    Unsupported,
}

/// The type of this name.
pub(super) fn find(name: &str) -> Option<&'static Type> {
    TYPES.iter().find(|t| t.name == name)
}

const TAGS: Prop = Prop("Tags", List(&Object(TAG)), Optional);
const TAG: &[Prop] = &[Prop("Key", Text, Required), Prop("Value", Text, Required)];
const TEXTS: Kind = List(&Text);

const IPV6_ADDRESSES: Kind = List(&Object(&[Prop("Ipv6Address", Address6, Required)]));
const PRIVATE_ADDRESSES: Kind =
    List(&Object(&[Prop("PrivateIpAddress", Address4, Required), Prop("Primary", Bool, Required)]));

const INGRESS: &[Prop] = &[
    Prop("IpProtocol", Text, Required),
    Prop("FromPort", Int, Optional),
    Prop("ToPort", Int, Optional),
    Prop("CidrIp", Cidr4, Optional),
    Prop("CidrIpv6", Cidr6, Optional),
    Prop("SourceSecurityGroupId", Text, Optional),
    Prop("SourceSecurityGroupName", Text, Unsupported),
    Prop("SourceSecurityGroupOwnerId", Text, Inert),
    Prop("SourcePrefixListId", Text, Optional),
    Prop("Description", Text, Optional),
];
const EGRESS: &[Prop] = &[
    Prop("IpProtocol", Text, Required),
    Prop("FromPort", Int, Optional),
    Prop("ToPort", Int, Optional),
    Prop("CidrIp", Cidr4, Optional),
    Prop("CidrIpv6", Cidr6, Optional),
    Prop("DestinationSecurityGroupId", Text, Optional),
    Prop("DestinationPrefixListId", Text, Optional),
    Prop("Description", Text, Optional),
];

const INSTANCE_INTERFACE: &[Prop] = &[
    Prop("DeviceIndex", Int, Required),
    Prop("NetworkInterfaceId", Text, Optional),
    Prop("SubnetId", Text, Optional),
    Prop("GroupSet", TEXTS, Optional),
    Prop("PrivateIpAddress", Address4, Optional),
    Prop("PrivateIpAddresses", PRIVATE_ADDRESSES, Optional),
    Prop("SecondaryPrivateIpAddressCount", Int, Optional),
    Prop("Ipv6Addresses", IPV6_ADDRESSES, Optional),
    Prop("Ipv6AddressCount", Int, Optional),
    Prop("AssociatePublicIpAddress", Bool, Optional),
    Prop("DeleteOnTermination", Bool, Optional),
    Prop("Description", Text, Optional),
    Prop("AssociateCarrierIpAddress", Bool, Unsupported),
    Prop("EnaSrdSpecification", Any, Ignored),
];

pub(super) const TYPES: &[Type] = &[
    Type {
        name: "AWS::EC2::VPC",
        rank: 0,
        attributes: &[
            "VpcId",
            "CidrBlock",
            "CidrBlockAssociations",
            "DefaultNetworkAcl",
            "DefaultSecurityGroup",
            "Ipv6CidrBlocks",
        ],
        properties: &[
            Prop("CidrBlock", Cidr4, Required),
            Prop("EnableDnsHostnames", Bool, Optional),
            Prop("EnableDnsSupport", Bool, Optional),
            Prop("InstanceTenancy", Text, Optional),
            Prop("Ipv4IpamPoolId", Text, Unsupported),
            Prop("Ipv4NetmaskLength", Int, Unsupported),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::DHCPOptions",
        rank: 0,
        attributes: &["DhcpOptionsId"],
        properties: &[
            Prop("DomainName", Text, Optional),
            Prop("DomainNameServers", TEXTS, Optional),
            Prop("NtpServers", TEXTS, Optional),
            Prop("NetbiosNameServers", TEXTS, Optional),
            Prop("NetbiosNodeType", Int, Optional),
            Prop("Ipv6AddressPreferredLeaseTime", Int, Optional),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::VPCDHCPOptionsAssociation",
        rank: 2,
        attributes: &["Id"],
        properties: &[Prop("VpcId", Text, Required), Prop("DhcpOptionsId", Text, Required)],
    },
    Type {
        name: "AWS::EC2::PrefixList",
        rank: 0,
        attributes: &["Arn", "OwnerId", "PrefixListId", "Version"],
        properties: &[
            Prop("PrefixListName", Text, Required),
            Prop("AddressFamily", Text, Required),
            Prop("MaxEntries", Int, Optional),
            Prop(
                "Entries",
                List(&Object(&[Prop("Cidr", Text, Required), Prop("Description", Text, Optional)])),
                Optional,
            ),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::KeyPair",
        rank: 0,
        attributes: &["KeyFingerprint", "KeyPairId"],
        properties: &[
            Prop("KeyName", Text, Required),
            // Without it AWS makes a key and keeps the private half, for which there is no place here.
            Prop("PublicKeyMaterial", Text, Required),
            Prop("KeyFormat", Text, Inert),
            Prop("KeyType", Text, Inert),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::VPCCidrBlock",
        rank: 1,
        attributes: &["Id", "IpSource", "Ipv6AddressAttribute"],
        properties: &[
            Prop("VpcId", Text, Required),
            Prop("CidrBlock", Cidr4, Optional),
            Prop("AmazonProvidedIpv6CidrBlock", Bool, Optional),
            Prop("Ipv6CidrBlock", Cidr6, Optional),
            Prop("Ipv6CidrBlockNetworkBorderGroup", Text, Ignored),
            Prop("Ipv6Pool", Text, Optional),
            Prop("Ipv4IpamPoolId", Text, Unsupported),
            Prop("Ipv4NetmaskLength", Int, Unsupported),
            Prop("Ipv6IpamPoolId", Text, Unsupported),
            Prop("Ipv6NetmaskLength", Int, Unsupported),
        ],
    },
    Type { name: "AWS::EC2::InternetGateway", rank: 1, attributes: &["InternetGatewayId"], properties: &[TAGS] },
    Type {
        name: "AWS::EC2::VPCGatewayAttachment",
        rank: 2,
        attributes: &["AttachmentType"],
        properties: &[
            Prop("VpcId", Text, Required),
            Prop("InternetGatewayId", Text, Optional),
            Prop("VpnGatewayId", Text, Optional),
        ],
    },
    Type {
        name: "AWS::EC2::VPNGateway",
        rank: 1,
        attributes: &["VPNGatewayId"],
        properties: &[Prop("Type", Text, Required), Prop("AmazonSideAsn", Text, Optional), TAGS],
    },
    Type {
        name: "AWS::EC2::VPNGatewayRoutePropagation",
        rank: 9,
        attributes: &["Id"],
        properties: &[Prop("RouteTableIds", TEXTS, Required), Prop("VpnGatewayId", Text, Required)],
    },
    Type {
        name: "AWS::EC2::EgressOnlyInternetGateway",
        rank: 2,
        attributes: &["Id"],
        properties: &[Prop("VpcId", Text, Required), TAGS],
    },
    Type {
        name: "AWS::EC2::EIP",
        rank: 2,
        attributes: &["AllocationId", "PublicIp"],
        properties: &[
            Prop("Domain", Text, Optional),
            Prop("InstanceId", Text, Optional),
            Prop("Address", Address4, Optional),
            Prop("PublicIpv4Pool", Text, Unsupported),
            Prop("NetworkBorderGroup", Text, Ignored),
            Prop("TransferAddress", Text, Unsupported),
            Prop("IpamPoolId", Text, Unsupported),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::Subnet",
        rank: 3,
        attributes: &[
            "AvailabilityZone",
            "CidrBlock",
            "Ipv6CidrBlocks",
            "NetworkAclAssociationId",
            "SubnetId",
            "VpcId",
        ],
        properties: &[
            Prop("VpcId", Text, Required),
            Prop("CidrBlock", Cidr4, Required),
            Prop("AvailabilityZone", Text, Optional),
            Prop("Ipv6CidrBlock", Cidr6, Optional),
            Prop("MapPublicIpOnLaunch", Bool, Optional),
            Prop("AssignIpv6AddressOnCreation", Bool, Optional),
            Prop("AvailabilityZoneId", Text, Unsupported),
            Prop("EnableDns64", Bool, Optional),
            Prop("EnableLniAtDeviceIndex", Int, Unsupported),
            Prop("Ipv4IpamPoolId", Text, Unsupported),
            Prop("Ipv4NetmaskLength", Int, Unsupported),
            Prop("Ipv6IpamPoolId", Text, Unsupported),
            Prop("Ipv6NetmaskLength", Int, Unsupported),
            Prop("Ipv6Native", Bool, Unsupported),
            Prop("OutpostArn", Text, Unsupported),
            Prop(
                "PrivateDnsNameOptionsOnLaunch",
                Object(&[
                    Prop("HostnameType", Text, Optional),
                    Prop("EnableResourceNameDnsARecord", Bool, Optional),
                    Prop("EnableResourceNameDnsAAAARecord", Bool, Optional),
                ]),
                Optional,
            ),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::SubnetCidrBlock",
        rank: 4,
        attributes: &["Id"],
        properties: &[Prop("SubnetId", Text, Required), Prop("Ipv6CidrBlock", Cidr6, Required)],
    },
    Type {
        name: "AWS::EC2::RouteTable",
        rank: 3,
        attributes: &["RouteTableId"],
        properties: &[Prop("VpcId", Text, Required), TAGS],
    },
    Type {
        name: "AWS::EC2::Route",
        rank: 9,
        attributes: &["CidrBlock"],
        properties: &[
            Prop("RouteTableId", Text, Required),
            Prop("DestinationCidrBlock", Cidr4, Optional),
            Prop("DestinationIpv6CidrBlock", Cidr6, Optional),
            Prop("GatewayId", Text, Optional),
            Prop("NatGatewayId", Text, Optional),
            Prop("NetworkInterfaceId", Text, Optional),
            Prop("InstanceId", Text, Optional),
            Prop("EgressOnlyInternetGatewayId", Text, Optional),
            Prop("DestinationPrefixListId", Text, Optional),
            Prop("VpcPeeringConnectionId", Text, Unsupported),
            Prop("TransitGatewayId", Text, Unsupported),
            Prop("VpcEndpointId", Text, Unsupported),
            Prop("LocalGatewayId", Text, Unsupported),
            Prop("CarrierGatewayId", Text, Unsupported),
            Prop("CoreNetworkArn", Text, Unsupported),
        ],
    },
    Type {
        name: "AWS::EC2::SubnetRouteTableAssociation",
        rank: 5,
        attributes: &["Id"],
        properties: &[Prop("SubnetId", Text, Required), Prop("RouteTableId", Text, Required)],
    },
    Type {
        name: "AWS::EC2::GatewayRouteTableAssociation",
        rank: 10,
        attributes: &["AssociationId"],
        properties: &[Prop("GatewayId", Text, Required), Prop("RouteTableId", Text, Required)],
    },
    Type {
        name: "AWS::EC2::NatGateway",
        rank: 7,
        attributes: &["NatGatewayId", "EniId"],
        properties: &[
            Prop("SubnetId", Text, Required),
            Prop("AllocationId", Text, Optional),
            Prop("ConnectivityType", Text, Optional),
            Prop("MaxDrainDurationSeconds", Int, Ignored),
            Prop("PrivateIpAddress", Address4, Optional),
            Prop("SecondaryAllocationIds", TEXTS, Unsupported),
            Prop("SecondaryPrivateIpAddressCount", Int, Unsupported),
            Prop("SecondaryPrivateIpAddresses", TEXTS, Unsupported),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::EIPAssociation",
        rank: 8,
        attributes: &["Id"],
        properties: &[
            Prop("AllocationId", Text, Optional),
            Prop("EIP", Address4, Optional),
            Prop("InstanceId", Text, Optional),
            Prop("NetworkInterfaceId", Text, Optional),
            Prop("PrivateIpAddress", Address4, Optional),
        ],
    },
    Type {
        name: "AWS::EC2::SecurityGroup",
        rank: 3,
        attributes: &["GroupId", "Id", "VpcId"],
        properties: &[
            Prop("GroupDescription", Text, Required),
            Prop("GroupName", Text, Optional),
            Prop("VpcId", Text, Optional),
            Prop("SecurityGroupIngress", List(&Object(INGRESS)), Optional),
            Prop("SecurityGroupEgress", List(&Object(EGRESS)), Optional),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::SecurityGroupIngress",
        rank: 4,
        attributes: &["Id"],
        properties: &[
            Prop("GroupId", Text, Optional),
            Prop("GroupName", Text, Unsupported),
            Prop("IpProtocol", Text, Required),
            Prop("FromPort", Int, Optional),
            Prop("ToPort", Int, Optional),
            Prop("CidrIp", Cidr4, Optional),
            Prop("CidrIpv6", Cidr6, Optional),
            Prop("SourceSecurityGroupId", Text, Optional),
            Prop("SourceSecurityGroupName", Text, Unsupported),
            Prop("SourceSecurityGroupOwnerId", Text, Inert),
            Prop("SourcePrefixListId", Text, Optional),
            Prop("Description", Text, Optional),
        ],
    },
    Type {
        name: "AWS::EC2::SecurityGroupEgress",
        rank: 4,
        attributes: &["Id"],
        properties: &[
            Prop("GroupId", Text, Required),
            Prop("IpProtocol", Text, Required),
            Prop("FromPort", Int, Optional),
            Prop("ToPort", Int, Optional),
            Prop("CidrIp", Cidr4, Optional),
            Prop("CidrIpv6", Cidr6, Optional),
            Prop("DestinationSecurityGroupId", Text, Optional),
            Prop("DestinationPrefixListId", Text, Optional),
            Prop("Description", Text, Optional),
        ],
    },
    Type {
        name: "AWS::EC2::NetworkAcl",
        rank: 3,
        attributes: &["Id"],
        properties: &[Prop("VpcId", Text, Required), TAGS],
    },
    Type {
        name: "AWS::EC2::NetworkAclEntry",
        rank: 4,
        attributes: &["Id"],
        properties: &[
            Prop("NetworkAclId", Text, Required),
            Prop("RuleNumber", Int, Required),
            Prop("Protocol", Text, Required),
            Prop("RuleAction", Text, Required),
            Prop("Egress", Bool, Optional),
            Prop("CidrBlock", Cidr4, Optional),
            Prop("Ipv6CidrBlock", Cidr6, Optional),
            Prop("PortRange", Object(&[Prop("From", Int, Optional), Prop("To", Int, Optional)]), Optional),
            Prop("Icmp", Object(&[Prop("Type", Int, Optional), Prop("Code", Int, Optional)]), Optional),
        ],
    },
    Type {
        name: "AWS::EC2::SubnetNetworkAclAssociation",
        rank: 5,
        attributes: &["AssociationId"],
        properties: &[Prop("SubnetId", Text, Required), Prop("NetworkAclId", Text, Required)],
    },
    Type {
        name: "AWS::EC2::NetworkInterface",
        rank: 7,
        attributes: &["Id", "PrimaryPrivateIpAddress", "SecondaryPrivateIpAddresses", "PrimaryIpv6Address", "VpcId"],
        properties: &[
            Prop("SubnetId", Text, Required),
            Prop("PrivateIpAddress", Address4, Optional),
            Prop("PrivateIpAddresses", PRIVATE_ADDRESSES, Optional),
            Prop("SecondaryPrivateIpAddressCount", Int, Optional),
            Prop("Ipv6Addresses", IPV6_ADDRESSES, Optional),
            Prop("Ipv6AddressCount", Int, Optional),
            Prop("GroupSet", TEXTS, Optional),
            Prop("SourceDestCheck", Bool, Optional),
            Prop("Description", Text, Optional),
            Prop(
                "ConnectionTrackingSpecification",
                Object(&[
                    Prop("TcpEstablishedTimeout", Int, Optional),
                    Prop("UdpTimeout", Int, Optional),
                    Prop("UdpStreamTimeout", Int, Optional),
                ]),
                Optional,
            ),
            Prop("InterfaceType", Text, Optional),
            Prop("EnablePrimaryIpv6", Bool, Ignored),
            Prop("Ipv4PrefixCount", Int, Unsupported),
            Prop("Ipv4Prefixes", Any, Unsupported),
            Prop("Ipv6PrefixCount", Int, Unsupported),
            Prop("Ipv6Prefixes", Any, Unsupported),
            TAGS,
        ],
    },
    Type {
        name: "AWS::EC2::NetworkInterfaceAttachment",
        rank: 8,
        attributes: &["AttachmentId"],
        properties: &[
            Prop("NetworkInterfaceId", Text, Required),
            Prop("InstanceId", Text, Required),
            Prop("DeviceIndex", Int, Required),
            Prop("DeleteOnTermination", Bool, Optional),
            Prop("EnaSrdSpecification", Any, Ignored),
        ],
    },
    Type {
        name: "AWS::EC2::Instance",
        rank: 7,
        attributes: &[
            "AvailabilityZone",
            "InstanceId",
            "PrivateDnsName",
            "PrivateIp",
            "PublicDnsName",
            "PublicIp",
            "VpcId",
        ],
        properties: &[
            Prop("SubnetId", Text, Optional),
            Prop("SecurityGroupIds", TEXTS, Optional),
            Prop("PrivateIpAddress", Address4, Optional),
            Prop("Ipv6Addresses", IPV6_ADDRESSES, Optional),
            Prop("Ipv6AddressCount", Int, Optional),
            Prop("NetworkInterfaces", List(&Object(INSTANCE_INTERFACE)), Optional),
            Prop("SourceDestCheck", Bool, Optional),
            Prop("InstanceType", Text, Optional),
            Prop("AvailabilityZone", Text, Optional),
            Prop("ImageId", Text, Optional),
            Prop("KeyName", Text, Optional),
            Prop("Monitoring", Bool, Optional),
            Prop("BlockDeviceMappings", Any, Inert),
            Prop("EbsOptimized", Bool, Optional),
            Prop("CreditSpecification", Any, Inert),
            Prop("CpuOptions", Any, Inert),
            Prop("DisableApiTermination", Bool, Optional),
            Prop("InstanceInitiatedShutdownBehavior", Text, Optional),
            Prop("PropagateTagsToVolumeOnCreation", Any, Inert),
            Prop("Tenancy", Any, Inert),
            Prop("UserData", Text, Optional),
            Prop("IamInstanceProfile", Any, Ignored),
            Prop("MetadataOptions", Any, Ignored),
            Prop("PrivateDnsNameOptions", Any, Ignored),
            Prop("Volumes", Any, Ignored),
            Prop("LaunchTemplate", Any, Unsupported),
            Prop("SecurityGroups", Any, Unsupported),
            Prop("AdditionalInfo", Any, Ignored),
            Prop("EnclaveOptions", Any, Ignored),
            Prop("HibernationOptions", Any, Ignored),
            Prop("PlacementGroupName", Any, Ignored),
            TAGS,
        ],
    },
];
