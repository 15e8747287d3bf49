"""Security groups and their rules with boto3 and the aws command."""
import unittest

from vpcd import Case

ANYWHERE = {"CidrIp": "0.0.0.0/0"}


def tcp(port, *ranges, **peers):
    """A permission of one TCP port."""
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": list(ranges), **peers}


class GroupCase(Case):
    """With a VPC and a group in it."""

    def setUp(self):
        super().setUp()
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.group = self.make("web")

    def make(self, name, **members):
        members = {"Description": "for tests", "VpcId": self.vpc, **members}
        return self.ec2.create_security_group(GroupName=name, **members)["GroupId"]

    def describe(self, **members):
        return self.ec2.describe_security_groups(**(members or {"GroupIds": [self.group]}))["SecurityGroups"]


class Groups(GroupCase):
    # covers: SG-13 SG-20 SG-21 SG-23
    def test_life_of_a_group(self):
        made = self.ec2.create_security_group(GroupName="db", Description="d", VpcId=self.vpc,
                                              TagSpecifications=self.tagged("security-group", Name="x"))
        self.assertEqual(made["Tags"], self.tags(Name="x"))
        self.assertEqual(made["SecurityGroupArn"], f"arn:aws:ec2:us-east-1:123456789012:security-group/{made['GroupId']}")
        message = self.refused("InvalidGroup.Duplicate", self.make, "db")
        self.assertEqual(message, f"The security group 'db' already exists for VPC '{self.vpc}'")
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}, {"Name": "group-name", "Values": ["default"]}]
        default, = self.describe(Filters=filters)
        own = {"UserId": "123456789012", "GroupId": default["GroupId"]}
        self.assertEqual(default["IpPermissions"], [
            {"IpProtocol": "-1", "UserIdGroupPairs": [own], "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": []}])
        message = self.refused("CannotDelete", self.ec2.delete_security_group, GroupId=default["GroupId"])
        self.assertEqual(message, f'the specified group: "{default["GroupId"]}" name: "default" cannot be deleted by a user')
        gone = self.ec2.delete_security_group(GroupId=made["GroupId"])
        self.assertEqual((gone["Return"], gone["GroupId"]), (True, made["GroupId"]))
        self.refused("InvalidGroup.NotFound", self.ec2.describe_security_groups, GroupIds=[made["GroupId"]])

    def test_groups_of_the_default_vpc_go_by_name(self):
        default = self.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
        made = self.ec2.create_security_group(GroupName="legacy", Description="d")["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupName="legacy", IpProtocol="tcp", FromPort=22, ToPort=22,
                                                  CidrIp="192.0.2.0/24")
        found, = self.describe(GroupNames=["legacy"])
        self.assertEqual((found["GroupId"], found["VpcId"], len(found["IpPermissions"])), (made, default, 1))
        self.refused("InvalidGroup.NotFound", self.ec2.describe_security_groups, GroupNames=["web"])
        self.ec2.delete_security_group(GroupName="legacy")

    def test_waiter_and_pages(self):
        for i in range(12):
            self.make(f"g{i}", TagSpecifications=self.tagged("security-group", n=str(i)))
        self.ec2.get_waiter("security_group_exists").wait(GroupIds=[self.group])
        of_vpc = [{"Name": "vpc-id", "Values": [self.vpc]}]
        pages = self.ec2.get_paginator("describe_security_groups").paginate(Filters=of_vpc, PaginationConfig={"PageSize": 5})
        sizes = [len(page["SecurityGroups"]) for page in pages]
        self.assertEqual(sizes, [5, 5, 4])
        rules = self.ec2.get_paginator("describe_security_group_rules").paginate(PaginationConfig={"PageSize": 5})
        ids = [rule["SecurityGroupRuleId"] for page in rules for rule in page["SecurityGroupRules"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(set(ids), {r["SecurityGroupRuleId"] for r in self.ec2.describe_security_group_rules()["SecurityGroupRules"]})
        pages = self.ec2.get_paginator("get_security_groups_for_vpc").paginate(VpcId=self.vpc, PaginationConfig={"PageSize": 9})
        self.assertEqual([len(page["SecurityGroupForVpcs"]) for page in pages], [9, 5])
        tagged, = self.describe(Filters=[{"Name": "tag:n", "Values": ["7"]}])
        self.assertEqual(tagged["GroupName"], "g7")
        stale = self.ec2.get_paginator("describe_stale_security_groups").paginate(VpcId=self.vpc)
        self.assertEqual([page["StaleSecurityGroupSet"] for page in stale], [[]])
        self.assertEqual(self.ec2.describe_security_group_references(GroupId=[self.group])["SecurityGroupReferenceSet"], [])
        shared = self.ec2.get_paginator("describe_security_group_vpc_associations").paginate()
        self.assertEqual([page["SecurityGroupVpcAssociations"] for page in shared], [[]])


class Rules(GroupCase):
    def authorize(self, *permissions, **members):
        return self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=list(permissions),
                                                         **members)["SecurityGroupRules"]

    # covers: SG-15 SG-31 SG-211
    def test_permissions_come_back_as_they_went_in(self):
        other = self.make("db")
        permissions = [
            tcp(80, ANYWHERE, Ipv6Ranges=[{"CidrIpv6": "::/0", "Description": "v6"}]),
            tcp(3306, {"CidrIp": "10.9.8.7/8", "Description": "office"}, UserIdGroupPairs=[{"GroupId": other, "Description": "db"}]),
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [ANYWHERE]},
        ]
        rules = self.authorize(*permissions, TagSpecifications=self.tagged("security-group-rule", Name="r"))
        self.assertEqual(len(rules), 5)
        self.assertEqual({r["GroupId"] for r in rules}, {self.group})
        self.assertTrue(all(r["Tags"] == self.tags(Name="r") for r in rules))
        group, = self.describe()
        empty = {"UserIdGroupPairs": [], "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": []}
        expected = [dict(empty, **p) for p in permissions]
        expected[1]["IpRanges"] = [{"CidrIp": "10.0.0.0/8", "Description": "office"}]
        expected[1]["UserIdGroupPairs"] = [{"UserId": "123456789012", "GroupId": other, "Description": "db"}]
        self.assertEqual(group["IpPermissions"], expected)
        self.assertEqual(group["IpPermissionsEgress"], [dict(empty, IpProtocol="-1", IpRanges=[ANYWHERE])])
        by_id = self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rules[2]["SecurityGroupRuleId"]])
        self.assertEqual(by_id["SecurityGroupRules"], [rules[2]])
        by_tag = self.ec2.describe_security_group_rules(Filters=[{"Name": "tag:Name", "Values": ["r"]}])
        self.assertEqual(len(by_tag["SecurityGroupRules"]), 5)
        # What was described can be revoked as it is.
        gone = self.ec2.revoke_security_group_ingress(GroupId=self.group, IpPermissions=group["IpPermissions"])
        self.assertEqual((gone["Return"], len(gone["RevokedSecurityGroupRules"])), (True, 5))
        self.assertEqual(self.describe()[0]["IpPermissions"], [])
        by_tag = self.ec2.describe_security_group_rules(Filters=[{"Name": "tag:Name", "Values": ["r"]}])
        self.assertEqual(by_tag["SecurityGroupRules"], [])

    # covers: SG-209 SG-39
    def test_refusals(self):
        self.authorize(tcp(80, ANYWHERE))
        authorize, revoke = self.ec2.authorize_security_group_ingress, self.ec2.revoke_security_group_ingress
        message = self.refused("InvalidPermission.Duplicate", authorize, GroupId=self.group,
                               IpPermissions=[tcp(81, ANYWHERE), tcp(80, ANYWHERE)])
        self.assertEqual(message, 'the specified rule "peer: 0.0.0.0/0, TCP, from port: 80, to port: 80, ALLOW" already exists')
        self.assertEqual(len(self.describe()[0]["IpPermissions"]), 1)
        absent = revoke(GroupId=self.group, IpPermissions=[tcp(81, ANYWHERE)])
        self.assertEqual([(p["FromPort"], p["IpRanges"]) for p in absent["UnknownIpPermissions"]], [(81, [ANYWHERE])])
        self.assertEqual(absent["RevokedSecurityGroupRules"], [])
        self.refused("InvalidSecurityGroupRuleId.NotFound", revoke, GroupId=self.group, SecurityGroupRuleIds=["sgr-0"])
        self.refused("InvalidGroup.NotFound", authorize, GroupId="sg-0", IpPermissions=[tcp(80, ANYWHERE)])
        self.refused("InvalidParameterValue", authorize, GroupId=self.group, IpPermissions=[tcp(80, {"CidrIp": "x"})])
        ranges = [{"CidrIp": f"10.0.{i}.0/24"} for i in range(60)]
        message = self.refused("RulesPerSecurityGroupLimitExceeded", authorize, GroupId=self.group,
                               IpPermissions=[tcp(443, *ranges)])
        self.assertEqual(message, "The maximum number of rules per security group has been reached.")
        self.authorize(tcp(443, *ranges[1:]))

    # covers: SG-37 SG-214
    def test_changes_of_one_rule(self):
        rule = self.authorize(tcp(80, ANYWHERE))[0]["SecurityGroupRuleId"]
        update = self.ec2.update_security_group_rule_descriptions_ingress
        self.assertTrue(update(GroupId=self.group, IpPermissions=[tcp(80, dict(ANYWHERE, Description="web"))])["Return"])
        shown = lambda: self.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule])["SecurityGroupRules"][0]
        self.assertEqual(shown()["Description"], "web")
        update(GroupId=self.group, SecurityGroupRuleDescriptions=[{"SecurityGroupRuleId": rule}])
        self.assertNotIn("Description", shown())
        new = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIpv4": "192.0.2.0/24", "Description": "dns"}
        self.assertTrue(self.ec2.modify_security_group_rules(
            GroupId=self.group, SecurityGroupRules=[{"SecurityGroupRuleId": rule, "SecurityGroupRule": new}])["Return"])
        self.assertEqual({k: shown()[k] for k in new}, new)
        gone = self.ec2.revoke_security_group_ingress(GroupId=self.group, SecurityGroupRuleIds=[rule])
        self.assertEqual(gone["RevokedSecurityGroupRules"][0]["SecurityGroupRuleId"], rule)
        self.assertEqual(gone["UnknownIpPermissions"], [])

    def test_the_command_line(self):
        self.aws("ec2", "authorize-security-group-ingress", "--group-id", self.group, "--protocol", "tcp",
                 "--port", "22", "--cidr", "203.0.113.0/24")
        self.aws("ec2", "authorize-security-group-egress", "--group-id", self.group, "--ip-permissions",
                 "IpProtocol=58,FromPort=-1,ToPort=-1,Ipv6Ranges=[{CidrIpv6=::/0}]")
        group, = self.aws("ec2", "describe-security-groups", "--group-ids", self.group)["SecurityGroups"]
        self.assertEqual([p["FromPort"] for p in group["IpPermissions"]], [22])
        self.assertEqual([p["IpProtocol"] for p in group["IpPermissionsEgress"]], ["-1", "icmpv6"])
        self.aws("ec2", "revoke-security-group-ingress", "--group-id", self.group, "--protocol", "tcp",
                 "--port", "22", "--cidr", "203.0.113.0/24")
        self.aws("ec2", "delete-security-group", "--group-id", self.group)


if __name__ == "__main__":
    unittest.main()
