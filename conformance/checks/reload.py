"""A reload under load: clients of the old workers, and clients that come while the new ones start, do not notice it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import measured, names, too_late, within
from lastcall.conformance.checks.serving import served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import ConnectionFailed, ConnectionOpened
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import (
    ConnectionAccepted,
    ServerExited,
    SignalSent,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import Fate, connections, fate, requests

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import RequestView

_NO_RELOAD = cannot_tell("The server was not told to reload while it ran.")


def reload_signal(trace: Trace) -> SignalSent | None:
    """Return the signal for the reload; None if the server had certainly exited before it."""
    signal = trace.first(SignalSent(purpose="reload"))
    dead = signal is not None and any(precedes(end, signal) for end in trace.of(ServerExited))
    return None if dead else signal


def _shutdown_signal(trace: Trace) -> SignalSent | None:
    return trace.first(SignalSent(purpose="shutdown"))


def _in_time(trace: Trace, request: RequestView) -> bool:
    """Return whether a request ended, or was sent, before the shutdown signal: later ones do not belong to the reload."""
    end = _shutdown_signal(trace)
    return end is None or precedes(request.over or request.sent, end)


def _untouched(trace: Trace, request: RequestView) -> bool:
    """Return whether a request met the end of its connection before the server processed it: it can be sent again."""
    # RFC 9112 §9.5: a connection may be closed at any time, also while the client sends its next request on it.
    carrier = next((connection for connection in connections(trace) if connection.name == request.connection), None)
    ended = carrier is not None and carrier.ended is not None
    return ended and not request.over and request.entered is None and request.started is None


def _dropped_twice(trace: Trace, sent: list[RequestView]) -> list[RequestView]:
    """Return the requests that were dropped untouched, of clients whose previous request had been dropped too."""
    twice = []
    for client in dict.fromkeys(_client(request) for request in sent):
        own = [request for request in sent if _client(request) == client]
        twice += [
            again for first, again in itertools.pairwise(own) if _dropped(trace, first) and _dropped(trace, again)
        ]
    return twice


def _dropped(trace: Trace, request: RequestView) -> bool:
    """Return whether a request met the end of its connection, and nothing told its client that it may be sent again."""
    return _untouched(trace, request) and fate(trace, request) is not Fate.REFUSED


def _client(request: RequestView) -> str:
    """Return the name of the client of a connection: all connections of one loop share it."""
    return request.connection.partition("/")[0]


def _lost(trace: Trace, signal: SignalSent) -> list[RequestView]:
    """Return the requests around the reload that have no good answer and cannot safely be sent again."""
    about = [request for request in requests(trace) if _in_time(trace, request) and not _over_before(request, signal)]
    return [
        request
        for request in about
        if not served(request) and fate(trace, request) is not Fate.REFUSED and not _untouched(trace, request)
    ]


def _over_before(request: RequestView, signal: SignalSent) -> bool:
    return request.over is not None and precedes(request.over, signal)


def _after(trace: Trace, signal: SignalSent) -> list[RequestView]:
    return [request for request in requests(trace) if precedes(signal, request.sent) and _in_time(trace, request)]


@check(clauses.RELOAD, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def requests_in_flight_survive_a_reload(trace: Trace, _limits: Limits) -> Judgement:
    """A request in an old worker's handler at the reload gets its response, with the handler's own status."""
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    inside = [r for r in requests(trace) if r.entered and precedes(r.entered, signal) and not _over_before(r, signal)]
    subjects = [request for request in inside if request.released and _in_time(trace, request)]
    later = [request for request in subjects if request.released and precedes(signal, request.released)]
    if not later:
        return cannot_tell("No request was in its handler at the reload and released after it.")
    for request in subjects:
        if not served(request):
            ends = [event for event in (request.entered, request.over, request.cut, request.started) if event]
            return broken(f"Request {request.name!r} was in its handler at the reload and was lost.", signal, *ends)
    return kept(f"{names(subjects)} were answered.", signal, *(request.ended for request in subjects if request.ended))


@check(
    clauses.RELOAD, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, blocked_by=(requests_in_flight_survive_a_reload,)
)
def no_request_is_lost_in_a_reload(trace: Trace, limits: Limits) -> Judgement:
    """Every request before, during and after a reload is answered with its handler's own status.

    A request that waits until the old workers are done is lost too: no client waits that long. Not counted are refused
    attempts to connect, and a request that crosses the close of its connection, if the server has not processed it and
    serves its client when it tries again at once.
    """
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    after = _after(trace, signal)
    before = [request for request in requests(trace) if _over_before(request, signal) and served(request)]
    if not before or not after:
        return cannot_tell("No request was served before the reload, or none came after it.")
    stalled = _stalled(trace, limits, signal)
    lost = [request for request in _lost(trace, signal) if request not in stalled]
    if lost:
        request = lost[0]
        how = f"{request.name!r} was {_how(trace, request)}"
        events = (request.sent, request.entered, request.started, request.over, request.cut)
        because = f"{len(lost)} of {len(before) + len(after)} requests were lost: {how}."
        return broken(because, signal, *(event for event in events if event))
    twice = _dropped_twice(trace, after)
    if twice:
        ends = [
            connection.ended
            for connection in connections(trace)
            if connection.name == twice[0].connection and connection.ended
        ]
        because = f"{len(twice)} requests were dropped of clients that had just been dropped: {names(twice)}."
        return broken(because, signal, twice[0].sent, *ends)
    if stalled:
        longest = max(_wait(trace, request, limits).value_s for request in stalled)
        because = (
            f"{len(stalled)} requests had no answer for {limits.new_connection_s:g} s, the longest for {longest:.2f} s."
        )
        waits = tuple(_wait(trace, request, limits) for request in stalled)
        return too_late(trace, limits, because, signal, stalled[0].sent, measures=waits)
    return kept(f"{len(after)} requests came after the reload, and none was lost.", signal, after[-1].sent)


def _wait(trace: Trace, request: RequestView, limits: Limits) -> Measured:
    """Return how long a request waited for its answer, or until its client gave it up."""
    carrier = next((connection for connection in connections(trace) if connection.name == request.connection), None)
    given_up = carrier.closed_by_us if carrier is not None else None
    until = request.over or given_up or request.sent
    return measured(f"answer to {request.name}", request.sent, until, limits.new_connection_s)


def _stalled(trace: Trace, limits: Limits, signal: SignalSent) -> list[RequestView]:
    """Return the requests that came after the reload and were left without an answer for too long."""
    return [request for request in _after(trace, signal) if not within(_wait(trace, request, limits))]


def _how(trace: Trace, request: RequestView) -> str:
    if request.ended is not None and request.status is not None:
        return f"answered with {request.status}"
    return f"{fate(trace, request)}"


@check(clauses.RELOAD, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS)
def new_connections_are_accepted_throughout_a_reload(trace: Trace, limits: Limits) -> Judgement:
    """No connection is refused during a reload: the new listener stands before the old one closes, or it is the same one.

    A refused client can come again, but not every client does, and a load balancer takes the server for dead.
    """
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    end = _shutdown_signal(trace)
    refused = [event for event in trace.of(ConnectionFailed) if not precedes(event, signal)]
    refused = [event for event in refused if end is None or precedes(event, end)]
    if refused:
        whole = measured("connections refused", refused[0], refused[-1])
        because = f"{len(refused)} connections failed ({refused[0].reason}), over {whole.value_s:.2f} s."
        if refused[0].reason == "timed out":
            return too_late(trace, limits, because, signal, *refused[:3])
        return broken(because, signal, refused[0], refused[-1], measured=(whole,))
    opened = [event for event in trace.of(ConnectionOpened) if precedes(signal, event)]
    opened = [event for event in opened if end is None or precedes(event, end)]
    if not opened:
        return cannot_tell("Nobody connected after the reload.")
    return kept(f"{len(opened)} connections were opened after the reload, none was refused.", signal, opened[-1])


@check(clauses.RELOAD, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def server_goes_on_after_a_reload(trace: Trace, _limits: Limits) -> Judgement:
    """After the reload the server serves as before, until its shutdown signal comes."""
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    end, gone = _shutdown_signal(trace), next(iter(trace.of(ServerExited)), None)
    if gone is not None and (end is None or precedes(gone, end)):
        return broken(f"The server exited with status {gone.status}, though nobody had told it to stop.", signal, gone)
    answered = [request for request in _after(trace, signal) if served(request)]
    if end is None or not answered:
        return cannot_tell("No request was served between the reload and the shutdown.")
    last = max((request.ended for request in answered if request.ended), key=lambda event: event.end_ns)
    return kept(f"{len(answered)} requests were served between the reload and the shutdown.", signal, last)


@check(clauses.RELOAD, level=Level.OBSERVE, impact=Impact.MANNERS)
def effect_of_a_reload(trace: Trace, _limits: Limits) -> Judgement:
    """What a reload does: whether other processes serve, and how many connections are closed or refused."""
    signal = reload_signal(trace)
    if signal is None:
        return _NO_RELOAD
    changed = _processes(trace, signal)
    failed = [
        event for event in trace.of(ConnectionFailed) if precedes(signal, event) and _before_the_end(trace, event)
    ]
    crossed = [request for request in _after(trace, signal) if _untouched(trace, request)]
    summary = f"{changed}; {len(failed)} connections were refused; {len(crossed)} requests crossed the close of theirs"
    waits = [measured(f"answer to {r.name}", r.sent, r.ended) for r in _after(trace, signal) if r.ended]
    longest = max(waits, key=lambda wait: wait.value_s, default=None)
    if longest is None:
        return observed(f"{summary}; nobody who came was answered.", signal, *failed[:1])
    summary += f"; who came was answered within {longest.value_s:.2f} s"
    return observed(f"{summary}.", signal, *failed[:1], measured=(longest,))


def _processes(trace: Trace, signal: SignalSent) -> str:
    seen = trace.of(ConnectionAccepted)
    before = {pid for event in seen if precedes(event, signal) for pid in event.pids}
    after = {pid for event in seen if precedes(signal, event) for pid in event.pids} - before
    if not before:
        return "Which processes serve is not known"
    return f"{len(after)} other processes serve" if after else "The same processes serve"


def _before_the_end(trace: Trace, event: Event) -> bool:
    end = _shutdown_signal(trace)
    return end is None or precedes(event, end)
