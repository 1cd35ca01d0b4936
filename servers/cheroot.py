"""Cheroot, CherryPy's server: HTTP/1.1 for WSGI applications, on threads.

It has no handler for SIGTERM, which therefore ends it at once (CherryPy's bus has a handler). SIGINT, as
KeyboardInterrupt, makes ``safe_start`` call ``stop()`` and is raised again afterwards, so the process ends by SIGINT.
``stop()`` closes the listener and idle connections, and waits for each worker thread for ``shutdown_timeout``; then it
shuts the connection down for reading, and waits for the thread without a limit.
https://cheroot.cherrypy.dev/en/latest/pkg/cheroot.server/
https://github.com/cherrypy/cheroot/blob/main/cheroot/workers/threadpool.py (``ThreadPool.stop``)
"""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch


def _command(launch: Launch) -> list[str]:
    tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
    bind = ["--host", launch.host, "--port", str(launch.port)]
    drain = [] if launch.default_drain else ["--drain", str(launch.drain_s)]
    return [sys.executable, "-m", "lastcall.servers.apps.cheroot_server", *bind, *tls, *drain]


CHEROOT = Server(
    name="cheroot",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS}),
    command=_command,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("cheroot"),
    install=('"$PYTHON" -P -m pip install "cheroot>=10.0"',),
    documentation="https://cheroot.cherrypy.dev/",
    graceful_signal="SIGINT",
    exit_statuses=(-signal.SIGINT,),
    drain=Drain(
        "shutdown_timeout",
        "https://cheroot.cherrypy.dev/en/latest/pkg/cheroot.server/",
        default=DefaultDrain(5.0, "https://cheroot.cherrypy.dev/en/latest/pkg/cheroot.wsgi/"),
    ),
)
