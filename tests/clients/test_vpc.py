"""VPCs, the default VPC and DHCP options sets, with boto3 and the aws command."""
import unittest

from vpcd import Case


class Vpcs(Case):
    def vpc(self, cidr="10.0.0.0/16", **members):
        return self.ec2.create_vpc(CidrBlock=cidr, **members)["Vpc"]["VpcId"]

    def describe(self, vpc):
        return self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]

    # covers: VPC-01 VPC-08 S-02-4
    def test_life_of_a_vpc(self):
        made = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=self.tagged("vpc", Name="one"))["Vpc"]
        self.assertEqual((made["State"], made["IsDefault"], made["OwnerId"]), ("pending", False, "123456789012"))
        vpc = made["VpcId"]
        self.ec2.get_waiter("vpc_exists").wait(VpcIds=[vpc])
        self.ec2.get_waiter("vpc_available").wait(VpcIds=[vpc])
        seen = self.describe(vpc)
        self.assertEqual(seen["Tags"], self.tags(Name="one"))
        self.assertRegex(seen["DhcpOptionsId"], "^dopt-")
        self.assertEqual(self.aws("ec2", "describe-vpcs", "--vpc-ids", vpc)["Vpcs"], [seen])
        self.ec2.delete_vpc(VpcId=vpc)
        message = self.refused("InvalidVpcID.NotFound", self.describe, vpc)
        self.assertEqual(message, f"The vpc ID '{vpc}' does not exist")
        self.refused("InvalidVpc.Range", self.ec2.create_vpc, CidrBlock="10.0.0.0/15")
        self.refused("InvalidParameterValue", self.ec2.create_vpc, CidrBlock="ten")

    # covers: VPC-20 VPC-33 VPC-35 VPC-36
    def test_blocks(self):
        vpc = self.vpc()
        added = self.ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.2.0.0/16")["CidrBlockAssociation"]
        self.assertEqual(added["CidrBlockState"], {"State": "associating"})
        blocks = self.describe(vpc)["CidrBlockAssociationSet"]
        self.assertEqual([b["CidrBlock"] for b in blocks], ["10.0.0.0/16", "10.2.0.0/16"])
        self.assertEqual([b["CidrBlockState"]["State"] for b in blocks], ["associated"] * 2)
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.2.0.0/24")["Subnet"]["SubnetId"]
        remove = self.ec2.disassociate_vpc_cidr_block
        self.refused("InvalidCidrBlock.InUse", remove, AssociationId=added["AssociationId"])
        self.ec2.delete_subnet(SubnetId=subnet)
        remove(AssociationId=added["AssociationId"])
        self.refused("OperationNotPermitted", remove, AssociationId=blocks[0]["AssociationId"])
        self.refused("InvalidVpc.Range", self.ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="172.16.0.0/16")
        six = self.ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
        self.assertRegex(six["Ipv6CidrBlockAssociation"]["Ipv6CidrBlock"], "::/56$")
        self.refused("CidrLimitExceeded", self.ec2.associate_vpc_cidr_block, VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)

    # covers: DNS-05
    def test_attributes(self):
        vpc = self.vpc()
        for attribute, at_first in [("EnableDnsSupport", True), ("EnableDnsHostnames", False),
                                    ("EnableNetworkAddressUsageMetrics", False)]:
            name = attribute[0].lower() + attribute[1:]
            get = lambda: self.ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[attribute]["Value"]
            self.assertEqual(get(), at_first)
            self.ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {"Value": True}})
            self.assertTrue(get())
        self.refused("InvalidParameterCombination", self.ec2.modify_vpc_attribute, VpcId=vpc,
                     EnableDnsSupport={"Value": True}, EnableDnsHostnames={"Value": True})
        self.assertTrue(self.ec2.modify_vpc_tenancy(VpcId=vpc, InstanceTenancy="default")["ReturnValue"])
        classic = self.ec2.describe_vpc_classic_link(VpcIds=[vpc])["Vpcs"]
        self.assertEqual([v["ClassicLinkEnabled"] for v in classic], [False])

    # covers: VPC-11 QTA-01
    def test_quota(self):
        ids = {self.vpc(f"10.{i}.0.0/16") for i in range(4)}
        self.refused("VpcLimitExceeded", self.ec2.create_vpc, CidrBlock="10.9.0.0/16")
        [page] = self.ec2.get_paginator("describe_vpcs").paginate(PaginationConfig={"PageSize": 5})
        self.assertLess(ids, {vpc["VpcId"] for vpc in page["Vpcs"]})


class DefaultVpc(Case):
    def default(self):
        return self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]

    # covers: DEF-01 DEF-02 DEF-16 SCN-07
    def test_a_fresh_account_has_one(self):
        [vpc] = self.default()
        self.assertEqual(vpc["CidrBlock"], "172.31.0.0/16")
        mine = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
        subnets = self.ec2.describe_subnets(Filters=mine)["Subnets"]
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        self.assertEqual([s["AvailabilityZoneId"] for s in subnets], [z["ZoneId"] for z in zones])
        self.assertTrue(all(s["DefaultForAz"] and s["MapPublicIpOnLaunch"] for s in subnets))
        self.assertEqual({s["AvailableIpAddressCount"] for s in subnets}, {4091})
        attached = [{"Name": "attachment.vpc-id", "Values": [vpc["VpcId"]]}]
        [gateway] = self.ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
        [table] = self.ec2.describe_route_tables(Filters=mine)["RouteTables"]
        way_out = [r["GatewayId"] for r in table["Routes"] if r["DestinationCidrBlock"] == "0.0.0.0/0"]
        self.assertEqual(way_out, [gateway["InternetGatewayId"]])
        self.refused("DefaultVpcAlreadyExists", self.ec2.create_default_vpc)

    # covers: DEF-09 DEF-10 DEF-11 DEF-15
    def test_it_goes_and_another_comes(self):
        [old] = self.default()
        vpc = old["VpcId"]
        mine = [{"Name": "vpc-id", "Values": [vpc]}]
        for subnet in self.ec2.describe_subnets(Filters=mine)["Subnets"]:
            self.ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        attached = [{"Name": "attachment.vpc-id", "Values": [vpc]}]
        [gateway] = self.ec2.describe_internet_gateways(Filters=attached)["InternetGateways"]
        self.ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=vpc)
        self.ec2.delete_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"])
        self.ec2.delete_vpc(VpcId=vpc)
        account = lambda: self.ec2.describe_account_attributes(AttributeNames=["default-vpc"])
        value = lambda: account()["AccountAttributes"][0]["AttributeValues"][0]["AttributeValue"]
        self.assertEqual(value(), "none")
        self.refused("DefaultVpcDoesNotExist", self.ec2.create_default_subnet, AvailabilityZone="us-east-1a")
        new = self.ec2.create_default_vpc()["Vpc"]
        self.assertEqual((new["State"], new["IsDefault"]), ("pending", True))
        self.assertEqual(value(), new["VpcId"])
        self.assertNotEqual(new["VpcId"], vpc)
        self.refused("DefaultSubnetAlreadyExistsInAvailabilityZone", self.ec2.create_default_subnet,
                     AvailabilityZone="us-east-1a")


class DhcpOptions(Case):
    # covers: DHCP-02 DHCP-06 DHCP-08 DHCP-09 DHCP-A3
    def test_life_of_a_set(self):
        configurations = [{"Key": "domain-name-servers", "Values": ["10.2.5.1", "10.2.5.2"]},
                          {"Key": "domain-name", "Values": ["example.com"]}]
        made = self.ec2.create_dhcp_options(DhcpConfigurations=configurations)["DhcpOptions"]
        options = {c["Key"]: [v["Value"] for v in c["Values"]] for c in made["DhcpConfigurations"]}
        self.assertEqual(options, {c["Key"]: c["Values"] for c in configurations})
        chosen = made["DhcpOptionsId"]
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        of = lambda: self.ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"]
        first = self.ec2.describe_dhcp_options(DhcpOptionsIds=[of()])["DhcpOptions"][0]
        self.assertEqual({c["Key"]: c["Values"][0]["Value"] for c in first["DhcpConfigurations"]},
                         {"domain-name": "ec2.internal", "domain-name-servers": "AmazonProvidedDNS"})
        self.ec2.associate_dhcp_options(DhcpOptionsId=chosen, VpcId=vpc)
        self.assertEqual(of(), chosen)
        self.refused("DependencyViolation", self.ec2.delete_dhcp_options, DhcpOptionsId=chosen)
        self.ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
        self.assertEqual(of(), "default")
        self.ec2.delete_dhcp_options(DhcpOptionsId=chosen)
        self.refused("InvalidDhcpOptionID.NotFound", self.ec2.describe_dhcp_options, DhcpOptionsIds=[chosen])
        self.refused("InvalidDhcpOptionsId.Malformed", self.ec2.delete_dhcp_options, DhcpOptionsId="foo")
        five = [f"10.0.0.{i}" for i in range(5)]
        self.refused("InvalidParameterValue", self.ec2.create_dhcp_options,
                     DhcpConfigurations=[{"Key": "domain-name-servers", "Values": five}])
        listed = self.aws("ec2", "create-dhcp-options", "--dhcp-configurations",
                          "Key=domain-name-servers,Values=10.2.5.1,10.2.5.2", "Key=netbios-node-type,Values=2")
        ids = [o["DhcpOptionsId"] for o in self.ec2.describe_dhcp_options()["DhcpOptions"]]
        self.assertEqual(ids, [first["DhcpOptionsId"], listed["DhcpOptions"]["DhcpOptionsId"]])

    # covers: QTA-48
    def test_pages(self):
        make = lambda: self.ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["a"]}])
        made = {make()["DhcpOptions"]["DhcpOptionsId"] for _ in range(11)}
        pages = list(self.ec2.get_paginator("describe_dhcp_options").paginate(PaginationConfig={"PageSize": 5}))
        self.assertEqual([len(page["DhcpOptions"]) for page in pages], [5, 5, 2], "the account's default set among them")
        self.assertLess(made, {o["DhcpOptionsId"] for page in pages for o in page["DhcpOptions"]})


if __name__ == "__main__":
    unittest.main()
