"""What was acknowledged survives: stops, starts, and a hundred kills in the midst of concurrent calls."""
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

import botocore.exceptions

from vpcd import Server, binary

KILLS = int(os.environ.get("VPCD_KILLS") or 25)
CLIENTS = 6


class Stored(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="vpcd-state-")
        self.addCleanup(shutil.rmtree, self.dir)

    def server(self, *options):
        server = Server("--state", self.dir, "--hosts", "none", *options)
        self.addCleanup(server.stop)
        return server

    def test_a_stopped_server_comes_back_as_it_was(self):
        first = self.server()
        ec2 = first.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        eni = ec2.create_network_interface(SubnetId=subnet, ClientToken="once")["NetworkInterface"]
        ec2.create_tags(Resources=[eni["NetworkInterfaceId"]], Tags=[{"Key": "k", "Value": "<&>"}])
        first.client("ec2", region_name="eu-west-1").create_vpc(CidrBlock="10.7.0.0/16")
        before = everything(first)
        self.assertEqual(first.stop(), 0)
        second = self.server()
        self.assertEqual(everything(second), before)
        # The token is remembered, ids go on, addresses are still taken.
        ec2 = second.client("ec2")
        again = ec2.create_network_interface(SubnetId=subnet, ClientToken="once")["NetworkInterface"]
        self.assertEqual(again["NetworkInterfaceId"], eni["NetworkInterfaceId"])
        other = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        self.assertNotIn(other["PrivateIpAddress"], (eni["PrivateIpAddress"],))

    def test_two_servers_do_not_share_a_state(self):
        self.server()
        second = subprocess.run([binary(), "serve", "--listen", "127.0.0.1:0", "--state", self.dir, "--hosts", "none"],
                                capture_output=True, text=True, timeout=20)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("another vpcd serves this state", second.stderr)

    def test_kills(self):
        """Each client works on a subnet of its own and notes what was acknowledged; after each kill all of it is there, whole,
        and nothing that was never asked for."""
        server = self.server()
        ec2 = server.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{4 * i}.0/22")["Subnet"]["SubnetId"] for i in range(CLIENTS)]
        rng = random.Random(7)
        acknowledged = [{} for _ in range(CLIENTS)]
        for round_ in range(KILLS):
            stop = threading.Event()
            asked = [set() for _ in range(CLIENTS)]
            threads = [threading.Thread(target=self.work, args=(server, subnets[i], acknowledged[i], asked[i], stop, round_, i))
                       for i in range(CLIENTS)]
            for t in threads:
                t.start()
            time.sleep(rng.uniform(0.02, 0.25))
            server.process.send_signal(signal.SIGKILL)
            stop.set()
            for t in threads:
                t.join()
            server.stop()
            server = self.server()
            ec2 = server.client("ec2")
            there = {}
            for page in ec2.get_paginator("describe_network_interfaces").paginate(
                    Filters=[{"Name": "vpc-id", "Values": [vpc]}], PaginationConfig={"PageSize": 500}):
                there.update((e["NetworkInterfaceId"], e) for e in page["NetworkInterfaces"])
            for i in range(CLIENTS):
                known = acknowledged[i]
                here = {k: e for k, e in there.items() if e["SubnetId"] == subnets[i]}
                for eni, tag in list(known.items()):
                    if tag == "deleted":
                        self.assertNotIn(eni, here, "an acknowledged deletion is undone")
                    elif tag == "deleting":
                        if eni not in here:
                            known[eni] = "deleted"
                        else:
                            known[eni] = self.tag(here[eni])
                    else:
                        self.assertIn(eni, here, "an acknowledged interface is lost")
                        self.assertEqual(self.tag(here[eni]), tag, "an acknowledged tag is lost, or half of a call is there")
                for eni in set(here) - set(known):
                    # A call without an answer: all of it, tags included, or nothing.
                    self.assertIn(self.tag(here[eni]), asked[i], "nobody asked for this")
                    known[eni] = self.tag(here[eni])
        total = sum(len(k) for k in acknowledged)
        self.assertGreater(total, KILLS, "the kills met no calls")

    def tag(self, eni):
        return dict((t["Key"], t["Value"]) for t in eni["TagSet"]).get("n")

    def work(self, server, subnet, known, asked, stop, round_, me):
        ec2 = server.client("ec2")
        n = 0
        while not stop.is_set():
            name = f"{me}.{round_}.{n}"
            n += 1
            asked.add(name)
            try:
                made = ec2.create_network_interface(SubnetId=subnet, TagSpecifications=[
                    {"ResourceType": "network-interface", "Tags": [{"Key": "n", "Value": name}]}])
                known[made["NetworkInterface"]["NetworkInterfaceId"]] = name
                if n % 3 == 0:
                    victim = next(k for k, v in known.items() if v not in ("deleted", "deleting"))
                    known[victim] = "deleting"
                    ec2.delete_network_interface(NetworkInterfaceId=victim)
                    known[victim] = "deleted"
            except (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError):
                return


def everything(server):
    """All that Describe calls show in two Regions."""
    out = {}
    for region in ("us-east-1", "eu-west-1"):
        ec2 = server.client("ec2", region_name=region)
        for name, call in [("vpcs", ec2.describe_vpcs), ("subnets", ec2.describe_subnets), ("tables", ec2.describe_route_tables),
                           ("interfaces", ec2.describe_network_interfaces), ("gateways", ec2.describe_internet_gateways),
                           ("tags", ec2.describe_tags), ("addresses", ec2.describe_addresses)]:
            answer = call()
            answer.pop("ResponseMetadata")
            out[region, name] = answer
    return out


if __name__ == "__main__":
    unittest.main()
