"""One start of a server: what a scenario requests, and what the adapter receives.

A launch option is a setting that a scenario chooses and that an adapter turns into its server's own option: the number of
workers, the lame-duck time. Only this module defines options, each twice: as the scenario's request
(:class:`LaunchPlan`) and as the resulting value (:class:`LaunchOptions`). The adapter's :class:`Launch` and the head of every
trace (:class:`~lastcall.conformance.model.trace.Play`) inherit the values. So a new option takes a field in each of these two
classes, the adapters that support it, and the scenario that chooses it.

The drain timeout is not an option, because it is two values: what the server is started with (:attr:`Launch.drain_s`) and
what its documentation then promises (``Play.drain_s``). They differ where the default is under test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from lastcall.conformance.model import protocol as protocols
    from lastcall.conformance.model.step import Duration, Pace

WORKERS = "workers"


class _DocumentedDrain(Protocol):
    @property
    def default(self) -> object | None: ...


class Launchable(Protocol):
    """What a plan has to know of a server; :class:`~lastcall.conformance.model.server.Server` has it, and imports this."""

    @property
    def name(self) -> str:
        """The server's name, for the sentence that says why not."""

    @property
    def features(self) -> Collection[str]:
        """What the server may have, such as ``workers``."""

    @property
    def drain(self) -> _DocumentedDrain | None:
        """Its drain timeout; None if it has none."""

    @property
    def lame_duck(self) -> object | None:
        """Its lame duck; None if it has none."""


@dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """The options of one launch.

    ``default_drain``: the drain timeout is not configured. This is used only if :attr:`Drain.default` documents which one
    then holds, or if the server has none. ``workers`` is the number of worker processes, more than 1 only for a server
    that supports several. ``lame_duck_s`` is for how many seconds the server goes on accepting after the signal, more than
    0 only for a server with a :class:`LameDuck`.
    """

    default_drain: bool = False
    workers: int = 1
    lame_duck_s: float = 0.0


@dataclass(frozen=True)
class LaunchPlan:
    """What a scenario requests of a launch, before pace and server are known.

    ``drain`` is the drain timeout to configure; with ``default_drain`` none is configured, and ``drain`` is how long the
    play waits at most. ``workers`` applies to servers that support several; the others are played with one.
    ``lame_duck``: a server without one is not played.
    """

    drain: Duration
    default_drain: bool = False
    workers: int = 1
    lame_duck: Duration | None = None

    def options(self, server: Launchable, pace: Pace) -> LaunchOptions:
        """Return the options for this server at this pace."""
        return LaunchOptions(
            default_drain=self.default_drain,
            workers=self.workers if WORKERS in server.features else 1,
            lame_duck_s=self.lame_duck.at(pace) if self.lame_duck else 0.0,
        )

    def why_not(self, server: Launchable) -> str:
        """Return why the server cannot be launched according to the plan; empty if it can."""
        if self.default_drain and server.drain is not None and server.drain.default is None:
            return f"{server.name} documents no drain timeout that holds when none is configured"
        if self.lame_duck is not None and server.lame_duck is None:
            return f"{server.name} documents no time in which it goes on accepting after the signal"
        return ""


@dataclass(frozen=True)
class Launch(LaunchOptions):
    """What an adapter receives for one start. Paths are absolute; ``directory`` is empty, the server's own, and its HOME.

    ``drain_s`` is the drain timeout to configure, in seconds. ``origin`` is ``host:port`` of the gated origin to which a
    proxy passes requests. Applications get the gate's address from the environment (``LASTCALL_GATE``).
    """

    protocol: protocols.Protocol
    port: int
    cert: Path
    key: Path
    drain_s: float
    directory: Path
    origin: str = ""
    host: str = "127.0.0.1"
