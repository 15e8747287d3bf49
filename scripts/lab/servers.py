"""Small servers for a lab: who-am-I over TCP, and DNS.

    servers.py LOG who=80,443 dns=192.0.2.77@53

`who` ports answer every HTTP request with the address and port that the connection came from, as seen here, and if it has a body with
the number and the SHA-256 of the bytes that came. `dns` answers A and AAAA questions for any name with 192.0.2.77 and 2001:db8:cafe::77. A port alone is served at all addresses, of both families. Each connection or question adds a line to
LOG; "up" on stdout says that all ports listen.
"""

import hashlib
import ipaddress
import socket
import sys
import threading


def listen(kind, place):
    """`place` is PORT or ADDRESS@PORT."""
    address, _, port = place.rpartition("@")
    address = address or "::"
    server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
    if ":" in address:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, int(port)))
    return server


def text(peer):
    return f"{peer[0].removeprefix('::ffff:')} {peer[1]}"


def body_of(connection):
    """Reads one HTTP request to the end of its body: number and digest of the body's bytes."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            break
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    expected, count, digest = int(fields.get(b"content-length", 0)), len(body), hashlib.sha256(body)
    while count < expected:
        part = connection.recv(65536)
        if not part:
            break
        count += len(part)
        digest.update(part)
    return count, digest.hexdigest()


def who(port, log):
    server = listen(socket.SOCK_STREAM, port)
    server.listen(64)

    def answer(connection, peer):
        with connection:
            connection.settimeout(5)
            try:
                count, digest = body_of(connection)
                body = text(peer) + (f" {count} {digest}\n" if count else "\n")
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                connection.sendall((head + body).encode())
            except (OSError, ValueError):
                pass

    def run():
        while True:
            connection, peer = server.accept()
            log(f"who {port} {text(peer)}")
            threading.Thread(target=answer, args=(connection, peer), daemon=True).start()

    return run


def dns(port, log):
    server = listen(socket.SOCK_DGRAM, port)

    def run():
        while True:
            question, peer = server.recvfrom(1500)
            log(f"dns {port} {text(peer)}")
            reply = dns_answer(question)
            if reply:
                server.sendto(reply, peer)

    return run


def dns_answer(question):
    """One question, one answer: header, the question again, and a record that points back to its name."""
    end = 12
    while end < len(question) and question[end]:
        end += question[end] + 1
    end += 5
    if len(question) < end:
        return None
    address = {1: "192.0.2.77", 28: "2001:db8:cafe::77"}.get(int.from_bytes(question[end - 4 : end - 2], "big"))
    data = ipaddress.ip_address(address).packed if address else b""
    record = b"\xc0\x0c" + question[end - 4 : end] + (60).to_bytes(4, "big") + len(data).to_bytes(2, "big") + data
    counts = b"\x00\x01" + (b"\x00\x01" if address else b"\x00\x00") + b"\x00\x00\x00\x00"
    return question[:2] + b"\x85\x80" + counts + question[12:end] + (record if address else b"")


def main():
    lock = threading.Lock()
    with open(sys.argv[1], "a", buffering=1) as file:

        def log(line):
            with lock:
                file.write(line + "\n")

        for argument in sys.argv[2:]:
            kind, ports = argument.split("=")
            for port in ports.split(","):
                threading.Thread(target={"who": who, "dns": dns}[kind](port, log), daemon=True).start()
        print("up", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
