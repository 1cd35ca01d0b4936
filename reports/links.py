"""Addresses inside a page and out of it, safe whatever the names and paths are that they are made from."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from lastcall.conformance.results.results import PlayResult


def slug(*parts: str) -> str:
    """Return names joined to an id; a character that does not belong into an id is replaced by its number."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda match: f"~{ord(match.group()):x}", "-".join(parts))


def play_id(play: PlayResult) -> str:
    """Return the id by which a play is linked to: ``play-SERVER-PROTOCOL-SCENARIO``."""
    return slug("play", play.id.slug)


def check_id(name: str) -> str:
    """Return the id of a check's description."""
    return slug("check", name)


def verdict_id(play: PlayResult, check: str) -> str:
    """Return the id of one verdict in a play's evidence."""
    return slug("verdict", play.id.slug, check)


def server_id(name: str) -> str:
    """Return the id of a server's evidence."""
    return slug("server", name)


def by_check_id(check: str) -> str:
    """Return the id of what one server's plays say about a check."""
    return slug("asked", check)


_LONGEST = 120
FOLDER = "report"
"""Where the pages of a large run stand, beside the page that leads to them."""


def server_page(name: str) -> str:
    """Return the file name of a server's page. No server can take the name of a question's page."""
    plain = slug(name)
    return _short(f"server-{plain}" if plain.startswith(("question-", "server-")) else plain)


def question_page(scenario: str, protocol: str) -> str:
    """Return the file name of the page with all servers' answers to one question."""
    return _short(slug("question", scenario, protocol))


def _short(stem: str) -> str:
    """Return the name of a page, cut if it is too long for a file system, and then with the hash of the whole."""
    if len(stem) > _LONGEST:
        stem = f"{stem[:_LONGEST]}~{hashlib.sha256(stem.encode()).hexdigest()[:12]}"
    return f"{stem}.html"


def stored(path: str, root: str = "./") -> str:
    """Return the address of a stored file; ``root`` leads from the page to the results. It can only be a relative path."""
    return root + quote(path) if path else ""


def outward(link: object) -> str:
    """Return a link if it may be followed: over HTTP, or not at all."""
    text = str(link or "")
    return text if text.startswith(("https://", "http://")) else ""
