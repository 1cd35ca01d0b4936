"""Tomcat 11, embedded: HTTP/1.1 and HTTP/2.

The standalone Tomcat stops in a shutdown hook of the JVM, and so does this program. It waits for requests only if the
service's ``gracefulStopAwaitMillis`` is set and a connector's ``bindOnInit`` is false: then it closes the listener first,
and busy connections have that time. Neither is the default.
https://tomcat.apache.org/tomcat-11.0-doc/config/service.html and
https://tomcat.apache.org/tomcat-11.0-doc/config/http.html (``bindOnInit``)

When that time is over with requests in flight, the process lives on for 7 s or more: a servlet has ``unloadDelay``, 2 s,
to end, and the connector's threads have ``executorTerminationTimeoutMillis``, 5 s.
https://tomcat.apache.org/tomcat-11.0-doc/config/context.html and https://tomcat.apache.org/tomcat-11.0-doc/config/http.html

Over HTTP/2, when a servlet throws after its response has begun, the response ends with END_STREAM as if it were whole
(seen with 11.0.27, and not over HTTP/1.1). Tomcat treats DATA of a stream that raced with the GOAWAY as a connection
error, and the connection's requests in flight are lost.
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
        # It does not wait for requests, but unloadDelay and the executor's time to end (see above) follow.
        default=DefaultDrain(0.0, "https://tomcat.apache.org/tomcat-11.0-doc/config/service.html"),
    ),
    # A servlet that throws after its response has begun; over HTTP/1.1 the response is cut.
    departures={
        ("handlers_give_up_without_the_gate", 2): Departure(
            "a response that fails ends with END_STREAM, as if whole", ">=11.0.27"
        )
    },
)
