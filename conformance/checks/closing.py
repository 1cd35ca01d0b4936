"""Connections: whether the server closes them when no request needs them any more, and in order."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import (
    NO_SHUTDOWN,
    busy_connections,
    measured,
    names,
    never_came,
    too_late,
    within,
)
from lastcall.conformance.checks.serving import in_flight_requests_are_served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import OVER_TLS
from lastcall.conformance.model.server_events import ListenerClosed, OrphansFound
from lastcall.conformance.model.verdict import Impact, Judgement, Level, Measured, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import ConnectionView, Fate, connections, exited, fate, shutdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import SignalSent
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import RequestView


def _closed_promptly(trace: Trace, limits: Limits, signal: SignalSent, subjects: Sequence[ConnectionView]) -> Judgement:
    """Judge whether the server closed these connections within the limit for idle ones."""
    times: list[Measured] = []
    for connection in subjects:
        ended = connection.ended
        if ended is None:
            because = f"{connection.name!r} was still open when the play was over."
            return never_came(trace, limits, because, signal, limits.idle_close_s, measures=times)
        times.append(measured(f"close of {connection.name}", signal, ended, limits.idle_close_s))
        if not within(times[-1]):
            because = f"{connection.name!r} was closed {times[-1].value_s:.2f} s after the signal."
            return too_late(trace, limits, because, signal, ended, measures=times)
    worst = max(time.value_s for time in times)
    endings = [connection.ended for connection in subjects if connection.ended]
    return kept(f"{names(subjects)} closed within {worst:.2f} s.", signal, *endings, measured=tuple(times))


@check(clauses.ENDS_IN_TIME, level=Level.SHOULD, impact=Impact.HANGS)
def idle_connections_close_promptly(trace: Trace, limits: Limits) -> Judgement:
    """A connection whose requests are all finished is closed soon after the signal: no response is due on it."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    idle = [
        connection for connection in connections(trace) if connection.used_before(signal) and connection.idle_at(signal)
    ]
    subjects = [connection for connection in idle if not connection.ended_by_us()]
    if not subjects:
        return cannot_tell("No connection was idle when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


@check(clauses.ENDS_IN_TIME, level=Level.SHOULD, impact=Impact.HANGS)
def unused_connections_close_promptly(trace: Trace, limits: Limits) -> Judgement:
    """A connection on which no request was ever sent (only a preface or a handshake) is closed soon after the signal."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    unused = [connection for connection in connections(trace) if _unused(connection, signal)]
    subjects = [connection for connection in unused if not connection.silent and not connection.noise]
    if not subjects:
        return cannot_tell("No unused connection stood when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


@check(clauses.ENDS_IN_TIME, level=Level.SHOULD, impact=Impact.HANGS)
def silent_connections_close_promptly(trace: Trace, limits: Limits) -> Judgement:
    """A connection on which the client has sent no byte is closed soon after the signal.

    A server that counts it as busy waits for it: a port scanner or a load balancer's spare connection then delays every
    restart (golang/go#22682).
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    silent = [connection for connection in connections(trace) if _unused(connection, signal) and connection.silent]
    # With TCP_DEFER_ACCEPT (tcp(7)) the kernel does not pass a connection without data to the server, so the server cannot
    # close it. A connection that outlives every process of the server was of that kind.
    subjects = [connection for connection in silent if connection.ended or not _all_gone(trace)]
    if not subjects:
        return cannot_tell("No silent connection that the server had accepted stood when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


def _unused(connection: ConnectionView, signal: SignalSent) -> bool:
    return connection.open_at(signal) and not connection.requests and not connection.ended_by_us()


def _all_gone(trace: Trace) -> bool:
    return exited(trace) is not None and not trace.of(OrphansFound)


@check(
    clauses.ENDS_IN_TIME,
    level=Level.SHOULD,
    impact=Impact.HANGS,
    blocked_by=(in_flight_requests_are_served,),
    needs_gate=True,
)
def busy_connections_close_after_their_last_response(trace: Trace, limits: Limits) -> Judgement:
    """After the last response on a connection the server closes it, within the limit, without waiting for the client."""
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    endings: list[Event] = []
    for connection, carried in busy_connections(trace):
        unserved = [request for request in carried if not request.ended]
        if unserved or connection.ended_by_us() or any(cut_off(request) for request in connection.requests):
            continue
        last = max((request.over for request in connection.requests if request.over), key=lambda event: event.end_ns)
        if connection.ended is None:
            because = f"{connection.name!r} stayed open after its last response."
            return never_came(trace, limits, because, last, limits.after_response_close_s, measures=times)
        endings += [last, connection.ended]
        times.append(measured(f"close of {connection.name}", last, connection.ended, limits.after_response_close_s))
        if not within(times[-1]):
            because = f"{connection.name!r} was closed {times[-1].value_s:.2f} s after its last response."
            return too_late(trace, limits, because, last, connection.ended, measures=times)
    if not times:
        return cannot_tell("No connection had all its requests in flight answered and was left to the server to close.")
    worst = max(time.value_s for time in times)
    return kept(f"Closed at most {worst:.2f} s after the last response.", *endings, measured=tuple(times))


def cut_off(request: RequestView) -> bool:
    """Return whether a request was processed but its response has no end."""
    return request.over is None and (request.entered is not None or request.started is not None)


@check(clauses.LINGERING_CLOSE, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS)
def connections_end_without_reset(trace: Trace, _limits: Limits) -> Judgement:
    """The server ends its connections with FIN: a reset can destroy a response that the client has not read yet.

    A connection that is cut in the middle of a response does not count: the kernel decides how its client sees the end.
    Nor does a connection on which the client sent nothing: there is nothing to destroy.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    stood = [connection for connection in connections(trace) if connection.open_at(signal) and not connection.silent]
    ended = [connection for connection in stood if connection.ended and not connection.ended_by_us()]
    subjects = [connection for connection in ended if not any(cut_off(request) for request in connection.requests)]
    if not subjects:
        return cannot_tell("The server ended no connection that stood at the shutdown with all its responses sent.")
    resets = [
        connection.reset
        for connection in subjects
        if connection.reset and not connection.fin and not connection.close_notify
    ]
    if resets:
        return broken(f"{resets[0].connection!r} was reset.", *resets)
    return kept(
        f"{names(subjects)} ended in order.", *(connection.ended for connection in subjects if connection.ended)
    )


@check(
    clauses.CLOSE_NOTIFY,
    level=Level.MUST,
    impact=Impact.MANNERS,
    blocked_by=(in_flight_requests_are_served,),
    over=OVER_TLS,
)
def close_notify_precedes_fin(trace: Trace, _limits: Limits) -> Judgement:
    """Over TLS the server sends close_notify before its FIN, so that the client cannot take the end for a truncation."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = [
        connection
        for connection in connections(trace)
        if connection.tls and connection.open_at(signal) and not connection.ended_by_us()
    ]
    subjects = [connection for connection in closed if connection.close_notify or connection.fin]
    if not subjects:
        return cannot_tell("The server closed no TLS connection by FIN or close_notify.")
    truncated = [connection for connection in subjects if connection.close_notify is None]
    if truncated:
        return broken(f"FIN without close_notify on {names(truncated)}.", *(s.fin for s in truncated if s.fin))
    return kept(f"close_notify came on {names(subjects)}.", *(s.close_notify for s in subjects if s.close_notify))


@check(clauses.REFUSE_CLEARLY, level=Level.OBSERVE, impact=Impact.MANNERS)
def listener_closes(trace: Trace, _limits: Limits) -> Judgement:
    """When the listening socket closes: at once (a successor may bind), or only at the exit (no client is refused early)."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = next(iter(trace.of(ListenerClosed)), None)
    if closed is None:
        return cannot_tell("The kernel still listed the port as listened on when the play was over.")
    after = measured("listening socket closed", signal, closed)
    return observed(f"Closed {after.value_s:.2f} s after the signal.", signal, closed, measured=(after,))


def new_connections(trace: Trace, signal: SignalSent) -> list[ConnectionView]:
    """Return the connections that clients attempted after the shutdown signal."""
    attempts = connections(trace)
    return [connection for connection in attempts if precedes(signal, connection.opened or connection.failed or signal)]


@check(clauses.REFUSE_CLEARLY, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def new_connections_meet_a_clear_fate(trace: Trace, limits: Limits) -> Judgement:
    """A client that connects during the drain is served, or soon refused or sent elsewhere (503, GOAWAY, orderly close).

    A connection that is accepted and then reset, or accepted and left without an answer until the exit, has no clear
    fate: the client cannot know whether its request was processed.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = new_connections(trace, signal)
    if not subjects:
        return cannot_tell("No connection was attempted after the shutdown.")
    met = [(connection, *_outcome(trace, connection, limits)) for connection in subjects]
    unclear = [(connection, became, what) for connection, became, what in met if became is not Clarity.CLEAR]
    for connection, became, what in sorted(unclear, key=lambda entry: entry[1] is Clarity.LATE):
        because = f"{connection.name!r} {what}."
        evidence = [signal, *_events_of(connection)]
        return too_late(trace, limits, because, *evidence) if became is Clarity.LATE else broken(because, *evidence)
    summary = "; ".join(f"{connection.name!r} {what}" for connection, _became, what in met)
    return kept(f"{summary}.", signal, *(event for connection in subjects for event in _events_of(connection)))


class Clarity(enum.Enum):
    """How clearly a new client knows in the end what became of its request."""

    CLEAR = enum.auto()
    UNCLEAR = enum.auto()
    LATE = enum.auto()
    """No answer came in time, so the verdict depends on the harness's clock."""


def _events_of(connection: ConnectionView) -> list[Event]:
    answers = [request.over for request in connection.requests]
    events = (
        connection.opened,
        connection.failed,
        connection.tls_failed,
        *connection.goaways,
        *answers,
        connection.ended,
    )
    return [event for event in events if event is not None]


def _outcome(trace: Trace, connection: ConnectionView, limits: Limits) -> tuple[Clarity, str]:
    """Return how clear the fate of a new connection is, and what happened to it."""
    if connection.failed is not None:
        clear = connection.failed.reason == "refused"
        return Clarity.CLEAR if clear else Clarity.UNCLEAR, f"was not connected ({connection.failed.reason})"
    fates = {fate(trace, request) for request in connection.requests}
    if fates == {Fate.SERVED}:
        return Clarity.CLEAR, f"was answered ({', '.join(str(request.status) for request in connection.requests)})"
    if fates & {Fate.LOST, Fate.CUT, Fate.HELD}:
        return Clarity.UNCLEAR, "had its request processed and got no whole response"
    if fates and fates <= {Fate.SERVED, Fate.REFUSED}:
        return _in_time(
            connection, [_refusal(request, connection) for request in connection.requests], limits, "was refused"
        )
    if connection.reset is not None and not connection.close_notify and not connection.fin:
        return Clarity.UNCLEAR, "was accepted and then reset"
    return _in_time(connection, [connection.ended], limits, "was closed in order")


def _refusal(request: RequestView, connection: ConnectionView) -> Event | None:
    """Return the first event that tells the client that its request was not processed; the end of a request that was served."""
    below = [goaway for goaway in connection.goaways if not goaway.covers(request.sent.stream_id)]
    return request.over or min(below, key=lambda event: event.end_ns, default=None)


def _in_time(connection: ConnectionView, answers: list[Event | None], limits: Limits, how: str) -> tuple[Clarity, str]:
    known = [event for event in answers if event is not None]
    if not known or connection.opened is None:
        return Clarity.LATE, "was accepted and left without an answer"
    waited = measured("", connection.opened, max(known, key=lambda event: event.end_ns))
    if waited.value_s > limits.new_connection_s:
        return Clarity.LATE, f"was accepted and left without an answer for {waited.value_s:.2f} s"
    return Clarity.CLEAR, how


@check(clauses.REFUSE_CLEARLY, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def fate_of_new_connections(trace: Trace, limits: Limits) -> Judgement:
    """What happens to clients that connect during the drain."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = new_connections(trace, signal)
    if not subjects:
        return cannot_tell("No connection was attempted after the shutdown.")
    return observed(
        "; ".join(f"{connection.name!r} {_outcome(trace, connection, limits)[1]}" for connection in subjects) + "."
    )
