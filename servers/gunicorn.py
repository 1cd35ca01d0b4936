"""Gunicorn with four kinds of worker: sync and gthread for WSGI, its own and Uvicorn's for ASGI.

On SIGTERM the arbiter closes the listener and signals its workers, which stop accepting and serve the requests in flight.
Workers that remain when ``graceful_timeout`` (30 s by default) is over get SIGKILL. SIGINT and SIGQUIT are the quick
shutdown, also during the graceful one. https://gunicorn.org/signals and https://gunicorn.org/reference/settings/

The kinds of worker drain differently (https://github.com/benoitc/gunicorn/tree/master/gunicorn/workers). A sync worker has
one connection, which ends with its first response. gthread keeps idle connections for 2 s, for a request that may be on
its way, and serves the streams of an HTTP/2 connection one after another. The ASGI worker looks for the signal once a
second, and leaves idle HTTP/1.1 connections open until ``graceful_timeout`` is over; the arbiter may then kill it before
it has shut its lifespan down. Uvicorn's worker drains as Uvicorn does; only the arbiter's timeout bounds it.
https://github.com/Kludex/uvicorn/pull/2094
"""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

from lastcall.conformance.model.protocol import HTTP2, Protocol
from lastcall.conformance.model.server import DefaultDrain, Departure, Drain, Feature, Server
from lastcall.servers.installation import PYTHON_ENVIRONMENT, package_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lastcall.conformance.model.launch import Launch

_WSGI, _ASGI = "lastcall.servers.apps.wsgi:application", "lastcall.servers.apps.asgi:application"
_HTTP1 = frozenset({Protocol.H1, Protocol.H1_TLS})
_SETTING = "https://gunicorn.org/reference/settings/#graceful_timeout"


def _command(worker: tuple[str, ...], processes: int, application: str) -> Callable[[Launch], list[str]]:
    def command(launch: Launch) -> list[str]:
        # By default all running gunicorns share one control socket, in the user's folder.
        bind = ["--no-control-socket", "--bind", f"{launch.host}:{launch.port}"]
        tls = ["--certfile", str(launch.cert), "--keyfile", str(launch.key)] if launch.protocol.tls else []
        http2 = ["--http-protocols", "h2"] if launch.protocol in HTTP2 else []
        http2 += ["--http2-cleartext", "prior-knowledge"] if launch.protocol == Protocol.H2C else []
        # An idle connection must last until the shutdown, where --keep-alive is 2 s by default; and the arbiter kills a
        # sync worker whose handler is held for longer than --timeout, 30 s by default.
        limits = ["--keep-alive", "120", "--timeout", "300"]
        drain = [] if launch.default_drain else ["--graceful-timeout", str(math.ceil(launch.drain_s))]
        workers = ["--workers", str(max(processes, launch.workers)), "--worker-class", *worker]
        return [sys.executable, "-m", "gunicorn", *bind, *tls, *http2, *limits, *drain, *workers, application]

    return command


def _server(
    *worker: str,
    speaks: frozenset[Protocol],
    packages: tuple[str, ...] = (),
    application: str = _WSGI,
    processes: int = 1,
    departures: Mapping[tuple[str, int], Departure] | None = None,
    streams_at_once: int | None = None,
) -> Server:
    kind = "uvicorn" if packages == ("uvicorn-worker",) else worker[0]
    asgi = frozenset({Feature.LIFESPAN, Feature.WEBSOCKET}) if application == _ASGI else frozenset()
    return Server(
        name=f"gunicorn-{kind}",
        speaks=speaks,
        command=_command(worker, processes, application),
        environment=PYTHON_ENVIRONMENT,
        version=lambda: package_version("gunicorn", *packages),
        install=('"$PYTHON" -P -m pip install "gunicorn[http2]>=27.0" ' + " ".join(f'"{name}"' for name in packages),),
        documentation="https://gunicorn.org/",
        signal_documented="https://gunicorn.org/signals",
        signals={"force": "SIGQUIT", "reload": "SIGHUP"},
        features=frozenset({Feature.WORKERS}) | asgi,
        drain=Drain("--graceful-timeout", _SETTING, whole_seconds=True, default=DefaultDrain(30.0, _SETTING)),
        departures=departures or {},
        streams_at_once=streams_at_once,
    )


# Each process has one connection at a time, even one that never sends a byte: so there are many processes.
GUNICORN_SYNC = _server("sync", speaks=_HTTP1, processes=8)
# There are as many threads as the largest timeline has connections at the same time.
GUNICORN_GTHREAD = _server(
    "gthread",
    "--threads",
    "64",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    packages=("h2",),
    departures={
        ("handlers_are_held_beside_each_other", 2): Departure(
            "one thread serves a connection's streams one by one", ">=27.0.1"
        )
    },
    streams_at_once=1,
)
GUNICORN_ASGI = _server(
    "asgi",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    packages=("h2",),
    application=_ASGI,
)
GUNICORN_UVICORN = _server(
    "uvicorn_worker.UvicornWorker", speaks=_HTTP1, packages=("uvicorn-worker",), application=_ASGI
)
