"""One server's answers by check: in how many of its plays each held, and where one did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.reports.answers import Count, Shown, counts, shown
from lastcall.reports.links import by_check_id, check_id, verdict_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastcall.conformance.model.verdict import Impact, KnownDeviation, Level, Verdict
    from lastcall.conformance.results.results import PlayResult, Results


@dataclass(frozen=True)
class Instance:
    """One verdict that is shown without unfolding, and the id of its evidence."""

    play: PlayResult
    shown: Shown
    because: str
    id: str
    expected: KnownDeviation | None


@dataclass(frozen=True)
class CheckAnswers:
    """One check over all plays of a server."""

    id: str
    name: str
    check_id: str
    levels: tuple[Level, ...]
    impact: Impact | None
    tally: tuple[Count, ...]
    telling: tuple[Instance, ...]


def answers_by_check(results: Results, server: str) -> list[CheckAnswers]:
    """Return a server's answers to every check that was judged on it, in the order of the checks."""
    by_check: dict[str, list[tuple[PlayResult, Verdict]]] = {}
    for play in results.plays:
        if play.server == server:
            for verdict in play.verdicts:
                by_check.setdefault(verdict.check, []).append((play, verdict))
    return [_answers(results, name, by_check[name]) for name in results.checks if name in by_check]


def _answers(results: Results, name: str, pairs: Sequence[tuple[PlayResult, Verdict]]) -> CheckAnswers:
    telling = [
        Instance(play, shown(verdict), verdict.because, verdict_id(play, name), verdict.expected)
        for play, verdict in pairs
        if shown(verdict).telling
    ]
    return CheckAnswers(
        id=by_check_id(name),
        name=name.replace("_", " "),
        check_id=check_id(name),
        levels=tuple(dict.fromkeys(verdict.level for _play, verdict in pairs)),
        impact=results.checks[name].impact,
        tally=counts(verdict for _play, verdict in pairs),
        telling=tuple(sorted(telling, key=lambda instance: instance.shown.rank)),
    )
