"""The figures that an operator asks for first, one row a server."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from lastcall.reports.answers import BLAMING, SHOULD_BROKEN, known, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lastcall.conformance.results.results import PlayResult, Results

OWED = "in_flight_requests_are_served"
"""A scenario that asks this owes every request a response; in the others handlers are cut on purpose."""
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
    def asked(self) -> int:
        """How often it was decided."""
        return self.kept + self.broken


@dataclass(frozen=True)
class Row:
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
        """How many requests were lost of those that were owed a response, and how many others were, in words."""
        excused = f", and {self.excused_lost} that were not owed" if self.excused_lost else ""
        return f"{self.lost} of {self.sent} requests lost{excused}"


def rows(results: Results) -> list[Row]:
    """Give a row for every server that was played on."""
    by_server = {
        name: [play for play in results.plays if play.server == name and not play.not_supported]
        for name in results.servers
    }
    return [_row(results, name, plays) for name, plays in by_server.items() if plays]


def not_installed(results: Results) -> list[dict[str, Any]]:
    """Give the servers that were not there, with what would install them."""
    return [
        {"name": name, "install": server.get("install", [])}
        for name, server in results.servers.items()
        if not server.get("installed", True)
    ]


def _row(results: Results, name: str, plays: Sequence[PlayResult]) -> Row:
    owing = [play for play in plays if _owes(results, play)]
    verdicts = [verdict for play in plays for verdict in play.verdicts]
    return Row(
        name=name,
        version=str(results.servers[name].get("version", "")),
        plays=len(plays),
        lost=_fates(owing, "lost"),
        sent=sum(sum(play.fates.values()) for play in owing),
        refused=_fates(owing, "refused"),
        ambiguous=_fates(owing, "ambiguous"),
        excused_lost=_fates(plays, "lost") - _fates(owing, "lost"),
        must_broken=_count(verdicts, "broken", "must"),
        promise_broken=_count(verdicts, "broken", "promise"),
        should_broken=sum(shown(verdict) is SHOULD_BROKEN for verdict in verdicts),
        unproved=_count(verdicts, "setup failed", *BLAMING) + _count(verdicts, "harness error", *BLAMING),
        known=known(verdict for verdict in verdicts if verdict["level"] in BLAMING),
        known_should=known(verdict for verdict in verdicts if verdict["level"] not in BLAMING),
        exit=_exit(verdicts),
        goaway=_split(verdicts, GOAWAY),
        status=_split(verdicts, STATUS),
        statuses=tuple(str(status) for status in results.servers[name].get("exit_statuses", ())),
    )


def _fates(plays: Iterable[PlayResult], fate: str) -> int:
    return sum(play.fates.get(fate, 0) for play in plays)


def _owes(results: Results, play: PlayResult) -> bool:
    asked = results.scenarios.get(play.scenario, {}).get("checks", {})
    return OWED in asked and not play.control_failed


def _count(verdicts: Iterable[dict[str, Any]], answer: str, *levels: str) -> int:
    return sum(verdict["answer"] == answer and verdict["level"] in levels for verdict in verdicts)


def _of(verdicts: Iterable[dict[str, Any]], check: str, answer: str) -> int:
    return sum(verdict["check"] == check and verdict["answer"] == answer for verdict in verdicts)


def _split(verdicts: Sequence[dict[str, Any]], check: str) -> Split:
    return Split(_of(verdicts, check, "kept"), _of(verdicts, check, "broken"))


def _exit(verdicts: Sequence[dict[str, Any]]) -> Exit:
    measured = [
        measure
        for verdict in verdicts
        if verdict["check"] == EXIT
        for measure in verdict["measured"]
        if measure["what"] == "exit"
    ]
    worst = max(measured, key=lambda measure: float(measure["value_s"]), default=None)
    late = _of(verdicts, EXIT, "broken")
    if worst is None:
        return Exit(None, None, late)
    typical_s = median(float(measure["value_s"]) for measure in measured)
    return Exit(worst["value_s"], worst["limit_s"], late, typical_s)
