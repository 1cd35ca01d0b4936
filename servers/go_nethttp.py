"""Go's net/http with its bundled HTTP/2, built by the Go on this machine.

A Go server has no signals of its own. The program in ``apps/go/nethttp`` does on SIGTERM (and on SIGINT) what the
example in the documentation of ``Server.Shutdown`` does; its drain timeout is the deadline of the context. ``Shutdown``
closes the listeners and idle connections and waits for the others; an HTTP/2 connection gets GOAWAY, and is closed
about one second after its last stream, so that the client can go first.
https://pkg.go.dev/net/http#Server.Shutdown

Exit status 0 means that ``Shutdown`` returned nil. When the deadline expires, ``Shutdown`` returns an error and leaves the
connections open; the program closes them by ``Server.Close`` and ends with status 1.
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

_SHUTDOWN = "https://pkg.go.dev/net/http#Server.Shutdown"
_PROGRAM = CACHE / "go-nethttp"


def _command(launch: Launch) -> list[str]:
    tls = ["-cert", str(launch.cert), "-key", str(launch.key)] if launch.protocol.tls else []
    # By default net/http speaks only HTTP/1.1 without TLS: https://pkg.go.dev/net/http#Server.Protocols
    h2c = ["-h2c"] if launch.protocol == Protocol.H2C else []
    drain = [] if launch.default_drain else ["-drain", str(launch.drain_s)]
    return [str(_PROGRAM), "-address", f"{launch.host}:{launch.port}", *drain, *tls, *h2c]


GO_NETHTTP = Server(
    name="go-nethttp",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    version=lambda: printed_version([_PROGRAM, "-version"]),
    install=("sh apps/build_go.sh nethttp go-nethttp",),
    built_from=("apps/go",),
    documentation="https://pkg.go.dev/net/http",
    signal_documented="https://pkg.go.dev/net/http#example-Server.Shutdown",
    drain=Drain(
        "the deadline of Shutdown's context",
        _SHUTDOWN,
        # The documentation's example has context.Background(), which has no deadline.
        default=DefaultDrain(None, _SHUTDOWN),
    ),
)
