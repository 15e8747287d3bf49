#!/usr/bin/env python3
"""Calls per second of `vpcd serve`, beside moto's server where both can do the same.

  bench/api/bench.py [--seconds S] [--enis N] [--rounds R] [--json]
  bench/api/bench.py --curve docs/publish-latency.svg [--enis N] [--json]

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


def curve(sizes):
    """One serial change after the other, from call to answer, with more and more interfaces present: size -> (median, p99), ms."""
    out = {}
    for size in sizes:
        server = Vpcd("--ephemeral")
        try:
            client = Client(server.address)
            vpc, subnet = furnish(client, size)
            group = field(client.call(Action="CreateSecurityGroup", GroupName="g", GroupDescription="g", VpcId=vpc), "groupId")
            table = field(client.call(Action="CreateRouteTable", VpcId=vpc), "routeTableId")
            gateway = field(client.call(Action="CreateInternetGateway"), "internetGatewayId")
            client.call(Action="AttachInternetGateway", VpcId=vpc, InternetGatewayId=gateway)
            rule = dict(GroupId=group, IpProtocol="tcp", FromPort=9, ToPort=9, CidrIp="198.18.0.0/15")
            route = dict(RouteTableId=table, DestinationCidrBlock="198.18.0.0/15")
            changes = [dict(Action="AuthorizeSecurityGroupIngress", **rule), dict(Action="CreateRoute", GatewayId=gateway, **route),
                       dict(Action="CreateNetworkInterface", SubnetId=subnet),
                       dict(Action="RevokeSecurityGroupIngress", **rule), dict(Action="DeleteRoute", **route)]
            changes = [request(change) for change in changes]
            took = []
            for n in range(2000):
                start = time.perf_counter()
                client.send(changes[n % len(changes)])
                took.append((time.perf_counter() - start) * 1e3)
            took.sort()
            out[size] = took[len(took) // 2], took[len(took) * 99 // 100]
        finally:
            server.stop()
    return out


def draw(points, path):
    """The curve as a picture: interfaces to the right (logarithmic), milliseconds upwards."""
    import math
    width, height, left, top = 480, 260, 56, 20
    sizes = sorted(points)
    most = max(p99 for _, p99 in points.values()) * 1.2
    x = lambda size: left + (width - left - 20) * (math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0]))
    y = lambda ms: top + (height - top - 40) * (1 - ms / most)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for ms in (0, most / 3, most * 2 / 3, most):
        out.append(f'<path d="M{left} {y(ms):.1f}H{width - 20}" stroke="#ddd"/><text x="{left - 6}" y="{y(ms) + 4:.1f}" '
                   f'text-anchor="end">{ms:.2f} ms</text>')
    for size in sizes:
        out.append(f'<text x="{x(size):.1f}" y="{height - 22}" text-anchor="middle">{size:,}</text>')
    out.append(f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">interfaces present</text>')
    for which, name, colour in ((0, "median", "#1f77b4"), (1, "99th percentile", "#d62728")):
        line = " ".join(f"{x(size):.1f},{y(points[size][which]):.1f}" for size in sizes)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x(size):.1f}" cy="{y(points[size][which]):.1f}" r="3" fill="{colour}"/>' for size in sizes]
        out.append(f'<text x="{left + 10}" y="{top + 12 + 14 * which}" fill="{colour}">{name}</text>')
    pathlib.Path(path).write_text("\n".join(out) + "\n</svg>\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--enis", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--curve", metavar="SVG", help="instead: draw one serial change's time over the number of interfaces, up to --enis")
    options = parser.parse_args()
    if options.curve:
        points = curve([size for size in (100, 300, 1000, 3000, 10000, 30000) if size <= options.enis])
        draw(points, options.curve)
        if options.json:
            print(json.dumps({size: dict(zip(("median", "p99"), ms)) for size, ms in points.items()}))
        else:
            for size, (median, p99) in points.items():
                print(f"{size:>7} interfaces: median {median:.3f} ms, p99 {p99:.3f} ms")
        return
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
