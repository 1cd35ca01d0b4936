"""Apache Traffic Server as a reverse proxy that caches nothing: HTTP/1.1 and HTTP/2 in front of the harness's origin.

SIGTERM and SIGINT stop it. Without ``proxy.config.stop.shutdown_timeout`` it ends at once. With it, it drains for the
whole of that time, even when nothing is in flight: HTTP/2 connections get GOAWAY, HTTP/1.1 responses
``Connection: close``, and new connections are still served. Then it ends and cuts the requests in flight.
https://docs.trafficserver.apache.org/en/9.2.x/admin-guide/files/records.config.en.html and
https://docs.trafficserver.apache.org/admin-guide/graceful-shutdown.en.html
"""

from __future__ import annotations

import json
import math
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

_PROGRAM = find_program("traffic_server", CACHE / "trafficserver" / "usr" / "bin" / "traffic_server")
_ENVIRONMENT = unpacked_environment(CACHE / "trafficserver", "usr/lib/trafficserver")
_DOCUMENTATION = "https://docs.trafficserver.apache.org/en/9.2.x"

# The times, in seconds, must outlast a held handler and an idle connection. Every request has its own connection to the
# origin. When root starts it, it stays root, who alone can enter the folder.
_RECORDS = """CONFIG proxy.config.http.server_ports STRING {port}:ip-in={host}:{protocol}
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT 2
{drain}
CONFIG proxy.config.http.cache.http INT 0
CONFIG proxy.config.http.keep_alive_enabled_out INT 0
CONFIG proxy.config.http.keep_alive_no_activity_timeout_in INT 120
CONFIG proxy.config.http.transaction_no_activity_timeout_in INT 300
CONFIG proxy.config.http.transaction_no_activity_timeout_out INT 300
CONFIG proxy.config.http.connect_attempts_timeout INT 300
CONFIG proxy.config.http2.no_activity_timeout_in INT 300
CONFIG proxy.config.body_factory.template_sets_dir STRING {directory}
CONFIG proxy.config.ssl.server.cert.path STRING {certificates}
CONFIG proxy.config.ssl.server.private_key.path STRING {certificates}
CONFIG proxy.config.crash_log_helper STRING NULL
CONFIG proxy.config.diags.output.warning STRING E
CONFIG proxy.config.diags.output.error STRING E
CONFIG proxy.config.diags.output.fatal STRING E
"""
_PROTOCOLS = {
    Protocol.H1: "proto=http",
    Protocol.H1_TLS: "ssl:proto=http",
    Protocol.H2: "ssl:proto=http2",
    Protocol.H2C: "proto=http2",
}
# The folders that it uses; it does not create them.
_LAYOUT = ("sysconfdir", "localstatedir", "runtimedir", "logdir", "cachedir", "datadir", "libexecdir")
_ALL_CLIENTS = {"apply": "in", "ip_addrs": "0/0", "action": "allow", "methods": "ALL"}


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "--version"], _ENVIRONMENT)
    return printed and printed.split()[2]


def _files(launch: Launch) -> dict[str, str]:
    layout = {"prefix": str(_PROGRAM.parent.parent)} | dict.fromkeys(_LAYOUT, str(launch.directory))
    records = _RECORDS.format(
        host=launch.host,
        port=launch.port,
        protocol=_PROTOCOLS[launch.protocol],
        drain=""
        if launch.default_drain
        else f"CONFIG proxy.config.stop.shutdown_timeout INT {math.ceil(launch.drain_s)}",
        certificates=launch.cert.parent,
        directory=launch.directory,
    )
    certificate = f"dest_ip=* ssl_cert_name={launch.cert.name} ssl_key_name={launch.key.name}\n"
    return {
        # JSON is YAML.
        "runroot.yaml": json.dumps(layout),
        "records.config": records,
        "remap.config": f"map / http://{launch.origin}/\n",
        "ssl_multicert.config": certificate if launch.protocol.tls else "",
        # Without it, every client is rejected.
        "ip_allow.yaml": json.dumps({"ip_allow": [_ALL_CLIENTS]}),
        "storage.config": "",
        "plugin.config": "",
    }


TRAFFICSERVER = Server(
    name="trafficserver",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=lambda launch: [str(_PROGRAM), f"--run-root={launch.directory / 'runroot.yaml'}"],
    files=_files,
    environment=_ENVIRONMENT,
    version=_version,
    install=("sh apps/fetch_debian.sh trafficserver traffic_server trafficserver",),
    documentation=f"{_DOCUMENTATION}/",
    signal_documented=f"{_DOCUMENTATION}/admin-guide/files/records.config.en.html#proxy-config-stop-shutdown-timeout",
    drain=Drain(
        option="proxy.config.stop.shutdown_timeout",
        documented=f"{_DOCUMENTATION}/admin-guide/files/records.config.en.html#proxy-config-stop-shutdown-timeout",
        whole_seconds=True,
        default=DefaultDrain(
            0.0, f"{_DOCUMENTATION}/admin-guide/files/records.config.en.html#proxy-config-stop-shutdown-timeout"
        ),
    ),
    needs_origin=True,
)
