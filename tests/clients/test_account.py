"""Tags, Regions, zones, account attributes, and the families that come later, with boto3 and the aws command."""
import re
import unittest

from vpcd import ROOT, Case


class Tags(Case):
    def test_create_describe_delete(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        self.ec2.create_tags(Resources=[vpc, subnet], Tags=self.tags(Name="x", Empty=""))
        find = lambda name, value: self.ec2.describe_tags(Filters=[{"Name": name, "Values": [value]}])["Tags"]
        self.assertEqual(find("resource-id", subnet), [
            {"Key": "Empty", "ResourceId": subnet, "ResourceType": "subnet", "Value": ""},
            {"Key": "Name", "ResourceId": subnet, "ResourceType": "subnet", "Value": "x"}])
        self.assertEqual([t["ResourceId"] for t in find("tag:Name", "x")], [vpc, subnet])
        pages = self.ec2.get_paginator("describe_tags").paginate(PaginationConfig={"PageSize": 3})
        self.assertEqual([len(page["Tags"]) for page in pages], [3, 1])
        self.ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "y"}])
        self.assertEqual(len(find("resource-id", vpc)), 2)
        self.ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "Name"}, {"Key": "Empty", "Value": ""}])
        self.assertEqual(find("resource-id", vpc), [])
        self.aws("ec2", "delete-tags", "--resources", subnet)
        self.assertEqual(self.ec2.describe_tags()["Tags"], [])
        self.refused("InvalidVpcID.NotFound", self.ec2.create_tags, Resources=["vpc-0"], Tags=self.tags(a="b"))
        self.refused("InvalidID", self.ec2.create_tags, Resources=["x"], Tags=self.tags(a="b"))
        self.refused("InvalidParameterValue", self.ec2.create_tags, Resources=[vpc], Tags=self.tags(**{"aws:a": "b"}))


class Account(Case):
    def test_regions(self):
        names = [r["RegionName"] for r in self.ec2.describe_regions()["Regions"]]
        self.assertIn("us-east-1", names)
        self.assertNotIn("me-south-1", names)
        every = {r["RegionName"]: r["OptInStatus"] for r in self.ec2.describe_regions(AllRegions=True)["Regions"]}
        self.assertEqual(every["me-south-1"], "not-opted-in")
        self.assertEqual(self.aws("ec2", "describe-regions", "--region-names", "eu-west-1")["Regions"],
                         [{"Endpoint": "ec2.eu-west-1.amazonaws.com", "RegionName": "eu-west-1",
                           "OptInStatus": "opt-in-not-required"}])
        self.refused("InvalidParameterValue", self.ec2.describe_regions, RegionNames=["mars-1"])

    # covers: SHR-12
    def test_zones(self):
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertEqual([z["ZoneName"] for z in zones], ["us-east-1a", "us-east-1b", "us-east-1c"])
        self.assertEqual({z["State"] for z in zones}, {"available"})
        [one] = self.ec2.describe_availability_zones(ZoneIds=["use1-az3"])["AvailabilityZones"]
        self.assertEqual(one, zones[2])
        self.refused("InvalidParameterValue", self.ec2.describe_availability_zones, ZoneNames=["us-east-1z"])

    # covers: DEF-15
    def test_attributes(self):
        attributes = {a["AttributeName"]: a["AttributeValues"][0]["AttributeValue"]
                      for a in self.ec2.describe_account_attributes()["AccountAttributes"]}
        self.assertEqual(attributes["supported-platforms"], "VPC")
        self.assertEqual(attributes["vpc-max-elastic-ips"], "5")
        self.assertRegex(attributes["default-vpc"], "^vpc-")


class Later(Case):
    # Required ids of calls that have some.
    IDS = {"describe_vpc_endpoint_service_permissions": {"ServiceId": "vpce-svc-1"}}

    def test_lists_of_families_to_come_are_empty(self):
        """Every member that the answer's shape has a list for is an empty list, as boto3 reads it."""
        page = (ROOT / "docs/api-coverage.md").read_text()
        operations = re.findall(r"^- (Describe\w+): empty set$", page, re.M)
        self.assertGreater(len(operations), 40)
        known = {operation: method for method, operation in self.ec2.meta.method_to_api_mapping.items()}
        for operation in operations:
            method = known[operation]
            if method in self.IDS:
                self.refused("InvalidVpcEndpointServiceId.NotFound", getattr(self.ec2, method), **self.IDS[method])
                continue
            call = {"MaxResults": 5} if operation == "DescribeByoipCidrs" else {}
            answer = getattr(self.ec2, method)(**call)
            shape = self.ec2.meta.service_model.operation_model(operation).output_shape
            lists = [name for name, member in shape.members.items() if member.type_name == "list"]
            self.assertEqual({name: answer.get(name) for name in lists}, {name: [] for name in lists}, operation)

    def test_waiters_that_wait_for_something_gone(self):
        missing = "pcx-00000000000000000"
        self.ec2.get_waiter("vpc_peering_connection_deleted").wait(VpcPeeringConnectionIds=[missing])


if __name__ == "__main__":
    unittest.main()
