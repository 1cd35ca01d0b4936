"""The reference server: the model, one deliberately broken server for each fault, and harmless variants."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import lastcall
from lastcall.conformance.model.protocol import Protocol
from lastcall.conformance.model.server import (
    DefaultDrain,
    Drain,
    Feature,
    LameDuck,
    Server,
)
from lastcall.servers.reference.faults import FAULTS
from lastcall.servers.reference.variants import VARIANTS as VARIANT_MODELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lastcall.conformance.model.launch import Launch

ROOT = Path(lastcall.__file__).parent.parent
"""The folder that ``lastcall`` is imported from: the server runs in a directory of its own."""
DEFAULT_DRAIN_S = 10.0
SIGTERM_EXIT = -15


def command(*options: str) -> Callable[[Launch], list[str]]:
    """Return a function that makes the command line of the reference server with these options."""

    def build(launch: Launch) -> list[str]:
        tls = ["--cert", str(launch.cert), "--key", str(launch.key)] if launch.protocol.tls else []
        bind = ["--host", launch.host, "--port", str(launch.port)]
        drain = [] if launch.default_drain else ["--drain-timeout", f"{launch.drain_s:g}"]
        workers = ["--workers", str(launch.workers)] if launch.workers > 1 else []
        lame_duck = ["--lame-duck", f"{launch.lame_duck_s:g}"] if launch.lame_duck_s else []
        server = [sys.executable, "-m", "lastcall.servers.reference", "lastcall.servers.apps.asgi:application"]
        return [*server, *bind, *drain, *tls, *workers, *lame_duck, *options]

    return build


REFERENCE = Server(
    name="reference",
    speaks=frozenset({Protocol.H1, Protocol.H1_TLS, Protocol.H2, Protocol.H2C}),
    command=command(),
    version=lambda: lastcall.__version__,
    install=(),
    documentation="servers/reference/README.md",
    signal_documented="servers/reference/README.md",
    # The second signal, SIGTERM or SIGINT, ends the drain by force. With several workers SIGHUP replaces them.
    signals={"force": "SIGINT", "reload": "SIGHUP"},
    features=frozenset({Feature.LIFESPAN, Feature.WEBSOCKET, Feature.WEBSOCKET_H2, Feature.WORKERS}),
    drain=Drain(
        option="--drain-timeout",
        documented="servers/reference/README.md",
        default=DefaultDrain(DEFAULT_DRAIN_S, "servers/reference/README.md"),
    ),
    lame_duck=LameDuck(option="--lame-duck", documented="servers/reference/README.md"),
    environment={"PYTHONPATH": str(ROOT)},
)

MUTANTS = tuple(
    dataclasses.replace(REFERENCE, name=f"reference+{name}", command=command("--fault", name), mutant=True)
    for name in FAULTS
)

VARIANTS = tuple(
    dataclasses.replace(
        REFERENCE,
        name=f"reference~{name}",
        command=command("--variant", name),
        exit_statuses=(SIGTERM_EXIT,) if name == "exits-by-signal" else REFERENCE.exit_statuses,
        mutant=True,
    )
    for name in VARIANT_MODELS
)
