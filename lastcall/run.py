"""A run: the plays of each server, all at once, then the verdicts, then the controls that blame calls for."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from lastcall.conformance.harness.capability_probe import probe
from lastcall.conformance.harness.environment import Environment
from lastcall.conformance.harness.scheduler import play_all
from lastcall.conformance.judging.judge import judge, needs_control, why_control_fails
from lastcall.conformance.model.capabilities import Capability
from lastcall.conformance.model.case import Case
from lastcall.conformance.model.limits import DEFAULT, Limits
from lastcall.conformance.model.server_events import ServerStarted
from lastcall.conformance.model.step import Pace
from lastcall.conformance.model.trace_file import load
from lastcall.conformance.model.views import Fate, fate, requests
from lastcall.conformance.results.results import PlayResult

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path
    from typing import Any

    from lastcall.conformance.model.protocol import Protocol
    from lastcall.conformance.model.scenario import Scenario
    from lastcall.conformance.model.server import Server
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.verdict import Verdict

TRACES = "traces"
"""The folder of the traces, inside the folder of the results."""


@dataclass(frozen=True)
class Judged:
    """One play with its verdicts. Paths are where the traces are stored."""

    case: Case
    trace: Trace
    stored_at: Path
    verdicts: list[Verdict]
    control: Trace | None = None
    control_stored_at: Path | None = None

    @property
    def control_in_words(self) -> str:
        """Say what the control showed, or that none was called for."""
        if self.control is None:
            return ""
        why = why_control_fails(self.control)
        return (
            f"the same timeline without the shutdown fails too: {why}"
            if why
            else ("the same timeline without the shutdown was played, and every request was served")
        )

    def as_result(self, folder: Path) -> PlayResult:
        """Give it as it stands in results.json, which lies in ``folder``."""
        fates = [fate(self.trace, request) for request in requests(self.trace)]
        end_ns = max((event.end_ns for event in self.trace.events), default=0)
        # Before its server is started a play waits for a core to boot it on, which is no time of its own.
        begin_ns = min((event.begin_ns for event in self.trace.of(ServerStarted)), default=end_ns)
        return PlayResult(
            scenario=self.case.scenario.id,
            server=self.case.server.name,
            protocol=str(self.case.protocol),
            trace=str(self.stored_at.relative_to(folder)),
            control=str(self.control_stored_at.relative_to(folder)) if self.control_stored_at else "",
            control_failed=why_control_fails(self.control) if self.control else "",
            argv=next((started.argv for started in self.trace.of(ServerStarted)), ()),
            fates={each: fates.count(each) for each in Fate},
            duration_s=round((end_ns - begin_ns) / 1e9, 3),
            verdicts=tuple(self.verdicts),
        )


class Run:
    """Plays and judges; a context manager. The house opens with the first play, so a re-judging run starts nothing."""

    def __init__(self, folder: Path, pace: Pace = Pace.FAST, limits: Limits = DEFAULT) -> None:
        self.folder = folder
        self.pace = pace
        self.limits = limits
        self.claims: dict[str, list[Capability]] = {}
        """What the capability probe found of each server that has been played."""
        self._stack = contextlib.ExitStack()
        self._environment: Environment | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        self._environment = None

    def perform(
        self, cases: Sequence[Case], progress: Callable[[Progress], None] = lambda _progress: None
    ) -> list[Judged]:
        """Play what is on the bills, at once, and judge it; then play the controls that are needed."""
        unknown = {case.server.name: case.server for case in cases if case.server.name not in self.claims}
        traces = self._play(cases, progress, [self._probe(server) for server in unknown.values()])
        judged = [self._judge(case, trace) for case, trace in zip(cases, traces, strict=True)]
        blamed = [each for each in judged if needs_control(each.verdicts)]
        controls = [each.case.without_shutdown for each in blamed]
        proofs = dict(zip((each.stored_at for each in blamed), self._play(controls, progress), strict=True))
        return [
            self._judge(each.case, each.trace, proofs[each.stored_at]) if each.stored_at in proofs else each
            for each in judged
        ]

    async def _probe(self, server: Server) -> None:
        """Try what the server's adapter claims, and what it does not."""
        try:
            self.claims[server.name] = await probe(self._opened, server, self.limits)
        except Exception as error:  # noqa: BLE001 - whatever our own fault is, the plays go on
            failed = Capability(
                "the capability probe", declared=True, found=False, detail=f"{type(error).__name__}: {error}"
            )
            self.claims[server.name] = [failed]

    def rejudge(self, server: Server, scenario: Scenario, protocol: Protocol) -> Judged | None:
        """Judge a stored play again with today's checks and the limits it was played with; None if there is none."""
        case = Case(scenario, server, protocol, self.pace, self.limits)
        stored = self.folder / TRACES / case.trace
        if not stored.exists():
            return None
        control = self.folder / TRACES / case.without_shutdown.trace
        return self._judge(case, load(stored), load(control) if control.exists() else None)

    def _judge(self, case: Case, trace: Trace, control: Trace | None = None) -> Judged:
        limits = Limits(**trace.play.limits) if trace.play.limits else self.limits
        traces = self.folder / TRACES
        return Judged(
            case,
            trace,
            traces / case.trace,
            judge(case.scenario, trace, limits, control),
            control,
            traces / case.without_shutdown.trace if control else None,
        )

    @property
    def _opened(self) -> Environment:
        if self._environment is None:
            self._environment = self._stack.enter_context(Environment())
        return self._environment

    def _play(
        self,
        cases: Sequence[Case],
        progress: Callable[[Progress], None],
        alongside: Sequence[Coroutine[Any, Any, None]] = (),
    ) -> list[Trace]:
        if not cases:
            return []
        for case in cases:
            control = self.folder / TRACES / case.without_shutdown.trace
            control.unlink(missing_ok=True)
        told = Progress([case.name for case in cases])

        def done(case: Case, _trace: Trace) -> None:
            told.done(case.name)
            progress(told)

        progress(told)
        return play_all(self._opened, cases, self.folder / TRACES, done, alongside)


class Progress:
    """How far the plays are."""

    def __init__(self, names: list[str]) -> None:
        self.total = len(names)
        self._left = list(names)
        self._began = time.monotonic()

    def done(self, name: str) -> None:
        """Take note that a play is over."""
        self._left.remove(name)

    def __str__(self) -> str:
        over, left = self.total - len(self._left), len(self._left)
        waiting = f", waiting for {self._left[0]}" + (f" and {left - 1} more" if left > 1 else "") if left else ""
        return f"{over} of {self.total} plays over after {time.monotonic() - self._began:.0f} s{waiting}"
