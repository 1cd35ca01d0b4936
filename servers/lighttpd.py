"""lighttpd as a reverse proxy: HTTP/1.1 and HTTP/2 in front of the harness's origin.

SIGINT is the graceful stop: lighttpd stops accepting, closes idle connections and serves the requests in flight. SIGTERM,
the signal that most supervisors send, stops it at once and cuts every request.
https://manpages.debian.org/bookworm/lighttpd/lighttpd.8.en.html#SIGNALS

``server.graceful-shutdown-timeout`` bounds the graceful stop; it is 8 s by default.
https://redmine.lighttpd.net/projects/lighttpd/wiki/Server_feature-flagsDetails

It lets a client open eight streams at a time on an HTTP/2 connection, and requires a content-length for a streamed body.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import HTTP2, Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Server
from lastcall.servers.installation import CACHE, find_program, printed_version, unpacked_environment

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_PROGRAM = find_program("lighttpd", CACHE / "lighttpd" / "usr" / "sbin" / "lighttpd")
_MODULES = _PROGRAM.parent.parent / "lib" / "lighttpd"
_ENVIRONMENT = unpacked_environment(CACHE / "lighttpd")

# stream-*-body 2 passes both directions on without collecting them first. The timeouts must outlast a held handler.
_CONFIGURATION = """server.modules = ( "mod_proxy", {module} )
server.bind = "{host}"
server.port = {port}
server.document-root = "{directory}"
server.upload-dirs = ( "{directory}" )
server.max-keep-alive-idle = 120
server.max-keep-alive-requests = 10000
server.max-read-idle = 300
server.max-write-idle = 360
server.stream-request-body = 2
server.stream-response-body = 2
server.feature-flags = (
    {drain}
    "server.h2proto" => "{http2}",
    "server.h2c" => "{http2}"
)
{tls}
proxy.server = ( "" => (( "host" => "{origin_host}", "port" => "{origin_port}", "read-timeout" => 300 )))
"""


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "-v"], _ENVIRONMENT)
    return printed and printed.partition("/")[2].split()[0]


def _files(launch: Launch) -> dict[str, str]:
    host, _, port = launch.origin.partition(":")
    tls = f'ssl.engine = "enable"\nssl.pemfile = "{launch.cert}"\nssl.privkey = "{launch.key}"'
    configuration = _CONFIGURATION.format(
        module='"mod_openssl"' if launch.protocol.tls else "",
        host=launch.host,
        port=launch.port,
        directory=launch.directory,
        drain="" if launch.default_drain else f'"server.graceful-shutdown-timeout" => {math.ceil(launch.drain_s)},',
        http2="enable" if launch.protocol in HTTP2 else "disable",
        tls=tls if launch.protocol.tls else "",
        origin_host=host,
        origin_port=port,
    )
    return {"lighttpd.conf": configuration}


LIGHTTPD = Server(
    name="lighttpd",
    streams_at_once=8,
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda _launch: [str(_PROGRAM), "-D", "-f", "lighttpd.conf", "-m", str(_MODULES)],
    files=_files,
    environment=_ENVIRONMENT,
    version=_version,
    install=("sh apps/fetch_debian.sh lighttpd lighttpd lighttpd lighttpd-mod-openssl",),
    documentation="https://redmine.lighttpd.net/projects/lighttpd/wiki",
    graceful_signal="SIGINT",
    signal_documented="https://manpages.debian.org/bookworm/lighttpd/lighttpd.8.en.html#SIGNALS",
    signals={"force": "SIGTERM"},
    drain=Drain(
        option="server.graceful-shutdown-timeout",
        documented="https://redmine.lighttpd.net/projects/lighttpd/wiki/Server_feature-flagsDetails",
        whole_seconds=True,
        # It was 0, which is no limit, until 1.4.68.
        default=DefaultDrain(8.0, "https://github.com/lighttpd/lighttpd1.4/blob/lighttpd-1.4.69/src/server.c"),
    ),
    needs_origin=True,
    departures={
        ("handlers_give_up_without_the_gate", 2): Departure(
            "a response that the origin cuts ends with END_STREAM, as if whole", "==1.4.69"
        )
    },
)
