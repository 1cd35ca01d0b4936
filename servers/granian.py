"""Granian: HTTP/1.1 and HTTP/2 for ASGI and WSGI applications, on hyper (Rust).

SIGTERM and SIGINT stop it: its workers stop accepting, serve the requests in flight, and then shut the application's
lifespan down. The main process waits for them without a limit, unless ``--workers-kill-timeout`` sets one: then it kills
the workers that remain. https://github.com/emmett-framework/granian#options and
https://github.com/emmett-framework/granian/blob/master/granian/server/common.py (``_stop_workers``)

A connection counts as in flight as long as its client keeps it open and sends requests: https://github.com/emmett-framework/granian/issues/548
"""

from __future__ import annotations

import dataclasses
import math
import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Feature, Server
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.model.launch import Launch


def _command(*interface: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        bind = ["--host", launch.host, "--port", str(launch.port)]
        tls = ["--ssl-certificate", str(launch.cert), "--ssl-keyfile", str(launch.key)] if launch.protocol.tls else []
        drain = [] if launch.default_drain else ["--workers-kill-timeout", str(math.ceil(launch.drain_s))]
        workers = ["--workers", str(launch.workers)]
        return [sys.executable, "-m", "granian", *bind, *tls, *drain, *workers, "--interface", *interface]

    return command


def _server(name: str, features: frozenset[Feature], *interface: str) -> Server:
    return Server(
        name=name,
        speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
        command=_command(*interface),
        environment=PYTHON_ENVIRONMENT,
        version=lambda: package_version("granian"),
        install=('"$PYTHON" -P -m pip install "granian>=2.8"',),
        documentation="https://github.com/emmett-framework/granian",
        # https://github.com/emmett-framework/granian#workers-and-threads: HUP starts new workers in place of the old ones.
        signals={"reload": "SIGHUP"},
        features=features | {Feature.WORKERS},
        drain=Drain(
            option="--workers-kill-timeout",
            documented="https://github.com/emmett-framework/granian#options",
            whole_seconds=True,
            # The list of options says "disabled": nothing ends the wait.
            default=DefaultDrain(None, "https://github.com/emmett-framework/granian#options"),
        ),
    )


GRANIAN = _server(
    "granian", frozenset({Feature.LIFESPAN, Feature.WEBSOCKET}), "asgi", "lastcall.servers.apps.asgi:application"
)
# A handler occupies a thread for as long as it runs, and there is one thread by default. Granian reads status and headers
# when the application has returned, though WSGI lets the iterable set them: such a response is a 200 without headers.
# https://github.com/emmett-framework/granian/blob/master/granian/wsgi.py
# When an iterable fails, 2.8.7 ends the response as if it were whole; 2.8.9 cuts it, as it should.
_ENDS_AS_WHOLE = "a response whose iterable fails after its first piece ends as if it were whole"
GRANIAN_WSGI = dataclasses.replace(
    _server(
        "granian-wsgi", frozenset(), "wsgi", "--blocking-threads", "64", "lastcall.servers.apps.wsgi_begun:application"
    ),
    departures={
        ("handlers_give_up_without_the_gate", version): Departure(_ENDS_AS_WHOLE, "<2.8.9") for version in (1, 2)
    },
)
