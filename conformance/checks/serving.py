"""Requests in flight: whether they get their responses, and whether a cut response looks different from a whole one."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, names, seconds, too_late
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import Event, precedes
from lastcall.conformance.model.server_events import ServerKilled, SignalSent
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import (
    OK,
    Fate,
    RequestView,
    connections,
    exited,
    fate,
    in_flight,
    requests,
    shutdown,
)

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace

PATTERN = b"lastcall\n"
"""The gate's protocol fills response bodies with this."""

_NOBODY = cannot_tell("No request that was in its handler at the shutdown was released in time to be owed a response.")


def owed(trace: Trace, limits: Limits, signal: SignalSent) -> list[RequestView]:
    """Return the requests in flight whose handlers were released well before the drain timeout was over."""
    ours = {connection.name for connection in connections(trace) if connection.ended_by_us()}
    # A client that closes before its response has come waives it.
    released = [r for r in in_flight(trace) if r.released and (r.over or r.connection not in ours)]
    if trace.play.drain_s is None:
        return released
    expiry_ns = signal.begin_ns + int((trace.play.drain_s - limits.drain_early_s) * 1e9)
    return [request for request in released if request.released and request.released.end_ns < expiry_ns]


def served(request: RequestView) -> bool:
    """Return whether a request got its handler's response, as far as a client can see.

    A client takes a response that ends with its connection for whole; so such a response counts only if its handler has
    finished.
    """
    whole = request.ended is not None and (request.ended.framing != "close" or request.finished is not None)
    return whole and request.status == OK


@check(clauses.IN_FLIGHT, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, needs_gate=True)
def in_flight_requests_are_served(trace: Trace, limits: Limits) -> Judgement:
    """A request that is in its handler when the shutdown comes gets its response, with the handler's own status.

    This is what "graceful" means, and what golang/go#39776 is about.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = owed(trace, limits, signal)
    if not subjects:
        return _NOBODY
    lost = [request for request in subjects if not served(request)]
    if lost:
        losses = "; ".join(_what_happened(trace, request, signal) for request in lost[:3])
        evidence = [signal, *(event for request in lost[:3] for event in _evidence(trace, request))]
        because = f"{len(lost)} of {len(subjects)} in flight were lost: {losses}."
        if all(not request.over and not _connection_ended(trace, request) for request in lost):
            return too_late(trace, limits, because, *evidence)
        return broken(because, *evidence)
    count = len(subjects)
    return kept(
        f"{count} of {count} in flight got their response.", *(request.ended for request in subjects if request.ended)
    )


def _what_happened(trace: Trace, request: RequestView, signal: SignalSent) -> str:
    name = f"request {request.name!r}"
    if request.ended is not None and request.status == OK:
        return f"{name} got {request.ended.length} bytes and the end of the connection, its handler not at its end"
    if request.ended is not None:
        return f"{name} got status {request.status}"
    if request.reset is not None:
        return f"{name} got RST_STREAM ({request.reset.error_name or request.reset.error_code})"
    ended = next((connection.ended for connection in connections(trace) if connection.name == request.connection), None)
    part = "after part of its response" if request.started else "before its response"
    if ended is None:
        return f"{name} got no whole response while the play lasted"
    how = ended.how.title().replace("_", "")  # Fin, Reset, CloseNotify
    after_s = seconds(ended.begin_ns - signal.end_ns)
    return f"{name} saw the connection end ({how}) {part}, {max(0.0, after_s):.2f} s after the signal"


def _evidence(trace: Trace, request: RequestView) -> list[Event]:
    ending = next(
        (connection.ended for connection in connections(trace) if connection.name == request.connection), None
    )
    events = (
        request.entered,
        request.released,
        request.started,
        request.ended,
        request.reset,
        request.cut,
        ending,
    )
    return [event for event in events if event is not None]


@check(
    clauses.IN_FLIGHT,
    level=Level.PROMISE,
    impact=Impact.LOSES_REQUESTS,
    blocked_by=(in_flight_requests_are_served,),
    needs_gate=True,
)
def in_flight_handlers_are_not_cancelled(trace: Trace, limits: Limits) -> Judgement:
    """The handler of a request in flight runs to its end: the shutdown neither cancels nor kills it.

    Until the drain timeout is over, the application's work is not left half done, not even what it does after the last
    byte of its response. Another check judges whether the response itself was lost.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = owed(trace, limits, signal)
    if not subjects:
        return _NOBODY
    cut = [request for request in subjects if request.finished is None]
    if cut:
        evidence = [event for request in cut[:3] for event in (request.entered, request.cut) if event]
        because = f"The handlers of {names(cut)} did not come to their end."
        if all(request.cut is None for request in cut):
            return too_late(trace, limits, because, signal, *evidence)
        return broken(because, signal, *evidence)
    return kept(f"The handlers of {names(subjects)} came to their end.", *(r.finished for r in subjects if r.finished))


@check(
    clauses.RESPONSE_WHOLE,
    level=Level.PROMISE,
    impact=Impact.MISLEADS_CLIENTS,
    blocked_by=(in_flight_requests_are_served,),
    needs_gate=True,
)
def responses_are_whole(trace: Trace, limits: Limits) -> Judgement:
    """A response to a request in flight that ends as complete carries exactly what its handler sent, byte for byte."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = [request for request in owed(trace, limits, signal) if request.ended and request.finished]
    if not subjects:
        return cannot_tell("No request in flight got a complete response to a handler that came to its end.")
    for request in subjects:
        ended, finished = request.ended, request.finished
        if ended is None or finished is None:
            continue
        if ended.length != finished.length:
            because = f"Request {request.name!r} got {ended.length} of the {finished.length} bytes its handler sent."
            return broken(because, finished, ended)
        if ended.sha256 != _digest(finished.length):
            return broken(f"Request {request.name!r} got other bytes than its handler sent.", finished, ended)
    return kept(f"{len(subjects)} bodies arrived as they were sent.", *(r.ended for r in subjects if r.ended))


@lru_cache(maxsize=64)
def _digest(length: int) -> str:
    return hashlib.sha256((PATTERN * (length // len(PATTERN) + 1))[:length]).hexdigest()


@check(clauses.INCOMPLETE_VISIBLE, level=Level.PROMISE, impact=Impact.MISLEADS_CLIENTS, needs_gate=True)
def cut_responses_look_cut(trace: Trace, _limits: Limits) -> Judgement:
    """A response whose handler was cut off does not end like a whole one: no END_STREAM, no last chunk, no full length.

    A complete response with an error status is fine: it says that it is no success.
    """
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    cut = [request for request in in_flight(trace) if request.finished is None and request.released is None]
    if not cut:
        return cannot_tell("No handler in flight was cut off.")
    for request in cut:
        if request.ended is not None and request.status == OK:
            because = (
                f"The handler of {request.name!r} never finished, but its response ended as a whole one"
                f" ({request.ended.framing}, {request.ended.length} bytes)."
            )
            return broken(because, *_evidence(trace, request))
    undecided = [request for request in cut if not request.over and not _connection_ended(trace, request)]
    if undecided:
        return cannot_tell(f"{names(undecided)} had not ended when the play was over.")
    return kept(f"{names(cut)} ended visibly incomplete, or with an error status.", *_evidence(trace, cut[0]))


def _connection_ended(trace: Trace, request: RequestView) -> bool:
    return any(connection.ended for connection in connections(trace) if connection.name == request.connection)


@check(clauses.IN_FLIGHT, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def requests_by_fate(trace: Trace, _limits: Limits) -> Judgement:
    """What became of every request of the play: served, refused (safe to send again), ambiguous, or lost."""
    if not requests(trace):
        return cannot_tell("No request was sent.")
    fates = [fate(trace, request) for request in requests(trace)]
    return observed(", ".join(f"{fates.count(became)} {became}" for became in Fate if became in fates) + ".")


@check(clauses.INCOMPLETE_VISIBLE, level=Level.OBSERVE, impact=Impact.MANNERS, needs_gate=True)
def held_handlers_at_the_end(trace: Trace, _limits: Limits) -> Judgement:
    """What a handler that is still held sees when the server ends: whether it is cancelled before the process exits."""
    held = [request for request in in_flight(trace) if request.finished is None and request.released is None]
    end = exited(trace) or next(iter(trace.of(ServerKilled)), None)
    if not held or end is None:
        return cannot_tell("No handler was held to the end.")
    before = [r.cut for r in held if r.cut and precedes(r.cut, end)]
    return observed(
        f"{len(before)} of {len(held)} held handlers were cancelled before the process ended.", end, *before
    )
