"""A large run as many pages: a light index, and beside it a page for each server and one for each question."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.reports import figures
from lastcall.reports.answers import LEGEND
from lastcall.reports.evidence import Evidence, evidence
from lastcall.reports.filters import filters
from lastcall.reports.html import clear, put
from lastcall.reports.links import FOLDER, question_page, server_page
from lastcall.reports.overview import overview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lastcall.conformance.results.results import Results
    from lastcall.reports.html import PagePrinter

    EvidencePage = Callable[[PagePrinter, Results, Sequence[Evidence], str], str]

_ROOT = "../"


@dataclass(frozen=True)
class Answered:
    """One server's play of a question, without what only its own page shows. ``address`` leads to that page."""

    play: Evidence
    version: str
    address: str


Strips = dict[tuple[str, str], list[Answered]]


def write_site(printer: PagePrinter, results: Results, folder: Path, name: str, evidence_page: EvidencePage) -> Path:
    """Write all pages, the index last, so that it never leads to one that is not there; return the index's path."""
    beside = folder / FOLDER
    beside.mkdir(exist_ok=True)
    home = _ROOT + name
    strips: Strips = {}
    written = []
    for server in _alone(results):
        plays = list(evidence(server, folder, _ROOT))
        (own,) = server.servers
        written.append(put(evidence_page(printer, server, plays, home), beside / server_page(own)))
        for play in plays:
            strips.setdefault((play.play.scenario, play.play.protocol), []).append(_answered(server, play))
    for (scenario, protocol), answered in strips.items():
        text = _question(printer, results, home, answered)
        written.append(put(text, beside / question_page(scenario, protocol)))
    path = put(_index(printer, results), folder / name)
    clear(beside, keep=written)
    return path


def _alone(results: Results) -> Iterator[Results]:
    """Yield the results of each server that was played on as if it had been alone."""
    for name, server in results.servers.items():
        plays = tuple(play for play in results.plays if play.server == name)
        if any(not play.not_supported for play in plays):
            yield dataclasses.replace(results, servers={name: server}, plays=plays)


def _answered(results: Results, play: Evidence) -> Answered:
    version = results.servers[play.play.server].version
    shown = dataclasses.replace(play, verdicts=tuple(play.telling), drawing=None, events=(), steps=())
    return Answered(shown, version, f"{server_page(play.play.server)}#{play.id}")


def _question(printer: PagePrinter, results: Results, home: str, answered: Sequence[Answered]) -> str:
    play = answered[0].play.play
    return printer.page(
        "question.html.j2",
        styles=("page.css", "evidence.css", "question.css"),
        scripts=("page.js", "question.js"),
        home=home,
        results=results,
        name=play.scenario,
        protocol=play.protocol,
        scenario=results.scenarios.get(play.scenario),
        answered=answered,
    )


def _index(printer: PagePrinter, results: Results) -> str:
    return printer.page(
        "index.html.j2",
        styles=("page.css", "filter.css", "index.css"),
        scripts=("page.js", "filter.js", "sort.js"),
        home="",
        results=results,
        legend=LEGEND,
        figures=figures.rows(results),
        overview=overview(results),
        filters=filters(results),
        not_installed=figures.not_installed(results),
    )
