"""Connections: whether they end when nothing holds them any more, and in order."""

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
    for story in subjects:
        ended = story.ended
        if ended is None:
            because = f"{story.name!r} was still open when the play was over."
            return never_came(trace, limits, because, signal, limits.idle_close_s, measures=times)
        times.append(measured(f"close of {story.name}", signal, ended, limits.idle_close_s))
        if not within(times[-1]):
            because = f"{story.name!r} was closed {times[-1].value_s:.2f} s after the signal."
            return too_late(trace, limits, because, signal, ended, measures=times)
    worst = max(time.value_s for time in times)
    endings = [story.ended for story in subjects if story.ended]
    return kept(f"{names(subjects)} closed within {worst:.2f} s.", signal, *endings, measured=tuple(times))


@check(clauses.ENDS_IN_TIME, level=Level.SHOULD, impact=Impact.HANGS)
def idle_connections_close_promptly(trace: Trace, limits: Limits) -> Judgement:
    """A connection that has finished all its requests is closed soon after the signal: nobody is owed anything on it."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    idle = [story for story in connections(trace) if story.used_before(signal) and story.idle_at(signal)]
    subjects = [story for story in idle if not story.ended_by_us()]
    if not subjects:
        return cannot_tell("No connection was idle when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


@check(clauses.ENDS_IN_TIME, level=Level.SHOULD, impact=Impact.HANGS)
def unused_connections_close_promptly(trace: Trace, limits: Limits) -> Judgement:
    """A connection on which no request was ever sent (only a preface or a handshake) is closed soon after the signal."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    unused = [story for story in connections(trace) if _unused(story, signal)]
    subjects = [story for story in unused if not story.silent and not story.noise]
    if not subjects:
        return cannot_tell("No unused connection stood when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


@check(clauses.ENDS_IN_TIME, level=Level.SHOULD, impact=Impact.HANGS)
def silent_connections_close_promptly(trace: Trace, limits: Limits) -> Judgement:
    """A connection on which not one byte was sent is closed soon after the signal.

    A server that counts it as busy waits for it: a port scanner or a load balancer's spare connection then delays
    every restart (golang/go#22682).
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    silent = [story for story in connections(trace) if _unused(story, signal) and story.silent]
    # With TCP_DEFER_ACCEPT (tcp(7)) the kernel keeps a connection without data to itself, and no server can close it. One
    # that outlives every process of the server was of that kind.
    subjects = [story for story in silent if story.ended or not _all_gone(trace)]
    if not subjects:
        return cannot_tell("No silent connection that the server had accepted stood when the shutdown was sent.")
    return _closed_promptly(trace, limits, signal, subjects)


def _unused(story: ConnectionView, signal: SignalSent) -> bool:
    return story.open_at(signal) and not story.requests and not story.ended_by_us()


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
    """After its last response a connection is closed by the server, within the limit, without waiting for the client."""
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    times: list[Measured] = []
    endings: list[Event] = []
    for story, carried in busy_connections(trace):
        unserved = [request for request in carried if not request.ended]
        if unserved or story.ended_by_us() or any(cut_off(request) for request in story.requests):
            continue
        last = max((request.over for request in story.requests if request.over), key=lambda event: event.end_ns)
        if story.ended is None:
            because = f"{story.name!r} stayed open after its last response."
            return never_came(trace, limits, because, last, limits.after_response_close_s, measures=times)
        endings += [last, story.ended]
        times.append(measured(f"close of {story.name}", last, story.ended, limits.after_response_close_s))
        if not within(times[-1]):
            because = f"{story.name!r} was closed {times[-1].value_s:.2f} s after its last response."
            return too_late(trace, limits, because, last, story.ended, measures=times)
    if not times:
        return cannot_tell("No connection had all its requests in flight answered and was left to the server to close.")
    worst = max(time.value_s for time in times)
    return kept(f"Closed at most {worst:.2f} s after the last response.", *endings, measured=tuple(times))


def cut_off(request: RequestView) -> bool:
    """Tell whether a request that had been processed was left without the end of its response."""
    return request.over is None and (request.entered is not None or request.started is not None)


@check(clauses.LINGERING_CLOSE, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS)
def connections_end_without_reset(trace: Trace, _limits: Limits) -> Judgement:
    """The server ends its connections with FIN and not with a reset, which can destroy a response not yet read.

    A connection that is cut in the middle of a response does not count: what its client sees then is the kernel's
    choice. Nor does one on which nothing was sent: there is nothing to destroy.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    stood = [story for story in connections(trace) if story.open_at(signal) and not story.silent]
    ended = [story for story in stood if story.ended and not story.ended_by_us()]
    subjects = [story for story in ended if not any(cut_off(request) for request in story.requests)]
    if not subjects:
        return cannot_tell("The server ended no connection that stood at the shutdown with all its responses sent.")
    resets = [story.reset for story in subjects if story.reset and not story.fin and not story.close_notify]
    if resets:
        return broken(f"{resets[0].connection!r} was reset.", *resets)
    return kept(f"{names(subjects)} ended in order.", *(story.ended for story in subjects if story.ended))


@check(
    clauses.CLOSE_NOTIFY,
    level=Level.MUST,
    impact=Impact.MANNERS,
    blocked_by=(in_flight_requests_are_served,),
    over=OVER_TLS,
)
def close_notify_precedes_fin(trace: Trace, _limits: Limits) -> Judgement:
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


@check(clauses.REFUSE_CLEARLY, level=Level.OBSERVE, impact=Impact.MANNERS)
def listener_closes(trace: Trace, _limits: Limits) -> Judgement:
    """When the listening socket closes: at once (a successor may bind), or only at the exit (nobody is refused early)."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = next(iter(trace.of(ListenerClosed)), None)
    if closed is None:
        return cannot_tell("The kernel still listed the port as listened on when the play was over.")
    after = measured("listening socket closed", signal, closed)
    return observed(f"Closed {after.value_s:.2f} s after the signal.", signal, closed, measured=(after,))


def new_connections(trace: Trace, signal: SignalSent) -> list[ConnectionView]:
    """Give the connections that were attempted after the shutdown had been sent."""
    stories = connections(trace)
    return [story for story in stories if precedes(signal, story.opened or story.failed or signal)]


@check(clauses.REFUSE_CLEARLY, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS)
def new_connections_meet_a_clear_fate(trace: Trace, limits: Limits) -> Judgement:
    """Whoever connects during the drain is served, or soon refused or told to go (503, GOAWAY, an orderly close).

    Being accepted and then reset, or accepted and left without an answer until the exit, are no clear fates: the
    client cannot know whether its request was processed.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = new_connections(trace, signal)
    if not subjects:
        return cannot_tell("No connection was attempted after the shutdown.")
    met = [(story, *_newcomer(trace, story, limits)) for story in subjects]
    unclear = [(story, became, what) for story, became, what in met if became is not Clarity.CLEAR]
    for story, became, what in sorted(unclear, key=lambda each: each[1] is Clarity.LATE):
        because = f"{story.name!r} {what}."
        evidence = [signal, *_of_newcomer(story)]
        return too_late(trace, limits, because, *evidence) if became is Clarity.LATE else broken(because, *evidence)
    told = "; ".join(f"{story.name!r} {what}" for story, _became, what in met)
    return kept(f"{told}.", signal, *(event for story in subjects for event in _of_newcomer(story)))


class Clarity(enum.Enum):
    """What a newcomer knows in the end."""

    CLEAR = enum.auto()
    UNCLEAR = enum.auto()
    LATE = enum.auto()
    """Nothing, for too long; so it hangs on the harness's clock."""


def _of_newcomer(story: ConnectionView) -> list[Event]:
    answers = [request.over for request in story.requests]
    found = (story.opened, story.failed, story.tls_failed, *story.goaways, *answers, story.ended)
    return [event for event in found if event is not None]


def _newcomer(trace: Trace, story: ConnectionView, limits: Limits) -> tuple[Clarity, str]:
    """Tell what a newcomer knows in the end, and what it met."""
    if story.failed is not None:
        clear = story.failed.reason == "refused"
        return Clarity.CLEAR if clear else Clarity.UNCLEAR, f"was not connected ({story.failed.reason})"
    fates = {fate(trace, request) for request in story.requests}
    if fates == {Fate.SERVED}:
        return Clarity.CLEAR, f"was answered ({', '.join(str(request.status) for request in story.requests)})"
    if fates & {Fate.LOST, Fate.CUT, Fate.HELD}:
        return Clarity.UNCLEAR, "had its request processed and got no whole response"
    if fates and fates <= {Fate.SERVED, Fate.REFUSED}:
        return _in_time(story, [_refusal(request, story) for request in story.requests], limits, "was refused")
    if story.reset is not None and not story.close_notify and not story.fin:
        return Clarity.UNCLEAR, "was accepted and then reset"
    return _in_time(story, [story.ended], limits, "was closed in order")


def _refusal(request: RequestView, story: ConnectionView) -> Event | None:
    """Give what first told the client that its request was not processed; or its end, if it was served."""
    below = [goaway for goaway in story.goaways if not goaway.covers(request.sent.stream_id)]
    return request.over or min(below, key=lambda event: event.end_ns, default=None)


def _in_time(story: ConnectionView, told: list[Event | None], limits: Limits, how: str) -> tuple[Clarity, str]:
    known = [event for event in told if event is not None]
    if not known or story.opened is None:
        return Clarity.LATE, "was accepted and left without an answer"
    waited = measured("", story.opened, max(known, key=lambda event: event.end_ns))
    if waited.value_s > limits.new_connection_s:
        return Clarity.LATE, f"was accepted and left without an answer for {waited.value_s:.2f} s"
    return Clarity.CLEAR, how


@check(clauses.REFUSE_CLEARLY, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def fate_of_new_connections(trace: Trace, limits: Limits) -> Judgement:
    """What somebody meets who connects during the drain."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = new_connections(trace, signal)
    if not subjects:
        return cannot_tell("No connection was attempted after the shutdown.")
    return observed("; ".join(f"{story.name!r} {_newcomer(trace, story, limits)[1]}" for story in subjects) + ".")
