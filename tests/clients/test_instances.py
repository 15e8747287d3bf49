"""Instances with boto3: launch, life, attributes, images, types and key pairs."""
import base64
import os
import shutil
import subprocess
import tempfile
import unittest

from vpcd import Case

IMAGE = "ami-a4827dc9"


class Instances(Case):
    """A VPC with both families of addresses and a subnet to launch into."""

    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        block = self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        self.prefix = block.removesuffix("::/56")
        self.subnet = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=f"{self.prefix}::/64",
            AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]

    def run_instances(self, count=1, **members):
        members = {"ImageId": IMAGE, "InstanceType": "t2.micro", **members}
        if "NetworkInterfaces" not in members:
            members.setdefault("SubnetId", self.subnet)
        return self.ec2.run_instances(MinCount=count, MaxCount=count, **members)

    def launch(self, **members):
        return self.run_instances(**members)["Instances"][0]["InstanceId"]

    def instance(self, id):
        return self.ec2.describe_instances(InstanceIds=[id])["Reservations"][0]["Instances"][0]

    def wait(self, waiter, *ids):
        """States are reached at once: a waiter that has to poll has failed."""
        self.ec2.get_waiter(waiter).wait(InstanceIds=list(ids), WaiterConfig={"Delay": 1, "MaxAttempts": 1})

    def found(self, name, *values):
        """Instances that pass one filter."""
        answer = self.ec2.describe_instances(Filters=[{"Name": name, "Values": list(values)}])
        return [i["InstanceId"] for r in answer["Reservations"] for i in r["Instances"]]


class Life(Instances):
    # covers: IP-03
    def test_from_launch_to_termination(self):
        launched = self.run_instances()["Instances"][0]
        id = launched["InstanceId"]
        self.assertEqual(launched["State"], {"Code": 0, "Name": "pending"})
        for waiter in ("instance_exists", "instance_running", "instance_status_ok", "system_status_ok"):
            self.wait(waiter, id)
        address = self.instance(id)["PrivateIpAddress"]
        change = self.ec2.stop_instances(InstanceIds=[id])["StoppingInstances"][0]
        self.assertEqual((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), ("running", "stopping"))
        self.wait("instance_stopped", id)
        self.refused("IncorrectInstanceState", self.ec2.reboot_instances, InstanceIds=[id])
        self.assertEqual(self.ec2.describe_instance_status(InstanceIds=[id])["InstanceStatuses"], [])
        status = self.ec2.describe_instance_status(InstanceIds=[id], IncludeAllInstances=True)["InstanceStatuses"][0]
        self.assertEqual(status["InstanceState"]["Name"], "stopped")
        change = self.ec2.start_instances(InstanceIds=[id])["StartingInstances"][0]
        self.assertEqual((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), ("stopped", "pending"))
        self.wait("instance_running", id)
        self.assertEqual(self.instance(id)["PrivateIpAddress"], address)
        self.ec2.reboot_instances(InstanceIds=[id])
        change = self.ec2.terminate_instances(InstanceIds=[id])["TerminatingInstances"][0]
        self.assertEqual((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), ("running", "shutting-down"))
        self.wait("instance_terminated", id)
        gone = self.instance(id)
        self.assertEqual(gone["StateReason"]["Code"], "Client.UserInitiatedShutdown")
        self.assertEqual(gone["NetworkInterfaces"], [])
        self.assertNotIn("PrivateIpAddress", gone)
        self.refused("IncorrectInstanceState", self.ec2.start_instances, InstanceIds=[id])
        # Its address is free again.
        self.assertEqual(self.instance(self.launch(PrivateIpAddress=address))["PrivateIpAddress"], address)
        # A second termination changes nothing.
        change = self.ec2.terminate_instances(InstanceIds=[id])["TerminatingInstances"][0]
        self.assertEqual((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), ("terminated", "terminated"))

    def test_one_launch_is_one_reservation(self):
        answer = self.run_instances(3, TagSpecifications=self.tagged("instance", Name="web"))
        ids = [i["InstanceId"] for i in answer["Instances"]]
        self.assertEqual(len(set(ids)), 3)
        self.assertEqual([i["AmiLaunchIndex"] for i in answer["Instances"]], [0, 1, 2])
        other = self.launch()
        reservations = self.ec2.describe_instances()["Reservations"]
        self.assertEqual([len(r["Instances"]) for r in reservations], [3, 1])
        self.assertEqual(reservations[0]["ReservationId"], answer["ReservationId"])
        self.assertEqual(self.found("reservation-id", answer["ReservationId"]), ids)
        self.assertEqual(self.found("tag:Name", "w*"), ids)
        self.assertEqual(self.found("launch-index", "0"), [ids[0], other])

    def test_as_many_as_there_is_room_for(self):
        small = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/28")["Subnet"]["SubnetId"]
        call = {"ImageId": IMAGE, "InstanceType": "t2.micro", "SubnetId": small}
        self.refused("InsufficientFreeAddressesInSubnet", self.ec2.run_instances, MinCount=12, MaxCount=12, **call)
        self.assertEqual(self.ec2.describe_instances()["Reservations"], [])
        self.assertEqual(len(self.ec2.run_instances(MinCount=2, MaxCount=20, **call)["Instances"]), 11)
        self.refused("InvalidParameterValue", self.ec2.run_instances, MinCount=3, MaxCount=2, **call)

    def test_tags_at_launch(self):
        tags = self.tagged("instance", Name="a") + self.tagged("network-interface", Name="b")
        made = self.run_instances(TagSpecifications=tags)["Instances"][0]
        self.assertEqual(made["Tags"], self.tags(Name="a"))
        interface = made["NetworkInterfaces"][0]["NetworkInterfaceId"]
        found = self.ec2.describe_network_interfaces(Filters=[{"Name": "tag:Name", "Values": ["b"]}])
        self.assertEqual([e["NetworkInterfaceId"] for e in found["NetworkInterfaces"]], [interface])
        message = self.refused("InvalidParameterValue", self.run_instances, TagSpecifications=self.tagged("subnet", a="b"))
        self.assertEqual(message, "'subnet' is not a valid taggable resource type for this operation.")

    def test_a_token_launches_once(self):
        first = self.run_instances(ClientToken="once")
        again = self.run_instances(ClientToken="once")
        self.assertEqual(first["ReservationId"], again["ReservationId"])
        self.refused("IdempotentParameterMismatch", self.run_instances, ClientToken="once", InstanceType="t2.small")
        self.assertEqual(len(self.ec2.describe_instances()["Reservations"]), 1)
        self.assertEqual(len(self.found("client-token", "once")), 1)

    def test_protection(self):
        id = self.launch(DisableApiTermination=True, DisableApiStop=True)
        message = self.refused("OperationNotPermitted", self.ec2.terminate_instances, InstanceIds=[id])
        self.assertEqual(message, f"The instance '{id}' may not be terminated. "
                         "Modify its 'disableApiTermination' instance attribute and try again.")
        self.refused("OperationNotPermitted", self.ec2.stop_instances, InstanceIds=[id])
        for attribute in ("DisableApiTermination", "DisableApiStop"):
            self.ec2.modify_instance_attribute(InstanceId=id, **{attribute: {"Value": False}})
        self.ec2.stop_instances(InstanceIds=[id])
        # Of several, all or none.
        kept, other = self.launch(DisableApiTermination=True), self.launch()
        self.refused("OperationNotPermitted", self.ec2.terminate_instances, InstanceIds=[other, kept])
        self.assertEqual(self.instance(other)["State"]["Name"], "running")

    def test_ids_that_are_not(self):
        for call in (self.ec2.describe_instances, self.ec2.start_instances, self.ec2.stop_instances,
                     self.ec2.terminate_instances, self.ec2.describe_instance_status):
            message = self.refused("InvalidInstanceID.NotFound", call, InstanceIds=["i-0123456789abcdef0"])
            self.assertEqual(message, "The instance ID 'i-0123456789abcdef0' does not exist")
        ids = ["i-0123456789abcdef0", "i-0123456789abcdef1"]
        message = self.refused("InvalidInstanceID.NotFound", self.ec2.stop_instances, InstanceIds=ids)
        self.assertEqual(message, f"The instance IDs '{', '.join(ids)}' do not exist")

    def test_what_a_launch_is_refused_for(self):
        for code, members in (
                ("InvalidAMIID.Malformed", {"ImageId": "image"}),
                ("InvalidParameterValue", {"InstanceType": "large"}),
                ("InvalidSubnetID.NotFound", {"SubnetId": "subnet-0123456789abcdef0"}),
                ("InvalidGroup.NotFound", {"SecurityGroupIds": ["sg-0123456789abcdef0"]}),
                ("InvalidKeyPair.NotFound", {"KeyName": "nobody"}),
                ("InvalidParameterValue", {"PrivateIpAddress": "10.0.1.9"}),
                ("InvalidParameterValue", {"PrivateIpAddress": "10.0.0.3"}),
                ("InvalidParameterValue", {"Placement": {"AvailabilityZone": "us-east-1b"}}),
                ("DryRunOperation", {"DryRun": True})):
            with self.subTest(members):
                self.refused(code, self.run_instances, **members)
        self.launch(PrivateIpAddress="10.0.0.9")
        self.refused("InvalidIPAddress.InUse", self.run_instances, PrivateIpAddress="10.0.0.9")
        self.assertEqual(len(self.ec2.describe_instances()["Reservations"]), 1)

    def test_into_the_default_vpc(self):
        made = self.ec2.run_instances(ImageId=IMAGE, InstanceType="t2.micro", MinCount=1, MaxCount=1)["Instances"][0]
        default = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        self.assertEqual(made["VpcId"], default)
        self.assertIn("PublicIpAddress", self.instance(made["InstanceId"]))

    def test_the_aws_command(self):
        made = self.aws("ec2", "run-instances", "--image-id", IMAGE, "--instance-type", "t2.micro",
                        "--subnet-id", self.subnet, "--associate-public-ip-address", "--user-data", "#!/bin/sh")
        id = made["Instances"][0]["InstanceId"]
        self.aws("ec2", "wait", "instance-running", "--instance-ids", id)
        value = self.aws("ec2", "describe-instance-attribute", "--instance-id", id, "--attribute", "userData")
        self.assertEqual(base64.b64decode(value["UserData"]["Value"]), b"#!/bin/sh")
        self.aws("ec2", "terminate-instances", "--instance-ids", id)
        self.aws("ec2", "wait", "instance-terminated", "--instance-ids", id)


class Addresses(Instances):
    # covers: IP-07 IP-10
    def test_a_public_address_comes_and_goes(self):
        for attribute in (False, True):
            self.ec2.modify_subnet_attribute(SubnetId=self.subnet, MapPublicIpOnLaunch={"Value": attribute})
            for choice in (None, False, True):
                spec = {"DeviceIndex": 0, "SubnetId": self.subnet}
                if choice is not None:
                    spec["AssociatePublicIpAddress"] = choice
                wanted = attribute if choice is None else choice
                id = self.launch(NetworkInterfaces=[spec])
                with self.subTest(attribute=attribute, choice=choice):
                    self.assertEqual("PublicIpAddress" in self.instance(id), wanted)
        before = self.instance(id)["PublicIpAddress"]
        association = self.instance(id)["NetworkInterfaces"][0]["Association"]
        self.assertEqual((association["PublicIp"], association["IpOwnerId"]), (before, "amazon"))
        self.ec2.stop_instances(InstanceIds=[id])
        self.assertNotIn("PublicIpAddress", self.instance(id))
        self.ec2.start_instances(InstanceIds=[id])
        self.assertNotEqual(self.instance(id)["PublicIpAddress"], before)

    # covers: IP-11
    def test_an_elastic_address_after_launch(self):
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        for assigned in (False, True):
            spec = {"DeviceIndex": 0, "SubnetId": self.subnet, "AssociatePublicIpAddress": assigned}
            id = self.launch(NetworkInterfaces=[spec])
            elastic = self.ec2.allocate_address(Domain="vpc")
            self.ec2.associate_address(AllocationId=elastic["AllocationId"], InstanceId=id)
            self.assertEqual(self.instance(id)["PublicIpAddress"], elastic["PublicIp"])
            # It is the account's, and stays over a stop.
            self.ec2.stop_instances(InstanceIds=[id])
            self.assertEqual(self.instance(id)["PublicIpAddress"], elastic["PublicIp"])
            self.assertEqual(self.found("ip-address", elastic["PublicIp"]), [id])

    # covers: IP-16 IP-18
    def test_ipv6_addresses(self):
        chosen = f"{self.prefix}::42"
        id = self.launch(Ipv6Addresses=[{"Ipv6Address": chosen}])
        two = self.launch(Ipv6AddressCount=2)
        self.assertEqual(self.instance(id)["Ipv6Address"], chosen)
        self.assertEqual(len(self.instance(two)["NetworkInterfaces"][0]["Ipv6Addresses"]), 2)
        self.assertEqual(self.found("ipv6-address", chosen), [id])
        self.ec2.stop_instances(InstanceIds=[id])
        self.ec2.start_instances(InstanceIds=[id])
        self.assertEqual(self.instance(id)["Ipv6Address"], chosen)
        self.refused("InvalidIPAddress.InUse", self.launch, Ipv6Addresses=[{"Ipv6Address": chosen}])
        self.refused("InvalidParameterValue", self.launch, Ipv6Addresses=[{"Ipv6Address": "2001:db8:dead::1"}])
        # A t2.micro has two addresses of each family.
        self.refused("PrivateIpAddressLimitExceeded", self.launch, Ipv6AddressCount=3)
        self.ec2.terminate_instances(InstanceIds=[id])
        self.launch(Ipv6Addresses=[{"Ipv6Address": chosen}])

    # covers: IP-14
    def test_ipv6_by_the_subnets_attribute(self):
        self.assertNotIn("Ipv6Address", self.instance(self.launch()))
        self.ec2.modify_subnet_attribute(SubnetId=self.subnet, AssignIpv6AddressOnCreation={"Value": True})
        self.assertIn("Ipv6Address", self.instance(self.launch()))

    # covers: IP-21
    def test_old_types_have_no_ipv6(self):
        message = self.refused("InvalidParameterCombination", self.launch, InstanceType="m3.large", Ipv6AddressCount=1)
        self.assertEqual(message, "The instance type 'm3.large' does not support IPv6 addresses.")
        id = self.launch(InstanceType="m3.large")
        interface = self.instance(id)["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.refused("InvalidParameterCombination", self.ec2.assign_ipv6_addresses,
                     NetworkInterfaceId=interface, Ipv6AddressCount=1)
        self.ec2.stop_instances(InstanceIds=[id])
        self.ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "m4.large"})
        self.ec2.assign_ipv6_addresses(NetworkInterfaceId=interface, Ipv6AddressCount=1)
        self.refused("InvalidParameterCombination", self.ec2.modify_instance_attribute,
                     InstanceId=id, InstanceType={"Value": "m3.large"})


class Interfaces(Instances):
    # covers: ENI-07
    def test_dual_homed(self):
        back = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24",
                                      AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
        specs = [{"DeviceIndex": 0, "SubnetId": self.subnet, "PrivateIpAddress": "10.0.0.10",
                  "SecondaryPrivateIpAddressCount": 1, "Description": "front"},
                 {"DeviceIndex": 1, "SubnetId": back, "DeleteOnTermination": False,
                  "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.20", "Primary": True}]}]
        id = self.launch(NetworkInterfaces=specs)
        front, rear = sorted(self.instance(id)["NetworkInterfaces"], key=lambda e: e["Attachment"]["DeviceIndex"])
        self.assertEqual((front["PrivateIpAddress"], front["Description"]), ("10.0.0.10", "front"))
        self.assertEqual(len(front["PrivateIpAddresses"]), 2)
        self.assertEqual((rear["PrivateIpAddress"], rear["SubnetId"]), ("10.0.1.20", back))
        self.assertEqual(self.found("network-interface.addresses.private-ip-address", "10.0.1.20"), [id])
        self.assertEqual(self.found("network-interface.attachment.device-index", "1"), [id])
        self.assertEqual(self.found("network-interface.subnet-id", back), [id])
        self.ec2.terminate_instances(InstanceIds=[id])
        left = self.ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        self.assertEqual([(e["NetworkInterfaceId"], e["Status"]) for e in left["NetworkInterfaces"]],
                         [(rear["NetworkInterfaceId"], "available")])

    def test_one_that_is_there_already(self):
        made = self.ec2.create_network_interface(SubnetId=self.subnet, PrivateIpAddress="10.0.0.77")
        interface = made["NetworkInterface"]["NetworkInterfaceId"]
        spec = {"DeviceIndex": 0, "NetworkInterfaceId": interface}
        id = self.launch(NetworkInterfaces=[spec])
        self.assertEqual(self.instance(id)["PrivateIpAddress"], "10.0.0.77")
        self.refused("InvalidNetworkInterface.InUse", self.launch, NetworkInterfaces=[spec])
        self.ec2.terminate_instances(InstanceIds=[id])
        self.ec2.get_waiter("network_interface_available").wait(NetworkInterfaceIds=[interface],
                                                                WaiterConfig={"Delay": 1, "MaxAttempts": 1})

    # covers: IP-08
    def test_combinations_that_do_not_go_together(self):
        two = [{"DeviceIndex": n, "SubnetId": self.subnet, "AssociatePublicIpAddress": n == 0} for n in range(2)]
        message = self.refused("InvalidParameterCombination", self.launch, NetworkInterfaces=two)
        self.assertEqual(message, "The associatePublicIPAddress parameter cannot be specified when launching with "
                         "multiple network interfaces.")
        one = [{"DeviceIndex": 0, "SubnetId": self.subnet}]
        self.refused("InvalidParameterCombination", self.launch, NetworkInterfaces=one, SubnetId=self.subnet)
        far = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24",
                                     AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
        apart = [{"DeviceIndex": 0, "SubnetId": self.subnet}, {"DeviceIndex": 1, "SubnetId": far}]
        self.refused("InvalidParameterCombination", self.launch, NetworkInterfaces=apart)

    # covers: ENI-06
    def test_as_many_as_the_type_allows(self):
        three = [{"DeviceIndex": n, "SubnetId": self.subnet} for n in range(3)]
        message = self.refused("AttachmentLimitExceeded", self.launch, NetworkInterfaces=three)
        self.assertEqual(message, "Interface count 3 exceeds the limit for t2.micro")
        id = self.launch(NetworkInterfaces=three, InstanceType="t2.medium")
        more = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.refused("AttachmentLimitExceeded", self.ec2.attach_network_interface,
                     NetworkInterfaceId=more, InstanceId=id, DeviceIndex=3)
        self.ec2.stop_instances(InstanceIds=[id])
        self.refused("AttachmentLimitExceeded", self.ec2.modify_instance_attribute,
                     InstanceId=id, InstanceType={"Value": "t2.micro"})


class Attributes(Instances):
    def value(self, id, attribute, member):
        return self.ec2.describe_instance_attribute(InstanceId=id, Attribute=attribute)[member].get("Value")

    # covers: IP-22
    def test_attributes(self):
        id = self.launch(UserData="#!/bin/sh\necho hi\n")
        self.assertEqual(base64.b64decode(self.value(id, "userData", "UserData")), b"#!/bin/sh\necho hi\n")
        message = self.refused("IncorrectInstanceState", self.ec2.modify_instance_attribute,
                               InstanceId=id, InstanceType={"Value": "t2.small"})
        self.assertEqual(message, f"The instance '{id}' is not in the 'stopped' state.")
        self.ec2.stop_instances(InstanceIds=[id])
        self.ec2.modify_instance_attribute(InstanceId=id, InstanceType={"Value": "t2.small"})
        self.ec2.modify_instance_attribute(InstanceId=id, UserData={"Value": b"other"})
        self.ec2.modify_instance_attribute(InstanceId=id, Attribute="instanceInitiatedShutdownBehavior", Value="terminate")
        self.assertEqual(self.value(id, "instanceType", "InstanceType"), "t2.small")
        self.assertEqual(base64.b64decode(self.value(id, "userData", "UserData")), b"other")
        self.assertEqual(self.value(id, "instanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior"), "terminate")
        self.assertEqual(self.instance(id)["InstanceType"], "t2.small")

    # covers: NATI-02
    def test_the_check_of_an_instance_is_that_of_its_only_interface(self):
        id = self.launch()
        self.ec2.modify_instance_attribute(InstanceId=id, SourceDestCheck={"Value": False})
        self.assertFalse(self.instance(id)["NetworkInterfaces"][0]["SourceDestCheck"])
        self.assertFalse(self.value(id, "sourceDestCheck", "SourceDestCheck"))
        self.ec2.reset_instance_attribute(InstanceId=id, Attribute="sourceDestCheck")
        self.assertTrue(self.instance(id)["SourceDestCheck"])
        second = self.ec2.create_network_interface(SubnetId=self.subnet)["NetworkInterface"]["NetworkInterfaceId"]
        self.ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=id, DeviceIndex=1)
        message = self.refused("InvalidInstanceID", self.ec2.modify_instance_attribute,
                               InstanceId=id, SourceDestCheck={"Value": False})
        self.assertEqual(message, f"There are multiple interfaces attached to instance '{id}'. "
                         "Please specify an interface ID for the operation instead.")

    # covers: SG-61
    def test_groups(self):
        id = self.launch()
        group = self.ec2.create_security_group(GroupName="g", Description="g", VpcId=self.vpc)["GroupId"]
        self.ec2.modify_instance_attribute(InstanceId=id, Groups=[group])
        groups = self.ec2.describe_instance_attribute(InstanceId=id, Attribute="groupSet")["Groups"]
        self.assertEqual([g["GroupId"] for g in groups], [group])
        self.assertEqual(self.found("instance.group-name", "g"), [id])

    def test_metadata_options_and_credits(self):
        id = self.launch(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2})
        self.assertEqual(self.instance(id)["MetadataOptions"]["HttpTokens"], "required")
        options = self.ec2.modify_instance_metadata_options(InstanceId=id, HttpEndpoint="disabled")
        self.assertEqual(options["InstanceMetadataOptions"]["HttpEndpoint"], "disabled")
        self.assertEqual(self.instance(id)["MetadataOptions"]["HttpPutResponseHopLimit"], 2)
        credits = self.ec2.describe_instance_credit_specifications(InstanceIds=[id])["InstanceCreditSpecifications"]
        self.assertEqual(credits, [{"InstanceId": id, "CpuCredits": "standard"}])


class Listing(Instances):
    def test_filters(self):
        a = self.launch(PrivateIpAddress="10.0.0.11", TagSpecifications=self.tagged("instance", Name="web-1", tier="front"))
        b = self.launch(PrivateIpAddress="10.0.0.12", InstanceType="m5.large",
                        TagSpecifications=self.tagged("instance", Name="web-2"))
        c = self.launch(PrivateIpAddress="10.0.0.21", ImageId="ami-0bbebc09f0a12d4d9", InstanceType="t4g.micro")
        self.ec2.stop_instances(InstanceIds=[b])
        for name, values, expected in (
                ("tag:Name", ["web-?"], [a, b]),
                ("tag-key", ["tier"], [a]),
                ("private-ip-address", ["10.0.0.1*"], [a, b]),
                ("private-dns-name", ["ip-10-0-0-21.*"], [c]),
                ("instance-state-name", ["running"], [a, c]),
                ("instance-state-code", ["80"], [b]),
                ("instance-type", ["t*"], [a, c]),
                ("instance-type", ["m5.large", "t4g.micro"], [b, c]),
                ("architecture", ["arm64"], [c]),
                ("image-id", [IMAGE], [a, b]),
                ("vpc-id", [self.vpc], [a, b, c]),
                ("subnet-id", ["subnet-0*"], [a, b, c]),
                ("availability-zone", ["us-east-1b"], []),
                ("monitoring-state", ["disabled"], [a, b, c]),
                ("network-interface.vpc-id", [self.vpc], [a, b, c]),
                ("owner-id", ["123456789012"], [a, b, c])):
            with self.subTest(name=name, values=values):
                self.assertEqual(self.found(name, *values), expected)
        self.refused("InvalidParameterValue", self.found, "colour", "red")

    def test_pages(self):
        ids = [self.launch() for _ in range(7)]
        pages = self.ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5})
        seen = [[i["InstanceId"] for r in page["Reservations"] for i in r["Instances"]] for page in pages]
        self.assertEqual(seen, [ids[:5], ids[5:]])
        pages = self.ec2.get_paginator("describe_instance_status").paginate(PaginationConfig={"PageSize": 3})
        self.assertEqual([len(page["InstanceStatuses"]) for page in pages], [3, 3, 1])
        self.refused("InvalidParameterCombination", self.ec2.describe_instances, InstanceIds=ids[:1], MaxResults=5)


class Catalogues(Case):
    def test_images(self):
        images = self.ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-*-x86_64"]}])
        image = images["Images"][0]
        self.assertEqual((image["Architecture"], image["RootDeviceType"], image["State"]), ("x86_64", "ebs", "available"))
        # What Ansible's own suites begin with.
        fedora = self.ec2.describe_images(Filters=[{"Name": "name", "Values": ["Fedora-Cloud-Base-*.x86_64-4*"]},
                                                   {"Name": "owner-id", "Values": ["125523088429"]}])["Images"]
        self.assertGreater(len(fedora), 1)
        message = self.refused("InvalidAMIID.NotFound", self.ec2.describe_images, ImageIds=["ami-12345678"])
        self.assertEqual(message, "The image id '[ami-12345678]' does not exist")
        self.ec2.get_waiter("image_available").wait(ImageIds=[IMAGE], WaiterConfig={"Delay": 1, "MaxAttempts": 1})
        pages = self.ec2.get_paginator("describe_images").paginate(PaginationConfig={"PageSize": 4})
        self.assertGreater(len([page for page in pages if page["Images"]]), 1)

    def test_instance_types(self):
        kind = self.ec2.describe_instance_types(InstanceTypes=["c5.18xlarge"])["InstanceTypes"][0]
        self.assertEqual(kind["NetworkInfo"]["MaximumNetworkInterfaces"], 15)
        self.assertEqual(kind["NetworkInfo"]["Ipv4AddressesPerInterface"], 50)
        self.assertEqual((kind["VCpuInfo"]["DefaultVCpus"], kind["MemoryInfo"]["SizeInMiB"]), (72, 147456))
        self.refused("InvalidInstanceType", self.ec2.describe_instance_types, InstanceTypes=["t2.huge"])
        pages = self.ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 20})
        names = [t["InstanceType"] for page in pages for t in page["InstanceTypes"]]
        self.assertEqual(len(names), len(set(names)))
        offered = self.ec2.describe_instance_type_offerings(
            LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["t2.micro"]}])
        zones = [z["ZoneName"] for z in self.ec2.describe_availability_zones()["AvailabilityZones"]]
        self.assertEqual([o["Location"] for o in offered["InstanceTypeOfferings"]], zones)

    def test_what_an_instance_could_have_besides(self):
        self.assertEqual(self.ec2.describe_volumes()["Volumes"], [])
        self.assertEqual(self.ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"], [])
        self.assertEqual(self.ec2.describe_launch_templates()["LaunchTemplates"], [])
        self.assertEqual(self.ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"], [])
        self.refused("InvalidVolume.NotFound", self.ec2.describe_volumes, VolumeIds=["vol-1"])


class KeyPairs(Case):
    def test_life(self):
        made = self.ec2.create_key_pair(KeyName="mine", TagSpecifications=self.tagged("key-pair", who="me"))
        self.ec2.get_waiter("key_pair_exists").wait(KeyNames=["mine"], WaiterConfig={"Delay": 1, "MaxAttempts": 1})
        listed = self.ec2.describe_key_pairs(KeyNames=["mine"], IncludePublicKey=True)["KeyPairs"][0]
        for member in ("KeyPairId", "KeyFingerprint", "KeyName", "Tags"):
            self.assertEqual(listed[member], made[member])
        self.assertEqual(listed["KeyType"], "ed25519")
        self.refused("InvalidKeyPair.Duplicate", self.ec2.create_key_pair, KeyName="mine")
        instance = self.ec2.run_instances(ImageId=IMAGE, InstanceType="t2.micro", MinCount=1, MaxCount=1, KeyName="mine")
        self.assertEqual(instance["Instances"][0]["KeyName"], "mine")
        self.assertEqual(self.ec2.delete_key_pair(KeyName="mine")["KeyPairId"], made["KeyPairId"])
        self.ec2.delete_key_pair(KeyName="mine")
        message = self.refused("InvalidKeyPair.NotFound", self.ec2.describe_key_pairs, KeyNames=["mine"])
        self.assertEqual(message, "The key pair 'mine' does not exist")

    @unittest.skipUnless(shutil.which("ssh-keygen"), "needs ssh-keygen")
    def test_ssh_reads_what_is_made(self):
        made = self.ec2.create_key_pair(KeyName="mine")
        public = self.ec2.describe_key_pairs(IncludePublicKey=True)["KeyPairs"][0]["PublicKey"]
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "key")
            with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(made["KeyMaterial"] + "\n")
            keygen = lambda *words: subprocess.run(["ssh-keygen", *words, "-f", path], check=True,
                                                   capture_output=True, text=True, timeout=20).stdout
            self.assertEqual(keygen("-y").split()[:2], public.split()[:2])
            self.assertEqual(keygen("-l").split()[1], "SHA256:" + made["KeyFingerprint"].rstrip("="))

    @unittest.skipUnless(shutil.which("ssh-keygen"), "needs ssh-keygen")
    def test_import(self):
        with tempfile.TemporaryDirectory() as place:
            path = os.path.join(place, "key")
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True, timeout=20)
            with open(path + ".pub", "rb") as file:
                public = file.read()
        made = self.ec2.import_key_pair(KeyName="theirs", PublicKeyMaterial=public)
        self.assertEqual(self.ec2.describe_key_pairs()["KeyPairs"][0]["KeyFingerprint"], made["KeyFingerprint"])
        message = self.refused("InvalidKey.Format", self.ec2.import_key_pair, KeyName="x", PublicKeyMaterial=b"no key")
        self.assertEqual(message, "Key is not in valid OpenSSH public key format")


if __name__ == "__main__":
    unittest.main()
