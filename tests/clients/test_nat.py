"""NAT gateways, NAT instances and Elastic IPs with real hosts on both sides: `traceroute`, `mtr`, `ping`, and iptables in the guest."""
import json
import re
import subprocess
import sys
import time
import unittest
import urllib.request

from network import NET, NET6, V4, Network, eni
from vpcd import TALK, binary

# A connection that asks once, waits for a line on stdin, and asks again.
ASK_TWICE = """
import socket, sys
with socket.create_connection((sys.argv[1], 80), timeout=2) as c:
    c.sendall(b"one\\n"); c.recv(100)
    print("up", flush=True); sys.stdin.readline()
    try:
        c.sendall(b"two\\n"); print("alive" if c.recv(100) else "closed")
    except OSError:
        print("broken")
"""

# Answers each datagram with what it carries.
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 7))
while True:
    data, peer = s.recvfrom(1 << 16); s.sendto(data, peer)
"""

# Sends a datagram of so many bytes until it comes back, five times at most.
SHOUT = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.6)
data = bytes(range(250)) * (int(sys.argv[2]) // 250)
for _ in range(5):
    s.sendto(data, (sys.argv[1], 7))
    try:
        sys.exit(s.recv(1 << 16) != data)
    except OSError:
        pass
sys.exit("silence")
"""

# Asks a datagram's question; says what comes back.
ASK_ONCE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(15)
s.sendto(b"?", (sys.argv[1], 7)); print(s.recv(100).decode(), flush=True)
"""

# Answers the first datagram at each line on stdin.
ANSWER_LATE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 7)); s.settimeout(15)
print("listening", flush=True)
_, peer = s.recvfrom(100); print("asked", flush=True)
for n, _ in enumerate(sys.stdin):
    s.sendto(b"answer %d" % n, peer); print("answered", n, flush=True)
"""


class Behind(Network):
    """The public subnet A leads to the internet gateway."""

    def setUp(self):
        super().setUp()
        self.table(self.a, GatewayId=self.igw)

    def route(self, subnet, **target):
        """A table of a subnet with an IPv4 default route."""
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=V4, **target)
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return table

    def talk(self, where, program, *words):
        """A Python program in an instance, with pipes to it, until the test ends."""
        running = subprocess.Popen([binary(), "exec", where, "--", sys.executable, "-c", program, *words], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(lambda: (running.kill(), running.wait(), running.stdin.close(), running.stdout.close()))
        return running

    def ttl(self, where, host):
        """TTL of a ping's answer."""
        done = self.inside(where, "ping", "-n", "-c", "1", "-W", "2", host)
        self.assertEqual(done.returncode, 0, done.stdout)
        return int(re.search(r"ttl=(\d+)", done.stdout)[1])

    def silent(self, where, host):
        self.assertIn("0 received", self.inside(where, "ping", "-n", "-c", "1", "-W", "0.6", host).stdout)


class Translated(Behind):
    """Subnet B leads to a NAT gateway in A."""

    def setUp(self):
        super().setUp()
        self.address = self.ec2.allocate_address(Domain="vpc")
        made = self.ec2.create_nat_gateway(SubnetId=self.a, AllocationId=self.address["AllocationId"])["NatGateway"]
        self.nat = made["NatGatewayId"]
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[self.nat])
        shown = self.ec2.describe_nat_gateways(NatGatewayIds=[self.nat])["NatGateways"][0]
        self.inner = shown["NatGatewayAddresses"][0]["PrivateIp"]
        self.behind = self.route(self.b, NatGatewayId=self.nat)

    def metrics(self):
        """What /metrics says of the gateway."""
        with urllib.request.urlopen(self.server.endpoint + "/metrics") as answer:
            text = answer.read().decode()
        found = re.findall(r'^vpcd_nat_gateway_(\w+)\{NatGatewayId="([^"]*)"\} (\d+)$', text, re.M)
        return {name: int(n) for name, gateway, n in found if gateway == self.nat}

    def hops(self, where, host, *options):
        done = self.inside(where, "traceroute", "-n", "-q", "1", "-w", "2", "-m", "4", *options, host)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [line.split()[1] for line in done.stdout.splitlines()[1:]]


class Gateway(Translated):
    # covers: NAT-A7 NAT-29 IGW-25
    def test_the_gateway_is_the_first_hop(self):
        host = self.launch(self.b)
        self.listen("internet", 80)
        for options in ((), ("-I",), ("-T", "-p", "80")):
            self.assertEqual(self.hops(host["InstanceId"], NET, *options), [self.inner, NET], options)
        report = self.inside(host["InstanceId"], "mtr", "-n", "-r", "-c", "2", "-i", "0.3", "-G", "1", NET).stdout
        self.assertEqual(re.findall(r"\|-- (\S+)", report), [self.inner, NET], report)
        # With an address of its own and a narrower route, the gateway is no longer on the way there.
        self.public(eni(host))
        self.ec2.create_route(RouteTableId=self.behind, DestinationCidrBlock="203.0.113.0/24", GatewayId=self.igw)
        self.assertEqual(self.hops(host["InstanceId"], "203.0.113.10"), ["203.0.113.10"])
        self.assertEqual(self.hops(host["InstanceId"], NET), [self.inner, NET])

    # covers: NAT-A5 NAT-40
    def test_the_guides_connectivity_test(self):
        ec2 = self.ec2
        def group(name, *rules):
            made = ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
            ec2.revoke_security_group_egress(GroupId=made, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": V4}]}])
            for way, protocol, port, peer in rules:
                call = ec2.authorize_security_group_ingress if way == "in" else ec2.authorize_security_group_egress
                rule = {"IpProtocol": protocol, "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": peer}]}
                call(GroupId=made, IpPermissions=[rule])
            return made
        bastion = self.launch(self.a, SecurityGroupIds=[group("bastion", ("in", "tcp", 22, "203.0.113.10/32"),
                                                              ("out", "tcp", 22, "10.0.1.0/24"))])
        inner = f'{bastion["PrivateIpAddress"]}/32'
        host = self.launch(self.b, SecurityGroupIds=[group("private", ("in", "tcp", 22, inner), ("out", "icmp", -1, V4))])
        public = self.public(eni(bastion))
        self.shell("internet", "ip addr add 4.31.198.44/32 dev lo")
        for there in (bastion, host):
            self.listen(there["InstanceId"], 22)
        self.passes("internet", public, 22)
        self.passes(bastion["InstanceId"], host["PrivateIpAddress"], 22)
        self.assertEqual(self.ttl(host["InstanceId"], "4.31.198.44"), 63, "one less than what reaches the gateway")
        self.dropped("natgw", "internet", self.address["PublicIp"], 22)
        got = self.metrics()
        self.assertEqual(len(got), 14)
        self.assertEqual((got["PacketsOutToDestination"], got["PacketsOutToSource"]), (1, 1))
        self.assertEqual((got["PacketsInFromDestination"], got["PacketsDropCount"]), (2, 0), "the SYN came, and went no further")
        self.assertEqual((got["BytesInFromSource"], got["BytesOutToSource"]), (84, 84))

    # covers: NAT-17
    def test_a_gateway_in_a_private_subnet_is_available_and_drops(self):
        inside = self.subnet(2)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        self.nat = self.ec2.create_nat_gateway(SubnetId=inside, AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[self.nat])
        behind = self.subnet(3)
        self.route(behind, NatGatewayId=self.nat)
        host = self.launch(behind)["InstanceId"]
        self.silent(host, NET)
        counted = {name: n for name, n in self.metrics().items() if n}
        self.assertEqual(counted, {"PacketsInFromSource": 1, "BytesInFromSource": 84, "PacketsDropCount": 1})
        # Nothing but the way to the internet gateway was wanting.
        self.table(inside, GatewayId=self.igw)
        self.passes(host, NET)
        self.assertEqual(self.metrics()["PacketsDropCount"], 1)

    # covers: NAT-39
    def test_only_datagrams_pass_in_pieces(self):
        host = self.launch(self.b)["InstanceId"]
        self.spawn("internet", sys.executable, "-c", ECHO, NET)
        large = self.inside(host, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "0.6", "-s", "10000", NET)
        self.assertIn(" 100% packet loss", large.stdout)
        self.passes(host, NET)
        pieces = self.pieces()
        self.assertGreaterEqual(pieces, 3 * 2, "each ping leaves the host in two pieces at least")
        for size in (4000, 12000):
            done = self.inside(host, sys.executable, "-c", SHOUT, NET, str(size))
            self.assertEqual(done.returncode, 0, f"{size}: {done.stderr}")
        self.assertEqual(self.pieces(), pieces)

    def pieces(self):
        """Fragments that the gateway has dropped."""
        return sum(n for key, n in self.drops().items() if key[1:] == ("natgw", "fragment"))


class Outage(Translated):
    """Everything of the other tests is in zone a; zone b has a NAT gateway of its own."""

    def setUp(self):
        super().setUp()
        public, self.near, self.far = (self.subnet(n, zone="us-east-1b") for n in (2, 3, 4))
        self.table(public, GatewayId=self.igw)
        self.own = self.ec2.allocate_address(Domain="vpc")
        made = self.ec2.create_nat_gateway(SubnetId=public, AllocationId=self.own["AllocationId"])["NatGateway"]
        self.ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[made["NatGatewayId"]])
        self.route(self.near, NatGatewayId=made["NatGatewayId"])
        self.route(self.far, NatGatewayId=self.nat)

    def zone(self, *words):
        done = subprocess.run([binary(), "zone", *words, "--json", "--socket", self.socket], capture_output=True, text=True, timeout=40)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    # covers: NAT-16
    def test_an_impaired_zone_takes_its_gateways_down(self):
        ec2 = self.ec2
        inner, near, far = (self.launch(s)["InstanceId"] for s in (self.b, self.near, self.far))
        self.listen("internet", 80)
        through_a, through_b = self.address["PublicIp"], self.own["PublicIp"]
        seen = ((inner, through_a), (near, through_b), (far, through_a))
        for host, address in seen:
            self.passes(host, NET, 80, address)
        late = self.talk("internet", ANSWER_LATE, NET)
        self.assertEqual(late.stdout.readline(), "listening\n")
        asks = self.talk(far, ASK_ONCE, NET)
        self.assertEqual(late.stdout.readline(), "asked\n")

        self.assertEqual(self.zone("impair", "us-east-1a"),
                         {"zone": "us-east-1a", "id": "use1-az1", "state": "impaired", "nat_gateways": [self.nat]})
        before = self.metrics()
        for host in (far, inner):
            self.silent(host, NET)
        self.assertEqual(sum(n for (_, *why), n in self.drops().items() if why == ["route", "blackhole"]), 2)
        self.passes(near, NET, 80, through_b)
        # Nor does an answer come back that was expected.
        late.stdin.write("\n")
        late.stdin.flush()
        self.assertEqual(late.stdout.readline(), "answered 0\n")
        lost, end = ("internet", "natgw", "unsolicited"), time.monotonic() + 5
        while lost not in self.drops() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.drops().get(lost), 1)
        self.assertEqual(self.metrics(), before)
        self.assertEqual(len(before), 14)
        gateways = ec2.describe_nat_gateways()["NatGateways"]
        self.assertEqual([g["State"] for g in gateways], ["available", "available"])
        tables = ec2.describe_route_tables(Filters=[{"Name": "route.state", "Values": ["blackhole"]}])["RouteTables"]
        self.assertEqual(tables, [])
        states = {z["ZoneName"]: z["State"] for z in ec2.describe_availability_zones()["AvailabilityZones"]}
        self.assertEqual(states, {"us-east-1a": "impaired", "us-east-1b": "available", "us-east-1c": "available"})

        self.assertEqual(self.zone("restore", "us-east-1a")["state"], "available")
        late.stdin.write("\n")
        late.stdin.flush()
        self.assertEqual(asks.stdout.readline(), "answer 1\n", "what the gateway remembers is as old as it is")
        for host, address in seen:
            self.passes(host, NET, 80, address)


class Instance(Behind):
    """GUEST in A forwards and masquerades for `host` in B."""

    def setUp(self):
        super().setUp()
        self.guest, self.host = self.launch(self.a), self.launch(self.b)
        self.behind = self.route(self.b, NetworkInterfaceId=eni(self.guest))
        self.check(False)
        self.shell(self.guest["InstanceId"], """
            echo 1 > /proc/sys/net/ipv4/ip_forward
            for f in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $f; done
            iptables -t nat -A POSTROUTING -o eth0 -s 10.0.0.0/16 -j MASQUERADE --random""")
        self.listen("internet", 80)

    def check(self, on):
        self.ec2.modify_network_interface_attribute(NetworkInterfaceId=eni(self.guest), SourceDestCheck={"Value": on})

    # covers: NATI-06 NATI-04 NATI-05 NATI-09
    def test_the_internet_sees_its_address(self):
        guest, host = self.guest["InstanceId"], self.host["InstanceId"]
        self.dropped("igw", host, NET, 80)
        first = self.public(eni(self.guest))
        self.passes(host, NET, 80, seen=first)
        self.passes(guest, NET, 80, seen=first)
        counted = self.shell(guest, "iptables -t nat -L POSTROUTING -v -n -x | grep MASQUERADE")
        self.assertGreater(int(counted.split()[0]), 0)
        # IPv6 is not its business.
        self.assertIn("timed out", self.timed_out(host, NET6))
        # Another address: what ran breaks, what begins has the new one.
        running = self.talk(host, ASK_TWICE, NET)
        self.assertEqual(running.stdout.readline(), "up\n")
        second = self.public(eni(self.guest))
        self.assertNotEqual(first, second)
        self.passes(host, NET, 80, seen=second)
        running.stdin.write("\n")
        running.stdin.flush()
        self.assertIn(running.stdout.readline(), ("broken\n", "closed\n"))

    def timed_out(self, where, host):
        table6 = dict(RouteTableId=self.behind, DestinationIpv6CidrBlock="::/0", NetworkInterfaceId=eni(self.guest))
        self.ec2.create_route(**table6)
        return self.inside(where, sys.executable, TALK, "call", host, "80", "0.6").stderr

    # covers: NATI-10
    def test_port_forwarding_and_bastion(self):
        guest, host = self.guest["InstanceId"], self.host["InstanceId"]
        public = self.public(eni(self.guest))
        self.listen(host, 22, 80)
        self.shell(guest, f'iptables -t nat -A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to {self.host["PrivateIpAddress"]}:80')
        self.passes("internet", public, 8080, seen="203.0.113.10")
        self.passes(guest, self.host["PrivateIpAddress"], 22)

    # covers: NATI-13
    def test_another_block_of_the_vpc(self):
        self.ec2.associate_vpc_cidr_block(VpcId=self.vpc, CidrBlock="10.2.0.0/16")
        other = self.launch(self.subnet(2, "10.2.0.0/24"))
        self.ec2.associate_route_table(RouteTableId=self.behind, SubnetId=other["SubnetId"])
        public = self.public(eni(self.guest))
        self.dropped("igw", other["InstanceId"], NET, 80)
        self.shell(self.guest["InstanceId"], "iptables -t nat -A POSTROUTING -o eth0 -s 10.2.0.0/16 -j MASQUERADE")
        self.passes(other["InstanceId"], NET, 80, seen=public)

    # Fragments of UDP, TCP and ICMP pass a NAT instance, unlike a NAT gateway (chapter 07, section 5).
    def test_a_large_ping_passes_in_pieces(self):
        self.public(eni(self.guest))
        large = self.inside(self.host["InstanceId"], "ping", "-n", "-c", "1", "-W", "2", "-s", "10000", NET)
        self.assertEqual(large.returncode, 0, large.stdout)

    # covers: NATI-A2
    def test_the_guides_test_of_a_nat_instance(self):
        ec2, guest, host = self.ec2, self.guest["InstanceId"], self.host["InstanceId"]
        self.public(eni(self.guest))
        self.shell("internet", "ip addr add 4.31.198.44/32 dev lo")
        group = ec2.create_security_group(GroupName="NATSG", Description="NATSG", VpcId=self.vpc)["GroupId"]
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": V4}]}])
        ping = {"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "10.0.1.0/24"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ping])
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "10.0.1.0/24"}]}
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[ssh, {**ping, "IpRanges": [{"CidrIp": V4}]}])
        ec2.modify_network_interface_attribute(NetworkInterfaceId=eni(self.guest), Groups=[group])
        self.listen(host, 22)
        self.assertEqual(self.ttl(guest, "4.31.198.44"), 64)
        self.passes(guest, self.host["PrivateIpAddress"], 22)
        self.assertEqual(self.ttl(host, "4.31.198.44"), 63, "exactly one less")
        def breaks(how, back):
            how()
            self.silent(host, "4.31.198.44")
            self.assertEqual(self.ttl(guest, "4.31.198.44"), 64, "the private ping alone")
            back()
            self.assertEqual(self.ttl(host, "4.31.198.44"), 63)
        # A flow that is tracked outlives its rule: each ping is one of its own.
        breaks(lambda: ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[ping]),
               lambda: ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[ping]))
        default = dict(RouteTableId=self.behind, DestinationCidrBlock=V4)
        breaks(lambda: ec2.delete_route(**default),
               lambda: ec2.create_route(**default, NetworkInterfaceId=eni(self.guest)))
        breaks(lambda: self.check(True), lambda: self.check(False))


class Addresses(Behind):
    def lost(self):
        """Packets without an address so far, and those that groups refused."""
        return {key: n for key, n in self.drops().items() if key[1] in ("igw", "sg-in")}

    # covers: EIP-A2
    def test_an_elastic_ip_moves_at_the_next_packet(self):
        ec2 = self.ec2
        web, spare = self.launch(self.a), self.launch(self.a)
        self.listen(web["InstanceId"], 81)
        self.listen(spare["InstanceId"], 82)
        given = ec2.allocate_address(Domain="vpc")
        holders = [(web, 81), (spare, 82)] * 3
        for (holder, port), (_, other) in zip(holders, holders[1:]):
            moved = ec2.associate_address(NetworkInterfaceId=eni(holder), AllocationId=given["AllocationId"])["AssociationId"]
            before = self.lost()
            self.passes("internet", given["PublicIp"], port)
            self.assertEqual(self.lost(), before, "not the first packet either")
            refused = self.inside("internet", sys.executable, TALK, "call", given["PublicIp"], str(other))
            self.assertIn("refused", refused.stderr)
            ec2.disassociate_address(AssociationId=moved)
            self.dropped("igw", "internet", given["PublicIp"], port)

    # covers: IGW-08
    def test_a_guest_sees_its_private_address_only(self):
        one, two = self.launch(self.a), self.launch(self.a)
        first, second = self.public(eni(one)), self.public(eni(two))
        self.assertNotIn("198.51.100.", self.shell(one["InstanceId"], "ip addr; ip route show table all"))
        shown = self.ec2.describe_instances(InstanceIds=[one["InstanceId"]])["Reservations"][0]["Instances"][0]
        self.assertEqual(shown["PublicIpAddress"], first)
        # Even to a neighbour by its public address: the sender is seen by its own, as a stranger.
        self.listen(two["InstanceId"], 80)
        self.passes(one["InstanceId"], second, 80, seen=first)
        self.passes(one["InstanceId"], two["PrivateIpAddress"], 80, seen=one["PrivateIpAddress"])
        self.listen(one["InstanceId"], 80)
        self.passes(two["InstanceId"], first, 80, seen=second)


if __name__ == "__main__":
    unittest.main()
