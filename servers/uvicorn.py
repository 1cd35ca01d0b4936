"""Uvicorn: HTTP/1.1 for ASGI applications, parsed by httptools or by h11; WebSockets by websockets or by wsproto.

SIGTERM and SIGINT stop it: the listener and idle connections are closed, responses in flight are completed, the last of
their connections are closed, then the application's lifespan is shut down. Without ``--timeout-graceful-shutdown`` it
waits for as long as that takes; with it, the handlers that remain are cancelled, whose clients then get status 500. A
second SIGINT ends the wait at once.
https://uvicorn.dev/server-behavior/ and https://uvicorn.dev/settings/#timeouts

Once it is done it raises the signal that stopped it again, so a successful stop ends by that signal, since 0.29:
https://github.com/Kludex/uvicorn/pull/1600
"""

from __future__ import annotations

import math
import signal
import sys
from typing import TYPE_CHECKING

from conformance.server import Drain, Feature, Protocol, Server
from servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.server import Launch


def _command(http: str, websocket: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        bind = ["--host", launch.host, "--port", str(launch.port)]
        tls = ["--ssl-certfile", str(launch.cert), "--ssl-keyfile", str(launch.key)] if launch.protocol.tls else []
        drain = ["--timeout-graceful-shutdown", str(math.ceil(launch.drain_s))]
        # An idle connection, closed after 5 s unless this is set, must last until the shutdown.
        uvicorn = [sys.executable, "-m", "uvicorn", "--http", http, "--no-access-log", "--timeout-keep-alive", "120"]
        uvicorn += ["--ws", websocket]
        return [*uvicorn, *bind, *tls, *drain, "servers.apps.asgi:application"]

    return command


def _server(name: str, http: str, websocket: str) -> Server:
    package = websocket.partition("-")[0]
    return Server(
        name=name,
        speaks=frozenset({Protocol.H1, Protocol.H1_TLS}),
        command=_command(http, websocket),
        environment=PYTHON_ENVIRONMENT,
        version=lambda: package_version("uvicorn", http, package),
        install=(f'"$PYTHON" -P -m pip install "uvicorn>=0.35" "{http}" "{package}"',),
        documentation="https://uvicorn.dev/",
        signal_documented="https://uvicorn.dev/server-behavior/#graceful-process-shutdown",
        # It says "CTRL+C to force quit" while it waits: SIGINT after any first signal, not a second SIGTERM.
        # https://github.com/Kludex/uvicorn/blob/main/uvicorn/server.py (``handle_exit``)
        signals={"force": "SIGINT"},
        # https://uvicorn.dev/concepts/lifespan/
        features=frozenset({Feature.LIFESPAN, Feature.WEBSOCKET}),
        exit_statuses=(-signal.SIGTERM,),
        drain=Drain("--timeout-graceful-shutdown", "https://uvicorn.dev/settings/#timeouts", whole_seconds=True),
    )


UVICORN = _server("uvicorn", "httptools", "websockets-sansio")
UVICORN_H11 = _server("uvicorn-h11", "h11", "wsproto")
