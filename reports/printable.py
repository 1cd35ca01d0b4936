"""Text that a server or a stored file chose, made fit to be printed."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape each character that is not printable (controls, overrides of direction, half pairs), except a new line."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
