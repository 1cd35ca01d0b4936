"""The figures that an operator wants first, one row a server."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from lastcall.conformance.model.verdict import BLAMING, Answer, Level
from lastcall.conformance.model.views import Fate
from lastcall.reports.answers import SHOULD_BROKEN, known, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lastcall.conformance.model.verdict import Verdict
    from lastcall.conformance.results.descriptions import ServerDescription
    from lastcall.conformance.results.results import PlayResult, Results

OWED = "in_flight_requests_are_served"
"""A scenario with this check owes every request a response; in the others handlers are cut on purpose."""
GOAWAY = "goaway_precedes_close"
EXIT = "server_exits_in_time"
STATUS = "exit_status_is_documented"


@dataclass(frozen=True)
class Exit:
    """The slowest exit that was measured; ``late`` counts the plays in which the server did not exit in time.

    ``typical_s`` is the median of those that were measured.
    """

    worst_s: float | None
    limit_s: float | None
    late: int
    typical_s: float | None = None


@dataclass(frozen=True)
class Split:
    """How often one check was kept and how often it was broken."""

    kept: int
    broken: int

    @property
    def decided(self) -> int:
        """How often it was kept or broken."""
        return self.kept + self.broken


@dataclass(frozen=True)
class ServerFigures:
    """One server. ``excused_lost`` were lost in plays that fail without a shutdown too, or past the drain timeout."""

    name: str
    version: str
    plays: int
    lost: int
    sent: int
    refused: int
    ambiguous: int
    excused_lost: int
    must_broken: int
    promise_broken: int
    should_broken: int
    unproved: int
    known: int
    known_should: int
    exit: Exit
    goaway: Split
    status: Split
    statuses: tuple[str, ...]

    @property
    def blamed(self) -> int:
        """How many musts and promises are broken."""
        return self.must_broken + self.promise_broken

    @property
    def requests_lost(self) -> str:
        """How many of the owed requests were lost, and how many others were lost, in words."""
        excused = f", and {self.excused_lost} that were not owed" if self.excused_lost else ""
        return f"{self.lost} of {self.sent} requests lost{excused}"


def rows(results: Results) -> list[ServerFigures]:
    """Return a row for every server that was played on."""
    by_server = {
        name: [play for play in results.plays if play.server == name and not play.not_supported]
        for name in results.servers
    }
    return [_row(results, name, plays) for name, plays in by_server.items() if plays]


def not_installed(results: Results) -> dict[str, ServerDescription]:
    """Return the servers that are not installed, by name."""
    return {name: server for name, server in results.servers.items() if not server.installed}


def _row(results: Results, name: str, plays: Sequence[PlayResult]) -> ServerFigures:
    owing = [play for play in plays if _owes(results, play)]
    verdicts = [verdict for play in plays for verdict in play.verdicts]
    return ServerFigures(
        name=name,
        version=results.servers[name].version,
        plays=len(plays),
        lost=_fates(owing, Fate.LOST),
        sent=sum(sum(play.fates.values()) for play in owing),
        refused=_fates(owing, Fate.REFUSED),
        ambiguous=_fates(owing, Fate.AMBIGUOUS),
        excused_lost=_fates(plays, Fate.LOST) - _fates(owing, Fate.LOST),
        must_broken=_count(verdicts, Answer.BROKEN, Level.MUST),
        promise_broken=_count(verdicts, Answer.BROKEN, Level.PROMISE),
        should_broken=sum(shown(verdict) is SHOULD_BROKEN for verdict in verdicts),
        unproved=_count(verdicts, Answer.SETUP_FAILED, *BLAMING) + _count(verdicts, Answer.HARNESS_ERROR, *BLAMING),
        known=known(verdict for verdict in verdicts if verdict.level in BLAMING),
        known_should=known(verdict for verdict in verdicts if verdict.level not in BLAMING),
        exit=_exit(verdicts),
        goaway=_split(verdicts, GOAWAY),
        status=_split(verdicts, STATUS),
        statuses=tuple(str(status) for status in results.servers[name].exit_statuses),
    )


def _fates(plays: Iterable[PlayResult], fate: Fate) -> int:
    return sum(play.fates.get(fate, 0) for play in plays)


def _owes(results: Results, play: PlayResult) -> bool:
    scenario = results.scenarios.get(play.scenario)
    return scenario is not None and OWED in scenario.checks and not play.control_failed


def _count(verdicts: Iterable[Verdict], answer: Answer, *levels: Level) -> int:
    return sum(verdict.answer is answer and verdict.level in levels for verdict in verdicts)


def _of(verdicts: Iterable[Verdict], check: str, answer: Answer) -> int:
    return sum(verdict.check == check and verdict.answer is answer for verdict in verdicts)


def _split(verdicts: Sequence[Verdict], check: str) -> Split:
    return Split(_of(verdicts, check, Answer.KEPT), _of(verdicts, check, Answer.BROKEN))


def _exit(verdicts: Sequence[Verdict]) -> Exit:
    measured = [
        measure
        for verdict in verdicts
        if verdict.check == EXIT
        for measure in verdict.measured
        if measure.what == "exit"
    ]
    worst = max(measured, key=lambda measure: measure.value_s, default=None)
    late = _of(verdicts, EXIT, Answer.BROKEN)
    if worst is None:
        return Exit(None, None, late)
    typical_s = median(measure.value_s for measure in measured)
    return Exit(worst.value_s, worst.limit_s, late, typical_s)
