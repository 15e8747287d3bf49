"""Packets for `vpcd replay`: made, written as pcap, and read back from its pcapng."""
import ipaddress
import re
import struct

PROTOCOLS = {"tcp": 6, "udp": 17}
SYN, SYN_ACK, ACK = 2, 18, 16
# Addresses of the link do not matter to a replay.
LINK = bytes.fromhex("027670636401" "020000000001")


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)


def frame(protocol, src, sport, dst, dport, payload=b"", flags=SYN, answer=False):
    """An Ethernet frame. `protocol`: tcp, udp or icmp; `flags`: of TCP; `answer`: an echo reply, where `sport` or `dport` is the identifier."""
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    six = a.version == 6
    number = PROTOCOLS.get(protocol, 58 if six else 1)
    if protocol == "tcp":
        head, at = struct.pack("!HHIIBBHHH", sport, dport, 1, 1 if flags & ACK else 0, 0x50, flags, 65535, 0, 0), 16
    elif protocol == "udp":
        head, at = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0), 6
    else:
        kind = (129 if answer else 128) if six else (0 if answer else 8)
        head, at = struct.pack("!BBHHH", kind, 0, 0, sport or dport, 0), 2
    body = head + payload
    pseudo = a.packed + b.packed + struct.pack("!II" if six else "!HH", *((len(body), number) if six else (number, len(body))))
    body = body[:at] + checksum(body if number == 1 else pseudo + body) + body[at + 2:]
    if six:
        ip = struct.pack("!IHBB", 6 << 28, len(body), number, 64) + a.packed + b.packed
    else:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, number, 0) + a.packed + b.packed
        ip = ip[:10] + checksum(ip) + ip[12:]
    return LINK + (b"\x86\xdd" if six else b"\x08\x00") + ip + body


def ends(data):
    """(src, sport, dst, dport) of a frame; both ports of a ping are its identifier."""
    six = data[12:14] == b"\x86\xdd"
    at, size, rest = (22, 16, 54) if six else (26, 4, 34)
    src, dst = (str(ipaddress.ip_address(data[a:a + size])) for a in (at, at + size))
    if data[20 if six else 23] in PROTOCOLS.values():
        return (src, *struct.unpack("!H", data[rest:rest + 2]), dst, *struct.unpack("!H", data[rest + 2:rest + 4]))
    identifier, = struct.unpack("!H", data[rest + 4:rest + 6])
    return src, identifier, dst, identifier


def write(path, packets):
    """A capture of (microseconds, frame)."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for time, data in packets:
            file.write(struct.pack("<IIII", time // 1000000, time % 1000000, len(data), len(data)) + data)


def read(path):
    """What `vpcd replay` wrote: number of the input frame -> the frame that left because of it."""
    data, at, found = path.read_bytes(), 0, {}
    while at < len(data):
        kind, length = struct.unpack("<II", data[at:at + 8])
        if kind == 6:
            size, = struct.unpack("<I", data[at + 20:at + 24])
            comment = data[at + 28 + size:at + length]
            found[int(re.search(rb"because of frame (\d+)", comment)[1])] = data[at + 28:at + 28 + size]
        at += length
    return found
