"""aiohttp's own server: HTTP/1.1, on asyncio.

SIGTERM and SIGINT stop ``web.run_app``: it closes the listener and idle connections, runs ``on_shutdown`` (where the test
application closes its WebSockets, as the documentation says), and handlers have ``shutdown_timeout`` to complete.
https://docs.aiohttp.org/en/stable/web_advanced.html#graceful-shutdown

From its source (3.14): after the shutdown has begun, bytes that arrive are dropped. So an upload that is not complete by
then never completes, and its handler waits until the end (``RequestHandler.data_received``). The server waits for the
timeout twice, the second time before it cancels the handlers (``RequestHandler.shutdown``). It closes the loop without
waiting for what asyncio still has to write, so a slow reader may lose the end of a response, especially over TLS.
https://github.com/aio-libs/aiohttp/blob/master/aiohttp/web_protocol.py
https://github.com/aio-libs/aiohttp/issues/1369
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


def _command(launch: Launch) -> list[str]:
    tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
    bind = ["--host", launch.host, "--port", str(launch.port)]
    drain = [] if launch.default_drain else ["--drain", str(launch.drain_s)]
    return [sys.executable, "-m", "lastcall.servers.apps.aiohttp_application", *bind, *tls, *drain]


AIOHTTP = Server(
    name="aiohttp",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS}),
    command=_command,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("aiohttp"),
    install=('"$PYTHON" -P -m pip install "aiohttp>=3.12"',),
    documentation="https://docs.aiohttp.org/en/stable/web.html",
    signal_documented="https://docs.aiohttp.org/en/stable/web_advanced.html#graceful-shutdown",
    features=frozenset({Feature.WEBSOCKET}),
    drain=Drain(
        option="shutdown_timeout of web.run_app",
        documented="https://docs.aiohttp.org/en/stable/web_advanced.html#graceful-shutdown",
        # The same page documents that the timeout runs once for the handlers, and once more for what is still open then.
        default=DefaultDrain(60.0, "https://docs.aiohttp.org/en/stable/web_reference.html#aiohttp.web.run_app"),
    ),
)
