"""Armeria, embedded: HTTP/1.1 and HTTP/2 on Netty.

Armeria has no signals of its own; ``Server.closeOnJvmShutdown`` stops it in a shutdown hook of the JVM. Without
``gracefulShutdownTimeout``, which is not set by default, requests in flight are cut. With it, the server goes on as before
until there has been no request for a quiet period (200 ms here), or the timeout is over. Only then does it send GOAWAY
and close connections.
https://javadoc.io/doc/com.linecorp.armeria/armeria-javadoc/latest/com/linecorp/armeria/server/ServerBuilder.html

A task of its blocking executor that does not end keeps the process alive after the timeout (seen with 1.40.0).
"""

from __future__ import annotations

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers import jvm

ARMERIA = Server(
    name="armeria",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: jvm.java("armeria", "ArmeriaProgram", *jvm.launched(launch)),
    version=lambda: jvm.version_of("armeria", "armeria"),
    install=(jvm.built("armeria"),),
    built_from=jvm.SOURCES,
    documentation="https://armeria.dev/docs",
    exit_statuses=jvm.EXIT_STATUSES,
    drain=Drain(
        "gracefulShutdownTimeout",
        "https://javadoc.io/doc/com.linecorp.armeria/armeria-javadoc/latest/com/linecorp/armeria/server/ServerBuilder.html",
        default=DefaultDrain(
            0.0,
            "https://javadoc.io/doc/com.linecorp.armeria/armeria-javadoc/latest/com/linecorp/armeria/server/"
            "ServerBuilder.html#gracefulShutdown(com.linecorp.armeria.server.GracefulShutdown)",
        ),
    ),
)
