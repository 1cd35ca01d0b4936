"""A peer with a clock of its own: a program that notes the moment before and after each of its acts on a connection.

It uses the standard library only, and CLOCK_MONOTONIC, which is one for all processes of a machine. What it is asked for
is in the target of the one request of each connection; what it did goes to its standard output when its input ends, as
one JSON object: by the client's port, the name of each act with its two moments.
"""

import contextlib
import json
import random
import socket
import ssl
import struct
import sys
import threading
import time

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LONGEST_PAUSE_S = 0.02


class Acts:
    """What was done on one connection."""

    def __init__(self):
        self.noted = []

    @contextlib.contextmanager
    def noting(self, name):
        before_ns = time.monotonic_ns()
        yield
        self.noted.append((name, before_ns, time.monotonic_ns()))


def send_close_notify(connection):
    """Send it without waiting for the client's own."""
    connection.setblocking(False)
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.unwrap()


def serve(connection, acts):
    """Answer a request, and end the connection as its target says."""
    target = connection.recv(65536).split()[1].decode()
    with acts.noting("data"):
        connection.sendall(ANSWER)
    if target.endswith("-later"):
        time.sleep(random.uniform(0, LONGEST_PAUSE_S))
    if target.startswith("/close-notify"):
        with acts.noting("close_notify"):
            send_close_notify(connection)
    if target.startswith("/reset"):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with acts.noting("reset"):
            connection.close()
    else:
        with acts.noting("fin"):
            socket.socket.shutdown(connection, socket.SHUT_WR)


def main(cert, key):
    """Serve one connection after another until the input ends."""
    context = None
    if cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
    listener, kept, noted = socket.create_server(("127.0.0.1", 0)), [], {}
    serving = threading.Lock()

    def accept():
        while True:
            connection, (_host, port) = listener.accept()
            with serving:
                # Without it the kernel itself would hold back an answer that follows the session tickets of TLS.
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                acts = Acts()
                acts.noted.append(("accept", 0, time.monotonic_ns()))
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                kept.append(connection)  # what nobody refers to any more would be closed
                serve(connection, acts)
                noted[port] = acts.noted

    threading.Thread(target=accept, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
    # The client may see an act before the note of it is made.
    serving.acquire()
    print(json.dumps(noted), flush=True)


main(*sys.argv[1:3])
