"""Plays the timeline of a stored trace again, also of a scenario that has changed since or no longer exists."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.chosen_servers import servers_named
from lastcall.conformance.judging.judge import judge
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.limits import Limits
from lastcall.conformance.model.protocol import protocol_named
from lastcall.conformance.model.scenario import ScenarioError
from lastcall.conformance.model.scenario_file import scenario_from_json
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.trace_file import TraceError, load
from lastcall.conformance.model.verdict import BLAMING, Answer
from lastcall.install import missing_reason, version_of
from lastcall.registry import find
from lastcall.run import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lastcall.conformance.model.check import Check
    from lastcall.conformance.model.server import Server
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.verdict import Verdict


class ReplayError(ValueError):
    """A trace cannot be played again; the message says why and what to do."""


@dataclass(frozen=True)
class Replay:
    """A timeline that has been played again. ``before`` are today's verdicts on the stored trace, ``after`` on the new one."""

    case: Case
    stored_at: Path
    before: list[Verdict]
    after: list[Verdict]
    unknown_checks: list[str]

    @property
    def blames(self) -> bool:
        """Whether a must or a promise is broken now."""
        return any(verdict.answer is Answer.BROKEN and verdict.level in BLAMING for verdict in self.after)

    def lines(self) -> Iterator[str]:
        """Yield the lines for a person: the answers that changed or are broken, and where the new trace is."""
        yield f"{self.case.name}, {self.case.version}, pace {self.case.pace}"
        earlier = {verdict.check: verdict.answer for verdict in self.before}
        for verdict in self.after:
            answer = earlier.get(verdict.check)
            if answer != verdict.answer:
                yield f"{verdict.check}: was {answer}, is {verdict.answer} ({verdict.level}): {verdict.because}"
            elif verdict.answer is Answer.BROKEN:
                yield f"{verdict.check}: is {answer} again ({verdict.level}): {verdict.because}"
        same = sum(earlier.get(verdict.check) == verdict.answer for verdict in self.after)
        yield f"{same} of {len(self.after)} answers are the same"
        for name in self.unknown_checks:
            yield f"{name}: no check of that name is known any more, so it was left out"
        yield f"trace: {self.stored_at}"


def replay(path: Path, folder: Path, *, server: str = "") -> Replay:
    """Play the timeline of a stored trace again, on the same server or on another one, and judge both traces.

    The new trace goes below ``folder``. Raises :class:`ReplayError`, :class:`TraceError`, :class:`ServerChoiceError`.
    """
    try:
        trace = load(path)
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from error
    case, unknown = _case(path, trace, server)
    if reason := missing_reason(case.server):
        raise ReplayError(f"{case.server.name} is {reason}")
    if case.why_not:
        raise ReplayError(f"{path}: {case.why_not}")
    with Run(folder, case.pace, case.limits) as run:
        (play,) = run.perform([dataclasses.replace(case, version=version_of(case.server) or "")])
    before = judge(case.scenario, trace, case.limits, _control(path))
    return Replay(play.case, play.stored_at, before, play.verdicts, unknown)


def _case(path: Path, trace: Trace, server: str) -> tuple[Case, list[str]]:
    play = trace.play
    if play.control:
        raise ReplayError(f"{path}: this is a control; replay the trace of the play itself, which lies beside it")
    if not play.recipe:
        again = f"pytest --server {play.server} -k {play.scenario!r}"
        raise ReplayError(f"{path}: recorded before timelines were kept as data; play its scenario again by {again}")
    try:
        protocol, pace, limits = protocol_named(play.protocol), Pace(play.pace), Limits.stored(play.limits)
        scenario, unknown = scenario_from_json(play.scenario, play.recipe, protocol, _checks())
    except (ValueError, ScenarioError) as error:
        raise ReplayError(f"{path}: {error}") from error
    return Case(scenario, _server(path, server, play.server), protocol, pace, limits), unknown


def _server(path: Path, chosen: str, recorded: str) -> Server:
    if not chosen and recorded not in find().servers:
        # A trace has the server's name alone, and not the file that describes it.
        raise ReplayError(
            f"{path}: {recorded!r} is no server of lastcall; name the file that describes it: --server FILE"
        )
    (server,) = servers_named([chosen or recorded])
    return server


def _control(path: Path) -> Trace | None:
    """Return the control that lies beside a trace, so that it excuses before what its successor excuses now."""
    control = path.with_suffix(".control.jsonl")
    return load(control) if control.exists() else None


def _checks() -> dict[str, Check]:
    return {check.id: check for scenario in find().scenarios.values() for check in scenario.checks}
