"""The HTML report: one file that loads nothing, can be read without script, and escapes all that a server said."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports import figures, links, matrix
from reports.answers import BROKEN, LEGEND
from reports.evidence import evidence
from reports.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.results import PlayResult, Results

NAME = "report.html"


def write_page(results: Results, folder: Path) -> Path:
    """Write report.html into the folder of results.json, in one step, and give its path.

    Traces are read from the folder; where one is missing, the page says so and shows the verdicts alone.
    """
    templates = _templates()
    css, js = (_block(templates, name) for name in ("page.css", "page.js"))
    text = templates.get_template("page.html.j2").render(
        results=results,
        css=css,
        js=js,
        policy=_policy(css, js),
        legend=LEGEND,
        figures=figures.rows(results),
        tables=matrix.tables(results),
        servers=_by_server(results, folder),
        not_asked=_not_asked(results),
        not_installed=_not_installed(results),
        broken=BROKEN,
    )
    path = folder / NAME
    draft = folder / f"{NAME}.new"
    draft.write_text(text, encoding="utf-8")
    return draft.replace(path)


def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        finalize=_fit_to_print,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals |= {"check_id": links.check_id, "server_id": links.server_id, "outward": links.outward}
    templates.filters |= {"seconds": _seconds, "number": _number}
    return templates


def _fit_to_print(value: object) -> object:
    """Whatever the templates write is made printable first, and escaped after that."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _block(templates: Environment, name: str) -> Markup:
    """Give a style sheet or script of our own as it stands in the page: it holds nothing of the results."""
    if templates.loader is None:
        raise LookupError(name)
    return Markup("\n" + templates.loader.get_source(templates, name)[0])  # noqa: S704 - our own file


def _policy(css: str, js: str) -> str:
    """Allow the two blocks, by their hashes, and nothing else."""
    style, script = (base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in (css, js))
    return f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def _number(value: float) -> str:
    """Write a coordinate with as few characters as it needs."""
    return f"{value:.1f}".removesuffix(".0")


def _by_server(results: Results, folder: Path) -> list[dict[str, Any]]:
    told = list(evidence(results, folder))
    groups = (
        {"name": name, "told": server, "plays": [each for each in told if each.play.server == name]}
        for name, server in results.servers.items()
    )
    return [group for group in groups if group["plays"]]


def _not_asked(results: Results) -> list[dict[str, Any]]:
    """Give what was not asked, by server and reason."""
    groups: dict[tuple[str, str], list[PlayResult]] = {}
    for play in results.plays:
        if play.not_supported:
            groups.setdefault((play.server, play.not_supported), []).append(play)
    return [
        {"server": server, "reason": reason, "plays": [(links.play_id(play), play) for play in plays]}
        for (server, reason), plays in groups.items()
    ]


def _not_installed(results: Results) -> list[dict[str, Any]]:
    return [
        {"name": name, "install": server.get("install", [])}
        for name, server in results.servers.items()
        if not server.get("installed", True)
    ]
