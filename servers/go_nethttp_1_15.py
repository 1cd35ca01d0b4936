"""Go 1.15's net/http, which has the bug that this suite was founded on, built by Debian 11's golang-1.15.

``Shutdown`` mistakes an HTTP/2 connection older than 5 s for one that was never used. It closes the connection at once,
with its requests in flight, and still returns nil: https://github.com/golang/go/issues/39776

The program is that of ``go-nethttp``. It has no h2c, which net/http has had since Go 1.24.
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

_SHUTDOWN = "https://pkg.go.dev/net/http@go1.15.15#Server.Shutdown"
_PROGRAM = CACHE / "go-nethttp-1.15"


def _command(launch: Launch) -> list[str]:
    tls = ["-cert", str(launch.cert), "-key", str(launch.key)] if launch.protocol.tls else []
    drain = [] if launch.default_drain else ["-drain", str(launch.drain_s)]
    return [str(_PROGRAM), "-address", f"{launch.host}:{launch.port}", *drain, *tls]


GO_NETHTTP_1_15 = Server(
    name="go-nethttp-1.15",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2}),
    command=_command,
    version=lambda: printed_version([_PROGRAM, "-version"]),
    install=("sh apps/fetch_go_1_15.sh",),
    built_from=("apps/go",),
    documentation="https://pkg.go.dev/net/http@go1.15.15",
    signal_documented="https://pkg.go.dev/net/http@go1.15.15#example-Server.Shutdown",
    drain=Drain(
        "the deadline of Shutdown's context",
        _SHUTDOWN,
        # The documentation's example has context.Background(), which has no deadline.
        default=DefaultDrain(None, _SHUTDOWN),
    ),
)
