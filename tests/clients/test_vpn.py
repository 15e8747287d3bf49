"""Customer gateways, Site-to-Site VPN connections, and the routes that tables take over from them."""
import unittest

from vpcd import Case

# The first question is the answer.
AT_ONCE = {"Delay": 60, "MaxAttempts": 1}


class Vpn(Case):
    def customer(self, address, **more):
        made = self.ec2.create_customer_gateway(Type="ipsec.1", IpAddress=address, **more)
        return made["CustomerGateway"]["CustomerGatewayId"]

    def gateway(self, vpc=None):
        """A virtual private gateway, attached if there is something to attach it to."""
        vgw = self.ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
        if vpc:
            self.ec2.attach_vpn_gateway(VpnGatewayId=vgw, VpcId=vpc)
        return vgw

    def connect(self, customer, vgw, static=True, **more):
        return self.ec2.create_vpn_connection(
            Type="ipsec.1", CustomerGatewayId=customer, VpnGatewayId=vgw,
            Options={"StaticRoutesOnly": static}, **more)["VpnConnection"]

    def state(self, connection):
        return self.ec2.describe_vpn_connections(VpnConnectionIds=[connection])["VpnConnections"][0]["State"]


class Records(Vpn):
    def test_the_life_of_a_customer_gateway(self):
        tags = self.tagged("customer-gateway", Name="office")
        made = self.ec2.create_customer_gateway(Type="ipsec.1", IpAddress="203.0.113.1", BgpAsn=65001,
                                                DeviceName="left", TagSpecifications=tags)["CustomerGateway"]
        cgw = made["CustomerGatewayId"]
        self.assertEqual(made, {"CustomerGatewayId": cgw, "State": "available", "Type": "ipsec.1", "BgpAsn": "65001",
                                "IpAddress": "203.0.113.1", "DeviceName": "left", "Tags": self.tags(Name="office")})
        self.ec2.get_waiter("customer_gateway_available").wait(CustomerGatewayIds=[cgw], WaiterConfig=AT_ONCE)
        by_tag = [{"Name": "tag:Name", "Values": ["office"]}]
        self.assertEqual(self.ec2.describe_customer_gateways(Filters=by_tag)["CustomerGateways"], [made])
        self.ec2.create_tags(Resources=[cgw], Tags=self.tags(Floor="3"))
        kinds = {t["ResourceType"] for t in self.ec2.describe_tags()["Tags"]}
        self.assertEqual(kinds, {"customer-gateway"})
        self.refused("DryRunOperation", self.ec2.delete_customer_gateway, CustomerGatewayId=cgw, DryRun=True)
        self.ec2.delete_customer_gateway(CustomerGatewayId=cgw)
        gone = self.ec2.describe_customer_gateways(CustomerGatewayIds=[cgw])["CustomerGateways"][0]
        self.assertEqual(gone["State"], "deleted")
        self.refused("InvalidCustomerGatewayID.NotFound", self.ec2.delete_customer_gateway, CustomerGatewayId=cgw)

    # covers: VPN-03 VPN-15
    def test_the_life_of_a_connection(self):
        customer, vgw = self.customer("203.0.113.1"), self.gateway()
        tags = self.tagged("vpn-connection", Name="office")
        made = self.connect(customer, vgw, TagSpecifications=tags)
        vpn = made["VpnConnectionId"]
        self.ec2.get_waiter("vpn_connection_available").wait(VpnConnectionIds=[vpn], WaiterConfig=AT_ONCE)
        self.assertEqual((made["Category"], made["Tags"], made["Routes"]), ("VPN", self.tags(Name="office"), []))
        self.assertTrue(made["Options"]["StaticRoutesOnly"])
        self.assertEqual([t["Status"] for t in made["VgwTelemetry"]], ["DOWN", "DOWN"])
        self.assertIn("203.0.113.1", made["CustomerGatewayConfiguration"])
        self.assertEqual(self.connect(customer, vgw)["VpnConnectionId"], vpn)
        self.refused("InvalidOption.Conflict", self.connect, customer, vgw, static=False)
        self.refused("AsnConflict", self.connect, self.customer("203.0.113.1", BgpAsn=64512), vgw)
        self.refused("IncorrectState", self.ec2.delete_customer_gateway, CustomerGatewayId=customer)
        self.refused("IncorrectState", self.ec2.delete_vpn_gateway, VpnGatewayId=vgw)

        to = dict(VpnConnectionId=vpn, DestinationCidrBlock="172.16.0.0/12")
        self.ec2.create_vpn_connection_route(**to)
        by_route = [{"Name": "route.destination-cidr-block", "Values": ["172.16.0.0/12"]}]
        found = self.ec2.describe_vpn_connections(Filters=by_route)["VpnConnections"]
        self.assertEqual(found[0]["Routes"],
                         [{"DestinationCidrBlock": "172.16.0.0/12", "Source": "Static", "State": "available"}])
        self.ec2.delete_vpn_connection_route(**to)
        self.refused("InvalidRoute.NotFound", self.ec2.delete_vpn_connection_route, **to)
        self.ec2.delete_vpn_connection(VpnConnectionId=vpn)
        self.ec2.get_waiter("vpn_connection_deleted").wait(VpnConnectionIds=[vpn], WaiterConfig=AT_ONCE)
        self.refused("InvalidVpnConnectionID.NotFound", self.ec2.create_vpn_connection_route, **to)

    # covers: VPN-08
    def test_routes_need_static_routing(self):
        dynamic = self.connect(self.customer("203.0.113.1"), self.gateway(), static=False)["VpnConnectionId"]
        self.refused("InvalidVpnConnection.InvalidType", self.ec2.create_vpn_connection_route,
                     VpnConnectionId=dynamic, DestinationCidrBlock="172.16.0.0/12")

    def test_the_command_line(self):
        customer, vgw = self.customer("203.0.113.1"), self.gateway()
        made = self.aws("ec2", "create-vpn-connection", "--type", "ipsec.1", "--customer-gateway-id", customer,
                        "--vpn-gateway-id", vgw, "--options", '{"StaticRoutesOnly":true}')["VpnConnection"]
        vpn = made["VpnConnectionId"]
        self.aws("ec2", "create-vpn-connection-route", "--vpn-connection-id", vpn,
                 "--destination-cidr-block", "172.16.0.0/12")
        self.aws("ec2", "wait", "vpn-connection-available", "--vpn-connection-ids", vpn)
        shown = self.aws("ec2", "describe-vpn-connections", "--vpn-connection-ids", vpn)["VpnConnections"][0]
        self.assertEqual(shown["Routes"][0]["DestinationCidrBlock"], "172.16.0.0/12")


class Propagation(Vpn):
    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.vgw = self.gateway(self.vpc)
        self.vpn = self.connect(self.customer("203.0.113.1"), self.vgw)["VpnConnectionId"]

    def describe(self):
        return self.ec2.describe_route_tables(RouteTableIds=[self.table])["RouteTables"][0]

    def propagated(self):
        """Destinations of the propagated routes; all of them are active ones to the gateway."""
        routes = [r for r in self.describe()["Routes"] if r["Origin"] == "EnableVgwRoutePropagation"]
        self.assertTrue(all((r["GatewayId"], r["State"]) == (self.vgw, "active") for r in routes))
        return [r["DestinationCidrBlock"] for r in routes]

    # BGP and Direct Connect, which the rule names too, do not exist.
    # covers: RT-85
    def test_a_table_follows_its_gateway(self):
        switch = dict(RouteTableId=self.table, GatewayId=self.vgw)
        self.ec2.create_vpn_connection_route(VpnConnectionId=self.vpn, DestinationCidrBlock="172.16.0.0/12")
        self.assertEqual(self.propagated(), [])
        self.ec2.enable_vgw_route_propagation(**switch)
        self.assertEqual(self.describe()["PropagatingVgws"], [{"GatewayId": self.vgw}])
        self.assertEqual(self.propagated(), ["172.16.0.0/12"])
        self.ec2.create_vpn_connection_route(VpnConnectionId=self.vpn, DestinationCidrBlock="192.168.0.0/24")
        self.assertEqual(self.propagated(), ["172.16.0.0/12", "192.168.0.0/24"])
        by_origin = [{"Name": "route.origin", "Values": ["EnableVgwRoutePropagation"]}]
        pages = self.ec2.get_paginator("describe_route_tables").paginate(Filters=by_origin)
        self.assertEqual([t["RouteTableId"] for page in pages for t in page["RouteTables"]], [self.table])
        self.ec2.delete_vpn_connection_route(VpnConnectionId=self.vpn, DestinationCidrBlock="172.16.0.0/12")
        self.assertEqual(self.propagated(), ["192.168.0.0/24"])
        self.ec2.disable_vgw_route_propagation(**switch)
        self.assertEqual(self.propagated(), [])
        self.ec2.enable_vgw_route_propagation(**switch)
        self.ec2.detach_vpn_gateway(VpnGatewayId=self.vgw, VpcId=self.vpc)
        self.assertEqual(self.propagated(), [])
        self.refused("Gateway.NotAttached", self.ec2.enable_vgw_route_propagation, **switch)

    # Of the routes that nobody may change, those of gateway endpoints do not exist.
    # covers: RT-12 RT-86 S-03-14
    def test_propagated_routes_are_hidden_and_not_changed(self):
        igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=self.vpc)
        self.ec2.enable_vgw_route_propagation(RouteTableId=self.table, GatewayId=self.vgw)
        self.ec2.create_vpn_connection_route(VpnConnectionId=self.vpn, DestinationCidrBlock="172.31.0.0/24")
        own = dict(RouteTableId=self.table, DestinationCidrBlock="172.31.0.0/24")
        self.assertIn("propagated", self.refused("InvalidParameterValue", self.ec2.delete_route, **own))
        self.assertIn("propagated", self.refused("InvalidParameterValue", self.ec2.replace_route, **own, GatewayId=igw))
        self.ec2.create_route(**own, GatewayId=igw)
        routes = [r for r in self.describe()["Routes"] if r["DestinationCidrBlock"] == "172.31.0.0/24"]
        self.assertEqual([(r["GatewayId"], r["Origin"]) for r in routes],
                         [(igw, "CreateRoute"), (self.vgw, "EnableVgwRoutePropagation")])
        self.ec2.replace_route(**own, GatewayId=self.vgw)
        self.ec2.delete_route(**own)
        self.assertEqual(self.propagated(), ["172.31.0.0/24"])


if __name__ == "__main__":
    unittest.main()
