"""uWSGI as an HTTP server for WSGI applications, on threads, from the wheel ``pyuwsgi``, which has no TLS.

SIGTERM reloads it or, with ``--die-on-term``, ends it at once, as SIGINT and SIGQUIT do; SIGHUP reloads it gracefully.
https://uwsgi-docs.readthedocs.io/en/latest/Management.html#signals-for-controlling-uwsgi
The graceful stop is the master FIFO's ``q``, https://uwsgi-docs.readthedocs.io/en/latest/MasterFIFO.html, or a hook that
binds the same function to a signal, https://uwsgi-docs.readthedocs.io/en/latest/Hooks.html, as here. It waits for the
worker's requests and ignores ``--worker-reload-mercy``, which the documentation names for the shutdown too:
https://github.com/unbit/uwsgi/blob/master/core/uwsgi.c (``gracefully_kill_them_all``)

``--http-socket`` behaves like HTTP/1.0: one request on a connection, the end of the connection ends a body of unknown
length, and a chunked request is not decoded. ``--http11-socket`` keeps connections alive, but then a body of unknown
length never ends.
"""

from __future__ import annotations

import math
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
    return [
        *(sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", "--master", "--need-app", "--disable-logging"),
        # A handler occupies a thread. By default uWSGI gives up a client that is silent for 4 s.
        *("--http-socket", f"{launch.host}:{launch.port}", "--threads", "64", "--socket-timeout", "120"),
        *("--hook-master-start", "unix_signal:15 gracefully_kill_them_all"),
        *(() if launch.default_drain else ("--worker-reload-mercy", str(math.ceil(launch.drain_s)))),
        *("--module", "lastcall.servers.apps.wsgi:application"),
    ]


UWSGI = Server(
    name="uwsgi",
    speaks=frozenset({Protocol.H1}),
    command=_command,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("pyuwsgi"),
    install=('"$PYTHON" -P -m pip install "pyuwsgi>=2.0.28"',),
    documentation="https://uwsgi-docs.readthedocs.io/",
    signal_documented="https://uwsgi-docs.readthedocs.io/en/latest/Hooks.html",
    # "immediately kill the entire uWSGI stack": https://uwsgi-docs.readthedocs.io/en/latest/Management.html
    signals={"force": "SIGINT"},
    drain=Drain(
        "--worker-reload-mercy",
        "https://uwsgi-docs.readthedocs.io/en/latest/Options.html#worker-reload-mercy",
        whole_seconds=True,
        # The article calls it the worker's "mercy": 60 s, as ``--help`` says too.
        default=DefaultDrain(
            60.0, "https://uwsgi-docs.readthedocs.io/en/latest/articles/TheArtOfGracefulReloading.html"
        ),
    ),
)
