"""HTTP/2: what a connection still owes while it drains, to its client and to the streams that go on."""

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
    """Judge that a thing never came; nobody can tell if one of the ends after which nothing is due came too soon."""
    limit_s = limits.acknowledgement_s
    end = min((event for event in ends if event), key=lambda event: event.begin_ns, default=None)
    if end is None:
        return never_came(trace, limits, because, since, limit_s)
    stood = measured("", since, end)
    if stood.value_s <= limit_s:
        return cannot_tell(f"{because} But {stood.value_s:.2f} s later there was nothing left to wait for.", since, end)
    return too_late(trace, limits, because, since, end)


def _ends(trace: Trace, request: RequestView) -> tuple[Event | None, ...]:
    """Give what ends the wait for an upload: its response, its handler's end, or that of its connection."""
    return (request.started, request.over, request.cut, _carrier(trace, request).ended)


def _acknowledged(trace: Trace, limits: Limits, kind: str) -> Judgement:
    """Judge whether the server acknowledged every frame of a type that was sent after the signal."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    answers: list[Event] = []
    for story in connections(trace):
        sent = [frame for frame in trace.all(FrameSent(story.name, kind)) if "ACK" not in frame.flags]
        received = trace.all(FrameReceived(story.name, kind, flags=_ACK))
        for number, frame in enumerate(sent):
            if not precedes(signal, frame) or not story.open_at(signal) or story.over_before(frame):
                continue
            because = f"{kind} on {story.name!r} during the drain was not acknowledged."
            if number >= len(received):
                return _outstanding(trace, limits, because, frame, story.ended)
            answers += [frame, received[number]]
            times.append(measured(f"{kind} on {story.name}", frame, received[number], limits.acknowledgement_s))
            if not within(times[-1]):
                because = f"{kind} on {story.name!r} was acknowledged after {times[-1].value_s:.2f} s."
                return too_late(trace, limits, because, *answers[-2:], measures=times)
    if not times:
        return cannot_tell(f"No {kind} was sent during the drain on a connection that stood.")
    worst = max(time.value_s for time in times)
    return kept(f"{kind} was acknowledged within {worst:.2f} s.", *answers, measured=tuple(times))


@check(clauses.PING_ANSWERED, level=Level.MUST, impact=Impact.LOSES_REQUESTS, holds_without_shutdown=True)
def pings_are_answered_in_the_drain(trace: Trace, limits: Limits) -> Judgement:
    """PING is answered during the drain as before it.

    Clients send PING to learn whether a connection still works; one that gets no answer gives up the connection, with
    the responses that it waits for.
    """
    return _acknowledged(trace, limits, "PING")


@check(clauses.SETTINGS_ACKNOWLEDGED, level=Level.MUST, impact=Impact.LOSES_REQUESTS, holds_without_shutdown=True)
def settings_are_acknowledged_in_the_drain(trace: Trace, limits: Limits) -> Judgement:
    """SETTINGS are acknowledged during the drain as before it.

    The sender of unacknowledged SETTINGS may end the connection with SETTINGS_TIMEOUT.
    """
    return _acknowledged(trace, limits, "SETTINGS")


def _uploads(trace: Trace) -> list[RequestView]:
    """Give the requests in flight whose bodies were not sent at once, and whose handlers were told to read them."""
    reading = {event.request for event in trace.all(HandlerOrdered(order="read"))}
    return [request for request in in_flight(trace) if not request.sent.whole and request.name in reading]


def _read(trace: Trace, request: RequestView) -> HandlerReported | None:
    reports = (report for report in trace.of(HandlerReported) if report.request == request.name)
    return next((report for report in reports if report.report.startswith("read ")), None)


def _carrier(trace: Trace, request: RequestView) -> ConnectionView:
    return next(story for story in connections(trace) if story.name == request.connection)


def _frames(trace: Trace, request: RequestView, kind: str) -> list[FrameSent]:
    stream_id = request.sent.stream_id
    return [] if stream_id is None else trace.all(FrameSent(request.connection, kind, stream_id))


@check(clauses.IN_FLIGHT, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def uploads_in_flight_are_read_whole(trace: Trace, limits: Limits) -> Judgement:
    """A request whose body is still on its way when the shutdown comes reaches its handler whole.

    That takes a server that goes on reading and goes on opening the windows: the client may not send without them.
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


def _discarded(trace: Trace, story: ConnectionView, signal: SignalSent) -> list[RequestView]:
    """Give the streams of a connection that were opened after the signal, and that the server said it had not touched."""
    late = (request for request in story.requests if precedes(signal, request.sent))
    return [request for request in late if request.entered is None and fate(trace, request) is Fate.REFUSED]


def _shut_since(trace: Trace, request: RequestView) -> FrameSent | None:
    """Give the DATA since which a window, the connection's or the request's own, has left its client nothing to send."""
    windows = {0: _FIRST_WINDOW, request.sent.stream_id: _FIRST_WINDOW}
    initial, shut = _FIRST_WINDOW, None
    for event in trace.events:
        if isinstance(event, FrameReceived) and event.fits(FrameReceived(request.connection, "WINDOW_UPDATE")):
            windows[event.stream_id] = windows.get(event.stream_id, 0) + int(event.detail.removeprefix("increment="))
        elif isinstance(event, FrameReceived) and event.fits(FrameReceived(request.connection, "SETTINGS")):
            told = _INITIAL_WINDOW.search(event.detail)
            changed = int(told[1]) if told else initial
            # RFC 9113 §6.9.2: a new initial window changes the windows of the streams by the difference.
            windows[request.sent.stream_id] += changed - initial
            initial = changed
        elif isinstance(event, FrameSent) and event.fits(FrameSent(request.connection, "DATA")):
            windows[0] -= event.length
            windows[event.stream_id] = windows.get(event.stream_id, 0) - event.length
            shut = event
    return shut if windows[0] <= 0 or windows[request.sent.stream_id] <= 0 else None


def _window_used_up(trace: Trace, story: ConnectionView, streams: set[int | None]) -> FrameSent | None:
    """Give the first DATA of one of these streams after which the client had nothing left of the connection's window."""
    left = _FIRST_WINDOW
    for event in trace.events:
        if isinstance(event, FrameReceived) and event.fits(FrameReceived(story.name, "WINDOW_UPDATE")):
            left += 0 if event.stream_id else int(event.detail.removeprefix("increment="))
        elif isinstance(event, FrameSent) and event.fits(FrameSent(story.name, "DATA")):
            left -= event.length
            if left <= 0 and event.stream_id in streams:
                return event
    return None


@check(clauses.DISCARDED_DATA, level=Level.PROMISE, impact=Impact.HANGS)
def data_of_discarded_streams_is_given_back(trace: Trace, limits: Limits) -> Judgement:
    """When the server discards a stream after GOAWAY, it gives the stream's DATA back to the connection's window.

    Else the client must not send any more, and an upload in flight stalls (golang/go#55846). Put to the test where the
    discarded DATA used up the whole window and more of an upload was to be sent.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    tested: list[Event] = []
    for request in _uploads(trace):
        story = _carrier(trace, request)
        streams = {each.sent.stream_id for each in _discarded(trace, story, signal)}
        used_up = _window_used_up(trace, story, streams)
        if used_up is None:
            continue
        after = [frame for frame in _frames(trace, request, "DATA") if precedes(used_up, frame)]
        end = trace.first(RequestEnded(request.name))
        if end is None:
            because = f"DATA of a discarded stream used up the window of {story.name!r}, and {request.name!r} stalled."
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

    Seen by the trailers of an upload in flight that follow a discarded stream's head: they refer to what that head put
    into the table, and a server out of step takes them for an error. An upload that merely stalls proves nothing here:
    Go 1.15 ignores every HEADERS after its GOAWAY, trailers too, and its table is in step.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    tested: list[Event] = []
    for request in _uploads(trace):
        story = _carrier(trace, request)
        discarded = _discarded(trace, story, signal)
        trailers = next((each for each in _frames(trace, request, "HEADERS") if each.detail == "trailers"), None)
        if trailers is None or not any(precedes(each.sent, trailers) for each in discarded):
            continue
        blamed = [goaway for goaway in story.goaways if goaway.error_code and not precedes(goaway, trailers)]
        failed = _read(trace, request) is None and [each for each in (*blamed, request.reset) if each]
        if failed:
            return broken(f"The trailers of {request.name!r} were taken for an error.", trailers, *failed)
        read = _read(trace, request)
        if read is not None:
            tested += [trailers, read]
    if not tested:
        return cannot_tell("No trailers of an upload that was read to its end followed the head of a discarded stream.")
    return kept("Trailers that followed the head of a discarded stream were understood.", *tested)
