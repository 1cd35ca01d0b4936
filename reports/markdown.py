"""Markdown for the summary of a CI job: the figures, then what is broken. Nothing that a server said becomes markup."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lastcall.reports import figures
from lastcall.reports.answers import BROKEN, HARNESS_ERROR, SETUP_FAILED, SHOULD_BROKEN, shown
from lastcall.reports.links import outward
from lastcall.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lastcall.conformance.model.verdict import Verdict
    from lastcall.conformance.results.results import PlayResult, Results

MOST_LINES = 100
"""At most this many verdicts of each server are listed: GitHub takes 1 MiB of summary in all."""
_LONGEST = 300
_TELLING = (BROKEN, HARNESS_ERROR, SETUP_FAILED, SHOULD_BROKEN)
_MARKUP = re.compile(r"""[!"#$&*:<>@\[\\\]^_`{|}~]|(?<=www)\.""", re.IGNORECASE)
"""All that begins markup within a line: the colon, @ and ``www.`` too, because an address becomes a link by itself."""


def as_markdown(results: Results) -> str:
    """Return the results as GitHub and GitLab show them."""
    return "\n".join([*_head(results), *_figures(results), *_telling(results)]) + "\n"


def as_table(results: Results) -> str:
    """Return the figures alone, a row for each server that was played on, as a README shows them."""
    lines = ["| server | version | requests lost | must broken | promise broken | should broken | slowest exit |"]
    lines.append("|---|---|--:|--:|--:|--:|--:|")
    for row in sorted(figures.rows(results), key=lambda row: row.name):
        exit_s = "" if row.exit.worst_s is None else f"{row.exit.worst_s:.1f} s"
        lost = f"{row.lost} of {row.sent}"
        cells = (row.name, row.version, lost, row.must_broken, row.promise_broken, row.should_broken, exit_s)
        lines.append(f"| {' | '.join(escaped(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def escaped(text: object) -> str:
    """Return a text that is safe inside a line of Markdown or a cell of a table: it is shown as it is, and as nothing else."""
    flat = " ".join(printable(str(text)).split())
    flat = flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
    # By number: a backslash does not stop an address from becoming a link, and has no meaning inside HTML.
    return _MARKUP.sub(lambda match: f"&#{ord(match.group())};", flat)


def linked(text: object, link: object) -> str:
    """Return a text as a link, if the link may be followed."""
    address = outward(link)
    # In pointed brackets an address ends at > alone; a blank or a line's end would end the link.
    safe = re.sub(r"[<>\\\s|]", lambda match: f"%{ord(match.group()):02X}", address) if address.isprintable() else ""
    return f"[{escaped(text)}](<{safe}>)" if safe else escaped(text)


def _head(results: Results) -> Iterator[str]:
    yield "## Graceful shutdown"
    yield ""
    yield (
        f"lastcall {escaped(results.suite_version)}, pace {escaped(results.pace)}, {escaped(results.started_at)},"
        f" on {escaped(results.platform)}."
    )
    yield ""


def _figures(results: Results) -> Iterator[str]:
    rows = figures.rows(results)
    if not rows:
        yield "Nothing was played."
        return
    yield "| server | must broken | promise broken | as expected | should broken | unproved | lost | slowest exit |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for row in rows:
        exit_s = "" if row.exit.worst_s is None else f"{row.exit.worst_s:.2f} s"
        cells = (
            escaped(f"{row.name} {row.version}".strip()),
            _marked(row.must_broken),
            _marked(row.promise_broken),
            str(expected_of(results, row.name)),
            str(row.should_broken),
            str(row.unproved),
            f"{row.lost} of {row.sent}",
            exit_s,
        )
        yield f"| {' | '.join(cells)} |"
    yield ""
    for name, server in results.servers.items():
        if not server.installed:
            yield f"* {escaped(name)} is not installed."


def expected_of(results: Results, server: str) -> int:
    """Return how many verdicts of a server are broken as expected."""
    plays = (play for play in results.plays if play.server == server)
    return sum(verdict.expected is not None for play in plays for verdict in play.verdicts)


def _marked(count: int) -> str:
    return f"**{count}**" if count else "0"


def _telling(results: Results) -> Iterator[str]:
    for name in results.servers:
        telling = [
            (play, verdict)
            for play in results.plays
            if play.server == name
            for verdict in play.verdicts
            if shown(verdict) in _TELLING
        ]
        if telling:
            yield ""
            yield f"<details><summary>{escaped(name)}: {len(telling)} broken or unproved</summary>"
            yield ""
            yield from _lines(results, telling)
            yield ""
            yield "</details>"


def _lines(results: Results, telling: Sequence[tuple[PlayResult, Verdict]]) -> Iterator[str]:
    ranked = sorted(telling, key=lambda pair: (pair[1].expected is not None, shown(pair[1]).rank))
    for play, verdict in ranked[:MOST_LINES]:
        clause = results.clauses.get(verdict.clause)
        rule = linked(clause.source, clause.link) if clause else escaped(verdict.clause)
        yield (
            f"* {shown(verdict).symbol} **{escaped(verdict.check)}** is {escaped(verdict.answer)}"
            f" ({escaped(_binding(verdict))}, {rule}) in {escaped(play.scenario)} over {escaped(play.protocol)}:"
            f" {escaped(verdict.because)}{_expected(verdict)}"
        )
    if len(ranked) > MOST_LINES:
        yield f"* and {len(ranked) - MOST_LINES} more, in the report."


def _binding(verdict: Verdict) -> str:
    return f"{verdict.level}, {verdict.impact}" if verdict.impact else str(verdict.level)


def _expected(verdict: Verdict) -> str:
    expected = verdict.expected
    return f" *Expected:* {linked(expected.reason, expected.upstream)}" if expected else ""
