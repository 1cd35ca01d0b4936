"""HTTP/1.1: the connection option close, sent and obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names, never_came, too_late, within
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept
from lastcall.conformance.model.views import RequestView, connections, in_flight, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.client_events import ResponseStarted
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import ConnectionView


def says_close(request: RequestView) -> bool:
    """Return whether the response carries the connection option close."""
    headers = request.started.headers if request.started else ()
    options = [
        option.strip().lower() for name, value in headers if name.lower() == "connection" for option in value.split(",")
    ]
    return "close" in options


@check(clauses.CLOSE_OPTION, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS, needs_gate=True)
def responses_in_flight_say_close(trace: Trace, _limits: Limits) -> Judgement:
    """A response whose head is sent during the drain says ``Connection: close``.

    Otherwise the client sends its next request on a connection that is being closed, and may lose it.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = [r for r in in_flight(trace) if r.started and precedes(signal, r.started)]
    if not subjects:
        return cannot_tell("No response was begun after the shutdown.")
    silent = [request for request in subjects if not says_close(request)]
    if silent:
        return broken(f"No connection option close on {names(silent)}.", *(r.started for r in silent if r.started))
    return kept(f"{names(subjects)} said close.", *(r.started for r in subjects if r.started))


@check(clauses.CLOSE_OBEYED, level=Level.MUST, impact=Impact.MISLEADS_CLIENTS, needs_gate=True)
def close_option_is_obeyed(trace: Trace, limits: Limits) -> Judgement:
    """After a response that says ``Connection: close`` the server initiates the close, and processes no further request."""
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    endings: list[Event] = []
    for connection in connections(trace):
        said = [request.ended for request in connection.requests if request.ended and says_close(request)]
        further = _processed_after_close(connection)
        if further:
            because = f"{connection.name!r} said close, and then the next request on it was processed."
            return broken(because, *said[:1], further)
        if not said or connection.ended_by_us():
            continue
        response = said[-1]
        if connection.ended is None:
            because = f"{connection.name!r} stayed open after a response that said close."
            return never_came(trace, limits, because, response, limits.after_response_close_s, measures=times)
        endings += [response, connection.ended]
        times.append(measured(f"close of {connection.name}", response, connection.ended, limits.after_response_close_s))
        if not within(times[-1]):
            because = f"{connection.name!r} was closed {times[-1].value_s:.2f} s after a response that said close."
            return too_late(trace, limits, because, response, connection.ended, measures=times)
    if not times:
        return cannot_tell("No response said close on a connection that was left to the server to close.")
    return kept("The server closed after every response that said close.", *endings, measured=tuple(times))


def _processed_after_close(connection: ConnectionView) -> Event | None:
    """Return the event that shows a request processed after an earlier response on its connection had said close."""
    close: ResponseStarted | None = None
    for request in connection.requests:
        if close is not None and request.started is not None:
            return request.started
        if close is not None and request.entered is not None and precedes(close, request.entered):
            return request.entered
        if close is None and says_close(request):
            close = request.started
    return None
