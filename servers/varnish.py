"""Varnish as a reverse proxy that caches nothing: HTTP/1.1, and HTTP/2 without TLS, in front of the harness's origin.

It has no graceful stop. On SIGTERM and SIGINT the manager process stops its child, which closes its listeners and ends at
once, with all requests in flight; operators take the traffic away first instead.
https://varnish-cache.org/docs/7.1/reference/varnishd.html and
https://github.com/varnishcache/varnish-cache/pull/4443 (a proposed drain)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import Departure, Server
from lastcall.servers.installation import CACHE, find_program, printed_version, unpacked_environment

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

_PROGRAM = find_program("varnishd", CACHE / "varnish" / "usr" / "sbin" / "varnishd")
_ENVIRONMENT = unpacked_environment(CACHE / "varnish", "usr/lib/varnish")

# The times must outlast a held handler and an idle connection. "pass" caches nothing, streams both ways, and does not
# change the method.
_CONFIGURATION = """vcl 4.1;
backend origin {{
    .host = "{host}"; .port = "{port}";
    .first_byte_timeout = 300s; .between_bytes_timeout = 300s;
}}
sub vcl_recv {{ return (pass); }}
"""


def _version() -> str | None:
    printed = printed_version([_PROGRAM, "-V"], _ENVIRONMENT)
    return printed and printed.partition("varnish-")[2].split()[0]


def _files(launch: Launch) -> dict[str, str]:
    host, _, port = launch.origin.partition(":")
    return {"origin.vcl": _CONFIGURATION.format(host=host, port=port)}


def _command(launch: Launch) -> list[str]:
    http2 = ["-p", "feature=+http2"] if launch.protocol == Protocol.H2C else []
    # A jail would run the child as another user, who could not enter the folder.
    varnish = [str(_PROGRAM), "-j", "none", "-F", "-n", str(launch.directory / "varnish"), "-f"]
    varnish += [
        str(launch.directory / "origin.vcl"),
        "-p",
        "timeout_idle=120",
        "-p",
        "thread_pool_min=50",
        "-s",
        "malloc,32m",
        *http2,
    ]
    return [*varnish, "-a", f"{launch.host}:{launch.port}"]


VARNISH = Server(
    name="varnish",
    speaks=frozenset({Protocol.H1, Protocol.H2C}),
    command=_command,
    files=_files,
    environment=_ENVIRONMENT,
    version=_version,
    # gcc must be installed: Varnish compiles its configuration when it starts.
    install=("sh apps/fetch_debian.sh varnish varnishd varnish",),
    documentation="https://varnish-cache.org/docs/7.1/",
    signal_documented="https://varnish-cache.org/docs/7.1/reference/varnishd.html",
    needs_origin=True,
    departures={
        ("handlers_give_up_without_the_gate", 2): Departure(
            "a response that the origin cuts ends with END_STREAM, as if whole", "==7.1.1"
        )
    },
)
