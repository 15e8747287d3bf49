"""A server for tests with real clients, and the test case that all of them share.

One `vpcd serve --ephemeral --hosts none` serves a whole run of tests; each test begins with a fresh account.
The binary is the one that VPCD names, else target/debug/vpcd or target/release/vpcd, whichever is newer.
"""
import atexit
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

ROOT = pathlib.Path(__file__).resolve().parents[2]
TALK = str(ROOT / "tests" / "clients" / "lab" / "talk.py")


def binary():
    """The vpcd to test."""
    if "VPCD" in os.environ:
        return os.environ["VPCD"]
    built = [ROOT / "target" / profile / "vpcd" for profile in ("debug", "release")]
    built = [path for path in built if path.exists()]
    if not built:
        sys.exit("there is no vpcd to test: run `cargo build -p vpcd`, or name one in VPCD")
    return str(max(built, key=lambda path: path.stat().st_mtime))


class Server:
    """A `vpcd serve` of our own. `options` go to its command line."""

    def __init__(self, *options):
        self.log = open(os.environ.get("VPCD_LOG", os.devnull), "a")
        self.process = subprocess.Popen(
            [binary(), "serve", "--listen", "127.0.0.1:0", "--json", *options],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"vpcd did not start (exit status {self.process.wait()}); VPCD_LOG=FILE keeps what it says")
        self.endpoint = json.loads(line)["endpoint"]

    def client(self, service, **options):
        """A boto3 client of this server, with no retries that would hide an error."""
        options.setdefault("region_name", "us-east-1")
        config = botocore.config.Config(retries={"max_attempts": 1})
        return boto3.client(service, endpoint_url=self.endpoint, aws_access_key_id="AKIATEST",
                            aws_secret_access_key="secret", config=config, **options)

    def environment(self):
        """For programs that read AWS_* variables."""
        return {**os.environ, "AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "AKIATEST",
                "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1", "AWS_PAGER": "",
                "AWS_EC2_METADATA_DISABLED": "true"}

    def reset(self):
        """Back to a fresh account."""
        with urllib.request.urlopen(urllib.request.Request(self.endpoint + "/moto-api/reset", method="POST")) as answer:
            answer.read()

    def stop(self):
        """Ends it; its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        self.log.close()
        return status


_shared = None


def shared():
    """The server that most tests use."""
    global _shared
    if _shared is None:
        _shared = Server("--ephemeral", "--hosts", "none")
        atexit.register(_shared.stop)
    return _shared


def live():
    """Whether tests may make namespaces on this machine."""
    return os.environ.get("VPCD_LIVE") == "1"


class Case(unittest.TestCase):
    """A test against a fresh account: `self.ec2` is boto3's client, `self.aws(...)` the real command."""

    maxDiff = None

    def setUp(self):
        self.server = shared()
        self.server.reset()
        self.ec2 = self.server.client("ec2")

    def aws(self, *words):
        """Runs `aws WORDS`, which must succeed; its output as parsed JSON (None if it prints nothing)."""
        done = subprocess.run(["aws", *words, "--output", "json"], env=self.server.environment(),
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, f"aws {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, code, call, *arguments, **members):
        """The call must be refused with this code; answers the message."""
        with self.assertRaises(botocore.exceptions.ClientError) as refusal:
            call(*arguments, **members)
        error = refusal.exception.response["Error"]
        self.assertEqual(error["Code"], code, error["Message"])
        return error["Message"]

    def xml(self, **members):
        """Sends members as they are, past what client libraries check; status and body."""
        body = urllib.parse.urlencode({"Version": "2016-11-15", **members}).encode()
        try:
            with urllib.request.urlopen(self.server.endpoint, data=body) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def tags(self, **tags):
        """Tags in the form that calls take."""
        return [{"Key": key, "Value": value} for key, value in tags.items()]

    def tagged(self, kind, **tags):
        """The TagSpecifications of a call that makes one `kind`."""
        return [{"ResourceType": kind, "Tags": self.tags(**tags)}]


@unittest.skipUnless(live(), "makes network namespaces: set VPCD_LIVE=1, as root")
class LiveCase(Case):
    """A test whose instances are namespaces: `self.inside(instance, ...)` runs a command in one."""

    def setUp(self):
        # The usual control socket may be another server's.
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.socket = str(pathlib.Path(directory.name) / "socket")
        self.server = Server("--ephemeral", "--socket", self.socket)
        self.addCleanup(lambda: self.assertEqual(self.server.stop(), 0))
        self.ec2 = self.server.client("ec2")

    def inside(self, where, *words, timeout=20):
        """Runs a command in an instance, or in `internet`; the finished process."""
        return subprocess.run([binary(), "exec", where, "--", *words], capture_output=True, text=True, timeout=timeout)

    def drops(self):
        """Frames dropped so far: (port, stage, reason) -> count."""
        with urllib.request.urlopen(self.server.endpoint + "/metrics") as answer:
            text = answer.read().decode()
        found = re.findall(r'^vpcd_port_dropped_frames_total\{port="([^"]*)",stage="([^"]*)",reason="([^"]*)"\} (\d+)$', text, re.M)
        return {(port, stage, reason): int(n) for port, stage, reason, n in found}

    def exceeded(self):
        """Packets of new flows refused so far because a port held its share of the sessions: port -> count."""
        with urllib.request.urlopen(self.server.endpoint + "/metrics") as answer:
            text = answer.read().decode()
        return {port: int(n) for port, n in re.findall(r'^vpcd_port_conntrack_allowance_exceeded_total\{port="([^"]*)"\} (\d+)$', text, re.M)}

    def passes(self, where, host, port=None, seen=None):
        """TCP (or ping, without a port) goes through, both ways; `seen`: the address that the other side sees."""
        if port is None:
            done = self.inside(where, "ping", "-c", "2", "-i", "0.2", "-W", "2", host)
        else:
            done = self.inside(where, sys.executable, TALK, "call", host, str(port))
        self.assertEqual(done.returncode, 0, f"{where} > {host}:{port}: {done.stdout}{done.stderr}")
        if seen:
            self.assertEqual(done.stdout.strip(), seen)

    def dropped(self, stage, where, host, port=None):
        """Nothing arrives and nothing comes back; this stage counts exactly what was sent: one SYN (or one ping)."""
        before = self.drops()
        if port is None:
            done = self.inside(where, "ping", "-c", "1", "-W", "0.6", host)
            self.assertIn("0 received", done.stdout)
        else:
            done = self.inside(where, sys.executable, TALK, "call", host, str(port), "0.6")
            self.assertIn("timed out", done.stderr, f"{where} > {host}:{port}: {done.stdout}")
        after = self.drops()
        new = {key: n - before.get(key, 0) for key, n in after.items() if n != before.get(key, 0)}
        # What a guest's kernel says unasked is not what the test sent.
        new = {key: n for key, n in new.items() if key[1] == stage or key[2] not in ("no-multicast", "no-owner", "not-mine")}
        self.assertEqual([(key[1], n) for key, n in new.items()], [(stage, 1)], f"{where} > {host}:{port}: {new}")

    def listen(self, where, *ports, how="listen"):
        """Something that answers on these TCP ports (`count`: with the number of bytes it was sent), until the test ends."""
        process = subprocess.Popen([binary(), "exec", where, "--", sys.executable, TALK, how, *map(str, ports)],
                                   stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close()))
        self.assertEqual(process.stdout.readline(), "listening\n")

    def shell(self, where, text, timeout=20):
        """What a shell command in an instance prints; it must succeed."""
        done = self.inside(where, "sh", "-ec", text, timeout=timeout)
        self.assertEqual(done.returncode, 0, f"{where}: {text}: {done.stdout}{done.stderr}")
        return done.stdout

    def spawn(self, where, *words):
        """Starts a command that goes on until the test ends."""
        process = subprocess.Popen([binary(), "exec", where, "--", *words], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (process.kill(), process.wait()))
        return process
