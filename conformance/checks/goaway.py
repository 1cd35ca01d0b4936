"""GOAWAY: whether and when the server sends it, and whether its last stream id is true."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from lastcall.conformance.checks.ending import drain_timeout_is_granted_in_full
from lastcall.conformance.checks.evidence import (
    NO_SHUTDOWN,
    busy_connections,
    http2_connections,
    measured,
    names,
    shutdown_goaways,
    too_late,
    within,
)
from lastcall.conformance.checks.serving import in_flight_requests_are_served
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    StreamReset,
    WebSocketAsked,
    WebSocketOpened,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.server_events import HandlerEntered
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept
from lastcall.conformance.model.views import Fate, RequestView, connections, fate, shutdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lastcall.conformance.model.client_events import GoawayReceived
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import ConnectionView

CUT_SHORT = (in_flight_requests_are_served, drain_timeout_is_granted_in_full)
"""When the end is not graceful at all, chance decides which frames still come before it."""
_REFUSED_STREAM = 7
_FEW = 5
"""How many streams are named one by one."""


@check(clauses.GOAWAY_ALWAYS, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS, blocked_by=CUT_SHORT)
def goaway_is_sent(trace: Trace, _limits: Limits) -> Judgement:
    """A connection with requests in flight gets GOAWAY in a shutdown.

    Without it the client goes on opening streams on a connection that is about to end.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    busy = [
        connection
        for connection, _requests in busy_connections(trace)
        if shutdown_goaways(connection, signal) or not _excused(connection)
    ]
    if not busy:
        return cannot_tell(
            "No connection had a request in its handler when the shutdown was sent, and was the server's to end."
        )
    without = [connection for connection in busy if not connection.goaways]
    if without:
        endings = [connection.ended for connection in without if connection.ended]
        return broken(f"No GOAWAY came on {names(without)}, which had requests in flight.", *endings)
    return kept(f"GOAWAY came on {names(busy)}.", *(connection.goaways[0] for connection in busy))


def _excused(connection: ConnectionView) -> bool:
    """Return whether the client had a GOAWAY before the shutdown, or closed the connection itself."""
    return bool(connection.goaways) or connection.ended_by_us()


@check(clauses.GOAWAY_ALWAYS, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS, blocked_by=CUT_SHORT)
def goaway_precedes_close(trace: Trace, _limits: Limits) -> Judgement:
    """Every HTTP/2 connection that the server closes in a shutdown, idle ones included, gets GOAWAY before its end.

    A client that sees only the end must assume that every request it had sent may have been processed.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    closed = [
        connection
        for connection in http2_connections(trace, signal)
        if connection.ended and not connection.ended_by_us()
    ]
    if not closed:
        return cannot_tell("The server closed no HTTP/2 connection while the play lasted.")
    without = [connection for connection in closed if not connection.goaways]
    if without:
        endings = [connection.ended for connection in without if connection.ended]
        return broken(f"The server ended {names(without)} without a GOAWAY.", *endings)
    return kept(f"GOAWAY came before the end of {names(closed)}.", *(connection.goaways[0] for connection in closed))


@check(
    clauses.GOAWAY_NO_ERROR,
    level=Level.PROMISE,
    impact=Impact.MISLEADS_CLIENTS,
    blocked_by=CUT_SHORT,
    decisive=True,
    holds_without_shutdown=True,
)
def goaway_says_no_error(trace: Trace, _limits: Limits) -> Judgement:
    """Every GOAWAY of a graceful shutdown carries NO_ERROR.

    With another code a client reports a failure to its user, and may treat its requests as failed.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    goaways = [
        goaway for connection in http2_connections(trace, signal) for goaway in shutdown_goaways(connection, signal)
    ]
    if not goaways:
        return cannot_tell("No GOAWAY came.")
    wrong = [goaway for goaway in goaways if goaway.error_code != 0]
    if wrong:
        return broken(f"GOAWAY with error code {wrong[0].error_code} on {wrong[0].connection!r}.", *wrong)
    return kept(f"{len(goaways)} GOAWAY, all with NO_ERROR.", *goaways)


@check(clauses.GOAWAY_STREAM_ZERO, level=Level.MUST, impact=Impact.LOSES_REQUESTS, blocked_by=CUT_SHORT, decisive=True)
def goaway_is_on_stream_zero(trace: Trace, _limits: Limits) -> Judgement:
    """GOAWAY is sent on stream 0; on any other, a client must end the connection with an error."""
    goaways = [goaway for connection in connections(trace) for goaway in connection.goaways]
    if not goaways:
        return cannot_tell("No GOAWAY came.")
    wrong = [goaway for goaway in goaways if goaway.stream_id != 0]
    if wrong:
        return broken(f"GOAWAY on stream {wrong[0].stream_id} of {wrong[0].connection!r}.", *wrong)
    return kept("Every GOAWAY came on stream 0.", *goaways)


@check(clauses.GOAWAY_TWO_PHASE, level=Level.SHOULD, impact=Impact.MANNERS, blocked_by=(goaway_is_sent,))
def goaway_is_prompt(trace: Trace, limits: Limits) -> Judgement:
    """The first GOAWAY comes soon after the signal, while requests are still in flight.

    It announces that a shutdown is imminent; a GOAWAY after the last response announces nothing.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    busy = [connection for connection, _requests in busy_connections(trace)]
    firsts = [
        connection.goaways[0]
        for connection in busy
        if connection.goaways and not precedes(connection.goaways[0], signal)
    ]
    if not firsts:
        return cannot_tell("No GOAWAY came on a connection with requests in flight.")
    times = tuple(measured(f"GOAWAY on {first.connection}", signal, first, limits.goaway_s) for first in firsts)
    late = [(first, time) for first, time in zip(firsts, times, strict=True) if not within(time)]
    if late:
        first, time = late[0]
        because = f"The first GOAWAY on {first.connection!r} came {time.value_s:.2f} s after the signal."
        return too_late(trace, limits, because, signal, first, measures=times)
    worst = max(time.value_s for time in times)
    return kept(f"The first GOAWAY came at most {worst:.2f} s after the signal.", signal, *firsts, measured=times)


@check(clauses.GOAWAY_TWO_PHASE, level=Level.SHOULD, impact=Impact.MANNERS, blocked_by=(goaway_is_sent,))
def goaway_comes_in_two_phases(trace: Trace, _limits: Limits) -> Judgement:
    """The first GOAWAY leaves the last stream id open (2^31-1), so that requests already on their way are not lost.

    A server that names the exact id at once is conformant, but the client has to send a request again that crosses this
    GOAWAY on the wire.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    standing = http2_connections(trace, signal)
    firsts = [
        connection.goaways[0]
        for connection in standing
        if connection.goaways and not precedes(connection.goaways[0], signal)
    ]
    if not firsts:
        return cannot_tell("No GOAWAY came.")
    exact = [first for first in firsts if not first.excludes_nothing]
    if exact:
        because = f"The first GOAWAY on {exact[0].connection!r} already says last stream id {exact[0].last_stream_id}."
        return broken(because, *exact)
    return kept("Every first GOAWAY says 2^31-1.", *firsts)


@check(
    clauses.GOAWAY_NO_INCREASE, level=Level.MUST, impact=Impact.MISLEADS_CLIENTS, blocked_by=CUT_SHORT, decisive=True
)
def last_stream_id_never_increases(trace: Trace, _limits: Limits) -> Judgement:
    """The last stream id never grows from one GOAWAY to the next on the same connection.

    The client may already have sent the excluded requests again on another connection.
    """
    several = [connection for connection in connections(trace) if len(connection.goaways) > 1]
    if not several:
        return cannot_tell("No connection got a second GOAWAY.")
    for connection in several:
        for first, second in pairwise(connection.goaways):
            if second.covers_more_than(first):
                grew = f"grew from {first.last_stream_id} to {second.last_stream_id}"
                because = f"On {connection.name!r} the last stream id {grew}."
                return broken(because, first, second)
    return kept(
        f"It never grew on {names(several)}.", *(goaway for connection in several for goaway in connection.goaways)
    )


@check(
    clauses.PROCESSED_COVERED,
    level=Level.MUST,
    impact=Impact.MISLEADS_CLIENTS,
    blocked_by=CUT_SHORT,
    decisive=True,
    needs_gate=True,
)
def last_stream_id_covers_processed_streams(trace: Trace, _limits: Limits) -> Judgement:
    """No stream that was processed is above a later GOAWAY's last stream id, or reset with REFUSED_STREAM.

    Both tell the client that nothing happened: it sends the request again, and the request is processed twice. A stream
    counts as processed when its handler has run, when the application has answered it with 200, or when it carries an
    open WebSocket.
    """
    judged: list[GoawayReceived] = []
    for connection in connections(trace):
        for name, stream_id, processed, reset in _processed_streams(trace, connection):
            if reset is not None and reset.error_code == _REFUSED_STREAM:
                return broken(f"Request {name!r} was refused (REFUSED_STREAM), but it was processed.", processed, reset)
            after = [goaway for goaway in connection.goaways if precedes(processed, goaway)]
            judged += after
            for goaway in after:
                if not goaway.covers(stream_id):
                    because = (
                        f"GOAWAY says last stream id {goaway.last_stream_id}, but stream {stream_id} had been processed"
                        " before."
                    )
                    return broken(because, processed, goaway)
    if not judged:
        return cannot_tell("No GOAWAY came after a stream of its connection had been processed.")
    return kept("Every GOAWAY covers the streams that had been processed before it.", *dict.fromkeys(judged))


def _processed_streams(
    trace: Trace, connection: ConnectionView
) -> Iterator[tuple[str, int | None, Event, StreamReset | None]]:
    """Yield the streams of a connection that were processed, requests and WebSockets, each with the event that shows it."""
    for request in connection.requests:
        if request.processed is not None:
            yield request.name, request.sent.stream_id, request.processed, request.reset
    for opening in trace.all(WebSocketAsked(connection=connection.name)):
        opened = trace.first(HandlerEntered(opening.request)) or trace.first(WebSocketOpened(opening.request))
        if opening.stream_id is not None and opened is not None:
            yield opening.request, opening.stream_id, opened, trace.first(StreamReset(opening.request))


@check(
    clauses.NOT_PROCESSED_TRUE,
    level=Level.MUST,
    impact=Impact.MISLEADS_CLIENTS,
    blocked_by=CUT_SHORT,
    decisive=True,
    needs_gate=True,
)
def streams_above_last_stream_id_are_not_processed(trace: Trace, _limits: Limits) -> Judgement:
    """A stream above the last stream id never reaches its handler: GOAWAY promises that it is safe to send again."""
    excluded = [
        (request, goaway)
        for connection in connections(trace)
        for request in connection.requests
        for goaway in connection.goaways
        if not goaway.covers(request.sent.stream_id)
        # A stream that was processed before the GOAWAY belongs to last_stream_id_covers_processed_streams.
        if request.processed is None or not precedes(request.processed, goaway)
    ]
    if not excluded:
        return cannot_tell("No stream that was not processed yet was above the last stream id of any GOAWAY.")
    for request, goaway in excluded:
        if request.processed is not None:
            because = (
                f"GOAWAY says last stream id {goaway.last_stream_id}, and stream {request.sent.stream_id} was processed"
                " all the same."
            )
            return broken(because, goaway, request.processed)
    excluded_names = names(dict.fromkeys(request for request, _goaway in excluded))
    return kept(
        f"{excluded_names} above the last stream id never reached a handler.",
        *dict.fromkeys(goaway for _request, goaway in excluded),
    )


@check(
    clauses.IN_FLIGHT,
    level=Level.PROMISE,
    impact=Impact.LOSES_REQUESTS,
    blocked_by=CUT_SHORT,
    decisive=True,
    needs_gate=True,
)
def streams_in_flight_are_not_reset(trace: Trace, limits: Limits) -> Judgement:
    """The server does not reset a stream in flight before the drain timeout, whatever the code.

    A reset after the whole response is no loss: it only asks the client to stop sending its request's body.
    """
    signal, drain_s = shutdown(trace), trace.play.drain_s
    if signal is None:
        return NO_SHUTDOWN
    subjects = [request for _story, carried in busy_connections(trace) for request in carried]
    if not subjects:
        return cannot_tell("No request was in its handler when the shutdown was sent.")
    expiry_ns = None if drain_s is None else signal.begin_ns + int((drain_s - limits.drain_early_s) * 1e9)
    cut = [request.reset for request in subjects if request.reset and not request.ended]
    resets = [reset for reset in cut if expiry_ns is None or reset.end_ns < expiry_ns]
    if resets:
        first: StreamReset = resets[0]
        return broken(f"RST_STREAM ({first.error_name or first.error_code}) for request {first.request!r}.", *resets)
    undecided = [request for request in subjects if request.over is None]
    if undecided:
        return cannot_tell(f"{names(undecided)} came to no end, or only to that of the connection.")
    return kept(f"No RST_STREAM for {names(subjects)}.", *(request.over for request in subjects if request.over))


@check(
    clauses.RACED_STREAM,
    level=Level.PROMISE,
    impact=Impact.LOSES_REQUESTS,
    blocked_by=(goaway_is_sent,),
    needs_gate=True,
)
def raced_streams_meet_a_clear_fate(trace: Trace, _limits: Limits) -> Judgement:
    """A stream that is opened after the signal is served, or the client learns that it was not processed.

    The client learns it from RST_STREAM with REFUSED_STREAM, or from a GOAWAY whose last stream id is below the stream.
    Without either, the client cannot know whether it may send the request again.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = [
        request
        for connection in connections(trace)
        if connection.open_at(signal)
        for request in connection.requests
        # Only an end that the client had seen before it sent the request could have kept it from sending.
        if precedes(signal, request.sent) and not connection.over_before(request.sent)
    ]
    if not subjects:
        return cannot_tell("No stream was opened after the signal on a connection that stood.")
    fates = [(request, fate(trace, request)) for request in subjects]
    for request, became in fates:
        if became not in (Fate.SERVED, Fate.REFUSED):
            evidence = [event for event in (request.sent, request.entered, request.cancelled, request.reset) if event]
            return broken(f"Request {request.name!r} was {became}.", signal, *evidence)
    return kept(_in_words(fates), *(request.over or request.sent for request in subjects))


def _in_words(fates: Sequence[tuple[RequestView, Fate]]) -> str:
    """Return what became of each request; of many, how many met which fate."""
    if len(fates) <= _FEW:
        return f"{'; '.join(f'{request.name!r} was {became}' for request, became in fates)}."
    counts = Counter(became for _request, became in fates)
    return (
        f"Of {len(fates)} streams {' and '.join(f'{count} were {became}' for became, count in sorted(counts.items()))}."
    )
