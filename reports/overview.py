"""Matrices for many servers: a column for each server, a row for each question over one protocol, or for each check."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.case import CaseId
from lastcall.reports.answers import BROKEN, NOT_SUPPORTED, SHOULD_BROKEN, Count, Shown, counts, headline, known, shown
from lastcall.reports.links import FOLDER, by_check_id, play_id, question_page, server_page, slug
from lastcall.reports.matrix import family_of, tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lastcall.conformance.model.verdict import Level, Verdict
    from lastcall.conformance.results.descriptions import CheckDescription
    from lastcall.conformance.results.results import PlayResult, Results

Verdicts = list[tuple[str, "Verdict"]]
"""Verdicts, each with the protocol that it was reached over."""


@dataclass(frozen=True)
class OverviewCell:
    """One server's worst answer. ``asks`` are the tokens by which the filter finds it; ``known``: all of it is expected."""

    shown: Shown
    number: str = ""
    of: str = ""
    address: str = ""
    title: str = ""
    asks: str = ""
    known: bool = False


@dataclass(frozen=True)
class OverviewRow:
    """One question, or one check, across all servers; ``address`` leads to its own page or place."""

    id: str
    name: str
    note: str
    text: str
    address: str
    protocols: tuple[str, ...]
    families: tuple[str, ...]
    levels: tuple[Level, ...]
    cells: tuple[OverviewCell | None, ...]


@dataclass(frozen=True)
class Overview:
    """Both matrices; ``servers`` are the columns."""

    servers: tuple[str, ...]
    questions: tuple[OverviewRow, ...]
    checks: tuple[OverviewRow, ...]


def overview(results: Results) -> Overview:
    """Return both matrices: rows in the order of the scenarios and of the checks, columns in that of the servers."""
    played = [play for play in results.plays if not play.not_supported]
    servers = tuple(name for name in results.servers if name in {play.server for play in played})
    plays = {play.id: play for play in results.plays}
    pairs = {(play.scenario, play.protocol) for play in played}
    questions = [
        _question(results, name, protocol, [plays.get(CaseId(server, protocol, name)) for server in servers])
        for name, scenario in results.scenarios.items()
        for protocol in scenario.protocols
        if (name, protocol) in pairs
    ]
    return Overview(servers, tuple(questions), tuple(_checks(results, played, servers)))


def _question(results: Results, name: str, protocol: str, plays: Sequence[PlayResult | None]) -> OverviewRow:
    scenario = results.scenarios[name]
    return OverviewRow(
        id=slug("row", name, protocol),
        name=name,
        note=protocol,
        text=scenario.question,
        address=f"{FOLDER}/{question_page(name, protocol)}",
        protocols=(protocol,),
        families=(family_of(scenario),),
        levels=scenario.levels,
        cells=tuple(_play_cell(play) for play in plays),
    )


def _play_cell(play: PlayResult | None) -> OverviewCell | None:
    if play is None:
        return None
    address = f"{FOLDER}/{server_page(play.server)}#{play_id(play)}"
    if play.not_supported:
        return OverviewCell(NOT_SUPPORTED, address=address, title=play.not_supported)
    tally = counts(play.verdicts)
    if not tally:
        return None
    worst = headline(tally)[0]
    expected = known(play.verdicts)
    return OverviewCell(
        shown=worst.shown,
        number=str(worst.number),
        address=address,
        title=_title(tally, expected),
        asks=tokens(play.verdicts),
        known=_all_known(play.verdicts, worst.shown),
    )


def _title(tally: Iterable[Count], expected: int) -> str:
    summary = ", ".join(str(count) for count in tally)
    return f"{summary}; {expected} of them expected" if expected else summary


def _all_known(verdicts: Iterable[Verdict], worst: Shown) -> bool:
    """Return whether everything that is shown as broken is a known deviation."""
    if worst not in (BROKEN, SHOULD_BROKEN):
        return False
    return all(verdict.expected is not None for verdict in verdicts if shown(verdict) is worst)


def _checks(results: Results, played: Sequence[PlayResult], servers: Sequence[str]) -> Iterable[OverviewRow]:
    verdicts: dict[tuple[str, str], Verdicts] = defaultdict(list)
    levels: dict[str, dict[Level, None]] = defaultdict(dict)
    families: dict[str, dict[str, None]] = defaultdict(dict)
    for play in played:
        for verdict in play.verdicts:
            check = verdict.check
            verdicts[check, play.server].append((play.protocol, verdict))
            levels[check][verdict.level] = None
            families[check][_family(results, play)] = None
    for check in (name for name in results.checks if name in levels):
        protocols = {protocol for server in servers for protocol, _verdict in verdicts[check, server]}
        yield OverviewRow(
            id=slug("answers", check),
            name=check.replace("_", " "),
            note=_binding(levels[check], results.checks[check]),
            text=results.checks[check].promise,
            address="#" + slug("check", check),
            protocols=tuple(sorted(protocols)),
            families=tuple(families[check]),
            levels=tuple(levels[check]),
            cells=tuple(_check_cell(check, server, verdicts[check, server]) for server in servers),
        )


def _binding(levels: Iterable[Level], check: CheckDescription) -> str:
    return ", ".join([" ".join(levels), *([check.impact] if check.impact else [])])


def _family(results: Results, play: PlayResult) -> str:
    scenario = results.scenarios.get(play.scenario)
    return family_of(scenario) if scenario else ""


def _check_cell(check: str, server: str, by_protocol: Verdicts) -> OverviewCell | None:
    if not by_protocol:
        return None
    verdicts = [verdict for _protocol, verdict in by_protocol]
    tally = counts(verdicts)
    worst = headline(tally)[0]
    apart = worst.shown.telling
    return OverviewCell(
        shown=worst.shown,
        number=str(worst.number) if apart else "",
        of=str(len(by_protocol)) if apart else "",
        address=f"{FOLDER}/{server_page(server)}#{by_check_id(check)}",
        title=_title(tally, known(verdicts)),
        asks=" ".join(sorted({f"{tokens([verdict])}/{protocol}" for protocol, verdict in by_protocol})),
        known=_all_known(verdicts, worst.shown),
    )
