"""The command line: ``python -m lastcall.servers.reference lastcall.servers.apps.asgi:application --port 8080``."""

from __future__ import annotations

import argparse
import asyncio
import gc
import importlib
import signal
import sys
from typing import TYPE_CHECKING, cast

from lastcall.servers.reference.model import MODEL, Model
from lastcall.servers.reference.server import ServerOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lastcall.servers.reference.application import Application

USAGE_ERROR = 2


def arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lastcall.servers.reference", description="A model of a graceful shutdown."
    )
    parser.add_argument(
        "application", nargs="?", default="lastcall.servers.apps.asgi:application", help="MODULE:ATTRIBUTE"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one; the log says which")
    parser.add_argument("--cert", help="the certificate chain (PEM): TLS, with ALPN h2 and http/1.1")
    parser.add_argument("--key", help="the certificate's key (PEM)")
    parser.add_argument("--drain-timeout", type=float, default=10.0, metavar="SECONDS", help="default: %(default)s")
    parser.add_argument(
        "--lame-duck", type=float, default=0.0, metavar="SECONDS", help="go on accepting after the signal"
    )
    parser.add_argument(
        "--workers", type=int, default=0, metavar="N", help="processes that serve, under one that does not"
    )
    parser.add_argument("--listener", type=int, default=-1, help=argparse.SUPPRESS)  # a worker's, from its supervisor
    deviation = parser.add_mutually_exclusive_group()
    deviation.add_argument("--fault", metavar="NAME", help="be broken in one way (faults.py)")
    deviation.add_argument("--variant", metavar="NAME", help="be different in one way, and conformant (variants.py)")
    return parser.parse_args()


def chosen_model(options: argparse.Namespace) -> Model:
    """Return the model, or the one of the chosen fault or variant; exits when the name is unknown."""
    if options.fault is not None:
        from lastcall.servers.reference.faults import FAULTS  # noqa: PLC0415 - the model needs no faults

        return _find("fault", options.fault, FAULTS)
    if options.variant is not None:
        from lastcall.servers.reference.variants import VARIANTS  # noqa: PLC0415 - the model needs no faults

        return _find("variant", options.variant, VARIANTS)
    return MODEL


def _find(kind: str, name: str, known: Mapping[str, Model]) -> Model:
    if name not in known:
        sys.stderr.write(f"unknown {kind} {name!r}; known are: {', '.join(sorted(known))}\n")
        sys.exit(USAGE_ERROR)
    return known[name]


def load(name: str) -> Application:
    """Return the application ``MODULE:ATTRIBUTE``."""
    module, _, attribute = name.partition(":")
    return cast("Application", getattr(importlib.import_module(module), attribute or "application"))


async def serve(model: Model, application: Application, options: ServerOptions) -> int:
    """Run one server until a signal has stopped it, and return its exit status."""
    server = model.server(options, application, model)
    for number in (signal.SIGTERM, signal.SIGINT):
        server.loop.add_signal_handler(number, server.on_signal)
    return await server.serve()


async def supervise(model: Model, workers: int, options: ServerOptions) -> int:
    """Run a supervisor with its workers until a signal has stopped them, and return the exit status."""
    command = [sys.executable, "-m", "lastcall.servers.reference", *sys.argv[1:]]
    supervisor = model.supervisor(command, workers, options.host, options.port)
    for number in (signal.SIGTERM, signal.SIGINT):
        supervisor.loop.add_signal_handler(number, supervisor.on_signal, number)
    supervisor.loop.add_signal_handler(signal.SIGHUP, supervisor.on_reload)
    return await supervisor.run()


def main() -> int:
    """Serve as the command line says, and return the exit status."""
    command = arguments()
    options = ServerOptions(
        port=command.port,
        host=command.host,
        cert=command.cert,
        key=command.key,
        drain_timeout_s=command.drain_timeout,
        lame_duck_s=command.lame_duck,
        inherited=command.listener,
    )
    model = chosen_model(command)
    supervised = command.workers and command.listener < 0
    running = (
        supervise(model, command.workers, options) if supervised else serve(model, load(command.application), options)
    )
    # What has been imported stays alive: the garbage collector need not look through it again, not even at the end.
    gc.freeze()
    gc.enable()
    return asyncio.run(running)
