"""HTTP/2: what a draining connection still owes to its client and to the streams in flight."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names, never_came, too_late, within
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    FrameReceived,
    FrameSent,
    RequestEnded,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import HandlerOrdered, HandlerReported
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept
from lastcall.conformance.model.views import Fate, RequestView, connections, fate, in_flight, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import SignalSent
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import ConnectionView

_FIRST_WINDOW = 65_535
"""The connection's window before any WINDOW_UPDATE, in bytes (RFC 9113 §6.9.2)."""
_INITIAL_WINDOW = re.compile(r"INITIAL_WINDOW_SIZE=(\d+)")
_ACK = ("ACK",)


def _outstanding(trace: Trace, limits: Limits, because: str, since: Event, *ends: Event | None) -> Judgement:
    """Return broken for an answer that never came, or cannot tell if the wait for it ended before its limit."""
    limit_s = limits.acknowledgement_s
    end = min((event for event in ends if event), key=lambda event: event.begin_ns, default=None)
    if end is None:
        return never_came(trace, limits, because, since, limit_s)
    stood = measured("", since, end)
    if stood.value_s <= limit_s:
        return cannot_tell(f"{because} But {stood.value_s:.2f} s later there was nothing left to wait for.", since, end)
    return too_late(trace, limits, because, since, end)


def _ends(trace: Trace, request: RequestView) -> tuple[Event | None, ...]:
    """Return the events that end the wait for an upload: its response, its handler's end, or that of its connection."""
    return (request.started, request.over, request.cut, _carrier(trace, request).ended)


def _acknowledged(trace: Trace, limits: Limits, kind: str) -> Judgement:
    """Judge whether the server acknowledged every frame of a type that was sent after the signal."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    answers: list[Event] = []
    for connection in connections(trace):
        sent = [frame for frame in trace.all(FrameSent(connection.name, kind)) if "ACK" not in frame.flags]
        received = trace.all(FrameReceived(connection.name, kind, flags=_ACK))
        for number, frame in enumerate(sent):
            if not precedes(signal, frame) or not connection.open_at(signal) or connection.over_before(frame):
                continue
            because = f"{kind} on {connection.name!r} during the drain was not acknowledged."
            if number >= len(received):
                return _outstanding(trace, limits, because, frame, connection.ended)
            answers += [frame, received[number]]
            times.append(measured(f"{kind} on {connection.name}", frame, received[number], limits.acknowledgement_s))
            if not within(times[-1]):
                because = f"{kind} on {connection.name!r} was acknowledged after {times[-1].value_s:.2f} s."
                return too_late(trace, limits, because, *answers[-2:], measures=times)
    if not times:
        return cannot_tell(f"No {kind} was sent during the drain on a connection that stood.")
    worst = max(time.value_s for time in times)
    return kept(f"{kind} was acknowledged within {worst:.2f} s.", *answers, measured=tuple(times))


@check(clauses.PING_ANSWERED, level=Level.MUST, impact=Impact.LOSES_REQUESTS, holds_without_shutdown=True)
def pings_are_answered_in_the_drain(trace: Trace, limits: Limits) -> Judgement:
    """The server answers PING during the drain as before it.

    Clients send PING to learn whether a connection still works. A client that gets no answer gives up the connection,
    with the responses that it waits for.
    """
    return _acknowledged(trace, limits, "PING")


@check(clauses.SETTINGS_ACKNOWLEDGED, level=Level.MUST, impact=Impact.LOSES_REQUESTS, holds_without_shutdown=True)
def settings_are_acknowledged_in_the_drain(trace: Trace, limits: Limits) -> Judgement:
    """The server acknowledges SETTINGS during the drain as before it.

    A client whose SETTINGS are not acknowledged may end the connection with SETTINGS_TIMEOUT.
    """
    return _acknowledged(trace, limits, "SETTINGS")


def _uploads(trace: Trace) -> list[RequestView]:
    """Return the requests in flight whose bodies were sent in parts, and whose handlers were ordered to read them."""
    reading = {event.request for event in trace.all(HandlerOrdered(order="read"))}
    return [request for request in in_flight(trace) if not request.sent.whole and request.name in reading]


def _read(trace: Trace, request: RequestView) -> HandlerReported | None:
    reports = (report for report in trace.of(HandlerReported) if report.request == request.name)
    return next((report for report in reports if report.report.startswith("read ")), None)


def _carrier(trace: Trace, request: RequestView) -> ConnectionView:
    return next(connection for connection in connections(trace) if connection.name == request.connection)


def _frames(trace: Trace, request: RequestView, kind: str) -> list[FrameSent]:
    stream_id = request.sent.stream_id
    return [] if stream_id is None else trace.all(FrameSent(request.connection, kind, stream_id))


@check(clauses.IN_FLIGHT, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def uploads_in_flight_are_read_whole(trace: Trace, limits: Limits) -> Judgement:
    """A request whose body is still on its way when the shutdown comes reaches its handler whole.

    The server has to go on reading and opening its windows: the client may not send without them.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = _uploads(trace)
    ends = {request.name: trace.first(RequestEnded(request.name)) for request in subjects}
    subjects = [request for request in subjects if not (end := ends[request.name]) or precedes(signal, end)]
    if not subjects:
        return cannot_tell("No request's body was on its way, and being read, when the shutdown was sent.")
    for request in subjects:
        end, read = ends[request.name], _read(trace, request)
        if read is None:
            shut = _shut_since(trace, request)
            if end is None and shut is None:
                return cannot_tell(
                    f"The body of {request.name!r} was not sent to its end, though the windows allowed it."
                )
            stuck = "had been sent but not read" if end else "could not be sent: the windows stayed shut"
            since: Event = end or max(signal, shut or signal, key=lambda event: event.end_ns)
            return _outstanding(trace, limits, f"The body of {request.name!r} {stuck}.", since, *_ends(trace, request))
        if end is not None and read.report != f"read {end.length}":
            return broken(f"The handler of {request.name!r} {read.report} of {end.length} bytes.", end, read)
    reports = [report for request in subjects if (report := _read(trace, request))]
    return kept(f"{names(subjects)} reached their handlers whole.", *reports)


def _discarded(trace: Trace, connection: ConnectionView, signal: SignalSent) -> list[RequestView]:
    """Return the streams of a connection that were opened after the signal and that the server refused as not processed."""
    late = (request for request in connection.requests if precedes(signal, request.sent))
    return [request for request in late if request.entered is None and fate(trace, request) is Fate.REFUSED]


def _shut_since(trace: Trace, request: RequestView) -> FrameSent | None:
    """Return the DATA frame since which the window of the connection, or of the request, has been used up."""
    windows = {0: _FIRST_WINDOW, request.sent.stream_id: _FIRST_WINDOW}
    initial, shut = _FIRST_WINDOW, None
    for event in trace.events:
        if isinstance(event, FrameReceived) and event.fits(FrameReceived(request.connection, "WINDOW_UPDATE")):
            windows[event.stream_id] = windows.get(event.stream_id, 0) + int(event.detail.removeprefix("increment="))
        elif isinstance(event, FrameReceived) and event.fits(FrameReceived(request.connection, "SETTINGS")):
            setting = _INITIAL_WINDOW.search(event.detail)
            changed = int(setting[1]) if setting else initial
            # RFC 9113 §6.9.2: a new initial window changes the windows of the streams by the difference.
            windows[request.sent.stream_id] += changed - initial
            initial = changed
        elif isinstance(event, FrameSent) and event.fits(FrameSent(request.connection, "DATA")):
            windows[0] -= event.length
            windows[event.stream_id] = windows.get(event.stream_id, 0) - event.length
            shut = event
    return shut if windows[0] <= 0 or windows[request.sent.stream_id] <= 0 else None


def _window_used_up(trace: Trace, connection: ConnectionView, streams: set[int | None]) -> FrameSent | None:
    """Return the first DATA frame of one of these streams after which the connection's window was used up."""
    left = _FIRST_WINDOW
    for event in trace.events:
        if isinstance(event, FrameReceived) and event.fits(FrameReceived(connection.name, "WINDOW_UPDATE")):
            left += 0 if event.stream_id else int(event.detail.removeprefix("increment="))
        elif isinstance(event, FrameSent) and event.fits(FrameSent(connection.name, "DATA")):
            left -= event.length
            if left <= 0 and event.stream_id in streams:
                return event
    return None


@check(clauses.DISCARDED_DATA, level=Level.PROMISE, impact=Impact.HANGS)
def data_of_discarded_streams_is_given_back(trace: Trace, limits: Limits) -> Judgement:
    """When the server discards a stream after GOAWAY, it gives the stream's DATA back to the connection's window.

    Otherwise the client may send no more, and an upload in flight stalls (golang/go#55846). This check applies where
    the discarded DATA used up the whole window while an upload had more to send.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    tested: list[Event] = []
    for request in _uploads(trace):
        connection = _carrier(trace, request)
        streams = {late.sent.stream_id for late in _discarded(trace, connection, signal)}
        used_up = _window_used_up(trace, connection, streams)
        if used_up is None:
            continue
        after = [frame for frame in _frames(trace, request, "DATA") if precedes(used_up, frame)]
        end = trace.first(RequestEnded(request.name))
        if end is None:
            because = (
                f"DATA of a discarded stream used up the window of {connection.name!r}, and {request.name!r} stalled."
            )
            return _outstanding(trace, limits, because, [used_up, *after][-1], *_ends(trace, request))
        if after:
            tested += [used_up, end]
    if not tested:
        return cannot_tell(
            "No discarded DATA used up a connection's window while an upload in flight had more to send."
        )
    return kept("The upload went on after discarded DATA had used up the connection's window.", *tested)


@check(clauses.DISCARDED_HEADERS, level=Level.MUST, impact=Impact.LOSES_REQUESTS)
def fields_of_discarded_streams_are_decompressed(trace: Trace, _limits: Limits) -> Judgement:
    """When the server discards a stream after GOAWAY, its header compression stays in step with the client's.

    The trailers of an upload in flight show it: they follow the head of a discarded stream and refer to what that head
    put into the table. A server out of step takes them for an error. An upload that only stalls proves nothing here: Go
    1.15 ignores every HEADERS frame after its GOAWAY, trailers too, and its table is in step.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    tested: list[Event] = []
    for request in _uploads(trace):
        connection = _carrier(trace, request)
        discarded = _discarded(trace, connection, signal)
        trailers = next((frame for frame in _frames(trace, request, "HEADERS") if frame.detail == "trailers"), None)
        if trailers is None or not any(precedes(late.sent, trailers) for late in discarded):
            continue
        blamed = [goaway for goaway in connection.goaways if goaway.error_code and not precedes(goaway, trailers)]
        failed = _read(trace, request) is None and [event for event in (*blamed, request.reset) if event]
        if failed:
            return broken(f"The trailers of {request.name!r} were taken for an error.", trailers, *failed)
        read = _read(trace, request)
        if read is not None:
            tested += [trailers, read]
    if not tested:
        return cannot_tell("No trailers of an upload that was read to its end followed the head of a discarded stream.")
    return kept("Trailers that followed the head of a discarded stream were understood.", *tested)
