"""What changed between two runs: the answers, the questions, and the servers' versions."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.case import CaseCheck
from lastcall.conformance.model.verdict import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastcall.conformance.results.results import Results


class Turn(enum.StrEnum):
    """How an answer changed, the most important first."""

    WORSE = "broken now"
    BETTER = "not broken any more"
    OTHER = "changed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Change:
    """One answer that is not what it was. ``old`` or ``new`` is empty where that run has no answer."""

    case_check: CaseCheck
    old: str
    new: str

    @property
    def turn(self) -> Turn:
        """The kind of the change."""
        if not self.old:
            return Turn.NEW
        if not self.new:
            return Turn.GONE
        if self.new == Answer.BROKEN:
            return Turn.WORSE
        return Turn.BETTER if self.old == Answer.BROKEN else Turn.OTHER

    def __str__(self) -> str:
        return f"{self.case_check}: {self.old or 'not asked'} -> {self.new or 'not asked'}"


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side. ``versions`` are servers whose version differs, as (name, old, new)."""

    changes: tuple[Change, ...]
    versions: tuple[tuple[str, str, str], ...]
    differences: tuple[str, ...] = ()
    """Differences between the runs themselves, which may be the reason for different answers."""

    def lines(self) -> Iterator[str]:
        """Yield the differences and the changes, line by line."""
        yield from self.differences
        yield from (f"{name}: version {old or 'none'} -> {new or 'none'}" for name, old, new in self.versions)
        for turn in Turn:
            changes = [change for change in self.changes if change.turn is turn]
            if changes:
                yield f"{turn}: {len(changes)}"
                yield from (f"    {change}" for change in changes)
        if not self.changes:
            yield "no answer changed"


def compare(old: Results, new: Results) -> Comparison:
    """Return what changed from one run to another."""
    before, after = answers(old), answers(new)
    changes = (
        Change(case_check, before.get(case_check, ""), after.get(case_check, ""))
        for case_check in dict.fromkeys([*before, *after])
        if before.get(case_check) != after.get(case_check)
    )
    return Comparison(tuple(changes), tuple(_versions(old, new)), tuple(_differences(old, new)))


def answers(results: Results) -> dict[CaseCheck, str]:
    """Return each answer of a run; "not supported" is that of a case as a whole."""
    by_check: dict[CaseCheck, str] = {}
    for play in results.plays:
        if play.not_supported:
            by_check[CaseCheck(play.id)] = str(Answer.NOT_SUPPORTED)
        for verdict in play.verdicts:
            by_check[CaseCheck(play.id, verdict.check)] = str(verdict.answer)
    return by_check


def _versions(old: Results, new: Results) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys([*old.servers, *new.servers]):
        before, after = (run.servers[name].version if name in run.servers else "" for run in (old, new))
        if before != after:
            yield name, before, after


def _differences(old: Results, new: Results) -> Iterator[str]:
    for what, before, after in (
        ("pace", old.pace, new.pace),
        ("lastcall", old.suite_version, new.suite_version),
        ("platform", old.platform, new.platform),
    ):
        if before != after:
            yield f"{what}: {before} -> {after}"
    for name in dict.fromkeys([*old.limits, *new.limits]):
        if old.limits.get(name) != new.limits.get(name):
            yield f"limit {name}: {old.limits.get(name)} -> {new.limits.get(name)}"
