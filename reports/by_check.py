"""One server's answers by check: what it was asked in all its plays, and where it did not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lastcall.reports.answers import Count, Expected, Shown, counts, shown
from lastcall.reports.links import asked_id, check_id, verdict_id

if TYPE_CHECKING:
    from lastcall.conformance.results.results import PlayResult, Results


@dataclass(frozen=True)
class Instance:
    """One verdict that stands in view, and the id of its evidence."""

    play: PlayResult
    shown: Shown
    because: str
    id: str
    expected: Expected | None


@dataclass(frozen=True)
class Asked:
    """One check over all plays of a server."""

    id: str
    name: str
    check_id: str
    levels: tuple[str, ...]
    tally: tuple[Count, ...]
    telling: tuple[Instance, ...]


def asked(results: Results, server: str) -> list[Asked]:
    """Give a server's answers to every check that it was asked, in the order of the checks."""
    found: dict[str, list[tuple[PlayResult, dict[str, Any]]]] = {}
    for play in results.plays:
        if play.server == server:
            for verdict in play.verdicts:
                found.setdefault(str(verdict["check"]), []).append((play, verdict))
    return [_asked(name, found[name]) for name in results.checks if name in found]


def _asked(name: str, found: list[tuple[PlayResult, dict[str, Any]]]) -> Asked:
    telling = [
        Instance(play, shown(verdict), str(verdict["because"]), verdict_id(play, name), Expected.of(verdict))
        for play, verdict in found
        if shown(verdict).telling
    ]
    return Asked(
        id=asked_id(name),
        name=name.replace("_", " "),
        check_id=check_id(name),
        levels=tuple(dict.fromkeys(str(verdict["level"]) for _play, verdict in found)),
        tally=counts(verdict for _play, verdict in found),
        telling=tuple(sorted(telling, key=lambda each: each.shown.rank)),
    )
