"""Templates into pages that stand alone: style and script are in the page, allowed by their hashes, and nothing is loaded."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lastcall.reports import links
from lastcall.reports.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lastcall.reports.evidence import Evidence

GENERATOR = '<meta name="generator" content="lastcall">'
"""This stands at the head of every page: by it a page of an earlier run is recognised before it is removed."""
_HEAD = 400


class PagePrinter:
    """Prints pages. A play's timeline is drawn once, however many pages show it."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("lastcall.reports"),
            autoescape=True,
            finalize=_fit_to_print,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        addresses = ("check_id", "server_id", "server_page", "question_page", "outward")
        self._templates.globals |= {name: getattr(links, name) for name in addresses}
        self._templates.globals |= {"timeline_of": self.timeline_of, "generator": Markup(GENERATOR)}  # noqa: S704 - ours
        self._templates.filters |= {"seconds": _seconds, "number": _number, "with_code": _with_code}
        self._timelines: dict[str, Markup] = {}

    def timeline_of(self, play: Evidence) -> Markup:
        """Return the picture of a play's timeline."""
        if play.id not in self._timelines:
            macro = self._templates.get_template("timeline.svg.j2").module.timeline  # type: ignore[attr-defined]
            self._timelines[play.id] = macro(play.drawing) if play.drawing else Markup()
        return self._timelines[play.id]

    def page(self, template: str, *, styles: Sequence[str], scripts: Sequence[str], **values: Any) -> str:
        """Return a whole page: a template with these style sheets and scripts of ours."""
        css, js = self._block(styles), self._block(scripts)
        return self._templates.get_template(template).render(css=css, js=js, policy=_policy(css, js), **values)

    def _block(self, names: Sequence[str]) -> Markup:
        """Return style sheets or scripts of our own as they stand in the page: they hold nothing of the results."""
        loader = self._templates.loader
        if loader is None:
            raise LookupError(names)
        sources = (loader.get_source(self._templates, name)[0] for name in names)
        return Markup("\n" + "\n".join(sources))  # noqa: S704 - our own files


def put(text: str, path: Path) -> Path:
    """Write a page in one step, and return its path."""
    draft = path.with_name(f"{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    return draft.replace(path)


def clear(folder: Path, keep: Sequence[Path] = ()) -> None:
    """Remove the pages of an earlier run; all other files stay."""
    for path in set(folder.glob("*.html")) - set(keep):
        with path.open(encoding="utf-8", errors="replace") as file:
            ours = GENERATOR in file.read(_HEAD)
        if ours:
            path.unlink()


def _fit_to_print(value: object) -> object:
    """Return a value as the templates write it: printable first, and escaped after that."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _with_code(text: str) -> Markup:
    """Return a text, escaped, with everything between double backquotes as code: docstrings of checks have them."""
    parts = printable(text).split("``")
    if len(parts) % 2 == 0:
        return escape(printable(text))
    pairs = ((part, place % 2) for place, part in enumerate(parts))
    return Markup().join(Markup("<code>{}</code>").format(part) if code else escape(part) for part, code in pairs)


def _policy(css: str, js: str) -> str:
    """Return a policy that allows the two blocks, by their hashes, and nothing else."""
    style, script = (base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in (css, js))
    return f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{script}'; base-uri 'none'; form-action 'none'"


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"


def _number(value: float) -> str:
    """Return a coordinate with as few characters as it needs."""
    return f"{value:.1f}".removesuffix(".0")
