"""Vectors of the guide's scenarios, each judged three times: live through TAPs, by `vpcd explain` and by `vpcd replay`.

A vector is (FROM, TO, WHAT, VERDICT[, SEEN]):

  FROM, TO   the name of a host (its IPv6 address with a 6 behind the name), or an address; TO only
  WHAT       "tcp 80 443", "udp 53", "icmp", several with commas between
  VERDICT    PASS; "PASS via HOST", where the kernel of HOST forwards it under another address; the stage that drops; "reply@STAGE": it arrives, its answer is dropped there; "astray ADDR": it arrives, its answer
             comes from ADDR, so that nobody takes it ("astray ADDR by PORT": and leaves there); or "punt": it goes to a service of the VPC, past all filters
  SEEN       "SRC > DST", how it looks where it arrives; without: as it was sent. Where SRC is SHARED, the port may be another one
"""
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import frames
from vpcd import ROOT, LiveCase, binary

PASS, PUNT, REPLY, ASTRAY = "PASS", "punt", "reply@", "astray "
PROBE = str(ROOT / "tests" / "clients" / "lab" / "probe.py")
PORTS = ("22", "25", "53", "80", "443", "1433", "3306", "3389", "5432", "8080", "9999")
INTERNET = {"NET": "192.0.2.77", "NET6": "2001:db8:cafe::77", "HOME": "203.0.113.10", "HOME6": "2001:db8:beef::10"}
# Long enough for a verdict, short enough that no SYN is sent twice.
WAIT = 0.4


@dataclasses.dataclass(frozen=True)
class Probe:
    """One packet of a vector. `source`, `to`: hosts; `src`, `dst`: addresses as sent; `seen`: as they arrive; `via`: a host between."""
    source: str
    src: str
    dst: str
    protocol: str
    port: int | None
    verdict: str
    seen: tuple
    shared: bool
    to: str | None
    via: str | None

    def __str__(self):
        return f"{self.protocol} {self.source} {self.src} > {self.dst}:{self.port} {self.verdict}"

    @property
    def arrives(self):
        return self.verdict == PASS or self.verdict.startswith((REPLY, ASTRAY))

    @property
    def strays(self):
        """Address of an answer that goes astray, and the port it leaves by, if that is another one."""
        address, _, port = self.verdict.removeprefix(ASTRAY).partition(" by ")
        return address, port or self.source

    @property
    def stage(self):
        """Where it, or its answer, is dropped."""
        return None if self.verdict in (PASS, PUNT) or self.verdict.startswith(ASTRAY) else self.verdict.removeprefix(REPLY)

    def words(self, sport):
        def end(address, port):
            address = f"[{address}]" if ":" in address else address
            return f"{address}:{port}" if self.port else address

        protocol = "icmpv6" if self.protocol == "icmp" and ":" in self.dst else self.protocol
        return f"{protocol} {end(self.src, sport)} > {end(self.dst, self.port)}"


class Scenario(LiveCase):
    """`self.hosts`: name -> (instance, interface, addresses)."""

    # Addresses of NAT gateways, which choose source ports.
    SHARED = ("198.51.100.9",)

    def setUp(self):
        super().setUp()
        self.hosts, self.probes = {}, {}
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.probe("internet")

    # -- what there is

    def probe(self, where, *within):
        within = within or (binary(), "exec", where, "--")
        process = subprocess.Popen([*within, sys.executable, PROBE, *PORTS],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdin.close(), process.stdout.close()))
        self.probes[where] = process
        self.assertEqual(process.stdout.readline(), "listening\n")

    def tell(self, where, **command):
        process = self.probes[where]
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    def call(self, words, query=None):
        """`aws ec2 WORDS`; what `query` finds in the answer."""
        more = ["--query", query] if query else []
        return self.aws("ec2", *words.split(), *more)

    def launch(self, name, subnet, group, address=None, six=None, **more):
        """An instance that is tagged with its name, and a probe in it. `group`: None for the default one."""
        if address:
            more["PrivateIpAddress"] = address
        if group:
            more["SecurityGroupIds"] = [group]
        if six:
            more["Ipv6Addresses"] = [{"Ipv6Address": six}]
        made = self.ec2.run_instances(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, InstanceType="t2.micro", SubnetId=subnet,
                                      TagSpecifications=self.tagged("instance", Name=name), **more)
        return self.know(name, made["Instances"][0]["InstanceId"])

    def know(self, name, instance):
        """A name for an instance that runs."""
        shown = self.describe(instance)
        eni = shown["NetworkInterfaces"][0]
        addresses = [shown["PrivateIpAddress"], *(a["Ipv6Address"] for a in eni["Ipv6Addresses"])]
        self.hosts[name] = (instance, eni["NetworkInterfaceId"], addresses)
        self.probe(instance)
        return instance

    def describe(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def connect(self, name, gateway, *addresses):
        """A namespace whose only device is attached to a virtual private gateway, and a probe in it. The gateway's Name tag is `name`."""
        space, device = f"vpcd-t{os.getpid()}", f"vt{os.getpid()}"

        def ip(*words, check=True):
            subprocess.run(["ip", *words], check=check, capture_output=True, timeout=20)

        self.addCleanup(ip, "netns", "del", space, check=False)
        self.addCleanup(ip, "link", "del", device, check=False)
        ip("netns", "add", space)
        ip("link", "add", device, "type", "veth", "peer", "eth0", "netns", space)
        # What its kernel would say unasked, it does not say.
        quiet = "table ip6 quiet { chain out { type filter hook output priority 0; icmpv6 type { 131, 132, 133, 143 } drop; ip6 saddr :: drop; }; }"
        subprocess.run(["ip", "netns", "exec", space, "nft", quiet], check=True, timeout=20)
        subprocess.run(["sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1"], check=True, timeout=20)
        ip("link", "set", device, "up")
        done = subprocess.run([binary(), "attach", gateway, "--interface", device, "--socket", self.socket, "--json"],
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        ip("-n", space, "link", "set", "lo", "up")
        ip("-n", space, "link", "set", "eth0", "address", json.loads(done.stdout)["mac"], "up")
        for address in addresses:
            ip("-n", space, "addr", "add", address, "dev", "eth0", *(["nodad"] if ":" in address else []))
        ip("-n", space, "route", "add", "default", "dev", "eth0")
        ip("-n", space, "-6", "route", "add", "default", "dev", "eth0")
        self.hosts[name] = (name, gateway, addresses)
        self.probe(name, "ip", "netns", "exec", space)

    def disconnect(self, name):
        subprocess.run([binary(), "detach", self.hosts[name][1], "--socket", self.socket], check=True, capture_output=True, timeout=20)

    def forget(self, name):
        """A host that is gone."""
        process = self.probes.pop(self.hosts.pop(name)[0])
        process.kill()

    def elastic(self, name, address):
        """An Elastic IP of an instance; its association."""
        allocation = self.ec2.allocate_address(Domain="vpc", Address=address)["AllocationId"]
        return self.ec2.associate_address(InstanceId=self.hosts[name][0], AllocationId=allocation)["AssociationId"]

    def group(self, name, vpc):
        return self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]

    def allow(self, way, group, ports, source, protocol="tcp"):
        """Rules of a group, one for each port. `way`: in or out; `source`: a block or a group."""
        call = {"in": self.ec2.authorize_security_group_ingress, "out": self.ec2.authorize_security_group_egress}[way]
        call(GroupId=group, IpPermissions=[permission(protocol, port, source) for port in ports])

    def no_outbound(self, group):
        """Takes away what each group may send at first."""
        rules = self.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
        self.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)

    def main_table(self, vpc):
        found = self.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}])
        return found["RouteTables"][0]["RouteTableId"]

    # -- vectors

    def place(self, name):
        """Namespace, counted port, and port of the exported template of a host."""
        if name == "internet":
            return "internet", "internet", "internet"
        return *self.hosts[name][:2], name

    def find(self, text):
        """(host, address) of a name."""
        if text in INTERNET:
            return "internet", INTERNET[text]
        six = text.endswith("6") and text not in self.hosts
        name = text[:-1] if six else text
        if name in self.hosts:
            return name, next(a for a in self.hosts[name][2] if (":" in a) == six)
        return None, text

    def owner(self, address):
        """The host that has an address."""
        if address in INTERNET.values():
            return "internet"
        return next((name for name, (_, _, addresses) in self.hosts.items() if address in addresses), None)

    def expand(self, source, to, what, verdict, seen=None):
        name, src = self.find(source)
        self.assertIsNotNone(name, f"there is no host {source}")
        dst = self.find(to)[1]
        looks = tuple(seen.split(" > ")) if seen else (src, dst)
        for part in what.split(", "):
            protocol, *ports = part.split()
            for port in map(int, ports) if ports else [None]:
                end, _, via = verdict.partition(" via ")
                yield Probe(name, src, dst, protocol, port, end, looks, looks[0] in self.SHARED, self.owner(looks[1]), via or None)

    def legs(self, probe):
        """What explain and replay see of a probe: they have no kernel in between."""
        if not probe.via:
            return [probe]
        middle = self.find(probe.via)[1]
        return [dataclasses.replace(probe, to=probe.via, via=None, seen=(probe.src, probe.dst), shared=False),
                dataclasses.replace(probe, source=probe.via, src=middle, via=None, shared=False)]

    def check(self, *vectors):
        """All three must say so of each vector."""
        template = str(pathlib.Path(self.dir.name, "now.json"))
        subprocess.run([binary(), "export", "--socket", self.socket, "--format", "json", "-o", template], check=True, timeout=20)
        probes = [probe for vector in vectors for probe in self.expand(*vector)]
        for probe in probes:
            with self.subTest(str(probe)):
                self.live(probe)
        probes = [leg for probe in probes for leg in self.legs(probe)]
        for n, probe in enumerate(probes):
            with self.subTest(f"explain {probe}"):
                self.explain(template, probe, 40000 + n)
        self.replay(template, probes)

    def arrived(self, probe):
        """What arrived of a probe: host -> [(src, sport, dst)]."""
        found = {}
        names = {instance: name for name, (instance, _, _) in self.hosts.items()}
        for where in self.probes:
            came = [(src, sport, dst) for protocol, src, sport, dst, dport in self.tell(where, do="arrived")
                    if (protocol, dport) == (probe.protocol, probe.port)]
            if came:
                found[names.get(where, where)] = came
        return found

    def live(self, probe):
        where, port, _ = self.place(probe.source)
        self.arrived(probe)
        before = self.drops()
        passes = probe.verdict == PASS
        sent = self.tell(where, do=probe.protocol, to=probe.dst, port=probe.port, wait=2 if passes else WAIT, **{"from": probe.src})
        after = self.drops()
        self.assertEqual(sent["end"], "passed" if passes else "silence")
        arrived = self.arrived(probe)
        if probe.arrives:
            count = {"tcp": 1}.get(probe.protocol, 3) if passes else 1
            expected = {probe.to: [probe.seen] * count}
            if probe.via:
                expected[probe.via] = [(probe.src, probe.dst)] * count
            self.assertEqual({host: [(src, dst) for src, _, dst in came] for host, came in arrived.items()}, expected)
            for _, sport, _ in arrived[probe.to]:
                if probe.shared and sport is not None:
                    self.assertIn(sport, range(1024, 65536))
                else:
                    self.assertEqual(sport, sent["sport"])
            port = self.place(probe.to)[1]
        else:
            self.assertEqual(arrived, {})
        dropped = {key: n - before.get(key, 0) for key, n in after.items() if n != before.get(key, 0)}
        # What a guest's kernel says unasked is not what the test sent.
        dropped = {key[:2]: n for key, n in dropped.items() if key[1] == probe.stage or key[2] not in ("no-multicast", "no-owner", "not-mine")}
        self.assertEqual(dropped, {(port, probe.stage): 1} if probe.stage else {})

    def explain(self, template, probe, sport):
        def ask(*more):
            done = subprocess.run([binary(), "explain", template, "--at", self.place(probe.source)[2], probe.words(sport), "--json", *more],
                                  capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 0, done.stderr)
            answer = json.loads(done.stdout)
            return answer["verdict"], answer["stage"], answer["out"]

        if not probe.arrives:
            self.assertEqual(ask(), ("drop" if probe.stage else PUNT, probe.stage, []))
            return
        self.assertEqual(ask(), ("forward", None, [self.place(probe.to)[2]]))
        end = probe.strays[1] if probe.verdict.startswith(ASTRAY) else probe.source
        back = ("drop", probe.stage, []) if probe.stage else ("forward", None, [self.place(end)[2]])
        self.assertEqual(ask("--reply"), back)

    def run_replay(self, template, packets):
        """`packets`: (port, frame), in order. Verdicts, and what left because of each: {number: (port, ends)}."""
        place = pathlib.Path(self.dir.name)
        inputs = []
        for port in sorted({port for port, _ in packets}):
            frames.write(place / f"{port}.pcap", [(10**12 + n * 1000, data) for n, (at, data) in enumerate(packets) if at == port])
            inputs += ["--in", f"{port}={place / f'{port}.pcap'}"]
        out = place / "out"
        done = subprocess.run([binary(), "replay", template, *inputs, "--out", str(out), "--json"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        verdicts = [json.loads(line) for line in (out / "verdicts.jsonl").read_text().splitlines()]
        # The summary adds up to the same.
        summary = json.loads(done.stdout)
        self.assertEqual([summary["frames"], summary["drop"]], [len(packets), sum(v["verdict"] == "drop" for v in verdicts)])
        left = {}
        for file in out.glob("*.pcapng"):
            left.update({n: (file.stem, frames.ends(data)) for n, data in frames.read(file).items()})
            file.unlink()
        return [(v["verdict"], v["stage"], v["out"]) for v in verdicts], left

    def replay(self, template, probes):
        first = []
        for n, p in enumerate(probes):
            ask = b"" if p.protocol == "tcp" else b"ask"
            first.append((self.place(p.source)[2], frames.frame(p.protocol, p.src, 40000 + n, p.dst, p.port or 0, ask)))
        verdicts, left = self.run_replay(template, first)
        talks = []
        for n, p in enumerate(probes):
            with self.subTest(f"replay {p}"):
                if not p.arrives:
                    self.assertEqual(verdicts[n], ("drop" if p.stage else PUNT, p.stage, []))
                    continue
                to = self.place(p.to)[2]
                self.assertEqual(verdicts[n], ("forward", None, [to]))
                port, (src, sport, dst, dport) = left[n]
                self.assertEqual((port, src, dst), (to, *p.seen))
                if not p.shared:
                    self.assertEqual(sport, 40000 + n)
                talks.append((n, p, to, src, sport, dst, dport))
        # Again, with answers and more questions.
        packets, expected = [], []
        for n, p, to, src, sport, dst, dport in talks:
            at, mine = first[n][0], 40000 + n
            for turn in range(1 if p.verdict.startswith(ASTRAY) else 4):
                ask = first[n][1] if turn == 0 else frames.frame(p.protocol, p.src, mine, p.dst, p.port or 0, b"ask", frames.ACK)
                flags = frames.SYN_ACK if turn == 0 else frames.ACK
                back = frames.frame(p.protocol, dst, dport, src, sport, b"answer", flags, answer=True)
                packets += [(at, ask), (to, back)]
                expected.append((p, ("forward", None, [to]), (to, (src, sport, dst, dport))))
                # The sender's own view: mirrored. Both ports of a ping are its identifier.
                mirrored = (p.dst, p.port or mine, p.src, mine)
                if p.verdict.startswith(ASTRAY):
                    astray = self.place(p.strays[1])[2]
                    expected.append((p, ("forward", None, [astray]), (astray, p.strays[0])))
                elif p.stage:
                    expected.append((p, ("drop", p.stage, []), None))
                else:
                    expected.append((p, ("forward", None, [at]), (at, mirrored)))
        if not packets:
            return
        verdicts, left = self.run_replay(template, packets)
        for n, (p, verdict, looks) in enumerate(expected):
            with self.subTest(f"replay {p}, packet {n}"):
                if p.verdict.startswith(ASTRAY) and n % 2:
                    at, (src, *_) = left[n]
                    left[n] = at, src
                self.assertEqual((verdicts[n], left.get(n)), (verdict, looks))


def permission(protocol, port, source):
    """A rule as calls take it. `port`: None for all."""
    rule = {"IpProtocol": protocol}
    if port is not None:
        rule |= {"FromPort": port, "ToPort": port}
    if source.startswith("sg-"):
        return rule | {"UserIdGroupPairs": [{"GroupId": source}]}
    if ":" in source:
        return rule | {"Ipv6Ranges": [{"CidrIpv6": source}]}
    return rule | {"IpRanges": [{"CidrIp": source}]}
