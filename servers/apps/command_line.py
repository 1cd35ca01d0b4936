"""The command line of those test applications that start their server themselves."""

from __future__ import annotations

import argparse
import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What a server is started with.

    ``drain_s`` is its drain timeout, None for the one that it comes with; ``tls`` is None for a server in the clear.
    """

    host: str
    port: int
    drain_s: float | None
    tls: ssl.SSLContext | None


def read_options() -> Options:
    """Read ``--host``, ``--port``, ``--drain``, and, for TLS, ``--cert`` and ``--key``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--drain", type=float, help="seconds; nothing to a server without such a timeout")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    tls = None
    if options.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert, options.key)
    return Options(options.host, options.port, options.drain, tls)
