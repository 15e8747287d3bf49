//! Families that are not built yet: their lists are empty, and every id is unknown.
//!
//! One entry for each call: its lists, the parameters that name resources, its filters, what else it may carry. Who builds a family
//! takes its entries away.

use super::filter::Filters;
use super::page::Page;
use super::params::Params;
use super::xml::Xml;
use super::{Operation, read};
use crate::model::{ApiError, Result};

/// A parameter that names resources of a kind.
struct Ids {
    /// With `!` before it if the call needs it.
    param: &'static str,
    /// Code of the refusal of any id.
    code: &'static str,
}

/// How a call that finds nothing is answered. Texts are lists of words.
struct Nothing {
    /// Lists in the answer.
    sets: &'static str,
    ids: &'static [Ids],
    /// Filters; empty where AWS documents none: any name will do.
    filters: &'static str,
    /// Parameters that narrow down what is not there.
    more: &'static str,
}

impl Nothing {
    fn answer(&self, p: &Params, x: &mut Xml) -> Result<()> {
        for Ids { param, code } in self.ids {
            let (param, needed) = param.strip_prefix('!').map_or((*param, false), |name| (name, true));
            match p.texts(param).first() {
                Some(id) => {
                    let kind = param.trim_end_matches('s').trim_end_matches("Id");
                    return Err(ApiError::new(code, format!("The {kind} '{id}' does not exist")));
                }
                None if needed => return Err(p.missing(param)),
                None => {}
            }
        }
        let filters: Vec<&str> = match self.filters {
            "" => p.list("Filter").iter().filter_map(|f| f.text("Name")).collect(),
            known => known.split_whitespace().collect(),
        };
        Filters::read(p, &filters)?;
        p.ignore(&self.more.split_whitespace().collect::<Vec<_>>());
        // A page of nothing, which has read MaxResults and NextToken.
        Page::<()>::cut(p, std::iter::empty())?;
        self.sets.split_whitespace().for_each(|set| x.texts(set, [""; 0]));
        Ok(())
    }
}

macro_rules! nothing {
    ($($name:literal $sets:literal [$($ids:ident),*] $filters:literal $more:literal;)*) => {
        pub(super) const OPERATIONS: &[Operation] = &[$(read($name, |_, p, x| {
            Nothing { sets: $sets, ids: &[$($ids),*], filters: $filters, more: $more }.answer(p, x)
        })),*];
    };
}

macro_rules! ids {
    ($($name:ident $param:literal $code:literal;)*) => {
        $(const $name: Ids = Ids { param: $param, code: $code };)*
    };
}

ids! {
    FLOW_LOG "FlowLogId" "InvalidFlowLogId.NotFound";
    VPC_PEERING_CONNECTION "VpcPeeringConnectionId" "InvalidVpcPeeringConnectionID.NotFound";
    VPC_ENDPOINT "VpcEndpointId" "InvalidVpcEndpointId.NotFound";
    CONNECTION_NOTIFICATION "ConnectionNotificationId" "InvalidConnectionNotification";
    SERVICE "ServiceId" "InvalidVpcEndpointServiceId.NotFound";
    SERVICE_NEEDED "!ServiceId" "InvalidVpcEndpointServiceId.NotFound";
    SERVICE_NAME "ServiceName" "InvalidServiceName";
    VPN_CONCENTRATOR "VpnConcentratorId" "InvalidVpnConcentratorID.NotFound";
    TRANSIT_GATEWAY "TransitGatewayIds" "InvalidTransitGatewayID.NotFound";
    TRANSIT_GATEWAY_ATTACHMENT "TransitGatewayAttachmentIds" "InvalidTransitGatewayAttachmentID.NotFound";
    TRANSIT_GATEWAY_CONNECT_PEER "TransitGatewayConnectPeerIds" "InvalidTransitGatewayConnectPeerID.NotFound";
    TRANSIT_GATEWAY_METERING_POLICY "TransitGatewayMeteringPolicyIds" "InvalidTransitGatewayMeteringPolicyID.NotFound";
    TRANSIT_GATEWAY_MULTICAST_DOMAIN "TransitGatewayMulticastDomainIds" "InvalidTransitGatewayMulticastDomainId.NotFound";
    TRANSIT_GATEWAY_POLICY_TABLE "TransitGatewayPolicyTableIds" "InvalidTransitGatewayPolicyTableId.NotFound";
    TRANSIT_GATEWAY_ROUTE_TABLE_ANNOUNCEMENT "TransitGatewayRouteTableAnnouncementIds" "InvalidTransitGatewayRouteTableAnnouncementID.NotFound";
    TRANSIT_GATEWAY_ROUTE_TABLE "TransitGatewayRouteTableIds" "InvalidRouteTableID.NotFound";
    TRANSIT_GATEWAY_ATTACHMENT_NEEDED "!TransitGatewayAttachmentId" "InvalidTransitGatewayAttachmentID.NotFound";
    TRANSIT_GATEWAY_METERING_POLICY_NEEDED "!TransitGatewayMeteringPolicyId" "InvalidTransitGatewayMeteringPolicyID.NotFound";
    TRANSIT_GATEWAY_MULTICAST_DOMAIN_NEEDED "!TransitGatewayMulticastDomainId" "InvalidTransitGatewayMulticastDomainId.NotFound";
    TRANSIT_GATEWAY_POLICY_TABLE_NEEDED "!TransitGatewayPolicyTableId" "InvalidTransitGatewayPolicyTableId.NotFound";
    TRANSIT_GATEWAY_ROUTE_TABLE_NEEDED "!TransitGatewayRouteTableId" "InvalidRouteTableID.NotFound";
    TRAFFIC_MIRROR_FILTER_RULE "TrafficMirrorFilterRuleId" "InvalidTrafficMirrorFilterRuleId.NotFound";
    TRAFFIC_MIRROR_FILTER "TrafficMirrorFilterId" "InvalidTrafficMirrorFilterId.NotFound";
    TRAFFIC_MIRROR_SESSION "TrafficMirrorSessionId" "InvalidTrafficMirrorSessionId.NotFound";
    TRAFFIC_MIRROR_TARGET "TrafficMirrorTargetId" "InvalidTrafficMirrorTargetId.NotFound";
    CARRIER_GATEWAY "CarrierGatewayId" "InvalidCarrierGatewayID.NotFound";
    ROUTE_SERVER_ENDPOINT "RouteServerEndpointId" "InvalidRouteServerEndpointId.NotFound";
    ROUTE_SERVER_PEER "RouteServerPeerId" "InvalidRouteServerPeerId.NotFound";
    ROUTE_SERVER "RouteServerId" "InvalidRouteServerId.NotFound";
    EXCLUSION "ExclusionId" "InvalidVpcBlockPublicAccessExclusionId.NotFound";
    VPC_ENCRYPTION_CONTROL "VpcEncryptionControlId" "InvalidVpcEncryptionControlId.NotFound";
    NETWORK_INSIGHTS_ACCESS_SCOPE_ANALYSIS "NetworkInsightsAccessScopeAnalysisId" "InvalidNetworkInsightsAccessScopeAnalysisId.NotFound";
    NETWORK_INSIGHTS_ACCESS_SCOPE "NetworkInsightsAccessScopeId" "InvalidNetworkInsightsAccessScopeId.NotFound";
    NETWORK_INSIGHTS_ANALYSIS "NetworkInsightsAnalysisId" "InvalidNetworkInsightsAnalysisId.NotFound";
    NETWORK_INSIGHTS_PATH "NetworkInsightsPathId" "InvalidNetworkInsightsPathId.NotFound";
    INSTANCE_CONNECT_ENDPOINT "InstanceConnectEndpointId" "InvalidInstanceConnectEndpointId.NotFound";
    CLIENT_VPN_ENDPOINT "ClientVpnEndpointId" "InvalidClientVpnEndpointId.NotFound";
    IPAM "IpamId" "InvalidIpamId.NotFound";
    IPAM_SCOPE "IpamScopeId" "InvalidIpamScopeId.NotFound";
    IPAM_POOL "IpamPoolId" "InvalidIpamPoolId.NotFound";
    IPAM_POOL_ALLOCATION "IpamPoolAllocationId" "InvalidIpamPoolAllocationId.NotFound";
    IPAM_POLICY "IpamPolicyId" "InvalidIpamPolicyId.NotFound";
    IPAM_EXTERNAL_RESOURCE_VERIFICATION_TOKEN "IpamExternalResourceVerificationTokenId" "InvalidIpamExternalResourceVerificationTokenId.NotFound";
    IPAM_PREFIX_LIST_RESOLVER "IpamPrefixListResolverId" "InvalidIpamPrefixListResolverId.NotFound";
    IPAM_PREFIX_LIST_RESOLVER_TARGET "IpamPrefixListResolverTargetId" "InvalidIpamPrefixListResolverTargetId.NotFound";
    IPAM_RESOURCE_DISCOVERY "IpamResourceDiscoveryId" "InvalidIpamResourceDiscoveryId.NotFound";
    IPAM_RESOURCE_DISCOVERY_ASSOCIATION "IpamResourceDiscoveryAssociationId" "InvalidIpamResourceDiscoveryAssociationId.NotFound";
    PUBLIC_POOL "PoolId" "InvalidPublicIpv4PoolID.NotFound";
    POOL "PoolId" "InvalidIpv6PoolId.NotFound";
    VOLUME "VolumeId" "InvalidVolume.NotFound";
    SNAPSHOT "SnapshotId" "InvalidSnapshot.NotFound";
    PROFILE_ASSOCIATION "AssociationId" "InvalidAssociationID.NotFound";
    LAUNCH_TEMPLATE "LaunchTemplateId" "InvalidLaunchTemplateId.NotFound";
    LAUNCH_TEMPLATE_NAME "LaunchTemplateName" "InvalidLaunchTemplateName.NotFoundException";
}

nothing! {
    // Flow logs.
    "DescribeFlowLogs" "flowLogSet" [FLOW_LOG]
        "deliver-log-status log-destination-type flow-log-id log-group-name resource-id traffic-type" "";
    // Addresses that come from elsewhere or leave.
    "DescribeAddressTransfers" "addressTransferSet" [] "" "AllocationId";
    "DescribeMovingAddresses" "movingAddressStatusSet" [] "moving-status" "PublicIp";
    "DescribePublicIpv4Pools" "publicIpv4PoolSet" [PUBLIC_POOL] "" "";
    // Peering.
    "DescribeVpcPeeringConnections" "vpcPeeringConnectionSet" [VPC_PEERING_CONNECTION]
        "accepter-vpc-info.cidr-block accepter-vpc-info.owner-id accepter-vpc-info.vpc-id expiration-time \
         requester-vpc-info.cidr-block requester-vpc-info.owner-id requester-vpc-info.vpc-id status-code \
         status-message vpc-peering-connection-id" "";
    // Endpoints and endpoint services.
    "DescribeVpcEndpoints" "vpcEndpointSet" [VPC_ENDPOINT]
        "ip-address-type service-name service-region vpc-id vpc-endpoint-id vpc-endpoint-state \
         vpc-endpoint-type" "";
    "DescribeVpcEndpointAssociations" "vpcEndpointAssociationSet" [VPC_ENDPOINT]
        "vpc-endpoint-id associated-resource-accessibility association-id associated-resource-id \
         service-network-arn resource-configuration-group-arn" "";
    "DescribeVpcEndpointConnectionNotifications" "connectionNotificationSet" [CONNECTION_NOTIFICATION]
        "connection-notification-arn connection-notification-id connection-notification-state \
         connection-notification-type service-id vpc-endpoint-id" "";
    "DescribeVpcEndpointConnections" "vpcEndpointConnectionSet" []
        "ip-address-type service-id vpc-endpoint-owner vpc-endpoint-region vpc-endpoint-state vpc-endpoint-id" "";
    "DescribeVpcEndpointServiceConfigurations" "serviceConfigurationSet" [SERVICE]
        "service-name service-id service-state supported-ip-address-types" "";
    "DescribeVpcEndpointServicePermissions" "allowedPrincipals" [SERVICE_NEEDED] "principal principal-type" "";
    "DescribeVpcEndpointServices" "serviceNameSet serviceDetailSet" [SERVICE_NAME]
        "owner service-name service-region service-type supported-ip-address-types" "ServiceRegion";
    // VPN.
    "DescribeVpnConcentrators" "vpnConcentratorSet" [VPN_CONCENTRATOR] "" "";
    // Transit gateways.
    "DescribeTransitGateways" "transitGatewaySet" [TRANSIT_GATEWAY]
        "options.propagation-default-route-table-id options.amazon-side-asn \
         options.association-default-route-table-id options.auto-accept-shared-attachments \
         options.default-route-table-association options.default-route-table-propagation options.dns-support \
         options.vpn-ecmp-support owner-id state transit-gateway-id" "";
    "DescribeTransitGatewayAttachments" "transitGatewayAttachments" [TRANSIT_GATEWAY_ATTACHMENT]
        "association.state association.transit-gateway-route-table-id resource-id resource-owner-id \
         resource-type state transit-gateway-attachment-id transit-gateway-id transit-gateway-owner-id" "";
    "DescribeTransitGatewayConnectPeers" "transitGatewayConnectPeerSet" [TRANSIT_GATEWAY_CONNECT_PEER]
        "state transit-gateway-attachment-id transit-gateway-connect-peer-id" "";
    "DescribeTransitGatewayConnects" "transitGatewayConnectSet" [TRANSIT_GATEWAY_ATTACHMENT]
        "options.protocol state transit-gateway-attachment-id transit-gateway-id \
         transport-transit-gateway-attachment-id" "";
    "DescribeTransitGatewayMeteringPolicies" "transitGatewayMeteringPolicies" [TRANSIT_GATEWAY_METERING_POLICY] "" "";
    "DescribeTransitGatewayMulticastDomains" "transitGatewayMulticastDomains" [TRANSIT_GATEWAY_MULTICAST_DOMAIN]
        "state transit-gateway-id transit-gateway-multicast-domain-id" "";
    "DescribeTransitGatewayPeeringAttachments" "transitGatewayPeeringAttachments" [TRANSIT_GATEWAY_ATTACHMENT]
        "transit-gateway-attachment-id local-owner-id remote-owner-id state transit-gateway-id" "";
    "DescribeTransitGatewayPolicyTables" "transitGatewayPolicyTables" [TRANSIT_GATEWAY_POLICY_TABLE] "" "";
    "DescribeTransitGatewayRouteTableAnnouncements" "transitGatewayRouteTableAnnouncements" [TRANSIT_GATEWAY_ROUTE_TABLE_ANNOUNCEMENT] "" "";
    "DescribeTransitGatewayRouteTables" "transitGatewayRouteTables" [TRANSIT_GATEWAY_ROUTE_TABLE]
        "default-association-route-table default-propagation-route-table state transit-gateway-id \
         transit-gateway-route-table-id" "";
    "DescribeTransitGatewayVpcAttachments" "transitGatewayVpcAttachments" [TRANSIT_GATEWAY_ATTACHMENT]
        "state transit-gateway-attachment-id transit-gateway-id vpc-id" "";
    "GetTransitGatewayAttachmentPropagations" "transitGatewayAttachmentPropagations" [TRANSIT_GATEWAY_ATTACHMENT_NEEDED]
        "transit-gateway-route-table-id" "";
    "GetTransitGatewayMeteringPolicyEntries" "transitGatewayMeteringPolicyEntries" [TRANSIT_GATEWAY_METERING_POLICY_NEEDED] "" "";
    "GetTransitGatewayMulticastDomainAssociations" "multicastDomainAssociations" [TRANSIT_GATEWAY_MULTICAST_DOMAIN_NEEDED]
        "resource-id resource-type state subnet-id transit-gateway-attachment-id" "";
    "GetTransitGatewayPolicyTableAssociations" "associations" [TRANSIT_GATEWAY_POLICY_TABLE_NEEDED] "" "";
    "GetTransitGatewayPolicyTableEntries" "transitGatewayPolicyTableEntries" [TRANSIT_GATEWAY_POLICY_TABLE_NEEDED] "" "";
    "GetTransitGatewayPrefixListReferences" "transitGatewayPrefixListReferenceSet" [TRANSIT_GATEWAY_ROUTE_TABLE_NEEDED]
        "attachment.resource-id attachment.resource-type attachment.transit-gateway-attachment-id \
         is-blackhole prefix-list-id prefix-list-owner-id state" "";
    "GetTransitGatewayRouteTableAssociations" "associations" [TRANSIT_GATEWAY_ROUTE_TABLE_NEEDED]
        "resource-id resource-type transit-gateway-attachment-id" "";
    "GetTransitGatewayRouteTablePropagations" "transitGatewayRouteTablePropagations" [TRANSIT_GATEWAY_ROUTE_TABLE_NEEDED]
        "resource-id resource-type transit-gateway-attachment-id" "";
    "SearchTransitGatewayMulticastGroups" "multicastGroups" [TRANSIT_GATEWAY_MULTICAST_DOMAIN_NEEDED]
        "group-ip-address is-group-member is-group-source member-type resource-id resource-type source-type \
         subnet-id transit-gateway-attachment-id" "";
    "SearchTransitGatewayRoutes" "routeSet" [TRANSIT_GATEWAY_ROUTE_TABLE_NEEDED]
        "attachment.transit-gateway-attachment-id attachment.resource-id attachment.resource-type \
         prefix-list-id route-search.exact-match route-search.longest-prefix-match \
         route-search.subnet-of-match route-search.supernet-of-match state type" "";
    // Traffic mirroring.
    "DescribeTrafficMirrorFilterRules" "trafficMirrorFilterRuleSet" [TRAFFIC_MIRROR_FILTER_RULE, TRAFFIC_MIRROR_FILTER]
        "traffic-mirror-filter-rule-id traffic-mirror-filter-id rule-number rule-action traffic-direction \
         protocol source-cidr-block destination-cidr-block description" "";
    "DescribeTrafficMirrorFilters" "trafficMirrorFilterSet" [TRAFFIC_MIRROR_FILTER]
        "description traffic-mirror-filter-id" "";
    "DescribeTrafficMirrorSessions" "trafficMirrorSessionSet" [TRAFFIC_MIRROR_SESSION]
        "description network-interface-id owner-id packet-length session-number traffic-mirror-filter-id \
         traffic-mirror-session-id traffic-mirror-target-id virtual-network-id" "";
    "DescribeTrafficMirrorTargets" "trafficMirrorTargetSet" [TRAFFIC_MIRROR_TARGET]
        "description network-interface-id network-load-balancer-arn owner-id traffic-mirror-target-id" "";
    // Carrier gateways, route servers.
    "DescribeCarrierGateways" "carrierGatewaySet" [CARRIER_GATEWAY] "carrier-gateway-id state owner-id vpc-id" "";
    "DescribeRouteServerEndpoints" "routeServerEndpointSet" [ROUTE_SERVER_ENDPOINT] "" "";
    "DescribeRouteServerPeers" "routeServerPeerSet" [ROUTE_SERVER_PEER] "" "";
    "DescribeRouteServers" "routeServerSet" [ROUTE_SERVER] "" "";
    // Block public access, encryption.
    "DescribeVpcBlockPublicAccessExclusions" "vpcBlockPublicAccessExclusionSet" [EXCLUSION]
        "resource-arn internet-gateway-exclusion-mode state" "";
    "DescribeVpcEncryptionControls" "vpcEncryptionControlSet" [VPC_ENCRYPTION_CONTROL] "" "VpcId";
    // Reachability.
    "DescribeNetworkInsightsAccessScopeAnalyses" "networkInsightsAccessScopeAnalysisSet" [NETWORK_INSIGHTS_ACCESS_SCOPE_ANALYSIS]
        "" "NetworkInsightsAccessScopeId AnalysisStartTimeBegin AnalysisStartTimeEnd";
    "DescribeNetworkInsightsAccessScopes" "networkInsightsAccessScopeSet" [NETWORK_INSIGHTS_ACCESS_SCOPE] "" "";
    "DescribeNetworkInsightsAnalyses" "networkInsightsAnalysisSet" [NETWORK_INSIGHTS_ANALYSIS] "" "NetworkInsightsPathId AnalysisStartTime AnalysisEndTime";
    "DescribeNetworkInsightsPaths" "networkInsightsPathSet" [NETWORK_INSIGHTS_PATH] "" "";
    "DescribeAwsNetworkPerformanceMetricSubscriptions" "subscriptionSet" [] "" "";
    // Instance Connect, client VPN.
    "DescribeInstanceConnectEndpoints" "instanceConnectEndpointSet" [INSTANCE_CONNECT_ENDPOINT]
        "instance-connect-endpoint-id state subnet-id vpc-id" "";
    "DescribeClientVpnEndpoints" "clientVpnEndpoint" [CLIENT_VPN_ENDPOINT] "endpoint-id transport-protocol" "";
    // Address manager, own addresses.
    "DescribeIpams" "ipamSet" [IPAM] "" "";
    "DescribeIpamScopes" "ipamScopeSet" [IPAM_SCOPE] "" "";
    "DescribeIpamPools" "ipamPoolSet" [IPAM_POOL] "" "";
    "DescribeIpamPoolAllocations" "ipamPoolAllocationSet" [IPAM_POOL_ALLOCATION] "" "";
    "DescribeIpamPolicies" "ipamPolicySet" [IPAM_POLICY] "" "";
    "DescribeIpamByoasn" "byoasnSet" [] "" "";
    "DescribeIpamExternalResourceVerificationTokens" "ipamExternalResourceVerificationTokenSet" [IPAM_EXTERNAL_RESOURCE_VERIFICATION_TOKEN] "" "";
    "DescribeIpamPrefixListResolvers" "ipamPrefixListResolverSet" [IPAM_PREFIX_LIST_RESOLVER] "" "";
    "DescribeIpamPrefixListResolverTargets" "ipamPrefixListResolverTargetSet" [IPAM_PREFIX_LIST_RESOLVER_TARGET, IPAM_PREFIX_LIST_RESOLVER] "" "";
    "DescribeIpamResourceDiscoveries" "ipamResourceDiscoverySet" [IPAM_RESOURCE_DISCOVERY] "" "";
    "DescribeIpamResourceDiscoveryAssociations" "ipamResourceDiscoveryAssociationSet" [IPAM_RESOURCE_DISCOVERY_ASSOCIATION] "" "";
    "DescribeByoipCidrs" "byoipCidrSet" [] "" "";
    "DescribeIpv6Pools" "ipv6PoolSet" [POOL] "" "";
    // What other than networks belongs to an instance.
    "DescribeVolumes" "volumeSet" [VOLUME]
        "attachment.attach-time attachment.delete-on-termination attachment.device attachment.instance-id \
         attachment.status availability-zone availability-zone-id create-time encrypted fast-restored \
         multi-attach-enabled operator.managed operator.principal size snapshot-id status volume-id volume-type"
        "IncludeManagedResources";
    "DescribeSnapshots" "snapshotSet" [SNAPSHOT]
        "description encrypted owner-alias owner-id progress snapshot-id start-time status storage-tier \
         transfer-type volume-id volume-size" "Owner RestorableBy";
    "DescribeIamInstanceProfileAssociations" "iamInstanceProfileAssociationSet" [PROFILE_ASSOCIATION]
        "instance-id state" "";
    "DescribeLaunchTemplates" "launchTemplates" [LAUNCH_TEMPLATE, LAUNCH_TEMPLATE_NAME]
        "create-time launch-template-name" "IncludeManagedResources";
    // ClassicLink.
    "DescribeClassicLinkInstances" "instancesSet" [] "group-id instance-id vpc-id" "InstanceId";
}

#[cfg(test)]
mod tests {
    use super::super::testing::{api, ok, refused, send, texts};
    use super::*;

    #[test]
    fn lists_are_empty_and_ids_unknown() {
        let api = api();
        for operation in OPERATIONS {
            let name = operation.name;
            let (_, body) = send(&api, &format!("Action={name}&MaxResults=5"));
            let needs_an_id = body.contains("<Code>MissingParameter</Code>");
            assert_eq!(needs_an_id, body.contains("<Code>"), "{name}: {body}");
            assert_eq!(needs_an_id, !name.starts_with("Describe") || name.ends_with("Permissions"), "{name}: {body}");
            assert!(texts(&body, "item").is_empty(), "{name}");
        }
    }

    #[test]
    fn an_id_is_refused_with_the_code_of_its_kind() {
        let api = api();
        for (call, code) in [
            ("DescribeVpcPeeringConnections&VpcPeeringConnectionId.1=pcx-1", "InvalidVpcPeeringConnectionID.NotFound"),
            ("DescribeTransitGateways&TransitGatewayIds.1=tgw-1", "InvalidTransitGatewayID.NotFound"),
            ("DescribeFlowLogs&FlowLogId.1=fl-1", "InvalidFlowLogId.NotFound"),
            ("DescribeVpcEndpoints&VpcEndpointId.1=vpce-1", "InvalidVpcEndpointId.NotFound"),
            ("SearchTransitGatewayRoutes&TransitGatewayRouteTableId=tgw-rtb-1", "InvalidRouteTableID.NotFound"),
        ] {
            assert_eq!(refused(&api, &format!("Action={call}")).0, code);
        }
    }

    #[test]
    fn filters_of_the_reference_are_known_and_others_not() {
        let api = api();
        let call = "Action=DescribeVpcEndpoints&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1";
        assert!(
            ok(&api, &format!("{call}&Filter.2.Name=tag:a&Filter.2.Value.1=b"))
                .contains("<vpcEndpointSet></vpcEndpointSet>")
        );
        let call = "Action=DescribeVpcEndpoints&Filter.1.Name=colour&Filter.1.Value.1=red";
        assert_eq!(refused(&api, call).0, "InvalidParameterValue");
        // AWS documents no filter of these.
        ok(&api, "Action=DescribeIpams&Filter.1.Name=state&Filter.1.Value.1=x");
    }
}
