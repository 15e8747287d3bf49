"""Elastic IP addresses."""
import unittest

from vpcd import Case


class Addresses(Case):
    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.eni = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.address = self.ec2.allocate_address(Domain="vpc", TagSpecifications=self.tagged("elastic-ip", Name="web"))

    def internet(self):
        igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=self.vpc)

    def described(self):
        return self.ec2.describe_addresses(AllocationIds=[self.address["AllocationId"]])["Addresses"][0]

    def test_from_allocation_to_release(self):
        allocation = dict(AllocationId=self.address["AllocationId"])
        everywhere = {"PublicIp": self.address["PublicIp"], **allocation, "Domain": "vpc", "PublicIpv4Pool": "amazon",
                      "NetworkBorderGroup": "us-east-1", "Tags": self.tags(Name="web")}
        self.assertEqual(self.described(), everywhere)
        message = self.refused("Gateway.NotAttached", self.ec2.associate_address,
                               **allocation, NetworkInterfaceId=self.eni)
        self.assertEqual(message, f"Network {self.vpc} is not attached to any internet gateway")
        self.internet()
        association = self.ec2.associate_address(**allocation, NetworkInterfaceId=self.eni)["AssociationId"]
        self.assertEqual(self.described(), {
            **everywhere, "AssociationId": association, "NetworkInterfaceId": self.eni, "SubnetId": self.subnet,
            "NetworkInterfaceOwnerId": "123456789012", "PrivateIpAddress": "10.0.1.4"})
        self.refused("InvalidIPAddress.InUse", self.ec2.release_address, **allocation)
        self.ec2.disassociate_address(AssociationId=association)
        self.assertEqual(self.described(), everywhere)
        self.ec2.release_address(**allocation)
        self.refused("InvalidAllocationID.NotFound", self.ec2.release_address, **allocation)

    # covers: EIP-A1
    def test_a_released_address_is_recovered(self):
        public = self.address["PublicIp"]
        self.ec2.release_address(AllocationId=self.address["AllocationId"])
        back = self.aws("ec2", "allocate-address", "--domain", "vpc", "--address", public)
        self.assertEqual(back["PublicIp"], public)
        self.assertNotEqual(back["AllocationId"], self.address["AllocationId"])
        self.assertEqual(self.ec2.describe_addresses(PublicIps=[public])["Addresses"][0]["Tags"], [])
        message = self.refused("AddressLimitExceeded", lambda: [self.ec2.allocate_address() for _ in range(5)])
        self.assertEqual(message, "The maximum number of addresses has been reached.")

    def test_reassociation(self):
        self.internet()
        other = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]["NetworkInterfaceId"]
        allocation = dict(AllocationId=self.address["AllocationId"])
        first = self.ec2.associate_address(**allocation, NetworkInterfaceId=self.eni)["AssociationId"]
        self.refused("Resource.AlreadyAssociated", self.ec2.associate_address, **allocation,
                     NetworkInterfaceId=other, AllowReassociation=False)
        second = self.ec2.associate_address(**allocation, NetworkInterfaceId=other)["AssociationId"]
        self.assertNotEqual(first, second)
        self.assertEqual(self.described()["NetworkInterfaceId"], other)
        self.refused("InvalidAssociationID.NotFound", self.ec2.disassociate_address, AssociationId=first)

    def test_reverse_names(self):
        allocation = dict(AllocationId=self.address["AllocationId"])
        changed = self.ec2.modify_address_attribute(**allocation, DomainName="mail.example.com")["Address"]
        self.assertEqual(changed["PtrRecord"], "mail.example.com.")
        pages = self.ec2.get_paginator("describe_addresses_attribute").paginate(Attribute="domain-name")
        self.assertEqual([a for page in pages for a in page["Addresses"]], [changed])
        self.ec2.reset_address_attribute(**allocation, Attribute="domain-name")
        after = self.ec2.describe_addresses_attribute(AllocationIds=[self.address["AllocationId"]])["Addresses"]
        self.assertEqual(after, [{"PublicIp": self.address["PublicIp"], **allocation}])

    def test_nothing_moves(self):
        for call in ("describe_moving_addresses", "describe_address_transfers"):
            for page in self.ec2.get_paginator(call).paginate():
                self.assertFalse([value for value in page.values() if isinstance(value, list) and value], call)


if __name__ == "__main__":
    unittest.main()
