"""Timed mode: what can be said of requests when no handler inside the server reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, names, too_late
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept
from lastcall.conformance.model.views import OK, RequestView, connections, requests, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import SignalSent
    from lastcall.conformance.model.trace import Trace


@check(clauses.IN_FLIGHT, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, only_timed=True)
def slow_requests_are_answered(trace: Trace, limits: Limits) -> Judgement:
    """A request that its client had sent whole, well before the shutdown, gets its response: a whole one, with 200.

    This check is for timed mode, where no handler can report that it has been entered. The control shows that the
    resource answers without a shutdown; so the shutdown is to blame for a loss, though it is not known whether the
    handler ran.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = _sent_well_before(trace, limits, signal)
    if not subjects:
        return cannot_tell("No request had been sent well before the signal and was still unanswered then.")
    lost = [request for request in subjects if request.ended is None or request.status != OK]
    if not lost:
        return kept(
            f"{len(subjects)} of {len(subjects)} got their response.",
            *(request.ended for request in subjects if request.ended),
        )
    because = f"{len(lost)} of {len(subjects)} got no whole response with 200: {names(lost)}."
    seen = [event for request in lost[:3] for event in (request.sent, request.started, request.over) if event]
    gone = {connection.name for connection in connections(trace) if connection.ended}
    if all(request.over is None and request.connection not in gone for request in lost):
        return too_late(trace, limits, because, signal, *seen)
    return broken(because, signal, *seen, *(connection.ended for connection in connections(trace) if connection.ended))


def _sent_well_before(trace: Trace, limits: Limits, signal: SignalSent) -> list[RequestView]:
    """Return the requests that the server has had for long enough, and that were due before the drain timeout was over."""
    gone = {
        connection.name
        for connection in connections(trace)
        if connection.over_before(signal) or connection.ended_by_us()
    }
    entry_ns, slow_ns = int(limits.unwitnessed_entry_s * 0.9e9), int(trace.play.slow_s * 1e9)
    expiry_ns = None
    if trace.play.drain_s is not None:
        expiry_ns = signal.begin_ns + int((trace.play.drain_s - limits.drain_early_s) * 1e9)
    return [
        request
        for request in requests(trace)
        if request.sent.whole and request.sent.end_ns + entry_ns <= signal.begin_ns
        if request.gave_up is None and not (request.over and precedes(request.over, signal))
        if request.connection not in gone
        if expiry_ns is None or request.sent.end_ns + slow_ns < expiry_ns
    ]
