#!/usr/bin/env python3
"""One end of many conversations, for tests: listens, sniffs, and sends what it is told to.

  probe.py PORT...    listens on these ports, TCP and UDP, echoing what comes; reads commands from stdin, one JSON object a line

  {"do": "tcp" | "udp" | "icmp", "from": ADDR, "to": ADDR, "port": N, "wait": SECONDS}
        one SYN, datagram or echo request, and if it is answered three exchanges in all;
        answers {"sport": N, "end": "passed" | "silence" | what else came back}
  {"do": "arrived"}
        answers the packets that came in since it was last asked, as [PROTOCOL, SRC, SPORT, DST, DPORT]: SYNs, datagrams and echo requests
"""
import errno
import json
import os
import socket
import struct
import sys
import threading

TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
arrivals, lock = [], threading.Lock()


def sniff(line):
    while True:
        try:
            packet, (_, ethertype, kind, *_) = line.recvfrom(2048)
        except OSError:
            # The instance ends.
            return
        if kind == socket.PACKET_OUTGOING or ethertype not in (0x0800, 0x86dd):
            continue
        six = ethertype == 0x86dd
        family, size = (socket.AF_INET6, 16) if six else (socket.AF_INET, 4)
        at = 8 if six else 12
        src, dst = (socket.inet_ntop(family, packet[a:a + size]) for a in (at, at + size))
        protocol, rest = (packet[6], packet[40:]) if six else (packet[9], packet[(packet[0] & 15) * 4:])
        if protocol == TCP and rest[13] & 0x12 == 2 or protocol == UDP:
            found = [{TCP: "tcp", UDP: "udp"}[protocol], src, *struct.unpack("!H", rest[:2]), dst, *struct.unpack("!H", rest[2:4])]
        elif (protocol, rest[0]) in ((ICMP, 8), (ICMP6, 128)):
            found = ["icmp", src, None, dst, None]
        else:
            continue
        with lock:
            arrivals.append(found)


def echo(connection):
    with connection:
        while data := connection.recv(2048):
            connection.sendall(data)


def accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=(connection,), daemon=True).start()


def bounce(sock):
    """Answers leave from the address that was asked: each address has a socket of its own."""
    while True:
        data, peer = sock.recvfrom(2048)
        try:
            sock.sendto(data, peer)
        except OSError:
            # No way back to the sender.
            pass


def addresses():
    with os.popen("ip -j address show scope global") as shown:
        return [a["local"] for link in json.load(shown) for a in link.get("addr_info", []) if "local" in a]


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def tcp(source, to, port, wait):
    with socket.socket(family(to), socket.SOCK_STREAM) as sock:
        sock.settimeout(wait)
        sock.bind((source, 0))
        yield sock.getsockname()[1]
        sock.connect((to, port))
        sock.settimeout(3)
        for n in range(3):
            sock.sendall(b"line %d" % n)
            if sock.recv(2048) != b"line %d" % n:
                raise OSError("the line came back changed")


def udp(source, to, port, wait):
    with socket.socket(family(to), socket.SOCK_DGRAM) as sock:
        sock.settimeout(wait)
        sock.bind((source, 0))
        sock.connect((to, port))
        yield sock.getsockname()[1]
        for n in range(3):
            sock.send(b"line %d" % n)
            if sock.recv(2048) != b"line %d" % n:
                raise OSError("the line came back changed")
            sock.settimeout(3)


def icmp(source, to, _port, wait):
    six = ":" in to
    protocol, request, reply = (socket.getprotobyname("ipv6-icmp"), 128, 129) if six else (ICMP, 8, 0)
    with socket.socket(family(to), socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(wait)
        sock.bind((source, 0))
        yield None
        mark = os.urandom(56)
        for n in range(3):
            message = struct.pack("!BBHHH", request, 0, 0, 1, n) + mark
            if not six:
                total = sum(struct.unpack(f"!{len(message) // 2}H", message))
                while total >> 16:
                    total = (total & 0xffff) + (total >> 16)
                message = message[:2] + struct.pack("!H", ~total & 0xffff) + message[4:]
            sock.sendto(message, (to, 0))
            while True:
                packet, peer = sock.recvfrom(2048)
                packet = packet if six else packet[(packet[0] & 15) * 4:]
                if peer[0] == to and packet[0] == reply and packet[8:] == mark and packet[7] == n:
                    break
                if packet[0] not in (request, reply) and mark[:8] in packet:
                    raise OSError(f"ICMP type {packet[0]}")
            sock.settimeout(3)


def send(how, command):
    steps = how(command["from"], command["to"], command["port"], command["wait"])
    sport = next(steps)
    try:
        for _ in steps:
            pass
        end = "passed"
    except TimeoutError:
        end = "silence"
    except OSError as error:
        end = errno.errorcode.get(error.errno, str(error))
    return {"sport": sport, "end": end}


def main(ports):
    # One SYN-ACK for one SYN: a lost answer is not sent again into a later test.
    with open("/proc/sys/net/ipv4/tcp_synack_retries", "w") as retries:
        retries.write("0")
    line = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    line.bind(("eth0", 3))
    threading.Thread(target=sniff, args=(line,), daemon=True).start()
    for port in ports:
        listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        for address in addresses():
            sock = socket.socket(family(address), socket.SOCK_DGRAM)
            sock.bind((address, port))
            threading.Thread(target=bounce, args=(sock,), daemon=True).start()
    print("listening", flush=True)
    for text in sys.stdin:
        command = json.loads(text)
        if command["do"] == "arrived":
            with lock:
                answer = list(arrivals)
                arrivals.clear()
        else:
            answer = send({"tcp": tcp, "udp": udp, "icmp": icmp}[command["do"]], command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main([int(port) for port in sys.argv[1:]])
