"""Route tables, routes and associations."""
import unittest

import boto3

from vpcd import Case


class Routes(Case):
    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.igw, VpcId=self.vpc)
        self.table = self.ec2.create_route_table(
            VpcId=self.vpc, TagSpecifications=self.tagged("route-table", Name="custom"))["RouteTable"]["RouteTableId"]

    def described(self, table):
        return self.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]

    def route(self, destination):
        """What the custom table has for a destination."""
        routes = self.described(self.table)["Routes"]
        of = [r for r in routes if destination in (r.get("DestinationCidrBlock"), r.get("DestinationIpv6CidrBlock"))]
        return of[0] if of else None

    def test_routes_come_change_and_go(self):
        custom = dict(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0")
        self.assertTrue(self.ec2.create_route(**custom, GatewayId=self.igw)["Return"])
        self.assertTrue(self.ec2.create_route(**custom, GatewayId=self.igw)["Return"])
        self.assertEqual(self.route("0.0.0.0/0"), {
            "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": self.igw, "Origin": "CreateRoute", "State": "active"})
        eni = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.refused("RouteAlreadyExists", self.ec2.create_route, **custom, NetworkInterfaceId=eni)
        self.ec2.replace_route(**custom, NetworkInterfaceId=eni)
        self.assertEqual(self.route("0.0.0.0/0")["NetworkInterfaceId"], eni)
        self.ec2.delete_route(**custom)
        self.assertIsNone(self.route("0.0.0.0/0"))
        self.refused("InvalidRoute.NotFound", self.ec2.delete_route, **custom)
        message = self.refused("InvalidParameterValue", self.ec2.delete_route,
                               RouteTableId=self.table, DestinationCidrBlock="10.0.0.0/16")
        self.assertEqual(message, f"cannot remove local route 10.0.0.0/16 in route table {self.table}")

    # covers: A-03-13
    def test_destinations_are_canonical(self):
        route = dict(RouteTableId=self.table)
        self.ec2.create_route(**route, DestinationCidrBlock="100.68.0.18/18", GatewayId=self.igw)
        self.assertIsNotNone(self.route("100.68.0.0/18"))
        eni = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.refused("RouteAlreadyExists", self.ec2.create_route, **route,
                     DestinationCidrBlock="100.68.0.0/18", NetworkInterfaceId=eni)
        self.ec2.delete_route(**route, DestinationCidrBlock="100.68.0.0/18")

    def test_a_gateway_table_steers_and_lets_go(self):
        eni = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]["NetworkInterfaceId"]
        association = self.ec2.associate_route_table(RouteTableId=self.table, GatewayId=self.igw)
        self.assertEqual(association["AssociationState"], {"State": "associated"})
        local = dict(RouteTableId=self.table, DestinationCidrBlock="10.0.0.0/16")
        self.ec2.replace_route(**local, NetworkInterfaceId=eni)
        self.assertEqual(self.route("10.0.0.0/16")["NetworkInterfaceId"], eni)
        self.aws("ec2", "replace-route", "--route-table-id", self.table,
                 "--destination-cidr-block", "10.0.0.0/16", "--local-target")
        self.assertEqual(self.route("10.0.0.0/16")["GatewayId"], "local")
        self.ec2.disassociate_route_table(AssociationId=association["AssociationId"])
        self.refused("InvalidParameterValue", self.ec2.replace_route, RouteTableId=self.main(),
                     DestinationCidrBlock="10.0.0.0/16", NetworkInterfaceId=eni)

    def main(self):
        """The id of the VPC's main table."""
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "association.main", "Values": ["true"]}]
        tables = self.ec2.describe_route_tables(Filters=filters)["RouteTables"]
        self.assertEqual(len(tables), 1)
        return tables[0]["RouteTableId"]

    def test_the_main_table_changes(self):
        before = self.main()
        self.refused("DependencyViolation", self.ec2.delete_route_table, RouteTableId=before)
        marker = self.described(before)["Associations"][0]
        self.assertEqual((marker["Main"], marker["RouteTableId"]), (True, before))
        answer = self.ec2.replace_route_table_association(
            AssociationId=marker["RouteTableAssociationId"], RouteTableId=self.table)
        self.assertEqual(self.main(), self.table)
        self.assertNotEqual(answer["NewAssociationId"], marker["RouteTableAssociationId"])
        self.ec2.delete_route_table(RouteTableId=before)
        self.refused("InvalidRouteTableID.NotFound", self.described, before)

    def test_pages(self):
        self.ec2.create_route_table(VpcId=self.vpc)
        pages = self.ec2.get_paginator("describe_route_tables").paginate(
            Filters=[{"Name": "vpc-id", "Values": [self.vpc]}], PaginationConfig={"PageSize": 5})
        single = [t["RouteTableId"] for page in pages for t in page["RouteTables"]]
        paged = []
        token = {}
        while True:
            page = self.ec2.describe_route_tables(
                Filters=[{"Name": "vpc-id", "Values": [self.vpc]}], MaxResults=5, **token)
            paged += [t["RouteTableId"] for t in page["RouteTables"]]
            if "NextToken" not in page:
                break
            token = {"NextToken": page["NextToken"]}
        self.assertEqual(len(set(single)), 3)
        self.assertEqual(single, paged)

    def test_boto3s_resources(self):
        """The object layer walks the same answers."""
        resource = boto3.resource(
            "ec2", endpoint_url=self.server.endpoint, region_name="us-east-1",
            aws_access_key_id="AKIATEST", aws_secret_access_key="secret")
        table = resource.RouteTable(self.table)
        association = table.associate_with_subnet(SubnetId=self.subnet)
        table.create_route(DestinationCidrBlock="0.0.0.0/0", GatewayId=self.igw)
        table.reload()
        self.assertEqual([(a.id, a.subnet.id) for a in table.associations], [(association.id, self.subnet)])
        self.assertEqual({r.origin for r in table.routes}, {"CreateRouteTable", "CreateRoute"})
        self.assertEqual(table.tags, self.tags(Name="custom"))
        association.delete()
        self.assertEqual(self.described(self.table)["Associations"], [])


if __name__ == "__main__":
    unittest.main()
