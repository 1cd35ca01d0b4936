"""nghttpx, the proxy of nghttp2: HTTP/1.1 and HTTP/2 in front of the harness's origin.

SIGQUIT is the graceful stop: the main process passes it on to its worker, which stops accepting and ends when its
connections have ended. https://nghttp2.org/documentation/nghttpx.1.html#signals

SIGTERM, the signal that most supervisors send, is not handled: it ends the main process, and the worker, when it notices
that, ends at once and cuts every request. When the origin's HTTP/1.1 response says ``Connection: close``, nghttpx closes
the client's connection too.
"""

from __future__ import annotations

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

_PROGRAM = find_program("nghttpx", CACHE / "nghttpx" / "usr" / "sbin" / "nghttpx")
_ENVIRONMENT = unpacked_environment(CACHE / "nghttpx")

# These must outlast a held handler and an idle connection. Requests and responses pass through buffers of some kilobytes.
# https://nghttp2.org/documentation/nghttpx.1.html#timeout
_TIMEOUTS = [
    "--frontend-http2-read-timeout=300s",
    "--frontend-read-timeout=300s",
    "--frontend-write-timeout=300s",
    "--frontend-keep-alive-timeout=120s",
    "--stream-write-timeout=300s",
    "--backend-read-timeout=300s",
    "--backend-write-timeout=300s",
]


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "--version"], _ENVIRONMENT)
    return printed and printed.rpartition("nghttp2/")[2]


def _command(launch: Launch) -> list[str]:
    host, _, port = launch.origin.partition(":")
    tls = launch.protocol.tls
    # In milliseconds, because it accepts no fraction of a unit.
    drain = [f"--worker-process-grace-shutdown-period={round(launch.drain_s * 1000)}ms"]
    return [
        str(_PROGRAM),
        "--conf=/dev/null",
        "--errorlog-file=/dev/stderr",
        "--accesslog-file=/dev/null",
        f"--frontend={launch.host},{launch.port}{'' if tls else ';no-tls'}",
        f"--backend={host},{port}",
        *([] if launch.default_drain else drain),
        *_TIMEOUTS,
        # OCSP stapling would query the certificate's authority, which has no such service.
        *([f"--npn-list={launch.protocol.alpn}", "--no-ocsp", str(launch.key), str(launch.cert)] if tls else []),
    ]


NGHTTPX = Server(
    name="nghttpx",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_command,
    environment=_ENVIRONMENT,
    version=_version,
    install=("sh apps/fetch_debian.sh nghttpx nghttpx nghttp2-proxy",),
    documentation="https://nghttp2.org/documentation/nghttpx.1.html",
    graceful_signal="SIGQUIT",
    signal_documented="https://nghttp2.org/documentation/nghttpx.1.html#signals",
    drain=Drain(
        option="--worker-process-grace-shutdown-period",
        documented="https://nghttp2.org/documentation/nghttpx.1.html"
        "#cmdoption-nghttpx-worker-process-grace-shutdown-period",
        default=DefaultDrain(
            None,
            "https://nghttp2.org/documentation/nghttpx.1.html#cmdoption-nghttpx-worker-process-grace-shutdown-period",
        ),
    ),
    needs_origin=True,
)
