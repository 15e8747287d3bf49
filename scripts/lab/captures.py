"""Reading pcapng files as `vpcd` writes them, without any package, to compare them."""

import struct


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
