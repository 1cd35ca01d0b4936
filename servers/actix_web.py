"""actix-web: HTTP/1.1 and HTTP/2 by Rust's actix-http, which is not built on hyper.

SIGTERM is the graceful shutdown: the workers, which are threads, have ``shutdown_timeout`` (30 s by default) to complete
their requests, and are then dropped. SIGINT and SIGQUIT are the forced shutdown, but only as the first signal: during a
graceful shutdown every further signal is ignored. https://actix.rs/docs/server/#graceful-shutdown and
https://github.com/actix/actix-net/blob/master/actix-server/src/server.rs (``ServerEventMultiplexer``)

Only HTTP/1.1 connections take part in a graceful shutdown: an idle one closes at once, a busy one after its response.
Over HTTP/2 there is no GOAWAY: a connection that its client does not close, idle or busy, is served until the timeout and
then dropped, over TLS without close_notify. https://github.com/actix/actix-web/issues/3169 and
https://github.com/actix/actix-web/pull/4169
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers.installation import CACHE, printed_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_PROGRAM = CACHE / "rust" / "release" / "lastcall-actix-web"
_HTTP_SERVER = "https://docs.rs/actix-web/latest/actix_web/struct.HttpServer.html"


def _command(launch: Launch) -> list[str]:
    tls = [str(launch.cert), str(launch.key)] if launch.protocol.tls else []
    drain = [] if launch.default_drain else [str(launch.drain_s)]
    # Without TLS, the server tells the versions of HTTP apart by the first bytes: HttpServer::bind_auto_h2c.
    return [str(_PROGRAM), f"{launch.host}:{launch.port}", *drain, *tls]


ACTIX_WEB = Server(
    name="actix-web",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    version=lambda: printed_version([_PROGRAM, "--version"]),
    install=("sh apps/build_rust.sh lastcall-actix-web",),
    built_from=("apps/rust",),
    documentation="https://actix.rs/docs/server/",
    signal_documented="https://actix.rs/docs/server/#graceful-shutdown",
    drain=Drain(
        "shutdown_timeout",
        f"{_HTTP_SERVER}#method.shutdown_timeout",
        whole_seconds=True,
        default=DefaultDrain(30.0, f"{_HTTP_SERVER}#method.shutdown_timeout"),
    ),
)
