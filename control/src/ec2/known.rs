//! All operations of VPC networking that EC2 has, by what they are about, and which of them are built.

use super::{FAMILIES, later};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A capability and the operations that make it up, sorted.
struct Capability {
    name: &'static str,
    operations: &'static [&'static str],
}

/// How many operations of VPC networking are built, and what becomes of each: a page in Markdown.
pub fn coverage() -> String {
    let empty: BTreeSet<&str> = later::OPERATIONS.iter().map(|o| o.name).collect();
    let answered: BTreeSet<&str> = FAMILIES.iter().copied().flatten().map(|o| o.name).collect();
    let state = |name: &str| match (empty.contains(name), answered.contains(name)) {
        (true, _) => "empty set",
        (_, true) => "built",
        _ => "`InvalidAction`",
    };
    let count = |operations: &mut dyn Iterator<Item = &&str>| operations.filter(|o| state(o) == "built").count();
    let all = || CAPABILITIES.iter().flat_map(|c| c.operations);
    let mut page = String::from(HEAD);
    // Writing to a string does not fail.
    let _ = writeln!(page, "\n| capability | built | of |\n|---|---:|---:|");
    for c in CAPABILITIES {
        let _ = writeln!(page, "| {} | {} | {} |", c.name, count(&mut c.operations.iter()), c.operations.len());
    }
    let _ = writeln!(page, "| all | {} | {} |", count(&mut all()), all().count());
    let besides: Vec<&str> = answered.iter().copied().filter(|name| !all().any(|o| o == name)).collect();
    if !besides.is_empty() {
        let _ = writeln!(page, "\nBuilt besides, because clients call them: {}.", besides.join(", "));
    }
    for c in CAPABILITIES {
        let _ = writeln!(page, "\n## {}\n", c.name);
        for name in c.operations {
            let _ = writeln!(page, "- {name}: {}", state(name));
        }
    }
    page
}

const HEAD: &str = "\
# Which EC2 operations are answered

Generated from the tables of operations (`VPCD_WRITE_DOCS=1 cargo test -p vpcd-control coverage` writes it anew).

- **built**: does what AWS's does, within the rules of this product.
- **empty set**: the family comes later; its lists are empty and every id is unknown, so that clients which look around do not stumble.
- **`InvalidAction`**: nobody has built it, and nothing pretends otherwise.
";

const VPCS: &[&str] = &[
    "AssociateVpcCidrBlock",
    "CreateDefaultVpc",
    "CreateVpc",
    "DeleteVpc",
    "DescribeVpcAttribute",
    "DescribeVpcs",
    "DisassociateVpcCidrBlock",
    "ModifyVpcAttribute",
    "ModifyVpcTenancy",
];

const SUBNETS: &[&str] = &[
    "AssociateSubnetCidrBlock",
    "CreateDefaultSubnet",
    "CreateSubnet",
    "CreateSubnetCidrReservation",
    "DeleteSubnet",
    "DeleteSubnetCidrReservation",
    "DescribeSubnets",
    "DisassociateSubnetCidrBlock",
    "GetSubnetCidrReservations",
    "ModifySubnetAttribute",
];

const ROUTE_TABLES: &[&str] = &[
    "AssociateRouteTable",
    "CreateRoute",
    "CreateRouteTable",
    "DeleteRoute",
    "DeleteRouteTable",
    "DescribeRouteTables",
    "DisableVgwRoutePropagation",
    "DisassociateRouteTable",
    "EnableVgwRoutePropagation",
    "ReplaceRoute",
    "ReplaceRouteTableAssociation",
];

const INTERNET_AND_EGRESS_ONLY_GATEWAYS: &[&str] = &[
    "AttachInternetGateway",
    "CreateEgressOnlyInternetGateway",
    "CreateInternetGateway",
    "DeleteEgressOnlyInternetGateway",
    "DeleteInternetGateway",
    "DescribeEgressOnlyInternetGateways",
    "DescribeInternetGateways",
    "DetachInternetGateway",
];

const NAT_GATEWAYS: &[&str] = &[
    "AssignPrivateNatGatewayAddress",
    "AssociateNatGatewayAddress",
    "CreateNatGateway",
    "DeleteNatGateway",
    "DescribeNatGateways",
    "DisassociateNatGatewayAddress",
    "UnassignPrivateNatGatewayAddress",
];

const ELASTIC_IPS_AND_PUBLIC_POOLS: &[&str] = &[
    "AcceptAddressTransfer",
    "AllocateAddress",
    "AssociateAddress",
    "CreatePublicIpv4Pool",
    "DeletePublicIpv4Pool",
    "DeprovisionPublicIpv4PoolCidr",
    "DescribeAddressTransfers",
    "DescribeAddresses",
    "DescribeAddressesAttribute",
    "DescribeMovingAddresses",
    "DescribePublicIpv4Pools",
    "DisableAddressTransfer",
    "DisassociateAddress",
    "EnableAddressTransfer",
    "ModifyAddressAttribute",
    "MoveAddressToVpc",
    "ProvisionPublicIpv4PoolCidr",
    "ReleaseAddress",
    "ResetAddressAttribute",
    "RestoreAddressToClassic",
];

const NETWORK_INTERFACES: &[&str] = &[
    "AssignIpv6Addresses",
    "AssignPrivateIpAddresses",
    "AssociateTrunkInterface",
    "AttachNetworkInterface",
    "CreateNetworkInterface",
    "CreateNetworkInterfacePermission",
    "CreateSecondaryNetwork",
    "CreateSecondarySubnet",
    "DeleteNetworkInterface",
    "DeleteNetworkInterfacePermission",
    "DeleteSecondaryNetwork",
    "DeleteSecondarySubnet",
    "DescribeNetworkInterfaceAttribute",
    "DescribeNetworkInterfacePermissions",
    "DescribeNetworkInterfaces",
    "DescribeSecondaryInterfaces",
    "DescribeSecondaryNetworks",
    "DescribeSecondarySubnets",
    "DescribeTrunkInterfaceAssociations",
    "DetachNetworkInterface",
    "DisassociateTrunkInterface",
    "ModifyInstanceNetworkPerformanceOptions",
    "ModifyNetworkInterfaceAttribute",
    "ModifyPublicIpDnsNameOptions",
    "ResetNetworkInterfaceAttribute",
    "UnassignIpv6Addresses",
    "UnassignPrivateIpAddresses",
];

const SECURITY_GROUPS: &[&str] = &[
    "AssociateSecurityGroupVpc",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CreateSecurityGroup",
    "DeleteSecurityGroup",
    "DescribeSecurityGroupReferences",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroupVpcAssociations",
    "DescribeSecurityGroups",
    "DescribeStaleSecurityGroups",
    "DisassociateSecurityGroupVpc",
    "GetSecurityGroupsForVpc",
    "ModifySecurityGroupRules",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "UpdateSecurityGroupRuleDescriptionsEgress",
    "UpdateSecurityGroupRuleDescriptionsIngress",
    "ValidateSecurityGroupQuotasForInterface",
];

const NETWORK_ACLS: &[&str] = &[
    "CreateNetworkAcl",
    "CreateNetworkAclEntry",
    "DeleteNetworkAcl",
    "DeleteNetworkAclEntry",
    "DescribeNetworkAcls",
    "ReplaceNetworkAclAssociation",
    "ReplaceNetworkAclEntry",
];

const DHCP_OPTIONS_SETS: &[&str] =
    &["AssociateDhcpOptions", "CreateDhcpOptions", "DeleteDhcpOptions", "DescribeDhcpOptions"];

const FLOW_LOGS: &[&str] = &["CreateFlowLogs", "DeleteFlowLogs", "DescribeFlowLogs", "GetFlowLogsIntegrationTemplate"];

const PEERING: &[&str] = &[
    "AcceptVpcPeeringConnection",
    "CreateVpcPeeringConnection",
    "DeleteVpcPeeringConnection",
    "DescribeVpcPeeringConnections",
    "ModifyVpcPeeringConnectionOptions",
    "RejectVpcPeeringConnection",
];

const PREFIX_LISTS: &[&str] = &[
    "CreateManagedPrefixList",
    "DeleteManagedPrefixList",
    "DescribeManagedPrefixLists",
    "DescribePrefixLists",
    "GetManagedPrefixListAssociations",
    "GetManagedPrefixListEntries",
    "ModifyManagedPrefixList",
    "RestoreManagedPrefixListVersion",
];

const ENDPOINTS_AND_ENDPOINT_SERVICES: &[&str] = &[
    "AcceptVpcEndpointConnections",
    "CreateVpcEndpoint",
    "CreateVpcEndpointConnectionNotification",
    "CreateVpcEndpointServiceConfiguration",
    "DeleteVpcEndpointConnectionNotifications",
    "DeleteVpcEndpointServiceConfigurations",
    "DeleteVpcEndpoints",
    "DescribeVpcEndpointAssociations",
    "DescribeVpcEndpointConnectionNotifications",
    "DescribeVpcEndpointConnections",
    "DescribeVpcEndpointServiceConfigurations",
    "DescribeVpcEndpointServicePermissions",
    "DescribeVpcEndpointServices",
    "DescribeVpcEndpoints",
    "ModifyVpcEndpoint",
    "ModifyVpcEndpointConnectionNotification",
    "ModifyVpcEndpointPayerResponsibility",
    "ModifyVpcEndpointServiceConfiguration",
    "ModifyVpcEndpointServicePayerResponsibility",
    "ModifyVpcEndpointServicePermissions",
    "RejectVpcEndpointConnections",
    "StartVpcEndpointServicePrivateDnsVerification",
];

const TAGS_REGIONS_ZONES_THE_ACCOUNT: &[&str] = &[
    "CreateTags",
    "DeleteTags",
    "DescribeAccountAttributes",
    "DescribeAvailabilityZones",
    "DescribeRegions",
    "DescribeTags",
];

const INSTANCES_AND_KEY_PAIRS: &[&str] = &[
    "CreateKeyPair",
    "DeleteKeyPair",
    "DescribeImages",
    "DescribeInstanceAttribute",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeKeyPairs",
    "ImportKeyPair",
    "ModifyInstanceAttribute",
    "RebootInstances",
    "ResetInstanceAttribute",
    "RunInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
];

const SITE_TO_SITE_VPN: &[&str] = &[
    "AttachVpnGateway",
    "CreateCustomerGateway",
    "CreateVpnConcentrator",
    "CreateVpnConnection",
    "CreateVpnConnectionRoute",
    "CreateVpnGateway",
    "DeleteCustomerGateway",
    "DeleteVpnConcentrator",
    "DeleteVpnConnection",
    "DeleteVpnConnectionRoute",
    "DeleteVpnGateway",
    "DescribeCustomerGateways",
    "DescribeVpnConcentrators",
    "DescribeVpnConnections",
    "DescribeVpnGateways",
    "DetachVpnGateway",
    "GetActiveVpnTunnelStatus",
    "GetVpnConnectionDeviceSampleConfiguration",
    "GetVpnConnectionDeviceTypes",
    "GetVpnTunnelReplacementStatus",
    "ModifyVpnConnection",
    "ModifyVpnConnectionOptions",
    "ModifyVpnTunnelCertificate",
    "ModifyVpnTunnelOptions",
    "ReplaceVpnTunnel",
];

const TRANSIT_GATEWAYS: &[&str] = &[
    "AcceptTransitGatewayPeeringAttachment",
    "AcceptTransitGatewayVpcAttachment",
    "AssociateTransitGatewayPolicyTable",
    "AssociateTransitGatewayRouteTable",
    "CreateTransitGateway",
    "CreateTransitGatewayConnect",
    "CreateTransitGatewayConnectPeer",
    "CreateTransitGatewayMeteringPolicy",
    "CreateTransitGatewayMeteringPolicyEntry",
    "CreateTransitGatewayNetworkFunctionAttachment",
    "CreateTransitGatewayPeeringAttachment",
    "CreateTransitGatewayPolicyTable",
    "CreateTransitGatewayPolicyTableEntry",
    "CreateTransitGatewayPrefixListReference",
    "CreateTransitGatewayRoute",
    "CreateTransitGatewayRouteTable",
    "CreateTransitGatewayRouteTableAnnouncement",
    "CreateTransitGatewayVpcAttachment",
    "DeleteTransitGateway",
    "DeleteTransitGatewayConnect",
    "DeleteTransitGatewayConnectPeer",
    "DeleteTransitGatewayMeteringPolicy",
    "DeleteTransitGatewayMeteringPolicyEntry",
    "DeleteTransitGatewayNetworkFunctionAttachment",
    "DeleteTransitGatewayPeeringAttachment",
    "DeleteTransitGatewayPolicyTable",
    "DeleteTransitGatewayPolicyTableEntry",
    "DeleteTransitGatewayPrefixListReference",
    "DeleteTransitGatewayRoute",
    "DeleteTransitGatewayRouteTable",
    "DeleteTransitGatewayRouteTableAnnouncement",
    "DeleteTransitGatewayVpcAttachment",
    "DescribeTransitGatewayAttachments",
    "DescribeTransitGatewayConnectPeers",
    "DescribeTransitGatewayConnects",
    "DescribeTransitGatewayMeteringPolicies",
    "DescribeTransitGatewayNetworkFunctionAttachments",
    "DescribeTransitGatewayPeeringAttachments",
    "DescribeTransitGatewayPolicyTables",
    "DescribeTransitGatewayRouteTableAnnouncements",
    "DescribeTransitGatewayRouteTables",
    "DescribeTransitGatewayVpcAttachments",
    "DescribeTransitGateways",
    "DisableTransitGatewayRouteTablePropagation",
    "DisassociateTransitGatewayPolicyTable",
    "DisassociateTransitGatewayRouteTable",
    "EnableTransitGatewayRouteTablePropagation",
    "ExportTransitGatewayRoutes",
    "GetTransitGatewayAttachmentNatConfiguration",
    "GetTransitGatewayAttachmentPropagations",
    "GetTransitGatewayMeteringPolicyEntries",
    "GetTransitGatewayPolicyTableAssociations",
    "GetTransitGatewayPolicyTableEntries",
    "GetTransitGatewayPrefixListReferences",
    "GetTransitGatewayRouteTableAssociations",
    "GetTransitGatewayRouteTablePropagations",
    "ModifyTransitGateway",
    "ModifyTransitGatewayAttachmentNatConfiguration",
    "ModifyTransitGatewayMeteringPolicy",
    "ModifyTransitGatewayNetworkFunctionAttachment",
    "ModifyTransitGatewayPeeringAttachment",
    "ModifyTransitGatewayPolicyTableEntry",
    "ModifyTransitGatewayPrefixListReference",
    "ModifyTransitGatewayVpcAttachment",
    "RejectTransitGatewayPeeringAttachment",
    "RejectTransitGatewayVpcAttachment",
    "ReplaceTransitGatewayRoute",
    "SearchTransitGatewayRoutes",
];

const MULTICAST_THROUGH_TRANSIT_GATEWAYS: &[&str] = &[
    "AcceptTransitGatewayMulticastDomainAssociations",
    "AssociateTransitGatewayMulticastDomain",
    "CreateTransitGatewayMulticastDomain",
    "DeleteTransitGatewayMulticastDomain",
    "DeregisterTransitGatewayMulticastGroupMembers",
    "DeregisterTransitGatewayMulticastGroupSources",
    "DescribeTransitGatewayMulticastDomains",
    "DisassociateTransitGatewayMulticastDomain",
    "GetTransitGatewayMulticastDomainAssociations",
    "RegisterTransitGatewayMulticastGroupMembers",
    "RegisterTransitGatewayMulticastGroupSources",
    "RejectTransitGatewayMulticastDomainAssociations",
    "SearchTransitGatewayMulticastGroups",
];

const TRAFFIC_MIRRORING: &[&str] = &[
    "CreateTrafficMirrorFilter",
    "CreateTrafficMirrorFilterRule",
    "CreateTrafficMirrorSession",
    "CreateTrafficMirrorTarget",
    "DeleteTrafficMirrorFilter",
    "DeleteTrafficMirrorFilterRule",
    "DeleteTrafficMirrorSession",
    "DeleteTrafficMirrorTarget",
    "DescribeTrafficMirrorFilterRules",
    "DescribeTrafficMirrorFilters",
    "DescribeTrafficMirrorSessions",
    "DescribeTrafficMirrorTargets",
    "ModifyTrafficMirrorFilterNetworkServices",
    "ModifyTrafficMirrorFilterRule",
    "ModifyTrafficMirrorSession",
];

const CARRIER_GATEWAYS: &[&str] = &["CreateCarrierGateway", "DeleteCarrierGateway", "DescribeCarrierGateways"];

const ROUTE_SERVERS: &[&str] = &[
    "AssociateRouteServer",
    "CreateRouteServer",
    "CreateRouteServerEndpoint",
    "CreateRouteServerPeer",
    "DeleteRouteServer",
    "DeleteRouteServerEndpoint",
    "DeleteRouteServerPeer",
    "DescribeRouteServerEndpoints",
    "DescribeRouteServerPeers",
    "DescribeRouteServers",
    "DisableRouteServerPropagation",
    "DisassociateRouteServer",
    "EnableRouteServerPropagation",
    "GetRouteServerAssociations",
    "GetRouteServerPropagations",
    "GetRouteServerRoutingDatabase",
    "ModifyRouteServer",
];

const BLOCK_PUBLIC_ACCESS_ENCRYPTION_CONTROLS: &[&str] = &[
    "CreateVpcBlockPublicAccessExclusion",
    "CreateVpcEncryptionControl",
    "DeleteVpcBlockPublicAccessExclusion",
    "DeleteVpcEncryptionControl",
    "DescribeAccountVpcEncryptionControl",
    "DescribeVpcBlockPublicAccessExclusions",
    "DescribeVpcBlockPublicAccessOptions",
    "DescribeVpcEncryptionControls",
    "GetVpcResourcesBlockingEncryptionEnforcement",
    "ModifyAccountVpcEncryptionControl",
    "ModifyVpcBlockPublicAccessExclusion",
    "ModifyVpcBlockPublicAccessOptions",
    "ModifyVpcEncryptionControl",
];

const REACHABILITY_ANALYSIS: &[&str] = &[
    "CreateNetworkInsightsAccessScope",
    "CreateNetworkInsightsPath",
    "DeleteNetworkInsightsAccessScope",
    "DeleteNetworkInsightsAccessScopeAnalysis",
    "DeleteNetworkInsightsAnalysis",
    "DeleteNetworkInsightsPath",
    "DescribeAwsNetworkPerformanceMetricSubscriptions",
    "DescribeNetworkInsightsAccessScopeAnalyses",
    "DescribeNetworkInsightsAccessScopes",
    "DescribeNetworkInsightsAnalyses",
    "DescribeNetworkInsightsPaths",
    "DisableAwsNetworkPerformanceMetricSubscription",
    "EnableAwsNetworkPerformanceMetricSubscription",
    "EnableReachabilityAnalyzerOrganizationSharing",
    "GetAwsNetworkPerformanceData",
    "GetNetworkInsightsAccessScopeAnalysisFindings",
    "GetNetworkInsightsAccessScopeContent",
    "StartNetworkInsightsAccessScopeAnalysis",
    "StartNetworkInsightsAnalysis",
];

const INSTANCE_CONNECT_ENDPOINTS: &[&str] = &[
    "CreateInstanceConnectEndpoint",
    "DeleteInstanceConnectEndpoint",
    "DescribeInstanceConnectEndpoints",
    "ModifyInstanceConnectEndpoint",
];

const ADDRESS_MANAGER_AND_OWN_ADDRESSES: &[&str] = &[
    "AdvertiseByoipCidr",
    "AllocateIpamPoolCidr",
    "AssociateIpamByoasn",
    "AssociateIpamResourceDiscovery",
    "BatchModifyIpamRoutingPolicyRegistrations",
    "CreateIpam",
    "CreateIpamExternalResourceVerificationToken",
    "CreateIpamInternetRegistryAssociation",
    "CreateIpamPolicy",
    "CreateIpamPool",
    "CreateIpamPrefixListResolver",
    "CreateIpamPrefixListResolverTarget",
    "CreateIpamResourceDiscovery",
    "CreateIpamRoutingPolicyRegistration",
    "CreateIpamScope",
    "DeleteIpam",
    "DeleteIpamExternalResourceVerificationToken",
    "DeleteIpamInternetRegistryAssociation",
    "DeleteIpamPolicy",
    "DeleteIpamPool",
    "DeleteIpamPrefixListResolver",
    "DeleteIpamPrefixListResolverTarget",
    "DeleteIpamResourceDiscovery",
    "DeleteIpamRoutingPolicyRegistration",
    "DeleteIpamScope",
    "DeprovisionByoipCidr",
    "DeprovisionIpamByoasn",
    "DeprovisionIpamPoolCidr",
    "DescribeByoipCidrs",
    "DescribeIpamByoasn",
    "DescribeIpamExternalResourceVerificationTokens",
    "DescribeIpamInternetRegistryAssociations",
    "DescribeIpamPolicies",
    "DescribeIpamPoolAllocations",
    "DescribeIpamPools",
    "DescribeIpamPrefixListResolverTargets",
    "DescribeIpamPrefixListResolvers",
    "DescribeIpamResourceDiscoveries",
    "DescribeIpamResourceDiscoveryAssociations",
    "DescribeIpamScopes",
    "DescribeIpams",
    "DescribeIpv6Pools",
    "DisableIpamOrganizationAdminAccount",
    "DisableIpamPolicy",
    "DisassociateIpamByoasn",
    "DisassociateIpamResourceDiscovery",
    "EnableIpamInternetRegistryAssociation",
    "EnableIpamOrganizationAdminAccount",
    "EnableIpamPolicy",
    "GetAssociatedIpv6PoolCidrs",
    "GetEnabledIpamPolicy",
    "GetIpamAddressHistory",
    "GetIpamDiscoveredAccounts",
    "GetIpamDiscoveredPublicAddresses",
    "GetIpamDiscoveredResourceCidrs",
    "GetIpamDiscoveredRoutes",
    "GetIpamInternetRegistryAssociationAsns",
    "GetIpamInternetRegistryAssociationCidrs",
    "GetIpamPolicyAllocationRules",
    "GetIpamPolicyOrganizationTargets",
    "GetIpamPoolAllocations",
    "GetIpamPoolCidrs",
    "GetIpamPrefixListResolverRules",
    "GetIpamPrefixListResolverVersionEntries",
    "GetIpamPrefixListResolverVersions",
    "GetIpamResourceCidrs",
    "GetIpamRouteOriginAuthorizations",
    "GetIpamRouteProtectionFindings",
    "GetIpamRoutingPolicyRegistrationDeltas",
    "GetIpamRoutingPolicyRegistrations",
    "ModifyIpam",
    "ModifyIpamPolicyAllocationRules",
    "ModifyIpamPool",
    "ModifyIpamPoolAllocation",
    "ModifyIpamPrefixListResolver",
    "ModifyIpamPrefixListResolverTarget",
    "ModifyIpamResourceCidr",
    "ModifyIpamResourceDiscovery",
    "ModifyIpamRoutingPolicyRegistration",
    "ModifyIpamScope",
    "MoveByoipCidrToIpam",
    "ProvisionByoipCidr",
    "ProvisionIpamByoasn",
    "ProvisionIpamPoolCidr",
    "ReleaseIpamPoolAllocation",
    "WithdrawByoipCidr",
];

const CLIENT_VPN: &[&str] = &[
    "AcceptTransitGatewayClientVpnAttachment",
    "ApplySecurityGroupsToClientVpnTargetNetwork",
    "AssociateClientVpnTargetNetwork",
    "AuthorizeClientVpnIngress",
    "CreateClientVpnEndpoint",
    "CreateClientVpnRoute",
    "DeleteClientVpnEndpoint",
    "DeleteClientVpnEndpointAuthorizationPolicy",
    "DeleteClientVpnRoute",
    "DeleteTransitGatewayClientVpnAttachment",
    "DescribeClientVpnAuthorizationRules",
    "DescribeClientVpnConnections",
    "DescribeClientVpnEndpoints",
    "DescribeClientVpnRoutes",
    "DescribeClientVpnTargetNetworks",
    "DisassociateClientVpnTargetNetwork",
    "ExportClientVpnClientCertificateRevocationList",
    "ExportClientVpnClientConfiguration",
    "GetClientVpnEndpointAuthorizationPolicy",
    "ImportClientVpnClientCertificateRevocationList",
    "ModifyClientVpnEndpoint",
    "ModifyClientVpnEndpointAuthorizationPolicy",
    "RejectTransitGatewayClientVpnAttachment",
    "RevokeClientVpnIngress",
    "TerminateClientVpnConnections",
];

const VERIFIED_ACCESS: &[&str] = &[
    "AttachVerifiedAccessTrustProvider",
    "CreateVerifiedAccessEndpoint",
    "CreateVerifiedAccessGroup",
    "CreateVerifiedAccessInstance",
    "CreateVerifiedAccessTrustProvider",
    "DeleteVerifiedAccessEndpoint",
    "DeleteVerifiedAccessGroup",
    "DeleteVerifiedAccessInstance",
    "DeleteVerifiedAccessTrustProvider",
    "DescribeVerifiedAccessEndpoints",
    "DescribeVerifiedAccessGroups",
    "DescribeVerifiedAccessInstanceLoggingConfigurations",
    "DescribeVerifiedAccessInstances",
    "DescribeVerifiedAccessTrustProviders",
    "DetachVerifiedAccessTrustProvider",
    "ExportVerifiedAccessInstanceClientConfiguration",
    "GetVerifiedAccessEndpointPolicy",
    "GetVerifiedAccessEndpointTargets",
    "GetVerifiedAccessGroupPolicy",
    "ModifyVerifiedAccessEndpoint",
    "ModifyVerifiedAccessEndpointPolicy",
    "ModifyVerifiedAccessGroup",
    "ModifyVerifiedAccessGroupPolicy",
    "ModifyVerifiedAccessInstance",
    "ModifyVerifiedAccessInstanceLoggingConfiguration",
    "ModifyVerifiedAccessTrustProvider",
];

const LOCAL_GATEWAYS_OF_OUTPOSTS: &[&str] = &[
    "CreateCoipCidr",
    "CreateCoipPool",
    "CreateLocalGatewayRoute",
    "CreateLocalGatewayRouteTable",
    "CreateLocalGatewayRouteTableVirtualInterfaceGroupAssociation",
    "CreateLocalGatewayRouteTableVpcAssociation",
    "CreateLocalGatewayVirtualInterface",
    "CreateLocalGatewayVirtualInterfaceGroup",
    "DeleteCoipCidr",
    "DeleteCoipPool",
    "DeleteLocalGatewayRoute",
    "DeleteLocalGatewayRouteTable",
    "DeleteLocalGatewayRouteTableVirtualInterfaceGroupAssociation",
    "DeleteLocalGatewayRouteTableVpcAssociation",
    "DeleteLocalGatewayVirtualInterface",
    "DeleteLocalGatewayVirtualInterfaceGroup",
    "DescribeCoipPools",
    "DescribeLocalGatewayRouteTableVirtualInterfaceGroupAssociations",
    "DescribeLocalGatewayRouteTableVpcAssociations",
    "DescribeLocalGatewayRouteTables",
    "DescribeLocalGatewayVirtualInterfaceGroups",
    "DescribeLocalGatewayVirtualInterfaces",
    "DescribeLocalGateways",
    "DescribeServiceLinkVirtualInterfaces",
    "GetCoipPoolUsage",
    "ModifyLocalGatewayRoute",
    "SearchLocalGatewayRoutes",
];

const WHAT_IS_LEFT_OF_EC_CLASSIC: &[&str] = &[
    "AttachClassicLinkVpc",
    "DescribeClassicLinkInstances",
    "DescribeVpcClassicLink",
    "DescribeVpcClassicLinkDnsSupport",
    "DetachClassicLinkVpc",
    "DisableVpcClassicLink",
    "DisableVpcClassicLinkDnsSupport",
    "EnableVpcClassicLink",
    "EnableVpcClassicLinkDnsSupport",
];

const CAPABILITIES: &[Capability] = &[
    Capability { name: "VPCs", operations: VPCS },
    Capability { name: "Subnets", operations: SUBNETS },
    Capability { name: "Route tables", operations: ROUTE_TABLES },
    Capability { name: "Internet and egress-only gateways", operations: INTERNET_AND_EGRESS_ONLY_GATEWAYS },
    Capability { name: "NAT gateways", operations: NAT_GATEWAYS },
    Capability { name: "Elastic IPs and public pools", operations: ELASTIC_IPS_AND_PUBLIC_POOLS },
    Capability { name: "Network interfaces", operations: NETWORK_INTERFACES },
    Capability { name: "Security groups", operations: SECURITY_GROUPS },
    Capability { name: "Network ACLs", operations: NETWORK_ACLS },
    Capability { name: "DHCP options sets", operations: DHCP_OPTIONS_SETS },
    Capability { name: "Flow logs", operations: FLOW_LOGS },
    Capability { name: "Peering", operations: PEERING },
    Capability { name: "Prefix lists", operations: PREFIX_LISTS },
    Capability { name: "Endpoints and endpoint services", operations: ENDPOINTS_AND_ENDPOINT_SERVICES },
    Capability { name: "Tags, Regions, zones, the account", operations: TAGS_REGIONS_ZONES_THE_ACCOUNT },
    Capability { name: "Instances and key pairs", operations: INSTANCES_AND_KEY_PAIRS },
    Capability { name: "Site-to-site VPN", operations: SITE_TO_SITE_VPN },
    Capability { name: "Transit gateways", operations: TRANSIT_GATEWAYS },
    Capability { name: "Multicast through transit gateways", operations: MULTICAST_THROUGH_TRANSIT_GATEWAYS },
    Capability { name: "Traffic mirroring", operations: TRAFFIC_MIRRORING },
    Capability { name: "Carrier gateways", operations: CARRIER_GATEWAYS },
    Capability { name: "Route servers", operations: ROUTE_SERVERS },
    Capability {
        name: "Block public access, encryption controls",
        operations: BLOCK_PUBLIC_ACCESS_ENCRYPTION_CONTROLS,
    },
    Capability { name: "Reachability analysis", operations: REACHABILITY_ANALYSIS },
    Capability { name: "Instance Connect endpoints", operations: INSTANCE_CONNECT_ENDPOINTS },
    Capability { name: "Address manager and own addresses", operations: ADDRESS_MANAGER_AND_OWN_ADDRESSES },
    Capability { name: "Client VPN", operations: CLIENT_VPN },
    Capability { name: "Verified Access", operations: VERIFIED_ACCESS },
    Capability { name: "Local gateways of Outposts", operations: LOCAL_GATEWAYS_OF_OUTPOSTS },
    Capability { name: "What is left of EC2-Classic", operations: WHAT_IS_LEFT_OF_EC_CLASSIC },
];

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api-coverage.md");

    #[test]
    fn coverage_page_is_the_programs() {
        if std::env::var_os("VPCD_WRITE_DOCS").is_some() {
            std::fs::write(PAGE, coverage()).unwrap();
        }
        let page = std::fs::read_to_string(PAGE).unwrap_or_default();
        assert!(page == coverage(), "docs/api-coverage.md is out of date: run with VPCD_WRITE_DOCS=1");
    }

    #[test]
    fn operations_are_known_once_and_answered_once() {
        let all: Vec<&str> = CAPABILITIES.iter().flat_map(|c| c.operations).copied().collect();
        assert_eq!(all.len(), 534);
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "a name stands twice");
        let answered: Vec<&str> = FAMILIES.iter().copied().flatten().map(|o| o.name).collect();
        assert_eq!(answered.iter().collect::<BTreeSet<_>>().len(), answered.len(), "two families answer one operation");
    }
}
