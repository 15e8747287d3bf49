"""Reading capture files (pcap, and pcapng as `vpcd` writes it) without any package, to compare them and to find hosts in them."""

import collections
import ipaddress
import struct

# Link types whose IP header we find: Ethernet, raw IP in its three numbers, Linux cooked in both versions.
ETHERNET, RAW, LINUX_SLL, LINUX_SLL2 = 1, {12, 14, 101, 228, 229}, 113, 276


def pcapng(path):
    """(nanoseconds, bytes) of each packet, in file order. Little-endian, one interface with nanoseconds: what `vpcd` writes."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if length < 12 or at + length > len(data):
            raise ValueError(f"{path}: block at {at} is broken")
        if kind == 6:
            _, high, low, captured, _ = struct.unpack_from("<IIIII", data, at + 8)
            yield high << 32 | low, data[at + 28 : at + 28 + captured]
        at += length


def pcap(path):
    """(link type, [bytes]) of a classic capture; None if it is something else."""
    with open(path, "rb") as file:
        data = file.read()
    orders = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
    order = orders.get(data[:4])
    if order is None or len(data) < 24:
        return None
    link = struct.unpack_from(order + "I", data, 20)[0] & 0x0FFFFFFF
    packets, at = [], 24
    while at + 16 <= len(data):
        captured = struct.unpack_from(order + "I", data, at + 8)[0]
        if at + 16 + captured > len(data):
            break
        packets.append(data[at + 16 : at + 16 + captured])
        at += 16 + captured
    return link, packets


def addresses4(link, packet):
    """Source and destination of an IPv4 packet, or nothing."""
    if link == ETHERNET:
        if packet[12:14] != b"\x08\x00":
            return ()
        start = 14
    elif link in RAW:
        start = 0
    elif link == LINUX_SLL:
        if packet[14:16] != b"\x08\x00":
            return ()
        start = 16
    elif link == LINUX_SLL2:
        if packet[0:2] != b"\x08\x00":
            return ()
        start = 20
    else:
        return ()
    if len(packet) < start + 20 or packet[start] >> 4 != 4:
        return ()
    return packet[start + 12 : start + 16], packet[start + 16 : start + 20]


def main_host(path):
    """The unicast IPv4 address that most frames of a capture come from or go to, and their number."""
    read = pcap(path)
    if read is None:
        return None, 0
    link, packets = read
    seen = collections.Counter()
    for packet in packets:
        seen.update(set(addresses4(link, packet)))
    for address, frames in sorted(seen.items(), key=lambda item: (-item[1], item[0])):
        host = ipaddress.IPv4Address(address)
        if not (host.is_multicast or host.is_loopback or host.is_unspecified or address[0] in (0, 255)):
            return str(host), frames
    return None, 0
