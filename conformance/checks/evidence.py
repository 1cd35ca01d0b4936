"""What checks need before they can judge: the shutdown signal, its subjects, and a clock that can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.model.client_events import (
    ABANDONED,
    ConnectionEnded,
    FrameSent,
    GoawayReceived,
)
from lastcall.conformance.model.event import Event, precedes
from lastcall.conformance.model.server_events import (
    LagMeasured,
    ServerKilled,
    SignalSent,
)
from lastcall.conformance.model.verdict import Judgement, Measured, broken, cannot_tell
from lastcall.conformance.model.views import ConnectionView, RequestView, connections, in_flight

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace

_WAIT_TOLERANCE_S = 0.1
"""A harness that waits for a limit may stop waiting this much early: the signal's own span, and timers."""

NO_SHUTDOWN = cannot_tell("The server was not sent its shutdown signal while it ran.")


def seconds(nanoseconds: int) -> float:
    """Return nanoseconds as seconds."""
    return nanoseconds / 1e9


def measured(what: str, since: Event, until: Event, limit_s: float | None = None) -> Measured:
    """Return the time between two events, in the server's favour: the shortest time that their spans allow."""
    return Measured(what, max(0.0, seconds(until.begin_ns - since.end_ns)), limit_s)


def within(duration: Measured) -> bool:
    """Return whether a duration keeps its limit."""
    return duration.limit_s is None or duration.value_s <= duration.limit_s


def too_late(
    trace: Trace, limits: Limits, because: str, *events: Event, measures: Iterable[Measured] = ()
) -> Judgement:
    """Return broken for a limit that was not kept, or cannot tell when the harness's own clock lagged too much."""
    worst_ns = max((event.worst_ns for event in trace.of(LagMeasured)), default=0)
    if seconds(worst_ns) > limits.lag_s:
        doubt = (
            f"{because} But the harness itself was up to {seconds(worst_ns):.2f} s late, so its clock proves nothing."
        )
        return cannot_tell(doubt, *events, measured=tuple(measures))
    return broken(because, *events, measured=tuple(measures))


def never_came(
    trace: Trace, limits: Limits, because: str, since: Event, limit_s: float, *, measures: Iterable[Measured] = ()
) -> Judgement:
    """Return broken for an event that had not come when the play was over, or cannot tell if its limit had not passed."""
    waited = measured("", since, stopped_waiting(trace))
    if waited.value_s < limit_s - _WAIT_TOLERANCE_S:
        doubt = f"{because} But the play was over {waited.value_s:.2f} s later, before the limit of {limit_s:.2f} s."
        return cannot_tell(doubt, since, measured=tuple(measures))
    return too_late(trace, limits, because, since, *trace.of(ServerKilled), measures=measures)


def stopped_waiting(trace: Trace) -> Event:
    """Return the moment from which the harness waited for nothing more: the clients let go, or it killed the server."""
    endings = [*trace.all(ConnectionEnded(how=ABANDONED)), *trace.of(ServerKilled)]
    return min(endings, key=lambda event: event.begin_ns, default=trace.events[-1])


def http2_connections(trace: Trace, signal: SignalSent) -> list[ConnectionView]:
    """Return the connections that stood at the shutdown and on which the client had sent its preface by then."""
    prefaced = {frame.connection for frame in trace.of(FrameSent) if precedes(frame, signal)}
    return [
        connection for connection in connections(trace) if connection.name in prefaced and connection.open_at(signal)
    ]


def shutdown_goaways(connection: ConnectionView, signal: SignalSent) -> list[GoawayReceived]:
    """Return the GOAWAYs that belong to the shutdown: a GOAWAY before the signal had a reason of its own."""
    return [goaway for goaway in connection.goaways if not precedes(goaway, signal)]


def busy_connections(trace: Trace) -> list[tuple[ConnectionView, list[RequestView]]]:
    """Return the connections with requests in flight at the shutdown, each with these requests."""
    flying = in_flight(trace)
    pairs = (
        (connection, [request for request in flying if request.connection == connection.name])
        for connection in connections(trace)
    )
    return [(connection, carried) for connection, carried in pairs if carried]


def names(subjects: Iterable[ConnectionView | RequestView]) -> str:
    """Return the names of connections or requests as text, shortened when there are many."""
    listed = [f"{connection.name!r}" for connection in subjects]
    shown = ", ".join(listed[:5])
    return f"{shown} and {len(listed) - 5} more" if len(listed) > 5 else shown  # noqa: PLR2004
