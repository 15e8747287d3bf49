"""The guide's two walkthroughs with the aws command, and a NAT gateway and groups: packets obey each call at once."""
import json
import unittest

import botocore.exceptions

from network import nat_gateway
from scenario import PASS, Scenario
from vpcd import LiveCase

NET, IETF = "192.0.2.77", "2001:1900:3001:11::2c"


class Walkthrough(Scenario):
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
        self.launch("early", public, group)
        early = self.hosts["early"][0]
        self.assertNotIn("PublicIpAddress", self.describe(early))
        self.check(("early", "NET", "tcp 443", "route"))
        association = self.call(f"associate-route-table --subnet-id {public} --route-table-id {table}", "AssociationId")
        self.check(("early", "NET", "tcp 443", "igw"), ("NET", self.hosts["early"][2][0], "tcp 22", "igw"))
        mapped = self.elastic("early", "198.51.100.1")
        self.check(("early", "NET", "tcp 443", PASS, f"198.51.100.1 > {NET}"),
                   ("NET", "198.51.100.1", "tcp 22", PASS, f"{NET} > {self.hosts['early'][2][0]}"))
        ec2.disassociate_address(AssociationId=mapped)
        ec2.release_address(AllocationId=ec2.describe_addresses(PublicIps=["198.51.100.1"])["Addresses"][0]["AllocationId"])
        self.call(f"modify-subnet-attribute --subnet-id {public} --map-public-ip-on-launch")

        web = self.call(f"run-instances --image-id ami-a4827dc9 --count 1 --instance-type t2.micro --key-name MyKeyPair "
                        f"--security-group-ids {group} --subnet-id {public} --tag-specifications ResourceType=instance,Tags=[{{Key=Name,Value=web}}]",
                        "Instances[0].InstanceId")
        self.know("web", web)
        shown = self.call(f"describe-instances --instance-id {web}", "Reservations[0].Instances[0]")
        self.assertEqual(shown["State"], {"Code": 16, "Name": "running"})
        private_address, address = shown["PrivateIpAddress"], shown["PublicIpAddress"]
        self.assertTrue(private_address.startswith("10.0.1."))
        self.launch("inner", private, group)
        inner = self.hosts["inner"][0]
        self.check(
            ("NET", address, "tcp 22", PASS, f"{NET} > {private_address}"),
            ("NET", address, "tcp 80, icmp", "sg-in"),
            ("web", "NET", "tcp 443", PASS, f"{address} > {NET}"),
            ("inner", "NET", "tcp 443", "route"),
            ("inner", "web", "tcp 22", PASS),
        )

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
        late = self.launch("late", public, group)
        ec2.terminate_instances(InstanceIds=[web, early])
        ec2.get_waiter("instance_terminated").wait(InstanceIds=[web, early])
        ec2.detach_internet_gateway(InternetGatewayId=igw, VpcId=vpc)
        route = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"][1]
        self.assertEqual(route["State"], "blackhole")
        self.forget("web")
        self.forget("early")
        self.check(("late", "NET", "tcp 443", "route"))
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

    # covers: SCN-270 SCN-271 SCN-273 SCN-274 SCN-275 SCN-276 SCN-277 SCN-278 SCN-279 SCN-280 SCN-281 SCN-282 SCN-283 SCN-284
    def test_ipv6(self):
        ec2, vpc = self.ec2, self.call("create-vpc --cidr-block 10.0.0.0/16 --amazon-provided-ipv6-cidr-block", "Vpc.VpcId")
        block, = self.call(f"describe-vpcs --vpc-id {vpc}", "Vpcs[0].Ipv6CidrBlockAssociationSet")
        self.assertEqual((block["Ipv6CidrBlock"], block["Ipv6CidrBlockState"]["State"]), ("2001:db8:1234:1a00::/56", "associated"))
        self.assertTrue(block["AssociationId"].startswith("vpc-cidr-assoc-"))
        public, private = (self.call(f"create-subnet --vpc-id {vpc} --cidr-block 10.0.{n}.0/24 --ipv6-cidr-block 2001:db8:1234:1a0{n}::/64",
                                     "Subnet.SubnetId") for n in (0, 1))
        igw = self.call("create-internet-gateway", "InternetGateway.InternetGatewayId")
        self.call(f"attach-internet-gateway --vpc-id {vpc} --internet-gateway-id {igw}")
        table = self.call(f"create-route-table --vpc-id {vpc}", "RouteTable.RouteTableId")
        self.call(f"create-route --route-table-id {table} --destination-ipv6-cidr-block ::/0 --gateway-id {igw}")
        routes = self.call(f"describe-route-tables --route-table-id {table}", "RouteTables[0].Routes")
        self.assertEqual([(r.get("DestinationCidrBlock"), r.get("DestinationIpv6CidrBlock"), r["GatewayId"]) for r in routes],
                         [("10.0.0.0/16", None, "local"), (None, "2001:db8:1234:1a00::/56", "local"), (None, "::/0", igw)])
        listed = self.call(f"describe-subnets --filters Name=vpc-id,Values={vpc}",
                           "Subnets[*].{ID:SubnetId,IPv4CIDR:CidrBlock,IPv6CIDR:Ipv6CidrBlockAssociationSet[*].Ipv6CidrBlock}")
        self.assertEqual(sorted((s["IPv4CIDR"], s["IPv6CIDR"]) for s in listed),
                         [("10.0.0.0/24", ["2001:db8:1234:1a00::/64"]), ("10.0.1.0/24", ["2001:db8:1234:1a01::/64"])])
        self.call(f"associate-route-table --subnet-id {public} --route-table-id {table}")
        made = self.call(f"create-egress-only-internet-gateway --vpc-id {vpc}", "EgressOnlyInternetGateway")
        eigw = made["EgressOnlyInternetGatewayId"]
        self.assertEqual(made["Attachments"], [{"State": "attached", "VpcId": vpc}])
        outward = self.call(f"create-route-table --vpc-id {vpc}", "RouteTable.RouteTableId")
        with self.assertRaises(botocore.exceptions.ClientError) as refusal:
            ec2.create_route(RouteTableId=outward, DestinationCidrBlock="0.0.0.0/0", EgressOnlyInternetGatewayId=eigw)
        self.assertIn(refusal.exception.response["Error"]["Code"], ("InvalidParameterCombination", "InvalidParameterValue"))
        self.call(f"create-route --route-table-id {outward} --destination-ipv6-cidr-block ::/0 --egress-only-internet-gateway-id {eigw}")
        self.call(f"associate-route-table --subnet-id {private} --route-table-id {outward}")
        for subnet in (public, private):
            self.call(f"modify-subnet-attribute --subnet-id {subnet} --assign-ipv6-address-on-creation")

        self.call("create-key-pair --key-name MyKeyPair", "KeyMaterial")
        ssh, inner = (self.aws("ec2", "create-security-group", "--group-name", name, "--description", f"Security group for {what}",
                               "--vpc-id", vpc)["GroupId"]
                      for name, what in (("SSHAccess", "SSH access"), ("SSHAccessRestricted", "SSH access from bastion")))

        def permit(group, protocol, port, source):
            rule = [{"IpProtocol": protocol, "FromPort": port, "ToPort": port, "Ipv6Ranges": [{"CidrIpv6": source}]}]
            self.aws("ec2", "authorize-security-group-ingress", "--group-id", group, "--ip-permissions", json.dumps(rule))

        def run(name, image, group, subnet):
            instance = self.call(f"run-instances --image-id {image} --count 1 --instance-type t2.micro --key-name MyKeyPair "
                                 f"--security-group-ids {group} --subnet-id {subnet} "
                                 f"--tag-specifications ResourceType=instance,Tags=[{{Key=Name,Value={name}}}]", "Instances[0].InstanceId")
            self.know(name, instance)
            shown = self.call(f"describe-instances --instance-id {instance}", "Reservations[0].Instances[0]")
            eni = shown["NetworkInterfaces"][0]
            self.assertEqual(len(eni["Ipv6Addresses"]), 1)
            self.assertTrue(shown["PrivateIpAddress"])
            self.assertNotIn("PublicIpAddress", shown)
            return eni["Ipv6Addresses"][0]["Ipv6Address"]

        permit(ssh, "tcp", 22, "::/0")
        bastion = run("bastion", "ami-0de53d8956e8dcf80", ssh, public)
        self.assertTrue(bastion.startswith("2001:db8:1234:1a00:"))
        permit(inner, "tcp", 22, f"{bastion}/128")
        permit(inner, "58", -1, "::/0")
        stored = self.call(f"describe-security-groups --group-ids {inner}", "SecurityGroups[0].IpPermissions")
        self.assertIn(("icmpv6", -1, -1), [(r["IpProtocol"], r["FromPort"], r["ToPort"]) for r in stored])
        self.assertTrue(run("private", "ami-a4827dc9", inner, private).startswith("2001:db8:1234:1a01:"))
        self.launch("other", public, ssh)
        # ietf.org's host.
        self.shell("internet", f"ip -6 address add {IETF}/128 dev eth0 nodad")
        self.check(
            ("NET6", "bastion6", "tcp 22", PASS),
            ("NET6", "bastion6", "tcp 80, icmp", "sg-in"),
            ("bastion6", "private6", "tcp 22, icmp", PASS),
            ("other6", "private6", "tcp 22", "sg-in"),
            ("private6", "NET6", "icmp", PASS),
            ("NET6", "private6", "icmp", "eigw"),
        )
        said = self.shell(self.hosts["private"][0], f"ping -6 -n -c 3 -i 0.2 -W 2 {IETF}")
        self.assertIn("56 data bytes", said)
        self.assertEqual(said.count(f"64 bytes from {IETF}"), 3)
        self.call(f"replace-route --route-table-id {outward} --destination-ipv6-cidr-block ::/0 --gateway-id {igw}")
        self.check(("NET6", "private6", "icmp", PASS))

        # Over IPv4 there is no way out until the table has one.
        self.elastic("bastion", "198.51.100.1")
        own = self.hosts["bastion"][2][0]
        ec2.authorize_security_group_ingress(GroupId=ssh, IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0")
        self.check(("NET", "198.51.100.1", "tcp 22", "reply@route", f"{NET} > {own}"), ("bastion", "NET", "tcp 443", "route"))
        self.call(f"create-route --route-table-id {table} --destination-cidr-block 0.0.0.0/0 --gateway-id {igw}")
        self.check(("NET", "198.51.100.1", "tcp 22", PASS, f"{NET} > {own}"))

        # The end: in order all goes, out of order nothing does.
        self.call(f"replace-route --route-table-id {outward} --destination-ipv6-cidr-block ::/0 --egress-only-internet-gateway-id {eigw}")
        busy = "DependencyViolation"
        self.refused(busy, ec2.delete_subnet, SubnetId=private)
        self.refused(busy, ec2.delete_security_group, GroupId=inner)
        self.refused(busy, ec2.detach_internet_gateway, InternetGatewayId=igw, VpcId=vpc)
        self.refused(busy, ec2.delete_vpc, VpcId=vpc)
        instances = [self.hosts[name][0] for name in ("bastion", "private", "other")]
        self.call(f"terminate-instances --instance-ids {' '.join(instances)}")
        self.call(f"wait instance-terminated --instance-ids {' '.join(instances)}")
        self.refused(busy, ec2.delete_route_table, RouteTableId=outward)
        for group in (ssh, inner):
            self.call(f"delete-security-group --group-id {group}")
        for subnet in (public, private):
            self.call(f"delete-subnet --subnet-id {subnet}")
        self.call(f"delete-route-table --route-table-id {table}")
        self.call(f"detach-internet-gateway --internet-gateway-id {igw} --vpc-id {vpc}")
        self.call(f"delete-internet-gateway --internet-gateway-id {igw}")
        self.refused(busy, ec2.delete_vpc, VpcId=vpc)
        self.call(f"delete-egress-only-internet-gateway --egress-only-internet-gateway-id {eigw}")
        left = ec2.describe_route_tables(RouteTableIds=[outward])["RouteTables"][0]["Routes"]
        self.assertEqual([r["State"] for r in left if r.get("DestinationIpv6CidrBlock") == "::/0"], ["blackhole"])
        self.call(f"delete-route-table --route-table-id {outward}")
        self.call(f"delete-vpc --vpc-id {vpc}")
        self.refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc])


class Changes(LiveCase):
    def run_instance(self, subnet, group, **more):
        made = self.ec2.run_instances(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, InstanceType="t2.micro",
                                      SubnetId=subnet, SecurityGroupIds=[group], **more)
        return made["Instances"][0]["InstanceId"]

    def describe(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    # covers: SCN-17 SCN-01
    def test_nat_and_groups_at_the_next_packet(self):
        ec2 = self.ec2
        vpc, private, nat = nat_gateway(ec2, Address="198.51.100.9")
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
