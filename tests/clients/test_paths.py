"""What kernels see of the fabric: MTU on the way to the internet, floods beside established flows, the default group, a guest's own filter."""
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

from network import NET, NET6, Network, eni, six
from vpcd import TALK, binary


class Narrow(Network):
    def setUp(self):
        super().setUp()
        self.table(self.a, GatewayId=self.igw)
        self.host = self.launch(self.a)
        self.name, self.address = self.host["InstanceId"], self.public(eni(self.host))

    # covers: IGW-23
    def test_a_ping_learns_the_mtu(self):
        for host, header in ((NET, 28), (NET6, 48)):
            def ping(size):
                done = self.inside(self.name, "ping", "-n", "-c", "1", "-W", "1", "-M", "do", "-s", str(size), host)
                return done.returncode, done.stdout + done.stderr

            failed, said = ping(8900)
            self.assertEqual(failed, 1)
            self.assertRegex(said, "mtu ?[:=] ?1500")
            # From now on its own kernel knows.
            self.assertIn("mtu 1500", self.shell(self.name, f"ip route get {host}"))
            self.assertEqual([ping(size - header)[0] for size in (1500, 1501)], [0, 1])

    # covers: IGW-23
    def test_a_transfer_passes_the_step(self):
        # The far side takes segments as large as the VPC's, so that nothing but the fabric's word makes them smaller.
        self.shell("internet", f"ip route add 198.51.100.0/24 dev eth0 advmss 8941; ip -6 route add {self.block6} dev eth0 advmss 8921")
        self.listen("internet", 81, how="count")
        for host in (NET, NET6):
            done = self.inside(self.name, sys.executable, TALK, "push", host, "81", "100", timeout=120)
            self.assertEqual(done.stdout.strip(), "100", done.stderr)
            self.assertIn("mtu 1500", self.shell(self.name, f"ip route get {host}"))
        # And back: the internet's segments are small by themselves.
        self.listen(self.name, 81, how="count")
        for host in (self.address, six(self.host)):
            done = self.inside("internet", sys.executable, TALK, "push", host, "81", "100", timeout=120)
            self.assertEqual(done.stdout.strip(), "100", done.stderr)
        self.assertEqual({key for key in self.drops() if key[2] == "too-big"}, set())


class Floods(Network):
    def test_a_flood_costs_others_nothing(self):
        self.table(self.a, GatewayId=self.igw)
        # Only outward, so that each flow of it is tracked.
        outward = self.ec2.create_security_group(GroupName="out", Description="out", VpcId=self.vpc)["GroupId"]
        attacker = self.launch(self.a, SecurityGroupIds=[outward])
        victim, peer = self.launch(self.a), self.launch(self.a)
        self.public(eni(victim))
        to_peer = peer["PrivateIpAddress"]
        self.listen(peer["InstanceId"], 80)
        self.listen("internet", 81, how="count")
        mine = {eni(victim), eni(peer), victim["InstanceId"], peer["InstanceId"], "internet"}
        quiet = ("no-multicast", "neighbour", "no-owner")
        for kind in ("syn", "udp", "fragments", "errors"):
            before = self.drops()
            source, target = attacker["PrivateIpAddress"], "10.0.1.77" if kind == "errors" else to_peer
            flood = subprocess.Popen([binary(), "exec", attacker["InstanceId"], "--", sys.executable, TALK, "flood", source, target, kind, "3"],
                                     stdout=subprocess.PIPE, text=True)
            pinged = self.inside(victim["InstanceId"], "ping", "-q", "-n", "-c", "200", "-i", "0.01", "-W", "2", to_peer)
            self.passes(victim["InstanceId"], to_peer, 80)
            pushed = self.inside(victim["InstanceId"], sys.executable, TALK, "push", NET, "81", "4", timeout=60)
            self.assertEqual(pushed.stdout.strip(), "4", pushed.stderr)
            sent, _ = flood.communicate(timeout=30)
            self.assertGreater(int(sent), 1000)
            self.assertIn(" 0% packet loss", pinged.stdout, kind)
            lost = {key: n - before.get(key, 0) for key, n in self.drops().items() if n != before.get(key, 0)}
            theirs = {key: n for key, n in lost.items() if key[0] in mine and key[2] not in quiet}
            self.assertEqual(theirs, {}, kind)
            self.assertEqual([self.exceeded()[eni(host)] for host in (victim, peer)], [0, 0], kind)


class Balancer(Network):
    # covers: NACL-34 NACL-108
    def test_an_acl_can_stop_health_checks(self):
        node, target = self.launch(self.a), self.launch(self.b)
        name, address = node["InstanceId"], target["PrivateIpAddress"]
        self.listen(target["InstanceId"], 80)
        # A load balancer's node, as far as its checks go: two states, and a check every 0.2 s.
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        state = pathlib.Path(place.name, "state")
        check = f"{sys.executable} {TALK} call {address} 80 0.3 > /dev/null 2>&1 && echo healthy > {state} || echo unhealthy > {state}"
        self.spawn(name, "sh", "-c", f"while :; do {check}; sleep 0.2; done")

        def becomes(wanted):
            end = time.monotonic() + 5
            while not state.exists() or state.read_text().strip() != wanted:
                self.assertLess(time.monotonic(), end, wanted)
                time.sleep(0.05)

        becomes("healthy")
        acl = self.ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [self.b]}])["NetworkAcls"][0]["NetworkAclId"]
        for block in ("0.0.0.0/0", "10.0.0.0/24"):
            self.ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=50, Protocol="-1", RuleAction="deny", Egress=False, CidrBlock=block)
            becomes("unhealthy")
            self.ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=50, Egress=False)
            becomes("healthy")
        self.assertGreater(sum(n for key, n in self.drops().items() if key[1:] == ("nacl-in", "nacl-rule")), 1)


class Guests(Network):
    # covers: SG-101 SG-23 SG-65
    def test_the_default_group(self):
        self.table(self.a, GatewayId=self.igw)
        groups = self.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "group-name", "Values": ["default"]}])
        default = groups["SecurityGroups"][0]["GroupId"]
        a, b, c = (self.launch(self.a, SecurityGroupIds=[group]) for group in (default, default, self.group))
        self.public(eni(a))
        self.listen(b["InstanceId"], 80)
        self.listen("internet", 80)
        for address in (b["PrivateIpAddress"], six(b)):
            self.passes(a["InstanceId"], address, 80)
            self.passes(a["InstanceId"], address)
            self.dropped("sg-in", c["InstanceId"], address, 80)
        self.passes(a["InstanceId"], NET, 80)
        self.passes(a["InstanceId"], NET6, 80)
        message = self.refused("CannotDelete", self.ec2.delete_security_group, GroupId=default)
        self.assertEqual(message, f'the specified group: "{default}" name: "default" cannot be deleted by a user')

    # covers: SG-05
    def test_a_guests_own_filter_is_its_own(self):
        self.table(self.a, GatewayId=self.igw)
        host = self.launch(self.a)
        name = host["InstanceId"]
        ask = "dig +tries=1 +time=1 @169.254.169.253 example.org > /dev/null || true"

        def sent():
            return int(self.shell(name, "cat /sys/class/net/eth0/statistics/tx_packets"))

        before = sent()
        self.shell(name, ask)
        self.assertGreater(sent(), before)
        # What the guest drops never comes out of it, and nothing else of it is touched.
        self.shell(name, """nft 'add table inet own; add chain inet own out { type filter hook output priority 0; };
            add rule inet own out ip daddr 169.254.0.0/16 drop'""")
        before = sent()
        self.shell(name, ask)
        self.assertEqual(sent(), before)
        self.listen("internet", 80)
        self.public(eni(host))
        self.passes(name, NET, 80)
        self.shell(name, "nft delete table inet own")
        before = sent()
        self.shell(name, ask)
        self.assertGreater(sent(), before)


if __name__ == "__main__":
    unittest.main()
