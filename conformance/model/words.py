"""Events in words, and text that no terminal obeys."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event


def words(event: Event) -> str:
    """Put an event in words: its name, then what its fields say."""
    values = ((item, getattr(event, item.name)) for item in fields(event) if item.name not in ("begin_ns", "end_ns"))
    told = (f"{item.name}={_value(value)}" for item, value in values if value != item.default)
    return " ".join([type(event).__name__, *told])


def printable(text: str) -> str:
    """Escape what a terminal might obey: servers choose much of what is shown here."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        value = ", ".join(": ".join(part) if isinstance(part, tuple) else str(part) for part in value)
    text = value if isinstance(value, str) else repr(value)
    text = printable(text)
    text = text if len(text) <= 160 else text[:157] + "..."  # noqa: PLR2004 - a line is for a person
    return repr(text) if " " in text else text
