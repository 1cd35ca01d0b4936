"""axum, on hyper: served by its own ``axum::serve``, and by the package axum-server.

Neither has signals of its own; both programs in ``apps/rust/axum`` take SIGTERM and SIGINT, as axum's example does.

``axum::serve(...).with_graceful_shutdown(...)`` has no drain timeout: it waits for as long as requests take. The example
bounds requests by a time-out layer instead, which also ends them when there is no shutdown. It has no TLS.
https://github.com/tokio-rs/axum/blob/main/examples/graceful-shutdown/src/main.rs

axum-server's ``Handle::graceful_shutdown`` takes the drain timeout, after which it drops the remaining connections;
the program ends with status 0 in either case. It drops connections in the TLS handshake at once.
https://docs.rs/axum-server/latest/axum_server/struct.Handle.html#method.graceful_shutdown
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
    from collections.abc import Callable

    from lastcall.conformance.model.launch import Launch

_PROGRAMS = CACHE / "rust" / "release"
_HANDLE = "https://docs.rs/axum-server/latest/axum_server/struct.Handle.html#method.graceful_shutdown"


def _command(program: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        tls = [str(launch.cert), str(launch.key)] if launch.protocol.tls else []
        drain = [] if launch.default_drain else [str(launch.drain_s)]
        # Without TLS, the server tells the versions of HTTP apart by the first bytes.
        return [str(_PROGRAMS / program), f"{launch.host}:{launch.port}", *drain, *tls]

    return command


_INSTALL = ("sh apps/build_rust.sh lastcall-axum",)

AXUM = Server(
    name="axum",
    speaks=frozenset({Protocol.H1, Protocol.H2C}),
    command=_command("axum"),
    version=lambda: printed_version([_PROGRAMS / "axum", "--version"]),
    install=_INSTALL,
    built_from=("apps/rust",),
    documentation="https://docs.rs/axum/latest/axum/",
    signal_documented="https://docs.rs/axum/latest/axum/serve/struct.Serve.html#method.with_graceful_shutdown",
)

AXUM_SERVER = Server(
    name="axum-server",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command("axum-server"),
    version=lambda: printed_version([_PROGRAMS / "axum-server", "--version"]),
    install=_INSTALL,
    built_from=("apps/rust",),
    documentation="https://docs.rs/axum-server/latest/axum_server/",
    signal_documented=_HANDLE,
    # Its argument is an Option; the documentation says that None waits without a limit.
    drain=Drain("Handle::graceful_shutdown", _HANDLE, default=DefaultDrain(None, _HANDLE)),
)
