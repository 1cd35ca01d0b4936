"""HTTP/1.1: requests that meet the shutdown between their first byte and the end of their connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, names, seconds, too_late
from lastcall.conformance.checks.http1 import says_close
from lastcall.conformance.checks.serving import in_flight_handlers_are_not_cancelled, owed
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    BytesSent,
    InformationalReceived,
    RequestEnded,
    RequestSent,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import HTTP1
from lastcall.conformance.model.server_events import HandlerOrdered, HandlerReported
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept
from lastcall.conformance.model.views import OK, Fate, RequestView, connections, exited, fate, in_flight, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.event import Event
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import SignalSent
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import ConnectionView


_TIMER_S = 0.1
"""A harness that waits for a limit may stop waiting this much early."""


@dataclass(frozen=True)
class _Overtaken:
    """A request that was under way at the signal and not certainly in its handler, or that was sent after the signal."""

    request: RequestView
    connection: ConnectionView

    @property
    def evidence(self) -> tuple[Event, ...]:
        request = self.request
        events = (request.sent, request.entered, request.started, request.over, request.cut, self.connection.ended)
        return tuple(event for event in events if event is not None)


def _overtaken(trace: Trace, limits: Limits, signal: SignalSent) -> list[_Overtaken]:
    """Return the overtaken requests on connections that stood at the signal, without those that the timeline held."""
    flying = {request.name for request in in_flight(trace)}
    expiry_ns = None
    if trace.play.drain_s is not None:
        expiry_ns = signal.begin_ns + int((trace.play.drain_s - limits.drain_early_s) * 1e9)
    overtaken = []
    for connection in connections(trace):
        for request in connection.requests if connection.open_at(signal) else ():
            waived = request.over is None and connection.ended_by_us()
            if request.name in flying or request.over_before(signal) or waived:
                continue
            due = request.released or request.sent
            held = request.entered is not None and request.released is None
            if not held and (expiry_ns is None or due.end_ns < expiry_ns):
                overtaken.append(_Overtaken(request, connection))
    return overtaken


@check(clauses.ANSWERED_OR_UNTOUCHED, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, over=HTTP1, needs_gate=True)
def overtaken_requests_are_answered_or_untouched(trace: Trace, limits: Limits) -> Judgement:
    """A request that meets the shutdown on its way to its handler is either answered by the handler or never runs.

    A close without an answer is no fault as long as nothing was processed: an HTTP/1.1 client can only send such a
    request again. That does harm if the handler has run.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = _overtaken(trace, limits, signal)
    if not subjects:
        return cannot_tell("No request was on its way to its handler at the shutdown, or sent after it.")
    for subject in subjects:
        because = _wronged(trace, subject)
        if because:
            evidence = (signal, *subject.evidence)
            decided = subject.request.over or subject.connection.ended
            return broken(because, *evidence) if decided else too_late(trace, limits, because, *evidence)
    answered = [subject.request for subject in subjects if subject.request.ended]
    end = exited(trace)
    if not answered and end and end.status not in trace.play.exit_statuses:
        return cannot_tell("Nothing was processed, but the server ended as no graceful stop does.", signal, end)
    summary = f"{len(answered)} of {len(subjects)} answered, {len(subjects) - len(answered)} untouched."
    return kept(summary, signal, *(event for subject in subjects for event in subject.evidence))


def _wronged(trace: Trace, subject: _Overtaken) -> str:
    """Return how a request was processed but not answered by its handler; an empty text if that did not happen."""
    request = subject.request
    if fate(trace, request) is Fate.LOST:
        return f"Request {request.name!r} was {'processed' if request.entered else 'answered in part'}, and not answered whole."
    if request.entered is not None and request.ended is not None and request.status != OK:
        return f"The handler of {request.name!r} ran, and its client was given status {request.status} instead."
    return ""


@check(clauses.CLOSE_OPTION, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS, over=HTTP1, needs_gate=True)
def last_responses_say_close(trace: Trace, _limits: Limits) -> Judgement:
    """The last response that a connection carries in the drain says ``Connection: close``.

    Nothing else tells a client that keeps a connection busy, or pipelines, to use another connection.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    lasts = []
    for connection in connections(trace):
        begun = [request for request in connection.requests if request.ended and request.started]
        last = max(begun, key=lambda request: request.started.end_ns if request.started else 0, default=None)
        # A connection that the client closed, or that outlives the play, might have carried another response.
        closed = connection.ended is not None and not connection.ended_by_us()
        if last and last.started and closed and precedes(signal, last.started) and _heads_after(trace, last, signal):
            lasts.append(last)
    if not lasts:
        return cannot_tell("No connection that the server closed had its last response begun in the drain.")
    silent = [request for request in lasts if not says_close(request)]
    if silent:
        return broken(
            f"{names(silent)} was the last, and did not say close.", *(r.started for r in silent if r.started)
        )
    return kept(f"{names(lasts)} said close.", *(request.started for request in lasts if request.started))


def _heads_after(trace: Trace, request: RequestView, signal: SignalSent) -> bool:
    """Return whether the server can have known of the shutdown when it wrote the head of this response."""
    if request.entered is None:
        return precedes(signal, request.sent)
    orders = [event for event in trace.of(HandlerOrdered) if event.request == request.name and event.order != "read"]
    return bool(orders) and precedes(signal, orders[0])


@check(
    clauses.EXPECT_CONTINUE,
    level=Level.MUST,
    impact=Impact.HANGS,
    over=HTTP1,
    needs_gate=True,
    holds_without_shutdown=True,
)
def expectations_are_answered(trace: Trace, limits: Limits) -> Judgement:
    """A client that waits for ``100 (Continue)`` gets it, or its final response, in the drain too.

    The client has sent the head and holds the body back. If the server waits for the body meanwhile, both wait.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    answers: list[Event] = []
    hasty: list[Event] = []
    for request in in_flight(trace):
        wanted = trace.first(HandlerOrdered(request.name, "read"))
        if not request.sent.expects or wanted is None:
            continue
        answer = trace.first(InformationalReceived(request.name, 100)) or request.started
        body = trace.first(BytesSent(what=f"body of {request.name}"))
        if answer is not None and (body is None or not precedes(body, answer)):
            answers.append(answer)
        elif body is not None:
            waited = measured(f"100 (Continue) for {request.name}", max(wanted, signal, key=_end), body)
            because = f"{request.name!r} was neither told to continue nor answered, {waited.value_s:.2f} s long."
            if waited.value_s >= limits.goaway_s - _TIMER_S and not _ended_before(trace, request, body):
                return too_late(trace, limits, because, signal, wanted, body, measures=(waited,))
            hasty.append(body)
    if hasty:
        return cannot_tell("A client sent its body without an answer before a client usually would.", *hasty)
    if not answers:
        return cannot_tell("No request in flight waited for 100 (Continue) for as long as a client does.")
    return kept(f"{len(answers)} of {len(answers)} were told to continue, or answered.", *answers)


def _end(event: Event) -> int:
    return event.end_ns


def _ended_before(trace: Trace, request: RequestView, event: Event) -> bool:
    endings = [connection.ended for connection in connections(trace) if connection.name == request.connection]
    return any(end is not None and not precedes(event, end) for end in endings)


@check(
    clauses.UPLOAD_WHOLE,
    level=Level.PROMISE,
    impact=Impact.LOSES_REQUESTS,
    blocked_by=(in_flight_handlers_are_not_cancelled,),
    needs_gate=True,
)
def uploads_reach_their_handlers_whole(trace: Trace, limits: Limits) -> Judgement:
    """The body of a request in flight that ends during the drain reaches its handler whole, every byte of it."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    counted: list[Event] = []
    for request in owed(trace, limits, signal):
        ended = trace.first(RequestEnded(request.name))
        read = _read(trace, request)
        if not isinstance(ended, RequestEnded) or precedes(ended, signal) or read is None:
            continue
        if read.report != f"read {ended.length}":
            because = f"The handler of {request.name!r} {read.report} bytes of the {ended.length} that were sent."
            return broken(because, signal, ended, read)
        counted += [ended, read]
    if not counted:
        return cannot_tell("No body of a request in flight was sent to its end in the drain and read by its handler.")
    return kept(f"{len(counted) // 2} uploads were read to their last byte.", signal, *counted)


def _read(trace: Trace, request: RequestView) -> HandlerReported | None:
    reports = (event for event in trace.of(HandlerReported) if event.request == request.name)
    return next((event for event in reports if event.report.startswith("read ")), None)


@check(clauses.LINGERING_CLOSE, level=Level.SHOULD, impact=Impact.LOSES_REQUESTS, needs_gate=True)
def responses_survive_what_is_sent_late(trace: Trace, limits: Limits) -> Judgement:
    """The client can read its response to the end even if it went on sending while the server was about to close.

    If a server closes both sides at once, the kernel answers the late bytes with a reset, and the reset destroys what
    the client had not received yet.
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    subjects = [request for request in owed(trace, limits, signal) if _followed(trace, request, signal)]
    if not subjects:
        return cannot_tell("No client sent anything more behind a request in flight.")
    for request in subjects:
        ended = next(connection.ended for connection in connections(trace) if connection.name == request.connection)
        # Whether a reset is seen as a reset is chance: after a write has met it, the next read only sees an end.
        if request.ended is None and request.finished is not None and ended is not None:
            after_s = max(0.0, seconds(ended.begin_ns - signal.end_ns))
            because = (
                f"The response of {request.name!r} was cut {after_s:.2f} s after the signal, its handler at its end."
            )
            return broken(because, signal, request.finished, ended)
    whole = [request.ended for request in subjects if request.ended]
    if len(whole) < len(subjects):
        return cannot_tell("A response had no end, and its handler or its connection had none either.")
    return kept(f"{names(subjects)} could be read to the end.", *whole)


def _followed(trace: Trace, request: RequestView, signal: SignalSent) -> bool:
    """Return whether the client sent another request behind this one, during the drain."""
    sent = (event for event in trace.of(RequestSent) if event.connection == request.connection)
    return any(precedes(signal, event) for event in sent)
