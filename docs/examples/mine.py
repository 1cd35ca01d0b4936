"""The same server as a Python file, for an adapter that has to compute something: pytest --server mine.py."""

import sys
from pathlib import Path

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Server

PROGRAM = Path(__file__).resolve().parent / "gated_server.py"

MINE = Server(
    name="mine-in-python",
    speaks=frozenset({Protocol.H1}),
    command=lambda launch: [sys.executable, str(PROGRAM), str(launch.port)],
    version=lambda: f"Python {sys.version.split()[0]}",
    install=(),
    documentation="https://example.org/mine",
)
