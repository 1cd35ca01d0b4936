"""HAProxy as a reverse proxy: HTTP/1.1 and HTTP/2 in front of the harness's origin, in one process without a master.

SIGUSR1 is the graceful stop: HAProxy unbinds, announces the end on every connection (``Connection: close``, GOAWAY) and
exits when the last connection has ended. SIGTERM, the signal that most supervisors send, and SIGINT stop it at once and
cut every request. Debian's unit for systemd names no other signal, so systemd sends SIGTERM. https://docs.haproxy.org/2.6/management.html#4

After GOAWAY HAProxy leaves it to the client to close the HTTP/2 connection, even an idle one. Without
``hard-stop-after`` it waits for its connections for as long as they take.
https://docs.haproxy.org/2.6/configuration.html#3.1-hard-stop-after
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import HTTP2, Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Server
from lastcall.servers.installation import CACHE, find_program, printed_version, unpacked_environment

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_PROGRAM = find_program("haproxy", CACHE / "haproxy" / "usr" / "sbin" / "haproxy")
_ENVIRONMENT = unpacked_environment(CACHE / "haproxy")

# By default HAProxy buffers neither direction. The timeouts must outlast a held handler and an idle connection.
_CONFIGURATION = """global
    {drain}
defaults
    mode http
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-request 300s
    timeout http-keep-alive 120s
frontend service
    bind {listen}
    default_backend origin
backend origin
    server origin {origin}
"""


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "-v"], _ENVIRONMENT)
    return printed and printed.split()[2].partition("-")[0]


def _files(launch: Launch) -> dict[str, str]:
    tls, http2 = launch.protocol.tls, launch.protocol in HTTP2
    options = f" ssl crt server.pem alpn {'h2' if http2 else 'http/1.1'}" if tls else " proto h2" if http2 else ""
    configuration = _CONFIGURATION.format(
        drain="" if launch.default_drain else f"hard-stop-after {round(launch.drain_s * 1000)}ms",
        listen=f"{launch.host}:{launch.port}{options}",
        origin=launch.origin,
    )
    files = {"haproxy.cfg": configuration}
    if tls:
        files["server.pem"] = launch.cert.read_text() + launch.key.read_text()
    return files


HAPROXY = Server(
    name="haproxy",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda _launch: [str(_PROGRAM), "-db", "-f", "haproxy.cfg"],
    files=_files,
    environment=_ENVIRONMENT,
    version=_version,
    install=("sh apps/fetch_debian.sh haproxy haproxy haproxy",),
    documentation="https://docs.haproxy.org/",
    graceful_signal="SIGUSR1",
    signal_documented="https://docs.haproxy.org/2.6/management.html#4",
    signals={"force": "SIGTERM"},
    drain=Drain(
        option="hard-stop-after",
        documented="https://docs.haproxy.org/2.6/configuration.html#3.1-hard-stop-after",
        default=DefaultDrain(None, "https://docs.haproxy.org/2.6/management.html#4"),
    ),
    needs_origin=True,
    departures={
        ("handlers_give_up_without_the_gate", 2): Departure(
            "a response that the origin cuts ends with END_STREAM, as if whole", "==2.6.12"
        )
    },
)
