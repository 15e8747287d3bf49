"""Prefix lists with boto3 and the aws command."""
import unittest

from vpcd import Case


class PrefixLists(Case):
    def make(self, *cidrs, **members):
        members = {"PrefixListName": "offices", "AddressFamily": "IPv4", "MaxEntries": 10, **members}
        entries = [{"Cidr": cidr, "Description": f"number {i}"} for i, cidr in enumerate(cidrs)]
        return self.ec2.create_managed_prefix_list(Entries=entries, **members)["PrefixList"]

    def cidrs(self, list_id, **members):
        entries = self.ec2.get_managed_prefix_list_entries(PrefixListId=list_id, **members)["Entries"]
        return [entry["Cidr"] for entry in entries]

    def test_versions(self):
        made = self.make("192.0.2.0/24", TagSpecifications=self.tagged("prefix-list", Name="x"))
        list_id = made["PrefixListId"]
        self.assertEqual(made, {
            "PrefixListId": list_id, "AddressFamily": "IPv4", "State": "create-complete",
            "PrefixListArn": f"arn:aws:ec2:us-east-1:123456789012:prefix-list/{list_id}", "PrefixListName": "offices",
            "MaxEntries": 10, "Version": 1, "Tags": self.tags(Name="x"), "OwnerId": "123456789012"})
        modify = self.ec2.modify_managed_prefix_list
        changed = modify(PrefixListId=list_id, CurrentVersion=1, AddEntries=[{"Cidr": "198.51.100.0/24"}],
                         RemoveEntries=[{"Cidr": "192.0.2.0/24"}])["PrefixList"]
        self.assertEqual((changed["Version"], changed["State"]), (2, "modify-complete"))
        self.assertEqual(self.cidrs(list_id), ["198.51.100.0/24"])
        self.assertEqual(self.cidrs(list_id, TargetVersion=1), ["192.0.2.0/24"])
        message = self.refused("PrefixListVersionMismatch", modify, PrefixListId=list_id, CurrentVersion=1,
                               AddEntries=[{"Cidr": "10.0.0.0/8"}])
        self.assertEqual(message, "The prefix list has the incorrect version number.")
        message = self.refused("InvalidParameterCombination", modify, PrefixListId=list_id, CurrentVersion=2,
                               AddEntries=[{"Cidr": "10.0.0.0/8"}], MaxEntries=20)
        self.assertIn("You cannot modify the entries and the maximum entries", message)
        back = self.ec2.restore_managed_prefix_list_version(PrefixListId=list_id, PreviousVersion=1, CurrentVersion=2)
        self.assertEqual((back["PrefixList"]["Version"], self.cidrs(list_id)), (3, ["192.0.2.0/24"]))
        self.assertEqual(self.ec2.delete_managed_prefix_list(PrefixListId=list_id)["PrefixList"]["State"], "delete-complete")
        self.refused("InvalidPrefixListID.NotFound", self.ec2.describe_managed_prefix_lists, PrefixListIds=[list_id])

    # covers: SG-33 SG-214
    def test_rules_that_name_a_list(self):
        list_id = self.make("192.0.2.0/24")["PrefixListId"]
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        group = self.ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
        permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": list_id}]}
        rule, = self.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[permission])["SecurityGroupRules"]
        self.assertEqual((rule["PrefixListId"], rule["IsEgress"]), (list_id, True))
        pages = self.ec2.get_paginator("get_managed_prefix_list_associations").paginate(PrefixListId=list_id)
        self.assertEqual([page["PrefixListAssociations"] for page in pages],
                         [[{"ResourceId": group, "ResourceOwner": "123456789012"}]])
        self.refused("DependencyViolation", self.ec2.delete_managed_prefix_list, PrefixListId=list_id)
        authorize = self.ec2.authorize_security_group_ingress
        for port in range(6):
            authorize(GroupId=group, IpPermissions=[dict(permission, FromPort=port, ToPort=port)])
        self.refused("RulesPerSecurityGroupLimitExceeded", authorize, GroupId=group,
                     IpPermissions=[dict(permission, FromPort=7, ToPort=7)])
        self.refused("RulesPerSecurityGroupLimitExceeded", self.ec2.modify_managed_prefix_list,
                     PrefixListId=list_id, MaxEntries=11)

    def test_lists_of_aws(self):
        name = "com.amazonaws.us-east-1.s3"
        by_name = [{"Name": "prefix-list-name", "Values": [name]}]
        s3, = self.ec2.describe_managed_prefix_lists(Filters=by_name)["PrefixLists"]
        self.assertEqual((s3["OwnerId"], s3["AddressFamily"]), ("AWS", "IPv4"))
        old, = self.ec2.describe_prefix_lists(Filters=by_name)["PrefixLists"]
        self.assertEqual((old["PrefixListId"], old["PrefixListName"]), (s3["PrefixListId"], name))
        self.assertEqual(old["Cidrs"], self.cidrs(s3["PrefixListId"]))
        self.make()
        for call, found in (("describe_managed_prefix_lists", [1, 1, 1]), ("describe_prefix_lists", [1, 1])):
            pages = self.ec2.get_paginator(call).paginate(PaginationConfig={"PageSize": 1})
            self.assertEqual([len(page["PrefixLists"]) for page in pages], found, call)
        listed = self.aws("ec2", "describe-managed-prefix-lists", "--filters", "Name=owner-id,Values=AWS")
        self.assertEqual(len(listed["PrefixLists"]), 2)

    def test_pages_of_entries(self):
        list_id = self.make(*[f"10.{i}.0.0/16" for i in range(7)])["PrefixListId"]
        pages = self.ec2.get_paginator("get_managed_prefix_list_entries").paginate(
            PrefixListId=list_id, PaginationConfig={"PageSize": 3})
        self.assertEqual([len(page["Entries"]) for page in pages], [3, 3, 1])


if __name__ == "__main__":
    unittest.main()
