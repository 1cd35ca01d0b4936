"""Sanic: a framework with an HTTP/1.1 server of its own, on asyncio.

SIGTERM and SIGINT stop it: the main process signals its workers, which close the listener, idle connections and
WebSockets; the handlers of WebSockets are cancelled (the Close code seen with 25.12 is 1000, the source intends 1001).
Other requests have ``GRACEFUL_SHUTDOWN_TIMEOUT`` (15 s by default) to complete, and are then aborted. A second signal
kills everything at once.
https://sanic.dev/en/guide/running/configuration.html#builtin-values and
https://github.com/sanic-org/sanic/blob/main/sanic/server/runners.py

Seen with 25.12.1: the main process waits for its workers for 10 s, whatever the timeout is, and then ends together with
them: with 15 s, requests are cut after 10 s. After a signal within about 0.1 s of the worker's readiness, the main process
waits forever, though the worker ends as it should: https://github.com/sanic-org/sanic/issues/2997
https://github.com/sanic-org/sanic/blob/main/sanic/worker/process.py (``WorkerProcess.exit``)

On Python 3.12 and newer the timeout may never begin: before it, the worker waits for its listener to close, and since
3.12 that wait includes every connection. https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.Server.wait_closed
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

_BUILTIN_VALUES = "https://sanic.dev/en/guide/running/configuration.html#builtin-values"


def _command(launch: Launch) -> list[str]:
    # The command line has no option for the timeout, but every setting can be an environment variable.
    drain = [] if launch.default_drain else ["env", f"SANIC_GRACEFUL_SHUTDOWN_TIMEOUT={launch.drain_s:g}"]
    bind = ["--host", launch.host, "--port", str(launch.port), "--workers", str(launch.workers)]
    tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
    return [
        *drain,
        sys.executable,
        "-m",
        "sanic",
        "lastcall.servers.apps.sanic_application:sanic",
        *bind,
        *tls,
        "--no-motd",
    ]


SANIC = Server(
    name="sanic",
    # Its HTTP/3 is experimental, and there is no HTTP/2: https://sanic.dev/en/guide/advanced/http3.html
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS}),
    command=_command,
    # By default Sanic answers in place of a handler that is held for longer than 60 s. An idle connection lasts 120 s.
    environment={**PYTHON_ENVIRONMENT, "SANIC_RESPONSE_TIMEOUT": "300"},
    version=lambda: package_version("sanic"),
    install=('"$PYTHON" -P -m pip install "sanic>=25.3"',),
    documentation="https://sanic.dev/",
    signal_documented="https://sanic.dev/en/guide/running/manager.html",
    features=frozenset({Feature.WEBSOCKET, Feature.WORKERS}),
    drain=Drain(
        option="GRACEFUL_SHUTDOWN_TIMEOUT",
        documented=_BUILTIN_VALUES,
        default=DefaultDrain(15.0, _BUILTIN_VALUES),
    ),
)
