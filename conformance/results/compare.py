"""What changed between two runs: answers, what is asked, and the servers' versions."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.verdict import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lastcall.conformance.results.results import Results

Key = tuple[str, str, str, str]
"""Server, protocol, scenario and check; no check stands for a play that was not supported."""


class Turn(enum.StrEnum):
    """How an answer changed; in the order in which a reader wants them."""

    WORSE = "broken now"
    BETTER = "not broken any more"
    OTHER = "changed"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True)
class Change:
    """One answer that is not what it was. ``old`` or ``new`` is empty where the question was not asked."""

    server: str
    protocol: str
    scenario: str
    check: str
    old: str
    new: str

    @property
    def turn(self) -> Turn:
        """How it changed."""
        if not self.old:
            return Turn.NEW
        if not self.new:
            return Turn.GONE
        if self.new == Answer.BROKEN:
            return Turn.WORSE
        return Turn.BETTER if self.old == Answer.BROKEN else Turn.OTHER

    def __str__(self) -> str:
        asked = f"{self.scenario}[{self.server}-{self.protocol}]" + (f"::{self.check}" if self.check else "")
        return f"{asked}: {self.old or 'not asked'} -> {self.new or 'not asked'}"


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side. ``versions`` are servers whose version differs, as (name, old, new)."""

    changes: tuple[Change, ...]
    versions: tuple[tuple[str, str, str], ...]
    differences: tuple[str, ...] = ()
    """What was different about the runs themselves, so that their answers may differ for that reason."""

    def lines(self) -> Iterator[str]:
        """Say it line by line."""
        yield from self.differences
        yield from (f"{name}: version {old or 'none'} -> {new or 'none'}" for name, old, new in self.versions)
        for turn in Turn:
            found = [change for change in self.changes if change.turn is turn]
            if found:
                yield f"{turn}: {len(found)}"
                yield from (f"    {change}" for change in found)
        if not self.changes:
            yield "no answer changed"


def compare(old: Results, new: Results) -> Comparison:
    """Compare two runs."""
    before, after = answers(old), answers(new)
    changes = (
        Change(*key, before.get(key, ""), after.get(key, ""))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    )
    return Comparison(tuple(changes), tuple(_versions(old, new)), tuple(_differences(old, new)))


def answers(results: Results) -> dict[Key, str]:
    """Give each answer of a run, "not supported" for a play as a whole."""
    found: dict[Key, str] = {}
    for play in results.plays:
        if play.not_supported:
            found[*play.key, ""] = str(Answer.NOT_SUPPORTED)
        for verdict in play.verdicts:
            found[*play.key, verdict.check] = str(verdict.answer)
    return found


def _versions(old: Results, new: Results) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys([*old.servers, *new.servers]):
        before, after = (each.servers[name].version if name in each.servers else "" for each in (old, new))
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
