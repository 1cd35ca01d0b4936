"""Tornado: HTTP/1.1, on asyncio.

It has no signals of its own. The test application does what the documentation of ``close_all_connections`` calls the
typical use: on SIGTERM ``HTTPServer.stop()``, which closes the listener, then ``await close_all_connections()``, "to wait
for existing connections to finish". But that closes every stream first, so every request in flight is lost at once:
https://github.com/tornadoweb/tornado/blob/master/tornado/http1connection.py (``HTTP1ServerConnection.close``)

``stop()`` alone leaves the connections open; the application would have to find out itself when they have ended.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Server
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch


def _command(launch: Launch) -> list[str]:
    tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
    bind = ["--host", launch.host, "--port", str(launch.port)]
    return [sys.executable, "-m", "lastcall.servers.apps.tornado_application", *bind, *tls]


TORNADO = Server(
    name="tornado",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS}),
    command=_command,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("tornado"),
    install=('"$PYTHON" -P -m pip install "tornado>=6.5"',),
    documentation="https://www.tornadoweb.org/en/stable/httpserver.html",
    signal_documented=(
        "https://www.tornadoweb.org/en/stable/httpserver.html#tornado.httpserver.HTTPServer.close_all_connections"
    ),
)
