"""Changes by API calls while packets flow: what stays allowed loses nothing, and a flow walks again only when its way was touched."""
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

from vpcd import LiveCase, binary

FLOWS = str(pathlib.Path(__file__).with_name("lab") / "flows.py")
# What a guest's kernel says unasked, and nobody waits for.
UNASKED = ("no-multicast", "no-owner", "not-mine", "neighbour")


class Load(LiveCase):
    def setUp(self):
        super().setUp()
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        near, far = (ec2.create_subnet(VpcId=self.vpc, CidrBlock=n)["Subnet"]["SubnetId"] for n in ("10.0.0.0/24", "10.0.1.0/24"))
        # One group each, so that a change can touch one side alone. No rule is open enough for an untracked flow (SG-40).
        self.near, self.far, self.aside = (ec2.create_security_group(GroupName=n, Description=n, VpcId=self.vpc)["GroupId"]
                                           for n in ("near", "far", "aside"))
        for group in (self.near, self.far):
            ec2.authorize_security_group_ingress(GroupId=group, IpProtocol="-1", CidrIp="10.0.0.0/16")
            ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
            ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[
                {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}])
        launch = dict(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, InstanceType="t2.micro")
        self.a, self.b = (ec2.run_instances(SubnetId=subnet, SecurityGroupIds=[group], PrivateIpAddress=address, **launch)
                          ["Instances"][0]["InstanceId"]
                          for subnet, group, address in ((near, self.near, "10.0.0.10"), (far, self.far, "10.0.1.10")))
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["RouteTables"]
        acls = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])["NetworkAcls"]
        self.table, self.acl = tables[0]["RouteTableId"], acls[0]["NetworkAclId"]
        self.igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(VpcId=self.vpc, InternetGatewayId=self.igw)

    def metric(self, *names):
        """The sum of a family, or those of several families at one moment."""
        with urllib.request.urlopen(self.server.endpoint + "/metrics") as answer:
            text = answer.read().decode()
        sums = []
        for name in names:
            found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\d+)$", text, re.M)
            self.assertTrue(found, name)
            sums.append(sum(map(int, found)))
        return sums if len(sums) > 1 else sums[0]

    def lost(self):
        """Frames dropped so far, but for those nobody sent on purpose."""
        return {key: n for key, n in self.drops().items() if key[2] not in UNASKED}

    def rule(self, group, n):
        return dict(GroupId=group, IpProtocol="tcp", FromPort=1 + n, ToPort=1 + n, CidrIp="198.18.0.0/15")

    def test_each_change_walks_the_touched_flows_again_and_no_others(self):
        flows, ec2 = 20, self.ec2
        echo = subprocess.Popen([binary(), "exec", self.b, "--", sys.executable, FLOWS, "echo", "7"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (echo.kill(), echo.wait(), echo.stdout.close()))
        self.assertEqual(echo.stdout.readline(), "listening\n")
        load = subprocess.Popen([binary(), "exec", self.a, "--", sys.executable, FLOWS, "send", "10.0.1.10", "7", str(flows)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (load.stdin.close(), load.kill(), load.wait(), load.stdout.close()))
        self.assertEqual(load.stdout.readline(), "ready\n")

        def exchange():
            load.stdin.write("again\n")
            load.stdin.flush()
            self.assertEqual(int(load.stdout.readline()), flows, "an answer by every flow")

        exchange()
        exchange()
        acl = dict(NetworkAclId=self.acl, RuleNumber=50, Protocol="-1", RuleAction="allow", Egress=False, CidrBlock="10.0.0.0/16")
        route = dict(RouteTableId=self.table, DestinationCidrBlock="198.18.0.0/15", GatewayId=self.igw)
        out = dict(IpProtocol="tcp", FromPort=9, ToPort=9, IpRanges=[{"CidrIp": "198.18.0.0/15"}])
        # What a change touches: the way that rested on it. The first packets were asked rules; answers rest on the track (SG-40), and so
        # does all that walked again since.
        changes = [
            ("another group", 0, lambda: ec2.authorize_security_group_ingress(**self.rule(self.aside, 1))),
            ("a name", 0, lambda: ec2.create_tags(Resources=[self.vpc], Tags=self.tags(Name="v"))),
            ("an interface elsewhere", 0, lambda: ec2.create_vpc(CidrBlock="10.9.0.0/16")),
            ("ingress where they arrive", flows, lambda: ec2.authorize_security_group_ingress(**self.rule(self.far, 1))),
            ("ingress where they start", 0, lambda: ec2.authorize_security_group_ingress(**self.rule(self.near, 1))),
            ("egress where they start", 0, lambda: ec2.authorize_security_group_egress(GroupId=self.near, IpPermissions=[out])),
            ("the ACL of both subnets", 2 * flows, lambda: ec2.create_network_acl_entry(**acl)),
            ("the table of both subnets", 2 * flows, lambda: ec2.create_route(**route)),
        ]
        for what, touched, change in changes:
            with self.subTest(what):
                change()
                before = self.metric("vpcd_rewalks_total")
                lost = self.lost()
                exchange()
                exchange()
                self.assertEqual(self.metric("vpcd_rewalks_total") - before, touched, what)
                self.assertEqual(self.lost(), lost)

    def test_a_thousand_changes_at_seventy_percent_of_the_rate(self):
        ec2 = self.ec2
        server = self.spawn(self.b, "iperf3", "-s")
        self.assertIsNone(server.poll())
        time.sleep(0.5)

        def iperf(*words):
            done = self.inside(self.a, "iperf3", "-c", "10.0.1.10", "-u", "-l", "1200", "-P", "4", "--json", *words, timeout=120)
            self.assertEqual(done.returncode, 0, done.stdout[-500:] + done.stderr)
            return json.loads(done.stdout)["end"]["sum"]

        full = iperf("-b", "0", "-t", "3")
        rate = full["bits_per_second"] * (1 - full["lost_percent"] / 100)
        # A session that began before and speaks all the while.
        said = self.enterContext(tempfile.TemporaryFile("w+"))
        steady = subprocess.Popen([binary(), "exec", self.a, "--", "ping", "-i", "0.05", "-c", "4000", "10.0.1.10"], stdout=said)
        self.addCleanup(lambda: (steady.kill(), steady.wait()))
        time.sleep(0.2)
        load = subprocess.Popen([binary(), "exec", self.a, "--", "iperf3", "-c", "10.0.1.10", "-u", "-l", "1200", "-P", "4", "--json",
                                 "-b", str(int(0.7 * rate / 4)), "-t", "120"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (load.kill(), load.wait(), load.stdout.close()))
        time.sleep(1)
        lost, sent = self.lost(), self.metric("vpcd_port_sent_frames_total")
        unasked = sum(n for key, n in self.drops().items() if key not in lost)
        walks, rewalks = self.metric("vpcd_walks_total", "vpcd_rewalks_total")
        began = time.monotonic()
        extra = dict(NetworkAclId=self.acl, RuleNumber=50, Protocol="-1", RuleAction="allow", Egress=False, CidrBlock="0.0.0.0/0")
        route = dict(RouteTableId=self.table, DestinationCidrBlock="198.18.0.0/15")
        for n in range(125):
            ec2.authorize_security_group_ingress(**self.rule(self.far, n % 50))
            ec2.create_network_acl_entry(**extra)
            ec2.create_route(GatewayId=self.igw, **route)
            ec2.create_tags(Resources=[self.vpc], Tags=self.tags(n=str(n)))
            ec2.revoke_security_group_ingress(**self.rule(self.far, n % 50))
            ec2.delete_network_acl_entry(NetworkAclId=self.acl, RuleNumber=50, Egress=False)
            ec2.delete_route(**route)
            ec2.authorize_security_group_ingress(**self.rule(self.aside, n % 50)) if n < 50 else ec2.delete_tags(
                Resources=[self.vpc], Tags=[{"Key": "n"}])
            time.sleep(0.03)
        took = time.monotonic() - began
        self.assertIsNone(load.poll(), f"the load ended before the changes did ({took:.0f} s)")
        # Both of one scrape: what walks again between two scrapes would look like a flow that began anew.
        walked, again = self.metric("vpcd_walks_total", "vpcd_rewalks_total")
        again -= rewalks
        fresh = walked - walks - again
        frames = self.metric("vpcd_port_sent_frames_total") - sent
        self.assertEqual(self.lost(), lost)
        self.assertGreater(frames / took, 0.5 * rate / 8 / 1200, "the load went on")
        # 500 of them touch the table or the ACL that four flows pass by, with their control connection and the ping, each way.
        self.assertGreater(again, 1000)
        self.assertLess(again, 500 * 8)
        unasked = sum(n for key, n in self.drops().items() if key not in self.lost()) - unasked
        self.assertLessEqual(fresh, unasked, "no flow began anew")
        load.send_signal(signal.SIGINT)
        done = json.loads(load.communicate(timeout=10)[0])["end"]["sum"]
        steady.send_signal(signal.SIGINT)
        steady.wait(timeout=10)
        said.seek(0)
        answered = [int(n) for n in re.findall(r"icmp_seq=(\d+)", said.read())]
        self.assertGreater(len(answered), took)
        self.assertEqual(answered, list(range(1, len(answered) + 1)), "an answer to every ping, but for one on its way at the end")
        print(f"{rate / 8 / 1200:.0f} datagrams/s measured, {0.7 * rate / 8 / 1200:.0f}/s under 1,000 changes in {took:.1f} s: "
              f"{frames} frames forwarded meanwhile, {again} walked again, none dropped; "
              f"{done['packets']} datagrams sent in all", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
