"""Templates meet the API: `serve --template`, `export`, and back."""
import json
import pathlib
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from vpcd import ROOT, Case, Server, binary

NAT = str(ROOT / "docs" / "examples" / "nat.yaml")


def vpcd(*words):
    """Runs the command; the finished process."""
    return subprocess.run([binary(), *words], capture_output=True, text=True, timeout=60)


class Templates(Case):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = pathlib.Path(directory.name)

    def start(self, *options):
        socket = str(self.dir / f"socket-{len(list(self.dir.iterdir()))}")
        server = Server("--hosts", "none", "--socket", socket, *options)
        server.socket = socket
        self.addCleanup(server.stop)
        return server

    def export(self, server, name="export.yaml", *options):
        """Exports a server's Region into a file that `check` accepts; its path."""
        file = str(self.dir / name)
        done = vpcd("export", "--socket", server.socket, "-o", file, *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        checked = vpcd("check", file)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        return file

    def test_a_server_begins_with_a_template(self):
        ec2 = self.start("--ephemeral", "--template", NAT).client("ec2")
        vpcs = {v["IsDefault"]: v for v in ec2.describe_vpcs()["Vpcs"]}
        self.assertEqual(vpcs[False]["CidrBlock"], "10.0.0.0/16")
        self.assertEqual(vpcs[True]["CidrBlock"], "172.31.0.0/16")
        tags = {t["Key"]: t["Value"] for t in vpcs[False]["Tags"]}
        self.assertEqual(tags, {"Name": "configuration-2", "aws:cloudformation:logical-id": "Vpc"})
        by_id = [{"Name": "tag:aws:cloudformation:logical-id", "Values": ["Web"]}]
        (reservation,) = ec2.describe_instances(Filters=by_id)["Reservations"]
        (web,) = reservation["Instances"]
        self.assertEqual((web["PrivateIpAddress"], web["PublicIpAddress"]), ("10.0.0.5", "198.51.100.1"))
        told = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["aws:cloudformation:logical-id"]}])["Tags"]
        self.assertIn(("Nat", "natgateway"), {(t["Value"], t["ResourceType"]) for t in told})
        (nat,) = ec2.describe_nat_gateways()["NatGateways"]
        self.assertEqual(nat["NatGatewayAddresses"][0]["PublicIp"], "198.51.100.9")
        self.refused("InvalidParameterValue", ec2.create_tags, Resources=[web["InstanceId"]],
                     Tags=self.tags(**{"aws:cloudformation:logical-id": "Other"}))

    def test_parameters_of_the_template(self):
        ec2 = self.start("--ephemeral", "--template", NAT, "--parameter", "HomeRange=198.18.0.0/24").client("ec2")
        rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
        self.assertIn("198.18.0.0/24", {r.get("CidrIpv4") for r in rules})

    def test_a_template_is_for_a_new_state(self):
        state = str(self.dir / "state")
        server = self.start("--state", state, "--template", NAT)
        before = server.client("ec2").describe_subnets()["Subnets"]
        self.assertEqual(server.stop(), 0)
        done = vpcd("serve", "--listen", "127.0.0.1:0", "--hosts", "none", "--state", state, "--template", NAT)
        self.assertEqual(done.returncode, 1)
        self.assertIn("holds a state already", done.stderr)
        again = self.start("--state", state)
        self.assertEqual(again.client("ec2").describe_subnets()["Subnets"], before)

    def test_a_wrong_template_starts_nothing(self):
        wrong = self.dir / "wrong.yaml"
        wrong.write_text("Resources:\n  V: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/8}}\n")
        done = vpcd("serve", "--listen", "127.0.0.1:0", "--hosts", "none", "--ephemeral", "--template", str(wrong))
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("wrong.yaml:2:", done.stderr)
        self.assertIn("InvalidVpc.Range", done.stderr)

    def test_a_state_is_exported_as_its_server_would(self):
        state = str(self.dir / "state")
        server = self.start("--state", state, "--template", NAT)
        running = pathlib.Path(self.export(server)).read_text()
        self.assertEqual(server.stop(), 0)
        stored = vpcd("export", "--state", state)
        self.assertEqual((stored.returncode, stored.stdout), (0, running))
        as_json = vpcd("export", "--state", state, "--format", "json")
        document = json.loads(as_json.stdout)
        self.assertEqual(document["Resources"]["Web"]["Type"], "AWS::EC2::Instance")
        missing = vpcd("export", "--state", str(self.dir / "nowhere"))
        self.assertEqual(missing.returncode, 1)
        self.assertFalse((self.dir / "nowhere").exists())

    def test_what_is_built_over_the_api_comes_back(self):
        server = self.start("--ephemeral")
        self.build(server.client("ec2"))
        file = self.export(server)
        second = self.start("--ephemeral", "--template", file)
        self.assertEqual(self.picture(second.client("ec2")), self.picture(server.client("ec2")))
        # And once more, by the names that it got.
        again = self.export(second, "again.json", "--format", "json")
        self.assertEqual(json.loads(pathlib.Path(again).read_text())["Resources"],
                         json.loads(self.json_of(server))["Resources"])

    def test_who_may_not_call_gets_no_template(self):
        """A template holds user data: it comes by the control socket, which is its user's alone."""
        keys = self.dir / "keys"
        keys.write_text("[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n")
        keys.chmod(0o600)
        server = self.start("--ephemeral", "--credentials", str(keys), "--template", NAT)
        self.assertIn("AWS::EC2::NatGateway", pathlib.Path(self.export(server)).read_text())
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(server.endpoint + "/vpcd/export")
        self.assertEqual(refused.exception.code, 404)

    def test_nothing_to_export(self):
        done = vpcd("export", "--socket", self.start("--ephemeral").socket)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("nothing to export", done.stderr)

    def json_of(self, server):
        return vpcd("export", "--socket", server.socket, "--format", "json").stdout

    def build(self, ec2):
        """A VPC with both families, two subnets, a gateway, a NAT gateway, groups, an ACL, hosts."""
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True,
                             TagSpecifications=self.tagged("vpc", Name="my network", stage="test"))["Vpc"]
        vpc_id = vpc["VpcId"]
        block = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
        options = ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name", "Values": ["example.com"]}])
        ec2.associate_dhcp_options(DhcpOptionsId=options["DhcpOptions"]["DhcpOptionsId"], VpcId=vpc_id)
        front = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.0.0/24", Ipv6CidrBlock=block.replace("/56", "/64"),
                                  AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
        back = ec2.create_subnet(VpcId=vpc_id, CidrBlock="10.0.1.0/24",
                                 AvailabilityZone="us-east-1b")["Subnet"]["SubnetId"]
        ec2.modify_subnet_attribute(SubnetId=front, MapPublicIpOnLaunch={"Value": True})
        igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc_id)
        # The main table, and one of its own.
        main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["RouteTables"][0]
        table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=table, SubnetId=front)
        for destination in ({"DestinationCidrBlock": "0.0.0.0/0"}, {"DestinationIpv6CidrBlock": "::/0"}):
            ec2.create_route(RouteTableId=table, GatewayId=igw, **destination)
        addresses = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(2)]
        nat = ec2.create_nat_gateway(SubnetId=front, AllocationId=addresses[0])["NatGateway"]["NatGatewayId"]
        ec2.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
        pl = ec2.create_managed_prefix_list(PrefixListName="office", AddressFamily="IPv4", MaxEntries=5, Entries=[
            {"Cidr": "203.0.113.0/24", "Description": "home"}])["PrefixList"]["PrefixListId"]
        web = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc_id)["GroupId"]
        db = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc_id)["GroupId"]
        tcp = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81}
        ec2.authorize_security_group_ingress(GroupId=web, IpPermissions=[
            {**tcp, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}]},
            {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "PrefixListIds": [{"PrefixListId": pl}]}])
        for one, other in ((web, db), (db, web)):
            ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[
                {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "UserIdGroupPairs": [{"GroupId": other}]}])
        # Nothing may leave.
        ec2.revoke_security_group_egress(GroupId=db, IpPermissions=[
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
        acl = ec2.create_network_acl(VpcId=vpc_id)["NetworkAcl"]["NetworkAclId"]
        for egress in (False, True):
            ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Protocol="6", RuleAction="allow",
                                         Egress=egress, CidrBlock="0.0.0.0/0", PortRange={"From": 1, "To": 65535})
        acls = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [back]}])["NetworkAcls"]
        old = next(a for a in acls[0]["Associations"] if a["SubnetId"] == back)
        ec2.replace_network_acl_association(AssociationId=old["NetworkAclAssociationId"], NetworkAclId=acl)
        launch = {"ImageId": "ami-a4827dc9", "MinCount": 1, "MaxCount": 1, "InstanceType": "t3.micro"}
        ec2.run_instances(SubnetId=front, SecurityGroupIds=[web], UserData="#!/bin/sh\necho \"hello: world\"\n",
                          Ipv6AddressCount=1, TagSpecifications=self.tagged("instance", Name="web"), **launch)
        router = ec2.run_instances(SubnetId=back, SecurityGroupIds=[db, web], **launch)["Instances"][0]["InstanceId"]
        ec2.modify_instance_attribute(InstanceId=router, SourceDestCheck={"Value": False})
        eni = ec2.create_network_interface(SubnetId=front, Groups=[db], SecondaryPrivateIpAddressCount=1,
                                           Description="second")["NetworkInterface"]["NetworkInterfaceId"]
        ec2.attach_network_interface(NetworkInterfaceId=eni, InstanceId=router, DeviceIndex=1)
        ec2.associate_address(AllocationId=addresses[1], NetworkInterfaceId=eni)

    def picture(self, ec2):
        """What Describe calls tell of all but the default VPC, without ids, times and MAC addresses."""
        default = next(v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if v["IsDefault"])
        own = lambda things: [t for t in things if t.get("VpcId") != default]
        names = {}
        for v in ec2.describe_vpcs()["Vpcs"]:
            names[v["VpcId"]] = v["CidrBlock"]
        subnets = own(ec2.describe_subnets()["Subnets"])
        names.update({s["SubnetId"]: s["CidrBlock"] for s in subnets})
        groups = own(ec2.describe_security_groups()["SecurityGroups"])
        names.update({g["GroupId"]: g["GroupName"] for g in groups})
        lists = [p for p in ec2.describe_managed_prefix_lists()["PrefixLists"] if p["OwnerId"] != "AWS"]
        names.update({p["PrefixListId"]: p["PrefixListName"] for p in lists})
        enis = own(ec2.describe_network_interfaces()["NetworkInterfaces"])
        names.update({e["NetworkInterfaceId"]: e["PrivateIpAddress"] for e in enis})
        nats = ec2.describe_nat_gateways()["NatGateways"]
        names.update({n["NatGatewayId"]: n["NatGatewayAddresses"][0]["PrivateIp"] for n in nats})
        gateways = own(ec2.describe_internet_gateways()["InternetGateways"])
        names.update({g["InternetGatewayId"]: "igw" for g in gateways})
        tags = lambda thing: sorted((t["Key"], t["Value"]) for t in thing.get("Tags", []) + thing.get("TagSet", [])
                                    if not t["Key"].startswith("aws:"))
        tables = own(ec2.describe_route_tables()["RouteTables"])
        of = {a["SubnetId"]: t for t in tables for a in t["Associations"] if "SubnetId" in a}
        main = {t["VpcId"]: t for t in tables for a in t["Associations"] if a["Main"]}
        acls = {a["SubnetId"]: t for t in own(ec2.describe_network_acls()["NetworkAcls"]) for a in t["Associations"]}

        def route(r):
            target = r.get("GatewayId") or r.get("NatGatewayId") or r.get("NetworkInterfaceId")
            destination = r.get("DestinationCidrBlock") or r["DestinationIpv6CidrBlock"]
            return destination, names.get(target, target), r["State"]

        def permission(p):
            return json.dumps({k: [{**x, "GroupId": names[x["GroupId"]]} if "GroupId" in x
                                   else {**x, "PrefixListId": names[x["PrefixListId"]]} if "PrefixListId" in x else x
                                   for x in v] if isinstance(v, list) else v for k, v in p.items()}, sort_keys=True)

        return {
            "vpcs": [(v["CidrBlock"], [b["Ipv6CidrBlock"] for b in v.get("Ipv6CidrBlockAssociationSet", [])], tags(v))
                     for v in own(ec2.describe_vpcs()["Vpcs"])],
            "subnets": sorted((s["CidrBlock"], s["AvailabilityZone"], s["MapPublicIpOnLaunch"],
                               s["AvailableIpAddressCount"],
                               [b["Ipv6CidrBlock"] for b in s["Ipv6CidrBlockAssociationSet"]],
                               sorted(map(route, of.get(s["SubnetId"], main[s["VpcId"]])["Routes"])),
                               json.dumps(acls[s["SubnetId"]]["Entries"])) for s in subnets),
            "groups": sorted((g["GroupName"], g["Description"], sorted(map(permission, g["IpPermissions"])),
                              sorted(map(permission, g["IpPermissionsEgress"]))) for g in groups),
            "lists": [(p["PrefixListName"], p["MaxEntries"],
                       ec2.get_managed_prefix_list_entries(PrefixListId=p["PrefixListId"])["Entries"]) for p in lists],
            "interfaces": sorted((
                [a["PrivateIpAddress"] for a in e["PrivateIpAddresses"]], names[e["SubnetId"]],
                [a.get("Association", {}).get("PublicIp") for a in e["PrivateIpAddresses"]],
                [a["Ipv6Address"] for a in e["Ipv6Addresses"]], sorted(names[g["GroupId"]] for g in e["Groups"]),
                e["SourceDestCheck"], e["Status"], e.get("Attachment", {}).get("DeviceIndex"),
                e.get("Attachment", {}).get("DeleteOnTermination")) for e in enis),
            "instances": sorted((
                i["PrivateIpAddress"], i["InstanceType"], i["ImageId"], i["State"]["Name"], tags(i),
                ec2.describe_instance_attribute(InstanceId=i["InstanceId"], Attribute="userData")["UserData"].get("Value", ""))
                for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]),
            "nats": [(names[n["SubnetId"]], n["State"], n["NatGatewayAddresses"][0]["PublicIp"]) for n in nats],
            "addresses": sorted(a["PublicIp"] for a in ec2.describe_addresses()["Addresses"]),
            "options": sorted(json.dumps(o["DhcpConfigurations"]) for o in ec2.describe_dhcp_options()["DhcpOptions"]),
        }


if __name__ == "__main__":
    unittest.main()
