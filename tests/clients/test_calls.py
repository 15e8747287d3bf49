"""What all calls share: dry runs, tokens, unknown parameters, paging, Regions."""
import unittest
import urllib.parse
import urllib.request

from vpcd import Case


class Calls(Case):
    def test_who_am_i(self):
        identity = self.server.client("sts").get_caller_identity()
        self.assertEqual(identity["Account"], "123456789012")
        self.assertEqual(self.aws("sts", "get-caller-identity")["Account"], "123456789012")

    def test_a_dry_run_does_nothing(self):
        before = self.ec2.describe_vpcs()["Vpcs"]
        message = self.refused("DryRunOperation", self.ec2.create_vpc, CidrBlock="10.0.0.0/16", DryRun=True)
        self.assertEqual(message, "Request would have succeeded, but DryRun flag is set.")
        self.assertEqual(self.ec2.describe_vpcs()["Vpcs"], before)

    def test_regions_are_apart(self):
        west = self.server.client("ec2", region_name="us-west-2")
        vpc = west.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        self.refused("InvalidVpcID.NotFound", self.ec2.describe_vpcs, VpcIds=[vpc])
        self.assertEqual(len(west.describe_vpcs(VpcIds=[vpc])["Vpcs"]), 1)

    def test_get_and_lists_from_zero(self):
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        query = urllib.parse.urlencode({"Action": "DescribeVpcs", "VpcId.0": vpc, "Version": "2016-11-15"})
        with urllib.request.urlopen(f"{self.server.endpoint}/?{query}") as answer:
            body = answer.read().decode()
        self.assertIn('xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"', body)
        self.assertIn(f"<vpcId>{vpc}</vpcId>", body)


if __name__ == "__main__":
    unittest.main()
