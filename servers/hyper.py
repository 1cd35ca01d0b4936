"""hyper, Rust's HTTP library, with the connection builder and the ``GracefulShutdown`` of hyper-util.

It has no signals of its own. The program in ``apps/rust/hyper`` does on SIGTERM (and on SIGINT) what hyper's guide
does: it drops the listener, starts the graceful shutdown of every connection, and waits for their end or for the guide's timer.
After the timer the program ends, which cuts the remaining connections. It then exits with status 1; the guide names no
status.
https://hyper.rs/guides/1/server/graceful-shutdown/

hyper-util watches a connection only from the call of ``watch`` on; before that, the program is responsible. This one drops
connections that are still in their TLS handshake when the shutdown comes: otherwise a client that never completes it
would hold the shutdown until the timer.
https://docs.rs/hyper-util/latest/hyper_util/server/graceful/struct.GracefulShutdown.html
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

_PROGRAM = CACHE / "rust" / "release" / "lastcall-hyper"
_GRACEFUL = "https://docs.rs/hyper-util/latest/hyper_util/server/graceful/struct.GracefulShutdown.html"
_GUIDE = "https://hyper.rs/guides/1/server/graceful-shutdown/"


def _command(launch: Launch) -> list[str]:
    tls = [str(launch.cert), str(launch.key)] if launch.protocol.tls else []
    drain = [] if launch.default_drain else [str(launch.drain_s)]
    # Without TLS, the server tells the versions of HTTP apart by the first bytes.
    return [str(_PROGRAM), f"{launch.host}:{launch.port}", *drain, *tls]


HYPER = Server(
    name="hyper",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    version=lambda: printed_version([_PROGRAM, "--version"]),
    install=("sh apps/build_rust.sh lastcall-hyper",),
    built_from=("apps/rust",),
    documentation="https://hyper.rs/",
    signal_documented=_GUIDE,
    drain=Drain(
        "the timer beside GracefulShutdown::shutdown",
        _GUIDE,
        # The 10 s are the guide's own: shutdown() completes when every connection has ended.
        default=DefaultDrain(None, f"{_GRACEFUL}#method.shutdown"),
    ),
)
