"""Tomcat 11, embedded: HTTP/1.1 and HTTP/2.

As a program of its own, Tomcat stops in a shutdown hook of the JVM, and so does this one. It waits for requests only if
the service's ``gracefulStopAwaitMillis`` is set, and a connector's ``bindOnInit`` is false: then the listener is closed
first, and connections that are busy have so long. Neither is so by default.
https://tomcat.apache.org/tomcat-11.0-doc/config/service.html and
https://tomcat.apache.org/tomcat-11.0-doc/config/http.html (``bindOnInit``)

When the time is over with requests in flight, the process lives on for 7 s and more: a servlet has ``unloadDelay``, 2 s,
to end, and the connector's threads ``executorTerminationTimeoutMillis``, 5 s.
https://tomcat.apache.org/tomcat-11.0-doc/config/context.html and https://tomcat.apache.org/tomcat-11.0-doc/config/http.html

Over HTTP/2, a servlet that throws when its response has begun ends it with END_STREAM, as if it were whole (seen with
11.0.27, and not over HTTP/1.1). DATA of a stream that raced with the GOAWAY is taken for an error of the connection,
whose requests in flight are lost.
"""

from __future__ import annotations

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Server
from lastcall.servers import jvm

TOMCAT = Server(
    name="tomcat",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: jvm.java("tomcat", "TomcatProgram", *jvm.launched(launch)),
    version=lambda: jvm.version_of("tomcat", "tomcat-embed-core"),
    install=(jvm.built("tomcat"),),
    built_from=jvm.SOURCES,
    documentation="https://tomcat.apache.org/tomcat-11.0-doc/",
    exit_statuses=jvm.EXIT_STATUSES,
    drain=Drain(
        option="gracefulStopAwaitMillis",
        documented="https://tomcat.apache.org/tomcat-11.0-doc/config/service.html",
        # Requests are not waited for, but a servlet's unloadDelay and the executor's time to end, see above, follow.
        default=DefaultDrain(0.0, "https://tomcat.apache.org/tomcat-11.0-doc/config/service.html"),
    ),
    # A servlet that throws after its response has begun: over HTTP/1.1 it is cut.
    departures={
        ("handlers_give_up_without_the_gate", 2): Departure(
            "a response that fails ends with END_STREAM, as if whole", ">=11.0.27"
        )
    },
)
