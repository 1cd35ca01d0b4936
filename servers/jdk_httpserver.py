"""The JDK's own com.sun.net.httpserver: HTTP/1.1.

It has no signals of its own; the program calls ``HttpServer.stop`` in a shutdown hook of the JVM, which closes the
listener, waits for exchanges in progress for a delay in whole seconds, and closes all connections.
https://docs.oracle.com/en/java/javase/17/docs/api/jdk.httpserver/com/sun/net/httpserver/HttpServer.html#stop(int)

It takes the whole delay even when nothing is in progress (seen with 17.0.15). Over TLS it ends connections without
close_notify.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Drain, Server
from lastcall.servers import jvm
from lastcall.servers.installation import printed_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch


def _command(launch: Launch) -> list[str]:
    return jvm.java("jdk-httpserver", "JdkProgram", *jvm.launched(launch, drain_s=math.ceil(launch.drain_s)))


JDK_HTTPSERVER = Server(
    name="jdk-httpserver",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS}),
    command=_command,
    version=lambda: printed_version(jvm.java("jdk-httpserver", "JdkProgram")),
    install=(jvm.built("jdk-httpserver"),),
    built_from=jvm.SOURCES,
    documentation="https://docs.oracle.com/en/java/javase/17/docs/api/jdk.httpserver/module-summary.html",
    exit_statuses=jvm.EXIT_STATUSES,
    # No default: HttpServer.stop cannot be called without its delay.
    drain=Drain(
        "the delay of HttpServer.stop",
        "https://docs.oracle.com/en/java/javase/17/docs/api/jdk.httpserver/com/sun/net/httpserver/HttpServer.html#stop(int)",
        whole_seconds=True,
    ),
)
