"""Network interfaces with boto3: life, attachment, attributes, addresses."""
import unittest

import botocore.exceptions

from vpcd import Case


class Interfaces(Case):
    """A VPC with both families of addresses, and a subnet."""

    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        block = self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        self.prefix = block.removesuffix("::/56")
        self.subnet = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=f"{self.prefix}::/64",
            AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]

    def create(self, **members):
        members.setdefault("SubnetId", self.subnet)
        return self.ec2.create_network_interface(**members)["NetworkInterface"]

    def id(self, **members):
        return self.create(**members)["NetworkInterfaceId"]

    def interface(self, id):
        return self.ec2.describe_network_interfaces(NetworkInterfaceIds=[id])["NetworkInterfaces"][0]

    def launch(self, **members):
        members = {"ImageId": "ami-a4827dc9", "InstanceType": "t2.medium", "SubnetId": self.subnet, **members}
        return self.ec2.run_instances(MinCount=1, MaxCount=1, **members)["Instances"][0]["InstanceId"]

    def attach(self, interface, instance, index=1):
        return self.ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId=instance,
                                                 DeviceIndex=index)["AttachmentId"]


class Life(Interfaces):
    # covers: ENI-01
    def test_what_is_made(self):
        made = self.create(Description="mine", TagSpecifications=self.tagged("network-interface", Name="a"))
        self.assertEqual((made["Status"], made["Description"], made["SourceDestCheck"]), ("available", "mine", True))
        self.assertEqual((made["InterfaceType"], made["RequesterManaged"]), ("interface", False))
        self.assertEqual(made["TagSet"], self.tags(Name="a"))
        self.assertEqual([g["GroupName"] for g in made["Groups"]], ["default"])
        self.assertEqual([a["Primary"] for a in made["PrivateIpAddresses"]], [True])
        self.assertEqual(made["Ipv6Addresses"], [])
        self.assertNotIn("Association", made)
        listed = self.interface(made["NetworkInterfaceId"])
        for member in ("MacAddress", "PrivateIpAddress", "SubnetId", "VpcId", "AvailabilityZone", "OwnerId"):
            self.assertEqual(listed[member], made[member])
        self.ec2.get_waiter("network_interface_available").wait(
            NetworkInterfaceIds=[made["NetworkInterfaceId"]], WaiterConfig={"Delay": 1, "MaxAttempts": 1})

    # covers: ENI-02 ENI-05
    def test_attach_and_detach(self):
        instance, other, interface = self.launch(), self.launch(), self.id()
        attachment = self.attach(interface, instance)
        shown = self.interface(interface)
        self.assertEqual(shown["Status"], "in-use")
        self.assertEqual((shown["Attachment"]["AttachmentId"], shown["Attachment"]["InstanceId"],
                          shown["Attachment"]["DeviceIndex"], shown["Attachment"]["DeleteOnTermination"]),
                         (attachment, instance, 1, False))
        message = self.refused("InvalidNetworkInterface.InUse", self.attach, interface, other)
        self.assertEqual(message, f"Interface: [{interface}] in use.")
        message = self.refused("InvalidParameterValue", self.ec2.delete_network_interface, NetworkInterfaceId=interface)
        self.assertEqual(message, f"Network interface '{interface}' is currently in use.")
        self.refused("InvalidParameterValue", self.attach, self.id(), instance, 1)
        self.ec2.detach_network_interface(AttachmentId=attachment, Force=True)
        self.assertEqual(self.interface(interface)["Status"], "available")
        self.refused("InvalidAttachmentID.NotFound", self.ec2.detach_network_interface, AttachmentId=attachment)
        primary = self.ec2.describe_network_interfaces(
            Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])["NetworkInterfaces"][0]
        message = self.refused("OperationNotPermitted", self.ec2.detach_network_interface,
                               AttachmentId=primary["Attachment"]["AttachmentId"])
        self.assertEqual(message, "The network interface at device index 0 cannot be detached.")
        self.ec2.delete_network_interface(NetworkInterfaceId=interface)
        self.refused("InvalidNetworkInterfaceID.NotFound", self.interface, interface)

    # covers: ENI-03
    def test_what_it_keeps_over_a_move(self):
        group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=self.vpc)["GroupId"]
        interface = self.id(Description="moves", Groups=[group], SecondaryPrivateIpAddressCount=2, Ipv6AddressCount=1)
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
        before = self.interface(interface)
        for instance in (self.launch(), self.launch()):
            attachment = self.attach(interface, instance)
            during = self.interface(interface)
            for changing in ("Attachment", "Status"):
                during.pop(changing)
            self.assertEqual(during, {k: v for k, v in before.items() if k != "Status"})
            self.ec2.detach_network_interface(AttachmentId=attachment)
            self.assertEqual(self.interface(interface), before)

    # covers: S-03-9
    def test_what_is_set_without_being_asked(self):
        instance, plain = self.launch(), self.create()
        self.attach(plain["NetworkInterfaceId"], instance)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        igw = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(VpcId=self.vpc, InternetGatewayId=igw)
        nat = self.ec2.create_nat_gateway(SubnetId=self.subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
        nat = self.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]
        managed = nat["NatGatewayAddresses"][0]["NetworkInterfaceId"]
        all = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["NetworkInterfaces"]
        macs = [each["MacAddress"] for each in all]
        self.assertEqual(len(set(macs)), 3)
        self.assertEqual({int(mac[:2], 16) & 3 for mac in macs}, {2}, "locally administered, and no group's")
        own = {each["Attachment"]["DeviceIndex"]: each for each in all if each.get("Attachment", {}).get("InstanceId") == instance}
        self.assertEqual([own[n]["Attachment"]["DeleteOnTermination"] for n in (0, 1)], [True, False])
        self.assertEqual([own[n]["Attachment"]["Status"] for n in (0, 1)], ["attached"] * 2)
        shown = self.interface(managed)
        self.assertEqual((shown["InterfaceType"], shown["RequesterManaged"], shown["Status"]), ("nat_gateway", True, "in-use"))
        with self.assertRaises(botocore.exceptions.ClientError):
            self.ec2.delete_network_interface(NetworkInterfaceId=managed)
        with self.assertRaises(botocore.exceptions.ClientError):
            self.attach(managed, instance, 2)
        self.assertEqual(self.interface(managed), shown)

    # covers: ENI-06
    def test_limits_of_types(self):
        instance = self.launch()
        for index in (1, 2):
            self.attach(self.id(), instance, index)
        message = self.refused("AttachmentLimitExceeded", self.attach, self.id(), instance, 3)
        self.assertEqual(message, "Interface count 4 exceeds the limit for t2.medium")

    # covers: ENI-07
    def test_one_vpc_and_zone(self):
        instance = self.launch()
        far = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24",
                                     AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
        foreign = self.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
        theirs = self.ec2.create_subnet(VpcId=foreign, CidrBlock="10.1.0.0/24",
                                        AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
        for subnet in (far, theirs):
            self.refused("InvalidParameterCombination", self.attach, self.id(SubnetId=subnet), instance)

    def test_what_goes_with_its_instance(self):
        instance, stays, goes = self.launch(), self.id(), self.id()
        self.attach(stays, instance, 1)
        attachment = self.attach(goes, instance, 2)
        self.ec2.modify_network_interface_attribute(
            NetworkInterfaceId=goes, Attachment={"AttachmentId": attachment, "DeleteOnTermination": True})
        self.ec2.terminate_instances(InstanceIds=[instance])
        self.assertEqual(self.interface(stays)["Status"], "available")
        self.refused("InvalidNetworkInterfaceID.NotFound", self.interface, goes)

    def test_what_is_refused(self):
        for code, members in (
                ("InvalidSubnetID.NotFound", {"SubnetId": "subnet-0123456789abcdef0"}),
                ("InvalidGroup.NotFound", {"Groups": ["sg-0123456789abcdef0"]}),
                ("InvalidParameterValue", {"PrivateIpAddress": "10.0.1.5"}),
                ("InvalidParameterValue", {"PrivateIpAddress": "10.0.0.255"}),
                ("InvalidParameterValue", {"Ipv6Addresses": [{"Ipv6Address": "2001:db8:ffff::1"}]}),
                ("UnsupportedOperation", {"Ipv4PrefixCount": 1}),
                ("DryRunOperation", {"DryRun": True})):
            with self.subTest(members):
                self.refused(code, self.create, **members)
        found = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        self.assertEqual(found["NetworkInterfaces"], [])


class Attributes(Interfaces):
    def modify(self, id, **members):
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=id, **members)

    def value(self, id, attribute):
        return self.ec2.describe_network_interface_attribute(NetworkInterfaceId=id, Attribute=attribute)

    def test_each(self):
        id = self.id()
        self.modify(id, Description={"Value": "new"})
        self.assertEqual(self.value(id, "description")["Description"]["Value"], "new")
        self.modify(id, SourceDestCheck={"Value": False})
        self.assertFalse(self.value(id, "sourceDestCheck")["SourceDestCheck"]["Value"])
        self.ec2.reset_network_interface_attribute(NetworkInterfaceId=id, SourceDestCheck="true")
        self.assertTrue(self.value(id, "sourceDestCheck")["SourceDestCheck"]["Value"])
        groups = [self.ec2.create_security_group(GroupName=n, Description=n, VpcId=self.vpc)["GroupId"] for n in "ab"]
        self.modify(id, Groups=groups)
        self.assertEqual([g["GroupId"] for g in self.value(id, "groupSet")["Groups"]], groups)
        self.assertNotIn("Attachment", self.value(id, "attachment"))
        self.attach(id, self.launch())
        self.assertEqual(self.value(id, "attachment")["Attachment"]["DeviceIndex"], 1)

    def test_one_at_a_time(self):
        id = self.id()
        self.refused("InvalidParameterCombination", self.modify, id, Description={"Value": "x"},
                     SourceDestCheck={"Value": False})
        self.assertTrue(self.interface(id)["SourceDestCheck"])

    # covers: SG-203
    def test_timeouts_of_tracking(self):
        id = self.id()
        self.modify(id, ConnectionTrackingSpecification={"TcpEstablishedTimeout": 600, "UdpTimeout": 45})
        shown = self.interface(id)["ConnectionTrackingConfiguration"]
        self.assertEqual((shown["TcpEstablishedTimeout"], shown["UdpTimeout"], shown["UdpStreamTimeout"]), (600, 45, 180))
        self.refused("InvalidParameterValue", self.modify, id, ConnectionTrackingSpecification={"UdpTimeout": 61})

    def test_a_public_address_of_eth0(self):
        instance = self.launch()
        find = [{"Name": "attachment.instance-id", "Values": [instance]}]
        eth0 = self.ec2.describe_network_interfaces(Filters=find)["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.modify(eth0, AssociatePublicIpAddress=True)
        public = self.interface(eth0)["Association"]["PublicIp"]
        instance = self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
        self.assertEqual(instance["PublicIpAddress"], public)
        self.modify(eth0, AssociatePublicIpAddress=False)
        self.assertNotIn("Association", self.interface(eth0))
        self.refused("InvalidParameterCombination", self.modify, self.id(), AssociatePublicIpAddress=True)


class Addresses(Interfaces):
    # covers: IP-04
    def test_secondary_addresses_move(self):
        a, b = self.id(), self.id()
        ask = {"PrivateIpAddresses": ["10.0.0.50"]}
        answer = self.ec2.assign_private_ip_addresses(NetworkInterfaceId=a, **ask)
        self.assertEqual([x["PrivateIpAddress"] for x in answer["AssignedPrivateIpAddresses"]], ["10.0.0.50"])
        self.refused("InvalidParameterValue", self.ec2.assign_private_ip_addresses, NetworkInterfaceId=b, **ask)
        self.ec2.assign_private_ip_addresses(NetworkInterfaceId=b, AllowReassignment=True, **ask)
        self.assertEqual(len(self.interface(a)["PrivateIpAddresses"]), 1)
        self.ec2.unassign_private_ip_addresses(NetworkInterfaceId=b, **ask)
        self.refused("InvalidParameterValue", self.ec2.unassign_private_ip_addresses,
                     NetworkInterfaceId=b, PrivateIpAddresses=[self.interface(b)["PrivateIpAddress"]])

    # covers: IP-13 IP-17
    def test_ipv6(self):
        a, b = self.id(), self.id()
        chosen = f"{self.prefix}::99"
        answer = self.ec2.assign_ipv6_addresses(NetworkInterfaceId=a, Ipv6Addresses=[chosen])
        self.assertEqual(answer["AssignedIpv6Addresses"], [chosen])
        self.assertEqual(self.interface(a)["Ipv6Addresses"][0]["Ipv6Address"], chosen)
        self.refused("InvalidIPAddress.InUse", self.ec2.assign_ipv6_addresses, NetworkInterfaceId=b, Ipv6Addresses=[chosen])
        self.ec2.unassign_ipv6_addresses(NetworkInterfaceId=a, Ipv6Addresses=[chosen])
        self.ec2.assign_ipv6_addresses(NetworkInterfaceId=b, Ipv6Addresses=[chosen])
        plain = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        self.refused("InvalidParameterValue", self.create, SubnetId=plain, Ipv6AddressCount=1)

    # covers: IP-15
    def test_old_versions_of_the_api_assign_no_ipv6(self):
        self.ec2.modify_subnet_attribute(SubnetId=self.subnet, AssignIpv6AddressOnCreation={"Value": True})
        self.assertEqual(len(self.create()["Ipv6Addresses"]), 1)
        old = self.server.client("ec2")
        old.meta.events.register("before-call.ec2", lambda params, **_: params["body"].update(Version="2016-09-15"))
        made = old.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]
        self.assertEqual(made["Ipv6Addresses"], [])
        launch = {"ImageId": "ami-a4827dc9", "InstanceType": "t2.micro", "MinCount": 1, "MaxCount": 1}
        for where in ({"SubnetId": self.subnet}, {"NetworkInterfaces": [{"DeviceIndex": 0, "SubnetId": self.subnet}]}):
            made = old.run_instances(**launch, **where)["Instances"][0]["NetworkInterfaces"][0]
            self.assertEqual(made["Ipv6Addresses"], [])
        asked = old.create_network_interface(SubnetId=self.subnet, Ipv6AddressCount=1)["NetworkInterface"]
        self.assertEqual(len(asked["Ipv6Addresses"]), 1)


class Listing(Interfaces):
    def found(self, name, *values):
        answer = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.vpc]},
                                                               {"Name": name, "Values": list(values)}])
        return [e["NetworkInterfaceId"] for e in answer["NetworkInterfaces"]]

    def test_filters(self):
        group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=self.vpc)["GroupId"]
        a = self.id(PrivateIpAddress="10.0.0.11", Description="front door", Ipv6AddressCount=1)
        b = self.id(PrivateIpAddress="10.0.0.12", Groups=[group], SecondaryPrivateIpAddressCount=1,
                    TagSpecifications=self.tagged("network-interface", Name="b"))
        attachment = self.attach(b, self.launch(PrivateIpAddress="10.0.0.200"))
        c = self.found("private-ip-address", "10.0.0.200")[0]
        for name, values, expected in (
                ("addresses.private-ip-address", [self.interface(b)["PrivateIpAddresses"][1]["PrivateIpAddress"]], [b]),
                ("attachment.attachment-id", [attachment], [b]),
                ("attachment.device-index", ["0"], [c]),
                ("attachment.delete-on-termination", ["true"], [c]),
                ("attachment.status", ["attached"], [b, c]),
                ("availability-zone", ["us-east-1a"], [a, b, c]),
                ("description", ["front*"], [a]),
                ("group-id", [group], [b]),
                ("group-name", ["g"], [b]),
                ("ipv6-addresses.ipv6-address", [f"{self.prefix}::*"], [a]),
                ("mac-address", [self.interface(a)["MacAddress"]], [a]),
                ("private-dns-name", ["ip-10-0-0-1?.*"], [a, b]),
                ("status", ["available"], [a]),
                ("subnet-id", [self.subnet], [a, b, c]),
                ("tag:Name", ["b"], [b])):
            with self.subTest(name=name, values=values):
                self.assertEqual(self.found(name, *values), expected)

    def test_pages(self):
        ids = [self.id() for _ in range(7)]
        pages = self.ec2.get_paginator("describe_network_interfaces").paginate(
            Filters=[{"Name": "vpc-id", "Values": [self.vpc]}], PaginationConfig={"PageSize": 5})
        seen = [[e["NetworkInterfaceId"] for e in page["NetworkInterfaces"]] for page in pages]
        self.assertEqual(seen, [ids[:5], ids[5:]])


if __name__ == "__main__":
    unittest.main()
