"""A trace as lanes: one for the process, one for each connection, one for each request or a crowd of them. Pure.

A moment is an event's ``end_ns``, when it was seen.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

from lastcall.conformance.model.client_events import (
    CloseReceived,
    ConnectionEnded,
    ConnectionFailed,
    ConnectionOpened,
    GoawayReceived,
    RequestSent,
    ResponseEnded,
    ResponseStarted,
    StreamReset,
    TlsEstablished,
    WebSocketAsked,
)
from lastcall.conformance.model.server_events import (
    HandlerCancelled,
    HandlerEntered,
    HandlerFailed,
    HandlerFinished,
    HandlerReported,
    ServerExited,
    ServerReady,
    ServerStarted,
    SignalSent,
)
from lastcall.reports.markers import Marker, connection_marker, process_marker, request_marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.verdict import Measured

CROWD = 6
"""More requests than this on one connection share one lane."""

_SENT = (RequestSent, WebSocketAsked)
_NEAR_NS = 1000

Numbered = tuple[int, "Event"]
"""An event with its line in the stored trace."""


@dataclass(frozen=True)
class Bar:
    """Something that lasted: a connection, a request, its response, a handler, the process. ``end``: how it ended."""

    kind: str
    begin_ns: int
    end_ns: int
    end: str = ""
    title: str = ""


@dataclass(frozen=True)
class Bound:
    """A limit that was measured: the moment until which the thing had to come, and the line of what it is about."""

    at_ns: int
    what: str
    limit_s: float
    line: int


@dataclass(frozen=True)
class Lane:
    """One lane. ``kind`` is ``process``, ``connection``, ``request`` or ``crowd``."""

    kind: str
    name: str
    note: str = ""
    bars: tuple[Bar, ...] = ()
    markers: tuple[Marker, ...] = ()
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
class _Sorted:
    """The events of a trace, sorted by what they belong to."""

    begin_ns: int
    end_ns: int
    process: list[Numbered] = field(default_factory=list)
    connections: dict[str, list[Numbered]] = field(default_factory=dict)
    requests: dict[str, list[Numbered]] = field(default_factory=dict)


def lanes(trace: Trace, measured: Iterable[Measured] = ()) -> Lanes:
    """Return a play as lanes. ``measured`` are the durations that verdicts compared with a limit.

    A play that never got to a connection begins with the start of its process, every other with the moment at which
    the server was ready: how long it took to boot is no part of the question.
    """
    groups = _sort(trace)
    signal = trace.first(SignalSent(purpose="shutdown"))
    bounds = _bounds(trace, signal, measured)
    rows = [_process_lane(groups, bounds)]
    for name in groups.connections:
        rows.append(_connection_lane(groups, name, bounds))
        rows += _request_lanes(groups, name)
    end_ns = max([groups.end_ns, *(bound.at_ns for bound in bounds)])
    # Counted from the begin: a quick server can answer before the call that sent the signal has returned.
    zero_ns = signal.begin_ns if signal else groups.begin_ns
    return Lanes(tuple(rows), groups.begin_ns, end_ns, zero_ns, signal.signal if signal else "")


def _sort(trace: Trace) -> _Sorted:
    started: Sequence[Event] = trace.of(ServerReady) or trace.of(ServerStarted) or trace.events
    begin_ns = started[0].end_ns if started else 0
    groups = _Sorted(begin_ns, max((event.end_ns for event in trace.events), default=0))
    for line, event in trace.numbered():
        if request := getattr(event, "request", ""):
            groups.requests.setdefault(request, []).append((line, event))
        elif connection := getattr(event, "connection", ""):
            groups.connections.setdefault(connection, []).append((line, event))
        elif event.end_ns >= begin_ns:
            groups.process.append((line, event))
    return groups


def _process_lane(groups: _Sorted, bounds: Sequence[Bound]) -> Lane:
    exits = [event.end_ns for _line, event in groups.process if isinstance(event, ServerExited)]
    end_ns, how = (exits[0], "exit") if exits else (groups.end_ns, "open")
    bar = Bar("process", groups.begin_ns, end_ns, how, "the process")
    markers = _gathered(marker for pair in groups.process if (marker := process_marker(*pair)))
    return Lane("process", "server process", "", (bar,), markers, _of_lane(bounds, markers))


def _gathered(markers: Iterable[Marker]) -> tuple[Marker, ...]:
    """Return the markers, with lines of output that follow one another counted as one."""
    gathered: list[Marker] = []
    for marker in markers:
        if gathered and marker.kind == gathered[-1].kind == "output" and marker.text == gathered[-1].text:
            gathered[-1] = gathered[-1].joined_by(marker)
        else:
            gathered.append(marker)
    return tuple(gathered)


def _connection_lane(groups: _Sorted, name: str, bounds: Sequence[Bound]) -> Lane:
    events = [event for _line, event in groups.connections[name]]
    opened = next((event for event in events if isinstance(event, ConnectionOpened)), None)
    closed = next((event for event in events if _closes(event)), None)
    tls = next((event for event in events if isinstance(event, TlsEstablished)), None)
    end_ns = closed.end_ns if closed else groups.end_ns
    bars = (Bar("connection", opened.end_ns, end_ns, "" if closed else "open"),) if opened else ()
    markers = tuple(marker for pair in groups.connections[name] if (marker := connection_marker(*pair)))
    note = f"TLS, {tls.alpn or 'no ALPN'}" if tls else ""
    return Lane("connection", name, note, bars, markers, _of_lane(bounds, markers))


def _request_lanes(groups: _Sorted, connection: str) -> list[Lane]:
    carried = {
        name: pairs
        for name, pairs in groups.requests.items()
        if any(isinstance(event, _SENT) and event.connection == connection for _line, event in pairs)
    }
    if len(carried) > CROWD:
        return [_crowd(groups, carried)]
    return [
        Lane(
            "request",
            name,
            _note(_sent(pairs)),
            tuple(_request_bars(groups, pairs)),
            tuple(marker for pair in pairs if (marker := request_marker(*pair))),
        )
        for name, pairs in carried.items()
    ]


def _crowd(groups: _Sorted, carried: Mapping[str, list[Numbered]]) -> Lane:
    bars = [bar for pairs in carried.values() for bar in _request_bars(groups, pairs) if bar.kind != "response"]
    whole = sum(bar.kind == "request" and bar.end == "whole" for bar in bars)
    note = f"{whole} answered" + (f", {len(carried) - whole} not" if whole < len(carried) else "")
    return Lane("crowd", f"{len(carried)} requests", note, tuple(bars))


def _sent(pairs: Iterable[Numbered]) -> RequestSent | WebSocketAsked:
    return next(event for _line, event in pairs if isinstance(event, _SENT))


def _note(sent: RequestSent | WebSocketAsked) -> str:
    return f"{sent.method if isinstance(sent, RequestSent) else 'WebSocket'} {sent.target}"


def _request_bars(groups: _Sorted, pairs: Sequence[Numbered]) -> Iterable[Bar]:
    """Yield what the client saw of a request and, beneath it, how long its handler ran."""
    at = {type(event): event.end_ns for _line, event in reversed(pairs)}
    sent_ns = next(at[kind] for kind in _SENT if kind in at)
    over_ns = at.get(ResponseEnded) or at.get(StreamReset) or _end_of_connection(groups, _sent(pairs).connection)
    end = "whole" if ResponseEnded in at or CloseReceived in at else "reset" if StreamReset in at else "none"
    yield Bar("request", sent_ns, over_ns, end, "the request, as its client saw it")
    if ResponseStarted in at:
        yield Bar("response", at[ResponseStarted], over_ns, end, "its response")
    if HandlerEntered in at:
        end_ns, how = _end_of_handler(groups, pairs)
        yield Bar("handler", at[HandlerEntered], end_ns, how, f"its handler: {how}")


def _end_of_handler(groups: _Sorted, pairs: Iterable[Numbered]) -> tuple[int, str]:
    for _line, event in pairs:
        if isinstance(event, (HandlerFinished, HandlerFailed, HandlerCancelled)):
            return event.end_ns, type(event).__name__.removeprefix("Handler").lower()
        if isinstance(event, HandlerReported) and event.report.startswith("closed "):
            return event.end_ns, "finished"
    return groups.end_ns, "open"


def _end_of_connection(groups: _Sorted, connection: str) -> int:
    events = (event for _line, event in groups.connections.get(connection, []))
    return next((event.end_ns for event in events if _closes(event)), groups.end_ns)


def _bounds(trace: Trace, signal: SignalSent | None, measured: Iterable[Measured]) -> list[Bound]:
    """Return what each limit was counted from: the pair of events that are exactly the measured time apart."""
    bounds: dict[tuple[int, float], Bound] = {}
    since = [event for event in trace.events if event is signal or isinstance(event, ResponseEnded)]
    until = sorted((event.begin_ns, line) for line, event in trace.numbered() if _is_timed(event))
    for measure in measured:
        if measure.limit_s is None:
            continue
        for first in since:
            due_ns = first.end_ns + measure.value_s * 1e9
            begin, end = (bisect_left(until, due_ns + way, key=itemgetter(0)) for way in (-_NEAR_NS, _NEAR_NS))
            if begin < end:
                at_ns = first.end_ns + int(measure.limit_s * 1e9)
                line = min(line for _at_ns, line in until[begin:end])
                bounds.setdefault((line, measure.limit_s), Bound(at_ns, measure.what, measure.limit_s, line))
                break
    return list(bounds.values())


def _closes(event: Event) -> bool:
    """Return whether a connection's bar ends here: its server has ended it, or nothing more of it is seen."""
    if isinstance(event, ConnectionEnded):
        return event.by == "server" or event.how == "abandoned"
    return isinstance(event, ConnectionFailed)


def _is_timed(event: Event) -> bool:
    """Return whether a limit may be for this event: it is one of the server's acts."""
    return isinstance(event, (GoawayReceived, ServerExited)) or (
        isinstance(event, ConnectionEnded) and event.by == "server"
    )


def _of_lane(bounds: Sequence[Bound], markers: Sequence[Marker]) -> tuple[Bound, ...]:
    lines = {marker.line for marker in markers}
    return tuple(bound for bound in bounds if bound.line in lines)
