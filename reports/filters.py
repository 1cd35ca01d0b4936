"""What the matrices can be filtered by: only what the run holds is offered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.reports.answers import LEGEND, Shown, shown
from lastcall.reports.matrix import family_of

if TYPE_CHECKING:
    from lastcall.conformance.results.results import Results


@dataclass(frozen=True)
class Choices:
    """The values of each filter, in the order in which they are offered."""

    protocols: tuple[str, ...]
    levels: tuple[str, ...]
    families: tuple[str, ...]
    answers: tuple[Shown, ...]


def choices(results: Results) -> Choices:
    """Gather them from the plays."""
    played = [play for play in results.plays if not play.not_supported]
    verdicts = [verdict for play in played for verdict in play.verdicts]
    levels = {str(verdict["level"]) for verdict in verdicts}
    answers = {shown(verdict) for verdict in verdicts}
    asked = {play.scenario for play in played}
    known = ("must", "promise", "should", "observe")
    return Choices(
        protocols=tuple(sorted({play.protocol for play in played})),
        levels=tuple(level for level in known if level in levels),
        families=tuple(dict.fromkeys(family_of(told) for name, told in results.scenarios.items() if name in asked)),
        answers=tuple(each for each in sorted(LEGEND, key=lambda each: each.rank) if each in answers),
    )
