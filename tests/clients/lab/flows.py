#!/usr/bin/env python3
"""Many UDP flows between two hosts, for tests.

  flows.py echo PORT                answers each datagram to its sender
  flows.py send HOST PORT FLOWS     opens FLOWS flows; then, for each line on stdin, sends one datagram by each and waits for the answers:
                                    prints how many came
"""
import select
import socket
import sys


def echo(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("", port))
        print("listening", flush=True)
        while True:
            s.sendto(*s.recvfrom(2048))


def send(host, port, count):
    flows = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for flow in flows:
        flow.connect((host, port))
    print("ready", flush=True)
    for line in sys.stdin:
        answers = 0
        for flow in flows:
            flow.send(line.encode())
            if select.select([flow], [], [], 2)[0]:
                answers += flow.recv(2048) == line.encode()
        print(answers, flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["echo"]:
        echo(int(sys.argv[2]))
    elif sys.argv[1:2] == ["send"]:
        send(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        sys.exit(__doc__)
