"""A configuration of the guide, and packets that are asked three ways: through TAPs, of `explain`, and through `replay`.

Vectors are text: `SCN-50 tcp NET > 198.51.100.2:80 = pass seen 192.0.2.77`. The sender and the receiver are names of hosts (with a 6 behind:
its IPv6 address), or an address. Without a port: a ping. What `=` says: `pass`, with the address that the other side sees if it is not the
sender's own, or the stage at which the packet is dropped.
"""
import dataclasses
import json
import pathlib
import re
import socket
import struct
import subprocess
import sys
import tempfile

from vpcd import TALK, LiveCase, Server, binary

PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}


@dataclasses.dataclass
class Host:
    """Where it runs, what its port is called in a template, its addresses."""
    where: str
    port: str
    v4: str
    v6: str = None


INTERNET = {
    "NET": Host("internet", "internet", "192.0.2.77", "2001:db8:cafe::77"),
    "HOME": Host("internet", "internet", "203.0.113.10", "2001:db8:beef::10"),
}


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(kind, source, target, port):
    """The first packet of a conversation, from port 40000 (ping: identifier 40000)."""
    protocol = PROTOCOLS[kind]
    v6 = ":" in source
    family = socket.AF_INET6 if v6 else socket.AF_INET
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    if kind == "tcp":
        body, at = struct.pack("!HHIIBBHHH", 40000, port, 1, 0, 0x50, 2, 65535, 0, 0), 16
    elif kind == "udp":
        body, at = struct.pack("!HHHH", 40000, port, 12, 0) + b"ask\n", 6
    else:
        body, at = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 40000, 1) + bytes(56), 2
    pseudo = b"" if kind == "icmp" else ends + struct.pack("!II", len(body), protocol)
    body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2:]
    if v6:
        packet = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + ends + body
    else:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + ends
        packet = head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
    return bytes.fromhex("027670636401" "020000000001") + struct.pack("!H", 0x86dd if v6 else 0x0800) + packet


def capture(path, data):
    """A pcap with one frame."""
    head = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    pathlib.Path(path).write_bytes(head + struct.pack("<IIII", 1_700_000_000, 0, len(data), len(data)) + data)


class ScenarioCase(LiveCase):
    """A test that builds a configuration and sends vectors."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = pathlib.Path(directory.name)
        self.socket = str(self.dir / "socket")
        self.server = Server("--ephemeral", "--socket", self.socket)
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0))
        self.ec2 = self.server.client("ec2")
        self.hosts = dict(INTERNET)
        self.listen("internet", 22, 25, 53, 80, 443)

    def e(self, *words):
        """`aws ec2 ...`, its output; calls that come again and again go through boto3."""
        return self.aws("ec2", *words)

    def vpc(self, v6):
        """The VPC of all configurations, with DNS host names as the wizard makes it."""
        vpc = self.e("create-vpc", "--cidr-block", "10.0.0.0/16", *["--amazon-provided-ipv6-cidr-block"] * v6)["Vpc"]["VpcId"]
        self.e("modify-vpc-attribute", "--vpc-id", vpc, "--enable-dns-hostnames")
        return vpc

    def subnet(self, vpc, v4, v6=None):
        return self.e("create-subnet", "--vpc-id", vpc, "--cidr-block", v4,
                      *(["--ipv6-cidr-block", v6] if v6 else []))["Subnet"]["SubnetId"]

    def public_table(self, vpc, subnet, v6):
        """An internet gateway, and a table that leads there for the subnet; both."""
        igw = self.e("create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
        self.e("attach-internet-gateway", "--vpc-id", vpc, "--internet-gateway-id", igw)
        table = self.e("create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
        self.e("create-route", "--route-table-id", table, "--destination-cidr-block", "0.0.0.0/0", "--gateway-id", igw)
        if v6:
            self.e("create-route", "--route-table-id", table, "--destination-ipv6-cidr-block", "::/0", "--gateway-id", igw)
        self.e("associate-route-table", "--subnet-id", subnet, "--route-table-id", table)
        return igw, table

    def main_table(self, vpc):
        tables = self.e("describe-route-tables", "--filters", f"Name=vpc-id,Values={vpc}", "Name=association.main,Values=true")
        return tables["RouteTables"][0]["RouteTableId"]

    def group(self, vpc, name, closed=False, v6=False):
        """A security group; `closed`: without the outbound rules that it begins with."""
        group = self.e("create-security-group", "--group-name", name, "--description", name, "--vpc-id", vpc)["GroupId"]
        if closed:
            self.e("revoke-security-group-egress", "--group-id", group, "--protocol", "all", "--cidr", "0.0.0.0/0")
            if v6:
                self.rule("egress", group, "-1", None, {"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}, call="revoke")
        return group

    def rule(self, way, group, protocol, ports, peer, call="authorize"):
        """Rules for some ports and one peer: a block, a group, or members as they are."""
        if isinstance(peer, str):
            peer = ({"UserIdGroupPairs": [{"GroupId": peer}]} if peer.startswith("sg-") else
                    {"Ipv6Ranges": [{"CidrIpv6": peer}]} if ":" in peer else {"IpRanges": [{"CidrIp": peer}]})
        for port in ports or [None]:
            permission = {"IpProtocol": protocol, **peer, **({"FromPort": port, "ToPort": port} if port is not None else {})}
            getattr(self.ec2, f"{call}_security_group_{way}")(GroupId=group, IpPermissions=[permission])

    def launch(self, name, group, subnet, v4, v6=None, elastic=None, listen=()):
        """An instance, known by its name from then on."""
        made = self.ec2.run_instances(
            ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, InstanceType="t2.micro", SecurityGroupIds=[group], SubnetId=subnet,
            PrivateIpAddress=v4, TagSpecifications=self.tagged("instance", Name=name), **({"Ipv6Addresses": [{"Ipv6Address": v6}]} if v6 else {}))
        instance = made["Instances"][0]["InstanceId"]
        self.hosts[name] = Host(instance, name, v4, v6)
        if elastic:
            self.elastic(instance, elastic)
        if listen:
            self.listen(instance, *listen)
        return instance

    def elastic(self, instance, address):
        allocation = self.ec2.allocate_address(Domain="vpc", Address=address)["AllocationId"]
        return self.ec2.associate_address(InstanceId=instance, AllocationId=allocation)["AssociationId"]

    def vectors(self, text):
        """Sends each line's packet three ways."""
        template = str(self.dir / "state.yaml")
        done = subprocess.run([binary(), "export", "--socket", self.socket, "-o", template], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in filter(None, map(str.strip, text.splitlines())):
            with self.subTest(line):
                self.vector(line, template)

    def end(self, name):
        """An address by a host's name, and the host."""
        host = self.hosts.get(name)
        if host:
            return host.v4, host
        host = self.hosts.get(name.removesuffix("6"))
        return (host.v6, host) if host and name.endswith("6") else (name, None)

    def vector(self, line, template):
        found = re.fullmatch(r"SCN-\d+ (\w+) (\S+) > (?:\[([^]]+)\]|(\S+?))(?::(\d+))? = (\S+)(?: seen (\S+))?", line)
        kind, sender, v6, other, port, verdict, seen = found.groups()
        (source, sender), (target, receiver), port = self.end(sender), self.end(v6 or other), int(port or 0)
        words = ["-b", source] + ["-u"] * (kind == "udp") + [target, str(port)]
        talk = [sys.executable, TALK, "call", *words]
        if verdict == "pass":
            if kind in ("tcp", "udp"):
                done = self.inside(sender.where, *talk)
                self.assertEqual((done.returncode, done.stdout.strip()), (0, seen or source), done.stderr)
            else:
                done = self.inside(sender.where, "ping", "-c", "3", "-i", "0.1", "-W", "2", "-I", source, target)
                self.assertIn("3 received", done.stdout)
        else:
            before = self.drops()
            ping = ["ping", "-c", "1", "-W", "0.5", "-I", source, target]
            done = self.inside(sender.where, *(talk + ["0.5"] if kind in ("tcp", "udp") else ping))
            self.assertNotEqual(done.returncode, 0, done.stdout)
            after = self.drops()
            new = {key: n - before.get(key, 0) for key, n in after.items() if n != before.get(key, 0)}
            # What a guest's kernel says unasked is not what the test sent.
            new = {key: n for key, n in new.items() if key[1] == verdict or key[2] not in ("no-multicast", "no-owner", "not-mine", "neighbour")}
            self.assertEqual([(key[1], n) for key, n in new.items()], [(verdict, 1)], f"live: {new}")
        self.told(line, template, kind, source, target, port, sender, receiver, verdict, seen)

    def told(self, line, template, kind, source, target, port, sender, receiver, verdict, seen):
        """What `explain` and `replay` say of the first packet."""
        def written(address, number):
            address = f"[{address}]" if ":" in address else address
            return f"{address}:{number}" if kind in ("tcp", "udp") else address

        packet = f"{kind} {written(source, 40000)} > {written(target, port)}"
        explain = [binary(), "explain", template, "--at", sender.port, packet, "--json"]
        done = subprocess.run(explain, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, f"explain {packet}: {done.stderr}")
        explained = json.loads(done.stdout)
        capture(self.dir / "one.pcap", frame(kind, source, target, port))
        replay = [binary(), "replay", template, "--in", f"{sender.port}={self.dir / 'one.pcap'}", "--out", str(self.dir / "out"), "--json"]
        done = subprocess.run(replay, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, f"replay {packet}: {done.stderr}")
        replayed = json.loads((self.dir / "out" / "verdicts.jsonl").read_text().splitlines()[0])
        for key in ("verdict", "stage", "at", "reason", "out"):
            self.assertEqual(explained[key], replayed[key], f"explain and replay about {key}")
        if verdict != "pass":
            self.assertEqual((explained["verdict"], explained["stage"]), ("drop", verdict), explained["gates"])
            return
        self.assertEqual(explained["verdict"], "forward", explained["gates"])
        if receiver:
            self.assertEqual(explained["out"], [receiver.port])
        done = subprocess.run([*explain, "--reply"], capture_output=True, text=True, timeout=60)
        back = json.loads(done.stdout)
        self.assertEqual((back["verdict"], back["out"]), ("forward", [sender.port]), f"explain --reply: {back['gates']}")
        if seen:
            arrived = (self.dir / "out" / f"{explained['out'][0]}.pcapng").read_bytes()
            self.assertIn(socket.inet_aton(seen), arrived)
