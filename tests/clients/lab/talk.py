#!/usr/bin/env python3
"""Both ends of a conversation, for tests.

  talk.py listen PORT...            accepts TCP connections on all addresses, answers each line with the peer's address and the line
  talk.py call [-b SOURCE] HOST PORT [SECONDS]
                                    connects, exchanges three lines, prints the address that the listener saw; exit status 0 only if all went well
  talk.py count PORT...             accepts TCP connections, reads each to its end, and answers the number of bytes
  talk.py push HOST PORT MEGABYTES  connects, sends so much, and prints what the other end counted
  talk.py flood SOURCE DESTINATION KIND SECONDS
                                    sends frames of a KIND (syn, udp, fragments, errors) as fast as it can by eth0; prints how many
"""
import socket
import struct
import sys
import threading
import time


def serve(connection, peer):
    with connection, connection.makefile("rw") as stream:
        for line in stream:
            stream.write(f"{peer[0]} {line}")
            stream.flush()


def accept(listener, serve):
    while True:
        connection, peer = listener.accept()
        threading.Thread(target=serve, args=(connection, peer), daemon=True).start()


def tally(connection, _peer):
    with connection:
        total = 0
        while data := connection.recv(1 << 20):
            total += len(data)
        connection.sendall(str(total).encode())


def listen(ports, serve):
    for port in ports:
        listener = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
        threading.Thread(target=accept, args=(listener, serve), daemon=True).start()
    print("listening", flush=True)
    threading.Event().wait()


def call(arguments):
    source = None
    if arguments[0] == "-b":
        source, arguments = (arguments[1], 0), arguments[2:]
    host, port, seconds = arguments[0], int(arguments[1]), float(arguments[2]) if len(arguments) > 2 else 3
    seen = set()
    with socket.create_connection((host, port), timeout=seconds, source_address=source) as connection:
        with connection.makefile("rw") as stream:
            for n in range(3):
                stream.write(f"line {n}\n")
                stream.flush()
                peer, _, rest = stream.readline().partition(" ")
                if rest != f"line {n}\n":
                    sys.exit(f"sent line {n}, got {rest!r}")
                seen.add(peer.removeprefix("::ffff:"))
    print(*seen)


def push(host, port, megabytes):
    data = bytes(1 << 20)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        for _ in range(int(megabytes)):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        print(int(connection.recv(100)) >> 20)


def checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def ipv4(source, destination, protocol, content, n, offset=0):
    """A packet; `offset`: the word of flags and fragment offset."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(content), n & 0xffff, offset, 64, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(destination))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + content


def packets(kind, source, destination):
    """Ever new ones: no two of one flow, or of one datagram."""
    n = 0
    while True:
        n += 1
        sport, dport = 1024 + n % 60000, 1 + n // 60000 % 60000
        if kind == "syn":
            yield ipv4(source, destination, 6, struct.pack("!HHIIBBHHH", sport, dport, n, 0, 0x50, 2, 1000, 0, 0), n)
        elif kind == "udp":
            yield ipv4(source, destination, 17, struct.pack("!HHHH", sport, dport, 8, 0), n)
        elif kind == "fragments":
            # Never a first one.
            yield ipv4(source, destination, 17, bytes(64), n, 0x2000 | 100 + n // 65536 % 1000)
        elif kind == "errors":
            quoted = ipv4(destination, source, 17, struct.pack("!HHHH", sport, dport, 8, 0), n)
            message = struct.pack("!BBHI", 3, 1, 0, 0) + quoted
            yield ipv4(source, destination, 1, message[:2] + struct.pack("!H", checksum(message)) + message[4:], n)
        else:
            sys.exit(f"no kind {kind}")


def flood(source, destination, kind, seconds):
    router = bytes.fromhex("027670636401")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as line, open("/sys/class/net/eth0/address") as address:
        line.bind(("eth0", 0x0800))
        head = router + bytes.fromhex(address.read().strip().replace(":", "")) + b"\x08\x00"
        frames, sent, end = packets(kind, source, destination), 0, time.monotonic() + float(seconds)
        while time.monotonic() < end:
            for _ in range(100):
                try:
                    line.send(head + next(frames))
                    sent += 1
                except OSError:
                    # The queue is full: that is what a flood is.
                    pass
        print(sent)


if __name__ == "__main__":
    if sys.argv[1:2] == ["listen"]:
        listen(sys.argv[2:], serve)
    elif sys.argv[1:2] == ["count"]:
        listen(sys.argv[2:], tally)
    elif sys.argv[1:2] == ["push"]:
        push(*sys.argv[2:])
    elif sys.argv[1:2] == ["flood"]:
        flood(*sys.argv[2:])
    elif sys.argv[1:2] == ["call"]:
        call(sys.argv[2:])
    else:
        sys.exit(__doc__)
