"""Uvicorn: HTTP/1.1 for ASGI applications, parsed by httptools or by h11; WebSockets by websockets or by wsproto.

SIGTERM and SIGINT stop it: it closes the listener and idle connections, completes the responses in flight, closes their
connections, and then shuts the application's lifespan down. Without ``--timeout-graceful-shutdown`` it waits for as long
as that takes; with it, the remaining handlers are cancelled, and their clients get status 500. A second SIGINT ends the
wait at once.
https://uvicorn.dev/server-behavior/ and https://uvicorn.dev/settings/#timeouts

With several workers the parent reacts to the first signal only, within 0.5 s; it waits for its workers without a limit
of its own, and exits with status 0: https://github.com/Kludex/uvicorn/blob/main/uvicorn/supervisors/multiprocess.py

HTTP/2 needs ``--http zttp --http2``, and works over TLS and by prior knowledge: https://uvicorn.dev/settings/#implementation

Since 0.29 it finally raises the signal that stopped it again, so a successful stop ends by that signal:
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

# The documentation names the default of the keep-alive timeout, not of this one. In the source it is None, which asyncio
# takes as no timeout for the requests in flight: https://github.com/Kludex/uvicorn/blob/0.54.0/uvicorn/server.py#L297
_DEFAULT = DefaultDrain(None, "https://github.com/Kludex/uvicorn/blob/0.54.0/uvicorn/config.py#L236")


def _command(http: str, websocket: str, *options: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        bind = ["--host", launch.host, "--port", str(launch.port)]
        tls = ["--ssl-certfile", str(launch.cert), "--ssl-keyfile", str(launch.key)] if launch.protocol.tls else []
        drain = [] if launch.default_drain else ["--timeout-graceful-shutdown", str(math.ceil(launch.drain_s))]
        # An idle connection must last until the shutdown; the keep-alive timeout is 5 s by default.
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
        # While it waits it prints "CTRL+C to force quit": SIGINT after any first signal, not a second SIGTERM.
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
# When HEADERS end the stream, so that the request has no body, the application never receives ``http.request``, and reading
# the body waits forever: https://github.com/Kludex/uvicorn/blob/main/uvicorn/protocols/http/zttp_h2_impl.py
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
    # With one worker there would be no parent: https://uvicorn.dev/deployment/#built-in
    return [*_command("httptools", "websockets-sansio")(launch), "--workers", str(max(2, launch.workers))]


UVICORN_WORKERS = dataclasses.replace(
    UVICORN,
    name="uvicorn-workers",
    command=_command_of_workers,
    exit_statuses=(0,),
    # Each worker has a lifespan of its own: an idle worker's hook runs while another worker's handlers run.
    features=frozenset({Feature.WEBSOCKET, Feature.WORKERS}),
    # After the first signal the parent reacts to no further one, so nothing ends the wait.
    # https://uvicorn.dev/deployment/: HUP restarts the workers one after the other.
    signals={"reload": "SIGHUP"},
)
