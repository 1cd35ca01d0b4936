"""The time right after the signal: which new connections are served, and what a readiness probe gets."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lastcall.conformance.checks.closing import new_connections
from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names, seconds
from lastcall.conformance.checks.serving import served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import ConnectionFailed, ConnectionOpened
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import ConnectionView, requests, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace

_NOBODY_CAME = cannot_tell("Nobody connected after the signal.")


@check(clauses.LAME_DUCK, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def newcomers_are_served_in_the_lame_duck(trace: Trace, limits: Limits) -> Judgement:
    """New connections during the lame-duck period are served normally.

    The last part of the period does not count: rounding and coarse timers are no breach.
    """
    signal, lame_duck_s = shutdown(trace), trace.play.lame_duck_s
    if signal is None:
        return NO_SHUTDOWN
    until_ns = signal.begin_ns + int((lame_duck_s - limits.drain_early_s) * 1e9)
    came = [connection for connection in new_connections(trace, signal) if _came(connection).end_ns < until_ns]
    if lame_duck_s <= 0 or not came:
        return cannot_tell("Nobody came in a time in which the server was told to go on accepting.")
    for connection in came:
        if connection.failed is not None:
            reason, after_s = connection.failed.reason, seconds(connection.failed.begin_ns - signal.end_ns)
            because = f"{connection.name!r} was not connected ({reason}), {max(0.0, after_s):.2f} s after the signal."
            return broken(because, signal, connection.failed)
    sent = [request for request in requests(trace) if precedes(signal, request.sent) and request.sent.end_ns < until_ns]
    # A request on an older connection may cross the close of that connection, so only new connections are judged.
    own = [request for request in sent if request.connection in {connection.name for connection in came}]
    lost = [request for request in own if not served(request)]
    if lost:
        ends = [event for event in (lost[0].sent, lost[0].entered, lost[0].over) if event]
        return broken(f"{names(lost)} came within the {lame_duck_s:g} s and were not served.", signal, *ends)
    if not own:
        return cannot_tell("Nobody sent a request in a time in which the server was told to go on accepting.")
    return kept(f"{len(own)} newcomers were served within the {lame_duck_s:g} s.", signal, own[-1].sent)


def _came(connection: ConnectionView) -> ConnectionOpened | ConnectionFailed:
    """Return the event at which a connection was opened or failed; every connection was attempted."""
    return connection.opened or connection.failed or ConnectionFailed(connection.name)


@check(clauses.REFUSE_CLEARLY, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def newcomers_after_the_signal(trace: Trace, _limits: Limits) -> Judgement:
    """What clients meet that connect one after another after the signal: how long they are served, and what comes then."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    came = sorted(new_connections(trace, signal), key=lambda connection: _came(connection).end_ns)
    if not came:
        return _NOBODY_CAME
    met = [(_met(connection), measured("", signal, _came(connection)).value_s) for connection in came]
    changes = [met[0], *(now for before, now in itertools.pairwise(met) if before[0] != now[0])]
    summary = "; ".join(f"from {at_s:.2f} s on {what}" for what, at_s in changes[:6])
    return observed(f"{summary[0].upper()}{summary[1:]}, to {met[-1][1]:.2f} s.", signal)


def _met(connection: ConnectionView) -> str:
    if connection.failed is not None:
        return connection.failed.reason
    answered = [request.status for request in connection.requests if request.ended]
    if answered:
        return f"answered with {answered[0]}"
    return (
        "reset" if connection.reset else "closed without an answer" if connection.ended else "accepted and not answered"
    )


@check(clauses.LAME_DUCK, level=Level.OBSERVE, impact=Impact.MISLEADS_CLIENTS)
def readiness_after_the_signal(trace: Trace, _limits: Limits) -> Judgement:
    """What a readiness probe gets after the signal, while the server still accepts."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    probes = [
        request for request in requests(trace) if request.sent.target == "/ready" and precedes(signal, request.sent)
    ]
    if not probes:
        return cannot_tell("Nobody asked whether the server is ready after the signal.")
    heads: list[Event] = [request.started for request in probes if request.started]
    answers = ", ".join(str(request.status) for request in probes if request.started) or "nothing"
    return observed(f"It was answered with {answers}.", signal, *heads)
