"""The guide's IPv4 walkthrough and its configuration with a NAT gateway, over the API, and packets that obey each call at once."""
import unittest

from vpcd import LiveCase

NET, HOME, NET6 = "192.0.2.77", "203.0.113.10", "2001:db8:cafe::77"


class Walkthrough(LiveCase):
    def run_instance(self, subnet, group, **more):
        made = self.ec2.run_instances(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, InstanceType="t2.micro",
                                      SubnetId=subnet, SecurityGroupIds=[group], **more)
        return made["Instances"][0]["InstanceId"]

    def describe(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    # covers: SCN-240 SCN-241 SCN-242 SCN-243 SCN-244 SCN-245 SCN-246 SCN-247 SCN-248 SCN-249 SCN-251 SCN-252 SCN-253 SCN-254 SCN-257
    def test_ipv4(self):
        vpc = self.aws("ec2", "create-vpc", "--cidr-block", "10.0.0.0/16")["Vpc"]["VpcId"]
        public, private = (self.aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", net)["Subnet"]["SubnetId"]
                           for net in ("10.0.1.0/24", "10.0.0.0/24"))
        igw = self.aws("ec2", "create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
        self.aws("ec2", "attach-internet-gateway", "--vpc-id", vpc, "--internet-gateway-id", igw)
        table = self.aws("ec2", "create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
        self.aws("ec2", "create-route", "--route-table-id", table, "--destination-cidr-block", "0.0.0.0/0", "--gateway-id", igw)
        shown = self.aws("ec2", "describe-route-tables", "--route-table-id", table)["RouteTables"][0]
        self.assertEqual((shown["Associations"], shown["PropagatingVgws"], shown["Tags"]), ([], [], []))
        self.assertEqual(shown["Routes"], [
            {"GatewayId": "local", "DestinationCidrBlock": "10.0.0.0/16", "State": "active", "Origin": "CreateRouteTable"},
            {"GatewayId": igw, "DestinationCidrBlock": "0.0.0.0/0", "State": "active", "Origin": "CreateRoute"}])
        listed = self.aws("ec2", "describe-subnets", "--filters", f"Name=vpc-id,Values={vpc}",
                          "--query", "Subnets[*].{ID:SubnetId,CIDR:CidrBlock}")
        self.assertEqual(sorted(s["CIDR"] for s in listed), ["10.0.0.0/24", "10.0.1.0/24"])
        self.assertEqual(set(listed[0]), {"ID", "CIDR"})

        ec2 = self.ec2
        self.refused("RouteAlreadyExists", ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0",
                     NetworkInterfaceId=ec2.create_network_interface(SubnetId=private)["NetworkInterface"]["NetworkInterfaceId"])
        key = ec2.create_key_pair(KeyName="MyKeyPair")["KeyMaterial"]
        self.assertIn("PRIVATE KEY", key)
        self.refused("InvalidKeyPair.Duplicate", ec2.create_key_pair, KeyName="MyKeyPair")
        named = dict(GroupName="SSHAccess", Description="Security group for SSH access", VpcId=vpc)
        group = ec2.create_security_group(**named)["GroupId"]
        self.refused("InvalidGroup.Duplicate", ec2.create_security_group, **named)
        ssh = dict(GroupId=group, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
        ec2.authorize_security_group_ingress(**ssh)
        self.refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, **ssh)

        # Before the association: the main table.
        self.listen("internet", 80, 443)
        early = self.run_instance(public, group)
        self.assertNotIn("PublicIpAddress", self.describe(early))
        self.dropped("route", early, NET, 443)
        association = ec2.associate_route_table(SubnetId=public, RouteTableId=table)["AssociationId"]
        self.dropped("igw", early, NET, 443)
        allocation = ec2.allocate_address(Domain="vpc")
        mapped = ec2.associate_address(InstanceId=early, AllocationId=allocation["AllocationId"])["AssociationId"]
        self.passes(early, NET, 443, seen=allocation["PublicIp"])
        ec2.disassociate_address(AssociationId=mapped)
        ec2.release_address(AllocationId=allocation["AllocationId"])
        ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": True})

        web = self.run_instance(public, group, KeyName="MyKeyPair")
        shown = self.describe(web)
        self.assertEqual(shown["State"], {"Code": 16, "Name": "running"})
        self.assertTrue(shown["PrivateIpAddress"].startswith("10.0.1."))
        address = shown["PublicIpAddress"]
        self.listen(web, 22, 80)
        self.passes("internet", address, 22)
        self.dropped("sg-in", "internet", address, 80)
        self.dropped("sg-in", "internet", address)
        self.passes(web, NET, 443, seen=address)
        inner = self.run_instance(private, group)
        self.dropped("route", inner, NET, 443)
        self.passes(inner, shown["PrivateIpAddress"], 22)

        # What is in use stays, in every order but the right one.
        busy = "DependencyViolation"
        self.refused(busy, ec2.delete_security_group, GroupId=group)
        self.refused(busy, ec2.delete_subnet, SubnetId=public)
        self.refused(busy, ec2.detach_internet_gateway, InternetGatewayId=igw, VpcId=vpc)
        self.refused(busy, ec2.delete_internet_gateway, InternetGatewayId=igw)
        self.refused(busy, ec2.delete_vpc, VpcId=vpc)
        self.refused(busy, ec2.delete_route_table, RouteTableId=table)
        # An Elastic IP that left eth0 gave way to an address of its own (EIP-06), so both are mapped.
        ec2.modify_subnet_attribute(SubnetId=public, MapPublicIpOnLaunch={"Value": False})
        late = self.run_instance(public, group)
        ec2.terminate_instances(InstanceIds=[web, early])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[web, early])
        ec2.detach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
        route = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][1]
        self.assertEqual(route["State"], "blackhole")
        self.dropped("route", late, NET, 443)
        ec2.terminate_instances(InstanceIds=[late, inner])
        for eni in ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"]:
            ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])
        ec2.delete_security_group(GroupId=group)
        ec2.delete_subnet(SubnetId=public)
        self.assertEqual(ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Associations"], [])
        self.refused("InvalidAssociationID.NotFound", ec2.disassociate_route_table, AssociationId=association)
        ec2.delete_subnet(SubnetId=private)
        ec2.delete_route_table(RouteTableId=table)
        ec2.delete_internet_gateway(InternetGatewayId=igw)
        ec2.delete_vpc(VpcId=vpc)
        self.refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc])
        for call in (ec2.describe_route_tables, ec2.describe_security_groups, ec2.describe_network_acls):
            left = call(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
            left.pop("ResponseMetadata")
            self.assertEqual(list(left.values()), [[]])

    # covers: SCN-17 SCN-01
    def test_nat_and_groups_at_the_next_packet(self):
        ec2 = self.ec2
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        public, private = (ec2.create_subnet(VpcId=vpc, CidrBlock=n)["Subnet"]["SubnetId"] for n in ("10.0.0.0/24", "10.0.1.0/24"))
        igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=igw)
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=igw)
        ec2.associate_route_table(SubnetId=public, RouteTableId=table)
        address = ec2.allocate_address(Domain="vpc", Address="198.51.100.9")
        nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address["AllocationId"])["NatGateway"]["NatGatewayId"]
        ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
        main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}])
        main = main["RouteTables"][0]["RouteTableId"]
        ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
        group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
        db, other = self.run_instance(private, group), self.run_instance(private, group)
        self.listen("internet", 80)
        self.passes(db, NET, 80, seen="198.51.100.9")
        self.passes(db, NET)
        self.dropped("natgw", "internet", "198.51.100.9", 80)

        # Rules, membership and ACLs act at the next packet; tracked flows live on.
        target = self.describe(db)["PrivateIpAddress"]
        self.listen(db, 5432)
        self.dropped("sg-in", other, target, 5432)
        own = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": group}]}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=own)
        self.passes(other, target, 5432)
        ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=own)
        self.dropped("sg-in", other, target, 5432)
        acl = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [private]}])["NetworkAcls"][0]["NetworkAclId"]
        entry = dict(NetworkAclId=acl, RuleNumber=90, Protocol="6", RuleAction="deny", Egress=True, CidrBlock="0.0.0.0/0",
                     PortRange={"From": 80, "To": 80})
        ec2.create_network_acl_entry(**entry)
        self.dropped("nacl-out", db, NET, 80)
        ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=90, Egress=True)
        self.passes(db, NET, 80)
        ec2.delete_nat_gateway(NatGatewayId=nat)
        self.dropped("route", db, NET, 80)

        # A second VPC with the same addresses is another world.
        twin = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        there = ec2.create_subnet(VpcId=twin, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        open_group = ec2.create_security_group(GroupName="o", Description="o", VpcId=twin)["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=open_group, IpProtocol="-1", CidrIp="0.0.0.0/0")
        stranger = self.run_instance(there, open_group, PrivateIpAddress="10.0.1.77")
        self.assertEqual(self.inside(stranger, "ping", "-c", "1", "-W", "0.6", target).returncode, 1)

        # Stop and start: the private address stays.
        ec2.stop_instances(InstanceIds=[db])
        ec2.get_waiter("instance_stopped").wait(InstanceIds=[db])
        self.assertNotEqual(self.inside(db, "true").returncode, 0)
        ec2.start_instances(InstanceIds=[db])
        self.assertEqual(self.describe(db)["PrivateIpAddress"], target)
        self.assertEqual(self.inside(db, "true").returncode, 0)


if __name__ == "__main__":
    unittest.main()
