"""Captures that others made, through an open and a strict VPC."""

import collections
import json
import os
import subprocess
import sys
import time

import captures

WANTED = 50
MODEL_HELP = "a program that gets TEMPLATE CAPTURE HOST OUT for each replay and exits 0 if the reference model counts the same"


def chosen(directory):
    """Captures with an IPv4 host to put into the VPC: (file, host), the busiest first."""
    found = []
    for file in sorted(directory.glob("*.pcap*")):
        host, frames = captures.main_host(file)
        if host and frames >= 2:
            found.append((frames, file, host))
    found.sort(key=lambda f: (-f[0], f[1].name))
    return [(file, host) for _, file, host in found]


class Sum:
    def __init__(self, name):
        self.name = name
        self.captures = self.frames = self.mine = self.forwarded = 0
        self.gates = collections.Counter()
        self.wrong = []

    def add(self, file, host, summary, verdicts):
        """Takes the summary of one replay, and counts again by its list of verdicts."""
        self.captures += 1
        self.frames += summary["frames"]
        self.mine += summary["frames"] - summary["not_mine"]
        self.forwarded += summary["forward"]
        kinds, gates = collections.Counter(), collections.Counter()
        for line in verdicts:
            v = json.loads(line)
            if v["reason"] == "not-mine" and v["stage"] == "engine":
                kinds["not-mine"] += 1
                continue
            kinds[v["verdict"]] += 1
            if v["verdict"] == "drop":
                gates[v["stage"], v["reason"]] += 1
        said = {(r["stage"], r["reason"]): r["count"] for r in summary["reasons"] if r["verdict"] == "drop"}
        told = {k: summary[k] for k in ("forward", "reply", "punt", "drop")} | {"not-mine": summary["not_mine"]}
        if dict(gates) != said or any(kinds[k] != n for k, n in told.items()) or sum(kinds.values()) != summary["frames"]:
            self.wrong.append(f"{file.name} (host {host}): {dict(kinds)} in the list, {told} in the summary")
        self.gates.update(gates)


def replay(vpcd, template, file, host, out):
    command = [vpcd, "replay", str(template), "--in", f"Host={file},host={host}", "--out", str(out), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def run(vpcd, directory, work, examples, model=None):
    """Replays all of them through both templates and judges the shares; False if something is not as it should be."""
    files = chosen(directory)
    print(f"--- {len(files)} foreign captures, each host in the place of Host")
    started, good = time.monotonic(), len(files) >= WANTED
    if not good:
        print(f"BAD too few captures with an IPv4 host: {len(files)}, wanted {WANTED}")
    for name in ("open", "strict"):
        total, template = Sum(name), examples / f"{name}.yaml"
        for n, (file, host) in enumerate(files):
            progress(f"{name}: {n + 1} of {len(files)}: {file.name}")
            out = work / name / file.name
            done = replay(vpcd, template, file, host, out)
            if done.returncode:
                total.wrong.append(f"{file.name}: {done.stderr.strip()[-200:]}")
                continue
            with open(out / "verdicts.jsonl", encoding="utf-8") as verdicts:
                total.add(file, host, json.loads(done.stdout), verdicts)
            if model and subprocess.run([model, template, file, host, out], check=False).returncode:
                total.wrong.append(f"{file.name}: the reference model disagrees")
        progress("")
        good = judge(total) and good
    print(f"{time.monotonic() - started:.0f} s")
    return good


def judge(total):
    share = 100 * total.forwarded / max(total.mine, 1)
    print(f"{total.name}: {total.captures} captures, {total.frames} frames, {total.mine} of the hosts; "
          f"{total.forwarded} forwarded ({share:.1f} %), dropped in {len(total.gates)} ways:")
    for (stage, reason), n in total.gates.most_common():
        print(f"    {n:8} {stage}/{reason}")
    for line in total.wrong[:20]:
        print(f"BAD {line}")
    good = not total.wrong
    if total.name == "open" and share < 60:
        good = False
        print("BAD less than 60 % of the hosts' frames were forwarded")
    if total.name == "strict" and len(total.gates) < 8:
        good = False
        print("BAD fewer than eight pairs of stage and reason")
    return good


if __name__ == "__main__":
    sys.exit(os.EX_USAGE)
