"""The command line of the test applications that start their server themselves."""

from __future__ import annotations

import argparse
import ssl
from dataclasses import dataclass


@dataclass(frozen=True)
class ApplicationOptions:
    """The options of a server.

    ``drain_s`` is its drain timeout, None for the server's default; ``tls`` is None for a server without TLS.
    """

    host: str
    port: int
    drain_s: float | None
    tls: ssl.SSLContext | None


def read_options() -> ApplicationOptions:
    """Return ``--host``, ``--port``, ``--drain``, and, for TLS, ``--cert`` and ``--key``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--drain", type=float, help="seconds; a server without such a timeout ignores it")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    tls = None
    if options.cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.cert, options.key)
    return ApplicationOptions(options.host, options.port, options.drain, tls)
