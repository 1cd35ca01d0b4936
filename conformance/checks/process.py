"""The process as its supervisor sees it: further signals, and a successor on the same port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names, never_came, seconds, too_late, within
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import Event, precedes
from lastcall.conformance.model.server_events import (
    ListenerClosed,
    ServerExited,
    SignalSent,
    SuccessorFailed,
    SuccessorReady,
    SuccessorStarted,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import OK, Fate, RequestView, connections, exited, fate, in_flight, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import ConnectionView

_NOT_ONCE_MORE = cannot_tell("No second signal was sent while the server ran.")


def _further(trace: Trace, purpose: str) -> SignalSent | None:
    """Return a further signal; None if the server had certainly exited before it."""
    signal = trace.first(SignalSent(purpose=purpose))
    dead = signal is not None and any(precedes(end, signal) for end in trace.of(ServerExited))
    return None if dead or shutdown(trace) is None else signal


def _carrier(trace: Trace, request: RequestView) -> ConnectionView | None:
    return next((connection for connection in connections(trace) if connection.name == request.connection), None)


def _still_in_flight(trace: Trace, moment: Event) -> list[RequestView]:
    """Return the requests in flight at the shutdown that were not over at a later moment either."""
    gone = {connection.name for connection in connections(trace) if connection.over_before(moment)}
    return [r for r in in_flight(trace) if not r.over_before(moment) and r.connection not in gone]


# --- further signals ---------------------------------------------------------------------------------------------


@check(clauses.IN_FLIGHT, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, needs_gate=True)
def first_signal_alone_cuts_nothing(trace: Trace, limits: Limits) -> Judgement:
    """The graceful signal alone cuts no request in flight: that takes a second signal.

    Otherwise nothing is left that a second signal could force.
    """
    signal, drain_s = shutdown(trace), trace.play.drain_s
    if signal is None:
        return NO_SHUTDOWN
    subjects = [request for request in in_flight(trace) if not _ended_by_us(trace, request)]
    if not subjects:
        return cannot_tell("No request was in its handler at the graceful signal.")
    further = _further(trace, "again") or _further(trace, "force")
    for request in subjects:
        cut = _first_cut(trace, request)
        if cut is None or (further is not None and not precedes(cut, further)) or _released_before(request, cut):
            continue
        if drain_s is None or _after(signal, cut) < drain_s - limits.drain_early_s:
            because = f"Request {request.name!r} was cut {_after(signal, cut):.2f} s after the graceful signal alone."
            return broken(because, signal, cut)
    if further is None:
        return cannot_tell("No second signal was sent while the server ran.")
    return kept(f"{names(subjects)} stood until the second signal.", signal, further)


def _first_cut(trace: Trace, request: RequestView) -> Event | None:
    connection = _carrier(trace, request)
    ended = connection.ended if connection is not None else None
    ends: list[Event] = [end for end in (request.over, request.cut, ended) if end is not None]
    return min(ends, key=lambda event: event.end_ns, default=None)


def _after(signal: Event, event: Event) -> float:
    return max(0.0, seconds(event.end_ns - signal.begin_ns))


def _released_before(request: RequestView, cut: Event) -> bool:
    return request.released is not None and not precedes(cut, request.released)


def _ended_by_us(trace: Trace, request: RequestView) -> bool:
    connection = _carrier(trace, request)
    return connection is not None and connection.ended_by_us()


@check(clauses.INCOMPLETE_VISIBLE, level=Level.PROMISE, impact=Impact.MISLEADS_CLIENTS, needs_gate=True)
def second_signal_makes_no_false_success(trace: Trace, _limits: Limits) -> Judgement:
    """After a second graceful signal the server goes on draining or ends by force; a response that it cuts looks cut.

    Which of the two is the server's choice. If a handler is cut off while its client sees a whole 200, the loss stays
    hidden.
    """
    again = _further(trace, "again")
    if again is None:
        return _NOT_ONCE_MORE
    subjects = _still_in_flight(trace, again)
    if not subjects:
        return cannot_tell("No request was in flight at the second signal.")
    for request in subjects:
        if request.ended is not None and request.status == OK and _ended_before_its_handler(request):
            because = (
                f"The response to {request.name!r} ended as a whole one ({request.ended.framing}), its handler did not."
            )
            return broken(because, again, request.ended, *(event for event in (request.cut, request.released) if event))
    carriers = {request.name: _carrier(trace, request) for request in subjects}
    endings = {r.name: r.over or ((connection := carriers[r.name]) and connection.ended) for r in subjects}
    undecided = [request for request in subjects if endings[request.name] is None]
    if undecided:
        return cannot_tell(f"{names(undecided)} had not ended when the play was over.", again)
    return kept(f"{_fates(trace, subjects)}.", again, *(end for end in endings.values() if end))


def _ended_before_its_handler(request: RequestView) -> bool:
    """Return whether a response certainly ended before its handler was released, or without a release."""
    if request.finished is not None or request.ended is None:
        return False
    return request.released is None or precedes(request.ended, request.released)


def _fates(trace: Trace, subjects: list[RequestView]) -> str:
    # An error status shows that the handler was cut: it is an answer, but not the handler's.
    fates = [
        (request.name, f"answered with {request.status}" if request.ended and request.status != OK else became)
        for request in subjects
        for became in (fate(trace, request),)
    ]
    return "; ".join(f"{name!r} was {became}" for name, became in fates)


@check(clauses.FURTHER_SIGNAL, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def effect_of_a_second_signal(trace: Trace, _limits: Limits) -> Judgement:
    """What a second graceful signal does: nothing more, or it ends the drain by force."""
    again = _further(trace, "again")
    if again is None:
        return _NOT_ONCE_MORE
    subjects = _still_in_flight(trace, again)
    if not subjects:
        return cannot_tell("No request was in flight at the second signal.")
    served = all(fate(trace, request) is Fate.SERVED and request.status == OK for request in subjects)
    did = "It went on draining" if served else "It did not go on draining"
    end = exited(trace)
    if end is None:
        return observed(f"{did} ({_fates(trace, subjects)}), and did not exit by itself.", again)
    took = measured("exit after the second signal", again, end)
    how = f"and exited with status {end.status} {took.value_s:.2f} s after the second signal"
    return observed(f"{did} ({_fates(trace, subjects)}), {how}.", again, end, measured=(took,))


@check(clauses.FURTHER_SIGNAL, level=Level.PROMISE, impact=Impact.HANGS, needs_gate=True)
def forcing_signal_ends_the_server(trace: Trace, limits: Limits) -> Judgement:
    """The signal that is documented to force the end does so, whatever is in flight, long before the drain timeout.

    It is an operator's last means before SIGKILL.
    """
    signal, force, drain_s = shutdown(trace), _further(trace, "force"), trace.play.drain_s
    if signal is None or force is None:
        return cannot_tell("The server was not sent the forcing signal while it ran.")
    held = [request for request in _still_in_flight(trace, force) if request.released is None]
    if not held:
        return cannot_tell("No handler was held when the forcing signal was sent.")
    end = exited(trace)
    if end is None:
        because = "The server had not exited after the forcing signal."
        return never_came(trace, limits, because, force, limits.forced_end_s)
    took = measured("exit after the forcing signal", force, end, limits.forced_end_s)
    if not within(took):
        because = f"The server exited {took.value_s:.2f} s after the forcing signal."
        return too_late(trace, limits, because, force, end, measures=(took,))
    if drain_s is not None and seconds(end.end_ns - signal.begin_ns) >= drain_s - limits.drain_early_s:
        return cannot_tell(
            "The server exited when its drain timeout was over, so the signal need not have done it.", end
        )
    return kept(f"The server exited {took.value_s:.2f} s after the forcing signal.", force, end, measured=(took,))


# --- a successor -------------------------------------------------------------------------------------------------


@check(clauses.PORT_HANDED_OVER, level=Level.PROMISE, impact=Impact.HANGS)
def successor_serves_during_the_drain(trace: Trace, limits: Limits) -> Judgement:
    """After the server has closed its listener, a successor can listen on its port and serve while the old one drains.

    Otherwise a restart is an outage for as long as the slowest request. A server that listens until its end is not
    judged: its successor has to wait, or to share the port.
    """
    doubt = _why_no_handover(trace)
    if doubt:
        return cannot_tell(doubt, *trace.of(SuccessorStarted))
    closed, started = trace.of(ListenerClosed)[0], trace.of(SuccessorStarted)[0]
    failed = next(iter(trace.of(SuccessorFailed)), None)
    if failed is not None:
        because = f"The listener was closed, and still no successor came to serve: {failed.reason.rstrip('.')}."
        return too_late(trace, limits, because, closed, started, failed)
    ready = next(iter(trace.of(SuccessorReady)), None)
    if ready is None or any(precedes(end, ready) for end in trace.of(ServerExited)):
        return cannot_tell("Whether the successor came to serve before the server's exit is not known.", started)
    took = measured("successor ready", started, ready)
    return kept(f"A successor served {took.value_s:.2f} s after its start.", closed, ready, measured=(took,))


def _why_no_handover(trace: Trace) -> str:
    """Return why a successor's fate says nothing about the drain; an empty text if it does."""
    started = next(iter(trace.of(SuccessorStarted)), None)
    if shutdown(trace) is None or started is None:
        return "No successor was started after the shutdown signal."
    if not any(precedes(closed, started) for closed in trace.of(ListenerClosed)[:1]):
        return "The server still listened when the successor was started."
    if any(precedes(end, started) for end in trace.of(ServerExited)):
        return "The server had exited before the successor was started."
    return ""
