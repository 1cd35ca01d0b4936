"""Daphne: HTTP/1.1 and HTTP/2 for ASGI applications, on Twisted.

Its documentation does not say how to stop it. From its source: SIGTERM and SIGINT stop Twisted's reactor, which first
cancels every running handler. So a request in flight is not served, and there is no drain timeout
(``--application-close-timeout`` is for handlers whose client has disconnected).
https://github.com/django/daphne/blob/main/daphne/server.py (``kill_all_applications``)

HTTP/2 needs the extras ``twisted[http2,tls]`` and a TLS endpoint: Daphne offers it by ALPN alone, so there is no h2c.
https://github.com/django/daphne#http2-support
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Feature, Server
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch


def _command(launch: Launch) -> list[str]:
    endpoint = f"tcp:{launch.port}:interface={launch.host}"
    if launch.protocol.tls:
        endpoint = f"ssl:{launch.port}:interface={launch.host}:privateKey={launch.key}:certKey={launch.cert}"
    return [sys.executable, "-m", "daphne", "--endpoint", endpoint, "lastcall.servers.apps.asgi:application"]


DAPHNE = Server(
    name="daphne",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2}),
    command=_command,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("daphne", "h2", "service-identity"),
    install=('"$PYTHON" -P -m pip install "daphne>=4.2" "twisted[http2,tls]>=24.11"',),
    documentation="https://github.com/django/daphne",
    features=frozenset({Feature.WEBSOCKET}),
)
