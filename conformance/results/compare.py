"""What changed between two runs: the answers, the questions, and the servers' versions."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.verdict import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastcall.conformance.results.results import Results

Key = tuple[str, str, str, str]
"""Server, protocol, scenario and check; an empty check stands for a play that was not supported."""


class Turn(enum.StrEnum):
    """How an answer changed, in the order of their importance to a reader."""

    WORSE = "broken now"
    BETTER = "not broken any more"
    OTHER = "changed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Change:
    """One answer that differs. ``old`` or ``new`` is empty if that run does not have the question."""

    server: str
    protocol: str
    scenario: str
    check: str
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
        question = f"{self.scenario}[{self.server}-{self.protocol}]" + (f"::{self.check}" if self.check else "")
        return f"{question}: {self.old or 'not asked'} -> {self.new or 'not asked'}"


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side. ``versions`` are servers whose version differs, as (name, old, new)."""

    changes: tuple[Change, ...]
    versions: tuple[tuple[str, str, str], ...]
    differences: tuple[str, ...] = ()
    """Differences between the runs themselves, which may be the reason for different answers."""

    def lines(self) -> Iterator[str]:
        """Yield the comparison as lines of text."""
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
        Change(*key, before.get(key, ""), after.get(key, ""))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    )
    return Comparison(tuple(changes), tuple(_versions(old, new)), tuple(_differences(old, new)))


def answers(results: Results) -> dict[Key, str]:
    """Return every answer of a run; "not supported" is one answer for a whole play."""
    given: dict[Key, str] = {}
    for play in results.plays:
        if play.not_supported:
            given[*play.key, ""] = str(Answer.NOT_SUPPORTED)
        for verdict in play.verdicts:
            given[*play.key, verdict.check] = str(verdict.answer)
    return given


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
