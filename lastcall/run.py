"""A run: all plays together, then their verdicts, then the controls of the plays in which a must or promise is broken.

A control is played only where it decides something: it proves that the shutdown is to blame, or excuses the server.
"""

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

    from lastcall.conformance.model.case import Case
    from lastcall.conformance.model.server import Server
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.verdict import Verdict

TRACES = "traces"
"""The folder of the traces, inside the folder of the results."""


@dataclass(frozen=True)
class JudgedPlay:
    """One play with its verdicts, and where its traces are stored."""

    case: Case
    trace: Trace
    stored_at: Path
    verdicts: list[Verdict]
    control: Trace | None = None
    control_stored_at: Path | None = None

    @property
    def control_summary(self) -> str:
        """What the control showed; it is empty if none was needed."""
        if self.control is None:
            return ""
        reason = why_control_fails(self.control)
        if reason:
            return f"the same timeline without the shutdown fails too: {reason}"
        return "the same timeline without the shutdown was played, and every request was served"

    def as_result(self, folder: Path) -> PlayResult:
        """Return the play as results.json has it; ``folder`` is the folder of that file."""
        fates = [fate(self.trace, request) for request in requests(self.trace)]
        end_ns = max((event.end_ns for event in self.trace.events), default=0)
        # Before its server starts, a play waits for a free core; that time is not the play's own.
        begin_ns = min((event.begin_ns for event in self.trace.of(ServerStarted)), default=end_ns)
        return PlayResult(
            scenario=self.case.scenario.id,
            server=self.case.server.name,
            protocol=str(self.case.protocol),
            trace=str(self.stored_at.relative_to(folder)),
            control=str(self.control_stored_at.relative_to(folder)) if self.control_stored_at else "",
            control_failed=why_control_fails(self.control) if self.control else "",
            argv=next((started.argv for started in self.trace.of(ServerStarted)), ()),
            fates={kind: fates.count(kind) for kind in Fate},
            duration_s=round((end_ns - begin_ns) / 1e9, 3),
            verdicts=tuple(self.verdicts),
        )


class Run:
    """Plays and judges; a context manager.

    The environment is made with the first play, so a run that judges stored traces again starts no process.
    """

    def __init__(self, folder: Path, pace: Pace = Pace.FAST, limits: Limits = DEFAULT) -> None:
        self.folder = folder
        self.pace = pace
        self.limits = limits
        self.capabilities: dict[str, list[Capability]] = {}
        """The results of the capability probe, for each server that has been played."""
        self._stack = contextlib.ExitStack()
        self._environment: Environment | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()
        self._environment = None

    def perform(
        self, cases: Sequence[Case], progress: Callable[[Progress], None] = lambda _progress: None
    ) -> list[JudgedPlay]:
        """Play the cases together and judge them; then play the controls that are needed, and judge with these."""
        unprobed = {case.server.name: case.server for case in cases if case.server.name not in self.capabilities}
        traces = self._play(cases, progress, [self._probe(server) for server in unprobed.values()])
        plays = [self._judge(case, trace) for case, trace in zip(cases, traces, strict=True)]
        blaming = [play for play in plays if needs_control(play.verdicts)]
        control_traces = self._play([play.case.without_shutdown for play in blaming], progress)
        controls = dict(zip((play.case.id for play in blaming), control_traces, strict=True))
        return [
            self._judge(play.case, play.trace, controls[play.case.id]) if play.case.id in controls else play
            for play in plays
        ]

    async def _probe(self, server: Server) -> None:
        """Try every capability of a server, claimed by its adapter or not."""
        try:
            self.capabilities[server.name] = await probe(self._opened, server, self.limits)
        except Exception as error:  # noqa: BLE001 - a fault of the probe must not end the plays beside it
            failed = Capability(
                "the capability probe", declared=True, found=False, detail=f"{type(error).__name__}: {error}"
            )
            self.capabilities[server.name] = [failed]

    def rejudge(self, case: Case) -> JudgedPlay | None:
        """Return the stored play of a case, judged by today's checks with its own limits; None if there is no trace."""
        stored = self.folder / TRACES / case.trace
        if not stored.exists():
            return None
        control = self.folder / TRACES / case.without_shutdown.trace
        return self._judge(case, load(stored), load(control) if control.exists() else None)

    def _judge(self, case: Case, trace: Trace, control: Trace | None = None) -> JudgedPlay:
        limits = Limits.stored(trace.play.limits) if trace.play.limits else self.limits
        traces = self.folder / TRACES
        return JudgedPlay(
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
            # A control of an earlier run would be taken for one of this run when the traces are judged again.
            control = self.folder / TRACES / case.without_shutdown.trace
            control.unlink(missing_ok=True)
        state = Progress([case.name for case in cases])

        def done(case: Case, _trace: Trace) -> None:
            state.done(case.name)
            progress(state)

        progress(state)
        return play_all(self._opened, cases, self.folder / TRACES, done, alongside)


class Progress:
    """How many of the plays are over."""

    def __init__(self, names: list[str]) -> None:
        self.total = len(names)
        self._left = list(names)
        self._began = time.monotonic()

    def done(self, name: str) -> None:
        """Count a play as over."""
        self._left.remove(name)

    def __str__(self) -> str:
        over, left = self.total - len(self._left), len(self._left)
        waiting = f", waiting for {self._left[0]}" + (f" and {left - 1} more" if left > 1 else "") if left else ""
        return f"{over} of {self.total} plays over after {time.monotonic() - self._began:.0f} s{waiting}"
