"""Undertow, embedded: HTTP/1.1 and HTTP/2.

Undertow has no signals of its own; the program calls Undertow's functions in a shutdown hook of the JVM.
``GracefulShutdownHandler.shutdown`` lets requests in flight complete and answers later requests with 503, and
``awaitShutdown`` waits for a given time; then ``Undertow.stop`` closes the listeners, which accept until then.
https://undertow.io/undertow-docs/undertow-docs-2.1.0/index.html and
https://github.com/undertow-io/undertow/blob/main/core/src/main/java/io/undertow/server/handlers/GracefulShutdownHandler.java

That handler works on requests, not on connections: it sends no GOAWAY and no ``connection: close``, and closes no idle
connections. Connections end with the process, over TLS without close_notify. https://github.com/undertow-io/undertow/pull/1140

``stop`` waits for its threads without a limit unless ``UndertowOptions.SHUTDOWN_TIMEOUT`` is set. Without it, one
handler that does not end keeps the process alive forever.
https://github.com/undertow-io/undertow/blob/main/core/src/main/java/io/undertow/Undertow.java (``stop``)
"""

from __future__ import annotations

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers import jvm

UNDERTOW = Server(
    name="undertow",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: jvm.java("undertow", "UndertowProgram", *jvm.launched(launch)),
    version=lambda: jvm.version_of("undertow", "undertow-core"),
    install=(jvm.built("undertow"),),
    built_from=jvm.SOURCES,
    documentation="https://undertow.io/undertow-docs/undertow-docs-2.1.0/index.html",
    exit_statuses=jvm.EXIT_STATUSES,
    drain=Drain(
        "GracefulShutdownHandler.awaitShutdown",
        "https://undertow.io/javadoc/2.1.x/io/undertow/server/handlers/GracefulShutdownHandler.html",
        default=DefaultDrain(
            None,
            "https://undertow.io/javadoc/2.1.x/io/undertow/server/handlers/GracefulShutdownHandler.html#awaitShutdown--",
        ),
    ),
)
