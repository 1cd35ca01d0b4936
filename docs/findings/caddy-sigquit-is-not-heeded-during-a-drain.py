"""Caddy does not heed SIGQUIT, which quits immediately, while a SIGTERM drains.

    go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9
    python caddy-sigquit-is-not-heeded-during-a-drain.py ~/go/bin/caddy
    python caddy-sigquit-is-not-heeded-during-a-drain.py ~/go/bin/caddy control

A request is with the server behind Caddy, and grace_period is 8 s. SIGTERM, and 1 s later SIGQUIT. Exit status 1: Caddy
is still there 3 s after SIGQUIT. 0: it has ended. 2: no answer. ``control`` sends SIGQUIT alone.
"""

# ruff: noqa: INP001, T201

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

CONFIGURATION = """{{
    admin off
    auto_https off
    grace_period 8s
}}
http://127.0.0.1:{port} {{
    reverse_proxy 127.0.0.1:{origin}
}}
"""
ENTERED = threading.Event()


def serve(listener: socket.socket) -> None:
    """Serve as the origin: read a request, and never answer it."""
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        ENTERED.set()
        with contextlib.suppress(OSError):
            connection.recv(1)


def connect(port: int) -> socket.socket:
    """Return a connection to the server, as soon as it listens."""
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            time.sleep(0.05)
    raise SystemExit(2)


def ended(server: subprocess.Popen[bytes], within: float) -> bool:
    """Return whether it ends in that time."""
    try:
        server.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def play(server: subprocess.Popen[bytes], port: int) -> int:
    """Run the experiment once, and return the exit status."""
    with connect(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        if not ENTERED.wait(10):
            return 2
        begun = time.monotonic()
        if "control" not in sys.argv:
            server.send_signal(signal.SIGTERM)
            print("  0.00 SIGTERM while a request is with the server behind")
            if ended(server, 1.0):
                print("ended by SIGTERM alone")
                return 2
        server.send_signal(signal.SIGQUIT)
        print(f"  {time.monotonic() - begun:.2f} SIGQUIT\nexpected: the process ends at once")
        if ended(server, 3.0):
            print(f"happened: ended at {time.monotonic() - begun:.2f} s with status {server.returncode}")
            return 0
        print(f"happened: still running at {time.monotonic() - begun:.2f} s")
        if ended(server, 20.0):
            print(f"          ended at {time.monotonic() - begun:.2f} s with status {server.returncode}")
        return 1


def main(program: str) -> int:
    """Start the origin and Caddy, play, and end both."""
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = spare.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as listener, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        path = Path(folder, "Caddyfile")
        path.write_text(CONFIGURATION.format(port=port, origin=listener.getsockname()[1]), encoding="ascii")
        command = [program, "run", "--config", str(path), "--adapter", "caddyfile"]
        server = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": folder})
        try:
            return play(server, port)
        except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
            print(repr(error))
            return 2
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "caddy"))
