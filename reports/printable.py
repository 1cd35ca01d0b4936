"""Text that a server or a stored file chose, made safe to print."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return a text with each unprintable character escaped: controls, overrides of direction, half pairs; not a new line."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character == "\n" else _escaped(character) for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
