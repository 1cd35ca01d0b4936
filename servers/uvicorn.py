"""Uvicorn: HTTP/1.1 for ASGI applications, parsed by httptools or by h11; WebSockets by websockets or by wsproto.

SIGTERM and SIGINT stop it: the listener and idle connections are closed, responses in flight are completed, the last of
their connections are closed, then the application's lifespan is shut down. Without ``--timeout-graceful-shutdown`` it
waits for as long as that takes; with it, the handlers that remain are cancelled, whose clients then get status 500. A
second SIGINT ends the wait at once.
https://uvicorn.dev/server-behavior/ and https://uvicorn.dev/settings/#timeouts

With several workers the parent answers the first signal alone, within 0.5 s; it waits for its workers without a limit
of its own, and ends with status 0: https://github.com/Kludex/uvicorn/blob/main/uvicorn/supervisors/multiprocess.py

HTTP/2 is there with ``--http zttp --http2``, over TLS and by prior knowledge: https://uvicorn.dev/settings/#implementation

Once it is done it raises the signal that stopped it again, so a successful stop ends by that signal, since 0.29:
https://github.com/Kludex/uvicorn/pull/1600
"""

from __future__ import annotations

import dataclasses
import math
import signal
import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Feature, Server
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.model.launch import Launch

# The documentation gives the default of the keep-alive timeout, not of this one. In the source it is None, and what is in
# flight is waited for with that as asyncio's timeout: https://github.com/Kludex/uvicorn/blob/0.54.0/uvicorn/server.py#L297
_DEFAULT = DefaultDrain(None, "https://github.com/Kludex/uvicorn/blob/0.54.0/uvicorn/config.py#L236")


def _command(http: str, websocket: str, *options: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        bind = ["--host", launch.host, "--port", str(launch.port)]
        tls = ["--ssl-certfile", str(launch.cert), "--ssl-keyfile", str(launch.key)] if launch.protocol.tls else []
        drain = [] if launch.default_drain else ["--timeout-graceful-shutdown", str(math.ceil(launch.drain_s))]
        # An idle connection, closed after 5 s unless this is set, must last until the shutdown.
        uvicorn = [sys.executable, "-m", "uvicorn", "--http", http, "--no-access-log", "--timeout-keep-alive", "120"]
        uvicorn += ["--ws", websocket]
        return [*uvicorn, *options, *bind, *tls, *drain, "lastcall.servers.apps.asgi:application"]

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
        drain=Drain(
            "--timeout-graceful-shutdown",
            "https://uvicorn.dev/settings/#timeouts",
            whole_seconds=True,
            default=_DEFAULT,
        ),
    )


UVICORN = _server("uvicorn", "httptools", "websockets-sansio")
UVICORN_H11 = _server("uvicorn-h11", "h11", "wsproto")
# A request without a body, whose HEADERS end the stream, is never told to the application as ``http.request``, so that
# reading it waits for good: https://github.com/Kludex/uvicorn/blob/main/uvicorn/protocols/http/zttp_h2_impl.py
UVICORN_ZTTP = dataclasses.replace(
    _server("uvicorn-zttp", "zttp", "websockets-sansio"),
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command("zttp", "websockets-sansio", "--http2"),
    install=('"$PYTHON" -P -m pip install "uvicorn>=0.54" zttp websockets',),
    departures={
        ("read_counts_the_body", 2): Departure(
            "a request whose HEADERS end the stream never reaches the application as read", ">=0.54"
        )
    },
)


def _command_of_workers(launch: Launch) -> list[str]:
    # With one there would be no parent: https://uvicorn.dev/deployment/#built-in
    return [*_command("httptools", "websockets-sansio")(launch), "--workers", str(max(2, launch.workers))]


UVICORN_WORKERS = dataclasses.replace(
    UVICORN,
    name="uvicorn-workers",
    command=_command_of_workers,
    exit_statuses=(0,),
    # Each worker has a lifespan of its own: an idle one's hook runs while another one's handlers do.
    features=frozenset({Feature.WEBSOCKET, Feature.WORKERS}),
    # Its parent no longer listens when it has been told to stop, so nothing ends the wait.
    # https://uvicorn.dev/deployment/: HUP restarts the workers one after the other.
    signals={"reload": "SIGHUP"},
)
