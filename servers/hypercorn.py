"""Hypercorn: HTTP/1.1 and HTTP/2 for ASGI applications, on asyncio.

SIGTERM and SIGINT stop it; the documentation names no difference between them. The parent process notifies its worker,
which looks for that every 0.1 s, closes its listener, and gives the requests in flight ``graceful_timeout`` (3 s by
default) to complete. The parent keeps its copy of the listening socket until the worker has ended, so a client that
connects during the drain is not refused: it waits in the backlog.
https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html
https://github.com/pgjones/hypercorn/blob/main/src/hypercorn/asyncio/run.py

On Python 3.12 and newer the timeout has no effect, because the worker first waits for its connections without a
limit: https://github.com/pgjones/hypercorn/issues/308. On older versions the forced end fails over HTTP/2, and the
process may never exit (seen with 0.18.0 on Python 3.11): https://github.com/pgjones/hypercorn/pull/374
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Feature,
    Server,
)
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_OPTIONS = "https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html#configuration-options"


def _command(launch: Launch) -> list[str]:
    tls = ["--certfile", str(launch.cert), "--keyfile", str(launch.key)] if launch.protocol.tls else []
    bind = ["--config", "hypercorn.toml", "--bind", f"{launch.host}:{launch.port}", "--workers", str(launch.workers)]
    return [sys.executable, "-m", "hypercorn", *bind, *tls, "lastcall.servers.apps.asgi:application"]


def _files(launch: Launch) -> dict[str, str]:
    # The command line's --graceful-timeout takes whole seconds only. keep_alive_timeout is 5 s by default, and an idle
    # connection must last until the shutdown.
    drain = "" if launch.default_drain else f"graceful_timeout = {float(launch.drain_s)}\n"
    return {"hypercorn.toml": f"{drain}keep_alive_timeout = 120\n"}


HYPERCORN = Server(
    name="hypercorn",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    files=_files,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("hypercorn"),
    install=('"$PYTHON" -P -m pip install "hypercorn>=0.18"',),
    documentation="https://hypercorn.readthedocs.io/",
    # SIGHUP reloads: it stops the workers in the same way and starts new ones.
    signal_documented="https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html",
    signals={"reload": "SIGHUP"},
    # https://hypercorn.readthedocs.io/en/latest/how_to_guides/configuring.html (``shutdown_timeout``, 60 s, for the lifespan)
    # WebSockets over HTTP/1 and HTTP/2: https://github.com/pgjones/hypercorn/blob/main/README.rst
    features=frozenset({Feature.LIFESPAN, Feature.WEBSOCKET, Feature.WEBSOCKET_H2, Feature.WORKERS}),
    drain=Drain(
        option="graceful_timeout",
        documented=_OPTIONS,
        default=DefaultDrain(3.0, _OPTIONS),
    ),
)
