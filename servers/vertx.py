"""Vert.x 5, embedded: HTTP/1.1 and HTTP/2 on Netty.

Vert.x has no signals of its own; the program calls ``HttpServer.shutdown`` in a shutdown hook of the JVM. It closes the
listener and idle connections, sends one GOAWAY with the real last stream id, gives requests in flight its timeout to
complete, and then closes the remaining connections. https://vertx.io/docs/vertx-core/java/ and
https://vertx.io/docs/apidocs/io/vertx/core/http/HttpServer.html

DATA of a stream that raced with the GOAWAY ends the connection and the requests in flight on it: Netty answers the
stream's HEADERS with REFUSED_STREAM, forgets the stream, and treats its DATA as a connection error (seen with 5.2.3).
Other servers on Netty have shown the same: https://github.com/line/armeria/issues/3208
"""

from __future__ import annotations

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers import jvm

VERTX = Server(
    name="vertx",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: jvm.java("vertx", "VertxProgram", *jvm.launched(launch)),
    version=lambda: jvm.version_of("vertx", "vertx-core"),
    install=(jvm.built("vertx"),),
    built_from=jvm.SOURCES,
    documentation="https://vertx.io/docs/vertx-core/java/",
    exit_statuses=jvm.EXIT_STATUSES,
    drain=Drain(
        option="the timeout of HttpServer.shutdown",
        documented="https://vertx.io/docs/apidocs/io/vertx/core/http/HttpServer.html",
        default=DefaultDrain(30.0, "https://vertx.io/docs/apidocs/io/vertx/core/http/HttpServer.html#shutdown()"),
    ),
)
