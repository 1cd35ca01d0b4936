"""What an ordinary client (httpx) gets through a restart: its own errors, and those that are the server's fault."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, measured, too_late
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.client_events import (
    LoadAnswered,
    LoadFailed,
    LoadSent,
)
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import HTTP1
from lastcall.conformance.model.server_events import HandlerEntered, SuccessorReady
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept, observed
from lastcall.conformance.model.views import OK, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.server_events import SignalSent
    from lastcall.conformance.model.trace import Trace

REFUSED = ("ConnectError", "ConnectTimeout")
"""httpx raises these when it has no connection to send a request on: the request can safely be sent again."""
_NO_LOAD = cannot_tell("No ordinary client was at work through the shutdown.")


def _through(trace: Trace, signal: SignalSent) -> bool:
    """Return whether ordinary clients were answered before the signal and went on sending after it."""
    before = any(precedes(event, signal) for event in trace.of(LoadAnswered))
    return before and any(precedes(signal, event) for event in trace.of(LoadSent))


@check(clauses.RESTART, level=Level.PROMISE, impact=Impact.LOSES_REQUESTS, over=HTTP1)
def requests_of_the_load_that_entered_are_answered(trace: Trace, limits: Limits) -> Judgement:
    """A request of an ordinary client that has reached the application is answered, restart or not.

    This is judged over HTTP/1.1 only: over HTTP/2 httpx gives up its requests in flight at the first GOAWAY
    (encode/httpcore#730).
    """
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    names = {sent.request for sent in trace.of(LoadSent)}
    inside = [event for event in trace.of(HandlerEntered) if event.request in names]
    good = {event.request for event in trace.of(LoadAnswered) if event.status == OK}
    at_signal = [event for event in inside if not precedes(signal, event)]
    if not _through(trace, signal) or not at_signal:
        return _NO_LOAD
    outcomes: list[LoadFailed | LoadAnswered] = [*trace.of(LoadFailed), *trace.of(LoadAnswered)]
    ends = {event.request: event for event in outcomes if event.request not in good}
    lost = [event for event in inside if event.request in ends]
    if lost:
        end = ends[lost[0].request]
        how = f"{end.error}: {end.reason}" if isinstance(end, LoadFailed) else f"status {end.status}"
        because = f"{len(lost)} requests that were in their handlers failed: {lost[0].request!r} got {how.rstrip('.')}."
        if isinstance(end, LoadFailed) and "Timeout" in end.error:
            return too_late(trace, limits, because, signal, lost[0], end)
        return broken(because, signal, lost[0], end)
    return kept(f"{len(inside)} requests reached the application, and each was answered.", signal, inside[-1])


@check(clauses.RESTART, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def ordinary_client_through_a_restart(trace: Trace, _limits: Limits) -> Judgement:
    """What an application that uses httpx gets through a restart: answers, and errors by their class."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    if not _through(trace, signal):
        return _NO_LOAD
    statuses = Counter(str(event.status) for event in trace.of(LoadAnswered))
    failed = trace.of(LoadFailed)
    refused = Counter(event.error for event in failed if event.error in REFUSED)
    midway = Counter(event.error for event in failed if event.error not in REFUSED)
    entered = {event.request for event in trace.of(HandlerEntered)}
    inside = [event for event in failed if event.request in entered]
    answers = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items()))
    summary = f"Answered: {answers}; refused: {_listed(refused)}; failed midway: {_listed(midway)}"
    summary += f" ({len(inside)} of them in their handlers)" if midway else ""
    return observed(f"{summary}.", *failed[:1])


def _listed(counted: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counted.items())) or "none"


@check(clauses.RESTART, level=Level.OBSERVE, impact=Impact.LOSES_REQUESTS)
def outage_of_a_restart(trace: Trace, _limits: Limits) -> Judgement:
    """How long clients get no answer in a restart: from the last answer of the old server to the first of its successor."""
    signal = shutdown(trace)
    if signal is None:
        return NO_SHUTDOWN
    answered = sorted(trace.of(LoadAnswered), key=lambda event: event.end_ns)
    ready = next(iter(trace.of(SuccessorReady)), None)
    if not _through(trace, signal) or ready is None or not answered:
        return cannot_tell("No successor came to serve ordinary clients.")
    pairs = itertools.pairwise(answered)
    gaps = [measured("without an answer", first, second) for first, second in pairs if not precedes(second, signal)]
    longest = max(gaps, key=lambda gap: gap.value_s, default=None)
    if longest is None:
        return cannot_tell("No ordinary client was answered after the signal.")
    return observed(f"The longest time without an answer was {longest.value_s:.2f} s.", ready, measured=(longest,))
