"""Deno.serve: HTTP/1.1 and HTTP/2, over TLS and in the clear, on hyper.

Deno ends at once on SIGTERM unless the program handles it. ``server.shutdown()`` closes the listener and idle
connections, and lets requests in flight complete; Deno's own example adds a timer that exits with status 1.
``shutdown()`` does not close a TLS connection without a handshake, and waits for it. With 2.9, the handler can no longer
read an HTTP/1.1 request body that is not complete: https://github.com/denoland/deno/issues/36809
Over HTTP/2, the server does not return the DATA of a stream that came after the GOAWAY to the connection's window (seen
with 2.9.6): an upload in flight on the same connection stalls.
https://docs.deno.com/examples/http_server_graceful_shutdown/
https://docs.deno.com/api/deno/~/Deno.HttpServer.shutdown
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

_PROGRAM = CACHE / "deno" / "node_modules" / ".bin" / "deno"


def _command(launch: Launch) -> list[str]:
    tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
    bind = ["--host", launch.host, "--port", str(launch.port)]
    drain = [] if launch.default_drain else ["--drain", str(launch.drain_s)]
    allowed = ["--allow-net", "--allow-env", "--allow-read"]
    deno = [str(_PROGRAM), "run", "--quiet", "--no-config", "--no-lock", *allowed]
    return [*deno, str(APPLICATIONS / "node" / "deno.mjs"), *bind, *drain, *tls]


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "--version"])
    return printed and printed.split()[1]


DENO = Server(
    name="deno",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    environment={"DENO_NO_UPDATE_CHECK": "1"},
    version=_version,
    install=("sh apps/fetch_npm.sh deno deno@2",),
    documentation="https://docs.deno.com/api/deno/~/Deno.serve",
    signal_documented="https://docs.deno.com/examples/http_server_graceful_shutdown/",
    drain=Drain(
        "a timer, then Deno.exit(1)",
        "https://docs.deno.com/examples/http_server_graceful_shutdown/",
        # The 10 s are the example's own: shutdown() has no timeout, and its documentation promises that requests finish.
        default=DefaultDrain(None, "https://docs.deno.com/api/deno/~/Deno.HttpServer.shutdown"),
    ),
)
