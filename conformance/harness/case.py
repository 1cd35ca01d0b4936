"""A bill: what is to be played, and the head of the trace that comes of it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lastcall import __version__
from lastcall.conformance.model.client_steps import (
    ClosePolicy,
    Connect,
    Request,
)
from lastcall.conformance.model.server import Feature, Server
from lastcall.conformance.model.timeline import Elapse, ReleaseHandler
from lastcall.conformance.model.trace import Play

if TYPE_CHECKING:
    from pathlib import Path

    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.step import Pace

_RUDE_S = 2.0
"""Roughly how long servers wait for a client that does not close its side."""


@dataclass(frozen=True)
class Case:
    """What is to be played."""

    scenario: Scenario
    server: Server
    protocol: Protocol
    pace: Pace
    limits: Limits
    version: str = ""
    control: bool = False

    @property
    def name(self) -> str:
        """How people call it: ``one-request[hypercorn-h2]``, with ``control`` if it is one."""
        return f"{self.scenario.id}[{self.server.name}-{self.protocol}]" + (" control" if self.control else "")

    @property
    def drain_s(self) -> float:
        """The drain timeout that the server is given, in seconds; if it is given none, how long the play waits."""
        return self.scenario.drain.at(self.pace)

    @property
    def promised_drain_s(self) -> float | None:
        """The drain timeout that the server has, by its documentation, in seconds; None if it waits without a limit."""
        drain = self.server.drain
        if drain is None or not self.scenario.default_drain:
            return self.drain_s if drain else None
        return drain.default.seconds if drain.default else None

    @property
    def expected_s(self) -> float:
        """How long the play takes, in seconds and roughly: the time that it lets pass, and what the server sits out."""
        steps = self.scenario.timeline
        passing_s = sum(step.duration.at(self.pace) for step in steps if isinstance(step, Elapse))
        held = {step.name for step in steps if isinstance(step, Request) and not step.target}
        released = {step.request for step in steps if isinstance(step, ReleaseHandler)}
        drain_s = (self.promised_drain_s or 0.0) if held - released else 0.0
        rude = any(isinstance(step, Connect) and step.close_policy is ClosePolicy.RUDE for step in steps)
        return passing_s + self.lame_duck_s + drain_s + (_RUDE_S if rude else 0.0)

    @property
    def lame_duck_s(self) -> float:
        """For how long the server is told to go on accepting after the signal, in seconds."""
        return self.scenario.lame_duck.at(self.pace) if self.scenario.lame_duck else 0.0

    @property
    def workers(self) -> int:
        """How many worker processes the server is given."""
        return self.scenario.workers if Feature.WORKERS in self.server.features else 1

    def stored_at(self, folder: Path) -> Path:
        """Where the trace is kept."""
        ending = ".control.jsonl" if self.control else ".jsonl"
        return folder / self.server.name / str(self.protocol) / (self.scenario.id + ending)


def header(case: Case) -> Play:
    """Give what stands at the head of the bill's trace."""
    server = case.server
    return Play(
        scenario=case.scenario.id,
        server=server.name,
        protocol=str(case.protocol),
        pace=str(case.pace),
        control=case.control,
        version=case.version,
        graceful_signal=server.graceful_signal,
        drain_s=case.promised_drain_s,
        drain_documented=_documented(case),
        default_drain=case.scenario.default_drain,
        exit_statuses=server.exit_statuses,
        limits=case.limits.as_dict(),
        steps=case.scenario.words(),
        lame_duck_s=case.lame_duck_s,
        slow_s=server.timed.slow_s if server.timed else 0.0,
        platform=platform.platform(),
        suite_version=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _documented(case: Case) -> str:
    """Give the link to what is documented of the drain timeout that the server has."""
    drain = case.server.drain
    if drain is None:
        return ""
    return drain.default.documented if case.scenario.default_drain and drain.default else drain.documented
