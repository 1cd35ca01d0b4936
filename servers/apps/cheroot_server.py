"""The gated WSGI application on Cheroot, run by `python -m lastcall.servers.apps.cheroot_server`.

Cheroot's own command line has no TLS.
"""

from __future__ import annotations

import argparse
from typing import Any

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server

from lastcall.servers.apps.wsgi import application


def main() -> None:
    """Serve until SIGINT, which Cheroot takes as KeyboardInterrupt."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--drain", type=float)
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    drain: dict[str, Any] = {} if options.drain is None else {"shutdown_timeout": options.drain}
    server = Server(
        (options.host, options.port),
        application,
        numthreads=64,  # a handler, or a request whose body is not complete, occupies a thread
        timeout=120,  # 10 s by default; an idle connection must last until the shutdown
        **drain,
    )
    if options.cert:
        server.ssl_adapter = BuiltinSSLAdapter(options.cert, options.key)
    server.safe_start()


if __name__ == "__main__":
    main()
