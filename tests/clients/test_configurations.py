"""The wizard's four configurations in IPv4 and IPv6: what each vector of theirs comes to, live, explained and replayed.

The company's network of configurations 3 and 4 is attached to the virtual private gateway itself, without IPsec between.
"""
import subprocess
import sys
import unittest
import unittest.mock

from scenario import INTERNET, PASS, PUNT, Scenario
from vpcd import binary

ANY, ANY6 = "0.0.0.0/0", "::/0"
OFFICE, OFFICE6 = "203.0.113.0/24", "2001:db8:beef::/48"
PREFIX = "2001:db8:1234:1a"
WEB, WEB_EIP, NAT_EIP = "10.0.0.5", "198.51.100.1", "198.51.100.9"
# The company's range and hosts in it, and one beyond it that is reached through it.
CORP, CORP_HOST, CORP_HOST6, FAR = "172.16.0.0/12", "172.16.1.1", "2001:db8:c0::1", "198.18.0.9"

# Recommended ACLs, of TCP where not all: of the one subnet of configuration 1 (NACL-111), ...
SINGLE_ACL = f"""
in  100 80          {ANY}
in  110 443         {ANY}
in  120 22          {OFFICE}
in  130 3389        {OFFICE}
in  140 32768-65535 {ANY}
in  150 80          {ANY6}
in  160 443         {ANY6}
in  170 22          {OFFICE6}
in  180 3389        {OFFICE6}
in  190 32768-65535 {ANY6}
out 100 80          {ANY}
out 110 443         {ANY}
out 120 32768-65535 {ANY}
out 130 80          {ANY6}
out 140 443         {ANY6}
out 150 32768-65535 {ANY6}
"""
# ... of configuration 2's public subnet (NACL-112, NACL-114), ...
PUBLIC_ACL = f"""
in  100 80          {ANY}
in  110 443         {ANY}
in  120 22          {OFFICE}
in  130 3389        {OFFICE}
in  140 1024-65535  {ANY}
in  150 80          {ANY6}
in  160 443         {ANY6}
in  170 22          {OFFICE6}
in  180 3389        {OFFICE6}
in  190 1024-65535  {ANY6}
out 100 80          {ANY}
out 110 443         {ANY}
out 120 1433        10.0.1.0/24
out 140 32768-65535 {ANY}
out 150 22          10.0.1.0/24
out 160 80          {ANY6}
out 170 443         {ANY6}
out 180 1433        {PREFIX}01::/64
out 200 32768-65535 {ANY6}
out 210 22          {PREFIX}01::/64
"""
# ... and of its private one (NACL-113, NACL-115).
PRIVATE_ACL = f"""
in  100 1433        10.0.0.0/24
in  120 22          10.0.0.0/24
in  130 3389        10.0.0.0/24
in  140 1024-65535  {ANY}
in  150 1433        {PREFIX}00::/64
in  170 22          {PREFIX}00::/64
in  180 3389        {PREFIX}00::/64
in  190 1024-65535  {ANY6}
out 100 80          {ANY}
out 110 443         {ANY}
out 120 32768-65535 10.0.0.0/24
out 130 80          {ANY6}
out 140 443         {ANY6}
out 150 32768-65535 {PREFIX}00::/64
"""

# Configuration 3, public (NACL-116, NACL-118) and VPN-only (NACL-117, NACL-118): 172.16.0.0/12 is the company's own range.
PUBLIC_BESIDE_VPN_ACL = f"""
in  100 80          {ANY}
in  110 443         {ANY}
in  120 22          {OFFICE}
in  130 3389        {OFFICE}
in  140 32768-65535 {ANY}
in  150 80          {ANY6}
in  160 443         {ANY6}
in  170 22          {OFFICE6}
in  180 3389        {OFFICE6}
in  190 1024-65535  {ANY6}
out 100 80          {ANY}
out 110 443         {ANY}
out 120 1433        10.0.1.0/24
out 140 32768-65535 {ANY}
out 150 80          {ANY6}
out 160 443         {ANY6}
out 170 1433        {PREFIX}01::/64
out 190 32768-65535 {ANY6}
"""
VPN_ONLY_ACL = f"""
in  100 1433        10.0.0.0/24
in  120 22          172.16.0.0/12
in  130 3389        172.16.0.0/12
in  140 32768-65535 172.16.0.0/12
in  150 1433        {PREFIX}00::/64
out 100 all         172.16.0.0/12
out 110 32768-65535 10.0.0.0/24
out 120 32768-65535 172.16.0.0/12
out 130 32768-65535 {PREFIX}00::/64
"""
# Configuration 4 (NACL-119, NACL-120): nothing of IPv6.
VPN_ALONE_ACL = """
in  100 22          172.16.0.0/12
in  110 3389        172.16.0.0/12
in  120 32768-65535 172.16.0.0/12
out 100 all         172.16.0.0/12
out 120 32768-65535 172.16.0.0/12
"""


class Configuration(Scenario):
    def network(self):
        """A VPC with both families, and its public subnet, made as the wizard would."""
        self.vpc = self.call("create-vpc --cidr-block 10.0.0.0/16 --amazon-provided-ipv6-cidr-block", "Vpc.VpcId")
        self.call(f"modify-vpc-attribute --vpc-id {self.vpc} --enable-dns-hostnames")
        self.pub = self.subnet(0)
        self.main = self.main_table(self.vpc)

    def subnet(self, n):
        return self.call(f"create-subnet --vpc-id {self.vpc} --cidr-block 10.0.{n}.0/24 --ipv6-cidr-block {PREFIX}{n:02x}::/64",
                         "Subnet.SubnetId")

    def public(self):
        """The internet gateway, and the table of the public subnet."""
        self.igw = self.call("create-internet-gateway", "InternetGateway.InternetGatewayId")
        self.call(f"attach-internet-gateway --vpc-id {self.vpc} --internet-gateway-id {self.igw}")
        self.custom = self.call(f"create-route-table --vpc-id {self.vpc}", "RouteTable.RouteTableId")
        self.call(f"create-route --route-table-id {self.custom} --destination-cidr-block {ANY} --gateway-id {self.igw}")
        self.call(f"create-route --route-table-id {self.custom} --destination-ipv6-cidr-block {ANY6} --gateway-id {self.igw}")
        self.call(f"associate-route-table --subnet-id {self.pub} --route-table-id {self.custom}")

    def acl(self, subnet, rules):
        """An ACL of a subnet, from lines of a direction, a number, ports and a block."""
        acl = self.ec2.create_network_acl(VpcId=self.vpc)["NetworkAcl"]["NetworkAclId"]
        for line in rules.strip().splitlines():
            way, number, ports, block = line.split()
            low, _, high = ports.partition("-")
            what = {"Protocol": "-1"} if ports == "all" else {"Protocol": "6", "PortRange": {"From": int(low), "To": int(high or low)}}
            self.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=int(number), Egress=way == "out", RuleAction="allow",
                                              **what, **{"Ipv6CidrBlock" if ":" in block else "CidrBlock": block})
        old = self.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["NetworkAcls"][0]
        association = next(a["NetworkAclAssociationId"] for a in old["Associations"] if a["SubnetId"] == subnet)
        self.ec2.replace_network_acl_association(AssociationId=association, NetworkAclId=acl)

    def web_group(self, six=True):
        """WebServerSG's inbound rules."""
        self.web = self.group("WebServerSG", self.vpc)
        self.allow("in", self.web, (80, 443), ANY)
        self.allow("in", self.web, (22, 3389), OFFICE)
        if six:
            self.web_group_six()

    def web_group_six(self):
        self.allow("in", self.web, (80, 443), ANY6)
        self.allow("in", self.web, (22, 3389), OFFICE6)

    def servers(self, db_out6):
        """Web and database server of configurations 2 and 3, and their groups."""
        self.prv = self.subnet(1)
        self.web_group()
        self.db = self.group("DBServerSG", self.vpc)
        self.no_outbound(self.web)
        self.no_outbound(self.db)
        self.allow("out", self.web, (1433, 3306), self.db)
        self.allow("out", self.web, (80, 443), ANY)
        self.allow("out", self.web, (80, 443), ANY6)
        self.allow("in", self.db, (1433, 3306), self.web)
        self.allow("out", self.db, (80, 443), ANY)
        if db_out6:
            self.allow("out", self.db, (80, 443), ANY6)
        self.launch("web", self.pub, self.web, WEB, f"{PREFIX}00::1a")
        self.elastic("web", WEB_EIP)
        self.launch("db", self.prv, self.db, "10.0.1.5", f"{PREFIX}01::5")


class One(Configuration):
    EIP = "198.51.100.2"

    def setUp(self):
        super().setUp()
        self.network()
        self.public()
        self.web_group(six=False)
        self.launch("web", self.pub, self.web, "10.0.0.6", f"{PREFIX}00::123")
        self.mapped = self.elastic("web", self.EIP)
        self.launch("other", self.pub, self.web, "10.0.0.7")

    # covers: SCN-44
    # covers: SCN-50 SCN-51 SCN-52 SCN-53 SCN-54 SCN-55 SCN-56 SCN-57 SCN-58 SCN-59 SCN-60 SCN-61 SCN-62
    def test_ipv4(self):
        tables = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        self.assertEqual(len(tables), 2)
        self.assertFalse(self.ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["IsDefault"])
        main = next(t for t in tables if t["RouteTableId"] == self.main)
        self.assertEqual({r["GatewayId"] for r in main["Routes"]}, {"local"})
        custom = next(t for t in tables if t["RouteTableId"] == self.custom)
        self.assertEqual([a["SubnetId"] for a in custom["Associations"]], [self.pub])
        self.assertEqual([(r.get("DestinationCidrBlock") or r["DestinationIpv6CidrBlock"], r["GatewayId"]) for r in custom["Routes"]],
                         [("10.0.0.0/16", "local"), (f"{PREFIX}00::/56", "local"), (ANY, self.igw), (ANY6, self.igw)])

        into, out = "{} > 10.0.0.6", "198.51.100.2 > {}"
        self.check(
            ("NET", self.EIP, "tcp 80 443", PASS, into.format("192.0.2.77")),
            ("HOME", self.EIP, "tcp 22 3389", PASS, into.format("203.0.113.10")),
            ("NET", self.EIP, "tcp 22 3389 8080, udp 80, icmp", "sg-in"),
            ("web", "NET", "tcp 443, udp 53", PASS, out.format("192.0.2.77")),
            ("other", "NET", "tcp 443", "igw"),
            ("other", "web", "tcp 80", PASS),
            ("other", "web", "tcp 9999, udp 9999, icmp", "sg-in"),
            ("NET", "10.0.0.6", "tcp 80", "igw"),
            ("web", "10.0.200.1", "tcp 80, udp 80, icmp", "route"),
        )
        self.allow("in", self.web, (None,), self.web, "-1")
        self.check(("other", "web", "tcp 9999, udp 9999, icmp", PASS))

        self.no_outbound(self.web)
        self.check(("web", "NET", "tcp 443", "sg-out"),
                   ("NET", self.EIP, "tcp 80", PASS, into.format("192.0.2.77")))
        # The resolver's traffic is not filtered.
        self.check(("web", "10.0.0.2", "udp 53, tcp 53", PUNT))
        self.allow("out", self.web, (None,), ANY, "-1")

        late = self.subnet(9)
        self.launch("late", late, self.web)
        self.elastic("late", "198.51.100.3")
        address = self.hosts["late"][2][0]
        self.check(("late", "NET", "tcp 443", "route"),
                   ("NET", "198.51.100.3", "tcp 80", "reply@route", into.format("192.0.2.77").replace("10.0.0.6", address)))

        self.ec2.disassociate_address(AssociationId=self.mapped)
        self.check(("NET", self.EIP, "tcp 80", "igw"))
        allocation = self.ec2.describe_addresses(PublicIps=[self.EIP])["Addresses"][0]["AllocationId"]
        self.ec2.associate_address(InstanceId=self.hosts["web"][0], AllocationId=allocation)
        self.check(("NET", self.EIP, "tcp 80", PASS, into.format("192.0.2.77")))

    # covers: SCN-12 SCN-64 SCN-65 SCN-66 SCN-67 SCN-68 SCN-69 SCN-70
    def test_ipv6(self):
        self.check(("NET6", "web6", "tcp 80", "sg-in"))
        self.web_group_six()
        self.check(
            ("NET6", "web6", "tcp 80 443", PASS),
            ("HOME6", "web6", "tcp 22 3389", PASS),
            ("NET6", "web6", "tcp 22 8080, icmp", "sg-in"),
            ("web6", "NET6", "tcp 443", PASS),
        )
        self.ec2.delete_route(RouteTableId=self.custom, DestinationIpv6CidrBlock=ANY6)
        self.check(("NET6", "web6", "tcp 80", "reply@route"),
                   ("NET", self.EIP, "tcp 80", PASS, "192.0.2.77 > 10.0.0.6"))
        self.ec2.create_route(RouteTableId=self.custom, DestinationIpv6CidrBlock=ANY6, GatewayId=self.igw)

        # Without an address of its own there is no IPv6, whatever the routes.
        other, eni, addresses = self.hosts["other"]
        self.assertEqual(addresses, ["10.0.0.7"])
        self.assertNotEqual(self.inside(other, "ping", "-6", "-c", "1", "-W", "1", "2001:db8:cafe::77").returncode, 0)
        self.ec2.assign_ipv6_addresses(NetworkInterfaceId=eni, Ipv6Addresses=[f"{PREFIX}00::7"])
        self.shell(other, f"ip -6 address show dev eth0 | grep -q {PREFIX}00::7 || ip -6 address add {PREFIX}00::7/128 dev eth0 nodad")
        self.hosts["other"] = (other, eni, [*addresses, f"{PREFIX}00::7"])
        self.check(("other6", "NET6", "tcp 443", PASS))

        # Set up for IPv6 alone.
        six = self.group("six", self.vpc)
        self.allow("in", six, (80,), ANY6)
        self.launch("six", self.pub, six, "10.0.0.8", f"{PREFIX}00::8")
        # The server's address is the only thing between the internet and a rule that IPv6 alone has.
        self.check(("NET6", "six6", "tcp 80", PASS), ("NET", "10.0.0.8", "tcp 80", "igw"))
        self.elastic("six", "198.51.100.4")
        self.check(("NET", "198.51.100.4", "tcp 80", "sg-in"))
        self.allow("in", six, (80,), ANY)
        self.check(("NET", "198.51.100.4", "tcp 80", PASS, "192.0.2.77 > 10.0.0.8"))

    def test_recommended_acl(self):
        """The vectors once more: each PASS stays that the recommended ACL admits."""
        self.web_group_six()
        self.acl(self.pub, SINGLE_ACL)
        self.check(
            ("NET", self.EIP, "tcp 80 443", PASS, "192.0.2.77 > 10.0.0.6"),
            ("HOME", self.EIP, "tcp 22 3389", PASS, "203.0.113.10 > 10.0.0.6"),
            ("NET", self.EIP, "tcp 22 3389 8080, udp 80, icmp", "nacl-in"),
            ("web", "NET", "tcp 443", PASS, f"{self.EIP} > 192.0.2.77"),
            ("web", "NET", "udp 53, tcp 25, icmp", "nacl-out"),
            ("other", "NET", "tcp 443", "igw"),
            # In one subnet no ACL is asked.
            ("other", "web", "tcp 80", PASS),
            ("other", "web", "tcp 9999, udp 9999, icmp", "sg-in"),
            ("NET6", "web6", "tcp 80 443", PASS),
            ("HOME6", "web6", "tcp 22 3389", PASS),
            ("NET6", "web6", "tcp 22 8080, icmp", "nacl-in"),
            ("web6", "NET6", "tcp 443", PASS),
        )


class Two(Configuration):
    def setUp(self):
        super().setUp()
        self.network()
        self.public()
        self.servers(db_out6=True)

    def nat_gateway(self):
        allocation = self.call(f"allocate-address --domain vpc --address {NAT_EIP}", "AllocationId")
        self.nat = self.call(f"create-nat-gateway --subnet-id {self.pub} --allocation-id {allocation}", "NatGateway.NatGatewayId")
        self.call(f"wait nat-gateway-available --nat-gateway-ids {self.nat}")
        self.call(f"create-route --route-table-id {self.main} --destination-cidr-block {ANY} --nat-gateway-id {self.nat}")
        eigw = self.call(f"create-egress-only-internet-gateway --vpc-id {self.vpc}",
                         "EgressOnlyInternetGateway.EgressOnlyInternetGatewayId")
        self.call(f"create-route --route-table-id {self.main} --destination-ipv6-cidr-block {ANY6} --egress-only-internet-gateway-id {eigw}")

    # covers: SCN-11 SCN-80 SCN-82 SCN-83 SCN-84 SCN-85 SCN-87 SCN-88 SCN-90 SCN-91
    # covers: SCN-95 SCN-96 SCN-97 SCN-98 SCN-99 SCN-101 SCN-102 SCN-103 SCN-104 SCN-105 SCN-106 SCN-107
    def test_nat_gateway(self):
        self.nat_gateway()
        outsider = self.group("other", self.vpc)
        self.launch("other", self.pub, outsider, "10.0.0.20")
        self.launch("web2", self.prv, self.web, "10.0.1.20")
        out = f"{NAT_EIP} > 192.0.2.77"
        self.check(
            ("NET", WEB_EIP, "tcp 80 443", PASS, f"192.0.2.77 > {WEB}"),
            ("HOME", WEB_EIP, "tcp 22 3389", PASS, f"203.0.113.10 > {WEB}"),
            ("NET", WEB_EIP, "tcp 22 3389 3306", "sg-in"),
            ("web", "db", "tcp 1433 3306", PASS),
            ("web", "db", "tcp 22 5432, icmp", "sg-out"),
            ("web", "db", "tcp 80", "sg-in"),
            ("db", "web", "tcp 80", PASS),
            ("db", "web", "tcp 3306", "sg-out"),
            ("other", "db", "tcp 3306", "sg-in"),
            ("web2", "db", "tcp 3306", PASS),
            ("db", "NET", "tcp 443", PASS, out),
            ("db", "NET", "tcp 25, icmp", "sg-out"),
            ("NET", NAT_EIP, "tcp 80 443, icmp", "natgw"),
            ("NET", "10.0.1.5", "tcp 3306", "igw"),
            # IPv6
            ("NET6", "web6", "tcp 80 443", PASS),
            ("HOME6", "web6", "tcp 22 3389", PASS),
            ("web6", "NET6", "tcp 25", "sg-out"),
            ("db6", "NET6", "tcp 22", "sg-out"),
            ("db6", "NET6", "tcp 80 443", PASS),
            ("NET6", "db6", "tcp 443", "eigw"),
            ("web6", "db6", "tcp 3306", PASS),
        )
        self.stranger_at_a_port_in_use()
        self.replaced_database()
        self.bastion()
        self.third_subnet(out)
        self.public_database()

        # The egress-only gateway asks no group.
        self.allow("in", self.db, (443,), ANY6)
        self.check(("NET6", "db6", "tcp 443", "eigw"))

        self.ec2.delete_nat_gateway(NatGatewayId=self.nat)
        self.check(("db", "NET", "tcp 443", "route"),
                   ("web", "NET", "tcp 443", PASS, f"{WEB_EIP} > 192.0.2.77"))
        routes = self.ec2.describe_route_tables(RouteTableIds=[self.main])["RouteTables"][0]["Routes"]
        self.assertEqual([r["State"] for r in routes if r.get("DestinationCidrBlock") == ANY], ["blackhole"])

    def stranger_at_a_port_in_use(self):
        self.tell("internet", do="arrived")
        hold = "import socket, time; s = socket.create_connection(('192.0.2.77', 443)); print(flush=True); time.sleep(60)"
        held = subprocess.Popen([binary(), "exec", self.hosts["db"][0], "--", sys.executable, "-c", hold], stdout=subprocess.PIPE)
        self.addCleanup(lambda: (held.kill(), held.wait(), held.stdout.close()))
        held.stdout.readline()
        (_, src, port, _, _), = self.tell("internet", do="arrived")
        self.assertEqual(src, NAT_EIP)
        self.check(("HOME", NAT_EIP, f"tcp {port}", "natgw"))

    def replaced_database(self):
        self.launch("db2", self.prv, self.db, "10.0.1.6")
        self.check(("web2", "db2", "tcp 3306", PASS), ("db", "db2", "tcp 1433", "sg-out"))
        self.allow("out", self.db, (None,), self.db, "-1")
        self.check(("db", "db2", "tcp 1433", "sg-in"))
        self.allow("in", self.db, (None,), self.db, "-1")
        self.check(("db", "db2", "tcp 1433", PASS))

    def bastion(self):
        group = self.group("Bastion", self.vpc)
        self.no_outbound(group)
        self.launch("bastion", self.pub, group, "10.0.0.30")
        self.check(("bastion", "db", "tcp 22", "sg-out"), ("web", "db", "tcp 22", "sg-out"))
        self.allow("out", group, (22,), self.db)
        self.check(("bastion", "db", "tcp 22", "sg-in"))
        self.allow("in", self.db, (22,), group)
        self.check(("bastion", "db", "tcp 22", PASS), ("web", "db", "tcp 22", "sg-out"))

    def third_subnet(self, out):
        third = self.subnet(2)
        self.launch("third", third, self.db, "10.0.2.5")
        self.check(("third", "NET", "tcp 443", PASS, out), ("NET", "10.0.2.5", "tcp 443", "igw"))
        self.ec2.associate_route_table(SubnetId=third, RouteTableId=self.custom)
        self.check(("third", "NET", "tcp 443", "igw"))

    def public_database(self):
        """An Elastic IP does not make a private subnet's host public."""
        self.elastic("db", "198.51.100.3")
        self.check(("NET", "198.51.100.3", "tcp 3306", "sg-in"))
        self.allow("in", self.db, (3306,), ANY)
        self.check(("NET", "198.51.100.3", "tcp 3306", f"astray {NAT_EIP}", "192.0.2.77 > 10.0.1.5"))

    # covers: SCN-47 SCN-120 SCN-121 SCN-122 SCN-123 SCN-124
    def test_nat_instance(self):
        masquerade = "#!/bin/sh\nsysctl -w net.ipv4.ip_forward=1\nnft 'add table ip own; " \
            "add chain ip own post { type nat hook postrouting priority 100; }; add rule ip own post masquerade'\n"
        nat = self.launch("nat", self.pub, None, "10.0.0.9", UserData=masquerade)
        self.assertEqual([g["GroupName"] for g in self.describe(nat)["SecurityGroups"]], ["default"])
        self.shell(nat, "until nft list table ip own | grep -q masquerade; do sleep 0.1; done")
        self.elastic("nat", NAT_EIP)
        self.call(f"create-route --route-table-id {self.main} --destination-cidr-block {ANY} --instance-id {nat}")
        out = ("db", "NET", "tcp 443 80", "PASS via nat", f"{NAT_EIP} > 192.0.2.77")
        self.check(("db", "NET", "tcp 443", "src-dst"))
        self.call(f"modify-instance-attribute --instance-id {nat} --no-source-dest-check")
        self.check(("db", "NET", "tcp 443", "sg-in"))
        group = self.group("NATSG", self.vpc)
        self.no_outbound(group)
        self.allow("in", group, (80, 443), "10.0.1.0/24")
        self.allow("in", group, (22,), OFFICE)
        self.allow("out", group, (80, 443), ANY)
        self.call(f"modify-instance-attribute --instance-id {nat} --groups {group}")
        self.check(out, ("HOME", NAT_EIP, "tcp 22", PASS, "203.0.113.10 > 10.0.0.9"), ("NET", NAT_EIP, "tcp 22", "sg-in"))

        # The groups of both decide: db's, then NATSG inbound, then NATSG outbound.
        self.check(("db", "NET", "tcp 25", "sg-out"))
        self.allow("out", self.db, (None,), ANY, "-1")
        self.check(("db", "NET", "tcp 25", "sg-in"))
        self.allow("in", group, (25,), "10.0.1.0/24")
        self.check(("nat", "NET", "tcp 25", "sg-out"))
        self.allow("out", group, (25,), ANY)
        self.check(("db", "NET", "tcp 25", *out[3:]))

    def test_recommended_acls(self):
        """The vectors of this configuration once more: each PASS stays that the recommended ACLs admit."""
        self.nat_gateway()
        outsider = self.group("other", self.vpc)
        self.launch("other", self.pub, outsider, "10.0.0.20")
        self.launch("web2", self.prv, self.web, "10.0.1.20")
        self.acl(self.pub, PUBLIC_ACL)
        self.acl(self.prv, PRIVATE_ACL)
        self.check(
            ("NET", WEB_EIP, "tcp 80 443", PASS, f"192.0.2.77 > {WEB}"),
            ("HOME", WEB_EIP, "tcp 22 3389", PASS, f"203.0.113.10 > {WEB}"),
            ("NET", WEB_EIP, "tcp 22", "nacl-in"),
            # Ports of answers to the NAT gateway: the group must refuse them.
            ("NET", WEB_EIP, "tcp 3389 3306", "sg-in"),
            ("web", "db", "tcp 1433", PASS),
            ("web", "db", "tcp 3306", "nacl-out"),
            ("web", "db", "tcp 22 5432, icmp", "sg-out"),
            ("web", "db", "tcp 80", "nacl-in"),
            ("db", "web", "tcp 80", PASS),
            ("db", "web", "tcp 3306", "sg-out"),
            ("other", "db", "tcp 3306", "nacl-out"),
            # In one subnet no ACL is asked.
            ("web2", "db", "tcp 3306", PASS),
            ("db", "NET", "tcp 443", PASS, f"{NAT_EIP} > 192.0.2.77"),
            ("db", "NET", "tcp 25, icmp", "sg-out"),
            ("NET", NAT_EIP, "tcp 80 443", "natgw"),
            ("NET", NAT_EIP, "icmp", "nacl-in"),
            ("NET", "10.0.1.5", "tcp 3306", "igw"),
            ("NET6", "web6", "tcp 80 443", PASS),
            ("HOME6", "web6", "tcp 22 3389", PASS),
            ("web6", "NET6", "tcp 25", "sg-out"),
            ("db6", "NET6", "tcp 22", "sg-out"),
            ("db6", "NET6", "tcp 80 443", PASS),
            # The ACL speaks before the gateway knows the flow.
            ("NET6", "db6", "tcp 443", "nacl-in"),
            ("NET6", "db6", "tcp 8080", "eigw"),
            ("web6", "db6", "tcp 1433", PASS),
            ("web6", "db6", "tcp 3306", "nacl-out"),
        )


class Three(Configuration):
    # covers: SCN-136 SCN-146 SCN-147 SCN-149
    def test_without_vpn(self):
        self.network()
        self.public()
        self.servers(db_out6=False)
        self.check(
            ("web", "db", "tcp 1433 3306", PASS),
            ("NET", WEB_EIP, "tcp 80 443", PASS, f"192.0.2.77 > {WEB}"),
            ("HOME", WEB_EIP, "tcp 22 3389", PASS, f"203.0.113.10 > {WEB}"),
            ("web", "NET", "tcp 80 443", PASS, f"{WEB_EIP} > 192.0.2.77"),
            ("db6", "web6", "tcp 80", "sg-out"),
            ("web6", "db6", "tcp 3306", PASS),
            ("NET6", "web6", "tcp 80 443", PASS),
            ("web6", "NET6", "tcp 80 443", PASS),
        )
        self.allow("out", self.db, (443,), ANY6)
        self.check(("db6", "NET6", "tcp 443", "route"))

        # Once more under the recommended ACLs: each PASS stays that they admit.
        self.acl(self.pub, PUBLIC_BESIDE_VPN_ACL)
        self.acl(self.prv, VPN_ONLY_ACL)
        self.check(
            ("web", "db", "tcp 1433", PASS),
            ("web", "db", "tcp 3306", "nacl-out"),
            ("NET", WEB_EIP, "tcp 80 443", PASS, f"192.0.2.77 > {WEB}"),
            ("HOME", WEB_EIP, "tcp 22 3389", PASS, f"203.0.113.10 > {WEB}"),
            ("web", "NET", "tcp 80 443", PASS, f"{WEB_EIP} > 192.0.2.77"),
            ("db6", "web6", "tcp 80", "sg-out"),
            ("web6", "db6", "tcp 1433", PASS),
            ("web6", "db6", "tcp 3306", "nacl-out"),
            ("NET6", "web6", "tcp 80 443", PASS),
            ("web6", "NET6", "tcp 80 443", PASS),
            ("db6", "NET6", "tcp 443", "nacl-out"),
        )


    def gateway(self):
        """A virtual private gateway, attached, and the main table's way to it."""
        self.vgw = self.ec2.create_vpn_gateway(Type="ipsec.1", TagSpecifications=self.tagged("vpn-gateway", Name="CORP"))["VpnGateway"]["VpnGatewayId"]
        self.call(f"attach-vpn-gateway --vpn-gateway-id {self.vgw} --vpc-id {self.vpc}")
        self.call(f"create-route --route-table-id {self.main} --destination-cidr-block {ANY} --gateway-id {self.vgw}")

    # covers: SCN-130 SCN-131 SCN-132 SCN-134 SCN-137 SCN-138 SCN-139 SCN-140 SCN-141 SCN-148
    def test_with_vpn(self):
        self.network()
        self.public()
        self.servers(db_out6=False)
        self.gateway()
        self.allow("in", self.db, (22, 3389), CORP)
        self.check(("db", CORP_HOST, "tcp 80", "vgw"))
        self.connect("CORP", self.vgw, CORP_HOST, FAR, CORP_HOST6)
        self.check(
            ("CORP", "10.0.1.5", "tcp 22 3389", PASS),
            ("CORP", "10.0.1.5", "tcp 3306 80", "sg-in"),
            ("db", "CORP", "tcp 80 443", PASS),
            ("db", "CORP", "tcp 22", "sg-out"),
            # What is bound for the internet leaves by the gateway alone.
            ("db", FAR, "tcp 443", PASS),
            ("web", "NET", "tcp 443", PASS, f"{WEB_EIP} > 192.0.2.77"),
            ("HOME", WEB_EIP, "tcp 22", PASS, f"203.0.113.10 > {WEB}"),
            ("CORP", WEB, "tcp 80", f"astray {WEB_EIP} by internet"),
            ("CORP", WEB_EIP, "tcp 80", "vgw"),
            ("CORP6", "db6", "tcp 22", "vgw"),
        )
        # An Elastic IP does not bring the answer back: it goes to the gateway.
        self.elastic("db", "198.51.100.3")
        self.allow("in", self.db, (3306,), ANY)
        self.check(
            ("NET", "198.51.100.3", "tcp 3306", "astray 10.0.1.5 by CORP", "192.0.2.77 > 10.0.1.5"),
            ("NET", "10.0.1.5", "tcp 3306", "igw"),
        )

        self.call(f"create-route --route-table-id {self.custom} --destination-cidr-block {CORP} --gateway-id {self.vgw}")
        self.allow("in", self.web, (22,), CORP)
        self.check(("CORP", WEB, "tcp 80 22", PASS))
        self.refused("InvalidParameterValue", self.ec2.create_route, RouteTableId=self.main, DestinationIpv6CidrBlock=ANY6, GatewayId=self.vgw)

        self.disconnect("CORP")
        self.check(("db", CORP_HOST, "tcp 80", "vgw"), ("web", "NET", "tcp 443", PASS, f"{WEB_EIP} > 192.0.2.77"))

    # covers: SCN-143 SCN-144 SCN-145
    def test_beside_a_nat_gateway(self):
        self.network()
        self.public()
        self.servers(db_out6=False)
        self.gateway()
        self.call(f"delete-route --route-table-id {self.main} --destination-cidr-block {ANY}")
        self.call(f"create-route --route-table-id {self.main} --destination-cidr-block {CORP} --gateway-id {self.vgw}")
        allocation = self.ec2.allocate_address(Domain="vpc", Address=NAT_EIP)["AllocationId"]
        nat = self.ec2.create_nat_gateway(SubnetId=self.pub, AllocationId=allocation)["NatGateway"]["NatGatewayId"]
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
        private = self.ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["NatGatewayAddresses"][0]["PrivateIp"]
        self.call(f"create-route --route-table-id {self.main} --destination-cidr-block {ANY} --nat-gateway-id {nat}")
        self.connect("CORP", self.vgw, CORP_HOST, "172.16.0.10", "172.31.255.254")
        # The first address beyond the company's range is the internet's.
        beyond = "172.32.0.1"
        self.enterContext(unittest.mock.patch.dict(INTERNET, BEYOND=beyond))
        self.assertEqual(self.inside("internet", "ip", "addr", "add", f"{beyond}/32", "dev", "eth0").returncode, 0)
        self.check(
            ("db", "BEYOND", "tcp 443", PASS, f"{NAT_EIP} > {beyond}"),
            ("db", "172.16.0.10", "tcp 443", PASS),
            ("db", "172.31.255.254", "tcp 443", PASS),
            ("db", "NET", "tcp 443", PASS, f"{NAT_EIP} > 192.0.2.77"),
            ("CORP", NAT_EIP, "tcp 443", "vgw"),
            ("CORP", private, "tcp 443", "natgw"),
            ("CORP", "192.0.2.77", "tcp 443", "vgw"),
        )


class Four(Configuration):
    # covers: SCN-170 SCN-171 SCN-175 SCN-176 SCN-180
    def test_with_vpn(self):
        self.network()
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "group-name", "Values": ["default"]}])
        default = groups["SecurityGroups"][0]["GroupId"]
        Three.gateway(self)
        self.launch("a", self.pub, default, "10.0.0.5", f"{PREFIX}00::1a")
        self.launch("b", self.pub, default, "10.0.0.6", f"{PREFIX}00::1b")
        self.connect("CORP", self.vgw, CORP_HOST, "192.0.2.200", CORP_HOST6)
        self.check(("CORP", "10.0.0.5", "tcp 22 3389 80, icmp", "sg-in"))
        self.allow("in", default, (22, 3389), CORP)
        self.check(
            ("CORP", "10.0.0.5", "tcp 22 3389", PASS),
            ("CORP", "10.0.0.5", "tcp 80, icmp", "sg-in"),
            ("a", "CORP", "tcp 22 80 8080, udp 53 9999, icmp", PASS),
            # There is no other way out.
            ("a", "192.0.2.200", "tcp 443", PASS),
            ("a6", "b6", "tcp 22, icmp", PASS),
            ("a6", "NET6", "tcp 443", "route"),
            ("CORP6", "a6", "tcp 22", "vgw"),
        )
        # The recommended ACL admits the company alone (NACL-119).
        self.acl(self.pub, VPN_ALONE_ACL)
        self.check(
            ("CORP", "10.0.0.5", "tcp 22 3389", PASS),
            ("CORP", "10.0.0.5", "tcp 80", "nacl-in"),
            ("a", "CORP", "tcp 443", PASS),
            ("a", "192.0.2.200", "tcp 443", "nacl-out"),
        )

    # covers: SCN-178 RT-46 RT-85
    def test_with_propagated_routes(self):
        self.network()
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "group-name", "Values": ["default"]}])
        Three.gateway(self)
        self.call(f"delete-route --route-table-id {self.main} --destination-cidr-block {ANY}")
        device = self.call("create-customer-gateway --type ipsec.1 --ip-address 203.0.113.10 --bgp-asn 65000", "CustomerGateway.CustomerGatewayId")
        vpn = self.call(f"create-vpn-connection --type ipsec.1 --customer-gateway-id {device} --vpn-gateway-id {self.vgw} --options StaticRoutesOnly=true",
                        "VpnConnection.VpnConnectionId")
        self.ec2.get_waiter("vpn_connection_available").wait(VpnConnectionIds=[vpn])
        self.call(f"create-vpn-connection-route --vpn-connection-id {vpn} --destination-cidr-block {CORP}")
        self.call(f"enable-vgw-route-propagation --route-table-id {self.main} --gateway-id {self.vgw}")
        self.launch("a", self.pub, groups["SecurityGroups"][0]["GroupId"], "10.0.0.5")
        status = lambda: self.call(f"describe-vpn-connections --vpn-connection-ids {vpn}", "VpnConnections[].VgwTelemetry[].Status")
        self.assertEqual(status(), ["DOWN", "DOWN"])
        self.check(("a", CORP_HOST, "tcp 443", "vgw"))
        self.connect("CORP", self.vgw, CORP_HOST)
        self.assertEqual(status(), ["UP", "UP"])
        self.check(("a", "CORP", "tcp 443", PASS), ("a", "NET", "tcp 443", "route"))
        # A static route to the same hides it at once, and its removal shows it again.
        eni = self.hosts["a"][1]
        self.call(f"create-route --route-table-id {self.main} --destination-cidr-block {CORP} --network-interface-id {eni}")
        routes = self.call(f"describe-route-tables --route-table-ids {self.main}", f"RouteTables[].Routes[?DestinationCidrBlock=='{CORP}'].Origin[]")
        self.assertEqual(sorted(routes), ["CreateRoute", "EnableVgwRoutePropagation"])
        self.check(("a", CORP_HOST, "tcp 443", "route"))
        self.call(f"delete-route --route-table-id {self.main} --destination-cidr-block {CORP}")
        self.check(("a", "CORP", "tcp 443", PASS))
        self.call(f"disable-vgw-route-propagation --route-table-id {self.main} --gateway-id {self.vgw}")
        self.check(("a", CORP_HOST, "tcp 443", "route"), ("a", "NET", "tcp 443", "route"))

    # covers: SCN-173 SCN-174 SCN-177
    def test_without_vpn(self):
        self.network()
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "group-name", "Values": ["default"]}])
        default = groups["SecurityGroups"][0]["GroupId"]
        names = ("a", "b", "c")
        for n, name in enumerate(names):
            self.launch(name, self.pub, default, f"10.0.0.{5 + n}", f"{PREFIX}00::{26 + n:x}")
        everything = "tcp 22 8080, udp 9999, icmp"
        self.check(*((a + six, b + six, everything, PASS) for a in names for b in names if a != b for six in ("", "6")))
        group = self.group("custom", self.vpc)
        self.launch("d", self.pub, group, "10.0.0.8")
        self.launch("e", self.pub, group, "10.0.0.9")
        self.check(*((x, y, everything, "sg-in") for x, y in (("d", "a"), ("a", "d"), ("d", "e"), ("e", "d"))),
                   ("a6", "NET6", "tcp 443", "route"))

        # Once more under the recommended ACL, which nothing between neighbours meets.
        self.acl(self.pub, VPN_ALONE_ACL)
        self.check(*((a, b, "tcp 22, udp 9999, icmp", PASS) for a, b in (("a", "b"), ("b", "c"), ("a6", "b6"), ("b6", "c6"))),
                   ("d", "a", "tcp 22", "sg-in"), ("a6", "NET6", "tcp 443", "nacl-out"))
        allocation = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.refused("Gateway.NotAttached", self.ec2.associate_address, InstanceId=self.hosts["a"][0], AllocationId=allocation)


if __name__ == "__main__":
    unittest.main()
