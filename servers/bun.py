"""Bun.serve: HTTP/1.1, and HTTP/2 over TLS with the option ``http2: true``.

Bun ends at once on SIGTERM unless the program handles it. ``server.stop()`` closes the listener and idle connections, lets
requests in flight complete, and closes a connection after its response; ``server.stop(true)`` ends the requests.
https://bun.com/docs/runtime/http/server#server-stop and https://bun.com/reference/globals/bun/Server/stop
There is no drain timeout; the test application has a timer before ``stop(true)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers.installation import APPLICATIONS, CACHE, printed_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_STOP = "https://bun.com/reference/globals/bun/Server/stop"
_PROGRAM = CACHE / "bun" / "node_modules" / ".bin" / "bun"


def _command(launch: Launch) -> list[str]:
    tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
    bind = ["--host", launch.host, "--port", str(launch.port)]
    drain = [] if launch.default_drain else ["--drain", str(launch.drain_s)]
    return [str(_PROGRAM), str(APPLICATIONS / "node" / "bun.mjs"), *bind, *drain, *tls]


BUN = Server(
    name="bun",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2}),
    command=_command,
    version=lambda: printed_version([_PROGRAM, "--version"]),
    install=("sh apps/fetch_npm.sh bun bun@1",),
    documentation="https://bun.com/docs/runtime/http/server",
    # idleTimeout (10 s by default) also ends requests on which nothing moves, with or without a shutdown: the program sets
    # it to its greatest value. https://bun.com/docs/runtime/http/server#idletimeout
    drain=Drain("a timer, then server.stop(true)", _STOP, default=DefaultDrain(None, _STOP)),
)
