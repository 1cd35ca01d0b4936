"""Handshakes: whether a connection that begins its handshake after the signal is left without an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, never_came, too_late, within
from lastcall.conformance.checks.serving import in_flight_requests_are_served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    BytesSent,
    FrameSent,
    TlsEstablished,
    TlsFailed,
)
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, cannot_tell, kept
from lastcall.conformance.model.views import connections, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import SignalSent
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import ConnectionView


def _silent_at(trace: Trace, connection: ConnectionView, signal: SignalSent) -> bool:
    """Return whether a connection stood at the signal and no byte had been sent on it."""
    said = trace.of(BytesSent, FrameSent, TlsEstablished, TlsFailed)
    own = (event for event in said if getattr(event, "connection", "") == connection.name)
    return connection.open_at(signal) and not any(event.begin_ns < signal.end_ns for event in own)


@check(
    clauses.REFUSE_CLEARLY,
    level=Level.PROMISE,
    impact=Impact.HANGS,
    blocked_by=(in_flight_requests_are_served,),
    decisive=True,
)
def late_handshakes_meet_a_clear_fate(trace: Trace, limits: Limits) -> Judgement:
    """A connection that is silent at the signal and begins its handshake later is closed, gets GOAWAY, or is served.

    A connection that stays open without an answer holds its client, and a server that waits for it holds the shutdown
    (golang/go#81153).
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    met: list[Event] = []
    for connection in (connection for connection in connections(trace) if _silent_at(trace, connection, signal)):
        ends = (*connection.goaways, connection.ended, *(request.over for request in connection.requests))
        known = min((event for event in ends if event), key=lambda event: event.end_ns, default=None)
        spoke = _first_message(trace, connection) or (signal if connection.tls_failed else None)
        if known is not None:
            met.append(known)
            times.append(measured(f"fate of {connection.name}", spoke or known, known, limits.new_connection_s))
            if not within(times[-1]):
                because = (
                    f"{connection.name!r} spoke during the drain, and had no answer for {times[-1].value_s:.2f} s."
                )
                return too_late(trace, limits, because, *([spoke] if spoke else []), known, measures=times)
        elif spoke is not None:
            because = f"{connection.name!r} spoke during the drain, and was neither closed nor told nor served."
            return never_came(trace, limits, because, spoke, limits.new_connection_s, measures=times)
    if not met:
        return cannot_tell("No connection that was silent at the signal spoke after it, or was closed.")
    because = "Every connection that was silent at the signal was closed, told or served."
    return kept(because, *met, measured=tuple(times))


def _first_message(trace: Trace, connection: ConnectionView) -> Event | None:
    said = trace.of(FrameSent, TlsEstablished)
    own = (event for event in said if getattr(event, "connection", "") == connection.name)
    return min(own, key=lambda event: event.end_ns, default=None)
