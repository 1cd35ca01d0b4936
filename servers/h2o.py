"""h2o as a reverse proxy: HTTP/1.1 and HTTP/2 in front of the harness's origin.

SIGTERM is the graceful stop: h2o stops accepting, sends GOAWAY on HTTP/2 connections in two steps, one second apart, and
exits when the last connection has ended. https://github.com/h2o/h2o/blob/v2.2.5/src/main.c (``on_sigterm``)

``http2-graceful-shutdown-timeout`` ends the remaining HTTP/2 connections; by default nothing does.
https://h2o.examp1e.net/configure/http2_directives.html#http2-graceful-shutdown-timeout

For HTTP/1.1 there is no such option, so it is a server of its own here, ``h2o-http1``. The shutdown does not close an idle
connection, which keeps the process alive until ``http1-request-timeout`` is over.

This release reads a request's body to its end before it contacts the origin, and has no option to change that.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Server
from lastcall.servers.installation import CACHE, find_program, printed_version, unpacked_environment

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_PROGRAM = find_program("h2o", CACHE / "h2o" / "usr" / "bin" / "h2o")
_ENVIRONMENT = unpacked_environment(CACHE / "h2o")

# Times to the origin are in milliseconds, the others in seconds. Every request has its own connection to the origin.
_CONFIGURATION = """{user}num-threads: 1
error-log: /dev/stderr
listen:
  host: {host}
  port: {port}
{tls}
http1-request-timeout: 120
http2-idle-timeout: 120
{drain}
proxy.timeout.io: 300000
proxy.timeout.keepalive: 0
hosts:
  default:
    paths:
      "/":
        proxy.reverse.url: "http://{origin}/"
"""


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "--version"], _ENVIRONMENT)
    return printed and printed.split()[2]


def _files(launch: Launch) -> dict[str, str]:
    tls = f"  ssl:\n    certificate-file: {launch.cert}\n    key-file: {launch.key}\n    ocsp-update-interval: 0"
    configuration = _CONFIGURATION.format(
        user="user: root\n" if os.geteuid() == 0 else "",
        host=launch.host,
        port=launch.port,
        tls=tls if launch.protocol.tls else "",
        drain="" if launch.default_drain else f"http2-graceful-shutdown-timeout: {math.ceil(launch.drain_s)}",
        origin=launch.origin,
    )
    return {"h2o.conf": configuration}


def _server(name: str, speaks: frozenset[Protocol], drain: Drain | None) -> Server:
    return Server(
        name=name,
        speaks=speaks,
        command=lambda _launch: [str(_PROGRAM), "-c", "h2o.conf"],
        files=_files,
        environment=_ENVIRONMENT,
        version=_version,
        install=("sh apps/fetch_debian.sh h2o h2o h2o",),
        documentation="https://h2o.examp1e.net/configure.html",
        signal_documented="https://github.com/h2o/h2o/blob/v2.2.5/src/main.c",
        drain=drain,
        needs_origin=True,
        departures={
            ("handlers_give_up_without_the_gate", version): Departure(
                "a response that the origin cuts ends as if it were whole", "==2.2.5"
            )
            for version in {protocol.version for protocol in speaks}
        },
    )


H2O = _server(
    "h2o",
    frozenset({Protocol.H2, Protocol.H2C}),
    Drain(
        option="http2-graceful-shutdown-timeout",
        documented="https://h2o.examp1e.net/configure/http2_directives.html#http2-graceful-shutdown-timeout",
        whole_seconds=True,
        default=DefaultDrain(
            None, "https://h2o.examp1e.net/configure/http2_directives.html#http2-graceful-shutdown-timeout"
        ),
    ),
)
H2O_HTTP1 = _server("h2o-http1", frozenset({Protocol.H1, Protocol.H1_TLS}), None)
