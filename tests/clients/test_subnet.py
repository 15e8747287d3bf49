"""Subnets, their attributes and reservations, with boto3 and the aws command."""
import unittest

from vpcd import Case


class Subnets(Case):
    def setUp(self):
        super().setUp()
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.vpc = vpc["VpcId"]
        self.block = self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]

    def subnet(self, cidr="10.0.0.0/24", **members):
        return self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr, **members)["Subnet"]

    def describe(self, subnet):
        return self.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]

    def slot(self, n):
        """A /64 of the VPC's block."""
        return self.block.replace("00::/56", f"{n:02x}::/64")

    # covers: SUB-01 SUB-03 SUB-06 S-02-5
    def test_life_of_a_subnet(self):
        made = self.subnet(AvailabilityZoneId="use1-az2", TagSpecifications=self.tagged("subnet", Name="one"))
        subnet = made["SubnetId"]
        self.ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet])
        self.assertEqual(made, self.describe(subnet))
        self.assertEqual(self.aws("ec2", "describe-subnets", "--subnet-ids", subnet)["Subnets"], [made])
        self.assertEqual((made["AvailabilityZone"], made["AvailableIpAddressCount"]), ("us-east-1b", 251))
        self.assertEqual(made["SubnetArn"], f"arn:aws:ec2:us-east-1:123456789012:subnet/{subnet}")
        self.assertEqual(made["PrivateDnsNameOptionsOnLaunch"],
                         {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": False,
                          "EnableResourceNameDnsAAAARecord": False})
        self.refused("InvalidSubnet.Conflict", self.subnet)
        self.refused("InvalidSubnet.Range", self.subnet, "10.1.0.0/24")
        self.refused("InvalidParameterValue", self.subnet, "10.0.1.0/24", AvailabilityZone="us-east-1z")
        interface = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.assertEqual(self.describe(subnet)["AvailableIpAddressCount"], 250)
        self.refused("DependencyViolation", self.ec2.delete_subnet, SubnetId=subnet)
        self.ec2.delete_network_interface(NetworkInterfaceId=interface)
        self.ec2.delete_subnet(SubnetId=subnet)
        self.refused("InvalidSubnetID.NotFound", self.describe, subnet)

    # covers: S-02-13
    def test_attributes(self):
        subnet = self.subnet(Ipv6CidrBlock=self.slot(1))["SubnetId"]
        for attribute in ["MapPublicIpOnLaunch", "AssignIpv6AddressOnCreation", "EnableDns64"]:
            self.assertFalse(self.describe(subnet)[attribute])
            self.ec2.modify_subnet_attribute(SubnetId=subnet, **{attribute: {"Value": True}})
            self.assertTrue(self.describe(subnet)[attribute])
        self.ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
        self.ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
        self.ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsAAAARecordOnLaunch={"Value": True})
        self.assertEqual(self.describe(subnet)["PrivateDnsNameOptionsOnLaunch"],
                         {"HostnameType": "resource-name", "EnableResourceNameDnsARecord": True,
                          "EnableResourceNameDnsAAAARecord": True})
        self.refused("InvalidParameterCombination", self.ec2.modify_subnet_attribute, SubnetId=subnet,
                     MapPublicIpOnLaunch={"Value": True}, EnableDns64={"Value": True})

    # covers: SUB-12 SUB-14
    def test_ipv6(self):
        subnet = self.subnet()["SubnetId"]
        associate = self.ec2.associate_subnet_cidr_block
        self.refused("InvalidSubnet.Range", associate, SubnetId=subnet, Ipv6CidrBlock="2001:db8::/64")
        made = associate(SubnetId=subnet, Ipv6CidrBlock=self.slot(2))["Ipv6CidrBlockAssociation"]
        [seen] = self.describe(subnet)["Ipv6CidrBlockAssociationSet"]
        self.assertEqual((seen["Ipv6CidrBlock"], seen["Ipv6CidrBlockState"]), (self.slot(2), {"State": "associated"}))
        gone = self.ec2.disassociate_subnet_cidr_block(AssociationId=made["AssociationId"])
        self.assertEqual(gone["SubnetId"], subnet)
        self.assertEqual(self.describe(subnet)["Ipv6CidrBlockAssociationSet"], [])
        self.refused("InvalidSubnetCidrBlockAssociationID.NotFound", self.ec2.disassociate_subnet_cidr_block,
                     AssociationId=made["AssociationId"])

    # covers: QTA-48
    def test_pages_and_filters(self):
        made = [self.subnet(f"10.0.{i}.0/24")["SubnetId"] for i in range(7)]
        mine = [{"Name": "vpc-id", "Values": [self.vpc]}]
        pages = self.ec2.get_paginator("describe_subnets").paginate(Filters=mine, PaginationConfig={"PageSize": 5})
        sizes = [[s["SubnetId"] for s in page["Subnets"]] for page in pages]
        self.assertEqual(sizes, [made[:5], made[5:]])
        found = self.ec2.describe_subnets(Filters=[{"Name": "cidr-block", "Values": ["10.0.[0-9].0/24", "10.0.4.*"]}])
        self.assertEqual([s["SubnetId"] for s in found["Subnets"]], [made[4]])

    def test_reservations(self):
        subnet = self.subnet(Ipv6CidrBlock=self.slot(1))["SubnetId"]
        create = self.ec2.create_subnet_cidr_reservation
        made = create(SubnetId=subnet, Cidr="10.0.0.0/28", ReservationType="explicit", Description="kept",
                      TagSpecifications=self.tagged("subnet-cidr-reservation", a="b"))["SubnetCidrReservation"]
        self.assertEqual(made["Tags"], self.tags(a="b"))
        create(SubnetId=subnet, Cidr=self.slot(1).replace("/64", "/80"), ReservationType="prefix")
        both = self.ec2.get_subnet_cidr_reservations(SubnetId=subnet)
        self.assertEqual(both["SubnetIpv4CidrReservations"], [made])
        self.assertEqual(len(both["SubnetIpv6CidrReservations"]), 1)
        self.refused("InvalidParameterValue", create, SubnetId=subnet, Cidr="10.0.0.0/29", ReservationType="prefix")
        interface = self.ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        self.assertEqual(interface["PrivateIpAddress"], "10.0.0.16")
        remove = self.ec2.delete_subnet_cidr_reservation
        gone = remove(SubnetCidrReservationId=made["SubnetCidrReservationId"])["DeletedSubnetCidrReservation"]
        self.assertEqual(gone["Cidr"], "10.0.0.0/28")
        self.refused("InvalidSubnetCidrReservationID.NotFound", remove,
                     SubnetCidrReservationId=made["SubnetCidrReservationId"])


if __name__ == "__main__":
    unittest.main()
