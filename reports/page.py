"""The HTML report: pages that load nothing, can be read without script, and escape everything that a server said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lastcall.reports import figures, links, matrix
from lastcall.reports.answers import BROKEN, LEGEND
from lastcall.reports.by_check import answers_by_check
from lastcall.reports.evidence import evidence
from lastcall.reports.filters import filters
from lastcall.reports.html import PagePrinter, clear, put
from lastcall.reports.site import write_site

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lastcall.conformance.results.results import PlayResult, Results
    from lastcall.reports.evidence import Evidence

NAME = "report.html"
ONE_PAGE_PLAYS = 150
"""Up to this many plays make one page: each takes about 22 kB of evidence, and a browser shows 3 MB within a second."""
_STYLES = ("page.css", "evidence.css", "filter.css")
_SCRIPTS = ("page.js", "filter.js")


def write_page(results: Results, folder: Path, one_page_plays: int = ONE_PAGE_PLAYS) -> Path:
    """Write report.html into the folder of results.json, in one step, and return its path.

    It holds the evidence too, when the run is of one server or of at most ``one_page_plays``. Otherwise the evidence
    stands on pages of its own in the folder ``report`` beside it, one for each server and one for each question.
    Traces are read from the folder; where one is missing, the page says so and shows the verdicts alone.
    """
    printer = PagePrinter()
    played = [play for play in results.plays if not play.not_supported]
    if len(played) <= one_page_plays or len({play.server for play in played}) == 1:
        clear(folder / links.FOLDER)
        return put(evidence_page(printer, results, list(evidence(results, folder))), folder / NAME)
    return write_site(printer, results, folder, NAME, evidence_page)


def evidence_page(printer: PagePrinter, results: Results, plays: Sequence[Evidence], home: str = "") -> str:
    """Return the page of a run with its evidence. ``home`` is the address of the index, if this is a server's page."""
    return printer.page(
        "page.html.j2",
        styles=_STYLES,
        scripts=_SCRIPTS,
        home=home,
        results=results,
        legend=LEGEND,
        figures=figures.rows(results),
        tables=matrix.tables(results),
        filters=filters(results),
        servers=_by_server(results, plays),
        not_asked=_not_asked(results),
        not_installed=figures.not_installed(results),
        broken=BROKEN,
    )


def _by_server(results: Results, plays: Sequence[Evidence]) -> list[dict[str, Any]]:
    groups = (
        {
            "name": name,
            "description": server,
            "plays": [play for play in plays if play.play.server == name],
            "by_check": answers_by_check(results, name),
            "sole": len(results.servers) == 1,
            "differing": sum(claim.declared != claim.found for claim in server.claims),
        }
        for name, server in results.servers.items()
    )
    return [group for group in groups if group["plays"]]


def _not_asked(results: Results) -> list[dict[str, Any]]:
    """Return what was not played, by server and reason."""
    groups: dict[tuple[str, str], list[PlayResult]] = {}
    for play in results.plays:
        if play.not_supported:
            groups.setdefault((play.server, play.not_supported), []).append(play)
    return [
        {"server": server, "reason": reason, "plays": [(links.play_id(play), play) for play in plays]}
        for (server, reason), plays in groups.items()
    ]
