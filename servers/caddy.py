"""Caddy as a reverse proxy: HTTP/1.1 and HTTP/2, both by Go's net/http, in front of the harness's origin.

SIGTERM is the graceful exit; SIGINT is the graceful exit too, and exits at once when it comes a second time; SIGQUIT
exits at once, with status 2; but not after a SIGTERM, whose graceful exit is run by the loop that reads the signals.
https://caddyserver.com/docs/command-line#signals and
https://github.com/caddyserver/caddy/blob/v2.11.9/sigtrap_posix.go

Without ``grace_period`` it waits for its requests for as long as they take; after it, it closes their connections.
``shutdown_delay`` before that is for a load balancer: the server goes on as before, and a placeholder tells that it is
about to end. Both are part of every configuration change too, not of the exit alone.
https://caddyserver.com/docs/caddyfile/options#grace-period
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    LameDuck,
    Server,
)
from lastcall.servers.installation import CACHE, printed_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_MODULE = "github.com/caddyserver/caddy/v2"
_GRACE_PERIOD = "https://caddyserver.com/docs/caddyfile/options#grace-period"
_PROGRAM = CACHE / "caddy" / "caddy"


def _files(launch: Launch) -> dict[str, str]:
    # flush_interval -1: a piece of a response passes when it is sent. Requests are not buffered unless asked for.
    # https://caddyserver.com/docs/caddyfile/directives/reverse_proxy#streaming
    proxy = {"handler": "reverse_proxy", "upstreams": [{"dial": launch.origin}], "flush_interval": -1}
    # Unless asked, there is no HTTP/2 without TLS: https://caddyserver.com/docs/caddyfile/options#protocols
    protocols = ["h1", "h2c"] if launch.protocol == Protocol.H2C else ["h1", "h2"]
    server: dict[str, object] = {
        "listen": [f"{launch.host}:{launch.port}"],
        "protocols": protocols,
        "automatic_https": {"disable": True},
        "routes": [{"handle": [proxy]}],
    }
    # The certificate is loaded from files, so that none is issued.
    tls = {"certificates": {"load_files": [{"certificate": str(launch.cert), "key": str(launch.key)}]}}
    http: dict[str, object] = {"servers": {"proxy": server}}
    if not launch.default_drain:
        http["grace_period"] = f"{launch.drain_s}s"
    if launch.lame_duck_s:
        http["shutdown_delay"] = f"{launch.lame_duck_s}s"
    if launch.protocol.tls:
        server["tls_connection_policies"] = [{}]
    configuration = {
        "admin": {"disabled": True, "config": {"persist": False}},
        "apps": {"http": http, "tls": tls} if launch.protocol.tls else {"http": http},
    }
    return {"caddy.json": json.dumps(configuration, indent=1)}


CADDY = Server(
    name="caddy",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: [str(_PROGRAM), "run", "--config", str(launch.directory / "caddy.json")],
    files=_files,
    version=lambda: printed_version([_PROGRAM, "version"]),
    install=(f"sh apps/build_go_module.sh {_MODULE} ./cmd/caddy {_MODULE}.CustomVersion caddy/caddy",),
    documentation="https://caddyserver.com/docs/",
    signal_documented="https://caddyserver.com/docs/command-line#signals",
    # Forcefully, and without a word to anybody: https://caddyserver.com/docs/command-line#signals
    signals={"force": "SIGQUIT"},
    drain=Drain("grace_period", _GRACE_PERIOD, default=DefaultDrain(None, _GRACE_PERIOD)),
    lame_duck=LameDuck("shutdown_delay", "https://caddyserver.com/docs/caddyfile/options#shutdown-delay"),
    needs_origin=True,
)
