"""The main job on real input: configuration 2 as network namespaces, real clients, then a replay of what they did.

Started by scripts/quickstart inside network and mount namespaces of its own. Each check says what is expected, what the clients saw and,
where something is refused, at which stage and for which reason the counters say it was dropped. Afterwards the recording of
that very traffic is replayed: verdicts must add up to the live counters, and every byte that was sent must be sent again.
"""

import argparse
import collections
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import time

import captures

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "docs" / "examples"
NET, NET6, HOME, HOME6 = "192.0.2.77", "2001:db8:cafe::77", "203.0.113.10", "2001:db8:beef::10"
WEB, WEB_PUBLIC, WEB6 = "10.0.0.5", "198.51.100.1", "2001:db8:1234:1a00::1a"
DB, DB6, APP6 = "10.0.1.5", "2001:db8:1234:1a01::5", "2001:db8:1234:1a01::6"
NAT_PUBLIC = "198.51.100.9"
# A refused connection is given up before its first retransmission, so that one packet was sent and one must be counted.
PATIENCE = "0.8"
# What iperf3 and uploads send: enough to see, little enough to record.
LOAD = 6 << 20
UPLOAD = 2 << 20
# iperf3 over TCP; the kernel makes each socket buffer twice the window.
WINDOW = 32 << 10
TCP = ("-b", "80M", "-n", str(LOAD), "-w", str(WINDOW), "-l", "16K")
# Over UDP nobody waits: so slow that a receiver may lose the CPU for a tenth of a second before its buffer overflows.
UDP = ("-u", "-b", "10M", "-n", str(LOAD // 6), "-l", "1400", "-w", "200K")


class Lab:
    """A running `vpcd up` and the clients and servers in its namespaces."""

    def __init__(self, vpcd, work):
        self.vpcd, self.work = vpcd, work
        self.record, self.counters_file, self.log = work / "record", work / "counters.json", work / "connections"
        self.log.touch()
        self.children = []
        template = str(EXAMPLES / "nat.yaml")
        options = ["--record", str(self.record), "--counters", str(self.counters_file), "--json"]
        self.up = subprocess.Popen([vpcd, "up", template, *options], stdout=subprocess.PIPE, text=True)
        self.ready = self.up.stdout.readline()
        if not self.ready:
            raise SystemExit("quickstart: vpcd up did not start (see above)")

    def serve(self):
        """Servers everywhere, also where nobody should get to: what is refused is not refused for want of a server."""
        self.spawn("internet", sys.executable, str(HERE / "servers.py"), str(self.log), "who=25,80,443", f"dns={NET}@53")
        self.spawn("Web", sys.executable, str(HERE / "servers.py"), str(self.log), "who=22,80")
        self.spawn("Db", sys.executable, str(HERE / "servers.py"), str(self.log), "who=80,3306,3307")
        # The namespace has many addresses: over UDP a server must answer from the one that was asked.
        self.spawn("internet", "iperf3", "-s", "-B", NET, "-p", "5201", "--forceflush", wait="listening")
        self.spawn("internet", "iperf3", "-s", "-B", NET6, "-p", "5201", "--forceflush", wait="listening")
        self.spawn("Web", "iperf3", "-s", "-p", "443", "--forceflush", wait="listening")

    def spawn(self, host, *command, wait="up"):
        inside = ["ip", "netns", "exec", f"vpcd-{host}", *command]
        child = subprocess.Popen(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.children.append(child)
        for line in child.stdout:
            if wait in line:
                # What it says later must not fill the pipe.
                return
        raise SystemExit(f"quickstart: {' '.join(command)} did not start in vpcd-{host}")

    def run(self, host, *command):
        inside = ["ip", "netns", "exec", f"vpcd-{host}", *command]
        try:
            return subprocess.run(inside, capture_output=True, text=True, timeout=10, check=False)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(inside, -1, "", "no end after 10 s")

    def counters(self):
        """The engine's counters as of now."""
        self.counters_file.unlink(missing_ok=True)
        self.up.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + 5
        while not self.counters_file.exists():
            if time.monotonic() > deadline or self.up.poll() is not None:
                raise SystemExit("quickstart: vpcd up does not tell its counters")
            time.sleep(0.005)
        return json.loads(self.counters_file.read_text())

    def drops(self):
        return collections.Counter({(d["port"], d["stage"], d["reason"]): d["frames"] for d in self.counters()["drops"]})

    def stop(self):
        """Ends everything as a user would, and answers the last counters."""
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait(timeout=5)
        self.children = []
        self.up.send_signal(signal.SIGINT)
        said, _ = self.up.communicate(timeout=10)
        if self.up.returncode:
            raise SystemExit(f"quickstart: vpcd up ended with status {self.up.returncode}")
        return json.loads(said)

    def kill(self):
        """Whatever happened: nothing that was started stays."""
        for child in [*self.children, self.up]:
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    child.kill()


class Table:
    """Expectation beside observation."""

    HEAD = ("", "WHAT", "EXPECTED", "OBSERVED", "DROPPED AT")
    WIDTH = (3, 45, 32, 46, 0)

    def __init__(self):
        self.failed = 0
        self.passed = 0
        self.line(*self.HEAD)

    def line(self, *cells):
        print(" ".join(c.ljust(w) for c, w in zip(cells, self.WIDTH)).rstrip(), flush=True)

    def row(self, good, what, expected, observed, dropped=""):
        self.passed, self.failed = self.passed + good, self.failed + (not good)
        self.line("ok" if good else "BAD", what, expected, observed, dropped)

    def heading(self, text):
        print(f"--- {text}", flush=True)


def who(lab, host, target, source=None, port=80, send=None):
    """What a server says about the connection (and of the file that was to be sent); None: there was no answer in time."""
    url = f"http://[{target}]:{port}/" if ":" in target else f"http://{target}:{port}/"
    bind = ["--interface", source] if source else []
    # Without `Expect:` a server that does not speak of it costs a second.
    body = ["-T", str(send), "-H", "Expect:"] if send else []
    done = lab.run(host, "curl", "-sS", "-g", "--noproxy", "*", "--connect-timeout", PATIENCE, "-m", "8" if send else "3", *bind, *body, url)
    if done.returncode == 28:
        return None
    return done.stdout.strip() or f"curl: {done.stderr.strip()}"


def ping(lab, host, target, source=None, count=1, options=()):
    bind = ["-I", source] if source else []
    done = lab.run(host, "ping", "-n", "-c", str(count), "-i", "0.2", "-W", "1", *options, *bind, target)
    found = re.search(r"(\d+) received", done.stdout)
    return (int(found[1]) if found else -1), done.stdout


class Checks:
    def __init__(self, lab, table):
        self.lab, self.table = lab, table

    def passes(self, what, expected, action):
        """`action` answers (good, observation). Nothing may be dropped meanwhile."""
        before = self.lab.drops()
        good, observed = action()
        extra = self.lab.drops() - before
        self.table.row(good and not extra, what, expected, observed, show(extra))

    def seen_as(self, what, address, host, target, source=None, port=80, ports=None):
        def action():
            said = who(self.lab, host, target, source, port) or "no answer"
            seen = said.split()
            good = len(seen) == 2 and seen[0] == address and seen[1].isdigit()
            return good and (ports is None or int(seen[1]) in ports), f"server saw {':'.join(seen)}" if good else said

        self.passes(what, f"source {address}", action)

    def pings(self, what, host, target, source=None):
        def action():
            received, _ = ping(self.lab, host, target, source, count=3)
            return received == 3, f"{received} of 3 answers"

        self.passes(what, "3 of 3 answers", action)

    def refused(self, what, gate, port, action, packets=1):
        """`action` answers an observation if something came through, else None; the counters name the gate."""
        expected = (port, *gate.split("/"))
        before, connections = self.lab.drops(), self.lab.log.read_text()
        answer = action()
        extra = self.lab.drops() - before
        reached = self.lab.log.read_text() != connections
        good = answer is None and not reached and extra == collections.Counter({expected: packets})
        observed = answer or ("THE SERVER WAS REACHED" if reached else "no answer")
        self.table.row(good, what, f"refused at {expected[1]}", observed, show(extra))

    def no_connection(self, what, gate, port, host, target, source=None, to=80):
        self.refused(what, gate, port, lambda: who(self.lab, host, target, source, to))

    def no_ping(self, what, gate, port, host, target, source=None):
        def action():
            received, said = ping(self.lab, host, target, source)
            return None if received == 0 else said

        self.refused(what, gate, port, action)

    def iperf(self, what, expected, judge, host, target, *options, port=5201):
        def action():
            done = self.lab.run(host, "iperf3", "-c", target, "-p", str(port), "-J", *options)
            try:
                said = json.loads(done.stdout)
                return judge(said["end"]) if not done.returncode else (False, said["error"])
            except (ValueError, KeyError):
                return False, (done.stdout + done.stderr).strip()[-60:]

        self.passes(what, expected, action)

    def sends(self, what, host, target, *options, port=5201):
        self.iperf(what, f"at least {LOAD - 4 * WINDOW} bytes", sent, host, target, *TCP, *options, port=port)

    def receives(self, what, host, target, *options, port=5201):
        self.iperf(what, f"{LOAD} bytes", received, host, target, *TCP, "-R", *options, port=port)

    def datagrams(self, what, host, target, *options):
        self.iperf(what, "99 % arrive", udp, host, target, *UDP, *options)

    def uploads(self, what, host, target, source=None):
        """A body of known bytes: all of them arrive, and as they were."""
        body = random.Random(1).randbytes(UPLOAD)
        file = self.lab.work / "upload"
        file.write_bytes(body)

        def action():
            said = (who(self.lab, host, target, source, send=file) or "no answer").split()
            good = said[2:] == [str(UPLOAD), hashlib.sha256(body).hexdigest()]
            return good, f"{said[2]} bytes, SHA-256 {said[3][:8]}" if len(said) == 4 else " ".join(said)

        self.passes(what, f"{UPLOAD} bytes, SHA-256 {hashlib.sha256(body).hexdigest()[:8]}", action)


def show(drops):
    return ", ".join(f"{n}x {stage}/{reason}" for (_, stage, reason), n in sorted(drops.items()))


def sent(end):
    """The receiver stops counting when the sender says that it is done: what the sockets of both ends may hold by then is not counted."""
    went, came = end["sum_sent"]["bytes"], end["sum_received"]["bytes"]
    return went == LOAD and went - came <= 4 * WINDOW, seen(came, end)


def received(end):
    """A client that receives goes on until it has everything."""
    came = end["sum_received"]["bytes"]
    return came >= LOAD, seen(came, end)


def seen(came, end):
    return f"{came} bytes at {end['sum_received']['bits_per_second'] / 1e6:.0f} Mbit/s"


def udp(end):
    lost, packets = end["sum"]["lost_packets"], end["sum"]["packets"]
    return packets > 0 and lost * 100 <= packets, f"{packets - lost} of {packets} datagrams"


def checks(lab, table):
    c = Checks(lab, table)
    high = range(1024, 65536)
    table.heading("private hosts out through the NAT gateway")
    c.seen_as("Db: curl http://192.0.2.77", NAT_PUBLIC, "Db", NET, ports=high)
    c.seen_as("App: curl http://192.0.2.77:443", NAT_PUBLIC, "App", NET, port=443, ports=high)
    c.pings("App: ping 192.0.2.77", "App", NET)
    c.passes("App: dig www.example.org @192.0.2.77", NET, lambda: dig(lab))
    c.sends("App: iperf3 TCP to 192.0.2.77", "App", NET)
    c.receives("App: iperf3 TCP from 192.0.2.77", "App", NET)
    c.datagrams("App: iperf3 UDP to 192.0.2.77", "App", NET)
    c.datagrams("App: iperf3 UDP from 192.0.2.77", "App", NET, "-R")
    c.uploads("App: curl -T FILE http://192.0.2.77", "App", NET)
    c.passes("App: ping -M do -s 1473 192.0.2.77", "frag needed, mtu 1500", lambda: too_big(lab))
    table.heading("the web server in through its Elastic IP")
    c.seen_as("HOME: curl http://198.51.100.1", HOME, "internet", WEB_PUBLIC, source=HOME)
    c.seen_as("NET: curl http://198.51.100.1", NET, "internet", WEB_PUBLIC, source=NET)
    c.seen_as("HOME: curl http://198.51.100.1:22", HOME, "internet", WEB_PUBLIC, source=HOME, port=22)
    c.pings("HOME: ping 198.51.100.1", "internet", WEB_PUBLIC, source=HOME)
    c.sends("NET: iperf3 TCP to 198.51.100.1:443", "internet", WEB_PUBLIC, "-B", NET, port=443)
    c.uploads("NET: curl -T FILE http://198.51.100.1", "internet", WEB_PUBLIC, source=NET)
    c.seen_as("Web: curl the database, port 3306", WEB, "Web", DB, port=3306)
    table.heading("what is refused")
    c.no_connection("NET: curl http://198.51.100.1:22", "sg-in/no-rule", "internet", "internet", WEB_PUBLIC, NET, 22)
    c.no_ping("NET: ping 198.51.100.1", "sg-in/no-rule", "internet", "internet", WEB_PUBLIC, NET)
    c.no_connection("NET: the database by its address", "igw/no-mapping", "internet", "internet", DB, NET, 3306)
    c.no_connection("NET: the NAT gateway, unasked", "natgw/unsolicited", "internet", "internet", NAT_PUBLIC, NET, 3306)
    c.no_connection("Other (wrong group): the database, 3306", "sg-in/no-rule", "Other", "Other", DB, to=3306)
    c.no_connection("App (same subnet): the database, 3306", "sg-in/no-rule", "App", "App", DB, to=3306)
    c.no_connection("Web: the database, 3307: 90 before 100", "nacl-in/nacl-rule", "Web", "Web", DB, to=3307)
    c.no_connection("Web: the database, 80", "sg-in/no-rule", "Web", "Web", DB, to=80)
    c.no_connection("Db: mail to 192.0.2.77:25", "sg-out/no-rule", "Db", "Db", NET, to=25)
    c.no_ping("Db: ping 192.0.2.77", "sg-out/no-rule", "Db", "Db", NET)
    c.no_connection("Other (no public address): curl NET", "igw/no-public-address", "Other", "Other", NET)
    table.heading("IPv6")
    c.seen_as("Db: curl NET, egress-only", DB6, "Db", NET6)
    c.pings("App: ping NET, egress-only", "App", NET6)
    c.sends("App: iperf3 TCP to NET", "App", NET6)
    c.uploads("App: curl -T FILE NET", "App", NET6)
    c.seen_as("HOME: curl Web", HOME6, "internet", WEB6, source=HOME6)
    c.seen_as("Web: curl the database, port 3306", WEB6, "Web", DB6, port=3306)
    c.no_connection("NET: the database, inwards", "eigw/no-flow", "internet", "internet", DB6, NET6, 3306)
    c.no_connection("NET: curl Web, port 22", "sg-in/no-rule", "internet", "internet", WEB6, NET6, 22)
    c.no_connection("Web: the database, 3307: 91 before 101", "nacl-in/nacl-rule", "Web", "Web", DB6, to=3307)
    c.no_connection("Db: mail to NET, port 25", "sg-out/no-rule", "Db", "Db", NET6, to=25)


def dig(lab):
    done = lab.run("App", "dig", "+short", "+tries=1", "+time=2", f"@{NET}", "www.example.org", "A")
    return done.stdout.strip() == NET, done.stdout.strip() or "no answer"


def too_big(lab):
    _, said = ping(lab, "App", NET, options=("-M", "do", "-s", "1473"))
    found = re.search(r"From (\S+).*needed.*mtu ?=? ?(\d+)", said)
    observed = f"from {found[1]}: frag needed, mtu {found[2]}" if found else said.strip()[-60:]
    return bool(found) and found[2] == "1500", observed


def replay(lab, table, counters, workers):
    """Replays the recording; verdicts and bytes must be those of the live run."""
    out = lab.work / f"replay-{workers}"
    inputs = sorted(lab.record.glob("*.pcapng"))
    command = [lab.vpcd, "replay", str(EXAMPLES / "nat.yaml"), "--out", str(out), "--workers", str(workers), "--json"]
    for file in inputs:
        command += ["--in", f"{file.stem}={file}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        table.row(False, f"replay, {workers} workers", "status 0", done.stderr.strip()[-80:])
        return
    verdicts, drops, received = collections.Counter(), collections.Counter(), collections.Counter()
    with open(out / "verdicts.jsonl", encoding="utf-8") as lines:
        for line in lines:
            verdict = json.loads(line)
            verdicts[verdict["verdict"]] += 1
            received[verdict["port"]] += 1
            if verdict["verdict"] == "drop":
                drops[verdict["port"], verdict["stage"], verdict["reason"]] += 1
    live = collections.Counter({(d["port"], d["stage"], d["reason"]): d["frames"] for d in counters["drops"]})
    s = "" if workers == 1 else "s"
    what = f"replay, {workers} worker{s}"
    came = {p["port"]: p["received"] for p in counters["ports"] if p["received"]}
    table.row(dict(received) == came, f"{what}: frames by port", f"{sum(came.values())} in", f"{sum(received.values())} in")
    table.row(drops == live, f"{what}: drops by gate", f"{sum(live.values())} in {len(live)} kinds", f"{sum(drops.values())} in {len(drops)} kinds")
    answered = verdicts["reply"] + verdicts["punt"]
    table.row(answered == counters["consumed"], f"{what}: answered", str(counters["consumed"]), str(answered))
    frames, size, wrong = 0, 0, []
    for port in (p["port"] for p in counters["ports"]):
        then, now = (list(captures.pcapng(f)) if f.exists() else [] for f in (lab.record / "out" / f"{port}.pcapng", out / f"{port}.pcapng"))
        frames, size = frames + len(then), size + sum(len(b) for _, b in then)
        if then != now:
            at = next((i for i, (a, b) in enumerate(zip(then, now)) if a != b), min(len(then), len(now)))
            wrong.append(f"{port} differs at frame {at} of {len(then)}/{len(now)}")
    table.row(not wrong, f"{what}: bytes of every frame sent", f"{frames} frames, {size / 1e6:.1f} MB", "; ".join(wrong) or "the same")


def live(vpcd, work):
    table = Table()
    started = time.monotonic()
    lab = Lab(vpcd, work)
    try:
        lab.serve()
        # What kernels say on their own when a device comes up is over by now.
        time.sleep(0.3)
        checks(lab, table)
        counters = lab.stop()
    finally:
        lab.kill()
    table.heading("the engine's own account")
    law = counters["conservation"]
    table.row(law["holds"], "frames that came = frames accounted for", str(law["came"]), str(law["went"]))
    kernel = sum(p["kernel_dropped"] for p in counters["ports"])
    # On a busy machine a queue may overflow before we are scheduled; the kernel counts it, and clients send again.
    table.row(True, "frames lost before the engine saw them", "counted", str(kernel))
    left = [p.name for p in pathlib.Path("/run/netns").glob("vpcd-*")] + [str(p) for p in pathlib.Path("/run").glob("vpcd/*")]
    table.row(not left, "left behind", "nothing", ", ".join(left) or "nothing")
    table.heading("the same traffic once more, from the recording")
    for workers in (1, 4):
        replay(lab, table, counters, workers)
    print(f"{table.passed} as expected, {table.failed} not, {time.monotonic() - started:.0f} s")
    return table.failed == 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/quickstart", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--vpcd", required=True, help="the binary")
    parser.add_argument("--work", required=True, type=pathlib.Path, help="an empty directory")
    args = parser.parse_args()
    # So that `finally` runs when somebody ends us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("quickstart: ended"))
    vpcd = os.path.abspath(args.vpcd)
    good = live(vpcd, args.work)
    print("all agree" if good else "NOT ALL AGREE")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
