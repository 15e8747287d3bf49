"""Ansible's amazon.aws modules: what a playbook applied is there, applying it again changes nothing, destroying it leaves nothing."""
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from vpcd import ROOT, Case

PLAYBOOK = pathlib.Path(__file__).parent / "ansible" / "playbook.yml"


def command():
    """ansible-playbook of PATH, else the one that scripts/install-clients put into target/clients."""
    here = ROOT / "target" / "clients" / "bin" / "ansible-playbook"
    return shutil.which("ansible-playbook") or (str(here) if here.exists() else None)


@unittest.skipUnless(command(), "needs ansible-playbook: scripts/install-clients")
class Ansible(Case):
    def play(self, *words):
        """Runs the playbook; how many of its tasks changed something."""
        environment = {**self.server.environment(), "AWS_REGION": "us-east-1", "ANSIBLE_LOCALHOST_WARNING": "False",
                       "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False", "ANSIBLE_NOCOLOR": "1",
                       "ANSIBLE_DEPRECATION_WARNINGS": "False"}
        done = subprocess.run([command(), str(PLAYBOOK), *words], env=environment, cwd=PLAYBOOK.parent,
                              capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        if "ANSIBLE_OUT" in os.environ:
            print(done.stdout)
        self.last = done.stdout
        return int(re.search(r"changed=(\d+)", done.stdout).group(1))

    def test_apply_apply_again_destroy(self):
        before = self.resources()
        self.assertGreater(self.play(), 10)
        self.assertEqual(self.play(), 0, self.last[-6000:])
        self.assertGreater(self.play("-e", "state=absent"), 10)
        self.assertEqual(self.resources(), before)

    def resources(self):
        """Ids of all that the playbook could have left behind."""
        ec2 = self.ec2
        gone = ("terminated", "deleted")
        found = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]]
        found += [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]]
        found += [table["RouteTableId"] for table in ec2.describe_route_tables()["RouteTables"]]
        found += [acl["NetworkAclId"] for acl in ec2.describe_network_acls()["NetworkAcls"]]
        found += [group["GroupId"] for group in ec2.describe_security_groups()["SecurityGroups"]]
        found += [gateway["InternetGatewayId"] for gateway in ec2.describe_internet_gateways()["InternetGateways"]]
        found += [gateway["EgressOnlyInternetGatewayId"] for gateway in
                  ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]]
        found += [gateway["NatGatewayId"] for gateway in ec2.describe_nat_gateways()["NatGateways"]
                  if gateway["State"] not in gone]
        found += [interface["NetworkInterfaceId"] for interface in ec2.describe_network_interfaces()["NetworkInterfaces"]]
        found += [address["AllocationId"] for address in ec2.describe_addresses()["Addresses"]]
        found += [instance["InstanceId"] for reservation in ec2.describe_instances()["Reservations"]
                  for instance in reservation["Instances"] if instance["State"]["Name"] not in gone]
        found += [options["DhcpOptionsId"] for options in ec2.describe_dhcp_options()["DhcpOptions"]]
        found += [key["KeyPairId"] for key in ec2.describe_key_pairs()["KeyPairs"]]
        return found


if __name__ == "__main__":
    unittest.main()
