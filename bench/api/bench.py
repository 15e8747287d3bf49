#!/usr/bin/env python3
"""Calls per second of `vpcd serve`, beside moto's server where both can do the same.

  bench/api/bench.py [--seconds S] [--enis N] [--json]

Needs a release build (`cargo build --release -p vpcd`) and the clients of scripts/install-clients. Both servers run here, one after the
other within each round, so that what else the machine does meets both alike; medians of the rounds, with the spread.
Example: bench/api/bench.py --enis 10000
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Client:
    """One connection that stays; requests are written by hand so that the client costs little."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""

    def call(self, **members):
        return self.send(request(members))

    def send(self, message):
        self.socket.sendall(message)
        data = self.rest
        while b"\r\n\r\n" not in data:
            more = self.socket.recv(1 << 20)
            if not more:
                raise ConnectionError("closed")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
        parts, have = [body], len(body)
        while have < length:
            more = self.socket.recv(1 << 20)
            parts.append(more)
            have += len(more)
        body = b"".join(parts)
        self.rest, body = body[length:], body[:length]
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(body.decode()[:400])
        return body.decode()


def request(members):
    body = urllib.parse.urlencode({"Version": "2016-11-15", **members}).encode()
    head = ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/ec2/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64 + "\r\nX-Amz-Date: 20260101T000000Z\r\n"
            f"Content-Length: {len(body)}\r\n\r\n")
    return head.encode() + body


def field(body, name):
    return re.search(f"<{name}>([^<]*)</{name}>", body).group(1)


class Vpcd:
    def __init__(self, *options, cores=None):
        self.config = tempfile.NamedTemporaryFile("w", suffix=".toml")
        self.config.write('[quotas]\nVpcs = 2000\nInterfaces = 100000\nSubnetsPerVpc = 10000\n')
        self.config.flush()
        binary = os.environ.get("VPCD", str(ROOT / "target/release/vpcd"))
        pin = ["taskset", "-c", cores] if cores else []
        self.process = subprocess.Popen(
            [*pin, binary, "serve", "--listen", "127.0.0.1:0", "--hosts", "none", "--json", "--config", self.config.name, *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.started = time.perf_counter()
        url = urllib.parse.urlsplit(json.loads(self.process.stdout.readline())["endpoint"])
        self.address = (url.hostname, url.port)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class Moto:
    def __init__(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.address = s.getsockname()
        self.process = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(self.address[1])],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(self.address).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("moto_server did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Closing(Client):
    """moto's development server takes one request per connection."""

    def __init__(self, address):
        self.address = address

    def send(self, message):
        super().__init__(self.address)
        try:
            return super().send(message.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        finally:
            self.socket.close()


def rate(work, seconds):
    """Calls per second of work(n), which makes one call."""
    n, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        work(n)
        n += 1
    return n / (time.perf_counter() - start)


def concurrent(address, clients, seconds, work):
    """Calls per second of many clients; work(client, me, n)."""
    counts = [0] * clients
    stop = time.perf_counter() + seconds

    def one(me):
        client = Client(address)
        while time.perf_counter() < stop:
            work(client, me, counts[me])
            counts[me] += 1

    threads = [threading.Thread(target=one, args=(i,)) for i in range(clients)]
    start = time.perf_counter()
    [t.start() for t in threads]
    [t.join() for t in threads]
    return sum(counts) / (time.perf_counter() - start)


def furnish(client, enis):
    """A VPC with `enis` interfaces; its subnet."""
    vpc = field(client.call(Action="CreateVpc", CidrBlock="10.0.0.0/16"), "vpcId")
    subnet = None
    for i in range(max(1, -(-enis // 4000))):
        subnet = field(client.call(Action="CreateSubnet", VpcId=vpc, CidrBlock=f"10.0.{16 * i}.0/20"), "subnetId")
        for _ in range(min(4000, enis - 4000 * i)):
            client.call(Action="CreateNetworkInterface", SubnetId=subnet)
    return vpc, subnet


def subnets_at(vpc):
    """Requests that each make one more subnet."""
    for a in range(128, 256):
        for b in range(0, 256, 16):
            yield request({"Action": "CreateSubnet", "VpcId": vpc, "CidrBlock": f"10.0.{a}.{b}/28"})


def compare(server, client_of, seconds):
    """What both servers can do: 100 interfaces described, subnets made."""
    client = client_of(server.address)
    vpc, subnet = furnish(client, 100)
    describe = request({"Action": "DescribeNetworkInterfaces", "Filter.1.Name": "subnet-id", "Filter.1.Value.1": subnet})
    vpcs = request({"Action": "DescribeVpcs"})
    makes = subnets_at(vpc)
    out = {"DescribeVpcs": rate(lambda n: client.send(vpcs), seconds),
           "DescribeNetworkInterfaces of 100": rate(lambda n: client.send(describe), seconds)}
    made, start = 0, time.perf_counter()
    for make in makes:
        client.send(make)
        made += 1
        if time.perf_counter() - start > seconds:
            break
    out["CreateSubnet"] = made / (time.perf_counter() - start)
    return out


def alone(enis, seconds):
    """What the marks ask of vpcd with many interfaces present."""
    out = {}
    server = Vpcd("--ephemeral", "--api-threads", "1", cores="0")
    try:
        client = Client(server.address)
        start = time.perf_counter()
        vpc, subnet = furnish(client, enis)
        out[f"CreateNetworkInterface, growing to {enis}"] = enis / (time.perf_counter() - start)
        vpcs = request({"Action": "DescribeVpcs"})
        out["DescribeVpcs, one core"] = rate(lambda n: client.send(vpcs), seconds)
        latencies = []
        security = field(client.call(Action="CreateSecurityGroup", GroupName="g", GroupDescription="g", VpcId=vpc), "groupId")
        for i in range(1000):
            t = time.perf_counter()
            client.call(Action="AuthorizeSecurityGroupIngress", GroupId=security, IpProtocol="tcp", FromPort=1 + i % 50, ToPort=1 + i % 50,
                        CidrIp=f"10.{i // 50}.0.0/16") if i < 50 else client.call(
                Action="CreateNetworkInterface", SubnetId=subnet)
            latencies.append((time.perf_counter() - t) * 1e3)
        latencies.sort()
        out["serial change, ms median"] = latencies[500]
        out["serial change, ms p99"] = latencies[990]
        pages, token = [], None
        while True:
            more = {"NextToken": token} if token else {}
            t = time.perf_counter()
            body = client.call(Action="DescribeNetworkInterfaces", MaxResults=1000, **more)
            pages.append((time.perf_counter() - t) * 1e3)
            found = re.search("<nextToken>([^<]*)</nextToken>", body)
            token = found and found.group(1)
            if not token:
                break
        out["page of 1000 interfaces, ms first"] = pages[0]
        out["page of 1000 interfaces, ms slowest"] = max(pages)
    finally:
        server.stop()
    state = tempfile.mkdtemp(prefix="vpcd-bench-")
    try:
        server = Vpcd("--state", state)
        client = Client(server.address)
        vpc, subnet = furnish(client, enis)
        tag = lambda me, n: request({"Action": "CreateTags", "ResourceId.1": subnet, "Tag.1.Key": f"k{me}", "Tag.1.Value": n})
        out["durable mutations, 32 clients"] = concurrent(server.address, 32, seconds, lambda c, me, n: c.send(tag(me, n)))
        out["durable mutations, one client"] = rate(lambda n: client.send(tag(0, n)), seconds)
        server.stop()
        start = time.perf_counter()
        server = Vpcd("--state", state)
        out[f"start with {enis} interfaces, s"] = time.perf_counter() - start
        server.stop()
    finally:
        shutil.rmtree(state)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--enis", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rounds = {"vpcd": [], "vpcd durable": [], "moto": []}
    for i in range(options.rounds):
        print(f"round {i + 1} of {options.rounds}", file=sys.stderr)
        for name in rounds:
            state = tempfile.mkdtemp(prefix="vpcd-bench-")
            server = {"vpcd": lambda: Vpcd("--ephemeral"), "vpcd durable": lambda: Vpcd("--state", state), "moto": Moto}[name]()
            try:
                rounds[name].append(compare(server, Closing if name == "moto" else Client, options.seconds))
            finally:
                server.stop()
                shutil.rmtree(state)
    result = {"compared": {}, "alone": alone(options.enis, options.seconds)}
    for call in rounds["moto"][0]:
        values = {name: [r[call] for r in rs] for name, rs in rounds.items()}
        medians = {name: statistics.median(v) for name, v in values.items()}
        result["compared"][call] = {
            **{name: {"median": medians[name], "min": min(v), "max": max(v)} for name, v in values.items()},
            "vpcd / moto": medians["vpcd"] / medians["moto"], "durable / moto": medians["vpcd durable"] / medians["moto"]}
    if options.json:
        print(json.dumps(result))
        return
    print(f"{'calls per second':36}{'vpcd':>20}{'durable':>20}{'moto':>18}{'ratios':>16}")
    for call, row in result["compared"].items():
        cell = lambda name: f"{row[name]['median']:.0f} ({row[name]['min']:.0f}-{row[name]['max']:.0f})"
        print(f"{call:36}{cell('vpcd'):>20}{cell('vpcd durable'):>20}{cell('moto'):>18}"
              f"{row['vpcd / moto']:>9.0f}x{row['durable / moto']:>5.0f}x")
    for what, value in result["alone"].items():
        print(f"{what:48}{value:12.2f}" if value < 100 else f"{what:48}{value:12.0f}")


if __name__ == "__main__":
    main()
