"""Traces as files: one JSON object a line, the play first. A stored trace can be read back and judged without a server.

Within a version of the format, a later lastcall may add events and fields. :func:`load` leaves out the fields that it does
not know, and puts an :class:`UnknownEvent` in the place of an event that it does not know: verdicts cite events by line, so
no line may go. The facts that a stored timeline awaits are read strictly (:func:`event_from_json`), because a pattern
without one of its fields would match too much.
"""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import TYPE_CHECKING, Any

from lastcall.conformance.model import client_events, server_events
from lastcall.conformance.model.event import Event, UnknownEvent
from lastcall.conformance.model.trace import FORMAT, Play, Trace
from lastcall.conformance.model.trace_upgrade import upgraded

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


_FIELDS: Mapping[str, frozenset[str]] = {
    name: frozenset(item.name for item in dataclasses.fields(kind)) for name, kind in EVENTS.items()
}
_PLAY_FIELDS = frozenset(item.name for item in dataclasses.fields(Play))


def play_line(play: Play) -> str:
    """Return the first line of a trace."""
    return json.dumps({"play": dataclasses.asdict(play)}) + "\n"


def event_line(event: Event) -> str:
    """Return an event's line in a trace."""
    return json.dumps(event.as_json()) + "\n"


def load(path: Path) -> Trace:
    """Return a stored trace; raises :class:`TraceError`. An incomplete last line, as a killed run leaves it, is dropped."""
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
    read = partial(stored_event, version=version)
    return Trace(play, tuple(_parse(path, number, line, read) for number, line in enumerate(lines[1:], 2)))


def _parse(path: Path, number: int, line: str, read: Any) -> Any:
    try:
        return read(json.loads(line))
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path}:{number}: not a line of a lastcall trace ({error})"
        raise TraceError(message) from error


def format_of(record: Mapping[str, Any]) -> int:
    """Return the version of the format in which a trace with this first line was written."""
    if not isinstance(record, dict) or not isinstance(record.get("play"), dict):
        raise ValueError("no play stands in it")  # noqa: TRY004 - a file that holds something else is bad input
    return int(record["play"].get("format", 0))


def play_from_json(record: Mapping[str, Any]) -> Play:
    """Return the play of a trace's first line; raises ValueError for a format newer than this one.

    Its ``format`` is this one, since the play and the events are converted while they are read.
    """
    version = format_of(record)
    if version > FORMAT:
        message = f"trace format {version} is newer than this lastcall reads ({FORMAT})"
        raise ValueError(message)
    return Play(**_tuples(_only(_PLAY_FIELDS, record["play"]) | {"format": FORMAT}))


def stored_event(record: Mapping[str, Any], version: int = FORMAT) -> Event:
    """Return the event of a trace's line, without the fields that are not known; :class:`UnknownEvent` for an unknown class."""
    fields = dict(record) if version >= FORMAT else upgraded(record)
    name = fields.pop("event")
    if name in EVENTS:
        return EVENTS[name](**_tuples(_only(_FIELDS[name], fields)))
    if not isinstance(name, str):
        raise TypeError(f"an event is named by a text, not {name!r}")
    return UnknownEvent(name, begin_ns=fields["begin_ns"], end_ns=fields.get("end_ns", fields["begin_ns"]))


def _only(names: frozenset[str], fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in names}


def event_from_json(record: Mapping[str, Any], version: int = FORMAT) -> Event:
    """Return the event or fact of a record; raises KeyError for an unknown class and TypeError for an unknown field."""
    fields = dict(record) if version >= FORMAT else upgraded(record)
    return EVENTS[fields.pop("event")](**_tuples(fields))


def _tuples(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in fields.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(item) for item in value) if isinstance(value, list) else value
