"""Middleboxes with a real forwarding kernel in the way, and interfaces that move."""
import sys
import unittest

from network import NET, NET6, V4, Network, eni, six
from vpcd import TALK


class Appliance(Network):
    """BOX and `near` in subnet A, `far` in subnet B, whose way out leads through BOX."""

    def setUp(self):
        super().setUp()
        self.box, self.near = self.launch(self.a), self.launch(self.a)
        self.far = self.launch(self.b)
        self.out = self.table(self.a, GatewayId=self.igw)
        self.around = self.table(self.b, NetworkInterfaceId=eni(self.box))
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni(self.box), SourceDestCheck={"Value": False})
        self.shell(self.box["InstanceId"], """
            echo 1 > /proc/sys/net/ipv4/ip_forward
            echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
            echo 0 > /proc/sys/net/ipv4/conf/all/send_redirects
            echo 0 > /proc/sys/net/ipv4/conf/eth0/send_redirects""")
        self.to_near, self.to_far = self.public(eni(self.near)), self.public(eni(self.far))
        for host in (self.near["InstanceId"], self.far["InstanceId"], "internet"):
            self.listen(host, 80)

    def gateway(self, *routes):
        """A route table of the internet gateway that steers these blocks to BOX; its id and its association's."""
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        for block in routes:
            kind = "DestinationIpv6CidrBlock" if ":" in block else "DestinationCidrBlock"
            self.ec2.create_route(RouteTableId=table, NetworkInterfaceId=eni(self.box), **{kind: block})
        return table, self.ec2.associate_route_table(RouteTableId=table, GatewayId=self.igw)["AssociationId"]

    def forwarded(self):
        """Packets that BOX's kernel has forwarded: IPv4, IPv6."""
        text = self.shell(self.box["InstanceId"], "grep ^Ip: /proc/net/snmp; grep Ip6OutForwDatagrams /proc/net/snmp6")
        names, values, last = text.splitlines()
        return int(dict(zip(names.split(), values.split()))["ForwDatagrams"]), int(last.split()[1])

    def by(self, ways, where, host, port=80, seen=None):
        """Goes through, and so many of the two ways (0, 1, 2) lead through BOX."""
        before = self.forwarded()
        self.passes(where, host, port, seen)
        used = [b - a for a, b in zip(before, self.forwarded())]
        mine = used[":" in host]
        # A connection of three lines has at least five segments each way.
        self.assertEqual((mine >= 5) + (mine >= 10), ways, f"{where} > {host}: {used}")
        self.assertEqual(used[":" not in host], 0)

    # covers: A-03-4 RT-56 RT-60 RT-61 RT-91 RT-95 RT-96 RT-98
    def test_on_the_way_of_a_subnet(self):
        far, near = self.far["InstanceId"], self.near["InstanceId"]
        # Outward by the subnet's table, and straight back.
        self.by(1, far, NET, seen=self.to_far)
        self.by(1, far, NET6, seen=six(self.far))
        _, association = self.gateway("10.0.1.0/24", f"{self.prefix}01::/64")
        self.by(2, "internet", self.to_far, seen="203.0.113.10")
        self.by(2, "internet", six(self.far))
        self.by(2, far, NET, seen=self.to_far)
        self.by(2, far, NET6, seen=six(self.far))
        # Others are not steered: who is in A, and who comes from inside.
        self.by(0, "internet", self.to_near)
        self.by(0, "internet", six(self.near))
        self.by(0, near, self.far["PrivateIpAddress"], seen=self.near["PrivateIpAddress"])
        self.by(0, near, six(self.far))
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni(self.box), SourceDestCheck={"Value": True})
        self.dropped("src-dst", "internet", self.to_far, 80)
        self.dropped("src-dst", "internet", six(self.far), 80)
        self.dropped("src-dst", far, NET, 80)
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni(self.box), SourceDestCheck={"Value": False})
        self.ec2.disassociate_route_table(AssociationId=association)
        self.by(1, "internet", self.to_far)
        self.by(1, "internet", six(self.far))

    # covers: A-03-11 RT-57 RT-59
    def test_on_the_way_of_the_whole_vpc(self):
        self.ec2.associate_vpc_cidr_block(VpcId=self.vpc, CidrBlock="10.2.0.0/16")
        other = self.launch(self.subnet(2, "10.2.0.0/24"))
        self.ec2.associate_route_table(RouteTableId=self.out, SubnetId=other["SubnetId"])
        to_other = self.public(eni(other))
        self.listen(other["InstanceId"], 80)
        table, _ = self.gateway()
        self.by(0, "internet", self.to_near)
        whole = dict(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
        self.ec2.replace_route(**whole, NetworkInterfaceId=eni(self.box))
        self.by(1, "internet", self.to_near)
        self.by(2, "internet", self.to_far)
        self.by(0, "internet", to_other)
        # A subnet that comes later is covered.
        late = self.launch(self.subnet(3))
        self.ec2.associate_route_table(RouteTableId=self.out, SubnetId=late["SubnetId"])
        self.listen(late["InstanceId"], 80)
        to_late = self.public(eni(late))
        self.by(1, "internet", to_late)
        # IPv6 is its own matter.
        self.by(0, "internet", six(late))
        self.ec2.replace_route(RouteTableId=table, DestinationIpv6CidrBlock=self.block6, NetworkInterfaceId=eni(self.box))
        self.by(1, "internet", six(late))
        self.ec2.replace_route(**whole, LocalTarget=True)
        self.by(0, "internet", self.to_near)
        self.by(0, "internet", to_late)
        self.by(1, "internet", six(late))
        self.refused("InvalidParameterValue", self.ec2.replace_route, RouteTableId=self.out, DestinationCidrBlock="10.0.0.0/16",
                     NetworkInterfaceId=eni(self.box))

    # covers: NACL-107
    def test_a_narrow_hop_tells_its_mtu_if_the_acl_lets_it(self):
        box, far = self.box["InstanceId"], self.far["InstanceId"]
        self.shell(box, "ip route add 203.0.113.0/24 via 10.0.0.1 dev eth0 mtu lock 1400")
        acl = self.ec2.create_network_acl(VpcId=self.vpc)["NetworkAcl"]["NetworkAclId"]
        for egress in (False, True):
            for number, protocol in ((100, "6"), (110, "17")):
                self.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=number, Protocol=protocol, RuleAction="allow",
                                                  Egress=egress, CidrBlock=V4, PortRange={"From": 0, "To": 65535})
        ping = dict(NetworkAclId=acl, RuleAction="allow", CidrBlock=V4, Protocol="1")
        self.ec2.create_network_acl_entry(**ping, RuleNumber=120, Egress=True, IcmpTypeCode={"Type": 8, "Code": 0})
        self.ec2.create_network_acl_entry(**ping, RuleNumber=120, Egress=False, IcmpTypeCode={"Type": 0, "Code": 0})
        filters = [{"Name": "association.subnet-id", "Values": [self.b]}]
        found = self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]["Associations"]
        association = next(a["NetworkAclAssociationId"] for a in found if a["SubnetId"] == self.b)
        self.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)
        # Room for segments beyond what the hop carries, so that the transfer hangs on its word.
        self.shell("internet", "ip route add 198.51.100.0/24 dev eth0 advmss 8960")
        self.listen("internet", 81, how="count")
        self.assertIn("0 received", self.inside(far, "ping", "-c", "1", "-W", "0.6", "-M", "do", "-s", "8872", "203.0.113.10").stdout)
        stalled = self.inside(far, "timeout", "3", sys.executable, TALK, "push", "203.0.113.10", "81", "1")
        self.assertEqual(stalled.returncode, 124, "without the message it stalls")
        self.ec2.create_network_acl_entry(**ping, RuleNumber=130, Egress=False, IcmpTypeCode={"Type": 3, "Code": 4})
        said = self.inside(far, "ping", "-c", "1", "-W", "2", "-M", "do", "-s", "8872", "203.0.113.10").stdout
        self.assertIn("mtu = 1400", said)
        done = self.inside(far, sys.executable, TALK, "push", "203.0.113.10", "81", "8", timeout=60)
        self.assertEqual(done.stdout.strip(), "8", done.stderr)
        # 3/1 stays out: nothing tells that there is no way.
        self.shell(box, "ip route add unreachable 203.0.114.0/24")
        self.assertIn("0 received", self.inside(far, "ping", "-c", "1", "-W", "0.6", "203.0.114.10").stdout)
        dropped = [n for (_, stage, _), n in self.drops().items() if stage == "nacl-in"]
        self.assertGreaterEqual(sum(dropped), 2)


class Moves(Network):
    # covers: A-03-1 ENI-04
    def test_packets_follow_an_interface_at_once(self):
        self.table(self.b, GatewayId=self.igw)
        x, y, other = self.launch(self.a), self.launch(self.a), self.launch(self.a)
        made = self.ec2.create_network_interface(SubnetId=self.b, PrivateIpAddress="10.0.1.50", Groups=[self.group])
        moving = made["NetworkInterface"]["NetworkInterfaceId"]
        public = self.public(moving)
        attached = self.attached(x, moving)
        kept = self.described(moving)
        for sender, target in ((other["InstanceId"], "10.0.1.50"), ("internet", public)):
            self.passes(sender, target, 80)
        self.ec2.detach_network_interface(AttachmentId=attached)
        self.dropped("route", other["InstanceId"], "10.0.1.50", 80)
        self.attached(y, moving)
        self.assertEqual(self.described(moving), kept)
        self.assertNotIn("eth1", self.shell(x["InstanceId"], "ip -o link"))
        count = "cat /sys/class/net/eth0/statistics/rx_packets"
        before = self.shell(x["InstanceId"], count)
        for sender, target in ((other["InstanceId"], "10.0.1.50"), ("internet", public)):
            self.passes(sender, target, 80)
        self.assertEqual(self.shell(x["InstanceId"], count), before, "nothing more reaches the old one")
        primary = x["NetworkInterfaces"][0]["Attachment"]["AttachmentId"]
        self.refused("OperationNotPermitted", self.ec2.detach_network_interface, AttachmentId=primary)

    def attached(self, instance, moving):
        """Attached as eth1, answering from there; the attachment."""
        host = instance["InstanceId"]
        attachment = self.ec2.attach_network_interface(NetworkInterfaceId=moving, InstanceId=host, DeviceIndex=1)["AttachmentId"]
        self.shell(host, "ip rule add from 10.0.1.50 table 50; ip route add default via 10.0.1.1 dev eth1 table 50")
        self.listen(host, 80)
        return attachment

    def described(self, moving):
        shown = self.ec2.describe_network_interfaces(NetworkInterfaceIds=[moving])["NetworkInterfaces"][0]
        shown.pop("Attachment")
        return shown



class Uses(Network):
    """What the guide says that more interfaces and addresses are good for."""

    # covers: ENI-09 ENI-07
    def test_a_management_network_and_a_standby(self):
        ec2 = self.ec2
        self.table(self.a, GatewayId=self.igw)
        admin = ec2.create_security_group(GroupName="admin", Description="admin", VpcId=self.vpc)["GroupId"]
        managed = ec2.create_security_group(GroupName="managed", Description="managed", VpcId=self.vpc)["GroupId"]
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": admin}]}
        ec2.authorize_security_group_ingress(GroupId=managed, IpPermissions=[ssh])
        serving = ec2.create_security_group(GroupName="serving", Description="serving", VpcId=self.vpc)["GroupId"]
        ec2.authorize_security_group_ingress(GroupId=serving, IpProtocol="tcp", FromPort=80, ToPort=82, CidrIp=V4)
        one, two = (self.launch(self.a, SecurityGroupIds=[serving]) for _ in range(2))
        office = self.launch(self.b, SecurityGroupIds=[admin])
        stranger, client = self.launch(self.b), self.launch(self.a)
        # A network of its own for those who manage.
        made = ec2.create_network_interface(SubnetId=self.b, PrivateIpAddress="10.0.1.50", Groups=[managed])["NetworkInterface"]
        ec2.attach_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"], InstanceId=one["InstanceId"], DeviceIndex=1)
        self.listen(one["InstanceId"], 22, 81)
        self.passes(office["InstanceId"], "10.0.1.50", 22)
        self.dropped("sg-in", stranger["InstanceId"], "10.0.1.50", 22)
        self.dropped("sg-in", office["InstanceId"], one["PrivateIpAddress"], 22)
        self.dropped("sg-in", office["InstanceId"], "10.0.1.50", 81)
        self.passes(client["InstanceId"], one["PrivateIpAddress"], 81)
        # An address goes to the one that stands by.
        self.listen(two["InstanceId"], 82)
        shared = dict(PrivateIpAddresses=["10.0.0.200"], AllowReassignment=True)
        ec2.assign_private_ip_addresses(NetworkInterfaceId=eni(one), **shared)
        self.passes(client["InstanceId"], "10.0.0.200", 81)
        ec2.assign_private_ip_addresses(NetworkInterfaceId=eni(two), **shared)
        self.passes(client["InstanceId"], "10.0.0.200", 82)
        self.assertIn("refused", self.inside(client["InstanceId"], sys.executable, TALK, "call", "10.0.0.200", "81").stderr)


class Main(Network):
    # covers: A-03-3 RT-23 RT-25 RT-28
    def test_another_main_table(self):
        ec2 = self.ec2
        door = self.subnet(9)
        self.table(door, GatewayId=self.igw)
        address = ec2.allocate_address(Domain="vpc")
        nat = ec2.create_nat_gateway(SubnetId=door, AllocationId=address["AllocationId"])["NatGateway"]["NatGatewayId"]
        ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
        first, second = self.launch(self.a), self.launch(self.b)
        own = {host["InstanceId"]: self.public(eni(host)) for host in (first, second)}
        self.listen("internet", 80)

        def shown(table):
            found = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Associations"]
            return sorted(("main" if each["Main"] else each["SubnetId"]) for each in found)

        def step(old, new, by_new, by_gateway):
            """What describes the tables, and which hosts go by the new table's NAT gateway, which by the old one's internet gateway."""
            self.assertEqual([shown(a), shown(b)], [old, new])
            for host in by_new:
                self.passes(host["InstanceId"], NET, 80, seen=address["PublicIp"])
            for host in by_gateway:
                self.passes(host["InstanceId"], NET, 80, seen=own[host["InstanceId"]])

        filters = [{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "association.main", "Values": ["true"]}]
        main = ec2.describe_route_tables(Filters=filters)["RouteTables"][0]
        a, association = main["RouteTableId"], main["Associations"][0]["RouteTableAssociationId"]
        ec2.create_route(RouteTableId=a, DestinationCidrBlock=V4, GatewayId=self.igw)
        b = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=b, DestinationCidrBlock=V4, NatGatewayId=nat)
        step(["main"], [], [], [first, second])
        explicit = ec2.associate_route_table(RouteTableId=b, SubnetId=self.b)["AssociationId"]
        step(["main"], [self.b], [second], [first])
        ec2.replace_route_table_association(AssociationId=association, RouteTableId=b)
        step([], sorted(["main", self.b]), [first, second], [])
        ec2.disassociate_route_table(AssociationId=explicit)
        step([], ["main"], [first, second], [])
        ec2.delete_route_table(RouteTableId=a)
        self.refused("DependencyViolation", ec2.delete_route_table, RouteTableId=b)


if __name__ == "__main__":
    unittest.main()
