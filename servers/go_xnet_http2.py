"""Go's net/http with the HTTP/2 of the module golang.org/x/net, at the release that ``apps/go/xnethttp2/go.mod`` names.

Signals, drain timeout and exit status are those of ``go-nethttp``: the programs differ only in their HTTP/2. Since
Go 1.27, the module is a wrapper around the HTTP/2 in net/http: https://pkg.go.dev/golang.org/x/net/http2

Without TLS the module's package h2c serves it, which is deprecated and no longer maintained, but widely in use.
It takes the connection over ("hijacks" it) from net/http, and ``Shutdown`` does not wait for such a connection: it sends
GOAWAY, and then the program ends while requests are in flight. Programs that need more count their connections.
https://pkg.go.dev/golang.org/x/net/http2/h2c and https://github.com/golang/go/issues/26682
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
_PROGRAM = CACHE / "go-xnet-http2"


def _command(launch: Launch) -> list[str]:
    transport = ["-cert", str(launch.cert), "-key", str(launch.key)] if launch.protocol.tls else ["-h2c"]
    drain = [] if launch.default_drain else ["-drain", str(launch.drain_s)]
    return [str(_PROGRAM), "-address", f"{launch.host}:{launch.port}", *drain, *transport]


GO_XNET_HTTP2 = Server(
    name="go-xnet-http2",
    # Beside HTTP/2, the program serves HTTP/1.1 by net/http, as go-nethttp does.
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    version=lambda: printed_version([_PROGRAM, "-version"]),
    install=("sh apps/build_go.sh xnethttp2 go-xnet-http2",),
    built_from=("apps/go",),
    documentation="https://pkg.go.dev/golang.org/x/net/http2",
    signal_documented="https://pkg.go.dev/net/http#example-Server.Shutdown",
    drain=Drain(
        "the deadline of Shutdown's context",
        _SHUTDOWN,
        # The documentation's example has context.Background(), which has no deadline.
        default=DefaultDrain(None, _SHUTDOWN),
    ),
)
