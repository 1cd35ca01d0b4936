"""Jetty 12, embedded: HTTP/1.1 and HTTP/2.

Jetty has no signals of its own; with ``Server.setStopAtShutdown`` it stops in a shutdown hook of the JVM. A stop is
graceful only with a stop timeout, and waits for requests only with a ``GracefulHandler`` around the other handlers: it
then closes the listeners, sends GOAWAY on HTTP/2 connections in two phases, and answers new requests with 503. Without
a stop timeout it cuts all requests at once, and its thread pool waits for running handlers for the pool's own stop
timeout, 5 s (seen with 12.1.14).
https://jetty.org/docs/jetty/12.1/programming-guide/server/http.html and
https://javadoc.jetty.org/jetty-12.1/org/eclipse/jetty/server/handler/GracefulHandler.html

When the stop begins, the idle timeout of every connection becomes the connector's shutdown idle timeout, 1 s by default.
Over HTTP/1.1 a request in its handler is not affected; an HTTP/2 connection on which nothing moves for so long is closed
with its requests in flight (seen with 12.1.14). ``jetty-patient`` sets it to the stop timeout. Then these requests are
served, but idle connections, and those whose last response is sent, stay open until the client closes them or that time
is over.
https://github.com/jetty/jetty.project/blob/jetty-12.1.x/jetty-core/jetty-server/src/main/java/org/eclipse/jetty/server/AbstractConnector.java
(``shutdown``) and https://github.com/jetty/jetty.project/issues/13569
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers import jvm

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.model.launch import Launch


# The documentation does not say what holds for an embedded server: the field is 0. Jetty's distribution sets 5 s, in its
# jetty.xml.
_DEFAULT = DefaultDrain(None, "")


def _command(*, patient: bool) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        shutdown_idle_ms = [str(round(launch.drain_s * 1000))] if patient else []
        return jvm.java("jetty", "JettyProgram", *jvm.launched(launch), *shutdown_idle_ms)

    return command


def _server(name: str, *, patient: bool) -> Server:
    return Server(
        name=name,
        speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
        command=_command(patient=patient),
        version=lambda: jvm.version_of("jetty", "jetty-server"),
        install=(jvm.built("jetty"),),
        built_from=jvm.SOURCES,
        documentation="https://jetty.org/docs/jetty/12.1/",
        signal_documented="https://javadoc.jetty.org/jetty-12.1/org/eclipse/jetty/server/Server.html#setStopAtShutdown(boolean)",
        exit_statuses=jvm.EXIT_STATUSES,
        drain=Drain(
            "Server.setStopTimeout",
            "https://javadoc.jetty.org/jetty-12.1/org/eclipse/jetty/server/Server.html#setStopTimeout(long)",
            # The patience is an option too: with neither option set, this server would be the other one.
            default=None if patient else _DEFAULT,
        ),
    )


JETTY = _server("jetty", patient=False)
JETTY_PATIENT = _server("jetty-patient", patient=True)
