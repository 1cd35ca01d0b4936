"""A badge for one server: an SVG file, and the JSON that shields.io's endpoint badge reads.

https://shields.io/badges/endpoint-badge
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import escape

from lastcall.conformance.model.verdict import BLAMING, Answer
from lastcall.reports.links import slug
from lastcall.reports.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

    from lastcall.conformance.results.results import Results

LABEL = "graceful shutdown"
_COLOURS = {"brightgreen": "#3a7d1c", "yellow": "#8a6d00", "red": "#c0362c", "lightgrey": "#6b6b6b"}
"""shields.io's names, each with a shade on which white can be read (WCAG AA)."""
_CHARACTER = 6.6
_PADDING = 12


@dataclass(frozen=True)
class Badge:
    """What a badge says. ``colour`` is a name of shields.io's."""

    message: str
    colour: str
    title: str

    def as_endpoint(self) -> str:
        """Return the JSON for shields.io."""
        record = {"schemaVersion": 1, "label": LABEL, "message": self.message, "color": self.colour}
        return json.dumps(record | {"isError": self.colour == "red"}) + "\n"

    def as_svg(self) -> str:
        """Return it drawn; the text is fitted to its box, whatever font is there."""
        left, right = (round(len(text) * _CHARACTER + _PADDING) for text in (LABEL, self.message))
        label, message, title = (escape(printable(text)) for text in (LABEL, self.message, self.title))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
            f' aria-label="{title}"><title>{title}</title>'
            f'<rect width="{left + right}" height="20" rx="3" fill="#444"/>'
            f'<path d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{right - 3}z" fill="{_COLOURS[self.colour]}"/>'
            '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
            f'<text x="{_PADDING // 2}" y="14" textLength="{left - _PADDING}">{label}</text>'
            f'<text x="{left + _PADDING // 2}" y="14" textLength="{right - _PADDING}">{message}</text>'
            "</g></svg>\n"
        )


def badge(results: Results, server: str) -> Badge:
    """Return the badge of a server. Musts and promises count; raises LookupError for a server that was not played on."""
    plays = [play for play in results.plays if play.server == server and not play.not_supported]
    if not plays:
        raise LookupError(f"there is no play of {server!r}; there are some of {', '.join(results.servers)}")
    blaming = [verdict for play in plays for verdict in play.verdicts if verdict.level in BLAMING]
    kept = sum(verdict.answer is Answer.KEPT for verdict in blaming)
    broken = [verdict for verdict in blaming if verdict.answer is Answer.BROKEN]
    unproved = sum(verdict.answer in (Answer.SETUP_FAILED, Answer.HARNESS_ERROR) for verdict in blaming)
    version = results.servers[server].version if server in results.servers else ""
    title = f"{LABEL}: {server} {version}".rstrip()
    if broken:
        known = sum(verdict.expected is not None for verdict in broken)
        message = f"{len(broken)} of {len(broken) + kept} broken" + (f", {known} known" if known else "")
        return Badge(message, "red", f"{title}: {message}")
    # Nothing broken is no praise when little was proved.
    if unproved or not kept:
        message = f"{kept} kept, {unproved} unproved" if kept else "nothing proved"
        return Badge(message, "yellow" if kept else "lightgrey", f"{title}: {message}")
    return Badge(f"{kept} kept", "brightgreen", f"{title}: {kept} kept")


def write_badge(results: Results, server: str, folder: Path) -> tuple[Path, Path]:
    """Write ``badge-SERVER.svg`` and ``badge-SERVER.json`` and return their paths."""
    drawn = badge(results, server)
    name = slug("badge", server)
    paths = folder / f"{name}.svg", folder / f"{name}.json"
    paths[0].write_text(drawn.as_svg(), encoding="utf-8")
    paths[1].write_text(drawn.as_endpoint(), encoding="utf-8")
    return paths
