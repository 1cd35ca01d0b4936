"""HTTP/1.1: what a response's head says about its body and its connection, and that it does not contradict itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lastcall.conformance.checks.evidence import NO_SHUTDOWN, names
from lastcall.conformance.checks.http1 import says_close
from lastcall.conformance.model import clauses
from lastcall.conformance.model.check import check
from lastcall.conformance.model.event import precedes
from lastcall.conformance.model.protocol import HTTP1
from lastcall.conformance.model.verdict import Impact, Judgement, Level, broken, cannot_tell, kept
from lastcall.conformance.model.views import connections, shutdown

if TYPE_CHECKING:
    from lastcall.conformance.model.limits import Limits
    from lastcall.conformance.model.trace import Trace
    from lastcall.conformance.model.views import RequestView


def _begun_in_the_drain(trace: Trace) -> list[RequestView]:
    """Return the requests whose responses began after the signal."""
    signal = shutdown(trace)
    if signal is None:
        return []
    carried = (request for connection in connections(trace) for request in connection.requests)
    return [request for request in carried if request.started and precedes(signal, request.started)]


def _values(request: RequestView, name: str) -> list[str]:
    headers = request.started.headers if request.started else ()
    return [value for candidate, value in headers if candidate.lower() == name]


@check(clauses.ONE_FRAMING, level=Level.MUST, impact=Impact.MISLEADS_CLIENTS, over=HTTP1, decisive=True)
def responses_have_one_framing(trace: Trace, _limits: Limits) -> Judgement:
    """A response in the drain says once where its body ends: by its length or by chunks, never by both.

    If both are there, two readers of the response may find two different ends.
    """
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    subjects = _begun_in_the_drain(trace)
    if not subjects:
        return cannot_tell("No response was begun after the shutdown.")
    for request in subjects:
        if _values(request, "transfer-encoding") and _values(request, "content-length") and request.started:
            because = f"The response of {request.name!r} has both transfer-encoding and content-length."
            return broken(because, request.started)
    return kept(f"{names(subjects)} had one each, or none.", *(r.started for r in subjects if r.started))


@check(clauses.CLOSE_IS_FINAL, level=Level.SHOULD, impact=Impact.MISLEADS_CLIENTS, over=HTTP1, decisive=True)
def close_is_not_contradicted(trace: Trace, _limits: Limits) -> Judgement:
    """A response that says ``Connection: close`` does not offer keep-alive in the same head.

    A client that follows the ``Keep-Alive`` field, or the option of that name, sends its next request on a connection
    that is being closed.
    """
    if shutdown(trace) is None:
        return NO_SHUTDOWN
    subjects = [request for request in _begun_in_the_drain(trace) if says_close(request)]
    if not subjects:
        return cannot_tell("No response that was begun after the shutdown said close.")
    for request in subjects:
        offers = _values(request, "keep-alive")
        options = [option.strip().lower() for value in _values(request, "connection") for option in value.split(",")]
        if request.started and (offers or "keep-alive" in options):
            said = f"Keep-Alive: {offers[0]}" if offers else "Connection: keep-alive"
            return broken(f"The response of {request.name!r} says close, and {said!r}.", request.started)
    return kept(f"{names(subjects)} said close and nothing else.", *(r.started for r in subjects if r.started))
