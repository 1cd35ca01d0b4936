"""Command lines with placeholders, such as ``./mine --port {port}``: what a TOML file says, and what is started of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lastcall.conformance.model.launch import Launch


def is_command(value: object) -> bool:
    """Return whether a value of a TOML file is a command: a list of texts that is not empty."""
    return isinstance(value, list) and bool(value) and all(isinstance(argument, str) for argument in value)


def filled(template: Sequence[str], launch: Launch, here: Path, *, key: str = "command", pid: int = 0) -> list[str]:
    """Return the command line of a launch; raises ValueError for a placeholder that is not known.

    ``here`` is the folder of the file: a program that begins with ``./`` or ``../`` is in it. ``key`` is the command's
    name in the file, for the message. ``pid`` is the process that a command such as ``stop`` is about.
    """
    values = {item.name: getattr(launch, item.name) for item in dataclasses.fields(launch)} | {"here": here}
    values["drain_s"] = f"{launch.drain_s:g}"
    if pid:
        values["pid"] = pid
    if not template:
        return []
    try:
        program, *arguments = (argument.format_map(values) for argument in template)
    except (KeyError, IndexError, AttributeError, TypeError) as error:
        raise ValueError(f"{key!r} has the unknown placeholder {error}; known are {', '.join(values)}") from None
    except ValueError as error:
        raise ValueError(f"{key!r}: {error} (a literal brace is doubled)") from None
    return [str(here / program) if program.startswith(("./", "../")) else program, *arguments]
