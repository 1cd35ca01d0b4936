"""Node's own servers: HTTP/1.1 by the modules http and https, HTTP/2 by http2.

Node ends at once on SIGTERM unless the program handles it. ``server.close()`` closes the listener and, since Node 19, idle
connections, and the process exits by itself after the last connection. A connection that was busy at that moment stays
open for ``keepAliveTimeout`` after its response, which does not say close. A connection whose response has ended but is
not sent yet counts as idle (``closeIdleConnections``), and the response is cut.
https://nodejs.org/api/http.html#serverclosecallback
https://github.com/nodejs/node/blob/main/lib/_http_server.js

Over HTTP/2, the program closes every session as well as the server, which sends GOAWAY with the last stream id at once:
https://nodejs.org/api/http2.html#http2sessionclosecallback
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import HTTP2, Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers.installation import APPLICATIONS, CACHE, printed_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch


def _server(major: int) -> Server:
    program = CACHE / f"node-{major}" / "node_modules" / ".bin" / "node"

    def command(launch: Launch) -> list[str]:
        tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
        http2 = ["--http2"] if launch.protocol in HTTP2 else []
        bind = ["--host", launch.host, "--port", str(launch.port)]
        drain = [] if launch.default_drain else ["--drain", str(launch.drain_s)]
        return [str(program), str(APPLICATIONS / "node" / "node.mjs"), *bind, *drain, *tls, *http2]

    return Server(
        name=f"node-{major}",
        speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
        command=command,
        version=lambda: printed_version([program, "--version"]),
        install=(f"sh apps/fetch_npm.sh node-{major} node@{major}",),
        documentation=f"https://nodejs.org/docs/latest-v{major}.x/api/http.html",
        signal_documented=f"https://nodejs.org/docs/latest-v{major}.x/api/http.html#serverclosecallback",
        drain=Drain(
            "a timer, then server.closeAllConnections()",
            f"https://nodejs.org/docs/latest-v{major}.x/api/http.html#servercloseallconnections",
            # A server is closed when all of its connections have ended, and a session when its streams have:
            # https://nodejs.org/api/http2.html#http2sessionclosecallback
            default=DefaultDrain(None, f"https://nodejs.org/docs/latest-v{major}.x/api/net.html#serverclosecallback"),
        ),
    )


NODE_22, NODE_24, NODE_26 = (_server(major) for major in (22, 24, 26))
