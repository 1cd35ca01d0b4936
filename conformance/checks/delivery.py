"""Delivery in the drain: responses reach their clients without delay, and each request has one handler only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names, too_late, within
from lastcall.conformance.checks.serving import in_flight_requests_are_served, owed
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import BodyReceived
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import HandlerEntered, HandlerReported
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept
from lastcall.conformance.model.views import connections, in_flight, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import RequestView


@check(
    clauses.PROCESSED_ONCE,
    level=Level.PROMISE,
    impact=Impact.MISLEADS_CLIENTS,
    blocked_by=(in_flight_requests_are_served,),
    decisive=True,
    needs_gate=True,
)
def requests_are_processed_once(trace: Trace, limits: Limits) -> Judgement:
    """A request in flight is given to one handler, once, whatever the shutdown does to its connection.

    If a proxy loses its upstream in a restart and sends the request to the next upstream by itself, the request takes
    effect twice.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    entries = {request.name: trace.all(HandlerEntered(request.name)) for request in in_flight(trace)}
    for name, entered in entries.items():
        if len(entered) > 1:
            return broken(f"Request {name!r} was given to {len(entered)} handlers.", *entered)
    served = [request for request in owed(trace, limits, signal) if request.ended]
    if not served:
        return cannot_tell("No request in flight came to the end of its response.")
    return kept(f"{names(served)} had one handler each.", *(r.entered for r in served if r.entered))


@check(
    clauses.PASSED_ON,
    level=Level.SHOULD,
    impact=Impact.HANGS,
    blocked_by=(in_flight_requests_are_served,),
    needs_gate=True,
)
def responses_are_not_held_back(trace: Trace, limits: Limits) -> Judgement:
    """A response whose handler has finished in the drain reaches its client at once, and does not wait for other requests.

    The client's own timeout goes on running while a server collects what it has to send.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    evidence: list[Event] = []
    for request in owed(trace, limits, signal):
        # A response without a length or chunks ends with its connection, so its end cannot be seen earlier.
        if not request.finished or not request.ended or request.ended.framing == "close":
            continue
        times.append(measured(f"response of {request.name}", request.finished, request.ended, limits.passed_on_s))
        evidence += [request.finished, request.ended]
        if not within(times[-1]):
            because = f"The response of {request.name!r} came {times[-1].value_s:.2f} s after its handler had finished."
            return too_late(trace, limits, because, *evidence[-2:], measures=times)
    if not times:
        return cannot_tell("No response with an end of its own came after its handler had finished in the drain.")
    worst = max(time.value_s for time in times)
    return kept(f"Responses came at most {worst:.2f} s after their handlers.", *evidence, measured=tuple(times))


@check(clauses.PASSED_ON, level=Level.SHOULD, impact=Impact.HANGS, needs_gate=True)
def pieces_are_passed_on_in_the_drain(trace: Trace, limits: Limits) -> Judgement:
    """A piece of a response that its handler sends in the drain reaches the client while the handler still runs.

    Clients read event streams and long polls piece by piece; a server that begins to buffer the pieces has stopped
    them.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    evidence: list[Event] = []
    for request in in_flight(trace):
        for report, arrival in _pieces(trace, request):
            if not precedes(signal, report):
                continue
            until = arrival or _end(trace, request)
            if until is None:
                continue
            waited = measured(f"piece of {request.name}", report, until, limits.passed_on_s)
            if not within(waited):
                because = (
                    f"A piece of {request.name!r} was {'' if arrival else 'not '}passed on in {waited.value_s:.2f} s."
                )
                return too_late(trace, limits, because, signal, report, until, measures=(*times, waited))
            if arrival is not None:
                times.append(waited)
                evidence += [report, arrival]
    if not times:
        return cannot_tell("No piece that a handler sent in the drain was seen to arrive.")
    worst = max(time.value_s for time in times)
    return kept(f"Pieces arrived within {worst:.2f} s.", *evidence, measured=tuple(times))


def _pieces(trace: Trace, request: RequestView) -> list[tuple[HandlerReported, BodyReceived | None]]:
    """Return each report that a piece was sent, with the part of the body that completed that piece."""
    arrivals = trace.all(BodyReceived(request.name))
    pieces, sent = [], 0
    for report in trace.all(HandlerReported(request.name)):
        if report.report.startswith("sent "):
            sent += int(report.report.split()[1])
            pieces.append((report, _arrival_of(arrivals, sent)))
    return pieces


def _arrival_of(arrivals: list[BodyReceived], length: int) -> BodyReceived | None:
    """Return the part of the body with which at least this many bytes had arrived."""
    so_far = 0
    for arrival in arrivals:
        so_far += arrival.length
        if so_far >= length:
            return arrival
    return None


def _end(trace: Trace, request: RequestView) -> Event | None:
    """Return the event that ended the response before that piece arrived."""
    endings = [connection.ended for connection in connections(trace) if connection.name == request.connection]
    ends: list[Event] = [end for end in (request.over, *endings) if end is not None]
    return min(ends, key=lambda event: event.end_ns, default=None)
