"""The results as plain text for a terminal: the figures of all servers, or one server's questions by protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.verdict import Answer
from lastcall.reports import figures
from lastcall.reports.answers import NOT_SUPPORTED, counts, headline
from lastcall.reports.markdown import expected_of
from lastcall.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastcall.conformance.results.results import PlayResult, Results

_HEAD = (
    "server",
    "version",
    "kept",
    "must broken",
    "promise broken",
    "expected",
    "should broken",
    "unproved",
    "lost",
    "exit",
)
_LONGEST = 40


def figures_as_text(results: Results) -> str:
    """Return a row for each server."""
    rows = [_HEAD]
    for row in figures.rows(results):
        kept = sum(
            verdict.answer is Answer.KEPT
            for play in results.plays
            if play.server == row.name
            for verdict in play.verdicts
        )
        rows.append(
            (
                row.name,
                row.version,
                str(kept),
                str(row.must_broken),
                str(row.promise_broken),
                str(expected_of(results, row.name)),
                str(row.should_broken),
                str(row.unproved),
                f"{row.lost} of {row.sent}",
                "" if row.exit.worst_s is None else f"{row.exit.worst_s:.2f} s",
            )
        )
    return _aligned(rows, left=2)


def questions_as_text(results: Results, server: str) -> str:
    """Return a row for each scenario that was played on one server, a column for each protocol; raises LookupError."""
    plays = {(play.scenario, play.protocol): play for play in results.plays if play.server == server}
    if not plays:
        raise LookupError(f"there is no play of {server!r}; there are some of {', '.join(results.servers)}")
    protocols = sorted({protocol for (_scenario, protocol), play in plays.items() if not play.not_supported})
    scenarios = dict.fromkeys(scenario for scenario, _protocol in plays)
    rows = ([name, *(_cell(plays.get((name, protocol))) for protocol in protocols)] for name in scenarios)
    return _aligned([["scenario", *protocols], *rows], left=len(protocols) + 1)


def _cell(play: PlayResult | None) -> str:
    if play is None or play.not_supported:
        return NOT_SUPPORTED.symbol
    return ", ".join(f"{count.shown.symbol} {count}" for count in headline(counts(play.verdicts)))


def _aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Lay rows out in columns; the first ones are text, flush left, the others are figures."""
    flat = [[_flat(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*flat, strict=True)]
    lines = (
        "  ".join(
            cell.ljust(width) if place < left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in flat
    )
    return "\n".join(lines) + "\n"


def _flat(text: str) -> str:
    flat = " ".join(printable(text).split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
