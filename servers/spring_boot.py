"""Spring Boot with its embedded Tomcat: HTTP/1.1 and HTTP/2; here without Spring MVC.

SIGTERM runs the JVM's shutdown hook, which closes the application context. With ``server.shutdown=graceful``, the default
since 3.4, it closes the listener first and gives requests in flight
``spring.lifecycle.timeout-per-shutdown-phase``, 30 s by default. https://docs.spring.io/spring-boot/3.5/reference/web/graceful-shutdown.html

When that time is over with requests in flight, it closes their connections, but the process lives on for 7 to 8 s more,
because of Tomcat's own time limits (``tomcat.py``). A supervisor's grace period must be longer than the sum.

Its HTTP/2 is Tomcat's and has the same oddities (``tomcat.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Server
from lastcall.servers import jvm

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

# Idle connections must last until the shutdown; keep-alive-timeout is 20 s by default.
_CONFIGURATION = """server.address = {host}
server.port = {port}
server.http2.enabled = true
server.shutdown = graceful
server.tomcat.keep-alive-timeout = 120s
server.tomcat.threads.max = 64
{drain}
spring.main.banner-mode = off
{tls}"""
# From PEM: https://docs.spring.io/spring-boot/3.5/how-to/webserver.html#howto.webserver.configure-ssl
_TLS = "server.ssl.certificate = file:{cert}\nserver.ssl.certificate-private-key = file:{key}\n"


def _files(launch: Launch) -> dict[str, str]:
    tls = _TLS.format(cert=launch.cert, key=launch.key) if launch.protocol.tls else ""
    drain = f"spring.lifecycle.timeout-per-shutdown-phase = {round(launch.drain_s * 1000)}ms"
    drain = "" if launch.default_drain else drain
    return {"application.properties": _CONFIGURATION.format(host=launch.host, port=launch.port, drain=drain, tls=tls)}


SPRING_BOOT_TOMCAT = Server(
    name="spring-boot-tomcat",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda _launch: jvm.java("spring-boot-tomcat", "SpringBootTomcatProgram"),
    files=_files,
    version=lambda: jvm.version_of("spring-boot-tomcat", "spring-boot"),
    install=(jvm.built("spring-boot-tomcat"),),
    built_from=jvm.SOURCES,
    documentation="https://docs.spring.io/spring-boot/3.5/",
    exit_statuses=jvm.EXIT_STATUSES,
    drain=Drain(
        "spring.lifecycle.timeout-per-shutdown-phase",
        "https://docs.spring.io/spring-boot/3.5/reference/web/graceful-shutdown.html",
        default=DefaultDrain(
            30.0,
            "https://docs.spring.io/spring-boot/3.5/appendix/application-properties/index.html"
            "#application-properties.core.spring.lifecycle.timeout-per-shutdown-phase",
        ),
    ),
    # A servlet that throws after its response has begun; over HTTP/1.1 the response is cut.
    departures={
        ("handlers_give_up_without_the_gate", 2): Departure(
            "a response that fails ends with END_STREAM, as if whole", ">=3.5.16"
        )
    },
)
