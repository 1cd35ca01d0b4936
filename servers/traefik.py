"""Traefik as a reverse proxy: HTTP/1.1 and HTTP/2, both by Go's net/http, in front of the harness's origin.

SIGTERM and SIGINT stop it; no signal ends the drain. Each entry point first goes on as before for
``requestAcceptGraceTimeout`` (0 s by default), while its readiness endpoint says that it is about to stop. Then it closes
its listener, gives its requests ``graceTimeOut`` (10 s by default), and closes the remaining connections. Traefik exits
with status 0 in either case. https://doc.traefik.io/traefik/reference/install-configuration/entrypoints/#opt-transport-lifeCycle-graceTimeOut
and https://github.com/traefik/traefik/blob/v3.6/pkg/server/server_entrypoint_tcp.go (``Shutdown``)
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

_MODULE = "github.com/traefik/traefik/v3"
_PROGRAM = CACHE / "traefik"
_ENTRY_POINTS = "https://doc.traefik.io/traefik/reference/install-configuration/entrypoints/"
_GRACE_TIMEOUT = f"{_ENTRY_POINTS}#opt-transport-lifeCycle-graceTimeOut"


def _files(launch: Launch) -> dict[str, str]:
    life = {"requestAcceptGraceTimeout": f"{launch.lame_duck_s}s"}
    if not launch.default_drain:
        life["graceTimeOut"] = f"{launch.drain_s}s"
    # By default a request may take 60 s to arrive; an idle connection has 180 s.
    transport = {"lifeCycle": life, "respondingTimeouts": {"readTimeout": "0s"}}
    entry: dict[str, object] = {"address": f"{launch.host}:{launch.port}", "transport": transport}
    router: dict[str, object] = {"rule": "PathPrefix(`/`)", "service": "origin", "entryPoints": ["proxy"]}
    service = {"loadBalancer": {"servers": [{"url": f"http://{launch.origin}"}]}}
    routing: dict[str, object] = {"http": {"routers": {"all": router}, "services": {"origin": service}}}
    if launch.protocol.tls:
        router["tls"] = {}
        routing["tls"] = {"certificates": [{"certFile": str(launch.cert), "keyFile": str(launch.key)}]}
    static = {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {"proxy": entry},
        "providers": {"file": {"filename": str(launch.directory / "routing.yml"), "watch": False}},
    }
    # JSON is YAML.
    return {"traefik.yml": json.dumps(static, indent=1), "routing.yml": json.dumps(routing, indent=1)}


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "version"])
    return printed and printed.partition("Version:")[2].split()[0]


TRAEFIK = Server(
    name="traefik",
    # Without TLS, HTTP/2 with prior knowledge is accepted on every entry point.
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: [str(_PROGRAM), f"--configFile={launch.directory / 'traefik.yml'}"],
    files=_files,
    version=_version,
    # The build has no web interface, which is not part of the module.
    install=(f"sh apps/build_go_module.sh {_MODULE} ./cmd/traefik {_MODULE}/pkg/version.Version traefik",),
    documentation="https://doc.traefik.io/traefik/",
    signal_documented=_GRACE_TIMEOUT,
    drain=Drain("graceTimeOut", _GRACE_TIMEOUT, default=DefaultDrain(10.0, _GRACE_TIMEOUT)),
    lame_duck=LameDuck(
        "requestAcceptGraceTimeout", f"{_ENTRY_POINTS}#opt-transport-lifeCycle-requestAcceptGraceTimeout"
    ),
    needs_origin=True,
)
