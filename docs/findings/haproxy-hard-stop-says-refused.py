"""HAProxy resets a request that its server is working on with REFUSED_STREAM when hard-stop-after is over.

    apt-get install haproxy
    python haproxy-hard-stop-says-refused.py
    python haproxy-hard-stop-says-refused.py control

REFUSED_STREAM tells the client that nothing was processed, so that it may send the request again, whatever its method.
Exit status 1: the stream was reset so, although the origin had the request. 0: it was not. 2: no answer. ``control``
has the origin answer before the hard stop. HAPROXY names another program than ``haproxy``.
"""

# ruff: noqa: INP001, PLR2004, T201

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

DATA, RST_STREAM, PING, GOAWAY = 0, 3, 6, 7
NAMES = {0: "DATA", 1: "HEADERS", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PROGRAM = (
    os.environ.get("HAPROXY") or shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin") or "haproxy"
)
CONFIGURATION = """global
    hard-stop-after 2s
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend service
    bind 127.0.0.1:{port} proto h2
    default_backend origin
backend origin
    server origin 127.0.0.1:{origin}
"""
ENTERED, RELEASE = threading.Event(), threading.Event()


def serve(listener: socket.socket) -> None:
    """Serve as the origin: read every request, and answer it at its time."""
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            ENTERED.set()
            RELEASE.wait(30)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return one HTTP/2 frame."""
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def request(stream: int, path: bytes, *, post: bool = False) -> bytes:
    """Return HEADERS of a GET, which ends its stream, or of a POST, which does not; static and literal fields only."""
    method, flags = (b"\x83", 4) if post else (b"\x82", 5)
    return frame(1, flags, stream, method + b"\x86\x04" + bytes([len(path)]) + path + b"\x01\x09localhost")


def read(client: socket.socket, begun: float, until: float, last: int = -1) -> list[tuple[int, int, int, bytes]]:
    """Print every frame up to the first of type ``last``, for ``until`` seconds, or to the end; return all of them."""
    rest, seen = b"", []
    while (left := begun + until - time.monotonic()) > 0 and last not in {kind for kind, *_ in seen}:
        client.settimeout(left)
        try:
            piece = client.recv(65536)
        except OSError as error:
            piece = b""
            if isinstance(error, TimeoutError):
                break
        if not piece:
            print(f"  {time.monotonic() - begun:5.2f} the connection ended")
            break
        rest += piece
        while len(rest) >= 9 and len(rest) >= (size := 9 + int.from_bytes(rest[:3], "big")):
            kind, flags, stream, payload = rest[3], rest[4], int.from_bytes(rest[5:9], "big"), rest[9:size]
            more = f"{payload[:4].hex()} {payload[4:8].hex()} {payload[8:]!r}" if kind in {RST_STREAM, GOAWAY} else ""
            print(f"  {time.monotonic() - begun:5.2f} {NAMES.get(kind, kind)} stream {stream} flags {flags} {more}")
            seen.append((kind, flags, stream, payload))
            if kind == PING and not flags & 1:
                client.sendall(frame(PING, 1, 0, payload))
            rest = rest[size:]
    return seen


def connect(port: int) -> socket.socket:
    """Return a connection to the server, as soon as it listens."""
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            time.sleep(0.05)
    raise SystemExit(2)


def play(server: subprocess.Popen[bytes], port: int) -> int:
    """Run the experiment once, and return the exit status."""
    with connect(port) as client:
        client.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0) + request(1, b"/held"))
        if not ENTERED.wait(10):
            return 2
        begun = time.monotonic()
        server.send_signal(signal.SIGUSR1)
        print("SIGUSR1 while the origin holds stream 1:")
        seen = read(client, begun, 1.0)
        if "control" in sys.argv:
            RELEASE.set()
        seen += read(client, begun, 6.0)
    resets = [payload for kind, _, stream, payload in seen if kind == RST_STREAM and stream == 1]
    refused = any(payload == (7).to_bytes(4, "big") for payload in resets)
    print("expected: a response, a reset that does not say REFUSED_STREAM (7), or the connection's end")
    print(f"happened: {'REFUSED_STREAM for a request that the origin has' if refused else 'as expected'}")
    return 1 if refused else 0


def main() -> int:
    """Start the origin and haproxy, play, and end both."""
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = spare.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        configuration = CONFIGURATION.format(port=port, origin=listener.getsockname()[1])
        Path(folder, "haproxy.cfg").write_text(configuration, encoding="ascii")
        server = subprocess.Popen([PROGRAM, "-db", "-q", "-f", f"{folder}/haproxy.cfg"])
        try:
            return play(server, port)
        except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
            print(repr(error))
            return 2
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
