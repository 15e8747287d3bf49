"""Network ACLs with boto3 and the aws command."""
import unittest

from vpcd import Case


class AclCase(Case):
    """With a VPC, a subnet and a network ACL of its own."""

    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        made = self.ec2.create_network_acl(VpcId=self.vpc, TagSpecifications=self.tagged("network-acl", Name="x"))
        self.acl = made["NetworkAcl"]["NetworkAclId"]

    def describe(self, **filters):
        filters = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        return self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]

    def entry(self, number, **members):
        members = {"Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0", **members}
        return {"NetworkAclId": self.acl, "RuleNumber": number, **members}


class Acls(AclCase):
    # covers: NACL-02 NACL-05 NACL-06
    def test_lists_of_a_vpc(self):
        default, = self.describe(vpc_id=self.vpc, default="true")
        every = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1"}
        self.assertEqual(default["Entries"], [
            dict(every, Egress=egress, RuleAction=action, RuleNumber=number)
            for egress in (True, False) for action, number in (("allow", 100), ("deny", 32767))])
        self.assertEqual([a["SubnetId"] for a in default["Associations"]], [self.subnet])
        own, = self.describe(vpc_id=self.vpc, default="false")
        self.assertEqual((own["NetworkAclId"], own["OwnerId"], own["Tags"]), (self.acl, "123456789012", self.tags(Name="x")))
        self.assertEqual([e["RuleNumber"] for e in own["Entries"]], [32767, 32767])
        for _ in range(5):
            self.ec2.create_network_acl(VpcId=self.vpc)
        of_vpc = [{"Name": "vpc-id", "Values": [self.vpc]}]
        pages = self.ec2.get_paginator("describe_network_acls").paginate(Filters=of_vpc, PaginationConfig={"PageSize": 5})
        self.assertEqual([len(page["NetworkAcls"]) for page in pages], [5, 2])

    # covers: NACL-07 NACL-08 NACL-10 NACL-11
    def test_association_moves(self):
        default, = self.describe(vpc_id=self.vpc, default="true")
        first = default["Associations"][0]["NetworkAclAssociationId"]
        replace = self.ec2.replace_network_acl_association
        second = replace(AssociationId=first, NetworkAclId=self.acl)["NewAssociationId"]
        self.assertNotEqual(first, second)
        self.refused("InvalidAssociationID.NotFound", replace, AssociationId=first, NetworkAclId=self.acl)
        self.refused("DependencyViolation", self.ec2.delete_network_acl, NetworkAclId=self.acl)
        replace(AssociationId=second, NetworkAclId=default["NetworkAclId"])
        self.ec2.delete_network_acl(NetworkAclId=self.acl)
        self.refused("InvalidParameterValue", self.ec2.delete_network_acl, NetworkAclId=default["NetworkAclId"])
        message = self.refused("InvalidNetworkAclID.NotFound", self.ec2.describe_network_acls, NetworkAclIds=[self.acl])
        self.assertEqual(message, f"The networkAcl ID '{self.acl}' does not exist")


class Entries(AclCase):
    # covers: NACL-25 NACL-26 NACL-28 NACL-29
    def test_life_of_an_entry(self):
        create, replace = self.ec2.create_network_acl_entry, self.ec2.replace_network_acl_entry
        create(**self.entry(10, Protocol="6", PortRange={"From": 80, "To": 443}))
        create(**self.entry(20, Protocol="1", IcmpTypeCode={"Type": 8, "Code": -1}, Egress=True))
        six = self.entry(30, RuleAction="deny", Ipv6CidrBlock="2001:db8::/32")
        del six["CidrBlock"]
        create(**six)
        message = self.refused("NetworkAclEntryAlreadyExists", create, **self.entry(30))
        self.assertEqual(message, "The network acl entry identified by 30 already exists.")
        replace(**self.entry(10, Protocol="17", PortRange={"From": 53, "To": 53}))
        self.refused("InvalidNetworkAclEntry.NotFound", replace, **self.entry(11))
        acl, = self.describe(network_acl_id=self.acl)
        entries = {e["RuleNumber"]: e for e in acl["Entries"] if e["RuleNumber"] < 32767}
        self.assertEqual(entries, {
            10: {"RuleNumber": 10, "Protocol": "17", "PortRange": {"From": 53, "To": 53}, "RuleAction": "allow",
                 "Egress": False, "CidrBlock": "0.0.0.0/0"},
            20: {"RuleNumber": 20, "Protocol": "1", "IcmpTypeCode": {"Type": 8, "Code": -1}, "RuleAction": "allow",
                 "Egress": True, "CidrBlock": "0.0.0.0/0"},
            30: {"RuleNumber": 30, "Protocol": "-1", "RuleAction": "deny", "Egress": False,
                 "Ipv6CidrBlock": "2001:db8::/32"}})
        self.ec2.delete_network_acl_entry(NetworkAclId=self.acl, RuleNumber=10, Egress=False)
        self.refused("InvalidNetworkAclEntry.NotFound", self.ec2.delete_network_acl_entry,
                     NetworkAclId=self.acl, RuleNumber=10, Egress=False)

    # covers: NACL-30 QTA-13 QTA-EX-9
    def test_nineteen_fit_beside_the_star(self):
        for number in range(1, 20):
            self.ec2.create_network_acl_entry(**self.entry(number))
        self.refused("NetworkAclEntryLimitExceeded", self.ec2.create_network_acl_entry, **self.entry(20))
        self.ec2.create_network_acl_entry(**self.entry(20, Egress=True))

    def test_the_command_line(self):
        self.aws("ec2", "create-network-acl-entry", "--network-acl-id", self.acl, "--ingress", "--rule-number", "100",
                 "--protocol", "udp", "--port-range", "From=53,To=53", "--cidr-block", "0.0.0.0/0", "--rule-action", "allow")
        acl, = self.aws("ec2", "describe-network-acls", "--network-acl-ids", self.acl)["NetworkAcls"]
        self.assertIn("17", [e["Protocol"] for e in acl["Entries"]])
        self.aws("ec2", "delete-network-acl-entry", "--network-acl-id", self.acl, "--ingress", "--rule-number", "100")
        self.aws("ec2", "delete-network-acl", "--network-acl-id", self.acl)


if __name__ == "__main__":
    unittest.main()
