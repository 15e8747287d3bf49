"""Internet, egress-only and NAT gateways."""
import unittest

from vpcd import Case


class Gateways(Case):
    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]

    def internet(self):
        """An internet gateway, attached."""
        igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=self.vpc)
        return igw

    def nat(self, **more):
        """What describes a NAT gateway made with these parameters, and what its creation answered."""
        fresh = self.ec2.create_nat_gateway(SubnetId=self.subnet, **more)["NatGateway"]
        return self.ec2.describe_nat_gateways(NatGatewayIds=[fresh["NatGatewayId"]])["NatGateways"][0], fresh


class Internet(Gateways):
    def test_a_life(self):
        tags = self.tagged("internet-gateway", Name="edge")
        made = self.ec2.create_internet_gateway(TagSpecifications=tags)["InternetGateway"]
        igw = dict(InternetGatewayId=made["InternetGatewayId"])
        self.assertEqual(made, {**igw, "OwnerId": "123456789012", "Attachments": [], "Tags": self.tags(Name="edge")})
        self.ec2.attach_internet_gateway(**igw, VpcId=self.vpc)
        self.ec2.get_waiter("internet_gateway_exists").wait(InternetGatewayIds=[made["InternetGatewayId"]])
        by_vpc = [{"Name": "attachment.vpc-id", "Values": [self.vpc]}]
        found = self.ec2.describe_internet_gateways(Filters=by_vpc)["InternetGateways"]
        self.assertEqual(found[0]["Attachments"], [{"State": "available", "VpcId": self.vpc}])
        message = self.refused("DependencyViolation", self.ec2.delete_internet_gateway, **igw)
        self.assertIn("has dependencies and cannot be deleted", message)
        self.ec2.detach_internet_gateway(**igw, VpcId=self.vpc)
        self.refused("Gateway.NotAttached", self.ec2.detach_internet_gateway, **igw, VpcId=self.vpc)
        self.ec2.delete_internet_gateway(**igw)
        self.refused("InvalidInternetGatewayID.NotFound", self.ec2.delete_internet_gateway, **igw)

    def test_pages(self):
        made = {self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(3)}
        pages = self.ec2.get_paginator("describe_internet_gateways").paginate(PaginationConfig={"PageSize": 5})
        found = [g["InternetGatewayId"] for page in pages for g in page["InternetGateways"]]
        self.assertLessEqual(made, set(found))
        self.assertEqual(len(found), len(set(found)))

    def test_egress_only(self):
        made = self.ec2.create_egress_only_internet_gateway(VpcId=self.vpc)["EgressOnlyInternetGateway"]
        self.assertEqual(made["Attachments"], [{"State": "attached", "VpcId": self.vpc}])
        self.refused("Resource.AlreadyAssociated", self.ec2.create_egress_only_internet_gateway, VpcId=self.vpc)
        pages = self.ec2.get_paginator("describe_egress_only_internet_gateways").paginate()
        self.assertEqual([g for page in pages for g in page["EgressOnlyInternetGateways"]], [made])
        gone = dict(EgressOnlyInternetGatewayId=made["EgressOnlyInternetGatewayId"])
        self.assertTrue(self.ec2.delete_egress_only_internet_gateway(**gone)["ReturnCode"])
        self.refused("InvalidEgressOnlyInternetGatewayId.NotFound",
                     self.ec2.delete_egress_only_internet_gateway, **gone)


class Nat(Gateways):
    # covers: NAT-18 NAT-71 NAT-A10
    def test_waiters_see_the_end_at_once(self):
        self.internet()
        address = self.ec2.allocate_address(Domain="vpc")
        nat, fresh = self.nat(AllocationId=address["AllocationId"],
                              TagSpecifications=self.tagged("natgateway", Name="out"))
        self.assertEqual((fresh["State"], nat["State"]), ("pending", "available"))
        self.assertEqual(nat["Tags"], self.tags(Name="out"))
        ids = [nat["NatGatewayId"]]
        at_once = {"Delay": 60, "MaxAttempts": 1}
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=ids, WaiterConfig=at_once)
        used = nat["NatGatewayAddresses"][0]
        self.assertEqual((used["PublicIp"], used["AllocationId"]), (address["PublicIp"], address["AllocationId"]))
        self.refused("AuthFailure", self.ec2.release_address, AllocationId=address["AllocationId"])

        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=ids[0])
        self.assertEqual(self.ec2.delete_nat_gateway(NatGatewayId=ids[0])["NatGatewayId"], ids[0])
        self.ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=ids, WaiterConfig=at_once)
        deleted = self.ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["deleted"]}])["NatGateways"][0]
        self.assertGreaterEqual(deleted["DeleteTime"], deleted["CreateTime"])
        hole = [{"Name": "route.state", "Values": ["blackhole"]}]
        self.assertEqual(self.ec2.describe_route_tables(Filters=hole)["RouteTables"][0]["RouteTableId"], table)
        self.ec2.release_address(AllocationId=address["AllocationId"])

    # covers: NAT-50
    def test_failures_come_later(self):
        address = self.ec2.allocate_address()["AllocationId"]
        nat, fresh = self.nat(AllocationId=address)
        self.assertEqual((fresh["State"], nat["State"]), ("pending", "failed"))
        self.assertEqual((nat["FailureCode"], nat["FailureMessage"]),
                         ("Gateway.NotAttached", f"Network {self.vpc} has no Internet gateway attached"))
        self.internet()
        nat, _ = self.nat(AllocationId="eipalloc-00000000")
        self.assertEqual(nat["FailureCode"], "InvalidAllocationID.NotFound")
        self.assertEqual(self.nat(AllocationId=address)[0]["State"], "available")
        self.assertEqual(self.nat(AllocationId=address)[0]["FailureCode"], "Resource.AlreadyAssociated")
        self.refused("MissingParameter", self.nat)
        self.refused("NatGatewayNotFound", self.ec2.describe_nat_gateways, NatGatewayIds=["nat-00000000"])

    def test_tokens_and_pages(self):
        again = dict(SubnetId=self.subnet, ConnectivityType="private", ClientToken="once")
        first = self.ec2.create_nat_gateway(**again)
        self.assertEqual(self.ec2.create_nat_gateway(**again)["NatGateway"], first["NatGateway"])
        self.nat(ConnectivityType="private")
        pages = self.ec2.get_paginator("describe_nat_gateways").paginate(PaginationConfig={"PageSize": 5})
        found = [n["NatGatewayId"] for page in pages for n in page["NatGateways"]]
        self.assertEqual((len(found), found[0]), (2, first["NatGateway"]["NatGatewayId"]))


if __name__ == "__main__":
    unittest.main()
