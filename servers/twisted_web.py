"""twisted.web: HTTP/1.1, and HTTP/2 over TLS with the extra ``http2``; started by ``twist web``.

SIGTERM and SIGINT stop the reactor. The service stops listening, and then the process ends without waiting for
requests, which are lost at once, over HTTP/2 without a GOAWAY. There is no drain timeout, because there is no drain.
https://docs.twisted.org/en/stable/core/howto/application.html
https://github.com/twisted/twisted/blob/trunk/src/twisted/application/internet.py (``StreamServerEndpointService``)

twisted.web reads a request to its end before it calls the resource, so no scenario can hold a handler in the middle of an
upload. It offers HTTP/2 by ALPN alone: there is no h2c.
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Server
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch


def _command(launch: Launch) -> list[str]:
    endpoint = f"tcp:{launch.port}:interface={launch.host}"
    if launch.protocol.tls:
        endpoint = f"ssl:{launch.port}:interface={launch.host}:privateKey={launch.key}:certKey={launch.cert}"
    web = ["web", "--class", "lastcall.servers.apps.twisted_application.Gated", "--listen", endpoint]
    return [sys.executable, "-m", "twisted", "--log-level", "warn", *web]


TWISTED_WEB = Server(
    name="twisted-web",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2}),
    command=_command,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("twisted", "h2", "service-identity"),
    install=('"$PYTHON" -P -m pip install "twisted[http2,tls]>=24.11"',),
    exit_statuses=(-signal.SIGTERM,),
    documentation="https://docs.twisted.org/en/stable/web/howto/",
)
