"""What the matrices can be filtered by: only values that the run has are offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.verdict import Level
from lastcall.reports.answers import LEGEND, Shown, shown
from lastcall.reports.matrix import family_of

if TYPE_CHECKING:
    from lastcall.conformance.results.results import Results


@dataclass(frozen=True)
class Filters:
    """The values of each filter, in the order in which they are offered."""

    protocols: tuple[str, ...]
    levels: tuple[Level, ...]
    families: tuple[str, ...]
    answers: tuple[Shown, ...]


def filters(results: Results) -> Filters:
    """Return the filters that the plays of a run give values to."""
    played = [play for play in results.plays if not play.not_supported]
    verdicts = [verdict for play in played for verdict in play.verdicts]
    levels = {verdict.level for verdict in verdicts}
    answers = {shown(verdict) for verdict in verdicts}
    names = {play.scenario for play in played}
    return Filters(
        protocols=tuple(sorted({play.protocol for play in played})),
        levels=tuple(level for level in Level if level in levels),
        families=tuple(
            dict.fromkeys(family_of(scenario) for name, scenario in results.scenarios.items() if name in names)
        ),
        answers=tuple(way for way in sorted(LEGEND, key=lambda way: way.rank) if way in answers),
    )
