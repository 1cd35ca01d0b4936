"""Apache httpd with mod_proxy and mod_http2: HTTP/1.1 and HTTP/2 in front of the harness's origin.

SIGWINCH is the graceful stop (``apachectl graceful-stop``): the parent stops listening and waits for its children,
which serve the requests in flight. SIGTERM, the signal that most supervisors send, stops it at once and cuts every request.
https://httpd.apache.org/docs/2.4/stopping.html#gracefulstop

Without ``GracefulShutdownTimeout`` it waits for as long as a request takes. When that timeout is over, the parent sends its
children SIGTERM, and about ten seconds later SIGKILL to those that remain. A SIGTERM during the drain takes as long.
https://httpd.apache.org/docs/2.4/mod/mpm_common.html#gracefulshutdowntimeout
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Server,
)
from lastcall.servers.installation import CACHE, find_program, printed_version, unpacked_environment

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_PROGRAM = find_program("apache2", CACHE / "apache2" / "usr" / "sbin" / "apache2")
_MODULES = _PROGRAM.parent.parent / "lib" / "apache2" / "modules"
_ENVIRONMENT = unpacked_environment(CACHE / "apache2")

# One child with its threads. The timeouts must outlast a held handler and an idle connection; flushpackets passes a piece
# of a response on when the origin sends it. Without proxy-prefetch-nonblocking a request enters its handler only when some
# kilobytes of its body, or all of it, have arrived. Every request has its own connection to the origin. When root starts
# httpd, the children must become another user: httpd refuses to serve as root.
_CONFIGURATION = """ServerRoot {directory}
PidFile httpd.pid
DefaultRuntimeDir {directory}
ErrorLog /dev/stderr
LogLevel warn
ServerName localhost
{modules}
{user}
StartServers 1
ServerLimit 1
ThreadsPerChild 128
ThreadLimit 128
MaxRequestWorkers 128
MinSpareThreads 1
MaxSpareThreads 128
Listen {listen}
Protocols {protocol}
{tls}
Timeout 300
KeepAliveTimeout 120
MaxKeepAliveRequests 0
{drain}
SetEnv proxy-prefetch-nonblocking 1
ProxyPass / http://{origin}/ disablereuse=on flushpackets=on timeout=300
"""
_NAMES = ("mpm_event", "authz_core", "env", "proxy", "proxy_http", "http2", "ssl")
_PROTOCOLS = {Protocol.H2: "h2", Protocol.H2C: "h2c"}


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "-C", "ServerName localhost", "-f", os.devnull, "-v"], _ENVIRONMENT)
    return printed and printed.partition("Apache/")[2].split()[0]


def _files(launch: Launch) -> dict[str, str]:
    tls = f"SSLEngine on\nSSLCertificateFile {launch.cert}\nSSLCertificateKeyFile {launch.key}"
    configuration = _CONFIGURATION.format(
        directory=launch.directory,
        modules="\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _NAMES),
        user="User nobody\nGroup nogroup" if os.geteuid() == 0 else "",
        listen=f"{launch.host}:{launch.port}",
        protocol=_PROTOCOLS.get(launch.protocol, "http/1.1"),
        tls=tls if launch.protocol.tls else "",
        drain="" if launch.default_drain else f"GracefulShutdownTimeout {math.ceil(launch.drain_s)}",
        origin=launch.origin,
    )
    return {"httpd.conf": configuration}


APACHE = Server(
    name="apache",
    # mod_http2 processes six streams at a time at first, and more when these are answered.
    streams_at_once=6,
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: [str(_PROGRAM), "-D", "FOREGROUND", "-f", str(launch.directory / "httpd.conf")],
    files=_files,
    environment=_ENVIRONMENT,
    version=_version,
    install=("sh apps/fetch_debian.sh apache2 apache2 apache2-bin",),
    documentation="https://httpd.apache.org/docs/2.4/",
    graceful_signal="SIGWINCH",
    signal_documented="https://httpd.apache.org/docs/2.4/stopping.html#gracefulstop",
    signals={"force": "SIGTERM"},
    drain=Drain(
        option="GracefulShutdownTimeout",
        documented="https://httpd.apache.org/docs/2.4/mod/mpm_common.html#gracefulshutdowntimeout",
        whole_seconds=True,
        default=DefaultDrain(None, "https://httpd.apache.org/docs/2.4/mod/mpm_common.html#gracefulshutdowntimeout"),
    ),
    needs_origin=True,
)
