"""Addresses inside the page and out of it, safe whatever the names and paths are that they are made from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from conformance.results import PlayResult


def slug(*parts: str) -> str:
    """Join names to an id; a character that does not belong into one is replaced by its number."""
    return re.sub(r"[^A-Za-z0-9._-]", lambda found: f"~{ord(found.group()):x}", "-".join(parts))


def play_id(play: PlayResult) -> str:
    """Give the id by which a play is linked to: ``play-SERVER-PROTOCOL-SCENARIO``."""
    return slug("play", play.server, play.protocol, play.scenario)


def check_id(name: str) -> str:
    """Give the id of a check's description."""
    return slug("check", name)


def verdict_id(play: PlayResult, check: str) -> str:
    """Give the id of one verdict in a play's evidence."""
    return slug("verdict", play.server, play.protocol, play.scenario, check)


def server_id(name: str) -> str:
    """Give the id of a server's evidence."""
    return slug("server", name)


def stored(path: str) -> str:
    """Give the address of a stored file beside the page. It can only ever be a relative path."""
    return "./" + quote(path) if path else ""


def outward(link: object) -> str:
    """Give a link that may be followed: over HTTP or not at all."""
    text = str(link or "")
    return text if text.startswith(("https://", "http://")) else ""
