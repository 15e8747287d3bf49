"""Networks that several tests begin with."""
from vpcd import LiveCase

NET, NET6 = "192.0.2.77", "2001:db8:cafe::77"
V4, V6 = "0.0.0.0/0", "::/0"


class Network(LiveCase):
    """A VPC with both families of addresses: subnets A and B, a way to the internet, a group that allows everything."""

    def setUp(self):
        super().setUp()
        ec2 = self.ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
        block = ec2.describe_vpcs(VpcIds=[self.vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
        self.block6, self.prefix = block, block.removesuffix("00::/56")
        self.igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(VpcId=self.vpc, InternetGatewayId=self.igw)
        self.a, self.b = self.subnet(0), self.subnet(1)
        self.group = ec2.create_security_group(GroupName="all", Description="all", VpcId=self.vpc)["GroupId"]
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": V4}], "Ipv6Ranges": [{"CidrIpv6": V6}]}]
        ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=everything)

    def subnet(self, n, net=None, zone="us-east-1a"):
        return self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=net or f"10.0.{n}.0/24", Ipv6CidrBlock=f"{self.prefix}{n:02x}::/64",
                                      AvailabilityZone=zone)["Subnet"]["SubnetId"]

    def table(self, subnet, **target):
        """A table with default routes to `target`, associated with `subnet`."""
        table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=table, DestinationCidrBlock=V4, **target)
        self.ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock=V6, **target)
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        return table

    def launch(self, subnet, **more):
        """An instance with an IPv6 address; what describes it."""
        more.setdefault("SecurityGroupIds", [self.group])
        made = self.ec2.run_instances(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, InstanceType="t2.medium",
                                      SubnetId=subnet, Ipv6AddressCount=1, **more)["Instances"][0]
        return self.ec2.describe_instances(InstanceIds=[made["InstanceId"]])["Reservations"][0]["Instances"][0]

    def public(self, interface):
        """An Elastic IP of an interface's primary address."""
        address = self.ec2.allocate_address(Domain="vpc")
        self.ec2.associate_address(NetworkInterfaceId=interface, AllocationId=address["AllocationId"])
        return address["PublicIp"]


def nat_gateway(ec2, **address):
    """A VPC whose private subnet's table, the main one, leads to a NAT gateway: VPC, private subnet, gateway."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    public, private = (ec2.create_subnet(VpcId=vpc, CidrBlock=n)["Subnet"]["SubnetId"] for n in ("10.0.0.0/24", "10.0.1.0/24"))
    igw = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=igw)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=V4, GatewayId=igw)
    ec2.associate_route_table(SubnetId=public, RouteTableId=table)
    allocation = ec2.allocate_address(Domain="vpc", **address)["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=allocation)["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}])
    ec2.create_route(RouteTableId=main["RouteTables"][0]["RouteTableId"], DestinationCidrBlock=V4, NatGatewayId=nat)
    return vpc, private, nat


def eni(instance):
    return instance["NetworkInterfaces"][0]["NetworkInterfaceId"]


def six(instance):
    return instance["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"]
