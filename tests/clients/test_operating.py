"""Looking after a server: metrics, readiness, the control socket, what it logs, how it ends."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from vpcd import Case, Server, binary, live

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*",?)*)\})? (\S+)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"]*)"')


def parse(text):
    """Prometheus' text format, strictly: {(name, frozenset of labels): value} and {family: type}."""
    samples, types, family = {}, {}, None
    assert text.endswith("\n"), "the last line has no end"
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split()[2]
            assert family not in types, f"{family} comes twice"
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == family and kind in ("counter", "gauge", "histogram"), line
            types[name] = kind
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"not a sample: {line}"
        name, labels, value = match[1], frozenset(LABEL.findall(match[2] or "")), float(match[3])
        base = re.sub("_(bucket|sum|count)$", "", name) if types[family] == "histogram" else name
        assert base == family, f"{line}: within {family}"
        assert (name, labels) not in samples, f"{line}: comes twice"
        samples[name, labels] = value
    for family, kind in types.items():
        if kind == "counter":
            # A NAT gateway's metrics have the names that CloudWatch gives them (NAT-60).
            assert family.endswith("_total") or family.startswith("vpcd_nat_gateway_"), family
        if kind == "histogram":
            check_histogram(family, samples)
    return samples, types


def check_histogram(family, samples):
    """Buckets rise, and the last one is the count."""
    by_labels = {}
    for (name, labels), value in samples.items():
        if name == family + "_bucket":
            end = float(dict(labels)["le"])
            by_labels.setdefault(frozenset(l for l in labels if l[0] != "le"), []).append((end, value))
    for labels, buckets in by_labels.items():
        buckets.sort()
        counts = [count for _, count in buckets]
        assert counts == sorted(counts), f"{family}: {counts}"
        assert buckets[-1] == (float("inf"), samples[family + "_count", labels]), family
        assert (family + "_sum", labels) in samples, family


def get(server, path):
    """Status, content type and text."""
    try:
        with urllib.request.urlopen(server.endpoint + path, timeout=20) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers["content-type"], refusal.read().decode()


class Operating(Case):
    """With a server of its own, whose socket and log are in `self.dir`."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vpcd-operating-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.socket = self.dir / "vpcd.sock"

    def serve(self, *options):
        server = Server("--hosts", "none", "--socket", str(self.socket), *options)
        self.addCleanup(server.stop)
        self.server, self.ec2 = server, server.client("ec2")
        return server

    def vpcd(self, *words, status=0):
        """Runs a command that asks the server; its output, or what it says of the error."""
        done = subprocess.run([binary(), *words, "--socket", str(self.socket)], capture_output=True, text=True, timeout=40)
        self.assertEqual(done.returncode, status, f"vpcd {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout if status == 0 else done.stderr

    def status(self):
        return json.loads(self.vpcd("status", "--json"))

    def metrics(self):
        code, kind, text = get(self.server, "/metrics")
        self.assertEqual((code, kind), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return parse(text)

    def eni(self):
        """A free interface in a VPC whose groups let it out; itself."""
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]
        return self.free()

    def free(self, address="10.0.0.5"):
        return self.ec2.create_network_interface(SubnetId=self.subnet, PrivateIpAddress=address)["NetworkInterface"]


class Metrics(Operating):
    def test_calls_are_counted_by_action_and_status(self):
        self.serve("--state", str(self.dir / "state"))
        self.ec2.describe_vpcs()
        self.ec2.create_vpc(CidrBlock="10.0.0.0/16")
        self.refused("InvalidVpc.Range", self.ec2.create_vpc, CidrBlock="10.0.0.0/8")
        self.xml(Action="NoSuchThing")
        self.xml(Action='quo"te\n')
        samples, types = self.metrics()

        def value(name, **labels):
            return samples.get((name, frozenset(labels.items())))

        self.assertEqual(value("vpcd_api_calls_total", action="DescribeVpcs", status="200"), 1)
        self.assertEqual(value("vpcd_api_calls_total", action="CreateVpc", status="200"), 1)
        self.assertEqual(value("vpcd_api_calls_total", action="CreateVpc", status="400"), 1)
        self.assertEqual(value("vpcd_api_calls_total", action="other", status="400"), 2)
        self.assertEqual(value("vpcd_api_call_duration_seconds_count", action="CreateVpc"), 2)
        # The fresh Region, and one change.
        self.assertEqual(value("vpcd_store_commit_duration_seconds_count"), 2)
        self.assertEqual(value("vpcd_publish_duration_seconds_count"), 2)
        self.assertEqual(value("vpcd_region_serial"), 2)
        self.assertEqual((value("vpcd_workers"), value("vpcd_workers_up")), (1, 1))
        self.assertEqual(types["vpcd_port_received_frames_total"], "counter")
        page = (pathlib.Path(__file__).parents[2] / "docs" / "serve.md").read_text()
        self.assertEqual([family for family in types if f"`{family}`" not in page], [], "docs/serve.md lacks these")

    def test_health_and_readiness(self):
        self.serve("--ephemeral")
        self.assertEqual(get(self.server, "/healthz")[0], 200)
        self.assertEqual(get(self.server, "/readyz")[::2], (200, "ready\n"))

    def test_frames_of_a_capture_are_counted_at_its_interface(self):
        self.serve("--ephemeral")
        eni = self.eni()
        capture = self.dir / "in.pcap"
        frame = bytes.fromhex("ffffffffffff") + bytes.fromhex(eni["MacAddress"].replace(":", "")) + b"\x08\x06" + bytes.fromhex(
            "0001080006040001" + eni["MacAddress"].replace(":", "") + "0a000005" + "000000000000" + "0a000001")
        frame = frame.ljust(60, b"\0")
        header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        record = struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame
        capture.write_bytes(header + 3 * record)
        out = self.dir / "out.pcapng"
        answer = json.loads(self.vpcd("attach", eni["NetworkInterfaceId"], "--capture", str(capture), "--write", str(out), "--json"))
        self.assertEqual(answer["mac"], eni["MacAddress"])
        labels = frozenset({("port", eni["NetworkInterfaceId"])})
        self.eventually(lambda: self.metrics()[0].get(("vpcd_port_received_frames_total", labels)) == 3)
        samples = self.metrics()[0]
        self.assertEqual(samples["vpcd_port_received_bytes_total", labels], 3 * 60)
        # The router of the subnet answers.
        self.eventually(lambda: self.metrics()[0]["vpcd_port_sent_frames_total", labels] == 3)
        port = {p["port"]: p for p in self.status()["ports"]}[eni["NetworkInterfaceId"]]
        self.assertEqual((port["received"], port["sent"], port["addresses"]), (3, 3, ["10.0.0.5"]))
        self.assertEqual(port["at"], f"capture {capture}")
        self.assertIn(eni["NetworkInterfaceId"], self.vpcd("status"))
        self.assertEqual(self.vpcd("detach", eni["NetworkInterfaceId"]), f"{eni['NetworkInterfaceId']}: detached\n")
        self.assertEqual(out.read_bytes().count(b"\x0a\x00\x00\x01"), 3, "replies of 10.0.0.1 were written")
        # Ports that have counted something stay in the metrics.
        self.assertEqual(self.metrics()[0]["vpcd_port_received_frames_total", labels], 3)

    def eventually(self, holds, seconds=10):
        end = time.monotonic() + seconds
        while not holds():
            self.assertLess(time.monotonic(), end, "it never came about")
            time.sleep(0.05)


class Socket(Operating):
    def test_only_its_user_may_and_it_goes_with_the_server(self):
        server = self.serve("--ephemeral")
        self.assertEqual(stat.S_IMODE(self.socket.stat().st_mode), 0o600)
        self.assertTrue(self.status()["workers_up"])
        self.assertEqual(server.stop(), 0)
        self.assertFalse(self.socket.exists())
        self.assertIn("is `vpcd serve` running?", self.vpcd("status", status=1))

    def test_a_second_server_does_not_steal_it(self):
        first = self.serve("--ephemeral")
        self.eni()
        second = Server("--ephemeral", "--hosts", "none", "--socket", str(self.socket))
        self.assertEqual(second.stop(), 0)
        self.assertTrue(self.socket.exists(), "the second one took it along")
        self.assertGreater(self.status()["serial"], 2)
        # What a killed one left is replaced.
        first.process.kill()
        first.stop()
        self.assertTrue(self.socket.exists())
        self.serve("--ephemeral")
        self.assertEqual(self.status()["serial"], 1)

    def test_nonsense_is_answered(self):
        self.serve("--ephemeral")
        for line, part in ((b"{}\n", "command"), (b"hello\n", "not a request"), (b'{"command":"attach","to":{}}\n', "not a request"),
                           (b"\xff" * 70000 + b"\n", "")):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(str(self.socket))
                s.sendall(line)
                self.assertIn(part, json.loads(s.makefile().readline())["error"])
        self.assertTrue(self.status()["workers_up"])

    def test_what_cannot_be_attached_leaves_the_interface_free(self):
        self.serve("--ephemeral")
        eni = self.eni()["NetworkInterfaceId"]
        self.assertIn("vpcd-none", self.vpcd("attach", eni, "--interface", "vpcd-none", status=1))
        self.assertIn("no-such.pcap", self.vpcd("attach", eni, "--capture", str(self.dir / "no-such.pcap"), status=1))
        self.assertIn("does not exist", self.vpcd("attach", "eni-00000000000000000", "--interface", "lo", status=1))
        self.assertIn("Nothing is attached", self.vpcd("detach", eni, status=1))
        self.vpcd("attach", eni, status=2)
        instance = self.ec2.run_instances(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, SubnetId=self.subnet)["Instances"][0]
        taken = instance["NetworkInterfaces"][0]["NetworkInterfaceId"]
        self.assertIn("in use", self.vpcd("attach", taken, "--interface", "lo", status=1))
        self.ec2.delete_network_interface(NetworkInterfaceId=eni)

    def test_what_is_attached_is_in_use(self):
        self.serve("--state", str(self.dir / "state"))
        eni = self.eni()["NetworkInterfaceId"]
        capture = self.dir / "in.pcap"
        capture.write_bytes(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        self.vpcd("attach", eni, "--capture", str(capture))
        self.refused("InvalidParameterValue", self.ec2.delete_network_interface, NetworkInterfaceId=eni)
        instance = self.ec2.run_instances(ImageId="ami-a4827dc9", MinCount=1, MaxCount=1, SubnetId=self.subnet)["Instances"][0]
        self.refused("InvalidNetworkInterface.InUse", self.ec2.attach_network_interface, NetworkInterfaceId=eni,
                     InstanceId=instance["InstanceId"], DeviceIndex=1)
        self.assertIn("in use", self.vpcd("attach", eni, "--capture", str(capture), status=1))
        # The binding survives; a capture does not play again by itself.
        self.assertEqual(self.server.stop(), 0)
        self.serve("--state", str(self.dir / "state"))
        port = {p["port"]: p for p in self.status()["ports"]}[eni]
        self.assertIn("not played again", port["problem"])
        self.vpcd("detach", eni)
        self.ec2.delete_network_interface(NetworkInterfaceId=eni)


class Zones(Operating):
    def config(self, text):
        file = self.dir / "vpcd.toml"
        file.write_text(text)
        return str(file)

    def gateway(self, zone):
        """Asks for a private NAT gateway in a subnet of a zone of its own VPC."""
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = self.ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        return lambda: self.ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]

    def zones(self):
        """State and messages of each zone."""
        zones = self.ec2.describe_availability_zones()["AvailabilityZones"]
        return {z["ZoneName"]: (z["State"], [m["Message"] for m in z["Messages"]]) for z in zones}

    # covers: NAT-15
    def test_a_constrained_zone_takes_no_gateway(self):
        self.serve("--ephemeral", "--config", self.config('constrained_zones = ["us-east-1c"]\n'))
        for _ in range(2):
            message = self.refused("NotAvailableInZone", self.gateway("us-east-1c"))
            self.assertEqual(message, "Nat Gateway is not available in this availability zone")
            self.assertEqual(self.ec2.describe_nat_gateways()["NatGateways"], [])
            self.assertEqual(self.ec2.describe_network_interfaces()["NetworkInterfaces"], [])
            self.assertEqual(self.zones()["us-east-1c"], ("constrained", ["No NAT gateway can be created in us-east-1c."]))
            # It still is after starting afresh.
            self.server.reset()
        self.gateway("us-east-1a")()
        [gateway] = self.ec2.describe_nat_gateways()["NatGateways"]
        self.assertEqual(gateway["State"], "available")
        # Another Region has zones of its own.
        west = self.server.client("ec2", region_name="us-west-2").describe_availability_zones()["AvailabilityZones"]
        self.assertEqual({z["State"] for z in west}, {"available"})

    def test_what_is_wrong_with_zones_is_said_with_its_place(self):
        for text, says in (
            ('constrained_zones = [\n  "us-east-1a",\n  "us-east-1d",\n]\n',
             ":3:3: constrained_zones: There is no zone 'us-east-1d'; us-east-1 has us-east-1a, us-east-1b, us-east-1c"),
            ('constrained_zones = "us-east-1a"\n', ":1:21: "),
            ('constrained_zones = ["a"]\n[[zones]]\nname = "b"\nid = "use1-az1"\n', ":1:22: constrained_zones: There is no zone 'a'"),
            ('[[zones]]\nname = "a"\nid = "1"\nconstrained = true\n', ":4:1: unknown field `constrained`"),
        ):
            file = self.config(text)
            done = subprocess.run([binary(), "serve", "--ephemeral", "--hosts", "none", "--no-socket", "--listen", "127.0.0.1:0",
                                   "--config", file], capture_output=True, text=True, timeout=20)
            self.assertEqual(done.returncode, 1, text)
            self.assertTrue(done.stderr.startswith(f"error: {file}{says}"), done.stderr)

    def test_an_outage_lasts_until_it_is_ended(self):
        state = str(self.dir / "state")
        self.serve("--state", state)
        nat = self.gateway("us-east-1a")()["NatGatewayId"]
        sound = self.zones()
        self.assertEqual(self.vpcd("zone", "impair", "us-east-1a"), f"us-east-1a (use1-az1): impaired; NAT gateways: {nat}\n")
        self.assertEqual(self.vpcd("zone", "impair", "us-east-1a", "--json"), self.vpcd("zone", "impair", "us-east-1a", "--json"))
        self.assertIn("There is no zone 'us-east-1z'; us-east-1 has us-east-1a,", self.vpcd("zone", "impair", "us-east-1z", status=1))
        for _ in range(2):
            self.assertEqual(self.zones(), {**sound, "us-east-1a": ("impaired", ["NAT gateways in us-east-1a carry no traffic."])})
            listed = {z["zone"]: z["state"] for z in json.loads(self.vpcd("zone", "list", "--json"))["zones"]}
            self.assertEqual(listed, {"us-east-1a": "impaired", "us-east-1b": "available", "us-east-1c": "available"})
            self.assertEqual(self.status()["impaired_zones"], ["us-east-1a"])
            self.assertIn("\nzone us-east-1a is impaired", self.vpcd("status"))
            # Over a restart, even one that nobody asked for.
            self.server.process.kill()
            self.server.stop()
            self.serve("--state", state)
        self.assertIn("us-east-1a (use1-az1): available", self.vpcd("zone", "restore", "us-east-1a"))
        self.assertEqual(self.zones(), sound)
        self.assertEqual(self.status()["impaired_zones"], [])


class Life(Operating):
    def test_the_manager_is_told(self):
        address = str(self.dir / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(address)
            manager.settimeout(10)
            os.environ["NOTIFY_SOCKET"] = address
            self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
            server = self.serve("--ephemeral")
            self.assertEqual(manager.recv(100), b"READY=1\n")
            self.assertEqual(server.stop(), 0)
            self.assertEqual(manager.recv(100), b"STOPPING=1\n")

    def test_a_call_under_way_is_finished_when_it_ends(self):
        server = self.serve("--ephemeral")
        host, port = server.endpoint.removeprefix("http://").split(":")
        body = b"Action=DescribeVpcs&Version=2016-11-15"
        with socket.create_connection((host, int(port)), timeout=10) as s:
            head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
            s.sendall(head % len(body) + body[:10])
            time.sleep(0.3)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            s.sendall(body[10:])
            answer = s.makefile("rb").read()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:200])
        self.assertIn(b"DescribeVpcsResponse", answer)
        self.assertEqual(server.stop(), 0)

    def log_of(self, level):
        """What a server logs that got one call."""
        with tempfile.TemporaryFile("w+") as file:
            process = subprocess.Popen(
                [binary(), "serve", "--listen", "127.0.0.1:0", "--json", "--ephemeral", "--hosts", "none", "--no-socket",
                 "--log-level", level], stdout=subprocess.PIPE, stderr=file, text=True)
            self.addCleanup(process.stdout.close)
            endpoint = json.loads(process.stdout.readline())["endpoint"]
            urllib.request.urlopen(endpoint + "/?Action=DescribeVpcs", timeout=10).read()
            process.terminate()
            self.assertEqual(process.wait(timeout=20), 0)
            file.seek(0)
            return [json.loads(line) for line in file]

    def test_the_log_says_what_it_is_asked_for(self):
        call = [line for line in self.log_of("info") if line["message"] == "call"]
        self.assertEqual([(line["level"], line["action"], line["status"]) for line in call], [("info", "DescribeVpcs", 200)])
        self.assertRegex(call[0]["request_id"], "^[0-9a-f-]{36}$")
        self.assertEqual({line["level"] for line in self.log_of("warning")}, {"warning"})
        self.assertEqual(self.log_of("error"), [])

    def test_help_has_an_example(self):
        for command in ("serve", "status", "attach", "detach", "zone impair", "zone restore", "zone list"):
            text = subprocess.run([binary(), *command.split(), "--help"], capture_output=True, text=True).stdout
            self.assertRegex(text, rf"Example:\n  (.*\n  )*vpcd {command}", command)
            self.assertIn("--json", text)


@unittest.skipUnless(live(), "makes devices: set VPCD_LIVE=1, as root")
class Attach(Operating):
    """A TAP and a veth at two free interfaces of one subnet. All that vpcd sees of them is in a namespace of the test's own."""

    def setUp(self):
        super().setUp()
        tag = f"vpcdt{os.getpid() % 100000}"
        self.host, self.guest = tag + "h", tag + "g"
        for namespace in (self.host, self.guest):
            self.ip("netns", "add", namespace)
            self.addCleanup(self.ip, "netns", "del", namespace)

    def ip(self, *words):
        subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)

    def serve(self, *options):
        """A server within the host's namespace; it is asked from there too."""
        command = ["ip", "netns", "exec", self.host, binary()]
        wrapper = self.dir / "vpcd"
        wrapper.write_text("#!/bin/sh\nexec " + " ".join(command) + ' "$@"\n')
        wrapper.chmod(0o755)
        self.ip("-n", self.host, "link", "set", "lo", "up")
        process = subprocess.Popen([*command, "serve", "--listen", "127.0.0.1:4566", "--json", "--hosts", "none", "--socket",
                                    str(self.socket), *options], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(lambda: (process.terminate(), process.wait(timeout=20)))
        self.assertTrue(json.loads(process.stdout.readline())["ready"])
        return process

    def call(self, action, **members):
        """A call from within the namespace; the text of the answer."""
        form = "&".join(f"{k}={v}" for k, v in {"Action": action, "Version": "2016-11-15", **members}.items())
        done = subprocess.run(["ip", "netns", "exec", self.host, "python3", "-c",
                               "import sys,urllib.request;print(urllib.request.urlopen('http://127.0.0.1:4566/',data=sys.argv[1]"
                               ".encode(),timeout=10).read().decode())", form], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ping(self, namespace, address):
        words = ["ip", "netns", "exec", namespace, "ping", "-c", "2", "-W", "3", address]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20)
        return done.returncode == 0

    def interface(self, subnet, address):
        answer = self.call("CreateNetworkInterface", SubnetId=subnet, PrivateIpAddress=address)
        return re.search("<networkInterfaceId>(.*?)<", answer)[1], re.search("<macAddress>(.*?)<", answer)[1]

    def test_a_tap_and_a_veth_talk_also_after_a_restart(self):
        process = self.serve("--state", str(self.dir / "state"))
        vpc = re.search("<vpcId>(.*?)<", self.call("CreateVpc", CidrBlock="10.0.0.0/16"))[1]
        subnet = re.search("<subnetId>(.*?)<", self.call("CreateSubnet", VpcId=vpc, CidrBlock="10.0.0.0/24"))[1]
        (tap, tap_mac), (veth, veth_mac) = self.interface(subnet, "10.0.0.5"), self.interface(subnet, "10.0.0.6")
        # The user's TAP: its interface is the machine. The veth: its other end is, in a namespace.
        self.ip("-n", self.host, "tuntap", "add", "tap0", "mode", "tap")
        self.ip("-n", self.host, "link", "set", "tap0", "address", tap_mac, "up")
        self.ip("-n", self.host, "addr", "add", "10.0.0.5/24", "dev", "tap0")
        self.ip("-n", self.host, "link", "add", "veth0", "type", "veth", "peer", "eth0", "netns", self.guest)
        self.ip("-n", self.host, "link", "set", "veth0", "up")
        self.ip("-n", self.guest, "link", "set", "eth0", "address", veth_mac, "up")
        self.ip("-n", self.guest, "addr", "add", "10.0.0.6/24", "dev", "eth0")
        self.vpcd("attach", tap, "--tap", "tap0")
        self.vpcd("attach", veth, "--interface", "veth0")
        self.assertTrue(self.ping(self.guest, "10.0.0.5"), "from the veth to the TAP")
        at = {p["port"]: (p["at"], p["problem"], p["received"] > 0) for p in self.status()["ports"]}
        self.assertEqual((at[tap], at[veth]), (("tap tap0", None, True), ("interface veth0", None, True)))
        # A device serves one interface.
        other, _ = self.interface(subnet, "10.0.0.7")
        self.assertIn("serves 'eni-", self.vpcd("attach", other, "--tap", "tap0", status=1))

        process.terminate()
        self.assertEqual(process.wait(timeout=20), 0)
        self.assertFalse(self.ping(self.guest, "10.0.0.5"))
        process = self.serve("--state", str(self.dir / "state"))
        self.assertTrue(self.ping(self.guest, "10.0.0.5"), "plugged in again")
        self.vpcd("detach", tap)
        self.assertFalse(self.ping(self.guest, "10.0.0.5"), "after it was detached")

        # A device that is missing at the start is no reason not to start.
        process.terminate()
        self.assertEqual(process.wait(timeout=20), 0)
        self.ip("-n", self.host, "link", "del", "veth0")
        self.serve("--state", str(self.dir / "state"))
        problem = {p["port"]: p["problem"] for p in self.status()["ports"]}[veth]
        self.assertIn("veth0", problem)

    # covers: RT-73 EIP-10
    def test_a_remote_network_at_a_virtual_private_gateway(self):
        process = self.serve("--state", str(self.dir / "state"))
        vpc = re.search("<vpcId>(.*?)<", self.call("CreateVpc", CidrBlock="10.0.0.0/16"))[1]
        subnet = re.search("<subnetId>(.*?)<", self.call("CreateSubnet", VpcId=vpc, CidrBlock="10.0.0.0/24"))[1]
        group = re.search("<groupId>(.*?)<", self.call("DescribeSecurityGroups", **{"Filter.1.Name": "vpc-id", "Filter.1.Value.1": vpc}))[1]
        self.call("AuthorizeSecurityGroupIngress", GroupId=group, IpProtocol="icmp", FromPort=-1, ToPort=-1, CidrIp="172.16.0.0/12")
        table = re.search("<routeTableId>(.*?)<", self.call("DescribeRouteTables", **{"Filter.1.Name": "vpc-id", "Filter.1.Value.1": vpc}))[1]
        gateway = re.search("<vpnGatewayId>(.*?)<", self.call("CreateVpnGateway", Type="ipsec.1"))[1]
        self.call("AttachVpnGateway", VpnGatewayId=gateway, VpcId=vpc)
        self.call("CreateRoute", RouteTableId=table, DestinationCidrBlock="172.16.0.0/12", GatewayId=gateway)
        internet = re.search("<internetGatewayId>(.*?)<", self.call("CreateInternetGateway"))[1]
        self.call("AttachInternetGateway", InternetGatewayId=internet, VpcId=vpc)
        # A machine of the VPC, with an Elastic IP, and the office: the other end of a veth.
        eni, mac = self.interface(subnet, "10.0.0.5")
        allocation = self.call("AllocateAddress", Domain="vpc")
        public, id = re.search("<publicIp>(.*?)<", allocation)[1], re.search("<allocationId>(.*?)<", allocation)[1]
        self.call("AssociateAddress", AllocationId=id, NetworkInterfaceId=eni)
        self.ip("-n", self.host, "tuntap", "add", "tap0", "mode", "tap")
        self.ip("-n", self.host, "link", "set", "tap0", "address", mac, "up")
        self.ip("-n", self.host, "addr", "add", "10.0.0.5/24", "dev", "tap0")
        self.ip("-n", self.host, "route", "add", "default", "via", "10.0.0.1")
        self.vpcd("attach", eni, "--tap", "tap0")
        self.ip("-n", self.host, "link", "add", "office0", "type", "veth", "peer", "eth0", "netns", self.guest)
        self.ip("-n", self.host, "link", "set", "office0", "up")
        drops = lambda: {(d["port"], d["stage"], d["reason"]) for d in self.status()["drops"]}
        self.assertFalse(self.ping(self.host, "172.16.1.1"))
        self.assertIn((eni, "vgw", "no-tunnel"), drops())
        answer = json.loads(self.vpcd("attach", gateway, "--interface", "office0", "--json"))
        self.assertEqual((answer["port"], answer["addresses"]), (gateway, []))
        self.ip("-n", self.guest, "link", "set", "eth0", "address", answer["mac"], "up")
        self.ip("-n", self.guest, "addr", "add", "172.16.1.1/32", "dev", "eth0")
        self.ip("-n", self.guest, "route", "add", "default", "dev", "eth0")
        self.assertTrue(self.ping(self.guest, "10.0.0.5"), "from the office")
        self.assertTrue(self.ping(self.host, "172.16.1.1"), "to the office")
        self.assertFalse(self.ping(self.guest, public), "by its Elastic IP it is not reached from there")
        self.assertIn((gateway, "vgw", "no-owner"), drops())
        at = {p["port"]: (p["at"], p["problem"], p["received"] > 0, p["sent"] > 0) for p in self.status()["ports"]}
        self.assertEqual(at[gateway], ("interface office0", None, True, True))
        self.assertIn("attached to", self.vpcd("attach", gateway, "--interface", "office0", status=1))

        process.terminate()
        self.assertEqual(process.wait(timeout=20), 0)
        self.serve("--state", str(self.dir / "state"))
        self.assertTrue(self.ping(self.guest, "10.0.0.5"), "plugged in again")
        self.vpcd("detach", gateway)
        self.assertFalse(self.ping(self.guest, "10.0.0.5"), "after it was detached")
        self.assertFalse(self.ping(self.host, "172.16.1.1"))
        self.assertIn((eni, "vgw", "no-tunnel"), drops())

    def test_an_interface_is_the_uplink(self):
        self.ip("-n", self.host, "link", "add", "up0", "type", "veth", "peer", "eth0", "netns", self.guest)
        self.ip("-n", self.host, "link", "set", "up0", "up")
        # The router behind the uplink, with a MAC of its own.
        router = "02:00:00:00:00:99"
        self.ip("-n", self.guest, "link", "set", "eth0", "address", router, "up")
        self.ip("-n", self.guest, "addr", "add", "192.0.2.1/32", "dev", "eth0")
        config = self.dir / "vpcd.toml"
        config.write_text(f'[uplink]\ninterface = "up0"\nrouter_mac = "{router}"\n')
        self.serve("--ephemeral", "--config", str(config))
        vpc = re.search("<vpcId>(.*?)<", self.call("CreateVpc", CidrBlock="10.0.0.0/16"))[1]
        subnet = re.search("<subnetId>(.*?)<", self.call("CreateSubnet", VpcId=vpc, CidrBlock="10.0.0.0/24"))[1]
        gateway = re.search("<internetGatewayId>(.*?)<", self.call("CreateInternetGateway"))[1]
        self.call("AttachInternetGateway", InternetGatewayId=gateway, VpcId=vpc)
        table = re.search("<routeTableId>(.*?)<", self.call("DescribeRouteTables", **{"Filter.1.Name": "vpc-id", "Filter.1.Value.1": vpc}))[1]
        self.call("CreateRoute", RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        eni, mac = self.interface(subnet, "10.0.0.5")
        allocation = self.call("AllocateAddress", Domain="vpc")
        public, id = re.search("<publicIp>(.*?)<", allocation)[1], re.search("<allocationId>(.*?)<", allocation)[1]
        self.call("AssociateAddress", AllocationId=id, NetworkInterfaceId=eni)
        self.ip("-n", self.guest, "route", "add", public, "dev", "eth0")
        self.ip("-n", self.host, "tuntap", "add", "tap0", "mode", "tap")
        self.ip("-n", self.host, "link", "set", "tap0", "address", mac, "up")
        self.ip("-n", self.host, "addr", "add", "10.0.0.5/24", "dev", "tap0")
        self.ip("-n", self.host, "route", "add", "default", "via", "10.0.0.1")
        self.vpcd("attach", eni, "--tap", "tap0")
        self.assertTrue(self.ping(self.host, "192.0.2.1"), "out by the uplink and back")
        ports = {p["port"]: p for p in self.status()["ports"]}
        self.assertEqual(ports["internet"]["at"], "interface up0")
        self.assertGreaterEqual(ports["internet"]["sent"], 2)
        self.assertIn("is the uplink", self.vpcd("attach", eni, "--interface", "up0", status=1))
