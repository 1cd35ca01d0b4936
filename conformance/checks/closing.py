"""Connections: whether they end when nothing holds them any more, and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conformance import clauses
from conformance.checks.evidence import NO_SHUTDOWN, busy_connections, measured, names, too_late, within
from conformance.checks.serving import in_flight_requests_are_served
from conformance.scenario import check
from conformance.server import Protocol
from conformance.story import ConnectionStory, connections, shutdown
from conformance.trace import ListenerClosed, precedes
from conformance.verdict import Finding, Measured, broken, cannot_tell, kept, observed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conformance.limits import Limits
    from conformance.trace import SignalSent, Trace


TLS = (Protocol.H1_TLS, Protocol.H2)


def _closed_promptly(trace: Trace, limits: Limits, signal: SignalSent, subjects: Sequence[ConnectionStory]) -> Finding:
    """Judge whether the server closed these connections within the limit for idle ones."""
    times: list[Measured] = []
    for story in subjects:
        ended = story.ended
        if ended is None:
            because = f"{story.name!r} was still open when the play was over."
            return too_late(trace, limits, because, signal, measures=times)
        times.append(measured(f"close of {story.name}", signal, ended, limits.idle_close_s))
        if not within(times[-1]):
            because = f"{story.name!r} was closed {times[-1].value_s:.2f} s after the signal."
            return too_late(trace, limits, because, signal, ended, measures=times)
    worst = max(time.value_s for time in times)
    endings = [story.ended for story in subjects if story.ended]
    return kept(f"{names(subjects)} closed within {worst:.2f} s.", signal, *endings, measured=tuple(times))


@check(clauses.ENDS_IN_TIME)
def idle_connections_close_promptly(trace: Trace, limits: Limits) -> Finding:
    """A connection that has finished all its requests is closed soon after the signal: nobody is owed anything on it."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    idle = [story for story in connections(trace) if story.used_before(signal) and story.idle_at(signal)]
    subjects = [story for story in idle if not story.ended_by_us()]
    if not subjects:
        return cannot_tell("No connection was idle when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


@check(clauses.ENDS_IN_TIME)
def unused_connections_close_promptly(trace: Trace, limits: Limits) -> Finding:
    """A connection on which no request was ever sent (only a preface or a handshake) is closed soon after the signal."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = [story for story in connections(trace) if _unused(story, signal) and not story.silent]
    if not subjects:
        return cannot_tell("No unused connection stood when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


@check(clauses.ENDS_IN_TIME)
def silent_connections_close_promptly(trace: Trace, limits: Limits) -> Finding:
    """A connection on which not one byte was sent is closed soon after the signal.

    A server that counts it as busy waits for it: a port scanner or a load balancer's spare connection then delays
    every restart (golang/go#22682).
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = [story for story in connections(trace) if _unused(story, signal) and story.silent]
    if not subjects:
        return cannot_tell("No silent connection stood when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


def _unused(story: ConnectionStory, signal: SignalSent) -> bool:
    return story.open_at(signal) and not story.used_before(signal) and not story.ended_by_us()


@check(clauses.ENDS_IN_TIME, in_flight_requests_are_served)
def busy_connections_close_after_their_last_response(trace: Trace, limits: Limits) -> Finding:
    """After its last response a connection is closed by the server, within the limit, without waiting for the client."""
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    for story, carried in busy_connections(trace):
        ends = [request.ended for request in carried if request.ended]
        if len(ends) < len(carried) or story.ended_by_us():
            continue
        last = max(ends, key=lambda event: event.end_ns)
        if story.ended is None:
            because = f"{story.name!r} stayed open after its last response."
            return too_late(trace, limits, because, last, measures=times)
        times.append(measured(f"close of {story.name}", last, story.ended, limits.after_response_close_s))
        if not within(times[-1]):
            because = f"{story.name!r} was closed {times[-1].value_s:.2f} s after its last response."
            return too_late(trace, limits, because, last, story.ended, measures=times)
    if not times:
        return cannot_tell("No connection had all its requests in flight answered and was left to the server to close.")
    worst = max(time.value_s for time in times)
    return kept(f"Closed at most {worst:.2f} s after the last response.", measured=tuple(times))


@check(clauses.LINGERING_CLOSE)
def connections_end_without_reset(trace: Trace, _limits: Limits) -> Finding:
    """The server ends its connections with FIN and not with a reset, which can destroy a response not yet read."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = [story for story in connections(trace) if story.open_at(signal) and story.ended]
    if not subjects:
        return cannot_tell("The server ended no connection that stood at the shutdown.")
    resets = [story.reset for story in subjects if story.reset and not story.fin and not story.close_notify]
    if resets:
        return broken(f"{resets[0].connection!r} was reset.", *resets)
    return kept(f"{names(subjects)} ended in order.", *(story.ended for story in subjects if story.ended))


@check(clauses.CLOSE_NOTIFY, in_flight_requests_are_served, over=TLS)
def close_notify_precedes_fin(trace: Trace, _limits: Limits) -> Finding:
    """Over TLS the server sends close_notify before its FIN, so that an end cannot be mistaken for a truncation."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = [story for story in connections(trace) if story.tls and story.open_at(signal) and not story.ended_by_us()]
    subjects = [story for story in closed if story.close_notify or story.fin]
    if not subjects:
        return cannot_tell("The server closed no TLS connection by FIN or close_notify.")
    truncated = [story for story in subjects if story.close_notify is None]
    if truncated:
        return broken(f"FIN without close_notify on {names(truncated)}.", *(s.fin for s in truncated if s.fin))
    return kept(f"close_notify came on {names(subjects)}.", *(s.close_notify for s in subjects if s.close_notify))


@check(clauses.REFUSE_CLEARLY)
def listener_closes(trace: Trace, _limits: Limits) -> Finding:
    """When the listening socket closes: at once (a successor may bind), or only at the exit (nobody is refused early)."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = next(iter(trace.of(ListenerClosed)), None)
    if closed is None:
        return cannot_tell("The kernel still listed the port as listened on when the play was over.")
    after = measured("listening socket closed", signal, closed)
    return observed(f"Closed {after.value_s:.2f} s after the signal.", signal, closed, measured=(after,))


def new_connections(trace: Trace, signal: SignalSent) -> list[ConnectionStory]:
    """Give the connections that were attempted after the shutdown had been sent."""
    stories = connections(trace)
    return [story for story in stories if precedes(signal, story.opened or story.failed or signal)]


@check(clauses.REFUSE_CLEARLY)
def new_connections_meet_a_clear_fate(trace: Trace, limits: Limits) -> Finding:
    """Whoever connects during the drain is refused, served, or told to go (503, GOAWAY, an orderly close), and soon.

    Being accepted and then reset, or accepted and left without an answer until the exit, are no clear fates: the
    client cannot know whether its request was processed.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = new_connections(trace, signal)
    if not subjects:
        return cannot_tell("No connection was attempted after the shutdown.")
    fates = [_newcomer(story, limits) for story in subjects]
    for story, (clear, fate) in zip(subjects, fates, strict=True):
        if not clear:
            evidence = [event for event in (story.opened, story.ended, story.tls_failed) if event]
            return too_late(trace, limits, f"{story.name!r} {fate}.", signal, *evidence)
    return kept(
        "; ".join(f"{story.name!r} {fate}" for story, (_clear, fate) in zip(subjects, fates, strict=True)) + "."
    )


def _newcomer(story: ConnectionStory, limits: Limits) -> tuple[bool, str]:
    """Tell a newcomer's fate, and whether it is a clear one."""
    if story.failed is not None:
        return story.failed.reason == "refused", f"was not connected ({story.failed.reason})"
    if story.requests and all(request.ended for request in story.requests):
        return True, f"was answered ({', '.join(str(request.status) for request in story.requests)})"
    if any(request.entered for request in story.requests):
        return False, "had its request processed and got no response"
    if story.reset is not None and not story.close_notify and not story.fin:
        return False, "was accepted and then reset"
    if story.ended is None or story.opened is None:
        return False, "was accepted and left without an answer"
    waited = measured("", story.opened, story.ended)
    if waited.value_s > limits.new_connection_s:
        return False, f"was accepted and left without an answer for {waited.value_s:.2f} s"
    return True, "was told by GOAWAY" if story.goaways else "was closed in order, unprocessed"


@check(clauses.REFUSE_CLEARLY)
def fate_of_new_connections(trace: Trace, limits: Limits) -> Finding:
    """What somebody meets who connects during the drain."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = new_connections(trace, signal)
    if not subjects:
        return cannot_tell("No connection was attempted after the shutdown.")
    return observed("; ".join(f"{story.name!r} {_newcomer(story, limits)[1]}" for story in subjects) + ".")
