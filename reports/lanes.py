"""A trace as lanes: one for the process, one for each connection, one for each request or a crowd of them. Pure.

Events are plain records, told apart by their class name; a moment is an event's ``end_ns``, when it was seen.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol

from lastcall.reports.markers import Mark, connection_mark, process_mark, request_mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Record = dict[str, Any]


class Event(Protocol):
    """What is asked of an event: to be given as plain data."""

    def as_json(self) -> Record:
        """Give the event, its class under ``event``."""


class Trace(Protocol):
    """What is asked of a trace."""

    @property
    def events(self) -> Sequence[Event]:
        """Its events, in the order of the stored file, whose first line they follow."""


CROWD = 6
"""More requests than this on one connection share one lane."""

_SENT = ("RequestSent", "WebSocketAsked")
_NEAR_NS = 1000


@dataclass(frozen=True)
class Bar:
    """Something that lasted: a connection, a request, its response, a handler, the process. ``end``: how it ended."""

    kind: str
    begin_ns: int
    end_ns: int
    end: str = ""
    told: str = ""


@dataclass(frozen=True)
class Bound:
    """A limit that was measured: the moment until which the thing had to come, and the mark that it is about."""

    at_ns: int
    told: str
    limit_s: float
    line: int


@dataclass(frozen=True)
class Lane:
    """One lane. ``kind`` is ``process``, ``connection``, ``request`` or ``crowd``."""

    kind: str
    name: str
    note: str = ""
    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    bounds: tuple[Bound, ...] = ()


@dataclass(frozen=True)
class Lanes:
    """All lanes of a play, from ``begin_ns`` to ``end_ns``; ``signal`` names the shutdown at ``zero_ns``, if there was one."""

    lanes: tuple[Lane, ...]
    begin_ns: int
    end_ns: int
    zero_ns: int
    signal: str = ""


@dataclass(frozen=True)
class _Story:
    """The records of a trace, told apart by what they belong to."""

    begin_ns: int
    end_ns: int
    process: list[Record] = field(default_factory=list)
    connections: dict[str, list[Record]] = field(default_factory=dict)
    requests: dict[str, list[Record]] = field(default_factory=dict)


def records(trace: Trace) -> list[Record]:
    """Give a trace's events as plain records, each with its ``line`` in the stored file."""
    return [{**event.as_json(), "line": line} for line, event in enumerate(trace.events, start=2)]


def lanes(events: Sequence[Record], measured: Iterable[Mapping[str, Any]] = ()) -> Lanes:
    """Tell a play as lanes. ``measured`` are the durations that verdicts compared with a limit.

    A play that never got to a connection is told from the start of its process, every other from the moment at which
    the server was ready: how long it took to boot is no part of the question.
    """
    story = _sort(events)
    signal = next((event for event in events if event.get("purpose") == "shutdown"), None)
    bounds = _bounds(events, signal, measured)
    told = [_process_lane(story, bounds)]
    for name in story.connections:
        told.append(_connection_lane(story, name, bounds))
        told += _request_lanes(story, name)
    end_ns = max([story.end_ns, *(bound.at_ns for bound in bounds)])
    # Counted from the begin: a quick server can answer before the call that sent the signal has returned.
    zero_ns = signal["begin_ns"] if signal else story.begin_ns
    return Lanes(tuple(told), story.begin_ns, end_ns, zero_ns, signal["signal"] if signal else "")


def _sort(events: Sequence[Record]) -> _Story:
    ready = [event for event in events if event["event"] == "ServerReady"]
    started = (ready or [event for event in events if event["event"] == "ServerStarted"] or list(events))[:1]
    begin_ns = started[0]["end_ns"] if started else 0
    story = _Story(begin_ns, max((event["end_ns"] for event in events), default=0))
    for event in events:
        if event.get("request"):
            story.requests.setdefault(event["request"], []).append(event)
        elif event.get("connection"):
            story.connections.setdefault(event["connection"], []).append(event)
        elif event["end_ns"] >= begin_ns:
            story.process.append(event)
    return story


def _process_lane(story: _Story, bounds: Sequence[Bound]) -> Lane:
    exits = [event["end_ns"] for event in story.process if event["event"] == "ServerExited"]
    bar = Bar(
        "process", story.begin_ns, exits[0] if exits else story.end_ns, "exit" if exits else "open", "the process"
    )
    marks = _gathered(mark for event in story.process if (mark := process_mark(event)))
    return Lane("process", "server process", "", (bar,), marks, _mine(bounds, marks))


def _gathered(marks: Iterable[Mark]) -> tuple[Mark, ...]:
    """Count lines of output that follow one another as one mark."""
    gathered: list[Mark] = []
    for mark in marks:
        if gathered and mark.kind == gathered[-1].kind == "output" and mark.text == gathered[-1].text:
            gathered[-1] = gathered[-1].joined_by(mark)
        else:
            gathered.append(mark)
    return tuple(gathered)


def _connection_lane(story: _Story, name: str, bounds: Sequence[Bound]) -> Lane:
    events = story.connections[name]
    opened = next((event for event in events if event["event"] == "ConnectionOpened"), None)
    closed = next((event for event in events if _closes(event)), None)
    alpn = next((f"TLS, {event['alpn'] or 'no ALPN'}" for event in events if event["event"] == "TlsEstablished"), "")
    end_ns = closed["end_ns"] if closed else story.end_ns
    bars = (Bar("connection", opened["end_ns"], end_ns, "" if closed else "open"),) if opened else ()
    marks = tuple(mark for event in events if (mark := connection_mark(event)))
    return Lane("connection", name, alpn, bars, marks, _mine(bounds, marks))


def _request_lanes(story: _Story, connection: str) -> list[Lane]:
    mine = {
        name: events
        for name, events in story.requests.items()
        if any(event["event"] in _SENT and event["connection"] == connection for event in events)
    }
    if len(mine) > CROWD:
        return [_crowd(story, mine)]
    return [
        Lane(
            "request",
            name,
            _note(events),
            tuple(_request_bars(story, events)),
            tuple(mark for event in events if (mark := request_mark(event))),
        )
        for name, events in mine.items()
    ]


def _crowd(story: _Story, mine: Mapping[str, list[Record]]) -> Lane:
    bars = [bar for events in mine.values() for bar in _request_bars(story, events) if bar.kind != "response"]
    whole = sum(bar.kind == "request" and bar.end == "whole" for bar in bars)
    note = f"{whole} answered" + (f", {len(mine) - whole} not" if whole < len(mine) else "")
    return Lane("crowd", f"{len(mine)} requests", note, tuple(bars))


def _note(events: Sequence[Record]) -> str:
    return next(
        (f"{event.get('method', 'WebSocket')} {event['target']}" for event in events if event["event"] in _SENT), ""
    )


def _request_bars(story: _Story, events: Sequence[Record]) -> Iterable[Bar]:
    """Above, what the client saw of a request; beneath, how long its handler ran."""
    at = {event["event"]: event["end_ns"] for event in reversed(events)}
    sent_ns, started_ns = next(at[name] for name in _SENT if name in at), at.get("ResponseStarted")
    over_ns = at.get("ResponseEnded") or at.get("StreamReset") or _end_of_connection(story, events)
    end = "whole" if "ResponseEnded" in at or "CloseReceived" in at else "reset" if "StreamReset" in at else "none"
    yield Bar("request", sent_ns, over_ns, end, "the request, as its client saw it")
    if started_ns is not None:
        yield Bar("response", started_ns, over_ns, end, "its response")
    if "HandlerEntered" in at:
        end_ns, how = _end_of_handler(story, events)
        yield Bar("handler", at["HandlerEntered"], end_ns, how, f"its handler: {how}")


def _end_of_handler(story: _Story, events: Sequence[Record]) -> tuple[int, str]:
    for event in events:
        if event["event"] in ("HandlerFinished", "HandlerFailed", "HandlerCancelled"):
            return event["end_ns"], event["event"].removeprefix("Handler").lower()
        if event["event"] == "HandlerReported" and event["report"].startswith("closed "):
            return event["end_ns"], "finished"
    return story.end_ns, "open"


def _end_of_connection(story: _Story, events: Sequence[Record]) -> int:
    connection = next(event["connection"] for event in events if event["event"] in _SENT)
    closes = (event["end_ns"] for event in story.connections.get(connection, []) if _closes(event))
    return int(next(closes, story.end_ns))


def _bounds(events: Sequence[Record], signal: Record | None, measured: Iterable[Mapping[str, Any]]) -> list[Bound]:
    """Find what each limit was counted from: the pair of events that are exactly the measured time apart."""
    found: dict[tuple[int, float], Bound] = {}
    since = [event for event in events if event is signal or event["event"] == "ResponseEnded"]
    until = sorted((event["begin_ns"], event["line"]) for event in events if _clocked(event))
    for measure in measured:
        if measure["limit_s"] is None:
            continue
        for first in since:
            due_ns = first["end_ns"] + measure["value_s"] * 1e9
            begin, end = (bisect_left(until, due_ns + way, key=itemgetter(0)) for way in (-_NEAR_NS, _NEAR_NS))
            if begin < end:
                at_ns = first["end_ns"] + int(measure["limit_s"] * 1e9)
                line = min(line for _at_ns, line in until[begin:end])
                bound = Bound(at_ns, str(measure["what"]), float(measure["limit_s"]), line)
                found.setdefault((bound.line, bound.limit_s), bound)
                break
    return list(found.values())


def _closes(event: Record) -> bool:
    """Tell whether the connection's bar ends here: its server has ended it, or there is nothing more to see of it."""
    if event["event"] == "ConnectionEnded":
        return bool(event["by"] == "server" or event["how"] == "abandoned")
    return bool(event["event"] == "ConnectionFailed")


def _clocked(event: Record) -> bool:
    """Tell whether a limit may be for this event: something that the server does."""
    return event["event"] in ("GoawayReceived", "ServerExited") or event.get("by") == "server"


def _mine(bounds: Sequence[Bound], marks: Sequence[Mark]) -> tuple[Bound, ...]:
    lines = {mark.line for mark in marks}
    return tuple(bound for bound in bounds if bound.line in lines)
