"""nginx as a reverse proxy: HTTP/1.1 and HTTP/2 in front of the harness's origin.

SIGQUIT is the graceful shutdown: workers stop accepting, close idle connections and serve the requests in flight;
over HTTP/2 they first send GOAWAY. SIGTERM, the signal that most supervisors send, and SIGINT are the fast shutdown and
cut every request. https://nginx.org/en/docs/control.html

Without ``worker_shutdown_timeout`` a worker waits for its requests for as long as they take; when the timeout is over, it
closes their connections. https://nginx.org/en/docs/ngx_core_module.html#worker_shutdown_timeout
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import HTTP2, Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Feature,
    Server,
)
from lastcall.servers.installation import CACHE, find_program, printed_version, unpacked_environment

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_PROGRAM = find_program("nginx", CACHE / "nginx" / "usr" / "sbin" / "nginx")
_ENVIRONMENT = unpacked_environment(CACHE / "nginx")

# Neither direction is buffered: a request enters its handler before its body is complete, and a piece of a response
# passes when the origin sends it. proxy_read_timeout must outlast a held handler. Every request has its own connection to the
# origin. When root starts nginx, the worker would become another user, who cannot enter the folder.
_CONFIGURATION = """{user}daemon off; master_process on; worker_processes {workers};
{drain}
pid nginx.pid; error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; scgi_temp_path scgi; uwsgi_temp_path uwsgi;
    server {{
        listen {listen}; {http2} {certificate}
        client_max_body_size 0;
        location / {{
            proxy_pass http://{origin}; proxy_http_version 1.1; proxy_set_header Connection close;
            proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 300s;
        }}
    }}
}}
"""


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "-v"], _ENVIRONMENT)
    return printed and printed.rpartition("nginx/")[2].split()[0]


def _files(launch: Launch) -> dict[str, str]:
    tls, http2 = launch.protocol.tls, launch.protocol in HTTP2
    # "listen ... http2" until 1.25.0: https://nginx.org/en/docs/http/ngx_http_v2_module.html#http2
    directive = tuple(map(int, (_version() or "0").split("."))) >= (1, 25, 1)
    configuration = _CONFIGURATION.format(
        user="user root root; " if os.geteuid() == 0 else "",
        workers=launch.workers,
        drain="" if launch.default_drain else f"worker_shutdown_timeout {round(launch.drain_s * 1000)}ms;",
        listen=f"{launch.host}:{launch.port}" + (" ssl" if tls else "") + (" http2" if http2 and not directive else ""),
        http2="http2 on;" if http2 and directive else "",
        certificate=f"ssl_certificate {launch.cert}; ssl_certificate_key {launch.key};" if tls else "",
        origin=launch.origin,
    )
    return {"nginx.conf": configuration}


NGINX = Server(
    name="nginx",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: [str(_PROGRAM), "-e", "stderr", "-p", str(launch.directory), "-c", "nginx.conf"],
    files=_files,
    environment=_ENVIRONMENT,
    version=_version,
    install=("sh apps/fetch_debian.sh nginx nginx nginx",),
    documentation="https://nginx.org/en/docs/",
    graceful_signal="SIGQUIT",
    signal_documented="https://nginx.org/en/docs/control.html",
    # The fast shutdown, and the reload with new workers: https://nginx.org/en/docs/control.html
    signals={"force": "SIGTERM", "reload": "SIGHUP"},
    features=frozenset({Feature.WORKERS}),
    drain=Drain(
        option="worker_shutdown_timeout",
        documented="https://nginx.org/en/docs/ngx_core_module.html#worker_shutdown_timeout",
        default=DefaultDrain(None, "https://nginx.org/en/docs/control.html#reconfiguration"),
    ),
    needs_origin=True,
)
