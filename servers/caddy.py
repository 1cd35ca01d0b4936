"""Caddy as a reverse proxy: HTTP/1.1 and HTTP/2, both by Go's net/http, in front of the harness's origin.

SIGTERM is the graceful exit. SIGINT is a graceful exit too, and a second SIGINT exits at once. SIGQUIT exits at once, with
status 2, but not after a SIGTERM: the loop that reads the signals is then busy with the graceful exit.
https://caddyserver.com/docs/command-line#signals and
https://github.com/caddyserver/caddy/blob/v2.11.9/sigtrap_posix.go

Without ``grace_period`` it waits for its requests for as long as they take; with it, it closes their connections when the
period is over. ``shutdown_delay`` is a lame-duck period before that: the server goes on as before, and a placeholder in
the configuration says that it is about to stop. Both also apply to every change of the configuration.
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
    # flush_interval -1 passes a piece of a response on when the origin sends it. Requests are not buffered by default.
    # https://caddyserver.com/docs/caddyfile/directives/reverse_proxy#streaming
    proxy = {"handler": "reverse_proxy", "upstreams": [{"dial": launch.origin}], "flush_interval": -1}
    # By default there is no HTTP/2 without TLS: https://caddyserver.com/docs/caddyfile/options#protocols
    protocols = ["h1", "h2c"] if launch.protocol == Protocol.H2C else ["h1", "h2"]
    server: dict[str, object] = {
        "listen": [f"{launch.host}:{launch.port}"],
        "protocols": protocols,
        "automatic_https": {"disable": True},
        "routes": [{"handle": [proxy]}],
    }
    # Caddy issues no certificate when one is loaded from files.
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
    # SIGQUIT exits at once, without a message to the clients: https://caddyserver.com/docs/command-line#signals
    signals={"force": "SIGQUIT"},
    drain=Drain("grace_period", _GRACE_PERIOD, default=DefaultDrain(None, _GRACE_PERIOD)),
    lame_duck=LameDuck("shutdown_delay", "https://caddyserver.com/docs/caddyfile/options#shutdown-delay"),
    needs_origin=True,
)
