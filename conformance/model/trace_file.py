"""Traces as files: one JSON object a line, the play first. What is stored can be read back and judged without a server."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model import client_events, server_events
from lastcall.conformance.model.event import Event
from lastcall.conformance.model.trace import FORMAT, Play, Trace
from lastcall.conformance.model.trace_upgrade import upgraded, upgraded_play

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class TraceError(ValueError):
    """A stored trace cannot be read; the message names the file and line."""


EVENTS: Mapping[str, type[Event]] = {
    name: value
    for module in (client_events, server_events)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, Event) and value is not Event
}


def dump(trace: Trace, path: Path) -> Trace:
    """Write a trace to a file, whole, and return it."""
    lines = [play_line(trace.play), *(event_line(event) for event in trace.events)]
    path.write_text("".join(lines), encoding="utf-8")
    return trace


def play_line(play: Play) -> str:
    """Give the first line of a trace."""
    return json.dumps({"play": dataclasses.asdict(play)}) + "\n"


def event_line(event: Event) -> str:
    """Give an event's line in a trace."""
    return json.dumps(event.as_json()) + "\n"


def load(path: Path) -> Trace:
    """Read a stored trace; raises :class:`TraceError`. A last line that was cut off (a killed run) is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        message = f"{path}: not a lastcall trace ({error})"
        raise TraceError(message) from error
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    if not lines:
        message = f"{path}: empty, so not a trace"
        raise TraceError(message)
    play, version = _parse(path, 1, lines[0], lambda record: (play_from_json(record), format_of(record)))
    read = partial(event_from_json, version=version)
    return Trace(play, tuple(_parse(path, number, line, read) for number, line in enumerate(lines[1:], 2)))


def _parse(path: Path, number: int, line: str, read: Any) -> Any:
    try:
        return read(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path}:{number}: not a line of a lastcall trace ({error})"
        raise TraceError(message) from error


def format_of(record: Mapping[str, Any]) -> int:
    """Return the version of the format in which a trace with this first line was written."""
    return int(record["play"].get("format", 0))


def play_from_json(record: Mapping[str, Any]) -> Play:
    """Rebuild the play of a trace's first line; raises ValueError for a newer format than this one.

    It is of this format, as the events that follow it are when they have been read.
    """
    version = format_of(record)
    if version > FORMAT:
        message = f"trace format {version} is newer than this lastcall reads ({FORMAT})"
        raise ValueError(message)
    fields = record["play"] if version >= FORMAT else upgraded_play(record["play"])
    return Play(**_tuples(fields | {"format": FORMAT}))


def event_from_json(record: Mapping[str, Any], version: int = FORMAT) -> Event:
    """Rebuild one event, of an older version of the format too; raises KeyError for a class that does not exist."""
    fields = dict(record) if version >= FORMAT else upgraded(record)
    return EVENTS[fields.pop("event")](**_tuples(fields))


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in fields.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value
