"""Events as lines of text, and text in which no byte can control a terminal."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event


def in_words(event: Event) -> str:
    """Return an event as one line of text: its class, then each field that differs from its default."""
    values = ((item, getattr(event, item.name)) for item in fields(event) if item.name not in ("begin_ns", "end_ns"))
    shown = (f"{item.name}={_value(value)}" for item, value in values if value != item.default)
    return " ".join([type(event).__name__, *shown])


def printable(text: str) -> str:
    """Return the text with control characters escaped: much of it comes from servers, and a terminal would obey it."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        value = ", ".join(": ".join(part) if isinstance(part, tuple) else str(part) for part in value)
    text = value if isinstance(value, str) else repr(value)
    text = printable(text)
    text = text if len(text) <= 160 else text[:157] + "..."  # noqa: PLR2004 - a line is for a person
    return repr(text) if " " in text else text
