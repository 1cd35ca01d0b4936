"""A stream opened after mod_http2's first GOAWAY ends the connection, and the request in flight on it is lost.

    apt-get install apache2-bin
    python apache-late-stream-loses-the-request-in-flight.py [control]

The first GOAWAY of a graceful stop (SIGWINCH) names stream 2^31-1: streams on their way to the server are still taken. One
such stream arrives while an earlier request is with the origin. Exit status 1: the earlier request got no response. 0: it
did. 2: no answer. ``control``: no late stream. HTTPD names another program than apache2, MODULES its folder of modules.
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

PROGRAM = os.environ.get("HTTPD") or shutil.which("apache2", path=os.environ.get("PATH", "") + ":/usr/sbin") or "httpd"
MODULES = os.environ.get("MODULES", "/usr/lib/apache2/modules")
DATA, RST_STREAM, PING, GOAWAY = 0, 3, 6, 7
NAMES = {0: "DATA", 1: "HEADERS", 3: "RST_STREAM", 4: "SETTINGS", 6: "PING", 7: "GOAWAY", 8: "WINDOW_UPDATE"}
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CONFIGURATION = """ServerRoot {0}
PidFile httpd.pid
ErrorLog error.log
ServerName localhost
LoadModule mpm_event_module {1}/mod_mpm_event.so
LoadModule authz_core_module {1}/mod_authz_core.so
LoadModule proxy_module {1}/mod_proxy.so
LoadModule proxy_http_module {1}/mod_proxy_http.so
LoadModule http2_module {1}/mod_http2.so
User nobody
Group nogroup
Protocols h2c
Listen 127.0.0.1:{2}
ProxyPass / http://127.0.0.1:{3}/
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
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port))
        time.sleep(0.05)
    raise SystemExit(2)


def play(server: subprocess.Popen[bytes], port: int) -> int:
    """Run the experiment once, and return the exit status."""
    with connect(port) as client:
        client.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0) + request(1, b"/held"))
        if not ENTERED.wait(10):
            return 2
        begun = time.monotonic()
        server.send_signal(signal.SIGWINCH)
        print("SIGWINCH while the origin holds stream 1:")
        if GOAWAY not in {kind for kind, *_ in read(client, begun, 5.0, last=GOAWAY)}:
            return 2
        if "control" not in sys.argv:
            print(f"  {time.monotonic() - begun:5.2f} (sent HEADERS of stream 3)")
            client.sendall(request(3, b"/late"))
        seen = read(client, begun, 1.0)
        RELEASE.set()  # the origin answers stream 1
        seen += read(client, begun, 4.0)
    served = any(kind == DATA and flags & 1 and stream == 1 for kind, flags, stream, _ in seen)
    print(f"expected: stream 1 is answered\nhappened: stream 1 was {'answered' if served else 'not answered'}")
    return int(not served)


def main() -> int:
    """Start the origin and httpd, play, and end both."""
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = spare.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        configuration = CONFIGURATION.format(folder, MODULES, port, listener.getsockname()[1])
        Path(folder, "httpd.conf").write_text(configuration, encoding="ascii")
        server = subprocess.Popen([PROGRAM, "-D", "FOREGROUND", "-f", f"{folder}/httpd.conf"])
        try:
            return play(server, port)
        except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
            print(repr(error))
            return 2
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
