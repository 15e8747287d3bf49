"""The guide's configurations, built with `aws`, and their packets through TAPs, by `explain` and by `replay`."""
import unittest

from scenarios import ScenarioCase

HOME_RANGE, HOME_RANGE6, ANY, ANY6 = "203.0.113.0/24", "2001:db8:beef::/48", "0.0.0.0/0", "::/0"
A6, B6 = "2001:db8:1234:1a00::", "2001:db8:1234:1a01::"


class Configuration1(ScenarioCase):
    """One public subnet."""

    def build(self, v6):
        self.vpc_id = vpc = self.vpc(v6)
        self.public = self.subnet(vpc, "10.0.0.0/24", f"{A6}/64" if v6 else None)
        self.igw, self.table = self.public_table(vpc, self.public, v6)
        self.web = web = self.group(vpc, "WebServerSG")
        self.rule("ingress", web, "tcp", [80, 443], ANY)
        self.rule("ingress", web, "tcp", [22, 3389], HOME_RANGE)
        # An instance in a public subnet listens on more than its group lets in.
        self.i = self.launch("I", web, self.public, "10.0.0.6", f"{A6}123" if v6 else None, listen=(22, 80, 443, 3389, 8080, 9999))
        self.association = self.elastic(self.i, "198.51.100.2")

    # covers: SCN-50 SCN-51 SCN-52 SCN-53 SCN-54 SCN-55 SCN-56 SCN-57 SCN-58 SCN-59 SCN-60 SCN-61 SCN-62
    def test_ipv4(self):
        self.build(v6=False)
        self.vectors("""
            SCN-50 tcp NET > 198.51.100.2:80 = pass
            SCN-50 tcp NET > 198.51.100.2:443 = pass
            SCN-51 tcp HOME > 198.51.100.2:22 = pass
            SCN-51 tcp HOME > 198.51.100.2:3389 = pass
            SCN-52 tcp NET > 198.51.100.2:22 = sg-in
            SCN-52 tcp NET > 198.51.100.2:3389 = sg-in
            SCN-52 tcp NET > 198.51.100.2:8080 = sg-in
            SCN-52 udp NET > 198.51.100.2:80 = sg-in
            SCN-52 icmp NET > 198.51.100.2 = sg-in
            SCN-53 tcp I > NET:443 = pass seen 198.51.100.2
            SCN-53 udp I > NET:53 = pass seen 198.51.100.2
            SCN-59 tcp NET > 10.0.0.6:80 = igw
            SCN-60 tcp I > 10.0.200.1:80 = route
        """)
        self.launch("J", self.web, self.public, "10.0.0.7")
        self.vectors("""
            SCN-54 tcp J > NET:443 = igw
            SCN-55 tcp J > I:80 = pass
            SCN-56 tcp J > I:9999 = sg-in
            SCN-56 udp J > I:9999 = sg-in
            SCN-56 icmp J > I = sg-in
        """)
        self.rule("ingress", self.web, "-1", None, self.web)
        self.vectors("""
            SCN-56 tcp J > I:9999 = pass
            SCN-56 udp J > I:9999 = pass
            SCN-56 icmp J > I = pass
        """)
        self.e("revoke-security-group-egress", "--group-id", self.web, "--protocol", "all", "--cidr", ANY)
        self.vectors("""
            SCN-57 tcp I > NET:443 = sg-out
            SCN-58 tcp NET > 198.51.100.2:80 = pass
        """)
        self.rule("egress", self.web, "-1", None, ANY)
        aside = self.subnet(self.vpc_id, "10.0.9.0/24")
        self.launch("K", self.web, aside, "10.0.9.9", elastic="198.51.100.7")
        self.vectors("SCN-61 tcp K > NET:443 = route")
        self.e("disassociate-address", "--association-id", self.association)
        self.vectors("SCN-62 tcp NET > 198.51.100.2:80 = igw")
        allocation = self.ec2.describe_addresses(PublicIps=["198.51.100.2"])["Addresses"][0]["AllocationId"]
        self.e("associate-address", "--instance-id", self.i, "--allocation-id", allocation)
        self.vectors("SCN-62 tcp NET > 198.51.100.2:80 = pass")

    # covers: SCN-64 SCN-65 SCN-66 SCN-67 SCN-68
    def test_ipv6(self):
        self.build(v6=True)
        self.vectors(f"SCN-66 tcp NET6 > [{A6}123]:80 = sg-in")
        self.rule("ingress", self.web, "tcp", [80, 443], ANY6)
        self.rule("ingress", self.web, "tcp", [22, 3389], HOME_RANGE6)
        self.vectors(f"""
            SCN-64 tcp NET6 > I6:80 = pass
            SCN-64 tcp NET6 > I6:443 = pass
            SCN-64 tcp HOME6 > I6:22 = pass
            SCN-64 tcp HOME6 > I6:3389 = pass
            SCN-65 tcp NET6 > I6:22 = sg-in
            SCN-65 tcp NET6 > I6:8080 = sg-in
            SCN-65 icmpv6 NET6 > I6 = sg-in
            SCN-67 tcp I6 > NET6:443 = pass
        """)
        self.e("delete-route", "--route-table-id", self.table, "--destination-ipv6-cidr-block", ANY6)
        self.vectors("""
            SCN-68 tcp I6 > NET6:443 = route
            SCN-68 tcp NET > 198.51.100.2:80 = pass
        """)


class Configuration2(ScenarioCase):
    """A public and a private subnet, with a NAT gateway."""

    def build(self, v6):
        self.vpc_id = vpc = self.vpc(v6)
        self.public = self.subnet(vpc, "10.0.0.0/24", f"{A6}/64" if v6 else None)
        self.igw, self.table = self.public_table(vpc, self.public, v6)
        self.private = self.subnet(vpc, "10.0.1.0/24", f"{B6}/64" if v6 else None)
        self.main = self.main_table(vpc)
        self.web, self.db = (self.group(vpc, name, closed=True, v6=v6) for name in ("WebServerSG", "DBServerSG"))
        for way, group, ports, peer in (
                ("ingress", self.web, [80, 443], ANY), ("ingress", self.web, [22, 3389], HOME_RANGE),
                ("egress", self.web, [1433, 3306], self.db), ("egress", self.web, [80, 443], ANY),
                ("ingress", self.db, [1433, 3306], self.web), ("egress", self.db, [80, 443], ANY)):
            self.rule(way, group, "tcp", ports, peer)
        if v6:
            for way, group, ports, peer in (
                    ("ingress", self.web, [80, 443], ANY6), ("ingress", self.web, [22, 3389], HOME_RANGE6),
                    ("egress", self.web, [80, 443], ANY6), ("egress", self.db, [80, 443], ANY6)):
                self.rule(way, group, "tcp", ports, peer)
        self.launch("Web", self.web, self.public, "10.0.0.5", f"{A6}1a" if v6 else None, elastic="198.51.100.1", listen=(22, 80, 443, 3306, 3389))
        self.launch("Db", self.db, self.private, "10.0.1.5", f"{B6}5" if v6 else None, listen=(22, 80, 443, 1433, 3306, 5432))

    def nat_gateway(self):
        allocation = self.e("allocate-address", "--domain", "vpc", "--address", "198.51.100.9")["AllocationId"]
        nat = self.e("create-nat-gateway", "--subnet-id", self.public, "--allocation-id", allocation)["NatGateway"]["NatGatewayId"]
        self.e("wait", "nat-gateway-available", "--nat-gateway-ids", nat)
        self.e("create-route", "--route-table-id", self.main, "--destination-cidr-block", ANY, "--nat-gateway-id", nat)
        return nat

    # covers: SCN-80 SCN-82 SCN-83 SCN-84 SCN-85 SCN-87 SCN-88 SCN-90 SCN-91 SCN-95 SCN-96 SCN-97 SCN-98 SCN-101 SCN-102 SCN-103
    def test_ipv4(self):
        self.build(v6=False)
        nat = self.nat_gateway()
        self.vectors("""
            SCN-80 tcp NET > 198.51.100.1:80 = pass
            SCN-80 tcp NET > 198.51.100.1:443 = pass
            SCN-80 tcp HOME > 198.51.100.1:22 = pass
            SCN-80 tcp HOME > 198.51.100.1:3389 = pass
            SCN-80 tcp NET > 198.51.100.1:22 = sg-in
            SCN-80 tcp NET > 198.51.100.1:3389 = sg-in
            SCN-80 tcp NET > 198.51.100.1:3306 = sg-in
            SCN-82 tcp Web > Db:1433 = pass
            SCN-82 tcp Web > Db:3306 = pass
            SCN-83 tcp Web > Db:22 = sg-out
            SCN-83 tcp Web > Db:5432 = sg-out
            SCN-83 icmp Web > Db = sg-out
            SCN-84 tcp Web > Db:80 = sg-in
            SCN-85 tcp Db > Web:80 = pass
            SCN-85 tcp Db > Web:3306 = sg-out
            SCN-95 tcp Db > NET:443 = pass seen 198.51.100.9
            SCN-96 tcp Db > NET:25 = sg-out
            SCN-96 icmp Db > NET = sg-out
            SCN-97 tcp NET > 198.51.100.9:80 = natgw
            SCN-97 tcp NET > 198.51.100.9:443 = natgw
            SCN-97 icmp NET > 198.51.100.9 = natgw
            SCN-98 tcp NET > 10.0.1.5:443 = igw
        """)
        other = self.group(self.vpc_id, "Other")
        self.launch("Other", other, self.public, "10.0.0.7")
        self.launch("Web2", self.web, self.private, "10.0.1.7")
        self.launch("Db2", self.db, self.private, "10.0.1.6", listen=(1433, 3306))
        self.vectors("""
            SCN-87 tcp Other > Db:3306 = sg-in
            SCN-88 tcp Web2 > Db:3306 = pass
            SCN-88 tcp Web2 > Db2:3306 = pass
            SCN-90 tcp Db > Db2:1433 = sg-out
            SCN-91 tcp Other > Db:22 = sg-in
        """)
        self.rule("ingress", self.db, "-1", None, self.db)
        self.vectors("SCN-90 tcp Db > Db2:1433 = sg-out")
        self.rule("egress", self.db, "-1", None, self.db)
        self.rule("ingress", self.db, "tcp", [22], other)
        self.vectors("""
            SCN-90 tcp Db > Db2:1433 = pass
            SCN-91 tcp Other > Db:22 = pass
            SCN-91 tcp Web > Db:22 = sg-out
        """)
        aside = self.subnet(self.vpc_id, "10.0.2.0/24")
        self.launch("New", other, aside, "10.0.2.9")
        self.vectors("SCN-101 tcp New > NET:443 = pass seen 198.51.100.9")
        self.e("associate-route-table", "--subnet-id", aside, "--route-table-id", self.table)
        self.vectors("SCN-102 tcp New > NET:443 = igw")
        self.e("delete-nat-gateway", "--nat-gateway-id", nat)
        self.vectors("""
            SCN-103 tcp Db > NET:443 = route
            SCN-103 tcp NET > 198.51.100.1:80 = pass
        """)

    # covers: SCN-104 SCN-105 SCN-106 SCN-107
    def test_ipv6(self):
        self.build(v6=True)
        eigw = self.e("create-egress-only-internet-gateway", "--vpc-id", self.vpc_id)
        eigw = eigw["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
        self.e("create-route", "--route-table-id", self.main, "--destination-ipv6-cidr-block", ANY6, "--egress-only-internet-gateway-id", eigw)
        self.vectors("""
            SCN-104 tcp NET6 > Web6:80 = pass
            SCN-104 tcp NET6 > Web6:443 = pass
            SCN-104 tcp HOME6 > Web6:22 = pass
            SCN-104 tcp HOME6 > Web6:3389 = pass
            SCN-104 tcp Web6 > NET6:25 = sg-out
            SCN-104 tcp Db6 > NET6:22 = sg-out
            SCN-105 tcp Db6 > NET6:80 = pass
            SCN-105 tcp Db6 > NET6:443 = pass
            SCN-106 tcp NET6 > Db6:443 = eigw
            SCN-107 tcp Web6 > Db6:3306 = pass
        """)
        self.rule("ingress", self.db, "-1", None, ANY6)
        self.vectors("SCN-106 tcp NET6 > Db6:443 = eigw")

    # covers: SCN-120 SCN-121 SCN-122 SCN-123 SCN-124
    def test_nat_instance(self):
        self.build(v6=False)
        default = self.e("describe-security-groups", "--filters", f"Name=vpc-id,Values={self.vpc_id}", "Name=group-name,Values=default")
        nat = self.launch("Nat", default["SecurityGroups"][0]["GroupId"], self.public, "10.0.0.9", elastic="198.51.100.9", listen=(22,))
        self.shell(nat, """
            echo 1 > /proc/sys/net/ipv4/ip_forward
            nft 'add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; }; add rule ip nat out ip saddr 10.0.1.0/24 masquerade'
        """)
        self.e("create-route", "--route-table-id", self.main, "--destination-cidr-block", ANY, "--instance-id", nat)
        self.vectors("SCN-124 tcp Db > NET:443 = src-dst")
        self.e("modify-instance-attribute", "--instance-id", nat, "--no-source-dest-check")
        self.vectors("SCN-123 tcp Db > NET:443 = sg-in")
        group = self.group(self.vpc_id, "NATSG", closed=True)
        self.rule("ingress", group, "tcp", [80, 443], "10.0.1.0/24")
        self.rule("ingress", group, "tcp", [22], HOME_RANGE)
        self.rule("egress", group, "tcp", [80, 443], ANY)
        self.e("modify-instance-attribute", "--instance-id", nat, "--groups", group)
        self.rule("egress", self.db, "tcp", [25], ANY)
        self.vectors("""
            SCN-121 tcp Db > NET:25 = sg-in
            SCN-122 tcp HOME > 198.51.100.9:22 = pass
            SCN-122 tcp NET > 198.51.100.9:22 = sg-in
        """)
        # What the guest makes of a packet is not in a template: this one through TAPs alone.
        for port in (443, 80):
            self.passes(self.hosts["Db"].where, "192.0.2.77", port, seen="198.51.100.9")


class Configurations3And4(ScenarioCase):
    """What of the configurations with a VPN needs no tunnel."""

    # covers: SCN-136 SCN-146 SCN-147 SCN-149
    def test_public_and_private(self):
        Configuration2.build(self, v6=True)
        # No IPv6 rules for the database, no way out for its subnet.
        self.rule("egress", self.db, "tcp", [80, 443], ANY6, call="revoke")
        self.vectors("""
            SCN-136 tcp Web > Db:1433 = pass
            SCN-136 tcp Web > Db:3306 = pass
            SCN-136 tcp NET > 198.51.100.1:80 = pass
            SCN-136 tcp NET > 198.51.100.1:443 = pass
            SCN-136 tcp HOME > 198.51.100.1:22 = pass
            SCN-136 tcp HOME > 198.51.100.1:3389 = pass
            SCN-136 tcp Web > NET:80 = pass seen 198.51.100.1
            SCN-136 tcp Web > NET:443 = pass seen 198.51.100.1
            SCN-146 tcp Db6 > Web6:80 = sg-out
            SCN-146 tcp Web6 > Db6:3306 = pass
            SCN-149 tcp NET6 > Web6:80 = pass
            SCN-149 tcp NET6 > Web6:443 = pass
            SCN-149 tcp Web6 > NET6:80 = pass
            SCN-149 tcp Web6 > NET6:443 = pass
        """)
        self.rule("egress", self.db, "tcp", [443], ANY6)
        self.vectors("SCN-147 tcp Db6 > NET6:443 = route")

    # covers: SCN-173 SCN-174
    def test_private_only(self):
        vpc = self.vpc(v6=True)
        subnet = self.subnet(vpc, "10.0.0.0/24", f"{A6}/64")
        default = self.e("describe-security-groups", "--filters", f"Name=vpc-id,Values={vpc}", "Name=group-name,Values=default")
        default = default["SecurityGroups"][0]["GroupId"]
        custom = self.group(vpc, "custom")
        for name, group, last in (("A", default, 5), ("B", default, 6), ("C", custom, 8), ("D", custom, 9)):
            self.launch(name, group, subnet, f"10.0.0.{last}", f"{A6}{last}", listen=(22, 5000))
        self.vectors("""
            SCN-173 tcp A > B:22 = pass
            SCN-173 udp B > A:5000 = pass
            SCN-173 icmp A > B = pass
            SCN-174 tcp C > A:22 = sg-in
            SCN-174 tcp A > C:22 = sg-in
            SCN-174 tcp C > D:22 = sg-in
            SCN-180 tcp A6 > B6:22 = pass
            SCN-180 tcp A6 > NET6:443 = route
        """)


class WalkthroughIpv4(ScenarioCase):
    """The packets of the guide's first CLI walkthrough; test_walkthroughs.py has its calls one by one."""

    # covers: SCN-242 SCN-244 SCN-245 SCN-246 SCN-247
    def test_ipv4(self):
        e, vpc = self.e, self.vpc(v6=False)
        public, private = self.subnet(vpc, "10.0.1.0/24"), self.subnet(vpc, "10.0.0.0/24")
        igw = e("create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
        e("attach-internet-gateway", "--vpc-id", vpc, "--internet-gateway-id", igw)
        table = e("create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
        e("create-route", "--route-table-id", table, "--destination-cidr-block", ANY, "--gateway-id", igw)
        ssh = e("create-security-group", "--group-name", "SSHAccess", "--description", "Security group for SSH access", "--vpc-id", vpc)["GroupId"]
        e("authorize-security-group-ingress", "--group-id", ssh, "--protocol", "tcp", "--port", "22", "--cidr", ANY)
        early = self.launch("Early", ssh, public, "10.0.1.9", listen=(22,))
        self.vectors("SCN-242 tcp Early > NET:443 = route")
        e("associate-route-table", "--subnet-id", public, "--route-table-id", table)
        self.vectors("SCN-244 tcp Early > NET:443 = igw")
        self.elastic(early, "198.51.100.2")
        self.vectors("""
            SCN-244 tcp Early > NET:443 = pass seen 198.51.100.2
            SCN-244 tcp NET > 198.51.100.2:22 = pass
        """)
        e("modify-subnet-attribute", "--subnet-id", public, "--map-public-ip-on-launch")
        web = self.launch("Web", ssh, public, "10.0.1.10", listen=(22, 80))
        address = e("describe-instances", "--instance-id", web)["Reservations"][0]["Instances"][0]["PublicIpAddress"]
        self.launch("Inner", ssh, private, "10.0.0.10")
        self.vectors(f"""
            SCN-245 tcp NET > {address}:22 = pass
            SCN-245 tcp NET > {address}:80 = sg-in
            SCN-245 icmp NET > {address} = sg-in
            SCN-246 tcp Web > NET:443 = pass seen {address}
            SCN-247 tcp Inner > NET:443 = route
            SCN-247 tcp Inner > Web:22 = pass
        """)


class WalkthroughIpv6(ScenarioCase):
    """The guide's second CLI walkthrough."""

    # covers: SCN-270 SCN-271 SCN-273 SCN-274 SCN-275 SCN-276 SCN-277 SCN-278 SCN-279 SCN-281 SCN-282 SCN-283 SCN-284
    def test_ipv6(self):
        e = self.e
        vpc = e("create-vpc", "--cidr-block", "10.0.0.0/16", "--amazon-provided-ipv6-cidr-block")["Vpc"]["VpcId"]
        (block,) = e("describe-vpcs", "--vpc-id", vpc)["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
        self.assertEqual((block["Ipv6CidrBlock"], block["Ipv6CidrBlockState"]["State"]), (f"{A6}/56", "associated"))
        self.assertTrue(block["AssociationId"].startswith("vpc-cidr-assoc-"))
        public, private = self.subnet(vpc, "10.0.0.0/24", f"{A6}/64"), self.subnet(vpc, "10.0.1.0/24", f"{B6}/64")
        igw = e("create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
        e("attach-internet-gateway", "--vpc-id", vpc, "--internet-gateway-id", igw)
        table = e("create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
        e("create-route", "--route-table-id", table, "--destination-ipv6-cidr-block", ANY6, "--gateway-id", igw)
        routes = e("describe-route-tables", "--route-table-id", table)["RouteTables"][0]["Routes"]
        told = [(r.get("DestinationCidrBlock"), r.get("DestinationIpv6CidrBlock"), r["GatewayId"]) for r in routes]
        self.assertEqual(told, [("10.0.0.0/16", None, "local"), (None, f"{A6}/56", "local"), (None, ANY6, igw)])
        query = "Subnets[*].{ID:SubnetId,IPv4CIDR:CidrBlock,IPv6CIDR:Ipv6CidrBlockAssociationSet[*].Ipv6CidrBlock}"
        listed = e("describe-subnets", "--filters", f"Name=vpc-id,Values={vpc}", "--query", query)
        self.assertEqual(sorted(s["IPv6CIDR"] for s in listed), [[f"{A6}/64"], [f"{B6}/64"]])
        e("associate-route-table", "--subnet-id", public, "--route-table-id", table)
        eigw = e("create-egress-only-internet-gateway", "--vpc-id", vpc)["EgressOnlyInternetGateway"]
        self.assertEqual(eigw["Attachments"], [{"State": "attached", "VpcId": vpc}])
        eigw = eigw["EgressOnlyInternetGatewayId"]
        inner = e("create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
        self.refused("InvalidParameterValue", self.ec2.create_route, RouteTableId=inner, DestinationCidrBlock=ANY,
                     EgressOnlyInternetGatewayId=eigw)
        e("create-route", "--route-table-id", inner, "--destination-ipv6-cidr-block", ANY6, "--egress-only-internet-gateway-id", eigw)
        e("associate-route-table", "--subnet-id", private, "--route-table-id", inner)
        for subnet in (public, private):
            e("modify-subnet-attribute", "--subnet-id", subnet, "--assign-ipv6-address-on-creation")
        e("create-key-pair", "--key-name", "MyKeyPair")
        ssh = e("create-security-group", "--group-name", "SSHAccess", "--description", "Security group for SSH access", "--vpc-id", vpc)["GroupId"]
        e("authorize-security-group-ingress", "--group-id", ssh, "--ip-permissions",
          '[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]')
        bastion = self.launch("Bastion", ssh, public, "10.0.0.10", f"{A6}123", listen=(22, 80))
        shown = e("describe-instances", "--instance-id", bastion)["Reservations"][0]["Instances"][0]
        self.assertEqual(shown["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"], f"{A6}123")
        self.assertNotIn("PublicIpAddress", shown)
        restricted = e("create-security-group", "--group-name", "SSHAccessRestricted", "--description",
                       "Security group for SSH access from bastion", "--vpc-id", vpc)["GroupId"]
        e("authorize-security-group-ingress", "--group-id", restricted, "--ip-permissions",
          '[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "Ipv6Ranges": [{"CidrIpv6": "2001:db8:1234:1a00::123/128"}]}]')
        e("authorize-security-group-ingress", "--group-id", restricted, "--ip-permissions",
          '[{"IpProtocol": "58", "FromPort": -1, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]')
        permissions = e("describe-security-groups", "--group-ids", restricted)["SecurityGroups"][0]["IpPermissions"]
        self.assertIn(("icmpv6", -1, -1), [(p["IpProtocol"], p.get("FromPort"), p.get("ToPort")) for p in permissions])
        self.launch("Private", restricted, private, "10.0.1.10", f"{B6}456", listen=(22,))
        self.launch("Other", ssh, public, "10.0.0.11", f"{A6}124")
        self.vectors("""
            SCN-276 tcp NET6 > Bastion6:22 = pass
            SCN-276 tcp NET6 > Bastion6:80 = sg-in
            SCN-276 icmpv6 NET6 > Bastion6 = sg-in
            SCN-278 tcp Bastion6 > Private6:22 = pass
            SCN-278 icmpv6 Bastion6 > Private6 = pass
            SCN-279 tcp Other6 > Private6:22 = sg-in
            SCN-280 icmpv6 Private6 > NET6 = pass
            SCN-281 icmpv6 NET6 > Private6 = eigw
        """)
        self.elastic(bastion, "198.51.100.2")
        self.rule("ingress", ssh, "tcp", [22], ANY)
        self.vectors("SCN-277 tcp Bastion > NET:443 = route")
        e("create-route", "--route-table-id", table, "--destination-cidr-block", ANY, "--gateway-id", igw)
        self.vectors("SCN-277 tcp NET > 198.51.100.2:22 = pass")
        e("replace-route", "--route-table-id", inner, "--destination-ipv6-cidr-block", ANY6, "--gateway-id", igw)
        self.vectors("SCN-282 icmpv6 NET6 > Private6 = pass")

        e("replace-route", "--route-table-id", inner, "--destination-ipv6-cidr-block", ANY6, "--egress-only-internet-gateway-id", eigw)
        busy = "DependencyViolation"
        self.refused(busy, self.ec2.delete_security_group, GroupId=ssh)
        self.refused(busy, self.ec2.delete_subnet, SubnetId=public)
        instances = [host.where for host in self.hosts.values() if host.where.startswith("i-")]
        e("terminate-instances", "--instance-ids", *instances)
        e("wait", "instance-terminated", "--instance-ids", *instances)
        self.refused(busy, self.ec2.delete_vpc, VpcId=vpc)
        for group in (restricted, ssh):
            e("delete-security-group", "--group-id", group)
        for subnet in (public, private):
            e("delete-subnet", "--subnet-id", subnet)
        self.refused(busy, self.ec2.delete_internet_gateway, InternetGatewayId=igw)
        e("detach-internet-gateway", "--internet-gateway-id", igw, "--vpc-id", vpc)
        e("delete-internet-gateway", "--internet-gateway-id", igw)
        e("delete-route-table", "--route-table-id", table)
        self.refused(busy, self.ec2.delete_vpc, VpcId=vpc)
        e("delete-egress-only-internet-gateway", "--egress-only-internet-gateway-id", eigw)
        route = e("describe-route-tables", "--route-table-id", inner)["RouteTables"][0]["Routes"][-1]
        self.assertEqual((route["DestinationIpv6CidrBlock"], route["State"]), (ANY6, "blackhole"))
        e("delete-route-table", "--route-table-id", inner)
        e("delete-vpc", "--vpc-id", vpc)


if __name__ == "__main__":
    unittest.main()
