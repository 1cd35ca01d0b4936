"""Waitress: HTTP/1.1 for WSGI applications, on threads.

It has no handler for SIGTERM, which therefore ends it at once. SIGINT (KeyboardInterrupt) ends its loop: from then on it
reads and accepts nothing, worker threads have 5 s, which cannot be configured, and only what they write themselves is
still sent. The listener stays open until the end.
https://github.com/Pylons/waitress/blob/main/src/waitress/server.py (``run``), task.py (``shutdown``)
A request for a graceful shutdown: https://github.com/Pylons/waitress/issues/198
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Server
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch


def _command(launch: Launch) -> list[str]:
    # A handler occupies a thread (4 by default). An idle connection lasts 120 s by default.
    waitress = [sys.executable, "-m", "waitress", f"--listen={launch.host}:{launch.port}", "--threads=64"]
    return [*waitress, "lastcall.servers.apps.wsgi:application"]


WAITRESS = Server(
    name="waitress",
    speaks=frozenset({Protocol.H1}),
    command=_command,
    environment=PYTHON_ENVIRONMENT,
    version=lambda: package_version("waitress"),
    install=('"$PYTHON" -P -m pip install "waitress>=3.0"',),
    documentation="https://docs.pylonsproject.org/projects/waitress/en/stable/",
    graceful_signal="SIGINT",
)
