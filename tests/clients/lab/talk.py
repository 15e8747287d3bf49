#!/usr/bin/env python3
"""Both ends of a conversation, for tests.

  talk.py listen PORT...            accepts TCP connections on all addresses, answers each line with the peer's address and the line
  talk.py call [-b SOURCE] HOST PORT [SECONDS]
                                    connects, exchanges three lines, prints the address that the listener saw; exit status 0 only if all went well
"""
import socket
import sys
import threading


def serve(connection, peer):
    with connection, connection.makefile("rw") as stream:
        for line in stream:
            stream.write(f"{peer[0]} {line}")
            stream.flush()


def accept(listener):
    while True:
        connection, peer = listener.accept()
        threading.Thread(target=serve, args=(connection, peer), daemon=True).start()


def listen(ports):
    for port in ports:
        listener = socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
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


if __name__ == "__main__":
    if sys.argv[1:2] == ["listen"]:
        listen(sys.argv[2:])
    elif sys.argv[1:2] == ["call"]:
        call(sys.argv[2:])
    else:
        sys.exit(__doc__)
