"""The matrix: questions down, servers and their protocols across; one table for each version of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.model.case import CaseId
from lastcall.conformance.model.protocol import PROTOCOLS
from lastcall.reports.answers import NOT_SUPPORTED, Count, Shown, counts, headline, shown
from lastcall.reports.links import play_id, slug, verdict_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lastcall.conformance.model.verdict import Level, Verdict
    from lastcall.conformance.results.descriptions import ScenarioDescription
    from lastcall.conformance.results.results import PlayResult, Results


@dataclass(frozen=True, order=True)
class _Version:
    """A version of HTTP, of which a protocol of any name may be one: its part of a table's id, and of the title."""

    id: str
    title: str

    @classmethod
    def of(cls, protocol: str) -> _Version:
        """Return the version of a protocol; results may name one that is not registered, which stands for itself."""
        known = PROTOCOLS.get(protocol)
        return cls(f"h{known.version}", known.http) if known else cls(protocol, protocol)


@dataclass(frozen=True)
class Column:
    """A server over one protocol. ``protocol`` is empty when it speaks none that the table is about."""

    server: str
    protocol: str
    first: bool


@dataclass(frozen=True)
class MatrixCell:
    """One answer, or (``counts``) the summary of one play; ``play`` is the id of its evidence, if it has any."""

    shown: Shown | None = None
    counts: tuple[Count, ...] = ()
    play: str = ""
    target: str = ""
    title: str = ""
    first: bool = False
    asks: str = ""
    known: bool = False


@dataclass(frozen=True)
class CheckRow:
    """One check of a scenario across all columns."""

    name: str
    level: Level
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True)
class ScenarioRow:
    """One scenario across all columns, with its checks."""

    name: str
    id: str
    question: str
    family: str
    levels: tuple[Level, ...]
    cells: tuple[MatrixCell, ...]
    checks: tuple[CheckRow, ...]


@dataclass(frozen=True)
class Group:
    """The scenarios of one file."""

    title: str
    scenarios: tuple[ScenarioRow, ...]


@dataclass(frozen=True)
class Table:
    """One table."""

    id: str
    title: str
    servers: tuple[tuple[str, int], ...]
    columns: tuple[Column, ...]
    groups: tuple[Group, ...]


def tables(results: Results) -> list[Table]:
    """Return the tables: scenarios over the same version of HTTP stand together, since their columns are the same."""
    families: dict[tuple[_Version, ...], list[str]] = {}
    played = {play.scenario for play in results.plays if not play.not_supported}
    for name, scenario in results.scenarios.items():
        if name in played:
            family = tuple(sorted({_Version.of(protocol) for protocol in scenario.protocols}))
            families.setdefault(family, []).append(name)
    return [_table(results, family, names) for family, names in families.items()]


def _table(results: Results, family: tuple[_Version, ...], names: Sequence[str]) -> Table:
    own = {play.id: play for play in results.plays if play.scenario in names}
    columns = tuple(_columns(results, list(own.values())))
    widths = {name: sum(column.server == name for column in columns) for name in results.servers}
    modules: dict[str, list[ScenarioRow]] = {}
    for name in names:
        scenario = results.scenarios[name]
        row = _scenario_row(name, scenario, columns, own)
        modules.setdefault(family_of(scenario), []).append(row)
    return Table(
        id=slug("matrix", *(version.id for version in family)),
        title="Over " + " and ".join(version.title for version in family),
        servers=tuple((name, width) for name, width in widths.items() if width),
        columns=columns,
        groups=tuple(Group(title, tuple(rows)) for title, rows in modules.items()),
    )


def family_of(scenario: ScenarioDescription) -> str:
    """Return the family of a scenario: the name of its file, in words."""
    return scenario.module.rpartition(".")[2].replace("_", " ")


def tokens(verdicts: Iterable[Verdict]) -> str:
    """Return the tokens by which the filter finds a cell: the initial of a level, then the code of an answer at that level."""
    return " ".join(sorted({f"{verdict.level[:1]}{shown(verdict).code}" for verdict in verdicts}))


def _columns(results: Results, plays: Sequence[PlayResult]) -> list[Column]:
    """Return the columns; a server that speaks none of the table's protocols has one, which says so."""
    columns: list[Column] = []
    for name, server in results.servers.items():
        own = [play for play in plays if play.server == name]
        spoken = sorted({play.protocol for play in own if not play.not_supported})
        if not spoken and not (own and server.installed):
            continue
        columns += [Column(name, protocol, first=place == 0) for place, protocol in enumerate(spoken or [""])]
    return columns


Plays = dict[CaseId, "PlayResult"]


def _scenario_row(name: str, scenario: ScenarioDescription, columns: Sequence[Column], plays: Plays) -> ScenarioRow:
    beneath = [plays.get(CaseId(column.server, column.protocol, name)) for column in columns]
    pairs = list(zip(columns, beneath, strict=True))
    checks = tuple(
        CheckRow(check, level, tuple(_check_cell(column, play, check) for column, play in pairs))
        for check, level in scenario.checks.items()
    )
    cells = tuple(_play_cell(column, play) for column, play in pairs)
    return ScenarioRow(
        name=name,
        id=slug("row", name),
        question=scenario.question,
        family=family_of(scenario),
        levels=scenario.levels,
        cells=cells,
        checks=checks,
    )


def _play_cell(column: Column, play: PlayResult | None) -> MatrixCell:
    if play is None or play.not_supported:
        return _empty(column, play)
    tally = counts(play.verdicts)
    title = f"{play.server} over {play.protocol}, {play.scenario}: {', '.join(str(count) for count in tally)}"
    return MatrixCell(
        counts=headline(tally), play=play_id(play), title=title, first=column.first, asks=tokens(play.verdicts)
    )


def _check_cell(column: Column, play: PlayResult | None, check: str) -> MatrixCell:
    if play is None or play.not_supported:
        return _empty(column, play)
    verdict = next((verdict for verdict in play.verdicts if verdict.check == check), None)
    if verdict is None:
        return MatrixCell(first=column.first)
    way = shown(verdict)
    target = verdict_id(play, check) if way.linked else ""
    because, expected = verdict.because, verdict.expected is not None
    return MatrixCell(way, play=play_id(play), target=target, title=because, first=column.first, known=expected)


def _empty(column: Column, play: PlayResult | None) -> MatrixCell:
    if column.protocol and play is None:
        return MatrixCell(first=column.first)
    return MatrixCell(NOT_SUPPORTED, title=play.not_supported if play else "", target="not-asked", first=column.first)
